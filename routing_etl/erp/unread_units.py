"""Columns of units that the profile does not read, and that say something else than what the profile takes.

A table that has SETUP, SETUP_UOM, RUN and RUN_UOM has a unit for each time. A profile that reads RUN_UOM for both makes 0.25 hours
into 0.25 minutes, and nothing in the rows that were read shows it. So the values of such columns are counted where they are: in
the ERP. A column counts as the unit of a time by its name (SETUP and SETUP_UOM, VGW01 and VGE01) and by its values, which must be
words for units of time. Where it names another unit than the one that is taken, the times are surely wrong, and nothing is read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from routing_etl.erp.catalogue import UNIT_NAME, Binding, FoundColumn, ReadColumn, flat
from routing_etl.erp.profile import Profile
from routing_etl.erp.statements import select_of

#: Words for units of time that are the same in every ERP, with their minutes.
MINUTES_OF_WORD: dict[str, float] = {
    **dict.fromkeys(("MIN", "MINS", "MIN.", "MINUTE", "MINUTES", "MINUTEN", "MINUTI", "MINUTOS", "분", "分", "分钟"), 1.0),
    **dict.fromkeys(("H", "HR", "HRS", "HUR", "HOUR", "HOURS", "STD", "STD.", "STUNDE", "STUNDEN", "HEURE", "HEURES", "HORA", "HORAS",
                     "ORE", "시간", "時間", "小时", "时"), 60.0),
    **dict.fromkeys(("S", "SEC", "SECS", "SECOND", "SECONDS", "SEK", "SEKUNDE", "SEKUNDEN", "초", "秒"), 1 / 60),
    **dict.fromkeys(("D", "DAY", "DAYS", "TAG", "TAGE", "JOUR", "JOURS", "DIA", "DIAS", "GIORNI", "일", "日", "天"), 1440.0),
}  # fmt: skip
#: Each time of a frame with the keys of the unit that it may have of its own.
_OWN_UNIT: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "operations": {
        "setup_time": ("setup_unit",), "run_time": ("run_unit", "run_basis"), "queue_time": ("queue_unit",),
        "wait_time": ("wait_unit",), "move_time": ("move_unit",),
    },
    "results": {"machine_time": ("time_unit",), "setup_time": ("setup_time_unit", "time_unit"), "hold_time": ("time_unit",)},
}  # fmt: skip
#: What in a column's name says nothing about which time it is the unit of.
_NOISE = re.compile(
    r"time|zeit|code|of|measure|meas|cap_|uom|units?|einheit|時間|时间|単位|单位|[^0-9a-z가-힣一-鿿ぁ-ヿ]",
    re.IGNORECASE,
)
#: Units of times that by their name are not those of the sizes beside them.
_OF_TIMES = re.compile(r"time|zeit|temps|tiempo|tempo|czas|시간|時間|时间", re.IGNORECASE)

#: Answers a statement that gives one row of whole numbers.
Ask = Callable[[sa.Select[*tuple[Any, ...]]], Sequence[int]]


@dataclass(frozen=True)
class Clash:
    """A column of units that is not read and contradicts what is.

    Parameters
    ----------
    refused : bool
        Whether the times that are read are surely wrong.
    told : str
        What was found, as a sentence.
    remedy : str
        What to do.
    """

    refused: bool
    told: str
    remedy: str


def clashes(binding: Binding, profile: Profile, dialect: str, ask: Ask) -> Iterator[Clash]:
    """Look for columns of units that the profile does not read and that say something else.

    Parameters
    ----------
    binding : Binding
        The frame's source, resolved.
    profile : Profile
        The source profile.
    dialect : str
        Name of the SQLAlchemy dialect.
    ask : callable
        Answers a statement, in the transaction that reads the rows.

    Yields
    ------
    Clash
        One for each such column.
    """
    if binding.family not in _OWN_UNIT:
        return
    look = _Look(binding, profile, dialect, ask)
    for unit in look.unread():
        times = look.times_of(unit)
        if times:
            yield from look.compared(unit, times)
        if binding.family == "results":
            yield from look.several_quantities(unit)


@dataclass(frozen=True)
class _Look:
    """One frame's columns of units."""

    binding: Binding
    profile: Profile
    dialect: str
    ask: Ask

    def unread(self) -> list[FoundColumn]:
        """Columns that by their name hold a unit, and that the profile neither maps nor ignores."""
        section = self.binding.section
        read = {c.found for c in flat(self.binding.columns)}
        ignored = {n.lower() for n in section.ignore}
        known = [
            *(w.column for w in section.where),
            *(n for j in section.joins for pair in j.on for n in (pair[0], f"{j.alias}.{pair[1]}")),
            *(f"{j.alias}.{w.column}" for j in section.joins for w in j.where),
        ]
        named = {self.binding.find(n) for n in known}
        return [
            c
            for alias, columns in self.binding.names.items()
            if alias in self.binding.tables
            for key, c in columns.items()
            if UNIT_NAME.search(c.spoken)
            and not {key, f"{alias}.{key}".lower()} & ignored
            and c not in read
            and c not in named
            and c.type in ("text", "unknown")
        ]

    def times_of(self, unit: FoundColumn) -> list[ReadColumn]:
        """The times without a unit of their own that by its name the column can be the unit of."""
        mapped = self.binding.section.columns
        found = []
        for column in self.binding.columns:
            own = _OWN_UNIT[self.binding.family].get(column.name)
            if own is None or column.is_absent or any(o in mapped for o in own):
                continue
            spec = mapped.get(column.name)
            parts = [c.found for c in flat([column]) if c.found is not None and _may_be_of(unit, c.found)]
            if (spec is None or spec.time_form is None) and any(_unit_of(unit.name, p.name) for p in parts):
                found.append(column)
        return found

    def compared(self, unit: FoundColumn, times: list[ReadColumn]) -> Iterator[Clash]:
        """Rows in which the column names another unit than the one that is taken."""
        theirs = ReadColumn("their_unit", "text", 100, False, unit)
        ours = next((c for c in self.binding.columns if c.name == "time_unit" and not c.is_absent), None)
        parts = flat(times)
        read = (theirs, *((replace(ours, name="our_unit"),) if ours is not None else ()), *parts)
        rows = select_of(replace(self.binding, columns=read, marks=None), self.dialect).subquery()
        taken = self._taken(rows.c["our_unit"] if ours is not None else None)
        if taken is None:
            return
        other = self._minutes(rows.c["their_unit"])
        none: sa.ColumnElement[Any] = sa.literal_column("0")
        some = [
            rows.c[p.name] > none
            for p in parts
            if p.found is not None and p.found.type in ("number", "integer")
        ]
        filled = sa.or_(*some) if len(some) == len(parts) else sa.true()
        differs = sa.case((sa.and_(filled, sa.func.abs(other - taken) > _number(1e-6)), 1), else_=0)
        [clashing, total] = self.ask(
            sa.select(sa.func.sum(differs).label("clashing"), sa.func.count().label("n"))
        )
        if not clashing:
            return
        names = ", ".join(c.name for c in times)
        name = unit.name if unit.alias == self.binding.section.alias else f"{unit.alias}.{unit.name}"
        used = ours.found.name if ours is not None and ours.found is not None else None
        was = (
            f"by {used}"
            if used
            else "as minutes"
            if self.binding.family == "operations"
            else "by time_factor_min"
        )
        keys = " or ".join(
            dict.fromkeys(
                _OWN_UNIT[self.binding.family][c.name][-1 if self.binding.family == "results" else 0]
                for c in times
            )
        )
        yield Clash(
            True,
            f"{self.binding.frame}: {unit.name} of {self.binding.tables[unit.alias]} names another unit of time in {clashing:,} of {total:,} rows than the one "
            f"by which {names} is read ({was}), so these times would be wrong",
            f'Map {keys} = "{name}" in [{self.binding.family}.columns], with its words in time_units; or, if it is the unit of '
            f"something else, add it to {self.binding.family}.ignore.",
        )  # fmt: skip

    def _taken(self, unit: sa.ColumnElement[Any] | None) -> sa.ColumnElement[Any] | None:
        """Minutes of the unit that the profile takes; None where it takes none."""
        if self.binding.family == "results":
            results = self.profile.results
            return _number(results.time_factor_min) if results is not None else None
        blank = self.profile.routing.blank_time_unit
        if unit is None:
            return _number(blank) if blank is not None else None
        return self._minutes(unit)

    def _minutes(self, unit: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        """Minutes of a column's words; NULL for words that are no unit of time."""
        words = dict(MINUTES_OF_WORD)
        told = self.profile.routing.time_units
        if self.binding.family == "results" and self.profile.results is not None:
            told = self.profile.results.time_units or told
        words |= {w.strip().upper(): float(m) for w, m in told.items()}
        text = sa.func.upper(sa.func.ltrim(sa.func.rtrim(sa.cast(unit, sa.Unicode(100)))))
        by_minutes: dict[float, list[str]] = {}
        for word, minutes in words.items():
            by_minutes.setdefault(minutes, []).append(word)
        cases = [(text.in_(names), _number(minutes)) for minutes, names in by_minutes.items()]
        return sa.case(*cases)

    def several_quantities(self, unit: FoundColumn) -> Iterator[Clash]:
        """A column of results with several words that are no units of time: quantities may be in several units."""
        mapped = self.binding.section.columns
        if "qty_unit" in mapped or not {"order_qty", "yield_qty"} & set(mapped):
            return
        theirs = ReadColumn("their_unit", "text", 100, False, unit)
        rows = select_of(replace(self.binding, columns=(theirs,), marks=None), self.dialect).subquery()
        text = sa.func.upper(sa.func.ltrim(sa.func.rtrim(sa.cast(rows.c["their_unit"], sa.Unicode(100)))))
        word = sa.case((sa.and_(text != "", text.not_in(list(MINUTES_OF_WORD))), text))
        [words, filled] = self.ask(
            sa.select(sa.func.count(word.distinct()).label("words"), sa.func.count(word).label("n"))
        )
        if words > 1:
            yield Clash(
                False,
                f"{self.binding.frame}: {unit.name} of {self.binding.title} has {words:,} different words in {filled:,} rows and is not "
                "read: the quantities may be in several units",
                f'Map qty_unit = "{unit.name}" in [results.columns], with results.qty_units; or add it to results.ignore.',
            )


def _number(value: float) -> sa.ColumnElement[Any]:
    """A number in the statement itself: some drivers send parameters as texts."""
    return sa.literal_column(f"{value:.12f}", sa.Double())


def _may_be_of(unit: FoundColumn, time: FoundColumn) -> bool:
    """Whether a unit may be that of a time: it stands in the same table, or says that it is a unit of times."""
    return unit.alias == time.alias or _OF_TIMES.search(unit.spoken) is not None


def stem_of(name: str) -> str:
    """What is left of a column's name without the words for units and times: SETUP of SETUP_UOM.

    Parameters
    ----------
    name : str
        Name of the column.
    """
    return _NOISE.sub("", name).lower()


def _unit_of(unit: str, time: str) -> bool:
    """Whether a column may by its name be the unit of a time: SETUP_UOM of SETUP, VGE01 of VGW01, UOM of any."""
    a, b = stem_of(unit), stem_of(time)
    if not a:
        return True
    numbered = re.search(r"\d+$", unit)
    if (
        numbered
        and len(unit) == len(time)
        and unit[:1].lower() == time[:1].lower()
        and time.endswith(numbered[0])
    ):
        return True
    return bool(b) and (a.startswith(b) or b.startswith(a)) and min(len(a), len(b)) >= 2
