"""A forest whose leaves hold routings: supervised similarity between items.

Every tree is grown on a random share of the items and on a random projection of the low-rank routing description (random
output projections, Joly et al. 2014), so that each tree learns which attributes and which thresholds separate routings.
Two items are similar when they share leaves (Breiman's proximity);
the training items in an item's leaves vote with their routings. A training item's own votes come only from trees
that have not seen it (out of bag), which makes its evidence as honest as that of a new item.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.tree import DecisionTreeRegressor
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from routing_etl.model.base.arrays import Bools, Codes, Floats, Ints
from routing_etl.model.base.columns import FEW_ROUTED
from routing_etl.model.base.parameters import COUNT, JOBS, SEED, Rule, check_parameters
from routing_etl.model.base.trees import PackedTrees
from routing_etl.model.candidates.grown import GrownForest
from routing_etl.progress import SILENT, Progress

#: Size of the forest of random cuts that finds the features worth asking.
_PILOT_ROWS, _PILOT_TREES = 6000, 8
#: A plant of few items gets up to this many times the trees.
_MOST_TIMES = 4.0
#: Items voted for at once: items x trees of memory.
_BLOCK = 16_384


def forest_for(n_items: int, n_trees: int) -> RoutingForest:
    """The unfitted forest for a plant of so many routed items.

    With few items a tree is grown on more of them, down to single items, and there are up to `_MOST_TIMES` as many trees,
    so that enough of them have not seen a given item. A rule that three items show is lost otherwise.

    Parameters
    ----------
    n_items : int
        Routed items.
    n_trees : int
        Trees for a plant of many items.
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


@dataclass(frozen=True)
class _Grown:
    """A tree, the node that every training item ends in, and which items it was grown on."""

    tree: DecisionTreeRegressor
    nodes: Codes
    inside: Bools


class RoutingForest(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Grow trees on attributes and let leaves vote with the routing variants of the items in them.

    A scikit-learn classifier, whose classes are the variants; of many thousand classes few have votes for an item, so
    that the product asks `grown_` for `vote`, a sparse matrix, where scikit-learn asks for `predict_proba`.

    Parameters
    ----------
    n_trees : int, optional
        How many trees.
    sample_share : float, optional
        Share of the items that a tree is grown on.
    max_rows : int, optional
        Most items that a tree is grown on.
    n_projections : int, optional
        Outputs per tree: random projections of the target.
    max_features : float, optional
        Share of the features that each split may ask, as in scikit-learn's trees.
    min_leaf : int, optional
        Least items per leaf, as in scikit-learn's trees.
    max_columns : int, optional
        Features that the trees may ask, the most telling ones of a small pilot forest: the rest costs time and shares of
        the draws.
    n_jobs : int, optional
        Trees grown at once, in threads. None: as joblib says, else one.
    random_state : int, optional
        Seed.

    Attributes
    ----------
    classes_ : array
        The variants.
    columns_ : Ints
        The features in use.
    grown_ : GrownForest
        The trees, and what their leaves vote for.
    feature_importances_ : Floats
        Mean decrease of squared error, sums to 1.
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
        X : Floats
            n items x features, finite.
        y : array
            n, each item's routing.
        target : Floats, optional
            n x k, what the trees are grown to tell: the description of each item's routing. None: 0/1 columns of the
            classes.
        weights : Floats, optional
            n, how much an item's vote counts (its age). None: all alike.
        progress : Progress, optional
            Told of every tree.

        Raises
        ------
        ModelError
            A parameter is out of its range.
        ValueError
            X, y, target or weights is no such matrix.
        """
        self.fit_out_of_bag(X, y, target=target, weights=weights, progress=progress)
        return self

    def fit_out_of_bag(
        self,
        X: Floats,
        y: NDArray[Any],
        *,
        target: Floats | None = None,
        weights: Floats | None = None,
        groups: Ints | None = None,
        progress: Progress = SILENT,
    ) -> sparse.csr_matrix:
        """Grow the forest, and let each training item be voted for by the trees that have not seen it.

        Parameters
        ----------
        X : Floats
            As in `fit`.
        y : array
            As in `fit`.
        target : Floats, optional
            As in `fit`.
        weights : Floats, optional
            As in `fit`.
        groups : Ints, optional
            n, numbers of groups of items. A tree sees a group whole or not at all, so that the votes for an item come from
            other groups only. None: every item is a group of its own.
        progress : Progress, optional
            As in `fit`.

        Returns
        -------
        scipy.sparse.csr_matrix
            Items x variants, shares of votes; an item that every tree has seen has an empty row.

        Raises
        ------
        ModelError
            A parameter is out of its range.
        ValueError
            X, y, target or weights is no such matrix.
        """
        check_parameters(self, _RULES)
        features, y = validate_data(self, X, y, dtype=np.float32, order="C")
        if y.dtype.kind not in "biuSU":
            check_classification_targets(y)
        self.classes_, variants = np.unique(y, return_inverse=True)
        target, weights = self._checked(len(features), variants, target, weights)
        self.columns_ = self._telling(features, target)
        asked = np.ascontiguousarray(features[:, self.columns_])
        with progress.task("growing trees", self.n_trees) as task:

            def grow(seed: np.random.SeedSequence) -> _Grown:
                found = self._grow(asked, target, groups, seed)
                task.advance()
                return found

            seeds = np.random.SeedSequence(self.random_state).spawn(self.n_trees)
            grown = Parallel(n_jobs=self.n_jobs, prefer="threads")(delayed(grow)(seed) for seed in seeds)
        trees = PackedTrees([g.tree.tree_ for g in grown])
        self.feature_importances_ = np.zeros(features.shape[1])
        self.feature_importances_[self.columns_] = np.mean(
            [g.tree.feature_importances_ for g in grown], axis=0
        )
        leaf_of = np.stack([trees.leaf_number[trees.offsets[t] + g.nodes] for t, g in enumerate(grown)])
        seen = np.stack([g.inside for g in grown])
        votes = self._leaf_votes(trees, leaf_of, seen, variants, weights)
        self.grown_ = GrownForest(self.columns_, trees, votes, self.n_jobs)
        return self._out_of_bag(leaf_of, seen)

    @property
    def grown(self) -> GrownForest:
        """What was learned, for use without scikit-learn."""
        return self.grown_

    def _checked(
        self, n: int, variants: Ints, target: Floats | None, weights: Floats | None
    ) -> tuple[Floats, Floats]:
        """Target and weights as matrices with a row per item, the defaults filled in."""
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
        return target, weights

    def _grow(
        self, asked: Floats, target: Floats, groups: Ints | None, seed: np.random.SeedSequence
    ) -> _Grown:
        """One tree, grown on random items (or groups of them) and a random projection of the target."""
        rng = np.random.default_rng(seed)
        drawn = rng.random(len(asked) if groups is None else int(groups.max(initial=-1)) + 1)
        inside = drawn < min(self.sample_share, self.max_rows / max(len(asked), 1))
        inside = inside if groups is None else inside[groups]
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
        return _Grown(tree, tree.tree_.apply(asked).astype(np.int32), inside)

    def _leaf_votes(
        self, trees: PackedTrees, leaf_of: Codes, seen: Bools, variants: Ints, weights: Floats
    ) -> sparse.csr_matrix:
        """Leaves x variants: share of each leaf's items, by their weight, that have the variant."""
        parts = []
        for t, (leaf, inside) in enumerate(zip(leaf_of, seen, strict=True)):
            local = leaf[inside] - trees.leaf_offsets[t]
            size = int(trees.leaf_offsets[t + 1] - trees.leaf_offsets[t])
            total = np.bincount(local, weights=weights[inside], minlength=size)
            data = (weights[inside] / np.maximum(total[local], 1e-12)).astype(np.float32)
            part = sparse.csr_matrix((data, (local, variants[inside])), shape=(size, len(self.classes_)))
            part.sum_duplicates()
            parts.append(part)
        return sparse.vstack(parts, format="csr", dtype=np.float32)

    def _out_of_bag(self, leaf_of: Codes, seen: Bools) -> sparse.csr_matrix:
        """Votes for the training items, each only from trees that have not seen it."""
        out = []
        for start in range(0, leaf_of.shape[1], _BLOCK):
            part = slice(start, start + _BLOCK)
            out.append(self.grown_.of_leaves(leaf_of[:, part].T, ~seen[:, part].T))
        return sparse.vstack(out, format="csr", dtype=np.float32)

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

    def predict_proba(self, X: Floats) -> Floats:
        """Items x classes: the share of votes for every class.

        Parameters
        ----------
        X : Floats
            Items x features.

        Raises
        ------
        ValueError
            X is no such matrix as in `fit`.
        """
        check_is_fitted(self, "grown_")
        features = validate_data(self, X, reset=False, dtype=np.float32, order="C")
        return np.asarray(self.grown_.vote(features).toarray(), dtype=np.float64)

    def predict(self, X: Floats) -> NDArray[Any]:
        """The class with most votes, per item; errors as `predict_proba`."""
        check_is_fitted(self, "grown_")
        return np.asarray(self.classes_[self.predict_proba(X).argmax(axis=1)])
