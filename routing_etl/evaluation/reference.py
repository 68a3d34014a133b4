"""What predictions are judged by: for every judged item one or several routings with weights, and their times.

One routing of weight 1 when the engineer's routing is known, or the distribution of routings that a planner would write
(simulated plants). Every metric is then a weighted sum and means "expected" in the second case.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

from routing_etl.evaluation.truth import Truth
from routing_etl.frames import OPERATIONS, TimeEvidence

#: The two measures of time (set-up in minutes per order, run in minutes per piece) with the columns of the predicted time,
#: its P10 and its P90.
TIME_COLUMNS = {
    "setup": ("setup_time", "setup_p10", "setup_p90"),
    "run": ("run_time", "run_p10", "run_p90"),
}
#: The actual time of an operation: the trimmed mean of its work results (the plain mean of fewer than ten).
ACTUAL_STATISTIC = "trim_mean"

#: What tells the reference routings apart.
ITEM_KEYS = ("item", "variant")


@dataclass(frozen=True)
class Reference:
    """What predictions are judged by.

    Attributes
    ----------
    items : polars.DataFrame
        item (0..n-1), item_key; one row per judged item.
    variants : polars.DataFrame
        item, variant, weight, jobs (list); the weights of an item add up to 1.
    operations : polars.DataFrame
        item, variant, pos, job_cd, res_cd, inside, setup_actual, run_actual, setup_oracle, run_oracle (minutes per order, per
        piece; NULL when unknown).
    expected : bool
        Whether the weights are probabilities instead of one known routing; actual times are then medians of what will be
        reported.
    time_sigma : mapping of str to float
        By measure, the standard deviation of ln(reported time / median); empty when unknown.
    reports : polars.DataFrame or None
        item, pos, setup_min, run_min: the single reports behind the actual times, NULL where a measure was kept out as an
        entry error. None when only the actual times are known.
    """

    items: pl.DataFrame
    variants: pl.DataFrame
    operations: pl.DataFrame
    expected: bool
    time_sigma: Mapping[str, float] = field(default_factory=dict)
    reports: pl.DataFrame | None = None

    @property
    def n_items(self) -> int:
        """Number of judged items."""
        return self.items.height


def _indexed(item_keys: pl.Series) -> pl.DataFrame:
    return (
        item_keys.alias("item_key")
        .to_frame()
        .with_row_index("item")
        .with_columns(pl.col("item").cast(pl.Int64))
    )


def known_routings(
    operations: pl.DataFrame,
    item_keys: pl.Series,
    actuals: TimeEvidence,
    truth: Truth | None = None,
    reports: pl.LazyFrame | None = None,
) -> Reference:
    """The routing that counts (rank 0) of each item, with the times its work results gave.

    Parameters
    ----------
    operations : polars.DataFrame
        OPERATIONS frame.
    item_keys : polars.Series
        Distinct keys of the items to judge.
    actuals : TimeEvidence
        Time profiles that include these items' own results.
    truth : Truth, optional
        Adds the oracle's times.
    reports : polars.LazyFrame, optional
        Single reports in minutes: item_key, job_cd, setup_min, run_min_at_lot, setup_removed, run_removed. Predicted run
        times are for the item's usual lot, so a report counts with the time that it would have had at that lot.

    Returns
    -------
    Reference
        One routing of weight 1 per item.

    Raises
    ------
    FrameError
        `operations` does not keep its contract.
    """
    OPERATIONS.validate(operations)
    items = _indexed(item_keys)
    rows = (
        operations.lazy()
        .filter((pl.col("routing_rank") == 0) & pl.col("job_cd").is_not_null())
        .select("item_key", "proc_seq", "job_cd", "res_cd", "inside")
        .join(items.lazy(), on="item_key")
        .sort("item", "proc_seq")
        .with_columns(variant=pl.lit(0, pl.Int64), pos=pl.int_range(pl.len()).over("item"))
    )
    columns = {f"{m}_actual": pl.col(f"{m}_{ACTUAL_STATISTIC}") for m in TIME_COLUMNS}
    profile = actuals.by_item_operation.lazy().select("item_key", "proc_seq", "job_cd", **columns)
    rows = rows.join(profile, on=["item_key", "proc_seq", "job_cd"], how="left", maintain_order="left")
    own_reports = None if reports is None else _reports(rows, reports)
    timed = _with_oracle(rows, truth).drop("item_key", "proc_seq").collect()
    variants = (
        timed.group_by(*ITEM_KEYS, maintain_order=True)
        .agg(jobs=pl.col("job_cd"))
        .with_columns(weight=pl.lit(1.0))
    )
    return Reference(items, variants, timed, expected=False, reports=own_reports)


#: Which column of the single reports a measure is judged by.
_REPORTED = {"setup": "setup_min", "run": "run_min_at_lot"}


def _reports(rows: pl.LazyFrame, reports: pl.LazyFrame) -> pl.DataFrame:
    """Reports of operations whose job stands once in the routing; of repeated jobs it is not known which one."""
    keys = ["item_key", "job_cd"]
    single = rows.filter(pl.len().over("item", "job_cd") == 1)
    kept = [
        pl.when(~pl.col(f"{m}_removed").fill_null(False)).then(pl.col(column)).alias(f"{m}_min")
        for m, column in _REPORTED.items()
    ]
    text = [pl.col(c).cast(pl.String) for c in ("item_key", "job_cd")]
    return (
        reports.select(*text, *kept)
        .join(single.select(*keys, "item", "pos"), on=keys)
        .select("item", "pos", *[f"{m}_min" for m in TIME_COLUMNS])
        .sort("item", "pos")
        .collect()
    )


def _with_oracle(rows: pl.LazyFrame, truth: Truth | None) -> pl.LazyFrame:
    if truth is None:
        return rows.with_columns([pl.lit(None, dtype=pl.Float64).alias(f"{m}_oracle") for m in TIME_COLUMNS])
    times = truth.times.lazy().select(
        "item_key", "job_cd", setup_oracle=pl.col("setup_min"), run_oracle=pl.col("run_min")
    )
    return rows.join(times, on=["item_key", "job_cd"], how="left", maintain_order="left")


def expected_routings(truth: Truth, item_keys: pl.Series) -> Reference:
    """The distribution of routings that a planner would write for each item.

    Parameters
    ----------
    truth : Truth
        A simulated plant's truth.
    item_keys : polars.Series
        Distinct keys of the items to judge.

    Returns
    -------
    Reference
        Routings weighted by their probability; times are the truth's medians.
    """
    items = _indexed(item_keys)
    rows = truth.routings.join(items, on="item_key").with_columns(
        weight=pl.col("probability") / pl.col("probability").sum().over("item")
    )
    operations = (
        rows.lazy()
        .with_columns(pos=pl.int_ranges(pl.col("jobs").list.len()))
        .explode("jobs", "resources", "insides", "pos")
        .rename({"jobs": "job_cd", "resources": "res_cd", "insides": "inside"})
        .pipe(_with_oracle, truth)
        .with_columns(
            [pl.col(f"{m}_oracle").alias(f"{m}_actual") for m in TIME_COLUMNS],
            res_cd=pl.when(pl.col("res_cd") != "").then("res_cd"),
        )
        .select(
            *ITEM_KEYS,
            "pos",
            "job_cd",
            "res_cd",
            "inside",
            "setup_actual",
            "run_actual",
            "setup_oracle",
            "run_oracle",
        )
        .collect()
    )
    variants = rows.select(*ITEM_KEYS, "weight", "jobs").sort(*ITEM_KEYS)
    told = {measure: truth.time_sigma(measure) for measure in TIME_COLUMNS}
    known = {measure: sigma for measure, sigma in told.items() if sigma is not None}
    return Reference(items, variants, operations, expected=True, time_sigma=known)
