"""Reports of before a change brought to the level after it.

Reports are weighed by their age, and a report of three years ago still counts for more than a half. After a machine or a job has become
slower, its times would stay old for years. So where a change is sure and has a day, each earlier report of that machine or job counts as
if it had been made after it: its minutes times the ratio (`setup_factor` and `run_factor` of the samples, 1 where nothing has changed).

What has changed is found as `shifts` does it, year by year from the oldest on, each year with what was found before it already brought to
the new level, so that a change that is older than a year is still known, and one of two changes is not taken for both. In one look a
report belongs to the change that explains most: a job that is slow because its machine is, is not brought up twice.

Most machines have not changed. So first the signs of all reports against their operation's median are counted by machine, job and month
(`signs`), and only machines and jobs whose signs are uneven over time are looked at (`uneven`).

A ratio of `SPLIT` and more is no change of the work but of how it is reported (`suspects`): it is told, and nothing is brought up to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import pairwise

import numpy as np
import polars as pl

from routing_etl.times.one_shard import Shard
from routing_etl.times.pooled import FACTORS, MEASURES
from routing_etl.times.shifts import (
    BEFORE,
    GROUPS,
    LEAST_OPERATIONS,
    LEAST_RATIO,
    LEVEL,
    Looked,
    against_before,
    shifts_in,
)
from routing_etl.times.suspects import SPLIT, Aside

#: Length of the windows in which a change is looked for, the last days of one that are looked at alone, and how often a window is
#: looked at: a machine may have changed more than once in it.
WINDOW = timedelta(days=365)
_RECENT = tuple(timedelta(days=d) for d in (182, 91, 28, 7))
_ROUNDS = 4
#: Standard deviations by which the signs before and after a month differ from where on a machine or job is looked at. A change that is sure
#: has above 4.
_UNEVEN = 3.5
_DAYS_OF_MONTH = 30
_EACH = ("shard", "key", "res_cd")
_SIGNS = ("job_cd", "res_cd", "month")


@dataclass(frozen=True)
class LevelChange:
    """A machine or a job whose times have changed for good.

    Attributes
    ----------
    measure : str
        'setup' or 'run'.
    kind : str
        'machine' or 'job'.
    code : str
        Which.
    since : datetime.date
        First day of the new level.
    ratio : float
        How many times as long its operations take since.
    before, after : int
        Its reports before the day, those without a date among them, and from it on.
    brought : bool
        Whether the earlier reports count at the new level.
    """

    measure: str
    kind: str
    code: str
    since: date
    ratio: float
    before: int = 0
    after: int = 0
    brought: bool = True


#: Changes that were found in one look at one window: a report belongs to the first that it is of.
Rounds = Sequence[Sequence[LevelChange]]


# --- which machines and jobs are looked at -----------------------------------------------------------------------------


def signs(shard: Shard, measure: str) -> pl.DataFrame:
    """By job, machine and month how many reports there are, and how many more are above their operation's median than below it.

    Parameters
    ----------
    shard : Shard
        Its samples.
    measure : {'setup', 'run'}
        Which times.
    """
    samples, frame = shard.samples[measure], shard.frame
    groups, rows = samples.groups, pl.Series(samples.row)
    sign = np.sign(groups.value - groups.spread(groups.quantile(0.5)))
    day = frame["report_dt"].gather(rows)
    return (
        pl.DataFrame(
            {
                "job_cd": frame["job_cd"].gather(rows),
                "res_cd": frame["res_cd"].gather(rows),
                "month": day.to_physical() // _DAYS_OF_MONTH,
                "day": day,
                "sign": sign.astype(np.int8),
            }
        )
        .drop_nulls()
        .group_by(_SIGNS)
        .agg(
            n=pl.len(),
            sign=pl.col("sign").cast(pl.Int64).sum(),
            first=pl.col("day").min(),
            last=pl.col("day").max(),
        )
    )


@dataclass(frozen=True)
class Looks:
    """Where changes are looked for.

    Attributes
    ----------
    codes : dict of str to list of str
        By kind the machines and jobs that may have changed.
    tested : int
        Machines and jobs with reports.
    first, last : datetime.date or None
        Days of the reports; None without any.
    """

    codes: dict[str, list[str]]
    tested: int
    first: date | None
    last: date | None

    @property
    def windows(self) -> list[tuple[date, date]]:
        """Last known day and last day of each window, the oldest first."""
        if self.first is None or self.last is None:
            return []
        ends = [self.last, self.last - min(WINDOW, (self.last - self.first) / 2)]
        while ends[-1] - WINDOW > self.first:
            ends.append(ends[-1] - WINDOW)
        return [(after, until) for until, after in pairwise(ends)][::-1]


def uneven(counts: pl.DataFrame) -> Looks:
    """The machines and jobs whose reports before and after some month are not as often above their operations' medians.

    Parameters
    ----------
    counts : polars.DataFrame
        `signs` of one measure and all shards.
    """
    codes, tested = {}, 0
    for kind, column in GROUPS.items():
        by_month = (
            counts.group_by(column, "month")
            .agg(pl.col("n", "sign").sum().cast(pl.Float64))
            .sort(column, "month")
        )
        n, s = (pl.col(c).cum_sum().over(column) for c in ("n", "sign"))
        whole, total = (pl.col(c).sum().over(column) for c in ("n", "sign"))
        spread = n * (whole - n) / whole
        apart = pl.when(spread > 0).then((s - n / whole * total).abs() / spread.sqrt())
        found = by_month.with_columns(apart=apart).filter(pl.col("apart") >= _UNEVEN)
        codes[kind] = found[column].cast(pl.String).unique().sort().to_list()
        tested += by_month[column].n_unique()
    first, last = counts["first"].min(), counts["last"].max()
    return Looks(codes, tested, first, last)  # type: ignore[arg-type]


def reports_of(
    shard: int, frame: pl.DataFrame, measure: str, looks: Looks, exponents: pl.DataFrame, aside: Aside | None
) -> pl.DataFrame:
    """The reports of these machines and jobs: shard, key, job_cd, res_cd, day, and x = ln of the minutes at one lot.

    Reports that are suspected are left out: that a machine is reported in another unit does not make it slow.

    Parameters
    ----------
    shard : int
        Number of the shard.
    frame : polars.DataFrame
        Its rows in minutes.
    measure : {'setup', 'run'}
        Which times.
    looks : Looks
        Which machines and jobs.
    exponents : polars.DataFrame
        The `job`s' lot exponents.
    aside : Aside, optional
        Rows that are set aside.
    """
    value = pl.col(f"{measure}_min")
    if aside is not None:
        frame = frame.filter(~(aside.before[measure] | aside.after[measure]))
    of = [
        pl.col(column).is_in(pl.Series(looks.codes[kind], dtype=frame.schema[column]).implode())
        for kind, column in GROUPS.items()
    ]
    rows = frame.filter(value > 0, pl.col("report_dt").is_not_null(), pl.any_horizontal(of)).select(
        "key", "job_cd", "res_cd", "pieces", pl.lit(shard, dtype=pl.Int32).alias("shard"), day="report_dt", x=value.log()
    )  # fmt: skip
    if measure == "run":
        size = pl.when(pl.col("pieces") > 0).then(pl.col("pieces").log())
        follows = pl.col("exponent").fill_nan(0.0).fill_null(0.0)
        rows = rows.join(
            exponents.select("job", "exponent"), left_on="job_cd", right_on="job", how="left"
        ).with_columns(x=pl.col("x") - follows * (size - size.mean().over("key")).fill_null(0.0))
    return rows.select(*_EACH, "job_cd", "day", "x")


# --- what has changed --------------------------------------------------------------------------------------------------


def find_changes(reports: pl.DataFrame, measure: str, looks: Looks) -> list[list[LevelChange]]:
    """The changes of one measure, round by round.

    Parameters
    ----------
    reports : polars.DataFrame
        `reports_of` all shards.
    measure : {'setup', 'run'}
        What they are of.
    looks : Looks
        Where changes are looked for.
    """
    rounds: list[list[LevelChange]] = []
    odd: list[LevelChange] = []
    windows = looks.windows
    for after, until in windows:
        looked = Looked(
            after, _EACH, _RECENT, LEVEL / len(windows), most=None, codes=looks.codes, tested=looks.tested
        )
        for _ in range(_ROUNDS):
            here = reports.filter(pl.col("day") <= until)
            shifts = shifts_in(against_before(here.lazy(), after, _EACH), measure, looked)
            dated = [
                LevelChange(measure, s.kind, s.code, s.since, s.ratio) for s in shifts if s.since is not None
            ]
            found = list(_measured(here.filter(pl.col("day") > after - BEFORE), dated))
            if not any(c.brought for c in found):
                odd += found
                break
            rounds.append(found)
            reports = reports.with_columns(x=pl.col("x") + _factor(reports, found, "day").log())
    return [*rounds, odd] if odd else rounds


def _measured(reports: pl.DataFrame, changes: list[LevelChange]) -> Iterator[LevelChange]:
    """The changes with the ratio of the reports on both sides of their days; those that are not large or have few operations are left out.

    The weighted median over operations: one with b reports before and a after weighs ab / (a + b).
    """
    of = reports.with_columns(change=_first_of(reports, changes))
    for number, change in enumerate(changes):
        late = pl.col("day") >= change.since
        each = (
            of.filter(pl.col("change") == number)
            .group_by(_EACH)
            .agg(
                step=pl.col("x").filter(late).median() - pl.col("x").filter(~late).median(),
                after=late.sum().cast(pl.Float64),
                before=(~late).sum().cast(pl.Float64),
            )
            .drop_nulls("step")
            .sort("step", "before", "after")
        )
        if each.height < LEAST_OPERATIONS:
            continue
        weight = (each["before"] * each["after"] / (each["before"] + each["after"])).to_numpy()
        middle = (np.cumsum(weight) - weight / 2) / weight.sum()
        ratio = float(np.exp(np.interp(0.5, middle, each["step"].to_numpy())))
        size = max(ratio, 1 / ratio)
        if size >= LEAST_RATIO:
            yield replace(change, ratio=ratio, brought=size < SPLIT)


def _first_of(frame: pl.DataFrame, changes: Sequence[LevelChange]) -> pl.Series:
    """The number of the first change that a row's machine or job is of; NULL where it is of none."""
    found = []
    for kind, column in GROUPS.items():
        mine = pl.DataFrame(
            {
                column: pl.Series([c.code for c in changes if c.kind == kind], dtype=pl.String),
                "change": pl.Series([i for i, c in enumerate(changes) if c.kind == kind], dtype=pl.Int32),
            }
        ).with_columns(pl.col(column).cast(frame.schema[column]))
        joined = frame.select(column).join(mine, on=column, how="left", maintain_order="left")
        found.append(joined["change"].alias(kind))
    return pl.DataFrame(found).select(pl.min_horizontal(pl.all())).to_series()


def _factor(frame: pl.DataFrame, changes: Sequence[LevelChange], day: str) -> pl.Series:
    """By what one round multiplies each row: the ratio of its change where it is older, or of unknown date."""
    of = pl.DataFrame(
        {
            "change": pl.Series(range(len(changes)), dtype=pl.Int32),
            "since": [c.since for c in changes],
            "ratio": [c.ratio if c.brought else 1.0 for c in changes],
        }
    )
    rows = pl.DataFrame([_first_of(frame, changes).alias("change"), frame[day].alias("day")])
    old = (pl.col("day") < pl.col("since")).fill_null(True)
    return (
        rows.join(of, on="change", how="left", maintain_order="left")
        .select(pl.when(old & pl.col("ratio").is_not_null()).then("ratio").otherwise(1.0).alias("factor"))
        .to_series()
    )


# --- what it means for the reports -------------------------------------------------------------------------------------


def at_level(frame: pl.DataFrame, rounds: dict[str, Rounds]) -> pl.DataFrame:
    """The rows of a shard with `setup_factor` and `run_factor`, and their minutes at the level after the changes.

    Parameters
    ----------
    frame : polars.DataFrame
        Rows in minutes, as they were reported.
    rounds : dict of str to Rounds
        By measure the changes.
    """
    for m in MEASURES:
        factor = pl.Series(FACTORS[m], np.ones(frame.height))
        for changes in rounds.get(m, ()):
            factor = factor * _factor(frame, changes, "report_dt")
        frame = frame.with_columns(factor.alias(FACTORS[m])).with_columns(
            pl.col(f"{m}_min") * pl.col(FACTORS[m])
        )
    return frame


def as_reported(samples: pl.DataFrame, brought: pl.DataFrame, reported: pl.DataFrame) -> pl.DataFrame:
    """The samples of a shard with their minutes as they were reported, and by what they are multiplied.

    Parameters
    ----------
    samples : polars.DataFrame
        Made of the rows `brought`, in their order.
    brought : polars.DataFrame
        The rows, `at_level`.
    reported : polars.DataFrame
        The rows before that.
    """
    return samples.with_columns(
        *(reported[f"{m}_min"] for m in MEASURES),
        (samples["run_min_at_lot"] / brought[FACTORS["run"]]).alias("run_min_at_lot"),
        *(brought[f] for f in FACTORS.values()),
    )


def counted(
    rounds: dict[str, Rounds], frames: Callable[[], Iterable[pl.DataFrame]]
) -> tuple[LevelChange, ...]:
    """The changes with the reports on either side of their days, run times first, each machine or job in the order of days.

    Parameters
    ----------
    rounds : dict of str to Rounds
        By measure the changes.
    frames : callable
        Gives the rows of all shards, one after the other.
    """
    every = [c for m in reversed(MEASURES) for r in rounds.get(m, ()) for c in r]
    # what is not brought up is found again in every look
    odd = {(c.measure, c.kind, c.code): c for c in reversed(every) if not c.brought}
    changes = [*(c for c in every if c.brought), *odd.values()]
    sides = np.zeros((len(changes), 2), dtype=np.int64)
    for frame in frames() if changes else ():
        late = [
            pl.col(GROUPS[c.kind]).eq(c.code)
            & (pl.col(f"{c.measure}_min") > 0)
            & (pl.col("report_dt") >= c.since)
            for c in changes
        ]
        own = [pl.col(GROUPS[c.kind]).eq(c.code) & (pl.col(f"{c.measure}_min") > 0) for c in changes]
        names = [str(i) for i in range(len(changes))]
        after, all_ = (
            np.array(
                frame.select(e.fill_null(False).sum().alias(n) for e, n in zip(es, names, strict=True)).row(0)
            )
            for es in (late, own)
        )
        sides += np.stack([all_ - after, after], axis=1)
    told = [
        replace(c, before=int(b), after=int(a)) for c, (b, a) in zip(changes, sides.tolist(), strict=True)
    ]
    return tuple(sorted(told, key=lambda c: (c.measure != "run", c.kind != "machine", c.code, c.since)))


def sentences(changes: Iterable[LevelChange]) -> Iterator[str]:
    """The changes in words."""
    for c in changes:
        what = "run times" if c.measure == "run" else "set-up times"
        told = (
            f"{what.capitalize()} of {c.kind} {c.code} are {c.ratio:.2f} times what they were since {c.since:%Y-%m-%d} ({c.before:,} reports "
            f"before, {c.after:,} since). "
        )
        yield told + (
            "The earlier ones count at the level since then."
            if c.brought
            else f"That is too much for a change of the work ({SPLIT} times or more): the earlier ones count as they are. See whether its "
            "unit, or what a report counts, has changed, and correct it in the source profile."
        )
