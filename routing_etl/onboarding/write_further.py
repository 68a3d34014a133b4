"""The lines of a proposal for attributes as rows, machines, purchase orders, and kinds and ends of reports."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

from routing_etl.onboarding.choose import Choices
from routing_etl.onboarding.further import (
    Master,
    Outside,
    Pivoted,
    finished_flag,
    kinds_of_reports,
    machines,
    pivots,
    purchases,
)
from routing_etl.onboarding.kinds import kind_of
from routing_etl.onboarding.parts import Part
from routing_etl.onboarding.survey import Column, Survey, Table

#: Words for "no" of a flag of machines, in any case.
_OUT = frozenset(
    [
        "0",
        "N",
        "NO",
        "NEIN",
        "FALSE",
        "F",
        "INACTIVE",
        "INAKTIV",
        "OUT",
        "SCRAPPED",
        "CLOSED",
        "GESPERRT",
        "OBSOLETE",
        "NON",
        "NIE",
        "NE",
    ]
)


def _quoted(text: object) -> str:
    return json.dumps(str(text), ensure_ascii=False)


def _line(code: str, comment: str) -> str:
    plain = "".join(c if c.isprintable() else " " for c in comment)
    return f"{code}  # {plain}" if plain else code


def _table(table: Table) -> list[str]:
    return [
        f"table = {_quoted(table.name)}",
        *([f"schema = {_quoted(table.schema)}"] if table.schema else []),
    ]


def attributes_as_rows(
    survey: Survey, choices: Choices, named: Callable[[str], str]
) -> Iterator[tuple[list[str], list[str]]]:
    """For each table of attributes as rows the lines of [items.attributes], and those of its pivot.

    Parameters
    ----------
    survey : Survey
        The database.
    choices : Choices
        What was chosen.
    named : callable
        Gives an attribute a name that is not taken.
    """
    for i, found in enumerate(pivots(survey, choices)):
        alias = "attr" if i == 0 else f"attr{i + 1}"
        names = {named(word): word for word in found.held}
        attributes = [_attribute(found, alias, name, word) for name, word in names.items()]
        inner = ", ".join(f"{name} = {_quoted(word)}" for name, word in names.items())
        yield (
            attributes,
            [
                "[[items.pivot]]",
                *_table(found.table),
                f'alias = "{alias}"',
                _line(
                    f"on = [[{_quoted(found.code)}, {_quoted(found.item)}]]",
                    "DECIDE: attributes as rows, an item has each name once in the sample; is this its whole key?",
                ),
                f"name = {_quoted(found.name)}",
                f"value = {_quoted(found.value)}",
                f"names = {{ {inner} }}",
            ],
        )


def _attribute(found: Pivoted, alias: str, name: str, word: str) -> str:
    values = found.held[word]
    column = Column(word, "number" if values.holds_numbers else "text")
    kind, asked = kind_of(column, values)
    shown = values.spread() if kind == "number" else values.shown(3)
    return _line(
        f'{name} = {{ column = "{alias}.{name}", kind = "{kind}" }}',
        f"{values.filled:,} rows of {found.table.title}: {shown}" + (f"; {asked}" if asked else ""),
    )


def further_sections(survey: Survey, choices: Choices) -> Iterator[str]:
    """The sections of machines and of purchase orders, where there are such tables.

    Parameters
    ----------
    survey : Survey
        The database.
    choices : Choices
        What was chosen.
    """
    master = machines(survey, choices)
    if master is not None:
        yield from [
            "",
            "[resources]",
            *_table(master.table),
            *_words_of_flag(master),
            "",
            "[resources.columns]",
            *_columns(master),
        ]
    orders = purchases(survey, choices)
    if orders is not None:
        yield from [
            "",
            "[purchase_orders]",
            _line(
                _table(orders.table)[0],
                "DECIDE: orders at vendors, by its name; leave the section out if not",
            ),
        ]
        yield from [*_table(orders.table)[1:], "", "[purchase_orders.columns]", *_columns(orders)]


def _columns(master: Master) -> Iterator[str]:
    codes = ("res_cd", "item_cd", "po_no", "res_group", "alternate")
    for name, (source, why) in master.columns.items():
        whole = name in codes and master.table.column(source).kind in ("integer", "number")
        code = f"{{ column = {_quoted(source)}, integer_code = true }}" if whole else _quoted(source)
        yield _line(f"{name} = {code}", why)


def _words_of_flag(master: Master) -> list[str]:
    """Which words mean in use, and which out of use: a guess and a question."""
    if master.flag is None:
        return []
    words = [str(v).strip().upper() for v in master.flag.counts]
    out = [w for w in words if w in _OUT]
    used = [w for w in words if w not in _OUT]
    lists = (
        f"{key} = [{', '.join(map(_quoted, each))}]"
        for key, each in (("active_words", used), ("inactive_words", out))
    )
    return [_line(line, "DECIDE: is it so? A column such as CLOSED means the opposite") for line in lists]


def further_of_reports(survey: Survey, part: Part) -> tuple[list[str], list[str]]:
    """Keys of [results], and lines of [results.columns], for the kinds of rows and for what is finished.

    Parameters
    ----------
    survey : Survey
        The database.
    part : Part
        The results.
    """
    keys, columns = [], []
    found = kinds_of_reports(survey, part)
    if found is not None:
        column, by_kind, other = found
        inner = ", ".join(f"{kind} = [{', '.join(map(_quoted, words))}]" for kind, words in by_kind.items())
        unknown = (
            f"; what is {', '.join(map(repr, other))}? Rows of other words are kept out" if other else ""
        )
        keys.append(
            _line(
                f"kinds = {{ {inner} }}",
                f"DECIDE: as the words of {column.name} say; are they so{unknown}?".replace("??", "?"),
            )
        )
        columns.append(_line(f"record_kind = {_quoted(column.name)}", "its words are kinds of reports"))
    flag = finished_flag(survey, part)
    if flag is not None and "order_no" in part.columns:
        columns.append(
            _line(
                f"finished = {_quoted(flag.name)}",
                f"DECIDE: does it say that the operation of the order is finished? It holds {survey.sample(part.table)[flag.name].shown()}",
            )
        )
    return keys, columns


def columns_of_inside(found: Outside | None) -> Iterator[str]:
    """Lines of [operations.columns] that say what is made outside, and by whom.

    Parameters
    ----------
    found : Outside or None
        What was found.
    """
    if found is None:
        return
    why = f"DECIDE: the operations made outside? {found.rows:,} rows of the sample have {found.supplier} and no time"
    if found.column is None:
        yield _line(f'inside = {{ column = {_quoted(found.supplier)}, present = "out", absent = "in" }}', why)
    else:
        yield _line(f"inside = {_quoted(found.column)}", why)
    yield _line(f"bp_cd = {_quoted(found.supplier)}", "DECIDE: the supplier? It is filled in just these rows")


def words_of_inside(found: Outside | None) -> Iterator[str]:
    """Keys of [routing] with the words of the column that says what is made outside.

    Parameters
    ----------
    found : Outside or None
        What was found.
    """
    if found is None:
        return
    yield f"inside_words = [{', '.join(map(_quoted, found.inside))}]"
    yield f"outside_words = [{_quoted(found.outside)}]"
