"""Chosen routings as the published frames of `frames`: column names, ids, texts cut to length, tiers and priorities."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from routing_etl.frames import (
    ABSTAINED,
    CANDIDATE_EVIDENCE,
    CANDIDATE_OPERATIONS,
    CANDIDATES,
    LEAST_PRIMARY,
)
from routing_etl.model.answer.explain import Compared
from routing_etl.model.base.arrays import Bools, Floats, Ints
from routing_etl.model.base.columns import FEW, assemble, choose_text, take
from routing_etl.model.catalogue.routings import RoutingCatalogue, SequenceBook
from routing_etl.model.machines.steps import ChosenSteps
from routing_etl.model.ranking.choice import Chosen, Voters

#: Names that are cut to the length of their columns; a code that is too long is never proposed instead.
_CUT = ("job_nm", "res_nm", "cust_nm", "cur_cd", "tax_type")


def shown_steps(catalogue: RoutingCatalogue) -> pl.DataFrame:
    """What operations show of their step: one row per step of the catalogue, columns of CANDIDATE_OPERATIONS.

    Parameters
    ----------
    catalogue : RoutingCatalogue
        The known routings.
    """
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


@dataclass(frozen=True)
class Proposal:
    """What is proposed for a batch of items.

    Attributes
    ----------
    items : polars.DataFrame
        The items.
    chosen : Chosen
        Their candidates.
    steps : ChosenSteps
        The operations of the candidates.
    times : mapping of str to array or polars.Series
        Time columns of CANDIDATE_OPERATIONS, a value per operation.
    catalogue : RoutingCatalogue
        The known routings.
    book : SequenceBook
        The known and the new job sequences.
    """

    items: pl.DataFrame
    chosen: Chosen
    steps: ChosenSteps
    times: Mapping[str, Floats | pl.Series]
    catalogue: RoutingCatalogue
    book: SequenceBook


def candidate_frame(
    proposal: Proposal, compared: Compared, threshold: float, fallback: Bools
) -> pl.DataFrame:
    """The CANDIDATES frame; `rout_no` is NULL unless the routing is a copy.

    Parameters
    ----------
    proposal : Proposal
        What is proposed.
    compared : Compared
        The items with the reference items of their candidates.
    threshold : float
        Similarity from which a candidate is of tier HIGH and, where it is more likely right than not, may be primary.
    fallback : Bools
        Per candidate, whether a plain answer stands in for the model, so that it is not primary.
    """
    items, chosen, steps, times = proposal.items, proposal.chosen, proposal.steps, proposal.times
    n = len(chosen.row)
    labels = proposal.catalogue.labels
    outsourced = proposal.catalogue.steps["outsourced"].to_numpy()[steps.step]
    leaves = np.bincount(steps.candidate, outsourced, n) > 0
    similarity, confidence = compared.resemblance, _share(chosen.confidence)
    unsure = (similarity < threshold) | (confidence < LEAST_PRIMARY)
    reports, trust = np.asarray(times["sample_count"]), np.asarray(times["time_confidence"])
    trusted = np.isfinite(trust)
    with np.errstate(invalid="ignore"):
        mean_trust = np.bincount(steps.candidate, np.where(trusted, trust, 0.0), n) / np.bincount(
            steps.candidate, trusted, n
        )
    codes, signatures = proposal.book.texts(chosen.sequence)
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
            "confidence": confidence,
            "priority": choose_text(unsure | leaves | fallback, ["primary", "fallback"]),
            "similarity_tier": choose_text(similarity >= threshold, ["LOW", "HIGH"]),
            "reference_item_cd": take(labels["item_cd"], chosen.reference),
            "rout_no": take(labels["rout_no"], np.where(chosen.copied, chosen.reference, -1)),
            "routing_source": choose_text(np.zeros(n), ["similar"]),
            "process_count": np.bincount(steps.candidate, minlength=n).astype(np.int32),
            "work_order_count": np.bincount(steps.candidate, reports, n).astype(np.int64),
            "work_order_confidence": mean_trust,
            "neighbour_count": chosen.neighbour_count.astype(np.int32),
            "support": _share(chosen.support),
            "matched_attributes": compared.matching,
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


def operation_frame(proposal: Proposal, shown: pl.DataFrame) -> pl.DataFrame:
    """The CANDIDATE_OPERATIONS frame.

    Parameters
    ----------
    proposal : Proposal
        What is proposed.
    shown : polars.DataFrame
        What operations show of their step (`shown_steps`).
    """
    items, chosen, steps = proposal.items, proposal.chosen, proposal.steps
    last = np.append(np.diff(steps.candidate) != 0, [True] * (len(steps.candidate) > 0))
    order = np.where(steps.position == 0, 0, np.where(last, 2, 1))
    row = chosen.row[steps.candidate]
    copied = np.where(chosen.copied, chosen.reference, -1)[steps.candidate]
    return assemble(
        CANDIDATE_OPERATIONS,
        {
            **shown[steps.step].to_dict(),
            **proposal.times,
            "item_cd": take(items["item_cd"], row),
            "item_key": take(items["item_key"], row),
            "candidate_rank": chosen.rank[steps.candidate].astype(np.int16),
            "proc_seq": (10 * (steps.position + 1)).astype(np.int16),
            "rout_order": choose_text(order, ["F", "I", "L"]),
            "confidence": _share(steps.confidence),
            "support": _share(steps.support),
            "source_rout_no": take(proposal.catalogue.labels["rout_no"], copied),
        },
    )


def evidence_frame(proposal: Proposal, voters: Voters, compared: Compared) -> pl.DataFrame:
    """The CANDIDATE_EVIDENCE frame: one entry per candidate and voting neighbour, or its reference where none voted.

    Parameters
    ----------
    proposal : Proposal
        What is proposed.
    voters : Voters
        The neighbours that are shown.
    compared : Compared
        The items with these neighbours.
    """
    items, labels = proposal.items, proposal.catalogue.labels
    return assemble(
        CANDIDATE_EVIDENCE,
        {
            "item_cd": take(items["item_cd"], voters.row),
            "item_key": take(items["item_key"], voters.row),
            "candidate_rank": voters.rank.astype(np.int16),
            "evidence_rank": voters.place.astype(np.int16),
            "neighbour_item_cd": take(labels["item_cd"], voters.label),
            "neighbour_rout_no": take(labels["rout_no"], voters.label),
            "similarity": compared.resemblance,
            "weight": _share(voters.weight),
            "matching": compared.matching,
            "differing": compared.differing,
        },
    )


def abstained_frame(
    items: pl.DataFrame, row: Ints, code: list[str], reason: list[str], best: Floats
) -> pl.DataFrame:
    """The ABSTAINED frame.

    Parameters
    ----------
    items : polars.DataFrame
        The items of the batch.
    row : Ints
        Rows of the items without a proposal.
    code : list of str
        Why, for each of these rows (`abstention.reasons`).
    reason : list of str
        The same as a sentence.
    best : Floats
        How much the nearest training item resembles it, for each of these rows.
    """
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
