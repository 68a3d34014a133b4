"""Metrics of predicted times, set-up (minutes per order) and run (minutes per piece) apart, on aligned operations.

An operation counts where the best candidate has it, aligned by job code, and work results gave it a time. Its actual
time is one number per operation (`reference.ACTUAL_STATISTIC`); each operation weighs the same.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import polars as pl
from scipy.special import ndtr

from routing_etl.evaluation.bootstrap import (
    Metric,
    Ranked,
    RankedMetric,
    SumMetric,
    ratio,
    trimmed_mean,
    weighted_median,
)
from routing_etl.evaluation.comparison import Comparison
from routing_etl.evaluation.reasons import (
    NO_ACTUAL_DATA,
    NO_INTERVAL,
    NO_ORACLE,
    NO_PREDICTED_TIME,
    NO_REPORTS,
)
from routing_etl.evaluation.reference import TIME_COLUMNS
from routing_etl.evaluation.sums import per_item
from routing_etl.model.base.arrays import Floats

#: Share of the errors that `*_trim_mae` leaves out at each end (docs/legacy-system.md 2.10).
TRIM = 0.1
#: Columns of `time_sample`.
TIME_SAMPLE: dict[str, pl.DataType] = {
    "measure": pl.String(), "predicted": pl.Float64(), "actual": pl.Float64(),
}  # fmt: skip


def _root(sums: Floats) -> Floats:
    return np.asarray(np.sqrt(ratio(sums)))


def _relative_root(sums: Floats) -> Floats:
    """Root mean square error over the mean actual: sums of squared error, weight, actual."""
    mean = ratio(sums[:, [2, 1]])
    root = np.sqrt(ratio(sums[:, :2]))
    return np.asarray(np.divide(root, mean, out=np.full(len(mean), np.nan), where=mean > 0))


def _pinball(quantile: float, predicted: str) -> pl.Expr:
    """Loss of a predicted quantile (Koenker and Bassett 1978), in minutes."""
    gap = pl.col("actual") - pl.col(predicted)
    return pl.max_horizontal(quantile * gap, (quantile - 1) * gap)


def time_metrics(found: Comparison, measures: Iterable[str] = tuple(TIME_COLUMNS)) -> list[Metric]:
    """All time metrics of set-up and run.

    What each name means stands in the glossary. `*_report_coverage` counts single reports, which spread wider than the
    operation's actual time and are what P10 and P90 are about; `*_coverage` counts the actual times.

    Parameters
    ----------
    found : Comparison
        One method's answers.
    measures : iterable of {'setup', 'run'}, optional
        Which times.

    Returns
    -------
    list of Metric
        To be valued by a `Resampler`.
    """
    metrics: list[Metric] = []
    for measure in measures:
        if found.reference.expected:
            metrics += _expected(found, measure, found.reference.time_sigma.get(measure, 0.0))
        else:
            metrics += _observed(found, measure)
    return metrics


def expected_error(predicted: Floats, median: Floats, sigma: float) -> Floats:
    """Mean of |predicted - T| for a lognormal time T.

    Parameters
    ----------
    predicted : numpy.ndarray
        Predicted times.
    median : numpy.ndarray
        Median of T.
    sigma : float
        Standard deviation of ln T; 0 gives the plain distance.

    Returns
    -------
    numpy.ndarray
        Expected absolute errors.

    Notes
    -----
    From the partial expectation of the lognormal distribution: with z = ln(predicted / median) / sigma and F the standard
    normal distribution function, predicted (2 F(z) - 1) + mean (1 - 2 F(z - sigma)).
    """
    if sigma == 0:
        return np.asarray(np.abs(predicted - median))
    z = np.log(np.maximum(predicted, 1e-12) / median) / sigma
    mean = median * np.exp(sigma**2 / 2)
    return np.asarray(predicted * (2 * ndtr(z) - 1) + mean * (1 - 2 * ndtr(z - sigma)))


def _expected(found: Comparison, measure: str, sigma: float) -> list[Metric]:
    """Expected errors against one future report of each operation, whose median the truth knows.

    `*_wape_of_median`: distance to the medians themselves, over their sum.
    """
    value, low, high = TIME_COLUMNS[measure]
    n = found.n_items
    rows = found.matches.select(
        "item", "weight", predicted=value, low=low, high=high, median=f"{measure}_actual"
    ).filter(pl.col("median") > 0)
    timed = rows.filter(pl.col("predicted").is_not_null())
    w = pl.col("weight")
    filled = per_item(rows, n, w * pl.col("predicted").is_not_null(), w)
    predicted, median = timed["predicted"].to_numpy(), timed["median"].to_numpy()
    timed = timed.with_columns(
        error=pl.Series(expected_error(predicted, median, sigma), dtype=pl.Float64),
        oracle=pl.Series(expected_error(median, median, sigma), dtype=pl.Float64),
        mean=pl.col("median") * float(np.exp(sigma**2 / 2)),
    )
    absent = NO_PREDICTED_TIME if rows.height else NO_ACTUAL_DATA
    p, m = pl.col("predicted"), pl.col("median")
    sums = per_item(
        timed, n, w * pl.col("error"), w * pl.col("mean"), w, w * pl.col("oracle"), w * (p - pl.col("mean")),
        w * (p - m).abs(), w * m,
    )  # fmt: skip
    spans = timed.filter(pl.col("low").is_not_null() & pl.col("high").is_not_null())
    ends = [spans[c].to_numpy() for c in ("low", "high", "median")]
    if sigma > 0:
        upto = [ndtr(np.log(np.maximum(end, 1e-12) / ends[2]) / sigma) for end in ends[:2]]
        inside = upto[1] - upto[0]
    else:
        inside = ((ends[0] <= ends[2]) & (ends[2] <= ends[1])).astype(np.float64)
    spans = spans.with_columns(inside=pl.Series(inside, dtype=pl.Float64))
    width = pl.col("high") - pl.col("low")
    span = per_item(spans, n, w * pl.col("inside"), w, w * width, w * pl.col("mean"))
    no_span = NO_INTERVAL if timed.height else absent
    units = sums[:, 2]
    return [
        SumMetric(f"{measure}_wape", sums[:, [0, 1]], ratio, units, absent),
        SumMetric(f"{measure}_mae", sums[:, [0, 2]], ratio, units, absent),
        SumMetric(f"{measure}_bias", sums[:, [4, 1]], ratio, units, absent),
        SumMetric(f"{measure}_wape_of_median", sums[:, [5, 6]], ratio, units, absent),
        SumMetric(f"{measure}_report_coverage", span[:, [0, 1]], ratio, span[:, 1], no_span),
        SumMetric(f"{measure}_width", span[:, [2, 1]], ratio, span[:, 1], no_span),
        SumMetric(f"{measure}_width_relative", span[:, [2, 3]], ratio, span[:, 1], no_span),
        SumMetric(f"{measure}_filled", filled, ratio, filled[:, 1], NO_ACTUAL_DATA),
        SumMetric(f"{measure}_wape_vs_oracle", sums[:, [0, 3]], ratio, units, NO_ORACLE),
    ]


def _observed(found: Comparison, measure: str) -> list[Metric]:
    """Errors against the actual times that work results gave."""
    value, low, high = TIME_COLUMNS[measure]
    n = found.n_items
    rows = found.matches.select(
        "item",
        "weight",
        predicted=pl.col(value),
        low=pl.col(low),
        high=pl.col(high),
        actual=pl.col(f"{measure}_actual"),
        oracle=pl.col(f"{measure}_oracle"),
    ).filter(pl.col("actual").is_finite() & (pl.col("actual") > 0))
    w = pl.col("weight")
    filled = per_item(rows, n, w * pl.col("predicted").is_not_null(), w)
    timed = rows.filter(pl.col("predicted").is_not_null()).with_columns(
        error=pl.col("predicted") - pl.col("actual")
    )
    absent = NO_PREDICTED_TIME if rows.height else NO_ACTUAL_DATA
    e, a = pl.col("error"), pl.col("actual")
    sums = per_item(timed, n, w * e.abs(), w * a, w, w * e * e, w * e, w * _pinball(0.5, "predicted"))
    units = sums[:, 2]
    spans = timed.filter(pl.col("low").is_not_null() & pl.col("high").is_not_null())
    inside = (pl.col("low") <= a) & (a <= pl.col("high"))
    single = _single_reports(found, measure)
    span = per_item(
        spans, n, w * inside, w, w * (pl.col("high") - pl.col("low")), w * a, w * _pinball(0.1, "low"),
        w * _pinball(0.9, "high"),
    )  # fmt: skip
    no_span = NO_INTERVAL if timed.height else absent
    versus = timed.filter(pl.col("oracle").is_not_null() & (pl.col("oracle") != a))
    oracle = per_item(versus, n, w * e.abs(), w * (pl.col("oracle") - a).abs(), w)
    out: list[Metric] = [
        SumMetric(f"{measure}_wape", sums[:, [0, 1]], ratio, units, absent),
        _sorted(f"{measure}_mdape", timed.with_columns(key=e.abs() / a), n, weighted_median, absent),
        SumMetric(f"{measure}_mae", sums[:, [0, 2]], ratio, units, absent),
        _sorted(f"{measure}_trim_mae", timed.with_columns(key=e.abs()), n, trimmed_mean(TRIM), absent),
        SumMetric(f"{measure}_rmse", sums[:, [3, 2]], _root, units, absent),
        SumMetric(f"{measure}_bias", sums[:, [4, 1]], ratio, units, absent),
        SumMetric(f"{measure}_cv", sums[:, [3, 2, 1]], _relative_root, units, absent),
        SumMetric(f"{measure}_pinball_10", span[:, [4, 1]], ratio, span[:, 1], no_span),
        SumMetric(f"{measure}_pinball_50", sums[:, [5, 2]], ratio, units, absent),
        SumMetric(f"{measure}_pinball_90", span[:, [5, 1]], ratio, span[:, 1], no_span),
        SumMetric(f"{measure}_coverage", span[:, [0, 1]], ratio, span[:, 1], no_span),
        SumMetric(f"{measure}_report_coverage", single[:, :2], ratio, single[:, 2], NO_REPORTS),
        SumMetric(f"{measure}_width", span[:, [2, 1]], ratio, span[:, 1], no_span),
        SumMetric(f"{measure}_width_relative", span[:, [2, 3]], ratio, span[:, 1], no_span),
        SumMetric(f"{measure}_filled", filled, ratio, filled[:, 1], NO_ACTUAL_DATA),
        SumMetric(f"{measure}_wape_vs_oracle", oracle[:, :2], ratio, oracle[:, 2], NO_ORACLE),
    ]
    return out


def _single_reports(found: Comparison, measure: str) -> Floats:
    """Per item: reports inside P10 to P90 and reports, each operation weighing 1, and the number of reports."""
    reports = found.reference.reports
    if reports is None:
        return np.zeros((found.n_items, 3))
    _, low, high = TIME_COLUMNS[measure]
    minutes = pl.col(f"{measure}_min")
    rows = (
        found.matches.filter(pl.col(low).is_not_null() & pl.col(high).is_not_null())
        .join(
            reports.filter(minutes.is_finite() & (minutes > 0)),
            left_on=["item", "actual_pos"],
            right_on=["item", "pos"],
        )
        .with_columns(share=pl.col("weight") / pl.len().over("item", "variant", "actual_pos"))
    )
    inside = (pl.col(low) <= minutes) & (minutes <= pl.col(high))
    return per_item(
        rows, found.n_items, pl.col("share") * inside, pl.col("share"), pl.lit(1.0) * minutes.is_not_null()
    )


def _sorted(name: str, rows: pl.DataFrame, n: int, combine: Ranked, reason: str) -> RankedMetric:
    rows = rows.sort("key")
    item = rows["item"].to_numpy().astype(np.int64)
    weight = rows["weight"].to_numpy().astype(np.float64)
    return RankedMetric(
        name,
        rows["key"].to_numpy().astype(np.float64)[:, None],
        item,
        weight,
        combine,
        np.bincount(item, weights=weight, minlength=n).astype(np.float64),
        reason,
    )


def time_sample(found: Comparison, size: int = 300) -> pl.DataFrame:
    """Predicted beside actual minutes of some aligned operations: the points of a plot.

    Parameters
    ----------
    found : Comparison
        One method's answers.
    size : int, optional
        Most operations per measure; of more, every k-th one.

    Returns
    -------
    polars.DataFrame
        `TIME_SAMPLE`: measure, predicted, actual; run in minutes per piece, set-up in minutes per order.
    """
    parts = []
    for measure, (value, _, _) in TIME_COLUMNS.items():
        rows = found.matches.select(
            pl.lit(measure).alias("measure"), predicted=value, actual=f"{measure}_actual"
        ).filter(pl.col("predicted") > 0, pl.col("actual") > 0, pl.col("actual").is_finite())
        parts.append(rows.gather_every(max(1, -(-rows.height // size))))
    return pl.concat(parts)
