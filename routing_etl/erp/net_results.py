"""Work results netted: the rows of one order and operation become one result, and nothing counts twice.

An order is reported in parts (a row per shift, per person, per machine, set-up and run apart), is corrected by postings that
take others back, and may be reported twice. What counts is the order: its minutes summed, its quantity found as the profile
says (`results.order_quantity`). What cannot be told apart is kept out and counted, never guessed; docs/work-results.md has
the rules for people.

Everything here works on whole items: all rows of an item are in the frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import polars as pl

from routing_etl.erp.profile_model import ResultSource
from routing_etl.erp.rejects import Account, Reason
from routing_etl.frames import WORK_RESULTS

#: What an operation of an item is, in results.
OPERATION = ["item_key", "proc_seq", "job_cd"]
#: An order's operation.
ORDER = [*OPERATION, "order_no"]
TIMES = ("machine_time", "setup_time", "hold_time")
#: Values that are equal in a report that was sent twice.
_SAID = [*TIMES, "qty", "bad_qty", "report_dt"]
#: Everything that a row says.
_ALL = [
    *ORDER, *_SAID, "rout_no", "res_cd", "worker_cd", "kind", "reverses", "is_reversed", "is_finished", "start", "end",
]  # fmt: skip
#: Longest time between the first and the last row of one operation of an order, in days. Rows farther apart belong to orders
#: of one number.
LONGEST_ORDER = 366
#: A partial reversal is looked for among the postings of so many days before it.
_NEAR_DAYS = 31
#: Orders of so many rows and more, and those of them whose times rise from row to row.
SEVERAL_ROWS, RISING, RISING_ROWS = "orders_of_several_rows", "time_rises", 3
#: Orders, and those of them whose rows of one operation name several machines.
ORDERS, ON_SEVERAL = "orders_with_times", "orders_on_several_machines"
#: Orders of several rows, those of them whose rows have one quantity, and of these those that can be compared with orders of one row, and
#: that would take much less for a piece than these.
ADDED, ALIKE, COMPARED, SHORTER = "quantities_added", "quantities_alike", "alike_compared", "alike_shorter"
#: The exponent of the number of rows by which minutes of a piece fall where each row has the quantity of the whole order is -1.
_FALLS = -0.5
#: Share of the ordered pieces that makes an order finished, where only the yields say so.
_FINISHED = 0.9
#: Minutes summed over parts are rounded to so many decimals of the reported unit, so that the order of rows changes nothing.
_DECIMALS = 9

EQUAL_REPORT = Reason("equal_report", "The same report stands in the ERP more than once; it counts once.")
PARTS_OR_REPEATS = Reason(
    "parts_or_repeats",
    "The order has rows for this operation that are equal in every column: parts of it, or one report sent twice. Map "
    "confirmation_no, or start_at and end_at, to tell them apart.",
)
CONFIRMATION_NOT_UNIQUE = Reason(
    "confirmation_not_unique",
    "Another report of this operation has the same confirmation number and other values. Map order_no, or a column that "
    "is unique, as confirmation_no.",
)
NO_ORIGINAL = Reason(
    "reversal_without_original",
    "The reversal takes back more than was posted, or a posting that is not there.",
)
AMBIGUOUS = Reason(
    "ambiguous_reversal",
    "A reversal takes back a part of one of several postings of this operation, and nothing says of which. Map order_no, or "
    "confirmation_no and reverses.",
)
SHARED_ORDER = Reason(
    "order_of_two_items",
    "The order number stands on results of more than one item, so it does not name one order. Map the number of the "
    "production order as order_no, with its company or year where numbers are used again.",
)
LONG_ORDER = Reason(
    "order_number_used_again",
    f"The rows of this order and operation lie more than {LONGEST_ORDER} days apart: its number was used again. Map the year "
    "or company as part of order_no.",
)

UNKNOWN_KIND = Reason(
    "unknown_record_kind", "The profile does not say what this word of record_kind means (results.kinds)."
)
UNKNOWN_FLAG = Reason(
    "unknown_flag",
    "A flag (reversed, rework, finished) has a word that the profile does not know (results.yes_words, results.no_words).",
)
UNDATED_CORRECTION = Reason(
    "correction_undated",
    "A rule of [[results.correct]] has since or before, and this report has no date to tell whether it applies.",
)
OVERLAPPING = Reason(
    "overlapping_bookings",
    "The same person, or the same machine where no person is named, is booked on another operation at the same time; nobody "
    "can tell how the minutes are shared.",
)
END_BEFORE_START = Reason("end_before_start", "The booking ends before it starts.")
#: Reasons that are told in words wherever they occur, because a key of the profile would mend them.
TOLD = {
    r.rule: r.sentence
    for r in (
        EQUAL_REPORT, PARTS_OR_REPEATS, CONFIRMATION_NOT_UNIQUE, NO_ORIGINAL, AMBIGUOUS, SHARED_ORDER, LONG_ORDER,
        UNKNOWN_KIND, UNKNOWN_FLAG, UNDATED_CORRECTION, OVERLAPPING, END_BEFORE_START,
    )
}  # fmt: skip


@dataclass(frozen=True)
class Netting:
    """How the profile wants rows of one order to be put together.

    Parameters
    ----------
    quantity : {"sum", "largest", "last", "order"}
        How their quantity is found.
    yields : bool
        Whether the good pieces of each row are known, beside the order's quantity.
    exclude_rework : bool
        Whether rework is left out.
    finished : bool
        Whether rows say that their order is finished.
    counts_up : bool
        Whether the times of an order's rows are counted up from the first.
    """

    quantity: Literal["sum", "largest", "last", "order"]
    yields: bool
    exclude_rework: bool
    finished: bool
    counts_up: bool = False

    @classmethod
    def of(cls, results: ResultSource) -> Netting:
        """The rules that a profile's `[results]` states."""
        return cls(
            results.order_quantity or "sum",
            "yield_qty" in results.columns,
            results.rework == "exclude",
            "finished" in results.columns,
            results.order_time == "largest",
        )


def needs_whole_items(results: ResultSource) -> bool:
    """Whether rows can belong together, so that all rows of an item must be seen at once."""
    return any(c in results.columns for c in ("order_no", "confirmation_no", "reverses", "start_at"))


def net(
    frame: pl.DataFrame, raw: pl.DataFrame, rules: Netting, shared: pl.Series, account: Account
) -> pl.DataFrame:
    """Put the rows of whole items together into one row per order and operation.

    Parameters
    ----------
    frame : polars.DataFrame
        Cleaned rows with the columns of `_ALL`, `confirmation_no`, `yield_qty`, `order_qty`, `match_level` and `row_nr`.
        `qty` is the quantity that each row states in the sense of the profile.
    raw : polars.DataFrame
        The same rows as they were read.
    rules : Netting
        How the profile wants it.
    shared : polars.Series
        Order numbers that stand on results of several items.
    account : Account
        Takes what is kept out, with reasons, and counts what is put together.

    Returns
    -------
    polars.DataFrame
        One row per order and operation, and each row without an order number; with `parts`.
    """
    if not shared.is_empty():
        frame = account.rejects.remove(frame, raw, pl.col("order_no").is_in(shared.implode()), SHARED_ORDER)
    frame = _confirmed_once(frame, raw, account)
    frame = _without_referenced(frame, raw, account)
    frame = _filtered(frame, pl.col("is_reversed"), "reversed", account)
    frame = _without_opposites(frame, account)
    spent = pl.any_horizontal(pl.col(n) > 0 for n in ("machine_time", "setup_time"))
    frame = account.rejects.remove(frame, raw, pl.col("takes_back") & spent, NO_ORIGINAL)
    frame = _told_once(frame, raw, account)
    alone = pl.col("order_no").is_null()
    account.repairs.add("no_order_no", "order_no", frame["order_no"].null_count())
    single = _partly_reversed(frame.filter(alone), raw, account)
    orders = _orders(frame.filter(~alone), raw, rules, account)
    single = single.with_columns(parts=pl.lit(None, dtype=pl.Int32))
    columns = [n for n in (*WORK_RESULTS.names, "row_nr", "qty") if n in single.columns and n != "order_qty"]
    return pl.concat([single.select(columns), orders.select(columns)]).rename({"qty": "order_qty"})


def _filtered(frame: pl.DataFrame, condition: pl.Expr, rule: str, account: Account) -> pl.DataFrame:
    """The rows that do not meet a condition; the others are sound, but count for nothing."""
    hit = frame.select(condition.fill_null(False).alias("hit")).to_series()
    account.filtered.add(rule, "order_no", hit.sum())
    return frame.filter(~hit) if hit.any() else frame


def _confirmed_once(frame: pl.DataFrame, raw: pl.DataFrame, account: Account) -> pl.DataFrame:
    """Of the rows with one confirmation number the first stays, if all of them say the same."""
    if frame["confirmation_no"].null_count() == frame.height:
        return frame
    name = pl.struct(*ORDER, "kind", "confirmation_no").hash(seed=2)
    numbered = frame.filter(pl.col("confirmation_no").is_not_null()).select("row_nr", name=name)
    again = frame.join(numbered.filter(pl.col("name").is_duplicated()), on="row_nr", how="inner")
    if again.is_empty():
        return frame
    again = again.with_columns(same=pl.struct([*_SAID, "reverses"]).hash())
    differs = again.filter(pl.col("same").n_unique().over("name") > 1)["row_nr"]
    first = pl.col("row_nr") == pl.col("row_nr").min().over("name")
    repeated = again.filter(~first, ~pl.col("row_nr").is_in(differs.implode()))["row_nr"]
    frame = account.rejects.remove(
        frame, raw, pl.col("row_nr").is_in(differs.implode()), CONFIRMATION_NOT_UNIQUE
    )
    return account.rejects.remove(frame, raw, pl.col("row_nr").is_in(repeated.implode()), EQUAL_REPORT)


def _without_referenced(frame: pl.DataFrame, raw: pl.DataFrame, account: Account) -> pl.DataFrame:
    """Rows that no reversal refers to, without the reversals.

    A reversal that is itself taken back takes back nothing.
    """
    if frame["reverses"].null_count() == frame.height:
        return frame
    refers = pl.col("reverses").is_not_null()
    there = frame.filter(pl.col("confirmation_no").is_not_null()).select(
        *ORDER, reverses="confirmation_no", _target="row_nr"
    )
    links = (
        frame.filter(refers)
        .select(*ORDER, "reverses", "row_nr")
        .join(there, on=[*ORDER, "reverses"], how="left", nulls_equal=True)
    )
    missing = links.filter(pl.col("_target").is_null())["row_nr"]
    links = links.drop_nulls("_target").select("row_nr", "_target")
    void = pl.Series("void", [], dtype=frame["row_nr"].dtype)
    for _ in range(links.height + 1):
        found = links.filter(~pl.col("row_nr").is_in(void.implode()))["_target"].unique().sort()
        if found.equals(void):
            break
        void = found.alias("void")
        if _ > 8:
            break
    frame = account.rejects.remove(frame, raw, pl.col("row_nr").is_in(missing.implode()), NO_ORIGINAL)
    frame = _filtered(frame, pl.col("row_nr").is_in(void.implode()), "reversed", account)
    return _filtered(frame, refers, "reversal", account)


def _takes_back() -> pl.Expr:
    """Whether a row takes something back: a time or its quantity is below 0, and no time points the other way."""
    times = [pl.col(n).fill_null(0.0) for n in ("machine_time", "setup_time")]
    below = pl.any_horizontal(t < 0 for t in times) & ~pl.any_horizontal(t > 0 for t in times)
    return below | (~pl.any_horizontal(t < 0 for t in times) & (pl.col("qty").fill_null(0.0) < 0))


def _without_opposites(frame: pl.DataFrame, account: Account) -> pl.DataFrame:
    """Rows without those that another one takes back exactly.

    As many postings go as there are opposite ones: those that say finished as the opposite one does, then the oldest that do not
    say so. An order is not in the making again because the second of two equal postings was taken back.
    """
    frame = frame.with_columns(takes_back=_takes_back())
    if not frame["takes_back"].any():
        return frame
    size = [pl.col(n).fill_null(0.0).abs().alias(f"_{n}") for n in (*TIMES, "qty")]
    scope = [*ORDER, *(f"_{n}" for n in (*TIMES, "qty"))]
    back = pl.col("takes_back")
    nothing = pl.all_horizontal(pl.col(f"_{n}") == 0 for n in ("machine_time", "setup_time", "qty"))
    frame = frame.with_columns(size, _said=pl.col("is_finished").fill_null(False))
    frame = frame.sort("_said", "report_dt", "row_nr", nulls_last=False)
    for among in ([*scope, "_said"], scope):
        frame = frame.with_columns(
            _place=pl.when(back).then(back.cum_sum().over(among)).otherwise((~back).cum_sum().over(among)),
            _pairs=pl.min_horizontal(back.sum().over(among), (~back).sum().over(among)),
        )
        frame = _filtered(frame, (pl.col("_place") <= pl.col("_pairs")) & ~nothing, "taken_back", account)
    return frame.sort("row_nr").drop("_place", "_pairs", "_said", *scope[len(ORDER) :])


def _told_once(frame: pl.DataFrame, raw: pl.DataFrame, account: Account) -> pl.DataFrame:
    """Rows that are equal in every column, once; orders that have such rows without a number or moments to tell why, not."""
    unnamed = pl.col("confirmation_no").is_null()
    equal = frame.filter(unnamed).select(*_ALL, "row_nr", "takes_back", "order_qty", "yield_qty")
    said = [c for c in equal.columns if c != "row_nr"]
    again = equal.filter(~pl.struct(said).is_first_distinct())
    if again.is_empty():
        return frame
    told = pl.col("order_no").is_null() | pl.col("start").is_not_null()
    once = again.filter(told)["row_nr"]
    frame = account.rejects.remove(frame, raw, pl.col("row_nr").is_in(once.implode()), EQUAL_REPORT)
    unsure = again.filter(~told).select(ORDER).unique()
    rows = frame.join(unsure, on=ORDER, how="semi")["row_nr"]
    return account.rejects.remove(frame, raw, pl.col("row_nr").is_in(rows.implode()), PARTS_OR_REPEATS)


def _partly_reversed(frame: pl.DataFrame, raw: pl.DataFrame, account: Account) -> pl.DataFrame:
    """Rows without an order number; what takes back a part of one of them is netted with it where it can be no other."""
    back = frame.filter(pl.col("takes_back"))
    if back.is_empty():
        return frame
    could = _candidates(back, frame.filter(~pl.col("takes_back")))
    orphans = back.join(could, on="row_nr", how="anti")["row_nr"]
    per_back = could.group_by("row_nr").agg(pl.len().alias("n"), pl.col("target").first())
    sure = per_back.filter(pl.col("n") == 1)
    unsure = could.join(per_back.filter(pl.col("n") > 1), on="row_nr", how="semi")
    doubtful = pl.concat([unsure["row_nr"], unsure["target"]]).unique()
    sure = sure.filter(~pl.col("target").is_in(doubtful.implode()))
    doubtful = pl.concat(
        [doubtful, per_back.filter(pl.col("n") == 1).join(sure, on="row_nr", how="anti")["row_nr"]]
    )
    frame = account.rejects.remove(frame, raw, pl.col("row_nr").is_in(orphans.implode()), NO_ORIGINAL)
    frame = account.rejects.remove(frame, raw, pl.col("row_nr").is_in(doubtful.unique().implode()), AMBIGUOUS)
    taken = (
        back.join(sure, on="row_nr")
        .group_by("target")
        .agg(*(pl.col(n).fill_null(0.0).sum().alias(f"_{n}") for n in TIMES), pl.col("qty").clip(upper_bound=0).sum().alias("_qty"))
        .rename({"target": "row_nr"})
    )  # fmt: skip
    frame = frame.join(taken, on="row_nr", how="left", maintain_order="left")
    frame = frame.with_columns((pl.col(n) + pl.col(f"_{n}").fill_null(0.0)).alias(n) for n in (*TIMES, "qty"))
    frame = _filtered(frame, pl.col("takes_back"), "taken_back", account)
    too_much = pl.any_horizontal((pl.col(n) < 0) & pl.col("_qty").is_not_null() for n in (*TIMES, "qty"))
    frame = account.rejects.remove(frame, raw, too_much, NO_ORIGINAL)
    return frame.drop(*(f"_{n}" for n in (*TIMES, "qty")))


def _candidates(back: pl.DataFrame, posted: pl.DataFrame) -> pl.DataFrame:
    """Pairs of a row that takes back (`row_nr`) and a posting of the same operation that is large enough (`target`)."""
    values = ["machine_time", "setup_time", "qty", "report_dt", "row_nr"]
    pairs = back.select(*OPERATION, *values).join(
        posted.select(*OPERATION, *(pl.col(v).alias(f"to_{v}") for v in values)), on=OPERATION
    )
    day, to_day = pl.col("report_dt"), pl.col("to_report_dt")
    enough = pl.all_horizontal(
        pl.col(f"to_{v}").fill_null(0.0) + pl.min_horizontal(pl.col(v).fill_null(0.0), pl.lit(0.0)) >= -1e-9
        for v in ("machine_time", "setup_time", "qty")
    )
    before = (to_day <= day).fill_null(True)
    pairs = pairs.filter(enough & before).with_columns(
        near=((day - to_day).dt.total_days() <= _NEAR_DAYS).fill_null(True)
    )
    return pairs.filter(pl.col("near") | ~pl.col("near").any().over("row_nr")).select(
        "row_nr", target="to_row_nr"
    )


def _orders(frame: pl.DataFrame, raw: pl.DataFrame, rules: Netting, account: Account) -> pl.DataFrame:
    """One row per order and operation."""
    if frame.is_empty():
        return frame.with_columns(parts=pl.lit(None, dtype=pl.Int32))
    frame = frame.with_columns(operation=pl.struct(ORDER).hash(seed=4))
    if not rules.counts_up:
        _count_rising(frame, account)
    if rules.quantity == "sum":
        _count_alike(frame, account)
    merged = _merged(frame, rules)
    long = merged.filter((pl.col("report_dt") - pl.col("first_dt")).dt.total_days() > LONGEST_ORDER)
    merged = _without(merged, long, frame, raw, LONG_ORDER, account)
    if rules.finished:
        waiting = ~pl.col("is_finished")
        account.filtered.add("unfinished_order", "order_no", merged.filter(waiting)["parts"].sum())
        merged = merged.filter(~waiting)
    if rules.yields and rules.quantity == "order":
        merged = _enough_made(merged, account)
    merged = _sound(merged, frame, raw, account)
    if rules.quantity == "order":
        account.repairs.add("order_quantity_differs", "order_qty", merged["differs"].sum())
        merged = merged.with_columns(qty=pl.when(~pl.col("differs").fill_null(False)).then("qty"))
    account.filtered.add("part_of_order", "order_no", (merged["parts"] - 1).sum())
    return merged


def _count_rising(frame: pl.DataFrame, account: Account) -> None:
    """Count the orders of three rows and more whose time rises from row to row: it may be counted up, not each row's own.

    And those whose rows of one operation name several machines: some of these may be people.
    """
    rows = frame.filter(pl.col("order_no").is_not_null(), pl.col("machine_time") > 0, ~pl.col("takes_back"))
    rows = rows.sort("operation", "report_dt", "start", "row_nr")
    orders = rows.group_by("operation", maintain_order=True).agg(
        n=pl.len(),
        rises=(pl.col("machine_time").diff() > 0).sum(),
        machines=pl.col("res_cd").drop_nulls().n_unique(),
    )
    account.repairs.add(ORDERS, "res_cd", orders.height)
    account.repairs.add(ON_SEVERAL, "res_cd", (orders["machines"] > 1).sum())
    orders = orders.filter(pl.col("n") >= RISING_ROWS)
    account.repairs.add(SEVERAL_ROWS, "machine_time", orders.height)
    account.repairs.add(RISING, "machine_time", (orders["rises"] == orders["n"] - 1).sum())


def _count_alike(frame: pl.DataFrame, account: Account) -> None:
    """Count the orders of several rows with one and the same quantity on each: it may be that of the whole order, and not be added."""
    rows = frame.filter(pl.col("machine_time") > 0, pl.col("qty") > 1, ~pl.col("takes_back"))
    orders = rows.group_by("operation", *OPERATION).agg(
        n=pl.len(),
        alike=pl.col("qty").min() == pl.col("qty").max(),
        piece=pl.col("machine_time").sum() / pl.col("qty").sum(),
    )
    alone = orders.filter(pl.col("n") == 1).group_by(OPERATION).agg(pl.col("piece").median().alias("usual"))
    several = orders.filter(pl.col("n") > 1)
    alike = several.filter("alike").join(alone, on=OPERATION, how="inner", nulls_equal=True)
    falls = alike.select((pl.col("piece") / pl.col("usual")).log() / pl.col("n").log()).to_series()
    for rule, rows_of in (
        (ADDED, several.height),
        (ALIKE, several["alike"].sum()),
        (COMPARED, alike.height),
        (SHORTER, (falls < _FALLS).sum()),
    ):
        account.repairs.add(rule, "order_qty", rows_of)


def _without(
    merged: pl.DataFrame, gone: pl.DataFrame, frame: pl.DataFrame, raw: pl.DataFrame, reason: Reason, account: Account
) -> pl.DataFrame:  # fmt: skip
    """The orders without those that are `gone`, whose rows are rejected."""
    if gone.is_empty():
        return merged
    rows = frame.join(gone.select("operation"), on="operation", how="semi")
    account.rejects.add(raw.join(rows.select("row_nr"), on="row_nr", how="semi"), reason)
    return merged.join(gone.select("operation"), on="operation", how="anti")


def _merged(frame: pl.DataFrame, rules: Netting) -> pl.DataFrame:
    """The columns of each order's operation, from its rows.

    Sums are exact for a single row, and NULL where nothing is known.
    """
    counts = pl.lit(True)
    if (
        frame["kind"].null_count() < frame.height
    ):  # the quantity of a set-up row counts only where there is no other
        counts = (pl.col("kind") != "setup") | (pl.col("kind") == "setup").all().over("operation")
    frame = frame.sort("row_nr").with_columns(
        counted=pl.when(counts).then("qty"),
        real=pl.when(counts & ~pl.col("takes_back")).then("qty"),
        whole=pl.when(counts & ~pl.col("takes_back")).then("order_qty"),
        longest=pl.col("machine_time").fill_null(0.0),
        exact=(pl.col("match_level") == "routing").cast(pl.Int8),
    )
    summed = [*TIMES, "counted", "bad_qty", "yield_qty"]
    first = [*ORDER, "time_unit", "qty_unit"]
    merged = frame.group_by("operation", maintain_order=True).agg(
        *((pl.col(n).max() if rules.counts_up and n in TIMES else pl.col(n).sum()).alias(n) for n in summed),
        *(pl.col(n).first().alias(f"first_{n}") for n in summed),
        *(pl.col(n).count().alias(f"known_{n}") for n in summed),
        *(pl.col(n).first() for n in first),
        pl.col("whole").max().alias("order_qty"),
        pl.col("real").max().alias("qty"),
        (pl.col("real").min() != pl.col("real").max()).alias("differs"),
        pl.col("report_dt").max(),
        pl.col("report_dt").min().alias("first_dt"),
        pl.col("res_cd").get(pl.col("longest").arg_max()),
        pl.col("rout_no").get(pl.col("exact").arg_max()),
        pl.col("match_level").get(pl.col("exact").arg_max()),
        pl.col("is_finished").any(),
        pl.col("takes_back").any(),
        pl.col("row_nr").min(),
        pl.len().cast(pl.Int32).alias("parts"),
    )
    merged = merged.with_columns(
        pl.when(pl.col("parts") == 1)
        .then(pl.col(f"first_{n}"))
        .when(pl.col(f"known_{n}") > 0)
        .then(pl.col(n).round(_DECIMALS))
        .alias(n)
        for n in summed
    )
    if rules.quantity == "sum":
        return merged.with_columns(qty="counted")
    if rules.quantity == "order":
        return merged
    counted_up = frame.filter(pl.col("real").is_not_null())
    if rules.quantity == "last":
        counted_up = counted_up.sort("report_dt", "real", nulls_last=False)
    chosen = pl.col("real", "bad_qty").last() if rules.quantity == "last" else pl.col("real", "bad_qty").max()
    found = counted_up.group_by("operation", maintain_order=True).agg(chosen)
    return merged.drop("qty", "bad_qty").join(
        found.rename({"real": "qty"}), on="operation", how="left", maintain_order="left"
    )


def _enough_made(merged: pl.DataFrame, account: Account) -> pl.DataFrame:
    """Orders whose pieces have been made: of the others a part of the time is still to come."""
    made = pl.col("yield_qty").fill_null(0.0) + pl.col("bad_qty").fill_null(0.0)
    short = (pl.col("order_qty") > 0) & (made < _FINISHED * pl.col("order_qty"))
    account.filtered.add("unfinished_order", "order_no", merged.filter(short.fill_null(False))["parts"].sum())
    return merged.filter(~short.fill_null(False))


def _sound(merged: pl.DataFrame, frame: pl.DataFrame, raw: pl.DataFrame, account: Account) -> pl.DataFrame:
    """Orders that took time; not those that were taken back whole, or beyond what was posted."""
    times = [pl.col(n).fill_null(0.0) for n in ("machine_time", "setup_time")]
    reversed_ = pl.col("takes_back")
    below = pl.any_horizontal(t < 0 for t in times) & (reversed_ | (pl.col("parts") > 1))
    merged = _without(merged, merged.filter(below), frame, raw, NO_ORIGINAL, account)
    nothing = reversed_ & pl.all_horizontal(t == 0 for t in times)
    account.filtered.add("taken_back", "order_no", merged.filter(nothing)["parts"].sum())
    return merged.filter(~nothing)


def overlapping(results: pl.DataFrame) -> tuple[pl.Series, pl.DataFrame]:
    """Find bookings that lie over each other in time.

    A person (where none is named: a machine) that is booked on two operations at once: nobody can tell how the minutes are
    shared, so all such bookings are kept out. Several bookings of one operation of one order on one machine at once: the
    machine ran once, so each counts only for the time that no earlier one covers.

    Parameters
    ----------
    results : polars.DataFrame
        `row_nr`, `who` (person or machine), `what` (hash of order and operation), `where` (machine), `start` and `end`.

    Returns
    -------
    doubtful : polars.Series
        Row numbers of bookings to keep out.
    shares : polars.DataFrame
        `row_nr` and `share`, the part of the booking that counts, for those of which less than all does.
    """
    timed = results.filter(pl.col("end") > pl.col("start"))
    chains = _chained(timed.drop_nulls("who"), ["who"])
    several = chains.filter(pl.col("what").n_unique().over("who", "chain") > 1)
    doubtful = several["row_nr"]
    rest = timed.filter(~pl.col("row_nr").is_in(doubtful.implode()))
    covered = _chained(rest, ["what", "where"]).with_columns(
        free=(pl.col("end") - pl.max_horizontal("start", "before")).dt.total_seconds().clip(0)
        / (pl.col("end") - pl.col("start")).dt.total_seconds()
    )
    return doubtful, covered.filter(pl.col("free") < 1).select("row_nr", share="free")


def _chained(bookings: pl.DataFrame, by: list[str]) -> pl.DataFrame:
    """Bookings with `before`, the latest end of those that began earlier, and `chain`, the number of an unbroken stretch.

    A minute of overlap is a matter of rounding.
    """
    ordered = bookings.sort(*by, "start", "end", "row_nr", nulls_last=True)
    ordered = ordered.with_columns(before=pl.col("end").cum_max().shift().over(by))
    apart = ((pl.col("before") - pl.col("start")).dt.total_seconds() <= 60).fill_null(True)
    return ordered.with_columns(chain=apart.cum_sum().over(by))


def equal_reports(scan: pl.LazyFrame, columns: list[str]) -> pl.Series:
    """Row numbers of raw rows that are equal to an earlier one in every column.

    Rows are compared by a 64-bit hash; with 10 million of them the chance of one false match is about 3 in a million.

    Parameters
    ----------
    scan : polars.LazyFrame
        Raw rows with `row_nr`.
    columns : list of str
        The columns that were read.
    """
    schema = scan.collect_schema()
    few = [c for c in columns if schema[c].is_numeric() or c in ("item_cd", "report_dt")]
    likely = scan.select("row_nr", hash=pl.struct(few).hash(seed=3)).collect(engine="streaming")
    likely = likely.filter(pl.col("hash").is_duplicated()).select("row_nr")
    if likely.is_empty():
        return likely["row_nr"]
    rows = scan.join(likely.lazy(), on="row_nr", how="semi")
    hashes = rows.select("row_nr", hash=pl.struct(columns).hash(seed=3)).collect(engine="streaming")
    again = hashes.filter(pl.col("hash").is_duplicated()).sort("row_nr")
    return again.filter(~pl.col("hash").is_first_distinct())["row_nr"]
