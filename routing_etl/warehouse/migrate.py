"""Bring our schema to a revision, back from one, or write the steps as SQL text for a DBA.

What belongs here: running Alembic. What does not: the steps themselves (`migrations/versions`). No nightly step runs
DDL: a database that is not at head is refused with the command that migrates it.
"""

from __future__ import annotations

import io
import re
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy.engine import Connection, Engine

from routing_etl.database.engine import translated
from routing_etl.errors import ConfigurationError, WarehouseError
from routing_etl.log import get_logger

VERSION_TABLE = "schema_version"
DIALECTS = ("sqlite", "mssql", "postgresql")

_TABLE = r'(?:[\["]?\w+[\]"]?\.)?[\["]?(\w+)[\]"]?'
_DROPPED_TABLE = re.compile(rf"^DROP TABLE {_TABLE}", re.MULTILINE)
_DROPPED_COLUMN = re.compile(rf'^ALTER TABLE {_TABLE} DROP COLUMN [\["]?(\w+)', re.MULTILINE)

_log = get_logger(__name__)


def script_location() -> Path:
    """The folder of the migrations, wherever the package is installed."""
    import migrations

    return Path(str(migrations.__file__)).parent


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(script_location()).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def head_revision() -> str:
    """The newest revision that this version of the product knows."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    if head is None:
        raise WarehouseError(
            f"No migrations in {script_location()}.", remedy="Install the package again; it is incomplete."
        )
    return head


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


def create_schema_sql(dialect: str, schema: str) -> str:
    """The statement that makes our schema when it is not there (a batch of its own on SQL Server)."""
    if dialect == "mssql":
        return f"IF SCHEMA_ID(N'{schema}') IS NULL EXEC(N'CREATE SCHEMA [{schema}]');\n\nGO"
    return f'CREATE SCHEMA IF NOT EXISTS "{schema}";'


def script_header(dialect: str) -> list[str]:
    """What a script needs that no migration says: how it stops at the first error."""
    if dialect != "mssql":
        return []
    return [
        "-- Run with a tool that stops at the first error (sqlcmd -b). Either all of it takes place or nothing.",
        "SET XACT_ABORT ON;\nSET NOCOUNT ON;\nSET ANSI_NULLS ON;\nSET QUOTED_IDENTIFIER ON;\n\nGO",
    ]


def _ensure_schema(connection: Connection, schema: str) -> None:
    if schema not in sa.inspect(connection).get_schema_names():
        connection.execute(sa.schema.CreateSchema(schema))


def _run(engine: Engine, schema: str | None, revision: str, down: bool) -> None:
    check_schema(schema)
    config = _config()
    with translated("warehouse", engine.url), engine.begin() as connection:
        if engine.dialect.name == "sqlite":
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
    _log.info("migrated", revision=revision, down=down, schema=schema)


def revisions() -> list[str]:
    """All revisions, oldest first."""
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


def migrate_sql(
    dialect: str, schema: str | None = "routing", revision: str = "head", start: str = "base"
) -> str:
    """The steps from `start` to `revision` as SQL text for review, without a database.

    Parameters
    ----------
    dialect : str
        One of `DIALECTS`.
    schema : str or None
        Our schema (ignored on SQLite).
    revision : str
        Where the steps end. `base` gives the steps that remove everything of ours.
    start : str
        Where the steps begin.

    Raises
    ------
    ConfigurationError
        The dialect is not one of `DIALECTS`.
    """
    if dialect not in DIALECTS:
        raise ConfigurationError(
            f"No migrations for {dialect!r}.", remedy=f"Use one of {', '.join(DIALECTS)}."
        )
    schema = None if dialect == "sqlite" else schema
    check_schema(schema)
    if revision == "base":
        text = _down_sql(dialect, schema, head_revision() if start == "base" else start, revision)
    else:
        config, buffer = _sql_config(dialect, schema, from_base=start == "base")
        command.upgrade(config, revision if start == "base" else f"{start}:{revision}", sql=True)
        text = buffer.getvalue()
    return "\n".join(line.rstrip() for line in text.splitlines()).strip()


def _sql_config(dialect: str, schema: str | None, *, from_base: bool) -> tuple[Config, io.StringIO]:
    """A configuration that writes statements into a buffer instead of running them."""
    config, buffer = _config(), io.StringIO()
    config.attributes.update(dialect=dialect, schema=schema, buffer=buffer, from_base=from_base)
    return config, buffer


def _down_sql(dialect: str, schema: str | None, start: str, revision: str) -> str:
    config, buffer = _sql_config(dialect, schema, from_base=False)
    command.downgrade(config, f"{start}:{revision}", sql=True)
    return buffer.getvalue()


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
    text = _down_sql(dialect, schema, start, revision)
    tables = [match[1] for match in _DROPPED_TABLE.finditer(text) if match[1] != VERSION_TABLE]
    columns = [f"{match[1]}.{match[2]}" for match in _DROPPED_COLUMN.finditer(text) if match[1] not in tables]
    return sorted({*tables, *columns})


def current_revision(engine: Engine, schema: str | None) -> str | None:
    """The revision the database is at; None when it has none of our tables."""
    with translated("warehouse", engine.url), engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"version_table": VERSION_TABLE, "version_table_schema": schema}
        )
        return context.get_current_revision()


def check_head(engine: Engine, schema: str | None) -> None:
    """Refuse a database whose tables are not those of this version of the product.

    Raises
    ------
    WarehouseError
        There are no tables yet, or they are at an older or a newer revision.
    """
    current, head = current_revision(engine, schema), head_revision()
    if current == head:
        return
    where = f"schema {schema!r}" if schema else "the database"
    if current is None:
        raise WarehouseError(
            f"The warehouse has none of our tables in {where}.", remedy="Run: routing-etl migrate"
        )
    if current not in revisions():
        raise WarehouseError(
            f"The warehouse ({where}) is at revision {current!r}, which this version (head {head!r}) does not know.",
            remedy="Install the newer version of routing_etl that made it.",
        )
    raise WarehouseError(
        f"The warehouse ({where}) is at revision {current!r}, this version needs {head!r}.",
        remedy="Run: routing-etl migrate",
    )
