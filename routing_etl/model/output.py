"""Chosen routings to the published frames of `frames.py`.

What belongs here: column names, ids, cutting of names, the order letters, tiers and priorities. What does not: any
decision about which routing, resource or time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from routing_etl.frames import (
    ABSTAINED,
    CANDIDATE_EVIDENCE,
    CANDIDATE_OPERATIONS,
    CANDIDATES,
)
from routing_etl.model.labels import RoutingCatalogue

FloatArray = NDArray[Any]
IntArray = NDArray[np.int64]


@dataclass
class Chosen:
    """The candidates of a batch after ranking, sorted by item row and rank; one entry per candidate.

    `reference`: training item (label index) that supports it most, -1 when there is none; `copied`: it has this routing.
    """

    row: IntArray
    rank: IntArray
    sequence: IntArray
    confidence: FloatArray
    similarity: FloatArray
    reference: IntArray
    copied: NDArray[np.bool_]
    neighbour_count: IntArray
    support: FloatArray


@dataclass
class ChosenSteps:
    """The operations of the chosen candidates in order. `candidate`: index into `Chosen`; `step`: catalogue index."""

    candidate: IntArray
    position: IntArray
    step: IntArray
    confidence: FloatArray
    support: FloatArray


def _cut(column: str, length: int | None) -> pl.Expr:
    return pl.col(column).str.slice(0, length) if length else pl.col(column)


def candidate_frame(
    items: pl.DataFrame,
    chosen: Chosen,
    steps: ChosenSteps,
    operations: pl.DataFrame,
    catalogue: RoutingCatalogue,
    codes: pl.Series,
    matched: pl.Series,
    threshold: float,
) -> pl.DataFrame:
    """The CANDIDATES frame. `codes`: text of every sequence; `rout_no` is NULL unless the routing is a copy."""
    n = len(chosen.row)
    labels = catalogue.labels
    job = catalogue.step_job[steps.step]
    outsourced = catalogue.steps["outsourced"].to_numpy()[steps.step]
    any_out = np.bincount(steps.candidate, outsourced, n) > 0
    head = steps.position < 4
    names = pl.DataFrame({"candidate": steps.candidate[head], "name": catalogue.job_names.gather(job[head])})
    signature = names.group_by("candidate", maintain_order=True).agg(pl.col("name").str.join("+"))
    reference = pl.Series(chosen.reference).replace(-1, None)
    copied = pl.Series(np.where(chosen.copied, chosen.reference, -1)).replace(-1, None)
    measured = operations.select("sample_count", "time_confidence", pl.Series("candidate", steps.candidate))
    evidence = measured.group_by("candidate", maintain_order=True).agg(
        pl.col("sample_count").sum(), pl.col("time_confidence").mean()
    )
    frame = pl.DataFrame(
        {
            "item_cd": items["item_cd"].gather(chosen.row),
            "item_key": items["item_key"].gather(chosen.row),
            "candidate_rank": chosen.rank.astype(np.int16),
            "routing_signature": signature["name"],
            "routing_code": codes.gather(chosen.sequence),
            "similarity_score": np.clip(chosen.similarity.astype(np.float64), 0.0, 1.0),
            "confidence": np.clip(chosen.confidence.astype(np.float64), 0.0, 1.0),
            "out": any_out,
            "reference_item_cd": labels["item_cd"].gather(reference),
            "rout_no": labels["rout_no"].gather(copied),
            "process_count": np.bincount(steps.candidate, minlength=n).astype(np.int32),
            "work_order_count": evidence["sample_count"],
            "work_order_confidence": evidence["time_confidence"],
            "neighbour_count": chosen.neighbour_count.astype(np.int32),
            "support": np.clip(chosen.support.astype(np.float64), 0.0, 1.0),
            "matched_attributes": matched,
            "item_hash": items["item_hash"].gather(chosen.row),
        }
    )
    frame = frame.with_columns(
        candidate_id=pl.concat_str(
            pl.col("item_cd"), pl.lit("_C"), pl.col("candidate_rank").cast(pl.String).str.zfill(2)
        ),
        routing_signature=_cut("routing_signature", CANDIDATES["routing_signature"].max_length),
        similarity_tier=pl.when(pl.col("similarity_score") >= threshold)
        .then(pl.lit("HIGH"))
        .otherwise(pl.lit("LOW")),
        priority=pl.when((pl.col("similarity_score") < threshold) | pl.col("out"))
        .then(pl.lit("fallback"))
        .otherwise(pl.lit("primary")),
        routing_source=pl.lit("similar"),
    )
    return CANDIDATES.conform(frame)


def operation_frame(
    items: pl.DataFrame, chosen: Chosen, steps: ChosenSteps, times: pl.DataFrame, catalogue: RoutingCatalogue
) -> pl.DataFrame:
    """The CANDIDATE_OPERATIONS frame; `times` has one row per operation with the time columns."""
    described = catalogue.steps[steps.step]
    last = (
        np.append(steps.candidate[1:] != steps.candidate[:-1], True)
        if len(steps.candidate)
        else np.empty(0, bool)
    )
    order = np.where(steps.position == 0, "F", np.where(last, "L", "I"))
    row = chosen.row[steps.candidate]
    reference = pl.Series(np.where(chosen.copied, chosen.reference, -1)[steps.candidate]).replace(-1, None)
    frame = described.select(
        "inside", "job_cd", "job_nm", "res_cd", "res_nm", "batch_oper", "bp_cd", "cust_nm", "cur_cd",
        "subcontract_prc", "tax_type", "insp_flg", "milestone_flg",
        pl.col("mfg_lt_days").alias("mfg_lt"),
    ).with_columns(
        items["item_cd"].gather(row).alias("item_cd"),
        items["item_key"].gather(row).alias("item_key"),
        pl.Series("candidate_rank", chosen.rank[steps.candidate].astype(np.int16)),
        pl.Series("proc_seq", (10 * (steps.position + 1)).astype(np.int16)),
        pl.Series("rout_order", order, dtype=pl.String),
        pl.Series("confidence", np.clip(steps.confidence.astype(np.float64), 0.0, 1.0)),
        pl.Series("support", np.clip(steps.support.astype(np.float64), 0.0, 1.0)),
        catalogue.labels["rout_no"].gather(reference).alias("source_rout_no"),
        pl.col("insp_flg").fill_null("N"),
        pl.col("milestone_flg").fill_null("N"),
    )  # fmt: skip
    frame = frame.hstack(times)
    frame = frame.with_columns(
        [
            _cut(c.name, c.max_length)
            for c in CANDIDATE_OPERATIONS.columns
            if c.max_length
            and c.name in ("job_nm", "res_nm", "cust_nm", "cur_cd", "tax_type", "source_items")
        ]
    )
    return CANDIDATE_OPERATIONS.conform(frame)


def evidence_frame(
    items: pl.DataFrame,
    row: IntArray,
    rank: IntArray,
    place: IntArray,
    label: IntArray,
    similarity: FloatArray,
    weight: FloatArray,
    texts: tuple[pl.Series, pl.Series],
    catalogue: RoutingCatalogue,
) -> pl.DataFrame:
    """The CANDIDATE_EVIDENCE frame: one entry per candidate and voting neighbour."""
    labels = catalogue.labels
    frame = pl.DataFrame(
        {
            "item_cd": items["item_cd"].gather(row),
            "item_key": items["item_key"].gather(row),
            "candidate_rank": rank.astype(np.int16),
            "evidence_rank": place.astype(np.int16),
            "neighbour_item_cd": labels["item_cd"].gather(label),
            "neighbour_rout_no": labels["rout_no"].gather(label),
            "similarity": np.clip(similarity.astype(np.float64), 0.0, 1.0),
            "weight": np.clip(weight.astype(np.float64), 0.0, 1.0),
            "matching": texts[0],
            "differing": texts[1],
        }
    )
    return CANDIDATE_EVIDENCE.conform(frame)


def abstained_frame(
    items: pl.DataFrame, row: IntArray, code: list[str], reason: list[str], best: FloatArray
) -> pl.DataFrame:
    """The ABSTAINED frame."""
    frame = pl.DataFrame(
        {
            "item_cd": items["item_cd"].gather(row),
            "item_key": items["item_key"].gather(row),
            "reason_code": pl.Series(code, dtype=pl.String),
            "reason": pl.Series(reason, dtype=pl.String),
            "best_similarity": pl.Series(best.astype(np.float64)).fill_nan(None),
        }
    )
    return ABSTAINED.conform(frame)
