"""The writer lock: one owner, dead owners taken over, SQL Server's return codes."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from datetime import timedelta
from types import SimpleNamespace

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import mssql
from warehouse_fence import wakes_fenced
from warehouse_predictions import warehouse, write_many

from routing_etl.database.engine import make_engine
from routing_etl.errors import LockedError, WarehouseError
from routing_etl.warehouse import lock as lock_module
from routing_etl.warehouse.lock import WriterLock, process_identity
from routing_etl.warehouse.publish import Publisher
from routing_etl.warehouse.types import now


@pytest.fixture
def house(tmp_path):
    publisher, _ = warehouse(tmp_path / "w.db")
    return publisher._engine, publisher.tables


def put(house, **values):
    """Write a lock row as another owner would have."""
    engine, tables = house
    row = {"owner": "other", "what": "load of run x", "acquired_at": now(), "heartbeat_at": now(), **values}
    with engine.begin() as connection:
        connection.execute(sa.delete(tables.writer_lock))
        connection.execute(sa.insert(tables.writer_lock).values(name="publisher", **row))


def owner(house):
    engine, tables = house
    with engine.connect() as connection:
        return connection.execute(sa.select(tables.writer_lock.c.owner)).scalar()


def test_taken_freed_and_taken_again(house):
    for _ in range(2):
        with WriterLock(*house, "a") as lock:
            lock.beat()
            assert owner(house) is not None
        assert owner(house) is None


def test_freed_after_an_error(house):
    with pytest.raises(RuntimeError), WriterLock(*house, "a"):
        raise RuntimeError
    assert owner(house) is None


def test_the_same_process_twice_is_refused(house):
    with WriterLock(*house, "load of run a"), pytest.raises(LockedError, match="load of run a") as caught:
        WriterLock(*house, "b").__enter__()
    assert caught.value.transient


def elsewhere(process, *, boot=None, namespace=None, start=None):
    """A process identity with parts replaced."""
    parts = zip(process.split("/"), (boot, namespace, start), strict=True)
    return "/".join(new or old for old, new in parts)


def test_a_process_that_is_gone_is_taken_over(house):
    gone = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    identity = process_identity(gone.pid)
    put(house, host=socket.gethostname(), pid=gone.pid, process=identity)
    with pytest.raises(LockedError):
        WriterLock(*house, "a").__enter__()
    gone.communicate(b"\n")
    with WriterLock(*house, "a"):
        assert owner(house) != "other"


def test_a_process_id_used_again_is_taken_over(house):
    mine = process_identity(os.getpid())
    put(house, host=socket.gethostname(), pid=os.getpid(), process=elsewhere(mine, start="1"))
    with WriterLock(*house, "a"):
        assert owner(house) != "other"


def test_a_living_process_is_not_taken_over_however_old_its_heartbeat(house):
    old = now() - timedelta(days=2)
    put(
        house,
        host=socket.gethostname(),
        pid=os.getppid(),
        process=process_identity(os.getppid()),
        heartbeat_at=old,
    )
    with pytest.raises(LockedError, match=f"process {os.getppid()}"):
        WriterLock(*house, "a").__enter__()


def test_an_owner_from_before_the_host_was_started_again_is_taken_over(house):
    mine = process_identity(os.getpid())
    put(house, host=socket.gethostname(), pid=1, process=elsewhere(mine, boot="an-earlier-boot"))
    with WriterLock(*house, "a"):
        assert owner(house) != "other"


@pytest.mark.parametrize(("age", "taken"), [(timedelta(minutes=9), False), (timedelta(minutes=11), True)])
def test_a_container_with_the_same_host_name_is_judged_by_its_heartbeat(house, age, taken):
    mine = process_identity(os.getpid())
    inside = elsewhere(mine, namespace="pid:[1]", start="1")
    put(house, host=socket.gethostname(), pid=os.getpid(), process=inside, heartbeat_at=now() - age)
    if taken:
        with WriterLock(*house, "a"):
            assert owner(house) != "other"
    else:
        with pytest.raises(LockedError):
            WriterLock(*house, "a").__enter__()


def test_an_owner_in_this_process_that_could_not_free_it_is_taken_over(house):
    put(house, host=socket.gethostname(), pid=os.getpid(), process=process_identity(os.getpid()))
    with WriterLock(*house, "a"):
        assert owner(house) != "other"


@pytest.mark.parametrize(("age", "taken"), [(timedelta(minutes=9), False), (timedelta(minutes=11), True)])
def test_another_host_is_judged_by_its_heartbeat(house, age, taken):
    put(house, host="another-host", pid=1, process="boot:1", heartbeat_at=now() - age)
    if taken:
        with WriterLock(*house, "a"):
            assert owner(house) != "other"
    else:
        with pytest.raises(LockedError, match="another-host"):
            WriterLock(*house, "a").__enter__()


@pytest.mark.parametrize(("age", "taken"), [(timedelta(minutes=9), False), (timedelta(minutes=11), True)])
def test_where_processes_cannot_be_seen_the_heartbeat_counts(house, monkeypatch, age, taken):
    monkeypatch.setattr(lock_module, "process_identity", lambda _pid: None)
    put(house, host=socket.gethostname(), pid=12345, process=None, heartbeat_at=now() - age)
    if taken:
        with WriterLock(*house, "a"):
            assert owner(house) != "other"
    else:
        with pytest.raises(LockedError):
            WriterLock(*house, "a").__enter__()


def test_a_lock_that_was_taken_over_is_noticed_and_left_alone(house):
    with WriterLock(*house, "slow") as lock:
        put(house, host="another-host", pid=1, process="boot:1")
        with pytest.raises(LockedError, match="taken over"):
            lock.beat()
    assert owner(house) == "other"


@pytest.mark.parametrize(
    ("ahead", "taken"),
    [(timedelta(minutes=5), False), (timedelta(minutes=11), True), (timedelta(days=9000), True)],
)
def test_a_heartbeat_in_the_future_does_not_block_for_ever(house, ahead, taken):
    """A clock was wrong while it was written, or was set back since."""
    put(house, host="another-host", pid=1, process="boot:1", heartbeat_at=now() + ahead)
    if taken:
        with WriterLock(*house, "a"):
            assert owner(house) != "other"
    else:
        with pytest.raises(LockedError, match="another-host"):
            WriterLock(*house, "a").__enter__()


def test_a_writer_that_wakes_after_another_has_published_is_fenced(tmp_path):
    slow, settings = warehouse(tmp_path / "w.db")
    other = Publisher(make_engine(settings.warehouse, "warehouse", settings), settings)
    theirs, newer = write_many(tmp_path / "a", 6, seed=1), write_many(tmp_path / "b", 6, seed=2)
    wakes_fenced(slow, other, theirs, newer)
    again = slow.load(theirs, run_id="again", model_version="m").publication_id
    assert slow.publish(again).changed


def test_a_loader_that_sleeps_between_load_and_publish_does_not_replace_a_newer_batch(tmp_path):
    slow, settings = warehouse(tmp_path / "w.db")
    other = Publisher(make_engine(settings.warehouse, "warehouse", settings), settings)
    older = slow.load(write_many(tmp_path / "a", 6, seed=1), run_id="slow", model_version="m").publication_id
    newer = other.load(
        write_many(tmp_path / "b", 6, seed=2), run_id="other", model_version="m"
    ).publication_id
    other.publish(newer)
    with pytest.raises(WarehouseError, match=f"Publication {older} was loaded before publication {newer}"):
        slow.publish(older)
    assert other.current() == newer


def test_no_write_transaction_outside_the_lock(tmp_path):
    publisher, _ = warehouse(tmp_path / "w.db")
    with pytest.raises(RuntimeError, match="outside WriterLock"):
        publisher._mark_failed(1, "x")


def test_many_writers_at_once_get_it_one_at_a_time(house):
    inside, most, refused, done = [], [], [], []

    def work():
        for _ in range(25):
            try:
                with WriterLock(*house, "w"):
                    inside.append(1)
                    most.append(len(inside))
                    inside.pop()
                    done.append(1)
            except LockedError:
                refused.append(1)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) == 1 and len(done) + len(refused) == 100 and done


def test_process_identity():
    assert process_identity(os.getpid()) == process_identity(os.getpid())
    assert process_identity(os.getpid()) != ""
    gone = subprocess.Popen([sys.executable, "-c", "pass"])
    gone.wait()
    assert process_identity(gone.pid) == ""


def test_where_the_start_alone_tells_a_process_from_a_later_one(monkeypatch):
    """As on Windows."""
    gone = subprocess.Popen([sys.executable, "-c", "pass"])
    gone.wait()
    assert lock_module._identity_by_start(gone.pid) == ""
    monkeypatch.setattr(lock_module, "process_identity", lock_module._identity_by_start)
    mine = lock_module.process_identity(os.getpid())
    assert mine and mine.startswith("windows/-/")
    assert lock_module.process_gone(os.getpid(), mine) is False
    assert lock_module.process_gone(os.getpid(), "windows/-/1.000") is True, "the id was used again"
    assert lock_module.process_gone(gone.pid, mine) is True


class Error(Exception):
    """The driver's base error."""


class OperationalError(Error):
    """The driver's error on a broken line."""


def mssql_dialect():
    """The dialect of pyodbc, with these errors in place of the driver's."""
    dialect = mssql.dialect()
    dialect.dbapi = SimpleNamespace(Error=Error)
    return dialect


class FakeSqlServer:
    """The two calls that the application lock makes, with a chosen return code, message or refusal."""

    def __init__(self, code, row=None, messages=(), refusal=None):
        self.code, self.row, self.messages, self.refusal = code, row, list(messages), refusal
        self.statements, self.closed, self.invalidated = [], 0, 0
        self.dialect = mssql_dialect()
        self.url = sa.engine.make_url("mssql+pyodbc://server/db")
        self.connection, self.description = self, None

    def connect(self):
        return self

    def execution_options(self, **_):
        return self

    def cursor(self):
        """A cursor of the driver: the procedure's message comes as a result of its own, the return code after it."""
        results = iter([None, ("code",)])

        def execute(statement, parameters):
            self.statements.append(statement)
            if self.refusal is not None:
                raise self.refusal

        def nextset():
            cursor.description = next(results, None)
            return True

        cursor = SimpleNamespace(
            execute=execute, nextset=nextset, description=None, messages=self.messages,
            fetchall=lambda: [(self.code,)], close=lambda: None,
        )  # fmt: skip
        return cursor

    def execute(self, statement, parameters=None):
        self.statements.append(str(statement))
        return SimpleNamespace(one_or_none=lambda: self.row)

    def invalidate(self):
        self.invalidated += 1

    def close(self):
        self.closed += 1

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None


@pytest.mark.parametrize("code", [0, 1])
def test_sql_server_grants_and_frees(house, code):
    server = FakeSqlServer(code)
    lock = WriterLock(server, house[1], "a")
    lock._take_applock()
    lock._free_applock()
    assert "@LockOwner = 'Session'" in server.statements[0] and "@LockTimeout = 0" in server.statements[0]
    assert "sp_releaseapplock" in server.statements[1] and server.closed == 1


def test_sql_server_refuses_and_names_the_owner(house):
    row = SimpleNamespace(owner="x", what="load of run y", pid=7, host="h", acquired_at=now())
    with pytest.raises(LockedError, match="load of run y, process 7 on h"):
        WriterLock(FakeSqlServer(-1, row), house[1], "a")._take_applock()
    with pytest.raises(LockedError, match="Another writer"):
        WriterLock(FakeSqlServer(-1), house[1], "a")._take_applock()


@pytest.mark.parametrize(("code", "words"), [(-2, "cancelled"), (-3, "deadlock"), (-999, "wrong call")])
def test_other_return_codes_are_errors_not_grants(house, code, words):
    server = FakeSqlServer(code)
    with pytest.raises(WarehouseError, match=words):
        WriterLock(server, house[1], "a")._take_applock()
    assert server.closed == 1


def test_a_refused_session_does_not_go_back_into_the_pool(house):
    """A T-SQL server on top of PostgreSQL stops as a whole at the fifth refusal in one session."""
    server = FakeSqlServer(-1)
    with pytest.raises(LockedError):
        WriterLock(server, house[1], "a")._take_applock()
    assert (server.invalidated, server.closed) == (1, 1)


def test_a_server_that_says_in_words_that_the_lock_is_held(house):
    """Some servers return -999 then, which alone would be a wrong call."""
    server = FakeSqlServer(-999, messages=[("[01000]", "lock is unavailable")])
    with pytest.raises(LockedError, match="Another writer"):
        WriterLock(server, house[1], "a")._take_applock()


@pytest.mark.parametrize(
    "message",
    [
        "[42000] Could not find stored procedure 'sp_getapplock'. (2812)",
        "42883 procedure sp_getapplock(...) does not exist",
    ],
)
def test_a_server_without_application_locks_is_guarded_by_the_row(house, monkeypatch, message):
    server = FakeSqlServer(0, refusal=Error(message))
    lock = WriterLock(server, house[1], "a")
    assert lock._take_applock() is False
    assert (server.invalidated, server.closed, lock._session) == (1, 1, None)
    # The row then decides: it is not taken over from an owner that may be alive.
    engine, tables = house
    put(house, host="another-host", pid=1, process="boot/ns/1")
    second = WriterLock(engine, tables, "b")
    monkeypatch.setattr(second, "_take_applock", lambda: False)
    monkeypatch.setattr(second, "_applock", True)
    with pytest.raises(LockedError, match="another-host"):
        second._take()


def test_another_error_of_the_application_lock_is_raised(house):
    server = FakeSqlServer(0, refusal=OperationalError("[08S01] Communication link failure"))
    with pytest.raises(sa.exc.OperationalError):
        WriterLock(server, house[1], "a")._take_applock()
    assert server.closed == 1


def test_on_sql_server_the_row_is_written_over_whoever_left_it(house, monkeypatch):
    """The application lock decides; the row only tells others who works."""
    engine, tables = house
    put(house, host="another-host", pid=1, process="boot/ns/1")
    lock = WriterLock(engine, tables, "load of run z")
    server = FakeSqlServer(0)
    monkeypatch.setattr(lock, "_take_applock", lambda: setattr(lock, "_session", server) is None)
    monkeypatch.setattr(lock, "_applock", True)
    lock._take()
    monkeypatch.undo()
    assert owner(house) == lock._owner
    lock._free_applock()
    assert server.closed == 1


def test_the_application_lock_is_freed_when_the_row_cannot_be_written(house, monkeypatch):
    engine, tables = house
    lock = WriterLock(engine, tables, "a")
    server = FakeSqlServer(0)
    monkeypatch.setattr(lock, "_take_applock", lambda: setattr(lock, "_session", server) is None)
    monkeypatch.setattr(lock, "_take_row", lambda steal: (_ for _ in ()).throw(RuntimeError("no")))
    monkeypatch.setattr(lock, "_applock", True)
    with pytest.raises(RuntimeError):
        lock._take()
    monkeypatch.undo()
    assert server.closed == 1 and "sp_releaseapplock" in server.statements[-1]


def test_an_application_lock_that_cannot_be_freed_drops_its_session(house):
    class Gone(FakeSqlServer):
        def execute(self, statement, parameters=None):
            raise sa.exc.OperationalError("x", {}, Exception("08S01"))

    lock = WriterLock(house[0], house[1], "a")
    server = lock._session = Gone(0)
    lock._free_applock()
    assert (server.invalidated, server.closed, lock._session) == (1, 1, None)


def test_without_proc_a_process_is_seen_by_signal(monkeypatch):
    gone = subprocess.Popen([sys.executable, "-c", "pass"])
    gone.wait()
    assert lock_module._identity_by_signal(gone.pid) == ""
    assert lock_module._identity_by_signal(os.getpid()) is None
    monkeypatch.setattr(lock_module, "process_identity", lock_module._identity_by_signal)
    assert lock_module.process_gone(gone.pid, None) is True
    assert lock_module.process_gone(os.getpid(), None) is None
