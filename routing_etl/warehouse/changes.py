"""Statements that change rows: how many rows they changed, and deletes that are small enough to keep row locks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from routing_etl.database.sqlserver import THEN

#: Rows per DELETE on SQL Server, which escalates to a table lock when one statement holds about 5,000 locks.
ROWS_PER_DELETE = 4_000


#: Whether a table of an engine's server has triggers, by its full name.
_triggers: WeakKeyDictionary[Engine, dict[str, bool]] = WeakKeyDictionary()


def has_triggers(connection: Connection, table: sa.Table) -> bool:
    """Whether statements on a table of SQL Server fire triggers; asked once for each table.

    OUTPUT without INTO is refused there (error 334), and it is how keys and counts come back otherwise.
    """
    known = _triggers.setdefault(connection.engine, {})
    if table.fullname not in known:
        kinds = ("Insert", "Update", "Delete")
        name = connection.dialect.identifier_preparer.format_table(table).replace("'", "''")
        counted = " + ".join(
            f"ISNULL(OBJECTPROPERTY(OBJECT_ID(N'{name}'), 'TableHas{k}Trigger'), 0)" for k in kinds
        )
        known[table.fullname] = bool(connection.exec_driver_sql(f"SELECT {counted}").scalar())
    return known[table.fullname]


def affected(connection: Connection, statement: sa.Update | sa.Delete, key: sa.Column[Any]) -> int:
    """Run an UPDATE or DELETE and count the rows it changed.

    Sessions on SQL Server have NOCOUNT ON (docs/decisions/0003-sessions-on-sql-server.md), so its driver reports -1 for
    every statement. There the statement returns column `key` of the changed rows by OUTPUT, and these are counted; where
    the table has triggers, the same batch selects @@ROWCOUNT.
    """
    if connection.dialect.name != "mssql":
        return connection.execute(statement).rowcount
    if isinstance(statement.table, sa.Table) and has_triggers(connection, statement.table):
        counted = statement.execution_options(**{THEN: "SELECT @@ROWCOUNT"})
        return int(connection.execute(counted).scalar_one())
    return len(connection.execute(statement.returning(key)).all())


def insert_for_key(connection: Connection, table: sa.Table, values: dict[str, Any]) -> int:
    """Insert one row into a table whose key the database counts; returns that key."""
    if connection.dialect.name == "mssql" and has_triggers(connection, table):
        # The same table, of which SQLAlchemy selects SCOPE_IDENTITY() in the batch of the INSERT. (@@IDENTITY would be the key
        # that a trigger's own table has given.)
        table = table.to_metadata(sa.MetaData())
        table.implicit_returning = False
    key = connection.execute(sa.insert(table).values(values)).inserted_primary_key
    assert key is not None
    return int(key[0])


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
