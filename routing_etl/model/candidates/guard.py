"""What no candidate may lack: the inspections that all items of its kind have.

An inspection is a job of whose operations at least half carry the ERP's inspection flag. A group of items always has one
when at least 30 of its items have a routing and at most one of a hundred lacks it. (With 30 of 30, at most 10 % of such
items may do without it, at 95 % confidence. From 20 on the rule was wrong about more of the true routings on one of two
simulated plants, 0.23 % against 0.05 %, and about as many on the other. One of a hundred is a slip of the pen; under a
hundred none is passed over.) Where the inspections differ but none of the routings goes without any, some inspection is
what the group always has.

The groups are the kinds of items (the part type, or the attribute that stands in for it) and the families that the
operation model has found. What a family always has is asked of an item only if the routings of its own kind in that family
keep to it, so a type without inspection inside a large family stays without. A kind that has no routing is asked nothing:
no routing supports a rule for it. A group is asked for nothing that none of its routings that may be proposed has, so there
is always one to propose; it stands in where no candidate of an item is left.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from routing_etl.model.base.arrays import Bools, Bytes, Floats, Ints
from routing_etl.model.catalogue.routings import RoutingCatalogue

#: Least routings of a group for a rule, and share of them that may lack the inspection (see the module's docstring).
_LEAST, _STRAY = 30, 0.01
_INSPECTED = "Y"


@dataclass(frozen=True)
class _Group:
    """Routings per group of items: the groups that have any, sorted, and how often they have which sequence."""

    keys: Ints
    table: sparse.csr_matrix

    @classmethod
    def of(cls, key: Ints, sequence: Ints, n_sequences: int) -> _Group:
        """Count the sequences of every key."""
        keys, group = np.unique(key, return_inverse=True)
        table = sparse.csr_matrix(
            (np.ones(len(key), np.float32), (group, sequence)), shape=(len(keys), n_sequences)
        )
        table.sum_duplicates()
        return cls(keys, table)

    def place(self, key: Ints) -> Ints:
        """Number of each key's group, -1 for none."""
        if not len(self.keys):
            return np.full(len(key), -1, dtype=np.int64)
        found = np.minimum(np.searchsorted(self.keys, key), len(self.keys) - 1)
        return np.where(self.keys[found] == key, found, -1)

    def keeps(self, has: Bools) -> tuple[Bools, Floats]:
        """Groups x inspections: whether (almost) no routing lacks it; and the number of routings per group."""
        number = np.asarray(self.table.sum(axis=1)).ravel()
        lacking = number[:, None] - self.table @ has.astype(np.float32)
        return lacking <= np.floor(number * _STRAY)[:, None], number

    def stand_in(self, asked: Bools, has: Bools, live: Bools) -> Ints:
        """Per group its most frequent sequence that may be proposed and has all that is asked; -1 for none."""
        group = np.repeat(np.arange(len(self.keys)), np.diff(self.table.indptr))
        sequence, count = self.table.indices, self.table.data
        fit = live[sequence] & ~(asked[group] & ~has[sequence]).any(axis=1)
        group, sequence, count = group[fit], sequence[fit], count[fit]
        order = np.lexsort((sequence, -count, group))
        first, place = np.unique(group[order], return_index=True)
        out = np.full(len(self.keys), -1, dtype=np.int64)
        out[first] = sequence[order][place]
        return out


@dataclass(frozen=True)
class _Rules:
    """What is asked per kind, then per pair of kind and family: packed bits over the inspections, and the stand-in."""

    kinds: Ints
    pairs: _Group
    n_families: int
    asked: Bytes
    stand_in: Ints

    def place(self, kind: Ints, family: Ints) -> Ints:
        """Row of the rules for every item, -1 for a kind that no routing has."""
        pair = self.pairs.place(
            np.where((family >= 0) & (family < self.n_families), kind * self.n_families + family, -1)
        )
        if not len(self.kinds):
            return np.full(len(kind), -1, dtype=np.int64)
        own = np.minimum(np.searchsorted(self.kinds, kind), len(self.kinds) - 1)
        own = np.where(self.kinds[own] == kind, own, -1)
        return np.where((own >= 0) & (pair >= 0), len(self.kinds) + pair, own)


@dataclass(frozen=True)
class _Groups:
    """Routings per kind of items, per family, and per pair of both."""

    kinds: _Group
    families: _Group
    pairs: _Group
    n_families: int

    @classmethod
    def of(cls, kind: Ints, family: Ints, sequence: Ints, n_families: int, n_sequences: int) -> _Groups:
        """Count the sequences of every group."""
        return cls(
            _Group.of(kind, sequence, n_sequences),
            _Group.of(family, sequence, n_sequences),
            _Group.of(kind * n_families + family, sequence, n_sequences),
            n_families,
        )

    def rules(self, has: Bools, live: Bools) -> _Rules:
        """What is asked of the items of every kind, and of every pair of kind and family."""

        def always(group: _Group) -> Bools:
            kept, number = group.keeps(has)
            asked = kept & (number >= _LEAST)[:, None]
            asked[group.stand_in(asked, has, live) < 0] = False
            return asked

        kinds, pairs = self.kinds, self.pairs
        of_kind = always(kinds)
        spare = kinds.stand_in(of_kind, has, live)
        own = kinds.place(pairs.keys // self.n_families)
        of_family = always(self.families)[self.families.place(pairs.keys % self.n_families)]
        of_pair = of_kind[own] | (of_family & pairs.keeps(has)[0])
        spare_of_pair = pairs.stand_in(of_pair, has, live)
        none = spare_of_pair < 0
        of_pair[none], spare_of_pair[none] = of_kind[own[none]], spare[own[none]]
        return _Rules(
            kinds.keys,
            pairs,
            self.n_families,
            np.packbits(np.vstack([of_kind, of_pair]), axis=1),
            np.concatenate([spare, spare_of_pair]),
        )


@dataclass(frozen=True)
class Demand:
    """What is asked for every item of a batch: packed bits over the inspections, and its stand-in (-1 for none)."""

    asked: Bytes
    stand_in: Ints

    def lacks(self, row: Ints, has: Bytes) -> Bools:
        """Whether the sequence (its packed bits) lacks what is asked for the item, pair by pair."""
        return np.asarray((self.asked[row] & ~has).any(axis=1))


class InspectionGuard:
    """Learns which inspections are mandatory, and says which candidates lack one."""

    def fit(
        self,
        catalogue: RoutingCatalogue,
        kind: NDArray[np.integer[Any]] | None,
        family: Ints,
        live: Bools,
        rows: Bools | None = None,
    ) -> InspectionGuard:
        """Learn the rules.

        Parameters
        ----------
        catalogue : RoutingCatalogue
            The known routings.
        kind : array of int, optional
            Per label, a code of its kind of items, -1 unknown. None: nothing tells kinds, families stand for them.
        family : Ints
            Per label.
        live : Bools
            Per sequence, whether it may be proposed.
        rows : Bools, optional
            Labels to learn from. None: all.
        """
        steps = catalogue.steps
        uses = steps["step_count"].to_numpy().astype(np.float64)
        flagged = (
            steps.select((pl.col("insp_flg") == _INSPECTED).fill_null(value=False)).to_series().to_numpy()
        )
        votes = np.bincount(catalogue.step_job, np.where(flagged, uses, -uses), len(catalogue.jobs))
        inspection = np.asarray(votes >= 0)[catalogue.operation_job]
        self.n_inspections_ = int(inspection.sum())
        self.column_ = np.where(inspection, np.cumsum(inspection) - 1, -1)
        has = self._has(catalogue.sequence_offsets, catalogue.sequence_operations)
        self.has_ = np.packbits(has, axis=1)
        kinds = family if kind is None else kind.astype(np.int64)
        learned = kinds >= 0 if rows is None else (kinds >= 0) & rows
        groups = _Groups.of(
            kinds[learned],
            family[learned],
            catalogue.label_sequence[learned],
            int(family.max()) + 1,
            len(has),
        )
        self.rules_ = groups.rules(has, live)
        asked = np.asarray(np.unpackbits(self.rules_.asked, axis=1, count=has.shape[1]).any(axis=0))
        named = catalogue.operation_job[np.flatnonzero(inspection)[asked[:-1]]]
        self.mandatory_ = catalogue.jobs[np.unique(named)].to_list()
        self.guards_ = bool(asked.any())
        return self

    def told(self) -> list[str]:
        """A sentence for the model card, or none when nothing is mandatory."""
        if not self.guards_:
            return []
        named = ", ".join(self.mandatory_[:20]) or "some inspection, which one differs"
        return [
            f"Inspections that all routings of a part type or family have, in every candidate there: {named}."
        ]

    def _has(self, offsets: Ints, operations: Ints) -> Bools:
        """Sequences x inspections, and in a last column whether there is any."""
        owner = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
        column = self.column_[operations]
        out = np.zeros((len(offsets) - 1, self.n_inspections_ + 1), dtype=bool)
        out[owner[column >= 0], column[column >= 0]] = True
        out[:, -1] = out.any(axis=1)
        return out

    def demand(self, kind: NDArray[np.integer[Any]] | None, family: Ints) -> Demand:
        """What is asked for items of these kinds and families.

        Parameters
        ----------
        kind : array of int, optional
            Per item, as in `fit`.
        family : Ints
            Per item.
        """
        rules = self.rules_
        kinds = family if kind is None else kind.astype(np.int64)
        place = np.where(kinds >= 0, rules.place(kinds, family), -1)
        if not len(rules.asked):
            return Demand(np.zeros((len(kinds), self.has_.shape[1]), np.uint8), place)
        asked = np.where((place >= 0)[:, None], rules.asked[place], np.uint8(0))
        return Demand(asked, np.where(place >= 0, rules.stand_in[place], -1))

    def has(self, sequence: Ints, offsets: Ints | None = None, operations: Ints | None = None) -> Bytes:
        """Packed bits of the inspections of sequences.

        Parameters
        ----------
        sequence : Ints
            Numbers of sequences; those from the catalogue's size on are new.
        offsets : Ints, optional
            Where each new sequence begins in `operations`, and their end.
        operations : Ints, optional
            The operations of the new sequences.
        """
        known = len(self.has_)
        if offsets is None or operations is None or len(offsets) < 2:
            return np.asarray(self.has_[sequence])
        new = np.packbits(self._has(offsets, operations), axis=1)
        out = self.has_[np.minimum(sequence, known - 1)]
        fresh = sequence >= known
        out[fresh] = new[sequence[fresh] - known]
        return np.asarray(out)
