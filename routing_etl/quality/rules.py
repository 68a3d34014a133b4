"""What a rule is: a declarative expectation and the table that it is evaluated on.

Belongs here: `Rule`, the views (tables) that rules are evaluated on, and builders of the common ones from a frame's
contract. Does not: Great Expectations, which takes seconds to import (`suites.py`, `adapter.py`), nor the lists of rules
(`source_rules.py`, `candidate_rules.py`). Names and severities of all checks are known without importing it.

How a rule sees every row of 8 million without pandas holding them: each rule names a view.

* `Raw`: the values of one or two numeric columns as they are, every row. NaN is handed over as infinity, because Great
  Expectations takes NaN for a missing value and would let it pass.
* `Values`: the distinct values of expressions over the row, each with the number of `rows` that have it (a code, the
  length of a text, a flag). A row-wise expectation holds for all rows exactly when it holds for all distinct values, and
  the number of unexpected rows is the sum of `rows` over the unexpected values.
* `Table`: a small table that a function computes over one or several frames (rows per key, operations per candidate,
  a share), again with `rows` as multiplicity.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import polars as pl

from routing_etl.frames import Frame, Severity

#: Frame name to its rows; what a view is computed from.
Scope = Mapping[str, pl.LazyFrame]
Kind = Literal["not_null", "in_set", "between", "regex", "ordered", "equal", "columns"]

ROWS = "rows"
#: Optional column of a `Table`: rows to count as unexpected when its line fails (else `rows`).
UNEXPECTED = "rows_unexpected"
CRITICAL: Severity = "critical"
WARNING: Severity = "warning"


@dataclass(frozen=True)
class Raw:
    """All rows of float columns."""

    columns: tuple[str, ...]

    @property
    def name(self) -> str:
        """Rules with the same name share one batch."""
        return "raw__" + "__".join(self.columns)

    def plan(self, scope: Scope, frame: str) -> pl.LazyFrame:
        """The table, lazily."""
        return scope[frame].select(pl.col(c).cast(pl.Float64).fill_nan(float("inf")) for c in self.columns)


@dataclass(frozen=True)
class Values:
    """Distinct values of expressions over the row, with `rows`."""

    name: str
    expressions: Mapping[str, pl.Expr] = field(hash=False, compare=False)

    def plan(self, scope: Scope, frame: str) -> pl.LazyFrame:
        """The table, lazily."""
        named = [e.alias(n) for n, e in self.expressions.items()]
        return scope[frame].select(named).group_by(list(self.expressions)).agg(pl.len().alias(ROWS))


@dataclass(frozen=True)
class Table:
    """A small table with `rows`, computed by a function; `offenders` finds rows to show when a rule on it fails."""

    name: str
    build: Callable[[Scope], pl.LazyFrame] = field(hash=False, compare=False)
    offenders: Callable[[Scope], pl.LazyFrame] | None = field(default=None, hash=False, compare=False)

    def plan(self, scope: Scope, frame: str) -> pl.LazyFrame:
        """The table, lazily."""
        del frame
        return self.build(scope)


@dataclass(frozen=True)
class Schema:
    """Column names and dtypes of the frame's files; no rows."""

    name: str = "schema"


View = Raw | Values | Table | Schema


@dataclass(frozen=True)
class Rule:
    """One expectation. `check` is unique in its frame and made of letters, digits and underscores.

    `columns`: the columns of the view that the expectation names (two for `ordered` and `equal`: the first must be at
    least the second, or equal to it). `column`: the frame's column shown to people. `unit` names what `rows` counts.
    """

    frame: str
    check: str
    kind: Kind
    columns: tuple[str, ...]
    view: View = field(hash=False)
    severity: Severity
    meaning: str
    values: tuple[Any, ...] = ()
    low: float | None = None
    high: float | None = None
    regex: str = ""
    column: str | None = None

    @property
    def expected(self) -> str:
        """What must hold, as a phrase."""
        match self.kind:
            case "not_null":
                return "not NULL"
            case "in_set":
                return "one of " + ", ".join(map(str, self.values))
            case "between":
                if self.low is None:
                    return f"at most {_number(self.high)}"
                if self.high is None:
                    return f"at least {_number(self.low)}"
                return f"from {_number(self.low)} to {_number(self.high)}"
            case "regex":
                return f"matching {self.regex}"
            case "ordered":
                return f"{self.columns[0]} >= {self.columns[1]}"
            case "equal":
                return f"{self.columns[0]} = {self.columns[1]}"
            case "columns":
                return "columns " + ", ".join(map(str, self.values))


def _number(value: float | None) -> str:
    return "any" if value is None else f"{value:,.15g}"


def safe_name(text: str) -> str:
    """A column name as part of a check name: [A-Za-z0-9_] only."""
    return re.sub(r"[^A-Za-z0-9_]", "_", text)


# --- builders ---------------------------------------------------------------------------------------------------------


def contract_rules(frame: Frame, *, ranges: Mapping[str, tuple[float | None, float | None]]) -> list[Rule]:
    """Rules that follow from a contract: columns and dtypes, not NULL, longest text, unique key, ranges of floats.

    `ranges` gives the limits of every float column of the contract; a KeyError is a column that nobody thought of.
    """
    rules = [
        Rule(
            frame.name,
            "columns",
            "columns",
            (),
            Schema(),
            CRITICAL,
            "the columns of the contract, with their types, are there",
            values=tuple(f"{c.name}: {c.dtype}" for c in frame.columns),
        )
    ]
    for column in frame.columns:
        name = column.name
        if column.dtype == pl.String():
            view: View = Values(f"length__{name}", {name: pl.col(name).str.len_chars()})
        elif column.dtype.is_float():
            view = Raw((name,))
        else:
            view = Values(f"values__{name}", {name: pl.col(name)})
        if not column.nullable:
            rules.append(
                Rule(
                    frame.name,
                    f"{name}_not_null",
                    "not_null",
                    (name,),
                    view,
                    CRITICAL,
                    f"{column.meaning}: always given",
                    column=name,
                )
            )
        if column.max_length is not None:
            low = 1 if not column.nullable and name in frame.key else 0
            rules.append(
                Rule(
                    frame.name,
                    f"{name}_length",
                    "between",
                    (name,),
                    view,
                    CRITICAL,
                    "characters of the text; a longer one does not fit the table",
                    low=low,
                    high=column.max_length,
                    column=name,
                )
            )
        if column.dtype.is_float():
            low_, high_ = ranges[name]
            rules.append(
                Rule(
                    frame.name,
                    f"{name}_range",
                    "between",
                    (name,),
                    view,
                    CRITICAL,
                    f"{column.meaning}, in {column.unit or 'its unit'}; NULL is allowed, NaN and infinity are not",
                    low=low_,
                    high=high_,
                    column=name,
                )
            )
    if frame.key:
        rules.append(unique(frame.name, "key_unique", frame.key, f"{', '.join(frame.key)} name one row"))
    return rules


def unique(frame: str, check: str, key: tuple[str, ...], meaning: str, severity: Severity = CRITICAL) -> Rule:
    """No two rows share `key`. The view: how many rows a key has, and how many rows have such a key."""

    def counted(scope: Scope) -> pl.LazyFrame:
        return scope[frame].group_by(key).agg(rows_per_key=pl.len())

    def table(scope: Scope) -> pl.LazyFrame:
        return counted(scope).group_by("rows_per_key").agg(pl.col("rows_per_key").sum().alias(ROWS))

    def offenders(scope: Scope) -> pl.LazyFrame:
        return counted(scope).filter(pl.col("rows_per_key") > 1)

    return Rule(
        frame,
        check,
        "between",
        ("rows_per_key",),
        Table(f"unique__{'__'.join(key)}", table, offenders),
        severity,
        meaning,
        low=1,
        high=1,
        column=key[0] if len(key) == 1 else None,
    )


def in_set(
    frame: str, column: str, values: tuple[Any, ...], meaning: str, severity: Severity = CRITICAL
) -> Rule:
    """Every value that is there is one of `values`."""
    view = Values(f"values__{column}", {column: pl.col(column)})
    return Rule(
        frame,
        f"{column}_values",
        "in_set",
        (column,),
        view,
        severity,
        meaning,
        values=values,
        column=column,
    )


def whole_range(
    frame: str,
    column: str,
    low: float | None,
    high: float | None,
    meaning: str,
    severity: Severity = CRITICAL,
) -> Rule:
    """A whole number lies between `low` and `high`, both included."""
    view = Values(f"values__{column}", {column: pl.col(column)})
    return Rule(
        frame,
        f"{column}_range",
        "between",
        (column,),
        view,
        severity,
        meaning,
        low=low,
        high=high,
        column=column,
    )


def ordered(frame: str, large: str, small: str, meaning: str, severity: Severity = CRITICAL) -> Rule:
    """`large` >= `small` wherever both are there."""
    check = f"{safe_name(small)}_not_above_{safe_name(large)}"
    return Rule(frame, check, "ordered", (large, small), Raw((large, small)), severity, meaning, column=small)


def holds(frame: str, check: str, condition: pl.Expr, meaning: str, severity: Severity = CRITICAL) -> Rule:
    """A condition over the columns of one row is true wherever it is not NULL."""
    view = Values(f"holds__{check}", {check: condition})
    return Rule(frame, check, "in_set", (check,), view, severity, meaning, values=(True,))


def row_count(
    frame: str, least: int, severity: Severity, check: str = "row_count", meaning: str = ""
) -> Rule:
    """The frame has at least `least` rows."""

    def table(scope: Scope) -> pl.LazyFrame:
        return scope[frame].select(row_count=pl.len()).with_columns(pl.col("row_count").alias(ROWS))

    view = Table("row_count", table)
    return Rule(
        frame,
        check,
        "between",
        ("row_count",),
        view,
        severity,
        meaning or "there is something to work on",
        low=least,
    )


def share(
    frame: str,
    check: str,
    condition: pl.Expr,
    most: float,
    meaning: str,
    severity: Severity = WARNING,
    column: str | None = None,
    of: pl.Expr | None = None,
) -> Rule:
    """At most the share `most` of the rows (or of the rows where `of` holds) meets `condition`."""

    def table(scope: Scope) -> pl.LazyFrame:
        rows = scope[frame] if of is None else scope[frame].filter(of)
        hit = condition.fill_null(False)
        return rows.select(hit.mean().alias(check), pl.len().alias(ROWS), hit.sum().alias(UNEXPECTED))

    def offenders(scope: Scope) -> pl.LazyFrame:
        rows = scope[frame] if of is None else scope[frame].filter(of)
        return rows.filter(condition)

    view = Table(f"share__{check}", table, offenders)
    return Rule(frame, check, "between", (check,), view, severity, meaning, high=most, column=column)
