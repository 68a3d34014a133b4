"""Run records: batch runs, check results, rejected rows, model versions and their metrics, and how long they are kept.

A text that is longer than its column is cut, and ends with how long it was. Keys and names that are too long
are refused.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from routing_etl.database.engine import translated
from routing_etl.errors import FrameError, WarehouseError
from routing_etl.frames import METRICS, CheckOutcome
from routing_etl.log import get_logger
from routing_etl.settings import Settings
from routing_etl.warehouse import rejects
from routing_etl.warehouse.changes import affected, delete_all, rows_left
from routing_etl.warehouse.lock import process_gone, process_identity
from routing_etl.warehouse.migrate import check_head
from routing_etl.warehouse.schema import MODEL_STATES, schema_for, tables
from routing_etl.warehouse.types import now

_log = get_logger(__name__)

#: How a run can end.
_RUN_END = ("succeeded", "succeeded_with_warnings", "failed", "cancelled")


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


@dataclass(frozen=True)
class TrainedVersion:
    """What is recorded of a model version when it has been trained.

    Parameters
    ----------
    version : str
        Name of the version.
    manifest_sha256 : str
        Hash of its manifest.
    status : str, default 'pending'
        `pending`, or `unmeasured` if it has no metrics.
    requested_by : str, optional
        Who asked for the training.
    run_id : str, optional
        The run that trained it.
    trained_at : datetime, optional
        When it was trained, UTC.
    training_samples : int, optional
        Routings that it learned from.
    unique_items : int, optional
        Items among them.
    unique_processes : int, optional
        Job codes among them.
    training_duration_sec : float, optional
        How long the training took.
    hyperparameters : Mapping[str, Any], optional
        Stored as JSON.
    metadata : Mapping[str, Any], optional
        Stored as JSON.
    """

    version: str
    manifest_sha256: str
    status: str = "pending"
    requested_by: str | None = None
    run_id: str | None = None
    trained_at: datetime | None = None
    training_samples: int | None = None
    unique_items: int | None = None
    unique_processes: int | None = None
    training_duration_sec: float | None = None
    hyperparameters: Mapping[str, Any] | None = None
    metadata: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class MeasuredOn:
    """On what metrics were measured.

    Attributes
    ----------
    window_id : str or None
        Names the judged items, their routings and what was learned from; equal ids may be compared. None: not on record.
    items_trained : int or None
        Routed items that were learned from.
    """

    window_id: str | None = None
    items_trained: int | None = None


def _gone(meta: Mapping[str, Any], ours: bool) -> bool:
    """Whether the process of a run is gone; one that cannot be seen counts as gone if the run is `ours`."""
    if meta.get("host") != socket.gethostname() or not meta.get("pid"):
        return ours
    gone = process_gone(int(meta["pid"]), meta.get("process"))
    return ours if gone is None else gone


def cut(text: str, length: int) -> str:
    """The text, cut to `length` if it is longer; the end of a cut text says how long it was."""
    if len(text) <= length:
        return text
    mark = f"... [cut, {len(text)} characters]"
    return text[: max(0, length - len(mark))] + mark[:length]


def _any(table: sa.Table, where: sa.ColumnElement[bool]) -> sa.Exists:
    return sa.exists(sa.select(sa.literal_column("1")).select_from(table).where(where))


def _length(column: sa.Column[Any]) -> int:
    length = getattr(column.type, "length", None)
    return length if length is not None else 1_000_000_000


def _json(value: Mapping[str, Any] | None) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)


class Records:
    """Reads and writes run records in our schema.

    Parameters
    ----------
    engine : Engine
        Engine of the warehouse, migrated to head.

    Raises
    ------
    WarehouseError
        The database is not at head.
    """

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine, self._settings = engine, settings
        self.schema = schema_for(engine, settings.warehouse_schema)
        self.tables = tables(self.schema)
        check_head(engine, self.schema)

    # --- runs -----------------------------------------------------------------------------------------------------
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
        values = self._fit(
            run,
            {
                "kind": kind,
                "status": "running",
                "config_hash": config_hash,
                "profile": profile,
                "metadata": _json(metadata),
            },
        )
        self._require_short(run, "run_id", run_id)
        with translated("warehouse", self._engine.url), self._engine.begin() as connection:
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
        """Record how a run ended.

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
            known["metadata"] = _json(end.metadata)
        closed = (
            sa.update(run).where(run.c.run_id == run_id).values(finished_at=now(), **self._fit(run, known))
        )
        with translated("warehouse", self._engine.url), self._engine.begin() as connection:
            done = affected(connection, closed, run.c.run_id)
        if not done:
            raise self._unknown_run(run_id)

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

    # --- checks and rejects -----------------------------------------------------------------------------------------
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
        with translated("warehouse", self._engine.url), self._engine.begin() as connection:
            self._require_run(connection, run_id)
            connection.execute(sa.delete(result).where(result.c.run_id == run_id, result.c.frame.in_(frames)))
            last = connection.execute(
                sa.select(sa.func.max(result.c.seq)).where(result.c.run_id == run_id)
            ).scalar_one()
            rows = [
                self._fit(
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
        columns = {name: _length(self.tables.rejected_row.c[name]) for name in rejects.COLUMNS}
        found = rejects.of_files(folder, columns)
        with translated("warehouse", self._engine.url), self._engine.begin() as connection:
            self._require_run(connection, run_id)
            rejects.store(connection, self.tables, run_id, found, self._settings)
        return found.rows

    # --- models -----------------------------------------------------------------------------------------------------
    def store_model_version(self, trained: TrainedVersion) -> None:
        """Record a trained version. Versions are immutable: the same one again changes nothing.

        Raises
        ------
        WarehouseError
            The version is recorded with another manifest, its name is too long, or the status is unknown.
        """
        model, moment = self.tables.model_version, now()
        if trained.status not in MODEL_STATES or trained.status == "active":
            raise WarehouseError(
                f"A new model version cannot have status {trained.status!r}.",
                remedy="Store it as pending or unmeasured, then activate it.",
            )
        self._require_short(model, "version", trained.version)
        values = self._fit(
            model,
            {
                **vars(trained),
                "hyperparameters": _json(trained.hyperparameters),
                "metadata": _json(trained.metadata),
                "created_at": moment,
                "updated_at": moment,
            },
        )
        with translated("warehouse", self._engine.url), self._engine.begin() as connection:
            known = connection.execute(
                sa.select(model.c.manifest_sha256).where(model.c.version == trained.version)
            ).scalar_one_or_none()
            if known is None:
                connection.execute(sa.insert(model).values(values))
            elif known != trained.manifest_sha256:
                raise WarehouseError(
                    f"Model version {trained.version!r} is known with manifest {known[:12]}..., "
                    f"not {trained.manifest_sha256[:12]}...",
                    remedy="Versions never change; train under another name.",
                )

    def activate(self, version: str, *, who: str) -> None:
        """Make a version the active one and retire the previous one, in one transaction.

        Raises
        ------
        WarehouseError
            The version is not recorded, or it is unmeasured.
        """
        model, moment = self.tables.model_version, now()
        with translated("warehouse", self._engine.url), self._engine.begin() as connection:
            if self._activatable(connection, version) == "active":
                return
            connection.execute(
                sa.update(model).where(model.c.status == "active").values(status="retired", updated_at=moment)
            )
            connection.execute(
                sa.update(model)
                .where(model.c.version == version)
                .values(status="active", activated_at=moment, activated_by=who[:128], updated_at=moment)
            )

    def require_activatable(self, version: str) -> None:
        """Raise what `activate` would raise; asked before the registry's alias moves."""
        with translated("warehouse", self._engine.url), self._engine.connect() as connection:
            self._activatable(connection, version)

    def _activatable(self, connection: sa.Connection, version: str) -> str:
        """The status of a version that is active or may become it."""
        model = self.tables.model_version
        status = connection.execute(
            sa.select(model.c.status).where(model.c.version == version)
        ).scalar_one_or_none()
        if status is None:
            raise self._unknown_version(version)
        if status == "unmeasured":
            raise WarehouseError(
                f"Model version {version!r} was never measured and cannot be activated.",
                remedy="Train again with enough routed items: routing-etl train",
            )
        return str(status)

    def follow_champion(self, champion: str | None, *, who: str) -> str | None:
        """Make the registry's champion the active version, as the alias decides which model predicts.

        They differ after a process died between the two changes of a promotion, or one of the two was restored from a
        backup. A champion that is not recorded here, or not measured, changes nothing: loading it says why.

        Parameters
        ----------
        champion : str or None
            The version that the alias names; None: no version is active then.
        who : str
            Recorded with the change.

        Returns
        -------
        str or None
            What was repaired, in one sentence; None if they agreed.
        """
        model = self.tables.model_version
        with translated("warehouse", self._engine.url), self._engine.connect() as connection:
            states = dict(connection.execute(sa.select(model.c.version, model.c.status)).all())
        active = next((v for v, status in states.items() if status == "active"), None)
        if active == champion or (champion is not None and states.get(champion) in (None, "unmeasured")):
            return None
        if champion is not None:
            self.activate(champion, who=who)
        else:
            retired = sa.update(model).where(model.c.status == "active")
            with translated("warehouse", self._engine.url), self._engine.begin() as connection:
                connection.execute(retired.values(status="retired", updated_at=now()))
        repaired = (
            f"the database had model version {active or 'none'} as the active one, the registry's champion is "
            f"{champion or 'none'}; the database follows the registry"
        )
        _log.warning("active_version_repaired", active=active, champion=champion)
        return repaired

    def manifest_sha256(self, version: str) -> str | None:
        """Hash of the version's manifest, recorded when it was trained; None if the version is not recorded."""
        model = self.tables.model_version
        query = sa.select(model.c.manifest_sha256).where(model.c.version == version)
        with translated("warehouse", self._engine.url), self._engine.connect() as connection:
            return connection.execute(query).scalar_one_or_none()

    def store_metrics(
        self, version: str, metrics: pl.DataFrame, *, run_id: str, window: MeasuredOn | None = None
    ) -> int:
        """Store a METRICS frame for a recorded version. Metrics of the same version, run and splits are replaced.

        A value that could not be measured is NULL and must have a reason. Returns the number of rows.

        Parameters
        ----------
        version : str
            Name of the version.
        metrics : polars.DataFrame
            METRICS frame.
        run_id : str
            The run that measured.
        window : MeasuredOn, optional
            On what. None: it is not on record, and the view `model_quality_trend` compares nothing.

        Raises
        ------
        FrameError
            The frame breaks its contract, a value is NaN or infinite, or NULL has no reason.
        WarehouseError
            The version is not recorded.
        """
        frame = METRICS.conform(metrics)
        for name in ("value", "low", "high"):
            bad = frame.filter(~pl.col(name).is_finite())
            if bad.height:
                raise FrameError(
                    f"Frame metrics: {name} of {bad['metric'][0]!r} ({bad['method'][0]}, {bad['split'][0]}) is "
                    f"{bad[name][0]}.",
                    remedy="What cannot be measured is NULL with a reason.",
                )
        silent = frame.filter(pl.col("value").is_null() & pl.col("reason").is_null())
        if silent.height:
            raise FrameError(
                f"Frame metrics: {silent['metric'][0]!r} has neither value nor reason.",
                remedy="What cannot be measured is NULL with a reason.",
            )
        target, moment = self.tables.model_metric, now()
        rows = [
            self._fit(
                target,
                {
                    **row,
                    **vars(window or MeasuredOn()),
                    "model_version": version,
                    "run_id": run_id,
                    "computed_at": moment,
                },
            )
            for row in frame.iter_rows(named=True)
        ]
        with translated("warehouse", self._engine.url), self._engine.begin() as connection:
            model = self.tables.model_version
            if not connection.execute(
                sa.select(sa.func.count()).select_from(model).where(model.c.version == version)
            ).scalar_one():
                raise self._unknown_version(version)
            connection.execute(
                sa.delete(target).where(
                    target.c.model_version == version,
                    target.c.run_id == run_id,
                    target.c.split.in_(frame["split"].unique().to_list()),
                )
            )
            if rows:
                connection.execute(sa.insert(target), rows)
        return len(rows)

    def newest_metric(
        self, version: str, metric: str, segment: str
    ) -> tuple[float | None, str | None] | None:
        """Value and reason of a published batch's metric (split `production`) as it was measured last; None when it never was.

        Parameters
        ----------
        version : str
            Name of the version.
        metric : str
            Name of the metric.
        segment : str
            Its segment.
        """
        m = self.tables.model_metric.c
        query = (
            sa.select(m.value, m.reason)
            .where(
                m.model_version == version,
                m.split == "production",
                m.metric == metric,
                m.segment == segment,
            )
            .order_by(m.computed_at.desc())
            .limit(1)
        )
        with translated("warehouse", self._engine.url), self._engine.connect() as connection:
            row = connection.execute(query).first()
        return None if row is None else (row.value, row.reason)

    # --- retention --------------------------------------------------------------------------------------------------
    def purge(self, *, keep_days: int | None = None, keep_models: int | None = None) -> dict[str, int]:
        """Remove what is bulky after days, and what is small after years (`keep_history_years`).

        After `keep_days` the check results and rejected rows of a run go; the run itself, a row, stays for years. Of versions
        beyond the newest `keep_models` the figures of baselines and differences go; the version and its own figures stay. Outcomes,
        commands and monthly times stay for years, decisions for ever. Each run or version is handled in a transaction of its own.
        The newest run, the active version and rejected rows that a kept run shows always stay.

        Parameters
        ----------
        keep_days : int, optional
            Check results and rejected rows of runs that started within this many days stay. None: as in the settings.
        keep_models : int, optional
            All metrics of this many of the newest versions stay besides the active one. None: as in the settings.

        Returns
        -------
        dict[str, int]
            Rows removed, by table.
        """
        days = keep_days if keep_days is not None else self._settings.keep_days
        models = keep_models if keep_models is not None else self._settings.keep_models
        limit = now() - timedelta(days=days)
        years = min(limit, now() - timedelta(days=365 * self._settings.keep_history_years))
        removed = dict.fromkeys(
            ("batch_run", "quality_result", "rejected_row", "model_version", "model_metric"), 0
        )
        for part in (
            self._purge_runs(limit, years),
            self._purge_versions(models, years),
            self._purge_history(years),
        ):
            for name, count in part:
                removed[name] = removed.get(name, 0) + count
        _log.info("records_purged", **removed)
        return removed

    def _purge_runs(self, limit: datetime, years: datetime) -> Iterator[tuple[str, int]]:
        run, reject, check = self.tables.batch_run, self.tables.rejected_row, self.tables.quality_result
        with translated("warehouse", self._engine.url), self._engine.connect() as connection:
            newest = connection.execute(
                sa.select(run.c.run_id).order_by(run.c.started_at.desc()).limit(1)
            ).scalar_one_or_none()
        needed = rejects.oldest_needed(self._engine, self.tables, limit, newest)
        bulky = sa.or_(
            run.c.rejects_no.is_not(None),
            _any(check, check.c.run_id == run.c.run_id),
            _any(reject, (reject.c.run_id == run.c.run_id) & rejects.not_needed(reject, needed)),
        )
        query = sa.select(run.c.run_id, run.c.started_at).where(
            run.c.started_at < limit, run.c.run_id != (newest or ""), sa.or_(run.c.started_at < years, bulky)
        )
        with translated("warehouse", self._engine.url), self._engine.connect() as connection:
            found = connection.execute(query).all()
        for run_id, started_at in found:
            yield from self._strip_run(run_id, needed, remove=started_at < years).items()

    def _strip_run(self, run_id: str, needed: int | None, *, remove: bool) -> dict[str, int]:
        """Remove the bulky rows of an old run, but for rejected rows that a newer run still shows; of a very old one all.

        A run whose rejected rows went shows none, instead of those that later runs share with it. The last number stays.
        """
        run, reject, check = self.tables.batch_run, self.tables.rejected_row, self.tables.quality_result
        done = {}
        with translated("warehouse", self._engine.url), self._engine.begin() as connection:
            mine = reject.c.run_id == run_id
            for child, where in (
                (check, check.c.run_id == run_id),
                (reject, mine & rejects.not_needed(reject, needed)),
            ):
                done[child.name] = delete_all(connection, child, where, child.c.run_id)
            last = connection.execute(sa.select(sa.func.max(run.c.rejects_no))).scalar()
            connection.execute(
                sa.update(run)
                .where(run.c.run_id == run_id, run.c.rejects_no < (last or 0))
                .values(rejects_no=None)
            )
            if remove and connection.execute(rows_left(reject, mine)).first() is None:
                done[run.name] = delete_all(connection, run, run.c.run_id == run_id, run.c.run_id)
        return done

    def _purge_versions(self, models: int, years: datetime) -> Iterator[tuple[str, int]]:
        model, metric = self.tables.model_version, self.tables.model_metric
        others = sa.select(model.c.version, model.c.created_at).where(model.c.status != "active")
        with translated("warehouse", self._engine.url), self._engine.connect() as connection:
            retired = connection.execute(others.order_by(model.c.created_at.desc())).all()[models:]
        for version, created_at in retired:
            of_it = metric.c.model_version == version
            with translated("warehouse", self._engine.url), self._engine.begin() as connection:
                if created_at < years:
                    yield metric.name, delete_all(connection, metric, of_it, metric.c.model_version)
                    yield (
                        model.name,
                        delete_all(connection, model, model.c.version == version, model.c.version),
                    )
                else:
                    bulky = of_it & (metric.c.method != "model")
                    yield metric.name, delete_all(connection, metric, bulky, metric.c.model_version)

    def _purge_history(self, years: datetime) -> Iterator[tuple[str, int]]:
        tb = self.tables
        for table, old in (
            (tb.prediction_outcome, tb.prediction_outcome.c.observed_at < years),
            (tb.audit_log, tb.audit_log.c.happened_at < years),
            (tb.time_profile_month, tb.time_profile_month.c.month < years.date()),
        ):
            key = next(iter(table.primary_key.columns))
            with translated("warehouse", self._engine.url), self._engine.begin() as connection:
                if connection.execute(rows_left(table, old)).first() is not None:
                    yield table.name, delete_all(connection, table, old, key)

    # --- helpers ----------------------------------------------------------------------------------------------------
    def _fit(self, table: sa.Table, values: Mapping[str, Any]) -> dict[str, Any]:
        """The values with texts cut to their columns; keys are left as they are."""
        return {
            k: cut(v, _length(table.c[k])) if isinstance(v, str) and not table.c[k].primary_key else v
            for k, v in values.items()
        }

    def _require_short(self, table: sa.Table, name: str, value: str) -> None:
        length = _length(table.c[name])
        if not value or len(value) > length:
            raise WarehouseError(
                f"{name} {value!r} has {len(value)} characters.", remedy=f"Use 1 to {length} characters."
            )

    def _require_run(self, connection: sa.Connection, run_id: str) -> None:
        run = self.tables.batch_run
        known = sa.select(sa.func.count()).select_from(run).where(run.c.run_id == run_id)
        if not connection.execute(known).scalar_one():
            raise self._unknown_run(run_id)

    def _unknown_run(self, run_id: str) -> WarehouseError:
        return WarehouseError(f"Run {run_id!r} was never started.", remedy="Call start_run first.")

    def _unknown_version(self, version: str) -> WarehouseError:
        return WarehouseError(
            f"Model version {version!r} is not recorded.", remedy="Train it first: routing-etl train"
        )
