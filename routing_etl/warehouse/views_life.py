"""The views of a model's life: the trend of its quality, the decisions about it, and what became of its predictions."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from routing_etl.warehouse import types as t
from routing_etl.warehouse.view_parts import Sources, Words
from routing_etl.warehouse.writing import place_among


def quality_trend(tb: Sources, w: Words) -> sa.Select[Any]:
    """Each version's newest value of each metric on each window, beside the version before it on the same window.

    A window is the judged items with their routings and what was learned from. What was measured on another one is not
    compared, and `not_compared` says so. Newest, and before: by the order of reads, so that no clock that was set back tells.
    """
    v, metric = tb.model_version, tb.model_metric
    place = place_among(tb.erp_read, metric.c.run_id, metric.c.computed_at).label("place")
    placed = sa.select(metric, place).subquery("placed")
    m = placed.c
    series = (m.method, m.split, m.segment, m.metric)
    newest_first = sa.func.row_number().over(
        partition_by=(m.model_version, *series, m.window_id),
        order_by=(m.place.desc(), m.computed_at.desc(), m.run_id.desc()),
    )
    measured = sa.select(placed, newest_first.label("age")).subquery("measured")
    n = measured.c
    whole: dict[str, Any] = {
        "partition_by": (n.method, n.split, n.segment, n.metric),
        "order_by": (n.place, n.computed_at, n.model_version),
    }
    same: dict[str, Any] = {**whole, "partition_by": (*whole["partition_by"], n.window_id)}
    known = n.window_id.is_not(None)
    before, previous = sa.func.lag(n.model_version).over(**same), sa.func.lag(n.value).over(**same)
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
            sa.case((known, before)).label("previous_version"),
            sa.case((known, previous)).label("previous_value"),
            sa.case((known, n.value - previous)).label("difference"),
            n.run_id,
            n.window_id,
            n.items_trained,
            sa.case(
                (sa.and_(known, before.is_not(None)), w.null(t.text(40))),
                (sa.func.lag(n.model_version).over(**whole).is_(None), w.word("no earlier version", 40)),
                (known, w.word("earlier versions: another window", 40)),
                else_=w.word("no window is on record", 40),
            ).label("not_compared"),
        )
        .select_from(measured.join(v, v.c.version == n.model_version))
        .where(n.age == 1)
    )


def model_decisions(tb: Sources, w: Words) -> sa.Select[Any]:
    """Every decision about a model version: who, when, why, and the exact match of both sides on the same items."""
    d, f = tb.model_decision.c, tb.model_decision_metric.c
    headline = sa.and_(
        f.decision_id == d.id,
        f.basis == sa.literal("window", sa.String()),
        f.segment == sa.literal("all", sa.Unicode()),
        f.metric == sa.literal("exact_at_1", sa.Unicode()),
    )
    return sa.select(
        d.id,
        d.decided_at,
        d.decision,
        d.model_version,
        d.champion,
        d.decided_by,
        d.decided_via,
        d.database_login,
        d.reason,
        f.value.label("exact_match"),
        f.champion_value.label("champion_exact_match"),
        f.difference,
        f.low,
        f.high,
        f.n,
        f.verdict,
        d.items_trained,
        d.data_hash,
        d.recipe_hash,
        d.run_id,
    ).select_from(tb.model_decision.outerjoin(tb.model_decision_metric, headline))


def _count(o: Any, *outcomes: str, copied: bool | None = None) -> sa.ColumnElement[int]:
    """How many rows have one of the outcomes (none named: any), copied from a proposal or not."""
    conditions = [o.outcome.in_([sa.literal(one, sa.String()) for one in outcomes])] if outcomes else []
    if copied is not None:
        conditions.append(o.adopted == (sa.true() if copied else sa.false()))
    return sa.func.sum(sa.case((sa.and_(*conditions), 1), else_=0))


def model_realised(tb: Sources, w: Words) -> sa.Select[Any]:
    """What became of each version's predictions. Copies of proposals prove nothing: the share is of what engineers wrote themselves."""
    o = tb.prediction_outcome.c
    itself, right = _count(o, copied=False), _count(o, "first", copied=False)
    return sa.select(
        o.model_version,
        sa.func.count().label("items_routed"),
        _count(o, "first").label("as_first_candidate"),
        _count(o, "alternative").label("as_another_candidate"),
        _count(o, "other").label("otherwise"),
        _count(o, "abstained").label("without_candidate"),
        sa.func.sum(sa.case((o.adopted == sa.true(), 1), else_=0)).label("adopted"),
        sa.func.min(o.observed_at).label("first_seen"),
        sa.func.max(o.observed_at).label("last_seen"),
        itself.label("written_themselves"),
        right.label("themselves_as_first"),
        w.share(right, itself).label("exact_share"),
    ).group_by(o.model_version)


def acceptance_by_week(tb: Sources, w: Words) -> sa.Select[Any]:
    """Week by week what engineers did with the items that had a proposal, and the share that took one over as it was."""
    o = tb.prediction_outcome.c
    week = w.week(o.observed_at)
    taken, edited = (
        _count(o, copied=True),
        sa.func.sum(sa.case((o.mark == sa.literal("edited", sa.String()), 1), else_=0)),
    )
    return (
        sa.select(
            week.label("week"),
            o.model_version,
            sa.func.count().label("items_routed"),
            taken.label("taken_over"),
            edited.label("edited"),
            _count(o, "first", copied=False).label("themselves_as_first"),
            _count(o, "alternative", copied=False).label("themselves_as_another"),
            _count(o, "other", copied=False).label("otherwise"),
            w.share(taken, sa.func.count()).label("acceptance_rate"),
        )
        .where(o.candidates > 0)
        .group_by(week, o.model_version)
    )


def routing_marks(tb: Sources, w: Words) -> sa.Select[Any]:
    """What engineers said of proposals, with how many other candidates of the item are accepted as well, and what the ERP has now.

    What the ERP shows decides: an accepted candidate is superseded when it has another routing.
    """
    f, b, other = tb.routing_feedback, tb.publication, tb.other_mark
    accepted = sa.literal("accepted", sa.String())
    also = (
        sa.select(sa.func.count())
        .select_from(other)
        .where(
            other.c.item_cd == f.c.item_cd,
            other.c.undone_at.is_(None),
            sa.or_(other.c.mark.is_(None), other.c.mark != sa.literal("rejected", sa.String())),
            other.c.routing_code != f.c.routing_code,
        )
        .correlate(f)
        .scalar_subquery()
    )
    o = tb.prediction_outcome.c
    routed = sa.and_(o.item_cd == f.c.item_cd, o.observed_at >= f.c.accepted_at)

    def written(*more: sa.ColumnElement[bool]) -> sa.Exists:
        one: Any = sa.literal_column("1")
        found = sa.select(one).select_from(tb.prediction_outcome).where(routed, *more)
        return sa.exists(found.correlate(f))

    erp_has = sa.case(
        (written(o.written_code == f.c.routing_code), w.word("this routing", 16)),
        (written(), w.word("another routing", 16)),
        else_=w.word("none yet", 16),
    )
    return sa.select(
        f.c.item_cd,
        f.c.publication_id,
        f.c.candidate_id,
        f.c.candidate_rank,
        f.c.predicted_rout_no,
        f.c.routing_code,
        sa.case((f.c.mark.is_(None), accepted), else_=f.c.mark).label("mark"),
        f.c.reason_code,
        f.c.remark,
        f.c.accepted_by.label("marked_by"),
        f.c.accepted_at.label("marked_at"),
        f.c.undone_by,
        f.c.undone_at,
        sa.case((f.c.undone_at.is_(None), 1), else_=0).label("in_force"),
        also.label("others_accepted"),
        b.c.model_version,
        erp_has.label("erp_has"),
    ).select_from(f.join(b, b.c.id == f.c.publication_id))


def rejection_reasons(tb: Sources, w: Words) -> sa.Select[Any]:
    """Why proposals were rejected, week by week and by rank; marks that were undone do not count."""
    f, b = tb.routing_feedback, tb.publication
    week = w.week(f.c.accepted_at)
    return (
        sa.select(
            week.label("week"),
            b.c.model_version,
            f.c.candidate_rank,
            f.c.reason_code,
            sa.func.count().label("candidates"),
        )
        .select_from(f.join(b, b.c.id == f.c.publication_id))
        .where(f.c.mark == sa.literal("rejected", sa.String()), f.c.undone_at.is_(None))
        .group_by(week, b.c.model_version, f.c.candidate_rank, f.c.reason_code)
    )
