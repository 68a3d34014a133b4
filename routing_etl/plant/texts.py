"""What the texts of the item master say beside the columns: notes that call rules of the whole plant, and sizes.

`items.py` has written the columns; here a note or a size is added to one of several texts, and size columns are emptied. A
plant has one way to write sizes in millimetres and one in inches, each in a text column of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from routing_etl.plant.dirt import chance, labels, put
from routing_etl.plant.knobs import Grammar
from routing_etl.plant.latent import Array, Catalogue, Latent
from routing_etl.plant.wide import NOTES, Wide

#: Columns in which a note, and a size, can stand.
_NOTE_COLUMNS = ("ITEM_SPEC", "ADDITIONAL_SPEC", "ITEM_NM", "MATERIAL_DESC")
_SIZE_COLUMNS = ("ADDITIONAL_SPEC", "ITEM_NM", "ITEM_SPEC")
_SIZES = ("OUTDIAMETER", "INDIAMETER", "OUTTHICKNESS")
#: Ways to write outer diameter and thickness: in millimetres; in inches, as fractions (first) or decimals.
_MM = ("Ø{}x{}", "OD{} X {}T", "{}*{}", "{} x {} mm")
_INCH = ('{}" x {}"', "{}IN X {}IN", 'OD {}"x{}"')
#: Share of the sizes in texts that are in millimetres.
_IN_MM = 0.7
#: What types that are like no other are called, and their groups.
_STRANGE = (
    "MAGNETIC COUPLING",
    "HEAT SHIELD",
    "FILTER HOUSING",
    "CERAMIC BEARING",
    "VALVE SEAT",
    "TORQUE LIMITER",
)


@dataclass(frozen=True)
class Written:
    """The item master, and for which items a text says the size."""

    master: pl.DataFrame
    told: Array


def write_texts(
    rng: np.random.Generator,
    style: np.random.Generator,
    master: pl.DataFrame,
    items: Latent,
    catalogue: Catalogue,
    wide: Wide,
    grammar: Grammar,
) -> Written:
    """Add notes and sizes to the texts, and give types that are like no other words and groups of their own.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the draws of items.
    style : numpy.random.Generator
        Source of the plant's own ways to write sizes.
    master : polars.DataFrame
        Item master, a row per item.
    items : Latent
        True attributes.
    catalogue : Catalogue
        Master data.
    wide : Wide
        What holds across families.
    grammar : Grammar
        Knobs.
    """
    told = np.zeros(len(items), bool)
    if grammar.strange_part_types:
        master = _rename(master, items, catalogue, wide)
    if grammar.size_in_text or grammar.size_not_filled:
        master, told = _write_sizes(rng, style, master, items, grammar)
    for k, rule in enumerate(wide.rules):
        noted: Array = (items.notes >> k & 1).astype(bool) & ~chance(rng, len(items), grammar.attribute_noise)
        words = labels(NOTES[rule.note], rng.integers(0, len(NOTES[rule.note]), len(items)))
        column = rng.integers(0, len(_NOTE_COLUMNS), len(items))
        for at, name in enumerate(_NOTE_COLUMNS):
            master = _append(master, name, np.logical_and(noted, column == at), words)
    return Written(master, told)


def _append(master: pl.DataFrame, name: str, where: Array, words: pl.Series) -> pl.DataFrame:
    """Add words to a text; they stand alone where it is blank."""
    text = master[name]
    bare = (text.is_null() | text.is_in(["", "0"])).to_numpy()
    joined = put(text.fill_null("") + " " + words, bare, words)
    return master.with_columns(put(text, where, joined).alias(name))


def _rename(master: pl.DataFrame, items: Latent, catalogue: Catalogue, wide: Wide) -> pl.DataFrame:
    """Words and groups of types that are like no other."""
    strange: Array = np.asarray(wide.strange[items.ptype].any(1))
    first = len(catalogue.parts.code) - int(wide.strange.any(1).sum())
    noun = labels(_STRANGE, np.where(strange, (items.ptype - first) % len(_STRANGE), -1))
    number = pl.Series(items.ptype.astype(np.int64)).cast(pl.String)
    own = {"PartNm": noun, "ITEM_NM": noun, "GROUP1": "ZX-" + number, "GROUP2": "ZX-" + number, "ITEM_GRP1": "ZX" + number,
           "ITEM_GRP1NM": noun}  # fmt: skip
    return master.with_columns(put(master[name], strange, words).alias(name) for name, words in own.items())


def _write_sizes(
    rng: np.random.Generator,
    style: np.random.Generator,
    master: pl.DataFrame,
    items: Latent,
    grammar: Grammar,
) -> tuple[pl.DataFrame, Array]:
    """Empty the size columns of some items, and write the size of some into a text."""
    n = len(items)
    sized: Array = items.od > 0
    emptied: Array = np.logical_and(sized, chance(rng, n, grammar.size_not_filled))
    master = master.with_columns(put(master[name], emptied, 0.0).alias(name) for name in _SIZES)
    master = master.with_columns(put(master["OUTDIAMETER_UNIT"], emptied, "").alias("OUTDIAMETER_UNIT"))
    told: Array = np.logical_and(sized, chance(rng, n, grammar.size_in_text))
    metric = chance(rng, n, _IN_MM)
    mm, inch = _MM[int(style.integers(len(_MM)))], int(style.integers(len(_INCH)))
    columns = [str(c) for c in style.choice(_SIZE_COLUMNS, 2)]
    write = _fraction if inch == 0 else _thousandths
    for where, name, words in (
        (told & metric, columns[0], pl.select(pl.format(mm, _plain(items.od), _plain(items.ln))).to_series()),
        (told & ~metric, columns[1], pl.select(pl.format(_INCH[inch], write(items.od), write(items.ln))).to_series()),
    ):  # fmt: skip
        master = _append(master, name, where, words)
    return master, told


def _plain(mm: Array) -> pl.Series:
    """Millimetres as people write them: 57.5, 120."""
    return pl.Series(np.round(mm, 1)).cast(pl.String).str.strip_suffix(".0")


def _thousandths(mm: Array) -> pl.Series:
    """Inches to the thousandth."""
    return pl.Series(np.round(mm / 25.4, 3)).cast(pl.String)


def _fraction(mm: Array) -> pl.Series:
    """Inches to the sixteenth: 4-3/4, 1/2, 3."""
    parts = np.maximum(np.round(mm / 25.4 * 16), 1).astype(np.int64)
    whole, rest = parts // 16, parts % 16
    common = np.gcd(np.maximum(rest, 1), 16)
    frame = pl.DataFrame({"w": whole, "r": rest, "n": rest // common, "d": 16 // common})
    broken = pl.format("{}/{}", "n", "d")
    return frame.select(
        pl.when(pl.col("r") == 0)
        .then(pl.col("w").cast(pl.String))
        .when(pl.col("w") == 0)
        .then(broken)
        .otherwise(pl.format("{}-{}", "w", broken))
    ).to_series()
