"""Statements that change rows: how many rows they changed, and deletes that are small enough to keep row locks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

#: Rows per DELETE on SQL Server, which escalates to a table lock when one statement holds about 5,000 locks.
ROWS_PER_DELETE = 4_000


def affected(connection: Connection, statement: sa.Update | sa.Delete, key: sa.Column[Any]) -> int:
    """Run an UPDATE or DELETE and count the rows it changed.

    Sessions on SQL Server have NOCOUNT ON (docs/decisions/0003-sessions-on-sql-server.md), so its driver reports -1 for
    every statement. There the statement returns column `key` of the changed rows by OUTPUT, and these are counted.
    """
    if connection.dialect.name == "mssql":
        return len(connection.execute(statement.returning(key)).all())
    return connection.execute(statement).rowcount


def delete_part(table: sa.Table, where: sa.ColumnElement[bool]) -> sa.Delete:
    """One DELETE of at most `ROWS_PER_DELETE` rows on SQL Server, of all of them elsewhere."""
    return sa.delete(table).where(where).prefix_with(f"TOP ({ROWS_PER_DELETE})", dialect="mssql")


def rows_left(table: sa.Table, where: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """A query that gives one row if there is any."""
    return sa.select(sa.literal_column("1")).select_from(table).where(where).limit(1)


def delete_step(table: sa.Table, where: sa.ColumnElement[bool]) -> Callable[[Connection], bool]:
    """Work for one transaction, which deletes a part and returns whether rows are left."""

    def step(connection: Connection) -> bool:
        connection.execute(delete_part(table, where))
        return (
            connection.dialect.name == "mssql"
            and connection.execute(rows_left(table, where)).first() is not None
        )

    return step


def delete_all(
    connection: Connection, table: sa.Table, where: sa.ColumnElement[bool], key: sa.Column[Any]
) -> int:
    """Delete within one transaction, on SQL Server by statements that keep row locks. Returns the rows deleted."""
    total = gone = affected(connection, delete_part(table, where), key)
    while connection.dialect.name == "mssql" and gone == ROWS_PER_DELETE:
        gone = affected(connection, delete_part(table, where), key)
        total += gone
    return total
