"""Rejected source rows, stored when they change: one row of `rejected_row` for as long as the ERP leaves it as it is.

Each run that stores rejected rows has a number (`batch_run.rejects_no`); a run that changes nothing has that of the run
before it. A row counts from one number on to before another. Rows without numbers are of an older release, which stored
all of them with each run; they count for their own run only.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import polars as pl
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from routing_etl.database.engine import translated
from routing_etl.frames import REJECTS
from routing_etl.settings import Settings
from routing_etl.warehouse.changes import delete_all
from routing_etl.warehouse.schema import Tables
from routing_etl.warehouse.writers import BatchWriter

#: The columns that come from the files, by the name of the frame's column.
COLUMNS = {
    "source_table": "source_table",
    "row_key": "row_key",
    "rule_name": "rule",
    "reason": "reason",
    "raw_values": "raw_values",
}

#: What tells one row from another. Equal rows are one, with their number.
_IDENTITY = ["hash_a", "hash_b", "copies"]

#: Rows closed by one statement.
_ROWS_PER_STATEMENT = 500


@dataclass(frozen=True)
class Rejected:
    """The rejected rows of a run's files: the rows as they will be stored, and each distinct one with its number."""

    lazy: pl.LazyFrame
    distinct: pl.DataFrame
    rows: int


def of_files(folder: Path, lengths: dict[str, int]) -> Rejected:
    """Read the rejected rows of a run.

    Parameters
    ----------
    folder : Path
        Folder with REJECTS frames.
    lengths : dict[str, int]
        Length of each column of the table; a longer text is cut, and says how long it was.

    Raises
    ------
    FrameError
        A file is not a REJECTS frame.
    """
    parts = [REJECTS.empty().lazy()]
    for file in sorted(folder.glob("*.parquet")):
        lazy = pl.scan_parquet(file)
        REJECTS.validate(lazy)
        parts.append(lazy.select(REJECTS.empty().columns))
    columns = [_fit(frame, lengths[column]).alias(column) for column, frame in COLUMNS.items()]
    row = pl.struct(list(COLUMNS))
    fitted = (
        pl.concat(parts)
        .select(columns)
        .with_columns(
            hash_a=row.hash(seed=1).reinterpret(signed=True), hash_b=row.hash(seed=2).reinterpret(signed=True)
        )
    )
    distinct = (
        fitted.group_by("hash_a", "hash_b").agg(copies=pl.len().cast(pl.Int32)).collect(engine="streaming")
    )
    return Rejected(fitted, distinct, int(distinct["copies"].sum()))


def _fit(name: str, length: int) -> pl.Expr:
    """A text that is longer than its column cut, with its length at the end."""
    value = pl.col(name)
    mark = pl.format("... [cut, {} characters]", value.str.len_chars())
    short = pl.concat_str(value.str.head(length - mark.str.len_chars().cast(pl.Int64)), mark)
    return pl.when(value.str.len_chars() > length).then(short).otherwise(value)


def store(connection: Connection, tables: Tables, run_id: str, found: Rejected, settings: Settings) -> None:
    """Store what a run rejects that no run before it did, and close what it does not reject any more.

    Parameters
    ----------
    connection : Connection
        Within a transaction: the old state or the new one.
    tables : Tables
        Our tables.
    run_id : str
        A run that was started.
    found : Rejected
        The run's rejected rows.
    settings : Settings
        How many rows are handled at a time.
    """
    run, target = tables.batch_run, tables.rejected_row
    own = (target.c.run_id == run_id) & target.c.from_no.is_(None)
    delete_all(connection, target, own, target.c.run_id)
    last = int(connection.execute(sa.select(sa.func.max(run.c.rejects_no))).scalar() or 0)
    still = _open_rows(connection, target)
    fresh = found.distinct.join(still, on=_IDENTITY, how="anti")
    ended = still.join(found.distinct, on=_IDENTITY, how="anti")
    number = last + 1 if fresh.height or ended.height or not last else last
    for (owner,), rows in ended.group_by("run_id"):
        for part in rows.iter_slices(_ROWS_PER_STATEMENT):
            which = (target.c.run_id == owner) & target.c.seq.in_(part["seq"].to_list())
            connection.execute(sa.update(target).where(which).values(until_no=number))
    _insert(connection, target, found.lazy, fresh, _Place(run_id, number), settings)
    connection.execute(sa.update(run).where(run.c.run_id == run_id).values(rejects_no=number))


def _open_rows(connection: Connection, target: sa.Table) -> pl.DataFrame:
    """The rows that the last run rejected, by key and identity."""
    names = ("run_id", "seq", "hash_a", "hash_b", "copies")
    query = sa.select(*(target.c[n] for n in names)).where(
        target.c.from_no.is_not(None), target.c.until_no.is_(None)
    )
    schema = {
        "run_id": pl.String,
        "seq": pl.Int64,
        "hash_a": pl.Int64,
        "hash_b": pl.Int64,
        "copies": pl.Int32,
    }
    return pl.DataFrame([tuple(r) for r in connection.execute(query)], schema=schema, orient="row")


@dataclass(frozen=True)
class _Place:
    """Where rows are stored: with which run, from which number on."""

    run_id: str
    number: int


def _insert(
    connection: Connection,
    target: sa.Table,
    lazy: pl.LazyFrame,
    fresh: pl.DataFrame,
    place: _Place,
    settings: Settings,
) -> None:
    """Insert the rows that are new, so many at a time that memory is bounded."""
    writer = BatchWriter(settings.load_rows)
    seq = int(
        connection.execute(
            sa.select(sa.func.max(target.c.seq)).where(target.c.run_id == place.run_id)
        ).scalar()
        or 0
    )
    parts = -(-fresh.height // settings.fetch_rows)
    for part in range(parts):
        mine = fresh.filter(pl.col("hash_a") % parts == part)
        rows = (
            lazy.join(mine.lazy(), on=["hash_a", "hash_b"])
            .unique(["hash_a", "hash_b"])
            .sort(*COLUMNS)
            .collect(engine="streaming")
        )
        frame = rows.select(
            pl.lit(place.run_id).alias("run_id"),
            pl.int_range(seq + 1, seq + 1 + rows.height, dtype=pl.Int64).alias("seq"),
            *COLUMNS,
            "copies",
            pl.lit(place.number, dtype=pl.Int32).alias("from_no"),
            "hash_a",
            "hash_b",
        )
        writer.write(connection, target, frame)
        seq += rows.height


def oldest_needed(engine: Engine, tables: Tables, limit: datetime, newest: str | None) -> int | None:
    """The oldest number of the runs that are kept: those since `limit`, and the newest. None: none has a number."""
    run = tables.batch_run
    kept = sa.or_(run.c.started_at >= limit, run.c.run_id == newest)
    with translated("warehouse", engine.url), engine.connect() as connection:
        found = connection.execute(sa.select(sa.func.min(run.c.rejects_no)).where(kept)).scalar()
    return None if found is None else int(found)


def not_needed(target: sa.Table, needed: int | None) -> sa.ColumnElement[bool]:
    """Whether no kept run shows a rejected row."""
    own = target.c.from_no.is_(None)
    return sa.true() if needed is None else sa.or_(own, target.c.until_no <= needed)
