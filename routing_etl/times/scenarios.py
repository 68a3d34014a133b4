"""OPT / STD / SAFE, CV bands, confidences and grades of ERP_CONTRACT 6.5 as column expressions.

Belongs here: the formulas, one expression each, over columns that the caller names. Does not: where the columns come
from, nor whether a confidence is calibrated (the model room measures that). NULL in, NULL out, unless stated.
"""

from __future__ import annotations

import polars as pl

#: Share trimmed at each end for STD (LEGACY 2.8 S7).
TRIM = 0.10
#: OPT lies this many standard deviations below STD, about the 25 % quantile. The old system added it: wrong sign.
OPT_SIGMA = 0.67
#: SAFE lies this many above, about the 90 % quantile.
SAFE_SIGMA = 1.28

#: Upper limits of the CV bands, the label stored, and the word that screens show.
CV_BANDS: tuple[tuple[float, str], ...] = ((0.15, "stable"), (0.30, "moderate"), (0.50, "variable"))
CV_ABOVE = "unstable"
CV_WORDS = {"stable": "안정적", "moderate": "보통", "variable": "가변적", "unstable": "불안정"}
_CV_BONUS = {"stable": 0.3, "moderate": 0.2, "variable": 0.1, "unstable": 0.0}

GRADES: tuple[tuple[float, str], ...] = ((0.8, "A"), (0.7, "B"), (0.6, "C"))
GRADE_BELOW = "D"
GRADE_WORDS = {"A": "우수", "B": "양호", "C": "보통", "D": "개선필요"}


def optimal_time(standard: pl.Expr, std: pl.Expr) -> pl.Expr:
    """OPT = max(0, STD - 0.67 sd), in the unit of STD."""
    return pl.when(standard.is_not_null() & std.is_not_null()).then(
        pl.max_horizontal(standard - OPT_SIGMA * std, pl.lit(0.0))
    )


def safe_time(standard: pl.Expr, std: pl.Expr) -> pl.Expr:
    """SAFE = STD + 1.28 sd, in the unit of STD."""
    return standard + SAFE_SIGMA * std


def _present(value: pl.Expr) -> pl.Expr:
    return pl.when(value.is_not_nan()).then(value)


def cv_label(cv: pl.Expr) -> pl.Expr:
    """Label of the CV band: < 0.15 stable, < 0.30 moderate, < 0.50 variable, else unstable; NULL for NULL or NaN."""
    cv = _present(cv)
    label: pl.Expr = pl.lit(CV_ABOVE)
    for limit, name in reversed(CV_BANDS):
        label = pl.when(cv < limit).then(pl.lit(name)).otherwise(label)
    return pl.when(cv.is_not_null()).then(label)


def cv_word(cv: pl.Expr) -> pl.Expr:
    """The Korean word of the CV band."""
    return cv_label(cv).replace_strict(CV_WORDS, default=None, return_dtype=pl.String)


def operation_confidence(n: pl.Expr, mean_similarity: pl.Expr, cv: pl.Expr) -> pl.Expr:
    """min(0.3, 0.05 n) + 0.4 x mean similarity + CV bonus (0.3, 0.2, 0.1, 0), x 1.1 when n >= 5 and similarity >= 0.8.

    At most 1. A CV that is not known earns no bonus.
    """
    bonus = cv_label(cv).replace_strict(_CV_BONUS, default=0.0, return_dtype=pl.Float64)
    base = pl.min_horizontal(pl.lit(0.3), 0.05 * n) + 0.4 * mean_similarity + bonus
    raised = pl.when((n >= 5) & (mean_similarity >= 0.8)).then(base * 1.1).otherwise(base)
    return pl.when(n.is_not_null() & mean_similarity.is_not_null()).then(
        pl.min_horizontal(raised, pl.lit(1.0))
    )


def actuals_confidence(n: pl.Expr, similarity: pl.Expr) -> pl.Expr:
    """0.5 x n/(n+2) + 0.5 x similarity, three decimals. An item's own actuals have similarity 1."""
    return (0.5 * n / (n + 2) + 0.5 * similarity).round(3)


def candidate_actuals_confidence(n: pl.Expr, cv: pl.Expr) -> pl.Expr:
    """n/(n+2) - min(0.3, CV), at least 0; 0 when n < 3. A CV that is not known costs the full 0.3."""
    cost = pl.min_horizontal(pl.lit(0.3), _present(cv).fill_null(0.3))
    return (
        pl.when(n.is_null())
        .then(None)
        .when(n < 3)
        .then(0.0)
        .otherwise(pl.max_horizontal(n / (n + 2) - cost, pl.lit(0.0)))
    )


def quality_grade(confidence: pl.Expr, model_quality: pl.Expr) -> pl.Expr:
    """Grade of the mean of both: A >= 0.8, B >= 0.7, C >= 0.6, else D; NULL when one is missing."""
    mean = _present((confidence + model_quality) / 2)
    grade: pl.Expr = pl.lit(GRADE_BELOW)
    for limit, name in reversed(GRADES):
        grade = pl.when(mean >= limit).then(pl.lit(name)).otherwise(grade)
    return pl.when(mean.is_not_null()).then(grade)


def grade_word(grade: pl.Expr) -> pl.Expr:
    """The Korean word of a grade."""
    return grade.replace_strict(GRADE_WORDS, default=None, return_dtype=pl.String)
