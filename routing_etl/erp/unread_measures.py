"""Columns of units that are not applied to the sizes and quantities beside them.

A table of attributes with NAME, VALUE and UNIT, read without UNIT, makes 12 centimetres into 12. Nothing in the numbers that were
read shows it, so the words of such columns are counted where they are: in the ERP, in every table that a number is read from, be it
the main one, a joined one or one of attributes as rows. Times of operations and results are looked at in `unread_units`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from routing_etl.erp.catalogue import UNIT_NAME, Binding, BoundPivot, FoundColumn, ReadColumn, flat
from routing_etl.erp.profile import Profile
from routing_etl.erp.profile_model import UNIT_PREFIX, AttributeMap, ItemSource
from routing_etl.erp.statements import pivot_rows, select_of
from routing_etl.erp.unread_flags import unread_columns
from routing_etl.erp.unread_units import MINUTES_OF_WORD, Ask, Clash, stem_of

#: Units that are the same in every ERP, by dimension: the unit, how many of the first it is, and its words.
_UNITS: Mapping[str, tuple[tuple[str, float, tuple[str, ...]], ...]] = {
    "length": (
        ("mm", 1, ("MM", "MILLIMETER", "MILLIMETRE", "밀리미터", "㎜")), ("cm", 10, ("CM", "CENTIMETER", "ZENTIMETER", "㎝")),
        ("dm", 100, ("DM",)), ("m", 1000, ("M", "MTR", "MTS", "METER", "METRE", "METRO", "METRI")),
        ("in", 25.4, ("IN", "IN.", "INCH", "INCHES", "ZOLL", "POUCE", "POLLICI", "PULGADA", '"', "''")),
        ("ft", 304.8, ("FT", "FT.", "FOOT", "FEET")), ("um", 0.001, ("UM", "µM", "ΜM", "MICRON", "MICRONS")),
    ),
    "mass": (
        ("g", 1, ("G", "GR", "GRAM", "GRAMM", "GRAMS")), ("mg", 0.001, ("MG",)), ("kg", 1000, ("KG", "KGS", "KGM", "KILO")),
        ("t", 1e6, ("T", "TO", "TON", "TONNE")), ("lb", 453.592, ("LB", "LBS", "LB.")), ("oz", 28.3495, ("OZ",)),
    ),
    "area": (("mm2", 1, ("MM2", "MM²", "QMM")), ("cm2", 100, ("CM2", "CM²", "QCM")), ("m2", 1e6, ("M2", "M²", "QM", "SQM"))),
    "volume": (("ml", 1, ("ML", "CCM", "CM3")), ("l", 1000, ("L", "LTR", "LITER", "LITRE")), ("m3", 1e6, ("M3", "M³", "CBM"))),
    "pressure": (("bar", 1, ("BAR",)), ("psi", 0.0689476, ("PSI",)), ("MPa", 10, ("MPA",)), ("kPa", 0.01, ("KPA",))),
    "voltage": (("V", 1, ("V", "VOLT")), ("kV", 1000, ("KV",))),
    "power": (("W", 1, ("W", "WATT")), ("kW", 1000, ("KW",))),
}  # fmt: skip
#: Numbers of the other frames, besides times, that a unit may be of, with their dimension; "" for any.
_NUMBERS: Mapping[str, Mapping[str, str]] = {
    "operations": {"mfg_lt": "time", "run_time_qty": "", "subcontract_prc": ""},
    "results": {"order_qty": "", "yield_qty": "", "bad_qty": ""},
    "purchase_orders": {"qty": ""},
}
#: Rows by which a column whose name does not say that it holds units is judged, and the share that must be units.
_ROWS, _MOST = 2_000, 0.95
#: Longest column that may hold units without a name that says so.
_LONGEST = 30


@dataclass(frozen=True)
class _Unit:
    """A unit with its dimension, how many of the dimension's first unit it is, and its words."""

    name: str
    dimension: str
    factor: float
    words: tuple[str, ...]


@dataclass(frozen=True)
class _Number:
    """A number that is read and has no unit of its own: its name, its column, and the unit it is declared to be in."""

    name: str
    found: FoundColumn
    declared: str
    dimension: str


def unread_measures(binding: Binding, profile: Profile, dialect: str, ask: Ask) -> Iterator[Clash]:
    """Look for columns that say in which unit a size or a quantity is, and that the profile does not apply to it.

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
        One for each such column by which the numbers are in several units of one dimension, or in another than the one that the
        profile declares; never refused, because a column of units may belong to something else.
    """
    units = _known_units(profile)
    numbers = _numbers_read(binding, units, profile.units.blank_default)
    if not numbers:
        return
    for alias in binding.tables:
        mine = [n for n in numbers if n.found.alias == alias]
        for column in _unapplied(binding, alias) if mine else []:
            theirs = _its_numbers(binding, column, mine)
            if theirs and _holds_units(binding, column, dialect, ask, units):
                yield from _of_table(binding, column, theirs, dialect, ask, units)
    for pivot in binding.pivots:
        mine = [n for n in numbers if n.found.alias == pivot.section.alias]
        for column in _unread_of(binding, pivot) if mine else []:
            yield from _of_pivot(binding, pivot, column, mine, ask, units)


# --- what is known ----------------------------------------------------------------------------------------------------
def _known_units(profile: Profile) -> list[_Unit]:
    """The units that every ERP has, and the profile's own, with all their words."""
    factors: dict[str, tuple[str, float]] = {
        unit: (dimension, factor) for dimension, rows in _UNITS.items() for unit, factor, _ in rows
    }
    words: dict[str, list[str]] = {unit: list(w) for rows in _UNITS.values() for unit, _, w in rows}
    dimensions = {unit: d for unit, (d, _) in factors.items()}
    for quantity, own in profile.units.quantities.items():
        dimension = next((dimensions[u] for u in own if u in dimensions), quantity)
        for unit, factor in own.items():
            if unit not in factors:
                factors[unit] = (dimension, float(factor))
            words.setdefault(unit, []).append(unit.upper())
    for word, unit in profile.units.map.items():
        if unit.removesuffix("?") in factors:
            words[unit.removesuffix("?")].append(word.strip().upper())
    minutes: dict[float, list[str]] = {}
    for word, factor in MINUTES_OF_WORD.items():
        minutes.setdefault(factor, []).append(word)
    minutes[7 * 1440.0] = ["W", "WK", "WEEK", "WEEKS", "WOCHE", "WOCHEN", "SEMAINE", "SEMANA", "주"]
    times = [_Unit(w[0], "time", factor, tuple(w)) for factor, w in minutes.items()]
    return [_Unit(u, d, f, tuple(dict.fromkeys(words[u]))) for u, (d, f) in factors.items()] + times


def _numbers_read(binding: Binding, units: Sequence[_Unit], blanks: Mapping[str, str]) -> list[_Number]:
    """The numbers without a column of units, each part of a sum for itself; `blanks`: the profile's `blank_default`."""
    if isinstance(binding.section, ItemSource):
        wanted = {
            name: (blanks.get(a.unit_group, a.unit).removesuffix("?"), "")
            for name, a in binding.section.attributes.items()
            if a.kind == "number" and a.unit_column is None
        }
    else:
        wanted = {n: ("", d) for n, d in _NUMBERS.get(binding.family, {}).items()}
        if "qty_unit" in binding.section.columns:
            wanted = {n: w for n, w in wanted.items() if not n.endswith("_qty")}
    dimension_of = {u.name: u.dimension for u in units}
    found = []
    for column in binding.columns:
        if column.name not in wanted or column.is_absent:
            continue
        declared, dimension = wanted[column.name]
        parts = dict.fromkeys(p.found for p in flat([column]) if p.found is not None)
        found += [
            _Number(column.name, p, declared, dimension or dimension_of.get(declared, "")) for p in parts
        ]
    return found


# --- which columns ----------------------------------------------------------------------------------------------------
def _unapplied(binding: Binding, alias: str) -> list[FoundColumn]:
    """Columns of a table that may hold units: not read at all, or read as an item's attribute and not as a unit."""
    found = [c for c in unread_columns(binding, ("text", "unknown")) if c.alias == alias]
    if isinstance(binding.section, ItemSource):
        attributes: Mapping[str, AttributeMap] = binding.section.attributes
        ignored = {n.lower() for n in binding.section.ignore}
        applied = {c.found for c in binding.columns if c.name.startswith(UNIT_PREFIX) and c.found is not None}
        found += [
            c.found
            for c in binding.columns
            if c.found is not None
            and c.found.alias == alias
            and c.found not in applied
            and c.name in attributes
            and attributes[c.name].kind in ("category", "code")
            and UNIT_NAME.search(c.found.spoken)
            and not {c.found.name.lower(), f"{alias}.{c.found.name}".lower()} & ignored
        ]
    return [c for c in found if UNIT_NAME.search(c.spoken) or (c.length or _LONGEST) <= _LONGEST]


def _its_numbers(binding: Binding, unit: FoundColumn, numbers: Sequence[_Number]) -> list[_Number]:
    """The numbers that a column may by its name be the unit of: LEN_UOM of LEN, UOM of all.

    None where it is the unit of a column that is not read, or of a time, which `unread_units` looks at.
    """
    stem = stem_of(unit.name)
    if not stem:
        return list(numbers)

    def of(name: str) -> bool:
        other = stem_of(name)
        return len(other) > 1 and len(stem) > 1 and (stem.startswith(other) or other.startswith(stem))

    mine = [n for n in numbers if of(n.found.name)]
    beside = [c for c in binding.names[unit.alias].values() if c.type in ("number", "integer") and of(c.name)]
    return mine if mine or beside else list(numbers)


def _holds_units(
    binding: Binding, column: FoundColumn, dialect: str, ask: Ask, units: Sequence[_Unit]
) -> bool:
    """Whether a column's name says that it holds units, or nearly all of its first values do, in two letters and more."""
    if UNIT_NAME.search(column.spoken):
        return True
    theirs = ReadColumn("their_unit", "text", 100, False, column)
    read = replace(binding, columns=(theirs,), marks=None)
    rows = select_of(read, dialect).limit(_ROWS).subquery()
    word = _word(rows.c["their_unit"])
    known = [w for u in units for w in u.words if u.dimension != "time"]
    long = [w for w in known if len(w) > 1]
    filled, hits, sure = ask(
        sa.select(
            sa.func.sum(sa.case((word != "", 1), else_=0)).label("filled"),
            sa.func.sum(sa.case((word.in_(known), 1), else_=0)).label("hits"),
            sa.func.sum(sa.case((word.in_(long), 1), else_=0)).label("sure"),
        )
    )
    return filled > 0 and hits >= _MOST * filled and sure > 0


def _unread_of(binding: Binding, pivot: BoundPivot) -> list[FoundColumn]:
    """Columns of units in a table of attributes as rows, left out those that were ignored."""
    section, ignored = pivot.section, {n.lower() for n in binding.section.ignore}
    named = {section.name, section.value, *(own for _, own in section.on), *(w.column for w in section.where)}
    read = {pivot.find(n) for n in named}
    return [
        c
        for alias, columns in pivot.names.items()
        for key, c in columns.items()
        if c.type in ("text", "unknown")
        and c not in read
        and not {key, f"{alias}.{key}"} & ignored
        and (UNIT_NAME.search(c.spoken) or (c.length or _LONGEST) <= _LONGEST)
    ]


# --- what they say ----------------------------------------------------------------------------------------------------
def _of_table(
    binding: Binding, column: FoundColumn, numbers: list[_Number], dialect: str, ask: Ask, units: list[_Unit]
) -> Iterator[Clash]:
    """A column of units in the main table or a joined one."""
    theirs = ReadColumn("their_unit", "text", 100, False, column)
    parts = [ReadColumn(f"n{i}", "text", 100, False, n.found) for i, n in enumerate(numbers)]
    rows = select_of(replace(binding, columns=(theirs, *parts), marks=None), dialect).subquery()
    filled = sa.or_(*(_text(rows.c[p.name]) != "" for p in parts))
    words = _words_of(rows.c["their_unit"], filled)
    counts = _counted(words, [_word(words.c["word"]).in_(u.words) for u in units], ask)
    seen = [(u, n) for u, n in zip(units, counts, strict=True) if n]
    told, unit = _said(numbers, seen)
    if not told:
        return
    name = column.name if column.alias == binding.section.alias else f"{column.alias}.{column.name}"
    remedy = f'Map qty_unit = "{name}" in [results.columns], with results.qty_units'
    if binding.family == "items":
        remedy = (
            f'Give these attributes unit = "{unit}" and unit_column = "{name}", with the words in [units.map]'
        )
    elif binding.family != "results":
        remedy = "Read a view that has them in one unit"
    title = binding.tables[column.alias]
    yield Clash(False, _sentence(binding, column.name, str(title), told), _or_ignore(binding, remedy, name))


def _of_pivot(
    binding: Binding,
    pivot: BoundPivot,
    column: FoundColumn,
    numbers: list[_Number],
    ask: Ask,
    units: list[_Unit],
) -> Iterator[Clash]:
    """A column of units in a table of attributes as rows."""
    named = {n.found.name: n for n in numbers if n.found.name in pivot.section.names}
    rows = pivot_rows(pivot, [column]).subquery()
    words = _words_of(rows.c[column.name], _text(rows.c["value"]) != "", rows.c["name"])
    word, name = _word(words.c["word"]), words.c["name"]
    wanted = name.in_([pivot.section.names[n] for n in named])
    of_units = [sa.and_(wanted, word.in_(u.words)) for u in units]
    filled, *counts = _counted(words, [sa.and_(wanted, word != ""), *of_units], ask)
    seen = [u for u, n in zip(units, counts, strict=True) if n]
    if not seen or (not UNIT_NAME.search(column.spoken) and sum(counts) < _MOST * filled):
        return
    each = [sa.and_(name == pivot.section.names[n], word.in_(u.words)) for n in named for u in seen]
    found = _counted(words, each, ask)
    told, unit = [], ""
    for i, number in enumerate(named.values()):
        mine = found[i * len(seen) : (i + 1) * len(seen)]
        said, of = _said([number], [(u, n) for u, n in zip(seen, mine, strict=True) if n])
        told += said
        unit = unit or of
    if not told:
        return
    section = pivot.section
    remedy = (
        f'Read it by a [[items.pivot]] of its own over {section.table} (value = "{column.name}", the same name and names, another '
        f'alias) and give these attributes unit = "{unit}" and unit_column = "ALIAS.NAME", with the words in [units.map]'
    )
    title = pivot.tables[column.alias]
    yield Clash(
        False, _sentence(binding, column.name, str(title), told), _or_ignore(binding, remedy, column.name)
    )


def _said(numbers: Sequence[_Number], seen: Sequence[tuple[_Unit, int]]) -> tuple[list[str], str]:
    """What the units of some numbers show to be wrong, as ends of a sentence, and a unit to convert to; nothing where all is well."""
    factors = {u.name: u.factor for u, _ in seen}
    for dimension in dict.fromkeys(u.dimension for u, _ in seen):
        mine = [n for n in numbers if n.dimension in ("", dimension)]
        of = [(u, n) for u, n in seen if u.dimension == dimension]
        if not mine:
            continue
        names = ", ".join(dict.fromkeys(n.name for n in mine))
        counted = ", ".join(f"{u.name} in {n:,}" for u, n in sorted(of, key=lambda s: -s[1]))
        first = next((n.declared for n in mine if n.declared), max(of, key=lambda s: s[1])[0].name)
        if len({u.factor for u, _ in of}) > 1:
            return [f"{names} is in several units ({counted} rows)"], first
        other = [n for n in mine if n.declared and n.declared not in factors and n.dimension == dimension]
        if other:
            names = ", ".join(dict.fromkeys(n.name for n in other))
            return [f"{names} is in {counted} rows, and the profile says unit = {other[0].declared!r}"], first
    return [], ""


def _sentence(binding: Binding, column: str, title: str, told: Sequence[str]) -> str:
    return f"{binding.frame}: by {column} of {title}, which is not applied, {'; '.join(told)}: the numbers are taken as they stand"


def _or_ignore(binding: Binding, remedy: str, name: str) -> str:
    return f'{remedy}; or, if it is the unit of something else, add "{name}" to {binding.family}.ignore.'


def _words_of(
    column: sa.ColumnElement[Any], filled: sa.ColumnElement[bool], *more: sa.ColumnElement[Any]
) -> sa.Subquery:
    """The few words of a column, with the rows that have each and are filled: `word`, `n`, and further columns."""
    rows = sa.func.sum(sa.case((filled, 1), else_=0)).label("n")
    return sa.select(column.label("word"), *more, rows).group_by(column, *more).subquery("words")


def _counted(words: sa.Subquery, conditions: Sequence[sa.ColumnElement[bool]], ask: Ask) -> list[int]:
    """How many rows meet each condition."""
    sums = [sa.func.sum(sa.case((c, words.c["n"]), else_=0)).label(f"c{i}") for i, c in enumerate(conditions)]
    return list(ask(sa.select(*sums)))


def _text(column: sa.ColumnElement[Any]) -> sa.ColumnElement[str]:
    return sa.func.ltrim(sa.func.rtrim(sa.cast(column, sa.Unicode(100))))


def _word(column: sa.ColumnElement[Any]) -> sa.ColumnElement[str]:
    return sa.func.upper(_text(column))
