"""Splits: what is on which side, and what the training side may know."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest
from evaluation_toy import items_of, operations_of, steps
from hypothesis import given, settings
from hypothesis import strategies as st
from model_toy import toy_items, toy_operations, toy_rule

from routing_etl.errors import ConfigurationError, ModelError
from routing_etl.evaluation import splits
from routing_etl.evaluation.options import EvaluationOptions
from routing_etl.evaluation.splits import Split, identifier_columns, near_identical_groups

START = datetime(2024, 1, 1)


def make_split(items: pl.DataFrame, operations: pl.DataFrame, **options: object) -> Split:
    return splits.make_split(items, operations, EvaluationOptions(**options))


def plant(
    n: int = 100, *, groups: list[int] | None = None, dates: bool = True
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Item i was routed on day i; `groups` gives items an equal attribute hash."""
    keys = [f"I{i:03d}" for i in range(n)]
    items = items_of(keys, attribute_hash=groups or list(range(n)), kind=[f"k{i % 7}" for i in range(n)])
    when = {k: START + timedelta(days=i) for i, k in enumerate(keys)} if dates else None
    return items, operations_of({k: steps("A B") for k in keys}, when)


def sides(split: Split) -> tuple[set[str], set[str]]:
    return set(split.test.to_list()), set().union(*(f.train.to_list() for f in split.folds))


def test_time_split_judges_the_newest_and_trains_on_the_older():
    items, operations = plant()
    split = make_split(items, operations, split="time", test_days=40)
    test, train = sides(split)
    assert test == {f"I{i:03d}" for i in range(60, 100)} - {"I059"}
    assert train == {f"I{i:03d}" for i in range(60)}
    assert split.notes == ()


def test_alternates_written_after_the_cut_and_all_ranks_of_judged_items_are_hidden():
    items, operations = plant()
    late = {k: START + timedelta(days=99) for k in ("I005", "I080")}
    early = {"I081": START}
    more = [
        operations_of({k: steps("X") for k in late}, late, rank=1),
        operations_of({k: steps("Y") for k in early}, early, rank=2),
    ]
    split = make_split(items, pl.concat([operations, *more]), split="time", test_days=40)
    known = split.folds[0].operations
    assert set(known["job_cd"]) == {"A", "B"}
    assert not known["item_key"].is_in(split.test.implode()).any()


def test_copies_of_judged_items_leave_the_training_side():
    groups = list(range(100))
    groups[3] = groups[4] = 95
    items, operations = plant(groups=groups)
    split = make_split(items, operations, split="time", test_days=40)
    test, train = sides(split)
    assert "I095" in test and not {"I003", "I004"} & (test | train)
    assert any("2 older items" in note for note in split.notes)


def pairs_by_drawing(n: int = 60) -> tuple[pl.DataFrame, pl.DataFrame]:
    """n items in n/2 pairs, each pair equal but for the drawing number; item i was routed on day i."""
    keys = [f"I{i:03d}" for i in range(n)]
    items = items_of(
        keys,
        attribute_hash=list(range(n)),
        kind=[f"k{i % 3}" for i in range(n)],
        size=[float(i % (n // 2)) for i in range(n)],
        draw_no=[f"D{i}" for i in range(n)],
    )
    when = {k: START + timedelta(days=i) for i, k in enumerate(keys)}
    return items, operations_of({k: steps("A B") for k in keys}, when)


@pytest.mark.parametrize(
    ("name", "folds"), [("time", None), ("family", None), ("loo", None), ("loo", 5)], ids=str
)
def test_items_that_differ_by_their_drawing_alone_stay_together_whatever_their_dates(name, folds):
    """Thirty pairs; the date of the routing is no attribute and does not make a pair two different items."""
    items, operations = pairs_by_drawing()
    size = dict(items.select("item_key", "size").iter_rows())
    split = make_split(items, operations, split=name, test_days=12, folds=folds)
    assert split.folds
    for fold in split.folds:
        assert fold.test.len() and fold.train.len()
        assert not {size[k] for k in fold.test} & {size[k] for k in fold.train}


def test_leave_one_out_leaves_out_an_item_with_those_equal_but_for_the_drawing():
    items, operations = pairs_by_drawing()
    split = make_split(items, operations, split="loo")
    assert len(split.folds) == 30 and split.test.len() == 60
    assert any("60 of 60 items have others that are equal but for" in n for n in split.notes)


@pytest.mark.parametrize("alike", [21, 30])
def test_items_equal_but_for_the_drawing_stay_together_however_many_they_are(alike):
    """The limit on how many items one value may bind is for identifiers, not for equal items."""
    n = 80
    items = items_of(
        [f"I{i:03d}" for i in range(n)],
        size=[0.0] * alike + [float(i) for i in range(alike, n)],
        kind=["k"] * n,
        draw_no=[f"D{i}" for i in range(n)],
    )
    for by_identifier in (False, True):
        group = near_identical_groups(items, by_identifier=by_identifier)
        assert len(set(group[:alike])) == 1
        assert len(set(group)) == n - alike + 1


def test_a_size_in_another_unit_is_no_other_size():
    """Cleaning keeps the raw value and its unit beside the converted one; 1 inch and 25.4 mm are equal."""
    n = 40
    items = items_of(
        [f"I{i:03d}" for i in range(n)],
        size=[25.4, 25.4, *[float(i) for i in range(2, n)]],
        size_raw=[25.4, 1.0, *[float(i) for i in range(2, n)]],
        size_unit=["mm", "inch", *["mm"] * (n - 2)],
        size_unit_source=["stated", "stated", *["assumed"] * (n - 2)],
        placeholders=[None, "material", *[None] * (n - 2)],
        draw_no=[f"D{i}" for i in range(n)],
    )
    group = near_identical_groups(items, by_identifier=False)
    assert group[0] == group[1]
    assert len(set(group)) == n - 1


def test_items_of_which_nothing_is_known_but_the_drawing_are_not_equal():
    items = items_of(
        [f"I{i:03d}" for i in range(40)],
        size=[None, None, *[float(i) for i in range(2, 40)]],
        size_unit_source=["unknown", "unknown", *["stated"] * 38],
        draw_no=[f"D{i}" for i in range(40)],
    )
    assert len(set(near_identical_groups(items, by_identifier=False))) == 40


def test_where_nearly_unique_texts_alone_describe_the_items_these_count():
    """One kind in 100 items: without the text nothing tells them apart, and nothing would be left to judge on."""
    keys = [f"I{i:03d}" for i in range(100)]
    items = items_of(keys, kind=["k"] * 100, text=[f"ring {i}" for i in range(100)])
    assert len(set(near_identical_groups(items, by_identifier=False))) == 100
    when = {k: START + timedelta(days=i) for i, k in enumerate(keys)}
    split = make_split(items, operations_of({k: steps("A B") for k in keys}, when), test_days=40)
    assert split.name == "time"
    assert "other than text tell fewer than 5%" in split.notes[-1]


def test_a_drawing_of_more_items_than_the_limit_binds_none_of_them():
    """21 items of 80 with one drawing (more than 20 and than 2 %) stay apart; 20 would be one group."""
    for alike, groups in ((20, 61), (21, 80)):
        items = items_of(
            [f"I{i:03d}" for i in range(80)],
            size=[float(i) for i in range(80)],
            draw_no=["D"] * alike + [f"D{i}" for i in range(alike, 80)],
        )
        assert len(set(near_identical_groups(items, by_identifier=True))) == groups


def test_missing_dates_are_trained_on_and_none_at_all_means_split_by_family():
    items, operations = plant()
    some = operations.with_columns(rout_date=pl.when(pl.col("item_key") != "I099").then("rout_date"))
    split = make_split(items, some, split="time", test_days=40)
    assert "I099" in sides(split)[1] and any("without a date" in n for n in split.notes)
    items, operations = plant(dates=False)
    split = make_split(items, operations, split="time")
    assert split.name == "family" and "date" in split.notes[0]


@pytest.mark.parametrize("days", [1, 5000])
def test_a_window_with_too_few_or_too_many_routings_becomes_the_newest_fifth(days):
    items, operations = plant()
    split = make_split(items, operations, split="time", test_days=days)
    assert sides(split)[0] == {f"I{i:03d}" for i in range(80, 100)}
    assert "newest 20%" in split.notes[0]


def test_equal_dates_cannot_be_split_by_time():
    items, operations = plant()
    operations = operations.with_columns(rout_date=pl.lit(START).cast(pl.Datetime("us")))
    split = make_split(items, operations, split="time")
    assert split.name == "family" and "all routings have the date" in split.notes[0]


@pytest.mark.parametrize("name", ["time", "recent"])
@pytest.mark.parametrize(
    ("first", "last"), [(0, 399), (40, 400)], ids=["all but one are older", "the newest day has most"]
)
def test_where_one_day_has_most_routings_time_splits_nothing(name, first, last):
    """Of 400 routings 399, or 360, were written on the day of a migration: one item, or none, is newer than it."""
    items, operations = plant(400)
    place = pl.col("item_key").str.slice(1).cast(pl.Int64)
    day = pl.when(place < first).then(-100).when(place < last).then(0).otherwise(100)
    dates = (pl.lit(START).cast(pl.Datetime("us")) + pl.duration(days=day)).alias("rout_date")
    split = make_split(items, operations.with_columns(dates), split=name)
    assert split.name == "family" and split.test.len() >= 80
    assert f"{last - first} of 400 routings have the date 2024-01-01" in split.notes[0]


def test_items_excluded_or_without_a_routing_are_not_judged():
    items, operations = plant()
    items = items.with_columns(excluded=pl.when(pl.col("item_key") == "I099").then(pl.lit("marked DEL")))
    operations = operations.filter(pl.col("item_key") != "I098")
    test, _ = sides(make_split(items, operations, split="time", test_days=40))
    assert not {"I098", "I099"} & test and "I097" in test


def test_sampling_is_seeded_and_limited():
    items, operations = plant()
    first = make_split(items, operations, split="time", test_days=40, max_items=10, random_state=1)
    again = make_split(items.reverse(), operations, split="time", test_days=40, max_items=10, random_state=1)
    other = make_split(items, operations, split="time", test_days=40, max_items=10, random_state=2)
    assert first.test.to_list() == again.test.to_list() != other.test.to_list()
    # newer items that were not drawn are still unknown to the training
    assert sides(first)[1] == {f"I{i:03d}" for i in range(60)}


@settings(deadline=None, max_examples=30)
@given(
    st.lists(st.integers(0, 12), min_size=30, max_size=60),
    st.integers(0, 5),
    st.sampled_from(["time", "family", "loo"]),
)
def test_no_group_is_ever_on_both_sides(groups, seed, name):
    items, operations = plant(len(groups), groups=groups)
    if len(set(groups)) < 2:
        return
    hashes = dict(zip(items["item_key"], items["attribute_hash"], strict=True))
    for fold in make_split(items, operations, split=name, random_state=seed, test_days=10).folds:
        assert not {hashes[k] for k in fold.test} & {hashes[k] for k in fold.train}
        assert fold.test.len() and fold.train.len()


def test_leave_one_out_leaves_every_item_out_once():
    items, operations = plant(30)
    split = make_split(items, operations, split="loo")
    assert len(split.folds) == 30 and split.test.to_list() == items["item_key"].to_list()
    for fold in split.folds:
        assert fold.train.len() == 29 and fold.test[0] not in fold.train.to_list()


def test_leave_one_out_of_many_items_uses_folds():
    items, operations = plant(450)
    split = make_split(items, operations, split="loo")
    assert len(split.folds) == 10 and split.test.len() == 450 and "10 folds" in split.notes[0]
    asked = make_split(items.head(30), operations, split="loo", folds=5)
    assert len(asked.folds) == 5 and asked.test.len() == 30


def test_family_split_keeps_items_of_one_drawing_together():
    rng = np.random.default_rng(0)
    drawing = [f"1K-{d}" for d in rng.integers(0, 80, 200)]
    keys = [f"I{i:03d}" for i in range(200)]
    items = items_of(keys, draw_no=drawing, kind=[f"k{i % 3}" for i in range(200)])
    split = make_split(items, operations_of({k: steps("A") for k in keys}), split="family")
    of = dict(zip(keys, drawing, strict=True))
    assert not {of[k] for k in split.test} & {of[k] for k in split.folds[0].train}
    assert 30 <= split.test.len() <= 60


def test_a_split_by_type_leaves_whole_part_types_out_and_keeps_items_without_one():
    keys = [f"I{i:03d}" for i in range(100)]
    types = [None if i % 10 == 9 else f"T{i % 10}" for i in range(100)]
    # The same type in other letters is the same type.
    types[0] = " t0 "
    items = items_of(keys, part_type=types, kind=[f"k{i % 7}" for i in range(100)])
    operations = operations_of({k: steps("A B") for k in keys})
    split = make_split(items, operations, split="type")
    test, train = sides(split)
    of = dict(zip(keys, types, strict=True))

    def kinds(side: set[str]) -> set[str]:
        return {of[k].strip().upper() for k in side if of[k]}

    assert split.name == "type"
    assert kinds(test) and kinds(train) and not kinds(test) & kinds(train)
    assert 18 <= len(test) <= 30
    assert {k for k in keys if of[k] is None} <= train
    assert "of 9 part types were left out" in split.notes[0]


def test_a_split_by_type_takes_two_types():
    keys = [f"I{i:03d}" for i in range(10)]
    items = items_of(keys, part_type=["T"] * 10, kind=[f"k{i % 7}" for i in range(10)])
    with pytest.raises(ModelError, match="1 part type"):
        make_split(items, operations_of({k: steps("A") for k in keys}), split="type")


def test_identifiers_are_the_nearly_unique_texts_and_do_not_make_items_different():
    items = items_of(
        ["A", "B", "C", "D"],
        draw_no=["1", "2", "3", None],
        kind=["x", "x", "x", "y"],
        size=[1.0, 1.0, 2.0, 1.0],
    )
    items = pl.concat([items, items_of([f"Z{i}" for i in range(200)], attribute_hash=range(100, 300), draw_no=[f"d{i}" for i in range(200)], kind=[f"z{i % 9}" for i in range(200)], size=[float(i) for i in range(200)])])  # fmt: skip
    assert identifier_columns(items) == ["draw_no"]
    group = near_identical_groups(items, by_identifier=False)
    assert group[0] == group[1] and len({group[0], group[2], group[3]}) == 3


def test_an_identifier_that_chains_everything_together_is_not_used():
    keys = [f"I{i:03d}" for i in range(300)]
    chain = [f"a{i // 2}" for i in range(300)]
    other = [f"b{(i + 1) // 2}" for i in range(300)]
    items = items_of(keys, first=chain, second=other, size=[float(i) for i in range(300)])
    group = near_identical_groups(items, by_identifier=True)
    assert np.bincount(group).max() == 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_items": 0}, {"max_items": -1}, {"max_items": 2.5}, {"max_items": True}, {"split": "nonsense"},
        {"split": None}, {"split": "loo", "folds": 0}, {"split": "loo", "folds": 1}, {"split": "loo", "folds": -2},
        {"split": "loo", "folds": 2.5}, {"test_days": 0}, {"test_days": -3}, {"test_days": float("nan")},
        {"test_days": float("inf")}, {"test_days": "many"}, {"test_days": 10**9}, {"random_state": -1},
    ],
    ids=str,
)  # fmt: skip
def test_an_option_that_makes_no_split_is_named_with_its_value_and_a_remedy(wrong):
    name, value = list(wrong.items())[-1]
    with pytest.raises(ConfigurationError) as caught:
        make_split(*plant(), **wrong)
    assert f"{name} = {value!r}" in caught.value.message
    assert caught.value.remedy


@pytest.mark.parametrize(
    "fine", [{"max_items": np.int64(5)}, {"test_days": 40.5}, {"test_days": np.int32(40)}], ids=str
)
def test_numbers_of_any_kind_are_taken(fine):
    assert make_split(*plant(), **fine).test.len()


def test_one_group_or_no_routing_cannot_be_evaluated():
    items, operations = plant(10, groups=[1] * 10)
    for name in ("family", "loo"):
        with pytest.raises(ModelError, match="one group"):
            make_split(items, operations, split=name)
    with pytest.raises(ModelError, match="Only 0 item"):
        make_split(items, operations.head(0), split="time")


def test_a_realistic_plant_is_split_near_the_wanted_share():
    items = toy_items(600)
    operations = toy_operations(items, toy_rule(items))
    split = make_split(items, operations, split="family")
    assert 0.15 <= split.test.len() / 600 <= 0.3


def test_recent_split_learns_from_the_other_recent_routings_too():
    items, operations = plant(300)
    split = make_split(items, operations, split="recent", test_days=100)
    test, train = sides(split)
    late = {f"I{i:03d}" for i in range(200, 300)}
    assert split.name == "recent" and test < late and len(test) == 50
    assert train == {f"I{i:03d}" for i in range(300)} - test
    assert any("50 of 100 routings after 2024-07-18" in note for note in split.notes)


def test_recent_split_judges_the_same_items_when_more_are_routed():
    items, operations = plant(330)
    before = make_split(
        items[:300], operations.filter(pl.col("item_key") < "I300"), split="recent", test_days=100
    )
    after = make_split(items, operations, split="recent", test_days=130)
    judged, again = sides(before)[0], sides(after)[0]
    late = {f"I{i:03d}" for i in range(200, 330)}
    assert len(again) == 65 and again < late
    assert len(judged & again) > 0.85 * len(judged), "drawn anew, half of them would come back"
    one_seed = make_split(items, operations, split="recent", test_days=130, random_state=7)
    assert sides(one_seed)[0] == again, "the seed of a model is no reason to judge other items"


def test_recent_split_keeps_families_together_and_copies_away():
    """I290 to I299 are one family by drawing; I005 is a copy of I250."""
    keys = [f"I{i:03d}" for i in range(300)]
    drawing = [f"D{min(i, 290)}" for i in range(300)]
    groups = [250 if i == 5 else i for i in range(300)]
    items = items_of(keys, attribute_hash=groups, draw_no=drawing, kind=[f"k{i % 7}" for i in range(300)])
    when = {k: START + timedelta(days=i) for i, k in enumerate(keys)}
    operations = operations_of({k: steps("A B") for k in keys}, when)
    test, train = sides(make_split(items, operations, split="recent", test_days=100))
    family = set(keys[290:])
    assert family <= test or not family & test or not family & train
    assert ("I005" in train) == ("I250" not in test)


def test_recent_split_judges_large_families_as_often_as_single_items():
    """Half of 2,000 items are alone, half in drawings of ten, routed on any day: of the recent ones half are of either kind."""
    rng = np.random.default_rng(0)
    drawing = np.array([f"S{i}" if i < 1000 else f"F{i // 10}" for i in range(2000)])
    keys = [f"I{i:04d}" for i in rng.permutation(2000)]
    items = items_of(keys, draw_no=drawing.tolist(), size=rng.random(2000).tolist())
    when = {k: START + timedelta(days=float(d)) for k, d in zip(keys, rng.random(2000) * 720, strict=True)}
    split = make_split(
        items, operations_of({k: steps("A B") for k in keys}, when), split="recent", test_days=180
    )
    judged = items.filter(pl.col("item_key").is_in(split.test.implode()))
    assert 0.4 < judged["draw_no"].str.starts_with("F").mean() < 0.6


def test_recent_split_of_a_small_plant_judges_what_a_figure_needs():
    items, operations = plant(60)
    test, train = sides(make_split(items, operations, split="recent", test_days=365))
    assert len(test) == 12, "the newest fifth: half of it would be 6, too few to tell anything"
    assert len(test | train) == 60
    items, operations = plant(60, dates=False)
    assert make_split(items, operations, split="recent").name == "family"


def test_recent_split_does_not_judge_by_a_job_that_nobody_writes_any_more():
    """Job A is in every routing until day 249, and A2 in its place from then on."""
    keys = [f"I{i:03d}" for i in range(300)]
    items = items_of(keys, attribute_hash=list(range(300)), kind=[f"k{i % 7}" for i in range(300)])
    when = {k: START + timedelta(days=i) for i, k in enumerate(keys)}
    operations = operations_of({k: steps("A B" if k < "I250" else "A2 B") for k in keys}, when)
    split = make_split(items, operations, split="recent", test_days=100)
    test, train = sides(split)
    assert test < set(keys[250:]) and len(test) == 30 and len(set(keys[250:]) & train) == 20
    assert set(keys[:250]) < train
    assert any("50 of them have a job that nobody writes any more" in note for note in split.notes)
