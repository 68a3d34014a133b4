"""Which phrases bring or take away which operations, beyond what the items' family and kind let expect.

What is left unexplained, summed over a phrase's items, is beyond chance by a bound for all phrases and operations together, and points the
same way in each half of the items. A rarer phrase joins those that bring the same operation on less evidence.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from scipy import sparse

from routing_etl.model.attributes.phrases import PhraseLists
from routing_etl.model.base.arrays import Bools, Codes, Floats, Ints

#: Share of the rules found that may be chance, and ways in which each may seem to be none (`_beyond` takes the larger score).
_CHANCE, _WAYS = 0.05, 2
#: Standard deviations beyond chance that each half of the items must show, and that suffice for a phrase which brings what
#: others bring, if as much of it is unexplained as this share of the strongest one's.
_HALF, _JOINS, _ALIKE = 1.5, 3.0, 0.4
#: Least sum of unexplained operations, in items; added to the operations expected by chance.
_LEAST_ITEMS, _CONTINUITY = 2.5, 0.1
#: A phrase that brings an operation has it so many times as often as all items.
_LIFT = 3.0
#: Items with the mean of all that shrink the mean of a kind.
_SHRINK = 2.0
#: Operations looked at together: phrases x operations of memory.
BLOCK = 64


@dataclass(frozen=True)
class WordCases:
    """Training items, what they have and what was expected of them.

    Attributes
    ----------
    phrases : PhraseLists
        Of every item.
    operations : scipy.sparse.csr_matrix
        Items x operations: 0/1, or a share.
    votes : Floats
        Items x operations: the forest's out-of-bag shares.
    expected : Floats
        Items x operations: the families' questions, out of fold.
    family, folds : Ints
        Per item.
    kind : Codes
        Per item the value of the attribute that tells most about routings, -1 unknown.
    """

    phrases: PhraseLists
    operations: sparse.csr_matrix
    votes: Floats
    expected: Floats
    family: Ints
    folds: Ints
    kind: Codes


@dataclass(frozen=True)
class Found:
    """Phrases and the operations that they bring or take away, sorted by phrase."""

    phrase: Ints
    operation: Ints
    brings: Bools


def screen(cases: WordCases) -> Found:
    """Find the pairs of phrase and operation where what the questions left unexplained is beyond chance."""
    n, n_operations = cases.operations.shape
    phrases = cases.phrases
    if not phrases.n or n < 2:
        return Found(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, bool))
    member = phrases.matrix()
    own = _Tested.of(cases, member).telling(cases.operations)
    sure = own.both & (np.abs(own.score) >= _bound(np.abs(own.score), phrases.n * n_operations))
    strongest = np.zeros(n_operations)
    brings = own.score > 0
    effect = np.abs(own.total) / own.size
    np.maximum.at(strongest, own.operation[sure & brings], effect[sure & brings])
    alike = (strongest[own.operation] > 0) & brings & (effect >= _ALIKE * strongest[own.operation])
    kept = sure | alike
    phrase, operation, brings = own.group[kept], own.operation[kept], brings[kept]
    # All phrases that bring an operation say the same: together they show what it takes the place of.
    called, tied = np.unique(operation[brings], return_inverse=True)
    ties = sparse.csr_matrix(
        (np.ones(len(tied), np.float32), (phrase[brings], tied)), (phrases.n, len(called))
    )
    noted = member @ ties
    noted.data[:] = 1.0
    theirs = _Tested.of(cases, noted)
    lost = (theirs.score < 0) & theirs.both
    lost &= np.abs(theirs.score) >= _bound(np.abs(theirs.score), max(len(called), 1) * n_operations)
    pair = sparse.csr_matrix(
        (np.ones(int(lost.sum()), np.float32), (theirs.group[lost], theirs.operation[lost])),
        (len(called), n_operations),
    )
    away = (ties @ pair).tocoo()
    phrase = np.concatenate([phrase, away.row])
    operation = np.concatenate([operation, away.col])
    brings = np.concatenate([brings, np.zeros(len(away.row), dtype=bool)])
    first = np.unique(phrase * np.int64(n_operations) + operation, return_index=True)[1]
    return Found(phrase[first].astype(np.int64), operation[first].astype(np.int64), brings[first])


@dataclass(frozen=True)
class _Groups:
    """Groups of items, and in which group and fold each item is."""

    member: sparse.csr_matrix
    cell: Ints
    n_folds: int

    @classmethod
    def of(cls, group: Ints | Codes, folds: Ints) -> _Groups:
        """`group`: per item, -1 for one of its own."""
        n, n_folds = len(group), int(folds.max()) + 1
        cell = (group.astype(np.int64) + 1) * n_folds + folds
        member = sparse.csr_matrix(
            (np.ones(n, np.float32), (cell, np.arange(n))), ((int(group.max()) + 2) * n_folds, n)
        )
        return cls(member, cell, n_folds)

    def expected(self, actual: Floats, prior: Floats) -> Floats:
        """Items x operations: the mean of the group's items in other folds, shrunk towards `prior`."""
        sums = np.asarray(self.member @ actual).reshape(-1, self.n_folds, actual.shape[1])
        count = np.asarray(self.member.sum(axis=1)).reshape(-1, self.n_folds, 1)
        sums, count = sums.sum(axis=1, keepdims=True) - sums, count.sum(axis=1, keepdims=True) - count
        sums, count = sums.reshape(-1, actual.shape[1])[self.cell], count.reshape(-1, 1)[self.cell]
        return np.asarray((sums + _SHRINK * prior) / (count + _SHRINK), dtype=np.float32)


def expected_of_groups(actual: Floats, family: Ints, kind: Codes, folds: Ints) -> Floats:
    """Items x operations: what family and kind let expect of each item, by items of other folds.

    Parameters
    ----------
    actual : Floats
        Items x operations: 0/1, or a share.
    family : Ints
        Per item.
    kind : Codes
        Per item, -1 for one of its own.
    folds : Ints
        Per item.
    """
    families, kinds = _Groups.of(family, folds), _Groups.of(kind, folds)
    return kinds.expected(actual, families.expected(actual, actual.mean(axis=0)))


@dataclass(frozen=True)
class _Tested:
    """Pairs of a group of items and an operation that is beyond chance there: what was left unexplained.

    `total`: the sum over the group; `score`: in standard deviations; `both`: each half of the items says so too; `size`: items
    of the group.
    """

    group: Ints
    operation: Ints
    total: Floats
    score: Floats
    both: Bools
    size: Ints

    @classmethod
    def of(cls, cases: WordCases, member: sparse.csr_matrix) -> _Tested:
        """`member`: items x groups, 0/1."""
        n_operations = cases.operations.shape[1]
        half = cases.folds % 2 == 0
        sides = [(np.flatnonzero(side), member[side].T.tocsr()) for side in (half, ~half)]
        size = np.bincount(member.indices, minlength=member.shape[1])
        sizes = [np.asarray(of.sum(axis=1)).reshape(-1, 1) for _, of in sides]
        families, kinds = _Groups.of(cases.family, cases.folds), _Groups.of(cases.kind, cases.folds)
        parts = []
        for start in range(0, n_operations, BLOCK):
            block = slice(start, min(start + BLOCK, n_operations))
            actual = cases.operations[:, block].toarray().astype(np.float32)
            usual = kinds.expected(actual, families.expected(actual, actual.mean(axis=0)))
            left = actual - usual
            sums = [np.asarray(of @ left[rows], dtype=np.float64) for rows, of in sides]
            spread = [np.asarray(of @ left[rows] ** 2, dtype=np.float64) + 1.0 for rows, of in sides]
            chance = [np.asarray(of @ usual[rows], dtype=np.float64) + _CONTINUITY for rows, of in sides]
            total = sums[0] + sums[1]
            score = _beyond(total, spread[0] + spread[1], chance[0] + chance[1], sizes[0] + sizes[1])
            apart = [
                _beyond(s, v, e, n) * np.sign(score)
                for s, v, e, n in zip(sums, spread, chance, sizes, strict=True)
            ]
            both = (apart[0] >= _HALF) & (apart[1] >= _HALF)
            at = np.nonzero((np.abs(score) >= _JOINS) & (np.abs(total) >= _LEAST_ITEMS))
            parts.append((at[0], at[1] + start, total[at], score[at], both[at], size[at[0]]))
        return cls(*(np.concatenate([p[k] for p in parts]) for k in range(6)))

    def telling(self, operations: sparse.csr_matrix) -> _Tested:
        """Without those that come oftener than elsewhere, but not much."""
        share = np.asarray(operations.mean(axis=0)).ravel()[self.operation]
        kept = (self.total < 0) | (self.total / self.size >= (_LIFT - 1) * share)
        return _Tested(*(getattr(self, f.name)[kept] for f in fields(self)))


def _beyond(total: Floats, spread: Floats, chance: Floats, size: Floats) -> Floats:
    """Standard deviations by which a sum of what was left unexplained is beyond chance; below 0 for too few.

    By the spread of what was left, or, where more operations came than were expected, by the signed root of the binomial deviance,
    2 (o ln(o / e) + (n - o) ln((n - o) / (n - e))), if that is more (McCullagh and Nelder 1989, 4.4): eight of eight items with an
    operation that one of a thousand has are no chance, though the spread of eight is as large as they are, and neither are fourteen
    of fourteen with one that a quarter of all items have. Items that differ in what was expected of them vary less than this says.

    Parameters
    ----------
    total, spread : Floats
        Sum of what was left, and of its squares.
    chance : Floats
        Operations expected, with `_CONTINUITY`.
    size : Floats
        Items.
    """
    plain = total / np.sqrt(spread)
    whole = size + 2.0 * _CONTINUITY
    came = np.clip(total + chance, chance, whole - _CONTINUITY)
    chance = np.minimum(chance, whole - _CONTINUITY)
    other = whole - came
    deviance = 2.0 * (came * np.log(came / chance) + other * np.log(other / (whole - chance)))
    return np.where(total > 0, np.maximum(plain, np.sqrt(np.maximum(deviance, 0.0))), plain)


def _bound(score: Floats, n_tests: int) -> float:
    """The least score by which at most a share `_CHANCE` of those that reach it are chance (Benjamini and Hochberg 1995)."""
    from scipy.stats import norm

    ranked = -np.sort(-score)
    passed = np.flatnonzero(
        2 * _WAYS * norm.sf(ranked) <= _CHANCE * np.arange(1, len(ranked) + 1) / max(n_tests, 1)
    )
    return float(ranked[passed[-1]]) if len(passed) else np.inf
