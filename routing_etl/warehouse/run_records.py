"""The record of a batch run: its beginning and end, its checks and its rejected rows.

Belongs here: what a run writes about itself. Does not: reads of the newest runs (`run_log`), model versions
(`model_records`), and how long records are kept (`retention`).
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from routing_etl.database.engine import translated
from routing_etl.errors import WarehouseError
from routing_etl.frames import CheckOutcome
from routing_etl.settings import Settings
from routing_etl.warehouse import rejects
from routing_etl.warehouse.changes import affected
from routing_etl.warehouse.column_values import as_json, fitted, length_of, require_short
from routing_etl.warehouse.lock import process_gone, process_identity
from routing_etl.warehouse.migrate import check_head
from routing_etl.warehouse.schema import schema_for, tables
from routing_etl.warehouse.types import now
from routing_etl.warehouse.writing import put_in_force, unfenced, writing

#: How a run can end.
_RUN_END = ("succeeded", "succeeded_with_warnings", "failed", "cancelled")
_ENDED_WELL = _RUN_END[:2]


@dataclass(frozen=True)
class RunEnd:
    """How a run ended. What is None stays in the record as it was.

    Parameters
    ----------
    status : str
        `succeeded`, `succeeded_with_warnings` (published, but learning or measuring failed), `failed` or `cancelled`.
    rows_read : int, optional
        Rows read from the ERP.
    rows_written : int, optional
        Rows loaded into the publication.
    rows_rejected : int, optional
        Rows that the cleaning rejected.
    model_version : str, optional
        The version that predicted.
    publication_id : int, optional
        The publication that the run made.
    message : str, optional
        Why the run failed, or what went wrong beside its publication.
    metadata : Mapping[str, Any], optional
        Stored as JSON.
    """

    status: str
    rows_read: int | None = None
    rows_written: int | None = None
    rows_rejected: int | None = None
    model_version: str | None = None
    publication_id: int | None = None
    message: str | None = None
    metadata: Mapping[str, Any] | None = None


class RunRecords:
    """Reads and writes the records of runs in our schema.

    Parameters
    ----------
    engine : Engine
        Engine of the warehouse, migrated to head.
    settings : Settings
        Our schema; how many rejected rows are handled at a time.

    Raises
    ------
    WarehouseError
        The database is not at head.
    """

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine, self._settings = engine, settings
        self._place = schema_for(engine, settings.warehouse_schema)
        self.tables = tables(self._place)
        check_head(engine, self._place)

    def start_run(
        self,
        run_id: str,
        kind: str,
        *,
        config_hash: str | None = None,
        profile: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        """Record that a run has started. A run id that is known is started again: its attempt counter goes up.

        Parameters
        ----------
        run_id : str
            Id of the run.
        kind : str
            What the run does, for example `night`.
        config_hash : str, optional
            Hash of settings and profile: equal hashes mean equal configuration.
        profile : str, optional
            Name of the source profile.
        metadata : Mapping[str, Any], optional
            Stored as JSON, together with host and process.
        """
        run = self.tables.batch_run
        process = {
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "process": process_identity(os.getpid()),
        }
        metadata = {**(metadata or {}), **process}
        values = fitted(
            run,
            {
                "kind": kind,
                "status": "running",
                "config_hash": config_hash,
                "profile": profile,
                "metadata": as_json(metadata),
            },
        )
        require_short(run, "run_id", run_id)
        with unfenced(self._engine, "a run is on record whatever is in force") as connection:
            opened = (
                sa.update(run)
                .where(run.c.run_id == run_id)
                .values(
                    attempt=run.c.attempt + 1,
                    finished_at=None,
                    message=None,
                    **{k: v for k, v in values.items() if v is not None},
                )
            )
            if not affected(connection, opened, run.c.run_id):
                connection.execute(
                    sa.insert(run).values(run_id=run_id, attempt=1, started_at=now(), **values)
                )

    def finish_run(self, run_id: str, end: RunEnd) -> None:
        """Record how a run ended. One that ended well overtakes those that have begun to read before it (`writing.py`).

        Raises
        ------
        WarehouseError
            The run was never started, or it cannot end with this status.
        """
        if end.status not in _RUN_END:
            raise WarehouseError(
                f"Run {run_id!r} cannot end as {end.status!r}.", remedy=f"Use one of {', '.join(_RUN_END)}."
            )
        run = self.tables.batch_run
        known = {k: v for k, v in vars(end).items() if v is not None}
        if end.metadata is not None:
            known["metadata"] = as_json(end.metadata)
        closed = sa.update(run).where(run.c.run_id == run_id).values(finished_at=now(), **fitted(run, known))
        with unfenced(self._engine, "a run that was overtaken says so in its row") as connection:
            done = affected(connection, closed, run.c.run_id)
            if end.status in _ENDED_WELL:
                put_in_force(connection, self._place, run_id)
        if not done:
            raise _unknown_run(run_id)

    def close_dead_runs(self, ours: Collection[str] = ()) -> list[str]:
        """Mark as failed the runs that are still `running` although their process is gone.

        Processes are identified by id and start time, which `start_run` stores. One that cannot be seen from here, on
        another host or in a container that is gone, is told by `ours`. Returns the run ids.

        Parameters
        ----------
        ours : collection of str
            Runs whose folder lies in a home whose run lock the caller holds, so that no living process works on them.
        """
        run = self.tables.batch_run
        query = sa.select(run.c.run_id, run.c.metadata).where(run.c.status == "running")
        with translated("warehouse", self._engine.url), self._engine.connect() as connection:
            running = [(r.run_id, json.loads(r.metadata or "{}")) for r in connection.execute(query)]
        dead = [run_id for run_id, meta in running if _gone(meta, run_id in ours)]
        for run_id in dead:
            self.finish_run(run_id, RunEnd("failed", message="The process died before the run ended."))
        return dead

    def store_checks(self, run_id: str, outcomes: Sequence[CheckOutcome]) -> int:
        """Store check results of a run. Earlier results of the run for the same frames are replaced.

        Returns the number stored.

        Raises
        ------
        WarehouseError
            The run was never started.
        """
        result, moment = self.tables.quality_result, now()
        frames = sorted({o.frame for o in outcomes})
        with writing(self._engine, self._place) as connection:
            self._require_run(connection, run_id)
            connection.execute(sa.delete(result).where(result.c.run_id == run_id, result.c.frame.in_(frames)))
            last = connection.execute(
                sa.select(sa.func.max(result.c.seq)).where(result.c.run_id == run_id)
            ).scalar_one()
            rows = [
                fitted(
                    result,
                    {
                        "run_id": run_id,
                        "seq": (last or 0) + number,
                        "frame": o.frame,
                        "check_name": o.check,
                        "expectation": o.expectation,
                        "column_name": o.column,
                        "severity": o.severity,
                        "success": o.success,
                        "observed": o.observed,
                        "expected": o.expected,
                        "rows_checked": o.rows_checked,
                        "rows_unexpected": o.rows_unexpected,
                        "sample": json.dumps(list(o.sample), ensure_ascii=False) if o.sample else None,
                        "exception": o.exception,
                        "checked_at": moment,
                    },
                )
                for number, o in enumerate(outcomes, start=1)
            ]
            if rows:
                connection.execute(sa.insert(result), rows)
        return len(rows)

    def store_rejects(self, run_id: str, folder: Path) -> int:
        """Store the rejected rows of `folder/*.parquet` (REJECTS frames), as far as they are not stored already.

        A row that the ERP leaves as it is is rejected every night. It is stored with the run that met it first, and
        counts until a run does not reject it any more (`rejects.py`; view `batch_run_rejects`). Called again for a
        run, the files replace what was stored for it.

        Returns the number of rows in the files.

        Raises
        ------
        WarehouseError
            The run was never started.
        FrameError
            A file is not a REJECTS frame.
        """
        columns = {name: length_of(self.tables.rejected_row.c[name]) for name in rejects.COLUMNS}
        found = rejects.of_files(folder, columns)
        with writing(self._engine, self._place) as connection:
            self._require_run(connection, run_id)
            rejects.store(connection, self.tables, run_id, found, self._settings)
        return found.rows

    def _require_run(self, connection: sa.Connection, run_id: str) -> None:
        run = self.tables.batch_run
        known = sa.select(sa.func.count()).select_from(run).where(run.c.run_id == run_id)
        if not connection.execute(known).scalar_one():
            raise _unknown_run(run_id)


def _unknown_run(run_id: str) -> WarehouseError:
    return WarehouseError(f"Run {run_id!r} was never started.", remedy="Call start_run first.")


def _gone(meta: Mapping[str, Any], ours: bool) -> bool:
    """Whether the process of a run is gone; one that cannot be seen counts as gone if the run is `ours`."""
    if meta.get("host") != socket.gethostname() or not meta.get("pid"):
        return ours
    gone = process_gone(int(meta["pid"]), meta.get("process"))
    return ours if gone is None else gone
