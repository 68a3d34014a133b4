"""Times that were measured: the profiles of set-up and run times, and the ERP's standard times beside them.

Belongs here: what `times` makes of the work results, and how these report time. Does not: the times of a prediction
(`predictions`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import polars as pl

from routing_etl.frames.contract import BOOL, DATE, F64, I32, I64, STR, Column, Frame
from routing_etl.frames.source import ITEM_CD, ITEM_KEY


@dataclass(frozen=True)
class TimeBasis:
    """How the work results report time (docs/erp-contract.md 9). Part of the source profile.

    Parameters
    ----------
    time_factor_min : float, default 60.0
        Minutes per reported unit: 60 for hours.
    run_basis : {'order', 'lot', 'piece'}, default 'order'
        What one reported machine time covers.
    setup_basis : {'order', 'lot', 'piece'}, default 'order'
        What one reported set-up time covers.
    qty : {'ordered', 'good'}, default 'ordered'
        Whether the pieces of a report are those ordered or those that were good.
    lot_size : float, optional
        Pieces per lot. Required if a basis is `lot`.
    half_life_days : float, default 1500.0
        A report counts half as much as one that is this many days newer.
    """

    time_factor_min: float = 60.0
    run_basis: Literal["order", "lot", "piece"] = "order"
    setup_basis: Literal["order", "lot", "piece"] = "order"
    qty: Literal["ordered", "good"] = "ordered"
    lot_size: float | None = None
    half_life_days: float = 1500.0


#: Lot of a profile's run times. In a lot of q pieces, one piece takes run time x (q / run_lot) ** run_lot_exponent.
_LOT = (
    Column("run_lot", F64, "usual lot, for which the run times are: geometric mean of the orders", "pieces"),
    Column(
        "run_lot_exponent",
        F64,
        "how run time depends on the lot: 0 not at all, -1 an order takes the same time whatever its size",
    ),
)

_STATS = (
    Column("n", I64, "samples used", nullable=False),
    Column("n_removed", I64, "samples kept out as entry errors or outliers", nullable=False),
    Column("mean", F64, "mean"),
    Column("trim_mean", F64, "trimmed mean: the standard time STD"),
    Column("std", F64, "standard deviation, ddof 0"),
    Column("cv", F64, "std / mean"),
    Column("p10", F64, "10 % quantile"),
    Column("p50", F64, "median"),
    Column("p90", F64, "90 % quantile"),
    Column("optimal", F64, "OPT"),
    Column("standard", F64, "STD"),
    Column("safe", F64, "SAFE"),
)


def _profile(name: str, keys: tuple[Column, ...]) -> Frame:
    measures = tuple(
        Column(
            f"{m}_{s.name}",
            s.dtype,
            f"{'set-up' if m == 'setup' else 'run'}: {s.meaning}",
            "" if s.name in ("n", "n_removed", "cv") else ("min/order" if m == "setup" else "min/piece"),
            s.nullable,
        )
        for m in ("setup", "run")
        for s in _STATS
    )
    return Frame(
        name,
        (*keys, *measures, *_LOT, Column("last_report_dt", DATE, "newest sample")),
        key=tuple(k.name for k in keys),
    )


_JOB = Column("job_cd", STR, "job code", nullable=False, max_length=50)
_RES = Column("res_cd", STR, "resource used", nullable=False, max_length=50)
_SEQ = Column("proc_seq", I32, "operation number", nullable=False)

#: Time profiles, from the most to the least specific. Set-up in minutes per order, run in minutes per piece.
TIME_BY_ITEM_OPERATION = _profile("time_by_item_operation", (ITEM_KEY, _SEQ, _JOB))
TIME_BY_JOB_RESOURCE = _profile("time_by_job_resource", (_JOB, _RES))
TIME_BY_JOB = _profile("time_by_job", (_JOB,))


@dataclass(frozen=True)
class TimeEvidence:
    """The three time profiles that the model learns from."""

    by_item_operation: pl.DataFrame
    by_job_resource: pl.DataFrame
    by_job: pl.DataFrame

    @classmethod
    def none(cls) -> TimeEvidence:
        """Profiles of a plant without work results."""
        return cls(TIME_BY_ITEM_OPERATION.empty(), TIME_BY_JOB_RESOURCE.empty(), TIME_BY_JOB.empty())


#: What the review of standard times says of a measured time, in the order in which it is asked.
REVIEW_VERDICTS: dict[str, str] = {
    "posted": "the reports repeat the standard or one number: posted, not measured",
    "few_orders": "too few orders for an interval",
    "no_standard": "the ERP has no standard time",
    "differs": "the interval excludes the standard by more than the tolerance, false alarms controlled",
    "agrees": "the interval lies within the tolerance around the standard",
    "open": "the orders so far decide neither",
}

#: Standard times of valid routings beside what was measured; `measure` is `run` (minutes per piece) or `setup` (per order).
STANDARD_TIMES = Frame(
    "standard_times",
    (
        ITEM_CD,
        ITEM_KEY,
        Column("rout_no", STR, "routing number", nullable=False, max_length=50),
        _SEQ,
        Column("measure", STR, "'run' (min/piece) or 'setup' (min/order)", nullable=False, max_length=5),
        _JOB,
        Column("job_nm", STR, "job name", max_length=255),
        Column("res_cd", STR, "resource of the routing", max_length=50),
        Column("standard_min", F64, "the ERP's standard; NULL when not maintained", "min"),
        Column("standard_date", DATE, "day on which the ERP's row was written"),
        Column("measured_min", F64, "median of the orders, newer ones weighing more", "min", nullable=False),
        Column("low_min", F64, "lower end of the 95 % order-statistic interval of the median", "min"),
        Column("high_min", F64, "upper end", "min"),
        Column(
            "orders",
            I64,
            "orders behind it: those since the last change of the reports; 0 where every report was kept out",
            nullable=False,
        ),
        Column("orders_all", I64, "usable orders in all", nullable=False),
        Column("first_report", DATE, "oldest dated order of all"),
        Column("last_report", DATE, "newest dated order of all"),
        Column("lot_size", F64, "usual lot, which a run time is for; NULL for set-up", "pieces"),
        Column(
            "lot_exponent", F64, "a piece of a lot of q takes measured_min x (q / lot_size) ** lot_exponent"
        ),
        Column("difference_min", F64, "measured - standard", "min"),
        Column("ratio", F64, "measured / standard"),
        Column("verdict", STR, "a key of REVIEW_VERDICTS", nullable=False, max_length=12),
        Column("sure", BOOL, "the verdict is 'differs'", nullable=False),
        Column("p_value", F64, "of the sign test against the tolerance around the standard"),
        Column("changed_on", DATE, "last day on which the level of the reports changed, if it did"),
        Column(
            "differs_since", DATE, "from when the reports differ from the standard; NULL: see since_basis"
        ),
        Column("since_basis", STR, "where differs_since comes from, or why it is NULL", max_length=100),
        Column("proposed_min", F64, "proposed standard, rounded as the ERP's are", "min"),
        Column("no_proposal", STR, "why nothing is proposed", max_length=200),
        Column(
            "orders_year", I64, "orders of the 12 months before the plant's newest report", nullable=False
        ),
        Column("pieces_year", F64, "pieces of these orders; NULL when no quantity is known", "pieces"),
        Column(
            "hours_year",
            F64,
            "planned hours a year that the proposal adds or, below 0, removes (a sure difference without one: the measured "
            "time; no standard counts as 0 planned hours); NULL where nothing is sure or no report has a date",
            "h",
        ),
    ),
    key=("item_key", "rout_no", "proc_seq", "measure"),
)
