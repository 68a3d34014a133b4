"""Why a candidate is proposed: the neighbours that voted for it and the attributes that agree or differ, as text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TypeAlias

import numpy as np
import polars as pl

from routing_etl.frames import CANDIDATE_EVIDENCE, MAX_SOURCE
from routing_etl.model.answer.resemblance import OTHER, Resemblance
from routing_etl.model.attributes.levels import normalise, normalised
from routing_etl.model.base.arrays import Bools, Floats, Ints
from routing_etl.model.base.columns import FEW, take

_LENGTH = CANDIDATE_EVIDENCE["matching"].max_length or 1000
_VALUE = 40
_FIGURES = 4
#: An attribute in which more than this share of all pairs of training items agree, as in a unit or an account, and a value of it that
#: more than this share of those have which have any: to agree in that is not worth telling.
_COMMON = 0.25
#: The shown values of one item, in the order of the attributes.
Shown: TypeAlias = tuple[str | None, ...]


@dataclass(frozen=True)
class Compared:
    """Pairs of an item and a training item, compared.

    Attributes
    ----------
    matching, differing : polars.Series
        Per pair, the attributes in which they agree and differ, as text; NULL without a training item.
    resemblance : Floats
        Per pair, 0 .. 1 (`answer.resemblance`); 0 without a training item.
    """

    matching: pl.Series
    differing: pl.Series
    resemblance: Floats

    def part(self, start: int, stop: int) -> Compared:
        """The pairs from `start` on, up to `stop`."""
        return Compared(self.matching[start:stop], self.differing[start:stop], self.resemblance[start:stop])


class AttributeText:
    """Compares items attribute by attribute, the most telling attribute first.

    Parameters
    ----------
    resemblance : Resemblance
        Has the attributes, in the order in which they shall appear.
    """

    def __init__(self, resemblance: Resemblance) -> None:
        self.attributes = resemblance.attributes
        self.resemblance = resemblance

    def fit(self, items: pl.DataFrame) -> AttributeText:
        """Keep the training items' shown values, and which of them are common."""
        self.values_ = self._frame(items)
        self.common_ = tuple(_common(self.values_[a.name]) for a in self.attributes)
        return self

    def shown(self, items: pl.DataFrame) -> pl.DataFrame | list[Shown]:
        """Values as compared and shown: numbers to four significant figures, texts normalised. Of a few items a row each."""
        if items.height > FEW:
            return self._frame(items)
        # A few items: all numbers in one column, texts one by one, because every column costs a millisecond's part.
        numbers = [items[a.name].to_list() for a in self.attributes if a.kind == "number"]
        flat = np.array([v for column in numbers for v in column], dtype=np.float64)
        written = iter([text and text.removesuffix(".0") for text in _figures(flat).to_list()])
        columns: list[list[str | None]] = []
        for attribute in self.attributes:
            if attribute.kind == "number":
                columns.append([next(written) for _ in range(items.height)])
            else:
                column = items[attribute.name]
                texts = (column if column.dtype == pl.String else column.cast(pl.String)).to_list()
                columns.append([text and text[:_VALUE] for text in map(normalised, texts)])
        return list(zip(*columns, strict=True))

    def _frame(self, items: pl.DataFrame) -> pl.DataFrame:
        rounded = [
            _figures(items[a.name].cast(pl.Float64).to_numpy()).alias(a.name)
            for a in self.attributes
            if a.kind == "number"
        ]
        return items.with_columns(rounded).select(
            [_shown(a.name, a.kind == "number") for a in self.attributes]
        )

    @staticmethod
    def empty(shown: pl.DataFrame | list[Shown]) -> Bools:
        """Items without any value."""
        if isinstance(shown, list):
            return np.array([all(value is None for value in row) for row in shown], dtype=bool)
        return shown.select(pl.all_horizontal(pl.all().is_null())).to_series().to_numpy()

    def compare(self, shown: pl.DataFrame | list[Shown], rows: Ints, labels: Ints) -> Compared:
        """Compare pairs of an item and a training item, or none (-1).

        Parameters
        ----------
        shown : polars.DataFrame or list
            The items' values, as `shown` gives them.
        rows : Ints
            Item of every pair.
        labels : Ints
            Training item of every pair.
        """
        if not self.attributes or not len(rows):
            empty = pl.Series([None] * len(rows), dtype=pl.String)
            return Compared(empty, empty, np.zeros(len(rows)))
        # A reference item is asked for by its candidate and by its line of evidence.
        _, first, back = np.unique(
            rows * (self.values_.height + 1) + labels + 1, return_index=True, return_inverse=True
        )
        found = self._compare(shown, rows[first], labels[first])
        return Compared(take(found.matching, back), take(found.differing, back), found.resemblance[back])

    def _compare(self, shown: pl.DataFrame | list[Shown], rows: Ints, labels: Ints) -> Compared:
        names = [a.name for a in self.attributes]
        right = self.values_[np.maximum(labels, 0)]
        if isinstance(shown, list):
            pairs = [
                (None, None, 0.0)
                if label < 0
                else (
                    *_compared(names, self.common_, shown[row], theirs),
                    self.resemblance.pair(shown[row], theirs),
                )
                for row, label, theirs in zip(rows, labels, right.iter_rows(), strict=True)
            ]
            matching, differing, alike = zip(*pairs, strict=True)
            return Compared(
                pl.Series(matching, dtype=pl.String), pl.Series(differing, dtype=pl.String), np.array(alike)
            )
        both = shown[rows].hstack(right.rename({n: f"{n}{OTHER}" for n in names}))
        with_one = pl.Series(labels >= 0)
        out = both.select(*_comparison(tuple(names), self.common_), resemblance=self.resemblance.expression)
        known = out.select(
            pl.when(with_one).then("matching").alias("matching"),
            pl.when(with_one).then("differing").alias("differing"),
            pl.when(with_one).then("resemblance").otherwise(0.0).alias("resemblance"),
        )
        return Compared(known["matching"], known["differing"], known["resemblance"].to_numpy())


#: Per attribute the values in which it says little to agree.
Common: TypeAlias = tuple[tuple[str, ...], ...]


def _common(shown: pl.Series) -> tuple[str, ...]:
    """The values that many items have, of an attribute in which many pairs agree; none of one that tells items apart."""
    counts = shown.drop_nulls().value_counts()
    n, items = counts["count"].cast(pl.Int64), int(counts["count"].sum())
    alike = int((n * (n - 1)).sum())  # ordered pairs of items that agree
    if alike <= _COMMON * items * (items - 1):
        return ()
    return tuple(counts.filter(n > _COMMON * items)[shown.name].sort())


def _compared(names: Sequence[str], common: Common, mine: Shown, theirs: Shown) -> tuple[str, str]:
    """The texts of one pair, as `_comparison` makes them."""
    both = list(zip(names, mine, theirs, strict=True))
    agreeing = zip(both, common, strict=True)
    matching = ", ".join(
        name for (name, a, b), many in agreeing if a is not None and a == b and a not in many
    )
    differing = "; ".join(
        f"{name}: {'(missing)' if a is None else a} -> {'(missing)' if b is None else b}"
        for name, a, b in both
        if a != b
    )
    return matching[:_LENGTH], differing[:_LENGTH]


def _figures(numbers: Floats) -> pl.Series:
    """Numbers to four significant figures as text; NULL for NaN, and for what no source can hold."""
    numbers = np.where(np.abs(numbers) <= MAX_SOURCE, numbers, np.nan)
    told = np.isfinite(numbers) & (numbers != 0)
    power = np.floor(np.log10(np.abs(numbers, where=told, out=np.ones_like(numbers)))) - _FIGURES + 1
    # Powers of ten from 1 on are exact, so that what is rounded is the nearest number to its text.
    scale = 10.0 ** np.abs(power)
    small = power < 0
    # A half goes up, as people round: 7/8 inch is 22.225 mm and shown as 22.23.
    with np.errstate(over="ignore"):  # of the two the one that is not taken may overflow
        scaled = np.where(small, numbers * scale, numbers / scale)
    whole = np.copysign(np.floor(np.abs(scaled) + 0.5), numbers)
    rounded = np.where(told, np.where(small, whole / scale, whole * scale), numbers)
    return pl.Series(rounded, nan_to_null=True).cast(pl.String)


@cache
def _shown(name: str, number: bool) -> pl.Expr:
    if number:
        return pl.col(name).str.strip_suffix(".0")
    return normalise(name).str.slice(0, _VALUE)


@cache
def _one_of(name: str, values: tuple[str, ...]) -> pl.Expr:
    return pl.col(name).is_in(list(values)) if values else pl.lit(value=False)


def _comparison(names: tuple[str, ...], common: Common) -> tuple[pl.Expr, pl.Expr]:
    """Columns `matching` and `differing` of a frame with every attribute of an item and, behind a mark, of another.

    To agree in a `common` value, as many do in the unit, is not told.
    """
    matching = pl.concat_str(
        [
            pl.when((pl.col(n) == pl.col(f"{n}{OTHER}")) & ~_one_of(n, many))
            .then(pl.lit(", " + n))
            .otherwise(pl.lit(""))
            for n, many in zip(names, common, strict=True)
        ]
    )
    differing = pl.concat_str(
        [
            pl.when(pl.col(n).ne_missing(pl.col(f"{n}{OTHER}")))
            .then(
                pl.concat_str(
                    pl.lit(f"; {n}: "),
                    pl.col(n).fill_null("(missing)"),
                    pl.lit(" -> "),
                    pl.col(f"{n}{OTHER}").fill_null("(missing)"),
                )
            )
            .otherwise(pl.lit(""))
            for n in names
        ]
    )
    return (
        matching.str.slice(2, _LENGTH).alias("matching"),
        differing.str.slice(2, _LENGTH).alias("differing"),
    )
