"""What stands beside a code: the name of a machine, a job or a kind of part in its own table, and a second table of the item master.

A main table has often only a code; what people read, and much of what decides about a routing, is reached by a join. A join is proposed
where a table has each of the codes once (or once a language) and a column that is called a name; the rows of the main table stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from routing_etl.onboarding.choose import Choices, is_status
from routing_etl.onboarding.parts import Choice, Joined, Part
from routing_etl.onboarding.survey import Column, Survey, Table
from routing_etl.onboarding.words import TABLES, Role, score, words_of

#: What a name is called, from the surest on.
_NAME = (
    "name|nm|description|descr|desc|text|title|label|bezeichnung|bez|benennung|beschreibung|kurztext|klartext|maktx|ltxa1|ktext|txt|designation|des|"
    "libelle|lib|intitule|descripcion|denominacion|nombre|descrizione|denominazione|nome|nazwa|opis|nazev|popis|naam|omschrijving|benamning|beskrivning|"
    "descricao|명|명칭|이름|名|名称|名前|描述"
)
_ENOUGH = 1.5
#: What a language is called.
_LANGUAGE = frozenset(
    ["lang", "language", "languages", "spras", "sprache", "sprachkz", "langue", "idioma", "lingua", "jazyk", "jezyk", "taal", "언어", "言語", "语言"]
)  # fmt: skip
#: Words of tables with a row an item that say what becomes of it, not what it is.
_NO_MASTER = frozenset(
    ["stock", "stocks", "bestand", "lager", "lagerbestand", "inventory", "onhand", "balance", "price", "prices", "pricelist", "preis", "preise", "prix",
     "tarif", "tarifs", "precio", "precios", "cost", "costs", "kosten", "cout", "coste", "forecast", "demand", "planning", "plan", "sales", "verkauf",
     "ventes", "ventas", "supplier", "vendor", "재고", "단가", "在庫", "単価", "库存", "价格"]
)  # fmt: skip
#: Share of the codes that the table must have, and share of the items that a second table must have a row of.
_MOST, _HALF = 0.9, 0.5
#: Languages of a table of texts, and second tables of the item master.
_LANGUAGES, _TABLES = 12, 3
#: Section, column of the code, column of its name, alias of the join, and what the code stands for.
_CODES: Sequence[tuple[Role, str, str, str, str]] = (
    ("operations", "job_cd", "job_nm", "job_text", "job"),
    ("operations", "res_cd", "res_nm", "machine_text", "machine"),
    ("items", "part_type", "part_type_nm", "kind_text", "kind of part"),
)


@dataclass(frozen=True)
class _Named:
    """A table with the names of codes."""

    table: Table
    key: str
    name: Column
    share: float
    language: tuple[str, str, int] | None = None


def with_names(survey: Survey, choices: Choices) -> Choices:
    """The choices with the names of their codes, and with further tables of the item master.

    Parameters
    ----------
    survey : Survey
        The database.
    choices : Choices
        What was chosen.
    """
    parts = dict(choices.parts)
    for role, code, name, alias, words in _CODES:
        part = parts.get(role)
        if part is None or code not in part.columns or name in part.columns:
            continue
        found = _names_of(survey, part, part.columns[code], {p.table.title for p in parts.values()})
        if found is not None:
            parts[role] = _joined(part, part.columns[code], found, name, alias, words)
    items = parts.get("items")
    if items is not None:
        taken = {t.title for p in parts.values() for t in (p.table, *(j.table for j in p.joins))}
        lines = parts["operations"].table if "operations" in parts else None
        parts["items"] = replace(items, joins=(*items.joins, *_second_tables(survey, items, lines, taken)))
    return replace(choices, parts=parts)


def _joined(part: Part, code: Choice, found: _Named, name: str, alias: str, words: str) -> Part:
    """The part with the join, and the name read by it."""
    why = f"names: {found.share:.0%} of the values of {code.source} in the sample are there, a row each"
    where: tuple[tuple[str, str], ...] = ()
    if found.language is not None:
        column, most, languages = found.language
        why = f"{why} and language; DECIDE: which of {languages} languages ({column})?"
        where = ((column, most),)
    joined = Joined(found.table, alias, code.source, found.key, why, inner=False, where=where)
    if part.role == "items":  # an attribute: what a name says is learned like any text
        return replace(part, joins=(*part.joins, replace(joined, reads=((found.name.name, name),))))
    choice = Choice(
        f"{alias}.{found.name.name}", found.name, f"the name of the {words} in {found.table.title}"
    )
    return replace(part, joins=(*part.joins, joined), columns={**part.columns, name: choice})


def _names_of(survey: Survey, part: Part, code: Choice, taken: set[str]) -> _Named | None:
    """The table that names most of the codes of a column; of several that name as many the one that is linked or called alike."""
    if "." in code.source or code.source not in survey.sample(part.table):
        return None
    if survey.sample(part.table)[code.source].distinct < 2:
        return None
    found: list[tuple[float, _Named]] = []
    for table in survey.tables:
        if table.title in taken or not survey.rows(table):
            continue
        for key in table.columns:
            alike = _alike(part.table, code, table, key)
            named = _named(survey, part.table, code, table, key) if alike else None
            if named is not None:
                found.append((named.share + alike, named))
                break
    return max(found, key=lambda f: f[0])[1] if found else None


def _alike(main: Table, code: Choice, table: Table, key: Column) -> float:
    """How much speaks for a column as the key of a code: a foreign key, its name; numbers alone match by chance, so 0 for those."""
    if any((c, t, k) == (code.source, table.name, key.name) for c, t, k in main.links):
        return 3.0
    if key.kind not in ("text", "integer"):
        return 0.0
    if key.name.lower() == code.source.lower():
        return 2.0
    shared = set(words_of(code.source)) & {*words_of(table.name), *words_of(key.spoken)} - {
        "id",
        "no",
        "cd",
        "code",
        "nr",
    }
    if shared:
        return 1.0
    return 0.5 if key.kind == "text" and code.column.kind == "text" else 0.0


def _named(survey: Survey, main: Table, code: Choice, table: Table, key: Column) -> _Named | None:
    """The names that a table has of the codes; None if it has few of them, several a code, or no name."""
    sample = survey.sample(table)
    held = sample.get(key.name)
    fits = [
        (score(c.spoken, _NAME), -place, c)
        for place, c in enumerate(table.columns)
        if c.kind == "text" and c.name != key.name
    ]
    fits = [f for f in fits if f[0] >= _ENOUGH and not is_status(f[2]) and sample[f[2].name].distinct > 1]
    if held is None or held.distinct < 2 or not fits:
        return None
    language = None
    if held.distinct < held.rows:
        language = _language(survey, table, key.name)
        if language is None:
            return None
    share = survey.share_found(main, code.source, table, key.name) or 0.0
    return (
        _Named(table, key.name, max(fits, key=lambda f: f[:2])[2], share, language)
        if share >= _MOST
        else None
    )


def _language(survey: Survey, table: Table, key: str) -> tuple[str, str, int] | None:
    """The column that tells the rows of a code apart by language, its most frequent value, and how many there are."""
    for column in table.columns:
        if not set(words_of(column.spoken)) & _LANGUAGE:
            continue
        values = survey.sample(table)[column.name]
        pairs = survey.records(table, [key, column.name])
        if 1 < values.distinct <= _LANGUAGES and len(set(pairs)) == len(pairs):
            return column.name, str(values.counts.most_common(1)[0][0]), values.distinct
    return None


def _second_tables(survey: Survey, items: Part, lines: Table | None, taken: set[str]) -> Iterator[Joined]:
    """Tables with one row for each of many items: the rest of a master that is split.

    One that shares more with the routing rows than the item, such as a revision, is a head of routings.
    """
    code = items.columns["item_cd"]
    if "." in code.source:
        return
    found = 0
    for table in survey.tables:
        named = {*words_of(table.name)}
        other = max(score(table.name, TABLES[role], table=True) for role in ("operations", "results"))
        if (
            table.title in taken
            or found >= _TABLES
            or named & _NO_MASTER
            or other > 0
            or len(table.columns) < 2
        ):
            continue
        key = _key_of_items(survey, items.table, code, table)
        if key is None:
            continue
        of_lines = {c.name.lower() for c in lines.columns} if lines is not None else set()
        if of_lines & {c.name.lower() for c in table.columns if c.name != key}:
            continue
        own = {c.name.lower() for c in items.table.columns}
        reads = tuple((c.name, c.name) for c in table.columns if c.name != key and c.name.lower() not in own)
        if not reads:  # a view or a copy of the master
            continue
        why = f"DECIDE: does it describe the same items? {key} has one row an item, and most items have one"
        found += 1
        alias = "more" if found == 1 else f"more{found}"
        yield Joined(table, alias, code.source, key, why, inner=False, reads=reads)


def _key_of_items(survey: Survey, master: Table, code: Choice, table: Table) -> str | None:
    """The column of a table that has each item once; None if none has."""
    sample = survey.sample(table)
    for column in table.columns:
        if column.name not in sample or column.kind not in ("text", "integer"):
            continue
        linked = any((c, t, k) == (column.name, master.name, code.source) for c, t, k in table.links)
        if not linked and column.kind == "integer" and column.name.lower() != code.source.lower():
            continue
        held = sample[column.name]
        if held.rows < 2 or held.distinct < held.rows:
            continue
        if (survey.share_found(table, column.name, master, code.source) or 0.0) < _MOST:
            continue
        if (survey.share_found(master, code.source, table, column.name) or 0.0) >= _HALF:
            return column.name
    return None
