"""A profile against the live database: what is there, what is missing, and what looks renamed.

Names are matched without regard to case, as SQL Server does, and resolved to the database's own spelling; only these
resolved names ever reach a statement. No rows are read here.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects import mssql
from sqlalchemy.engine import Engine
from sqlalchemy.engine.reflection import Inspector

from routing_etl.database.engine import translated
from routing_etl.erp.profile import Profile
from routing_etl.erp.profile_model import FRAME_OF, RAW_COLUMNS, UNIT_PREFIX, Family, Join, ReadType, Source
from routing_etl.errors import SourceError

TypeFamily = Literal["text", "boolean", "integer", "number", "date", "binary", "unknown"]
FindingKind = Literal["missing", "extra", "retyped", "renamed", "narrowed"]


@dataclass(frozen=True)
class Finding:
    """One difference between a profile and the database.

    Parameters
    ----------
    kind : {"missing", "extra", "retyped", "renamed", "narrowed"}
        What differs.
    severity : {"error", "warning", "info"}
        An error stops the extract.
    frame : str
        Frame that the table or column is for.
    table : str
        Table as people know it.
    column : str or None
        Column; None when the table itself is meant.
    message : str
        What was found.
    remedy : str
        What to do.
    """

    kind: FindingKind
    severity: Literal["error", "warning", "info"]
    frame: str
    table: str
    column: str | None
    message: str
    remedy: str


class TableName(NamedTuple):
    """A table or view as the database spells it; `schema` None: the default schema."""

    name: str
    schema: str | None

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}" if self.schema else self.name


@dataclass(frozen=True)
class FoundColumn:
    """A column as the database has it; `alias` is that of its table in the profile."""

    name: str
    alias: str
    type: TypeFamily
    length: int | None


@dataclass(frozen=True)
class ReadColumn:
    """A column of a raw frame and where it comes from: a found column, a constant, or nowhere (NULL)."""

    name: str
    type: ReadType
    length: int
    key: bool
    found: FoundColumn | None
    const: str | int | float | None = None


@dataclass(frozen=True)
class ChangeMarks:
    """What an incremental read needs beside the frame's own columns: the change column and those of the key."""

    change: FoundColumn
    key: tuple[FoundColumn, ...]


@dataclass(frozen=True)
class Binding:
    """One frame's source, resolved in the database.

    Parameters
    ----------
    family : str
        Section of the profile.
    section : Source
        Its content.
    tables : dict of str to TableName
        Real table per alias.
    columns : tuple of ReadColumn
        The raw frame's columns, in order.
    names : dict of str to dict of str to FoundColumn
        Every column found, by alias and lower-case name.
    marks : ChangeMarks, optional
        Columns of an incremental read, if the profile asks for one.
    """

    family: Family
    section: Source
    tables: dict[str, TableName]
    columns: tuple[ReadColumn, ...]
    names: dict[str, dict[str, FoundColumn]]
    marks: ChangeMarks | None = None

    @property
    def frame(self) -> str:
        """Name of the raw frame."""
        return FRAME_OF[self.family]

    @property
    def title(self) -> str:
        """The main table as people know it."""
        return str(self.tables[self.section.alias])

    def find(self, name: str) -> FoundColumn | None:
        """A column by `alias.NAME`, or by `NAME` in the main table."""
        return _find_column(self.names, self.section.alias, name)


#: Order in which findings are shown.
_SEVERITIES = ("error", "warning", "info")


@dataclass
class Catalogue:
    """What `bind` found: a binding for each frame that can be read, and all findings."""

    bindings: dict[Family, Binding] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    @property
    def worst_first(self) -> list[Finding]:
        """All findings, errors first, then warnings."""
        return sorted(self.findings, key=lambda f: _SEVERITIES.index(f.severity))

    def raise_errors(self) -> None:
        """Stop on findings of severity error.

        Raises
        ------
        SourceError
            Names each table or column, and the nearest names that exist.
        """
        errors = [f for f in self.findings if f.severity == "error"]
        if errors:
            raise SourceError(
                " ".join(f.message for f in errors[:5])
                + (f" And {len(errors) - 5} more; routing-etl doctor lists all." if len(errors) > 5 else ""),
                remedy=errors[0].remedy,
            )


def bind(engine: Engine, profile: Profile) -> Catalogue:
    """Resolve every table and column that a profile names.

    Parameters
    ----------
    engine : sqlalchemy.Engine
        Engine of the ERP's database.
    profile : Profile
        The source profile.

    Returns
    -------
    Catalogue
        What can be read, and every difference between profile and database.

    Raises
    ------
    SourceError
        The database refuses to be asked.
    TransientDatabaseError
        The database is busy or not reachable.
    """
    catalogue = Catalogue()
    with translated("erp", engine.url):
        tables = _Tables(sa.inspect(engine), engine.dialect.name, profile)
        for family, section in profile.sections.items():
            _bind_frame(tables, family, section, catalogue)
    return catalogue


def _plain(name: str) -> str:
    return re.sub(r"[^0-9a-z가-힣]", "", name.lower())


def _nearest(name: str, names: Iterable[str]) -> str | None:
    """The name that is most probably meant, or None. Underscores and case do not count."""
    known = {_plain(n): n for n in names}
    if _plain(name) in known:
        return known[_plain(name)]
    near = difflib.get_close_matches(_plain(name), known, 1, cutoff=0.75)
    return known[near[0]] if near else None


@dataclass(frozen=True)
class _Resolved:
    """A table that a profile asks for: the real one, or None and the nearest name."""

    asked: str
    table: TableName | None
    nearest: str | None


class _Tables:
    """The database's tables and views per schema, read once."""

    def __init__(self, inspector: Inspector, dialect: str, profile: Profile) -> None:
        self.inspector, self.dialect, self.profile = inspector, dialect, profile
        self._names: dict[str | None, list[str]] = {}

    def names(self, schema: str | None) -> list[str]:
        if schema not in self._names:
            found = [
                *self.inspector.get_table_names(schema=schema),
                *self.inspector.get_view_names(schema=schema),
            ]
            self._names[schema] = sorted(set(found))
        return self._names[schema]

    def resolve(self, section: Source | Join) -> _Resolved:
        schema, name = self.profile.schema_for(section, self.dialect), section.table
        if section.database_schema is None and "." in name:
            schema, name = name.split(".", 1)
        asked = TableName(name, schema)
        candidates = [asked]
        if self.dialect == "sqlite":
            candidates = [TableName(f"{schema}.{name}", None)] if schema else []
            candidates.append(TableName(name, None))
            schema = None
        for wanted in candidates:
            real = [n for n in self.names(wanted.schema) if n.lower() == wanted.name.lower()]
            if real:
                exact = wanted.name if wanted.name in real else real[0]
                return _Resolved(str(asked), TableName(exact, wanted.schema), None)
        return _Resolved(str(asked), None, _nearest(name, self.names(schema)))

    def columns(self, table: TableName, alias: str) -> dict[str, FoundColumn]:
        found = self.inspector.get_columns(table.name, schema=table.schema)
        return {
            c["name"].lower(): FoundColumn(
                c["name"], alias, _family(c["type"]), getattr(c["type"], "length", None)
            )
            for c in found
        }


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


def _find_column(names: dict[str, dict[str, FoundColumn]], main: str, name: str) -> FoundColumn | None:
    alias, _, column = name.rpartition(".")
    if alias and alias in names:
        return names[alias].get(column.lower())
    return names.get(main, {}).get(name.lower())


def _bind_frame(tables: _Tables, family: Family, section: Source, catalogue: Catalogue) -> None:
    found: dict[str, TableName] = {}
    names: dict[str, dict[str, FoundColumn]] = {}
    parts: list[Source | Join] = [section, *section.joins]
    for part in parts:
        resolved = tables.resolve(part)
        if resolved.table is None:
            catalogue.findings.append(_missing_table(FRAME_OF[family], section, resolved))
            continue
        found[part.alias] = resolved.table
        names[part.alias] = tables.columns(resolved.table, part.alias)
    if len(found) != len(parts):
        return
    look = _Look(tables, family, section, names, found, set(), catalogue.findings)
    columns = _mapped_columns(tables.profile, look)
    if family == "items":
        columns += _attribute_columns(tables.profile, look)
    for where in section.where:
        look.up("where", (where.column,))
    if section.latest:
        look.up("latest", (section.latest.group,))
        look.up("latest", (section.latest.key,))
    for join in section.joins:
        for known, own in join.on:
            look.up("join", (known,))
            look.up("join", (f"{join.alias}.{own}",))
    marks = _marks(look, section)
    look.report_extra_columns()
    catalogue.bindings[family] = Binding(family, section, found, tuple(columns), names, marks)


def _mapped_columns(profile: Profile, look: _Look) -> list[ReadColumn]:
    columns: list[ReadColumn] = []
    for name, spec in profile.column_maps(look.family).items():
        raw = RAW_COLUMNS[look.family][name]
        need = _Need(
            raw.type,
            length=spec.length or (raw.length if raw.key else 0),
            optional=spec.optional and not raw.required,
            text_only=raw.key and not spec.integer_code,
        )
        found = look.up(name, spec.column, need)
        columns.append(ReadColumn(name, raw.type, spec.length or raw.length, raw.key, found, spec.const))
    return columns


#: Types of a change column by kind: their values grow, and compare in the database as they do here.
_CHANGE_TYPES: dict[str, tuple[TypeFamily, ...]] = {
    "rowversion": ("binary",),
    "date": ("date",),
    "number": ("integer", "number"),
}


def _marks(look: _Look, section: Source) -> ChangeMarks | None:
    """The change column and the key of an incremental read; a finding for each that is missing or unsuitable."""
    wanted = section.incremental
    if wanted is None:
        return None
    change = look.up("incremental", (wanted.column,))
    key = [look.up("incremental", (name,)) for name in wanted.key]
    if change is None or None in key:
        return None
    allowed = _CHANGE_TYPES[wanted.kind]
    sqlite = look.tables.dialect == "sqlite"
    if change.type not in allowed and not (sqlite and change.type == "unknown"):
        look.unfit(change, f"changes of kind {wanted.kind} need a column of type {' or '.join(allowed)}")
    for part in key:
        if part is not None and part.type == "binary":
            look.unfit(part, "bytes cannot be a key of rows to merge")
    return ChangeMarks(change, tuple(part for part in key if part is not None))


def _attribute_columns(profile: Profile, look: _Look) -> list[ReadColumn]:
    columns: list[ReadColumn] = []
    units: dict[str, ReadColumn] = {}
    for name, attribute in profile.items.attributes.items():
        kind: ReadType = "number" if attribute.kind == "number" else "text"
        text_only = attribute.kind in ("code", "text") and not attribute.integer_code
        found = look.up(name, attribute.column, _Need(kind, attribute.length, attribute.optional, text_only))
        columns.append(ReadColumn(name, kind, attribute.length, False, found))
        if attribute.unit_column and attribute.unit_column not in units:
            raw_name = unit_column_name(attribute.unit_column)
            unit = look.up(raw_name, (attribute.unit_column,), _Need("text", optional=attribute.optional))
            units[attribute.unit_column] = ReadColumn(raw_name, "text", 20, False, unit)
    return columns + list(units.values())


def unit_column_name(source: str) -> str:
    """Name the raw column that holds the units of a source column."""
    return UNIT_PREFIX + re.sub(r"\W", "_", source).lower()


@dataclass(frozen=True)
class _Need:
    """What a column must be to be read.

    `kind`: None: any type. `length`: characters that it should hold, 0: any. `optional`: it may be absent. `text_only`: a
    number would lose leading zeros.
    """

    kind: ReadType | None = None
    length: int = 0
    optional: bool = False
    text_only: bool = False


@dataclass
class _Look:
    """Finds one frame's columns and reports what is wrong with them."""

    tables: _Tables
    family: Family
    section: Source
    names: dict[str, dict[str, FoundColumn]]
    found_tables: dict[str, TableName]
    used: set[tuple[str, str]]
    findings: list[Finding]

    def up(self, name: str, wanted: tuple[str, ...], need: _Need = _Need()) -> FoundColumn | None:
        """The first of the wanted columns that exists; a finding when none does or its type differs."""
        if not wanted:
            return None
        for candidate in wanted:
            found = _find_column(self.names, self.section.alias, candidate)
            if found is not None:
                self.used.add((found.alias, found.name.lower()))
                self._check_type(found, need)
                return found
        self._missing(name, wanted, need.optional)
        return None

    def _table_of(self, column: str) -> tuple[str, str]:
        """Alias and title of the table that a column is looked for in."""
        alias, _, _ = column.rpartition(".")
        alias = alias if alias in self.names else self.section.alias
        return alias, str(self.found_tables[alias])

    def _missing(self, name: str, wanted: tuple[str, ...], optional: bool) -> None:
        alias, table = self._table_of(wanted[0])
        here = {c.name for key, c in self.names[alias].items() if (alias, key) not in self.used}
        nearest = next((n for n in (_nearest(w.rpartition(".")[2], here) for w in wanted) if n), None)
        mapped = {c.lower() for m in self.tables.profile.column_maps(self.family).values() for c in m.column}
        if nearest and nearest.lower() in mapped:
            nearest = None
        column = " or ".join(wanted)
        self.findings.append(
            Finding(
                "renamed" if nearest and not optional else "missing",
                "info" if optional else "error",
                FRAME_OF[self.family],
                table,
                column,
                f"{table} has no column {column} ({FRAME_OF[self.family]}.{name})"
                + (f"; the nearest is {nearest}." if nearest else "."),
                "It is optional and stays NULL."
                if optional
                else (f"If {nearest} is meant, map it" if nearest else "Map the right column")
                + " in a profile that extends this one, or have the view corrected.",
            )
        )

    def unfit(self, found: FoundColumn, why: str) -> None:
        """Report an error: the profile reads incrementally by an unsuitable column."""
        _, table = self._table_of(f"{found.alias}.{found.name}")
        self.findings.append(
            Finding(
                "retyped",
                "error",
                FRAME_OF[self.family],
                table,
                found.name,
                f"{table}.{found.name} is {found.type}: {why}.",
                f"Name another column in [{self.family}.incremental], or remove it: then every row is read every night.",
            )
        )

    def _check_type(self, found: FoundColumn, need: _Need) -> None:
        if need.kind is None:
            return
        kind, length = need.kind, need.length
        verdict = _type_verdict(found.type, kind, need.text_only, self.tables.dialect)
        _, table = self._table_of(f"{found.alias}.{found.name}")
        strict = self.tables.profile.strict_types
        if verdict is not None:
            severity, why = verdict
            self.findings.append(
                Finding(
                    "retyped",
                    "error" if strict else severity,
                    FRAME_OF[self.family],
                    table,
                    found.name,
                    f"{table}.{found.name} is {found.type}, expected {kind}: {why}.",
                    "Have the view give the expected type, or map another column.",
                )
            )
        elif (
            kind == "text" and found.type == "text" and found.length is not None and 0 < found.length < length
        ):
            self.findings.append(
                Finding(
                    "narrowed",
                    "error" if strict else "warning",
                    FRAME_OF[self.family],
                    table,
                    found.name,
                    f"{table}.{found.name} holds {found.length} characters, expected {length}: values may be cut.",
                    "Ask whether the view was narrowed; if that is right, set the column's length in the profile.",
                )
            )

    def report_extra_columns(self) -> None:
        """Report the columns of the main table that the profile neither maps nor ignores."""
        ignored = {n.lower() for n in self.section.ignore}
        alias = self.section.alias
        table = str(self.found_tables[alias])
        self.findings.extend(
            Finding(
                "extra",
                "info",
                FRAME_OF[self.family],
                table,
                column.name,
                f"{table}.{column.name} is not in the profile.",
                "Map it if it matters, or add it to the table's ignore list.",
            )
            for key, column in self.names[alias].items()
            if (alias, key) not in self.used and key not in ignored
        )


def _type_verdict(
    found: TypeFamily, kind: ReadType, text_only: bool, dialect: str
) -> tuple[Literal["error", "warning"], str] | None:
    """None when a column of family `found` can be read as `kind`; else how bad it is, and why."""
    if found == "unknown":
        return None
    if found == "binary":
        return "error", "bytes are not readable as that"
    if kind == "text":
        if found in ("integer", "number") and text_only:
            return "warning", "leading zeros of codes are lost"
        return None
    if kind in ("integer", "number"):
        if found in ("integer", "number", "boolean"):
            return None
        if found == "text":
            return "warning", "values are parsed; those that are no number become NULL and are counted"
        return "error", "a date is no number"
    if found in ("integer", "number", "boolean"):
        return "error", "a number is no date"
    if found == "text" and dialect != "sqlite":
        return "warning", "values are parsed; those that are no date become NULL and are counted"
    return None


def _missing_table(frame: str, section: Source, resolved: _Resolved) -> Finding:
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
