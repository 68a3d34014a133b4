"""Run times that have the set-up in them are found where they are, and what only looks like it is left alone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from routing_etl.frames import OPERATIONS, WORK_RESULTS, TimeBasis
from routing_etl.times.profiles import ReportedTimes, TimesReport, build_profiles, read_evidence
from routing_etl.times.suspects import Finding

JOBS, ITEMS = ("SAW", "TURN", "MILL"), 40
Row = dict[str, Any]


def standard(item: int, job: int) -> float:
    """Minutes for a piece: no two items alike."""
    return (job + 1) * 2.0 * (1 + (item * 7 % 11) / 5)


def set_up(item: int, job: int) -> float:
    """Minutes for an order."""
    return 10.0 + 5.0 * (item % 5) + 5.0 * job


def orders(
    minutes: Callable[[Row, float, float], float],
    seed: int = 1,
    booked: Callable[[Row], bool] = lambda _: False,
) -> list[Row]:
    """Four orders of each operation, of 2 to 40 pieces; `minutes` of an order from its standards for the set-up and for all pieces."""
    rng, rows = np.random.default_rng(seed), []
    for item in range(ITEMS):
        for job in range(len(JOBS)):
            for k in range(4):
                row = {
                    "item_key": f"I{item:03d}", "proc_seq": 10 * (job + 1), "job_cd": JOBS[job],
                    "res_cd": f"{JOBS[job]}-{item % 2}", "report_dt": date(2023, 3, 1) + timedelta(days=170 * k + item),
                    "order_qty": float(np.round(np.exp(rng.uniform(np.log(2), np.log(40))))),
                }  # fmt: skip
                whole = standard(item, job) * row["order_qty"]
                row["machine_time"] = minutes(row, set_up(item, job), whole) * float(rng.lognormal(0, 0.15))
                row["setup_time"] = set_up(item, job) * float(rng.lognormal(0, 0.2)) if booked(row) else None
                rows.append(row)
    return rows


def build(rows: list[Row], out: Path, *, set_ups: bool = True, shards: int = 1) -> TimesReport:
    common = {"rout_no": "R1", "match_level": "routing"}
    results = pl.LazyFrame(
        [{**dict.fromkeys(WORK_RESULTS.schema), **common, **r} for r in rows], schema=WORK_RESULTS.schema
    )
    base = {
        "rout_no": "R1", "inside": "in", "rout_class": "in", "routing_rank": 0, "decided_by": "only", "rout_valid": True,
    }  # fmt: skip
    operations = pl.LazyFrame(
        [
            {**dict.fromkeys(OPERATIONS.schema), **base, "item_cd": f"I{i:03d}", "item_key": f"I{i:03d}", "proc_seq": 10 * (j + 1),
             "job_cd": JOBS[j], "run_min": standard(i, j), "setup_min": set_up(i, j) if set_ups else None}
            for i in range(ITEMS) for j in range(len(JOBS))
        ],
        schema=OPERATIONS.schema,
    )  # fmt: skip
    return build_profiles(
        ReportedTimes(results, TimeBasis(time_factor_min=1.0)), operations, out, shards=shards
    )


def within(report: TimesReport) -> list[Finding]:
    return [f for f in report.findings if f.kind == "set_up_within"]


def apart(row: Row, setup: float, pieces: float) -> float:
    return pieces


def together(row: Row, setup: float, pieces: float) -> float:
    return setup + pieces


@pytest.mark.parametrize(("level", "shards"), [(0.8, 1), (1.0, 3), (1.3, 1)])
def test_a_plant_that_books_set_up_and_run_as_one_time(level: float, shards: int, tmp_path: Path) -> None:
    """At any level of the whole: it is the small orders that tell."""
    report = build(orders(lambda _, s, p: level * (s + p)), tmp_path, shards=shards)
    (found,) = report.findings
    assert (found.kind, found.reports, found.set_aside, found.operations) == ("set_up_within", 480, 480, 120)
    assert "no set-up is reported besides" in found.sentence and "job MILL (" in found.sentence
    assert "setup_within_run" in found.sentence and "map record_kind with kinds" in found.sentence
    assert read_evidence(tmp_path).by_item_operation["run_n"].sum() == 0, "the standards are used"


@pytest.mark.parametrize("seed", range(3))
def test_set_ups_that_are_booked_apart_or_nowhere_are_left_alone(seed: int, tmp_path: Path) -> None:
    assert build(orders(apart, seed, lambda _: True), tmp_path / "apart").findings == ()
    assert build(orders(apart, seed), tmp_path / "nowhere").findings == ()


@pytest.mark.parametrize("power", [0.1, 0.3])
def test_pieces_of_large_orders_that_take_less_for_other_reasons_are_left_alone(
    power: float, tmp_path: Path
) -> None:
    rows = orders(lambda r, s, p: p * (10 / r["order_qty"]) ** power, booked=lambda _: True)
    assert within(build(rows, tmp_path)) == []


def test_a_set_up_in_the_run_time_counts_twice_where_it_is_reported_besides(tmp_path: Path) -> None:
    (found,) = build(orders(together, booked=lambda _: True), tmp_path).findings
    assert "although 100% of them report a set-up besides" in found.sentence
    counts = read_evidence(tmp_path).by_item_operation.select("setup_n", "run_n").sum().row(0)
    assert counts[0] > 470 and counts[1] == 0, "the reported set-ups are used, the run times are not"


def test_the_job_that_does_it_is_found_among_others(tmp_path: Path) -> None:
    report = build(orders(lambda r, s, p: p + s * (r["job_cd"] == "TURN")), tmp_path)
    (found,) = report.findings
    assert (found.reports, found.set_aside) == (160, 160)
    assert "job TURN" in found.sentence and "SAW" not in found.sentence
    used = read_evidence(tmp_path).by_item_operation.group_by("job_cd").agg(pl.col("run_n").sum())
    reports = dict(used.rows())
    assert reports["TURN"] == 0 and min(reports["MILL"], reports["SAW"]) > 150


def test_the_machine_that_does_it_is_found_where_the_job_as_a_whole_does_not(tmp_path: Path) -> None:
    (found,) = within(build(orders(lambda r, s, p: p + s * (r["res_cd"] == "TURN-1")), tmp_path))
    assert "machine TURN-1" in found.sentence and "job" not in found.sentence
    assert found.set_aside == 80


def test_orders_with_a_fixed_part_that_no_one_states_are_told_and_used(tmp_path: Path) -> None:
    """Neither standard nor report has a set-up: about half an hour an order is in the times of the pieces."""
    report = build(orders(lambda _, s, p: 30.0 + p), tmp_path, set_ups=False)
    (found,) = within(report)
    assert (found.subset, found.set_aside) == ("orders with a fixed part", 0)
    minutes = [float(w.split()[1]) for w in found.sentence.split("an order: ")[1].split(")")[0].split(", ")]
    assert len(minutes) == 3 and all(24 <= m <= 36 for m in minutes)
    assert read_evidence(tmp_path).by_item_operation["run_n"].sum() > 400
    assert within(build(orders(apart), tmp_path / "none", set_ups=False)) == []
