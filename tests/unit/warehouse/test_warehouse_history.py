"""Times by job and machine are kept month by month, each month as its last night knew it."""

from __future__ import annotations

from datetime import date

import polars as pl
import sqlalchemy as sa
from warehouse_predictions import warehouse

from routing_etl.frames import TIME_BY_JOB_RESOURCE
from routing_etl.warehouse.history import store_times
from routing_etl.warehouse.questions import answer
from routing_etl.warehouse.schema import tables


def profile(job: str, run: float | None, setup: float | None = None) -> dict[str, object]:
    def stats(measure: str, standard: float | None) -> dict[str, object]:
        known = standard is not None
        values = {
            "n": 4 if known else 0,
            "n_removed": 0,
            "standard": standard,
            "optimal": standard and standard * 0.5,
            "safe": standard and standard * 2,
        }
        return {f"{measure}_{name}": value for name, value in values.items()}

    return {
        "job_cd": job,
        "res_cd": "M-1",
        **stats("run", run),
        **stats("setup", setup),
        "last_report_dt": date(2026, 5, 2),
    }


def profiles(*rows: dict[str, object]) -> pl.DataFrame:
    return TIME_BY_JOB_RESOURCE.conform(pl.DataFrame(list(rows), infer_schema_length=None))


def test_a_month_is_what_its_last_night_said(tmp_path):
    publisher, settings = warehouse(tmp_path / "w.db")
    engine = publisher._engine
    assert store_times(engine, settings, "r1", date(2026, 4, 3), profiles(profile("TURN", 5.0, 30.0))) == 2
    assert store_times(engine, settings, "r2", date(2026, 4, 30), profiles(profile("TURN", 4.0, 30.0))) == 2
    assert (
        store_times(
            engine, settings, "r3", date(2026, 5, 1), profiles(profile("TURN", 8.0), profile("MILL", 1.0))
        )
        == 2
    )
    row = tables(None).time_profile_month.c
    with engine.connect() as connection:
        found = connection.execute(
            sa.select(row.month, row.job_cd, row.measure, row.standard_min, row.run_id).order_by(
                row.month, row.job_cd, row.measure
            )
        ).all()
    assert found == [
        (date(2026, 4, 1), "TURN", "run", 4.0, "r2"), (date(2026, 4, 1), "TURN", "setup", 30.0, "r2"),
        (date(2026, 5, 1), "MILL", "run", 1.0, "r3"), (date(2026, 5, 1), "TURN", "run", 8.0, "r3"),
    ]  # fmt: skip
    shown = answer(engine, "routing", "time_profile_changes").filter(pl.col("ratio").is_not_null())
    assert shown.select("job_cd", "previous_min", "ratio").rows() == [("TURN", 4.0, 2.0)]


def test_a_plant_without_results_keeps_nothing(tmp_path):
    publisher, settings = warehouse(tmp_path / "w.db")
    assert store_times(publisher._engine, settings, "r1", date(2026, 4, 3), TIME_BY_JOB_RESOURCE.empty()) == 0
