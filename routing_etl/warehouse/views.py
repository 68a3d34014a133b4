"""The views that the ERP, analysts and DBAs read: the published batch in the ERP's column layout.

The layout: docs/erp-contract.md 6.1 to 6.7.

What belongs here: the selects behind the views, per dialect, as head has them. What does not: how a database gets them
(`migrations`, whose frozen texts are tested to equal these).

Every view over a publication starts at the one-row pointer `current_publication`, so a statement sees one publication,
and finds there of every item the newest version up to it (`versions.py`). A look-up by item is a seek in `item_version`
and then in the table of its rows. PUBLICATION_ID is the published batch, whichever batch wrote the row. Time columns of the ERP-shaped views show 0 for
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

from routing_etl.scenarios import CV_BANDS, GRADES, INTERVAL_SIGMAS
from routing_etl.warehouse import types as t
from routing_etl.warehouse.schema import tables
from routing_etl.warehouse.view_parts import (
    Column,
    Sources,
    Words,
    from_pointer,
    operations_from,
    same_candidate,
)
from routing_etl.warehouse.views_bop import bop_child, bop_detail, bop_master, bop_res, candidate_resources
from routing_etl.warehouse.views_changes import publication_changes, publication_item_changes
from routing_etl.warehouse.views_life import (
    acceptance_by_week,
    model_decisions,
    model_realised,
    quality_trend,
    rejection_reasons,
    routing_marks,
)
from routing_etl.warehouse.views_outcomes import edits_by_family, item_outcomes, open_proposals
from routing_etl.warehouse.views_upkeep import bop_proc_detail_time, data_health, standard_time_review
from routing_etl.warehouse.views_watch import (
    families_by_month,
    freshness,
    publication_shown,
    published_by_night,
    rejects_by_rule,
    time_profile_changes,
    who_did_what,
)


class CreateView(DDLElement):
    """CREATE VIEW name AS select; for databases without CREATE OR REPLACE too."""

    def __init__(self, name: str, schema: str | None, select: sa.Select[Any]) -> None:
        self.name, self.schema, self.select = name, schema, select


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
    quote = compiler.preparer.quote
    name = quote(element.name)
    qualified = f"{quote(element.schema)}.{name}" if element.schema else name
    body = compiler.sql_compiler.process(element.select, literal_binds=True)
    return f"CREATE VIEW {qualified} AS\n{_readable(body)}"


def _inside_word(tb: Sources) -> Column:
    return sa.case(
        (tb.candidate_operation.c.inside == sa.literal("out", sa.String()), tb.publication.c.word_outsourced),
        else_=tb.publication.c.word_inhouse,
    )


def _candidates(tb: Sources, w: Words) -> sa.Select[Any]:
    c, b = tb.candidate.c, tb.publication.c
    return sa.select(
        tb.item_version.c.item_cd,
        c.candidate_id,
        c.routing_signature,
        c.similarity_score,
        c.priority,
        c.similarity_tier,
        c.reference_item_cd,
        b.model_version.label("generator_version"),
        b.created_at.label("generated_at"),
        c.candidate_rank,
        c.rout_no,
        c.routing_source,
        c.process_count,
        c.work_order_count,
        c.confidence,
        tb.current_publication.c.publication_id,
        c.item_hash,
        c.predicted_rout_no,
        c.routing_code,
        c.work_order_confidence,
        c.neighbour_count,
        c.support,
        c.matched_attributes,
        # only items without a valid routing are predicted
        w.word("N", 1).label("has_routing"),
        _yes(c.replaced_operations > 0, w).label("outsourcing_replaced"),
        b.model_quality,
        *_grade(c.confidence + b.model_quality, w),
    ).select_from(from_pointer(tb, tb.candidate))


def _yes(condition: sa.ColumnElement[bool], w: Words) -> Column:
    return sa.case((condition, w.word("Y", 1)), else_=w.word("N", 1))


def _grade(twice: sa.ColumnElement[Any], w: Words) -> list[sa.Label[Any]]:
    """The ERP's grade and its word, by the mean of the candidate's confidence and the version's exact match; NULL where that is not known."""

    def of(words: list[str], size: int) -> Column:
        bands = [
            (twice >= 2 * limit, w.word(word, size)) for (limit, *_), word in zip(GRADES, words, strict=True)
        ]
        return sa.case(*bands, else_=w.null(t.text(size)))

    letters, words = [letter for _, letter, _ in GRADES], [word for *_, word in GRADES]
    return [of(letters, 1).label("quality_grade"), of(words, 8).label("quality_label")]


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
        ("OUTSOURCING_REPLACED", _yes(o.replaced_job.is_not(None), w)),
        ("PREDICTION_TYPE", w.word("ML_BASED", 8)),
        ("CANDIDATE_RANK", c.candidate_rank),
        ("ROUT_NO", c.predicted_rout_no),
        ("MODEL_VERSION", b.model_version),
        ("PUBLICATION_ID", tb.current_publication.c.publication_id),
        ("TIME_STD", w.two(o.time_cv * o.standard_time)),
        ("TIME_SCENARIO", _scenario(o.time_cv, w)),
        ("SIMILAR_ITEMS_USED", c.neighbour_count),
        ("SETUP_STD", w.money((o.setup_p90 - o.setup_p10) / INTERVAL_SIGMAS)),
        ("REPLACED_JOB_CD", o.replaced_job),
    ]
    return [column.label(name) for name, column in columns]


def _scenario(cv: Column, w: Words) -> Column:
    """The ERP's word for the band of a coefficient of variation; NULL where it is not known."""
    words = ("안정적", "보통", "가변적")
    bands = [(cv < limit, w.word(word, 8)) for (limit, _), word in zip(CV_BANDS, words, strict=True)]
    return sa.case((cv.is_(None), w.null(t.text(8))), *bands, else_=w.word("불안정", 8))


def _candidate_operations(tb: Sources, w: Words) -> sa.Select[Any]:
    c = tb.candidate.c
    return sa.select(
        tb.item_version.c.item_cd, c.candidate_id, *_layout(tb, w), *_operation_extras(tb, w)
    ).select_from(operations_from(tb))


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
        tb.item_version.c.item_cd.label("ITEM_CD"),
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


def _evidence(tb: Sources, w: Words) -> sa.Select[Any]:
    c, e = tb.candidate.c, tb.candidate_evidence
    source = from_pointer(tb, tb.candidate).join(e, same_candidate(e, tb.candidate))
    o: Any = tb.prediction_outcome
    one: Any = sa.literal_column("1")
    copied = sa.exists(
        sa.select(one)
        .select_from(o)
        .where(o.c.item_cd == e.c.neighbour_item_cd, o.c.adopted == sa.true())
        .correlate(e)
    )
    return sa.select(
        tb.item_version.c.item_cd,
        c.candidate_id,
        c.candidate_rank,
        e.c.evidence_rank,
        e.c.neighbour_item_cd,
        e.c.neighbour_rout_no,
        e.c.similarity,
        e.c.weight,
        e.c.matching,
        e.c.differing,
        tb.current_publication.c.publication_id,
        sa.case((copied, 1), else_=0).label("neighbour_is_copy"),
    ).select_from(source)


def _abstained(tb: Sources, w: Words) -> sa.Select[Any]:
    a, b = tb.abstained_item.c, tb.publication.c
    return sa.select(
        tb.item_version.c.item_cd,
        a.reason,
        a.reason_code,
        a.best_similarity,
        b.model_version,
        tb.current_publication.c.publication_id,
    ).select_from(from_pointer(tb, tb.abstained_item))


def _predictions(tb: Sources, w: Words) -> sa.Select[Any]:
    c, o, b = tb.candidate.c, tb.candidate_operation.c, tb.publication.c
    return sa.select(
        tb.current_publication.c.publication_id,
        b.model_version,
        tb.item_version.c.item_cd,
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
        tb.item_version.c.item_cd.label("ITEM_CD"),
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
        tb.current_publication.c.publication_id.label("PUBLICATION_ID"),
    ).select_from(operations_from(tb))


def _run_summary(tb: Sources, w: Words) -> sa.Select[Any]:
    r, q, b = tb.batch_run.c, tb.quality_result.c, tb.publication.c
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
        b.writer,
        b.writer_reason,
        w.seconds(r.started_at, r.finished_at).label("seconds"),
    ).select_from(tb.batch_run.outerjoin(tb.publication, b.id == r.publication_id))


def _item_versions(tb: Sources, w: Words) -> sa.Select[Any]:
    """From which publication to before which an item has the rows that the first of them wrote, or none."""
    i, later = tb.item_version.c, tb.later_item.c
    following = (
        sa.select(sa.func.min(later.from_publication))
        .where(later.item_cd == i.item_cd, later.from_publication > i.from_publication)
        .scalar_subquery()
    )
    return sa.select(i.item_cd, i.from_publication, following.label("to_publication"), i.shown)


def _run_rejects(tb: Sources, w: Words) -> sa.Select[Any]:
    """The source rows that each run rejected, whichever run met them first."""
    r, x = tb.batch_run.c, tb.rejected_row.c
    still = sa.or_(x.until_no.is_(None), x.until_no > r.rejects_no)
    since = sa.and_(x.from_no <= r.rejects_no, still)
    # Older releases stored all rows with each run.
    own = sa.and_(x.from_no.is_(None), x.run_id == r.run_id)
    return sa.select(
        r.run_id,
        r.started_at,
        x.source_table,
        x.row_key,
        x.rule_name,
        x.reason,
        x.raw_values,
        sa.func.coalesce(x.copies, 1).label("copies"),
        x.run_id.label("since_run_id"),
    ).select_from(tb.batch_run.join(tb.rejected_row, sa.or_(since, own)))


#: All views in the order of creation. A new or changed one needs a revision (see `migrations/README.md`).
_VIEWS: dict[str, Callable[[Sources, Words], sa.Select[Any]]] = {
    "routing_candidates": _candidates,
    "routing_candidate_operations": _candidate_operations,
    "routing_candidate_resources": candidate_resources,
    "routing_candidate_evidence": _evidence,
    "routing_flat": _flat,
    "routing_abstained": _abstained,
    "routing_predictions": _predictions,
    "model_quality_trend": quality_trend,
    "batch_run_summary": _run_summary,
    "bop_proc_master": bop_master,
    "bop_proc_detail": bop_detail,
    "bop_proc_res": bop_res,
    "bop_proc_child": bop_child,
    "routing_lot_times": _lot_times,
    "routing_item_versions": _item_versions,
    "batch_run_rejects": _run_rejects,
    "standard_time_review": standard_time_review,
    "bop_proc_detail_time": bop_proc_detail_time,
    "data_health": data_health,
    "model_decisions": model_decisions,
    "model_realised": model_realised,
    "acceptance_by_week": acceptance_by_week,
    "routing_marks": routing_marks,
    "rejection_reasons": rejection_reasons,
    "families_by_month": families_by_month,
    "rejects_by_rule": rejects_by_rule,
    "time_profile_changes": time_profile_changes,
    "published_by_night": published_by_night,
    "publication_shown": publication_shown,
    "freshness": freshness,
    "who_did_what": who_did_what,
    "publication_changes": publication_changes,
    "publication_item_changes": publication_item_changes,
    "item_outcomes": item_outcomes,
    "edits_by_family": edits_by_family,
    "open_proposals": open_proposals,
}

#: Names of all views, in the order of creation.
VIEW_NAMES = tuple(_VIEWS)


def view_selects(schema: str | None, dialect: str) -> dict[str, sa.Select[Any]]:
    """View name to its select, for `sqlite`, `mssql` or `postgresql`."""
    tb, words = Sources(tables(schema)), Words(dialect)
    return {name: make(tb, words) for name, make in _VIEWS.items()}
