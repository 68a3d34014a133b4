"""Why a metric has no value: the texts in the column `reason` of METRICS."""

from __future__ import annotations

from routing_etl.errors import RoutingEtlError

NO_ACTUAL_DATA = "NO_ACTUAL_DATA"
NO_ITEMS = "NO_ITEMS"
NO_CANDIDATES = "NO_CANDIDATES"
NO_MATCHED_OPERATIONS = "NO_MATCHED_OPERATIONS"
NO_COMMON_OPERATIONS = "NO_COMMON_OPERATIONS"
NO_RESOURCES = "NO_RESOURCES"
NO_OUTSOURCED_OPERATIONS = "NO_OUTSOURCED_OPERATIONS"
NO_INHOUSE_OPERATIONS = "NO_INHOUSE_OPERATIONS"
NO_CONFIDENCE = "NO_CONFIDENCE"
ONE_CLASS_ONLY = "ONE_CLASS_ONLY"
NOTHING_ABSTAINED = "NOTHING_ABSTAINED"
NO_PREDICTED_TIME = "NO_PREDICTED_TIME"
NO_INTERVAL = "NO_INTERVAL"
NO_ORACLE = "NO_ORACLE"
NO_REPORTS = "NO_REPORTS"
COMPUTE_ERROR = "COMPUTE_ERROR"

#: Length of the column `reason`.
_LONGEST = 400


def with_message(code: str, message: object) -> str:
    """A reason that carries an error's message, cut to the column's length."""
    return f"{code}: {message}"[:_LONGEST]


def computing_failed(exc: Exception) -> str:
    """The reason of a metric whose computation raised; an error that is not ours also tells its kind.

    Parameters
    ----------
    exc : Exception
        What it raised; the caller logs its trace.
    """
    own = isinstance(exc, (RoutingEtlError, ArithmeticError))
    return with_message(COMPUTE_ERROR, exc if own else f"{type(exc).__name__}: {exc}")
