"""Which converted times are entry errors or outliers, and order statistics of many small groups at once.

Belongs here: the rule that keeps a sample out, one measure at a time, so that a wrong run time never costs the operation
its set-up. Does not: conversion (`convert.py`), statistics of what is kept (`statistics.py`), files (`profiles.py`).

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
  Handle Outliers"). It replaces the 1.5 IQR and z > 2.5 rules of the earlier system (docs/legacy-system.md 2.8), which need
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

from routing_etl.times.statistics import BoolArray, FloatArray, SortedGroups

LIMIT = 3.5
SCALE_FLOOR = 0.1
#: Deviations needed before a spread is believed.
MIN_DEVIATIONS = 10
_NORMAL = 1.4826
_SLIP_LIMIT = 2.5
_SLIP_WIDTH = 2.0


@dataclass(frozen=True)
class Samples:
    """Usable times of one measure (minutes above 0), sorted by group and value.

    `row`: index into the frame they come from, per value; `key`: of each group.
    """

    groups: SortedGroups
    row: npt.NDArray[np.uint32]
    key: npt.NDArray[np.uint64]

    @classmethod
    def of(cls, frame: pl.DataFrame, measure: str) -> Samples:
        """From a frame with `key` (UInt64, names the group) and `<measure>_min`."""
        named = frame.select("key", value=f"{measure}_min", row=pl.int_range(pl.len(), dtype=pl.UInt32))
        found = named.filter(pl.col("value") > 0).sort("key", "value")
        key = found["key"].to_numpy()
        start = (
            np.flatnonzero(np.concatenate([[True], key[1:] != key[:-1]]))
            if len(key)
            else np.empty(0, np.int64)
        )
        size = np.diff(np.append(start, len(key))).astype(np.int64)
        return cls(SortedGroups(found["value"].to_numpy(), size), found["row"].to_numpy(), key[start])

    @property
    def first(self) -> npt.NDArray[np.uint32]:
        """Row of the first value of each group."""
        return self.row[self.groups.start]


def deviations(groups: SortedGroups, job: pl.Series, pieces: FloatArray | None = None) -> pl.DataFrame:
    """What the scales are made of, per value: its `job`, `log` and `dev` (|log - group median|, NULL in small groups).

    With `pieces` (of the report behind each value, NaN when unknown) also `gap`, log - group median, and `lot`, ln of the
    pieces less the group's mean, NULL in groups with fewer than two known.
    """
    log = np.log(groups.value)
    gap = log - groups.spread(groups.quantile(0.5, log))
    dev = np.abs(gap)
    counts = np.repeat(groups.size >= 3, groups.size)
    counts[groups.start + (groups.size - 1) // 2] = False
    columns = {"job": job, "log": log.astype(np.float32), "dev": dev.astype(np.float32)}
    if pieces is not None:
        known = np.isfinite(pieces)
        size = np.where(known, np.log(np.where(known, pieces, 1.0)), 0.0)
        number = groups.total(known)
        mean = groups.total(size) / np.maximum(number, 1)
        lot = np.where(known & groups.spread(number >= 2), size - groups.spread(mean), np.nan)
        columns |= {"gap": gap.astype(np.float32), "lot": lot.astype(np.float32)}
    return pl.DataFrame(columns, nan_to_null=True).with_columns(dev=pl.when(pl.Series(counts)).then("dev"))


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
        pl.col("centre").cast(pl.Float64),
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
    groups : SortedGroups
        Samples above 0, in minutes.
    centre : FloatArray
        The job's `scales`, one entry per group; NaN where there is none.
    spread : FloatArray
        The job's `scales`, one entry per group; NaN where there is none.
    within : FloatArray
        The job's `scales`, one entry per group; NaN where there is none.
    unit_factor : float
        How far off a value is that was typed in minutes where the ERP reports its own unit (60 for
        hours).
    quantity : FloatArray or None
        Pieces of the report behind each value, NaN when unknown; None when no quantity can be mixed
        up.
    """
    log = np.log(groups.value)
    own = groups.quantile(0.5, log)
    first, last = log[groups.start], log[groups.start + groups.size - 1]
    disagree = (groups.size == 2) & (last - first > LIMIT * np.sqrt(2.0) * within) & np.isfinite(centre)
    nearer = np.where(np.abs(first - centre) <= np.abs(last - centre), first, last)
    reference = np.where(groups.size == 1, centre, np.where(disagree, nearer, own))
    scale = groups.spread(np.where(groups.size == 1, spread, within))
    distance = log - groups.spread(reference)
    with np.errstate(invalid="ignore"):
        far = np.flatnonzero(np.abs(distance) > _SLIP_LIMIT * scale)
    distance, scale = distance[far], scale[far]

    unit = _is_slip(distance, scale, np.full(len(far), unit_factor))
    mixed = np.zeros(len(far), dtype=bool)
    if quantity is not None:
        pieces = quantity[far]
        mixed = ~unit & (_is_slip(distance, scale, pieces) | _is_slip(-distance, scale, pieces))
    outlier = (np.abs(distance) > LIMIT * scale) & ~unit & ~mixed

    def mask(found: BoolArray) -> BoolArray:
        marks = np.zeros(len(log), dtype=bool)
        marks[far[found]] = True
        return marks

    return Removed(mask(unit), mask(mixed), mask(outlier))


def _is_slip(distance: FloatArray, scale: FloatArray, factor: FloatArray) -> BoolArray:
    """True where `distance` is about ln(factor) and that is large enough to be recognised."""
    size = np.log(np.where(np.isfinite(factor) & (factor > 1), factor, 1.0))
    return np.asarray((size > LIMIT * scale) & (np.abs(distance - size) <= _SLIP_WIDTH * scale))
