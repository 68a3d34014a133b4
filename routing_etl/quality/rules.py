"""What a rule is: a declarative expectation, and the view of a frame on which it is judged.

Views keep pandas small: 8 million rows are judged without pandas ever holding them. Each rule names one of these.

* `Raw`: one or two numeric columns as they are, every row. NaN is passed on as infinity, because Great Expectations
  treats NaN as a missing value and would let it pass.
* `Values`: the distinct values of expressions over a row (a code, the length of a text, a flag), each with the number of
  `rows` that have it. A row-wise expectation holds for all rows exactly when it holds for all distinct values; the number
  of unexpected rows is the sum of `rows` over the unexpected values.
* `Table`: a small table computed from one or several frames (rows per key, operations per candidate, a share), again with
  the number of `rows` behind each line.
* `Schema`: column names and dtypes.

This module must not import Great Expectations: the names and severities of all checks are listed without it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import polars as pl

from routing_etl.frames import Column, Frame, Severity

#: The frames by name: what a view is computed from.
Scope = Mapping[str, pl.LazyFrame]
Kind = Literal["not_null", "in_set", "between", "regex", "ordered", "equal", "columns"]

ROWS = "rows"
#: Optional column of a `Table`: how many rows are unexpected when its line fails (`rows` without it).
UNEXPECTED = "rows_unexpected"
CRITICAL: Severity = "critical"
WARNING: Severity = "warning"


@dataclass(frozen=True)
class Raw:
    """All rows of float columns."""

    columns: tuple[str, ...]

    @property
    def name(self) -> str:
        """Name of the view: rules with the same one share a batch."""
        return "raw__" + "__".join(self.columns)

    def plan(self, scope: Scope, frame: str) -> pl.LazyFrame:
        """The view as a lazy table."""
        return scope[frame].select(pl.col(c).cast(pl.Float64).fill_nan(float("inf")) for c in self.columns)


@dataclass(frozen=True)
class Values:
    """The distinct values of expressions over a row, with the number of `rows` that have them."""

    name: str
    expressions: Mapping[str, pl.Expr] = field(hash=False, compare=False)

    def plan(self, scope: Scope, frame: str) -> pl.LazyFrame:
        """The view as a lazy table."""
        named = [e.alias(n) for n, e in self.expressions.items()]
        return scope[frame].select(named).group_by(list(self.expressions)).agg(pl.len().alias(ROWS))


@dataclass(frozen=True)
class Table:
    """A small table with `rows`, computed by `build`; `offenders` finds the rows to show when a rule on it fails."""

    name: str
    build: Callable[[Scope], pl.LazyFrame] = field(hash=False, compare=False)
    offenders: Callable[[Scope], pl.LazyFrame] | None = field(default=None, hash=False, compare=False)

    def plan(self, scope: Scope, frame: str) -> pl.LazyFrame:
        """The view as a lazy table."""
        del frame
        return self.build(scope)


@dataclass(frozen=True)
class Schema:
    """The column names and dtypes of the frame's files; no rows."""

    name: str = "schema"


View = Raw | Values | Table | Schema


@dataclass(frozen=True)
class Rule:
    """One expectation: what must hold of one view of one frame.

    Parameters
    ----------
    frame : str
        Frame that the check belongs to.
    check : str
        Name of the check, unique in its frame; letters, digits and underscores.
    kind : str
        What is expected of `columns`: see `expected` for the phrase that each kind stands for.
    columns : tuple of str
        Columns of the view that are judged. Kinds `ordered` and `equal` take two: the first must be at least the second,
        or equal to it.
    view : View
        Table that the expectation is judged on.
    severity : {"critical", "warning"}
        A failed critical check stops the night.
    meaning : str
        Why it must hold, for people.
    values : tuple, optional
        Allowed values (`in_set`), or columns with their dtypes (`columns`).
    low : float, optional
        Least value of `between`, included.
    high : float, optional
        Largest value of `between`, included.
    regex : str, optional
        Pattern of `regex`.
    column : str, optional
        Column of the frame that people see beside the check.
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
    """Turn a column name into a part of a check name: letters, digits and underscores only."""
    return re.sub(r"[^A-Za-z0-9_]", "_", text)


# --- builders ---------------------------------------------------------------------------------------------------------


def contract_rules(frame: Frame, *, ranges: Mapping[str, tuple[float | None, float | None]]) -> list[Rule]:
    """Rules that follow from a frame's contract: columns and dtypes, not NULL, longest text, ranges, unique key.

    Parameters
    ----------
    frame : Frame
        The contract.
    ranges : mapping of str to (float or None, float or None)
        Limits of every float column of the contract. A KeyError here is a float column that nobody thought of.
    """
    schema = Rule(
        frame.name, "columns", "columns", (), Schema(), CRITICAL, "the columns of the contract, with their types, are there",
        values=tuple(f"{c.name}: {c.dtype}" for c in frame.columns),
    )  # fmt: skip
    rules = [schema]
    for column in frame.columns:
        limits = ranges[column.name] if column.dtype.is_float() else None
        rules += _column_rules(frame, column, limits)
    if frame.key:
        rules.append(unique(frame.name, "key_unique", frame.key, f"{', '.join(frame.key)} name one row"))
    return rules


def _column_rules(
    frame: Frame, column: Column, limits: tuple[float | None, float | None] | None
) -> list[Rule]:
    """The rules of one column's contract; `limits` for a float column."""
    name = column.name
    view: View
    if column.dtype == pl.String():
        view = Values(f"length__{name}", {name: pl.col(name).str.len_chars()})
    elif limits is not None:
        view = Raw((name,))
    else:
        view = Values(f"values__{name}", {name: pl.col(name)})
    rules = []
    if not column.nullable:
        meaning = f"{column.meaning}: always given"
        rules.append(
            Rule(frame.name, f"{name}_not_null", "not_null", (name,), view, CRITICAL, meaning, column=name)
        )
    if column.max_length is not None:
        rules.append(
            Rule(
                frame.name, f"{name}_length", "between", (name,), view, CRITICAL,
                "characters of the text; a longer one does not fit the table",
                low=1 if not column.nullable and name in frame.key else 0, high=column.max_length, column=name,
            )
        )  # fmt: skip
    if limits is not None:
        meaning = (
            f"{column.meaning}, in {column.unit or 'its unit'}; NULL is allowed, NaN and infinity are not"
        )
        rules.append(
            Rule(
                frame.name, f"{name}_range", "between", (name,), view, CRITICAL, meaning,
                low=limits[0], high=limits[1], column=name,
            )
        )  # fmt: skip
    return rules


def unique(frame: str, check: str, key: tuple[str, ...], meaning: str, severity: Severity = CRITICAL) -> Rule:
    """No two rows share a key.

    The view has one line per multiplicity: how many rows a key has, and how many rows have such a key.
    """

    def counted(scope: Scope) -> pl.LazyFrame:
        return scope[frame].group_by(key).agg(rows_per_key=pl.len())

    def table(scope: Scope) -> pl.LazyFrame:
        return counted(scope).group_by("rows_per_key").agg(pl.col("rows_per_key").sum().alias(ROWS))

    def offenders(scope: Scope) -> pl.LazyFrame:
        return counted(scope).filter(pl.col("rows_per_key") > 1)

    view = Table(f"unique__{'__'.join(key)}", table, offenders)
    column = key[0] if len(key) == 1 else None
    return Rule(
        frame, check, "between", ("rows_per_key",), view, severity, meaning, low=1, high=1, column=column
    )


def in_set(
    frame: str, column: str, values: tuple[Any, ...], meaning: str, severity: Severity = CRITICAL
) -> Rule:
    """Every value that is not NULL is one of `values`."""
    view = Values(f"values__{column}", {column: pl.col(column)})
    return Rule(
        frame, f"{column}_values", "in_set", (column,), view, severity, meaning, values=values, column=column
    )


def whole_range(frame: str, column: str, low: float | None, high: float | None, meaning: str) -> Rule:
    """A whole number lies between `low` and `high`, both included; None: no limit on that side."""
    view = Values(f"values__{column}", {column: pl.col(column)})
    return Rule(
        frame, f"{column}_range", "between", (column,), view, CRITICAL, meaning, low=low, high=high, column=column,
    )  # fmt: skip


def ordered(frame: str, large: str, small: str, meaning: str, severity: Severity = CRITICAL) -> Rule:
    """`large` >= `small` wherever neither is NULL."""
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
    meaning = meaning or "there is something to work on"
    return Rule(frame, check, "between", ("row_count",), view, severity, meaning, low=least)


@dataclass(frozen=True)
class AtMost:
    """At most the share `most` of the rows (of those where `of` is true, if given) meets `condition`."""

    most: float
    condition: pl.Expr
    of: pl.Expr | None = None


def share(frame: str, check: str, limit: AtMost, meaning: str, column: str) -> Rule:
    """A share stays below its limit; a warning, because a share alone does not tell whether data are wrong."""

    def rows(scope: Scope) -> pl.LazyFrame:
        return scope[frame] if limit.of is None else scope[frame].filter(limit.of)

    def table(scope: Scope) -> pl.LazyFrame:
        hit = limit.condition.fill_null(False)
        return rows(scope).select(hit.mean().alias(check), pl.len().alias(ROWS), hit.sum().alias(UNEXPECTED))

    def offenders(scope: Scope) -> pl.LazyFrame:
        return rows(scope).filter(limit.condition)

    view = Table(f"share__{check}", table, offenders)
    return Rule(frame, check, "between", (check,), view, WARNING, meaning, high=limit.most, column=column)
