"""What everything shown is made of: text that a terminal cannot obey, numbers, and tables.

Belongs here: what more than one module of this folder needs. Does not: anything that knows what is shown.
"""

from __future__ import annotations

from typing import Any

from rich.markup import escape as no_markup
from rich.table import Table

from routing_etl import safe_text


def safe(text: object) -> str:
    """Text that is shown as it is: no markup of rich, no control character or line break of a terminal."""
    return no_markup(safe_text.one_line(text))


def number(value: Any, digits: int = 3) -> str:
    """A value of a table: a number with thousands, yes or no, a dash for None, else safe text."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.{digits}f}"
    return safe(value)


def minutes(value: float | None) -> str:
    """Minutes or hours with four significant digits, a dash for None."""
    return "–" if value is None else f"{value:,.4g}"


def new_table(title: str, *columns: str, right: int = 1) -> Table:
    """A table whose columns from `right` on are right-aligned numbers."""
    table = Table(title=safe(title), title_justify="left", title_style="bold", header_style="bold cyan")
    for i, name in enumerate(columns):
        table.add_column(name, justify="right" if i >= right else "left", overflow="fold")
    return table
