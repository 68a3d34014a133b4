"""What the review of standard times asks of very many small groups of reports at once, without a loop over groups.

* Interval of a median: two order statistics, so it holds whatever the distribution of the times (Conover 1999, "Practical
  Nonparametric Statistics", 3.2; David and Nagaraja 2003, "Order Statistics", 7.1). With unequal weights the number of
  values is the effective one, (sum w)^2 / sum w^2 (Kish 1965, "Survey Sampling"), and ranks are positions in the weights.
* Test of a median against a bound: the sign test with the same effective number. Its binomial tail is taken from the
  incomplete beta function, which is defined between whole numbers too.
* Many tests: false discovery rate of Benjamini and Hochberg (1995, "Controlling the False Discovery Rate").
* Change of level: the test of Pettitt (1979, "A Non-parametric Approach to the Change-point Problem") with its approximate
  significance 2 exp(-6 K^2 / (n^3 + n^2)), repeated on what follows the change. The day is where the standardised statistic
  of Mann and Whitney is largest (Hawkins and Deng 2010, "A Nonparametric Change-Point Control Chart"): K alone puts the
  change too near to the middle of the reports.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from routing_etl.times.statistics import FloatArray, SortedGroups

#: Confidence of the intervals.
CONFIDENCE = 0.95
#: Significance that a change of level needs. The change is searched for in every operation, so 5 % would find too many.
CHANGE_LEVEL = 0.01
#: Fewest dated reports in which a change can be that significant: 2 exp(-0.375 n^2 / (n + 1)) for a clean half-half split.
LEAST_FOR_CHANGE = 15
#: How many changes are looked for, one after the other.
_ROUNDS = 3
#: Allowance for rounding errors of weights, relative.
_TOLERANCE = 1e-9


def effective_size(groups: SortedGroups) -> FloatArray:
    """Number of equally weighted values that say as much as each group's weighted ones."""
    weight = _weights(groups)
    return groups.total(weight) ** 2 / groups.total(weight**2)


def _weights(groups: SortedGroups) -> FloatArray:
    return np.ones(len(groups.value)) if groups.weight is None else groups.weight


def median_interval(groups: SortedGroups) -> tuple[FloatArray, FloatArray]:
    """The 95 % order-statistic interval of each group's median; NaN where a group has too few values for one.

    Fewer than six equally weighted values have none: all six are on one side of the median in 2 of 64 cases.

    Parameters
    ----------
    groups : SortedGroups
        Values of groups that are not empty.
    """
    from scipy.stats import binom

    size = np.floor(effective_size(groups) + _TOLERANCE).astype(np.int64)
    sizes, back = np.unique(size, return_inverse=True)
    rank = binom.ppf((1 - CONFIDENCE) / 2, sizes, 0.5)[back]
    weight = _weights(groups)
    along = np.cumsum(weight)
    before = np.concatenate([[0.0], along])[groups.start]
    middle = (along - groups.spread(before) - weight / 2) / groups.spread(groups.total(weight))
    position = (rank - 0.5) / np.maximum(size, 1)
    below = groups.total(middle <= groups.spread(position) * (1 + _TOLERANCE)).astype(np.int64)
    above = groups.total(middle >= groups.spread(1 - position) * (1 - _TOLERANCE)).astype(np.int64)
    # The outermost values are conservative ends whatever their weight.
    low = groups.value[groups.start + np.maximum(below, 1) - 1]
    high = groups.value[groups.start + groups.size - np.maximum(above, 1)]
    return np.where(rank >= 1, low, np.nan), np.where(rank >= 1, high, np.nan)


def sign_test(groups: SortedGroups, low: FloatArray, high: FloatArray) -> FloatArray:
    """Two-sided significance that a group's median lies outside the band from `low` to `high`.

    Parameters
    ----------
    groups : SortedGroups
        Values of groups that are not empty.
    low : FloatArray
        Lower end of each group's band; NaN gives NaN.
    high : FloatArray
        Upper end.
    """
    from scipy.special import betainc

    size, weight = effective_size(groups), _weights(groups)
    whole = groups.total(weight)

    def tail(outside: np.ndarray) -> FloatArray:
        """Chance of at least this many values on one side of the true median."""
        many = size * groups.total(np.where(outside, weight, 0.0)) / whole
        found = betainc(np.maximum(many, _TOLERANCE), np.maximum(size - many, 0.0) + 1.0, 0.5)
        return np.where(many > _TOLERANCE, found, 1.0)

    both = np.minimum(
        tail(groups.value > groups.spread(high)),
        tail(groups.value < groups.spread(low)),
    )
    return np.where(np.isfinite(low) & np.isfinite(high), np.minimum(2 * both, 1.0), np.nan)


def false_discovery(p_value: FloatArray) -> FloatArray:
    """Significances adjusted for their number (Benjamini and Hochberg 1995); NaN stays NaN and counts as no test."""
    from scipy.stats import false_discovery_control

    adjusted = np.full(len(p_value), np.nan)
    tested = np.isfinite(p_value)
    if tested.any():
        adjusted[tested] = false_discovery_control(p_value[tested], method="bh")
    return adjusted


@dataclass(frozen=True)
class Levels:
    """The reports at the last level of each operation, and where a level changed.

    `reports` has the columns that were given. `changes` has, per operation with a change, `op`, `changed_on` (day of the
    first report of the last level) and `before` (median of the level before it).
    """

    reports: pl.DataFrame
    changes: pl.DataFrame


def last_levels(reports: pl.DataFrame) -> Levels:
    """Cut the reports of each operation where their level changed, and keep what follows the last change.

    A change lies between two days, never inside one. Reports without a date count for an operation without a change only.

    Parameters
    ----------
    reports : polars.DataFrame
        `op` (operation), `day` (date, NULL when unknown), `value`, and any others.
    """
    named = reports.with_row_index("_row")
    left = named.filter(pl.col("day").is_not_null())
    found = []
    for _ in range(_ROUNDS):
        left = left.filter(pl.len().over("op") >= LEAST_FOR_CHANGE).sort("op", "day")
        change = _changes(left)
        if change.is_empty():
            break
        left = left.join(change.select("op", "changed_on"), on="op")
        earlier = pl.col("day") < pl.col("changed_on")
        before = left.filter(earlier).group_by("op").agg(before=pl.col("value").median())
        found.append(change.join(before, on="op"))
        left = left.filter(~earlier).drop("changed_on")
    schema: dict[str, pl.DataType] = {
        "op": named.schema["op"],
        "changed_on": pl.Date(),
        "before": pl.Float64(),
    }
    if not found:
        return Levels(reports, pl.DataFrame(schema=schema))
    changes = pl.concat(found).group_by("op").agg(pl.all().sort_by("changed_on").last()).select(list(schema))
    kept = named.join(changes.select("op", "changed_on"), on="op", how="left").filter(
        pl.col("changed_on").is_null() | (pl.col("day") >= pl.col("changed_on")).fill_null(False)
    )
    return Levels(kept.sort("_row").drop("_row", "changed_on"), changes)


def _changes(reports: pl.DataFrame) -> pl.DataFrame:
    """Pettitt's test per operation over its reports in order of time: `op` and `changed_on` where it is significant."""
    count, place = pl.len().over("op"), pl.int_range(1, pl.len() + 1).over("op")
    last_of_day = pl.col("day") != pl.col("day").shift(-1).over("op")
    summed = (2 * pl.col("value").rank().over("op") - (count + 1)).cum_sum().over("op").abs()
    ranked = reports.select(
        "op",
        "day",
        n=count.cast(pl.Float64),
        after=pl.when(place < count).then(pl.col("day").shift(-1).over("op")),
        place=place.cast(pl.Float64),
        u=pl.when(last_of_day.fill_null(False)).then(summed).otherwise(0.0),
    ).with_columns(split=pl.col("u") / (pl.col("place") * (pl.col("n") - pl.col("place"))).sqrt())
    n, k = pl.col("n").first(), pl.col("u").max()
    # At the end of the last day place = n and u = 0, which is no split.
    clearest = pl.col("split").fill_nan(0.0).arg_max()
    return (
        ranked.group_by("op")
        .agg(changed_on=pl.col("after").get(clearest), p=2 * (-6 * k**2 / (n**3 + n**2)).exp())
        .filter((pl.col("p") <= CHANGE_LEVEL) & pl.col("changed_on").is_not_null())
        .select("op", "changed_on")
    )
