"""Reports that cannot mean what they say: each kind is found where it is, set aside and told, and a plain plant is left alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from routing_etl.errors import DataQualityError
from routing_etl.frames import OPERATIONS, WORK_RESULTS, TimeBasis
from routing_etl.times.plausibility import check_plausibility
from routing_etl.times.profiles import SAMPLES, ReportedTimes, TimesReport, build_profiles, read_evidence
from routing_etl.times.suspects import Finding, check_outcomes, sentences

MINUTES = TimeBasis(time_factor_min=1.0)
Rows = list[dict[str, Any]]
JOBS = ("SAW", "TURN", "MILL", "INSP")
ITEMS = 40


def standard(item: int, job: int) -> float:
    """The standard run time of an operation: no two items alike."""
    return (job + 1) * 2.0 * (1 + (item * 7 % 11) / 5)


def plant(seed: int = 1, orders: int = 4) -> Rows:
    """Four jobs on two machines each, orders months apart, reports within 15 % or so of the standard."""
    rng = np.random.default_rng(seed)
    rows: Rows = []
    for item in range(ITEMS):
        for job in range(len(JOBS)):
            for k in range(orders):
                quantity = float(rng.integers(10, 60))
                rows.append(
                    {
                        "item_key": f"I{item:03d}", "proc_seq": 10 * (job + 1), "job_cd": JOBS[job],
                        "res_cd": f"{JOBS[job]}-{item % 2}", "report_dt": date(2023, 3, 1) + timedelta(days=170 * k + item),
                        "order_qty": quantity, "machine_time": standard(item, job) * quantity * float(rng.lognormal(0, 0.12)),
                        "setup_time": 30.0 * float(rng.lognormal(0, 0.2)),
                    }
                )  # fmt: skip
    return rows


def frame(rows: Iterable[dict[str, Any]]) -> pl.LazyFrame:
    schema = WORK_RESULTS.schema
    common = {"rout_no": "R1", "match_level": "routing"}
    return pl.LazyFrame([{**dict.fromkeys(schema), **common, **r} for r in rows], schema=schema)


def operations(change: Callable[[int, int], float] = standard) -> pl.LazyFrame:
    base = {
        "rout_no": "R1", "inside": "in", "rout_class": "in", "routing_rank": 0, "decided_by": "only", "rout_valid": True,
        "setup_min": 30.0,
    }  # fmt: skip
    rows = [
        {**dict.fromkeys(OPERATIONS.schema), **base, "item_cd": f"I{i:03d}", "item_key": f"I{i:03d}", "proc_seq": 10 * (j + 1),
         "job_cd": JOBS[j], "run_min": change(i, j)}
        for i in range(ITEMS) for j in range(len(JOBS))
    ]  # fmt: skip
    return pl.LazyFrame(rows, schema=OPERATIONS.schema)


def build(rows: Rows, out: Path, standards: pl.LazyFrame | None = None, shards: int = 1) -> TimesReport:
    return build_profiles(
        ReportedTimes(frame(rows), MINUTES),
        operations() if standards is None else standards,
        out,
        shards=shards,
    )


def changed(rows: Rows, which: Callable[[dict[str, Any]], bool], factor: float) -> Rows:
    return [{**r, "machine_time": r["machine_time"] * factor} if which(r) else r for r in rows]


def of_run(report: TimesReport) -> list[Finding]:
    return [f for f in report.findings if f.measure == "run"]


def run_of(out: Path, item: str, seq: int) -> tuple[int, float | None]:
    found = read_evidence(out).by_item_operation.filter(item_key=item, proc_seq=seq)
    return found.select("run_n", "run_p50").row(0)


@pytest.mark.parametrize("seed", range(5))
def test_a_plain_plant_is_left_alone(seed: int, tmp_path: Path) -> None:
    report = build(plant(seed), tmp_path)
    assert report.findings == ()
    assert {m: r.set_aside for m, r in report.measures.items()} == {"setup": 0, "run": 0}


def test_without_standards_nothing_is_suspected(tmp_path: Path) -> None:
    assert build(plant(), tmp_path, OPERATIONS.empty().lazy()).findings == ()


# --- groups of machines --------------------------------------------------------------------------------------------------
#: A lathe for each item: none has reports enough to be judged by itself.
LATHES = pl.DataFrame({"res_cd": [f"L{i:03d}" for i in range(ITEMS)], "res_group": ["LATHES"] * ITEMS})


def on_lathes(rows: Rows) -> Rows:
    return [{**r, "res_cd": f"L{int(r['item_key'][1:]):03d}"} if r["job_cd"] == "TURN" else r for r in rows]


@pytest.mark.parametrize("shards", [1, 3])
def test_a_group_of_machines_is_judged_where_no_machine_has_reports_enough(
    shards: int, tmp_path: Path
) -> None:
    """All lathes report six times too much: within what a job may differ from its standards, outside what machines may."""
    rows = changed(on_lathes(plant()), lambda r: r["job_cd"] == "TURN", 6.0)
    reported = ReportedTimes(frame(rows), MINUTES)
    assert not any(
        f.set_aside
        for f in build_profiles(reported, operations(), tmp_path / "alone", shards=shards).findings
    )
    report = build_profiles(reported, operations(), tmp_path / "group", shards=shards, machines=LATHES)
    (found,) = of_run(report)
    assert (found.kind, found.subset) == ("subset", "work centre group LATHES")
    assert found.set_aside == found.reports == 4 * ITEMS and found.operations == ITEMS
    assert "a [[results.correct]] with run_factor = 0.166667 for each of its machines" in found.sentence
    assert run_of(tmp_path / "group", "I003", 20) == (0, None), "the standard is used"
    assert run_of(tmp_path / "group", "I003", 10)[0] == 4


def test_reports_that_equal_the_standard_are_found_by_group(tmp_path: Path) -> None:
    """Half of the turning is posted by the ERP, on machines of one group: less than the share of a job that is judged."""
    rows = [
        {**r, "machine_time": standard(int(r["item_key"][1:]), 1) * r["order_qty"]}
        if r["res_cd"] in POSTING
        else r
        for r in on_lathes(plant())
    ]
    machines = LATHES.filter(pl.col("res_cd").is_in(POSTING))
    assert build(rows, tmp_path / "alone").findings == ()
    reported = ReportedTimes(frame(rows), MINUTES)
    (found,) = of_run(build_profiles(reported, operations(), tmp_path / "group", machines=machines))
    assert (found.kind, found.reports, found.set_aside) == ("backflushed", 4 * len(POSTING), 4 * len(POSTING))


POSTING = [f"L{i:03d}" for i in range(ITEMS // 2)]


def test_a_good_group_is_left_alone(tmp_path: Path) -> None:
    reported = ReportedTimes(frame(on_lathes(plant())), MINUTES)
    assert build_profiles(reported, operations(), tmp_path, machines=LATHES).findings == ()


# --- parts of orders -----------------------------------------------------------------------------------------------------
def in_parts(rows: Rows, which: Callable[[dict[str, Any]], bool], parts: int, setups: bool = True) -> Rows:
    """The orders confirmed on several days, the order's quantity on each row, the set-up on the first."""
    out: Rows = []
    for r in rows:
        if not which(r):
            out.append(r)
            continue
        for k in range(parts):
            out.append(
                {
                    **r, "machine_time": r["machine_time"] / parts, "report_dt": r["report_dt"] + timedelta(days=k),
                    "setup_time": r["setup_time"] if k == 0 and setups else 0.0,
                }
            )  # fmt: skip
    return out


@pytest.mark.parametrize("parts", [2, 3, 4])
@pytest.mark.parametrize("setups", [True, False])
def test_a_plant_that_confirms_in_parts_is_told_and_its_standards_are_used(
    parts: int, setups: bool, tmp_path: Path
) -> None:
    rows = in_parts(plant(), lambda r: True, parts, setups)
    report = build(rows, tmp_path)
    (found,) = of_run(report)
    assert found.kind == "parts"
    assert found.set_aside > 0.9 * len(rows)
    assert found.ratio == pytest.approx(1 / parts, rel=0.1)
    assert "Map order_no" in found.sentence
    check_plausibility(report)


@pytest.mark.parametrize("setups", [True, False])
def test_the_orders_of_one_operation_in_parts_are_found_alone(setups: bool, tmp_path: Path) -> None:
    rows = in_parts(plant(), lambda r: (r["item_key"], r["proc_seq"]) == ("I003", 20), 2, setups)
    (found,) = of_run(build(rows, tmp_path))
    assert (found.kind, found.items, found.set_aside) == ("parts", ("I003",), 8)
    assert run_of(tmp_path, "I003", 20) == (0, None)
    assert run_of(tmp_path, "I003", 10)[0] == 4


def without_quantity(
    rows: Rows, which: Callable[[dict[str, Any]], bool], quantity: float | None = 0.0
) -> Rows:
    """The orders reported on two days, with the pieces on the second row alone."""
    out: Rows = []
    for r in rows:
        half = {**r, "machine_time": r["machine_time"] / 2}
        out += (
            [{**half, "order_qty": quantity}, {**half, "report_dt": r["report_dt"] + timedelta(days=1)}]
            if which(r)
            else [r]
        )
    return out


@pytest.mark.parametrize("quantity", [0.0, None])
def test_minutes_whose_pieces_stand_on_another_row_are_not_lost(
    quantity: float | None, tmp_path: Path
) -> None:
    rows = without_quantity(
        plant(),
        lambda r: (r["item_key"], r["proc_seq"]) == ("I003", 20) and r["report_dt"].year < 2024,
        quantity,
    )
    (found,) = of_run(build(rows, tmp_path))
    assert (found.kind, found.items, found.reports, found.operations) == ("parts", ("I003",), 2, 1)
    assert found.set_aside == 2 and found.ratio == pytest.approx(0.5, rel=0.25)
    assert "order_no" in found.sentence and "without a quantity" in found.sentence
    n, p50 = run_of(tmp_path, "I003", 20)
    assert n == 2 and p50 == pytest.approx(standard(3, 1), rel=0.3), "the two whole orders stay"


def test_scrap_and_a_forgotten_quantity_do_not_hide_the_order_beside_them(tmp_path: Path) -> None:
    mine = [r for r in plant() if (r["item_key"], r["proc_seq"]) == ("I003", 20)]
    scrapped = [{**r, "machine_time": r["machine_time"] / 3, "bad_qty": r["order_qty"]} for r in mine]
    forgotten = [{**r, "item_key": "I005", "order_qty": None} for r in mine]
    reported = ReportedTimes(frame([*plant(), *scrapped, *forgotten]), replace(MINUTES, qty="good"))
    assert of_run(build_profiles(reported, operations(), tmp_path)) == []
    assert [run_of(tmp_path, item, 20)[0] for item in ("I003", "I005")] == [4, 4]


def test_one_pair_that_fits_where_quantities_are_forgotten_is_chance(tmp_path: Path) -> None:
    forgotten = [{**r, "order_qty": None} for r in plant() if r["item_key"] in ("I005", "I006")]
    first = lambda r: (r["item_key"], r["proc_seq"]) == ("I003", 20) and r["report_dt"].year < 2024  # noqa: E731
    rows = without_quantity(plant(), lambda r: first(r) and r["report_dt"].month < 6)
    assert [f.set_aside for f in of_run(build(rows, tmp_path / "alone"))] == [1]
    assert of_run(build([*rows, *forgotten], tmp_path / "among")) == []


def test_minutes_without_pieces_where_there_is_no_standard_are_told_and_counted(tmp_path: Path) -> None:
    rows = without_quantity(plant(), lambda r: r["item_key"] == "I003")
    known = operations().filter(pl.col("item_key") != "I003")
    (found,) = of_run(build(rows, tmp_path, known))
    assert (found.kind, found.reports, found.set_aside, found.items) == ("parts", 16, 0, ("I003",))
    assert found.ratio is None and "no standard" in found.sentence


def test_rows_with_an_order_number_are_no_parts(tmp_path: Path) -> None:
    rows = in_parts(plant(), lambda r: True, 2)
    assert not any(
        f.kind == "parts" for f in build([{**r, "order_no": "W1"} for r in rows], tmp_path).findings
    )


# --- subsets -------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("factor", [60.0, 1 / 60, 10.0, 0.1, 100.0])
def test_a_machine_in_another_unit_is_set_aside_and_the_correction_named(
    factor: float, tmp_path: Path
) -> None:
    report = build(changed(plant(), lambda r: r["res_cd"] == "MILL-1", factor), tmp_path)
    (found,) = of_run(report)
    assert (found.kind, found.subset, found.reports, found.set_aside) == ("subset", "machine MILL-1", 80, 80)
    assert found.ratio == pytest.approx(factor, rel=0.1)
    assert f'machine = "MILL-1", run_factor = {1 / factor:.6g}' in found.sentence
    assert run_of(tmp_path, "I001", 30) == (0, None)
    n, middle = run_of(tmp_path, "I002", 30)
    assert (n, middle) == (4, pytest.approx(standard(2, 2), rel=0.25))
    check_plausibility(report)


def test_a_unit_that_the_profile_has_wrong_is_named(tmp_path: Path) -> None:
    rows = [{**r, "qty_unit": "BOX" if r["item_key"] < "I010" else "PCS"} for r in plant()]
    (found,) = of_run(build(changed(rows, lambda r: r["qty_unit"] == "BOX", 12.0), tmp_path))
    assert (found.subset, found.set_aside) == ("unit of quantity BOX", 160)
    assert "results.qty_units" in found.sentence


def test_a_job_in_hours_is_set_aside(tmp_path: Path) -> None:
    found = of_run(build(changed(plant(), lambda r: r["job_cd"] == "INSP", 1 / 60), tmp_path))
    assert [(f.kind, f.subset, f.set_aside) for f in found] == [
        ("subset", "machine INSP-0", 80),
        ("subset", "machine INSP-1", 80),
    ]


def set_ups(rows: Rows, which: Callable[[dict[str, Any]], bool], factor: float) -> Rows:
    return [{**r, "setup_time": r["setup_time"] * factor} if which(r) else r for r in rows]


@pytest.mark.parametrize("factor", [60.0, 1 / 60, 10.0, 0.1])
@pytest.mark.parametrize(
    ("subset", "advised", "which"),
    [
        ("machine MILL-1", 'machine = "MILL-1"', lambda r: r["res_cd"] == "MILL-1"),
        ("job TURN", 'job = "TURN"', lambda r: r["job_cd"] == "TURN"),
        ("work centre group LATHES", "for each of its machines", lambda r: r["job_cd"] == "TURN"),
        ("unit of time H", "results.time_units", lambda r: r["item_key"] < "I010"),
        ("unit of quantity BOX", "ask what it counts", lambda r: r["item_key"] < "I010"),
    ],
)
def test_set_ups_in_another_unit_are_set_aside_and_the_run_times_stay(
    subset: str, advised: str, which: Callable[[dict[str, Any]], bool], factor: float, tmp_path: Path
) -> None:
    rows = set_ups(plant(), which, factor)
    column = {"unit of time": "time_unit", "unit of quantity": "qty_unit"}.get(subset.rsplit(" ", 1)[0])
    if column:
        rows = [{**r, column: subset.split()[-1] if which(r) else None} for r in rows]
    lathes = subset.startswith(("work", "job"))
    machines = LATHES if subset.startswith("work") else None
    reported = ReportedTimes(frame(on_lathes(rows) if lathes else rows), MINUTES)
    report = build_profiles(reported, operations(), tmp_path, machines=machines)
    (found,) = report.findings
    hit = sum(map(which, rows))
    assert (found.kind, found.measure, found.subset, found.set_aside) == ("subset", "setup", subset, hit)
    assert found.ratio == pytest.approx(factor, rel=0.15) and advised in found.sentence
    if "correct" in found.sentence:
        assert f" setup_factor = {1 / factor:.6g}" in found.sentence
    assert {m: r.set_aside for m, r in report.measures.items()} == {"setup": hit, "run": 0}


def test_standards_of_one_figure_hide_no_machine_whose_set_ups_are_in_another_unit(tmp_path: Path) -> None:
    """Set-ups take from 12 to 75 minutes and the standard is 30 for all: one mill stands out beside the other, a whole job is told."""
    rows = [
        {**r, "setup_time": r["setup_time"] * (0.4, 1.0, 2.5)[int(r["item_key"][1:]) % 3]} for r in plant()
    ]
    assert build(rows, tmp_path / "plain").findings == ()
    (found,) = build(set_ups(rows, lambda r: r["res_cd"] == "MILL-1", 60.0), tmp_path / "mill").findings
    assert (found.kind, found.subset, found.set_aside) == ("subset", "machine MILL-1", 80)
    whole = build(set_ups(rows, lambda r: r["job_cd"] == "MILL", 60.0), tmp_path / "job").findings
    assert {(f.kind, f.subset, f.set_aside) for f in whole} == {
        ("standard_doubtful", f"machine MILL-{k}", 0) for k in range(2)
    } | {("standard_doubtful", "job MILL", 0)}
    assert "They are used" in whole[0].sentence


def test_a_machine_at_a_third_of_the_plant_is_told_but_used(tmp_path: Path) -> None:
    found = of_run(build(changed(plant(), lambda r: r["res_cd"] == "MILL-1", 0.33), tmp_path))
    assert [(f.kind, f.subset, f.set_aside) for f in found] == [("subset", "machine MILL-1", 0)]


def test_a_machine_whose_reports_began_to_differ_is_split_on_that_day(tmp_path: Path) -> None:
    day = date(2024, 1, 1)
    rows = changed(plant(), lambda r: r["res_cd"] == "MILL-1" and r["report_dt"] < day, 60.0)
    early = sum(r["res_cd"] == "MILL-1" and r["report_dt"] < day for r in rows)
    (found,) = of_run(build(rows, tmp_path))
    assert (found.kind, found.set_aside) == ("changed", early)
    assert 'machine = "MILL-1", before = 202' in found.sentence
    assert "run_factor = 0.0166667" in found.sentence
    n, middle = run_of(tmp_path, "I001", 30)
    assert (n, middle) == (2, pytest.approx(standard(1, 2), rel=0.25))


@pytest.mark.parametrize(
    ("factor", "remedy"),
    [
        (1 / 0.6, "so perhaps the reports count hundredths of an hour (time_factor_min = 0.6 in [results])"),
        (
            1.15 * 0.6,
            "so perhaps the standards count hundredths of an hour (blank_time_unit = 0.6 in [routing]",
        ),
        (3.0, "Look for a factor of about 3 that no column says"),
        (0.33, "Look for a factor of about 3 that no column says"),
    ],
)
def test_a_whole_plant_off_by_a_factor_that_can_be_true_is_told_but_used(
    factor: float, remedy: str, tmp_path: Path
) -> None:
    """Between minutes and hundredths of an hour lies 0.6, which the limits of a plausible plant let pass."""
    report = build(changed(plant(), lambda r: True, factor), tmp_path)
    [found] = of_run(report)
    assert (found.subset, found.operations, found.set_aside) == ("all reports", ITEMS * len(JOBS), 0)
    assert found.ratio == pytest.approx(factor, rel=0.05) and remedy in found.sentence
    assert run_of(tmp_path, "I000", 10)[0] == 4
    [check] = [
        c for c in check_outcomes(report.findings, {"setup": 640, "run": 640}) if c.check == "run_subset"
    ]
    assert not check.success and check.severity == "warning"


@pytest.mark.parametrize(
    ("set_up", "factor", "told"), [(None, 1.67, True), (30.0, 1.67, False), (None, 0.5, False)]
)
def test_no_factor_is_advised_before_it_is_said_which_reports_are_set_ups(
    set_up: float | None, factor: float, told: bool, tmp_path: Path
) -> None:
    """Standards state a set-up and no report does: those of it may be among the run times and make them long."""
    rows = [{**r, "setup_time": set_up} for r in plant()]
    [found] = of_run(build(changed(rows, lambda r: True, factor), tmp_path / "all"))
    assert found.sentence.startswith("No report states a set-up") == told
    [machine] = of_run(build(changed(rows, lambda r: r["res_cd"] == "MILL-0", 16.7), tmp_path / "one"))
    assert machine.sentence.startswith("No report states a set-up") == (set_up is None)


@pytest.mark.parametrize("factor", [0.75, 1.35])
def test_standards_that_are_somewhat_loose_or_tight_are_not_told(factor: float, tmp_path: Path) -> None:
    assert of_run(build(changed(plant(), lambda r: True, factor), tmp_path)) == []


def test_a_whole_plant_in_another_unit_still_stops_the_run(tmp_path: Path) -> None:
    with pytest.raises(DataQualityError, match="actual / standard = 6"):
        check_plausibility(build(changed(plant(), lambda r: True, 60.0), tmp_path))


# --- single operations ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("factor", [60.0, 0.1])
def test_one_operation_in_another_unit_is_set_aside(factor: float, tmp_path: Path) -> None:
    rows = changed(plant(), lambda r: (r["item_key"], r["proc_seq"]) == ("I003", 20), factor)
    (found,) = of_run(build(rows, tmp_path))
    assert (found.kind, found.items, found.set_aside) == ("operations", ("I003",), 4)
    assert run_of(tmp_path, "I003", 20) == (0, None)


def test_a_standard_that_nobody_maintains_does_not_hide_the_reports(tmp_path: Path) -> None:
    rows = plant()
    odd = operations(lambda i, j: 0.01 if (i, j) == (3, 1) else standard(i, j))
    report = build(rows, tmp_path, odd)
    (found,) = of_run(report)
    assert (found.kind, found.items, found.set_aside) == ("standard_doubtful", ("I003",), 0)
    assert run_of(tmp_path, "I003", 20)[0] == 4


def test_set_up_rows_among_run_rows_are_left_out(tmp_path: Path) -> None:
    mine = [r for r in plant() if r["item_key"] < "I004"]
    more = [
        {**r, "machine_time": 0.05 * r["machine_time"]}
        for r in mine
        if (r["item_key"], r["proc_seq"]) == ("I003", 20)
    ]
    report = build(mine + more, tmp_path)
    assert [(f.kind, f.set_aside) for f in of_run(report)] == [("mixed", 4)]
    n, middle = run_of(tmp_path, "I003", 20)
    assert (n, middle) == (4, pytest.approx(standard(3, 1), rel=0.25))


# --- posted from the standard ----------------------------------------------------------------------------------------------
def posted(r: dict[str, Any]) -> dict[str, Any]:
    job = JOBS.index(r["job_cd"])
    hours = round(standard(int(r["item_key"][1:]), job) * r["order_qty"], 2)
    return {**r, "machine_time": hours, "setup_time": 30.0}


def test_reports_that_equal_the_standard_say_nothing(tmp_path: Path) -> None:
    report = build([posted(r) for r in plant()], tmp_path)
    assert {(f.kind, f.measure, f.set_aside) for f in report.findings} == {
        ("backflushed", "run", 640),
        ("backflushed", "setup", 640),
    }
    assert run_of(tmp_path, "I003", 20) == (0, None)
    assert report.plausibility["run"].ratio == pytest.approx(1.0, abs=0.01)


def test_one_machine_that_is_posted_is_found_and_the_others_are_used(tmp_path: Path) -> None:
    rows = [posted(r) if r["res_cd"] == "MILL-1" else r for r in plant()]
    (found,) = of_run(build(rows, tmp_path))
    assert (found.kind, found.operations, found.set_aside) == ("backflushed", 20, 80)
    assert run_of(tmp_path, "I002", 30)[0] == 4


def test_a_booked_set_up_is_used_where_the_run_is_measured(tmp_path: Path) -> None:
    report = build([{**r, "setup_time": 30.0} for r in plant()], tmp_path)
    assert [(f.kind, f.measure, f.set_aside) for f in report.findings] == [("backflushed", "setup", 0)]
    own = read_evidence(tmp_path).by_item_operation
    assert own["setup_p50"].round(6).unique().to_list() == [30.0]


# --- what is written and told ------------------------------------------------------------------------------------------------
def test_machines_that_would_have_worked_many_days_a_day_are_told(tmp_path: Path) -> None:
    """Reports and standards in the same wrong unit agree with each other, but the machines have no such days."""
    long = changed(plant(), lambda r: True, 600)
    (found,) = of_run(build(long, tmp_path, operations(lambda i, j: 600 * standard(i, j))))
    assert (found.kind, found.subset, found.set_aside) == ("subset", "all machines", 0)
    assert (
        "8 machines" in found.sentence
        and "hours a day" in found.sentence
        and "time_factor_min" in found.sentence
    )
    n, p50 = run_of(tmp_path, "I003", 20)
    assert n == 4 and p50 == pytest.approx(600 * standard(3, 1), rel=0.3), "told, and used"


def test_one_month_of_seconds_read_as_hours_is_told_without_a_standard(tmp_path: Path) -> None:
    month = [{**r, "report_dt": date(2026, 4, 1) + timedelta(days=k % 28)} for k, r in enumerate(plant())]
    (found,) = of_run(build(changed(month, lambda r: True, 3600.0), tmp_path, operations().clear()))
    assert (found.subset, found.set_aside) == ("all machines", 0)


@pytest.mark.parametrize("shards", [2, 5])
def test_shards_find_the_same(shards: int, tmp_path: Path) -> None:
    rows = changed(plant(), lambda r: r["res_cd"] == "MILL-1" and r["report_dt"] < date(2024, 1, 1), 60.0)
    rows = in_parts(rows, lambda r: r["item_key"] == "I004", 2)
    rows = changed(rows, lambda r: (r["item_key"], r["proc_seq"]) == ("I008", 20), 10.0)
    one, many = build(rows, tmp_path / "1"), build(rows, tmp_path / "n", shards=shards)
    assert sorted(map(str, one.findings)) == sorted(map(str, many.findings))
    assert {f.kind for f in one.findings} == {"changed", "parts", "operations"}
    keys = ["item_key", "proc_seq"]
    frames = (read_evidence(tmp_path / n).by_item_operation.sort(keys) for n in ("1", "n"))
    assert_frame_equal(*frames)


def test_what_is_set_aside_counts_as_removed_everywhere(tmp_path: Path) -> None:
    rows = changed(plant(), lambda r: r["res_cd"] == "MILL-1", 60.0)
    report = build(rows, tmp_path)
    evidence = read_evidence(tmp_path)
    assert report.measures["run"].set_aside == 80
    for own in (evidence.by_item_operation, evidence.by_job_resource, evidence.by_job):
        assert own["run_n"].sum() + own["run_n_removed"].sum() == len(rows)
        assert own["run_n_removed"].sum() == report.measures["run"].removed
    samples = pl.read_parquet(tmp_path / SAMPLES)
    assert samples.filter("run_removed").height == report.measures["run"].removed
    assert samples["run_min"].null_count() == 0


def test_findings_are_checks_that_fail_and_name_their_items(tmp_path: Path) -> None:
    report = build(changed(plant(), lambda r: r["res_cd"] == "MILL-1", 60.0), tmp_path)
    samples = {m: r.samples for m, r in report.measures.items()}
    outcomes = {o.check: o for o in check_outcomes(report.findings, samples)}
    failed = [o for o in outcomes.values() if not o.success]
    assert [o.check for o in failed] == ["run_subset"]
    assert (failed[0].severity, failed[0].rows_unexpected, failed[0].rows_checked) == ("warning", 80, 640)
    assert "I001" in failed[0].sample[0]
    assert next(sentences(report.findings)) == failed[0].sample[0]


def test_a_few_odd_operations_fail_no_check(tmp_path: Path) -> None:
    lone = Finding("operations", "run", "operations", 3, 3, 3, 60.0, ("A",), "Three.")
    by_name = {o.check: o.success for o in check_outcomes([lone], {"setup": 0, "run": 5_000})}
    assert by_name["run_operations"]
    assert not {o.check: o.success for o in check_outcomes([lone], {"setup": 0, "run": 500})}[
        "run_operations"
    ]
