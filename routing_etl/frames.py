"""The canonical frames: what travels between the rooms, column by column.

This is the one source of truth for the shape of every Parquet file in a run folder. A frame holds canonical
values only: minutes, millimetres, `in` / `out` for in-house / outsourced, NULL for every spelling of
"missing". ERP column names do not appear here (source profiles map them), nor do database types
(`warehouse/schema.py` has them, tested against this module).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import polars as pl

from routing_etl.errors import FrameError

AttributeKind = Literal["category", "code", "text", "number"]
Severity = Literal["critical", "warning"]

INHOUSE = "in"
OUTSOURCED = "out"

#: The largest number that a DECIMAL(10, 2) of the ERP-shaped views holds (docs/erp-contract.md 6.2).
MAX_OUTPUT = 99_999_999.99
#: The largest number that a DECIMAL(18, 4) of the source views holds (docs/erp-contract.md 3).
MAX_SOURCE = 99_999_999_999_999.0

#: Confidence below which a candidate is a fallback whatever it resembles: another routing is as likely.
LEAST_PRIMARY = 0.5

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
    """The contract of a named frame. An `open` frame may carry more columns than listed (item attributes)."""

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
        """A frame without rows, with the contract's columns and dtypes."""
        return pl.DataFrame(schema=self.schema)

    def conform(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Bring a frame into its contract's shape.

        Missing nullable columns are added as NULL, columns are cast and ordered; other columns stay in an
        open frame only.

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
        """Check names, dtypes and, in an eager frame, that columns without NULLs have none.

        Raises
        ------
        FrameError
            A column breaks the contract; names the frame, the column, what it is and what it must be.
        """
        schema = frame.collect_schema()
        for column in self.columns:
            if column.name not in schema:
                raise FrameError(
                    f"Frame {self.name} lacks column {column.name} ({column.dtype}).",
                    remedy="Another version of the product has made it, or another program. Make it again: routing-etl run",
                )
            if schema[column.name] != column.dtype:
                raise FrameError(
                    f"Frame {self.name}: column {column.name} is {schema[column.name]}, must be {column.dtype}.",
                    remedy="Another version of the product has made it, or another program. Make it again: routing-etl run",
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

    Parameters
    ----------
    name : str
        Column of the ITEMS frame.
    kind : AttributeKind
        `category` (few values without an order), `code` (many values whose prefixes may have a meaning), `text` (free
        text) or `number` (Float64 in `unit`).
    unit : str, default ''
        Unit of a number.
    source : str, default ''
        The ERP's column, for people.
    """

    name: str
    kind: AttributeKind
    unit: str = ""
    source: str = ""


def write_attributes(path: Path, attributes: Iterable[AttributeSpec]) -> None:
    """Write the attribute list as JSON."""
    path.write_text(
        json.dumps([asdict(a) for a in attributes], ensure_ascii=False, indent=1), encoding="utf-8"
    )


def read_attributes(path: Path) -> tuple[AttributeSpec, ...]:
    """Read an attribute list that `write_attributes` wrote."""
    return tuple(AttributeSpec(**entry) for entry in json.loads(path.read_text(encoding="utf-8")))


@dataclass(frozen=True)
class TimeBasis:
    """How the work results report time (docs/erp-contract.md 9). Part of the source profile.

    Parameters
    ----------
    time_factor_min : float, default 60.0
        Minutes per reported unit: 60 for hours.
    run_basis : {'order', 'lot', 'piece'}, default 'order'
        What one reported machine time covers.
    setup_basis : {'order', 'lot', 'piece'}, default 'order'
        What one reported set-up time covers.
    qty : {'ordered', 'good'}, default 'ordered'
        Whether the pieces of a report are those ordered or those that were good.
    lot_size : float, optional
        Pieces per lot. Required if a basis is `lot`.
    half_life_days : float, default 1500.0
        A report counts half as much as one that is this many days newer.
    """

    time_factor_min: float = 60.0
    run_basis: Literal["order", "lot", "piece"] = "order"
    setup_basis: Literal["order", "lot", "piece"] = "order"
    qty: Literal["ordered", "good"] = "ordered"
    lot_size: float | None = None
    half_life_days: float = 1500.0


@dataclass(frozen=True)
class CheckOutcome:
    """The result of one expectation on one frame."""

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
        """Whether the check stops the night: it is critical and failed."""
        return not self.success and self.severity == "critical"


STR, F64, F32 = pl.String(), pl.Float64(), pl.Float32()
I16, I32, I64, U64, BOOL, DATE = pl.Int16(), pl.Int32(), pl.Int64(), pl.UInt64(), pl.Boolean(), pl.Date()
DATETIME = pl.Datetime("us")


ITEM_CD = Column(
    "item_cd",
    STR,
    "item code exactly as the ERP holds it (a leading blank included)",
    nullable=False,
    max_length=100,
)
ITEM_KEY = Column(
    "item_key",
    STR,
    "item code trimmed, NFKC, upper case: the only key for joins",
    nullable=False,
    max_length=100,
)

ITEMS = Frame(
    "items",
    (
        ITEM_CD,
        ITEM_KEY,
        Column(
            "part_type",
            STR,
            "the ERP's part-type code: segment of the metrics and key of the baseline",
            max_length=50,
        ),
        Column("item_nm", STR, "item name, for people", max_length=500),
        Column("item_acct", STR, "item account", max_length=50),
        Column("marks", STR, "status marks found in the texts, joined by '|' (DEL, CHK)", max_length=50),
        Column("excluded", STR, "why the item is not used for training (NULL: it is used)", max_length=100),
        Column(
            "attribute_hash",
            U64,
            "hash of all attributes: equal for items that differ in their code only",
            nullable=False,
        ),
        Column(
            "item_hash",
            STR,
            "sha256 of the raw row, hex: tells new and changed items",
            nullable=False,
            max_length=64,
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
        Column("rout_no", STR, "routing number", nullable=False, max_length=50),
        Column("proc_seq", I32, "operation number, increasing inside a routing", nullable=False),
        Column("job_cd", STR, "job code: the type of work", max_length=50),
        Column("job_nm", STR, "job name", max_length=255),
        Column("res_cd", STR, "resource: machine, line or waiting pool", max_length=50),
        Column("res_nm", STR, "resource name", max_length=255),
        Column("inside", STR, "'in' in-house, 'out' outsourced", nullable=False, max_length=3),
        Column("setup_min", F64, "standard set-up, NULL when not maintained", "min/order"),
        Column("run_min", F64, "standard run time, base quantity divided out", "min/piece"),
        Column("act_setup_min", F64, "the routing's own 'A' set-up", "min/order"),
        Column("act_run_min", F64, "the routing's own 'A' run time", "min/piece"),
        Column("queue_min", F64, "queue time", "min"),
        Column("wait_min", F64, "wait time", "min"),
        Column("move_min", F64, "move time", "min"),
        Column("mfg_lt_days", F64, "outsourcing lead time", "d"),
        Column("batch_oper", STR, "'B' for a batch operation", max_length=8),
        Column("bp_cd", STR, "subcontractor code", max_length=50),
        Column("cust_nm", STR, "subcontractor name", max_length=255),
        Column("cur_cd", STR, "currency", max_length=20),
        Column("subcontract_prc", F64, "price of outside work; NULL when 0 or missing"),
        Column("tax_type", STR, "tax type", max_length=20),
        Column("insp_flg", STR, "'Y' on inspections", max_length=1),
        Column("milestone_flg", STR, "'Y' on milestones", max_length=1),
        Column("insrt_dt", DATETIME, "row inserted at"),
        Column("valid_from", DATE, "valid from"),
        Column("valid_to", DATE, "valid to"),
        Column(
            "rout_class",
            STR,
            "routing: 'in' all in-house, 'mixed', 'out' all outsourced",
            nullable=False,
            max_length=5,
        ),
        Column("routing_rank", I32, "0 the routing that counts, 1.. its alternates", nullable=False),
        Column("decided_by", STR, "which rule put the routing at its rank", nullable=False, max_length=40),
        Column("rout_date", DATETIME, "routing: latest readable insert time of its rows"),
        Column("rout_valid", BOOL, "routing: valid on the cut-off date", nullable=False),
        Column("oper_no", STR, "number by which the ERP knows it, where that is not proc_seq", max_length=50),
        Column(
            "res_was",
            STR,
            "machine that the routing names, where it is out of use by the machine master",
            max_length=50,
        ),
        Column("further_res", STR, "machines that can stand in for res_cd, the preferred first, one a line"),
    ),
    key=("item_key", "rout_no", "proc_seq"),
)

WORK_RESULTS = Frame(
    "work_results",
    (
        ITEM_KEY,
        Column("rout_no", STR, "routing number", max_length=50),
        Column("proc_seq", I32, "operation number", nullable=False),
        Column("job_cd", STR, "job code", nullable=False, max_length=50),
        Column("res_cd", STR, "resource actually used; NULL where it is out of use", max_length=50),
        Column("report_dt", DATE, "report date"),
        Column("machine_time", F64, "machine time as reported; unit and basis in TimeBasis"),
        Column("setup_time", F64, "set-up time as reported; unit and basis in TimeBasis"),
        Column("hold_time", F64, "hold time as reported, to be deducted"),
        Column("order_qty", F64, "pieces ordered"),
        Column("bad_qty", F64, "pieces rejected"),
        Column(
            "match_level",
            STR,
            "'routing' joined with routing number, 'operation' without",
            nullable=False,
            max_length=12,
        ),
        Column("order_no", STR, "production order; NULL where the ERP names none", max_length=50),
        Column("parts", I32, "rows of the ERP that make up this result; NULL: one"),
        Column("time_unit", STR, "unit that the times were reported in, where rows name one", max_length=20),
        Column(
            "qty_unit", STR, "unit that the quantities were reported in, where rows name one", max_length=20
        ),
        Column("machine_gone", BOOL, "made on a machine that is out of use by now; NULL: not"),
    ),
    key=(),
)

PURCHASE_ORDERS = Frame(
    "purchase_orders",
    (
        ITEM_KEY,
        Column("po_no", STR, "order number", nullable=False, max_length=50),
        Column("po_date", DATE, "order date"),
        Column("qty", F64, "quantity in the item's stock unit"),
    ),
    key=("po_no", "item_key"),
)

REJECTS = Frame(
    "rejects",
    (
        Column(
            "source_table",
            STR,
            "canonical source: items, operations, work_results, purchase_orders",
            nullable=False,
            max_length=40,
        ),
        Column("row_key", STR, "the row's key, parts joined by ' / '", nullable=False, max_length=300),
        Column("rule", STR, "rule that rejected it, e.g. duplicate_key", nullable=False, max_length=60),
        Column("reason", STR, "one sentence for people", nullable=False, max_length=400),
        Column("raw_values", STR, "the raw row as JSON", nullable=False, max_length=4000),
    ),
    key=(),
)

#: Spellings of codes that are not kept, because another spelling of the same code has more rows.
CODE_SPELLINGS = Frame(
    "code_spellings",
    (
        Column("code_column", STR, "column of the canonical frames", nullable=False, max_length=40),
        Column("spelling", STR, "spelling in the ERP", nullable=False, max_length=100),
        Column("rows", I64, "raw rows that have it, over all frames", nullable=False),
        Column("kept", STR, "spelling that it is counted as", nullable=False, max_length=100),
        Column("kept_rows", I64, "raw rows that have the kept spelling", nullable=False),
    ),
    key=("code_column", "spelling"),
)

#: What was counted in the ERP beside the rows that were read: where rows or codes are lost, multiplied or not told apart.
SOURCE_COUNTS = Frame(
    "source_counts",
    (
        Column(
            "frame",
            STR,
            "canonical source: items, operations, work_results, purchase_orders",
            nullable=False,
            max_length=40,
        ),
        Column("rule", STR, "what was counted, e.g. join_multiplies", nullable=False, max_length=40),
        Column("subject", STR, "the join, filter or column meant; blank for the table", nullable=False),
        Column("rows", I64, "rows or codes that the rule found", nullable=False),
        Column("of_rows", I64, "rows or codes that it looked at", nullable=False),
        Column("told", STR, "one sentence for people", nullable=False),
    ),
    key=("frame", "rule", "subject"),
)

#: Lot of a profile's run times. In a lot of q pieces, one piece takes run time x (q / run_lot) ** run_lot_exponent.
_LOT = (
    Column("run_lot", F64, "usual lot, for which the run times are: geometric mean of the orders", "pieces"),
    Column(
        "run_lot_exponent",
        F64,
        "how run time depends on the lot: 0 not at all, -1 an order takes the same time whatever its size",
    ),
)

_STATS = (
    Column("n", I64, "samples used", nullable=False),
    Column("n_removed", I64, "samples kept out as entry errors or outliers", nullable=False),
    Column("mean", F64, "mean"),
    Column("trim_mean", F64, "trimmed mean: the standard time STD"),
    Column("std", F64, "standard deviation, ddof 0"),
    Column("cv", F64, "std / mean"),
    Column("p10", F64, "10 % quantile"),
    Column("p50", F64, "median"),
    Column("p90", F64, "90 % quantile"),
    Column("optimal", F64, "OPT"),
    Column("standard", F64, "STD"),
    Column("safe", F64, "SAFE"),
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
        (*keys, *measures, *_LOT, Column("last_report_dt", DATE, "newest sample")),
        key=tuple(k.name for k in keys),
    )


_JOB = Column("job_cd", STR, "job code", nullable=False, max_length=50)
_RES = Column("res_cd", STR, "resource used", nullable=False, max_length=50)
_SEQ = Column("proc_seq", I32, "operation number", nullable=False)

#: Time profiles, from the most to the least specific. Set-up in minutes per order, run in minutes per piece.
TIME_BY_ITEM_OPERATION = _profile("time_by_item_operation", (ITEM_KEY, _SEQ, _JOB))
TIME_BY_JOB_RESOURCE = _profile("time_by_job_resource", (_JOB, _RES))
TIME_BY_JOB = _profile("time_by_job", (_JOB,))

#: What the review of standard times says of a measured time, in the order in which it is asked.
REVIEW_VERDICTS: dict[str, str] = {
    "posted": "the reports repeat the standard or one number: posted, not measured",
    "few_orders": "too few orders for an interval",
    "no_standard": "the ERP has no standard time",
    "differs": "the interval excludes the standard by more than the tolerance, false alarms controlled",
    "agrees": "the interval lies within the tolerance around the standard",
    "open": "the orders so far decide neither",
}

#: Standard times of valid routings beside what was measured; `measure` is `run` (minutes per piece) or `setup` (per order).
STANDARD_TIMES = Frame(
    "standard_times",
    (
        ITEM_CD,
        ITEM_KEY,
        Column("rout_no", STR, "routing number", nullable=False, max_length=50),
        _SEQ,
        Column("measure", STR, "'run' (min/piece) or 'setup' (min/order)", nullable=False, max_length=5),
        _JOB,
        Column("job_nm", STR, "job name", max_length=255),
        Column("res_cd", STR, "resource of the routing", max_length=50),
        Column("standard_min", F64, "the ERP's standard; NULL when not maintained", "min"),
        Column("standard_date", DATE, "day on which the ERP's row was written"),
        Column("measured_min", F64, "median of the orders, newer ones weighing more", "min", nullable=False),
        Column("low_min", F64, "lower end of the 95 % order-statistic interval of the median", "min"),
        Column("high_min", F64, "upper end", "min"),
        Column(
            "orders",
            I64,
            "orders behind it: those since the last change of the reports; 0 where every report was kept out",
            nullable=False,
        ),
        Column("orders_all", I64, "usable orders in all", nullable=False),
        Column("first_report", DATE, "oldest dated order of all"),
        Column("last_report", DATE, "newest dated order of all"),
        Column("lot_size", F64, "usual lot, which a run time is for; NULL for set-up", "pieces"),
        Column(
            "lot_exponent", F64, "a piece of a lot of q takes measured_min x (q / lot_size) ** lot_exponent"
        ),
        Column("difference_min", F64, "measured - standard", "min"),
        Column("ratio", F64, "measured / standard"),
        Column("verdict", STR, "a key of REVIEW_VERDICTS", nullable=False, max_length=12),
        Column("sure", BOOL, "the verdict is 'differs'", nullable=False),
        Column("p_value", F64, "of the sign test against the tolerance around the standard"),
        Column("changed_on", DATE, "last day on which the level of the reports changed, if it did"),
        Column(
            "differs_since", DATE, "from when the reports differ from the standard; NULL: see since_basis"
        ),
        Column("since_basis", STR, "where differs_since comes from, or why it is NULL", max_length=100),
        Column("proposed_min", F64, "proposed standard, rounded as the ERP's are", "min"),
        Column("no_proposal", STR, "why nothing is proposed", max_length=200),
        Column(
            "orders_year", I64, "orders of the 12 months before the plant's newest report", nullable=False
        ),
        Column("pieces_year", F64, "pieces of these orders; NULL when no quantity is known", "pieces"),
        Column(
            "hours_year",
            F64,
            "planned hours a year that the proposal adds or, below 0, removes (a sure difference without one: the measured "
            "time; no standard counts as 0 planned hours); NULL where nothing is sure or no report has a date",
            "h",
        ),
    ),
    key=("item_key", "rout_no", "proc_seq", "measure"),
)

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
        Column("matching", STR, "attributes that agree, by name", max_length=1000),
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
        Column("text_attribute", STR, "attribute whose text tells it", nullable=False),
        Column("size", F64, "in the attribute's unit", nullable=False),
        Column("column_value", F64, "what the attribute's column has; NULL: nothing, and the size is used"),
        Column("contradicts", BOOL, "the column has another size, and is used", nullable=False),
    ),
    key=("item_key", "attribute"),
)

METRICS = Frame(
    "metrics",
    (
        Column(
            "method",
            STR,
            "'model', 'nearest_copy', 'majority_part_type', 'legacy', 'oracle', 'ceiling'",
            nullable=False,
            max_length=40,
        ),
        Column(
            "split", STR, "'recent', 'time', 'family', 'loo', 'type', 'since'", nullable=False, max_length=40
        ),
        Column("segment", STR, "'all' or kind:value", nullable=False, max_length=100),
        Column("metric", STR, "metric name", nullable=False, max_length=64),
        Column("value", F64, "NULL when it could not be measured"),
        Column("low", F64, "lower end of the 95 % bootstrap interval"),
        Column("high", F64, "upper end"),
        Column("n", I64, "items or operations it was measured on", nullable=False),
        Column("reason", STR, "why value is NULL", max_length=400),
    ),
    key=("method", "split", "segment", "metric"),
)

FRAMES: dict[str, Frame] = {
    f.name: f
    for f in (
        ITEMS, OPERATIONS, WORK_RESULTS, PURCHASE_ORDERS, REJECTS, TIME_BY_ITEM_OPERATION, TIME_BY_JOB_RESOURCE,
        TIME_BY_JOB, STANDARD_TIMES, CANDIDATES, CANDIDATE_OPERATIONS, RESOURCE_ALTERNATIVES, CANDIDATE_EVIDENCE, ABSTAINED,
        SIZES_FROM_TEXTS, METRICS,
    )
}  # fmt: skip


@dataclass(frozen=True)
class TimeEvidence:
    """The three time profiles that the model learns from."""

    by_item_operation: pl.DataFrame
    by_job_resource: pl.DataFrame
    by_job: pl.DataFrame

    @classmethod
    def none(cls) -> TimeEvidence:
        """Profiles of a plant without work results."""
        return cls(TIME_BY_ITEM_OPERATION.empty(), TIME_BY_JOB_RESOURCE.empty(), TIME_BY_JOB.empty())


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


def key_of(code: pl.Expr) -> pl.Expr:
    """The key of a raw code: NFKC, runs of blanks and control characters as one blank, trimmed, upper case.

    Codes with one key are one code everywhere, items as well as jobs and machines: case, width and blanks do not tell codes
    apart, accents do. The database may call more codes equal (docs/decisions/0013-one-identity-for-a-code.md).
    """
    return (
        code.cast(pl.String)
        .str.normalize("NFKC")
        .str.replace_all(r"[\s\p{Cc}]+", " ")
        .str.strip_chars()
        .str.to_uppercase()
    )
