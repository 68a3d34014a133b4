"""No silent loss on SQL Server: every writer and every reader gives back what it was given, or refuses it by name."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from mssql_server import new_schema
from round_trip import (
    CODE,
    EDGES,
    MISFITS,
    TEXT,
    check_round_trip,
    edge_rows,
    frame_of,
    read_back,
    round_trip_table,
    rows_strategy,
)

from routing_etl.erp.catalogue import FoundColumn, Notation, ReadColumn
from routing_etl.erp.reader import ArrowOdbcReader, SqlAlchemyReader, tighten
from routing_etl.errors import ConfigurationError, FrameError
from routing_etl.warehouse.writers import choose_writer

WRITERS = ("batch", "arrow", "bulkcopy", "auto")


@pytest.fixture(scope="module")
def table(engine) -> Iterator[sa.Table]:
    """The round-trip table in a schema of its own."""
    made = round_trip_table(new_schema(), "mssql")
    with engine.begin() as connection:
        connection.execute(sa.schema.CreateSchema(made.schema))
    with engine.begin() as connection:
        connection.execute(sa.schema.CreateTable(made))
    yield made
    with engine.begin() as connection:
        connection.execute(sa.schema.DropTable(made))
    with engine.begin() as connection:
        connection.execute(sa.schema.DropSchema(made.schema))


@pytest.fixture(scope="module", autouse=True)
def widest(engine):
    """Numbers of 38 digits are left out on PostgreSQL-based servers: they read past the end of such a parameter, which
    fails or not by what lies there."""
    with engine.connect() as connection:
        query = "SELECT CAST(SERVERPROPERTY('BabelfishVersion') AS nvarchar(40))"
        based_on_postgresql = connection.exec_driver_sql(query).scalar_one() is not None
    with pytest.MonkeyPatch.context() as patch:
        if based_on_postgresql:
            patch.setitem(EDGES, "wide", [v for v in EDGES["wide"] if abs(v) < 10**27])
        yield


@pytest.fixture(scope="module", params=WRITERS)
def writer(request, engine, table, mssql_settings):
    """Each writer that works here; one that does not says why it is skipped. `batch` and `auto` must always work."""
    made = choose_writer(engine, mssql_settings(bulk_writer=request.param, load_rows=100))
    try:
        check_round_trip(engine, table, made, frame_of(edge_rows()[:2], "mssql"))
    except Exception as exc:
        if request.param in ("batch", "auto"):
            raise
        pytest.skip(f"writer {request.param} does not work on this server: {exc}")
    yield made
    made.close()


@pytest.mark.parametrize("nulls_first", [0, 150])
def test_edge_values_survive(engine, table, writer, nulls_first):
    check_round_trip(engine, table, writer, frame_of(edge_rows(nulls_first), "mssql"))


def test_any_values_survive(engine, table, writer):
    @settings(
        max_examples=15,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(rows_strategy())
    def check(rows):
        check_round_trip(engine, table, writer, frame_of(rows, "mssql"))

    check()


@pytest.mark.parametrize(("column", "value", "words"), MISFITS)
def test_misfits_are_refused_before_anything_is_sent(engine, table, writer, column, value, words):
    frame = frame_of([{}, {}], "mssql").with_columns(
        pl.when(pl.col("seq") == 1)
        .then(pl.lit(value, dtype=frame_of([{}], "mssql").schema[column]))
        .otherwise(pl.col(column))
        .alias(column)
    )
    owner = frame.item(0, "owner")
    with (
        pytest.raises(FrameError, match=rf"Table round_trip: column {column} is .*{words}"),
        engine.begin() as c,
    ):
        writer.write(c, table, frame)
    assert read_back(engine, table, owner) == []


def test_utf16_length_is_what_counts(engine, table, writer):
    exact, over = "𠀀" * (TEXT // 2), "𠀀" * (TEXT // 2) + "x"
    check_round_trip(engine, table, writer, frame_of([{"name": exact}], "mssql"))
    with pytest.raises(FrameError, match="longer than"), engine.begin() as connection:
        writer.write(connection, table, frame_of([{"name": over}], "mssql"))


def test_repeating_a_write_after_an_error_leaves_each_row_once(engine, table, mssql_settings):
    """What a retry does: the first call's transaction is rolled back, then the same rows come again."""
    made = choose_writer(engine, mssql_settings(bulk_writer="auto", load_rows=100))
    frame = frame_of([{"name": str(n)} for n in range(20)], "mssql")
    with pytest.raises(ZeroDivisionError), engine.begin() as connection:
        made.write(connection, table, frame)
        1 / 0
    with engine.begin() as connection:
        made.write(connection, table, frame)
    made.close()
    assert [r["name"] for r in read_back(engine, table, frame.item(0, "owner"))] == [
        str(n) for n in range(20)
    ]


# --- readers ------------------------------------------------------------------------------------------------------------
def _read_columns() -> list[ReadColumn]:
    kinds = {"name": ("text", TEXT), "code": ("text", CODE), "price": ("number", 0), "small": ("integer", 0)}
    kinds |= {"day": ("date", 0), "moment": ("date", 0), "ratio": ("number", 0)}
    families = {"text": "text", "number": "number", "integer": "integer", "date": "date"}
    return [
        # every day is one: which are not is another test's subject
        ReadColumn(
            n,
            kind,
            length,
            False,
            FoundColumn(n, "t", families[kind], length or None),
            notation=Notation(no_dates=()),
        )
        for n, (kind, length) in kinds.items()
    ]


def test_both_readers_give_the_same_and_lose_nothing(engine, table, mssql_settings):
    made = choose_writer(engine, mssql_settings(bulk_writer="batch"))
    frame = frame_of(edge_rows(3), "mssql")
    check_round_trip(engine, table, made, frame)
    columns = _read_columns()
    source = [
        sa.cast(table.c[c.name], sa.Double()) if c.type == "number" else table.c[c.name] for c in columns
    ]
    query = (
        sa.select(*(s.label(c.name) for s, c in zip(source, columns, strict=True)))
        .where(table.c.owner == frame.item(0, "owner"))
        .order_by(table.c.seq)
    )
    results = {}
    with engine.connect() as connection:
        readers = [SqlAlchemyReader(connection)]
        try:
            readers.append(
                ArrowOdbcReader(engine, isolation="default", connect_timeout=30, statement_timeout=60)
            )
        except ConfigurationError as exc:
            pytest.skip(f"arrow-odbc does not work on this server: {exc}")
        for reader in readers:
            parts = [tighten(chunk, columns, 0) for chunk in reader.chunks(query, columns, 7)]
            assert all(problems.is_empty() for _, problems in parts)
            results[reader.name] = pl.concat([values for values, _ in parts])
    first, second = results.values()
    assert first["name"].to_list() == frame["name"].to_list()
    assert first["code"].to_list() == frame["code"].to_list()
    assert first["price"].to_list() == frame["price"].to_list()
    assert first["small"].to_list() == frame["small"].cast(pl.Int64).to_list()
    days = [None if d is None else d.isoformat() for d in frame["day"]]
    assert [None if d is None else d[:10] for d in first["day"]] == days
    for column in ("name", "code", "price", "small", "ratio"):
        assert first[column].to_list() == second[column].to_list(), column
    for column in ("day", "moment"):
        short = [[None if v is None else v[:10] for v in f[column]] for f in (first, second)]
        assert short[0] == short[1], column
    assert set(EDGES["name"]) <= set(first["name"].drop_nulls())
