"""Rules for the predictions before they are loaded: candidates, operations, resources, evidence, abstained items.

They say what the ERP's tables and screens rely on (docs/erp-contract.md 6.1-6.5; docs/legacy-system.md 4,
defects 14, 15 and 18).
"""

from __future__ import annotations

import polars as pl

from routing_etl.frames import (
    ABSTAINED,
    CANDIDATE_EVIDENCE,
    CANDIDATE_OPERATIONS,
    CANDIDATES,
    INHOUSE,
    LEAST_PRIMARY,
    MAX_OUTPUT,
    OUTSOURCED,
    RESOURCE_ALTERNATIVES,
    TIME_SOURCES,
)
from routing_etl.quality.rules import (
    CRITICAL,
    ROWS,
    WARNING,
    AtMost,
    Rule,
    Scope,
    Table,
    Values,
    contract_rules,
    holds,
    in_set,
    ordered,
    row_count,
    share,
    unique,
    whole_range,
)

#: Frames that may be empty: the model abstained on no item, or no operation names a resource.
MAY_BE_EMPTY = (ABSTAINED.name, RESOURCE_ALTERNATIVES.name)
_UNIT = (0.0, 1.0)
_TIME = (0.0, MAX_OUTPUT)
_FLAG = ("Y", "N")
_CANDIDATE = ["item_key", "candidate_rank"]


def candidate_rules(max_candidates: int = 10, similarity_threshold: float = 0.8) -> list[Rule]:
    """Rules for candidates.

    Parameters
    ----------
    max_candidates : int, optional
        Most candidates of an item, as configured.
    similarity_threshold : float, optional
        Similarity from which a candidate is of the HIGH tier.
    """
    frame = CANDIDATES.name
    unit = ("similarity_score", "confidence", "work_order_confidence", "support")
    is_high = pl.col("similarity_score") >= similarity_threshold
    return [
        *contract_rules(CANDIDATES, ranges=dict.fromkeys(unit, _UNIT)),
        row_count(frame, 1, CRITICAL),
        unique(frame, "candidate_id_unique", ("candidate_id",), "a candidate id names one candidate"),
        unique(
            frame, "routings_distinct", ("item_key", "routing_code"),
            "the candidates of an item are different job sequences", WARNING,
        ),
        *_rank_rules(frame, max_candidates),
        in_set(frame, "priority", ("primary", "fallback"), "priority of the contract"),
        in_set(frame, "similarity_tier", ("HIGH", "LOW"), "tier of the contract"),
        in_set(frame, "routing_source", ("similar", "self"), "where the routing comes from"),
        holds(
            frame, "tier_follows_similarity", (pl.col("similarity_tier") == "HIGH") == is_high,
            f"HIGH from a similarity of {similarity_threshold:g} on, LOW below",
        ),
        holds(
            frame, "low_tier_is_fallback", (pl.col("similarity_tier") == "HIGH") | (pl.col("priority") == "fallback"),
            "a candidate under the similarity threshold is a fallback", WARNING,
        ),
        holds(
            frame, "unsure_is_fallback", (pl.col("confidence") >= LEAST_PRIMARY) | (pl.col("priority") == "fallback"),
            f"a candidate of a confidence under {LEAST_PRIMARY:g} is a fallback", WARNING,
        ),
        *_routing_code_rules(frame),
        whole_range(frame, "process_count", 1, 1000, "a routing has operations"),
        whole_range(frame, "work_order_count", 0, None, "a count"),
        whole_range(frame, "neighbour_count", 0, None, "a count"),
        Rule(
            frame, "predicted_or_abstained", "in_set", ("predicted_or_abstained",),
            Table("also_abstained", _abstained_too, _abstained_offenders), CRITICAL,
            "no item is both predicted and abstained on (rows count items)", values=(True,), column="item_key",
        ),
    ]  # fmt: skip


def _rank_rules(frame: str, max_candidates: int) -> list[Rule]:
    """An item's candidates are ranked 1, 2, ... without a gap, not more than configured, and their ids say the rank."""
    suffix = pl.col("candidate_id").str.strip_prefix(pl.col("item_cd"))
    expected = "_C" + pl.col("candidate_rank").cast(pl.String).str.zfill(2)

    def ranks(scope: Scope) -> pl.LazyFrame:
        per_item = scope[frame].group_by("item_key").agg(
            first=pl.col("candidate_rank").min(), last=pl.col("candidate_rank").max(), candidates=pl.len()
        )  # fmt: skip
        return per_item.group_by("first", "last", "candidates").agg(pl.len().alias(ROWS))

    per_item = Table("ranks", ranks)
    return [
        Rule(
            frame, "candidate_id_format", "equal", ("suffix", "expected"),
            Values("candidate_id", {"suffix": suffix, "expected": expected}), CRITICAL,
            "the id is {ITEM_CD}_C{nn}, nn the rank from 01", column="candidate_id",
        ),
        Rule(
            frame, "rank_1_exists", "between", ("first",), per_item, CRITICAL,
            "every item's best candidate has rank 1 (rows count items)", low=1, high=1, column="candidate_rank",
        ),
        Rule(
            frame, "ranks_without_gap", "equal", ("last", "candidates"), per_item, CRITICAL,
            "ranks run from 1 without a gap (rows count items)", column="candidate_rank",
        ),
        Rule(
            frame, "max_candidates", "between", ("candidates",), per_item, CRITICAL,
            "not more candidates than configured (rows count items)", low=1, high=max_candidates,
        ),
    ]  # fmt: skip


def _routing_code_rules(frame: str) -> list[Rule]:
    """The routing code is the sequence of the candidate's job codes, and comes from another item."""
    return [
        Rule(
            frame, "routing_code_format", "regex", ("routing_code",),
            Values("values__routing_code", {"routing_code": pl.col("routing_code")}), CRITICAL,
            "job codes joined by '>', none of them empty", regex=r"^[^>]+(?:>[^>]+)*$", column="routing_code",
        ),
        holds(
            frame, "routing_code_counts_processes",
            pl.col("routing_code").str.count_matches(">", literal=True) + 1 == pl.col("process_count"),
            "the routing code names as many jobs as the candidate has operations",
        ),
        holds(
            frame, "reference_is_another_item",
            (pl.col("reference_item_cd") != pl.col("item_cd")) | (pl.col("routing_source") == "self"),
            "a predicted routing is not the item's own",
        ),
    ]  # fmt: skip


def _abstained_too(scope: Scope) -> pl.LazyFrame:
    abstained = scope[ABSTAINED.name].select("item_key", hit=pl.lit(True))
    items = scope[CANDIDATES.name].select("item_key").unique().join(abstained, on="item_key", how="left")
    return items.group_by(predicted_or_abstained=pl.col("hit").is_null()).agg(pl.len().alias(ROWS))


def _abstained_offenders(scope: Scope) -> pl.LazyFrame:
    abstained = scope[ABSTAINED.name].select("item_key")
    return scope[CANDIDATES.name].select("item_key").unique().join(abstained, on="item_key", how="semi")


def _routings(scope: Scope) -> pl.LazyFrame:
    """One row per candidate: what its own row says beside what its operations say; either side may be missing."""
    seq, order = pl.col("proc_seq"), pl.col("rout_order")
    routings = (
        scope[CANDIDATE_OPERATIONS.name].group_by(_CANDIDATE).agg(
            operations=pl.len().cast(pl.Int64),
            outsourced=(pl.col("inside") == OUTSOURCED).any(),
            lowest=seq.min(),
            highest=seq.max(),
            first=pl.when(order == "F").then(seq).max(),
            last=pl.when(order == "L").then(seq).min(),
        )
    )  # fmt: skip
    candidates = scope[CANDIDATES.name].select(*_CANDIDATE, "process_count", "priority")
    joined = candidates.join(routings, on=_CANDIDATE, how="full", coalesce=True)
    return joined.with_columns(
        process_count=pl.col("process_count").fill_null(0).cast(pl.Int64),
        operations=pl.col("operations").fill_null(0),
    )


def _routing_table(scope: Scope) -> pl.LazyFrame:
    several = pl.col("lowest") < pl.col("highest")
    columns = {
        "process_count": pl.col("process_count"),
        "operations": pl.col("operations"),
        "priority_of_outsourced": pl.when("outsourced").then("priority"),
        "first_order": pl.when(pl.col("operations") > 0).then(pl.col("first") == pl.col("lowest")).fill_null(
            pl.when(pl.col("operations") > 0).then(False)
        ),
        "last_order": pl.when(several).then((pl.col("last") == pl.col("highest")).fill_null(False)),
    }  # fmt: skip
    return _routings(scope).group_by([e.alias(n) for n, e in columns.items()]).agg(pl.len().alias(ROWS))


def _routing_offenders(scope: Scope) -> pl.LazyFrame:
    wrong = (pl.col("process_count") != pl.col("operations")) | (
        pl.col("outsourced") & (pl.col("priority") != "fallback")
    )
    ends = (pl.col("first") != pl.col("lowest")) | (pl.col("last") != pl.col("highest"))
    return _routings(scope).filter((wrong | ends).fill_null(True))


def operation_rules() -> list[Rule]:
    """Rules for the operations of the candidates."""
    frame = CANDIDATE_OPERATIONS.name
    unit = ("confidence", "support", "time_confidence", "source_similarity")
    others = ("time_cv", "queue_time", "wait_time", "move_time", "mfg_lt", "subcontract_prc")
    times = (
        "setup_time", "run_time", "setup_p10", "setup_p90", "run_p10", "run_p50", "run_p90", "optimal_time",
        "standard_time", "safe_time", "act_setup_time", "act_run_time",
    )  # fmt: skip
    ranges = dict.fromkeys(unit, _UNIT) | dict.fromkeys((*times, *others), _TIME)
    ranges |= {"lot_size": _TIME, "lot_exponent": (-1.0, 1.0)}
    return [
        *contract_rules(CANDIDATE_OPERATIONS, ranges=ranges),
        row_count(frame, 1, CRITICAL),
        whole_range(frame, "proc_seq", 1, 32_767, "operation numbers are above 0; the key makes them unique"),
        whole_range(frame, "sample_count", 0, None, "a count"),
        in_set(frame, "inside", (INHOUSE, OUTSOURCED), "in-house or outsourced"),
        in_set(frame, "rout_order", ("F", "I", "L"), "first, inside, last"),
        in_set(frame, "time_source", TIME_SOURCES, "where the time comes from"),
        in_set(frame, "insp_flg", _FLAG, "inspection flag"),
        in_set(frame, "milestone_flg", _FLAG, "milestone flag"),
        in_set(frame, "batch_oper", ("B",), "batch operation", WARNING),
        ordered(frame, "standard_time", "optimal_time", "OPT <= STD"),
        ordered(frame, "safe_time", "standard_time", "STD <= SAFE"),
        ordered(frame, "run_p50", "run_p10", "P10 <= P50"),
        ordered(frame, "run_p90", "run_p50", "P50 <= P90"),
        ordered(frame, "setup_p90", "setup_p10", "P10 <= P90"),
        *_whole_routing_rules(frame),
        *_time_source_rules(frame),
    ]


def _whole_routing_rules(frame: str) -> list[Rule]:
    """A candidate's row and its operations agree."""
    routings = Table("routings", _routing_table, _routing_offenders)

    def routing(check: str, column: str, meaning: str, value: object) -> Rule:
        return Rule(
            frame, check, "in_set", (column,), routings, CRITICAL, f"{meaning} (rows count candidates)", values=(value,)
        )  # fmt: skip

    return [
        Rule(
            frame, "process_count_matches", "equal", ("process_count", "operations"), routings, CRITICAL,
            "a candidate has as many operations as it says, and no operation is without its candidate (rows count "
            "candidates)",
        ),
        routing("outsourced_is_fallback", "priority_of_outsourced",
                "one outsourced operation makes the candidate a fallback", "fallback"),
        routing("first_is_F", "first_order", "F marks the lowest operation number", True),
        routing("last_is_L", "last_order", "L marks the highest of several operation numbers", True),
    ]  # fmt: skip


def _time_source_rules(frame: str) -> list[Rule]:
    """A time says where it comes from, and a time from work results counts them."""
    return [
        holds(
            frame, "known_time_has_source", pl.col("run_time").is_null() | ~(pl.col("time_source") == "none"),
            "a run time says where it comes from",
        ),
        holds(
            frame, "lot_is_positive", pl.col("lot_size").is_null() | (pl.col("lot_size") > 0),
            "run times are for a lot of some pieces",
        ),
        holds(
            frame, "actuals_have_samples",
            ~pl.col("time_source").is_in(["actual_own", "actual_similar"]) | (pl.col("sample_count") > 0),
            "a time from actuals counts the work results behind it", WARNING,
        ),
        holds(
            frame, "actuals_only_from_actuals",
            pl.col("act_run_time").is_null() | (pl.col("sample_count") > 0),
            "an A run time comes from work results, which are counted", WARNING,
        ),
        share(
            frame, "unknown_time_share",
            AtMost(0.10, pl.col("run_time").is_null(), of=pl.col("inside") == INHOUSE),
            "more than 90 % of in-house operations have a time", "run_time",
        ),
    ]  # fmt: skip


def resource_rules() -> list[Rule]:
    """Rules for the alternative resources of a job."""
    frame = RESOURCE_ALTERNATIVES.name

    def ranks(scope: Scope) -> pl.LazyFrame:
        jobs = scope[frame].group_by("job_cd").agg(
            last=pl.col("alternative_rank").max(), alternatives=pl.col("alternative_rank").n_unique(), n=pl.len()
        )  # fmt: skip
        return jobs.group_by("last", "alternatives", "n").agg(pl.len().alias(ROWS))

    return [
        *contract_rules(RESOURCE_ALTERNATIVES, ranges={"use_share": _UNIT}),
        whole_range(frame, "alternative_rank", 1, None, "1 is the most used"),
        whole_range(frame, "use_count", 0, None, "a count"),
        Rule(
            frame, "ranks_without_gap", "equal", ("last", "n"), Table("ranks", ranks), CRITICAL,
            "a job's resources are ranked from 1 without a gap (rows count jobs)", column="alternative_rank",
        ),
    ]  # fmt: skip


def evidence_rules() -> list[Rule]:
    """Rules for the evidence behind the candidates."""
    frame = CANDIDATE_EVIDENCE.name
    check = "candidate_known"

    def table(scope: Scope) -> pl.LazyFrame:
        rows = scope[frame].group_by(_CANDIDATE).agg(pl.len().alias(ROWS))
        known = scope[CANDIDATES.name].select(*_CANDIDATE, hit=pl.lit(True))
        joined = rows.join(known, on=_CANDIDATE, how="left")
        return joined.group_by(pl.col("hit").is_not_null().alias(check)).agg(pl.col(ROWS).sum())

    def offenders(scope: Scope) -> pl.LazyFrame:
        known = scope[CANDIDATES.name].select(_CANDIDATE)
        return scope[frame].select(_CANDIDATE).unique().join(known, on=_CANDIDATE, how="anti")

    return [
        *contract_rules(CANDIDATE_EVIDENCE, ranges={"similarity": _UNIT, "weight": _UNIT}),
        row_count(frame, 1, WARNING, meaning="candidates can be explained"),
        whole_range(frame, "evidence_rank", 1, None, "1 is the strongest"),
        holds(
            frame, "neighbour_is_another_item", pl.col("neighbour_item_cd") != pl.col("item_cd"),
            "an item is no evidence for itself",
        ),
        Rule(
            frame, check, "in_set", (check,), Table("known_candidate", table, offenders), CRITICAL,
            "every line of evidence belongs to a candidate", values=(True,),
        ),
    ]  # fmt: skip


def abstained_rules() -> list[Rule]:
    """Rules for items on which the model abstained."""
    return contract_rules(ABSTAINED, ranges={"best_similarity": _UNIT})
