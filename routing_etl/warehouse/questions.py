"""The answers of our views as frames: what dashboards, the weekly report and alerts read."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from routing_etl.database.engine import translated
from routing_etl.warehouse.schema import schema_for
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
