"""The answers of our views as frames: what dashboards, the weekly report and alerts read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import polars as pl
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from routing_etl.database.engine import translated
from routing_etl.warehouse.migrate import check_head
from routing_etl.warehouse.schema import schema_for, tables
from routing_etl.warehouse.views import view_selects


def answer(
    engine: Engine,
    schema: str,
    view: str,
    *,
    where: Sequence[tuple[str, str]] = (),
    newest: str | None = None,
    limit: int | None = None,
) -> pl.DataFrame:
    """The rows of a view.

    Parameters
    ----------
    engine : Engine
        The warehouse.
    schema : str
        Our schema (ignored on SQLite).
    view : str
        Name of the view.
    where : sequence of (str, str), optional
        Columns and the texts that they must equal.
    newest : str, optional
        Column by which the largest comes first.
    limit : int, optional
        Most rows. None: all.

    Returns
    -------
    polars.DataFrame
        All columns of the view. One whose values are all NULL has no type.
    """
    rows = view_selects(schema_for(engine, schema), engine.dialect.name)[view].subquery("answer")
    query = sa.select(rows).where(*(rows.c[name] == value for name, value in where))
    if newest is not None:
        query = query.order_by(rows.c[newest].desc())
    if limit is not None:
        query = query.limit(limit)
    with translated("warehouse", engine.url), engine.connect() as connection:
        found = connection.execute(query)
        names, values = list(found.keys()), [tuple(row) for row in found]
    return pl.DataFrame(values, schema=names, orient="row", infer_schema_length=None)


def rows_by_table(engine: Engine, schema: str) -> list[tuple[str, int]]:
    """Rows of every table of ours, by name.

    Parameters
    ----------
    engine : Engine
        The warehouse, migrated to head.
    schema : str
        Our schema (ignored on SQLite).

    Raises
    ------
    WarehouseError
        The database is not at head.
    """
    name = schema_for(engine, schema)
    check_head(engine, name)
    found = sorted(tables(name).metadata.sorted_tables, key=lambda table: table.name)
    with translated("warehouse", engine.url), engine.connect() as connection:
        return [
            (table.name, int(connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()))
            for table in found
        ]


def rows_of_view(engine: Engine, schema: str, view: str) -> int:
    """How many rows readers of a view see.

    Parameters
    ----------
    engine : Engine
        The warehouse.
    schema : str
        Our schema (ignored on SQLite).
    view : str
        Name of the view.
    """
    shown = sa.table(view, schema=schema_for(engine, schema))
    with translated("warehouse", engine.url), engine.connect() as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(shown)).scalar_one())


def newest_on_record(engine: Engine, schema: str) -> datetime | None:
    """When the newest thing was written down: a run, a move of the pointer, a mark or a command. None: nothing was.

    Parameters
    ----------
    engine : Engine
        The warehouse.
    schema : str
        Our schema (ignored on SQLite).
    """
    tb = tables(schema_for(engine, schema))
    moments = (
        tb.batch_run.c.started_at, tb.batch_run.c.finished_at, tb.publication_event.c.happened_at, tb.routing_feedback.c.accepted_at,
        tb.model_decision.c.decided_at, tb.audit_log.c.happened_at,
    )  # fmt: skip
    with translated("warehouse", engine.url), engine.connect() as connection:
        found = [connection.execute(sa.select(sa.func.max(m))).scalar() for m in moments]
    return max((m for m in found if m is not None), default=None)
