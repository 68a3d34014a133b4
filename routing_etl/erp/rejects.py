"""Rows that cleaning does not use: each is kept with its table, key, rule, reason and raw values (`frames.REJECTS`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from routing_etl.erp.files import parquet_writer
from routing_etl.erp.text import Counter
from routing_etl.frames import REJECTS

_LONGEST: int = REJECTS["raw_values"].max_length or 4000
#: Rows that are named for each rule.
EXAMPLES = 3
#: Texts inside the raw values are cut to this when the whole row would be too long.
_SHORT_TEXT = 60


@dataclass(frozen=True)
class Reason:
    """Why a row is rejected: the rule's name, and a sentence for people (or an expression that makes one per row)."""

    rule: str
    sentence: str | pl.Expr


#: Reasons that hold for more than one frame.
ORPHAN_ITEM = Reason("orphan_item", "The item is not in the item master, or was rejected there.")
REFUSED_ITEM = Reason(
    "rejected_item",
    "The item of exactly this code was rejected in the item master, because another item has the same key.",
)
ORPHAN_OPERATION = Reason(
    "orphan_operation", "No routing of the item has this operation number with this job."
)
UNREADABLE_PROC_SEQ = Reason("unreadable_proc_seq", "The operation number is not a whole number.")
BAD_PROC_SEQ = Reason("bad_proc_seq", "The operation number is missing, zero or negative.")
#: Largest operation number: that of a 32-bit integer.
MAX_PROC_SEQ = 2_147_483_647


class Rejects:
    """Takes the rejected rows of one source, counts them by rule, and writes them as they come.

    Parameters
    ----------
    source : str
        Frame that the rows come from.
    key : sequence of str
        Raw columns that name a row for people.
    raw_columns : sequence of str
        Raw columns whose values are kept.
    problems : polars.DataFrame
        What could not be read of the source (`reader.PROBLEMS`).
    write : callable
        Takes rejected rows as `frames.REJECTS`.
    """

    def __init__(
        self,
        source: str,
        key: Sequence[str],
        raw_columns: Sequence[str],
        problems: pl.DataFrame,
        write: Callable[[pl.DataFrame], None],
    ):
        self.source, self.key, self.raw_columns = source, tuple(key), tuple(raw_columns)
        self.problems = problems
        self._write = write
        self.counts: dict[str, int] = {}
        self.examples: dict[str, tuple[str, ...]] = {}

    @property
    def rows(self) -> int:
        """Rows rejected so far."""
        return sum(self.counts.values())

    def remove(
        self, frame: pl.DataFrame, raw: pl.DataFrame, condition: pl.Expr, reason: Reason
    ) -> pl.DataFrame:
        """Reject the rows of a frame for which a condition is true; NULL counts as false.

        Parameters
        ----------
        frame : polars.DataFrame
            Rows being cleaned, with their `row_nr`.
        raw : polars.DataFrame
            The same rows, and perhaps others, as they were read.
        condition : polars.Expr
            Condition on the columns of `frame`.
        reason : Reason
            Why such rows are rejected.

        Returns
        -------
        polars.DataFrame
            The other rows of `frame`.
        """
        held = frame.select(condition.fill_null(False).alias("held")).to_series()
        if not held.any():
            return frame
        self.add(rows_of(raw, frame.filter(held)), reason)
        return frame.filter(~held)

    def add(self, rows: pl.DataFrame, reason: Reason) -> None:
        """Reject these raw rows, which carry their `row_nr`."""
        if rows.is_empty():
            return
        raw = self._with_raw_texts(rows.select("row_nr", *self.raw_columns))
        key = [pl.col(k).cast(pl.String).fill_null("NULL") for k in self.key]
        out = pl.DataFrame(
            {
                "source_table": pl.repeat(self.source, rows.height, dtype=pl.String, eager=True),
                "row_key": raw.select(pl.concat_str(key, separator=" / ")).to_series(),
                "rule": pl.repeat(reason.rule, rows.height, dtype=pl.String, eager=True),
                "reason": _sentences(rows, reason),
                "raw_values": _json(raw.select(self.raw_columns)),
            }
        ).with_columns(pl.col("row_key").str.slice(0, 300))
        self._write(REJECTS.conform(out))
        shown = (*self.examples.get(reason.rule, ()), *out["row_key"].head(EXAMPLES).to_list())
        self.examples[reason.rule] = tuple(dict.fromkeys(shown))[:EXAMPLES]
        self.counts[reason.rule] = self.counts.get(reason.rule, 0) + rows.height

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


def rows_of(raw: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """The raw rows that have the row numbers of `rows`."""
    return raw.join(rows.select("row_nr"), on="row_nr", how="semi", maintain_order="left")


def _sentences(rows: pl.DataFrame, reason: Reason) -> pl.Series:
    if isinstance(reason.sentence, str):
        return pl.repeat(reason.sentence[:400], rows.height, dtype=pl.String, eager=True)
    return rows.select(reason.sentence.alias("r").str.slice(0, 400)).to_series()


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
    """A `Rejects` that writes `<folder>/<source>.parquet`; when the block ends the file is there, perhaps without rows."""
    folder.mkdir(parents=True, exist_ok=True)
    with parquet_writer(folder / f"{source}.parquet", REJECTS.schema) as writer:
        yield Rejects(source, key, raw_columns, problems, writer.write)


@dataclass(frozen=True)
class Account:
    """What happens to the rows of one frame while they are cleaned.

    Parameters
    ----------
    rejects : Rejects
        Rows that cannot be used.
    repairs : Counter
        Values that were repaired, or noticed, by rule and column.
    filtered : Counter
        Rows that are sound but not wanted, by rule and column: too old, or after the cut-off date.
    """

    rejects: Rejects
    repairs: Counter
    filtered: Counter
