"""Predictions beside the routings they are judged by, aligned once for all metrics.

A `Reference` holds for every judged item one or several routings with weights: one routing of weight 1 when the
engineer's routing is known, or the distribution of routings that a planner would write (simulated plants). Every metric
is then a weighted sum and means "expected" in the second case.

What belongs here: bringing both sides to one shape and aligning them. What does not: metrics, splits, fitting.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields

import numpy as np
import polars as pl
from numpy.typing import NDArray

from routing_etl.evaluation.alignment import align, label_pairs
from routing_etl.evaluation.truth import SEPARATOR, Truth
from routing_etl.frames import OPERATIONS, Predictions, TimeEvidence

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

#: Measures of time, with the columns that hold them: prediction, P10, P90.
TIME_COLUMNS = {
    "setup": ("setup_time", "setup_p10", "setup_p90"),
    "run": ("run_time", "run_p10", "run_p90"),
}
#: What counts as the actual time of an operation: the trimmed mean of its work results (equal to the mean below ten).
ACTUAL_STATISTIC = "trim_mean"

_ITEM_KEYS = ("item", "variant")


@dataclass(frozen=True)
class Reference:
    """What predictions are judged by.

    Attributes
    ----------
    items: item (0..n-1), item_key; one row per judged item.
    variants: item, variant, weight, jobs (list); the weights of an item add up to 1.
    operations: item, variant, pos, job_cd, res_cd, inside, setup_actual, run_actual, setup_oracle, run_oracle (minutes
        per order, per piece; NULL when unknown).
    expected: the weights are probabilities, not one known routing; actual times are medians of what will be reported.
    time_sigma: per measure the spread of ln(reported time / median) around those medians; empty when unknown.
    reports: item, pos, setup_min, run_min: the single reports behind the actual times, NULL where a measure was kept
        out as an entry error; None when only the actual times are known.
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
    operations: OPERATIONS frame. item_keys: distinct keys of the items to judge.
    actuals: time profiles that include these items' own results.
    truth: adds the oracle's times where given. reports: single reports in minutes (item_key, job_cd, setup_min, run_min,
        run_min_at_lot, setup_removed, run_removed), as the times room keeps them. Predicted run times are for the item's
        usual lot, so a report counts as it would be there.
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
        timed.group_by(*_ITEM_KEYS, maintain_order=True)
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
    """The distribution of routings a planner would write for each item; times are the truth's medians."""
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
            *_ITEM_KEYS,
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
    variants = rows.select(*_ITEM_KEYS, "weight", "jobs").sort(*_ITEM_KEYS)
    told = {measure: truth.time_sigma(measure) for measure in TIME_COLUMNS}
    known = {measure: sigma for measure, sigma in told.items() if sigma is not None}
    return Reference(items, variants, operations, expected=True, time_sigma=known)


@dataclass(frozen=True)
class Comparison:
    """One method's answers aligned with a reference.

    Attributes
    ----------
    candidates: item, rank (1.. without gaps), confidence, tier_high, neighbours, jobs, fresh (no better candidate of
        the item has the same jobs), hit (weight of the routings with the same jobs).
    top: one row per item and variant: weight, answered, and the alignment of the best candidate (see `Alignment.pairs`).
    matches: one row per aligned operation of the best candidate: weight, both sides' resource, inside and times.
    labels: item, weight, actual, predicted (job codes, NULL for no partner).
    sides: item, weight, side ('predicted' or 'actual'), inside, count of operations.
    alternatives: part, job_cd, res_cd, alternative_rank. parts: item, part: whose alternatives the item was shown.
    abstained: item.
    """

    reference: Reference
    candidates: pl.DataFrame
    top: pl.DataFrame
    matches: pl.DataFrame
    labels: pl.DataFrame
    sides: pl.DataFrame
    alternatives: pl.DataFrame
    parts: pl.DataFrame
    abstained: pl.DataFrame

    @property
    def n_items(self) -> int:
        """Number of judged items."""
        return self.reference.n_items


def compare(answers: Predictions | Sequence[Predictions], reference: Reference) -> Comparison:
    """Align the best candidate of every item with each of the item's reference routings.

    `answers`: predictions, or one per fold, of which each knows the resources of its own training only. Items without a
    candidate count as answered with no operation at all.
    """
    folds = [answers] if isinstance(answers, Predictions) else list(answers)
    predictions = _joined(folds)
    operations = _predicted_operations(predictions, reference)
    candidates = _candidates(predictions, operations, reference)
    top, matches, labels = _align_best(candidates, operations, reference)
    abstained = (
        predictions.abstained.join(reference.items, on="item_key").select("item").unique().sort("item")
    )
    parts = [f.candidates.select("item_key", part=pl.lit(i)).unique() for i, f in enumerate(folds)]
    alternatives = [
        f.resources.select("job_cd", "res_cd", pl.col("alternative_rank").cast(pl.Int64), part=pl.lit(i))
        for i, f in enumerate(folds)
    ]
    return Comparison(
        reference,
        candidates,
        top,
        matches,
        labels,
        _sides(operations, reference),
        pl.concat(alternatives),
        pl.concat(parts).join(reference.items, on="item_key").select("item", "part"),
        abstained,
    )


def _joined(folds: Sequence[Predictions]) -> Predictions:
    if len(folds) == 1:
        return folds[0]
    names = [f.name for f in fields(Predictions)]
    return Predictions(**{name: pl.concat([getattr(fold, name) for fold in folds]) for name in names})


def _predicted_operations(predictions: Predictions, reference: Reference) -> pl.DataFrame:
    columns = [c for names in TIME_COLUMNS.values() for c in names]
    return (
        predictions.operations.join(reference.items, on="item_key")
        .select("item", "candidate_rank", "proc_seq", "job_cd", "res_cd", "inside", *columns)
        .sort("item", "candidate_rank", "proc_seq")
        .with_columns(
            rank=pl.col("candidate_rank").rank("dense").over("item").cast(pl.Int64),
            pos=pl.int_range(pl.len()).over("item", "candidate_rank"),
        )
    )


def _candidates(predictions: Predictions, operations: pl.DataFrame, reference: Reference) -> pl.DataFrame:
    sequences = operations.group_by("item", "rank", "candidate_rank", maintain_order=True).agg(
        jobs=pl.col("job_cd")
    )
    known = predictions.candidates.join(reference.items, on="item_key").select(
        "item",
        "candidate_rank",
        "confidence",
        tier_high=pl.col("similarity_tier") == "HIGH",
        neighbours=pl.col("neighbour_count").cast(pl.Int64),
    )
    joined = (
        sequences.join(known, on=["item", "candidate_rank"], how="left", maintain_order="left")
        .drop("candidate_rank")
        .with_columns(sequence=pl.col("jobs").list.join(SEPARATOR))
        .with_columns(fresh=pl.struct("item", "sequence").is_first_distinct())
    )
    target = (
        reference.variants.with_columns(sequence=pl.col("jobs").list.join(SEPARATOR))
        .group_by("item", "sequence")
        .agg(hit=pl.col("weight").sum())
    )
    return joined.join(target, on=["item", "sequence"], how="left", maintain_order="left").with_columns(
        pl.col("hit").fill_null(0.0)
    ).drop("sequence")  # fmt: skip


def _align_best(
    candidates: pl.DataFrame, operations: pl.DataFrame, reference: Reference
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    best = candidates.filter(pl.col("rank") == 1).select("item", predicted=pl.col("jobs"))
    rows = reference.variants.join(best, on="item", how="left", maintain_order="left").with_columns(
        answered=pl.col("predicted").is_not_null(),
        predicted=pl.col("predicted").fill_null(pl.lit([], dtype=pl.List(pl.String))),
    )
    rows = rows.with_columns(
        left=pl.col("predicted").list.join(SEPARATOR), right=pl.col("jobs").list.join(SEPARATOR)
    )
    unique = rows.unique(["left", "right", "answered"], maintain_order=True)
    unique = unique.with_row_index("pair").with_columns(pl.col("pair").cast(pl.Int64))
    alignment = align(unique["predicted"], unique["jobs"])
    paired = rows.join(
        unique.select("pair", "left", "right", "answered"),
        on=["left", "right", "answered"],
        maintain_order="left",
    ).select(*_ITEM_KEYS, "weight", "answered", "pair")
    top = paired.join(alignment.pairs, on="pair", how="left", maintain_order="left")
    mine = operations.filter(pl.col("rank") == 1).drop("rank", "candidate_rank", "proc_seq")
    matches = (
        paired.select(*_ITEM_KEYS, "weight", "pair")
        .join(alignment.matches, on="pair")
        .join(
            mine.rename({"pos": "predicted_pos", "res_cd": "predicted_res", "inside": "predicted_inside"}),
            on=["item", "predicted_pos"],
        )
        .join(
            reference.operations.drop("job_cd").rename(
                {"pos": "actual_pos", "res_cd": "actual_res", "inside": "actual_inside"}
            ),
            on=[*_ITEM_KEYS, "actual_pos"],
        )
        .sort(*_ITEM_KEYS, "actual_pos")
    )
    labels = (
        paired.select("item", "weight", "pair")
        .join(label_pairs(alignment, unique["predicted"], unique["jobs"]), on="pair")
        .select("item", "weight", "actual", "predicted")
    )
    return top, matches, labels


def _sides(operations: pl.DataFrame, reference: Reference) -> pl.DataFrame:
    """Operations per item by in-house / outsourced, on either side."""
    predicted = operations.filter(pl.col("rank") == 1).select(
        "item", "inside", weight=pl.lit(1.0), side=pl.lit("predicted")
    )
    actual = reference.operations.join(
        reference.variants.select(*_ITEM_KEYS, "weight"), on=_ITEM_KEYS
    ).select("item", "inside", "weight", side=pl.lit("actual"))
    return pl.concat([predicted, actual]).group_by("item", "side", "inside").agg(count=pl.col("weight").sum())
