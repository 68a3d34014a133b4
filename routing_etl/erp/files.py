"""Parquet files written chunk by chunk: whole under their name, or not there at all."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq


def problems_path(folder: Path, frame: str) -> Path:
    """Where a raw frame's unreadable and overlong values stand."""
    return folder / f"{frame}.problems.parquet"


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
