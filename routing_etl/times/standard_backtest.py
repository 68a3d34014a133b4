"""Did the review's proposals hold? Proposals from the orders before a day, judged by the orders from that day on.

A proposal held when it is nearer, as a ratio, to the median of the later orders than the ERP's standard is. Standards that
were written on or after the day are left out, because who wrote them knew later orders. Which reports are entry errors,
and how run times go with the lot, is taken as the whole history has it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import date, timedelta

import polars as pl

from routing_etl.times.pooled import FACTORS, MEASURES
from routing_etl.times.standard_review import (
    Evidence,
    ReviewRules,
    attributed,
    review_standards,
    standards_of,
)

#: Fewest later orders that a proposal is judged by.
LEAST_LATER = 3
#: Length of the time in which proposals are judged.
LATER = timedelta(days=365)
#: Normal quantile of a two-sided 95 % interval.
_Z = 1.959963984540054


@dataclass(frozen=True)
class Held:
    """How often proposals held.

    Attributes
    ----------
    share : float or None
        Share of the judged proposals that held; None with a `reason`.
    low, high : float or None
        Ends of its 95 % interval: Wilson's (1927), with the number of proposals cut to what they say when those of one item
        go together (effective sample size: Korn and Graubard 1998, "Confidence intervals for proportions").
    n : int
        Proposals judged.
    day : datetime.date or None
        The day between the orders that they were made of and those that judge them.
    """

    share: float | None
    low: float | None
    high: float | None
    n: int
    day: date | None
    reason: str | None = None


def proposals_held(evidence: Evidence, rules: ReviewRules, day: date | None = None) -> Held:
    """Judge the proposals of a day by what came after it.

    Parameters
    ----------
    evidence : Evidence
        Reports and standards, as for `review_standards`.
    rules : ReviewRules
        Tolerance and guards.
    day : datetime.date, optional
        Between the two. None: 365 days before the newest report.
    """
    if day is None:
        newest = evidence.samples.select(pl.col("report_dt").max()).collect().item()
        if newest is None:
            return Held(None, None, None, 0, None, "no work result has a date")
        day = newest - LATER
    written = pl.col("insrt_dt").cast(pl.Date)
    known = replace(
        evidence,
        renumbered=False,
        # what changed after the day was not known on it
        samples=evidence.samples.filter(pl.col("report_dt") < day).drop(FACTORS.values(), strict=False),
        operations=evidence.operations.filter(written.is_null() | (written < day)),
    )
    proposed = review_standards(known, rules)[0].filter(
        pl.col("proposed_min").is_not_null() & pl.col("standard_min").is_not_null()
    )
    if proposed.is_empty():
        return Held(
            None, None, None, 0, day, f"nothing would have been proposed from the orders before {day}"
        )
    later = _later(replace(known, samples=evidence.samples.filter(pl.col("report_dt") >= day)))
    judged = proposed.join(later, on=["item_key", "rout_no", "proc_seq", "measure"]).select(
        "item_key", held=_distance("proposed_min") < _distance("standard_min")
    )
    if judged.is_empty():
        least = f"no proposed operation had {LEAST_LATER} orders from {day} on"
        return Held(None, None, None, 0, day, least)
    share = float(judged["held"].mean())  # type: ignore[arg-type]
    return Held(share, *_interval(judged, share), judged.height, day)


def _distance(column: str) -> pl.Expr:
    return (pl.col(column) / pl.col("later_min")).log().abs()


def _later(evidence: Evidence) -> pl.DataFrame:
    """Median of the later orders per operation and measure, where there are enough."""
    standards = standards_of(evidence.operations)
    reports, _ = attributed(evidence.samples, standards)
    found = []
    for measure in MEASURES:
        value = "run_min_at_lot" if measure == "run" else "setup_min"
        usable = reports.filter(~pl.col(f"{measure}_removed") & (pl.col(value) > 0))
        per_op = usable.group_by("op").agg(later_min=pl.col(value).median(), n=pl.len())
        found.append(per_op.filter(pl.col("n") >= LEAST_LATER).with_columns(measure=pl.lit(measure)))
    return (
        pl.concat(found)
        .join(standards.select("op", "item_key", "rout_no", "proc_seq"), on="op")
        .select(pl.col("item_key", "rout_no").cast(pl.String), "proc_seq", "measure", "later_min")
    )


def _interval(judged: pl.DataFrame, share: float) -> tuple[float, float]:
    """Wilson's interval with the effective number of proposals."""
    items = judged.group_by("item_key").agg(held=pl.col("held").sum(), n=pl.len())
    number, groups = judged.height, items.height
    gaps = float(items.select(((pl.col("held") - share * pl.col("n")) ** 2).sum()).item())
    n = float(groups)
    if 0 < share < 1 and groups > 1 and gaps > 0:
        variance = gaps / number**2 * groups / (groups - 1)
        n = min(share * (1 - share) / variance, float(number))
    middle = (share + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    half = _Z * math.sqrt(share * (1 - share) / n + _Z**2 / (4 * n**2)) / (1 + _Z**2 / n)
    return max(0.0, min(middle - half, share)), min(1.0, max(middle + half, share))
