"""`routing-etl doctor` before the first night: what to do next, and nothing that looks broken or is made by looking."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import sqlalchemy as sa
from homes import home_settings

from routing_etl import runs
from routing_etl.doctor.examination import Finding, examine
from routing_etl.errors import RegistryError, TamperedArtifactError
from routing_etl.pipeline import demo, upkeep
from routing_etl.registry.artifacts import JSON_ARTIFACTS
from routing_etl.registry.store import ModelRegistry
from routing_etl.registry.versions import VersionContents
from routing_etl.runs import new_run
from routing_etl.settings import load_settings
from routing_etl.warehouse.model_records import ModelRecords, TrainedVersion

pytestmark = pytest.mark.integration


def by_area(findings: list[Finding]) -> dict[str, Finding]:
    return {f.area: f for f in findings}


def test_a_fresh_installation_is_told_what_to_do_next(tmp_path: Path) -> None:
    home = tmp_path / "home"
    findings = examine(home_settings(home))
    first = findings[0]
    assert (first.area, first.level) == ("start", "warning")
    assert first.message.startswith("not yet initialised: nothing has run in") and str(home) in first.message
    assert "routing-etl demo" in first.remedy and "ROUTING_ETL_ERP_URL" in first.remedy
    found = by_area(findings)
    assert found["migrations"].level == "warning"
    assert found["migrations"].message.startswith("not yet initialised")
    assert "routing-etl run" in found["migrations"].remedy
    # only the ERP, without which no night can run, is an error
    assert [f.area for f in findings if f.level == "error"] == ["ERP"]
    assert not (home / "warehouse.db").exists()


def test_an_empty_sqlite_warehouse_beside_a_plant_is_no_error(tmp_path: Path) -> None:
    settings = home_settings(tmp_path)
    demo.write_demo_plant(settings, settings.erp, items=200, seed=1)
    (tmp_path / "warehouse.db").touch()
    findings = examine(settings)
    assert [f for f in findings if f.level == "error"] == []
    assert by_area(findings)["migrations"].message.startswith("not yet initialised")


def test_a_warehouse_that_was_used_and_lost_its_tables_is_an_error(tmp_path: Path) -> None:
    """Runs are there, the tables they wrote are not: that is no fresh installation."""
    runs.new_run(tmp_path, "run_1")
    found = examine(home_settings(tmp_path))
    assert "start" not in by_area(found)
    migrations = by_area(found)["migrations"]
    assert migrations.level == "error" and "routing-etl migrate" in migrations.remedy
    assert not (tmp_path / "warehouse.db").exists()


def test_after_migrate_nothing_is_uninitialised_but_the_first_night(tmp_path: Path) -> None:
    settings = home_settings(tmp_path)
    upkeep.migrate(settings)
    found = by_area(examine(settings))
    assert found["migrations"].level == "ok"
    assert found["start"].level == "warning"


def test_files_of_the_champion_that_nobody_listed_are_shown(tmp_path: Path) -> None:
    settings = home_settings(tmp_path)
    registry = ModelRegistry(settings.models_dir)
    contents = VersionContents(
        "a predictor", metrics={"accuracy": 0.5}, metadata={}, time_profiles={},
        json_artifacts={n: {} for n in JSON_ARTIFACTS},
    )  # fmt: skip
    saved = registry.save(contents, name="v1")
    registry.set_alias("champion", "v1", "kim", "first")
    assert by_area(examine(settings))["models"].level == "ok"
    (saved.path / "extra.bin").write_bytes(b"x")
    found = by_area(examine(settings))["models"]
    assert found.level == "warning" and "extra.bin" in found.message and found.remedy


def test_a_champion_that_the_night_would_refuse_is_told_before(tmp_path: Path) -> None:
    """Unknown to the database, then known by another manifest: whole files alone are not enough."""
    settings = home_settings(tmp_path)
    upkeep.migrate(settings)
    registry = ModelRegistry(settings.models_dir)
    contents = VersionContents(
        "a predictor", metrics={"accuracy": 0.5}, metadata={}, time_profiles={},
        json_artifacts={n: {} for n in JSON_ARTIFACTS},
    )  # fmt: skip
    saved = registry.save(contents, name="v1")
    registry.set_alias("champion", "v1", "kim", "first")
    found = by_area(examine(settings))["models"]
    assert found.level == "error" and "champion v1: it is not in the table model_version" in found.message
    with pytest.raises(RegistryError, match="Model version v1 is not in the table model_version"):
        upkeep.verify_models(settings)

    engine = sa.create_engine(settings.warehouse)
    records = ModelRecords(engine, settings)
    records.store_model_version(TrainedVersion("v1", saved.manifest_sha256))
    assert by_area(examine(settings))["models"].level == "ok"
    assert upkeep.verify_models(settings) == ["v1"]
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE model_version SET manifest_sha256 = :h"), {"h": "0" * 64})
    engine.dispose()
    found = by_area(examine(settings))["models"]
    assert found.level == "error" and found.message.startswith("champion v1: ") and found.remedy
    with pytest.raises(TamperedArtifactError):
        upkeep.verify_models(settings)


@pytest.mark.skipif(os.name != "posix", reason="only POSIX tells who may write")
def test_a_model_folder_that_others_may_write_to_is_told(tmp_path: Path) -> None:
    settings = home_settings(tmp_path)
    folder = settings.models_dir / "v1"
    folder.mkdir(parents=True)
    engine = folder / "similarity_engine.joblib"
    engine.touch()
    for place in (settings.models_dir, folder, engine):
        place.chmod(0o755)

    def told() -> list[Finding]:
        return [f for f in examine(settings) if f.area == "models" and "others may write" in f.message]

    assert told() == []
    for place, mode in ((settings.models_dir, 0o775), (folder, 0o757), (engine, 0o666)):
        place.chmod(mode)
        [found] = told()
        assert (
            found.level == "warning"
            and f"write to {place}:" in found.message
            and "chmod -R go-w" in found.remedy
        )
        place.chmod(0o755)
    folder.chmod(0o777)
    engine.chmod(0o777)
    assert "and 1 more" in told()[0].message


@pytest.mark.skipif(os.name != "posix", reason="only POSIX tells who may write")
def test_a_home_a_run_and_a_profile_that_others_may_write_to_are_told(tmp_path: Path) -> None:
    profile = tmp_path / "mine.toml"
    profile.write_text('extends = "bi_views"\n')
    home = tmp_path / "home"
    settings = home_settings(home, profile=str(profile))
    run = new_run(home, "r1")
    (home / "warehouse.db").touch()
    raw = run.path / "items.parquet"
    raw.touch()
    places = {home: 0o755, home / "runs": 0o755, home / "warehouse.db": 0o644, raw: 0o644, profile: 0o644}
    for place in (*home.rglob("*"), home):
        place.chmod(0o755 if place.is_dir() else 0o644)
    profile.chmod(0o644)

    def told() -> list[Finding]:
        return [f for f in examine(settings) if "others may write" in f.message]

    assert told() == []
    for place, mode in places.items():
        place.chmod(mode | 0o022)
        [found] = told()
        assert found.level == "warning" and f"write to {place}:" in found.message and "go-w" in found.remedy
        place.chmod(mode)


def test_the_settings_file_that_was_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert "; no .env" in by_area(examine(load_settings()))["settings"].message
    file = tmp_path / ".routing_etl" / ".env"
    file.parent.mkdir()
    file.write_text("ROUTING_ETL_KEEP_RUNS=7\n")
    file.chmod(0o600)
    settings = load_settings()
    assert settings.keep_runs == 7
    assert f"and {file}" in by_area(examine(settings))["settings"].message


@pytest.mark.parametrize(
    ("cutoff", "says"), [("2999-01-01", "lies in the future"), ("1990-01-01", "what is newer is left out")]
)
def test_a_cutoff_that_holds_in_every_night_is_told(tmp_path: Path, cutoff: str, says: str) -> None:
    told = [f for f in examine(home_settings(tmp_path, cutoff=cutoff)) if "CUTOFF" in f.message]
    assert [(f.area, f.level) for f in told] == [("settings", "warning")]
    assert cutoff in told[0].message and says in told[0].message and "Remove it" in told[0].remedy


def test_codes_and_words_of_one_plant_are_told_where_another_erp_is_read(tmp_path: Path) -> None:
    def told(**given: str) -> list[str]:
        found = examine(home_settings(tmp_path, **given))
        return [f.message for f in found if "defaults are of another plant" in f.message]

    assert told() == [], "its own plant"
    [message] = told(profile="adventureworks", company_code="AW")
    assert "ROUTING_ETL_PLANT_CODE = P100" in message and "ROUTING_ETL_TIMEZONE = Asia/Seoul" in message
    assert "COMPANY_CODE" not in message
    own = {
        "word_inhouse": "in-house",
        "word_outsourced": "bought",
        "word_minutes": "min",
        "word_no_unit": "-",
    }
    assert told(profile="adventureworks", company_code="AW", plant_code="1", timezone="UTC", **own) == []
