"""What is known of a batch of items before candidates are collected, and the named features of the candidates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from routing_etl.model.base.arrays import Bools, Codes, Floats, Ints
from routing_etl.model.candidates.similarity import Neighbours


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
    """

    votes: sparse.csr_matrix
    neighbours: Neighbours
    expected: Floats
    operations: Floats
    family: Ints
    codes: dict[str, Codes]


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
