"""Reading: the catalogue's findings, streaming, SQLite's loose types, faults of the source."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import mssql

from routing_etl.database.sqlserver import prepare_sessions
from routing_etl.erp import reader as reader_module
from routing_etl.erp.catalogue import Finding, bind
from routing_etl.erp.extract import extract, select_of
from routing_etl.erp.profile import Profile, load_profile
from routing_etl.errors import ConfigurationError, SourceError, TransientDatabaseError
from routing_etl.settings import load_settings

Build = Callable[..., Any]


def findings(erp: Any, profile: Profile | None = None) -> list[Finding]:
    engine = sa.create_engine(erp.url)
    try:
        return bind(engine, profile or erp.profile).worst_first
    finally:
        engine.dispose()


def site(tmp_path: Path, body: str) -> Profile:
    path = tmp_path / "site.toml"
    path.write_text(f'name = "site"\nextends = "bi_views"\n{body}', encoding="utf-8")
    return load_profile(path)


# --- catalogue --------------------------------------------------------------------------------------------------------
def test_the_contracts_views_have_no_findings_but_the_probed_hold_time(erp: Build) -> None:
    assert [(f.kind, f.severity, f.frame) for f in findings(erp())] == [("missing", "info", "work_results")]


def test_names_match_without_case_and_keep_the_databases_spelling(erp: Build, tmp_path: Path) -> None:
    made = erp()
    profile = site(tmp_path, '[items]\ntable = "bi_item_INFO_view"\n[items.columns]\nitem_cd = "item_cd"\n')
    engine = sa.create_engine(made.url)
    binding = bind(engine, profile).bindings["items"]
    assert binding.title == "BI_ITEM_INFO_VIEW"
    assert binding.columns[0].found is not None
    assert binding.columns[0].found.name == "ITEM_CD"


def test_missing_table_names_the_nearest(erp: Build, tmp_path: Path) -> None:
    made = erp()
    profile = site(tmp_path, '[items]\ntable = "BI_ITEMINFO_VIEW"\n')
    first = findings(made, profile)[0]
    assert (first.kind, first.severity, first.table) == ("renamed", "error", "BI_ITEMINFO_VIEW")
    assert "BI_ITEM_INFO_VIEW" in first.message
    made.profile = profile
    with pytest.raises(SourceError, match="no table or view BI_ITEMINFO_VIEW"):
        made.extract()


def test_renamed_column_names_the_nearest(erp: Build) -> None:
    made = erp()
    made.execute('ALTER TABLE BI_ROUTING_VIEW RENAME COLUMN "JOB_CD" TO "JOBCD"')
    first = findings(made)[0]
    assert (first.kind, first.severity, first.column) == ("renamed", "error", "JOB_CD")
    assert "JOBCD" in first.message
    with pytest.raises(SourceError, match="BI_ROUTING_VIEW has no column JOB_CD"):
        made.extract()


def test_optional_column_and_table_may_be_absent(erp: Build) -> None:
    made = erp(omit=("BI_PUR_PO_VIEW", "BI_ROUTING_VIEW.BATCH_OPER"))
    kinds = {(f.table, f.column, f.severity) for f in findings(made)}
    assert ("BI_PUR_PO_VIEW", None, "warning") in kinds
    assert ("BI_ROUTING_VIEW", "BATCH_OPER", "info") in kinds
    report = made.extract()
    assert "batch_oper" in report.frames["operations"].absent
    assert made.raw("purchase_orders").height == 0
    assert any("BI_PUR_PO_VIEW" in w for w in report.warnings)


def test_extra_retyped_and_narrowed_columns(erp: Build, tmp_path: Path) -> None:
    made = erp(
        item_types={"ITEM_CD": "NVARCHAR(20)", "OUTDIAMETER": "NVARCHAR(20)", "ZZZ_NEW": "INT"},
        result_types={"JOB_CD": "INT"},
    )
    by_column = {(f.table, f.column): (f.kind, f.severity) for f in findings(made)}
    assert by_column["BI_ITEM_INFO_VIEW", "ITEM_CD"] == ("narrowed", "info")
    assert by_column["BI_ITEM_INFO_VIEW", "OUTDIAMETER"] == ("retyped", "info")
    assert by_column["BI_ITEM_INFO_VIEW", "ZZZ_NEW"] == ("extra", "info")
    assert by_column["BI_WORK_ORDER_RESULTS", "JOB_CD"] == ("retyped", "warning")
    strict = site(tmp_path, "[source]\nstrict_types = true\n")
    assert {f.severity for f in findings(made, strict) if f.kind in ("narrowed", "retyped")} == {"error"}


def test_wrong_type_stops_the_extract(erp: Build) -> None:
    made = erp(result_types={"REPORT_DT": "INT"})
    with pytest.raises(SourceError, match="REPORT_DT is integer, expected date"):
        made.extract()


def test_schema_of_a_table_on_sqlite_is_part_of_its_name_or_dropped(erp: Build, tmp_path: Path) -> None:
    made = erp()
    profile = site(tmp_path, '[items]\nschema = "dbo"\n')
    assert not [f for f in findings(made, profile) if f.severity == "error"]
    made.execute('ALTER TABLE BI_ITEM_INFO_VIEW RENAME TO "dbo.BI_ITEM_INFO_VIEW"')
    assert not [f for f in findings(made, profile) if f.severity == "error"]
    assert bind(sa.create_engine(made.url), profile).bindings["items"].title == "dbo.BI_ITEM_INFO_VIEW"


# --- statements -------------------------------------------------------------------------------------------------------
def test_statement_for_sql_server_is_explicit_bounded_and_quoted(erp: Build) -> None:
    engine = sa.create_engine(erp().url)
    binding = bind(engine, load_profile("bi_views")).bindings["items"]
    sql = str(select_of(binding, "mssql").compile(dialect=mssql.dialect()))  # type: ignore[no-untyped-call]
    assert sql.startswith("SELECT CAST(main.[ITEM_CD] AS NVARCHAR(101)) AS [item_cd]")
    assert "CAST(main.[ITEM_SPEC] AS NVARCHAR(1001)) AS [item_spec]" in sql
    assert "CAST(main.[OUTDIAMETER] AS DOUBLE PRECISION)" in sql
    assert "*" not in sql
    operations = str(
        select_of(bind(engine, load_profile("bi_views")).bindings["operations"], "mssql").compile(
            dialect=mssql.dialect()  # type: ignore[no-untyped-call]
        )
    )
    assert "CAST(main.[VALID_TO_DT] AS DATETIME2(6))" in operations
    assert "NC_WRITER_NM" not in operations


def test_values_of_a_profile_travel_as_parameters(erp: Build, tmp_path: Path) -> None:
    made = erp(items=[{"ITEM_CD": "A1", "PART_TYPE": "x'; DROP TABLE t --"}, {"ITEM_CD": "A2"}])
    profile = site(
        tmp_path, """[items]\nwhere = [{ column = "PART_TYPE", op = "=", value = "x'; DROP TABLE t --" }]\n"""
    )
    statement = select_of(bind(sa.create_engine(made.url), profile).bindings["items"], "sqlite")
    assert "DROP" not in str(statement)
    made.profile = profile
    assert made.extract().frames["items"].rows == 1


@pytest.mark.parametrize(
    ("op", "value", "codes"),
    [
        ("!=", "11", ["A2", "A3"]), ("<", "12", ["A1"]), ("<=", "12", ["A1", "A2"]), (">", "11", ["A2"]), (">=", "12", ["A2"]),
        ("is null", None, ["A3"]), ("is not null", None, ["A1", "A2"]),
    ],
)  # fmt: skip
def test_filters(erp: Build, tmp_path: Path, op: str, value: str | None, codes: list[str]) -> None:
    made = erp(
        items=[{"ITEM_CD": "A1", "PART_TYPE": "11"}, {"ITEM_CD": "A2", "PART_TYPE": "12"}, {"ITEM_CD": "A3"}]
    )
    shown = "" if value is None else f', value = "{value}"'
    made.profile = site(tmp_path, f'[items]\nwhere = [{{ column = "PART_TYPE", op = "{op}"{shown} }}]\n')
    made.extract()
    assert made.raw("items")["item_cd"].to_list() == codes


# --- reading ----------------------------------------------------------------------------------------------------------
def test_every_row_arrives_whatever_the_chunk_size(erp: Build) -> None:
    made = erp(items=[{"ITEM_CD": f"A{n:04}", "PART_TYPE": "11"} for n in range(1, 351)])
    report = made.extract()
    assert report.frames["items"].rows == 350
    assert made.raw("items")["item_cd"].to_list() == [f"A{n:04}" for n in range(1, 351)]
    assert report.rows == sum(f.rows for f in report.frames.values())


def test_loose_types_lose_no_row_and_no_text(erp: Build) -> None:
    made = erp(
        items=[
            {"ITEM_CD": "0050016865", "PART_TYPE": "11", "OUTDIAMETER": "abc", "ROTATE_CLOCKWISE": 1},
            {"ITEM_CD": 123, "PART_TYPE": 11, "OUTDIAMETER": "1,250.5", "ROTATE_CLOCKWISE": "2"},
            {"ITEM_CD": 7.0, "PART_TYPE": b"11", "OUTDIAMETER": float("inf"), "ROTATE_CLOCKWISE": None},
        ],
        routings=[{"ITEM_CD": "0050016865", "PROC_SEQ": s} for s in (10, 20.0, " 30 ", "x", 40.5)],
        item_types={"ITEM_CD": "", "PART_TYPE": "", "OUTDIAMETER": "", "ROTATE_CLOCKWISE": ""},
        routing_types={"PROC_SEQ": ""},
    )
    report = made.extract()
    items = made.raw("items")
    assert items["item_cd"].to_list() == ["0050016865", "123", "7"]
    assert items["part_type"].to_list() == ["11", "11", "11"]
    assert items["outdiameter"].to_list() == [None, 1250.5, None]
    assert items["rotate_clockwise"].to_list() == ["1", "2", None]
    assert report.frames["items"].problems == 2
    problems = pl.read_parquet(made.folder / "raw" / "items.problems.parquet")
    assert problems.filter(pl.col("row_nr") == 0).row(0) == (0, "outdiameter", "unreadable", "abc")
    assert made.raw("operations")["proc_seq"].to_list() == [10, 20, 30, None, None]


def test_overlong_text_is_cut_and_an_overlong_key_is_marked(erp: Build) -> None:
    made = erp(items=[{"ITEM_CD": "A1", "ITEM_NM": "가" * 600}, {"ITEM_CD": "B" * 101}])
    made.extract()
    assert made.raw("items")["item_nm"].str.len_chars().to_list() == [500, None]
    problems = pl.read_parquet(made.folder / "raw" / "items.problems.parquet")
    assert problems.select("column", "problem").rows() == [("item_cd", "too_long"), ("item_nm", "cut")]
    assert problems["value"][0] == "B" * 101


def test_text_that_is_not_utf8_is_read_and_no_row_is_lost(erp: Build) -> None:
    made = erp(items=[{"ITEM_CD": f"A{n}", "PART_TYPE": "11"} for n in range(250)])
    with sqlite3.connect(made.path) as connection:
        connection.execute(
            "UPDATE BI_ITEM_INFO_VIEW SET ITEM_NM = CAST(X'BFDC41' AS TEXT) WHERE ITEM_CD = 'A170'"
        )
    made.extract()
    items = made.raw("items")
    assert items["item_cd"].to_list() == [f"A{n}" for n in range(250)]
    assert items.filter(pl.col("item_cd") == "A170")["item_nm"][0].endswith("A")


def test_korean_text_survives(erp: Build) -> None:
    made = erp(routings=[{"ITEM_CD": "A1", "RES_CD": "CNC-대기", "TIME_UNIT": "분(Min.)", "ROUT_NO": "외주"}])
    made.extract()
    row = made.raw("operations").row(0, named=True)
    assert (row["res_cd"], row["time_unit"], row["rout_no"]) == ("CNC-대기", "분(Min.)", "외주")


def test_watermarks_are_the_newest_readable_days_not_in_the_future(erp: Build) -> None:
    made = erp(
        results=[
            {"ITEM_CD": "A1", "REPORT_DT": d} for d in ("2025-01-31", "31-Dec-24", "2999-12-31", "x", None)
        ]
    )
    assert made.extract().frames["work_results"].watermarks == {"report_dt": "2025-01-31"}


def test_all_frames_are_read_in_one_snapshot(erp: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    made = erp(items=[{"ITEM_CD": "A1"}], routings=[{"ITEM_CD": "A1"}])
    made.execute("PRAGMA journal_mode = WAL")
    original = reader_module.SqlAlchemyReader.chunks

    def meddle(self: Any, statement: Any, columns: Any, rows: int) -> Iterator[pl.DataFrame]:
        yield from original(self, statement, columns, rows)
        with sqlite3.connect(made.path) as other:
            other.execute("DELETE FROM BI_ROUTING_VIEW")

    monkeypatch.setattr(reader_module.SqlAlchemyReader, "chunks", meddle)
    assert made.extract().frames["operations"].rows == 1


def test_rows_lost_on_the_way_are_noticed(erp: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    made = erp(items=[{"ITEM_CD": f"A{n}"} for n in range(5)])
    original = reader_module.SqlAlchemyReader.chunks

    def lossy(self: Any, statement: Any, columns: Any, rows: int) -> Iterator[pl.DataFrame]:
        for chunk in original(self, statement, columns, rows):
            yield chunk.slice(1)

    monkeypatch.setattr(reader_module.SqlAlchemyReader, "chunks", lossy)
    with pytest.raises(SourceError, match="has 5 rows but 4 were read"):
        made.extract()


# --- faults -----------------------------------------------------------------------------------------------------------
def test_empty_items_or_operations_stop_and_empty_results_warn(erp: Build) -> None:
    with pytest.raises(SourceError, match=r"BI_ROUTING_VIEW \(operations\) has no rows"):
        erp(routings=[]).extract()


def test_empty_items_stop(erp: Build) -> None:
    with pytest.raises(SourceError, match=r"BI_ITEM_INFO_VIEW \(items\) has no rows"):
        erp(items=[]).extract()


def test_empty_results_warn(erp: Build) -> None:
    assert "BI_WORK_ORDER_RESULTS (work_results) has no rows." in erp().extract().warnings


def test_unreachable_database(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path)
    with pytest.raises(ConfigurationError, match="does not exist"):
        extract(f"sqlite:///{tmp_path}/none.db", load_profile("bi_views"), tmp_path / "raw", settings)


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "erp.db").write_bytes(b"this is not a database, but long enough to look at" * 50)
    settings = load_settings(home=tmp_path)
    with pytest.raises(SourceError, match="not a database"):
        extract(f"sqlite:///{tmp_path}/erp.db", load_profile("bi_views"), tmp_path / "raw", settings)


def test_a_failed_extract_leaves_no_half_file(erp: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    made = erp(items=[{"ITEM_CD": f"A{n}"} for n in range(250)])
    original = reader_module.SqlAlchemyReader.chunks

    def breaking(self: Any, statement: Any, columns: Any, rows: int) -> Iterator[pl.DataFrame]:
        yield next(iter(original(self, statement, columns, rows)))
        raise sa.exc.OperationalError("SELECT", None, Exception("disk I/O error"))

    monkeypatch.setattr(reader_module.SqlAlchemyReader, "chunks", breaking)
    with pytest.raises(SourceError, match="disk I/O error"):
        made.extract()
    assert list((made.folder / "raw").iterdir()) == []


# --- Arrow over ODBC, with a driver that answers from memory ----------------------------------------------------------
class OdbcFailure(Exception):
    """Stands for arrow_odbc.Error."""


def fake_odbc(*, refuses: bool = False) -> tuple[ModuleType, list[dict[str, Any]]]:
    calls: list[dict[str, Any]] = []
    module = ModuleType("arrow_odbc")

    class Connection:
        def execute(self, query: str) -> None:
            calls.append({"query": query})

        def read_arrow_batches(self, **arguments: Any) -> Iterator[pa.RecordBatch]:
            calls.append(arguments)
            if "CANNOT" in arguments["query"]:
                raise OdbcFailure("unsupported column type")
            yield pa.record_batch({"x": ["A1", "외주"], "y": pa.array([1.5, None])})
            if "FAIL" in arguments["query"]:
                raise OdbcFailure("Invalid column name")

    def connect(connection_string: str, **arguments: Any) -> Connection:
        calls.append({"connect": connection_string, **arguments})
        if refuses:
            raise OdbcFailure("no driver")
        return Connection()

    module.connect = connect  # type: ignore[attr-defined]
    module.Error = OdbcFailure  # type: ignore[attr-defined]
    module.TextEncoding = type("TextEncoding", (), {"UTF16": "utf16"})  # type: ignore[attr-defined]
    return module, calls


@pytest.fixture
def mssql_engine() -> sa.Engine:
    pytest.importorskip("pyodbc", reason="the SQL Server dialect needs the ODBC driver manager (unixodbc)")
    return sa.create_engine("mssql+pyodbc://u:p@server:1433/ERP?driver=ODBC+Driver+18+for+SQL+Server")


def test_arrow_reader_sends_bounded_unicode_requests(
    mssql_engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, calls = fake_odbc()
    monkeypatch.setitem(__import__("sys").modules, "arrow_odbc", module)
    made = reader_module.ArrowOdbcReader(
        mssql_engine, isolation="SNAPSHOT", connect_timeout=5, statement_timeout=60
    )
    columns = [
        reader_module.ReadColumn("item_cd", "text", 100, True, None),
        reader_module.ReadColumn("run_time", "number", 0, False, None),
    ]
    table = sa.table("V", sa.column("A"), sa.column("B"))
    chunks = list(made.chunks(sa.select(table.c.A, table.c.B).where(table.c.B == 3), columns, 1000))
    assert chunks[0].to_dict(as_series=False) == {"item_cd": ["A1", "외주"], "run_time": [1.5, None]}
    assert calls[0]["autocommit"] is False
    assert calls[1]["query"] == "SET TRANSACTION ISOLATION LEVEL SNAPSHOT"
    assert calls[2]["parameters"] == ["3"]
    assert calls[2]["max_text_size"] == 101
    assert calls[2]["payload_text_encoding"] == "utf16"
    assert "?" in calls[2]["query"]


@pytest.mark.parametrize("isolation", ["default", "SNAPSHOT"])
def test_arrow_reader_keeps_the_rules_of_every_session(
    mssql_engine: sa.Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, isolation: str
) -> None:
    """Before its isolation level: a rule that is refused there must not end a transaction."""
    prepare_sessions(mssql_engine, load_settings(home=tmp_path, _env_file=None, lock_timeout=7))
    module, calls = fake_odbc()
    monkeypatch.setitem(__import__("sys").modules, "arrow_odbc", module)
    reader_module.ArrowOdbcReader(mssql_engine, isolation=isolation, connect_timeout=5, statement_timeout=60)
    said = [call["query"] for call in calls if "query" in call]
    assert said[:4] == [
        "SET XACT_ABORT ON",
        "SET NOCOUNT ON",
        "SET LOCK_TIMEOUT 7000",
        "SET DEADLOCK_PRIORITY LOW",
    ]
    assert said[4:] == (["SET TRANSACTION ISOLATION LEVEL SNAPSHOT"] if isolation == "SNAPSHOT" else [])


def test_arrow_reader_reports_a_driver_error_as_a_database_error(
    mssql_engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, _ = fake_odbc()
    monkeypatch.setitem(__import__("sys").modules, "arrow_odbc", module)
    made = reader_module.ArrowOdbcReader(
        mssql_engine, isolation="default", connect_timeout=5, statement_timeout=60
    )
    columns = [reader_module.ReadColumn(n, "text", 10, False, None) for n in ("a", "b")]
    with pytest.raises(sa.exc.DBAPIError, match="Invalid column name"):
        list(made.chunks(sa.select(sa.column("FAIL"), sa.column("b")), columns, 10))


def test_a_statement_that_arrow_cannot_read_is_read_without_it(
    mssql_engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "arrow_odbc", fake_odbc()[0])
    columns = [reader_module.ReadColumn("a", "text", 10, False, None)]

    class Plain:
        name = "sqlalchemy"

        def chunks(self, *_: object) -> Iterator[pl.DataFrame]:
            yield pl.DataFrame({"a": ["plain"]})

    made = reader_module.ArrowOdbcReader(
        mssql_engine, isolation="default", connect_timeout=5, statement_timeout=60, fallback=Plain()
    )
    chunks = list(made.chunks(sa.select(sa.column("CANNOT")), columns, 10))
    assert [c["a"].to_list() for c in chunks] == [["plain"]]
    assert made.name == "arrow-odbc, sqlalchemy where it failed"


@pytest.mark.parametrize("cause", ["refuses", "missing"])
def test_reading_goes_on_without_arrow(
    mssql_engine: sa.Engine, monkeypatch: pytest.MonkeyPatch, cause: str
) -> None:
    module = fake_odbc(refuses=True)[0] if cause == "refuses" else None
    monkeypatch.setitem(__import__("sys").modules, "arrow_odbc", module)

    class Connection:
        dialect = mssql_engine.dialect
        engine = mssql_engine

    chosen = reader_module.open_reader(Connection(), "default", connect_timeout=5, statement_timeout=60)  # type: ignore[arg-type]
    assert chosen.name == "sqlalchemy"


def test_typed_chunks_of_other_databases_become_raw_types() -> None:
    from datetime import date, datetime
    from decimal import Decimal

    columns = [
        reader_module.ReadColumn("code", "text", 10, True, None),
        reader_module.ReadColumn("n", "integer", 0, False, None),
        reader_module.ReadColumn("x", "number", 0, False, None),
        reader_module.ReadColumn("d", "date", 0, False, None),
        reader_module.ReadColumn("t", "date", 0, False, None),
    ]
    loose = pl.DataFrame(
        {
            "code": [1.0, 2.5],
            "n": [Decimal("10"), None],
            "x": [Decimal("1.25"), None],
            "d": [date(2999, 12, 31), None],
            "t": [datetime(2025, 1, 2, 3, 4, 5), None],
        }
    )
    tight, problems = reader_module.tighten(loose, columns, 0)
    assert tight.rows() == [
        ("1", 10, 1.25, "2999-12-31", "2025-01-02 03:04:05.000000"),
        ("2.5", None, None, None, None),
    ]
    assert tight.dtypes == [pl.String, pl.Int64, pl.Float64, pl.String, pl.String]
    assert problems.height == 0


def test_a_locked_database_is_transient(erp: Build, tmp_path: Path) -> None:
    made = erp()
    settings = load_settings(home=tmp_path, lock_timeout=1)
    with sqlite3.connect(made.path, isolation_level=None) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(TransientDatabaseError, match="locked"):
            extract(made.url, made.profile, tmp_path / "raw", settings)
        other.execute("ROLLBACK")
    assert extract(made.url, made.profile, tmp_path / "raw", settings).rows == 2
