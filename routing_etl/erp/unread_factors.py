"""Columns that by their name change what a time means - pieces at once, a crew, a factor - and that the profile does not read.

A factor that is 1 in every row changes nothing, so the values are looked at in the ERP and only others are told.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import sqlalchemy as sa

from routing_etl.erp.basis_words import COMMON_WORDS, PLAIN_WORDS
from routing_etl.erp.catalogue import (
    NAMED_MINUTES,
    Binding,
    FoundColumn,
    ReadColumn,
    people_or_machine,
    words_of_name,
)
from routing_etl.erp.name_words import LAST_DAY
from routing_etl.erp.profile_model import Family
from routing_etl.erp.statements import select_of
from routing_etl.erp.unread_flags import unread_columns
from routing_etl.erp.unread_units import Ask, Clash


@dataclass(frozen=True)
class _Factor:
    """A kind of column: its names, the key that reads it, what it means, and the values that change nothing.

    `key` is empty where none reads it, and `remedy` says what to do. `counts`: only a column of numbers can be it.
    """

    names: re.Pattern[str]
    key: str
    meaning: str
    plain: tuple[int, ...] = (0, 1)
    families: tuple[Family, ...] = ("operations",)
    remedy: str = ""
    counts: bool = False


def _names(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


_FACTORS: tuple[_Factor, ...] = (
    _Factor(_names(r"(?<!co)effi[cz]ien|nutzungsgrad|leistungs?grad|zeitgrad|rendim|rendement|wydajn|vykon"), "efficiency", "the percentage that run times are divided by", (0, 1, 100)),
    _Factor(_names(r"capacit|concurrent|parallel"), "capacity", "the pieces that are worked on at once"),
    _Factor(
        _names(
            r"(^|[_ .])split(s|ting|tung)?([_ ]?(no|nr|num|cnt|count|qty|anz(ahl)?|zahl))?$|splittung|aufteilung"
            r"|(mach(ine)?s?|masch(inen)?|mc|spindel\w*|maquinas?|macchine|maszyn|stroju|platz|plaetze|station(s|en)?)[_ .]?(cnt|count|qty|anz(ahl)?|zahl)$"
            r"|(^|[_ .])(anz(ahl)?|nbr?|liczba|pocet|aantal|cant(idad)?|qty|nombre)[_ .]?(of|de|di)?[_ .]?(mach(ine)?s?|masch(inen)?|maquinas?|macchine|maszyn|stroju)$"
            r"|(^|[_ .])(no?|num(ero)?)[_ .]?((of|de|di)[_ .]?mach(ine)?s?|machines|maschinen|maquinas|macchine|maszyn|stroju)$|기계수|설비수|台数|机台数"
        ),
        "capacity", "the machines or parts of an order that work at once", remedy="Map it in operations.columns.capacity, if the run time is that of one machine and "
        "what is reported is the time until the order is done", counts=True,
    ),
    _Factor(
        _names(
            r"scrap|ausschu(ss|ß)|rebut|scart[oi]|merma|desecho|odpad|(^|[_ ])brak(i|ow)?([_ ]|$)|zmetk|uitval|schwund|(^|\.)scpc$|(^|[_ .])yield|ausbeute|verschnitt"
            r"|불량|수율|不良|歩留|废品|报废|良率"
        ),
        "", "the planned scrap or yield of an operation, by which more pieces are worked on than are good", (0, 1, 100),
        remedy="If the ERP's run time is for a good piece, nothing has to be done; if it is for a piece that is worked on, read a view with time_factor = 1 / (1 - scrap)",
        counts=True,
    ),
    _Factor(
        _names(
            r"(lot|batch|base|basis|cycle|los|lote|plan|std|norm|ref).?(qty|quantity|size|menge|gr(oe|ö)(ss|ß)e|cantidad)"
            r"|(qty|quantity|pcs|pieces|parts|st(ue|ü)ck).?per|cavit|(^|\.)nest(s|_?count|_?qty)?$|simultan|nutzen_?zahl"
            r"|(stk|stock|qty|uom|ope|pack|(?<![a-z])me).?(coe|coef|coeff|coefficient|fa[ck]tor|size)(_\d+)?$|기준수량|로트|ロット|批量"
        ),
        "run_time_qty", "the pieces that the run time is for",
    ),
    _Factor(
        _names(r"(time|run|std).?(basis|base).?(code)?$|(time|run)b$|timb$|stdbasis|(^|\.)ctcd$"
            r"|bas(e|is)[_ .]?(de[_ .]?)?(te?m?ps|zeit|tiempo|tempo|czasu?|casu|tijd)|(te?m?ps|zeit|tiempo|tempo|czas|cas|tijd)[_ .]?(bas(e|is)|pour|je|fuer|für|por|per)$"
            r"|(zeit|tps|temps)[_ .]?(bezug|bezugs(groesse|größe|menge))$"
        ), "run_basis",
        "what the run time is for (a piece, a hundred, an hour, the whole order)",
    ),
    _Factor(
        _names(r"op(eration)?s?.?per.?(part|piece|pc)|cycles?.?(per|count|no)|num.?(of.?)?cycles|zyklen"), "cycles",
        "how often the run time is needed for a piece",
    ),
    _Factor(
        _names(
            r"crew|manning|head.?count|n(o|um)?.?of.?(men|operators|workers|persons|people)|(men|operators?|workers?|persons?).?(qty|count|no|num)$"
            r"|anz(ahl)?.?(ma|mann|pers(onen)?|arbeiter|bediener)$|(mann|pers|bediener).?(anz|zahl)|(nb|num|nbr).?(op(erateur|erario)?s?|pers(onnes)?)$"
            r"|liczba.?(osob|prac)|(^|[_ .])(il(osc)?[_ .]?)?os[oó]b([_ .]|$)|(^|[_ .])obsada([_ .]|$)|pocet.?(osob|prac|lidi)|(num|n).?(operai|addetti)|operarios|aantal.?(pers|man|mdw)|personas"
            r"|(^|\.)prnp$|personenzahl|mannschaft|besetzung|인원|人数|人員"
        ),
        "crew", "the people whose hours the time counts together", families=("operations", "results"),
    ),
    _Factor(
        _names(r"(^|[_ .])(team|gang|squad|kolonne|brygada|brigad[ae]|equipe|équipe|squadra|equipo|zesp[oó][lł]|parta|ploeg|cuadrilla)([_ .]?(size|groe?sse|größe|st[aä]e?rke|qty|cnt|anz))?$"),
        "crew", "the people whose hours the time counts together", families=("operations", "results"), counts=True,
    ),
    _Factor(
        _names(r"(^|\.)(to_?(hours?|min(utes)?|seconds?)|fa[ck]tor)$|\.(seconds|minutes|hours)$|(hours?|time|zeit|unit).?(factor|faktor|conv)|conv(ersion)?.?(factor|rate)|qty.{0,2}per.?cap"),
        "time_factor", "the number that the row's times are multiplied by", (1,), ("operations", "results"),
    ),
    _Factor(
        _names(r"pause|break.?(min|time)|stoer|stör|stillstand|down.?time|arr[eê]t|fermo|przest[oó]j|prostoj|stilstand|비가동|停止時間"),
        "hold_time", "time in which no work was done; if the machine time has it in it, a view must take it off", (0,), ("results",),
    ),
    _Factor(
        _names(
            r"^(?!.*(reason|code|cause|grund|motif|motivo|cost|prc|price))"
            r".*(scrap|reject|(^|[_ .])bad|defect|ausschu(ss|ß)|aussch|rebut|scart[oi]|merma|rechaz|odpad|(^|[_ ])brak(i|ow)?([_ ]|$)|zmetk|uitval|afkeur|kassa"
            r"|scqt$|불량|不良|不合格|报废)"
        ),
        "bad_qty", "pieces that were worked on and are not good, which the reported time is for as well", (0,), ("results",), counts=True,
    ),
    _Factor(
        _names(
            r"pack.?(size|qty|unit)|(^|[_.])(vpe|ve)($|[_.])|(pcs|pieces|stk|stueck).?(per|je).?(pack|box|carton|ve)|packungsgr|conditionnement"
            r"|(uds|unid).{0,4}(caja|paquete)|pezzi.?conf|szt.?opak|ks.?bal"
        ),
        "qty_unit", "the pieces of a pack, if the quantities are packs (results.qty_units says what each is)", (0, 1), ("results",),
    ),
    _Factor(
        _names(r"zuschlag|allowance|verteilzeit|majoration|suplement|maggioraz|naddat|prirazk|toeslag"),
        "time_factor", "an allowance by which times are longer, such as 10 for 1.1 times (time_factor needs 1.1: by a view)", (0,),
    ),
)  # fmt: skip
#: Longest column that may hold words for the basis of a time, and the share of its words that must be such.
_LONGEST_WORD, _MOST_WORDS = 30, 0.7
#: Names of columns with the least or largest quantity of an order that a routing is for.
_LOT_RANGE = _names(
    r"(lot|los|losgr|batch|qty|quantity|menge|lote|lotto|serie|ilosc|mnozstvi|aantal|qte|quantite|cantidad|quantita)(size)?[_ .]?"
    r"(von|bis|from|to|thru|min|max|ab|od|do|da|du|au|desde|hasta|van|tot)$|(min|max|from|to)[_ .]?(lot|los|qty|batch)(size)?$"
)
#: Names of columns that say which operation a row can be done in place of.
_INSTEAD = _names(
    r"(^|[_ .])alt(ern\w*)?[_ ]?((of|to|zu|fuer|für|for)[_ ]?(op|oper|opr|ag|afo|avo|seq)?|op|oper|opr|ag|afo|avo|operation|seq)($|[_ ]?(no|nr|num|seq|code|kz)$)"
    r"|ersatz[_ ]?(ag|avo|afo|folge|vorgang)|(instead|in_place)_?of|substitut\w*_?(for|op|of)|zast[eę]pcz|n[aá]hradn"
)
#: Times that may stand in two columns.
_EVERY_TIME = ("setup_time", "run_time", "queue_time", "wait_time", "move_time", "machine_time", "hold_time")
#: Times of a frame, of which one must be read for a factor of it to matter.
_TIMES: dict[str, tuple[str, ...]] = {"operations": ("run_time",), "results": ("machine_time",)}
#: Columns of days: the key, their names, and what they say of rows on the other side of today.
_IN_FORCE = (
    (
        "valid_to",
        LAST_DAY,
        "may be the day from which a row is no longer in force, and is filled and not in the future in {rows} rows; the profile does not read "
        "it, so these count still",
    ),
    (
        "valid_from",
        _names(r"(valid|eff(ect|ective)?|g(ue|ü)ltig).?(from|start|ab|date|dt)$|^fdat$|effect|phase.?in|datuv|start.?eff"),
        "may be the day from which a row is in force, and lies in the future in {rows} rows; the profile does not read it, so these "
        "count already",
    ),
)  # fmt: skip
#: Names of quantities that are the good pieces alone.
_GOOD = _names(
    r"(^|[_ .])(good|ok|yield|accept(ed)?|complet(ed?|ion)|finished|conform(es|ing|i)?|gut|buen[ao]s?|completad[ao]s?|terminad[ao]s?|bonn?e?s?|bones|buon[ie]"
    r"|dobr[aeyé]|boas?|aprovad[ao]s?|goed(gekeurd)?)([_ .]|$)|gutmenge|good.?(qty|pcs|count)|양품|良品|合格"
)
#: Names of columns that name the operation that comes next.
_NEXT = _names(
    r"next.{0,4}(op|vorg|step|seq|ag)|(opr|oper|op|vorg|step)[a-z]{0,6}.?(num|no)?.?next|naechst|nachfolg|successor"
)
#: Keys of which one is enough where any of them is mapped.
_SAME = {
    "time_factor": ("time_factor", "time_unit", "run_unit"),
    "run_time_qty": ("run_time_qty", "capacity"),
}


def _keys_of(factor: _Factor) -> tuple[str, ...]:
    """The keys of which one is enough for a column of this kind to be read."""
    return (factor.key,) if factor.counts else _SAME.get(factor.key, (factor.key,))


def factor_named(name: str, family: Family) -> str | None:
    """The canonical column that a column by its name may be: of those that change what a time means.

    Parameters
    ----------
    name : str
        Name of the column, with its alias where it has one.
    family : str
        Section of the profile.

    Returns
    -------
    str or None
        Such as "crew" or "time_factor"; None where the name says none of them.
    """
    return next((f.key for f in _FACTORS if f.key and family in f.families and f.names.search(name)), None)


def changes_nothing(key: str) -> tuple[int, ...]:
    """The values of a factor that leave a time as it is.

    Parameters
    ----------
    key : str
        What `factor_named` gave.
    """
    return next(f.plain for f in _FACTORS if f.key == key)


def names_next_operation(name: str) -> bool:
    """Whether a column may by its name hold the operation that comes next.

    Parameters
    ----------
    name : str
        Name of the column.
    """
    return _NEXT.search(name) is not None


def unread_factors(binding: Binding, dialect: str, ask: Ask, today: date) -> Iterator[Clash]:
    """Look for factors of times, and for rows that begin in the future, that the profile neither maps nor ignores.

    Parameters
    ----------
    binding : Binding
        The frame's source, resolved.
    dialect : str
        Name of the SQLAlchemy dialect.
    ask : callable
        Answers a statement that gives one row of whole numbers.
    today : datetime.date
        Rows that begin after this day are told.

    Yields
    ------
    Clash
        One for each such column that changes a time of some row; never refused.
    """
    mapped = binding.section.columns
    if binding.family == "operations":
        yield from _days(binding, dialect, ask, today)
        yield from _leads_back(binding, dialect, ask)
        yield from _lot_ranges(binding, dialect, ask)
        yield from _in_place_of(binding, dialect, ask)
        yield from _basis_in_words(binding, dialect, ask)
    yield from _other_parts(binding, dialect, ask)
    times = [mapped[t] for t in _TIMES.get(binding.family, ()) if t in mapped]
    if not times:
        return
    kinds = {people_or_machine(n.rpartition(".")[2]) for spec in times for n in spec.names}
    for column in unread_columns(binding, ("text", "integer", "number", "unknown")):
        for factor in _FACTORS:
            if (
                binding.family not in factor.families
                or (factor.key != "run_basis" and any(k in mapped for k in _keys_of(factor)))
                or not factor.names.search(_spoken(binding, column))
                or (factor.key == "crew" and kinds == {"machine"})
                or (factor.key == "bad_qty" and not _reads_good_pieces(binding))
                or (factor.counts and column.type not in ("integer", "number"))
            ):
                continue
            rows, total = ask(_other_than(binding, dialect, column, factor))
            if rows:
                yield _told(binding, column, factor, rows, total)
            break


def _reads_good_pieces(binding: Binding) -> bool:
    """Whether the pieces of a report are the good ones, by what is mapped or by the name of the quantity."""
    quantity = binding.section.columns.get("order_qty")
    names = () if quantity is None else tuple(n.rpartition(".")[2] for n in quantity.names)
    return "yield_qty" in binding.section.columns or any(_GOOD.search(name) for name in names)


def _basis_in_words(binding: Binding, dialect: str, ask: Ask) -> Iterator[Clash]:
    """Columns whose words say what a run time is for, whatever their names are: M%, PCS/H, 100, LOT."""
    mapped = binding.section.columns
    if "run_time" not in mapped or {"run_basis", "run_unit"} & set(mapped):
        return
    for column in unread_columns(binding, ("text", "unknown")):
        if (column.length or _LONGEST_WORD) > _LONGEST_WORD:
            continue
        rows = _read(binding, dialect, column)
        text = sa.func.upper(sa.func.ltrim(sa.func.rtrim(sa.cast(rows.c["seen"], sa.Unicode(100)))))
        word = sa.func.replace(sa.func.replace(text, " ", ""), ".", "")
        words = sa.select(word.label("word"), sa.func.count().label("n")).group_by(word).subquery("words")
        said, n = words.c["word"], words.c["n"]
        length = sa.func.len if dialect == "mssql" else sa.func.length
        telling = sa.and_(said.in_([w for w in COMMON_WORDS if w not in PLAIN_WORDS]), length(said) > 1)
        one = sa.literal_column("1", sa.Integer())
        counted = {
            "filled": (said != "", n),
            "known": (said.in_(COMMON_WORDS), n),
            "telling": (telling, n),
            "lettered": (sa.and_(telling, said.not_in(["10", "100", "1000", "10000"])), one),
            "kinds": (said.in_(COMMON_WORDS), one),
        }
        filled, known, other, lettered, kinds = ask(
            sa.select(*(sa.func.sum(sa.case((c, v), else_=0)).label(k) for k, (c, v) in counted.items()))
        )
        if other and known >= _MOST_WORDS * filled and (lettered or kinds > 1):
            yield Clash(
                False,
                f"operations: {_qualified(binding, column)} may say what the run time is for, such as a piece, a hundred, an hour or the whole "
                f"order ({other:,} of {filled:,} filled rows say something else than minutes for one piece), and the profile does not read it",
                f'Map run_basis = "{_qualified(binding, column)}" in [operations.columns], with routing.run_basis_words; or add it to operations.ignore.',
            )


def _lot_ranges(binding: Binding, dialect: str, ask: Ask) -> Iterator[Clash]:
    """Columns by whose names a routing is for orders of some quantities only."""
    for column in unread_columns(binding, ("text", "integer", "number", "unknown")):
        if not _LOT_RANGE.search(column.spoken):
            continue
        rows = _read(binding, dialect, column)
        different, filled = ask(
            sa.select(
                sa.func.count(rows.c["seen"].distinct()).label("d"), sa.func.count(rows.c["seen"]).label("n")
            )
        )
        if different > 1:
            name = _qualified(binding, column)
            yield Clash(
                False,
                f"operations: {name} may say for which order quantities a routing is meant ({different:,} different values in {filled:,} rows), and the "
                "profile does not read it: of an item's routings one is taken for all quantities",
                "Filter in [operations] by the quantities that orders mostly have, or say which routing is the main one "
                f'(routing.major_flag_source); or add "{name}" to operations.ignore.',
            )


def _in_place_of(binding: Binding, dialect: str, ask: Ask) -> Iterator[Clash]:
    """Columns by whose names a row is done in place of another operation: in some rows, not in all."""
    for column in unread_columns(binding, ("text", "integer", "number", "unknown", "boolean")):
        if not _INSTEAD.search(column.spoken):
            continue
        text = sa.func.ltrim(
            sa.func.rtrim(sa.cast(_read(binding, dialect, column).c["seen"], sa.Unicode(100)))
        )
        filled = sa.case((text.not_in(["", "0", "0.0", "N", "NO", "NEIN"]), 1), else_=0)
        rows, total = ask(sa.select(sa.func.sum(filled).label("rows"), sa.func.count().label("total")))
        if 0 < rows < total:
            name = _qualified(binding, column)
            yield Clash(
                False,
                f"operations: {name} may say that a row is done in place of another operation (filled in {rows:,} of {total:,} rows), and the profile "
                "does not read it: both count as operations of the routing",
                f'Leave alternatives out: where = [{{ column = "{name}", op = "=", value = "" }}] in [operations]; or add "{name}" to operations.ignore.',
            )


def _other_parts(binding: Binding, dialect: str, ask: Ask) -> Iterator[Clash]:
    """Columns that are by their names the same time in another unit, RUN_H beside RUN_MIN, and hold a part of it."""
    read = {c.name: c.found for c in binding.columns if c.name in _EVERY_TIME and c.found is not None}
    for column in unread_columns(binding, ("integer", "number")):
        for name, found in read.items():
            ratio = _unit_ratio(column, found)
            if ratio is None:
                continue
            parts = tuple(
                ReadColumn(n, "number", 50, False, c) for n, c in (("other", column), ("own", found))
            )
            rows = select_of(replace(binding, columns=parts, marks=None), dialect).subquery()
            other, own = rows.c["other"], rows.c["own"]
            none: sa.ColumnElement[Any] = sa.literal_column("0")
            off = sa.func.abs(other * sa.literal_column(f"{ratio:.9f}", sa.Double()) - own)
            same = sa.func.coalesce(off, own, none) <= sa.literal_column("0.02", sa.Double()) * sa.func.abs(
                own
            )
            filled, differ = ask(
                sa.select(
                    sa.func.sum(sa.case((other > none, 1), else_=0)).label("filled"),
                    sa.func.sum(sa.case((sa.and_(other > none, sa.not_(same)), 1), else_=0)).label("differ"),
                )
            )
            if differ:
                yield Clash(
                    False,
                    f"{binding.frame}: {_qualified(binding, column)} is by its name the time of {found.name} ({name}) in another unit, is above 0 in "
                    f"{filled:,} rows and says another time in {differ:,}: 1 hour and 30 minutes in two columns? The profile reads {found.name} alone",
                    f"Read a view that adds them in one unit, or add {column.name} to {binding.family}.ignore.",
                )


def _unit_ratio(column: FoundColumn, time: FoundColumn) -> float | None:
    """How many of a time's units one of a column is, where by their names they are one time; None else."""
    theirs, ours = words_of_name(column.spoken), words_of_name(time.spoken)
    if time.type == "text" or column.alias != time.alias or len(theirs) < 2 or theirs[:-1] != ours[:-1]:
        return None
    units = NAMED_MINUTES.get(theirs[-1]), NAMED_MINUTES.get(ours[-1])
    if units[0] is None or units[1] is None or units[0] == units[1]:
        return None
    return units[0] / units[1]


def _leads_back(binding: Binding, dialect: str, ask: Ask) -> Iterator[Clash]:
    """Operations of which by a column that is not read the next one has a lower number: the numbers are not their order."""
    number = next((c for c in binding.columns if c.name == "proc_seq"), None)
    if number is None or number.found is None or getattr(binding.section, "renumbers", False):
        return
    for column in unread_columns(binding, ("text", "integer", "number", "unknown")):
        if column.type != number.found.type or not _NEXT.search(column.spoken):
            continue  # written in two ways, they do not compare
        read = tuple(
            ReadColumn(n, "text", 50, False, c) for n, c in (("own", number.found), ("next", column))
        )
        rows = select_of(replace(binding, columns=read, marks=None), dialect).subquery()
        own, after = (
            sa.func.ltrim(sa.func.rtrim(sa.cast(rows.c[n], sa.Unicode(50)))) for n in ("own", "next")
        )
        length = sa.func.len if dialect == "mssql" else sa.func.length
        lower = sa.or_(length(after) < length(own), sa.and_(length(after) == length(own), after < own))
        back = sa.and_(
            after.not_in(["", "0"]), after.not_like("%[^0-9]%") if dialect == "mssql" else sa.true(), lower
        )
        count, total = ask(
            sa.select(sa.func.sum(sa.case((back, 1), else_=0)).label("back"), sa.func.count().label("total"))
        )
        if count:
            yield Clash(
                False,
                f"operations: by {_qualified(binding, column)}, which may name the next operation, {count:,} of {total:,} operations lead to one "
                f"of a lower number, so {number.found.name} is not their order",
                f'Map next_oper = "{_qualified(binding, column)}" in [operations.columns], or add it to operations.ignore.',
            )


def _read(binding: Binding, dialect: str, column: FoundColumn) -> sa.Subquery:
    """The frame's rows with this column alone, as it is stored."""
    kind = "number" if column.type in ("integer", "number") else "text"
    wanted = ReadColumn("seen", kind, 100, False, column)  # type: ignore[arg-type]
    return select_of(replace(binding, columns=(wanted,), marks=None), dialect).subquery()


def _other_than(
    binding: Binding, dialect: str, column: FoundColumn, factor: _Factor
) -> sa.Select[*tuple[Any, ...]]:
    """Counts the rows whose value is none of those that change nothing, and all rows."""
    rows = _read(binding, dialect, column)
    seen = rows.c["seen"]
    other: sa.ColumnElement[bool]
    if column.type in ("integer", "number"):
        other = seen.not_in([sa.literal_column(str(p)) for p in factor.plain])
    else:
        text = sa.func.ltrim(sa.func.rtrim(sa.cast(seen, sa.Unicode(100))))
        other = text.not_in(["", *(form for p in factor.plain for form in (str(p), f"{p}.0", f"{p}.00"))])
    return sa.select(sa.func.sum(sa.case((other, 1), else_=0)).label("other"), sa.func.count().label("total"))


def _qualified(binding: Binding, column: FoundColumn) -> str:
    """The column's name, with its alias where it is of a joined table."""
    return column.name if column.alias == binding.section.alias else f"{column.alias}.{column.name}"


def _spoken(binding: Binding, column: FoundColumn) -> str:
    """What the column's name says, with its alias where it is of a joined table."""
    return column.spoken if column.alias == binding.section.alias else f"{column.alias}.{column.spoken}"


def _told(binding: Binding, column: FoundColumn, factor: _Factor, rows: int, total: int) -> Clash:
    family = binding.family
    name = _qualified(binding, column)
    mapped = binding.section.columns.get(factor.key)
    remedy = factor.remedy or f"Map it in {family}.columns.{factor.key}"
    if mapped is not None:
        parts = ", ".join(f'"{n}"' for n in (*mapped.names, name))
        remedy = f"Map both: {factor.key} = {{ concat = [{parts}] }}, with a word for each pair"
    return Clash(
        False,
        f"{binding.frame}: {name} may be {factor.meaning} (in {rows:,} of {total:,} rows it is not {_either(factor.plain)}), and the "
        "profile does not read it",
        f"{remedy}, or add it to {family}.ignore.",
    )


def _either(plain: tuple[int, ...]) -> str:
    return " or ".join(map(str, plain))


def _days(binding: Binding, dialect: str, ask: Ask, today: date) -> Iterator[Clash]:
    """Rows that by a day that is not read are not in force yet, or no longer."""
    mapped = binding.section.columns
    for column in unread_columns(binding, ("text", "date", "integer", "unknown")):
        for key, names, told in _IN_FORCE:
            if key in mapped or "validity" in mapped or not names.search(column.spoken):
                continue
            rows, total = ask(_other_side(binding, dialect, column, key, today))
            if rows:
                yield Clash(
                    False,
                    f"operations: {_qualified(binding, column)} {told.format(rows=f'{rows:,} of {total:,}')}",
                    f"Map it in operations.columns.{key}, or add it to operations.ignore.",
                )
            break


def _other_side(
    binding: Binding, dialect: str, column: FoundColumn, key: str, today: date
) -> sa.Select[*tuple[Any, ...]]:
    """Counts the rows that begin after today, or have ended by it; a day of another form than ISO's counts as ended."""
    ends = key == "valid_to"
    if column.type == "date" and dialect != "sqlite":
        wanted = ReadColumn("seen", "date", 40, False, column)
        rows = select_of(replace(binding, columns=(wanted,), marks=None), dialect).subquery()
        limit: sa.ColumnElement[Any] = sa.literal_column(f"'{today:%Y%m%d}'")
        other = rows.c["seen"] > limit
        if ends:
            other = sa.and_(rows.c["seen"] < limit, rows.c["seen"] > sa.literal_column("'19500101'"))
    else:
        rows = _read(binding, dialect, column)
        text = sa.func.ltrim(sa.func.rtrim(sa.cast(rows.c["seen"], sa.Unicode(100))))
        iso = text.like("____-__-__%")
        number = sa.and_(
            text.like("20______"), text.not_like("%-%"), text.not_like("%.%"), text.not_like("%/%")
        )
        today_number = f"{today:%Y%m%d}"
        if ends:
            past = sa.and_(iso, text < f"{today:%Y-%m-%d}", text > "1950")
            written = sa.and_(sa.not_(iso), sa.not_(number), text.not_in(["", "0"]), text.not_like("%9999%"))
            other = sa.or_(past, written, sa.and_(number, text < today_number))
        else:
            other = sa.or_(
                sa.and_(text.like("20__-__-__%"), text > f"{today:%Y-%m-%d}~"),
                sa.and_(number, text > today_number, text < "2100"),
            )
    return sa.select(sa.func.sum(sa.case((other, 1), else_=0)).label("other"), sa.func.count().label("total"))
