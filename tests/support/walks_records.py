"""Walks of remedies that a call from Python gets of our tables and of the registry; each in a folder of its own."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from sklearn.linear_model import LinearRegression
from walks_python import ARTIFACTS, Call
from warehouse_predictions import known_rows, warehouse, write_rows

from routing_etl.registry.store import ModelRegistry
from routing_etl.registry.versions import VersionContents
from routing_etl.warehouse.model_records import ModelRecords, TrainedVersion
from routing_etl.warehouse.publish import Publisher
from routing_etl.warehouse.run_records import RunEnd, RunRecords


def _publisher(use: Callable[[Publisher, Path], Any]) -> Callable[[], Any]:
    """A call on our empty tables, with a folder that holds the predictions of one item."""

    def call() -> Any:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            publisher, _ = warehouse(folder / "warehouse.db")
            try:
                return use(publisher, write_rows(folder / "predictions", known_rows()))
            finally:
                publisher._engine.dispose()

    return call


def _runs(use: Callable[[RunRecords], Any]) -> Callable[[], Any]:
    """A call on the records of runs in our empty tables."""
    return _publisher(lambda publisher, folder: use(RunRecords(publisher._engine, publisher._settings)))


def _models(use: Callable[[ModelRecords], Any]) -> Callable[[], Any]:
    """A call on the records of model versions in our empty tables."""
    return _publisher(lambda publisher, folder: use(ModelRecords(publisher._engine, publisher._settings)))


def _loaded(publisher: Publisher, predictions: Path, model: str = "m1") -> int:
    return publisher.load(predictions, run_id="r1", model_version=model).publication_id


def _published_twice(publisher: Publisher, predictions: Path) -> Any:
    """What a rollback needs: one more publication before the current one."""
    for model in ("m1", "m2"):
        publisher.publish(_loaded(publisher, predictions, model))
    return publisher.rollback()


def _ended(status: str, *, begun: bool = True) -> Callable[[RunRecords], Any]:
    def use(runs: RunRecords) -> Any:
        if begun:
            runs.start_run("r1", "night")
        return runs.finish_run("r1", RunEnd(status))

    return use


def _stored(*versions: TrainedVersion) -> Callable[[ModelRecords], Any]:
    return lambda models: [models.store_model_version(version) for version in versions]


def _activated(version: TrainedVersion | None) -> Callable[[ModelRecords], Any]:
    def use(models: ModelRecords) -> Any:
        if version is not None:
            models.store_model_version(version)
        return models.require_activatable("v1")

    return use


def _measured(**changes: Any) -> Callable[[ModelRecords], Any]:
    metric = {"method": "model", "split": "time", "segment": "all", "metric": "accuracy", "value": 0.9, "low": 0.8, "high": 1.0,
              "n": 10, "reason": None, **changes}  # fmt: skip

    def use(models: ModelRecords) -> Any:
        models.store_model_version(V1)
        return models.store_metrics("v1", pl.DataFrame([metric], infer_schema_length=None), run_id="r1")

    return use


def _registry(use: Callable[[ModelRegistry], Any]) -> Callable[[], Any]:
    """A call on a registry that holds the versions v1, the champion, and v2; v0 was never measured."""

    def call() -> Any:
        with tempfile.TemporaryDirectory() as folder:
            registry = ModelRegistry(Path(folder) / "models")
            for name in ("v1", "v2"):
                registry.save(_contents(accuracy=0.9), name=name)
            registry.save(_contents(), name="v0")
            registry.set_alias("champion", "v1", "kim", "first")
            return use(registry)

    return call


def _contents(**scores: float) -> VersionContents:
    model = LinearRegression().fit(np.array([[0.0], [1.0]]), np.array([1.0, 3.0]))
    model.attributes = ()
    counted = {"training_samples": 2, "dataset_stats": {"total_samples": 2}, "training_duration_sec": 0.1}
    profiles = {"profiles": {"OPT": 1.0, "STD": 2.0, "SAFE": 3.0}}
    return VersionContents(
        model, metrics={**counted, **scores}, metadata={"source": "erp", "job": {"id": "r1"}}, time_profiles=profiles,
        json_artifacts=dict(ARTIFACTS),
    )  # fmt: skip


V1 = TrainedVersion("v1", "a" * 64)
CALLS = (
    Call("Run … was never started.", _runs(_ended("succeeded", begun=False)), _runs(_ended("succeeded"))),
    Call("Run … cannot end as …", _runs(_ended("done")), _runs(_ended("succeeded"))),
    Call("… … has … characters.", _runs(lambda runs: runs.start_run("r" * 65, "night")), _runs(lambda runs: runs.start_run("r" * 64, "night"))),
    Call("A new model version cannot have status …", _models(_stored(TrainedVersion("v1", "a" * 64, "active"))), _models(_stored(V1))),
    Call("Model version … is known with manifest …", _models(_stored(V1, TrainedVersion("v1", "b" * 64))), _models(_stored(V1, TrainedVersion("v2", "b" * 64)))),
    Call("Model version … was never measured", _models(_activated(TrainedVersion("v1", "a" * 64, "unmeasured"))), _models(_activated(V1))),
    Call("Model version … is not recorded.", _models(_activated(None)), _models(_activated(V1))),
    Call("Frame metrics: … has neither value nor reason.", _models(_measured(value=None)), _models(_measured(value=None, reason="no reports"))),
    Call("Frame metrics: … of … (…, …) is …", _models(_measured(value=float("nan"))), _models(_measured(value=None, reason="no reports"))),
    Call("keep = … would remove the current publication.", _publisher(lambda made, _: made.purge(0)), _publisher(lambda made, _: made.purge(1))),
    Call("Publication … … and cannot be published", _publisher(lambda made, _: made.publish(1)), _publisher(lambda made, folder: made.publish(_loaded(made, folder)))),
    Call("Cannot roll back: …", _publisher(lambda made, folder: (made.publish(_loaded(made, folder)), made.rollback())), _publisher(_published_twice)),
    Call("… … has … characters, at most … fit.", _publisher(lambda made, folder: _loaded(made, folder, "m" * 200)), _publisher(lambda made, folder: _loaded(made, folder, "m" * 128))),
    Call("Model version … exists already in …", _registry(lambda made: made.save(_contents(accuracy=0.9), name="v1")), _registry(lambda made: made.save(_contents(accuracy=0.9), name="v3"))),
    Call("Who sets … and why must be said", _registry(lambda made: made.set_alias("champion", "v2", "kim", " ")), _registry(lambda made: made.set_alias("champion", "v2", "kim", "better"))),
    Call("Model version … is the champion and cannot challenge itself.", _registry(lambda made: made.set_alias("challenger", "v1", "kim", "next")), _registry(lambda made: made.set_alias("challenger", "v2", "kim", "next"))),
    Call("Model version … has no measured score", _registry(lambda made: made.set_alias("champion", "v0", "kim", "next")), _registry(lambda made: made.set_alias("champion", "v2", "kim", "next"))),
)  # fmt: skip
