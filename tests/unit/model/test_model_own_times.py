"""Times from work results: the item's own, of which lot, how fresh, and what is said of where a time comes from."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import polars as pl
import pytest
from model_toy import ATTRIBUTES, toy_operations, toy_plant, toy_rule

from routing_etl.frames import TIME_BY_ITEM_OPERATION, TimeEvidence
from routing_etl.model.predictor import RoutingPredictor
from routing_etl.model.times.own_times import OwnTimes

Plant = tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]
SIGMA = 0.3


@pytest.fixture(scope="module")
def plant() -> Plant:
    return toy_plant(700)


def results(operations: pl.DataFrame, *, run: float = 2.0, setup: float = 20.0, n: int = 5) -> pl.DataFrame:
    """TIME_BY_ITEM_OPERATION: every operation took `run` and `setup` minutes in `n` orders that spread by SIGMA."""
    columns: dict[str, pl.Expr] = {}
    for name, value in (("run", run), ("setup", setup)):
        columns |= {f"{name}_{c}": pl.lit(value) for c in ("mean", "trim_mean", "p50", "standard")}
        columns |= {f"{name}_n": pl.lit(n), f"{name}_n_removed": pl.lit(0)}
        columns |= {f"{name}_cv": pl.lit(float(np.sqrt(np.expm1(SIGMA**2 * (n - 1) / n))))}
    frame = operations.select("item_key", "proc_seq", "job_cd", **columns)
    return TIME_BY_ITEM_OPERATION.conform(frame.with_columns(last_report_dt=date(2025, 6, 1)))


def routings_of(items: pl.DataFrame) -> pl.DataFrame:
    """What an engineer would write for items, as OPERATIONS."""
    return toy_operations(items, toy_rule(items))


def operations_of(
    plant: Plant, profile: pl.DataFrame, items: pl.DataFrame, operations: pl.DataFrame | None = None
) -> pl.DataFrame:
    """Operations of the first candidates of `items`, learned with these results."""
    routed = plant[1] if operations is None else operations
    model = RoutingPredictor(attributes=ATTRIBUTES, n_trees=8, n_jobs=1)
    model.fit(plant[0], routed, times=replace(TimeEvidence.none(), by_item_operation=profile))
    return model.predict(items).operations.filter(pl.col("candidate_rank") == 1)


@pytest.mark.slow
@pytest.mark.parametrize("n", [1, 2, 8])
def test_the_next_order_lies_inside_the_interval_of_own_results(plant: Plant, n: int) -> None:
    rng = np.random.default_rng(n)
    own = routings_of(plant[2])
    logs = rng.normal(0, SIGMA, (own.height, n))
    value = 40.0 * np.exp(np.median(logs, axis=1))
    mine = results(own, n=n).with_columns(
        pl.Series("run_p50", value), pl.Series("run_trim_mean", value),
        pl.Series("run_cv", np.sqrt(np.expm1(logs.var(axis=1)))),
    )  # fmt: skip
    found = operations_of(plant, pl.concat([results(plant[1]), mine]), plant[2])
    found = found.filter(pl.col("time_source") == "actual_own")
    assert found.height > 300 and set(found["sample_count"]) == {n}
    # Many next orders of each operation: one of each has a standard deviation of 0.01 and would ask for luck.
    following = 40.0 * np.exp(rng.normal(0, SIGMA, (50, found.height)))
    low, high = found["run_p10"].to_numpy(), found["run_p90"].to_numpy()
    inside = float(((low <= following) & (following <= high)).mean())
    assert 0.77 < inside < 0.85
    assert (
        (found["optimal_time"] < found["standard_time"]) & (found["standard_time"] < found["safe_time"])
    ).all()


@pytest.mark.slow
def test_own_set_up_counts_without_an_own_run_time(plant: Plant) -> None:
    item = plant[2].head(1)
    mine = results(routings_of(item), setup=77.0).with_columns(
        pl.lit(0, pl.Int64).alias("run_n"),
        *[pl.lit(None, pl.Float64).alias(f"run_{c}") for c in ("mean", "trim_mean", "p50", "cv")],
    )
    found = operations_of(plant, pl.concat([results(plant[1]), mine]), item)
    assert found["setup_time"].to_list() == pytest.approx([77.0] * found.height)
    assert found["act_setup_time"].to_list() == pytest.approx([77.0] * found.height)
    assert found["act_run_time"].null_count() == found.height
    # The run time, which source and sample size speak of, is that of like items.
    assert set(found["time_source"]) == {"actual_similar"}
    assert found["run_time"].to_list() == pytest.approx([2.0] * found.height, rel=0.1)


@pytest.mark.slow
def test_results_of_one_job_at_two_operation_numbers_are_one(plant: Plant) -> None:
    item = plant[2].head(1)
    first = results(routings_of(item), run=10.0, n=3)
    second = results(routings_of(item), run=20.0, n=1).with_columns(pl.col("proc_seq") + 500)
    found = operations_of(plant, pl.concat([results(plant[1]), first, second]), item)
    assert set(found["sample_count"]) == {4}
    assert found["run_time"].to_list() == pytest.approx([10.0 * 2.0**0.25] * found.height)


@pytest.mark.slow
def test_a_known_set_up_says_where_it_comes_from_though_no_run_time_is_known(plant: Plant) -> None:
    no_run = [pl.lit(None, pl.Float64).alias(f"run_{c}") for c in ("mean", "trim_mean", "p50", "cv")]
    known = results(plant[1]).with_columns(pl.lit(0, pl.Int64).alias("run_n"), *no_run)
    bare = plant[1].with_columns(pl.lit(None, pl.Float64).alias(c) for c in ("run_min", "setup_min"))
    mine = results(routings_of(plant[2].head(1)), setup=50.0)
    mine = mine.with_columns(pl.lit(0, pl.Int64).alias("run_n"), *no_run)
    found = operations_of(plant, pl.concat([known, mine]), plant[2].head(20), bare)
    assert found["run_time"].null_count() == found.height
    own = found.filter(pl.col("item_key") == plant[2]["item_key"][0])
    assert set(own["time_source"]) == {"actual_own"} and set(own["sample_count"]) == {5}
    others = found.filter(pl.col("item_key") != plant[2]["item_key"][0])
    assert others["setup_time"].to_list() == pytest.approx([20.0] * others.height, rel=0.1)
    assert set(others["time_source"]) <= {"actual_similar", "model"}
    similar = others.filter(pl.col("time_source") == "actual_similar")
    assert similar.height > others.height / 2
    assert (similar["sample_count"] >= 5).all() and similar["source_items"].null_count() == 0
    assert similar["time_confidence"].null_count() == 0


@pytest.mark.slow
def test_few_work_results_are_learned_from_where_no_standard_is_known(plant: Plant) -> None:
    bare = plant[1].with_columns(pl.lit(None, pl.Float64).alias(c) for c in ("run_min", "setup_min"))
    few = results(plant[1], run=9.0).filter(pl.col("job_cd") == "B10").head(30)
    found = operations_of(plant, few, plant[2].head(50), bare)
    turning = found.filter(pl.col("job_cd") == "B10")
    assert turning["run_time"].to_list() == pytest.approx([9.0] * turning.height, rel=0.1)
    # With standard times for all of hundreds of operations, thirty results are too few to learn from.
    found = operations_of(plant, few, plant[2].head(50))
    assert set(found["time_source"]) <= {"standard_similar", "model"}


@pytest.mark.slow
def test_old_results_count_less(plant: Plant) -> None:
    bare = plant[1].with_columns(pl.lit(None, pl.Float64).alias(c) for c in ("run_min", "setup_min"))
    old = pl.col("item_key").hash(4) % 2 == 0
    known = results(bare, run=10.0).with_columns(
        pl.when(old).then(30.0).otherwise(pl.col(c)).alias(c) for c in ("run_trim_mean", "run_p50")
    )
    dated = known.with_columns(last_report_dt=pl.when(old).then(date(2005, 1, 1)).otherwise("last_report_dt"))
    middle = {}
    for name, profile in (("dated", dated), ("undated", known)):
        found = operations_of(plant, profile, plant[2], bare)
        middle[name] = float(found.filter(pl.col("job_cd") == "B10")["run_time"].median())  # type: ignore[arg-type]
    assert middle["dated"] < 13.0 < middle["undated"]


@pytest.mark.slow
def test_run_times_say_for_which_lot_they_are(plant: Plant) -> None:
    lots = [pl.lit(50.0).alias("run_lot"), pl.lit(-0.2).alias("run_lot_exponent")]
    mine = results(routings_of(plant[2].head(1))).with_columns(
        pl.lit(8.0).alias("run_lot"), pl.lit(-0.2).alias("run_lot_exponent")
    )
    found = operations_of(plant, pl.concat([results(plant[1]).with_columns(lots), mine]), plant[2].head(20))
    is_own = found["time_source"] == "actual_own"
    assert found.filter(is_own)["lot_size"].to_list() == pytest.approx([8.0] * int(is_own.sum()))
    assert found.filter(~is_own)["lot_size"].to_list() == pytest.approx([50.0] * int((~is_own).sum()))
    assert found["lot_exponent"].to_list() == pytest.approx([-0.2] * found.height)


@pytest.mark.slow
def test_standard_times_are_for_no_lot(plant: Plant) -> None:
    found = operations_of(plant, TIME_BY_ITEM_OPERATION.empty(), plant[2].head(20))
    assert found["run_time"].null_count() == 0
    assert found["lot_size"].null_count() == found["lot_exponent"].null_count() == found.height


@pytest.mark.slow
def test_the_notes_tell_how_run_times_go_with_the_lot(plant: Plant) -> None:
    lots = results(plant[1]).with_columns(
        pl.lit(50.0).alias("run_lot"), pl.lit(-0.2).alias("run_lot_exponent")
    )
    for profile, told in ((lots, True), (results(plant[1]), False)):
        model = RoutingPredictor(attributes=ATTRIBUTES, n_trees=8, n_jobs=1)
        model.fit(plant[0], plant[1], times=replace(TimeEvidence.none(), by_item_operation=profile))
        # 10 ** -0.2 = 0.63
        assert any("ten times as large a piece takes 37% less" in note for note in model.notes_) == told


def test_own_results_under_a_replaced_job_code_are_those_of_its_successor(plant: Plant) -> None:
    model = RoutingPredictor(attributes=ATTRIBUTES, n_trees=8, n_jobs=1).fit(plant[0], plant[1])
    catalogue = replace(model.catalogue_, replaced_jobs={"B09": "B10"})
    within = {m: np.full(len(catalogue.jobs), SIGMA) for m in ("setup", "run")}
    item = plant[2].head(1)
    mine = results(routings_of(item), run=33.0).filter(pl.col("job_cd") == "B10")
    own = OwnTimes().fit(catalogue, mine.with_columns(pl.lit("B09").alias("job_cd")), within)
    assert own.any_of(item["item_key"])
    assert own.table_.select("item_key", "job_cd", "run_n").row(0) == (item["item_key"][0], "B10", 5)
    assert own.table_["run_p50"].to_list() == pytest.approx([33.0])


def test_a_piece_takes_its_share_of_an_order_that_takes_as_long_whatever_its_size(plant: Plant) -> None:
    """Lots that no attribute tells were learned as times a piece; the 240 minutes of an order came out as up to 1,550."""
    lot = np.exp(np.random.default_rng(4).uniform(0.0, 4.0, plant[1].height))
    known = results(plant[1]).with_columns(
        *(pl.Series(f"run_{c}", 240.0 / lot) for c in ("mean", "trim_mean", "p50", "standard")),
        run_lot=pl.Series(lot), run_lot_exponent=pl.lit(-1.0),
    )  # fmt: skip
    found = operations_of(plant, known, plant[2])
    of_order = (found["run_time"] * found["lot_size"]).to_numpy()
    assert of_order == pytest.approx(np.full(len(of_order), 240.0), rel=0.02)
    # What is not known of the lot is in the interval.
    assert (found["run_p90"] > 2 * found["run_time"]).all()
