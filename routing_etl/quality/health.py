"""The health of the ERP's data: what an integrator looks at first, before anything is learned. It mends and stops nothing.

Each check has a population (in-house operations of valid routings, items, routings, measured times) in which some rows are
touched. Counts are told for the whole plant and by planner, family and plant (item attributes that the source profile
names) and by work centre, with ten examples. What a finding costs the predictions is told as the share of the data that
they learn from, and for the whole plant as the champion's accuracy on judged items with it and without (`health_cost`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

import polars as pl

from routing_etl.frames import INHOUSE, AttributeSpec, key_of
from routing_etl.quality.health_cost import Judged, effect
from routing_etl.quality.what_decides import lacking, worth_of

#: Examples of a finding, segments shown per check and dimension, and rows that a segment needs to be shown.
EXAMPLES, SEGMENTS, LEAST = 10, 20, 5
#: Days of a year.
_YEAR = 365.25
#: Factors between a measured time and its standard that a wrong unit or quantity makes, and how near one must come (ln).
UNIT_FACTORS = {
    "minutes and hours": 60.0, "hours and minutes": 1 / 60, "tens": 10.0, "a tenth": 0.1, "hundreds": 100.0,
    "a hundredth": 0.01,
}  # fmt: skip
_NEAR = 0.3
#: Share of the measured times of a job or work centre near one factor for its unit to be in doubt, and times needed.
_UNIT_SHARE, _UNIT_LEAST = 0.5, 5


@dataclass(frozen=True)
class Check:
    """One question to the data.

    Attributes
    ----------
    name : str
        Name in tables.
    title : str
        Name for people.
    unit : str
        What is counted.
    meaning : str
        What a touched row is.
    remedy : str
        What to do about it.
    """

    name: str
    title: str
    unit: str
    meaning: str
    remedy: str


CHECKS: dict[str, Check] = {
    c.name: c
    for c in (
        Check(
            "duplicate_operation_numbers", "duplicate operation numbers", "operations",
            "Operation number that occurs more than once in its routing; the newest row was kept, the others rejected.",
            "Remove or renumber the repeated rows in the ERP, or name the missing part of the key in the profile.",
        ),
        Check(
            "dead_work_centres", "work centres out of use", "operations",
            "Operation of a valid routing on a work centre that the machine master calls out of use, or of which nothing was "
            "reported for years.",
            "Replace the work centre in these routings, or end their validity.",
        ),
        Check(
            "missing_run_time", "no run time", "operations",
            "In-house operation whose standard run time is empty or 0.",
            "Maintain it: standard_time_review proposes one where orders were reported.",
        ),
        Check(
            "missing_setup_time", "no set-up time", "operations",
            "In-house operation whose standard set-up time is empty or 0.",
            "Maintain it where the operation is set up, or let it be where it is not.",
        ),
        Check(
            "old_standards", "old standards", "operations",
            "In-house operation whose row in the routing was written years ago; those without a date are not counted.",
            "Begin with those in standard_time_review that differ for sure.",
        ),
        Check(
            "backflushed", "posted, not measured", "measured times",
            "Measured time whose reports repeat the standard, or one number: posted automatically, so they prove nothing.",
            "Ask for measured times where it matters; such reports are used for no proposal.",
        ),
        Check(
            "wrong_units", "wrong unit or quantity", "measured times",
            "Measured time near 60, 100 or 10 times its standard or the reverse, on a job or work centre where most are.",
            "Set unit, basis or quantity of these rows in the source profile; until then their times are in doubt.",
        ),
        Check(
            "undecided_items", "items without what decides", "items",
            "Item whose columns lack a tenth and more of what decides about routings of its kind, by what the champion learned: "
            "numbers that half of the kind's items have, codes and words that nine in ten have.",
            "Fill the attributes that the examples name; a size that stands in a text of the item is read from there meanwhile.",
        ),
        Check(
            "unused_routings", "routings that nobody used", "routings",
            "Valid routing with in-house work, older than a year, that no work result belongs to.",
            "End their validity where they are obsolete; they are learned from like any other.",
        ),
        Check(
            "jobs_with_two_codes", "jobs with two codes", "operations",
            "Operation whose job name belongs to several job codes, under a code that is not the most used one.",
            "Agree on one code, or tell which replaced which.",
        ),
    )
}  # fmt: skip


@dataclass(frozen=True)
class HealthRules:
    """What the source profile and the model say.

    Attributes
    ----------
    dimensions : mapping of str to str
        'planner', 'family', 'plant' to the item attribute that names it; what is not named is left out.
    old_years, idle_years : float
        From which age on a standard is old, and a work centre without reports dead.
    pool_words : sequence of str
        Words in the name of a waiting pool, which is no machine.
    importance : mapping of str to float or None
        Attribute to its share of what was learned, of the champion; None: there is no champion that says so.
    """

    dimensions: Mapping[str, str] = field(default_factory=dict)
    old_years: float = 5.0
    idle_years: float = 2.0
    pool_words: Sequence[str] = ()
    importance: Mapping[str, float] | None = None


@dataclass(frozen=True)
class Source:
    """What is examined: ITEMS, OPERATIONS, WORK_RESULTS, the REJECTS of operations, STANDARD_TIMES, the attributes, and the champion's judged items."""

    items: pl.LazyFrame
    operations: pl.LazyFrame
    results: pl.LazyFrame
    rejected: pl.LazyFrame
    standard_times: pl.LazyFrame
    attributes: tuple[AttributeSpec, ...]
    judged: Judged = field(default_factory=Judged)


@dataclass(frozen=True)
class Finding:
    """What one check found in one segment.

    Attributes
    ----------
    check, title, unit, meaning, remedy : str
        Of the check.
    dimension, segment : str
        'all' and 'all', or what the rows are told by, and its value.
    touched, whole : int or None
        Rows touched, and rows looked at; None when it was not measured.
    share : float or None
        The one over the other.
    cost : str
        What it costs the predictions.
    examples : tuple of str
        Up to ten.
    reason : str
        Why it was not measured.
    """

    check: str
    title: str
    unit: str
    meaning: str
    remedy: str
    dimension: str
    segment: str
    touched: int | None
    whole: int | None
    share: float | None
    cost: str
    examples: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True)
class _Rows:
    """The population of a check: `item_key`, `res_cd`, `touched`, `example`; or why there is none."""

    frame: pl.DataFrame | None
    reason: str = ""


def examine(source: Source, rules: HealthRules) -> tuple[Finding, ...]:
    """Run every check.

    Parameters
    ----------
    source : Source
        The cleaned frames of a run, and its review of standard times.
    rules : HealthRules
        Dimensions, ages, and what decides.

    Returns
    -------
    tuple of Finding
        Per check the whole plant first, then the segments with most touched rows.
    """
    items = _segments_of_items(source.items, rules)
    operations = _operations(source)
    newest: date | None = source.results.select(pl.col("report_dt").max()).collect().item()
    as_of: date | None = newest or operations.select(pl.col("written").max()).item()
    populations = {
        "duplicate_operation_numbers": _duplicates(source, operations),
        "dead_work_centres": _dead(source, operations, rules, newest),
        "missing_run_time": _flag(operations, pl.col("run_min").is_null()),
        "missing_setup_time": _flag(operations, pl.col("setup_min").is_null()),
        "old_standards": _old(operations, as_of, rules.old_years),
        "backflushed": _posted(source),
        "wrong_units": _units(source),
        "undecided_items": _undecided(source, rules),
        "unused_routings": _unused(source, operations, newest),
        "jobs_with_two_codes": _two_codes(operations),
    }
    found: list[Finding] = []
    for name, rows in populations.items():
        found += _findings(CHECKS[name], rows, items, source.judged)
    return tuple(found)


# --- populations -------------------------------------------------------------------------------------------------------


def _segments_of_items(items: pl.LazyFrame, rules: HealthRules) -> pl.DataFrame:
    known = items.collect_schema()
    names = {d: a for d, a in rules.dimensions.items() if a in known}
    return items.select("item_key", *(pl.col(a).cast(pl.String).alias(d) for d, a in names.items())).collect()


def _operations(source: Source) -> pl.DataFrame:
    """In-house operations of valid routings; a standard of 0 is none."""
    return (
        source.operations.filter("rout_valid", pl.col("inside") == INHOUSE)
        .select(
            "item_key", "rout_no", "proc_seq", "job_cd", "job_nm", "res_cd", "res_nm", _res_was(source.operations),
            *(pl.when(pl.col(m) > 0).then(pl.col(m)).alias(m) for m in ("setup_min", "run_min")),
            written=pl.col("insrt_dt").cast(pl.Date), rout_date=pl.col("rout_date").cast(pl.Date),
        )
        .collect(engine="streaming")
    )  # fmt: skip


def _res_was(operations: pl.LazyFrame) -> pl.Expr:
    """The machine out of use that the routing names; runs of earlier versions do not say."""
    known = "res_was" in operations.collect_schema()
    return pl.col("res_was") if known else pl.lit(None, dtype=pl.String).alias("res_was")


_OPERATION = pl.format("{} / {} / {}", "item_key", "rout_no", "proc_seq")


def _flag(operations: pl.DataFrame, touched: pl.Expr, example: pl.Expr = _OPERATION) -> _Rows:
    if operations.is_empty():
        return _Rows(None, "there is no in-house operation of a valid routing")
    return _Rows(operations.select("item_key", "res_cd", touched=touched.fill_null(False), example=example))


def _duplicates(source: Source, operations: pl.DataFrame) -> _Rows:
    """Kept operations, and the rejected repeats of theirs as touched ones."""
    repeats = (
        source.rejected.filter(pl.col("rule") == "duplicate_key")
        .select(example="row_key", item_key=key_of(pl.col("row_key").str.split(" / ").list.first()))
        .collect()
    )
    kept = operations.select("item_key", "res_cd", touched=pl.lit(False), example=_OPERATION)
    if kept.is_empty() and repeats.is_empty():
        return _Rows(None, "there is no in-house operation of a valid routing")
    repeated = repeats.select(
        "item_key", pl.lit(None, pl.String).alias("res_cd"), touched=pl.lit(True), example="example"
    )
    return _Rows(pl.concat([kept, repeated]))


def _dead(source: Source, operations: pl.DataFrame, rules: HealthRules, newest: date | None) -> _Rows:
    """Operations on machines out of use: by the machine master, and by what was reported, where that is known."""
    out = operations.filter(pl.col("res_was").is_not_null())
    idle = _idle(source, operations.filter(pl.col("res_was").is_null()), rules, newest)
    if out.is_empty():
        return idle
    today = pl.coalesce(pl.format(", {} instead", "res_cd"), pl.lit(""))
    told = pl.format("{} (out of use{}): {}", "res_was", today, _OPERATION)
    named = out.select("item_key", pl.col("res_was").alias("res_cd"), touched=pl.lit(True), example=told)
    others = idle.frame
    if others is None:  # what was reported does not tell
        rest = operations.filter(pl.col("res_was").is_null() & pl.col("res_cd").is_not_null())
        others = rest.select("item_key", "res_cd", touched=pl.lit(False), example=_OPERATION)
    return _Rows(pl.concat([named, others]))


def _idle(source: Source, operations: pl.DataFrame, rules: HealthRules, newest: date | None) -> _Rows:
    """Operations on work centres of which nothing was reported, and no routing written, for years."""
    if newest is None:
        return _Rows(None, "no work result has a date, so the last use of a work centre is not known")
    last = (
        source.results.filter(pl.col("res_cd").is_not_null())
        .group_by("res_cd").agg(last=pl.col("report_dt").max())
        .collect(engine="streaming")
    )  # fmt: skip
    if last.is_empty():
        return _Rows(None, "no work result names a work centre, so their last use is not known")
    pool: pl.Expr = pl.lit(False)
    for word in rules.pool_words:
        for column in ("res_cd", "res_nm"):
            pool = pool | pl.col(column).str.contains(word, literal=True).fill_null(False)
    machines = operations.filter(pl.col("res_cd").is_not_null() & ~pool)
    if machines.is_empty():
        return _Rows(None, "no in-house operation names a work centre")
    limit = newest - timedelta(days=round(rules.idle_years * _YEAR))
    # A routing that was written lately is a use too: a new machine has no reports yet.
    planned = machines.group_by("res_cd").agg(planned=pl.col("written").max())
    dated = machines.join(last, on="res_cd", how="left").join(planned, on="res_cd", how="left")
    used = pl.max_horizontal("last", "planned")
    told = pl.format(
        "{} (last report {}): {}", "res_cd", pl.col("last").cast(pl.String).fill_null("never"), _OPERATION
    )
    return _flag(dated, (used < limit).fill_null(False), told)


def _old(operations: pl.DataFrame, as_of: date | None, years: float) -> _Rows:
    dated = operations.filter(pl.col("written").is_not_null())
    if as_of is None or dated.is_empty():
        return _Rows(None, "no routing row has a readable date")
    limit = as_of - timedelta(days=round(years * _YEAR))
    told = pl.format("{} (written {})", _OPERATION, pl.col("written").cast(pl.String))
    return _flag(dated, pl.col("written") < limit, told)


def _measured(source: Source) -> pl.DataFrame:
    return source.standard_times.select(
        "item_key",
        "rout_no",
        "proc_seq",
        "measure",
        "job_cd",
        "res_cd",
        "verdict",
        "ratio",
        "standard_min",
        "orders",
    ).collect()


def _posted(source: Source) -> _Rows:
    judged = _measured(source).filter(pl.col("verdict") != "few_orders")
    if judged.is_empty():
        return _Rows(None, "no operation has enough orders with times")
    told = pl.format("{} {} ({} orders)", _OPERATION, "measure", "orders")
    return _flag(judged, pl.col("verdict") == "posted", told)


def _units(source: Source) -> _Rows:
    compared = _measured(source).filter(pl.col("ratio") > 0)
    if compared.is_empty():
        return _Rows(None, "no operation has both a standard and a measured time")
    factor: pl.Expr = pl.lit(None, pl.String)
    for name, size in UNIT_FACTORS.items():
        near = (pl.col("ratio") / size).log().abs() <= _NEAR
        factor = pl.when(near).then(pl.lit(name)).otherwise(factor)
    compared = compared.with_columns(factor=factor)
    doubtful: pl.Expr = pl.lit(False)
    for group in ("job_cd", "res_cd"):
        alike = pl.len().over("measure", group, "factor") / pl.len().over("measure", group)
        enough = pl.len().over("measure", group) >= _UNIT_LEAST
        doubtful = doubtful | ((alike >= _UNIT_SHARE) & enough & pl.col(group).is_not_null())
    touched = pl.col("factor").is_not_null() & doubtful
    told = pl.format("{} {} ({} times the standard)", _OPERATION, "measure", pl.col("ratio").round(3))
    return _flag(compared, touched, told)


def _undecided(source: Source, rules: HealthRules) -> _Rows:
    if rules.importance is None:
        return _Rows(
            None,
            "what decides is not known yet: it is what the champion learned, and there is none that says so",
        )
    worth = worth_of(source.items, source.attributes, rules.importance)
    if not worth:
        return _Rows(
            None, "the champion learned from texts alone, or from attributes that the items have no longer"
        )
    kind = rules.dimensions.get("family")
    found = lacking(source.items, worth, kind if kind in source.items.collect_schema() else None)
    items = found.select(
        "item_key",
        pl.lit(None, pl.String).alias("res_cd"),
        touched="touched",
        example=pl.format("{} (without {})", "item_key", "gaps"),
    )
    return _Rows(items) if items.height else _Rows(None, "there is no item")


def _unused(source: Source, operations: pl.DataFrame, newest: date | None) -> _Rows:
    if newest is None:
        return _Rows(None, "no work result has a date, so it is not known which routings are used")
    named = pl.col("match_level") == "routing"
    by_name = source.results.filter(named).select("item_key", "rout_no").unique().collect(engine="streaming")
    nameless = source.results.filter(~named).select("item_key").unique().collect(engine="streaming")
    routings = operations.group_by("item_key", "rout_no").agg(
        pl.col("rout_date").max(), pl.col("res_cd").first()
    )
    old = routings.filter(pl.col("rout_date") < newest - timedelta(days=365))
    if old.is_empty():
        return _Rows(None, "no routing is known to be older than a year")
    marked = old.join(by_name.with_columns(used=pl.lit(True)), on=["item_key", "rout_no"], how="left").join(
        nameless.with_columns(perhaps=pl.lit(True)), on="item_key", how="left"
    )
    unused = pl.col("used").is_null() & pl.col("perhaps").is_null()
    told = pl.format("{} / {} (of {})", "item_key", "rout_no", pl.col("rout_date").cast(pl.String))
    return _flag(marked, unused, told)


def _two_codes(operations: pl.DataFrame) -> _Rows:
    named = operations.filter(pl.col("job_nm").is_not_null() & pl.col("job_cd").is_not_null())
    if named.is_empty():
        return _Rows(None, "no operation has both a job code and a job name")
    uses = (
        named.with_columns(name=key_of(pl.col("job_nm")))
        .group_by("name", "job_cd").len()
        .sort("name", "len", "job_cd", descending=[False, True, False])
    )  # fmt: skip
    several = (
        uses.group_by("name", maintain_order=True)
        .agg(pl.col("job_cd"), pl.col("len"))
        .filter(pl.col("job_cd").list.len() > 1)
    )
    minor = (
        several.with_columns(main=pl.col("job_cd").list.first())
        .explode("job_cd", "len")
        .filter(pl.col("job_cd") != pl.col("main"))
    )
    joined = named.with_columns(name=key_of(pl.col("job_nm"))).join(
        minor.select("name", "job_cd", "main"), on=["name", "job_cd"], how="left"
    )
    told = pl.format("{}: {} beside {}", pl.col("job_nm"), "job_cd", pl.col("main").fill_null("?"))
    return _flag(joined, pl.col("main").is_not_null(), told)


# --- counting ----------------------------------------------------------------------------------------------------------


def _findings(check: Check, rows: _Rows, items: pl.DataFrame, judged: Judged) -> list[Finding]:
    base = (check.name, check.title, check.unit, check.meaning, check.remedy)
    if rows.frame is None:
        return [Finding(*base, "all", "all", None, None, None, "not measured", (), rows.reason)]
    behind = rows.frame["item_key"].n_unique()
    touched = rows.frame.filter("touched")
    share = touched.height / rows.frame.height
    cost = _cost(touched, behind)
    if touched.height:
        cost += f"; {effect(check.name, touched['item_key'], rows.frame['item_key'], judged)}"
    whole = (touched.height, rows.frame.height, share, cost, _examples(touched))
    found = [Finding(*base, "all", "all", *whole)]
    named = rows.frame.join(items, on="item_key", how="left").rename({"res_cd": "work_centre"})
    for dimension in (*(c for c in items.columns if c != "item_key"), "work_centre"):
        counted = (
            named.filter(pl.col(dimension).is_not_null())
            .group_by(dimension)
            .agg(touched=pl.col("touched").sum(), whole=pl.len())
            .filter((pl.col("touched") > 0) & (pl.col("whole") >= LEAST))
            .sort("touched", dimension, descending=[True, False])
            .head(SEGMENTS)
        )
        of_segment = named.filter("touched", pl.col(dimension).is_in(counted[dimension].implode()))
        parts = of_segment.partition_by(dimension, as_dict=True)
        for segment, n, of in counted.iter_rows():
            part = parts[(segment,)]
            found.append(
                Finding(
                    *base, dimension, segment, int(n), int(of), n / of, _cost(part, behind), _examples(part)
                )
            )  # fmt: skip
    return found


def _examples(touched: pl.DataFrame) -> tuple[str, ...]:
    """The first ten different ones in order of the alphabet."""
    return tuple(touched["example"].drop_nulls().unique().bottom_k(EXAMPLES).sort())


def _cost(touched: pl.DataFrame, items: int) -> str:
    """Share of the items behind what was looked at."""
    if touched.is_empty():
        return "nothing"
    found = touched["item_key"].n_unique()
    return f"touches {found:,} of {items:,} items ({found / items:.1%})"


# --- as a table --------------------------------------------------------------------------------------------------------


def as_frame(findings: Iterable[Finding]) -> pl.DataFrame:
    """The findings as a table, examples with bars between them.

    Parameters
    ----------
    findings : iterable of Finding
        As `examine` returns them.
    """
    texts = ("check", "title", "dimension", "segment")
    schema = dict.fromkeys(texts, pl.String) | {"touched": pl.Int64, "whole": pl.Int64, "share": pl.Float64}
    schema |= dict.fromkeys(("unit", "cost", "examples", "reason", "meaning", "remedy"), pl.String)
    rows = [
        {**{n: getattr(f, n) for n in schema if n != "examples"}, "examples": " | ".join(f.examples)}
        for f in findings
    ]
    return pl.DataFrame(rows, schema=schema)
