"""Plots: PNGs of a bounded size from any table that the steps make, nothing where there is nothing to draw."""

from __future__ import annotations

import struct
import subprocess
import sys

import polars as pl
import pytest

from routing_etl import frames, plots


def size_of(png: bytes | None) -> tuple[int, int]:
    assert png is not None and png[:8] == b"\x89PNG\r\n\x1a\n"
    assert len(png) < 100_000
    return struct.unpack(">II", png[16:24])  # type: ignore[return-value]


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


def test_predicted_against_actual_shows_one_measure() -> None:
    rows = [{"measure": "run", "predicted": 1.0 + i / 100, "actual": 1.1 + i / 90} for i in range(1000)]
    size_of(plots.predicted_against_actual(rows))
    assert plots.predicted_against_actual(rows, "setup") is None
    size_of(plots.predicted_against_actual([{"measure": "setup", "predicted": 5.0, "actual": 5.0}], "setup"))


def test_calibration_needs_a_bin() -> None:
    rows = [{"n": 10 * i + 1, "confidence": i / 10, "observed": i / 11} for i in range(10)]
    size_of(plots.confidence_calibration(rows))
    assert plots.confidence_calibration([]) is None


def row(metric: str, value: float | None, low: float | None = None) -> dict[str, object]:
    return {"method": "model", "segment": "all", "metric": metric, "value": value, "low": low, "high": low}


def test_the_trend_leaves_out_what_was_not_measured() -> None:
    unmeasured = ("v1", [row("exact_at_1", None)])
    assert plots.metric_trend([unmeasured]) is None
    assert plots.metric_trend([("v1", [row("some_other", 0.5)])]) is None
    size_of(
        plots.metric_trend([unmeasured, ("v2", [row("exact_at_1", 0.5, 0.4)]), ("v3", [row("ece", 0.1)])])
    )


def test_similarity_counts_every_item_once_even_at_the_ends() -> None:
    size_of(plots.similarity_distribution(pl.Series([0.0, 0.5, 1.0, None], dtype=pl.Float64), 0.8))
    assert plots.similarity_distribution(pl.Series([None], dtype=pl.Float64), 0.8) is None


@pytest.mark.parametrize(("text", "shown"), [("J-1", "J-1"), ("x" * 40, "x" * 16 + ".."), ("선", "\\uc120")])
def test_labels_are_short_and_have_a_glyph_everywhere(text: str, shown: str) -> None:
    assert plots._text(text) == shown


def test_the_plotting_library_is_imported_when_something_is_drawn() -> None:
    code = "import sys, routing_etl.plots; assert 'matplotlib' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
