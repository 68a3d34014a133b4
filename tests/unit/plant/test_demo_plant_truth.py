"""The truth beside the plant: it describes what the plant's planners and machines really do."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from routing_etl.plant.demo import Grammar, PlantReport, write_plant
from routing_etl.plant.draw import draw_book
from routing_etl.plant.latent import draw_latent
from routing_etl.settings import load_settings

#: No code change and no entry errors, so that every routing and every result can be held against the truth.
STILL = Grammar(drifted_codes=0, dirt=0.0, orphan_results=0.0, results_per_item=12)
Read = Callable[[str], pl.DataFrame]


def reader(path: Path) -> Read:
    connection = sqlite3.connect(path)
    return lambda sql: pl.read_database(sql, connection, infer_schema_length=None)


@pytest.fixture(scope="module")
def still(tmp_path_factory: pytest.TempPathFactory) -> tuple[Read, PlantReport]:
    path = tmp_path_factory.mktemp("still") / "erp.db"
    report = write_plant(f"sqlite:///{path}", 4000, 8, load_settings(), grammar=STILL)
    return reader(path), report


@pytest.fixture(scope="module")
def drifting(tmp_path_factory: pytest.TempPathFactory) -> Read:
    path = tmp_path_factory.mktemp("drift") / "erp.db"
    write_plant(f"sqlite:///{path}", 4000, 8, load_settings(), grammar=Grammar(dirt=0.0, results_per_item=1))
    return reader(path)


def sequences(read: Read, where: str = "1") -> pl.DataFrame:
    """Job sequence of every routing, with its date."""
    rows = read(f"SELECT ITEM_CD, ROUT_NO, PROC_SEQ, JOB_CD, INSRT_DT FROM BI_ROUTING_VIEW WHERE {where}")
    return (
        rows.sort("PROC_SEQ")
        .group_by("ITEM_CD", "ROUT_NO", maintain_order=True)
        .agg(pl.col("JOB_CD").str.join(">").alias("JOB_SEQ"), pl.col("INSRT_DT").max())
    )


def test_probabilities_of_every_item_sum_to_one(still: tuple[Read, PlantReport]) -> None:
    read, _ = still
    truth = read("SELECT ITEM_CD, PROBABILITY FROM DEMO_TRUTH_ROUTING")
    assert truth["PROBABILITY"].min() > 0
    total = truth.group_by("ITEM_CD").agg(pl.col("PROBABILITY").sum())
    assert len(total) == 4000
    assert (total["PROBABILITY"] - 1).abs().max() < 1e-9


def test_codes_resources_and_flags_have_the_same_length(still: tuple[Read, PlantReport]) -> None:
    read, _ = still
    truth = read("SELECT JOB_SEQ, RES_SEQ, INSIDE_SEQ FROM DEMO_TRUTH_ROUTING")
    steps = truth.select(pl.all().str.split(">").list.len())
    assert (steps["JOB_SEQ"] == steps["RES_SEQ"]).all()
    assert (steps["JOB_SEQ"] == steps["INSIDE_SEQ"]).all()
    assert steps["JOB_SEQ"].min() >= 2
    assert set(truth["INSIDE_SEQ"].str.split(">").explode()) == {"in", "out"}


def test_the_ceiling_is_the_mean_best_probability_of_unrouted_items(still: tuple[Read, PlantReport]) -> None:
    read, report = still
    best = read(
        "SELECT MAX(p) AS p FROM (SELECT ITEM_CD, JOB_SEQ, SUM(PROBABILITY) p FROM DEMO_TRUTH_ROUTING "
        "WHERE ITEM_CD NOT IN (SELECT ITEM_CD FROM BI_ROUTING_VIEW) GROUP BY ITEM_CD, JOB_SEQ) GROUP BY ITEM_CD"
    )
    assert best["p"].mean() == pytest.approx(report.ceiling, abs=1e-5)
    assert 0.78 < report.ceiling < 0.88


def test_planners_write_routings_as_often_as_the_truth_says(still: tuple[Read, PlantReport]) -> None:
    read, _ = still
    truth = read("SELECT ITEM_CD, JOB_SEQ, SUM(PROBABILITY) p FROM DEMO_TRUTH_ROUTING GROUP BY 1, 2")
    written = sequences(read, "ROUT_NO NOT LIKE '외주%'").join(truth, on=["ITEM_CD", "JOB_SEQ"], how="left")
    assert written["p"].null_count() == 0
    # The expected probability of a draw from a distribution is the sum of its squares.
    agree = (
        truth.join(written.select("ITEM_CD"), on="ITEM_CD")
        .group_by("ITEM_CD", "JOB_SEQ")
        .agg(pl.len(), pl.col("p").first())
    )
    expected = (agree["p"] ** 2 * agree["len"]).sum() / len(written)
    assert written["p"].mean() == pytest.approx(expected, abs=0.02)


def test_the_resource_of_an_operation_is_the_main_one_unless_it_waits(
    still: tuple[Read, PlantReport],
) -> None:
    read, _ = still
    truth = read("SELECT ITEM_CD, JOB_SEQ, RES_SEQ FROM DEMO_TRUTH_ROUTING")
    main = (
        truth.with_columns(pl.col("JOB_SEQ", "RES_SEQ").str.split(">"))
        .explode("JOB_SEQ", "RES_SEQ")
        .unique(["ITEM_CD", "JOB_SEQ", "RES_SEQ"])
        .rename({"JOB_SEQ": "JOB_CD"})
    )
    rows = read(
        "SELECT ITEM_CD, JOB_CD, RES_CD FROM BI_ROUTING_VIEW WHERE INSIDE_FLAG = '사내' AND INSRT_DT > '2025-03-01' AND RES_CD IS NOT NULL"
    )
    rows = rows.filter(~pl.col("RES_CD").str.ends_with("-대기"))
    found = rows.join(
        main.group_by("ITEM_CD", "JOB_CD").agg("RES_SEQ"), on=["ITEM_CD", "JOB_CD"], how="inner"
    )
    assert len(found) > 300
    assert found.select(pl.col("RES_CD").is_in(pl.col("RES_SEQ")).mean()).item() == 1.0


def test_reported_times_scatter_around_the_truth(still: tuple[Read, PlantReport]) -> None:
    read, _ = still
    ratio = read(
        "SELECT r.MACH_WORKED_HOURS * 60 / r.ORDER_QTY / t.RUN_MIN AS run, r.SETUP_HOURS * 60 / t.SETUP_MIN AS setup "
        "FROM BI_WORK_ORDER_RESULTS r JOIN DEMO_TRUTH_TIME t ON t.ITEM_CD = r.ITEM_CD AND t.JOB_CD = r.JOB_CD"
    )
    ((results,),) = read("SELECT COUNT(*) FROM BI_WORK_ORDER_RESULTS").rows()
    assert len(ratio) == results
    run = np.log(ratio["run"].to_numpy())
    assert np.exp(np.median(run)) == pytest.approx(1.0, abs=0.03)
    assert run.std() == pytest.approx(0.29, abs=0.04)
    setup = np.log(ratio.filter(pl.col("setup") > 0.01)["setup"].to_numpy())
    assert np.exp(np.median(setup)) == pytest.approx(1.0, abs=0.03)


def test_standard_times_are_estimates_of_the_same_truth(still: tuple[Read, PlantReport]) -> None:
    read, _ = still
    ratio = read(
        "SELECT o.RUN_TIME / COALESCE(o.RUN_TIME_QTY, 1) / t.RUN_MIN AS run FROM BI_ROUTING_VIEW o "
        "JOIN DEMO_TRUTH_TIME t ON t.ITEM_CD = o.ITEM_CD AND t.JOB_CD = o.JOB_CD WHERE o.RUN_TIME > 1"
    )
    assert 0.9 < float(np.median(ratio["run"].to_numpy())) < 1.2


def test_every_operation_of_the_truth_has_a_time(still: tuple[Read, PlantReport]) -> None:
    read, _ = still
    jobs = read("SELECT ITEM_CD, JOB_SEQ FROM DEMO_TRUTH_ROUTING").with_columns(
        pl.col("JOB_SEQ").str.split(">")
    )
    pairs = jobs.explode("JOB_SEQ").unique()
    times = read("SELECT ITEM_CD, JOB_CD AS JOB_SEQ, SETUP_MIN, RUN_MIN FROM DEMO_TRUTH_TIME")
    assert times.select(pl.struct("ITEM_CD", "JOB_SEQ").n_unique()).item() == len(times)
    assert len(pairs.join(times, on=["ITEM_CD", "JOB_SEQ"], how="anti")) == 0
    assert times["SETUP_MIN"].min() >= 0 and times["RUN_MIN"].min() > 0  # type: ignore[operator]


def test_brand_new_part_types_have_no_routing(drifting: Read) -> None:
    parts = drifting(
        "SELECT PART_TYPE, COUNT(*) n, SUM(ITEM_CD IN (SELECT ITEM_CD FROM BI_ROUTING_VIEW)) routed "
        "FROM BI_ITEM_INFO_VIEW GROUP BY 1"
    )
    never = parts.filter((pl.col("routed") == 0) & (pl.col("n") >= 2))
    assert len(never) >= 6
    assert len(parts) > 200


def test_a_code_replaced_at_a_date_is_not_used_on_the_other_side(drifting: Read) -> None:
    facts = dict(drifting("SELECT NAME, VALUE FROM DEMO_TRUTH_SUMMARY").rows())
    change = date.fromisoformat(facts["code_change"])
    pairs = [p.split(" -> ") for p in facts["code_changes"].split(", ")]
    assert len(pairs) == 3
    rows = drifting("SELECT JOB_CD, INSRT_DT FROM BI_ROUTING_VIEW WHERE INSRT_DT IS NOT NULL")
    rows = rows.with_columns(pl.col("INSRT_DT").str.slice(0, 10).str.to_date())
    for old, new in pairs:
        before, after = rows.filter(pl.col("JOB_CD") == old), rows.filter(pl.col("JOB_CD") == new)
        assert len(before) > 0
        assert before["INSRT_DT"].max() < change
        assert len(after) == 0 or after["INSRT_DT"].min() >= change
    truth = set(drifting("SELECT JOB_SEQ FROM DEMO_TRUTH_ROUTING")["JOB_SEQ"].str.split(">").explode())
    assert truth.isdisjoint({old for old, _ in pairs})


def test_part_type_alone_does_not_decide_the_routing(still: tuple[Read, PlantReport]) -> None:
    read, report = still
    truth = read(
        "SELECT i.PART_TYPE p, t.JOB_SEQ s, SUM(t.PROBABILITY) w FROM DEMO_TRUTH_ROUTING t "
        "JOIN BI_ITEM_INFO_VIEW i ON i.ITEM_CD = t.ITEM_CD GROUP BY 1, 2"
    )
    majority = truth.group_by("p").agg(pl.col("w").max())["w"].sum() / truth["w"].sum()
    assert majority < 0.45 * report.ceiling


def test_without_planner_noise_equal_items_get_equal_routings(tmp_path: Path) -> None:
    path = tmp_path / "sure.db"
    sure = Grammar(planner_noise=0.0, drifted_codes=0, dirt=0.0)
    report = write_plant(f"sqlite:///{path}", 800, 4, load_settings(), grammar=sure)
    assert report.ceiling == 1.0
    read = reader(path)
    written = sequences(read, "ROUT_NO NOT LIKE '외주%'")
    assert written.group_by("ITEM_CD").agg(pl.col("JOB_SEQ").n_unique())["JOB_SEQ"].max() == 1


def test_summary_names_seed_knobs_and_counts(still: tuple[Read, PlantReport]) -> None:
    read, _ = still
    facts = dict(read("SELECT NAME, VALUE FROM DEMO_TRUTH_SUMMARY").rows())
    assert (facts["seed"], facts["n_items"], facts["state"]) == ("8", "4000", "finished")
    assert facts["grammar.drifted_codes"] == "0"
    assert int(facts["n_routed"]) == pytest.approx(0.549 * 4000, abs=2)
    assert "true attributes" in facts["ceiling_meaning"]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(
    "grammar",
    [
        Grammar(),
        Grammar(families=24, most_passes=1),
        Grammar(families=2, part_types=5, conditional_share=1.0, compound_rules=1.0, planner_noise=0.4),
    ],
)
def test_any_drawn_grammar_plans_every_item(seed: int, grammar: Grammar) -> None:
    book = draw_book(seed, grammar)
    items = draw_latent(np.random.default_rng(seed), book.catalogue, 1500, 0.02)
    plan = book.plan(items)
    rest = 1 - plan.share.sum(1)
    assert (plan.jobs > 0).sum(1).min() >= 2
    assert plan.share.min() >= 0
    assert rest.min() >= 0.4
    for which in range(1, plan.share.shape[1] + 1):
        rows = np.flatnonzero(plan.share[:, which - 1] > 0)
        jobs, _ = book.variant(items, plan, rows, np.full(len(rows), which))
        assert (jobs != plan.jobs[rows]).any(1).all()
        assert (jobs > 0).sum(1).min(initial=2) >= 2
