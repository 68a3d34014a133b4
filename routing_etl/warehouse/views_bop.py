"""Staging views in the shape of the ERP's four base tables P_BOP_PROC_*: same columns, order, spelling.

The shapes: docs/erp-contract.md 6.6.

What belongs here: the column lists and what we write into each. What does not: writing into the base tables, which only
the ERP does. Columns without a source are typed NULLs, as in the ERP's own samples. ROUT_NO is a number of our own
range, unique within an item; company, plant and user come with the publication.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from routing_etl.warehouse import types as t
from routing_etl.warehouse import view_parts as v


def _names(text: str) -> list[str]:
    """Names separated by blanks."""
    return text.split()


MASTER = _names(
    "ID CoCd PlantCd ITEM_CD ROUT_NO BOM_NO DESCRIPTION MAJOR_FLG VALID_FROM_DT VALID_TO_DT "
    "ROU_DEV_USER_ID ROU_MFG_USER_ID ROU_QUR_USER_ID ROU_APP_USER_ID REV_NO REV_DT INSRT_USER_ID INSRT_DT "
    "UPDT_USER_ID UPDT_DT ALT_RT_VALUE ASSIGN_NO AttachNo STD_ROUT_ITEM STD_ROUT_NO REV_NOTE "
    "Difficult_Level ITEM_LT"
)
DETAIL = _names(
    "ID CoCd PlantCd ITEM_CD ROUT_NO PROC_SEQ WC_CD INSIDE_FLG RES_CD ROUT_ORDER JOB_CD MFG_LT TIME_UNIT "
    "RUN_TIME SETUP_TIME WAIT_TIME MOVE_TIME MOVE_QTY QUEUE_TIME RUN_TIME_QTY RUN_TIME_UNIT MILESTONE_FLG "
    "INSP_FLG OVERLAP_OPR OVERLAP_LT SUBCONTRACT_PRC CUR_CD BP_CD TAX_TYPE RUN_TIME_RULE_PLAN "
    "RUN_TIME_RULE_SCHL RUN_TIME_PLAN RUN_TIME_SCHL SETUP_TIME_IN_HOUR_PLAN SETUP_TIME_IN_HOUR "
    "SETUP_TIME_RULE WHEN_TO_SETUP_RULE WAIT_TIME_IN_HOUR MOVE_TIME_IN_HOUR QUEUE_TIME_IN_HOUR ALLOC_RULE "
    "SELECT_RULE FREE_CHECK_FLG HOLD_TEMP_FLG NEXT_PROC_SEQ OPR_SEQ SETUP_BASE_CD CROSS_BREAK_RULE "
    "OVERLAP_TYPE OVERLAP_VALUE PROD_RATE SETUP_RSC_GRP_CD SETUP_RSC_CD RSC_SCHEDULED_FLG AttachNo "
    "ROUT_DOC OP_DRAW_NO ROUT_SIZE STD_RUN_COST_PER_HR STD_SUBCONTRACT_PRC STD_LABOR_COST STD_DIR_EXPENSE "
    "STD_INDIR_LABOR_COST STD_INDIR_EXPENSE VALID_FROM_DT VALID_TO_DT NC_PROGRAM NC_PROGRAM_WRITER "
    "NC_WRITE_DATE NC_REVIEWER NC_REVIEW_DT PRESSURE_USE INSRT_USER_ID INSRT_DT UPDT_USER_ID UPDT_DT "
    "FIX_RUN_TIME REMARK CUST_SIZE MTMG_NUMB D_ITEM_CD RAW_MATL_SIZE JAW_SIZE VALIDITY PROGRAM_REMARK "
    "BATCH_OPER ACT_RUN_TIME ACT_SETUP_TIME DocYn PROC_REMARK NC_UPDATER NC_UPDATE_DT GROSS_WEIGHT"
)
CHILD = _names(
    "ID CoCd PlantCd BOM_NO ROUT_NO ITEM_CD CHILD_ITEM_CD CHILD_ITEM_SEQ PROC_SEQ VALID_FROM_DT "
    "VALID_TO_DT INSRT_USER_ID INSRT_DT UPDT_USER_ID UPDT_DT OPR_NO JOB_CD MBOM_ITEM_CD MBOM_IN_ID "
    "MBOM_IN_DT ORIGIN_ITEM_CD"
)

#: Number of columns of P_BOP_PROC_RES, the first ones of `routing_candidate_resources`.
RES_COLUMNS = 39

#: Columns without a source that hold numbers or days in the ERP; all others are codes.
_NUMBERS = set(
    _names(
        "ITEM_LT MOVE_QTY OVERLAP_LT RUN_TIME_PLAN RUN_TIME_SCHL SETUP_TIME_IN_HOUR_PLAN SETUP_TIME_IN_HOUR "
        "WAIT_TIME_IN_HOUR MOVE_TIME_IN_HOUR QUEUE_TIME_IN_HOUR NEXT_PROC_SEQ OVERLAP_VALUE PROD_RATE "
        "STD_RUN_COST_PER_HR STD_SUBCONTRACT_PRC STD_LABOR_COST STD_DIR_EXPENSE STD_INDIR_LABOR_COST "
        "STD_INDIR_EXPENSE GROSS_WEIGHT CHILD_ITEM_SEQ"
    )
)
_DAYS = {"NC_WRITE_DATE", "NC_REVIEW_DT", "NC_UPDATE_DT", "MBOM_IN_DT"}


def _filled(names: list[str], values: dict[str, v.Column], w: v.Words) -> list[v.Column]:
    """The columns in the base table's order; a typed NULL where we have nothing to say."""
    made: list[v.Column] = []
    for name in names:
        kind: Any = sa.Numeric(18, 4) if name in _NUMBERS else t.date() if name in _DAYS else t.text(50)
        made.append(values.get(name, w.null(kind)).label(name))
    return made


def _audit(tb: v.Sources) -> dict[str, v.Column]:
    b = tb.publication.c
    return {
        "CoCd": b.company_code,
        "PlantCd": b.plant_code,
        "VALID_FROM_DT": b.valid_from,
        "VALID_TO_DT": b.valid_to,
        "INSRT_USER_ID": b.service_user,
        "INSRT_DT": b.created_at,
        "UPDT_USER_ID": b.service_user,
        "UPDT_DT": b.created_at,
    }


def _number(value: int) -> v.Column:
    return sa.literal(value, sa.Integer())


#: Above every operation number and every rank of an alternative, which are SMALLINT.
_NEXT_PART = 100_000


def _row_id(rank: v.Column, *parts: v.Column) -> v.Column:
    """A number that is unique within the item: rank, then each part in five digits.

    It is worked out from the row alone. A ROW_NUMBER() would count all rows of the publication before a look-up by item
    could take its own, because SQL Server does not move a parameter below a window.
    """
    number: v.Column = sa.cast(rank, sa.BigInteger())
    for part in parts:
        number = number * _number(_NEXT_PART) + part
    return number


def bop_master(tb: v.Sources, w: v.Words) -> sa.Select[Any]:
    """One row per candidate in the 28 columns of P_BOP_PROC_MASTER. A person signs in the ERP, never the model."""
    c, b = tb.candidate.c, tb.publication.c
    signers = ("ROU_DEV_USER_ID", "ROU_MFG_USER_ID", "ROU_QUR_USER_ID", "ROU_APP_USER_ID")
    values: dict[str, v.Column] = {
        **_audit(tb),
        "ID": _row_id(c.candidate_rank),
        "ITEM_CD": tb.item_version.c.item_cd,
        "ROUT_NO": c.predicted_rout_no,
        "BOM_NO": _number(1),
        "DESCRIPTION": c.routing_signature,
        "MAJOR_FLG": sa.case((c.candidate_rank == _number(1), w.word("Y", 1)), else_=w.word("N", 1)),
        **{name: w.word("", 1) for name in signers},
        "REV_NO": _number(0),
        "REV_DT": b.valid_from,
    }
    return sa.select(*_filled(MASTER, values, w)).select_from(v.from_pointer(tb, tb.candidate))


def bop_detail(tb: v.Sources, w: v.Words) -> sa.Select[Any]:
    """One row per operation in the 93 columns of P_BOP_PROC_DETAIL; RUN_TIME is STANDARD_TIME, in minutes."""
    c, o = tb.candidate.c, tb.candidate_operation.c
    out = o.inside == sa.literal("out", sa.String())
    values: dict[str, v.Column] = {
        **_audit(tb),
        "ID": _row_id(c.candidate_rank, o.proc_seq),
        "ITEM_CD": tb.item_version.c.item_cd,
        "ROUT_NO": c.predicted_rout_no,
        "PROC_SEQ": o.proc_seq,
        "INSIDE_FLG": sa.case((out, w.word("N", 1)), else_=w.word("Y", 1)),
        "RES_CD": o.res_cd,
        "ROUT_ORDER": o.rout_order,
        "JOB_CD": o.job_cd,
        "MFG_LT": w.two(o.mfg_lt),
        "TIME_UNIT": w.word("M", 1),
        "RUN_TIME": w.two(sa.func.coalesce(o.standard_time, o.run_time)),
        "SETUP_TIME": w.two(o.setup_time),
        "WAIT_TIME": w.two(o.wait_time),
        "MOVE_TIME": w.two(o.move_time),
        "QUEUE_TIME": w.two(o.queue_time),
        "RUN_TIME_QTY": _number(1),
        "RUN_TIME_UNIT": tb.publication.c.run_time_unit,
        "MILESTONE_FLG": o.milestone_flg,
        "INSP_FLG": o.insp_flg,
        "SUBCONTRACT_PRC": w.two(o.subcontract_prc),
        "CUR_CD": o.cur_cd,
        "BP_CD": o.bp_cd,
        "TAX_TYPE": o.tax_type,
        "OPR_SEQ": _number(0),
        "FIX_RUN_TIME": _number(0),
        "BATCH_OPER": o.batch_oper,
        "ACT_RUN_TIME": w.money(o.act_run_time),
        "ACT_SETUP_TIME": w.money(o.act_setup_time),
    }
    return sa.select(*_filled(DETAIL, values, w)).select_from(v.operations_from(tb))


def candidate_resources(tb: v.Sources, w: v.Words) -> sa.Select[Any]:
    """One row per candidate, job and machine that may run it, in the 39 columns of P_BOP_PROC_RES.

    The shape: docs/erp-contract.md 6.6 and 6.7.
    A job that two operations use shares one list, and a resource that is the main one of any of them is not repeated.
    """
    c, b, o, r = tb.candidate, tb.publication.c, tb.candidate_operation, tb.resource_alternative
    earlier, main = tb.earlier, tb.main
    number = sa.Numeric(18, 4)
    j = tb.job_version
    source = (
        v.operations_from(tb)
        .join(j, v.machines_of(tb, o))
        .join(r, sa.and_(r.c.publication_id == j.c.from_publication, r.c.job_cd == j.c.job_cd))
    )
    first_use = ~sa.exists(
        sa.select(sa.literal_column("1"))
        .select_from(earlier)
        .where(
            v.same_candidate(earlier, o), earlier.c.job_cd == o.c.job_cd, earlier.c.proc_seq < o.c.proc_seq
        )
    )
    not_main = ~sa.exists(
        sa.select(sa.literal_column("1"))
        .select_from(main)
        .where(v.same_candidate(main, o), main.c.job_cd == o.c.job_cd, main.c.res_cd == r.c.res_cd)
    )
    columns: list[tuple[str, v.Column]] = [
        ("ID", _row_id(c.c.candidate_rank, o.c.proc_seq, r.c.alternative_rank)),
        ("COCD", b.company_code),
        ("PLANTCD", b.plant_code),
        ("ITEM_CD", tb.item_version.c.item_cd),
        ("ROUT_NO", c.c.predicted_rout_no),
        ("REV_NO", sa.literal(0, sa.Integer())),
        ("JOB_CD", r.c.job_cd),
        ("RES_CD", r.c.res_cd),
        *(
            (name, w.null(number))
            for name in ("RUN_TIME", "SETUP_TIME", "WAIT_TIME", "MOVE_TIME", "QUEUE_TIME")
        ),
        *((name, w.null(number)) for name in ("AFTER_TIME", "MAN_HOUR", "MACHINE_HOUR", "RES_PRIORITY")),
        ("MAIN_YN", w.word("N", 1)),
        ("IN_ID", b.service_user),
        ("IN_DT", b.created_at),
        ("UP_ID", b.service_user),
        ("UP_DT", b.created_at),
        ("TASK_ID", sa.literal(1, sa.Integer())),
        ("REV_COND", w.null(t.text(50))),
        ("TASK_COND", w.null(t.text(50))),
        ("FOLD_MTHD", w.word("ES", 8)),
        *((name, w.null(number)) for name in ("FOLD_TIME", "PREV_RES_QTY", "CURR_RES_QTY", "NEXT_RES_QTY")),
        ("NEXT_RES_ABSL_YN", w.word("N", 1)),
        *(
            (f"{name}_UNIT", w.null(t.text(16)))
            for name in ("RUN_TIME", "SETUP_TIME", "WAIT_TIME", "MOVE_TIME", "QUEUE_TIME", "AFTER_TIME")
        ),
        ("BEFORE_TIME", w.null(number)),
        ("BEFORE_TIME_UNIT", w.null(t.text(16))),
        ("CANDIDATE_ID", c.c.candidate_id),
        ("CANDIDATE_RANK", c.c.candidate_rank),
        ("RES_DIS", r.c.res_nm),
        ("ALTERNATIVE_RANK", r.c.alternative_rank),
        ("IS_POOL", r.c.is_pool),
        ("USE_COUNT", r.c.use_count),
        ("USE_SHARE", r.c.use_share),
        ("LAST_USED", r.c.last_used),
        ("PUBLICATION_ID", tb.current_publication.c.publication_id),
    ]
    return (
        sa.select(*(column.label(name) for name, column in columns))
        .select_from(source)
        .where(first_use, not_main)
    )


def bop_res(tb: v.Sources, w: v.Words) -> sa.Select[Any]:
    """One row per job and further machine of a candidate, in exactly the 39 columns of P_BOP_PROC_RES."""
    rows = candidate_resources(tb, w)
    return rows.with_only_columns(*list(rows.selected_columns)[:RES_COLUMNS])


def bop_child(tb: v.Sources, w: v.Words) -> sa.Select[Any]:
    """The 21 columns of P_BOP_PROC_CHILD without a row: materials come from the bill of material, which we do not read."""
    return (
        sa.select(*_filled(CHILD, _audit(tb), w)).select_from(tb.publication).where(_number(1) == _number(0))
    )
