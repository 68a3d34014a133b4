"""Tiny predictions, routings and time profiles written down by hand, for the evaluation's tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import polars as pl

from routing_etl.frames import (
    ABSTAINED,
    CANDIDATE_EVIDENCE,
    CANDIDATE_OPERATIONS,
    CANDIDATES,
    ITEMS,
    OPERATIONS,
    RESOURCE_ALTERNATIVES,
    TIME_BY_ITEM_OPERATION,
    TIME_BY_JOB,
    TIME_BY_JOB_RESOURCE,
    Predictions,
    TimeEvidence,
)

Step = Mapping[str, object]


def steps(jobs: str, **columns: object) -> list[Step]:
    """'A B C' to operations on resource R in-house; a keyword gives a column a value for all."""
    return [{"job_cd": j, "res_cd": "R", "inside": "in", **columns} for j in jobs.split()]


def operations_of(
    routings: Mapping[str, Sequence[Step]], dates: Mapping[str, datetime] | None = None, rank: int = 0
) -> pl.DataFrame:
    """OPERATIONS frame: item key -> operations in order, numbered 10, 20, ..."""
    rows = [
        {
            "item_cd": key, "item_key": key, "rout_no": f"R{rank}{key}", "proc_seq": 10 * (i + 1),
            "job_nm": f"job {step['job_cd']}", "rout_class": "in", "routing_rank": rank, "decided_by": "only",
            "rout_valid": True, "rout_date": (dates or {}).get(key), "insrt_dt": (dates or {}).get(key), **step,
        }
        for key, sequence in routings.items()
        for i, step in enumerate(sequence)
    ]  # fmt: skip
    return OPERATIONS.conform(pl.DataFrame(rows, infer_schema_length=None))


def items_of(keys: Sequence[str], **columns: Sequence[object]) -> pl.DataFrame:
    """ITEMS frame; further columns are attributes or core columns. Items are alike only if `attribute_hash` says so."""
    data: dict[str, Sequence[object]] = {
        "item_cd": keys, "item_key": keys, "item_hash": keys, "attribute_hash": range(len(keys)), **columns,
    }  # fmt: skip
    return ITEMS.conform(pl.DataFrame(data))


def predictions_of(
    answers: Mapping[str, Sequence[tuple[float, Sequence[Step]]]],
    abstained: Sequence[str] = (),
    alternatives: Sequence[tuple[str, str, int]] = (),
) -> Predictions:
    """Item key -> candidates, best first, each (confidence, operations). Alternatives: (job, resource, rank)."""
    candidates, operations = [], []
    for key, found in answers.items():
        for rank, (confidence, sequence) in enumerate(found, start=1):
            candidates.append(
                {
                    "item_cd": key, "item_key": key, "candidate_rank": rank, "candidate_id": f"{key}_C{rank:02d}",
                    "routing_signature": "s", "routing_code": "c", "similarity_score": 0.9, "confidence": confidence,
                    "priority": "primary", "similarity_tier": "HIGH" if rank == 1 else "LOW",
                    "routing_source": "similar", "process_count": len(sequence), "work_order_count": 0,
                    "neighbour_count": 3, "support": 1.0,
                }
            )  # fmt: skip
            for i, step in enumerate(sequence):
                operations.append(
                    {
                        "item_cd": key, "item_key": key, "candidate_rank": rank, "proc_seq": 10 * (i + 1),
                        "rout_order": "I", "insp_flg": "N", "milestone_flg": "N", "confidence": confidence,
                        "support": 1.0, "sample_count": 0, "time_source": "none", **step,
                    }
                )  # fmt: skip
    empty = [
        {"item_cd": k, "item_key": k, "reason_code": "no_similar_item", "reason": "none"} for k in abstained
    ]
    shown = [
        {
            "job_cd": j, "res_cd": r, "alternative_rank": n, "is_pool": False, "use_count": 1, "use_share": 0.5,
        }
        for j, r, n in alternatives
    ]  # fmt: skip

    def frame(contract: object, rows: list[dict[str, object]]) -> pl.DataFrame:
        return contract.conform(pl.DataFrame(rows, infer_schema_length=None)) if rows else contract.empty()

    return Predictions(
        frame(CANDIDATES, candidates),
        frame(CANDIDATE_OPERATIONS, operations),
        frame(RESOURCE_ALTERNATIVES, shown),
        CANDIDATE_EVIDENCE.empty(),
        frame(ABSTAINED, empty),
    )


def actual_times(times: Mapping[tuple[str, int, str], tuple[float | None, float | None]]) -> TimeEvidence:
    """(item key, operation number, job) -> (set-up, run) in minutes, as every statistic of one report."""
    names = ("mean", "trim_mean", "p10", "p50", "p90", "optimal", "standard", "safe")
    rows = []
    for (key, seq, job), pair in times.items():
        row: dict[str, object] = {"item_key": key, "proc_seq": seq, "job_cd": job}
        for measure, value in zip(("setup", "run"), pair, strict=True):
            row |= {f"{measure}_{n}": value for n in names}
            row |= {f"{measure}_n": int(value is not None), f"{measure}_n_removed": 0}
        rows.append(row)
    frame = pl.DataFrame(rows, infer_schema_length=None)
    return TimeEvidence(
        TIME_BY_ITEM_OPERATION.conform(frame), TIME_BY_JOB_RESOURCE.empty(), TIME_BY_JOB.empty()
    )
