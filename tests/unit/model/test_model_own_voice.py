"""An item's own routing must not speak for it: neither while the ranker learns nor when a trained item is asked for."""

from __future__ import annotations

import numpy as np
import polars as pl
from model_toy import ATTRIBUTES, toy_items, toy_operations, toy_rule

from routing_etl.model.predictor import RoutingPredictor


def whims(n: int, share: float, seed: int = 3) -> tuple[pl.DataFrame, list[list[tuple[str, str, str]]]]:
    """Items and routings; for a share of them the planner takes each of 12 further jobs by the toss of a coin."""
    items, rng = toy_items(n, seed), np.random.default_rng(seed)
    routings = toy_rule(items)
    for i in np.flatnonzero(rng.random(n) < share):
        taken = [(f"V{k:02}", "M-1", "in") for k in np.flatnonzero(rng.random(12) < 0.5)]
        routings[i] = [*routings[i][:2], *taken, *routings[i][2:]]
    return items, routings


def fitted(items: pl.DataFrame, routings: list[list[tuple[str, str, str]]]) -> RoutingPredictor:
    model = RoutingPredictor(attributes=ATTRIBUTES, n_trees=16, n_jobs=1)
    return model.fit(items, toy_operations(items.head(len(routings)), routings))


def test_where_no_routing_comes_twice_none_is_worth_anything() -> None:
    """The ranker learns from items whose own routing is among the known ones: counted with them, each would seem worth a
    share of the vote (a summed confidence of 0.15), though no item asked for has any of them."""
    items, routings = whims(500, 1.0)
    codes = [">".join(step[0] for step in steps) for steps in routings]
    assert len(set(codes[:350])) > 340
    found = fitted(items, routings[:350]).predict(items.tail(150))
    asked = dict(zip(items["item_key"].tail(150), codes[350:], strict=True))
    right = [asked[k] == c for k, c in found.candidates.select("item_key", "routing_code").iter_rows()]
    assert sum(right) <= 3
    assert found.candidates["confidence"].sum() / 150 < 0.05


def test_a_routing_that_only_the_item_itself_has_is_not_proposed_to_it() -> None:
    """Unless it is composed of operations that others have: 17 % are, and once 46 % were proposed."""
    items, routings = whims(350, 0.5)
    codes = pl.Series("routing_code", [">".join(step[0] for step in steps) for steps in routings])
    own = pl.DataFrame([items["item_key"], codes]).filter(codes.is_unique())
    assert own.height > 140
    found = fitted(items, routings).predict(items)
    proposed = found.candidates.join(own, on=["item_key", "routing_code"]).height
    assert found.candidates["item_key"].n_unique() == items.height
    assert proposed / own.height < 0.25
