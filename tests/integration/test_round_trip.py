"""No silent loss on SQLite and PostgreSQL: what the batch writer is given is read back, or refused by name.

The same cases run on SQL Server, through every writer, in `tests/mssql`.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from round_trip import (
    MISFITS,
    check_round_trip,
    edge_rows,
    frame_of,
    read_back,
    round_trip_table,
    rows_strategy,
)

from routing_etl.database.engine import make_engine
from routing_etl.errors import FrameError
from routing_etl.settings import load_settings
from routing_etl.warehouse.writers import choose_writer

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def place(request, tmp_path_factory) -> Iterator[tuple[sa.Engine, sa.Table]]:
    """An engine and the round-trip table in it."""
    home = tmp_path_factory.mktemp("round_trip")

    def made(url: str) -> tuple[sa.Engine, sa.Table]:
        engine = make_engine(url, "warehouse", load_settings(home=home))
        table = round_trip_table(None, engine.dialect.name)
        table.create(engine)
        return engine, table

    if request.param == "sqlite":
        engine, table = made(f"sqlite:///{(home / 'w.db').as_posix()}")
        yield engine, table
        engine.dispose()
        return
    engine, table = made(request.getfixturevalue("postgres_url"))
    yield engine, table
    table.drop(engine)
    engine.dispose()


@pytest.fixture
def writer(place, tmp_path):
    return choose_writer(place[0], load_settings(home=tmp_path, load_rows=100))


@pytest.mark.parametrize("nulls_first", [0, 150])
def test_edge_values_survive(place, writer, nulls_first):
    engine, table = place
    check_round_trip(engine, table, writer, frame_of(edge_rows(nulls_first), engine.dialect.name))


def test_any_values_survive(place, writer):
    engine, table = place

    @settings(
        max_examples=40,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(rows_strategy())
    def check(rows):
        check_round_trip(engine, table, writer, frame_of(rows, engine.dialect.name))

    check()


@pytest.mark.parametrize(("column", "value", "words"), MISFITS)
def test_misfits_are_refused_before_anything_is_sent(place, writer, column, value, words):
    engine, table = place
    frame = frame_of([{}, {}], engine.dialect.name)
    wrong = pl.when(pl.col("seq") == 1).then(pl.lit(value, dtype=frame.schema[column]))
    frame = frame.with_columns(wrong.otherwise(pl.col(column)).alias(column))
    owner = frame.item(0, "owner")
    refused = pytest.raises(FrameError, match=rf"Table round_trip: column {column} is .*{words}")
    with refused, engine.begin() as connection:
        writer.write(connection, table, frame)
    assert read_back(engine, table, owner) == []
