"""The demo plant's work results and cleaned frames, judged against the truth that was written with them."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from sqlalchemy import create_engine, text

from routing_etl.erp.clean import clean
from routing_etl.erp.extract import extract
from routing_etl.erp.profile import load_profile
from routing_etl.frames import key_of
from routing_etl.plant.demo import write_plant
from routing_etl.quality.checks import check_sources, raise_on_critical
from routing_etl.settings import load_settings
from routing_etl.times.plausibility import check_plausibility
from routing_etl.times.profiles import SAMPLES, ReportedTimes, TimesReport, build_profiles

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, TimesReport]:
    """A plant of 800 items, extracted, cleaned and aggregated; its folder and the times report."""
    home = tmp_path_factory.mktemp("plant")
    url, settings, profile = f"sqlite:///{home / 'erp.db'}", load_settings(), load_profile("bi_views")
    write_plant(url, 800, 5, settings)
    extract(url, profile, home / "raw", settings)
    clean(home / "raw", home / "clean", home / "rejects", profile, cutoff=None)
    results, operations = (
        pl.scan_parquet(home / "clean" / f"{n}.parquet") for n in ("work_results", "operations")
    )
    return home, build_profiles(ReportedTimes(results, profile.time_basis), operations, home / "times")


def test_a_cleaned_plant_passes_every_critical_check(plant: tuple[Path, TimesReport]) -> None:
    outcomes = check_sources(plant[0] / "clean")
    raise_on_critical(outcomes)
    assert all(o.exception is None for o in outcomes)
    assert {"items", "operations", "work_results", "purchase_orders", "rejects"} == {
        o.frame for o in outcomes
    }


def test_reported_times_fit_the_standards(plant: tuple[Path, TimesReport]) -> None:
    _, report = plant
    check_plausibility(report)
    assert all(0.5 < (p.ratio or 0.0) < 2.0 for p in report.plausibility.values())
    assert not [f for f in report.findings if f.subset == "all reports"], "no factor of the whole plant"


def test_entry_errors_are_kept_out_and_good_reports_are_not(plant: tuple[Path, TimesReport]) -> None:
    home, report = plant
    with create_engine(f"sqlite:///{home / 'erp.db'}").connect() as connection:
        rows = connection.execute(
            text("SELECT ITEM_CD, JOB_CD, SETUP_MIN, RUN_MIN FROM DEMO_TRUTH_TIME")
        ).all()
    truth = pl.DataFrame(rows, schema=["item_cd", "job_cd", "setup", "run"], orient="row").with_columns(
        item_key=key_of(pl.col("item_cd"))
    )
    samples = pl.read_parquet(home / "times" / SAMPLES).with_columns(
        pl.col("item_key", "job_cd").cast(pl.String)
    )
    for measure in ("setup", "run"):
        judged = (
            samples.join(truth.unique(["item_key", "job_cd"]), on=["item_key", "job_cd"])
            .filter(pl.col(f"{measure}_min") > 0)
            .select(
                error=(pl.col(f"{measure}_min") / pl.col(measure)).log(), removed=pl.col(f"{measure}_removed")
            )
            .with_columns(error=(pl.col("error") - pl.col("error").median()).abs())
        )
        gross, good = (judged.filter(e) for e in (pl.col("error") > 1.5, pl.col("error") < 0.7))
        assert gross.height > 5 and good.height > 1000
        assert gross["removed"].mean() > 0.9  # type: ignore[operator]
        assert good["removed"].mean() < 0.01  # type: ignore[operator]
        assert report.measures[measure].removed == samples[f"{measure}_removed"].sum()
