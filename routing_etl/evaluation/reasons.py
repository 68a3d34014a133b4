"""Why a metric has no value: the texts in the column `reason` of METRICS."""

from __future__ import annotations

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

#: Length of the column `reason`.
_LONGEST = 400


def with_message(code: str, message: object) -> str:
    """A reason that carries an error's message, cut to the column's length."""
    return f"{code}: {message}"[:_LONGEST]
