"""The two answers that need no learning: the routing of the item that looks most alike, and the most frequent one of its kind.

Engineers work so by hand. A model that does not beat them on items that it has not seen is not worth its trouble, so with few
routed items they are tried beside it (`model.rehearsal`), and the better one answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from routing_etl.frames import MAX_SOURCE, AttributeSpec
from routing_etl.model.attributes.levels import normalise
from routing_etl.model.base.arrays import Bools, Floats, Ints

#: Numbers are cut at this many standard deviations from their mean.
_FAR = 3.0
#: Cells of a distance matrix held at once.
_CELLS = 6_000_000


@dataclass(frozen=True)
class PlainAnswer:
    """A routing for each item without learning.

    Attributes
    ----------
    sequence : Ints
        Per item the number of the routing, -1 for none.
    score : Floats
        0 .. 1: similarity of the copied item, or share of the kind's items that have the routing.
    label : Ints
        The training item that stands behind it, -1 for none.
    """

    sequence: Ints
    score: Floats
    label: Ints


class PlainAnswers:
    """Copies from the most similar item, or takes the kind's most frequent routing.

    Every text counts the same and must be equal; numbers are standardised, a missing one is the mean.

    Parameters
    ----------
    attributes : sequence of AttributeSpec
        What items are compared by.
    kind : str
        Column that tells kinds of items apart, '' for none.
    """

    def __init__(self, attributes: Sequence[AttributeSpec], kind: str) -> None:
        self.texts = [a.name for a in attributes if a.kind != "number"]
        self.numbers = [a.name for a in attributes if a.kind == "number"]
        self.kind = kind

    def fit(self, items: pl.DataFrame, label_sequence: Ints, live: Bools) -> PlainAnswers:
        """Keep the training items.

        Parameters
        ----------
        items : polars.DataFrame
            The training items, in the order of their labels.
        label_sequence : Ints
            Their routings.
        live : Bools
            Per routing, whether it may be proposed.
        """
        self.label_sequence_ = label_sequence
        self.labels_ = np.flatnonzero(live[label_sequence])
        values = self._texts(items)
        self.vocabularies_ = {
            c: values.select(value=c).drop_nulls().unique().sort("value").with_row_index("code")
            for c in self.texts
        }
        numbers = items.select(_number(c) for c in self.numbers)
        told = [(numbers[c].mean(), numbers[c].std(ddof=0)) for c in self.numbers]
        self.mean_ = [float(m) if isinstance(m, float) else 0.0 for m, _ in told]
        self.std_ = [float(s) if isinstance(s, float) and s > 0 else 1.0 for _, s in told]
        hot, dense = self._encode(items)
        self.hot_, self.dense_ = hot[self.labels_], dense[self.labels_]
        self.size_ = (np.diff(self.hot_.indptr) + (self.dense_**2).sum(axis=1)).astype(np.float32)
        kinds = self._kinds(items)
        self.rows_ = {k: np.intersect1d(rows, self.labels_) for k, rows in kinds.items()}
        self.of_kind_ = {k: self._most(rows) for k, rows in self.rows_.items()}
        self.of_all_ = self._most(self.labels_)
        return self

    def _texts(self, items: pl.DataFrame) -> pl.DataFrame:
        return items.select(normalise(c) for c in self.texts)

    def _kinds(self, items: pl.DataFrame) -> dict[str, Ints]:
        """Rows of every kind."""
        if not self.kind:
            return {}
        told = items.select(kind=normalise(self.kind)).with_row_index("row").drop_nulls()
        return {
            str(kind[0]): rows["row"].to_numpy().astype(np.int64)
            for kind, rows in told.group_by("kind", maintain_order=True)
        }

    def _most(self, labels: Ints) -> tuple[int, float, int]:
        """The most frequent routing of some labels, its share, and the first label that has it."""
        if not len(labels):
            return -1, 0.0, -1
        found, first, count = np.unique(self.label_sequence_[labels], return_index=True, return_counts=True)
        best = int(count.argmax())
        return int(found[best]), float(count[best] / len(labels)), int(labels[first[best]])

    def _encode(self, items: pl.DataFrame) -> tuple[sparse.csr_matrix, NDArray[np.float32]]:
        """Items x values of texts (0/1), and items x standardised numbers."""
        rows, columns, start = [np.empty(0, np.int64)], [np.empty(0, np.int64)], 0
        values = self._texts(items)
        for name, vocabulary in self.vocabularies_.items():
            codes = values.select(value=name).join(vocabulary, on="value", how="left", maintain_order="left")[
                "code"
            ]
            rows.append(np.flatnonzero(codes.is_not_null().to_numpy()))
            columns.append(codes.drop_nulls().to_numpy().astype(np.int64) + start)
            start += vocabulary.height
        row, column = np.concatenate(rows), np.concatenate(columns)
        hot = sparse.csr_matrix(
            (np.ones(len(row), np.float32), (row, column)), shape=(items.height, max(start, 1))
        )
        dense = np.zeros((items.height, len(self.numbers)), dtype=np.float32)
        for i, name in enumerate(self.numbers):
            told = items.select(_number(name)).to_series().fill_null(self.mean_[i]).to_numpy()
            dense[:, i] = np.clip((told - self.mean_[i]) / self.std_[i], -_FAR, _FAR)
        return hot, dense

    def nearest(self, items: pl.DataFrame, own: Ints) -> PlainAnswer:
        """Routing of the most similar training item, the item itself left out.

        Parameters
        ----------
        items : polars.DataFrame
            The items.
        own : Ints
            Per item its number among the training items, -1 for none.
        """
        n, known = items.height, len(self.labels_)
        label, score = np.full(n, -1, dtype=np.int64), np.zeros(n)
        if known:
            hot, dense = self._encode(items)
            size = (np.diff(hot.indptr) + (dense**2).sum(axis=1)).astype(np.float32)
            step = max(1, _CELLS // known)
            for start in range(0, n, step):
                block = slice(start, min(start + step, n))
                common = np.asarray((hot[block] @ self.hot_.T).todense(), dtype=np.float32)
                distance = (
                    size[block][:, None] + self.size_[None, :] - 2.0 * (common + dense[block] @ self.dense_.T)
                )
                distance[own[block][:, None] == self.labels_[None, :]] = np.inf
                best = distance.argmin(axis=1)
                least = np.maximum(distance[np.arange(len(best)), best], 0.0)
                whole = self.size_[best] + size[block]
                label[block] = np.where(np.isfinite(least), self.labels_[best], -1)
                score[block] = np.where(
                    whole > 0, 1.0 - np.minimum(least / np.maximum(whole, 1e-9), 1.0), 0.0
                )
        return PlainAnswer(np.where(label >= 0, self.label_sequence_[label], -1), score, label)

    def majority(self, items: pl.DataFrame, own: Ints) -> PlainAnswer:
        """The most frequent routing of each item's kind, or of all items where its kind has none; the item itself left out.

        Parameters
        ----------
        items : polars.DataFrame
            The items.
        own : Ints
            Per item its number among the training items, -1 for none.
        """
        none = [None] * items.height
        kinds = items.select(normalise(self.kind)).to_series().to_list() if self.kind else none
        found = [self._usual(kind, label) for kind, label in zip(kinds, own.tolist(), strict=True)]
        columns = [np.array(column) for column in zip(*found, strict=True)] if found else [np.empty(0)] * 3
        sequence, score, label = columns
        return PlainAnswer(sequence.astype(np.int64), score.astype(np.float64), label.astype(np.int64))

    def _usual(self, kind: str | None, own: int) -> tuple[int, float, int]:
        """What `_most` says of a kind without one item, and of all items where that leaves none."""
        if own < 0:
            best = self.of_kind_.get(kind, self.of_all_) if kind else self.of_all_
            return best if best[0] >= 0 else self.of_all_
        rows = self.rows_.get(kind, self.labels_) if kind else self.labels_
        best = self._most(rows[rows != own])
        return best if best[0] >= 0 else self._most(self.labels_[self.labels_ != own])


def _number(name: str) -> pl.Expr:
    """A numeric attribute; NaN, infinite and what no source can hold count as missing."""
    number = pl.col(name).cast(pl.Float64)
    return pl.when(number.abs() <= MAX_SOURCE).then(number).alias(name)
