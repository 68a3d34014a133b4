"""Statistics of very many small groups of sorted values, by position, without a loop over groups."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from routing_etl.scenarios import TRIM, optimal_time, safe_time

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

#: Relative error allowed for in sums of weights.
_TOLERANCE = 1e-7
_QUANTILES = {"p10": 0.1, "p50": 0.5, "p90": 0.9}


@dataclass(frozen=True)
class SortedGroups:
    """Values of one group after the other, ascending within each.

    Parameters
    ----------
    value : FloatArray
        The values of all groups.
    size : IntArray
        Number of values of each group; may be 0.
    weight : FloatArray, optional
        Weight of each value in `profile`, above 0. None: all weigh the same.
    """

    value: FloatArray
    size: IntArray
    weight: FloatArray | None = None

    @classmethod
    def weighted(cls, value: FloatArray, size: IntArray, weight: FloatArray) -> SortedGroups:
        """Groups whose equal values get their mean weight, so that nothing depends on the order of ties."""
        begins = np.ones(len(value), dtype=bool)
        begins[1:] = value[1:] != value[:-1]
        begins[cls(value, size).start[size > 0]] = True
        if begins.all():
            return cls(value, size, weight)
        run = np.cumsum(begins) - 1
        return cls(value, size, (np.bincount(run, weight) / np.bincount(run))[run])

    @cached_property
    def start(self) -> IntArray:
        """Position of each group's first value."""
        return (
            np.concatenate([[0], np.cumsum(self.size)[:-1]]).astype(np.int64) if len(self.size) else self.size
        )

    def spread(self, per_group: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Repeat one entry per group for each of its values."""
        return np.repeat(per_group, self.size)

    def quantile(self, q: float, of: FloatArray | None = None) -> FloatArray:
        """Quantile of each group by linear interpolation, NaN for an empty one.

        `of` gives other values, in the same sorted order.
        """
        values = self.value if of is None else of
        found = np.full(len(self.size), np.nan)
        some = self.size > 0
        if not some.any():
            return found
        start, size = self.start[some], self.size[some]
        position = q * (size - 1)
        low = np.floor(position).astype(np.int64)
        a, b = values[start + low], values[start + np.minimum(low + 1, size - 1)]
        found[some] = a + (b - a) * (position - low)
        return found

    @cached_property
    def _upto(self) -> FloatArray:
        """Per value, the weight of its group up to and including it."""
        assert self.weight is not None
        along = np.cumsum(self.weight)
        return np.asarray(along - self.spread(np.concatenate([[0.0], along])[self.start]))

    @cached_property
    def _middle(self) -> FloatArray:
        """Per value, the weight of its group up to the middle of its own weight."""
        return self._upto - self._weights / 2

    def weighted_quantile(self, q: float) -> FloatArray:
        """Weighted quantile of each group, NaN for an empty one.

        A value's position is the middle of its weight, scaled so that the first is at 0 and the last at 1;
        between values it is linear. With equal weights this is type 7 of Hyndman and Fan (1996), as
        `quantile`.
        """
        if self.weight is None or not len(self.value):
            return self.quantile(q)
        middle = self._middle
        found = np.full(len(self.size), np.nan)
        some = self.size > 0
        start, size = self.start[some], self.size[some]
        first, last = middle[start], middle[start + size - 1]
        aim = first + q * (last - first)
        below = np.add.reduceat(middle <= np.repeat(aim, size), start, dtype=np.int64)
        low = start + np.clip(below - 1, 0, size - 1)
        high = np.minimum(low + 1, start + size - 1)
        width = np.where(high > low, middle[high] - middle[low], 1.0)
        part = np.clip((aim - middle[low]) / width, 0.0, 1.0)
        found[some] = self.value[low] + (self.value[high] - self.value[low]) * part
        return found

    def total(self, values: FloatArray | BoolArray) -> FloatArray:
        """Sum of `values` (one entry per value) in each group, 0 for an empty one."""
        found = np.zeros(len(self.size))
        some = self.size > 0
        if some.any():
            found[some] = np.add.reduceat(values, self.start[some], dtype=np.float64)
        return found

    def profile(self, measure: str) -> pl.DataFrame:
        """The statistics of a time profile, one row per group; NULL for an empty group.

        Columns `<measure>_n`, mean, trim_mean, std, cv, p10, p50, p90, optimal, standard, safe. The trimmed
        mean leaves out the values within 10 % of the weight at either end (with equal weights 10 % of the
        values, rounded down, as `scipy.stats.trim_mean`). The standard deviation has ddof 0. STD is the
        trimmed mean; OPT <= STD <= SAFE follows from the formulas in `scenarios.py`.
        """
        whole = self.total(self._weights)
        whole[whole == 0] = np.nan
        mean = self.total(self._weights * self.value) / whole
        deviation = self.value - self.spread(mean)
        columns = {
            "mean": mean,
            "trim_mean": self._trimmed(mean),
            "std": np.sqrt(self.total(self._weights * deviation * deviation) / whole),
            **{name: self.weighted_quantile(q) for name, q in _QUANTILES.items()},
        }
        frame = pl.DataFrame(
            {f"{measure}_n": self.size} | {f"{measure}_{n}": v for n, v in columns.items()},
            schema_overrides={f"{measure}_n": pl.Int64},
        ).with_columns(pl.selectors.float().fill_nan(None))
        std, standard = pl.col(f"{measure}_std"), pl.col(f"{measure}_trim_mean")
        return frame.with_columns(
            (std / pl.col(f"{measure}_mean")).alias(f"{measure}_cv"),
            optimal_time(standard, std).alias(f"{measure}_optimal"),
            standard.alias(f"{measure}_standard"),
            safe_time(standard, std).alias(f"{measure}_safe"),
        )

    @property
    def _weights(self) -> FloatArray:
        return np.ones(len(self.value)) if self.weight is None else self.weight

    def _trimmed(self, mean: FloatArray) -> FloatArray:
        large = np.floor(self.size * TRIM) >= 1
        trimmed = mean.copy()
        if large.any():
            here = self.spread(large)
            groups = SortedGroups(self.value[here], self.size[large], self._weights[here])
            trimmed[large] = groups._without_tails(mean[large])
        return trimmed

    def _without_tails(self, mean: FloatArray) -> FloatArray:
        """Mean of each group without the values within TRIM of the weight at either end; `mean` if none is left."""
        whole = self.total(self._weights)
        # Sums of weights have rounding errors: a value within the tolerance of the limit counts as being at it.
        limit = self.spread((TRIM + _TOLERANCE) * whole)
        inside = (self._upto > limit) & (self.spread(whole) - self._upto + self._weights > limit)
        kept = np.where(inside, self._weights, 0.0)
        left = self.total(kept)
        return np.divide(self.total(kept * self.value), left, out=mean.copy(), where=left > 0)
