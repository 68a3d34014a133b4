"""The raw frames of an extract as cleaning reads them: with row numbers and all columns, and in pieces that fit in memory.

Belongs here: reading and dividing raw frames. Does not: what their values mean (`clean_items`, `clean_operations`,
`clean_results`), and how they are written (`files`).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from datetime import date, datetime
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq

from routing_etl.erp.clean_codes import ItemKeys
from routing_etl.erp.files import RawFrame, row_count
from routing_etl.erp.parse import parse_dates
from routing_etl.erp.profile_model import FRAME_OF, RAW_COLUMNS
from routing_etl.erp.reader import RAW_DTYPE
from routing_etl.errors import FrameError

#: Rows cleaned at once; bounds the memory that cleaning takes.
CHUNK_ROWS = 500_000

#: Dtype of every raw column, by frame.
_SCHEMAS = {
    FRAME_OF[f]: {c.name: RAW_DTYPE[c.type] for c in columns.values()} for f, columns in RAW_COLUMNS.items()
}


def scan_raw(raw: Path, name: str) -> pl.LazyFrame:
    """A raw frame with its row numbers; columns that the profile does not map are NULL.

    Raises
    ------
    FrameError
        The frame is not there.
    """
    scan = pl.scan_parquet(_file_of(raw, name), row_index_name="row_nr")
    absent = absent_columns(name, scan.collect_schema().names())
    return scan.with_columns([pl.lit(None, dtype=_SCHEMAS[name][n]).alias(n) for n in absent])


def raw_rows(raw: Path, name: str) -> int:
    """How many rows a raw frame has.

    Raises
    ------
    FrameError
        The frame is not there.
    """
    return row_count(_file_of(raw, name))


def _file_of(raw: Path, name: str) -> Path:
    path = RawFrame(raw, name).rows
    if not path.is_file():
        raise FrameError(
            f"The raw frame {path} does not exist.", remedy="Run the extract first: routing-etl extract"
        )
    return path


def raw_columns(raw: Path, name: str) -> list[str]:
    """The columns that a raw frame has, those that the profile maps."""
    return list(pq.ParquetFile(RawFrame(raw, name).rows).schema_arrow.names)


def absent_columns(name: str, columns: Collection[str]) -> list[str]:
    """The columns that a raw frame may have and that are not among `columns`."""
    return [n for n in _SCHEMAS[name] if n not in columns]


def newest_day(raw: Path, now: datetime) -> date:
    """The newest readable day in routings and results that is not in the future; today when there is none."""
    days = [date.min]
    for name, column in (("operations", "insrt_dt"), ("work_results", "report_dt")):
        scan = scan_raw(raw, name)
        text = scan.select(pl.col(column).str.slice(0, 11).str.strip_chars_end("T ").unique())
        value, _ = parse_dates(text.collect(engine="streaming").to_series())
        newest = value.filter(value <= now).max()
        if isinstance(newest, datetime):
            days.append(newest.date())
    return max(days) if max(days) > date.min else now.date()


def chunks(scan: pl.LazyFrame, rows: int) -> Iterator[pl.DataFrame]:
    """All rows in their order, in frames of `CHUNK_ROWS` rows."""
    for start in range(0, rows, CHUNK_ROWS):
        yield scan.slice(start, CHUNK_ROWS).collect()


def _shards_for(rows: int) -> int:
    return max(1, math.ceil(rows / CHUNK_ROWS))


def shards(scan: pl.LazyFrame, rows: int, keys: ItemKeys) -> Iterator[pl.DataFrame]:
    """All rows, whole items together, in frames of about `CHUNK_ROWS` rows: the frame is read once for each."""
    count = _shards_for(rows)
    if count == 1:
        yield scan.collect()
        return
    shard_of = keys.key(pl.col("item_cd")).hash(seed=11) % count
    for shard in range(count):
        yield scan.filter(shard_of.fill_null(0) == shard).collect()


def shards_through_files(
    scan: pl.LazyFrame, rows: int, keys: ItemKeys, scratch: Path
) -> Iterator[pl.DataFrame]:
    """All rows, whole items together, in frames of about `CHUNK_ROWS` rows: parted once, through files in `scratch`."""
    count = _shards_for(rows)
    if count == 1:
        yield scan.collect()
        return
    parts: dict[int, list[Path]] = {k: [] for k in range(count)}
    for chunk in chunks(scan, rows):
        shard = keys.of(chunk["item_cd"]).hash(seed=11).fill_null(0) % count
        for part in chunk.with_columns(shard.alias("_shard")).partition_by("_shard"):
            mine = parts[part["_shard"][0]]
            mine.append(scratch / f"{part['_shard'][0]:05d}-{len(mine):05d}.arrow")
            part.drop("_shard").write_ipc(mine[-1], compression="lz4")
    for paths in parts.values():
        if paths:
            yield pl.concat([pl.read_ipc(p) for p in paths])
