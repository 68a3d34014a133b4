"""Reports as metadata: numbers stay numbers, nothing breaks on NULL, NaN or long texts; configuration has bounds."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg
import polars as pl
import pytest
from homes import finished
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from results import evaluated, metric_row, trained

from dagster_defs import config, metadata
from dagster_defs.assets import erp, keys
from routing_etl.erp.extract import ExtractReport, FrameExtract
from routing_etl.erp.profile import load_profile
from routing_etl.evaluation.details import LegacyScores
from routing_etl.pipeline import steps
from routing_etl.pipeline.finished import Finished
from routing_etl.pipeline.results import CalibrationBin, CoveragePoint, Extracted, Scored
from routing_etl.pipeline.street import EVALUATE, EXTRACT, SCORE, TRAIN
from routing_etl.runs import RunFolder

_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats() | st.text(max_size=200),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(min_size=1, max_size=10), _VALUES, max_size=5))
def test_any_report_becomes_valid_metadata(report: dict[str, object]) -> None:
    shown = metadata.plain(report)
    dg.MaterializeResult(asset_key="a", metadata=shown)
    for name, value in report.items():
        if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
            assert shown[name] == (value if isinstance(value, int) else pytest.approx(value, rel=5e-4))
        if value is None:
            assert name not in shown


def test_a_figure_has_four_digits_that_count() -> None:
    """`exact_at_4` was shown as 0.5333333333333333."""
    shown = metadata.plain({"share": 8 / 15, "seconds": 0.009630060998, "rows": 24708, "bytes": 129597.26})
    assert shown == {"share": 0.5333, "seconds": 0.00963, "rows": 24708, "bytes": 129597.3}


def test_counts_become_a_table_with_the_largest_first() -> None:
    table = metadata.plain({"by_rule": {"orphan": 2, "duplicate_key": 11, "empty": None}})["by_rule"]
    assert [r.data for r in table.records] == [
        {"name": "duplicate_key", "value": 11},
        {"name": "orphan", "value": 2},
    ]


def test_rows_become_a_table_with_every_column_and_cut_cells() -> None:
    table = metadata.table([{"a": 1, "b": "x" * 500}, {"a": None, "c": float("nan")}])
    assert [c.name for c in table.schema.columns] == ["a", "b", "c"]
    assert len(table.records[0].data["b"]) == 120
    assert table.records[1].data == {"a": None, "b": None, "c": "nan"}
    assert len(metadata.table([{"n": n} for n in range(200)]).records) == 50


def test_frame_files_counts_all_parts_and_shows_the_first_rows(tmp_path: Path) -> None:
    for number in range(3):
        pl.DataFrame({"x": list(range(4))}).write_parquet(tmp_path / f"part-{number}.parquet")
    shown = metadata.frame_files(tmp_path)
    assert shown["dagster/row_count"] == 12
    assert len(shown["preview"].records) == 5
    assert metadata.frame_files(tmp_path / "part-0.parquet")["dagster/row_count"] == 4
    assert metadata.frame_files(tmp_path / "missing") == {"dagster/row_count": 0}


def test_metrics_that_were_not_measured_are_shown_with_their_reason_and_not_plotted() -> None:
    rows = [
        metric_row("exact_at_1", 0.8, n=10),
        metric_row("similarity_drift", None, n=0, reason="no earlier publication"),
    ]
    shown = metadata.metric_rows(rows)
    assert shown["exact_at_1"] == 0.8
    assert "similarity_drift" not in shown
    assert shown["metrics"].records[1].data["reason"] == "no earlier publication"


def test_a_training_shows_the_model_as_numbers_and_all_methods_side_by_side() -> None:
    rows = (
        metric_row("exact_at_1", 0.7), metric_row("exact_at_1", 0.2, method="legacy"), metric_row("mae", None),
        metric_row("exact_at_1", 0.1, segment="part_type:A"),
    )  # fmt: skip
    found = trained(metrics=rows, legacy=LegacyScores(0.6, 0.5, 0.4, 0.3, 7), promoted=True)
    shown = metadata.training(finished(TRAIN, found))
    assert (shown["exact_at_1"], shown["accuracy"], shown["version"], shown["promoted"]) == (
        0.7,
        0.6,
        "v1",
        True,
    )
    assert shown["all_methods"].records[0].data == {"metric": "exact_at_1", "model": 0.7, "legacy": 0.2}
    assert "mae" not in shown and "model_card" not in shown


def test_a_training_shows_its_model_card_as_markdown_and_its_tables_only_once() -> None:
    found = evaluated(
        model_card="# Model card: v1\n",
        coverage=(CoveragePoint(1.0, None, 0.7),),
        calibration=(CalibrationBin(0.0, 1.0, 4, 0.5, 0.75),),
    )
    shown = metadata.training(finished(EVALUATE, found))
    assert isinstance(shown["model_card"], dg.MarkdownMetadataValue)
    assert shown["model_card"].value == "# Model card: v1\n"
    of_any_step = {"step", "split", "seconds", "peak_memory_mb", "finished_at"}
    assert set(shown) == {"model_card", "accuracy_against_coverage", "confidence_calibration"} | of_any_step


def test_a_step_shows_its_result_without_what_is_drawn_and_what_it_cost() -> None:
    shown = metadata.finished(finished(SCORE, Scored("v1", 3, 2, 1, {"no_similar_item": 1}, {}, 0.5, None)))
    assert (shown["step"], shown["model_version"], shown["items"], shown["share_high"]) == (
        "score",
        "v1",
        3,
        0.5,
    )
    assert [r.data for r in shown["abstained_by_reason"].records] == [{"name": "no_similar_item", "value": 1}]
    assert (shown["seconds"], shown["peak_memory_mb"], shown["finished_at"]) == (
        1.0,
        1.0,
        "2026-01-01T00:00:00Z",
    )
    assert "mean_confidence" not in shown and "rows" not in shown and "shard" not in shown


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: config.TrainConfig(version_name="x" * 129), "version_name"),
        (lambda: config.TrainConfig(max_items=1), "max_items"),
        (lambda: config.TrainConfig(test_days=-1), "test_days"),
        (lambda: config.EvaluateConfig(max_items=10**9), "max_items"),
        (lambda: config.PromoteConfig(version="", why="because", requested_by="kim"), "version"),
        (lambda: config.PromoteConfig(version="v1", why="x", requested_by="kim"), "why"),
        (lambda: config.PromoteConfig(version="v1", why="because", requested_by=""), "requested_by"),
        (lambda: config.RollbackConfig(to_publication=-1), "to_publication"),
        (lambda: config.PurgeConfig(keep_runs=5000), "keep_runs"),
    ],
)
def test_a_wrong_configuration_names_the_field(make: object, field: str) -> None:
    with pytest.raises(ValidationError, match=field):
        make()  # type: ignore[operator]


def test_every_field_of_the_launchpad_explains_itself() -> None:
    for cls in (
        config.TrainConfig, config.EvaluateConfig, config.ScoreConfig, config.RollbackConfig, config.PromoteConfig,
        config.PurgeConfig,
    ):  # fmt: skip
        for name, field in cls.model_fields.items():
            assert field.description and len(field.description) > 15, f"{cls.__name__}.{name}"


def test_blank_names_and_zero_windows_mean_the_default() -> None:
    assert config.TrainConfig().arguments()["name"] is None
    assert config.TrainConfig().changes() == {}
    assert config.TrainConfig(version_name="v1", test_days=30).arguments()["name"] == "v1"
    assert config.TrainConfig(test_days=30).changes() == {"test_days": 30}


def test_pictures_are_inline_and_those_without_data_are_left_out() -> None:
    shown = metadata.pictures(one=b"\x89PNG", other=None)
    assert set(shown) == {"one"}
    assert shown["one"].value == "![one](data:image/png;base64,iVBORw==)"


def test_the_rows_of_a_measured_batch_come_back() -> None:
    rows = [
        metric_row("abstained_share", 0.25, n=40),
        metric_row("similarity_drift", None, reason="first batch"),
    ]
    made = dg.AssetMaterialization("model_metrics", metadata=metadata.metric_rows(rows))
    assert metadata.metrics_of(made) == rows
    assert metadata.metrics_of(dg.AssetMaterialization("model_metrics")) == []


def test_a_publication_links_to_the_run_that_trained_its_model() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        assert set(metadata.links_to_model(instance, "v1")) == {"model"}
        for version in ("v1", "v2"):
            instance.report_runless_asset_event(
                dg.AssetMaterialization(keys.ROUTING_MODEL, metadata={"version": version})
            )
        links = metadata.links_to_model(instance, "v1")
        assert links["model"].asset_key == keys.ROUTING_MODEL
        assert "trained_in" in links
        assert "trained_in" not in metadata.links_to_model(instance, "v3")


def test_the_extract_shows_its_watermarks_and_can_be_asked_for_a_full_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = FrameExtract(
        "T", 9, 1.0, 1, 0, (), (), mode="incremental", why="changes of V since run r", rows_read=2, watermark_from="0x01",
        watermark_to="0x02",
    )  # fmt: skip
    account = ExtractReport("p", "f", "r", "i", 1.0, 9, 1, {"work_results": read}, ())
    asked = []

    def extract(_: Any, *, full: bool) -> Finished[Extracted]:
        asked.append(full)
        made: Finished[Extracted] = finished(EXTRACT, Extracted("sqlite://", account))
        return made

    class FakeStreet:
        @contextmanager
        def step(self, *_: Any) -> Iterator[Any]:
            yield SimpleNamespace(run=RunFolder("r", tmp_path))

        def begin(self, *_: Any) -> None:
            pass

    monkeypatch.setattr(steps, "extract", extract)
    for full in (False, True):
        result = dg.materialize(
            [erp.build(load_profile("bi_views"))[0]],
            resources={"street": FakeStreet()},
            run_config=dg.RunConfig(ops={"extract": config.ExtractConfig(full_read=full)}),
        )
    assert asked == [False, True]
    of_results = keys.RAW["work_results"]
    [made] = [m for m in result.asset_materializations_for_node("extract") if m.asset_key == of_results]
    shown = {name: value.value for name, value in made.metadata.items()}
    assert (shown["watermark_from"], shown["watermark_to"], shown["rows_read"]) == ("0x01", "0x02", 2)
    assert (shown["mode"], shown["why"]) == ("incremental", "changes of V since run r")
    assert "rows_changed" not in shown
