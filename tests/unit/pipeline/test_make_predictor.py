"""What a user sets in the settings and in the source profile reaches the model."""

from __future__ import annotations

from pathlib import Path

from routing_etl.frames import AttributeSpec
from routing_etl.pipeline.learning import make_predictor
from routing_etl.settings import load_settings

OVERLAY = """
extends = "bi_views"
[routing]
waiting_pool_words = ["WAIT"]
[results]
half_life_days = 400
[items.attributes.item_spec]
weight = 2.5
[items.attributes.draw_no]
weight = 0
"""
ATTRIBUTES = (AttributeSpec("part_type", "category"), AttributeSpec("item_spec", "text"))


def test_the_bundled_profile_names_waiting_pools_and_a_half_life(tmp_path: Path) -> None:
    made = make_predictor(load_settings(home=tmp_path), ATTRIBUTES).get_params()
    assert made["pool_words"] == ("대기",)
    assert made["half_life_days"] == 1500.0
    assert made["feature_weights"] is None
    assert made["attributes"] == ATTRIBUTES


def test_settings_and_profile_reach_the_model(tmp_path: Path) -> None:
    profile = tmp_path / "plant.toml"
    profile.write_text(OVERLAY, encoding="utf-8")
    settings = load_settings(
        home=tmp_path, profile=str(profile), trees=7, neighbours=5, evidence_per_candidate=1, random_state=3
    )
    made = make_predictor(settings, ATTRIBUTES).get_params()
    assert made["pool_words"] == ("WAIT",)
    assert made["half_life_days"] == 400.0
    assert made["feature_weights"] == {"item_spec": 2.5}
    assert (made["n_trees"], made["n_neighbors"], made["evidence_per_candidate"]) == (7, 5, 1)
    assert made["random_state"] == 3
