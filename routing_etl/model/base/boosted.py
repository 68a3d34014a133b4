"""A histogram boosting model that scikit-learn has fitted, kept as its trees alone.

One item is answered by arrays, without scikit-learn: importing it takes a second, and asking it takes longer than the answer. Many are
answered by its own compiled trees, which are made of the same nodes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from routing_etl.model.base.arrays import Bools, Floats, Ints


@dataclass(frozen=True)
class _Walk:
    """The nodes of all trees in columns; `left` and `right` number them through, `split` names the row of `goes_left` of a category."""

    starts: Ints
    feature: Ints
    threshold: Floats
    missing_left: Bools
    left: Ints
    right: Ints
    inner: Bools
    value: Floats
    by_category: Bools
    split: Ints
    goes_left: Bools


class Boosted:
    """The trees of a fitted model.

    scikit-learn has no public way to these trees; they are read from `_predictors`, as other libraries do that explain
    or convert them. A test compares the answers with the model's own.

    Parameters
    ----------
    model : HistGradientBoostingRegressor or HistGradientBoostingClassifier
        Fitted, a regressor by the squared error; of a classifier, which has two classes, the log-odds are predicted. Categories are in its
        first columns (scikit-learn moves them there), coded by whole numbers from 0 on, not all of which need occur; a code that the model
        has not seen is a missing value.

    Raises
    ------
    ValueError
        Categories in another column or with other codes.
    """

    #: Up to so many cells (rows x trees) the arrays are faster than the library.
    MOST_CELLS = 20_000

    def __init__(self, model: Any) -> None:
        trees = [trees[0] for trees in model._predictors]
        self.nodes = np.concatenate([tree.nodes for tree in trees])
        self.sizes = np.array([len(tree.nodes) for tree in trees], dtype=np.int64)
        self.bits = np.concatenate([tree.raw_left_cat_bitsets for tree in trees])
        self.splits = np.array([len(tree.raw_left_cat_bitsets) for tree in trees], dtype=np.int64)
        self.known_bits, self.known_place = model._bin_mapper.make_known_categories_bitsets()
        self.place_of = _places(model)
        self.baseline = float(np.ravel(model._baseline_prediction)[0])

    def __getstate__(self) -> dict[str, Any]:
        """What is stored: what can be derived is not."""
        return {k: v for k, v in vars(self).items() if k not in ("_walk", "_compiled")}

    @cached_property
    def _walk(self) -> _Walk:
        nodes = self.nodes
        starts = np.cumsum(self.sizes) - self.sizes
        shift, shift_bits = np.repeat(starts, self.sizes), np.cumsum(self.splits) - self.splits
        by_category = nodes["is_categorical"].astype(bool)
        bitset = nodes["bitset_idx"].astype(np.int64) + np.repeat(shift_bits, self.sizes)
        return _Walk(
            starts=starts,
            feature=nodes["feature_idx"].astype(np.int64),
            threshold=nodes["num_threshold"].astype(np.float64),
            missing_left=nodes["missing_go_to_left"].astype(bool),
            left=nodes["left"].astype(np.int64) + shift,
            right=nodes["right"].astype(np.int64) + shift,
            inner=~nodes["is_leaf"].astype(bool),
            value=nodes["value"].astype(np.float64),
            by_category=by_category,
            split=np.where(by_category, bitset, 0),
            goes_left=np.unpackbits(self.bits.astype("<u4").view(np.uint8), axis=1, bitorder="little") > 0,
        )

    @cached_property
    def _compiled(self) -> list[Any]:
        """The library's own trees of these nodes."""
        from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor

        nodes = np.split(self.nodes, np.cumsum(self.sizes)[:-1])
        bits = np.split(self.bits, np.cumsum(self.splits)[:-1])
        # the bit sets of binned values are asked in the fit alone
        return [TreePredictor(n.copy(), b[:0].copy(), b.copy()) for n, b in zip(nodes, bits, strict=True)]

    def predict(self, matrix: Floats) -> Floats:
        """The model's prediction (a classifier's log-odds) per row; NaN is a missing value."""
        n, n_trees = len(matrix), len(self.sizes)
        if n == 0:
            return np.zeros(0)
        coded = self._coded(matrix)
        if n * n_trees > self.MOST_CELLS:
            return self._by_library(coded)
        walk = self._walk
        node = np.repeat(walk.starts[None, :], n, axis=0).ravel()
        row = np.repeat(np.arange(n), n_trees)
        active = np.flatnonzero(walk.inner[node])
        while active.size:
            here = node[active]
            asked = coded[row[active], walk.feature[here]]
            following = np.where(_left(walk, here, asked), walk.left[here], walk.right[here])
            node[active] = following
            active = active[walk.inner[following]]
        return np.asarray(self.baseline + walk.value[node].reshape(n, n_trees).sum(axis=1))

    def _coded(self, matrix: Floats) -> Floats:
        """The matrix with categories as scikit-learn counts them: by their place among those that it has seen, NaN for others."""
        coded = np.array(matrix, dtype=np.float64, order="C")
        width = self.place_of.shape[1]
        for column, places in enumerate(self.place_of):
            asked = coded[:, column]
            told = (asked >= 0) & (asked < width) & (asked % 1 == 0)
            place = places[np.where(told, asked, 0).astype(np.int64)]
            coded[:, column] = np.where(told & (place >= 0), place, np.nan)
        return coded

    def _by_library(self, coded: Floats) -> Floats:
        """As `_raw_predict` of scikit-learn adds its trees up. One thread: its threads meet at every tree (`base/threads.py`)."""
        found = np.zeros(len(coded)) + self.baseline
        for tree in self._compiled:
            found += tree.predict(coded, self.known_bits, self.known_place, 1)
        return found


def _left(walk: _Walk, here: Ints, asked: Floats) -> Bools:
    """Whether each value goes left at its node."""
    left = np.where(np.isnan(asked), walk.missing_left[here], asked <= walk.threshold[here])
    category = np.flatnonzero(walk.by_category[here])
    if len(category):
        node, place = here[category], asked[category]
        told = ~np.isnan(place)
        goes = walk.goes_left[walk.split[node], np.where(told, place, 0).astype(np.int64)]
        left[category] = np.where(told, goes, walk.missing_left[node])
    return np.asarray(left)


def _places(model: Any) -> NDArray[np.int64]:
    """Categorical columns x codes: place of the code among those that the model has seen, -1 for others."""
    if model.is_categorical_ is None:
        return np.empty((0, 0), dtype=np.int64)
    # Codes without rows are left out by scikit-learn, which counts those that occur.
    n = int(model.is_categorical_.sum())
    found = model._preprocessor.named_transformers_["encoder"].categories_
    known = [c[~np.isnan(c)] for c in found]
    if not model.is_categorical_[:n].all() or any(((k < 0) | (k % 1 != 0)).any() for k in known):
        raise ValueError("categories must be in the first columns and coded by whole numbers from 0 on")
    width = 1 + int(max((k.max(initial=0) for k in known), default=0))
    places = np.full((n, width), -1, dtype=np.int64)
    for column, codes in enumerate(known):
        places[column, codes.astype(np.int64)] = np.arange(len(codes))
    return places
