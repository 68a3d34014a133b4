"""Statements that read one frame: explicit columns, the profile's joins and filters, and marks of incremental reads.

A frame that names a change column is read with its change marks behind it: the columns of its key (`key_0`, ...) and
`change`. They are not part of the raw frame.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.mssql import BINARY, DATETIME2
from sqlalchemy.sql.elements import ColumnElement, quoted_name

from routing_etl.erp.catalogue import Binding, FoundColumn, ReadColumn, TypeFamily
from routing_etl.erp.profile_model import ReadType, Where
from routing_etl.errors import SourceError

#: The least mark that an incremental read asks for: a day, a sequence number, or a row version as a whole number.
Bound = date | int | float

#: Names of the change marks behind a frame's own columns: prefix of the key's columns, and the change column.
KEY, CHANGE = "key_", "change"


#: Table of the statement by its alias.
_Sources = Mapping[str, sa.FromClause]


def _tables(binding: Binding) -> _Sources:
    """SQLAlchemy table per alias, with every column found; the dialect quotes the names."""
    return {
        alias: sa.table(
            quoted_name(name, True),
            *[sa.column(quoted_name(c.name, True)) for c in binding.names[alias].values()],
            schema=quoted_name(schema, True) if schema else None,
        ).alias(alias)
        for alias, (name, schema) in binding.tables.items()
    }


def _of(tables: _Sources, found: FoundColumn) -> ColumnElement[Any]:
    column: ColumnElement[Any] = tables[found.alias].c[found.name]
    return column


def _known(binding: Binding, name: str) -> FoundColumn:
    found = binding.find(name)
    if found is None:
        raise SourceError(
            f"{binding.title} has no column {name}.",
            remedy="Correct the join, filter or latest key in the profile.",
        )
    return found


def _from(binding: Binding, tables: _Sources) -> sa.FromClause:
    section = binding.section
    source: sa.FromClause = tables[section.alias]
    for join in section.joins:
        condition = sa.and_(
            *[
                _of(tables, _known(binding, known)) == _of(tables, _known(binding, f"{join.alias}.{own}"))
                for known, own in join.on
            ]
        )
        source = source.join(tables[join.alias], condition, isouter=join.kind == "left")
    if section.latest:
        group, key = _known(binding, section.latest.group), _known(binding, section.latest.key)
        fresh = _tables(binding)[group.alias].alias("latest_source")
        newest = (
            sa.select(
                fresh.c[group.name].label("latest_group"), sa.func.max(fresh.c[key.name]).label("latest_key")
            )
            .group_by(fresh.c[group.name])
            .subquery("latest")
        )
        source = source.join(
            newest,
            sa.and_(_of(tables, group) == newest.c.latest_group, _of(tables, key) == newest.c.latest_key),
        )
    return source


_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "is null": lambda column, _: column.is_(None),
    "is not null": lambda column, _: column.is_not(None),
}


def _condition(binding: Binding, tables: _Sources, where: Where) -> ColumnElement[bool]:
    found = _known(binding, where.column)
    value = bool(where.value) if found.type == "boolean" and isinstance(where.value, int) else where.value
    condition: ColumnElement[bool] = _OPERATORS[where.op](_of(tables, found), value)
    return condition


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


def select_of(binding: Binding, dialect: str, *, since: Bound | None = None) -> sa.Select[Any]:
    """Make the frame's statement: explicit columns, text bounded in the database, filters as bound parameters.

    Parameters
    ----------
    binding : Binding
        The frame's source.
    dialect : str
        Name of the SQLAlchemy dialect.
    since : Bound, optional
        Only rows whose change column is not below it, and those where it is NULL or does not compare.

    Returns
    -------
    sqlalchemy.Select
        The statement; change marks, if any, stand behind the frame's columns.
    """
    tables = _tables(binding)
    chosen = [_expression(c, tables, dialect) for c in binding.columns]
    marks = mark_columns(binding, dialect)
    chosen += [
        _mark(c, tables, dialect) if c.name == CHANGE else _expression(c, tables, dialect) for c in marks
    ]
    names = [c.name for c in (*binding.columns, *marks)]
    labelled = [e.label(quoted_name(n, True)) for e, n in zip(chosen, names, strict=True)]
    statement = sa.select(*labelled).select_from(_from(binding, tables))
    statement = statement.where(*[_condition(binding, tables, w) for w in binding.section.where])
    return statement if since is None else statement.where(_since(binding, tables, dialect, since))


def count_of(binding: Binding) -> sa.Select[Any]:
    """Make the statement that counts the frame's rows, as `n`."""
    tables = _tables(binding)
    statement = sa.select(sa.func.count().label("n")).select_from(_from(binding, tables))
    return statement.where(*[_condition(binding, tables, w) for w in binding.section.where])


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
    if column.type == "text" or (column.type != "date" and found == "text"):
        # One more than allowed, so that what is too long is seen; NVARCHAR ends at 4,000.
        return sa.cast(source, sa.Unicode(min(column.length + 1, 4000)))
    if column.type == "number" and found == "number":
        return sa.cast(source, sa.Double())
    if column.type == "date" and found == "date" and dialect == "mssql":
        # Nanoseconds, which ODBC gives for a plain datetime2, end in the year 2262.
        return sa.cast(source, DATETIME2(6))  # type: ignore[no-untyped-call]
    return source
