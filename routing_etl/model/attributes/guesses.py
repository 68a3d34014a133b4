"""Sizes that stand nowhere: what the other attributes suggest, for the learner alone.

Whether a part is turned twice hangs on its diameter. Where neither the column nor a text tells it, other things do in part. The
items of the same drawing do, routed or not: where items of one design have one size in this plant, it is theirs unless they differ.
Else one boosting per measure learns from the items whose size is known what the drawing, the seal's size and the other dimensions tell. The
learner gets a column more: the size where it is known, else the guess. The column without guesses stays beside it, so that the
learner can tell the two apart. A guess is never published, and never becomes a size.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from joblib import Parallel, delayed

from routing_etl.model.base.arrays import Bools, Codes, Floats, Ints
from routing_etl.model.base.boosted import Boosted
from routing_etl.model.base.threads import one_thread

#: A measure is guessed if so many items have it, so large a share has not, and guesses of items left out explain so much of it.
_LEAST_KNOWN, _LEAST_MISSING, _LEAST_EXPLAINED = 200, 0.005, 0.3
#: Items with a size that teach a boosting.
_MOST_ROWS = 10_000
#: Levels whose mean size is read, and the least share of the spread that each must explain out of fold.
_MOST_LEVELS, _LEAST_GAIN = 10, 0.05
#: Sizes within 1 % are one. Items of one design have one size in a plant where in this share of the cases an item's is that of
#: its siblings, and so much of the way from chance to all cases; so many designs of several items with a size must show it.
_SAME, _ALIKE, _BEYOND_CHANCE, _LEAST_DESIGNS = 0.01, 0.9, 0.8, 30
#: Items with the mean size that shrink the mean of a value.
_SHRINK = 1.0
_TREES, _LEARNING_RATE, _LEAVES, _LEAST_LEAF = 100, 0.1, 15, 10


@dataclass(frozen=True)
class NumberColumns:
    """Columns of numbers, items x columns, and by which of them sizes are guessed.

    Attributes
    ----------
    values : Floats
        NaN where missing.
    measures : tuple of str
        Names of the columns that are sizes, the first ones.
    told : Ints
        Columns that may tell a size: sizes and numbers of texts, and no column made of other columns.
    """

    values: Floats
    measures: tuple[str, ...]
    told: Ints


@dataclass(frozen=True)
class DesignSizes:
    """The items that a model is given, routed or waiting for a routing, by the attributes that name a design.

    Attributes
    ----------
    codes : mapping of str to Codes
        Attribute -> value of every item, -1 for a missing one or one of too many items.
    values : Floats
        Items x measures, NaN where missing.
    """

    codes: Mapping[str, Codes]
    values: Floats

    @classmethod
    def none(cls) -> DesignSizes:
        """No attribute names a design."""
        return cls({}, np.empty((0, 0), np.float32))


@dataclass(frozen=True)
class _Shared:
    """One attribute whose items of one value have one size.

    `sizes`: of every value, or its logarithm; NaN where no item has a size or two differ, and at the end. `alike`: share of the
    items with siblings whose size is theirs.
    """

    sizes: Floats
    alike: float


@dataclass(frozen=True)
class _Boosting:
    """What tells a size where neither the item nor its design does.

    `numbers`: the columns asked; `levels`: per level the mean size and ln(1 + items) of every value, a row for an unknown one at the
    end; `off`: typical error on items left out, a factor less one for logarithms.
    """

    numbers: Ints
    levels: Mapping[str, Floats]
    model: Boosted
    off: float


@dataclass(frozen=True)
class _Guess:
    """How one measure is guessed.

    `place`: its column; `designs`: per attribute that tells it, the surest first.
    """

    measure: str
    place: int
    in_logs: bool
    designs: Mapping[str, _Shared]
    boosting: _Boosting | None

    def by_design(self, designs: Mapping[str, Codes], n: int) -> Floats:
        """The size of every item's design, or its logarithm; NaN for none."""
        out = np.full(n, np.nan, dtype=np.float32)
        for name, shared in self.designs.items():
            out = np.where(np.isnan(out), shared.sizes[designs[name]], out)
        return out

    def of(self, values: Floats, codes: Mapping[str, Codes], designs: Mapping[str, Codes]) -> Floats:
        """The guess for every item, NaN for none."""
        out = self.by_design(designs, len(values))
        rest = np.flatnonzero(np.isnan(out))
        if self.boosting is not None and len(rest):
            read = [values[np.ix_(rest, self.boosting.numbers)]]
            read += [table[codes[name][rest]] for name, table in self.boosting.levels.items()]
            out[rest] = self.boosting.model.predict(np.hstack(read))
        return np.exp(out) if self.in_logs else out

    def told(self, off: float) -> str:
        """Words for the model's notes."""
        return f"{self.measure} {100 * off:.0f} %" if self.in_logs else f"{self.measure} {off:.3g}"


@dataclass
class SizeGuesses:
    """Learns to guess missing sizes, and guesses them.

    Attributes
    ----------
    guesses : list
        One for each measure that can be guessed.
    """

    guesses: list[_Guess] = field(default_factory=list)

    @property
    def measures(self) -> list[str]:
        """Names of the measures that are guessed."""
        return [g.measure for g in self.guesses]

    def told(self) -> list[str]:
        """A sentence for the model's notes, none without guesses."""
        if not self.guesses:
            return []
        said = []
        for name in self.designs:
            shown = ", ".join(
                f"{g.measure} in {100 * g.designs[name].alike:.0f} of 100"
                for g in self.guesses
                if name in g.designs
            )
            said.append(
                f"Where neither column, text nor code tells a size, routings are learned and predicted with that of other items with the same {name},"
                f" routed or not, unless these differ; it is not published. Items with siblings have their size: {shown} cases."
            )
        boosted = [(g, g.boosting) for g in self.guesses if g.boosting is not None]
        off = ", ".join(guess.told(boosting.off) for guess, boosting in boosted)
        if off:
            said.append(
                "Where no item of the same design tells a size either, routings are learned and predicted with a guess by other attributes, which is"
                f" not published. Half of the guesses for items left out are off by less than: {off}."
            )
        return said

    def fit(
        self,
        columns: NumberColumns,
        codes: Mapping[str, Codes],
        folds: Ints,
        seed: int,
        designs: DesignSizes | None = None,
    ) -> SizeGuesses:
        """Learn from the items whose size is known.

        Parameters
        ----------
        columns : NumberColumns
            The items' numbers.
        codes : mapping of str to Codes
            Level -> value of every item, -1 unknown.
        folds : Ints
            Fold of every item, 0 among them.
        seed : int
            Seed of the items drawn.
        designs : DesignSizes, optional
            The items, and those that wait for a routing, by design.
        """
        by_design = designs or DesignSizes.none()
        found = Parallel(prefer="threads")(
            delayed(_learned)(columns, place, codes, folds, seed, by_design)
            for place in range(len(columns.measures))
        )
        self.guesses = [g for g in found if g is not None]
        return self

    @property
    def designs(self) -> list[str]:
        """Attributes by which sizes are guessed because items of one value have one size."""
        return sorted({name for g in self.guesses for name in g.designs})

    def known(self, values: Floats, designs: Mapping[str, Codes], measures: int) -> Bools:
        """Items x measures: whether the size is known, from the item itself or from its design.

        Parameters
        ----------
        values : Floats
            The items' numbers, the measures first.
        designs : mapping of str to Codes
            As in `filled`.
        measures : int
            Number of measures.
        """
        out: Bools = ~np.isnan(values[:, :measures])
        for guess in self.guesses:
            out[:, guess.place] |= ~np.isnan(guess.by_design(designs, len(values)))
        return out

    def filled(self, values: Floats, codes: Mapping[str, Codes], designs: Mapping[str, Codes]) -> Floats:
        """Items x guessed measures: the size, or the guess where it is missing.

        Parameters
        ----------
        values : Floats
            The items' numbers, columns as in `fit`.
        codes : mapping of str to Codes
            Level -> value of every item.
        designs : mapping of str to Codes
            The same of `designs`, coded as for `DesignSizes`.
        """
        out = np.empty((len(values), len(self.guesses)), dtype=np.float32)
        for column, guess in enumerate(self.guesses):
            out[:, column] = values[:, guess.place]
            missing = np.flatnonzero(np.isnan(out[:, column]))
            if len(missing):
                by_design = {name: designs[name][missing] for name in guess.designs}
                levels = guess.boosting.levels if guess.boosting else ()
                here = {name: codes[name][missing] for name in levels}
                out[missing, column] = guess.of(values[missing], here, by_design)
        return out


def _learned(
    columns: NumberColumns,
    place: int,
    codes: Mapping[str, Codes],
    folds: Ints,
    seed: int,
    designs: DesignSizes,
) -> _Guess | None:
    """How one measure is guessed, None if it cannot be or need not."""
    size = columns.values[:, place].astype(np.float64)
    known = size[np.isfinite(size)]
    everywhere = designs.values[:, place] if designs.codes else size
    if not np.isnan(everywhere).any():
        return None
    in_logs = bool((known > 0).all())
    shared = _shared(designs, place, in_logs)
    # What the drawing's items have is told already; of an item that is guessed it tells nothing.
    left = {name: code for name, code in codes.items() if name.removesuffix("|value") not in shared}
    boosting = _boosting(columns, place, left, folds, seed)
    if not shared and boosting is None:
        return None
    return _Guess(columns.measures[place], place, in_logs, shared, boosting)


def _shared(designs: DesignSizes, place: int, in_logs: bool) -> dict[str, _Shared]:
    """The attributes whose items of one value have one size in this plant, the surest first."""
    found: list[tuple[str, _Shared]] = []
    for name, code in designs.codes.items():
        size = designs.values[:, place].astype(np.float64)
        known = np.isfinite(size) & (size != 0) & (code >= 0)
        if in_logs:
            known &= size > 0
        size = np.log(size[known]) if in_logs else size[known]
        here, width = code[known].astype(np.int64), int(code.max(initial=-1)) + 1
        total, count = np.bincount(here, size, width), np.bincount(here, minlength=width)
        several = count[here] > 1
        if (count > 1).sum() < _LEAST_DESIGNS:
            continue
        others = (total[here] - size)[several] / (count[here] - 1)[several]
        own = size[several]
        alike = float(_one(own, others, in_logs).mean())
        # Beside the siblings of another design: where all sizes are alike, these tell as much.
        chance = float(_one(own, np.roll(others, len(own) // 2), in_logs).mean())
        if alike < _ALIKE or alike - chance < _BEYOND_CHANCE * (1.0 - chance):
            continue
        mean = np.where(count > 0, total / np.maximum(count, 1), np.nan)
        differ = np.bincount(here, ~_one(size, mean[here], in_logs), width) > 0
        mean[differ] = np.nan
        found.append((name, _Shared(np.append(mean, np.nan).astype(np.float32), alike)))
    return dict(sorted(found, key=lambda f: (-f[1].alike, f[0])))


def _one(size: Floats, other: Floats, in_logs: bool) -> Bools:
    """Whether two sizes, or their logarithms, are one."""
    return np.abs(size - other) <= (_SAME if in_logs else _SAME * np.abs(size))


def _boosting(
    columns: NumberColumns, place: int, codes: Mapping[str, Codes], folds: Ints, seed: int
) -> _Boosting | None:
    """What other attributes tell of a size, None where that is too little."""
    size = columns.values[:, place].astype(np.float64)
    known = np.isfinite(size)
    if known.sum() < _LEAST_KNOWN or 1.0 - known.mean() < _LEAST_MISSING:
        return None
    # Of a size that one kind of part alone has nothing can judge a guess where kinds are left out whole.
    first = folds[known] == 0
    if first.all() or not first.any():
        return None
    in_logs = bool((size[known] > 0).all())
    rng = np.random.default_rng([seed, place])
    rows = np.flatnonzero(known)
    if len(rows) > _MOST_ROWS:
        rows = np.sort(rng.choice(rows, _MOST_ROWS, replace=False))
    target = np.log(size[rows]) if in_logs else size[rows]
    numbers = columns.told[columns.told != place]
    levels = _telling(codes, rows, target, folds[rows])
    beside = _hidden(columns.values, rows, np.flatnonzero(~known), numbers, rng)
    by_level = np.hstack([np.empty((len(rows), 0)), *(out_of_fold for _, out_of_fold in levels.values())])
    matrix, twice = np.hstack([beside, np.vstack([by_level, by_level])]), np.concatenate([target, target])
    if not matrix.shape[1]:
        return None
    left_out = np.flatnonzero(folds[rows] == 0) + len(rows)
    off = twice[left_out] - _boosted(matrix, twice, np.tile(folds[rows] != 0, 2)).predict(matrix[left_out])
    if np.mean(off**2) > (1.0 - _LEAST_EXPLAINED) * target.var():
        return None
    typical = float(np.median(np.abs(off)))
    return _Boosting(
        numbers,
        {name: table for name, (table, _) in levels.items()},
        _boosted(matrix, twice, np.ones(len(twice), dtype=bool)),
        float(np.expm1(typical)) if in_logs else typical,
    )


def _hidden(values: Floats, rows: Ints, missing: Ints, numbers: Ints, rng: np.random.Generator) -> Floats:
    """The items' other numbers twice: as they are, and with what an item without this size lacks blanked too.

    Where one dimension is missing the others mostly are; a guess that leans on them must be learned without them.
    """
    plain = values[np.ix_(rows, numbers)]
    alike = values[np.ix_(rng.choice(missing, len(rows)), numbers)]
    return np.vstack([plain, np.where(np.isnan(alike), np.float32(np.nan), plain)])


def _telling(
    codes: Mapping[str, Codes], rows: Ints, target: Floats, folds: Ints
) -> dict[str, tuple[Floats, Floats]]:
    """The levels that tell most of the target: per level the table of its values, and the same out of fold per row."""
    found: list[tuple[float, str, Floats, Floats]] = []
    spread = float(((target - target.mean()) ** 2).sum())
    if not spread:
        return {}
    n_folds = int(folds.max()) + 1
    for name, code in codes.items():
        here: Ints = code[rows].astype(np.int64)
        table, out_of_fold = _means(here, int(code.max(initial=-1)) + 1, target, folds, n_folds)
        guess = np.where(np.isnan(out_of_fold[:, 0]), target.mean(), out_of_fold[:, 0])
        gain = 1.0 - float(((target - guess) ** 2).sum()) / spread
        if gain > _LEAST_GAIN:
            found.append((gain, name, table, out_of_fold))
    found.sort(key=lambda f: (-f[0], f[1]))
    return {name: (table, out_of_fold) for _, name, table, out_of_fold in found[:_MOST_LEVELS]}


def _means(code: Ints, width: int, target: Floats, folds: Ints, n_folds: int) -> tuple[Floats, Floats]:
    """Shrunk mean and ln(1 + items) per value (and of an unknown one, last), and per row by the other folds."""
    mean, kept = target.mean(), code >= 0
    cell = (code * n_folds + folds)[kept]
    sums = np.bincount(cell, target[kept], width * n_folds).reshape(width, n_folds)
    counts = np.bincount(cell, minlength=width * n_folds).reshape(width, n_folds)
    whole = _shrunk(sums.sum(axis=1), counts.sum(axis=1), mean)
    row = np.maximum(code, 0)
    others = _shrunk(
        sums.sum(axis=1)[row] - sums[row, folds], counts.sum(axis=1)[row] - counts[row, folds], mean
    )
    others[~kept] = (np.nan, 0.0)
    return np.vstack([whole, [[np.nan, 0.0]]]), others


def _shrunk(total: Floats, count: Ints, mean: float) -> Floats:
    """Mean shrunk towards `mean`, NaN without items, and ln(1 + items)."""
    shrunk = np.where(count > 0, (total + _SHRINK * mean) / (count + _SHRINK), np.nan)
    return np.column_stack([shrunk, np.log1p(count)])


def _boosted(matrix: Floats, target: Floats, rows: Bools) -> Boosted:
    from sklearn.ensemble import HistGradientBoostingRegressor

    model = HistGradientBoostingRegressor(
        max_iter=_TREES,
        learning_rate=_LEARNING_RATE,
        max_leaf_nodes=_LEAVES,
        min_samples_leaf=_LEAST_LEAF,
        early_stopping=False,
        random_state=0,
    )
    keep = _varied(matrix[rows])
    learned = np.where(keep, matrix, 0.0)[rows]
    with one_thread("openmp"):
        return Boosted(model.fit(learned, target[rows]))


def _varied(matrix: Floats) -> Bools:
    """Columns with two values and more; another one has no bins."""
    out = np.zeros(matrix.shape[1], dtype=bool)
    for column in range(matrix.shape[1]):
        values = matrix[:, column]
        values = values[np.isfinite(values)]
        out[column] = len(values) > 0 and values.min() < values.max()
    return out
