"""What a finding of data health costs the predictions: the judged items that it touches beside the others.

Every version was asked for items that it had not seen. Where the champion's first candidates were right less often, or its run
times farther off, for items with a finding than for those without, the finding may be why. It is told as it was measured, with
the number of items, and whether chance alone could make the difference; two findings of one item are not told apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import polars as pl

#: Fewest judged items with the finding, and without it, for a difference to be told.
LEAST_JUDGED = 20
#: Two-sided 5 % of a normal variable.
_Z = 1.96


@dataclass(frozen=True)
class Metric:
    """A ratio of sums over items.

    Attributes
    ----------
    name : str
        As in the metric tables.
    above, below : str
        Columns of the sums.
    words : str
        What the ratio is.
    """

    name: str
    above: str
    below: str
    words: str


_EXACT = Metric("exact_at_1", "exact_at_1_0", "exact_at_1_1", "share of first candidates that are right")
_MACHINE = Metric("resource_top1", "resource_top1_0", "resource_top1_2", "share of machines that are right")
_RUN = Metric("run_wape", "run_wape_0", "run_wape_1", "error of run times over their sum")
_SETUP = Metric("setup_wape", "setup_wape_0", "setup_wape_1", "error of set-up times over their sum")
#: Check -> what it would make worse; the others make routings worse.
_JUDGED_BY: Mapping[str, Metric] = {
    "dead_work_centres": _MACHINE, "missing_run_time": _RUN, "missing_setup_time": _SETUP, "old_standards": _RUN,
    "backflushed": _RUN, "wrong_units": _RUN,
}  # fmt: skip


@dataclass(frozen=True)
class Judged:
    """What the champion was right about, of items that it had not seen when it was asked.

    Attributes
    ----------
    version : str or None
        Name of the champion; None where there is none.
    items : polars.DataFrame
        `item_key`, `cluster` (near-identical items are one case) and the sums of `Metric`s per item; no rows where nothing
        was judged.
    """

    version: str | None = None
    items: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema={"item_key": pl.String()}))


def effect(check: str, touched: pl.Series, others: pl.Series, judged: Judged) -> str:
    """Tell how the judged items with a finding did, and those without.

    Parameters
    ----------
    check : str
        Name of the check.
    touched : polars.Series
        Keys of the items with the finding.
    others : polars.Series
        Keys of the items that were looked at; those that are touched are left out.
    judged : Judged
        The champion's judged items.
    """
    if judged.version is None:
        return "effect on accuracy: not measured, because there is no champion yet"
    metric = _JUDGED_BY.get(check, _EXACT)
    if not {metric.above, metric.below} <= set(judged.items.columns):
        return f"effect on accuracy: not measured, because {judged.version} has no judged items"
    rows = judged.items.filter(pl.col(metric.below) > 0)
    having = rows.filter(pl.col("item_key").is_in(touched.implode()))
    without = rows.filter(
        pl.col("item_key").is_in(others.implode()) & ~pl.col("item_key").is_in(touched.implode())
    )
    if min(having.height, without.height) < LEAST_JUDGED:
        return (
            f"effect on accuracy: not measured, because only {having.height:,} judged items of {judged.version} have it and "
            f"{without.height:,} do not ({LEAST_JUDGED} of each are needed)"
        )
    (with_it, spread), (rest, other) = _ratio(having, metric), _ratio(without, metric)
    beyond = abs(with_it - rest) > _Z * np.hypot(spread, other)
    return (
        f"{metric.words}: {with_it:.2f} on {having.height:,} judged items with it, {rest:.2f} on {without.height:,} without "
        f"({'more than chance' if beyond else 'chance alone could make that difference'}; {judged.version})"
    )


def _ratio(rows: pl.DataFrame, metric: Metric) -> tuple[float, float]:
    """The ratio of the sums and its standard error, linearised (Cochran, Sampling Techniques, 1977, 6.3), by clusters."""
    sums = rows.group_by("cluster").agg(pl.col(metric.above, metric.below).sum())
    above, below = (sums[c].to_numpy() for c in (metric.above, metric.below))
    value = float(above.sum() / below.sum())
    residual = above - value * below
    n = len(sums)
    return value, float(np.sqrt((residual**2).sum() * n / max(n - 1, 1)) / below.sum())
