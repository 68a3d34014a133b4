"""What leaves the plant: a rule per job, a routing that leaves as a whole, an outside resource written in several ways."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from model_toy import ATTRIBUTES, toy_items, toy_operations

from routing_etl.model.catalogue.routings import build_catalogue
from routing_etl.model.machines.outside_model import OutsideModel
from routing_etl.model.predictor import RoutingPredictor

LARGE, HUGE = 200.0, 260.0


def routings(items: pl.DataFrame) -> list[list[tuple[str, str | None, str]]]:
    """Plating goes outside above LARGE, to a resource that half of the planners leave empty; in-house it has three
    machines. What is above HUGE is made outside altogether, and its inspection is booked outside; else it is in-house."""
    out: list[list[tuple[str, str | None, str]]] = []
    for i, size in enumerate(items["outer_mm"].fill_null(100.0)):
        partner = "PARTNER" if i % 2 else None
        if size >= HUGE:
            out.append([("W10", partner, "out"), ("Q10", partner, "out")])
        elif size >= LARGE:
            out.append([("S10", "SAW-1", "in"), ("P10", partner, "out"), ("Q10", "GAUGE", "in")])
        else:
            out.append([("S10", "SAW-1", "in"), ("P10", f"BATH-{i % 3}", "in"), ("Q10", "GAUGE", "in")])
    return out


@pytest.fixture(scope="module")
def known() -> tuple[pl.DataFrame, pl.DataFrame]:
    items = toy_items(900, seed=6)
    return items, toy_operations(items, routings(items))


@pytest.fixture(scope="module")
def predictor(known: tuple[pl.DataFrame, pl.DataFrame]) -> RoutingPredictor:
    return RoutingPredictor(attributes=ATTRIBUTES, n_trees=20, n_jobs=1).fit(*known)


@pytest.mark.slow
def test_in_house_or_outside_is_right_for_every_operation(predictor: RoutingPredictor) -> None:
    asked = toy_items(1200, seed=7).filter(pl.col("outer_mm").is_not_null()).tail(300)
    asked = asked.with_columns(
        item_cd=pl.concat_str(pl.lit("N"), "item_cd"), item_key=pl.concat_str(pl.lit("N"), "item_key")
    ).filter(((pl.col("outer_mm") - LARGE).abs() > 8) & ((pl.col("outer_mm") - HUGE).abs() > 8))
    found = predictor.predict(asked).operations.filter(pl.col("candidate_rank") == 1)
    found = found.join(asked.select("item_key", "outer_mm"), on="item_key")
    right = (
        pl.when(pl.col("job_cd") == "P10")
        .then(pl.col("outer_mm") >= LARGE)
        .when(pl.col("job_cd") == "Q10")
        .then(pl.col("outer_mm") >= HUGE)
        .otherwise(pl.col("job_cd") == "W10")
    )
    share = (
        found.with_columns(right=right == (pl.col("inside") == "out"))
        .group_by("job_cd")
        .agg(pl.col("right").mean())
    )
    assert dict(share.iter_rows()) == {j: pytest.approx(1.0, abs=0.03) for j in ("P10", "Q10", "S10", "W10")}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("leaves", "away", "home"),
    [
        (
            0.65,
            ("PARTNER", None),
            ("BATH-1",),
        ),  # outside operations whose resource is not filled in count too
        (0.38, ("PARTNER",), ("BATH-1", "BATH-2", "BATH-3")),  # several machines in-house
    ],
)
def test_neither_side_loses_because_its_vote_is_split(
    leaves: float, away: tuple[str | None, ...], home: tuple[str, ...]
) -> None:
    """Nothing tells where an item goes: the more frequent side is right, however many steps it has."""
    items = toy_items(700, seed=8)
    rng = np.random.default_rng(1)
    goes = rng.random(items.height) < leaves
    plating = [
        ("P10", str(rng.choice(home)), "in")
        if not out
        else ("P10", away[int(rng.integers(len(away)))], "out")
        for out in goes
    ]
    known = [[("S10", "SAW-1", "in"), step] for step in plating]
    model = RoutingPredictor(attributes=ATTRIBUTES, n_trees=20, n_jobs=1).fit(
        items, toy_operations(items, known)
    )
    asked = toy_items(900, seed=9).tail(200)
    found = model.predict(asked).operations.filter(
        (pl.col("candidate_rank") == 1) & (pl.col("job_cd") == "P10")
    )
    share = float((found["inside"] == "out").mean())
    assert share > 0.75 if leaves > 0.5 else share < 0.35


def test_the_rest_of_the_routing_decides_where_the_item_does_not(
    known: tuple[pl.DataFrame, pl.DataFrame],
) -> None:
    """The same item, asked about two routings: its inspection leaves with the routing that leaves."""
    catalogue = build_catalogue(*known)
    features = np.zeros((catalogue.labels.height, 2), dtype=np.float32)
    model = OutsideModel(n_jobs=1).fit(catalogue, features, np.ones(len(features), dtype=np.float32))
    book = catalogue.book()
    codes = book.codes.to_list()
    asked = np.array([codes.index("W10>Q10"), codes.index("S10>P10>Q10")])
    place, chance = model.predict(features, np.zeros(2, np.int64), asked, book)
    found = dict(zip(place.tolist(), chance.tolist(), strict=True))
    assert set(found) == {1, 3, 4}, "W10 and S10 are never in doubt and not learned"
    assert found[1] > 0.95 and found[4] < 0.05


def test_a_job_that_hardly_ever_left_is_not_learned(known: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    items, _ = known
    few = [[("S10", "SAW-1", "in"), ("P10", "X", "out" if i < 3 else "in")] for i in range(items.height)]
    catalogue = build_catalogue(items, toy_operations(items, few))
    features = np.zeros((catalogue.labels.height, 1), dtype=np.float32)
    model = OutsideModel(n_jobs=1).fit(catalogue, features, np.ones(len(features), np.float32))
    place, chance = model.predict(features, np.zeros(1, np.int64), np.zeros(1, np.int64), catalogue.book())
    assert len(place) == len(chance) == 0
