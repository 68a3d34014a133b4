"""A machine or job that became slower: its earlier reports count at the level since, and nothing else changes."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from routing_etl.frames import OPERATIONS, TIME_BY_ITEM_OPERATION, WORK_RESULTS, TimeBasis
from routing_etl.times.pooled import at_todays_level
from routing_etl.times.profiles import (
    SAMPLES,
    ReportedTimes,
    TimesReport,
    build_profiles,
    read_evidence,
    subset_evidence,
)
from routing_etl.times.shifts import find_shifts

pytestmark = pytest.mark.unit
START, DAYS = date(2022, 1, 1), 1460
MINUTES = TimeBasis(time_factor_min=1.0, run_basis="piece")


def on(share: float) -> date:
    """The day after this share of the four years."""
    return START + timedelta(days=int(share * DAYS))


def shop(
    seed: int, *, noise: float = 0.2, orders: int = 16, items: int = 60, until: float = 1.0
) -> pl.DataFrame:
    """Orders of `items` x 3 jobs at five machines, anywhere in four years, each operation around a time of its own."""
    rng = np.random.default_rng(seed)
    operations = pl.DataFrame(
        {
            "item_key": [f"I{i:03d}" for i in range(items) for _ in range(3)],
            "proc_seq": [10 * (k + 1) for _ in range(items) for k in range(3)],
            "job_cd": [f"J{k}" for _ in range(items) for k in range(3)],
            "res_cd": [f"M{m}" for m in rng.integers(0, 5, items * 3)],
            "base": np.exp(rng.normal(2, 0.6, items * 3)),
        }
    )
    n = operations.height * orders
    return operations.join(pl.DataFrame({"_n": range(orders)}), how="cross").select(
        "item_key", "proc_seq", "job_cd", "res_cd", "base",
        report_dt=pl.lit(START) + pl.duration(days=pl.Series(rng.integers(0, int(until * DAYS), n))),
        machine_time=pl.col("base") * pl.Series(np.exp(rng.normal(0, noise, n))),
        setup_time=pl.lit(30.0) * pl.Series(np.exp(rng.normal(0, noise, n))),
    )  # fmt: skip


def longer(
    rows: pl.DataFrame,
    where: pl.Expr,
    since: date,
    ratio: float = 1.6,
    column: str = "machine_time",
    until: date = date.max,
) -> pl.DataFrame:
    late = where & (pl.col("report_dt") >= since) & (pl.col("report_dt") < until)
    return rows.with_columns(pl.col(column) * pl.when(late).then(ratio).otherwise(1.0))


def build(rows: pl.DataFrame, out: Path, **kwargs: Any) -> TimesReport:
    results = WORK_RESULTS.conform(
        rows.drop("base").with_columns(
            order_qty=pl.lit(1.0), rout_no=pl.lit("R1"), match_level=pl.lit("routing")
        )
    )
    return build_profiles(ReportedTimes(results.lazy(), MINUTES), OPERATIONS.empty().lazy(), out, **kwargs)


def told(report: TimesReport) -> list[tuple[str, str, str]]:
    return [(c.measure, c.kind, c.code) for c in report.changes if c.brought]


def published(out: Path, rows: pl.DataFrame, measure: str = "run") -> pl.DataFrame:
    """Each operation's machine and published median, beside its own time of before."""
    of = rows.select("item_key", "proc_seq", "job_cd", "res_cd", "base").unique()
    own = read_evidence(out).by_item_operation
    return own.join(of, on=TIME_BY_ITEM_OPERATION.key).select(
        *TIME_BY_ITEM_OPERATION.key, "res_cd", "base", time=f"{measure}_p50", n=f"{measure}_n"
    ).sort(TIME_BY_ITEM_OPERATION.key)  # fmt: skip


def level(out: Path, rows: pl.DataFrame, where: pl.Expr) -> float:
    """Published times of some operations as a multiple of what they took at first."""
    of = published(out, rows).filter(where)
    return float((of["time"] / of["base"]).median())  # type: ignore[arg-type]


def test_times_known_by_hand(tmp_path: Path) -> None:
    """Every order at its operation's time exactly, at M1 twice it in the last fifth: published is twice it, of all orders."""
    since = on(0.8)
    rows = longer(shop(1, noise=0.0), pl.col("res_cd") == "M1", since, 2.0)
    report = build(rows, tmp_path)
    (change,) = report.changes
    assert (change.measure, change.kind, change.code, change.brought) == ("run", "machine", "M1", True)
    assert change.ratio == pytest.approx(2.0) and 0 <= (change.since - since).days <= 7
    own = rows.filter(pl.col("res_cd") == "M1")
    assert change.before + change.after == own.height
    assert change.after == own.filter(pl.col("report_dt") >= change.since).height
    found = published(tmp_path, rows)
    aim = pl.when(pl.col("res_cd") == "M1").then(2 * pl.col("base")).otherwise("base")
    assert found.select((pl.col("time") / aim - 1).abs().max()).item() < 1e-9
    assert found["n"].unique().to_list() == [16]


def test_the_others_stay_as_they_are_and_so_do_set_up_times(tmp_path: Path) -> None:
    rows = shop(2)
    build(rows, tmp_path / "before")
    report = build(longer(rows, pl.col("res_cd") == "M3", on(0.85)), tmp_path / "after")
    assert told(report) == [("run", "machine", "M3")]
    a, b = (published(tmp_path / p, rows) for p in ("before", "after"))
    for frame in (a, b):
        assert frame.height == 180
    others = pl.col("res_cd") != "M3"
    assert_frame_equal(a.filter(others), b.filter(others))
    setups = [published(tmp_path / p, rows, "setup") for p in ("before", "after")]
    assert_frame_equal(*setups)
    assert level(tmp_path / "after", rows, ~others) == pytest.approx(1.6, rel=0.06)


def test_set_up_alone(tmp_path: Path) -> None:
    report = build(longer(shop(3), pl.col("res_cd") == "M0", on(0.9), 1.7, "setup_time"), tmp_path)
    assert told(report) == [("setup", "machine", "M0")]
    found = published(tmp_path, shop(3), "setup")
    assert found.filter(pl.col("res_cd") == "M0")["time"].median() == pytest.approx(51.0, rel=0.08)
    assert found.filter(pl.col("res_cd") != "M0")["time"].median() == pytest.approx(30.0, rel=0.03)


@pytest.mark.parametrize("share", [0.3, 0.5, 0.7, 0.9])
def test_a_change_is_known_however_long_ago_it_was(share: float, tmp_path: Path) -> None:
    rows = shop(4, orders=20)
    report = build(longer(rows, pl.col("res_cd") == "M2", on(share)), tmp_path)
    assert told(report) == [("run", "machine", "M2")]
    assert level(tmp_path, rows, pl.col("res_cd") == "M2") == pytest.approx(1.6, rel=0.06)
    assert level(tmp_path, rows, pl.col("res_cd") != "M2") == pytest.approx(1.0, rel=0.03)


@pytest.mark.parametrize("days", [(0.4, 0.85), (0.78, 0.9)])
def test_a_machine_that_changed_twice_is_at_the_level_of_today(
    days: tuple[float, float], tmp_path: Path
) -> None:
    rows, here = shop(5, orders=24), pl.col("res_cd") == "M1"
    changed = longer(longer(rows, here, on(days[0]), 1.5), here, on(days[1]), 1.4)
    report = build(changed, tmp_path)
    assert set(told(report)) == {("run", "machine", "M1")} and len(report.changes) >= 2
    assert level(tmp_path, rows, here) == pytest.approx(2.1, rel=0.08)
    assert level(tmp_path, rows, ~here) == pytest.approx(1.0, rel=0.03)


def test_a_machine_that_is_as_it_was_again_has_its_old_times(tmp_path: Path) -> None:
    rows, here = shop(6, orders=24), pl.col("res_cd") == "M4"
    build(longer(rows, here, on(0.5), 1.6, until=on(0.8)), tmp_path)
    assert level(tmp_path, rows, here) == pytest.approx(1.0, rel=0.06)


def test_a_job_that_is_slow_at_its_machine_is_not_brought_up_twice(tmp_path: Path) -> None:
    """M9 does J1 alone, and all of it but a few: machine and job have changed for the same reason."""
    rows = shop(7).with_columns(
        res_cd=pl.when(pl.col("job_cd") == "J1").then(pl.lit("M9")).otherwise("res_cd")
    )
    report = build(longer(rows, pl.col("res_cd") == "M9", on(0.85)), tmp_path)
    assert len(told(report)) == 1
    assert level(tmp_path, rows, pl.col("job_cd") == "J1") == pytest.approx(1.6, rel=0.06)


def test_a_job_and_a_machine_that_change_at_once_have_one_factor_where_they_meet(tmp_path: Path) -> None:
    rows = shop(8, items=150)
    both = (pl.col("res_cd") == "M1") | (pl.col("job_cd") == "J2")
    report = build(longer(rows, both, on(0.85)), tmp_path)
    assert set(told(report)) == {("run", "machine", "M1"), ("run", "job", "J2")}
    meet = (pl.col("res_cd") == "M1") & (pl.col("job_cd") == "J2")
    for where, aim in ((meet, 1.6), (both & ~meet, 1.6), (~both, 1.0)):
        assert level(tmp_path, rows, where) == pytest.approx(aim, rel=0.07)


def test_few_reports_are_no_change(tmp_path: Path) -> None:
    """M1 has one operation that was reported twice since."""
    rows = shop(9, until=0.97)
    few = rows.filter(pl.col("res_cd") == "M1").head(2).with_columns(
        pl.lit(on(0.99)).alias("report_dt"), pl.col("machine_time") * 1.6
    )  # fmt: skip
    assert build(pl.concat([rows, few]), tmp_path).changes == ()


def test_another_mix_of_items_is_no_change(tmp_path: Path) -> None:
    """Since a day M1 makes only what takes longest: no operation has changed."""
    rows = shop(10, orders=12)
    slow = pl.col("base") > pl.col("base").median().over("res_cd")
    mixed = rows.filter((pl.col("res_cd") != "M1") | (pl.col("report_dt") < on(0.8)) | slow)
    assert build(mixed, tmp_path).changes == ()


def test_a_plant_as_ever_is_left_as_it_is(tmp_path: Path) -> None:
    assert [build(shop(100 + s), tmp_path).changes for s in range(12)] == [()] * 12


def test_reports_in_another_unit_are_told_and_not_taken_for_slow(tmp_path: Path) -> None:
    rows, here = shop(11), pl.col("res_cd") == "M1"
    build(rows, tmp_path / "as_ever")
    report = build(longer(rows, here, on(0.9), 60.0), tmp_path / "minutes")
    assert told(report) == []
    (change,) = report.changes
    assert (change.code, change.brought) == ("M1", False)
    assert level(tmp_path / "minutes", rows, here) == pytest.approx(1.0, rel=0.05)


@pytest.mark.parametrize("shards", [2, 5])
def test_shards_do_not_change_the_result(shards: int, tmp_path: Path) -> None:
    rows = longer(shop(12), pl.col("res_cd") == "M1", on(0.85))
    rows = longer(rows, pl.col("job_cd") == "J2", on(0.7), 0.7, "setup_time")
    one, many = (build(rows, tmp_path / str(n), shards=n) for n in (1, shards))
    assert one == many and len(one.changes) == 2
    for name, contract in (("by_item_operation", TIME_BY_ITEM_OPERATION), ("by_job", None)):
        a, b = (getattr(read_evidence(tmp_path / str(n)), name) for n in (1, shards))
        key = contract.key if contract else ["job_cd"]
        assert_frame_equal(a.sort(key), b.sort(key))


def test_the_samples_stay_as_reported_and_drift_goes_on_telling_it(tmp_path: Path) -> None:
    rows = longer(shop(13), pl.col("res_cd") == "M1", on(0.9))
    build(rows, tmp_path)
    samples = pl.scan_parquet(tmp_path / SAMPLES)
    kept = samples.select(
        pl.col("item_key").cast(pl.String), "proc_seq", "report_dt", "run_min", "run_min_at_lot"
    )
    reported = rows.select(
        "item_key", "proc_seq", "report_dt", run_min="machine_time", run_min_at_lot="machine_time"
    )
    by = ["item_key", "proc_seq", "report_dt", "run_min"]
    assert_frame_equal(kept.collect().sort(by), reported.sort(by), check_dtypes=False)
    (shift,) = find_shifts(samples, on(0.88))
    assert (shift.code, shift.kind) == ("M1", "machine") and shift.ratio == pytest.approx(1.6, rel=0.1)


def test_what_is_judged_without_some_items_is_at_the_same_level(tmp_path: Path) -> None:
    rows = longer(shop(14, noise=0.0), pl.col("res_cd") == "M1", on(0.8), 2.0)
    build(rows, tmp_path)
    hidden = pl.Series([f"I{i:03d}" for i in range(10)])
    for evidence in (read_evidence(tmp_path), subset_evidence(tmp_path, hidden, MINUTES)):
        (mean,) = evidence.by_job_resource.filter(pl.col("res_cd") == "M1", pl.col("job_cd") == "J0")[
            "run_mean"
        ]
        own = evidence.by_item_operation.join(
            rows.filter(pl.col("res_cd") == "M1").select("item_key", "proc_seq").unique(),
            on=["item_key", "proc_seq"],
        ).filter(pl.col("job_cd") == "J0")
        assert own["run_mean"].min() > 0 and mean == pytest.approx(own["run_mean"].mean(), rel=0.05)


def test_samples_of_an_earlier_version_are_as_they_are(tmp_path: Path) -> None:
    build(longer(shop(15), pl.col("res_cd") == "M1", on(0.85)), tmp_path)
    samples = pl.read_parquet(tmp_path / SAMPLES)
    older = samples.drop("setup_factor", "run_factor")
    assert_frame_equal(at_todays_level(older.lazy()).collect(), older)
    assert not at_todays_level(samples.lazy()).collect()["run_min"].equals(samples["run_min"])
    older.write_parquet(tmp_path / SAMPLES)
    assert subset_evidence(tmp_path, pl.Series(["I000"]), MINUTES).by_job.height == 3


@settings(
    max_examples=5,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    deadline=None,
)
@given(
    ratio=st.one_of(st.floats(0.45, 0.75), st.floats(1.35, 2.2)),
    share=st.floats(0.55, 0.93),
    kind=st.sampled_from([("res_cd", "M2"), ("job_cd", "J1")]),
)
def test_a_plant_that_changed_is_as_one_that_was_always_so(
    tmp_path: Path, ratio: float, share: float, kind: tuple[str, str]
) -> None:
    rows, here = shop(16, items=80), pl.col(kind[0]) == kind[1]
    build(longer(rows, here, on(share), ratio), tmp_path / "changed")
    build(longer(rows, here, START, ratio), tmp_path / "always")
    a, b = (published(tmp_path / p, rows) for p in ("changed", "always"))
    gap = (a["time"] / b["time"]).log()
    assert abs(gap.filter(a.select(here).to_series()).mean()) < 0.06
    # a report of the same job at another machine may be an entry error in the one plant and not in the other
    others = gap.filter(a.select(~here).to_series()).abs()
    assert others.mean() < 0.001 and others.median() < 1e-12
