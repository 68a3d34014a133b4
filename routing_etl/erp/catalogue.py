"""A profile against the live database: what is there, what is missing, and what looks renamed.

Names are matched without regard to case, as SQL Server does, and resolved to the database's own spelling; only these
resolved names ever reach a statement. No rows are read here.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Literal, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects import mssql
from sqlalchemy.engine import Engine
from sqlalchemy.engine.reflection import Inspector

from routing_etl.database.engine import translated
from routing_etl.erp.profile import Profile
from routing_etl.erp.profile_model import (
    FRAME_OF,
    NO_DATES,
    PER_PIECE,
    RAW_COLUMNS,
    UNIT_PREFIX,
    AttributeMap,
    ColumnMap,
    Combination,
    Family,
    Join,
    Pivot,
    RawColumn,
    ReadType,
    Source,
    TimeForm,
    Where,
)
from routing_etl.errors import SourceError

TypeFamily = Literal["text", "boolean", "integer", "number", "date", "binary", "unknown"]
FindingKind = Literal["missing", "extra", "retyped", "renamed", "narrowed", "doubtful"]


@dataclass(frozen=True)
class Finding:
    """One difference between a profile and the database.

    Parameters
    ----------
    kind : {"missing", "extra", "retyped", "renamed", "narrowed", "doubtful"}
        What differs; or what the profile says about the tables that is probably not meant.
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
class Notation:
    """How values are written that are stored as text.

    Parameters
    ----------
    decimal : {".", ","}, optional
        Decimal mark; None: numbers that can be read in two ways are not read.
    date_format : str, optional
        Form of dates; None: the usual forms.
    no_dates : tuple of datetime.date
        Dates that mean "none".
    named_no_dates : bool
        The profile names these dates; otherwise they are assumed, and counted.
    time_form : str, optional
        Form of times, which are then in minutes.
    natural : bool
        A number such as 10.5 or 20A, to be put in order.
    """

    decimal: Literal[".", ","] | None = None
    date_format: str | None = None
    no_dates: tuple[date, ...] = NO_DATES
    named_no_dates: bool = False
    time_form: TimeForm | None = None
    natural: bool = False


@dataclass(frozen=True)
class Recipe:
    """How a column's value is made of others.

    Parameters
    ----------
    how : {"first_of", "coalesce", "concat", "sum"}
        What is done with the parts; "first_of" has one part.
    parts : tuple of ReadColumn
        The columns that are read, with names of their own.
    separator : str
        Between the texts of "concat".
    words : dict of str to str
        Value to the value that is meant.
    present : str, optional
        What any value means that is not blank.
    absent : str, optional
        What a blank means, beside `present`.
    """

    how: Combination
    parts: tuple[ReadColumn, ...]
    separator: str = "/"
    words: dict[str, str] = field(default_factory=dict)
    present: str | None = None
    absent: str | None = None


@dataclass(frozen=True)
class ReadColumn:
    """A column of a raw frame and where it comes from: a found column, a constant, a recipe, or nowhere (NULL)."""

    name: str
    type: ReadType
    length: int
    key: bool
    found: FoundColumn | None
    const: str | int | float | None = None
    notation: Notation = Notation()
    recipe: Recipe | None = None

    @property
    def is_absent(self) -> bool:
        """Whether this ERP does not have it."""
        return self.found is None and self.const is None and self.recipe is None

    @property
    def origin(self) -> str:
        """Where it comes from, as text that differs whenever that does."""
        own = f"{self.name}:{self.type}:{self.length}:{self.const}"
        if self.notation != Notation():
            own += f":{self.notation}"
        if self.found:
            own += f":{self.found.alias}.{self.found.name}:{self.found.type}:{self.found.length}"
        if self.recipe:
            inner = ",".join(part.origin for part in self.recipe.parts)
            own += f":{self.recipe.how}({inner})"
        return own


def flat(columns: Iterable[ReadColumn]) -> tuple[ReadColumn, ...]:
    """The columns that a statement reads for these columns: parts in place of what is made of them."""
    read: list[ReadColumn] = []
    for column in columns:
        read += flat(column.recipe.parts) if column.recipe else [column]
    return tuple(read)


@dataclass(frozen=True)
class ChangeMarks:
    """What an incremental read needs beside the frame's own columns: the change column and those of the key."""

    change: FoundColumn
    key: tuple[FoundColumn, ...]


@dataclass(frozen=True)
class BoundPivot:
    """A pivot, resolved: real table and columns per alias inside it; its own main alias is that of the pivot."""

    section: Pivot
    tables: dict[str, TableName]
    names: dict[str, dict[str, FoundColumn]]

    def find(self, name: str) -> FoundColumn | None:
        """A column by `alias.NAME`, or by `NAME` in the pivot's own table."""
        return _find_column(self.names, self.section.alias, name)


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
    pivots : tuple of BoundPivot
        Tables of attributes as rows, resolved.
    """

    family: Family
    section: Source
    tables: dict[str, TableName]
    columns: tuple[ReadColumn, ...]
    names: dict[str, dict[str, FoundColumn]]
    marks: ChangeMarks | None = None
    pivots: tuple[BoundPivot, ...] = ()

    @property
    def frame(self) -> str:
        """Name of the raw frame."""
        return FRAME_OF[self.family]

    @property
    def title(self) -> str:
        """The main table as people know it."""
        return str(self.tables[self.section.alias])

    @property
    def all_tables(self) -> set[TableName]:
        """Every table that is read, those inside pivots included."""
        return {*self.tables.values(), *(t for p in self.pivots for t in p.tables.values())}

    def find(self, name: str) -> FoundColumn | None:
        """A column by `alias.NAME`, or by `NAME` in the main table."""
        return _find_column(self.names, self.section.alias, name)


@dataclass(frozen=True)
class UnreadMaster:
    """A table that by its name is a machine master and that the profile does not read; `flags` may say what is out of use."""

    table: TableName
    columns: tuple[FoundColumn, ...]
    flags: tuple[FoundColumn, ...]


#: Order in which findings are shown.
_SEVERITIES = ("error", "warning", "info")


@dataclass
class Catalogue:
    """What `bind` found: a binding for each frame that can be read, all findings, and machine masters that are not read."""

    bindings: dict[Family, Binding] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    masters: list[UnreadMaster] = field(default_factory=list)

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
        catalogue.masters += _machine_masters(tables)
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
    """The database's tables, views and what else can be selected from, per schema, read once."""

    def __init__(self, inspector: Inspector, dialect: str, profile: Profile) -> None:
        self.inspector, self.dialect, self.profile = inspector, dialect, profile
        self._names: dict[str | None, list[str]] = {}
        self._synonyms: dict[tuple[str, str], str] | None = None

    def names(self, schema: str | None) -> list[str]:
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

    def resolve(self, section: Source | Join | Pivot) -> _Resolved:
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
            real = real or [n for n in self.names(wanted.schema) if _visible(n) == _visible(wanted.name)]
            if real:
                exact = wanted.name if wanted.name in real else real[0]
                return _Resolved(str(asked), TableName(exact, wanted.schema), None)
        behind = self.synonym(asked)
        if behind is not None:
            return _Resolved(str(asked), behind, None)
        return _Resolved(str(asked), None, _nearest(name, self.names(schema)))

    def columns(self, table: TableName, alias: str) -> dict[str, FoundColumn]:
        """The columns by lower-case name; a second one that differs in case only by its exact name."""
        columns: dict[str, FoundColumn] = {}
        for c in self.inspector.get_columns(table.name, schema=table.schema):
            found = FoundColumn(c["name"], alias, _family(c["type"]), getattr(c["type"], "length", None))
            key = c["name"].lower()
            columns[c["name"] if key in columns else key] = found
        return columns


def split_quoted(name: str) -> list[str]:
    """The parts of a dotted name, of which each may be quoted: `[My Db].dbo."T.1"`."""
    found = re.findall(r'\[((?:[^\]]|\]\])+)\]|"((?:[^"]|"")+)"|([^.\["]+)', name)
    return [b.replace("]]", "]") if b else q.replace('""', '"') if q else plain for b, q, plain in found]


def _visible(name: str) -> str:
    """A name without what people do not see: byte order marks, zero-width characters, blanks around it; in lower case."""
    seen = "".join(c for c in name if unicodedata.category(c) not in ("Cf", "Cc"))
    return seen.replace("\xa0", " ").strip().lower()


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
    """A column by `alias.NAME`, or by `NAME` in the main table; both parts may be quoted, and NAME may hold dots."""
    for alias, column in _readings(names, main, name):
        columns = names.get(alias, {})
        exact = next((c for c in columns.values() if c.name == column), None)
        found = exact or columns.get(column.lower())
        if found is None:
            same = [c for c in columns.values() if _visible(c.name) == _visible(column)]
            found = same[0] if len(same) == 1 else None
        if found is not None:
            return found
    return None


def _readings(names: Iterable[str], main: str, name: str) -> list[tuple[str, str]]:
    """What a name can mean, as alias and column, in the order in which it is tried."""
    if name[:1] in ('"', "["):
        parts = split_quoted(name)
        return [(parts[0], parts[1])] if len(parts) == 2 else [(main, parts[0])]
    aliases = [a for a in names if name.startswith(f"{a}.")]
    readings = [(a, name[len(a) + 1 :]) for a in aliases]
    readings = [(a, split_quoted(c)[0] if c[:1] in ('"', "[") else c) for a, c in readings if c]
    return [*readings, (main, name)]


@dataclass
class _Parts:
    """The tables of a frame as they are found: real tables and columns by alias, and the pivots."""

    tables: dict[str, TableName] = field(default_factory=dict)
    names: dict[str, dict[str, FoundColumn]] = field(default_factory=dict)
    pivots: list[BoundPivot] = field(default_factory=list)


def _bind_frame(tables: _Tables, family: Family, section: Source, catalogue: Catalogue) -> None:
    parts = _Parts()
    whole = _bind_tables(tables, family, (section, *section.joins), parts, section, catalogue)
    for pivot in section.pivot:
        whole &= _bind_pivot(tables, family, pivot, parts, section, catalogue)
    if not whole:
        return
    look = _Look(tables, family, section, parts.names, parts.tables, set(), catalogue.findings)
    columns = _mapped_columns(tables.profile, look)
    if family == "items":
        columns += _attribute_columns(tables.profile, look)
    _look_up_conditions(look, section)
    marks = _marks(look, section)
    look.report_extra_columns()
    catalogue.findings += _doubts(look, columns)
    catalogue.bindings[family] = Binding(
        family, section, parts.tables, tuple(columns), parts.names, marks, tuple(parts.pivots)
    )


def _bind_tables(
    tables: _Tables,
    family: Family,
    wanted: Iterable[Source | Join | Pivot],
    parts: _Parts,
    section: Source,
    catalogue: Catalogue,
) -> bool:
    """Resolve tables and their columns; whether all were found."""
    whole = True
    for part in wanted:
        resolved = tables.resolve(part)
        if resolved.table is None:
            catalogue.findings.append(_missing_table(FRAME_OF[family], section, resolved))
            whole = False
            continue
        parts.tables[part.alias] = resolved.table
        parts.names[part.alias] = tables.columns(resolved.table, part.alias)
    return whole


def _bind_pivot(
    tables: _Tables, family: Family, pivot: Pivot, parts: _Parts, section: Source, catalogue: Catalogue
) -> bool:
    """Resolve a pivot; its made columns join those of the frame."""
    inside = _Parts()
    if not _bind_tables(tables, family, (pivot, *pivot.joins), inside, section, catalogue):
        return False
    as_source = Source.model_validate(
        {"table": pivot.table, "alias": pivot.alias, "joins": pivot.joins, "where": pivot.where}
    )
    look = _Look(tables, family, as_source, inside.names, inside.tables, set(), catalogue.findings)
    _look_up_conditions(look, as_source)
    value = look.up("pivot", (pivot.value,))
    found = [value, look.up("pivot", (pivot.name,)), *(look.up("pivot", (own,)) for _, own in pivot.on)]
    if value is None or None in found:
        return False
    parts.pivots.append(BoundPivot(pivot, inside.tables, inside.names))
    parts.tables[pivot.alias] = inside.tables[pivot.alias]
    parts.names[pivot.alias] = {
        made.lower(): FoundColumn(made, pivot.alias, value.type, value.length) for made in pivot.names
    }
    return True


def _look_up_conditions(look: _Look, section: Source) -> None:
    """Report what filters, joins and `latest` name and the database does not have."""
    for where in section.where:
        look.up("where", (where.column,))
    if section.latest:
        for name in (*section.latest.group, *section.latest.key):
            look.up("latest", (name,))
    for join in section.joins:
        for known, own in join.on:
            look.up("join", (known,))
            look.up("join", (qualified(join.alias, own),))
        for where in join.where:
            look.up("join", (qualified(join.alias, where.column),))
    for pivot in section.pivot:
        for known, _ in pivot.on:
            look.up("pivot", (known,))


def qualified(alias: str, name: str) -> str:
    """A column of a joined table by its full name, unless it has one already."""
    return name if name.startswith((f"{alias}.", f'"{alias}".', f"[{alias}].")) else f"{alias}.{name}"


def _notation(profile: Profile, mapped: ColumnMap | AttributeMap) -> Notation:
    source = profile.document.source
    own = mapped if isinstance(mapped, ColumnMap) else ColumnMap.model_validate({"const": 0})
    return Notation(
        decimal=mapped.decimal or source.decimal,
        date_format=own.date_format or source.date_format,
        no_dates=NO_DATES if source.no_date is None else source.no_date,
        named_no_dates=source.no_date is not None,
        time_form=own.time_form,
        natural=own.natural,
    )


def _mapped_columns(profile: Profile, look: _Look) -> list[ReadColumn]:
    columns: list[ReadColumn] = []
    for name, mapped in profile.column_maps(look.family).items():
        raw = RAW_COLUMNS[look.family][name]
        need = _Need(
            raw.type,
            length=mapped.length or (raw.length if raw.key else 0),
            optional=mapped.optional and not raw.required,
            text_only=raw.key and raw.name != "oper_no" and not mapped.integer_code,
        )
        column = _read_column(look, raw, mapped, need, mapped.const)
        columns.append(_with_company(look, raw, column))
    return columns


#: Codes that a company is part of.
_OF_COMPANY = ("item_cd", "res_cd", "replaced_by", "res_group", "alternate")


def _with_company(look: _Look, raw: RawColumn, column: ReadColumn) -> ReadColumn:
    company = look.section.company
    if company is None or raw.name not in _OF_COMPANY or column.is_absent:
        return column
    found = look.up("company", (company,))
    first = ReadColumn(f"{raw.name}__company", "text", raw.length, False, found)
    recipe = Recipe("concat", (first, replace(column, name=f"{raw.name}__code", key=False)))
    return ReadColumn(raw.name, column.type, column.length, raw.key, None, None, column.notation, recipe)


def _read_column(
    look: _Look,
    raw: RawColumn,
    mapped: ColumnMap | AttributeMap,
    need: _Need,
    const: str | int | float | None = None,
) -> ReadColumn:
    """The column as it is read: found, constant, or made of parts."""
    length = mapped.length or raw.length
    notation = _notation(look.tables.profile, mapped)
    need = replace(
        need, any_text=notation.time_form is not None or notation.natural, dated=bool(notation.date_format)
    )
    made = mapped.how != "first_of" or mapped.map or mapped.present is not None
    if not made:
        found = look.up(raw.name, mapped.names, need)
        return ReadColumn(raw.name, raw.type, length, raw.key, found, const, notation)
    inner = replace(need, kind="text" if mapped.concat else need.kind, length=0)
    wanted = [mapped.names] if mapped.how == "first_of" else [(n,) for n in mapped.names]
    parts = [
        ReadColumn(
            f"{raw.name}__{i}", raw.type, length, False, look.up(raw.name, names, inner), None, notation
        )
        for i, names in enumerate(wanted)
    ]
    if mapped.optional and not raw.required and all(p.found is None for p in parts):
        return ReadColumn(raw.name, raw.type, length, raw.key, None)
    recipe = Recipe(
        mapped.how, tuple(parts), mapped.separator, dict(mapped.map), mapped.present, mapped.absent
    )
    return ReadColumn(raw.name, raw.type, length, raw.key, None, None, notation, recipe)


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
        raw = RawColumn(name, kind, length=attribute.length)
        need = _Need(kind, attribute.length, attribute.optional, text_only)
        columns.append(_read_column(look, raw, attribute, need))
        if attribute.unit_column and attribute.unit_column not in units:
            raw_name = unit_column_name(attribute.unit_column)
            unit = look.up(raw_name, (attribute.unit_column,), _Need("text", optional=attribute.optional))
            units[attribute.unit_column] = ReadColumn(raw_name, "text", 20, False, unit)
    return columns + list(units.values())


def unit_column_name(source: str) -> str:
    """Name the raw column that holds the units of a source column."""
    return UNIT_PREFIX + re.sub(r"\W", "_", source).lower()


# --- what is probably not meant ---------------------------------------------------------------------------------------
#: Times of an operation, with the key of the unit that each may have.
_TIME_UNITS = {
    "setup_time": "setup_unit",
    "run_time": "run_unit",
    "queue_time": "queue_unit",
    "wait_time": "wait_unit",
    "move_time": "move_unit",
}
#: Names of columns that hold a unit, in the languages and systems seen.
UNIT_NAME = re.compile(r"uom|unit|einheit|vge\d|ile\d|unite|unidad|meas|eenheid|단위", re.IGNORECASE)
#: Names of columns that say more about an operation's time than a profile without these keys can know.
_TELLING = (
    (re.compile(r"fixed.*time|time.*fixed|run.?(basis|method|rate)|std.?format|time.?basis", re.IGNORECASE),
     "run_basis", "what the run time is for (a piece, an hour, the whole order)"),
    (re.compile(r"efficien|nutzungsgrad|leistungsgrad", re.IGNORECASE), "efficiency", "the percentage that run times are divided by"),
    (re.compile(r"capacit|concurrent|parallel", re.IGNORECASE), "capacity", "the pieces that are worked on at once"),
    (re.compile(r"time.?stop|tear.?down|abr[uü]st|cleanup", re.IGNORECASE), "setup_time",
     'a time after the last piece: sum = ["SET-UP", "TEAR-DOWN"]'),
    (re.compile(r"prio(rity)?$|preference", re.IGNORECASE), "resource_priority", "which machine of an operation comes first"),
)  # fmt: skip


def _doubts(look: _Look, columns: list[ReadColumn]) -> list[Finding]:
    """What the profile says that is probably not meant, as warnings."""
    found = [_filtered_left_join(look, where) for where in look.section.where]
    if look.family == "operations":
        found += [
            _one_unit_for_all(look, {c.name: c for c in columns}),
            _unit_per_piece(look),
            *_telling(look),
        ]
    found += [_invisible(look, c) for c in {c.found for c in flat(columns) if c.found is not None}]
    return [f for f in found if f is not None]


def _doubt(look: _Look, column: str | None, message: str, remedy: str) -> Finding:
    table = str(look.found_tables[look.section.alias])
    return Finding("doubtful", "warning", FRAME_OF[look.family], table, column, message, remedy)


def _filtered_left_join(look: _Look, where: Where) -> Finding | None:
    """A filter on a left-joined table takes away the rows that have no partner there."""
    found = _find_column(look.names, look.section.alias, where.column)
    optional = {j.alias for j in look.section.joins if j.kind == "left"} | {
        p.alias for p in look.section.pivot
    }
    if found is None or found.alias not in optional or where.op in ("!=", "not in", "not like", "is null"):
        return None
    if where.value == "":
        return None
    return _doubt(
        look,
        found.name,
        f"[{look.family}].where on {where.column} acts after the left join, so rows without a row in {found.alias} are not read.",
        f'Move the condition into the join to keep them: where = [{{ column = "{found.name}", ... }}] there; or say '
        'kind = "inner" if they are to go.',
    )


def _one_unit_for_all(look: _Look, columns: dict[str, ReadColumn]) -> Finding | None:
    """One unit column for several times, where the tables have others that look like units of time."""
    times = [t for t in _TIME_UNITS if t in columns and not columns[t].is_absent]
    unit = columns.get("time_unit")
    if unit is None and times and not any(u in columns for u in _TIME_UNITS.values()):
        return _no_unit(look, times)
    own = [t for t in times if _TIME_UNITS[t] in columns]
    if unit is None or unit.found is None or len(times) - len(own) < 2:
        return None
    like = [
        c.name
        for (alias, key), c in look.unused().items()
        if alias == unit.found.alias and (UNIT_NAME.search(c.name) or _alike(c.name, unit.found.name))
    ]
    if not like:
        return None
    others = ", ".join(_TIME_UNITS[t] for t in times if t not in own)
    return _doubt(
        look,
        unit.found.name,
        f"{unit.found.name} is the unit of {', '.join(t for t in times if t not in own)}; "
        f"{', '.join(sorted(like))} may be the unit of some of them.",
        f"Map {others} where each time has its own unit, or add the columns to operations.ignore.",
    )


def _no_unit(look: _Look, times: list[str]) -> Finding | None:
    """Times without any unit, where the main table has columns that look like one."""
    names = [c.name for (alias, _), c in look.unused().items() if alias == look.section.alias]
    like = sorted(n for n in names if UNIT_NAME.search(n))
    if not like:
        return None
    minutes = look.tables.profile.routing.blank_time_unit
    return _doubt(
        look,
        like[0],
        f"No unit is read for {', '.join(times)}; {minutes:g} minute(s) are taken."
        if minutes is not None
        else f"No unit is read for {', '.join(times)}, so they are NULL.",
        f"{', '.join(like)} may be their unit: map time_unit or setup_unit, run_unit, ..., or add it to operations.ignore.",
    )


def _alike(name: str, other: str) -> bool:
    """Two names that differ in their first or last letters only: RUN_UOM and SETUP_UOM, VGE01 and VGE02."""
    a, b = name.lower(), other.lower()
    head = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    tail = next((i for i, (x, y) in enumerate(zip(a[::-1], b[::-1], strict=False)) if x != y), 0)
    return max(head, tail) >= max(3, len(b) // 2 + 1)


#: Names of tables that may be a machine master, and of columns there that say whether a machine is in use.
_MASTER = re.compile(
    r"work_?.?cent|workstation|machine|maschine|resource|equipment|crhd|arbeitspl|설비|작업장", re.IGNORECASE
)
_IN_USE = re.compile(
    r"^(is_?)?(in)?active$|^blocked|^closed|^retired|^scrapped|^disabled|^obsolete|gesperrt|^valid_?(to|until)|l[oö]e?kz|사용|^status$",
    re.IGNORECASE,
)


def _machine_masters(tables: _Tables) -> list[UnreadMaster]:
    """Tables that may say which machines are out of use, where the profile names no machine master."""
    profile = tables.profile
    if profile.resources is not None or "res_cd" not in profile.operations.columns:
        return []
    schema = None if tables.dialect == "sqlite" else profile.schema_for(profile.operations, tables.dialect)
    found = []
    for name in tables.names(schema):
        if not _MASTER.search(name):
            continue
        table = TableName(name, schema)
        columns = tuple(tables.columns(table, "master").values())
        flags = tuple(c for c in columns if _IN_USE.search(c.name))
        if flags:
            found.append(UnreadMaster(table, columns, flags))
    return found


def _telling(look: _Look) -> list[Finding]:
    """Columns that by their name say what a time means, and that the profile does not map."""
    unused = look.unused()
    found = []
    for pattern, key, meaning in _TELLING:
        names = sorted({c.name for c in unused.values() if pattern.search(c.name)})
        mapped = look.section.columns.get(key)
        if (
            names
            and "run_time" in look.section.columns
            and (mapped is None or (key == "setup_time" and not mapped.sum))
        ):
            found.append(
                _doubt(
                    look,
                    names[0],
                    f"{', '.join(names)} may be {meaning}, and the profile does not read it.",
                    f"Map it in operations.columns.{key}, or add it to operations.ignore.",
                )
            )
    return found


def _unit_per_piece(look: _Look) -> Finding | None:
    rules, columns = look.tables.profile.routing, look.section.columns
    rates = [u for u in rules.time_units if PER_PIECE.search(u)]
    others = [
        t for t, unit in _TIME_UNITS.items() if t != "run_time" and t in columns and unit not in columns
    ]
    if not rates or "time_unit" not in columns or not others:
        return None
    return _doubt(
        look,
        None,
        f"routing.time_units has {', '.join(map(repr, rates))}, a time for one piece: {', '.join(others)} cannot be in it, and is "
        "NULL in such rows.",
        "Map this column as run_basis, with routing.run_basis_words, and give the other times their unit: "
        'setup_unit = { const = "H" }.',
    )


def _invisible(look: _Look, found: FoundColumn) -> Finding | None:
    if _visible(found.name) == found.name.strip().lower():
        return None
    table = str(look.found_tables[found.alias])
    return Finding(
        "doubtful",
        "warning",
        FRAME_OF[look.family],
        table,
        found.name,
        f"{table} has a column with invisible characters in its name, {found.name!a}; it is read as "
        f"{_visible(found.name).upper()}.",
        "Nothing needs to be done; loading the table without the file's byte order mark removes it.",
    )


@dataclass(frozen=True)
class _Need:
    """What a column must be to be read.

    `kind`: None: any type. `length`: characters that it should hold, 0: any. `optional`: it may be absent. `text_only`: a
    number would lose leading zeros. `any_text`: the profile says how to read a text. `dated`: it says how dates are written.
    """

    kind: ReadType | None = None
    length: int = 0
    optional: bool = False
    text_only: bool = False
    any_text: bool = False
    dated: bool = False


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
                self.used.update((found.alias, k) for k, c in self.names[found.alias].items() if c is found)
                self._check_type(found, need)
                return found
        self._missing(name, wanted, need.optional)
        return None

    def _table_of(self, column: str) -> tuple[str, str]:
        """Alias and title of the table that a column is looked for in."""
        alias = next(a for a, _ in _readings(self.names, self.section.alias, column))
        alias = alias if alias in self.names else self.section.alias
        return alias, str(self.found_tables[alias])

    def unused(self) -> dict[tuple[str, str], FoundColumn]:
        """Columns that the profile neither maps nor ignores, by alias and key."""
        ignored = {n.lower() for n in self.section.ignore}
        return {
            (alias, key): column
            for alias, columns in self.names.items()
            for key, column in columns.items()
            if (alias, key) not in self.used and key not in ignored
        }

    def _missing(self, name: str, wanted: tuple[str, ...], optional: bool) -> None:
        alias, table = self._table_of(wanted[0])
        here = {c.name for key, c in self.names[alias].items() if (alias, key) not in self.used}
        asked = [_readings(self.names, self.section.alias, w)[0][1] for w in wanted]
        nearest = next((n for n in (_nearest(w, here) for w in asked) if n), None)
        mapped = {c.lower() for m in self.tables.profile.column_maps(self.family).values() for c in m.names}
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
        table = str(self.found_tables[found.alias])
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
        verdict = _type_verdict(found.type, need, self.tables.dialect)
        table = str(self.found_tables[found.alias])
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
                    "error" if strict else "info",  # a warning where values fill the column: `census.py`
                    FRAME_OF[self.family],
                    table,
                    found.name,
                    f"{table}.{found.name} holds {found.length} characters, expected {length}.",
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
    found: TypeFamily, need: _Need, dialect: str
) -> tuple[Literal["error", "warning", "info"], str] | None:
    """None when a column of family `found` can be read as needed; else how bad it is, and why."""
    kind = need.kind
    if found == "unknown":
        return None
    if found == "binary":
        return "error", "bytes are not readable as that"
    if kind == "text":
        if found in ("integer", "number") and need.text_only:
            return "warning", "leading zeros of codes are lost"
        return None
    if kind in ("integer", "number"):
        if found in ("integer", "number", "boolean") or (found == "text" and need.any_text):
            return None
        if found == "text":
            return "info", "values are parsed; those that are no number become NULL and are counted"
        return "error", "a date is no number"
    if found in ("integer", "number", "boolean"):
        if need.dated:
            return None
        return "error", "a number is no date, unless date_format says how it is written"
    if found == "text" and dialect != "sqlite" and not need.dated:
        return "info", "values are parsed; those that are no date become NULL and are counted"
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
