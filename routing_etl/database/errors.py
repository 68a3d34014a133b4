"""What a database error means: transient or permanent, in a sentence with its remedy, without any secret.

SQL Server's errors are recognised by their number, PostgreSQL's by their SQLSTATE, others by their text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import URL, make_url

from routing_etl.errors import (
    DiskFullError,
    RoutingEtlError,
    SourceError,
    TransientDatabaseError,
    WarehouseError,
)
from routing_etl.shortages import shortage

Role = Literal["erp", "warehouse"]
Fate = Literal["transient", "permanent", "full"]

ROLE_NAME = {"erp": "the ERP", "warehouse": "the warehouse"}
VARIABLE = {"erp": "ROUTING_ETL_ERP_URL", "warehouse": "ROUTING_ETL_WAREHOUSE_URL"}


class Meaning(NamedTuple):
    """Kind of an error and what to tell people.

    `sentence` and `remedy` may contain {name} (which database) and {variable} (the setting of its URL).
    """

    fate: Fate
    sentence: str
    remedy: str


def _transient(sentence: str, remedy: str = "Run again; what was written so far is invisible.") -> Meaning:
    return Meaning("transient", sentence, remedy)


def _permanent(sentence: str, remedy: str) -> Meaning:
    return Meaning("permanent", sentence, remedy)


_UP = "Check that the server is up and {variable} is right, then run again."
_LOGIN_REMEDY = "Check user, password and grants in {variable} (or the settings of its server and login)."
_GRANT_REMEDY = (
    "Ask the DBA for the grants of the sql folder (roles and grants); routing-etl doctor lists them."
)
_SCHEMA_REMEDY = "routing-etl doctor names what differs; correct the view or the profile (our own tables: routing-etl migrate)."
_DATA_REMEDY = "Nothing of this batch is visible; score again and, if it stays, report the row named above."
_FULL_REMEDY = "Ask the DBA for space (or a log backup); the next run removes what was left and works on."

#: Meaning by SQL Server's error number. If a message holds several numbers, the first in this order counts.
SQL_SERVER: dict[int, Meaning] = {
    1205: _transient("{name} chose our session as deadlock victim"),
    1222: _transient("{name} did not free a lock within our lock timeout", "Run again when the other session is done."),
    9002: Meaning("full", "No space left for {name}: its transaction log is full", _FULL_REMEDY),
    1105: Meaning("full", "No space left for {name}: its files are full", _FULL_REMEDY),
    1101: Meaning("full", "No space left for {name}: its files are full", _FULL_REMEDY),
    18487: _permanent("{name} refused the login: its password has expired", "Give the login a new password, then set it in {variable}."),
    18488: _permanent("{name} refused the login: its password must be changed", "Change the login's password once, then set it in {variable}."),
    18486: _permanent("{name} refused the login: it is locked out", "Ask the DBA to unlock it; then check the password in {variable}."),
    18470: _permanent("{name} refused the login: it is disabled", "Ask the DBA to enable it."),
    18452: _permanent("{name} refused the login: it is from an untrusted domain", _LOGIN_REMEDY),
    924: _permanent("{name} is in single-user mode and someone else is in it", "Ask the DBA to set it MULTI_USER; then run again."),
    942: _permanent("{name} is offline", "Ask the DBA to bring the database online; then run again."),
    927: _transient("{name} is being restored", "Run again when the restore is done."),
    922: _transient("{name} is being recovered", "Run again when the server has recovered it."),
    4060: _permanent("{name} cannot be opened by this login: it does not exist, is offline, or the login has no user in it", _LOGIN_REMEDY),
    911: _permanent("{name} does not exist", "Check the database's name in {variable}."),
    18456: _permanent("{name} refused the login", _LOGIN_REMEDY),
    3906: _permanent("{name} can only be read", "Ask the DBA to set the database READ_WRITE; for a replica, use the primary's name."),
    978: _permanent("{name} is a replica that takes read-intent connections only", "Use the primary's name in {variable}, or ApplicationIntent=ReadOnly."),
    229: _permanent("{name} does not let this login do that: a grant is missing", _GRANT_REMEDY),
    230: _permanent("{name} does not let this login use a column: a grant is missing", _GRANT_REMEDY),
    262: _permanent("{name} does not let this login do that: a grant is missing", _GRANT_REMEDY),
    297: _permanent("{name} does not let this login do that: a grant is missing", _GRANT_REMEDY),
    208: _permanent("{name} has no such table or view (dropped, renamed, or not to be seen by this login)", _SCHEMA_REMEDY),
    207: _permanent("{name} has no such column (dropped or renamed)", _SCHEMA_REMEDY),
    4413: _permanent("{name} has a view that no longer fits its tables", "Ask the DBA to repair it (sp_refreshview)."),
    4502: _permanent("{name} has a view that no longer fits its tables", "Ask the DBA to repair it (sp_refreshview)."),
    2628: _permanent("{name} refused a text that is longer than its column", _DATA_REMEDY),
    8152: _permanent("{name} refused a text that is longer than its column", _DATA_REMEDY),
    8115: _permanent("{name} refused a number that does not fit its column", _DATA_REMEDY),
    8114: _permanent("{name} could not convert a value to its column's type", _SCHEMA_REMEDY),
    245: _permanent("{name} could not convert a value to its column's type", _SCHEMA_REMEDY),
    241: _permanent("{name} could not convert a text to a date", _SCHEMA_REMEDY),
    515: _permanent("{name} refused a missing value in a column that requires one", _DATA_REMEDY),
    2627: _permanent("{name} refused a row whose key is there already", _DATA_REMEDY),
    2601: _permanent("{name} refused a row whose key is there already", _DATA_REMEDY),
    547: _permanent("{name} refused a row that breaks a CHECK or a foreign key", _DATA_REMEDY),
    3952: _permanent("{name} does not allow SNAPSHOT reads", "Ask the DBA for ALLOW_SNAPSHOT_ISOLATION ON; reading works without it."),
    3960: _transient("{name} ended our SNAPSHOT transaction because of a conflicting change"),
    701: _transient("{name} is short of memory", "Run again later."),
    6005: _transient("{name} is being shut down or restarted", _UP),
    6006: _transient("{name} is being shut down or restarted", _UP),
    17142: _transient("{name}'s server is paused", _UP),
    596: _transient("{name} ended our session (killed by an administrator)"),
    10928: _transient("{name} has reached its limit of workers", "Run again later."),
    40613: _transient("{name} is not available at the moment", _UP),
    233: _transient("The connection to {name} was cut", _UP),
    10053: _transient("The connection to {name} was cut", _UP),
    10054: _transient("The connection to {name} was cut", _UP),
    10060: _transient("{name} is not reachable or busy", _UP),
    10061: _transient("{name} is not reachable or busy", _UP),
}  # fmt: skip

#: Meaning by PostgreSQL's SQLSTATE, or by its class (the first two characters).
POSTGRESQL: dict[str, Meaning] = {
    "40P01": _transient("{name} chose our session as deadlock victim"),
    "40001": _transient("{name} ended our transaction because of a conflicting one"),
    "55P03": _transient("{name} did not free a lock within our lock timeout", "Run again when the other session is done."),
    "57014": _transient("{name} stopped a statement that took longer than ROUTING_ETL_STATEMENT_TIMEOUT", "Run again at a quieter hour, or allow more."),
    "57P01": _transient("{name} is being shut down or restarted", _UP),
    "57P02": _transient("{name} is being shut down or restarted", _UP),
    "57P03": _transient("{name} is starting or shutting down", _UP),
    "53300": _transient("{name} has no free connection", "Run again later, or lower ROUTING_ETL_POOL_SIZE."),
    "53100": Meaning("full", "No space left for {name}", _FULL_REMEDY),
    "28": _permanent("{name} refused the login", _LOGIN_REMEDY),
    "3D000": _permanent("{name} does not exist", "Check the database's name in {variable}."),
    "25006": _permanent("{name} can only be read", "Give the service user write access; for a replica, use the primary's name."),
    "42501": _permanent("{name} does not let this login do that: a grant is missing", _GRANT_REMEDY),
    "42P01": _permanent("{name} has no such table or view (dropped, renamed, or not to be seen by this login)", _SCHEMA_REMEDY),
    "42703": _permanent("{name} has no such column (dropped or renamed)", _SCHEMA_REMEDY),
    "22001": _permanent("{name} refused a text that is longer than its column", _DATA_REMEDY),
    "22003": _permanent("{name} refused a number that does not fit its column", _DATA_REMEDY),
    "23502": _permanent("{name} refused a missing value in a column that requires one", _DATA_REMEDY),
    "23505": _permanent("{name} refused a row whose key is there already", _DATA_REMEDY),
    "23503": _permanent("{name} refused a row that breaks a CHECK or a foreign key", _DATA_REMEDY),
    "23514": _permanent("{name} refused a row that breaks a CHECK or a foreign key", _DATA_REMEDY),
    "08": _transient("The connection to {name} was cut", _UP),
}  # fmt: skip

#: Meaning by text, for errors without a number of their own: from drivers, from SQLite, and from T-SQL
#: servers on top of PostgreSQL, which give one number to many errors.
WORDS: tuple[tuple[re.Pattern[str], Meaning], ...] = tuple(
    (re.compile(words, re.IGNORECASE), meaning)
    for words, meaning in (
        (
            r"can't open lib|data source name not found|\bIM002\b",
            _permanent(
                "{name} cannot be reached: the ODBC driver or data source that its URL names is not installed here",
                "Install it (`odbcinst -q -d` lists what there is), or name another in {variable}.",
            ),
        ),
        (r"due to lock timeout", POSTGRESQL["55P03"]),
        (r"deadlock detected", POSTGRESQL["40P01"]),
        (r"due to statement timeout", POSTGRESQL["57014"]),
        (r"permission denied for (?:table|view|schema|relation|sequence|procedure)", POSTGRESQL["42501"]),
        (r'database "[^"]*" does not exist', POSTGRESQL["3D000"]),
        (
            r"file is not a database|database disk image is malformed",
            _permanent(
                "{name} is not a SQLite database, or a damaged one",
                "Check the path in {variable}, or bring the file back from a backup.",
            ),
        ),
        (
            r"failed to resolve host|could not translate host name|name or service not known|nodename nor servname",
            _permanent(
                "{name} is on a host whose name is not known here",
                "Check the host in {variable}, and that this machine's DNS knows it.",
            ),
        ),
        (r"column \S+ does not exist", POSTGRESQL["42703"]),
        (r"relation \S+ does not exist", POSTGRESQL["42P01"]),
        (
            r"database or disk is full|no space left|could not extend file",
            Meaning("full", "No space left for {name}", "Free space; the next run works on."),
        ),
        (
            r"disk I/O error",
            _permanent(
                "{name} could not read or write its file",
                "Check the disk, its room and quota, and the limit on the size of files (ulimit -f); then run again.",
            ),
        ),
        (
            r"readonly database|read-only (?:database|transaction)",
            _permanent(
                "{name} can only be read",
                "Give the service user write access to the database (for SQLite to its file and folder).",
            ),
        ),
        (
            r"login failed|password authentication failed|\b28000\b|access denied|no password supplied",
            _permanent("{name} refused the login", _LOGIN_REMEDY),
        ),
        (
            r"certificate verify failed|SSL Provider|certificate chain|self[- ]signed",
            _permanent(
                "{name} showed a certificate that cannot be verified",
                "Install the server's CA certificate here, or (for a test server only) set "
                "ROUTING_ETL_TRUST_SERVER_CERTIFICATE=true.",
            ),
        ),
        (
            r"database is locked|database table is locked|deadlock|lock request time ?out|08S01|08001|HYT00|HYT01"
            r"|connection (?:was )?(?:is )?(?:reset|closed|refused|terminated|lost)|server closed the connection"
            r"|timeout expired|communication link failure|could not connect|connection timeout|bad connection"
            r"|consuming input failed|connection failed|forcibly closed|0x2746|0x68\b|0x20\b",
            _transient("{name} is not reachable or busy", _UP),
        ),
    )
)

#: Where drivers put the error number. pyodbc: in brackets at the end of each record; other brackets hold key values.
_NUMBERS = re.compile(
    r"\((\d{3,6})\)(?=\s*(?:\(SQL|;|['\"]?\)?\s*$))|Native error: (\d{3,6})\b|\berror (\d{3,6})\b",
    re.IGNORECASE,
)


def safe_url(url: str | URL) -> str:
    """The URL without password and query, for messages and run records."""
    try:
        parsed = make_url(url)
    except sa.exc.ArgumentError:
        return "<not a database URL>"
    return parsed.set(query={}).render_as_string(hide_password=True)


def without_secrets(text: str, url: str | URL) -> str:
    """The text on one line, with the URL's password and whatever stands behind PWD= replaced by ***."""
    try:
        password = make_url(url).password
    except sa.exc.ArgumentError:
        password = None
    if password:
        text = text.replace(str(password), "***")
    text = re.sub(r"(?i)\b(pwd|password)\s*=\s*(\{(?:[^}]|\}\})*\}|[^;\s'\"]*)", r"\1=***", text)
    # The same as it stands in a URL: `odbc_connect=...PWD%3Dsecret%3B...`.
    text = re.sub(
        r"(?i)(?:(?<![a-z0-9])|(?<=%[0-9a-f]{2}))(pwd|password)(?:%20|\+)*%3D(?:%7B.*?%7D|(?!%3B)[^;&\s'\"])*",
        r"\1%3D***",
        text,
    )
    return " ".join(text.split())


#: What ODBC puts before each message (SQLSTATE, then who speaks) and behind it (the call that failed).
_AROUND = re.compile(r"\[\w{5}\] (?:\[[^\]]*\])+\s*|\s*\(SQL[A-Z]\w*\)")


def said(exc: BaseException, url: str | URL) -> str:
    """What the database said, on one line, without secrets and without what the drivers put around it."""
    original = getattr(exc, "orig", None) or exc
    args = original.args
    odbc = len(args) == 2 and isinstance(args[1], str) and args[1].startswith(f"[{args[0]}]")
    return without_secrets(_AROUND.sub("", args[1]) if odbc else str(original), url)


def first_error(exc: BaseException) -> BaseException:
    """The first error of a chain.

    Some servers end the transaction at an error, and the rollback then fails with 3903, 'no corresponding BEGIN TRANSACTION',
    which hides it.
    """
    while "3903" in _numbers_in(exc) and exc.__context__ is not None:
        exc = exc.__context__
    return exc


def _numbers_in(exc: BaseException) -> set[str]:
    return {n for found in _NUMBERS.findall(str(getattr(exc, "orig", None) or exc)) for n in found if n}


def meaning_of(exc: BaseException, url: str | URL) -> Meaning | None:
    """What a driver's error means; None if it is not known."""
    original = getattr(exc, "orig", None) or exc
    text = str(original)
    state = getattr(original, "sqlstate", None)
    if isinstance(state, str):
        found = POSTGRESQL.get(state) or POSTGRESQL.get(state[:2])
        if found is not None:
            return found
    if _is_sql_server(text, url):
        numbers = {int(n) for n in _numbers_in(exc)}
        for number, meaning in SQL_SERVER.items():
            if number in numbers:
                return meaning
    for words, meaning in WORDS:
        if words.search(text):
            return meaning
    if getattr(exc, "connection_invalidated", False):
        return _transient("The connection to {name} was cut", _UP)
    return None


def _is_sql_server(text: str, url: str | URL) -> bool:
    try:
        return make_url(url).get_backend_name() == "mssql"
    except sa.exc.ArgumentError:
        return "SQL Server" in text


def classify(exc: BaseException, role: Role, url: str | URL) -> RoutingEtlError:
    """Turn a database exception into one of ours, transient or permanent, with its remedy and without secrets."""
    exc = first_error(exc)
    if isinstance(exc, RoutingEtlError):
        return exc
    short = shortage(exc, f"while working with {ROLE_NAME[role]}") if isinstance(exc, OSError) else None
    if short is not None:
        return short
    name, shown = ROLE_NAME[role], safe_url(url)
    text = said(exc, url)[:400].removesuffix(".")
    kind: type[RoutingEtlError] = SourceError if role == "erp" else WarehouseError
    meaning = meaning_of(exc, url)
    if meaning is None:
        return kind(f"{name} ({shown}): {text}.", remedy="See the log for the full trace.")
    if meaning.fate == "transient":
        kind = TransientDatabaseError
    elif meaning.fate == "full":
        kind = DiskFullError
    words = {"name": name, "variable": VARIABLE[role]}
    sentence = meaning.sentence.format(**words)
    return kind(f"{sentence} ({shown}): {text}.", remedy=meaning.remedy.format(**words))


@contextmanager
def translated(role: Role, url: str | URL) -> Iterator[None]:
    """Raise database and disk errors of the block as ours, with the original as cause.

    A file that is gone is none of a database, so it passes.
    """
    try:
        yield
    except FileNotFoundError:
        raise
    except (sa.exc.SQLAlchemyError, OSError) as exc:
        raise classify(exc, role, url) from exc
