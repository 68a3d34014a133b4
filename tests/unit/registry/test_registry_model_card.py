"""The card of a saved version: from its own files, verified, with the promotions that came after it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from routing_etl.errors import RegistryError, TamperedArtifactError
from routing_etl.pipeline.cards import CARD, documents, model_card
from routing_etl.registry.artifacts import JSON_ARTIFACTS
from routing_etl.registry.store import ModelRegistry, SavedVersion

Save = Callable[..., SavedVersion]
IMPORTANCE = {n: {} for n in JSON_ARTIFACTS} | {"feature_importance": {"재질": 0.75, "part|type": 0.25}}


def row(value: float | None, reason: str | None = None) -> dict[str, Any]:
    return {
        "method": "model", "split": "time", "segment": "all", "metric": "exact_at_1", "value": value, "low": None,
        "high": None, "n": 12, "reason": reason,
    }  # fmt: skip


def test_the_card_of_a_version_ends_with_who_promoted_it_and_why(save: Save, registry: ModelRegistry) -> None:
    metrics = {"accuracy": 0.91, "metrics": [row(0.654)], "training_samples": 77, "split": "time"}
    save("v1", metrics=metrics, documents=documents, json_artifacts=IMPORTANCE)
    before = model_card(registry, "v1")
    assert before.startswith("# Model card: v1\n") and "0.654" in before and "재질" in before
    assert before.rstrip().endswith("It was never champion or challenger.")
    registry.set_alias("champion", "v1", who="kim", why="better on glands")
    after = model_card(registry, "champion")
    assert "| champion | kim | better on glands |" in after
    stored = registry.read_text("v1", CARD)
    assert before.startswith(stored) and after.startswith(stored)


def test_a_version_that_was_not_measured_has_a_card_that_says_why(
    save: Save, registry: ModelRegistry
) -> None:
    metrics = {"metrics": [row(float("nan"), "NO_ACTUAL_DATA: all items are alike")], "training_samples": 77}
    saved = save("v1", metrics=metrics, documents=documents, json_artifacts=IMPORTANCE)
    assert json.loads((saved.path / "metrics.json").read_text("utf-8"))["measured"] is False
    card = model_card(registry, "v1")
    assert "NO_ACTUAL_DATA: all items are alike" in card and "No baseline was measured." in card
    assert "| version | " in card and "accuracy" in card


def test_a_changed_card_is_refused_and_a_missing_one_is_explained(
    save: Save, registry: ModelRegistry
) -> None:
    saved = save("v1", documents=documents, json_artifacts=IMPORTANCE)
    card = saved.path / "model_card.md"
    card.write_text(card.read_text("utf-8").replace("–", "0.999"), encoding="utf-8")
    with pytest.raises(TamperedArtifactError, match=r"model_card\.md"):
        model_card(registry, "v1")
    save("old", json_artifacts=IMPORTANCE)
    with pytest.raises(RegistryError, match=r"has no model card.*earlier release"):
        model_card(registry, "old")
