"""Statistics of very many small groups of sorted values, by position: no group is visited one by one.

Belongs here: `SortedGroups` and the columns of a profile. Does not: which values are in a group (`samples.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import polars as pl

from routing_etl.scenarios import TRIM, optimal_time, safe_time

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

_QUANTILES = {"p10": 0.1, "p50": 0.5, "p90": 0.9}


@dataclass(frozen=True)
class SortedGroups:
    """Values of group after group, ascending inside each; `size` says how many each group has, 0 included."""

    value: FloatArray
    size: IntArray

    @cached_property
    def start(self) -> IntArray:
        """Where each group starts."""
        return (
            np.concatenate([[0], np.cumsum(self.size)[:-1]]).astype(np.int64) if len(self.size) else self.size
        )

    def spread(self, per_group: FloatArray) -> FloatArray:
        """One entry per group to one entry per value."""
        return np.repeat(per_group, self.size)

    def quantile(self, q: float, of: FloatArray | None = None) -> FloatArray:
        """Quantile of each group, linear interpolation, NaN when empty; `of`: other values in the same sorted order."""
        values = self.value if of is None else of
        found = np.full(len(self.size), np.nan)
        some = self.size > 0
        start, size = self.start[some], self.size[some]
        position = q * (size - 1)
        low = np.floor(position).astype(np.int64)
        a, b = values[start + low], values[start + np.minimum(low + 1, size - 1)]
        found[some] = a + (b - a) * (position - low)
        return found

    def total(self, values: FloatArray | BoolArray) -> FloatArray:
        """Sum of `values` (one per value) in each group, 0 when empty."""
        found = np.zeros(len(self.size))
        some = self.size > 0
        if some.any():
            found[some] = np.add.reduceat(values, self.start[some], dtype=np.float64)
        return found

    def profile(self, measure: str) -> pl.DataFrame:
        """Columns `<measure>_n`, mean, trim_mean, std, cv, p10, p50, p90, optimal, standard, safe; a row per group.

        The trimmed mean leaves out 10 % of the values at each end, rounded down (as `scipy.stats.trim_mean`); std has
        ddof 0; STD is the trimmed mean, and OPT <= STD <= SAFE follows from the formulas of `scenarios.py`. NULL where a
        group is empty.
        """
        size = np.where(self.size > 0, self.size, np.nan)
        mean = self.total(self.value) / size
        deviation = self.value - self.spread(mean)
        columns = {
            "mean": mean,
            "trim_mean": self._trimmed(mean),
            "std": np.sqrt(self.total(deviation * deviation) / size),
            **{name: self.quantile(q) for name, q in _QUANTILES.items()},
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

    def _trimmed(self, mean: FloatArray) -> FloatArray:
        cut = np.floor(self.size * TRIM).astype(np.int64)
        large = np.flatnonzero(cut)
        trimmed = mean.copy()
        if len(large):
            size = self.size[large]
            values = self.value[np.repeat(cut > 0, self.size)]
            position = np.arange(len(values)) - np.repeat(np.cumsum(size) - size, size)
            kept = values[
                (position >= np.repeat(cut[large], size)) & (position < np.repeat(size - cut[large], size))
            ]
            inside = SortedGroups(kept, size - 2 * cut[large])
            trimmed[large] = inside.total(kept) / inside.size
        return trimmed
