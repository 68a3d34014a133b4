"""The three baselines: what they copy, and the defects that the legacy algorithm keeps on purpose."""

from __future__ import annotations

from datetime import datetime

import polars as pl
import pytest
from evaluation_toy import actual_times, items_of, operations_of, steps
from model_toy import toy_plant

from routing_etl.errors import ModelError
from routing_etl.evaluation.baseline_legacy import LegacyPredictor
from routing_etl.evaluation.baselines import MajorityByPartType, NearestCopyPredictor
from routing_etl.frames import FRAMES, TIME_SOURCES, TimeEvidence

ALL = [NearestCopyPredictor, MajorityByPartType, LegacyPredictor]


def jobs(predictions, item: str, rank: int = 1) -> list[str]:
    rows = predictions.operations.filter((pl.col("item_key") == item) & (pl.col("candidate_rank") == rank))
    return rows.sort("proc_seq")["job_cd"].to_list()


@pytest.fixture(scope="module")
def toy():
    return toy_plant(400)


@pytest.mark.parametrize("baseline", ALL)
def test_output_keeps_the_contracts_and_has_every_item_once(toy, baseline):
    items, operations, unknown = toy
    found = baseline().fit(items, operations).predict(unknown)
    for name, frame in found.frames().items():
        FRAMES[name].validate(frame)
        assert frame.select(pl.struct(FRAMES[name].key).is_duplicated().any()).item() is (False if frame.height else None) or not frame.height  # fmt: skip
    answered = set(found.candidates["item_key"]) | set(found.abstained["item_key"])
    assert answered == set(unknown["item_key"])
    assert found.candidates.select(
        (pl.col("confidence").is_between(0, 1) & pl.col("similarity_score").is_between(0, 1)).all()
    ).item()
    assert set(found.operations["time_source"]) <= set(TIME_SOURCES)
    # every candidate has its operations, numbered upwards, first F and last L
    counted = found.operations.group_by("item_key", "candidate_rank").agg(
        pl.len(), pl.col("rout_order").sort_by("proc_seq")
    )
    joined = found.candidates.join(counted, on=["item_key", "candidate_rank"], how="left")
    assert (joined["process_count"] == joined["len"]).all()
    assert joined["rout_order"].list.first().unique().to_list() == ["F"]


@pytest.mark.parametrize("baseline", ALL)
def test_the_same_input_gives_the_same_answer(toy, baseline):
    items, operations, unknown = toy
    first = baseline().fit(items, operations).predict(unknown)
    again = baseline().fit(items.reverse(), operations.reverse()).predict(unknown)
    assert first.operations.equals(again.operations)


@pytest.mark.parametrize("baseline", ALL)
def test_without_routings_there_is_nothing_to_learn(toy, baseline):
    items, operations, _ = toy
    with pytest.raises(ModelError, match="routing to learn from"):
        baseline().fit(items, operations.head(0))


@pytest.mark.parametrize("baseline", ALL)
def test_no_items_give_empty_frames(toy, baseline):
    items, operations, unknown = toy
    found = baseline().fit(items, operations).predict(unknown.head(0))
    assert found.candidates.height == found.operations.height == found.abstained.height == 0


# --- nearest copy ----------------------------------------------------------------------------------------------------

KINDS = items_of(
    ["A", "B", "C", "Q1", "Q2"],
    kind=["x", "y", "y", "y", "x"], colour=["red", "red", "blue", "blue", None], size=[1.0, 10.0, 11.0, 10.9, None],
)  # fmt: skip
ROUTED = {"A": steps("CUT PACK", setup_min=5.0, run_min=2.0), "B": steps("CUT DRILL"), "C": steps("CUT MILL")}


def test_nearest_copy_takes_the_most_similar_items_routing_and_times():
    evidence = actual_times({("A", 10, "CUT"): (7.0, 3.0)})
    found = NearestCopyPredictor().fit(KINDS, operations_of(ROUTED), times=evidence).predict(KINDS.tail(2))
    assert jobs(found, "Q1") == ["CUT", "MILL"] and jobs(found, "Q2") == ["CUT", "PACK"]
    rows = found.operations.filter(pl.col("item_key") == "Q2").sort("proc_seq")
    # its own results where there are some, else its standards
    assert rows["run_time"].to_list() == [3.0, 2.0] and rows["setup_time"].to_list() == [7.0, 5.0]
    assert rows["time_source"].to_list() == ["actual_similar", "standard_similar"]
    assert found.candidates["reference_item_cd"].to_list() == ["C", "A"]


def test_nearest_copy_of_an_item_known_in_every_attribute_is_certain():
    same = KINDS.filter(pl.col("item_key") == "B")
    found = NearestCopyPredictor().fit(KINDS, operations_of(ROUTED)).predict(same)
    assert found.candidates["similarity_score"].to_list() == [pytest.approx(1.0)]


def test_nearest_copy_ignores_excluded_items():
    barred = KINDS.with_columns(excluded=pl.when(pl.col("item_key") == "C").then(pl.lit("DEL")))
    found = (
        NearestCopyPredictor()
        .fit(barred, operations_of(ROUTED))
        .predict(KINDS.filter(pl.col("item_key") == "Q1"))
    )
    assert jobs(found, "Q1") == ["CUT", "DRILL"]


# --- majority --------------------------------------------------------------------------------------------------------


def test_majority_ranks_the_routings_of_the_part_type():
    keys = ["A", "B", "C", "D", "E", "Q", "N"]
    items = items_of(keys, part_type=["P", "P", "P", "S", "S", "P", "NEW"])
    routed = {"A": steps("X Y"), "B": steps("X Y"), "C": steps("Z"), "D": steps("W"), "E": steps("W")}
    found = MajorityByPartType(candidates_per_item=2).fit(items, operations_of(routed)).predict(items.tail(2))
    assert [jobs(found, "Q", r) for r in (1, 2)] == [["X", "Y"], ["Z"]]
    assert found.candidates.filter(pl.col("item_key") == "Q")["confidence"].to_list() == pytest.approx(
        [2 / 3, 1 / 3]
    )
    # a part type without routings gets the plant's most frequent one
    assert jobs(found, "N") == ["X", "Y"] and found.candidates.filter(pl.col("item_key") == "N").height == 2


def test_majority_counts_sequences_and_copies_their_most_frequent_variant():
    items = items_of(["A", "B", "C", "Q"], part_type=["P"] * 4)
    routed = {"A": steps("X", res_cd="R1"), "B": steps("X", res_cd="R2"), "C": steps("X", res_cd="R2")}
    found = MajorityByPartType().fit(items, operations_of(routed)).predict(items.tail(1))
    assert found.candidates.height == 1 and found.operations["res_cd"].to_list() == ["R2"]


# --- legacy ----------------------------------------------------------------------------------------------------------


def test_hand_set_weights_have_no_effect_because_the_scaler_cancels_them(toy):
    items, operations, unknown = toy
    plain = LegacyPredictor().fit(items, operations).predict(unknown)
    weighted = (
        LegacyPredictor(feature_weights={"outer_mm": 3.0, "noise_cd": 0.1})
        .fit(items, operations)
        .predict(unknown)
    )
    keys = ["item_key", "candidate_rank", "proc_seq", "job_cd", "res_cd"]
    assert plain.operations.select(keys).equals(weighted.operations.select(keys))


def neighbours_of_one_query(routed: dict, n: int) -> pl.DataFrame:
    """All routed items are equal to the query, so all are its neighbours."""
    keys = [*routed, "Q", "FAR1", "FAR2"]
    items = items_of(
        keys, kind=["a"] * (len(keys) - 2) + ["b", "c"], size=[1.0] * (len(keys) - 2) + [9.0, 5.0]
    )
    operations = operations_of({**routed, "FAR1": steps("Z"), "FAR2": steps("Z")})
    found = (
        LegacyPredictor(n_neighbors=n).fit(items, operations).predict(items.filter(pl.col("item_key") == "Q"))
    )
    return found.operations.sort("proc_seq")


def test_operations_are_merged_by_number_with_job_and_resource_chosen_apart():
    routed = {
        "A": [*steps("A", res_cd="R1")], "B": [*steps("B", res_cd="R2")], "C": [*steps("A", res_cd="R2")],
        "D": steps("A B C", res_cd="R2"),
    }  # fmt: skip
    merged = neighbours_of_one_query(routed, 4)
    # 10: A three times, R2 three times, though A on R2 is rare; 20 and 30 come from one neighbour only
    assert merged["job_cd"].to_list() == ["A", "B", "C"]
    assert merged["res_cd"].to_list() == ["R2", "R2", "R2"]


def test_optimal_time_is_above_standard_and_a_missing_standard_counts_as_zero():
    routed = {"A": steps("A", run_min=4.0), "B": steps("A", run_min=8.0), "C": steps("A")}
    merged = neighbours_of_one_query(routed, 3)
    assert merged["run_time"].to_list() == [pytest.approx(4.0)]
    assert merged["optimal_time"][0] > merged["standard_time"][0]


def test_an_outlier_in_run_time_takes_its_set_up_along():
    routed = {f"N{i}": steps("A", run_min=2.0 + 0.01 * i, setup_min=10.0) for i in range(9)}
    routed["OUT"] = steps("A", run_min=500.0, setup_min=99.0)
    merged = neighbours_of_one_query(routed, 10)
    assert merged["setup_time"].to_list() == [pytest.approx(10.0)]
    assert merged["run_time"][0] < 3


def test_the_newest_routing_counts_even_when_it_is_an_alternate():
    items = items_of(["A", "B", "Q"], kind=["a", "b", "a"], size=[1.0, 9.0, 1.0])
    old, new = {"A": datetime(2020, 1, 1)}, {"A": datetime(2025, 1, 1)}
    operations = pl.concat(
        [
            operations_of({"A": steps("IN")}, old),
            operations_of({"B": steps("Z")}),
            operations_of({"A": steps("OUT")}, new, rank=1),
        ]
    )
    found = LegacyPredictor(n_neighbors=1).fit(items, operations).predict(items.tail(1))
    assert jobs(found, "Q") == ["OUT"]


def test_neighbours_under_the_threshold_count_only_where_there_are_no_others(toy):
    items, operations, unknown = toy
    model = LegacyPredictor(n_neighbors=5, similarity_threshold=0.7).fit(items, operations)
    found = (
        model.neighbours(unknown)
        .group_by("row")
        .agg(pl.col("similarity").min(), best=pl.col("similarity").max(), n=pl.len())
    )
    assert found.filter((pl.col("best") >= 0.7) & (pl.col("similarity") < 0.7)).height == 0
    low = found.filter(pl.col("best") < 0.7)
    assert (low["n"] == 5).all() and found.height == unknown.height
    # code that differs between training and prediction moves queries with missing values away
    skewed = LegacyPredictor(serving_skew=True).fit(items, operations)
    gaps = unknown.filter(pl.col("outer_mm").is_not_null()).with_columns(
        material=pl.lit(None, dtype=pl.String)
    )
    assert skewed.neighbours(gaps)["similarity"].mean() != model.neighbours(gaps)["similarity"].mean()


def test_times_of_work_results_are_never_used():
    evidence = actual_times({("A", 10, "X"): (50.0, 60.0)})
    items = items_of(["A", "B", "Q"], kind=["a", "b", "a"], size=[1.0, 9.0, 1.0])
    routed = operations_of({"A": steps("X", run_min=2.0, setup_min=3.0), "B": steps("Z")})
    found = LegacyPredictor(n_neighbors=1).fit(items, routed, times=evidence).predict(items.tail(1))
    assert found.operations["run_time"].to_list() == [2.0]
    none = LegacyPredictor(n_neighbors=1).fit(items, routed, times=TimeEvidence.none()).predict(items.tail(1))
    assert none.operations.equals(found.operations)
