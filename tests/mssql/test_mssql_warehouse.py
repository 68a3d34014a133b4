"""Our schema on SQL Server: migrations there and back, load, publish, roll back, purge, lock, readers, records."""

from __future__ import annotations

import polars as pl
import pytest
import sqlalchemy as sa
import warehouse_older
from mssql_server import drop_schema, new_schema
from warehouse_crash import check_current, leftovers
from warehouse_fence import wakes_fenced
from warehouse_predictions import (
    CANDIDATE,
    OPERATION,
    known_rows,
    many_frames,
    write_frames,
    write_many,
    write_rows,
)
from warehouse_readers import Readers
from warehouse_records import stored_runs

from routing_etl.database.engine import make_engine
from routing_etl.errors import LockedError, ReconcileError, RoutingEtlError, WarehouseError
from routing_etl.frames import CheckOutcome
from routing_etl.warehouse import migrate as m
from routing_etl.warehouse.lock import WriterLock
from routing_etl.warehouse.model_records import ModelRecords, TrainedVersion
from routing_etl.warehouse.publish import Publisher
from routing_etl.warehouse.run_records import RunEnd, RunRecords
from routing_etl.warehouse.schema import tables
from routing_etl.warehouse.views import VIEW_NAMES
from routing_etl.warehouse.writers import BatchWriter


def rows(publisher, sql, *parameters):
    with publisher._engine.connect() as connection:
        return connection.exec_driver_sql(sql, tuple(parameters)).all()


def test_migrations_there_and_back_touch_only_our_schema(engine):
    schema = new_schema()
    try:
        m.migrate(engine, schema)
        m.check_head(engine, schema)
        m.migrate(engine, schema)
        inspector = sa.inspect(engine)
        assert set(inspector.get_view_names(schema)) == set(VIEW_NAMES)
        ours = {t.name for t in tables(schema).metadata.sorted_tables}
        assert set(inspector.get_table_names(schema)) == ours | {m.VERSION_TABLE}
        for revision in reversed(m.revisions()[:-1]):
            m.downgrade(engine, schema, revision)
            assert m.current_revision(engine, schema) == revision
        m.downgrade(engine, schema, "base")
        inspector = sa.inspect(engine)
        assert inspector.get_table_names(schema) == [m.VERSION_TABLE]
        assert inspector.get_view_names(schema) == []
        with pytest.raises(WarehouseError, match="routing-etl migrate"):
            m.check_head(engine, schema)
        m.migrate(engine, schema)
    finally:
        drop_schema(engine, schema)
    assert schema not in sa.inspect(engine).get_schema_names()


def test_constraints_have_their_names(engine, schema):
    """By the catalogue, because SQLAlchemy's reflection asks for views that not every such server has."""

    def names(view):
        query = f"SELECT c.name FROM sys.{view} c JOIN sys.schemas s ON s.schema_id = c.schema_id WHERE s.name = ?"
        with engine.connect() as connection:
            return {row[0] for row in connection.exec_driver_sql(query, (schema,))}

    md = tables(schema).metadata
    assert names("key_constraints") >= {t.primary_key.name for t in md.sorted_tables}
    keys = {f.name for t in md.sorted_tables for f in t.foreign_key_constraints}
    assert "fk_candidate_operation_candidate" in keys and names("foreign_keys") >= keys


def test_load_publish_and_what_the_views_show(publisher, schema, tmp_path):
    batch = known_rows()
    blank = {"item_cd": " 4H69065ZZ", "item_key": "4H69065ZZ"}
    batch["candidates"].append(CANDIDATE | blank | {"candidate_id": " 4H69065ZZ_C01"})
    batch["candidate_operations"].append(OPERATION | blank | {"job_nm": "𠀀 누설"})
    batch["abstained"] = [batch["abstained"][0] | {"item_cd": "Z", "item_key": "Z"}]
    report = publisher.load(write_rows(tmp_path / "p", batch), run_id="r", model_version="m")
    assert rows(publisher, f"SELECT COUNT(*) FROM [{schema}].routing_flat")[0][0] == 0, "not published yet"
    publisher.publish(report.publication_id)
    assert check_current(publisher) == report.publication_id
    flat = rows(
        publisher,
        f"SELECT PROC_SEQ, INSIDE_FLAG, SETUP_TIME, MACH_WORKED_HOURS, VALID_TO_DT FROM [{schema}].routing_flat "
        "WHERE ITEM_CD = ? ORDER BY PROC_SEQ",
        "3H18091DB",
    )
    assert [(r[0], r[1], float(r[2]), float(r[3]), str(r[4])[:10]) for r in flat] == [
        (10, "사내", 12.35, 3.22, "2999-12-31"),
        (20, "외주", 0.0, 0.0, "2999-12-31"),
    ]
    plain = rows(
        publisher,
        f"SELECT setup_time, run_time, job_nm FROM [{schema}].routing_predictions WHERE item_cd = ?",
        " 4H69065ZZ",
    )
    assert [(float(r[0]), float(r[1]), r[2]) for r in plain] == [(12.3457, 3.2199, "𠀀 누설")]
    for view in VIEW_NAMES:
        rows(publisher, f"SELECT TOP 1 * FROM [{schema}].[{view}]")
    assert publisher.load(tmp_path / "p", run_id="r2", model_version="m").reused


def test_reconcile_rollback_and_purge(publisher, mssql_settings, tmp_path):
    class Loses(BatchWriter):
        def write(self, connection, table, frame):
            kept = frame.head(frame.height - (table.name == "candidate_evidence"))
            return super().write(connection, table, kept)

    first = publisher.load(write_many(tmp_path / "a", 40), run_id="r", model_version="m").publication_id
    publisher.publish(first)
    bad = Publisher(publisher._engine, mssql_settings(warehouse_schema=publisher.schema), writer=Loses(100))
    with pytest.raises(ReconcileError, match="candidate_evidence"):
        bad.load(write_many(tmp_path / "b", 20, seed=1), run_id="r", model_version="m")
    second = publisher.load(
        write_many(tmp_path / "b", 20, seed=1), run_id="r", model_version="m"
    ).publication_id
    publisher.publish(second)
    assert publisher.rollback().publication_id == first == check_current(publisher)
    assert publisher.purge(1) == (second,)
    assert leftovers(publisher) == 0 and check_current(publisher) == first


def test_the_writer_that_was_used_is_on_record(publisher, schema, tmp_path):
    report = publisher.load(write_many(tmp_path / "a", 10), run_id="r", model_version="m")
    stored = rows(publisher, f"SELECT writer FROM [{schema}].publication WHERE id = ?", report.publication_id)
    assert stored[0][0] == report.writer != ""


def test_check_constraints_are_enforced_and_named(publisher, tmp_path):
    batch = known_rows()
    batch["candidate_operations"][0]["optimal_time"] = 9.0
    with pytest.raises(RoutingEtlError, match="ck_candidate_operation_opt_std_safe"):
        publisher.load(write_rows(tmp_path / "p", batch), run_id="r", model_version="m")
    assert publisher.list()[0].state == "failed"
    assert publisher.current() is None


def test_a_second_writer_is_refused_by_name(publisher):
    with (
        WriterLock(publisher._engine, publisher.tables, "load of run other"),
        pytest.raises(LockedError, match="load of run other"),
    ):
        publisher.purge(1)
    assert publisher.purge(1) == ()


def test_a_writer_that_wakes_after_another_has_published_is_fenced(publisher, url, mssql_settings, tmp_path):
    settings = mssql_settings(warehouse_schema=publisher.schema)
    other = Publisher(make_engine(url, "warehouse", settings), settings)
    theirs, newer = write_many(tmp_path / "a", 6, seed=1), write_many(tmp_path / "b", 6, seed=2)
    wakes_fenced(publisher, other, theirs, newer)
    other._engine.dispose()


@pytest.mark.parametrize("case", warehouse_older.CASES, ids=lambda case: case.__name__)
def test_an_older_read(publisher, url, mssql_settings, case, tmp_path):
    settings = mssql_settings(warehouse_schema=publisher.schema)
    other = Publisher(make_engine(url, "warehouse", settings), settings)
    case(publisher, other, tmp_path)
    other._engine.dispose()


def test_any_number_of_refusals_leaves_the_server_at_work(publisher):
    with WriterLock(publisher._engine, publisher.tables, "load of run other"):
        for _ in range(12):
            with pytest.raises(LockedError, match="load of run other"):
                publisher.purge(1)
    assert publisher.purge(1) == ()


def test_readers_see_one_whole_publication(publisher, url, mssql_settings, tmp_path):
    folders, totals = [], []
    for number in range(2):
        frames = many_frames(20 + 10 * number, seed=number)
        folders.append(write_frames(tmp_path / f"p{number}", frames))
        operations = frames["candidate_operations"]
        totals.append((operations.height, operations.select(pl.col("sample_count").sum()).item()))
    ids = [publisher.load(f, run_id="r", model_version="m").publication_id for f in folders]
    schema = publisher.schema

    def reading_engine():
        return make_engine(url, "erp", mssql_settings())

    readers = Readers(reading_engine, 2, "0H10000DB", 21, whole_every=3, marker="?", schema=schema)
    readers.expected.update(zip(ids, totals, strict=True))
    publisher.publish(ids[0])
    with readers:
        for number in range(20):
            publisher.publish(ids[number % 2])
    seen = readers.total()
    assert seen.errors == []
    assert (seen.mixed, seen.empty, seen.wrong) == (0, 0, 0)
    assert len(seen.publications) == 2


def test_records(publisher, mssql_settings, schema, tmp_path):
    settings = mssql_settings(warehouse_schema=schema)
    records = RunRecords(publisher._engine, settings)
    records.start_run("r1", "night", metadata={"씨앗": 42})
    outcome = CheckOutcome("items", "c", "e", None, "warning", False, "1", "0", 10, 1, ("가",))
    assert records.store_checks("r1", [outcome]) == 1
    records.finish_run("r1", RunEnd("succeeded", rows_read=5))
    assert stored_runs(records)[0]["metadata"]["씨앗"] == 42
    models = ModelRecords(publisher._engine, settings)
    models.store_model_version(TrainedVersion("v1", "a" * 64))
    metric = {"method": "model", "split": "time", "segment": "all", "metric": "mae", "value": 1.5, "n": 3}
    assert models.store_metrics("v1", pl.DataFrame([metric]), run_id="r1") == 1
    assert rows(publisher, f"SELECT value FROM [{schema}].model_quality_trend")[0][0] == 1.5
