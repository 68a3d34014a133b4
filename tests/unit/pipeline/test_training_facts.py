"""What a model was trained on, counted by hand from a run folder of a few rows."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import polars as pl

from routing_etl.erp.clean_report import CleanReport, FrameClean
from routing_etl.frames import ITEMS, OPERATIONS, WORK_RESULTS
from routing_etl.pipeline.training_facts import (
    Accounts,
    ItemCounts,
    ResultDates,
    RoutingDates,
    training_facts,
)
from routing_etl.runs import RunFolder, as_json
from routing_etl.times.profiles import MeasureReport, TimesReport


def items() -> pl.DataFrame:
    rows = {
        "item_cd": list("ABCD"), "item_key": list("ABCD"), "item_hash": list("ABCD"), "attribute_hash": range(4),
        "excluded": [None, "mark DEL", None, "mark DEL"],
    }  # fmt: skip
    return ITEMS.conform(pl.DataFrame(rows))


def operations() -> pl.DataFrame:
    rows = [
        ("A", "R1", 10, 0, datetime(2024, 5, 1)), ("A", "R1", 20, 0, datetime(2024, 5, 1)),
        ("A", "R2", 10, 1, datetime(2025, 1, 1)), ("B", "R1", 10, 0, None),
    ]  # fmt: skip
    frame = pl.DataFrame(
        [
            {"item_cd": i, "item_key": i, "rout_no": r, "proc_seq": s, "routing_rank": k, "rout_date": d, "inside": "in",
             "rout_class": "in", "decided_by": "only", "rout_valid": True}
            for i, r, s, k, d in rows
        ]
    )  # fmt: skip
    return OPERATIONS.conform(frame)


def run_folder(tmp_path: Path, results: pl.DataFrame) -> RunFolder:
    run = RunFolder("run_1", tmp_path)
    run.clean.mkdir(parents=True)
    results.write_parquet(run.clean / "work_results.parquet")
    return run


def test_counts_windows_and_exclusions(tmp_path: Path) -> None:
    results = pl.DataFrame({"report_dt": [date(2023, 1, 2), None, date(2025, 3, 4)]})
    run = run_folder(tmp_path, results)
    frame = FrameClean(9, 4, 3, 2, {"duplicate_key": 3}, {"too_old": 2}, {"x": {"y": 1}}, 1.0)
    cleaned = CleanReport({"items": frame}, date(2025, 10, 21), None, (), (), 1.0)
    aggregated = TimesReport(3, {"run": MeasureReport(80, {"zero": 5}, 1, 0, 2)}, {})
    facts = training_facts(
        run, items(), operations(), items_with_times=1, accounts=Accounts(cleaned, aggregated)
    )
    assert as_json(facts) == {
        "as_of": "2025-10-21", "cutoff": None,
        "items": {"all": 4, "routed": 2, "to_predict": 2, "with_work_results": 1},
        "excluded_items": {"mark DEL": 2}, "excluded_routed_items": {"mark DEL": 1},
        "routings": 3, "operations": 4, "operations_learned": 3, "work_results": 3,
        "routing_dates": {"oldest": "2024-05-01", "newest": "2024-05-01", "items_without_date": 1},
        "result_dates": {"oldest": "2023-01-02", "newest": "2025-03-04"},
        "rows": {"items": {"in": 9, "kept": 4, "rejected": 3, "filtered": 2, "rejected_by_rule": {"duplicate_key": 3},
                           "filtered_by_rule": {"too_old": 2}}},
        "times": {"run": {"samples": 80, "flagged_zero": 5, "minutes_as_hours": 1, "order_as_piece": 0, "outliers": 2}},
    }  # fmt: skip


def test_an_empty_plant_and_a_run_without_reports_have_no_dates_and_no_accounts(tmp_path: Path) -> None:
    run = run_folder(tmp_path, WORK_RESULTS.empty())
    facts = training_facts(run, ITEMS.empty(), OPERATIONS.empty(), items_with_times=0, accounts=Accounts())
    assert facts.items == ItemCounts(0, 0, 0, 0)
    assert facts.routing_dates == RoutingDates(None, None, 0)
    assert facts.result_dates == ResultDates(None, None)
    assert (facts.rows, facts.times, facts.work_results, facts.routings) == (None, None, 0, 0)
