"""Records of runs and model versions as the tests look at them, newest first."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import sqlalchemy as sa

from routing_etl.warehouse.model_records import ModelRecords
from routing_etl.warehouse.run_records import RunRecords


def stored_runs(records: RunRecords) -> list[dict[str, Any]]:
    """Rows of `batch_run`, with `metadata` decoded."""
    run = records.tables.batch_run
    return _rows(records, sa.select(run).order_by(run.c.started_at.desc(), run.c.run_id.desc()))


def stored_versions(records: ModelRecords) -> list[SimpleNamespace]:
    """Rows of `model_version`, with `hyperparameters` and `metadata` decoded."""
    model = records.tables.model_version
    query = sa.select(model).order_by(model.c.created_at.desc(), model.c.version.desc())
    return [SimpleNamespace(**row) for row in _rows(records, query)]


def _rows(records: RunRecords | ModelRecords, query: sa.Select[Any]) -> list[dict[str, Any]]:
    with records._engine.connect() as connection:
        rows = [dict(row) for row in connection.execute(query).mappings()]
    for row in rows:
        for name in {"hyperparameters", "metadata"} & row.keys():
            row[name] = json.loads(row[name]) if row[name] else {}
    return rows
