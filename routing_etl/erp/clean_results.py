"""Work results and purchase orders cleaned, chunk by chunk: keys, age, and which operation a result belongs to.

Reported times stay in the ERP's unit; `times` turns them into minutes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import polars as pl

from routing_etl.erp.clean_codes import CODES, ItemKeys, Spellings
from routing_etl.erp.clean_operations import OperationContext
from routing_etl.erp.parse import parse_dates
from routing_etl.erp.profile import Profile
from routing_etl.erp.reader import TOO_LONG, UNREADABLE
from routing_etl.erp.rejects import (
    BAD_PROC_SEQ,
    MAX_PROC_SEQ,
    ORPHAN_ITEM,
    REFUSED_ITEM,
    UNREADABLE_PROC_SEQ,
    Account,
    Reason,
)
from routing_etl.erp.text import Counter, TextRule, clean_text, count_broken
from routing_etl.frames import MAX_OUTPUT, MAX_SOURCE, PURCHASE_ORDERS, WORK_RESULTS

_EXACT = ["item_key", "rout_no", "proc_seq", "job_cd"]
_LOOSE = ["item_key", "proc_seq", "job_cd"]
_KEY_TOO_LONG = Reason("key_too_long", "A code is longer than the profile allows.")
#: Largest plausible value of each reported number; a larger one is an entry error.
_LARGEST = {
    "machine_time": MAX_OUTPUT,
    "setup_time": MAX_OUTPUT,
    "hold_time": MAX_OUTPUT,
    "order_qty": MAX_SOURCE,
    "bad_qty": MAX_SOURCE,
}


@dataclass(frozen=True)
class ResultContext:
    """What cleaning a chunk of results needs from elsewhere.

    Operations are held as 64-bit hashes of their keys. With 10 million results against 2 million operations the chance
    of even one false match is about 2e13 / 2^64, one in a million.

    Parameters
    ----------
    item_keys : polars.Series
        Keys of the items that were kept.
    exact : polars.Series
        Hashes of (item, routing, operation, job) of the routings that were kept.
    loose : polars.Series
        Hashes of (item, operation, job).
    oldest : datetime.date or None
        Results before this day are filtered.
    cutoff : datetime.date or None
        Results after this day are filtered.
    now : datetime.datetime
        A date after it is an entry error.
    keys : ItemKeys
        The key of each item code.
    spellings : Spellings
        The spelling that is kept of each other code.
    """

    item_keys: pl.Series
    exact: pl.Series
    loose: pl.Series
    oldest: date | None
    cutoff: date | None
    now: datetime
    keys: ItemKeys
    spellings: Spellings


def operation_hashes(operations: pl.LazyFrame) -> tuple[pl.Series, pl.Series]:
    """Hash the keys of the operations: (item, routing, operation, job), and (item, operation, job)."""
    keys = operations.select(_EXACT).filter(pl.col("job_cd").is_not_null()).collect(engine="streaming")
    return _hash(keys, _EXACT).unique(), _hash(keys, _LOOSE).unique()


def _hash(frame: pl.DataFrame, columns: list[str]) -> pl.Series:
    return frame.select(columns).hash_rows(seed=7)


def clean_results(
    raw: pl.DataFrame, problems: pl.DataFrame, profile: Profile, context: ResultContext, account: Account
) -> pl.DataFrame:
    """Clean a chunk of work results.

    Rejected: missing, overlong or unreadable keys; items not in the master; operations that no routing has. Filtered:
    older than the profile's age limit, newer than the cut-off. Results without a date stay. `match_level` is `routing`
    when the routing number fits too, else `operation`.

    Parameters
    ----------
    raw : polars.DataFrame
        Raw rows with their `row_nr`.
    problems : polars.DataFrame
        What could not be read of them.
    profile : Profile
        The source profile.
    context : ResultContext
        Items, operations and the days that bound the results.
    account : Account
        Takes the rejected, filtered and repaired.

    Returns
    -------
    polars.DataFrame
        Rows of `frames.WORK_RESULTS`.
    """
    words = profile.results.null_words if profile.results is not None else ()
    repairs = account.repairs
    count_broken(raw["item_cd"], "item_cd", repairs)
    frame = raw.with_columns(context.keys.of(raw["item_cd"]))
    rule = TextRule(null_words=words)
    frame = frame.with_columns(
        [
            context.spellings.fold(clean_text(frame[c], rule, c, repairs).values, repairs)
            for c in CODES["work_results"]
        ]
    )
    frame = _dated(frame, "report_dt", context.now, repairs)
    frame = _in_window(frame, context, account.filtered)
    frame = _with_keys(frame, raw, problems, context, account)
    frame = _matched(frame, raw, context, account)
    for name, most in _LARGEST.items():
        repairs.add("negative_value", name, (frame[name] < 0).sum())
        repairs.add("too_large", name, (frame[name] > most).sum())
    frame = frame.with_columns(
        pl.when(pl.col(n).is_between(0.0, most)).then(pl.col(n)).alias(n) for n, most in _LARGEST.items()
    )
    return WORK_RESULTS.conform(frame.select(WORK_RESULTS.names))


def _matched(
    frame: pl.DataFrame, raw: pl.DataFrame, context: ResultContext, account: Account
) -> pl.DataFrame:
    """Results of operations that some routing of their item has, with the level of the match."""
    frame = frame.with_columns(pl.col("proc_seq").cast(pl.Int32))
    exact = _hash(frame, _EXACT).is_in(context.exact.implode())
    loose = _hash(frame, _LOOSE).is_in(context.loose.implode())
    frame = frame.with_columns(
        pl.select(pl.when(exact).then(pl.lit("routing")).otherwise(pl.lit("operation")))
        .to_series()
        .alias("match_level"),
        (exact | loose).alias("_matched"),
    )
    orphan = Reason("orphan_operation", "No routing of the item has this operation number with this job.")
    frame = account.rejects.remove(frame, raw, ~pl.col("_matched"), orphan)
    account.repairs.add("matched_without_routing", "rout_no", (frame["match_level"] == "operation").sum())
    return frame


def _dated(frame: pl.DataFrame, name: str, now: datetime, counter: Counter) -> pl.DataFrame:
    value, bad = parse_dates(frame[name])
    counter.add("unreadable_date", name, bad.sum())
    future = (value > now).fill_null(False)
    counter.add("future_date", name, future.sum())
    return frame.with_columns(pl.select(pl.when(~future).then(value.cast(pl.Date))).to_series().alias(name))


def _in_window(frame: pl.DataFrame, context: ResultContext, filtered: Counter) -> pl.DataFrame:
    day = pl.col("report_dt")
    if context.oldest is not None:
        old = (day < context.oldest).fill_null(False)
        filtered.add("too_old", "report_dt", frame.select(old.sum()).item())
        frame = frame.filter(~old)
    if context.cutoff is not None:
        late = (day > context.cutoff).fill_null(False)
        filtered.add("after_cutoff", "report_dt", frame.select(late.sum()).item())
        frame = frame.filter(~late)
    return frame


def _with_keys(
    frame: pl.DataFrame, raw: pl.DataFrame, problems: pl.DataFrame, context: ResultContext, account: Account
) -> pl.DataFrame:
    """Results whose keys are complete and readable, of items in the master."""
    rejects = account.rejects
    unread = problems.filter((pl.col("problem") == UNREADABLE) & (pl.col("column") == "proc_seq"))["row_nr"]
    frame = rejects.remove(frame, raw, _too_long(problems), _KEY_TOO_LONG)
    frame = rejects.remove(frame, raw, pl.col("row_nr").is_in(unread.implode()), UNREADABLE_PROC_SEQ)
    missing = _no_item() | pl.col("job_cd").is_null()
    frame = rejects.remove(
        frame, raw, missing, Reason("missing_key", "The item code or the job code is missing.")
    )
    number = pl.col("proc_seq")
    bad = number.is_null() | ~number.is_between(1, MAX_PROC_SEQ)
    frame = rejects.remove(frame, raw, bad, BAD_PROC_SEQ)
    frame = rejects.remove(frame, raw, context.keys.belongs_to_refused(), REFUSED_ITEM)
    return rejects.remove(frame, raw, ~pl.col("item_key").is_in(context.item_keys.implode()), ORPHAN_ITEM)


def _too_long(problems: pl.DataFrame) -> pl.Expr:
    rows = problems.filter(pl.col("problem") == TOO_LONG)["row_nr"]
    return pl.col("row_nr").is_in(rows.implode())


def _no_item() -> pl.Expr:
    return pl.col("item_key").is_null() | (pl.col("item_key") == "")


def clean_purchase_orders(
    raw: pl.DataFrame, problems: pl.DataFrame, context: OperationContext, account: Account
) -> pl.DataFrame:
    """Clean the purchase orders.

    Of several lines with the same order number and item the newest stays, then the one with the largest quantity.

    Parameters
    ----------
    raw : polars.DataFrame
        Raw rows with their `row_nr`.
    problems : polars.DataFrame
        What could not be read of them.
    context : OperationContext
        The items that were kept, the spelling of codes, and the day that bounds the orders.
    account : Account
        Takes the rejected and repaired.

    Returns
    -------
    polars.DataFrame
        Rows of `frames.PURCHASE_ORDERS`.
    """
    rejects, repairs = account.rejects, account.repairs
    count_broken(raw["item_cd"], "item_cd", repairs)
    frame = raw.with_columns(context.keys.of(raw["item_cd"]))
    numbers = clean_text(frame["po_no"], TextRule(), "po_no", repairs).values
    frame = frame.with_columns(context.spellings.fold(numbers, repairs))
    frame = _dated(frame, "po_date", context.now, repairs)
    frame = rejects.remove(frame, raw, _too_long(problems), _KEY_TOO_LONG)
    missing = Reason("missing_key", "The item code or the order number is missing.")
    frame = rejects.remove(frame, raw, _no_item() | pl.col("po_no").is_null(), missing)
    frame = rejects.remove(frame, raw, context.keys.belongs_to_refused(), REFUSED_ITEM)
    known = pl.col("item_key").is_in(context.item_codes["item_key"].implode())
    frame = rejects.remove(frame, raw, ~known, ORPHAN_ITEM)
    frame = frame.sort(
        "po_no", "item_key", "po_date", "qty", "row_nr", descending=[False, False, True, True, False], nulls_last=True
    )  # fmt: skip
    repeated = ~pl.struct("po_no", "item_key").is_first_distinct()
    later = Reason("duplicate_key", "The order has another, newer line for this item.")
    frame = rejects.remove(frame, raw, repeated, later)
    return PURCHASE_ORDERS.conform(frame.select(PURCHASE_ORDERS.names))
