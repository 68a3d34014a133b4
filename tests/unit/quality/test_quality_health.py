"""Data health: each check on a few rows whose answer is known by hand, and the page that can be mailed."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import polars as pl
import pytest

from routing_etl.frames import ITEMS, OPERATIONS, REJECTS, STANDARD_TIMES, WORK_RESULTS, AttributeSpec, Frame
from routing_etl.quality.health import CHECKS, Finding, HealthRules, Source, as_frame, examine
from routing_etl.quality.health_page import PageFacts, health_page

NEWEST = date(2025, 6, 30)
ATTRIBUTES = tuple(AttributeSpec(n, "category") for n in ("part_type", "material", "od", "planner"))


def item(key: str = "A", **values: Any) -> dict[str, Any]:
    return {
        "item_cd": key, "item_key": key, "attribute_hash": 1, "item_hash": "h", "part_type": "P1", "material": "M", "od": "1",
        "planner": "kim", **values,
    }  # fmt: skip


def operation(key: str = "A", **values: Any) -> dict[str, Any]:
    return {
        "item_cd": key, "item_key": key, "rout_no": "R1", "proc_seq": 10, "job_cd": "C10", "job_nm": "turning", "res_cd": "M1",
        "inside": "in", "run_min": 1.0, "setup_min": 5.0, "rout_class": "in", "routing_rank": 0, "decided_by": "only",
        "rout_valid": True, "insrt_dt": datetime(2024, 1, 1), "rout_date": datetime(2024, 1, 1), **values,
    }  # fmt: skip


def result(key: str = "A", **values: Any) -> dict[str, Any]:
    return {
        "item_key": key, "rout_no": "R1", "proc_seq": 10, "job_cd": "C10", "res_cd": "M1", "report_dt": NEWEST,
        "match_level": "routing", **values,
    }  # fmt: skip


def standard(key: str = "A", **values: Any) -> dict[str, Any]:
    return {
        "item_cd": key, "item_key": key, "rout_no": "R1", "proc_seq": 10, "measure": "run", "job_cd": "C10", "res_cd": "M1",
        "standard_min": 1.0, "measured_min": 1.0, "orders": 8, "orders_all": 8, "ratio": 1.0, "verdict": "open", "sure": False,
        "orders_year": 0, **values,
    }  # fmt: skip


def lazy(frame: Frame, rows: list[dict[str, Any]], **more: Any) -> pl.LazyFrame:
    schema = {**frame.schema, **more}
    return pl.LazyFrame([{**dict.fromkeys(schema), **r} for r in rows], schema=schema)


def found(rules: HealthRules | None = None, **frames: Any) -> dict[tuple[str, str, str], Finding]:
    """Findings by check, dimension and segment; of a plant with one good item unless told otherwise."""
    types, attributes = frames.pop("types", {}), frames.pop("attributes", ATTRIBUTES)
    given = {
        "items": [item()], "operations": [operation()], "results": [result()], "rejected": [], "standards": [standard()], **frames,
    }  # fmt: skip
    more = {**dict.fromkeys(("material", "od", "planner"), pl.String), **types}
    source = Source(
        lazy(ITEMS, given["items"], **more), lazy(OPERATIONS, given["operations"]), lazy(WORK_RESULTS, given["results"]),
        lazy(REJECTS, given["rejected"]), lazy(STANDARD_TIMES, given["standards"]), attributes,
    )  # fmt: skip
    rules = rules or HealthRules({"family": "part_type"})
    return {(f.check, f.dimension, f.segment): f for f in examine(source, rules)}


def whole(check: str, rules: HealthRules | None = None, **frames: Any) -> tuple[Any, ...]:
    f = found(rules, **frames)[check, "all", "all"]
    return f.touched, f.whole, f.examples


def test_a_good_plant_is_healthy() -> None:
    every = found(HealthRules({"family": "part_type"}, importance={"material": 1.0}))
    assert {check for check, *_ in every} == set(CHECKS)
    assert {f.check: f.touched for f in every.values() if f.dimension == "all"} == dict.fromkeys(CHECKS, 0)
    assert all(f.cost == "nothing" for f in every.values())


def test_repeated_operation_numbers_are_counted_beside_the_kept_ones() -> None:
    row = {
        "source_table": "operations",
        "row_key": "A / R1 / 10",
        "rule": "duplicate_key",
        "reason": "r",
        "raw_values": "{}",
    }
    other = {**row, "rule": "orphan_item"}
    assert whole("duplicate_operation_numbers", rejected=[row, other]) == (1, 2, ("A / R1 / 10",))


def test_a_work_centre_without_reports_for_years_is_dead_but_not_one_planned_lately_or_a_pool() -> None:
    operations = [
        operation(proc_seq=10, res_cd="OLD", insrt_dt=datetime(2020, 1, 1)),
        operation(proc_seq=20, res_cd="NEVER", insrt_dt=datetime(2020, 1, 1)),
        operation(proc_seq=30, res_cd="NEW", insrt_dt=datetime(2025, 6, 1)),
        operation(proc_seq=40, res_cd="CNC-WAIT", insrt_dt=datetime(2020, 1, 1)),
        operation(proc_seq=50, res_cd="M1"),
        operation(proc_seq=60, res_cd="OLD", inside="out"),
    ]
    results = [result(), result(res_cd="OLD", report_dt=date(2022, 1, 1))]
    rules = HealthRules(pool_words=("WAIT",))
    assert whole("dead_work_centres", rules, operations=operations, results=results) == (
        2, 4, ("NEVER (last report never): A / R1 / 20", "OLD (last report 2022-01-01): A / R1 / 10"),
    )  # fmt: skip


def test_a_machine_out_of_use_by_the_master_is_dead_whatever_was_reported() -> None:
    operations = [
        operation(proc_seq=10, res_cd="M1", res_was="M0"),
        operation(proc_seq=20, res_cd=None, res_was="M9"),
        operation(proc_seq=30, res_cd="M1"),
    ]
    dead = ("M0 (out of use, M1 instead): A / R1 / 10", "M9 (out of use): A / R1 / 20")
    assert whole("dead_work_centres", operations=operations) == (2, 3, dead)
    assert whole("dead_work_centres", operations=operations, results=[]) == (2, 3, dead)


def test_missing_and_zero_standards_are_counted_apart() -> None:
    operations = [operation(run_min=0.0), operation(proc_seq=20, setup_min=None), operation(proc_seq=30)]
    assert whole("missing_run_time", operations=operations)[:2] == (1, 3)
    assert whole("missing_setup_time", operations=operations)[2] == ("A / R1 / 20",)


def test_old_standards_are_of_those_with_a_date() -> None:
    operations = [
        operation(insrt_dt=datetime(2019, 1, 1)), operation(proc_seq=20), operation(proc_seq=30, insrt_dt=None),
    ]  # fmt: skip
    assert whole("old_standards", operations=operations)[:2] == (1, 2)
    assert whole("old_standards", HealthRules(old_years=10), operations=operations)[:2] == (0, 2)


def test_posted_times_are_of_those_with_enough_orders() -> None:
    standards = [standard(verdict="posted"), standard("B"), standard("C", verdict="few_orders")]
    assert whole("backflushed", standards=standards) == (1, 2, ("A / R1 / 10 run (8 orders)",))


@pytest.mark.parametrize("ratio", [60.0, 1 / 58, 10.5, 0.011])
def test_a_wrong_unit_is_one_that_most_times_of_a_job_have(ratio: float) -> None:
    good = [standard(f"G{k}", job_cd="OK", res_cd=None, ratio=1.1) for k in range(5)]
    alone = [standard("X", job_cd="OK", res_cd=None, ratio=ratio)]
    bad = [standard(f"B{k}", job_cd="BAD", res_cd=None, ratio=ratio * (1 + 0.01 * k)) for k in range(5)]
    few = [standard(f"F{k}", job_cd="FEW", res_cd=None, ratio=ratio) for k in range(4)]
    touched, of, examples = whole("wrong_units", standards=[*good, *alone, *bad, *few])
    assert (touched, of) == (5, 15) and all(e.startswith("B") for e in examples)


def kind_of(name: str, n: int = 20, **values: Any) -> list[dict[str, Any]]:
    """Items of one part type, whose attributes differ."""
    return [
        item(f"{name}{k:02}", part_type=name, **{"material": f"M{k}", "od": float(k), "planner": f"p{k}", **values}) for k in range(n)
    ]  # fmt: skip


#: The diameter is a number; what the part type is worth is spent within one part type.
SIZED = (*(AttributeSpec(n, "category") for n in ("part_type", "material", "planner")), AttributeSpec("od", "number", "mm"))  # fmt: skip
WORTH = {"part_type": 0.5, "material": 0.3, "od": 0.15, "planner": 0.01, "gone": 0.5}


def undecided(items: list[dict[str, Any]], worth: dict[str, float] | None = None) -> tuple[Any, ...]:
    rules = HealthRules({"family": "part_type"}, importance=WORTH if worth is None else worth)
    return whole("undecided_items", rules, items=items, attributes=SIZED, types={"od": pl.Float64})


def test_an_item_without_the_size_that_decides_is_counted() -> None:
    bare = item("BARE", part_type="P1", material="M", od=None, planner="kim")
    assert undecided([*kind_of("P1"), bare]) == (1, 21, ("BARE (without od)",))


def test_what_only_other_kinds_of_items_have_does_not_lack() -> None:
    """Plates have no diameter at all; a planner decides next to nothing, and the items of a small type are like those of the plant."""
    plates = kind_of("PLATE", od=None)
    idle = item("IDLE", part_type="P1", material="M", od=1.0, planner=None)
    small = [item(f"S{k}", part_type="SMALL", material="M", od=None, planner="p") for k in range(3)]
    assert undecided([*kind_of("P1", 10), *plates, idle, *small])[0] == 0


def test_an_item_without_a_part_type_lacks_what_decides_where_nearly_all_have_one() -> None:
    lost = item("LOST", part_type=None, material="M", od=3.0, planner="kim")
    assert undecided([*kind_of("P1"), *kind_of("P2"), lost]) == (1, 41, ("LOST (without part_type)",))


def test_a_text_is_no_attribute_that_one_fills_in_and_half_empty_words_may_mean_none() -> None:
    coated = kind_of("P1", 20)
    for row in coated[:5]:
        row["material"] = None
    assert undecided(coated)[0] == 0
    reason = found(HealthRules(importance={"gone": 1.0}))["undecided_items", "all", "all"].reason
    assert reason == "the champion learned from texts alone, or from attributes that the items have no longer"


def test_before_the_first_training_it_is_not_known_what_decides() -> None:
    told = found()["undecided_items", "all", "all"]
    assert (told.touched, told.whole, told.cost) == (None, None, "not measured")
    assert (
        told.reason
        == "what decides is not known yet: it is what the champion learned, and there is none that says so"
    )


def test_a_routing_that_no_report_belongs_to_is_unused_when_it_is_old_enough() -> None:
    operations = [
        operation(), operation(rout_no="R2"), operation(rout_no="NEW", rout_date=datetime(2025, 6, 1)), operation("B"),
    ]  # fmt: skip
    results = [result(), result("B", rout_no=None, match_level="operation")]
    assert whole("unused_routings", operations=operations, results=results) == (
        1,
        3,
        ("A / R2 (of 2024-01-01)",),
    )


def test_a_job_with_two_codes_is_told_by_the_less_used_one() -> None:
    operations = [
        operation(proc_seq=10), operation(proc_seq=20), operation(proc_seq=30, job_cd="C99", job_nm="Turning "),
        operation(proc_seq=40, job_cd="D1", job_nm="milling"),
    ]  # fmt: skip
    assert whole("jobs_with_two_codes", operations=operations) == (1, 4, ("Turning : C99 beside C10",))


def test_findings_are_told_by_what_the_profile_names_and_by_work_centre() -> None:
    keys = [f"I{k}" for k in range(12)]
    items = [item(k, planner="kim" if n < 6 else "lee", part_type=None) for n, k in enumerate(keys)]
    operations = [operation(k, run_min=None if n < 3 else 1.0) for n, k in enumerate(keys)]
    every = found(
        HealthRules({"planner": "planner", "plant": "not there"}), items=items, operations=operations
    )
    mine = {(d, s): (f.touched, f.whole) for (c, d, s), f in every.items() if c == "missing_run_time"}
    assert mine == {("all", "all"): (3, 12), ("planner", "kim"): (3, 6), ("work_centre", "M1"): (3, 12)}
    told = every["missing_run_time", "planner", "kim"]
    assert told.examples == ("I0 / R1 / 10", "I1 / R1 / 10", "I2 / R1 / 10")
    assert told.cost == "touches 3 of 12 items (25.0%)"


def test_at_most_ten_examples_are_shown() -> None:
    operations = [operation(f"I{k:02}", run_min=None) for k in range(30)]
    assert whole("missing_run_time", operations=operations)[2] == tuple(
        f"I{k:02} / R1 / 10" for k in range(10)
    )


def test_what_cannot_be_measured_says_why() -> None:
    every = found(results=[], standards=[], operations=[operation(insrt_dt=None, job_nm=None)])
    reasons = {c: f.reason for (c, d, _), f in every.items() if f.touched is None and d == "all"}
    assert set(reasons) == {
        "dead_work_centres", "old_standards", "backflushed", "wrong_units", "undecided_items", "unused_routings",
        "jobs_with_two_codes",
    }  # fmt: skip
    assert "no work result has a date" in reasons["dead_work_centres"]
    assert all(f.cost == "not measured" for f in every.values() if f.touched is None)
    empty = found(items=[], operations=[], results=[], standards=[])
    assert all(f.touched is None and f.reason for f in empty.values())


# --- the page ----------------------------------------------------------------------------------------------------------

FACTS = PageFacts("run_1", "bi_views", NEWEST, datetime(2025, 7, 1, 2, tzinfo=UTC), ("planner",))


def test_the_page_stands_alone_and_shows_texts_of_the_erp_as_text() -> None:
    evil = "<script>alert(1)</script>\x1b[31m"
    operations = [operation(f"I{k}", rout_no=evil, run_min=None) for k in range(6)]
    items = [item(f"I{k}", part_type=f"{evil}{k % 3}") for k in range(6)]
    page = health_page(found(items=items, operations=operations).values(), FACTS)
    assert "<script" not in page and "\x1b" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;\\x1b[31m" in page
    assert "names no planner" in page and "Reports up to 2025-06-30" in page
    for outside in ("http://", "https://", 'src="/', "url(", "@import", "<link"):
        assert outside not in page
    assert page.count("data:image/png;base64,") >= 1


def test_the_page_of_an_empty_plant_says_that_nothing_was_measured() -> None:
    page = health_page(found(items=[], operations=[], results=[], standards=[]).values(), FACTS)
    assert page.count("Not measured:") == len(CHECKS)
    assert "data:image" not in page


def test_the_table_has_a_row_per_finding() -> None:
    every = tuple(found(HealthRules(importance={"material": 1.0})).values())
    table = as_frame(every)
    assert table.height == len(every) and table["share"].null_count() == 0
    assert as_frame(()).height == 0
