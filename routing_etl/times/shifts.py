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
#: A report counts as if it were at most so many robust standard deviations from its operation's middle. Reports either way in which
#: a change by one standard deviation may have begun: 11 for 95 % (Bai 1997), and a few more, as the days are whole and the reports few. What
#: the reports on both sides of a day must weigh together: an operation with one before and one after weighs a half.
_FAR, _OPEN, _LEAST_WEIGHT = 3.0, 14.0, 2.0
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
    since : datetime.date or None
        First day of the new level: of all days the one from which on the reports of its operations differ most clearly from their own
        before. None where no day does.
    between : tuple of datetime.date
        First and last day that the reports leave open (95 %); empty without a day.
    orders, operations : int
        Reports since the change among the days that show it, and operations of items that they are of.
    """

    measure: str
    kind: str
    code: str
    ratio: float
    since: date | None
    between: tuple[date, ...]
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
            began = _began(own, ratio > 1, behind)
            # of the days that were looked at those before the change are as they were, and would hide how far it went
            new = own.filter(pl.col("day") > look, pl.col("day") >= (began.day if began else look))
            if new.select(_EACH).n_unique() >= LEAST_OPERATIONS:
                ratio, operations = _ratio(new)
            else:
                new = own.filter(pl.col("day") > look)
            days = (began.first, began.last) if began else ()
            found.append(
                Shift(measure, kind, code, ratio, began.day if began else None, days, new.height, operations)
            )
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


@dataclass(frozen=True)
class _Began:
    """When a change began: the day that fits best, and the first and last one that the reports leave open."""

    day: date
    first: date
    last: date


def _began(reports: pl.DataFrame, longer: bool, behind: date) -> _Began | None:
    """The day from which on the reports of a machine or job are longer, or shorter, than those of the same operations before.

    Of all days the one whose step leaves least of the squares within operations (each with a mean of its own, so that it does not
    matter which operations were reported before and after, nor what the level was that they are compared with). Its interval is
    `_OPEN` / (step / sigma)^2 reports either way (Bai 1997, Estimation of a change point in multiple regression models). Reports far from their operation's middle count as if they were `_FAR` deviations away.

    Parameters
    ----------
    reports : polars.DataFrame
        Those of the machine or job, by day, as `_against_before` gives them.
    longer : bool
        Which way it changed.
    behind : datetime.date
        It began on a later day.
    """
    each = reports.with_columns(far=pl.col("x") - pl.col("x").median().over(_EACH))
    bound = _FAR * 1.4826 * float(each["far"].abs().median() or 0.0) or np.inf  # type: ignore[arg-type]
    each = each.with_columns(
        far=pl.col("far").clip(-bound, bound),
        of=pl.len().over(_EACH),
        # how many of its operation's reports are no earlier than this one
        place=pl.len().over(_EACH) - pl.int_range(pl.len()).over(_EACH),
    ).with_columns(far=pl.col("far") - pl.col("far").mean().over(_EACH))
    days = (
        each.group_by("day")
        .agg(
            moved=pl.col("far").sum(),
            weighs=((pl.col("of") - 2 * pl.col("place") + 1) / pl.col("of")).sum(),
        )
        .sort("day", descending=True)
        .with_columns(pl.col("moved", "weighs").cum_sum())
    )
    sign = 1.0 if longer else -1.0
    possible = days.filter(
        pl.col("day") > behind, pl.col("weighs") > _LEAST_WEIGHT, pl.col("moved") * sign > 0
    )
    if possible.is_empty():
        return None
    gain = possible["moved"] ** 2 / possible["weighs"]
    best = int(gain.arg_max() or 0)
    day, step = possible["day"][best], float(possible["moved"][best] / possible["weighs"][best])
    left = max(float((each["far"] ** 2).sum() - gain[best]), 0.0)  # type: ignore[operator]
    free = each.height - each.select(_EACH).n_unique() - 1
    reach = _OPEN * left / max(free, 1) / step**2
    # those say something of the day whose operations were reported before and after
    ends = (pl.col("day").min().over(_EACH) < day) & (pl.col("day").max().over(_EACH) >= day)
    telling = each.filter(ends).group_by("day").agg(n=pl.len()).sort("day")
    later = telling.filter(pl.col("day") >= day).filter(pl.col("n").cum_sum() - pl.col("n") <= reach)["day"]
    # it may have begun on any day after the last one that is surely before it
    surely = telling.filter(pl.col("day") < day).filter(pl.col("n").cum_sum(reverse=True) > reach)["day"]
    first = surely[-1] + timedelta(days=1) if len(surely) else each["day"][0]
    return _Began(day, first, later[-1] if len(later) else day)
