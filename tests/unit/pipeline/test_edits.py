"""How far a written routing is from the nearest proposal, by hand; and the error of times that were taken over."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import polars as pl
import pytest

from routing_etl import frames
from routing_etl.pipeline.adopted_times import adopted_time_error
from routing_etl.pipeline.edits import edits
from routing_etl.pipeline.learning import COPIES
from routing_etl.runs import RunFolder
from routing_etl.times.profiles import SAMPLES

pytestmark = pytest.mark.unit


def proposed(item: str, *candidates: str) -> list[dict[str, object]]:
    return [
        {"item_cd": item, "rank": rank, "proc_seq": 10 * n, "our_job": job, "our_res": f"M{job}", "our_run": 3.0, "our_setup": 12.5}
        for rank, jobs in enumerate(candidates, start=1)
        for n, job in enumerate(jobs, start=1)
    ]  # fmt: skip


def written(item: str, jobs: str, **own: object) -> list[dict[str, object]]:
    rows = [
        {"item_cd": item, "proc_seq": 10 * n, "job_cd": job, "res_cd": f"M{job}", "run_min": 3.0, "setup_min": 12.5}
        for n, job in enumerate(jobs, start=1)
    ]  # fmt: skip
    rows[0] |= own
    return rows


def test_the_nearest_candidate_and_what_was_changed_in_it() -> None:
    ours = [
        *proposed("AS_IS", "ABC"), *proposed("SECOND", "XYZ", "ABD"), *proposed("ORDER", "AB"), *proposed("MACHINE", "ABC"),
        *proposed("NOTHING", "AB"), *proposed("OPEN", "AB"),
    ]  # fmt: skip
    theirs = [
        *written("AS_IS", "ABC"), *written("SECOND", "ABC"), *written("ORDER", "BA"),
        *written("MACHINE", "ABC", res_cd="OTHER", run_min=3.004), *written("NOTHING", "QR"), *written("NEVER", "AB"),
    ]  # fmt: skip
    found = edits(pl.DataFrame(ours), pl.DataFrame(theirs))
    assert found.rows() == [
        ("AS_IS", 1, 0, 0, 0),
        ("MACHINE", 1, 0, 1, 0),  # a thousandth is rounding
        ("NOTHING", 1, 4, 0, 0),
        ("ORDER", 1, 2, 0, 0),
        ("SECOND", 2, 2, 0, 0),
    ]


def test_times_and_operations_that_repeat() -> None:
    theirs = written("I", "AABA", run_min=4.0)
    found = edits(pl.DataFrame(proposed("I", "ABA")), pl.DataFrame(theirs))
    (row,) = found.rows(named=True)
    assert row["edit_distance"] == 1 and row["times_changed"] <= 1


def test_nothing_to_compare_is_no_row() -> None:
    nothing = edits(pl.DataFrame(proposed("I", "AB")), pl.DataFrame(written("J", "AB")))
    assert nothing.is_empty() and nothing.columns[0] == "item_cd"


def test_the_error_of_times_that_were_taken_over(tmp_path: Path) -> None:
    """Planned 10 and 5 minutes; orders since took 12 and 8 (mean 10), and 8: |0| + |3| of 18."""
    run = RunFolder("r", tmp_path)
    for folder in (run.clean, run.times):
        folder.mkdir(parents=True)
    base = {"rout_no": "P1", "inside": "in", "rout_class": "in", "routing_rank": 0, "decided_by": "only", "rout_valid": True,
            "rout_date": datetime(2026, 3, 1, 8)}  # fmt: skip
    rows = [
        base | {"item_cd": i, "item_key": i, "proc_seq": seq, "job_cd": job, "run_min": minutes}
        for i, seq, job, minutes in (("T", 10, "A", 10.0), ("T", 20, "B", 5.0), ("OWN", 10, "A", 1.0))
    ]
    frames.OPERATIONS.conform(pl.DataFrame(rows, infer_schema_length=None)).write_parquet(
        run.clean / "operations.parquet"
    )
    reports = [
        ("T", 10, "A", date(2026, 3, 5), 12.0), ("T", 10, "A", date(2026, 3, 6), 8.0), ("T", 20, "B", date(2026, 3, 6), 8.0),
        ("T", 10, "A", date(2026, 2, 1), 99.0), ("OWN", 10, "A", date(2026, 3, 6), 50.0),
    ]  # fmt: skip
    names = ["item_key", "proc_seq", "job_cd", "report_dt", "run_min_at_lot"]
    types = {
        "proc_seq": frames.OPERATIONS.schema["proc_seq"],
        "item_key": pl.Categorical,
        "job_cd": pl.Categorical,
    }
    pl.DataFrame(reports, schema=names, orient="row").cast(types).write_parquet(run.times / SAMPLES)
    assert adopted_time_error(run).value is None, "nothing is known of copies"
    copies = pl.DataFrame({"item_key": ["T", "WAITS"], "ordered": [True, False]})
    copies.write_parquet(run.clean / COPIES)
    row = adopted_time_error(run)
    assert row.value == pytest.approx(3 / 18) and row.n == 2
    copies.filter(~pl.col("ordered")).write_parquet(run.clean / COPIES)
    row = adopted_time_error(run)
    assert row.value is None and "no order was made" in (row.reason or "")
