"""Columns of routings found by what they hold, where their names say nothing.

Items are values that the item master has; operation numbers are small whole numbers that begin anew in each routing; jobs are few
words that come again and again; machines are codes of another, small table. Whatever is found so is a question.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product

from routing_etl.onboarding.survey import Column, Survey, Table, Values

#: Rows and routings of the sample that must be there, and the share of them that must fit.
_FEWEST_ROWS, _FEWEST_ROUTINGS, _MOST = 20, 5, 0.9
#: Largest operation number, and most values of jobs and of machines in a sample.
_LARGEST_NUMBER, _MOST_JOBS = 9_999, 200
#: Columns that are tried as an item, and as what tells its routings apart.
_TRIED = 25
#: Fewest days of a table of reports.
_DAYS = 10
#: Most rows of a table that is a machine master.
_MOST_MACHINES = 2_000


@dataclass(frozen=True)
class Held:
    """What a table holds by its values: canonical column to column and the reason."""

    columns: Mapping[str, tuple[Column, str]]


def routing_rows(
    survey: Survey, table: Table, taken: Mapping[str, str], items: Table | None, code: str = ""
) -> Held:
    """Find the columns of a table of routing rows that no name told.

    Parameters
    ----------
    survey : Survey
        The database.
    table : Table
        The table.
    taken : mapping of str to str
        Canonical column to the column that a name told.
    items : Table or None
        The item master, which holds no machines.
    code : str, optional
        Its code, whose values are no jobs: those of a bill of materials are components.

    Returns
    -------
    Held
        What was found; nothing where no column numbers operations.
    """
    sample = survey.sample(table)
    free = [c for c in table.columns if c.name not in taken.values()]
    found: dict[str, tuple[Column, str]] = {}
    number, key = taken.get("proc_seq"), None
    if number is None:
        numbered = next(  # an order and a kind of report number rows too: routings in one table with others are those of items
            (
                n
                for n in _numbers(survey, table, free, sample)
                if n[3] is None or _are_items(survey, table, n[0], items, code)
            ),
            None,
        )
        if numbered is None:
            return Held({})
        key, column, why, version = numbered
        found["proc_seq"] = (column, why)
        if "rout_no" not in taken and version is not None:
            found["rout_no"] = (version, f"with {key.name} {column.name} numbers its rows")
        elif "rout_no" not in taken and key.name not in taken.values():
            found["rout_no"] = (key, f"{column.name} numbers its rows")
        free = [c for c in free if not _is_the_same(survey, table, key, c)]
    free = [c for c in free if c not in [f for f, _ in found.values()]]
    if "res_cd" not in taken:
        machine = min(
            (
                m
                for m in _machines(survey, table, free, sample, items)
                if not _are_items(survey, table, m[0], items, code)
            ),
            key=lambda m: sample[m[0].name].distinct,
            default=None,
        )
        if machine is not None:
            found["res_cd"] = machine
            free.remove(machine[0])
    if "job_cd" not in taken:
        jobs = [j for j in _jobs(free, sample) if not _are_items(survey, table, j[1], items, code)]
        job = max(jobs, key=lambda j: j[0], default=None)
        if job is not None:
            found["job_cd"] = (
                job[1],
                f"{sample[job[1].name].distinct:,} words that come again: {sample[job[1].name].shown(4)}",
            )
            free.remove(job[1])
    if not {"setup_time", "run_time"} & set(taken):
        times = _changing(survey, table, key, list(_times(free, sample)))
        names = ("run_time",) if len(times) == 1 else ("setup_time", "run_time")
        for name, column in zip(names, times[:2], strict=False):
            others = [c.name for c in times if c != column]
            or_other = (
                f"; or is it {' or '.join(others[:3])}? Only the order of the columns tells" if others else ""
            )
            found[name] = (column, f"a number that goes {sample[column.name].spread()}{or_other}")
    return Held(found)


def is_dated(survey: Survey, table: Table) -> bool:
    """Whether a table has a column of many days, as reports have and routings seldom.

    Parameters
    ----------
    survey : Survey
        The database.
    table : Table
        The table.
    """
    sample = survey.sample(table)
    return any(
        held.distinct >= _DAYS and (c.kind == "date" or held.date_format is not None)
        for c in table.columns
        if (held := sample.get(c.name)) is not None
    )


def numbered_by(survey: Survey, table: Table) -> list[str]:
    """Columns whose values have their rows numbered by another one, as a routing its operations.

    Parameters
    ----------
    survey : Survey
        The database.
    table : Table
        The table.
    """
    found = _numbers(survey, table, list(table.columns), survey.sample(table))
    return list(dict.fromkeys(key.name for key, *_ in found))


def _numbers(
    survey: Survey, table: Table, columns: list[Column], sample: Mapping[str, Values]
) -> Iterator[tuple[Column, Column, str, Column | None]]:
    """Columns that number the rows of another column's values: each number once, beginning alike in nearly all.

    Where an item has several routings, it is numbered together with a column that tells them apart.
    """
    small = [
        c
        for c in columns
        if c.kind in ("integer", "number", "text")
        and (held := sample.get(c.name)) is not None
        and held.filled >= max(_FEWEST_ROWS, _MOST * held.rows)
        and held.holds_numbers
        and held.numbers[-1] <= _LARGEST_NUMBER
        and held.numbers[0] > 0
        and 4 * held.distinct <= held.filled
        and held.distinct > 2
    ]
    keys = [
        c
        for c in table.columns
        if c.kind in ("text", "integer")
        and (held := sample.get(c.name)) is not None
        and held.distinct >= _FEWEST_ROUTINGS
        and held.filled >= _MOST * held.rows
        and 3 * held.distinct <= 2 * held.filled
    ]
    if not small or not keys:
        return
    versions = [
        c
        for c in table.columns
        if c.kind in ("text", "integer")
        and (held := sample.get(c.name)) is not None
        and held.distinct >= 2
        and 3 * held.distinct <= 2 * held.filled
        and held.filled >= _MOST * held.rows
    ]
    asked = list(dict.fromkeys(c.name for c in (*small, *keys, *versions)))
    records = survey.records(table, asked)
    alone = [f for number, key in product(small, keys) if (f := _pair(asked, records, number, key, None))]
    if alone:
        yield from (f[1] for f in alone)
        return
    several = product(small, keys[:_TRIED], versions[:_TRIED])
    together = [f for n, k, v in several if (f := _pair(asked, records, n, k, v))]
    yield from (f[1] for f in sorted(together, key=lambda f: -f[0]))


def _pair(
    asked: list[str], records: list[tuple[object, ...]], number: Column, key: Column, version: Column | None
) -> tuple[float, tuple[Column, Column, str, Column | None]] | None:
    """How surely a column numbers the rows of a key, or of a key and a second column; None where it does not."""
    columns = [c for c in (key, version, number) if c is not None]
    if len({c.name for c in columns}) < len(columns):
        return None
    *of, at = (asked.index(c.name) for c in columns)
    seen = _numbered([(tuple(row[i] for i in of), row[at]) for row in records])
    if seen is None:
        return None
    once, several, alike = seen
    named = " and ".join(c.name for c in columns[:-1])
    why = f"in {once:,} of {several:,} values of {named} each number stands once, and {alike:,} begin alike"
    return once / several, (key, number, why, version)


def _numbered(pairs: list[tuple[tuple[object, ...], object]]) -> tuple[int, int, int] | None:
    """How many keys have each of their numbers once, how many have several rows, how many begin alike; None where too few do."""
    rows: dict[tuple[object, ...], list[float]] = {}
    for of, value in pairs:
        if None not in of and value is not None:
            rows.setdefault(of, []).append(float(str(value).replace(",", ".")))
    several = [v for v in rows.values() if len(v) > 1]
    once = sum(1 for v in several if len(set(v)) == len(v))
    first = [min(v) for v in several]
    alike = max((first.count(f) for f in set(first)), default=0)
    enough = len(several) >= _FEWEST_ROUTINGS and 2 * len(several) >= len(rows)
    if not enough or once < _MOST * len(several) or alike < _MOST * len(several):
        return None
    return once, len(several), alike


def _is_the_same(survey: Survey, table: Table, key: Column, column: Column) -> bool:
    """Whether a column is another name of a key: each value of either goes with one of the other."""
    if column == key or column.kind == "other":
        return column == key
    pairs = {p for p in survey.records(table, [key.name, column.name]) if None not in p}
    ones = {p[0] for p in pairs}
    return len(ones) >= _FEWEST_ROUTINGS and len(pairs) == len(ones) == len({p[1] for p in pairs})


def _machines(
    survey: Survey, table: Table, columns: list[Column], sample: Mapping[str, Values], items: Table | None
) -> Iterator[tuple[Column, str]]:
    """Columns whose values are the key of another, small table with a row for each."""
    for column in columns:
        held = sample.get(column.name)
        if (
            held is None
            or column.kind != "text"
            or not 1 < held.distinct <= _MOST_JOBS
            or held.filled < _FEWEST_ROWS
        ):
            continue
        for other in survey.tables:
            if other in (table, items) or not other.columns:
                continue
            keys = [c for c in other.columns if c.key] or list(other.columns[:1])
            there = survey.sample(other).get(keys[0].name)
            if there is None or keys[0].kind != "text" or there.distinct < there.filled or there.rows < 2:
                continue
            if (survey.share_found(table, column.name, other, keys[0].name) or 0.0) >= _MOST and survey.rows(
                other
            ) <= _MOST_MACHINES:
                yield column, f"its values are the {keys[0].name} of {other.title}"
                break


def _jobs(columns: list[Column], sample: Mapping[str, Values]) -> Iterator[tuple[float, Column]]:
    """Texts of few different words that come again: how often, and the column."""
    for column in columns:
        held = sample.get(column.name)
        if held is None or column.kind != "text" or held.filled < max(_FEWEST_ROWS, 0.7 * held.rows):
            continue
        if (
            4 <= held.distinct <= _MOST_JOBS
            and 4 * held.distinct <= held.filled
            and not held.holds_numbers
            and held.date_format is None
        ):
            short = max(len(str(v)) for v in held.counts) <= 30
            yield held.distinct + 1_000.0 * short, column


def _changing(survey: Survey, table: Table, key: Column | None, columns: list[Column]) -> list[Column]:
    """The columns that differ from row to row of a key, where two and more do: the others are sizes of the item."""
    if key is None or not columns:
        return columns
    held: dict[object, list[set[object]]] = {}
    for of, *values in survey.records(table, [key.name, *(c.name for c in columns)]):
        seen = held.setdefault(of, [set() for _ in columns])
        for each, value in zip(seen, values, strict=True):
            each.add(value)
    half = 0.5 * len(held)
    found = [c for i, c in enumerate(columns) if sum(len(seen[i]) > 1 for seen in held.values()) > half]
    return found if len(found) > 1 else columns


def _are_items(survey: Survey, table: Table, column: Column, items: Table | None, code: str) -> bool:
    """Whether the values of a column are codes of items."""
    if items is None or not code:
        return False
    return (survey.share_found(table, column.name, items, code) or 0.0) >= _MOST


def _times(columns: list[Column], sample: Mapping[str, Values]) -> Iterator[Column]:
    """Numbers of which some have decimals, or many differ, and none is below 0."""
    for column in columns:
        held = sample.get(column.name)
        if (
            held is None
            or column.kind not in ("number", "integer")
            or not held.numbers
            or held.numbers[0] < 0
        ):
            continue
        numbers_rows = column.kind == "integer" and held.distinct == held.filled
        if held.filled >= 0.5 * held.rows and held.distinct > 10 and not column.key and not numbers_rows:
            yield column


def item_column(
    survey: Survey, table: Table, items: Table, code: str, taken: set[str]
) -> tuple[Column, str] | None:
    """The column whose values the item master has: nearly all, and several.

    Parameters
    ----------
    survey : Survey
        The database.
    table : Table
        The table.
    items : Table
        The item master.
    code : str
        Its code.
    taken : set of str
        Columns that hold something else.
    """
    sample = survey.sample(table)
    for column in table.columns:
        held = sample.get(column.name)
        if held is None or column.kind not in ("text", "integer") or column.name in taken:
            continue
        if held.distinct < _FEWEST_ROUTINGS:
            continue
        share = survey.share_found(table, column.name, items, code) or 0.0
        if share >= _MOST and (column.kind == "text" or items.column(code).kind != "text"):
            return (
                column,
                f"DECIDE: by its values: {share:.0%} of them in the sample are in {items.title}.{code}",
            )
    return None
