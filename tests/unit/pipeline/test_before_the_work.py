"""What cannot work is said in one sentence before the work, not after it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from routing_etl.errors import ConfigurationError, LockedError
from routing_etl.pipeline import demo as demos
from routing_etl.plots import make_folder
from routing_etl.runs import run_lock
from routing_etl.settings import Settings, load_settings


def made(database: Path, *statements: str) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def settings(home: Path) -> Settings:
    return load_settings(_env_file=None, home=home, models=home / "models", **demos.demo_urls(home))


@pytest.mark.parametrize(
    ("file", "statements", "says"),
    [
        ("erp.db", ["CREATE TABLE ARTIKEL (NR TEXT)"], "its erp.db has ARTIKEL, which no demo plant wrote"),
        (
            "warehouse.db",
            ["CREATE TABLE batch_run (profile TEXT)", "INSERT INTO batch_run VALUES ('bi_views'), ('mine')"],
            "its nights read an ERP by the profile mine",
        ),
    ],
)
def test_a_demo_is_not_written_into_the_folder_of_another_plant(
    tmp_path: Path, file: str, statements: list[str], says: str
) -> None:
    made(tmp_path / file, *statements)
    before = (tmp_path / file).read_bytes()
    with pytest.raises(ConfigurationError, match=says) as error:
        demos.demo(settings(tmp_path), items=200, seed=1)
    assert "--home DIR" in error.value.remedy
    assert (tmp_path / file).read_bytes() == before and not (tmp_path / "runs").exists()


def test_a_demo_does_not_replace_the_plant_under_a_running_night(tmp_path: Path) -> None:
    with run_lock(tmp_path, "the nightly run"), pytest.raises(LockedError, match="the nightly run"):
        demos.demo(settings(tmp_path), items=200, seed=1)
    assert not (tmp_path / "erp.db").exists()


def test_an_empty_folder_and_an_earlier_demo_are_fine(tmp_path: Path) -> None:
    demos.refuse_another_plant(tmp_path)
    made(tmp_path / "erp.db", "CREATE TABLE demo_truth_summary_of_no_plant (x)")
    with pytest.raises(ConfigurationError):
        demos.refuse_another_plant(tmp_path)
    made(tmp_path / "erp.db", "DROP TABLE demo_truth_summary_of_no_plant")
    demos.write_demo_plant(settings(tmp_path), settings(tmp_path).erp, items=200, seed=1)
    demos.refuse_another_plant(tmp_path)


def test_a_folder_for_plots_that_is_none_is_refused_by_its_name(tmp_path: Path) -> None:
    make_folder(tmp_path / "new" / "plots")
    assert list((tmp_path / "new" / "plots").iterdir()) == []
    file = tmp_path / "file"
    file.touch()
    for wrong in (file, file / "below", Path("/proc/plots")):
        with pytest.raises(ConfigurationError, match=f"No plots can be written into {wrong}"):
            make_folder(wrong)


@pytest.mark.parametrize("day", ["2026-13-45", "yesterday", "31.01.2026"])
def test_a_cut_off_that_is_no_day_is_refused_with_the_settings(tmp_path: Path, day: str) -> None:
    with pytest.raises(ConfigurationError, match=r"ROUTING_ETL_CUTOFF.*is not a day such as 2026-01-31"):
        load_settings(_env_file=None, home=tmp_path, cutoff=day)
