"""Why a candidate is proposed: the neighbours that voted for it and the attributes that agree or differ, as text.

What belongs here: evidence texts. What does not: votes and similarities, which arrive ready.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import polars as pl
from numpy.typing import NDArray

from routing_etl.frames import CANDIDATE_EVIDENCE, AttributeSpec
from routing_etl.model.levels import normalise

IntArray = NDArray[np.int64]

_LENGTH = CANDIDATE_EVIDENCE["matching"].max_length or 1000
_VALUE = 40


class AttributeText:
    """Compares items attribute by attribute, the most telling attribute first.

    Parameters
    ----------
    attributes: in the order in which they shall appear.
    """

    def __init__(self, attributes: tuple[AttributeSpec, ...]) -> None:
        self.attributes = attributes

    def fit(self, items: pl.DataFrame) -> AttributeText:
        """Keep the training items' shown values."""
        self.values_ = self.shown(items)
        return self

    def shown(self, items: pl.DataFrame) -> pl.DataFrame:
        """Values as compared and shown: numbers to four significant figures, texts normalised."""
        return items.select([_shown(a.name, a.kind == "number") for a in self.attributes])

    def compare(self, shown: pl.DataFrame, rows: IntArray, labels: IntArray) -> tuple[pl.Series, pl.Series]:
        """Texts (matching, differing) for pairs of an item row in `shown` and a training item."""
        names = [a.name for a in self.attributes]
        if not names or not len(rows):
            empty = pl.Series([None] * len(rows), dtype=pl.String)
            return empty, empty
        left = shown[rows]
        right = self.values_[labels].rename({n: f"{n}\x1f" for n in names})
        both = left.hstack(right)
        out = both.select(_comparison(tuple(names)))
        return out["matching"], out["differing"]


@cache
def _shown(name: str, number: bool) -> pl.Expr:
    if number:
        whole = pl.col(name).cast(pl.Float64).round_sig_figs(4).cast(pl.String)
        return whole.str.strip_suffix(".0").alias(name)
    return normalise(name).str.slice(0, _VALUE)


@cache
def _comparison(names: tuple[str, ...]) -> tuple[pl.Expr, pl.Expr]:
    """Columns `matching` and `differing` of a frame with every attribute of an item and, behind a mark, of another."""
    matching = pl.concat_str(
        [pl.when(pl.col(n) == pl.col(f"{n}\x1f")).then(pl.lit(", " + n)).otherwise(pl.lit("")) for n in names]
    )
    differing = pl.concat_str(
        [
            pl.when(pl.col(n).ne_missing(pl.col(f"{n}\x1f")))
            .then(
                pl.concat_str(
                    pl.lit(f"; {n}: "),
                    pl.col(n).fill_null("(missing)"),
                    pl.lit(" -> "),
                    pl.col(f"{n}\x1f").fill_null("(missing)"),
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
