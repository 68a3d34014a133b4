"""OPT / STD / SAFE and the confidences of docs/erp-contract.md 6.5: the constants and formulas, once for all rooms.

Belongs here: formulas over columns that the caller names, and their constants. Does not: where the columns come from, nor
whether a confidence is calibrated (the model room measures that). NULL in, NULL out, unless stated.
"""

from __future__ import annotations

from typing import Any

import polars as pl

#: Share trimmed at each end for STD (docs/legacy-system.md 2.8).
TRIM = 0.10
#: OPT lies this many standard deviations below STD, about the 25 % quantile. The old system added it: wrong sign.
OPT_SIGMA = 0.67
#: SAFE lies this many above, about the 90 % quantile.
SAFE_SIGMA = 1.28

#: Upper limits of the CV bands stable, moderate and variable, and what a time in the band adds to the operation's
#: confidence; above the last the time is unstable and adds nothing.
CV_BANDS: tuple[tuple[float, float], ...] = ((0.15, 0.3), (0.30, 0.2), (0.50, 0.1))


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

    At most 1. A CV that is not known (NULL or NaN) earns no bonus.
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
    """0.5 x n/(n+2) + 0.5 x similarity, three decimals. An item's own actuals have similarity 1.

    `n`, `similarity`: NumPy arrays, Polars series or expressions.
    """
    return (0.5 * n / (n + 2) + 0.5 * similarity).round(3)
