"""How long jobs take on machines, kept month by month: the last night of a month that has the figures says it."""

from __future__ import annotations

from datetime import date

import polars as pl
from sqlalchemy.engine import Engine

from routing_etl.settings import Settings
from routing_etl.warehouse.changes import delete_all
from routing_etl.warehouse.load import BatchWriter
from routing_etl.warehouse.migrate import check_head
from routing_etl.warehouse.schema import schema_for, tables
from routing_etl.warehouse.writing import writing


def store_times(engine: Engine, settings: Settings, run_id: str, day: date, profiles: pl.DataFrame) -> int:
    """Replace the rows of a day's month. Returns how many there are.

    Parameters
    ----------
    engine : Engine
        The warehouse, migrated to head.
    settings : Settings
        Our schema, rows per statement.
    run_id : str
        The night.
    day : date
        When it was.
    profiles : polars.DataFrame
        TIME_BY_JOB_RESOURCE frame. A time without a standard is left out.

    Raises
    ------
    WarehouseError
        The database is not at head, or refuses.
    """
    schema = schema_for(engine, settings.warehouse_schema)
    check_head(engine, schema)
    table, month = tables(schema).time_profile_month, day.replace(day=1)
    rows = pl.concat([_of_measure(profiles, measure) for measure in ("run", "setup")]).select(
        pl.lit(month).alias("month"),
        "job_cd",
        "res_cd",
        "measure",
        "samples",
        "optimal_min",
        "standard_min",
        "safe_min",
        "last_report",
        pl.lit(run_id).alias("run_id"),
    )
    with writing(engine, schema) as connection:
        delete_all(connection, table, table.c.month == month, table.c.month)
        if rows.height:
            BatchWriter(settings.load_rows).write(connection, table, rows.sort("job_cd", "res_cd", "measure"))
    return rows.height


def _of_measure(profiles: pl.DataFrame, measure: str) -> pl.DataFrame:
    """Rows of run or set-up times that are known."""
    return profiles.filter(pl.col(f"{measure}_n") > 0, pl.col(f"{measure}_standard").is_not_null()).select(
        "job_cd",
        "res_cd",
        pl.lit(measure).alias("measure"),
        pl.col(f"{measure}_n").cast(pl.Int32).alias("samples"),
        pl.col(f"{measure}_optimal").round(4).alias("optimal_min"),
        pl.col(f"{measure}_standard").round(4).alias("standard_min"),
        pl.col(f"{measure}_safe").round(4).alias("safe_min"),
        pl.col("last_report_dt").alias("last_report"),
    )
