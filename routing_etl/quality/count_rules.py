"""Rules for what was counted in the ERP while it was read (`frames.SOURCE_COUNTS`): rows and codes that vanish or multiply.

A count always is the outcome of a check, whether it passes or not, so that its course over the nights can be seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from routing_etl.frames import ITEMS, MOST_DROPPED, OPERATIONS, SOURCE_COUNTS, WORK_RESULTS, Severity
from routing_etl.quality.rules import CRITICAL, ROWS, UNEXPECTED, WARNING, Rule, Scope, Table

#: Share of an item master's codes in several companies, or of its routings that ended long ago, from which the night
#: stops: what is published would belong to other items.
FEW = 0.01
#: Share of rows made by a join alone from which the work results cannot be used.
MANY = 0.05


@dataclass(frozen=True)
class _Limit:
    """A rule of the census, the largest share that passes, and what it means."""

    rule: str
    most: float
    meaning: str
    critical: float | None = None


_JOINS = (
    _Limit("join_multiplies", 0.0, "a join that only adds columns leaves the number of rows as it is"),
    _Limit("join_drops", MOST_DROPPED, "an inner join drops few rows, or no more than its may_drop says"),
    _Limit("join_finds_nothing", 0.0, "a join finds partners"),
    _Limit("filter_removes", 0.95, "a filter leaves rows"),
    _Limit(
        "filter_drops_blank", 0.0, "a filter that excludes a value keeps the rows where the column is blank"
    ),
    _Limit("several_candidates", 0.0, "of the columns that the profile names for one value only one exists"),
    _Limit("values_cut", 0.0, "no column is so narrow that it cuts values"),
)
_DROPS = (
    _Limit("filter_drops_items", 0.0, "a filter on a left-joined table drops no item"),
    _Limit("latest_drops_items", 0.0, "an item keeps its newest rows that count"),
)
_COMPANIES = "the rows of an item code belong to one company or plant"
_OF_FRAME: dict[str, tuple[_Limit, ...]] = {
    ITEMS.name: (
        *_DROPS,
        _Limit("code_repeats", 0.01, "an item code stands in one row"),
        _Limit("code_differs_in_case", 0.0, "no two item codes differ in case or blanks alone"),
        _Limit("code_in_companies", 0.0, _COMPANIES, critical=FEW),
    ),
    OPERATIONS.name: (*_DROPS, _Limit("code_in_companies", 0.0, _COMPANIES)),
}


def count_rules(frame: str) -> list[Rule]:
    """Rules for the counts of one source frame.

    Parameters
    ----------
    frame : str
        Name of the frame.
    """
    rules = []
    for limit in (*_JOINS, *_OF_FRAME.get(frame, ())):
        critical = MANY if (frame, limit.rule) == (WORK_RESULTS.name, "join_multiplies") else limit.critical
        limits: list[tuple[str, float, Severity]] = [(limit.rule, limit.most, WARNING)]
        if critical is not None:
            limits.append((f"{limit.rule}_critical", critical, CRITICAL))
        for check, most, severity in limits:
            rules.append(
                Rule(
                    frame, check, "between", ("share",), _counted(frame, limit.rule), severity, limit.meaning, high=most
                )
            )  # fmt: skip
    return rules


def _counted(frame: str, rule: str) -> Table:
    """The largest share that a rule found in a frame; 0 of the rows read where there was nothing to count."""

    def found(scope: Scope) -> pl.LazyFrame:
        counts = scope[SOURCE_COUNTS.name] if SOURCE_COUNTS.name in scope else SOURCE_COUNTS.empty().lazy()
        return counts.filter(pl.col("frame") == frame, pl.col("rule") == rule)

    def table(scope: Scope) -> pl.LazyFrame:
        share = pl.when(pl.col("of_rows") > 0).then(pl.col("rows") / pl.col("of_rows"))
        counts = found(scope).select(
            share.max().fill_null(0.0).alias("share"),
            pl.col("of_rows").max().alias(ROWS),
            pl.col("rows").sum().alias(UNEXPECTED),
        )
        read = scope[frame].select(pl.len().cast(pl.Int64).alias("read"))
        rows = pl.coalesce(ROWS, "read")
        return pl.concat([counts, read], how="horizontal").select("share", rows.alias(ROWS), UNEXPECTED)

    def offenders(scope: Scope) -> pl.LazyFrame:
        return found(scope).filter(pl.col("rows") > 0).sort("rows", descending=True).select(counted="told")

    return Table(f"counted__{rule}", table, offenders)


def long_ended() -> Sequence[Rule]:
    """Rules that no routing ended before 1950: such a date stands for "no date" in many ERPs (1753, 1900, year 1)."""
    frame, check = OPERATIONS.name, "ended_before_1950"
    old = pl.col("valid_to") < pl.date(1950, 1, 1)

    def routings(scope: Scope) -> pl.LazyFrame:
        return scope[frame].group_by("item_key", "rout_no").agg(pl.col("valid_to").max())

    def table(scope: Scope) -> pl.LazyFrame:
        hit = old.fill_null(False)
        return routings(scope).select(
            hit.mean().alias(check), pl.len().alias(ROWS), hit.sum().alias(UNEXPECTED)
        )

    view = Table(f"counted__{check}", table, lambda scope: routings(scope).filter(old))
    meaning = (
        "no routing ended before 1950: such a date means that there is none, and routings that are in use would count as "
        "ended: name it in the profile as a date that means none, or leave valid_to out of [operations.columns]"
    )
    return [
        Rule(frame, name, "between", (check,), view, severity, meaning, high=most, column="valid_to")
        for name, most, severity in ((check, 0.0, WARNING), (f"{check}_critical", FEW, CRITICAL))
    ]
