"""Tables of the demo plant: the ERP's four source views (docs/erp-contract.md 3) and the truth beside them.

In a real ERP the four are views; here they are tables of the same shape. The `DEMO_TRUTH_*` tables are for benchmarks and
tests; no step of the night reads them.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mssql

METADATA = sa.MetaData()

ITEM_VIEW = "BI_ITEM_INFO_VIEW"
ROUTING_VIEW = "BI_ROUTING_VIEW"
RESULTS_VIEW = "BI_WORK_ORDER_RESULTS"
PURCHASE_VIEW = "BI_PUR_PO_VIEW"
TRUTH_ROUTING = "DEMO_TRUTH_ROUTING"
TRUTH_TIME = "DEMO_TRUTH_TIME"
TRUTH_ITEM = "DEMO_TRUTH_ITEM"
TRUTH_SUMMARY = "DEMO_TRUTH_SUMMARY"


def _text(length: int | None) -> sa.types.TypeEngine[Any]:
    """NVARCHAR where the dialect has it (SQLite keeps the word), the dialect's Unicode text elsewhere."""
    plain: sa.types.TypeEngine[str] = sa.Unicode(length) if length else sa.UnicodeText()
    return plain.with_variant(sa.NVARCHAR(length), "sqlite").with_variant(sa.NVARCHAR(length), "mssql")


def _type(spec: str) -> sa.types.TypeEngine[Any]:
    if spec == "dec":
        return sa.Numeric(18, 4, asdecimal=False)
    if spec == "int":
        return sa.Integer()
    if spec == "date":
        return sa.Date()
    if spec == "datetime":
        return sa.DateTime().with_variant(mssql.DATETIME2(), "mssql")  # type: ignore[no-untyped-call]
    if spec == "flag":
        return sa.Unicode(1).with_variant(sa.NCHAR(1), "mssql").with_variant(sa.NCHAR(1), "sqlite")
    return _text(None if spec == "max" else int(spec))


def _table(name: str, spec: str, *indexes: tuple[str, ...]) -> sa.Table:
    columns = []
    for entry in spec.split():
        column, kind = entry.split(":")
        columns.append(sa.Column(column, _type(kind), nullable=True))
    table = sa.Table(name, METADATA, *columns)
    for fields in indexes:
        sa.Index(f"IX_{name}_{'_'.join(fields)}", *(table.c[f] for f in fields))
    return table


ITEM_TABLE = _table(
    ITEM_VIEW,
    """ITEM_CD:100 PART_TYPE:50 PartNm:255 ITEM_SUFFIX:50 ITEM_SPEC:max ITEM_NM:500 ADDITIONAL_SPEC:max
    ITEM_MATERIAL:100 MATERIAL_DESC:255 ITEM_ACCT:50 ITEM_TYPE:50 ITEM_UNIT:20 ITEM_GRP1:50 ITEM_GRP1NM:255
    STANDARD_YN:flag GROUP1:100 GROUP2:100 GROUP3:100 DRAW_NO:100 DRAW_REV:50 DRAW_SHEET_NO:50 DRAW_USE:100
    ITEM_NM_ENG:500 OUTDIAMETER:dec INDIAMETER:dec OUTTHICKNESS:dec OUTDIAMETER_UNIT:20 ROTATE_CLOCKWISE:int
    ROTATE_CTRCLOCKWISE:int SealTypeGrup:100 IN_SEALTYPE_CD:50 IN_SEALSIZE:dec IN_SEALSIZE_UOM:20
    MID_SEALTYPE_CD:50 MID_SEALSIZE:dec MID_SEALSIZE_UOM:20 OUT_SEALTYPE_CD:50 OUT_SEALSIZE:dec
    OUT_SEALSIZE_UOM:20 RAW_MATL_KIND:50 RAW_MATL_KINDNM:255""",
    ("ITEM_CD",),
)

ROUTING_TABLE = _table(
    ROUTING_VIEW,
    """ROUT_NO:50 ITEM_CD:100 ITEM_NM:500 PROC_SEQ:int INSRT_DT:datetime OUTDIAMETER:dec INDIAMETER:dec
    OUTTHICKNESS:dec OUTDIAMETER_UNIT:20 INSIDE_FLAG:16 JOB_CD:50 JOB_NM:255 RES_CD:50 RES_DIS:255 TIME_UNIT:20
    MFG_LT:dec QUEUE_TIME:dec SETUP_TIME:dec RUN_TIME:dec ACT_SETUP_TIME:dec ACT_RUN_TIME:dec WAIT_TIME:dec
    MOVE_TIME:dec RUN_TIME_QTY:dec RUN_TIME_UNIT:20 BATCH_OPER:8 BP_CD:50 CUST_NM:255 CUR_CD:20
    SUBCONTRACT_PRC:dec TAX_TYPE:20 MILESTONE_FLG:flag INSP_FLG:flag ROUT_ORDER:32 VALID_FROM_DT:date
    VALID_TO_DT:date REMARK:max ROUT_DOC:500 NC_PROGRAM:500 NC_PROGRAM_WRITER:50 NC_WRITER_NM:255
    NC_WRITE_DATE:date NC_REVIEWER:50 NC_REVIEWER_NM:255 NC_REVIEW_DT:date RAW_MATL_SIZE:100 JAW_SIZE:100
    VALIDITY:32 PROGRAM_REMARK:max OP_DRAW_NO:100 ROUT_SIZE:100 MTMG_NUMB:100""",
    ("ITEM_CD", "PROC_SEQ", "ROUT_NO"),
)

RESULTS_TABLE = _table(
    RESULTS_VIEW,
    """ITEM_CD:100 PROC_SEQ:int RES_CD:50 RES_DIS:255 JOB_CD:50 CD_NM:255 REPORT_DT:date MACH_WORKED_HOURS:dec
    SETUP_HOURS:dec ORDER_QTY:dec BAD_QTY:dec ROUT_NO:50""",
    ("ITEM_CD", "PROC_SEQ", "REPORT_DT"),
    ("ROUT_NO",),
)

PURCHASE_TABLE = _table(
    PURCHASE_VIEW,
    "ITEM_CD:100 PO_NO:50 PO_DATE:date QTY:dec UNIT_PRICE:dec VENDOR_CD:50 VENDOR_NM:255",
    ("ITEM_CD",),
)

TRUTH_ROUTING_TABLE = sa.Table(
    TRUTH_ROUTING,
    METADATA,
    sa.Column("ITEM_CD", _text(100), nullable=False),
    sa.Column("VARIANT", sa.Integer, nullable=False),
    sa.Column("PROBABILITY", sa.Float, nullable=False),
    sa.Column("JOB_SEQ", _text(600), nullable=False),
    sa.Column("RES_SEQ", _text(600), nullable=False),
    sa.Column("INSIDE_SEQ", _text(200), nullable=False),
)
TRUTH_TIME_TABLE = sa.Table(
    TRUTH_TIME,
    METADATA,
    sa.Column("ITEM_CD", _text(100), nullable=False),
    sa.Column("JOB_CD", _text(50), nullable=False),
    sa.Column("SETUP_MIN", sa.Float, nullable=False),
    sa.Column("RUN_MIN", sa.Float, nullable=False),
)
TRUTH_ITEM_TABLE = sa.Table(
    TRUTH_ITEM,
    METADATA,
    sa.Column("ITEM_CD", _text(100), nullable=False),
    sa.Column("KIND", _text(10), nullable=False),
    sa.Column("NOTE_JOBS", _text(600), nullable=False),
    sa.Column("TYPE_JOB", _text(50), nullable=False),
    sa.Column("SIZE", _text(10), nullable=False),
    sa.Column("SIZE_DECIDES", sa.Integer, nullable=False),
    sa.Column("NEAR_THRESHOLD", sa.Integer, nullable=False),
)
TRUTH_SUMMARY_TABLE = sa.Table(
    TRUTH_SUMMARY,
    METADATA,
    sa.Column("NAME", _text(100), primary_key=True),
    sa.Column("VALUE", _text(2000), nullable=False),
)
sa.Index(f"IX_{TRUTH_ROUTING}_ITEM_CD", TRUTH_ROUTING_TABLE.c.ITEM_CD)
sa.Index(f"IX_{TRUTH_TIME}_ITEM_CD", TRUTH_TIME_TABLE.c.ITEM_CD)

SOURCE_TABLES = (ITEM_TABLE, ROUTING_TABLE, RESULTS_TABLE, PURCHASE_TABLE)
TRUTH_TABLES = (TRUTH_ROUTING_TABLE, TRUTH_TIME_TABLE, TRUTH_ITEM_TABLE, TRUTH_SUMMARY_TABLE)
