"""What an item's size, family and material make of a job's usual time: the parametric part of a time estimate.

In logarithms a time is a sum: the job's usual time, an exponent times the item's size, what the family adds on that line
of machines, what a material adds there. Planners' time formulas have this form (cutting time is a product of powers of
dimensions and of a factor of the material), and so have multilevel regressions (Gelman and Hill 2007): every term is
shrunk towards the more general one, the job's exponent towards its line's, the line's towards the plant's, so that few
reports are enough. Trees come to such a sum in steps and need many items for it; they get what no term says
(`operation_times`).

Which number is the size differs by family: a ring's outer diameter, a seal's size, a length that stands in a text. It is
the number whose logarithm goes most with the family's times. An item that lacks it gets the one that its other
attributes tell.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from routing_etl.model.attributes.tokens import TokenTable
from routing_etl.model.base.arrays import Bools, Floats, Ints
from routing_etl.model.base.boosted import Boosted
from routing_etl.model.base.threads import one_thread
from routing_etl.model.times.timed import TimedOperations

#: Least items of a family, and least items that fill a number, for it to be the family's size.
_LEAST_ITEMS = 30
#: Least R squared for a number to count as a family's size: 0.01, or 12/n if larger (the best of fifty random numbers
#: stays below that).
_LEAST_SHARE = 0.01
_BEYOND_CHANCE = 12.0
#: A number that differs by less than this in the middle four fifths of a family (in logarithms) is no size.
_LEAST_WIDTH = 0.05
#: Sizes beyond these quantiles of the family are clipped to them: an entry error must not become an extreme time.
_EDGE = 0.002
#: A number is missing together with another when its fill rate where the other is missing is below a tenth of its fill
#: rate where the other is there.
_TOGETHER = 0.1
#: Stands for a missing number.
_ABSENT = -1e9
#: Least and most items with a size that teach the model of a missing size, and items that all its trees need.
_LEAST_KNOWN, _MOST_KNOWN = 100, 20_000
_ALL_TREES = 5_000
#: Shrinkage towards the more general term, as a number of reports: of an effect, and of an exponent (there times the square
#: of the size).
_EFFECT_PRIOR = 3.0
_EXPONENT_PRIOR = 2.0
#: Most attributes that act by line, and least share of the remaining variance that each must explain.
_MOST_LEVELS = 4
_LEAST_GAIN = 0.003
_CHOICE_ROWS = 60_000
#: Rounds in which every term is fitted to what the others leave (backfitting, Buja, Hastie and Tibshirani 1989).
_ROUNDS = 3


class ItemSize:
    """The size of items, as a logarithm relative to their family: 0 for the family's mean item.

    It is scaled by the family's own exponent, so that an exponent of 1 is that of the family's average job.

    Attributes
    ----------
    column_ : Ints
        Per family the column of the numbers that is its size, -1 for none.
    items_ : collections.Counter
        Training items per column.
    """

    def __init__(self, *, random_state: int = 42) -> None:
        self.random_state = random_state

    def fit(
        self,
        numbers: Floats,
        others: Floats,
        family: Ints,
        value: Floats,
        weight: Floats,
    ) -> ItemSize:
        """Choose each family's size.

        Parameters
        ----------
        numbers : Floats
            Items x numbers, NaN where missing.
        others : Floats
            Items x columns, the other attributes, filled.
        family : Ints
            Per item.
        value : Floats
            Per item the mean of ln(time) of its operations, each less what its job and family take on average.
        weight : Floats
            Per item, how much its value counts; 0: it has no time.
        """
        n_families = int(family.max()) + 1
        logs = _logs(numbers)
        self.column_ = np.full(n_families, -1, dtype=np.int64)
        self.mean_, self.scale_, self.low_, self.high_ = np.zeros((4, n_families))
        for f in range(n_families):
            rows = np.flatnonzero((family == f) & (weight > 0))
            if len(rows) >= _LEAST_ITEMS:
                self._choose(f, logs[rows], value[rows], weight[rows])
        self.items_ = Counter(self.column_[family].tolist())
        self._fit_teller(numbers, others, family)
        return self

    def _fit_teller(self, numbers: Floats, others: Floats, family: Ints) -> None:
        """Learn to tell a size that is missing, from items that state it as if they did not."""
        from sklearn.ensemble import HistGradientBoostingRegressor

        self.teller_: Boosted | None = None
        size, known = self._stated(numbers, family)
        rows = np.flatnonzero(known)
        if len(rows) < _LEAST_KNOWN:
            return
        self.hidden_ = {int(c): _missing_together(numbers, int(c)) for c in np.unique(self.column_) if c >= 0}
        if len(rows) > _MOST_KNOWN:
            rng = np.random.default_rng(self.random_state)
            rows = np.sort(rng.choice(rows, _MOST_KNOWN, replace=False))
        teller = HistGradientBoostingRegressor(
            max_iter=int(100 * np.clip(len(rows) / _ALL_TREES, 0.3, 1.0)), max_leaf_nodes=24, min_samples_leaf=10,
            max_bins=63, early_stopping=False, random_state=self.random_state,
        )  # fmt: skip
        with one_thread("openmp"):
            taught = teller.fit(self._asked(numbers[rows], others[rows], family[rows]), size[rows])
        self.teller_ = Boosted(taught)

    def _asked(self, numbers: Floats, others: Floats, family: Ints) -> Floats:
        """What the teller is asked: everything but the size, and what is missing with it."""
        # A value of its own for what is missing: scikit-learn fails on a column of nothing but NaN.
        shown = np.nan_to_num(numbers.astype(np.float32), nan=_ABSENT)
        for column, hidden in self.hidden_.items():
            shown[np.ix_(self.column_[family] == column, hidden)] = _ABSENT
        return np.column_stack([shown, others, family]).astype(np.float32)

    def _choose(self, family: int, logs: Floats, value: Floats, weight: Floats) -> None:
        """The column whose line through the family's times leaves least."""
        whole = float((weight * (value - np.average(value, weights=weight)) ** 2).sum())
        most = max(_LEAST_SHARE, _BEYOND_CHANCE / len(value)) * whole
        for column in range(logs.shape[1]):
            filled = np.isfinite(logs[:, column])
            if filled.sum() < _LEAST_ITEMS:
                continue
            x, y, w = logs[filled, column], value[filled], weight[filled]
            low, tenth, last_tenth, high = np.quantile(x, [_EDGE, 0.1, 0.9, 1.0 - _EDGE])
            if last_tenth - tenth < _LEAST_WIDTH:
                continue
            x = np.clip(x, low, high)
            mean = float(np.average(x, weights=w))
            together = float((w * (x - mean) * (y - np.average(y, weights=w))).sum())
            spread = float((w * (x - mean) ** 2).sum())
            if together**2 / spread > most:
                most = together**2 / spread
                self.column_[family], self.mean_[family] = column, mean
                self.low_[family], self.high_[family] = low, high
                self.scale_[family] = together / (spread + _EXPONENT_PRIOR)

    def _stated(self, numbers: Floats, family: Ints) -> tuple[Floats, Bools]:
        """Sizes from the items' own numbers, and which items have one."""
        column = self.column_[family]
        if not numbers.shape[1]:
            return np.zeros(len(family)), np.zeros(len(family), dtype=bool)
        log = _logs(numbers[np.arange(len(numbers)), np.maximum(column, 0)])
        known = (column >= 0) & np.isfinite(log)
        size = (np.clip(log, self.low_[family], self.high_[family]) - self.mean_[family]) * self.scale_[
            family
        ]
        return np.where(known, size, 0.0), known

    def of(self, numbers: Floats, others: Floats, family: Ints) -> Floats:
        """Size of every item; 0 in a family without a size, or that no training item has.

        Parameters
        ----------
        numbers : Floats
            As in `fit`.
        others : Floats
            As in `fit`.
        family : Ints
            As in `fit`.
        """
        strange = family >= len(self.column_)
        if strange.any():
            size: Floats = np.zeros(len(family))
            size[~strange] = self.of(numbers[~strange], others[~strange], family[~strange])
            return size
        size, known = self._stated(numbers, family)
        missing = np.flatnonzero(~known & (self.column_[family] >= 0))
        if len(missing) and self.teller_ is not None:
            asked = self._asked(numbers[missing], others[missing], family[missing])
            size[missing] = self.teller_.predict(asked)
        return size


class TimeEffects:
    """Exponents of the size per job, and effects of family and attributes on ln(time), by line and by job.

    Parameters
    ----------
    line_of_job : Ints
        Number of every job's line of machines, 0 for none.
    random_state : int, optional
        Seed of the operations by which levels are chosen.

    Attributes
    ----------
    exponent_ : Floats
        Per job.
    levels_ : tuple of str
        The attribute levels that act by line, strongest first.
    """

    def __init__(self, line_of_job: Ints, *, random_state: int = 42) -> None:
        self.line_of_job = line_of_job
        self.random_state = random_state
        self.n_lines_ = int(line_of_job.max(initial=0)) + 1

    def within_family(self, known: TimedOperations, family: Ints) -> Floats:
        """Values less what the family takes on the line, and then on the job.

        Parameters
        ----------
        known : TimedOperations
            Operations with their values.
        family : Ints
            Per operation.
        """
        rest: Floats = known.value
        for group in self._of_family(family, known.job):
            rest = rest - _effect(np.unique(group, return_inverse=True)[1], rest, known.weight)
        return rest

    def fit(
        self,
        known: TimedOperations,
        table: TokenTable,
        size: Floats,
        family: Ints,
        folds: Ints,
    ) -> Floats:
        """Learn from `known`, whose values are relative to the jobs' usual times.

        Parameters
        ----------
        known : TimedOperations
            Operations of training items.
        table : TokenTable
            The coded training items.
        size : Floats
            Per training item.
        family : Ints
            Per training item.
        folds : Ints
            Per training item.

        Returns
        -------
        Floats
            The effects (without the size's) of every operation, learned from the other folds' items.
        """
        weight, here = known.weight, family[known.label]
        rest = self.within_family(known, here)
        x = size[known.label]
        scaled = self._exponents(known, x, rest)[known.job] * x
        self.levels_ = self._choose(known, table, folds, rest - scaled)
        groups = [*self._of_family(here, known.job), *self._of_levels(table, known.label, known.job)]
        coded = [np.unique(group, return_inverse=True) for group in groups]
        effects: list[Floats] = [np.zeros(len(rest)) for _ in coded]
        honest = np.zeros(len(rest))
        for last in [False] * (_ROUNDS - 1) + [True]:
            for i, (keys, code) in enumerate(coded):
                left = known.value - scaled - sum(effects) + effects[i]
                effects[i] = _effect(code, left, weight)
                if last:
                    honest += _out_of_fold(code, left, weight, folds[known.label], len(keys))
            if not last:
                self.exponent_ = self._exponents(known, x, known.value - sum(effects))
                scaled = self.exponent_[known.job] * x
        self.tables_ = []
        for (keys, code), effect in zip(coded, effects, strict=True):
            means = np.zeros(len(keys))
            means[code] = effect
            self.tables_.append((keys, means))
        return honest

    def predict(
        self, job: Ints, row: Ints, table: TokenTable, size: Floats, family: Ints
    ) -> tuple[Floats, Floats]:
        """Of every operation what its item's size adds to ln(time), and what family and attributes add.

        Parameters
        ----------
        job : Ints
            Job of every operation.
        row : Ints
            Item of every operation, a row of the following.
        table : TokenTable
            The coded items.
        size : Floats
            Per item.
        family : Ints
            Per item.
        """
        groups = [*self._of_family(family[row], job), *self._of_levels(table, row, job)]
        effect = np.zeros(len(job))
        for (keys, means), group in zip(self.tables_, groups, strict=True):
            if len(keys):
                place = np.minimum(np.searchsorted(keys, group), len(keys) - 1)
                effect += np.where(keys[place] == group, means[place], 0.0)
        return self.exponent_[job] * size[row], effect

    def _of_family(self, family: Ints, job: Ints) -> tuple[Ints, Ints]:
        """Numbers of the pairs of family and line, and of family and job."""
        return family * self.n_lines_ + self.line_of_job[job], family * len(self.line_of_job) + job

    def _of_levels(self, table: TokenTable, row: Ints, job: Ints) -> list[Ints]:
        """Numbers of the pairs of token and line, per level."""
        line = self.line_of_job[job]
        return [self._by_line(table, name, row, line) for name in self.levels_]

    def _by_line(self, table: TokenTable, level: str, row: Ints, line: Ints) -> Ints:
        return (table.codes[level][row].astype(np.int64) + 1) * self.n_lines_ + line

    def _exponents(self, known: TimedOperations, size: Floats, left: Floats) -> Floats:
        """Exponent of the size per job: least squares, shrunk towards the line's, which is towards the plant's."""
        n_jobs = len(self.line_of_job)
        square, product = known.weight * size**2, known.weight * size * left
        plant = product.sum() / (square.sum() + 1.0)
        line = self.line_of_job[known.job]
        of_line = (np.bincount(line, product, self.n_lines_) + _EXPONENT_PRIOR * plant) / (
            np.bincount(line, square, self.n_lines_) + _EXPONENT_PRIOR
        )
        return np.asarray(
            (np.bincount(known.job, product, n_jobs) + _EXPONENT_PRIOR * of_line[self.line_of_job])
            / (np.bincount(known.job, square, n_jobs) + _EXPONENT_PRIOR)
        )

    def _choose(
        self, known: TimedOperations, table: TokenTable, folds: Ints, rest: Floats
    ) -> tuple[str, ...]:
        """The levels whose tokens, by line, tell most about items of other folds; one after the other."""
        rows = np.arange(len(rest))
        if len(rows) > _CHOICE_ROWS:
            rows = np.sort(np.random.default_rng(self.random_state).choice(rows, _CHOICE_ROWS, replace=False))
        label, weight, left = known.label[rows], known.weight[rows], rest[rows]
        line, fold = self.line_of_job[known.job[rows]], folds[label]
        codes = {}
        for name in table.codes:
            keys, code = np.unique(self._by_line(table, name, label, line), return_inverse=True)
            codes[name] = (len(keys), code.astype(np.int32))
        chosen: list[str] = []
        while len(chosen) < _MOST_LEVELS and codes:
            before = float((weight * left**2).sum())
            after = {
                name: float((weight * (left - _out_of_fold(code, left, weight, fold, width)) ** 2).sum())
                for name, (width, code) in codes.items()
            }
            best = min(after, key=lambda name: (after[name], name))
            if before - after[best] <= _LEAST_GAIN * before:
                break
            chosen.append(best)
            left = left - _effect(codes.pop(best)[1], left, weight)
        return tuple(chosen)


def _missing_together(numbers: Floats, column: int) -> Ints:
    """The columns that are hardly ever there where `column` is missing: itself, and what is computed from it."""
    there = np.isfinite(numbers)
    missing = ~there[:, column]
    if not missing.any():
        return np.array([column])
    return np.flatnonzero(there[missing].mean(axis=0) < _TOGETHER * there[~missing].mean(axis=0) + 1e-12)


def _logs(numbers: Floats) -> Floats:
    """Logarithms; NaN where a number is missing or not above 0."""
    there = np.isfinite(numbers) & (numbers > 0)
    return np.where(there, np.log(np.where(there, numbers, 1.0)), np.nan)


def _effect(code: NDArray[Any], left: Floats, weight: Floats) -> Floats:
    """Weighted mean of each row's group, shrunk to 0."""
    means = np.bincount(code, weight * left) / (np.bincount(code, weight) + _EFFECT_PRIOR)
    return np.asarray(means[code])


def _out_of_fold(code: NDArray[Any], left: Floats, weight: Floats, fold: Ints, width: int) -> Floats:
    """The same from the rows of other folds."""
    n_folds = int(fold.max()) + 1 if len(fold) else 1
    cell = code * np.int64(n_folds) + fold
    sums = np.bincount(cell, weight * left, width * n_folds).reshape(width, n_folds)
    counts = np.bincount(cell, weight, width * n_folds).reshape(width, n_folds)
    others = sums.sum(axis=1, keepdims=True) - sums
    means = others / (counts.sum(axis=1, keepdims=True) - counts + _EFFECT_PRIOR)
    return np.asarray(means[code, fold])
