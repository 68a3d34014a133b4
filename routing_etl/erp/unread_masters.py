"""Machine masters that the profile does not read: how many machines they call out of use, and how many routing rows name these."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from routing_etl.erp.catalogue import Binding, Catalogue, FoundColumn, UnreadMaster
from routing_etl.erp.statements import select_of, table_of
from routing_etl.erp.unread_units import Ask, Clash

#: Names of flags that say "in use"; the other flags of a master say "out of use".
_ACTIVE = re.compile(
    r"^(is_?)?(active|enabled|aktiv|aktivni|activ[oa]|actif|actief|attiv[oa]|ativ[oa]|aktywn[aey]|czynn[aey]|vigente)$|사용",
    re.IGNORECASE,
)
#: Names of columns that name what has replaced a machine.
_REPLACED = re.compile(
    r"rempl|replac|ersetzt|nachfolg|su[bs]stit|sostit|zast[eę]p|nast[eę]pc|n[aá]stupc|n[aá]hrad|vervang|後継",
    re.IGNORECASE,
)
_NO, _YES = ("0", "N", "NO", "FALSE", "F", "INACTIVE"), ("1", "Y", "YES", "TRUE", "T", "X", "J")
#: Columns of a master that are tried as its code.
_MOST_CODES = 12


def unread_masters(catalogue: Catalogue, dialect: str, ask: Ask) -> Iterator[Clash]:
    """Count the machines out of use, by tables that the profile does not read.

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
    for master in catalogue.masters:
        counted = _counted(master, operations, dialect, ask)
        if counted is None:
            continue
        names = ", ".join(c.name for c in master.flags)
        yield Clash(
            False,
            f"{master.table} has {names}: it may say which machines are out of use, and the profile does not read it, so a scrapped "
            f"machine can be proposed{counted}",
            "Map it in [resources] with res_cd and what says so (active, valid_to, replaced_by), or write [resources] for a master that has no such column.",
        )


def _counted(master: UnreadMaster, operations: Binding, dialect: str, ask: Ask) -> str | None:
    """How many machines and routing rows are meant, as the end of a sentence; '' where the values do not tell.

    None where the table's name may mean something else, and no machine of the routings is in it.
    """
    unknown = "" if master.sure else None
    table = table_of(master.table, master.columns, "master")
    out = [c for c in (_out_of_use(table, f) for f in master.flags) if c is not None]
    machine = next((c for c in operations.columns if c.name == "res_cd"), None)
    if machine is None or machine.is_absent or (not out and master.sure):
        return unknown
    read = replace(operations, columns=(replace(machine, name="machine"),), marks=None)
    named = select_of(read, dialect).subquery()
    if machine.recipe is not None or "machine" not in named.c:
        return unknown
    used = _text(named.c["machine"])
    codes = [c for c in master.columns if c.type in ("text", "integer", "unknown")][:_MOST_CODES]
    if not codes:
        return unknown
    hits = [
        sa.select(sa.func.count()).select_from(table).where(_text(table.c[c.name]).in_(sa.select(used)))
        .scalar_subquery().label(f"hit{i}")
        for i, c in enumerate(codes)
    ]  # fmt: skip
    found = ask(sa.select(*hits))
    best = max(range(len(codes)), key=lambda i: found[i])
    if not found[best]:
        return unknown
    if not out:
        return ""
    code, gone = _text(table.c[codes[best].name]), sa.or_(*out)
    rows = sa.select(sa.func.count()).select_from(named).where(used.in_(sa.select(code).where(gone)))
    machines = sa.select(sa.func.count()).select_from(table)
    counts = [
        s.scalar_subquery().label(n)
        for n, s in (("out", machines.where(gone)), ("all", machines), ("rows", rows))
    ]
    out_of_use, every, touched = ask(sa.select(*counts))
    return (
        f": {out_of_use:,} of its {every:,} rows look out of use, and {touched:,} routing rows name such a machine"
        if out_of_use
        else ""
    )


def _out_of_use(table: sa.FromClause, flag: FoundColumn) -> sa.ColumnElement[bool] | None:
    """The condition under which a flag says "out of use"; None for one whose values are not known."""
    if flag.type == "date":
        return table.c[flag.name] < sa.func.now()
    if flag.type not in ("boolean", "integer", "text", "unknown"):
        return None
    text = _text(table.c[flag.name])
    if _ACTIVE.search(flag.spoken):
        return text.in_(_NO)
    if _REPLACED.search(flag.spoken):
        return text != ""
    return None if re.search("status|valid", flag.spoken, re.IGNORECASE) else text.in_(_YES)


def _text(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    shown = (
        sa.cast(sa.cast(column, sa.Integer()), sa.Unicode(100))
        if isinstance(column.type, sa.Boolean)
        else column
    )
    return sa.func.upper(sa.func.ltrim(sa.func.rtrim(sa.cast(shown, sa.Unicode(100)))))
