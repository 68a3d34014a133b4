"""Rules for the cleaned source frames: items, operations, work results, purchase orders, and the rejected rows.

They say what must or should hold after cleaning, beyond the contracts of `frames`. A failed critical check stops the
night; a warning is shown and stored. Limits on blanks are set per column, never one for all (docs/erp-contract.md 5, row 17): the seal-type group is 84 %
blank at the first plant, and rightly so.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import polars as pl

from routing_etl.frames import (
    CODE_SPELLINGS,
    INHOUSE,
    ITEMS,
    MAX_SOURCE,
    OPERATIONS,
    OUTSOURCED,
    PURCHASE_ORDERS,
    WORK_RESULTS,
    AttributeSpec,
    key_of,
)
from routing_etl.quality.rules import (
    CRITICAL,
    ROWS,
    UNEXPECTED,
    WARNING,
    AtMost,
    Raw,
    Rule,
    Scope,
    Table,
    Values,
    contract_rules,
    holds,
    in_set,
    ordered,
    row_count,
    safe_name,
    share,
    unique,
    whole_range,
)

#: Frames that a plant may not have; when empty their checks fail as warnings.
OPTIONAL_FRAMES = (WORK_RESULTS.name, PURCHASE_ORDERS.name)
REJECTS = "rejects"
_NOT_NEGATIVE = (0.0, MAX_SOURCE)
_FLAG = ("Y", "N")
#: Largest share of items without a part type; the replaced system had the same limit (docs/legacy-system.md 2.9).
PART_TYPE_BLANK = 0.30
#: Possible sizes in millimetres: above 0, which stands for "missing" and must be NULL after cleaning, up to 100 m.
POSSIBLE_SIZE = (1e-6, 100_000.0)
#: Fewest items or results on which a share may stop the night because the profile maps the wrong column; on fewer, a
#: high share may be chance.
ENOUGH_TO_JUDGE = 30
#: Fewest items that make training worthwhile; taken over from the replaced system (docs/legacy-system.md 2.9).
ENOUGH_ITEMS = 1_000


def item_rules(
    attributes: Sequence[AttributeSpec] = (), not_above: Sequence[tuple[str, str]] = ()
) -> list[Rule]:
    """Rules for items: the core columns, and for every attribute whether it is filled and its numbers are possible.

    Parameters
    ----------
    attributes : sequence of AttributeSpec, optional
        The profile's item attributes.
    not_above : sequence of (str, str), optional
        Pairs of attributes of which the first may not exceed the second; empty: see `inner_outer_pairs`.
    """
    frame = ITEMS.name
    rules = [
        *contract_rules(ITEMS, ranges={}),
        row_count(frame, 1, CRITICAL),
        row_count(
            frame, ENOUGH_ITEMS, WARNING, "row_count_for_training", "enough items to train a model worth having"
        ),
        holds(
            frame, "item_key_normalised", pl.col("item_key") == key_of(pl.col("item_cd")),
            "the key is the code trimmed, NFKC and upper case: joins depend on it",
        ),
        unique(frame, "item_cd_unique", ("item_cd",), "a raw code names one item"),
        share(
            frame, "part_type_blank_share", AtMost(PART_TYPE_BLANK, pl.col("part_type").is_null()),
            "the part type is the segment of the metrics and the key of the baseline", "part_type",
        ),
        share(
            frame, "excluded_share", AtMost(0.5, pl.col("excluded").is_not_null()),
            "most items may be used for training", "excluded",
        ),
        _distinct_share(frame),
    ]  # fmt: skip
    if attributes:
        rules.append(_any_attribute(frame, [a.name for a in attributes]))
    for spec in attributes:
        rules += _attribute_rules(frame, spec)
    for small, large in not_above or inner_outer_pairs(attributes):
        rules.append(ordered(frame, large, small, "an inner size does not exceed the outer one", WARNING))
    return rules


def possible_sizes(spec: AttributeSpec) -> tuple[float, float]:
    """The least and the largest value that a numeric attribute may have: 0 only where the profile says that it is a value."""
    return (0.0 if spec.zero else POSSIBLE_SIZE[0], POSSIBLE_SIZE[1])


def _attribute_rules(frame: str, spec: AttributeSpec) -> list[Rule]:
    """An attribute has a value in some item, and a numeric one only possible sizes."""
    name = safe_name(spec.name)
    filled = share(
        frame, f"{name}_filled", AtMost(0.9999, pl.col(spec.name).is_null()),
        "a mapped attribute without a single value teaches nothing: check its column in the profile", spec.name,
    )  # fmt: skip
    if spec.kind != "number":
        return [filled]
    low, high = possible_sizes(spec)
    possible = Rule(
        frame, f"{name}_possible", "between", (spec.name,), Raw((spec.name,)), WARNING,
        "a number is 0 or above, as the profile says (zero_is_missing), and below 100,000" if spec.zero else
        "a size is above 0 and below 100 m; 0 is a spelling of missing and must be NULL by now",
        low=low, high=high, column=spec.name,
    )  # fmt: skip
    return [filled, possible]


def inner_outer_pairs(attributes: Sequence[AttributeSpec]) -> list[tuple[str, str]]:
    """Find pairs of diameter attributes whose names differ only by `in...` and `out...`: indiameter, outdiameter."""
    names = {a.name.lower(): a.name for a in attributes if a.kind == "number"}
    pairs = []
    for inner, outer in (("in", "out"), ("inner", "outer"), ("inside", "outside")):
        for name, spelled in names.items():
            rest = name.removeprefix(inner)
            if rest != name and "dia" in rest and outer + rest in names:
                pairs.append((spelled, names[outer + rest]))
    return pairs


def _any_attribute(frame: str, names: list[str]) -> Rule:
    check = "attributes_present"

    def table(scope: Scope) -> pl.LazyFrame:
        empty = pl.all_horizontal(pl.col(n).is_null() for n in names)
        return scope[frame].select(
            (~empty).any().alias(check), pl.len().alias(ROWS), empty.sum().alias(UNEXPECTED)
        )

    return Rule(
        frame, check, "in_set", (check,), Table(check, table), CRITICAL,
        "at least one item has at least one attribute: without any there is nothing to learn from", values=(True,),
    )  # fmt: skip


def _distinct_share(frame: str) -> Rule:
    check = "distinct_attribute_share"

    def table(scope: Scope) -> pl.LazyFrame:
        distinct = pl.col("attribute_hash").n_unique() / pl.len()
        return scope[frame].select(distinct.alias(check), pl.len().alias(ROWS))

    return Rule(
        frame, check, "between", (check,), Table(check, table), WARNING,
        "items differ in their attributes (77 % distinct vectors were measured at the first plant)",
        low=0.05, column="attribute_hash",
    )  # fmt: skip


def operation_rules() -> list[Rule]:
    """Rules for routing operations."""
    frame = OPERATIONS.name
    times = ("setup_min", "run_min", "act_setup_min", "act_run_min", "queue_min", "wait_min", "move_min")
    ranges = dict.fromkeys((*times, "mfg_lt_days", "subcontract_prc"), _NOT_NEGATIVE)

    def ranks(scope: Scope) -> pl.LazyFrame:
        routings = scope[frame].group_by("item_key", "rout_no").agg(rank=pl.col("routing_rank").min())
        firsts = routings.group_by("item_key").agg(first_routings=(pl.col("rank") == 0).sum())
        return firsts.group_by("first_routings").agg(pl.len().alias(ROWS))

    def one_rank(scope: Scope) -> pl.LazyFrame:
        routings = scope[frame].group_by("item_key", "rout_no").agg(ranks=pl.col("routing_rank").n_unique())
        return routings.group_by("ranks").agg(pl.len().alias(ROWS))

    return [
        *contract_rules(OPERATIONS, ranges=ranges),
        row_count(frame, 1, CRITICAL),
        whole_range(frame, "proc_seq", 0, None, "operation numbers are not negative"),
        whole_range(frame, "routing_rank", 0, None, "0 is the routing that counts"),
        in_set(frame, "inside", (INHOUSE, OUTSOURCED), "in-house or outsourced"),
        in_set(frame, "rout_class", (INHOUSE, "mixed", OUTSOURCED), "class of the whole routing"),
        in_set(frame, "insp_flg", _FLAG, "inspection flag", WARNING),
        in_set(frame, "milestone_flg", _FLAG, "milestone flag", WARNING),
        Rule(
            frame, "one_routing_counts", "between", ("first_routings",), Table("first_routings", ranks),
            CRITICAL, "every routed item has exactly one routing of rank 0 (rows count items)", low=1, high=1,
        ),
        Rule(
            frame, "one_rank_per_routing", "between", ("ranks",), Table("ranks", one_rank), CRITICAL,
            "the operations of one routing share its rank (rows count routings)", low=1, high=1,
        ),
        holds(
            frame, "rank_0_has_job", pl.col("job_cd").is_not_null() | (pl.col("routing_rank") > 0),
            "an operation of the routing that counts without a job code teaches nothing", WARNING,
        ),
        share(
            frame, "res_cd_blank_share", AtMost(0.5, pl.col("res_cd").is_null()),
            "most operations name their resource", "res_cd",
        ),
        share(
            frame, "run_min_unknown_share",
            AtMost(0.5, ~(pl.col("run_min") > 0).fill_null(False), of=pl.col("inside") == INHOUSE),
            "most in-house operations have a standard run time", "run_min",
        ),
        holds(
            frame, "valid_from_not_above_valid_to", pl.col("valid_from") <= pl.col("valid_to"),
            "a validity period does not end before it starts", WARNING,
        ),
        _known_item(frame),
        _in_pieces(),
    ]  # fmt: skip


def one_spelling() -> Rule:
    """Make the rule that each code has one spelling; the sample says which spelling is counted as which.

    Codes of all frames are meant. The check belongs to the operations, which hold most of them.
    """
    check = "codes_spelled_one_way"

    def spellings(scope: Scope) -> pl.LazyFrame:
        return scope[CODE_SPELLINGS.name].sort(
            "rows", "code_column", "spelling", descending=[True, False, False]
        )

    def table(scope: Scope) -> pl.LazyFrame:
        respelled = spellings(scope).select(pl.len().alias(check), pl.col("rows").sum().alias(UNEXPECTED))
        total = scope[OPERATIONS.name].select(pl.len().alias(ROWS))
        return pl.concat([respelled, total], how="horizontal")

    def pairs(scope: Scope) -> pl.LazyFrame:
        said = pl.format(
            "{}: '{}' ({} rows) is counted as '{}' ({} rows)",
            "code_column",
            "spelling",
            "rows",
            "kept",
            "kept_rows",
        )
        return spellings(scope).select(
            said.str.replace_all("(1 rows)", "(1 row)", literal=True).alias("spelling")
        )

    return Rule(
        OPERATIONS.name, check, "between", (check,), Table(check, table, pairs), WARNING,
        "a code is spelled one way in the ERP; other spellings are counted as the most frequent one", high=0,
    )  # fmt: skip


def _in_pieces() -> Rule:
    """Few items have their operations scattered over routings of hardly one operation each.

    Most items do when the profile maps a job or a machine as the routing number. Only items with three operation numbers
    or more are judged: alternates of one operation share its number, and alternates of several operations hold several.
    """
    frame, check = OPERATIONS.name, "routing_in_pieces_share"
    long = pl.col("numbers") >= 3
    broken = long & (pl.col("operations") < 2 * pl.col("routings"))

    def items(scope: Scope) -> pl.LazyFrame:
        return scope[frame].group_by("item_key").agg(
            numbers=pl.col("proc_seq").n_unique(), operations=pl.len(), routings=pl.col("rout_no").n_unique()
        )  # fmt: skip

    def table(scope: Scope) -> pl.LazyFrame:
        return items(scope).select(
            _share_of(broken, long).alias(check), pl.len().alias(ROWS), broken.sum().alias(UNEXPECTED)
        )

    return Rule(
        frame, check, "between", (check,), Table(check, table, lambda scope: items(scope).filter(broken)), CRITICAL,
        "a routing holds an item's operations together; if not, rout_no in [operations.columns] of the profile names "
        "another column than the routing number: correct it", high=0.5, column="rout_no",
    )  # fmt: skip


def _share_of(hit: pl.Expr, of: pl.Expr) -> pl.Expr:
    """Share of the rows `of` that are a hit; 0 when there are too few rows to tell anything."""
    number = of.sum()
    return pl.when(number >= ENOUGH_TO_JUDGE).then(hit.sum() / number).otherwise(0.0)


def result_rules(today: date) -> list[Rule]:
    """Rules for work results.

    Parameters
    ----------
    today : datetime.date
        Day of the run. A report may be one day younger, for time zones.
    """
    frame = WORK_RESULTS.name
    ranges = dict.fromkeys(("machine_time", "setup_time", "hold_time", "order_qty", "bad_qty"), _NOT_NEGATIVE)
    return [
        *contract_rules(WORK_RESULTS, ranges=ranges),
        row_count(frame, 1, WARNING, meaning="there are actual times; without them only standards are used"),
        whole_range(frame, "proc_seq", 0, None, "operation numbers are not negative"),
        in_set(frame, "match_level", ("routing", "operation"), "how the result found its operation"),
        _not_future(frame, "report_dt", today),
        share(
            frame, "order_qty_unusable_share", AtMost(0.05, ~(pl.col("order_qty") > 0).fill_null(False)),
            "without a quantity there is no time per piece", "order_qty",
        ),
        share(
            frame, "report_dt_unknown_share", AtMost(0.05, pl.col("report_dt").is_null()),
            "without its date nobody can tell whether a result is too old", "report_dt",
        ),
        share(
            frame, "machine_time_unusable_share", AtMost(0.5, ~(pl.col("machine_time") > 0).fill_null(False)),
            "most reports give a machine time", "machine_time",
        ),
        share(
            frame, "matched_without_routing_share", AtMost(0.5, pl.col("match_level") == "operation"),
            "most results name the routing they were made with", "match_level",
        ),
        _unknown_routings(),
        ordered(frame, "order_qty", "bad_qty", "not more pieces rejected than ordered", WARNING),
        _known_item(frame),
    ]  # fmt: skip


def _unknown_routings() -> Rule:
    """Some results that name a routing name one that the item has; otherwise the profile maps a wrong column.

    Results without a routing number do not count. One match in a hundred shows that the columns are the right ones.
    """
    frame, check = WORK_RESULTS.name, "named_routing_unknown_share"
    named = pl.col("rout_no").is_not_null()
    unknown = named & (pl.col("match_level") == "operation")

    def table(scope: Scope) -> pl.LazyFrame:
        return scope[frame].select(
            _share_of(unknown, named).alias(check), pl.len().alias(ROWS), unknown.sum().alias(UNEXPECTED)
        )

    return Rule(
        frame, check, "between", (check,), Table(check, table, lambda scope: scope[frame].filter(unknown)), CRITICAL,
        "results name routings that the item has; if none does, rout_no in [operations.columns] or in [results.columns] of "
        "the profile names another column than the routing number: correct it, or leave it out of [results.columns] where "
        "results have none", high=0.99, column="rout_no",
    )  # fmt: skip


def order_rules(today: date) -> list[Rule]:
    """Rules for purchase orders.

    Parameters
    ----------
    today : datetime.date
        Day of the run. An order may be one day younger, for time zones.
    """
    frame = PURCHASE_ORDERS.name
    return [
        *contract_rules(PURCHASE_ORDERS, ranges={"qty": _NOT_NEGATIVE}),
        row_count(frame, 1, WARNING, meaning="there are purchase orders"),
        _not_future(frame, "po_date", today),
        _known_item(frame),
    ]


def reject_rules(kept: Sequence[str], most: float = 0.05, critical: float = 0.5) -> list[Rule]:
    """Rules for the share of rows that cleaning rejected, one pair per source frame.

    Parameters
    ----------
    kept : sequence of str
        Source frames.
    most : float, optional
        Largest share before a warning.
    critical : float, optional
        Largest share before the night stops.
    """
    rules = []
    for source in kept:
        for limit, severity, suffix in ((most, WARNING, ""), (critical, CRITICAL, "_critical")):
            name = f"{source}_rejected_share"
            rules.append(
                Rule(
                    REJECTS, name + suffix, "between", (name,), _reject_share(source, name), severity,
                    f"cleaning kept most rows of {source}", high=limit,
                )
            )  # fmt: skip
    return rules


#: Rules by which cleaning keeps work results out because their meaning is not clear, and what a key of the profile says.
UNCLEAR_RESULTS = {
    "equal_report": "a report stands in the ERP once; a join that finds several partners multiplies rows",
    "parts_or_repeats": "rows of one order differ, or a confirmation number tells them apart",
    "confirmation_not_unique": "a confirmation number names one report",
    "reversal_without_original": "a reversal has a posting that it takes back",
    "ambiguous_reversal": "it is clear which posting a reversal takes back",
    "order_of_two_items": "an order number names one order",
    "order_number_used_again": "an order number is used once",
    "unknown_record_kind": "the profile knows every kind of row",
    "unknown_flag": "the profile knows every word of a flag",
    "overlapping_bookings": "nobody is booked on two operations at once",
    "end_before_start": "a booking ends after it starts",
    "correction_undated": "a report that a rule may correct has a date",
}
#: Largest share of results that one of these rules may keep out.
UNCLEAR_SHARE = 0.005


def unclear_result_rules() -> list[Rule]:
    """Rules for the share of work results that were kept out because it is not clear what they mean, one per reason."""
    source = WORK_RESULTS.name
    return [
        Rule(
            REJECTS, f"{source}_{rule}_share", "between", (f"{source}_{rule}_share",),
            _reject_share(source, f"{source}_{rule}_share", rule), WARNING, meaning, high=UNCLEAR_SHARE,
        )
        for rule, meaning in UNCLEAR_RESULTS.items()
    ]  # fmt: skip


def _reject_share(source: str, name: str, rule: str | None = None) -> Table:
    def rejected(scope: Scope) -> pl.LazyFrame:
        rows = scope[REJECTS].filter(pl.col("source_table") == source)
        return rows if rule is None else rows.filter(pl.col("rule") == rule)

    def table(scope: Scope) -> pl.LazyFrame:
        counts = pl.concat(
            [rejected(scope).select(rejected=pl.len()), scope[source].select(kept=pl.len())], how="horizontal"
        )
        total = pl.col("rejected") + pl.col("kept")
        part = pl.when(total > 0).then(pl.col("rejected") / total)
        return counts.select(part.alias(name), total.alias(ROWS), pl.col("rejected").alias(UNEXPECTED))

    def offenders(scope: Scope) -> pl.LazyFrame:
        if rule is not None:
            return rejected(scope).select("row_key", "reason")
        return rejected(scope).group_by("rule").agg(rejected=pl.len()).sort("rejected", descending=True)

    return Table(f"share__{name}", table, offenders)


def _not_future(frame: str, column: str, today: date) -> Rule:
    days = (pl.col(column) - pl.lit(today)).dt.total_days()
    return Rule(
        frame, f"{column}_not_in_future", "between", (column,), Values(f"days_after_run__{column}", {column: days}),
        WARNING, f"days of {column} after the day of the run", high=1, column=column,
    )  # fmt: skip


def _known_item(frame: str) -> Rule:
    """No row is an orphan: its item is in the item master."""
    check = "item_known"

    def table(scope: Scope) -> pl.LazyFrame:
        keys = scope[frame].group_by("item_key").agg(pl.len().alias(ROWS))
        known = scope[ITEMS.name].select("item_key").unique().with_columns(pl.lit(True).alias(check))
        joined = keys.join(known, on="item_key", how="left").with_columns(pl.col(check).fill_null(False))
        return joined.group_by(check).agg(pl.col(ROWS).sum())

    def offenders(scope: Scope) -> pl.LazyFrame:
        return (
            scope[frame].select("item_key").unique()
            .join(scope[ITEMS.name].select("item_key"), on="item_key", how="anti")
        )  # fmt: skip

    return Rule(
        frame, check, "in_set", (check,), Table("known_item", table, offenders), WARNING,
        "the item of every row is in the item master", values=(True,), column="item_key",
    )  # fmt: skip
