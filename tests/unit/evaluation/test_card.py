"""The model card: every figure in it stands in the version's JSON files, and what was not measured is a dash with why."""

from __future__ import annotations

import copy

import pytest
from cards import is_close, numbers_in, tables, unknown_numbers

from routing_etl.evaluation.card import model_card, promotions
from routing_etl.evaluation.markdown import number, table


def metric_row(method, metric, value, low=None, high=None, n=40, segment="all", reason=None):
    return {
        "method": method, "split": "time", "segment": segment, "metric": metric, "value": value, "low": low, "high": high,
        "n": n, "reason": reason,
    }  # fmt: skip


def measured_rows():
    rows = [
        metric_row("model", "exact_at_1", 0.7123, 0.6511, 0.7744),
        metric_row("nearest_copy", "exact_at_1", 0.5012, 0.4, 0.6),
        metric_row("model_minus_nearest_copy", "exact_at_1", 0.2111, 0.1, 0.3),
        metric_row("legacy", "exact_at_1", 0.6941, 0.6, 0.7),
        metric_row("model_minus_legacy", "exact_at_1", 0.0182, -0.03, 0.05),
        metric_row("model", "run_coverage", 0.8111, 0.79, 0.83, n=1234),
        metric_row("nearest_copy", "run_coverage", None, n=0, reason="NO_INTERVAL"),
        metric_row("model", "setup_wape_vs_oracle", None, n=0, reason="NO_ORACLE"),
        metric_row("model", "ece", 0.0456, 0.02, 0.07),
        metric_row("model", "abstained_share", 0.0789, 0.05, 0.1),
    ]
    for segment, value, n in (
        ("part_type_band:frequent", 0.8321, 25), ("part_type_band:rare", 0.6123, 12), ("part_type_band:unseen", 0.3333, 3),
        ("item_acct:제품|A", 0.7531, 17), ("neighbours:15+", 0.9135, 8),
    ):  # fmt: skip
        rows.append(metric_row("model", "exact_at_1", value, value - 0.1, value + 0.05, n, segment))
        rows.append(metric_row("nearest_copy", "exact_at_1", value / 2, n=n, segment=segment))
    return rows


def data():
    return {
        "as_of": "2025-10-21", "cutoff": None,
        "items": {"all": 5003, "routed": 2711, "to_predict": 2292, "with_work_results": 1877},
        "excluded_items": {"mark DEL": 31}, "excluded_routed_items": {"mark DEL": 19},
        "routings": 3402, "operations": 21987, "operations_learned": 18765, "work_results": 80123,
        "routing_dates": {"oldest": "2011-02-03", "newest": "2025-10-20", "items_without_date": 7},
        "result_dates": {"oldest": "2022-10-21", "newest": "2025-10-19"},
        "rows": {"items": {"in": 5010, "kept": 5003, "rejected": 7, "filtered": 0, "rejected_by_rule": {"duplicate_key": 6},
                           "filtered_by_rule": {"too_old": 2479}}},
        "times": {"run": {"samples": 70001, "outliers": 26, "order_as_piece": 0}},
    }  # fmt: skip


@pytest.fixture
def files():
    """Contents of a version's JSON files."""
    metrics = {
        "generated_at": "2026-01-02T03:04:05.678901+00:00", "model_version": "autumn", "training_samples": 2692,
        "training_duration_sec": 21.5, "split": "time", "metrics": measured_rows(), "data": data(),
        "dataset_stats": {"missing_rates": {"part_type": 0.0042, "draw_no": 0.2587, "empty_one": 1.0}},
        "calibration": [{"bin_low": 0.0, "bin_high": 0.0667, "n": 11, "confidence": 0.0412, "observed": 0.0833}],
        "coverage": [{"coverage": 0.05, "threshold": 0.9871, "accuracy": 0.9333},
                     {"coverage": 1.0, "threshold": None, "accuracy": 0.7123}],
        "alerts": [{"code": "HIGH_CV", "severity": "warning", "message": "Run-time errors vary: CV 0.61; the limit is 0.5."}],
        "evaluation": {"strategy": "time, at most 5000 items, seed 42", "items_evaluated": 40, "items_trained": 2651,
                       "folds": 1, "notes": ["Newest 180 days."]},
        "reasons": {},
    }  # fmt: skip
    metadata = {
        "run_id": "run_7", "requested_by": "kim", "source": "mssql+pyodbc://erp", "profile": "bi_views",
        "profile_fingerprint": "fe90e4", "hyperparameters": {"half_life_days": 1500.0, "similarity_threshold": 0.8},
        "notes": ["Attribute empty_one is empty in all routed items and not used."],
        "runtime_versions": {"python": "3.11.7", "polars": "2.1.0"},
    }  # fmt: skip
    return metrics, metadata, {"part_type": 0.6543, "draw_no": 0.3457}


def test_every_number_in_a_table_stands_in_the_files(files):
    card = model_card(*files)
    assert len(numbers_in(card)) > 70
    assert unknown_numbers(card, *files) == []
    assert unknown_numbers(card.replace("0.712", "0.713"), *files) != []


def test_every_metric_cell_is_that_methods_value_of_that_segment(files):
    metrics, *_ = files
    values = {(r["method"], r["segment"], r["metric"]): r for r in metrics["metrics"]}
    names = {
        "part type frequent in training": "part_type_band:frequent", "part type rare in training": "part_type_band:rare",
        "part type not in training": "part_type_band:unseen", r"family 제품\|A": "item_acct:제품|A",
        "neighbours that voted 15+": "neighbours:15+",
    }  # fmt: skip
    seen = set()
    for header, rows in tables(model_card(*files)):
        if header[1:4] != ["model", "interval", "n"]:
            continue
        for label, value, interval, n, *others in rows:
            segment = names.get(label, "all")
            metric = (header[0] if segment != "all" else label).split(" ")[0]
            row = values["model", segment, metric]
            seen.add((segment, metric))
            assert n == f"{row['n']:,}"
            assert value == "–" if row["value"] is None else is_close(value, row["value"])
            if row["low"] is not None:
                assert [
                    is_close(c, row[e]) for c, e in zip(interval.split(" to "), ("low", "high"), strict=True)
                ]
            for method, cell in zip(header[4:], others, strict=True):
                theirs = values.get((method, segment, metric), {"value": None})["value"]
                assert cell == "–" if theirs is None else is_close(cell.split(" ")[0], theirs)
    expected = {(r["segment"], r["metric"]) for r in metrics["metrics"] if r["method"] == "model"}
    assert seen == expected


def test_marks_follow_the_paired_interval(files):
    card = model_card(*files)
    line = next(x for x in card.splitlines() if x.startswith("| exact_at_1 ↑") and "0.712" in x)
    assert "0.501 **+**" in line and "0.694 =" in line
    assert "in 1 of 2 comparisons; not in 1: (exact_at_1, legacy)." in card


def test_what_was_not_measured_is_a_dash_with_its_reason(files):
    card = model_card(*files)
    rows = {(r[0], r[1]): r[2] for h, body in tables(card) for r in body if h[0] == "Method"}
    assert rows == {
        ("model", "NO_ORACLE"): "setup_wape_vs_oracle",
        ("nearest_copy", "NO_INTERVAL"): "run_coverage",
    }
    [line] = [x for x in card.splitlines() if x.startswith("| setup_wape_vs_oracle")]
    assert [c.strip() for c in line.split("|")[2:5]] == ["–", "–", "0"]


def test_data_exclusions_attributes_and_limits_are_told(files):
    card = model_card(*files)
    assert ["items", "rejected", "duplicate_key", "6"] in [r for _, body in tables(card) for r in body]
    assert ["items", "not learned from", "mark DEL", "19"] in [r for _, body in tables(card) for r in body]
    assert ["empty_one", "–", "1.000"] in [r for _, body in tables(card) for r in body]
    assert "order_as_piece" not in card  # nothing was left out for that reason
    for words in (
        "# Model card: autumn", "kim", "fe90e4", "2011-02-03", "2025-10-19", "Attribute empty_one is empty", "HIGH_CV",
        "halves in 1500 days", "similarity score of the reference item of 0.8 or more", "3 judged item(s) were of types",
        "| polars  |   2.1.0 |", "Newest 180 days.",
    ):  # fmt: skip
        assert words in card, words


def test_a_version_without_any_measured_metric_has_a_card_without_a_figure(files):
    metrics, metadata, importance = copy.deepcopy(files)
    why = "NO_ACTUAL_DATA: nothing to judge"
    metrics |= {
        "metrics": [metric_row("model", "exact_at_1", None, n=0, reason=why)], "calibration": [], "coverage": [],
        "reasons": {"accuracy": "not measured"}, "alerts": [], "evaluation": {"items_evaluated": 0},
    }  # fmt: skip
    card = model_card(metrics, metadata, importance)
    section = card[card.index("## How it was measured") : card.index("## Limits")]
    assert {text for _, text in numbers_in(section)} == {"0"}
    assert why in section and "| version | " in section and "No baseline was measured." in section
    assert "no judged item was of a type" in card and "0.333" not in card


def test_a_card_of_nothing_but_names_still_says_what_is_missing():
    card = model_card({}, {})
    assert "# Evaluation card: no version was saved" in card
    assert card.count("Not recorded.") == 2 and card.count("Not measured.") == 3


def test_missing_step_reports_are_named_and_not_shown_as_nothing_left_out(files):
    metrics, metadata, importance = copy.deepcopy(files)
    metrics["data"] |= {"rows": None, "times": None}
    card = model_card(metrics, metadata, importance)
    assert "report of the step clean is not in the run" in card
    assert "report of the step aggregate_times is not in the run" in card


def test_promotions_tell_who_when_and_why():
    def change(serial, event, alias, former, to, who="kim", why="better on glands"):
        return {
            "serial": serial, "at": f"2026-01-0{serial}T02:00:00.123+00:00", "event": event, "alias": alias,
            "from_version": former, "to_version": to, "who": who, "why": why,
        }  # fmt: skip

    history = [
        change(1, "set", "champion", None, "v1"),
        change(2, "abandoned", "champion", "v1", "v2"),
        change(3, "set", "champion", "v1", "v2", why="pipe | in a\nreason"),
        change(4, "removed", None, "v1", None, who="routing_etl", why="retention"),
    ]
    [(_, first)] = tables(promotions("v1", history))
    assert first == [
        ["2026-01-01T02:00:00", "champion", "kim", "better on glands"],
        ["2026-01-03T02:00:00", "no longer champion", "kim", r"pipe \| in a reason"],
        ["2026-01-04T02:00:00", "removed", "routing_etl", "retention"],
    ]
    assert "never champion or challenger" in promotions("v3", history)


def test_numbers_and_tables_are_written_so_that_they_can_be_read_back():
    assert [number(v) for v in (None, 0.12345, -9.9994, 12345.67)] == ["–", "0.123", "-9.999", "12,345.7"]
    assert table(["a"], []) == []
    assert table(["name", "n"], [["x|y\nz", "1"]]) == [
        "| name   |  n |",
        "| ------ | -: |",
        r"| x\|y z |  1 |",
        "",
    ]
    wide = table(["a", "b"], [["x" * 200, "1"], ["y", "2"]])
    assert len(wide[0]) == len(wide[3]) < 90 < len(wide[2])
    assert table(["a", "why", "n"], [["x", "kim", "1"], ["y", "–", "22"]])[1:3] == [
        "| -- | --- | -: |",
        "| x  | kim |  1 |",
    ]
