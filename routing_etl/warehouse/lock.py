"""One writer at a time, and no lock that outlives its owner.

SQL Server: `sp_getapplock`, owned by a session of its own; the server frees it when the session dies.
Elsewhere: a row of `writer_lock`, taken by compare-and-swap. The row is written on SQL Server too, so that a
second writer can be told who is at work and since when.

The owner of a row counts as dead if its process on this host is gone (process id and start time are compared,
because ids are reused). On another host, or where processes cannot be seen, it counts as dead if its
heartbeat is older than the limit, or further in the future than the limit: then a clock was wrong or set back, and
waiting until it is reached could take years.

A process can be paused (a suspended machine), be counted as dead, and wake when another has published. So the owner's
id is a fencing token: every write transaction under the lock begins with `fence`, which compares it with the row and keeps the
row from being taken until the transaction ends. What is written without the lock, and who takes it after having slept:
`writing.py`.
"""

from __future__ import annotations

import os
import re
import socket
import sys
import uuid
import weakref
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from routing_etl.database.engine import translated
from routing_etl.errors import LockedError, WarehouseError
from routing_etl.log import get_logger
from routing_etl.warehouse.changes import affected
from routing_etl.warehouse.schema import Tables
from routing_etl.warehouse.types import now

#: A writer renews its heartbeat after every batch. One that has not for this long, and cannot be seen, counts as dead.
HEARTBEAT_LIMIT = timedelta(minutes=10)

_log = get_logger(__name__)

#: Owners at work in this process. A row with this process but none of these owners is a leftover: its owner
#: could not free it because the database was locked or away at that moment.
_working: set[str] = set()
#: The lock that is held over an engine of this process.
_held: weakref.WeakKeyDictionary[Engine, WriterLock] = weakref.WeakKeyDictionary()

_APPLOCK = sa.text(
    "DECLARE @result int; "
    "EXEC @result = sp_getapplock @Resource = :resource, @LockMode = 'Exclusive', "
    "@LockOwner = 'Session', @LockTimeout = 0; "
    "SELECT @result"
)
_APPUNLOCK = sa.text("EXEC sp_releaseapplock @Resource = :resource, @LockOwner = 'Session'")

#: Error of a T-SQL server without this procedure: 2812, or 42883 if it is based on PostgreSQL.
_NO_PROCEDURE = re.compile(
    r"\b2812\b|Could not find stored procedure|\b42883\b|sp_getapplock\S* does not exist", re.I
)


def _applock_code(session: Connection, resource: str) -> int:
    """The return code of sp_getapplock.

    If the lock is held, some servers say so in a message and return -999, which elsewhere means a wrong call.
    With such a message the code is -1.
    """
    query = _APPLOCK.bindparams(resource=resource).compile(dialect=session.dialect)
    error = session.dialect.loaded_dbapi.Error  # type: ignore[attr-defined]
    cursor = session.connection.cursor()
    try:
        cursor.execute(str(query), [query.params[name] for name in query.positiontup or ()])
        said = list(cursor.messages or ())
        while cursor.description is None and cursor.nextset():
            said += cursor.messages or ()
        rows = cursor.fetchall()
    except error as exc:
        raise sa.exc.DBAPIError.instance(str(query), None, exc, error) from exc
    finally:
        cursor.close()
    code = int(rows[0][0]) if rows else -999
    return -1 if code == -999 and any("unavailable" in str(text) for _, text in said) else code


def process_identity(pid: int) -> str | None:
    """Boot, process namespace and start time (on Windows the start time alone), which distinguish a process from a later one with the same id.

    '' if there is no such process, None if that cannot be seen on this system.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        namespace = Path("/proc/self/ns/pid").readlink().name
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return "" if Path("/proc/self/stat").exists() else _identity_by_signal(pid)
    except (PermissionError, ProcessLookupError):
        return ""
    fields = stat.rpartition(")")[2].split()
    return "" if fields[0] == "Z" else f"{boot}/{namespace}/{fields[19]}"


def _identity_by_signal(pid: int) -> str | None:
    if sys.platform == "win32":
        return _identity_by_start(pid)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return ""
    except PermissionError:
        return None
    return None


def _identity_by_start(pid: int) -> str | None:
    """When a process was started, as Windows tells it."""
    import psutil

    try:
        return f"windows/-/{psutil.Process(pid).create_time():.3f}"
    except psutil.NoSuchProcess:
        return ""
    except psutil.AccessDenied:
        return None


def process_gone(pid: int, process: str | None) -> bool | None:
    """Whether a process of this host is gone; None if that cannot be seen from here.

    Parameters
    ----------
    pid : int
        Id that the process had.
    process : str or None
        Its `process_identity` while it lived.
    """
    mine, now_there = process_identity(os.getpid()), process_identity(pid)
    if not process or not mine:
        return True if now_there == "" else None
    here, there = mine.split("/"), process.split("/")
    if there[0] != here[0]:
        return True
    if there[1:2] != here[1:2]:
        return None
    return now_there != process


def fence(engine: Engine, connection: Connection) -> None:
    """Check inside a write transaction, as its first statement, that the lock held over its engine is still ours.

    Raises
    ------
    LockedError
        It was taken over while this process was silent.
    RuntimeError
        No lock is held over this engine: a fault of the program.
    """
    lock = _held.get(engine)
    if lock is None:
        raise RuntimeError("a write transaction outside WriterLock")
    lock.fence(connection)


def fence_if_held(engine: Engine, connection: Connection) -> None:
    """The same for a write that needs no lock; without one over its engine nothing is checked.

    Raises
    ------
    LockedError
        The lock was taken over while this process was silent.
    """
    lock = _held.get(engine)
    if lock is not None:
        lock.fence(connection)


class WriterLock:
    """The lock of all writers, as a context manager. The owner calls `beat()` after every batch to show that it lives.

    Parameters
    ----------
    what : str
        What the owner does, for the message that a second writer gets.

    Raises
    ------
    LockedError
        On entry, when another writer that may be alive holds it; names it and since when.
    """

    def __init__(
        self,
        engine: Engine,
        tables: Tables,
        what: str,
        *,
        name: str = "publisher",
        limit: timedelta = HEARTBEAT_LIMIT,
    ) -> None:
        self._engine, self._row, self._what = engine, tables.writer_lock, what
        self._name, self._limit = name, limit
        self._owner = uuid.uuid4().hex
        self._session: Connection | None = None
        self._applock = engine.dialect.name == "mssql"

    def __enter__(self) -> WriterLock:
        _working.add(self._owner)
        try:
            self._take()
        except BaseException:
            _working.discard(self._owner)
            raise
        _held[self._engine] = self
        return self

    def _take(self) -> None:
        with translated("warehouse", self._engine.url):
            if self._applock:
                held = self._take_applock()
                try:
                    self._take_row(steal=held)
                except BaseException:
                    self._free_applock()
                    raise
            else:
                self._take_row(steal=False)

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        if _held.get(self._engine) is self:
            del _held[self._engine]
        row = self._row.c
        free = dict.fromkeys(("owner", "what", "host", "pid", "process", "acquired_at", "heartbeat_at"))
        try:
            with translated("warehouse", self._engine.url), self._engine.begin() as connection:
                connection.execute(
                    sa.update(self._row).where(row.name == self._name, row.owner == self._owner).values(free)
                )
        except Exception as error:
            if exc is None:
                raise
            _log.warning("lock_not_freed", error=str(error)[:300])
        finally:
            _working.discard(self._owner)
            self._free_applock()

    def beat(self) -> None:
        """Renew the heartbeat.

        Raises
        ------
        LockedError
            The lock was taken over meanwhile (this process was silent for longer than the limit).
        """
        row = self._row.c
        with translated("warehouse", self._engine.url), self._engine.begin() as connection:
            beaten = (
                sa.update(self._row)
                .where(row.name == self._name, row.owner == self._owner)
                .values(heartbeat_at=now())
            )
            done = affected(connection, beaten, row.name)
        if done != 1:
            raise self._taken_over()

    def fence(self, connection: Connection) -> None:
        """Make sure inside a write transaction that the lock is still ours, and that it stays so until the transaction ends.

        SQLite: the row is updated, which takes the database's write lock. Elsewhere it is read with a shared lock, which
        keeps it from being updated and lets others read who works.

        Raises
        ------
        LockedError
            The lock was taken over meanwhile. The transaction must be rolled back, which leaving its block by this error
            does.
        """
        row = self._row.c
        mine = (row.name == self._name, row.owner == self._owner)
        if connection.dialect.name == "sqlite":
            ours = affected(
                connection, sa.update(self._row).where(*mine).values(heartbeat_at=now()), row.name
            )
        else:
            shared = sa.select(row.name).where(*mine).with_for_update(read=True)
            shared = shared.with_hint(self._row, "WITH (HOLDLOCK, ROWLOCK)", "mssql")
            ours = len(connection.execute(shared).all())
        if ours != 1:
            raise self._taken_over()

    def _taken_over(self) -> LockedError:
        return LockedError(
            f"The writer lock was taken over while this process ({self._what}) was silent for more than "
            f"{self._limit}; nothing more was written.",
            remedy="Run again; what was written so far is invisible and will be removed.",
        )

    # --- row ------------------------------------------------------------------------------------------------------
    def _values(self) -> dict[str, Any]:
        moment = now()
        return {
            "owner": self._owner,
            "what": self._what[:200],
            "host": socket.gethostname()[:255],
            "pid": os.getpid(),
            "process": process_identity(os.getpid()),
            "acquired_at": moment,
            "heartbeat_at": moment,
        }

    def _take_row(self, *, steal: bool) -> None:
        row = self._row.c
        with self._engine.begin() as connection:
            found = connection.execute(sa.select(self._row).where(row.name == self._name)).one_or_none()
        if found is None:
            self._insert_row()
        with self._engine.begin() as connection:
            free = sa.update(self._row).where(row.name == self._name)
            mine = (free if steal else free.where(row.owner.is_(None))).values(self._values())
            taken = affected(connection, mine, row.name)
        if taken == 1:
            return
        with self._engine.begin() as connection:
            holder = connection.execute(sa.select(self._row).where(row.name == self._name)).one()
        if holder.owner is not None and not self._dead(holder):
            raise self._locked(holder)
        with self._engine.begin() as connection:
            same = row.owner.is_(None) if holder.owner is None else row.owner == holder.owner
            over = sa.update(self._row).where(row.name == self._name, same).values(self._values())
            taken = affected(connection, over, row.name)
        if taken != 1:
            raise self._locked(holder)
        if holder.owner is not None:
            _log.warning("lock_taken_over", host=holder.host, pid=holder.pid, what=holder.what)

    def _insert_row(self) -> None:
        try:
            with self._engine.begin() as connection:
                connection.execute(sa.insert(self._row).values(name=self._name))
        except sa.exc.IntegrityError:
            _log.info("lock_row_made_by_another_writer")

    def _dead(self, holder: Any) -> bool:
        if holder.host == socket.gethostname():
            if (
                holder.pid == os.getpid()
                and holder.process
                and holder.process == process_identity(os.getpid())
            ):
                return holder.owner not in _working
            gone = process_gone(holder.pid, holder.process)
            if gone is not None:
                return gone
        heartbeat: datetime = holder.heartbeat_at
        return abs(now() - heartbeat) > self._limit

    def _locked(self, holder: Any) -> LockedError:
        if holder.owner is None:  # free when it was read, and taken by another in the moment before ours
            return LockedError(
                "Another writer has just started to work.", remedy="Wait until it ends; then run again."
            )
        return LockedError(
            f"Another writer is at work: {holder.what}, process {holder.pid} on {holder.host}, "
            f"since {holder.acquired_at:%Y-%m-%d %H:%M:%S} UTC.",
            remedy="Wait until it ends, or stop it; then run again.",
        )

    # --- application lock of SQL Server ---------------------------------------------------------------------------
    @property
    def _resource(self) -> str:
        return f"routing_etl:{self._row.schema or ''}:{self._name}"

    def _take_applock(self) -> bool:
        """Take the server's lock. False, which is logged, on a server without it: there the row alone decides."""
        self._session = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        try:
            code = _applock_code(self._session, self._resource)
        except sa.exc.DBAPIError as exc:
            self._session.invalidate()
            self._session.close()
            self._session = None
            if not _NO_PROCEDURE.search(str(exc.orig)):
                raise
            _log.warning("applock_absent", stand_in="row of writer_lock", error=str(exc.orig)[:300])
            return False
        except BaseException:
            self._session.close()
            self._session = None
            raise
        if code >= 0:
            return True
        # Not back into the pool: a T-SQL server on top of PostgreSQL (Babelfish 4.4) keeps a part of
        # every refusal in its session, and the fifth in one session stops the whole server.
        self._session.invalidate()
        self._session.close()
        self._session = None
        if code == -1:
            with self._engine.connect() as connection:
                holder = connection.execute(
                    sa.select(self._row).where(self._row.c.name == self._name)
                ).one_or_none()
            if holder is not None and holder.owner is not None:
                raise self._locked(holder)
            raise LockedError("Another writer is at work.", remedy="Wait until it ends; then run again.")
        raise WarehouseError(
            f"sp_getapplock on {self._resource!r} returned {code} "
            f"({ {-2: 'cancelled', -3: 'deadlock victim'}.get(code, 'wrong call') }).",
            remedy="Run again; if it stays, ask the DBA for EXECUTE on sp_getapplock.",
        )

    def _free_applock(self) -> None:
        if self._session is None:
            return
        session, self._session = self._session, None
        try:
            session.execute(_APPUNLOCK, {"resource": self._resource})
        except sa.exc.SQLAlchemyError as error:
            _log.warning("applock_not_freed", error=str(error)[:300])
            session.invalidate()
        finally:
            session.close()
