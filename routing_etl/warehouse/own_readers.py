"""Views and procedures of the site's own that read our tables as releases before 0.9 kept them.

There every row of a publication had its number, so a view (`routing-etl sql render` made some) could join the pointer with
the rows by it. Since then rows keep the number of the publication that wrote them, and such a view would show the items
that have changed last, and no others, without an error. It has to be made again before anything is loaded.

What belongs here: finding them. What does not: making views (`output_profiles.py`).
"""

from __future__ import annotations

import re

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from routing_etl.database.engine import translated
from routing_etl.errors import WarehouseError
from routing_etl.warehouse.schema import Tables
from routing_etl.warehouse.views import VIEW_NAMES

_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)

#: Name and text of every view (on SQL Server of procedures and functions too) that this login may see.
_TEXTS = {
    "sqlite": "SELECT name, sql FROM sqlite_master WHERE type = 'view' AND sql LIKE '%current_publication%'",
    "postgresql": "SELECT schemaname || '.' || viewname, definition FROM pg_views "
    "WHERE definition LIKE '%current_publication%' AND schemaname NOT IN ('pg_catalog', 'information_schema')",
    "mssql": "SELECT OBJECT_SCHEMA_NAME(m.object_id) + N'.' + OBJECT_NAME(m.object_id), m.definition "
    "FROM sys.sql_modules AS m WHERE m.definition LIKE N'%current[_]publication%'",
}


def readers_by_number(engine: Engine, tables: Tables) -> list[str]:
    """Names of views and procedures that join the pointer with rows of predictions, but not with their versions."""
    with translated("warehouse", engine.url), engine.connect() as connection:
        found = connection.execute(sa.text(_TEXTS[engine.dialect.name])).all()
    return sorted(
        str(name)
        for name, text in found
        if str(name).rpartition(".")[2] not in VIEW_NAMES and reads_by_number(text or "", tables)
    )


def reads_by_number(text: str, tables: Tables) -> bool:
    """Whether the text of a view or procedure reads rows of predictions, and not their versions.

    A table counts where it is read, behind FROM, JOIN or a comma: messages, comments and parameters speak of candidates too.
    """
    names = "|".join(table.name for table in tables.published)
    read = rf"(?:\b(?:FROM|JOIN)\b[\s(]*|,\s*)(?:[\w\"\[\]]+\.)?[\"\[]?(?:{names})\b"
    plain = _COMMENT.sub(" ", text)
    return re.search(read, plain, re.IGNORECASE) is not None and "item_version" not in plain


def refuse_readers_by_number(engine: Engine, tables: Tables) -> None:
    """Refuse to load while one of them is there.

    Raises
    ------
    WarehouseError
        Names them. The published batch, and what they show of it, stays as it is.
    """
    found = readers_by_number(engine, tables)
    if found:
        raise WarehouseError(
            f"{', '.join(found[:5])} would show wrong rows from this load on: made for an earlier release, which kept every "
            "row under the number of the publication that shows it.",
            remedy="Make it again (routing-etl sql render; sql/adopt_candidate.sql) or drop it; views of your own have to "
            "join item_version or read our views.",
        )
