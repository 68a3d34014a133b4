"""The views that answer whoever watches the product: nights, families, rejects, times, who did what, fresh or not.

What belongs here: one view a question, of few rows, that no screen of the ERP reads. What does not: predictions (`views.py`).
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from routing_etl.warehouse import types as t
from routing_etl.warehouse.view_parts import Column, Sources, Words
from routing_etl.warehouse.writing import place_among

#: How a run ends that has published what was to be published.
_WELL = ("succeeded", "succeeded_with_warnings")


def _total(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
    return sa.func.sum(sa.case((condition, 1), else_=0))


def families_by_month(tb: Sources, w: Words) -> sa.Select[Any]:
    """Month by month and part type: items that engineers routed, and how often the first candidate was what they wrote.

    A copy of a proposal proves nothing, so `exact_share` is of what they wrote themselves. The worst come first by it.
    """
    o = tb.prediction_outcome.c
    month = w.month(o.observed_at)
    itself = _total(o.adopted == sa.false())
    right = _total(sa.and_(o.adopted == sa.false(), o.outcome == sa.literal("first", sa.String())))
    taken = _total(o.adopted == sa.true())
    proposed = _total(o.candidates > 0)
    return sa.select(
        month.label("month"),
        o.part_type,
        sa.func.count().label("items_routed"),
        proposed.label("with_proposal"),
        taken.label("taken_over"),
        itself.label("written_themselves"),
        right.label("themselves_as_first"),
        _total(o.outcome == sa.literal("abstained", sa.String())).label("without_candidate"),
        w.share(right, itself).label("exact_share"),
        w.share(taken, proposed).label("acceptance_rate"),
    ).group_by(month, o.part_type)


def rejects_by_rule(tb: Sources, w: Words) -> sa.Select[Any]:
    """How many source rows each run rejected by each rule, and how many of them no run before it had."""
    r, x = tb.batch_run.c, tb.rejected_row.c
    still = sa.or_(x.until_no.is_(None), x.until_no > r.rejects_no)
    since = sa.and_(x.from_no <= r.rejects_no, still)
    own = sa.and_(x.from_no.is_(None), x.run_id == r.run_id)
    copies = sa.func.coalesce(x.copies, 1)
    return (
        sa.select(
            r.run_id,
            r.started_at,
            x.source_table,
            x.rule_name,
            sa.func.sum(copies).label("rejected"),
            sa.func.sum(sa.case((x.run_id == r.run_id, copies), else_=0)).label("new"),
        )
        .select_from(tb.batch_run.join(tb.rejected_row, sa.or_(since, own)))
        .group_by(r.run_id, r.started_at, x.source_table, x.rule_name)
    )


def time_profile_changes(tb: Sources, w: Words) -> sa.Select[Any]:
    """The time of each job on each machine month by month, beside the month before that has it."""
    s = tb.time_profile_month.c
    earlier: dict[str, Any] = {"partition_by": (s.job_cd, s.res_cd, s.measure), "order_by": s.month}
    before = sa.func.lag(s.standard_min).over(**earlier)
    return sa.select(
        s.month,
        s.job_cd,
        s.res_cd,
        s.measure,
        s.samples,
        s.optimal_min,
        s.standard_min,
        s.safe_min,
        sa.func.lag(s.month).over(**earlier).label("previous_month"),
        before.label("previous_min"),
        w.share(s.standard_min, before).label("ratio"),
        s.last_report,
        s.run_id,
    ).select_from(tb.time_profile_month)


def published_by_night(tb: Sources, w: Words) -> sa.Select[Any]:
    """What every night measured of the batch that it published, in all and by segment: coverage, confidence, drift, realised match."""
    m, r = tb.model_metric.c, tb.batch_run
    production = sa.literal("production", sa.Unicode())
    return (
        sa.select(
            m.run_id,
            m.computed_at,
            m.model_version,
            r.c.publication_id,
            m.segment,
            m.metric,
            m.value,
            m.n,
            m.reason,
        )
        .select_from(tb.model_metric.outerjoin(r, r.c.run_id == m.run_id))
        .where(m.split == production)
    )


def publication_shown(tb: Sources, w: Words) -> sa.Select[Any]:
    """Which publication readers saw from when to when, by whom it was put there, and which version made it."""
    e, following, b = tb.publication_event.c, tb.later_event.c, tb.publication
    moves = [sa.literal(word, sa.String()) for word in ("published", "rolled_back")]
    until = (
        sa.select(sa.func.min(following.happened_at))
        .where(following.id > e.id, following.event.in_(moves))
        .scalar_subquery()
    )
    return (
        sa.select(
            e.publication_id,
            e.event,
            e.happened_at.label("visible_from"),
            until.label("visible_until"),
            e.done_by,
            e.message,
            b.c.model_version,
            b.c.run_id,
            b.c.rows_candidate.label("candidates"),
            b.c.rows_abstained.label("abstained"),
            b.c.items_changed,
            b.c.state,
        )
        .select_from(tb.publication_event.join(b, b.c.id == e.publication_id))
        .where(e.event.in_(moves))
    )


def freshness(tb: Sources, w: Words) -> sa.Select[Any]:
    """One row: what readers see and since when, the last run, and the last success. None before a run.

    Last by the order of reads; runs of one place in it by their clock.
    """
    last, p, b = _newest(tb, tb.batch_run), tb.current_publication, tb.publication
    well = _newest(
        tb, tb.ended_run, tb.ended_run.c.status.in_([sa.literal(word, sa.String()) for word in _WELL])
    )
    success = sa.select(well.c.finished_at).where(well.c.age == 1).scalar_subquery()
    moved = sa.select(sa.func.max(p.c.moved_at)).scalar_subquery()
    version = (
        sa.select(sa.func.max(b.c.model_version))
        .select_from(p.join(b, b.c.id == p.c.publication_id))
        .scalar_subquery()
    )
    return sa.select(
        sa.select(sa.func.max(p.c.publication_id)).scalar_subquery().label("publication_id"),
        version.label("model_version"),
        moved.label("published_at"),
        last.c.run_id.label("last_run_id"),
        last.c.status.label("last_status"),
        last.c.started_at.label("last_started_at"),
        last.c.finished_at.label("last_finished_at"),
        success.label("last_success_at"),
        last.c.message.label("last_message"),
    ).where(last.c.age == 1)


def _newest(tb: Sources, run: Any, *conditions: sa.ColumnElement[bool]) -> sa.Subquery:
    """The runs of a table with their `age`, 1 for the newest; trainings that ran alone publish nothing and are left out."""
    alone, r = sa.literal("train", sa.Unicode()), run.c
    place = place_among(tb.erp_read, r.run_id, r.started_at).label("place")
    placed = (
        sa.select(r.run_id, r.status, r.started_at, r.finished_at, r.message, place)
        .where(r.kind != alone, *conditions)
        .subquery(f"placed_{run.name}")
    )
    newest_first = (placed.c.place.desc(), placed.c.started_at.desc(), placed.c.run_id.desc())
    return sa.select(placed, sa.func.row_number().over(order_by=newest_first).label("age")).subquery(
        f"aged_{run.name}"
    )


def who_did_what(tb: Sources, w: Words) -> sa.Select[Any]:
    """Everything that somebody changed, by name: commands, decisions about models, moves of the pointer, marks of proposals."""
    a, d, e = tb.audit_log.c, tb.model_decision.c, tb.publication_event.c
    f, g = tb.routing_feedback.c, tb.routing_feedback_time.c

    def row(*values: Column) -> sa.Select[Any]:
        names = ("happened_at", "done_by", "done_via", "action", "subject", "outcome", "message")
        lengths = (0, 128, 16, 64, 400, 16, 2000)
        return sa.select(
            *(
                (sa.cast(value, t.text(length)) if length else value).label(name)
                for name, length, value in zip(names, lengths, values, strict=True)
            )
        )

    def said(words: str) -> Column:
        return sa.literal(words, sa.Unicode())

    done, nothing = said("succeeded"), sa.null()
    mark = sa.case((f.mark.is_(None), said("accepted")), else_=f.mark)
    remark = sa.case((f.remark.is_(None), f.reason_code), else_=f.remark)
    everything = sa.union_all(
        row(a.happened_at, a.done_by, a.done_via, a.command, a.subject, a.outcome, a.message),
        row(d.decided_at, d.decided_by, d.decided_via, said("model ") + d.decision, d.model_version, done, d.reason),
        row(
            e.happened_at, e.done_by, nothing, said("publication ") + e.event, sa.cast(e.publication_id, t.text(20)), done, e.message,
        ),
        row(f.accepted_at, f.accepted_by, nothing, said("proposal ") + mark, f.candidate_id, done, remark),
        row(f.undone_at, f.undone_by, nothing, said("proposal mark undone"), f.candidate_id, done, nothing).where(
            f.undone_at.is_not(None)
        ),
        row(g.accepted_at, g.accepted_by, nothing, said("standard time accepted"), g.item_cd, done, g.job_cd),
    )  # fmt: skip
    return sa.select(*everything.subquery("u").c)
