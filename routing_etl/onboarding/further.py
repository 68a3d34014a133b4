"""What a proposal has beside items, routings and results: attributes as rows, machines, purchase orders, kinds and ends of reports."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from routing_etl.erp.name_words import LAST_DAY
from routing_etl.onboarding.choose import Choices, is_status
from routing_etl.onboarding.parts import Part
from routing_etl.onboarding.survey import Column, Survey, Table, Values
from routing_etl.onboarding.words import words_of

#: Share of a column's sampled values that must be in another table for the two to go together.
_SHARE = 0.6
#: Most names of attributes, fewest rows of one, and most words of a flag.
_NAMES, _ROWS, _FLAGS = 40, 3, 12
#: Words of tables and columns that hold attributes as rows.
_ATTRIBUTE = frozenset([
    "attribute", "attributes", "attr", "attribut", "attribute", "characteristic", "characteristics", "charact", "feature", "features", "property",
    "properties", "spec", "specification", "merkmal", "merkmale", "eigenschaft", "sachmerkmal", "sml", "caracteristica", "caracteristicas", "atributo",
    "atributos", "caracteristique", "caracteristiques", "caratteristica", "caratteristiche", "attributo", "cecha", "cechy", "vlastnost", "parametr",
    "parametry", "kenmerk", "kenmerken", "classification", "klassifizierung", "특성", "속성", "사양", "属性", "特性", "仕様",
])  # fmt: skip
#: Words of tables of orders at vendors, of their numbers, and of vendors.
_PURCHASE = re.compile(
    r"purch|(^|[_ .])po(s|_?(line|header|hdr|dtl|detail|item|rel|no|num|nr))?($|[_ ])|bestell|einkauf|compra|achat|acquist|zam[oó]w|objedn|inkoop|"
    r"ekpo|ekko|발주|구매|発注|購買|采购",
    re.IGNORECASE,
)
_ORDER_NUMBER = re.compile(
    r"^po(no|nr|num|number|id|code)?$|purch|bestell|ebeln|order|pedido|compra|commande|cde|ordine|zamow|objedn|발주|구매|発注|購買|采购"
)
_NO_ORDER_NUMBER = re.compile(
    r"line|pos|item|vendor|date|datum|fecha|qty|menge|quant|cantidad|status|price|preis|type|unit"
)
_QUANTITY = re.compile(
    r"qty|qte|quant|menge|cantidad|quantita|ilosc|mnozstvi|aantal|수량|数量", re.IGNORECASE
)
_GROUP = frozenset([
    "group", "grp", "dept", "department", "class", "type", "area", "center", "centre", "gruppe", "abteilung", "kostenstelle", "bereich", "art",
    "grupo", "groupe", "gruppo", "grupa", "skupina", "groep", "그룹", "グループ", "组", "section", "atelier", "secteur", "seccion", "sezione",
    "reparto", "wydzial", "stredisko", "afdeling", "setor",
])  # fmt: skip
_OTHER = re.compile(
    r"alt|ersatz|ausweich|replac|succ|nachf|substit|sustit|rempl|sostit|zast|n[aá]hrad|vervang|대체|代替|替代",
    re.IGNORECASE,
)
_LAST_DAY = re.compile(
    r"^(dt|dat[aeo]?|datum|fecha|valid)_?(fin|fine|fim|ende?|bis|hasta|baja|konca?|koniec|einde|tot|do|to|until|thru)$"
    r"|^(fin|ende?|bis|baja|einde|koniec)_?(dt|dat[aeo]?|datum|fecha)$|^(g(ue|ü)ltig|valable|valido)_?(bis|jusqu_?au|hasta|fino)",
    re.IGNORECASE,
)
#: Fewest operations of the sample with a supplier.
_SUPPLIED = 5
#: What words of reports say: set-up, run, or no work.
_KINDS: Mapping[str, tuple[str, ...]] = {
    "setup": ("SETUP", "SET-UP", "SET UP", "RUEST", "RUESTEN", "RÜST", "RÜSTEN", "REGLAGE", "RÉGLAGE", "ATTREZZAGGIO", "PREPARACION", "PREPARACIÓN",
              "PRZEZBROJENIE", "SERIZENI", "SEŘÍZENÍ", "INSTELLEN", "준비", "段取"),
    "run": ("RUN", "LAUF", "LAUFEN", "PROD", "PRODUCTION", "PRODUKTION", "FERTIGUNG", "LAVORAZIONE", "PRODUCCION", "PRODUCCIÓN", "PRODUKCJA", "VYROBA",
            "VÝROBA", "PRODUCTIE", "가공", "加工"),
    "ignore": ("PAUSE", "BREAK", "STOER", "STOERUNG", "STÖRUNG", "DOWN", "DOWNTIME", "STILLSTAND", "ARRET", "ARRÊT", "FERMO", "PARADA", "PRZESTOJ",
               "PROSTOJ", "STILSTAND"),
}  # fmt: skip
_FINISHED = re.compile(
    r"^(is)?(final|finished|complete[d]?|lastconf|endrueck|endr|fertig|fertigkz|endmeldung|teilend|aueru|terminado|termine|finito|zakonczone|hotovo|gereed|완료|完了)"
    r"(flag|flg|kz|yn|ind)?$",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Pivoted:
    """A table that holds attributes as rows.

    Parameters
    ----------
    table : Table
        The table.
    item : str
        Its column of the item.
    code : str
        The column of the item master that it names.
    name : str
        Its column with an attribute's name.
    value : str
        Its column with an attribute's value.
    held : dict of str to Values
        The values of each name in the sample, by the name as it is stored.
    """

    table: Table
    item: str
    code: str
    name: str
    value: str
    held: Mapping[str, Values]


def pivots(survey: Survey, choices: Choices) -> Iterator[Pivoted]:
    """Tables with one row for each attribute of an item.

    A name says so, because stocks by warehouse and prices by list look the same: an item, a word, a value.

    Parameters
    ----------
    survey : Survey
        The database.
    choices : Choices
        What was chosen.
    """
    items = choices.parts.get("items")
    if items is None:
        return
    code, used = items.columns["item_cd"].source, {p.table.title for p in choices.parts.values()}
    for table in survey.tables:
        if table.title in used or not _says_attributes(table) or len(table.columns) < 3:
            continue
        item = _names(survey, table, items.table, code)
        found = _name_and_value(survey, table, item) if item is not None else None
        if item is not None and found is not None:
            yield Pivoted(table, item, code, *found)


def _says_attributes(table: Table) -> bool:
    named = [table.name, *(c.name for c in table.columns)]
    return any(set(words_of(n)) & _ATTRIBUTE for n in named)


def _names(survey: Survey, table: Table, other: Table, there: str) -> str | None:
    """The column of a table whose values are most in a column of another one."""
    shares = {
        c.name: survey.share_found(table, c.name, other, there) or 0.0
        for c in table.columns
        if c.kind in ("text", "integer") and not c.key
    }
    best = max(shares, key=lambda n: shares[n], default=None)
    return best if best is not None and shares[best] >= _SHARE else None


def _name_and_value(survey: Survey, table: Table, item: str) -> tuple[str, str, dict[str, Values]] | None:
    """The column of few words of which an item has each once, the column of values beside it, and what each name holds."""
    sample = survey.sample(table)
    texts = [
        c
        for c in table.columns
        if c.name != item and c.kind in ("text", "integer") and sample[c.name].distinct
    ]
    for name in sorted(
        texts, key=lambda c: (not set(words_of(c.spoken)) & (_ATTRIBUTE | {"name"}), sample[c.name].distinct)
    ):
        held = sample[name.name]
        if not 2 <= held.distinct <= _NAMES or held.filled < _ROWS * held.distinct:
            continue
        pairs = survey.records(table, (item, name.name))
        if len(set(pairs)) < 0.98 * len(pairs):
            continue
        values = [
            c
            for c in table.columns
            if c.name not in (item, name.name) and not c.key and sample[c.name].distinct > 1
        ]
        named = [
            c
            for c in values
            if set(words_of(c.spoken))
            & {
                "value",
                "val",
                "wert",
                "valor",
                "valeur",
                "valore",
                "wartosc",
                "hodnota",
                "waarde",
                "값",
                "値",
                "值",
            }
        ]
        chosen = max(named or values, key=lambda c: sample[c.name].distinct, default=None)
        if chosen is None:
            continue
        by_name: dict[str, Counter[object]] = defaultdict(Counter)
        for word, value in survey.records(table, (name.name, chosen.name)):
            if word is not None and value is not None:
                by_name[str(word)][value] += 1
        return name.name, chosen.name, {w: Values(sum(c.values()), c) for w, c in by_name.items()}
    return None


# --- machines -----------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Master:
    """A table of its own for machines or for orders at vendors.

    Parameters
    ----------
    table : Table
        The table.
    columns : dict of str to tuple of str
        Canonical column to its column and the reason.
    share : float
        Share of the codes that are there.
    flag : Values, optional
        What the column holds that says whether a machine is in use.
    """

    table: Table
    columns: Mapping[str, tuple[str, str]]
    share: float
    flag: Values | None = None


def machines(survey: Survey, choices: Choices) -> Master | None:
    """The table that has the machines of the routings, one in a row, and says more of them than a name.

    Parameters
    ----------
    survey : Survey
        The database.
    choices : Choices
        What was chosen.
    """
    operations = choices.parts.get("operations")
    machine = operations.columns.get("res_cd") if operations is not None else None
    if operations is None or machine is None or "." in machine.source:
        return None
    used = {p.table.title for p in choices.parts.values()}
    best: tuple[float, int, Table, str] | None = None
    for table in survey.tables:
        if table.title in used:
            continue
        for column in table.columns:
            held = survey.sample(table).get(column.name)
            if held is None or column.kind not in ("text", "integer") or not 0 < held.distinct == held.rows:
                continue
            share = survey.share_found(operations.table, machine.source, table, column.name) or 0.0
            if share >= _SHARE and (best is None or (share, len(table.columns)) > best[:2]):
                best = (share, len(table.columns), table, column.name)
    if best is None:
        return None
    share, _, table, code = best
    columns, flag = _of_machines(survey, table, code)
    return (
        Master(
            table,
            {
                "res_cd": (code, f"{share:.0%} of the machines of {operations.table.title} are there"),
                **columns,
            },
            share,
            flag,
        )
        if columns
        else None
    )


def _of_machines(survey: Survey, table: Table, code: str) -> tuple[dict[str, tuple[str, str]], Values | None]:
    """What a table says of machines: whether one is in use, its group, what stands in for it."""
    found: dict[str, tuple[str, str]] = {}
    flag = None
    sample = survey.sample(table)
    for column in table.columns:
        held = sample.get(column.name)
        if column.name == code or held is None or not held.distinct:
            continue
        days = column.kind == "date" or held.date_format is not None
        if "active" not in found and is_status(column) and held.distinct <= _FLAGS and not days:
            found["active"], flag = (
                (column.name, f"DECIDE: which words mean that a machine is in use? It holds {held.shown()}"),
                held,
            )
        elif days and (_LAST_DAY.search(column.spoken) or LAST_DAY.search(column.spoken)):
            found.setdefault(
                "valid_to",
                (column.name, f"DECIDE: is it the last day of a machine? {held.filled:,} have one"),
            )
        elif (
            _OTHER.search(column.spoken)
            and (survey.share_found(table, column.name, table, code) or 0.0) >= _SHARE
        ):
            found.setdefault(
                "alternate",
                (
                    column.name,
                    "DECIDE: does it stand in for the machine (alternate), or has it replaced it (replaced_by)?",
                ),
            )
        elif set(words_of(column.spoken)) & _GROUP and 1 < held.distinct < held.filled:
            found.setdefault(
                "res_group",
                (
                    column.name,
                    f"DECIDE: can machines of one stand in for each other? It holds {held.shown(4)}",
                ),
            )
    return found, flag


# --- orders at vendors --------------------------------------------------------------------------------------------------
def purchases(survey: Survey, choices: Choices) -> Master | None:
    """The table of orders at vendors, by its name: the item, the order's number, its day and its quantity.

    Parameters
    ----------
    survey : Survey
        The database.
    choices : Choices
        What was chosen.
    """
    items = choices.parts.get("items")
    if items is None:
        return None
    used = {p.table.title for p in choices.parts.values()}
    for table in survey.tables:
        if table.title in used or not _PURCHASE.search(table.name) or not survey.rows(table):
            continue
        code = items.columns["item_cd"].source
        item = _names(survey, table, items.table, code)
        number = next((c for c in table.columns if c.name != item and _is_order_number(c)), None)
        if item is None or number is None:
            continue
        share = survey.share_found(table, item, items.table, code) or 0.0
        columns = {
            "item_cd": (item, f"{share:.0%} of its values are in {items.table.title}.{code}"),
            "po_no": (number.name, ""),
        }
        sample = survey.sample(table)
        day = next(
            (c for c in table.columns if c.kind == "date" or sample[c.name].date_format is not None), None
        )
        quantity = next(
            (c for c in table.columns if c.kind in ("number", "integer") and _QUANTITY.search(c.spoken)), None
        )
        for key, column in (("po_date", day), ("qty", quantity)):
            if column is not None:
                columns[key] = (column.name, "DECIDE: is it?" if key == "po_date" else "")
        return Master(table, columns, share)
    return None


def _is_order_number(column: Column) -> bool:
    """Whether a column is by its name the number of an order, and not that of a line, a vendor or an item."""
    joined = "".join(words_of(column.spoken))
    return _ORDER_NUMBER.search(joined) is not None and _NO_ORDER_NUMBER.search(joined) is None


# --- reports ------------------------------------------------------------------------------------------------------------
def kinds_of_reports(survey: Survey, part: Part) -> tuple[Column, dict[str, list[str]], list[str]] | None:
    """The column whose words say what a report is; its words by kind, and those that are not known.

    Parameters
    ----------
    survey : Survey
        The database.
    part : Part
        The results.
    """
    known = {w: kind for kind, words in _KINDS.items() for w in words}
    read = {c.source for c in part.columns.values()}
    for column in part.table.columns:
        held = survey.sample(part.table).get(column.name)
        if column.name in read or column.kind != "text" or held is None or not 2 <= held.distinct <= _FLAGS:
            continue
        by_kind: dict[str, list[str]] = defaultdict(list)
        other: list[str] = []
        rows = 0
        for value, n in held.counts.items():
            kind = known.get(str(value).strip().upper())
            rows += n if kind else 0
            (by_kind[kind] if kind else other).append(str(value))
        if rows >= 0.7 * held.filled and len(by_kind) > 1:
            return column, dict(by_kind), other
    return None


def finished_flag(survey: Survey, part: Part) -> Column | None:
    """The column that by its name and two words says that an operation of an order is finished.

    Parameters
    ----------
    survey : Survey
        The database.
    part : Part
        The results.
    """
    read = {c.source for c in part.columns.values()}
    for column in part.table.columns:
        held = survey.sample(part.table).get(column.name)
        if (
            column.name not in read
            and held is not None
            and 1 <= held.distinct <= 2
            and _FINISHED.match("".join(words_of(column.spoken)))
        ):
            return column
    return None


# --- what is made outside -----------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Outside:
    """What says that an operation is made outside: a column with its words, or none; the supplier's column; how many rows of the sample."""

    supplier: str
    rows: int
    column: str | None
    outside: str
    inside: tuple[str, ...]


def made_outside(survey: Survey, part: Part) -> Outside | None:
    """The column of suppliers of the operations: filled where no time is, and hardly elsewhere; and the column whose word goes with it.

    Parameters
    ----------
    survey : Survey
        The database.
    part : Part
        The operations.
    """
    taken = {c.source for c in part.columns.values()}
    times = [
        c.source for n, c in part.columns.items() if n in ("setup_time", "run_time") and "." not in c.source
    ]
    free = [c.name for c in part.table.columns if c.kind in ("text", "integer") and c.name not in taken]
    if not times or not free or "inside" in part.columns:
        return None
    rows = survey.records(part.table, [*free, *times])
    words = [["" if v is None else str(v).strip() for v in row[: len(free)]] for row in rows]
    timed = [any(v not in (None, 0, "", "0") for v in row[len(free) :]) for row in rows]
    for i, name in enumerate(free):
        filled = [row[i] not in ("", "0") for row in words]
        n = sum(filled)
        with_time = sum(t for t, f in zip(timed, filled, strict=True) if f)
        others = sum(t for t, f in zip(timed, filled, strict=True) if not f)
        if n < _SUPPLIED or 2 * n >= len(rows) or with_time > 0.05 * n or 2 * others < len(rows) - n:
            continue
        if len({row[i] for row in words} - {"", "0"}) < 2:
            continue
        return _with_word(
            name, filled, {free[k]: [row[k] for row in words] for k in range(len(free)) if k != i}
        )
    return None


def _with_word(supplier: str, filled: list[bool], others: Mapping[str, list[str]]) -> Outside:
    """The column of a few words of which one goes with the supplier."""
    for name, words in others.items():
        outside = {w for w, f in zip(words, filled, strict=True) if f}
        inside = {w for w, f in zip(words, filled, strict=True) if not f and w}
        if (
            len(outside) == 1
            and "" not in outside
            and inside
            and not outside & inside
            and len(inside) < _FLAGS
        ):
            return Outside(supplier, sum(filled), name, outside.pop(), tuple(sorted(inside)))
    return Outside(supplier, sum(filled), None, "out", ("in",))
