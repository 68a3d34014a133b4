"""Which writer will send a night's rows, found by sending one row by each into a temporary table.

What belongs here: the probe. What does not: the choice and the fallback during a load (`writers.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from routing_etl.database.bulk import BulkCopy
from routing_etl.database.errors import without_secrets
from routing_etl.errors import WarehouseError
from routing_etl.settings import Settings
from routing_etl.warehouse.writers import ArrowWriter, BatchWriter, BulkCopyWriter, ChainWriter, choose_writer

#: Korean, and a character of two UTF-16 units; and a number that no binary fraction is.
_TEXT, _NUMBER = "누설\U00020000", "12345.6789"

_TABLE = "#routing_etl_probe"
_CREATE = f"CREATE TABLE {_TABLE} (t nvarchar(20) NULL, d decimal(12, 4) NULL)"
_SELECT = f"SELECT t, CAST(d AS nvarchar(20)) FROM {_TABLE}"


@dataclass(frozen=True)
class Probed:
    """One way to send rows: `chosen` if the settings let it be used; `problem`: why it does not work here, or empty."""

    writer: str
    chosen: bool
    problem: str


def probe_writers(engine: Engine, settings: Settings) -> list[Probed]:
    """Try every writer that there is for a SQL Server, fastest first. Nothing is left on the server.

    Parameters
    ----------
    engine : sqlalchemy.engine.Engine
        The warehouse.
    settings : Settings
        Timeouts, and which writers may be used.

    Returns
    -------
    list of Probed
        On other databases the one writer that there is, not tried.
    """
    chosen = choose_writer(engine, settings)
    names = [w.name for w in chosen.writers] if isinstance(chosen, ChainWriter) else [chosen.name]
    if engine.dialect.name != "mssql":
        return [Probed(names[0], True, "")]
    return [Probed(name, name in names, _tried(probe, engine)) for name, probe in _probes(engine, settings)]


def _probes(engine: Engine, settings: Settings) -> Iterator[tuple[str, Callable[[], None]]]:
    bulk = BulkCopy(engine, settings.connect_timeout, settings.statement_timeout)
    arrow = ArrowWriter(engine, settings.load_rows, settings.connect_timeout)
    yield BulkCopyWriter(bulk, settings.load_rows).name, lambda: _bulk_copy(bulk)
    yield arrow.name, arrow.probe
    yield BatchWriter(settings.load_rows).name, lambda: _batch(engine)


def _tried(probe: Callable[[], None], engine: Engine) -> str:
    """Why a probe failed; empty if it did not."""
    try:
        probe()
    except BaseException as exc:
        # A panic of a Rust driver is a BaseException; an interrupt is one too, and is raised.
        if not isinstance(exc, Exception) and type(exc).__name__ != "PanicException":
            raise
        return without_secrets(f"{type(exc).__name__}: {exc}", engine.url)[:300]
    return ""


def _bulk_copy(bulk: BulkCopy) -> None:
    session = bulk.open()
    try:
        session.cursor().execute(_CREATE)
        row = pa.table({"t": pa.array([_TEXT]), "d": pa.array([_NUMBER]).cast(pa.decimal128(12, 4))})
        copied = bulk.copy_over(session, _TABLE, row.to_reader(), ["t", "d"])
        cursor = session.cursor()
        cursor.execute(_SELECT)
        _compare(copied, cursor.fetchone())
    finally:
        session.close()


def _batch(engine: Engine) -> None:
    with engine.connect() as connection:
        connection.exec_driver_sql(_CREATE)
        connection.exec_driver_sql(f"INSERT INTO {_TABLE} (t, d) VALUES (?, ?)", [(_TEXT, float(_NUMBER))])
        found = connection.execute(sa.text(_SELECT)).one()
        connection.rollback()
    _compare(1, found)


def _compare(copied: int, found: Any) -> None:
    held = tuple(found or ())
    if copied != 1 or held != (_TEXT, _NUMBER):
        raise WarehouseError(
            f"One row was sent, {copied} arrived, and {(_TEXT, _NUMBER)!r} came back as {held!r}.",
            remedy="Set ROUTING_ETL_BULK_WRITER=batch.",
        )
