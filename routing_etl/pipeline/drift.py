"""What a night meets beside the training window of the version in force: from run folder, registry and warehouse to metric rows.

A version keeps its window as an artifact (`TRAINING_WINDOW`): until when its routings and reports go, the values of the attributes, and
which items there were. Another version has another window, so that a promotion is no drift.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl

from routing_etl.errors import RoutingEtlError
from routing_etl.evaluation.drift import (
    BANDS,
    Drift,
    Written,
    attribute_drift,
    attribute_reference,
    code_drift,
    score_drift,
    summary,
    time_drift,
)
from routing_etl.evaluation.metric_table import MetricRow
from routing_etl.evaluation.reasons import computing_failed
from routing_etl.log import get_logger
from routing_etl.pipeline.context import Context
from routing_etl.pipeline.learning import LearningData, read_copies, read_valid_operations

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

    from routing_etl.pipeline.training_facts import TrainingFacts

log = get_logger(__name__)

#: The file of a version's training window.
TRAINING_WINDOW = "training_window"
#: Least routings of a window; a quieter plant's goes back until it has so many.
_LEAST_ROUTINGS = 300


def training_window(data: LearningData, facts: TrainingFacts, days: int) -> dict[str, Any]:
    """What a version keeps of its training window, as JSON.

    Parameters
    ----------
    data : LearningData
        What it learned from.
    facts : TrainingFacts
        The newest dates.
    days : int
        Length of the window.
    """
    routings, reports = (_until(d.newest, facts.as_of) for d in (facts.routing_dates, facts.result_dates))
    begins = None if routings is None else routings - timedelta(days=days)
    items = _of_window(data.items, data.operations.lazy(), begins)
    return {
        "routings_until": routings and routings.isoformat(),
        "reports_until": reports and reports.isoformat(),
        "days": days,
        "attributes": attribute_reference(items, data.attributes),
        "items": data.items["item_key"].sort().to_list(),
    }


def _until(newest: date | None, as_of: date | None) -> date | None:
    """The newest day, none of those that are still to come."""
    return newest if newest is None or as_of is None else min(newest, as_of)


def _of_window(items: pl.DataFrame, operations: pl.LazyFrame, begins: date | None) -> pl.DataFrame:
    """Items that count: those without a routing, and those whose routing was written after a day."""
    older = operations.filter(pl.col("routing_rank") == 0)
    if begins is not None:
        older = older.filter((pl.col("rout_date").dt.date() <= begins).fill_null(True))
    known = older.select("item_key").unique().collect()
    return items.filter(pl.col("excluded").is_null()).join(known, on="item_key", how="anti")


def drift_rows(ctx: Context, engine: Engine, version: str, publication_id: int) -> list[MetricRow]:
    """The metric rows of a night beside the training window of the version that scored it.

    Parameters
    ----------
    ctx : Context
        The night: cleaned frames and time samples.
    engine : Engine
        The warehouse.
    version : str
        Name of the version.
    publication_id : int
        What it has published.

    Returns
    -------
    list of MetricRow
        One per comparison, and the worst band. What could not be compared has a reason.
    """
    found = list(_all(ctx, engine, version, publication_id))
    told = summary(found)
    worst = told[0]
    if worst.band:
        log.warning("drift", version=version, band=BANDS[worst.band], causes=worst.words)
    return [d.row for d in (*told, *found)]


def _all(ctx: Context, engine: Engine, version: str, publication_id: int) -> Iterator[Drift]:
    yield from _guarded("confidence_psi", lambda: _of_scores(ctx, engine, publication_id))
    if TRAINING_WINDOW not in {a.name for a in ctx.registry.show(version).artifacts}:
        yield Drift(
            "attribute_psi",
            "attribute:all",
            None,
            0,
            0,
            f"version {version} has kept no training window: the next one does",
        )
        return
    window = ctx.registry.read_json(version, TRAINING_WINDOW)
    yield from _guarded("attribute_psi", lambda: _of_attributes(ctx, window))
    yield from _guarded("new_code_share", lambda: _of_codes(ctx, window))
    yield from _guarded("run_times_changed", lambda: _of_times(ctx, window))


def _guarded(metric: str, make: Callable[[], Sequence[Drift]]) -> Sequence[Drift]:
    """A family of comparisons, or a row that says why it failed: the batch is published already."""
    try:
        return make()
    except Exception as exc:
        if isinstance(exc, RoutingEtlError) and exc.transient:
            raise
        log.exception("metric_family_failed", family=metric, error=str(exc))
        return [Drift(metric, "all", None, 0, 0, computing_failed(exc))]


def _day(window: dict[str, Any], name: str) -> date | None:
    text = window[name]
    return None if text is None else date.fromisoformat(text)


def _of_attributes(ctx: Context, window: dict[str, Any]) -> list[Drift]:
    until = _day(window, "routings_until")
    begins = None if until is None else until - timedelta(days=window["days"])
    scanned = pl.scan_parquet(ctx.run.clean / "items.parquet")
    kept = ["item_key", "excluded", *window["attributes"]]
    items = scanned.select([c for c in scanned.collect_schema().names() if c in kept]).collect()
    here = _of_window(items, read_valid_operations(ctx.run), begins)
    known = pl.Series(window["items"], dtype=pl.String).implode()
    new = here.filter(~pl.col("item_key").is_in(known))
    return [
        *attribute_drift(window["attributes"], here, "attribute"),
        *attribute_drift(window["attributes"], new, "new"),
    ]


def _of_codes(ctx: Context, window: dict[str, Any]) -> list[Drift]:
    until = _day(window, "routings_until")
    if until is None:
        return [
            Drift("new_code_share", "job:all", None, 0, 0, "no routing of the training window has a date")
        ]
    rows = (
        read_valid_operations(ctx.run)
        .filter(pl.col("routing_rank") == 0)
        .select("item_key", "job_cd", "res_cd", "rout_date", day=pl.col("rout_date").dt.date())
        .collect()
    )
    learned = rows.filter((pl.col("day") <= until).fill_null(True))
    # a copy of a proposal goes on using what the version had learned
    themselves = rows.join(read_copies(ctx.run), on="item_key", how="anti")
    late = themselves.filter(pl.col("day") > until)
    early = themselves.filter(pl.col("day") <= until)
    before = early.filter(pl.col("day") > _begins(early, until - timedelta(days=window["days"])))
    return code_drift(
        Written(before, late, {c: learned[c].drop_nulls().unique() for c in ("job_cd", "res_cd")})
    )


def _begins(learned: pl.DataFrame, wanted: date) -> date:
    """The last day before the window: earlier than asked for where the window would hold too few routings."""
    days = learned.group_by("item_key").agg(pl.col("day").max())["day"].drop_nulls().sort(descending=True)
    if days.is_empty():
        return wanted
    enough = days[min(_LEAST_ROUTINGS, days.len()) - 1]
    assert isinstance(enough, date)
    return min(wanted, enough - timedelta(days=1))


def _of_times(ctx: Context, window: dict[str, Any]) -> list[Drift]:
    from routing_etl.times.profiles import SAMPLES
    from routing_etl.times.shifts import find_shifts

    until = _day(window, "reports_until")
    file = ctx.run.times / SAMPLES
    if until is None or not file.is_file():
        return [Drift("run_times_changed", "all", None, 0, 0, "no report of the training window has a date")]
    samples = pl.scan_parquet(file)
    late = samples.filter(pl.col("report_dt") > until).select(pl.len()).collect().item()
    if not late:
        return [Drift("run_times_changed", "all", None, 0, 0, "no order was reported since the training")]
    return time_drift(find_shifts(samples, until), until)


def _of_scores(ctx: Context, engine: Engine, publication_id: int) -> list[Drift]:
    from routing_etl.warehouse.outcomes import score_histograms

    schema, first = (
        ctx.settings.warehouse_schema,
        "there is no earlier publication of this version to compare with",
    )
    return [
        row
        for metric, column in (("confidence", "confidence"), ("similarity", "similarity_score"))
        for row in score_drift(metric, *score_histograms(engine, schema, publication_id, column), first)
    ]
