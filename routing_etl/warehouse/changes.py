"""Statements that change rows: how many they changed, and deletes small enough to keep row locks.

What belongs here: the two things that every writer of ours needs from an UPDATE or DELETE. What does not: which rows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

#: Rows of one DELETE on SQL Server, which turns the row locks of a statement into a table lock at about 5,000.
ROWS_PER_DELETE = 4_000


def affected(connection: Connection, statement: sa.Update | sa.Delete, key: sa.Column[Any]) -> int:
    """Run an UPDATE or DELETE and count the rows it changed.

    Sessions on SQL Server have NOCOUNT ON (docs/decisions/0003-sessions-on-sql-server.md), under which its driver
    reports -1 for every statement: there the changed rows are returned by OUTPUT, as their column `key`, and counted.
    """
    if connection.dialect.name == "mssql":
        return len(connection.execute(statement.returning(key)).all())
    return connection.execute(statement).rowcount


def delete_part(table: sa.Table, where: sa.ColumnElement[bool]) -> sa.Delete:
    """One DELETE of at most `ROWS_PER_DELETE` rows on SQL Server, of all of them elsewhere."""
    return sa.delete(table).where(where).prefix_with(f"TOP ({ROWS_PER_DELETE})", dialect="mssql")


def rows_left(table: sa.Table, where: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """One row when there is any."""
    return sa.select(sa.literal_column("1")).select_from(table).where(where).limit(1)


def delete_step(table: sa.Table, where: sa.ColumnElement[bool]) -> Callable[[Connection], bool]:
    """Work for one transaction: delete a part. It returns whether rows are left."""

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
    """Delete in one transaction, by statements that keep row locks on SQL Server; returns the rows deleted."""
    total = gone = affected(connection, delete_part(table, where), key)
    while connection.dialect.name == "mssql" and gone == ROWS_PER_DELETE:
        gone = affected(connection, delete_part(table, where), key)
        total += gone
    return total
