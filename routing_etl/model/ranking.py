"""Which candidate is the engineer's routing, as a probability.

Gradient-boosted trees over the evidence features; where there are too few items for that, a logistic regression on the
few features that always point the same way. The scores of training items come from folds that have not seen them;
isotonic regression on those makes them probabilities, the first choice apart from the rest, because the best of
several noisy scores is on average too good.

What belongs here: scoring and calibration. What does not: evidence features.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.base import BaseEstimator
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from routing_etl.model.threads import one_thread
from routing_etl.model.trees import Boosted

FloatArray = NDArray[Any]
IntArray = NDArray[np.int64]

_FEW_HITS = 400
#: Share of the training items that are less sure of their first choice than `least_`.
_LEAST_SURE = 0.01


class CandidateRanker(BaseEstimator):  # type: ignore[misc]
    """Score candidates, then calibrate.

    Parameters
    ----------
    max_iter, learning_rate, max_leaf_nodes: of the boosted trees. few: columns of the always-monotone features.
    n_jobs: models learned at once, in threads.

    Attributes
    ----------
    least_: probability of the first choice of the least sure training items (the first percentile).
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

    def fit(
        self, features: FloatArray, hit: NDArray[np.bool_], row: IntArray, fold: IntArray
    ) -> CandidateRanker:
        """Learn from the candidates of training items.

        Parameters
        ----------
        features, hit, row, fold: per candidate its evidence, whether it is the item's routing, the item's row
        (ascending) and the item's fold.
        """
        self.boosted_ = bool(hit.sum() >= _FEW_HITS and (~hit).sum() >= _FEW_HITS)
        raw = np.zeros(len(hit), dtype=np.float64)
        part = fold % self.n_folds
        left_out = [part == f for f in range(self.n_folds) if (part == f).any()]
        taught = [*(~test for test in left_out), np.ones(len(hit), dtype=bool)]
        learn = delayed(lambda rows: self._learn(features[rows], hit[rows]) if rows.any() else None)
        *models, self.model_ = Parallel(n_jobs=self.n_jobs, prefer="threads")(learn(rows) for rows in taught)
        for test, model in zip(left_out, models, strict=True):
            raw[test] = self._raw(model, features[test]) if model is not None else features[test, 0]
        first = first_choice(raw, row)
        self.first_ = _calibrator(raw[first], hit[first])
        self.others_ = _calibrator(raw[~first], hit[~first])
        self.least_ = float(np.quantile(_apply(self.first_, raw[first]), _LEAST_SURE)) if first.any() else 0.0
        return self

    def _learn(self, features: FloatArray, hit: NDArray[np.bool_]) -> Any:
        if hit.all() or not hit.any():
            return None
        if not self.boosted_:
            model = make_pipeline(StandardScaler(), LogisticRegression(C=0.5))
            return model.fit(_steady(features, self.few), hit)
        boosted = HistGradientBoostingClassifier(
            max_iter=self.max_iter,
            learning_rate=self.learning_rate,
            max_leaf_nodes=self.max_leaf_nodes,
            min_samples_leaf=40,
            max_bins=63,
            l2_regularization=1.0,
            early_stopping=False,
            random_state=self.random_state,
        )
        with one_thread("openmp"):
            return Boosted(boosted.fit(features, hit))

    def _raw(self, model: Any, features: FloatArray) -> NDArray[np.float64]:
        if model is None or not len(features):
            return features[:, 0].astype(np.float64)
        if self.boosted_:
            return np.asarray(expit(model.predict(features)))
        return np.asarray(model.predict_proba(_steady(features, self.few))[:, 1], dtype=np.float64)

    def predict(self, features: FloatArray, row: IntArray) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Score (for the order) and calibrated probability of every candidate; probabilities of an item sum to <= 1."""
        raw = self._raw(self.model_, features)
        first = first_choice(raw, row)
        probability = np.where(first, _apply(self.first_, raw), _apply(self.others_, raw))
        n = int(row.max()) + 1 if len(row) else 0
        top = np.zeros(n)
        top[row[first]] = probability[first]
        rest = np.bincount(row, np.where(first, 0.0, probability), n)
        room = np.maximum(1.0 - top, 0.0)
        shrink = np.where(rest > room, room / np.maximum(rest, 1e-12), 1.0)
        probability = np.where(first, probability, np.minimum(probability * shrink[row], top[row]))
        return raw, probability


def first_choice(score: NDArray[np.float64], row: IntArray) -> NDArray[np.bool_]:
    """Marks the best candidate of each item (the earlier one on a tie). `row` is ascending."""
    out = np.zeros(len(score), dtype=bool)
    if len(score):
        order = np.lexsort((np.arange(len(score)), -score, row))
        start = np.ones(len(score), dtype=bool)
        start[1:] = row[order][1:] != row[order][:-1]
        out[order[start]] = True
    return out


def _steady(features: FloatArray, few: tuple[int, ...]) -> FloatArray:
    return np.nan_to_num(features[:, list(few)], nan=0.0, posinf=0.0, neginf=0.0)


def _calibrator(score: NDArray[np.float64], hit: NDArray[np.bool_]) -> IsotonicRegression | None:
    """Isotonic curve with two half-observations at each end, so that few items never give a probability of 0 or 1."""
    if not len(score):
        return None
    rate = float(hit.mean())
    x = np.concatenate([score, [score.min(), score.max()]])
    y = np.concatenate([hit.astype(np.float64), [0.5 * rate, 0.5 + 0.5 * rate]])
    weight = np.concatenate([np.ones(len(score)), [2.0, 2.0]])
    return IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip").fit(x, y, sample_weight=weight)


def _apply(calibrator: IsotonicRegression | None, score: NDArray[np.float64]) -> NDArray[np.float64]:
    """The curve at every score: what `calibrator.predict` gives, without its checks, which cost one item a millisecond."""
    if calibrator is None:
        return score
    return np.asarray(np.interp(score, calibrator.X_thresholds_, calibrator.y_thresholds_))
