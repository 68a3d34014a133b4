"""Statements that read one frame: explicit columns, the profile's joins, pivots and filters, marks of incremental reads.

A column that is made of others (`catalogue.Recipe`) is read as its parts; `reader.tighten` puts them together, so that the
result is the same on every database.

A frame that names a change column is read with its change marks behind it: the columns of its key (`key_0`, ...) and
`change`. They are not part of the raw frame.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.mssql import BINARY, DATETIME2
from sqlalchemy.sql.elements import ColumnElement, quoted_name

from routing_etl.erp.catalogue import (
    Binding,
    BoundPivot,
    FoundColumn,
    ReadColumn,
    TableName,
    TypeFamily,
    flat,
    qualified,
)
from routing_etl.erp.profile_model import Join, ReadType, Where
from routing_etl.errors import SourceError

#: The least mark that an incremental read asks for: a day, a sequence number, or a row version as a whole number.
Bound = date | int | float

#: Names of the change marks behind a frame's own columns: prefix of the key's columns, and the change column.
KEY, CHANGE = "key_", "change"


#: Table of the statement by its alias.
_Sources = Mapping[str, sa.FromClause]


def table_of(found: TableName, columns: Iterable[FoundColumn], alias: str) -> sa.FromClause:
    """A table with the columns found; the dialect quotes the names."""
    name, schema = found
    # A schema with brackets names another database: the dialect takes it apart and quotes each part.
    quoted = schema if schema and schema.startswith("[") else quoted_name(schema, True) if schema else None
    table = sa.table(
        quoted_name(name, True), *[sa.column(quoted_name(c.name, True)) for c in columns], schema=quoted
    )
    return table.alias(alias)


def _tables(binding: Binding, dialect: str) -> _Sources:
    """SQLAlchemy table or pivot per alias."""
    pivots = {p.section.alias: _pivot(p, dialect) for p in binding.pivots}
    made: dict[str, sa.FromClause] = {
        alias: pivots[alias] if alias in pivots else table_of(found, binding.names[alias].values(), alias)
        for alias, found in binding.tables.items()
    }
    if binding.also:
        made[binding.section.alias] = _together(binding)
    return made


def _together(binding: Binding) -> sa.FromClause:
    """The main table with those that are read like it."""
    alias = binding.section.alias
    names = [c.name for c in binding.names[alias].values()]
    selects = [sa.select(*table_of(binding.tables[alias], binding.names[alias].values(), f"{alias}_0").c)]
    for number, (table, spelled) in enumerate(binding.also, 1):
        columns = [FoundColumn(spelled[n], alias, "unknown", None) for n in names]
        found = table_of(table, columns, f"{alias}_{number}")
        selects.append(sa.select(*[found.c[spelled[n]].label(quoted_name(n, True)) for n in names]))
    return sa.union_all(*selects).subquery(alias)


#: Names of a pivot's key columns: this prefix and a number.
_PIVOT_KEY = "pivot_key_"


def _pivot_source(pivot: BoundPivot) -> tuple[_Sources, sa.FromClause, ColumnElement[bool]]:
    """The tables of a pivot, joined, and which of their rows count."""
    section = pivot.section
    tables: _Sources = {
        alias: table_of(found, pivot.names[alias].values(), f"{section.alias}_{alias}")
        for alias, found in pivot.tables.items()
    }
    source = _joined(tables[section.alias], section.joins, tables, pivot.find)
    wanted = _of(tables, _known(pivot.find, section.name)).in_(list(section.names.values()))
    return tables, source, sa.and_(wanted, *[_condition(tables, pivot.find, w) for w in section.where])


def _pivot(pivot: BoundPivot, dialect: str) -> sa.FromClause:
    """One row per key and a column per name; two different values of a name make NULL."""
    section = pivot.section
    tables, source, wanted = _pivot_source(pivot)
    keys = [_of(tables, _known(pivot.find, own)) for _, own in section.on]
    name, found = _of(tables, _known(pivot.find, section.name)), _known(pivot.find, section.value)
    value = _of(tables, found)
    if dialect != "sqlite" and found.type == "boolean":
        value = sa.cast(value, sa.Integer())
    elif dialect == "mssql" and found.type == "text":
        value = sa.cast(value, sa.Unicode(4000))  # ntext has no maximum
    made: list[ColumnElement[Any]] = []
    for column, spelling in section.names.items():
        of_name = sa.case((name == spelling, value))
        one = sa.case((sa.func.min(of_name) == sa.func.max(of_name), sa.func.max(of_name)))
        made.append(one.label(quoted_name(column, True)))
    labelled = [k.label(f"{_PIVOT_KEY}{i}") for i, k in enumerate(keys)]
    grouped = sa.select(*labelled, *made).select_from(source).where(wanted).group_by(*keys)
    return grouped.subquery(section.alias)


def pivot_repeats(pivot: BoundPivot) -> sa.Select[Any]:
    """Make the statement that counts the names with two different values of one key, as `n`."""
    section = pivot.section
    tables, source, wanted = _pivot_source(pivot)
    keys = [_of(tables, _known(pivot.find, own)) for _, own in section.on]
    name, value = (_of(tables, _known(pivot.find, n)) for n in (section.name, section.value))
    twice = (
        sa.select(name.label("name"))
        .select_from(source)
        .where(wanted)
        .group_by(*keys, name)
        .having(sa.func.min(value) != sa.func.max(value))
        .subquery("twice")
    )
    return sa.select(sa.func.count().label("n")).select_from(twice)


def pivot_rows(pivot: BoundPivot, columns: Iterable[FoundColumn]) -> sa.Select[Any]:
    """Make the statement of the rows of a pivot that count: `name`, `value`, and further columns under their own names.

    Parameters
    ----------
    pivot : BoundPivot
        The pivot.
    columns : iterable of FoundColumn
        Further columns of its tables.
    """
    section = pivot.section
    tables, source, wanted = _pivot_source(pivot)
    named = {
        n: _of(tables, _known(pivot.find, of)) for n, of in (("name", section.name), ("value", section.value))
    }
    named |= {c.name: _of(tables, c) for c in columns}
    return (
        sa.select(*[c.label(quoted_name(n, True)) for n, c in named.items()])
        .select_from(source)
        .where(wanted)
    )


def _of(tables: _Sources, found: FoundColumn) -> ColumnElement[Any]:
    column: ColumnElement[Any] = tables[found.alias].c[found.name]
    return column


#: Finds a column by the name that a profile has for it.
_Find = Callable[[str], FoundColumn | None]


def _known(find: _Find, name: str) -> FoundColumn:
    found = find(name)
    if found is None:
        raise SourceError(
            f"The database has no column {name}.",
            remedy="Correct the join, filter or latest key in the profile.",
        )
    return found


def _joined(source: sa.FromClause, joins: Iterable[Join], tables: _Sources, find: _Find) -> sa.FromClause:
    for join in joins:
        condition = sa.and_(
            *[
                _of(tables, _known(find, known)) == _of(tables, _known(find, qualified(join.alias, own)))
                for known, own in join.on
            ],
            *[_condition(tables, find, w, qualified(join.alias, w.column)) for w in join.where],
        )
        source = source.join(tables[join.alias], condition, isouter=join.kind == "left")
    return source


def _from(binding: Binding, tables: _Sources) -> sa.FromClause:
    section = binding.section
    source = _joined(tables[section.alias], section.joins, tables, binding.find)
    for pivot in binding.pivots:
        made = tables[pivot.section.alias]
        condition = sa.and_(
            *[
                _of(tables, _known(binding.find, known)) == made.c[f"{_PIVOT_KEY}{i}"]
                for i, (known, _) in enumerate(pivot.section.on)
            ]
        )
        source = source.join(made, condition, isouter=True)
    return source


def _is_blank(column: ColumnElement[Any], texts: bool) -> ColumnElement[bool]:
    """NULL, and in a column of texts a blank: a number or a date has no blank, and some servers take one for 0."""
    return sa.or_(column == "", column.is_(None)) if texts else column.is_(None)


def _among(column: ColumnElement[Any], values: Sequence[Any], texts: bool) -> ColumnElement[bool]:
    """One of the values; among them NULL where a blank is."""
    others = [v for v in values if v != ""]
    found = [column == others[0]] if len(others) == 1 else [column.in_(others)] if others else []
    return sa.or_(*found, *([_is_blank(column, texts)] if "" in values else []))


def _none_of(column: ColumnElement[Any], values: Sequence[Any], texts: bool) -> ColumnElement[bool]:
    """None of the values. NULL is none of them, unless a blank is among them."""
    others = [v for v in values if v != ""]
    left = [column != others[0]] if len(others) == 1 else [column.not_in(others)] if others else []
    if "" in values:
        return sa.and_(*left, *([column != ""] if texts else []), column.is_not(None))
    return sa.or_(*left, column.is_(None))


_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "like": lambda column, value: column.like(value),
    "not like": lambda column, value: sa.or_(column.not_like(value), column.is_(None)),
    "is null": lambda column, _: column.is_(None),
    "is not null": lambda column, _: column.is_not(None),
}


def _condition(tables: _Sources, find: _Find, where: Where, name: str = "") -> ColumnElement[bool]:
    """A filter on the column that it names, or on the one given."""
    found = _known(find, name or where.column)
    column, texts = _of(tables, found), found.type in ("text", "unknown")

    def as_stored(value: Any) -> Any:
        return bool(value) if found.type == "boolean" and isinstance(value, int) else value

    values = [as_stored(v) for v in (where.value if isinstance(where.value, tuple) else (where.value,))]
    if where.op in ("=", "in"):
        return _among(column, values, texts)
    if where.op in ("!=", "not in"):
        return _none_of(column, values, texts)
    if where.op in ("like", "not like") and found.type == "integer":
        column = sa.cast(column, sa.Unicode(50))  # PostgreSQL compares texts alone
    condition: ColumnElement[bool] = _OPERATORS[where.op](column, values[0])
    return condition


#: Name of the column that ranks the rows of a group.
_RANK = "latest_rank"


#: Texts of so many characters and more are compared as they are; shorter ones count as revisions do: Z, AA and 9, 10.
_LONG_TEXT = 8


def _counted_length(column: ColumnElement[Any], dialect: str) -> ColumnElement[int]:
    """The length of a short text, blanks at its ends aside."""
    text = sa.func.ltrim(sa.func.rtrim(column))
    length = sa.func.len(text) if dialect == "mssql" else sa.func.length(text)
    most: ColumnElement[int] = sa.literal_column(str(_LONG_TEXT), sa.Integer())
    return sa.case((length < most, length), else_=most)


def _rank(binding: Binding, tables: _Sources, dialect: str) -> ColumnElement[int]:
    """1 for the rows with the highest key of their group, among those that pass the filters."""
    latest = binding.section.latest
    assert latest is not None
    keys: list[ColumnElement[Any]] = []
    for name in latest.key:
        found = _known(binding.find, name)
        column = _of(tables, found)
        keys.append(sa.case((column.is_(None), sa.literal_column("1")), else_=sa.literal_column("0")))
        if found.type == "text":
            keys.append(_counted_length(column, dialect).desc())
        keys.append(column.desc())
    groups = [_of(tables, _known(binding.find, name)) for name in latest.group]
    return sa.func.rank().over(partition_by=groups, order_by=keys).label(_RANK)


def mark_columns(binding: Binding, dialect: str) -> tuple[ReadColumn, ...]:
    """List the change marks that an incremental frame is read with: its key's columns, then the change column."""
    if binding.marks is None or binding.section.incremental is None:
        return ()
    kinds: dict[TypeFamily, ReadType] = {
        "boolean": "integer", "integer": "integer", "number": "number", "date": "date",
    }  # fmt: skip
    key = [
        ReadColumn(f"{KEY}{i}", kinds.get(c.type, "text"), min(c.length or 255, 450), True, c)
        for i, c in enumerate(binding.marks.key)
    ]
    found = binding.marks.change
    as_read: ReadType
    match binding.section.incremental.kind:
        case "rowversion":
            as_read = "integer" if dialect == "mssql" else "text"
        case "number":
            as_read = "number" if found.type == "number" else "integer"
        case "date":
            as_read = "date"
    return (*key, ReadColumn(CHANGE, as_read, 255, False, found))


def select_of(
    binding: Binding, dialect: str, *, since: Bound | None = None, left_out: bool = False
) -> sa.Select[Any]:
    """Make the frame's statement: explicit columns, text bounded in the database, filters as bound parameters.

    Parameters
    ----------
    binding : Binding
        The frame's source.
    dialect : str
        Name of the SQLAlchemy dialect.
    since : Bound, optional
        Only rows whose change column is not below it, and those where it is NULL or does not compare.
    left_out : bool, optional
        The rows that the filters leave out, in place of those that pass them.

    Returns
    -------
    sqlalchemy.Select
        The statement; change marks, if any, stand behind the frame's columns.
    """
    tables = _tables(binding, dialect)
    read = columns_read(binding, dialect)
    labelled = [
        (_mark if c.name == CHANGE and binding.marks else _expression)(c, tables, dialect).label(
            quoted_name(c.name, True)
        )
        for c in read
    ]
    conditions = [_condition(tables, binding.find, w) for w in binding.section.where]
    if left_out and conditions:
        one: sa.ColumnElement[int] = sa.literal_column("1", sa.Integer())
        passed = sa.case((sa.and_(*conditions), one), else_=sa.literal_column("0", sa.Integer()))
        conditions = [passed != one]
    source = _from(binding, tables)
    if binding.section.latest:
        ranked = (
            sa.select(*labelled, _rank(binding, tables, dialect))
            .select_from(source)
            .where(*conditions)
            .subquery("ranked")
        )
        return sa.select(*[ranked.c[c.name] for c in read]).where(ranked.c[_RANK] == sa.literal_column("1"))
    statement = sa.select(*labelled).select_from(source).where(*conditions)
    return statement if since is None else statement.where(_since(binding, tables, dialect, since))


def columns_read(binding: Binding, dialect: str) -> tuple[ReadColumn, ...]:
    """List the columns of the frame's statement: the frame's own, or what they are made of, then the change marks."""
    return (*flat(binding.columns), *mark_columns(binding, dialect))


def count_of(binding: Binding, dialect: str) -> sa.Select[Any]:
    """Make the statement that counts the frame's rows, as `n`."""
    tables = _tables(binding, dialect)
    conditions = [_condition(tables, binding.find, w) for w in binding.section.where]
    source = _from(binding, tables)
    if binding.section.latest:
        ranked = (
            sa.select(_rank(binding, tables, dialect))
            .select_from(source)
            .where(*conditions)
            .subquery("ranked")
        )
        return (
            sa.select(sa.func.count().label("n"))
            .select_from(ranked)
            .where(ranked.c[_RANK] == sa.literal_column("1"))
        )
    return sa.select(sa.func.count().label("n")).select_from(source).where(*conditions)


def _mark(column: ReadColumn, tables: _Sources, dialect: str) -> ColumnElement[Any]:
    """The change column as it is read: row versions as a whole number or as 16 hexadecimal digits; both sort alike."""
    if column.found is None or column.found.type not in ("binary", "unknown") or column.type == "date":
        return _expression(column, tables, dialect)
    source = _of(tables, column.found)
    if column.type == "integer":
        return sa.cast(source, sa.BigInteger()) if dialect == "mssql" else source
    return sa.func.hex(source) if dialect == "sqlite" else sa.func.upper(sa.func.encode(source, "hex"))


def _since(binding: Binding, tables: _Sources, dialect: str, bound: Bound) -> ColumnElement[bool]:
    assert binding.marks is not None and binding.section.incremental is not None
    found = binding.marks.change
    column = _of(tables, found)
    value: ColumnElement[Any]
    others = [column.is_(None)]
    if binding.section.incremental.kind == "rowversion":
        value = (
            sa.cast(sa.cast(sa.literal(int_of(bound)), sa.BigInteger()), BINARY(8))
            if dialect == "mssql"  # by way of a number: the Arrow driver's parameters are text
            else sa.literal(int_of(bound).to_bytes(8, "big"), sa.LargeBinary())
        )
    elif isinstance(bound, date):
        if dialect == "sqlite":
            # SQLite has no dates: what is not written as one does not compare, and is read every time.
            value = sa.literal(bound.isoformat(), sa.String())
            others.append(sa.cast(column, sa.String()).not_like("____-__-__%"))
        else:
            value = sa.cast(sa.literal(bound, sa.Date()), sa.DATE())
    elif dialect == "sqlite":
        value = sa.literal(bound)
    else:
        value = sa.cast(sa.literal(bound), sa.BigInteger() if isinstance(bound, int) else sa.Double())
    return sa.or_(column >= value, *others)


def int_of(bound: Bound) -> int:
    """Take a bound as a row version.

    Raises
    ------
    TypeError
        The bound is not a whole number.
    """
    if not isinstance(bound, int):
        raise TypeError(f"{bound!r} is not a row version")
    return bound


def _expression(column: ReadColumn, tables: _Sources, dialect: str) -> ColumnElement[Any]:
    if column.found is None:
        return sa.literal(column.const) if column.const is not None else sa.null()
    source = _of(tables, column.found)
    if dialect == "sqlite":
        return source
    found = column.found.type
    if found == "boolean":
        source = sa.cast(source, sa.Integer())  # 0 and 1 everywhere, not PostgreSQL's words
    if column.type == "text" or column.notation.time_form or (column.type != "date" and found == "text"):
        # One more than allowed, so that what is too long is seen; NVARCHAR ends at 4,000.
        return sa.cast(source, sa.Unicode(min(column.length + 1, 4000)))
    if column.type == "number" and found == "number":
        if column.found.money and dialect == "postgresql":
            source = sa.cast(source, sa.Numeric())  # PostgreSQL casts money to nothing else
        return sa.cast(source, sa.Double())
    if column.type == "date" and found == "date" and dialect == "mssql":
        # Nanoseconds, which ODBC gives for a plain datetime2, end in the year 2262.
        return sa.cast(source, DATETIME2(6))  # type: ignore[no-untyped-call]
    return source
