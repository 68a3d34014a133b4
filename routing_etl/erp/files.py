"""Parquet files written chunk by chunk: whole under their name, or not there at all.

A raw frame is up to three files: its rows; what could not be read of them, by row number; and, where the profile reads it
incrementally, the marks of each row in the same order. What does not belong here: what the values mean.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from routing_etl.erp.catalogue import ReadColumn
from routing_etl.erp.parse import parse_dates
from routing_etl.erp.reader import PROBLEMS, RAW_DTYPE


def problems_path(folder: Path, frame: str) -> Path:
    """Where a raw frame's unreadable and overlong values stand."""
    return folder / f"{frame}.problems.parquet"


def marks_path(folder: Path, frame: str) -> Path:
    """Where the keys and change marks of a raw frame's rows stand, row by row."""
    return folder / f"{frame}.marks.parquet"


def remove_frame(folder: Path, frame: str) -> None:
    """Remove a raw frame's files."""
    for path in (folder / f"{frame}.parquet", problems_path(folder, frame), marks_path(folder, frame)):
        path.unlink(missing_ok=True)


def raw_schema(columns: Sequence[ReadColumn]) -> dict[str, Any]:
    """Column name to Polars dtype of a raw frame."""
    return {c.name: RAW_DTYPE[c.type] for c in columns}


def row_count(path: Path) -> int:
    """Rows of a Parquet file, from its footer."""
    return int(pq.ParquetFile(path).metadata.num_rows)


class ParquetAppender:
    """Appends chunks to one Parquet file on a second thread; the file appears under its name only when whole."""

    def __init__(self, path: Path, schema: dict[str, Any]) -> None:
        self.path, self.temporary = path, path.with_suffix(".tmp")
        self.schema: pa.Schema = (
            pl.DataFrame(schema=schema).to_arrow(compat_level=pl.CompatLevel.oldest()).schema
        )
        self.writer = pq.ParquetWriter(
            self.temporary, self.schema, compression="zstd", compression_level=1, version="2.6"
        )
        self.pool = ThreadPoolExecutor(1)
        self.pending: Future[None] | None = None

    def write(self, chunk: pl.DataFrame) -> None:
        self.wait()
        self.pending = self.pool.submit(self._write, chunk)

    def _write(self, chunk: pl.DataFrame) -> None:
        table = chunk.to_arrow(compat_level=pl.CompatLevel.oldest())
        self.writer.write_table(table.cast(self.schema))

    def wait(self) -> None:
        if self.pending is not None:
            pending, self.pending = self.pending, None
            pending.result()


@contextmanager
def parquet_writer(path: Path, schema: dict[str, Any]) -> Iterator[ParquetAppender]:
    """A writer whose file replaces `path` when the block ends well, and is removed when it does not."""
    writer = ParquetAppender(path, schema)
    try:
        yield writer
        writer.wait()
        writer.writer.close()
        writer.temporary.replace(path)
    except BaseException:
        writer.pool.shutdown(wait=True)
        writer.writer.close()
        writer.temporary.unlink(missing_ok=True)
        raise
    finally:
        writer.pool.shutdown(wait=True)


@dataclass
class FrameSink:
    """Takes a raw frame's rows chunk by chunk. `newest`: newest readable day per date column, not beyond tomorrow.

    `unfit_marks`: keys that could not be read or were too long, so that rows cannot be told apart by them.
    """

    columns: tuple[str, ...]
    marks: tuple[str, ...]
    rows_to: ParquetAppender
    marks_to: ParquetAppender | None
    advance: Callable[[float], None]
    newest: dict[str, str | None]
    rows: int = 0
    unfit_marks: int = 0
    problems: list[pl.DataFrame] = field(default_factory=list)

    def add(self, chunk: pl.DataFrame, problems: pl.DataFrame) -> None:
        """Append rows with their marks; `problems` count their rows from the chunk's first."""
        of_marks = pl.col("column").is_in(self.marks)
        self.unfit_marks += problems.filter(of_marks).height
        mine = problems.filter(~of_marks)
        if mine.height:
            shifted = (pl.col("row_nr").cast(pl.Int64) + self.rows).cast(pl.UInt32)
            self.problems.append(mine.with_columns(shifted.alias("row_nr")))
        self.rows_to.write(chunk.select(self.columns))
        if self.marks_to is not None:
            self.marks_to.write(chunk.select(self.marks))
        for name in self.newest:
            self.newest[name] = _newer(self.newest[name], chunk[name])
        self.rows += chunk.height
        self.advance(chunk.height)


@contextmanager
def frame_sink(
    folder: Path,
    frame: str,
    columns: Sequence[ReadColumn],
    marks: Sequence[ReadColumn],
    advance: Callable[[float], None],
    *,
    look_at_dates: bool = True,
) -> Iterator[FrameSink]:
    """A sink whose files replace the frame's when the block ends well."""
    dates = [c.name for c in columns if look_at_dates and c.type == "date" and c.found is not None]
    with ExitStack() as stack:
        rows_to = stack.enter_context(parquet_writer(folder / f"{frame}.parquet", raw_schema(columns)))
        marks_to = None
        if marks:
            marks_to = stack.enter_context(parquet_writer(marks_path(folder, frame), raw_schema(marks)))
        else:
            marks_path(folder, frame).unlink(missing_ok=True)
        sink = FrameSink(
            tuple(c.name for c in columns), tuple(c.name for c in marks), rows_to, marks_to, advance,
            dict.fromkeys(dates),
        )  # fmt: skip
        yield sink
    found = pl.concat(sink.problems) if sink.problems else pl.DataFrame(schema=PROBLEMS)
    found.write_parquet(problems_path(folder, frame))


def _newer(known: str | None, texts: pl.Series) -> str | None:
    days = texts.str.slice(0, 11).str.strip_chars_end("T ").unique().drop_nulls()
    value, _ = parse_dates(days)
    limit = datetime.now(UTC).replace(tzinfo=None) + timedelta(days=1)
    latest = value.filter(value <= limit).max()
    text = latest.date().isoformat() if isinstance(latest, datetime) else None
    return max((t for t in (known, text) if t is not None), default=None)
