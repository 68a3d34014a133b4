"""Time profiles: statistics, kept-out samples, shards, evidence without hidden items."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from scipy.stats import trim_mean

from routing_etl.errors import ConfigurationError, DataQualityError, FrameError
from routing_etl.frames import (
    OPERATIONS,
    TIME_BY_ITEM_OPERATION,
    TIME_BY_JOB,
    TIME_BY_JOB_RESOURCE,
    WORK_RESULTS,
    TimeBasis,
)
from routing_etl.times.plausibility import Plausibility, check_plausibility, plausibility
from routing_etl.times.profiles import (
    ReportedTimes,
    TimesReport,
    build_profiles,
    read_evidence,
    subset_evidence,
)
from routing_etl.times.statistics import SortedGroups

MINUTES = TimeBasis(time_factor_min=1.0)


def results(rows: Iterable[dict[str, Any]]) -> pl.LazyFrame:
    base = {
        "item_key": "A", "rout_no": "R1", "proc_seq": 10, "job_cd": "C10", "res_cd": "M1", "report_dt": date(2025, 1, 1),
        "order_qty": 1.0, "match_level": "routing",
    }  # fmt: skip
    schema = WORK_RESULTS.schema
    return pl.LazyFrame([{**dict.fromkeys(schema), **base, **r} for r in rows], schema=schema)


def runs(values: Iterable[float], **common: Any) -> list[dict[str, Any]]:
    return [{"machine_time": v, **common} for v in values]


def no_operations() -> pl.LazyFrame:
    return OPERATIONS.empty().lazy()


def build(rows: pl.LazyFrame, out: Path, basis: TimeBasis = MINUTES, **kwargs: Any) -> TimesReport:
    return build_profiles(ReportedTimes(rows, basis), no_operations(), out, **kwargs)


def ordinary_plant(
    seed: int = 3, items: int = 40, per_group: int = 6, lots: tuple[int, int] = (20, 60)
) -> list[dict[str, Any]]:
    """Reports in hours of whole orders around a time per item, within 17 % of it, whatever the lot."""
    rng = np.random.default_rng(seed)
    rows = []
    for item in range(items):
        base = 20.0 * float(np.exp(rng.normal(0, 0.3)))
        for k in range(per_group):
            quantity = float(rng.integers(*lots))
            run = base * float(np.exp(rng.uniform(-0.17, 0.17)))
            rows.append(
                {
                    "item_key": f"I{item:03d}", "machine_time": run * quantity / 60, "setup_time": 0.5 * float(np.exp(rng.uniform(-0.17, 0.17))),
                    "order_qty": quantity, "res_cd": f"M{k % 2}",
                }
            )  # fmt: skip
    return rows


def test_statistics_known_by_hand(tmp_path: Path) -> None:
    build(
        results(
            runs([9.0, 11.0, 10.0], report_dt=date(2025, 3, 1)) + runs([10.0], report_dt=date(2025, 3, 1))
        ),
        tmp_path,
    )
    row = read_evidence(tmp_path).by_item_operation.row(0, named=True)
    assert (row["item_key"], row["proc_seq"], row["job_cd"]) == ("A", 10, "C10")
    assert (row["run_n"], row["run_n_removed"], row["run_mean"], row["run_trim_mean"]) == (4, 0, 10.0, 10.0)
    assert row["run_std"] == pytest.approx(0.5**0.5)
    assert row["run_cv"] == pytest.approx(0.5**0.5 / 10)
    assert (row["run_p10"], row["run_p50"], row["run_p90"]) == pytest.approx((9.3, 10.0, 10.7))
    assert row["run_optimal"] == pytest.approx(10 - 0.67 * 0.5**0.5)
    assert row["run_standard"] == 10.0
    assert row["run_safe"] == pytest.approx(10 + 1.28 * 0.5**0.5)
    assert row["last_report_dt"] == date(2025, 3, 1)


def test_a_measure_without_samples_is_null_and_the_other_is_not(tmp_path: Path) -> None:
    build(results(runs([5.0, 5.0], setup_time=0.0)), tmp_path)
    for frame in vars(read_evidence(tmp_path)).values():
        row = frame.row(0, named=True)
        assert (row["run_n"], row["run_standard"]) == (2, 5.0)
        assert (row["setup_n"], row["setup_n_removed"]) == (0, 0)
        assert all(
            row[f"setup_{s}"] is None
            for s in ("mean", "trim_mean", "std", "cv", "p50", "optimal", "standard", "safe")
        )


def test_groups_without_any_sample_have_no_profile(tmp_path: Path) -> None:
    report = build(results([{"machine_time": None}, {"machine_time": 0.0}, {"machine_time": -1.0}]), tmp_path)
    evidence = read_evidence(tmp_path)
    assert (
        evidence.by_item_operation.is_empty()
        and evidence.by_job.is_empty()
        and evidence.by_job_resource.is_empty()
    )
    assert report.measures["run"].flagged == {"missing": 1, "negative": 1, "zero": 1}
    assert report.measures["run"].samples == 0


def test_no_results_at_all(tmp_path: Path) -> None:
    report = build(WORK_RESULTS.empty().lazy(), tmp_path)
    assert report.results == 0
    assert report.groups == {"time_by_item_operation": 0, "time_by_job_resource": 0, "time_by_job": 0}
    assert read_evidence(tmp_path).by_item_operation.schema == TIME_BY_ITEM_OPERATION.empty().schema


def test_operation_numbers_far_apart_stay_apart(tmp_path: Path) -> None:
    rows = [
        {"item_key": i, "proc_seq": s, "machine_time": float(t)}
        for i, s, t in (("A", -5, 1), ("A", 2_000_000_000, 2), ("B", -5, 3))
    ]
    build(results(rows), tmp_path)
    own = read_evidence(tmp_path).by_item_operation.sort("run_mean")
    assert own.select("item_key", "proc_seq", "run_mean").rows() == [
        ("A", -5, 1.0),
        ("A", 2_000_000_000, 2.0),
        ("B", -5, 3.0),
    ]


def test_results_without_a_resource_count_for_the_job_only(tmp_path: Path) -> None:
    build(results(runs([5.0, 6.0], res_cd=None) + runs([7.0], res_cd="M1")), tmp_path)
    evidence = read_evidence(tmp_path)
    assert evidence.by_job["run_n"].to_list() == [3]
    assert evidence.by_job_resource["run_n"].to_list() == [1]


def test_minutes_typed_as_hours_cost_the_run_time_only(tmp_path: Path) -> None:
    rows = ordinary_plant()
    rows[0]["machine_time"] *= 60
    report = build(results(rows), tmp_path, TimeBasis())
    assert (report.measures["run"].minutes_as_hours, report.measures["setup"].removed) == (1, 0)
    row = read_evidence(tmp_path).by_item_operation.filter(pl.col("item_key") == "I000").row(0, named=True)
    assert (row["run_n"], row["run_n_removed"], row["setup_n"], row["setup_n_removed"]) == (5, 1, 6, 0)
    assert row["run_p90"] < 60


@pytest.mark.parametrize("direction", [-1, 1])
def test_order_and_piece_mixed_up_is_recognised_by_the_quantity(direction: int, tmp_path: Path) -> None:
    rows = ordinary_plant()
    rows[7]["machine_time"] *= rows[7]["order_qty"] ** direction
    measure = build(results(rows), tmp_path, TimeBasis()).measures["run"]
    assert (measure.order_as_piece, measure.minutes_as_hours, measure.outliers) == (1, 0, 0)


def test_an_outlier_of_no_known_kind_is_counted_as_such(tmp_path: Path) -> None:
    rows = ordinary_plant()
    rows[3]["machine_time"] *= 7
    measure = build(results(rows), tmp_path, TimeBasis()).measures["run"]
    assert (measure.outliers, measure.removed) == (1, 1)


def test_a_single_sample_is_judged_by_its_job(tmp_path: Path) -> None:
    rows = ordinary_plant()
    rows += [
        {"item_key": "NEW", "machine_time": 20.0 * 60 * 30 / 60, "order_qty": 30.0},
        {"item_key": "OK", "machine_time": 22.0 * 30 / 60, "order_qty": 30.0},
    ]
    build(results(rows), tmp_path, TimeBasis())
    own = read_evidence(tmp_path).by_item_operation
    assert own.filter(pl.col("item_key") == "NEW")["run_n"].to_list() == [0]
    assert own.filter(pl.col("item_key") == "NEW")["run_n_removed"].to_list() == [1]
    assert own.filter(pl.col("item_key") == "OK")["run_n"].to_list() == [1]


def test_of_two_that_disagree_the_one_far_from_the_job_goes(tmp_path: Path) -> None:
    rows = ordinary_plant()
    rows += [{"item_key": "TWO", "machine_time": m * 30 / 60, "order_qty": 30.0} for m in (20.0, 20.0 * 60)]
    build(results(rows), tmp_path, TimeBasis())
    two = read_evidence(tmp_path).by_item_operation.filter(pl.col("item_key") == "TWO").row(0, named=True)
    assert (two["run_n"], two["run_n_removed"]) == (1, 1)
    assert two["run_mean"] == pytest.approx(20.0)


def test_pooled_profiles_leave_out_what_was_kept_out(tmp_path: Path) -> None:
    rows = ordinary_plant(lots=(40, 41))
    rows[0]["machine_time"] *= 60
    build(results(rows), tmp_path, TimeBasis())
    job = read_evidence(tmp_path).by_job.row(0, named=True)
    assert (job["run_n"], job["run_n_removed"]) == (239, 1)
    clean = [r["machine_time"] * 60 / r["order_qty"] for r in rows[1:]]
    assert job["run_mean"] == pytest.approx(np.mean(clean))
    assert job["run_trim_mean"] == pytest.approx(trim_mean(clean, 0.1))
    assert job["run_p90"] == pytest.approx(np.quantile(clean, 0.9))


def test_too_little_data_to_judge_removes_nothing(tmp_path: Path) -> None:
    report = build(results(runs([1.0, 1.0, 60.0])), tmp_path)
    assert report.measures["run"].removed == 0


@pytest.mark.parametrize("shards", [2, 5])
def test_shards_do_not_change_the_result(shards: int, tmp_path: Path) -> None:
    rows = ordinary_plant()
    for i in (0, 11, 50):
        rows[i]["machine_time"] *= 60
    rows += [
        {**r, "machine_time": r["machine_time"] / 60, "job_cd": "C20", "proc_seq": 20}
        for r in constant_orders()
    ]
    one, many = tmp_path / "one", tmp_path / "many"
    first = build(results(rows), one, TimeBasis())
    second = build(results(rows), many, TimeBasis(), shards=shards)
    assert first == second
    for name, contract in (
        ("by_item_operation", TIME_BY_ITEM_OPERATION),
        ("by_job_resource", TIME_BY_JOB_RESOURCE),
        ("by_job", TIME_BY_JOB),
    ):
        a, b = (getattr(read_evidence(p), name).sort(contract.key) for p in (one, many))
        assert_frame_equal(a, b)
    assert not list(many.glob(".scratch-*"))


def test_hidden_items_leave_no_trace_in_the_pooled_profiles(tmp_path: Path) -> None:
    rows = ordinary_plant(lots=(40, 41))
    hidden = {"I000", "I007"}
    build(results(rows), tmp_path / "all", TimeBasis())
    build(results(r for r in rows if r["item_key"] not in hidden), tmp_path / "rest", TimeBasis())
    subset = subset_evidence(tmp_path / "all", pl.Series(sorted(hidden)), TimeBasis())
    rest = read_evidence(tmp_path / "rest")
    keys = list(TIME_BY_ITEM_OPERATION.key)
    assert_frame_equal(subset.by_item_operation.sort(keys), rest.by_item_operation.sort(keys))
    assert_frame_equal(subset.by_job, rest.by_job)
    assert_frame_equal(subset.by_job_resource, rest.by_job_resource)


def test_a_missing_profile_is_named(tmp_path: Path) -> None:
    with pytest.raises(FrameError, match=r"time_by_item_operation\.parquet.*Run the step 'times'"):
        read_evidence(tmp_path)


def test_wrong_input_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FrameError, match="lacks column machine_time"):
        build(results([]).drop("machine_time"), tmp_path)
    with pytest.raises(FrameError, match="shards = 0"):
        build(results([]), tmp_path, shards=0)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.floats(1e-3, 1e5)), min_size=1, max_size=60))
def test_opt_std_safe_and_quantiles_are_ordered(tmp_path: Path, rows: list[tuple[int, float]]) -> None:
    build(results({"item_key": f"I{i}", "machine_time": v, "setup_time": v} for i, v in rows), tmp_path)
    for frame in vars(read_evidence(tmp_path)).values():
        for m in ("setup", "run"):
            some = frame.filter(pl.col(f"{m}_n") > 0)
            for low, high in (("optimal", "standard"), ("standard", "safe"), ("p10", "p50"), ("p50", "p90")):
                assert (some[f"{m}_{low}"] <= some[f"{m}_{high}"]).all()
            assert (some[f"{m}_optimal"] >= 0).all() and some[f"{m}_cv"].is_finite().all()
        assert (frame["run_n"].sum() + frame["run_n_removed"].sum()) == len(rows)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.floats(5.0, 6.0), min_size=1, max_size=45))
def test_group_statistics_equal_the_library_ones(tmp_path: Path, values: list[float]) -> None:
    build(results(runs(values)), tmp_path)
    row = read_evidence(tmp_path).by_item_operation.row(0, named=True)
    if row["run_n_removed"] == 0:
        assert row["run_trim_mean"] == pytest.approx(trim_mean(values, 0.1))
        assert row["run_std"] == pytest.approx(np.std(values), abs=1e-9)
        assert row["run_p10"] == pytest.approx(np.quantile(values, 0.1))
        assert row["run_mean"] == pytest.approx(np.mean(values))


# --- plausibility -----------------------------------------------------------------------------------------------------


def standards(run: float, setup: float | None = None) -> pl.LazyFrame:
    return pl.LazyFrame(
        {
            "item_key": [f"I{i:03d}" for i in range(40)],
            "proc_seq": 10,
            "job_cd": "C10",
            "run_min": run,
            "setup_min": setup,
        },
        schema_overrides={"proc_seq": pl.Int32, "setup_min": pl.Float64},
    )


def test_ratio_of_actual_to_standard(tmp_path: Path) -> None:
    report = build_profiles(
        ReportedTimes(results(ordinary_plant()), TimeBasis()), standards(20.0, 0.0), tmp_path
    )
    assert report.plausibility["run"].ratio == pytest.approx(1.0, abs=0.2)
    assert report.plausibility["run"].pairs == 40
    assert report.plausibility["setup"].ratio is None
    assert "0 operation(s)" in (report.plausibility["setup"].reason or "")
    check_plausibility(report)


def test_a_plant_in_the_wrong_unit_stops_the_run(tmp_path: Path) -> None:
    report = build_profiles(
        ReportedTimes(results(ordinary_plant()), TimeBasis(time_factor_min=3600)), standards(20.0), tmp_path
    )
    run = report.measures["run"]
    assert (run.removed, run.set_aside) == (run.samples, run.samples)
    with pytest.raises(
        DataQualityError, match=r"run: median actual / standard = \d+.*results\.time_factor_min"
    ):
        check_plausibility(report)


@pytest.mark.parametrize(
    ("ratio", "plausible"), [(0.19, False), (0.2, True), (5.0, True), (5.1, False), (None, True)]
)
def test_limits_of_the_ratio(ratio: float | None, plausible: bool) -> None:
    assert Plausibility(ratio, 100).plausible is plausible


def test_too_few_pairs_give_no_ratio(tmp_path: Path) -> None:
    build(results(ordinary_plant(items=19)), tmp_path, TimeBasis())
    found = plausibility(pl.scan_parquet(tmp_path / "time_by_item_operation.parquet"), standards(20.0))
    assert found["run"].ratio is None
    assert found["run"].pairs == 19


def test_a_report_counts_half_as_much_as_one_a_half_life_newer(tmp_path: Path) -> None:
    basis = TimeBasis(time_factor_min=1.0, half_life_days=100.0)
    old, new = date(2025, 1, 1), date(2025, 4, 11)
    build(results(runs([10.0], report_dt=old) + runs([13.0], report_dt=new)), tmp_path, basis)
    for frame in vars(read_evidence(tmp_path)).values():
        row = frame.row(0, named=True)
        assert (row["run_n"], row["run_mean"]) == (2, pytest.approx((0.5 * 10 + 13) / 1.5))
        assert row["run_std"] == pytest.approx((0.5 * 2.0**2 + 1.0) ** 0.5 / 1.5**0.5)


def test_a_time_that_changed_years_ago_is_todays(tmp_path: Path) -> None:
    old, new = runs([10.0] * 6, report_dt=date(2012, 5, 1)), runs([20.0] * 6, report_dt=date(2025, 5, 1))
    build(results(old + new), tmp_path)
    row = read_evidence(tmp_path).by_item_operation.row(0, named=True)
    assert row["run_p50"] == 20.0
    assert 18.5 < row["run_standard"] < 20.0
    build(results(old + new), tmp_path, TimeBasis(time_factor_min=1.0, half_life_days=float("inf")))
    assert read_evidence(tmp_path).by_item_operation["run_p50"].to_list() == [15.0]


def test_reports_without_a_date_count_alike_and_less_than_the_newest(tmp_path: Path) -> None:
    build(results(runs([10.0, 12.0], report_dt=None)), tmp_path)
    assert read_evidence(tmp_path).by_item_operation["run_mean"].to_list() == [11.0]
    build(results(runs([10.0], report_dt=None) + runs([13.0])), tmp_path)
    assert read_evidence(tmp_path).by_item_operation["run_mean"].to_list() == pytest.approx([12.0])
    for_ever = TimeBasis(time_factor_min=1.0, half_life_days=float("inf"))
    build(results(runs([10.0], report_dt=None) + runs([13.0])), tmp_path, for_ever)
    for frame in vars(read_evidence(tmp_path)).values():
        assert frame["run_mean"].to_list() == [11.5]


@pytest.mark.parametrize("half_life", [0.0, -1.0, float("nan")])
def test_a_half_life_that_is_none_is_refused(half_life: float, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"results\.half_life_days = .*must be above 0.*inf"):
        build(results(runs([1.0])), tmp_path, TimeBasis(half_life_days=half_life))


def lots_plant(exponent: float, noise: float = 0.0, per_group: int = 6) -> list[dict[str, Any]]:
    """Items whose piece takes a time of its own x lot ** exponent, in minutes per order."""
    rng = np.random.default_rng(5)
    rows = []
    for item in range(40):
        base, usual = float(np.exp(rng.normal(3, 0.5))), float(np.exp(rng.normal(3, 1)))
        for _ in range(per_group):
            pieces = float(np.ceil(usual * np.exp(rng.normal(0, 0.7))))
            time = base * pieces**exponent * float(np.exp(rng.normal(0, noise)))
            rows.append({"item_key": f"I{item:03d}", "machine_time": time * pieces, "order_qty": pieces})
    return rows


def test_run_times_are_for_the_usual_lot_whatever_lots_were_made(tmp_path: Path) -> None:
    rows = lots_plant(-0.3)
    build(results(rows), tmp_path)
    evidence = read_evidence(tmp_path)
    assert evidence.by_job["run_lot_exponent"].item() == pytest.approx(-0.3, abs=0.03)
    found = {r["item_key"]: r for r in evidence.by_item_operation.iter_rows(named=True)}
    for key, item in found.items():
        own = [r for r in rows if r["item_key"] == key]
        usual = float(np.exp(np.mean([np.log(r["order_qty"]) for r in own])))
        assert item["run_lot"] == pytest.approx(usual)
        base = own[0]["machine_time"] / own[0]["order_qty"] * own[0]["order_qty"] ** 0.3
        assert item["run_p50"] == pytest.approx(base * usual**-0.3, rel=0.02)
        assert item["run_cv"] < 0.05


def test_lots_of_an_operation_alone_say_little_and_those_of_the_plant_are_taken(tmp_path: Path) -> None:
    few = {"job_cd": "C20", "proc_seq": 20}
    alone = [
        {"machine_time": 10.0, "order_qty": 1.0, **few},
        {"machine_time": 500.0, "order_qty": 100.0, **few},
    ]
    build(results([*lots_plant(-0.3, noise=0.1), *alone]), tmp_path)
    evidence = read_evidence(tmp_path)
    exponent = dict(evidence.by_job.select("job_cd", "run_lot_exponent").iter_rows())
    # Two reports alone say ln(10/5) / ln(1/100) = -0.15, with a weight of 10.6 against 10 of the plant's -0.26.
    assert exponent["C20"] == pytest.approx((-0.1505 * 10.6 - 0.26 * 10) / 20.6, abs=0.01)
    row = evidence.by_item_operation.filter(pl.col("job_cd") == "C20").row(0, named=True)
    assert row["run_lot"] == pytest.approx(10.0)
    assert row["run_p10"] < 10.0 * 10 ** row["run_lot_exponent"] * 1.1


def test_entry_errors_do_not_pass_for_an_effect_of_the_lot(tmp_path: Path) -> None:
    rows = lots_plant(0.0, noise=0.1)
    for row in rows[::15]:
        row["machine_time"] /= row["order_qty"]  # the time of one piece where the whole order was due
    build(results(rows), tmp_path)
    assert read_evidence(tmp_path).by_job["run_lot_exponent"].item() == pytest.approx(0.0, abs=0.03)


def constant_orders(spread: float = 0.02) -> list[dict[str, Any]]:
    """Orders of 240 minutes whatever their size, six in ten of them of one piece."""
    rng = np.random.default_rng(8)
    sizes = [1.0] * 12 + [2.0, 3.0, 5.0, 8.0, 12.0, 20.0, 30.0, 40.0]
    return [
        {
            "item_key": f"I{item:02d}", "machine_time": 240.0 * float(np.exp(rng.normal(0, spread))),
            "order_qty": pieces,
        }
        for item in range(12) for pieces in sizes
    ]  # fmt: skip


def test_orders_that_take_as_long_whatever_their_size_are_neither_outliers_nor_all_of_one_piece(
    tmp_path: Path,
) -> None:
    """Judged as minutes a piece, all but the orders of the commonest size were outliers, and the rest told of no lot."""
    report = build(results(constant_orders()), tmp_path)
    assert report.measures["run"].removed == 0
    evidence = read_evidence(tmp_path)
    assert evidence.by_job["run_lot_exponent"].item() == pytest.approx(-1.0, abs=0.02)
    of_order = evidence.by_item_operation.select(pl.col("run_trim_mean") * pl.col("run_lot")).to_series()
    assert of_order.to_list() == pytest.approx([240.0] * 12, rel=0.03)
    assert evidence.by_item_operation["run_cv"].max() < 0.05  # type: ignore[operator]


def test_entry_errors_are_found_where_orders_take_as_long_whatever_their_size(tmp_path: Path) -> None:
    rows = constant_orders()
    rows[3]["machine_time"] *= 60
    rows[15]["machine_time"] *= 3
    rows[34]["machine_time"] *= 60  # an order of five pieces, not of the commonest size
    report = build(results(rows), tmp_path, TimeBasis(time_factor_min=1.0))
    assert report.measures["run"].removed == 3
    assert read_evidence(tmp_path).by_job["run_lot_exponent"].item() == pytest.approx(-1.0, abs=0.02)


def test_a_job_whose_pieces_take_a_time_of_their_own_is_judged_as_before_beside_one_that_follows_the_lot(
    tmp_path: Path,
) -> None:
    usual = [{**row, "job_cd": "C20", "proc_seq": 20} for row in lots_plant(0.0, noise=0.1)]
    usual[7]["machine_time"] *= 30
    alone, both = tmp_path / "alone", tmp_path / "both"
    build(results(usual), alone)
    build(results([*usual, *constant_orders()]), both)
    kept = [
        read_evidence(folder)
        .by_item_operation.filter(pl.col("job_cd") == "C20")
        .sort("item_key")
        .select("item_key", "run_n", "run_n_removed")
        for folder in (alone, both)
    ]
    assert kept[0]["run_n_removed"].sum() == 1
    assert_frame_equal(kept[0], kept[1])


def test_without_quantities_there_is_no_lot_and_no_exponent(tmp_path: Path) -> None:
    basis = TimeBasis(time_factor_min=1.0, run_basis="piece")
    build(results(runs([9.0, 10.0, 11.0], order_qty=None)), tmp_path, basis)
    for frame in vars(read_evidence(tmp_path)).values():
        row = frame.row(0, named=True)
        assert (row["run_p50"], row["run_lot"], row["run_lot_exponent"]) == (10.0, None, None)


_VALUES = st.lists(
    st.tuples(st.floats(0.01, 1e4), st.floats(0.01, 10.0)), min_size=1, max_size=30
)  # value and weight


@given(st.lists(_VALUES, min_size=1, max_size=4), st.floats(0, 1), st.floats(0, 1))
def test_weighted_quantiles_rise_and_stay_inside(
    groups: list[list[tuple[float, float]]], a: float, b: float
) -> None:
    parts = [np.array(sorted(g)) for g in groups]
    values, weights = (np.concatenate([p[:, i] for p in parts]) for i in (0, 1))
    size = np.array([len(p) for p in parts], dtype=np.int64)
    low, high = (SortedGroups(values, size, weights).weighted_quantile(q) for q in sorted((a, b)))
    for i, part in enumerate(parts):
        assert part[0, 0] * (1 - 1e-9) <= low[i] <= high[i] * (1 + 1e-9) <= part[-1, 0] * (1 + 1e-8)
    alike = SortedGroups(values, size, np.full(len(values), 0.7)).weighted_quantile(a)
    assert alike == pytest.approx([np.quantile(p[:, 0], a) for p in parts], rel=1e-6)
    trimmed = SortedGroups(values, size, np.full(len(values), 0.7)).profile("run")["run_trim_mean"]
    assert trimmed.to_list() == pytest.approx([trim_mean(p[:, 0], 0.1) for p in parts])


def test_the_order_of_equal_values_changes_nothing() -> None:
    values, size = (
        np.array([1.0, 1.0, 1.0, 2.0, 5.0, 5.0, 9.0, 9.0, 9.0, 9.0]),
        np.array([10], dtype=np.int64),
    )
    weights = np.array([0.1, 1.0, 0.5, 1.0, 0.2, 0.9, 0.1, 0.3, 0.9, 1.0])
    swapped = weights[[2, 0, 1, 3, 5, 4, 9, 8, 7, 6]]
    one, other = (SortedGroups.weighted(values, size, w).profile("run") for w in (weights, swapped))
    assert_frame_equal(one, other)
