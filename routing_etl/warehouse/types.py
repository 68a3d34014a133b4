"""Column types of our tables on SQLite, SQL Server and PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mssql, postgresql
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine


class UtcDateTime(TypeDecorator[datetime]):
    """A moment, UTC, to the millisecond: `datetime2(3)` on SQL Server, `timestamp(3)` on PostgreSQL, text on SQLite.

    Takes and returns aware datetimes. A naive one is refused, because its time zone is unknown.
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
        """An aware datetime as naive UTC, truncated to the millisecond; as text on SQL Server.

        pyodbc truncates a moment to the precision that the server reports for its types, and T-SQL on top of PostgreSQL
        reports whole seconds. Text in this form means the same in every language setting of a session.
        """
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value.isoformat()} has no time zone; pass an aware datetime")
        moment = value.astimezone(UTC).replace(tzinfo=None)
        moment = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
        return moment.isoformat(sep=" ", timespec="milliseconds") if dialect.name == "mssql" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """The database's naive UTC as an aware datetime."""
        return None if value is None else value.replace(tzinfo=UTC)


def now() -> datetime:
    """The current time in UTC, truncated to the millisecond, as `UtcDateTime` stores it."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def text(length: int) -> sa.Unicode:
    """Bounded Unicode text: NVARCHAR(n) on SQL Server."""
    return sa.Unicode(length)


def ascii_text(length: int) -> sa.String:
    """Bounded ASCII text (hashes, our own words): VARCHAR(n)."""
    return sa.String(length)


def decimal(precision: int, scale: int) -> TypeEngine[Any]:
    """DECIMAL(p, s), read as float. SQLite has no decimals and stores the rounded number as REAL."""
    return sa.Numeric(precision, scale, asdecimal=False).with_variant(sa.REAL(), "sqlite")


def long_text() -> TypeEngine[Any]:
    """Unbounded Unicode text, for the JSON of run records; not for tables with many rows."""
    return sa.UnicodeText().with_variant(mssql.NVARCHAR(None), "mssql")


def date() -> sa.DATE:
    """A date."""
    return sa.DATE()


def double() -> TypeEngine[Any]:
    """A floating-point number of double precision: FLOAT(53) on SQL Server."""
    return sa.Float(53)
