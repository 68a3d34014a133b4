"""The variance between fits: how it is measured, and that intervals hold it."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from evaluation_toy import operations_of, steps

from routing_etl.evaluation.bootstrap import SumMetric, ratio, widened
from routing_etl.evaluation.fit_variance import (
    MOST_JUDGED,
    MOST_TRAINED,
    FitVariance,
    fit_variance,
    part_of,
    pooled_variance,
    with_fit_variance,
)
from routing_etl.evaluation.metric_table import metrics_frame
from routing_etl.evaluation.splits import Fold, Split

KEYS = [f"i{k:04d}" for k in range(40)]
PART = Split(
    "time", (Fold(pl.Series("item_key", KEYS[:20]), operations_of({k: steps("A") for k in KEYS[20:]})),), ()
)


def exact(hit: np.ndarray) -> SumMetric:
    ones = np.ones(len(hit))
    return SumMetric("exact_at_1", np.column_stack([hit, ones]), ratio, ones, "NONE")


def test_equal_fits_have_no_variance() -> None:
    hit = np.tile([1.0, 0.0], 10)
    found = fit_variance(PART, np.arange(20), lambda _: [exact(hit)], 3)
    assert found.sd("exact_at_1", 20) == 0.0
    assert (found.fits, found.trained, found.judged) == (3, 20, 20)


def test_variance_is_that_between_fits_pooled_with_that_of_resampled_items() -> None:
    """Values 0.4, 0.5, 0.6 have a variance of 0.01 with 2 degrees of freedom; resamples that do not differ add 2 of 0."""
    draws = [np.array([v, 0.5, 0.5]) for v in (0.4, 0.5, 0.6)]
    assert pooled_variance(draws) == pytest.approx(0.01 * 2 / 4)
    assert pooled_variance([d[:1] for d in draws]) == pytest.approx(0.01)


def test_items_that_turn_with_the_fit_count_even_where_the_values_are_equal() -> None:
    """Fits that are right on different halves have the same exact match, and are no more certain for that."""
    halves = [np.tile([1.0, 0.0], 10), np.tile([0.0, 1.0], 10), np.tile([1.0, 0.0], 10)]
    found = fit_variance(PART, np.arange(20), lambda number: [exact(halves[number])], 3)
    assert found.sd("exact_at_1", 20) > 0.05


def test_a_metric_that_one_fit_lacks_is_left_out() -> None:
    found = fit_variance(PART, np.arange(20), lambda n: [exact(np.ones(20))] if n else [], 2)
    assert found.per_unit == {}


def test_errors_add_as_squares() -> None:
    assert widened(0.5, 0.4, 0.6, 0.0) == (0.4, 0.6)
    low, high = widened(0.5, 0.47, 0.54, 0.04 / 1.959964)
    assert (low, high) == pytest.approx((0.45, 0.5 + (0.04**2 * 2) ** 0.5))


def test_intervals_of_the_model_and_its_differences_hold_it_and_baselines_do_not() -> None:
    row = {
        "split": "time",
        "segment": "all",
        "metric": "exact_at_1",
        "value": 0.9,
        "low": 0.87,
        "high": 0.99,
        "n": 100,
    }
    rows = [{**row, "method": m} for m in ("model", "nearest_copy", "model_minus_nearest_copy")]
    found = with_fit_variance(
        metrics_frame(rows), FitVariance(3, 50, 50, {"exact_at_1": (0.04 / 1.959964) ** 2 * 100})
    )
    low, high = found["low"].to_list(), found["high"].to_list()
    assert low == pytest.approx([0.85, 0.87, 0.85])
    assert high[:2] == [pytest.approx(0.9 + (0.09**2 + 0.04**2) ** 0.5, abs=0.0015), 0.99]


def test_a_large_split_is_measured_on_a_part_and_many_folds_on_one() -> None:
    keys = [f"k{i:05d}" for i in range(3000)]
    operations = operations_of({k: steps("A") for k in keys[1500:]})
    part = part_of(Split("time", (Fold(pl.Series("item_key", keys[:1500]), operations),), ()), 0)
    assert part.folds[0].train.len() == MOST_TRAINED and part.test.len() == MOST_JUDGED
    few = operations_of({k: steps("A") for k in keys[:20]})
    folds = tuple(
        Fold(pl.Series("item_key", [k]), few.filter(pl.col("item_key") != k))
        for k in few["item_key"].unique().sort()
    )
    one = part_of(Split("loo", folds, ()), 0)
    assert one.test.len() == 4 and one.folds[0].train.len() == 16
    assert not set(one.test) & set(one.folds[0].train)
