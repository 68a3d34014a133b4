"""Time metrics and resampling: answers worked out by hand."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from evaluation_toy import actual_times, operations_of, predictions_of, steps
from hypothesis import given, settings
from hypothesis import strategies as st

from routing_etl.evaluation.bootstrap import (
    RankedMetric,
    Resampler,
    SumMetric,
    area_under_roc,
    mean_of_first,
    ratio,
    trimmed_mean,
    weighted_median,
)
from routing_etl.evaluation.comparison import Comparison, compare
from routing_etl.evaluation.reference import known_routings
from routing_etl.evaluation.time_metrics import expected_error, time_metrics
from routing_etl.frames import TimeEvidence

VALUES = st.lists(st.floats(0.1, 100), min_size=1, max_size=20)


def measured(found: Comparison) -> dict:
    resampler = Resampler(np.arange(found.n_items), np.ones(found.n_items, dtype=bool), n_resamples=20)
    return {m.name: resampler.estimate(m) for m in time_metrics(found)}


def timed(predicted: list[dict], times: dict, reports: pl.DataFrame | None = None) -> Comparison:
    reference = known_routings(
        operations_of({"I": steps("A B C D")}), pl.Series("item_key", ["I"]), actual_times(times), None,
        None if reports is None else reports.lazy(),
    )  # fmt: skip
    return compare(predictions_of({"I": [(0.9, predicted)]}), reference)


ACTUAL = {("I", 10, "A"): (10.0, 2.0), ("I", 20, "B"): (20.0, 4.0), ("I", 30, "C"): (None, 8.0)}


def predicted_steps() -> list[dict]:
    # A is missing; C and D are there; X is superfluous
    return [
        {"job_cd": "B", "res_cd": "R", "inside": "in", "setup_time": 15.0, "run_time": 5.0, "run_p10": 3.0, "run_p90": 6.0},
        {"job_cd": "X", "res_cd": "R", "inside": "in", "setup_time": 99.0, "run_time": 99.0},
        {"job_cd": "C", "res_cd": "R", "inside": "in", "setup_time": 9.0, "run_time": 6.0, "run_p10": 5.0, "run_p90": 7.0},
        {"job_cd": "D", "res_cd": "R", "inside": "in", "setup_time": 9.0, "run_time": 6.0},
    ]  # fmt: skip


def test_times_by_hand_on_aligned_operations_only():
    v = {name: e.value for name, e in measured(timed(predicted_steps(), ACTUAL)).items()}
    # run: B 5 for 4, C 6 for 8
    assert v["run_wape"] == pytest.approx(3 / 12)
    assert v["run_mdape"] == pytest.approx((0.25 + 0.25) / 2)
    assert v["run_mae"] == pytest.approx(1.5)
    assert v["run_rmse"] == pytest.approx(np.sqrt((1 + 4) / 2))
    assert v["run_bias"] == pytest.approx(-1 / 12)
    assert v["run_cv"] == pytest.approx(np.sqrt(2.5) / 6)
    assert v["run_pinball_50"] == pytest.approx((0.5 + 1.0) / 2)
    # P10: 3 for 4 -> 0.1; 5 for 8 -> 0.3. P90: 6 for 4 -> 0.2; 7 for 8 -> 0.9
    assert v["run_pinball_10"] == pytest.approx((0.1 + 0.3) / 2)
    assert v["run_pinball_90"] == pytest.approx((0.2 + 0.9) / 2)
    assert v["run_coverage"] == pytest.approx(1 / 2)
    assert v["run_width"] == pytest.approx((3 + 2) / 2)
    assert v["run_width_relative"] == pytest.approx(5 / 12)
    # set-up: B only
    assert v["setup_wape"] == pytest.approx(5 / 20)
    assert v["setup_bias"] == pytest.approx(-5 / 20)


def test_times_that_cannot_be_measured_are_null_with_a_reason():
    without = measured(timed(predicted_steps(), {("I", 20, "B"): (20.0, None)}))
    assert (without["run_mae"].value, without["run_mae"].reason, without["run_mae"].n) == (
        None,
        "NO_ACTUAL_DATA",
        0,
    )
    assert (without["setup_coverage"].value, without["setup_coverage"].reason) == (None, "NO_INTERVAL")
    assert without["run_wape_vs_oracle"].reason == "NO_ORACLE"
    assert without["setup_report_coverage"].reason == "NO_REPORTS"
    blank = [{"job_cd": "B", "res_cd": "R", "inside": "in"}]
    unfilled = measured(timed(blank, ACTUAL))
    assert (unfilled["run_mae"].reason, unfilled["run_filled"].value) == ("NO_PREDICTED_TIME", 0.0)


def test_trimmed_error_leaves_out_a_tenth_at_each_end():
    metric = trimmed_mean(0.1)
    values = np.array([[0.0], *[[1.0]] * 8, [1000.0]])
    assert metric(np.ones((1, 10)), values)[0] == pytest.approx(1.0)
    # of five values half of the lowest and of the highest is left out
    assert metric(np.ones((1, 5)), np.array([[0.0], [1.0], [2.0], [3.0], [10.0]]))[0] == pytest.approx(
        (0 + 6 + 5) / 4
    )
    assert np.isnan(metric(np.zeros((1, 2)), np.array([[1.0], [2.0]]))[0])
    assert metric(np.ones((1, 1)), np.array([[7.0]]))[0] == pytest.approx(7.0)


def test_coverage_of_single_reports_weighs_operations_alike():
    reports = pl.DataFrame(
        {
            "item_key": ["I"] * 5, "job_cd": ["B", "B", "B", "B", "C"],
            "setup_min": [None] * 5, "run_min_at_lot": [4.0, 5.0, 9.0, 500.0, 1.0],
            "setup_removed": [None] * 5, "run_removed": [None, None, None, "outlier", None],
        },
        schema_overrides={"setup_min": pl.Float64},
    )  # fmt: skip
    reports = reports.with_columns(pl.col("run_removed").is_not_null(), pl.col("setup_removed").is_not_null())
    found = measured(timed(predicted_steps(), ACTUAL, reports))
    # B: 2 of 3 kept reports inside 3..6; C: 0 of 1
    assert found["run_report_coverage"].value == pytest.approx((2 / 3 + 0) / 2)
    assert found["run_report_coverage"].n == 4


@settings(deadline=None, max_examples=25)
@given(st.floats(0.2, 50), st.floats(0.2, 50), st.floats(0.05, 0.8))
def test_expected_error_is_the_mean_distance_to_a_lognormal_time(predicted, median, sigma):
    normal = np.random.default_rng(0).normal(0, sigma, 200_000)
    drawn = np.abs(median * np.exp(normal) - predicted).mean()
    exact = expected_error(np.array([predicted]), np.array([median]), sigma)[0]
    assert exact == pytest.approx(drawn, rel=0.03)


def test_expected_error_without_spread_is_the_distance():
    assert expected_error(np.array([3.0]), np.array([2.0]), 0.0)[0] == 1.0


# --- weighted statistics and resampling ------------------------------------------------------------------------------


@settings(deadline=None)
@given(VALUES, st.integers(0, 2**32 - 1))
def test_weighted_median_equals_the_median_of_repeated_values(values, seed):
    values = np.sort(np.array(values))
    weights = np.random.default_rng(seed).integers(0, 4, len(values))
    weights[0] += 1
    ours = weighted_median(weights[None, :].astype(float), values[:, None])[0]
    assert ours == pytest.approx(np.median(np.repeat(values, weights)))


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.booleans(), st.integers(0, 3)), min_size=1, max_size=20))
def test_area_under_roc_counts_pairs(units):
    key, positive, weight = (np.array(c, dtype=float) for c in zip(*sorted(units), strict=True))
    ours = area_under_roc(weight[None, :], np.column_stack([key, positive, 1 - positive]))[0]
    wins = total = 0.0
    for k, p, w in zip(key, positive, weight, strict=True):
        for k2, p2, w2 in zip(key, positive, weight, strict=True):
            if p and not p2:
                total += w * w2
                wins += w * w2 * ((k > k2) + 0.5 * (k == k2))
    assert (np.isnan(ours) and total == 0) or ours == pytest.approx(wins / total)


def test_mean_of_first_takes_a_part_of_a_tie():
    payload = np.array([[-0.9, 1.0], [-0.5, 0.0], [-0.5, 1.0], [-0.1, 1.0]])
    assert mean_of_first(0.5)(np.ones((1, 4)), payload)[0] == pytest.approx((1 + 0.5) / 2)


def mean_metric(values: list[float]) -> SumMetric:
    ones = np.ones(len(values))
    return SumMetric("mean", np.column_stack([values, ones]), ratio, ones, "NOTHING")


def test_interval_is_that_of_the_bootstrap_and_covers_the_mean():
    values = np.random.default_rng(1).normal(10, 2, 400)
    found = Resampler(np.arange(400), np.ones(400, dtype=bool), n_resamples=2000).estimate(
        mean_metric(values.tolist())
    )
    assert found.value == pytest.approx(values.mean())
    error = 1.96 * values.std() / np.sqrt(400)
    assert found.low == pytest.approx(values.mean() - error, abs=0.03)
    assert found.high == pytest.approx(values.mean() + error, abs=0.03)


def test_copies_of_one_item_do_not_narrow_the_interval():
    values = np.random.default_rng(1).normal(10, 2, 40)
    alone = Resampler(np.arange(40), np.ones(40, dtype=bool)).estimate(mean_metric(values.tolist()))
    copied = Resampler(np.repeat(np.arange(40), 10), np.ones(400, dtype=bool)).estimate(
        mean_metric(np.repeat(values, 10).tolist())
    )
    assert copied.high - copied.low == pytest.approx(alone.high - alone.low)


def test_resamples_are_shared_so_that_a_constant_difference_has_no_spread():
    values = np.random.default_rng(1).normal(10, 2, 50)
    resampler = Resampler(np.arange(50), np.ones(50, dtype=bool))
    other = Resampler(np.arange(50), np.ones(50, dtype=bool))
    difference = resampler.draws(mean_metric((values + 1).tolist())) - other.draws(
        mean_metric(values.tolist())
    )
    assert difference == pytest.approx(np.ones(len(difference)))


def test_segment_measures_its_items_only():
    mask = np.array([True, False, True, False])
    found = Resampler(np.arange(4), mask).estimate(mean_metric([1.0, 100.0, 3.0, 100.0]))
    assert (found.value, found.n) == (2.0, 2)
    ranked = RankedMetric("median", np.array([[1.0], [3.0], [50.0]]), np.array([0, 2, 1]), np.ones(3), weighted_median, np.ones(4), "")  # fmt: skip
    assert Resampler(np.arange(4), mask).estimate(ranked).value == 2.0


@pytest.mark.parametrize(("clusters", "known"), [(1, False), (4, False), (5, True)])
def test_few_groups_of_items_have_a_value_but_no_interval(clusters, known):
    """Two groups of twenty copies tell as little about the spread as two items."""
    group = np.arange(20) % clusters
    found = Resampler(group, np.ones(20, dtype=bool)).estimate(mean_metric(np.arange(20.0).tolist()))
    assert found.value == 9.5
    assert (found.low is not None, found.high is not None) == (known, known)


def test_a_metric_that_only_few_items_have_anything_for_has_no_interval():
    values = np.arange(20.0)
    measured_on = (values >= 16).astype(float)
    metric = SumMetric(
        "mean", np.column_stack([values * measured_on, measured_on]), ratio, measured_on, "NOTHING"
    )
    found = Resampler(np.arange(20), np.ones(20, dtype=bool)).estimate(metric)
    assert (found.value, found.low, found.high, found.n) == (17.5, None, None, 4)


def test_a_metric_that_fails_is_null_with_its_message():
    def broken(sums: np.ndarray) -> np.ndarray:
        raise FloatingPointError("overflow in test")

    metric = SumMetric("broken", np.ones((3, 2)), broken, np.ones(3), "UNUSED")
    found = Resampler(np.arange(3), np.ones(3, dtype=bool)).estimate(metric)
    assert (found.value, found.reason) == (None, "COMPUTE_ERROR: overflow in test")


def test_no_time_evidence_at_all_is_no_actual_data():
    reference = known_routings(
        operations_of({"I": steps("A")}), pl.Series("item_key", ["I"]), TimeEvidence.none()
    )
    found = measured(compare(predictions_of({"I": [(1.0, steps("A", run_time=3.0))]}), reference))
    assert {e.reason for n, e in found.items() if n.endswith(("_mae", "_wape", "_bias"))} == {
        "NO_ACTUAL_DATA"
    }


def test_reports_of_a_job_that_stands_twice_in_the_routing_are_not_used():
    reports = pl.DataFrame(
        {
            "item_key": ["I", "I"], "job_cd": ["A", "B"], "setup_min": [1.0, 1.0], "run_min_at_lot": [4.0, 4.0],
            "setup_removed": [False, False], "run_removed": [False, False],
        }
    ).lazy()  # fmt: skip
    keys = pl.Series("item_key", ["I"])
    reference = known_routings(operations_of({"I": steps("A B A")}), keys, TimeEvidence.none(), None, reports)
    assert reference.reports is not None and reference.reports["pos"].to_list() == [1]
