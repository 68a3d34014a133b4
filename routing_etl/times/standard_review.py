"""The review of standard times: each operation of a valid routing, its standard in the ERP, and what orders really took.

A report counts for the routing that it names. One that names none counts where the item has a single valid routing with
this operation and job; where several could claim it, it is left out and counted. So is a report of a machine that is out of use
by the machine master: the work is done on another one now.

Per operation and measure (`run` in minutes per piece at the usual lot, `setup` in minutes per order):

* Entry errors and outliers are out already (`samples.py`). If the level of the reports changed, only those since the
  last change count; a mixture of two levels would be the time of neither.
* The measured time is their median, newer reports weighing more (`pooled.age_weights`), with the interval and the test of
  `review_statistics.py`.
* It differs for sure when the interval excludes the standard by more than the tolerance, and the sign test against the
  tolerance stays significant among all operations tested (false discovery rate).
* Reports that mostly repeat the standard, or one and the same number per piece or per order, were posted and not measured:
  they prove nothing.
* A proposal is the median rounded as the ERP's own standards are, or finer where that would leave the interval. There is
  none from few orders, from posted reports, or beyond the largest step, which is more often a wrong unit than a wrong
  standard.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
import polars as pl

from routing_etl.frames import INHOUSE, REVIEW_VERDICTS, STANDARD_TIMES
from routing_etl.shards import in_shard
from routing_etl.times.erp_numbers import in_erp_numbers
from routing_etl.times.pooled import FACTORS, MEASURES, NO_DATE, age_weights, with_factors
from routing_etl.times.review_statistics import (
    LEAST_FOR_CHANGE,
    false_discovery,
    last_levels,
    median_interval,
    sign_test,
)
from routing_etl.times.statistics import FloatArray, SortedGroups

#: Samples held in memory at once.
_SAMPLES_AT_ONCE = 2_000_000
#: Two times are one number when they are this close, relative, or within this many minutes per order (rounding).
_SAME, _SAME_MIN = 0.005, 0.01
#: Share of the reports that repeat the standard, and that repeat one number, from which they count as posted.
_POSTED, _CONSTANT = 0.5, 0.8
#: Steps in minutes in which standards are written; 0.6 and 0.06 are a hundredth and a thousandth of an hour.
_GRIDS = (
    60.0, 30.0, 15.0, 10.0, 5.0, 1.0, 0.6, 0.5, 0.25, 0.1, 0.06, 0.05, 0.01, 0.006, 0.005, 0.001, 0.0005, 0.0001,
)  # fmt: skip
#: Share of the standards that are multiples of a step for it to be the plant's, and standards needed to tell.
_ON_GRID, _LEAST_STANDARDS, _FINE = 0.95, 20, 0.01
_YEAR = timedelta(days=365)
_HOUR = 60.0
_EACH = ["item_key", "proc_seq", "job_cd"]


@dataclass(frozen=True)
class ReviewRules:
    """When a difference counts, and when a new standard is proposed.

    Parameters
    ----------
    tolerance : float, default 0.1
        A measured time within this share of the standard is as good as the standard.
    false_share : float, default 0.05
        Largest expected share of false alarms among the differences called sure.
    min_orders : int, default 6
        Fewest orders behind an interval.
    largest_step : float, default 3.0
        Largest factor between a proposal and the standard, either way.
    half_life_days : float, default 1500.0
        A report counts half as much as one that is this many days newer (`TimeBasis`).
    """

    tolerance: float = 0.1
    false_share: float = 0.05
    min_orders: int = 6
    largest_step: float = 3.0
    half_life_days: float = 1500.0


@dataclass(frozen=True)
class ReviewReport:
    """What a review found: counts of operations by measure and verdict.

    Attributes
    ----------
    operations : int
        In-house operations of valid routings.
    measured : int
        Of these times two (set-up and run), those with at least one usable report.
    verdicts : dict of str to int
        The measured ones by verdict (`REVIEW_VERDICTS`).
    proposals : int
        Rows with a proposed standard.
    hours_year : float
        Planned hours a year that the proposals for existing standards move, added and removed ones together.
    hours_first : float
        Planned hours a year that first standards add where there are none.
    unattributed : int
        Reports without a routing number that several valid routings of their item could claim.
    machine_gone : int
        Reports of machines that are out of use, which are left out.
    other_numbers : int
        Operations that the ERP knows by a number that `proc_seq` cannot show: nothing is proposed for them.
    grid_min : dict of str to float
        Step in minutes in which the ERP's standards are written, by measure.
    as_of : datetime.date or None
        Day of the plant's newest report; the year before it is the one that hours are counted in.
    """

    operations: int
    measured: int
    verdicts: dict[str, int]
    proposals: int
    hours_year: float
    hours_first: float
    unattributed: int
    grid_min: dict[str, float]
    as_of: date | None
    machine_gone: int = 0
    other_numbers: int = 0


@dataclass(frozen=True)
class Evidence:
    """What a review reads: samples of `times/time_samples.parquet`, OPERATIONS, TIME_BY_ITEM_OPERATION.

    `renumbered`: `proc_seq` is the place of an operation, and `oper_no` what the ERP calls it.
    """

    samples: pl.LazyFrame
    operations: pl.LazyFrame
    own: pl.LazyFrame
    renumbered: bool = False


def review_standards(evidence: Evidence, rules: ReviewRules) -> tuple[pl.DataFrame, ReviewReport]:
    """Compare the standard times of valid routings with what was measured.

    Parameters
    ----------
    evidence : Evidence
        Reports and standards.
    rules : ReviewRules
        Tolerance and guards.

    Returns
    -------
    tuple of polars.DataFrame and ReviewReport
        A STANDARD_TIMES frame, one row per operation and measure with a usable report, sorted by its key; and the counts.
    """
    standards = standards_of(evidence.operations)
    left_out = _of_machines_gone(evidence.samples).sum()
    n_samples, as_of, gone = (
        evidence.samples.select(pl.len(), pl.col("report_dt").max(), left_out.alias("gone")).collect().row(0)
    )
    parts = max(1, -(-int(n_samples) // _SAMPLES_AT_ONCE))
    rows, unattributed = [], 0
    for part in range(parts):
        samples = evidence.samples.filter(in_shard(part, parts)) if parts > 1 else evidence.samples
        reports, unclaimed = attributed(samples, standards)
        unattributed += unclaimed
        year = _year(reports, as_of)
        rows += [_measured(reports, standards, m, rules).join(year, on="op", how="left") for m in MEASURES]
    measured = pl.concat(rows)
    grid = {m: _grid(standards[f"{m}_min"]) for m in MEASURES}
    named = measured.join(standards.drop("setup_min", "run_min"), on="op").join(
        _lots(evidence.own), on=_EACH, how="left"
    )
    frame = _judged(named, rules, grid).with_columns(pl.selectors.categorical().cast(pl.String))
    frame = STANDARD_TIMES.conform(frame.select(STANDARD_TIMES.names))
    frame, other = in_erp_numbers(frame, evidence.operations) if evidence.renumbered else (frame, 0)
    frame = frame.sort(STANDARD_TIMES.key)
    report = _report(frame, standards.height, unattributed, grid, as_of)
    return frame, replace(report, machine_gone=int(gone), other_numbers=other)


def _of_machines_gone(samples: pl.LazyFrame) -> pl.Expr:
    """Whether a report is of a machine out of use; runs of earlier versions do not say."""
    known = "machine_gone" in samples.collect_schema()
    return pl.col("machine_gone").fill_null(False) if known else pl.lit(False)


def _report(
    frame: pl.DataFrame, operations: int, unattributed: int, grid: dict[str, float], as_of: date | None
) -> ReviewReport:
    counted = dict(frame.group_by("verdict").len().iter_rows())
    proposed = frame.filter(pl.col("proposed_min").is_not_null())
    first = pl.col("verdict") == "no_standard"
    changes, firsts = (float(proposed.filter(f)["hours_year"].abs().sum()) for f in (~first, first))
    return ReviewReport(
        operations=operations,
        measured=frame.height,
        verdicts={v: int(counted.get(v, 0)) for v in REVIEW_VERDICTS},
        proposals=proposed.height,
        hours_year=round(changes, 1),
        hours_first=round(firsts, 1),
        unattributed=unattributed,
        grid_min=grid,
        as_of=as_of,
    )


# --- whose report is it ----------------------------------------------------------------------------------------------


def standards_of(operations: pl.LazyFrame) -> pl.DataFrame:
    """The in-house operations of valid routings, numbered (`op`), with their standards; 0 is NULL.

    Parameters
    ----------
    operations : polars.LazyFrame
        OPERATIONS frame.
    """
    keys = ("item_key", "rout_no", "job_cd")
    return (
        operations.filter("rout_valid", pl.col("inside") == INHOUSE, pl.col("job_cd").is_not_null())
        .select(
            "item_cd", *(pl.col(k).cast(pl.Categorical) for k in keys), "proc_seq", "job_nm", "res_cd",
            *(pl.when(pl.col(f"{m}_min") > 0).then(pl.col(f"{m}_min")).alias(f"{m}_min") for m in MEASURES),
            standard_date=pl.col("insrt_dt").cast(pl.Date),
        )
        .collect(engine="streaming")
        .with_row_index("op")
    )  # fmt: skip


def attributed(samples: pl.LazyFrame, standards: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """The reports with the operation (`op`) that each belongs to, and how many several routings could claim.

    Parameters
    ----------
    samples : polars.LazyFrame
        Samples of `times/time_samples.parquet`.
    standards : polars.DataFrame
        As `standards_of` returns them.
    """
    codes = ("item_key", "rout_no", "job_cd")
    reports = (
        with_factors(samples)
        .filter(~_of_machines_gone(samples))
        .with_columns(pl.col(c).cast(pl.Categorical) for c in codes)
        .collect(engine="streaming")
    )
    named, unnamed = (reports.filter(pl.col("rout_no").is_not_null() == known) for known in (True, False))
    claims = standards.select("op", "rout_no", *_EACH)
    single = claims.with_columns(claimants=pl.len().over(_EACH))
    by_routing = named.join(claims, on=["rout_no", *_EACH])
    by_operation = unnamed.drop("rout_no").join(single.drop("rout_no"), on=_EACH)
    several = pl.col("claimants") > 1
    unclaimed = unnamed.join(single.filter(several).select(_EACH).unique(), on=_EACH, how="semi").height
    columns = [
        "op",
        "report_dt",
        "setup_min",
        "run_min",
        "setup_removed",
        "run_removed",
        "pieces",
        "run_min_at_lot",
        *FACTORS.values(),
    ]
    return pl.concat([by_routing.select(columns), by_operation.filter(~several).select(columns)]), unclaimed


def _year(reports: pl.DataFrame, as_of: date | None) -> pl.DataFrame:
    """Per operation: first and last report, and orders and pieces of the last year, entry errors included."""
    inside = pl.col("report_dt") > (as_of - _YEAR) if as_of is not None else pl.lit(False)
    pieces = pl.col("pieces").filter(inside)
    return reports.group_by("op").agg(
        first_report=pl.col("report_dt").min(),
        last_report=pl.col("report_dt").max(),
        orders_year=inside.fill_null(False).sum().cast(pl.Int64),
        pieces_year=pl.when(pieces.count() > 0).then(pieces.sum()),
    )


def _lots(own: pl.LazyFrame) -> pl.DataFrame:
    return (
        own.select(*_EACH, "run_lot", "run_lot_exponent")
        .with_columns(pl.col("item_key", "job_cd").cast(pl.Categorical))
        .collect(engine="streaming")
    )


# --- what was measured -----------------------------------------------------------------------------------------------


def _measured(
    reports: pl.DataFrame, standards: pl.DataFrame, measure: str, rules: ReviewRules
) -> pl.DataFrame:
    """Per operation with a usable report: median, interval, test, orders, and where the level changed."""
    raw = pl.col(f"{measure}_min")
    found = reports.filter(raw > 0).select(
        "op", day="report_dt", raw=raw, value=pl.coalesce("run_min_at_lot", raw) if measure == "run" else raw,
        covered=pl.col("pieces").fill_null(1.0) if measure == "run" else pl.lit(1.0), kept=~pl.col(f"{measure}_removed"),
        factor=FACTORS[measure],
    )  # fmt: skip
    # Where nothing was kept, the reports still show whether they were posted, or in another unit; no order is behind them.
    levels = last_levels(_kept_or_all(found))
    # Where an operation's own reports do not show since when it takes longer, those of its machine or job may.
    cut = pl.col("op").is_in(levels.changes["op"].implode())
    level = pl.when(cut).then(1.0).otherwise("factor")
    used = levels.reports.with_columns(pl.col("value") * level).sort("op", "value")
    per_op = used.group_by("op", maintain_order=True).agg(
        orders=pl.len().cast(pl.Int64),
        newest=pl.col("day").max(),
        per_piece=pl.col("raw").median(),
        per_order=(pl.col("raw") * pl.col("covered")).median(),
        kept=pl.col("kept").all(),
    )
    standard = standards[f"{measure}_min"].gather(per_op["op"])
    per_op = per_op.with_columns(standard.alias("standard_min"))
    groups = _groups(used, per_op, rules)
    low, high = median_interval(groups)
    reference = per_op["standard_min"].cast(pl.Float64).fill_null(float("nan")).to_numpy()
    band = reference / (1 + rules.tolerance), reference * (1 + rules.tolerance)
    p_value = sign_test(groups, *band)
    named = per_op.drop("newest", "per_piece", "per_order").with_columns(
        *_repeated(used, per_op, groups),
        pl.col("orders").alias("seen"),
        pl.lit(measure).alias("measure"),
        pl.Series("measured_min", groups.weighted_quantile(0.5)),
        pl.Series("low_min", low, nan_to_null=True),
        pl.Series("high_min", high, nan_to_null=True),
        pl.Series("p_value", p_value, nan_to_null=True),
    )
    behind = pl.col("kept")
    named = named.with_columns(
        orders=pl.when(behind).then("orders").otherwise(0),
        **{n: pl.when(behind).then(n) for n in ("low_min", "high_min", "p_value")},
    ).drop("kept")
    every = found.group_by("op").agg(
        orders_all=behind.sum().cast(pl.Int64),
        dated=(behind & pl.col("day").is_not_null()).sum().cast(pl.Int64),
    )
    return named.join(every, on="op", how="left").join(levels.changes, on="op", how="left")


def _kept_or_all(found: pl.DataFrame) -> pl.DataFrame:
    """The reports that were kept; all of an operation that has none."""
    some = found.filter("kept").select("op").unique()
    return pl.concat([found.filter("kept"), found.filter(~pl.col("kept")).join(some, on="op", how="anti")])


def _repeated(used: pl.DataFrame, per_op: pl.DataFrame, groups: SortedGroups) -> list[pl.Series]:
    """Share of each operation's reports that are the standard, and that are one number per piece or per order.

    Equal but for rounding. Rows of `used` and `groups` are in the same order of operations.
    """
    raw, covered = used["raw"].to_numpy(), used["covered"].to_numpy()

    def share(minutes: FloatArray, units: FloatArray) -> FloatArray:
        number = groups.spread(minutes) / units
        gap = np.abs(raw - number)
        same = (gap <= _SAME * number) | (gap * covered <= _SAME_MIN)
        return groups.total(same) / groups.size

    one = np.ones(len(raw))
    standard, per_piece, per_order = (
        per_op[c].cast(pl.Float64).fill_null(float("nan")).to_numpy()
        for c in ("standard_min", "per_piece", "per_order")
    )
    constant = np.maximum(share(per_piece, one), share(per_order, covered))
    return [pl.Series("posted", share(standard, one)), pl.Series("constant", constant)]


def _groups(used: pl.DataFrame, per_op: pl.DataFrame, rules: ReviewRules) -> SortedGroups:
    """The values as sorted groups, weighted by age within each operation."""
    size = per_op["orders"].to_numpy()
    days = used["day"].to_physical().fill_null(NO_DATE).to_numpy()
    newest = np.repeat(per_op["newest"].to_physical().fill_null(NO_DATE).to_numpy(), size)
    weight = age_weights(days, newest, rules.half_life_days)
    return SortedGroups.weighted(used["value"].to_numpy(), size, weight)


# --- what it means -----------------------------------------------------------------------------------------------------


def _judged(measured: pl.DataFrame, rules: ReviewRules, grid: dict[str, float]) -> pl.DataFrame:
    """Verdict, since when, proposal and hours of all measured operations together."""
    standard, value = pl.col("standard_min"), pl.col("measured_min")
    enough = pl.col("low_min").is_not_null() & (pl.col("orders") >= rules.min_orders)
    posted = (pl.col("posted").fill_null(0.0) >= _POSTED) | (pl.col("constant") >= _CONSTANT)
    posted = posted & (pl.col("seen") >= rules.min_orders)
    tested = measured.with_columns(p_value=pl.when(enough & ~posted).then("p_value")).with_columns(
        adjusted=pl.Series(false_discovery(_p_values(measured, enough & ~posted)), nan_to_null=True)
    )
    top, bottom = standard * (1 + rules.tolerance), standard / (1 + rules.tolerance)
    outside = (pl.col("low_min") > top) | (pl.col("high_min") < bottom)
    sure = outside & (pl.col("adjusted") <= rules.false_share)
    verdict = (
        pl.when(posted).then(pl.lit("posted"))
        .when(~enough).then(pl.lit("few_orders"))
        .when(standard.is_null()).then(pl.lit("no_standard"))
        .when(sure).then(pl.lit("differs"))
        .when((pl.col("low_min") >= bottom) & (pl.col("high_min") <= top)).then(pl.lit("agrees"))
        .otherwise(pl.lit("open"))
    )  # fmt: skip
    judged = tested.with_columns(verdict=verdict, difference_min=value - standard, ratio=value / standard)
    judged = judged.with_columns(sure=pl.col("verdict") == "differs", **_since(rules.tolerance))
    judged = judged.with_columns(no_proposal=_no_proposal(rules)).with_columns(
        proposed_min=pl.when(pl.col("no_proposal").is_null()).then(_rounded(grid))
    )
    nothing = pl.col("no_proposal").is_null() & pl.col("proposed_min").is_null()
    tiny = pl.lit("the measured time is below 0.0001 minutes")
    judged = judged.with_columns(no_proposal=pl.when(nothing).then(tiny).otherwise("no_proposal"))
    run = pl.col("measure") == "run"
    moved = (
        pl.when(pl.col("verdict") == "differs").then(pl.coalesce("proposed_min", "measured_min") - standard)
        .when(pl.col("verdict") == "no_standard").then("proposed_min")
    )  # fmt: skip
    units = pl.when(run).then("pieces_year").otherwise(pl.col("orders_year").cast(pl.Float64))
    none = pl.col("orders_year") == 0
    hours = pl.when(none).then(0.0 * moved).otherwise(units * moved / _HOUR)
    return judged.with_columns(
        lot_size=pl.when(run).then("run_lot"),
        lot_exponent=pl.when(run).then("run_lot_exponent"),
        hours_year=pl.when(pl.col("last_report").is_not_null()).then(hours),
    )


def _p_values(measured: pl.DataFrame, counts: pl.Expr) -> np.ndarray:
    """Significances of the operations that are tested, NaN for the others."""
    tested = measured.select(pl.when(counts).then("p_value").cast(pl.Float64)).to_series()
    return tested.fill_null(float("nan")).to_numpy()


def _since(tolerance: float) -> dict[str, pl.Expr]:
    """From when the reports differ, and where that date comes from; NULL for operations that do not differ."""
    standard, before = pl.col("standard_min"), pl.col("before")
    longer = pl.when(pl.col("measured_min") > standard).then(before > standard * (1 + tolerance))
    already = longer.otherwise(before < standard / (1 + tolerance))
    differs, changed = pl.col("verdict") == "differs", pl.col("changed_on").is_not_null()
    cases: tuple[tuple[pl.Expr, str, pl.Expr], ...] = (
        (changed & ~already, "change of level (Pettitt's test)", pl.col("changed_on")),
        (changed, "first report; the level changed again later", pl.col("first_report")),
        (pl.col("dated") == 0, "not determinable: no report has a date", pl.lit(None, pl.Date)),
        (
            pl.col("dated") < LEAST_FOR_CHANGE,
            f"not determinable: fewer than {LEAST_FOR_CHANGE} dated orders",
            pl.lit(None, pl.Date),
        ),
        (pl.lit(True), "first report; no change of level found", pl.col("first_report")),
    )
    day: pl.Expr = pl.lit(None, pl.Date)
    basis: pl.Expr = pl.lit(None, pl.String)
    for condition, words, value in reversed(cases):
        day = pl.when(condition).then(value).otherwise(day)
        basis = pl.when(condition).then(pl.lit(words)).otherwise(basis)
    return {"differs_since": pl.when(differs).then(day), "since_basis": pl.when(differs).then(basis)}


def _no_proposal(rules: ReviewRules) -> pl.Expr:
    """Why nothing is proposed, NULL where something is."""
    ratio, step = pl.col("ratio"), rules.largest_step
    wide = pl.col("high_min") > step * pl.col("low_min")
    told: pl.Expr = pl.lit(None, pl.String)
    far = pl.format(
        "measured is {} times the standard, beyond the largest step {}: check unit and quantity first",
        ratio.round(4),
        pl.lit(step),
    )
    told = (
        pl.when((pl.col("verdict") == "differs") & ~ratio.is_between(1 / step, step))
        .then(far)
        .otherwise(told)
    )
    told = (
        pl.when((pl.col("verdict") == "no_standard") & wide)
        .then(pl.lit("the orders are too far apart for a first standard"))
        .otherwise(told)
    )
    aside = (pl.col("verdict") == "few_orders") & (pl.col("orders") == 0)
    for verdict in ("few_orders", "posted", "agrees", "open"):
        told = pl.when(pl.col("verdict") == verdict).then(pl.lit(REVIEW_VERDICTS[verdict])).otherwise(told)
    return pl.when(aside).then(pl.lit("every report was kept out as an error")).otherwise(told)


def _grid(standards: pl.Series) -> float:
    """The step in which the plant writes standards: the coarsest of which nearly all are multiples."""
    values = standards.drop_nulls().to_numpy()
    if len(values) < _LEAST_STANDARDS:
        return _FINE
    for step in _GRIDS:
        rest = np.abs(values / step - np.round(values / step))
        if np.mean(rest < 1e-6) >= _ON_GRID:
            return step
    return _FINE


def _rounded(grid: dict[str, float]) -> pl.Expr:
    """The median on the plant's grid, or on the coarsest finer one that stays in the interval; else as measured."""
    value = pl.col("measured_min")
    choices = []
    for measure, coarsest in grid.items():
        for step in _GRIDS:
            if step <= coarsest:
                near = ((value / step).round() * step).round(4)
                fits = (near >= pl.col("low_min")) & (near <= pl.col("high_min")) & (near > 0)
                choices.append(pl.when(fits & (pl.col("measure") == measure)).then(near))
    fine = value.round(4)
    return pl.coalesce(*choices, pl.when(fine > 0).then(fine))
