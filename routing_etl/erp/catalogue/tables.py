"""The database's tables, views and synonyms, and their columns."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mssql
from sqlalchemy.engine.reflection import Inspector

from routing_etl.erp.catalogue.bound import (
    Finding,
    FoundColumn,
    TableName,
    TypeFamily,
    UnreadHeader,
    UnreadMaster,
)
from routing_etl.erp.catalogue.names import nearest_name, split_quoted, visible
from routing_etl.erp.name_words import says_whether_rows_count, without_mark
from routing_etl.erp.profile import Profile
from routing_etl.erp.profile_model import ColumnMap, Join, Pivot, Source

#: Schema and name of PostgreSQL's partitions, of one schema or of all.
PARTITIONS = sa.text(
    "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
    "WHERE c.relispartition AND (CAST(:schema AS text) IS NULL OR n.nspname = :schema)"
)


@dataclass(frozen=True)
class Resolved:
    """A table that a profile asks for: the real one, or None and the nearest name."""

    asked: str
    table: TableName | None
    nearest: str | None


class Tables:
    """The database's tables, views and what else can be selected from, per schema, read once."""

    def __init__(self, inspector: Inspector, dialect: str, profile: Profile) -> None:
        self.inspector, self.dialect, self.profile = inspector, dialect, profile
        self._names: dict[str | None, list[str]] = {}
        self._synonyms: dict[tuple[str, str], str] | None = None

    def names(self, schema: str | None) -> list[str]:
        """What can be selected from in a schema (None: the default one), sorted."""
        if schema not in self._names:
            found = [
                *self.inspector.get_table_names(schema=schema),
                *self.inspector.get_view_names(schema=schema),
            ]
            if self.dialect == "postgresql":
                inspector: Any = self.inspector
                found += inspector.get_materialized_view_names(schema=schema)
                found += inspector.get_foreign_table_names(schema=schema)
            self._names[schema] = sorted(set(found))
        return self._names[schema]

    def partitions(self, schema: str | None) -> frozenset[str]:
        """Tables that are partitions of another one, whose rows are read with it (PostgreSQL)."""
        if self.dialect != "postgresql":
            return frozenset()
        with self.inspector.engine.connect() as connection:
            rows = connection.execute(PARTITIONS, {"schema": schema or self.inspector.default_schema_name})
            return frozenset(name for _, name in rows)

    def is_view(self, table: TableName) -> bool:
        """Whether it is a view, whose rows may be those of other tables."""
        return table.name in self.inspector.get_view_names(schema=table.schema)

    def synonym(self, wanted: TableName) -> TableName | None:
        """The table behind a synonym of SQL Server, None when there is no such synonym."""
        if self.dialect != "mssql" or "." in (wanted.schema or ""):
            return None
        if self._synonyms is None:
            with self.inspector.engine.connect() as connection:
                rows = connection.exec_driver_sql(
                    "SELECT SCHEMA_NAME(schema_id), name, base_object_name FROM sys.synonyms"
                ).all()
            self._synonyms = {(s.lower(), n.lower()): base for s, n, base in rows}
        default = self.inspector.default_schema_name or "dbo"
        base = self._synonyms.get(((wanted.schema or default).lower(), wanted.name.lower()))
        if base is None:
            return None
        parts = split_quoted(base)
        return TableName(parts[-1], ".".join(f"[{p}]" for p in parts[-3:-1]) or None)

    def resolve(self, section: Source | Join | Pivot) -> Resolved:
        """The real table that a section of the profile names."""
        schema, name = self.profile.schema_for(section, self.dialect), section.table
        if section.database_schema is None and "." in name:
            parts = split_quoted(name)
            if self.dialect == "mssql" and len(parts) == 3:  # another database of the server
                schema, name = f"[{parts[0]}].[{parts[1]}]", parts[2]
            else:
                schema, name = name.split(".", 1)
        asked = TableName(name, schema)
        candidates = [asked]
        if self.dialect == "sqlite":
            candidates = [TableName(f"{schema}.{name}", None)] if schema else []
            candidates.append(TableName(name, None))
            schema = None
        for wanted in candidates:
            real = [n for n in self.names(wanted.schema) if n.lower() == wanted.name.lower()]
            real = real or [n for n in self.names(wanted.schema) if visible(n) == visible(wanted.name)]
            if real:
                exact = wanted.name if wanted.name in real else real[0]
                return Resolved(str(asked), TableName(exact, wanted.schema), None)
        behind = self.synonym(asked)
        if behind is not None:
            return Resolved(str(asked), behind, None)
        return Resolved(str(asked), None, nearest_name(name, self.names(schema)))

    def columns(self, table: TableName, alias: str) -> dict[str, FoundColumn]:
        """The columns by lower-case name; a second one that differs in case only by its exact name."""
        columns: dict[str, FoundColumn] = {}
        described = self.inspector.get_columns(table.name, schema=table.schema)
        said = without_mark([c["name"] for c in described])
        for c in described:
            kind = c["type"]
            money = str(getattr(kind, "__visit_name__", "")).lower() == "money"
            spoken = said[c["name"]] if said[c["name"]] != c["name"] else ""
            found = FoundColumn(c["name"], alias, _family(kind), getattr(kind, "length", None), money, spoken)
            key = c["name"].lower()
            columns[c["name"] if key in columns else key] = found
        return columns


def _family(kind: sa.types.TypeEngine[object]) -> TypeFamily:
    name = str(getattr(kind, "__visit_name__", "")).lower()
    if isinstance(kind, sa.Boolean) or name == "bit":
        return "boolean"
    if isinstance(kind, sa.Integer) or name == "tinyint":
        return "integer"
    if isinstance(kind, (sa.Numeric, sa.Float)) or name in ("money", "smallmoney"):
        return "number"
    if isinstance(kind, (sa.Date, sa.DateTime)) or name in ("datetimeoffset", "smalldatetime"):
        return "date"
    if isinstance(kind, sa.String) or name in ("uniqueidentifier", "uuid", "enum", "sysname", "ntext", "xml"):
        return "text"
    if isinstance(
        kind, (sa.LargeBinary, sa.BINARY, sa.VARBINARY, mssql.TIMESTAMP)
    ):  # the last is a row version
        return "binary"
    return "unknown"


#: Names of tables that are a machine master.
_MASTER = re.compile(
    r"work_?.?cent|workstation|machine|maschine|resource|equipment|crhd|arbeitspl|설비|작업장", re.IGNORECASE
)
#: Names that may be those of one in other languages, or of something else: told only where it has machines of the routings.
_PERHAPS_MASTER = re.compile(
    r"poste|moyen|centre_?(de_?)?charge|centro|m[aá]quina|macchin|maszyn|stroj|stanowisk|gniazd|pracovist|werkplek|anlage|betriebsmittel|arbplatz"
    r"|aplatz|recurso|risors|zasob|기계|호기|設備|機械|ワークセンタ|设备|机器|工作中心",
    re.IGNORECASE,
)
#: Names of a day from which a machine is out of use, and of what has replaced it.
_IN_USE = re.compile(
    r"^(is_?)?(in)?active$|^closed|^retired|^scrapped|^valid_?(to|until)"
    r"|^(dt|dat[aeo]?|datum|fecha|tag|dzien|den)_?(fin|fine|fim|ende|end|bis|hasta|baja|konca?|koniec|einde|tot|do|sortie|arret|hors|stillleg)"
    r"|^(fin|ende?|bis|baja|einde|koniec)_?(dt|dat[aeo]?|datum|fecha)$"
    r"|^(nie)?czynn|likwid|^(dt|dat[ay]?)_?(likw|wycof|kasac)|^nast[eę]pc|^n[aá]stupc"
    r"|rempl|replac|ersetzt|ersatz|nachfolg|su[bs]stit|sostit|zast[eę]p|n[aá]hrad|vervang|後継|替代|대체",
    re.IGNORECASE,
)


#: Polish for a state, and short for a place of work: with a word for a number it is the machine's own code.
_NUMBER_OF_STATION = re.compile(r"^(nr|kod|symbol|id)_?stan$|^stan_?(nr|kod|id)$", re.IGNORECASE)


def _says_in_use(name: str) -> bool:
    if _NUMBER_OF_STATION.search(name):
        return False
    return _IN_USE.search(name) is not None or says_whether_rows_count(name)


def machine_masters(tables: Tables) -> list[UnreadMaster]:
    """Tables that may say which machines are out of use, where the profile names no machine master."""
    profile = tables.profile
    if profile.resources is not None or "res_cd" not in profile.operations.columns:
        return []
    schema = None if tables.dialect == "sqlite" else profile.schema_for(profile.operations, tables.dialect)
    found = []
    for name in tables.names(schema):
        sure = _MASTER.search(name) is not None
        if not sure and not _PERHAPS_MASTER.search(name):
            continue
        table = TableName(name, schema)
        columns = tuple(tables.columns(table, "master").values())
        flags = tuple(c for c in columns if _says_in_use(c.spoken))
        if flags:
            found.append(UnreadMaster(table, columns, flags, sure))
    return found


#: Names of tables that may hold the heads or versions of routings.
_HEADER = re.compile(
    r"rout|^route|gamme|ruta|roteiro|arbeitspl|aplan|werkplan|bewerkingsplan|^cicl[oi]|marszrut|technologi|postup|^plko$|^mpdhed$|라우팅|工艺路线|手順|工順",
    re.IGNORECASE,
)
_REVISIONS = re.compile(
    r"[a-z_ ](rev|revs|revision|revisions|version|versions)$|리비전|改訂|版本", re.IGNORECASE
)


def routing_headers(tables: Tables) -> list[UnreadHeader]:
    """Tables that may say which routings count: heads or versions that no section names, with the column that names a routing."""
    profile, operations = tables.profile, tables.profile.operations
    named = operations.columns.get("rout_no")
    if named is None or named.const is not None:
        return []
    own = tables.resolve(operations).table
    mine = tables.columns(own, operations.alias) if own is not None else {}
    keys, items = (
        {c.spoken.lower() if (c := mine.get(n)) is not None else n for n in _last_parts(of)}
        for of in (named, operations.columns["item_cd"])
    )
    schema = None if tables.dialect == "sqlite" else profile.schema_for(operations, tables.dialect)
    sections = profile.sections.values()
    read = {t.lower() for s in sections for t in (s.table, *(j.table for j in s.joins), *s.also, *s.ignore)}
    found = []
    for name in tables.names(schema):
        revisions = _REVISIONS.search(name) is not None
        if not (revisions or _HEADER.search(name)) or {name.lower(), f"{schema}.{name}".lower()} & read:
            continue
        table = TableName(name, schema)
        columns = tables.columns(table, "header")
        key = next((c for c in columns.values() if c.spoken.lower() in keys), None)
        flags = tuple(c for c in columns.values() if says_whether_rows_count(c.spoken))
        # Where every column has its table's mark before it, a routing's number is one of its item: 001, 002.
        of_items = revisions or (key is not None and key.says != "")
        item = next((c for c in columns.values() if c.spoken.lower() in items), None) if of_items else None
        if key is not None and flags and (item is not None or not revisions):
            found.append(UnreadHeader(table, key, flags, item))
    return found


def _last_parts(mapped: ColumnMap) -> set[str]:
    """The columns that a canonical one is read from, without their tables, in lower case."""
    return {split_quoted(n)[-1].lower() for n in mapped.names}


def missing_table(frame: str, section: Source, resolved: Resolved) -> Finding:
    """Say that a table is not there, and the nearest name."""
    asked, nearest = resolved.asked, resolved.nearest
    return Finding(
        "renamed" if nearest and not section.optional else "missing",
        "warning" if section.optional else "error",
        frame,
        asked,
        None,
        f"The database has no table or view {asked} ({frame})"
        + (f"; the nearest is {nearest}." if nearest else "."),
        "It is optional; the frame stays empty."
        if section.optional
        else "Correct the table name in a profile that extends this one, or have SELECT on it granted.",
    )
