"""Learning the same data again with other seeds is no reason to refuse a version: the gate's comparison, six times."""

from __future__ import annotations

from itertools import combinations

import pytest
from model_toy import ATTRIBUTES, toy_items, toy_operations, toy_rule

from routing_etl.evaluation.evaluate import evaluate
from routing_etl.evaluation.options import EvaluationOptions
from routing_etl.evaluation.paired import paired_differences
from routing_etl.model.predictor import RoutingPredictor


@pytest.fixture(scope="module")
def reports():  # type: ignore[no-untyped-def]
    """Six versions of one plant with few items and many kinds, so that every fit answers some items differently."""
    items = toy_items(150, seed=11, n_types=12)
    operations = toy_operations(items, toy_rule(items), seed=2)

    def judged(seed: int, fits: int) -> object:
        return evaluate(
            RoutingPredictor(attributes=ATTRIBUTES, n_trees=8, rehearsals=0, random_state=seed),
            items,
            operations,
            options=EvaluationOptions(test_days=600, baselines=False, n_resamples=50, variance_fits=fits),
        )

    return [judged(seed, 5 if seed == 0 else 0) for seed in range(6)]


@pytest.mark.slow
def test_six_retrainings_of_the_same_data_do_not_differ_significantly(reports) -> None:  # type: ignore[no-untyped-def]
    details = reports[0].details
    assert details.fit_sd is not None and details.fit_sd["exact_at_1"] > 0
    n = details.items_evaluated
    spread = {name: 2 * sd**2 * n for name, sd in details.fit_sd.items()}
    values = [r.value("exact_at_1") for r in reports]
    assert len(set(values)) > 1, "all fits are equal, so that this test shows nothing"
    for one, other in combinations(reports, 2):
        for name, found in paired_differences(one.held_out, other.held_out, fit_variances=spread).items():
            if found.low is not None:
                assert found.low <= 0 <= found.high, f"{name}: {found}"


@pytest.mark.slow
def test_a_version_that_answers_nothing_right_is_still_seen(reports) -> None:  # type: ignore[no-untyped-def]
    details = reports[0].details
    spread = {name: 2 * sd**2 * details.items_evaluated for name, sd in details.fit_sd.items()}
    worse = reports[0].held_out.with_columns(exact_at_1_0=0.0)
    found = paired_differences(worse, reports[0].held_out, fit_variances=spread)["exact_at_1"]
    assert found.high is not None and found.high < 0


@pytest.mark.slow
def test_the_variance_is_on_record_and_in_the_intervals(reports) -> None:  # type: ignore[no-untyped-def]
    with_fits, without = (r.table.get("exact_at_1") for r in reports[:2])
    assert any("5 fits with other seeds" in note for note in reports[0].details.notes)
    assert reports[1].details.fit_sd is None
    assert with_fits.high - with_fits.low > without.high - without.low
