"""Reading a model card back: its tables, and the numbers in them that stand in none of the version's files."""

from __future__ import annotations

import bisect
import re
from typing import Any

NUMBER = re.compile(r"-?[\d,]+(?:\.\d+)?")


def tables(card: str) -> list[tuple[list[str], list[list[str]]]]:
    """Header cells and body rows of every Markdown table."""
    found, lines = [], card.splitlines()
    for i, line in enumerate(lines):
        if line.startswith("| ") and not lines[i - 1].startswith("|"):
            end = next((j for j in range(i, len(lines)) if not lines[j].startswith("|")), len(lines))
            rows = [[c.strip() for c in re.split(r"(?<!\\)\|", row)[1:-1]] for row in lines[i:end]]
            found.append((rows[0], rows[2:]))
    return found


def is_close(cell: str, value: float) -> bool:
    """The cell is the value, rounded as cells are."""
    return abs(float(cell.replace(",", "")) - value) <= (0.000501 if abs(value) < 10 else 0.0501)


def numbers_of(value: Any) -> set[float]:
    """Every number in a JSON value; keys do not count."""
    if isinstance(value, dict):
        return {n for v in value.values() for n in numbers_of(v)}
    if isinstance(value, list):
        return {n for v in value for n in numbers_of(v)}
    return {float(value)} if isinstance(value, (int, float)) and not isinstance(value, bool) else set()


def numbers_in(card: str) -> list[tuple[list[str], str]]:
    """Row and text of every number in a table, labels (first columns) left out, ends of intervals one by one."""
    return [
        (row, part.strip())
        for _, rows in tables(card)
        for row in rows
        for cell in row[1:]
        for part in re.split(r" to | \*\*[+-]\*\*| =", cell)
        if NUMBER.fullmatch(part.strip())
    ]


def unknown_numbers(card: str, *files: Any) -> list[tuple[list[str], str]]:
    """Numbers of the card that are no rounded number of these JSON contents."""
    known = sorted({n for content in files for n in numbers_of(content)})

    def stands(text: str) -> bool:
        place = bisect.bisect_left(known, float(text.replace(",", "")))
        return any(is_close(text, k) for k in known[max(place - 1, 0) : place + 1])

    return [(row, text) for row, text in numbers_in(card) if not stands(text)]
