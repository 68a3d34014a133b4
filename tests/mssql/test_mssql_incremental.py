"""Incremental reads on a T-SQL server: by row version, by moment and by number, through every reader."""

from __future__ import annotations

import polars as pl
import pytest
import sqlalchemy as sa
from mssql_server import new_schema

from routing_etl.erp import extract as extract_module
from routing_etl.erp import incremental
from routing_etl.erp.extract import extract
from routing_etl.erp.profile import load_profile
from routing_etl.erp.reader import SqlAlchemyReader

ROWS = 300
PROFILE = """
name = "site"
[source]
schema = "{schema}"
[items]
table = "ITEM"
columns = {{ item_cd = "CODE" }}
attributes = {{ part_type = {{ column = "TYPE", kind = "category" }} }}
[operations]
table = "ROUT"
columns = {{ item_cd = "CODE", rout_no = "NO", proc_seq = "SEQ", job_cd = "JOB" }}
[results]
table = "DONE"
columns = {{ item_cd = "CODE", proc_seq = "SEQ", job_cd = "JOB", report_dt = "AT", order_qty = "QTY" }}
[results.incremental]
column = "{column}"
kind = "{kind}"
key = ["ID"]
overlap = 0
"""


@pytest.fixture
def source(engine):
    """Tables of a small ERP in a schema of their own; DONE carries a row version where the server has them."""
    schema = new_schema()
    made = []

    def run(*statements):
        # Each on its own: some servers are without a transaction after a statement that they do not know.
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            for statement in statements:
                connection.exec_driver_sql(statement.replace("{s}", schema))

    def table(name, columns):
        run(f"CREATE TABLE {{s}}.{name} ({columns})")
        made.append(name)

    run("CREATE SCHEMA {s}")
    try:
        table("ITEM", "CODE nvarchar(100) NOT NULL, TYPE nvarchar(100)")
        table("ROUT", "CODE nvarchar(100) NOT NULL, NO nvarchar(50), SEQ int, JOB nvarchar(50)")
        columns = "ID int NOT NULL PRIMARY KEY, CODE nvarchar(100), SEQ int, JOB nvarchar(50), AT datetime2(3), QTY float"
        versioned = True
        try:
            table("DONE", f"{columns}, RV rowversion")
        except sa.exc.DBAPIError as exc:
            versioned, reason = False, str(exc.orig)[:200]
            table("DONE", columns)
        run(
            "INSERT INTO {s}.ITEM VALUES (N'가1', N'11')",
            "INSERT INTO {s}.ROUT VALUES (N'가1', N'R1', 10, N'J')",
            *[
                "INSERT INTO {s}.DONE (ID, CODE, SEQ, JOB, AT, QTY) VALUES "
                + ", ".join(
                    f"({n}, N'가{n}', 10, N'J', '2025-01-01T08:00:00.125', {n / 4})"
                    for n in range(start, start + 100)
                )
                for start in range(0, ROWS, 100)
            ],
            "UPDATE {s}.DONE SET AT = '2025-02-01T08:00:00.250' WHERE ID = 299",
        )
        yield schema, run, "" if versioned else reason
    finally:
        run(*[f"DROP TABLE {{s}}.{name}" for name in reversed(made)], "DROP SCHEMA {s}")


@pytest.mark.parametrize("path", ["fast", "plain"])
@pytest.mark.parametrize(
    ("column", "kind", "most"), [("RV", "rowversion", 5), ("AT", "date", 4), ("ID", "number", 2)]
)
def test_an_incremental_read_is_a_full_one(
    source, url, mssql_settings, tmp_path, monkeypatch, column, kind, most, path
):
    """Two rows are updated and one is added; by number, which no update moves, only the added one is."""
    schema, run, no_versions = source
    if kind == "rowversion" and no_versions:
        pytest.skip(f"this server has no row versions: {no_versions}")
    if path == "plain":
        monkeypatch.setattr(
            extract_module, "open_reader", lambda connection, *_, **__: SqlAlchemyReader(connection)
        )
    file = tmp_path / "site.toml"
    file.write_text(PROFILE.format(schema=schema, column=column, kind=kind), encoding="utf-8")
    profile, settings = load_profile(file), mssql_settings()
    first = extract(url, profile, tmp_path / "one" / "raw", settings).frames["work_results"]
    assert (first.mode, first.rows) == ("full", ROWS)
    assert first.watermark_to is not None
    if kind != "number":
        run("UPDATE {s}.DONE SET AT = '2025-03-01T07:00:00', QTY = 7.5 WHERE ID IN (3, 150)")
    run("INSERT INTO {s}.DONE (ID, CODE, SEQ, JOB, AT) VALUES (300, N'나', 10, N'J', '2025-03-01')")
    base = tmp_path / "one" / "raw"
    done = extract(url, profile, tmp_path / "two" / "raw", settings, base=base).frames["work_results"]
    assert done.mode == "incremental", done.why
    assert (done.rows, done.watermark_from) == (ROWS + 1, first.watermark_to)
    assert done.rows_read <= most
    extract(url, profile, tmp_path / "full" / "raw", settings)
    frames = [pl.read_parquet(tmp_path / n / "raw" / "work_results.parquet") for n in ("two", "full")]
    assert frames[0].sort(frames[0].columns).equals(frames[1].sort(frames[1].columns))
    run("DELETE FROM {s}.DONE WHERE ID = 10")
    again = extract(url, profile, tmp_path / "three" / "raw", settings, base=tmp_path / "two" / "raw")
    assert again.frames["work_results"].mode == "full" and "deleted" in again.frames["work_results"].why


def test_the_fence_lies_above_every_committed_row_version(source, engine):
    schema, _, no_versions = source
    if no_versions:
        pytest.skip(f"this server has no row versions: {no_versions}")
    fence, copied = incremental.row_version_fence(engine)
    assert copied == "", "the test database is written to"
    if fence is None:
        pytest.skip("this server has no MIN_ACTIVE_ROWVERSION; the overlap alone finds late commits there")
    with engine.connect() as connection:
        newest = connection.exec_driver_sql(f"SELECT CAST(MAX(RV) AS BIGINT) FROM {schema}.DONE").scalar_one()
    assert newest < fence
