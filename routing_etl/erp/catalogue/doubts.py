"""What a profile says about its tables that is probably not meant."""

from __future__ import annotations

import re

from routing_etl.erp.catalogue.bound import Finding, FoundColumn, ReadColumn, find_column, flat
from routing_etl.erp.catalogue.look import Look
from routing_etl.erp.catalogue.names import visible
from routing_etl.erp.profile_model import FRAME_OF, PER_PIECE, Where

# --- what is probably not meant ---------------------------------------------------------------------------------------
#: Times of an operation, with the key of the unit that each may have.
_TIME_UNITS = {
    "setup_time": "setup_unit",
    "run_time": "run_unit",
    "queue_time": "queue_unit",
    "wait_time": "wait_unit",
    "move_time": "move_unit",
}


#: Names of columns that hold a unit, in the languages and systems seen.
UNIT_NAME = re.compile(
    r"^(?!.*(cost|price|preis|kosten|business)).*"
    r"(uom|unit|einheit|vge\d|ile\d|unite|unidad|meas|eenheid|(^|[_ ])u[_/]?m($|[_ \d])|jednostk|jednotk|(^|[_ ])(jm|jedn|mj)($|[_ \d])|단위|単位|单位)",
    re.IGNORECASE,
)


#: Names of columns that say more about an operation's time than a profile without these keys can know.
_TELLING = (
    (re.compile(r"^(?!.*lead).*(fixed.*time|time.*fixed)|run.?(basis|method|rate)|std.?format|time.?basis", re.IGNORECASE),
     "run_basis", "what the run time is for (a piece, an hour, the whole order)"),
    (re.compile(r"time.?stop|tear.?down|abr[uü]st|cleanup", re.IGNORECASE), "setup_time",
     'a time after the last piece: sum = ["SET-UP", "TEAR-DOWN"]'),
    (re.compile(r"prio(rity)?$|preference", re.IGNORECASE), "resource_priority", "which machine of an operation comes first"),
)  # fmt: skip

#: Names of dates, in the languages and systems seen, and of those that are not the day on which something was written.
_DATE_NAME = re.compile(
    r"(^|[_ ])(dt|dat|date|data|datum|fecha|day)($|[_ ])|date$|datum$|^dat(um|uv)|creat|creation|angelegt|anlage|일자$|등록일|日付",
    re.IGNORECASE,
)
_ANOTHER_DAY = re.compile(
    r"(^|[_ ])(to|until|bis|end|ending|ende|hasta|fin|do|au|exp|due|last|next|price|cost|status|print|planned)($|[_ ])|expir|obsolet|modif|upd|chang|aend|änder|write|zmian|(start|end)_?time|"
    r"[_ ]by$|user|종료|수정|변경",
    re.IGNORECASE,
)

#: Last words of columns that say the unit of a time, in minutes. `std` is no unit: it may be "standard".
NAMED_MINUTES = {
    **dict.fromkeys(("min", "mins", "minute", "minutes", "minuten", "minutos", "분"), 1.0),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours", "stunden", "horas", "heures"), 60.0),
    **dict.fromkeys(
        ("sec", "secs", "second", "seconds", "sek", "sekunden", "segundos", "secondes", "초", "秒"), 1 / 60
    ),
}


#: Names of run times that are not for one piece.
_PER = re.compile(
    r"per.?(lot|batch|cycle|order|10+(?!\d)|hundred|thousand)|(?<!\d)(100|1000)$|(pcs|pieces|parts).?per.?h|(je|pro).?(los|auftrag|10+)"
    r"|(?<!\d)10+.?(st|stk|stck|stueck|pc|pcs|pz|pzas?|szt|ks)$|(st|stk|pcs?|pz|szt|ks)_?(h|std|hr)$|(par|por|cada|na|za).?(lot|lote|lotto|10+)",
    re.IGNORECASE,
)


#: Words of columns for the hours of people, and for those of machines.
_PEOPLE = frozenset(
    [
        "man",
        "labor",
        "labour",
        "person",
        "people",
        "crew",
        "worker",
        "mann",
        "personal",
        "manhr",
        "manhrs",
        "manhours",
    ]
)
_MACHINE = frozenset(
    [
        "mach",
        "machine",
        "maschine",
        "maschinen",
        "maquina",
        "equipment",
        "mc",
        "burden",
        "machhr",
        "machhrs",
        "machhours",
    ]
)


def doubts(look: Look, columns: list[ReadColumn]) -> list[Finding]:
    """What the profile says that is probably not meant, as warnings."""
    found = [_filtered_left_join(look, where) for where in look.section.where]
    if look.family == "operations":
        found += [
            _one_unit_for_all(look, {c.name: c for c in columns}),
            _unit_per_piece(look),
            *_telling(look),
            _no_day(look),
            _for_a_lot(look, columns),
        ]
    if look.family == "results":
        found.append(_hours_of_people(look, columns))
    if look.family in ("operations", "results"):
        found += _named_otherwise(look, columns)
    found += [_invisible(look, c) for c in {c.found for c in flat(columns) if c.found is not None}]
    return [f for f in found if f is not None]


def _doubt(look: Look, column: str | None, message: str, remedy: str) -> Finding:
    table = str(look.found_tables[look.section.alias])
    return Finding("doubtful", "warning", FRAME_OF[look.family], table, column, message, remedy)


def _filtered_left_join(look: Look, where: Where) -> Finding | None:
    """A filter on a left-joined table takes away the rows that have no partner there."""
    found = find_column(look.names, look.section.alias, where.column)
    optional = {j.alias for j in look.section.joins if j.kind == "left"} | {
        p.alias for p in look.section.pivot
    }
    if found is None or found.alias not in optional or where.op in ("!=", "not in", "not like", "is null"):
        return None
    if where.value == "":
        return None
    return _doubt(
        look,
        found.name,
        f"[{look.family}].where on {where.column} acts after the left join, so rows without a row in {found.alias} are not read.",
        f'Move the condition into the join to keep them: where = [{{ column = "{found.name}", ... }}] there; or say '
        'kind = "inner" if they are to go.',
    )


def _one_unit_for_all(look: Look, columns: dict[str, ReadColumn]) -> Finding | None:
    """One unit column for several times, where the tables have others that look like units of time."""
    times = [t for t in _TIME_UNITS if t in columns and not columns[t].is_absent]
    unit = columns.get("time_unit")
    if unit is None and times and not any(u in columns for u in _TIME_UNITS.values()):
        return _no_unit(look, times)
    own = [t for t in times if _TIME_UNITS[t] in columns]
    if unit is None or unit.found is None or len(times) - len(own) < 2:
        return None
    like = [
        c.name
        for (alias, key), c in look.unused().items()
        if alias == unit.found.alias and (UNIT_NAME.search(c.spoken) or _alike(c.name, unit.found.name))
    ]
    if not like:
        return None
    others = ", ".join(_TIME_UNITS[t] for t in times if t not in own)
    return _doubt(
        look,
        unit.found.name,
        f"{unit.found.name} is the unit of {', '.join(t for t in times if t not in own)}; "
        f"{', '.join(sorted(like))} may be the unit of some of them.",
        f"Map {others} where each time has its own unit, or add the columns to operations.ignore.",
    )


def _no_unit(look: Look, times: list[str]) -> Finding | None:
    """Times without any unit, where the main table has columns that look like one."""
    names = [c.name for (alias, _), c in look.unused().items() if alias == look.section.alias]
    like = sorted(n for n in names if UNIT_NAME.search(n))
    if not like:
        return None
    minutes = look.tables.profile.routing.blank_time_unit
    return _doubt(
        look,
        like[0],
        f"No unit is read for {', '.join(times)}; {minutes:g} minute(s) are taken."
        if minutes is not None
        else f"No unit is read for {', '.join(times)}, so they are NULL.",
        f"{', '.join(like)} may be their unit: map time_unit or setup_unit, run_unit, ..., or add it to operations.ignore.",
    )


def _alike(name: str, other: str) -> bool:
    """Two names that differ in their first or last letters only: RUN_UOM and SETUP_UOM, VGE01 and VGE02."""
    a, b = name.lower(), other.lower()
    head = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    tail = next((i for i, (x, y) in enumerate(zip(a[::-1], b[::-1], strict=False)) if x != y), 0)
    return max(head, tail) >= max(3, len(b) // 2 + 1)


def _telling(look: Look) -> list[Finding]:
    """Columns that by their name say what a time means, and that the profile does not map."""
    unused = look.unused()
    found = []
    for pattern, key, meaning in _TELLING:
        main = look.section.alias
        names = sorted(
            {
                c.name if c.alias == main else f"{c.alias}.{c.name}"
                for c in unused.values()
                if pattern.search(c.spoken)
            }
        )
        mapped = look.section.columns.get(key)
        if (
            names
            and "run_time" in look.section.columns
            and (mapped is None or (key == "setup_time" and not mapped.sum))
        ):
            found.append(
                _doubt(
                    look,
                    names[0],
                    f"{', '.join(names)} may be {meaning}, and the profile does not read it.",
                    f"Map it in operations.columns.{key}, or add it to operations.ignore.",
                )
            )
    return found


def _no_day(look: Look) -> Finding | None:
    """No day of a routing is read, though its tables have dates that may be it."""
    if "insrt_dt" in look.section.columns:
        return None
    own = {look.section.alias} | {j.alias for j in look.section.joins if j.kind == "inner"}
    names = sorted(
        c.name if c.alias == look.section.alias else f"{c.alias}.{c.name}"
        for (alias, _), c in look.unused().items()
        if alias in own
        and (c.type == "date" or _DATE_NAME.search(c.spoken))
        and not _ANOTHER_DAY.search(c.spoken)
    )
    if not names:
        return None
    return _doubt(
        look,
        names[0],
        "No day of a routing is read, so one of twenty years ago counts as much as one of today, and codes that have changed their meaning, "
        f"jobs and machines that were replaced are not seen; {', '.join(names)} may be the day it was written.",
        "Map it in operations.columns.insrt_dt, or add it to operations.ignore.",
    )


def _for_a_lot(look: Look, columns: list[ReadColumn]) -> Finding | None:
    """A run time that by its name is for a lot, a hundred pieces or an hour's, and is read as for one piece."""
    run = next((c.found for c in columns if c.name == "run_time" and c.found is not None), None)
    rules, mapped = look.tables.profile.routing, look.section.columns
    if (
        run is None
        or _ignored(look, run)
        or rules.run_basis not in ("piece", "base_qty")
        or {"run_basis", "run_time_qty"} & set(mapped)
        or not _PER.search(run.spoken)
    ):
        return None
    return _doubt(
        look,
        run.name,
        f"run_time is read from {run.name} as the time of one piece, and its name says something else.",
        "Map the pieces it is for as operations.columns.run_time_qty, or say routing.run_basis (per_100, order, pieces_per_hour, ...); "
        f"or, where the name is wrong, add {run.name} to operations.ignore.",
    )


def _named_otherwise(look: Look, columns: list[ReadColumn]) -> list[Finding]:
    """Times whose column says by its last word another unit than the one that is taken for all rows."""
    profile, mapped = look.tables.profile, look.section.columns
    if look.family == "operations":
        taken, key = profile.routing.blank_time_unit, "routing.blank_time_unit"
        units = {**_TIME_UNITS, **dict.fromkeys(("act_setup_time", "act_run_time"), "time_unit")}
    else:
        assert profile.results is not None
        taken, key = profile.results.time_factor_min, "results.time_factor_min"
        units = {"machine_time": "time_unit", "setup_time": "setup_time_unit", "hold_time": "time_unit"}
    if taken is None or "time_unit" in mapped:
        return []
    found = []
    for column in columns:
        spec, unit = mapped.get(column.name), units.get(column.name)
        if (
            unit is None
            or unit in mapped
            or column.found is None
            or (spec is not None and spec.time_form is not None)
        ):
            continue
        named = NAMED_MINUTES.get((words_of_name(column.found.spoken) or ("",))[-1])
        if named is None or abs(named / taken - 1) < 1e-6 or _ignored(look, column.found):
            continue
        remedy, word = f"Write {key} = {named:.6g}; or", _unit_words(named)
        if look.family == "operations" and column.name in _TIME_UNITS:
            remedy = f'Write {unit} = {{ const = "{word}" }} with time_units = {{ {word} = {named:.6g} }}, or {key} = {named:.6g} for all; or'
        found.append(
            _doubt(
                look,
                column.found.name,
                f"{column.name} is read from {column.found.name} as {_unit_words(taken)} ({key}), and its name says {_unit_words(named)}.",
                f"{remedy}, where the name is wrong, add {column.found.name} to {look.family}.ignore.",
            )
        )
    return found


def _ignored(look: Look, column: FoundColumn) -> bool:
    return column.name.lower() in {n.lower() for n in look.section.ignore}


def _unit_words(minutes: float) -> str:
    known = {1.0: "minutes", 60.0: "hours", 1 / 60: "seconds"}
    return next(
        (w for m, w in known.items() if abs(m / minutes - 1) < 1e-6), f"units of {minutes:.6g} minutes"
    )


def _hours_of_people(look: Look, columns: list[ReadColumn]) -> Finding | None:
    """Hours of people read as those of the machine, where the machine's are there too."""
    time = next((c.found for c in columns if c.name == "machine_time" and c.found is not None), None)
    if time is None or not set(words_of_name(time.spoken)) & _PEOPLE:
        return None
    own = sorted(
        c.name
        for c in look.unused().values()
        if set(words_of_name(c.spoken)) & _MACHINE and c.type in ("number", "integer")
    )
    if not own:
        return None
    return _doubt(
        look,
        time.name,
        f"machine_time is read from {time.name}, which by its name are hours of people, and {', '.join(own)} may be those of the "
        "machine: two people at one machine make twice the time.",
        f'Map machine_time = "{own[0]}", or add it to results.ignore.',
    )


def words_of_name(name: str) -> tuple[str, ...]:
    """The words of a column's name in lower case: `SetupHrs`, `SETUP_HRS` and `setup hrs` are alike."""
    text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name).lower()
    return tuple(re.findall(r"[^\W\d_]+", text))


def people_or_machine(name: str) -> str:
    """Whose hours a column has by its name: "people", "machine", or "" for neither."""
    words = set(words_of_name(name))
    return "people" if words & _PEOPLE else "machine" if words & _MACHINE else ""


def _unit_per_piece(look: Look) -> Finding | None:
    rules, columns = look.tables.profile.routing, look.section.columns
    rates = [u for u in rules.time_units if PER_PIECE.search(u)]
    others = [
        t for t, unit in _TIME_UNITS.items() if t != "run_time" and t in columns and unit not in columns
    ]
    if not rates or "time_unit" not in columns or not others:
        return None
    return _doubt(
        look,
        None,
        f"routing.time_units has {', '.join(map(repr, rates))}, a time for one piece: {', '.join(others)} cannot be in it, and is "
        "NULL in such rows.",
        "Map this column as run_basis, with routing.run_basis_words, and give the other times their unit: "
        'setup_unit = { const = "H" }.',
    )


def _invisible(look: Look, found: FoundColumn) -> Finding | None:
    if visible(found.name) == found.name.strip().lower():
        return None
    table = str(look.found_tables[found.alias])
    return Finding(
        "doubtful",
        "warning",
        FRAME_OF[look.family],
        table,
        found.name,
        f"{table} has a column with invisible characters in its name, {found.name!a}; it is read as "
        f"{visible(found.name).upper()}.",
        "Nothing needs to be done; loading the table without the file's byte order mark removes it.",
    )
