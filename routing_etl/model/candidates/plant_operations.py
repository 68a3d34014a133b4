"""Which operations an item needs, asked of all families of the plant at once.

A note that brings an operation in every family stands in hundreds of items of the plant and in ten of a family. What all families together
answer is one more column of a family's own questions (docs/decisions/0032-evidence-of-all-families.md).
"""

from __future__ import annotations

import numpy as np
from joblib import Parallel, delayed
from scipy import sparse

from routing_etl.model.base.arrays import Floats, Ints
from routing_etl.model.base.boosting import QuestionBooster
from routing_etl.model.candidates.operation_columns import (
    ColumnSet,
    Inputs,
    OperationCases,
    Questions,
    telling_columns,
    word_columns,
)

#: Most items that are asked.
_MOST_ROWS = 20_000
#: A question needs so many items with the operation and so many without, in so many families that have both.
_LEAST_CASES, _LEAST_FAMILIES = 8, 2
#: Least deviation, in standard errors, of the items with some word from what the forest expects of them: a question that no word tells
#: more about than items of the family do is left to the families.
_LEAST_DEVIATION = 6.0
#: Boosting rounds, learning rate, depth of the trees, and share of the columns that a round may ask.
_ROUNDS, _LEARNING_RATE, _DEPTH, _COLUMN_SHARE = 40, 0.25, 2, 0.25


class PlantOperations:
    """Log-odds of the operations that several families have in some items and not in others.

    Parameters
    ----------
    n_folds : int, optional
        Boosters, each trained without one fold; new items get their mean log-odds.
    n_jobs : int, optional
        Folds learned at once, in threads.
    random_state : int, optional
        Seed of the items that are drawn.

    Attributes
    ----------
    number_ : Ints
        The operations that are asked.
    place_ : Ints
        Per operation its place among them, -1 for what is not asked.
    """

    def __init__(self, *, n_folds: int = 5, n_jobs: int | None = None, random_state: int = 42) -> None:
        self.n_folds = n_folds
        self.n_jobs = n_jobs
        self.random_state = random_state

    def fit(self, cases: OperationCases) -> PlantOperations:
        """Learn from the training items of all families.

        Parameters
        ----------
        cases : OperationCases
            The training items.
        """
        number = _open(cases)
        if len(number):
            number = number[_deviation(cases, number) >= _LEAST_DEVIATION]
        self.number_ = np.empty(0, dtype=np.int64)
        self.place_ = np.full(cases.operations.shape[1], -1, dtype=np.int64)
        self.boosters_: list[QuestionBooster] = []
        if not len(number):
            return self
        rows = np.arange(cases.operations.shape[0])
        if len(rows) > _MOST_ROWS:
            rng = np.random.default_rng(self.random_state)
            rows = np.sort(rng.choice(rows, _MOST_ROWS, replace=False))
        answers = np.asarray(cases.operations[rows][:, number].todense(), dtype=np.float32)
        asked = Questions(rows, cases.folds[rows] % self.n_folds, number, answers)
        columns, bins = telling_columns(cases.inputs, asked)
        if not columns:
            return self
        ordered = np.array([c.ordered for c in columns])

        def one(fold: int) -> QuestionBooster:
            train = np.flatnonzero(asked.fold != fold)
            booster = QuestionBooster(
                n_rounds=_ROUNDS,
                learning_rate=_LEARNING_RATE,
                depth=_DEPTH,
                column_share=_COLUMN_SHARE,
                random_state=self.random_state + fold,
            )
            return booster.fit(bins[train], ordered, answers[train], cases.weights[rows[train]])

        self.boosters_ = Parallel(n_jobs=self.n_jobs, prefer="threads")(
            delayed(one)(fold) for fold in range(self.n_folds)
        )
        self.columns_ = ColumnSet(columns)
        self.number_, self.place_[number] = number, np.arange(len(number))
        return self

    def left_out(self, inputs: Inputs, rows: Ints, fold: Ints) -> Floats:
        """Log-odds for training items by the boosters that have not seen their fold: rows x questions of the plant.

        Parameters
        ----------
        inputs : Inputs
            The training items.
        rows : Ints
            Which of them.
        fold : Ints
            Their folds.
        """
        out = np.empty((len(rows), len(self.number_)), dtype=np.float32)
        if len(self.number_):
            bins = self.columns_.bins(inputs, rows)
            for f in np.unique(fold):
                out[fold == f] = self.boosters_[f].log_odds(bins[fold == f])
        return out

    def log_odds(self, inputs: Inputs, rows: Ints, operations: Ints) -> Floats:
        """Log-odds for new items, the mean of all boosters: rows x operations, NaN for what is no question of the plant.

        Parameters
        ----------
        inputs : Inputs
            The items.
        rows : Ints
            Which of them.
        operations : Ints
            What is asked.
        """
        place = self.place_[operations]
        asked = np.unique(place[place >= 0])
        if not len(asked):
            return np.full((len(rows), len(operations)), np.nan, dtype=np.float32)
        bins = self.columns_.bins(inputs, rows)
        odds = np.mean([b.of(asked).log_odds(bins) for b in self.boosters_], axis=0)
        return _laid_out(odds, np.where(place >= 0, np.searchsorted(asked, place), -1))

    def among(self, odds: Floats, operations: Ints) -> Floats:
        """What `left_out` gave, laid out by operations: rows x operations, NaN for what is no question of the plant.

        Parameters
        ----------
        odds : Floats
            Rows x questions of the plant.
        operations : Ints
            Which operations.
        """
        return _laid_out(odds, self.place_[operations])


def _laid_out(odds: Floats, place: Ints) -> Floats:
    """The columns of these places, NaN for -1."""
    out = np.full((len(odds), len(place)), np.nan, dtype=np.float32)
    out[:, place >= 0] = odds[:, place[place >= 0]]
    return out


def _open(cases: OperationCases) -> Ints:
    """Operations that items of several families have and others of the same families have not."""
    n, n_families = len(cases.family), cases.n_families
    own = sparse.csr_matrix((np.ones(n, np.float32), (cases.family, np.arange(n))), shape=(n_families, n))
    yes = np.asarray((own @ cases.operations).todense())
    no = np.bincount(cases.family, minlength=n_families)[:, None] - yes
    both = (yes >= 1) & (no >= 1)
    enough = (np.minimum(yes, no) * both).sum(axis=0) >= _LEAST_CASES
    return np.flatnonzero(enough & (both.sum(axis=0) >= _LEAST_FAMILIES))


def _deviation(cases: OperationCases, number: Ints) -> Floats:
    """Per operation, how far the items with some word are from what the forest expects of them, in standard errors; the most of all words."""
    rows = np.arange(cases.operations.shape[0])
    words = word_columns(cases.table, rows)
    hot = sparse.csr_matrix(ColumnSet(words).bins(cases.inputs, rows), dtype=np.float32)
    expected = cases.votes[:, number]
    beyond = np.asarray(cases.operations[:, number].todense()) - expected
    spread = np.sqrt(hot.T @ (expected * (1 - expected)) + 1.0)
    most: Floats = np.abs((hot.T @ beyond) / spread).max(axis=0, initial=0.0)
    return most
