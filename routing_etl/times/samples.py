"""Which converted times are entry errors or outliers, one measure at a time.

Set-up and run are judged separately, so that a wrong run time never costs an operation its set-up. The rule works on
r = ln(minutes), because times spread by factors, not by minutes:

* centre of a group (item, operation, job): the median of its r if it has 3 samples or more. With 2 samples
  that differ by more than `LIMIT` scales of a difference, the one nearer to the job's median; with 1 sample,
  the job's median.
* scale: for groups of 2 samples or more the job's pooled spread inside groups, 1.4826 x median |r - group
  median| over all its groups of 3 and more. The middle sample of each group is left out, because its
  deviation is (nearly) 0 by construction; the estimate is then within 6 % of a normal standard deviation from
  groups of 3 on. A job with too few samples takes the plant's pooled spread. For a single sample, the job's
  whole spread, 1.4826 x median |r - job median|. At least `SCALE_FLOOR`. A group of 4 has no usable spread of
  its own; pooling is what makes the rule work.
* outlier: |r - centre| > 3.5 scales, the limit for modified z-scores of Iglewicz and Hoaglin (1993, "How to Detect and
  Handle Outliers"). The replaced system's rules (1.5 IQR, z > 2.5; docs/legacy-system.md 2.8) need larger
  groups than a plant has.
* entry error: the deviation is above 2.5 scales and within 2 scales of a known slip, which is itself
  recognisable (ln of its factor above 3.5 scales): minutes typed as hours (`time_factor_min` times too
  large), or the time of one piece instead of the whole order or the reverse (wrong by the quantity).

Run times of a job that follow the lot are judged at the lot of their group (`lot_size`), or every order of another size
would count as an outlier.

Nothing is corrected or clipped; what is removed is counted. The routing's standard times play no part, so
that a plant whose reports are all in the wrong unit fails the plausibility check instead of being hidden
here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import polars as pl

from routing_etl.times.statistics import BoolArray, FloatArray, SortedGroups

#: A sample farther than this many scales from its centre is an outlier (Iglewicz and Hoaglin 1993).
LIMIT = 3.5
#: Least scale, in ln(minutes): a report within a factor of exp(3.5 x 0.1) = 1.4 of its centre is never an outlier.
SCALE_FLOOR = 0.1
#: Deviations needed to estimate a spread.
MIN_DEVIATIONS = 10
#: Standard deviation of a normal distribution over its median absolute deviation.
_NORMAL = 1.4826
#: A known slip is looked for from this many scales on, and recognised within this many.
_SLIP_LIMIT = 2.5
_SLIP_WIDTH = 2.0


@dataclass(frozen=True)
class Samples:
    """Usable times of one measure (minutes above 0), sorted by group and value.

    `row` is each value's row in the frame it comes from, `key` names each group.
    """

    groups: SortedGroups
    row: npt.NDArray[np.uint32]
    key: npt.NDArray[np.uint64]

    @classmethod
    def of(cls, frame: pl.DataFrame, measure: str) -> Samples:
        """Samples of a frame with `key` (UInt64, names the group) and `<measure>_min`."""
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

    def levelled(self, pieces: FloatArray, exponent: FloatArray) -> Samples:
        """The same samples, each as long as it would have been in an order of its group's mean size (geometric mean).

        Parameters
        ----------
        pieces : FloatArray
            Pieces of the report behind each value, NaN if unknown; that value stays as it is.
        exponent : FloatArray
            Per group by which exponent its times follow the pieces; 0 or NaN: they do not.
        """
        follows = np.isfinite(exponent) & (exponent != 0)
        if not follows.any():
            return self
        groups = self.groups
        known = np.isfinite(pieces) & (pieces > 0)
        size = np.where(known, np.log(np.where(known, pieces, 1.0)), 0.0)
        mean = groups.total(size) / np.maximum(groups.total(known), 1)
        shift = np.where(known, size - groups.spread(mean), 0.0)
        value = groups.value * np.exp(-groups.spread(np.where(follows, exponent, 0.0)) * shift)
        order = np.lexsort((value, groups.spread(np.arange(len(groups.size)))))
        return Samples(SortedGroups(value[order], groups.size), self.row[order], self.key)


def deviations(groups: SortedGroups, job: pl.Series, pieces: FloatArray | None = None) -> pl.DataFrame:
    """The data that scales and lot exponents are estimated from, one row per value.

    Parameters
    ----------
    groups : SortedGroups
        Samples above 0, in minutes.
    job : polars.Series
        Job of each value.
    pieces : FloatArray, optional
        Pieces of the report behind each value, NaN if unknown.

    Returns
    -------
    polars.DataFrame
        `job`, `log` (ln of the minutes) and `dev` (|log - group median|; NULL in groups under 3 and for the
        middle sample of a group). With `pieces` also `gap` (log - group median) and `lot` (ln of the pieces
        less its group's mean; NULL in groups with fewer than two known).
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

    `spread` is NULL for a job with fewer than `MIN_DEVIATIONS` samples; `within` falls back to the plant's,
    and is NULL if the plant has too few as well.

    Parameters
    ----------
    parts : polars.LazyFrame
        The columns of `deviations`, of one measure and all shards.
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
    """A median absolute deviation as a standard deviation, at least `SCALE_FLOOR`; NULL stays NULL."""
    scale = _NORMAL * median_deviation
    return pl.when(scale > SCALE_FLOOR).then(scale).when(scale.is_not_null()).then(SCALE_FLOOR)


@dataclass(frozen=True)
class Scales:
    """The jobs' `scales`, one entry per group; NaN where there is none."""

    centre: FloatArray
    spread: FloatArray
    within: FloatArray


@dataclass(frozen=True)
class Removed:
    """What is removed, as masks over the sorted values.

    `unit`: minutes typed as hours; `quantity`: order and piece mixed up; `outlier`: any other; `aside`: none of these, but
    far from the standard (`suspects`).
    """

    unit: BoolArray
    quantity: BoolArray
    outlier: BoolArray
    aside: BoolArray

    @property
    def any(self) -> BoolArray:
        """Removed for any reason."""
        return np.asarray(self.unit | self.quantity | self.outlier | self.aside)

    def with_aside(self, suspected: BoolArray) -> Removed:
        """The same, and what is suspected and not removed yet."""
        return replace(self, aside=np.asarray(suspected & ~(self.unit | self.quantity | self.outlier)))


def find_removed(
    groups: SortedGroups, job: Scales, *, unit_factor: float, quantity: FloatArray | None
) -> Removed:
    """Apply the rule of this module.

    Parameters
    ----------
    groups : SortedGroups
        Samples above 0, in minutes.
    job : Scales
        Centre and scales of each group's job.
    unit_factor : float
        By how much a value is too large that was typed in minutes where the ERP's unit was due (60 for hours).
    quantity : FloatArray or None
        Pieces of the report behind each value, NaN if unknown. None: no quantity can be mixed up.
    """
    centre, within = job.centre, job.within
    log = np.log(groups.value)
    own = groups.quantile(0.5, log)
    first, last = log[groups.start], log[groups.start + groups.size - 1]
    disagree = (groups.size == 2) & (last - first > LIMIT * np.sqrt(2.0) * within) & np.isfinite(centre)
    nearer = np.where(np.abs(first - centre) <= np.abs(last - centre), first, last)
    reference = np.where(groups.size == 1, centre, np.where(disagree, nearer, own))
    scale = groups.spread(np.where(groups.size == 1, job.spread, within))
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

    return Removed(mask(unit), mask(mixed), mask(outlier), np.zeros(len(log), dtype=bool))


def _is_slip(distance: FloatArray, scale: FloatArray, factor: FloatArray) -> BoolArray:
    """Whether `distance` is about ln(factor), and that is large enough to be recognised."""
    size = np.log(np.where(np.isfinite(factor) & (factor > 1), factor, 1.0))
    return np.asarray((size > LIMIT * scale) & (np.abs(distance - size) <= _SLIP_WIDTH * scale))
