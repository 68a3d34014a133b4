"""Times that are no longer what they were: what, since when, and no false alarm where nothing has changed."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from routing_etl.times.shifts import find_shifts

pytestmark = pytest.mark.unit
START, CUT = date(2025, 1, 6), date(2025, 10, 5)


def shop(seed: int, *, weeks_after: int = 8) -> pl.DataFrame:
    """120 items with four jobs on six machines; each operation is reported every few weeks, with 30 % noise."""
    rng = np.random.default_rng(seed)
    operations = pl.DataFrame(
        {
            "item_key": [f"I{i:03d}" for i in range(120) for _ in range(4)],
            "proc_seq": [10 * (k + 1) for _ in range(120) for k in range(4)],
            "job_cd": [f"J{k}" for _ in range(120) for k in range(4)],
            "res_cd": [f"M{m}" for m in rng.integers(0, 6, 480)],
            "base": np.exp(rng.normal(1.5, 0.8, 480)),
        }
    )
    days = (CUT - START).days + 7 * weeks_after
    reports = operations.join(pl.DataFrame({"_n": range(10)}), how="cross").with_columns(
        day=pl.Series(rng.integers(0, days, 4800)), noise=pl.Series(np.exp(rng.normal(0, 0.3, 4800)))
    )
    return reports.select(
        "item_key", "proc_seq", "job_cd", "res_cd",
        report_dt=pl.lit(START) + pl.duration(days="day"),
        setup_min=pl.lit(10.0) * pl.col("noise"), run_min_at_lot=pl.col("base") * pl.col("noise"),
    )  # fmt: skip


def slower(samples: pl.DataFrame, where: pl.Expr, since: date, ratio: float = 1.6) -> pl.DataFrame:
    changed = pl.when(where & (pl.col("report_dt") >= since)).then(ratio).otherwise(1.0)
    return samples.with_columns(run_min_at_lot=pl.col("run_min_at_lot") * changed)


def test_a_slow_machine_is_told_once_with_its_day_and_the_factor_since_then() -> None:
    """Over all eight weeks, of which the first three were as before, it would be about 1.35."""
    since = CUT + timedelta(days=20)
    samples = slower(shop(1), pl.col("res_cd") == "M2", since)
    (found,) = find_shifts(samples.lazy(), CUT)
    assert (found.measure, found.kind, found.code) == ("run", "machine", "M2")
    assert found.ratio == pytest.approx(1.6, abs=0.12) and abs((found.since - since).days) <= 7
    late = samples.filter(pl.col("res_cd") == "M2", pl.col("report_dt") >= found.since)
    assert found.orders == late.height


def test_a_machine_that_is_slow_since_a_week_is_told_however_long_the_version_is_in_force() -> None:
    """Seven weeks as before and one slow: over all eight the median is as before."""
    since = CUT + timedelta(days=49)
    busy = shop(5).with_columns(res_cd=pl.col("res_cd").replace({"M3": "M2", "M5": "M2"}))
    samples = slower(busy, pl.col("res_cd") == "M2", since)
    (found,) = find_shifts(samples.lazy(), CUT)
    assert (
        found.code == "M2"
        and found.ratio == pytest.approx(1.6, abs=0.2)
        and abs((found.since - since).days) <= 7
    )
    assert find_shifts(samples.filter(pl.col("report_dt") < since).lazy(), CUT) == ()


def test_operations_that_take_longer_on_all_machines_are_told_by_job() -> None:
    since = CUT + timedelta(days=1)
    samples = slower(shop(2), pl.col("job_cd").is_in(["J0", "J3"]), since)
    found = find_shifts(samples.lazy(), CUT)
    assert {(f.kind, f.code) for f in found} == {("job", "J0"), ("job", "J3")}
    assert all(f.ratio == pytest.approx(1.6, abs=0.12) and abs((f.since - since).days) <= 7 for f in found)


def test_a_change_before_the_day_is_known_by_its_own_day() -> None:
    since = CUT - timedelta(days=30)
    (found,) = find_shifts(slower(shop(3), pl.col("res_cd") == "M4", since).lazy(), CUT)
    assert found.code == "M4" and abs((found.since - since).days) <= 7 and found.since <= CUT


def test_the_day_is_the_same_after_a_training_that_lies_behind_the_change() -> None:
    """The level is then of both times, some operations have it of the new one alone, and one report in fifty is a slip of the unit."""
    since, found = CUT - timedelta(days=40), []
    for seed in range(10):
        slip = pl.when(pl.Series(np.random.default_rng(seed).random(4800) < 0.02)).then(60.0).otherwise(1.0)
        slips = shop(10 + seed, weeks_after=4).with_columns(run_min_at_lot=pl.col("run_min_at_lot") * slip)
        found += find_shifts(slower(slips, pl.col("res_cd") == "M4", since).lazy(), CUT)
    assert len(found) >= 8 and {f.code for f in found} == {"M4"}
    wrong = [f for f in found if f.since is None or abs((f.since - since).days) > 7]
    assert wrong == []
    one = timedelta(days=1)
    assert sum(f.between[0] - one <= since <= f.between[1] + one for f in found) >= len(found) - 1


def test_where_few_reports_tell_the_day_the_days_are_told_between_which_it_lies() -> None:
    """Noise as large as the change: the interval holds the day in about 95 % of plants."""
    since, rng = CUT + timedelta(days=14), np.random.default_rng(0)
    held, width = [], []
    for seed in range(20):
        noisy = shop(200 + seed).with_columns(
            run_min_at_lot=pl.col("run_min_at_lot") * pl.Series(np.exp(rng.normal(0, 0.45, 4800)))
        )
        found = find_shifts(slower(noisy, pl.col("res_cd") == "M2", since, 1.8).lazy(), CUT)
        held += [f.between[0] <= since <= f.between[1] for f in found if f.between]
        width += [(f.between[1] - f.between[0]).days for f in found if f.between]
    assert len(held) >= 10 and sum(held) >= 0.8 * len(held)
    assert max(width) > 7 and np.median(width) < 42


def test_a_shop_that_does_not_change_gives_no_alarm() -> None:
    alarms = [f for seed in range(20) for f in find_shifts(shop(100 + seed).lazy(), CUT)]
    assert alarms == []


def test_too_few_operations_or_reports_say_nothing() -> None:
    samples = shop(4).filter(pl.col("item_key") < "I007")
    assert find_shifts(slower(samples, pl.lit(True), CUT + timedelta(days=1)).lazy(), CUT) == ()
    assert find_shifts(shop(4, weeks_after=0).lazy(), CUT) == ()
    assert find_shifts(shop(4).clear().lazy(), CUT) == ()
