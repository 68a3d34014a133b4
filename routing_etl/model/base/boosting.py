"""Boosted trees for many yes/no questions about the same items at once.

Which operations an item needs are a dozen such questions per family of parts, each decided by a few attributes of its
own. One shared tree would cut the items into ever smaller cells to answer all of them; one booster per question costs a
thousand fits. Here all questions are boosted together: the histograms of all trees of a round are one product of a sparse
matrix (cells x items) with the gradients, everything else is vectorised over questions. Newton boosting with logistic loss
(Friedman 2001), trees of fixed depth. A split is a set of bins, so that categories need no order of their own: per
question they are ordered by their rate of "yes" (Fisher 1958).
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from routing_etl.model.base.arrays import Bools, Bytes, Floats, Ints
from routing_etl.model.base.columns import ranges

MAX_BINS = 32
#: Added to the sum of curvatures, p(1-p), in a leaf. Little: most rules of a plant have no exception, and where chance decides fewer rounds
#: are learned (`QuestionBooster.losses`).
_PENALTY = 0.04
#: Least sum of curvatures on each side of a split, and least gain of a split.
_MIN_WEIGHT, _LEAST_GAIN = 0.01, 1e-4
#: Largest Newton step of a leaf, before the learning rate. Where "yes" is rare the curvature is all but nothing, and a few items throw
#: the log-odds past any bound: steps of 90 were seen, the next ones back.
_LARGEST_STEP = 4.0
#: Items with the mean rate of "yes" that smooth the rate of a category.
_SMOOTHING = 2.0
#: Items x trees that are asked at once.
_MOST_CELLS = 200_000


@dataclass(frozen=True)
class _Layout:
    """Binned columns as one sparse 0/1 matrix: a row per cell (a bin of a column), a column per item.

    `starts`: first cell of every column, and the number of cells; `columns`, `bins`: of every cell; `n_bins`: most bins of a
    column; `hot`: the matrix, in which an item is once in every column's cells.
    """

    starts: Ints
    columns: Ints
    bins: Ints
    n_bins: int
    hot: sparse.csr_matrix

    @classmethod
    def of(cls, bins: Bytes) -> _Layout:
        n, d = bins.shape
        widths = bins.max(axis=0).astype(np.int64) + 1 if n else np.ones(d, np.int64)
        starts = np.concatenate([[0], np.cumsum(widths)])
        cell = (starts[:-1][None, :] + bins).astype(np.int32).ravel()
        items = np.arange(0, n * d + 1, d, dtype=np.int32)
        by_item = sparse.csr_matrix((np.ones(n * d, np.float32), cell, items), shape=(n, int(starts[-1])))
        columns = np.repeat(np.arange(d), widths)
        bin_of_cell = np.arange(int(starts[-1])) - np.repeat(starts[:-1], widths)
        return cls(starts, columns, bin_of_cell, int(widths.max()) if d else 1, by_item.T.tocsr())

    def some(self, columns: Ints) -> _Layout:
        """The layout of some of the columns, numbered anew."""
        widths = np.diff(self.starts)[columns]
        cells = ranges(self.starts[:-1][columns], widths)
        return _Layout(
            starts=np.concatenate([[0], np.cumsum(widths)]),
            columns=np.repeat(np.arange(len(columns)), widths),
            bins=self.bins[cells],
            n_bins=self.n_bins,
            hot=self.hot[cells],
        )

    def places(self, ordered: Bools, answers: Floats, weights: Floats, rate: Floats) -> NDArray[np.int16]:
        """Place of every bin in the order in which splits are sought: columns x bins x questions.

        `rate`: the share of "yes" per question, towards which the rates of categories are smoothed.
        """
        d, n_questions = len(self.starts) - 1, answers.shape[1]
        place = np.repeat(np.arange(self.n_bins, dtype=np.int16)[None, :, None], d, axis=0)
        place = np.repeat(place, n_questions, axis=2)
        if ordered.all():
            return place
        count = self.hot @ weights
        yes = self.hot @ (answers * weights[:, None])
        smooth = (yes + _SMOOTHING * rate) / (count + _SMOOTHING)[:, None]
        padded = np.full((d, self.n_bins, n_questions), np.inf, dtype=np.float32)
        padded[self.columns, self.bins] = smooth
        order = np.argsort(padded, axis=1, kind="stable")
        ranks = np.empty_like(order)
        np.put_along_axis(ranks, order, np.arange(self.n_bins)[None, :, None], axis=1)
        place[~ordered] = ranks[~ordered].astype(np.int16)
        return place

    def cells(self, place: NDArray[np.int16]) -> Ints:
        """Cells x questions: which entry (cell * questions + question) stands at each place of its column."""
        n_questions = place.shape[2]
        at = self.starts[self.columns][:, None] + place[self.columns, self.bins]
        order = np.empty_like(at)
        np.put_along_axis(order, at, np.arange(len(at))[:, None], axis=0)
        return np.asarray(order * n_questions + np.arange(n_questions))


@dataclass(frozen=True)
class _Round:
    """What the trees of one round are grown on: the columns asked, gradient and curvature of the loss.

    `asked`: the number of each column of the layout; `order`: in which its splits are sought.
    """

    layout: _Layout
    asked: Ints
    place: NDArray[np.int16]
    order: Ints | None
    gradient: Floats
    curve: Floats

    def sums(self, node: Ints, level: int, above: Floats | None) -> Floats:
        """Sums of gradient and curvature: 2 x cells x questions x nodes of this level.

        `above`: the sums of the level above, from which those of right-hand nodes follow.
        """
        hot, n_questions = self.layout.hot, self.gradient.shape[1]
        if above is None:
            both = hot @ np.hstack([self.gradient, self.curve])
            return np.asarray(both.reshape(-1, 2, n_questions, 1).transpose(1, 0, 2, 3))
        width = 2**level
        parts = []
        for even in range(0, width, 2):
            here = node == even
            parts += [self.gradient * here, self.curve * here]
        both = hot @ np.hstack(parts)
        lefts = both.reshape(-1, width // 2, 2, n_questions).transpose(2, 0, 3, 1)
        out = np.empty((*lefts.shape[:3], width), dtype=np.float32)
        out[..., 0::2] = lefts
        out[..., 1::2] = above - lefts
        return out

    def best(self, sums: Floats) -> tuple[Ints, Ints, Bools]:
        """Best split per question and node: column, last place that goes left, and whether there is one."""
        layout = self.layout
        if self.order is not None:
            flat = sums.reshape(2, -1, sums.shape[3])
            sums = flat.take(self.order.ravel(), axis=1).reshape(sums.shape)
        running = sums.cumsum(axis=1)
        starts = layout.starts
        widths = np.diff(starts)
        before = np.concatenate([np.zeros_like(running[:, :1]), running[:, starts[1:-1] - 1]], axis=1)
        total = running[:, starts[1] - 1].copy()
        running -= np.repeat(before, widths, axis=1)
        g_left, h_left = running
        g_right, h_right = total[0] - g_left, total[1] - h_left
        poor = (h_left < _MIN_WEIGHT) | (h_right < _MIN_WEIGHT)
        h_left += _PENALTY
        h_right += _PENALTY
        np.square(g_left, out=g_left)
        np.square(g_right, out=g_right)
        g_left /= h_left
        g_right /= h_right
        g_left += g_right
        g_left -= total[0] ** 2 / (total[1] + _PENALTY)
        g_left[poor] = 0.0
        best = g_left.argmax(axis=0)
        valid = np.take_along_axis(g_left, best[None], axis=0)[0] > _LEAST_GAIN
        column = layout.columns[best]
        return column, best - starts[column], valid


class QuestionBooster:
    """Boosted trees for `T` binary questions on binned columns.

    Parameters
    ----------
    n_rounds : int, optional
        Trees per question.
    learning_rate : float, optional
        As in gradient boosting.
    depth : int, optional
        Of every tree, at most 8.
    column_share : float, optional
        Share of the columns, drawn anew, that the trees of a round may ask (Friedman 2002): what one column hides another shows,
        and a round takes so much less time.
    random_state : int, optional
        Seed of the draws.

    Attributes
    ----------
    split_column_ : array
        T x rounds x inner nodes: the column asked.
    split_bins_ : array
        T x rounds x inner nodes: the set of bins that go left, as bits.
    leaf_value_ : array
        T x rounds x leaves, added to the log-odds.
    start_ : array
        T, log-odds before the first round.
    """

    def __init__(
        self,
        *,
        n_rounds: int = 40,
        learning_rate: float = 0.2,
        depth: int = 3,
        column_share: float = 1.0,
        random_state: int = 42,
    ) -> None:
        self.n_rounds = n_rounds
        self.learning_rate = learning_rate
        self.depth = depth
        self.column_share = column_share
        self.random_state = random_state

    def fit(
        self,
        bins: Bytes,
        ordered: Bools,
        answers: Floats,
        weights: Floats,
        prior: Floats | None = None,
    ) -> QuestionBooster:
        """Learn.

        Parameters
        ----------
        bins : Bytes
            n x d, values below 32.
        ordered : Bools
            d, whether the bins of a column have an order (a number) or not (a category).
        answers : Floats
            n x T of 0 and 1.
        weights : Floats
            n.
        prior : Floats, optional
            n x T, the log-odds to begin with; NaN in the columns of questions that begin with their rate of "yes".
        """
        n, n_questions = answers.shape
        layout = _Layout.of(bins)
        rate = np.clip((weights @ answers + 0.5) / (weights.sum() + 1.0), 1e-3, 1 - 1e-3)
        start = np.log(rate / (1 - rate))
        self.start_ = (start if prior is None else np.where(np.isnan(prior[0]), start, 0.0)).astype(
            np.float32
        )
        place = layout.places(ordered, answers, weights, rate)
        rng = np.random.default_rng(self.random_state)
        inner, leaves = 2**self.depth - 1, 2**self.depth
        self.split_column_ = np.zeros((n_questions, self.n_rounds, inner), dtype=np.int16)
        self.split_bins_ = np.full((n_questions, self.n_rounds, inner), 0xFFFFFFFF, dtype=np.uint32)
        self.leaf_value_ = np.zeros((n_questions, self.n_rounds, leaves), dtype=np.float32)
        score = np.repeat(self.start_[None, :], n, axis=0) + _begun(prior)
        question = np.arange(n_questions)[None, :]
        for r in range(self.n_rounds):
            p = 1.0 / (1.0 + np.exp(-score))
            gradient = ((answers - p) * weights[:, None]).astype(np.float32)
            curve = (np.maximum(p * (1 - p), 1e-6) * weights[:, None]).astype(np.float32)
            node = self._grow(r, bins, self._round(layout, place, ordered, (gradient, curve), rng))
            flat = (question * leaves + node).ravel()
            pull, weight = (np.bincount(flat, g.ravel(), n_questions * leaves) for g in (gradient, curve))
            newton = np.clip(pull / (weight + _PENALTY), -_LARGEST_STEP, _LARGEST_STEP)
            self.leaf_value_[:, r] = (self.learning_rate * newton).reshape(n_questions, leaves)
            score += self.leaf_value_[:, r][question, node]
        return self

    def _round(
        self,
        layout: _Layout,
        place: NDArray[np.int16],
        ordered: Bools,
        loss: tuple[Floats, Floats],
        rng: np.random.Generator,
    ) -> _Round:
        """The columns of a round; all of them are laid out once."""
        d = len(ordered)
        asked = np.arange(d)
        if self.column_share < 1.0:
            asked = np.sort(rng.choice(d, max(1, round(self.column_share * d)), replace=False))
            layout, place, ordered = layout.some(asked), place[asked], ordered[asked]
        order = None if ordered.all() else layout.cells(place)
        return _Round(layout, asked, place, order, *loss)

    def _grow(self, number: int, bins: Bytes, data: _Round) -> Ints:
        """Grow one tree per question, level by level; returns n x T, the leaf of every item."""
        n, n_questions = data.gradient.shape
        bits = (np.uint32(1) << np.arange(data.layout.n_bins, dtype=np.uint32)).astype(np.uint32)
        question = np.arange(n_questions)[None, :]
        node = np.zeros((n, n_questions), dtype=np.int64)
        above: Floats | None = None
        for level in range(self.depth):
            above = data.sums(node, level, above)
            column, chosen, valid = data.best(above)
            first, width = 2**level - 1, 2**level
            picked = data.place[column, :, np.arange(n_questions)[:, None]]
            column = data.asked[column]
            left = (picked <= chosen[..., None]) & valid[..., None]
            left |= ~valid[..., None]
            mask = (left * bits).sum(axis=-1, dtype=np.uint32)
            self.split_column_[:, number, first : first + width] = column
            self.split_bins_[:, number, first : first + width] = mask
            value = bins[np.arange(n)[:, None], column[question, node]].astype(np.uint32)
            node = node * 2 + (((mask[question, node] >> value) & 1) == 0)
        return node

    def log_odds(self, bins: Bytes, prior: Floats | None = None) -> Floats:
        """Log-odds of "yes", n x T.

        Parameters
        ----------
        bins : Bytes
            n x d, as in `fit`.
        prior : Floats, optional
            n x T, as in `fit`.
        """
        out = np.empty((len(bins), len(self.start_)), dtype=np.float32)
        for rows, value in self._steps(bins):
            # in double precision, so that an item's sum is the same whatever batch it is in
            out[rows] = (self.start_[:, None] + value.sum(axis=1, dtype=np.float64)).T
        out += _begun(prior)
        return out

    def losses(self, bins: Bytes, answers: Floats, weights: Floats, prior: Floats | None = None) -> Floats:
        """Sum of the logistic losses after none, one, two ... of the rounds, T x (rounds + 1).

        Parameters
        ----------
        bins : Bytes
            n x d, as in `fit`.
        answers : Floats
            n x T of 0 and 1.
        weights : Floats
            n.
        prior : Floats, optional
            n x T, as in `fit`.
        """
        n_questions, n_rounds = self.leaf_value_.shape[:2]
        out = np.zeros((n_questions, n_rounds + 1))
        begun = np.broadcast_to(_begun(prior), answers.shape)
        for rows, value in self._steps(bins):
            odds = np.empty((n_questions, n_rounds + 1, value.shape[2]), dtype=np.float32)
            odds[:, 0] = 0.0
            np.cumsum(value, axis=1, out=odds[:, 1:])
            odds += (self.start_ + begun[rows]).T[:, None, :]
            out += np.logaddexp(0.0, odds) @ weights[rows]
            out -= (odds @ (answers[rows] * weights[rows, None]).T[:, :, None])[:, :, 0]
        return out

    def stopped(self, rounds: Ints) -> QuestionBooster:
        """The booster as it was after some of its rounds.

        Parameters
        ----------
        rounds : Ints
            T, how many each question keeps.
        """
        other = copy(self)
        most = max(int(rounds.max(initial=0)), 1)
        late = np.arange(most) >= rounds[:, None]
        other.leaf_value_ = np.where(late[:, :, None], np.float32(0.0), self.leaf_value_[:, :most])
        other.split_column_ = np.ascontiguousarray(self.split_column_[:, :most])
        other.split_bins_ = np.ascontiguousarray(self.split_bins_[:, :most])
        return other

    def of(self, questions: Ints) -> QuestionBooster:
        """The booster of some of its questions.

        Parameters
        ----------
        questions : Ints
            Their places.
        """
        other = copy(self)
        for name in ("start_", "split_column_", "split_bins_", "leaf_value_"):
            setattr(other, name, np.ascontiguousarray(getattr(self, name)[questions]))
        return other

    def _steps(self, bins: Bytes) -> Iterator[tuple[slice, Floats]]:
        """What every tree adds to the log-odds, T x rounds x items, some items at once."""
        n = len(bins)
        n_questions, n_rounds, inner = self.split_column_.shape
        n_trees = n_questions * n_rounds
        columns = np.ascontiguousarray(self.split_column_.reshape(n_trees, inner).T.astype(np.int64))
        masks = np.ascontiguousarray(self.split_bins_.reshape(n_trees, inner).T)
        leaves = self.leaf_value_.ravel()
        first_leaf = np.arange(0, len(leaves), 2**self.depth)[:, None]
        by_column = np.ascontiguousarray(bins.T)
        step = max(1, _MOST_CELLS // max(n_trees, 1))
        for start in range(0, n, step):
            leaf = first_leaf + self._leaves(by_column[:, start : start + step], columns, masks)
            yield slice(start, start + step), leaves.take(leaf).reshape(n_questions, n_rounds, -1)

    def _leaves(self, part: Bytes, columns: Ints, masks: NDArray[np.uint32]) -> Bytes:
        """Trees x items: the leaf of every item; `part`: columns x items, `columns` and `masks`: nodes x trees.

        Every node is asked of every item, and the answers off the item's path are dropped: that is one pass over whole rows for each
        node, where walking down looks up single cells.
        """
        path: list[Bools] = []
        leaf = np.zeros((columns.shape[1], part.shape[1]), dtype=np.uint8)
        for level in range(self.depth):
            first = 2**level - 1
            answers = [
                ((masks[at][:, None] >> part[columns[at]]) & 1) == 0 for at in range(first, first + 2**level)
            ]
            for right in reversed(path):
                pairs = zip(answers[::2], answers[1::2], strict=True)
                answers = [one ^ ((one ^ other) & right) for one, other in pairs]
            path.append(answers[0])
            leaf = leaf * 2 + answers[0]
        return leaf


def _begun(prior: Floats | None) -> Floats:
    """What a prior adds to the log-odds, n x T: nothing for questions that have none."""
    return np.zeros((1, 1), np.float32) if prior is None else np.nan_to_num(prior, nan=0.0)
