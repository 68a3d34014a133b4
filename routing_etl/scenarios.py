"""OPT / STD / SAFE times and the confidences of docs/erp-contract.md 6.5, once for all rooms.

NULL in, NULL out, unless stated otherwise. Whether a confidence is calibrated is measured in the model room.
"""

from __future__ import annotations

from typing import Any

import polars as pl

#: Share of the samples that STD, a trimmed mean, leaves out at each end, as in the replaced system
#: (docs/legacy-system.md 2.8).
TRIM = 0.10
#: OPT is this many standard deviations below STD: the 25 % quantile of a normal distribution. The replaced system added
#: them, by mistake.
OPT_SIGMA = 0.67
#: SAFE is this many standard deviations above STD: the 90 % quantile of a normal distribution.
SAFE_SIGMA = 1.28

#: Upper limits of the bands of the coefficient of variation (stable, moderate, variable) and what each band adds to an
#: operation's confidence. Above the last limit a time is unstable and adds nothing.
CV_BANDS: tuple[tuple[float, float], ...] = ((0.15, 0.3), (0.30, 0.2), (0.50, 0.1))

#: Standard deviations of a normal distribution between its 10 % and 90 % quantile.
INTERVAL_SIGMAS = 2.5631

#: Grades of a candidate by the mean of its confidence and the version's exact match on held-out items: from which mean on, the letter, and
#: the ERP's word.
GRADES: tuple[tuple[float, str, str], ...] = (
    (0.8, "A", "우수"), (0.7, "B", "양호"), (0.6, "C", "보통"), (0.0, "D", "개선필요"),
)  # fmt: skip


def optimal_time(standard: pl.Expr, std: pl.Expr) -> pl.Expr:
    """OPT = max(0, STD - 0.67 sd), in the unit of STD."""
    return pl.when(standard.is_not_null() & std.is_not_null()).then(
        pl.max_horizontal(standard - OPT_SIGMA * std, pl.lit(0.0))
    )


def safe_time(standard: pl.Expr, std: pl.Expr) -> pl.Expr:
    """SAFE = STD + 1.28 sd, in the unit of STD."""
    return standard + SAFE_SIGMA * std


def operation_confidence(n: pl.Expr, mean_similarity: pl.Expr, cv: pl.Expr) -> pl.Expr:
    """min(0.3, 0.05 n) + 0.4 x mean similarity + CV bonus (0.3, 0.2, 0.1, 0), x 1.1 when n >= 5 and similarity >= 0.8.

    At most 1. An unknown CV (NULL or NaN) earns no bonus.

    Parameters
    ----------
    n : polars.Expr
        Samples behind the time.
    mean_similarity : polars.Expr
        Mean similarity of the items that gave the samples, 0 to 1.
    cv : polars.Expr
        Standard deviation over mean of the samples.
    """
    bonus: pl.Expr = pl.lit(0.0)
    for limit, earned in reversed(CV_BANDS):
        bonus = pl.when(cv < limit).then(earned).otherwise(bonus)
    base = pl.min_horizontal(pl.lit(0.3), 0.05 * n) + 0.4 * mean_similarity + bonus
    raised = pl.when((n >= 5) & (mean_similarity >= 0.8)).then(base * 1.1).otherwise(base)
    return pl.when(n.is_not_null() & mean_similarity.is_not_null()).then(
        pl.min_horizontal(raised, pl.lit(1.0))
    )


def actuals_confidence(n: Any, similarity: Any) -> Any:
    """0.5 x n/(n+2) + 0.5 x similarity, rounded to three decimals. An item's own actuals have similarity 1.

    Parameters
    ----------
    n : array, polars.Series or polars.Expr
        Work results behind the time.
    similarity : array, polars.Series or polars.Expr
        Similarity of the items they come from, 0 to 1.
    """
    return (0.5 * n / (n + 2) + 0.5 * similarity).round(3)
