"""SQL Server is asked which codes it calls equal."""

from __future__ import annotations

import polars as pl
import pytest
import sqlalchemy as sa
from mssql_server import drop_schema, new_schema

from routing_etl.warehouse import migrate as m
from routing_etl.warehouse.identity import CodeIdentity

CODES = ["MC-01", "mc-01", "ＭＣ-01", "MC-01  ", "MC-02", "é", "e", "ß", "ss", "'", "", "b" * 100]


@pytest.fixture(scope="module")
def schema(engine):
    made = new_schema()
    m.migrate(engine, made)
    yield made
    drop_schema(engine, made)


@pytest.mark.parametrize("column", ["res_cd", "item_cd", "part_type"])
def test_the_answer_is_what_the_server_itself_calls_equal(engine, schema, column):
    groups = CodeIdentity(engine, schema)(column, pl.Series(CODES))
    if groups is None:
        pytest.skip("this server's collation is a binary one")
    with engine.connect() as connection:
        for i, a in enumerate(CODES):
            for j, b in enumerate(CODES[:i]):
                same = connection.execute(
                    sa.text(
                        "SELECT CASE WHEN CAST(:a AS nvarchar(200)) = CAST(:b AS nvarchar(200)) THEN 1 ELSE 0 END"
                    ),
                    {"a": a, "b": b},
                ).scalar()
                assert (groups[i] == groups[j]) == bool(same), (a, b)


def test_it_can_be_asked_twice_and_before_there_are_tables(engine):
    identity = CodeIdentity(engine, "retl_test_nowhere")
    first = identity("res_cd", pl.Series(CODES))
    second = identity("job_cd", pl.Series(CODES))
    assert (first is None and second is None) or first.to_list() == second.to_list()
