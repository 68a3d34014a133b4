"""A clock that was set back two days: what is newest is told by the order of reads, which the database counts."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
import sqlalchemy as sa
from warehouse_predictions import warehouse

from routing_etl.frames import METRICS
from routing_etl.warehouse.model_records import ModelRecords, TrainedVersion
from routing_etl.warehouse.publish import Publisher
from routing_etl.warehouse.retention import purge_records
from routing_etl.warehouse.run_log import newest_runs
from routing_etl.warehouse.run_records import RunEnd, RunRecords
from routing_etl.warehouse.types import now
from routing_etl.warehouse.writing import begin_read


def drift(value: float) -> pl.DataFrame:
    row = {
        "method": "model",
        "split": "production",
        "segment": "learnable",
        "metric": "drift_band",
        "value": value,
        "n": 9,
    }
    return METRICS.conform(pl.DataFrame([{**dict.fromkeys(METRICS.schema), **row}], schema=METRICS.schema))


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
        models.store_metrics("m", drift(value), run_id=run_id)
        runs.finish_run(run_id, RunEnd(status, message=f"{run_id} ended"))
    later, tb = now() + timedelta(days=2), publisher.tables
    with engine.begin() as connection:
        ahead = sa.update(tb.batch_run).where(tb.batch_run.c.run_id == "ahead")
        connection.execute(ahead.values(started_at=later, finished_at=later))
        measured = sa.update(tb.model_metric).where(tb.model_metric.c.run_id == "ahead")
        connection.execute(measured.values(computed_at=later))
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
