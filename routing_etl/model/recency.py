"""Which jobs and resources have gone out of use, and how much an old routing still counts.

What belongs here: dates of routings against each other. What does not: dates of work results of single items.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

FloatArray = NDArray[Any]
IntArray = NDArray[np.int64]

_EXPECTED = 6.0
_SURE = 0.45
_DAY = 86_400_000_000.0


def age_in_days(dates: pl.Series) -> FloatArray:
    """Days before the newest date; NaN without a date."""
    micro = dates.cast(pl.Datetime("us")).to_physical().cast(pl.Float64).fill_null(float("nan")).to_numpy()
    if not np.isfinite(micro).any():
        return np.full(len(micro), np.nan, dtype=np.float32)
    age: FloatArray = ((np.nanmax(micro) - micro) / _DAY).astype(np.float32)
    return age


def retired(
    item: IntArray, code: IntArray, n_codes: int, age: FloatArray, family: IntArray
) -> NDArray[np.bool_]:
    """Codes (jobs or steps) that items of the same families would have used since, and none did.

    For a code last used at age a, the routings of its families younger than a would have had it `share x number`
    times, had its use gone on; six expected and none seen has a chance of 1 in 400 (Poisson), so it is retired.

    Parameters
    ----------
    item, code: use pairs (label index, code). age: per label, days, NaN unknown. family: per label, >= 0.
    """
    out = np.zeros(n_codes, dtype=bool)
    dated = np.isfinite(age)
    if not dated.any():
        return out
    n_families = int(family.max()) + 1
    youngest = np.full(n_codes, np.inf)
    use_age = age[item]
    ok = np.isfinite(use_age)
    np.minimum.at(youngest, code[ok], use_age[ok])
    limit = float(np.nanquantile(age[dated], 0.01))
    order = np.lexsort((item, code))
    item_s, code_s = item[order], code[order]
    bounds = np.searchsorted(code_s, np.arange(n_codes + 1))
    for c in np.flatnonzero(np.isfinite(youngest) & (youngest > limit)):
        users = np.unique(item_s[bounds[c] : bounds[c + 1]])
        uses = np.bincount(family[users], minlength=n_families)
        touched = uses[family] > 0
        after = touched & dated & (age < youngest[c])
        before = touched & ~(age < youngest[c])
        n_after = np.bincount(family[after], minlength=n_families)
        n_before = np.bincount(family[before], minlength=n_families)
        out[c] = float((uses / np.maximum(n_before, 1) * n_after).sum()) >= _EXPECTED
    return out


def successors(
    own: pl.DataFrame, age: dict[str, float], gone: list[str], code: str, least: float = 0.5
) -> dict[str, str]:
    """Which code took over from a retired one.

    A successor appears between the same neighbours (previous and following job) as the retired code did, and its share
    there grew, after the retired code's last use, by at least `least` of the share that the retired code had.

    Parameters
    ----------
    own: operations in order with item_key, job_cd and `code`. age: days per item_key, only items with a date.
    gone: retired codes. code: the column that holds them.
    """
    if not gone:
        return {}
    frame = (
        own.select(list(dict.fromkeys(["item_key", "job_cd", code])))
        .with_columns(
            before=pl.col("job_cd").shift(1).over("item_key").fill_null(""),
            after=pl.col("job_cd").shift(-1).over("item_key").fill_null(""),
            age=pl.col("item_key").replace_strict(age, default=None, return_dtype=pl.Float64),
        )
        .filter(pl.col("age").is_not_null() & pl.col(code).is_not_null())
    )
    plant = frame.group_by(code).agg(oldest=pl.col("age").max(), all=pl.len())
    found: list[tuple[str, str, float]] = []
    for old in gone:
        ages = frame.filter(pl.col(code) == old)["age"].to_numpy()
        if not len(ages):
            continue
        last = float(ages.min())
        # A place is the pair of neighbours; what stands between them changes when a code is replaced.
        places = frame.filter(pl.col(code) == old).group_by("before", "after").len("uses")
        here = frame.join(places, on=["before", "after"])
        early, late = here.filter(pl.col("age") >= last).height, here.filter(pl.col("age") < last).height
        if not early or late < _EXPECTED / 2:
            continue
        share = (
            here.group_by(code)
            .agg(early=(pl.col("age") >= last).sum() / early, late=(pl.col("age") < last).sum() / late)
            .with_columns(grown=pl.col("late") - pl.col("early"))
            .join(plant, on=code)
            .with_columns(new=pl.col("oldest") <= last * 1.1 + 30)
        )
        had = share.filter(pl.col(code) == old)["early"].item()
        rivals = share.filter(
            ~pl.col(code).is_in(gone) & (pl.col("grown") >= least * had) & (pl.col("all") >= 3)
        )
        # The best successor grew by as much as the old code had; one that did not exist before is likelier.
        fit = pl.min_horizontal("grown", pl.lit(had)) / pl.max_horizontal("grown", pl.lit(had))
        scored = rivals.with_columns(score=fit * pl.when("new").then(1.0).otherwise(0.5))
        found += [(old, new, score) for new, score in scored.select(code, "score").iter_rows()]
    if not found:
        return {}
    olds, news = sorted({f[0] for f in found}), sorted({f[1] for f in found})
    table = np.zeros((len(olds), len(news)))
    for old, new, score in found:
        table[olds.index(old), news.index(new)] = score
    rows, cols = linear_sum_assignment(-table)
    return {olds[r]: news[c] for r, c in zip(rows, cols, strict=True) if table[r, c] > _SURE}


def age_weight(age: FloatArray, half_life_days: float) -> FloatArray:
    """1 for the newest routing, halved every `half_life_days`; unknown ages count as the median."""
    known = np.isfinite(age)
    middle = float(np.median(age[known])) if known.any() else 0.0
    return np.exp2(-np.where(known, age, middle) / half_life_days).astype(np.float32)
