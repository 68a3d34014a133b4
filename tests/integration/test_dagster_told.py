"""Nights by the command line in Dagster's instance: what each step made and what each check found, once."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest
from homes import ask, home_settings

from dagster_defs import report, ui
from dagster_defs.assets import keys
from dagster_defs.definitions import build_defs
from dagster_defs.metadata import metrics_of
from routing_etl.cli.dagster_ui import tell_dagster
from routing_etl.pipeline import street
from routing_etl.pipeline.context import Context
from routing_etl.runs import list_runs

pytestmark = [pytest.mark.integration, pytest.mark.slow]


def test_what_is_told_is_what_the_graph_has(home: Path) -> None:
    """Assets and checks by the names that the definitions know; every asset of a night but the model evaluation."""
    graph = build_defs(home=home).get_repository_def().asset_graph
    [run] = list_runs(home)
    told = list(report.events(Context(home_settings(home), run)))
    made = [e.asset_key for e in told if isinstance(e, dg.AssetMaterialization)]
    checked = {e.asset_check_key for e in told if isinstance(e, dg.AssetCheckEvaluation)}
    assert len(made) == len(set(made)) and set(made) == graph.materializable_asset_keys - {
        keys.MODEL_EVALUATION
    }
    outcomes = [o for row in street.NIGHT for o in row.outcomes_of(run)]
    assert len(checked) > 50 and checked <= set(graph.asset_check_keys)
    shown = [e.metadata.get("checks") for e in told if isinstance(e, dg.AssetCheckEvaluation)]
    assert sum(1 if n is None else int(str(n.value)) for n in shown) >= len(
        [o for o in outcomes if o.frame != "model"]
    )


def unsynced(folder: Path, home: Path) -> list[str]:
    """Assets that the UI marks as unsynced, with the reason: asked by Dagster's own command for GraphQL."""
    query = "{ assetNodes { assetKey { path } isMaterializable staleCauses { reason } } }"
    command = shutil.which("dagster-graphql", path=str(Path(sys.executable).parent))
    assert command is not None
    asked = subprocess.run(
        [command, "-w", str(folder / "workspace.yaml"), "-t", query],
        env={**os.environ, "DAGSTER_HOME": str(folder), "ROUTING_ETL_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert asked.returncode == 0, asked.stderr
    nodes = json.loads(next(line for line in asked.stdout.splitlines() if line.startswith("{")))["data"][
        "assetNodes"
    ]
    made = [node for node in nodes if node["isMaterializable"]]
    assert len(made) > 20
    return [
        f"{node['assetKey']['path']}: {cause['reason']}" for node in made for cause in node["staleCauses"]
    ]


def test_the_instance_knows_a_night_after_it_was_told_and_is_told_once(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Few events, because Dagster's SQLite waits for the disk after each."""
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    monkeypatch.setattr(report, "_checked", lambda ctx, row: list(CHECKED(ctx, row))[:2])
    settings = home_settings(home)
    tell_dagster(settings)
    assert not settings.dagster_home.exists(), "no instance is made by a night"
    folder = ui.prepare(settings)
    assert folder == (home / "dagster").absolute() and "enabled: false" in (
        folder / "dagster.yaml"
    ).read_text("utf-8")
    tell_dagster(settings)
    [run] = list_runs(home)
    assert report.tell(settings, folder) == ()
    [[publication]] = ask(home / "warehouse.db", "SELECT publication_id FROM current_publication")
    assert unsynced(folder, home) == []
    with dg.DagsterInstance.from_config(str(folder)) as instance:
        event = instance.get_latest_materialization_event(keys.PUBLICATION)
        assert event is not None and event.asset_materialization is not None
        metadata = event.asset_materialization.metadata
        assert metadata["publication_id"].value == publication and metadata["run"].value == run.run_id
        assert len(instance.fetch_materializations(keys.PUBLICATION, limit=5).records) == 1
        measured = instance.get_latest_materialization_event(keys.MODEL_METRICS)
        assert measured is not None and measured.asset_materialization is not None
        assert {r.metric for r in metrics_of(measured.asset_materialization)} > {"predicted_share"}


CHECKED = report._checked


def test_an_instance_that_cannot_be_told_fails_no_night_and_is_warned_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    (tmp_path / "dagster.yaml").write_text("nonsense: [", encoding="utf-8")
    (tmp_path / "runs" / "r1").mkdir(parents=True)

    def broken(*_: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(report, "tell", broken)
    tell_dagster(home_settings(tmp_path))
    assert "was not told of this night (OSError)" in capsys.readouterr().err


def test_dagster_home_is_dagsters_own_where_it_is_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    assert home_settings(tmp_path).dagster_home == tmp_path / "dagster"
    monkeypatch.setenv("DAGSTER_HOME", os.fspath(tmp_path / "other"))
    assert home_settings(tmp_path).dagster_home == tmp_path / "other"
