"""An item's own routing must not speak for it: neither while the ranker learns nor when a trained item is asked for."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import polars as pl
import pytest
from model_toy import ATTRIBUTES, NOW, toy_items, toy_operations, toy_rule

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


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
def test_routings_with_a_job_out_of_use_do_not_teach_that_nothing_is_right() -> None:
    """Two of three routings have a job that nobody plans any more. They are never among the candidates, and today's are."""
    items = toy_items(1200, seed=5)
    rules = toy_rule(items)
    known = toy_operations(items.head(900), rules[:900])
    dropped = known.filter(pl.col("rout_date") < NOW - timedelta(days=500), pl.col("proc_seq") == 10)
    assert dropped.height > 550
    dropped = dropped.with_columns(
        proc_seq=pl.lit(15, known.schema["proc_seq"]),
        job_cd=pl.lit("OLD"),
        job_nm=pl.lit("job OLD"),
        res_cd=pl.lit("OLD-1"),
    )
    operations = pl.concat([known, dropped]).sort("item_key", "proc_seq")
    model = RoutingPredictor(attributes=ATTRIBUTES, n_trees=16, n_jobs=1).fit(items, operations)
    found = model.predict(items.tail(300)).candidates
    assert not found["routing_code"].str.contains("OLD").any()
    first = found.filter(pl.col("candidate_rank") == 1)
    truth = dict(zip(items["item_key"], (">".join(s[0] for s in steps) for steps in rules), strict=True))
    right = [truth[key] == code for key, code in first.select("item_key", "routing_code").iter_rows()]
    assert np.mean(right) > 0.7
    assert first["confidence"].mean() == pytest.approx(np.mean(right), abs=0.1)
