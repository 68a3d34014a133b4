"""Faults provoked on SQL Server: each is classified, the last publication stays, and the doctor sees what is wrong."""

from __future__ import annotations

import threading
import uuid
from contextlib import suppress

import pytest
import sqlalchemy as sa
from mssql_server import new_login, run_alone
from sqlalchemy.engine import make_url
from tcp_proxy import proxy_process
from warehouse_crash import check_current, leftovers
from warehouse_predictions import write_many

from routing_etl.database.engine import make_engine, translated
from routing_etl.doctor.examination import examine
from routing_etl.doctor.server import Granted, examine_server
from routing_etl.errors import RoutingEtlError, SourceError, TransientDatabaseError, WarehouseError
from routing_etl.warehouse import publications
from routing_etl.warehouse.load import BatchWriter
from routing_etl.warehouse.publish import Publisher

SENTINEL = "Wrong-S3ntinel!"


@pytest.fixture(scope="module")
def table(engine, schema):
    """A small table with a key and a CHECK."""
    made = sa.Table(
        "fault",
        sa.MetaData(schema=schema),
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("word", sa.Unicode(4)),
        sa.CheckConstraint("id > 0", name="ck_fault_id"),
    )
    with engine.begin() as connection:
        connection.execute(sa.schema.CreateTable(made))
        connection.execute(made.insert(), [{"id": 1, "word": "a"}, {"id": 2, "word": "b"}])
    yield made
    with engine.begin() as connection:
        connection.execute(sa.schema.DropTable(made))


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("SELECT * FROM {schema}.no_such_view", "no such table or view"),
        ("SELECT no_such_column FROM {schema}.fault", "no such column"),
        ("INSERT INTO {schema}.fault (id) VALUES (1)", "key is there already"),
        ("INSERT INTO {schema}.fault (id) VALUES (-1)", "CHECK or a foreign key"),
        ("INSERT INTO {schema}.fault (id, word) VALUES (9, N'too long')", "longer than its column"),
        ("INSERT INTO {schema}.fault (id) VALUES (NULL)", "missing value"),
    ],
)
def test_the_first_error_in_a_transaction_is_the_one_reported(engine, schema, table, statement, words):
    """Also where the server ends the transaction by itself and refuses the rollback."""
    with (
        pytest.raises(WarehouseError, match=words) as caught,
        translated("warehouse", engine.url),
        engine.begin() as connection,
    ):
        connection.execute(table.update().where(table.c.id == 2).values(word="x"))
        connection.exec_driver_sql(statement.format(schema=schema))
    assert not caught.value.transient and "3903" not in str(caught.value)
    with engine.connect() as connection:
        words_left = connection.execute(sa.select(table.c.word).order_by(table.c.id)).scalars().all()
    assert words_left == ["a", "b"], "the whole transaction is undone"


def test_a_wrong_password_and_a_wrong_database_are_permanent(url, mssql_settings):
    parsed = make_url(url)
    for wrong in (parsed.set(password=SENTINEL), parsed.set(database=f"no_{uuid.uuid4().hex[:6]}")):
        engine = make_engine(wrong.render_as_string(hide_password=False), "erp", mssql_settings())
        with pytest.raises(SourceError) as caught, translated("erp", engine.url), engine.connect():
            pass
        engine.dispose()
        assert not caught.value.transient and SENTINEL not in str(caught.value)
        assert "ROUTING_ETL_ERP_URL" in caught.value.remedy


def test_the_doctor_shows_no_secret(url, mssql_settings):
    wrong = make_url(url).set(password=SENTINEL).render_as_string(hide_password=False)
    findings = examine(mssql_settings(erp_url=wrong, warehouse_url=wrong))
    assert {f.area for f in findings if f.level == "error"} >= {"ERP", "warehouse"}
    assert SENTINEL not in str(findings)


def test_a_lock_that_is_not_freed_is_transient(engine, url, table, mssql_settings):
    impatient = make_engine(url, "warehouse", mssql_settings(lock_timeout=1))
    with engine.begin() as holder:
        holder.execute(table.update().where(table.c.id == 1).values(word="held"))
        with (
            pytest.raises(TransientDatabaseError, match="did not free a lock"),
            translated("warehouse", impatient.url),
            impatient.begin() as connection,
        ):
            connection.execute(table.update().where(table.c.id == 1).values(word="want"))
        holder.rollback()
    with impatient.begin() as connection:
        freed = table.update().where(table.c.id == 1).values(word="a").returning(table.c.id)
        assert connection.execute(freed).scalars().all() == [1]
    impatient.dispose()


def test_a_deadlock_is_transient(engine, table):
    barrier, errors = threading.Barrier(2, timeout=30), []

    def cross(first, second):
        try:
            with translated("warehouse", engine.url), engine.begin() as connection:
                connection.execute(table.update().where(table.c.id == first).values(word="d"))
                barrier.wait()
                connection.execute(table.update().where(table.c.id == second).values(word="d"))
                connection.rollback()
        except RoutingEtlError as exc:
            errors.append(exc)

    threads = [threading.Thread(target=cross, args=pair) for pair in ((1, 2), (2, 1))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=90)
    assert len(errors) >= 1 and all(e.transient for e in errors)


def test_a_null_in_an_update_undoes_nothing(engine, table):
    """A server that cannot tell the type of a NULL parameter ends the transaction, and the driver says nothing."""
    with engine.begin() as connection:
        connection.execute(table.insert().values(id=77, word="kept"))
        connection.execute(table.update().where(table.c.id == 2).values(word=None))
    with engine.begin() as connection:
        connection.execute(table.update().where(table.c.id == 2).values(word="b"))
        left = connection.execute(table.delete().where(table.c.id == 77).returning(table.c.word)).scalars()
        assert left.all() == ["kept"]


def test_a_line_cut_in_mid_load_and_mid_publish(publisher, url, mssql_settings, tmp_path, monkeypatch):
    """Batches go through a proxy that is cut: the load is tried again, and a publish as well."""
    monkeypatch.setattr(publications.time, "sleep", lambda _: None)
    first = publisher.load(write_many(tmp_path / "a", 10), run_id="r1", model_version="m")
    publisher.publish(first.publication_id)
    parsed = make_url(url)
    with proxy_process(parsed.host or "127.0.0.1", parsed.port or 1433) as line:
        settings = mssql_settings(warehouse_schema=publisher.schema)
        behind = parsed.set(host="127.0.0.1", port=line.port).render_as_string(hide_password=False)
        engine = make_engine(behind, "warehouse", settings)
        left = ["load", "publish"]

        class Cuts(BatchWriter):
            def write(self, connection, table, frame):
                done = super().write(connection, table, frame)
                if table.name == "candidate_operation" and "load" in left:
                    left.remove("load")
                    line.cut()
                return done

        behind_publisher = Publisher(engine, settings, writer=Cuts(100))
        with suppress(TransientDatabaseError):
            behind_publisher.load(write_many(tmp_path / "b", 15, seed=1), run_id="r2", model_version="m")
        assert line.cuts == 1
        assert check_current(publisher) == first.publication_id
        report = publisher.load(write_many(tmp_path / "b", 15, seed=1), run_id="r3", model_version="m")
        real = Publisher._event

        def event(self, *args, **kwargs):
            real(self, *args, **kwargs)
            if "publish" in left:
                left.remove("publish")
                line.cut()

        monkeypatch.setattr(Publisher, "_event", event)
        with suppress(TransientDatabaseError):
            behind_publisher.publish(report.publication_id)
        monkeypatch.setattr(Publisher, "_event", real)
        assert line.cuts == 2
        publisher.publish(report.publication_id)
        assert check_current(publisher) == report.publication_id
        assert leftovers(publisher) == 0
        engine.dispose()


@pytest.fixture
def stranger(engine, url, schema):
    """The URL of a login that may do nothing, where such a login can be made."""
    with new_login(engine, url) as made:
        yield made


def test_a_missing_grant_is_permanent_and_the_doctor_names_it(
    stranger, engine, schema, table, mssql_settings
):
    url, name = stranger
    other = make_engine(url.render_as_string(hide_password=False), "erp", mssql_settings())
    try:
        with (
            pytest.raises(SourceError) as caught,
            translated("erp", other.url),
            other.connect() as connection,
        ):
            connection.execute(sa.select(table))
        assert not caught.value.transient
        run_alone(engine, f"GRANT SELECT ON [{schema}].[fault] TO [{name}]")
        other.dispose()
        granted = Granted([(schema, "fault")], ("SELECT", "UPDATE"), ("DELETE",))
        found = [f for f in examine_server(other, "erp", [granted]) if f.level == "error"]
        assert [f.remedy for f in found] == [f"GRANT UPDATE ON [{schema}].[fault] TO [{name}];"]
    finally:
        other.dispose()
        run_alone(engine, f"REVOKE SELECT ON [{schema}].[fault] FROM [{name}]")


def test_the_doctor_finds_the_server_in_order(mssql_settings, schema):
    findings = [
        f for f in examine(mssql_settings(warehouse_schema=schema)) if f.area in ("warehouse", "migrations")
    ]
    assert [f for f in findings if f.level == "error"] == []
    shown = " ".join(f.message for f in findings)
    assert "at head" in shown and "ODBC driver" in shown
