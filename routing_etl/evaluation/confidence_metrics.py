"""Metrics of confidence: is it a probability, does it rank, and what is left to do when only sure answers are accepted?"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from routing_etl.evaluation.arrays import FloatArray, IntArray
from routing_etl.evaluation.bootstrap import (
    Metric,
    RankedMetric,
    SumMetric,
    area_under_roc,
    mean_of_first,
    ratio,
)
from routing_etl.evaluation.comparison import Comparison
from routing_etl.evaluation.reasons import NO_CONFIDENCE, NO_ITEMS, ONE_CLASS_ONLY

#: Equal-width bins of the expected calibration error, as in Guo et al. (2017).
ECE_BINS = 15
#: Columns of `calibration_table`.
CALIBRATION: dict[str, pl.DataType] = {
    "bin_low": pl.Float64(), "bin_high": pl.Float64(), "n": pl.Int64(), "confidence": pl.Float64(), "observed": pl.Float64(),
}  # fmt: skip
#: Columns of `coverage_table`.
COVERAGE: dict[str, pl.DataType] = {
    "coverage": pl.Float64(), "threshold": pl.Float64(), "accuracy": pl.Float64(),
}  # fmt: skip


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
