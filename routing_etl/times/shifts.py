"""Times that are no longer what they were: reports after a day against those of the same operations before it, by machine and by job.

Each operation of an item on a machine is compared with itself, as ln(report / its median before), so that another mix of items is no
change, and each counts once, however often it was reported. A machine or a job has changed when the sign test over its operations says so
among all that are tested, and the median ratio is outside `LEAST_RATIO`. What explains most is taken first and its reports are set apart, so
that a slow machine is told once and not as ten slow jobs.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from routing_etl.times.pooled import MEASURES

#: Days before the day whose reports are the level that an operation had, and reports of them that it takes.
BEFORE, LEAST_BEFORE = timedelta(days=730), 3
#: Operations that a machine or job needs, and the ratio from which on its times have changed.
LEAST_OPERATIONS, LEAST_RATIO = 8, 1.1
#: Chance of any false alarm among all machines and jobs of a measure; changes that are told at most.
LEVEL, MOST = 0.001, 10
#: Beside all days since, so many of the last ones are looked at alone: a machine that is slow since Monday is told this week, however
#: long the version has been in force.
RECENT = (timedelta(days=28), timedelta(days=7))
_VALUE = {"setup": "setup_min", "run": "run_min_at_lot"}
_EACH = ("item_key", "proc_seq", "job_cd", "res_cd")
_GROUPS = {"machine": "res_cd", "job": "job_cd"}


@dataclass(frozen=True)
class Shift:
    """Times of a machine or a job that have changed.

    Attributes
    ----------
    measure : str
        'setup' or 'run'.
    kind : str
        'machine' or 'job'.
    code : str
        Which.
    ratio : float
        Median of its operations: a report since the change over the operation's median before.
    since : datetime.date
        First day of the new level: of all days the one that divides its reports best.
    orders, operations : int
        Reports since the change among the days that show it, and operations of items that they are of.
    """

    measure: str
    kind: str
    code: str
    ratio: float
    since: date
    orders: int
    operations: int


def find_shifts(samples: pl.LazyFrame, after: date) -> tuple[Shift, ...]:
    """The machines and jobs whose times have changed.

    Parameters
    ----------
    samples : polars.LazyFrame
        Single reports as the time profiles keep them: item_key, proc_seq, job_cd, res_cd, report_dt, setup_min, run_min_at_lot. Those
        that were set aside count too: a level that changed is often among them.
    after : datetime.date
        Last day of the level that is known.

    Returns
    -------
    tuple of Shift
        The clearest first, run times before set-up times.
    """
    return tuple(found for measure in reversed(MEASURES) for found in _shifts_of(samples, measure, after))


def _shifts_of(samples: pl.LazyFrame, measure: str, after: date) -> list[Shift]:
    reports = _against_before(samples, measure, after)
    late = reports.filter(pl.col("day") > after)
    if late.is_empty():
        return []
    newest = late["day"].max()
    assert isinstance(newest, date)
    looks = [after, *(newest - days for days in RECENT if newest - days > after)]
    tested = sum(late[column].n_unique() for column in _GROUPS.values()) * len(looks)
    found: list[Shift] = []
    # when it changed is asked of the days behind the next longer look: what was found there is set apart
    for look, behind in zip(looks, [date.min, *looks], strict=False):
        while len(found) < MOST:
            clearest = _clearest(reports.filter(pl.col("day") > look), LEVEL / tested)
            if clearest is None:
                break
            kind, code, ratio, operations = clearest
            here = pl.col(_GROUPS[kind]) == code
            own = reports.filter(here)
            since = _since(own.filter(pl.col("day") > behind), after)
            # of the days that were looked at those before the change are as they were, and would hide how far it went
            new = own.filter(pl.col("day") > look, pl.col("day") >= since)
            if new.select(_EACH).n_unique() >= LEAST_OPERATIONS:
                ratio, operations = _ratio(new)
            else:
                new = own.filter(pl.col("day") > look)
            found.append(Shift(measure, kind, code, ratio, since, new.height, operations))
            reports = reports.filter(~here)
    return found


def _against_before(samples: pl.LazyFrame, measure: str, after: date) -> pl.DataFrame:
    """Reports of operations that have some on both sides of the day: codes, day, and x = ln of the ratio to the median before."""
    value = pl.col(_VALUE[measure])
    timed = samples.filter(pl.col("report_dt") > after - BEFORE, value > 0).drop_nulls(["job_cd", "res_cd"])
    # few operations of a large plant were reported since: the others are left where they are
    seen = timed.filter(pl.col("report_dt") > after).select(_EACH).unique()
    rows = timed.join(seen, on=_EACH, how="semi").select(
        *(pl.col(c).cast(pl.String) for c in _EACH), day="report_dt", x=value.log()
    )
    level = (
        rows.group_by(_EACH)
        .agg(
            level=pl.col("x").filter(pl.col("day") <= after).median(),
            known=(pl.col("day") <= after).sum(),
        )
        .filter(pl.col("known") >= LEAST_BEFORE)
    )
    return (
        rows.join(level, on=_EACH)
        .select(*_EACH, "day", x=pl.col("x") - pl.col("level"))
        .sort("day", *_EACH)
        .collect()
    )


def _clearest(late: pl.DataFrame, level: float) -> tuple[str, str, float, int] | None:
    """The machine or job that has changed most clearly: kind, code, ratio and operations; None when none has."""
    from scipy.stats import binom

    each = late.group_by(_EACH).agg(pl.col("x").median())
    parts = [
        each.group_by(pl.col(column).alias("code"))
        .agg(n=pl.len(), longer=(pl.col("x") > 0).sum(), middle=pl.col("x").median())
        .with_columns(kind=pl.lit(kind))
        for kind, column in _GROUPS.items()
    ]
    groups = pl.concat(parts).filter(
        pl.col("n") >= LEAST_OPERATIONS, pl.col("middle").abs() >= np.log(LEAST_RATIO)
    )
    if groups.is_empty():
        return None
    n, longer = groups["n"].to_numpy(), groups["longer"].to_numpy()
    p = 2 * binom.cdf(np.minimum(longer, n - longer), n, 0.5)
    sure = groups.with_columns(
        clear=pl.Series(np.abs(2 * longer.astype(float) - n) / np.sqrt(n)), sure=pl.Series(p <= level)
    ).filter("sure")
    if sure.is_empty():
        return None
    row = sure.sort("clear", "kind", "code", descending=[True, True, False]).row(0, named=True)
    return row["kind"], row["code"], float(np.exp(row["middle"])), row["n"]


def _ratio(reports: pl.DataFrame) -> tuple[float, int]:
    """How many times as long the operations of these reports take, each counted once, and how many they are."""
    each = reports.group_by(_EACH).agg(pl.col("x").median())["x"]
    return float(np.exp(each.median())), each.len()  # type: ignore[arg-type]


def _since(reports: pl.DataFrame, after: date) -> date:
    """First day of the new level: where the sum of deviations from the mean is largest (CUSUM)."""
    days = reports.group_by("day").agg(total=pl.col("x").sum(), n=pl.len()).sort("day")
    mean = reports["x"].mean()
    moved = (days["total"] - days["n"] * mean).cum_sum().abs()
    place = int(moved[: days.height - 1].arg_max() or 0) if days.height > 1 else -1
    found = days["day"][place + 1]
    assert isinstance(found, date)
    return found
