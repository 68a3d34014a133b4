"""Columns that by their name say whether a row counts, or which routing is the main one, and that the profile does not read.

A deletion mark, a state of approval, a flag of reversal: a profile without a filter on it reads deleted operations and drafts as if
they were in force, and nothing in the rows that were read shows it. A name is no proof, so it is told and not refused, and only
where the column has several values.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from routing_etl.erp.catalogue import Binding, FoundColumn, ReadColumn, flat
from routing_etl.erp.name_words import LAST_DAY, says, says_whether_rows_count, words_of
from routing_etl.erp.profile import Profile
from routing_etl.erp.statements import select_of
from routing_etl.erp.unread_units import Ask, Clash

#: Words of names that say which of an item's routings is the main one.
_MAIN = frozenset(["default", "isdefault", "primary", "main", "preferred", "haupt", "hauptplan", "principal"])
#: Last words of columns that say something about a state, a default or a rework, and not which rows have it.
_ABOUT = frozenset([
    "qty", "quantity", "menge", "amount", "days", "hours", "minutes", "pct", "percent", "cost", "price", "weight", "count", "note", "notes",
    "text", "txt", "desc", "description", "comment", "remark", "name", "warehouse", "location", "loc", "bin", "vendor", "supplier", "tool",
    "skill", "uom", "unit", "material", "origin", "country", "region", "tax", "account", "currency", "language", "printer",
])  # fmt: skip
#: Last words of who and when: they tell rows apart only where some are blank, as a day of approval is.
_WHO_AND_WHEN = frozenset([
    "by", "user", "date", "dt", "at", "on", "time", "ts", "datum", "day", "reason", "am", "von", "data", "dat", "fecha", "le", "el", "il",
    "dne", "dnia", "op", "door", "par", "por", "da",
])  # fmt: skip
#: Words for rows that are gone: a moment says it as well as a flag.
_GONE = frozenset(
    [
        *(
            "deleted",
            "archived",
            "removed",
            "voided",
            "cancelled",
            "canceled",
            "geloescht",
            "isdeleted",
            "archiviert",
            "supprime",
            "annule",
        ),
        *(
            "eliminado",
            "borrado",
            "baja",
            "annullato",
            "eliminato",
            "usuniety",
            "skasowany",
            "smazano",
            "zruseno",
            "verwijderd",
            "excluido",
        ),
    ]
)
#: Words of names that say what a result is.
_KINDS = frozenset([
    "rework", "nacharbeit", "transtype", "trantype", "transactiontype", "rowtype", "recordtype", "entrytype", "labortype", "labourtype",
    "ordtype", "ordertype", "orty", "activitytype", "restype", "resourcetype", "timetype", "hourstype", "hourtype", "worktype", "resclass", "resourceclass", "hoursclass", "costtype", "trancode", "transcode", "lohnart", "zeitart",
    "satzart", "planist", "istplan", "planactual", "buchungsart", "movementtype", "bewegungsart", "meldeart", "rueckmeldeart",
])  # fmt: skip
_KINDS_IN, _NEVER = re.compile("재작업|手直し|返工|구분"), re.compile("(?!)")
#: Words for what a result is, of which several tell a column of kinds; the rows that are looked at, and the share that must be such.
_KIND_WORDS = (
    "SETUP", "SET-UP", "RUEST", "RUESTEN", "RÜST", "RÜSTEN", "RUN", "LAUF", "LAUFEN", "PROD", "PRODUCTION", "PRODUKTION", "REWORK",
    "NACHARBEIT", "PAUSE", "BREAK", "STOER", "STOERUNG", "STÖRUNG", "DOWN", "DOWNTIME", "STOP", "TEARDOWN", "ABRUEST", "ABRÜSTEN", "PLAN", "IST",
    "ACTUAL", "START", "BEGIN", "BEGINN", "END", "ENDE", "STORNO", "REVERSAL", "REGLAGE", "RÉGLAGE", "ARRET", "ARRÊT", "RETOUCHE",
    "ATTREZZAGGIO", "LAVORAZIONE", "FERMO", "PREPARACION", "PRODUCCION", "PARADA", "PRZEZBROJENIE", "PRODUKCJA", "PRZESTOJ", "SERIZENI",
    "VYROBA", "PROSTOJ", "INSTELLEN", "PRODUCTIE", "STILSTAND", "LABOR", "LABOUR", "MACHINE",
)  # fmt: skip
_ROWS, _MOST = 2_000, 0.8
#: A column of kinds has few words.
_MOST_KINDS = 8
#: The same in scripts that do not part words.
_MAIN_IN = re.compile("기본|대표|標準|主要|默认")
#: Words of names of the number of the report that a row takes back.
_REVERSES = frozenset([
    "storno", "storniert", "stornierung", "stornobeleg", "stzhl", "reversal", "reversed", "reverses", "reversing", "cancel", "cancels",
    "canceled", "cancelled", "cancellation", "annuls", "undoes",
])  # fmt: skip
_REVERSES_IN = re.compile("취소|반제|取消|冲销|沖銷|赤伝")
#: A number that refers to a report differs from row to row: at least this share of them, and so many.
_DIFFERENT, _LEAST_REFERRED = 0.8, 2
#: Types of columns that hold a flag or a state.
_TYPES = ("text", "boolean", "integer", "unknown")
#: A state has few values: with more words than this in the table it is something else.
_MOST_WORDS = 30


def unread_flags(binding: Binding, profile: Profile, dialect: str, ask: Ask) -> Iterator[Clash]:
    """Look for flags and states that the profile neither filters by nor maps nor ignores.

    Parameters
    ----------
    binding : Binding
        The frame's source, resolved.
    profile : Profile
        The source profile.
    dialect : str
        Name of the SQLAlchemy dialect.
    ask : callable
        Answers a statement that gives one row of whole numbers.

    Yields
    ------
    Clash
        One for each such column that has several values; never refused.
    """
    if binding.family not in ("items", "operations", "results"):
        return
    main = binding.family == "operations" and profile.routing.major_flag_source == "none"
    for column in unread_columns(binding, (*_TYPES, "date")):
        last = {*words_of(column.spoken)[-1:]}
        if last & _ABOUT:
            continue
        dated = column.type == "date" or bool(last & _WHO_AND_WHEN)
        if (
            dated
            and binding.family == "operations"
            and "validity" not in binding.section.columns
            and LAST_DAY.search(column.spoken)
        ):
            continue  # told by its days: `is null` would leave out what ends in years to come
        gone = says(column.spoken, _GONE, _NEVER)
        takes_back = binding.family == "results" and says(column.spoken, _REVERSES, _REVERSES_IN)
        counts = takes_back or says_whether_rows_count(column.spoken)
        kinds = binding.family == "results" and not dated
        kinds = kinds and (
            says(column.spoken, _KINDS, _KINDS_IN) or _holds_kinds(binding, column, dialect, ask)
        )
        if not counts and not kinds and not (main and not dated and says(column.spoken, _MAIN, _MAIN_IN)):
            continue
        if takes_back and column.type != "date":
            clash = _reference(binding, column, dialect, ask)
            if clash is not None:
                yield clash
                continue
        words, filled, total = _counted(binding, column, dialect, ask)
        if dated and filled in (0, total):
            continue
        most = total if gone or dated else _MOST_WORDS if counts else _MOST_KINDS if kinds else 2
        if words > most or words + (filled < total) < 2:
            continue
        seen = f"{filled:,} of {total:,} rows filled, {words:,} different value(s)"
        yield (
            _kind_told(binding, column, seen)
            if kinds and not counts
            else _told(binding, column, counts, seen, moment=words > _MOST_WORDS)
        )


def _counted(
    binding: Binding, column: FoundColumn, dialect: str, ask: Ask, *, zeros_are_none: bool = False
) -> Sequence[int]:
    """How many different words a column has, rows with a word, and rows; a blank is no word."""
    flag = ReadColumn("flag", "text", 100, False, column)
    rows = select_of(replace(binding, columns=(flag,), marks=None), dialect).subquery()
    text = sa.func.upper(sa.func.ltrim(sa.func.rtrim(sa.cast(rows.c["flag"], sa.Unicode(100)))))
    word = sa.case(((sa.func.replace(text, "0", "") if zeros_are_none else text) != "", text))
    return ask(
        sa.select(
            sa.func.count(word.distinct()).label("words"),
            sa.func.count(word).label("filled"),
            sa.func.count().label("total"),
        )
    )


def _reference(binding: Binding, column: FoundColumn, dialect: str, ask: Ask) -> Clash | None:
    """A column of results that names other reports in some rows; None where it is no reference."""
    words, referring, total = _counted(binding, column, dialect, ask, zeros_are_none=True)
    if words < max(_LEAST_REFERRED, _DIFFERENT * referring) or referring == total:
        return None
    title, name = binding.tables[column.alias], column.name
    return Clash(
        False,
        f"{binding.frame}: {name} of {title} may name the report that a row takes back ({referring:,} of {total:,} rows have one), and the "
        "profile does not read it: both reports count",
        f'Map confirmation_no and reverses = "{name}" in [results.columns]; or add {name} to results.ignore.',
    )


def _holds_kinds(binding: Binding, column: FoundColumn, dialect: str, ask: Ask) -> bool:
    """Whether nearly all of a column's first values are words for what a result is, whatever its name."""
    if column.type not in ("text", "unknown") or "record_kind" in binding.section.columns:
        return False
    word = ReadColumn("word", "text", 100, False, column)
    rows = select_of(replace(binding, columns=(word,), marks=None), dialect).limit(_ROWS).subquery()
    text = sa.func.upper(sa.func.ltrim(sa.func.rtrim(sa.cast(rows.c["word"], sa.Unicode(100)))))
    known = text.in_(_KIND_WORDS)
    counts = (
        sa.func.sum(sa.case((text != "", 1), else_=0)), sa.func.sum(sa.case((known, 1), else_=0)),
        sa.func.count(sa.case((known, text)).distinct()),
    )  # fmt: skip
    filled, hits, words = ask(sa.select(*(c.label(f"n{i}") for i, c in enumerate(counts))))
    return words > 1 and hits >= _MOST * filled


def _kind_told(binding: Binding, column: FoundColumn, seen: str) -> Clash:
    title, name = binding.tables[column.alias], column.name
    return Clash(
        False,
        f"{binding.frame}: {name} of {title} may say what a row is, such as set-up, run or rework ({seen}), and the profile does not "
        "read it: all rows are taken alike",
        f'Map record_kind = "{name}" in [results.columns] with results.kinds, map rework, or filter; or add {name} to results.ignore.',
    )


def _told(binding: Binding, column: FoundColumn, counts: bool, seen: str, *, moment: bool) -> Clash:
    title, family = binding.tables[column.alias], binding.family
    name = column.name if column.alias == binding.section.alias else f"{column.alias}.{column.name}"
    test = 'op = "is null"' if moment or column.type == "date" else 'op = "=", value = ...'
    if not counts:
        return Clash(
            False,
            f"{binding.frame}: {column.name} of {title} may say which routing of an item is the main one ({seen}), and the profile does "
            "not read it",
            f'Write routing.major_flag_source = "{name}", with its words in yes_words; or add it to {family}.ignore.',
        )
    filtered = f'Filter in [{family}]: where = [{{ column = "{name}", {test} }}]'
    if column.alias != binding.section.alias:  # a filter of the section takes an operation out of its routing
        own = binding.tables[binding.section.alias]
        filtered += (
            f", which leaves out the rows of {own} themselves; where they must stay, write that test in the where of the join, and only "
            f"what {title} adds is left out"
        )
    return Clash(
        False,
        f"{binding.frame}: {column.name} of {title} may say which rows count ({seen}), and the profile does not read it: all of them "
        "are taken",
        f"{filtered}; or add it to {family}.ignore.",
    )


def says_what_a_row_is(name: str, words: Iterable[str]) -> bool:
    """Whether a column of results says by its name, or by two of its words, what a row is, as `unread_flags` tells.

    Parameters
    ----------
    name : str
        Name of the column.
    words : iterable of str
        Its different words.
    """
    known = {w.upper() for w in words} & set(_KIND_WORDS)
    return len(known) > 1 or says(name, _KINDS, _KINDS_IN)


def unread_columns(binding: Binding, types: Iterable[str] = _TYPES) -> list[FoundColumn]:
    """Columns of the frame's tables that the profile neither maps nor filters by nor ignores.

    Parameters
    ----------
    binding : Binding
        The frame's source, resolved.
    types : iterable of str, optional
        Their types.
    """
    section = binding.section
    latest, changes = section.latest, section.incremental
    named = [
        *(w.column for w in section.where),
        *(n for j in section.joins for pair in j.on for n in pair),
        *(f"{j.alias}.{w.column}" for j in section.joins for w in j.where),
        *((*latest.group, *latest.key) if latest is not None else ()),
        *((changes.column, *changes.key) if changes is not None else ()),
        *getattr(section, "order_by", ()),
    ]
    read: set[Any] = {c.found for c in flat(binding.columns)} | {binding.find(n) for n in named}
    ignored, wanted = {n.lower() for n in section.ignore}, set(types)
    return [
        c
        for alias, columns in binding.names.items()
        if alias in binding.tables
        for key, c in columns.items()
        if c.type in wanted and c not in read and key not in ignored and f"{alias}.{key}" not in ignored
    ]
