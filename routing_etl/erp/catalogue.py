"""A profile against the live database: what is there, what is missing, and what looks renamed.

Names are matched without regard to case, as SQL Server does, and resolved to the database's own spelling; only these
resolved names ever reach a statement. What belongs here: looking at tables, columns and types. What does not: reading
rows (`reader.py`).
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

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
    """One difference between a profile and the database; an error stops the extract."""

    kind: FindingKind
    severity: Literal["error", "warning", "info"]
    frame: str
    table: str
    column: str | None
    message: str
    remedy: str


@dataclass(frozen=True)
class FoundColumn:
    """A column as the database has it."""

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
class Marks:
    """What an incremental read needs beside the frame's own columns: the change column and the key's, as found."""

    change: FoundColumn
    key: tuple[FoundColumn, ...]


@dataclass(frozen=True)
class Binding:
    """One frame's source, resolved: real table names per alias, every raw column in order, the marks if it has any."""

    family: Family
    section: Source
    tables: dict[str, tuple[str, str | None]]
    columns: tuple[ReadColumn, ...]
    names: dict[str, dict[str, FoundColumn]]
    marks: Marks | None = None

    @property
    def frame(self) -> str:
        """Name of the raw frame."""
        return FRAME_OF[self.family]

    @property
    def title(self) -> str:
        """The main table as people know it."""
        return _title(*self.tables[self.section.alias])

    def find(self, name: str) -> FoundColumn | None:
        """A column by `alias.NAME`, or by `NAME` in the main table."""
        return _find_column(self.names, self.section.alias, name)


@dataclass
class Catalogue:
    """What `bind` found: a binding per frame that can be read, and all findings."""

    bindings: dict[Family, Binding] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def raise_errors(self) -> None:
        """Stop on findings of severity error.

        Raises
        ------
        SourceError: names each table or column, and the nearest names that exist.
        """
        errors = [f for f in self.findings if f.severity == "error"]
        if errors:
            raise SourceError(
                " ".join(f.message for f in errors[:5])
                + (f" And {len(errors) - 5} more; routing-etl doctor lists all." if len(errors) > 5 else ""),
                remedy=errors[0].remedy,
            )


def check_profile(engine: Engine, profile: Profile) -> list[Finding]:
    """All differences between a profile and the database behind `engine`, errors first.

    Raises
    ------
    SourceError, TransientDatabaseError: the database cannot be asked.
    """
    order = {"error": 0, "warning": 1, "info": 2}
    return sorted(bind(engine, profile).findings, key=lambda f: order[f.severity])


def bind(engine: Engine, profile: Profile) -> Catalogue:
    """Resolve every table and column that a profile names.

    Raises
    ------
    SourceError, TransientDatabaseError: the database cannot be asked.
    """
    catalogue = Catalogue()
    with translated("erp", engine.url):
        tables = _Tables(sa.inspect(engine), engine.dialect.name, profile)
        for family, section in profile.sections.items():
            _bind_frame(tables, family, section, catalogue)
    return catalogue


def _title(name: str, schema: str | None) -> str:
    return f"{schema}.{name}" if schema else name


def _plain(name: str) -> str:
    return re.sub(r"[^0-9a-z가-힣]", "", name.lower())


def _nearest(name: str, names: Iterable[str]) -> str | None:
    """The name that is meant most probably, or None. Underscores and case do not count."""
    known = {_plain(n): n for n in names}
    if _plain(name) in known:
        return known[_plain(name)]
    near = difflib.get_close_matches(_plain(name), known, 1, cutoff=0.75)
    return known[near[0]] if near else None


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

    def resolve(self, section: Source | Join) -> tuple[tuple[str, str | None] | None, str, str | None]:
        """(real name and schema or None, the name asked for, the nearest name)."""
        schema, name = self.profile.schema_for(section, self.dialect), section.table
        if section.database_schema is None and "." in name:
            schema, name = name.split(".", 1)
        asked = _title(name, schema)
        candidates = [(name, schema)]
        if self.dialect == "sqlite":
            candidates = [(f"{schema}.{name}", None), (name, None)] if schema else [(name, None)]
            schema = None
        for wanted, where in candidates:
            real = [n for n in self.names(where) if n.lower() == wanted.lower()]
            exact = next((n for n in real if n == wanted), None)
            if real:
                return (exact or real[0], where), asked, None
        return None, asked, _nearest(name, self.names(schema))

    def columns(self, table: tuple[str, str | None], alias: str) -> dict[str, FoundColumn]:
        name, schema = table
        found = self.inspector.get_columns(name, schema=schema)
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
    frame = FRAME_OF[family]
    found_tables: dict[str, tuple[str, str | None]] = {}
    names: dict[str, dict[str, FoundColumn]] = {}
    parts: list[Source | Join] = [section, *section.joins]
    for part in parts:
        table, asked, nearest = tables.resolve(part)
        if table is None:
            catalogue.findings.append(_missing_table(frame, section, asked, nearest))
            continue
        found_tables[part.alias] = table
        names[part.alias] = tables.columns(table, part.alias)
    if len(found_tables) != 1 + len(section.joins):
        return
    used: set[tuple[str, str]] = set()
    columns: list[ReadColumn] = []
    look = _Look(tables, family, section, names, found_tables, used, catalogue.findings)
    for name, spec in tables.profile.column_maps(family).items():
        raw = RAW_COLUMNS[family][name]
        optional = spec.optional and not raw.required
        found = look.up(
            name,
            spec.column,
            raw.type,
            length=spec.length or (raw.length if raw.key else 0),
            optional=optional,
            text_only=raw.key and not spec.integer_code,
        )
        columns.append(ReadColumn(name, raw.type, spec.length or raw.length, raw.key, found, spec.const))
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
    _extra_columns(frame, section, names, found_tables, used, catalogue.findings)
    catalogue.bindings[family] = Binding(family, section, found_tables, tuple(columns), names, marks)


#: Types by which changes can be found: the values grow, and compare in the database as they do here.
_CHANGE_TYPES: dict[str, tuple[TypeFamily, ...]] = {
    "rowversion": ("binary",),
    "date": ("date",),
    "number": ("integer", "number"),
}


def _marks(look: _Look, section: Source) -> Marks | None:
    """The change column and the key of an incremental read; findings when one is missing or cannot serve."""
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
    return Marks(change, tuple(part for part in key if part is not None))


def _attribute_columns(profile: Profile, look: _Look) -> list[ReadColumn]:
    columns: list[ReadColumn] = []
    units: dict[str, ReadColumn] = {}
    for name, attribute in profile.items.attributes.items():
        kind: ReadType = "number" if attribute.kind == "number" else "text"
        found = look.up(
            name,
            attribute.column,
            kind,
            length=attribute.length,
            optional=attribute.optional,
            text_only=attribute.kind in ("code", "text") and not attribute.integer_code,
        )
        columns.append(ReadColumn(name, kind, attribute.length, False, found))
        if attribute.unit_column and attribute.unit_column not in units:
            raw_name = unit_column_name(attribute.unit_column)
            unit = look.up(raw_name, (attribute.unit_column,), "text", optional=attribute.optional)
            units[attribute.unit_column] = ReadColumn(raw_name, "text", 20, False, unit)
    return columns + list(units.values())


def unit_column_name(source: str) -> str:
    """Name of the raw column that holds the units which a source column gives."""
    return UNIT_PREFIX + re.sub(r"\W", "_", source).lower()


@dataclass
class _Look:
    """Finds one frame's columns and writes down what is wrong with them."""

    tables: _Tables
    family: Family
    section: Source
    names: dict[str, dict[str, FoundColumn]]
    found_tables: dict[str, tuple[str, str | None]]
    used: set[tuple[str, str]]
    findings: list[Finding]

    def up(
        self,
        name: str,
        wanted: tuple[str, ...],
        kind: ReadType | None = None,
        *,
        length: int = 0,
        optional: bool = False,
        text_only: bool = False,
    ) -> FoundColumn | None:
        """The first of the wanted columns that exists; findings when none does or its type differs.

        `length`: characters the column should hold, 0 for any. `text_only`: a number would lose leading zeros.
        """
        if not wanted:
            return None
        for candidate in wanted:
            found = _find_column(self.names, self.section.alias, candidate)
            if found is not None:
                self.used.add((found.alias, found.name.lower()))
                if kind is not None:
                    self._check_type(found, kind, length, text_only)
                return found
        self._missing(name, wanted, optional)
        return None

    def _table_of(self, column: str) -> tuple[str, str]:
        alias, _, _ = column.rpartition(".")
        alias = alias if alias in self.names else self.section.alias
        return alias, _title(*self.found_tables[alias])

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
        """An error: the profile reads incrementally by a column that cannot serve."""
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

    def _check_type(self, found: FoundColumn, kind: ReadType, length: int, text_only: bool) -> None:
        verdict = _type_verdict(found.type, kind, text_only, self.tables.dialect)
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


def _missing_table(frame: str, section: Source, asked: str, nearest: str | None) -> Finding:
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


def _extra_columns(
    frame: str,
    section: Source,
    names: dict[str, dict[str, FoundColumn]],
    tables: dict[str, tuple[str, str | None]],
    used: set[tuple[str, str]],
    findings: list[Finding],
) -> None:
    """Columns of the main table that the profile neither maps nor ignores."""
    ignored = {n.lower() for n in section.ignore}
    table = _title(*tables[section.alias])
    findings.extend(
        Finding(
            "extra",
            "info",
            frame,
            table,
            column.name,
            f"{table}.{column.name} is not in the profile.",
            "Map it if it matters, or add it to the table's ignore list.",
        )
        for key, column in names[section.alias].items()
        if (section.alias, key) not in used and key not in ignored
    )
