"""The frozen statements of a revision, read from the file beside it: `NNNN_what.DIALECT.sql`.

A file has sections, each headed by a comment line (`-- upgrade`, `-- downgrade`). A statement ends with a semicolon at
the end of a line before an empty line. `{schema}.` stands for our schema; it vanishes where there is none.

`REPLACE VIEW name AS ...` is a form of ours: the view is made, or made again with every right that was granted on it
(`routing_etl/warehouse/view_again.py`). Offline it is written out as it is, and `migration_script.py` renders it.

What belongs here: what a revision of `migrations/versions` may call. Released revisions call it, so its names stay.
"""

from __future__ import annotations

import re
from pathlib import Path

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.engine import Dialect

from routing_etl.log import get_logger
from routing_etl.warehouse.compression import compression_refused
from routing_etl.warehouse.view_again import HAS_ALTER_VIEW, made_again, parts

_log = get_logger(__name__)

_HEAD = re.compile(r"^-- (\w+)$", re.M)


def sections(path: Path) -> dict[str, list[str]]:
    """The statements of a file by section, with the placeholder still in them."""
    _, *pieces = _HEAD.split(path.read_text(encoding="utf-8"))
    texts = zip(pieces[::2], pieces[1::2], strict=True)
    return {
        name: [s.strip() for s in re.split(r";\s*\n(?=\n|\Z)", text) if s.strip()] for name, text in texts
    }


def placed(statement: str, schema: str | None, dialect: Dialect) -> str:
    """A statement with our schema in the place of `{schema}`, quoted where the dialect needs it."""
    if schema is None:
        return re.sub(r"\[?\{schema\}\]?\.", "", statement)
    quoted = dialect.identifier_preparer.quote_schema(schema)
    return statement.replace("[{schema}]", f"[{schema}]").replace("{schema}", quoted)


def run(revision_file: str, section: str) -> None:
    """Run one section of the current dialect's file, or write it out where Alembic runs offline.

    Parameters
    ----------
    revision_file : str
        `__file__` of the revision.
    section : str
        `upgrade`, `downgrade` or another heading of the file.

    Raises
    ------
    KeyError
        The file has no such section.
    """
    dialect = op.get_context().dialect
    schema: str | None = context.config.attributes["schema"]
    for frozen in sections(Path(revision_file).with_suffix(f".{dialect.name}.sql"))[section]:
        statement = placed(frozen, schema, dialect)
        for text in [statement] if context.is_offline_mode() else _online(statement, dialect.name):
            # A colon would start a parameter.
            op.execute(sa.text(text.replace(":", r"\:")))


def _online(statement: str, dialect: str) -> list[str]:
    """The statement as this server takes it."""
    form = parts(statement)
    if form is None:
        return [statement]
    name, select = form
    if dialect != "mssql":
        return made_again(name, select, dialect)
    bind = op.get_bind()
    if bind.execute(sa.select(sa.func.object_id(name, "V"))).scalar() is None:
        return [f"CREATE VIEW {name} AS\n{select}"]
    if bind.exec_driver_sql(f"SELECT CASE WHEN {HAS_ALTER_VIEW} THEN 1 ELSE 0 END").scalar():
        return [f"ALTER VIEW {name} AS\n{select}"]
    _log.warning("view_lost_its_grants", view=name, remedy="Run sql/roles_and_grants.sql again.")
    return [f"DROP VIEW {name}", f"CREATE VIEW {name} AS\n{select}"]


def has_page_compression() -> bool:
    """Whether to run the statements of page compression: a SQL Server that has it, or SQL text, whose guard asks."""
    if op.get_context().dialect.name != "mssql":
        return False
    return context.is_offline_mode() or not compression_refused(op.get_bind())
