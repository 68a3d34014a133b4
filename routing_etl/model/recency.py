"""Which jobs and resources have gone out of use, and how much an old routing still counts.

What belongs here: dates of routings against each other. What does not: dates of work results of single items.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]

_EXPECTED = 6.0
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
    out: dict[str, str] = {}
    for old in gone:
        last = frame.filter(pl.col(code) == old)["age"].min()
        if last is None:
            continue
        # A place is the pair of neighbours; what stands between them changes when a code is replaced.
        places = frame.filter(pl.col(code) == old).group_by("before", "after").len("uses")
        here = frame.join(places, on=["before", "after"])
        share = here.group_by(code).agg(
            early=(pl.col("age") >= last).sum(), late=(pl.col("age") < last).sum()
        )
        early, late = int(share["early"].sum()), int(share["late"].sum())
        if not early or late < _EXPECTED / 2:
            continue
        share = share.with_columns(
            grown=pl.col("late") / late - pl.col("early") / early, had=pl.col("early") / early
        )
        had = share.filter(pl.col(code) == old)["had"].item()
        best = share.filter(~pl.col(code).is_in(gone)).sort("grown", code, descending=[True, False]).head(1)
        if best.height and best["grown"].item() >= least * had and best["late"].item() >= 3:
            out[old] = best[code].item()
    return out


def age_weight(age: FloatArray, half_life_days: float) -> FloatArray:
    """1 for the newest routing, halved every `half_life_days`; unknown ages count as the median."""
    known = np.isfinite(age)
    middle = float(np.median(age[known])) if known.any() else 0.0
    return np.exp2(-np.where(known, age, middle) / half_life_days).astype(np.float32)
