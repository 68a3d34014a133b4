"""Writing a batch's rows: the one writer interface, its implementations, and the order in which rows go in.

What belongs here: how rows get into tables fast. What does not: publications, locks and checks (`publish.py`,
`measure.py`). A writer is chosen by what the engine can do, and the choice is stored with the publication.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import polars as pl
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Dialect, Engine

from routing_etl.settings import Settings
from routing_etl.warehouse.measure import Target, scan, targets, to_rows
from routing_etl.warehouse.schema import Tables

#: Rows of the largest table per transaction: bounds memory, the log, and how long a heartbeat waits.
_TRANSACTION_ROWS = 200_000


class Writer(Protocol):
    """Puts rows of a frame into a table on an open transaction."""

    @property
    def name(self) -> str:
        """What is recorded with the publication."""
        ...

    def write(self, connection: Connection, table: sa.Table, frame: pl.DataFrame) -> int:
        """Insert every row; the frame's columns are the table's by name. Returns the rows handed over."""
        ...


def insert_sql(dialect: Dialect, table: sa.Table, columns: list[str]) -> str:
    """INSERT with the driver's own positional markers, for lists of tuples."""
    marker = "?" if dialect.paramstyle == "qmark" else "%s"
    quote = dialect.identifier_preparer
    names = ", ".join(quote.quote(c) for c in columns)
    return f"INSERT INTO {quote.format_table(table)} ({names}) VALUES ({', '.join([marker] * len(columns))})"


@dataclass(frozen=True)
class BatchWriter:
    """The driver's `executemany` with tuples, `batch_rows` at a time: works on every database."""

    batch_rows: int

    @property
    def name(self) -> str:
        """What is recorded with the publication."""
        return f"executemany x {self.batch_rows}"

    def write(self, connection: Connection, table: sa.Table, frame: pl.DataFrame) -> int:
        """Insert every row of the frame. Columns that hold nothing are left out: NULL is their default."""
        frame = frame.select([s.name for s in frame if s.null_count() < frame.height])
        if connection.dialect.name == "sqlite":
            # The driver has no adapter for dates of its own any more.
            frame = frame.with_columns(pl.col(pl.Date).dt.to_string("%Y-%m-%d"))
        statement = insert_sql(connection.dialect, table, frame.columns)
        for part in frame.iter_slices(self.batch_rows):
            connection.exec_driver_sql(statement, part.rows())
        return frame.height


def choose_writer(engine: Engine, settings: Settings) -> Writer:
    """The fastest writer that this engine can use."""
    del engine
    return BatchWriter(settings.load_rows)


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


def batches(predictions: Path, tables: Tables) -> Iterator[list[tuple[Target, pl.DataFrame]]]:
    """The rows to insert, one list per transaction: parents before children, each frame sorted by its key.

    Memory is bounded by the size of a transaction, whatever the size of the plant or the order of the part files.
    """
    candidates, operations, evidence, resources, abstained = targets(tables)
    by_item = (candidates, operations, evidence)
    scans = {target.frame.name: to_rows(scan(predictions, target), target) for target in targets(tables)}
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
    yield [
        (target, scans[target.frame.name].sort(target.key).collect(engine="streaming"))
        for target in (resources, abstained)
    ]


def with_publication(frame: pl.DataFrame, publication_id: int) -> pl.DataFrame:
    """The frame with `publication_id` in front."""
    return frame.select(pl.lit(publication_id, dtype=pl.Int32).alias("publication_id"), pl.all())
