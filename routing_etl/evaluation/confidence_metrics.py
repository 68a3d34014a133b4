"""Metrics of confidence: whether it is a probability, whether it ranks, and how coverage trades against accuracy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

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
from routing_etl.model.base.arrays import Floats, Ints

#: Equal-width bins of the expected calibration error, as in Guo et al. (2017).
ECE_BINS = 15
#: A sum of products below this is one of rounding errors.
_TINY = 1e-9
#: Columns of `calibration_table`.
CALIBRATION: dict[str, pl.DataType] = {
    "bin_low": pl.Float64(), "bin_high": pl.Float64(), "n": pl.Int64(), "confidence": pl.Float64(), "observed": pl.Float64(),
}  # fmt: skip
#: Columns of `coverage_table`.
COVERAGE: dict[str, pl.DataType] = {
    "coverage": pl.Float64(), "threshold": pl.Float64(), "accuracy": pl.Float64(),
}  # fmt: skip


def confidence_metrics(
    found: Comparison, known_type: NDArray[np.int8] | None = None, clusters: Ints | None = None
) -> list[Metric]:
    """Whether the confidence is a probability (ECE, Brier) and whether it ranks (accuracy of the surest half, AUROC).

    ECE: 15 equal bins, over best candidates; `ece_candidates` over all. `ece_by_chance`: what it would be, on average, of
    outcomes drawn with the confidences as their probabilities, alike within clusters as they were seen to be; of few items it is far
    from 0. Items without a candidate have confidence 0 in
    `exact_at_1_surest_half` and in the AUROCs. `auroc_known_type`: does the confidence tell items of part types seen in
    training from items of new ones.

    Parameters
    ----------
    found : Comparison
        One method's answers.
    known_type : numpy.ndarray, optional
        Per item 1: its part type was seen in training, 0: it is new, -1: it has none and is left out. None:
        `auroc_known_type` is left out.
    clusters : numpy.ndarray, optional
        Number of the near-identical group of each item. None: each item is one by itself.

    Returns
    -------
    list of Metric
        To be valued by a `Resampler`.

    Notes
    -----
    Guo et al. (2017), "On Calibration of Modern Neural Networks"; Brier (1950), "Verification of Forecasts Expressed in Terms
    of Probability".
    """
    answers = _FirstAnswers.of(found)
    rows = found.candidates.filter(pl.col("confidence").is_not_null())
    best = rows.filter(pl.col("rank") == 1)
    return [
        _calibration("ece", best, found.n_items),
        _by_chance(best, np.arange(found.n_items) if clusters is None else clusters),
        _calibration("ece_candidates", rows.filter("fresh"), found.n_items),
        *answers.of_probability(),
        *answers.of_order("expected_exact_at" if found.reference.expected else "exact_at"),
        *([] if known_type is None else [answers.of_known_types(known_type)]),
    ]


@dataclass(frozen=True)
class _FirstAnswers:
    """Confidence of each item's best candidate, its outcome (weight of the routings that it hits), and whether it has one."""

    sure: Floats
    outcome: Floats
    given: Floats

    @classmethod
    def of(cls, found: Comparison) -> _FirstAnswers:
        best = found.candidates.filter((pl.col("rank") == 1) & pl.col("confidence").is_not_null())
        place = best["item"].to_numpy().astype(np.int64)
        sure, outcome, given = (np.zeros(found.n_items) for _ in range(3))
        sure[place], outcome[place], given[place] = best["confidence"].to_numpy(), best["hit"].to_numpy(), 1.0
        return cls(sure, outcome, given)

    def of_probability(self) -> list[Metric]:
        """Brier score and skill, and the mean confidence."""
        sure, outcome, given = self.sure, self.outcome, self.given
        brier = given * (outcome * (1 - sure) ** 2 + (1 - outcome) * sure**2)
        skill = np.column_stack([brier, given, outcome * given])
        return [
            SumMetric("brier", np.column_stack([brier, given]), ratio, given, NO_CONFIDENCE),
            SumMetric("brier_skill", skill, _skill, given, ONE_CLASS_ONLY),
            SumMetric("confidence_mean", np.column_stack([sure * given, given]), ratio, given, NO_CONFIDENCE),
        ]

    def of_order(self, name: str) -> list[Metric]:
        """Accuracy of the surest half, and whether exact answers are surer than others."""
        down = np.argsort(-self.sure, kind="stable")
        ones = np.ones(len(self.sure))
        half = np.column_stack([-self.sure[down], self.outcome[down]])
        return [
            RankedMetric(f"{name}_1_surest_half", half, down, ones, mean_of_first(0.5), ones, NO_ITEMS),
            self._auroc("auroc_exact", self.outcome, 1 - self.outcome),
        ]

    def of_known_types(self, known_type: NDArray[np.int8]) -> Metric:
        """Whether items of known part types are surer than those of new ones."""
        seen, new = ((known_type == code).astype(np.float64) for code in (1, 0))
        return self._auroc("auroc_known_type", seen, new)

    def _auroc(self, name: str, positive: Floats, negative: Floats) -> RankedMetric:
        order = np.argsort(self.sure, kind="stable")
        ones = np.ones(len(self.sure))
        payload = np.column_stack([self.sure[order], positive[order], negative[order]])
        return RankedMetric(name, payload, order, ones, area_under_roc, ones, ONE_CLASS_ONLY)


def _skill(sums: Floats) -> Floats:
    """Brier skill score from sums of squared distance, items and outcomes; the reference forecast is the mean outcome."""
    rate = ratio(sums[:, [2, 1]])
    spread = rate * (1 - rate)
    spread = np.where(spread > 1e-9, spread * sums[:, 1], 0.0)
    return 1 - ratio(np.column_stack([sums[:, 0], spread]))


def _bin(confidence: Floats) -> Ints:
    return np.clip(np.ceil(confidence * ECE_BINS).astype(np.int64) - 1, 0, ECE_BINS - 1)


def _calibration(name: str, rows: pl.DataFrame, n: int) -> SumMetric:
    conf, hit = rows["confidence"].to_numpy().astype(np.float64), rows["hit"].to_numpy().astype(np.float64)
    item, bins = rows["item"].to_numpy().astype(np.int64), _bin(conf)
    parts = np.zeros((n, 2 * ECE_BINS))
    np.add.at(parts, (item, bins), conf - hit)
    np.add.at(parts, (item, ECE_BINS + bins), 1.0)

    def combine(sums: Floats) -> Floats:
        gap = np.abs(sums[:, :ECE_BINS]).sum(axis=1)
        return ratio(np.column_stack([gap, sums[:, ECE_BINS:].sum(axis=1)]))

    return SumMetric(name, parts, combine, parts[:, ECE_BINS:].sum(axis=1), NO_CONFIDENCE, inflated=True)


def _by_chance(rows: pl.DataFrame, clusters: Ints) -> SumMetric:
    """The mean ECE of calibrated confidences: per bin the mean absolute value of a normal variable of the outcomes' variance.

    Near-identical items are right or wrong together, so the sum of a cluster varies by more than those of so many items: by the
    variances, and twice the products of standard deviations of its pairs times the correlation that outcomes of a cluster showed.
    """
    conf, hit = (rows[c].to_numpy().astype(np.float64) for c in ("confidence", "hit"))
    item, bins = rows["item"].to_numpy().astype(np.int64), _bin(conf)
    spread, group = np.sqrt(conf * (1.0 - conf)), clusters[item]
    _, cell = np.unique(group * ECE_BINS + bins, return_inverse=True)
    together = np.bincount(cell, spread)[cell] if len(cell) else spread
    variance = spread**2 + _correlation(conf - hit, bins, spread, group) * spread * (together - spread)
    parts = np.zeros((len(clusters), ECE_BINS + 1))
    np.add.at(parts, (item, bins), variance)
    np.add.at(parts[:, ECE_BINS], item, 1.0)

    def combine(sums: Floats) -> Floats:
        gap = np.sqrt(2.0 / np.pi * np.maximum(sums[:, :ECE_BINS], 0.0)).sum(axis=1)
        return ratio(np.column_stack([gap, sums[:, ECE_BINS]]))

    return SumMetric("ece_by_chance", parts, combine, parts[:, ECE_BINS], NO_CONFIDENCE)


def _correlation(error: Floats, bins: Ints, spread: Floats, group: Ints) -> float:
    """Correlation of the errors of two items of a group, beyond what their bin is off as a whole; 0 to 1.

    The pooled moment estimator: products of the errors of all pairs over those of their standard deviations.
    """
    if not len(error):
        return 0.0
    size = np.maximum(np.bincount(bins, minlength=ECE_BINS), 1)
    rest = error - (np.bincount(bins, error, minlength=ECE_BINS) / size)[bins]
    _, group = np.unique(group, return_inverse=True)
    agreed, possible = (
        float((np.bincount(group, values) ** 2).sum() - (values**2).sum()) for values in (rest, spread)
    )
    return min(max(agreed / possible, 0.0), 1.0) if possible > _TINY else 0.0


def calibration_table(found: Comparison) -> pl.DataFrame:
    """Reliability of the best candidates' confidence.

    Parameters
    ----------
    found : Comparison
        One method's answers.

    Returns
    -------
    polars.DataFrame
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

    Items of equal confidence are taken in equal parts, so that their order does not matter.

    Parameters
    ----------
    found : Comparison
        One method's answers.
    steps : int, optional
        Number of rows.

    Returns
    -------
    polars.DataFrame
        coverage (0..1 of all items), threshold (least confidence accepted, NULL where items without candidates are needed),
        accuracy.
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
