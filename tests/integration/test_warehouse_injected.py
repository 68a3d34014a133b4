"""Errors of SQL Server injected at the driver: the last publication stays whole, and the next run is clean.

The texts are those of Microsoft's driver; a statement fails before it is sent, after it was sent, or in the commit.
"""

from __future__ import annotations

import re

import pytest
from warehouse_crash import check_current, leftovers
from warehouse_predictions import warehouse, write_many

from routing_etl.errors import LockedError, TransientDatabaseError, WarehouseError
from routing_etl.warehouse import publications
from routing_etl.warehouse.lock import WriterLock

pytestmark = pytest.mark.integration

TRANSIENT = {
    "deadlock victim": "[40001] Transaction (Process ID 61) was deadlocked on lock resources with another process "
    "and has been chosen as the deadlock victim. Rerun the transaction. (1205)",
    "lock timeout": "[HYT00] Lock request time out period exceeded. (1222)",
    "connection cut": "[08S01] Communication link failure (0)",
}
KEY = "[23000] Violation of PRIMARY KEY constraint 'pk_candidate'. Cannot insert duplicate key. (2627)"


@pytest.fixture
def house(tmp_path, monkeypatch):
    monkeypatch.setattr(publications.time, "sleep", lambda _: None)
    publisher, _ = warehouse(tmp_path / "w.db", lock_timeout=1)
    first = publisher.load(write_many(tmp_path / "a", 20), run_id="r1", model_version="m")
    publisher.publish(first.publication_id)
    return publisher, first.publication_id, write_many(tmp_path / "b", 30, seed=1), monkeypatch


class Faults:
    """Raises `text` in the first `times` statements that match `pattern`, before or after they run."""

    def __init__(self, publisher, monkeypatch, text, pattern, times, *, after=False):
        self.left = times
        dialect = publisher._engine.dialect
        self._error = (
            dialect.dbapi.OperationalError if "[23000]" not in text else dialect.dbapi.IntegrityError
        )
        for name in ("do_execute", "do_executemany"):
            original = getattr(dialect, name)
            monkeypatch.setattr(dialect, name, self._wrap(original, text, pattern, after))

    def _wrap(self, original, text, pattern, after):
        def run(cursor, statement, parameters, context=None):
            hit = self.left > 0 and re.search(pattern, statement)
            if hit and not after:
                self.left -= 1
                raise self._error(text)
            original(cursor, statement, parameters, context)
            if hit:
                self.left -= 1
                raise self._error(text)

        return run


def works_again(publisher, before, folder):
    """Readers saw `before` all the time; a run without faults publishes and leaves nothing behind."""
    assert publisher.current() == before == check_current(publisher)
    report = publisher.load(folder, run_id="again", model_version="m2")
    publisher.publish(report.publication_id)
    assert check_current(publisher) == report.publication_id != before
    assert leftovers(publisher) == 0


@pytest.mark.parametrize("what", TRANSIENT)
@pytest.mark.parametrize(
    ("pattern", "after"),
    [(r"INSERT INTO candidate_operation\b", True), (r"^UPDATE current_publication", False)],
    ids=["load", "publish"],
)
def test_a_transient_error_is_survived(house, what, pattern, after):
    publisher, _, folder, monkeypatch = house
    faults = Faults(publisher, monkeypatch, TRANSIENT[what], pattern, 2, after=after)
    report = publisher.load(folder, run_id="r2", model_version="m")
    publisher.publish(report.publication_id)
    assert faults.left == 0
    assert check_current(publisher) == report.publication_id
    assert leftovers(publisher) == 0


@pytest.mark.parametrize("what", TRANSIENT)
def test_a_transient_error_that_stays_ends_the_load_and_the_next_one_is_clean(house, what):
    publisher, before, folder, monkeypatch = house
    with monkeypatch.context() as patch:
        Faults(publisher, patch, TRANSIENT[what], r"INSERT INTO candidate_operation\b", 99)
        with pytest.raises(TransientDatabaseError):
            publisher.load(folder, run_id="r2", model_version="m")
        assert publisher.list()[0].state == "failed"
    works_again(publisher, before, folder)


@pytest.mark.parametrize("what", TRANSIENT)
def test_a_transient_error_that_stays_ends_the_publication_and_nothing_has_moved(house, what):
    publisher, before, folder, monkeypatch = house
    loaded = publisher.load(folder, run_id="r2", model_version="m").publication_id
    with monkeypatch.context() as patch:
        Faults(publisher, patch, TRANSIENT[what], r"^UPDATE publication SET state", 99, after=True)
        with pytest.raises(TransientDatabaseError):
            publisher.publish(loaded)
    states = {p.id: p.state for p in publisher.list()}
    assert states == {before: "published", loaded: "loaded"}
    works_again(publisher, before, folder)


def test_a_key_violation_is_not_retried(house):
    publisher, before, folder, monkeypatch = house
    with monkeypatch.context() as patch:
        faults = Faults(publisher, patch, KEY, r"INSERT INTO candidate\b", 99)
        with pytest.raises(WarehouseError, match="pk_candidate"):
            publisher.load(folder, run_id="r2", model_version="m")
        assert faults.left == 98
    works_again(publisher, before, folder)


def test_a_commit_whose_answer_was_lost_is_found_done(house):
    publisher, before, folder, monkeypatch = house
    loaded = publisher.load(folder, run_id="r2", model_version="m").publication_id
    dialect = publisher._engine.dialect
    original = dialect.do_commit
    left = [True]

    def commit(connection):
        moved = connection.cursor().execute("SELECT publication_id FROM current_publication").fetchone()[0]
        original(connection)
        if moved == loaded and left:
            left.clear()
            raise dialect.dbapi.OperationalError(TRANSIENT["connection cut"])

    with monkeypatch.context() as patch:
        patch.setattr(dialect, "do_commit", commit)
        report = publisher.publish(loaded)
    assert left == [] and report.changed and report.previous_id == before
    assert check_current(publisher) == loaded
    events = publisher.tables.publication_event
    with publisher._engine.connect() as connection:
        found = connection.execute(events.select().where(events.c.publication_id == loaded)).all()
    assert [e.event for e in found] == ["loaded", "published"], "the transaction took place once"


def test_another_publisher_at_work_is_named_and_left_alone(house):
    publisher, before, folder, _ = house
    with WriterLock(publisher._engine, publisher.tables, "load of run theirs"):
        for call in (
            lambda: publisher.load(folder, run_id="r2", model_version="m"),
            lambda: publisher.publish(before),
            lambda: publisher.purge(1),
            lambda: publisher.rollback(),
        ):
            with pytest.raises(LockedError, match="load of run theirs"):
                call()
    works_again(publisher, before, folder)
