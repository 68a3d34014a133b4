"""Helpers that spoil a clean column at a given rate: blanks beside NULLs, odd spellings, wrong values.

The catalogue of dirt: docs/erp-contract.md 5. `items.py` and `rows.py` say which column gets what.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from routing_etl.plant.latent import Array

#: Insert times as they are found in text columns: unreadable, or in an unusual form.
BROKEN_DATES = ("0000-00-00 00:00:00", "2023-13-45 10:00", "N/A", "01-Jan-01", "20190230", "-")


def labels(names: Sequence[str | None], index: Array) -> pl.Series:
    """Look up `names[index]` as text; index -1 gives NULL."""
    lookup = pl.Series([*names, None], dtype=pl.String)
    return lookup.gather(np.where(index < 0, len(names), index).astype(np.uint32))


def put(column: pl.Series, where: Array, values: pl.Series | str | float | None) -> pl.Series:
    """Replace the column by `values` (a column of the same length, or one value) wherever `where` is true."""
    other = values if isinstance(values, pl.Series) else pl.Series([values], dtype=column.dtype)
    return pl.select(
        pl.when(pl.Series(where)).then(pl.lit(other)).otherwise(pl.lit(column)).alias(column.name)
    ).to_series()


def chance(rng: np.random.Generator, n: int, share: float) -> Array:
    """Draw `n` booleans, each true with probability `share`."""
    return rng.random(n) < share


def blank(
    rng: np.random.Generator, column: pl.Series, empty: float | Array, null: float | Array
) -> pl.Series:
    """Turn a share of the values into `''` and another into NULL."""
    draw = rng.random(len(column))
    null_to = np.asarray(null)
    column = put(column, draw < null_to, None)
    return put(column, (draw >= null_to) & (draw < null_to + np.asarray(empty)), "")


def sprinkle(rng: np.random.Generator, column: pl.Series, words: Mapping[str, float]) -> pl.Series:
    """Replace a share of the values by each of the words."""
    draw = rng.random(len(column))
    low = 0.0
    for word, share in words.items():
        column = put(column, (draw >= low) & (draw < low + share), word)
        low += share
    return column


def category(
    rng: np.random.Generator, n: int, shares: Mapping[str, float], null: float = 0.0, tail: int = 0
) -> pl.Series:
    """Draw `n` words by share; `tail` adds that many rare codes, `null` is the share of NULL."""
    words: list[str | None] = list(shares)
    weights = list(shares.values())
    for k in range(tail):
        words.append(f"Z{k + 1}")
        weights.append(sum(shares.values()) * 0.05 / (k + 2))
    if null:
        words.append(None)
        weights.append(null / (1 - null) * sum(weights))
    p = np.array(weights) / sum(weights)
    return pl.Series(words, dtype=pl.String).gather(rng.choice(len(words), n, p=p).astype(np.uint32))
