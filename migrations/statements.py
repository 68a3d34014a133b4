"""The frozen statements of a revision, read from the file beside it: `NNNN_what.DIALECT.sql`.

A file has sections, each headed by a comment line (`-- upgrade`, `-- downgrade`). A statement ends with a semicolon at
the end of a line before an empty line. `{schema}.` stands for our schema; it vanishes where there is none.

`REPLACE VIEW name AS ...` is a form of ours: the view is made, or made again with every right that was granted on it
(`view_again.py`).
"""

from __future__ import annotations

import re
from pathlib import Path

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.engine import Dialect

from migrations.view_again import REPLACE, replaced
from routing_etl.warehouse.compression import compression_refused

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
        for text in replaced(statement) if statement.startswith(REPLACE) else [statement]:
            # A colon would start a parameter.
            op.execute(sa.text(text.replace(":", r"\:")))


def has_page_compression() -> bool:
    """Whether to run the statements of page compression: a SQL Server that has it, or SQL text, whose guard asks."""
    if op.get_context().dialect.name != "mssql":
        return False
    return context.is_offline_mode() or not compression_refused(op.get_bind())
