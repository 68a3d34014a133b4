"""What the doctor checks on a database server: driver, encryption, login, grants, isolation, collation, space.

Every question may be refused by the server or unknown to it. That is a finding too, not a failure.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from routing_etl.database.errors import ROLE_NAME, Role, said, translated
from routing_etl.log import get_logger

Level = Literal["ok", "warning", "error"]
Names = Sequence[tuple[str | None, str]]

#: Least free megabytes for a full-size night in data files that cannot grow.
_MIN_FREE_MB = 5 * 1024

WRITES = ("INSERT", "UPDATE", "DELETE")


@dataclass(frozen=True)
class Finding:
    """One thing that was checked: where, how it is, what to do."""

    area: str
    level: Level
    message: str
    remedy: str = ""


@dataclass(frozen=True)
class Granted:
    """What a login must and must not be allowed on some tables or views, as (schema, name)."""

    tables: Names
    must: tuple[str, ...]
    must_not: tuple[str, ...] = ()


def examine_server(engine: Engine, role: Role, grants: Sequence[Granted]) -> Iterator[Finding]:
    """Findings about the server of an engine; none for SQLite, which has no logins.

    Parameters
    ----------
    engine : Engine
        Engine of the ERP or the warehouse.
    role : Role
        Which of the two it is.
    grants : Sequence[Granted]
        What the login must and must not be allowed.

    Raises
    ------
    SourceError
        The server cannot be connected to.
    WarehouseError
        The server cannot be connected to.
    TransientDatabaseError
        The server cannot be connected to.
    """
    dialect = engine.dialect.name
    if dialect not in ("mssql", "postgresql"):
        return
    area = "ERP" if role == "erp" else "warehouse"
    with translated(role, engine.url), engine.connect() as opened:
        # Each question stands alone: a refused one must not end a transaction.
        connection = opened.execution_options(isolation_level="AUTOCOMMIT")
        look = (
            _SqlServer(connection, area, role) if dialect == "mssql" else _PostgreSQL(connection, area, role)
        )
        yield from look.server()
        yield from look.encryption()
        yield from look.login()
        for granted in grants:
            yield from look.grants(granted)
        yield from look.isolation()
        yield from look.space()


def collation(engine: Engine) -> str | None:
    """The database's collation on SQL Server; None elsewhere or if it cannot be seen."""
    if engine.dialect.name != "mssql":
        return None
    with engine.connect() as connection:
        found = _ask(
            connection.execution_options(isolation_level="AUTOCOMMIT"),
            "SELECT CAST(DATABASEPROPERTYEX(DB_NAME(), 'Collation') AS nvarchar(128)) AS name",
        )
    return None if isinstance(found, str) else found["name"]


#: What a collation of SQL Server may tell apart: the mark in its name, and a pair of codes that differ in nothing else.
_SENSITIVE = {
    "CS": "upper and lower case (a-1, A-1)",
    "AS": "accents (e-1, é-1)",
    "KS": "the two kinds of kana",
    "WS": "full and half width (A-1, Ａ-1)",
}


def told_apart(collation_name: str) -> set[str]:
    """What a collation tells apart, by the marks of its name: of CS, AS, KS, WS. A binary one tells all apart."""
    marks = set(collation_name.upper().split("_"))
    if marks & {"BIN", "BIN2"}:
        return set(_SENSITIVE)
    return set(_SENSITIVE) & marks


def collation_consequences(ours: str, theirs: str) -> list[str]:
    """What it means that our database and the ERP's have two collations, one sentence each."""
    found = [
        "a query that compares our columns with the ERP's fails with error 468 unless it says COLLATE, the ERP's screen views included"
    ]
    for mark, words in _SENSITIVE.items():
        here, there = mark in told_apart(ours), mark in told_apart(theirs)
        if there and not here:
            found.append(
                f"codes of the ERP that differ only in {words} are one key in ours: the night keeps one spelling and warns of the other"
            )
        elif here and not there:
            found.append(
                f"a look-up in our views with a code that differs only in {words} finds nothing, while the ERP's does"
            )
    return found


def _ask(
    connection: Connection, query: str, parameters: dict[str, Any] | None = None
) -> dict[str, Any] | str:
    """The first row, or the reason why there is none."""
    try:
        row = connection.execute(sa.text(query), parameters or {}).mappings().first()
    except sa.exc.DBAPIError as exc:
        if exc.connection_invalidated:
            raise
        reason = said(exc, connection.engine.url)[:160]
        get_logger(__name__).debug("doctor_question_refused", query=query[:120], reason=reason)
        return reason
    return dict(row) if row is not None else "no row"


def _missing(right: str, table: str, user: str, mssql: bool) -> str:
    quoted = ".".join((f"[{part}]" if mssql else f'"{part}"') for part in table.split("."))
    return f"GRANT {right} ON {quoted} TO " + (f"[{user}]" if mssql else f'"{user}"')


class _Server(ABC):
    """The questions to both kinds of server."""

    def __init__(self, connection: Connection, area: str, role: Role) -> None:
        self.connection, self.area, self.role = connection, area, role
        self.name = ROLE_NAME[role]
        self.user = ""

    def ask(self, query: str, **parameters: Any) -> dict[str, Any] | str:
        """The first row of a query, or the reason why there is none."""
        return _ask(self.connection, query, parameters)

    def found(self, level: Level, message: str, remedy: str = "") -> Finding:
        """A finding about this server."""
        return Finding(self.area, level, message, remedy)

    def unseen(self, what: str, reason: str) -> Finding:
        """The finding that something cannot be seen."""
        return self.found(
            "warning", f"{what} cannot be seen ({reason})", "Ask the DBA, or run doctor as one."
        )

    @abstractmethod
    def rights(self, table: str, rights: Sequence[str]) -> dict[str, bool | None]:
        """Whether the login has each right on a table; None if that cannot be seen."""

    def grants(self, granted: Granted) -> Iterator[Finding]:
        """Rights that are missing, and rights that the login should not have."""
        mssql = self.connection.dialect.name == "mssql"
        unseen, missing, unwanted = [], [], []
        for schema, name in granted.tables:
            table = f"{schema}.{name}" if schema else name
            for right, has in self.rights(table, (*granted.must, *granted.must_not)).items():
                if has is None and not granted.must:
                    continue  # what the login cannot see, it cannot write
                if has is None:
                    unseen.append(f"{right} on {table}")
                elif right in granted.must and not has:
                    missing.append((right, table))
                elif right in granted.must_not and has:
                    unwanted.append(f"{right} on {table}")
        for right, table in missing:
            yield self.found(
                "error",
                f"the login {self.user} of {self.name} lacks {right} on {table}",
                _missing(right, table, self.user, mssql) + ";",
            )
        if unwanted:
            shown = ", ".join(unwanted[:4]) + (f" and {len(unwanted) - 4} more" if len(unwanted) > 4 else "")
            yield self.found(
                "warning",
                f"the login {self.user} of {self.name} may do more than it needs: {shown}",
                "Use a login with the grants of the sql folder only.",
            )
        if unseen:
            yield self.unseen(f"whether the login has {unseen[0]} (and {len(unseen) - 1} more)", "no answer")
        if granted.tables and not missing and not unwanted and not unseen:
            rights = ", ".join(granted.must) or "nothing"
            also = f" and may not {', '.join(granted.must_not)}" if granted.must_not else ""
            yield self.found("ok", f"the login may {rights} on {len(granted.tables)} tables or views{also}")


class _SqlServer(_Server):
    def server(self) -> Iterator[Finding]:
        """Driver and server version."""
        raw: Any = self.connection.connection.driver_connection
        try:
            import pyodbc

            driver = f"{raw.getinfo(pyodbc.SQL_DRIVER_NAME)} {raw.getinfo(pyodbc.SQL_DRIVER_VER)}"
        except (ImportError, AttributeError, sa.exc.DBAPIError) as exc:
            driver = f"unknown ({exc})"
        found = self.ask(
            "SELECT CAST(SERVERPROPERTY('ProductVersion') AS nvarchar(64)) AS version, "
            "CAST(SERVERPROPERTY('Edition') AS nvarchar(64)) AS edition"
        )
        shown = found if isinstance(found, str) else f"{found['version']} {found['edition']}"
        yield self.found("ok", f"ODBC driver {driver}, SQL Server {shown}")

    def encryption(self) -> Iterator[Finding]:
        """Whether this connection is encrypted and its certificate was verified."""
        query = {k.lower(): str(v).lower() for k, v in self.connection.engine.url.query.items()}
        found = self.ask(
            "SELECT encrypt_option AS encrypted, auth_scheme AS scheme FROM sys.dm_exec_connections "
            "WHERE session_id = @@SPID"
        )
        asked = query.get("encrypt", "unknown")
        if isinstance(found, str):
            level: Level = "warning" if asked in ("no", "optional", "unknown") else "ok"
            yield self.found(
                level,
                f"the connection asks for Encrypt={asked}; whether the server kept to it cannot be seen ({found})",
                "" if level == "ok" else "Set ROUTING_ETL_ENCRYPT=yes.",
            )
        elif str(found["encrypted"]).upper() == "TRUE":
            login = f" (login by {found['scheme']})" if found["scheme"] else ""
            yield self.found("ok", f"the connection is encrypted{login}")
        else:
            yield self.found("warning", "the connection is not encrypted", "Set ROUTING_ETL_ENCRYPT=yes.")
        if query.get("trustservercertificate") == "yes":
            yield self.found(
                "warning",
                "the server's certificate is not verified (TrustServerCertificate=yes)",
                "Install the server's CA certificate and set ROUTING_ETL_TRUST_SERVER_CERTIFICATE=false.",
            )

    def login(self) -> Iterator[Finding]:
        """Who we are, and whether the login has too many rights."""
        found = self.ask("SELECT SUSER_SNAME() AS login, USER_NAME() AS name, DB_NAME() AS db")
        if isinstance(found, str):
            yield self.unseen("the login", found)
            return
        self.user = str(found["name"])
        yield self.found("ok", f"login {found['login']} is user {self.user} in database {found['db']}")
        for query, what in (
            ("SELECT IS_SRVROLEMEMBER('sysadmin') AS yes", "sysadmin of the server"),
            ("SELECT IS_MEMBER('db_owner') AS yes", "db_owner of the database"),
        ):
            answer = self.ask(query)
            if isinstance(answer, str) or answer["yes"] is None:
                reason = answer if isinstance(answer, str) else "no answer"
                yield self.unseen(f"whether the login is {what}", reason)
            elif answer["yes"]:
                yield self.found(
                    "warning",
                    f"the login {found['login']} is {what}: it may do far more than {self.name} needs",
                    "Use a login with the grants of the sql folder only.",
                )

    def rights(self, table: str, rights: Sequence[str]) -> dict[str, bool | None]:
        """See `_Server.rights`."""
        quoted = ".".join(f"[{part}]" for part in table.split("."))
        columns = ", ".join(f"HAS_PERMS_BY_NAME(:name, 'OBJECT', '{r}') AS [{r}]" for r in rights)
        found = self.ask(f"SELECT {columns}", name=quoted)
        if isinstance(found, str):
            return dict.fromkeys(rights, None)
        # NULL: the object does not exist, or this login cannot see it and so has no right on it.
        return {r: None if found[r] is None else bool(found[r]) for r in rights}

    def isolation(self) -> Iterator[Finding]:
        """Row versions for readers, and the state of the database."""
        found = self.ask(
            "SELECT is_read_committed_snapshot_on AS rcsi, snapshot_isolation_state AS snapshot, "
            "collation_name AS collation, DB_NAME() AS db FROM sys.databases WHERE name = DB_NAME()"
        )
        if isinstance(found, str):
            yield self.unseen("the isolation settings of the database", found)
            return
        yield self.found("ok", f"collation {found['collation']}")
        if self.role == "erp":
            yield self.copy()
        if self.role == "erp" and not found["snapshot"]:
            yield self.found(
                "warning",
                "SNAPSHOT reads are not allowed: the ERP's views are read one after another, not as one state",
                f"ALTER DATABASE [{found['db']}] SET ALLOW_SNAPSHOT_ISOLATION ON (costs space in tempdb).",
            )
        elif self.role == "warehouse" and not found["rcsi"]:
            yield self.found(
                "warning",
                "READ_COMMITTED_SNAPSHOT is off: readers may wait for the moment in which a publication is switched",
                f"ALTER DATABASE [{found['db']}] SET READ_COMMITTED_SNAPSHOT ON (needs a moment without sessions).",
            )
        else:
            kind = "SNAPSHOT reads are allowed" if self.role == "erp" else "READ_COMMITTED_SNAPSHOT is on"
            yield self.found("ok", kind)

    def copy(self) -> Finding:
        """Whether the ERP is read where it is written, or from a read-only copy of it."""
        intent = {k.lower(): v for k, v in self.connection.engine.url.query.items()}.get(
            "applicationintent", "none"
        )
        found = self.ask(
            "SELECT CAST(DATABASEPROPERTYEX(DB_NAME(), 'Updateability') AS nvarchar(20)) AS state"
        )
        if isinstance(found, str) or found["state"] is None:
            return self.unseen(
                "whether this is a read-only copy of the ERP",
                found if isinstance(found, str) else "no answer",
            )
        if found["state"] != "READ_ONLY":
            return self.found("ok", f"the ERP is read where it is written (ApplicationIntent={intent})")
        return self.found(
            "ok",
            f"the ERP is read from a read-only copy (ApplicationIntent={intent}): its rows may be late, and changes by row "
            "version are not built upon, so such tables are read whole every night",
            "To read the primary: ROUTING_ETL_ERP_APPLICATION_INTENT=ReadWrite",
        )

    def space(self) -> Iterator[Finding]:
        """Free space in the data files of the warehouse."""
        if self.role == "erp":
            return
        found = self.ask(
            "SELECT SUM(CAST(size AS bigint)) * 8 / 1024 AS megabytes, "
            "SUM(CAST(FILEPROPERTY(name, 'SpaceUsed') AS bigint)) * 8 / 1024 AS used, "
            "MAX(growth) AS growth FROM sys.database_files WHERE type = 0"
        )
        if isinstance(found, str) or found["used"] is None or found["megabytes"] is None:
            yield self.unseen(
                "the free space of the database", found if isinstance(found, str) else "no answer"
            )
            return
        free = int(found["megabytes"]) - int(found["used"])
        grows = bool(found["growth"])
        message = f"{free:,} MB free in the data files, which {'may grow' if grows else 'cannot grow'}"
        if free < _MIN_FREE_MB and not grows:
            yield self.found("warning", message, "A full-size night needs about 5 GB; ask the DBA for more.")
        else:
            yield self.found("ok", message)


class _PostgreSQL(_Server):
    def server(self) -> Iterator[Finding]:
        """Driver and server version."""
        found = self.ask("SELECT current_setting('server_version') AS version")
        shown = found if isinstance(found, str) else found["version"]
        yield self.found("ok", f"driver {self.connection.dialect.driver}, PostgreSQL {shown}")

    def encryption(self) -> Iterator[Finding]:
        """Whether this connection is encrypted."""
        found = self.ask("SELECT ssl, version FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
        if isinstance(found, str):
            yield self.unseen("whether the connection is encrypted", found)
        elif found["ssl"]:
            yield self.found("ok", f"the connection is encrypted ({found['version']})")
        else:
            yield self.found(
                "warning", "the connection is not encrypted", "Add ?sslmode=verify-full to the URL."
            )

    def login(self) -> Iterator[Finding]:
        """Who we are, and whether the login has too many rights."""
        found = self.ask(
            "SELECT current_user AS name, rolsuper AS super FROM pg_roles WHERE rolname = current_user"
        )
        if isinstance(found, str):
            yield self.unseen("the login", found)
            return
        self.user = str(found["name"])
        yield self.found("ok", f"login {self.user}")
        if found["super"]:
            yield self.found(
                "warning",
                f"the login {self.user} is a superuser: it may do far more than {self.name} needs",
                "Use a login with the grants it needs only.",
            )

    def rights(self, table: str, rights: Sequence[str]) -> dict[str, bool | None]:
        """See `_Server.rights`."""
        quoted = ".".join('"' + part.replace('"', '""') + '"' for part in table.split("."))
        columns = ", ".join(f"has_table_privilege(:name, '{r}') AS \"{r}\"" for r in rights)
        found = self.ask(f"SELECT {columns}", name=quoted)
        return dict.fromkeys(rights, None) if isinstance(found, str) else {r: bool(found[r]) for r in rights}

    def isolation(self) -> Iterator[Finding]:
        """Row versions for readers, which PostgreSQL always has."""
        yield self.found("ok", "readers see row versions and never wait for writers")

    def space(self) -> Iterator[Finding]:
        """The size of the database; the server does not tell its free space."""
        if self.role == "erp":
            return
        found = self.ask("SELECT pg_database_size(current_database()) / 1048576 AS megabytes")
        if isinstance(found, str):
            yield self.unseen("the size of the database", found)
        else:
            yield self.found("ok", f"the database holds {int(found['megabytes']):,} MB")
