"""Ceiling, oracle and expected metrics of a simulated plant, worked out by hand."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest
from evaluation_toy import actual_times, items_of, operations_of, predictions_of, steps
from scipy.stats import norm

from routing_etl.evaluation.baselines import MajorityByPartType
from routing_etl.evaluation.evaluate import evaluate, evaluate_unrouted
from routing_etl.evaluation.glossary import GLOSSARY
from routing_etl.evaluation.options import EvaluationOptions
from routing_etl.evaluation.truth import Truth, truth_predictions
from routing_etl.evaluation.work_results import WorkResults
from routing_etl.frames import CANDIDATE_OPERATIONS, CANDIDATES, METRICS, TimeEvidence

KEYS = ["I1", "I2"]
NO_INTERVALS = EvaluationOptions(n_resamples=0)


def truth(noise: float | None = None, item_noise: float = 0.0) -> Truth:
    """I1: 'A B' with 0.7 (on two resources), 'A' with 0.3. I2: 'C' for sure, outsourced."""
    routing = pl.DataFrame(
        {
            "ITEM_CD": ["i1", "i1", "i1", "I2"],
            "VARIANT": [0, 1, 2, 0],
            "PROBABILITY": [0.4, 0.3, 0.3, 1.0],
            "JOB_SEQ": ["A>B", "A>B", "A", "C"],
            "RES_SEQ": ["R1>R2", "R1>R3", "R1", ""],
            "INSIDE_SEQ": ["in>in", "in>in", "in", "out"],
        }
    )
    time = pl.DataFrame(
        {
            "ITEM_CD": ["i1", "i1", "I2"],
            "JOB_CD": ["A", "B", "C"],
            "SETUP_MIN": [10.0, 20.0, 5.0],
            "RUN_MIN": [2.0, 4.0, 8.0],
        }
    )
    names = ["grammar.time_noise", "grammar.item_time_noise", "ceiling"]
    values = ["0.0" if noise is None else str(noise), str(item_noise), "0.85"]
    return Truth.from_tables(routing, time, pl.DataFrame({"NAME": names, "VALUE": values}))


def judged(answers: dict, **options) -> dict[str, float | None]:
    items = items_of(KEYS, part_type=["P", "NEW"])
    routed = items_of([f"T{i}" for i in range(40)], part_type=["P"] * 40)
    report = evaluate_unrouted(
        {"model": predictions_of(answers)},
        options.pop("truth", truth()),
        items,
        routed=routed,
        options=EvaluationOptions(n_resamples=20),
    )
    assert not options
    METRICS.validate(report.metrics)
    assert set(report.metrics["metric"]) <= set(GLOSSARY)
    mine = report.metrics.filter((pl.col("method") == "model") & (pl.col("segment") == "all"))
    return dict(mine.select("metric", "value").iter_rows())


def test_ceiling_is_the_probability_of_the_best_sequences():
    keys = pl.Series("item_key", ["I2", "I1", "UNKNOWN"])
    assert truth().ceiling(keys, 1)[:2].tolist() == pytest.approx([1.0, 0.7])
    assert truth().ceiling(keys, 4)[:2].tolist() == pytest.approx([1.0, 1.0])
    assert np.isnan(truth().ceiling(keys, 1)[2])


def test_expected_exact_match_and_its_share_of_the_ceiling():
    found = judged({"I1": [(0.6, steps("A")), (0.3, steps("A B"))], "I2": [(0.9, steps("X"))]})
    assert found["expected_exact_at_1"] == pytest.approx(0.3 / 2)
    assert found["expected_exact_at_1_share"] == pytest.approx(0.3 / 1.7)
    assert found["expected_exact_at_4"] == pytest.approx(1.0 / 2)
    assert found["expected_exact_at_4_share"] == pytest.approx(1.0 / 2.0)


def test_the_same_sequence_twice_is_one_choice():
    found = judged(
        {"I1": [(0.6, steps("A")), (0.3, steps("A")), (0.1, steps("A"))], "I2": [(0.9, steps("C"))]}
    )
    assert found["expected_exact_at_4"] == pytest.approx((0.3 + 1.0) / 2)


def test_operation_metrics_are_expectations_over_the_planners_routings():
    found = judged({"I1": [(0.6, steps("A B", res_cd="R2"))], "I2": [(0.9, steps("C", inside="out"))]})
    # I1: common 2 with 0.7, 1 with 0.3, of 2 predicted and 1.7 expected; I2: 1 of 1 and 1
    assert found["operation_f1"] == pytest.approx(2 * (1.7 + 1) / ((2 + 1) + (1.7 + 1)))
    assert found["edit_similarity"] == pytest.approx((0.7 * 1 + 0.3 * 2 / 3 + 1) / 2)
    # A is on R1 always, B on R2 with 0.4 of 0.7; C has no resource
    assert found["resource_top1"] == pytest.approx(0.4 / 1.7)
    assert found["outsourced_f1"] == pytest.approx(1.0)


def test_the_oracle_reaches_the_ceiling():
    items = items_of(KEYS, part_type=["P", "NEW"])
    oracle = truth_predictions(truth(), items)
    CANDIDATES.validate(oracle.candidates)
    CANDIDATE_OPERATIONS.validate(oracle.operations)
    report = evaluate_unrouted({"model": oracle}, truth(), items, routed=items, options=NO_INTERVALS)
    assert report.value("expected_exact_at_1_share") == pytest.approx(1.0)
    assert report.value("expected_exact_at_4_share") == pytest.approx(1.0)
    assert report.value("operation_f1_vs_oracle") == pytest.approx(1.0)
    assert report.value("expected_exact_at_1", method="ceiling") == pytest.approx(0.85)
    assert report.value("expected_exact_at_1", method="oracle") == pytest.approx(0.85)
    assert report.value("ece") == pytest.approx(0.0)
    assert report.value("run_wape_of_median") == pytest.approx(0.0)
    best = oracle.operations.filter((pl.col("item_key") == "I1") & (pl.col("candidate_rank") == 1))
    assert best["res_cd"].to_list() == ["R1", "R2"] and best["run_time"].to_list() == [2.0, 4.0]


def test_expected_times_against_one_report():
    answers = {"I1": [(0.6, steps("A", run_time=2.0, run_p10=1.0, run_p90=4.0, setup_time=10.0))], "I2": []}
    sigma = 0.3
    found = judged(answers, truth=truth(sigma))
    # an answer equal to the median is as good as the oracle's and has the bias of a median
    assert found["run_wape_vs_oracle"] == pytest.approx(1.0)
    assert found["run_bias"] == pytest.approx(np.exp(-(sigma**2) / 2) - 1)
    # P10 and P90 are ln 2 away from the median
    assert found["run_report_coverage"] == pytest.approx(2 * norm.cdf(np.log(2) / sigma) - 1)
    assert found["run_width"] == pytest.approx(3.0)
    double = judged({"I1": [(0.6, steps("A", run_time=4.0))], "I2": []}, truth=truth(sigma))
    assert double["run_wape_vs_oracle"] > 2 and double["run_wape_of_median"] == pytest.approx(1.0)


def test_what_an_item_has_of_its_own_spreads_its_set_up_half_as_much_as_its_run_time():
    span = {
        "run_time": 2.0,
        "run_p10": 1.0,
        "run_p90": 4.0,
        "setup_time": 10.0,
        "setup_p10": 5.0,
        "setup_p90": 20.0,
    }
    found = judged({"I1": [(0.6, steps("A", **span))], "I2": []}, truth=truth(0.3, item_noise=0.4))
    assert found["run_report_coverage"] == pytest.approx(2 * norm.cdf(np.log(2) / 0.5) - 1)
    assert found["setup_report_coverage"] == pytest.approx(2 * norm.cdf(np.log(2) / np.hypot(0.3, 0.2)) - 1)


def test_known_part_types_should_be_surer_than_new_ones():
    assert judged({"I1": [(0.6, steps("A"))], "I2": [(0.2, steps("C"))]})["auroc_known_type"] == 1.0
    assert judged({"I1": [(0.2, steps("A"))], "I2": [(0.6, steps("C"))]})["auroc_known_type"] == 0.0


def test_items_without_truth_are_left_out_and_none_at_all_is_unmeasured():
    items = items_of([*KEYS, "UNKNOWN"], part_type=["P", "NEW", "P"])
    answers = {"model": predictions_of({"I1": [(0.6, steps("A"))], "UNKNOWN": [(0.6, steps("A"))]})}
    report = evaluate_unrouted(answers, truth(), items, routed=items, options=NO_INTERVALS)
    assert report.details.items_evaluated == 2
    only = items.filter(pl.col("item_key") == "UNKNOWN")
    none = evaluate_unrouted(answers, truth(), only, routed=items, options=NO_INTERVALS)
    assert none.value("exact_at_1") is None and none.alerts[0].code == "NO_ACTUAL_DATA"


def test_held_out_routings_beside_ceiling_and_oracle():
    """Planners write 'A B' with 0.8 and 'A' with 0.2; on the judged items they wrote 'A' always."""
    keys = [f"I{i:02d}" for i in range(40)]
    items = items_of(keys, kind=["k"] * 40, part_type=["P"] * 40)
    when = {k: datetime(2024, 1, 1) + timedelta(days=i) for i, k in enumerate(keys)}
    operations = operations_of({k: steps("A B" if i < 25 else "A") for i, k in enumerate(keys)}, when)
    routing = pl.DataFrame(
        {
            "ITEM_CD": [k for k in keys for _ in range(2)], "VARIANT": [0, 1] * 40, "PROBABILITY": [0.8, 0.2] * 40,
            "JOB_SEQ": ["A>B", "A"] * 40, "RES_SEQ": ["R>R", "R"] * 40, "INSIDE_SEQ": ["in>in", "in"] * 40,
        }
    )  # fmt: skip
    time = pl.DataFrame(
        {"ITEM_CD": keys, "JOB_CD": ["A"] * 40, "SETUP_MIN": [5.0] * 40, "RUN_MIN": [2.0] * 40}
    )
    found = evaluate(
        MajorityByPartType, items, operations, truth=Truth.from_tables(routing, time),
        results=WorkResults(
            lambda keys: TimeEvidence.none(), actual_times({(k, 10, "A"): (5.0, 3.0) for k in keys})
        ),
        options=EvaluationOptions(split="time", test_days=15, n_resamples=10),
    )  # fmt: skip
    # the majority of the older items is 'A B': never what was written, mostly what would be
    assert found.value("exact_at_1") == 0.0 and found.value("exact_at_1", method="oracle") == 0.0
    assert found.value("expected_exact_at_1") == pytest.approx(0.8)
    assert found.value("expected_exact_at_1_share") == pytest.approx(1.0)
    assert found.value("expected_exact_at_1", method="ceiling") == pytest.approx(0.8)
    assert found.value("expected_exact_at_4", method="oracle") == pytest.approx(1.0)
    # no time of its own: the standards are missing, so nothing can be compared with the oracle's 2 for 3
    assert found.value("run_wape") is None
    assert found.value("run_wape", method="oracle") == pytest.approx(1 / 3)
    assert "ceiling" in found.to_markdown() and "oracle" in found.to_markdown()
