"""Metrics of predicted routings: sequences, operations, resources, in-house / outsourced, labels, confidence.

Every function takes a `Comparison` and returns metrics that `bootstrap.Resampler` values, so that a value, its interval
and its segments come from one formula. Times have their own module (`time_metrics.py`).

What belongs here: what is measured on routings and on confidence. What does not: alignment, resampling, splits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from routing_etl.evaluation.bootstrap import (
    Metric,
    RankedMetric,
    SumMetric,
    area_under_roc,
    mean_of_first,
    ratio,
)
from routing_etl.evaluation.comparison import Comparison
from routing_etl.frames import INHOUSE, OUTSOURCED
from routing_etl.log import get_logger

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

log = get_logger(__name__)

#: Reasons of a NULL.
NO_ACTUAL_DATA = "NO_ACTUAL_DATA"
NO_ITEMS = "NO_ITEMS"
NO_CANDIDATES = "NO_CANDIDATES"
NO_MATCHED_OPERATIONS = "NO_MATCHED_OPERATIONS"
NO_RESOURCES = "NO_RESOURCES"
NO_OUTSOURCED_OPERATIONS = "NO_OUTSOURCED_OPERATIONS"
NO_INHOUSE_OPERATIONS = "NO_INHOUSE_OPERATIONS"
NO_CONFIDENCE = "NO_CONFIDENCE"
ONE_CLASS_ONLY = "ONE_CLASS_ONLY"
NOTHING_ABSTAINED = "NOTHING_ABSTAINED"

ECE_BINS = 15
TOP_K = 5
#: No item was shown so many: the hit rate would be that of fewer under another name.
TOO_FEW_SHOWN = f"FEWER_THAN_{TOP_K}_CANDIDATES"
#: Columns of the two tables behind the confidence metrics.
CALIBRATION = {
    "bin_low": pl.Float64(), "bin_high": pl.Float64(), "n": pl.Int64(), "confidence": pl.Float64(), "observed": pl.Float64(),
}  # fmt: skip
COVERAGE = {"coverage": pl.Float64(), "threshold": pl.Float64(), "accuracy": pl.Float64()}
LEGACY_METRICS = ("accuracy", "precision_weighted", "recall_weighted", "f1_weighted")


# --- the legacy label metrics ----------------------------------------------------------------------------------------


def label_values(hit: FloatArray, actual: FloatArray, predicted: FloatArray) -> dict[str, FloatArray]:
    """Accuracy and support-weighted precision, recall and F1 from counts per class (last axis), zero division = 0."""

    def divide(top: FloatArray, bottom: FloatArray) -> FloatArray:
        return np.divide(top, bottom, out=np.zeros(np.broadcast(top, bottom).shape), where=bottom > 0)

    total = actual.sum(axis=-1)
    weight = divide(actual, total[..., None])
    precision, recall = divide(hit, predicted), divide(hit, actual)
    f1 = divide(2 * precision * recall, precision + recall)
    values = {
        "accuracy": divide(hit.sum(axis=-1), total),
        "precision_weighted": (weight * precision).sum(axis=-1),
        "recall_weighted": (weight * recall).sum(axis=-1),
        "f1_weighted": (weight * f1).sum(axis=-1),
    }
    return {name: np.where(total > 0, value, np.nan) for name, value in values.items()}


def label_metrics(actual: Sequence[str], predicted: Sequence[str]) -> dict[str, float]:
    """The metric set of the earlier system (docs/legacy-system.md 2.1) for two lists of labels.

    Returns
    -------
    accuracy, precision_weighted, recall_weighted, f1_weighted (weighted by the actual labels' support, zero division
    0, rounded to 4 decimals) and sample_count. Empty or unequal lists give an empty dict and a log line.
    """
    if not len(actual) or len(actual) != len(predicted):
        log.warning("label_metrics_skipped", actual=len(actual), predicted=len(predicted))
        return {}
    _, codes = np.unique(np.concatenate([np.asarray(actual), np.asarray(predicted)]), return_inverse=True)
    left, right = codes[: len(actual)], codes[len(actual) :]
    width = int(codes.max()) + 1
    counts = [np.bincount(c, minlength=width).astype(np.float64) for c in (left[left == right], left, right)]
    values = label_values(*counts)
    return {**{n: round(float(values[n]), 4) for n in LEGACY_METRICS}, "sample_count": len(actual)}


def top_k_hit_rate(actual: Sequence[str], ranked: Sequence[Sequence[str]], k: int = TOP_K) -> float | None:
    """Share of cases whose actual label is among the first `k` ranked ones; None without cases."""
    if not len(actual):
        return None
    hits = [label in list(order)[:k] for label, order in zip(actual, ranked, strict=True)]
    return sum(hits) / len(hits)


# --- sums per item ---------------------------------------------------------------------------------------------------


def per_item(frame: pl.DataFrame, n_items: int, *values: pl.Expr) -> FloatArray:
    """Sums of `values` per item as an array of shape (items, values); 0 for items without rows."""
    names = [f"v{i}" for i in range(len(values))]
    summed = frame.group_by("item").agg(
        [v.cast(pl.Float64).sum().alias(n) for v, n in zip(values, names, strict=True)]
    )
    out = np.zeros((n_items, len(values)))
    out[summed["item"].to_numpy()] = summed.select(names).to_numpy()
    return out


def f_score(sums: FloatArray) -> FloatArray:
    """F1 from sums of hits, predicted and actual: 2 hits / (predicted + actual)."""
    return ratio(np.column_stack([2 * sums[:, 0], sums[:, 1] + sums[:, 2]]))


def _column(index: int, over: int) -> Callable[[FloatArray], FloatArray]:
    return lambda sums: ratio(sums[:, [index, over]])


# --- sequences and operations ----------------------------------------------------------------------------------------


def sequence_metrics(found: Comparison) -> list[Metric]:
    """Exact match at 1, 4 and 5, operation sets, edit similarity, order, process match, abstention, candidates.

    Items without a candidate count as wrong everywhere except in `exact_at_1_answered` and `order_agreement`. The hit
    rate of five (docs/legacy-system.md 2.1) is NULL when no item was shown five candidates.
    """
    n = found.n_items
    one = np.ones(n)
    first, fresh = pl.col("rank") == 1, pl.col("fresh")

    def upto(k: int) -> pl.Expr:
        return pl.when((pl.col("rank") <= k) & fresh).then("hit").otherwise(0.0)

    hits = per_item(
        found.candidates,
        n,
        pl.when(first).then("hit").otherwise(0.0),
        upto(4),
        upto(TOP_K),
        first,
        pl.col("rank").is_not_null(),
        pl.col("tier_high"),
    )
    answered, number, high = hits[:, 3], hits[:, 4], hits[:, 5]
    shown = one * bool((number >= TOP_K).any())
    name = "expected_exact_at" if found.reference.expected else "exact_at"
    w = pl.col("weight")
    total = pl.col("n_predicted") + pl.col("n_actual")
    sets = per_item(
        found.top, n, w * pl.col("common"), w * pl.col("n_predicted"), w * pl.col("n_actual"),
        w * pl.when(total > 0).then(2 * pl.col("lcs") / total).otherwise(0.0),
        w * pl.col("order_agreeing"), w * pl.col("order_pairs"),
        w * pl.when(pl.col("n_actual") > 0).then(pl.col("lcs") / pl.col("n_actual")).otherwise(0.0),
    )  # fmt: skip
    abstained = np.zeros(n)
    abstained[found.abstained["item"].to_numpy()] = 1.0
    counts = np.column_stack([sets[:, :3], one])
    operations = sets[:, 2]
    metrics: list[Metric] = [
        SumMetric(f"{name}_1", np.column_stack([hits[:, 0], one]), ratio, one, NO_ITEMS),
        SumMetric(f"{name}_4", np.column_stack([hits[:, 1], one]), ratio, one, NO_ITEMS),
        SumMetric(f"top_{TOP_K}_hit_rate", np.column_stack([hits[:, 2], shown]), ratio, shown, TOO_FEW_SHOWN),
        SumMetric(
            f"{name}_1_answered", np.column_stack([hits[:, 0], answered]), ratio, answered, NO_CANDIDATES
        ),
        SumMetric("operation_precision", counts, _column(0, 1), sets[:, 1], NO_CANDIDATES),
        SumMetric("operation_recall", counts, _column(0, 2), operations, NO_ITEMS),
        SumMetric("operation_f1", counts, f_score, operations, NO_ITEMS),
        SumMetric("edit_similarity", np.column_stack([sets[:, 3], one]), ratio, one, NO_ITEMS),
        SumMetric("order_agreement", sets[:, 4:6], ratio, sets[:, 5], NO_MATCHED_OPERATIONS),
        SumMetric("process_match", np.column_stack([sets[:, 6], one]), ratio, one, NO_ITEMS),
        SumMetric("answered_share", np.column_stack([answered, one]), ratio, one, NO_ITEMS),
        SumMetric("abstained_share", np.column_stack([abstained, one]), ratio, one, NO_ITEMS),
        SumMetric("candidates_per_item", np.column_stack([number, one]), ratio, one, NO_ITEMS),
        SumMetric("high_tier_share", np.column_stack([high, number]), ratio, number, NO_CANDIDATES),
    ]
    return metrics


def justified_abstention(found: Comparison, reachable: NDArray[np.bool_]) -> SumMetric:
    """Share of the abstained items whose job sequence no training item has: copying could not have been right.

    `reachable`: per item, whether some training item has its sequence.
    """
    abstained = np.zeros(found.n_items)
    abstained[found.abstained["item"].to_numpy()] = 1.0
    parts = np.column_stack([abstained * ~reachable, abstained])
    return SumMetric("abstention_justified", parts, ratio, abstained, NOTHING_ABSTAINED)


def resource_metrics(found: Comparison) -> list[Metric]:
    """Resource of aligned operations, among the planned one (top 1) or it and the job's first alternatives (top 3).

    Operations whose actual resource is not known do not count. With several folds an item's alternatives are those of
    the fold that judged it.
    """
    place = found.alternatives.group_by("part", "job_cd", "res_cd").agg(
        place=pl.col("alternative_rank").min()
    )
    rows = (
        found.matches.filter(pl.col("actual_res").is_not_null())
        .join(found.parts, on="item", how="left")
        .join(place.rename({"res_cd": "actual_res"}), on=["part", "job_cd", "actual_res"], how="left")
        .join(
            place.rename({"res_cd": "predicted_res", "place": "own_place"}),
            on=["part", "job_cd", "predicted_res"],
            how="left",
        )
        .with_columns(same=(pl.col("actual_res") == pl.col("predicted_res")).fill_null(False))
    )
    # the list shown is the predicted resource, then the job's alternatives without it
    shown = pl.col("place") + 1 - (pl.col("own_place") < pl.col("place")).fill_null(False).cast(pl.Int64)
    shown = shown - pl.col("predicted_res").is_null().cast(pl.Int64)
    w = pl.col("weight")
    sums = per_item(
        rows, found.n_items, w * pl.col("same"), w * (pl.col("same") | (shown <= 3).fill_null(False)), w
    )
    return [
        SumMetric("resource_top1", sums, _column(0, 2), sums[:, 2], NO_RESOURCES),
        SumMetric("resource_top3", sums, _column(1, 2), sums[:, 2], NO_RESOURCES),
    ]


def inside_metrics(found: Comparison) -> list[Metric]:
    """Precision, recall and F1 of outsourced and of in-house operations; a hit is an aligned operation alike on both.

    `outsourcing_success` is the legacy name of the recall of outsourced operations (docs/legacy-system.md 2.10).
    """
    n = found.n_items
    w = pl.col("weight")
    same = pl.col("predicted_inside") == pl.col("actual_inside")
    every = per_item(found.matches, n, w * same, w)
    metrics: list[Metric] = [SumMetric("inside_accuracy", every, ratio, every[:, 1], NO_MATCHED_OPERATIONS)]
    for word, value, reason in (
        ("outsourced", OUTSOURCED, NO_OUTSOURCED_OPERATIONS),
        ("inhouse", INHOUSE, NO_INHOUSE_OPERATIONS),
    ):
        hits = per_item(found.matches.filter(same & (pl.col("actual_inside") == value)), n, w)
        rows = found.sides.filter(pl.col("inside") == value)
        sides = per_item(
            rows,
            n,
            pl.when(pl.col("side") == "predicted").then("count").otherwise(0.0),
            pl.when(pl.col("side") == "actual").then("count").otherwise(0.0),
        )
        sums = np.column_stack([hits, sides])
        metrics += [
            SumMetric(f"{word}_precision", sums, _column(0, 1), sides[:, 0], reason),
            SumMetric(f"{word}_recall", sums, _column(0, 2), sides[:, 1], reason),
            SumMetric(f"{word}_f1", sums, f_score, sides[:, 1], reason),
        ]
        if value == OUTSOURCED:
            metrics.append(SumMetric("outsourcing_success", sums, _column(0, 2), sides[:, 1], reason))
    return metrics


def operation_label_metrics(found: Comparison) -> list[Metric]:
    """Legacy label metrics over aligned operations.

    A missing operation is a wrong label "" for its job, a superfluous one a wrong job for the label "", so both cost.
    """
    rows = found.labels.with_columns(pl.col("actual", "predicted").fill_null(""))
    codes = (
        pl.concat([rows["actual"], rows["predicted"]]).rank("dense").fill_null(1).to_numpy().astype(np.int64)
        - 1
    )
    actual, predicted = codes[: rows.height], codes[rows.height :]
    width = int(codes.max()) + 1 if len(codes) else 1
    item, weight = rows["item"].to_numpy(), rows["weight"].to_numpy()
    right = actual == predicted
    column = np.concatenate([actual[right], width + actual, 2 * width + predicted])
    parts = sparse.csr_matrix(
        (
            np.concatenate([weight[right], weight, weight]),
            (np.concatenate([item[right], item, item]), column),
        ),
        shape=(found.n_items, 3 * width),
    )
    units = np.bincount(item, weights=weight, minlength=found.n_items).astype(np.float64)

    def value(name: str) -> Callable[[FloatArray], FloatArray]:
        return lambda sums: label_values(sums[:, :width], sums[:, width : 2 * width], sums[:, 2 * width :])[
            name
        ]

    return [SumMetric(name, parts, value(name), units, NO_ITEMS) for name in LEGACY_METRICS]


# --- confidence ------------------------------------------------------------------------------------------------------


def confidence_metrics(found: Comparison, known_type: NDArray[np.int8] | None = None) -> list[Metric]:
    """Is the confidence a probability (ECE, Brier), and does it rank (accuracy of the surest half, AUROC)?

    ECE: 15 equal bins, over best candidates; `ece_candidates` over all. Items without a candidate have confidence 0 in
    `exact_at_1_surest_half` and in the AUROCs. `auroc_known_type`: does the confidence tell items of part types seen
    in training from items of new ones; `known_type` says which is which: 1 seen, 0 new, -1 no part type (left out).

    Sources: Guo et al. (2017), "On Calibration of Modern Neural Networks"; Brier (1950).
    """
    n = found.n_items
    rows = found.candidates.filter(pl.col("confidence").is_not_null())
    best = rows.filter(pl.col("rank") == 1)
    conf, hit, item = (best[c].to_numpy().astype(np.float64) for c in ("confidence", "hit", "item"))
    sure, outcome, given = np.zeros(n), np.zeros(n), np.zeros(n)
    place = item.astype(np.int64)
    sure[place], outcome[place], given[place] = conf, hit, 1.0
    ones = np.ones(n)
    name = "expected_exact_at" if found.reference.expected else "exact_at"
    brier = given * (outcome * (1 - sure) ** 2 + (1 - outcome) * sure**2)
    order = np.argsort(sure, kind="stable")
    down = np.argsort(-sure, kind="stable")
    half = mean_of_first(0.5)
    absent = NO_CONFIDENCE
    metrics: list[Metric] = [
        _calibration("ece", best, n),
        _calibration("ece_candidates", rows.filter("fresh"), n),
        SumMetric("brier", np.column_stack([brier, given]), ratio, given, absent),
        SumMetric("brier_skill", np.column_stack([brier, given, outcome * given]), _skill, given, ONE_CLASS_ONLY),
        SumMetric("confidence_mean", np.column_stack([sure * given, given]), ratio, given, absent),
        RankedMetric(
            f"{name}_1_surest_half", np.column_stack([-sure[down], outcome[down]]), down, ones, half, ones, NO_ITEMS
        ),
        RankedMetric(
            "auroc_exact",
            np.column_stack([sure[order], outcome[order], 1 - outcome[order]]),
            order, ones, area_under_roc, ones, ONE_CLASS_ONLY,
        ),
    ]  # fmt: skip
    if known_type is not None:
        seen, new = (known_type == 1).astype(np.float64), (known_type == 0).astype(np.float64)
        payload = np.column_stack([sure[order], seen[order], new[order]])
        metrics.append(
            RankedMetric("auroc_known_type", payload, order, ones, area_under_roc, ones, ONE_CLASS_ONLY)
        )
    return metrics


def _skill(sums: FloatArray) -> FloatArray:
    """Brier skill score from sums of squared distance, items and outcomes: reference is the mean outcome."""
    rate = ratio(sums[:, [2, 1]])
    spread = rate * (1 - rate)
    spread = np.where(spread > 1e-9, spread * sums[:, 1], 0.0)
    return 1 - ratio(np.column_stack([sums[:, 0], spread]))


def _bin(confidence: FloatArray) -> IntArray:
    return np.clip(np.ceil(confidence * ECE_BINS).astype(np.int64) - 1, 0, ECE_BINS - 1)


def _calibration(name: str, rows: pl.DataFrame, n: int) -> SumMetric:
    conf, hit = rows["confidence"].to_numpy().astype(np.float64), rows["hit"].to_numpy().astype(np.float64)
    item, bins = rows["item"].to_numpy().astype(np.int64), _bin(conf)
    parts = np.zeros((n, 2 * ECE_BINS))
    np.add.at(parts, (item, bins), conf - hit)
    np.add.at(parts, (item, ECE_BINS + bins), 1.0)

    def combine(sums: FloatArray) -> FloatArray:
        gap = np.abs(sums[:, :ECE_BINS]).sum(axis=1)
        return ratio(np.column_stack([gap, sums[:, ECE_BINS:].sum(axis=1)]))

    return SumMetric(name, parts, combine, parts[:, ECE_BINS:].sum(axis=1), NO_CONFIDENCE)


def calibration_table(found: Comparison) -> pl.DataFrame:
    """Reliability of the best candidates' confidence.

    Returns
    -------
    bin_low, bin_high, n, confidence (mean), observed (share that was exact); one row per bin that holds items.
    """
    best = found.candidates.filter((pl.col("rank") == 1) & pl.col("confidence").is_not_null())
    bins = pl.Series("bin", _bin(best["confidence"].to_numpy().astype(np.float64)), dtype=pl.Int64)
    return (
        best.with_columns(bins)
        .group_by("bin")
        .agg(n=pl.len().cast(pl.Int64), confidence=pl.col("confidence").mean(), observed=pl.col("hit").mean())
        .sort("bin")
        .select(
            bin_low=pl.col("bin") / ECE_BINS, bin_high=(pl.col("bin") + 1) / ECE_BINS,
            n="n", confidence="confidence", observed="observed",
        )
    )  # fmt: skip


def coverage_table(found: Comparison, steps: int = 20) -> pl.DataFrame:
    """Accuracy against coverage: how often the first candidate is exact when only the surest share is accepted.

    Returns
    -------
    coverage (0..1 of all items), threshold (least confidence accepted, NULL where items without candidates are
    needed), accuracy. Items of equal confidence are taken in equal parts, so their order does not matter.
    """
    n = found.n_items
    best = found.candidates.filter(pl.col("rank") == 1).select(
        "hit", sure=pl.col("confidence").fill_null(0.0)
    )
    threshold = best["sure"].sort(descending=True).to_list()
    tied = best.group_by("sure").agg(pl.len(), pl.col("hit").sum()).sort("sure", descending=True)
    taken = np.concatenate([[0.0], tied["len"].cum_sum().to_numpy()])
    hits = np.concatenate([[0.0], tied["hit"].cum_sum().to_numpy()])
    rows = []
    for share in np.linspace(1 / steps, 1.0, steps):
        count = max(1, round(share * n))
        rows.append(
            {
                "coverage": float(share),
                "threshold": threshold[count - 1] if count <= len(threshold) else None,
                "accuracy": float(np.interp(count, taken, hits)) / count,
            }
        )
    return pl.DataFrame(rows if n else [], schema=COVERAGE)
