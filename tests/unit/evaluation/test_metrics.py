"""Metrics of routings and confidence: answers worked out by hand, and properties."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from evaluation_toy import operations_of, predictions_of, steps
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, precision_recall_fscore_support

from routing_etl.evaluation.alignment import align, label_pairs
from routing_etl.evaluation.bootstrap import Estimate, Metric, Resampler
from routing_etl.evaluation.comparison import Comparison, compare
from routing_etl.evaluation.confidence_metrics import (
    calibration_table,
    confidence_metrics,
    coverage_table,
)
from routing_etl.evaluation.reference import known_routings
from routing_etl.evaluation.routing_metrics import (
    inside_metrics,
    justified_abstention,
    label_values,
    operation_label_metrics,
    resource_metrics,
    sequence_metrics,
)
from routing_etl.frames import TimeEvidence

CODES = st.lists(st.sampled_from("ABCD"), max_size=8)


def measured(metrics: list[Metric], n_items: int) -> dict[str, Estimate]:
    resampler = Resampler(np.arange(n_items), np.ones(n_items, dtype=bool), n_resamples=20)
    return {m.name: resampler.estimate(m) for m in metrics}


def compared(actual: dict, predicted: dict, **more: object) -> Comparison:
    keys = pl.Series("item_key", sorted(actual))
    reference = known_routings(operations_of(actual), keys, TimeEvidence.none())
    return compare(predictions_of(predicted, **more), reference)


# --- alignment -------------------------------------------------------------------------------------------------------


def plain_lcs(a: list[str], b: list[str]) -> int:
    best = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            best[i + 1][j + 1] = best[i][j] + 1 if x == y else max(best[i][j + 1], best[i + 1][j])
    return best[-1][-1]


def lists(values: list[list[str]]) -> pl.Series:
    return pl.Series(values, dtype=pl.List(pl.String))


@settings(deadline=None)
@given(st.lists(st.tuples(CODES, CODES), min_size=1, max_size=12))
def test_alignment_is_a_longest_common_subsequence(pairs):
    left, right = lists([a for a, _ in pairs]), lists([b for _, b in pairs])
    found = align(left, right)
    assert found.pairs["lcs"].to_list() == [plain_lcs(a, b) for a, b in pairs]
    for number, (a, b) in enumerate(pairs):
        rows = found.matches.filter(pl.col("pair") == number).sort("predicted_pos")
        mine, theirs = rows["predicted_pos"].to_list(), rows["actual_pos"].to_list()
        assert [a[i] for i in mine] == [b[j] for j in theirs]
        assert theirs == sorted(set(theirs)) and len(mine) == found.pairs["lcs"][number]


@settings(deadline=None)
@given(st.lists(st.tuples(CODES, CODES), min_size=1, max_size=12))
def test_label_pairs_hold_every_operation_of_both_sides_once(pairs):
    left, right = lists([a for a, _ in pairs]), lists([b for _, b in pairs])
    rows = label_pairs(align(left, right), left, right)
    for number, (a, b) in enumerate(pairs):
        own = rows.filter(pl.col("pair") == number)
        assert sorted(own["predicted"].drop_nulls().to_list()) == sorted(a)
        assert sorted(own["actual"].drop_nulls().to_list()) == sorted(b)


def test_common_operations_count_repeats_and_order():
    found = align(lists([["A", "A", "B"]]), lists([["B", "A", "A", "A"]])).pairs.row(0, named=True)
    # A twice and B once are common; of the three pairs only (A, A) keeps its order
    assert (found["common"], found["order_pairs"], found["order_agreeing"], found["lcs"]) == (3, 3, 1, 2)


# --- the legacy metric set -------------------------------------------------------------------------------------------


def label_scores(actual: list[str], predicted: list[str]) -> dict[str, float]:
    """Scores of two lists of labels, from their counts per label."""
    names = sorted({*actual, *predicted})
    right = [a for a, p in zip(actual, predicted, strict=True) if a == p]
    counts = [np.array([side.count(n) for n in names], dtype=float) for side in (right, actual, predicted)]
    return {name: float(value) for name, value in label_values(*counts).items()}


def test_label_scores_golden_of_the_replaced_system():
    actual = ["PROC_A", "PROC_B", "PROC_A", "PROC_C", "PROC_B"]
    predicted = ["PROC_A", "PROC_B", "PROC_A", "PROC_A", "PROC_B"]
    found = {name: round(value, 4) for name, value in label_scores(actual, predicted).items()}
    assert found == {
        "accuracy": 0.8,
        "precision_weighted": 0.6667,
        "recall_weighted": 0.8,
        "f1_weighted": 0.72,
    }


def test_label_scores_of_nothing_are_not_measured():
    assert all(np.isnan(value) for value in label_scores([], []).values())


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from("ABC"), st.sampled_from("ABCD")), min_size=1, max_size=30))
def test_label_scores_agree_with_scikit_learn(pairs):
    actual, predicted = [a for a, _ in pairs], [p for _, p in pairs]
    ours = label_scores(actual, predicted)
    theirs = precision_recall_fscore_support(actual, predicted, average="weighted", zero_division=0)
    assert ours["accuracy"] == pytest.approx(accuracy_score(actual, predicted))
    for name, value in zip(("precision_weighted", "recall_weighted", "f1_weighted"), theirs[:3], strict=True):
        assert ours[name] == pytest.approx(value)


def test_missing_and_superfluous_operations_are_wrong_labels():
    found = compared({"I": steps("A B C")}, {"I": [(0.5, steps("A C D"))]})
    values = measured(operation_label_metrics(found), 1)
    # labels: A right, B -> missing, C right, (none) -> D
    assert values["accuracy"].value == pytest.approx(0.5)
    assert values["accuracy"].n == 4


# --- sequences -------------------------------------------------------------------------------------------------------


def test_sequence_metrics_by_hand():
    found = compared(
        {"I1": steps("A B C"), "I2": steps("A B"), "I3": steps("A B C D"), "I4": steps("A")},
        {
            "I1": [(0.9, steps("A B C"))],
            "I2": [(0.6, steps("B A")), (0.3, steps("B A")), (0.1, steps("A B"))],
            "I3": [(0.5, steps("A C D X"))],
        },
        abstained=["I4"],
    )
    v = {name: e.value for name, e in measured(sequence_metrics(found), 4).items()}
    assert v["exact_at_1"] == pytest.approx(1 / 4)
    assert v["exact_at_4"] == pytest.approx(2 / 4)
    assert v["exact_at_1_answered"] == pytest.approx(1 / 3)
    # common 3 + 2 + 3 + 0 of 9 predicted and 10 actual operations
    assert v["operation_precision"] == pytest.approx(8 / 9)
    assert v["operation_recall"] == pytest.approx(8 / 10)
    assert v["operation_f1"] == pytest.approx(16 / 19)
    # 1 - (n + m - 2 lcs) / (n + m): 1, 2/4, 6/8, 0
    assert v["edit_similarity"] == pytest.approx((1 + 0.5 + 0.75 + 0) / 4)
    # pairs of common operations: 3 + 1 + 3, all in order but that of I2
    assert v["order_agreement"] == pytest.approx(6 / 7)
    assert v["process_match"] == pytest.approx((1 + 0.5 + 0.75 + 0) / 4)
    assert v["abstained_share"] == pytest.approx(1 / 4)
    assert v["answered_share"] == pytest.approx(3 / 4)
    assert v["candidates_per_item"] == pytest.approx(5 / 4)
    assert v["high_tier_share"] == pytest.approx(3 / 5)


def test_the_hit_rate_of_five_is_null_where_no_item_was_shown_five():
    """With four candidates it would be `exact_at_4` under another name."""
    others = [(0.1, steps(job)) for job in "BCD"]
    actual = {"I1": steps("A"), "I2": steps("A")}
    found = compared(actual, {"I1": [*others, (0.05, steps("A"))], "I2": others})
    four = measured(sequence_metrics(found), 2)
    assert four["exact_at_4"].value == 0.5
    assert (four["top_5_hit_rate"].value, four["top_5_hit_rate"].reason) == (None, "FEWER_THAN_5_CANDIDATES")
    assert four["top_5_hit_rate"].n == 0
    found = compared(actual, {"I1": [*others, (0.05, steps("E")), (0.04, steps("A"))], "I2": others})
    five = measured(sequence_metrics(found), 2)
    assert (five["exact_at_4"].value, five["top_5_hit_rate"].value, five["top_5_hit_rate"].n) == (0.0, 0.5, 2)


def test_alternate_routings_do_not_count_as_the_answer():
    actual = pl.concat([operations_of({"I": steps("A B")}), operations_of({"I": steps("C D")}, rank=1)])
    reference = known_routings(actual, pl.Series("item_key", ["I"]), TimeEvidence.none())
    found = compare(predictions_of({"I": [(0.9, steps("C D"))]}), reference)
    assert measured(sequence_metrics(found), 1)["exact_at_1"].value == 0.0


def test_without_any_candidate_ratios_over_candidates_are_null_with_a_reason():
    found = compared({"I": steps("A")}, {}, abstained=["I"])
    values = measured(
        [
            *sequence_metrics(found),
            *resource_metrics(found),
            *inside_metrics(found),
            *confidence_metrics(found),
        ],
        1,
    )
    assert values["exact_at_1"].value == 0.0
    for name, reason in (
        ("operation_precision", "NO_CANDIDATES"), ("exact_at_1_answered", "NO_CANDIDATES"),
        ("resource_top1", "NO_RESOURCES"), ("outsourced_f1", "NO_OUTSOURCED_OPERATIONS"), ("ece", "NO_CONFIDENCE"),
    ):  # fmt: skip
        assert (values[name].value, values[name].reason) == (None, reason)


def test_abstention_is_justified_where_no_training_item_has_the_routing():
    found = compared({"I1": steps("A"), "I2": steps("B"), "I3": steps("C")}, {"I3": [(0.9, steps("C"))]}, abstained=["I1", "I2"])  # fmt: skip
    metric = justified_abstention(found, np.array([True, False, True]))
    assert measured([metric], 3)["abstention_justified"].value == pytest.approx(0.5)
    none = compared({"I1": steps("A")}, {"I1": [(0.9, steps("A"))]})
    assert (
        measured([justified_abstention(none, np.array([True]))], 1)["abstention_justified"].reason
        == "NOTHING_ABSTAINED"
    )


# --- resources, in-house and outsourced ------------------------------------------------------------------------------


def test_resources_are_compared_on_aligned_operations():
    actual = [
        {"job_cd": "A", "res_cd": "R1", "inside": "in"},
        {"job_cd": "B", "res_cd": "R4", "inside": "in"},
        {"job_cd": "C", "res_cd": "R9", "inside": "in"},
        {"job_cd": "D", "res_cd": None, "inside": "in"},
    ]
    # the first operation is missing: by position everything would be wrong
    predicted = [
        {"job_cd": "B", "res_cd": "R3", "inside": "in"},
        {"job_cd": "C", "res_cd": "R9", "inside": "in"},
        {"job_cd": "D", "res_cd": "R1", "inside": "in"},
    ]
    alternatives = [("B", "R1", 1), ("B", "R3", 2), ("B", "R4", 3), ("B", "R5", 4)]
    found = compared({"I": actual}, {"I": [(0.9, predicted)]}, alternatives=alternatives)
    values = measured(resource_metrics(found), 1)
    assert (values["resource_top1"].value, values["resource_top1"].n) == (0.5, 2)
    # shown for B: R3 (planned), R1, R4
    assert values["resource_top3"].value == 1.0


def test_an_alternative_behind_the_third_place_is_no_hit():
    actual = {"I": [{"job_cd": "B", "res_cd": "R5", "inside": "in"}]}
    predicted = {"I": [(0.9, [{"job_cd": "B", "res_cd": "R3", "inside": "in"}])]}
    alternatives = [("B", "R1", 1), ("B", "R3", 2), ("B", "R4", 3), ("B", "R5", 4)]
    values = measured(resource_metrics(compared(actual, predicted, alternatives=alternatives)), 1)
    assert values["resource_top3"].value == 0.0


def test_outsourced_operations_by_hand():
    actual = [*steps("A", inside="out"), *steps("B", inside="out"), *steps("C D")]
    predicted = [*steps("A", inside="out"), *steps("B"), *steps("C", inside="out"), *steps("D")]
    values = measured(inside_metrics(compared({"I": actual}, {"I": [(0.9, predicted)]})), 1)
    assert values["inside_accuracy"].value == pytest.approx(2 / 4)
    for name in ("precision", "recall", "f1"):
        assert values[f"outsourced_{name}"].value == pytest.approx(1 / 2)
        assert values[f"inhouse_{name}"].value == pytest.approx(1 / 2)
    assert values["outsourcing_success"].value == values["outsourced_recall"].value


# --- confidence ------------------------------------------------------------------------------------------------------


def sure_items() -> Comparison:
    actual = {f"I{i}": steps("A") for i in range(4)}
    answers = {"I0": [(0.9, steps("A"))], "I1": [(0.9, steps("B"))], "I2": [(0.3, steps("A"))], "I3": [(0.1, steps("B"))]}  # fmt: skip
    return compared(actual, answers)


def test_the_interval_of_the_calibration_error_holds_its_value():
    """200 items whose confidences are right: noise alone makes an error, and resamples have more of it than the sample."""
    rng = np.random.default_rng(0)
    intervals = []
    for _ in range(8):
        sure = rng.random(200)
        right = rng.random(200) < sure
        actual = {f"I{i:03d}": steps("A") for i in range(200)}
        answers = {f"I{i:03d}": [(float(sure[i]), steps("A" if right[i] else "B"))] for i in range(200)}
        metrics = confidence_metrics(compared(actual, answers))
        intervals.append(
            next(
                Resampler(np.arange(200), np.ones(200, bool)).estimate(m) for m in metrics if m.name == "ece"
            )
        )
    assert all(found.low <= found.value <= found.high for found in intervals)
    assert np.mean([found.low for found in intervals]) < 0.5 * np.mean([found.value for found in intervals])


def test_confidence_by_hand():
    v = {name: e.value for name, e in measured(confidence_metrics(sure_items(), np.array([1, 1, 1, 0], np.int8)), 4).items()}  # fmt: skip
    # bins: {0.9, 0.9} observed 0.5; {0.3} observed 1; {0.1} observed 0
    assert v["ece"] == pytest.approx((2 * 0.4 + 0.7 + 0.1) / 4)
    variance = [2 * 0.9 * 0.1, 0.3 * 0.7, 0.1 * 0.9]
    assert v["ece_by_chance"] == pytest.approx(sum((2 / np.pi * x) ** 0.5 for x in variance) / 4)
    assert v["brier"] == pytest.approx((0.01 + 0.81 + 0.49 + 0.01) / 4)
    # always saying 0.5 has a score of 0.25
    assert v["brier_skill"] == pytest.approx(1 - (1.32 / 4) / 0.25)
    assert v["confidence_mean"] == pytest.approx(2.2 / 4)
    # the surest half are the two at 0.9, one of them right
    assert v["exact_at_1_surest_half"] == pytest.approx(0.5)
    # right: 0.9, 0.3; wrong: 0.9, 0.1 -> wins 0.5 + 1 + 0 + 1 of 4
    assert v["auroc_exact"] == pytest.approx(2.5 / 4)
    assert v["auroc_known_type"] == pytest.approx(1.0)


def test_items_without_a_part_type_are_neither_known_nor_new():
    """Seen 0.9, 0.9; new 0.1; the one at 0.3 may be of either."""
    kinds = np.array([1, 1, -1, 0], np.int8)
    assert measured(confidence_metrics(sure_items(), kinds), 4)["auroc_known_type"].value == 1.0
    kinds = np.array([0, 1, -1, 1], np.int8)
    # seen 0.9 and 0.1 against new 0.9: half a win and none
    assert measured(confidence_metrics(sure_items(), kinds), 4)["auroc_known_type"].value == 0.25


def test_auroc_with_one_class_is_null():
    found = compared({"I": steps("A")}, {"I": [(0.9, steps("A"))]})
    values = measured(confidence_metrics(found, np.array([1], np.int8)), 1)
    assert (values["brier_skill"].value, values["brier_skill"].reason) == (None, "ONE_CLASS_ONLY")
    assert values["auroc_exact"].reason == "ONE_CLASS_ONLY" and values["auroc_exact"].value is None
    assert values["auroc_known_type"].reason == "ONE_CLASS_ONLY"


def test_items_that_are_right_together_show_more_error_by_chance():
    """Twenty pairs at 0.5, both right or both wrong: the variance of 20 answers that count twice, not of 40."""
    keys, clusters = [f"I{i:02d}" for i in range(40)], np.arange(40) // 2
    answers = {k: [(0.5, steps("A" if c % 2 else "B"))] for k, c in zip(keys, clusters, strict=True)}
    found = compared({k: steps("A") for k in keys}, answers)

    def chance(groups: np.ndarray | None) -> float | None:
        return measured(confidence_metrics(found, clusters=groups), 40)["ece_by_chance"].value

    assert chance(None) == pytest.approx((2 / np.pi * 40 * 0.25) ** 0.5 / 40)
    assert chance(clusters) == pytest.approx((2 / np.pi * 20 * 1.0) ** 0.5 / 40)
    # pairs of one right and one wrong item are not alike
    assert chance((np.arange(40) + 2) % 40 // 4 * 2 + np.arange(40) % 2) == pytest.approx(chance(None))


def test_ties_of_confidence_are_taken_in_equal_parts():
    actual = {f"I{i}": steps("A") for i in range(4)}
    answers = {k: [(0.5, steps("A" if k == "I0" else "B"))] for k in actual}
    assert measured(confidence_metrics(compared(actual, answers)), 4)[
        "exact_at_1_surest_half"
    ].value == pytest.approx(1 / 4)


def test_calibration_and_coverage_tables():
    table = calibration_table(sure_items())
    assert table["n"].to_list() == [1, 1, 2]
    assert table["observed"].to_list() == [0.0, 1.0, 0.5]
    curve = coverage_table(sure_items(), steps=2)
    assert curve["coverage"].to_list() == [0.5, 1.0]
    assert curve["accuracy"].to_list() == [0.5, 0.5]
    assert curve["threshold"].to_list() == [0.9, 0.1]


def test_coverage_takes_ties_of_confidence_in_equal_parts_whatever_their_order():
    """One of four is right and all are equally sure: a quarter of any share is, whichever comes first."""
    actual = {f"I{i}": steps("A") for i in range(4)}
    for right in actual:
        answers = {k: [(0.5, steps("A" if k == right else "B"))] for k in actual}
        curve = coverage_table(compared(actual, answers), steps=4)
        assert curve["accuracy"].to_list() == [0.25] * 4
        assert curve["threshold"].to_list() == [0.5] * 4
    # one at 0.9 is right, then two at 0.5 of which one is: 1, (1 + 1/2) / 2, 2 / 3
    answers = {"I0": [(0.9, steps("A"))], "I1": [(0.5, steps("B"))], "I2": [(0.5, steps("A"))]}
    curve = coverage_table(compared({k: steps("A") for k in answers}, answers), steps=3)
    assert curve["accuracy"].to_list() == pytest.approx([1.0, 0.75, 2 / 3])


def test_coverage_counts_items_without_candidates_last():
    found = compared({"I1": steps("A"), "I2": steps("A")}, {"I1": [(0.4, steps("A"))]}, abstained=["I2"])
    assert coverage_table(found, steps=2).rows() == [(0.5, 0.4, 1.0), (1.0, None, 0.5)]
