"""Times of the training items' operations, as the time model learns from them: coded, in logarithms, with their weight."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from routing_etl.model.base.arrays import Bools, Floats, Ints
from routing_etl.model.catalogue.routings import RoutingCatalogue

MEASURES = ("setup", "run")
#: How many standard deviations above the median a normal distribution has its 90 % quantile.
NORMAL_P90 = 1.2815515655446004
#: Weight n / (n + 2) of n reports, because they share the operation's own deviation; reports beyond 10 add nothing.
_OWN, _ENOUGH = 2.0, 10.0
#: Orders of one operation spread by this (of ln minutes) until a plant shows otherwise.
_USUAL_SPREAD = 0.25
#: Degrees of freedom with which the plant's spread counts beside a job's own.
_SPREAD_PRIOR = 30.0


@dataclass
class TimedOperations:
    """Operations of training items with a known time; one entry per operation.

    Attributes
    ----------
    label : Ints
        Number of the training item.
    job : Ints
        Number of the job.
    value : Floats
        ln(minutes).
    samples : Floats
        Reports behind it.
    fresh : Floats or None
        1 for the newest results, less for older ones; None: all alike.
    lot : Floats or None
        ln of the usual lot, NaN unknown; None: set-up times, which no lot changes.
    """

    label: Ints
    job: Ints
    value: Floats
    samples: Floats
    fresh: Floats | None = None
    lot: Floats | None = None

    @property
    def weight(self) -> Floats:
        """How much an operation counts: many reports of one operation still share what is its own."""
        shared = np.minimum(self.samples, _ENOUGH) / (np.minimum(self.samples, _ENOUGH) + _OWN)
        return shared if self.fresh is None else shared * self.fresh

    def where(self, keep: NDArray[Any]) -> TimedOperations:
        """Some of the operations, by a mask or by their places."""
        return TimedOperations(
            self.label[keep],
            self.job[keep],
            self.value[keep],
            self.samples[keep],
            None if self.fresh is None else self.fresh[keep],
            None if self.lot is None else self.lot[keep],
        )


def codes_of(catalogue: RoutingCatalogue) -> pl.DataFrame:
    """`job_cd` and its number `job`."""
    return pl.DataFrame({"job_cd": catalogue.jobs, "job": np.arange(len(catalogue.jobs))})


def actual_times(
    catalogue: RoutingCatalogue, profile: pl.DataFrame, half_life_days: float
) -> dict[str, TimedOperations]:
    """Per measure the operations with work results. `profile`: TIME_BY_ITEM_OPERATION.

    An operation counts half as much as one whose last report is `half_life_days` newer; without a date it counts as if
    it were so old.
    """
    age = (pl.col("last_report_dt").max() - pl.col("last_report_dt")).dt.total_days()
    halvings = (age.cast(pl.Float64) / half_life_days).fill_null(1.0 if np.isfinite(half_life_days) else 0.0)
    undated = pl.col("last_report_dt").is_null().all()
    fresh = pl.when(undated).then(1.0).otherwise((-halvings * np.log(2.0)).exp())
    columns = {"run_samples": pl.col("run_n"), "setup_samples": pl.col("setup_n")}
    frame = profile.select(
        "item_key", "job_cd", "run_trim_mean", "setup_trim_mean", "run_lot", fresh=fresh, **columns
    )
    return _coded(catalogue, frame)


def standard_times(catalogue: RoutingCatalogue, operations: pl.DataFrame) -> dict[str, TimedOperations]:
    """Per measure the standard times of the routings that count. `operations`: OPERATIONS frame."""
    frame = (
        operations.lazy()
        .filter(pl.col("routing_rank") == 0)
        .select(
            "item_key",
            "job_cd",
            run_trim_mean="run_min",
            setup_trim_mean="setup_min",
            run_samples=pl.lit(1),
            setup_samples=pl.lit(1),
            run_lot=pl.lit(None, pl.Float64),
            fresh=pl.lit(1.0),
        )
        .collect()
    )
    return _coded(catalogue, frame)


def _coded(catalogue: RoutingCatalogue, frame: pl.DataFrame) -> dict[str, TimedOperations]:
    """Per measure every operation of a training item with a positive time; a job at several numbers is one operation."""
    labels = catalogue.labels.select("item_key").with_row_index("label")
    coded = (
        frame.with_columns(pl.col("job_cd").replace(catalogue.replaced_jobs))
        .join(codes_of(catalogue), on="job_cd")
        .join(labels, on="item_key")
    )
    out = {}
    for measure in MEASURES:
        value, samples = pl.col(f"{measure}_trim_mean"), pl.col(f"{measure}_samples")
        used = (
            coded.filter((value > 0) & (samples > 0))
            .group_by("label", "job")
            .agg(
                value=(value.log() * samples).sum() / samples.sum(),
                samples=samples.sum(),
                fresh=pl.col("fresh").max(),
                lot=pl.col("run_lot").log().mean(),
            )
            .sort("label", "job")
        )
        names = ("value", "samples", "fresh") + (("lot",) if measure == "run" else ())
        numbers = (used[c].cast(pl.Float64).fill_null(float("nan")).to_numpy() for c in names)
        out[measure] = TimedOperations(
            used["label"].to_numpy().astype(np.int64), used["job"].to_numpy().astype(np.int64), *numbers
        )
    return out


def spread_within(catalogue: RoutingCatalogue, profile: pl.DataFrame, measure: str) -> Floats:
    """Standard deviation of ln(minutes) between the orders of one operation, per job, shrunk to the plant's.

    `profile`: TIME_BY_ITEM_OPERATION.
    """
    used = (
        profile.select("job_cd", f"{measure}_n", f"{measure}_cv")
        .with_columns(pl.col("job_cd").replace(catalogue.replaced_jobs))
        .filter((pl.col(f"{measure}_n") >= 3) & (pl.col(f"{measure}_cv") > 0))
        .join(codes_of(catalogue), on="job_cd")
    )
    n = used[f"{measure}_n"].to_numpy().astype(np.float64)
    square = np.log1p(used[f"{measure}_cv"].to_numpy().astype(np.float64) ** 2) * n / np.maximum(n - 1, 1)
    degrees = n - 1
    whole = float((square * degrees).sum() / degrees.sum()) if degrees.sum() else _USUAL_SPREAD**2
    job = used["job"].to_numpy().astype(np.int64)
    total = np.bincount(job, square * degrees, len(catalogue.jobs))
    count = np.bincount(job, degrees, len(catalogue.jobs))
    return np.sqrt((total + _SPREAD_PRIOR * whole) / (count + _SPREAD_PRIOR))


def lots_of_jobs(catalogue: RoutingCatalogue, profile: pl.DataFrame) -> tuple[Floats, Floats]:
    """Per job the usual lot (pieces, geometric mean of the operations') and the lot's exponent; NaN where unknown.

    `profile`: TIME_BY_ITEM_OPERATION.
    """
    used = (
        profile.select("job_cd", "run_n", "run_lot", "run_lot_exponent")
        .with_columns(pl.col("job_cd").replace(catalogue.replaced_jobs))
        .filter((pl.col("run_lot") > 0) & (pl.col("run_n") > 0))
        .group_by("job_cd")
        .agg(
            lot=pl.col("run_lot").log().mean().exp(),
            exponent=(pl.col("run_lot_exponent") * pl.col("run_n")).sum() / pl.col("run_n").sum(),
        )
    )
    known = codes_of(catalogue).join(used, on="job_cd", how="left", maintain_order="left")
    lot, exponent = (known[c].fill_null(float("nan")).to_numpy() for c in ("lot", "exponent"))
    return lot, exponent


def job_means(known: TimedOperations, n_jobs: int, standard: TimedOperations) -> tuple[Floats, Bools]:
    """Mean ln(minutes) per job, shrunk towards the job's standard times (corrected to the level of the results)."""
    weight = known.weight
    total, count = (
        np.bincount(known.job, known.value * weight, n_jobs),
        np.bincount(known.job, weight, n_jobs),
    )
    planned = np.bincount(standard.job, standard.value, n_jobs)
    planned_count = np.bincount(standard.job, minlength=n_jobs)
    both = (count > 0) & (planned_count > 0)
    mean = np.divide(total, count, out=np.zeros(n_jobs), where=count > 0)
    level = np.divide(planned, planned_count, out=np.zeros(n_jobs), where=planned_count > 0)
    shift = float(np.average((mean - level)[both], weights=count[both])) if both.any() else 0.0
    whole = float((known.value * weight).sum() / max(weight.sum(), 1e-9))
    prior = np.where(planned_count > 0, level + shift, whole)
    return (total + 1.0 * prior) / (count + 1.0), (count > 0) | (planned_count > 0)


def moved_by_own(known: TimedOperations, n_jobs: int, standard: TimedOperations) -> Floats:
    """Per operation by how much its own time and its own standard time raise the mean of its job (see `job_means`).

    NaN where nothing else is known of the job: no item is ever asked about such a job before it has a time.

    Parameters
    ----------
    known : TimedOperations
        The operations that the means are made of.
    n_jobs : int
        Number of jobs.
    standard : TimedOperations
        Their standard times.
    """
    job, value, weight = known.job, known.value, known.weight
    total, count = np.bincount(job, value * weight, n_jobs), np.bincount(job, weight, n_jobs)
    planned = np.bincount(standard.job, standard.value, n_jobs).astype(np.float64)
    number = np.bincount(standard.job, minlength=n_jobs).astype(np.float64)
    own, has = _of_operations(standard, known, n_jobs)
    reports = np.bincount(job, minlength=n_jobs)[job] - 1
    # What is left of the job without the operation.
    left, heavy = total[job] - value * weight, np.where(reports > 0, count[job] - weight, 0.0)
    standards, others = planned[job] - own, number[job] - has
    # The shift between results and standards, and the plant's mean, lose what the operation adds to them.
    both = (count > 0) & (number > 0)
    gap = np.where(both, total - count * _ratio(planned, number), 0.0)
    without = np.where((reports > 0) & (others > 0), left - heavy * _ratio(standards, others), 0.0) - gap[job]
    mass = np.where((reports > 0) & (others > 0), heavy, 0.0) - np.where(both, count, 0.0)[job]
    shift = _ratio(gap.sum() + without, np.where(both, count, 0.0).sum() + mass)
    whole = ((value * weight).sum() - value * weight) / np.maximum(weight.sum() - weight, 1e-9)
    prior = np.where(others > 0, _ratio(standards, others) + shift, whole)
    mean = job_means(known, n_jobs, standard)[0][job]
    moved = mean - (np.where(reports > 0, left, 0.0) + prior) / (heavy + 1.0)
    return np.where((reports > 0) | (others > 0), moved, np.nan)


def _of_operations(standard: TimedOperations, known: TimedOperations, n_jobs: int) -> tuple[Floats, Ints]:
    """Per known operation its standard time (0 for none) and whether it has one (0 or 1)."""
    key = standard.label * n_jobs + standard.job
    order = np.argsort(key)
    asked = known.label * n_jobs + known.job
    if not len(key):
        return np.zeros(len(asked)), np.zeros(len(asked), np.int64)
    place = order[np.minimum(np.searchsorted(key[order], asked), len(key) - 1)]
    has = key[place] == asked
    return np.where(has, standard.value[place], 0.0), has.astype(np.int64)


def _ratio(total: Floats, count: Floats | Ints) -> Floats:
    """The mean, 0 of nothing."""
    return np.asarray(np.where(count > 1e-9, total / np.maximum(count, 1e-9), 0.0))
