"""Schemas of a test's own on a T-SQL server, and their removal."""

from __future__ import annotations

import gc
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import URL, Engine, make_url

from routing_etl.warehouse import migrate as m


def new_schema() -> str:
    """A schema name that nobody else uses."""
    return f"retl_test_{uuid.uuid4().hex[:8]}"


def drop_schema(engine: Engine, schema: str) -> None:
    """Remove our tables, whatever else a test left in the schema, and the schema."""
    m.downgrade(engine, schema, "base")
    names = sa.inspect(engine).get_table_names(schema)
    with engine.begin() as connection:
        for name in names:
            connection.exec_driver_sql(f"DROP TABLE [{schema}].[{name}]")
    with engine.begin() as connection:
        connection.exec_driver_sql(f"DROP SCHEMA [{schema}]")


def run_alone(engine: Engine, *statements: str) -> None:
    """Run statements, each outside of a transaction."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


@contextmanager
def new_login(engine: Engine, url: str) -> Iterator[tuple[URL, str]]:
    """The URL and the name of a login that may do nothing; skips where such a login cannot be made.

    What is granted to it meanwhile must be revoked before the end.
    """
    name, password = f"retl_{uuid.uuid4().hex[:8]}", "Str4nger-" + uuid.uuid4().hex[:12]
    try:
        run_alone(
            engine,
            f"CREATE LOGIN [{name}] WITH PASSWORD = '{password}', DEFAULT_DATABASE = [{make_url(url).database}]",
            f"CREATE USER [{name}] FOR LOGIN [{name}]",
        )
    except sa.exc.DBAPIError as exc:
        pytest.skip(f"the test login may not make logins: {exc.orig}")
    try:
        yield make_url(url).set(username=name, password=password), name
    finally:
        run_alone(engine, f"DROP USER [{name}]")
        _drop_login(engine, name)


def _drop_login(engine: Engine, name: str) -> None:
    """Remove a login; a session of it that Python has not yet let go of is waited for."""
    for attempt in range(1, 11):
        gc.collect()
        try:
            run_alone(engine, f"DROP LOGIN [{name}]")
        except sa.exc.DBAPIError as exc:
            if "currently logged in" not in str(exc) or attempt == 10:
                raise
            time.sleep(1)
        else:
            return
