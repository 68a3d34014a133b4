"""Which candidate is the engineer's routing, as a probability.

Gradient-boosted trees over the evidence features and the family of the item, because planners of one family depart from
their rules more often than those of another; where there are too few items for that, a logistic regression on the
few features that always point the same way. The scores of training items come from models that have not seen their
fold. Isotonic regression on those scores, shifted by family, makes them probabilities; the first choices have a curve
of their own, because the best of several noisy scores is on average too good.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from scipy.special import expit, logit

from routing_etl.model.base.arrays import Bools, Floats, Ints
from routing_etl.model.base.boosted import Boosted
from routing_etl.model.base.threads import one_thread
from routing_etl.model.candidates.evidence import EvidenceFeatures
from routing_etl.model.ranking.linear import Linear

#: Boosted trees need so many right and so many wrong candidates; a logistic regression learns from fewer.
_FEW_HITS = 400
#: The features of the logistic regression: more of each always speaks for a candidate (`model_gap`: against it).
STEADY_FEATURES = (
    "forest_share",
    "forest_to_best",
    "neighbour_share",
    "neighbour_max",
    "log_likelihood",
    "model_likelihood",
    "model_gap",
)
#: The score where nothing could be learned: the forest's votes for the candidate.
_UNLEARNED_SCORE = "forest_share"
#: Bins per feature; also the most families that are told apart.
_MAX_BINS = 63
#: Boosting rounds, learning rate and leaves per tree. So many candidates get all the rounds; fewer would be overfitted
#: and get a share of the rounds, this one at least.
_ROUNDS, _LEARNING_RATE, _LEAVES = 100, 0.12, 15
_ENOUGH = 100_000
_LEAST_ROUNDS = 0.4
#: Models whose scores of the candidates that they have not seen are calibrated.
_N_FOLDS = 3
#: The feature that says how much is known of the sizes that decide, and where its kinds begin: nothing, less than half, more, and all but a
#: trifle.
_SIZES, _SIZES_KNOWN = "sizes_known", (1e-3, 0.5, 0.95)
#: Share of the items whose routings count as recent: confidence is theirs, because new items are planned as they were.
_RECENT = 0.25
#: Ridge on the shift of a kind's log-odds, which expects a standard deviation of 20 ** -0.5 = 0.22.
_SHIFT_PRIOR = 20.0
#: Newton steps for the shifts.
_SHIFT_STEPS = 6


@dataclass(frozen=True)
class _Asked:
    """Candidates to score: the code of the item's family (NaN for one that is not known), the evidence, and the age of the item's routing."""

    code: Floats
    features: EvidenceFeatures
    age: Floats

    def at(self, rows: Bools) -> _Asked:
        return _Asked(self.code[rows], self.features.at(rows), self.age[rows])

    def matrix(self) -> Floats:
        """What the trees read: the code first, then the features and the age."""
        return np.column_stack([self.code, self.features.values, self.age])

    def kinds(self, recent: float) -> list[Floats]:
        """By which kinds of items confidence is set right, NaN for none.

        The family; whether the routing is no older than `recent`; and how much is known of the sizes that decide.
        """
        young = np.where(np.isnan(self.age), np.nan, self.age > recent).astype(np.float32)
        if _SIZES not in self.features.names:
            return [self.code, young]
        share = self.features.column(_SIZES)
        known = np.where(np.isnan(share), np.nan, np.digitize(share, _SIZES_KNOWN)).astype(np.float32)
        return [self.code, young, known]

    def steady(self) -> Floats:
        """What the logistic regression reads."""
        return np.nan_to_num(self.features.select(STEADY_FEATURES), nan=0.0, posinf=0.0, neginf=0.0)


class CandidateRanker:
    """Score candidates, then calibrate.

    Parameters
    ----------
    n_jobs : int, optional
        Models learned at once, in threads.
    random_state : int, optional
        Seed of the models.

    Attributes
    ----------
    families_ : Ints
        Numbers of the families that the model tells apart, the most frequent ones.
    boosted_ : bool
        Whether boosted trees score, not the logistic regression.
    recent_ : float
        Age in days up to which a routing is recent.
    right_ : int
        Training items whose first choice, by a model that has not seen them, was right.
    asked_ : int
        Training items that have candidates.
    """

    def __init__(self, *, n_jobs: int | None = None, random_state: int = 42) -> None:
        self.n_jobs = n_jobs
        self.random_state = random_state

    def fit(
        self,
        features: EvidenceFeatures,
        hit: Bools,
        row: Ints,
        fold: Ints,
        family: Ints,
        age: Floats,
    ) -> CandidateRanker:
        """Learn from the candidates of training items; arrays hold a value per candidate.

        Parameters
        ----------
        features : EvidenceFeatures
            The evidence.
        hit : Bools
            Whether the candidate is the item's routing.
        row : Ints
            The item's row, ascending.
        fold : Ints
            The item's fold.
        family : Ints
            The item's family, -1 for none.
        age : Floats
            The age of the item's routing in days, NaN unknown.
        """
        known, size = np.unique(family[family >= 0], return_counts=True)
        self.families_ = np.sort(known[np.argsort(-size, kind="stable")[:_MAX_BINS]])
        asked = _Asked(self._code(family), features, age)
        dated = age[~np.isnan(age)]
        self.recent_ = float(np.quantile(dated, _RECENT)) if len(dated) else 0.0
        self.boosted_ = bool(hit.sum() >= _FEW_HITS and (~hit).sum() >= _FEW_HITS)
        effort = float(np.clip(len(hit) / _ENOUGH, _LEAST_ROUNDS, 1.0))
        part = fold % _N_FOLDS
        left_out = [part == f for f in range(_N_FOLDS) if (part == f).any()]
        taught = [*(~test for test in left_out), np.ones(len(hit), dtype=bool)]
        learn = delayed(lambda rows: self._learn(asked.at(rows), hit[rows], effort) if rows.any() else None)
        *models, self.model_ = Parallel(n_jobs=self.n_jobs, prefer="threads")(learn(rows) for rows in taught)
        raw = np.zeros(len(hit), dtype=np.float64)
        for test, model in zip(left_out, models, strict=True):
            raw[test] = _score(model, asked.at(test))
        first = first_choice(raw, row)
        self.right_, self.asked_ = int(hit[first].sum()), int(first.sum())
        self.first_ = _Calibrator(raw[first], hit[first], [kind[first] for kind in asked.kinds(self.recent_)])
        self.others_ = _Calibrator(raw[~first], hit[~first], [])
        return self

    def _code(self, family: Ints) -> Floats:
        """0, 1, 2 ... for the families that the model tells apart, NaN for others."""
        if not len(self.families_):
            return np.full(len(family), np.nan, np.float32)
        place = np.minimum(np.searchsorted(self.families_, family), len(self.families_) - 1)
        return np.where(self.families_[place] == family, place, np.nan).astype(np.float32)

    def _learn(self, asked: _Asked, hit: Bools, effort: float) -> Any:
        """A model of `hit`; None where all candidates are right or all are wrong."""
        from sklearn.ensemble import HistGradientBoostingClassifier
        from sklearn.linear_model import LogisticRegression
        from sklearn.preprocessing import StandardScaler

        if hit.all() or not hit.any():
            return None
        if not self.boosted_:
            scaler, regression = StandardScaler().set_output(transform="default"), LogisticRegression(C=0.5)
            regression.fit(scaler.fit_transform(asked.steady()), hit)
            return Linear(scaler, regression)
        boosted = HistGradientBoostingClassifier(
            max_iter=round(_ROUNDS * effort),
            learning_rate=_LEARNING_RATE,
            max_leaf_nodes=_LEAVES,
            min_samples_leaf=40,
            max_bins=_MAX_BINS,
            categorical_features=[0],
            l2_regularization=1.0,
            early_stopping=False,
            random_state=self.random_state,
        )
        matrix = asked.matrix()
        # A column without any value (routings without dates) cannot be binned; no tree asks one of a single value.
        matrix[:, np.isnan(matrix).all(axis=0)] = 0.0
        with one_thread("openmp"):
            return Boosted(boosted.fit(matrix, hit))

    def predict(self, features: EvidenceFeatures, row: Ints, family: Ints) -> tuple[Floats, Floats]:
        """Score and calibrated probability of every candidate; the probabilities of an item sum to 1 at most.

        The candidate with the best score has the highest probability of its item's.

        Parameters
        ----------
        features : EvidenceFeatures
            The evidence.
        row : Ints
            The item's row, ascending.
        family : Ints
            The item's family, -1 for none.
        """
        # What is asked today would be written today.
        asked = _Asked(self._code(family), features, np.zeros(len(family), dtype=np.float32))
        raw = _score(self.model_, asked)
        first = first_choice(raw, row)
        probability = np.where(first, self.first_(raw, asked.kinds(self.recent_)), self.others_(raw, []))
        n = int(row.max()) + 1 if len(row) else 0
        top = np.zeros(n)
        top[row[first]] = probability[first]
        rest = np.bincount(row, np.where(first, 0.0, probability), n)
        room = np.maximum(1.0 - top, 0.0)
        shrink = np.where(rest > room, room / np.maximum(rest, 1e-12), 1.0)
        # Another candidate stays below the first: of two alike their numbers would decide, and a known one has the lower.
        below = np.nextafter(top[row], 0.0)
        probability = np.where(first, probability, np.minimum(probability * shrink[row], below))
        return raw, probability


def _score(model: Any, asked: _Asked) -> Floats:
    """What the model makes of candidates; without a model the forest's votes."""
    if model is None or not len(asked.code):
        return asked.features.column(_UNLEARNED_SCORE).astype(np.float64)
    if isinstance(model, Boosted):
        return np.asarray(expit(model.predict(asked.matrix())))
    return np.asarray(model.predict(asked.steady()), dtype=np.float64)


def first_choice(score: Floats, row: Ints) -> Bools:
    """Marks the best candidate of each item (the earlier one on a tie). `row` is ascending."""
    out = np.zeros(len(score), dtype=bool)
    if len(score):
        order = np.lexsort((np.arange(len(score)), -score, row))
        start = np.ones(len(score), dtype=bool)
        start[1:] = row[order][1:] != row[order][:-1]
        out[order[start]] = True
    return out


class _Calibrator:
    """Scores to probabilities: an isotonic curve, drawn through the centres of its steps, then a shift per kind of item.

    Two half-observations at each end of the curve keep few items from giving a probability of 0 or 1. The shifts are the
    ridge estimates of the kinds' log-odds beyond the curve's (`_SHIFT_PRIOR`), so few items move them little.
    """

    def __init__(self, score: Floats, hit: Bools, kinds: list[Floats]) -> None:
        """`kinds`: ways to tell items apart; of each, per score the kind 0, 1, 2 ..., NaN for none."""
        from sklearn.isotonic import IsotonicRegression

        rate = float(hit.mean()) if len(hit) else 0.0
        x = np.concatenate([score, [score.min(), score.max()]]) if len(score) else np.zeros(2)
        y = np.concatenate([hit.astype(np.float64), [0.5 * rate, 0.5 + 0.5 * rate]])
        weight = np.concatenate([np.ones(len(score)), [2.0, 2.0]])
        found = IsotonicRegression(y_min=0.0, y_max=1.0).fit_transform(x, y, sample_weight=weight)
        self.heights, step = np.unique(found, return_inverse=True)
        self.centres = np.bincount(step, x * weight) / np.bincount(step, weight)
        # The last shift is that of what is of no kind.
        self.shifts = [np.zeros(int(np.fmax.reduce(kind, initial=-1.0)) + 2) for kind in kinds]
        odds = logit(self._curve(score))
        for _ in range(_SHIFT_STEPS):
            for shift, kind in zip(self.shifts, kinds, strict=True):
                here = self._place(kind, shift)
                p = expit(odds + self._shifted(kinds))
                gap = np.bincount(here, hit - p, len(shift)) - _SHIFT_PRIOR * shift
                shift += gap / (np.bincount(here, p * (1 - p), len(shift)) + _SHIFT_PRIOR)
                shift[-1] = 0.0

    def _curve(self, score: Floats) -> Floats:
        return np.asarray(np.interp(score, self.centres, self.heights))

    @staticmethod
    def _place(kind: Floats, shift: Floats) -> Ints:
        return np.where(kind < len(shift) - 1, kind, len(shift) - 1).astype(np.int64)

    def _shifted(self, kinds: list[Floats]) -> Floats:
        return np.asarray(
            sum(shift[self._place(kind, shift)] for shift, kind in zip(self.shifts, kinds, strict=True))
        )

    def __call__(self, score: Floats, kinds: list[Floats]) -> Floats:
        """Probability per score; `kinds` as in learning."""
        p = self._curve(score)
        return expit(logit(p) + self._shifted(kinds)) if self.shifts else p
