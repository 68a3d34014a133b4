"""Publications: load invisibly, reconcile, publish, roll back, purge; what is refused and what it leaves behind."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from warehouse_predictions import (
    OPERATION,
    known_rows,
    many_frames,
    warehouse,
    write_frames,
    write_many,
    write_rows,
)

from routing_etl.database.engine import make_engine
from routing_etl.errors import FrameError, LockedError, ReconcileError, TransientDatabaseError, WarehouseError
from routing_etl.settings import load_settings
from routing_etl.warehouse import publications, purge
from routing_etl.warehouse.load import BatchWriter, insert_sql
from routing_etl.warehouse.lock import WriterLock
from routing_etl.warehouse.publish import Publisher
from routing_etl.warehouse.schema import tables


@pytest.fixture
def house(tmp_path):
    publisher, settings = warehouse(tmp_path / "w.db", load_rows=100)
    return publisher, settings, sa.create_engine(f"sqlite:///{tmp_path / 'w.db'}")


def count(engine, table, publication_id=None):
    where = "" if publication_id is None else f" WHERE publication_id = {publication_id}"
    with engine.connect() as connection:
        return connection.exec_driver_sql(f"SELECT COUNT(*) FROM {table}{where}").scalar()


def publish(publisher, folder, model="m1"):
    report = publisher.load(folder, run_id="r", model_version=model)
    publisher.publish(report.publication_id)
    return report.publication_id


def test_load_then_publish(house, tmp_path):
    publisher, _, engine = house
    report = publisher.load(write_many(tmp_path / "p", 30), run_id="r1", model_version="m1")
    assert report.rows == {
        "candidate": 90,
        "candidate_operation": 630,
        "candidate_evidence": 360,
        "resource_alternative": 360,
        "abstained_item": 1,
    }
    assert (report.reused, report.state, publisher.current()) == (False, "loaded", None)
    assert count(engine, "routing_predictions") == 0
    moved = publisher.publish(report.publication_id)
    assert (moved.changed, moved.previous_id) == (True, None)
    assert count(engine, "routing_predictions") == 630
    listed = publisher.list()[0]
    assert (listed.state, listed.current, listed.run_id, listed.rows_present) == (
        "published",
        True,
        "r1",
        True,
    )
    assert listed.published_at is not None and listed.published_by.startswith("routing_etl@")


def test_rows_arrive_as_they_are(house, tmp_path):
    publisher, _, engine = house
    frames = many_frames(20)
    publisher.load(write_frames(tmp_path / "p", frames, parts=4), run_id="r", model_version="m")
    with engine.connect() as connection:
        rows = connection.exec_driver_sql(
            "SELECT item_cd, candidate_rank, proc_seq, job_nm, setup_time, run_p90, act_run_time, sample_count "
            "FROM candidate_operation ORDER BY 1, 2, 3"
        ).all()
    wanted = (
        frames["candidate_operations"]
        .select(
            "item_cd", "candidate_rank", "proc_seq", "job_nm", pl.col("setup_time", "run_p90").round(4),
            act_run_time=pl.lit(None), sample_count="sample_count",
        )
        .sort("item_cd", "candidate_rank", "proc_seq")
        .rows()
    )  # fmt: skip
    assert [tuple(r) for r in rows] == wanted


def test_the_same_content_is_loaded_once_and_published_once(house, tmp_path):
    publisher, _, engine = house
    folder = write_many(tmp_path / "p", 10)
    first = publisher.load(folder, run_id="r1", model_version="m")
    again = publisher.load(folder, run_id="r2", model_version="m")
    assert (again.publication_id, again.reused, again.rows) == (first.publication_id, True, first.rows)
    assert publisher.publish(first.publication_id).changed
    assert not publisher.publish(first.publication_id).changed
    assert publisher.load(folder, run_id="r3", model_version="m").reused
    assert len(publisher.list()) == 1 and count(engine, "candidate") == 30
    assert not publisher.load(folder, run_id="r4", model_version="other").reused


def test_words_and_dates_come_with_the_publication(tmp_path):
    publisher, _ = warehouse(tmp_path / "w.db", word_inhouse="in-house", plant_code="P200")
    report = publisher.load(
        write_rows(tmp_path / "p", known_rows()), run_id="r", model_version="m", valid_from=date(2026, 2, 3)
    )
    publisher.publish(report.publication_id)
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'w.db'}")
    with engine.connect() as connection:
        flat = connection.exec_driver_sql("SELECT INSIDE_FLAG, VALID_FROM_DT FROM routing_flat").first()
        plant = connection.exec_driver_sql("SELECT PLANTCD FROM routing_candidate_resources").scalar()
    assert tuple(flat) == ("in-house", "2026-02-03") and plant == "P200"


class LosesARow(BatchWriter):
    """A driver that says it wrote everything and did not."""

    def write(self, connection, table, frame):
        lost = frame.head(frame.height - 1) if table.name == "candidate_operation" else frame
        return super().write(connection, table, lost)


class Mangles(BatchWriter):
    """A driver that shortens texts."""

    def write(self, connection, table, frame):
        if table.name == "candidate_operation":
            frame = frame.with_columns(pl.col("job_nm").str.head(3))
        return super().write(connection, table, frame)


@pytest.mark.parametrize(
    ("writer", "words"),
    [(LosesARow(50), "candidate_operation: 13 rows"), (Mangles(50), "candidate_operation.job_nm")],
)
def test_a_load_that_does_not_reconcile_is_removed(house, tmp_path, writer, words):
    publisher, settings, engine = house
    good = publish(publisher, write_many(tmp_path / "good", 5))
    bad = Publisher(publisher._engine, settings, writer=writer)
    folder = write_many(tmp_path / "bad", 1, candidates=2, seed=1)
    with pytest.raises(ReconcileError, match=words):
        bad.load(folder, run_id="r2", model_version="m1")
    assert publisher.current() == good
    failed = publisher.list()[0]
    assert failed.state == "failed" and not failed.rows_present and words in failed.message
    assert count(engine, "candidate_operation", failed.id) == count(engine, "candidate", failed.id) == 0
    assert not publisher.load(folder, run_id="r3", model_version="m1").reused


class ShiftsDays(BatchWriter):
    """A driver that takes a date for a moment in another time zone."""

    def write(self, connection, table, frame):
        if table.name == "resource_alternative":
            frame = frame.with_columns(pl.col("last_used").dt.offset_by("-1d"))
        return super().write(connection, table, frame)


def test_a_date_that_was_shifted_on_the_way_is_found(house, tmp_path):
    publisher, settings, _ = house
    bad = Publisher(publisher._engine, settings, writer=ShiftsDays(50))
    with pytest.raises(
        ReconcileError, match=r"resource_alternative\.last_used: not NULL 4, checksum 81024 .* 81028"
    ):
        bad.load(write_rows(tmp_path / "p", known_rows()), run_id="r", model_version="m")


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ({"wait_time": -1.0}, "ck_candidate_operation_times_not_negative"),
        ({"optimal_time": 9.0}, "ck_candidate_operation_opt_std_safe"),
        ({"confidence": 1.2}, "ck_candidate_operation_shares"),
        ({"inside": "xx"}, "ck_candidate_operation_inside"),
        ({"time_source": "guess"}, "ck_candidate_operation_time_source"),
        ({"proc_seq": 0}, "ck_candidate_operation_proc_seq"),
    ],
)
def test_the_contract_is_checked_by_the_database_and_named(house, tmp_path, change, constraint):
    publisher, _, _ = house
    rows = known_rows()
    rows["candidate_operations"][0] |= change
    with pytest.raises(WarehouseError, match=constraint):
        publisher.load(write_rows(tmp_path / "p", rows), run_id="r", model_version="m")
    assert publisher.current() is None and publisher.list()[0].state == "failed"


def test_an_operation_without_its_candidate_is_refused(house, tmp_path):
    publisher, _, _ = house
    rows = known_rows()
    rows["candidate_operations"].append(OPERATION | {"candidate_rank": 2})
    with pytest.raises(WarehouseError, match="FOREIGN KEY"):
        publisher.load(write_rows(tmp_path / "p", rows), run_id="r", model_version="m")


def test_evidence_of_an_item_without_candidates_is_not_lost_silently(house, tmp_path):
    publisher, _, _ = house
    rows = known_rows()
    rows["candidate_evidence"].append(rows["candidate_evidence"][0] | {"item_cd": "ZZZ", "item_key": "ZZZ"})
    with pytest.raises(ReconcileError, match="candidate_evidence: 1 rows in the database, 2 in the files"):
        publisher.load(write_rows(tmp_path / "p", rows), run_id="r", model_version="m")


def test_a_duplicate_key_is_refused(house, tmp_path):
    publisher, _, _ = house
    rows = known_rows()
    rows["candidates"].append(rows["candidates"][0])
    with pytest.raises(WarehouseError, match="UNIQUE"):
        publisher.load(write_rows(tmp_path / "p", rows), run_id="r", model_version="m")


def test_too_long_a_version_name_is_refused(house, tmp_path):
    publisher, _, _ = house
    with pytest.raises(WarehouseError, match="model_version"):
        publisher.load(write_rows(tmp_path / "p", known_rows()), run_id="r", model_version="v" * 129)


def test_many_transactions_hold_every_row(house, tmp_path, monkeypatch):
    publisher, _, engine = house
    monkeypatch.setattr("routing_etl.warehouse.load._TRANSACTION_ROWS", 40)
    frames = many_frames(60)
    shuffled = {n: f.sample(fraction=1, shuffle=True, seed=1) for n, f in frames.items()}
    report = publisher.load(write_frames(tmp_path / "p", shuffled, parts=4), run_id="r", model_version="m")
    assert count(engine, "candidate_operation") == report.rows["candidate_operation"] == 60 * 21


def test_rollback_goes_back_one_by_one_and_names_what_is_there(house, tmp_path):
    publisher, _, engine = house
    one, two, three = (publish(publisher, write_many(tmp_path / f"p{i}", 5, seed=i)) for i in range(3))
    assert publisher.rollback().publication_id == two
    assert publisher.rollback().publication_id == one == publisher.current()
    with pytest.raises(WarehouseError, match=rf"current: {one}; available: {three}, {two}"):
        publisher.rollback()
    assert publisher.rollback(to=three).publication_id == three
    with pytest.raises(WarehouseError, match="no publication 99"):
        publisher.rollback(to=99)
    with engine.connect() as connection:
        events = connection.exec_driver_sql(
            "SELECT event, publication_id FROM publication_event ORDER BY id"
        ).all()
    assert tuple(events[-1]) == ("rolled_back", three)


def test_a_rollback_goes_to_what_readers_saw_before_whatever_its_number(house, tmp_path):
    """The third night has the content of the first: it is shown again, and what was seen before it is the second."""
    publisher, _, _ = house
    one, two = (publish(publisher, write_many(tmp_path / f"p{i}", 5, seed=i)) for i in range(2))
    assert publish(publisher, tmp_path / "p0") == one
    assert publisher.rollback().publication_id == two
    assert [p.id for p in publisher.list() if p.withdrawn] == [one]


def test_a_step_to_one_that_was_moved_back_over_withdraws_what_came_after_it(house, tmp_path):
    publisher, _, _ = house
    one, two = (publish(publisher, write_many(tmp_path / f"p{i}", 5, seed=i)) for i in range(2))
    publisher.rollback()
    three = publish(publisher, write_many(tmp_path / "p3", 5, seed=3))
    assert publisher.rollback(to=two).publication_id == two
    assert [p.id for p in publisher.list() if p.withdrawn] == [three]
    assert publisher.rollback().publication_id == one


def test_a_rollback_with_nothing_published_says_so(house):
    with pytest.raises(WarehouseError, match="available: none"):
        house[0].rollback()


def test_only_whole_publications_are_published(house):
    with pytest.raises(WarehouseError, match="Publication 7 does not exist"):
        house[0].publish(7)


def test_purge_keeps_the_current_and_the_newest(house, tmp_path):
    publisher, _, engine = house
    ids = [publish(publisher, write_many(tmp_path / f"p{i}", 5, seed=i)) for i in range(4)]
    publisher.rollback(to=ids[0])
    assert publisher.purge(2) == (ids[2], ids[1])
    states = {p.id: (p.state, p.rows_present) for p in publisher.list()}
    assert states == {
        ids[0]: ("published", True),
        ids[1]: ("purged", False),
        ids[2]: ("purged", False),
        ids[3]: ("retired", True),
    }
    for table in ("candidate", "candidate_operation", "candidate_evidence"):
        assert count(engine, table, ids[1]) == 0 < count(engine, table, ids[3]), table
    for table in ("resource_alternative", "abstained_item"):
        assert count(engine, table) == count(engine, table, ids[0]) > 0, f"{table} is the same in all"
    with pytest.raises(WarehouseError, match="purged"):
        publisher.publish(ids[1])
    with pytest.raises(WarehouseError, match="available"):
        publisher.rollback(to=ids[2])
    with pytest.raises(WarehouseError, match="keep = 0"):
        publisher.purge(0)


def test_purge_works_in_small_transactions(house, tmp_path, monkeypatch):
    publisher, _, engine = house
    monkeypatch.setattr(purge, "_PURGE_ITEMS", 7)
    first = publish(publisher, write_many(tmp_path / "a", 40))
    publish(publisher, write_many(tmp_path / "b", 5, seed=1))
    sizes = []

    @sa.event.listens_for(publisher._engine, "after_cursor_execute")
    def _count(_conn, cursor, statement, *_):
        if statement.startswith("DELETE FROM candidate "):
            sizes.append(cursor.rowcount)

    publisher.purge(1)
    assert sum(sizes) == 120 and max(sizes) <= 24
    assert count(engine, "candidate_operation", first) == 0


def test_what_a_dead_writer_left_is_removed_by_the_next_load(house, tmp_path, monkeypatch):
    publisher, _, engine = house
    monkeypatch.setattr("routing_etl.warehouse.load._TRANSACTION_ROWS", 40)
    good = publish(publisher, write_many(tmp_path / "a", 5))

    class Dies(BatchWriter):
        def write(self, connection, table, frame):
            if table.name == "candidate_evidence" and "5H10005DB" in frame["item_cd"]:
                raise KeyboardInterrupt
            return super().write(connection, table, frame)

    with pytest.raises(KeyboardInterrupt):
        Publisher(publisher._engine, house[1], writer=Dies(50)).load(
            write_many(tmp_path / "b", 6, seed=1), run_id="r", model_version="m"
        )
    left = publisher.list()[0]
    assert left.state == "failed" and count(engine, "candidate", left.id) > 0
    with publisher._engine.begin() as connection:  # as a kill -9 leaves it
        connection.execute(
            sa.update(tables(None).publication)
            .where(tables(None).publication.c.id == left.id)
            .values(state="loading", message=None)
        )
    publisher.load(write_many(tmp_path / "c", 7, seed=2), run_id="r", model_version="m")
    assert count(engine, "candidate", left.id) == 0
    assert publisher.current() == good
    dead = next(p for p in publisher.list() if p.id == left.id)
    assert dead.state == "failed" and "writer ended" in dead.message


def test_a_second_writer_is_told_who_works(house, tmp_path):
    publisher, _, _ = house
    folder = write_rows(tmp_path / "p", known_rows())
    with (
        WriterLock(publisher._engine, publisher.tables, "load of run other"),
        pytest.raises(LockedError, match=r"load of run other, process \d+ on .* since \d{4}-"),
    ):
        publisher.load(folder, run_id="r", model_version="m")
    publisher.load(folder, run_id="r", model_version="m")


def test_a_connection_lost_in_the_commit_is_read_back(house, tmp_path, monkeypatch):
    """The pointer moved, but the answer never arrived: publish must see that, not fail or move twice."""
    publisher, _, engine = house
    first = publish(publisher, write_many(tmp_path / "a", 5))
    second = publisher.load(
        write_many(tmp_path / "b", 5, seed=1), run_id="r", model_version="m"
    ).publication_id
    calls = []

    def lost(dbapi_connection):
        calls.append(1)
        dbapi_connection.commit()
        raise publisher._engine.dialect.dbapi.OperationalError("08S01 communication link failure")

    original = publisher._engine.dialect.do_commit
    real_point = Publisher._point

    def point(self, *args):
        real_point(self, *args)
        monkeypatch.setattr(publisher._engine.dialect, "do_commit", lambda c: (restore(), lost(c)))

    def restore():
        monkeypatch.setattr(publisher._engine.dialect, "do_commit", original)

    monkeypatch.setattr(Publisher, "_point", point)
    report = publisher.publish(second)
    assert report.changed and publisher.current() == second and calls == [1]
    with engine.connect() as connection:
        events = connection.exec_driver_sql(
            f"SELECT COUNT(*) FROM publication_event WHERE publication_id = {second} AND event = 'published'"
        ).scalar()
    assert events == 1 and first != second


def test_a_transient_error_before_the_commit_is_tried_again(house, tmp_path, monkeypatch):
    publisher, _, _ = house
    loaded = publisher.load(write_many(tmp_path / "a", 5), run_id="r", model_version="m").publication_id
    real, tries = Publisher._point, []
    monkeypatch.setattr(publications.time, "sleep", lambda _: None)

    def point(self, *args):
        tries.append(1)
        if len(tries) < 3:
            raise sa.exc.OperationalError("UPDATE", {}, Exception("(1205) deadlock victim"))
        real(self, *args)

    monkeypatch.setattr(Publisher, "_point", point)
    assert publisher.publish(loaded).changed and len(tries) == 3
    another = publisher.load(write_many(tmp_path / "b", 6), run_id="r", model_version="m").publication_id
    tries.clear()
    monkeypatch.setattr(
        Publisher,
        "_point",
        lambda *_: (_ for _ in ()).throw(
            sa.exc.OperationalError("x", {}, Exception("40P01 deadlock detected"))
        ),
    )
    with pytest.raises(TransientDatabaseError, match="deadlock"):
        publisher.publish(another)
    assert publisher.current() == loaded


def test_an_unmigrated_database_is_refused(tmp_path):
    settings = load_settings(home=tmp_path)
    engine = make_engine(settings.warehouse, "warehouse", settings)
    with pytest.raises(WarehouseError, match="routing-etl migrate"):
        Publisher(engine, settings).load(
            write_rows(tmp_path / "p", known_rows()), run_id="r", model_version="m"
        )


def test_bad_predictions_leave_no_publication(house, tmp_path):
    publisher, _, _ = house
    rows = known_rows()
    rows["candidate_operations"][0]["run_time"] = float("nan")
    with pytest.raises(FrameError, match="run_time"):
        publisher.load(write_rows(tmp_path / "p", rows), run_id="r", model_version="m")
    assert publisher.list() == []


def test_insert_statements_use_the_drivers_markers():
    from sqlalchemy.dialects import mssql, postgresql

    table = tables("routing").abstained_item
    columns = ["publication_id", "item_cd"]
    assert insert_sql(mssql.dialect(paramstyle="qmark"), table, columns) == (
        "INSERT INTO routing.abstained_item (publication_id, item_cd) VALUES (?, ?)"
    )
    assert insert_sql(postgresql.dialect(paramstyle="pyformat"), table, columns).endswith("VALUES (%s, %s)")


_TEXT = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\x00"), max_size=32)


_VALUES = st.tuples(_TEXT, st.one_of(st.none(), st.floats(0, 9_999_999)), st.integers(0, 2**31 - 1))


@settings(max_examples=8, deadline=None)
@given(values=st.lists(_VALUES, min_size=1, max_size=40))
def test_any_value_comes_back_as_it_was(tmp_path_factory, values):
    """Korean, signs outside the BMP, blanks at both ends, empty strings, NULL late in a column, large and tiny times."""
    folder = tmp_path_factory.mktemp("p")
    publisher, _ = warehouse(folder / "w.db")
    rows = known_rows()
    rows["candidate_operations"] = [
        OPERATION | {"proc_seq": 10 * n, "job_nm": text, "move_time": minutes, "sample_count": count}
        for n, (text, minutes, count) in enumerate(values, start=1)
    ]
    publisher.load(write_rows(folder / "p", rows), run_id="r", model_version="m")
    engine = sa.create_engine(f"sqlite:///{folder / 'w.db'}")
    with engine.connect() as connection:
        stored = connection.exec_driver_sql(
            "SELECT job_nm, move_time, sample_count FROM candidate_operation ORDER BY proc_seq"
        ).all()
    engine.dispose()
    assert len(stored) == len(values)
    for row, (text, minutes, count) in zip(stored, values, strict=True):
        assert (row[0], row[2]) == (text, count)
        assert (
            row[1] is None if minutes is None else row[1] == pytest.approx(minutes, abs=0.00005001, rel=1e-12)
        )


def test_a_text_with_a_nul_sign_is_refused_not_cut(house, tmp_path):
    publisher, _, _ = house
    rows = known_rows()
    rows["candidate_operations"][0]["job_nm"] = "CNC\x00황삭"
    with pytest.raises(ReconcileError, match=r"candidate_operation\.job_nm"):
        publisher.load(write_rows(tmp_path / "p", rows), run_id="r", model_version="m")
