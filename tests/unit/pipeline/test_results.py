"""What a step found is stored as JSON and read back as the same type, or refused with one sentence."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import pytest
from homes import finished
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from results import evaluated, metric_row, trained

from routing_etl.erp.extract import FrameExtract
from routing_etl.errors import ConfigurationError
from routing_etl.evaluation.details import LegacyScores
from routing_etl.evaluation.metric_table import MetricRow
from routing_etl.frames import METRICS
from routing_etl.pipeline import street
from routing_etl.pipeline.finished import Finished, StepCost
from routing_etl.pipeline.results import (
    CheckOutcomes,
    Counted,
    FrameRead,
    LoadBegun,
    LoadOpened,
    Scored,
    metric_rows,
    metrics_frame,
    metrics_json,
)
from routing_etl.runs import Report, RunFolder, new_run

# NaN equals nothing, so it cannot be compared; it is written and read like any other number.
st.register_type_strategy(float, st.floats(allow_nan=False))
# JSON has objects for mappings, which come back as dictionaries.
st.register_type_strategy(Mapping, lambda kind: st.from_type(dict[kind.__args__]))  # type: ignore[name-defined]

RESULTS = [
    *(s.result for s in street.STEPS),
    *(p.result for p in street.PARTS),
    CheckOutcomes,
    LoadOpened,
    LoadBegun,
]


@pytest.mark.parametrize("kind", sorted(set(RESULTS), key=lambda t: t.__name__), ids=lambda t: t.__name__)
@given(data=st.data(), shard=st.none() | st.integers(0, 9))
@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_every_result_comes_back_as_it_was_written(
    kind: type, data: st.DataObject, shard: int | None
) -> None:
    value = data.draw(st.from_type(kind))
    cost = data.draw(st.from_type(StepCost))
    report = Report("any", lambda: Finished[kind], "run")  # type: ignore[valid-type]
    told = Finished("any", value, cost, shard)
    back = report.from_text(report.to_text(told))
    assert back == told
    assert type(back.result) is kind


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return new_run(tmp_path, "run_1")


SCORED = Scored("v1", 3, 2, 1, {"no_similar_item": 1}, {"candidates": 8}, 0.5, None)


def test_a_missing_report_is_none_and_a_shards_report_is_its_own(run: RunFolder) -> None:
    report = street.SCORE.report
    assert run.read(report) is None and not run.has(report)
    whole: Finished[Scored] = finished(street.SCORE, SCORED)
    run.write(report, whole, shard=2)
    assert run.read(report) is None and run.read(report, shard=2) == whole
    run.write(report, whole)
    run.forget_whole(report)
    assert run.read(report) is None and run.read(report, shard=2) == whole
    run.forget(report)
    assert not run.has(report, shard=2)


def _torn(text: str) -> str:
    return text[: len(text) // 2]


def _without_result(text: str) -> str:
    """As version 0.7 wrote it: the result's values and the cost in one dictionary."""
    content = json.loads(text)
    return json.dumps({**content["result"], **content["cost"], "step": content["step"]})


def _other_kind(text: str) -> str:
    return text.replace('"items": 3', '"items": "many"')


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (_torn, "it is not JSON"),
        (lambda _: "", "it is not JSON"),
        (lambda _: "[]", "its content"),
        (_without_result, "result: "),
        (_other_kind, r"result\.items: "),
    ],
)
def test_a_torn_report_or_one_of_another_version_is_one_sentence(
    run: RunFolder, spoil: Any, says: str
) -> None:
    run.write(street.SCORE.report, finished(street.SCORE, SCORED))
    path = run.reports / "score.json"
    path.write_text(spoil(path.read_text("utf-8")), encoding="utf-8")
    with pytest.raises(ConfigurationError, match=says) as error:
        run.read(street.SCORE.report)
    assert str(path) in error.value.message and "run run_1" in error.value.message
    assert "routing-etl score" in error.value.remedy
    assert "\n" not in str(error.value)
    assert run.has(street.SCORE.report), "whether a step has finished is told without reading"


def test_a_file_that_is_not_text_is_the_same_sentence(run: RunFolder) -> None:
    (run.reports / "score.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigurationError, match="it is not JSON"):
        run.read(street.SCORE.report)


#: Keys of `metrics.json` that the registry adds, or that come from the evaluation: as every release has written them.
KEPT = {
    "training_samples", "dataset_stats", "training_duration_sec", "split", "metrics", "calibration", "coverage", "alerts",
    "evaluation", "data",
}  # fmt: skip
FOUR_SCORES = LegacyScores(0.6, 0.5, 0.4, 0.3, 7)


def test_metrics_json_keeps_its_keys() -> None:
    of_training = metrics_json(trained(legacy=FOUR_SCORES))
    assert set(of_training) == KEPT | set(asdict(FOUR_SCORES))
    assert of_training["sample_count"] == 7 and isinstance(of_training["sample_count"], int)
    assert set(of_training["evaluation"]) == {
        "split", "split_asked", "strategy", "notes", "items_evaluated", "items_trained", "items_failed", "folds", "seconds",
        "duration_seconds", "cycle",
    }  # fmt: skip
    assert set(of_training) == set(metrics_json(trained())) | set(asdict(FOUR_SCORES))
    of_evaluation = metrics_json(evaluated(legacy=FOUR_SCORES))
    assert set(of_evaluation) == KEPT - {"training_samples", "training_duration_sec"} | set(
        asdict(FOUR_SCORES)
    )
    assert set(of_training["data"]) == {
        "as_of", "cutoff", "items", "excluded_items", "excluded_routed_items", "routings", "operations",
        "operations_learned", "work_results", "routing_dates", "result_dates", "rows", "times",
    }  # fmt: skip
    assert set(of_training["dataset_stats"]) == {
        "total_samples", "unique_items", "unique_processes", "missing_item_code", "missing_process_code", "total_columns",
        "column_names", "missing_rates",
    }  # fmt: skip


def test_a_metric_row_is_a_row_of_the_metrics_frame() -> None:
    assert [f.name for f in fields(MetricRow)] == list(METRICS.schema)
    rows = (metric_row("exact_at_1", 0.5, low=0.4, high=0.6), metric_row("mae", None, reason="no actual"))
    frame = metrics_frame(rows)
    METRICS.validate(frame)
    assert metric_rows(frame.to_dicts()) == rows
    assert metrics_frame(()).is_empty()


def test_what_a_runs_row_keeps_of_a_read_are_fields_of_the_read() -> None:
    read = FrameExtract("T", 9, 1.0, 1, 0, (), (), mode="incremental", why="changes", rows_read=2)
    kept = FrameRead.of(read)
    assert {f.name for f in fields(FrameRead)} < {f.name for f in fields(FrameExtract)}
    assert (kept.mode, kept.rows, kept.rows_read, kept.watermark_to) == ("incremental", 9, 2, None)


def test_counts_add_up_by_frame() -> None:
    both = Counted(2, {"candidates": 4}, 1, 0.5) + Counted(1, {"candidates": 1, "abstained": 2}, 0, 0.25)
    assert both == Counted(3, {"candidates": 5, "abstained": 2}, 1, 0.75)
