"""Time aggregation, scoring and loading of one night split by shards of items (see `shards.py`), as plain functions.

Each step comes as one function per shard and one that puts the shards together; the latter leaves the report of the
plain step of `steps.py`, so that everything behind it is the same either way. How many shards there are says
ROUTING_ETL_SHARDS. What does not belong here: who runs which shard where.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from routing_etl.errors import ConfigurationError
from routing_etl.frames import RESOURCE_ALTERNATIVES
from routing_etl.pipeline import steps
from routing_etl.pipeline.champion import load_model, read_learning_data
from routing_etl.pipeline.context import Context, step
from routing_etl.shards import check_shard, in_shard, part_prefix

_OPENED, _BEGUN = "load_opened", "load_begun"


def _of_all_shards(ctx: Context, of_step: str) -> list[dict[str, Any]]:
    """Reports of all shards of a step.

    Raises
    ------
    ConfigurationError: names the shards that have not finished, or were made for another number of shards.
    """
    shards = ctx.settings.shards
    reports = [ctx.run.report(of_step, shard=shard) for shard in range(shards)]
    missing = [k for k, report in enumerate(reports) if report is None or report["shards"] != shards]
    if missing:
        shown = ", ".join(f"{k:03d}" for k in missing[:10]) + (", ..." if len(missing) > 10 else "")
        raise ConfigurationError(
            f"Step {of_step} of run {ctx.run.run_id} is not finished: {len(missing)} of {shards} shards are missing "
            f"({shown}).",
            remedy="Run these shards first.",
        )
    return [report for report in reports if report is not None]


def require_passed(ctx: Context, checks: str) -> dict[str, Any]:
    """The report of a step of checks, which is there only when no critical one failed.

    Raises
    ------
    ConfigurationError: they have not passed, or not run.
    """
    report = ctx.run.report(checks)
    if report is None:
        what = {"check_source": "cleaned frames", "check_candidates": "candidates"}[checks]
        raise ConfigurationError(
            f"The {what} of run {ctx.run.run_id} have not passed their checks.",
            remedy="Run the checks first, or correct what they found.",
        )
    return report


# --- times -----------------------------------------------------------------------------------------------------------


@step("aggregate_times")
def aggregate_times_shard(ctx: Context, *, shard: int) -> dict[str, Any]:
    """Read the work results of one shard's items into `times/shards/`.

    Raises
    ------
    ConfigurationError: the cleaned frames have not passed their checks, or there is no such shard.
    """
    from routing_etl.times.profiles import ReportedTimes, ShardFolder, read_shard

    require_passed(ctx, "check_source")
    results = read_shard(
        ReportedTimes(pl.scan_parquet(ctx.run.clean / "work_results.parquet"), ctx.profile.time_basis),
        ShardFolder(ctx.run.time_shards, ctx.settings.shards),
        shard,
    )
    return {"shards": ctx.settings.shards, "results": results}


@step("aggregate_times", merges=True)
def merge_times(ctx: Context) -> dict[str, Any]:
    """The three time profiles in `times/` from all shards.

    Raises
    ------
    ConfigurationError: a shard is missing. DataQualityError: as `steps.aggregate_times`.
    """
    from routing_etl.times.plausibility import check_plausibility
    from routing_etl.times.profiles import ShardFolder, merge_shards

    _of_all_shards(ctx, "aggregate_times")
    report = merge_shards(
        ShardFolder(ctx.run.time_shards, ctx.settings.shards),
        pl.scan_parquet(ctx.run.clean / "operations.parquet"),
        ctx.profile.time_basis,
        ctx.run.times,
        progress=ctx.progress,
    )
    check_plausibility(report)
    return dict(vars(report))


# --- scoring ---------------------------------------------------------------------------------------------------------


@step("score", invalidates=("check_candidates", "load", "publish"))
def score_shard(ctx: Context, *, shard: int, version: str | None = None) -> dict[str, Any]:
    """Predict one shard's items without a valid routing into part files of its own.

    Raises
    ------
    ConfigurationError: there is no such shard. Others as `steps.score`.
    """
    shards = ctx.settings.shards
    check_shard(shard, shards)
    name, predictor = load_model(ctx, version)
    todo = read_learning_data(ctx.run).unrouted_items.filter(in_shard(shard, shards)).sort("item_key")
    for contract in steps.PREDICTED:
        folder = ctx.run.predictions / contract.name
        folder.mkdir(parents=True, exist_ok=True)
        if contract is not RESOURCE_ALTERNATIVES:
            _remove_parts(folder, shard, shards)
    scored = steps.predict_parts(ctx, predictor, todo, part_prefix(shard, shards))
    if shard == 0:
        steps.write_resources(ctx, predictor)
    return {"shards": shards, "model_version": name, **vars(scored)}


def _remove_parts(folder: Path, shard: int, shards: int) -> None:
    """Remove the shard's own part files, and those that another division into shards, or none, has left."""
    known = tuple(part_prefix(k, shards) for k in range(shards))
    for path in folder.glob("*.parquet"):
        if path.name.startswith(part_prefix(shard, shards)) or not path.name.startswith(known):
            path.unlink(missing_ok=True)


@step("score", invalidates=("check_candidates", "load", "publish"), merges=True)
def merge_scores(ctx: Context) -> dict[str, Any]:
    """The report of scoring from those of all shards; the part files stay as they are.

    Raises
    ------
    ConfigurationError: a shard is missing, or they were scored by different model versions.
    """
    reports = _of_all_shards(ctx, "score")
    by_version: dict[str, list[str]] = {}
    scored = steps.Scored()
    for shard, report in enumerate(reports):
        by_version.setdefault(report["model_version"], []).append(f"{shard:03d}")
        scored.add(steps.Scored(**{k: report[k] for k in ("items", "rows", "high", "confident")}))
    if len(by_version) > 1:
        shown = "; ".join(f"{name}: {', '.join(of[:10])}" for name, of in by_version.items())
        raise ConfigurationError(
            f"The shards of run {ctx.run.run_id} were scored by different model versions ({shown}).",
            remedy="Score them all again.",
        )
    return steps.score_report(ctx.run, next(iter(by_version)), scored)


# --- loading ---------------------------------------------------------------------------------------------------------


@step("load", invalidates=("publish",))
def load_shard(ctx: Context, *, shard: int) -> dict[str, Any]:
    """Load one shard's checked predictions into the run's publication, which the first of them opens.

    Raises
    ------
    ConfigurationError: the predictions were not checked, or not made in these shards. LockedError: another writer is at
    work. Others as `steps.load`; the publication stays open, and the shard can be loaded again.
    """
    from routing_etl.warehouse.load_shards import ShardLoader

    check_shard(shard, ctx.settings.shards)
    require_passed(ctx, "check_candidates")
    _of_all_shards(ctx, "score")
    scored = ctx.run.report("score") or {}
    prefix = part_prefix(shard, ctx.settings.shards)
    with ctx.warehouse() as engine:
        loader = ShardLoader(engine, ctx.settings)
        opened = ctx.run.report(_OPENED)
        if (
            opened is None
            or opened["scored_at"] != scored["finished_at"]
            or not loader.takes_shards(opened["publication_id"])
        ):
            made = loader.open(
                ctx.run.predictions, run_id=ctx.run.run_id, model_version=scored["model_version"]
            )
            opened = ctx.run.write_report(_OPENED, {**vars(made), "scored_at": scored["finished_at"]})
        publication_id: int = opened["publication_id"]
        begun = ctx.run.report(_BEGUN, shard=shard)
        ctx.run.write_report(_BEGUN, {"publication_id": publication_id}, shard=shard)
        rows = loader.load_shard(
            publication_id,
            ctx.run.predictions,
            prefix,
            again=begun is not None and begun["publication_id"] == publication_id,
            progress=ctx.progress,
        )
    return {
        "shards": ctx.settings.shards,
        "publication_id": publication_id,
        "rows_written": rows,
        "reused": opened["reused"],
    }


@step("load", invalidates=("publish",), merges=True)
def close_load(ctx: Context) -> dict[str, Any]:
    """Reconcile the run's publication with the files of all shards, and close it; still no reader sees it.

    Raises
    ------
    ConfigurationError: a shard is missing, or was loaded into a publication that was given up since.
    ReconcileError: the rows differ; they were deleted.
    """
    from routing_etl.warehouse.load_shards import ShardLoader

    require_passed(ctx, "check_candidates")
    loaded = _of_all_shards(ctx, "load")
    opened = ctx.run.report(_OPENED) or {}
    stale = [f"{k:03d}" for k, r in enumerate(loaded) if r["publication_id"] != opened["publication_id"]]
    if stale:
        raise ConfigurationError(
            f"Shards {', '.join(stale[:10])} of run {ctx.run.run_id} were loaded into a publication that was given up "
            f"since; the run's is {opened['publication_id']}.",
            remedy="Load these shards again.",
        )
    scored = ctx.run.report("score") or {}
    with ctx.warehouse() as engine:
        report = ShardLoader(engine, ctx.settings).close(
            opened["publication_id"],
            ctx.run.predictions,
            model_version=scored["model_version"],
            progress=ctx.progress,
        )
    return {**vars(report), "reused": opened["reused"]}
