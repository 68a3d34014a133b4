"""Every session on the server is one of ours: named, with our rules; and the doctor's probe agrees with what writers do."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from round_trip import edge_rows, frame_of, round_trip_table
from warehouse_predictions import known_rows, write_many, write_rows

from routing_etl.database.bulk import BulkCopy
from routing_etl.errors import ConfigurationError
from routing_etl.warehouse import changes
from routing_etl.warehouse.publish import Publisher
from routing_etl.warehouse.writer_probe import probe_writers
from routing_etl.warehouse.writers import ChainWriter, choose_writer


def test_a_session_of_bulk_copy_is_named_and_ruled_as_all_others(engine, mssql_settings):
    settings = mssql_settings()
    try:
        session = BulkCopy(engine, settings.connect_timeout, settings.statement_timeout).open()
    except ConfigurationError as exc:
        pytest.skip(str(exc))
    try:
        cursor = session.cursor()
        cursor.execute("SELECT APP_NAME(), @@LOCK_TIMEOUT")
        program, wait = tuple(cursor.fetchone())
    finally:
        session.close()
    with engine.connect() as connection:
        ours = connection.exec_driver_sql("SELECT APP_NAME(), @@LOCK_TIMEOUT").one()
    assert program == ours[0]
    assert wait == settings.lock_timeout * 1000 == ours[1]


def test_the_probe_agrees_with_what_a_load_does(engine, mssql_settings, schema):
    """A writer whose probe succeeds sends rows; the last one always does."""
    probed = probe_writers(engine, mssql_settings())
    assert probed[-1].problem == "" and probed[-1].chosen
    table = round_trip_table(schema, "mssql")
    with engine.begin() as connection:
        connection.execute(sa.schema.CreateTable(table))
    try:
        writer = choose_writer(engine, mssql_settings())
        assert isinstance(writer, ChainWriter)
        for part in range(2):
            frame = frame_of(edge_rows()[part : part + 1], "mssql")
            with engine.begin() as connection:
                writer.write(connection, table, frame)
        given_up = {g.writer for g in writer.given_up}
        writer.close()
        assert not given_up & {p.writer for p in probed if not p.problem}
    finally:
        with engine.begin() as connection:
            connection.execute(sa.schema.DropTable(table))


def test_our_statements_work_on_tables_with_triggers(publisher, schema, tmp_path):
    """A DBA's trigger forbids OUTPUT without INTO (error 334): keys and counts have to come another way."""
    made = []
    try:
        for table in ("publication", "current_publication", "writer_lock", "publication_event"):
            trigger = f"trg_{table}_audit"
            statement = f"CREATE TRIGGER {schema}.{trigger} ON {schema}.{table} AFTER INSERT, UPDATE AS SET NOCOUNT ON"
            try:
                with publisher._engine.begin() as connection:
                    connection.exec_driver_sql(statement)
            except sa.exc.DBAPIError as exc:
                pytest.skip(f"this server takes no such trigger: {exc.orig}")
            made.append(trigger)
        changes._triggers.clear()
        with publisher._engine.connect() as connection:
            if not changes.has_triggers(connection, publisher.tables.publication):
                pytest.skip("this server does not tell by OBJECTPROPERTY that a table has triggers")
        report = publisher.load(write_rows(tmp_path / "p", known_rows()), run_id="r", model_version="m")
        assert publisher.publish(report.publication_id).changed
        assert publisher.current() == report.publication_id
    finally:
        changes._triggers.clear()
        with publisher._engine.begin() as connection:
            for trigger in made:
                connection.exec_driver_sql(f"DROP TRIGGER {schema}.{trigger}")


def test_a_long_copy_looks_after_the_lock_without_waiting_for_itself(
    publisher, mssql_settings, schema, tmp_path
):
    """Pulses come between batches, while the load's own transaction holds a shared lock on the writer's row."""
    settings = mssql_settings(warehouse_schema=schema, load_rows=100, lock_timeout=5)
    loader = Publisher(publisher._engine, settings)
    bulk = probe_writers(publisher._engine, settings)[0]
    report = loader.load(write_many(tmp_path / "p", 200), run_id="r", model_version="m")
    assert "LockedError" not in report.writer_reason and "1222" not in report.writer_reason
    if not bulk.problem:
        assert report.writer == bulk.writer and report.writer_reason == ""
    loader.publish(report.publication_id)
