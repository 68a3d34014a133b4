"""Which candidate is the engineer's routing, as a probability.

Gradient-boosted trees over the evidence features and the family of the item, because planners of one family depart from
their rules more often than those of another; where there are too few items for that, a logistic regression on the
few features that always point the same way. The scores of training items come from folds that have not seen them;
isotonic regression on those, moved by what each family's planners do, makes them probabilities, the first choice apart
from the rest, because the best of several noisy scores is on average too good.

What belongs here: scoring and calibration. What does not: evidence features.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from joblib import Parallel, delayed
from scipy.special import expit, logit
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from routing_etl.model.base.arrays import Bools, Floats, Ints
from routing_etl.model.base.threads import one_thread
from routing_etl.model.base.trees import Boosted

_FEW_HITS = 400
#: Share of the training items that are less sure of their first choice than `least_`.
_LEAST_SURE = 0.01
_MAX_BINS = 63
#: So many candidates are worth all iterations; fewer would be learned by heart.
_ENOUGH = 100_000
_LEAST_ITERATIONS = 0.4
#: Ridge on the shift of a family's log-odds, which expects a standard deviation of 20 ** -0.5 = 0.22.
_SHIFT_PRIOR = 20.0
_SHIFT_STEPS = 6


class CandidateRanker:
    """Score candidates, then calibrate.

    Parameters
    ----------
    max_iter, learning_rate, max_leaf_nodes: of the boosted trees; fewer iterations for few candidates. few: columns of the always-monotone features.
    n_jobs: models learned at once, in threads.

    Attributes
    ----------
    least_: probability of the first choice of the least sure training items (the first percentile).
    families_: numbers of the families that the trees know, the most frequent ones.
    """

    def __init__(
        self,
        *,
        max_iter: int = 100,
        learning_rate: float = 0.12,
        max_leaf_nodes: int = 15,
        few: tuple[int, ...] = (0, 1, 4, 5, 11, 14, 17),
        n_folds: int = 3,
        n_jobs: int | None = None,
        random_state: int = 42,
    ) -> None:
        self.max_iter = max_iter
        self.learning_rate = learning_rate
        self.max_leaf_nodes = max_leaf_nodes
        self.few = few
        self.n_folds = n_folds
        self.n_jobs = n_jobs
        self.random_state = random_state

    def fit(self, features: Floats, hit: Bools, row: Ints, fold: Ints, family: Ints) -> CandidateRanker:
        """Learn from the candidates of training items.

        Parameters
        ----------
        features, hit, row, fold, family: per candidate its evidence, whether it is the item's routing, the item's row
        (ascending), the item's fold and its family (-1 for none).
        """
        self.effort_ = float(np.clip(len(hit) / _ENOUGH, _LEAST_ITERATIONS, 1.0))
        known, size = np.unique(family[family >= 0], return_counts=True)
        self.families_ = np.sort(known[np.argsort(-size, kind="stable")[:_MAX_BINS]])
        features = self._with_family(features, family)
        self.boosted_ = bool(hit.sum() >= _FEW_HITS and (~hit).sum() >= _FEW_HITS)
        raw = np.zeros(len(hit), dtype=np.float64)
        part = fold % self.n_folds
        left_out = [part == f for f in range(self.n_folds) if (part == f).any()]
        taught = [*(~test for test in left_out), np.ones(len(hit), dtype=bool)]
        learn = delayed(lambda rows: self._learn(features[rows], hit[rows]) if rows.any() else None)
        *models, self.model_ = Parallel(n_jobs=self.n_jobs, prefer="threads")(learn(rows) for rows in taught)
        for test, model in zip(left_out, models, strict=True):
            raw[test] = self._raw(model, features[test])
        first = first_choice(raw, row)
        code = features[first, 0]
        self.first_ = _Calibrator(raw[first], hit[first], code)
        self.others_ = _Calibrator(raw[~first], hit[~first], np.empty(0))
        self.least_ = float(np.quantile(self.first_(raw[first], code), _LEAST_SURE)) if first.any() else 0.0
        return self

    def _with_family(self, features: Floats, family: Ints) -> Floats:
        """The family's code, NaN for one that is not known, before the evidence features."""
        if not len(self.families_):
            return np.column_stack([np.full(len(features), np.nan, np.float32), features])
        place = np.minimum(np.searchsorted(self.families_, family), len(self.families_) - 1)
        code = np.where(self.families_[place] == family, place, np.nan)
        return np.column_stack([code.astype(np.float32), features])

    def _learn(self, features: Floats, hit: Bools) -> Any:
        if hit.all() or not hit.any():
            return None
        if not self.boosted_:
            model = make_pipeline(StandardScaler(), LogisticRegression(C=0.5))
            return model.set_output(transform="default").fit(self._steady(features), hit)
        boosted = HistGradientBoostingClassifier(
            max_iter=round(self.max_iter * self.effort_),
            learning_rate=self.learning_rate,
            max_leaf_nodes=self.max_leaf_nodes,
            min_samples_leaf=40,
            max_bins=_MAX_BINS,
            categorical_features=[0],
            l2_regularization=1.0,
            early_stopping=False,
            random_state=self.random_state,
        )
        with one_thread("openmp"):
            return Boosted(boosted.fit(features, hit))

    def _raw(self, model: Any, features: Floats) -> Floats:
        if model is None or not len(features):
            return features[:, 1].astype(np.float64)
        if self.boosted_:
            return np.asarray(expit(model.predict(features)))
        return np.asarray(model.predict_proba(self._steady(features))[:, 1], dtype=np.float64)

    def _steady(self, features: Floats) -> Floats:
        return np.nan_to_num(features[:, 1:][:, list(self.few)], nan=0.0, posinf=0.0, neginf=0.0)

    def predict(self, features: Floats, row: Ints, family: Ints) -> tuple[Floats, Floats]:
        """Score (for the order) and calibrated probability of every candidate; probabilities of an item sum to <= 1."""
        features = self._with_family(features, family)
        raw = self._raw(self.model_, features)
        first = first_choice(raw, row)
        code = features[:, 0]
        probability = np.where(first, self.first_(raw, code), self.others_(raw, code))
        n = int(row.max()) + 1 if len(row) else 0
        top = np.zeros(n)
        top[row[first]] = probability[first]
        rest = np.bincount(row, np.where(first, 0.0, probability), n)
        room = np.maximum(1.0 - top, 0.0)
        shrink = np.where(rest > room, room / np.maximum(rest, 1e-12), 1.0)
        probability = np.where(first, probability, np.minimum(probability * shrink[row], top[row]))
        return raw, probability


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
    """Scores to probabilities: an isotonic curve, drawn through the centres of its steps, then a shift per family.

    Two half-observations at each end of the curve keep few items from giving a probability of 0 or 1. The shift is the
    ridge estimate of a family's log-odds beyond the curve's (`_SHIFT_PRIOR`), so few items move it little.
    """

    def __init__(self, score: Floats, hit: Bools, code: Floats) -> None:
        """`code`: per score the family, 0, 1, 2 ..., NaN for none; empty when families are not told apart."""
        rate = float(hit.mean()) if len(hit) else 0.0
        x = np.concatenate([score, [score.min(), score.max()]]) if len(score) else np.zeros(2)
        y = np.concatenate([hit.astype(np.float64), [0.5 * rate, 0.5 + 0.5 * rate]])
        weight = np.concatenate([np.ones(len(score)), [2.0, 2.0]])
        found = IsotonicRegression(y_min=0.0, y_max=1.0).fit_transform(x, y, sample_weight=weight)
        self.heights, step = np.unique(found, return_inverse=True)
        self.centres = np.bincount(step, x * weight) / np.bincount(step, weight)
        known = np.flatnonzero(~np.isnan(code))
        self.shift = np.zeros(int(code[known].max()) + 1 if len(known) else 0)
        odds, here = logit(self._curve(score[known])), code[known].astype(np.int64)
        for _ in range(_SHIFT_STEPS if len(known) else 0):
            p = expit(odds + self.shift[here])
            gap = np.bincount(here, hit[known] - p) - _SHIFT_PRIOR * self.shift
            self.shift += gap / (np.bincount(here, p * (1 - p)) + _SHIFT_PRIOR)

    def _curve(self, score: Floats) -> Floats:
        return np.asarray(np.interp(score, self.centres, self.heights))

    def __call__(self, score: Floats, code: Floats) -> Floats:
        """Probability per score."""
        p = self._curve(score)
        known = np.flatnonzero(code < len(self.shift))
        p[known] = expit(logit(p[known]) + self.shift[code[known].astype(np.int64)])
        return p
