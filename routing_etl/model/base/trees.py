"""Grown decision trees packed into flat arrays, so that many trees are walked at once, and small forests grown without ceremony.

scikit-learn asks one tree after the other, each call with its own checks; for a single item that costs more than the
answer. To grow a tree of a forest takes it 1.5 ms before the first cut, and a plant has hundreds of small forests.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from routing_etl.model.base.arrays import Codes, Floats, Ints


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
    from sklearn import config_context
    from sklearn.tree import DecisionTreeRegressor

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
