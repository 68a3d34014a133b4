"""Weights that stand in texts with their unit: `12.4 G`, `PART WT 0.44 OZ`.

A length can be an outer diameter, a thickness or the size of a neighbour, so its place in a text is learned from rows that have the
column too (`sizes`). A weight names its quantity by its unit: where an item has one numeric attribute that is a weight, the text's
weight is its value. That holds where the plant writes a weight in the column or in the text and hardly ever in both.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import polars as pl

#: Units of weight as they are written in normalised texts, in grams.
GRAMS: Mapping[str, float] = MappingProxyType(
    {
        **dict.fromkeys(("MG",), 0.001),
        **dict.fromkeys(("G", "GR", "GM", "GMS", "GRAM", "GRAMS", "GRAMM"), 1.0),
        **dict.fromkeys(("KG", "KGS"), 1000.0),
        **dict.fromkeys(("OZ", "OUNCE", "OUNCES"), 28.349523125),
        **dict.fromkeys(("LB", "LBS", "POUND", "POUNDS"), 453.59237),
    }
)
_NUMBER = r"[0-9]+/[0-9]+|[0-9]+(?:[.,][0-9]+)?(?:[ \-][0-9]+/[0-9]+)?|[.,][0-9]+"
#: A number that nothing runs into, and the unit behind it.
_WEIGHT = rf"(?:^|[^0-9A-Z.,/\-])(?:{_NUMBER}) ?(?:{'|'.join(sorted(GRAMS, key=len, reverse=True))})\b"
_PARTS = rf"({_NUMBER}) ?([A-Z]+)$"
#: Two weights of one item that differ by more than this share are two weights.
_SAME = 0.02


def weight_of(units: Mapping[str, str]) -> tuple[str, float] | None:
    """Find the one attribute that is a weight, and the grams of its unit; None where there is none, or are several.

    Parameters
    ----------
    units : mapping of str to str
        Numeric attribute -> its unit.
    """
    found = [
        (name, GRAMS[unit.strip().upper()]) for name, unit in units.items() if unit.strip().upper() in GRAMS
    ]
    return found[0] if len(found) == 1 else None


def weights(texts: pl.DataFrame) -> pl.DataFrame:
    """Read the weights of texts: `row`, `attribute`, `form`, `text`, `grams_of`; nothing of a row with two different ones.

    `form` is a 9, a blank and the unit; `text` is the number as it is written and `grams_of` the grams of its unit.

    Parameters
    ----------
    texts : polars.DataFrame
        Normalised texts, a column per attribute.
    """
    parts = [
        texts.select(
            row=pl.int_range(pl.len(), dtype=pl.UInt32),
            attribute=pl.lit(name),
            written=pl.col(name).cast(pl.String).str.extract_all(_WEIGHT),
        )
        .explode("written")
        .drop_nulls()
        for name in texts.columns
    ]
    if not parts:
        return pl.DataFrame(schema={"row": pl.UInt32, "attribute": pl.String, "form": pl.String, "text": pl.String, "grams_of": pl.Float64})  # fmt: skip
    found = pl.concat(parts).with_columns(groups=pl.col("written").str.extract_groups(_PARTS))
    unit = pl.col("groups").struct[1]
    found = found.with_columns(
        form=pl.lit("9 ") + unit,
        text=pl.col("groups").struct[0],
        grams_of=unit.replace_strict(dict(GRAMS), default=None, return_dtype=pl.Float64),
    )
    rough = pl.col("text").str.replace(",", ".", literal=True).cast(pl.Float64, strict=False) * pl.col(
        "grams_of"
    )
    differ = (rough.max() > rough.min() * (1 + _SAME)).over("row").fill_null(False)
    return found.filter(~differ).select("row", "attribute", "form", "text", "grams_of").drop_nulls()
