"""Whether reported run times have the set-up in them, which is published besides: the time would count twice.

With standards s for the set-up of an order and t for a piece, an order of q pieces that is booked as one time takes f (s + q t), so
a piece takes f (1 + z) times its standard, z = s / (q t). Where set-ups are booked apart, actual / standard does not follow z. Other work
that is done once per order makes pieces of large lots cheaper, too, by a power of q (`lot_size`); what the reports follow more closely
decides. Where an operation has no set-up at all, neither standard nor reported, the same is looked for with an unknown s.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from routing_etl.times.statistics import FloatArray
from routing_etl.times.suspects.found import Finding, in_reports
from routing_etl.times.suspects.limits import EXAMPLES

#: Fewest reports and operations of a job or machine that is judged.
_REPORTS, _OPERATIONS = 30, 10
#: Reports of a shard that are looked at; of more, every n-th operation.
_MOST = 50_000
#: A set-up of a tenth of the piece times makes no difference that can be seen: the third with the smallest lots must differ from that with
#: the largest by this factor in 1 + z.
_CONTRAST = 1.2
#: The share of the set-up that is in the times (1: all) must lie between these by two standard errors.
_LEAST, _LARGEST = 0.5, 1.5
#: Reports must scatter this much less around what a set-up explains than around their middle, and less than around a power of the lot.
_CLOSER, _THAN_LOT = 0.8, 0.97
#: Powers of the lot that are tried.
_POWERS = np.linspace(0.0, 1.0, 21)
#: Standard error of a median over that of a mean, and a median absolute deviation as a standard deviation (normal errors).
_MEDIAN, _NORMAL = 1.2533, 1.4826
#: Minutes of a set-up that no one states, from which it is told.
_UNSTATED = 3.0

_SCHEMA = {
    "job_cd": pl.String(), "res_cd": pl.String(), "item_key": pl.String(), "key": pl.UInt64(), "x": pl.Float64(), "z": pl.Float64(),
    "u": pl.Float64(), "lot": pl.Float64(), "booked": pl.Boolean(),
}  # fmt: skip


def set_ups_of(rows: pl.DataFrame) -> pl.DataFrame:
    """What a shard's reports say of set-ups in run times.

    Parameters
    ----------
    rows : polars.DataFrame
        A shard's rows in minutes with their standards.

    Returns
    -------
    polars.DataFrame
        `x`: ln(actual / standard); `z`: standard set-up over the standard time of all pieces, NULL without one; `u`: 1 over the standard
        time of all pieces; `lot`: ln pieces; `booked`: whether a set-up was reported, too.
    """
    step = max(1, rows.height // _MOST)
    pieces = pl.col("pieces")
    whole = pl.col("run_std") * pieces
    looked = rows.lazy().filter(pl.col("run_x").is_not_null(), pieces > 0, pl.col("key").hash() % step == 0)
    return looked.select(
        pl.col("job_cd", "res_cd", "item_key").cast(pl.String),
        "key",
        x=pl.col("run_x").cast(pl.Float64),
        z=pl.col("setup_std") / whole,
        u=1.0 / whole,
        lot=pieces.log(),
        booked=(pl.col("setup_min") > 0).fill_null(False),
    ).cast(_SCHEMA).collect()  # type: ignore[arg-type]  # fmt: skip


@dataclass(frozen=True)
class Within:
    """What is known of set-ups in run times.

    Parameters
    ----------
    jobs : tuple of str
        Whose run times surely have the set-up in them.
    machines : tuple of str
        The same, of other jobs.
    findings : list of Finding
        What is told.
    ratio : float or None
        Median of 1 + z: by what factor a plant's run times are too long where all of them have the set-up in them.
    """

    jobs: tuple[str, ...]
    machines: tuple[str, ...]
    findings: list[Finding]
    ratio: float | None


def set_ups_within(parts: Sequence[pl.DataFrame]) -> Within:
    """Find the jobs, and of the rest the machines, whose reported run times have the set-up in them.

    Parameters
    ----------
    parts : sequence of polars.DataFrame
        As `set_ups_of` returns them, of all shards; keys of one shard are apart from those of another.
    """
    rows = pl.concat(p.with_columns(shard=pl.lit(k, pl.Int32)) for k, p in enumerate(parts))
    stated = rows.filter(pl.col("z") > 0)
    jobs = _surely(stated, "job_cd")
    rest = stated.filter(~pl.col("job_cd").is_in([j.name for j in jobs]))
    machines = _surely(rest, "res_cd")
    findings = []
    if jobs or machines:
        findings.append(_told(stated, jobs, machines))
    unstated = rows.filter(
        ~(pl.col("z") > 0).fill_null(False), ~pl.col("booked").any().over("job_cd")
    ).drop_nulls("job_cd")
    findings += [_unstated_told(unstated)] if (unstated := _with_unstated(unstated)).height else []
    ratio = float(stated["z"].median()) + 1.0 if stated.height else None  # type: ignore[arg-type]
    return Within(tuple(j.name for j in jobs), tuple(m.name for m in machines), findings, ratio)


@dataclass(frozen=True)
class _Share:
    """The share of the set-up that is in the run times of a job or machine, with its standard error."""

    name: str
    share: float
    error: float


def _surely(rows: pl.DataFrame, by: str) -> list[_Share]:
    """Jobs or machines of which the share of the set-up in their run times is surely about 1."""
    found = []
    for (name,), mine in sorted(rows.drop_nulls(by).partition_by(by, as_dict=True).items()):
        if mine.height < _REPORTS or mine.select("shard", "key").n_unique() < _OPERATIONS:
            continue
        share = _share(str(name), mine)
        if share is not None:
            found.append(share)
    return found


def _share(name: str, rows: pl.DataFrame) -> _Share | None:
    """The share of the set-up in run times, where it is surely about 1; None else."""
    x, z, lot = (rows[c].to_numpy() for c in ("x", "z", "lot"))
    h = np.log1p(z)
    thirds = _thirds(z)
    if thirds is None or np.median(h[thirds.high]) - np.median(h[thirds.low]) < np.log(_CONTRAST):
        return None
    left = _scatter(x - h)
    if left > _CLOSER * _scatter(x) or left > _THAN_LOT * _by_power(x, lot):
        return None
    level = float(np.median(np.exp(x - h)))
    share, error = _slope(np.exp(x) / level, z, thirds, rows)
    if share - 2 * error < _LEAST or share + 2 * error > _LARGEST:
        return None
    return _Share(name, share, error)


@dataclass(frozen=True)
class _Thirds:
    """Which reports have the smallest and which the largest values."""

    low: np.ndarray[tuple[int], np.dtype[np.bool_]]
    high: np.ndarray[tuple[int], np.dtype[np.bool_]]


def _thirds(value: FloatArray) -> _Thirds | None:
    """The lower and upper third; None where values are so alike that they are one."""
    first, second = np.quantile(value, (1 / 3, 2 / 3))
    thirds = _Thirds(value <= first, value >= second)
    return None if (thirds.low & thirds.high).any() else thirds


def _slope(y: FloatArray, x: FloatArray, thirds: _Thirds, rows: pl.DataFrame) -> tuple[float, float]:
    """Rise of the median of y from the lower to the upper third of x, and its standard error by operations, not reports."""
    rise = float(np.median(x[thirds.high]) - np.median(x[thirds.low]))
    slope = float(np.median(y[thirds.high]) - np.median(y[thirds.low])) / rise
    off = y - slope * x
    spread = _NORMAL * float(np.median(np.abs(off - np.median(off))))
    few = sum(
        1.0 / rows.filter(pl.Series(side)).select("shard", "key").n_unique()
        for side in (thirds.low, thirds.high)
    )
    return slope, _MEDIAN * spread * float(np.sqrt(few)) / rise


def _scatter(x: FloatArray) -> float:
    """Mean absolute deviation from the median."""
    return float(np.mean(np.abs(x - np.median(x))))


def _by_power(x: FloatArray, lot: FloatArray) -> float:
    """Scatter around the power of the lot that leaves the least."""
    return min(_scatter(x + e * lot) for e in _POWERS)


def _told(rows: pl.DataFrame, jobs: Sequence[_Share], machines: Sequence[_Share]) -> Finding:
    of_jobs = pl.col("job_cd").is_in([j.name for j in jobs])
    mine = rows.filter(of_jobs | pl.col("res_cd").is_in([m.name for m in machines]).fill_null(False))
    operations = mine.select("shard", "key").n_unique()
    named = "; ".join(
        f"{word} {', '.join(f'{s.name} ({s.share:.2f} +- {s.error:.2f})' for s in shares[:EXAMPLES])}{' ...' if len(shares) > EXAMPLES else ''}"
        for word, shares in (("job", jobs), ("machine", machines))
        if shares
    )
    ratio = float(np.exp(mine["x"].median()))  # type: ignore[arg-type]
    booked = float(mine["booked"].mean())  # type: ignore[arg-type]
    apart = (
        f"although {booked:.0%} of them report a set-up besides"
        if booked
        else "and no set-up is reported besides"
    )
    return Finding(
        "set_up_within", "run", "reports with the set-up in them", mine.height, operations, mine.height, ratio,
        tuple(mine["item_key"].unique().sort().head(EXAMPLES)),
        f"The reported run times of {operations:,} operation(s) ({in_reports(mine.height)}) have the set-up in them, {apart}: the smaller an order, "
        f"the longer its pieces take, by this share of the standard set-up (1: all of it): {named}. Published beside a set-up time it would "
        "count twice, so the standards are used instead. If it is so, write setup_within_run in [results]: \"reported\" where the report states "
        "the set-up besides, else \"standard\"; or map record_kind with kinds, if set-up has rows of its own.",
    )  # fmt: skip


# --- a set-up that no one states ----------------------------------------------------------------------------------------
def _with_unstated(rows: pl.DataFrame) -> pl.DataFrame:
    """Reports of jobs whose orders have a fixed part, with its `minutes`."""
    found = []
    for _, mine in sorted(rows.partition_by("job_cd", as_dict=True).items()):
        if mine.height < _REPORTS or mine.select("shard", "key").n_unique() < _OPERATIONS:
            continue
        minutes = _fixed(mine)
        if minutes is not None:
            found.append(mine.with_columns(minutes=pl.lit(minutes)))
    return pl.concat(found) if found else rows.clear().with_columns(minutes=pl.lit(None, pl.Float64))


def _fixed(rows: pl.DataFrame) -> float | None:
    """Minutes of an order that do not depend on its pieces; None where reports do not surely show any."""
    x, u, lot = (rows[c].to_numpy() for c in ("x", "u", "lot"))
    thirds = _thirds(u)
    if thirds is None:
        return None
    minutes, error = _slope(np.exp(x), u, thirds, rows)
    if minutes < _UNSTATED or minutes - 2 * error < 0.5 * minutes:
        return None
    level = float(np.median(np.exp(x) - minutes * u))
    if level <= 0:
        return None
    h = np.log1p(minutes / level * u)
    if np.median(h[thirds.high]) - np.median(h[thirds.low]) < np.log(_CONTRAST):
        return None
    left = _scatter(x - h)
    if left > _CLOSER * _scatter(x) or left > _THAN_LOT * _by_power(x, lot):
        return None
    return minutes


def _unstated_told(rows: pl.DataFrame) -> Finding:
    jobs = rows.unique("job_cd").sort("job_cd").select("job_cd", "minutes").rows()
    named = ", ".join(f"{job} {minutes:.0f}" for job, minutes in jobs[:EXAMPLES])
    operations = rows.select("shard", "key").n_unique()
    return Finding(
        "set_up_within", "run", "orders with a fixed part", rows.height, operations, 0, float(np.exp(rows["x"].median())),  # type: ignore[arg-type]
        tuple(rows["item_key"].unique().sort().head(EXAMPLES)),
        f"The orders of {len(jobs):,} job(s) ({in_reports(rows.height)} of {operations:,} operation(s)) take some minutes besides their pieces, "
        f"which neither a standard nor a report states as set-up (minutes an order: {named}{' ...' if len(jobs) > EXAMPLES else ''}). The reports are "
        "used: times of a piece hold for orders of the usual size, and no set-up time is published for them. Map setup_time in [results] or "
        "[operations], if the ERP has it.",
    )  # fmt: skip
