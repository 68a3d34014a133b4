"""What became of the items that a publication showed: kept as rows by the step `measure`, also for a night that died before it.

Belongs here: which publications are asked, and what engineers have written since. Does not: the rows (`warehouse/outcomes.py`), and
what is a copy of a proposal (`own_copies.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import sqlalchemy as sa

from routing_etl.database.engine import translated
from routing_etl.log import get_logger
from routing_etl.pipeline.context import Context
from routing_etl.pipeline.learning import read_valid_operations
from routing_etl.runs import RunFolder

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

log = get_logger(__name__)


def written_routings(run: RunFolder) -> pl.DataFrame:
    """The routing that counts of each item: item_key, item_cd, rout_no, routing_code (job codes joined by '>') and part_type.

    Parameters
    ----------
    run : RunFolder
        With cleaned frames.
    """
    types = pl.scan_parquet(run.clean / "items.parquet").select("item_key", "part_type").collect()
    routings = (
        read_valid_operations(run)
        .filter(pl.col("routing_rank") == 0)
        .sort("item_key", "proc_seq")
        .group_by("item_key", maintain_order=True)
        .agg(
            pl.col("item_cd").first(),
            pl.col("rout_no").first(),
            pl.col("job_cd").str.join(">").alias("routing_code"),
        )
        .collect()
    )
    return routings.join(types, on="item_key", how="left", maintain_order="left")


def keep_outcomes(ctx: Context, engine: Engine, shown: tuple[int, int], written: pl.DataFrame) -> int:
    """Keep what became of the items that one publication showed and the next one no longer does; returns the rows added.

    Parameters
    ----------
    ctx : Context
        The run that has seen it.
    engine : Engine
        The warehouse.
    shown : tuple of int
        The publication that readers saw, and the one that they saw after it.
    written : polars.DataFrame
        From `written_routings`.
    """
    from routing_etl.pipeline.own_copies import note_copies
    from routing_etl.warehouse import outcomes

    before = shown[0]
    added = outcomes.store_outcomes(
        engine,
        ctx.settings.warehouse_schema,
        shown,
        written.select("item_cd", "rout_no", "routing_code", "part_type"),
        note_copies(ctx, before),
        _edits(ctx, engine, before, written),
        run_id=ctx.run.run_id,
    )
    log.info("outcomes_stored", publication_id=before, outcomes=added)
    return added


def catch_up(ctx: Context, publication_id: int | None) -> int:
    """Keep the outcomes that nights before this one did not, because they published and died before they measured.

    Done before anything learns from the routings, so that copies of proposals among them are known. Asked again it adds nothing.

    Parameters
    ----------
    ctx : Context
        The run, with cleaned frames.
    publication_id : int or None
        What readers saw until this run. None: nothing was published.

    Returns
    -------
    int
        Rows added.
    """
    with ctx.warehouse() as engine:
        missed = _unmeasured(engine, ctx.settings.warehouse_schema, publication_id)
        if not missed:
            return 0
        written = written_routings(ctx.run)
        log.warning("outcomes_of_a_night_that_died", publications=[after for _, after in missed])
        return sum(keep_outcomes(ctx, engine, pair, written) for pair in missed)


def _unmeasured(engine: Engine, schema: str, publication_id: int | None) -> list[tuple[int, int]]:
    """Publications with the one that readers saw before each, oldest first, back to the first whose night has measured."""
    from routing_etl.warehouse.publication_changes import previous_publication

    missed: list[tuple[int, int]] = []
    after = publication_id
    while after is not None and not _measured(engine, schema, after):
        before = previous_publication(engine, schema, after)
        if before is None or before in {one for pair in missed for one in pair}:
            break
        missed.insert(0, (before, after))
        after = before
    return missed


def _measured(engine: Engine, schema: str, publication_id: int) -> bool:
    """Whether the step `measure` has ended in the night that made a publication: it stores its metrics last."""
    from routing_etl.warehouse.schema import schema_for, tables

    tb = tables(schema_for(engine, schema))
    p, m = tb.publication.c, tb.model_metric.c
    query = (
        sa.select(sa.func.count())
        .select_from(tb.publication.join(tb.model_metric, m.run_id == p.run_id))
        .where(p.id == publication_id, m.split == "production")
    )
    with translated("warehouse", engine.url), engine.connect() as connection:
        return bool(connection.execute(query).scalar())


def _edits(ctx: Context, engine: Engine, before: int, written: pl.DataFrame) -> pl.DataFrame:
    """How far the routings of items that a publication had shown are from the nearest of their candidates."""
    from routing_etl.pipeline.edits import edits
    from routing_etl.warehouse.copies import COMPARED, proposed_operations
    from routing_etl.warehouse.todays_codes import todays

    proposed = proposed_operations(engine, ctx.settings.warehouse_schema, before, written)
    routed = (
        read_valid_operations(ctx.run)
        .filter(pl.col("routing_rank") == 0, pl.col("item_cd").is_in(proposed["item_cd"].unique().implode()))
        .select(COMPARED)
        .collect()
    )
    return edits(todays(proposed, {"our_job": routed["job_cd"], "our_res": routed["res_cd"]}), routed)
