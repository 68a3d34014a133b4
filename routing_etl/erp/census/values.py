"""Values that a narrow column may have cut, and routings that ended long ago."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import polars as pl
import sqlalchemy as sa

from routing_etl.erp.catalogue import Binding, ReadColumn
from routing_etl.erp.census.counts import Ask, SourceCount, only_columns
from routing_etl.erp.statements import select_of


# --- values that a narrow column may have cut ---------------------------------------------------------------------------
def narrow_columns(binding: Binding) -> list[ReadColumn]:
    """List the text columns that hold fewer characters than the frame allows."""
    return [
        c
        for c in binding.columns
        if c.type == "text" and c.found is not None and c.found.type == "text" and 0 < (c.found.length or 0) < c.length
    ]  # fmt: skip


def cut_in_raw(binding: Binding, raw: pl.LazyFrame) -> list[SourceCount]:
    """Count the values of narrow columns that fill their column, in the rows as they were read.

    Parameters
    ----------
    binding : Binding
        The frame's source.
    raw : polars.LazyFrame
        Its raw rows.
    """
    narrow = narrow_columns(binding)
    if not narrow:
        return []
    asked = []
    for i, c in enumerate(narrow):
        assert c.found is not None and c.found.length is not None
        length = pl.col(c.name).str.len_chars()
        asked += [
            (length == c.found.length).sum().alias(f"full{i}"),
            (length == c.found.length - 1).sum().alias(f"almost{i}"),
            length.count().alias(f"filled{i}"),
        ]
    return _cut(binding, narrow, raw.select(asked).collect(engine="streaming").row(0))


def cut_in_erp(binding: Binding, dialect: str, ask: Ask) -> list[SourceCount]:
    """Count the same as `cut_in_raw`, in the ERP.

    Parameters
    ----------
    binding : Binding
        The frame's source.
    dialect : str
        Name of the SQLAlchemy dialect.
    ask : Ask
        Answers a statement.
    """
    narrow = narrow_columns(binding)
    if not narrow:
        return []
    rows = select_of(only_columns(replace(binding, marks=None), *narrow), dialect).subquery()
    asked = []
    for i, c in enumerate(narrow):
        assert c.found is not None and c.found.length is not None
        length = sa.func.len(rows.c[i]) if dialect == "mssql" else sa.func.length(rows.c[i])
        for name, wanted in (("full", c.found.length), ("almost", c.found.length - 1)):
            hit = sa.case((length == sa.literal_column(str(wanted)), 1), else_=0)
            asked.append(sa.func.sum(hit).label(f"{name}{i}"))
        asked.append(sa.func.count(rows.c[i]).label(f"filled{i}"))
    return _cut(binding, narrow, ask(sa.select(*asked)))


def _cut(binding: Binding, narrow: Sequence[ReadColumn], numbers: Sequence[int]) -> list[SourceCount]:
    """Columns whose values end at its width: many fill it, few are one character shorter. Codes of one length do not."""
    counts = []
    for i, column in enumerate(narrow):
        full, almost, filled = (int(n or 0) for n in numbers[3 * i : 3 * i + 3])
        if full < 2 or full <= 2 * almost or 2 * full > filled:
            continue
        assert column.found is not None
        title = f"{binding.tables[column.found.alias]}.{column.found.name}"
        counts.append(
            SourceCount(
                binding.frame, "values_cut", column.name, full, filled,
                f"{full:,} of {filled:,} values of {title} fill all its {column.found.length} characters and may be cut",
                "Ask whether the view was narrowed, and have it give the whole values.",
            )
        )  # fmt: skip
    return counts


def ended_long_ago(binding: Binding, dialect: str, ask: Ask) -> list[SourceCount]:
    """Count the routing rows that ended before 1950, in the ERP: such a date stands for "none" in many ERPs.

    Parameters
    ----------
    binding : Binding
        The source of the operations.
    dialect : str
        Name of the SQLAlchemy dialect.
    ask : Ask
        Answers a statement.
    """
    end = next((c for c in binding.columns if c.name == "valid_to" and c.found is not None), None)
    if end is None or end.found is None or (end.found.type not in ("date", "text") and dialect == "sqlite"):
        return []  # a number is compared with no text
    if (end.found.type != "date" and dialect != "sqlite") or end.notation.date_format is not None:
        return []  # days of other forms are not in the order of their texts: the cleaned routings are judged
    rows = select_of(only_columns(replace(binding, marks=None), end), dialect).subquery()
    day = rows.c[0] if dialect == "sqlite" else sa.cast(rows.c[0], sa.Date())
    bound: sa.ColumnElement[Any] = sa.literal_column("'1950-01-01'")
    too_old = day < (bound if dialect == "sqlite" else sa.cast(bound, sa.Date()))
    for no_date in end.notation.no_dates:  # the reader makes these NULL
        text: sa.ColumnElement[Any] = sa.literal_column(f"'{no_date.isoformat()}'")
        same = sa.func.substr(day, 1, 10) == text if dialect == "sqlite" else day == sa.cast(text, sa.Date())
        too_old = sa.and_(too_old, sa.not_(same))
    old = sa.case((too_old, 1), else_=0)
    found, total = ask(sa.select(sa.func.sum(old).label("old"), sa.func.count().label("n")))
    return [
        SourceCount(
            binding.frame, "ended_before_1950", "valid_to", found, total,
            f"{found:,} of {total:,} routing rows ended before 1950 ({binding.title}.{end.found.name})",
            "Such a date usually means that there is none: name it in the profile as a date that means none.",
        )
    ]  # fmt: skip
