"""Routings put together from operations that the operation model expects, for items that no known routing fits.

The most likely set of operations of an item and its nearest alternatives (the least certain operations in or out) are
looked up among the known routings of the family. A set that nobody has written yet becomes a routing of its own when
every step of it has been seen: each job next to the following one, the first job at a start, the last at an end. Its
order is the family's: an operation comes before another when it mostly does, or when it mostly does in items of the kind; a known
set that the kind would do in another order becomes a routing in that order too. One whose code the output cannot hold is left
out, and one that turns out to be known - from another family, or in another order of the set - keeps its number, or is left
out when it may not be proposed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from routing_etl.model.base.arrays import Bools, Codes, Floats, Ints
from routing_etl.model.candidates.family_order import CalledPlaces, FamilyOrder, FamilyRoutings
from routing_etl.model.catalogue.routings import ROUTING_CODE_LENGTH, RoutingCatalogue

#: Which of the least certain operations are turned over: none, each, some pairs and three.
_FLIPS = ((), (0,), (1,), (2,), (3,), (4,), (5,), (0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3), (0, 1, 2))

_MOST_FLIPPED = 1 + max(max(flips, default=0) for flips in _FLIPS)
_TURNED = np.array([[place in flips for place in range(_MOST_FLIPPED)] for flips in _FLIPS])
#: An odd factor per place makes the sum of a sequence's job tags tell its order too.
_FACTOR = np.uint64(0x9E3779B97F4A7C15)
#: Seed of the random 64-bit tags by whose sums sets of operations are compared.
_TAG_SEED = 42
#: An operation so far from a probability of one half is not turned over.
_NO_DOUBT = 0.45


@dataclass
class Composed:
    """Sequences proposed for items. Numbers from the catalogue's size on are new: `offsets` and `operations` hold them."""

    row: Ints
    sequence: Ints
    offsets: Ints
    operations: Ints

    @property
    def n_new(self) -> int:
        """Number of sequences that no training item has."""
        return len(self.offsets) - 1


class Composer:
    """Finds known or new sequences for expected operations."""

    def fit(
        self,
        catalogue: RoutingCatalogue,
        family: Ints,
        sequence: Ints,
        live: Bools,
        called: Ints | None = None,
        *,
        kind: Codes | None = None,
        rows: Bools | None = None,
    ) -> Composer:
        """Learn order, known sets and known neighbours.

        Parameters
        ----------
        catalogue : RoutingCatalogue
            The known routings.
        family : Ints
            Per label.
        sequence : Ints
            Per label.
        live : Bools
            Per sequence, whether it may be proposed.
        called : Ints, optional
            Operations that a word brings in any family.
        kind : Codes, optional
            Per label, code of the kind of item, -1 unknown; kinds may have an order of their own. None: all unknown.
        rows : Bools, optional
            The labels to learn from. None: all.
        """
        kind = np.full(len(sequence), -1, np.int32) if kind is None else kind
        if rows is not None:
            family, sequence, kind = family[rows], sequence[rows], kind[rows]
        rng = np.random.default_rng(_TAG_SEED)
        n_operations = catalogue.n_operations
        self.tag_ = rng.integers(1, 2**63, n_operations, dtype=np.uint64) | np.uint64(1)
        self.job_tag_ = rng.integers(1, 2**63, len(catalogue.jobs), dtype=np.uint64) | np.uint64(1)
        self.job_ = catalogue.operation_job
        # A job takes its code and the sign before the next one.
        self.room_ = catalogue.jobs.str.len_chars().to_numpy().astype(np.int64)[self.job_] + 1
        self.n_known_ = catalogue.n_sequences
        matrix = catalogue.sequence_matrix()
        lengths = np.diff(catalogue.sequence_offsets)
        owner = np.repeat(np.arange(catalogue.n_sequences), lengths)
        position = np.arange(len(owner)) - np.repeat(catalogue.sequence_offsets[:-1], lengths)
        tags = np.zeros(catalogue.n_sequences, dtype=np.uint64)
        np.add.at(tags, owner, self.tag_[catalogue.sequence_operations])
        n_jobs = len(catalogue.jobs) + 1
        jobs = catalogue.sequence_jobs
        before = np.where(position == 0, 0, np.roll(jobs, 1) + 1)
        ends = catalogue.sequence_offsets[1:] - 1
        written = np.bincount(sequence, minlength=catalogue.n_sequences) > 0
        self.pairs_ = np.unique(
            np.concatenate([(before * n_jobs + jobs + 1)[written[owner]], (jobs[ends[written]] + 1) * n_jobs])
        )
        # An operation that says "second drilling" needs a first one: index of the occurrence before, -1 for a first.
        key = catalogue.operation_key
        self.needs_ = np.where(key % 64 > 0, np.searchsorted(key, key - 1), -1)
        mark = np.zeros(catalogue.n_sequences, dtype=np.uint64)
        np.add.at(mark, owner, self.job_tag_[jobs] * _powers(int(lengths.max()))[position])
        self.known_ = np.argsort(mark, kind="stable")
        self.mark_ = mark[self.known_]
        self.live_ = live
        self.live_job_ = np.zeros(len(catalogue.jobs), dtype=bool)
        self.live_job_[jobs[(live & written)[owner]]] = True
        places = sparse.csr_matrix(
            (position + 1.0, catalogue.sequence_operations, catalogue.sequence_offsets), shape=matrix.shape
        )
        self.families_ = [
            FamilyOrder.of(FamilyRoutings.of(sequence[family == f], kind[family == f]), places, tags, live)
            for f in range(int(family.max(initial=-1)) + 1)
        ]
        self.called_job_ = np.zeros(len(catalogue.jobs), dtype=bool)
        if called is not None and len(called):
            self.called_job_[self.job_[called]] = True
            weight = np.bincount(sequence, minlength=len(lengths)).astype(np.float64)
            stand = CalledPlaces.of(called, places, weight)
            self.families_ = [None if each is None else each.with_called(stand) for each in self.families_]
        return self

    def compose(self, operations: Floats, family: Ints, kind: Codes | None = None) -> Composed:
        """Find or compose sequences for items.

        Parameters
        ----------
        operations : Floats
            Items x operations, probabilities.
        family : Ints
            Per item, -1 unknown.
        kind : Codes, optional
            Per item, code of its kind as in `fit`, -1 unknown. None: all unknown.
        """
        kind = np.full(len(family), -1, np.int32) if kind is None else kind
        rows: list[Ints] = []
        sequences: list[Ints] = []
        new_rows: list[Ints] = []
        new_orders: list[Ints] = []
        width = 0
        for f in np.unique(family):
            order = self.families_[f] if 0 <= f < len(self.families_) else None
            if order is None or len(order.operations) < 2:
                continue
            here = np.flatnonzero(family == f)
            item, masks = self._sets(operations[np.ix_(here, order.operations)], order)
            tags = (masks.astype(np.uint64) * self.tag_[order.operations][None, :]).sum(
                axis=1, dtype=np.uint64
            )
            if len(order.sets):
                place = np.minimum(np.searchsorted(order.sets, tags), len(order.sets) - 1)
                known = order.sets[place] == tags
                rows.append(here[item[known]])
                sequences.append(order.sequence_of_set[place[known]])
            else:
                known = np.zeros(len(tags), dtype=bool)
            kinds = kind[here[item]].astype(np.int64)
            open_ = ~known
            open_[order.kinds.of_sets(kinds, masks)[0]] = True
            fresh, owner = masks[open_], here[item[open_]]
            if not len(fresh):
                continue
            ranked = order.ranked(fresh, kinds[open_])
            size = fresh.sum(axis=1)
            ordered = np.where(
                np.arange(ranked.shape[1])[None, :] < size[:, None], order.operations[ranked], -1
            )
            fits = self._seen(ordered, size) & self._short(ordered)
            ordered, owner = ordered[fits], owner[fits]
            found = self._known(ordered)
            again = (found >= 0) & self.live_[found]
            rows.append(owner[again])
            sequences.append(found[again])
            new_rows.append(owner[found < 0])
            new_orders.append(ordered[found < 0])
            width = max(width, ordered.shape[1])
        row, sequence = _join(rows), _join(sequences)
        if not new_orders or not sum(len(o) for o in new_orders):
            return Composed(row, sequence, np.zeros(1, np.int64), np.empty(0, np.int64))
        stacked = np.vstack(
            [np.pad(o, ((0, 0), (0, width - o.shape[1])), constant_values=-1) for o in new_orders]
        )
        unique, back = np.unique(stacked, axis=0, return_inverse=True)
        size = (unique >= 0).sum(axis=1)
        return Composed(
            np.concatenate([row, _join(new_rows)]),
            np.concatenate([sequence, self.n_known_ + back.ravel()]),
            np.concatenate([[0], np.cumsum(size)]).astype(np.int64),
            unique[unique >= 0].astype(np.int64),
        )

    def _sets(self, probability: Floats, order: FamilyOrder) -> tuple[Ints, Bools]:
        """Item and operation mask of every set to try; sets that lack a first occurrence or a live job are left out."""
        likely = probability > 0.5
        doubt = np.abs(probability - 0.5)
        most = min(_MOST_FLIPPED, probability.shape[1])
        least_sure = np.argsort(doubt, axis=1, kind="stable")[:, :most]
        rare = np.take_along_axis(doubt, least_sure, 1) >= _NO_DOUBT
        turned = np.zeros((*least_sure.shape, probability.shape[1]), dtype=np.uint8)
        np.put_along_axis(turned, least_sure[:, :, None], 1, 2)
        flips = _TURNED[~_TURNED[:, most:].any(axis=1), :most]
        masks = likely[:, None, :] ^ (flips @ turned > 0)
        item, way = np.nonzero(~(flips[None] & rare[:, None, :]).any(axis=2))
        masks = masks[item, way]
        needs = self.needs_[order.operations]
        place = np.searchsorted(order.operations, needs)
        second = np.flatnonzero(needs >= 0)
        good = masks.any(axis=1)
        for s in second:
            first = min(int(place[s]), len(order.operations) - 1)
            good &= ~masks[:, s] | masks[:, first]
        dead = ~self.live_job_[self.job_[order.operations]]
        good &= ~(masks & dead[None, :]).any(axis=1)
        return item[good], masks[good]

    def _seen(self, ordered: Ints, size: Ints) -> Bools:
        """Whether each job has been seen next to the following one, and the ends at ends."""
        n_jobs = int(self.job_.max()) + 2
        jobs = np.where(ordered >= 0, self.job_[np.maximum(ordered, 0)] + 1, 0)
        left = np.hstack([np.zeros((len(jobs), 1), np.int64), jobs])
        right = np.hstack([jobs, np.zeros((len(jobs), 1), np.int64)])
        key = left * n_jobs + right
        place = np.minimum(np.searchsorted(self.pairs_, key), len(self.pairs_) - 1)
        seen = self.pairs_[place] == key
        called = np.concatenate([[False], self.called_job_])
        seen |= called[left] | called[right]
        beyond = np.arange(key.shape[1])[None, :] > size[:, None]
        return np.asarray((seen | beyond).all(axis=1))

    def _short(self, ordered: Ints) -> Bools:
        """Whether the output's column holds the routing code."""
        room = np.where(ordered >= 0, self.room_[np.maximum(ordered, 0)], 0).sum(axis=1) - 1
        return np.asarray(room <= ROUTING_CODE_LENGTH)

    def _known(self, ordered: Ints) -> Ints:
        """The known sequence with these jobs in this order, -1 for none."""
        tags = np.where(ordered >= 0, self.job_tag_[self.job_[np.maximum(ordered, 0)]], np.uint64(0))
        mark = (tags * _powers(ordered.shape[1])[None, :]).sum(axis=1, dtype=np.uint64)
        place = np.minimum(np.searchsorted(self.mark_, mark), len(self.mark_) - 1)
        return np.where(self.mark_[place] == mark, self.known_[place], -1)


def _powers(n: int) -> NDArray[np.uint64]:
    return np.cumprod(np.full(n, _FACTOR), dtype=np.uint64)


def _join(parts: list[Ints]) -> Ints:
    return np.concatenate(parts).astype(np.int64) if parts else np.empty(0, np.int64)
