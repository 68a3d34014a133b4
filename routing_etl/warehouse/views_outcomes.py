"""The views of what became of proposals, item by item: those that were routed, and those that still wait."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from routing_etl.warehouse.view_parts import Column, Sources, Words, from_pointer


def _said(o: Any, mark: str) -> sa.ColumnElement[bool]:
    said: sa.ColumnElement[bool] = o.mark == sa.literal(mark, sa.String())
    return said


def _verdict(o: Any, w: Words) -> Column:
    """One of `schema_life.VERDICTS`; what the ERP shows goes before what was said."""
    hit = o.outcome.in_([sa.literal(one, sa.String()) for one in ("first", "alternative")])
    copied = o.adopted == sa.true()
    cases = (
        (o.candidates == 0, "no_proposal"),
        (sa.and_(copied, o.candidate_rank > 1), "accepted_alternative"),
        (copied, "accepted"),
        (sa.or_(_said(o, "edited"), o.copied_by.is_not(None)), "edited"),
        (_said(o, "accepted"), "superseded"),
        (_said(o, "rejected"), "rejected"),
        (hit, "same_by_hand"),
        (o.common_operations == 0, "ignored"),
    )
    return sa.case(*((when, w.word(word, 24)) for when, word in cases), else_=w.word("other_by_hand", 24))


def item_outcomes(tb: Sources, w: Words) -> sa.Select[Any]:
    """What became of each item that was predicted and then routed, in one word, with how far it is from the nearest proposal."""
    o = tb.prediction_outcome.c
    return sa.select(
        o.item_cd,
        o.publication_id,
        o.model_version,
        o.part_type,
        _verdict(o, w).label("verdict"),
        o.candidate_rank,
        o.nearest_rank,
        o.confidence,
        o.edit_distance,
        o.machines_changed,
        o.times_changed,
        o.predicted_code,
        o.written_code,
        o.written_rout_no,
        o.copied_by,
        o.mark,
        o.reason_code,
        w.week(o.observed_at).label("week"),
        o.observed_at,
    ).select_from(tb.prediction_outcome)


def edits_by_family(tb: Sources, w: Words) -> sa.Select[Any]:
    """Month by month, part type and rank of the nearest proposal: how far the written routings are from it.

    The edit distance counts operations to insert or delete, in order (a replaced one is two).
    """
    o = tb.prediction_outcome.c
    month = w.month(o.observed_at)

    def total(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
        return sa.func.sum(sa.case((condition, 1), else_=0))

    return (
        sa.select(
            month.label("month"),
            o.part_type,
            o.nearest_rank,
            sa.func.count().label("items"),
            total(o.edit_distance == 0).label("same_operations"),
            total(sa.and_(o.edit_distance == 0, o.machines_changed == 0)).label("same_machines"),
            w.share(sa.func.sum(o.edit_distance), sa.func.count()).label("mean_edit_distance"),
            sa.func.sum(o.written_operations).label("operations"),
            sa.func.sum(o.machines_changed).label("machines_changed"),
            sa.func.sum(o.times_changed).label("times_changed"),
        )
        .where(o.edit_distance.is_not(None))
        .group_by(month, o.part_type, o.nearest_rank)
    )


def open_proposals(tb: Sources, w: Words) -> sa.Select[Any]:
    """The items that wait for a routing and have a proposal: since when they have one, and what was said of it.

    `open_since` goes back as far as publications are kept. `superseded`: the routing that was accepted is shown no more.
    """
    i, p, c = tb.item_version.c, tb.current_publication.c, tb.candidate.c
    one: Any = sa.literal_column("1")
    was, closed, batch, then = (
        tb.earlier_item.c,
        tb.closing_item.c,
        tb.earlier_publication.c,
        tb.earlier_candidate.c,
    )
    interrupted = sa.exists(
        sa.select(one)
        .select_from(tb.closing_item)
        .where(
            closed.item_cd == i.item_cd,
            closed.shown == sa.false(),
            closed.from_publication > was.from_publication,
            closed.from_publication <= p.publication_id,
        )
        .correlate(tb.item_version, tb.current_publication, tb.earlier_item)
    )
    since = (
        sa.select(sa.func.min(batch.published_at))
        .select_from(
            tb.earlier_item.join(tb.earlier_publication, batch.id == was.from_publication).join(
                tb.earlier_candidate,
                sa.and_(
                    then.publication_id == was.from_publication,
                    then.item_cd == was.item_cd,
                    then.candidate_rank == 1,
                ),
            )
        )
        .where(was.item_cd == i.item_cd, was.from_publication <= p.publication_id, ~interrupted)
        .correlate(tb.item_version, tb.current_publication)
        .scalar_subquery()
    )
    f, beside = tb.routing_feedback.c, tb.other_candidate.c
    taken = sa.or_(f.mark.is_(None), f.mark.in_([sa.literal(m, sa.String()) for m in ("accepted", "edited")]))
    in_force = sa.and_(f.item_cd == i.item_cd, f.undone_at.is_(None))

    def marked(*conditions: sa.ColumnElement[bool]) -> sa.Exists:
        found = sa.select(one).select_from(tb.routing_feedback).where(in_force, *conditions)
        return sa.exists(found.correlate(tb.item_version, tb.candidate))

    still_shown = sa.exists(
        sa.select(one)
        .select_from(tb.other_candidate)
        .where(
            beside.publication_id == i.from_publication,
            beside.item_cd == i.item_cd,
            beside.routing_code == f.routing_code,
        )
        .correlate(tb.item_version, tb.routing_feedback)
    )
    state = sa.case(
        (marked(taken, still_shown), w.word("accepted", 16)),
        (marked(taken), w.word("superseded", 16)),
        (marked(_said(f, "rejected"), f.routing_code == c.routing_code), w.word("rejected", 16)),
        else_=w.word("open", 16),
    )
    return (
        sa.select(
            i.item_cd,
            p.publication_id,
            tb.publication.c.model_version,
            c.candidate_id,
            c.routing_code,
            c.confidence,
            since.label("open_since"),
            state.label("state"),
        )
        .select_from(from_pointer(tb, tb.candidate))
        .where(c.candidate_rank == 1)
    )
