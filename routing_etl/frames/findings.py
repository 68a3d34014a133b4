"""What is found out about data and predictions: the outcome of a check, and metrics.

Belongs here: judgements that are stored and shown. Does not: what they are about.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from routing_etl.frames.contract import F64, I64, STR, Column, Frame

Severity = Literal["critical", "warning"]

METRICS = Frame(
    "metrics",
    (
        Column(
            "method",
            STR,
            "'model', 'nearest_copy', 'majority_part_type', 'legacy', 'oracle', 'ceiling'",
            nullable=False,
            max_length=40,
        ),
        Column(
            "split", STR, "'recent', 'time', 'family', 'loo', 'type', 'since'", nullable=False, max_length=40
        ),
        Column("segment", STR, "'all' or kind:value", nullable=False, max_length=100),
        Column("metric", STR, "metric name", nullable=False, max_length=64),
        Column("value", F64, "NULL when it could not be measured"),
        Column("low", F64, "lower end of the 95 % bootstrap interval"),
        Column("high", F64, "upper end"),
        Column("n", I64, "items or operations it was measured on", nullable=False),
        Column("reason", STR, "why value is NULL", max_length=400),
    ),
    key=("method", "split", "segment", "metric"),
)


@dataclass(frozen=True)
class CheckOutcome:
    """The result of one expectation on one frame."""

    frame: str
    check: str
    expectation: str
    column: str | None
    severity: Severity
    success: bool
    observed: str
    expected: str
    rows_checked: int
    rows_unexpected: int
    sample: tuple[str, ...] = ()
    exception: str | None = None

    @property
    def blocks(self) -> bool:
        """Whether the check stops the night: it is critical and failed."""
        return not self.success and self.severity == "critical"
