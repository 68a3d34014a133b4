"""A version that does not reach the plain answers answers with them."""

from __future__ import annotations

import pytest

from routing_etl.evaluation.metric_table import MetricRow, MetricTable
from routing_etl.pipeline.gate import floor_missed


def row(method: str, value: float | None, low: float | None = None, high: float | None = None) -> MetricRow:
    return MetricRow(method, "time", "all", "exact_at_1", value, low, high, 40, None)


@pytest.mark.parametrize(
    ("rows", "answers_by"),
    [
        # within the interval of the better one, on its lower end, above
        ([row("model", 0.45, 0.3, 0.6), row("nearest_copy", 0.5, 0.42, 0.6)], None),
        ([row("model", 0.42, 0.3, 0.6), row("nearest_copy", 0.5, 0.42, 0.6)], None),
        # below: the better of the two, whatever the replaced system reached
        ([row("model", 0.40, 0.3, 0.6), row("nearest_copy", 0.5, 0.42, 0.6)], "nearest"),
        (
            [
                row("model", 0.40, 0.3, 0.6),
                row("nearest_copy", 0.5, 0.42, 0.6),
                row("majority_part_type", 0.7, 0.6, 0.8),
                row("legacy", 0.9, 0.8, 1.0),
            ],
            "majority",
        ),
        # nothing to compare
        ([row("model", None), row("nearest_copy", 0.5, 0.42, 0.6)], None),
        ([row("model", 0.1, 0.0, 0.2), row("nearest_copy", None)], None),
        ([row("model", 0.1), row("nearest_copy", 0.9)], None),
        ([row("model", 0.1, 0.0, 0.2)], None),
    ],
)
def test_the_floor_is_the_lower_end_of_the_better_plain_answer(
    rows: list[MetricRow], answers_by: str | None
) -> None:
    found = floor_missed(MetricTable(rows))
    assert (found.answers_by if found else None) == answers_by


def test_a_plain_answer_that_missed_nothing_has_an_interval_all_the_same() -> None:
    """Resamples of 40 right answers are all right. The score interval of 40 in 40 begins at 40 / (40 + 1.96 ** 2) = 0.912."""
    plain = row("nearest_copy", 1.0, 1.0, 1.0)
    assert floor_missed(MetricTable([row("model", 0.975, 0.9, 1.0), plain])) is None
    found = floor_missed(MetricTable([row("model", 0.9, 0.8, 0.98), plain]))
    assert found is not None and "below the 1.000 (0.912 to 1.000) of nearest_copy" in found.reason


def test_the_reason_names_both_figures() -> None:
    found = floor_missed(MetricTable([row("model", 0.4, 0.3, 0.5), row("nearest_copy", 0.55, 0.45, 0.66)]))
    assert found is not None
    assert found.reason == (
        "the model found 0.400 of 40 held-out items, below the 0.550 (0.450 to 0.660) of nearest_copy, so candidates are copied "
        "from similar items"
    )
