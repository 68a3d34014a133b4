"""What a user sets in the settings and in the source profile reaches the model."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from homes import home_settings

from routing_etl import __version__
from routing_etl.erp.profile import load_profile
from routing_etl.frames import AttributeSpec, write_attributes
from routing_etl.pipeline.context import Context
from routing_etl.pipeline.learning import make_predictor
from routing_etl.pipeline.recipe import maker_of, present_recipe
from routing_etl.progress import SILENT
from routing_etl.runs import RunFolder
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


@pytest.fixture
def ctx(tmp_path: Path) -> Context:
    settings, run = home_settings(tmp_path, trees=7), RunFolder("r", tmp_path / "r")
    run.clean.mkdir(parents=True)
    write_attributes(run.clean / "items.attributes.json", ATTRIBUTES)
    return Context(settings, run, SILENT)


def saved_version(ctx: Context, **parameters: object) -> Any:
    """A version as the registry shows it, made by the present recipe but for these parameters."""
    return SimpleNamespace(
        info=SimpleNamespace(name="old"),
        metadata={
            "hyperparameters": {**present_recipe(ctx).parameters, "answers_by": "auto", **parameters},
            "profile_fingerprint": load_profile(ctx.settings.profile).fingerprint,
        },
        runtime_versions={"routing_etl": __version__},
    )


def test_a_version_made_again_copies_where_it_copied(ctx: Context) -> None:
    """Beside another number of trees: a champion that copies the nearest item is not judged as the model that it is not."""
    make = maker_of(ctx, cast(Any, saved_version(ctx, n_trees=5, answers_by="nearest")), ATTRIBUTES)
    assert make is not None
    made = make().get_params()
    assert (made["n_trees"], made["answers_by"]) == (5, "nearest")


def test_the_present_recipe_and_that_of_another_profile_are_not_made_again(ctx: Context) -> None:
    assert maker_of(ctx, saved_version(ctx), ATTRIBUTES) is None
    other = saved_version(ctx, n_trees=5)
    other.metadata["profile_fingerprint"] = "another"
    assert maker_of(ctx, other, ATTRIBUTES) is None
