"""A forest whose leaves hold routings: supervised similarity between items.

Every tree is grown on a random share of the items and on a random projection of the low-rank routing description (random
output projections, Joly et al. 2014), so that each tree learns which attributes and which thresholds separate routings.
Two items are similar when they share leaves (Breiman's proximity);
the training items in an item's leaves vote with their routings. A training item's own votes come only from trees
that have not seen it (out of bag), which makes its evidence as honest as that of a new item.

What belongs here: growing, leaf membership, votes. What does not: what the votes are used for.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from joblib import Parallel, delayed, effective_n_jobs
from numpy.typing import NDArray
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.tree import DecisionTreeRegressor
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from routing_etl.errors import ModelError
from routing_etl.model.base.arrays import Bools, Codes, Floats, Ints
from routing_etl.model.base.columns import FEW_ROUTED
from routing_etl.model.base.parameters import COUNT, JOBS, SEED, Rule, check_parameters
from routing_etl.model.base.trees import PackedTrees
from routing_etl.progress import SILENT, Progress

_PILOT_ROWS = 6000
_PILOT_TREES = 8
_MOST_TIMES = 4.0


def forest_for(n_items: int, n_trees: int) -> RoutingForest:
    """The forest for a plant of so many routed items; `n_trees`: of a plant of many.

    With few items a tree is grown on more of them, down to single items, and there are up to `_MOST_TIMES` as many trees,
    so that enough of them have not seen a given item. A rule that three items show is lost otherwise.
    """
    if n_items >= FEW_ROUTED:
        return RoutingForest(n_trees=n_trees)
    times = min(_MOST_TIMES, 1.5 * FEW_ROUTED / max(n_items, 1))
    return RoutingForest(n_trees=round(n_trees * times), sample_share=0.8, max_features=0.5, min_leaf=1)


_RULES = dict.fromkeys(("n_trees", "max_rows", "n_projections", "min_leaf", "max_columns"), COUNT) | {
    "sample_share": Rule(0, 1, above=True),
    "max_features": Rule(0, 1, above=True),
    "n_jobs": JOBS,
    "random_state": SEED,
}


class RoutingForest(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Grow trees on attributes and let leaves vote with the routing variants of the items in them.

    A scikit-learn classifier, whose classes are the variants; of many thousand classes few have votes for an item, so
    that the product asks for `vote`, a sparse matrix, where scikit-learn asks for `predict_proba`.

    Parameters
    ----------
    n_trees, sample_share, max_rows: how many trees, on which share of the items (at most `max_rows`).
    n_projections: outputs per tree. max_features, min_leaf: as in scikit-learn's trees. max_columns: features that the
        trees may ask, the most telling ones of a small pilot forest: the rest costs time and shares of the draws.

    Attributes
    ----------
    classes_: the variants. columns_: the features in use. votes_: leaves x variants, rows sum to 1.
    feature_importances_: mean decrease of squared error, sums to 1.
    """

    def __init__(
        self,
        *,
        n_trees: int = 60,
        sample_share: float = 0.65,
        max_rows: int = 30_000,
        n_projections: int = 12,
        max_features: float = 0.25,
        min_leaf: int = 2,
        max_columns: int = 128,
        n_jobs: int | None = None,
        random_state: int = 42,
    ) -> None:
        self.n_trees = n_trees
        self.sample_share = sample_share
        self.max_rows = max_rows
        self.n_projections = n_projections
        self.max_features = max_features
        self.min_leaf = min_leaf
        self.max_columns = max_columns
        self.n_jobs = n_jobs
        self.random_state = random_state

    def fit(
        self,
        X: Floats,
        y: NDArray[Any],
        *,
        target: Floats | None = None,
        weights: Floats | None = None,
        progress: Progress = SILENT,
    ) -> RoutingForest:
        """Grow the forest.

        Parameters
        ----------
        X: n items x features, finite. y: n, each item's routing. target: n x k, what the trees are grown to tell, the
        description of each item's routing; None: 0/1 columns of the classes. weights: n, how much an item's vote counts
        (its age); None: all alike.

        Raises
        ------
        ModelError: a parameter is out of its range. ValueError: X, y, target or weights is no such matrix.
        """
        check_parameters(self, _RULES)
        features, y = validate_data(self, X, y, dtype=np.float32, order="C")
        if y.dtype.kind not in "biuSU":
            check_classification_targets(y)
        n = len(features)
        self.classes_, variants = np.unique(y, return_inverse=True)
        if target is None:
            target = np.eye(len(self.classes_), dtype=np.float32)[variants]
        else:
            target = check_array(target, dtype="numeric", input_name="target", estimator=self)
        if weights is None:
            weights = np.ones(n, dtype=np.float32)
        else:
            weights = check_array(
                weights, ensure_2d=False, dtype="numeric", input_name="weights", estimator=self
            )
        if len(target) != n or weights.shape != (n,) or (weights < 0).any():
            raise ValueError(
                f"RoutingForest: for {n} items target is {target.shape} and weights {weights.shape}; both must have"
                " a row per item, and no weight may be below 0."
            )
        return self._grow(features, target, variants, weights, progress)

    def _grow(
        self,
        features: Floats,
        target: Floats,
        variants: Ints,
        weights: Floats,
        progress: Progress,
    ) -> RoutingForest:
        n_variants = len(self.classes_)
        self.columns_ = self._telling(features, target)
        asked = np.ascontiguousarray(features[:, self.columns_])
        share = min(self.sample_share, self.max_rows / max(len(features), 1))
        seeds = np.random.SeedSequence(self.random_state).spawn(self.n_trees)
        with progress.task("growing trees", self.n_trees) as task:

            def grow(seed: np.random.SeedSequence) -> tuple[Any, Codes, Bools]:
                rng = np.random.default_rng(seed)
                inside = rng.random(len(features)) < share
                if not inside.any():
                    inside[:] = True
                rows = np.flatnonzero(inside)
                k = target.shape[1]
                axes = rng.standard_normal((k, min(self.n_projections, k))).astype(np.float32)
                tree = DecisionTreeRegressor(
                    min_samples_leaf=self.min_leaf,
                    max_features=self.max_features,
                    random_state=int(rng.integers(2**31 - 1)),
                )
                outputs = target if self.n_projections >= k else target @ axes
                tree.fit(asked[rows], outputs[rows], check_input=False)
                leaves = tree.tree_.apply(asked).astype(np.int32)
                task.advance()
                return tree, leaves, inside

            grown = Parallel(n_jobs=self.n_jobs, prefer="threads")(delayed(grow)(s) for s in seeds)
        self.trees_ = PackedTrees([g[0].tree_ for g in grown])
        rows_n = len(features)
        parts = []
        leaf_of = np.empty((self.n_trees, rows_n), dtype=np.int32)
        seen = np.empty((self.n_trees, rows_n), dtype=bool)
        for t, (_, nodes, inside) in enumerate(grown):
            leaf = self.trees_.leaf_number[self.trees_.offsets[t] + nodes]
            leaf_of[t], seen[t] = leaf, inside
            local = leaf[inside] - self.trees_.leaf_offsets[t]
            size = int(self.trees_.leaf_offsets[t + 1] - self.trees_.leaf_offsets[t])
            total = np.bincount(local, weights=weights[inside], minlength=size)
            data = (weights[inside] / np.maximum(total[local], 1e-12)).astype(np.float32)
            part = sparse.csr_matrix((data, (local, variants[inside])), shape=(size, n_variants))
            part.sum_duplicates()
            parts.append(part)
        self.votes_ = sparse.vstack(parts, format="csr", dtype=np.float32)
        self.feature_importances_ = np.zeros(features.shape[1])
        self.feature_importances_[self.columns_] = np.mean([g[0].feature_importances_ for g in grown], axis=0)
        self._leaf_of, self._seen = leaf_of, seen
        return self

    def _telling(self, features: Floats, target: Floats) -> Ints:
        """The columns that a small forest of random cuts asks most."""
        n, width = features.shape
        if width <= self.max_columns:
            return np.arange(width)
        rows = np.arange(n)
        if n > _PILOT_ROWS:
            rng = np.random.default_rng(self.random_state)
            rows = np.sort(rng.choice(n, _PILOT_ROWS, replace=False))
        pilot = ExtraTreesRegressor(
            _PILOT_TREES,
            min_samples_leaf=3,
            max_features=0.5,
            n_jobs=self.n_jobs,
            random_state=self.random_state,
        ).fit(features[rows], target[rows])
        order = np.argsort(-pilot.feature_importances_, kind="stable")
        return np.sort(order[: self.max_columns])

    def out_of_bag(self) -> sparse.csr_matrix:
        """Votes for the training items, each only from trees that have not seen it.

        Available once, right after `fit` (the memberships are dropped afterwards); an item that every tree has seen
        has an empty row.

        Raises
        ------
        ModelError: asked for a second time.
        """
        check_is_fitted(self, "votes_")
        if not hasattr(self, "_leaf_of"):
            raise ModelError(
                "RoutingForest: out_of_bag was asked for before; what it needs is gone.",
                remedy="Keep its answer, or fit again.",
            )
        leaf_of, seen = self._leaf_of, self._seen
        del self._leaf_of, self._seen
        out = []
        for start in range(0, leaf_of.shape[1], 16384):
            stop = min(start + 16384, leaf_of.shape[1])
            unseen = ~seen[:, start:stop].T
            out.append(self._vote(leaf_of[:, start:stop].T, unseen))
        return sparse.vstack(out, format="csr", dtype=np.float32)

    def predict_proba(self, X: Floats) -> Floats:
        """Items x classes: the share of votes for every class.

        Raises
        ------
        ValueError: X is no such matrix as in `fit`.
        """
        check_is_fitted(self, "votes_")
        features = validate_data(self, X, reset=False, dtype=np.float32, order="C")
        return np.asarray(self.vote(features).toarray(), dtype=np.float64)

    def predict(self, X: Floats) -> NDArray[Any]:
        """The class with most votes, per item; errors as `predict_proba`."""
        check_is_fitted(self, "votes_")
        return np.asarray(self.classes_[self.predict_proba(X).argmax(axis=1)])

    def vote(self, features: Floats) -> sparse.csr_matrix:
        """Items x variants: each item's share of votes for every routing, from all trees; rows sum to 1."""
        check_is_fitted(self, "votes_")
        return self._vote(self.leaves(features), None)

    def leaves(self, features: Floats) -> Codes:
        """Items x trees: number of the leaf that each item falls into."""
        features = features[:, self.columns_]
        n = len(features)
        jobs = effective_n_jobs(self.n_jobs)
        if n <= 2048 or jobs == 1:
            return self.trees_.leaves(features)
        bounds = np.linspace(0, n, jobs * 2 + 1).astype(int)
        parts = Parallel(n_jobs=self.n_jobs, prefer="threads")(
            delayed(self.trees_.leaves)(features[a:b]) for a, b in pairwise(bounds)
        )
        return np.vstack(parts)

    def _vote(self, leaves: Codes, unseen: Bools | None) -> sparse.csr_matrix:
        n, n_trees = leaves.shape
        if unseen is None:
            data = np.full(n * n_trees, 1.0 / n_trees, dtype=np.float32)
            cols = leaves.ravel()
            indptr = np.arange(0, n * n_trees + 1, n_trees)
        else:
            counts = unseen.sum(axis=1)
            data = np.repeat(1.0 / np.maximum(counts, 1), counts).astype(np.float32)
            cols = leaves[unseen]
            indptr = np.concatenate([[0], np.cumsum(counts)])
        member = sparse.csr_matrix((data, cols, indptr), shape=(n, self.votes_.shape[0]))
        return (member @ self.votes_).tocsr()
