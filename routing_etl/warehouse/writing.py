"""The one way to write to our tables, so that no run writes what a later read of the ERP has overtaken.

A machine can be suspended at any point of a night and wake when another has published. So each run takes a number when it
begins to read the ERP (`erp_read`; the database counts, no clock is compared). The run whose result comes into force marks
all reads before its own as overtaken (`put_in_force`), and every write transaction of a step begins and ends with a look at
its own run's mark. The second look keeps the row until the commit, so that nothing comes in between. A transaction that takes
long is not in anybody's way until then.

Whoever holds the writer lock over the engine is fenced by that too (`lock.py`).

A run without a number was begun by an earlier release, or it reads no ERP: nothing overtakes it. Writes outside a step have no
run: what a person does, and the sweep before a run begins. What must be written whatever has happened goes through `unfenced`,
which wants a reason.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from routing_etl.database.engine import translated
from routing_etl.errors import OvertakenError
from routing_etl.log import get_logger
from routing_etl.warehouse.changes import insert_for_key
from routing_etl.warehouse.column_values import require_short
from routing_etl.warehouse.lock import fence_if_held
from routing_etl.warehouse.schema import tables
from routing_etl.warehouse.types import now

#: The run whose step is at work.
_run: ContextVar[str | None] = ContextVar("run", default=None)
#: Whether a person has asked for what is written, so that it may be of an older read.
_asked: ContextVar[bool] = ContextVar("asked", default=False)

_log = get_logger(__name__)


@contextmanager
def of_run(run_id: str | None) -> Iterator[None]:
    """What the block writes is a run's: it is refused once a later read is in force.

    Parameters
    ----------
    run_id : str or None
        Its id. None: what the block writes is of no run.
    """
    before = _run.set(run_id)
    try:
        yield
    finally:
        _run.reset(before)


@contextmanager
def on_request(asked: bool = True) -> Iterator[None]:
    """What the block writes is written although a later read may be in force: a person has asked for it.

    Parameters
    ----------
    asked : bool, default True
        Whether one has. False: the block is as the one around it.
    """
    before = _asked.set(asked or _asked.get())
    try:
        yield
    finally:
        _asked.reset(before)


def run_at_work() -> str | None:
    """The run of the innermost `of_run`; None outside."""
    return _run.get()


def begin_read(engine: Engine, schema: str | None, run_id: str) -> int:
    """Give a run the next number, just before it reads the ERP. A run that reads again gets a new one.

    Parameters
    ----------
    engine : Engine
        The warehouse, at head.
    schema : str or None
        Our schema in the database (`schema_for`).
    run_id : str
        The run.

    Returns
    -------
    int
        Its number.
    """
    read = tables(schema).erp_read
    require_short(read, "run_id", run_id)
    with unfenced(engine, "a run that begins to read has nothing that could be older") as connection:
        number = insert_for_key(connection, read, {"run_id": run_id, "began_at": now()})
    _log.info("read_begun", number=number)
    return number


@contextmanager
def writing(engine: Engine, schema: str | None) -> Iterator[Connection]:
    """A write transaction, refused where the lock or the run's read is no longer in force.

    Parameters
    ----------
    engine : Engine
        The warehouse.
    schema : str or None
        Our schema in the database (`schema_for`).

    Yields
    ------
    Connection
        Within the transaction; it is committed at the end of the block.

    Raises
    ------
    OvertakenError
        A later read is in force; the transaction is rolled back.
    LockedError
        The writer lock that was held over the engine was taken over; the transaction is rolled back.
    """
    with translated("warehouse", engine.url), engine.begin() as connection:
        fence_if_held(engine, connection)
        require_newest(connection, schema)
        yield connection
        require_newest(connection, schema, until_commit=True)


@contextmanager
def unfenced(engine: Engine, reason: str) -> Iterator[Connection]:
    """A write transaction that takes place whatever is in force.

    Parameters
    ----------
    engine : Engine
        The warehouse.
    reason : str
        Why no later read may forbid it.

    Yields
    ------
    Connection
        Within the transaction; it is committed at the end of the block.
    """
    assert reason
    with translated("warehouse", engine.url), engine.begin() as connection:
        yield connection


def require_newest(connection: Connection, schema: str | None, *, until_commit: bool = False) -> None:
    """Make sure within a transaction that no later read than that of the run at work is in force.

    Parameters
    ----------
    connection : Connection
        Within the transaction.
    schema : str or None
        Our schema in the database.
    until_commit : bool, default False
        Nobody can put a later read in force from here to the end of the transaction.

    Raises
    ------
    OvertakenError
        One is; names both runs.
    """
    run_id = _run.get()
    if run_id is None or _asked.get():
        return
    read = tables(schema).erp_read
    number = _number(connection, schema, run_id)
    if number is None:
        return
    mine = sa.select(read).where(read.c.number == number)
    if until_commit and connection.dialect.name == "sqlite":  # takes the write lock of the database
        connection.execute(sa.update(read).where(read.c.number == number).values(number=number))
    elif until_commit:
        mine = mine.with_for_update(read=True).with_hint(read, "WITH (HOLDLOCK, ROWLOCK)", "mssql")
    own = connection.execute(mine).one_or_none()
    if own is not None and own.overtaken_no is not None:
        later = connection.execute(sa.select(read).where(read.c.number == own.overtaken_no)).one_or_none()
        raise _overtaken(run_id, own.began_at, own.overtaken_at, later)


def place_of(
    schema: str | None, run_id: sa.ColumnElement[str], at: sa.ColumnElement[datetime]
) -> sa.ColumnElement[int]:
    """The newest number of the runs of a column, to sort by: no clock that was set back changes it.

    A run without a number (of an earlier release, or ended before it read) has that of the last read begun before it by the clock, 0 for none.

    Parameters
    ----------
    schema : str or None
        Our schema in the database (`schema_for`).
    run_id : sqlalchemy.ColumnElement
        A column with ids of runs.
    at : sqlalchemy.ColumnElement
        When the run began, or wrote what is sorted.
    """
    return place_among(tables(schema).erp_read, run_id, at)


def place_among(
    read: sa.FromClause, run_id: sa.ColumnElement[str], at: sa.ColumnElement[datetime]
) -> sa.ColumnElement[int]:
    """The same for a view, which names its tables itself.

    Parameters
    ----------
    read : sqlalchemy.FromClause
        `erp_read`.
    run_id : sqlalchemy.ColumnElement
        A column with ids of runs.
    at : sqlalchemy.ColumnElement
        When the run began, or wrote what is sorted.
    """
    number = sa.func.max(read.c.number)
    own, before = (
        sa.select(number).where(condition).correlate_except(read).scalar_subquery()
        for condition in (read.c.run_id == run_id, read.c.began_at <= at)
    )
    return sa.func.coalesce(own, before, sa.literal_column("0"))


def read_later(connection: Connection, schema: str | None, run_id: str, other: str) -> bool:
    """Whether a run began to read after another one; False where either has no number.

    Parameters
    ----------
    connection : Connection
        To the warehouse.
    schema : str or None
        Our schema in the database.
    run_id : str
        The run.
    other : str
        The one that it is compared with.
    """
    mine, theirs = (_number(connection, schema, name) for name in (run_id, other))
    return mine is not None and theirs is not None and mine > theirs


def _number(connection: Connection, schema: str | None, run_id: str) -> int | None:
    """The newest number of a run; None if it never began to read."""
    read = tables(schema).erp_read.c
    found = connection.execute(sa.select(sa.func.max(read.number)).where(read.run_id == run_id)).scalar()
    return None if found is None else int(found)


def _overtaken(
    run_id: str, began: datetime, since: datetime, later: sa.Row[tuple[object, ...]] | None
) -> OvertakenError:
    by = (
        "another run" if later is None else f"run {later.run_id}, which began at {later.began_at:{_TIME}} UTC"
    )
    return OvertakenError(
        f"Run {run_id} began to read the ERP at {began:{_TIME}} UTC, before {by}; what that one read is in force since "
        f"{since:{_TIME}} UTC. An older read does not replace a newer one, so nothing more was written.",
        remedy="This process was paused, or another ran beside it. Run the night again: routing-etl run. To publish the older "
        f"read all the same: routing-etl publish --again --run {run_id}",
    )


_TIME = "%Y-%m-%d %H:%M:%S"


def put_in_force(connection: Connection, schema: str | None, run_id: str) -> None:
    """Mark all reads before a run's as overtaken, in the transaction that brings its result into force.

    Parameters
    ----------
    connection : Connection
        Within the transaction.
    schema : str or None
        Our schema in the database.
    run_id : str
        The run. One that never began to read overtakes nobody.
    """
    number = _number(connection, schema, run_id)
    if number is None:
        return
    read = tables(schema).erp_read
    before = sa.update(read).where(read.c.number < number, read.c.overtaken_no.is_(None))
    connection.execute(before.values(overtaken_no=number, overtaken_at=now()))
