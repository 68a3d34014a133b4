"""Routings put together from operations that the operation model expects, for items that no known routing fits.

The most likely set of operations of an item and its nearest alternatives (the least certain operations in or out) are
looked up among the known routings of the family. A set that nobody has written yet becomes a routing of its own when
every step of it has been seen: each job next to the following one, the first job at a start, the last at an end. Its
order is the family's: an operation comes before another when it mostly does. One whose code the output cannot hold is left
out, and one that turns out to be known - from another family, or in another order of the set - keeps its number, or is left
out when it may not be proposed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from routing_etl.model.base.arrays import Bools, Floats, Ints
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
#: A called operation is placed by counting where that is right in so much more of its routings.
_CLEARER = 0.05
#: Most frequent sequences of a family whose order of operations counts.
_MOST_ORDERS = 3000


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


@dataclass
class _FamilyOrder:
    """Operations of a family, who comes before whom, and its known sets.

    `called`: which operations a word brings; `counted`: see `_CalledPlaces`.
    """

    operations: Ints
    before: Floats
    sets: NDArray[np.uint64]
    sequence_of_set: Ints
    called: Bools | None = None
    counted: Ints | None = None

    @classmethod
    def of(
        cls, known: Ints, counts: Ints, places: sparse.csr_matrix, tags: NDArray[np.uint64], live: Bools
    ) -> _FamilyOrder | None:
        """From the family's sequences and how many items have each; None for a family without any.

        `places`: sequences x operations, position + 1 of each operation. `tags`, `live`: per sequence.
        """
        if not len(known):
            return None
        used = np.unique(places[known].indices)
        often = np.argsort(-counts, kind="stable")[:_MOST_ORDERS]
        wins = _earlier(places[known[often]], used, counts[often])
        known, counts = known[live[known]], counts[live[known]]
        order = np.lexsort((known, -counts, tags[known]))
        first = order[np.concatenate([[True], np.diff(tags[known][order]) != 0])] if len(order) else order
        return cls(used, (wins > wins.T).astype(np.float32), tags[known][first], known[first])

    def with_called(self, places: _CalledPlaces) -> _FamilyOrder:
        """The same with the operations that a word brings, as many as the family has never had."""
        used = np.union1d(self.operations, places.called)
        before = np.full((len(used), len(used)), -1.0, dtype=np.float32)
        own = np.searchsorted(used, self.operations)
        before[np.ix_(own, own)] = np.where(self.before + self.before.T > 0, self.before, -1.0)
        at = np.searchsorted(used, places.called)
        theirs = places.before[:, used]
        before[at] = np.where(before[at] < 0, theirs, before[at])
        before[:, at] = np.where(before[:, at] < 0, 1.0 - theirs.T, before[:, at])
        counted = np.zeros(len(used), dtype=np.int64)
        counted[at] = places.counted
        called = np.zeros(len(used), dtype=bool)
        called[at] = True
        return replace(self, operations=used, before=np.maximum(before, 0.0), called=called, counted=counted)

    def ranked(self, masks: Bools) -> Ints:
        """Sets x operations: the operations of every set in their order, then the others."""
        wins = np.where(masks, masks.astype(np.float32) @ self.before.T, -1.0)
        if self.called is None or self.counted is None or not (masks & self.called).any():
            return np.argsort(-wins, axis=1, kind="stable")
        # A called operation stands between the others, where it is counted to or after those which come before it.
        others = (masks & ~self.called).astype(np.float32)
        order = np.argsort(np.where(others > 0, -(others @ self.before.T), np.inf), axis=1, kind="stable")
        place = np.empty(masks.shape, dtype=np.float32)
        np.put_along_axis(place, order, np.arange(masks.shape[1], dtype=np.float32)[None, :], axis=1)
        size, counted = others.sum(axis=1, keepdims=True), self.counted
        between = np.where(
            counted > 0, counted - 1, np.where(counted < 0, size + counted + 1, others @ self.before)
        )
        key = np.where(self.called, between - 0.5, place)
        tie = np.where(self.called, -wins * 1e-4, 0.0)
        return np.argsort(np.where(masks, key + tie, np.inf), axis=1, kind="stable")


@dataclass(frozen=True)
class _CalledPlaces:
    """Where operations stand that a word brings, in the routings of the whole plant.

    `before`: called x operations, 1 where the called one mostly comes first; of two that no routing has, the one that comes
    earlier in its routings. `counted`: where it mostly has as many others before it (1: none, 2: one ...) or behind it (-1:
    none, -2: one ...) and that tells its place better than who comes first; 0 elsewhere.
    """

    called: Ints
    before: Floats
    counted: Ints

    @classmethod
    def of(cls, called: Ints, places: sparse.csr_matrix, weight: Floats) -> _CalledPlaces:
        """`places`: sequences x operations, position + 1; `weight`: items that have each sequence."""
        lengths = np.maximum(np.diff(places.indptr), 1)
        number = (places > 0).T @ weight
        mean = (places.T @ (weight / lengths)) / np.maximum(number, 1e-9)
        before = np.empty((len(called), places.shape[1]), dtype=np.float32)
        counted = np.zeros(len(called), dtype=np.int64)
        is_called = np.zeros(places.shape[1], dtype=bool)
        is_called[called] = True
        columns = places.tocsc()
        for i, operation in enumerate(called):
            span = slice(columns.indptr[operation], columns.indptr[operation + 1])
            rows, at = columns.indices[span], columns.data[span]
            part, heavy = places[rows], weight[rows]
            owner = np.repeat(np.arange(len(rows)), np.diff(part.indptr))
            later = part.data > at[owner]
            won = np.bincount(part.indices, np.where(later, heavy[owner], -heavy[owner]), places.shape[1])
            before[i] = np.where(won != 0, won > 0, mean > mean[operation])
            other = ~is_called[part.indices]
            ahead = np.bincount(owner[other & ~later], minlength=len(rows))
            behind = np.bincount(owner[other & later], minlength=len(rows))
            guess = np.bincount(owner[other], 1.0 - before[i][part.indices[other]], len(rows))
            told = float(heavy[guess == ahead].sum())
            for sign, count in ((1, ahead), (-1, behind)):
                usual = np.bincount(count, heavy)
                if usual.max() > told + _CLEARER * heavy.sum():
                    told, counted[i] = float(usual.max()), sign * (int(usual.argmax()) + 1)
        return cls(called, before, counted)


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
        rows : Bools, optional
            The labels to learn from. None: all.
        """
        if rows is not None:
            family, sequence = family[rows], sequence[rows]
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
            _FamilyOrder.of(*np.unique(sequence[family == f], return_counts=True), places, tags, live)
            for f in range(int(family.max(initial=-1)) + 1)
        ]
        self.called_job_ = np.zeros(len(catalogue.jobs), dtype=bool)
        if called is not None and len(called):
            self.called_job_[self.job_[called]] = True
            weight = np.bincount(sequence, minlength=len(lengths)).astype(np.float64)
            stand = _CalledPlaces.of(called, places, weight)
            self.families_ = [None if each is None else each.with_called(stand) for each in self.families_]
        return self

    def compose(self, operations: Floats, family: Ints) -> Composed:
        """Find or compose sequences for items.

        Parameters
        ----------
        operations : Floats
            Items x operations, probabilities.
        family : Ints
            Per item, -1 unknown.
        """
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
            fresh, owner = masks[~known], here[item[~known]]
            if not len(fresh):
                continue
            ranked = order.ranked(fresh)
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

    def _sets(self, probability: Floats, order: _FamilyOrder) -> tuple[Ints, Bools]:
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


def _earlier(places: sparse.csr_matrix, used: Ints, counts: Ints) -> Floats:
    """Used operations x used operations: in how many items the first stands before the second.

    `places`: sequences x operations, position + 1; `counts`: items per sequence.
    """
    n = len(used)
    row = np.repeat(np.arange(places.shape[0]), np.diff(places.indptr))
    order = np.lexsort((places.data, row))
    row, column = row[order], np.searchsorted(used, places.indices[order])
    wins = np.zeros(n * n)
    for gap in range(1, int(np.diff(places.indptr).max(initial=0))):
        same = row[gap:] == row[:-gap]
        pair = column[:-gap][same] * n + column[gap:][same]
        np.add.at(wins, pair, counts[row[gap:][same]])
    return wins.reshape(n, n)


def _powers(n: int) -> NDArray[np.uint64]:
    return np.cumprod(np.full(n, _FACTOR), dtype=np.uint64)


def _join(parts: list[Ints]) -> Ints:
    return np.concatenate(parts).astype(np.int64) if parts else np.empty(0, np.int64)
