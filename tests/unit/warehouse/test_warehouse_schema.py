"""Tables: they hold what the frames promise, and render right on SQL Server."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.dialects import mssql, sqlite
from sqlalchemy.schema import CreateTable

from routing_etl.frames import METRICS, REJECTS
from routing_etl.settings import load_settings
from routing_etl.warehouse.contents import targets
from routing_etl.warehouse.schema import TIME_COLUMNS, tables
from routing_etl.warehouse.types import UtcDateTime

TABLES = tables("routing")


@pytest.mark.parametrize("target", targets(TABLES), ids=lambda t: t.frame.name)
def test_every_frame_column_but_the_join_key_has_a_column_at_least_as_wide(target):
    stored = {c.name: c for c in target.columns}
    for column in target.frame.columns:
        if column.name == "item_key":
            continue
        assert column.name in stored, column.name
        if column.max_length is not None:
            assert stored[column.name].type.length >= column.max_length, column.name
        if not column.nullable:
            assert not stored[column.name].nullable, column.name


def test_metrics_and_rejects_have_their_columns():
    assert set(METRICS.names) <= set(TABLES.model_metric.c.keys())
    renamed = {"rule": "rule_name"}
    assert {renamed.get(n, n) for n in REJECTS.names} <= set(TABLES.rejected_row.c.keys())


def test_output_constants_are_columns_of_the_publication():
    constants = load_settings().output_constants()
    assert set(constants) <= set(TABLES.publication.c.keys())


def test_time_columns_exist():
    assert set(TIME_COLUMNS) <= set(TABLES.candidate_operation.c.keys())


def _ddl(table: sa.Table) -> str:
    return str(CreateTable(table).compile(dialect=mssql.dialect()))


def test_sql_server_types_are_bounded_unicode_decimal_and_datetime2():
    ddl = _ddl(TABLES.candidate_operation)
    assert "item_cd NVARCHAR(100) NOT NULL" in ddl
    assert "run_time NUMERIC(12, 4)" in ddl
    assert "PRIMARY KEY CLUSTERED (publication_id, item_cd, candidate_rank, proc_seq)" in ddl
    assert "ON DELETE CASCADE" in ddl
    assert "created_at DATETIME2(3) NOT NULL" in _ddl(TABLES.publication)
    assert "valid_from DATE NOT NULL" in _ddl(TABLES.publication)


@pytest.mark.parametrize("table", TABLES.published, ids=lambda t: t.name)
def test_no_unbounded_text_in_a_table_that_a_night_fills(table):
    assert "max" not in _ddl(table).lower()


@pytest.mark.parametrize("table", TABLES.metadata.sorted_tables, ids=lambda t: t.name)
def test_clustered_keys_fit_the_900_bytes_of_sql_server(table):
    size = 0
    for column in table.primary_key.columns:
        unicode = isinstance(column.type, sa.Unicode)
        size += column.type.length * (2 if unicode else 1) if isinstance(column.type, sa.String) else 8
    assert size <= 900


@pytest.mark.parametrize("table", TABLES.metadata.sorted_tables, ids=lambda t: t.name)
def test_every_constraint_is_named(table):
    dialect = mssql.dialect()
    for constraint in table.constraints:
        assert dialect.identifier_preparer.format_constraint(constraint), constraint
    for index in table.indexes:
        assert index.name


def test_a_naive_moment_is_refused():
    with pytest.raises(ValueError, match="no time zone"):
        UtcDateTime().process_bind_param(datetime(2026, 1, 1), sqlite.dialect())


@given(
    st.datetimes(min_value=datetime(1753, 1, 2), max_value=datetime(9999, 12, 30)),
    st.integers(-14 * 60, 14 * 60),
)
def test_moments_round_trip_to_the_millisecond(moment, minutes):
    aware = moment.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    kind, dialect = UtcDateTime(), sqlite.dialect()
    back = kind.process_result_value(kind.process_bind_param(aware, dialect), dialect)
    assert back.tzinfo is UTC
    assert timedelta(0) <= aware - back < timedelta(milliseconds=1)
