"""What a real night leaves for those who watch, and the drill that proves a backup of it."""

from __future__ import annotations

import shutil
from pathlib import Path

import polars as pl
import pytest
from homes import ask, change, home_settings

from routing_etl.errors import ConfigurationError
from routing_etl.pipeline.drill import drill
from routing_etl.pipeline.watch import TEXTFILE, watched
from routing_etl.pipeline.weekly import write_report
from routing_etl.runs import list_runs

pytestmark = pytest.mark.integration


def test_a_night_leaves_its_figures_and_the_times_of_its_month(finished_home: Path) -> None:
    text = (finished_home / TEXTFILE).read_text(encoding="utf-8")
    [[candidates]] = ask(finished_home / "warehouse.db", "SELECT COUNT(*) FROM routing_candidates")
    assert f"routing_etl_publication_candidates {float(candidates)}" in text
    [run] = list_runs(finished_home)
    profiles = pl.read_parquet(run.times / "time_by_job_resource.parquet")
    for measure in ("run", "setup"):
        known = profiles.filter(pl.col(f"{measure}_n") > 0, pl.col(f"{measure}_standard").is_not_null())
        [[kept, total]] = ask(
            finished_home / "warehouse.db",
            "SELECT COUNT(*), SUM(standard_min) FROM time_profile_month WHERE measure = ?",
            measure,
        )
        assert kept == known.height > 0
        assert total == pytest.approx(known[f"{measure}_standard"].sum(), abs=1e-4 * kept)


def test_a_real_champion_has_its_figures_in_the_report_and_the_metrics(home: Path) -> None:
    settings = home_settings(home)
    found = watched(settings)
    assert found.facts.cycle is not None and found.facts.version == found.status.model.version  # type: ignore[union-attr]
    page = write_report(settings).read_text(encoding="utf-8")
    assert str(found.facts.version) in page and page.count("data:image/png") >= 2


def test_a_drill_proves_a_copy_and_leaves_the_installation_as_it_is(home: Path) -> None:
    before = {p: p.stat().st_mtime_ns for p in home.rglob("*") if p.is_file()}
    found = drill(home_settings(home))
    assert found.ok and found.champion and found.candidates and found.seconds_copied is not None
    assert all(t.live == t.restored for t in found.tables) and sum(t.live for t in found.tables) > 1000
    assert found.newest is not None and found.hours_lost is not None
    assert {p: p.stat().st_mtime_ns for p in home.rglob("*") if p.is_file()} == before


def test_a_drill_finds_what_a_restore_would_lack(home: Path, tmp_path: Path) -> None:
    copy = tmp_path / "restored"
    shutil.copytree(home / "models", copy / "models")
    shutil.copy(home / "warehouse.db", copy / "w.db")
    settings, url = home_settings(home), f"sqlite:///{copy / 'w.db'}"
    assert drill(settings, url, copy / "models").ok
    change(copy / "w.db", "UPDATE model_version SET manifest_sha256 = 'x'")
    [problem] = drill(settings, url, copy / "models").problems
    assert "manifest" in problem
    shutil.copy(home / "warehouse.db", copy / "w.db")
    change(copy / "w.db", "DELETE FROM current_publication")
    assert any("Readers" in p for p in drill(settings, url, copy / "models").problems)
    shutil.rmtree(copy / "models")
    shutil.copy(home / "warehouse.db", copy / "w.db")
    assert drill(settings, url, copy / "models").problems == ("The copy has no champion.",)


def test_a_server_needs_a_named_copy(home: Path) -> None:
    server = home_settings(home, warehouse_url="postgresql+psycopg://nobody@localhost/none")
    with pytest.raises(ConfigurationError, match="on a server"):
        drill(server)
