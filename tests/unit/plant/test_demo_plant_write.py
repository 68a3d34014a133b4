"""The demo plant as a database: shape, sizes, determinism, and what it refuses."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import mssql, postgresql

from routing_etl.errors import ConfigurationError
from routing_etl.plant import schema
from routing_etl.plant.demo import Grammar, PlantReport, typed_frame, write_plant
from routing_etl.settings import load_settings

ITEM_COLUMNS = [
    "ITEM_CD",
    "PART_TYPE",
    "PartNm",
    "ITEM_SUFFIX",
    "ITEM_SPEC",
    "ITEM_NM",
    "ADDITIONAL_SPEC",
    "ITEM_MATERIAL",
    "MATERIAL_DESC",
    "ITEM_ACCT",
    "ITEM_TYPE",
    "ITEM_UNIT",
    "ITEM_GRP1",
    "ITEM_GRP1NM",
    "STANDARD_YN",
    "GROUP1",
    "GROUP2",
    "GROUP3",
    "DRAW_NO",
    "DRAW_REV",
    "DRAW_SHEET_NO",
    "DRAW_USE",
    "ITEM_NM_ENG",
    "OUTDIAMETER",
    "INDIAMETER",
    "OUTTHICKNESS",
    "OUTDIAMETER_UNIT",
    "ROTATE_CLOCKWISE",
    "ROTATE_CTRCLOCKWISE",
    "SealTypeGrup",
    "IN_SEALTYPE_CD",
    "IN_SEALSIZE",
    "IN_SEALSIZE_UOM",
    "MID_SEALTYPE_CD",
    "MID_SEALSIZE",
    "MID_SEALSIZE_UOM",
    "OUT_SEALTYPE_CD",
    "OUT_SEALSIZE",
    "OUT_SEALSIZE_UOM",
    "RAW_MATL_KIND",
    "RAW_MATL_KINDNM",
]
ROUTING_COLUMNS = [
    "ROUT_NO",
    "ITEM_CD",
    "ITEM_NM",
    "PROC_SEQ",
    "INSRT_DT",
    "OUTDIAMETER",
    "INDIAMETER",
    "OUTTHICKNESS",
    "OUTDIAMETER_UNIT",
    "INSIDE_FLAG",
    "JOB_CD",
    "JOB_NM",
    "RES_CD",
    "RES_DIS",
    "TIME_UNIT",
    "MFG_LT",
    "QUEUE_TIME",
    "SETUP_TIME",
    "RUN_TIME",
    "ACT_SETUP_TIME",
    "ACT_RUN_TIME",
    "WAIT_TIME",
    "MOVE_TIME",
    "RUN_TIME_QTY",
    "RUN_TIME_UNIT",
    "BATCH_OPER",
    "BP_CD",
    "CUST_NM",
    "CUR_CD",
    "SUBCONTRACT_PRC",
    "TAX_TYPE",
    "MILESTONE_FLG",
    "INSP_FLG",
    "ROUT_ORDER",
    "VALID_FROM_DT",
    "VALID_TO_DT",
    "REMARK",
    "ROUT_DOC",
    "NC_PROGRAM",
    "NC_PROGRAM_WRITER",
    "NC_WRITER_NM",
    "NC_WRITE_DATE",
    "NC_REVIEWER",
    "NC_REVIEWER_NM",
    "NC_REVIEW_DT",
    "RAW_MATL_SIZE",
    "JAW_SIZE",
    "VALIDITY",
    "PROGRAM_REMARK",
    "OP_DRAW_NO",
    "ROUT_SIZE",
    "MTMG_NUMB",
]
RESULT_COLUMNS = [
    "ITEM_CD",
    "PROC_SEQ",
    "RES_CD",
    "RES_DIS",
    "JOB_CD",
    "CD_NM",
    "REPORT_DT",
    "MACH_WORKED_HOURS",
    "SETUP_HOURS",
    "ORDER_QTY",
    "BAD_QTY",
    "ROUT_NO",
]
PURCHASE_COLUMNS = ["ITEM_CD", "PO_NO", "PO_DATE", "QTY", "UNIT_PRICE", "VENDOR_CD", "VENDOR_NM"]
CONTRACT = {
    "BI_ITEM_INFO_VIEW": ITEM_COLUMNS,
    "BI_ROUTING_VIEW": ROUTING_COLUMNS,
    "BI_WORK_ORDER_RESULTS": RESULT_COLUMNS,
    "BI_PUR_PO_VIEW": PURCHASE_COLUMNS,
}

Query = Callable[[str], list[tuple[object, ...]]]


@pytest.fixture(scope="module")
def plant_query(tmp_path_factory: pytest.TempPathFactory) -> Query:
    path = tmp_path_factory.mktemp("shape") / "erp.db"
    make(path, 3, n=2000)
    return lambda sql: sqlite3.connect(path).execute(sql).fetchall()


def content(path: Path) -> dict[str, list[tuple[object, ...]]]:
    with sqlite3.connect(path) as connection:
        tables = [r[0] for r in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {
            t: connection.execute(f'SELECT * FROM "{t}" ORDER BY rowid').fetchall() for t in sorted(tables)
        }


def make(path: Path, seed: int, n: int = 300, grammar: Grammar | None = None) -> PlantReport:
    return write_plant(f"sqlite:///{path}", n, seed, load_settings(), grammar=grammar)


def test_four_source_tables_have_the_contracts_columns_in_order(plant_query: Query) -> None:
    for table, columns in CONTRACT.items():
        assert [r[1] for r in plant_query(f"PRAGMA table_info({table})")] == columns


def test_declared_types_are_those_of_the_contract(plant_query: Query) -> None:
    types = {r[1]: r[2] for r in plant_query("PRAGMA table_info(BI_ROUTING_VIEW)")}
    assert types["ROUT_NO"] == "NVARCHAR(50)"
    assert types["RUN_TIME"] == "NUMERIC(18, 4)"
    assert types["VALID_TO_DT"] == "DATE"
    assert types["PROC_SEQ"] == "INTEGER"


def test_sql_server_and_postgresql_ddl_compile_with_bounded_text() -> None:
    unbounded = {"ITEM_SPEC", "ADDITIONAL_SPEC", "REMARK", "PROGRAM_REMARK"}
    for table in (*schema.SOURCE_TABLES, *schema.TRUTH_TABLES):
        ddl = str(sa.schema.CreateTable(table).compile(dialect=mssql.dialect()))
        found = {line.split()[0].strip('[]"') for line in ddl.splitlines() if "(max)" in line.lower()}
        assert found <= unbounded
        assert "VARCHAR" in str(sa.schema.CreateTable(table).compile(dialect=postgresql.dialect()))
    routing = str(sa.schema.CreateTable(schema.ROUTING_TABLE).compile(dialect=mssql.dialect()))
    assert "[INSRT_DT] DATETIME2" in routing or "INSRT_DT DATETIME2" in routing
    assert "NVARCHAR(50)" in routing


def test_indexes_of_the_contract_are_there(plant_query: Query) -> None:
    found = {r[0] for r in plant_query("SELECT name FROM sqlite_master WHERE type = 'index'")}
    assert "IX_BI_ROUTING_VIEW_ITEM_CD_PROC_SEQ_ROUT_NO" in found
    assert "IX_BI_WORK_ORDER_RESULTS_ITEM_CD_PROC_SEQ_REPORT_DT" in found


def test_report_counts_the_rows_that_are_there(tmp_path: Path) -> None:
    report = make(tmp_path / "p.db", 5)
    written = {name: len(rows) for name, rows in content(tmp_path / "p.db").items()}
    assert report.rows == written
    assert 0.5 < report.ceiling < 1.0


def test_volumes_follow_the_measured_ratios(plant_query: Query) -> None:
    ((items,),) = plant_query("SELECT COUNT(DISTINCT ITEM_CD) FROM BI_ITEM_INFO_VIEW")
    ((rows, routed),) = plant_query("SELECT COUNT(*), COUNT(DISTINCT ITEM_CD) FROM BI_ROUTING_VIEW")
    ((results,),) = plant_query("SELECT COUNT(*) FROM BI_WORK_ORDER_RESULTS")
    assert isinstance(items, int) and isinstance(rows, int)
    assert isinstance(routed, int) and isinstance(results, int)
    assert routed / items == pytest.approx(0.549, abs=0.003)
    assert rows / routed == pytest.approx(9.9, rel=0.06)
    assert results / items == pytest.approx(24.6, rel=0.10)


def test_same_arguments_give_the_same_rows(tmp_path: Path) -> None:
    make(tmp_path / "a.db", 5)
    make(tmp_path / "b.db", 5)
    assert content(tmp_path / "a.db") == content(tmp_path / "b.db")


def test_another_seed_gives_other_items_and_other_job_codes(tmp_path: Path) -> None:
    make(tmp_path / "a.db", 5)
    make(tmp_path / "b.db", 6)
    a, b = content(tmp_path / "a.db"), content(tmp_path / "b.db")
    jobs_a, jobs_b = ({r[10] for r in c["BI_ROUTING_VIEW"] if r[10]} for c in (a, b))
    assert {r[0] for r in a["BI_ITEM_INFO_VIEW"]} != {r[0] for r in b["BI_ITEM_INFO_VIEW"]}
    assert len(jobs_a & jobs_b) < 0.5 * len(jobs_a)


def test_the_grammar_does_not_depend_on_the_number_of_items(tmp_path: Path) -> None:
    make(tmp_path / "a.db", 5, n=200)
    make(tmp_path / "b.db", 5, n=900)
    names_a, names_b = (
        {(r[10], r[11]) for r in content(tmp_path / p)["BI_ROUTING_VIEW"] if r[10] and len(r[11]) < 40}
        for p in ("a.db", "b.db")
    )
    assert len(names_a - names_b) <= 0.05 * len(names_a)


def test_knobs_change_the_plant(tmp_path: Path) -> None:
    few = Grammar(families=3, part_types=6, new_part_types=0, new_item_share=0.0)
    make(tmp_path / "a.db", 5, grammar=few)
    parts = {r[1] for r in content(tmp_path / "a.db")["BI_ITEM_INFO_VIEW"]} - {"KYY"}
    assert 2 <= len(parts) <= 6


def test_an_earlier_plant_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "p.db"
    make(path, 6, n=700)
    large = path.stat().st_size
    make(path, 5)
    assert path.stat().st_size < 0.7 * large
    make(tmp_path / "fresh.db", 5)
    assert content(path) == content(tmp_path / "fresh.db")


def test_a_plant_that_was_interrupted_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "p.db"
    make(path, 5)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE DEMO_TRUTH_SUMMARY SET VALUE = 'unfinished' WHERE NAME = 'state'")
        connection.execute("DELETE FROM BI_ROUTING_VIEW")
    report = make(path, 5)
    assert report.rows["BI_ROUTING_VIEW"] == len(content(path)["BI_ROUTING_VIEW"]) > 0
    assert dict(content(path)["DEMO_TRUTH_SUMMARY"])["state"] == "finished"  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE BI_ROUTING_VIEW (ITEM_CD TEXT)",
        "CREATE TABLE bi_item_info_view (ITEM_CD TEXT)",
        "CREATE VIEW BI_PUR_PO_VIEW AS SELECT 1 AS ITEM_CD",
        "CREATE TABLE DEMO_TRUTH_SUMMARY (NAME TEXT, VALUE TEXT)",
    ],
)
def test_tables_of_a_real_erp_are_never_replaced(tmp_path: Path, statement: str) -> None:
    path = tmp_path / "erp.db"
    with sqlite3.connect(path) as connection:
        connection.execute(statement)
        before = connection.execute("SELECT sql FROM sqlite_master").fetchall()
    with pytest.raises(ConfigurationError, match=statement.split()[2]) as caught:
        make(path, 5)
    assert "another URL" in caught.value.remedy
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT sql FROM sqlite_master").fetchall() == before


def test_tables_of_other_names_stay(tmp_path: Path) -> None:
    path = tmp_path / "erp.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE ours (a INT)")
        connection.execute("INSERT INTO ours VALUES (7)")
    make(path, 5)
    assert content(path)["ours"] == [(7,)]


@pytest.mark.parametrize("n", [0, 199, 325_001])
def test_sizes_out_of_bounds_are_refused_before_anything_is_written(tmp_path: Path, n: int) -> None:
    with pytest.raises(ConfigurationError, match=str(n)):
        make(tmp_path / "p.db", 5, n=n)
    assert not (tmp_path / "p.db").exists()


def test_a_negative_seed_and_a_bad_url_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="-1"):
        make(tmp_path / "p.db", -1)
    with pytest.raises(ConfigurationError, match="URL"):
        write_plant("not a url", 300, 5, load_settings())


@pytest.mark.parametrize(
    ("knob", "value"),
    [("planner_noise", 1.5), ("families", 1), ("most_passes", 9), ("routed_share", 0.0), ("time_noise", -1)],
)
def test_knobs_out_of_bounds_are_refused(knob: str, value: float) -> None:
    with pytest.raises(ConfigurationError, match=knob):
        Grammar(**{knob: value})  # type: ignore[arg-type]


def test_dates_that_a_typed_column_cannot_hold_become_null() -> None:
    frame = schema_row(INSRT_DT="2023-13-45 10:00", VALID_FROM_DT="01-Jan-01", VALID_TO_DT="2999-12-31")
    typed = typed_frame(schema.ROUTING_TABLE, frame)
    assert typed["INSRT_DT"].to_list() == [None]
    assert typed["VALID_FROM_DT"].to_list() == [None]
    assert str(typed["VALID_TO_DT"][0]) == "2999-12-31"
    good = typed_frame(schema.ROUTING_TABLE, schema_row(INSRT_DT="2024-02-29 08:01:02"))
    assert str(good["INSRT_DT"][0]) == "2024-02-29 08:01:02"


def schema_row(**values: str) -> pl.DataFrame:
    dates = [c.name for c in schema.ROUTING_TABLE.columns if isinstance(c.type, sa.Date | sa.DateTime)]
    return pl.DataFrame({name: [values.get(name)] for name in dates}, schema=dict.fromkeys(dates, pl.String))


def test_progress_is_told_about_every_long_step(tmp_path: Path) -> None:
    told: dict[str, float] = {}

    class Task:
        def __init__(self, name: str) -> None:
            self.name = name

        def advance(self, n: float = 1) -> None:
            told[self.name] = told.get(self.name, 0) + n

        def describe(self, text: str) -> None:
            raise AssertionError(text)

        def __enter__(self) -> Task:
            return self

        def __exit__(self, *_: object) -> None:
            return None

    class Recorder:
        def task(self, description: str, total: float | None = None) -> Task:
            return Task(description)

    write_plant(f"sqlite:///{tmp_path / 'p.db'}", 300, 5, load_settings(), progress=Recorder())
    assert told["Plant: items"] == 300
    assert {"Plant: routings", "Plant: work results", "Plant: truth", "Plant: indexes"} <= set(told)
