"""The columns of the raw frames, which a profile maps to, and what is fixed about them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

ReadType = Literal["text", "integer", "number", "date"]


Family = Literal["items", "operations", "results", "purchase_orders", "resources"]


ChangeKind = Literal["rowversion", "date", "number"]


@dataclass(frozen=True)
class RawColumn:
    """A column of a raw frame, before cleaning.

    Parameters
    ----------
    name : str
        Canonical name, the key under `[<section>.columns]`.
    type : {"text", "integer", "number", "date"}
        How it is read. Dates are read as text, because ERPs hold unreadable ones.
    required : bool, optional
        Whether a profile must map it.
    length : int, optional
        Longest text, unless the profile says otherwise.
    key : bool, optional
        Part of a key: never cut, a longer value rejects its row. Other texts are cut and counted.
    """

    name: str
    type: ReadType
    required: bool = False
    length: int = 255
    key: bool = False


def _key(name: str, length: int, *, required: bool = False) -> RawColumn:
    return RawColumn(name, "text", required, length, key=True)


def _text(name: str, length: int) -> RawColumn:
    return RawColumn(name, "text", length=length)


def _columns(*columns: RawColumn) -> dict[str, RawColumn]:
    return {c.name: c for c in columns}


_PROC_SEQ = RawColumn("proc_seq", "integer", required=True)


#: Raw columns that hold what `operations.order_by` names.
ORDER_COLUMNS = ("order_1", "order_2", "order_3")


#: Raw columns of every frame, in the order in which they are written. Item attributes come after these.
RAW_COLUMNS: dict[Family, dict[str, RawColumn]] = {
    "items": _columns(_key("item_cd", 100, required=True)),
    "operations": _columns(
        _key("item_cd", 100, required=True),
        _key("rout_no", 50, required=True),
        _PROC_SEQ,
        _key("oper_no", 50),
        _text("next_oper", 50),
        _key("job_cd", 50, required=True),
        _text("job_nm", 255),
        _key("res_cd", 50),
        _text("res_nm", 255),
        _text("inside", 16),
        RawColumn("insrt_dt", "date"),
        _text("time_unit", 20),
        *(_text(name, 20) for name in ("setup_unit", "run_unit", "queue_unit", "wait_unit", "move_unit")),
        RawColumn("setup_time", "number"),
        RawColumn("run_time", "number"),
        RawColumn("run_time_qty", "number"),
        _text("qty_unit", 20),
        _text("run_basis", 32),
        RawColumn("efficiency", "number"),
        RawColumn("capacity", "number"),
        RawColumn("cycles", "number"),
        RawColumn("crew", "number"),
        RawColumn("time_factor", "number"),
        RawColumn("resource_priority", "number"),
        *(_text(name, 255) for name in ORDER_COLUMNS),
        RawColumn("act_setup_time", "number"),
        RawColumn("act_run_time", "number"),
        RawColumn("queue_time", "number"),
        RawColumn("wait_time", "number"),
        RawColumn("move_time", "number"),
        RawColumn("mfg_lt", "number"),
        _text("batch_oper", 8),
        _key("bp_cd", 50),
        _text("cust_nm", 255),
        _text("cur_cd", 20),
        RawColumn("subcontract_prc", "number"),
        _text("tax_type", 20),
        _text("insp_flg", 16),
        _text("milestone_flg", 16),
        RawColumn("valid_from", "date"),
        RawColumn("valid_to", "date"),
        _text("validity", 32),
        _text("major_flg", 16),
    ),
    "results": _columns(
        _key("item_cd", 100, required=True),
        _key("rout_no", 50),
        _PROC_SEQ,
        _key("oper_no", 50),
        _key("job_cd", 50, required=True),
        _key("res_cd", 50),
        RawColumn("report_dt", "date"),
        RawColumn("machine_time", "number"),
        RawColumn("setup_time", "number"),
        RawColumn("hold_time", "number"),
        RawColumn("order_qty", "number"),
        RawColumn("bad_qty", "number"),
        _key("order_no", 50),
        _key("confirmation_no", 50),
        _key("reverses", 50),
        _text("reversed", 16),
        RawColumn("yield_qty", "number"),
        _text("record_kind", 32),
        _text("rework", 16),
        _text("finished", 16),
        _text("time_unit", 20),
        _text("setup_time_unit", 20),
        _text("qty_unit", 20),
        RawColumn("crew", "number"),
        RawColumn("time_factor", "number"),
        _key("batch_no", 50),
        _key("worker_cd", 50),
        RawColumn("start_at", "date"),
        RawColumn("end_at", "date"),
    ),
    "purchase_orders": _columns(
        _key("item_cd", 100, required=True),
        _key("po_no", 50, required=True),
        RawColumn("po_date", "date"),
        RawColumn("qty", "number"),
    ),
    "resources": _columns(
        _key("res_cd", 50, required=True),
        _text("res_nm", 255),
        _text("active", 32),
        RawColumn("valid_from", "date"),
        RawColumn("valid_to", "date"),
        _key("replaced_by", 50),
        _key("res_group", 50),
        _key("alternate", 50),
    ),
}


#: Name of the frame in `frames`, and of its Parquet file, by section of the profile.
FRAME_OF: dict[Family, str] = {
    "items": "items",
    "operations": "operations",
    "results": "work_results",
    "purchase_orders": "purchase_orders",
    "resources": "resources",
}


#: Item columns that cleaning adds; no attribute may have such a name.
RESERVED = (
    "item_cd",
    "item_key",
    "marks",
    "excluded",
    "attribute_hash",
    "item_hash",
    "placeholders",
    "row_nr",
)


#: Prefix of the raw columns that hold an attribute's unit.
UNIT_PREFIX = "unit_of_"


#: Dates by which databases and ERPs say "none": the first of SQL Server's date and datetime, the zeros of spreadsheets, of
#: desktop databases and of Unix, and the first day that some systems allow.
NO_DATES = (
    date(1, 1, 1),
    date(1753, 1, 1),
    date(1800, 1, 1),
    date(1899, 12, 30),
    date(1899, 12, 31),
    date(1900, 1, 1),
    date(1970, 1, 1),
)
