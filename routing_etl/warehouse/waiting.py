"""Proposals that nobody has taken over, rejected or replaced by a routing: how many wait for how long."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from routing_etl.database.engine import translated
from routing_etl.warehouse.outcomes import PublicationMetric
from routing_etl.warehouse.schema import schema_for
from routing_etl.warehouse.types import UtcDateTime, now


def ignored(engine: Engine, schema: str, weeks: int) -> PublicationMetric:
    """Share of the items shown that have had a proposal for so many weeks and on which nobody has said or done anything.

    Parameters
    ----------
    engine : Engine
        The warehouse.
    schema : str
        Our schema (ignored on SQLite).
    weeks : int
        From how many on a proposal counts as ignored.
    """
    shown = sa.table(
        "open_proposals",
        sa.column("state", sa.Unicode(16)),
        sa.column("open_since", UtcDateTime()),
        schema=schema_for(engine, schema),
    )
    before = now() - timedelta(weeks=weeks)
    old = sa.and_(shown.c.state == "open", shown.c.open_since <= before)
    query = sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(sa.case((old, 1), else_=0)), 0))
    with translated("warehouse", engine.url), engine.connect() as connection:
        items, left = connection.execute(query.select_from(shown)).one()
    if not items:
        return PublicationMetric("ignored_share", None, 0, "no item without a routing has a proposal")
    return PublicationMetric("ignored_share", left / items, items)
