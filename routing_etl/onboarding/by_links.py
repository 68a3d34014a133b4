"""Item master and work results found by what their values are in, where their names say nothing.

Rows that number something lead by a key to the item master, straight or over heads of routings. Work results have a day and a time, and
lead to an item, straight or over an order; their operation numbers and codes are those of the routings. Whatever is found so is a question.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from routing_etl.onboarding.by_values import numbered_by
from routing_etl.onboarding.parts import Choice, Joined, Part
from routing_etl.onboarding.survey import SAMPLE, Column, Survey, Table, Values

#: Share of the values that must be in the other column; fewest values that tell something.
_MOST, _FEWEST = 0.9, 5
#: Share of the rows of a table that its key tells apart; the rest is dirt.
_NEARLY = 0.98
#: Most tables that are looked at, those with most rows.
_TABLES = 100
#: Tables on the way from a row to its item.
_STEPS = 3
#: Numbers that are keys: their range is so many times their count, else two counted columns are in each other by chance.
_SPARSE = 3
#: Fewest rows of work results, fewest days, fewest different times, and largest operation number.
_ROWS, _DAYS, _TIMES, _LARGEST = 20, 5, 5, 9_999


def items_by_links(survey: Survey) -> Part | None:
    """Find the item master at the end of the links that begin at numbered rows; None where no table leads anywhere.

    Parameters
    ----------
    survey : Survey
        The database.
    """
    found: dict[str, tuple[Table, str, list[str]]] = {}
    for table in _looked_at(survey):
        for key in numbered_by(survey, table):
            end = _end(survey, table, key)
            if end is not None:
                master, code, why = end
                known = found.setdefault(f"{master.title}.{code}", (master, code, []))
                known[2].append(why)
    if not found:
        return None
    ranked = sorted(found.values(), key=lambda f: (len(f[2]), survey.rows(f[0])), reverse=True)
    master, code, whys = ranked[0]
    others = tuple(dict.fromkeys(t.title for t, _, _ in ranked[1:] if t != master))
    why = f"DECIDE: the item master? By its values: {'; '.join(whys[:2])}"
    choice = Choice(
        code, master.column(code), "DECIDE: by its values: other tables name rows by it", sure=False
    )
    left_out = not_looked_at(survey)
    notes = (f"DECIDE: {left_out}",) if left_out else ()
    rows = f"{survey.rows(master):,} rows"
    return Part("items", master, f"{why}; {rows}", {"item_cd": choice}, notes=notes, others=others[:3])


def _looked_at(survey: Survey) -> list[Table]:
    """The tables whose values are followed: all, or those with most rows."""
    if len(survey.tables) <= _TABLES:
        return survey.tables
    return sorted(survey.tables, key=lambda t: (-survey.rows(t), t.title))[:_TABLES]


def not_looked_at(survey: Survey) -> str:
    """A sentence about the tables whose values were not followed; blank where all were.

    Parameters
    ----------
    survey : Survey
        The database.
    """
    if len(survey.tables) <= _TABLES:
        return ""
    return f"only the {_TABLES} tables with most rows of {len(survey.tables):,} were followed: name those that matter with --tables"


def _end(survey: Survey, table: Table, key: str) -> tuple[Table, str, str] | None:
    """The last table that a key leads to, its column, and the way as a sentence."""
    seen, column, steps, arrived = [table.title], key, [], ""
    end = None
    for _ in range(_STEPS):
        step = _step(survey, table, column, seen) if arrived == "" else _onward(survey, table, arrived, seen)
        if step is None:
            break
        source, other, there, share = step
        steps.append(f"{share:.0%} of {table.title}.{source} are in {other.title}.{there}")
        end = (other, there)
        seen.append(other.title)
        table, arrived = other, there
    return None if end is None else (*end, ", ".join(steps))


def _onward(
    survey: Survey, table: Table, arrived: str, seen: list[str]
) -> tuple[str, Table, str, float] | None:
    """The step from a head to what it is for: a column of many values that are in the key of another table."""
    sample = survey.sample(table)
    for column in table.columns:
        held = sample.get(column.name)
        if (
            column.key
            or column.name == arrived
            or held is None
            or 3 * held.distinct < held.filled
            or 2 * held.filled < held.rows
        ):
            continue
        step = _step(survey, table, column.name, seen)
        if step is not None:
            return step
    return None


def _step(survey: Survey, table: Table, column: str, seen: list[str]) -> tuple[str, Table, str, float] | None:
    """The table whose key has the values of a column; of several a primary key, else what stands first in its table."""
    held = survey.sample(table).get(column)
    if held is None or held.distinct < _FEWEST or not _is_key(table.column(column), held):
        return None
    found = []
    shapes = held.shapes
    for other in _looked_at(survey):
        if other.title in seen:
            continue
        for key in _keys(survey, other):
            whole = survey.rows(other) <= SAMPLE  # the first rows of a large table may look otherwise
            strange = whole and not shapes & survey.sample(other)[key.name].shapes
            if key.kind != table.column(column).kind or strange:
                continue
            share = survey.share_found(table, column, other, key.name) or 0.0
            if share >= _MOST:
                rank = (key.key, -other.columns.index(key), survey.rows(other), other.title)
                found.append((rank, (column, other, key.name, share)))
    return max(found, key=lambda f: f[0])[1] if found else None


def _keys(survey: Survey, table: Table) -> Iterator[Column]:
    """Columns that name each row of a table, but for a few that stand there twice."""
    sample = survey.sample(table)
    for column in table.columns:
        held = sample.get(column.name)
        if held is None or held.rows < _FEWEST or held.distinct < _NEARLY * held.rows:
            continue
        if _is_key(column, held):
            yield column


def _is_key(column: Column, held: Values) -> bool:
    """Whether values can be keys that are found elsewhere by no chance: texts, or whole numbers far apart or far from 1."""
    if column.kind == "text":
        return held.date_format is None
    numbers = held.numbers
    if column.kind != "integer" or not numbers:
        return False
    return numbers[-1] - numbers[0] > _SPARSE * held.distinct or numbers[0] > _SPARSE * held.distinct


# --- work results -----------------------------------------------------------------------------------------------------
def results_by_links(survey: Survey, items: Part, operations: Part) -> Part | None:
    """Find work results: of the tables with a day, a time and an operation of the routings the one with most rows.

    Parameters
    ----------
    survey : Survey
        The database.
    items : Part
        The item master.
    operations : Part
        The routings.
    """
    taken = {t.title for p in (items, operations) for t in (p.table, *(j.table for j in p.joins))}
    found: list[tuple[int, Part]] = []
    for table in _looked_at(survey):
        rows = survey.rows(table) if table.title not in taken else 0
        part = _reports(survey, table, items, operations) if rows >= _ROWS else None
        if part is not None:
            found.append((rows, replace(part, why=f"{part.why}; {rows:,} rows")))
    if not found:
        return None
    best = max(found, key=lambda f: f[0])[1]
    return replace(best, others=tuple(p.table.title for _, p in found if p.table != best.table)[:3])


def _reports(survey: Survey, table: Table, items: Part, operations: Part) -> Part | None:
    """What the columns of a table of reports are; None where it has no day, no time, or nothing of the routings."""
    sample = survey.sample(table)
    found: dict[str, Choice] = {}
    used: set[str] = set()
    for name, (column, why) in _of_routings(survey, table, operations):
        if column.name not in used and name not in found:
            found[name] = _asked(column, why)
            used.add(column.name)
    link = _link(survey, table, items, used)
    if link is None or not {"proc_seq", "job_cd"} & set(found):
        return None
    used |= {c.source for c in link.columns.values()}
    free = [c for c in table.columns if c.name not in used]
    day = _day(free, sample)
    measured = [c for c in _times(free, sample) if c != day and not _leads(survey, table, c)]
    if day is None or not measured:
        return None
    found["report_dt"] = _asked(day, f"{sample[day.name].distinct:,} days")
    return replace(link, columns={**link.columns, **found, **_measured(measured, sample)})


def _asked(column: Column, why: str, alias: str = "") -> Choice:
    source = f"{alias}.{column.name}" if alias else column.name
    return Choice(source, column, f"DECIDE: by its values: {why}", sure=False)


def _leads(survey: Survey, table: Table, column: Column) -> bool:
    """Whether whole numbers are keys of another table, and so neither times nor pieces."""
    return column.kind == "integer" and _step(survey, table, column.name, [table.title]) is not None


def _of_routings(survey: Survey, table: Table, operations: Part) -> Iterator[tuple[str, tuple[Column, str]]]:
    """Columns whose values are the operation numbers, jobs and machines of the routings."""
    sample = survey.sample(table)
    for name in ("proc_seq", "job_cd", "res_cd"):
        theirs = operations.columns.get(name)
        if theirs is None or "." in theirs.source:
            continue
        for column in table.columns:
            held = sample.get(column.name)
            if held is None or not _alike(name, column, theirs.column, held):
                continue
            share = survey.share_found(table, column.name, operations.table, theirs.source) or 0.0
            if share >= _MOST:
                shown = f"{share:.0%} of them in the sample are in {operations.table.title}.{theirs.source}"
                yield name, (column, shown)


def _alike(name: str, column: Column, theirs: Column, held: Values) -> bool:
    """Whether a column may hold the same codes: several that come again, numbers of operations as small whole numbers."""
    if held.distinct < 2 or 2 * held.distinct > held.filled or held.date_format is not None:
        return False
    if name != "proc_seq":
        return column.kind == theirs.kind == "text"
    whole = held.holds_numbers and all(n.is_integer() for n in held.numbers)
    return whole and held.distinct > 2 and 0 < held.numbers[0] <= held.numbers[-1] <= _LARGEST


def _link(survey: Survey, table: Table, items: Part, used: set[str]) -> Part | None:
    """The table with the column that names the item: its own, else that of the order which it names."""
    part = Part("results", table, "DECIDE: work results? By its values", {})
    own = _item_of(survey, table, items, used)
    if own is not None:
        return replace(part, columns={"item_cd": _asked(*own)})
    sample = survey.sample(table)
    for column in table.columns:
        held = sample.get(column.name)
        if held is None or column.name in used or held.distinct == held.rows:
            continue
        step = _step(survey, table, column.name, [table.title, items.table.title])
        theirs = _item_of(survey, step[1], items, {step[2]}) if step is not None else None
        if step is not None and theirs is not None:
            _, order, key, share = step
            why = f"{share:.0%} of the values of {column.name} in the sample are there; DECIDE: is it the order?"
            columns = {
                "order_no": _asked(
                    column,
                    f"{share:.0%} of them in the sample are in {order.title}.{key}, which names an item",
                ),
                "item_cd": _asked(*theirs, "head"),
            }
            return replace(part, columns=columns, joins=(Joined(order, "head", column.name, key, why),))
    return None


def _item_of(survey: Survey, table: Table, items: Part, used: set[str]) -> tuple[Column, str] | None:
    """The column whose values are items, and the reason."""
    code, sample = items.columns["item_cd"].source, survey.sample(table)
    for column in table.columns:
        held = sample.get(column.name)
        fits = column.name not in used and column.kind == items.column("item_cd").kind
        if held is None or not fits or held.distinct < _FEWEST or not _is_key(column, held):
            continue
        share = survey.share_found(table, column.name, items.table, code) or 0.0
        if share >= _MOST:
            return column, f"{share:.0%} of them in the sample are in {items.table.title}.{code}"
    return None


def _day(columns: list[Column], sample: Mapping[str, Values]) -> Column | None:
    """The column of most days; numbers that look like days only where there are no others."""
    days = [
        c
        for c in columns
        if (held := sample.get(c.name)) is not None
        and held.distinct >= _DAYS
        and (c.kind == "date" or held.date_format is not None)
    ]
    return max(days, key=lambda c: (c.kind in ("date", "text"), sample[c.name].distinct), default=None)


def _times(columns: list[Column], sample: Mapping[str, Values]) -> Iterator[Column]:
    """Numbers that may be times or pieces: several, that come again, and no dates; those with decimals first."""
    fits = [
        c
        for c in columns
        if c.kind in ("number", "integer")
        and (held := sample.get(c.name)) is not None
        and held.distinct >= _TIMES
        and held.distinct < held.filled
        and held.date_format is None
    ]
    yield from sorted(fits, key=lambda c: all(n.is_integer() for n in sample[c.name].numbers))


def _measured(columns: list[Column], sample: Mapping[str, Values]) -> dict[str, Choice]:
    """The time, a number with decimals where there is one, and the pieces, whole numbers; the others are named."""
    if not columns:
        return {}
    whole = [c for c in columns[1:] if all(n.is_integer() for n in sample[c.name].numbers)]
    found = {"machine_time": columns[0], **({"order_qty": whole[0]} if whole else {})}
    rest = [c.name for c in columns if c not in found.values()]
    or_other = f"; or is it {' or '.join(rest[:3])}?" if rest else ""
    words = {"machine_time": "the time", "order_qty": "the pieces"}
    return {
        n: Choice(
            c.name,
            c,
            f"DECIDE: {words[n]}? By its values: it goes {sample[c.name].spread()}{or_other}",
            sure=False,
        )
        for n, c in found.items()
    }
