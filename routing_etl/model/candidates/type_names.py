"""What the words in the names of part types do to operations, learned from type to type.

A type's name is made of words that other types have too: "spool, high pressure servo". What a word does is seen by comparing types, and
however many items a type has, its name is one case. So the operations of types, not of items, are regressed on family and words: the
log-odds of each operation are those of the plant, shifted by the family and by every word (logistic regression with normal priors). What
this expects of an item of a type that nobody has routed is weighed against its family's questions and the votes, by a regression on types
that were left out.

Words that stand in all items of some types tell the types apart, so that a rule of the plant (`word_rules`) that was found with a
type is no news to it: of types left out, only the other words (notes) may call such rules.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from routing_etl.model.attributes.phrases import PhraseLists
from routing_etl.model.base.arrays import Bools, Floats, Ints

#: A word belongs to a type if this share of its items has it, and names types if half of its items are of such types.
_OF_TYPE, _NAMES = 0.7, 0.5
#: Types that must have a word, and the largest share of all types that may.
_LEAST_TYPES, _MOST_TYPES = 2, 0.5
#: Most words, those of most types, and most types that are compared.
_MOST_WORDS, _MOST_COMPARED = 1_000, 3_000
#: Standard deviation of what a family or a word adds to the log-odds of an operation: large, for a word mostly decides.
_DEVIATION = 10.0
#: Items by which what a type shows is doubted.
_DOUBT = 2.0
#: Steps of the regression over types, and of that over items.
_STEPS, _NEWTON_STEPS = 30, 12
#: Items x operations from which the weights are learned, at most.
_MOST_CELLS = 1_000_000
#: Probabilities are kept this far from 0 and 1, and log-odds of types within these.
_FLOOR, _MOST_ODDS = 1e-3, 10.0
#: Pull of the weights to 0, where the search for them starts (1, questions, votes, family, words seen and unseen), and how near is near.
_RIDGE, _START, _CLOSE = 1.0, np.array([0.0, 0.5, 0.2, 0.1, 0.3, 0.6]), 1e-4


@dataclass(frozen=True)
class TypeCases:
    """Training items that are left out type by type.

    Attributes
    ----------
    phrases : PhraseLists
        Of every item.
    operations : scipy.sparse.csr_matrix
        Items x operations: 0/1, or a share.
    votes, expected : Floats
        Items x operations: the forest's shares and the families' questions, by other types.
    family, types, folds : Ints
        Per item; a type lies in one fold.
    n_families : int
        Number of families.
    """

    phrases: PhraseLists
    operations: sparse.csr_matrix
    votes: Floats
    expected: Floats
    family: Ints
    types: Ints
    folds: Ints
    n_families: int


@dataclass(frozen=True)
class _Effects:
    """Log-odds of operations: `usual`, and (families, then words) x operations what each adds.

    `seen`: families x words, whether a type of the family has the word.
    """

    usual: Floats
    added: Floats
    seen: sparse.csr_matrix

    def of(self, known: sparse.csr_matrix) -> Floats:
        """Log-odds of items: (family, words that it has seen, words that it has not) x items x operations.

        The family's questions know what it has seen; what is new to it they cannot know.
        """
        families = known[:, : self.seen.shape[0]]
        words = sparse.csr_matrix(known[:, self.seen.shape[0] :])
        old = sparse.csr_matrix(words.multiply((families / _DEVIATION) @ self.seen))
        of_family, of_word = np.split(self.added, [self.seen.shape[0]])
        parts = [families @ of_family + self.usual, old @ of_word, (words - old) @ of_word]
        return np.stack([np.clip(part, -_MOST_ODDS, _MOST_ODDS) for part in parts]).astype(np.float32)


class TypeNames:
    """Operations of items of new types, by their families and the words of their types' names.

    Attributes
    ----------
    words_ : Ints
        The phrases that are asked, of `naming_`, a mask of all that name types.
    effects_ : _Effects
        What families and words add.
    weights_ : Floats
        Of 1 and the log-odds by questions, votes, family, words that the family has seen, and words that it has not.
    """

    def fit(self, cases: TypeCases) -> Floats:
        """Learn what words do, and say what is expected of the training items, each without its own fold of types.

        Parameters
        ----------
        cases : TypeCases
            The training items.

        Returns
        -------
        Floats
            Items x operations, probabilities.
        """
        count = np.bincount(cases.types).astype(np.float64)
        mean = sparse.csr_matrix(
            (1.0 / count[cases.types], (cases.types, np.arange(len(cases.types)))),
            (len(count), len(cases.types)),
        )
        member = cases.phrases.matrix()
        self.n_families = cases.n_families
        self.naming_, self.words_ = _naming(mean @ member, count, member)
        known = self._known(cases.phrases, cases.family)
        of_types = sparse.csr_matrix(mean @ known)
        # A word that few items of a type have is none of its name.
        words = of_types[:, cases.n_families :] >= _DEVIATION * _OF_TYPE
        of_types = sparse.hstack([of_types[:, : cases.n_families], _DEVIATION * words]).tocsr()
        actual = np.asarray((mean @ cases.operations).todense())
        trust = count / (count + _DOUBT)
        fold_of_type = np.zeros(len(count), np.int64)
        fold_of_type[cases.types] = cases.folds
        compared = _spread(len(count), _MOST_COMPARED)
        named = np.empty((3, *cases.expected.shape), dtype=np.float32)
        for fold in np.unique(cases.folds):
            others, inside = compared[fold_of_type[compared] != fold], cases.folds == fold
            effects = _effects(of_types[others], cases.n_families, actual[others], trust[others])
            named[:, inside] = effects.of(known[inside])
        self.effects_ = _effects(of_types[compared], cases.n_families, actual[compared], trust[compared])
        weight = 1.0 / np.sqrt(count[cases.types])
        drawn = _spread(len(cases.types), max(_MOST_CELLS // max(actual.shape[1], 1), 1))
        out = np.empty(cases.expected.shape, dtype=np.float32)
        for fold in np.unique(cases.folds):
            rows, inside = drawn[cases.folds[drawn] != fold], cases.folds == fold
            odds = _weighed(
                _weights(cases, named, rows, weight),
                cases.expected[inside],
                cases.votes[inside],
                named[:, inside],
            )
            out[inside] = _probability(odds)
        self.weights_ = _weights(cases, named, drawn, weight)
        return out

    def read(self, phrases: PhraseLists, family: Ints, expected: Floats, votes: Floats) -> Floats:
        """What is expected of items of new types, items x operations.

        Parameters
        ----------
        phrases : PhraseLists
            Of every item.
        family : Ints
            Per item, -1 unknown.
        expected : Floats
            Items x operations: the families' questions.
        votes : Floats
            Items x operations: the forest's shares.
        """
        named = self.effects_.of(self._known(phrases, family))
        return _probability(_weighed(self.weights_, expected, votes, named))

    def notes(self, phrases: PhraseLists) -> PhraseLists:
        """The phrases that do not name types.

        Parameters
        ----------
        phrases : PhraseLists
            Of every item.
        """
        kept = ~self.naming_[phrases.codes]
        bounds = np.concatenate([[0], np.cumsum(kept)])[phrases.bounds]
        return PhraseLists(phrases.codes[kept], bounds, phrases.n)

    def _known(self, phrases: PhraseLists, family: Ints) -> sparse.csr_matrix:
        """Items x (families, then words), in standard deviations of what they add."""
        n, told = len(family), np.flatnonzero(family >= 0)
        families = sparse.csr_matrix((np.ones(len(told)), (told, family[told])), (n, self.n_families))
        words = phrases.matrix()[:, self.words_].astype(np.float64)
        return sparse.csr_matrix(_DEVIATION * sparse.hstack([families, words]).tocsr())


def _naming(share: sparse.csr_matrix, count: Floats, member: sparse.csr_matrix) -> tuple[Bools, Ints]:
    """Which phrases name types, and those of them that are asked.

    `share`: types x phrases, of each type's items; `count`: items of the types.
    """
    of_type = sparse.csr_matrix(share >= _OF_TYPE)
    inside = np.asarray(share.multiply(of_type).T @ count).ravel()
    items = np.asarray(member.sum(axis=0)).ravel()
    naming = (items > 0) & (inside >= _NAMES * items)
    types = np.asarray(of_type.sum(axis=0)).ravel()
    asked = np.flatnonzero(naming & (types >= _LEAST_TYPES) & (types <= _MOST_TYPES * len(count)))
    often = np.argsort(-types[asked], kind="stable")[:_MOST_WORDS]
    return naming, np.sort(asked[often])


def _effects(known: sparse.csr_matrix, n_families: int, actual: Floats, trust: Floats) -> _Effects:
    """Most likely effects with standard normal priors on the columns of `known`, for all operations at once.

    The curvature of the logistic loss is at most 1/4 (Boehning and Lindsay 1988), so that one factor serves every step and operation; with the
    momentum of Nesterov (1983).
    """
    from scipy.linalg import cho_factor, cho_solve

    bend = (known.T @ (sparse.diags_array(trust / 4.0) @ known)).toarray()
    factor = cho_factor(bend + np.eye(known.shape[1]))
    mean = np.clip((trust @ actual) / max(trust.sum(), _FLOOR), _FLOOR, 1 - _FLOOR)
    usual = np.log(mean / (1 - mean))
    added = ahead = np.zeros((known.shape[1], actual.shape[1]))
    speed = 1.0
    for _ in range(_STEPS):
        left = trust[:, None] * (actual - _sigmoid(known @ ahead + usual))
        step = ahead + cho_solve(factor, known.T @ left - ahead)
        faster = (1.0 + np.sqrt(1.0 + 4.0 * speed**2)) / 2.0
        ahead = step + (speed - 1.0) / faster * (step - added)
        added, speed = step, faster
    seen = sparse.csr_matrix((known[:, :n_families].T @ known[:, n_families:] > 0).astype(np.float64))
    return _Effects(usual.astype(np.float32), added.astype(np.float32), seen)


def _spread(n: int, most: int) -> Ints:
    """At most so many of n numbers, evenly spread."""
    return np.unique(np.linspace(0, n - 1, min(n, most)).round().astype(np.int64))


def _weights(cases: TypeCases, named: Floats, rows: Ints, weight: Floats) -> Floats:
    """Weights of the columns, on these items: a logistic regression by Newton's method, with steps that never make it worse."""
    columns = np.stack([c.ravel() for c in _columns(cases.expected[rows], cases.votes[rows], named[:, rows])])
    answer = cases.operations[rows].toarray().ravel().astype(np.float64)
    trust = np.repeat(weight[rows], cases.operations.shape[1])

    def loss(at: Floats) -> float:
        odds = at @ columns
        return float(trust @ (np.logaddexp(0.0, odds) - answer * odds) + 0.5 * _RIDGE * (at @ at))

    out, lost = _START, loss(_START)
    for _ in range(_NEWTON_STEPS):
        likely = _sigmoid(out @ columns)
        slope = columns @ (trust * (answer - likely)) - _RIDGE * out
        bend = (columns * (trust * likely * (1 - likely))) @ columns.T + _RIDGE * np.eye(len(out))
        step = np.linalg.solve(bend, slope)
        while (less := loss(out + step)) > lost and np.abs(step).max() > _CLOSE:
            step = step / 2
        if less > lost:
            break
        out, lost = out + step, less
        if np.abs(step).max() <= _CLOSE:
            break
    return np.asarray(out)


def _columns(expected: Floats, votes: Floats, named: Floats) -> list[Floats]:
    return [np.ones(expected.shape), _log_odds(expected), _log_odds(votes), *named.astype(np.float64)]


def _weighed(weights: Floats, expected: Floats, votes: Floats, named: Floats) -> Floats:
    return np.asarray(sum(w * c for w, c in zip(weights, _columns(expected, votes, named), strict=True)))


def _log_odds(probability: Floats) -> Floats:
    p = np.clip(probability.astype(np.float64), _FLOOR, 1 - _FLOOR)
    return np.asarray(np.log(p / (1 - p)))


def _probability(odds: Floats) -> Floats:
    return np.asarray(np.clip(_sigmoid(odds), _FLOOR, 1 - _FLOOR), dtype=np.float32)


def _sigmoid(odds: Floats) -> Floats:
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(odds, -30, 30))))
