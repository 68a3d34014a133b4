"""The engine factory for the ERP and the warehouse, with pools and session settings.

`Role`, `classify`, `safe_url` and `translated` of `database/errors.py` are re-exported for callers.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import URL, Engine, make_url

from routing_etl.database.errors import VARIABLE, Role, classify, safe_url, translated
from routing_etl.database.sqlserver import complete_url, find_odbc_driver, prepare_sessions
from routing_etl.errors import ConfigurationError
from routing_etl.settings import Settings

__all__ = [
    "Role",
    "classify",
    "find_odbc_driver",
    "make_engine",
    "safe_url",
    "translated",
    "unhurried_sqlite",
]


_INSTALL = {
    "postgresql": "pip install 'routing_etl[postgresql]'",
    "mssql": "Install the system package unixodbc (pyodbc needs its driver manager).",
    "access": "On Windows: pip install 'routing_etl[access]', and Microsoft's Access Database Engine. "
    "Its ODBC driver exists for Windows only.",
}


def _sqlite_path(url: URL) -> Path | None:
    return Path(url.database) if url.database and url.database != ":memory:" else None


@contextmanager
def unhurried_sqlite() -> Iterator[None]:
    """While the block lasts, new SQLite connections of this process do not wait for the disk after each transaction.

    For hundreds of events in the files of another program. In WAL mode `synchronous = NORMAL` cannot damage a file; a power
    cut may lose the last transactions.
    """

    def relax(connection: Any, _: object) -> None:
        if isinstance(connection, sqlite3.Connection):
            connection.execute("PRAGMA synchronous = NORMAL")

    event.listen(Engine, "connect", relax)
    try:
        yield
    finally:
        event.remove(Engine, "connect", relax)


def make_engine(url: str, role: Role, settings: Settings) -> Engine:
    """Make the engine for one of the two databases, with its session settings.

    SQLite: write-ahead log, foreign keys on, busy timeout; the ERP's file is opened query-only and must exist.
    SQL Server: bounded pool with pre-ping, XACT_ABORT, NOCOUNT, lock timeout, low deadlock priority.
    PostgreSQL: bounded pool with pre-ping, lock and statement timeouts; transactions on the ERP are read-only.

    Parameters
    ----------
    url : str
        SQLAlchemy URL, password included.
    role : Role
        Which database it is: `erp` is only read, `warehouse` is written.
    settings : Settings
        Timeouts, pool size, and encryption and driver for SQL Server.

    Raises
    ------
    ConfigurationError
        The URL cannot be parsed, its dialect has no driver here, or the ERP's SQLite file does not exist.
    """
    try:
        parsed = make_url(url)
    except sa.exc.ArgumentError as exc:
        raise ConfigurationError(
            f"{VARIABLE[role]} is not a database URL.",
            remedy="Use for example sqlite:///erp.db or mssql+pyodbc://user:password@server:1433/ERP.",
        ) from exc
    dialect = parsed.get_backend_name()
    if dialect == "sqlite":
        return _sqlite_engine(parsed, role, settings)
    kwargs: dict[str, Any] = {
        # Named explicitly: some dialects (Access) default to a pool that takes none of these bounds.
        "poolclass": sa.pool.QueuePool,
        "pool_size": settings.pool_size,
        "max_overflow": 0,
        "pool_pre_ping": True,
        "pool_timeout": settings.connect_timeout,
    }
    if dialect == "mssql":
        parsed = complete_url(parsed, role, settings)
        kwargs["connect_args"] = {"timeout": settings.connect_timeout}
        kwargs["fast_executemany"] = True
    elif dialect == "postgresql":
        kwargs["connect_args"] = _postgresql_session(parsed, role, settings)
    try:
        engine = sa.create_engine(parsed, **kwargs)
    except (sa.exc.NoSuchModuleError, ImportError) as exc:
        raise ConfigurationError(
            f"{VARIABLE[role]}: no driver for {parsed.drivername!r} ({exc}).",
            remedy=_INSTALL.get(
                dialect,
                "Install SQLAlchemy's dialect for this database and its driver; for ODBC also the system package unixodbc.",
            ),
        ) from exc
    if dialect == "mssql":
        _no_second_pool()
        prepare_sessions(engine, settings)
    return engine


def _no_second_pool() -> None:
    """Switch off the driver manager's own pool, which would hand back sessions without our settings."""
    import pyodbc

    pyodbc.pooling = False


def _postgresql_session(url: URL, role: Role, settings: Settings) -> dict[str, Any]:
    """Timeouts, application name and, for the ERP, read-only transactions. What the URL sets itself is kept.

    The server ends the sessions of a machine that was suspended or cut off in a transaction, so that their locks do not
    outlive the limit after which a silent writer counts as dead (10 minutes).
    """
    options = f"-c lock_timeout={settings.lock_timeout}s -c statement_timeout={settings.statement_timeout}s"
    options += " -c tcp_keepalives_idle=60 -c tcp_keepalives_interval=20 -c tcp_keepalives_count=6"
    if role == "warehouse":
        options += " -c idle_in_transaction_session_timeout=600s"
    if role == "erp":
        options += " -c default_transaction_read_only=on"
    wanted: dict[str, Any] = {
        "connect_timeout": settings.connect_timeout,
        "application_name": f"routing_etl {role}",
        "options": options,
    }
    return {k: v for k, v in wanted.items() if k not in url.query}


def _sqlite_engine(url: URL, role: Role, settings: Settings) -> Engine:
    path = _sqlite_path(url)
    if path is not None:
        if role == "erp" and not path.is_file():
            raise ConfigurationError(
                f"The ERP database {path} does not exist.",
                remedy="Set ROUTING_ETL_ERP_URL, or make a demo plant there with: routing-etl demo",
            )
        path.parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(url, connect_args={"timeout": settings.lock_timeout})

    @event.listens_for(engine, "connect")
    def _pragmas(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        if role == "erp":
            cursor.execute("PRAGMA query_only = ON")
        else:
            cursor.execute("PRAGMA journal_mode = WAL")
            cursor.execute("PRAGMA synchronous = NORMAL")
            cursor.execute("PRAGMA foreign_keys = ON")
        cursor.execute("PRAGMA cache_size = -65536")
        cursor.close()

    return engine
