"""Reading the scripts of `routing-etl migrate --sql`: as a driver takes them, and the statements inside their guards."""

from __future__ import annotations

import re

from routing_etl.warehouse.view_again import REPLACE

_COMMENT = re.compile(r"^ *--.*\n?", re.M)
_POSTGRESQL = re.compile(r"EXECUTE \$statement\$\n(.*?)\n\$statement\$;", re.S)
_MSSQL = re.compile(r"IF @@TRANCOUNT > 0 AND [^\n]*\nEXEC\(N'(.*)'\);\nIF @@ERROR", re.S)
_SQLITE = re.compile(r"\.bail on|BEGIN IMMEDIATE;|COMMIT;|.*routing_etl_guard.*")

#: What `view_again.py` writes for a view, by the text around the select.
_AGAIN = (
    re.compile(
        r"DO \$again_*\$.*\$select_*\$\n(?P<select>.*)\n\$select_*\$.*CREATE OR REPLACE VIEW (?P<name>\S+) AS.*",
        re.S,
    ),
    re.compile(
        r"DECLARE @verb .*\nEXEC\(@verb \+ N' VIEW (?P<name>\S+) AS\n(?P<select>.*)'\)(;\nIF @@ERROR.*)?",
        re.S,
    ),
)


def for_driver(text: str) -> str:
    """The text of a script for PostgreSQL or SQLite without the lines for their command lines."""
    return re.sub(r"^(\\|\.).*\n", "", text, flags=re.M)


def batches(text: str) -> list[str]:
    """The batches of a script for SQL Server, without comments."""
    return [b.strip() for b in re.split(r"^GO\s*$", _COMMENT.sub("", text), flags=re.M) if b.strip()]


def inner(text: str, dialect: str) -> list[str]:
    """The statements that a script runs under its guards, in their order, without semicolon; views as `REPLACE VIEW`."""
    if dialect == "sqlite":
        parts = re.split(r";\s*\n(?=\s*\n|\Z)", _COMMENT.sub("", for_driver(text)) + "\n")
        found = [p.strip() for p in parts if p.strip() and not _SQLITE.fullmatch(p.strip() + ";")]
    elif dialect == "postgresql":
        found = _POSTGRESQL.findall(text)
    else:
        found = []
        for batch in batches(text):
            plain = _MSSQL.match(batch)
            found.append(plain[1].replace("''", "'") if plain else batch)
        found = [
            f
            for f in found
            if not f.startswith(("SET ", "BEGIN ", "IF @@", "IF SCHEMA_ID", "IF OBJECT_ID", "DECLARE @rows"))
        ]
    return [s for s in map(made_once, found) if "schema_version" not in s]


def made_once(statement: str) -> str:
    """The `REPLACE VIEW` that a statement makes again stands for; another statement as it is."""
    found = next((f for form in _AGAIN if (f := form.fullmatch(statement))), None)
    if found is None:
        return statement
    select = found["select"].replace("''", "'") if statement.startswith("DECLARE") else found["select"]
    return f"{REPLACE}{found['name']} AS\n{select}"
