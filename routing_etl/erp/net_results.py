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
    """

    quantity: Literal["sum", "largest", "last", "order"]
    yields: bool
    exclude_rework: bool
    finished: bool

    @classmethod
    def of(cls, results: ResultSource) -> Netting:
        """The rules that a profile's `[results]` states."""
        return cls(
            results.order_quantity or "sum",
            "yield_qty" in results.columns,
            results.rework == "exclude",
            "finished" in results.columns,
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
    scope = [*ORDER, "kind", "confirmation_no"]
    numbered = pl.col("confirmation_no").is_not_null()
    frame = frame.with_columns(_same=pl.struct([*_SAID, "reverses"]).hash())
    again = numbered & (pl.len().over(scope) > 1)
    differs = again & (pl.col("_same").n_unique().over(scope) > 1)
    first = pl.col("row_nr") == pl.col("row_nr").min().over(scope)
    frame = frame.with_columns(_differs=differs, _again=again & ~differs & ~first)
    frame = account.rejects.remove(frame, raw, pl.col("_differs"), CONFIRMATION_NOT_UNIQUE)
    frame = account.rejects.remove(frame, raw, pl.col("_again"), EQUAL_REPORT)
    return frame.drop("_same", "_differs", "_again")


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
    """Whether a row takes something back: its times are below 0, or it has none and its quantity is."""
    times = [pl.col(n).fill_null(0.0) for n in ("machine_time", "setup_time")]
    below = pl.any_horizontal(t < 0 for t in times) & ~pl.any_horizontal(t > 0 for t in times)
    return below | (pl.all_horizontal(t == 0 for t in times) & (pl.col("qty").fill_null(0.0) < 0))


def _without_opposites(frame: pl.DataFrame, account: Account) -> pl.DataFrame:
    """Rows without those that another one takes back exactly.

    As many postings go as there are opposite ones, the oldest first.
    """
    frame = frame.with_columns(takes_back=_takes_back())
    if not frame["takes_back"].any():
        return frame
    size = [pl.col(n).fill_null(0.0).abs().alias(f"_{n}") for n in (*TIMES, "qty")]
    scope = [*ORDER, *(f"_{n}" for n in (*TIMES, "qty"))]
    back = pl.col("takes_back")
    nothing = pl.all_horizontal(pl.col(f"_{n}") == 0 for n in ("machine_time", "setup_time", "qty"))
    frame = frame.with_columns(size).sort("report_dt", "row_nr", nulls_last=False)
    frame = frame.with_columns(
        _place=pl.when(back).then(back.cum_sum().over(scope)).otherwise((~back).cum_sum().over(scope)),
        _pairs=pl.min_horizontal(back.sum().over(scope), (~back).sum().over(scope)),
    )
    frame = _filtered(frame, (pl.col("_place") <= pl.col("_pairs")) & ~nothing, "taken_back", account)
    return frame.sort("row_nr").drop("_place", "_pairs", *scope[len(ORDER) :])


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
    day = pl.col("report_dt")
    spread = (day.max() - day.min()).dt.total_days().over(ORDER) > LONGEST_ORDER
    frame = account.rejects.remove(frame, raw, spread, LONG_ORDER)
    if rules.finished:
        frame = _filtered(frame, ~pl.col("is_finished").any().over(ORDER), "unfinished_order", account)
    if frame.is_empty():
        return frame.with_columns(parts=pl.lit(None, dtype=pl.Int32))
    merged = frame.sort("row_nr").group_by(ORDER, maintain_order=True).agg(_merged(rules))
    if rules.yields and rules.quantity == "order":
        merged = _enough_made(merged, account)
    merged = _sound(merged, frame, raw, account)
    differs = merged["quantities"] > 1
    if rules.quantity == "order":
        account.repairs.add("order_quantity_differs", "order_qty", differs.sum())
        merged = merged.with_columns(qty=pl.when(pl.col("quantities") <= 1).then("qty"))
    account.filtered.add("part_of_order", "order_no", (merged["parts"] - 1).sum())
    return merged.with_columns(pl.lit(False).alias("takes_back"))


def _sum(name: str) -> pl.Expr:
    """Sum of what is known, exact for a single row, NULL where nothing is known."""
    value = pl.col(name)
    total = pl.when(value.count() > 0).then(value.sum().round(_DECIMALS))
    return pl.when(pl.len() == 1).then(value.first()).otherwise(total).alias(name)


def _merged(rules: Netting) -> list[pl.Expr]:
    """The columns of one order's operation, from its rows."""
    counts = pl.col("kind").fill_null("run") != "setup"
    counts = counts | (~counts).all()
    real = counts & ~pl.col("takes_back") & pl.col("qty").is_not_null()
    by_day = pl.struct("report_dt", "qty")

    def quantity(name: str) -> pl.Expr:
        value = pl.col(name)
        chosen = {
            "sum": pl.when(value.filter(counts).count() > 0).then(
                value.filter(counts).sum().round(_DECIMALS)
            ),
            "largest": value.filter(real).max(),
            "last": value.filter(real).sort_by(by_day.filter(real)).last(),
            "order": value.filter(real).max(),
        }
        return chosen[rules.quantity]

    bad = pl.when(pl.col("bad_qty").count() > 0).then(pl.col("bad_qty").sum().round(_DECIMALS))
    longest = pl.struct(pl.col("machine_time").fill_null(0.0), -pl.col("row_nr").cast(pl.Int64))
    exact = pl.struct(
        pl.col("match_level") == "routing", pl.col("rout_no").is_not_null(), -pl.col("row_nr").cast(pl.Int64)
    )
    same = ("worker_cd", "kind", "reverses", "confirmation_no", "start", "end")
    return [
        *(_sum(n) for n in TIMES),
        quantity("qty").alias("qty"),
        (bad if rules.quantity in ("sum", "order") else quantity("bad_qty")).alias("bad_qty"),
        _sum("yield_qty"),
        pl.col("order_qty").filter(real).max().alias("order_qty"),
        pl.col("qty").filter(real).n_unique().alias("quantities"),
        pl.col("report_dt").max(),
        pl.col("res_cd").sort_by(longest).last(),
        pl.col("rout_no", "match_level").sort_by(exact).last(),
        pl.col("time_unit", "qty_unit", *same).first(),
        pl.lit(False).alias("is_reversed"),
        pl.col("is_finished").any(),
        pl.col("takes_back").any().alias("takes_back"),
        pl.col("row_nr").min(),
        pl.len().cast(pl.Int32).alias("parts"),
    ]  # fmt: skip


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
    rows = frame.join(merged.filter(below), on=ORDER, how="semi")
    account.rejects.add(raw.join(rows.select("row_nr"), on="row_nr", how="semi"), NO_ORIGINAL)
    merged = merged.filter(~below)
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
    hashes = scan.select("row_nr", hash=pl.struct(columns).hash(seed=3)).collect(engine="streaming")
    again = hashes.filter(pl.col("hash").is_duplicated()).sort("row_nr")
    return again.filter(~pl.col("hash").is_first_distinct())["row_nr"]
