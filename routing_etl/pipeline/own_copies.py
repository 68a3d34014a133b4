"""Routings that are copies of our own proposals, as a file of the run folder: not learned from before an order was made by them.

What recognises them is `warehouse/copies.py`. A training asks before it learns, and the step `measure` before it counts outcomes.
"""

from __future__ import annotations

import polars as pl

from routing_etl.log import get_logger
from routing_etl.pipeline.context import Context
from routing_etl.pipeline.learning import COPIES, read_valid_operations
from routing_etl.warehouse.copies import COMPARED, recognise, remembered_copies
from routing_etl.warehouse.todays_codes import todays

log = get_logger(__name__)


def note_copies(ctx: Context, publication_id: int | None) -> pl.DataFrame:
    """Write the copies among the run's routings into the run folder.

    Parameters
    ----------
    ctx : Context
        Settings and a run folder with cleaned frames.
    publication_id : int or None
        The publication that engineers saw while they wrote what the run has read. None: nothing was published.

    Returns
    -------
    polars.DataFrame
        What `recognise` has found of that publication; the file has what earlier nights found too.
    """
    operations = (
        read_valid_operations(ctx.run)
        .filter(pl.col("routing_rank") == 0)
        .select("item_key", "rout_date", *COMPARED)
        .sort("item_key", "proc_seq")
        .collect()
    )
    schema = ctx.settings.warehouse_schema
    with ctx.warehouse() as engine:
        known = remembered_copies(engine, schema)
        found = recognise(engine, schema, publication_id, operations) if publication_id is not None else None
    written = operations.group_by("item_key", maintain_order=True).agg(
        pl.col("item_cd").first(),
        pl.col("rout_no").first(),
        pl.col("rout_date").first(),
        routing_code=pl.col("job_cd").str.join(">").str.slice(0, 1000),
    )
    known = todays(
        known,
        {"item_cd": operations["item_cd"], "rout_no": operations["rout_no"]},
        {"routing_code": operations["job_cd"]},
    )
    columns = ["item_cd", "rout_no", "routing_code", "copied_by"]
    every = pl.concat([known, found.filter("exact").select(columns)]) if found is not None else known
    still = written.join(every.rename({"rout_no": "as"}), on=["item_cd", "routing_code"]).filter(
        pl.col("as").is_null() | (pl.col("as") == pl.col("rout_no"))
    )
    copies = still.unique("item_key", keep="first", maintain_order=True).join(
        _made_since(ctx, still), on="item_key", how="left"
    )
    copies = copies.select("item_key", *columns, ordered=pl.col("ordered").fill_null(False))
    copies.write_parquet(ctx.run.clean / COPIES)
    if copies.height:
        log.info("copies_of_proposals", routings=copies.height, ordered=int(copies["ordered"].sum()))
    return found if found is not None else every.clear()


def _made_since(ctx: Context, copies: pl.DataFrame) -> pl.DataFrame:
    """Items whose copied routing has work results: an order was made by it.

    Results that name no routing count from the day on which the routing was written.
    """
    results = ctx.run.clean / "work_results.parquet"
    if not results.is_file() or copies.is_empty():
        return pl.DataFrame(schema={"item_key": pl.String, "ordered": pl.Boolean})
    made = pl.scan_parquet(results).select("item_key", "rout_no", "report_dt")
    keys = copies.select("item_key", "rout_no", "rout_date").unique("item_key").lazy()
    unnamed = pl.col("rout_no").is_null() & (pl.col("report_dt") >= pl.col("rout_date").cast(pl.Date))
    found = made.join(keys, on="item_key", suffix="_copied").filter(
        unnamed.fill_null(False) | (pl.col("rout_no") == pl.col("rout_no_copied"))
    )
    return found.select("item_key", ordered=pl.lit(True)).unique("item_key").collect()
