"""Time aggregation, scoring and loading of one night split by shards of items (see `shards.py`), as plain functions.

Each step comes as one function per shard and one that puts the shards together; the latter leaves the report of the
plain step of `steps.py`, so that everything behind it is the same either way. The number of shards is the setting
ROUTING_ETL_SHARDS.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import polars as pl

from routing_etl.errors import ConfigurationError
from routing_etl.frames import RESOURCE_ALTERNATIVES, SIZES_FROM_TEXTS
from routing_etl.pipeline import scoring, steps, street
from routing_etl.pipeline.context import Context, shard_step, step
from routing_etl.pipeline.learning import read_learning_data
from routing_etl.pipeline.loading import load_model, missing_attributes
from routing_etl.pipeline.results import (
    Checked,
    Counted,
    LoadBegun,
    LoadedShard,
    LoadOpened,
    Scored,
    ScoredShard,
    TimesShard,
)
from routing_etl.shards import check_shard, in_shard, part_prefix
from routing_etl.times.profiles import TimesReport
from routing_etl.warehouse.publish import LoadReport

if TYPE_CHECKING:
    from routing_etl.warehouse.load_shards import ShardLoader

ShardT = TypeVar("ShardT", TimesShard, ScoredShard, LoadedShard)


def _of_all_shards(ctx: Context, part: street.Part[ShardT]) -> list[ShardT]:
    """What all shards of a step have found.

    Raises
    ------
    ConfigurationError
        Names the shards that have not finished, or were made for another number of shards.
    """
    shards = ctx.settings.shards
    finished = [ctx.run.read(part.report, shard=shard) for shard in range(shards)]
    found = [f.result for f in finished if f is not None and f.result.shards == shards]
    missing = [k for k, f in enumerate(finished) if f is None or f.result.shards != shards]
    if missing:
        shown = ", ".join(f"{k:03d}" for k in missing[:10]) + (", ..." if len(missing) > 10 else "")
        raise ConfigurationError(
            f"Step {part.step.name} of run {ctx.run.run_id} is not finished: {len(missing)} of {shards} shards are missing "
            f"({shown}).",
            remedy="Run these shards first.",
        )
    return found


def require_passed(ctx: Context, checks: street.Step[Checked]) -> Checked:
    """The result of a step of checks, which is there only when no critical one failed.

    Parameters
    ----------
    ctx : Context
        The run.
    checks : Step
        `street.CHECK_SOURCE` or `street.CHECK_CANDIDATES`.

    Raises
    ------
    ConfigurationError
        They have not passed, or not run.
    """
    found = ctx.result(checks)
    if found is None:
        what = "cleaned frames" if checks is street.CHECK_SOURCE else "candidates"
        raise ConfigurationError(
            f"The {what} of run {ctx.run.run_id} have not passed their checks.",
            remedy="Run the checks first, or correct what they found.",
        )
    return found


# --- times -----------------------------------------------------------------------------------------------------------


@shard_step(street.AGGREGATE_TIMES_SHARD)
def aggregate_times_shard(ctx: Context, *, shard: int) -> TimesShard:
    """Read the work results of one shard's items into `times/shards/`.

    Parameters
    ----------
    ctx : Context
        Settings and a run folder whose cleaned frames have passed their checks.
    shard : int
        Number of the shard, from 0.

    Raises
    ------
    ConfigurationError
        The cleaned frames have not passed their checks, or there is no such shard.
    """
    from routing_etl.times.profiles import ReportedTimes, ShardFolder, read_shard

    require_passed(ctx, street.CHECK_SOURCE)
    results = read_shard(
        ReportedTimes(pl.scan_parquet(ctx.run.clean / "work_results.parquet"), ctx.profile.time_basis),
        ShardFolder(ctx.run.time_shards, ctx.settings.shards),
        shard,
    )
    return TimesShard(ctx.settings.shards, results)


@step(street.AGGREGATE_TIMES, merges=True)
def merge_times(ctx: Context) -> TimesReport:
    """The three time profiles in `times/` from all shards.

    Raises
    ------
    ConfigurationError
        A shard is missing.
    DataQualityError
        As `steps.aggregate_times`.
    """
    from routing_etl.times.profiles import ShardFolder, merge_shards

    _of_all_shards(ctx, street.AGGREGATE_TIMES_SHARD)
    report = merge_shards(
        ShardFolder(ctx.run.time_shards, ctx.settings.shards),
        pl.scan_parquet(ctx.run.clean / "operations.parquet"),
        ctx.profile.time_basis,
        ctx.run.times,
        machines=steps.machine_groups(ctx),
        progress=ctx.progress,
    )
    return steps.judged_times(ctx, report)


# --- scoring ---------------------------------------------------------------------------------------------------------


@shard_step(street.SCORE_SHARD)
def score_shard(ctx: Context, *, shard: int, version: str | None = None, full: bool = False) -> ScoredShard:
    """Predict one shard's items without a valid routing into part files of its own.

    Parameters
    ----------
    ctx : Context
        Settings and a run folder with cleaned frames.
    shard : int
        Number of the shard, from 0.
    version : str, optional
        Model version. None: the champion.
    full : bool, default False
        As in `scoring.score`.

    Raises
    ------
    ConfigurationError
        There is no such shard.
    RegistryError
        As `steps.score`.
    """
    shards = ctx.settings.shards
    check_shard(shard, shards)
    name, predictor = load_model(ctx, version)
    todo = read_learning_data(ctx.run).unrouted_items.filter(in_shard(shard, shards)).sort("item_key")
    for contract in (*scoring.PREDICTED, SIZES_FROM_TEXTS):
        folder = ctx.run.predictions / contract.name
        folder.mkdir(parents=True, exist_ok=True)
        if contract is not RESOURCE_ALTERNATIVES:
            _remove_parts(folder, shard, shards)
    counted = scoring.predict_parts(ctx, name, predictor, todo, part_prefix(shard, shards), full=full)
    if shard == 0:
        scoring.write_resources(ctx, predictor)
    return ScoredShard(**vars(counted), shards=shards, model_version=name)


def _remove_parts(folder: Path, shard: int, shards: int) -> None:
    """Remove the shard's own part files, and those that another division into shards, or none, has left."""
    known = tuple(part_prefix(k, shards) for k in range(shards))
    for path in folder.glob("*.parquet"):
        if path.name.startswith(part_prefix(shard, shards)) or not path.name.startswith(known):
            path.unlink(missing_ok=True)


@step(street.SCORE, merges=True)
def merge_scores(ctx: Context) -> Scored:
    """The result of scoring from those of all shards; the part files stay as they are.

    Raises
    ------
    ConfigurationError
        A shard is missing, or they were scored by different model versions.
    """
    by_version: dict[str, list[str]] = {}
    counted = Counted()
    for shard, scored in enumerate(_of_all_shards(ctx, street.SCORE_SHARD)):
        by_version.setdefault(scored.model_version, []).append(f"{shard:03d}")
        counted += scored
    if len(by_version) > 1:
        shown = "; ".join(f"{name}: {', '.join(of[:10])}" for name, of in by_version.items())
        raise ConfigurationError(
            f"The shards of run {ctx.run.run_id} were scored by different model versions ({shown}).",
            remedy="Score them all again.",
        )
    version = next(iter(by_version))
    missing = tuple(a.name for a in missing_attributes(ctx, version))
    return scoring.score_report(ctx, version, counted, missing)


# --- loading ---------------------------------------------------------------------------------------------------------


@shard_step(street.LOAD_SHARD)
def load_shard(ctx: Context, *, shard: int) -> LoadedShard:
    """Load one shard's checked predictions into the run's publication, which the first of them opens.

    Parameters
    ----------
    ctx : Context
        Settings and a run folder whose predictions were made in these shards and have passed their checks.
    shard : int
        Number of the shard, from 0.

    Raises
    ------
    ConfigurationError
        The predictions were not checked, or not made in these shards.
    LockedError
        Another writer is at work; the publication stays open, and the shard can be loaded again.
    """
    from routing_etl.warehouse.load_shards import ShardLoader

    check_shard(shard, ctx.settings.shards)
    require_passed(ctx, street.CHECK_CANDIDATES)
    _of_all_shards(ctx, street.SCORE_SHARD)
    with ctx.warehouse() as engine:
        loader = ShardLoader(engine, ctx.settings)
        opened = _opened(ctx, loader)
        begun = ctx.run.read(street.LOAD_BEGUN, shard=shard)
        ctx.run.write(street.LOAD_BEGUN, LoadBegun(opened.publication_id), shard=shard)
        rows = loader.load_shard(
            opened.publication_id,
            ctx.run.predictions,
            part_prefix(shard, ctx.settings.shards),
            again=begun is not None and begun.publication_id == opened.publication_id,
            progress=ctx.progress,
        )
    return LoadedShard(ctx.settings.shards, opened.publication_id, rows, opened.reused)


def _opened(ctx: Context, loader: ShardLoader) -> LoadOpened:
    """The publication of the run's shards: the open one, or a new one when there is none for this scoring."""
    scored = ctx.require_finished(street.SCORE)
    opened = ctx.run.read(street.LOAD_OPENED)
    if (
        opened is not None
        and opened.scored_at == scored.cost.finished_at
        and loader.takes_shards(opened.publication_id)
    ):
        return opened
    version = scored.result.model_version
    made = loader.open(ctx.run.predictions, run_id=ctx.run.run_id, model_version=version)
    opened = LoadOpened(made.publication_id, made.reused, scored.cost.finished_at)
    ctx.run.write(street.LOAD_OPENED, opened)
    return opened


@step(street.LOAD, merges=True)
def close_load(ctx: Context) -> LoadReport:
    """Reconcile the run's publication with the files of all shards, and close it; still no reader sees it.

    Raises
    ------
    ConfigurationError
        A shard is missing, or was loaded into a publication that was given up since.
    ReconcileError
        The rows differ from the files; they were deleted.
    """
    from routing_etl.warehouse.load_shards import ShardLoader

    require_passed(ctx, street.CHECK_CANDIDATES)
    loaded = _of_all_shards(ctx, street.LOAD_SHARD)
    opened = ctx.run.read(street.LOAD_OPENED)
    current = opened.publication_id if opened is not None else None
    stale = [f"{k:03d}" for k, shard in enumerate(loaded) if shard.publication_id != current]
    if opened is None or stale:
        raise ConfigurationError(
            f"Shards {', '.join(stale[:10])} of run {ctx.run.run_id} were loaded into a publication that was given up "
            f"since; the run's is {current}.",
            remedy="Load these shards again.",
        )
    scored = ctx.require(street.SCORE)
    with ctx.warehouse() as engine:
        report = ShardLoader(engine, ctx.settings).close(
            opened.publication_id,
            ctx.run.predictions,
            model_version=scored.model_version,
            progress=ctx.progress,
        )
    return replace(report, reused=opened.reused)
