"""In which order a family does its operations, where a kind of its items does them in another, and where operations stand that a word brings."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from routing_etl.model.base.arrays import Bools, Codes, Floats, Ints
from routing_etl.model.base.columns import rank_in_group

#: A called operation is placed by counting where that is right in so much more of its routings.
_CLEARER = 0.05
#: With so many items of its own that have a called operation, a family tells its place itself.
_ENOUGH_OWN = 3
#: Most frequent sequences of a family, and of a kind of items in it, whose order of operations counts.
_MOST_ORDERS, _MOST_KIND_ORDERS = 3000, 300
#: The family's order of two operations weighs as much as so many items of the kind.
_FAMILY_WEIGHT = 1.0


@dataclass(frozen=True)
class FamilyRoutings:
    """The routings of a family.

    Attributes
    ----------
    sequences : Ints
        Numbers of its job sequences.
    counts : Ints
        Items that have each.
    kind_sequence, kind : Ints
        The sequences of its kinds of items, by their place in `sequences`, and the kind's code, -1 unknown.
    kind_counts : Ints
        Items of the kind that have the sequence.
    """

    sequences: Ints
    counts: Ints
    kind_sequence: Ints
    kind: Ints
    kind_counts: Ints

    @classmethod
    def of(cls, sequence: Ints, kind: Codes) -> FamilyRoutings:
        """From the sequence and the kind of every item of the family."""
        sequences, place = np.unique(sequence, return_inverse=True)
        width = len(sequences) + 1
        key, counts = np.unique((kind.astype(np.int64) + 1) * width + place, return_counts=True)
        return cls(
            sequences, np.bincount(place, minlength=len(sequences)), key % width, key // width - 1, counts
        )


@dataclass(frozen=True)
class KindOrders:
    """Pairs of operations that a kind of items has in another order than its family: `first` comes before `second`.

    Sorted by kind; operations by their place in the family.
    """

    kind: Ints = field(default_factory=lambda: np.empty(0, np.int64))
    first: Ints = field(default_factory=lambda: np.empty(0, np.int64))
    second: Ints = field(default_factory=lambda: np.empty(0, np.int64))

    @classmethod
    def of(
        cls, routings: FamilyRoutings, places: sparse.csr_matrix, used: Ints, before: Floats
    ) -> KindOrders:
        """What the kinds' own routings say against `before`, the family's order standing in for `_FAMILY_WEIGHT` items.

        `places`: sequences x operations, position + 1; `used`: the family's operations; `before`: these x these, 1 where the
        first one comes first.
        """
        known = np.flatnonzero(routings.kind >= 0)
        ranked = known[np.lexsort((-routings.kind_counts[known], routings.kind[known]))]
        ranked = ranked[rank_in_group(routings.kind[ranked]) < _MOST_KIND_ORDERS]
        if not len(ranked):
            return cls()
        n = len(used)
        row, first, second = _ordered_pairs(places[routings.sequences[routings.kind_sequence[ranked]]], used)
        low, high = np.minimum(first, second), np.maximum(first, second)
        key, place = np.unique((routings.kind[ranked][row] * n + low) * n + high, return_inverse=True)
        weight = routings.kind_counts[ranked][row].astype(np.float64)
        won = np.bincount(place, np.where(first == low, weight, 0.0), len(key))
        lost = np.bincount(place, np.where(first == low, 0.0, weight), len(key))
        low, high = key // n % n, key % n
        family = before[low, high] - before[high, low]
        own = np.sign(won - lost + _FAMILY_WEIGHT * family)
        other = (own != 0) & (own != family)
        swapped = own[other] < 0
        low, high = low[other], high[other]
        return cls(key[other] // (n * n), np.where(swapped, high, low), np.where(swapped, low, high))

    def of_sets(self, kinds: Ints, masks: Bools) -> tuple[Ints, Ints, Ints]:
        """Set, first and second operation of the pairs that apply: sets of items of these kinds that have both."""
        start = np.searchsorted(self.kind, kinds)
        number = np.searchsorted(self.kind, kinds, side="right") - start
        row = np.repeat(np.arange(len(kinds)), number)
        pair = np.arange(len(row)) - np.repeat(np.cumsum(number) - number - start, number)
        first, second = self.first[pair], self.second[pair]
        both = masks[row, first] & masks[row, second]
        return row[both], first[both], second[both]


@dataclass
class FamilyOrder:
    """Operations of a family, who comes before whom, and its known sets.

    `items`: of the family that have each operation. `kinds`: which kinds of items have another order. `called`: which operations
    a word brings; `counted`: see `CalledPlaces`.
    """

    operations: Ints
    items: Floats
    before: Floats
    sets: NDArray[np.uint64]
    sequence_of_set: Ints
    kinds: KindOrders
    called: Bools | None = None
    counted: Ints | None = None

    @classmethod
    def of(
        cls, routings: FamilyRoutings, places: sparse.csr_matrix, tags: NDArray[np.uint64], live: Bools
    ) -> FamilyOrder | None:
        """From the family's routings; None for a family without any.

        `places`: sequences x operations, position + 1 of each operation. `tags`, `live`: per sequence.
        """
        known, counts = routings.sequences, routings.counts
        if not len(known):
            return None
        used = np.unique(places[known].indices)
        often = np.argsort(-counts, kind="stable")[:_MOST_ORDERS]
        wins = _earlier(places[known[often]], used, counts[often])
        before = (wins > wins.T).astype(np.float32)
        items = ((places[known] > 0).T @ counts.astype(np.float64))[used]
        kinds = KindOrders.of(routings, places, used, before)
        known, counts = known[live[known]], counts[live[known]]
        order = np.lexsort((known, -counts, tags[known]))
        first = order[np.concatenate([[True], np.diff(tags[known][order]) != 0])] if len(order) else order
        return cls(used, items, before, tags[known][first], known[first], kinds)

    def with_called(self, places: CalledPlaces) -> FamilyOrder:
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
        counted[own[self.items >= _ENOUGH_OWN]] = 0
        called = np.zeros(len(used), dtype=bool)
        called[at] = True
        kinds = replace(self.kinds, first=own[self.kinds.first], second=own[self.kinds.second])
        return replace(
            self, operations=used, before=np.maximum(before, 0.0), kinds=kinds, called=called, counted=counted
        )

    def ranked(self, masks: Bools, kinds: Ints) -> Ints:
        """Sets x operations: the operations of every set in their order, then the others.

        Parameters
        ----------
        masks : Bools
            Sets x the family's operations.
        kinds : Ints
            Code of the kind of item of every set, -1 unknown.
        """
        turned = self.kinds.of_sets(kinds, masks)
        wins = np.where(masks, self._wins(masks, turned), -1.0)
        if self.called is None or self.counted is None or not (masks & self.called).any():
            return np.argsort(-wins, axis=1, kind="stable")
        # A called operation stands between the others, where it is counted to or after those which come before it.
        others = masks & ~self.called
        order = np.argsort(np.where(others, -self._wins(others, turned), np.inf), axis=1, kind="stable")
        place = np.empty(masks.shape, dtype=np.float32)
        np.put_along_axis(place, order, np.arange(masks.shape[1], dtype=np.float32)[None, :], axis=1)
        size, counted = others.sum(axis=1, keepdims=True), self.counted
        between = np.where(
            counted > 0, counted - 1, np.where(counted < 0, size + counted + 1, self._losses(others, turned))
        )
        key = np.where(self.called, between - 0.5, place)
        tie = np.where(self.called, -wins * 1e-4, 0.0)
        return np.argsort(np.where(masks, key + tie, np.inf), axis=1, kind="stable")

    def _wins(self, others: Bools, turned: tuple[Ints, Ints, Ints]) -> Floats:
        """Sets x operations: before how many of `others` each comes; `turned`: pairs of `KindOrders`."""
        row, first, second = turned
        wins = others.astype(np.float32) @ self.before.T
        np.add.at(wins, (row, first), (1.0 - self.before[first, second]) * others[row, second])
        np.subtract.at(wins, (row, second), self.before[second, first] * others[row, first])
        return wins

    def _losses(self, others: Bools, turned: tuple[Ints, Ints, Ints]) -> Floats:
        """Sets x operations: after how many of `others` each comes."""
        row, first, second = turned
        losses = others.astype(np.float32) @ self.before
        np.add.at(losses, (row, second), (1.0 - self.before[first, second]) * others[row, first])
        np.subtract.at(losses, (row, first), self.before[second, first] * others[row, second])
        return losses


@dataclass(frozen=True)
class CalledPlaces:
    """Where operations stand that a word brings, in the routings of the whole plant.

    `before`: called x operations, 1 where the called one mostly comes first; of two that no routing has, the one that comes
    earlier in its routings. `counted`: where it mostly has as many others before it (1: none, 2: one ...) or behind it (-1:
    none, -2: one ...) and that tells its place better than who comes first; 0 elsewhere.
    """

    called: Ints
    before: Floats
    counted: Ints

    @classmethod
    def of(cls, called: Ints, places: sparse.csr_matrix, weight: Floats) -> CalledPlaces:
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


def _earlier(places: sparse.csr_matrix, used: Ints, counts: Ints) -> Floats:
    """Used operations x used operations: in how many items the first stands before the second.

    `places`: sequences x operations, position + 1; `counts`: items per sequence.
    """
    n = len(used)
    row, first, second = _ordered_pairs(places, used)
    return np.asarray(np.bincount(first * n + second, counts[row], n * n).reshape(n, n), dtype=np.float64)


def _ordered_pairs(places: sparse.csr_matrix, used: Ints) -> tuple[Ints, Ints, Ints]:
    """Sequence, and the earlier and the later operation, by their places in `used`, of all pairs of the sequences' operations."""
    row = np.repeat(np.arange(places.shape[0]), np.diff(places.indptr))
    order = np.lexsort((places.data, row))
    row, column = row[order], np.searchsorted(used, places.indices[order])
    found: tuple[list[Ints], list[Ints], list[Ints]] = ([], [], [])
    for gap in range(1, int(np.diff(places.indptr).max(initial=0))):
        same = row[gap:] == row[:-gap]
        for part, values in zip(found, (row[gap:], column[:-gap], column[gap:]), strict=True):
            part.append(values[same])
    if not found[0]:
        return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.int64)
    first, second, third = (np.concatenate(part).astype(np.int64) for part in found)
    return first, second, third
