"""Outsourced operations replaced by those in house, by the profile's map: by hand, on one item."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from warehouse_predictions import CANDIDATE, EVIDENCE, OPERATION, RESOURCE

from routing_etl.frames import (
    ABSTAINED,
    CANDIDATE_EVIDENCE,
    CANDIDATE_OPERATIONS,
    CANDIDATES,
    RESOURCE_ALTERNATIVES,
    TIME_BY_ITEM_OPERATION,
    TIME_BY_JOB,
    TIME_BY_JOB_RESOURCE,
    Predictions,
    TimeEvidence,
)
from routing_etl.pipeline.in_house import InHouse, in_house
from routing_etl.pipeline.results import Counted

pytestmark = pytest.mark.unit

ITEM = {"item_cd": "X1", "item_key": "X1"}
OUTSIDE = {
    "inside": "out",
    "bp_cd": "V1",
    "cust_nm": "Weld Ltd",
    "subcontract_prc": 12.0,
    "mfg_lt": 5.0,
    "res_cd": None,
}
ROUTINGS = pl.LazyFrame(
    {
        "inside": ["in", "in", "in", "out"],
        "job_cd": ["A01", "F20", "F20", "F40"],
        "job_nm": ["turning", "assembly", "assembly", "welding outside"],
    }
)


def predictions(*candidates: tuple[float, list[tuple[str, dict[str, Any]]]]) -> Predictions:
    """Candidates of one item by their confidence and their operations: job, and what is special of it."""
    heads, rows, evidence = [], [], []
    for rank, (confidence, jobs) in enumerate(candidates, start=1):
        own = ITEM | {"candidate_rank": rank}
        code = ">".join(job for job, _ in jobs)
        heads.append(
            CANDIDATE
            | own
            | {
                "candidate_id": f"X1_C{rank:02d}",
                "routing_code": code,
                "confidence": confidence,
                "process_count": len(jobs),
            }
        )
        rows += [
            OPERATION
            | own
            | {"proc_seq": 10 * n, "job_cd": job, "job_nm": job.lower(), "rout_order": "I"}
            | more
            for n, (job, more) in enumerate(jobs, start=1)
        ]
        evidence.append(EVIDENCE | own | {"neighbour_item_cd": f"N{rank}"})
    resources = pl.DataFrame(
        [
            RESOURCE | {"job_cd": "F20", "res_cd": "POOL", "is_pool": True, "last_used": None},
            RESOURCE | {"job_cd": "F20", "res_cd": "ASY-1", "alternative_rank": 2, "last_used": None},
        ]
    )
    return Predictions(
        CANDIDATES.conform(pl.DataFrame(heads, infer_schema_length=None)),
        CANDIDATE_OPERATIONS.conform(pl.DataFrame(rows, infer_schema_length=None)),
        RESOURCE_ALTERNATIVES.conform(resources),
        CANDIDATE_EVIDENCE.conform(pl.DataFrame(evidence)),
        ABSTAINED.empty(),
    )


def reports(*, of_machine: int = 7, of_job: int = 20) -> TimeEvidence:
    """Profiles of F20: 4 minutes on ASY-1, 6 over all machines."""
    counts = {"setup_n": 0, "setup_n_removed": 0, "run_n_removed": 0, "job_cd": "F20"}

    def run(minutes: float, n: int) -> dict[str, Any]:
        names = ("p50", "p10", "p90", "optimal", "standard", "safe")
        return counts | {"run_n": n} | {f"run_{name}": minutes for name in names}

    return TimeEvidence(
        TIME_BY_ITEM_OPERATION.empty(),
        TIME_BY_JOB_RESOURCE.conform(pl.DataFrame([run(4.0, of_machine) | {"res_cd": "ASY-1"}])),
        TIME_BY_JOB.conform(pl.DataFrame([run(6.0, of_job)])),
    )


def made(mapping: dict[str, str], found: Predictions, times: TimeEvidence | None = None) -> InHouse:
    return in_house(mapping, ROUTINGS, found.resources, times or reports())


def test_a_map_may_spell_a_job_in_another_way_than_the_erp() -> None:
    found = predictions((0.6, [("A01", {}), ("F40", OUTSIDE)]))
    asked = made({"ｆ40": "f20 "}, found)
    assert asked.unknown == () and asked.steps.equals(made({"F40": "F20"}, found).steps)


def test_an_outsourced_operation_becomes_the_one_of_the_map() -> None:
    found = predictions((0.6, [("A01", {}), ("F40", OUTSIDE)]))
    got = made({"F40": "F20"}, found).applied(found)
    first, second = got.operations.sort("proc_seq").to_dicts()
    assert first == found.operations.sort("proc_seq").to_dicts()[0]
    assert (second["job_cd"], second["job_nm"], second["inside"], second["replaced_job"]) == (
        "F20",
        "assembly",
        "in",
        "F40",
    )
    assert (second["res_cd"], second["run_time"], second["sample_count"]) == ("ASY-1", 4.0, 7), (
        "no pool; times of the machine"
    )
    assert second["time_source"] == "actual_similar" and second["proc_seq"] == 20
    for name in (
        "bp_cd",
        "cust_nm",
        "subcontract_prc",
        "mfg_lt",
        "act_run_time",
        "source_items",
        "lot_size",
        "wait_time",
    ):
        assert second[name] is None, name
    (head,) = got.candidates.to_dicts()
    assert head["routing_code"] == "A01>F20" and head["routing_signature"] == "a01+assembly"
    assert (head["replaced_operations"], head["priority"], head["rout_no"]) == (1, "fallback", None)
    assert head["work_order_count"] == 9 + 7 and head["confidence"] == 0.6


def test_the_same_code_in_house_and_other_jobs_outside_stay() -> None:
    found = predictions((0.6, [("F40", {}), ("F50", OUTSIDE)]))
    got = made({"F40": "F20"}, found).applied(found)
    assert got.operations.equals(found.operations) and got.candidates.equals(found.candidates)


def test_candidates_that_become_equal_are_one_with_their_confidence_together() -> None:
    found = predictions(
        (0.40, [("A01", {}), ("F40", OUTSIDE)]), (0.35, [("A01", {}), ("F20", {})]), (0.25, [("A01", {})])
    )  # fmt: skip
    got = made({"F40": "F20"}, found).applied(found)
    assert got.candidates.select("candidate_rank", "candidate_id", "routing_code").rows() == [
        (1, "X1_C01", "A01>F20"), (2, "X1_C02", "A01"),
    ]  # fmt: skip
    assert got.candidates["confidence"].to_list() == pytest.approx([0.75, 0.25])
    assert got.candidates["priority"][0] == "primary" and got.candidates["replaced_operations"][0] is None, (
        "what somebody has planned in house goes before what was made here"
    )
    assert got.evidence.sort("candidate_rank")["neighbour_item_cd"].to_list() == ["N2", "N3"]
    assert got.operations.group_by("candidate_rank").len().sort("candidate_rank").rows() == [(1, 2), (2, 1)]


def test_a_candidate_that_gains_goes_up() -> None:
    found = predictions(
        (0.40, [("A01", {})]), (0.30, [("F40", OUTSIDE)]), (0.25, [("F41", OUTSIDE)])
    )  # fmt: skip
    got = made({"F40": "F20", "F41": "F20"}, found).applied(found)
    assert got.candidates.select("candidate_rank", "routing_code").rows() == [(1, "F20"), (2, "A01")]
    assert got.candidates["confidence"].to_list() == pytest.approx([0.55, 0.40])


def test_without_reports_of_the_machine_those_of_the_job_and_else_none() -> None:
    found = predictions((0.6, [("F40", OUTSIDE)]))
    of_job = made({"F40": "F20"}, found, reports(of_machine=0)).applied(found).operations.to_dicts()[0]
    assert (of_job["run_time"], of_job["sample_count"], of_job["time_source"]) == (6.0, 20, "actual_similar")
    without = made({"F40": "F20"}, found, TimeEvidence.none()).applied(found).operations.to_dicts()[0]
    assert (without["run_time"], without["sample_count"], without["time_source"]) == (None, 0, "none")


def test_a_job_that_nobody_has_in_house_replaces_nothing_and_is_told() -> None:
    found = predictions((0.6, [("F40", OUTSIDE)]))
    inside = made({"F40": "F99"}, found)
    assert inside.unknown == ("F40 -> F99",)
    assert inside.applied(found).candidates.equals(found.candidates)


def test_shards_tell_it_once() -> None:
    both = Counted(replaced=2, unmapped=("F40 -> F99",)) + Counted(replaced=3, unmapped=("F40 -> F99",))
    assert (both.replaced, both.unmapped) == (5, ("F40 -> F99",))
