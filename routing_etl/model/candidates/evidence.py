"""What is known of a batch of items before candidates are collected, and the named features of the candidates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy import sparse

from routing_etl.model.base.arrays import Bools, Codes, Floats, Ints
from routing_etl.model.base.columns import ranges
from routing_etl.model.candidates.similarity import Neighbours


@dataclass(frozen=True)
class Said:
    """What words say of items: pairs of item and operation, sorted by both, and the probability in place of the questions'.

    Attributes
    ----------
    row, operation : Ints
        The pairs.
    probability : Floats
        That the item's routing has the operation.
    """

    row: Ints
    operation: Ints
    probability: Floats

    @classmethod
    def nothing(cls) -> Said:
        """No word says anything."""
        none = np.empty(0, dtype=np.int64)
        return cls(none, none, np.empty(0, dtype=np.float32))

    def put(self, expected: Floats) -> None:
        """Write the probabilities into those of the questions (items x operations), in place."""
        expected[self.row, self.operation] = self.probability

    def at(self, rows: Ints) -> Said:
        """The same of some of the items, in the order of `rows`."""
        first = np.searchsorted(self.row, rows)
        size = np.searchsorted(self.row, rows, side="right") - first
        taken = ranges(first, size)
        return Said(np.repeat(np.arange(len(rows)), size), self.operation[taken], self.probability[taken])

    def odds(self, n_items: int, n_operations: int) -> sparse.csr_matrix:
        """Items x operations: log-odds of every pair."""
        p = self.probability
        return sparse.csr_matrix(
            (np.log(p / (1 - p)), (self.row, self.operation)), shape=(n_items, n_operations)
        )


@dataclass(frozen=True)
class Evidence:
    """What is known of a batch of items.

    Attributes
    ----------
    votes : scipy.sparse.csr_matrix
        Items x variants: the forest's share of votes for every routing.
    neighbours : Neighbours
        The nearest training items of every item.
    expected : Floats
        Items x d, the routing description that the votes expect.
    operations : Floats
        Items x operations, the operation model's probabilities.
    family : Ints
        The operation model's family of every item, -1 unknown.
    codes : dict of str to Codes
        Per telling level the coded value of every item, -1 unknown.
    said : Said
        What words say of the operations, which is in `operations` too.
    sizes_known : Floats or None
        Per item, how much is known of what the sizes of its family tell of routings, 0 .. 1, NaN without any. None: the model reads no sizes.
    """

    votes: sparse.csr_matrix
    neighbours: Neighbours
    expected: Floats
    operations: Floats
    family: Ints
    codes: dict[str, Codes]
    said: Said = field(default_factory=Said.nothing)
    sizes_known: Floats | None = None


@dataclass(frozen=True)
class EvidenceFeatures:
    """The evidence for candidates, a named column per feature.

    Attributes
    ----------
    names : tuple of str
        Names of the columns.
    values : Floats
        Candidates x names, float32; NaN where a feature says nothing.
    """

    names: tuple[str, ...]
    values: Floats

    @classmethod
    def of(cls, columns: Mapping[str, Floats]) -> EvidenceFeatures:
        """Stack named columns, one value per candidate in each."""
        return cls(tuple(columns), np.column_stack(list(columns.values())).astype(np.float32))

    @classmethod
    def joined(cls, parts: Sequence[EvidenceFeatures]) -> EvidenceFeatures:
        """The candidates of several parts, which have the same columns."""
        return cls(parts[0].names, np.concatenate([part.values for part in parts]))

    def column(self, name: str) -> Floats:
        """One feature.

        Raises
        ------
        ValueError
            There is no feature of this name.
        """
        return self.values[:, self.names.index(name)]

    def select(self, names: Iterable[str]) -> Floats:
        """Some features, as columns in this order.

        Raises
        ------
        ValueError
            There is no feature of one of the names.
        """
        return self.values[:, [self.names.index(name) for name in names]]

    def at(self, rows: Ints | Bools) -> EvidenceFeatures:
        """The candidates at these places or under this mask."""
        return EvidenceFeatures(self.names, self.values[rows])
