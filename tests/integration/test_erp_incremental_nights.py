"""Incremental reads from night to night: only a succeeded run moves the watermark, and it outlives its folder's turn."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from homes import ask, change, home_settings

from routing_etl.errors import SourceError
from routing_etl.pipeline import steps
from routing_etl.pipeline.context import Context
from routing_etl.pipeline.night import ensure_warehouse, recorded
from routing_etl.runs import RunFolder, as_json, list_runs, new_run, prune_runs
from routing_etl.settings import Settings

pytestmark = pytest.mark.integration

RESULTS = "BI_WORK_ORDER_RESULTS"


@pytest.fixture
def plant(plant_db: Path, tmp_path: Path) -> Settings:
    """A plant whose results have a number and a report day, read by them."""
    shutil.copy(plant_db, tmp_path / "erp.db")
    change(
        tmp_path / "erp.db",
        *[f"DELETE FROM {table} WHERE rowid > 300" for table in (RESULTS, "BI_ROUTING_VIEW")],
        f"ALTER TABLE {RESULTS} ADD COLUMN IDX INTEGER",
        f"UPDATE {RESULTS} SET IDX = rowid, REPORT_DT = '2025-01-01'",
        f"UPDATE {RESULTS} SET REPORT_DT = '2025-03-01' WHERE IDX <= 10",
    )
    profile = tmp_path / "site.toml"
    profile.write_text(
        'name = "site"\nextends = "bi_views"\n[results.incremental]\n'
        'column = "REPORT_DT"\nkind = "date"\nkey = ["IDX"]\noverlap = 0\n',
        encoding="utf-8",
    )
    settings = home_settings(tmp_path, profile=str(profile))
    ensure_warehouse(settings)
    return settings


def night(
    settings: Settings, run_id: str, *, then: Exception | None = None, **options: Any
) -> dict[str, Any]:
    """The first steps of a night, recorded as one; `then` stops it after them."""
    ctx = Context(settings, new_run(settings.home, run_id))
    with recorded(ctx, "nightly"):
        read = steps.extract(ctx, **options).result.read
        if then is not None:
            raise then
    return dict(as_json(read.frames["work_results"]))


def row(settings: Settings, run_id: str) -> dict[str, Any]:
    """What the run's row in the warehouse says of the results' read."""
    [(text,)] = ask(settings.home / "warehouse.db", "SELECT metadata FROM batch_run WHERE run_id = ?", run_id)
    return dict(json.loads(text)["extract"]["frames"]["work_results"])


def raw(settings: Settings, run_id: str) -> pl.DataFrame:
    frame = pl.read_parquet(RunFolder(run_id, settings.home / "runs" / run_id).raw / "work_results.parquet")
    return frame.sort(frame.columns)


@pytest.mark.slow
def test_only_a_succeeded_run_moves_the_watermark(plant: Settings) -> None:
    erp = plant.home / "erp.db"
    first = night(plant, "first")
    assert (first["mode"], first["watermark_to"], first["rows_read"]) == ("full", "2025-03-01", first["rows"])

    change(erp, f"UPDATE {RESULTS} SET ORDER_QTY = 5, REPORT_DT = '2025-03-04' WHERE IDX = 20")
    with pytest.raises(SourceError):
        night(plant, "broken", then=SourceError("the view broke later"))
    assert row(plant, "broken")["watermark_to"] == "2025-03-04", "told, but nobody builds on it"
    assert [r.run_id for r in list_runs(plant.home) if r.succeeded] == ["first"]

    change(erp, f"UPDATE {RESULTS} SET ORDER_QTY = 6, REPORT_DT = '2025-03-03' WHERE IDX = 21")
    second = night(plant, "second")
    assert (second["mode"], second["why"]) == ("incremental", "changes of REPORT_DT since run first")
    assert (second["watermark_from"], second["watermark_to"]) == ("2025-03-01", "2025-03-04")
    assert (second["rows_read"], second["rows_reused"]) == (12, first["rows"] - 12)
    told = row(plant, "second")
    assert told == {k: v for k, v in second.items() if k in told}
    assert {"mode", "why", "rows_read", "rows_reused", "watermark_from", "watermark_to"} <= set(told)

    whole = night(plant, "whole", full=True)
    assert (whole["mode"], whole["why"]) == ("full", "a full read was asked for")
    assert raw(plant, "second").equals(raw(plant, "whole"))


@pytest.mark.slow
def test_the_base_outlives_its_turn_and_a_lost_one_means_a_full_read(plant: Settings) -> None:
    night(plant, "base")
    for number in range(3):
        with pytest.raises(SourceError):
            night(plant, f"broken{number}", then=SourceError("no"))
    assert prune_runs(plant.home, 1) == ["broken1", "broken0"]
    assert {r.run_id for r in list_runs(plant.home)} == {"base", "broken2"}
    assert night(plant, "next")["mode"] == "incremental"
    assert set(prune_runs(plant.home, 1)) == {"base", "broken2"}
    shutil.rmtree(plant.home / "runs" / "next")
    lost = night(plant, "lost")
    assert (lost["mode"], lost["why"]) == ("full", "no earlier run has succeeded, or its files are gone")


def test_a_step_repeated_in_the_same_run_does_not_build_on_itself(plant: Settings) -> None:
    night(plant, "base")
    ctx = Context(plant, new_run(plant.home, "again"))
    with recorded(ctx, "nightly"):
        steps.extract(ctx)
    read = steps.extract(ctx).result.read
    assert read.base == "base" and read.frames["work_results"].mode == "incremental"
