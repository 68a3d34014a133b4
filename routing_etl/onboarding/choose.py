"""Which table is the item master, which the routings, which the work results; which column is what; and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from routing_etl.erp.name_words import says_whether_rows_count
from routing_etl.erp.profile_model import RAW_COLUMNS
from routing_etl.onboarding import words
from routing_etl.onboarding.by_links import items_by_links, not_looked_at, results_by_links
from routing_etl.onboarding.by_values import is_dated, item_column, routing_rows
from routing_etl.onboarding.known_names import known_part
from routing_etl.onboarding.parts import Choice, Joined, Part
from routing_etl.onboarding.survey import Column, Kind, Survey, Table, Values
from routing_etl.onboarding.words import FIELDS, TABLES, Role, score, words_of

#: Kinds that a canonical column can be read from.
_KINDS: dict[str, tuple[Kind, ...]] = {
    "text": ("text", "integer", "number"),
    "integer": ("integer", "number", "text"),
    "number": ("number", "integer"),
    "date": ("date", "text"),
}
#: Least score of a column for what it is taken for.
_ENOUGH = 1.5
#: Columns that decide which routing counts: taken only where the name says exactly that.
_STRICT = ("valid_from", "valid_to", "insrt_dt")
#: Share of the routing rows' items that must be in the item master.
_MOST = 0.5
#: Fewest rows by whose values a column is judged, and most rows of an item master that an item has (one in each plant).
_JUDGED, _ROWS_OF_A_CODE = 50, 20
#: Times that no share can be, and the words of shares.
_TIMES_OF_PIECES = ("setup_time", "run_time")
_SHARES = frozenset(
    [
        "percent",
        "percentage",
        "pct",
        "prozent",
        "porcentaje",
        "pourcentage",
        "percentuale",
        "procent",
        "share",
    ]
)
#: Tables whose rows are looked at for each part.
_SHORT_LIST = 6


@dataclass(frozen=True)
class Choices:
    """The sections that were found, and sentences about those that were not."""

    parts: Mapping[Role, Part]
    missing: tuple[str, ...] = field(default=())


def choose(survey: Survey) -> Choices:
    """Choose tables and columns for items, operations and work results.

    Parameters
    ----------
    survey : Survey
        The database.
    """
    parts: dict[Role, Part] = {}
    missing = []
    operations = known_part(survey, "operations") or _best(survey, "operations")
    items = known_part(survey, "items") or _items(survey, operations)
    if operations is None and items is not None:
        operations = _by_values(survey, items)
    if items is None:
        items = _nearest_items(survey, operations)
    if items is None:
        items = items_by_links(survey)
        if items is not None and operations is None:
            operations = _by_values(survey, items)
    if items is None:
        missing.append(
            "No table looks like an item master: none has an item code beside a name or a group."
            + _nearest(survey, "items")
            + (f" By their values, {left_out}." if (left_out := not_looked_at(survey)) else "")
        )
    else:
        parts["items"] = items
    if operations is None:
        missing.append(
            "No table looks like routings: none has an operation number, a job or a machine, and a set-up or run time."
            + _nearest(survey, "operations")
            + _untimed(survey, items)
        )
    elif items is not None:
        found, items = _with_items(survey, operations, items)
        parts["items"], parts["operations"] = items, found
        if "item_cd" not in found.columns:
            missing.append(
                f"No column of {found.table.title}, or of a table beside it, names the item of a routing row."
            )
        taken = (items.table.title, found.table.title)
        results = known_part(survey, "results") or _best(survey, "results", but=taken)
        results = results or results_by_links(survey, items, found)
        if results is not None:
            parts["results"] = _of_results(survey, results, items)
    return Choices(parts, tuple(missing))


def _by_values(survey: Survey, items: Part) -> Part | None:
    """Routings found by what a table holds, where names do not tell enough.

    Of several the one with most rows that has no column of many days; reports have one, and number their rows too.
    """
    found: list[tuple[tuple[bool, int], Part]] = []
    for rows, part in _numbered(survey, items):
        if {"setup_time", "run_time"} & set(part.columns):
            dated = is_dated(survey, part.table)
            also = "; many days: or are these reports?" if dated else ""
            rank = (not dated, -rows if dated else rows)
            found.append((rank, replace(part, why=f"DECIDE: by its values; {rows:,} rows{also}")))
    if not found:
        return None
    best = max(found, key=lambda f: f[0])[1]
    others = tuple(p.table.title for _, p in found if p != best)
    return replace(best, others=others[:3])


def _numbered(survey: Survey, items: Part) -> Iterator[tuple[int, Part]]:
    """Tables whose rows are numbered and have a job or a machine, by their values, and their rows."""
    for table in survey.tables:
        rows = survey.rows(table) if table != items.table else 0
        if not rows or score(table.name, TABLES["results"], table=True) > score(
            table.name, TABLES["operations"], table=True
        ):
            continue
        named = choose_columns("operations", table, survey.sample(table))
        named = {
            n: c for n, c in named.items() if c.sure or n not in ("proc_seq", "rout_no", "job_cd", "res_cd")
        }
        told = {n: c.source for n, c in named.items()}
        held = routing_rows(survey, table, told, items.table, items.columns["item_cd"].source)
        by_values = {
            n: Choice(c.name, c, f"DECIDE: by its values: {why}", sure=False)
            for n, (c, why) in held.columns.items()
        }
        columns = {**named, **by_values}
        if "proc_seq" in columns and {"job_cd", "res_cd"} & set(columns):
            yield rows, Part("operations", table, "", columns)


def _untimed(survey: Survey, items: Part | None) -> str:
    """The tables that number their rows and have jobs, but no times: those stand in a table beside, which a person must join."""
    if items is None:
        return ""
    found = [
        (rows, p) for rows, p in _numbered(survey, items) if not {"setup_time", "run_time"} & set(p.columns)
    ]
    if not found:
        return ""
    ranked = sorted(found, key=lambda f: -f[0])[:3]
    shown = "; ".join(
        f"{p.table.title} ("
        + ", ".join(f"{n}: {p.columns[n].source}" for n in _WANTED["operations"] if n in p.columns)
        + ")"
        for _, p in ranked
    )
    return f" By their values these number rows and have jobs or machines, but no times: {shown}. Do the times stand in a table beside?"


_WANTED: dict[Role, tuple[str, ...]] = {
    "items": ("item_cd", "item_nm", "part_type"),
    "operations": ("item_cd", "proc_seq", "job_cd", "res_cd", "setup_time", "run_time"),
}


def _nearest(survey: Survey, role: Role) -> str:
    """The table that comes nearest to what is looked for, and what it lacks."""
    ranked = [
        (
            len(found := set(choose_columns(role, t)) & set(_WANTED[role]))
            + score(t.name, TABLES[role], table=True),
            found,
            t,
        )
        for t in survey.tables
    ]
    best, found, table = max(ranked, key=lambda r: r[0], default=(0.0, set(), None))
    if table is None or best <= 0:
        return ""
    has = ", ".join(n for n in _WANTED[role] if n in found) or "none of them"
    lacks = ", ".join(n for n in _WANTED[role] if n not in found)
    return f" {table.title} comes nearest: it has {has}" + (
        f", and no column whose name says {lacks}." if lacks else "."
    )


# --- tables -----------------------------------------------------------------------------------------------------------
def _best(survey: Survey, role: Role, *, but: tuple[str, ...] = ()) -> Part | None:
    """The table that fits a role best by its name and its columns; one without rows only where no other fits."""
    ranked = sorted(_candidates(survey, role, but), key=lambda found: -found[0])[:_SHORT_LIST]
    held = [(s, _as_held(survey, part)) for s, part in ranked if survey.rows(part.table)]
    filled = [(s, part) for s, part in held if part is not None]
    if not filled and (held or not ranked):
        return None
    best, part = (filled or ranked)[0]
    others = [f"{p.table.title}" for s, p in (filled or ranked)[1:] if s > 0.7 * best]
    rows = survey.rows(part.table)
    return replace(part, why=f"{part.why}; {rows:,} rows", others=tuple(others))


def _as_held(survey: Survey, part: Part) -> Part | None:
    """The part with its columns chosen anew by what the sample holds; None where too few are left."""
    sample = survey.sample(part.table)
    filled = tuple(c for c in part.table.columns if c.name not in sample or sample[c.name].filled)
    columns = choose_columns(part.role, replace(part.table, columns=filled), sample)
    columns = columns if _possible(part.role, columns, 3.0) else choose_columns(part.role, part.table, sample)
    return replace(part, columns=columns) if _possible(part.role, columns, 3.0) else None


def _candidates(survey: Survey, role: Role, but: tuple[str, ...]) -> Iterator[tuple[float, Part]]:
    for table in survey.tables:
        if table.title in but:
            continue
        columns = choose_columns(role, table)
        named = score(table.name, TABLES[role], table=True)
        rivals = max(score(table.name, TABLES[r], table=True) for r in TABLES if r != role)
        if not _possible(role, columns, named):
            continue
        total = sum(min(_fit(role, n, c.column.spoken), 3.0) for n, c in columns.items()) / 3
        total += 2.0 * named - 1.0 * max(0.0, rivals - named)
        why = (
            f"its name and {len(columns)} of its columns fit"
            if named
            else f"{len(columns)} of its columns fit"
        )
        yield total, Part(role, table, why, columns)


def _fit(role: Role, name: str, column: str) -> float:
    return score(column, FIELDS[role].get(name) or _MOMENTS[name])


def _possible(role: Role, columns: Mapping[str, Choice], named: float) -> bool:
    """Whether a table can be what is looked for at all."""
    if role == "items":
        return "item_cd" in columns and len(columns) > 1 and named > 0
    if role == "operations":
        timed = {"setup_time", "run_time"} & set(columns)
        does = {"job_cd", "res_cd", "job_nm"} & set(columns)
        return bool("proc_seq" in columns and does and (timed or named > 2))
    counted = {"order_qty", "report_dt"} & set(columns)
    measured = "machine_time" in columns or {"start_at", "end_at"} <= set(columns)
    return bool(measured and counted and (named > 0 or len(counted) > 1))


def choose_columns(role: Role, table: Table, held: Mapping[str, Values] | None = None) -> dict[str, Choice]:
    """The column of a table that fits each canonical column best, each column once.

    Parameters
    ----------
    role : str
        Section of the profile.
    table : Table
        The table.
    held : mapping of str to Values, optional
        Its sample: which texts hold numbers, and which numbers dates. None: any text may.
    """
    fits: list[tuple[float, int, str, Column]] = []
    for place, (name, phrases) in enumerate(FIELDS[role].items()):
        raw = RAW_COLUMNS[role].get(name)
        allowed = _KINDS[raw.type] if raw is not None else ("text", "integer")
        for column in table.columns:
            fit = score(column.spoken, phrases)
            if (
                fit < (2.6 if name in _STRICT else _ENOUGH)
                or not (column.kind in allowed or (raw is not None and _holds(raw.type, column, held)))
                or _cannot_be(role, name, column, held)
            ):
                continue
            bonus = 0.3 if column.key and name == "item_cd" else 0.0
            own = 0.5 if raw is not None and column.kind == allowed[0] else 0.0
            fits.append((fit + bonus + own, -place, name, column))
    chosen: dict[str, Choice] = {}
    used: set[str] = set()
    for _, _, name, column in sorted(fits, key=lambda f: (-f[0], -f[1])):
        if name not in chosen and column.name not in used:
            chosen[name] = Choice(column.name, column, "by its name", _fit(role, name, column.spoken) > 2.6)
            used.add(column.name)
    return chosen | _moments(role, table, chosen)


def _cannot_be(role: Role, name: str, column: Column, held: Mapping[str, Values] | None) -> bool:
    """Whether a column is by its values something else than its name says: three planners are no item codes, a row's own number is no job."""
    if name in _TIMES_OF_PIECES and set(words_of(column.spoken)) & _SHARES:
        return True
    values = held.get(column.name) if held is not None else None
    if values is None or values.filled < _JUDGED:
        return False
    if (role, name) == ("items", "item_cd"):
        return _ROWS_OF_A_CODE * values.distinct < values.filled
    return role == "operations" and name in ("job_cd", "res_cd") and values.distinct == values.filled


#: Moments between which the work was done, where no column holds the time itself.
_MOMENTS = {
    "start_at": "started at|start at|start time|start dt|start|from time|begin at|begin|beginn|inicio|debut|시작일시|시작시간|開始日時|开始时间",
    "end_at": "ended at|end at|end time|end dt|end|to time|finished at|finish|ende|fin|종료일시|종료시간|終了日時|结束时间",
}


def _moments(role: Role, table: Table, chosen: Mapping[str, Choice]) -> dict[str, Choice]:
    if role != "results" or "machine_time" in chosen:
        return {}
    found: dict[str, Choice] = {}
    for name, phrases in _MOMENTS.items():
        fits = [(score(c.spoken, phrases), c) for c in table.columns if c.kind in ("date", "text")]
        best = max(fits, key=lambda f: f[0], default=(0.0, None))
        if best[1] is not None and best[0] >= _ENOUGH:
            found[name] = Choice(best[1].name, best[1], "by its name; the time between counts", best[0] > 2.6)
    return found if len(found) == len(_MOMENTS) else {}


def _holds(wanted: str, column: Column, held: Mapping[str, Values] | None) -> bool:
    """Whether a text may hold numbers, or a number dates: by the sample, where there is one."""
    if (wanted, column.kind) not in (("number", "text"), ("date", "integer"), ("date", "number")):
        return False
    if held is None:
        return True
    values = held.get(column.name)
    if values is None:
        return False
    if wanted == "date":
        return values.date_format is not None
    return values.holds_numbers or values.time_form is not None


# --- items, and how the others name them --------------------------------------------------------------------------------
def _items(survey: Survey, operations: Part | None) -> Part | None:
    """The item master: of tables that look like one, the one that knows the routing rows' items."""
    but = (operations.table.title,) if operations is not None else ()
    ranked = sorted(_candidates(survey, "items", but), key=lambda found: -found[0])[:_SHORT_LIST]
    if not ranked:
        return None
    best = _best(survey, "items", but=but)
    if operations is None or "item_cd" not in operations.columns:
        return best
    table, source = _place(operations, operations.columns["item_cd"].source)
    for _, part in ranked:
        share = survey.share_found(table, source, part.table, part.columns["item_cd"].source)
        if share is not None and share > 0.8:
            others = tuple(p.table.title for _, p in ranked if p.table != part.table)
            return replace(part, why=f"{part.why}; {survey.rows(part.table):,} rows", others=others[:3])
    return best


def _nearest_items(survey: Survey, operations: Part | None) -> Part | None:
    """The table that is called an item master and has a code, one in a row, by its name or by what other tables name.

    Where none has an item code beside a name or a group.
    """
    but = operations.table.title if operations is not None else ""
    ranked = sorted(survey.tables, key=lambda t: -score(t.name, TABLES["items"], table=True))
    for table in ranked[:_SHORT_LIST]:
        columns = choose_columns("items", table)
        code = columns.get("item_cd")
        named = score(table.name, TABLES["items"], table=True)
        if not named or table.title == but:
            continue
        if code is None and (code := _code_by_values(survey, table)) is not None:
            why = f"its name fits; {survey.rows(table):,} rows"
            return Part(
                "items",
                table,
                why,
                {"item_cd": code, **{n: c for n, c in columns.items() if c.source != code.source}},
            )
        if code is None or not _names_rows(survey, table, code.source):
            continue
        note = f"{table.title} is taken for the item master by its name; no column says by its name that it is {{}}. Which are?"
        lacks = " or ".join(n for n in _WANTED["items"] if n != "item_cd")
        return Part(
            "items", table, f"its name and its code fit; {survey.rows(table):,} rows", {"item_cd": code},
            notes=(f"DECIDE: {note.format(lacks)}",),
        )  # fmt: skip
    return None


def _code_by_values(survey: Survey, table: Table) -> Choice | None:
    """The column of an item master that names its rows, and that other tables have under the same name."""
    for column in table.columns:
        if column.kind not in ("text", "integer") or not _names_rows(survey, table, column.name):
            continue
        for other in survey.tables:
            theirs = next((c for c in other.columns if c.spoken.lower() == column.spoken.lower()), None)
            held = survey.sample(other).get(theirs.name) if theirs is not None else None
            if other == table or theirs is None or held is None or held.distinct < 2:
                continue
            share = survey.share_found(other, theirs.name, table, column.name) or 0.0
            if share >= 0.9:
                why = f"DECIDE: by its values: each row has its own, and {share:.0%} of {other.title}.{theirs.name} in the sample are there"
                return Choice(column.name, column, why, sure=False)
    return None


def _with_items(survey: Survey, operations: Part, items: Part) -> tuple[Part, Part]:
    """The routing rows with the column that names their item, which may stand in a table beside them."""
    code = items.columns.get("item_cd")
    own = operations.columns.get("item_cd")
    if own is not None and code is not None:
        match = _which_code(survey, *_place(operations, own.source), items)
        if match is not None:
            return _matched(operations, items, own, *match)
    if own is None and code is not None:
        taken = {c.source for n, c in operations.columns.items() if n != "rout_no"}
        held = item_column(survey, operations.table, items.table, code.source, taken)
        if held is not None:
            item = Choice(held[0].name, held[0], held[1], sure=False)
            columns = {
                n: c for n, c in operations.columns.items() if n != "rout_no" or c.source != item.source
            }
            return replace(operations, columns={**columns, "item_cd": item}), items
    header = _header(survey, operations, items)
    if header is not None:
        return header
    shared = _shared_routings(survey, operations, items)
    if shared is not None:
        return shared, items
    assigned = _assigned(survey, operations, items)
    if assigned is not None:
        return assigned
    grouped = _by_group(survey, operations, items)
    if grouped is not None:
        return grouped, items
    if own is None:
        return operations, items
    note = f"few of the items of {operations.table.title} ({own.source}) are in {items.table.title}: is it the item master?"
    return replace(operations, notes=(*operations.notes, f"DECIDE: {note}")), items


def _which_code(survey: Survey, table: Table, column: str, items: Part) -> tuple[str, float] | None:
    """The column of the item master that most values of a column are in: its code, or an internal number."""
    code = items.columns["item_cd"].source
    tried = [code]
    for other in items.table.columns:
        same = other.name.lower() == column.lower() or words_of(other.spoken)[-1:] == ("id",)
        known = other.name in items.keys
        if other.name != code and (
            other.key or known or (same and _names_rows(survey, items.table, other.name))
        ):
            tried.append(other.name)
    found = [(c, survey.share_found(table, column, items.table, c) or 0.0) for c in tried]
    best = max(found, key=lambda f: f[1])
    return best if best[1] >= _MOST else None


def _place(part: Part, source: str) -> tuple[Table, str]:
    """The table and the column that a source of a part means: its own, or one of a table beside it."""
    alias, _, own = source.rpartition(".")
    beside = {j.alias: j.table for j in part.joins}
    return (beside[alias], own) if alias in beside else (part.table, source)


def _names_rows(survey: Survey, table: Table, column: str) -> bool:
    """Whether each row of the sample has a value of its own."""
    held = survey.sample(table).get(column)
    return held is not None and held.rows > 1 and held.distinct == held.rows


def _matched(part: Part, items: Part, own: Choice, column: str, share: float) -> tuple[Part, Part]:
    why = f"{share:.0%} of its values in the sample are in {items.table.title}.{column}"
    part = replace(part, columns={**part.columns, "item_cd": replace(own, why=why)})
    code = items.columns["item_cd"]
    if column != code.source:
        key = Choice(column, items.table.column(column), f"{part.table.title} names items by it")
        items = replace(items, columns={**items.columns, "item_cd": key})
        items = replace(
            items,
            notes=(*items.notes, f"{code.source} is the code that people read; it is an attribute here"),
        )
    return part, items


def _header(survey: Survey, part: Part, items: Part) -> tuple[Part, Part] | None:
    """A header of the rows that names the item: over a foreign key, else where all values of a column are its keys."""
    table = part.table
    by_name = {t.name: t for t in survey.tables}
    links = [(c, by_name[t], k) for c, t, k in table.links if t in by_name]
    tried = links or list(_possible_headers(survey, part, items))
    for column, header, key in tried:
        if header.title in (items.table.title, table.title):
            continue
        beside = choose_columns(part.role, header)
        theirs = beside.get("item_cd")
        if theirs is None:
            held = item_column(survey, header, items.table, items.columns["item_cd"].source, {key})
            theirs = None if held is None else Choice(held[0].name, held[0], held[1], sure=False)
        also = "" if links else _rest_of_key(survey, table, column, header, key)
        if theirs is None or also is None:
            continue
        match = _which_code(survey, header, theirs.source, items)
        if match is None:
            continue
        with_it = f", with {also} because {key} alone names several of its rows," if also else ""
        why = f"{column} is its {key}{with_it}" + (
            " (foreign key)" if links else " in the sample; DECIDE: is it?"
        )
        head = Joined(header, "head", column, key, why, also=also)
        item = replace(theirs, source=f"head.{theirs.source}")
        part, items = _matched(part, items, item, *match)
        columns = dict(part.columns)
        if part.role == "operations":
            columns.setdefault(
                "rout_no", Choice(column, table.column(column), f"the key of {header.title}", False)
            )
        for name in ("rout_no", "proc_seq", "job_cd", "res_cd", "order_qty", *_STRICT):
            if name in beside and beside[name].sure:
                columns.setdefault(name, replace(beside[name], source=f"head.{beside[name].source}"))
        return replace(part, joins=(head,), columns=columns), items
    return None


def _rest_of_key(survey: Survey, table: Table, column: str, header: Table, key: str) -> str | None:
    """What a header's key needs beside `key`: nothing, or a column of the same name in both tables, such as a version.

    None where the values of `column` are few or not those of the header, or several rows of it are meant.
    """
    own, there = survey.sample(table).get(column), survey.sample(header).get(key)
    if own is None or there is None or own.distinct < 2:
        return None
    if (survey.share_found(table, column, header, key) or 0.0) < 0.9:
        return None
    if there.distinct == there.filled:
        return ""
    called = {c.name.lower() for c in table.columns if c.kind in ("text", "integer")} - {column.lower()}
    for other in header.columns:
        if other.name == key or other.name.lower() not in called:
            continue
        pairs = survey.records(header, [key, other.name])
        if len(set(pairs)) == len(pairs):
            return other.name
    return None


def _possible_headers(survey: Survey, part: Part, items: Part) -> Iterator[tuple[str, Table, str]]:
    times = {c.source for n, c in part.columns.items() if n not in ("rout_no", "item_cd", "order_no")}
    for table in survey.tables:
        named = choose_columns(part.role, table).get("item_cd")
        if table.title in (part.table.title, items.table.title) or not _names_items(
            survey, table, named, items
        ):
            continue
        keys = [c.name for c in table.columns if c.key] or [table.columns[0].name]
        for column in sorted(part.table.columns, key=lambda c: c.name.lower() != keys[0].lower()):
            if (
                column.kind in ("text", "integer")
                and column.name not in times
                and _named_alike(column, table, keys[0])
            ):
                yield column.name, table, keys[0]


def _names_items(survey: Survey, table: Table, named: Choice | None, items: Part) -> bool:
    """Whether a table has a column of items, by its name or, where none says so, by its values."""
    if named is not None:
        return named.sure
    return item_column(survey, table, items.table, items.columns["item_cd"].source, set()) is not None


def _named_alike(column: Column, header: Table, key: str) -> bool:
    """Whether a column may by its name hold the keys of a header; numbers that count rows are in any such key by chance."""
    if column.key:
        return False
    if column.kind == "text" or column.name.lower() == key.lower():
        return True
    return bool(set(words_of(column.spoken)) & set(words_of(header.name)) - {"id", "no"})


def _shared_routings(survey: Survey, operations: Part, items: Part) -> Part | None:
    """Routings that items share: a column of the item master names the routing."""
    rout = operations.columns.get("rout_no")
    if rout is None:
        return None
    for column in items.table.columns:
        if score(column.spoken, FIELDS["operations"]["rout_no"]) < _ENOUGH:
            continue
        share = survey.share_found(items.table, column.name, operations.table, rout.source)
        if share is not None and share > 0.3:
            code = items.columns["item_cd"]
            why = f"{share:.0%} of the routings that items name in the sample are there"
            joined = Joined(items.table, "item", rout.source, column.name, why)
            item = replace(
                code,
                source=f"item.{code.source}",
                why=f"items share routings: {items.table.title}.{column.name}",
            )
            return replace(operations, joins=(joined,), columns={**operations.columns, "item_cd": item})
    return None


def _assigned(survey: Survey, operations: Part, items: Part) -> tuple[Part, Part] | None:
    """A table that assigns items to routings: it has an item's column and one that holds the routings' numbers."""
    rout = operations.columns.get("rout_no")
    if rout is None:
        return None
    found = sorted(
        _possible_links(survey, operations, items, rout.source),
        key=lambda f: (f[0] >= _MOST, _names_pairs_once(survey, f[1], f[2].source), f[0]),
        reverse=True,
    )
    if not found:
        return None
    covered, link, item, match = found[0]
    others = "".join(f"; {j.table.title} has {share:.0%}" for share, j, _, _ in found[1:3])
    why = f"DECIDE: it assigns items to routings ({covered:.0%} of the routings of the sample are there{others}); is this its whole key?"
    part = replace(operations, joins=(replace(link, why=why),))
    return _matched(part, items, replace(item, source=f"of_item.{item.source}"), *match)


def _names_pairs_once(survey: Survey, link: Joined, item: str) -> bool:
    """Whether a table names each routing of an item once in the sample: one of orders does not, and would multiply rows."""
    pairs = survey.records(link.table, [item, link.own])
    return len(set(pairs)) == len(pairs)


def _possible_links(
    survey: Survey, operations: Part, items: Part, routing: str
) -> Iterator[tuple[float, Joined, Choice, tuple[str, float]]]:
    """Tables that name routings and items: the share of the routings that each names, the join, its item, and the items' column."""
    for table in survey.tables:
        item = choose_columns("operations", table).get("item_cd")
        if item is None or table.title in (operations.table.title, items.table.title):
            continue
        for column in table.columns:
            named = (
                column.name.lower() == routing.lower()
                or score(column.spoken, FIELDS["operations"]["rout_no"]) > 2.6
            )
            if not named or column.name == item.source:
                continue
            share = survey.share_found(table, column.name, operations.table, routing)
            match = _which_code(survey, table, item.source, items)
            if share is not None and share >= _MOST and match is not None:
                covered = survey.share_found(operations.table, routing, table, column.name) or 0.0
                yield covered, Joined(table, "of_item", routing, column.name, ""), item, match
                break


def _by_group(survey: Survey, operations: Part, items: Part) -> Part | None:
    """Routings of a group of items: a column of the same name in the item master holds the groups."""
    code = items.columns["item_cd"]
    for column in items.table.columns:
        mine = next((c for c in operations.table.columns if c.spoken.lower() == column.spoken.lower()), None)
        if mine is None or column.name == code.source or column.kind != "text":
            continue
        values = survey.sample(items.table).get(column.name)
        if values is not None and values.date_format is not None:
            continue  # two tables that were written on the same days
        share = survey.share_found(operations.table, mine.name, items.table, column.name)
        if (
            share is None
            or share < _MOST
            or mine.name
            in {c.source for n, c in operations.columns.items() if n not in ("item_cd", "rout_no")}
        ):
            continue
        why = f"DECIDE: routings stand for a group of items ({share:.0%} of the groups are there); is this the whole key?"
        item = replace(
            code, source=f"item.{code.source}", why=f"all items of a {column.name} share its routing"
        )
        rout = Choice(mine.name, mine, "an item's group is its routing")
        columns = {**operations.columns, "item_cd": item, "rout_no": rout}
        return replace(
            operations, joins=(Joined(items.table, "item", mine.name, column.name, why),), columns=columns
        )
    return None


def _of_results(survey: Survey, results: Part, items: Part) -> Part:
    """The results with the share of their items that the item master knows, or with the order that names their item."""
    own = results.columns.get("item_cd")
    if own is None:
        taken = {c.source for c in results.columns.values()}
        held = item_column(survey, results.table, items.table, items.columns["item_cd"].source, taken)
        if held is not None:
            item = Choice(held[0].name, held[0], held[1], sure=False)
            return replace(results, columns={**results.columns, "item_cd": item})
        header = _header(survey, results, items)
        return header[0] if header is not None and header[1] == items else results
    if own.why.startswith("DECIDE"):  # what was found by its values stays a question
        return results
    table, column = _place(results, own.source)
    share = survey.share_found(table, column, items.table, items.columns["item_cd"].source)
    if share is None:
        return results
    why = f"{share:.0%} of its values in the sample are in {items.table.title}.{items.columns['item_cd'].source}"
    return replace(
        results, columns={**results.columns, "item_cd": replace(own, why=why, sure=share >= _MOST)}
    )


def is_status(column: Column) -> bool:
    """Whether a column says by its name whether its row counts."""
    known = bool(set(words_of(column.spoken)) & words.STATUS) or column.name.lower() in words.STATUS
    return known or says_whether_rows_count(column.spoken)
