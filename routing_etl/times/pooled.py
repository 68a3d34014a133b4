"""The pooled time profiles: per job, and per job and resource, over the kept samples of all items."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from routing_etl.frames import Frame, TimeBasis
from routing_etl.times.statistics import SortedGroups

MEASURES = ("setup", "run")
#: By what the minutes of a sample are multiplied to be at the level of today (`levels`).
FACTORS = {m: f"{m}_factor" for m in MEASURES}
#: Day number that stands for a missing report date.
NO_DATE = -(2**31)


def age_weights(
    days: npt.NDArray[Any], newest: npt.NDArray[Any], half_life: float
) -> npt.NDArray[np.float64]:
    """Weight of each report by its age: 1 for the newest of its group, halved every half-life.

    A report without a date counts as one half-life older than the newest.

    Parameters
    ----------
    days : NDArray[Any]
        Day number of each report, or `NO_DATE`.
    newest : NDArray[Any]
        Day number of the newest report of its group.
    half_life : float
        Days in which a weight halves; infinite: all weights are 1.
    """
    if not np.isfinite(half_life):
        return np.ones(len(days))
    age = np.where(days == NO_DATE, half_life, newest - days.astype(np.float64))
    return np.asarray(np.exp2(-np.where(newest == NO_DATE, 0.0, age) / half_life))


def conform(contract: Frame, frame: pl.DataFrame) -> pl.DataFrame:
    """The frame in its contract's shape, categories as text."""
    return contract.conform(frame.with_columns(pl.selectors.categorical().cast(pl.String)))


def with_factors(samples: pl.LazyFrame) -> pl.LazyFrame:
    """Samples with their factors; those of earlier versions have none, which is 1.

    Parameters
    ----------
    samples : polars.LazyFrame
        Samples as in `time_samples.parquet`.
    """
    named = set(samples.collect_schema().names())
    return samples.with_columns(pl.lit(1.0).alias(f) for f in FACTORS.values() if f not in named)


def at_todays_level(samples: pl.LazyFrame) -> pl.LazyFrame:
    """Samples with their minutes at the level after the last change of their machine or job (`levels`).

    Those of earlier versions, which have no factors, stay as they are.

    Parameters
    ----------
    samples : polars.LazyFrame
        Samples as in `time_samples.parquet`.
    """
    named = set(samples.collect_schema().names())
    minutes = {"setup": ("setup_min",), "run": ("run_min", "run_min_at_lot")}
    return samples.with_columns(
        pl.col(c) * pl.col(FACTORS[m])
        for m in MEASURES
        if FACTORS[m] in named
        for c in minutes[m]
        if c in named
    )


def _weighted_groups(grouped: pl.DataFrame, measure: str, basis: TimeBasis) -> SortedGroups:
    """The lists in columns `measure` (NULL where removed) and `days` as sorted groups; they are few and long."""
    values, weights, sizes = [np.empty(0)], [np.empty(0)], []
    for found, days in zip(grouped[measure], grouped["days"], strict=True):
        known = found.is_not_null().to_numpy()
        value, day = found.to_numpy()[known], days.to_numpy()[known]
        order = np.argsort(value)
        newest = np.full(len(day), day.max(initial=NO_DATE))
        values.append(value[order])
        weights.append(age_weights(day, newest, basis.half_life_days)[order])
        sizes.append(len(value))
    return SortedGroups.weighted(
        np.concatenate(values), np.array(sizes, dtype=np.int64), np.concatenate(weights)
    )


def pooled(samples: pl.LazyFrame, own: pl.LazyFrame, contract: Frame, basis: TimeBasis) -> pl.DataFrame:
    """Statistics of the kept samples by the key of a contract, at the level of today. Run times are those at their operation's usual lot.

    Parameters
    ----------
    samples : polars.LazyFrame
        Samples as in `time_samples.parquet`.
    own : polars.LazyFrame
        TIME_BY_ITEM_OPERATION of the same items, which has the jobs' lot exponents.
    contract : Frame
        TIME_BY_JOB_RESOURCE or TIME_BY_JOB.
    basis : TimeBasis
        Its half-life weights the samples.
    """
    keys = list(contract.key)
    minutes = {"setup": pl.col("setup_min"), "run": pl.col("run_min_at_lot")}
    kept = {m: (minutes[m] > 0) & ~pl.col(f"{m}_removed") for m in MEASURES}
    last = pl.col("report_dt").filter(pl.any_horizontal(pl.col(m).is_not_null() for m in MEASURES)).max()
    grouped = (
        at_todays_level(samples)
        .drop_nulls(keys)
        .select(
            *keys,
            "report_dt",
            *(f"{m}_removed" for m in MEASURES),
            *(pl.when(kept[m]).then(minutes[m]).alias(m) for m in MEASURES),
            days=pl.col("report_dt").to_physical().fill_null(NO_DATE),
            lot=pl.when(kept["run"] & (pl.col("pieces") > 0)).then(pl.col("pieces").log()),
        )
        .group_by(keys)
        .agg(
            *MEASURES,
            "days",
            pl.col("lot").mean().exp().alias("run_lot"),
            *(pl.col(f"{m}_removed").sum().cast(pl.Int64).alias(f"{m}_n_removed") for m in MEASURES),
            last.alias("last_report_dt"),
            *(pl.col(m).count().alias(f"{m}_known") for m in MEASURES),
        )
        .filter(pl.any_horizontal(pl.col(f"{m}_known") + pl.col(f"{m}_n_removed") > 0 for m in MEASURES))
        .collect(engine="streaming")
    )
    profiles = [_weighted_groups(grouped, m, basis).profile(m) for m in MEASURES]
    lists = [*MEASURES, "days", *(f"{m}_known" for m in MEASURES)]
    exponent = own.group_by("job_cd").agg(pl.col("run_lot_exponent").mean()).collect()
    named = pl.concat([grouped.drop(lists), *profiles], how="horizontal").with_columns(
        pl.col(keys).cast(pl.String)
    )
    return conform(contract, named.join(exponent, on="job_cd", how="left")).sort(keys)
