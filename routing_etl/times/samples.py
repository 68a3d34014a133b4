"""Which converted times are entry errors or outliers, and order statistics of many small groups at once.

Belongs here: the rule that keeps a sample out (one measure at a time, so that a wrong run time never costs the
operation its set-up) and the statistics of sorted groups. Does not: conversion (`convert.py`), files (`profiles.py`).

The rule, on r = ln(minutes), because times spread by factors and not by minutes:

* centre of a group (item, operation, job): the median of its r when it has 3 samples or more. With 2 samples that
  disagree by more than `LIMIT` scales of a difference, the one nearer to the job's median; with 1 sample, the job's
  median.
* scale: for groups with 2 samples or more the job's pooled spread inside groups, 1.4826 x median |r - group median|
  over all its groups of 3 and more, without one middle sample of each group, whose deviation is (nearly) 0 by
  construction: so the estimate is within 6 % of a normal spread from groups of 3 on. The plant's pooled spread where
  the job has too few. For a single sample the job's whole spread, 1.4826 x median |r - job median|. Never
  under `SCALE_FLOOR`. Pooling is what makes it usable: a group of 4 has no spread of its own to speak of.
* outlier: |r - centre| > 3.5 scales, the modified z-score limit of Iglewicz and Hoaglin (1993, "How to Detect and
  Handle Outliers"). It replaces the 1.5 IQR and z > 2.5 rules of the earlier system (LEGACY 2.8 S3, S5), which need
  larger groups than a plant has.
* entry error: the deviation is above 2.5 scales and equals a known slip within 2 scales, and the slip is itself
  recognisable (ln of its factor above 3.5 scales): minutes typed as hours (the value is `time_factor_min` times too large) or the time of one piece
  where the whole order was due, or the reverse (wrong by the quantity).

Nothing is corrected or clipped; what is kept out is counted. The standard times of the routing play no part, so that a
plant whose reports are all in the wrong unit is caught by the plausibility check and not hidden here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from routing_etl.times.scenarios import TRIM, optimal_time, safe_time

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

LIMIT = 3.5
SCALE_FLOOR = 0.1
#: Deviations needed before a spread is believed.
MIN_DEVIATIONS = 10
_NORMAL = 1.4826
_SLIP_LIMIT = 2.5
_SLIP_WIDTH = 2.0


@dataclass(frozen=True)
class SortedGroups:
    """Values sorted by (group, value): where each group starts and how many values it has."""

    key: npt.NDArray[np.uint64]
    value: FloatArray
    row: IntArray
    start: IntArray
    size: IntArray

    @classmethod
    def of(cls, frame: pl.DataFrame) -> SortedGroups:
        """From columns `key` (UInt64), `value` (Float64), `row` (index into the caller's frame), in any order."""
        frame = frame.sort("key", "value")
        return cls._from_sorted(
            frame["key"].to_numpy(), frame["value"].to_numpy(), frame["row"].cast(pl.Int64).to_numpy()
        )

    @classmethod
    def _from_sorted(cls, key: npt.NDArray[np.uint64], value: FloatArray, row: IntArray) -> SortedGroups:
        if len(key) == 0:
            start = np.empty(0, dtype=np.int64)
        else:
            start = np.concatenate([[0], np.flatnonzero(key[1:] != key[:-1]) + 1]).astype(np.int64)
        size = np.diff(np.append(start, len(key))).astype(np.int64)
        return cls(key, value, row, start, size)

    def keep(self, mask: BoolArray) -> SortedGroups:
        """The same groups with only the values under `mask`; groups without any vanish."""
        return self._from_sorted(self.key[mask], self.value[mask], self.row[mask])

    @property
    def keys(self) -> npt.NDArray[np.uint64]:
        """The key of each group."""
        return self.key[self.start]

    def quantile(self, q: float, of: FloatArray | None = None) -> FloatArray:
        """Quantile of each group with linear interpolation; `of`: other values in the same sorted order."""
        values = self.value if of is None else of
        position = q * (self.size - 1)
        low = np.floor(position).astype(np.int64)
        high = np.minimum(low + 1, self.size - 1)
        a, b = values[self.start + low], values[self.start + high]
        return np.asarray(a + (b - a) * (position - low))

    def statistics(self) -> dict[str, npt.NDArray[np.generic]]:
        """n, mean, trimmed mean (10 % of the values at each end, rounded down), std (ddof 0), quantiles of each group."""
        if len(self.start) == 0:
            return {name: np.empty(0) for name in ("n", "mean", "trim_mean", "std", "p10", "p50", "p90")}
        mean = np.add.reduceat(self.value, self.start) / self.size
        deviation = self.value - np.repeat(mean, self.size)
        std = np.sqrt(np.add.reduceat(deviation * deviation, self.start) / self.size)
        cut = np.floor(self.size * TRIM).astype(np.int64)
        trimmed = mean.copy()
        large = cut > 0
        if large.any():
            position = np.arange(len(self.value)) - np.repeat(self.start, self.size)
            inside = (position >= np.repeat(cut, self.size)) & (
                position < np.repeat(self.size - cut, self.size)
            )
            total = np.add.reduceat(np.where(inside, self.value, 0.0), self.start)
            trimmed[large] = (total / (self.size - 2 * cut))[large]
        return {
            "n": self.size,
            "mean": mean,
            "trim_mean": trimmed,
            "std": std,
            "p10": self.quantile(0.1),
            "p50": self.quantile(0.5),
            "p90": self.quantile(0.9),
        }


def deviations(groups: SortedGroups, job: pl.Series) -> pl.DataFrame:
    """What the scales are made of, per value: its `job`, `log` and `dev` (|log - group median|, NULL in small groups)."""
    log = np.log(groups.value)
    dev = np.abs(log - np.repeat(groups.quantile(0.5, log), groups.size))
    size = np.repeat(groups.size, groups.size)
    middle = np.zeros(len(log), dtype=bool)
    middle[groups.start + (groups.size - 1) // 2] = True
    counts = (size >= 3) & ~middle
    return pl.DataFrame({"job": job, "log": log, "dev": dev}).with_columns(
        dev=pl.when(pl.Series(counts)).then("dev")
    )


def scales(parts: pl.LazyFrame) -> pl.DataFrame:
    """Per `job`: `centre` (median log), `spread` (whole job) and `within` (inside groups), floored.

    `parts` has the columns of `deviations`, of one measure and all shards. `spread` is NULL for a job with fewer than
    `MIN_DEVIATIONS` samples; `within` falls back to the plant's and is NULL when that too has too few.
    """
    by_job = parts.group_by("job").agg(
        centre=pl.col("log").median(),
        samples=pl.len(),
        within=pl.when(pl.col("dev").count() >= MIN_DEVIATIONS).then(pl.col("dev").median()),
    )
    plant = parts.select(pl.when(pl.col("dev").count() >= MIN_DEVIATIONS).then(pl.col("dev").median()))
    by_job_frame, plant_frame = pl.collect_all([by_job, plant], engine="streaming")
    whole = (
        parts.join(by_job_frame.lazy().select("job", "centre"), on="job")
        .group_by("job")
        .agg(spread=(pl.col("log") - pl.col("centre")).abs().median())
        .collect(engine="streaming")
    )
    within = pl.col("within").fill_null(pl.lit(plant_frame.item(), pl.Float64))
    return by_job_frame.join(whole, on="job").select(
        "job",
        "centre",
        spread=pl.when(pl.col("samples") >= MIN_DEVIATIONS).then(_scale(pl.col("spread"))),
        within=_scale(within),
    )


def _scale(median_deviation: pl.Expr) -> pl.Expr:
    """A median absolute deviation as a normal standard deviation, floored; NULL stays NULL."""
    scale = _NORMAL * median_deviation
    return pl.when(scale > SCALE_FLOOR).then(scale).when(scale.is_not_null()).then(SCALE_FLOOR)


@dataclass(frozen=True)
class Removed:
    """Masks over sorted values: `unit` minutes typed as hours, `quantity` order and piece mixed up, `outlier` others."""

    unit: BoolArray
    quantity: BoolArray
    outlier: BoolArray

    @property
    def any(self) -> BoolArray:
        """Kept out for whatever reason."""
        return np.asarray(self.unit | self.quantity | self.outlier)


def find_removed(
    groups: SortedGroups,
    centre: FloatArray,
    spread: FloatArray,
    within: FloatArray,
    *,
    unit_factor: float,
    quantity: FloatArray | None,
) -> Removed:
    """Apply the rule of this module.

    Parameters
    ----------
    groups: samples above 0, in minutes.
    centre, spread, within: the job's `scales`, one entry per group; NaN where there is none.
    unit_factor: how far off a value is that was typed in minutes where the ERP reports its own unit (60 for hours).
    quantity: pieces of the report behind each value, NaN when unknown; None when no quantity can be mixed up.
    """
    log = np.log(groups.value)
    own = groups.quantile(0.5, log)
    first, last = log[groups.start], log[groups.start + groups.size - 1]
    disagree = (groups.size == 2) & (last - first > LIMIT * np.sqrt(2.0) * within)
    nearer = np.where(np.abs(first - centre) <= np.abs(last - centre), first, last)
    reference = np.where(groups.size == 1, centre, np.where(disagree & np.isfinite(centre), nearer, own))
    scale = np.repeat(np.where(groups.size == 1, spread, within), groups.size)
    distance = log - np.repeat(reference, groups.size)

    def slip(factor: FloatArray, *, both: bool) -> BoolArray:
        known = np.isfinite(factor) & (factor > 1) & np.isfinite(scale)
        size = np.log(np.where(known, factor, 2.0))
        found = np.abs(distance - size) <= _SLIP_WIDTH * scale
        if both:
            found |= np.abs(distance + size) <= _SLIP_WIDTH * scale
        return np.asarray(known & (size > LIMIT * scale) & found & (np.abs(distance) > _SLIP_LIMIT * scale))

    with np.errstate(invalid="ignore"):
        unit = slip(np.full(len(log), unit_factor), both=False)
        mixed = slip(quantity, both=True) & ~unit if quantity is not None else np.zeros(len(log), dtype=bool)
        far = np.abs(distance) > LIMIT * scale
    return Removed(unit, mixed, np.asarray(far & ~unit & ~mixed))


def with_scenarios(frame: pl.DataFrame, measure: str) -> pl.DataFrame:
    """Add `cv`, `optimal`, `standard`, `safe` of one measure to columns named `<measure>_<statistic>`.

    STD is the trimmed mean; OPT <= STD <= SAFE follows from the formulas of `scenarios.py`.
    """
    std, standard = pl.col(f"{measure}_std"), pl.col(f"{measure}_trim_mean")
    return frame.with_columns(
        (std / pl.col(f"{measure}_mean")).alias(f"{measure}_cv"),
        optimal_time(standard, std).alias(f"{measure}_optimal"),
        standard.alias(f"{measure}_standard"),
        safe_time(standard, std).alias(f"{measure}_safe"),
    )
