"""Codes that our tables hold, in the spelling that the ERP has today, so that old proposals can be compared with new routings.

A publication keeps the spelling of its night. When the ERP spells a code in another way since (`mc-01` for `MC-01`), it is still
the same code (docs/decisions/0013-one-identity-for-a-code.md), and a comparison by characters would take a copied proposal
for an engineer's own routing.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from routing_etl.frames import key_of

#: What joins the job codes of a routing code.
_BETWEEN = ">"


def todays(
    rows: pl.DataFrame, codes: Mapping[str, pl.Series], routings: Mapping[str, pl.Series] | None = None
) -> pl.DataFrame:
    """Rows of our tables with the codes in today's spelling. A code that today knows in no spelling stays as it is.

    Parameters
    ----------
    rows : polars.DataFrame
        The rows.
    codes : mapping of str to polars.Series
        Columns of codes, each with today's codes.
    routings : mapping of str to polars.Series, optional
        Columns of job codes joined by '>', each with today's job codes.
    """
    for column, known in codes.items():
        old, new = _changed(rows[column], known)
        if old.len():
            rows = rows.with_columns(pl.col(column).replace(old, new))
    for column, known in (routings or {}).items():
        jobs = pl.col(column).str.split(_BETWEEN)
        old, new = _changed(rows.select(jobs.explode()).to_series(), known)
        if old.len():
            rows = rows.with_columns(
                jobs.list.eval(pl.element().replace(old, new)).list.join(_BETWEEN).alias(column)
            )
    return rows


def _changed(ours: pl.Series, known: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Codes of ours that today are spelt in another way, and how; one of two items with one key keeps its own."""
    stored = ours.alias("old").to_frame().drop_nulls().unique()
    stored = stored.with_columns(key_of(pl.col("old")).alias("key"))
    today = (
        known.alias("new").to_frame().drop_nulls().unique().with_columns(key_of(pl.col("new")).alias("key"))
    )
    found = stored.join(today, left_on="old", right_on="new", how="anti")
    found = found.join(today.unique("key", keep="none"), on="key")
    return found["old"], found["new"]
