"""The views over the ERP's own data: standard times beside measured ones, and the data's health.

What belongs here: what is said of routings that exist. What does not: predictions (`views.py`).
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from routing_etl.warehouse.view_parts import Sources, Words


def _reviewed(tb: Sources) -> sa.Join:
    """The current review and the rows that count in it."""
    pointer, review, row = tb.current_standard_review, tb.standard_review, tb.standard_time_proposal
    return pointer.join(review, sa.and_(pointer.c.slot == 1, review.c.id == pointer.c.review_id)).join(
        row, sa.and_(row.c.review_from <= pointer.c.review_id, row.c.review_to > pointer.c.review_id)
    )


def standard_time_review(tb: Sources, w: Words) -> sa.Select[Any]:
    """A row per operation and measure; the worst come first by `hours_moved`, descending."""
    s, review = tb.standard_time_proposal.c, tb.standard_review.c
    return sa.select(
        s.item_cd,
        s.rout_no,
        s.proc_seq,
        s.job_cd,
        s.job_nm,
        s.res_cd,
        s.measure,
        s.standard_min,
        s.standard_date,
        s.measured_min,
        s.low_min,
        s.high_min,
        s.orders,
        s.orders_all,
        s.difference_min,
        s.ratio,
        s.verdict,
        s.sure,
        s.p_value,
        s.differs_since,
        s.since_basis,
        s.changed_on,
        s.proposed_min,
        s.no_proposal,
        s.hours_year,
        sa.func.abs(s.hours_year).label("hours_moved"),
        s.orders_year,
        s.pieces_year,
        s.lot_size,
        s.lot_exponent,
        s.first_report,
        s.last_report,
        review.as_of,
        review.run_id,
        review.id.label("review_id"),
    ).select_from(_reviewed(tb))


def bop_proc_detail_time(tb: Sources, w: Words) -> sa.Select[Any]:
    """Proposed standards in the columns of P_BOP_PROC_DETAIL that change; NULL leaves a time as it is.

    An operation's row is that of its run time, or that of its set-up where only that has a proposal.
    """
    row, other, pointer = tb.standard_time_proposal, tb.other_time, tb.current_standard_review.c
    s, o, review = row.c, other.c, tb.standard_review.c
    run, setup = sa.literal("run", sa.String()), sa.literal("setup", sa.String())
    beside = sa.and_(
        o.item_cd == s.item_cd,
        o.rout_no == s.rout_no,
        o.proc_seq == s.proc_seq,
        o.review_from <= pointer.review_id,
        o.review_to > pointer.review_id,
        o.proposed_min.is_not(None),
    )
    its_setup = (
        sa.select(o.proposed_min).where(beside, o.measure == setup).correlate(row, tb.current_standard_review)
    )
    has_run = sa.exists(
        sa.select(sa.literal_column("1")).select_from(other).where(beside, o.measure == run)
    ).correlate(row, tb.current_standard_review)
    columns = {
        "CoCd": review.company_code,
        "PlantCd": review.plant_code,
        "ITEM_CD": s.item_cd,
        "ROUT_NO": s.rout_no,
        "PROC_SEQ": s.proc_seq,
        "JOB_CD": s.job_cd,
        "TIME_UNIT": w.word("M", 1),
        "RUN_TIME": sa.case((s.measure == run, s.proposed_min)),
        "RUN_TIME_QTY": sa.cast(sa.literal(1, sa.Integer()), sa.Integer),
        "SETUP_TIME": sa.case((s.measure == setup, s.proposed_min), else_=its_setup.scalar_subquery()),
        "UPDT_USER_ID": review.service_user,
        "REVIEW_ID": review.id,
    }
    return (
        sa.select(*(column.label(name) for name, column in columns.items()))
        .select_from(_reviewed(tb))
        .where(s.proposed_min.is_not(None), sa.or_(s.measure == run, ~has_run))
    )


def data_health(tb: Sources, w: Words) -> sa.Select[Any]:
    """The newest findings, a row per check and segment."""
    h = tb.health_finding.c
    return sa.select(
        h.check_name,
        h.dimension,
        h.segment,
        h.touched,
        h.whole,
        h.share,
        h.unit,
        h.cost,
        h.examples,
        h.reason,
        h.meaning,
        h.remedy,
        h.run_id,
        h.checked_at,
        h.seq,
    ).select_from(tb.health_finding)
