"""The formulas of docs/erp-contract.md 6.5, with values worked out by hand."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing_etl import scenarios


def value(expression: pl.Expr) -> object:
    return pl.select(expression).item()


def lit(number: float | None) -> pl.Expr:
    return pl.lit(number, dtype=pl.Float64)


@pytest.mark.parametrize(
    ("n", "similarity", "cv", "expected"),
    [
        (2, 0.5, 0.2, 0.1 + 0.2 + 0.2),
        (6, 0.9, 0.1, 1.0),
        (5, 0.8, 0.4, (0.25 + 0.32 + 0.1) * 1.1),
        (5, 0.79, 0.4, 0.25 + 0.316 + 0.1),
        (100, 0.5, 0.6, 0.3 + 0.2),
        (3, 0.5, None, 0.15 + 0.2),
        (3, 0.5, float("nan"), 0.15 + 0.2),
        (3, 0.5, 0.1499, 0.15 + 0.2 + 0.3),
        (3, 0.5, 0.15, 0.15 + 0.2 + 0.2),
        (3, 0.5, 0.30, 0.15 + 0.2 + 0.1),
        (3, 0.5, 0.50, 0.15 + 0.2),
        (None, 0.5, 0.1, None),
    ],
)
def test_operation_confidence(
    n: float | None, similarity: float, cv: float | None, expected: float | None
) -> None:
    found = value(scenarios.operation_confidence(lit(n), lit(similarity), lit(cv)))
    assert found == (None if expected is None else pytest.approx(expected))


def test_actuals_confidence_golden() -> None:
    assert value(scenarios.actuals_confidence(pl.lit(2), pl.lit(1.0))) == 0.75
    assert value(scenarios.actuals_confidence(pl.lit(3), pl.lit((0.9 * 2 + 0.6 * 1) / 3))) == 0.7
    assert value(scenarios.actuals_confidence(pl.lit(1), pl.lit(1.0))) == 0.667


def test_actuals_confidence_is_the_same_for_arrays_series_and_expressions() -> None:
    n, similarity = np.array([0, 1, 2, 7]), np.array([0.1, 1.0, 1.0, 0.333])
    expected = [0.05, 0.667, 0.75, 0.555]
    assert scenarios.actuals_confidence(n, similarity).tolist() == expected
    assert scenarios.actuals_confidence(pl.Series(n), pl.Series(similarity)).to_list() == expected
    frame = pl.DataFrame({"n": n, "s": similarity})
    assert (
        frame.select(scenarios.actuals_confidence(pl.col("n"), pl.col("s"))).to_series().to_list() == expected
    )


def test_opt_and_safe_golden_and_null() -> None:
    assert value(scenarios.optimal_time(lit(10.0), lit(2.0))) == pytest.approx(8.66)
    assert value(scenarios.safe_time(lit(10.0), lit(2.0))) == pytest.approx(12.56)
    assert value(scenarios.optimal_time(lit(1.0), lit(5.0))) == 0.0
    assert value(scenarios.optimal_time(lit(None), lit(5.0))) is None
    assert value(scenarios.safe_time(lit(10.0), lit(None))) is None


@given(st.floats(0, 1e9), st.floats(0, 1e9))
def test_opt_std_safe_are_monotone(standard: float, sd: float) -> None:
    low, high = (value(f(lit(standard), lit(sd))) for f in (scenarios.optimal_time, scenarios.safe_time))
    assert 0 <= low <= standard <= high  # type: ignore[operator]


@given(st.integers(0, 1000), st.floats(0, 1), st.one_of(st.none(), st.floats(0, 5)))
def test_confidences_are_shares(n: int, similarity: float, cv: float | None) -> None:
    for found in (
        scenarios.operation_confidence(pl.lit(n), lit(similarity), lit(cv)),
        scenarios.actuals_confidence(pl.lit(n), lit(similarity)),
    ):
        assert 0 <= value(found) <= 1  # type: ignore[operator]
