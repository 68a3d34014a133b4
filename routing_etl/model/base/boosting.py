"""Boosted trees for many yes/no questions about the same items at once.

Which operations an item needs are a dozen such questions per family of parts, each decided by a few attributes of its
own. One shared tree would cut the items into ever smaller cells to answer all of them; one booster per question costs a
thousand fits. Here all questions are boosted together: the histograms of all trees of a round are one matrix product
(binned items x gradients), everything else is vectorised over questions. Newton boosting with logistic loss
(Friedman 2001), trees of fixed depth, a split is a set of bins, so that categories need no order of their own: per
question they are ordered by their rate of "yes" (Fisher 1958).

What belongs here: binned columns in, probabilities out. What does not: what the columns or questions mean.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from routing_etl.model.base.arrays import Bools, Bytes, Floats, Ints

MAX_BINS = 32


class QuestionBooster:
    """Boosted trees for `T` binary questions on binned columns.

    Parameters
    ----------
    n_rounds, learning_rate, depth: as in gradient boosting. penalty: added to the sum of weights in a leaf.
    min_weight: least sum of p(1-p) on each side of a split.

    Attributes
    ----------
    split_column_, split_bins_: T x rounds x inner nodes: column asked, and the set of bins that go left, as bits.
    leaf_value_: T x rounds x leaves, added to the log-odds. start_: T.
    """

    def __init__(
        self,
        *,
        n_rounds: int = 40,
        learning_rate: float = 0.2,
        depth: int = 3,
        penalty: float = 1.0,
        min_weight: float = 0.5,
    ) -> None:
        self.n_rounds = n_rounds
        self.learning_rate = learning_rate
        self.depth = depth
        self.penalty = penalty
        self.min_weight = min_weight

    def fit(self, bins: Bytes, ordered: Bools, answers: Floats, weights: Floats) -> QuestionBooster:
        """Learn.

        Parameters
        ----------
        bins: n x d, values below 32. ordered: d, whether the bins have an order (a number) or not (a category).
        answers: n x T of 0 and 1. weights: n.
        """
        n, d = bins.shape
        n_questions = answers.shape[1]
        widths = bins.max(axis=0).astype(np.int64) + 1 if n else np.ones(d, np.int64)
        starts = np.concatenate([[0], np.cumsum(widths)])
        hot = np.zeros((n, int(starts[-1])), dtype=np.float32)
        hot[np.arange(n)[:, None], starts[:-1][None, :] + bins] = 1.0
        self._depth_bins = int(widths.max()) if d else 1
        self._columns = np.repeat(np.arange(d), widths)
        self._bin = np.arange(int(starts[-1])) - np.repeat(starts[:-1], widths)
        rate = np.clip((weights @ answers + 0.5) / (weights.sum() + 1.0), 1e-3, 1 - 1e-3)
        self.start_ = np.log(rate / (1 - rate)).astype(np.float32)
        place = self._order(hot, ordered, answers, weights, rate, d)
        order = None
        if not ordered.all():
            # Row of the compact table that stands at every place: the inverse of `place` inside each column.
            at = starts[self._columns][:, None] + place[self._columns, self._bin]
            order = np.empty_like(at)
            np.put_along_axis(order, at, np.arange(len(at))[:, None], axis=0)
            order = order * n_questions + np.arange(n_questions)
        bits = (np.uint32(1) << np.arange(self._depth_bins, dtype=np.uint32)).astype(np.uint32)
        inner, leaves = 2**self.depth - 1, 2**self.depth
        self.split_column_ = np.zeros((n_questions, self.n_rounds, inner), dtype=np.int16)
        self.split_bins_ = np.full((n_questions, self.n_rounds, inner), 0xFFFFFFFF, dtype=np.uint32)
        self.leaf_value_ = np.zeros((n_questions, self.n_rounds, leaves), dtype=np.float32)
        score = np.repeat(self.start_[None, :], n, axis=0)
        question = np.arange(n_questions)[None, :]
        for r in range(self.n_rounds):
            p = 1.0 / (1.0 + np.exp(-score))
            gradient = ((answers - p) * weights[:, None]).astype(np.float32)
            curve = (np.maximum(p * (1 - p), 1e-6) * weights[:, None]).astype(np.float32)
            node = np.zeros((n, n_questions), dtype=np.int64)
            above: Floats | None = None
            for level in range(self.depth):
                sums = self._sums(hot, gradient, curve, node, level, above)
                column, chosen, valid = self._best(sums, order, starts)
                first = 2**level - 1
                width = 2**level
                picked = place[column, :, np.arange(n_questions)[:, None]]
                left = (picked <= chosen[..., None]) & valid[..., None]
                left |= ~valid[..., None]
                mask = (left * bits).sum(axis=-1, dtype=np.uint32)
                self.split_column_[:, r, first : first + width] = column
                self.split_bins_[:, r, first : first + width] = mask
                asked = column[question, node]
                value = bins[np.arange(n)[:, None], asked].astype(np.uint32)
                right = ((mask[question, node] >> value) & 1) == 0
                node = node * 2 + right
                above = sums
            total = np.zeros((2, n_questions * leaves), dtype=np.float64)
            flat = (question * leaves + node).ravel()
            total[0] = np.bincount(flat, gradient.ravel(), n_questions * leaves)
            total[1] = np.bincount(flat, curve.ravel(), n_questions * leaves)
            value = (self.learning_rate * total[0] / (total[1] + self.penalty)).reshape(n_questions, leaves)
            self.leaf_value_[:, r] = value
            score += self.leaf_value_[:, r][question, node]
        del self._columns, self._bin, self._depth_bins
        return self

    def _order(
        self,
        hot: Floats,
        ordered: Bools,
        answers: Floats,
        weights: Floats,
        rate: Floats,
        d: int,
    ) -> NDArray[np.int16]:
        """Place of every bin in the order in which splits are sought: columns x bins x questions."""
        n_questions = answers.shape[1]
        places = self._depth_bins
        place = np.repeat(np.arange(places, dtype=np.int16)[None, :, None], d, axis=0)
        place = np.repeat(place, n_questions, axis=2)
        if ordered.all():
            return place
        count = hot.T @ weights
        yes = hot.T @ (answers * weights[:, None])
        smooth = (yes + 2.0 * rate) / (count + 2.0)[:, None]
        padded = np.full((d, places, n_questions), np.inf, dtype=np.float32)
        padded[self._columns, self._bin] = smooth
        order = np.argsort(padded, axis=1, kind="stable")
        ranks = np.empty_like(order)
        np.put_along_axis(ranks, order, np.arange(places)[None, :, None], axis=1)
        place[~ordered] = ranks[~ordered].astype(np.int16)
        return place

    def _sums(
        self,
        hot: Floats,
        gradient: Floats,
        curve: Floats,
        node: Ints,
        level: int,
        above: Floats | None,
    ) -> Floats:
        """Sums of gradient and curvature: 2 x bins of all columns x questions x nodes of this level."""
        n_questions = gradient.shape[1]
        if above is None:
            both = hot.T @ np.hstack([gradient, curve])
            return np.asarray(both.reshape(-1, 2, n_questions, 1).transpose(1, 0, 2, 3))
        width = 2**level
        parts = []
        for even in range(0, width, 2):
            here = node == even
            parts += [gradient * here, curve * here]
        both = hot.T @ np.hstack(parts)
        lefts = both.reshape(-1, width // 2, 2, n_questions).transpose(2, 0, 3, 1)
        out = np.empty((*lefts.shape[:3], width), dtype=np.float32)
        out[..., 0::2] = lefts
        out[..., 1::2] = above - lefts
        return out

    def _best(self, sums: Floats, order: Ints | None, starts: Ints) -> tuple[Ints, Ints, Bools]:
        """Best split per question and node: column, last place that goes left, and whether there is one.

        `order`: bins x questions, which cell (bin x questions + question) stands at each place; None when all do.
        """
        if order is not None:
            flat = sums.reshape(2, -1, sums.shape[3])
            sums = flat.take(order.ravel(), axis=1).reshape(sums.shape)
        running = sums.cumsum(axis=1)
        widths = np.diff(starts)
        before = np.concatenate([np.zeros_like(running[:, :1]), running[:, starts[1:-1] - 1]], axis=1)
        total = running[:, starts[1] - 1].copy()
        running -= np.repeat(before, widths, axis=1)
        g_left, h_left = running
        g_right, h_right = total[0] - g_left, total[1] - h_left
        poor = (h_left < self.min_weight) | (h_right < self.min_weight)
        h_left += self.penalty
        h_right += self.penalty
        np.square(g_left, out=g_left)
        np.square(g_right, out=g_right)
        g_left /= h_left
        g_right /= h_right
        g_left += g_right
        g_left -= total[0] ** 2 / (total[1] + self.penalty)
        g_left[poor] = 0.0
        best = g_left.argmax(axis=0)
        valid = np.take_along_axis(g_left, best[None], axis=0)[0] > 1e-4
        column = self._columns[best]
        return column, best - starts[column], valid

    def log_odds(self, bins: Bytes) -> Floats:
        """n x T log-odds of "yes"."""
        n = len(bins)
        out = np.empty((n, len(self.start_)), dtype=np.float32)
        n_questions, n_rounds, inner = self.split_column_.shape
        columns = self.split_column_.reshape(n_questions * n_rounds, inner).astype(np.int64)
        masks = self.split_bins_.reshape(n_questions * n_rounds, inner)
        leaves = self.leaf_value_.reshape(n_questions * n_rounds, -1)
        tree = np.arange(n_questions * n_rounds)[None, :]
        step = max(1, 2_000_000 // max(n_questions * n_rounds, 1))
        for start in range(0, n, step):
            part = bins[start : start + step]
            row = np.arange(len(part))[:, None]
            node = np.zeros((len(part), n_questions * n_rounds), dtype=np.int64)
            for level in range(self.depth):
                at = node + (2**level - 1)
                value = part[row, columns[tree, at]].astype(np.uint32)
                node = node * 2 + (((masks[tree, at] >> value) & 1) == 0)
            added = leaves[tree, node].reshape(len(part), n_questions, n_rounds).sum(axis=2)
            out[start : start + step] = self.start_[None, :] + added
        return out
