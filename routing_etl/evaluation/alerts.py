"""Alerts on an evaluation: the codes and limits that the replaced system's users know (docs/legacy-system.md 2.10)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from routing_etl.evaluation.metric_table import MetricTable
from routing_etl.evaluation.reasons import COMPUTE_ERROR

#: Code of the alert on metrics that raised.
METRICS_FAILED = "METRICS_FAILED"
#: Code of the alert on a segment whose confidence is no probability.
UNCALIBRATED = "UNCALIBRATED_SEGMENT"


@dataclass(frozen=True)
class Alert:
    """Something about an evaluation that a person should look at.

    Attributes
    ----------
    code : str
        HIGH_MAE, LOW_PROCESS_MATCH, NO_ACTUAL_DATA, LOW_SAMPLES, HIGH_CV, METRICS_FAILED or UNCALIBRATED_SEGMENT.
    severity : {'critical', 'warning'}
        How urgent it is.
    message : str
        What was found, with the limit.
    """

    code: str
    severity: Literal["critical", "warning"]
    message: str


@dataclass(frozen=True)
class Thresholds:
    """When an alert is given (docs/legacy-system.md 2.10).

    Attributes
    ----------
    mae, trim_mae : float
        Highest (trimmed) mean absolute error of the run time in minutes per piece.
    critical_mae : float
        From here on the error is critical.
    process_match : float
        Lowest share of the routings' operations that are found in order.
    cv : float
        Highest ratio of the root mean square error to the mean actual run time.
    samples : int
        Fewest operations and items that are enough to judge on.
    segment_ece : float
        Highest calibration error of a segment of `segment_items` items and more. An error of less than `by_chance` times what
        so few items show by chance is none.
    """

    mae: float = 5.0
    trim_mae: float = 3.5
    critical_mae: float = 10.0
    process_match: float = 0.8
    cv: float = 0.5
    samples: int = 3
    segment_ece: float = 0.05
    segment_items: int = 200
    by_chance: float = 1.5


@dataclass(frozen=True)
class Cycle:
    """One evaluation under the replaced system's field names (docs/legacy-system.md 2.10).

    Attributes
    ----------
    cycle_id : str
        Split and time of the evaluation.
    timestamp : str
        When it ended, UTC.
    strategy : str
        How the judged items were chosen.
    sample_size : int
        Judged items.
    items_evaluated, items_failed : int
        Judged items with an answer, and without.
    sample_count : int
        Operations with an actual run time.
    mae, trim_mae, rmse, cv : float or None
        Errors of the run time. None when not measured.
    process_match, outsourcing_success : float or None
        Operations found in order; outsourced operations predicted so. None when not measured.
    duration_seconds : float
        Duration of the evaluation.
    alerts : tuple of str
        Codes of the alerts.
    mae_low, trim_mae_low, cv_low, process_match_high : float or None
        The favourable end of the 95 % interval. None where there is none: then the value itself is judged.
    """

    cycle_id: str
    timestamp: str
    strategy: str
    sample_size: int
    items_evaluated: int
    items_failed: int
    sample_count: int
    mae: float | None
    trim_mae: float | None
    rmse: float | None
    cv: float | None
    process_match: float | None
    outsourcing_success: float | None
    duration_seconds: float
    alerts: tuple[str, ...] = ()
    mae_low: float | None = None
    trim_mae_low: float | None = None
    cv_low: float | None = None
    process_match_high: float | None = None


def alerts_of(cycle: Cycle, limits: Thresholds) -> tuple[Alert, ...]:
    """Alerts on an evaluation. A value that was not measured gives NO_ACTUAL_DATA and never counts as good.

    A figure is beyond its limit when its whole 95 % interval is: what few items show by chance is no alert.

    Parameters
    ----------
    cycle : Cycle
        The evaluation's figures; its own `alerts` are not read.
    limits : Thresholds
        When a figure is worth an alert.

    Returns
    -------
    tuple of Alert
        In the order data, samples, times, routings.
    """
    if not cycle.sample_size:
        return (Alert("NO_ACTUAL_DATA", "critical", "No item was evaluated; the version is unmeasured."),)
    return (*_on_samples(cycle, limits), *_on_figures(cycle, limits))


def on_segments(found: MetricTable, limits: Thresholds) -> tuple[Alert, ...]:
    """A warning for each segment whose confidence is not how often the first candidate is right.

    Segments by confidence are left out: of items chosen by their confidence the error is another one.

    Parameters
    ----------
    found : MetricTable
        The evaluation's metrics.
    limits : Thresholds
        When an error is worth an alert.

    Returns
    -------
    tuple of Alert
        The largest error first.
    """
    worst: list[tuple[float, str, Alert]] = []
    for segment in found.segments():
        rows = [found.get(name, segment=segment) for name in ("ece", "ece_by_chance", "confidence_mean")]
        error, chance, sure = (None if row is None else row.value for row in rows)
        items = rows[0].n if rows[0] is not None else 0
        if error is None or items < limits.segment_items or segment.startswith("confidence:"):
            continue
        if error > max(limits.segment_ece, limits.by_chance * (chance or 0.0)):
            told = (
                f"Segment {segment} ({items:,} items, mean confidence {sure or 0.0:.2f}): the confidence is {error:.3f} off the share "
                f"that is right; the limit is {limits.segment_ece:g}."
            )
            worst.append((-error, segment, Alert(UNCALIBRATED, "warning", told)))
    return tuple(alert for _, _, alert in sorted(worst, key=lambda found: found[:2]))


def _on_samples(cycle: Cycle, limits: Thresholds) -> Iterator[Alert]:
    """Too little to judge on."""
    if cycle.mae is None:
        yield Alert(
            "NO_ACTUAL_DATA", "warning", "No work results for the judged operations; times are unmeasured."
        )
    elif cycle.sample_count < limits.samples:
        yield Alert("LOW_SAMPLES", "warning", f"Times were judged on {cycle.sample_count} operation(s) only.")
    if cycle.sample_size < limits.samples:
        yield Alert("LOW_SAMPLES", "warning", f"Routings were judged on {cycle.sample_size} item(s) only.")


def _on_figures(cycle: Cycle, limits: Thresholds) -> Iterator[Alert]:
    """Figures that are beyond their limits with their whole interval."""
    mae, trim_mae = _best(cycle.mae, cycle.mae_low), _best(cycle.trim_mae, cycle.trim_mae_low)
    cv, match = _best(cycle.cv, cycle.cv_low), _best(cycle.process_match, cycle.process_match_high)
    if cycle.mae is not None and mae is not None and mae > limits.mae:
        yield Alert(
            "HIGH_MAE",
            "critical" if mae > limits.critical_mae else "warning",
            f"Run times are {cycle.mae:.2f} min off on average{_end(cycle.mae_low, 'at least {:.2f}')}; the limit is {limits.mae:g}.",
        )
    elif cycle.trim_mae is not None and trim_mae is not None and trim_mae > limits.trim_mae:
        yield Alert(
            "HIGH_MAE",
            "warning",
            f"Trimmed MAE {cycle.trim_mae:.2f} min{_end(cycle.trim_mae_low, 'at least {:.2f}')}; the limit is {limits.trim_mae:g}.",
        )
    if cycle.process_match is not None and match is not None and match < limits.process_match:
        yield Alert(
            "LOW_PROCESS_MATCH",
            "warning",
            f"{cycle.process_match:.1%} of operations found{_end(cycle.process_match_high, 'at most {:.1%}')}; the limit is "
            f"{limits.process_match:.0%}.",
        )
    if cycle.cv is not None and cv is not None and cv > limits.cv:
        yield Alert(
            "HIGH_CV",
            "warning",
            f"Run-time errors vary: CV {cycle.cv:.2f}{_end(cycle.cv_low, 'at least {:.2f}')}; the limit is {limits.cv:g}.",
        )


def _best(value: float | None, end: float | None) -> float | None:
    """The favourable end of an interval, or the value where there is none."""
    return value if end is None else end


def _end(end: float | None, words: str) -> str:
    """The favourable end in words, in brackets; '' where there is none."""
    return "" if end is None else f" ({words.format(end)})"


def on_failed_metrics(found: MetricTable) -> tuple[Alert, ...]:
    """An alert when metrics could not be computed because of an error in the program, naming the first of them.

    Parameters
    ----------
    found : MetricTable
        The rows of an evaluation.

    Returns
    -------
    tuple of Alert
        One, or none.
    """
    failed = [row for row in found if (row.reason or "").startswith(COMPUTE_ERROR)]
    if not failed:
        return ()
    names = list(dict.fromkeys(row.metric for row in failed))
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return (
        Alert(
            METRICS_FAILED,
            "warning",
            f"{', '.join(names[:3])}{more} could not be computed ({failed[0].reason}); the trace is in the log.",
        ),
    )
