"""The newest findings of data health as rows: all of one run, replaced in one transaction."""

from __future__ import annotations

import polars as pl
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from routing_etl.database.engine import translated
from routing_etl.settings import Settings
from routing_etl.warehouse.changes import delete_all
from routing_etl.warehouse.column_values import cut
from routing_etl.warehouse.load import BatchWriter
from routing_etl.warehouse.migrate import check_head
from routing_etl.warehouse.schema import schema_for, tables
from routing_etl.warehouse.types import now
from routing_etl.warehouse.writing import writing

__all__ = ["examined_run", "store_health"]


def examined_run(engine: Engine, settings: Settings) -> str | None:
    """The run whose findings are stored; None when none are.

    Parameters
    ----------
    engine : Engine
        The warehouse, migrated to head.
    settings : Settings
        Our schema.

    Raises
    ------
    WarehouseError
        The database cannot be read.
    """
    table = tables(schema_for(engine, settings.warehouse_schema)).health_finding
    with translated("warehouse", engine.url), engine.connect() as connection:
        found: str | None = connection.execute(sa.select(sa.func.max(table.c.run_id))).scalar()
    return found


def store_health(engine: Engine, settings: Settings, run_id: str, findings: pl.DataFrame) -> int:
    """Replace the stored findings. Texts longer than their column are cut, and say so. Returns the rows.

    Parameters
    ----------
    engine : Engine
        The warehouse, migrated to head.
    settings : Settings
        Our schema, rows per statement.
    run_id : str
        The run that was examined.
    findings : polars.DataFrame
        As `quality.health.as_frame` makes them.

    Raises
    ------
    WarehouseError
        The database is not at head, or refuses.
    """
    schema = schema_for(engine, settings.warehouse_schema)
    check_head(engine, schema)
    table = tables(schema).health_finding
    short = {
        n: [cut(text, getattr(table.c[n].type, "length", 0)) for text in findings[n]]
        for n in ("segment", "examples")
    }
    rows = (
        findings.with_columns(pl.Series(n, texts, pl.String) for n, texts in short.items())
        .rename({"check": "check_name"})
        .drop("title")
        .with_columns(
            pl.when(pl.col("reason") == "").then(None).otherwise("reason").alias("reason"),
            run_id=pl.lit(run_id),
            checked_at=pl.lit(now().replace(tzinfo=None), pl.Datetime("us")),
            seq=pl.int_range(1, pl.len() + 1, dtype=pl.Int32),
        )
    )
    rows = rows.select(c.name for c in table.columns)
    with writing(engine, schema) as connection:
        delete_all(connection, table, sa.true(), table.c.seq)
        if rows.height:
            BatchWriter(settings.load_rows).write(connection, table, rows)
    return rows.height
