"""Which machines may run a job: replaced codes count for their successors, what is out of use is not offered."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

import polars as pl
import pytest
from model_toy import ATTRIBUTES, toy_items, toy_operations, toy_rule

from routing_etl.frames import OPERATIONS, TIME_BY_JOB_RESOURCE, TimeEvidence
from routing_etl.model.machines.resources import OutOfUse, resource_alternatives
from routing_etl.model.predictor import RoutingPredictor


def planned(*uses: tuple[str, str, int]) -> pl.DataFrame:
    """OPERATIONS frame with each pair of job and resource as often as it says; a resource is named after its code."""
    rows = [(f"I{job}{res}{i}", job, res) for job, res, n in uses for i in range(n)]
    frame = pl.DataFrame(rows, schema=["item_key", "job_cd", "res_cd"], orient="row").with_columns(
        item_cd="item_key", rout_no=pl.lit("R"), proc_seq=10, res_nm=pl.concat_str(pl.lit("machine "), "res_cd"),
        inside=pl.lit("in"), rout_class=pl.lit("in"), routing_rank=0, decided_by=pl.lit("only"), rout_valid=True,
        insrt_dt=datetime(2024, 1, 1),
    )  # fmt: skip
    return OPERATIONS.conform(frame)


def worked(*uses: tuple[str, str, int, date]) -> TimeEvidence:
    """Work results: job, resource, number, newest report."""
    frame = pl.DataFrame(uses, schema=["job_cd", "res_cd", "run_n", "last_report_dt"], orient="row")
    none = {n: pl.lit(0) for n in ("setup_n", "run_n_removed", "setup_n_removed")}
    return replace(
        TimeEvidence.none(), by_job_resource=TIME_BY_JOB_RESOURCE.conform(frame.with_columns(**none))
    )


def shown(frame: pl.DataFrame) -> list[tuple[str, str, str, int, int]]:
    columns = ("job_cd", "res_cd", "res_nm", "alternative_rank", "use_count")
    return frame.select(columns).rows()


def pairs(*rows: tuple[str, str]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=["job_cd", "res_cd"], orient="row")


def test_a_replaced_code_counts_for_the_one_that_took_over() -> None:
    operations = planned(("J0", "OLD", 5), ("J1", "OLD", 3), ("J1", "NEW", 2), ("J1", "OTHER", 4))
    evidence = worked(("J0", "OLD", 7, date(2025, 1, 1)), ("J1", "NEW", 1, date(2025, 2, 1)))
    found = resource_alternatives(operations, evidence, (), OutOfUse({"J0": "J1"}, {"OLD": "NEW"}))
    assert shown(found) == [("J1", "NEW", "machine NEW", 1, 18), ("J1", "OTHER", "machine OTHER", 2, 4)]
    assert found["last_used"].to_list() == [date(2025, 2, 1), date(2024, 1, 1)]
    assert found["use_share"].sum() == 1.0


def test_jobs_and_machines_out_of_use_are_not_offered() -> None:
    operations = planned(("J1", "GONE", 9), ("J1", "M", 2), ("J2", "GONE", 1), ("J9", "M", 5))
    gone = OutOfUse(jobs=["J9"], pairs=pairs(("J1", "GONE")))
    found = resource_alternatives(operations, TimeEvidence.none(), (), gone)
    assert shown(found) == [("J1", "M", "machine M", 1, 2), ("J2", "GONE", "machine GONE", 1, 1)]


def test_a_machine_that_still_works_is_offered_though_nobody_plans_it() -> None:
    """Planners name the pool since; the dispatcher sends the work where it always went."""
    operations = planned(("J1", "RUNS", 1), ("J1", "STOPPED", 1), ("J1", "M", 1))
    evidence = worked(
        ("J1", "RUNS", 1, date(2025, 5, 1)), ("J1", "STOPPED", 1, date(2024, 11, 1)), ("J1", "M", 1, date(2025, 6, 1))
    )  # fmt: skip
    gone = OutOfUse(pairs=pairs(("J1", "RUNS"), ("J1", "STOPPED")))
    found = resource_alternatives(operations, evidence, (), gone)
    assert found["res_cd"].to_list() == ["M", "RUNS"]


@pytest.mark.slow
def test_a_machine_that_took_over_comes_first_and_the_old_one_not_at_all() -> None:
    items = toy_items(500, seed=5)
    operations = toy_operations(items, toy_rule(items), seed=5)
    young = pl.col("rout_date") >= datetime(2025, 3, 1)
    changed = operations.with_columns(
        res_cd=pl.when((pl.col("res_cd") == "CNC-BIG") & young).then(pl.lit("NEW-1")).otherwise("res_cd"),
        res_nm=pl.when((pl.col("res_cd") == "CNC-BIG") & young).then(pl.lit("new one")).otherwise("res_nm"),
    )
    model = RoutingPredictor(attributes=ATTRIBUTES, n_trees=4, n_jobs=1).fit(items, changed)
    found = model.predict(items.head(1)).resources
    turning = found.filter(pl.col("job_cd") == "B10")
    assert turning["res_cd"].to_list() == ["NEW-1", "CNC-SMALL"]
    assert turning["res_nm"][0] == "new one"
    assert turning["use_count"][0] == operations.filter(pl.col("res_cd") == "CNC-BIG").height


@pytest.mark.slow
def test_a_job_out_of_use_has_no_alternatives() -> None:
    items = toy_items(500, seed=9)
    operations = toy_operations(items, toy_rule(items), seed=9)
    gone = (pl.col("job_cd") == "H10") & (pl.col("rout_date") >= datetime(2024, 6, 1))
    model = RoutingPredictor(attributes=ATTRIBUTES, n_trees=4, n_jobs=1).fit(items, operations.filter(~gone))
    assert model.retired_jobs_.to_list() == ["H10"]
    assert "H10" not in set(model.resource_alternatives_["job_cd"])


def test_machines_that_can_stand_in_come_behind_those_in_use_unless_work_was_reported_on_them() -> None:
    operations = planned(("J1", "M1", 3), ("J1", "M2", 1), ("J2", "M1", 1)).with_columns(
        further_res=pl.when(pl.col("res_cd") == "M1").then(pl.lit("B\nA\nM2")).otherwise(pl.lit("A"))
    )
    found = resource_alternatives(operations, worked(("J1", "A", 2, date(2025, 1, 1))), ())
    assert found.filter(pl.col("job_cd") == "J1").select("res_cd", "use_count").rows() == [
        ("M1", 3), ("A", 2), ("M2", 1), ("B", 0),
    ]  # fmt: skip
    assert found.filter(pl.col("job_cd") == "J2")["res_cd"].to_list() == ["M1", "B", "A", "M2"]
    replaced = resource_alternatives(operations, TimeEvidence.none(), (), OutOfUse({}, {"B": "M1"}))
    assert set(replaced["res_cd"]) == {"M1", "M2", "A"}
