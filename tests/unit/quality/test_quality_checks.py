"""Each rule finds its own fault: counts, severity, sample, message; and nothing else turns red."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from routing_etl.errors import DataQualityError, FrameError
from routing_etl.frames import CODE_SPELLINGS, SOURCE_COUNTS, AttributeSpec, CheckOutcome
from routing_etl.quality.adapter import Validator, run_rules
from routing_etl.quality.checks import (
    candidate_rules_by_frame,
    check_candidates,
    check_sources,
    list_checks,
    raise_on_critical,
    source_rules_by_frame,
)

Frames = dict[str, pl.DataFrame]
CheckFrame = Callable[..., list[CheckOutcome]]
ATTRIBUTES = (
    AttributeSpec("material", "category"),
    AttributeSpec("outdiameter", "number"),
    AttributeSpec("indiameter", "number"),
)
TODAY = date(2026, 1, 31)
#: The small frames of the tests have too few items to train on, and the check says so.
ALWAYS = {"items.row_count_for_training"}


def red(outcomes: list[CheckOutcome]) -> dict[str, CheckOutcome]:
    return {f"{o.frame}.{o.check}": o for o in outcomes if not o.success}


def with_value(frame: pl.DataFrame, row: int, **values: Any) -> pl.DataFrame:
    """The frame with single values of one row replaced."""
    at = pl.int_range(pl.len()) == row
    return frame.with_columns(
        pl.when(at).then(pl.lit(v, dtype=frame.schema[n])).otherwise(pl.col(n)).alias(n)
        for n, v in values.items()
    )


@pytest.fixture(scope="session")
def validator() -> Validator:
    """One Great Expectations context for all tests."""
    return Validator()


@pytest.fixture
def check_frame(validator: Validator) -> CheckFrame:
    """Runs the rules of one frame on frames in memory."""

    def check(frame: str, frames: Frames, **options: Any) -> list[CheckOutcome]:
        rules = source_rules_by_frame(ATTRIBUTES, today=TODAY) | candidate_rules_by_frame(**options)
        scope = {CODE_SPELLINGS.name: CODE_SPELLINGS.empty()} | frames
        return run_rules(frame, rules[frame], {n: f.lazy() for n, f in scope.items()}, validator)

    return check


def test_good_files_are_green(green: tuple[list[CheckOutcome], list[CheckOutcome]]) -> None:
    sources, predictions = green
    assert set(red(sources)) == ALWAYS
    assert red(predictions) == {}
    raise_on_critical(sources + predictions)
    for o in sources + predictions:
        assert o.exception is None
        assert o.rows_checked > 0, o


#: frame, seeded faults (row, values), and every check that must turn red with its unexpected rows.
Fault = tuple[int, dict[str, Any]]
FAULTS: list[tuple[str, list[Fault], dict[str, int]]] = [
    ("items", [(6, {"item_key": "A5"}), (2, {"item_hash": "x" * 65}), (3, {"outdiameter": 1e6})],
     {"key_unique": 2, "item_key_normalised": 1, "item_hash_length": 1, "outdiameter_possible": 1}),
    ("items", [(2, {"indiameter": 60.0}), (3, {"indiameter": 0.0})],
     {"indiameter_not_above_outdiameter": 1, "indiameter_possible": 1}),
    ("operations",
     [(0, {"inside": "IN"}), (1, {"proc_seq": 10}), (2, {"proc_seq": -1}), (3, {"run_min": -0.5}), (4, {"run_min": float("nan")}),
      (5, {"wait_min": float("inf")}), (6, {"insp_flg": "J"}), (7, {"valid_from": date(3000, 1, 1)})],
     {"inside_values": 1, "key_unique": 2, "proc_seq_range": 1, "run_min_range": 2, "wait_min_range": 1, "insp_flg_values": 1,
      "valid_from_not_above_valid_to": 1}),
    ("operations", [(0, {"routing_rank": 1}), (3, {"job_cd": None}), (4, {"rout_class": "both"}), (5, {"item_key": "GONE"})],
     {"one_rank_per_routing": 1, "rank_0_has_job": 1, "rout_class_values": 1, "item_known": 1}),
    ("work_results", [(1, {"order_qty": -1.0}), (2, {"match_level": "?"}), (3, {"item_key": "GONE", "report_dt": date(2026, 2, 5)})],
     {"order_qty_range": 1, "bad_qty_not_above_order_qty": 1, "order_qty_unusable_share": 1, "match_level_values": 1,
      "item_known": 1, "report_dt_not_in_future": 1}),
    ("purchase_orders", [(0, {"qty": -5.0}), (1, {"po_no": "P1", "item_key": "A4"})], {"qty_range": 1, "key_unique": 2}),
    ("candidates",
     [(0, {"similarity_score": 1.2, "confidence": float("nan"), "routing_code": "C11", "reference_item_cd": " X1"}),
      (1, {"candidate_id": "X1_C2"}), (2, {"similarity_tier": "HIGH"})],
     {"similarity_score_range": 1, "confidence_range": 1, "routings_distinct": 2, "reference_is_another_item": 1,
      "routing_code_counts_processes": 1, "candidate_id_format": 1, "tier_follows_similarity": 1}),
    ("candidates",
     [(0, {"candidate_id": "é" * 111, "process_count": 0}), (1, {"priority": "Primary", "routing_code": "C11>"}), (2, {"priority": "primary", "routing_source": "?"})],
     {"candidate_id_length": 1, "candidate_id_format": 1, "process_count_range": 1, "routing_code_format": 1,
      "routing_code_counts_processes": 2, "priority_values": 1,
      "low_tier_is_fallback": 1, "unsure_is_fallback": 2, "routing_source_values": 1}),
    ("candidate_operations",
     [(0, {"optimal_time": 5.5, "run_p10": 5.1, "wait_time": -1.0, "time_source": "guess", "res_cd": "R" * 33}),
      (1, {"safe_time": 1.9, "run_p90": 1.5, "move_time": 1e9, "sample_count": 0}),
      (3, {"time_source": "none", "act_run_time": 3.0, "setup_p10": 2.0, "setup_p90": 1.0})],
     {"optimal_time_not_above_standard_time": 1, "run_p10_not_above_run_p50": 1, "wait_time_range": 1, "time_source_values": 1,
      "res_cd_length": 1, "standard_time_not_above_safe_time": 1, "run_p50_not_above_run_p90": 1, "move_time_range": 1,
      "actuals_have_samples": 1, "known_time_has_source": 1, "actuals_only_from_actuals": 1, "setup_p10_not_above_setup_p90": 1}),
    ("candidate_operations",
     [(0, {"rout_order": "I"}), (4, {"rout_order": "I"}), (3, {"run_time": None})],
     {"first_is_F": 1, "last_is_L": 1, "unknown_time_share": 1}),
    ("resource_alternatives", [(1, {"use_share": 1.5, "alternative_rank": 3})], {"use_share_range": 1, "ranks_without_gap": 1}),
    ("candidate_evidence",
     [(0, {"neighbour_item_cd": " X1"}), (1, {"similarity": -0.1}), (2, {"item_key": "X9"})],
     {"neighbour_is_another_item": 1, "similarity_range": 1, "candidate_known": 1}),
    ("abstained", [(0, {"best_similarity": 2.0, "reason_code": "r" * 41})], {"best_similarity_range": 1, "reason_code_length": 1}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("frame", "faults", "expected"), FAULTS, ids=[f"{i}-{f[0]}" for i, f in enumerate(FAULTS)]
)
def test_seeded_faults_turn_exactly_their_checks_red(
    frame: str,
    faults: list[Fault],
    expected: dict[str, int],
    sources: Frames,
    predictions: Frames,
    check_frame: CheckFrame,
) -> None:
    frames = sources | predictions
    for row, values in faults:
        frames[frame] = with_value(frames[frame], row, **values)
    found = {o.check: o for o in check_frame(frame, frames) if not o.success}
    found.pop("row_count_for_training", None)
    assert {n: o.rows_unexpected for n, o in found.items()} == expected
    assert all(o.sample for o in found.values())


def test_codes_that_are_counted_as_others_are_named(sources: Frames, check_frame: CheckFrame) -> None:
    pairs = [("res_cd", "mc-01", 1, "MC-01", 27_534), ("job_cd", "a9", 3, "A9", 4)]
    sources["code_spellings"] = pl.DataFrame(pairs, schema=CODE_SPELLINGS.schema, orient="row")
    found = {o.check: o for o in check_frame("operations", sources)}["codes_spelled_one_way"]
    assert (found.success, found.severity, found.rows_unexpected) == (False, "warning", 4)
    assert found.sample == (
        "spelling=job_cd: 'a9' (3 rows) is counted as 'A9' (4 rows)",
        "spelling=res_cd: 'mc-01' (1 row) is counted as 'MC-01' (27534 rows)",
    )


def test_an_outsourced_operation_needs_a_fallback(predictions: Frames, check_frame: CheckFrame) -> None:
    predictions["candidates"] = with_value(predictions["candidates"], 1, priority="primary")
    found = {o.check: o for o in check_frame("candidate_operations", predictions) if not o.success}
    assert set(found) == {"outsourced_is_fallback"}
    assert found["outsourced_is_fallback"].sample == (
        "item_key=X1, candidate_rank=2, process_count=1, priority=primary, operations=1, outsourced=True, lowest=10, "
        "highest=10, first=10, last=None",
    )


def test_nobody_is_predicted_and_abstained_on(predictions: Frames, check_frame: CheckFrame) -> None:
    predictions["abstained"] = with_value(predictions["abstained"], 0, item_key="X2")
    found = {o.check: o for o in check_frame("candidates", predictions) if not o.success}
    assert set(found) == {"predicted_or_abstained"}
    assert found["predicted_or_abstained"].sample == ("item_key=X2",)


def test_the_day_of_the_run_leaves_one_day_for_time_zones(sources: Frames, check_frame: CheckFrame) -> None:
    sources["work_results"] = with_value(sources["work_results"], 0, report_dt=date(2026, 2, 1))
    assert all(o.success for o in check_frame("work_results", sources))


def test_missing_and_superfluous_operations_are_found(predictions: Frames, check_frame: CheckFrame) -> None:
    operations = predictions["candidate_operations"]
    predictions["candidate_operations"] = operations.filter(pl.col("item_key") != "X2").vstack(
        operations.tail(1).with_columns(item_key=pl.lit("X7"), rout_order=pl.lit("F"))
    )
    found = red(check_frame("candidate_operations", predictions))
    assert set(found) == {"candidate_operations.process_count_matches"}
    assert found["candidate_operations.process_count_matches"].rows_unexpected == 2
    assert "X7" in " ".join(found["candidate_operations.process_count_matches"].sample)


def test_ranks_start_at_one_without_a_gap_and_within_the_limit(
    predictions: Frames, check_frame: CheckFrame
) -> None:
    assert set(red(check_frame("candidates", predictions, max_candidates=1))) == {"candidates.max_candidates"}
    predictions["candidates"] = predictions["candidates"].filter(pl.col("candidate_id") != " X1_C01")
    assert set(red(check_frame("candidates", predictions))) == {
        "candidates.rank_1_exists",
        "candidates.ranks_without_gap",
    }


def test_the_threshold_is_the_one_that_was_scored_with(predictions: Frames, check_frame: CheckFrame) -> None:
    found = red(check_frame("candidates", predictions, similarity_threshold=0.93))
    assert set(found) == {"candidates.tier_follows_similarity"}
    assert found["candidates.tier_follows_similarity"].sample == (
        "item_key=X1, candidate_rank=2, tier_follows_similarity=False",
    )


def test_counts_are_of_rows_though_distinct_values_are_judged(
    sources: Frames, check_frame: CheckFrame
) -> None:
    sources["operations"] = sources["operations"].with_columns(
        inside=pl.when(pl.col("proc_seq") == 10).then(pl.lit("?")).otherwise("inside")
    )
    outcome = red(check_frame("operations", sources))["operations.inside_values"]
    assert (outcome.rows_checked, outcome.rows_unexpected) == (8, 4)
    assert outcome.expectation == "expect_column_values_to_be_in_set"
    assert outcome.sample[0] == "item_key=A0, rout_no=R1, proc_seq=10, inside=?"
    assert "? in out" in outcome.observed.replace(",", "")


def test_offending_float_rows_are_shown_with_their_key(predictions: Frames, check_frame: CheckFrame) -> None:
    predictions["candidate_operations"] = with_value(predictions["candidate_operations"], 4, safe_time=1.0)
    outcome = red(check_frame("candidate_operations", predictions))[
        "candidate_operations.standard_time_not_above_safe_time"
    ]
    assert outcome.sample == (
        "row=4, item_key=X2, candidate_rank=1, proc_seq=20, safe_time=1, standard_time=2",
    )


def test_shares_of_blanks_warn_per_column(sources: Frames, check_frame: CheckFrame) -> None:
    sources["items"] = sources["items"].with_columns(
        part_type=pl.when(pl.int_range(pl.len()) < 5).then(None).otherwise("part_type"),
        material=pl.lit(None, dtype=pl.String),
    )
    found = red(check_frame("items", sources))
    assert set(found) - ALWAYS == {"items.part_type_blank_share", "items.material_filled"}
    assert found["items.part_type_blank_share"].rows_unexpected == 5
    assert {o.severity for o in found.values()} == {"warning"}


def test_items_without_any_attribute_stop_the_night(sources: Frames, check_frame: CheckFrame) -> None:
    sources["items"] = sources["items"].with_columns(
        pl.lit(None, dtype=sources["items"].schema[n]).alias(n)
        for n in ("material", "outdiameter", "indiameter")
    )
    outcomes = check_frame("items", sources)
    assert red(outcomes)["items.attributes_present"].blocks


def test_two_routings_of_rank_0_are_found(sources: Frames, check_frame: CheckFrame) -> None:
    sources["operations"] = sources["operations"].with_columns(
        item_key=pl.when(pl.col("item_key") == "A1").then(pl.lit("A0")).otherwise("item_key"),
        rout_no=pl.when(pl.col("item_key") == "A1").then(pl.lit("R2")).otherwise("rout_no"),
    )
    found = red(check_frame("operations", sources))
    assert found["operations.one_routing_counts"].rows_unexpected == 1
    assert found["operations.one_routing_counts"].blocks


def test_rejected_shares(sources: Frames, check_frame: CheckFrame) -> None:
    def rejects(n: int) -> pl.DataFrame:
        return pl.DataFrame(
            {
                "source_table": ["items"] * n,
                "row_key": "X",
                "rule": "duplicate_key",
                "reason": "Twice.",
                "raw_values": "{}",
            }
        )

    some = red(check_frame("rejects", sources | {"rejects": rejects(1)}))
    assert set(some) == {"rejects.items_rejected_share"}
    assert some["rejects.items_rejected_share"].observed == "0.111111; 1 of 9 unexpected"
    assert some["rejects.items_rejected_share"].sample == ("rule=duplicate_key, rejected=1",)
    most = red(check_frame("rejects", sources | {"rejects": rejects(9)}))
    assert most["rejects.items_rejected_share_critical"].blocks


# --- what was counted in the ERP --------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    ("frame", "rule", "rows", "warns", "blocks"),
    [
        ("work_results", "join_multiplies", 0, False, False),
        ("work_results", "join_multiplies", 3, True, False),
        ("work_results", "join_multiplies", 6, True, True),
        ("operations", "join_multiplies", 60, True, False),
        ("items", "filter_removes", 95, False, False),
        ("items", "filter_removes", 96, True, False),
        ("items", "filter_drops_items", 1, True, False),
        ("items", "code_in_companies", 1, True, False),
        ("items", "code_in_companies", 2, True, True),
    ],
)
def test_a_count_is_an_outcome_with_its_share_and_its_sentence(
    sources: Frames, check_frame: CheckFrame, frame: str, rule: str, rows: int, warns: bool, blocks: bool
) -> None:
    counted = [(frame, rule, "a", rows, 100, f"{rows} of 100, told"), (frame, rule, "b", 0, 50, "nothing")]
    counts = pl.DataFrame(counted, schema=SOURCE_COUNTS.schema, orient="row")
    outcomes = check_frame(frame, sources | {SOURCE_COUNTS.name: counts})
    found = {o.check: o for o in outcomes if o.check.removesuffix("_critical") == rule}
    assert (not found[rule].success, any(o.blocks for o in found.values())) == (warns, blocks)
    assert (found[rule].rows_unexpected, found[rule].rows_checked) == (rows if warns else 0, 100)
    assert found[rule].observed.startswith(f"{rows / 100:g};")
    assert found[rule].sample == ((f"counted={rows} of 100, told",) if warns else ())


def test_routings_that_ended_before_1950_warn_and_stop_the_night_when_they_are_many(
    sources: Frames, check_frame: CheckFrame
) -> None:
    operations = sources["operations"].with_columns(
        pl.when(pl.col("item_key") == "A0").then(date(1753, 1, 1)).otherwise("valid_to").alias("valid_to")
    )
    one = red(check_frame("operations", sources | {"operations": operations}))
    assert one["operations.ended_before_1950"].rows_unexpected == 1
    assert one["operations.ended_before_1950_critical"].blocks
    half = operations.with_columns(
        pl.when(pl.col("proc_seq") == 10).then("valid_to").otherwise(date(2999, 12, 31)).alias("valid_to")
    )
    assert "operations.ended_before_1950" not in red(
        check_frame("operations", sources | {"operations": half})
    )


def test_a_frame_that_the_plant_does_not_have_is_not_checked(
    sources: Frames, write_sources: Callable[..., Path]
) -> None:
    kept = {n: f for n, f in sources.items() if n in ("items", "operations")}
    absent = ("work_results", "purchase_orders")
    outcomes = check_sources(write_sources(kept), today=TODAY, absent=absent)
    assert {o.frame for o in outcomes} <= {"items", "operations", "rejects"}
    listed = list_checks(ATTRIBUTES, absent=absent)
    assert not set(absent) & set(listed)
    assert not [i.check for i in listed["rejects"] if i.check.startswith(absent)]


# --- empty, missing, broken ------------------------------------------------------------------------------------------


def test_zero_rows_are_a_failure_where_rows_are_needed_and_a_warning_where_a_plant_may_have_none(
    sources: Frames, write_sources: Callable[..., Path]
) -> None:
    empty = {n: f.clear() for n, f in sources.items() if n != "purchase_orders"}
    outcomes = check_sources(write_sources(empty), today=TODAY)
    assert not any(o.success for o in outcomes)
    assert {o.observed for o in outcomes} == {"0 rows were validated"}
    assert {o.frame for o in outcomes if o.blocks} == {"items", "operations"}
    assert {o.severity for o in outcomes if o.frame in ("work_results", "purchase_orders")} == {"warning"}


def test_nothing_abstained_is_fine_but_no_candidates_are_not(
    predictions: Frames, write_predictions: Callable[[Frames], Path]
) -> None:
    empty = {n: f.clear() for n, f in predictions.items() if n != "abstained"}
    outcomes = check_candidates(write_predictions(empty))
    assert all(
        o.success and o.observed == "0 rows: nothing to check" for o in outcomes if o.frame == "abstained"
    )
    with pytest.raises(DataQualityError, match=r"candidates\.row_count: 0 rows were validated"):
        raise_on_critical(outcomes)


def test_a_missing_column_fails_its_checks_with_the_text_and_leaves_the_others(
    sources: Frames, check_frame: CheckFrame
) -> None:
    sources["operations"] = sources["operations"].drop("queue_min")
    found = red(check_frame("operations", sources))
    assert set(found) == {"operations.columns", "operations.queue_min_range"}
    assert "queue_min: Float64" in found["operations.columns"].observed
    assert "queue_min" in (found["operations.queue_min_range"].exception or "")
    assert found["operations.queue_min_range"].blocks


def test_a_retyped_column_is_named(sources: Frames, check_frame: CheckFrame) -> None:
    sources["operations"] = sources["operations"].with_columns(pl.col("proc_seq").cast(pl.Int64))
    found = red(check_frame("operations", sources))
    assert found["operations.columns"].sample == ("proc_seq: Int64",)


def test_an_exception_inside_great_expectations_is_a_failed_check(
    sources: Frames, check_frame: CheckFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    import great_expectations.execution_engine as engines

    def broken(*args: object, **kwargs: object) -> None:
        raise RuntimeError("engine broke")

    monkeypatch.setattr(engines.PandasExecutionEngine, "get_domain_records", broken)
    outcomes = check_frame("purchase_orders", sources)
    failed = [o for o in outcomes if o.exception]
    assert failed and all(not o.success and "engine broke" in (o.exception or "") for o in failed)


def test_a_step_that_did_not_run_is_named(
    sources: Frames, write_sources: Callable[..., Path], tmp_path: Path
) -> None:
    with pytest.raises(FrameError, match=r"items\.attributes\.json.*routing-etl extract"):
        check_sources(tmp_path)
    with pytest.raises(FrameError, match="No predictions at"):
        check_candidates(tmp_path / "predictions")
    del sources["items"]
    with pytest.raises(FrameError, match=r"items\.parquet"):
        check_sources(write_sources(sources))


def test_the_error_names_each_failed_check_with_observed_and_expected() -> None:
    outcome = CheckOutcome(
        "candidates", "priority_values", "expect", "priority", "critical", False, "x; 1 of 3 unexpected",
        "one of primary, fallback", 3, 1, ("item_key=X1, priority=x",),
    )  # fmt: skip
    warning = replace(outcome, check="other", severity="warning")
    raise_on_critical([warning])
    with pytest.raises(DataQualityError) as error:
        raise_on_critical([outcome, warning, replace(outcome, check="broke", exception="boom")])
    text = str(error.value)
    assert "2 critical check(s)" in text
    assert "candidates.priority_values: x; 1 of 3 unexpected; expected one of primary, fallback" in text
    assert "item_key=X1" in text and "boom" in text and "other" not in text


# --- the list without running --------------------------------------------------------------------------------------------


def test_listed_checks_are_the_ones_that_run(green: tuple[list[CheckOutcome], list[CheckOutcome]]) -> None:
    listed = {(i.frame, i.check, i.severity) for infos in list_checks(ATTRIBUTES).values() for i in infos}
    assert {(o.frame, o.check, o.severity) for o in green[0] + green[1]} == listed


def test_check_names_are_unique_and_fit_dagster() -> None:
    odd = (AttributeSpec("두께 (mm)", "number"), AttributeSpec("a-b", "category"))
    for frame, rules in (source_rules_by_frame(odd) | candidate_rules_by_frame()).items():
        names = [r.check for r in rules]
        assert len(names) == len(set(names)), frame
        assert all(re.fullmatch(r"[A-Za-z0-9_]+", n) for n in names)
        assert all(r.expected and r.meaning for r in rules)


def test_listing_imports_nothing_heavy() -> None:
    code = (
        "import sys; from routing_etl.quality.checks import list_checks; assert list_checks();"
        "bad = {'great_expectations', 'pandas', 'sklearn'} & set(sys.modules); assert not bad, bad"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_suites_are_great_expectations_suites_with_severity_and_meta() -> None:
    from routing_etl.quality.suites import suite

    for frame, rules in (source_rules_by_frame() | candidate_rules_by_frame()).items():
        built = suite(frame, rules)
        assert type(built).__name__ == "ExpectationSuite"
        assert len(built.expectations) == len(rules)
        assert [e.meta["check"] for e in built.expectations] == [r.check for r in rules]
        assert [e.severity.value for e in built.expectations] == [r.severity for r in rules]
