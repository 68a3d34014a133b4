"""Work results and purchase orders cleaned: keys, age, which operation a result belongs to, and what its values mean.

Reported times stay in the unit of `results.time_factor_min`; `times` turns them into minutes. Rows that name another unit are
converted to it here. `net_results` puts the rows of one order together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

import polars as pl

from routing_etl.erp.clean_codes import CODES, ItemKeys, Spellings
from routing_etl.erp.clean_operations import OperationContext
from routing_etl.erp.left_out import LeftOut
from routing_etl.erp.net_results import (
    END_BEFORE_START,
    EQUAL_REPORT,
    OVERLAPPING,
    UNDATED_CORRECTION,
    UNKNOWN_FLAG,
    UNKNOWN_KIND,
    Netting,
    net,
)
from routing_etl.erp.operation_keys import EXACT, LOOSE, TimesPerOrder, hashes
from routing_etl.erp.own_numbers import OwnNumbers
from routing_etl.erp.parse import parse_dates
from routing_etl.erp.profile import Profile
from routing_etl.erp.profile_model import Correction, ResultSource
from routing_etl.erp.reader import TOO_LONG, UNREADABLE
from routing_etl.erp.rejects import (
    BAD_PROC_SEQ,
    MAX_PROC_SEQ,
    ORPHAN_ITEM,
    ORPHAN_OPERATION,
    REFUSED_ITEM,
    UNREADABLE_PROC_SEQ,
    Account,
    Reason,
)
from routing_etl.erp.set_up_in_run import SetUpInRun
from routing_etl.erp.text import Counter, TextRule, clean_text, count_broken, own_number
from routing_etl.frames import MAX_OUTPUT, MAX_SOURCE, PURCHASE_ORDERS, WORK_RESULTS

_KEY_TOO_LONG = Reason("key_too_long", "A code is longer than the profile allows.")
#: Largest plausible value of each reported number; a larger one is an entry error.
_LARGEST = {
    "machine_time": MAX_OUTPUT,
    "setup_time": MAX_OUTPUT,
    "hold_time": MAX_OUTPUT,
    "order_qty": MAX_SOURCE,
    "bad_qty": MAX_SOURCE,
}
#: Results that have a run time and no quantity that it could be for.
TIME_WITHOUT_QUANTITY = "time_without_quantity"
#: Columns of text that only some ERPs have.
_TEXTS = (
    "order_no", "confirmation_no", "reverses", "reversed", "record_kind", "rework", "finished", "time_unit",
    "setup_time_unit", "qty_unit", "worker_cd",
)  # fmt: skip
#: A report before this day has no date: 1900-01-01 and 1753-01-01 stand for none in several ERPs.
FIRST_DAY = date(1950, 1, 1)


@dataclass(frozen=True)
class Together:
    """What is known of rows beyond the piece that is being cleaned.

    Parameters
    ----------
    batches : polars.DataFrame
        `batch_no` and `in_batch`: the pieces of all rows of a batch, whose time each of them states.
    whole_items : bool
        Whether a piece has all rows of its items, so that they can be netted.
    repeated : polars.Series
        Rows that are equal to an earlier one, where pieces are not whole items.
    shared_orders : polars.Series
        Order numbers that stand on results of several items.
    doubtful : polars.Series
        Rows whose bookings lie over others (`net_results.overlapping`).
    shares : polars.DataFrame
        `row_nr` and `share`: the part of a booking that counts.
    """

    batches: pl.DataFrame = field(
        default_factory=lambda: pl.DataFrame(schema={"batch_no": pl.String(), "in_batch": pl.Float64()})
    )
    whole_items: bool = False
    repeated: pl.Series = field(default_factory=lambda: pl.Series("row_nr", [], dtype=pl.UInt32))
    shared_orders: pl.Series = field(default_factory=lambda: pl.Series("order_no", [], dtype=pl.String))
    doubtful: pl.Series = field(default_factory=lambda: pl.Series("row_nr", [], dtype=pl.UInt32))
    shares: pl.DataFrame = field(
        default_factory=lambda: pl.DataFrame(schema={"row_nr": pl.UInt32(), "share": pl.Float64()})
    )


@dataclass(frozen=True)
class ResultContext:
    """What cleaning a chunk of results needs from elsewhere.

    Operations are held as 64-bit hashes of their keys (`operation_keys`).

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
    per_order : TimesPerOrder
        Operations whose standard is for the order whatever its size.
    together : Together
        What is known of rows of other pieces.
    own_numbers : OwnNumbers or None
        Where results name operations by the ERP's own number: which operation has it.
    left_out : LeftOut
        Items and operations that the profile's own filters leave out.
    set_ups : SetUpInRun
        Set-ups that the reported run times include.
    """

    item_keys: pl.Series
    exact: pl.Series
    loose: pl.Series
    oldest: date | None
    cutoff: date | None
    now: datetime
    keys: ItemKeys
    spellings: Spellings
    per_order: TimesPerOrder = field(default_factory=TimesPerOrder)
    together: Together = field(default_factory=Together)
    own_numbers: OwnNumbers | None = None
    left_out: LeftOut = field(default_factory=LeftOut)
    set_ups: SetUpInRun = field(default_factory=SetUpInRun)


def clean_results(
    raw: pl.DataFrame, problems: pl.DataFrame, profile: Profile, context: ResultContext, account: Account
) -> pl.DataFrame:
    """Clean a chunk of work results.

    Rejected: missing, overlong or unreadable keys; items not in the master; operations that no routing has; rows whose
    meaning is not clear. Filtered: older than the profile's age limit, newer than the cut-off, and rows that `net` puts
    together. Results without a date stay. `match_level` is `routing` when the routing number fits too, else `operation`.

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
    results = profile.results or ResultSource.model_validate({"table": ""})
    repairs, whole = account.repairs, context.together.whole_items
    count_broken(raw["item_cd"], "item_cd", repairs)
    frame = raw.with_columns(context.keys.of(raw["item_cd"]))
    rule = TextRule(null_words=results.null_words)
    frame = frame.with_columns(
        [
            context.spellings.fold(clean_text(frame[c], rule, c, repairs).values, repairs)
            for c in CODES["work_results"]
        ]
    )
    named = [c for c in _TEXTS if c in results.columns]
    frame = frame.with_columns([clean_text(frame[c], rule, c, repairs).values for c in named])
    frame = _dated(frame, "report_dt", context.now, repairs)
    if not whole:
        frame = _in_window(frame, context, account.filtered)
    frame = _with_keys(frame, raw, problems, context, account)
    if context.own_numbers is not None:
        frame = context.own_numbers.looked_up(frame, raw, account, context.left_out)
    frame = _matched(frame, raw, context, account)
    frame = _meant(frame, raw, results, context, account)
    if whole:
        frame = net(frame, raw, Netting.of(results), context.together.shared_orders, account)
        frame = _in_window(frame, context, account.filtered)
    frame = context.set_ups.taken_out(frame, results, repairs)
    for name, most in _LARGEST.items():
        repairs.add("negative_value", name, (frame[name] < 0).sum())
        repairs.add("too_large", name, (frame[name] > most).sum())
    frame = frame.with_columns(
        pl.when(pl.col(n).is_between(0.0, most)).then(pl.col(n)).alias(n) for n, most in _LARGEST.items()
    )
    without = (pl.col("machine_time") > 0) & ~(pl.col("order_qty") > 0).fill_null(False)
    repairs.add(TIME_WITHOUT_QUANTITY, "order_qty", frame.select(without.sum()).item())
    return WORK_RESULTS.conform(frame.select(n for n in WORK_RESULTS.names if n in frame.columns))


def _meant(
    frame: pl.DataFrame, raw: pl.DataFrame, results: ResultSource, context: ResultContext, account: Account
) -> pl.DataFrame:
    """Rows with their values in the sense of the profile: units, kinds of rows, flags, quantity of the row, corrections.

    `order_qty` becomes the quantity that the row's time is for, and where rows will be netted `qty` as well.
    """
    together, repairs = context.together, account.repairs
    if not together.repeated.is_empty():
        again = pl.col("row_nr").is_in(together.repeated.implode())
        frame = account.rejects.remove(frame, raw, again, EQUAL_REPORT)
    frame = _moments(frame, raw, results, context, account)
    frame = _units(frame, results, repairs)
    frame = _machine_minutes(frame, results, together.batches, repairs)
    frame = _flags(frame, raw, results, account)
    frame = _kinds(frame, raw, results, account)
    frame = _corrected(frame, raw, results.correct, account)
    frame = _times_per_order(frame, results, repairs)
    yields = "yield_qty" in results.columns and results.order_quantity != "order"
    quantity = pl.col("order_qty")
    if yields:
        known = pl.col("yield_qty").is_not_null() | pl.col("bad_qty").is_not_null()
        quantity = pl.when(known).then(pl.col("yield_qty").fill_null(0.0) + pl.col("bad_qty").fill_null(0.0))
    if together.whole_items:
        return frame.with_columns(quantity.alias("qty"))
    frame = frame.filter(~pl.col("is_reversed")) if _count(frame, "is_reversed", account) else frame
    return frame.with_columns(quantity.alias("order_qty"))


def _count(frame: pl.DataFrame, flag: str, account: Account) -> bool:
    """Count flagged rows as filtered; whether there are any."""
    rows = int(frame[flag].sum() or 0)
    account.filtered.add("reversed", "reversed", rows)
    return rows > 0


def _moments(
    frame: pl.DataFrame, raw: pl.DataFrame, results: ResultSource, context: ResultContext, account: Account
) -> pl.DataFrame:
    """`start` and `end` of the bookings; of a machine time that no column states the minutes between; no minute twice."""
    if "start_at" not in results.columns:
        empty = pl.lit(None, dtype=pl.Datetime("us"))
        return frame.with_columns(start=empty, end=empty)
    frame = frame.with_columns(moments(frame, results.time_zone, account.repairs))
    frame = account.rejects.remove(frame, raw, pl.col("end") < pl.col("start"), END_BEFORE_START)
    doubtful = pl.col("row_nr").is_in(context.together.doubtful.implode())
    frame = account.rejects.remove(frame, raw, doubtful, OVERLAPPING)
    frame = frame.with_columns(pl.coalesce("report_dt", pl.col("end").dt.date()).alias("report_dt"))
    if "machine_time" not in results.columns:
        minutes = (pl.col("end") - pl.col("start")).dt.total_seconds() / 60
        frame = frame.with_columns(machine_time=minutes / results.time_factor_min)
    shares = context.together.shares
    if shares.is_empty():
        return frame
    frame = frame.join(shares, on="row_nr", how="left", maintain_order="left")
    account.repairs.add("overlap_counted_once", "start_at", frame["share"].count())
    return frame.with_columns(pl.col("machine_time", "setup_time") * pl.col("share").fill_null(1.0)).drop(
        "share"
    )


def moments(frame: pl.DataFrame, zone: str | None, counter: Counter) -> list[pl.Series]:
    """Parse `start_at` and `end_at` into the series `start` and `end`.

    With a time zone they become UTC, so that a booking over a change of clocks has its true length; a moment that this night
    has twice, or not at all, becomes NULL and is counted as `clock_change`.
    """
    found = []
    for name, short in (("start_at", "start"), ("end_at", "end")):
        value, bad = parse_dates(frame[name])
        counter.add("unreadable_date", name, bad.sum())
        value = pl.select(pl.when(value.dt.year() >= FIRST_DAY.year).then(value)).to_series()
        if zone is not None:
            local = value.dt.replace_time_zone(zone, ambiguous="null", non_existent="null")
            counter.add("clock_change", name, (value.is_not_null() & local.is_null()).sum())
            value = local.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        found.append(value.alias(short))
    return found


def _units(frame: pl.DataFrame, results: ResultSource, counter: Counter) -> pl.DataFrame:
    """Times in the profile's unit and quantities in pieces; NULL where a row's unit is not known."""
    of = {"setup_time": "setup_time_unit" if "setup_time_unit" in results.columns else "time_unit"}
    for name in ("machine_time", "setup_time", "hold_time"):
        unit = of.get(name, "time_unit")
        if unit in results.columns and name in frame.columns:
            factor = _factors(frame[unit], results.time_units, results.blank_time_unit)
            strange = factor.is_null() & frame[name].is_not_null()
            counter.add_words("time_unit_unknown", unit, frame[unit].fill_null("").filter(strange))
            frame = frame.with_columns((pl.col(name) * (factor / results.time_factor_min)).alias(name))
    if "qty_unit" in results.columns:
        factor = _factors(frame["qty_unit"], results.qty_units, results.blank_qty_unit)
        given = frame.select(pl.any_horizontal(pl.col(n).is_not_null() for n in _QUANTITIES)).to_series()
        counter.add_words(
            "qty_unit_unknown", "qty_unit", frame["qty_unit"].fill_null("").filter(factor.is_null() & given)
        )
        frame = frame.with_columns((pl.col(n) * factor).alias(n) for n in _QUANTITIES)
    return frame


def _pieces_of(columns: Sequence[str]) -> pl.Expr:
    """The pieces of a row as its batch counts them."""
    return pl.coalesce(c for c in ("order_qty", "yield_qty") if c in columns)


def batches(scan: pl.LazyFrame) -> pl.DataFrame:
    """Count the pieces of each batch: `batch_no` and `in_batch`.

    Parameters
    ----------
    scan : polars.LazyFrame
        Raw results.
    """
    pieces = _pieces_of(scan.collect_schema().names())
    named = scan.filter(pl.col("batch_no").is_not_null()).select("batch_no", in_batch=pieces)
    found = named.group_by("batch_no").agg(pl.col("in_batch").sum())
    return found.filter(pl.col("in_batch") > 0).collect(engine="streaming")


def _machine_minutes(
    frame: pl.DataFrame, results: ResultSource, batches: pl.DataFrame, counter: Counter
) -> pl.DataFrame:
    """Times by the row's own factor, its share of a batch, and hours of a crew as those of its machine."""
    if "time_factor" in results.columns:
        factor = pl.when(pl.col("time_factor") > 0).then("time_factor")
        counter.add("no_time_factor", "time_factor", frame.select(factor.is_null().sum()).item())
        frame = frame.with_columns(pl.col("machine_time", "setup_time") * factor)
    if not batches.is_empty():
        frame = frame.join(batches, on="batch_no", how="left", maintain_order="left")
        share = (
            pl.when(pl.col("batch_no").is_null())
            .then(1.0)
            .otherwise(_pieces_of(frame.columns) / pl.col("in_batch"))
        )
        counter.add("share_of_batch", "batch_no", frame["in_batch"].count())
        frame = frame.with_columns(pl.col("machine_time", "setup_time") * share).drop("in_batch")
    if "crew" in results.columns:
        crew = pl.when(pl.col("crew") > 0).then("crew")
        counter.add("counted_as_one", "crew", frame.select(crew.is_null().sum()).item())
        frame = frame.with_columns(pl.col("machine_time") / crew.fill_null(1.0))
    return frame


def minutes_of_rows(frame: pl.DataFrame, results: ResultSource) -> pl.DataFrame:
    """Times and quantities of raw rows as the profile means them, each row for itself and without an account.

    Parameters
    ----------
    frame : polars.DataFrame
        Raw results.
    results : ResultSource
        The section of the profile.
    """
    texts = [c for c in ("time_unit", "setup_time_unit", "qty_unit") if c in frame.columns]
    frame = frame.with_columns(pl.col(texts).cast(pl.String).str.strip_chars().replace("", None))
    counter = Counter()
    return _machine_minutes(_units(frame, results, counter), results, Together().batches, counter)


_QUANTITIES = ("order_qty", "bad_qty", "yield_qty")


def _factors(spellings: pl.Series, units: Mapping[str, float], blank: float | None) -> pl.Series:
    """Factor of each row's unit; NULL for one that is not known."""
    known = {k.strip().upper(): float(v) for k, v in units.items()}
    upper = spellings.str.to_uppercase()
    found = upper.replace_strict(known, default=None, return_dtype=pl.Float64)
    return (
        found
        if blank is None
        else pl.select(pl.when(upper.is_null()).then(blank).otherwise(found)).to_series()
    )


def _flags(frame: pl.DataFrame, raw: pl.DataFrame, results: ResultSource, account: Account) -> pl.DataFrame:
    """`is_reversed` and `is_finished`; rework goes, unless it counts."""
    said = {n: n in results.columns for n in ("reversed", "finished", "rework")}
    yes, no = ([w.strip().upper() for w in words] for words in (results.yes_words, results.no_words))

    def word(name: str) -> pl.Expr:
        return pl.col(name).str.to_uppercase()

    for name in (n for n, there in said.items() if there):
        unknown = ~word(name).is_in([*yes, *no])
        frame = account.rejects.remove(frame, raw, unknown, UNKNOWN_FLAG)

    def flag(name: str) -> pl.Expr:
        return word(name).is_in(yes).fill_null(False) if said[name] else pl.lit(False)

    frame = frame.with_columns(is_reversed=flag("reversed"), is_finished=flag("finished"))
    if said["rework"] and results.rework == "exclude":
        rework = frame.select(flag("rework").alias("r")).to_series()
        account.filtered.add("rework", "rework", rework.sum())
        frame = frame.filter(~rework)
    if "reverses" in results.columns:  # a reference of zeros refers to nothing
        none = pl.col("reverses").str.contains("^0+$")
        frame = frame.with_columns(reverses=pl.when(~none).then("reverses"))
    return frame


def _kinds(frame: pl.DataFrame, raw: pl.DataFrame, results: ResultSource, account: Account) -> pl.DataFrame:
    """`kind` of each row; the time of a set-up row is set-up time."""
    if "record_kind" not in results.columns:
        return frame.with_columns(kind=pl.lit(None, dtype=pl.String))
    meaning = {w.strip().upper(): kind for kind, words in results.kinds.items() for w in words}
    word = pl.col("record_kind").str.to_uppercase()
    frame = frame.with_columns(kind=word.replace_strict(meaning, default=None, return_dtype=pl.String))
    frame = account.rejects.remove(frame, raw, pl.col("kind").is_null(), UNKNOWN_KIND)
    ignored = frame["kind"] == "ignore"
    account.filtered.add("ignored_kind", "record_kind", ignored.sum())
    frame = frame.filter(~ignored)
    setup = pl.col("kind") == "setup"
    both = pl.sum_horizontal("machine_time", pl.col("setup_time").fill_null(0.0))
    time = pl.when(pl.col("machine_time").is_null()).then("setup_time").otherwise(both)
    return frame.with_columns(
        setup_time=pl.when(setup).then(time).otherwise("setup_time"),
        machine_time=pl.when(~setup).then("machine_time"),
    )


def _times_per_order(frame: pl.DataFrame, results: ResultSource, counter: Counter) -> pl.DataFrame:
    """The time of an operation whose standard is for the order is one of the order too: it counts as set-up, as in the standard."""
    if results.run_basis != "order" or results.setup_basis != "order":
        return frame
    ours = pl.col("per_order") & pl.col("machine_time").is_not_null()
    counter.add("time_per_order", "machine_time", frame.select(ours.sum()).item())
    machine = pl.col("machine_time") - pl.col("hold_time").fill_null(0.0)
    return frame.with_columns(
        setup_time=pl.when(ours).then(machine + pl.col("setup_time").fill_null(0.0)).otherwise("setup_time"),
        machine_time=pl.when(~ours).then("machine_time"),
        hold_time=pl.when(~ours).then("hold_time"),
    )


def _corrected(
    frame: pl.DataFrame, raw: pl.DataFrame, rules: tuple[Correction, ...], account: Account
) -> pl.DataFrame:
    """Times and quantities put right by the profile's rules, which are counted by their number."""
    for number, rule in enumerate(rules, 1):
        named = {"res_cd": rule.machine, "job_cd": rule.job, "item_key": rule.item}
        conditions = [
            pl.col(column).str.to_uppercase() == value.strip().upper()
            for column, value in named.items()
            if value is not None
        ]
        rows = pl.all_horizontal(pl.lit(True), *conditions)
        if rule.since is not None or rule.before is not None:
            frame = account.rejects.remove(
                frame, raw, rows & pl.col("report_dt").is_null(), UNDATED_CORRECTION
            )
        if rule.since is not None:
            rows &= pl.col("report_dt") >= rule.since
        if rule.before is not None:
            rows &= pl.col("report_dt") < rule.before
        hit = frame.select(rows.fill_null(False).alias("hit")).to_series()
        account.repairs.add("corrected", f"rule {number}", hit.sum())
        frame = frame.with_columns(
            pl.when(hit).then(pl.col(name) * factor).otherwise(pl.col(name)).alias(name)
            for names, factor in (
                (("machine_time", "hold_time"), rule.factor * rule.run_factor),
                (("setup_time",), rule.factor * rule.setup_factor), (_QUANTITIES, rule.qty_factor),
            )
            for name in names
        )  # fmt: skip
    return frame


def _matched(
    frame: pl.DataFrame, raw: pl.DataFrame, context: ResultContext, account: Account
) -> pl.DataFrame:
    """Results of operations that some routing of their item has, with the level of the match."""
    frame = frame.with_columns(pl.col("proc_seq").cast(pl.Int32))
    exact = hashes(frame, EXACT).is_in(context.exact.implode())
    loose = hashes(frame, LOOSE).is_in(context.loose.implode())
    frame = frame.with_columns(
        pl.select(pl.when(exact).then(pl.lit("routing")).otherwise(pl.lit("operation")))
        .to_series()
        .alias("match_level"),
        (exact | loose).alias("_matched"),
        context.per_order.marks(frame, exact).alias("per_order"),
    )
    frame = context.left_out.without_operations(frame, "_matched", account)
    frame = account.rejects.remove(frame, raw, ~pl.col("_matched"), ORPHAN_OPERATION)
    account.repairs.add("matched_without_routing", "rout_no", (frame["match_level"] == "operation").sum())
    return frame


def _dated(frame: pl.DataFrame, name: str, now: datetime, counter: Counter) -> pl.DataFrame:
    value, bad = parse_dates(frame[name])
    counter.add("unreadable_date", name, bad.sum())
    future = (value > now).fill_null(False)
    counter.add("future_date", name, future.sum())
    none = (value < datetime.combine(FIRST_DAY, datetime.min.time())).fill_null(False)
    counter.add("no_date", name, none.sum())
    dated = pl.when(~future & ~none).then(value.cast(pl.Date))
    return frame.with_columns(pl.select(dated).to_series().alias(name))


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
    if context.own_numbers is not None:
        bad = own_number("oper_no").is_null()
    frame = rejects.remove(frame, raw, bad, BAD_PROC_SEQ)
    frame = rejects.remove(frame, raw, context.keys.belongs_to_refused(), REFUSED_ITEM)
    frame = context.left_out.without_items(frame, context.item_keys, account)
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
    frame = context.left_out.without_items(frame, context.item_codes["item_key"], account)
    frame = rejects.remove(frame, raw, ~known, ORPHAN_ITEM)
    frame = frame.sort(
        "po_no", "item_key", "po_date", "qty", "row_nr", descending=[False, False, True, True, False], nulls_last=True
    )  # fmt: skip
    repeated = ~pl.struct("po_no", "item_key").is_first_distinct()
    later = Reason("duplicate_key", "The order has another, newer line for this item.")
    frame = rejects.remove(frame, raw, repeated, later)
    return PURCHASE_ORDERS.conform(frame.select(PURCHASE_ORDERS.names))
