"""Units: spellings to units, values to one unit, and how certain that is (the profile's `[units]`).

The arithmetic: docs/erp-contract.md 5, rows 4-7.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

import polars as pl

from routing_etl.erp.profile_model import Units

#: Where a value's unit comes from: stated in the row, assumed by a rule, not understood, or there is no value.
STATED, ASSUMED, UNKNOWN, NONE = "stated", "assumed", "unknown", "none"


@dataclass(frozen=True)
class Converted:
    """Values in the wanted unit.

    Parameters
    ----------
    values : polars.Series
        Converted values; NULL where the unit was not understood.
    unit : polars.Series
        Unit that each value came in.
    unit_source : polars.Series
        Where that unit comes from: STATED, ASSUMED, UNKNOWN or NONE.
    suspicious : int
        Values that were too large to be believed in their unit.
    new_spellings : tuple of str
        Spellings that the profile does not know.
    """

    values: pl.Series
    unit: pl.Series
    unit_source: pl.Series
    suspicious: int
    new_spellings: tuple[str, ...]


def spelling_table(spellings: pl.Series, units: Units, group: str) -> pl.DataFrame:
    """Look up the distinct spellings, NULL included: columns `spelling`, `unit` (NULL: unknown), `source`, `is_new`."""
    known = {_word(k): v for k, v in units.map.items()}
    nothing = {_word(s) for s in units.unknown}
    blank = units.blank_default.get(group, "unknown").removesuffix("?")
    rows: list[tuple[str | None, str | None, str, bool]] = []
    for spelling in spellings.unique().to_list():
        word = _word(spelling or "")
        if not word:
            rows.append(
                (spelling, None, UNKNOWN, False) if blank == "unknown" else (spelling, blank, ASSUMED, False)
            )
        elif word in known:
            unit = known[word]
            rows.append((spelling, unit.removesuffix("?"), ASSUMED if unit.endswith("?") else STATED, False))
        else:
            rows.append((spelling, None, UNKNOWN, word not in nothing))
    schema = {"spelling": pl.String(), "unit": pl.String(), "source": pl.String(), "is_new": pl.Boolean()}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _word(spelling: str) -> str:
    """A spelling as it is looked up: one sign for two letters (U+339C), full width and blanks make no other unit."""
    return " ".join(unicodedata.normalize("NFKC", spelling).split()).upper()


def convert(values: pl.Series, spellings: pl.Series, units: Units, group: str, wanted: str) -> Converted:
    """Convert values to one unit.

    A unit that is unknown, or of another quantity than the wanted one, makes the value NULL. So does a value from
    `units.suspicious` on, which is not believed in its unit.

    Parameters
    ----------
    values : polars.Series
        Numbers, NULL where there is none.
    spellings : polars.Series
        Unit of each value as the ERP writes it.
    units : Units
        The profile's units.
    group : str
        The attribute's unit group, which says what a blank spelling means.
    wanted : str
        Unit to convert to.
    """
    table = spelling_table(spellings, units, group)
    quantity = units.quantity_of(wanted) or {wanted: 1.0}
    target = quantity[wanted]
    factors = pl.DataFrame(
        {
            "unit": list(quantity),
            "factor": [float(f) / target for f in quantity.values()],
            "limit": [units.suspicious.get(u) for u in quantity],
        },
        schema={"unit": pl.String(), "factor": pl.Float64(), "limit": pl.Float64()},
    )
    frame = (
        pl.DataFrame({"value": values.cast(pl.Float64), "spelling": spellings})
        .join(table, on="spelling", how="left", maintain_order="left", nulls_equal=True)
        .join(factors, on="unit", how="left", maintain_order="left")
    )
    present = pl.col("value").is_not_null()
    doubtful = present & (pl.col("value").abs() >= pl.col("limit")).fill_null(False)
    usable = present & pl.col("factor").is_not_null() & ~doubtful
    frame = frame.with_columns(
        pl.when(usable).then(pl.col("value") * pl.col("factor")).alias("converted"),
        pl.when(~present)
        .then(pl.lit(NONE))
        .when(usable)
        .then(pl.col("source"))
        .otherwise(pl.lit(UNKNOWN))
        .alias("unit_source"),
        doubtful.alias("doubtful"),
    )
    return Converted(
        frame["converted"],
        frame["unit"],
        frame["unit_source"],
        int(frame["doubtful"].sum()),
        tuple(sorted(table.filter("is_new")["spelling"].to_list())),
    )
