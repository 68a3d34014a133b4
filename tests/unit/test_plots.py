"""Plots: PNGs of a bounded size from any table that the steps make, nothing where there is nothing to draw."""

from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from routing_etl import frames, plots
from routing_etl.evaluation.metric_table import metrics_frame
from routing_etl.evaluation.report import EvaluationTables


def size_of(png: bytes | None) -> tuple[int, int]:
    assert png is not None and png[:8] == b"\x89PNG\r\n\x1a\n"
    assert len(png) < 100_000
    return struct.unpack(">II", png[16:24])  # type: ignore[return-value]


def row(
    metric: str, value: float | None, low: float | None = None, method: str = "model"
) -> dict[str, object]:
    return {
        "method": method, "split": "time", "segment": "all", "metric": metric, "value": value, "low": low, "high": low, "n": 9,
    }  # fmt: skip


def by_job(n: int, job: str = "J") -> pl.DataFrame:
    empty = frames.TIME_BY_JOB.empty()
    rows = [
        {"job_cd": f"{job}{i}", "run_n": 10 + i, "run_optimal": 1.0 + i, "run_standard": 2.0 + i, "run_safe": 3.0 + i,
         "setup_n": 0}
        for i in range(n)
    ]  # fmt: skip
    return pl.concat([empty, pl.DataFrame(rows)], how="diagonal_relaxed")


def test_time_profiles_of_many_jobs_and_of_korean_codes() -> None:
    assert size_of(plots.time_profile_by_job(by_job(500))) == (680, 420)
    assert size_of(plots.time_profile_by_job(by_job(3, "선삭"))) == (680, 420)
    assert plots.time_profile_by_job(by_job(3), "setup") is None
    assert plots.time_profile_by_job(frames.TIME_BY_JOB.empty()) is None


SAMPLE = {"measure": pl.String(), "predicted": pl.Float64(), "actual": pl.Float64()}


def test_predicted_against_actual_shows_one_measure() -> None:
    rows = [{"measure": "run", "predicted": 1.0 + i / 100, "actual": 1.1 + i / 90} for i in range(1000)]
    sample = pl.DataFrame(rows, schema=SAMPLE)
    size_of(plots.predicted_against_actual(sample))
    assert plots.predicted_against_actual(sample, "setup") is None
    one = pl.DataFrame({"measure": ["setup"], "predicted": [5.0], "actual": [5.0]})
    size_of(plots.predicted_against_actual(one, "setup"))


def test_calibration_needs_a_bin() -> None:
    rows = [{"n": 10 * i + 1, "confidence": i / 10, "observed": i / 11} for i in range(10)]
    size_of(plots.confidence_calibration(pl.DataFrame(rows)))
    assert plots.confidence_calibration(pl.DataFrame(rows).clear()) is None


def test_accuracy_against_coverage_draws_baselines_and_oracle_where_there_are_any() -> None:
    curve = pl.DataFrame(
        {"coverage": [i / 20 for i in range(1, 21)], "accuracy": [1 - i / 40 for i in range(1, 21)]}
    )

    def value(method: str, metric: str, number: float | None) -> dict[str, object]:
        return row(metric, number, method=method)

    points = [
        value("model", "exact_at_1", 0.5), value("legacy", "exact_at_1_answered", 0.1), value("legacy", "answered_share", 0.9),
        value("선삭", "exact_at_1_answered", 0.2), value("선삭", "answered_share", 1.0),
        value("silent", "exact_at_1_answered", None), value("oracle", "exact_at_1", 0.9),
        value("oracle", "exact_at_1_surest_half", 1.0), value("model_minus_legacy", "exact_at_1_answered", 0.4),
    ]  # fmt: skip
    drawn = [plots.accuracy_against_coverage(curve, metrics_frame(rows)) for rows in ([], points[:3], points)]
    for png in drawn:
        size_of(png)
    assert len(set(drawn)) == 3
    metrics = metrics_frame(points)
    assert plots.accuracy_against_coverage(curve.clear(), metrics) is None
    assert plots.accuracy_against_coverage(curve.head(1).with_columns(accuracy=None), metrics) is None


@pytest.mark.parametrize(("share", "n", "low", "high"), [(0.5, 10, 0.2366, 0.7634), (0.0, 10, 0.0, 0.2775)])
def test_the_interval_of_a_share_is_wilsons(share: float, n: int, low: float, high: float) -> None:
    assert plots._wilson(share, n) == pytest.approx((low, high), abs=1e-3)


def test_an_evaluations_plots_are_saved_and_those_without_data_are_not(tmp_path: Path) -> None:
    report = {
        "metrics": [],
        "calibration": [{"n": 4, "confidence": 0.5, "observed": 0.75}],
        "time_sample": [],
    }
    files = plots.save(plots.of_evaluation(EvaluationTables.from_json(report)), tmp_path / "new" / "folder")
    assert [f.name for f in files] == ["confidence_calibration.png"]
    size_of(files[0].read_bytes())
    assert plots.save(plots.of_evaluation(EvaluationTables.from_json({"metrics": []})), tmp_path) == []


def test_the_trend_leaves_out_what_was_not_measured() -> None:
    def version(name: str, *rows: dict[str, object]) -> tuple[str, pl.DataFrame]:
        return name, metrics_frame(rows)

    unmeasured = version("v1", row("exact_at_1", None))
    assert plots.metric_trend([unmeasured]) is None
    assert plots.metric_trend([version("v1", row("some_other", 0.5))]) is None
    size_of(
        plots.metric_trend(
            [unmeasured, version("v2", row("exact_at_1", 0.5, 0.4)), version("v3", row("ece", 0.1))]
        )
    )


def test_similarity_counts_every_item_once_even_at_the_ends() -> None:
    size_of(plots.similarity_distribution(pl.Series([0.0, 0.5, 1.0, None], dtype=pl.Float64), 0.8))
    assert plots.similarity_distribution(pl.Series([None], dtype=pl.Float64), 0.8) is None


@pytest.mark.parametrize(("text", "shown"), [("J-1", "J-1"), ("x" * 40, "x" * 16 + ".."), ("선", "\\uc120")])
def test_labels_are_short_and_have_a_glyph_everywhere(text: str, shown: str) -> None:
    assert plots.short_label(text) == shown


def test_the_plotting_library_is_imported_when_something_is_drawn() -> None:
    code = "import sys, routing_etl.plots; assert 'matplotlib' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_drift_by_attribute_shows_what_was_measured() -> None:
    rows = pl.DataFrame(
        {"segment": [f"attribute:a{i}" for i in range(40)], "value": [None, *(i / 50 for i in range(39))]}
    )
    assert size_of(plots.drift_by_attribute(rows, (0.1, 0.25, 0.5))) == (680, 420)
    assert plots.drift_by_attribute(rows.head(1), (0.1, 0.25, 0.5)) is None
