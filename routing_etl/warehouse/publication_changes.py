"""What one publication shows that another did not: items that are new, gone, or have another first candidate.

What belongs here: the comparison, and its counts on record. What does not: the views on them (`views_changes.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from routing_etl.database.engine import translated
from routing_etl.errors import WarehouseError
from routing_etl.frames import key_of
from routing_etl.warehouse.schema import Tables, schema_for, tables
from routing_etl.warehouse.todays_codes import todays
from routing_etl.warehouse.versions import rows_at, shown_before
from routing_etl.warehouse.writing import writing

#: Kinds of change of an item, in the order in which they are told.
KINDS: dict[str, str] = {
    "new": "it was not shown before",
    "gone": "it is shown no more: it has a routing now, or left the item master",
    "lost": "it had a proposal, and has none now",
    "found": "it had no proposal, and has one now",
    "first": "the routing of its first candidate is another one",
    "details": "the same first routing; times, machines, confidence or other candidates differ",
}
_FIRST = {
    "item_cd": pl.String,
    "routing": pl.String,
    "confidence": pl.Float64,
}


@dataclass(frozen=True)
class PublicationChanges:
    """How a publication differs from an earlier one.

    Attributes
    ----------
    before, after : int
        Their ids.
    items_before, items : int
        Items that each shows.
    counts : dict of str to int
        Items by kind of change (`KINDS`).
    changed : polars.DataFrame
        An item that changed in each row: `item_cd`, `kind`, `routing_before`, `routing` (job codes joined by '>'),
        `confidence_before`, `confidence`; NULL where there was no proposal.
    """

    before: int
    after: int
    items_before: int
    items: int
    counts: dict[str, int]
    changed: pl.DataFrame


def previous_publication(engine: Engine, schema: str, publication_id: int) -> int | None:
    """What readers saw before a publication, of those whose rows are there.

    It is the one that it was compared with when it was published. Where that is not on record or its rows are gone, it is the newest
    one by number before it that was published and not moved back over since.

    Parameters
    ----------
    engine : Engine
        The warehouse.
    schema : str
        Our schema (ignored on SQLite).
    publication_id : int
        The publication.

    Returns
    -------
    int or None
        None when there is none.
    """
    tb = tables(schema_for(engine, schema))
    p, d = tb.publication.c, tb.publication_change.c
    there = sa.and_(p.published_at.is_not(None), p.purged_at.is_(None))
    compared = sa.select(d.compared_with).where(d.publication_id == publication_id)
    on_record = sa.select(sa.func.max(p.id)).where(there, p.id.in_(compared))
    by_number = sa.select(sa.func.max(p.id)).where(there, p.id < publication_id, p.withdrawn_at.is_(None))
    with translated("warehouse", engine.url), engine.connect() as connection:
        found = connection.execute(on_record).scalar() or connection.execute(by_number).scalar()
    return None if found is None else int(found)


def new_items(engine: Engine, schema: str, publication_id: int) -> pl.Series:
    """Codes of the items that a publication shows and the one before it did not.

    Empty for the first publication, in which nothing is newer than the rest.

    Parameters
    ----------
    engine : Engine
        The warehouse.
    schema : str
        Our schema (ignored on SQLite).
    publication_id : int
        The publication.
    """
    before = previous_publication(engine, schema, publication_id)
    if before is None:
        return pl.Series("item_cd", [], dtype=pl.String)
    tb = tables(schema_for(engine, schema))
    with translated("warehouse", engine.url), engine.connect() as connection:
        now, then = (shown_before(connection, tb.versioned[0], n + 1) for n in (publication_id, before))
    return now.join(todays(then, {"item_cd": now["item_cd"]}), on="item_cd", how="anti")["item_cd"]


def publication_changes(engine: Engine, schema: str, before: int, after: int) -> PublicationChanges:
    """Compare two publications item by item. An item or a job that is spelt in another way since is the same.

    Parameters
    ----------
    engine : Engine
        The warehouse.
    schema : str
        Our schema (ignored on SQLite).
    before : int
        Id of a publication whose rows are there.
    after : int
        Id of the publication that is compared with it.

    Raises
    ------
    WarehouseError
        There is no such publication, or its rows were removed by retention.
    """
    tb = tables(schema_for(engine, schema))
    with translated("warehouse", engine.url), engine.connect() as connection:
        for number in (before, after):
            _require(connection, tb, number)
        then, now = (_shown(connection, tb, number) for number in (before, after))
    then = todays(then, {"item_cd": now["item_cd"]})
    both = then.join(now, on="item_cd", how="full", coalesce=True, suffix="_now")
    was, is_now = pl.col("shown").is_not_null(), pl.col("shown_now").is_not_null()
    had, has = pl.col("routing").is_not_null(), pl.col("routing_now").is_not_null()
    same = pl.col("hash_a").eq_missing(pl.col("hash_a_now")) & pl.col("hash_b").eq_missing(
        pl.col("hash_b_now")
    )
    kind = (
        pl.when(~was).then(pl.lit("new"))
        .when(~is_now).then(pl.lit("gone"))
        .when(had & ~has).then(pl.lit("lost"))
        .when(~had & has).then(pl.lit("found"))
        .when(key_of(pl.col("routing")).ne_missing(key_of(pl.col("routing_now")))).then(pl.lit("first"))
        .when(~same).then(pl.lit("details"))
    )  # fmt: skip
    changed = (
        both.with_columns(kind.alias("kind"))
        .filter(pl.col("kind").is_not_null())
        .select(
            "item_cd", "kind", pl.col("routing").alias("routing_before"), pl.col("routing_now").alias("routing"),
            pl.col("confidence").alias("confidence_before"), pl.col("confidence_now").alias("confidence"),
        )
        .sort("item_cd")
    )  # fmt: skip
    found = dict(changed.group_by("kind").len().iter_rows())
    return PublicationChanges(
        before, after, then.height, now.height, {name: found.get(name, 0) for name in KINDS}, changed
    )


def store_changes(engine: Engine, schema: str, changes: PublicationChanges) -> None:
    """Keep the counts of a comparison: what the publication brings against the one that readers see.

    Written before the pointer moves; the views show them once the publication was published. Stored again, they are replaced.

    Parameters
    ----------
    engine : Engine
        The warehouse.
    schema : str
        Our schema (ignored on SQLite).
    changes : PublicationChanges
        The comparison.
    """
    table = tables(schema_for(engine, schema)).publication_change
    whole = {
        "publication_id": changes.after, "compared_with": changes.before,
        "items_before": changes.items_before, "items_shown": changes.items,
    }  # fmt: skip
    rows = [{**whole, "kind": kind, "items": n} for kind, n in changes.counts.items()]
    with writing(engine, table.schema) as connection:
        connection.execute(sa.delete(table).where(table.c.publication_id == changes.after))
        connection.execute(sa.insert(table), rows)


def _require(connection: Connection, tb: Tables, number: int) -> None:
    p = tb.publication.c
    row = connection.execute(sa.select(p.purged_at, p.loaded_at).where(p.id == number)).one_or_none()
    if row is None or row.loaded_at is None:
        raise WarehouseError(
            f"There is no loaded publication {number}.", remedy="See: routing-etl publications list"
        )
    if row.purged_at is not None:
        raise WarehouseError(
            f"The rows of publication {number} were removed by retention.",
            remedy="Compare a kept one (routing-etl publications list); ROUTING_ETL_KEEP_PUBLICATIONS_DAYS keeps more.",
        )


def _shown(connection: Connection, tb: Tables, number: int) -> pl.DataFrame:
    """The items that a publication shows, with their hashes, first routing and its confidence."""
    items = shown_before(connection, tb.versioned[0], number + 1).with_columns(pl.lit(1).alias("shown"))
    c = tb.candidate.c
    rows = connection.execute(
        sa.select(c.item_cd, c.routing_code, c.confidence)
        .select_from(rows_at(tb.versioned[0], tb.candidate, number))
        .where(c.candidate_rank == 1)
    ).all()
    first = pl.DataFrame(
        [(r[0], r[1], None if r[2] is None else float(r[2])) for r in rows], schema=_FIRST, orient="row"
    )
    return items.join(first, on="item_cd", how="left")
