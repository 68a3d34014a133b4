"""Routing rows cleaned: keys, flags, times in minutes, broken routings, and which routing of an item counts."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, time

import polars as pl

from routing_etl.erp.clean_codes import CODES, ItemKeys, Spellings
from routing_etl.erp.left_out import LeftOut
from routing_etl.erp.operation_order import in_order
from routing_etl.erp.operation_times import in_minutes
from routing_etl.erp.parse import parse_dates
from routing_etl.erp.profile import Profile
from routing_etl.erp.profile_model import Routing
from routing_etl.erp.reader import TOO_LONG, UNREADABLE
from routing_etl.erp.rejects import (
    BAD_PROC_SEQ,
    MAX_PROC_SEQ,
    ORPHAN_ITEM,
    REFUSED_ITEM,
    UNREADABLE_PROC_SEQ,
    Account,
    Reason,
    Rejects,
    rows_of,
)
from routing_etl.erp.select_routing import select_routings
from routing_etl.erp.text import Counter, TextRule, clean_text, count_broken
from routing_etl.frames import INHOUSE, OPERATIONS, OUTSOURCED

_TEXTS = (
    "rout_no", "oper_no", "job_cd", "job_nm", "res_cd", "res_nm", "inside", "time_unit", "batch_oper", "bp_cd", "cust_nm", "cur_cd",
    "tax_type", "insp_flg", "milestone_flg", "validity", "major_flg",
    "setup_unit", "run_unit", "queue_unit", "wait_unit", "move_unit", "qty_unit", "run_basis", "next_oper",
)  # fmt: skip
#: Routings some of whose rows are not in force.
PARTLY_IN_FORCE = "partly_in_force"
#: Columns in which a value cut to its length would be another code.
_CODES = ("item_cd", "rout_no", "job_cd", "res_cd", "bp_cd")


@dataclass(frozen=True)
class OperationContext:
    """What cleaning a shard of routing rows needs from elsewhere.

    Parameters
    ----------
    item_codes : polars.DataFrame
        `item_key` and `item_cd` of every item that was kept.
    as_of : datetime.date
        Day on which the validity of a routing is asked.
    cutoff : datetime.date or None
        Rows inserted after this day are filtered.
    now : datetime.datetime
        A date after it is an entry error.
    job_of_name : polars.DataFrame
        `job_nm` and `job_cd` of the job names that go with one code only: it fills missing codes.
    keys : ItemKeys
        The key of each item code.
    spellings : Spellings
        The spelling that is kept of each other code.
    left_out : LeftOut
        Items that the profile's own filters leave out.
    """

    item_codes: pl.DataFrame
    as_of: date
    cutoff: date | None
    now: datetime
    job_of_name: pl.DataFrame
    keys: ItemKeys
    spellings: Spellings
    left_out: LeftOut = field(default_factory=LeftOut)


def job_names(raw: pl.LazyFrame, profile: Profile, spellings: Spellings) -> pl.DataFrame:
    """Find the job names that go with exactly one job code in the whole table: columns `job_nm`, `job_cd`."""
    rule = TextRule(null_words=profile.routing.null_words)
    pairs = raw.select("job_nm", "job_cd").unique().collect(engine="streaming")
    counter = Counter()
    pairs = pl.DataFrame([clean_text(pairs[c], rule, c, counter).values for c in ("job_nm", "job_cd")])
    pairs = pairs.with_columns(spellings.fold(pairs["job_cd"], counter)).drop_nulls().unique()
    return pairs.filter(pl.col("job_nm").is_unique())


def clean_operations(
    raw: pl.DataFrame, problems: pl.DataFrame, profile: Profile, context: OperationContext, account: Account
) -> pl.DataFrame:
    """Clean the routing rows of whole items: all rows of an item are in `raw`.

    Rejected: missing or overlong keys, unusable operation numbers and the rest of such a routing, items that are not in
    the master, repeated operations (the newest row stays, then the one whose machine sorts first, then the one with the
    smallest row hash), and what `select_routings` quarantines. Filtered: rows inserted after the cut-off, and where the
    profile maps `resource_priority` the other machines of an operation, which become its `further_res`.

    Parameters
    ----------
    raw : polars.DataFrame
        Raw rows with their `row_nr`.
    problems : polars.DataFrame
        What could not be read of them.
    profile : Profile
        The source profile.
    context : OperationContext
        Items, job names and the days that bound the rows.
    account : Account
        Takes the rejected, filtered and repaired.

    Returns
    -------
    polars.DataFrame
        Rows of `frames.OPERATIONS`.
    """
    rejects, repairs, rules = account.rejects, account.repairs, profile.routing
    count_broken(raw["item_cd"], "item_cd", repairs)
    frame = raw.with_columns(
        context.keys.of(raw["item_cd"]), raw.drop("row_nr").hash_rows(seed=0).alias("_hash")
    )
    frame = frame.with_columns(_insert_time(frame, context, repairs))
    if context.cutoff is not None:
        late = (pl.col("insrt_dt") > datetime.combine(context.cutoff, time.max)).fill_null(False)
        account.filtered.add("after_cutoff", "insrt_dt", frame.select(late.sum()).item())
        frame = frame.filter(~late)
    original = raw.select("row_nr", *rejects.raw_columns)
    frame = _clean_texts(frame, profile, context.spellings, repairs)
    frame = _of_known_items(frame, original, context, account)
    frame = _in_force(frame, rules, context, account)
    frame = in_order(frame, profile, repairs)
    frame = _whole_routings(frame, original, problems, rejects)
    frame = _fill_jobs(frame, profile, context, repairs)
    frame = _without_repeats(frame, original, profile, account)
    outsourced = context.spellings.outsourced
    frame = _flags(frame, rules, outsourced, repairs)
    if rules.in_force == "routing":
        frame = _validity(frame, rules, context, repairs)
        repairs.add(PARTLY_IN_FORCE, "valid_to", _partly_in_force(frame))
    frame = in_minutes(frame, profile, repairs)
    chosen = select_routings(frame, outsourced_rout_no=outsourced)
    for rule in chosen.quarantined["rule"].unique().sort():
        rows = chosen.quarantined.filter(pl.col("rule") == rule)
        rejects.add(rows_of(original, rows), Reason(str(rule), str(rows["reason"][0])))
    return OPERATIONS.conform(chosen.operations.select(_present(chosen.operations)))


def _present(frame: pl.DataFrame) -> list[str]:
    return [n for n in OPERATIONS.names if n in frame.columns]


def _insert_time(frame: pl.DataFrame, context: OperationContext, counter: Counter) -> pl.Series:
    value, bad = parse_dates(frame["insrt_dt"])
    counter.add("unreadable_date", "insrt_dt", bad.sum())
    future = (value > context.now).fill_null(False)
    counter.add("future_date", "insrt_dt", future.sum())
    return pl.select(pl.when(~future).then(value)).to_series().alias("insrt_dt")


def _clean_texts(
    frame: pl.DataFrame, profile: Profile, spellings: Spellings, counter: Counter
) -> pl.DataFrame:
    rule = TextRule(null_words=profile.routing.null_words)
    frame = frame.with_columns([clean_text(frame[c], rule, c, counter).values for c in _TEXTS])
    return frame.with_columns([spellings.fold(frame[c], counter) for c in CODES["operations"]])


def _of_known_items(
    frame: pl.DataFrame, original: pl.DataFrame, context: OperationContext, account: Account
) -> pl.DataFrame:
    """Rows with an item and a routing number, whose item is in the master; they take over the master's code."""
    rejects = account.rejects
    missing = pl.col("item_key").is_null() | (pl.col("item_key") == "") | pl.col("rout_no").is_null()
    reason = Reason("missing_key", "The item code or the routing number is missing.")
    frame = rejects.remove(frame, original, missing, reason)
    frame = rejects.remove(frame, original, context.keys.belongs_to_refused(), REFUSED_ITEM)
    frame = context.left_out.without_items(frame, context.item_codes["item_key"], account)
    known = frame.join(context.item_codes, on="item_key", how="left", maintain_order="left", suffix="_master")
    frame = frame.with_columns(known["item_cd_master"].alias("_master_cd"))
    frame = rejects.remove(frame, original, pl.col("_master_cd").is_null(), ORPHAN_ITEM)
    return frame.with_columns(pl.col("_master_cd").alias("item_cd"))


def _whole_routings(
    frame: pl.DataFrame, original: pl.DataFrame, problems: pl.DataFrame, rejects: Rejects
) -> pl.DataFrame:
    """Rows with sound codes and operation numbers; a routing that loses a row here is rejected whole."""
    long = problems.filter((pl.col("problem") == TOO_LONG) & pl.col("column").is_in(list(_CODES)))["row_nr"]
    unread = problems.filter((pl.col("problem") == UNREADABLE) & (pl.col("column") == "proc_seq"))["row_nr"]
    too_long = pl.col("row_nr").is_in(long.implode())
    unusable = (pl.col("proc_seq").is_null() | ~pl.col("proc_seq").is_between(1, MAX_PROC_SEQ)).fill_null(
        True
    )
    broken = frame.filter(too_long | unusable).select("item_key", "rout_no").unique()
    cut = Reason("key_too_long", "A code is longer than the profile allows; cut codes could collide.")
    frame = rejects.remove(frame, original, too_long, cut)
    frame = rejects.remove(frame, original, pl.col("row_nr").is_in(unread.implode()), UNREADABLE_PROC_SEQ)
    frame = rejects.remove(frame, original, unusable, BAD_PROC_SEQ)
    if broken.height:
        rest = frame.join(broken, on=["item_key", "rout_no"], how="semi", maintain_order="left")
        reason = Reason(
            "incomplete_routing", "Another row of this routing was rejected, so the routing is not whole."
        )
        rejects.add(rows_of(original, rest), reason)
        frame = frame.join(broken, on=["item_key", "rout_no"], how="anti", maintain_order="left")
    return frame.with_columns(pl.col("proc_seq").cast(pl.Int32))


def _fill_jobs(
    frame: pl.DataFrame, profile: Profile, context: OperationContext, counter: Counter
) -> pl.DataFrame:
    if not profile.routing.fill_job_cd_from_name or not frame["job_cd"].null_count():
        return frame
    before = frame["job_cd"].null_count()
    filled = frame.join(context.job_of_name, on="job_nm", how="left", maintain_order="left", suffix="_named")
    frame = frame.with_columns(pl.coalesce(frame["job_cd"], filled["job_cd_named"]).alias("job_cd"))
    counter.add("job_code_from_name", "job_cd", before - frame["job_cd"].null_count())
    counter.add("no_job_code", "job_cd", frame["job_cd"].null_count())
    return frame


def _without_repeats(
    frame: pl.DataFrame, original: pl.DataFrame, profile: Profile, account: Account
) -> pl.DataFrame:
    """One row per (item, routing, operation, job); `select_routings` judges rows that differ in the job."""
    key = ["item_key", "rout_no", "proc_seq", "job_cd"]
    repeated = frame.select(pl.struct(key).is_duplicated()).to_series()
    if not repeated.any():
        return frame
    order = frame.filter(repeated).sort(
        *key, "resource_priority", "insrt_dt", "res_cd", "_hash", "row_nr",
        descending=[False] * 5 + [True, False, False, False], nulls_last=True,
    )  # fmt: skip
    order = order.with_columns(pl.col("res_cd").first().over(key).alias("_main"))
    later = order.filter(~pl.struct(key).is_first_distinct())
    other = pl.col("res_cd").ne_missing(pl.col("_main"))
    alternatives, repeats = later.filter(other), later.filter(~other)
    kept = frame.join(later.select("row_nr"), on="row_nr", how="anti", maintain_order="left")
    reason = Reason(
        "duplicate_key", "The operation occurs more than once in its routing; the newest row was kept."
    )
    account.rejects.add(rows_of(original, repeats), reason)
    if "resource_priority" in profile.operations.columns:
        account.filtered.add("alternative_machine", "res_cd", alternatives.height)
        account.repairs.add("equal_priority", "resource_priority", _equal_priorities(order, key))
        kept = _with_further_machines(kept, alternatives, key)
    else:
        several = Reason(
            "several_machines",
            "The operation has several machines; the newest row, then the machine that sorts first, was kept. "
            "operations.columns.resource_priority can say which is meant.",
        )
        account.rejects.add(rows_of(original, alternatives), several)
    return kept


def _with_further_machines(kept: pl.DataFrame, alternatives: pl.DataFrame, key: list[str]) -> pl.DataFrame:
    """Operations with their further machines (`further_res`), in the order of the rows given."""
    named = alternatives.drop_nulls("res_cd").group_by(key, maintain_order=True)
    further = named.agg(pl.col("res_cd").unique(maintain_order=True).str.join("\n").alias("further_res"))
    return kept.join(further, on=key, how="left", nulls_equal=True, maintain_order="left")


def _equal_priorities(order: pl.DataFrame, key: list[str]) -> int:
    """Operations of which two machines come first, by the priority or because there is none."""
    first = order.filter(
        pl.col("resource_priority").eq_missing(pl.col("resource_priority").first().over(key)),
        pl.col("res_cd").is_not_null(),
    )
    machines = first.group_by(key).agg(pl.col("res_cd").n_unique())
    return machines.filter(pl.col("res_cd") > 1).height


def _word_in(column: str, words: tuple[str, ...]) -> pl.Expr:
    return pl.col(column).str.to_uppercase().is_in([w.upper() for w in words])


def _flags(
    frame: pl.DataFrame, rules: Routing, outsourced: tuple[str, ...], counter: Counter
) -> pl.DataFrame:
    said = (
        pl.when(_word_in("inside", (*rules.inside_words, INHOUSE)))
        .then(pl.lit(INHOUSE))
        .when(_word_in("inside", (*rules.outside_words, OUTSOURCED)))
        .then(pl.lit(OUTSOURCED))
    )
    named = pl.col("rout_no").is_in(list(outsourced))
    frame = frame.with_columns(said.alias("_said"), named.alias("_named"))
    unknown = pl.col("_said").is_null() & pl.col("inside").is_not_null()
    counter.add_words("inside_unknown_word", "inside", frame.filter(unknown)["inside"])
    blank = pl.col("inside").is_null() & ~pl.col("_named")
    counter.add("inside_assumed", "inside", frame.select(blank.sum()).item())
    frame = frame.with_columns(
        pl.when(pl.col("_said").is_not_null())
        .then("_said")
        .when("_named")
        .then(pl.lit(OUTSOURCED))
        .otherwise(pl.lit(rules.inside_default))
        .alias("inside")
    )
    for name in ("insp_flg", "milestone_flg", "major_flg"):
        strange = ~_word_in(name, (*rules.yes_words, *rules.no_words))
        counter.add_words("flag_unknown_word", name, frame.filter(strange)[name])
    flags = [
        pl.when(pl.col(c).is_not_null())
        .then(pl.when(_word_in(c, rules.yes_words)).then(pl.lit("Y")).otherwise(pl.lit("N")))
        .alias(c)
        for c in ("insp_flg", "milestone_flg")
    ]
    major = pl.when(pl.col("major_flg").is_not_null()).then(_word_in("major_flg", rules.yes_words))
    return frame.with_columns(*flags, major.alias("major"))


def _partly_in_force(frame: pl.DataFrame) -> int:
    """Routings of which some rows are in force and others not."""
    if frame["row_valid"].all():
        return 0
    valid = pl.col("row_valid")
    return int(frame.group_by("item_key", "rout_no").agg(some=valid.any() & ~valid.all())["some"].sum())


def _in_force(
    frame: pl.DataFrame, rules: Routing, context: OperationContext, account: Account
) -> pl.DataFrame:
    """Without the rows that are not in force, where operations begin and end one by one."""
    if rules.in_force == "routing":
        return frame
    frame = _validity(frame, rules, context, account.repairs)
    account.filtered.add("not_in_force", "valid_to", (~frame["row_valid"]).sum())
    return frame.filter("row_valid")


def _validity(
    frame: pl.DataFrame, rules: Routing, context: OperationContext, counter: Counter
) -> pl.DataFrame:
    days = []
    for name in ("valid_from", "valid_to"):
        value, bad = parse_dates(frame[name], open_end=name == "valid_to")
        counter.add("unreadable_date", name, bad.sum())
        counter.add(
            "two_digit_year",
            name,
            frame[name].str.strip_chars().str.contains(r"^\d{1,2}-[A-Za-z]{3}-\d{2}$").sum(),
        )
        days.append(value.cast(pl.Date).alias(name))
    frame = frame.with_columns(days)
    valid = (
        (pl.col("valid_from") <= context.as_of).fill_null(True)
        & (pl.col("valid_to") >= context.as_of).fill_null(True)
        & ~_word_in("validity", rules.invalid_validity).fill_null(False)
    )
    return frame.with_columns(valid.alias("row_valid"))
