"""Raw frames to canonical frames: every repair is counted, every rejected row is kept.

Belongs here: which frame is cleaned when, with what it needs of the others. Does not: the rules, which are in
`clean_items`, `clean_operations`, `clean_results` and `net_results`, with what they share in `text`, `parse`, `units` and
`rejects`; the account that each frame has (`clean_frame`, `clean_report`); and the sentences for people
(`clean_warnings`). Operations are cleaned in shards of whole items, and so are results whose rows belong together; other
results in chunks (`raw_frames`). So memory does not grow with the plant.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl

from routing_etl.erp.clean_codes import NOTHING_BEFORE, Equality, Spellings, by_characters, item_keys, survey
from routing_etl.erp.clean_frame import ROW_KEYS, Cleaning, account_of, clean_in_pieces, closed
from routing_etl.erp.clean_items import CleanedItems, ItemIdentity, clean_items
from routing_etl.erp.clean_operations import OperationContext, clean_operations, job_names
from routing_etl.erp.clean_report import PAIRS_KEPT, CleanReport, FrameClean, Respelled
from routing_etl.erp.clean_results import (
    ResultContext,
    clean_purchase_orders,
    clean_results,
)
from routing_etl.erp.clean_warnings import (
    left_out_told,
    operations_told,
    repairs_told,
    respelled_told,
    results_told,
    unusable_routings_told,
)
from routing_etl.erp.files import RawFrame
from routing_etl.erp.followed import followed, kinds_of_items
from routing_etl.erp.left_out import LeftOut
from routing_etl.erp.never_made import never_made, words_beside
from routing_etl.erp.odd_times import (
    clock_numbers,
    counted_up_times,
    odd_setups,
    runs_for_many,
    setups_as_operations,
    total_beside_setup,
    whole_times_of_batches,
)
from routing_etl.erp.operation_keys import TimesPerOrder, operation_hashes
from routing_etl.erp.own_numbers import OwnNumbers
from routing_etl.erp.profile import Profile
from routing_etl.erp.raw_frames import chunks, newest_day, raw_rows, scan_raw, shards, shards_through_files
from routing_etl.erp.rejects import Account
from routing_etl.erp.results_together import together
from routing_etl.erp.set_up_in_run import SetUpInRun
from routing_etl.erp.small_times import small_run_times
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
from routing_etl.erp.work_centres import WorkCentres, work_centres
from routing_etl.errors import SourceError
from routing_etl.files import SCRATCH
from routing_etl.frames import (
    CODE_SPELLINGS,
    OPERATIONS,
    PURCHASE_ORDERS,
    WORK_CENTRE_GROUPS,
    WORK_RESULTS,
    write_attributes,
)
from routing_etl.log import get_logger
from routing_etl.progress import SILENT, Progress
from routing_etl.shortages import shortage


def clean(
    raw: Path,
    out: Path,
    rejects: Path,
    profile: Profile,
    *,
    cutoff: date | None,
    equal: Equality = by_characters,
    before: pl.DataFrame = NOTHING_BEFORE,
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
    before : polars.DataFrame, optional
        The spellings of codes that the last run did not keep (`frames.CODE_SPELLINGS`): what it kept stays for a while.
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
        with progress.task("Cleaning", sum(raw_rows(raw, name) for name in ROW_KEYS)) as task:
            return _clean(Cleaning(raw, out, rejects, profile, equal, task.advance, before), cutoff)
    except OSError as exc:
        short = shortage(exc, "while cleaning", where=out)
        if short is None:
            raise
        raise short from exc


def _clean(job: Cleaning, cutoff: date | None) -> CleanReport:
    started = time.perf_counter()
    job.out.mkdir(parents=True, exist_ok=True)
    now = datetime.now(UTC).replace(tzinfo=None) + timedelta(days=1)  # a day more than UTC: time zones
    as_of = cutoff or newest_day(job.raw, now)
    frames: dict[str, FrameClean] = {}
    raw = {name: scan_raw(job.raw, name) for name in ROW_KEYS}
    problems = {name: pl.read_parquet(RawFrame(job.raw, name).problems) for name in ROW_KEYS}
    refuse_unfit_dates(raw, problems, job.profile)
    refuse_unknown_inside(raw["operations"], job.profile)
    refuse_unfit_efficiency(raw["operations"], job.profile)
    odd = odd_operation_numbers(raw["operations"], problems["operations"], job.profile)
    odd += validity_of_all(raw["operations"], job.profile)
    master = None if job.profile.resources is None else scan_raw(job.raw, "resources")
    spellings = survey(
        raw if master is None else {**raw, "resources": master}, job.profile, job.equal, job.before
    )
    machines = _work_centres(job, master, spellings, as_of)
    machines.groups.write_parquet(job.out / f"{WORK_CENTRE_GROUPS.name}.parquet")
    items, frames["items"] = _items(job, ItemIdentity(item_keys(raw, job.equal), job.equal, job.before))
    codes = items.items.select("item_key", "item_cd")
    names = job_names(raw["operations"], job.profile, spellings)
    left_out = LeftOut.of(job.raw, items.keys)
    context = OperationContext(codes, as_of, cutoff, now, names, items.keys, spellings, left_out)
    frames["operations"] = _operations(job, context, machines)
    kept = pl.scan_parquet(job.out / f"{OPERATIONS.name}.parquet")
    odd_jobs = [
        *text_in_place_of_jobs(kept, job.profile),
        *undecided_routings(kept),
        *text_lines(kept, job.profile),
        *never_made(kept, job.profile, _categories(items), words_beside(job.raw, items.keys)),
    ]
    odd_times = [*clock_numbers(raw, job.profile), *total_beside_setup(job.profile)]
    odd_times += [*runs_for_many(kept, job.profile), *counted_up_times(kept, job.profile)]
    odd_times += [*odd_setups(kept, job.profile), *setups_as_operations(kept, job.profile)]
    odd_times += small_run_times(kept, job.profile)
    odd_times += whole_times_of_batches(raw[WORK_RESULTS.name], job.profile)
    frames["work_results"] = _results(job, context, machines)
    odd_times += followed(job.raw, kept, job.profile, items.keys)
    reports = pl.scan_parquet(job.out / f"{WORK_RESULTS.name}.parquet")
    odd_times += kinds_of_items(reports, kept, job.profile, _categories(items))
    frames["purchase_orders"] = _orders(job, context)
    if not frames["operations"].rows_kept:
        rows = frames["operations"]
        why = " ".join([f"{_by_rule(rows.rejects)}.", *odd, *unusable_routings_told(rows)])
        raise SourceError(
            f"None of the {rows.rows_in:,} routing rows is usable: {why}",
            remedy="Look at rejects/operations.parquet of this run; check the profile's columns and words.",
        )
    respelled, count = _respelled(job, pl.concat([spellings.changed, items.spellings]))
    warnings = [
        *items.warnings,
        *machines.warnings,
        *odd,
        *odd_jobs,
        *odd_times,
        *repairs_told(frames),
        *operations_told(frames[OPERATIONS.name]),
        *left_out_told(frames, job.profile),
        *results_told(frames[WORK_RESULTS.name], job.profile.results),
    ]
    attributes = tuple(a.name for a in items.attributes)
    seconds = round(time.perf_counter() - started, 3)
    report = CleanReport(frames, as_of, cutoff, attributes, tuple(warnings), seconds, respelled, count)
    log = get_logger(__name__)
    # Other spellings are a check of their own (`codes_spelled_one_way`), which tells them with its sample.
    for text in (*warnings, *respelled_told(respelled, count)):
        log.warning("clean_warning", text=text)
    log.info("cleaned", seconds=report.seconds, rejects=report.rejects)
    return report


def _categories(items: CleanedItems) -> pl.DataFrame:
    """The items' attributes of few words."""
    names = [a.name for a in items.attributes if a.kind == "category"]
    return items.items.select("item_key", *names)


def _by_rule(rejects: Mapping[str, int]) -> str:
    """Rejected rows by rule in words, the most frequent rule first."""
    ordered = sorted(rejects.items(), key=lambda each: (-each[1], each[0]))
    return ", ".join(f"{rows:,} by the rule {rule}" for rule, rows in ordered) or "there is none"


def _respelled(job: Cleaning, changed: pl.DataFrame) -> tuple[tuple[Respelled, ...], int]:
    """Store the spellings that were not kept; those with most rows, and how many there are."""
    changed = changed.sort("rows", "code_column", "spelling", descending=[True, False, False])
    changed.write_parquet(job.out / f"{CODE_SPELLINGS.name}.parquet")
    return tuple(Respelled(*row) for row in changed.head(PAIRS_KEPT).iter_rows()), changed.height


def _items(job: Cleaning, identity: ItemIdentity) -> tuple[CleanedItems, FrameClean]:
    started = time.perf_counter()
    frame = scan_raw(job.raw, "items").collect()
    with account_of(job, "items") as (problems, account):
        done = clean_items(frame, problems, job.profile, identity, account)
    if not done.items.height:
        raise SourceError(
            f"None of the {frame.height:,} items is usable: {_by_rule(account.rejects.counts)}.",
            remedy="Look at rejects/items.parquet of this run; check items.columns.item_cd in the profile.",
        )
    done.items.write_parquet(job.out / "items.parquet", compression="zstd", compression_level=1)
    write_attributes(job.out / "items.attributes.json", done.attributes)
    job.advance(frame.height)
    return done, closed("items", account, frame.height, done.items.height, started)


def _work_centres(
    job: Cleaning, master: pl.LazyFrame | None, spellings: Spellings, as_of: date
) -> WorkCentres:
    """The machine master, where the profile names one."""
    section = job.profile.resources
    if section is None or master is None:
        return WorkCentres()
    return work_centres(master.collect(), section, spellings, as_of)


def _operations(job: Cleaning, context: OperationContext, machines: WorkCentres) -> FrameClean:
    pieces = shards(scan_raw(job.raw, OPERATIONS.name), raw_rows(job.raw, OPERATIONS.name), context.keys)

    def piece(raw: pl.DataFrame, bad: pl.DataFrame, account: Account) -> pl.DataFrame:
        kept = clean_operations(raw, bad, job.profile, context, account)
        return machines.out_of_operations(kept, account.repairs)

    return clean_in_pieces(job, OPERATIONS, pieces, piece)


def _results(job: Cleaning, operations: OperationContext, machines: WorkCentres) -> FrameClean:
    routings = pl.scan_parquet(job.out / f"{OPERATIONS.name}.parquet")
    exact, loose = operation_hashes(routings)
    years = job.profile.results.max_age_years if job.profile.results is not None else None
    oldest = operations.as_of - timedelta(days=round(years * 365.25)) if years is not None else None
    keys = operations.item_codes["item_key"]
    scan, rows = scan_raw(job.raw, WORK_RESULTS.name), raw_rows(job.raw, WORK_RESULTS.name)
    context = ResultContext(
        keys,
        exact,
        loose,
        oldest,
        operations.cutoff,
        operations.now,
        operations.keys,
        operations.spellings,
        TimesPerOrder.of(routings),
        together(job, scan, operations.keys),
        OwnNumbers.of(routings) if job.profile.has_own_numbers else None,
        operations.left_out,
        SetUpInRun.of(routings, job.profile.results),
    )

    def piece(raw: pl.DataFrame, bad: pl.DataFrame, account: Account) -> pl.DataFrame:
        kept = clean_results(raw, bad, job.profile, context, account)
        return machines.out_of_results(kept, account.repairs)

    def cleaned(pieces: Iterable[pl.DataFrame]) -> FrameClean:
        return clean_in_pieces(job, WORK_RESULTS, pieces, piece)

    if not context.together.whole_items:
        return cleaned(chunks(scan, rows))
    with tempfile.TemporaryDirectory(prefix=SCRATCH, dir=job.out) as scratch:
        return cleaned(shards_through_files(scan, rows, operations.keys, Path(scratch)))


def _orders(job: Cleaning, context: OperationContext) -> FrameClean:
    started = time.perf_counter()
    frame = scan_raw(job.raw, PURCHASE_ORDERS.name).collect()
    with account_of(job, PURCHASE_ORDERS.name) as (problems, account):
        kept = clean_purchase_orders(frame, problems, context, account)
    kept.write_parquet(job.out / f"{PURCHASE_ORDERS.name}.parquet")
    job.advance(frame.height)
    return closed(PURCHASE_ORDERS.name, account, frame.height, kept.height, started)
