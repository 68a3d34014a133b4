"""ERPs whose tables say nothing by their names, JD Edwards or Infor LN: what each table and column is, from `known_names.toml`.

What is known is which column is which; units, codes and companies are questions as everywhere.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from routing_etl.onboarding.parts import Choice, Joined, Part
from routing_etl.onboarding.survey import Survey, Table
from routing_etl.onboarding.words import Role

_FILE = Path(__file__).with_name("known_names.toml")
#: Share of the values of two columns that go together.
_TOGETHER = 0.5


@dataclass(frozen=True)
class _Join:
    """A table beside another: its alias, and pairs of columns."""

    table: str
    alias: str
    on: list[list[str]]
    kind: str = "left"
    maybe: list[str] = field(default_factory=list)
    where: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class _Section:
    """What an ERP calls a section's table and columns."""

    title: str
    table: str
    needs: list[str]
    columns: Mapping[str, str]
    asks: Mapping[str, str] = field(default_factory=dict)
    joins: list[_Join] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    company: str = ""


@cache
def _sections(role: Role) -> tuple[_Section, ...]:
    """What the file says of a section, one ERP after the other."""
    found = []
    for erp in tomllib.loads(_FILE.read_text(encoding="utf-8"))["erp"]:
        if role in erp:
            joins = [_Join(**join) for join in erp[role].get("joins", [])]
            found.append(_Section(**{**erp[role], "title": erp["title"], "joins": joins}))
    return tuple(found)


def known_part(survey: Survey, role: Role) -> Part | None:
    """Find the table that an ERP is known to have for a section; None where there is none, or it lacks columns or rows.

    Parameters
    ----------
    survey : Survey
        The database.
    role : str
        Section of the profile.
    """
    for section in _sections(role):
        tables = [t for t in _called(survey, section.table) if all(_column(t, n) for n in section.needs)]
        filled = sorted(((survey.rows(t), t.title, t) for t in tables), key=lambda f: f[:2], reverse=True)
        if filled and filled[0][0]:
            rows, _, table = filled[0]
            others = tuple(title for n, title, _ in filled[1:] if n)
            part = _part(survey, role, section, table)
            return Part(
                role, table, f"{section.title} has them in this table; {rows:,} rows", _chosen(survey, section, part),
                part.joins, tuple(f"DECIDE: {note}" for note in section.notes), others, part.keys,
            )  # fmt: skip
    return None


def _part(survey: Survey, role: Role, section: _Section, table: Table) -> Part:
    """The table with those beside it that are there, still without columns."""
    part = Part(
        role, table, "", {}, keys=tuple(c for k in section.keys if (c := _column(table, k)) is not None)
    )
    for join in section.joins:
        joined = _joined(survey, section, part, join)
        if joined is not None:
            part = Part(role, table, "", {}, (*part.joins, joined), keys=part.keys)
    return part


def _joined(survey: Survey, section: _Section, part: Part, join: _Join) -> Joined | None:
    """A table beside the section's; None where it, or a column that it is found by, is not there."""
    tables = [t for t in _called(survey, join.table) if t.name[-3:] == part.table.name[-3:]] or _called(
        survey, join.table
    )
    if not tables:
        return None
    table = next((t for t in tables if t.schema == part.table.schema), tables[0])
    pairs = [(_column(part.table, a), _column(table, b)) for a, b in join.on]
    found = [(a, b) for a, b in pairs if a is not None and b is not None]
    where = tuple((c, v) for n, v in join.where.items() if (c := _column(table, n)) is not None)
    if len(found) < len(join.on) or len(where) < len(join.where):
        return None
    known, own = found[0]
    share = survey.share_found(part.table, known, table, own)
    why = f"{section.title} joins them so" + (
        "" if share is None else f"; {share:.0%} of {known} in the sample are there"
    )
    more, shown = _maybe(survey, part.table, table, join)
    return Joined(
        table, join.alias, known, own, why + shown, inner=join.kind == "inner", where=where,
        also=_company(survey, section, part.table, table), pairs=(*found[1:], *more),
    )  # fmt: skip


def _maybe(
    survey: Survey, main: Table, beside: Table, join: _Join
) -> tuple[tuple[tuple[str, str], ...], str]:
    """The pair that goes with the others where the sample shows it, and a question."""
    if not join.maybe:
        return (), ""
    a, b = _column(main, join.maybe[0]), _column(beside, join.maybe[1])
    share = survey.share_found(main, a, beside, b) if a is not None and b is not None else None
    if a is None or b is None or share is None:
        return (), ""
    if share < _TOGETHER:
        return (), f"; DECIDE: {share:.0%} of {a} are in {b}, so it is no part of the key: is that right?"
    return ((a, b),), f"; DECIDE: {share:.0%} of {a} are in {b}, so it is part of the key: is that right?"


def _company(survey: Survey, section: _Section, main: Table, beside: Table) -> str:
    """The column of the company, where both tables have it under one name and it has several values."""
    own = _column(main, section.company)
    if own is None or own != _column(beside, section.company):
        return ""
    return own if survey.sample(main)[own].distinct > 1 else ""


def _chosen(survey: Survey, section: _Section, part: Part) -> dict[str, Choice]:
    """Canonical column to what the ERP calls it, of those that are there."""
    chosen: dict[str, Choice] = {}
    for name, sources in section.columns.items():
        found = [c for s in sources.split("|") if (c := _source(survey, section, part, s)) is not None]
        if found:
            ask = section.asks.get(name)
            choice, filled = next((f for f in found if f[1]), found[0])
            if filled or name in ("valid_from", "valid_to"):
                why = f"DECIDE: {ask}" if ask else choice.why
                chosen[name] = Choice(
                    choice.source, choice.column, why, sure=ask is None, coded=name == "run_basis"
                )
    return chosen


def _source(survey: Survey, section: _Section, part: Part, source: str) -> tuple[Choice, bool] | None:
    """A column of the section's table, or of one beside it, and whether the sample has a value of it."""
    alias, _, name = source.rpartition(".")
    beside = {j.alias: j.table for j in part.joins}
    table = beside.get(alias) if alias else part.table
    column = _column(table, name) if table is not None else None
    if table is None or column is None:
        return None
    held = survey.sample(table).get(column)
    full = f"{alias}.{column}" if alias else column
    choice = Choice(full, table.column(column), f"{section.title} calls it so")
    return choice, held is not None and held.filled > 0


def _called(survey: Survey, names: str) -> list[Table]:
    """The tables of a name, the number of a company behind it where it has one."""
    for name in names.lower().split("|"):
        pattern = re.escape(name.rstrip("#")) + r"\d" * name.count("#")
        found = [t for t in survey.tables if re.fullmatch(pattern, t.name.lower())]
        if found:
            return found
    return []


def _column(table: Table, name: str) -> str | None:
    """A column by its name, however it is spelled."""
    return next((c.name for c in table.columns if c.name.lower().replace("$", "_") == name.lower()), None)
