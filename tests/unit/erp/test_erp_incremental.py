"""Incremental reads: the same files as a full read, from fewer rows, and the reason whenever everything is read."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy.dialects import mssql
from structlog.testing import capture_logs

from routing_etl.erp import incremental
from routing_etl.erp.catalogue import bind
from routing_etl.erp.changes import RowChanges, row_changes
from routing_etl.erp.extract import ExtractReport, FrameExtract, extract
from routing_etl.erp.profile import Profile, load_profile
from routing_etl.erp.statements import select_of
from routing_etl.errors import ProfileError, SourceError
from routing_etl.settings import load_settings

Build = Callable[..., Any]
TODAY = date(2026, 1, 31)

SITE = """
name = "site"
[items]
table = "BI_ITEM_INFO_VIEW"
columns = { item_cd = "ITEM_CD" }
attributes = { part_type = { column = "PART_TYPE", kind = "category" } }
[operations]
table = "BI_ROUTING_VIEW"
columns = { item_cd = "ITEM_CD", rout_no = "ROUT_NO", proc_seq = "PROC_SEQ", job_cd = "JOB_CD" }
[results]
table = "BI_WORK_ORDER_RESULTS"
columns = { item_cd = "ITEM_CD", proc_seq = "PROC_SEQ", job_cd = "JOB_CD", report_dt = "REPORT_DT", order_qty = "ORDER_QTY" }
hold_columns = ["HOLD_TIME"]
"""


def site(folder: Path, body: str, name: str = "site.toml") -> Profile:
    path = folder / name
    path.write_text(SITE + body, encoding="utf-8")
    return load_profile(path)


def by(kind: str, column: str, **more: Any) -> str:
    lines = "\n".join(f"{k} = {json.dumps(v)}" for k, v in {"key": ["IDX"], **more}.items())
    return f'[results.incremental]\ncolumn = "{column}"\nkind = "{kind}"\n{lines}\n'


class Nights:
    """Extracts of one ERP, each over the one before, as succeeded runs would be."""

    def __init__(self, url: str, folder: Path, profile: Profile) -> None:
        self.url, self.folder, self.profile = url, folder, profile
        self.settings = load_settings(home=folder, fetch_rows=100)
        self.last: Path | None = None
        self.nights = 0

    def read(self, *, full: bool = False) -> ExtractReport:
        self.nights += 1
        out = self.folder / f"night{self.nights}" / "raw"
        report = extract(self.url, self.profile, out, self.settings, base=self.last, full=full)
        self.last = out
        return report

    def results(self, *, full: bool = False) -> FrameExtract:
        return self.read(full=full).frames["work_results"]

    def rows(self) -> list[tuple[Any, ...]]:
        """The newest raw frame as a sorted list, each row with what could not be read of it."""
        assert self.last is not None
        return all_of(self.last)

    def fresh(self) -> list[tuple[Any, ...]]:
        """What a full read gives now."""
        out = self.folder / "fresh"
        extract(self.url, self.profile, out, self.settings)
        return all_of(out)


def all_of(raw: Path) -> list[tuple[Any, ...]]:
    problems = pl.read_parquet(raw / "work_results.problems.parquet")
    told = problems.group_by("row_nr").agg(
        pl.concat_str("column", "problem", "value", separator=" ").sort().str.join("; ").alias("told")
    )
    frame = pl.read_parquet(raw / "work_results.parquet").with_row_index("row_nr")
    joined = frame.join(told, on="row_nr", how="left").drop("row_nr")
    assert joined["told"].count() == told.height, "a problem of no row"
    return sorted(joined.rows(), key=str)


def day(n: int) -> str:
    return (date(2025, 1, 1) + timedelta(days=n)).isoformat()


def result(n: int, changed: Any, **more: Any) -> dict[str, Any]:
    return {"ITEM_CD": f"A{n}", "IDX": n, "CHANGED": changed, **more}


@pytest.fixture
def nights(erp: Build, tmp_path: Path) -> Callable[..., Nights]:
    """An ERP whose results have a key IDX and a change column CHANGED."""

    def build(rows: list[dict[str, Any]], kind: str = "date", type_: str = "DATE", **more: Any) -> Nights:
        made = erp(results=[], result_types={"IDX": "INTEGER", "CHANGED": type_})
        profile = site(tmp_path, by(kind, "CHANGED", **more))
        built = Nights(made.url, tmp_path, profile)
        put(built, *rows)
        return built

    return build


@pytest.fixture
def empty_nights(nights: Callable[..., Nights]) -> Nights:
    """One ERP for all examples of a property."""
    return nights([], overlap=2)


def put(nights: Nights, *rows: dict[str, Any]) -> None:
    """Insert rows, or update those whose IDX is there."""
    defaults = {
        "ROUT_NO": "R1", "PROC_SEQ": 10, "JOB_CD": "J", "RES_CD": "M", "REPORT_DT": "2025-01-01",
        "MACH_WORKED_HOURS": 1, "SETUP_HOURS": 1, "ORDER_QTY": 1, "BAD_QTY": 0,
    }  # fmt: skip
    whole = [defaults | row for row in rows]
    do(nights, "DELETE FROM BI_WORK_ORDER_RESULTS WHERE IDX = ?", *[(r["IDX"],) for r in whole])
    for row in whole:
        names, marks = ", ".join(row), ", ".join("?" for _ in row)
        do(nights, f"INSERT INTO BI_WORK_ORDER_RESULTS ({names}) VALUES ({marks})", tuple(row.values()))


def do(nights: Nights, sql: str, *values: tuple[Any, ...]) -> None:
    with closing(sqlite3.connect(nights.url.removeprefix("sqlite:///"))) as connection, connection:
        if values:
            connection.executemany(sql, values)
        elif "?" not in sql:
            connection.execute(sql)


# --- the merge --------------------------------------------------------------------------------------------------------
def test_a_night_reads_the_changes_and_writes_the_whole(nights: Callable[..., Nights]) -> None:
    made = nights([result(n, day(n)) for n in range(20)], overlap=2)
    first = made.results()
    assert (first.mode, first.rows_read, first.watermark_to) == ("full", 20, day(19))
    assert first.why == "no earlier run has succeeded, or its files are gone"
    put(made, result(3, day(21), ORDER_QTY=7), result(20, day(20)), result(21, day(22)))
    second = made.results()
    assert (second.mode, second.watermark_from, second.watermark_to) == ("incremental", day(19), day(22))
    # Read: days 17, 18, 19 of the overlap, and the three of today; 3 is replaced besides the overlap.
    assert (second.rows, second.rows_read, second.rows_reused) == (22, 6, 16)
    assert (second.rows_replaced, second.rows_added, second.rows_gone) == (4, 2, 0)
    assert made.rows() == made.fresh()
    assert not list((made.last or Path()).glob("*.changes.*"))
    third = made.results()
    assert (third.mode, third.rows_read, third.rows) == ("incremental", 3, 22)


@pytest.mark.slow
@settings(
    max_examples=6,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_incremental_is_full_over_any_inserts_updates_and_deletes(
    empty_nights: Nights, data: st.DataObject
) -> None:
    """Rows change with the day of the night, or up to the overlap late; any row may be deleted."""
    made = empty_nights
    made.last = None
    do(made, "DELETE FROM BI_WORK_ORDER_RESULTS")
    number = st.integers(0, 30)
    value = st.sampled_from([1, 2.5, "x", None])
    put(made, *[result(n, day(n % 5)) for n in range(data.draw(number))])
    made.results()
    for night in (5, 6):
        changed = data.draw(st.dictionaries(number, st.tuples(value, st.integers(0, 2)), max_size=8))
        put(made, *[result(n, day(night - late), ORDER_QTY=v) for n, (v, late) in changed.items()])
        for gone in data.draw(st.sets(number, max_size=2)):
            do(made, "DELETE FROM BI_WORK_ORDER_RESULTS WHERE IDX = ?", (gone,))
        done = made.results()
        assert made.rows() == made.fresh(), done.why
        assert done.rows == done.rows_read + done.rows_reused


def test_what_could_not_be_read_stays_with_its_row(nights: Callable[..., Nights]) -> None:
    made = nights([result(n, day(n), ORDER_QTY="x" if n in (2, 9) else 1) for n in range(10)], overlap=0)
    made.read()
    put(made, result(0, day(12), ORDER_QTY="y"), result(9, day(13)))
    done = made.results()
    assert (done.mode, done.problems) == ("incremental", 2)
    assert made.rows() == made.fresh()
    told = [(row[0], row[-1]) for row in made.rows() if row[-1]]
    assert [item for item, _ in told] == ["A0", "A2"]
    assert [text for _, text in told] == ["order_qty unreadable y", "order_qty unreadable x"]


@pytest.mark.parametrize(
    ("kind", "type_", "marks", "overlap", "shown"),
    [
        ("number", "INTEGER", [5, 900, 1000, None, 1001, 1002], 99, ("1000", "1002")),
        ("number", "REAL", [0.5, 9.25, 10.5, None, 11.5, 12.5], 1, ("10.5", "12.5")),
        (
            "rowversion", "BLOB", [(255).to_bytes(8, "big"), (256).to_bytes(8, "big"), (2**40).to_bytes(8, "big"), None,
             (2**40 + 1).to_bytes(8, "big"), (2**62).to_bytes(8, "big")], 1, ("0x0000010000000000", "0x4000000000000000"),
        ),
        ("date", "DATETIME", ["2025-01-01 08:00:00", "2025-01-09 23:59:59", "2025-01-10 00:00:00", None,
                              "2025-01-10 07:00:00", "2025-01-11"], 0, ("2025-01-10", "2025-01-11")),
    ],
)  # fmt: skip
def test_every_kind_of_mark(
    nights: Callable[..., Nights],
    kind: str,
    type_: str,
    marks: list[Any],
    overlap: float,
    shown: tuple[str, str],
) -> None:
    """Four rows, one of them without a mark, which is read every time; then two more and one of the old ones newer."""
    made = nights([result(n, mark) for n, mark in enumerate(marks[:4])], kind, type_, overlap=overlap)
    assert made.results().watermark_to == shown[0]
    put(made, result(4, marks[4]), result(0, marks[5], ORDER_QTY=9))
    done = made.results()
    assert (done.mode, done.watermark_from, done.watermark_to) == ("incremental", *shown)
    assert (done.rows, done.rows_read, done.rows_reused) == (5, 4, 1)
    assert made.rows() == made.fresh()


def test_dates_that_sqlite_does_not_know_as_dates_are_read_every_time(nights: Callable[..., Nights]) -> None:
    made = nights(
        [result(1, day(1)), result(2, "03-Jan-2025"), result(3, 20250104), result(4, day(9))], overlap=1
    )
    made.read()
    put(made, result(2, "04-Jan-2025", ORDER_QTY=5), result(3, 20250105, ORDER_QTY=6), result(5, day(10)))
    done = made.results()
    assert (done.mode, done.rows_reused, done.rows_read) == ("incremental", 1, 4)
    assert made.rows() == made.fresh()


def test_a_mistyped_future_date_does_not_hide_what_comes(nights: Callable[..., Nights]) -> None:
    made = nights([result(1, day(1)), result(2, "2099-01-01")], overlap=0)
    assert made.results().watermark_to == day(1)
    put(made, result(3, day(2)))
    assert made.results().mode == "incremental"
    assert made.rows() == made.fresh()


# --- what leads to a full read ----------------------------------------------------------------------------------------
def test_rows_deleted_above_the_bound_go_and_below_it_lead_to_a_full_read(
    nights: Callable[..., Nights],
) -> None:
    made = nights([result(n, day(n)) for n in range(10)], overlap=3)
    made.read()
    do(made, "DELETE FROM BI_WORK_ORDER_RESULTS WHERE IDX = 7")
    done = made.results()
    assert (done.mode, done.rows_gone, done.rows) == ("incremental", 1, 9)
    do(made, "DELETE FROM BI_WORK_ORDER_RESULTS WHERE IDX = 2")
    done = made.results()
    assert done.mode == "full"
    assert "the ERP has 8 rows where the merge gives 9: some were deleted" in done.why
    assert made.rows() == made.fresh()
    do(made, "DELETE FROM BI_WORK_ORDER_RESULTS WHERE IDX = 9")
    done = made.results()
    assert done.mode == "full" and f"the newest change of before ({day(9)})" in done.why
    assert made.rows() == made.fresh()


def test_a_late_row_is_found_in_the_overlap_and_by_the_count_below_it(nights: Callable[..., Nights]) -> None:
    made = nights([result(n, day(n)) for n in range(10)], overlap=3)
    made.read()
    put(made, result(20, day(6)))
    assert made.results().mode == "incremental" and made.rows() == made.fresh()
    put(made, result(21, day(5)))
    done = made.results()
    assert done.mode == "full" and "came in below the overlap" in done.why
    assert made.rows() == made.fresh()


def test_a_change_that_does_not_show_waits_for_the_full_read(nights: Callable[..., Nights]) -> None:
    made = nights([result(n, day(n)) for n in range(10)], overlap=0)
    made.read()
    put(made, result(2, day(2), ORDER_QTY=99))
    assert made.results().mode == "incremental" and made.rows() != made.fresh()
    done = made.results(full=True)
    assert (done.mode, done.why) == ("full", "a full read was asked for")
    assert made.rows() == made.fresh()


def test_another_profile_column_source_or_version_is_read_whole(
    nights: Callable[..., Nights], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = nights([result(n, day(n)) for n in range(5)])
    made.read()
    made.profile = site(made.folder, by("date", "CHANGED", overlap=1), "other.toml")
    done = made.results()
    assert done.mode == "full" and done.why == "another profile than in run night1"
    assert made.results().mode == "incremental"
    do(made, "ALTER TABLE BI_WORK_ORDER_RESULTS ADD COLUMN HOLD_TIME DECIMAL(18,4)")
    assert made.results().why == "another columns than in run night3"
    copy = made.folder / "copy.db"
    copy.write_bytes((made.folder / "erp.db").read_bytes())
    made.url = f"sqlite:///{copy.as_posix()}"
    assert made.results().why == "another source than in run night4"
    monkeypatch.setattr(incremental, "__version__", "99")
    assert made.results().why == "another version of routing_etl than in run night5"


def test_the_last_full_read_grows_old(nights: Callable[..., Nights]) -> None:
    made = nights([result(n, day(n)) for n in range(5)], full_every_days=3)
    made.read()
    made.read()
    assert made.last is not None
    file = made.last / "incremental.json"
    states = json.loads(file.read_text(encoding="utf-8"))
    read_on = date.fromisoformat(states["work_results"]["full_on"])
    states["work_results"]["full_on"] = (read_on - timedelta(days=2)).isoformat()
    file.write_text(json.dumps(states), encoding="utf-8")
    assert made.results().mode == "incremental"
    states["work_results"]["full_on"] = (read_on - timedelta(days=3)).isoformat()
    (made.last / "incremental.json").write_text(json.dumps(states), encoding="utf-8")
    done = made.results()
    assert (done.mode, done.why) == ("full", "the last full read is 3 days old (full_every_days = 3)")


@pytest.mark.parametrize(
    ("harm", "why"),
    [
        (lambda raw: (raw / "work_results.parquet").unlink(), "has no file work_results.parquet any more"),
        (lambda raw: (raw / "work_results.marks.parquet").unlink(), "has no file work_results.marks.parquet"),
        (
            lambda raw: pl.read_parquet(raw / "work_results.parquet").head(3).write_parquet(raw / "work_results.parquet"),
            "do not hold its 5 rows",
        ),
        (lambda raw: (raw / "incremental.json").unlink(), "kept no marks"),
        (lambda raw: (raw / "incremental.json").write_text("{", encoding="utf-8"), "kept no marks"),
    ],
)  # fmt: skip
def test_a_damaged_base_is_not_built_upon(
    nights: Callable[..., Nights], harm: Callable[[Path], None], why: str
) -> None:
    made = nights([result(n, day(n)) for n in range(5)])
    made.read()
    assert made.last is not None
    harm(made.last)
    done = made.results()
    assert done.mode == "full" and why in done.why and "night1" in done.why
    assert made.rows() == made.fresh()


def test_a_key_that_is_not_unique_is_named_and_every_night_reads_everything(
    nights: Callable[..., Nights],
) -> None:
    made = nights([result(n, day(n)) for n in range(5)], key=["ITEM_CD", "PROC_SEQ"])
    put(made, result(7, day(1), ITEM_CD="A2"))
    report = made.read()
    assert any("the key ITEM_CD + PROC_SEQ is not unique: 1 rows repeat" in w for w in report.warnings)
    done = made.results()
    assert done.mode == "full" and "night1: the key ITEM_CD + PROC_SEQ is not unique" in done.why
    do(made, "DELETE FROM BI_WORK_ORDER_RESULTS WHERE IDX = 7")
    assert made.results().mode == "full"
    assert made.results().mode == "incremental"
    put(made, result(8, day(8), ITEM_CD=None))
    report = made.read()
    assert "is empty, unreadable or too long in 1 rows" in report.frames["work_results"].why
    assert any("is empty, unreadable" in w for w in report.warnings)


def test_a_change_column_without_values_and_a_table_without_rows(nights: Callable[..., Nights]) -> None:
    made = nights([])
    assert made.results().watermark_to is None
    put(made, result(1, None))
    assert made.results().why == "CHANGED was empty in every row of run night1"
    put(made, result(1, day(1)))
    assert made.results().mode == "full"
    assert made.results().mode == "incremental"


# --- row versions -----------------------------------------------------------------------------------------------------
def test_the_watermark_stays_below_what_is_being_written(nights: Callable[..., Nights]) -> None:
    version = [(n).to_bytes(8, "big") for n in range(20)]
    made = nights([result(n, version[n]) for n in (10, 11, 15)], "rowversion", "BLOB")
    made.read()
    assert made.last is not None
    marks = made.last / "work_results.marks.parquet"
    for fence, newest in ((None, 15), (12, 12), (99, 15)):
        moment = incremental.Moment(TODAY, fence)
        assert incremental.newest_mark("rowversion", marks, moment) == newest


def test_row_versions_that_went_back_are_a_restored_backup(nights: Callable[..., Nights]) -> None:
    made = nights([result(1, (500).to_bytes(8, "big"))], "rowversion", "BLOB")
    made.read()
    engine = sa.create_engine(made.url)
    binding = bind(engine, made.profile).bindings["results"]
    engine.dispose()
    states = incremental.read_states(made.last)
    signature = states["work_results"].signature
    for fence, why in ((499, "went back below 0x00000000000001F4"), (500, "changes of CHANGED since")):
        base, moment = (
            incremental.Base(made.last, states),
            incremental.Moment(TODAY.replace(year=2000), fence),
        )
        planned = incremental.plan(binding, signature, base, moment)
        assert why in planned.why
        assert planned.since == (None if fence == 499 else 500)


def server(answers: dict[str, Any]) -> sa.Engine:
    """A database that answers as a SQL Server with these functions; one that is not named is refused."""
    engine = sa.create_engine("sqlite://")

    @sa.event.listens_for(engine, "connect")
    def _functions(connection: Any, _record: Any) -> None:
        connection.create_function("DB_NAME", 0, lambda: "ERP")
        for name, answer in answers.items():
            connection.create_function(name, -1, lambda *_, answer=answer: answer)

    engine.connect().close()
    engine.dialect.name = "mssql"
    return engine


def test_a_server_without_the_fence_is_read_without_it() -> None:
    """The statement on a database that has no such function, on one that has, and on one that answers nothing with it."""
    assert incremental.row_version_fence(sa.create_engine("sqlite://")) == (None, "")
    assert incremental.row_version_fence(server({})) == (None, "")
    writable = {"DATABASEPROPERTYEX": "READ_WRITE"}
    assert incremental.row_version_fence(server({**writable, "MIN_ACTIVE_ROWVERSION": 4711})) == (4711, "")
    for nothing in (0, None):
        with capture_logs() as logs:
            found = incremental.row_version_fence(server({**writable, "MIN_ACTIVE_ROWVERSION": nothing}))
        assert found == (None, "") and [e["event"] for e in logs] == ["no_row_version_fence"]


@pytest.mark.parametrize("answer", [4711, 0, None])
def test_row_versions_of_a_readable_secondary_are_not_built_on(answer: int | None) -> None:
    """Whatever it answers: transactions that are open on the primary are not its own."""
    copy = server({"DATABASEPROPERTYEX": "READ_ONLY", "MIN_ACTIVE_ROWVERSION": answer})
    fence, copied = incremental.row_version_fence(copy)
    assert fence is None and "ROUTING_ETL_ERP_APPLICATION_INTENT=ReadWrite" in copied
    moment = incremental.Moment(TODAY, fence, copied)
    assert moment.unfit("rowversion") == copied and moment.unfit("date") == moment.unfit("number") == ""


def test_a_read_from_a_copy_is_whole_and_nothing_is_built_on_it(
    nights: Callable[..., Nights], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The night after it reads the primary: a row committed late lies below the copy's newest version."""
    version = [(n).to_bytes(8, "big") for n in range(20)]
    made = nights([result(n, version[n]) for n in (10, 15)], "rowversion", "BLOB")
    made.read()
    monkeypatch.setattr("routing_etl.erp.extract._fence", lambda *_: (None, "it is a copy"))
    done = made.results()
    assert (done.mode, done.why) == ("full", "it is a copy")
    monkeypatch.undo()
    put(made, result(12, version[12]))
    done = made.results()
    assert done.mode == "full" and "it is a copy" in done.why and done.rows == 3


# --- statements and profiles ------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("kind", "type_", "since", "read", "asked"),
    [
        ("rowversion", "BLOB", 255, "CAST(main.[CHANGED] AS BIGINT) AS change",
         "main.[CHANGED] >= CAST(CAST(:p AS BIGINT) AS BINARY(8))"),
        ("date", "DATE", date(2025, 1, 2), "CAST(main.[CHANGED] AS DATETIME2(6)) AS change",
         "main.[CHANGED] >= CAST(:p AS DATE)"),
        ("number", "INTEGER", 7, "main.[CHANGED] AS change", "main.[CHANGED] >= CAST(:p AS BIGINT)"),
    ],
)  # fmt: skip
def test_statement_for_sql_server_seeks_from_the_bound(
    nights: Callable[..., Nights], kind: str, type_: str, since: Any, read: str, asked: str
) -> None:
    made = nights([], kind, type_)
    engine = sa.create_engine(made.url)
    binding = bind(engine, made.profile).bindings["results"]
    engine.dispose()
    compiled = select_of(binding, "mssql", since=since).compile(dialect=mssql.dialect(paramstyle="named"))  # type: ignore[no-untyped-call]
    sql = str(compiled).replace(f":{next(iter(compiled.params))}", ":p")
    assert read in sql.replace("[change]", "change")
    assert sql.endswith(f"WHERE {asked} OR main.[CHANGED] IS NULL")
    assert list(compiled.params.values()) == [since]
    assert "CHANGED" not in str(select_of(bind_default(made), "mssql"))


def bind_default(made: Nights) -> Any:
    engine = sa.create_engine(made.url)
    try:
        return bind(engine, load_profile("bi_views")).bindings["results"]
    finally:
        engine.dispose()


@pytest.mark.parametrize(
    ("body", "key", "message"),
    [
        ('[results.incremental]\ncolumn = "REPORT_DT"\nkind = "date"\n', "results.incremental.key",
         "rows without a unique key cannot be merged"),
        ('[results.incremental]\ncolumn = "X"\nkind = "date"\nkey = ["A", "a"]\n', "results.incremental.key", "twice"),
        ('[results.incremental]\ncolumn = "X"\nkind = "time"\nkey = "A"\n', "results.incremental.kind", "rowversion"),
        ('[results.incremental]\ncolumn = "X"\nkind = "rowversion"\nkey = "A"\noverlap = 0.5\n',
         "results.incremental.overlap", "whole"),
        ('[operations.latest]\ngroup = "A"\nkey = "B"\n[operations.incremental]\ncolumn = "X"\nkind = "date"\n'
         'key = "A"\n', "operations.incremental", "does not show"),
    ],
)  # fmt: skip
def test_a_profile_that_cannot_be_merged_is_refused(
    tmp_path: Path, body: str, key: str, message: str
) -> None:
    with pytest.raises(ProfileError) as refused:
        site(tmp_path, body)
    assert (refused.value.file, refused.value.key) == ("site.toml", key)
    assert message in str(refused.value) and refused.value.remedy


def test_a_change_column_or_key_that_cannot_serve_stops_the_extract(nights: Callable[..., Nights]) -> None:
    made = nights([])
    for body, message in (
        (
            by("rowversion", "CHANGED"),
            "CHANGED is date: changes of kind rowversion need a column of type binary",
        ),
        (by("date", "CHANGE"), "no column CHANGE .*the nearest is CHANGED"),
        (by("date", "CHANGED", key=["IDY"]), "no column IDY"),
        (by("number", "ROUT_NO"), "ROUT_NO is text: changes of kind number need"),
    ):
        made.profile = site(made.folder, body)
        with pytest.raises(SourceError, match=message):
            made.read()


# --- frames without a time stamp --------------------------------------------------------------------------------------
def test_items_are_compared_by_the_hash_of_their_rows(erp: Build, tmp_path: Path) -> None:
    made = erp(items=[{"ITEM_CD": f"A{n}", "PART_TYPE": "11"} for n in range(6)])
    nights = Nights(made.url, tmp_path, load_profile("bi_views"))
    first = nights.read().frames["items"]
    assert (first.rows_added, first.rows_changed, first.rows_removed) == (None, None, None)
    assert first.why == "the profile names no change column"
    made.execute("UPDATE BI_ITEM_INFO_VIEW SET OUTDIAMETER = 5 WHERE ITEM_CD IN ('A1', 'A2')")
    made.execute("UPDATE BI_ITEM_INFO_VIEW SET ITEM_CD = 'B' WHERE ITEM_CD = 'A3'")
    made.execute("INSERT INTO BI_ITEM_INFO_VIEW (ITEM_CD) VALUES ('C')")
    report = nights.read()
    items = report.frames["items"]
    assert (items.mode, items.rows_read) == ("full", 7)
    assert (items.rows_added, items.rows_changed, items.rows_removed) == (2, 2, 1)
    assert report.base == "night1"
    again = nights.read().frames["items"]
    assert (again.rows_added, again.rows_changed, again.rows_removed) == (0, 0, 0)


def test_rows_of_one_key_are_compared_whatever_their_order(tmp_path: Path) -> None:
    old = pl.DataFrame({"k": ["a", "a", "b", None], "v": ["1", "2", None, "x"]})
    old.write_parquet(tmp_path / "old")
    old.reverse().write_parquet(tmp_path / "same")
    pl.DataFrame({"k": ["a", "b", "b"], "v": ["1", "", None]}).write_parquet(tmp_path / "new")
    old.with_columns(w=1).write_parquet(tmp_path / "other")
    assert row_changes(tmp_path / "old", tmp_path / "same", "k") == RowChanges(0, 0, 0)
    assert row_changes(tmp_path / "old", tmp_path / "new", "k") == RowChanges(0, 2, 0)
    assert row_changes(tmp_path / "old", tmp_path / "other", "k") is None
    assert row_changes(tmp_path / "absent", tmp_path / "old", "k") is None
