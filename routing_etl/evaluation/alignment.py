"""Alignment of predicted with actual job sequences, many pairs at once.

Operations are compared by their job code and never by their position or number (docs/legacy-system.md 4, defect 10): a
missing first operation must not make all the others wrong. The alignment is a longest common subsequence; with insert
and delete at 1 and substitute at 2, the Levenshtein distance is exactly n + m - 2 x its length.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from routing_etl.model.base.arrays import Ints

#: Cells of the dynamic-programming table held at once.
_CELLS = 16_000_000


@dataclass(frozen=True)
class Alignment:
    """What the alignment of P pairs of sequences says.

    Attributes
    ----------
    pairs : polars.DataFrame
        One row per pair: pair, n_predicted, n_actual, lcs (length of the longest common subsequence), common (operations
        common as multisets), order_pairs (pairs of common operations), order_agreeing (those that stand in the same order on
        both sides).
    matches : polars.DataFrame
        One row per aligned operation: pair, predicted_pos, actual_pos (positions from 0).
    """

    pairs: pl.DataFrame
    matches: pl.DataFrame


def align(predicted: pl.Series, actual: pl.Series) -> Alignment:
    """Align sequence i of `predicted` with sequence i of `actual`.

    Parameters
    ----------
    predicted : polars.Series
        List(String), job codes in order; an empty list is a sequence of no operations.
    actual : polars.Series
        The same of equal length.

    Returns
    -------
    Alignment
        Its column `pair` is the row number. Time grows with the number of pairs times the square of the longest sequence.
    """
    n = len(predicted)
    left, right, left_size, right_size = _codes(predicted, actual)
    cells = (left.shape[1] + 1) * (right.shape[1] + 1)
    step = max(1, _CELLS // cells)
    parts = [
        _align_block(
            left[start : start + step],
            right[start : start + step],
            left_size[start : start + step],
            right_size[start : start + step],
            start,
        )
        for start in range(0, max(n, 1), step)
    ]
    return Alignment(pl.concat([p.pairs for p in parts]), pl.concat([p.matches for p in parts]))


def _codes(predicted: pl.Series, actual: pl.Series) -> tuple[Ints, Ints, Ints, Ints]:
    """Both sides as integer matrices of one coding, padded with -1 (left) and -2 (right), and their lengths."""
    sizes = [s.list.len().fill_null(0).to_numpy().astype(np.int64) for s in (predicted, actual)]
    flat = pl.concat(
        [s.explode(empty_as_null=False, keep_nulls=False).cast(pl.String) for s in (predicted, actual)]
    )
    codes = flat.fill_null("").rank("dense").fill_null(0).to_numpy().astype(np.int64)
    out: list[Ints] = []
    start = 0
    for size, filler in zip(sizes, (-1, -2), strict=True):
        matrix = np.full((len(size), int(size.max(initial=0))), filler, dtype=np.int64)
        inside = np.arange(matrix.shape[1])[None, :] < size[:, None]
        matrix[inside] = codes[start : start + int(size.sum())]
        start += int(size.sum())
        out.append(matrix)
    return out[0], out[1], sizes[0], sizes[1]


def _align_block(left: Ints, right: Ints, n_left: Ints, n_right: Ints, first: int) -> Alignment:
    count, width = left.shape
    height = right.shape[1]
    table = np.zeros((width + 1, height + 1, count), dtype=np.int16)
    for i in range(1, width + 1):
        for j in range(1, height + 1):
            equal = left[:, i - 1] == right[:, j - 1]
            table[i, j] = np.where(
                equal, table[i - 1, j - 1] + 1, np.maximum(table[i - 1, j], table[i, j - 1])
            )
    rows = np.arange(count)
    aligned = np.full((count, width), -1, dtype=np.int64)
    at_left, at_right = n_left.copy(), n_right.copy()
    for _ in range(width + height):
        alive = np.flatnonzero((at_left > 0) & (at_right > 0))
        if not len(alive):
            break
        a, b = at_left[alive], at_right[alive]
        same = left[alive, a - 1] == right[alive, b - 1]
        aligned[alive[same], a[same] - 1] = b[same] - 1
        up = ~same & (table[a - 1, b, alive] >= table[a, b - 1, alive])
        at_left[alive] -= same | up
        at_right[alive] -= ~up
    common = _match_as_multisets(left, right)
    agreeing, pairs = _order(common)
    where, position = np.nonzero(aligned >= 0)
    return Alignment(
        pl.DataFrame(
            {
                "pair": rows + first,
                "n_predicted": n_left,
                "n_actual": n_right,
                "lcs": table[n_left, n_right, rows].astype(np.int64),
                "common": (common >= 0).sum(axis=1),
                "order_pairs": pairs,
                "order_agreeing": agreeing,
            },
            schema_overrides={"pair": pl.Int64, "common": pl.Int64},
        ),
        pl.DataFrame(
            {
                "pair": where + first,
                "predicted_pos": position,
                "actual_pos": aligned[where, position],
            },
            schema=dict.fromkeys(("pair", "predicted_pos", "actual_pos"), pl.Int64()),
        ),
    )


def _match_as_multisets(left: Ints, right: Ints) -> Ints:
    """Position on the right of the k-th occurrence of each left code, where the right has a k-th one, else -1."""

    def occurrence(codes: Ints) -> Ints:
        out = np.zeros(codes.shape, dtype=np.int64)
        for k in range(1, codes.shape[1]):
            out[:, k] = (codes[:, :k] == codes[:, k : k + 1]).sum(axis=1)
        return out

    matched = np.full(left.shape, -1, dtype=np.int64)
    left_k, right_k = occurrence(left), occurrence(right)
    for j in range(right.shape[1]):
        same = (left == right[:, j : j + 1]) & (left_k == right_k[:, j : j + 1])
        matched[same] = j
    return matched


def _order(matched: Ints) -> tuple[Ints, Ints]:
    """Per row: pairs of matched operations in the same order on both sides, and all such pairs."""
    agreeing = np.zeros(len(matched), dtype=np.int64)
    pairs = np.zeros(len(matched), dtype=np.int64)
    for k in range(1, matched.shape[1]):
        both = (matched[:, :k] >= 0) & (matched[:, k : k + 1] >= 0)
        pairs += both.sum(axis=1)
        agreeing += (both & (matched[:, :k] < matched[:, k : k + 1])).sum(axis=1)
    return agreeing, pairs


def label_pairs(alignment: Alignment, predicted: pl.Series, actual: pl.Series) -> pl.DataFrame:
    """List every operation of either side once, with its partner: what per-operation label metrics are computed on.

    Between two aligned operations, left-over operations of both sides are paired in order (a substitution); what then
    still has no partner is paired with NULL.

    Parameters
    ----------
    alignment : Alignment
        What `align` found.
    predicted : polars.Series
        The predicted sequences that it was given.
    actual : polars.Series
        The actual ones.

    Returns
    -------
    polars.DataFrame
        pair, actual (job code or NULL), predicted (job code or NULL).
    """

    def side(sequences: pl.Series, position: str) -> pl.DataFrame:
        operations = (
            pl.DataFrame({"job": sequences})
            .with_row_index("pair")
            .with_columns(pl.col("pair").cast(pl.Int64))
            .filter(pl.col("job").list.len() > 0)
            .with_columns(pl.int_ranges(pl.col("job").list.len()).alias(position))
            .explode("job", position)
        )
        joined = operations.join(
            alignment.matches.select("pair", position, matched=pl.lit(True)),
            on=["pair", position],
            how="left",
        ).with_columns(pl.col("matched").fill_null(False))
        return (
            joined.sort("pair", position)
            .with_columns(gap=pl.col("matched").cast(pl.Int64).cum_sum().over("pair"))
            .with_columns(slot=pl.int_range(pl.len()).over("pair", "gap", "matched"))
        )

    keys = ["pair", "gap", "matched", "slot"]
    left = side(predicted, "predicted_pos").select(*keys, predicted=pl.col("job"))
    right = side(actual, "actual_pos").select(*keys, actual=pl.col("job"))
    return (
        left.join(right, on=keys, how="full", coalesce=True).sort(keys).select("pair", "actual", "predicted")
    )
