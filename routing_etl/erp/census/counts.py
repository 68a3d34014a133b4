"""One count of what a profile does to the ERP's rows, and how counts are asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import polars as pl
import sqlalchemy as sa

from routing_etl.erp.catalogue import Binding, ReadColumn
from routing_etl.erp.statements import select_of
from routing_etl.frames import SOURCE_COUNTS

Rule = Literal[
    "table_rows", "filter_removes", "filter_drops_blank", "filter_drops_items", "latest_drops_items", "join_drops", "join_filters",
    "join_finds_nothing", "join_multiplies", "join_expands", "code_repeats", "code_differs_in_case", "code_in_companies",
    "several_candidates", "ended_before_1950", "values_cut",
]  # fmt: skip


#: Rules whose rows a profile may lose or multiply on purpose; what the others find is told as a warning.
ON_PURPOSE: tuple[Rule, ...] = ("table_rows", "filter_removes", "join_drops", "join_filters", "join_expands")


#: Answers a statement that gives one row of whole numbers.
Ask = Callable[[sa.Select[*tuple[Any, ...]]], Sequence[int]]


@dataclass(frozen=True)
class SourceCount:
    """One count of one frame.

    Parameters
    ----------
    frame : str
        Name of the frame.
    rule : str
        What was counted.
    subject : str
        The join, filter or column meant.
    rows : int
        Rows or codes that the rule found.
    of_rows : int
        Rows or codes that it looked at.
    told : str
        One sentence for people.
    remedy : str
        What to do when that is not meant.
    """

    frame: str
    rule: Rule
    subject: str
    rows: int
    of_rows: int
    told: str
    remedy: str = ""

    @property
    def warns(self) -> bool:
        """Whether somebody should look at it: nothing like it is ever meant."""
        return self.rows > 0 and self.rule not in ON_PURPOSE


def as_frame(counts: Sequence[SourceCount]) -> pl.DataFrame:
    """The counts as `frames.SOURCE_COUNTS`."""
    names = SOURCE_COUNTS.names
    rows = [[getattr(c, n) for n in names] for c in counts]
    return SOURCE_COUNTS.conform(pl.DataFrame(rows, schema=SOURCE_COUNTS.schema, orient="row"))


@dataclass
class Numbers:
    """The counts wanted of one frame by name, asked in one statement."""

    wanted: dict[str, sa.Select[Any]] = field(default_factory=dict)
    found: Mapping[str, int] = field(default_factory=dict)

    def want(self, name: str, statement: sa.Select[Any]) -> None:
        """Ask for a count by this name."""
        self.wanted[name] = statement

    def ask(self, ask: Ask) -> None:
        """Find what was wanted, in one statement."""
        if not self.wanted:
            return
        parts = [s.scalar_subquery().label(n) for n, s in self.wanted.items()]
        numbers = ask(sa.select(*parts))
        self.found = {**self.found, **{n: int(v or 0) for n, v in zip(self.wanted, numbers, strict=True)}}
        self.wanted = {}

    def __getitem__(self, name: str) -> int:
        return self.found[name]


def only_columns(binding: Binding, *columns: ReadColumn) -> Binding:
    """The same source with these columns alone."""
    return replace(binding, columns=columns)


def item_code(binding: Binding) -> ReadColumn:
    """The column of the item code."""
    return next(c for c in binding.columns if c.name == "item_cd")


def codes_of(binding: Binding, dialect: str) -> sa.Select[Any]:
    """How many distinct item codes a binding reads."""
    codes = select_of(only_columns(binding, item_code(binding)), dialect).subquery()
    distinct = sa.select(*codes.c).where(*[c.is_not(None) for c in codes.c]).distinct().subquery()
    return sa.select(sa.func.count()).select_from(distinct)
