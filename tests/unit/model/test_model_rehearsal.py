"""Few routed items: what the predictor finds out about itself before it says anything."""

from __future__ import annotations

import io

import joblib
import numpy as np
import polars as pl
import pytest
from model_toy import ATTRIBUTES, toy_items, toy_operations

from routing_etl.model.predictor import RoutingPredictor
from routing_etl.registry.unpickle import load_bytes


@pytest.fixture(scope="module")
def lottery() -> tuple[pl.DataFrame, RoutingPredictor]:
    """40 routed items whose routing no attribute tells: two of three have the same one, the others one of many."""
    items = toy_items(80, seed=3)
    rng = np.random.default_rng(4)
    usual = [("A00", "SAW-0", "in"), ("Z90", "PACK-1", "in")]
    others = [[("A00", "SAW-0", "in"), (f"B{k}", f"M{k}", "in"), ("Z90", "PACK-1", "in")] for k in range(9)]
    routings = [usual if rng.random() < 0.66 else others[int(rng.integers(9))] for _ in range(40)]
    operations = toy_operations(items.head(40), routings)
    model = RoutingPredictor(attributes=ATTRIBUTES, n_trees=5, rehearsals=3, random_state=1)
    return items, model.fit(items, operations)


def test_no_confidence_is_above_what_so_few_items_support(lottery) -> None:  # type: ignore[no-untyped-def]
    items, model = lottery
    found = model.predict(items.tail(40)).candidates
    first = found.filter(pl.col("candidate_rank") == 1)
    assert first.height == 40
    assert first["confidence"].max() < 0.85
    assert first["confidence"].mean() == pytest.approx(0.66, abs=0.15)
    assert found.group_by("item_key").agg(pl.col("confidence").sum())["confidence"].max() <= 1 + 1e-6


def test_the_card_is_told_what_was_rehearsed(lottery) -> None:  # type: ignore[no-untyped-def]
    _, model = lottery
    assert "Rehearsed on 40 routed items" in model.notes_[0]
    assert "no confidence is above 0.976" in model.notes_[0]  # 41 / 42


def test_a_copy_is_shown_as_a_fallback_with_the_copied_item(lottery) -> None:  # type: ignore[no-untyped-def]
    items, _ = lottery
    operations = toy_operations(
        items.head(40), [[("A00", "SAW-0", "in")]] * 20 + [[("B10", "CNC", "in")]] * 20
    )
    model = RoutingPredictor(attributes=ATTRIBUTES, n_trees=5, rehearsals=0, answers_by="nearest")
    found = model.fit(items, operations).predict(items.tail(40))
    first = found.candidates.filter(pl.col("candidate_rank") == 1)
    assert first["priority"].unique().to_list() == ["fallback"]
    copied = first.join(
        operations.select(reference_item_cd="item_cd", job="job_cd"), on="reference_item_cd", how="left"
    )
    assert (copied["routing_code"] == copied["job"]).all()
    assert model.notes_[0].startswith(
        "The first candidate comes from copying the routing of the most similar item"
    )
    assert found.evidence["item_key"].n_unique() == 40


def test_what_was_found_out_is_saved_with_the_model(lottery) -> None:  # type: ignore[no-untyped-def]
    items, model = lottery
    content = io.BytesIO()
    joblib.dump(model, content)
    again = load_bytes(content.getvalue())
    assert again.predict(items.tail(40)).candidates.equals(model.predict(items.tail(40)).candidates)
