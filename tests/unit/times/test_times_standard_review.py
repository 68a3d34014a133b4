"""The review of standard times: whose report it is, what differs for sure, since when, and what is proposed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy.stats import binomtest

from routing_etl.frames import OPERATIONS, STANDARD_TIMES, TIME_BY_ITEM_OPERATION
from routing_etl.times.review_statistics import false_discovery, last_levels, median_interval, sign_test
from routing_etl.times.standard_backtest import proposals_held
from routing_etl.times.standard_review import Evidence, ReviewReport, ReviewRules, review_standards
from routing_etl.times.statistics import SortedGroups

DAY = date(2025, 1, 1)
SAMPLES = {
    "item_key": pl.String, "rout_no": pl.String, "proc_seq": pl.Int32, "job_cd": pl.String, "report_dt": pl.Date,
    "setup_min": pl.Float64, "run_min": pl.Float64, "setup_removed": pl.Boolean, "run_removed": pl.Boolean,
    "pieces": pl.Float64, "run_min_at_lot": pl.Float64, "machine_gone": pl.Boolean,
}  # fmt: skip
#: Eight orders around 15 minutes.
ABOUT_15 = (13.9, 14.3, 14.6, 14.9, 15.1, 15.4, 15.7, 16.1)


def operation(**values: Any) -> dict[str, Any]:
    base = {
        "item_cd": "A", "item_key": "A", "rout_no": "R1", "proc_seq": 10, "job_cd": "C10", "inside": "in", "run_min": 10.0,
        "rout_class": "in", "routing_rank": 0, "decided_by": "only", "rout_valid": True,
    }  # fmt: skip
    return {**dict.fromkeys(OPERATIONS.schema), **base, **values}


def reports(
    minutes: Iterable[float], every: int = 10, until: date = DAY, **values: Any
) -> list[dict[str, Any]]:
    """Reports of `pieces` pieces each, the newest on `until`, one every so many days."""
    run = list(minutes)
    return [
        {
            "item_key": "A", "rout_no": "R1", "proc_seq": 10, "job_cd": "C10", "run_min": m, "run_min_at_lot": m, "pieces": 6.0,
            "report_dt": until - timedelta(days=every * (len(run) - 1 - k)), "setup_removed": False, "run_removed": False,
            **values,
        }
        for k, m in enumerate(run)
    ]  # fmt: skip


def evidence(samples: list[dict[str, Any]], operations: list[dict[str, Any]]) -> Evidence:
    frame = pl.LazyFrame([{**dict.fromkeys(SAMPLES), **s} for s in samples], schema=SAMPLES)
    own = frame.group_by("item_key", "proc_seq", "job_cd").agg(
        run_lot=pl.lit(6.0), run_lot_exponent=pl.lit(-0.1)
    )
    schema = {n: TIME_BY_ITEM_OPERATION.schema[n] for n in ("run_lot", "run_lot_exponent")}
    return Evidence(frame, pl.LazyFrame(operations, schema=OPERATIONS.schema), own.cast(schema))


def review(
    samples: list[dict[str, Any]], operations: list[dict[str, Any]], **rules: Any
) -> tuple[pl.DataFrame, ReviewReport]:
    found, report = review_standards(evidence(samples, operations), ReviewRules(**rules))
    STANDARD_TIMES.validate(found)
    return found, report


def one(samples: list[dict[str, Any]], operations: list[dict[str, Any]], **rules: Any) -> dict[str, Any]:
    found, _ = review(samples, operations, **rules)
    assert found.height == 1
    return found.to_dicts()[0]


def groups(*values: Iterable[float], weight: float | None = None) -> SortedGroups:
    lists = [sorted(v) for v in values]
    flat = np.array([x for part in lists for x in part])
    sizes = np.array([len(part) for part in lists], dtype=np.int64)
    return SortedGroups(flat, sizes, None if weight is None else np.full(len(flat), weight))


# --- statistics ------------------------------------------------------------------------------------------------------


def test_the_interval_of_a_median_is_that_of_the_textbook() -> None:
    """Ranks of Conover's table for 95 %: none below six values, 1 and 6 of six, 2 and 9 of ten, 6 and 15 of twenty."""
    low, high = median_interval(groups(range(1, 6), range(1, 7), range(1, 11), range(1, 21)))
    assert np.isnan(low[0]) and np.isnan(high[0])
    assert low[1:].tolist() == [1, 2, 6] and high[1:].tolist() == [6, 9, 15]
    weighted = median_interval(groups(range(1, 11), weight=0.25))
    assert (weighted[0].item(), weighted[1].item()) == (2, 9)


def test_the_interval_covers_the_median_as_often_as_it_says_whatever_the_weights() -> None:
    rng = np.random.default_rng(5)
    size = rng.integers(7, 40, 4000)
    value = rng.lognormal(0, 0.6, size.sum())
    group = np.repeat(np.arange(len(size)), size)
    order = np.lexsort((value, group))
    weight = np.exp2(-rng.random(len(value)))
    low, high = median_interval(SortedGroups(value[order], size, weight[order]))
    told = np.isfinite(low)
    assert told.mean() > 0.95
    assert ((low <= 1.0) & (high >= 1.0))[told].mean() >= 0.95


@pytest.mark.parametrize("above", [0, 3, 7, 8])
def test_the_sign_test_is_the_binomial_test(above: int) -> None:
    values = [20.0 + k for k in range(above)] + [1.0 + k for k in range(8 - above)]
    p = sign_test(groups(values), np.array([10.0]), np.array([10.0])).item()
    assert p == pytest.approx(binomtest(above, 8).pvalue)


def test_no_test_is_no_test() -> None:
    p = sign_test(groups([1, 2, 3]), np.array([np.nan]), np.array([np.nan]))
    assert np.isnan(p).all()
    adjusted = false_discovery(np.array([0.01, np.nan, 0.04]))
    assert adjusted[0] == pytest.approx(0.02) and np.isnan(adjusted[1]) and adjusted[2] == pytest.approx(0.04)


def test_a_change_of_level_is_dated_and_what_came_before_is_left_out() -> None:
    frame = pl.DataFrame(reports([10.0, 10.4] * 10 + [15.0, 15.6] * 5)).select(
        op=pl.lit(0, pl.UInt32), day="report_dt", value="run_min"
    )
    found = last_levels(frame)
    assert found.reports["value"].to_list() == [15.0, 15.6] * 5
    assert found.changes.row(0, named=True) == {"op": 0, "changed_on": date(2024, 10, 3), "before": 10.2}


def test_reports_of_one_day_have_no_order_and_so_no_change() -> None:
    frame = pl.DataFrame(reports([10.0] * 10 + [15.0] * 10, every=0)).select(
        op=pl.lit(0, pl.UInt32), day="report_dt", value="run_min"
    )
    assert last_levels(frame).changes.is_empty()


def test_steady_reports_seldom_seem_to_change() -> None:
    rng = np.random.default_rng(1)
    op = np.repeat(np.arange(1500, dtype=np.uint32), 25)
    day = pl.Series(np.tile(np.arange(25, dtype=np.int32), 1500)).cast(pl.Date)
    frame = pl.DataFrame({"op": op, "day": day, "value": rng.lognormal(0, 0.3, len(op))})
    assert last_levels(frame).changes.height <= 15  # 1 %


# --- verdicts ---------------------------------------------------------------------------------------------------------


def test_a_standard_that_is_wrong_is_sure_and_gets_a_proposal_with_the_hours_that_it_moves() -> None:
    row = one(reports(ABOUT_15), [operation(insrt_dt=None)])
    assert (row["verdict"], row["sure"], row["orders"], row["measure"]) == ("differs", True, 8, "run")
    assert row["measured_min"] == pytest.approx(15.0, abs=0.1)
    assert (row["low_min"], row["high_min"]) == (13.9, 16.1)
    assert row["proposed_min"] == pytest.approx(row["measured_min"], abs=0.005) and row["no_proposal"] is None
    assert (row["orders_year"], row["pieces_year"]) == (8, 48.0)
    assert row["hours_year"] == pytest.approx(48 * (row["proposed_min"] - 10) / 60)
    assert (row["lot_size"], row["lot_exponent"]) == (6.0, -0.1)


def test_a_difference_within_the_tolerance_is_none() -> None:
    assert one(reports(ABOUT_15), [operation(run_min=15.5)], tolerance=0.2)["verdict"] == "agrees"
    row = one(reports(ABOUT_15), [operation(run_min=13.5)])
    assert (row["verdict"], row["sure"], row["proposed_min"], row["hours_year"]) == (
        "open",
        False,
        None,
        None,
    )


def test_too_few_orders_prove_nothing() -> None:
    row = one(reports(ABOUT_15[:5]), [operation()])
    assert (row["verdict"], row["orders"], row["low_min"], row["proposed_min"]) == (
        "few_orders",
        5,
        None,
        None,
    )
    assert one(reports(ABOUT_15), [operation()], min_orders=9)["verdict"] == "few_orders"


def test_posted_reports_are_never_a_proposal() -> None:
    """The standard itself, rounded as the ERP stores hours, or one number over and over, was not measured."""
    posted = [round(10.0 * 6 / 60, 4) * 60 / 6] * 5 + [14.0, 15.0, 16.0]
    assert one(reports(posted), [operation()])["verdict"] == "posted"
    old_standard = one(reports([15.0] * 9), [operation()])
    assert (old_standard["verdict"], old_standard["proposed_min"]) == ("posted", None)


def test_orders_that_always_take_the_same_hours_whatever_their_size_were_not_measured() -> None:
    pieces = (2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 24.0, 48.0)
    posted = [r | {"pieces": q} for r, q in zip(reports(240.0 / q for q in pieces), pieces, strict=True)]
    assert one(posted, [operation()])["verdict"] == "posted"


def test_a_missing_standard_gets_a_first_one() -> None:
    row = one(reports(ABOUT_15), [operation(run_min=None)])
    assert (row["verdict"], row["sure"], row["difference_min"]) == ("no_standard", False, None)
    assert row["hours_year"] == pytest.approx(48 * row["proposed_min"] / 60)


@pytest.mark.parametrize("factor", [60.0, 1 / 60, 10.0])
def test_a_factor_beyond_the_largest_step_is_told_and_not_proposed(factor: float) -> None:
    row = one(reports(m * factor for m in ABOUT_15), [operation(run_min=15.0)])
    assert (row["verdict"], row["proposed_min"]) == ("differs", None)
    assert "beyond the largest step 3" in row["no_proposal"] and "unit" in row["no_proposal"]


def test_what_was_removed_as_an_entry_error_is_no_order_behind_a_time_but_its_pieces_were_made() -> None:
    wrong = reports([900.0], run_removed=True)
    row = one([*reports(ABOUT_15), *wrong], [operation()])
    assert (row["orders"], row["high_min"], row["pieces_year"]) == (8, 16.1, 54.0)


def test_where_every_report_was_kept_out_no_order_is_behind_a_time_but_posted_ones_are_told() -> None:
    row = one(reports((60 * m for m in ABOUT_15), run_removed=True), [operation(run_min=15.0)])
    assert (row["verdict"], row["orders"], row["orders_all"], row["low_min"]) == ("few_orders", 0, 0, None)
    assert row["ratio"] == pytest.approx(60, rel=0.02) and "kept out" in row["no_proposal"]
    posted = one(reports([10.0] * 8, run_removed=True), [operation()])
    assert (posted["verdict"], posted["orders"], posted["proposed_min"]) == ("posted", 0, None)


def test_the_hours_are_of_the_year_before_the_plants_newest_report() -> None:
    old = reports(ABOUT_15, until=DAY - timedelta(days=700))
    other = reports([3.0], item_key="B")
    rows, report = review([*old, *other], [operation(), operation(item_cd="B", item_key="B")])
    row = rows.filter(pl.col("item_key") == "A").to_dicts()[0]
    assert (row["orders_year"], row["pieces_year"], row["hours_year"]) == (0, None, 0.0)
    assert report.as_of == DAY
    undated = one(reports(ABOUT_15, report_dt=None), [operation()])
    assert (undated["verdict"], undated["hours_year"]) == ("differs", None)


def test_set_up_is_per_order() -> None:
    samples = reports(ABOUT_15, run_min=None, run_min_at_lot=None)
    for sample, minutes in zip(samples, ABOUT_15, strict=True):
        sample["setup_min"] = minutes
    row = one(samples, [operation(setup_min=30.0)])
    assert (row["measure"], row["verdict"], row["lot_size"]) == ("setup", "differs", None)
    assert row["hours_year"] == pytest.approx(8 * (row["proposed_min"] - 30) / 60)


# --- whose report ------------------------------------------------------------------------------------------------------


def test_a_report_counts_for_the_routing_that_it_names() -> None:
    slow = reports((2 * m for m in ABOUT_15), rout_no="R2")
    both = [operation(), operation(rout_no="R2", routing_rank=1)]
    rows, _ = review([*reports(ABOUT_15), *slow], both)
    assert rows.select("rout_no", pl.col("measured_min").round(0)).rows() == [("R1", 15.0), ("R2", 30.0)]


def test_a_report_without_a_routing_counts_where_only_one_could_have_been_meant() -> None:
    nameless = reports(ABOUT_15, rout_no=None)
    assert one(nameless, [operation(), operation(rout_no="R2", job_cd="D20")])["rout_no"] == "R1"
    rows, report = review(nameless, [operation(), operation(rout_no="R2")])
    assert rows.is_empty() and report.unattributed == 8


def test_routings_that_are_not_valid_and_work_outside_are_not_reviewed() -> None:
    rows, report = review(
        reports(ABOUT_15), [operation(rout_valid=False), operation(inside="out", proc_seq=20)]
    )
    assert rows.is_empty() and report.operations == 0


# --- since when --------------------------------------------------------------------------------------------------------


def test_since_when_is_the_change_where_the_reports_agreed_before() -> None:
    before = reports([9.6, 9.9, 10.1, 10.4] * 4, until=DAY - timedelta(days=100))
    row = one([*before, *reports([*ABOUT_15, 14.7, 15.2])], [operation()])
    assert (row["verdict"], row["changed_on"]) == ("differs", row["differs_since"])
    assert row["differs_since"] == DAY - timedelta(days=90)
    assert "Pettitt" in row["since_basis"]
    assert row["orders"] == 10 and row["orders_all"] == 26
    assert row["measured_min"] > 14


def test_since_when_is_the_first_report_or_unknown_with_a_reason() -> None:
    always = one(reports([*ABOUT_15, *ABOUT_15]), [operation()])
    assert always["differs_since"] == always["first_report"] and "no change" in always["since_basis"]
    few = one(reports(ABOUT_15), [operation()])
    assert few["differs_since"] is None and "fewer than 15" in few["since_basis"]


# --- rounding ----------------------------------------------------------------------------------------------------------


def test_a_proposal_is_rounded_as_the_plants_standards_are_unless_it_would_leave_the_interval() -> None:
    others = [operation(item_cd=f"X{k}", item_key=f"X{k}", run_min=5.0 * (k + 1)) for k in range(30)]
    assert one(reports(ABOUT_15), [operation(), *others])["proposed_min"] == 15.0
    short = reports(m / 10 for m in ABOUT_15)
    row = one(short, [operation(run_min=1.0), *others])
    assert row["proposed_min"] == 1.5  # no multiple of 5 lies between 1.39 and 1.61


# --- many --------------------------------------------------------------------------------------------------------------


def plant(
    seed: int, n: int = 400, wrong: float = 0.1
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], set[str]]:
    """A plant whose standards are right within 3 %, but for some that are 1.6 or 0.6 times the truth."""
    rng = np.random.default_rng(seed)
    samples, operations, planted = [], [], set()
    for k in range(n):
        key, truth = f"I{k:04}", float(rng.lognormal(2, 0.8))
        factor = float(rng.choice([1.6, 0.6])) if rng.random() < wrong else float(rng.uniform(0.97, 1.03))
        if not 0.9 < factor < 1.1:
            planted.add(key)
        operations.append(operation(item_cd=key, item_key=key, run_min=round(truth * factor, 2)))
        orders = int(rng.integers(6, 40))
        minutes = truth * rng.lognormal(0, 0.2, orders)
        samples += reports(minutes.round(3).tolist(), item_key=key, every=12)
    return samples, operations, planted


def test_planted_wrong_standards_are_found_and_right_ones_left_alone() -> None:
    """Over three seeds: of what is called sure at most one in twenty is right in truth, and most of the wrong are found."""
    sure, hits, planted = 0, 0, 0
    for seed in range(3):
        samples, operations, wrong = plant(seed)
        rows, _ = review(samples, operations)
        called = set(rows.filter("sure")["item_key"])
        sure, hits, planted = sure + len(called), hits + len(called & wrong), planted + len(wrong)
    assert hits / sure >= 0.95
    assert hits / planted >= 0.8


def test_proposals_are_judged_by_later_orders() -> None:
    samples, operations, _ = plant(1, n=150, wrong=0.3)
    held = proposals_held(evidence(samples, operations), ReviewRules(), DAY - timedelta(days=90))
    assert held.share is not None and held.low is not None and held.high is not None
    assert held.n > 10 and held.share > 0.9 and 0 < held.low < held.share <= held.high <= 1


def test_what_cannot_be_judged_says_why() -> None:
    rules = ReviewRules()
    undated = proposals_held(evidence(reports(ABOUT_15, report_dt=None), [operation()]), rules)
    assert undated.share is None and undated.reason == "no work result has a date"
    early = proposals_held(evidence(reports(ABOUT_15), [operation()]), rules, DAY - timedelta(days=900))
    assert (
        early.share is None
        and early.reason is not None
        and "nothing would have been proposed" in early.reason
    )
    alone = proposals_held(evidence(reports(ABOUT_15), [operation()]), rules, DAY)
    assert alone.share is None and alone.n == 0


def test_a_plant_without_reports_has_an_empty_review() -> None:
    rows, report = review([], [operation()])
    assert rows.is_empty() and (report.operations, report.measured, report.as_of) == (1, 0, None)


def test_reports_of_a_machine_out_of_use_are_left_out_and_counted() -> None:
    old = reports([30.0] * 8, machine_gone=True, until=DAY - timedelta(days=400))
    found, report = review([*old, *reports(ABOUT_15)], [operation()])
    assert report.machine_gone == 8
    assert found.select("orders_all", pl.col("measured_min").round(1)).row(0) == (8, 15.0)
    nothing, report = review(old, [operation()])
    assert nothing.is_empty() and report.machine_gone == 8


def by_place(*numbers: str | None, **values: Any) -> tuple[list[Any], ReviewReport]:
    """`proc_seq`, `proposed_min` and `no_proposal` of operations that the ERP calls by these numbers."""
    steps = [operation(proc_seq=10 * k, oper_no=n, **values) for k, n in enumerate(numbers, 1)]
    samples = [r for s in steps for r in reports(ABOUT_15, proc_seq=s["proc_seq"])]
    found, report = review_standards(replace(evidence(samples, steps), renumbered=True), ReviewRules())
    STANDARD_TIMES.validate(found)
    return found.select("proc_seq", "proposed_min", "no_proposal").rows(), report


def test_operations_ordered_by_place_are_shown_by_the_number_of_the_erp() -> None:
    """The ids of an ERP stand in another order than the operations."""
    rows, report = by_place("0207", "41.0")
    assert [(n, round(p), why) for n, p, why in rows] == [(41, 15, None), (207, 15, None)]
    assert report.other_numbers == 0 and report.proposals == 2


@pytest.mark.parametrize("numbers", [("10", "10A"), ("100", "100"), ("10", None), ("10", "99999999999")])
def test_nothing_is_proposed_where_the_number_of_the_erp_cannot_be_shown(
    numbers: tuple[str | None, str | None],
) -> None:
    rows, report = by_place(*numbers)
    assert [r[:2] for r in rows] == [(10, None), (20, None)] and report.other_numbers == 2
    assert report.proposals == 0
    assert all(f"calls this operation {n or 'nothing'}," in r[2] for n, r in zip(numbers, rows, strict=True))


def test_an_outside_operation_of_the_same_number_hides_both() -> None:
    steps = [operation(oper_no="5"), operation(proc_seq=20, oper_no="5", inside="out", job_cd="PLATE")]
    found, _ = review_standards(replace(evidence(reports(ABOUT_15), steps), renumbered=True), ReviewRules())
    assert found.select("proc_seq", "proposed_min").rows() == [(10, None)]
