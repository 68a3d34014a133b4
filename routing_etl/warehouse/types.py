"""Column types of our tables, each rendered right on SQLite, SQL Server and PostgreSQL.

What belongs here: types. What does not: tables (`schema.py`).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mssql, postgresql
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine


class UtcDateTime(TypeDecorator[datetime]):
    """A moment, UTC, to the millisecond: `datetime2(3)` on SQL Server, `timestamp(3)` on PostgreSQL, text on SQLite.

    Takes and returns aware datetimes. A naive one is refused, because its zone would be a guess.
    """

    impl = sa.DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """The dialect's own type."""
        if dialect.name == "mssql":
            return dialect.type_descriptor(mssql.DATETIME2(precision=3))  # type: ignore[no-untyped-call]
        if dialect.name == "postgresql":
            return dialect.type_descriptor(postgresql.TIMESTAMP(precision=3))
        return dialect.type_descriptor(sa.DateTime())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | str | None:
        """Aware datetime to naive UTC, cut to the millisecond; as text on SQL Server.

        pyodbc cuts a moment to the precision that the server states for its types, and T-SQL on top of PostgreSQL states
        whole seconds. Text in this form means the same in every language setting of a session.
        """
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value.isoformat()} has no time zone; pass an aware datetime")
        moment = value.astimezone(UTC).replace(tzinfo=None)
        moment = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
        return moment.isoformat(sep=" ", timespec="milliseconds") if dialect.name == "mssql" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Naive UTC from the database to an aware datetime."""
        return None if value is None else value.replace(tzinfo=UTC)


def now() -> datetime:
    """This moment, UTC, to the millisecond: what `UtcDateTime` gives back unchanged."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def text(length: int) -> sa.Unicode:
    """Bounded Unicode text: NVARCHAR(n) on SQL Server."""
    return sa.Unicode(length)


def ascii_text(length: int) -> sa.String:
    """Bounded text of ASCII only (hashes, words of ours): VARCHAR(n)."""
    return sa.String(length)


def decimal(precision: int, scale: int) -> TypeEngine[Any]:
    """DECIMAL(p, s) read as float; SQLite, which has no decimals, holds the rounded number as REAL."""
    return sa.Numeric(precision, scale, asdecimal=False).with_variant(sa.REAL(), "sqlite")


def long_text() -> TypeEngine[Any]:
    """Unbounded Unicode text, for JSON of run records only: never in a table that a night fills."""
    return sa.UnicodeText().with_variant(mssql.NVARCHAR(None), "mssql")


def date() -> sa.DATE:
    """A day."""
    return sa.DATE()


def double() -> TypeEngine[Any]:
    """A measured number: FLOAT(53) on SQL Server."""
    return sa.Float(53)
