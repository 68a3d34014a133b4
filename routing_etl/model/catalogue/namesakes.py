"""Codes given anew: which code of today has the name of one that went out of use."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import ArrayLike
from scipy.special import gammaln

from routing_etl.model.base.arrays import Floats

#: Share of a code's uses whose dates may be astray.
STRAY = 0.02
#: Least share of a new code's uses in part types that had the old one; part types that began since are not asked.
_AT_HOME = 0.5
#: Most of the time of both codes that may lie between them.
_MOST_GAP = 0.25
#: ln of the least number of orders in time of both codes' uses.
LEAST_ORDERS = float(np.log(1000.0))


def namesakes(own: pl.DataFrame, age: dict[str, float], code: str, name: str) -> dict[str, str]:
    """Which codes go on under another code with the same name: old code -> the code that followed it.

    Where all codes of a shop are given anew on one day, the neighbours of a place change with the place itself, and nothing but the
    name ties an old code to the new one. The old code must end where the new one begins, in the part types that have the new one,
    and neither may have a second code of its name beside it. That dates part them so by chance must be less likely than 1 in
    1,000.

    Parameters
    ----------
    own : polars.DataFrame
        Operations with item_key, job_cd, part_type, `code` and `name`.
    age : dict of str to float
        Days per item_key, only items with a date.
    code : str
        The column of the codes.
    name : str
        The one of their names.
    """
    used = _dated(own, age, code, name)
    spans = _spans(used)
    pairs = _followed(spans)
    if pairs.is_empty():
        return {}
    kinds = used.select("code", "part_type", "age").join(
        used.group_by("part_type").agg(began=pl.col("age").max()), on="part_type"
    )
    shared = (
        pairs.join(kinds.rename({"code": "new"}), on="new")
        .filter(pl.col("began") >= pl.col("last"))
        .join(
            kinds.select(old="code", part_type="part_type").unique().with_columns(had=True),
            on=["old", "part_type"],
            how="left",
        )
        .group_by("old", "new")
        .agg(home=pl.col("had").fill_null(False).mean())
    )
    kept = pairs.join(shared, on=["old", "new"]).filter(pl.col("home") >= _AT_HOME)
    return dict(zip(kept["old"].to_list(), kept["new"].to_list(), strict=True))


def log_orders(uses: ArrayLike, new_uses: ArrayLike) -> Floats:
    """Logarithm of the number of orders in time that so many uses of two codes can have."""
    n, m = np.asarray(uses), np.asarray(new_uses)
    orders: Floats = gammaln(n + m + 1) - gammaln(n + 1) - gammaln(m + 1)
    return orders


def _dated(own: pl.DataFrame, age: dict[str, float], code: str, name: str) -> pl.DataFrame:
    """Uses with a date: code, age, part type, and the name that most uses of the code have."""
    used = own.select(
        pl.col("part_type").fill_null(""),
        code=pl.col(code),
        name=pl.col(name).str.strip_chars().str.to_lowercase().str.replace_all(r"\\s+", " "),
        age=pl.col("item_key").replace_strict(age, default=None, return_dtype=pl.Float64),
    ).drop_nulls(["code", "age"])
    names = used.group_by("code").agg(pl.col("name").drop_nulls().mode().sort().first())
    return (
        used.drop("name")
        .join(names, on="code", maintain_order="left")
        .filter(pl.col("name").fill_null("") != "")
    )


def _spans(used: pl.DataFrame) -> pl.DataFrame:
    """Per code its name, uses and the ages of its first and last use; of many uses a few may be astray on either side."""
    stray = (pl.len() * STRAY + 0.5).floor().cast(pl.Int64)
    return used.group_by("code", "name").agg(
        uses=pl.len(),
        last=pl.col("age").sort().get(stray),
        first=pl.col("age").sort(descending=True).get(stray),
    )


def _followed(spans: pl.DataFrame) -> pl.DataFrame:
    """Pairs old, new of one name in which the new code is the only one that began after the old one, which is the last that ended."""
    ahead = spans.sort("name", "first", "code", descending=[False, True, False]).with_columns(
        **{f"next_{c}": pl.col(c).shift(-1).over("name") for c in ("code", "uses", "last", "first")},
        # Nothing of the name that began before may go on beside the new code.
        until=pl.col("last").cum_min().over("name"),
    )
    whole = pl.col("first") - pl.col("next_last")
    gap = pl.col("until") - pl.col("next_first")
    pairs = ahead.filter(
        pl.col("next_code").is_not_null(),
        gap >= 0,
        pl.col("until") == pl.col("last"),
        gap <= _MOST_GAP * pl.max_horizontal(whole, pl.lit(1e-9)),
    ).select("name", "last", old="code", new="next_code", uses="uses", new_uses="next_uses")
    # One that overlaps with the new code on its side leaves open which of the two took over.
    following = spans.select("name", other="code", other_first="first")
    rivals = (
        pairs.join(following, on="name")
        .filter(pl.col("other") != pl.col("new"), pl.col("other") != pl.col("old"))
        .join(spans.select(new="code", new_last="last"), on="new")
        .filter(pl.col("other_first") < pl.col("last"), pl.col("other_first") >= pl.col("new_last"))
        .join(spans.select(new="code", new_first="first"), on="new")
    )
    enough = pairs.filter(pl.Series(log_orders(pairs["uses"], pairs["new_uses"]) >= LEAST_ORDERS))
    return enough.join(rivals.select("old", "new").unique(), on=["old", "new"], how="anti")
