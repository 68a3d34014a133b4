"""Better than every baseline? One verdict per metric and baseline, and the list of those that are open."""

from __future__ import annotations

from test_card import metric_row

from routing_etl.evaluation.metric_table import MetricTable, metrics_frame
from routing_etl.evaluation.sections import FURTHER
from routing_etl.evaluation.verdicts import Verdict, conclusion, not_better, verdict_table
from routing_etl.evaluation.verdicts import verdicts as verdicts_of


def pair(metric, model, other, low, high, baseline="legacy", segment="all"):
    return [
        metric_row("model", metric, model, segment=segment),
        metric_row(baseline, metric, other, segment=segment),
        metric_row(f"model_minus_{baseline}", metric, model - other, low, high, segment=segment),
    ]


def found_in(rows: list[dict]) -> MetricTable:
    return MetricTable.of(metrics_frame(rows))


def verdicts(rows: list[dict], segment: str = "all") -> list[Verdict]:
    return verdicts_of(found_in(rows), segment=segment)


def rows():
    return [
        *pair("exact_at_1", 0.7, 0.5, 0.1, 0.3),
        *pair("run_wape", 0.2, 0.21, -0.05, 0.02),
        *pair("ece", 0.08, 0.02, 0.03, 0.09),
        *pair("run_filled", 1.0, 1.0, 0.0, 0.0),
        *pair("answered_share", 0.9, 1.0, -0.2, -0.05),  # has no better side
        *pair("operation_f1", 0.9, 0.1, 0.7, 0.9, segment="part_type_band:rare"),
        metric_row("model", "setup_coverage", 0.8, 0.7, 0.9),
        metric_row("legacy", "setup_coverage", None, n=0, reason="NO_INTERVAL"),
        metric_row("oracle", "exact_at_1", 0.9),
        metric_row("ceiling", "exact_at_1", 0.95),
    ]


def test_each_metric_with_a_direction_gets_a_verdict_per_baseline():
    found = {(v.metric, v.baseline): v for v in verdicts(rows())}
    assert {k: v.answer for k, v in found.items()} == {
        ("exact_at_1", "legacy"): "better",
        ("run_wape", "legacy"): "unclear",
        ("ece", "legacy"): "worse",
        ("run_filled", "legacy"): "unclear",
        ("setup_coverage", "legacy"): "not comparable",
    }
    assert found["setup_coverage", "legacy"].reason == "NO_INTERVAL"
    assert found["exact_at_1", "legacy"].section == "Routings"
    assert [v.metric for v in verdicts(rows(), segment="part_type_band:rare")] == ["operation_f1"]


def test_metrics_that_no_section_names_are_compared_too_but_not_those_that_only_the_model_has():
    more = [
        *rows(),
        *pair("top_5_hit_rate", 0.8, 0.6, 0.1, 0.3),
        metric_row("model", "operation_f1_vs_oracle", 0.9),
    ]
    further = [v for v in verdicts(more) if v.section == FURTHER]
    assert [(v.metric, v.answer) for v in further] == [("top_5_hit_rate", "better")]


def test_oracle_ceiling_and_differences_are_no_baselines():
    assert found_in(rows()).baselines() == ["legacy"]


def test_the_last_line_lists_exactly_the_open_pairs():
    found = verdicts(rows())
    assert [v.metric for v in not_better(found)] == ["ece", "run_wape", "run_filled"]
    assert verdict_table(found).strip().splitlines()[-1] == (
        "Significantly better (paired 95 % interval excludes 0) in 1 of 4 comparisons; not in 3: (ece, legacy) worse, "
        "(run_wape, legacy), (run_filled, legacy) equal."
    )
    assert conclusion(verdicts(pair("exact_at_1", 0.7, 0.5, 0.1, 0.3))).endswith(
        "1 of 1 comparisons; no pair is open."
    )


def test_the_table_shows_differences_and_says_what_cannot_be_compared():
    text = verdict_table(verdicts(rows()))
    assert "+0.200 [+0.100, +0.300] +" in text and "+0.060 [+0.030, +0.090] -" in text
    assert "Not comparable with legacy (NO_INTERVAL): setup_coverage." in text
    assert "legacy gives no P10 and P90" in text
    assert verdict_table([]) == "No baseline was measured.\n"


def test_a_pair_without_an_interval_is_not_comparable_with_a_reason():
    few = pair("exact_at_1", 0.7, 0.5, None, None)
    [verdict] = verdicts(few)
    assert (verdict.answer, verdict.reason) == ("not comparable", "no interval of the difference")
    others = [metric_row("nearest_copy", "exact_at_1", 0.5), metric_row("legacy", "ece", 0.1)]
    found = {v.baseline: v for v in verdicts([metric_row("model", "exact_at_1", 0.7), *others])}
    assert (found["legacy"].answer, found["legacy"].reason) == (
        "not comparable",
        "the baseline has no such figure",
    )
