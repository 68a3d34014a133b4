"""What changes the meaning of a time or a row and stands in columns of its own: crews, factors, the next operation, loads.

Where the values of the sample tell, that is the reason which is written; where only a name does, it is a question.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from routing_etl.erp.basis_words import basis_of
from routing_etl.erp.catalogue import people_or_machine, without_time
from routing_etl.erp.census import COMPANY_COLUMNS
from routing_etl.erp.unread_factors import changes_nothing, factor_named, names_next_operation
from routing_etl.onboarding.parts import Choice, Part
from routing_etl.onboarding.survey import Column, Survey, Table, Values
from routing_etl.onboarding.words import words_of

#: Fewest orders, loads or routings of the sample that tell something, and the share of them that must.
_FEWEST, _MOST = 5, 0.9
#: Largest efficiency that is a fraction and no percentage.
_FRACTION = 2.0
#: Columns that number a load of a furnace or a nest.
_LOAD = re.compile(
    r"(^| )(load|charge|nest|heat|kiln|batch|ofenfahrt|carga|fournee)( (no|nr|num|number|id|cd|code))?$"
    r"|(load|charge|nest|batch)(no|nr|id)$|로트번호|배치번호|チャージ番号|炉次号"
)
#: Times that are counted up from row to row.
_SO_FAR = re.compile(r"cumul|kumul|acum|so.?far|to.?date|running.?total|accum|누적|累計|累计", re.IGNORECASE)
_TIME = ("run_time", "machine_time")
#: Names of columns that say what a run time is for.
_BASIS = re.compile(
    r"zeitart|zeitbasis|zeitbezug|zeitschl|bezug|timetype|timebasis|basetemps|typetemps|tipotiempo|tipotempo|typczasu|druhcasu|tijdsoort"
)
#: Most words of such a column, the share of its rows whose words must be known, and words that say so by a number.
_MOST_BASES, _MOST_KNOWN = 12, 0.6
_HUNDREDS = {"per_10", "per_100", "per_1000", "per_10000"}
_FACTOR_UNITS = (("sec", 1 / 60), ("min", 1.0), ("hour", 60.0), ("hrs", 60.0), ("std", 60.0))
#: What a person is asked about a column that changes a time.
_ASKED = {
    "crew": "do the hours count so many people together? Then they are divided by it",
    "cycles": "is the run time needed so often for a piece?",
    "time_factor": "is every time of the row to be multiplied by it?",
    "efficiency": "is the run time to be divided by it?",
    "capacity": "are so many pieces worked on at once?",
    "run_time_qty": "is the run time for so many pieces?",
}


def with_meaning(survey: Survey, part: Part) -> Part:
    """A section with the columns that change what its times and rows mean.

    Parameters
    ----------
    survey : Survey
        The database, for the samples.
    part : Part
        The section, its columns chosen.
    """
    found = dict(part.columns)
    for column in part.table.columns:
        if column.name in {c.source for c in found.values()}:
            continue
        values = survey.sample(part.table).get(column.name)
        if values is None or not values.filled:
            continue
        named = _meant(survey, replace(part, columns=found), column, values)
        if named is not None and named[0] not in found:
            found[named[0]] = named[1]
    others = tuple(n for n in part.others if n not in siblings(survey, part))
    return replace(part, columns=found, others=others)


def _meant(survey: Survey, part: Part, column: Column, values: Values) -> tuple[str, Choice] | None:
    """The canonical column that a column is for, besides those that every ERP has; None where it is none."""
    if part.role == "operations" and names_next_operation(column.name):
        return _next_operation(survey, part, column, values)
    if part.role == "results" and _LOAD.search(" ".join(words_of(column.spoken))) and column.kind != "date":
        return _load(survey, part, column)
    if part.role == "operations" and "run_time" in part.columns:
        basis = _basis(part, column, values)
        if basis is not None:
            return basis
    if part.role == "items" or not values.holds_numbers:
        return None
    key = factor_named(column.name, part.role)
    return None if key is None or key == "run_basis" else _factor(part, column, values, key)


def _basis(part: Part, column: Column, values: Values) -> tuple[str, Choice] | None:
    """A column that says what the run time is for: by its words, or by its name and few words; none where all say a piece."""
    if column.kind not in ("text", "integer") or values.distinct > _MOST_BASES:
        return None
    if column.spoken.lower() in COMPANY_COLUMNS:  # 100 and 200 are companies, and no hundreds of pieces
        return None
    known = {str(v): basis_of(str(v)) for v in values.counts}
    rows = sum(n for v, n in values.counts.items() if known[str(v)])
    told = rows >= _MOST_KNOWN * values.filled and set(known.values()) != {"piece"}
    if column.kind == "integer" or values.holds_numbers:
        told = told and len(set(known.values()) & _HUNDREDS) > 0 and values.distinct > 1
    named = factor_named(column.spoken, "operations") == "run_basis" or (
        column.kind == "text" and _BASIS.search("".join(words_of(column.spoken)))
    )
    if not told and not (named and values.distinct > 1):
        return None
    return "run_basis", Choice(
        column.name,
        column,
        f"DECIDE: does it say what the run time is for? It holds {values.shown()}",
        sure=False,
    )


def _factor(part: Part, column: Column, values: Values, key: str) -> tuple[str, Choice] | None:
    """A number that a time is multiplied or divided by; none where it is 1 in every row."""
    if all(n in changes_nothing(key) for n in values.numbers) or not set(_TIME) & set(part.columns):
        return None
    times = {people_or_machine(part.columns[t].source) for t in _TIME if t in part.columns}
    if key == "crew" and times == {"machine"}:
        return None
    if key in ("run_time_qty", "capacity") and {"run_time_qty", "capacity"} & set(part.columns):
        return None
    if key == "time_factor" and {"time_unit", "run_unit"} & set(part.columns):
        return None
    return key, Choice(column.name, column, f"DECIDE: {_ASKED[key]} It goes {values.spread()}")


def _next_operation(survey: Survey, part: Part, column: Column, values: Values) -> tuple[str, Choice] | None:
    number = part.columns.get("proc_seq")
    known = survey.sample(part.table).get(number.source) if number is not None else None
    if number is None or known is None:
        return None
    numbers = {_number(v) for v in known.counts}
    named = [(v, n) for v, n in values.counts.items() if str(v).strip(" 0")]
    rows = sum(n for _, n in named)
    there = sum(n for v, n in named if _number(str(v).split("|")[0]) in numbers)
    if not rows:
        return None
    told = (
        f"{there:,} of {rows:,} are operation numbers of {number.source}; operations follow one another by it"
    )
    return "next_oper", Choice(column.name, column, told, sure=there >= _MOST * rows)


def _number(value: Any) -> str:
    return str(value).strip().lstrip("0").removesuffix(".0")


def _load(survey: Survey, part: Part, column: Column) -> tuple[str, Choice] | None:
    """The number of a load, whose rows have one time; none where their times differ."""
    time = part.columns.get("machine_time")
    if time is None or "." in time.source:
        return None
    loads: dict[Any, list[Any]] = {}
    for load, value in survey.records(part.table, [column.name, time.source]):
        if load is not None:
            loads.setdefault(load, []).append(value)
    several = [set(v) for v in loads.values() if len(v) > 1]
    equal = sum(1 for v in several if len(v) == 1)
    if several and equal < _MOST * len(several):
        return None
    told = (
        f"{equal:,} of {len(several):,} loads of several rows have one time for all; it is shared by pieces"
    )
    return "batch_no", Choice(column.name, column, told, sure=equal >= _FEWEST)


def factor_unit(part: Part) -> float | None:
    """Minutes of the unit that a factor of times leads to, as its name says; None without one.

    Parameters
    ----------
    part : Part
        The section.
    """
    factor = part.columns.get("time_factor")
    if factor is None:
        return None
    return next((m for word, m in _FACTOR_UNITS if word in factor.source.lower()), None)


def fractions(survey: Survey, part: Part) -> str:
    """Why efficiencies are fractions; blank where they are percentages, or there are none.

    Parameters
    ----------
    survey : Survey
        The database.
    part : Part
        The section of the operations.
    """
    choice = part.columns.get("efficiency")
    values = _held(survey, part, choice) if choice is not None else None
    if choice is None or values is None or not values.numbers or values.numbers[-1] > _FRACTION:
        return ""
    return f"none of {choice.source} is above {_FRACTION:g}: it goes {values.spread()}"


def ends_one_by_one(survey: Survey, part: Part, today: dt.date) -> str:
    """What shows that operations begin and end one by one, not whole routings; blank where nothing does.

    Parameters
    ----------
    survey : Survey
        The database.
    part : Part
        The section of the operations.
    today : datetime.date
        The day on which rows are in force.
    """
    until, since = part.columns.get("valid_to"), part.columns.get("valid_from")
    days = [
        c.source for c in (until, since) if c is not None and _own(part, c) and _plain_dates(survey, part, c)
    ]
    keys = [
        c.source for n in ("item_cd", "rout_no") if (c := part.columns.get(n)) is not None and _own(part, c)
    ]
    keys += [j.known for j in part.joins if _has(part.table, j.known) and j.known not in keys]
    if not days or not keys:
        return ""
    ends = until.source if until is not None and until.source in days else None
    states: dict[tuple[Any, ...], set[bool]] = {}
    for row in survey.records(part.table, [*keys, *days]):
        by_name = dict(zip(days, row[len(keys) :], strict=True))
        states.setdefault(tuple(row[: len(keys)]), set()).add(
            all(_holds(day, today, ends=name == ends) for name, day in by_name.items())
        )
    mixed = sum(1 for seen in states.values() if len(seen) == 2)
    if not mixed:
        return ""
    return f"in {mixed:,} of {len(states):,} routings of the sample some rows are in force and others are not"


def _holds(day: Any, today: dt.date, *, ends: bool) -> bool:
    text = "" if day is None else str(day)[:10].replace("/", "-")
    if len(text) == 8 and text.isdigit():
        text = f"{text[:4]}-{text[4:6]}-{text[6:]}"
    if text < "1950":
        return True  # no date
    return text > today.isoformat() if ends else text <= today.isoformat()


def _plain_dates(survey: Survey, part: Part, choice: Choice) -> bool:
    held = _held(survey, part, choice)
    return held is not None and held.date_format in ("", "%Y%m%d")


def _own(part: Part, choice: Choice) -> bool:
    return _has(part.table, choice.source)


def _has(table: Table, column: str) -> bool:
    return any(c.name == column for c in table.columns)


def _held(survey: Survey, part: Part, choice: Choice) -> Values | None:
    return survey.sample(part.table).get(choice.source)


@dataclass(frozen=True)
class Counted:
    """How times and quantities of orders with several rows go together: a word of the profile, and why."""

    order_time: str = ""
    why_time: str = ""
    order_quantity: str = ""
    why_quantity: str = ""


def counted_up(survey: Survey, part: Part) -> Counted:
    """What the rows of orders show: whether times and quantities are counted up, or stand whole on each row.

    Parameters
    ----------
    survey : Survey
        The database.
    part : Part
        The section of the work results.
    """
    order = part.columns.get("order_no")
    if order is None or not _own(part, order):
        return Counted()
    time, pieces = part.columns.get("machine_time"), part.columns.get("order_qty")
    why_time = why_pieces = word = ""
    if time is not None and _own(part, time):
        several = _of_orders(survey, part, time)
        rising = sum(1 for numbers in several if _rises(numbers))
        if len(several) >= _FEWEST and rising >= _MOST * len(several):
            why_time = (
                f"it rises from row to row in {rising:,} of {len(several):,} orders of three rows and more"
            )
        elif _SO_FAR.search(time.source):
            why_time = "by its name"
    if pieces is not None and _own(part, pieces):
        word, why_pieces = _pieces(_of_orders(survey, part, pieces), pieces.source)
    return Counted("largest" if why_time else "", why_time, word, why_pieces)


def _pieces(several: Sequence[Sequence[float]], name: str) -> tuple[str, str]:
    equal = sum(1 for numbers in several if len(set(numbers)) == 1)
    rising = sum(1 for numbers in several if _rises(numbers))
    if len(several) >= _FEWEST and equal >= _MOST * len(several):
        return (
            "order",
            f"it is the same on each row of {equal:,} of {len(several):,} orders of three rows and more",
        )
    if len(several) >= _FEWEST and rising >= _MOST * len(several):
        return (
            "largest",
            f"it rises from row to row in {rising:,} of {len(several):,} orders of three rows and more",
        )
    return ("largest", "by its name") if _SO_FAR.search(name) else ("", "")


def _rises(numbers: Sequence[float]) -> bool:
    return all(a < b for a, b in pairwise(numbers))


def _of_orders(survey: Survey, part: Part, value: Choice) -> list[list[float]]:
    """The numbers of each order and operation with three rows and more, in the order of their days where they have one."""
    keys = [
        c.source
        for n in ("order_no", "item_cd", "proc_seq", "job_cd")
        if (c := part.columns.get(n)) is not None and _own(part, c)
    ]
    day = part.columns.get("report_dt")
    days = [day.source] if day is not None and _own(part, day) else []
    groups: dict[tuple[Any, ...], list[tuple[str, float]]] = {}
    for row in survey.records(part.table, [*keys, value.source, *days]):
        number = _float(row[len(keys)])
        if number is not None:
            moment = str(row[-1]) if days else ""
            groups.setdefault(tuple(row[: len(keys)]), []).append((moment, number))
    return [[n for _, n in sorted(g, key=lambda r: r[0])] for g in groups.values() if len(g) > 2]


def _float(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def siblings(survey: Survey, part: Part) -> Mapping[str, bool]:
    """Tables of the same schema with the work results of another year or of an archive, and whether their name says so for sure.

    Parameters
    ----------
    survey : Survey
        The database.
    part : Part
        The section.
    """
    if part.role != "results":
        return {}
    return dict(_siblings(survey, part.table))


def _siblings(survey: Survey, main: Table) -> Iterator[tuple[str, bool]]:
    stem, mine = without_time(main.name), {c.name.lower() for c in main.columns}
    dated = re.compile(r"(19|20)\d\d([_-]?\d\d)?$")
    for table in survey.tables:
        if table == main or table.schema != main.schema or without_time(table.name) != stem:
            continue
        if mine <= {c.name.lower() for c in table.columns}:
            yield table.name, bool(dated.search(main.name) and dated.search(table.name))
