"""Bring our schema to a revision, back from one, or write the steps as a script for a DBA (`migration_script.py`).

What belongs here: running Alembic. What does not: the steps themselves (`migrations/versions`). No nightly step runs
DDL: a database that is not at head is refused with the command that migrates it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from routing_etl.database.engine import translated
from routing_etl.errors import ConfigurationError, WarehouseError
from routing_etl.log import get_logger
from routing_etl.warehouse.migration_script import BASE, Place, Step, script

if TYPE_CHECKING:
    from alembic.config import Config

VERSION_TABLE = "schema_version"
DIALECTS = ("sqlite", "mssql", "postgresql")

_TABLE = r'(?:[\["]?\w+[\]"]?\.)?[\["]?(\w+)[\]"]?'
_DROPPED_TABLE = re.compile(rf"^DROP TABLE {_TABLE}", re.MULTILINE)
_RENAMED_TO = re.compile(r"^ALTER TABLE \w+ RENAME TO (\w+)", re.MULTILINE)
_DROPPED_COLUMN = re.compile(rf'^ALTER TABLE {_TABLE} DROP COLUMN [\["]?(\w+)', re.MULTILINE)

_log = get_logger(__name__)


def script_location() -> Path:
    """The folder of the migrations: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "migrations"
    return installed if installed.is_dir() else package.parent / "migrations"


def _config() -> Config:
    # imported where it is used: every command that opens the warehouse imports this module, few migrate
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(script_location()).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def head_revision() -> str:
    """The newest revision that this version of the product knows."""
    from alembic.script import ScriptDirectory

    heads = sorted(ScriptDirectory.from_config(_config()).get_heads())
    if not heads:
        raise WarehouseError(
            f"No migrations in {script_location()}.", remedy="Install the package again; it is incomplete."
        )
    if len(heads) > 1:
        raise WarehouseError(
            f"The migrations in {script_location()} have {len(heads)} heads: {', '.join(heads)}.",
            remedy="Make them one line: down_revision of the later one names the other (migrations/README.md).",
        )
    return heads[0]


def _newest_by_name() -> str:
    """The newest revision by the names of the files, of which none is read: `0016_what_it_does.py`; '' when there is none."""
    return max(
        (file.name.split("_")[0] for file in (script_location() / "versions").glob("*.py")), default=""
    )


def check_schema(schema: str | None) -> None:
    """Refuse a schema name that would have to be quoted.

    Raises
    ------
    ConfigurationError
        It has other signs than letters, digits and underscores.
    """
    if schema is not None and not schema.replace("_", "").isalnum():
        raise ConfigurationError(
            f"Schema name {schema!r} is not usable.",
            remedy="ROUTING_ETL_WAREHOUSE_SCHEMA may have letters, digits and underscores only.",
        )


def _ensure_schema(connection: Connection, schema: str) -> None:
    if schema not in sa.inspect(connection).get_schema_names():
        connection.execute(sa.schema.CreateSchema(schema))


def _run(engine: Engine, schema: str | None, revision: str, down: bool) -> None:
    check_schema(schema)
    config = _config()
    with (
        translated("warehouse", engine.url),
        engine.connect() as connection,
        _without_cascades(connection),
        connection.begin(),
    ):
        _run_on(connection, config, schema, revision, down)
    _log.info("migrated", revision=revision, down=down, schema=schema)


@contextmanager
def _without_cascades(connection: Connection) -> Iterator[None]:
    """On SQLite a table whose constraints change is written again; with foreign keys on, rows that point at it would go with it.

    They cannot be switched inside a transaction.
    """
    if connection.dialect.name != "sqlite":
        yield
        return
    was = connection.exec_driver_sql("PRAGMA foreign_keys").scalar_one()
    connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
    connection.rollback()
    try:
        yield
    finally:
        connection.exec_driver_sql(f"PRAGMA foreign_keys = {int(was)}")
        connection.rollback()


def _run_on(connection: Connection, config: Config, schema: str | None, revision: str, down: bool) -> None:
    """Run the steps in the transaction that the caller has begun."""
    from alembic import command
    from alembic.util.exc import CommandError

    if connection.dialect.name == "sqlite":
        # One transaction for all DDL, which the driver would otherwise commit statement by statement.
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    elif schema is not None:
        _ensure_schema(connection, schema)
    config.attributes.update(connection=connection, schema=schema)
    try:
        (command.downgrade if down else command.upgrade)(config, revision)
    except CommandError as exc:
        raise WarehouseError(
            f"Cannot migrate to revision {revision!r}: {exc}.",
            remedy=f"Known revisions: {', '.join(revisions())}.",
        ) from exc


def revisions() -> list[str]:
    """All revisions, oldest first."""
    from alembic.script import ScriptDirectory

    script = ScriptDirectory.from_config(_config())
    return [r.revision for r in script.walk_revisions()][::-1]


def migrate(engine: Engine, schema: str | None, revision: str = "head") -> None:
    """Bring our tables and views up to `revision`. Doing it twice changes nothing.

    Parameters
    ----------
    engine : sqlalchemy.engine.Engine
        The warehouse.
    schema : str or None
        Our schema, made when it is not there. None on SQLite.
    revision : str
        `head`, or one of `revisions()`.

    Raises
    ------
    WarehouseError
        The revision is unknown, or the database refuses (its message is kept). Nothing is half done where the
        database has transactional DDL (SQLite, SQL Server, PostgreSQL).
    """
    _run(engine, schema, revision, down=False)


def downgrade(engine: Engine, schema: str | None, revision: str) -> None:
    """Take our tables and views back to `revision` (`base`: remove everything of ours, data included)."""
    _run(engine, schema, revision, down=True)


class _Collected:
    """What Alembic writes offline, one entry a statement."""

    def __init__(self) -> None:
        self.statements: list[str] = []

    def write(self, text: str) -> None:
        """Keep a statement; not the separators of batches, comments, or what concerns the version table."""
        statement = text.strip().removesuffix(";")
        if statement != "GO" and not statement.startswith("-- ") and VERSION_TABLE not in statement:
            self.statements.append("\n".join(line.rstrip() for line in statement.splitlines()))

    def flush(self) -> None:
        """Do nothing: the text is kept."""


def steps(dialect: str, schema: str | None, start: str, revision: str) -> list[Step]:
    """The revisions between two, up or down, with their statements.

    Parameters
    ----------
    dialect : str
        One of `DIALECTS`.
    schema : str or None
        Our schema.
    start : str
        Revision that the database is at; `base` without our tables.
    revision : str
        Where to go: `head`, `base` or another one.

    Raises
    ------
    ConfigurationError
        A revision is unknown, or both are the same.
    """
    known = [BASE, *revisions()]
    ends = [known[-1] if name == "head" else name for name in (start, revision)]
    for name in ends:
        if name not in known:
            raise ConfigurationError(
                f"Revision {name!r} is unknown to this version.",
                remedy=f"Use one of {', '.join(known)}, head.",
            )
    first, last = (known.index(name) for name in ends)
    if first == last:
        raise ConfigurationError(
            f"There is nothing between revision {ends[0]} and {ends[1]}.",
            remedy="Give two different revisions.",
        )
    way = known[first : last + 1] if first < last else known[last : first + 1][::-1]
    return [
        Step(before, after, _collected(dialect, schema, before, after, down=first > last))
        for before, after in pairwise(way)
    ]


def _collected(dialect: str, schema: str | None, before: str, after: str, *, down: bool) -> tuple[str, ...]:
    from alembic import command

    config, buffer = _config(), _Collected()
    config.attributes.update(dialect=dialect, schema=schema, buffer=buffer)
    if down:
        command.downgrade(config, f"{before}:{after}", sql=True)
    else:
        command.upgrade(config, after if before == BASE else f"{before}:{after}", sql=True)
    return tuple(buffer.statements)


def migrate_sql(
    dialect: str, schema: str | None = "routing", revision: str = "head", start: str = BASE
) -> str:
    """The steps from `start` to `revision` as a script for somebody else to run, without a database.

    Parameters
    ----------
    dialect : str
        One of `DIALECTS`.
    schema : str or None
        Our schema (ignored on SQLite).
    revision : str
        Where the steps end; before `start`: the steps back. `base` gives the steps that remove everything of ours.
    start : str
        Where the steps begin (with `revision` = `base`, as a rule the head).

    Raises
    ------
    ConfigurationError
        The dialect is not one of `DIALECTS`, or a revision is unknown.
    """
    if dialect not in DIALECTS:
        raise ConfigurationError(
            f"No migrations for {dialect!r}.", remedy=f"Use one of {', '.join(DIALECTS)}."
        )
    schema = None if dialect == "sqlite" else schema
    check_schema(schema)
    start = head_revision() if start == revision == BASE else start
    quoted = sa.make_url(f"{dialect}://").get_dialect()().identifier_preparer.quote_schema(schema or "")
    place = Place(dialect, schema, quoted, VERSION_TABLE)
    return script(place, steps(dialect, schema, start, revision))


def dropped_by(dialect: str, schema: str | None, start: str, revision: str) -> list[str]:
    """What a downgrade drops that may hold data: tables, and columns of tables that stay, as `table.column`.

    Read from the frozen statements that the downgrade would run.

    Parameters
    ----------
    dialect : str
        One of `DIALECTS`.
    schema : str or None
        Our schema.
    start : str
        Revision that the database is at.
    revision : str
        An earlier one, or `base`.
    """
    tables: set[str] = set()
    columns: list[tuple[str, str]] = []
    for step in steps(dialect, schema, start, revision):
        for statement in step.statements:
            tables |= {match[1] for match in _DROPPED_TABLE.finditer(statement)}
            # a table that is written again under its own name is not lost
            tables -= {match[1] for match in _RENAMED_TO.finditer(statement)}
            columns += [(match[1], match[2]) for match in _DROPPED_COLUMN.finditer(statement)]
    return sorted(tables | {f"{table}.{column}" for table, column in columns if table not in tables})


def current_revision(engine: Engine, schema: str | None) -> str | None:
    """The revision the database is at; None when it has none of our tables.

    Raises
    ------
    WarehouseError
        The version table names several; says how to mend it.
    """
    with translated("warehouse", engine.url), engine.connect() as connection:
        known = sa.inspect(connection).has_table(VERSION_TABLE, schema)
        table = sa.Table(VERSION_TABLE, sa.MetaData(), sa.Column("version_num", sa.String), schema=schema)
        heads = sorted(connection.execute(sa.select(table.c.version_num)).scalars()) if known else []
    if len(heads) > 1:
        raise _several_heads(heads, schema)
    return heads[0] if heads else None


def _where(schema: str | None) -> str:
    return f"schema {schema!r}" if schema else "the database"


def _several_heads(heads: list[str], schema: str | None) -> WarehouseError:
    table, known = f"{schema}.{VERSION_TABLE}" if schema else VERSION_TABLE, revisions()
    shown = ", ".join(map(repr, heads))
    foreign = [h for h in heads if h not in known]
    oldest, newest = (None, None) if foreign else (min(heads, key=known.index), max(heads, key=known.index))
    return WarehouseError(
        f"The warehouse ({_where(schema)}) names {len(heads)} revisions in {table}: {shown}.",
        remedy=f"{', '.join(map(repr, foreign))} is of another version of routing_etl: go back with that version "
        "(routing-etl migrate), or restore the backup from before it."
        if foreign
        else f"Compare the tables with routing-etl migrate --sql --from {oldest} --to {newest}. If its steps have all run: "
        f"DELETE FROM {table} WHERE version_num <> '{newest}'. If none has: DELETE FROM {table} WHERE version_num <> "
        f"'{oldest}', then routing-etl migrate.",
    )


def check_head(engine: Engine, schema: str | None) -> None:
    """Refuse a database whose tables are not those of this version of the product.

    Raises
    ------
    WarehouseError
        There are no tables yet, they are at an older or a newer revision, or the version table names several.
    """
    current = current_revision(engine, schema)
    if current is not None and current == _newest_by_name():
        return
    head = head_revision()
    if current == head:
        return
    where = _where(schema)
    if current is None:
        raise WarehouseError(
            f"The warehouse has none of our tables in {where}.",
            remedy="Run: routing-etl migrate. Without DDL rights, give a DBA the text of: routing-etl migrate --sql",
        )
    if current not in revisions():
        raise WarehouseError(
            f"The warehouse ({where}) is at revision {current!r}, which this version (head {head!r}) does not know.",
            remedy="Install the newer version of routing_etl that made it, or go back with that version: routing-etl migrate "
            f"--revision {head} (with DDL rights), or its text by routing-etl migrate --sql --from {current} --to {head}.",
        )
    raise WarehouseError(
        f"The warehouse ({where}) is at revision {current!r}, this version needs {head!r}.",
        remedy="Run: routing-etl migrate. Without DDL rights, give a DBA the text of: routing-etl migrate --sql --from "
        f"{current}",
    )
