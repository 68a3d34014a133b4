"""Reads of the record of runs: the newest ones, what their checks found, and what they measured. Changes nothing."""

from __future__ import annotations

import json
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from routing_etl.database.engine import translated
from routing_etl.warehouse.lock import process_gone
from routing_etl.warehouse.schema import schema_for, tables
from routing_etl.warehouse.writing import place_of


@dataclass(frozen=True)
class RunProcess:
    """The process that began a run.

    Attributes
    ----------
    host : str
        Where it runs or ran.
    pid : int
        Its id there.
    gone : bool or None
        Whether it is gone; None where that cannot be seen from here: it is on another host or in another container.
    """

    host: str
    pid: int
    gone: bool | None


@dataclass(frozen=True)
class RunRecord:
    """A row of `batch_run`; times in UTC. `process` is that of a run on record as running, where it left its name."""

    run_id: str
    kind: str
    status: str
    started_at: datetime
    finished_at: datetime | None
    message: str | None
    process: RunProcess | None = None


def newest_runs(engine: Engine, schema: str) -> tuple[RunRecord | None, RunRecord | None]:
    """The newest run, and the newest that succeeded, with or without warnings; None where there is none.

    Newest by the order of reads; runs of earlier releases, which have no place in it, by their clock.
    Trainings that ran alone do not count: they publish nothing.

    Parameters
    ----------
    engine : Engine
        The warehouse.
    schema : str
        Our schema (ignored on SQLite).
    """
    place = schema_for(engine, schema)
    table = tables(place).batch_run
    columns = (
        table.c.run_id, table.c.kind, table.c.status, table.c.started_at, table.c.finished_at, table.c.message,
        table.c.metadata,
    )  # fmt: skip
    order = (place_of(place, table.c.run_id, table.c.started_at).desc(), table.c.started_at.desc())
    newest = sa.select(*columns).where(table.c.kind != "train").order_by(*order).limit(1)
    with translated("warehouse", engine.url), engine.connect() as connection:
        rows = [
            connection.execute(query).one_or_none()
            for query in (newest, newest.where(table.c.status.in_(("succeeded", "succeeded_with_warnings"))))
        ]
    first, second = (None if row is None else _record(row) for row in rows)
    return first, second


def _record(row: Any) -> RunRecord:
    return RunRecord(
        row.run_id,
        row.kind,
        row.status,
        _utc(row.started_at),
        row.finished_at and _utc(row.finished_at),
        row.message,
        _process(json.loads(row.metadata or "{}")) if row.status == "running" else None,
    )


def _process(meta: dict[str, Any]) -> RunProcess | None:
    """Who began a run, as `RunRecords.start_run` wrote it; None where an earlier version did not."""
    host, pid = meta.get("host"), meta.get("pid")
    if not host or not pid:
        return None
    gone = process_gone(int(pid), meta.get("process")) if host == socket.gethostname() else None
    return RunProcess(host, int(pid), gone)


def _utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def unpassed_checks(engine: Engine, schema: str, run_id: str) -> Sequence[tuple[str, str, str, str]]:
    """Checks of a run that did not pass: name with its frame, severity, observed, expected; critical ones first.

    Parameters
    ----------
    engine : Engine
        The warehouse.
    schema : str
        Our schema (ignored on SQLite).
    run_id : str
        The run.
    """
    q = tables(schema_for(engine, schema)).quality_result.c
    query = (
        sa.select(q.frame, q.check_name, q.severity, q.observed, q.expected)
        .where(q.run_id == run_id, q.success == sa.false())
        .order_by(q.severity, q.seq)
    )
    with translated("warehouse", engine.url), engine.connect() as connection:
        return [(f"{r[0]}.{r[1]}", r[2], r[3], r[4]) for r in connection.execute(query)]
