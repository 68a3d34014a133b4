"""Work results and purchase orders cleaned, chunk by chunk.

What belongs here: keys, age, and which operation a result belongs to. What does not: minutes (`times`), files.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import polars as pl

from routing_etl.erp.parse import parse_dates
from routing_etl.erp.profile import Profile
from routing_etl.erp.reader import TOO_LONG, UNREADABLE
from routing_etl.erp.rejects import Rejects
from routing_etl.erp.text import Counter, TextRule, clean_text, count_broken, keys_of
from routing_etl.frames import MAX_OUTPUT, MAX_SOURCE, PURCHASE_ORDERS, WORK_RESULTS

_EXACT = ["item_key", "rout_no", "proc_seq", "job_cd"]
_LOOSE = ["item_key", "proc_seq", "job_cd"]
#: Measures and the largest value of each that can be meant; a larger one is an entry error.
_MEASURES = {
    "machine_time": MAX_OUTPUT,
    "setup_time": MAX_OUTPUT,
    "hold_time": MAX_OUTPUT,
    "order_qty": MAX_SOURCE,
    "bad_qty": MAX_SOURCE,
}


@dataclass(frozen=True)
class ResultContext:
    """What cleaning a chunk of results needs: item keys, operation hashes, and the days that bound it.

    The operations are held as 64-bit hashes of their keys: at 10 million results against 2 million operations the
    chance of one false match is below one in a hundred thousand.
    """

    item_keys: pl.Series
    exact: pl.Series
    loose: pl.Series
    oldest: date | None
    cutoff: date | None
    now: datetime


def operation_hashes(operations: pl.LazyFrame) -> tuple[pl.Series, pl.Series]:
    """Hashes of (item, routing, operation, job) and of (item, operation, job)."""
    keys = operations.select(_EXACT).filter(pl.col("job_cd").is_not_null()).collect(engine="streaming")
    return _hash(keys, _EXACT).unique(), _hash(keys, _LOOSE).unique()


def _hash(frame: pl.DataFrame, columns: list[str]) -> pl.Series:
    return frame.select(columns).hash_rows(seed=7)


def clean_results(
    raw: pl.DataFrame,
    problems: pl.DataFrame,
    profile: Profile,
    context: ResultContext,
    rejects: Rejects,
    counter: Counter,
    filtered: Counter,
) -> pl.DataFrame:
    """Clean a chunk of work results.

    Rejected: missing, overlong or unreadable keys; items not in the master; operations that no routing has. Filtered:
    older than the profile's age limit, newer than the cut-off. Undated results stay. `match_level` is `routing` when the
    routing number fits too, else `operation`.
    """
    rules = profile.results
    words = rules.null_words if rules is not None else ()
    count_broken(raw["item_cd"], "item_cd", counter)
    frame = raw.with_columns(keys_of(raw["item_cd"]))
    frame = frame.with_columns(
        [
            clean_text(frame[c], TextRule(null_words=words), c, counter).values
            for c in ("rout_no", "job_cd", "res_cd")
        ]
    )
    frame = _dated(frame, "report_dt", context.now, counter)
    frame = _in_window(frame, context, filtered)
    frame = _with_keys(frame, raw, problems, context, rejects)
    frame = frame.with_columns(pl.col("proc_seq").cast(pl.Int32))
    exact = _hash(frame, _EXACT).is_in(context.exact.implode())
    loose = _hash(frame, _LOOSE).is_in(context.loose.implode())
    frame = frame.with_columns(
        pl.select(pl.when(exact).then(pl.lit("routing")).otherwise(pl.lit("operation")))
        .to_series()
        .alias("match_level"),
        (exact | loose).alias("_matched"),
    )
    frame = _drop(
        frame,
        raw,
        rejects,
        ~pl.col("_matched"),
        "orphan_operation",
        "No routing of the item has this operation number with this job.",
    )
    counter.add("matched_without_routing", "rout_no", (frame["match_level"] == "operation").sum())
    for name, most in _MEASURES.items():
        counter.add("negative_value", name, (frame[name] < 0).sum())
        counter.add("too_large", name, (frame[name] > most).sum())
    frame = frame.with_columns(
        pl.when(pl.col(n).is_between(0.0, most)).then(pl.col(n)).alias(n) for n, most in _MEASURES.items()
    )
    return WORK_RESULTS.conform(frame.select(WORK_RESULTS.names))


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


def _drop(
    frame: pl.DataFrame, raw: pl.DataFrame, rejects: Rejects, condition: pl.Expr, rule: str, reason: str
) -> pl.DataFrame:
    held = frame.select(condition.fill_null(False).alias("held")).to_series()
    if not held.any():
        return frame
    rows = frame.filter(held).select("row_nr")
    rejects.add(raw.join(rows, on="row_nr", how="semi", maintain_order="left"), rule, reason)
    return frame.filter(~held)


def _with_keys(
    frame: pl.DataFrame, raw: pl.DataFrame, problems: pl.DataFrame, context: ResultContext, rejects: Rejects
) -> pl.DataFrame:
    long = problems.filter(pl.col("problem") == TOO_LONG)["row_nr"]
    unread = problems.filter((pl.col("problem") == UNREADABLE) & (pl.col("column") == "proc_seq"))["row_nr"]
    if len(long):
        frame = _drop(
            frame,
            raw,
            rejects,
            pl.col("row_nr").is_in(long.implode()),
            "key_too_long",
            "A code is longer than the profile allows.",
        )
    if len(unread):
        frame = _drop(
            frame,
            raw,
            rejects,
            pl.col("row_nr").is_in(unread.implode()),
            "unreadable_proc_seq",
            "The operation number is not a whole number.",
        )
    missing = pl.col("item_key").is_null() | (pl.col("item_key") == "") | pl.col("job_cd").is_null()
    frame = _drop(frame, raw, rejects, missing, "missing_key", "The item code or the job code is missing.")
    number = pl.col("proc_seq")
    frame = _drop(
        frame,
        raw,
        rejects,
        number.is_null() | ~number.is_between(1, 2_147_483_647),
        "bad_proc_seq",
        "The operation number is missing, zero or negative.",
    )
    return _drop(
        frame,
        raw,
        rejects,
        ~pl.col("item_key").is_in(context.item_keys.implode()),
        "orphan_item",
        "The item is not in the item master, or was rejected there.",
    )


def clean_purchase_orders(
    raw: pl.DataFrame,
    problems: pl.DataFrame,
    item_keys: pl.Series,
    now: datetime,
    rejects: Rejects,
    counter: Counter,
) -> pl.DataFrame:
    """Clean the purchase orders. Of lines with one order number and item the newest, then the largest, stays."""
    count_broken(raw["item_cd"], "item_cd", counter)
    frame = raw.with_columns(keys_of(raw["item_cd"]))
    frame = frame.with_columns(clean_text(frame["po_no"], TextRule(), "po_no", counter).values)
    frame = _dated(frame, "po_date", now, counter)
    long = problems.filter(pl.col("problem") == TOO_LONG)["row_nr"]
    frame = _drop(
        frame,
        raw,
        rejects,
        pl.col("row_nr").is_in(long.implode()),
        "key_too_long",
        "A code is longer than the profile allows.",
    )
    missing = pl.col("item_key").is_null() | (pl.col("item_key") == "") | pl.col("po_no").is_null()
    frame = _drop(
        frame, raw, rejects, missing, "missing_key", "The item code or the order number is missing."
    )
    frame = _drop(
        frame,
        raw,
        rejects,
        ~pl.col("item_key").is_in(item_keys.implode()),
        "orphan_item",
        "The item is not in the item master, or was rejected there.",
    )
    frame = frame.sort(
        "po_no",
        "item_key",
        "po_date",
        "qty",
        "row_nr",
        descending=[False, False, True, True, False],
        nulls_last=True,
    )
    frame = _drop(
        frame,
        raw,
        rejects,
        ~pl.struct("po_no", "item_key").is_first_distinct(),
        "duplicate_key",
        "The order has another, newer line for this item.",
    )
    return PURCHASE_ORDERS.conform(frame.select(PURCHASE_ORDERS.names))
