"""Outcomes of a night that published and died before it measured: the next one keeps them, once."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
import sqlalchemy as sa
from evaluation_toy import operations_of
from warehouse_predictions import CANDIDATE, OPERATION, warehouse, write_rows

from routing_etl.frames import METRICS
from routing_etl.pipeline.became import catch_up
from routing_etl.pipeline.context import Context
from routing_etl.runs import RunFolder
from routing_etl.settings import Settings
from routing_etl.warehouse.model_records import ModelRecords, TrainedVersion
from routing_etl.warehouse.publish import Publisher

pytestmark = pytest.mark.unit


def publish(publisher: Publisher, folder: Path, night: str, *items: str) -> int:
    """A night's proposals: one candidate A>B for each item."""
    rows = {
        "candidates": [
            CANDIDATE | {"item_cd": i, "item_key": i, "candidate_id": f"{i}_C01", "routing_code": "A>B"} for i in items
        ],
        "candidate_operations": [OPERATION | {"item_cd": i, "item_key": i} for i in items],
        "candidate_evidence": [],
        "resource_alternatives": [],
        "abstained": [],
    }  # fmt: skip
    made = publisher.load(write_rows(folder / night, rows), run_id=night, model_version="m1").publication_id
    publisher.publish(made)
    return made


def measured(publisher: Publisher, settings: Settings, night: str) -> None:
    """The night has come to the end of its step `measure`."""
    row = {
        "method": "model",
        "split": "production",
        "segment": "all",
        "metric": "predicted_share",
        "value": 1.0,
        "n": 3,
    }
    frame = pl.DataFrame([{**dict.fromkeys(METRICS.schema), **row}], schema=METRICS.schema)
    ModelRecords(publisher._engine, settings).store_metrics("m1", METRICS.conform(frame), run_id=night)


def routed_run(folder: Path, **routings: str) -> RunFolder:
    """The run that reads what engineers have written: jobs of each item."""
    run = RunFolder("third", folder)
    run.clean.mkdir(parents=True)
    steps = {item: [{"job_cd": job, "inside": "in"} for job in jobs] for item, jobs in routings.items()}
    operations_of(steps).write_parquet(run.clean / "operations.parquet")
    items = pl.DataFrame({"item_key": [*routings, "C"], "part_type": "P"})
    items.write_parquet(run.clean / "items.parquet")
    return run


def outcomes(publisher: Publisher) -> list[tuple[str, str, int, str]]:
    o = publisher.tables.prediction_outcome.c
    query = sa.select(o.item_cd, o.outcome, o.publication_id, o.observed_run).order_by(o.item_cd)
    with publisher._engine.connect() as connection:
        return [tuple(row) for row in connection.execute(query)]  # type: ignore[misc]


def test_the_next_night_keeps_what_a_night_that_died_did_not(tmp_path: Path) -> None:
    """A and B were routed before the second night, which published without them and died; C waits still."""
    publisher, settings = warehouse(tmp_path / "w.db")
    ModelRecords(publisher._engine, settings).store_model_version(TrainedVersion("m1", "0" * 64))
    first = publish(publisher, tmp_path, "first", "A", "B", "C")
    measured(publisher, settings, "first")
    second = publish(publisher, tmp_path, "second", "C")
    ctx = Context(settings, routed_run(tmp_path / "run", A="AB", B="X"))
    assert catch_up(ctx, None) == 0 == catch_up(ctx, first)
    assert catch_up(ctx, second) == 2
    kept = [("A", "first", first, "third"), ("B", "other", first, "third")]
    assert outcomes(publisher) == kept
    assert catch_up(ctx, second) == 0 and outcomes(publisher) == kept, "once"


def test_a_night_that_measured_is_not_asked_again(tmp_path: Path) -> None:
    publisher, settings = warehouse(tmp_path / "w.db")
    ModelRecords(publisher._engine, settings).store_model_version(TrainedVersion("m1", "0" * 64))
    publish(publisher, tmp_path, "first", "A", "C")
    second = publish(publisher, tmp_path, "second", "C")
    measured(publisher, settings, "second")
    assert catch_up(Context(settings, routed_run(tmp_path / "run", A="AB")), second) == 0
    assert outcomes(publisher) == []
