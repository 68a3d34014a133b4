"""A server that speaks TDS and T-SQL, named in ROUTING_ETL_TEST_MSSQL_URL; without it these tests are skipped.

Everything is made in schemas of its own, `retl_test_*`, and removed at the end. The demo plant's tables go into the
login's default schema, from which they are removed too. New connections can be dear there, so one engine serves all.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from mssql_server import drop_schema, new_schema
from sqlalchemy.engine import Engine

from routing_etl.database.engine import make_engine
from routing_etl.settings import Settings, load_settings
from routing_etl.warehouse import migrate as m
from routing_etl.warehouse.publish import Publisher

VARIABLE = "ROUTING_ETL_TEST_MSSQL_URL"
REASON = f"{VARIABLE} names no T-SQL server"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test of this folder is marked, and skipped when there is no server."""
    folder = Path(__file__).parent
    for item in items:
        if folder in item.path.parents:
            item.add_marker(pytest.mark.mssql)
            if not os.environ.get(VARIABLE):
                item.add_marker(pytest.mark.skip(reason=REASON))


@pytest.fixture(scope="session")
def url() -> str:
    """The server's URL."""
    return os.environ[VARIABLE]


@pytest.fixture(scope="session")
def mssql_settings(url: str, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Settings]:
    """Settings for the server, with overrides."""
    home = tmp_path_factory.mktemp("mssql")

    def make(**overrides: Any) -> Settings:
        values = {"home": home, "erp_url": url, "warehouse_url": url, "pool_size": 8, "connect_timeout": 30}
        return load_settings(**{"_env_file": None, **values, **overrides})

    return make


@pytest.fixture(scope="session")
def engine(url: str, mssql_settings: Callable[..., Settings]) -> Iterator[Engine]:
    """One engine for all tests."""
    made = make_engine(url, "warehouse", mssql_settings())
    yield made
    made.dispose()


@pytest.fixture(scope="session")
def schema(engine: Engine) -> Iterator[str]:
    """A migrated schema of ours."""
    name = new_schema()
    m.migrate(engine, name)
    yield name
    drop_schema(engine, name)


@pytest.fixture
def publisher(engine: Engine, schema: str, mssql_settings: Callable[..., Settings]) -> Iterator[Publisher]:
    """A publisher on the shared schema, whose tables hold no row at the start."""
    made = Publisher(engine, mssql_settings(warehouse_schema=schema))
    yield made
    with engine.begin() as connection:
        for table in reversed(made.tables.metadata.sorted_tables):
            if table is not made.tables.writer_lock:
                connection.execute(sa.delete(table))
