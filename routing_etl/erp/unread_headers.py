"""Heads and versions of routings that the profile does not read: drafts and replaced versions would count as if they were in force."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from dataclasses import replace
from functools import reduce

import sqlalchemy as sa

from routing_etl.erp.catalogue import Binding, Catalogue, FoundColumn, ReadColumn, UnreadHeader
from routing_etl.erp.statements import select_of, table_of
from routing_etl.erp.unread_units import Ask, Clash

#: Most different words of a flag; a column with more says something else.
_MOST_STATES = 20


def unread_headers(catalogue: Catalogue, dialect: str, ask: Ask) -> Iterator[Clash]:
    """Look for tables that may say which routings count, where the routings that are read are in several states by them.

    Parameters
    ----------
    catalogue : Catalogue
        The resolved profile.
    dialect : str
        Name of the SQLAlchemy dialect.
    ask : callable
        Answers a statement that gives one row of whole numbers.

    Yields
    ------
    Clash
        One for each table, never refused: a name is no proof.
    """
    operations = catalogue.bindings.get("operations")
    if operations is None:
        return
    for header in catalogue.headers:
        for flag in header.flags:
            states, heads, rows = ask(_states(header, flag, operations, dialect))
            if 1 < states <= _MOST_STATES:
                yield Clash(
                    False,
                    f"operations: {header.table} has {flag.name}: it may say which routings count, and the profile does not read it; "
                    f"{heads:,} of its rows, in {states} different states, are of routings that are read ({rows:,} rows of them)",
                    f"Join {header.table} in [operations] over all columns of its key (a version is one of them), and filter by "
                    f'{flag.name}; or add "{header.table}" to operations.ignore.',
                )
                break


def _states(
    header: UnreadHeader, flag: FoundColumn, operations: Binding, dialect: str
) -> sa.Select[tuple[int, int, int]]:
    """Counts the states and rows of the header that name a routing which is read, and the rows of these routings."""
    keys = {"rout_no": header.key} | ({"item_cd": header.item} if header.item is not None else {})
    read = [ReadColumn(name, "text", 100, False, _own(operations, name, key)) for name, key in keys.items()]
    named = select_of(replace(operations, columns=tuple(read), marks=None), dialect).subquery()
    table = table_of(header.table, (*keys.values(), flag), "header")
    heads, used = (
        reduce(operator.add, (_text(c) + "\n" for c in columns))
        for columns in ([table.c[k.name] for k in keys.values()], [named.c[n] for n in keys])
    )
    mine = heads.in_(sa.select(used))
    counts = (
        sa.select(sa.func.count(sa.distinct(_text(table.c[flag.name])))).where(mine),
        sa.select(sa.func.count()).select_from(table).where(mine),
        sa.select(sa.func.count()).select_from(named).where(used.in_(sa.select(heads))),
    )
    return sa.select(*(c.scalar_subquery().label(f"n{i}") for i, c in enumerate(counts)))


def _own(operations: Binding, name: str, key: FoundColumn) -> FoundColumn:
    """The column behind a canonical one that has the name of a key of the heads."""
    return next(
        found
        for each in operations.section.columns[name].names
        if (found := operations.find(each)) is not None and found.spoken.lower() == key.spoken.lower()
    )


def _text(column: sa.ColumnElement[object]) -> sa.ColumnElement[str]:
    return sa.func.upper(sa.func.ltrim(sa.func.rtrim(sa.cast(column, sa.Unicode(100)))))
