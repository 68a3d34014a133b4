"""Codes that we keep, in the spelling that the ERP has today, so that what is old can be compared with new routings and shown.

A publication keeps the spelling of its night, a model that of its training. When the ERP spells a code in another way since
(`mc-01` for `MC-01`), it is still the same code (docs/decisions/0013-one-identity-for-a-code.md): a comparison by characters would take a
copied proposal for an engineer's own routing, and a proposal would name a machine that the ERP's tables do not have.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import polars as pl

from routing_etl.frames import key_of

#: What joins the job codes of a routing code.
_BETWEEN = ">"

#: Tells which codes of a column the database calls equal (`identity.CodeIdentity`).
Equality = Callable[[str, pl.Series], pl.Series | None]


def todays(
    rows: pl.DataFrame,
    codes: Mapping[str, pl.Series],
    routings: Mapping[str, pl.Series] | None = None,
    *,
    between: str = _BETWEEN,
    equal: Equality | None = None,
) -> pl.DataFrame:
    """Rows of our tables with the codes in today's spelling. A code that today knows in no spelling stays as it is.

    Parameters
    ----------
    rows : polars.DataFrame
        The rows.
    codes : mapping of str to polars.Series
        Columns of codes, each with today's codes.
    routings : mapping of str to polars.Series, optional
        Columns of joined codes, as job codes joined by '>', each with today's codes.
    between : str, default '>'
        What joins them.
    equal : callable, optional
        Asks the database, too, which codes it calls equal; each series of today's codes has the name of a code column then.
    """
    for column, known in codes.items():
        old, new = respelled(rows[column], known, equal)
        if old.len():
            rows = rows.with_columns(pl.col(column).replace(old, new))
    for column, known in (routings or {}).items():
        jobs = pl.col(column).str.split(between)
        old, new = respelled(rows.select(jobs.explode()).to_series(), known, equal)
        if old.len():
            rows = rows.with_columns(
                jobs.list.eval(pl.element().replace(old, new)).list.join(between).alias(column)
            )
    return rows


def respelled(
    ours: pl.Series, known: pl.Series, equal: Equality | None = None
) -> tuple[pl.Series, pl.Series]:
    """Codes of ours that today are spelt in another way, and how; one of two codes of today that are equal keeps its own.

    Parameters
    ----------
    ours : polars.Series
        Codes of ours.
    known : polars.Series
        Today's codes.
    equal : callable, optional
        As in `todays`.
    """
    stored = ours.alias("old").to_frame().drop_nulls().unique()
    today = known.alias("new").to_frame().drop_nulls().unique()
    unknown = stored.join(today, left_on="old", right_on="new", how="anti")
    if unknown.is_empty():
        return unknown["old"], unknown["old"]
    by_rule = unknown.with_columns(key_of(pl.col("old")).alias("key")).join(
        today.with_columns(key_of(pl.col("new")).alias("key")).unique("key", keep="none"), on="key"
    )
    found = by_rule.select("old", "new")
    left = unknown.join(found, on="old", how="anti")
    if equal is not None and left.height and today.height:
        found = pl.concat([found, _equal_by_database(left, today, known.name, equal)])
    return found["old"], found["new"]


def _equal_by_database(left: pl.DataFrame, today: pl.DataFrame, column: str, equal: Equality) -> pl.DataFrame:
    """Codes `old` of ours that the database calls equal to exactly one of today's, with it as `new`."""
    numbers = equal(column, pl.concat([left["old"], today["new"].alias("old")]))
    if numbers is None:
        return pl.DataFrame(schema={"old": pl.String, "new": pl.String})
    mine = left.with_columns(numbers.head(left.height).alias("number"))
    theirs = today.with_columns(numbers.tail(today.height).alias("number")).unique("number", keep="none")
    return mine.join(theirs, on="number").select("old", "new")
