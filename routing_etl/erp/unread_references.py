"""Heads of routings that name another head, whose operations are theirs: a common routing, a copy, a reference to a master.

Such a head has no rows of its own. A profile that joins heads and rows by the head's own number loses it, and with it the routings of its
items, which would then be predicted as if they had none.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

import sqlalchemy as sa

from routing_etl.erp.catalogue import Binding, Catalogue, FoundColumn
from routing_etl.erp.name_words import words_of
from routing_etl.erp.statements import table_of
from routing_etl.erp.unread_flags import unread_columns
from routing_etl.erp.unread_units import Ask, Clash

#: Fewest heads that name another one and have no rows, and the share of the heads which name another one that must name a head.
_HEADS, _KNOWN = 5, 0.9
#: Share of the heads that name themselves, by which a column is one of references whatever its name.
_THEMSELVES = 0.5
#: Words of names that any number may have.
_PLAIN = frozenset(["id", "no", "nr", "num", "number", "key", "code", "cd", "seq", "sequence", "ref"])
#: Words of names of references.
_REFERS = frozenset([
    "common", "ref", "refers", "reference", "master", "shared", "same", "copy", "copied", "template", "origin", "original", "source", "parent",
    "bezug", "verweis", "vorlage", "referenz", "comun", "comum", "commun", "comune", "plantilla", "modelo", "modele", "wspolny", "wzorzec",
    "spolecny", "vzor", "gemeinsam", "standard", "base",
])  # fmt: skip


def unread_references(catalogue: Catalogue, dialect: str, ask: Ask) -> Iterator[Clash]:
    """Look for heads of routings without rows that name another head in a column that the profile does not read.

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
        One for each such column, never refused.
    """
    binding = catalogue.bindings.get("operations")
    if binding is None or not binding.section.joins:
        return
    for key, line in dict.fromkeys(chain.from_iterable(((a, b), (b, a)) for a, b in _joined_by(binding))):
        unread = [
            c
            for c in unread_columns(binding, ("text", "integer", "number"))
            if c.alias == key.alias and c.type == key.type
        ]
        for column in _possible(binding, unread, key, ask):
            heads, other, known = ask(_counts(binding, column, key, line))
            if heads >= _HEADS and known >= _KNOWN * other:
                yield _told(binding, column, key, line, heads)


def _possible(binding: Binding, unread: list[FoundColumn], key: FoundColumn, ask: Ask) -> list[FoundColumn]:
    """The columns that by their name or by their values, which mostly are the row's own key, name a head."""
    if not unread:
        return []
    head = table_of(binding.tables[key.alias], (key, *unread), "head").c
    same = [
        sa.func.sum(sa.case((head[c.name] == head[key.name], 1), else_=0)).label(f"n{i}")
        for i, c in enumerate(unread)
    ]
    rows, *themselves = ask(sa.select(sa.func.count().label("rows"), *same))
    return [
        c
        for c, n in zip(unread, themselves, strict=True)
        if _says_reference(c, key) or n >= _THEMSELVES * max(rows, 1)
    ]


def _joined_by(binding: Binding) -> Iterator[tuple[FoundColumn, FoundColumn]]:
    """The two columns of each join that goes over one pair of them, of two tables."""
    for join in binding.section.joins:
        if len(join.on) == 1:
            known, own = binding.find(join.on[0][0]), binding.find(f"{join.alias}.{join.on[0][1]}")
            if known is not None and own is not None and {known.alias, own.alias} <= set(binding.tables):
                yield known, own


def _says_reference(column: FoundColumn, key: FoundColumn) -> bool:
    """Whether a column is called as the key is, with more: COMMON_ROUTING_ID beside ROUTING_ID, REF_NO beside NO."""
    mine, theirs = set(words_of(column.spoken)), set(words_of(key.spoken))
    return theirs < mine and bool(theirs - _PLAIN or (mine - theirs) & _REFERS)


def _counts(
    binding: Binding, column: FoundColumn, key: FoundColumn, line: FoundColumn
) -> sa.Select[tuple[int, ...]]:
    """Heads without rows that name a head with rows; heads that name another one, and those of them that name one that is there."""
    head = table_of(binding.tables[column.alias], (column, key), "head")
    rows = table_of(binding.tables[line.alias], (line,), "line")
    every = table_of(binding.tables[column.alias], (key,), "every")
    named, own = head.c[column.name], head.c[key.name]
    of_rows = sa.select(rows.c[line.name]).where(rows.c[line.name].is_not(None))
    other = sa.and_(named.is_not(None), named != own)
    if column.type == "text":
        other = sa.and_(other, sa.func.ltrim(named) != "")
    found = (
        sa.and_(other, ~own.in_(of_rows), named.in_(of_rows)),
        other,
        sa.and_(other, named.in_(sa.select(every.c[key.name]))),
    )
    return sa.select(
        *(
            sa.select(sa.func.count()).select_from(head).where(c).scalar_subquery().label(f"n{i}")
            for i, c in enumerate(found)
        )
    )


def _told(binding: Binding, column: FoundColumn, key: FoundColumn, line: FoundColumn, heads: int) -> Clash:
    table, rows = binding.tables[column.alias], binding.tables[line.alias]
    name = column.name if column.alias == binding.section.alias else f"{column.alias}.{column.name}"
    return Clash(
        False,
        f"operations: {heads:,} rows of {table} have no row in {rows} by {key.name}, and {column.name}, which the profile does not read, names "
        f"another {key.name} that has some: are their operations those of that one? Without it these routings are lost, and routings are predicted "
        "for their items",
        f"Make {table} the table of [operations], and join {rows} by {column.name} (or by a view that has {key.name} where it is blank) in place of "
        f"{key.name}; or, if they do not count, add {name} to operations.ignore.",
    )
