"""Filters on a time or quantity of work results that leave out the rows which take a report back: the report then counts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from routing_etl.erp.catalogue import Binding
from routing_etl.erp.profile_model import Where
from routing_etl.erp.statements import count_of
from routing_etl.erp.unread_units import Ask, Clash

#: Columns whose rows below 0 take another row back.
_SIGNED = ("machine_time", "setup_time", "order_qty", "yield_qty")


def dropped_reversals(binding: Binding, dialect: str, ask: Ask) -> Iterator[Clash]:
    """Look for filters such as `HOURS > 0` that leave out rows below 0.

    Parameters
    ----------
    binding : Binding
        The frame's source, resolved.
    dialect : str
        Name of the SQLAlchemy dialect.
    ask : callable
        Answers a statement that gives one row of whole numbers.

    Yields
    ------
    Clash
        One for each such filter that leaves out a row; never refused.
    """
    if binding.family != "results":
        return
    read = {c.found for c in binding.columns if c.name in _SIGNED and c.found is not None}
    where = binding.section.where
    for place, condition in enumerate(where):
        value = condition.value
        above = condition.op in (">", ">=") and isinstance(value, (int, float)) and value >= 0
        if not above or binding.find(condition.column) not in read:
            continue
        below = Where(column=condition.column, op="<", value=0)
        section = binding.section.model_copy(
            update={
                "where": (*where[:place], below, *where[place + 1 :]),
                "latest": None,
                "incremental": None,
            }
        )
        rows = ask(count_of(replace(binding, section=section, marks=None), dialect))[0]
        if rows:
            yield Clash(
                False,
                f"work_results: the filter {condition.column} {condition.op} {value} leaves out {rows:,} rows in which {condition.column} is below 0. Where such a "
                "row takes a report back, that report counts still",
                f"Remove the filter from [results]: a row below 0 goes with the report that it takes back. If these rows are something else, filter by what "
                f'they are, or write {{ column = "{condition.column}", op = "!=", value = 0 }} for the zeros alone.',
            )
