"""How figures of both sides become a verdict: p-values by hand, and Holm's correction."""

from __future__ import annotations

import pytest

from routing_etl.pipeline.gate import p_worse, worse_by_holm
from routing_etl.warehouse.decisions import Figure

pytestmark = pytest.mark.unit


def figure(metric: str, p: float | None) -> Figure:
    return Figure(metric, 0.5, 0.5, 0.0, -0.1, 0.1, p, 100, "unclear")


@pytest.mark.parametrize(
    ("value", "low", "high", "up", "p"),
    [
        (0.0, -0.1, 0.1, True, 0.5),
        # the end of a 95 % interval at 0 is a one-sided 2.5 %
        (-0.1, -0.2, 0.0, True, 0.025),
        (-0.1, -0.2, 0.0, False, 0.975),
        (0.1, 0.0, 0.2, False, 0.025),
        # without any spread the sign decides
        (0.0, 0.0, 0.0, True, 1.0),
        (-0.1, -0.1, -0.1, True, 0.0),
        (0.1, 0.1, 0.1, False, 0.0),
        (-0.1, -0.1, -0.1, False, 1.0),
    ],
)
def test_p_of_being_worse(value: float, low: float, high: float, up: bool, p: float) -> None:
    assert p_worse(value, low, high, up=up) == pytest.approx(p, abs=1e-6)


def test_holm_takes_the_smallest_first_and_stops_at_the_first_that_holds() -> None:
    # levels: 0.05 / 3, 0.05 / 2, 0.05
    assert worse_by_holm([figure("a", 0.04), figure("b", 0.016), figure("c", 0.024)], 0.05) == {"a", "b", "c"}
    assert worse_by_holm([figure("a", 0.02), figure("b", 0.02), figure("c", 0.02)], 0.05) == set()
    assert worse_by_holm([figure("a", 0.001), figure("b", 0.03), figure("c", 0.9)], 0.05) == {"a"}
    assert worse_by_holm([figure("a", None), figure("b", 0.04)], 0.05) == {"b"}, (
        "what has no interval is not tested"
    )


def test_the_levels_of_all_looks_sum_up_to_the_whole() -> None:
    from math import pi

    from routing_etl.pipeline.gate import LEVEL

    assert sum(LEVEL * 6 / (pi * k) ** 2 for k in range(1, 100_000)) == pytest.approx(LEVEL, rel=1e-4)
