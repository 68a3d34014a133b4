"""What a model is trained on, as counts and dates of a run folder: the model card's section on data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated

import polars as pl
from pydantic import Field

from routing_etl.erp.clean_report import CleanReport, FrameClean
from routing_etl.runs import RunFolder
from routing_etl.times.profiles import MeasureReport, TimesReport


@dataclass(frozen=True)
class ItemCounts:
    """Items of the master, those with a valid routing, those to predict, and those whose work results gave a time."""

    all: int
    routed: int
    to_predict: int
    with_work_results: int


@dataclass(frozen=True)
class RoutingDates:
    """Oldest and newest date of the routings learned from, and the items whose routing has none."""

    oldest: date | None
    newest: date | None
    items_without_date: int


@dataclass(frozen=True)
class ResultDates:
    """Oldest and newest date of the work results."""

    oldest: date | None
    newest: date | None


@dataclass(frozen=True)
class FrameAccount:
    """What cleaning did with a frame's rows. In JSON the rows read are called `in`."""

    rows_in: Annotated[int, Field(alias="in")]
    kept: int
    rejected: int
    filtered: int
    rejected_by_rule: dict[str, int]
    filtered_by_rule: dict[str, int]


@dataclass(frozen=True)
class TrainingFacts:
    """Counts, time windows, and what was left out and why.

    `as_of`, `cutoff` and `rows` (by frame) come from the step `clean`, `times` (reports kept out, by measure) from the
    step `aggregate_times`; they are None when the run has no such report.
    """

    as_of: date | None
    cutoff: date | None
    items: ItemCounts
    excluded_items: dict[str, int]
    excluded_routed_items: dict[str, int]
    routings: int
    operations: int
    operations_learned: int
    work_results: int
    routing_dates: RoutingDates
    result_dates: ResultDates
    rows: dict[str, FrameAccount] | None
    times: dict[str, dict[str, int]] | None


@dataclass(frozen=True)
class Accounts:
    """What the steps before a training reported; None for a step that has not finished in this run."""

    cleaned: CleanReport | None = None
    aggregated: TimesReport | None = None


def training_facts(
    run: RunFolder,
    items: pl.DataFrame,
    operations: pl.DataFrame,
    *,
    items_with_times: int,
    accounts: Accounts,
) -> TrainingFacts:
    """Counts, time windows, and what was left out and why.

    Parameters
    ----------
    run : RunFolder
        Its cleaned work results are counted.
    items : polars.DataFrame
        ITEMS frame of the run.
    operations : polars.DataFrame
        OPERATIONS frame of its valid routings, all ranks.
    items_with_times : int
        Items whose work results gave a time.
    accounts : Accounts
        Reports of the steps `clean` and `aggregate_times`.

    Returns
    -------
    TrainingFacts
        What the model card says about the data.
    """
    cleaned, aggregated = accounts.cleaned, accounts.aggregated
    label = operations.select("routing_rank", "item_key", "rout_date").filter(pl.col("routing_rank") == 0)
    routed = items.join(operations.select("item_key").unique(), on="item_key", how="semi")
    dated = label.group_by("item_key").agg(pl.col("rout_date").max()).get_column("rout_date")
    results = pl.scan_parquet(run.clean / "work_results.parquet").select(
        pl.len(), pl.col("report_dt").min().alias("oldest"), pl.col("report_dt").max().alias("newest")
    )
    reported, oldest, newest = results.collect().row(0)
    return TrainingFacts(
        as_of=cleaned.as_of if cleaned else None,
        cutoff=cleaned.cutoff if cleaned else None,
        items=ItemCounts(items.height, routed.height, items.height - routed.height, items_with_times),
        excluded_items=_by_reason(items, "excluded"),
        excluded_routed_items=_by_reason(routed, "excluded"),
        routings=operations.select("item_key", "rout_no").unique().height,
        operations=operations.height,
        operations_learned=label.height,
        work_results=reported,
        routing_dates=RoutingDates(_day(dated.min()), _day(dated.max()), dated.null_count()),
        result_dates=ResultDates(_day(oldest), _day(newest)),
        rows={n: _account(f) for n, f in cleaned.frames.items()} if cleaned else None,
        times={m: _kept_out(r) for m, r in aggregated.measures.items()} if aggregated else None,
    )


def _by_reason(frame: pl.DataFrame, column: str) -> dict[str, int]:
    counted = frame.filter(pl.col(column).is_not_null()).group_by(column).len()
    return dict(counted.sort("len", column, descending=[True, False]).iter_rows())


def _day(moment: object) -> date | None:
    if isinstance(moment, datetime):
        return moment.date()
    return moment if isinstance(moment, date) else None


def _account(frame: FrameClean) -> FrameAccount:
    return FrameAccount(
        frame.rows_in,
        frame.rows_kept,
        frame.rows_rejected,
        frame.rows_filtered,
        frame.rejects,
        frame.filtered,
    )


def _kept_out(measure: MeasureReport) -> dict[str, int]:
    return {
        "samples": measure.samples,
        **{f"flagged_{name}": n for name, n in measure.flagged.items()},
        "minutes_as_hours": measure.minutes_as_hours,
        "order_as_piece": measure.order_as_piece,
        "outliers": measure.outliers,
    }
