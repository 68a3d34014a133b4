"""Versions of items and jobs: which rows a publication shows, and what a load has to write.

Rows of predictions have the id of the publication that wrote them. A version (`item_version`, `job_version`) says that
from this publication on the item has these rows, or none. A publication shows of every item its newest version up to
that publication. A load therefore adds versions and rows for what has changed, and touches nothing that anyone reads;
taking it back is removing what has its number. Why: docs/decisions/0014-item-versions.md.

What belongs here: these rules as SQL, and the comparison of files with versions. What does not: writing (`publish.py`),
and removing (`purge.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from routing_etl.warehouse.schema import Versioned

#: Codes in one IN list. SQL Server takes 2,100 parameters at most, and locks few rows by so many.
KEYS_PER_STATEMENT = 500

#: Versions inserted in one transaction.
_VERSIONS_PER_TRANSACTION = 200_000

_ONE: Any = sa.literal_column("1")

#: The number of a publication, or a column that holds one.
Number = int | sa.ColumnElement[int]


def newest_up_to(version: Any, later: Any, key: str, number: Number) -> sa.ColumnElement[bool]:
    """Whether a version is the newest of its item or job up to a publication.

    Parameters
    ----------
    version : sqlalchemy.FromClause
        The table of versions.
    later : sqlalchemy.FromClause
        The same under another name, searched in a subquery.
    key : str
        Column of the item or job.
    number : int or sqlalchemy.ColumnElement
        The publication.
    """
    newer = (
        sa.select(_ONE)
        .select_from(later)
        .where(
            later.c[key] == version.c[key],
            later.c.from_publication > version.c.from_publication,
            later.c.from_publication <= number,
        )
    )
    return sa.and_(version.c.from_publication <= number, ~sa.exists(newer))


def rows_at(versioned: Versioned, table: sa.FromClause, number: Number) -> sa.Join:
    """The rows of a table that a publication shows, as the table joined to their versions.

    Parameters
    ----------
    versioned : Versioned
        What the table's rows belong to.
    table : sqlalchemy.FromClause
        One of its tables of contents, or an alias of it.
    number : int or sqlalchemy.ColumnElement
        The publication.
    """
    version, later = versioned.versions.alias("version"), versioned.versions.alias("later")
    key = versioned.key
    return version.join(
        table,
        sa.and_(
            newest_up_to(version, later, key, number),
            table.c.publication_id == version.c.from_publication,
            table.c[key] == version.c[key],
        ),
    )


def shown_before(connection: Connection, versioned: Versioned, number: int) -> pl.DataFrame:
    """Every item or job that the state before a publication shows, with the hashes of its rows.

    Columns: the key, `hash_a`, `hash_b` (NULL: not known).
    """
    version, later = versioned.versions.alias("version"), versioned.versions.alias("later")
    query = sa.select(version.c[versioned.key], version.c.hash_a, version.c.hash_b).where(
        newest_up_to(version, later, versioned.key, number - 1), version.c.shown == sa.true()
    )
    schema = {versioned.key: pl.String, "hash_a": pl.Int64, "hash_b": pl.Int64}
    rows = connection.execute(query).all()
    return pl.DataFrame([tuple(r) for r in rows], schema=schema, orient="row")


@dataclass(frozen=True)
class Changes:
    """What a publication changes of items or jobs.

    Parameters
    ----------
    versioned : Versioned
        Items or jobs.
    written : polars.DataFrame
        Those that are new or differ, with key, `hash_a` and `hash_b`.
    gone : polars.Series
        Codes of those that it shows no more.
    all_of_them : bool
        Whether every key of the files is written.
    """

    versioned: Versioned
    written: pl.DataFrame
    gone: pl.Series
    all_of_them: bool

    @property
    def count(self) -> int:
        """How many items or jobs change."""
        return self.written.height + len(self.gone)

    def only(self) -> pl.Series | None:
        """The codes whose rows are to be written; None: all that the files have."""
        return None if self.all_of_them else self.written[self.versioned.key]


def compare(versioned: Versioned, files: pl.DataFrame, stored: pl.DataFrame) -> Changes:
    """Compare what the files hold with what is shown so far.

    Codes are compared by their characters here. One that is spelt in another way than before is written as new; that
    it takes the place of the former is left to the database (`close_gone`), whose collation decides.

    Parameters
    ----------
    versioned : Versioned
        Items or jobs.
    files : polars.DataFrame
        Key, `hash_a` and `hash_b` of each in the files (`contents.hashes_of`).
    stored : polars.DataFrame
        The same of what is shown so far (`shown_before`).
    """
    key = versioned.key
    joined = files.join(stored, on=key, how="left", suffix="_before", nulls_equal=True)
    differs = pl.col("hash_a").ne_missing(pl.col("hash_a_before")) | pl.col("hash_b").ne_missing(
        pl.col("hash_b_before")
    )
    written = joined.filter(differs).select(key, "hash_a", "hash_b").sort(key)
    gone = stored.join(files, on=key, how="anti", nulls_equal=True)[key].sort()
    return Changes(versioned, written, gone, written.height == files.height)


def version_rows(changes: Changes, number: int) -> Iterator[pl.DataFrame]:
    """The versions of what is written, as rows of their table, a transaction's worth at a time."""
    columns = [c.name for c in changes.versioned.versions.columns]
    rows = changes.written.with_columns(
        pl.lit(number, dtype=pl.Int32).alias("from_publication"), pl.lit(value=True).alias("shown")
    ).select(columns)
    yield from rows.iter_slices(_VERSIONS_PER_TRANSACTION)


def in_parts(keys: Sequence[str], size: int = KEYS_PER_STATEMENT) -> Iterator[Sequence[str]]:
    """The codes in parts for IN lists."""
    return (keys[start : start + size] for start in range(0, len(keys), size))


def close_gone(versioned: Versioned, keys: Sequence[str], number: int) -> sa.Insert:
    """Statement: from this publication on, these items or jobs have no rows.

    One whose code the database calls equal to one that the publication has written is left alone, and so is one that
    is closed already: the statement may be repeated.
    """
    table, key = versioned.versions, versioned.key
    version, later = table.alias("version"), table.alias("later")
    closed = sa.select(version.c[key], sa.literal(number, sa.Integer()), sa.false()).where(
        version.c[key].in_(keys),
        version.c.from_publication < number,
        version.c.shown == sa.true(),
        newest_up_to(version, later, key, number),
    )
    return sa.insert(table).from_select([key, "from_publication", "shown"], closed)


def superseded(versioned: Versioned, above: int, retained: int, limit: int) -> sa.Select[Any]:
    """Query: versions of publications between two numbers that the second of them does not show.

    Parameters
    ----------
    versioned : Versioned
        Items or jobs.
    above : int
        A publication that is kept (0: there is none before).
    retained : int
        The next one that is kept. What begins between the two is needed only while no newer version up to the second
        exists.
    limit : int
        At most so many.
    """
    version = versioned.versions.alias("version")
    return _some(version, versioned.key, limit).where(
        version.c.from_publication > above,
        version.c.from_publication < retained,
        _superseded(versioned, version, retained),
    )


def living(versioned: Versioned, number: int, retained: int) -> sa.Select[Any]:
    """Query: one row if a later publication still shows rows that a publication wrote.

    Parameters
    ----------
    versioned : Versioned
        Items or jobs.
    number : int
        The publication that wrote.
    retained : int
        The first publication after it that is kept.
    """
    version = versioned.versions.alias("version")
    return _some(version, versioned.key, 1).where(
        version.c.from_publication == number,
        version.c.shown == sa.true(),
        ~_superseded(versioned, version, retained),
    )


def _superseded(versioned: Versioned, version: Any, retained: int) -> sa.Exists:
    """Whether there is a newer version up to a publication."""
    later = versioned.versions.alias("later")
    return sa.exists(
        sa.select(_ONE)
        .select_from(later)
        .where(
            later.c[versioned.key] == version.c[versioned.key],
            later.c.from_publication > version.c.from_publication,
            later.c.from_publication <= retained,
        )
    )


def closing_nothing(versioned: Versioned, limit: int) -> sa.Select[Any]:
    """Query: versions that say an item has no rows, where there is no version before them any more."""
    version, before = versioned.versions.alias("version"), versioned.versions.alias("before")
    earlier = (
        sa.select(_ONE)
        .select_from(before)
        .where(
            before.c[versioned.key] == version.c[versioned.key],
            before.c.from_publication < version.c.from_publication,
        )
    )
    return _some(version, versioned.key, limit).where(version.c.shown == sa.false(), ~sa.exists(earlier))


def _some(version: Any, key: str, limit: int) -> sa.Select[Any]:
    return (
        sa.select(version.c[key].label("code"), version.c.from_publication)
        .order_by(version.c.from_publication, version.c[key])
        .limit(limit)
    )
