"""SQL Server's side of the engine factory: URLs, the ODBC driver, connection strings, session settings."""

from __future__ import annotations

import importlib.util
import platform
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import URL, Engine

from routing_etl.errors import ConfigurationError
from routing_etl.log import get_logger
from routing_etl.settings import Settings

Role = Literal["erp", "warehouse"]

_INSTALLED = ("ODBC Driver 18 for SQL Server", "ODBC Driver 17 for SQL Server")

#: Folder of the mssql-python-odbc wheel for each family of systems, by ID or ID_LIKE of /etc/os-release.
_FAMILIES = {
    "debian_ubuntu": ("debian", "ubuntu"),
    "rhel": ("rhel", "fedora", "centos", "rocky", "almalinux", "amzn", "ol"),
    "suse": ("suse", "sles", "opensuse"),
    "alpine": ("alpine",),
}

#: Keywords that mssql-python accepts in a connection string. It sets driver and application name itself.
_MSSQL_PYTHON_KEYS = frozenset(
    {
        "server", "address", "addr", "uid", "pwd", "authentication", "trusted_connection", "database", "encrypt",
        "trustservercertificate", "hostnameincertificate", "servercertificate", "serverspn", "multisubnetfailover",
        "applicationintent", "connectretrycount", "connectretryinterval", "keepalive", "keepaliveinterval",
        "ipaddresspreference", "packetsize",
    }
)  # fmt: skip

#: Network packet size that mssql-python asks for, in bytes. Its default of 4,096 makes its bulk copy panic on a server
#: that already uses packets of that size.
_PACKET_BYTES = 8192

#: Execution option of a statement: a question whose answer is the statement's result.
THEN = "routing_etl_then"

#: Under which name an engine keeps the statements of its sessions.
_RULES = "routing_etl_session_rules"

_PAIR = re.compile(r"\s*([^=;{}]+?)\s*=\s*(\{(?:[^}]|\}\})*\}|[^;]*)\s*(?:;|$)")

#: Error 3903, no transaction to roll back: the server ended it at the first error, which is the one to report.
NO_TRANSACTION = re.compile(r"\(3903\)|Native error: 3903\b")


# --- driver ---------------------------------------------------------------------------------------------------
def find_odbc_driver(configured: str | None) -> str:
    """The ODBC driver for SQL Server: the configured one, an installed 18 or 17, or the mssql-python-odbc wheel's file.

    Raises
    ------
    ConfigurationError
        There is no driver, or the ODBC driver manager is missing; says how to get it.
    """
    if configured:
        if ("/" in configured or "\\" in configured) and not Path(configured).is_file():
            raise ConfigurationError(
                f"ROUTING_ETL_ODBC_DRIVER = {configured!r} is no file.",
                remedy="Correct it, or leave it unset: the driver is then looked for.",
            )
        return configured
    try:
        import pyodbc
    except ImportError as exc:
        raise ConfigurationError(
            f"SQL Server needs the ODBC driver manager, which this machine lacks ({exc}).",
            remedy="Install the system package unixodbc.",
        ) from exc
    installed = pyodbc.drivers()
    for name in _INSTALLED:
        if name in installed:
            return name
    bundled = _bundled_driver()
    if bundled is not None:
        return str(bundled)
    raise ConfigurationError(
        f"No ODBC driver for SQL Server found (installed: {', '.join(installed) or 'none'}).",
        remedy="pip install 'routing_etl[odbc]', or install Microsoft's ODBC Driver 18, or set ROUTING_ETL_ODBC_DRIVER.",
    )


def _bundled_driver() -> Path | None:
    """The wheel's driver file for this system and processor, if the wheel is installed."""
    spec = importlib.util.find_spec("mssql_python_odbc")
    roots = [Path(r) for r in (spec.submodule_search_locations or ())] if spec else []
    found = [
        p
        for root in roots
        for pattern in ("libmsodbcsql*.so*", "libmsodbcsql*.dylib", "msodbcsql*.dll")
        for p in sorted(root.rglob(pattern))
    ]
    machine = platform.machine().lower()
    same = {"x86_64": ("x86_64", "x64"), "amd64": ("x86_64", "x64"), "aarch64": ("arm64", "aarch64")}
    fitting = [p for p in found if set(p.parts) & set(same.get(machine, (machine,)))] or found
    family = _family()
    return next((p for p in fitting if family in p.parts), fitting[0] if fitting else None)


def _family() -> str:
    release = Path("/etc/os-release")
    if not release.is_file():
        return ""
    lines = (line.partition("=") for line in release.read_text(encoding="utf-8").splitlines())
    words = {
        word.strip("\"'").lower()
        for key, _, value in lines
        if key in ("ID", "ID_LIKE")
        for word in value.split()
    }
    return next((name for name, ids in _FAMILIES.items() if any(w.startswith(ids) for w in words)), "")


# --- URL ------------------------------------------------------------------------------------------------------
def complete_url(url: URL, role: Role, settings: Settings) -> URL:
    """A SQL Server URL with everything that a connection needs. What the URL sets itself is kept.

    Added: the driver, encryption and certificate check as configured, the application name, the configured intent for
    the ERP, and a trusted connection if there is neither user nor `authentication`.
    """
    # SQLAlchemy knows this key in lower case only; with any other spelling it also adds a trusted connection.
    query = {"authentication" if k.lower() == "authentication" else k: v for k, v in url.query.items()}
    keys = {k.lower() for k in query}
    if "odbc_connect" in keys:
        return url.set(drivername="mssql+pyodbc")
    wanted: dict[str, str] = {
        "Encrypt": settings.encrypt,
        "TrustServerCertificate": "yes" if settings.trust_server_certificate else "no",
        "APP": f"routing_etl {role}",
    }
    if role == "erp":
        wanted["ApplicationIntent"] = settings.erp_application_intent
    query |= {k: v for k, v in wanted.items() if k.lower() not in keys}
    if "driver" not in keys:
        query["driver"] = find_odbc_driver(settings.odbc_driver)
    if not url.username:  # SQLAlchemy adds a trusted connection by itself
        query = {k: v for k, v in query.items() if k.lower() != "trusted_connection"}
    return url.set(drivername="mssql+pyodbc", query=query)


# --- connection strings of the other drivers ------------------------------------------------------------------
def odbc_connection_string(engine: Engine) -> str:
    """The engine's ODBC connection string with its password, for arrow-odbc. Never log it."""
    arguments, _ = engine.dialect.create_connect_args(engine.url)
    return str(arguments[0])


def mssql_python_connection_string(engine: Engine) -> str:
    """The same for mssql-python, which accepts fewer keywords. Never log it."""
    pairs = parse_connection_string(odbc_connection_string(engine))
    known = {k: v for k, v in pairs.items() if k.lower() in _MSSQL_PYTHON_KEYS}
    if "packetsize" not in {k.lower() for k in known}:
        known["PacketSize"] = str(_PACKET_BYTES)
    return join_connection_string(known)


def parse_connection_string(text: str) -> dict[str, str]:
    """Values by keyword, without braces. A keyword that comes twice keeps its first value, as in ODBC."""
    found: dict[str, str] = {}
    known: set[str] = set()
    for key, value in _PAIR.findall(text):
        if key.lower() not in known:
            known.add(key.lower())
            found[key] = value[1:-1].replace("}}", "}") if value.startswith("{") else value.strip()
    return found


def join_connection_string(pairs: Mapping[str, str]) -> str:
    """A connection string of keyword and value pairs, with braces around values that need them."""

    def quoted(value: str) -> str:
        plain = not re.search(r"[;{}\[\]()?*=!@]|^\s|\s$", value)
        return value if plain else "{" + value.replace("}", "}}") + "}"

    return ";".join(f"{key}={quoted(value)}" for key, value in pairs.items())


# --- sessions -------------------------------------------------------------------------------------------------
def session_statements(settings: Settings) -> tuple[str, ...]:
    """Settings of every session: an error ends the transaction, and in a deadlock our session yields to ERP users.

    Why: docs/decisions/0003-sessions-on-sql-server.md.
    """
    return (
        "SET XACT_ABORT ON",
        "SET NOCOUNT ON",
        f"SET LOCK_TIMEOUT {int(settings.lock_timeout) * 1000}",
        "SET DEADLOCK_PRIORITY LOW",
    )


def append_question(
    _connection: Any, _cursor: Any, statement: str, parameters: Any, context: Any, _many: bool
) -> tuple[str, Any]:
    """Send what the execution option `THEN` asks in the same batch as the statement, so that it is asked about this one."""
    question = context.execution_options.get(THEN) if context is not None else None
    return (f"{statement}; {question}" if question else statement), parameters


def house_rules(engine: Engine) -> tuple[str, ...]:
    """The statements of every session on this engine's server, for drivers that open sessions of their own."""
    rules: tuple[str, ...] = engine.get_execution_options().get(_RULES, ())
    return rules


def keep_rules(execute: Callable[[str], Any], statements: Iterable[str]) -> list[str]:
    """Send the statements over a driver's session, one by one; one that the server does not know is logged and left out.

    Returns those that were left out.
    """
    refused = []
    for statement in statements:
        try:
            execute(statement)
        except Exception as exc:  # noqa: BLE001 - each driver has errors of its own; a lost session fails at the next call
            get_logger(__name__).warning("session_setting_refused", statement=statement, error=str(exc)[:200])
            refused.append(statement)
    return refused


def prepare_sessions(engine: Engine, settings: Settings) -> None:
    """Set timeouts and session settings on every new connection of the engine.

    A setting that the server does not know is logged once and left out. A rollback of a transaction that the server has
    already ended raises nothing, so that the error that ended it is the one reported.
    """
    statements = session_statements(settings)
    engine.update_execution_options(**{_RULES: statements})
    refused: set[str] = set()

    @event.listens_for(engine, "connect")
    def _session(connection: Any, _record: Any) -> None:
        set_up_session(connection, settings.statement_timeout, statements, refused)
        # SQLAlchemy reads the default isolation level in a listener of its own, which has run before this one. A server
        # that hides its sessions does not tell; then SQLAlchemy could not return from another level.
        if getattr(engine.dialect, "default_isolation_level", None) is None:
            engine.dialect.default_isolation_level = "READ COMMITTED"

    event.listen(engine, "before_execute", write_nulls, retval=True)
    event.listen(engine, "before_cursor_execute", append_question, retval=True)
    rollback = engine.dialect.do_rollback

    def do_rollback(connection: Any) -> None:
        try:
            rollback(connection)
        except Exception as exc:
            if not NO_TRANSACTION.search(str(exc)):
                raise
            get_logger(__name__).debug("nothing_to_roll_back", error=str(exc)[:200])

    setattr(engine.dialect, "do_rollback", do_rollback)  # noqa: B010 - a method of this one engine's dialect


def write_nulls(
    _connection: Any, statement: Any, many: Any, parameters: Any, _options: Any
) -> tuple[Any, Any, Any]:
    """Write the NULLs of an UPDATE into its text instead of sending them as parameters.

    pyodbc asks the server for the type of a NULL parameter and continues if that fails. T-SQL on top of
    PostgreSQL cannot answer for an UPDATE, and its failed answer silently rolls back the transaction: a
    pointer that had just been moved was gone after a successful commit.
    """
    if isinstance(statement, sa.Update):
        values = getattr(statement, "_values", None) or {}
        nulls = {
            column: sa.null()
            for column, value in values.items()
            if isinstance(value, sa.BindParameter) and value.effective_value is None and not value.required
        }
        if nulls:
            statement = statement.values(nulls)
    return statement, many, parameters


def set_up_session(connection: Any, timeout: int, statements: Iterable[str], refused: set[str]) -> None:
    """Send the statements to a new DBAPI connection in one round trip, without those in `refused`.

    If they are not all accepted, each is tried alone; those that fail are logged and added to `refused`.
    """
    connection.timeout = timeout
    # Outside a transaction, so that a refused setting aborts none.
    connection.autocommit = True
    cursor = connection.cursor()
    try:
        wanted = [s for s in statements if s not in refused]
        if not _accepted(cursor, ["; ".join(wanted)]):
            for statement in wanted:
                if not _accepted(cursor, [statement]):
                    refused.add(statement)
                    get_logger(__name__).warning("session_setting_refused", statement=statement)
    finally:
        cursor.close()
        connection.autocommit = False


def _accepted(cursor: Any, statements: Iterable[str]) -> bool:
    try:
        for statement in statements:
            cursor.execute(statement)
            while cursor.nextset():
                pass
    except Exception as exc:  # noqa: BLE001 - the DBAPI module is not known here; the caller logs what is refused
        get_logger(__name__).debug("session_statement_failed", error=str(exc)[:200])
        return False
    return True
