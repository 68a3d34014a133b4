"""The views that the ERP, analysts and DBAs read: the published batch in the ERP's column layout.

The layout: docs/erp-contract.md 6.1 to 6.7.

What belongs here: the selects behind the views, per dialect. What does not: when they are created (`migrations`).

Every view over a publication starts at the one-row pointer `current_publication`, so a statement sees one publication,
and a look-up by item stays a seek on the key (publication, item). Time columns of the ERP-shaped views show 0 for
"unknown" with two decimals, and TIME_SOURCE tells the two apart (docs/erp-contract.md 6.3); `routing_predictions` keeps
NULL and four decimals.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.schema import DDLElement
from sqlalchemy.sql.compiler import DDLCompiler

from routing_etl.warehouse import types as t
from routing_etl.warehouse.schema import Tables, tables

Column = sa.ColumnElement[Any]


class CreateView(DDLElement):
    """CREATE VIEW name AS select; for databases without CREATE OR REPLACE too."""

    def __init__(self, name: str, schema: str | None, select: sa.Select[Any]) -> None:
        self.name, self.schema, self.select = name, schema, select


class DropView(DDLElement):
    """DROP VIEW name."""

    def __init__(self, name: str, schema: str | None) -> None:
        self.name, self.schema = name, schema


def _qualified(compiler: DDLCompiler, element: CreateView | DropView) -> str:
    quote = compiler.preparer.quote
    name = quote(element.name)
    return f"{quote(element.schema)}.{name}" if element.schema else name


def _readable(body: str) -> str:
    """One column and one join a line, for the people who review the text."""
    depth, quoted, cuts = 0, False, [0]
    for position, sign in enumerate(body):
        if sign == "'":
            quoted = not quoted
        elif not quoted:
            depth += (sign == "(") - (sign == ")")
            if depth == 0 and body.startswith(", ", position):
                cuts.append(position + 2)
            elif depth == 0 and body.startswith((" JOIN ", " AND "), position):
                cuts.append(position + 1)
    pieces = [body[a:b].rstrip(" ") for a, b in zip(cuts, [*cuts[1:], len(body)], strict=True)]
    return "\n    ".join(pieces).replace("SELECT ", "SELECT\n    ", 1)


@compiles(CreateView)
def _create_view(element: CreateView, compiler: DDLCompiler, **_: Any) -> str:
    body = compiler.sql_compiler.process(element.select, literal_binds=True)
    return f"CREATE VIEW {_qualified(compiler, element)} AS\n{_readable(body)}"


@compiles(DropView)
def _drop_view(element: DropView, compiler: DDLCompiler, **_: Any) -> str:
    return f"DROP VIEW {_qualified(compiler, element)}"


class Words:
    """The few expressions that dialects write differently."""

    def __init__(self, dialect: str) -> None:
        self.dialect = dialect

    def two(self, value: Column) -> Column:
        """Two decimals, 0 for NULL: a time column of an ERP-shaped view."""
        return self.money(sa.func.coalesce(value, 0))

    def money(self, value: Column) -> Column:
        """Two decimals, NULL stays."""
        if self.dialect == "sqlite":
            return sa.func.round(value, 2)
        return sa.cast(value, sa.Numeric(10, 2))

    def zero(self, value: float) -> Column:
        """A constant with two decimals."""
        return (
            sa.literal(value, sa.Float())
            if self.dialect == "sqlite"
            else sa.cast(sa.literal(int(value), sa.Integer()), sa.Numeric(10, 2))
        )

    def null(self, kind: Any) -> Column:
        """A typed NULL."""
        return sa.null() if self.dialect == "sqlite" else sa.cast(sa.null(), kind)

    def word(self, value: str, length: int) -> Column:
        """A text constant of a declared length."""
        literal = sa.literal(value, t.text(length))
        return literal if self.dialect == "sqlite" else sa.cast(literal, t.text(length))

    def moment(self, value: Column) -> Column:
        """A UTC moment with its offset: DATETIMEOFFSET on SQL Server."""
        if self.dialect == "mssql":
            return sa.func.todatetimeoffset(value, sa.literal("+00:00", sa.String()))
        if self.dialect == "postgresql":
            return sa.func.timezone(sa.literal("UTC", sa.String()), value)
        return value.op("||")(sa.literal("+00:00", sa.String()))


class Sources:
    """The tables under the short names that a DBA reads in the view text."""

    def __init__(self, tb: Tables) -> None:
        self.current_publication = tb.current_publication.alias("p")
        self.publication = tb.publication.alias("b")
        self.candidate = tb.candidate.alias("c")
        self.candidate_operation = tb.candidate_operation.alias("o")
        self.candidate_evidence = tb.candidate_evidence.alias("e")
        self.resource_alternative = tb.resource_alternative.alias("r")
        self.abstained_item = tb.abstained_item.alias("a")
        self.model_version = tb.model_version.alias("v")
        self.model_metric = tb.model_metric.alias("m")
        self.batch_run = tb.batch_run.alias("n")
        self.quality_result = tb.quality_result.alias("q")
        self.earlier = tb.candidate_operation.alias("earlier")
        self.main = tb.candidate_operation.alias("main")


def from_pointer(tb: Sources, detail: Any) -> sa.Join:
    pointer, batch = tb.current_publication, tb.publication
    # `slot = 1` tells every planner that the pointer is one row: it starts there and seeks from it.
    return pointer.join(batch, sa.and_(pointer.c.slot == 1, batch.c.id == pointer.c.publication_id)).join(
        detail, detail.c.publication_id == pointer.c.publication_id
    )


def _same_candidate(left: Any, right: Any) -> sa.ColumnElement[bool]:
    return sa.and_(
        left.c.publication_id == right.c.publication_id,
        left.c.item_cd == right.c.item_cd,
        left.c.candidate_rank == right.c.candidate_rank,
    )


def _inside_word(tb: Sources) -> Column:
    return sa.case(
        (tb.candidate_operation.c.inside == sa.literal("out", sa.String()), tb.publication.c.word_outsourced),
        else_=tb.publication.c.word_inhouse,
    )


def _candidates(tb: Sources, w: Words) -> sa.Select[Any]:
    c, b = tb.candidate.c, tb.publication.c
    return sa.select(
        c.item_cd,
        c.candidate_id,
        c.routing_signature,
        c.similarity_score,
        c.priority,
        c.similarity_tier,
        c.reference_item_cd,
        b.model_version.label("generator_version"),
        w.moment(b.created_at).label("generated_at"),
        c.candidate_rank,
        c.rout_no,
        c.routing_source,
        c.process_count,
        c.work_order_count,
        c.confidence,
        c.publication_id,
        c.item_hash,
        c.predicted_rout_no,
        c.routing_code,
        c.work_order_confidence,
        c.neighbour_count,
        c.support,
        c.matched_attributes,
    ).select_from(from_pointer(tb, tb.candidate))


def _layout(tb: Sources, w: Words) -> list[sa.Label[Any]]:
    """Positions 6-50 of the flat layout (docs/erp-contract.md 6.2 and 6.4), exact names and order."""
    o, b = tb.candidate_operation.c, tb.publication.c
    null, text = w.null, t.text
    columns: list[tuple[str, Column]] = [
        ("PROC_SEQ", o.proc_seq),
        ("INSIDE_FLAG", _inside_word(tb)),
        ("dbo_BI_ROUTING_VIEW_JOB_CD", o.job_cd),
        ("JOB_NM", o.job_nm),
        ("RES_CD", o.res_cd),
        ("RES_DIS", o.res_nm),
        ("TIME_UNIT", b.time_unit),
        ("MFG_LT", w.two(o.mfg_lt)),
        ("QUEUE_TIME", w.two(o.queue_time)),
        ("SETUP_TIME", w.two(o.setup_time)),
        ("MACH_WORKED_HOURS", w.two(o.run_time)),
        ("ACT_SETUP_TIME", w.two(o.act_setup_time)),
        ("ACT_RUN_TIME", w.two(o.act_run_time)),
        ("WAIT_TIME", w.two(o.wait_time)),
        ("MOVE_TIME", w.two(o.move_time)),
        ("RUN_TIME_QTY", w.zero(1)),
        ("RUN_TIME_UNIT", b.run_time_unit),
        ("BATCH_OPER", o.batch_oper),
        ("BP_CD", o.bp_cd),
        ("dbo_BI_ROUTING_VIEW_CUST_NM", o.cust_nm),
        ("CUR_CD", o.cur_cd),
        ("SUBCONTRACT_PRC", o.subcontract_prc),
        ("TAX_TYPE", o.tax_type),
        ("MILESTONE_FLG", o.milestone_flg),
        ("INSP_FLG", o.insp_flg),
        ("ROUT_ORDER", o.rout_order),
        ("VALID_FROM_DT", b.valid_from),
        ("VALID_TO_DT", b.valid_to),
        ("dbo_BI_ROUTING_VIEW_REMARK", null(text(200))),
        ("ROUT_DOC", null(text(64))),
        ("DOC_INSIDE", null(text(8))),
        ("DOC_NO", null(text(64))),
        ("NC_PROGRAM", null(text(64))),
        ("NC_PROGRAM_WRITER", null(text(32))),
        ("NC_WRITER_NM", null(text(32))),
        ("NC_WRITE_DATE", null(t.date())),
        ("NC_REVIEWER", null(text(32))),
        ("NC_REVIEWER_NM", null(text(32))),
        ("NC_REVIEW_DT", null(t.date())),
        ("RAW_MATL_SIZE", null(text(32))),
        ("JAW_SIZE", null(text(32))),
        ("VALIDITY", null(text(32))),
        ("PROGRAM_REMARK", null(text(200))),
        ("OP_DRAW_NO", null(text(64))),
        ("MTMG_NUMB", null(text(32))),
    ]
    return [column.label(name) for name, column in columns]


def _operation_extras(tb: Sources, w: Words) -> list[sa.Label[Any]]:
    """Columns after the ERP's own (docs/erp-contract.md 6.2, 6.5): times with spread, confidence, provenance."""
    c, o, b = tb.candidate.c, tb.candidate_operation.c, tb.publication.c
    source = o.time_source
    own, similar = sa.literal("actual_own", sa.String()), sa.literal("actual_similar", sa.String())
    actual = source.in_([own, similar])
    columns: list[tuple[str, Column]] = [
        ("RUN_TIME", w.two(o.run_time)),
        ("OPTIMAL_TIME", w.two(o.optimal_time)),
        ("STANDARD_TIME", w.two(o.standard_time)),
        ("SAFE_TIME", w.two(o.safe_time)),
        ("TIME_CV", o.time_cv),
        ("CONFIDENCE", o.confidence),
        ("SAMPLE_COUNT", o.sample_count),
        ("SUPPORT", o.support),
        ("TIME_SOURCE", source),
        ("RUN_P10", w.two(o.run_p10)),
        ("RUN_P50", w.two(o.run_p50)),
        ("RUN_P90", w.two(o.run_p90)),
        ("SETUP_P10", w.two(o.setup_p10)),
        ("SETUP_P90", w.two(o.setup_p90)),
        ("PREDICTED_SETUP_TIME", o.setup_time),
        ("PREDICTED_RUN_TIME", o.run_time),
        ("TRIM_MEAN", o.standard_time),
        ("HAS_WORK_DATA", sa.case((actual, w.word("Y", 1)), else_=w.word("N", 1))),
        ("WORK_ORDER_COUNT", o.sample_count),
        ("WORK_ORDER_CONFIDENCE", o.time_confidence),
        (
            "WORK_ORDER_DATA_SOURCE",
            sa.case(
                (source == own, w.word("input", 8)),
                (source == similar, w.word("similar", 8)),
                else_=w.word("none", 8),
            ),
        ),
        ("WORK_ORDER_SOURCE_ITEMS", sa.case((actual, o.source_items), else_=sa.null())),
        ("WORK_ORDER_AVG_SIMILARITY", sa.case((actual, o.source_similarity), else_=sa.null())),
        ("SOURCE_ITEMS", o.source_items),
        ("AVG_SIMILARITY", o.source_similarity),
        ("SOURCE_ROUT_NO", o.source_rout_no),
        ("OUTSOURCING_REPLACED", w.word("N", 1)),
        ("PREDICTION_TYPE", w.word("ML_BASED", 8)),
        ("CANDIDATE_RANK", c.candidate_rank),
        ("ROUT_NO", c.predicted_rout_no),
        ("MODEL_VERSION", b.model_version),
        ("PUBLICATION_ID", c.publication_id),
    ]
    return [column.label(name) for name, column in columns]


def operations_from(tb: Sources) -> sa.Join:
    return from_pointer(tb, tb.candidate).join(
        tb.candidate_operation, _same_candidate(tb.candidate_operation, tb.candidate)
    )


def _candidate_operations(tb: Sources, w: Words) -> sa.Select[Any]:
    c = tb.candidate.c
    return sa.select(c.item_cd, c.candidate_id, *_layout(tb, w), *_operation_extras(tb, w)).select_from(
        operations_from(tb)
    )


#: Known names of output profiles for the columns that the ERP's layout calls after its own view.
_SHORT = {
    "dbo_BI_ROUTING_VIEW_JOB_CD": "JOB_CD",
    "dbo_BI_ROUTING_VIEW_CUST_NM": "CUST_NM",
    "dbo_BI_ROUTING_VIEW_REMARK": "REMARK",
}


def known_columns(tb: Sources | None = None, w: Words | None = None) -> dict[str, Column]:
    """What an output profile may use, by name: the columns of `routing_flat`, and the publication's codes."""
    sources, words = tb or Sources(tables(None)), w or Words("sqlite")
    flat = {_SHORT.get(c.name, c.name): c.element for c in _flat_columns(sources, words)}
    b = sources.publication.c
    return {**flat, "COMPANY_CODE": b.company_code, "PLANT_CODE": b.plant_code}


def _flat_columns(tb: Sources, w: Words) -> list[sa.Label[Any]]:
    c = tb.candidate.c
    return [
        c.item_cd.label("ITEM_CD"),
        c.candidate_id.label("CANDIDATE_ID"),
        c.routing_signature.label("ROUTING_SIGNATURE"),
        c.priority.label("PRIORITY"),
        c.similarity_tier.label("SIMILARITY_TIER"),
        *_layout(tb, w),
        c.reference_item_cd.label("REFERENCE_ITEM_CD"),
        c.similarity_score.label("SIMILARITY_SCORE"),
        *_operation_extras(tb, w),
    ]


def _flat(tb: Sources, w: Words) -> sa.Select[Any]:
    return sa.select(*_flat_columns(tb, w)).select_from(operations_from(tb))


def candidate_resources(tb: Sources, w: Words) -> sa.Select[Any]:
    """One row per candidate, job and machine that may run it, in the 39 columns of P_BOP_PROC_RES.

    The shape: docs/erp-contract.md 6.6 and 6.7.
    A job that two operations use shares one list, and a resource that is the main one of any of them is not repeated.
    """
    c, b, o, r = tb.candidate, tb.publication.c, tb.candidate_operation, tb.resource_alternative
    earlier, main = tb.earlier, tb.main
    number = sa.Numeric(18, 4)
    source = operations_from(tb).join(
        r, sa.and_(r.c.publication_id == o.c.publication_id, r.c.job_cd == o.c.job_cd)
    )
    first_use = ~sa.exists(
        sa.select(sa.literal_column("1"))
        .select_from(earlier)
        .where(_same_candidate(earlier, o), earlier.c.job_cd == o.c.job_cd, earlier.c.proc_seq < o.c.proc_seq)
    )
    not_main = ~sa.exists(
        sa.select(sa.literal_column("1"))
        .select_from(main)
        .where(_same_candidate(main, o), main.c.job_cd == o.c.job_cd, main.c.res_cd == r.c.res_cd)
    )
    row_number = sa.func.row_number().over(
        partition_by=(c.c.publication_id, c.c.item_cd),
        order_by=(c.c.candidate_rank, o.c.proc_seq, r.c.alternative_rank, r.c.res_cd),
    )
    moment = w.moment(b.created_at)
    columns: list[tuple[str, Column]] = [
        ("ID", row_number),
        ("COCD", b.company_code),
        ("PLANTCD", b.plant_code),
        ("ITEM_CD", c.c.item_cd),
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
        ("IN_DT", moment),
        ("UP_ID", b.service_user),
        ("UP_DT", moment),
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
        ("PUBLICATION_ID", c.c.publication_id),
    ]
    return (
        sa.select(*(column.label(name) for name, column in columns))
        .select_from(source)
        .where(first_use, not_main)
    )


def _evidence(tb: Sources, w: Words) -> sa.Select[Any]:
    c, e = tb.candidate.c, tb.candidate_evidence
    source = from_pointer(tb, tb.candidate).join(e, _same_candidate(e, tb.candidate))
    return sa.select(
        c.item_cd,
        c.candidate_id,
        c.candidate_rank,
        e.c.evidence_rank,
        e.c.neighbour_item_cd,
        e.c.neighbour_rout_no,
        e.c.similarity,
        e.c.weight,
        e.c.matching,
        e.c.differing,
        c.publication_id,
    ).select_from(source)


def _abstained(tb: Sources, w: Words) -> sa.Select[Any]:
    a, b = tb.abstained_item.c, tb.publication.c
    return sa.select(
        a.item_cd,
        a.reason,
        a.reason_code,
        a.best_similarity,
        b.model_version,
        a.publication_id,
    ).select_from(from_pointer(tb, tb.abstained_item))


def _predictions(tb: Sources, w: Words) -> sa.Select[Any]:
    c, o, b = tb.candidate.c, tb.candidate_operation.c, tb.publication.c
    return sa.select(
        c.publication_id,
        b.model_version,
        c.item_cd,
        c.candidate_rank,
        c.candidate_id,
        c.confidence,
        c.similarity_score,
        c.reference_item_cd,
        c.rout_no,
        o.proc_seq,
        o.job_cd,
        o.job_nm,
        o.res_cd,
        _inside_word(tb).label("inside_flag"),
        o.setup_time,
        o.run_time,
        o.run_p10,
        o.run_p50,
        o.run_p90,
        o.optimal_time,
        o.standard_time,
        o.safe_time,
        o.time_source,
        o.sample_count,
    ).select_from(operations_from(tb))


def _lot_times(tb: Sources, w: Words) -> sa.Select[Any]:
    """Run times with the lot that they are for: a piece of a lot of q takes RUN_TIME x (q / LOT_SIZE) ** LOT_EXPONENT."""
    c, o = tb.candidate.c, tb.candidate_operation.c
    return sa.select(
        c.item_cd.label("ITEM_CD"),
        c.candidate_id.label("CANDIDATE_ID"),
        c.candidate_rank.label("CANDIDATE_RANK"),
        o.proc_seq.label("PROC_SEQ"),
        o.job_cd.label("JOB_CD"),
        o.res_cd.label("RES_CD"),
        o.setup_time.label("SETUP_TIME"),
        o.run_time.label("RUN_TIME"),
        o.lot_size.label("LOT_SIZE"),
        o.lot_exponent.label("LOT_EXPONENT"),
        o.time_source.label("TIME_SOURCE"),
        o.sample_count.label("SAMPLE_COUNT"),
        c.publication_id.label("PUBLICATION_ID"),
    ).select_from(operations_from(tb))


def _quality_trend(tb: Sources, w: Words) -> sa.Select[Any]:
    """Each version's newest value of each metric beside the version before it, by time of measurement."""
    m, v = tb.model_metric.c, tb.model_version
    series = (m.method, m.split, m.segment, m.metric)
    newest_first = sa.func.row_number().over(
        partition_by=(m.model_version, *series), order_by=(m.computed_at.desc(), m.run_id.desc())
    )
    measured = sa.select(tb.model_metric, newest_first.label("age")).subquery("measured")
    n = measured.c
    window: dict[str, Any] = {
        "partition_by": (n.method, n.split, n.segment, n.metric),
        "order_by": (n.computed_at, n.model_version),
    }
    previous = sa.func.lag(n.value).over(**window)
    return (
        sa.select(
            n.metric,
            n.method,
            n.split,
            n.segment,
            n.model_version,
            v.c.status,
            n.computed_at,
            n.value,
            n.low,
            n.high,
            n.n,
            n.reason,
            sa.func.lag(n.model_version).over(**window).label("previous_version"),
            previous.label("previous_value"),
            (n.value - previous).label("difference"),
            n.run_id,
        )
        .select_from(measured.join(v, v.c.version == n.model_version))
        .where(n.age == 1)
    )


def _run_summary(tb: Sources, w: Words) -> sa.Select[Any]:
    r, q = tb.batch_run.c, tb.quality_result.c
    no = sa.false()

    def failed(severity: str) -> Column:
        return (
            sa.select(sa.func.count())
            .where(q.run_id == r.run_id, q.success == no, q.severity == sa.literal(severity, sa.String()))
            .scalar_subquery()
        )

    return sa.select(
        r.run_id,
        r.kind,
        r.status,
        r.started_at,
        r.finished_at,
        r.rows_read,
        r.rows_written,
        r.rows_rejected,
        r.model_version,
        r.publication_id,
        sa.select(sa.func.count()).where(q.run_id == r.run_id).scalar_subquery().label("checks"),
        failed("critical").label("critical_failed"),
        failed("warning").label("warnings_failed"),
        r.message,
    ).select_from(tb.batch_run)


#: Views of revision 0002, of 0003 and of 0004.
_FIRST: dict[str, Callable[[Sources, Words], sa.Select[Any]]] = {
    "routing_candidates": _candidates,
    "routing_candidate_operations": _candidate_operations,
    "routing_candidate_resources": candidate_resources,
    "routing_candidate_evidence": _evidence,
    "routing_flat": _flat,
    "routing_abstained": _abstained,
    "routing_predictions": _predictions,
    "model_quality_trend": _quality_trend,
    "batch_run_summary": _run_summary,
}
FIRST_VIEWS = tuple(_FIRST)
BOP_VIEWS = ("bop_proc_master", "bop_proc_detail", "bop_proc_res", "bop_proc_child")
LOT_VIEWS = ("routing_lot_times",)

#: Names of all views, in the order of creation.
VIEW_NAMES = (*FIRST_VIEWS, *BOP_VIEWS, *LOT_VIEWS)


def view_selects(schema: str | None, dialect: str) -> dict[str, sa.Select[Any]]:
    """View name to its select, for `sqlite`, `mssql` or `postgresql`."""
    from routing_etl.warehouse import views_bop as bop

    tb, words = Sources(tables(schema)), Words(dialect)
    shapes = (bop.bop_master, bop.bop_detail, bop.bop_res, bop.bop_child)
    makers = {**_FIRST, **dict(zip(BOP_VIEWS, shapes, strict=True)), "routing_lot_times": _lot_times}
    return {name: make(tb, words) for name, make in makers.items()}
