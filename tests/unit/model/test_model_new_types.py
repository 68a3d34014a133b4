"""Items of part types that nobody has routed: answered like their family, as sure as they are right, or not at all.

The plant: four families of parts, told by a group code and a name, with routings of their own; a size decides one operation. A
third of the part types has an operation of its own, which nothing but the type tells, so that of a new type two in three can be
right.
"""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from routing_etl.model.plain import asked_frame
from routing_etl.model.predictor import RoutingPredictor

NAMES = ("FLANGE", "SLEEVE", "SHAFT", "COVER")
OPERATIONS = (
    ("SAW", "TURN", "DRILL"),
    ("SAW", "BORE", "GRIND", "LAP"),
    ("CUT", "MILL", "GRIND"),
    ("LASER", "BEND", "PAINT"),
)
LIMIT_MM = 100.0


def routing(family: int, size: float, own: str | None) -> list[str]:
    """Job codes that the plant's engineer writes."""
    jobs = list(OPERATIONS[family])
    if size > LIMIT_MM:
        jobs.insert(1, f"HEAT{family}")
    return [*jobs, *([own] if own else []), "PACK"]


def parts(n_types: int, per_type: int, seed: int, prefix: str = "T") -> tuple[pl.DataFrame, pl.DataFrame]:
    """Plain items of so many types of the four families, and their operations."""
    rng = np.random.default_rng(seed)
    family = np.repeat(np.arange(n_types) % 4, per_type)
    kind = np.repeat(np.arange(n_types), per_type)
    own = np.repeat(np.where(np.arange(n_types) // 4 % 3 == 0, "X", ""), per_type)
    size = np.round(rng.uniform(20, 200, len(kind)), 1)
    items = pl.DataFrame(
        {
            "item_cd": [f"{prefix}{i:05d}" for i in range(len(kind))],
            "part_type": [f"{prefix}{k:03d}" for k in kind],
            "item_nm": [
                f"{NAMES[f]} {w}" for f, w in zip(family, rng.integers(0, 9, len(kind)), strict=True)
            ],
            "group_cd": [f"G{f}" for f in family],
            "size_mm": size,
        }
    )
    jobs = [
        routing(f, s, f"{o}{k % 5}" if o else None)
        for f, s, o, k in zip(family, size, own, kind, strict=True)
    ]
    start = datetime(2025, 6, 1)
    rows = [
        {
            "item_cd": code, "proc_seq": 10 * (place + 1), "job_cd": job, "res_cd": f"M-{job}",
            "rout_date": start - timedelta(days=i * 37 % 900),
        }
        for i, (code, own_jobs) in enumerate(zip(items["item_cd"], jobs, strict=True))
        for place, job in enumerate(own_jobs)
    ]  # fmt: skip
    return items, pl.DataFrame(rows)


def first(model: RoutingPredictor, items: pl.DataFrame) -> pl.DataFrame:
    """The first candidate of every item that has one."""
    return model.predict(items).candidates.filter(pl.col("candidate_rank") == 1)


@pytest.fixture(scope="module")
def model() -> RoutingPredictor:
    return RoutingPredictor(n_trees=16, n_jobs=1).fit(*parts(48, 14, 0))


@pytest.fixture(scope="module")
def asked() -> tuple[pl.DataFrame, pl.DataFrame]:
    """Items of 48 new types, of which a third has an operation of its own, and their routings."""
    items, operations = parts(48, 4, 1, "N")
    written = operations.group_by("item_cd", maintain_order=True).agg(pl.col("job_cd").str.join(">"))
    return items, written


def test_a_new_type_of_a_known_family_gets_the_operations_of_its_family(
    model: RoutingPredictor, asked: tuple[pl.DataFrame, pl.DataFrame]
) -> None:
    found = first(model, asked[0]).join(asked[1], on="item_cd")
    assert found.height >= 0.95 * asked[0].height
    plain = found.filter(~found["job_cd"].str.contains(">X"))
    assert (plain["routing_code"] == plain["job_cd"]).mean() > 0.9
    size = asked[0].select("item_cd", "size_mm", "group_cd")
    big = found.join(size, on="item_cd").filter(pl.col("size_mm") > LIMIT_MM + 5)
    assert big.select(pl.col("routing_code").str.contains("HEAT")).to_series().mean() > 0.95


def test_new_types_are_as_sure_as_they_are_right(
    model: RoutingPredictor, asked: tuple[pl.DataFrame, pl.DataFrame]
) -> None:
    """Two in three: what a type has of its own nobody can know. The bound: three standard errors for 48 types."""
    found = first(model, asked[0]).join(asked[1], on="item_cd")
    right = (found["routing_code"] == found["job_cd"]).mean()
    sure = found["confidence"].mean()
    assert abs(sure - right) < 3 * np.sqrt(right * (1 - right) / 48)
    assert 0.45 < sure < 0.85


def test_a_truly_new_type_is_not_answered_and_the_reason_says_why(model: RoutingPredictor) -> None:
    items, _ = parts(4, 5, 2, "XX")
    strange = items.with_columns(
        item_nm=pl.lit("GIZMO 1"), group_cd=pl.lit("ZZ"), part_type=pl.lit("never heard of")
    )
    found = model.predict(strange)
    assert found.candidates.height == 0
    assert found.abstained["reason_code"].unique().to_list() == ["unseen_part_type"]
    reason = found.abstained["reason"][0]
    assert "'never heard of'" in reason
    assert "group_cd" in reason
    assert "item_nm" in reason


def spoken(items: pl.DataFrame, ends: dict[str, str]) -> pl.DataFrame:
    """The items with a type whose name ends with what its group makes, as in German compounds."""
    number = pl.col("part_type").str.tail(3)
    return items.with_columns(part_type=pl.lit("X") + number + pl.col("group_cd").replace_strict(ends))


ENDS = {"G0": "flansch", "G1": "buchse", "G2": "welle", "G3": "deckel"}


@pytest.fixture(scope="module")
def speaking() -> RoutingPredictor:
    items, operations = parts(48, 14, 0)
    return RoutingPredictor(n_trees=16, n_jobs=1).fit(spoken(items, ENDS), operations)


def test_a_new_type_whose_name_and_group_agree_is_answered(speaking: RoutingPredictor) -> None:
    items = spoken(parts(48, 4, 1, "N")[0].with_columns(part_type="N" + pl.col("part_type")), ENDS)
    found = speaking.predict(items.with_columns(part_type="N" + pl.col("part_type")))
    assert found.candidates["item_cd"].n_unique() >= 0.95 * items.height


def test_a_new_type_in_a_known_group_whose_name_nobody_shares_is_not_answered(
    speaking: RoutingPredictor,
) -> None:
    items = parts(8, 4, 1, "N")[0].with_columns(part_type=pl.lit("Gelaendr"))
    found = speaking.predict(items)
    assert found.candidates.height == 0
    assert found.abstained["reason"].str.contains("nothing alike is shared in part_type", literal=True).all()


def test_a_new_type_whose_name_contradicts_its_group_is_not_answered(speaking: RoutingPredictor) -> None:
    crossed = {"G0": "welle", "G1": "deckel", "G2": "flansch", "G3": "buchse"}
    items = parts(8, 4, 1, "N")[0]
    items = spoken(items.with_columns(part_type="N" + pl.col("part_type")), crossed)
    found = speaking.predict(items.with_columns(part_type="N" + pl.col("part_type")))
    assert found.candidates.height == 0
    assert found.abstained["reason"].str.contains("speak for different routings", literal=True).all()


def test_known_and_new_types_are_answered_alike_together_and_alone(
    model: RoutingPredictor, asked: tuple[pl.DataFrame, pl.DataFrame]
) -> None:
    known, _ = parts(48, 1, 3)
    known = known.with_columns(item_cd=pl.lit("K") + pl.col("item_cd"))
    new = asked[0].head(60)
    mixed = asked_frame(pl.concat([known, new]).sample(fraction=1.0, shuffle=True, seed=1))
    whole = model.predict(mixed)
    order = whole.candidates["item_key"].unique(maintain_order=True).to_list()
    silent = set(whole.abstained["item_key"])
    assert order == [k for k in mixed["item_key"] if k not in silent]
    alone = [model.predict(mixed.slice(i, 1)) for i in range(0, mixed.height, 9)]
    for each in alone:
        here = whole.candidates.filter(pl.col("item_key").is_in(each.candidates["item_key"].implode()))
        assert_frame_equal(here, each.candidates, rel_tol=1e-3)


def test_known_types_do_not_notice_what_is_learned_for_new_ones(model: RoutingPredictor) -> None:
    known, _ = parts(48, 2, 4)
    known = known.with_columns(item_cd=pl.lit("K") + pl.col("item_cd"))
    found = model.predict(known)
    learned, model.new_types_ = model.new_types_, None
    try:
        assert_frame_equal(model.predict(known).candidates, found.candidates)
    finally:
        model.new_types_ = learned


def test_the_same_seed_gives_the_same_answer_for_new_types(
    model: RoutingPredictor, asked: tuple[pl.DataFrame, pl.DataFrame]
) -> None:
    again = RoutingPredictor(n_trees=16, n_jobs=1).fit(*parts(48, 14, 0))
    assert_frame_equal(again.predict(asked[0]).candidates, model.predict(asked[0]).candidates)


def test_one_part_type_tells_nothing_about_another() -> None:
    items, operations = parts(4, 80, 5)
    one = items.filter(pl.col("part_type") == "T001")
    model = RoutingPredictor(n_trees=8, n_jobs=1, rehearsals=0).fit(
        one, operations.filter(pl.col("item_cd").is_in(one["item_cd"].implode()))
    )
    found = model.predict(parts(2, 3, 6, "N")[0])
    assert found.candidates.height == 0
    assert found.abstained["reason"].str.contains("too few part types").all()


def test_without_a_part_type_nothing_is_of_a_new_one() -> None:
    items, operations = parts(12, 14, 7)
    model = RoutingPredictor(n_trees=8, n_jobs=1, rehearsals=0).fit(items.drop("part_type"), operations)
    assert model.new_types_ is None
    asked, _ = parts(12, 2, 8, "N")
    found = first(model, asked.drop("part_type"))
    assert found.height == asked.height
    assert found["confidence"].is_between(0, 1).all()


def test_types_that_have_nothing_in_common_are_answered_little(
    asked: tuple[pl.DataFrame, pl.DataFrame],
) -> None:
    """Where every type has jobs of its own, none that is left out is found by the others, and the confidence says so."""
    items, operations = parts(8, 14, 9)
    kind = items.select("item_cd", "part_type")
    apart = operations.join(kind, on="item_cd").with_columns(job_cd=pl.col("part_type") + pl.col("job_cd"))
    model = RoutingPredictor(n_trees=8, n_jobs=1, rehearsals=0).fit(items, apart.drop("part_type"))
    found = first(model, asked[0])
    assert found["confidence"].sum() < 0.06 * asked[0].height


def test_a_model_that_asked_no_names_answers_new_types(
    model: RoutingPredictor, asked: tuple[pl.DataFrame, pl.DataFrame]
) -> None:
    older = copy(model)
    assert model.new_types_ is not None
    older.new_types_ = replace(model.new_types_, names=None)
    assert first(older, asked[0]).height >= 0.95 * asked[0].height
