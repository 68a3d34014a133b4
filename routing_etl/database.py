"""One engine factory for the ERP reader and the warehouse, and one classification of database errors.

What belongs here: URLs, drivers, pools, session settings, error classes. What does not: any query or table.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import URL, Engine, make_url

from routing_etl.errors import (
    ConfigurationError,
    DiskFullError,
    RoutingEtlError,
    SourceError,
    TransientDatabaseError,
    WarehouseError,
)
from routing_etl.settings import Settings

Role = Literal["erp", "warehouse"]

_ROLE_NAME = {"erp": "the ERP", "warehouse": "the warehouse"}
_VARIABLE = {"erp": "ROUTING_ETL_ERP_URL", "warehouse": "ROUTING_ETL_WAREHOUSE_URL"}


def safe_url(url: str | URL) -> str:
    """The URL without its password and without its query, for messages and run records."""
    try:
        parsed = make_url(url)
    except sa.exc.ArgumentError:
        return "<not a database URL>"
    return parsed.set(query={}).render_as_string(hide_password=True)


def find_odbc_driver(configured: str | None) -> str:
    """Driver for SQL Server: the configured one, an installed 18 or 17, or the file in the mssql-python-odbc wheel.

    Raises
    ------
    ConfigurationError: none is there, or the ODBC driver manager is missing; says how to get it.
    """
    if configured:
        return configured
    try:
        import pyodbc
    except ImportError as exc:
        raise ConfigurationError(
            f"SQL Server needs the ODBC driver manager, which this machine lacks ({exc}).",
            remedy="Install the system package unixodbc.",
        ) from exc
    installed = pyodbc.drivers()
    for name in ("ODBC Driver 18 for SQL Server", "ODBC Driver 17 for SQL Server"):
        if name in installed:
            return name
    spec = importlib.util.find_spec("mssql_python_odbc")
    if spec and spec.submodule_search_locations:
        for root in spec.submodule_search_locations:
            found = sorted(Path(root).rglob("libmsodbcsql*.so*")) or sorted(
                Path(root).rglob("msodbcsql*.dll")
            )
            if found:
                return str(found[-1])
    raise ConfigurationError(
        f"No ODBC driver for SQL Server found (installed: {', '.join(installed) or 'none'}).",
        remedy="pip install 'routing_etl[odbc]', or install Microsoft's ODBC Driver 18, or set ROUTING_ETL_ODBC_DRIVER.",
    )


def _sqlite_path(url: URL) -> Path | None:
    return Path(url.database) if url.database and url.database != ":memory:" else None


def make_engine(url: str, role: Role, settings: Settings) -> Engine:
    """Engine for one of the two databases, with the session settings that the design asks for.

    SQLite: write-ahead log, foreign keys on, busy timeout; the ERP side is query-only and must exist already.
    SQL Server: bounded pool with pre-ping, XACT_ABORT, NOCOUNT, lock timeout, low deadlock priority.

    Raises
    ------
    ConfigurationError: the URL is no URL, its dialect has no driver here, or the ERP's SQLite file does not exist.
    """
    try:
        parsed = make_url(url)
    except sa.exc.ArgumentError as exc:
        raise ConfigurationError(
            f"{_VARIABLE[role]} is not a database URL.",
            remedy="Use for example sqlite:///erp.db or mssql+pyodbc://user:password@server:1433/ERP.",
        ) from exc
    dialect = parsed.get_backend_name()
    if dialect == "sqlite":
        return _sqlite_engine(parsed, role, settings)
    kwargs: dict[str, Any] = {
        "pool_size": settings.pool_size,
        "max_overflow": 0,
        "pool_pre_ping": True,
        "pool_timeout": settings.connect_timeout,
    }
    if dialect == "mssql":
        parsed = _mssql_url(parsed, role, settings)
        kwargs["connect_args"] = {"timeout": settings.connect_timeout}
        kwargs["fast_executemany"] = True
    try:
        engine = sa.create_engine(parsed, **kwargs)
    except (sa.exc.NoSuchModuleError, ImportError) as exc:
        raise ConfigurationError(
            f"{_VARIABLE[role]}: no driver for {parsed.drivername!r} ({exc}).",
            remedy="Install the driver, e.g. pip install 'routing_etl[postgresql]' or the system package unixodbc.",
        ) from exc
    if dialect == "mssql":
        _mssql_session(engine, settings)
    return engine


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


def _mssql_url(url: URL, role: Role, settings: Settings) -> URL:
    query = dict(url.query)
    keys = {k.lower() for k in query}
    if "odbc_connect" in keys:
        return url
    if "driver" not in keys:
        query["driver"] = find_odbc_driver(settings.odbc_driver)
    if "encrypt" not in keys:
        query["Encrypt"] = "yes"
    if "applicationintent" not in keys and role == "erp":
        query["ApplicationIntent"] = "ReadOnly"
    if "app" not in keys:
        query["APP"] = "routing_etl"
    if not url.username and "trusted_connection" not in keys and "authentication" not in keys:
        query["Trusted_Connection"] = "yes"
    return url.set(drivername="mssql+pyodbc", query=query)


def _mssql_session(engine: Engine, settings: Settings) -> None:
    @event.listens_for(engine, "connect")
    def _session(connection: Any, _record: Any) -> None:
        connection.timeout = settings.statement_timeout
        cursor = connection.cursor()
        for statement in (
            "SET XACT_ABORT ON",
            "SET NOCOUNT ON",
            f"SET LOCK_TIMEOUT {int(settings.lock_timeout) * 1000}",
            "SET DEADLOCK_PRIORITY LOW",
        ):
            try:
                cursor.execute(statement)
            except Exception as exc:  # noqa: BLE001 - the DBAPI module is not known here; logged
                from routing_etl.log import get_logger

                get_logger(__name__).warning(
                    "session_setting_refused", statement=statement, error=str(exc)[:200]
                )
        cursor.close()
        connection.commit()


#: Words in the DBAPI's message that mean: the same statement may succeed when tried again.
_TRANSIENT = re.compile(
    r"database is locked|database table is locked|\(1205\)|\b1222\b|deadlock|lock request time ?out|08S01|08001|HYT00|HYT01"
    r"|40001|40P01|connection (?:was )?(?:reset|closed|refused|terminated)|server closed the connection|timeout expired"
    r"|communication link failure|could not connect",
    re.IGNORECASE,
)
_LOGIN = re.compile(
    r"login failed|password authentication failed|28000|18456|access denied|no password supplied", re.I
)
_FULL = re.compile(r"database or disk is full|no space left|could not extend file|\b9002\b|\b1105\b", re.I)

_READ_ONLY = re.compile(r"readonly database|read-only (?:database|transaction)|\b3906\b|\b25006\b", re.I)


def classify(exc: BaseException, role: Role, url: str | URL) -> RoutingEtlError:
    """Turn a database exception into ours: transient or permanent, with the remedy. Never shows a secret."""
    if isinstance(exc, RoutingEtlError):
        return exc
    if isinstance(exc, OSError) and exc.errno == 28:
        return DiskFullError(
            f"No space left on the disk ({exc.filename or 'database'}).", remedy="Free space; run again."
        )
    name, shown = _ROLE_NAME[role], safe_url(url)
    original = getattr(exc, "orig", None) or exc
    text = " ".join(str(original).split())[:400]
    try:
        password = make_url(url).password
    except sa.exc.ArgumentError:
        password = None
    if password:
        text = text.replace(str(password), "***")
    if _FULL.search(text):
        return DiskFullError(
            f"No space left for {name} ({shown}): {text}.", remedy="Free space; the next run works on."
        )
    if _READ_ONLY.search(text):
        kind: type[RoutingEtlError] = SourceError if role == "erp" else WarehouseError
        return kind(
            f"{name} ({shown}) can only be read: {text}.",
            remedy="Give the service user write access to the database (for SQLite to its file and folder).",
        )
    if _LOGIN.search(text):
        kind = SourceError if role == "erp" else WarehouseError
        return kind(
            f"{name} refused the login ({shown}): {text}.",
            remedy=f"Check user, password and grants in {_VARIABLE[role]}.",
        )
    if _TRANSIENT.search(text):
        return TransientDatabaseError(
            f"{name} ({shown}) is not reachable or busy: {text}.",
            remedy=f"Check that it is up and {_VARIABLE[role]} is right, then run again.",
        )
    error = SourceError if role == "erp" else WarehouseError
    return error(f"{name} ({shown}): {text}.", remedy="See the log for the full trace.")


@contextmanager
def translated(role: Role, url: str | URL) -> Iterator[None]:
    """Raise database and disk errors of the block as our own, the original as cause."""
    try:
        yield
    except (sa.exc.SQLAlchemyError, OSError) as exc:
        raise classify(exc, role, url) from exc
