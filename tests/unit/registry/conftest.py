"""A registry in a temporary folder and a small fitted estimator to put into it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from routing_etl.frames import AttributeSpec
from routing_etl.registry.artifacts import JSON_ARTIFACTS
from routing_etl.registry.store import ModelRegistry
from routing_etl.registry.versions import SavedVersion, VersionContents

ATTRIBUTES = (
    AttributeSpec("material", "code", source="ITEM_MATERIAL"),
    AttributeSpec("outer_mm", "number", unit="mm", source="OUTDIAMETER"),
)


@pytest.fixture
def predictor() -> LinearRegression:
    model = LinearRegression().fit(np.array([[0.0], [1.0], [2.0]]), np.array([1.0, 3.0, 5.0]))
    model.attributes = ATTRIBUTES
    return model


@pytest.fixture
def registry(tmp_path: Path) -> ModelRegistry:
    return ModelRegistry(tmp_path / "models", lock_timeout=0.2)


@pytest.fixture
def save(registry: ModelRegistry, predictor: LinearRegression) -> Callable[..., SavedVersion]:
    """Save a version; keyword arguments replace the ones of an ordinary, measured version."""

    def save_one(name: str | None = None, **changes: Any) -> SavedVersion:
        arguments: dict[str, Any] = {
            "metrics": {
                "training_samples": 3,
                "dataset_stats": {"total_samples": 3},
                "training_duration_sec": 0.5,
                "accuracy": 0.95,
                "precision_weighted": 0.93,
                "recall_weighted": 0.94,
                "f1_weighted": 0.935,
            },
            "metadata": {"source": "sqlite:///erp.db", "job": {"id": "run_1", "requested_by": "kim"}},
            "time_profiles": {"profiles": {"OPT": 1.0, "STD": 2.0, "SAFE": 3.0}},
            "json_artifacts": {n: {"재질": True} for n in JSON_ARTIFACTS},
        }
        contents = VersionContents(changes.pop("predictor", predictor), **{**arguments, **changes})
        return registry.save(contents, name=name)

    return save_one
