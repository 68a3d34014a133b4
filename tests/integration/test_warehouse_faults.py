"""The database fails in the middle: one clear error, the last publication intact, and a run afterwards that works."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from warehouse_crash import check_current, leftovers
from warehouse_predictions import warehouse, write_many

from routing_etl.database.engine import make_engine
from routing_etl.errors import DiskFullError, TransientDatabaseError, WarehouseError
from routing_etl.warehouse import publications
from routing_etl.warehouse.migrate import head_revision
from routing_etl.warehouse.publish import Publisher

pytestmark = pytest.mark.integration


@pytest.fixture
def house(tmp_path):
    """A warehouse with one publication, and a second batch to load."""
    publisher, settings = warehouse(tmp_path / "w.db", lock_timeout=1)
    first = publisher.load(write_many(tmp_path / "a", 100), run_id="r1", model_version="m")
    publisher.publish(first.publication_id)
    return publisher, settings, write_many(tmp_path / "b", 400, seed=1)


def broken(settings, *statements):
    """A publisher whose connections are spoilt by pragmas."""
    engine = make_engine(settings.warehouse, "warehouse", settings)

    @sa.event.listens_for(engine, "connect")
    def _spoil(connection, _record):
        for statement in statements:
            connection.execute(statement)

    return Publisher(engine, settings)


def works_again(publisher, folder):
    before = publisher.current()
    assert check_current(publisher) == before
    report = publisher.load(folder, run_id="again", model_version="m")
    publisher.publish(report.publication_id)
    assert check_current(publisher) == report.publication_id != before
    assert leftovers(publisher) == 0


def test_disk_full_while_loading(house):
    publisher, settings, folder = house
    with publisher._engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
    with pytest.raises(DiskFullError, match=r"No space left.*Free space"):
        broken(settings, f"PRAGMA max_page_count = {pages + 40}").load(folder, run_id="r2", model_version="m")
    works_again(publisher, folder)


def test_a_database_that_can_only_be_read(house):
    publisher, settings, folder = house
    with pytest.raises(WarehouseError, match=r"can only be read.*write access"):
        broken(settings, "PRAGMA query_only = ON").load(folder, run_id="r2", model_version="m")
    works_again(publisher, folder)


def test_a_database_that_someone_else_has_locked(house):
    publisher, settings, folder = house
    other = make_engine(settings.warehouse, "warehouse", settings)
    with other.connect() as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        with pytest.raises(TransientDatabaseError, match="locked"):
            publisher.load(folder, run_id="r2", model_version="m")
    works_again(publisher, folder)


def test_a_database_locked_in_the_middle_of_a_load(house, monkeypatch):
    publisher, settings, folder = house
    monkeypatch.setattr(publications, "_ATTEMPTS", 1)
    other = make_engine(settings.warehouse, "warehouse", settings)
    hold = other.connect()
    real = Publisher._insert

    def insert(self, *args):
        found = real(self, *args)
        hold.exec_driver_sql("BEGIN IMMEDIATE")
        return found

    monkeypatch.setattr(Publisher, "_insert", insert)
    with pytest.raises(TransientDatabaseError, match="locked"):
        publisher.load(folder, run_id="r2", model_version="m")
    hold.close()
    monkeypatch.undo()
    left = publisher.list()[0]
    assert left.state == "loading", "it could not even be marked, yet readers never see it"
    works_again(publisher, folder)


def test_the_schema_is_changed_under_a_running_product(house):
    publisher, _, folder = house
    with publisher._engine.begin() as connection:
        connection.exec_driver_sql("UPDATE schema_version SET version_num = '0001'")
    with pytest.raises(WarehouseError, match="routing-etl migrate"):
        publisher.load(folder, run_id="r2", model_version="m")
    with publisher._engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE schema_version SET version_num = '{head_revision()}'")
    works_again(publisher, folder)


def test_a_file_that_is_no_database(tmp_path):
    (tmp_path / "w.db").write_bytes(b"this is not a database, not at all, by no means" * 100)
    with pytest.raises(WarehouseError, match="not a database"):
        warehouse(tmp_path / "w.db")
