"""Rules that hold across the plant, called by words: what a note does to operations, wherever and however it is written.

"Oxygen clean" changes the same operations in every family: one is added, or one takes the place of another. Hundreds of
items show it, but ten in a family, so that questions asked family by family (`operations_model`) cannot learn it. Here each
phrase of the items' texts (`phrases`) is asked, over all items at once, which operations it brings and which it takes away
beyond what the items' family and kind let expect (1 and 2 in `word_screen`):

1. A phrase brings (or takes away) an operation when what family and kind leave unexplained, summed over its items, is beyond
   chance, by a bound for all phrases and operations together, and points the same way in each half of them.
2. A phrase that is rarer, in another spelling or language, joins the phrases that bring the same operation on less evidence.
3. What is brought in place of others needs one of them to be expected: the share of votes for any of them, which the note does
   not change. What is added needs nothing.
4. It must do so in nearly all families that show it, two at least: what one family does is left to its own questions. Phrases of which
   most families do not follow, or that only one has, are set aside first, one by one, so that they say nothing against a note that brings it
   too.
5. How often the operation comes with the phrase, and what the questions expect, are weighed against each other by a
   logistic regression over all such pairs of item and operation. What the item's own family shows corrects the plant's
   share, and the questions count as far as the family has items to learn from: one that never had the phrase gets the rule.

What is said of a training item is weighed without its fold: rates, what its family shows, and the regression. Which phrases and
operations are looked at, and which rules are the plant's, is found on all folds. Where what is said is surely worse than the
questions, nothing is said of the operation.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from routing_etl.model.attributes.phrases import PhraseLists
from routing_etl.model.base.arrays import Bools, Floats, Ints
from routing_etl.model.base.columns import lookup, ranges
from routing_etl.model.candidates.evidence import Said
from routing_etl.model.candidates.word_screen import BLOCK, Found, WordCases, screen

#: Of the items that may have it, the share that has an operation which a phrase brings.
_MOSTLY = 0.5
#: Items of a family, by how far they may have it, that show whether it follows a rule, and that show a phrase at all.
_LEAST_SHOWN, _SHOWS = 3.0, 0.5
#: Families that follow it, after so many are taken off for each that does not, make it a rule of the plant.
_LEAST_FAMILIES, _AGAINST = 2, 3.0
#: Items with the plant's rate that shrink a family's.
_PRIOR_ITEMS = 4.0
#: Items looked at together: items x operations of memory. Pairs of item and rule looked at together: a note of half of the plant has as
#: many as the plant has items.
_BLOCK_ROWS, _MOST_PAIRS = 8192, 1_000_000
#: Probabilities are kept this far from 0 and 1.
_FLOOR = 5e-4
#: Penalty on the weights of the regression, and the weights towards which it pulls: of 1, the rule's share, the questions.
_RIDGE, _PRIOR = 1.0, np.array([0.0, 0.5, 0.5])
#: Standard errors by which what is said may not be worse than the questions on items that it was not learned from.
_BEATS = 2.0


@dataclass(frozen=True)
class _Rules:
    """Pairs of phrase and operation, sorted by phrase. `first`: where each phrase's begin, and the end.

    `brings`: brought, else taken away. `instead`: rules x operations, those of which one must be expected; an empty row
    needs nothing. `rate`: rules, by all items and (first axis) without each fold.
    """

    first: Ints
    operation: Ints
    brings: Bools
    instead: sparse.csr_matrix
    rate: Floats

    def at(self, phrases: PhraseLists) -> tuple[Ints, Ints]:
        """Item and rule of every phrase that has one."""
        start, size = self.first[phrases.codes], np.diff(self.first)[phrases.codes]
        return np.repeat(phrases.of_rows(), size), ranges(start, size)

    def blocks(self, phrases: PhraseLists) -> Iterator[tuple[int, int]]:
        """Items from one number to another, one after the other, with at most `_MOST_PAIRS` pairs of item and rule if not one alone."""
        pairs = np.concatenate([[0], np.cumsum(np.diff(self.first)[phrases.codes])])[phrases.bounds]
        start, n = 0, len(pairs) - 1
        while start < n:
            stop = int(np.searchsorted(pairs, pairs[start] + _MOST_PAIRS, side="right")) - 1
            yield start, (stop := max(stop, start + 1))
            start = stop

    def likely(self, row: Ints, rule: Ints, votes: Floats) -> Floats:
        """How far what the rule asks for is expected of the item: 1 where it asks for nothing."""
        size = np.diff(self.instead.indptr)[rule]
        pair = np.repeat(np.arange(len(rule)), size)
        operation = self.instead.indices[ranges(self.instead.indptr[rule].astype(np.int64), size)]
        share = np.bincount(pair, votes[row[pair], operation], len(rule))
        return np.where(size > 0, np.clip(share, 0.0, 1.0), 1.0)


class WordRules:
    """Rules of the whole plant, called by a phrase.

    Attributes
    ----------
    operations_ : Ints
        Operations that some phrase brings.
    """

    def fit(self, cases: WordCases) -> Said:
        """Find the rules, and say what they make of the training items, each without its own fold.

        Parameters
        ----------
        cases : WordCases
            The training items.
        """
        self.rules_: _Rules | None = None
        self.weights_: dict[bool, Floats] = {}
        self.operations_ = np.empty(0, dtype=np.int64)
        found = screen(cases)
        if not len(found.phrase):
            return Said.nothing()
        asked = _Asked(cases.phrases, cases.votes, cases.expected, cases.family, cases.folds)
        rules = _wide(_rules(cases, found), asked, cases.operations)
        pairs = _Pairs.of(rules, asked)
        answer = _at(cases.operations, pairs.row, pairs.operation)
        self.shown_ = _Shown.of(pairs, answer, cases.family, cases.operations.shape[1])
        pairs = _honest(pairs, answer, cases)
        kept = np.zeros(len(pairs.row), dtype=bool)
        said = np.zeros(len(pairs.row))
        for brings in (True, False):
            here = np.flatnonzero(pairs.brings == brings)
            part, actual = pairs.at(here), answer[here]
            said[here] = _out_of_fold(part, actual, cases.folds[part.row])
            bad = _worse(part.operation, _loss(actual, part.expected) - _loss(actual, said[here]))
            kept[here] = ~bad[part.operation]
            if kept[here].any():
                self.weights_[brings] = _regression(part.columns(), actual)
        if not kept.any():
            return Said.nothing()
        spoken = np.zeros((2, cases.operations.shape[1]), dtype=bool)
        spoken[pairs.brings[kept].astype(int), pairs.operation[kept]] = True
        self.rules_ = _only(rules, spoken[rules.brings.astype(int), rules.operation])
        self.operations_ = np.unique(pairs.operation[kept & pairs.brings])
        return _joined(pairs.at(kept), said[kept])

    def say(self, phrases: PhraseLists, votes: Floats, expected: Floats, family: Ints) -> Said:
        """What notes say of items.

        Parameters
        ----------
        phrases : PhraseLists
            Of every item.
        votes : Floats
            Items x operations, the forest's shares.
        expected : Floats
            Items x operations, the families' questions.
        family : Ints
            Per item, -1 unknown.
        """
        if self.rules_ is None:
            return Said.nothing()
        asked = _Asked(phrases, votes, expected, family, None)
        pairs = self.shown_.beside(_Pairs.of(self.rules_, asked), family)
        said = np.empty(len(pairs.row))
        for brings, weights in self.weights_.items():
            here = pairs.brings == brings
            said[here] = _sigmoid(pairs.at(here).columns() @ weights)
        return _joined(pairs, said)


# --- what each phrase needs -----------------------------------------------------------------------------------------


def _rules(cases: WordCases, found: Found) -> _Rules:
    """What each pair needs, and how often the operation comes with the phrase."""
    n_operations = cases.operations.shape[1]
    first = np.searchsorted(found.phrase, np.arange(cases.phrases.n + 1))
    n_rules = len(found.phrase)
    full = _Rules(
        first, found.operation, found.brings, _replaced(found, n_operations), np.zeros((1, n_rules))
    )
    there, plainly = _counts(cases, found)
    plain = _rates(there, plainly)
    choice = np.diff(full.instead.indptr) > 0
    likely = plainly.copy()
    likely[:, choice] = _likely(cases, _only(full, choice))
    given = _rates(there, likely)
    needs = np.zeros(n_rules, dtype=bool)
    needs[choice] = _needing(cases, replace(_only(full, choice), rate=plain[:, choice]), given[-1, choice])
    instead = sparse.csr_matrix(sparse.diags_array(needs.astype(np.float32)) @ full.instead)
    instead.eliminate_zeros()
    made = replace(full, instead=instead, rate=np.where(needs[None, :], given, plain))
    mostly = ~found.brings | (made.rate[-1] >= _MOSTLY)
    # What is taken away without anything in its place must be all but gone.
    brings = np.zeros(cases.phrases.n, dtype=bool)
    brings[found.phrase[found.brings & mostly]] = True
    mostly &= found.brings | brings[found.phrase] | (made.rate[-1] <= 1 - _MOSTLY)
    return _only(made, mostly)


def _counts(cases: WordCases, found: Found) -> tuple[Floats, Floats]:
    """Folds x rules: items of the phrase that have the operation, and items that may have it.

    What is taken away is what is left of what the votes expect; what is brought, a share of the items that may have it: all.
    """
    member, n_folds = cases.phrases.matrix(), int(cases.folds.max()) + 1
    there, of = (np.zeros((n_folds, len(found.phrase))) for _ in range(2))
    called, phrase = np.unique(found.phrase, return_inverse=True)
    for fold in range(n_folds):
        rows = np.flatnonzero(cases.folds == fold)
        theirs = member[rows][:, called].T.tocsr().astype(np.float64)
        of[fold] = np.asarray(theirs.sum(axis=1)).ravel()[phrase]
        actual, votes = cases.operations[rows], cases.votes[rows]
        for start in range(0, cases.operations.shape[1], BLOCK):
            here = np.flatnonzero((found.operation >= start) & (found.operation < start + BLOCK))
            at = phrase[here], found.operation[here] - start
            there[fold, here] = np.asarray((theirs @ actual[:, start : start + BLOCK]).todense())[at]
            lost = np.asarray(theirs @ votes[:, start : start + BLOCK].astype(np.float64))[at]
            of[fold, here] = np.where(found.brings[here], of[fold, here], lost)
    return there, of


def _likely(cases: WordCases, rules: _Rules) -> Floats:
    """Folds x rules: how many items of the phrase may have what the rule brings, by what it asks for."""
    n_folds, n_rules = int(cases.folds.max()) + 1, len(rules.operation)
    total = np.zeros(n_folds * n_rules)
    for start, stop in rules.blocks(cases.phrases):
        row, rule = rules.at(cases.phrases.part(start, stop))
        share = rules.likely(row, rule, cases.votes[start:stop])
        total += np.bincount(cases.folds[start + row] * n_rules + rule, share, len(total))
    return total.reshape(n_folds, n_rules)


def _needing(cases: WordCases, rules: _Rules, given: Floats) -> Bools:
    """Which rules tell more of their items with what they ask for than without; `given`: their rate with it."""
    gain = np.zeros(len(rules.operation))
    for start, stop in rules.blocks(cases.phrases):
        row, rule = rules.at(cases.phrases.part(start, stop))
        share = rules.likely(row, rule, cases.votes[start:stop])
        answer = _at(cases.operations[start:stop], row, rules.operation[rule])
        better = _loss(answer, rules.rate[-1][rule]) - _loss(answer, given[rule] * share)
        gain += np.bincount(rule, better, len(gain))
    return gain > 0


def _replaced(found: Found, n_operations: int) -> sparse.csr_matrix:
    """Rules x operations: for one that brings, itself and all that its phrase takes away; nothing where that is nothing."""
    n_phrases = int(found.phrase.max()) + 1
    lost = ~found.brings
    away = sparse.csr_matrix(
        (np.ones(int(lost.sum()), np.float32), (found.phrase[lost], found.operation[lost])),
        shape=(n_phrases, n_operations),
    )
    theirs = away[found.phrase]
    some = found.brings & (np.diff(theirs.indptr) > 0)
    own = sparse.csr_matrix(
        (np.ones(int(some.sum()), np.float32), (np.flatnonzero(some), found.operation[some])),
        shape=theirs.shape,
    )
    return sparse.csr_matrix(sparse.diags_array(some.astype(np.float32)) @ theirs + own)


def _rates(there: Floats, of: Floats) -> Floats:
    """Without each fold, and (last row) by all items: how often the operation is there, per item that may have it."""
    left = np.vstack([there.sum(axis=0) - there, there.sum(axis=0)])
    total = np.vstack([of.sum(axis=0) - of, of.sum(axis=0)])
    return np.clip((left + 0.5) / (total + 1.0), _FLOOR, 1 - _FLOOR)


def _only(rules: _Rules, kept: Bools) -> _Rules:
    """The rules under a mask."""
    first = np.concatenate([[0], np.cumsum(kept)])[rules.first]
    return _Rules(first, rules.operation[kept], rules.brings[kept], rules.instead[kept], rules.rate[:, kept])


# --- what the rules make of an item ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Asked:
    """Items that rules are asked for; `folds`: of training items, which get what was learned without theirs."""

    phrases: PhraseLists
    votes: Floats
    expected: Floats
    family: Ints
    folds: Ints | None

    def part(self, start: int, stop: int) -> _Asked:
        """The items from `start` to `stop`."""
        here = slice(start, stop)
        folds = None if self.folds is None else self.folds[here]
        return _Asked(
            self.phrases.part(start, stop), self.votes[here], self.expected[here], self.family[here], folds
        )


@dataclass(frozen=True)
class _Pairs:
    """Pairs of item and operation that some rule speaks of, sorted.

    `rate`: how often the operation comes with the phrase, where it may (of what is taken away: how much is left); `base`: how
    far it may; `own`: items of the family that show it, in other folds, by their `base`, and `seen`: those that have it.
    """

    row: Ints
    operation: Ints
    brings: Bools
    rate: Floats
    base: Floats
    expected: Floats
    own: Floats
    seen: Floats

    @classmethod
    def of(cls, rules: _Rules, asked: _Asked) -> _Pairs:
        """The strongest rule of every pair, without what the family shows."""
        parts = []
        for start, stop in rules.blocks(asked.phrases):
            part = cls._of_block(rules, asked.part(start, stop))
            parts.append(replace(part, row=part.row + start))
        if not parts:
            return cls._of_block(rules, asked)
        return cls(*(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(cls)))

    @classmethod
    def _of_block(cls, rules: _Rules, asked: _Asked) -> _Pairs:
        row, rule = rules.at(asked.phrases)
        rate = rules.rate[-1 if asked.folds is None else asked.folds[row], rule]
        brings, operation = rules.brings[rule], rules.operation[rule]
        base = np.where(brings, rules.likely(row, rule, asked.votes), asked.votes[row, operation])
        order = np.lexsort((np.where(brings, -rate * base, rate), ~brings, operation, row))
        key = row[order] * np.int64(asked.expected.shape[1]) + operation[order]
        chosen = order[np.concatenate([[True], np.diff(key) > 0])] if len(key) else order
        row, operation = row[chosen], operation[chosen]
        none = np.zeros(len(row))
        return cls(
            row,
            operation,
            brings[chosen],
            rate[chosen],
            base[chosen],
            asked.expected[row, operation],
            none,
            none,
        )

    def at(self, which: NDArray[np.int64] | Bools) -> _Pairs:
        """Some of them."""
        return _Pairs(*(getattr(self, f.name)[which] for f in fields(self)))

    def columns(self) -> Floats:
        """What the regression reads: the share that the rule expects, and the questions as far as the family could learn it."""
        rate = (_PRIOR_ITEMS * self.rate + self.seen) / (_PRIOR_ITEMS + self.own)
        known = self.own / (self.own + _PRIOR_ITEMS)
        return np.column_stack(
            [np.ones(len(self.row)), _logit(rate * self.base), known * _logit(self.expected)]
        )


@dataclass(frozen=True)
class _Shown:
    """What the families show of the rules: per key of family, direction and operation the items, and those that have it."""

    key: Ints
    own: Floats
    seen: Floats
    width: int

    @classmethod
    def of(cls, pairs: _Pairs, answer: Floats, family: Ints, width: int) -> _Shown:
        """Count the pairs of training items."""
        key, place = np.unique(cls._keys(pairs, family, width), return_inverse=True)
        own, seen = (np.bincount(place, x, len(key)).astype(np.float64) for x in (pairs.base, answer))
        return cls(key, own, seen, width)

    @classmethod
    def by_all(cls, rules: _Rules, asked: _Asked, operations: sparse.csr_matrix) -> _Shown:
        """The same of every pair that some rule speaks of, without saying which rule: there may be hundreds per item."""
        width, n_families = operations.shape[1], int(asked.family.max()) + 1
        bringing = _only(rules, rules.brings)
        lost = ~rules.brings
        phrase = np.repeat(np.arange(len(rules.first) - 1), np.diff(rules.first))
        away = sparse.csr_matrix(
            (np.ones(int(lost.sum()), np.float32), (phrase[lost], rules.operation[lost])),
            (len(rules.first) - 1, width),
        )
        own, seen, counts = (np.zeros((n_families, 2, width)) for _ in range(3))
        for start in range(0, len(asked.family), _BLOCK_ROWS):
            stop = min(start + _BLOCK_ROWS, len(asked.family))
            part = asked.part(start, stop)
            actual = operations[start:stop].toarray().astype(np.float64)
            theirs = sparse.csr_matrix(
                (np.ones(stop - start), (part.family, np.arange(stop - start))), (n_families, stop - start)
            )
            pairs = _Pairs.of(bringing, part)
            brought, taken = np.zeros(actual.shape), (part.phrases.matrix() @ away).toarray() > 0
            brought[pairs.row, pairs.operation] = pairs.base
            told = np.zeros(actual.shape, dtype=bool)
            told[pairs.row, pairs.operation] = True
            taken &= ~told
            for direction, there, base in ((0, taken, part.votes), (1, told, brought)):
                counts[:, direction] += theirs @ there.astype(np.float64)
                own[:, direction] += theirs @ (there * base.astype(np.float64))
                seen[:, direction] += theirs @ (there * actual)
        key = np.flatnonzero(counts)
        return cls(key, own.ravel()[key], seen.ravel()[key], width)

    @staticmethod
    def _keys(pairs: _Pairs, family: Ints, width: int) -> Ints:
        return (2 * family[pairs.row] + pairs.brings) * np.int64(width) + pairs.operation

    def wide(self) -> Bools:
        """(Taken away, brought) x operations: whether all but few of the families that show it follow, two at least.

        Of what is brought, a family of fewer items than show it counts by as many as it has: a rare note has one or two in each of
        many. Of what is taken away it does not: by chance alone few items show that they lack what they mostly lack.
        """
        direction, operation = (self.key // self.width) % 2, self.key % self.width
        often = self.seen / np.maximum(self.own, 1e-9) >= _MOSTLY
        shown = self.own / _LEAST_SHOWN
        weight = np.where(direction == 1, np.minimum(shown, 1.0), shown >= 1.0)
        votes = np.where(often == (direction == 1), 1.0, -_AGAINST) * weight
        place = direction * self.width + operation
        return (np.bincount(place, votes, 2 * self.width) >= _LEAST_FAMILIES).reshape(2, self.width)

    def beside(self, pairs: _Pairs, family: Ints) -> _Pairs:
        """The pairs with what their families show."""
        key = self._keys(pairs, family, self.width)
        return replace(pairs, own=lookup(self.key, self.own, key), seen=lookup(self.key, self.seen, key))


def _wide(rules: _Rules, asked: _Asked, operations: sparse.csr_matrix) -> _Rules:
    """The rules that most families follow, and what is taken away by a phrase that brings something there.

    What makes room may be another operation in every family. A phrase that brings an operation in some families and not in most says nothing
    against a note that brings it in all.
    """
    rules = _only(rules, ~rules.brings | _not_refuted(rules, asked, operations))
    wide = _Shown.by_all(rules, asked, operations).wide()
    kept = wide[rules.brings.astype(int), rules.operation]
    phrase = np.repeat(np.arange(len(rules.first) - 1), np.diff(rules.first))
    calls = np.zeros(len(rules.first) - 1, dtype=bool)
    calls[phrase[kept & rules.brings]] = True
    return _only(rules, kept | (~rules.brings & calls[phrase]))


def _not_refuted(rules: _Rules, asked: _Asked, operations: sparse.csr_matrix) -> Bools:
    """Per rule, whether two families or more show its phrase, and follow it, after more are taken off for those that do not."""
    n, n_families = len(rules.operation), int(asked.family.max()) + 1
    own, seen = np.zeros(n * n_families), np.zeros(n * n_families)
    for start, stop in rules.blocks(asked.phrases):
        part = asked.part(start, stop)
        row, rule = rules.at(part.phrases)
        place = rule * n_families + part.family[row]
        own += np.bincount(place, rules.likely(row, rule, part.votes), n * n_families)
        seen += np.bincount(place, _at(operations[start:stop], row, rules.operation[rule]), n * n_families)
    votes = np.where(seen / np.maximum(own, 1e-9) >= _MOSTLY, 1.0, -_AGAINST) * np.minimum(
        own / _LEAST_SHOWN, 1.0
    )
    several = (own.reshape(n, n_families) >= _SHOWS).sum(axis=1) >= _LEAST_FAMILIES
    return np.asarray((votes.reshape(n, n_families).sum(axis=1) >= 0) & several)


def _honest(pairs: _Pairs, answer: Floats, cases: WordCases) -> _Pairs:
    """The pairs of training items, each with what its family shows in other folds."""
    width = cases.operations.shape[1]
    own, seen = np.zeros(len(pairs.row)), np.zeros(len(pairs.row))
    fold = cases.folds[pairs.row]
    for number in np.unique(fold):
        inside = fold == number
        told = _Shown.of(pairs.at(~inside), answer[~inside], cases.family, width)
        found = told.beside(pairs.at(inside), cases.family)
        own[inside], seen[inside] = found.own, found.seen
    return replace(pairs, own=own, seen=seen)


def _joined(pairs: _Pairs, said: Floats) -> Said:
    return Said(pairs.row, pairs.operation, np.clip(said, _FLOOR, 1 - _FLOOR).astype(np.float32))


def _at(matrix: sparse.csr_matrix, row: Ints, column: Ints) -> Floats:
    """Values of a sparse matrix at pairs."""
    return np.asarray(matrix[row, column], dtype=np.float64).ravel() if len(row) else np.empty(0)


def _out_of_fold(pairs: _Pairs, answer: Floats, fold: Ints) -> Floats:
    """What a regression that has not seen the item's fold makes of every pair."""
    columns, out = pairs.columns(), np.empty(len(answer))
    for number in np.unique(fold):
        inside = fold == number
        out[inside] = _sigmoid(columns[inside] @ _regression(columns[~inside], answer[~inside]))
    return out


def _worse(operation: Ints, gain: Floats) -> Bools:
    """Per operation, whether what was said of it is surely worse than the questions, on items that it was not learned from."""
    n = int(operation.max(initial=-1)) + 1
    count = np.bincount(operation, minlength=n)
    total, square = np.bincount(operation, gain, n), np.bincount(operation, gain**2, n)
    error = np.sqrt(np.maximum(square - total**2 / np.maximum(count, 1), 0.0))
    return np.asarray(total < -_BEATS * error)


def _regression(columns: Floats, answer: Floats) -> Floats:
    """Weights of a logistic regression, pulled towards what the rule's share says alone."""
    from scipy.optimize import minimize

    def loss(weights: Floats) -> tuple[float, Floats]:
        odds, off = columns @ weights, weights - _PRIOR
        value = (np.logaddexp(0.0, odds) - answer * odds).sum() + 0.5 * _RIDGE * (off @ off)
        return float(value), columns.T @ (_sigmoid(odds) - answer) + _RIDGE * off

    return np.asarray(minimize(loss, _PRIOR, jac=True, method="L-BFGS-B").x)


def _sigmoid(odds: Floats) -> Floats:
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(odds, -30, 30))))


def _logit(probability: Floats) -> Floats:
    p = np.clip(probability.astype(np.float64), _FLOOR, 1 - _FLOOR)
    return np.asarray(np.log(p / (1 - p)))


def _loss(answer: Floats, probability: Floats) -> Floats:
    """Negative log-likelihood, pair by pair."""
    p = np.clip(probability.astype(np.float64), _FLOOR, 1 - _FLOOR)
    return np.asarray(-(answer * np.log(p) + (1 - answer) * np.log1p(-p)))
