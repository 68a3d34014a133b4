"""Parquet files written chunk by chunk: whole under their name, or not there at all.

A raw frame is up to three files: its rows; what could not be read of them, by row number; and, where the profile reads it
incrementally, the change marks of each row (its key and change column) in the same order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from routing_etl.erp.catalogue import ReadColumn
from routing_etl.erp.parse import parse_dates
from routing_etl.erp.reader import PROBLEMS, RAW_DTYPE
from routing_etl.files import TEMPORARY, replace_file


@dataclass(frozen=True)
class RawFrame:
    """The files of a raw frame."""

    folder: Path
    name: str

    @property
    def rows(self) -> Path:
        """The rows."""
        return self.folder / f"{self.name}.parquet"

    @property
    def problems(self) -> Path:
        """What could not be read, or was cut, by row number (`reader.PROBLEMS`)."""
        return self.folder / f"{self.name}.problems.parquet"

    @property
    def marks(self) -> Path:
        """The key and change column of every row; only where changes are read."""
        return self.folder / f"{self.name}.marks.parquet"

    @property
    def files(self) -> tuple[Path, Path, Path]:
        """All of them."""
        return self.rows, self.marks, self.problems

    def remove(self) -> None:
        """Remove what is there of them."""
        for path in self.files:
            path.unlink(missing_ok=True)


def raw_schema(columns: Sequence[ReadColumn]) -> dict[str, pl.DataType]:
    """Column name to Polars dtype of a raw frame."""
    return {c.name: RAW_DTYPE[c.type] for c in columns}


def row_count(path: Path) -> int:
    """Count the rows of a Parquet file by its footer."""
    return int(pq.ParquetFile(path).metadata.num_rows)


class ParquetAppender:
    """Appends chunks to one Parquet file on a second thread, beside the reading of the next chunk.

    Used through `parquet_writer`, which gives the file its name only when it is whole.
    """

    def __init__(self, path: Path, schema: Mapping[str, pl.DataType]) -> None:
        self.path, self.temporary = path, path.with_suffix(TEMPORARY)
        self.schema: pa.Schema = (
            pl.DataFrame(schema=schema).to_arrow(compat_level=pl.CompatLevel.oldest()).schema
        )
        self.writer = pq.ParquetWriter(
            self.temporary, self.schema, compression="zstd", compression_level=1, version="2.6"
        )
        self.pool = ThreadPoolExecutor(1)
        self.pending: Future[None] | None = None

    def write(self, chunk: pl.DataFrame) -> None:
        """Append a chunk, once the one before is written."""
        self.wait()
        self.pending = self.pool.submit(self._write, chunk)

    def _write(self, chunk: pl.DataFrame) -> None:
        table = chunk.to_arrow(compat_level=pl.CompatLevel.oldest())
        self.writer.write_table(table.cast(self.schema))

    def wait(self) -> None:
        """Wait for the chunk that is being written, and raise what went wrong with it."""
        if self.pending is not None:
            pending, self.pending = self.pending, None
            pending.result()


@contextmanager
def parquet_writer(path: Path, schema: Mapping[str, pl.DataType]) -> Iterator[ParquetAppender]:
    """A writer whose file replaces `path` when the block ends well, and is removed when it does not."""
    writer = ParquetAppender(path, schema)
    try:
        yield writer
        writer.wait()
        writer.writer.close()
        replace_file(writer.temporary, path)
    except BaseException:
        writer.pool.shutdown(wait=True)
        writer.writer.close()
        writer.temporary.unlink(missing_ok=True)
        raise
    finally:
        writer.pool.shutdown(wait=True)


@dataclass
class FrameSink:
    """Takes a raw frame's rows chunk by chunk.

    Parameters
    ----------
    columns : tuple of str
        The frame's columns.
    marks : tuple of str
        Columns of the change marks.
    rows_to : ParquetAppender
        File of the rows.
    marks_to : ParquetAppender or None
        File of the change marks.
    advance : callable
        Is told how many rows came.
    newest : dict of str to str or None
        Newest readable day per date column, not beyond tomorrow.
    rows : int
        Rows so far.
    unfit_marks : int
        Marks that could not be read or were too long: rows cannot be told apart by them.
    problems : list of polars.DataFrame
        What could not be read.
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
        """Append rows with their change marks; the row numbers of `problems` count from the chunk's first row."""
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
    target: RawFrame,
    columns: Sequence[ReadColumn],
    marks: Sequence[ReadColumn],
    advance: Callable[[float], None],
    *,
    look_at_dates: bool = True,
) -> Iterator[FrameSink]:
    """A sink whose files replace those of `target` when the block ends well.

    Parameters
    ----------
    target : RawFrame
        Files to write.
    columns : sequence of ReadColumn
        The frame's columns.
    marks : sequence of ReadColumn
        Columns of the change marks; empty: none are kept.
    advance : callable
        Is told how many rows came.
    look_at_dates : bool, optional
        Whether to find the newest day of every date column.
    """
    dates = [c.name for c in columns if look_at_dates and c.type == "date" and not c.is_absent]
    with ExitStack() as stack:
        rows_to = stack.enter_context(parquet_writer(target.rows, raw_schema(columns)))
        marks_to = None
        if marks:
            marks_to = stack.enter_context(parquet_writer(target.marks, raw_schema(marks)))
        else:
            target.marks.unlink(missing_ok=True)
        sink = FrameSink(
            tuple(c.name for c in columns), tuple(c.name for c in marks), rows_to, marks_to, advance,
            dict.fromkeys(dates),
        )  # fmt: skip
        yield sink
    found = pl.concat(sink.problems) if sink.problems else pl.DataFrame(schema=PROBLEMS)
    found.write_parquet(target.problems)


def _newer(known: str | None, texts: pl.Series) -> str | None:
    days = texts.str.slice(0, 11).str.strip_chars_end("T ").unique().drop_nulls()
    value, _ = parse_dates(days)
    limit = datetime.now(UTC).replace(tzinfo=None) + timedelta(days=1)
    latest = value.filter(value <= limit).max()
    text = latest.date().isoformat() if isinstance(latest, datetime) else None
    return max((t for t in (known, text) if t is not None), default=None)
