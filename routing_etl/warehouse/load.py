"""The rows of a batch in the order in which they are inserted: transaction by transaction, parents before children."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from routing_etl.warehouse.contents import Target, scan, targets, to_rows
from routing_etl.warehouse.schema import Tables
from routing_etl.warehouse.writers import BatchWriter, Way, Writer, beating, choose_writer, insert_sql, way_of

__all__ = [
    "BatchWriter",
    "Way",
    "Writer",
    "batches",
    "beating",
    "choose_writer",
    "insert_sql",
    "resources",
    "way_of",
    "with_publication",
]

#: Rows of the largest table per transaction. This bounds memory, the transaction log, and the time between heartbeats.
_TRANSACTION_ROWS = 200_000


def _ranges(operations: pl.LazyFrame, candidates: pl.LazyFrame) -> list[tuple[str, str]]:
    """Consecutive ranges of item codes (both ends included), each with about `_TRANSACTION_ROWS` operations."""
    counts = (
        pl.concat([operations.select("item_cd"), candidates.select("item_cd")])
        .group_by("item_cd")
        .len()
        .sort("item_cd")
        .with_columns(part=(pl.col("len").cum_sum() - pl.col("len")) // _TRANSACTION_ROWS)
        .group_by("part", maintain_order=True)
        .agg(pl.col("item_cd").first().alias("low"), pl.col("item_cd").last().alias("high"))
        .collect(engine="streaming")
    )
    return list(zip(counts["low"].to_list(), counts["high"].to_list(), strict=True))


def batches(
    predictions: Path, tables: Tables, shard: str | None = None, *, only: pl.Series | None = None
) -> Iterator[list[tuple[Target, pl.DataFrame]]]:
    """The rows to insert, one list per transaction: parents before children, each frame sorted by its key.

    Memory is bounded by the size of a transaction, whatever the size of the plant or the order of the part files.

    Parameters
    ----------
    predictions : Path
        Folder with one folder of part files per frame.
    tables : Tables
        The tables that the frames go into.
    shard : str, optional
        Beginning of the names of one shard's part files.
    only : polars.Series, optional
        Codes of the items whose rows are wanted. None: all.
    """
    candidates, operations, evidence, _, abstained = targets(tables)
    by_item = (candidates, operations, evidence)
    scans = {
        t.frame.name: _only(to_rows(scan(predictions, t, shard), t), "item_cd", only)
        for t in (*by_item, abstained)
    }
    for low, high in _ranges(scans[operations.frame.name], scans[candidates.frame.name]):
        yield [
            (
                target,
                scans[target.frame.name]
                .filter(pl.col("item_cd").is_between(pl.lit(low), pl.lit(high)))
                .sort(target.key)
                .collect(engine="streaming"),
            )
            for target in by_item
        ]
    yield [(abstained, scans[abstained.frame.name].sort(abstained.key).collect(engine="streaming"))]


def _only(rows: pl.LazyFrame, key: str, codes: pl.Series | None) -> pl.LazyFrame:
    """The rows of some items or jobs; None: all."""
    return rows if codes is None else rows.join(codes.alias(key).to_frame().lazy(), on=key, how="semi")


def resources(
    predictions: Path, tables: Tables, *, only: pl.Series | None = None
) -> list[tuple[Target, pl.DataFrame]]:
    """The rows that belong to jobs, not to items, as one transaction.

    Parameters
    ----------
    predictions : Path
        Folder with one folder of part files per frame.
    tables : Tables
        The tables that the frames go into.
    only : polars.Series, optional
        Codes of the jobs whose rows are wanted. None: all.
    """
    target = targets(tables)[3]
    rows = _only(to_rows(scan(predictions, target), target), "job_cd", only)
    return [(target, rows.sort(target.key).collect(engine="streaming"))]


def with_publication(frame: pl.DataFrame, publication_id: int) -> pl.DataFrame:
    """The frame with `publication_id` as first column."""
    return frame.select(pl.lit(publication_id, dtype=pl.Int32).alias("publication_id"), pl.all())
