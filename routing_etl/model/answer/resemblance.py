"""How much two items are alike: the weighted share of their attributes in which they agree.

It is what the ERP's screens show as similarity. A candidate can be likely although its reference item resembles the item little
(the whole part type is made so), and unlikely although the reference differs in nothing (another routing is made more often);
how sure a candidate is says its confidence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from routing_etl.frames import AttributeSpec

#: What a resemblance is rounded to; the ERP's column has four decimals.
DIGITS = 4
#: Mark behind the name of an attribute of the other item.
OTHER = "\x1f"


@dataclass(frozen=True)
class Resemblance:
    """Compares pairs of items by J. C. Gower's general coefficient (Biometrics 27, 1971), weighted by what attributes tell.

    Categories and codes agree or do not; free texts agree by the share of their words that both have (Dice's coefficient, on
    different words); numbers `a` and `b` agree by `1 - |a - b| / max(|a|, |b|)`, at least 0. An attribute that neither has does not
    count; one that only one has is a difference. 1 means that the two differ in nothing that tells.

    Attributes
    ----------
    attributes : tuple of AttributeSpec
        What items are compared by.
    weights : tuple of float
        Of each attribute, what it tells of a routing, 0 and more. Where all are 0, all count the same.
    """

    attributes: tuple[AttributeSpec, ...]
    weights: tuple[float, ...]

    @classmethod
    def of(
        cls,
        attributes: Sequence[AttributeSpec],
        items: pl.DataFrame,
        importance: Mapping[str, float],
        asked: Mapping[str, float],
    ) -> Resemblance:
        """Weigh each attribute by its importance, times the weight that the user gave it.

        Codes and categories that hardly any two items share, such as drawing numbers, cannot make items alike: they are weighed
        by the share of the items that have their value in common with another.

        Parameters
        ----------
        attributes : sequence of AttributeSpec
            What items are compared by.
        items : polars.DataFrame
            The training items.
        importance : mapping of str to float
            Share of each attribute in what the forest learned.
        asked : mapping of str to float
            Weights of attributes that are not 1.
        """
        exact = [a.name for a in attributes if a.kind in ("category", "code")]
        shared = items.select(
            pl.col(name).drop_nulls().is_duplicated().mean().fill_null(0.0).alias(name) for name in exact
        ).to_dicts()
        common = shared[0] if shared else {}
        weights = tuple(
            importance[a.name] * asked.get(a.name, 1.0) * common.get(a.name, 1.0) for a in attributes
        )
        return cls(tuple(attributes), weights if sum(weights) > 0 else (1.0,) * len(weights))

    @property
    def expression(self) -> pl.Expr:
        """Resemblance of the pairs of a frame of shown values, those of the other item behind `OTHER`."""
        if not self.attributes:
            return pl.lit(0.0)
        agreed, told = [], []
        for attribute, weight in zip(self.attributes, self.weights, strict=True):
            mine, theirs = pl.col(attribute.name), pl.col(f"{attribute.name}{OTHER}")
            agreed.append(_agreement(attribute.kind, mine, theirs).fill_null(0.0) * weight)
            told.append((mine.is_not_null() | theirs.is_not_null()).cast(pl.Float64) * weight)
        whole = pl.sum_horizontal(told)
        share = pl.sum_horizontal(agreed) / whole
        return pl.when(whole > 0).then(share).otherwise(0.0).clip(0.0, 1.0).round(DIGITS)

    def pair(self, mine: Sequence[str | None], theirs: Sequence[str | None]) -> float:
        """The same of one pair, given as shown values in the order of the attributes."""
        agreed = whole = 0.0
        for attribute, weight, a, b in zip(self.attributes, self.weights, mine, theirs, strict=True):
            if a is None and b is None:
                continue
            whole += weight
            if a is not None and b is not None:
                agreed += weight * _agree(attribute.kind, a, b)
        return round(min(max(agreed / whole, 0.0), 1.0), DIGITS) if whole > 0 else 0.0


def _agreement(kind: str, mine: pl.Expr, theirs: pl.Expr) -> pl.Expr:
    """0 .. 1; NULL where one of the two is missing."""
    same = (mine == theirs).cast(pl.Float64)
    if kind == "number":
        a, b = mine.cast(pl.Float64), theirs.cast(pl.Float64)
        near = 1.0 - (a - b).abs() / pl.max_horizontal(a.abs(), b.abs())
        return pl.when(mine == theirs).then(1.0).otherwise(near.clip(0.0, 1.0))
    if kind == "text":
        a, b = (side.str.split(" ").list.unique() for side in (mine, theirs))
        both = a.list.set_intersection(b).list.len()
        words = (2.0 * both) / (a.list.len() + b.list.len())
        return pl.when(mine == theirs).then(1.0).otherwise(words)
    return same


def _agree(kind: str, mine: str, theirs: str) -> float:
    if mine == theirs:
        return 1.0
    if kind == "number":
        a, b = float(mine), float(theirs)
        return max(1.0 - abs(a - b) / max(abs(a), abs(b)), 0.0)
    if kind == "text":
        words, others = set(mine.split(" ")), set(theirs.split(" "))
        return 2.0 * len(words & others) / (len(words) + len(others))
    return 0.0
