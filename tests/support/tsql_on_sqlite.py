"""Our T-SQL for people, run on a SQLite warehouse: the same statement, transpiled, on rows that are known."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlglot
from sqlglot import exp

#: What Grafana puts in the place of its macro: everything is in the range.
_MACRO = re.compile(r"\$__timeFilter\([^)]*\)")


def queries(text: str) -> list[str]:
    """The SELECT statements of a file that stand alone, each as it is written."""
    plain = re.sub(r"--.*$", "", text, flags=re.M)
    return [part.strip() for part in plain.split(";") if part.strip().upper().startswith("SELECT")]


def on_sqlite(query: str) -> str:
    """The statement in SQLite's dialect, without the schema."""
    tree = sqlglot.parse_one(_MACRO.sub("1 = 1", query), read="tsql", error_level=sqlglot.ErrorLevel.RAISE)
    for table in tree.find_all(exp.Table):
        table.set("db", None)
    return tree.transform(_ours).sql(dialect="sqlite")


def _ours(node: exp.Expression) -> exp.Expression:
    """What SQLite writes otherwise and the parser does not translate."""
    if isinstance(node, exp.National):
        return exp.Literal.string(node.this)
    if isinstance(node, exp.DateDiff):
        factor = {"SECOND": 86400, "MINUTE": 1440, "DAY": 1}[str(node.args["unit"]).upper()]
        days = [f"julianday({side.sql(dialect='sqlite')})" for side in (node.this, node.expression)]
        return exp.maybe_parse(f"(({days[0]} - {days[1]}) * {factor})", dialect="sqlite")
    if isinstance(node, exp.Cast) and "DATETIME" in node.to.sql(dialect="tsql").upper():
        return node.this
    return node


def ask(database: Path, query: str, now: datetime) -> list[dict[str, Any]]:
    """The rows of a statement in T-SQL, asked at a moment."""
    with closing(sqlite3.connect(database)) as connection:
        connection.create_function("SYSUTCDATETIME", 0, lambda: f"{now:%Y-%m-%d %H:%M:%S}")
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(on_sqlite(query))]
