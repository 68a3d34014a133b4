"""The proposal as a commented TOML file: every choice with its reason, every question marked `DECIDE:`."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from routing_etl.erp.basis_words import bases_of_letters, basis_of
from routing_etl.erp.census import COMPANY_COLUMNS
from routing_etl.erp.parse import COUNTED
from routing_etl.erp.profile_model import RAW_COLUMNS, RESERVED
from routing_etl.onboarding.choose import Choices, is_status
from routing_etl.onboarding.formats import format_words
from routing_etl.onboarding.further import made_outside
from routing_etl.onboarding.kinds import FEW as _FEW
from routing_etl.onboarding.kinds import kind_of
from routing_etl.onboarding.kinds_of_rows import kinds_asked
from routing_etl.onboarding.meaning import counted_up, ends_one_by_one, factor_unit, fractions, siblings
from routing_etl.onboarding.parts import Choice, Part
from routing_etl.onboarding.survey import Column, Survey, Table, Values
from routing_etl.onboarding.words import NAMED_UNITS, TIME_UNITS, words_of
from routing_etl.onboarding.write_further import (
    attributes_as_rows,
    columns_of_inside,
    further_of_reports,
    further_sections,
    words_of_inside,
)

#: Most attributes that are proposed.
_ATTRIBUTES = 40
#: Words of columns that describe no part: who and when, money, technical columns.
_NO_ATTRIBUTE = frozenset(
    [
        "price",
        "cost",
        "amount",
        "created",
        "modified",
        "updated",
        "timestamp",
        "rowguid",
        "guid",
        "user",
        "owner",
        "creation",
        "preis",
        "kosten",
        "precio",
        "prix",
        "cout",
        "coste",
        "단가",
        "원가",
        "금액",
        "등록자",
        "수정일",
        "url",
        "image",
        "picture",
        "photo",
        "version",
        "rowversion",
    ]
)
_UNIT_WORDS = frozenset(
    ["uom", "unit", "units", "einheit", "unidad", "unite", "단위", "meins", "gewei", "um"]
)
#: Words of columns that number versions of a routing.
_VERSION = frozenset(["rev", "revision", "version", "ver"])
_TIMES = ("setup_time", "run_time", "queue_time", "wait_time", "move_time", "machine_time", "hold_time")
#: Beginnings of days before 1950.
_OLD = r"^(0|1[0-8]|19[0-4])\d"
_CODES = ("rout_no", "job_cd", "res_cd", "bp_cd")


def text_of(survey: Survey, choices: Choices, *, name: str) -> str:
    """Write the profile.

    Parameters
    ----------
    survey : Survey
        The database, for the samples.
    choices : Choices
        What was chosen.
    name : str
        The profile's name.

    Returns
    -------
    str
        TOML. It loads as a profile where no required part is missing.
    """
    lines = [
        f"# Proposed by `routing-etl profile suggest` from a {survey.dialect} database with {len(survey.tables)} tables.",
        "# The reason for each choice stands behind it. What only a person can know is marked DECIDE; settle it and remove the mark.",
        "# Every key is explained in bi_views.toml of routing_etl/erp/profiles.",
        "",
        f"name = {_quoted(name)}",
        f'description = "Proposed from the catalogue of a {survey.dialect} database"',
    ]
    lines += [f"# MISSING: {text}" for text in choices.missing]
    lines += _source(survey, choices)
    if "items" in choices.parts:
        lines += ["", *_items(survey, choices)]
    for role, write in (("operations", _operations), ("results", _results)):
        part = next((p for r, p in choices.parts.items() if r == role), None)
        if part is not None:
            lines += ["", *write(survey, part)]
    lines += further_sections(survey, choices)
    return "\n".join(lines) + "\n"


def _source(survey: Survey, choices: Choices) -> list[str]:
    """The decimal mark of numbers that are texts."""
    seen = [
        (column.name, values)
        for part in choices.parts.values()
        for column in part.table.columns
        if column.kind == "text"
        and (values := survey.sample(part.table).get(column.name)) is not None
        and values.holds_numbers
    ]
    marks = {values.decimal: (name, values) for name, values in seen if values.decimal}
    if set(marks) == {","}:
        name, values = marks[","]
        return ["", "[source]", _line('decimal = ","', f"{name} holds {values.telling!r}")]
    if len(marks) > 1:
        return [
            "",
            "# DECIDE: some texts have a decimal comma, some a decimal point: write decimal at each such column",
        ]
    return []


def _quoted(text: object) -> str:
    """A TOML string; JSON's are."""
    return json.dumps(str(text), ensure_ascii=False)


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _quoted(name)


def _one_line(text: str) -> str:
    """Text that ends no comment: without line breaks and control characters."""
    return "".join(c if c.isprintable() else " " for c in text)


def _line(code: str, comment: str) -> str:
    return f"{code}  # {_one_line(comment)}" if comment else code


def _table_keys(table: Table) -> str:
    schema = f", schema = {_quoted(table.schema)}" if table.schema else ""
    return f"table = {_quoted(table.name)}{schema}"


# --- sections -----------------------------------------------------------------------------------------------------------
def _head(survey: Survey, part: Part) -> Iterator[str]:
    """Table, joins, and the questions about rows that may not count."""
    yield f"[{part.role}]"
    yield _line(f"table = {_quoted(part.table.name)}", part.why)
    if part.table.schema:
        yield f"schema = {_quoted(part.table.schema)}"
    if part.others:
        yield f"# DECIDE: or is it {_one_line(' or '.join(part.others))}?"
    yield from _also(survey, part)
    for note in part.notes:
        yield f"# {_one_line(note)}"
    if part.joins:
        yield "joins = ["
        for j in part.joins:
            pairs = [(j.known, j.own), *([(j.also, j.also)] if j.also else []), *j.pairs]
            on = "[" + ", ".join(f"[{_quoted(a)}, {_quoted(b)}]" for a, b in pairs) + "]"
            kind = ', kind = "inner"' if j.inner else ""
            tests = ", ".join(
                f'{{ column = {_quoted(c)}, op = "=", value = {_literal(v)} }}' for c, v in j.where
            )
            where = f", where = [{tests}]" if tests else ""
            code = f"  {{ {_table_keys(j.table)}, alias = {_quoted(j.alias)}, on = {on}{kind}{where} }},"
            yield _line(code, j.why)
        yield "]"
    # a filter on a table of names would take away rows that have no name
    for alias, table in (("", part.table), *((f"{j.alias}.", j.table) for j in part.joins if j.inner)):
        yield from _questions(survey, table, alias, {c.source for c in part.columns.values()})


def _also(survey: Survey, part: Part) -> Iterator[str]:
    """Further tables with the rows of another time."""
    found = siblings(survey, part)
    if found:
        named = ", ".join(_quoted(title) for title in found)
        asked = "the same columns for another year, by their names"
        if not all(found.values()):
            asked = "DECIDE: the same columns, and by its name an archive: are its rows not in the other table too?"
        yield _line(f"also = [{named}]", asked)


def _questions(survey: Survey, table: Table, alias: str, read: set[str]) -> Iterator[str]:
    sample = survey.sample(table)
    for column in table.columns:
        values = sample.get(column.name)
        machine = column.spoken.lower() in COMPANY_COLUMNS and alias + column.name in read
        if values is None or not values.distinct or machine:  # what is read as a machine is no plant
            continue
        blank = values.filled < values.rows  # a mark, such as one of deletion: rows without it count
        first = "" if blank else values.counts.most_common(1)[0][0]
        where = (
            f'where = [{{ column = {_quoted(alias + column.name)}, op = "=", value = {_literal(first)} }}]'
        )
        if column.spoken.lower() in COMPANY_COLUMNS:
            if values.distinct > 1:
                yield _one_line(
                    f"# DECIDE: which company or plant? {table.title}.{column.name} holds {values.shown()}. For one of them: {where}"
                )
        elif is_status(column) and values.distinct <= _FEW:
            yield _one_line(
                f"# DECIDE: which rows count? {table.title}.{column.name} holds {values.shown()}. To filter: {where}"
            )


def _literal(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, (int, float)) else _quoted(value)


def _items(survey: Survey, choices: Choices) -> Iterator[str]:
    part = choices.parts["items"]
    yield from _head(survey, part)
    yield ""
    yield "[items.columns]"
    yield _column(survey, part, "item_cd", part.columns["item_cd"])
    yield ""
    yield "[items.attributes]"
    used: set[str] = set()
    yield from _attributes(survey, part, used)
    yield from _joined_attributes(survey, part, used)
    found = list(attributes_as_rows(survey, choices, lambda word: _attribute_name(word, used)))
    for attributes, _ in found:
        yield from attributes
    for _, pivot in found:
        yield from ["", *pivot]


def _column(survey: Survey, part: Part, name: str, choice: Choice) -> str:
    """One mapped column with its reason."""
    raw = RAW_COLUMNS[part.role][name]
    source = _quoted(choice.source)
    if raw.type == "text" and choice.column.kind in ("integer", "number") and (raw.key or name in _CODES):
        source = f"{{ column = {source}, integer_code = true }}"
    comment = choice.why
    written = _seen(survey, part, choice) if raw.type == "date" else None
    if written is not None and written.date_format:
        source = f"{{ column = {source}, date_format = {_quoted(written.date_format)} }}"
        comment += f"; written as {_text_of_first(written)}"
    clock = _seen(survey, part, choice) if raw.type == "number" else None
    if clock is not None and name in _TIMES and clock.hours_and_minutes:
        source = f'{{ column = {source}, time_form = "h.mm" }}'
        comment += (
            "; DECIDE: none of its decimals reaches .60: hours and minutes, 1.30 for an hour and a half?"
        )
    elif clock is not None and clock.time_form:
        source = f"{{ column = {source}, time_form = {_quoted(clock.time_form)} }}"
        comment += f"; written as {_text_of_first(clock)}"
        if clock.time_form == "hh:mm":
            comment += "; DECIDE: hours and minutes, or minutes and seconds (mm:ss)?"
    if not choice.sure and not comment.startswith("DECIDE"):
        comment = f"DECIDE: is it? {comment}"
    if name == "rout_no" and _VERSION & set(words_of(choice.source.rpartition(".")[2])):
        held = _seen(survey, part, choice)
        shown = f" ({held.shown(4)})" if held is not None else ""
        comment = f"DECIDE: are these versions of one routing{shown}? Then only the one in force counts: filter, or join what says it"
    seen = _seen(survey, part, choice)
    if seen is not None and raw.required and seen.filled < seen.rows:
        comment += f"; DECIDE: {seen.rows - seen.filled:,} of {seen.rows:,} rows have none and are rejected"
    if seen is not None and name == "proc_seq":
        strange = [v for v in seen.counts if not re.fullmatch(r"\d+(\.0+)?", str(v))]
        if any(str(v) in ("0", "0.0") for v in seen.counts):
            comment += "; DECIDE: some are 0, and routings with such a row are rejected: another column?"
        if strange:
            comment += f"; DECIDE: operation numbers are whole numbers, but {str(strange[0])!r} is none"
    return _line(f"{name} = {source}", comment)


def _text_of_first(values: Values) -> str:
    return repr(str(next(iter(values.counts)))[:20])


def _seen(survey: Survey, part: Part, choice: Choice) -> Values | None:
    """The sample of a chosen column."""
    alias, _, own = choice.source.rpartition(".")
    tables = {j.alias: j.table for j in part.joins}
    if alias in tables:
        return survey.sample(tables[alias]).get(own)
    return survey.sample(part.table).get(choice.source)


# --- attributes of items ---------------------------------------------------------------------------------------------
def _attributes(survey: Survey, part: Part, used: set[str]) -> Iterator[str]:
    sample = survey.sample(part.table)
    item_cd = part.columns["item_cd"].source
    chosen = {c.source: name for name, c in part.columns.items() if name in ("part_type", "item_nm")}
    count = 0
    ordered = sorted(
        part.table.columns, key=lambda c: (chosen.get(c.name, "z") != "part_type", c.name not in chosen)
    )
    for column in ordered:
        if column.name == item_cd:
            continue
        values = sample.get(column.name)
        why_not = _no_attribute(column, values)
        if why_not:
            yield f"# {_one_line(column.name)}: {why_not}"
            continue
        assert values is not None
        if count >= _ATTRIBUTES:
            yield f"# {_one_line(column.name)}: left out, more than {_ATTRIBUTES} attributes"
            continue
        count += 1
        name = _attribute_name(chosen.get(column.name, column.name), used)
        yield _attribute(name, column, values, part.table, sample, chosen.get(column.name))


def _joined_attributes(survey: Survey, part: Part, used: set[str]) -> Iterator[str]:
    """Attributes that stand in tables joined to the item master."""
    for joined in part.joins:
        sample = survey.sample(joined.table)
        for source, name in joined.reads:
            column = joined.table.column(source)
            values = sample.get(source)
            why_not = _no_attribute(column, values)
            if why_not or values is None:
                yield f"# {joined.alias}.{_one_line(source)}: {why_not}"
                continue
            own = _attribute_name(name, used)
            yield _attribute(own, column, values, joined.table, sample, None, f"{joined.alias}.{source}")


def _no_attribute(column: Column, values: Values | None) -> str:
    """Why a column is no attribute; blank when it is one."""
    if values is None or column.kind in ("other", "date"):
        return "not read as an attribute (bytes or a date)"
    if not values.filled:
        return "no value in the sample"
    if (column.kind == "integer" and values.date_format == "%Y%m%d") or (
        column.kind == "text" and values.date_format is not None
    ):
        return "left out: days"
    if set(words_of(column.spoken)) & _NO_ATTRIBUTE:
        return "left out: describes no part"
    if is_status(column) or column.spoken.lower() in COMPANY_COLUMNS:
        return "left out: says whether or where the row counts"
    if values.distinct == 1 and values.filled == values.rows and values.rows > 1:
        return f"left out: always {str(next(iter(values.counts)))[:30]!r}"
    if column.kind == "integer" and words_of(column.spoken)[-1:] == ("id",) and values.distinct > _FEW:
        if 2 * values.distinct < values.filled:
            return "left out: a number of another table; join that table for what it names, such as a class or a type"
        return "left out: a number of its own for most rows"
    return ""


def _attribute_name(name: str, used: set[str]) -> str:
    base = "_".join(words_of(name)) or "attribute"
    base = base if base not in RESERVED and not base.startswith("unit_of_") else f"{base}_value"
    found, i = base, 2
    while found in used:
        found, i = f"{base}_{i}", i + 1
    used.add(found)
    return found


def _attribute(
    name: str,
    column: Column,
    values: Values,
    table: Table,
    sample: dict[str, Values],
    chosen: str | None,
    source: str | None = None,
) -> str:
    share = f"{values.distinct:,} values in {values.filled:,} of {values.rows:,} rows"
    kind, asked = kind_of(column, values)
    if chosen in ("part_type", "item_nm"):
        kind, asked = "category" if chosen == "part_type" else "text", ""
    code = (
        ", integer_code = true" if kind in ("text", "code") and column.kind in ("integer", "number") else ""
    )
    longest = max((len(str(v)) for v in values.counts), default=0)
    length = ", length = 500" if kind == "text" or longest > 100 else ""
    comment = share
    if chosen == "part_type":
        comment = f"the kind of part: the segment of the metrics; {share}"
    if asked:
        comment = f"{share}; {asked}"
    if kind == "number":
        comment = f"{values.spread()}{_unit_question(column, table, sample)}"
    return _line(
        f'{_key(name)} = {{ column = {_quoted(source or column.name)}, kind = "{kind}"{code}{length} }}',
        comment,
    )


def _unit_question(column: Column, table: Table, sample: dict[str, Values]) -> str:
    """A question where a column may say which unit each value is in."""
    mine = set(words_of(column.spoken))
    for other in table.columns:
        theirs = set(words_of(other.spoken))
        held = sample.get(other.name)
        if theirs & _UNIT_WORDS and mine & (theirs - _UNIT_WORDS) and held is not None and held.distinct > 1:
            return (
                f"; DECIDE: {other.name} may hold its unit ({held.shown(4)}): unit, unit_column and [units]"
            )
    return ""


# --- routings and results ---------------------------------------------------------------------------------------------
def _operations(survey: Survey, part: Part) -> Iterator[str]:
    part = _formats_as_basis(survey, part)
    outsourced = made_outside(survey, part)
    yield from _head(survey, part)
    yield ""
    yield "[operations.columns]"
    columns = part.columns
    for name in RAW_COLUMNS["operations"]:
        if name in columns:
            yield _column(survey, part, name, columns[name])
        elif name == "item_cd":
            yield "# MISSING: item_cd, the item that the routing is for"
        elif name == "rout_no":
            yield 'rout_no = { const = "1" }  # DECIDE: no column names the routing; with a constant an item has one routing'
        elif name == "job_cd":
            other = next((n for n in ("job_nm", "res_cd") if n in columns), None)
            if other is not None:
                source = _column(survey, part, other, columns[other]).partition(" = ")[2].partition("  # ")[0]
                yield f"job_cd = {source}  # DECIDE: no column holds a job code; {other} stands for it"
    yield from columns_of_inside(outsourced)
    yield ""
    yield "[routing]"
    yield from words_of_inside(outsourced)
    yield from _units(survey, part)
    if why := fractions(survey, part):
        yield _line('efficiency_unit = "fraction"', why)
    if why := ends_one_by_one(survey, part, dt.date.today()):
        yield _line('in_force = "operation"', f"DECIDE: do operations end one by one? {why}")
    yield from _old_dates(survey, part)


def _formats_as_basis(survey: Survey, part: Part) -> Part:
    """The part with a column of formats, such as pieces per hour, as the basis of the run time and not as a unit."""
    for name in ("time_unit", "run_unit"):
        choice = part.columns.get(name)
        held = _seen(survey, part, choice) if choice is not None else None
        if choice is not None and held is not None and format_words(held.counts) is not None:
            others = {n: c for n, c in part.columns.items() if n != name}
            why = "its words are formats, not units: pieces per hour is no time"
            return replace(part, columns={**others, "run_basis": replace(choice, why=why)})
    return part


def _units(survey: Survey, part: Part) -> Iterator[str]:
    """What unit the times are in: as a column or the names say, else a question with the values seen."""
    timed = ("setup_time",) if "run_basis" in part.columns else ("setup_time", "run_time")
    times = {n: part.columns[n] for n in timed if n in part.columns}
    clocks = {
        n
        for n, c in times.items()
        if (seen := _seen(survey, part, c)) is not None and (seen.time_form or seen.hours_and_minutes)
    }
    shown = "; ".join(f"{c.source} {_spread(survey, part, c)}" for c in times.values())
    units = [part.columns[n] for n in ("time_unit", "setup_unit", "run_unit") if n in part.columns]
    held = {u.source: seen for u in units if (seen := _seen(survey, part, u)) is not None and seen.distinct}
    if clocks and clocks == set(times):
        pass  # their form says the unit
    elif held:
        yield from _spelled_units(held)
        if "time_unit" in part.columns and len(times) > 1:
            unit = _one_line(part.columns["time_unit"].source)
            yield f"# DECIDE: is {unit} the unit of set-up and run time alike? {_one_line(shown)}"
    else:
        named = {n: _named_unit(c.source) for n, c in times.items()}
        factors = {u for u in named.values() if u is not None}
        led = factor_unit(part)
        if led is not None:
            factor_name = _one_line(part.columns["time_factor"].source)
            yield _line(
                f"blank_time_unit = {led:.12g}",
                f"minutes of the unit that {factor_name} leads to, by its name; {shown}",
            )
        elif len(factors) == 1 and None not in named.values():
            [factor] = factors
            yield _line(
                f"blank_time_unit = {factor:.12g}",
                f"minutes of a unit, as the names of the columns say; {shown}",
            )
        else:
            yield _line(
                "blank_time_unit = 1.0", f"DECIDE: no column says the unit of the times: minutes? {shown}"
            )
    basis, qty = part.columns.get("run_basis"), part.columns.get("run_time_qty")
    if basis is not None and "run_time" in part.columns:
        yield from _bases(survey, part, basis)
    elif qty is not None:
        yield f'run_basis = "base_qty"  # DECIDE: is the run time for {_one_line(qty.source)} pieces, or "piece"?'
    elif "run_time" in part.columns:
        yield 'run_basis = "piece"  # DECIDE: is the run time for one piece? (for a lot: map run_time_qty and write "base_qty")'


def _bases(survey: Survey, part: Part, choice: Choice) -> Iterator[str]:
    """What the words of a basis mean, a question for each that may mean anything, and what a blank one means."""
    held = _seen(survey, part, choice)
    words = {} if held is None else {str(v): n for v, n in held.counts.most_common()}
    formats = format_words(words) or bases_of_letters(words)
    # a number that is a key of the ERP's own list of codes is no number of pieces
    open_words = [w for w in words if not (choice.coded and w.strip().isdigit())]
    known = {w: basis for w in open_words if (basis := formats.get(w) or basis_of(w)) is not None}
    inner = ", ".join(f"{_quoted(w)} = {_quoted(basis)}" for w, basis in known.items())
    yield _line(
        f"run_basis_words = {{ {inner} }}" if known else "run_basis_words = {}",
        "DECIDE: as the words say; are they so? Compare with the ERP's screen",
    )
    for word, rows in words.items():
        if word not in known:
            yield _one_line(
                f"# DECIDE: what is the run time with {word!r} ({rows:,} rows; hours_per_order: fixed hours)? Until it is in "
                "run_basis_words such run times are NULL"
            )
    if held is not None and held.filled < held.rows:
        yield _line(
            'run_basis = "piece"',
            f"DECIDE: {held.rows - held.filled:,} rows of the sample say nothing; one piece?",
        )


def _spelled_units(held: dict[str, Values]) -> Iterator[str]:
    """The spellings of time units that cannot be misread, and a question for each other one."""
    spellings: Counter[str] = Counter()
    for values in held.values():
        spellings.update({str(v): n for v, n in values.counts.items()})
    known = {s: TIME_UNITS[s.strip().upper()] for s in spellings if s.strip().upper() in TIME_UNITS}
    inner = ", ".join(f"{_quoted(k)} = {m:.12g}" for k, m in known.items())
    seen = "; ".join(f"{source} holds {values.shown()}" for source, values in held.items())
    yield _line(f"time_units = {{ {inner} }}" if known else "time_units = {}", seen)
    for spelling, rows in spellings.items():
        if spelling not in known:
            yield _one_line(
                f"# DECIDE: how many minutes is {spelling!r} ({rows:,} rows)? Until then such times are NULL"
            )
    blank = max(values.rows - values.filled for values in held.values())
    if blank:
        yield f"blank_time_unit = 1.0  # DECIDE: {blank:,} rows of the sample have no unit; minutes?"


def _spread(survey: Survey, part: Part, choice: Choice) -> str:
    held = _seen(survey, part, choice)
    return held.spread() if held is not None else ""


def _named_unit(column: str) -> float | None:
    """Minutes of the unit that a column's own name says."""
    found = {NAMED_UNITS[w] for w in words_of(column.rpartition(".")[2]) if w in NAMED_UNITS}
    return next(iter(found)) if len(found) == 1 else None


def _old_dates(survey: Survey, part: Part) -> Iterator[str]:
    """Dates before 1950, which stand for none in many ERPs."""
    for name in ("valid_from", "valid_to"):
        choice = part.columns.get(name)
        held = _seen(survey, part, choice) if choice is not None else None
        counted = held is None or held.date_format in COUNTED
        old = [] if held is None or counted else [v for v in held.counts if re.match(_OLD, str(v))]
        if choice is not None and old:
            yield _one_line(
                f"# DECIDE: {choice.source} holds {old[0]!r}: does it mean that there is no date?"
            )


def _results(survey: Survey, part: Part) -> Iterator[str]:
    """The work results; commented out where a column is missing that they cannot do without."""
    needed = [c.name for c in RAW_COLUMNS["results"].values() if c.required]
    absent = [n for n in needed if n not in part.columns]
    lines = [*_head(survey, part)]
    time = part.columns.get("machine_time")
    factor = _named_unit(time.source) if time is not None else None
    spread = _spread(survey, part, time) if time is not None else ""
    clock = _seen(survey, part, time) if time is not None else None
    if time is None:
        lines.append("time_factor_min = 1  # the minutes between start_at and end_at")
    elif clock is not None and (clock.time_form or clock.hours_and_minutes):
        lines.append("time_factor_min = 1  # times with a form of their own are read in minutes")
    elif factor is not None:
        lines.append(
            _line(
                f"time_factor_min = {factor:.12g}",
                f"minutes of a unit, as the name {time.source} says; {spread}",
            )
        )
    else:
        lines.append(
            _line(
                "time_factor_min = 1.0",
                f"DECIDE: minutes of one {time.source}: 60 for hours? It goes {spread}",
            )
        )
    lines.append(
        'run_basis = "order"  # DECIDE: does one time cover the whole order ("order"), a "lot" or a "piece"?'
    )
    if "order_no" in part.columns:
        lines += _of_orders(survey, part)
    keys, further = further_of_reports(survey, part)
    told = [] if keys else [f"# {_one_line(text)}" for text in kinds_asked(survey, part)]
    read = {n: c for n, c in part.columns.items() if n != "record_kind"}
    units = _spelled_of_results(survey, part)
    lines += [*units, *keys, *told, "", "[results.columns]"]
    lines += [_column(survey, part, n, read[n]) for n in RAW_COLUMNS["results"] if n in read]
    lines += further
    if absent:
        yield f"# MISSING: work results need {', '.join(absent)}, which neither {_one_line(part.table.title)} nor a table beside it has:"
        yield "# DECIDE: join the table that has them, or leave work results out (times are those of the routings then)."
    for line in lines:
        yield f"# {line}".rstrip() if absent else line


def _spelled_of_results(survey: Survey, part: Part) -> Iterator[str]:
    """The spellings of units of the rows' times, where a column holds them."""
    unit = part.columns.get("time_unit")
    held = _seen(survey, part, unit) if unit is not None else None
    if unit is not None and held is not None:
        yield from _spelled_units({unit.source: held})


def _of_orders(survey: Survey, part: Part) -> Iterator[str]:
    """How the rows of one order go together: what the sample shows, and a question."""
    counted = counted_up(survey, part)
    quantity = part.columns.get("order_qty")
    named = quantity is not None and bool(
        {"order", "ordered", "auftrag", "auftrags"} & set(words_of(quantity.source))
    )
    of_head = quantity is not None and any(
        quantity.source.startswith(f"{j.alias}.")
        and j.known == part.columns["order_no"].source
        and not j.pairs
        for j in part.joins
    )
    word = counted.order_quantity or ("order" if named or of_head else "sum")
    shown = f"{counted.why_quantity}. " if counted.why_quantity else ""
    yield _line(
        f'order_quantity = "{word}"',
        f'DECIDE: {shown}Where an order has several rows, are the pieces those of each row ("sum"), counted up ("largest"), or of the whole '
        'order on each ("order")?',
    )
    if counted.order_time:
        yield _line(
            f'order_time = "{counted.order_time}"',
            f"DECIDE: {counted.why_time}: are the times of an order counted up from its first row?",
        )
