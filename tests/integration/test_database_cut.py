"""The connection is cut between us and a real server, in mid-load and in mid-publish: one clear error or a retry that
works, the last publication intact, nothing twice."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import make_url
from tcp_proxy import proxy
from warehouse_crash import check_current, leftovers
from warehouse_predictions import write_many

from routing_etl.database.engine import make_engine
from routing_etl.errors import TransientDatabaseError, WarehouseError
from routing_etl.settings import load_settings
from routing_etl.warehouse import migrate as m
from routing_etl.warehouse import publications
from routing_etl.warehouse.load import BatchWriter
from routing_etl.warehouse.publish import Publisher

pytestmark = [pytest.mark.integration, pytest.mark.slow]

SECRET = "s3cretSentinel"


@pytest.fixture(scope="module")
def database(postgres_url):
    admin = sa.create_engine(postgres_url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.exec_driver_sql("DROP DATABASE IF EXISTS cut")
        connection.exec_driver_sql("CREATE DATABASE cut")
    yield make_url(postgres_url).set(database="cut")
    with admin.connect() as connection:
        connection.exec_driver_sql("DROP DATABASE cut WITH (FORCE)")
    admin.dispose()


@pytest.fixture
def house(database, tmp_path, monkeypatch):
    """The line (a proxy), a publisher behind it with one publication out, and a direct publisher to look with."""
    monkeypatch.setattr(publications.time, "sleep", lambda _: None)
    settings = load_settings(home=tmp_path, load_rows=200, warehouse_schema="plan", connect_timeout=5)
    direct_engine = make_engine(str(database), "warehouse", settings)
    m.migrate(direct_engine, "plan")
    direct = Publisher(direct_engine, settings)
    first = direct.load(write_many(tmp_path / "a", 30), run_id="r1", model_version="m")
    direct.publish(first.publication_id)
    with proxy(database.host, database.port) as line:
        url = database.set(port=line.port, password=SECRET)
        engine = make_engine(url.render_as_string(hide_password=False), "warehouse", settings)
        yield line, Publisher(engine, settings), direct
        engine.dispose()
    m.downgrade(direct_engine, "plan", "base")
    direct_engine.dispose()


def cutting(line, table_name, *, refuse, times=1):
    """A writer that cuts the line after it has written into a table."""
    left = [times]

    class Cuts(BatchWriter):
        def write(self, connection, table, frame):
            done = super().write(connection, table, frame)
            if table.name == table_name and left[0]:
                left[0] -= 1
                line.cut(refuse=refuse)
            return done

    return Cuts(200)


def works_again(publisher, folder):
    before = publisher.current()
    report = publisher.load(folder, run_id="again", model_version="m")
    publisher.publish(report.publication_id)
    assert check_current(publisher) == report.publication_id != before
    assert leftovers(publisher) == 0


def test_a_cut_in_mid_load_is_retried_and_nothing_is_there_twice(house, tmp_path):
    line, publisher, direct = house
    publisher._writer = cutting(line, "candidate_operation", refuse=False)
    before = direct.current()
    report = publisher.load(write_many(tmp_path / "b", 40, seed=1), run_id="r2", model_version="m")
    assert line.cuts == 1
    assert direct.current() == before
    direct.publish(report.publication_id)
    assert check_current(direct) == report.publication_id


def test_a_server_that_stays_away_in_mid_load_is_one_clear_error(house, tmp_path):
    line, publisher, direct = house
    publisher._writer = cutting(line, "candidate_evidence", refuse=True)
    before = direct.current()
    folder = write_many(tmp_path / "b", 40, seed=1)
    with pytest.raises(TransientDatabaseError, match="the warehouse") as caught:
        publisher.load(folder, run_id="r2", model_version="m")
    assert SECRET not in str(caught.value) and caught.value.remedy
    assert check_current(direct) == before
    assert direct.list()[0].state in ("loading", "failed")
    line.restore()
    works_again(direct, folder)


def test_a_cut_before_the_commit_of_a_publish_is_retried(house, tmp_path, monkeypatch):
    line, publisher, direct = house
    report = publisher.load(write_many(tmp_path / "b", 40, seed=1), run_id="r2", model_version="m")
    real, left = Publisher._event, [1]

    def event(self, *args, **kwargs):
        real(self, *args, **kwargs)
        if left[0]:
            left[0] = 0
            line.cut()

    monkeypatch.setattr(Publisher, "_event", event)
    moved = publisher.publish(report.publication_id)
    assert moved.changed and line.cuts == 1
    assert check_current(direct) == report.publication_id
    assert events(direct, report.publication_id) == ["loaded", "published"]


def test_a_commit_whose_answer_is_lost_is_read_back_and_not_done_twice(house, tmp_path, monkeypatch):
    line, publisher, direct = house
    report = publisher.load(write_many(tmp_path / "b", 40, seed=1), run_id="r2", model_version="m")
    real = Publisher._point

    def point(self, *args):
        real(self, *args)
        line.watch = lambda data: b"COMMIT" in data

    monkeypatch.setattr(Publisher, "_point", point)
    moved = publisher.publish(report.publication_id)
    assert moved.changed and line.cuts == 1
    assert check_current(direct) == report.publication_id
    assert events(direct, report.publication_id) == ["loaded", "published"]


def test_a_server_that_is_gone_in_mid_publish_leaves_the_last_publication(house, tmp_path, monkeypatch):
    line, publisher, direct = house
    folder = write_many(tmp_path / "b", 40, seed=1)
    report = publisher.load(folder, run_id="r2", model_version="m")
    before = direct.current()
    real = Publisher._point

    def point(self, *args):
        real(self, *args)
        line.cut(refuse=True)

    monkeypatch.setattr(Publisher, "_point", point)
    with pytest.raises(TransientDatabaseError, match="ROUTING_ETL_WAREHOUSE_URL"):
        publisher.publish(report.publication_id)
    assert check_current(direct) == before
    line.restore()
    monkeypatch.setattr(Publisher, "_point", real)
    publisher.publish(report.publication_id)
    assert check_current(direct) == report.publication_id


def test_a_session_killed_by_the_administrator_is_retried(house, tmp_path):
    _, publisher, direct = house
    left = [1]

    class Killed(BatchWriter):
        def write(self, connection, table, frame):
            if left and table.name == "candidate_evidence":
                left.pop()
                pid = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
                with direct._engine.begin() as other:
                    other.exec_driver_sql(f"SELECT pg_terminate_backend({pid})")
            return super().write(connection, table, frame)

    publisher._writer = Killed(200)
    report = publisher.load(write_many(tmp_path / "b", 30, seed=1), run_id="r2", model_version="m")
    publisher.publish(report.publication_id)
    assert check_current(direct) == report.publication_id


def test_what_a_grant_does_not_allow_is_permanent(house, tmp_path, database):
    _, publisher, direct = house
    with direct._engine.begin() as connection:
        connection.exec_driver_sql("DROP ROLE IF EXISTS looker")
        connection.exec_driver_sql("CREATE ROLE looker LOGIN")
        connection.exec_driver_sql("GRANT USAGE ON SCHEMA plan TO looker")
        connection.exec_driver_sql("GRANT SELECT ON ALL TABLES IN SCHEMA plan TO looker")
    engine = make_engine(str(database.set(username="looker")), "warehouse", publisher._settings)
    before = direct.current()
    with pytest.raises(WarehouseError, match="a grant is missing") as caught:
        Publisher(engine, publisher._settings).load(
            write_many(tmp_path / "b", 5, seed=1), run_id="r2", model_version="m"
        )
    engine.dispose()
    assert not caught.value.transient
    assert check_current(direct) == before
    with direct._engine.begin() as connection:
        connection.exec_driver_sql("DROP OWNED BY looker")
        connection.exec_driver_sql("DROP ROLE looker")


def events(publisher, publication_id):
    table = publisher.tables.publication_event
    query = sa.select(table.c.event).where(table.c.publication_id == publication_id).order_by(table.c.id)
    with publisher._engine.connect() as connection:
        return list(connection.execute(query).scalars())
