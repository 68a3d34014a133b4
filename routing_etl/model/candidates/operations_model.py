"""Which operations an item needs, asked one by one within its family of parts.

Within a family (`families`) every job that some items have and others have not is a yes/no question; `QuestionBooster`
answers all of them from the columns that matter there. A combination of operations that no item had before gets a
proper probability this way, which votes of similar items cannot give. Some questions follow an attribute to the last item, others are a matter
of chance: each is learned for as many rounds as items gain by that were left out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from scipy import sparse

from routing_etl.model.attributes.tokens import TokenTable
from routing_etl.model.base.arrays import Bools, Floats, Ints
from routing_etl.model.base.boosting import QuestionBooster
from routing_etl.model.base.threads import one_thread
from routing_etl.model.candidates.operation_columns import (
    ColumnSet,
    Inputs,
    OperationCases,
    Questions,
    telling_columns,
)
from routing_etl.model.candidates.plant_operations import PlantOperations
from routing_etl.model.candidates.tied_words import TiedWords
from routing_etl.progress import SILENT, Progress

#: A family with fewer items is asked nothing; its shares of operations are its probabilities.
_LEAST_ROWS = 40
#: A question needs so many items with the operation and so many without.
_LEAST_CASES = 4
#: A question with so few items with the operation, or without, begins with what all families answer.
_FEW_CASES = 40
#: Probabilities are kept this far from 0 and 1.
_FLOOR = 5e-4
#: Most items of a family that train a booster.
_MOST_ROWS = 3000
#: Most boosting rounds, learning rate, depth of the trees, and share of the columns that a round may ask. How many rounds a question gets
#: is told by the items of the folds that were left out (docs/decisions/0027-rounds-by-left-out-items.md).
_ROUNDS, _LEARNING_RATE, _DEPTH, _COLUMN_SHARE = 80, 0.14, 2, 0.33
#: Level of the words that phrases are tied to.
_TIED_WORDS = "|tied"


@dataclass
class _Boosted:
    """The questions of a family: the columns, the boosters (one per fold) and the operations asked for.

    `by_plant`: questions that begin with what all families answer, the others with the family's share.
    """

    columns: ColumnSet
    boosters: list[QuestionBooster]
    questions: Ints
    by_plant: Bools


@dataclass
class _Family:
    """What is learned for one family: the share of its items per operation, what the plant answers instead, and its questions."""

    share: Floats
    pooled: Ints
    boosted: _Boosted | None


class OperationModel:
    """Probability of every operation (job and occurrence) for items.

    Parameters
    ----------
    n_folds : int, optional
        Boosters per family, each trained without one fold; new items get their mean log-odds.
    n_jobs : int, optional
        Families learned at once, in threads.
    random_state : int, optional
        Seed of the rows that are drawn.

    Attributes
    ----------
    overall_ : Floats
        Share of all items that have each operation.
    families_ : list
        What is learned for each family.
    plant_ : PlantOperations
        What all families together answer.
    tied_ : TiedWords
        Phrases that mean the same.
    """

    #: A model that was learned before phrases were tied has none.
    tied_: TiedWords = TiedWords.none()

    def __init__(self, *, n_folds: int = 5, n_jobs: int | None = None, random_state: int = 42) -> None:
        self.n_folds = n_folds
        self.n_jobs = n_jobs
        self.random_state = random_state

    def fit(self, cases: OperationCases, progress: Progress = SILENT) -> Floats:
        """Learn the questions of every family.

        Parameters
        ----------
        cases : OperationCases
            The training items.
        progress : Progress, optional
            Told of every family.

        Returns
        -------
        Floats
            Items x operations: probabilities by boosters, or shares, that have not seen the item's fold.
        """
        operations = cases.operations
        n = operations.shape[0]
        self.tied_ = cases.tied
        cases = replace(cases, table=self._with_words(cases.table))
        overall = (np.asarray(operations.sum(axis=0)).ravel() / n).astype(np.float32)
        self.overall_ = np.clip(overall, _FLOOR / 10, 1 - _FLOOR)
        folds = cases.folds % self.n_folds
        without = self._without_folds(operations, folds)
        self.plant_ = PlantOperations(
            n_folds=self.n_folds, random_state=self.random_state, n_jobs=self.n_jobs
        )
        with one_thread("blas"):
            self.plant_.fit(cases)
        out = without[folds]
        rows_of = [np.flatnonzero(cases.family == f) for f in range(cases.n_families)]
        with progress.task("learning operations", len(rows_of)) as task:

            def one(rows: Ints) -> tuple[_Family, Floats]:
                found = self._fit_family(cases, rows, without)
                task.advance()
                return found

            # The families run side by side; BLAS threads inside each would only wait for each other.
            with one_thread("blas"):
                done = Parallel(n_jobs=self.n_jobs, prefer="threads")(delayed(one)(rows) for rows in rows_of)
        self.families_ = [d[0] for d in done]
        for rows, (_, probability) in zip(rows_of, done, strict=True):
            out[rows] = probability
        return out

    def _without_folds(self, operations: sparse.csr_matrix, folds: Ints) -> Floats:
        """Folds x operations: share of the other folds' items that have each operation."""
        yes, n = np.asarray(operations.sum(axis=0)).ravel(), operations.shape[0]
        inside = [np.flatnonzero(folds == f) for f in range(self.n_folds)]
        others = [
            (yes - np.asarray(operations[rows].sum(axis=0)).ravel()) / max(n - len(rows), 1)
            for rows in inside
        ]
        return np.asarray(np.clip(np.stack(others), _FLOOR / 10, 1 - _FLOOR), dtype=np.float32)

    def _fit_family(self, cases: OperationCases, rows: Ints, without: Floats) -> tuple[_Family, Floats]:
        """What is learned for the family of these items, and their probabilities out of fold.

        `without`: folds x operations, the share of all items of other folds.
        """
        n = len(rows)
        answers = np.asarray(cases.operations[rows].todense(), dtype=np.float32)
        yes = answers.sum(axis=0)
        share = _share(yes, self.overall_, n)
        open_ = (yes >= _LEAST_CASES) & (n - yes >= _LEAST_CASES) & (share > 0.004) & (share < 0.996)
        if n < _LEAST_ROWS:
            open_[:] = False
        fold = cases.folds[rows] % self.n_folds
        # What is not asked has the family's share, which an item of one's own fold has no part in either.
        out = np.empty(answers.shape, dtype=np.float32)
        for f in np.unique(fold):
            inside = fold == f
            out[inside] = _share(yes - answers[inside].sum(axis=0), without[f], n - int(inside.sum()))
        asked = Questions(rows, fold, np.flatnonzero(open_), answers[:, open_])
        plant = self.plant_.left_out(cases.inputs, rows, fold)
        # What a family has too few cases to ask for is answered by the plant, where its share loses more.
        pooled = self.plant_.number_[~open_[self.plant_.number_]]
        odds = self.plant_.among(plant, pooled)
        better = _told_by_the_plant(odds, answers[:, pooled], out[:, pooled])
        pooled = pooled[better]
        out[:, pooled] = _probability(odds[:, better])
        plant = self.plant_.among(plant, asked.number)
        learned = self._boosted(cases, asked, plant, out) if len(asked.number) else None
        return _Family(share, pooled, learned), out

    def _boosted(
        self, cases: OperationCases, asked: Questions, plant: Floats, out: Floats
    ) -> _Boosted | None:
        """The questions of a family, None where no column tells anything; `out` gets the answers out of fold.

        `plant`: what all families answer, rows x questions, NaN for what they are not asked.
        """
        rows = asked.rows
        columns, bins = telling_columns(cases.inputs, asked, plant)
        if not columns:
            return None
        ordered = np.array([c.ordered for c in columns])
        weights = cases.weights[rows]
        by_plant = _told_by_the_plant(plant, asked.answers, out[:, asked.number])
        prior = np.where(by_plant, plant, np.nan)
        boosters, tests, losses = [], [], []
        rng = np.random.default_rng(self.random_state + len(rows))
        for f in range(self.n_folds):
            train, test = np.flatnonzero(asked.fold != f), np.flatnonzero(asked.fold == f)
            if not len(train):
                continue
            train = _drawn(train, _MOST_ROWS, rng)
            booster = QuestionBooster(
                n_rounds=_ROUNDS,
                learning_rate=_LEARNING_RATE,
                depth=_DEPTH,
                column_share=_COLUMN_SHARE,
                random_state=self.random_state + f,
            ).fit(bins[train], ordered, asked.answers[train], weights[train], prior[train])
            judged = _drawn(test, _MOST_ROWS, rng)
            losses.append(booster.losses(bins[judged], asked.answers[judged], weights[judged], prior[judged]))
            boosters.append(booster)
            tests.append(test)
        # A question that attributes answer gains by many rounds; one that chance answers would follow the noise.
        lost = np.sum(losses, axis=0)
        for booster, test, own in zip(boosters, tests, losses, strict=True):
            # How many were enough is not asked of the fold's own items either.
            odds = booster.stopped((lost - own).argmin(axis=1)).log_odds(bins[test], prior[test])
            out[test[:, None], asked.number] = _probability(odds)
        boosters = [booster.stopped(lost.argmin(axis=1)) for booster in boosters]
        return _Boosted(ColumnSet(columns), boosters, asked.number, by_plant)

    def _with_words(self, table: TokenTable) -> TokenTable:
        """The items with the words that their phrases are tied to."""
        if not self.tied_.n:
            return table
        return replace(table, words=table.words | {_TIED_WORDS: self.tied_.read(table.phrases)})

    def predict(self, table: TokenTable, votes: Floats, family: Ints) -> Floats:
        """Items x operations: probability that the item's routing has the operation.

        Parameters
        ----------
        table : TokenTable
            The coded items.
        votes : Floats
            Items x operations, the forest's shares.
        family : Ints
            Per item, -1 unknown.
        """
        n = len(family)
        inputs = Inputs(self._with_words(table), votes, np.zeros(n, dtype=np.float32))
        out = np.repeat(self.overall_[None, :], n, axis=0)
        for f in np.unique(family):
            if f < 0:
                continue
            learned = self.families_[f]
            rows = np.flatnonzero(family == f)
            out[rows] = learned.share[None, :]
            own, n_pooled = learned.boosted, len(learned.pooled)
            asked = learned.pooled if own is None else np.concatenate([learned.pooled, own.questions])
            plant = self.plant_.log_odds(inputs, rows, asked)
            out[rows[:, None], learned.pooled] = _probability(plant[:, :n_pooled])
            if own is not None:
                plant = plant[:, n_pooled:]
                bins = own.columns.bins(inputs, rows, plant)
                prior = np.where(own.by_plant, plant, np.nan)
                odds = np.mean([b.log_odds(bins, prior) for b in own.boosters], axis=0)
                out[rows[:, None], own.questions] = _probability(odds)
        return out


def _told_by_the_plant(odds: Floats, answers: Floats, share: Floats) -> Bools:
    """Per question whether the family begins with what all families answer; rows x questions each.

    Where it has few cases of its own, and its share loses more.
    """
    asked = ~np.isnan(odds).any(axis=0)
    odds = np.where(asked, odds, 0.0)
    lost = (np.logaddexp(0.0, odds) - answers * odds).sum(axis=0)
    usual = -(answers * np.log(share) + (1 - answers) * np.log1p(-share)).sum(axis=0)
    few = np.minimum(answers.sum(axis=0), (1 - answers).sum(axis=0)) < _FEW_CASES
    return np.asarray(asked & few & (lost < usual))


def _drawn(rows: Ints, most: int, rng: np.random.Generator) -> Ints:
    """At most so many of the rows, in order."""
    return rows if len(rows) <= most else np.sort(rng.choice(rows, most, replace=False))


def _share(yes: Floats, usual: Floats, n: int) -> Floats:
    """Share of "yes" among n items, shrunk by one item towards half of what is usual."""
    return np.asarray(np.clip((yes + 0.5 * usual) / (n + 1.0), _FLOOR, 1 - _FLOOR), dtype=np.float32)


def _probability(odds: Any) -> Floats:
    return np.asarray(np.clip(1.0 / (1.0 + np.exp(-odds)), _FLOOR, 1 - _FLOOR), dtype=np.float32)
