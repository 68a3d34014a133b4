"""What a model answers: candidates with their operations, resources and evidence, or why there is no answer.

Belongs here: what scoring writes and the load publishes. Does not: how good it is (`findings`).
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from routing_etl.frames.contract import BOOL, DATE, F64, I16, I32, I64, STR, Column, Frame
from routing_etl.frames.source import ITEM_CD, ITEM_KEY

#: The largest number that a DECIMAL(10, 2) of the ERP-shaped views holds (docs/erp-contract.md 6.2).
MAX_OUTPUT = 99_999_999.99

#: Confidence below which a candidate is a fallback whatever it resembles: another routing is as likely.
LEAST_PRIMARY = 0.5

#: Where an operation's time comes from, best first.
TIME_SOURCES = ("actual_own", "actual_similar", "standard_similar", "model", "none")

RANK = Column("candidate_rank", I16, "1 is the best", nullable=False)

CANDIDATES = Frame(
    "candidates",
    (
        ITEM_CD,
        ITEM_KEY,
        RANK,
        Column("candidate_id", STR, "{ITEM_CD}_C{nn}", nullable=False, max_length=110),
        Column(
            "routing_signature", STR, "first four job names joined by '+'", nullable=False, max_length=200
        ),
        Column("routing_code", STR, "all job codes joined by '>'", nullable=False, max_length=1000),
        Column(
            "similarity_score", F64, "how much the reference item resembles the item, 0..1", nullable=False
        ),
        Column(
            "confidence", F64, "probability that this candidate is the engineer's routing", nullable=False
        ),
        Column("priority", STR, "'primary' or 'fallback'", nullable=False, max_length=16),
        Column(
            "similarity_tier", STR, "'HIGH' from the threshold on, else 'LOW'", nullable=False, max_length=8
        ),
        Column(
            "reference_item_cd",
            STR,
            "item whose routing supports it most; first of its evidence",
            max_length=100,
        ),
        Column("rout_no", STR, "routing number it is copied from", max_length=50),
        Column("routing_source", STR, "'similar' or 'self'", nullable=False, max_length=16),
        Column("process_count", I32, "number of operations", nullable=False),
        Column("work_order_count", I64, "work results behind its times", nullable=False),
        Column("work_order_confidence", F64, "mean of the operations' WORK_ORDER_CONFIDENCE"),
        Column("neighbour_count", I32, "neighbours that voted for it", nullable=False),
        Column("support", F64, "share of the neighbours' weight that voted for it", nullable=False),
        Column("matched_attributes", STR, "attributes equal in the item and its reference", max_length=1000),
        Column("item_hash", STR, "sha256 of the item's raw row", max_length=64),
        Column(
            "replaced_operations",
            I32,
            "operations that stand in for an outsourced one; NULL when there is none",
        ),
    ),
    key=("item_key", "candidate_rank"),
)

CANDIDATE_OPERATIONS = Frame(
    "candidate_operations",
    (
        ITEM_CD,
        ITEM_KEY,
        RANK,
        Column("proc_seq", I16, "10, 20, 30 ...", nullable=False),
        Column("inside", STR, "'in' or 'out'", nullable=False, max_length=3),
        Column("job_cd", STR, "job code", nullable=False, max_length=32),
        Column("job_nm", STR, "job name", max_length=64),
        Column("res_cd", STR, "resource", max_length=32),
        Column("res_nm", STR, "resource name", max_length=64),
        Column("rout_order", STR, "F first, I inside, L last", nullable=False, max_length=32),
        Column("setup_time", F64, "set-up to plan with; NULL when unknown", "min/order"),
        Column("run_time", F64, "run time to plan with (P50); NULL when unknown", "min/piece"),
        Column("setup_p10", F64, "10 % quantile of set-up", "min/order"),
        Column("setup_p90", F64, "90 % quantile of set-up", "min/order"),
        Column("run_p10", F64, "10 % quantile of run time", "min/piece"),
        Column("run_p50", F64, "median of run time", "min/piece"),
        Column("run_p90", F64, "90 % quantile of run time", "min/piece"),
        Column("optimal_time", F64, "OPT of run time", "min/piece"),
        Column("standard_time", F64, "STD of run time", "min/piece"),
        Column("safe_time", F64, "SAFE of run time", "min/piece"),
        Column("time_cv", F64, "std / mean of the run times behind it"),
        Column(
            "lot_size", F64, "usual lot, which the run times are for; NULL without work results", "pieces"
        ),
        Column("lot_exponent", F64, "a piece of a lot of q takes run time x (q / lot_size) ** lot_exponent"),
        Column(
            "act_setup_time",
            F64,
            "set-up by the item's own work results, NULL when there are none",
            "min/order",
        ),
        Column(
            "act_run_time",
            F64,
            "run time by the item's own work results, NULL when there are none",
            "min/piece",
        ),
        Column("queue_time", F64, "queue", "min"),
        Column("wait_time", F64, "wait", "min"),
        Column("move_time", F64, "move", "min"),
        Column("mfg_lt", F64, "outsourcing lead time", "d"),
        Column("batch_oper", STR, "'B' or NULL", max_length=8),
        Column("bp_cd", STR, "subcontractor", max_length=16),
        Column("cust_nm", STR, "its name", max_length=64),
        Column("cur_cd", STR, "currency", max_length=8),
        Column("subcontract_prc", F64, "price of outside work"),
        Column("tax_type", STR, "tax type", max_length=8),
        Column("insp_flg", STR, "'Y' on inspections, else 'N'", nullable=False, max_length=1),
        Column("milestone_flg", STR, "'Y' or 'N'", nullable=False, max_length=1),
        Column(
            "confidence", F64, "probability that the engineer's routing has this job here", nullable=False
        ),
        Column("support", F64, "share of the neighbours' weight that has the operation", nullable=False),
        Column(
            "sample_count",
            I64,
            "work results behind run_time, or behind setup_time where that alone is known",
            nullable=False,
        ),
        Column("time_source", STR, "one of TIME_SOURCES", nullable=False, max_length=20),
        Column("time_confidence", F64, "n/(n+2) rule of the contract, 0..1; NULL without actuals"),
        Column(
            "source_items",
            STR,
            "items whose actuals or standards gave the time, joined by ','",
            max_length=200,
        ),
        Column("source_similarity", F64, "their mean similarity"),
        Column("source_rout_no", STR, "routing the operation is copied from", max_length=50),
        Column(
            "replaced_job",
            STR,
            "outsourced job that it stands in for (routing.outsourced_map)",
            max_length=32,
        ),
    ),
    key=("item_key", "candidate_rank", "proc_seq"),
)

#: Alternatives belong to a job, not to an item, as in the ERP's RES table.
RESOURCE_ALTERNATIVES = Frame(
    "resource_alternatives",
    (
        Column("job_cd", STR, "job code", nullable=False, max_length=32),
        Column("res_cd", STR, "resource that may run the job", nullable=False, max_length=32),
        Column("res_nm", STR, "its name", max_length=64),
        Column("alternative_rank", I16, "1 is the most used for the job; waiting pools last", nullable=False),
        Column("is_pool", BOOL, "a waiting pool, not a machine", nullable=False),
        Column("use_count", I64, "routing rows and work results that had it", nullable=False),
        Column("use_share", F64, "its share among the job's resources", nullable=False),
        Column("last_used", DATE, "newest work result or routing with it"),
    ),
    key=("job_cd", "res_cd"),
)

CANDIDATE_EVIDENCE = Frame(
    "candidate_evidence",
    (
        ITEM_CD,
        ITEM_KEY,
        RANK,
        Column("evidence_rank", I16, "1 is the strongest", nullable=False),
        Column("neighbour_item_cd", STR, "similar item", nullable=False, max_length=100),
        Column("neighbour_rout_no", STR, "its routing", max_length=50),
        Column("similarity", F64, "0..1", nullable=False),
        Column(
            "weight",
            F64,
            "share of the vote for this candidate; 0 for a reference with another routing",
            nullable=False,
        ),
        Column(
            "matching",
            STR,
            "attributes that agree in a value that not many items share, by name",
            max_length=1000,
        ),
        Column("differing", STR, "attributes that differ: name: item's -> neighbour's", max_length=1000),
    ),
    key=("item_key", "candidate_rank", "evidence_rank"),
)

ABSTAINED = Frame(
    "abstained",
    (
        ITEM_CD,
        ITEM_KEY,
        Column(
            "reason_code",
            STR,
            "no_similar_item, unseen_part_type, unseen_value, no_attributes",
            nullable=False,
            max_length=40,
        ),
        Column("reason", STR, "one sentence for people", nullable=False, max_length=400),
        Column("best_similarity", F64, "how much the nearest item resembles it, NULL when there is none"),
    ),
    key=("item_key",),
)

SIZES_FROM_TEXTS = Frame(
    "sizes_from_texts",
    (
        ITEM_KEY,
        Column("attribute", STR, "attribute of the items that the size is a value of", nullable=False),
        Column("text_attribute", STR, "attribute whose text or code tells it", nullable=False),
        Column("size", F64, "in the attribute's unit", nullable=False),
        Column("column_value", F64, "what the attribute's column has; NULL: nothing, and the size is used"),
        Column("contradicts", BOOL, "the column has another size, and is used", nullable=False),
    ),
    key=("item_key", "attribute"),
)


@dataclass(frozen=True)
class Predictions:
    """Result of scoring: one frame per published table."""

    candidates: pl.DataFrame
    operations: pl.DataFrame
    resources: pl.DataFrame
    evidence: pl.DataFrame
    abstained: pl.DataFrame

    def frames(self) -> dict[str, pl.DataFrame]:
        """The frames by their names in `FRAMES`."""
        return {
            CANDIDATES.name: self.candidates,
            CANDIDATE_OPERATIONS.name: self.operations,
            RESOURCE_ALTERNATIVES.name: self.resources,
            CANDIDATE_EVIDENCE.name: self.evidence,
            ABSTAINED.name: self.abstained,
        }
