"""The ERP on a second real server: schemas, typed columns, server-side cursors, one snapshot for all frames."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import sqlalchemy as sa

from routing_etl.erp import reader as reader_module
from routing_etl.erp.catalogue import bind
from routing_etl.erp.clean import clean
from routing_etl.erp.extract import extract
from routing_etl.erp.profile import Profile, load_profile
from routing_etl.errors import SourceError, TransientDatabaseError
from routing_etl.plant.adventureworks import load_csv
from routing_etl.settings import load_settings

pytestmark = pytest.mark.integration

CSV = Path(__file__).parents[2].parent / "shared" / "data" / "adventureworks"


@pytest.fixture(scope="module")
def server(postgres_url: str) -> str:
    """A database of this file's own."""
    engine = sa.create_engine(postgres_url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql("CREATE DATABASE erp")
    engine.dispose()
    return sa.make_url(postgres_url).set(database="erp").render_as_string(hide_password=False)


SCHEMA = """
CREATE SCHEMA erp;
CREATE TABLE erp."V_ITEM" ("CODE" varchar(100), "TYPE" varchar(50), "NOTE" text, "DIA" numeric(18, 4), "UOM" varchar(20));
CREATE TABLE erp."V_ROUT" ("ITEM" varchar(100), "NO" varchar(50), "SEQ" integer, "JOB" varchar(50), "AT" timestamp,
    "FROM" date, "TO" date, "MIN" numeric(18, 4), "PLACE" varchar(16));
CREATE TABLE erp."V_DONE" ("ITEM" varchar(100), "NO" varchar(50), "SEQ" integer, "JOB" varchar(50), "DAY" timestamptz,
    "H" double precision, "QTY" bigint);
INSERT INTO erp."V_ITEM" SELECT 'A' || n, '11', repeat('가', 700), 2.5, 'INCH' FROM generate_series(1, 250) n;
INSERT INTO erp."V_ROUT" SELECT 'A' || n, 'R1', s, 'J' || s, '2025-05-01 08:30', NULL, '2999-12-31', 6.25, '외주'
    FROM generate_series(1, 250) n, generate_series(10, 30, 10) s;
INSERT INTO erp."V_DONE" SELECT 'A' || n, 'R1', 10, 'J10', '2025-06-01 00:00+00', 1.5, 10 FROM generate_series(1, 250) n;
"""

PROFILE = """
name = "other_erp"
[source]
schema = "erp"
[items]
table = "v_item"
[items.columns]
item_cd = "code"
[items.attributes]
part_type = { column = "type", kind = "category", length = 50 }
note = { column = "note", kind = "text", length = 500 }
diameter = { column = "dia", kind = "number", unit = "mm", unit_column = "uom", unit_group = "d" }
[operations]
table = "v_rout"
columns = { item_cd = "item", rout_no = "no", proc_seq = "seq", job_cd = "job", insrt_dt = "at", valid_from = "from", valid_to = "to", run_time = "min", inside = "place" }
[routing]
inside_words = ["사내"]
outside_words = ["외주"]
[results]
table = "v_done"
columns = { item_cd = "item", rout_no = "no", proc_seq = "seq", job_cd = "job", report_dt = "day", machine_time = "h", order_qty = "qty" }
[units]
map = { INCH = "in" }
quantities = { length = { mm = 1, in = 25.4 } }
"""


@pytest.fixture(scope="module")
def source(server: str) -> str:
    engine = sa.create_engine(server)
    with engine.begin() as connection:
        connection.exec_driver_sql(SCHEMA)
    engine.dispose()
    return server


@pytest.fixture
def profile(tmp_path: Path) -> Profile:
    path = tmp_path / "other.toml"
    path.write_text(PROFILE, encoding="utf-8")
    return load_profile(path)


def test_a_foreign_erp_is_read_by_a_profile_alone(source: str, profile: Profile, tmp_path: Path) -> None:
    report = extract(source, profile, tmp_path / "raw", load_settings(home=tmp_path, fetch_rows=100))
    assert report.isolation == "REPEATABLE READ"
    assert {n: f.rows for n, f in report.frames.items()} == {
        "items": 250,
        "operations": 750,
        "work_results": 250,
    }
    assert report.frames["work_results"].watermarks == {"report_dt": "2025-06-01"}
    done = clean(tmp_path / "raw", tmp_path / "clean", tmp_path / "rejects", profile, cutoff=None)
    assert done.rejects == {}
    items = pl.read_parquet(tmp_path / "clean" / "items.parquet")
    assert items["diameter"].unique().to_list() == [63.5]
    assert items["note"].str.len_chars().unique().to_list() == [500]
    assert done.repairs["items.text_cut"] == 250
    row = pl.read_parquet(tmp_path / "clean" / "operations.parquet").row(0, named=True)
    assert (row["run_min"], row["inside"], row["valid_to"].year, row["insrt_dt"].hour) == (
        6.25,
        "out",
        2999,
        8,
    )


def test_all_frames_come_from_one_snapshot(
    source: str, profile: Profile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = reader_module.SqlAlchemyReader.chunks
    engine = sa.create_engine(source)

    def meddle(self: Any, statement: Any, columns: Any, rows: int) -> Iterator[pl.DataFrame]:
        yield from original(self, statement, columns, rows)
        with engine.begin() as other:
            other.exec_driver_sql(
                """INSERT INTO erp."V_DONE" VALUES ('LATE', 'R1', 10, 'J10', now(), 1, 1)"""
            )

    monkeypatch.setattr(reader_module.SqlAlchemyReader, "chunks", meddle)
    report = extract(source, profile, tmp_path / "raw", load_settings(home=tmp_path))
    assert report.frames["work_results"].rows == 250
    with engine.begin() as connection:
        connection.exec_driver_sql("""DELETE FROM erp."V_DONE" WHERE "ITEM" = 'LATE'""")


@pytest.mark.parametrize(
    ("kind", "type_", "old", "late", "new"),
    [
        ("date", "timestamptz", "'2025-01-01 23:00+00'", "'2025-02-01 10:00+00'", "'2025-02-03 10:00+00'"),
        ("number", "bigint", "1", "99", "104"),
        (
            "rowversion",
            "bytea",
            r"'\x00000000000000ff'",
            r"'\x00000000000001ff'",
            r"'\x0000000000000300'",
        ),
    ],
)
def test_an_incremental_read_is_a_full_one(
    source: str, tmp_path: Path, kind: str, type_: str, old: str, late: str, new: str
) -> None:
    """250 rows below the bound, two in the overlap; then one of each is updated, one is added, one is deleted."""
    table = f"V_{type_}"
    path = tmp_path / "changes.toml"
    path.write_text(
        PROFILE.replace('"v_done"', f'"{table}"')
        + f'[results.incremental]\ncolumn = "AT"\nkind = "{kind}"\nkey = ["ITEM", "ID"]\noverlap = 2\n',
        encoding="utf-8",
    )
    engine = sa.create_engine(source)

    def do(sql: str) -> None:
        with engine.begin() as connection:
            connection.exec_driver_sql(sql.replace("V_T", table))

    do(
        f"""CREATE TABLE erp."V_T" AS SELECT d.*, n AS "ID", {old}::{type_} AS "AT"
        FROM (SELECT row_number() OVER () AS n, * FROM erp."V_DONE") AS d"""
    )
    do(f"""UPDATE erp."V_T" SET "AT" = {late} WHERE "ID" > 248""")
    settings, reports = load_settings(home=tmp_path), []
    for night in ("one", "two", "full"):
        base = tmp_path / "one" / "raw" if night == "two" else None
        reports.append(extract(source, load_profile(path), tmp_path / night / "raw", settings, base=base))
        if night == "one":
            do(f"""UPDATE erp."V_T" SET "QTY" = 77, "AT" = {new} WHERE "ID" IN (5, 249)""")
            do("""INSERT INTO erp."V_T" SELECT * FROM erp."V_T" WHERE "ID" = 7""")
            do(f"""UPDATE erp."V_T" SET "ID" = 251, "AT" = {late}
                WHERE ctid = (SELECT max(ctid) FROM erp."V_T" WHERE "ID" = 7)""")
            do("""DELETE FROM erp."V_T" WHERE "ID" = 250""")
            do(f"""UPDATE erp."V_T" SET "AT" = {late} WHERE "ID" = 9""")
    engine.dispose()
    done = reports[1].frames["work_results"]
    assert done.mode == "incremental", done.why
    assert (done.rows, done.rows_read, done.rows_reused, done.rows_replaced, done.rows_gone) == (
        250, 4, 246, 3, 1,
    )  # fmt: skip
    frames = [pl.read_parquet(tmp_path / n / "raw" / "work_results.parquet") for n in ("two", "full")]
    assert frames[0].sort(frames[0].columns).equals(frames[1].sort(frames[1].columns))


def test_a_table_in_another_schema_is_missing_by_its_full_name(source: str, tmp_path: Path) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text(PROFILE.replace('schema = "erp"', 'schema = "elsewhere"'), encoding="utf-8")
    with pytest.raises(SourceError, match=r"no table or view elsewhere\.v_item"):
        extract(source, load_profile(path), tmp_path / "raw", load_settings(home=tmp_path))


def test_a_type_that_cannot_be_read_is_named(source: str, tmp_path: Path) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text(PROFILE.replace('report_dt = "day"', 'report_dt = "qty"'), encoding="utf-8")
    with pytest.raises(SourceError, match=r"V_DONE\.QTY is integer, expected date"):
        extract(source, load_profile(path), tmp_path / "raw", load_settings(home=tmp_path))


def test_nobody_listening_is_transient(tmp_path: Path) -> None:
    pytest.importorskip("psycopg", reason="the driver psycopg is not installed")
    with pytest.raises(TransientDatabaseError, match="ROUTING_ETL_ERP_URL"):
        extract(
            "postgresql+psycopg://u:secret@127.0.0.1:1/x",
            load_profile("bi_views"),
            tmp_path,
            load_settings(home=tmp_path),
        )


def test_adventureworks_keeps_its_schemas(server: str, tmp_path: Path) -> None:
    if not CSV.is_dir():
        pytest.skip(f"the AdventureWorks CSV files are not at {CSV}")
    for file in CSV.glob("*.csv*"):
        name = f"{file.name.split('.')[0]}.csv"
        pl.read_csv(file, infer_schema=False).head(1500).write_csv(tmp_path / name)
    load_csv(tmp_path, server)
    engine = sa.create_engine(server)
    assert "Product" in sa.inspect(engine).get_table_names(schema="Production")
    assert bind(engine, load_profile("adventureworks")).worst_first == []
    report = extract(server, load_profile("adventureworks"), tmp_path / "raw", load_settings(home=tmp_path))
    assert report.frames["items"].rows == 239
    assert report.frames["items"].table == "Production.Product"
    assert pl.read_parquet(tmp_path / "raw" / "items.parquet")["item_cd"].to_list()[0].isdigit()
    assert set(pl.read_parquet(tmp_path / "raw" / "items.parquet")["finished_goods"]) == {"0", "1"}


def test_a_wrong_password_is_refused_in_one_sentence_without_the_password(
    server: str, profile: Profile, tmp_path: Path
) -> None:
    """A role that must give a password, on a server that trusts the others."""
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        hba = Path(connection.execute(sa.text("SHOW hba_file")).scalar_one())
        connection.execute(sa.text("CREATE ROLE locked_reader LOGIN PASSWORD 'right'"))
        hba.write_text(
            "host all locked_reader 127.0.0.1/32 scram-sha-256\n" + hba.read_text(encoding="utf-8"),
            encoding="utf-8",
        )
        connection.execute(sa.text("SELECT pg_reload_conf()"))
    engine.dispose()
    url = (
        sa.make_url(server)
        .set(username="locked_reader", password="wr0ng-Secret")
        .render_as_string(hide_password=False)
    )
    with pytest.raises(SourceError, match="refused the login") as error:
        extract(url, profile, tmp_path / "raw", load_settings(_env_file=None, home=tmp_path))
    assert "wr0ng-Secret" not in str(error.value) and "ROUTING_ETL_ERP_URL" in error.value.remedy


OBJECTS = """
CREATE SCHEMA kinds;
CREATE TABLE kinds.part (code text, kind text, made date) PARTITION BY LIST (kind);
CREATE TABLE kinds.part_a PARTITION OF kinds.part FOR VALUES IN ('A');
INSERT INTO kinds.part SELECT 'P' || n, 'A', '2024-01-01' FROM generate_series(1, 3) n;
CREATE TABLE kinds.step (part text, "No." text, "Item.Code" text, lasts interval, vendor text);
INSERT INTO kinds.step SELECT 'P' || n, '10', 'SAW', '00:02:30', NULL FROM generate_series(1, 3) n;
ALTER TABLE kinds.step ADD COLUMN price money;
UPDATE kinds.step SET price = 12.5;
CREATE MATERIALIZED VIEW kinds.part_now AS SELECT * FROM kinds.part;
CREATE EXTENSION file_fdw;
CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
CREATE FOREIGN TABLE kinds.attr (part text, name text, value text) SERVER files
    OPTIONS (program 'printf "P1,LEN,5\nP2,LEN,7\nP2,LEN,8\n"', format 'csv');
"""
KINDS = """
name = "kinds"
[source]
schema = "kinds"
[items]
table = "PART_NOW"
[items.columns]
item_cd = "code"
[items.attributes]
part_type = { column = "kind", kind = "category" }
length = { column = "attr.len", kind = "number" }
[[items.pivot]]
table = "attr"
alias = "attr"
on = [["code", "part"]]
name = "name"
value = "value"
names = { len = "LEN" }
[operations]
table = "step"
alias = "s"
joins = [{ table = "part", alias = "p", on = [["part", "code"]], where = [{ column = "kind", op = "in", value = ["A", "B"] }] }]
where = [{ column = "vendor", op = "not in", value = ["X", "Y"] }]
latest = { group = ["part"], key = ["p.made", "No."] }
[operations.columns]
item_cd = "part"
rout_no = { concat = ["p.kind", "part"] }
proc_seq = { column = "s.No.", natural = true }
job_cd = "Item.Code"
run_time = { column = "lasts", time_form = "hh:mm:ss" }
subcontract_prc = "price"
"""


def test_every_kind_of_table_is_found_by_name(server: str, tmp_path: Path) -> None:
    """A materialised view, a partitioned and a foreign table; an interval, an amount of money, and names with dots."""
    engine = sa.create_engine(server)
    with engine.begin() as connection:
        if not connection.exec_driver_sql(
            "SELECT 1 FROM pg_available_extensions WHERE name = 'file_fdw'"
        ).scalar():
            pytest.skip("the server has no file_fdw for a foreign table")
        connection.exec_driver_sql(OBJECTS)
    engine.dispose()
    path = tmp_path / "kinds.toml"
    path.write_text(KINDS, encoding="utf-8")
    read = load_profile(path)
    report = extract(server, read, tmp_path / "raw", load_settings(home=tmp_path))
    assert any("two different values" in text for text in report.warnings)
    clean(tmp_path / "raw", tmp_path / "clean", tmp_path / "rejects", read, cutoff=None)
    items = pl.read_parquet(tmp_path / "clean" / "items.parquet").sort("item_cd")
    assert items.select("item_cd", "length").rows() == [("P1", 5.0), ("P2", None), ("P3", None)]
    operations = pl.read_parquet(tmp_path / "clean" / "operations.parquet").sort("item_cd")
    assert operations.select("rout_no", "job_cd", "run_min", "subcontract_prc").row(0) == (
        "A/P1",
        "SAW",
        2.5,
        12.5,
    )
    assert operations.height == 3
