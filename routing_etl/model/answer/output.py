"""Chosen routings to the published frames of `frames.py`.

What belongs here: column names, ids, cutting of names, the order letters, tiers and priorities. What does not: any
decision about which routing, resource or time.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from routing_etl.frames import (
    ABSTAINED,
    CANDIDATE_EVIDENCE,
    CANDIDATE_OPERATIONS,
    CANDIDATES,
)
from routing_etl.model.base.arrays import Floats, Ints
from routing_etl.model.base.columns import FEW, assemble, choose_text, take
from routing_etl.model.catalogue.routings import RoutingCatalogue, SequenceBook
from routing_etl.model.machines.steps import ChosenSteps
from routing_etl.model.ranking.choice import Chosen

#: Names that are cut to the length of their columns; a code that is too long is never proposed instead.
_CUT = ("job_nm", "res_nm", "cust_nm", "cur_cd", "tax_type")


def shown_steps(catalogue: RoutingCatalogue) -> pl.DataFrame:
    """What operations show of their step: one row per step of the catalogue, columns of CANDIDATE_OPERATIONS."""
    return catalogue.steps.select(
        "inside", "job_cd", "res_cd", "batch_oper", "bp_cd", "subcontract_prc",
        *[pl.col(name).str.slice(0, CANDIDATE_OPERATIONS[name].max_length) for name in _CUT],
        pl.col("insp_flg").fill_null("N"),
        pl.col("milestone_flg").fill_null("N"),
        mfg_lt="mfg_lt_days",
        queue_time="queue_min",
        wait_time="wait_min",
        move_time="move_min",
    )  # fmt: skip


def _share(values: Floats) -> Floats:
    return np.clip(values.astype(np.float64), 0.0, 1.0)


def candidate_frame(
    items: pl.DataFrame,
    chosen: Chosen,
    steps: ChosenSteps,
    times: Mapping[str, Floats | pl.Series],
    catalogue: RoutingCatalogue,
    book: SequenceBook,
    matched: pl.Series,
    threshold: float,
) -> pl.DataFrame:
    """The CANDIDATES frame. `times`: as for `operation_frame`; `rout_no` is NULL unless the routing is a copy."""
    n = len(chosen.row)
    labels = catalogue.labels
    outsourced = catalogue.steps["outsourced"].to_numpy()[steps.step]
    leaves = np.bincount(steps.candidate, outsourced, n) > 0
    similarity = _share(chosen.similarity)
    reports, trust = np.asarray(times["sample_count"]), np.asarray(times["time_confidence"])
    trusted = np.isfinite(trust)
    with np.errstate(invalid="ignore"):
        mean_trust = np.bincount(steps.candidate, np.where(trusted, trust, 0.0), n) / np.bincount(
            steps.candidate, trusted, n
        )
    codes, signatures = book.texts(chosen.sequence)
    item_cd = take(items["item_cd"], chosen.row)
    rank = pl.Series("rank", chosen.rank.astype(np.int16))
    return assemble(
        CANDIDATES,
        {
            "item_cd": item_cd,
            "item_key": take(items["item_key"], chosen.row),
            "candidate_rank": rank,
            "candidate_id": _candidate_id(item_cd, rank),
            "routing_signature": signatures,
            "routing_code": codes,
            "similarity_score": similarity,
            "confidence": _share(chosen.confidence),
            "priority": choose_text((similarity < threshold) | leaves, ["primary", "fallback"]),
            "similarity_tier": choose_text(similarity >= threshold, ["LOW", "HIGH"]),
            "reference_item_cd": take(labels["item_cd"], chosen.reference),
            "rout_no": take(labels["rout_no"], np.where(chosen.copied, chosen.reference, -1)),
            "routing_source": choose_text(np.zeros(n), ["similar"]),
            "process_count": np.bincount(steps.candidate, minlength=n).astype(np.int32),
            "work_order_count": np.bincount(steps.candidate, reports, n).astype(np.int64),
            "work_order_confidence": mean_trust,
            "neighbour_count": chosen.neighbour_count.astype(np.int32),
            "support": _share(chosen.support),
            "matched_attributes": matched,
            "item_hash": take(items["item_hash"], chosen.row),
        },
    )


def _candidate_id(item_cd: pl.Series, rank: pl.Series) -> pl.Series:
    if len(rank) <= FEW:
        pairs = zip(item_cd.to_list(), rank.to_list(), strict=True)
        return pl.Series([f"{item}_C{place:02d}" for item, place in pairs], dtype=pl.String)
    both = pl.DataFrame([item_cd.alias("item"), rank])
    return both.select(
        pl.concat_str("item", pl.lit("_C"), pl.col("rank").cast(pl.String).str.zfill(2))
    ).to_series()


def operation_frame(
    items: pl.DataFrame,
    chosen: Chosen,
    steps: ChosenSteps,
    times: Mapping[str, Floats | pl.Series],
    shown: pl.DataFrame,
    catalogue: RoutingCatalogue,
) -> pl.DataFrame:
    """The CANDIDATE_OPERATIONS frame. `times`: the time columns, a value per operation; `shown`: `shown_steps`."""
    last = np.append(np.diff(steps.candidate) != 0, [True] * (len(steps.candidate) > 0))
    order = np.where(steps.position == 0, 0, np.where(last, 2, 1))
    row = chosen.row[steps.candidate]
    copied = np.where(chosen.copied, chosen.reference, -1)[steps.candidate]
    return assemble(
        CANDIDATE_OPERATIONS,
        {
            **shown[steps.step].to_dict(),
            **times,
            "item_cd": take(items["item_cd"], row),
            "item_key": take(items["item_key"], row),
            "candidate_rank": chosen.rank[steps.candidate].astype(np.int16),
            "proc_seq": (10 * (steps.position + 1)).astype(np.int16),
            "rout_order": choose_text(order, ["F", "I", "L"]),
            "confidence": _share(steps.confidence),
            "support": _share(steps.support),
            "source_rout_no": take(catalogue.labels["rout_no"], copied),
        },
    )


def evidence_frame(
    items: pl.DataFrame,
    row: Ints,
    rank: Ints,
    place: Ints,
    label: Ints,
    similarity: Floats,
    weight: Floats,
    texts: tuple[pl.Series, pl.Series],
    catalogue: RoutingCatalogue,
) -> pl.DataFrame:
    """The CANDIDATE_EVIDENCE frame: one entry per candidate and voting neighbour, or its reference where none voted."""
    labels = catalogue.labels
    return assemble(
        CANDIDATE_EVIDENCE,
        {
            "item_cd": take(items["item_cd"], row),
            "item_key": take(items["item_key"], row),
            "candidate_rank": rank.astype(np.int16),
            "evidence_rank": place.astype(np.int16),
            "neighbour_item_cd": take(labels["item_cd"], label),
            "neighbour_rout_no": take(labels["rout_no"], label),
            "similarity": _share(similarity),
            "weight": _share(weight),
            "matching": texts[0],
            "differing": texts[1],
        },
    )


def abstained_frame(
    items: pl.DataFrame, row: Ints, code: list[str], reason: list[str], best: Floats
) -> pl.DataFrame:
    """The ABSTAINED frame."""
    return assemble(
        ABSTAINED,
        {
            "item_cd": take(items["item_cd"], row),
            "item_key": take(items["item_key"], row),
            "reason_code": pl.Series(code, dtype=pl.String),
            "reason": pl.Series(reason, dtype=pl.String),
            "best_similarity": best.astype(np.float64),
        },
    )
