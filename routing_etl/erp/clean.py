"""Raw frames to canonical frames: every repair is counted, every rejected row is kept.

This module owns the folders and the account of each frame: rows in = rows kept + rows rejected + rows filtered. The rules
are in `clean_items.py`, `clean_operations.py`, `clean_results.py` and `net_results.py`, and what they share in `text.py`,
`parse.py`, `units.py` and `rejects.py`. Operations are cleaned in shards of whole items, and so are results whose rows belong
together; other results in chunks. So memory does not grow with the plant.
"""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq

from routing_etl.erp.clean_codes import (
    Equality,
    ItemKeys,
    by_characters,
    item_keys,
    survey,
)
from routing_etl.erp.clean_items import CleanedItems, ItemIdentity, clean_items, count_problems
from routing_etl.erp.clean_operations import PARTLY_IN_FORCE, OperationContext, clean_operations, job_names
from routing_etl.erp.clean_results import (
    TIME_WITHOUT_QUANTITY,
    ResultContext,
    Together,
    batches,
    clean_purchase_orders,
    clean_results,
    moments,
    operation_hashes,
)
from routing_etl.erp.files import RawFrame, parquet_writer
from routing_etl.erp.net_results import (
    EQUAL_REPORT,
    ON_SEVERAL,
    ORDERS,
    RISING,
    RISING_ROWS,
    SEVERAL_ROWS,
    TOLD,
    equal_reports,
    needs_whole_items,
    overlapping,
)
from routing_etl.erp.odd_times import clock_numbers, total_beside_setup, whole_times_of_batches
from routing_etl.erp.operation_order import BROKEN_CHAIN
from routing_etl.erp.own_numbers import AMBIGUOUS_OPERATION, OwnNumbers
from routing_etl.erp.parse import parse_dates
from routing_etl.erp.profile import Profile
from routing_etl.erp.profile_model import FRAME_OF, RAW_COLUMNS, ResultSource
from routing_etl.erp.reader import RAW_DTYPE
from routing_etl.erp.rejects import BAD_PROC_SEQ, ORPHAN_ITEM, ORPHAN_OPERATION, Account, rejecting
from routing_etl.erp.suspicions import (
    odd_operation_numbers,
    refuse_unfit_dates,
    refuse_unfit_efficiency,
    refuse_unknown_inside,
    text_in_place_of_jobs,
    text_lines,
    undecided_routings,
    validity_of_all,
)
from routing_etl.erp.text import NOT_TEXT, Counter, normalised
from routing_etl.erp.work_centres import INACTIVE, REPLACED, STOOD_IN, UNKNOWN, WorkCentres, work_centres
from routing_etl.errors import FrameError, SourceError
from routing_etl.frames import (
    CODE_SPELLINGS,
    OPERATIONS,
    PURCHASE_ORDERS,
    WORK_RESULTS,
    Frame,
    write_attributes,
)
from routing_etl.log import get_logger
from routing_etl.progress import SILENT, Progress
from routing_etl.shortages import shortage

#: Rows cleaned at once; bounds the memory that cleaning takes.
CHUNK_ROWS = 500_000

#: Pairs of spellings that the report names; the file beside the clean frames has all.
PAIRS_KEPT = 50

#: Dtype of every raw column, by frame.
RAW_SCHEMAS = {
    FRAME_OF[f]: {c.name: RAW_DTYPE[c.type] for c in columns.values()} for f, columns in RAW_COLUMNS.items()
}

#: Raw columns that together name a row for people, by frame.
_ROW_KEYS = {
    "items": ("item_cd",),
    "operations": ("item_cd", "rout_no", "proc_seq"),
    "work_results": ("item_cd", "rout_no", "proc_seq", "oper_no", "job_cd"),
    "purchase_orders": ("po_no", "item_cd"),
}


@dataclass(frozen=True)
class FrameClean:
    """The account of one frame.

    Parameters
    ----------
    rows_in : int
        Raw rows.
    rows_kept : int
        Rows of the canonical frame.
    rows_rejected : int
        Rows that cannot be used, kept among the rejects.
    rows_filtered : int
        Sound rows that are not wanted: too old, or after the cut-off date.
    rejects : dict of str to int
        Rejected rows by rule.
    filtered : dict of str to int
        Filtered rows by rule.
    repairs : dict of str to dict of str to int
        Repaired or noticed values by rule and column.
    seconds : float
        Time taken.
    examples : dict of str to tuple of str
        Keys of a few rejected rows by rule.
    """

    rows_in: int
    rows_kept: int
    rows_rejected: int
    rows_filtered: int
    rejects: dict[str, int]
    filtered: dict[str, int]
    repairs: dict[str, dict[str, int]]
    seconds: float
    examples: dict[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Respelled:
    """A spelling of a code that is counted as another one.

    Parameters
    ----------
    column : str
        Column of the canonical frames.
    spelling : str
        Spelling in the ERP.
    rows : int
        Raw rows that have it, over all frames.
    kept : str
        Spelling that it is counted as: that of most rows.
    kept_rows : int
        Raw rows that have the kept spelling.
    """

    column: str
    spelling: str
    rows: int
    kept: str
    kept_rows: int

    def __str__(self) -> str:
        return (
            f"{self.column}: {self.spelling!r} ({_in_rows(self.rows)}) is counted as {self.kept!r} "
            f"({_in_rows(self.kept_rows)})"
        )


def _in_rows(rows: int) -> str:
    return f"{rows:,} row" if rows == 1 else f"{rows:,} rows"


@dataclass(frozen=True)
class CleanReport:
    """What cleaning did.

    Parameters
    ----------
    frames : dict of str to FrameClean
        The account of every frame.
    as_of : datetime.date
        Day on which the validity of routings and the age of results were asked.
    cutoff : datetime.date or None
        Last day whose data are used; None: all.
    attributes : tuple of str
        Item attributes that hold any value.
    warnings : tuple of str
        Sentences about what people should look at.
    seconds : float
        Time taken.
    respelled : tuple of Respelled
        Spellings of codes that are counted as another one, those with most rows first; at most `PAIRS_KEPT`. The file
        `code_spellings.parquet` beside the clean frames has all.
    respelled_count : int
        How many such spellings there are.
    """

    frames: dict[str, FrameClean]
    as_of: date
    cutoff: date | None
    attributes: tuple[str, ...]
    warnings: tuple[str, ...]
    seconds: float
    respelled: tuple[Respelled, ...] = ()
    respelled_count: int = 0

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


@dataclass(frozen=True)
class _Cleaning:
    """What the cleaning of every frame shares: where raw frames, clean frames and rejects lie, the profile, equality."""

    raw: Path
    out: Path
    rejects: Path
    profile: Profile
    equal: Equality
    advance: Callable[[float], None]


def clean(
    raw: Path,
    out: Path,
    rejects: Path,
    profile: Profile,
    *,
    cutoff: date | None,
    equal: Equality = by_characters,
    progress: Progress = SILENT,
) -> CleanReport:
    """Clean the four raw frames of an extract into canonical frames.

    Beside them lie `items.attributes.json`, and `code_spellings.parquet` with the codes that are counted as others.

    Parameters
    ----------
    raw : pathlib.Path
        Folder of the raw frames.
    out : pathlib.Path
        Folder for the clean frames.
    rejects : pathlib.Path
        Folder for the rejected rows.
    profile : Profile
        The source profile that the raw frames were read with.
    cutoff : datetime.date or None
        Use nothing newer; None uses everything. Validity and age are asked on this day, else on the newest day in the
        data that is not in the future.
    equal : callable, optional
        Which codes the database calls equal that they are published in, beyond those with one key (`frames.key_of`).
    progress : Progress, optional
        Where progress is shown.

    Returns
    -------
    CleanReport
        The accounts of all frames.

    Raises
    ------
    SourceError
        No usable item or operation is left, or item codes collide and the profile forbids it.
    FrameError
        A raw frame is missing, or rows in differ from rows kept + rejected + filtered.
    DiskFullError
        No space is left for the clean frames.
    """
    try:
        with progress.task("Cleaning", sum(_rows(raw, name) for name in _ROW_KEYS)) as task:
            return _clean(_Cleaning(raw, out, rejects, profile, equal, task.advance), cutoff)
    except OSError as exc:
        short = shortage(exc, "while cleaning", where=out)
        if short is None:
            raise
        raise short from exc


def _clean(job: _Cleaning, cutoff: date | None) -> CleanReport:
    started = time.perf_counter()
    job.out.mkdir(parents=True, exist_ok=True)
    now = datetime.now(UTC).replace(tzinfo=None) + timedelta(days=1)  # a day more than UTC: time zones
    as_of = cutoff or _newest_day(job.raw, now)
    frames: dict[str, FrameClean] = {}
    raw = {name: _scan(job.raw, name) for name in _ROW_KEYS}
    problems = {name: pl.read_parquet(RawFrame(job.raw, name).problems) for name in _ROW_KEYS}
    refuse_unfit_dates(raw, problems, job.profile)
    refuse_unknown_inside(raw["operations"], job.profile)
    refuse_unfit_efficiency(raw["operations"], job.profile)
    odd = odd_operation_numbers(raw["operations"], problems["operations"], job.profile)
    odd += validity_of_all(raw["operations"], job.profile)
    machines = _work_centres(job, as_of)
    spellings = survey(raw, job.profile, job.equal)
    items, frames["items"] = _items(job, ItemIdentity(item_keys(raw, job.equal), job.equal))
    codes = items.items.select("item_key", "item_cd")
    names = job_names(raw["operations"], job.profile, spellings)
    context = OperationContext(codes, as_of, cutoff, now, names, items.keys, spellings)
    frames["operations"] = _operations(job, context, machines)
    kept = pl.scan_parquet(job.out / f"{OPERATIONS.name}.parquet")
    jobs = [
        *text_in_place_of_jobs(kept, job.profile),
        *undecided_routings(kept),
        *text_lines(kept, job.profile),
    ]
    jobs += [*clock_numbers(raw, job.profile), *total_beside_setup(job.profile)]
    jobs += whole_times_of_batches(raw[WORK_RESULTS.name], job.profile)
    frames["work_results"] = _results(job, context, machines)
    frames["purchase_orders"] = _orders(job, context)
    if not frames["operations"].rows_kept:
        raise SourceError(
            f"None of the {frames['operations'].rows_in} routing rows is usable: {frames['operations'].rejects}. "
            + " ".join([*odd, *_routing_rejects(frames["operations"])]),
            remedy="Look at rejects/operations.parquet of this run; check the profile's columns and words.",
        )
    respelled, count = _respelled(job, pl.concat([spellings.changed, items.spellings]))
    warnings = [
        *items.warnings,
        *machines.warnings,
        *odd,
        *jobs,
        *_unknown_words(frames),
        *_result_sentences(frames[WORK_RESULTS.name], job.profile.results),
        *_respelled_sentence(respelled, count),
    ]
    attributes = tuple(a.name for a in items.attributes)
    seconds = round(time.perf_counter() - started, 3)
    report = CleanReport(frames, as_of, cutoff, attributes, tuple(warnings), seconds, respelled, count)
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
def _account(job: _Cleaning, name: str) -> Iterator[tuple[pl.DataFrame, Account]]:
    """A raw frame's problems, and the account that its cleaning fills."""
    problems = pl.read_parquet(RawFrame(job.raw, name).problems)
    columns = pq.ParquetFile(job.raw / f"{name}.parquet").schema_arrow.names
    absent = [n for n in RAW_SCHEMAS[name] if n not in columns]
    key = [n for n in _ROW_KEYS[name] if n in columns]
    with rejecting(job.rejects, name, key, columns, problems) as sink:
        account = Account(sink, Counter(absent), Counter())
        count_problems(problems, account.repairs)
        yield problems, account


def _closed(name: str, account: Account, rows_in: int, rows_kept: int, started: float) -> FrameClean:
    """The frame's account; every row must have been kept, rejected or filtered."""
    rejects, filtered = account.rejects, account.filtered.totals()
    out = rows_kept + rejects.rows + sum(filtered.values())
    if out != rows_in:
        raise FrameError(
            f"Cleaning {name}: {rows_in} rows in, but {rows_kept} kept + {rejects.rows} rejected + "
            f"{sum(filtered.values())} filtered = {out}.",
            remedy="This is a defect of the cleaning rules; keep the run folder and report it.",
        )
    return FrameClean(
        rows_in=rows_in,
        rows_kept=rows_kept,
        rows_rejected=rejects.rows,
        rows_filtered=sum(filtered.values()),
        rejects=dict(sorted(rejects.counts.items())),
        filtered=filtered,
        repairs={r: dict(sorted(c.items())) for r, c in sorted(account.repairs.by_rule.items())},
        seconds=round(time.perf_counter() - started, 3),
        examples=dict(sorted(rejects.examples.items())),
    )


def _respelled(job: _Cleaning, changed: pl.DataFrame) -> tuple[tuple[Respelled, ...], int]:
    """Store the spellings that were not kept; those with most rows, and how many there are."""
    changed = changed.sort("rows", "code_column", "spelling", descending=[True, False, False])
    changed.write_parquet(job.out / f"{CODE_SPELLINGS.name}.parquet")
    return tuple(Respelled(*row) for row in changed.head(PAIRS_KEPT).iter_rows()), changed.height


def _respelled_sentence(respelled: tuple[Respelled, ...], count: int) -> list[str]:
    if not count:
        return []
    return [f"{count} code spelling(s) are counted as another one: {'; '.join(map(str, respelled[:5]))}."]


def _items(job: _Cleaning, identity: ItemIdentity) -> tuple[CleanedItems, FrameClean]:
    started = time.perf_counter()
    frame = _scan(job.raw, "items").collect()
    with _account(job, "items") as (problems, account):
        done = clean_items(frame, problems, job.profile, identity, account)
    if not done.items.height:
        raise SourceError(
            f"None of the {frame.height} items is usable: {account.rejects.counts}.",
            remedy="Look at rejects/items.parquet of this run; check items.columns.item_cd in the profile.",
        )
    done.items.write_parquet(job.out / "items.parquet", compression="zstd", compression_level=1)
    write_attributes(job.out / "items.attributes.json", done.attributes)
    job.advance(frame.height)
    return done, _closed("items", account, frame.height, done.items.height, started)


def _shards(scan: pl.LazyFrame, rows: int, keys: ItemKeys) -> Iterator[pl.DataFrame]:
    """All rows, whole items together, in frames of about `CHUNK_ROWS` rows."""
    shards = max(1, math.ceil(rows / CHUNK_ROWS))
    if shards == 1:
        yield scan.collect()
        return
    shard_of = keys.key(pl.col("item_cd")).hash(seed=11) % shards
    for shard in range(shards):
        yield scan.filter(shard_of.fill_null(0) == shard).collect()


def _chunks(scan: pl.LazyFrame, rows: int) -> Iterator[pl.DataFrame]:
    for start in range(0, rows, CHUNK_ROWS):
        yield scan.slice(start, CHUNK_ROWS).collect()


#: Cleans a piece of a frame: raw rows, their problems, the account.
_CleanPiece = Callable[[pl.DataFrame, pl.DataFrame, Account], pl.DataFrame]


def _in_pieces(
    job: _Cleaning, contract: Frame, pieces: Iterable[pl.DataFrame], clean_piece: _CleanPiece
) -> FrameClean:
    """Clean a frame piece by piece into its file."""
    started = time.perf_counter()
    rows_in = rows_kept = 0
    with (
        _account(job, contract.name) as (problems, account),
        parquet_writer(job.out / f"{contract.name}.parquet", contract.schema) as writer,
    ):
        for piece in pieces:
            mine = problems.join(piece.select("row_nr"), on="row_nr", how="semi")
            kept = clean_piece(piece, mine, account)
            writer.write(kept)
            rows_in += piece.height
            rows_kept += kept.height
            job.advance(piece.height)
    return _closed(contract.name, account, rows_in, rows_kept, started)


def _work_centres(job: _Cleaning, as_of: date) -> WorkCentres:
    """The machine master, where the profile names one."""
    section = job.profile.resources
    return (
        WorkCentres()
        if section is None
        else work_centres(_scan(job.raw, "resources").collect(), section, as_of)
    )


def _operations(job: _Cleaning, context: OperationContext, machines: WorkCentres) -> FrameClean:
    pieces = _shards(_scan(job.raw, OPERATIONS.name), _rows(job.raw, OPERATIONS.name), context.keys)

    def piece(raw: pl.DataFrame, bad: pl.DataFrame, account: Account) -> pl.DataFrame:
        kept = clean_operations(raw, bad, job.profile, context, account)
        return machines.out_of_operations(kept, account.repairs)

    return _in_pieces(job, OPERATIONS, pieces, piece)


def _results(job: _Cleaning, operations: OperationContext, machines: WorkCentres) -> FrameClean:
    routings = pl.scan_parquet(job.out / f"{OPERATIONS.name}.parquet")
    exact, loose = operation_hashes(routings)
    years = job.profile.results.max_age_years if job.profile.results is not None else None
    oldest = operations.as_of - timedelta(days=round(years * 365.25)) if years is not None else None
    keys = operations.item_codes["item_key"]
    scan, rows = _scan(job.raw, WORK_RESULTS.name), _rows(job.raw, WORK_RESULTS.name)
    context = ResultContext(
        keys,
        exact,
        loose,
        oldest,
        operations.cutoff,
        operations.now,
        operations.keys,
        operations.spellings,
        _together(job, scan, operations.keys),
        OwnNumbers.of(routings) if job.profile.has_own_numbers else None,
    )

    def piece(raw: pl.DataFrame, bad: pl.DataFrame, account: Account) -> pl.DataFrame:
        kept = clean_results(raw, bad, job.profile, context, account)
        return machines.out_of_results(kept, account.repairs)

    def cleaned(pieces: Iterable[pl.DataFrame]) -> FrameClean:
        return _in_pieces(job, WORK_RESULTS, pieces, piece)

    if not context.together.whole_items:
        return cleaned(_chunks(scan, rows))
    with tempfile.TemporaryDirectory(prefix="results-", dir=job.out) as scratch:
        return cleaned(_by_item(scan, rows, operations.keys, Path(scratch)))


def _together(job: _Cleaning, scan: pl.LazyFrame, keys: ItemKeys) -> Together:
    """What rows of different pieces have to do with each other."""
    results = job.profile.results
    if results is None:
        return Together()
    if "batch_no" in results.columns:
        return replace(_of_orders(job, results, scan, keys), batches=batches(scan))
    return _of_orders(job, results, scan, keys)


def _of_orders(job: _Cleaning, results: ResultSource, scan: pl.LazyFrame, keys: ItemKeys) -> Together:
    """What rows of one order have to do with each other."""
    columns = list(pq.ParquetFile(job.raw / f"{WORK_RESULTS.name}.parquet").schema_arrow.names)
    below = [pl.col(n) < 0 for n in ("machine_time", "setup_time", "order_qty", "yield_qty") if n in columns]
    some = below and scan.select(pl.any_horizontal(below).any()).collect(engine="streaming").item()
    if not (some or needs_whole_items(results)):
        return Together(repeated=equal_reports(scan, columns))
    shared = pl.Series("order_no", [], dtype=pl.String)
    if "order_no" in results.columns:
        shared = _shared_orders(scan, keys)
    if "start_at" not in results.columns:
        return Together(whole_items=True, shared_orders=shared)
    return Together(whole_items=True, shared_orders=shared, **_overlaps(scan, results.time_zone))


def _shared_orders(scan: pl.LazyFrame, keys: ItemKeys) -> pl.Series:
    """Order numbers that stand on results of more than one item."""
    named = scan.filter(pl.col("order_no").is_not_null())
    raw = named.group_by(normalised(pl.col("order_no")).alias("order_no")).agg(
        several=pl.col("item_cd").hash(seed=5).min() != pl.col("item_cd").hash(seed=5).max()
    )
    likely = raw.filter("several", pl.col("order_no") != "").select("order_no").collect(engine="streaming")
    if likely.is_empty():
        return likely.to_series()
    pairs = named.select(order_no=normalised(pl.col("order_no")), item=keys.key(pl.col("item_cd")))
    pairs = pairs.join(likely.lazy(), on="order_no", how="semi")
    several = pairs.group_by("order_no").agg(pl.col("item").drop_nulls().n_unique())
    return several.filter(pl.col("item") > 1).select("order_no").collect(engine="streaming").to_series()


def _overlaps(scan: pl.LazyFrame, zone: str | None) -> dict[str, Any]:
    """The bookings that lie over others, as arguments of `Together`."""
    names = ("item_cd", "order_no", "proc_seq", "oper_no", "job_cd")
    frame = scan.select(
        "row_nr", "start_at", "end_at",
        who=pl.coalesce("worker_cd", "res_cd"), where="res_cd", what=pl.struct(names).hash(seed=9),
    ).collect(engine="streaming")  # fmt: skip
    frame = frame.with_columns(moments(frame, zone, Counter())).drop("start_at", "end_at")
    doubtful, shares = overlapping(frame)
    return {"doubtful": doubtful, "shares": shares}


def _by_item(scan: pl.LazyFrame, rows: int, keys: ItemKeys, scratch: Path) -> Iterator[pl.DataFrame]:
    """All rows, whole items together, in frames of about `CHUNK_ROWS` rows: parted once, through files."""
    shards = max(1, math.ceil(rows / CHUNK_ROWS))
    if shards == 1:
        yield scan.collect()
        return
    parts: dict[int, list[Path]] = {k: [] for k in range(shards)}
    for chunk in _chunks(scan, rows):
        shard = keys.of(chunk["item_cd"]).hash(seed=11).fill_null(0) % shards
        for part in chunk.with_columns(shard.alias("_shard")).partition_by("_shard"):
            mine = parts[part["_shard"][0]]
            mine.append(scratch / f"{part['_shard'][0]:05d}-{len(mine):05d}.arrow")
            part.drop("_shard").write_ipc(mine[-1], compression="lz4")
    for paths in parts.values():
        if paths:
            yield pl.concat([pl.read_ipc(p) for p in paths])


def _orders(job: _Cleaning, context: OperationContext) -> FrameClean:
    started = time.perf_counter()
    frame = _scan(job.raw, PURCHASE_ORDERS.name).collect()
    with _account(job, PURCHASE_ORDERS.name) as (problems, account):
        kept = clean_purchase_orders(frame, problems, context, account)
    kept.write_parquet(job.out / f"{PURCHASE_ORDERS.name}.parquet")
    job.advance(frame.height)
    return _closed(PURCHASE_ORDERS.name, account, frame.height, kept.height, started)


def _unknown_words(frames: dict[str, FrameClean]) -> list[str]:
    """Sentences about repairs that suggest the profile lacks words of this ERP, or the driver its encoding."""
    watched = {
        "inside_unknown_word": "in-house/outsourced words that the profile does not know (routing.inside_words); where "
        'any value means outside, such as a vendor number, write present = "out", absent = "in" at the column ({columns})',
        "time_unit_unknown": "time units that the profile does not know (time_units of [routing] or [results]); their times are NULL ({columns})",
        "run_basis_unknown": "words for the basis of the run time that the profile does not know (routing.run_basis_words); these "
        "run times are NULL ({columns})",
        "base_unit_unknown": "units of the base quantity that the profile does not know (routing.qty_units); these run times are "
        "NULL ({columns})",
        PARTLY_IN_FORCE: "routings have rows that are in force and rows that are not ({columns}); such a routing counts as not in force "
        "as a whole. Where operations end one by one, leave the ended ones out by a filter or a view",
        BROKEN_CHAIN: "routings in which each operation does not lead to the next up to one last one ({columns}); they are ordered by "
        "their numbers. Are rows missing, or rows of another version among them?",
        "flag_unknown_word": "words in {columns} are neither in routing.yes_words nor in routing.no_words, and count as no",
        "counted_as_one": "rows have no number above 0 in {columns}; it counts as 1",
        "no_time_factor": "rows have no factor above 0 in {columns}; their times are NULL",
        "zero_rate": "rates in {columns} are 0 pieces; these run times are NULL",
        "run_time_per_order": "run times in {columns} are for an order whatever its size; they count as set-up",
        "decimal_comma": "numbers in {columns} have a comma that can be the decimal mark or group thousands, and were set to "
        'NULL: write decimal = "," or decimal = "." in [source]',
        "time_as_text": 'times in {columns} are written with colons, and were set to NULL: write time_form = "hh:mm:ss" at the '
        "column",
        "time_with_unit": "times in {columns} name their unit or their days, such as 15 min, PT15M or 1.06:30:00, and were set to NULL: "
        'write time_form = "unit", "iso" or "d.hh:mm:ss" at the column',
        "no_date_assumed": "dates in {columns} are days by which systems say none, such as 1753-01-01, and were taken so; name them "
        "in [source] no_date",
        "incomplete_key": "keys made of several columns lack a part, and were set to NULL ({columns})",
        INACTIVE: "rows name a machine that is out of use ({columns}); they go on without a machine",
        REPLACED: "routing rows name a machine that another has replaced ({columns}); they go on with that one",
        UNKNOWN: "rows name a machine that [resources] does not have ({columns}); they stay as they are",
        "equal_priority": "operations have two machines of the same, lowest resource_priority; of those the newest row, then the "
        "machine that sorts first, was taken. Are both needed, as a machine and its operator? Then leave one out by a filter",
        STOOD_IN: "routing rows name a machine that is out of use and has another machine beside it, which took its place ({columns})",
        "no_job_code": "routing rows without a job code ({columns})",
        "unreadable_value": "values in {columns} are not of the column's type and were set to NULL; if they are times, write time_form at the column, if numbers decimal",
        "unreadable_date": "unreadable dates in {columns} were set to NULL",
        "future_date": "dates after today in {columns} were set to NULL",
        NOT_TEXT: "texts with bytes that are none in the database's encoding, read as the character U+FFFD; codes that differ "
        "there alone cannot be told apart ({columns})",
        "too_large": "numbers in {columns} are larger than can be meant and were set to NULL",
        "no_date": "dates in {columns} before 1950 stand for no date and were set to NULL",
        "qty_unit_unknown": "units of quantity that the profile does not know (results.qty_units); their quantities are NULL",
        "order_quantity_differs": "orders whose rows name different quantities, which are NULL now; results.order_quantity = "
        "'order' means that each row has the order's: is it 'sum', 'largest' or 'last'?",
        "no_order_no": "rows without an order number, counted as an order each",
        "clock_change": "moments in {columns} that the night of a clock change has twice or not at all; they are NULL",
        "overlap_counted_once": "bookings that lie over another one of the same operation; the minutes count once",
    }
    said = [
        f"{name}: {sum(frame.repairs[rule].values())} {text.format(columns=', '.join(frame.repairs[rule]))}."
        for name, frame in frames.items()
        for rule, text in watched.items()
        if rule in frame.repairs
    ]
    operations = frames[OPERATIONS.name]
    several, chosen = (
        operations.rejects.get("several_machines"),
        operations.filtered.get("alternative_machine"),
    )
    said += _routing_rejects(operations)
    repeated = operations.rejects.get("duplicate_key", 0)
    if repeated >= max(_REPEATS_TOLD * operations.rows_in, 2):
        of = ", ".join(operations.examples.get("duplicate_key", ()))
        said.append(
            f"operations: {repeated:,} of {operations.rows_in:,} rows repeat an operation of their routing and were rejected; the newest "
            f"was kept, or any where no row has a date (e.g. {of}). Is a version, an alternative or a plant missing from rout_no or from "
            "a filter, are set-up and run rows of their own, or does a join multiply the rows?"
        )
    if several:
        said.append(
            f"operations: {several} row(s) name a further machine of an operation and were rejected; the newest row, then the "
            "machine that sorts first, was kept: map resource_priority in [operations.columns] if another is meant."
        )
    if chosen:
        said.append(
            f"operations: {chosen} row(s) name a further machine of an operation; the one with the lowest resource_priority "
            "counts, the others are alternatives of its job."
        )
    return said


def _routing_rejects(operations: FrameClean) -> list[str]:
    """Sentences about rows of routings that cannot be used, with what mends it."""
    return [
        f"operations: {rows:,} of {operations.rows_in:,} rows kept out ({rule}): {sentence} E.g. {', '.join(operations.examples.get(rule, ()))}."
        for rule, sentence in _ROUTING_REJECTS.items()
        if (rows := operations.rejects.get(rule, 0)) >= max(_REPEATS_TOLD * operations.rows_in, 2)
    ]


#: Reasons of rejected routing rows that are told from `_REPEATS_TOLD` of the rows on.
_ROUTING_REJECTS = {
    "conflicting_proc_seq": "two jobs have one operation number, so the whole routing cannot be used. Are versions, labour and machine rows of one "
    "operation, alternatives or text lines? Then leave one kind out by a filter; or write order_by in [operations].",
    "bad_proc_seq": "the operation number is missing, zero or negative, so the whole routing cannot be used. Are header or text lines among "
    "the rows? Then leave them out by a filter.",
    "missing_key": "the item code or the routing number is missing. Does a join find no partner, or is another column the code?",
}
#: Share of routing rows that may repeat an operation before it is told.
_REPEATS_TOLD = 0.01
#: Reasons of rejected results that are told whenever they occur.
_TOLD = TOLD | {AMBIGUOUS_OPERATION.rule: AMBIGUOUS_OPERATION.sentence}
_RENAMED = (
    'Where codes or numbers have changed, write map = { OLD = "NEW" } at the column in [results.columns], or join a table of old '
    'and new ones: coalesce = ["changed.NEW", "OLD"].'
)
#: Share of results with a time and no quantity above which they are told.
_LOST_TOLD = 0.05
#: Orders of several rows, and the share of them whose times rise, from which it is told: of three parts one order in six does by chance.
_RISING_ORDERS, _RISING_TOLD = 10, 0.7
#: Share of orders whose rows of one operation name several machines, from which it is told.
_SPLIT_TOLD = 0.5
#: Results that nothing in the ERP claims any more, told from this share on.
_ORPHANS = {r.rule: f"{r.sentence} {_RENAMED}" for r in (ORPHAN_ITEM, ORPHAN_OPERATION)} | {
    BAD_PROC_SEQ.rule: f"{BAD_PROC_SEQ.sentence} Minutes of a whole order cannot be shared among its operations.",
    "missing_key": "The item code or the job code is missing: does a join find no partner, is another column the code, or are minutes booked to the order as a whole, which cannot be shared among its operations?",
}
_ORPHANS_TOLD = 0.01


def _result_sentences(found: FrameClean, results: ResultSource | None) -> list[str]:
    """Sentences about results that were kept out because it is not clear what they mean, and about rules without rows."""
    if results is None:
        return []
    said = []
    for rule, rows in found.rejects.items():
        if rule in _TOLD or (rule in _ORPHANS and rows >= _ORPHANS_TOLD * found.rows_in):
            of = ", ".join(found.examples.get(rule, ()))
            why = {**_ORPHANS, **_TOLD}[rule]
            said.append(
                f"work_results: {rows:,} of {found.rows_in:,} rows kept out ({rule}): {why} E.g. {of}."
            )
    lost = sum(found.repairs.get(TIME_WITHOUT_QUANTITY, {}).values())
    if lost > _LOST_TOLD * found.rows_kept and results.run_basis != "piece":
        said.append(
            f"work_results: {lost:,} of {found.rows_kept:,} rows have a run time and no quantity, so their minutes count for no piece. "
            + (
                "Where the quantity stands on one row of several of an order, the times per piece of the others are too short: map "
                "order_no, with order_quantity."
                if "order_no" not in results.columns
                else "Is another column the quantity of the order, or its yield?"
            )
        )
    several, rising = (sum(found.repairs.get(r, {}).values()) for r in (SEVERAL_ROWS, RISING))
    if several >= _RISING_ORDERS and rising >= _RISING_TOLD * several:
        said.append(
            f"work_results: in {rising:,} of {several:,} orders of {RISING_ROWS} rows and more the time rises from row to row, so it may be "
            'counted up from the first; the rows are added. Write order_time = "largest" in [results] if each row has the time so far.'
        )
    orders, split = (sum(found.repairs.get(r, {}).values()) for r in (ORDERS, ON_SEVERAL))
    if split >= max(_RISING_ORDERS, _SPLIT_TOLD * orders):
        said.append(
            f"work_results: in {split:,} of {orders:,} orders the rows of one operation name several machines, and their times are added. If some of "
            "these are people or departments, whose time runs beside the machine's, leave them out by a filter, or map record_kind with "
            "results.kinds."
        )
    if results.joins and found.rejects.get(EQUAL_REPORT.rule):
        tables = ", ".join(j.table for j in results.joins)
        said.append(
            f"work_results: rows that are equal in every column often come from a join that finds several partners (here: "
            f"{tables}); its on or where in [results] must leave one."
        )
    corrected = found.repairs.get("corrected", {})
    for number, _ in enumerate(results.correct, 1):
        rows = corrected.get(f"rule {number}", 0)
        said.append(
            f"work_results: rule {number} of [[results.correct]] put {rows:,} rows right."
            if rows
            else f"work_results: rule {number} of [[results.correct]] meets no row; correct its names and days, or remove it."
        )
    return said
