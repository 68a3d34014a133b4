"""The views of a model's life: the trend of its quality, the decisions about it, and what became of its predictions."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from routing_etl.warehouse import types as t
from routing_etl.warehouse.view_parts import Sources, Words


def quality_trend(tb: Sources, w: Words) -> sa.Select[Any]:
    """Each version's newest value of each metric on each window, beside the version before it on the same window.

    A window is the judged items with their routings and what was learned from. What was measured on another one is not
    compared, and `not_compared` says so.
    """
    m, v = tb.model_metric.c, tb.model_version
    series = (m.method, m.split, m.segment, m.metric)
    newest_first = sa.func.row_number().over(
        partition_by=(m.model_version, *series, m.window_id), order_by=(m.computed_at.desc(), m.run_id.desc())
    )
    measured = sa.select(tb.model_metric, newest_first.label("age")).subquery("measured")
    n = measured.c
    whole: dict[str, Any] = {
        "partition_by": (n.method, n.split, n.segment, n.metric),
        "order_by": (n.computed_at, n.model_version),
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


def model_realised(tb: Sources, w: Words) -> sa.Select[Any]:
    """What became of each version's predictions, counted from the outcomes; adopted ones were copied and prove less."""
    o = tb.prediction_outcome.c

    def count(outcome: str) -> sa.ColumnElement[int]:
        return sa.func.sum(sa.case((o.outcome == sa.literal(outcome, sa.String()), 1), else_=0))

    written, adopted = sa.func.count(), sa.func.sum(sa.case((o.adopted == sa.true(), 1), else_=0))
    return sa.select(
        o.model_version,
        written.label("items_routed"),
        count("first").label("as_first_candidate"),
        count("alternative").label("as_another_candidate"),
        count("other").label("otherwise"),
        count("abstained").label("without_candidate"),
        adopted.label("adopted"),
        sa.func.min(o.observed_at).label("first_seen"),
        sa.func.max(o.observed_at).label("last_seen"),
    ).group_by(o.model_version)
