"""Raw frames to canonical frames: every rule of the dirt catalogue applied, counted, and every rejected row kept.

This module owns the folders and the accounts: rows in = rows kept + rows rejected + rows filtered, for every frame. The
rules themselves are in `clean_items.py`, `clean_operations.py`, `clean_results.py`, `units.py`, `text.py`, `parse.py`.
Operations are cleaned in shards of whole items and results in chunks, so memory does not grow with the plant.
"""

from __future__ import annotations

import errno
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq

from routing_etl.erp.clean_items import clean_items, count_problems
from routing_etl.erp.clean_operations import OperationContext, clean_operations, job_names
from routing_etl.erp.clean_results import (
    ResultContext,
    clean_purchase_orders,
    clean_results,
    operation_hashes,
)
from routing_etl.erp.files import parquet_writer, problems_path
from routing_etl.erp.parse import parse_dates
from routing_etl.erp.profile import Profile
from routing_etl.erp.profile_model import FRAME_OF, RAW_COLUMNS
from routing_etl.erp.reader import RAW_DTYPE
from routing_etl.erp.rejects import Rejects, rejecting
from routing_etl.erp.text import NOT_TEXT, Counter
from routing_etl.errors import DiskFullError, FrameError, SourceError
from routing_etl.frames import OPERATIONS, PURCHASE_ORDERS, WORK_RESULTS, key_of, write_attributes
from routing_etl.log import get_logger
from routing_etl.progress import SILENT, Progress

#: Rows cleaned at once.
CHUNK_ROWS = 500_000

#: Raw column to dtype, by frame.
RAW_SCHEMAS = {
    FRAME_OF[f]: {c.name: RAW_DTYPE[c.type] for c in columns.values()} for f, columns in RAW_COLUMNS.items()
}

#: The key that names a row for people, by raw column.
_ROW_KEYS = {
    "items": ("item_cd",),
    "operations": ("item_cd", "rout_no", "proc_seq"),
    "work_results": ("item_cd", "rout_no", "proc_seq", "job_cd"),
    "purchase_orders": ("po_no", "item_cd"),
}


@dataclass(frozen=True)
class FrameClean:
    """The account of one frame; `rejects` and `filtered` by rule, `repairs` by rule and column."""

    rows_in: int
    rows_kept: int
    rows_rejected: int
    rows_filtered: int
    rejects: dict[str, int]
    filtered: dict[str, int]
    repairs: dict[str, dict[str, int]]
    seconds: float


@dataclass(frozen=True)
class CleanReport:
    """What cleaning did. `as_of`: the day on which validity and age were asked. `attributes`: those with any value."""

    frames: dict[str, FrameClean]
    as_of: date
    cutoff: date | None
    attributes: tuple[str, ...]
    warnings: tuple[str, ...]
    seconds: float

    @property
    def rejects(self) -> dict[str, int]:
        """Rejected rows by `frame.rule`."""
        return {f"{n}.{r}": c for n, f in self.frames.items() for r, c in sorted(f.rejects.items())}

    @property
    def repairs(self) -> dict[str, int]:
        """Repaired or noticed values by `frame.rule`."""
        return {
            f"{n}.{r}": sum(c.values()) for n, f in self.frames.items() for r, c in sorted(f.repairs.items())
        }


@dataclass
class _Account:
    """Counts of one frame while it is being cleaned."""

    rejects: Rejects
    counter: Counter
    filtered: Counter
    rows_in: int = 0
    rows_kept: int = 0

    def close(self, name: str, seconds: float) -> FrameClean:
        """The frame's account; rows in must be kept, rejected or filtered."""
        filtered = self.filtered.totals()
        out = self.rows_kept + self.rejects.rows + sum(filtered.values())
        if out != self.rows_in:
            raise FrameError(
                f"Cleaning {name}: {self.rows_in} rows in, but {self.rows_kept} kept + {self.rejects.rows} rejected + "
                f"{sum(filtered.values())} filtered = {out}.",
                remedy="This is a defect of the cleaning rules; keep the run folder and report it.",
            )
        return FrameClean(
            self.rows_in,
            self.rows_kept,
            self.rejects.rows,
            sum(filtered.values()),
            dict(sorted(self.rejects.counts.items())),
            filtered,
            {r: dict(sorted(c.items())) for r, c in sorted(self.counter.by_rule.items())},
            round(seconds, 3),
        )


def clean(
    raw: Path, out: Path, rejects: Path, profile: Profile, *, cutoff: date | None, progress: Progress = SILENT
) -> CleanReport:
    """Clean the four raw frames of an extract into canonical frames, with `items.attributes.json` beside them.

    `cutoff`: use nothing newer; None uses everything. Validity and age are asked on the cut-off date, else on the newest
    date in the data that is not in the future.

    Raises
    ------
    SourceError: nothing usable is left of the items or the operations, or item codes collide and the profile forbids it.
    FrameError: a raw frame is missing, or rows in differ from rows kept + rejected + filtered.
    DiskFullError: no space is left for the clean frames.
    """
    try:
        return _clean(raw, out, rejects, profile, cutoff, progress)
    except OSError as exc:
        if exc.errno != errno.ENOSPC:
            raise
        raise DiskFullError(
            f"No space left on the disk while cleaning ({exc.filename or out}).",
            remedy="Free space; run again.",
        ) from exc


def _clean(
    raw: Path, out: Path, rejects: Path, profile: Profile, cutoff: date | None, progress: Progress
) -> CleanReport:
    started = time.perf_counter()
    out.mkdir(parents=True, exist_ok=True)
    now = datetime.now(UTC).replace(tzinfo=None) + timedelta(days=1)
    as_of = cutoff or _newest_day(raw, now)
    total = sum(_rows(raw, name) for name in _ROW_KEYS)
    frames: dict[str, FrameClean] = {}
    with progress.task("Cleaning", total) as task:
        items, attributes, warnings, frames["items"] = _items(raw, out, rejects, profile)
        task.advance(frames["items"].rows_in)
        codes = items.select("item_key", "item_cd")
        context = OperationContext(codes, as_of, cutoff, now, job_names(_scan(raw, "operations"), profile))
        frames["operations"] = _operations(raw, out, rejects, profile, context, task.advance)
        frames["work_results"] = _results(
            raw, out, rejects, profile, codes["item_key"], context, task.advance
        )
        frames["purchase_orders"] = _orders(raw, out, rejects, codes["item_key"], now)
        task.advance(frames["purchase_orders"].rows_in)
    if not frames["operations"].rows_kept:
        raise SourceError(
            f"None of the {frames['operations'].rows_in} routing rows is usable: {frames['operations'].rejects}.",
            remedy="Look at rejects/operations.parquet of this run; check the profile's columns and words.",
        )
    warnings += _unknown_words(frames)
    report = CleanReport(
        frames, as_of, cutoff, attributes, tuple(warnings), round(time.perf_counter() - started, 3)
    )
    log = get_logger(__name__)
    for text in warnings:
        log.warning("clean_warning", text=text)
    log.info("cleaned", seconds=report.seconds, rejects=report.rejects)
    return report


def _scan(raw: Path, name: str) -> pl.LazyFrame:
    """A raw frame with its row numbers; columns that the profile does not map are NULL."""
    path = raw / f"{name}.parquet"
    if not path.is_file():
        raise FrameError(
            f"The raw frame {path} does not exist.", remedy="Run the extract first: routing-etl extract"
        )
    scan = pl.scan_parquet(path, row_index_name="row_nr")
    schema = RAW_SCHEMAS[name]
    absent = [n for n in schema if n not in scan.collect_schema()]
    return scan.with_columns([pl.lit(None, dtype=schema[n]).alias(n) for n in absent])


def _rows(raw: Path, name: str) -> int:
    _scan(raw, name)
    return int(pq.ParquetFile(raw / f"{name}.parquet").metadata.num_rows)


def _newest_day(raw: Path, now: datetime) -> date:
    """The newest readable day in routings and results that is not in the future; today when there is none."""
    days = [date.min]
    for name, column in (("operations", "insrt_dt"), ("work_results", "report_dt")):
        scan = _scan(raw, name)
        text = scan.select(pl.col(column).str.slice(0, 11).str.strip_chars_end("T ").unique())
        value, _ = parse_dates(text.collect(engine="streaming").to_series())
        newest = value.filter(value <= now).max()
        if isinstance(newest, datetime):
            days.append(newest.date())
    return max(days) if max(days) > date.min else now.date()


@contextmanager
def _account(raw: Path, rejects: Path, name: str) -> Iterator[tuple[pl.DataFrame, _Account]]:
    """A raw frame's problems, and the account that its cleaning fills."""
    problems = pl.read_parquet(problems_path(raw, name))
    columns = pq.ParquetFile(raw / f"{name}.parquet").schema_arrow.names
    absent = [n for n in RAW_SCHEMAS[name] if n not in columns]
    key = [n for n in _ROW_KEYS[name] if n in columns]
    with rejecting(rejects, name, key, columns, problems) as sink:
        account = _Account(sink, Counter(absent), Counter())
        count_problems(problems, account.counter)
        yield problems, account


def _items(
    raw: Path, out: Path, rejects: Path, profile: Profile
) -> tuple[pl.DataFrame, tuple[str, ...], list[str], FrameClean]:
    started = time.perf_counter()
    frame = _scan(raw, "items").collect()
    with _account(raw, rejects, "items") as (problems, account):
        done = clean_items(frame, problems, profile, account.rejects, account.counter)
    account.rows_in, account.rows_kept = frame.height, done.items.height
    if not done.items.height:
        raise SourceError(
            f"None of the {frame.height} items is usable: {account.rejects.counts}.",
            remedy="Look at rejects/items.parquet of this run; check items.columns.item_cd in the profile.",
        )
    done.items.write_parquet(out / "items.parquet", compression="zstd", compression_level=1)
    write_attributes(out / "items.attributes.json", done.attributes)
    names = tuple(a.name for a in done.attributes)
    report = account.close("items", time.perf_counter() - started)
    return done.items.select("item_key", "item_cd"), names, list(done.warnings), report


def _shards(scan: pl.LazyFrame, rows: int) -> Iterator[pl.DataFrame]:
    """All rows, whole items together, in frames of about `CHUNK_ROWS` rows."""
    shards = max(1, math.ceil(rows / CHUNK_ROWS))
    if shards == 1:
        yield scan.collect()
        return
    shard_of = key_of(pl.col("item_cd")).hash(seed=11) % shards
    for shard in range(shards):
        yield scan.filter(shard_of.fill_null(0) == shard).collect()


def _chunks(scan: pl.LazyFrame, rows: int) -> Iterator[pl.DataFrame]:
    for start in range(0, rows, CHUNK_ROWS):
        yield scan.slice(start, CHUNK_ROWS).collect()


def _operations(
    raw: Path,
    out: Path,
    rejects: Path,
    profile: Profile,
    context: OperationContext,
    advance: Callable[[float], None],
) -> FrameClean:
    started = time.perf_counter()
    rows = _rows(raw, "operations")
    with (
        _account(raw, rejects, "operations") as (problems, account),
        parquet_writer(out / "operations.parquet", OPERATIONS.schema) as writer,
    ):
        for chunk in _shards(_scan(raw, "operations"), rows):
            mine = problems.join(chunk.select("row_nr"), on="row_nr", how="semi")
            kept = clean_operations(
                chunk, mine, profile, context, account.rejects, account.counter, account.filtered
            )
            writer.write(kept)
            account.rows_in += chunk.height
            account.rows_kept += kept.height
            advance(chunk.height)
    return account.close("operations", time.perf_counter() - started)


def _results(
    raw: Path,
    out: Path,
    rejects: Path,
    profile: Profile,
    item_keys: pl.Series,
    operations: OperationContext,
    advance: Callable[[float], None],
) -> FrameClean:
    started = time.perf_counter()
    exact, loose = operation_hashes(pl.scan_parquet(out / "operations.parquet"))
    years = profile.results.max_age_years if profile.results is not None else None
    oldest = operations.as_of - timedelta(days=round(years * 365.25)) if years is not None else None
    context = ResultContext(item_keys, exact, loose, oldest, operations.cutoff, operations.now)
    rows = _rows(raw, "work_results")
    with (
        _account(raw, rejects, "work_results") as (problems, account),
        parquet_writer(out / "work_results.parquet", WORK_RESULTS.schema) as writer,
    ):
        for chunk in _chunks(_scan(raw, "work_results"), rows):
            mine = problems.join(chunk.select("row_nr"), on="row_nr", how="semi")
            kept = clean_results(
                chunk, mine, profile, context, account.rejects, account.counter, account.filtered
            )
            writer.write(kept)
            account.rows_in += chunk.height
            account.rows_kept += kept.height
            advance(chunk.height)
    return account.close("work_results", time.perf_counter() - started)


def _orders(raw: Path, out: Path, rejects: Path, item_keys: pl.Series, now: datetime) -> FrameClean:
    started = time.perf_counter()
    frame = _scan(raw, "purchase_orders").collect()
    with _account(raw, rejects, "purchase_orders") as (problems, account):
        kept = clean_purchase_orders(frame, problems, item_keys, now, account.rejects, account.counter)
    kept.write_parquet(out / f"{PURCHASE_ORDERS.name}.parquet")
    account.rows_in, account.rows_kept = frame.height, kept.height
    return account.close("purchase_orders", time.perf_counter() - started)


def _unknown_words(frames: dict[str, FrameClean]) -> list[str]:
    """Sentences about repairs that mean the profile may not know this ERP's words, or the driver its encoding."""
    watched = {
        "inside_unknown_word": "in-house/outsourced words that the profile does not know (routing.inside_words)",
        "time_unit_unknown": "time units that the profile does not know (routing.time_units); their times are NULL",
        "no_job_code": "routing rows without a job code",
        "unreadable_value": "values that are not of their column's type; they are NULL",
        "unreadable_date": "dates in a form that is not known; they are NULL",
        "future_date": "dates after today; they are NULL",
        NOT_TEXT: "texts with bytes that are none in the database's encoding, read as the character U+FFFD; codes that differ "
        "there alone cannot be told apart",
        "too_large": "numbers larger than can be meant; they are NULL",
    }
    return [
        f"{name}: {sum(frame.repairs[rule].values())} {text} ({', '.join(frame.repairs[rule])})."
        for name, frame in frames.items()
        for rule, text in watched.items()
        if rule in frame.repairs
    ]
