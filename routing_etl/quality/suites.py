"""Rules as Great Expectations suites: which expectation class says what a rule says.

Imports Great Expectations, which takes seconds: import this module inside functions only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import great_expectations as gx
from great_expectations import expectations as gxe

from routing_etl.quality.rules import Rule

#: Pairs are judged only where both values are there; a rule of its own judges NULL.
_BOTH = "either_value_is_missing"


def _between(rule: Rule) -> dict[str, Any]:
    return {"column": rule.columns[0], "min_value": rule.low, "max_value": rule.high}


def _pair(rule: Rule) -> dict[str, Any]:
    return {"column_A": rule.columns[0], "column_B": rule.columns[1], "ignore_row_if": _BOTH}


_CLASSES: dict[str, tuple[type[Any], Callable[[Rule], dict[str, Any]]]] = {
    "not_null": (gxe.ExpectColumnValuesToNotBeNull, lambda r: {"column": r.columns[0]}),
    "in_set": (
        gxe.ExpectColumnValuesToBeInSet,
        lambda r: {"column": r.columns[0], "value_set": list(r.values)},
    ),
    "between": (gxe.ExpectColumnValuesToBeBetween, _between),
    "regex": (gxe.ExpectColumnValuesToMatchRegex, lambda r: {"column": r.columns[0], "regex": r.regex}),
    "ordered": (gxe.ExpectColumnPairValuesAToBeGreaterThanB, lambda r: _pair(r) | {"or_equal": True}),
    "equal": (gxe.ExpectColumnPairValuesToBeEqual, _pair),
    "columns": (
        gxe.ExpectTableColumnsToMatchSet,
        lambda r: {"column_set": list(r.values), "exact_match": False},
    ),
}


def expectation(rule: Rule) -> Any:
    """Translate a rule into an expectation; its `meta` carries the check's name and severity."""
    cls, arguments = _CLASSES[rule.kind]
    meta = {"check": rule.check, "severity": rule.severity}
    native = {"severity": rule.severity} if "severity" in cls.__fields__ else {}
    return cls(**arguments(rule), meta=meta, description=f"{rule.meaning}: {rule.expected}", **native)


def suite(name: str, rules: Sequence[Rule]) -> gx.ExpectationSuite:
    """Collect the expectations of some rules, usually those of one view, in an ExpectationSuite."""
    return gx.ExpectationSuite(name=name, expectations=[expectation(r) for r in rules])
