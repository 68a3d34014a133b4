"""Picking, joining and summing of values, made without the libraries' engines where rows are few.

Starting an engine costs more than computing a few values, and a prediction makes dozens of columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray
from scipy import sparse

from routing_etl.frames import Frame
from routing_etl.model.base.arrays import Floats, Ints

#: So few items (or candidates) are read and shown value by value; more go through the query engine.
FEW = 64
#: A plant with fewer routed items is learned more thoroughly: trees are cheap there, and no example can be spared.
FEW_ROUTED = 1_000


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


def ranges(first: NDArray[Any], size: NDArray[Any]) -> Ints:
    """first[i], first[i] + 1 ..., size[i] numbers for every i, end to end."""
    return np.asarray(np.arange(int(size.sum())) + np.repeat(first - np.cumsum(size) + size, size))


def dense_product(left: sparse.csr_matrix, right: sparse.csr_matrix) -> Floats:
    """The product of two sparse matrices as a dense one."""
    n, width = left.shape[0], right.shape[1]
    if n > FEW:
        return np.asarray((left @ right).todense(), dtype=np.float32)
    first, size = right.indptr[left.indices], right.indptr[left.indices + 1] - right.indptr[left.indices]
    place = ranges(first, size)
    row = np.repeat(np.repeat(np.arange(n), left.indptr[1:] - left.indptr[:-1]), size)
    value = np.repeat(left.data, size) * right.data[place]
    # In the library's order and precision: one item must get what it gets in a batch, to the last bit.
    summed = np.zeros(n * width, dtype=value.dtype)
    np.add.at(summed, row * width + right.indices[place], value)
    return summed.reshape(n, width).astype(np.float32)


def assemble(frame: Frame, columns: Mapping[str, pl.Series | NDArray[Any]]) -> pl.DataFrame:
    """The contract's frame from its columns: NULL where one is not given and where a number is NaN; validated.

    Parameters
    ----------
    frame : Frame
        The contract.
    columns : mapping of str to polars.Series or array
        The columns.

    Raises
    ------
    FrameError
        A column is of another type, or one that is not nullable is missing or holds NULL.
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


def group_mean(values: NDArray[Any], group: Ints, n_groups: int) -> NDArray[Any]:
    """Groups x d: mean of the rows of `values` in every group, 0 for an empty one."""
    counts = np.bincount(group, minlength=n_groups)
    hot = sparse.csr_matrix(
        (np.ones(len(group)), (group, np.arange(len(group)))), shape=(n_groups, len(group))
    )
    return np.asarray((hot @ values) / np.maximum(counts, 1)[:, None], dtype=np.float32)


def rank_in_group(group: Ints) -> Ints:
    """0, 1, 2 ... inside each run of equal values."""
    position = np.arange(len(group))
    if not len(group):
        return position
    start = np.ones(len(group), dtype=bool)
    start[1:] = group[1:] != group[:-1]
    return position - np.maximum.accumulate(np.where(start, position, 0))


def pick(matrix: sparse.csr_matrix, key: Ints, width: int) -> Floats:
    """Values of a CSR matrix at row * width + column keys (0 where it stores nothing)."""
    if not matrix.has_sorted_indices:
        matrix = matrix.sorted_indices()
    stored = (
        np.repeat(np.arange(matrix.shape[0], dtype=np.int64), np.diff(matrix.indptr)) * width + matrix.indices
    )
    return lookup(stored, matrix.data, key)


def lookup(stored: Ints, data: Floats, key: Ints) -> Floats:
    """The value stored under each key, 0 for a key that is not stored; `stored` is sorted."""
    if not len(stored):
        return np.zeros(len(key), dtype=np.float32)
    place = np.minimum(np.searchsorted(stored, key), len(stored) - 1)
    found: Floats = np.where(stored[place] == key, data[place], 0.0).astype(np.float32)
    return found
