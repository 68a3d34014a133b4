"""Columns made past the query engine: its start costs more than a few values, and a prediction makes dozens of columns.

What belongs here: picking and joining of values. What does not: what the values mean.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from routing_etl.frames import Frame

#: So few items (or candidates) are read and shown value by value; more go through the query engine.
FEW = 64


def take(column: pl.Series, rows: NDArray[Any]) -> pl.Series:
    """The column's values at `rows`; NULL at a row of -1."""
    missing = rows < 0
    if missing.any():
        index = pa.array(np.where(missing, 0, rows).astype(np.uint32), mask=missing)
        return column[pl.Series("", index)]
    return column[pl.Series("", rows.astype(np.uint32))]


def choose_text(which: NDArray[Any], texts: list[str]) -> pl.Series:
    """The text of every number."""
    return take(pl.Series(texts, dtype=pl.String), which.astype(np.int64))


def lists(values: pl.Series, offsets: NDArray[Any]) -> pl.Series:
    """One list per pair of neighbouring offsets."""
    flat = values.to_arrow(compat_level=pl.CompatLevel.oldest())
    return pl.Series(pa.LargeListArray.from_arrays(offsets, flat), dtype=pl.List(values.dtype))


def assemble(frame: Frame, columns: Mapping[str, pl.Series | NDArray[Any]]) -> pl.DataFrame:
    """The contract's frame from its columns: NULL where one is not given and where a number is NaN; validated.

    Raises
    ------
    FrameError: a column is of another type, or one that is not nullable is missing or holds NULL.
    """
    n = len(next(iter(columns.values())))
    made = []
    for column in frame.columns:
        values = columns.get(column.name)
        if values is None:
            made.append(pl.Series(column.name, [None] * n, dtype=column.dtype))
        elif isinstance(values, pl.Series):
            made.append(values.alias(column.name))
        else:
            made.append(pl.Series(column.name, values, nan_to_null=True))
    out = pl.DataFrame(made)
    frame.validate(out)
    return out
