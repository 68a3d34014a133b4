"""Two versions on the same held-out items: what each got right per item, and the paired difference.

Why a promotion is decided in this way: docs/decisions/0012-promotion-on-record.md.

Every version is evaluated by a model that has not seen the judged items. Of two versions, each judged on the newest
routings of its own day, the items that both judged are held out for both, so their results can be paired item by item:
the interval of a paired difference is far narrower than those of two values on different items, and a window that is
harder than the last one is not taken for a worse version.

Items are paired only when their routing is the same in both evaluations, and times only when the actual times are: what
was rewritten or reported since would judge the two versions by different truths.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl

from routing_etl.evaluation.bootstrap import (
    Estimate,
    Metric,
    Resampler,
    SumMetric,
    ratio,
    summarise,
    widened,
)
from routing_etl.evaluation.reference import Reference
from routing_etl.evaluation.sums import f_score
from routing_etl.model.base.arrays import Floats, Ints

#: Metrics that are paired: how many sums each item adds, and what makes a value of the sums. Both as in the metric itself.
PAIRED: dict[str, tuple[int, Callable[[Floats], Floats]]] = {
    "exact_at_1": (2, ratio),
    "operation_f1": (4, f_score),
    "resource_top1": (3, lambda sums: ratio(sums[:, [0, 2]])),
    "run_wape": (2, ratio),
    "setup_wape": (2, ratio),
}
#: Column of the actual time that an item must share in both evaluations, besides the routing.
_TRUTH = {"run_wape": "run_truth", "setup_wape": "setup_truth"}
#: Relative difference up to which actual times are the same: the exponent of the lot size is estimated anew every night, which
#: moves the times by a little.
_SAME_TIME = 0.01
#: Least common items for a paired difference.
LEAST_PAIRS = 30
NO_PAIRS = f"FEWER_THAN_{LEAST_PAIRS}_COMMON_ITEMS"

_FIXED: dict[str, Any] = {
    "item_key": pl.String(), "cluster": pl.Int64(), "routing": pl.String(), "run_truth": pl.Float64(),
    "setup_truth": pl.Float64(),
}  # fmt: skip
#: What `held_out_items` gives: one row per judged item.
HELD_OUT = _FIXED | {f"{name}_{i}": pl.Float64() for name, (width, _) in PAIRED.items() for i in range(width)}


def held_out_items(metrics: Sequence[Metric], reference: Reference, clusters: Ints) -> pl.DataFrame:
    """What each judged item adds to the paired metrics, and what it was judged by.

    Parameters
    ----------
    metrics : sequence of Metric
        Metrics of one method; a paired one that is missing is NULL.
    reference : Reference
        What the items were judged by.
    clusters : numpy.ndarray
        Number of the near-identical group of each item.

    Returns
    -------
    polars.DataFrame
        `HELD_OUT`: item_key, cluster, `routing` (jobs and resources as text), `run_truth` and `setup_truth` (sums of the
        actual minutes, NULL without any) and the sums of each metric. No rows where the reference is a distribution.
    """
    if reference.expected:
        return pl.DataFrame(schema=HELD_OUT)
    resource = pl.col("res_cd").fill_null("")
    truth = (
        reference.operations.sort("item", "pos")
        .group_by("item", maintain_order=True)
        .agg(
            routing=pl.format("{}@{}", "job_cd", resource).str.join(">"),
            run_truth=pl.when(pl.col("run_actual").count() > 0).then(pl.col("run_actual").sum()),
            setup_truth=pl.when(pl.col("setup_actual").count() > 0).then(pl.col("setup_actual").sum()),
        )
    )
    sums: dict[str, Any] = {}
    by_name = {m.name: m for m in metrics if isinstance(m, SumMetric)}
    for name, (width, _) in PAIRED.items():
        parts = by_name[name].parts if name in by_name else np.full((reference.n_items, width), np.nan)
        sums |= {f"{name}_{i}": np.asarray(parts)[:, i] for i in range(width)}
    return (
        reference.items.with_columns(cluster=pl.Series(clusters, dtype=pl.Int64))
        .join(truth, on="item", how="left", maintain_order="left")
        .with_columns(pl.Series(name, values, dtype=pl.Float64) for name, values in sums.items())
        .select(pl.col(name).cast(dtype) for name, dtype in HELD_OUT.items())
        .with_columns(pl.col(pl.Float64).fill_nan(None))
    )


def as_json(held_out: pl.DataFrame) -> dict[str, list[Any]]:
    """Write held-out items as plain lists by column, to be kept with a version; numbers have 9 significant digits."""
    rounded = held_out.with_columns(pl.col(pl.Float64).round_sig_figs(9))
    return {name: rounded[name].to_list() for name in rounded.columns}


def from_json(content: Mapping[str, Any]) -> pl.DataFrame:
    """Read what `as_json` wrote; columns that it lacks are NULL."""
    height = len(content.get("item_key", ()))
    columns = {name: content.get(name, [None] * height) for name in HELD_OUT}
    return pl.DataFrame(columns, schema=HELD_OUT, strict=False)


def paired_differences(
    mine: pl.DataFrame,
    theirs: pl.DataFrame,
    *,
    fit_variances: Mapping[str, float] | None = None,
    n_resamples: int = 1000,
    random_state: int = 42,
) -> dict[str, Estimate]:
    """Mine minus theirs of every paired metric on the items that both judged by the same truth.

    Parameters
    ----------
    mine : polars.DataFrame
        `HELD_OUT` frame of one version; the clusters are taken from it.
    theirs : polars.DataFrame
        `HELD_OUT` frame of the other version.
    fit_variances : mapping of str to float, optional
        Per metric the variance between fits of either version, summed, times the number of items that it was measured on. The
        intervals hold it too. None, or a metric that is missing: the resampled items alone.
    n_resamples : int, optional
        Bootstrap resamples behind each interval.
    random_state : int, optional
        Seed of the resamples.

    Returns
    -------
    dict of str to Estimate
        Per metric the difference with its paired 95 % interval and the number of common items. Its value is None with a reason
        where fewer than `LEAST_PAIRS` items are common or neither has anything to measure.
    """
    both = mine.join(theirs, on=["item_key", "routing"], how="inner", suffix="_theirs").sort("item_key")
    found = {}
    for name, (width, combine) in PAIRED.items():
        columns = [f"{name}_{i}" for i in range(width)]
        known = pl.all_horizontal(pl.col(c, f"{c}_theirs").is_not_null() for c in columns)
        if name in _TRUTH:
            left, right = pl.col(_TRUTH[name]), pl.col(f"{_TRUTH[name]}_theirs")
            known &= ((left - right).abs() <= _SAME_TIME * left.abs()).fill_null(False)
        rows = both.filter(known)
        if rows.height < LEAST_PAIRS:
            found[name] = Estimate(None, None, None, rows.height, NO_PAIRS)
            continue
        ones = np.ones(rows.height)
        sides = [rows.select(c + suffix for c in columns).to_numpy() for suffix in ("", "_theirs")]
        left_, right_ = (SumMetric(name, side, combine, ones, NO_PAIRS) for side in sides)
        resampler = Resampler(
            rows["cluster"].to_numpy(), np.ones(rows.height, dtype=bool), n_resamples=n_resamples, random_state=random_state
        )  # fmt: skip
        draws = resampler.draws(left_) - resampler.draws(right_)
        told = summarise(resampler.varied(draws, left_), rows.height, NO_PAIRS)
        found[name] = _with_fits(told, (fit_variances or {}).get(name, 0.0))
    return found


def _with_fits(told: Estimate, variance: float) -> Estimate:
    """The estimate with the variance between fits (times items) in its interval."""
    if told.value is None or told.low is None or told.high is None or variance <= 0:
        return told
    low, high = widened(told.value, told.low, told.high, float(np.sqrt(variance / told.n)))
    return replace(told, low=low, high=high)
