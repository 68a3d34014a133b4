"""The chain of writers: a bulk copy that fails in any way gives way, what it left is removed, nothing is lost or twice.

The drivers are faked on SQLite; on SQL Server the same runs for real in `tests/mssql`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

import polars as pl
import pyarrow as pa
import pytest
import sqlalchemy as sa
from round_trip import edge_rows, frame_of, read_back, round_trip_table
from sqlalchemy.dialects import mssql
from structlog.testing import capture_logs
from warehouse_predictions import warehouse, write_many

from routing_etl.database.bulk import BulkCopy
from routing_etl.database.engine import make_engine
from routing_etl.errors import (
    ConfigurationError,
    FrameError,
    LockedError,
    TransientDatabaseError,
    WarehouseError,
)
from routing_etl.settings import load_settings
from routing_etl.warehouse import writers as w
from routing_etl.warehouse.publish import Publisher
from routing_etl.warehouse.schema import tables
from routing_etl.warehouse.types import UtcDateTime

pytestmark = pytest.mark.unit

NO_MANAGER = "needs the ODBC driver manager (unixodbc)"


def sql_server_engine():
    """An engine that never connects."""
    pytest.importorskip("pyodbc", reason=NO_MANAGER, exc_type=ImportError)
    return sa.create_engine("mssql+pyodbc://u:p@h/d?driver=x")


class PanicException(BaseException):
    """As pyo3 names a panic of a driver written in Rust."""


@dataclass
class FakeBulk:
    """Commits `part` of the rows on a connection of its own, then raises `error`, `failures` times."""

    engine: sa.Engine
    error: BaseException | None = None
    part: float = 1.0
    failures: int = 10**9
    calls: list[str] = field(default_factory=list)
    closed: int = 0
    name = "fake bulk"
    transactional = False

    def write(self, connection, table, frame):
        self.calls.append(table.name)
        failing = self.error is not None and self.failures > 0
        sent = frame.head(int(frame.height * self.part)) if failing else frame
        with self.engine.begin() as own:
            w.BatchWriter(50).write(own, table, sent)
        if failing:
            self.failures -= 1
            raise self.error
        return frame.height

    def close(self):
        self.closed += 1


@pytest.fixture
def place(tmp_path):
    engine = make_engine(f"sqlite:///{tmp_path / 'w.db'}", "warehouse", load_settings(home=tmp_path))
    table = round_trip_table(None, "sqlite")
    table.create(engine)
    yield engine, table
    engine.dispose()


def chain(engine, *fakes):
    return w.ChainWriter(engine, [*fakes, w.BatchWriter(50)])


@pytest.mark.parametrize("error", [PanicException("index out of range"), RuntimeError("bulk load failed")])
def test_a_driver_that_fails_or_panics_gives_way_with_a_reason(place, error):
    engine, table = place
    bulk = FakeBulk(engine, error, part=0.6)
    writer = chain(engine, bulk)
    with capture_logs() as logs, engine.begin() as connection:
        for _ in range(2):
            writer.write(
                connection, table, frame := frame_of([{"name": str(n)} for n in range(20)], "sqlite")
            )
    found = read_back(engine, table, frame.item(0, "owner"))
    assert [r["name"] for r in found] == [str(n) for n in range(20)]
    assert bulk.calls == ["round_trip"], "the second call does not try it again"
    assert writer.name == "executemany x 50; gave up fake bulk"
    events = {entry["event"]: entry for entry in logs}
    assert type(error).__name__ in events["writer_failed"]["reason"]
    assert events["writer_fallback"]["writer"] == "executemany x 50"


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(3)])
def test_an_interrupt_passes(place, error):
    engine, table = place
    with pytest.raises(type(error)), engine.begin() as connection:
        chain(engine, FakeBulk(engine, error)).write(connection, table, frame_of([{}], "sqlite"))


def test_a_repeated_call_removes_what_the_first_one_committed(place):
    engine, table = place
    writer = chain(engine, FakeBulk(engine))
    frame = frame_of([{"name": str(n)} for n in range(9)], "sqlite")
    other = frame_of([{"name": "other"}], "sqlite")
    for attempt in range(2):
        try:
            with engine.begin() as connection:
                writer.write(connection, table, frame)
                if not attempt:
                    writer.write(connection, table, other)
                    raise ZeroDivisionError
        except ZeroDivisionError:
            continue
    assert len(read_back(engine, table, frame.item(0, "owner"))) == 9
    assert len(read_back(engine, table, other.item(0, "owner"))) == 1, "another call's rows stay"


def test_a_writer_asked_for_by_name_has_no_fallback(place):
    engine, table = place
    writer = w.ChainWriter(engine, [FakeBulk(engine, PanicException("boom"), part=0.5)])
    frame = frame_of([{}] * 4, "sqlite")
    refused = pytest.raises(WarehouseError, match=r"PanicException: boom.*ROUTING_ETL_BULK_WRITER")
    with refused, engine.begin() as connection:
        writer.write(connection, table, frame)
    assert read_back(engine, table, frame.item(0, "owner")) == []


def test_a_misfit_is_refused_without_giving_a_writer_up(place):
    engine, table = place
    bulk = FakeBulk(engine)
    writer = chain(engine, bulk)
    frame = frame_of([{}, {"ratio": float("nan")}], "sqlite")
    with pytest.raises(FrameError, match="column ratio is not a finite number"), engine.begin() as connection:
        writer.write(connection, table, frame)
    assert writer.name == "fake bulk"
    assert read_back(engine, table, frame.item(0, "owner")) == []


def test_secrets_do_not_reach_the_log(tmp_path):
    url = "postgresql+psycopg://u:Sentinel@127.0.0.1:1/d"
    engine = make_engine(url, "warehouse", load_settings(home=tmp_path, connect_timeout=1))
    writer = w.ChainWriter(engine, [FakeBulk(engine, RuntimeError("no login with PWD=Sentinel;"))])
    writer.writers[0].engine = sa.create_engine("sqlite://")
    table = sa.Table("t", sa.MetaData(), sa.Column("a", sa.Integer, primary_key=True), sa.Column("b", sa.Integer, primary_key=True))  # fmt: skip
    table.create(writer.writers[0].engine)
    frame = pl.DataFrame({"a": [1], "b": [2]}, schema={"a": pl.Int32, "b": pl.Int32})
    with capture_logs() as logs, pytest.raises(TransientDatabaseError) as refused:
        writer.write(writer.writers[0].engine.connect(), table, frame)
    assert "***" in str(logs) and "Sentinel" not in str(logs) + str(refused.value)


def test_a_load_whose_bulk_copy_breaks_in_the_middle_is_whole_and_says_so(tmp_path, monkeypatch):
    # SQLite has one writer at a time; on SQL Server the fence is a shared lock on a row that the copy does not touch.
    monkeypatch.setattr("routing_etl.warehouse.publications.fence", lambda *_: None)
    publisher, settings = warehouse(tmp_path / "w.db", load_rows=100)
    engine = publisher._engine
    bulk = FakeBulk(engine, PanicException("boom"), part=0.5)

    class FirstTableWorks(FakeBulk):
        def write(self, connection, table, frame):
            self.error = None if table.name == "candidate" else bulk.error
            return super().write(connection, table, frame)

    writer = chain(engine, FirstTableWorks(engine, None, part=0.5))
    publisher = Publisher(engine, settings, writer=writer)
    report = publisher.load(write_many(tmp_path / "p", 20), run_id="r", model_version="m")
    assert report.writer == "executemany x 50; gave up fake bulk"
    batch = publisher.tables.publication
    with engine.connect() as connection:
        assert connection.execute(sa.select(batch.c.writer)).scalar_one() == report.writer
    assert publisher.publish(report.publication_id).changed
    assert writer.name == "fake bulk", "the next load tries it again"


def test_arrow_columns_have_the_tables_types_and_empty_ones_are_left_out():
    table = round_trip_table("s", "mssql")
    rows = [{**row, "code": None} for row in edge_rows(1)]
    made = w.arrow_table(table, frame_of(rows, "mssql"))
    assert "code" not in made.column_names
    kinds = {f.name: f.type for f in made.schema}
    assert kinds == {
        "owner": pa.int32(), "seq": pa.int32(), "name": pa.string(), "price": pa.decimal128(12, 4),
        "wide": pa.decimal128(38, 10), "ratio": pa.float64(), "small": pa.int16(), "big": pa.int64(),
        "flag": pa.bool_(), "day": pa.date32(), "moment": pa.timestamp("us"),
    }  # fmt: skip
    values = [row["price"] for row in rows if row.get("price") is not None]
    assert [float(v) for v in made["price"].to_pylist() if v is not None] == values


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        ("auto", ["mssql-python bulk copy", "executemany x 20000"]),
        ("bulkcopy", ["mssql-python bulk copy"]),
        ("arrow", ["arrow-odbc inserts"]),
        ("batch", ["executemany x 20000"]),
    ],
)
def test_writers_for_sql_server_by_setting(tmp_path, wanted, names):
    engine = sql_server_engine()
    chosen = w.choose_writer(engine, load_settings(home=tmp_path, bulk_writer=wanted))
    found = [x.name for x in chosen.writers] if isinstance(chosen, w.ChainWriter) else [chosen.name]
    assert found == names


def test_arrow_inserts_are_tried_where_they_send_unicode(tmp_path, monkeypatch):
    """On Windows text is bound as UTF-16; elsewhere in the machine's narrow encoding."""
    monkeypatch.setattr(w.sys, "platform", "win32")
    chosen = w.choose_writer(sql_server_engine(), load_settings(home=tmp_path))
    assert [x.name for x in chosen.writers][1] == "arrow-odbc inserts"


@pytest.mark.parametrize("wanted", ["batch", "arrow"])
def test_a_slower_writer_by_choice_is_said_to_be_one(tmp_path, wanted):
    chosen = w.choose_writer(sql_server_engine(), load_settings(home=tmp_path, bulk_writer=wanted))
    assert w.way_of(chosen).reason == f"ROUTING_ETL_BULK_WRITER={wanted}"


def test_a_writer_for_sql_server_is_refused_elsewhere(place, tmp_path):
    with pytest.raises(ConfigurationError, match="'bulkcopy' is for SQL Server"):
        w.choose_writer(place[0], load_settings(home=tmp_path, bulk_writer="bulkcopy"))
    assert w.choose_writer(place[0], load_settings(home=tmp_path)).transactional


def test_an_arrow_connection_that_mangles_text_is_not_used():
    pytest.importorskip(
        "arrow_odbc", reason="arrow-odbc needs the ODBC driver manager (unixodbc)", exc_type=ImportError
    )

    class Mangles:
        def execute(self, statement):
            pass

        def insert_into_table(self, **_):
            pass

        def read_arrow_batches(self, **_):
            return [pa.record_batch({"t": ["???"]})]

        def commit(self):
            pass

    with pytest.raises(ConfigurationError, match="does not send Unicode text whole"):
        w._probe_text(Mangles())


def test_wide_rows_go_in_smaller_groups(place):
    _, table = place
    assert w._row_bytes(table, ["name", "price"]) == 2 * 8 + 8 + 24


# --- mssql-python's bulk copy, with a driver that writes into SQLite ------------------------------------------------------
class FakeCopy:
    """Stands for `BulkCopy`: fetches the rows batch by batch and writes them into SQLite."""

    def __init__(self, engine, table, *, lose=0, put=None):
        self.engine, self.table, self.lose, self.put = engine, table, lose, put or {}
        self.calls = []

    def copy(self, name, source, columns):
        batches = []
        try:
            batches = list(source)
        except Exception as exc:  # noqa: BLE001 - whatever the source raises
            raise RuntimeError(f"Arrow source failed: {exc}") from None  # the driver keeps no type of ours
        self.calls.append((name, columns, [b.num_rows for b in batches]))
        frame = pl.from_arrow(pa.Table.from_batches(batches))
        frame = frame.with_columns(pl.lit(v).cast(frame.schema[k]).alias(k) for k, v in self.put.items())
        kept = frame.head(frame.height - self.lose)
        with self.engine.begin() as connection:
            w.BatchWriter(50).write(connection, self.table, kept)
        return kept.height


def bulk_copy(place, monkeypatch, *others, **faults):
    engine, table = place
    driver = FakeCopy(engine, table, **faults)
    return driver, w.ChainWriter(engine, [w.BulkCopyWriter(driver, 2), *others])


def write(place, writer, frame):
    engine, table = place
    with engine.begin() as connection:
        return writer.write(connection, table, frame)


def test_bulk_copy_maps_by_name(place, monkeypatch):
    driver, writer = bulk_copy(place, monkeypatch)
    frame = frame_of([{"name": "외주"}, {"price": 1.5}], "sqlite")
    shuffled = frame.select(reversed(frame.columns))
    for part in (shuffled, frame_of([{"name": "b", "price": 2.0}], "sqlite")):
        write(place, writer, part)
    assert [r["name"] for r in read_back(*place, frame.item(0, "owner"))] == ["외주", None]
    assert driver.calls[0] == ("round_trip", ["price", "name", "seq", "owner"], [2])
    assert w.way_of(writer) == w.Way("mssql-python bulk copy", "")


def test_a_long_copy_beats_between_its_batches_and_only_then(place, monkeypatch):
    _, writer = bulk_copy(place, monkeypatch)
    beats = []
    with w.beating(writer, beats.append):
        write(place, writer, frame_of([{"name": str(n)} for n in range(7)], "sqlite"))
    assert len(beats) == 3, "batches of two: after two, four and six rows"
    assert all(isinstance(c, sa.Connection) for c in beats), (
        "over the connection whose transaction keeps the lock's row"
    )
    write(place, writer, frame_of([{"name": str(n)} for n in range(7)], "sqlite"))
    assert len(beats) == 3


def test_a_copy_whose_lock_is_gone_stops_and_no_other_writer_takes_over(place, monkeypatch):
    driver, writer = bulk_copy(place, monkeypatch, w.BatchWriter(50))

    def taken_over(_connection):
        raise LockedError("The writer lock was taken over", remedy="Run again.")

    frame = frame_of([{"name": str(n)} for n in range(5)], "sqlite")
    with w.beating(writer, taken_over), pytest.raises(LockedError, match="taken over"):
        write(place, writer, frame)
    assert driver.calls == [] and read_back(*place, frame.item(0, "owner")) == []


def test_a_fallback_is_kept_with_its_reason(place, monkeypatch):
    _, writer = bulk_copy(place, monkeypatch, w.BatchWriter(50), lose=1)
    frame = frame_of([{"name": "a"}, {"name": "b"}], "sqlite")
    assert write(place, writer, frame) == 2
    way = w.way_of(writer)
    assert way.writer == "executemany x 50; gave up mssql-python bulk copy"
    assert way.reason.startswith(
        "mssql-python bulk copy: WarehouseError: Bulk copy into round_trip took 1 of 2 rows"
    )
    assert set(way.recorded()) == {"writer", "writer_reason"}
    writer.close()
    assert w.way_of(writer) == w.Way("mssql-python bulk copy", ""), (
        "the next load begins with the fastest again"
    )


def test_rows_of_a_failed_copy_go_by_small_deletes(place, monkeypatch):
    """4,000 at once: with about 5,000 locks SQL Server takes the whole table, which others read."""
    seen = []
    monkeypatch.setattr(
        w, "delete_step", lambda table, where: lambda connection: len(seen.append(where) or seen) < 3
    )
    _, writer = bulk_copy(place, monkeypatch, w.BatchWriter(50), lose=1)
    writer._remove(place[1], frame_of([{"name": "a"}], "sqlite"))
    assert len(seen) == 3, "until nothing is left"


@pytest.mark.parametrize(
    ("faults", "words"),
    [
        ({"lose": 1}, "took 1 of 2 rows"),
        ({"put": {"name": "??"}}, "column name holds '\\?\\?' instead of '외주'"),
        ({"put": {"price": 99.25}}, "column price holds 99.25 instead of 1.5"),
        ({"put": {"small": 7}}, "column small holds 7 instead of -7"),
    ],
)
def test_bulk_copy_that_loses_rows_or_characters_or_numbers_is_found_and_undone(
    place, monkeypatch, faults, words
):
    _, writer = bulk_copy(place, monkeypatch, **faults)
    frame = frame_of([{"name": "ab"}, {"name": "외주", "price": 1.5, "small": -7}], "sqlite")
    with pytest.raises(WarehouseError, match=words):
        write(place, writer, frame)
    assert read_back(*place, frame.item(0, "owner")) == []


def test_children_go_before_their_parents(place, monkeypatch):
    """The cascade from 4,000 candidates would lock all their operations in one statement."""
    seen = []

    def step(table, _where):
        seen.append(table.name)
        return lambda _: False

    monkeypatch.setattr(w, "delete_step", step)
    rows = pl.DataFrame({"publication_id": [1, 1], "item_cd": ["a", "b"], "candidate_rank": [1, 1]})
    writer = w.ChainWriter(place[0], [w.BatchWriter(50)])
    writer._remove(tables(None).candidate, rows)
    assert set(seen[:-1]) == {"candidate_operation", "candidate_evidence"} and seen[-1] == "candidate"
    seen.clear()
    writer._remove(tables(None).candidate_operation, rows)
    assert seen == ["candidate_operation"]


def test_bulk_copy_without_its_driver_gives_way(place, monkeypatch):
    engine, _ = place
    monkeypatch.setitem(__import__("sys").modules, "mssql_py_core", None)
    writer = w.ChainWriter(engine, [w.BulkCopyWriter(BulkCopy(engine, 7, 99), 100), w.BatchWriter(50)])
    frame = frame_of([{"name": "a"}], "sqlite")
    assert write(place, writer, frame) == 1
    assert writer.name == "executemany x 50; gave up mssql-python bulk copy"
    assert "mssql-python cannot be loaded" in writer.reason


# --- Arrow inserts over ODBC, with a driver that keeps what it gets -------------------------------------------------------
class FakeOdbc:
    """Stands for the module arrow_odbc and its connection."""

    class TextEncoding:
        UTF16 = "utf16"

    def __init__(self, *, fail=False):
        self.fail, self.log, self.pending, self.committed = fail, [], [], []

    def connect(self, connection_string, **arguments):
        self.log.append(("connect", arguments))
        return self

    def execute(self, statement):
        self.log.append(statement)

    def insert_into_table(self, *, reader, table, chunk_size):
        self.pending += [(table, row) for batch in reader for row in batch.to_pylist()]
        if self.fail and not table.startswith("#"):
            raise RuntimeError("State: 23000, Native error: 2627, Message: duplicate key")

    def read_arrow_batches(self, **_):
        return [pa.record_batch({"t": [row["t"] for table, row in self.pending if table.startswith("#")]})]

    def commit(self):
        self.committed, self.pending = self.committed + self.pending, []


@pytest.fixture
def odbc(monkeypatch, place):
    def make(**faults):
        driver = FakeOdbc(**faults)
        monkeypatch.setitem(__import__("sys").modules, "arrow_odbc", driver)
        monkeypatch.setattr(w, "odbc_connection_string", lambda _: "Server=x")
        rules = ("SET XACT_ABORT ON", "SET LOCK_TIMEOUT 3000")
        monkeypatch.setattr(w, "house_rules", lambda _: rules)
        return driver, w.ArrowWriter(place[0], 100, 7)

    return make


def test_arrow_inserts_are_committed_as_one(place, odbc):
    driver, writer = odbc()
    frame = frame_of([{"name": "누설", "price": 1.5}, {"name": None, "price": 0.0001}], "sqlite")
    assert write(place, writer, frame) == 2
    write(place, writer, frame_of([{"name": "b"}], "sqlite"))
    assert [row["name"] for table, row in driver.committed if table == "round_trip"] == ["누설", None, "b"]
    opened = ("connect", {"login_timeout_sec": 7, "autocommit": False})
    assert driver.log[0] == opened and driver.log.count(opened) == 1
    assert driver.log[1:3] == ["SET XACT_ABORT ON", "SET LOCK_TIMEOUT 3000"]


def test_arrow_inserts_that_fail_commit_nothing_and_are_classified(place, odbc):
    driver, writer = odbc(fail=True)
    chained = w.ChainWriter(sql_server_engine(), [writer])
    chained._remove = lambda table, frame: None
    with pytest.raises(WarehouseError, match="key is there already"):
        write(place, chained, frame_of([{"name": "a"}], "sqlite"))
    assert all(table.startswith("#") for table, _ in driver.committed)
    assert writer._connection is None


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (
            sa.DateTime(),
            "2026-03-01 07:08:09.123",
        ),  # datetime: thirds of a hundredth, so three digits at most
        (mssql.DATETIME2(), "2026-03-01 07:08:09.123456"),  # datetime2(7); Python and Polars hold six
        (mssql.DATETIME2(precision=0), "2026-03-01 07:08:09"),
        (mssql.DATETIME2(precision=3), "2026-03-01 07:08:09.123"),
        (mssql.DATETIME2(precision=6), "2026-03-01 07:08:09.123456"),
        (UtcDateTime(), "2026-03-01 07:08:09.123"),
    ],
)
def test_a_moment_has_the_digits_of_its_column(kind, text):
    """datetime refuses a text of more than three digits (SQL Server error 241), datetime2(n) would round."""
    column = sa.Column("at", kind)
    moment = datetime(2026, 3, 1, 7, 8, 9, 123_456)
    frame = pl.DataFrame({"at": [moment, None]}, schema={"at": pl.Datetime("us")})
    assert frame.select(w._moment_as_text(column)).to_series().to_list() == [text, None]
