"""Rows that are not used, each kept with its table, key, rule, reason and raw values.

What belongs here: writing them (`FRAMES.REJECTS`) and counting them. What does not: the rules.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl

from routing_etl.erp.files import parquet_writer
from routing_etl.frames import REJECTS

_LONGEST: int = REJECTS["raw_values"].max_length or 4000
#: Texts inside the raw values are cut to this when the whole row would be too long.
_SHORT_TEXT = 60


class Rejects:
    """Takes rejected rows of one source and writes them as they come."""

    def __init__(
        self, source: str, key: Sequence[str], raw_columns: Sequence[str], problems: pl.DataFrame, write: Any
    ):
        self.source, self.key, self.raw_columns = source, tuple(key), tuple(raw_columns)
        self.problems = problems
        self._write = write
        self.counts: dict[str, int] = {}

    @property
    def rows(self) -> int:
        """Rows rejected so far."""
        return sum(self.counts.values())

    def add(self, rows: pl.DataFrame, rule: str, reason: str | pl.Expr) -> None:
        """Reject these raw rows (with their `row_nr`). `reason`: a sentence, or an expression that makes one."""
        if rows.is_empty():
            return
        raw = self._with_raw_texts(rows.select("row_nr", *self.raw_columns))
        sentence = pl.lit(reason) if isinstance(reason, str) else reason
        out = pl.DataFrame(
            {
                "source_table": pl.repeat(self.source, rows.height, dtype=pl.String, eager=True),
                "row_key": raw.select(
                    pl.concat_str(
                        [pl.col(k).cast(pl.String).fill_null("NULL") for k in self.key], separator=" / "
                    )
                ).to_series(),
                "rule": pl.repeat(rule, rows.height, dtype=pl.String, eager=True),
                "reason": rows.select(sentence.alias("r").str.slice(0, 400))
                .to_series()
                .new_from_index(0, rows.height)
                if isinstance(reason, str)
                else rows.select(sentence.alias("r").str.slice(0, 400)).to_series(),
                "raw_values": _json(raw.select(self.raw_columns)),
            }
        ).with_columns(pl.col("row_key").str.slice(0, 300))
        self._write(REJECTS.conform(out))
        self.counts[rule] = self.counts.get(rule, 0) + rows.height

    def _with_raw_texts(self, raw: pl.DataFrame) -> pl.DataFrame:
        """Put the unreadable or overlong texts back where reading left NULL or a cut value."""
        mine = self.problems.join(raw.select("row_nr"), on="row_nr", how="semi")
        for column in mine["column"].unique().to_list():
            texts = mine.filter(pl.col("column") == column).select("row_nr", pl.col("value").alias("_text"))
            raw = (
                raw.join(texts.unique("row_nr"), on="row_nr", how="left", maintain_order="left")
                .with_columns(pl.coalesce("_text", pl.col(column).cast(pl.String)).alias(column))
                .drop("_text")
            )
        return raw


def _json(raw: pl.DataFrame) -> pl.Series:
    text = raw.select(pl.struct(pl.all()).struct.json_encode()).to_series()
    long = text.str.len_chars() > _LONGEST
    if not long.any():
        return text
    cut = raw.with_columns(pl.col(pl.String).str.slice(0, _SHORT_TEXT))
    short = cut.select(pl.struct(pl.all()).struct.json_encode().str.slice(0, _LONGEST)).to_series()
    return pl.select(pl.when(long).then(short).otherwise(text)).to_series()


@contextmanager
def rejecting(
    folder: Path, source: str, key: Sequence[str], raw_columns: Sequence[str], problems: pl.DataFrame
) -> Iterator[Rejects]:
    """A `Rejects` that writes `<folder>/<source>.parquet`; the file is there, perhaps empty, when the block ends."""
    folder.mkdir(parents=True, exist_ok=True)
    with parquet_writer(folder / f"{source}.parquet", REJECTS.schema) as writer:
        yield Rejects(source, key, raw_columns, problems, writer.write)
