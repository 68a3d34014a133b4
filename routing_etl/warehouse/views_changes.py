"""The views of what a publication changed against the one that readers saw before it: how many items, and which.

What belongs here: changes between two publications. What does not: the comparison that decides whether a batch is published
(`publication_changes.py`).
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from routing_etl.warehouse.schema_watch import CHANGED
from routing_etl.warehouse.versions import newest_up_to
from routing_etl.warehouse.view_parts import Column, Sources, Words

_ONE: Any = sa.literal_column("1")


def publication_changes(tb: Sources, w: Words) -> sa.Select[Any]:
    """Each publication with the items that it brought, changed and took away, as counted when it was published."""
    d, b = tb.publication_change, tb.publication

    def of(kind: str) -> Column:
        is_it = d.c.kind == sa.literal(kind, sa.String())
        return sa.func.sum(sa.case((is_it, d.c["items"]), else_=0)).label(f"items_{kind}")

    taken = sa.func.sum(sa.case((d.c.kind.in_([sa.literal(k, sa.String()) for k in ("gone", "lost")]), d.c["items"]), else_=0))  # fmt: skip
    before = sa.func.max(d.c.items_before)
    return (
        sa.select(
            b.c.id.label("publication_id"),
            sa.func.max(d.c.compared_with).label("compared_with"),
            b.c.published_at,
            b.c.run_id,
            b.c.model_version,
            before.label("items_before"),
            sa.func.max(d.c.items_shown).label("items_shown"),
            *(of(kind) for kind in CHANGED),
            w.share(taken, before).label("taken_away_share"),
        )
        .select_from(b.join(d, d.c.publication_id == b.c.id))
        .where(b.c.published_at.is_not(None))
        .group_by(b.c.id, b.c.published_at, b.c.run_id, b.c.model_version)
    )


def publication_item_changes(tb: Sources, w: Words) -> sa.Select[Any]:
    """The items behind the counts, while the rows of both publications are kept.

    Of each item the newest version up to either publication. As a rule the one compared with has the lower number; where two nights
    overlapped, or an earlier publication was shown again, it has the higher one.
    """
    either = sa.union_all(_item_changes(tb, upwards=True), _item_changes(tb, upwards=False))
    return sa.select(*either.subquery("u").c)


def _item_changes(tb: Sources, *, upwards: bool) -> sa.Select[Any]:
    """The items whose newest version lies between the two, beside their newest version up to the lower one."""
    b, other, d = tb.publication, tb.compared, tb.publication_change
    now, then = tb.item_version, tb.item_before
    first, first_before = tb.first, tb.first_before
    # One row of six a publication: all say with which one it was compared.
    compared = sa.and_(d.c.publication_id == b.c.id, d.c.kind == sa.literal("new", sa.String()))
    kept = sa.and_(other.c.id == d.c.compared_with, other.c.purged_at.is_(None))
    shown_now = newest_up_to(now, tb.later_item, "item_cd", b.c.id)
    shown_then = newest_up_to(then, tb.item_between, "item_cd", other.c.id)
    both = b.join(d, compared).join(other, kept)
    if upwards:
        moved, item_cd = now.c.from_publication > other.c.id, now.c.item_cd
        versions = both.join(now, sa.and_(moved, shown_now)).outerjoin(
            then, sa.and_(then.c.item_cd == now.c.item_cd, shown_then)
        )
    else:
        moved, item_cd = then.c.from_publication > b.c.id, then.c.item_cd
        versions = both.join(then, sa.and_(moved, shown_then)).outerjoin(
            now, sa.and_(now.c.item_cd == then.c.item_cd, shown_now)
        )
    had, has = first_before.c.routing_code.is_not(None), first.c.routing_code.is_not(None)
    same = sa.and_(then.c.hash_a == now.c.hash_a, then.c.hash_b == now.c.hash_b)
    not_before, not_now = (sa.or_(v.c.item_cd.is_(None), v.c.shown == sa.false()) for v in (then, now))
    unknown = sa.or_(then.c.hash_a.is_(None), now.c.hash_a.is_(None))
    kind = sa.case(
        (not_before, _said("new")),
        (not_now, _said("gone")),
        (sa.and_(had, first.c.routing_code.is_(None)), _said("lost")),
        (sa.and_(first_before.c.routing_code.is_(None), has), _said("found")),
        (first.c.routing_code != first_before.c.routing_code, _said("first")),
        else_=_said("details"),
    )
    return (
        sa.select(
            b.c.id.label("publication_id"),
            other.c.id.label("compared_with"),
            item_cd.label("item_cd"),
            kind.label("kind"),
            first_before.c.routing_code.label("routing_before"),
            first.c.routing_code.label("routing"),
            first_before.c.confidence.label("confidence_before"),
            first.c.confidence,
        )
        .select_from(
            versions.outerjoin(first, _first_of(first, now)).outerjoin(
                first_before, _first_of(first_before, then)
            )
        )
        .where(
            other.c.id < b.c.id if upwards else other.c.id > b.c.id,
            b.c.published_at.is_not(None),
            b.c.purged_at.is_(None),
            sa.or_(now.c.shown == sa.true(), then.c.shown == sa.true()),
            sa.or_(not_before, not_now, sa.not_(same), unknown),
        )
    )


def _said(word: str) -> Column:
    return sa.literal(word, sa.String())


def _first_of(candidate: Any, version: Any) -> sa.ColumnElement[bool]:
    """The first candidate among the rows of a version."""
    return sa.and_(
        candidate.c.publication_id == version.c.from_publication,
        candidate.c.item_cd == version.c.item_cd,
        candidate.c.candidate_rank == _ONE,
    )
