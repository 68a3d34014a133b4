"""The canonical frames: what travels between the rooms, column by column.

One source of truth for the shape of every Parquet file in a run folder. A frame holds canonical values only: minutes,
millimetres, `in` / `out` for in-house / outsourced, NULL for every spelling of "missing". ERP column names never
appear here (profiles map them), nor do database types (`warehouse/schema.py` has them, tested against this module).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import polars as pl

from routing_etl.errors import FrameError

AttributeKind = Literal["category", "code", "text", "number"]
Severity = Literal["critical", "warning"]

INHOUSE = "in"
OUTSOURCED = "out"

#: The largest number a DECIMAL(10, 2) of the output tables holds (docs/erp-contract.md 6.2).
MAX_OUTPUT = 99_999_999.99
#: The largest number a DECIMAL(18, 4) of the source views holds (docs/erp-contract.md 3).
MAX_SOURCE = 99_999_999_999_999.0

#: Where an operation's time comes from, best first.
TIME_SOURCES = ("actual_own", "actual_similar", "standard_similar", "model", "none")


@dataclass(frozen=True)
class Column:
    """One column: name, Polars dtype, unit, meaning, and whether NULL is allowed."""

    name: str
    dtype: pl.DataType
    meaning: str
    unit: str = ""
    nullable: bool = True
    max_length: int | None = None


@dataclass(frozen=True)
class Frame:
    """A named table contract. `open` frames may carry more columns than listed (item attributes)."""

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    open: bool = False

    @property
    def names(self) -> list[str]:
        """Column names in order."""
        return [c.name for c in self.columns]

    @property
    def schema(self) -> dict[str, pl.DataType]:
        """Column name to Polars dtype, in order."""
        return {c.name: c.dtype for c in self.columns}

    def __getitem__(self, name: str) -> Column:
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    def empty(self) -> pl.DataFrame:
        """A frame of no rows with the contract's columns and dtypes."""
        return pl.DataFrame(schema=self.schema)

    def conform(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Add missing nullable columns as NULL, cast, order; extra columns stay only in an open frame.

        Raises
        ------
        FrameError
            A non-nullable column is missing or holds NULL, or a cast is impossible.
        """
        if not self.open and dict(frame.schema) == self.schema and frame.columns == self.names:
            self.validate(frame)
            return frame
        missing = [c for c in self.columns if c.name not in frame.columns]
        required = [c.name for c in missing if not c.nullable]
        if required:
            raise FrameError(
                f"Frame {self.name} lacks column(s) {', '.join(required)}; it has {', '.join(frame.columns)}.",
                remedy="The step that makes this frame must fill every column that is not nullable.",
            )
        frame = frame.with_columns([pl.lit(None, dtype=c.dtype).alias(c.name) for c in missing])
        extra = [n for n in frame.columns if n not in self.schema] if self.open else []
        try:
            frame = frame.select(
                [pl.col(c.name).cast(c.dtype) for c in self.columns] + [pl.col(n) for n in extra]
            )
        except pl.exceptions.PolarsError as exc:
            raise FrameError(
                f"Frame {self.name} does not fit its contract: {exc}.", remedy="Cast before handing it over."
            ) from exc
        self.validate(frame)
        return frame

    def validate(self, frame: pl.DataFrame | pl.LazyFrame) -> None:
        """Check names, dtypes and, for an eager frame, NULLs in columns that allow none.

        Raises
        ------
        FrameError
            Names the frame, the column, what it is and what it must be.
        """
        schema = frame.collect_schema()
        for column in self.columns:
            if column.name not in schema:
                raise FrameError(
                    f"Frame {self.name} lacks column {column.name} ({column.dtype}).",
                    remedy="Run the step that makes this frame again.",
                )
            if schema[column.name] != column.dtype:
                raise FrameError(
                    f"Frame {self.name}: column {column.name} is {schema[column.name]}, must be {column.dtype}.",
                    remedy="Run the step that makes this frame again with this version of the product.",
                )
        if isinstance(frame, pl.DataFrame):
            nulls = {values.name: values.null_count() for values in frame.get_columns()}
            for column in self.columns:
                if not column.nullable and nulls[column.name]:
                    raise FrameError(
                        f"Frame {self.name}: column {column.name} holds {nulls[column.name]} NULL(s) but allows none.",
                        remedy="Reject such rows with a reason where they arise.",
                    )


@dataclass(frozen=True)
class AttributeSpec:
    """One item attribute that a model may use.

    `kind`: `category` (a value as it stands), `code` (high-cardinality code whose prefixes may mean something),
    `text` (free text), `number` (Float64, in `unit`; NULL when missing).
    """

    name: str
    kind: AttributeKind
    unit: str = ""
    source: str = ""


def write_attributes(path: Path, attributes: Iterable[AttributeSpec]) -> None:
    """Write the attribute list beside the items frame, as JSON."""
    path.write_text(
        json.dumps([asdict(a) for a in attributes], ensure_ascii=False, indent=1), encoding="utf-8"
    )


def read_attributes(path: Path) -> tuple[AttributeSpec, ...]:
    """Read what `write_attributes` wrote."""
    return tuple(AttributeSpec(**entry) for entry in json.loads(path.read_text(encoding="utf-8")))


@dataclass(frozen=True)
class TimeBasis:
    """How the work results report time (docs/erp-contract.md 9, questions 1-3).

    `time_factor_min`: minutes per reported unit (60 for hours). `run_basis`: what one reported machine time covers.
    `setup_basis`: what one reported set-up covers. `qty`: divide by ordered or by good pieces. `lot_size`: pieces per
    lot when the basis is `lot` and the result row has none. `half_life_days`: a report counts half as much as one that is
    so many days newer.
    """

    time_factor_min: float = 60.0
    run_basis: Literal["order", "lot", "piece"] = "order"
    setup_basis: Literal["order", "lot", "piece"] = "order"
    qty: Literal["ordered", "good"] = "ordered"
    lot_size: float | None = None
    half_life_days: float = 1500.0


@dataclass(frozen=True)
class CheckOutcome:
    """The result of one expectation on one frame, whatever engine checked it."""

    frame: str
    check: str
    expectation: str
    column: str | None
    severity: Severity
    success: bool
    observed: str
    expected: str
    rows_checked: int
    rows_unexpected: int
    sample: tuple[str, ...] = ()
    exception: str | None = None

    @property
    def blocks(self) -> bool:
        """A failed critical check stops the night."""
        return not self.success and self.severity == "critical"


STR, F64, F32 = pl.String(), pl.Float64(), pl.Float32()
I16, I32, I64, U64, BOOL, DATE = pl.Int16(), pl.Int32(), pl.Int64(), pl.UInt64(), pl.Boolean(), pl.Date()
DATETIME = pl.Datetime("us")


def _c(
    name: str,
    dtype: pl.DataType,
    meaning: str,
    unit: str = "",
    *,
    null: bool = True,
    length: int | None = None,
) -> Column:
    return Column(name, dtype, meaning, unit, null, length)


ITEM_CD = _c(
    "item_cd", STR, "item code exactly as the ERP holds it (a leading blank included)", null=False, length=100
)
ITEM_KEY = _c(
    "item_key", STR, "item code trimmed, NFKC, upper case: the only key for joins", null=False, length=100
)

ITEMS = Frame(
    "items",
    (
        ITEM_CD,
        ITEM_KEY,
        _c(
            "part_type",
            STR,
            "the ERP's part-type code: segment of the metrics and key of the baseline",
            length=50,
        ),
        _c("item_nm", STR, "item name, for people", length=500),
        _c("item_acct", STR, "item account", length=50),
        _c("marks", STR, "status marks found in the texts, joined by '|' (DEL, CHK)", length=50),
        _c("excluded", STR, "why the item is not used for training (NULL: it is used)", length=100),
        _c(
            "attribute_hash",
            U64,
            "hash of all attributes: equal for items that differ in their code only",
            null=False,
        ),
        _c(
            "item_hash", STR, "sha256 of the raw row, hex: tells new and changed items", null=False, length=64
        ),
    ),
    key=("item_key",),
    open=True,
)

OPERATIONS = Frame(
    "operations",
    (
        ITEM_CD,
        ITEM_KEY,
        _c("rout_no", STR, "routing number", null=False, length=50),
        _c("proc_seq", I32, "operation number, increasing inside a routing", null=False),
        _c("job_cd", STR, "job code: the type of work", length=50),
        _c("job_nm", STR, "job name", length=255),
        _c("res_cd", STR, "resource: machine, line or waiting pool", length=50),
        _c("res_nm", STR, "resource name", length=255),
        _c("inside", STR, "'in' in-house, 'out' outsourced", null=False, length=3),
        _c("setup_min", F64, "standard set-up, NULL when not maintained", "min/order"),
        _c("run_min", F64, "standard run time, base quantity divided out", "min/piece"),
        _c("act_setup_min", F64, "the routing's own 'A' set-up", "min/order"),
        _c("act_run_min", F64, "the routing's own 'A' run time", "min/piece"),
        _c("queue_min", F64, "queue time", "min"),
        _c("wait_min", F64, "wait time", "min"),
        _c("move_min", F64, "move time", "min"),
        _c("mfg_lt_days", F64, "outsourcing lead time", "d"),
        _c("batch_oper", STR, "'B' for a batch operation", length=8),
        _c("bp_cd", STR, "subcontractor code", length=50),
        _c("cust_nm", STR, "subcontractor name", length=255),
        _c("cur_cd", STR, "currency", length=20),
        _c("subcontract_prc", F64, "price of outside work; NULL when 0 or missing"),
        _c("tax_type", STR, "tax type", length=20),
        _c("insp_flg", STR, "'Y' on inspections", length=1),
        _c("milestone_flg", STR, "'Y' on milestones", length=1),
        _c("insrt_dt", DATETIME, "row inserted at"),
        _c("valid_from", DATE, "valid from"),
        _c("valid_to", DATE, "valid to"),
        _c(
            "rout_class",
            STR,
            "routing: 'in' all in-house, 'mixed', 'out' all outsourced",
            null=False,
            length=5,
        ),
        _c("routing_rank", I32, "0 the routing that counts, 1.. its alternates", null=False),
        _c("decided_by", STR, "which rule put the routing at its rank", null=False, length=40),
        _c("rout_date", DATETIME, "routing: latest readable insert time of its rows"),
        _c("rout_valid", BOOL, "routing: valid on the cut-off date", null=False),
    ),
    key=("item_key", "rout_no", "proc_seq"),
)

WORK_RESULTS = Frame(
    "work_results",
    (
        ITEM_KEY,
        _c("rout_no", STR, "routing number", length=50),
        _c("proc_seq", I32, "operation number", null=False),
        _c("job_cd", STR, "job code", null=False, length=50),
        _c("res_cd", STR, "resource actually used", length=50),
        _c("report_dt", DATE, "report date"),
        _c("machine_time", F64, "machine time as reported; unit and basis in TimeBasis"),
        _c("setup_time", F64, "set-up time as reported; unit and basis in TimeBasis"),
        _c("hold_time", F64, "hold time as reported, to be deducted"),
        _c("order_qty", F64, "pieces ordered"),
        _c("bad_qty", F64, "pieces rejected"),
        _c(
            "match_level",
            STR,
            "'routing' joined with routing number, 'operation' without",
            null=False,
            length=12,
        ),
    ),
    key=(),
)

PURCHASE_ORDERS = Frame(
    "purchase_orders",
    (
        ITEM_KEY,
        _c("po_no", STR, "order number", null=False, length=50),
        _c("po_date", DATE, "order date"),
        _c("qty", F64, "quantity in the item's stock unit"),
    ),
    key=("po_no", "item_key"),
)

REJECTS = Frame(
    "rejects",
    (
        _c(
            "source_table",
            STR,
            "canonical source: items, operations, work_results, purchase_orders",
            null=False,
            length=40,
        ),
        _c("row_key", STR, "the row's key, parts joined by ' / '", null=False, length=300),
        _c("rule", STR, "rule that rejected it, e.g. duplicate_key", null=False, length=60),
        _c("reason", STR, "one sentence for people", null=False, length=400),
        _c("raw_values", STR, "the raw row as JSON", null=False, length=4000),
    ),
    key=(),
)

#: Of the run times of a profile. A piece of a lot of q takes run time x (q / run_lot) ** run_lot_exponent.
_LOT = (
    _c("run_lot", F64, "usual lot, which the run times are for: geometric mean of the orders", "pieces"),
    _c(
        "run_lot_exponent",
        F64,
        "how the run time goes with the lot: 0 not at all, -1 the order always takes the same",
    ),
)

_STATS = (
    _c("n", I64, "samples used", null=False),
    _c("n_removed", I64, "samples kept out as entry errors or outliers", null=False),
    _c("mean", F64, "mean"),
    _c("trim_mean", F64, "trimmed mean: the standard time STD"),
    _c("std", F64, "standard deviation, ddof 0"),
    _c("cv", F64, "std / mean"),
    _c("p10", F64, "10 % quantile"),
    _c("p50", F64, "median"),
    _c("p90", F64, "90 % quantile"),
    _c("optimal", F64, "OPT"),
    _c("standard", F64, "STD"),
    _c("safe", F64, "SAFE"),
)


def _profile(name: str, keys: tuple[Column, ...]) -> Frame:
    measures = tuple(
        Column(
            f"{m}_{s.name}",
            s.dtype,
            f"{'set-up' if m == 'setup' else 'run'}: {s.meaning}",
            "" if s.name in ("n", "n_removed", "cv") else ("min/order" if m == "setup" else "min/piece"),
            s.nullable,
        )
        for m in ("setup", "run")
        for s in _STATS
    )
    return Frame(
        name,
        (*keys, *measures, *_LOT, _c("last_report_dt", DATE, "newest sample")),
        key=tuple(k.name for k in keys),
    )


_JOB = _c("job_cd", STR, "job code", null=False, length=50)
_RES = _c("res_cd", STR, "resource used", null=False, length=50)
_SEQ = _c("proc_seq", I32, "operation number", null=False)

#: Time profiles, from the most to the least specific. Set-up in minutes per order, run in minutes per piece.
TIME_BY_ITEM_OPERATION = _profile("time_by_item_operation", (ITEM_KEY, _SEQ, _JOB))
TIME_BY_JOB_RESOURCE = _profile("time_by_job_resource", (_JOB, _RES))
TIME_BY_JOB = _profile("time_by_job", (_JOB,))

RANK = _c("candidate_rank", I16, "1 is the best", null=False)

CANDIDATES = Frame(
    "candidates",
    (
        ITEM_CD,
        ITEM_KEY,
        RANK,
        _c("candidate_id", STR, "{ITEM_CD}_C{nn}", null=False, length=110),
        _c("routing_signature", STR, "first four job names joined by '+'", null=False, length=200),
        _c("routing_code", STR, "all job codes joined by '>'", null=False, length=1000),
        _c("similarity_score", F64, "similarity of the reference item, 0..1", null=False),
        _c("confidence", F64, "probability that this candidate is the engineer's routing", null=False),
        _c("priority", STR, "'primary' or 'fallback'", null=False, length=16),
        _c("similarity_tier", STR, "'HIGH' from the threshold on, else 'LOW'", null=False, length=8),
        _c(
            "reference_item_cd", STR, "item whose routing supports it most; first of its evidence", length=100
        ),
        _c("rout_no", STR, "routing number it is copied from", length=50),
        _c("routing_source", STR, "'similar' or 'self'", null=False, length=16),
        _c("process_count", I32, "number of operations", null=False),
        _c("work_order_count", I64, "work results behind its times", null=False),
        _c("work_order_confidence", F64, "mean of the operations' WORK_ORDER_CONFIDENCE"),
        _c("neighbour_count", I32, "neighbours that voted for it", null=False),
        _c("support", F64, "share of the neighbours' weight that voted for it", null=False),
        _c("matched_attributes", STR, "attributes equal in the item and its reference", length=1000),
        _c("item_hash", STR, "sha256 of the item's raw row", length=64),
    ),
    key=("item_key", "candidate_rank"),
)

CANDIDATE_OPERATIONS = Frame(
    "candidate_operations",
    (
        ITEM_CD,
        ITEM_KEY,
        RANK,
        _c("proc_seq", I16, "10, 20, 30 ...", null=False),
        _c("inside", STR, "'in' or 'out'", null=False, length=3),
        _c("job_cd", STR, "job code", null=False, length=32),
        _c("job_nm", STR, "job name", length=64),
        _c("res_cd", STR, "resource", length=32),
        _c("res_nm", STR, "resource name", length=64),
        _c("rout_order", STR, "F first, I inside, L last", null=False, length=32),
        _c("setup_time", F64, "set-up to plan with; NULL when unknown", "min/order"),
        _c("run_time", F64, "run time to plan with (P50); NULL when unknown", "min/piece"),
        _c("setup_p10", F64, "10 % quantile of set-up", "min/order"),
        _c("setup_p90", F64, "90 % quantile of set-up", "min/order"),
        _c("run_p10", F64, "10 % quantile of run time", "min/piece"),
        _c("run_p50", F64, "median of run time", "min/piece"),
        _c("run_p90", F64, "90 % quantile of run time", "min/piece"),
        _c("optimal_time", F64, "OPT of run time", "min/piece"),
        _c("standard_time", F64, "STD of run time", "min/piece"),
        _c("safe_time", F64, "SAFE of run time", "min/piece"),
        _c("time_cv", F64, "std / mean of the run times behind it"),
        _c("lot_size", F64, "usual lot, which the run times are for; NULL without work results", "pieces"),
        _c("lot_exponent", F64, "a piece of a lot of q takes run time x (q / lot_size) ** lot_exponent"),
        _c("act_setup_time", F64, "set-up from actuals, NULL when there are none", "min/order"),
        _c("act_run_time", F64, "run time from actuals, NULL when there are none", "min/piece"),
        _c("queue_time", F64, "queue", "min"),
        _c("wait_time", F64, "wait", "min"),
        _c("move_time", F64, "move", "min"),
        _c("mfg_lt", F64, "outsourcing lead time", "d"),
        _c("batch_oper", STR, "'B' or NULL", length=8),
        _c("bp_cd", STR, "subcontractor", length=16),
        _c("cust_nm", STR, "its name", length=64),
        _c("cur_cd", STR, "currency", length=8),
        _c("subcontract_prc", F64, "price of outside work"),
        _c("tax_type", STR, "tax type", length=8),
        _c("insp_flg", STR, "'Y' on inspections, else 'N'", null=False, length=1),
        _c("milestone_flg", STR, "'Y' or 'N'", null=False, length=1),
        _c("confidence", F64, "probability that the engineer's routing has this job here", null=False),
        _c("support", F64, "share of the neighbours' weight that has the operation", null=False),
        _c(
            "sample_count",
            I64,
            "work results behind run_time, or behind setup_time where that alone is known",
            null=False,
        ),
        _c("time_source", STR, "one of TIME_SOURCES", null=False, length=20),
        _c("time_confidence", F64, "n/(n+2) rule of the contract, 0..1; NULL without actuals"),
        _c("source_items", STR, "items whose actuals or standards gave the time, joined by ','", length=200),
        _c("source_similarity", F64, "their mean similarity"),
        _c("source_rout_no", STR, "routing the operation is copied from", length=50),
    ),
    key=("item_key", "candidate_rank", "proc_seq"),
)

#: Alternatives hang on the job and its main resource, not on an item, as in the ERP's RES table.
RESOURCE_ALTERNATIVES = Frame(
    "resource_alternatives",
    (
        _c("job_cd", STR, "job code", null=False, length=32),
        _c("res_cd", STR, "resource that may run the job", null=False, length=32),
        _c("res_nm", STR, "its name", length=64),
        _c("alternative_rank", I16, "1 is the most used for the job; waiting pools last", null=False),
        _c("is_pool", BOOL, "a waiting pool, not a machine", null=False),
        _c("use_count", I64, "routing rows and work results that had it", null=False),
        _c("use_share", F64, "its share among the job's resources", null=False),
        _c("last_used", DATE, "newest work result or routing with it"),
    ),
    key=("job_cd", "res_cd"),
)

CANDIDATE_EVIDENCE = Frame(
    "candidate_evidence",
    (
        ITEM_CD,
        ITEM_KEY,
        RANK,
        _c("evidence_rank", I16, "1 is the strongest", null=False),
        _c("neighbour_item_cd", STR, "similar item", null=False, length=100),
        _c("neighbour_rout_no", STR, "its routing", length=50),
        _c("similarity", F64, "0..1", null=False),
        _c(
            "weight",
            F64,
            "share of the vote for this candidate; 0 for a reference with another routing",
            null=False,
        ),
        _c("matching", STR, "attributes that agree, by name", length=1000),
        _c("differing", STR, "attributes that differ: name: item's -> neighbour's", length=1000),
    ),
    key=("item_key", "candidate_rank", "evidence_rank"),
)

ABSTAINED = Frame(
    "abstained",
    (
        ITEM_CD,
        ITEM_KEY,
        _c(
            "reason_code",
            STR,
            "no_similar_item, unseen_part_type, unseen_value, no_attributes",
            null=False,
            length=40,
        ),
        _c("reason", STR, "one sentence for people", null=False, length=400),
        _c("best_similarity", F64, "similarity of the nearest item, NULL when there is none"),
    ),
    key=("item_key",),
)

METRICS = Frame(
    "metrics",
    (
        _c(
            "method",
            STR,
            "'model', 'nearest_copy', 'majority_part_type', 'legacy', 'oracle', 'ceiling'",
            null=False,
            length=40,
        ),
        _c("split", STR, "'time', 'family', 'loo'", null=False, length=40),
        _c("segment", STR, "'all' or kind:value", null=False, length=100),
        _c("metric", STR, "metric name", null=False, length=64),
        _c("value", F64, "NULL when it could not be measured"),
        _c("low", F64, "lower end of the 95 % bootstrap interval"),
        _c("high", F64, "upper end"),
        _c("n", I64, "items or operations it was measured on", null=False),
        _c("reason", STR, "why value is NULL", length=400),
    ),
    key=("method", "split", "segment", "metric"),
)

FRAMES: dict[str, Frame] = {
    f.name: f
    for f in (
        ITEMS, OPERATIONS, WORK_RESULTS, PURCHASE_ORDERS, REJECTS, TIME_BY_ITEM_OPERATION, TIME_BY_JOB_RESOURCE,
        TIME_BY_JOB, CANDIDATES, CANDIDATE_OPERATIONS, RESOURCE_ALTERNATIVES, CANDIDATE_EVIDENCE, ABSTAINED, METRICS,
    )
}  # fmt: skip


@dataclass(frozen=True)
class TimeEvidence:
    """The three time profiles, as the model takes them."""

    by_item_operation: pl.DataFrame
    by_job_resource: pl.DataFrame
    by_job: pl.DataFrame

    def without_items(self, item_keys: Sequence[str] | pl.Series) -> TimeEvidence:
        """Hide these items' own results. The pooled profiles must be rebuilt by the caller where that matters."""
        hidden = pl.Series(item_keys, dtype=pl.String).implode()
        return TimeEvidence(
            self.by_item_operation.filter(~pl.col("item_key").is_in(hidden)),
            self.by_job_resource,
            self.by_job,
        )

    @classmethod
    def none(cls) -> TimeEvidence:
        """No work results at all."""
        return cls(TIME_BY_ITEM_OPERATION.empty(), TIME_BY_JOB_RESOURCE.empty(), TIME_BY_JOB.empty())


@dataclass(frozen=True)
class Predictions:
    """What scoring returns: one frame per published table, each keeping its contract."""

    candidates: pl.DataFrame
    operations: pl.DataFrame
    resources: pl.DataFrame
    evidence: pl.DataFrame
    abstained: pl.DataFrame

    def frames(self) -> dict[str, pl.DataFrame]:
        """Frame name to frame, by the names of `FRAMES`."""
        return {
            CANDIDATES.name: self.candidates,
            CANDIDATE_OPERATIONS.name: self.operations,
            RESOURCE_ALTERNATIVES.name: self.resources,
            CANDIDATE_EVIDENCE.name: self.evidence,
            ABSTAINED.name: self.abstained,
        }


def key_of(code: pl.Expr) -> pl.Expr:
    """Item or join key of a raw code: NFKC, blanks and control characters collapsed, trimmed, upper case. The one place for it."""
    return (
        code.cast(pl.String)
        .str.normalize("NFKC")
        .str.replace_all(r"[\s\p{Cc}]+", " ")
        .str.strip_chars()
        .str.to_uppercase()
    )


def describe(frame: Frame) -> list[dict[str, Any]]:
    """The contract as rows for a table or a data dictionary."""
    return [
        {"column": c.name, "type": str(c.dtype), "unit": c.unit, "null": c.nullable, "meaning": c.meaning}
        for c in frame.columns
    ]
