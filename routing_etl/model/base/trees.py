"""Grown decision trees packed into flat arrays, so that many trees are walked at once, and small forests grown without ceremony.

scikit-learn asks one tree after the other, each call with its own checks; for a single item that costs more than the
answer. To grow a tree of a forest takes it 1.5 ms before the first cut, and a plant has hundreds of small forests.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn import config_context
from sklearn.tree import DecisionTreeRegressor

from routing_etl.model.base.arrays import Bools, Codes, Floats, Ints
from routing_etl.model.base.threads import one_thread


class PackedTrees:
    """Trees of one ensemble, leaves numbered through all of them.

    Attributes
    ----------
    leaf_offsets : Ints
        Number of the first leaf of every tree, and of all leaves at the end.
    """

    def __init__(self, trees: Sequence[Any], columns: Sequence[Ints] | None = None) -> None:
        """Pack the `tree_` of fitted scikit-learn decision trees.

        `columns`: for every tree the numbers of its features in the matrix that will be asked, when it was grown on some
        of them.
        """
        sizes = np.array([tree.node_count for tree in trees])
        self.offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        shift = np.repeat(self.offsets[:-1], sizes)
        asked = [
            tree.feature if columns is None else np.where(tree.feature < 0, -1, columns[i][tree.feature])
            for i, tree in enumerate(trees)
        ]
        self.feature = np.concatenate(asked).astype(np.int32)
        self.threshold = np.concatenate([tree.threshold for tree in trees]).astype(np.float64)
        self.left = np.concatenate([tree.children_left for tree in trees]).astype(np.int64) + shift
        self.right = np.concatenate([tree.children_right for tree in trees]).astype(np.int64) + shift
        leaf = self.feature < 0
        self.leaf_number = np.where(leaf, np.cumsum(leaf) - 1, -1).astype(np.int32)
        counts = np.add.reduceat(leaf.astype(np.int64), self.offsets[:-1])
        self.leaf_offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)

    @property
    def n_trees(self) -> int:
        """Number of trees."""
        return len(self.offsets) - 1

    @property
    def n_leaves(self) -> int:
        """Number of leaves of all trees."""
        return int(self.leaf_offsets[-1])

    def leaves(self, features: Floats) -> Codes:
        """Items x trees: number of the leaf that each item falls into."""
        n = len(features)
        row, tree = np.repeat(np.arange(n), self.n_trees), np.tile(np.arange(self.n_trees), n)
        return self.reached(features, row, tree).reshape(n, self.n_trees)

    def reached(self, features: Floats, row: Ints, tree: Ints) -> Codes:
        """Number of the leaf that item `row[i]` falls into in tree `tree[i]`."""
        node = self.offsets[tree]
        active = np.flatnonzero(self.feature[node] >= 0)
        while active.size:
            here = node[active]
            go_left = features[row[active], self.feature[here]] <= self.threshold[here]
            following = np.where(go_left, self.left[here], self.right[here])
            node[active] = following
            active = active[self.feature[following] >= 0]
        return self.leaf_number[node]


@dataclass(frozen=True)
class ForestShape:
    """How the trees of a small forest are grown; names and meanings are scikit-learn's.

    Attributes
    ----------
    n_trees : int
        Trees.
    max_features : float
        Share of the columns that a cut may ask.
    min_samples_leaf : int
        Least cases in a leaf.
    splitter : str
        "best", or "random" for random cuts.
    bootstrap : bool
        Whether every tree has cases of its own, drawn with replacement by their weights; otherwise all have all of them.
    """

    n_trees: int
    max_features: float
    min_samples_leaf: int = 1
    splitter: str = "best"
    bootstrap: bool = True


def grow_shares(
    features: Floats, answer: Ints, n_answers: int, weight: Floats, shape: ForestShape, seed: int
) -> list[Any]:
    """The trees of a random forest whose leaves hold the share of each answer.

    Breiman, "Random Forests" (2001); with random cuts Geurts, Ernst and Wehenkel, "Extremely randomized trees" (2006). Regression trees on
    one column per answer: their squared error is the Gini impurity, so they cut as classification trees do.

    Parameters
    ----------
    features : Floats
        Cases x columns, all finite.
    answer : Ints
        Per case, 0 to `n_answers` - 1.
    n_answers : int
        Number of answers.
    weight : Floats
        Per case, how much it counts, at least 0 and not all 0.
    shape : ForestShape
        How the trees are grown.
    seed : int
        Seed of cases and cuts.

    Returns
    -------
    list of sklearn.tree._tree.Tree
        The `tree_` of each; `value` of a leaf is answers x 1 shares.
    """
    n = len(answer)
    rng = np.random.default_rng(seed)
    known = np.ascontiguousarray(features, dtype=np.float32)
    shares = np.ascontiguousarray(answer[:, None] == np.arange(n_answers), dtype=np.float64)
    drawn = rng.multinomial(n, weight / weight.sum(), shape.n_trees) if shape.bootstrap else None
    grown = []
    with config_context(skip_parameter_validation=True, assume_finite=True):
        for number in range(shape.n_trees):
            tree = DecisionTreeRegressor(
                splitter=shape.splitter,
                max_features=shape.max_features,
                min_samples_leaf=shape.min_samples_leaf,
                random_state=int(rng.integers(2**31 - 1)),
            )
            counts = weight if drawn is None else drawn[number].astype(np.float64)
            grown.append(tree.fit(known, shares, sample_weight=counts, check_input=False).tree_)
    return grown


class Boosted:
    """A fitted histogram boosting model, and its packed trees for a few rows.

    scikit-learn has no public way to these trees; they are read from `_predictors`, as other libraries do that explain
    or convert them. A test compares the answers with the model's own.

    Parameters
    ----------
    model : HistGradientBoostingRegressor or HistGradientBoostingClassifier
        Fitted; of a classifier, which has two classes, the log-odds are predicted. Categories are in its first columns
        (scikit-learn moves them there), coded by whole numbers from 0 on, not all of which need occur; a code that the model
        has not seen is a missing value.

    Raises
    ------
    ValueError
        Categories in another column or with other codes.
    """

    #: Up to so many cells (rows x trees) the packed trees are faster than the library.
    MOST_CELLS = 20_000

    def __init__(self, model: Any) -> None:
        self.model = model
        nodes = [trees[0].nodes for trees in model._predictors]
        sizes = np.array([len(n) for n in nodes])
        self.starts = (np.cumsum(sizes) - sizes).astype(np.int64)
        shift = np.repeat(self.starts, sizes)
        packed = np.concatenate(nodes)
        self.feature = packed["feature_idx"].astype(np.int64)
        self.threshold = packed["num_threshold"].astype(np.float64)
        self.missing_left = packed["missing_go_to_left"].astype(bool)
        self.left = packed["left"].astype(np.int64) + shift
        self.right = packed["right"].astype(np.int64) + shift
        self.inner = ~packed["is_leaf"].astype(bool)
        self.value = packed["value"].astype(np.float64)
        self._pack_categories(model, packed, sizes)
        self.baseline = float(np.ravel(model._baseline_prediction)[0])

    def _pack_categories(self, model: Any, packed: Any, sizes: Ints) -> None:
        """Per node that splits by category the row of `goes_left`: codes that go left, with those unknown to the model."""
        self.by_category = packed["is_categorical"].astype(bool)
        if model.is_categorical_ is None:
            return
        # Codes without rows are left out by scikit-learn, which counts those that occur: `place_of` has their places.
        n = int(model.is_categorical_.sum())
        found = model._preprocessor.named_transformers_["encoder"].categories_
        known = [c[~np.isnan(c)] for c in found]
        if not model.is_categorical_[:n].all() or any(((k < 0) | (k % 1 != 0)).any() for k in known):
            raise ValueError("categories must be in the first columns and coded by whole numbers from 0 on")
        bits = np.concatenate([trees[0].raw_left_cat_bitsets for trees in model._predictors])
        splits = np.array([len(trees[0].raw_left_cat_bitsets) for trees in model._predictors])
        shift = np.repeat(np.cumsum(splits) - splits, sizes)
        self.split = np.where(self.by_category, packed["bitset_idx"].astype(np.int64) + shift, 0)
        self.goes_left = np.unpackbits(bits.astype("<u4").view(np.uint8), axis=1, bitorder="little") > 0
        width = 1 + int(max((k.max(initial=0) for k in known), default=0))
        self.place_of = np.full((len(model.is_categorical_), width), -1, dtype=np.int64)
        for feature, codes in enumerate(known):
            self.place_of[feature, codes.astype(np.int64)] = np.arange(len(codes))

    def _left(self, here: Ints, asked: Floats) -> Bools:
        """Whether each value goes left at its node."""
        left = np.where(np.isnan(asked), self.missing_left[here], asked <= self.threshold[here])
        category = np.flatnonzero(self.by_category[here])
        if len(category):
            node, code = here[category], asked[category]
            told = (code >= 0) & (code < self.place_of.shape[1]) & (code % 1 == 0)
            place = self.place_of[self.feature[node], np.where(told, code, 0).astype(np.int64)]
            told &= place >= 0
            left[category] = np.where(told, self.goes_left[self.split[node], place], self.missing_left[node])
        return np.asarray(left)

    def predict(self, matrix: Floats) -> Floats:
        """The model's prediction (a classifier's log-odds) per row; NaN is a missing value."""
        n, n_trees = len(matrix), len(self.starts)
        if n == 0:
            return np.zeros(0)
        if n * n_trees > self.MOST_CELLS:
            with one_thread("openmp"):
                odds = getattr(self.model, "decision_function", self.model.predict)
                return np.asarray(odds(matrix), dtype=np.float64)
        node = np.repeat(self.starts[None, :], n, axis=0).ravel()
        row = np.repeat(np.arange(n), n_trees)
        active = np.flatnonzero(self.inner[node])
        while active.size:
            here = node[active]
            asked = matrix[row[active], self.feature[here]]
            following = np.where(self._left(here, asked), self.left[here], self.right[here])
            node[active] = following
            active = active[self.inner[following]]
        return np.asarray(self.baseline + self.value[node].reshape(n, n_trees).sum(axis=1))
