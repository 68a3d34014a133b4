"""The steps of the nightly batch as plain functions over the rooms; `street.py` has the table of them.

Each step reads the files of the steps before it from the run folder, writes its own, stores what it found as a report
and returns it, so that a step can be run, looked at and repeated alone. The command line and Dagster call these
functions and nothing below them. The steps that can be split by shards of items are in `sharded.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

import polars as pl

from routing_etl import frames
from routing_etl.database.engine import safe_url, translated
from routing_etl.erp.clean_report import CleanReport
from routing_etl.errors import CodesNotComparedError, ConfigurationError, RoutingEtlError
from routing_etl.evaluation.intervals import score_interval
from routing_etl.evaluation.metric_table import MetricRow
from routing_etl.evaluation.reasons import computing_failed
from routing_etl.log import get_logger
from routing_etl.pipeline import became, street
from routing_etl.pipeline.context import Context, step
from routing_etl.pipeline.learning import read_copies
from routing_etl.pipeline.lookups import write_lookups
from routing_etl.pipeline.memory import memory_warning
from routing_etl.pipeline.results import (
    Checked,
    CheckOutcomes,
    Extracted,
    Measured,
    Published,
    Scored,
    metrics_frame,
)
from routing_etl.pipeline.review import check_health as check_health
from routing_etl.pipeline.review import review_standards as review_standards
from routing_etl.pipeline.scoring import scan_predictions
from routing_etl.pipeline.scoring import score as score
from routing_etl.pipeline.training import evaluate as evaluate
from routing_etl.pipeline.training import train as train
from routing_etl.quality.score import QualityScore, quality_score
from routing_etl.runs import RunFolder, last_succeeded, list_runs
from routing_etl.times.profiles import TimesReport
from routing_etl.warehouse.publish import LoadReport
from routing_etl.warehouse.writing import on_request

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

    from routing_etl.warehouse.outcomes import PublicationMetric

log = get_logger(__name__)

# --- the ERP's data --------------------------------------------------------------------------------------------------


@step(street.EXTRACT)
def extract(ctx: Context, *, full: bool = False) -> Extracted:
    """Stream the ERP's tables into `raw/*.parquet`, whole or as changes over the last run that succeeded.

    Parameters
    ----------
    ctx : Context
        Settings and the new run folder.
    full : bool
        Read everything, whatever change columns the profile names.

    Raises
    ------
    SourceError
        The ERP is unreachable, or a table or column is missing, empty or of the wrong type.
    ShortageError
        This process may have far too little memory for a night of the last one's size.
    """
    from routing_etl.erp.extract import extract as read_erp

    base = last_succeeded(ctx.settings.home, but=ctx.run.run_id)
    if scarce := memory_warning(ctx.settings, _items_read(base) if base is not None else 0):
        log.warning("memory_short", problem=scarce)
    with translated("erp", ctx.settings.erp):
        report = read_erp(
            ctx.settings.erp,
            ctx.profile,
            ctx.run.raw,
            ctx.settings,
            ctx.progress,
            base=base.raw if base is not None else None,
            full=full,
        )
    return Extracted(safe_url(ctx.settings.erp), report)


def _items_read(run: RunFolder) -> int:
    """Items that an earlier run read; 0 where an older version wrote its report, so that a night follows every upgrade."""
    try:
        report = run.read(street.EXTRACT.report)
    except ConfigurationError as error:
        log.warning("earlier_run_not_read", run_id=run.run_id, problem=str(error))
        return 0
    return report.result.read.frames["items"].rows if report is not None else 0


@step(street.CLEAN)
def clean(ctx: Context, *, warehouse_needed: bool = True) -> CleanReport:
    """Canonical frames in `clean/`, rejected rows with reasons in `rejects/`; rows in = rows kept + rejected.

    The warehouse says which codes it calls equal (docs/decisions/0013-one-identity-for-a-code.md).

    Parameters
    ----------
    ctx : Context
        Settings and a run folder with raw frames.
    warehouse_needed : bool, default True
        Fail when the warehouse cannot be asked. False: codes are compared by their keys alone then, with a warning, so
        that an ERP can be read before there is a warehouse.

    Raises
    ------
    RoutingEtlError
        The warehouse cannot be asked, nothing usable is left, or this process may have far too little memory for the items
        that were read.
    """
    from routing_etl.erp.clean import clean as clean_frames
    from routing_etl.warehouse.identity import code_identity

    items = pl.scan_parquet(ctx.run.raw / "items.parquet").select(pl.len()).collect().item()
    scarce = memory_warning(ctx.settings, items)
    folders = (ctx.run.raw, ctx.run.clean, ctx.run.rejects)
    with code_identity(ctx.settings) as ask:
        equal = _Equality(ask, warehouse_needed)
        equal("item_cd", pl.Series([], dtype=pl.String))  # an unreachable warehouse is told before the work
        report = clean_frames(
            *folders,
            ctx.profile,
            cutoff=_cutoff(ctx),
            equal=equal,
            before=_spellings_before(ctx),
            progress=ctx.progress,
        )
    write_lookups(ctx.run)
    return replace(report, warnings=(*report.warnings, *equal.warnings, *([scarce] if scarce else [])))


def _spellings_before(ctx: Context) -> pl.DataFrame:
    """The spellings of codes that the last run did not keep; none without such a run."""
    last = last_succeeded(ctx.settings.home, but=ctx.run.run_id)
    file = last.clean / f"{frames.CODE_SPELLINGS.name}.parquet" if last is not None else None
    return frames.CODE_SPELLINGS.empty() if file is None or not file.is_file() else pl.read_parquet(file)


class _Equality:
    """Asks the warehouse which codes are equal, until it cannot say; then codes are compared by their keys alone.

    Parameters
    ----------
    ask : Callable
        The warehouse's answer for a column and its distinct codes.
    needed : bool
        Whether a warehouse that cannot be reached is an error. One that refuses the question is only warned of: case, width
        and blanks are ignored by our own rule too.
    """

    def __init__(self, ask: Callable[[str, pl.Series], pl.Series | None], needed: bool) -> None:
        self.warnings: tuple[str, ...] = ()
        self._ask, self._needed = ask, needed

    def __call__(self, column: str, codes: pl.Series) -> pl.Series | None:
        if self.warnings:
            return None
        try:
            return self._ask(column, codes)
        except RoutingEtlError as exc:
            if self._needed and not isinstance(exc, CodesNotComparedError):
                raise
            self.warnings = (_NOT_ASKED.format(exc),)
            log.warning("codes_not_asked", reason=str(exc))
            return None


_NOT_ASKED = (
    "The warehouse was not asked which codes it calls equal; case, width and blanks alone were ignored: {}"
)


def _cutoff(ctx: Context) -> date | None:
    return date.fromisoformat(ctx.settings.cutoff) if ctx.settings.cutoff else None


@step(street.CHECK_SOURCE)
def check_source(ctx: Context) -> Checked:
    """Run the expectation suites on the cleaned frames.

    Raises
    ------
    DataQualityError
        A critical check failed. The outcomes are in the run folder either way (`street.CHECK_SOURCE.outcomes`).
    """
    from routing_etl.quality.checks import check_sources, raise_on_critical

    outcomes = check_sources(
        ctx.run.clean,
        rejects=ctx.run.rejects,
        not_above=ctx.profile.items.not_above,
        absent=_absent(ctx),
        progress=ctx.progress,
    )
    outcomes += [*_beside_the_last_run(ctx), *_beside_the_last_runs(ctx)]
    _write_outcomes(ctx, street.CHECK_SOURCE, outcomes)
    raise_on_critical(outcomes)
    return Checked.of(outcomes, _quality_score(ctx))


def _beside_the_last_run(ctx: Context) -> list[frames.CheckOutcome]:
    """The cleaned frames compared with those of the newest run of this home that succeeded.

    Whatever address the ERP had then: a restored copy under another name is where rows are missing.
    """
    from routing_etl.quality.history import Limits, compare

    before = last_succeeded(ctx.settings.home, but=ctx.run.run_id)
    return compare(
        ctx.run.clean,
        before.clean if before is not None else None,
        Limits(ctx.settings.change_warn, ctx.settings.change_stop),
        absent=_absent(ctx),
        told=before.run_id if before is not None else "",
    )


def _beside_the_last_runs(ctx: Context) -> list[frames.CheckOutcome]:
    """The figures of this run compared with the median of those of the last runs, and kept with them for the next."""
    from routing_etl.quality.usual import Past, RunFigures, compare_usual, figures_of

    absent, past = _absent(ctx), Past()
    good = (r for r in list_runs(ctx.settings.home) if r.run_id != ctx.run.run_id and r.succeeded)
    before = next((r for r in good if r.has(street.FIGURES)), None)
    if before is not None:
        try:
            past = before.read(street.FIGURES) or past
        except ConfigurationError as exc:  # nothing that is done again would mend the file of another run
            log.warning("past_figures_unreadable", run=before.run_id, reason=exc.message)
    now = figures_of(ctx.run.clean, absent=absent)
    ctx.run.write(street.FIGURES, past.with_run(RunFigures(ctx.run.run_id, now)))
    return compare_usual(
        now, past, last=ctx.settings.change_runs, warn=ctx.settings.change_warn, absent=absent
    )


def _absent(ctx: Context) -> tuple[str, ...]:
    """Source frames that the run did not read: the profile has no such section, or the ERP no such optional table."""
    from routing_etl.quality.checks import SOURCE_FRAMES

    extracted = ctx.result(street.EXTRACT)
    if extracted is None:
        return ctx.profile.absent_frames
    return tuple(name for name in SOURCE_FRAMES if name not in extracted.read.frames)


def _write_outcomes(ctx: Context, row: street.Step[Any], outcomes: list[frames.CheckOutcome]) -> None:
    assert row.outcomes is not None
    ctx.run.write(row.outcomes, CheckOutcomes(tuple(outcomes)))


def _quality_score(ctx: Context) -> QualityScore | None:
    """The score of the item master; None where the profile maps no part type, which the score asks for."""
    part_type = "part_type"
    if part_type not in pl.scan_parquet(ctx.run.clean / f"{frames.ITEMS.name}.parquet").collect_schema():
        return None
    return quality_score(ctx.run.clean, ctx.run.rejects, required=(part_type,))


@step(street.AGGREGATE_TIMES)
def aggregate_times(ctx: Context) -> TimesReport:
    """Work results to minutes and the three time profiles in `times/`.

    Raises
    ------
    DataQualityError
        Actual times are not plausible against the standards, so the time basis must be wrong.
    """
    from routing_etl.pipeline.kept_times import kept_times, note_times, times_basis
    from routing_etl.times.profiles import ReportedTimes, build_profiles

    basis = times_basis(ctx)
    report = kept_times(ctx, basis) or build_profiles(
        ReportedTimes(pl.scan_parquet(ctx.run.clean / "work_results.parquet"), ctx.profile.time_basis),
        pl.scan_parquet(ctx.run.clean / "operations.parquet"),
        ctx.run.times,
        shards=ctx.settings.shards,
        machines=machine_groups(ctx),
        progress=ctx.progress,
    )
    note_times(ctx.run, basis)
    return judged_times(ctx, report)


def machine_groups(ctx: Context) -> pl.DataFrame:
    """The WORK_CENTRE_GROUPS of the run; of one that an earlier version cleaned, none."""
    file = ctx.run.clean / f"{frames.WORK_CENTRE_GROUPS.name}.parquet"
    return pl.read_parquet(file) if file.is_file() else frames.WORK_CENTRE_GROUPS.empty()


def judged_times(ctx: Context, report: TimesReport) -> TimesReport:
    """The report, with what was looked for in the times written down as checks.

    Raises
    ------
    DataQualityError
        Actual times are not plausible against the standards, so the time basis must be wrong.
    """
    from routing_etl.times.plausibility import check_plausibility
    from routing_etl.times.suspects import check_outcomes

    samples = {m: row.samples for m, row in report.measures.items()}
    _write_outcomes(ctx, street.AGGREGATE_TIMES, check_outcomes(report.findings, samples))
    check_plausibility(report)
    return report


# --- scoring and publication -----------------------------------------------------------------------------------------


@step(street.CHECK_CANDIDATES)
def check_candidates(ctx: Context) -> Checked:
    """Run the expectation suites on the predictions.

    Raises
    ------
    ConfigurationError
        There is no prediction to check: every item has a valid routing.
    DataQualityError
        A critical check failed; nothing of this batch will be published.
    """
    from routing_etl.quality import checks

    scored = ctx.result(street.SCORE)
    if scored is not None and scored.items == 0:
        raise ConfigurationError(
            f"Run {ctx.run.run_id} has nothing to publish: every item has a valid routing.",
            remedy="The last publication stays; nothing needs to be done.",
        )
    outcomes = checks.check_candidates(
        ctx.run.predictions,
        max_candidates=ctx.settings.candidates_per_item,
        similarity_threshold=ctx.settings.similarity_threshold,
        progress=ctx.progress,
    )
    _write_outcomes(ctx, street.CHECK_CANDIDATES, outcomes)
    checks.raise_on_critical(outcomes)
    return Checked.of(outcomes)


@step(street.LOAD)
def load(ctx: Context, *, again: bool = False) -> LoadReport:
    """Load the checked predictions under a new publication id that no reader sees, and reconcile them.

    Parameters
    ----------
    ctx : Context
        Settings and a run folder whose predictions have passed their checks.
    again : bool, default False
        Load predictions that were published before and rolled back, too, and those of an older read than what is in force.

    Raises
    ------
    ConfigurationError
        The predictions were not checked.
    OvertakenError
        A run that began to read the ERP later is in force.
    ReconcileError
        The rows differ from the files; they were deleted.
    LockedError
        Another publisher is at work.
    """
    from routing_etl.warehouse.publish import Publisher

    if ctx.result(street.CHECK_CANDIDATES) is None:
        raise ConfigurationError(
            f"The candidates of run {ctx.run.run_id} have not passed their checks.",
            remedy="Run: routing-etl publish",
        )
    scored = ctx.require(street.SCORE)
    with ctx.warehouse() as engine:
        return Publisher(engine, ctx.settings).load(
            ctx.run.predictions,
            run_id=ctx.run.run_id,
            model_version=scored.model_version,
            again=again,
            progress=ctx.progress,
        )


@step(street.PUBLISH)
def publish(ctx: Context, *, again: bool = False) -> Published:
    """Move the pointer to the loaded publication in one short transaction, then purge old ones.

    A batch that was published before and rolled back does not come back by itself: the pointer then stays, and the
    report says so.

    Parameters
    ----------
    ctx : Context
        Settings and a run folder whose predictions are loaded.
    again : bool, default False
        Publish a batch that was rolled back, too, and one of an older read than what is in force.

    Raises
    ------
    ConfigurationError
        The run has not been loaded.
    OvertakenError
        A run that began to read the ERP later is in force.
    LockedError
        Another publisher is at work.
    """
    from routing_etl.warehouse.publish import Publisher

    loaded = ctx.result(street.LOAD)
    if loaded is None:
        raise ConfigurationError(
            f"Run {ctx.run.run_id} has not been loaded.", remedy="Run: routing-etl publish"
        )
    with on_request(again), ctx.warehouse() as engine:
        publisher = Publisher(engine, ctx.settings)
        current = publisher.current()
        withheld = loaded.withdrawn and not again and current is not None
        changes = None if withheld else _changes(ctx, engine, current, loaded.publication_id)
        moved = publisher.publish(current if withheld and current is not None else loaded.publication_id)
        kept = ctx.settings
        purged = publisher.purge(
            kept.keep_publications, days=kept.keep_publications_days, progress=ctx.progress
        )
    if withheld:
        log.warning(
            "publication_withheld", publication_id=loaded.publication_id, current=moved.publication_id
        )
    return Published(
        publication_id=moved.publication_id,
        previous_id=moved.previous_id,
        changed=moved.changed,
        pointer_seconds=moved.seconds,
        rows=loaded.rows,
        reused=loaded.reused,
        purged=purged,
        writer=loaded.writer,
        writer_reason=loaded.writer_reason,
        items_changed=loaded.items_changed,
        rows_written=loaded.rows_written,
        withheld=loaded.publication_id if withheld else None,
        changes=changes,
    )


def _changes(ctx: Context, engine: Engine, current: int | None, loaded: int) -> dict[str, int] | None:
    """Items by kind of change against what readers see now, put on record; None where there is nothing to compare with.

    Raises
    ------
    DataQualityError
        So many items would be gone, or lose their proposal, that the batch must be looked at first.
    """
    from routing_etl.errors import DataQualityError
    from routing_etl.quality.history import LEAST
    from routing_etl.warehouse.publication_changes import publication_changes, store_changes

    if current is None or current == loaded:
        return None
    found = publication_changes(engine, ctx.settings.warehouse_schema, current, loaded)
    lost, stop = found.counts["gone"] + found.counts["lost"], ctx.settings.change_stop
    if found.items_before >= LEAST and lost > stop * found.items_before:
        raise DataQualityError(
            f"Publication {loaded} would show {lost:,} of {found.items_before:,} items no more, or without a proposal: more than "
            f"{stop:.0%} (ROUTING_ETL_CHANGE_STOP). Publication {current} stays what the ERP reads.",
            remedy=f"Look at: routing-etl publications diff {loaded} --with {current}. If it is right, run once with "
            "ROUTING_ETL_CHANGE_STOP=1: routing-etl publish",
        )
    store_changes(engine, ctx.settings.warehouse_schema, found)
    return found.counts


def publish_run(ctx: Context, *, again: bool = False) -> Published:
    """Check the candidates, load, publish and measure: what `routing-etl publish` does.

    Parameters
    ----------
    ctx : Context
        Settings and a run folder with predictions.
    again : bool, default False
        Publish a batch that was rolled back, too, and one that is of an older read of the ERP than what is in force.
    """
    with on_request(again):
        for row in street.of_command("publish"):
            row.run(ctx, **({"again": again} if row in (street.LOAD, street.PUBLISH) else {}))
    return ctx.require(street.PUBLISH)


@step(street.MEASURE)
def measure(ctx: Context) -> Measured:
    """How the published batch looks and what became of the one before it, into `model_metric` (split `production`).

    Coverage of the batch, drift of the similarity distribution against the first publication of the same version
    (Kullback-Leibler divergence over 50 bins), realised outcomes (items predicted before that an engineer has routed since),
    what the night meets beside the version's training window (`pipeline/drift.py`), proposals that nobody has looked at for weeks, and
    the error of run times that engineers took over.

    Raises
    ------
    ConfigurationError
        The run has not been published.
    """
    from routing_etl.pipeline import adopted_times
    from routing_etl.pipeline.drift import drift_rows
    from routing_etl.warehouse import outcomes, waiting
    from routing_etl.warehouse.model_records import ModelRecords

    scored, published = ctx.require(street.SCORE), ctx.require(street.PUBLISH)
    written = became.written_routings(ctx.run)
    with ctx.warehouse() as engine:
        schema, shown = ctx.settings.warehouse_schema, published.publication_id
        by_version = _outcomes(ctx, engine, published, written)
        themselves = written.join(read_copies(ctx.run), on="item_key", how="anti")
        metrics = (
            *_measured(COVERAGE, lambda: _coverage(ctx.run, scored)),
            *_measured(
                ("similarity_drift",), lambda: _found([outcomes.similarity_drift(engine, schema, shown)])
            ),
            *_measured(
                ("realised_exact_at_1", "realised_exact_at_any"),
                lambda: _found(outcomes.realised(engine, schema, shown, themselves)),
            ),
            *_measured(("drift_band",), lambda: drift_rows(ctx, engine, scored.model_version, shown)),
            *_measured(
                ("ignored_share",),
                lambda: _found([waiting.ignored(engine, schema, ctx.settings.ignored_weeks)]),
            ),
            *_measured((adopted_times.METRIC,), lambda: [adopted_times.adopted_time_error(ctx.run)]),
        )
        records = ModelRecords(engine, ctx.settings)
        records.store_metrics(scored.model_version, metrics_frame(metrics), run_id=ctx.run.run_id)
        for version, rows in by_version.items():
            if records.manifest_sha256(version) is not None:
                records.store_metrics(version, metrics_frame(rows), run_id=ctx.run.run_id)
    return Measured(published.publication_id, metrics)


def _outcomes(
    ctx: Context, engine: Engine, published: Published, written: pl.DataFrame
) -> dict[str, list[MetricRow]]:
    """Keep what became of the publication before, and count it by version: split `realised`, with 95 % intervals."""
    from routing_etl.warehouse import outcomes

    schema, before = ctx.settings.warehouse_schema, published.previous_id
    if before is None or before == published.publication_id:
        return {}
    try:
        added = became.catch_up(ctx, before)
        added += became.keep_outcomes(ctx, engine, (before, published.publication_id), written)
    except Exception as exc:
        if isinstance(exc, RoutingEtlError):
            raise
        log.exception("metric_family_failed", family="outcomes", error=str(exc))
        failed = _production("realised_adopted_share", None, 0, computing_failed(exc))
        return {ctx.require(street.SCORE).model_version: [failed]}
    if not added:
        return {}
    return {
        version: [
            _share_row(metric, hits, n)
            for metric, hits, n in (
                ("realised_exact_at_1", found.itself_first, found.itself),
                ("realised_exact_at_any", found.itself_any, found.itself),
                ("realised_adopted_share", found.adopted, found.items),
            )
        ]
        for version, found in outcomes.realised_by_version(engine, schema).items()
    }


def _share_row(metric: str, hits: int, n: int) -> MetricRow:
    """A share of realised outcomes with Wilson's 95 % interval (Wilson 1927); NULL where all were copied."""
    if not n:
        return MetricRow(
            "model",
            REALISED,
            "all",
            metric,
            None,
            None,
            None,
            0,
            "every routing written is a copy of a proposal",
        )
    return MetricRow("model", REALISED, "all", metric, hits / n, *score_interval(hits / n, n), n, None)


#: Split of the metrics of realised outcomes, over all that a version has predicted.
REALISED = "realised"
#: Metrics of the published batch itself.
COVERAGE = (
    "predicted_share", "abstained_share", "high_tier_share", "mean_confidence", "candidates_per_item", "three_candidates_share",
    "operations_with_time_share", "operations_with_actuals_share",
)  # fmt: skip


def _measured(names: Sequence[str], make: Callable[[], Sequence[MetricRow]]) -> Sequence[MetricRow]:
    """A family of metrics, or rows without values that say why: the batch is published already."""
    try:
        return make()
    except Exception as exc:
        if isinstance(exc, RoutingEtlError) and exc.transient:
            raise
        log.exception("metric_family_failed", family=names[0], error=str(exc))
        return [_production(name, None, 0, computing_failed(exc)) for name in names]


def _found(metrics: Iterable[PublicationMetric]) -> list[MetricRow]:
    return [_production(f.metric, f.value, f.n, f.reason) for f in metrics]


def _production(metric: str, value: float | None, n: int, reason: str | None) -> MetricRow:
    """A metric of the published batch."""
    return MetricRow("model", "production", "all", metric, value, None, None, n, reason)


def _coverage(run: RunFolder, scored: Scored) -> list[MetricRow]:
    """Shares of the published batch; NULL with a reason when nothing was predicted."""
    operations, with_time, with_actual = (
        scan_predictions(run, frames.CANDIDATE_OPERATIONS)
        .select(
            pl.len().alias("n"),
            (pl.col("time_source") != "none").sum().alias("timed"),
            pl.col("time_source").str.starts_with("actual").sum().alias("actual"),
        )
        .collect()
        .row(0)
    )
    per_item = (
        scan_predictions(run, frames.CANDIDATES)
        .group_by("item_key")
        .len()
        .select((pl.col("len") >= 3).sum())
        .collect()
    )

    def share(metric: str, part: float, whole: int) -> MetricRow:
        if whole:
            return _production(metric, part / whole, whole, None)
        return _production(metric, None, 0, "nothing was predicted")

    predicted = scored.predicted
    return [
        share("predicted_share", predicted, scored.items),
        share("abstained_share", scored.abstained, scored.items),
        share("high_tier_share", (scored.share_high or 0.0) * predicted, predicted),
        share("mean_confidence", (scored.mean_confidence or 0.0) * predicted, predicted),
        share("candidates_per_item", scored.rows[frames.CANDIDATES.name], predicted),
        share("three_candidates_share", per_item.item(), predicted),
        share("operations_with_time_share", with_time, operations),
        share("operations_with_actuals_share", with_actual, operations),
    ]
