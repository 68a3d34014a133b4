"""Schemas of a test's own on a T-SQL server, and their removal."""

from __future__ import annotations

import uuid

import sqlalchemy as sa
from sqlalchemy.engine import Engine

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
