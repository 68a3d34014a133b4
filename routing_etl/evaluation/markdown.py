"""Numbers, marks and tables of the texts that people read, as Markdown."""

from __future__ import annotations

import re
from collections.abc import Sequence

from routing_etl.evaluation.glossary import Outcome

#: A pipe that no backslash escapes yet: one before which an even number of them stands.
_PIPE = re.compile(r"(?<!\\)((?:\\\\)*)\|")
#: Longest cell that a column is padded to.
_WIDEST = 64
#: Signs behind a baseline's value: what the paired interval of the difference says about the model.
MARKS: dict[Outcome, str] = {"better": " **+**", "worse": " **-**", "unclear": " =", "none": ""}


def number(value: float | None) -> str:
    """Three decimals below ten, one above; a dash for what was not measured."""
    if value is None:
        return "–"
    return f"{value:.3f}" if abs(value) < 10 else f"{value:,.1f}"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Write a table whose source lines up too.

    Columns after the first are right-aligned unless a cell begins with a letter. Cells longer than 64 characters stick out, so
    that one long cell does not pad a whole column. A pipe in a cell is escaped and a line break becomes a blank, so that no
    value can break the table. Text that people wrote is given through `safe_text.markdown` first.

    Parameters
    ----------
    header : sequence of str
        Heading of each column.
    rows : sequence of sequence of str
        Cells.

    Returns
    -------
    list of str
        Lines, the last one empty. Nothing without rows.
    """
    if not rows:
        return []
    cells = [[_PIPE.sub(r"\1\\|", " ".join(c.split())) for c in row] for row in [header, *rows]]
    columns = range(len(header))
    widths = [min(_WIDEST, max(2, *(len(row[i]) for row in cells))) for i in columns]
    right = [i > 0 and not any(row[i][:1].isalpha() for row in cells[1:]) for i in columns]
    lines = [
        "| "
        + " | ".join(row[i].rjust(widths[i]) if right[i] else row[i].ljust(widths[i]) for i in columns)
        + " |"
        for row in cells
    ]
    rule = "| " + " | ".join("-" * (widths[i] - 1) + (":" if right[i] else "-") for i in columns) + " |"
    return [lines[0], rule, *lines[1:], ""]
