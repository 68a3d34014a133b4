"""Codes that went out of use and the codes that took over: small histories whose answers are known by hand."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from model_toy import toy_items, toy_operations, toy_rule

from routing_etl.model.catalogue.recency import retired, successors
from routing_etl.model.catalogue.routings import build_catalogue, usual_operations
from routing_etl.model.machines.resources import unnamed_steps


def history(
    routings: Sequence[tuple[float, str, str]], kind: str = "K"
) -> tuple[pl.DataFrame, dict[str, float]]:
    """Operations of one item per routing, from (age in days, jobs, resources of the jobs or "")."""
    rows = [
        (f"I{i:03}", job, resource, kind)
        for i, (_, jobs, resources) in enumerate(routings)
        for job, resource in zip(jobs.split(), (resources or jobs).split(), strict=True)
    ]
    own = pl.DataFrame(rows, schema=["item_key", "job_cd", "res_cd", "part_type"], orient="row")
    return own, {f"I{i:03}": age for i, (age, _, _) in enumerate(routings)}


def spread(ages: range, jobs: str, resources: str = "") -> list[tuple[float, str, str]]:
    return [(float(age), jobs, resources) for age in ages]


def test_a_successor_is_found_by_few_uses_and_in_spite_of_a_stray_date() -> None:
    old = [*spread(range(500, 3000, 50), "A X1 C"), (40.0, "A X1 C", "")]
    assert successors(*history([*old, *spread(range(10, 400, 70), "A X2 C")])) == {"X1": "X2"}


def test_too_few_uses_prove_nothing() -> None:
    # Of all orders in time of 10 and 1 uses one in 11 has the new one last.
    assert successors(*history([*spread(range(500, 3000, 250), "A X1 C"), (10.0, "A X2 C", "")])) == {}


def test_two_codes_that_meet_only_at_a_stray_date_do_not_succeed_each_other() -> None:
    elsewhere = [*spread(range(500, 3000, 50), "A X1 C"), (40.0, "D X1 E", "")]
    assert successors(*history([*elsewhere, *spread(range(10, 400, 20), "D X2 E")])) == {}
    # The other way round: the new code stands where the old one stood by its stray date only.
    old = spread(range(500, 3000, 50), "A X1 C")
    new = [*spread(range(10, 400, 8), "D X2 E"), (2000.0, "A X2 C", "")]
    assert successors(*history([*old, *new])) == {}


def test_codes_that_were_always_alternatives_do_not_succeed_each_other() -> None:
    both = [*spread(range(10, 3000, 60), "A X1 C"), *spread(range(40, 3000, 60), "A X2 C")]
    assert successors(*history(both)) == {}


def test_a_new_code_in_another_place_or_of_another_kind_is_no_successor() -> None:
    old = spread(range(500, 3000, 50), "A X1 C")
    elsewhere = history([*old, *spread(range(10, 400, 40), "D X2 E")])
    assert successors(*elsewhere) == {}
    own, age = history([*old, *spread(range(10, 400, 40), "A X2 C")])
    other = own.with_columns(
        part_type=pl.when(pl.col("item_key") < "I050").then(pl.lit("K")).otherwise(pl.lit("L"))
    )
    assert successors(other, age) == {}


def test_a_chain_of_codes_ends_at_the_code_of_today() -> None:
    chain = [
        *spread(range(2000, 3000, 40), "A X1 C"),
        *spread(range(1000, 1900, 40), "A X2 C"),
        *spread(range(10, 900, 40), "A X3 C"),
    ]
    assert successors(*history(chain)) == {"X1": "X3", "X2": "X3"}
    longer = [
        routing for n in range(8) for routing in spread(range(300 * n + 20, 300 * n + 280, 20), f"A Y{n} C")
    ]
    assert successors(*history(longer)) == {f"Y{n}": "Y0" for n in range(1, 8)}


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 12), st.sampled_from(["A X1 C", "A X2 C", "X3 C", "A X3", "X1"])),
        max_size=60,
    ),
    st.sets(st.sampled_from(["X1", "X2", "X3", "A"])),
)
def test_a_code_is_replaced_at_most_once_and_never_by_one_that_is_replaced(
    uses: list[tuple[int, str]], gone: set[str]
) -> None:
    own, age = history([(100.0 * day, jobs, "") for day, jobs in uses]) if uses else history([(1.0, "A", "")])
    found = successors(own, age, sorted(gone))
    assert not set(found) & set(found.values())
    assert set(found) | set(found.values()) <= set(own["job_cd"])


def test_neighbours_replaced_on_the_same_day_do_not_hide_each_other() -> None:
    old, new = spread(range(500, 3000, 50), "A X1 Y1 C"), spread(range(10, 400, 20), "A X2 Y2 C")
    mixed = [*spread(range(500, 3000, 50), "A X1 D"), *spread(range(10, 400, 20), "A X2 D")]
    assert successors(*history([*old, *new, *mixed])) == {"X1": "X2", "Y1": "Y2"}


def test_a_code_that_existed_takes_over_only_from_a_retired_one_whose_share_it_got() -> None:
    early = [*spread(range(500, 3000, 50), "A X1 C"), *spread(range(520, 3000, 50), "A X2 C")]
    merged = history([*early, *spread(range(10, 400, 10), "A X2 C")])
    assert successors(*merged) == {}
    assert successors(*merged, gone=["X1"]) == {"X1": "X2"}
    # Two codes that grew alike: which of them took over is not known.
    both = history([*early, *spread(range(10, 400, 20), "A X2 C"), *spread(range(20, 400, 20), "A X3 C"),
                    *spread(range(530, 3000, 50), "A X3 C")])  # fmt: skip
    assert successors(*both, gone=["X1"]) == {}


def test_routings_written_anew_under_their_old_date_do_not_hide_a_successor() -> None:
    """One old routing in seven has today's code. A job that grew as much in one rare place of the old code is no rival."""
    old = [*spread(range(500, 3000, 40), "A X1 C"), *spread(range(510, 3000, 1200), "B X1 D")]
    anew = spread(range(520, 3000, 280), "A X2 C")
    today = [*spread(range(10, 400, 10), "A X2 C"), *spread(range(15, 400, 60), "B R D")]
    rival = spread(range(600, 3000, 300), "E R F")
    assert successors(*history([*old, *anew, *today, *rival]), gone=["X1"]) == {"X1": "X2"}


def test_a_job_that_is_no_longer_done_has_no_successor() -> None:
    """What stands in its place now was there before, as often: nothing took over."""
    old = [*spread(range(500, 3000, 50), "A X1 C"), *spread(range(510, 3000, 50), "A R C")]
    today = [*spread(range(10, 400, 20), "A C"), *spread(range(15, 400, 20), "A R C")]
    assert successors(*history([*old, *today]), gone=["X1"]) == {}


def test_a_change_of_what_is_made_does_not_hide_a_successor() -> None:
    """Nothing tells the parts apart, and since the turn more of another kind are made: per item of all kinds the new code has not
    become more frequent, per item that has a job beside it it has."""
    old = [
        *spread(range(500, 3000, 25), "A X1 C"),
        *spread(range(505, 3000, 25), "A X2 C"),
        *spread(range(510, 3000, 13), "P Q"),
    ]
    today = [*spread(range(10, 400, 8), "A X2 C"), *spread(range(11, 400, 3), "P Q")]
    assert successors(*history([*old, *today], kind=""), gone=["X1"]) == {"X1": "X2"}


def test_a_machine_is_succeeded_within_its_jobs() -> None:
    old = [*spread(range(500, 3000, 50), "A B", "M1 W1"), *spread(range(500, 3000, 90), "A B", "M2 W1")]
    new = [*spread(range(10, 400, 30), "A B", "M3 W1"), *spread(range(20, 400, 60), "A B", "M2 W1")]
    assert successors(*history([*old, *new]), code="res_cd") == {"M1": "M3"}
    assert successors(*history([*old, *new])) == {}


@pytest.mark.parametrize(("after", "gone"), [(20, True), (5, False)])
def test_a_stray_date_does_not_keep_a_code_in_use(after: int, gone: bool) -> None:
    """100 uses of which one is dated last week: it counts as out of use where enough would have been expected since."""
    age = np.concatenate([np.linspace(500, 3000, 99), [7.0], np.linspace(1, 400, after)]).astype(np.float32)
    used = np.arange(100)
    found = retired(used, np.zeros(100, np.int64), 1, age, np.zeros(len(age), np.int64))
    assert found.tolist() == [gone]


def test_a_family_that_began_lately_does_not_put_a_job_of_all_families_out_of_use() -> None:
    """1,000 routings have the job; the newest twenty, few enough to be stray dates, are all there is of another family."""
    age = np.arange(1000.0)
    family = np.where(age < 20, 1, 0)
    assert not retired(np.arange(1000), np.zeros(1000, np.int64), 1, age, family)[0]


def test_machines_out_of_use_teach_the_ones_that_took_over() -> None:
    items = toy_items(500, seed=5)
    operations = toy_operations(items, toy_rule(items), seed=5)
    change = datetime(2025, 3, 1)
    busiest = operations["res_cd"].drop_nulls().mode().sort()[0]
    operations = operations.with_columns(
        res_cd=pl.when((pl.col("res_cd") == busiest) & (pl.col("rout_date") >= change))
        .then(pl.lit("NEW-1"))
        .otherwise("res_cd")
    )
    catalogue = build_catalogue(items, operations)
    assert catalogue.replaced_resources == {busiest: "NEW-1"}
    assert busiest not in set(catalogue.steps["res_cd"])
    assert any(f"{busiest} -> NEW-1" in note for note in catalogue.notes)


def test_a_resource_not_filled_in_is_no_choice_where_the_job_has_one() -> None:
    steps = pl.DataFrame(
        [("A", "M1", "in"), ("A", None, "in"), ("A", None, "out"), ("B", None, "in")],
        schema=["job_cd", "res_cd", "inside"],
        orient="row",
    )
    assert unnamed_steps(steps, np.ones(4, bool)).tolist() == [False, True, False, False]
    assert not unnamed_steps(steps, np.array([False, True, True, True])).any(), "the named step is out of use"


def test_other_routings_of_an_item_soften_its_label() -> None:
    items = toy_items(60, seed=3)
    operations = toy_operations(items, toy_rule(items), seed=3)
    first = operations["item_key"][0]
    own = operations.filter(pl.col("item_key") == first).sort("proc_seq")
    shorter = own.head(own.height - 1).with_columns(routing_rank=pl.lit(1, pl.Int32), rout_no=pl.lit("R2"))
    strange = own.with_columns(
        routing_rank=pl.lit(2, pl.Int32), rout_no=pl.lit("R3"), job_cd=pl.lit("NOBODY'S"),
    )  # fmt: skip
    catalogue = build_catalogue(items, operations)
    plain = usual_operations(catalogue, operations).toarray()
    assert set(np.unique(plain)) == {0.0, 1.0}
    soft = usual_operations(catalogue, pl.concat([operations, shorter, strange])).toarray()
    label = catalogue.labels["item_key"].to_list().index(first)
    assert sorted(soft[label][soft[label] > 0]) == [0.5, *[1.0] * (own.height - 1)]
    np.testing.assert_array_equal(np.delete(soft, label, 0), np.delete(plain, label, 0))


def test_a_plant_that_names_no_resource_is_learned() -> None:
    items = toy_items(60, seed=3)
    operations = toy_operations(items, toy_rule(items), seed=3)
    catalogue = build_catalogue(items, operations.with_columns(res_cd=pl.lit(None, pl.String)))
    assert catalogue.labels.height == 60
    assert catalogue.replaced_resources == {}


def named(
    routings: Sequence[tuple[float, str, str]], names: dict[str, str]
) -> tuple[pl.DataFrame, dict[str, float]]:
    """A history with the jobs' names."""
    own, age = history(routings)
    return own.with_columns(job_nm=pl.col("job_cd").replace(names)), age


SHOP = {"A1": "Saw", "B1": "Turn", "C1": "Mill", "A2": "SAW ", "B2": "Turn", "C2": "mill"}


def test_codes_given_anew_all_on_one_day_are_found_by_their_names() -> None:
    # Every neighbour changes with the code, so no place says what followed what.
    shop = [*spread(range(1000, 3000, 50), "A1 B1 C1"), *spread(range(10, 990, 50), "A2 B2 C2")]
    own, age = named(shop, SHOP)
    assert successors(own, age, (), "job_cd", "job_nm") == {"A1": "A2", "B1": "B2", "C1": "C2"}
    nameless = own.with_columns(job_nm=pl.lit(None, pl.String))
    assert successors(nameless, age, (), "job_cd", "job_nm") == successors(own, age)


def test_given_anew_twice_is_read_with_the_code_of_today() -> None:
    thrice = [
        *spread(range(2000, 3000, 40), "A1 B1"),
        *spread(range(1000, 1990, 40), "A2 B2"),
        *spread(range(10, 990, 40), "A3 B3"),
    ]
    own, age = named(thrice, {c: c[0] for c in ("A1", "A2", "A3", "B1", "B2", "B3")})
    assert successors(own, age, (), "job_cd", "job_nm") == {"A1": "A3", "A2": "A3", "B1": "B3", "B2": "B3"}


def test_a_name_that_two_codes_share_at_one_time_tells_no_successor() -> None:
    # Both are in use since: which of the two a routing of today would have, the name does not say.
    split = [
        *spread(range(1000, 3000, 50), "A1 B1"),
        *spread(range(10, 990, 50), "A2 X"),
        *spread(range(35, 990, 50), "A3 Y"),
    ]
    own, age = named(split, {"A1": "Saw", "A2": "Saw", "A3": "Saw"})
    assert "A1" not in successors(own, age, (), "job_cd", "job_nm")
    # One of the name that was there before and goes on: the old one may have been given up for it.
    beside = [
        *spread(range(1000, 3000, 50), "A1 B1"),
        *spread(range(10, 990, 50), "A2 X"),
        *spread(range(5, 3000, 50), "A3 Y"),
    ]
    own, age = named(beside, {"A1": "Saw", "A2": "Saw", "A3": "Saw"})
    assert "A1" not in successors(own, age, (), "job_cd", "job_nm")


def test_a_namesake_of_other_part_types_or_long_after_is_no_successor() -> None:
    own, age = named([*spread(range(1500, 3000, 50), "A1 B1"), *spread(range(10, 300, 10), "A2 X")], SHOP)
    assert successors(own, age, (), "job_cd", "job_nm") == {}
    own, age = named(
        [
            *spread(range(1000, 3000, 50), "A1 B1"),
            *spread(range(10, 990, 50), "A2 X"),
            *spread(range(5, 3000, 50), "Z"),
        ],
        SHOP,
    )
    other = own.with_columns(
        part_type=pl.when(pl.col("job_cd").is_in(["A2", "X", "Z"])).then(pl.lit("L")).otherwise("part_type")
    )
    assert successors(other, age, (), "job_cd", "job_nm") == {}


def test_a_job_that_is_used_now_and_then_is_not_out_of_use() -> None:
    # In every item for 1,000 days, in one of 40 since; nothing for the last 30 items.
    age = np.arange(2000, 0, -1, dtype=np.float64)
    often = np.arange(1000)
    seldom = np.arange(1000, 1970, 40)
    users = np.concatenate([often, seldom])
    family = np.zeros(len(age), np.int64)
    assert not retired(users, np.zeros(len(users), np.int64), 1, age, family)[0]
    # The same until the day on which it ends for good.
    assert retired(often, np.zeros(len(often), np.int64), 1, age, family)[0]
