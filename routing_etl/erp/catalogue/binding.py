"""Resolves every table and column that a profile names."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from routing_etl.database.engine import translated
from routing_etl.erp.catalogue.bound import (
    AlsoRead,
    Binding,
    BoundPivot,
    Catalogue,
    ChangeMarks,
    FoundColumn,
    Notation,
    ReadColumn,
    Recipe,
    TableName,
    TypeFamily,
)
from routing_etl.erp.catalogue.doubts import doubts
from routing_etl.erp.catalogue.look import Look, Need
from routing_etl.erp.catalogue.names import qualified
from routing_etl.erp.catalogue.siblings import left_out
from routing_etl.erp.catalogue.tables import Tables, machine_masters, missing_table, routing_headers
from routing_etl.erp.profile import Profile
from routing_etl.erp.profile_model import (
    FRAME_OF,
    NO_DATES,
    RAW_COLUMNS,
    UNIT_PREFIX,
    AttributeMap,
    ColumnMap,
    Family,
    Join,
    Pivot,
    RawColumn,
    ReadType,
    Source,
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
        tables = Tables(sa.inspect(engine), engine.dialect.name, profile)
        for family, section in profile.sections.items():
            _bind_frame(tables, family, section, catalogue)
        catalogue.masters += machine_masters(tables)
        catalogue.headers += routing_headers(tables)
    return catalogue


@dataclass
class _Parts:
    """The tables of a frame as they are found: real tables and columns by alias, and the pivots."""

    tables: dict[str, TableName] = field(default_factory=dict)
    names: dict[str, dict[str, FoundColumn]] = field(default_factory=dict)
    pivots: list[BoundPivot] = field(default_factory=list)


def _bind_frame(tables: Tables, family: Family, section: Source, catalogue: Catalogue) -> None:
    parts = _Parts()
    whole = _bind_tables(tables, family, (section, *section.joins), parts, section, catalogue)
    for pivot in section.pivot:
        whole &= _bind_pivot(tables, family, pivot, parts, section, catalogue)
    if not whole:
        return
    look = Look(tables, family, section, parts.names, parts.tables, set(), catalogue.findings)
    columns = _mapped_columns(tables.profile, look)
    if family == "items":
        columns += _attribute_columns(tables.profile, look)
    _look_up_conditions(look, section)
    marks = _marks(look, section)
    look.report_extra_columns()
    also = _also(look, section)
    catalogue.findings += [*doubts(look, columns), *left_out(look)]
    catalogue.bindings[family] = Binding(
        family, section, parts.tables, tuple(columns), parts.names, marks, tuple(parts.pivots), also
    )


def _also(look: Look, section: Source) -> tuple[AlsoRead, ...]:
    """The tables that are read with the main one; columns that not all of them have are left out of the main one's."""
    main, also = look.names[section.alias], []
    for name in section.also:
        resolved = look.tables.resolve(section.model_copy(update={"table": name}))
        if resolved.table is None and "." in name:  # with its schema, as messages name tables
            named = section.model_copy(update={"table": name, "database_schema": None})
            resolved = look.tables.resolve(named)
        if resolved.table is None:
            look.findings.append(missing_table(FRAME_OF[look.family], section, resolved))
            continue
        theirs = look.tables.columns(resolved.table, section.alias)
        look.lacking(
            resolved.table,
            [c.name for k, c in main.items() if k not in theirs and (section.alias, k) in look.used],
        )
        for key in [k for k in main if k not in theirs]:
            del main[key]
        also.append(AlsoRead(resolved.table, {c.name: theirs[k].name for k, c in main.items()}))
    return tuple(also)


def _bind_tables(
    tables: Tables,
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
            catalogue.findings.append(missing_table(FRAME_OF[family], section, resolved))
            whole = False
            continue
        parts.tables[part.alias] = resolved.table
        parts.names[part.alias] = tables.columns(resolved.table, part.alias)
    return whole


def _bind_pivot(
    tables: Tables, family: Family, pivot: Pivot, parts: _Parts, section: Source, catalogue: Catalogue
) -> bool:
    """Resolve a pivot; its made columns join those of the frame."""
    inside = _Parts()
    if not _bind_tables(tables, family, (pivot, *pivot.joins), inside, section, catalogue):
        return False
    as_source = Source.model_validate(
        {"table": pivot.table, "alias": pivot.alias, "joins": pivot.joins, "where": pivot.where}
    )
    look = Look(tables, family, as_source, inside.names, inside.tables, set(), catalogue.findings)
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


def _look_up_conditions(look: Look, section: Source) -> None:
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


def _mapped_columns(profile: Profile, look: Look) -> list[ReadColumn]:
    columns: list[ReadColumn] = []
    for name, mapped in profile.column_maps(look.family).items():
        raw = RAW_COLUMNS[look.family][name]
        need = Need(
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


def _with_company(look: Look, raw: RawColumn, column: ReadColumn) -> ReadColumn:
    company = look.section.company
    if company is None or raw.name not in _OF_COMPANY or column.is_absent:
        return column
    found = look.up("company", (company,))
    first = ReadColumn(f"{raw.name}__company", "text", raw.length, False, found)
    recipe = Recipe("concat", (first, replace(column, name=f"{raw.name}__code", key=False)))
    return ReadColumn(raw.name, column.type, column.length, raw.key, None, None, column.notation, recipe)


def _read_column(
    look: Look,
    raw: RawColumn,
    mapped: ColumnMap | AttributeMap,
    need: Need,
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


def _marks(look: Look, section: Source) -> ChangeMarks | None:
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


def _attribute_columns(profile: Profile, look: Look) -> list[ReadColumn]:
    columns: list[ReadColumn] = []
    units: dict[str, ReadColumn] = {}
    for name, attribute in profile.items.attributes.items():
        kind: ReadType = "number" if attribute.kind == "number" else "text"
        text_only = attribute.kind in ("code", "text") and not attribute.integer_code
        raw = RawColumn(name, kind, length=attribute.length)
        need = Need(kind, attribute.length, attribute.optional, text_only)
        columns.append(_read_column(look, raw, attribute, need))
        if attribute.unit_column and attribute.unit_column not in units:
            raw_name = unit_column_name(attribute.unit_column)
            unit = look.up(raw_name, (attribute.unit_column,), Need("text", optional=attribute.optional))
            units[attribute.unit_column] = ReadColumn(raw_name, "text", 20, False, unit)
    return columns + list(units.values())


def unit_column_name(source: str) -> str:
    """Name the raw column that holds the units of a source column."""
    return UNIT_PREFIX + re.sub(r"\W", "_", source).lower()
