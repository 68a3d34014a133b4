"""Which codes the database calls equal, by the collations of the columns that they are published in.

SQL Server's usual collations ignore case, width and trailing blanks, some accents too. Two codes that differ in nothing else
break a primary key, and a join finds both. So the database is asked before anything is learned
(docs/decisions/0013-one-identity-for-a-code.md). Nothing is written to our tables.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine, make_url

from routing_etl.database.engine import make_engine, translated
from routing_etl.errors import CodesNotComparedError, ConfigurationError, RoutingEtlError
from routing_etl.settings import Settings
from routing_etl.warehouse.schema import schema_for

#: Where each code is published: the table and the column whose collation decides.
PUBLISHED_IN = {
    "item_cd": ("candidate", "item_cd"),
    "rout_no": ("candidate", "rout_no"),
    "job_cd": ("resource_alternative", "job_cd"),
    "res_cd": ("resource_alternative", "res_cd"),
    "bp_cd": ("candidate_operation", "bp_cd"),
    "cur_cd": ("candidate_operation", "cur_cd"),
    "tax_type": ("candidate_operation", "tax_type"),
    "part_type": ("model_metric", "segment"),
}
#: Rows per INSERT into the temporary table; SQL Server takes 1,000 rows and 2,100 parameters at most.
_CHUNK = 1_000
_LONGEST = 4000
#: A collation's name on SQL Server and SQLite: it stands in the statement as it is.
_NAME = re.compile(r"^\w+$")

_COLLATION = {
    "mssql": "SELECT collation_name FROM sys.columns WHERE object_id = OBJECT_ID(:table) AND name = :column",
    "postgresql": "SELECT quote_ident(n.nspname) || '.' || quote_ident(c.collname) FROM pg_attribute a "
    "JOIN pg_collation c ON c.oid = a.attcollation JOIN pg_namespace n ON n.oid = c.collnamespace "
    "WHERE a.attrelid = to_regclass(:table) AND a.attname = :column AND NOT c.collisdeterministic",
    "sqlite": "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = :table AND :column <> ''",
}
#: The codes with their numbers as a table `t`, by dialect; `{collation}` is the column's.
_CODES = {
    "mssql": "SELECT id, code COLLATE {collation} AS code FROM #routing_etl_code",
    "postgresql": "SELECT u.id - 1 AS id, u.code COLLATE {collation} AS code "
    "FROM unnest(CAST(:codes AS text[])) WITH ORDINALITY AS u(code, id)",
    "sqlite": "SELECT CAST(key AS INTEGER) AS id, value COLLATE {collation} AS code FROM json_each(:codes)",
}
#: Each code that equals an earlier one, with the number of the first of them. A window, not a join: SQLite joins by an
#: automatic index that forgets the collation.
_EQUAL = (
    "WITH t AS ({codes}), f AS (SELECT id, MIN(id) OVER (PARTITION BY code) AS first_id FROM t) "
    "SELECT id, first_id FROM f WHERE id <> first_id"
)


@dataclass(frozen=True)
class CodeIdentity:
    """Asks a database which codes it calls equal. Called with a code column and distinct codes.

    Parameters
    ----------
    engine : sqlalchemy.engine.Engine
        The warehouse.
    schema : str or None
        Schema of our tables. Tables that are not there yet have the database's default collation.
    """

    engine: Engine
    schema: str | None

    def __call__(self, column: str, codes: pl.Series) -> pl.Series | None:
        """Number the codes so that equal ones have the same number.

        Parameters
        ----------
        column : str
            Name of the code column.
        codes : polars.Series
            Distinct codes.

        Returns
        -------
        polars.Series or None
            A number per code; None where the database compares these codes by their characters.

        Raises
        ------
        CodesNotComparedError
            The database can be reached, but refuses the question (a T-SQL server that lacks a part of it, say).
        RoutingEtlError
            The database cannot be reached.
        """
        if column not in PUBLISHED_IN:
            return None
        with translated("warehouse", self.engine.url), self.engine.connect() as connection:
            try:
                with translated("warehouse", self.engine.url):
                    collation = self._collation(connection, column)
                    return None if collation is None else _groups(connection, codes, collation)
            except RoutingEtlError as exc:
                if exc.transient:
                    raise
                raise CodesNotComparedError(
                    f"The warehouse's database does not say which values of {column} it calls equal: {exc.message}",
                    remedy=exc.remedy,
                ) from exc

    def _collation(self, connection: Connection, column: str) -> str | None:
        """The collation of the column in which the code is published; None: by characters."""
        table, name = PUBLISHED_IN[column]
        dialect = connection.dialect.name
        quote = connection.dialect.identifier_preparer
        shown = table
        if dialect != "sqlite":
            shown = (
                f"{quote.quote_schema(self.schema)}.{quote.quote(table)}"
                if self.schema
                else quote.quote(table)
            )
        found = connection.execute(sa.text(_COLLATION[dialect]), {"table": shown, "column": name}).scalar()
        if dialect == "sqlite":
            return _sqlite_collation(str(found or ""), name)
        if dialect == "mssql":
            collation = str(found or "DATABASE_DEFAULT")
            # Cleaned codes have no trailing blanks, all that a binary collation ignores.
            return None if collation.upper().endswith(("_BIN", "_BIN2")) else _plain(collation)
        return None if found is None else str(found)


def _plain(name: str) -> str:
    if not _NAME.match(name):
        raise ConfigurationError(
            f"The collation {name!r} has a name that cannot stand in a statement.",
            remedy="Give the column one of the database's own collations.",
        )
    return name


def _sqlite_collation(ddl: str, column: str) -> str | None:
    """The collation that a CREATE TABLE statement gives a column; None for BINARY, SQLite's default."""
    found = re.search(rf'[(,]\s*"?{column}"?\s[^,]*?\bCOLLATE\s+"?(\w+)"?', ddl, re.IGNORECASE)
    return found[1] if found and found[1].upper() != "BINARY" else None


def _groups(connection: Connection, codes: pl.Series, collation: str) -> pl.Series:
    """Number the codes by the collation."""
    dialect = connection.dialect.name
    # No database of ours keeps a NUL in a text; such item codes are rejected on their own.
    texts = codes.str.replace_all("\x00", "", literal=True).to_list()
    parameters: dict[str, object] = {}
    if dialect == "sqlite":
        parameters["codes"] = json.dumps(texts, ensure_ascii=False)
    elif dialect == "postgresql":
        parameters["codes"] = texts
    else:
        _fill_temporary(connection, texts)
    statement = _EQUAL.format(codes=_CODES[dialect].format(collation=collation))
    pairs = connection.execute(sa.text(statement), parameters).all()
    if dialect == "mssql":
        connection.exec_driver_sql("DROP TABLE #routing_etl_code")
    numbers = pl.int_range(len(texts), eager=True)
    if not pairs:
        return numbers
    again, first = zip(*((int(a), int(b)) for a, b in pairs), strict=True)
    return numbers.scatter(list(again), list(first))


def _fill_temporary(connection: Connection, texts: list[str]) -> None:
    """The codes in a temporary table of the session, on SQL Server."""
    width = min(_LONGEST, max([1, *(len(t.encode("utf-16-le")) // 2 for t in texts)]))
    connection.exec_driver_sql(
        f"CREATE TABLE #routing_etl_code (id int NOT NULL, code nvarchar({width}) COLLATE DATABASE_DEFAULT NOT NULL)"
    )
    # One statement of many rows, not many of one: for those the driver asks the server for the types of the parameters,
    # which no server knows of a temporary table, and that error would end the transaction, and the table with it.
    table = sa.table("#routing_etl_code", sa.column("id", sa.Integer), sa.column("code", sa.Unicode(width)))
    for start in range(0, len(texts), _CHUNK):
        rows = [{"id": start + i, "code": t} for i, t in enumerate(texts[start : start + _CHUNK])]
        connection.execute(sa.insert(table).values(rows))


@contextmanager
def code_identity(settings: Settings) -> Iterator[Callable[[str, pl.Series], pl.Series | None]]:
    """Open what tells which codes the warehouse calls equal.

    A SQLite warehouse that does not exist yet is not made for it: our own tables compare by characters there.

    Parameters
    ----------
    settings : Settings
        With the warehouse's URL and schema.
    """
    url = make_url(settings.warehouse)
    if url.get_backend_name() == "sqlite" and not (url.database and Path(url.database).is_file()):
        yield lambda column, codes: None
        return
    engine = make_engine(settings.warehouse, "warehouse", settings)
    try:
        yield CodeIdentity(engine, schema_for(engine, settings.warehouse_schema))
    finally:
        engine.dispose()
