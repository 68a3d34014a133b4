"""A clock that was set back two days: what is newest is told by the order of reads, which the database counts."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
import sqlalchemy as sa
from rich.console import Console
from warehouse_predictions import known_rows, warehouse, write_rows

from routing_etl.cli.display.operation import status_lines
from routing_etl.frames import METRICS
from routing_etl.pipeline.status import examine
from routing_etl.warehouse.model_records import ModelRecords, TrainedVersion
from routing_etl.warehouse.owner import owner_of
from routing_etl.warehouse.publish import Publisher
from routing_etl.warehouse.retention import purge_records
from routing_etl.warehouse.run_log import newest_runs
from routing_etl.warehouse.run_records import RunEnd, RunRecords
from routing_etl.warehouse.types import now
from routing_etl.warehouse.writing import begin_read


def measured(value: float) -> pl.DataFrame:
    """What a night measures: a band of drift, and the exact match of its model on held-out items."""
    row = {
        "method": "model",
        "split": "production",
        "segment": "learnable",
        "metric": "drift_band",
        "value": value,
        "n": 9,
    }
    exact = {**row, "split": "recent", "segment": "all", "metric": "exact_at_1", "value": value / 10}
    return METRICS.conform(
        pl.DataFrame([{**dict.fromkeys(METRICS.schema), **r} for r in (row, exact)], schema=METRICS.schema)
    )


@pytest.fixture
def house(tmp_path: Path) -> Publisher:
    """A night `ahead`, written two days in the future, and one of today."""
    publisher, settings = warehouse(tmp_path / "w.db")
    engine = publisher._engine
    runs, models = RunRecords(engine, settings), ModelRecords(engine, settings)
    models.store_model_version(TrainedVersion("m", "0" * 64))
    for run_id, status, value in (("ahead", "succeeded", 2.0), ("today", "failed", 1.0)):
        begin_read(engine, None, run_id)
        runs.start_run(run_id, "nightly")
        models.store_metrics("m", measured(value), run_id=run_id)
        runs.finish_run(run_id, RunEnd(status, message=f"{run_id} ended"))
    later, tb = now() + timedelta(days=2), publisher.tables
    with engine.begin() as connection:
        ahead = sa.update(tb.batch_run).where(tb.batch_run.c.run_id == "ahead")
        connection.execute(ahead.values(started_at=later, finished_at=later))
        ahead = sa.update(tb.model_metric).where(tb.model_metric.c.run_id == "ahead")
        connection.execute(ahead.values(computed_at=later))
    return publisher


def test_the_newest_run_is_the_one_that_read_last(house: Publisher) -> None:
    last, success = newest_runs(house._engine, "routing")
    assert last is not None and (last.run_id, last.status) == ("today", "failed")
    assert success is not None and success.run_id == "ahead"


def test_the_newest_metric_is_that_of_the_newest_run(house: Publisher) -> None:
    found = ModelRecords(house._engine, house._settings).newest_metric("m", "drift_band", "learnable")
    assert found is not None and found[0] == 1.0


def test_runs_of_before_come_in_the_order_of_their_clock(house: Publisher) -> None:
    with house._engine.begin() as connection:
        connection.execute(sa.delete(house.tables.erp_read))
    last, _ = newest_runs(house._engine, "routing")
    assert last is not None and last.run_id == "ahead"


def test_the_records_of_the_newest_run_stay_however_old_it_looks(house: Publisher) -> None:
    tb = house.tables
    with house._engine.begin() as connection:
        old = sa.update(tb.batch_run).where(tb.batch_run.c.run_id == "today")
        connection.execute(old.values(started_at=now() - timedelta(days=9000)))
    purge_records(house._engine, house._settings)
    with house._engine.connect() as connection:
        assert set(connection.execute(sa.select(tb.batch_run.c.run_id)).scalars()) == {"ahead", "today"}


def test_the_views_call_newest_what_was_read_last(house: Publisher) -> None:
    with house._engine.connect() as connection:
        fresh = connection.exec_driver_sql("SELECT * FROM freshness").mappings().all()
        trend = "SELECT run_id, value FROM model_quality_trend WHERE metric = 'exact_at_1'"
        assert connection.exec_driver_sql(trend).all() == [("today", 0.1)]
    assert [(row["last_run_id"], row["last_message"]) for row in fresh] == [("today", "today ended")]
    assert fresh[0]["last_success_at"][:10] == f"{now() + timedelta(days=2):%Y-%m-%d}"


def test_without_an_order_of_reads_the_views_go_by_the_clock(house: Publisher) -> None:
    with house._engine.begin() as connection:
        connection.execute(sa.delete(house.tables.erp_read))
        found = connection.exec_driver_sql(
            "SELECT last_run_id, (SELECT value FROM model_quality_trend WHERE metric = 'exact_at_1') FROM freshness"
        ).all()
    assert found == [("ahead", 0.2)]


def test_a_publication_is_stamped_with_the_quality_that_was_measured_last(
    house: Publisher, tmp_path: Path
) -> None:
    loaded = house.load(write_rows(tmp_path / "p", known_rows()), run_id="today", model_version="m")
    batch = house.tables.publication
    with house._engine.connect() as connection:
        quality = connection.execute(
            sa.select(batch.c.model_quality).where(batch.c.id == loaded.publication_id)
        )
        assert float(quality.scalar_one()) == 0.1


def test_the_schema_is_of_the_plant_that_readers_see(house: Publisher, tmp_path: Path) -> None:
    """Not of the one whose clock was ahead when it published."""
    loaded = house.load(write_rows(tmp_path / "p", known_rows()), run_id="ahead", model_version="m")
    house.publish(loaded.publication_id)
    batch, later = house.tables.publication, now() + timedelta(days=2)
    with house._engine.begin() as connection:
        connection.execute(sa.update(batch).values(published_at=later))
    theirs = house._settings.model_copy(update={"plant_code": "P200", "take_over": "1000/P100/-"})
    other = Publisher(house._engine, theirs)
    other.publish(other.load(tmp_path / "p", run_id="today", model_version="m").publication_id)
    found = owner_of(house._engine, house.tables)
    assert found is not None and (found.plant, found.publication_id) == ("P200", other.current())


def test_a_success_in_the_future_is_told_and_has_no_age(
    house: Publisher, capsys: pytest.CaptureFixture[str]
) -> None:
    """A negative age is below every limit, so nobody would be told for two days that nothing succeeds any more."""
    found, problems = examine(house._settings, datetime.now(UTC))
    assert found.last_success is not None and found.last_success.hours_ago is None
    assert found.last_run is not None and found.last_run.hours_ago == 0
    [clock] = [one for one in problems if one.code == "CLOCK"]
    assert clock.severity == "critical" and not any(one.code == "STALE" for one in problems)
    assert re.match(
        r"The last run that succeeded, ahead, ended at \d{4}-\S+ \S+ UTC, and this machine's clock says \d{4}-\S+ \S+: "
        r"a clock was set back, here or where it ran\.",
        clock.message,
    )
    status_lines(Console(width=200), found)
    assert "succeeded: ahead (nightly), succeeded, in the future by this clock" in capsys.readouterr().out


def test_clocks_of_two_machines_may_differ_by_minutes(house: Publisher) -> None:
    at = datetime.now(UTC) + timedelta(days=2) - timedelta(minutes=3)
    found, problems = examine(house._settings, at)
    assert found.last_success is not None and found.last_success.hours_ago == 0
    assert not any(one.code in ("CLOCK", "STALE") for one in problems)
