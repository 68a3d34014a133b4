"""Times that are no longer what they were: reports after a day against those of the same operations before it, by machine and by job.

Each operation of an item on a machine is compared with itself, as ln(report / its median before), so that another mix of items is no
change, and each counts once, however often it was reported. A machine or a job has changed when the sign test over its operations says so
among all that are tested, and the median ratio is outside `LEAST_RATIO`. What explains most is taken first and its reports are set apart, so
that a slow machine is told once and not as ten slow jobs.
"""

from __future__ import annotations

from collections.abc import Sequence
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
#: What names an operation of an item on a machine, and what has times of its own.
EACH = ("item_key", "proc_seq", "job_cd", "res_cd")
GROUPS = {"machine": "res_cd", "job": "job_cd"}


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
        Single reports as the time profiles keep them: item_key, proc_seq, job_cd, res_cd, report_dt, setup_min, run_min_at_lot, as they
        were reported (`levels`). Those that were set aside count too: a level that changed is often among them.
    after : datetime.date
        Last day of the level that is known.

    Returns
    -------
    tuple of Shift
        The clearest first, run times before set-up times.
    """
    found: list[Shift] = []
    for measure in reversed(MEASURES):
        value = pl.col(_VALUE[measure])
        rows = samples.filter(value > 0).select(*EACH, day="report_dt", x=value.log())
        reports = against_before(rows, after, EACH).with_columns(pl.col("job_cd", "res_cd").cast(pl.String))
        found += shifts_in(reports, measure, Looked(after, EACH))
    return tuple(found)


@dataclass(frozen=True)
class Looked:
    """How changes are looked for.

    Attributes
    ----------
    after : datetime.date
        Last day of the level that is known.
    each : tuple of str
        Columns that name an operation of an item on a machine.
    recent : tuple of datetime.timedelta
        Last days that are looked at alone, the longest first.
    level : float
        Chance of any false alarm.
    most : int or None
        Changes that are told at most; None: all.
    codes : dict of str to list of str, optional
        By kind the machines and jobs that can be found; None: all.
    tested : int, optional
        Machines and jobs that are tested; None: those that are reported.
    """

    after: date
    each: tuple[str, ...]
    recent: tuple[timedelta, ...] = RECENT
    level: float = LEVEL
    most: int | None = MOST
    codes: dict[str, list[str]] | None = None
    tested: int | None = None


def shifts_in(reports: pl.DataFrame, measure: str, looked: Looked) -> list[Shift]:
    """The changes of one measure, the clearest of each look first.

    Parameters
    ----------
    reports : polars.DataFrame
        As `against_before` gives them.
    measure : {'setup', 'run'}
        What they are of.
    looked : Looked
        How changes are looked for.
    """
    after, each = looked.after, looked.each
    late = reports.filter(pl.col("day") > after)
    if late.is_empty():
        return []
    newest = late["day"].max()
    assert isinstance(newest, date)
    looks = [after, *(newest - days for days in looked.recent if newest - days > after)]
    tested = looked.tested or sum(late[column].n_unique() for column in GROUPS.values())
    found: list[Shift] = []
    # when it changed is asked of the days behind the next longer look: what was found there is set apart
    for look, behind in zip(looks, [date.min, *looks], strict=False):
        operations = _middles(reports.filter(pl.col("day") > look), each)
        while looked.most is None or len(found) < looked.most:
            clearest = _clearest(operations, looked.level / (tested * len(looks)), looked.codes)
            if clearest is None:
                break
            kind, code, ratio, n = clearest
            here = pl.col(GROUPS[kind]) == code
            own = reports.filter(here)
            began = _began(own, ratio > 1, behind, each)
            # of the days that were looked at those before the change are as they were, and would hide how far it went
            new = own.filter(pl.col("day") > look, pl.col("day") >= (began.day if began else look))
            since = _middles(new, each)
            if since.height >= LEAST_OPERATIONS:
                ratio, n = float(np.exp(since["x"].median())), since.height  # type: ignore[arg-type]
            else:
                new = own.filter(pl.col("day") > look)
            days = (began.first, began.last) if began else ()
            found.append(Shift(measure, kind, code, ratio, began.day if began else None, days, new.height, n))
            reports, operations = reports.filter(~here), operations.filter(~here)
    return found


def against_before(rows: pl.LazyFrame, after: date, each: Sequence[str]) -> pl.DataFrame:
    """Reports of operations that have some on both sides of a day, by day, with x less its median before.

    Parameters
    ----------
    rows : polars.LazyFrame
        Reports above 0: the columns of `each`, job_cd, res_cd, day, and x = ln of the minutes.
    after : datetime.date
        The day.
    each : sequence of str
        Columns that name an operation of an item on a machine.
    """
    timed = rows.filter(pl.col("day") > after - BEFORE).drop_nulls(["job_cd", "res_cd"])
    # few operations of a large plant were reported since: the others are left where they are
    seen = timed.filter(pl.col("day") > after).select(each).unique()
    known = timed.join(seen, on=each, how="semi")
    level = (
        known.group_by(each)
        .agg(
            level=pl.col("x").filter(pl.col("day") <= after).median(),
            known=(pl.col("day") <= after).sum(),
        )
        .filter(pl.col("known") >= LEAST_BEFORE)
    )
    return (
        known.join(level, on=each)
        .select(*dict.fromkeys((*each, "job_cd", "res_cd")), "day", x=pl.col("x") - pl.col("level"))
        .sort("day", "x")
        .collect()
    )


def _middles(reports: pl.DataFrame, each: Sequence[str]) -> pl.DataFrame:
    """Each operation with its job, its machine and the median of its reports."""
    codes = [pl.col(c).first() for c in GROUPS.values() if c not in each]
    return reports.group_by(each).agg(*codes, pl.col("x").median())


def _clearest(
    operations: pl.DataFrame, level: float, codes: dict[str, list[str]] | None
) -> tuple[str, str, float, int] | None:
    """The machine or job that has changed most clearly: kind, code, ratio and operations; None when none has."""
    from scipy.stats import binom

    parts = [
        operations.group_by(column)
        .agg(n=pl.len(), longer=(pl.col("x") > 0).sum(), middle=pl.col("x").median())
        .select(pl.col(column).cast(pl.String).alias("code"), "n", "longer", "middle", kind=pl.lit(kind))
        .filter(True if codes is None else pl.col("code").is_in(codes[kind]))
        for kind, column in GROUPS.items()
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


@dataclass(frozen=True)
class _Began:
    """When a change began: the day that fits best, and the first and last one that the reports leave open."""

    day: date
    first: date
    last: date


def _began(reports: pl.DataFrame, longer: bool, behind: date, each: Sequence[str]) -> _Began | None:
    """The day from which on the reports of a machine or job are longer, or shorter, than those of the same operations before.

    Of all days the one whose step leaves least of the squares within operations (each with a mean of its own, so that it does not
    matter which operations were reported before and after, nor what the level was that they are compared with). Its interval is
    `_OPEN` / (step / sigma)^2 reports either way (Bai 1997, Estimation of a change point in multiple regression models). Reports far from their operation's middle count as if they were `_FAR` deviations away.

    Parameters
    ----------
    reports : polars.DataFrame
        Those of the machine or job, by day, as `against_before` gives them.
    longer : bool
        Which way it changed.
    behind : datetime.date
        It began on a later day.
    each : sequence of str
        Columns that name an operation of an item on a machine.
    """
    rows = reports.with_columns(far=pl.col("x") - pl.col("x").median().over(each))
    bound = _FAR * 1.4826 * float(rows["far"].abs().median() or 0.0) or np.inf  # type: ignore[arg-type]
    rows = rows.with_columns(
        far=pl.col("far").clip(-bound, bound),
        of=pl.len().over(each),
        # how many of its operation's reports are no earlier than this one
        place=pl.len().over(each) - pl.int_range(pl.len()).over(each),
    ).with_columns(far=pl.col("far") - pl.col("far").mean().over(each))
    days = (
        rows.group_by("day")
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
    left = max(float((rows["far"] ** 2).sum() - gain[best]), 0.0)  # type: ignore[operator]
    free = rows.height - rows.select(each).n_unique() - 1
    reach = _OPEN * left / max(free, 1) / step**2
    # those say something of the day whose operations were reported before and after
    ends = (pl.col("day").min().over(each) < day) & (pl.col("day").max().over(each) >= day)
    telling = rows.filter(ends).group_by("day").agg(n=pl.len()).sort("day")
    later = telling.filter(pl.col("day") >= day).filter(pl.col("n").cum_sum() - pl.col("n") <= reach)["day"]
    # it may have begun on any day after the last one that is surely before it
    surely = telling.filter(pl.col("day") < day).filter(pl.col("n").cum_sum(reverse=True) > reach)["day"]
    first = surely[-1] + timedelta(days=1) if len(surely) else rows["day"][0]
    return _Began(day, first, later[-1] if len(later) else day)
