"""Sums per item, and the ratios that metrics make of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl

from routing_etl.evaluation.bootstrap import ratio
from routing_etl.model.base.arrays import Floats


def per_item(frame: pl.DataFrame, n_items: int, *values: pl.Expr) -> Floats:
    """Sums of `values` per item as an array of shape (items, values); 0 for items without rows."""
    names = [f"v{i}" for i in range(len(values))]
    summed = frame.group_by("item").agg(
        [v.cast(pl.Float64).sum().alias(n) for v, n in zip(values, names, strict=True)]
    )
    out = np.zeros((n_items, len(values)))
    out[summed["item"].to_numpy()] = summed.select(names).to_numpy()
    return out


def f_score(sums: Floats) -> Floats:
    """F1 from sums of hits, predicted and actual: 2 hits / (predicted + actual)."""
    return ratio(np.column_stack([2 * sums[:, 0], sums[:, 1] + sums[:, 2]]))


def quotient(index: int, over: int) -> Callable[[Floats], Floats]:
    """The value of a metric that is one column of its sums over another."""
    return lambda sums: ratio(sums[:, [index, over]])
