"""The ERP's data: its clean frames, the rows that were rejected, and what was counted in the ERP beside them.

Belongs here: what the rooms get to know of the ERP, with the item attributes and the key of a code. Does not: times that
are made of the work results (`times`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import polars as pl

from routing_etl.frames.contract import BOOL, DATE, DATETIME, F64, I32, I64, STR, U64, Column, Frame

AttributeKind = Literal["category", "code", "text", "number"]

#: Values of `inside` in OPERATIONS and CANDIDATE_OPERATIONS.
INHOUSE = "in"
OUTSOURCED = "out"

#: The largest number that a DECIMAL(18, 4) of the source views holds (docs/erp-contract.md 3).
MAX_SOURCE = 99_999_999_999_999.0


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
    zero : bool, default False
        Whether 0 is a value of a number, such as a count, and not a spelling of "missing".
    """

    name: str
    kind: AttributeKind
    unit: str = ""
    source: str = ""
    zero: bool = False


#: Models are saved with their attributes: a pickle names the class by the path that every version of the program has.
AttributeSpec.__module__ = "routing_etl.frames"


def write_attributes(path: Path, attributes: Iterable[AttributeSpec]) -> None:
    """Write the attribute list as JSON."""
    path.write_text(
        json.dumps([asdict(a) for a in attributes], ensure_ascii=False, indent=1), encoding="utf-8"
    )


def read_attributes(path: Path) -> tuple[AttributeSpec, ...]:
    """Read an attribute list that `write_attributes` wrote."""
    return tuple(AttributeSpec(**entry) for entry in json.loads(path.read_text(encoding="utf-8")))


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
        Column("run_per_order", BOOL, "its run time is for the order and in setup_min; NULL: for pieces"),
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

#: Which machines belong to one work centre group, by the machine master; machines of several groups are not among them.
WORK_CENTRE_GROUPS = Frame(
    "work_centre_groups",
    (
        Column("res_cd", STR, "machine", nullable=False, max_length=100),
        Column("res_group", STR, "its group", nullable=False, max_length=100),
    ),
    key=("res_cd",),
)

#: Share of its rows that an inner join may drop before somebody should look at it.
MOST_DROPPED = 0.05

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
