"""The record of model versions: when each was trained, which is active, and what was measured.

Belongs here: the tables `model_version` and `model_metric`. Does not: why a version was promoted (`decisions`), its files
(`registry`), and how long metrics are kept (`retention`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from routing_etl.database.engine import translated
from routing_etl.errors import FrameError, WarehouseError
from routing_etl.frames import METRICS
from routing_etl.log import get_logger
from routing_etl.settings import Settings
from routing_etl.warehouse.column_values import as_json, fitted, require_short
from routing_etl.warehouse.migrate import check_head
from routing_etl.warehouse.schema import MODEL_STATES, schema_for, tables
from routing_etl.warehouse.types import now
from routing_etl.warehouse.writing import place_of, require_newest, writing

_log = get_logger(__name__)


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


class ModelRecords:
    """Reads and writes the records of model versions in our schema.

    Parameters
    ----------
    engine : Engine
        Engine of the warehouse, migrated to head.
    settings : Settings
        Names our schema.

    Raises
    ------
    WarehouseError
        The database is not at head.
    """

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine = engine
        self._place = schema_for(engine, settings.warehouse_schema)
        self.tables = tables(self._place)
        check_head(engine, self._place)

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
        require_short(model, "version", trained.version)
        values = fitted(
            model,
            {
                **vars(trained),
                "hyperparameters": as_json(trained.hyperparameters),
                "metadata": as_json(trained.metadata),
                "created_at": moment,
                "updated_at": moment,
            },
        )
        with writing(self._engine, self._place) as connection:
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
        with writing(self._engine, self._place) as connection:
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
            require_newest(connection, self._place)
            self._activatable(connection, version)

    def _activatable(self, connection: sa.Connection, version: str) -> str:
        """The status of a version that is active or may become it."""
        model = self.tables.model_version
        status = connection.execute(
            sa.select(model.c.status).where(model.c.version == version)
        ).scalar_one_or_none()
        if status is None:
            raise _unknown_version(version)
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
            with writing(self._engine, self._place) as connection:
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
        frame = _measured(metrics)
        target, moment = self.tables.model_metric, now()
        rows = [
            fitted(
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
        with writing(self._engine, self._place) as connection:
            model = self.tables.model_version
            if not connection.execute(
                sa.select(sa.func.count()).select_from(model).where(model.c.version == version)
            ).scalar_one():
                raise _unknown_version(version)
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
            .order_by(place_of(self._place, m.run_id, m.computed_at).desc(), m.computed_at.desc())
            .limit(1)
        )
        with translated("warehouse", self._engine.url), self._engine.connect() as connection:
            row = connection.execute(query).first()
        return None if row is None else (row.value, row.reason)


def _measured(metrics: pl.DataFrame) -> pl.DataFrame:
    """The METRICS frame, in which a value is a number, or NULL with a reason."""
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
    return frame


def _unknown_version(version: str) -> WarehouseError:
    return WarehouseError(
        f"Model version {version!r} is not recorded.", remedy="Train it first: routing-etl train"
    )
