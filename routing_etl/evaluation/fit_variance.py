"""How far a metric moves when the same data are learned again: the part of the uncertainty that no resampling of items shows.

A fit draws (samples of trees, folds, projections), so two fits of the same data answer some items differently. A model of a
small part of the routed items is fitted a few times with other seeds and asked for the same items. Two estimates of the
variance of one fit are pooled: that of the metric's values between the fits, which sees everything and has few degrees of
freedom; and half the variance of the difference of two fits over resampled kinds of items, because a fit errs by kinds.
A standard deviation is given as that of a normal distribution whose 95 % interval is as wide as Student's with the pooled
degrees of freedom.

A model of more items varies less, so that the figure is an upper bound for a plant that is larger than the part. It is carried
over to another number of judged items as if items varied independently of each other.

Source of the pooling: Gelman et al., "Bayesian Data Analysis" (2013), 2.6, the scaled inverse chi-squared prior.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import polars as pl
from scipy.special import stdtrit

from routing_etl.evaluation.bootstrap import LEAST_CLUSTERS, NORMAL_95, Metric, Resampler, widened
from routing_etl.evaluation.glossary import GLOSSARY
from routing_etl.evaluation.metric_table import MINUS, MODEL, RIVAL, MetricRow
from routing_etl.evaluation.paired import PAIRED
from routing_etl.evaluation.splits import Fold, Split, near_identical_groups
from routing_etl.frames import METRICS
from routing_etl.model.base.arrays import Ints

#: Most routed items that each fit learns from, and most judged items that each is asked for.
MOST_TRAINED, MOST_JUDGED = 400, 600
#: Fits of a part of a larger plant: there a fit costs more and varies less.
FITS_OF_A_PART = 3
#: Degrees of freedom of the variance by resampled kinds beside the one between the fits.
_PRIOR_DEGREES = 2.0
_RESAMPLES = 100


@dataclass(frozen=True)
class FitVariance:
    """Variance of metrics between fits of the same data.

    Attributes
    ----------
    fits : int
        Fits that were compared.
    trained, judged : int
        Routed items that each learned from, and items that each was asked for.
    per_unit : mapping of str to float
        By metric the variance times the number of units (items or operations) that it was measured on.
    """

    fits: int
    trained: int
    judged: int
    per_unit: Mapping[str, float]

    def sd(self, metric: str, n: int) -> float:
        """Standard deviation of a metric that is measured on so many units; 0 where it is not known."""
        return float(np.sqrt(self.per_unit.get(metric, 0.0) / n)) if n > 0 else 0.0

    def judged_sd(self, rows: Sequence[MetricRow]) -> dict[str, float]:
        """Standard deviations of the metrics that decide on a promotion, as the model's rows over all items measure them.

        Parameters
        ----------
        rows : sequence of MetricRow
            The rows of an evaluation.
        """
        return {
            row.metric: round(self.sd(row.metric, row.n), 6)
            for row in rows
            if row.of_model and row.metric in PAIRED and row.metric in self.per_unit and row.value is not None
        }

    def note(self) -> str:
        """A sentence for readers of the evaluation."""
        return (
            f"Intervals hold the sampling of items and the variance between fits: {self.fits} fits with other seeds on "
            f"{self.trained:,} routed items, asked for {self.judged:,} held-out items."
        )


def part_of(divided: Split, seed: int) -> Split:
    """A part of an evaluation's split, small enough to fit several times.

    Parameters
    ----------
    divided : Split
        The split. Of one with many folds the judged items of every fifth are asked for together.
    seed : int
        Seed of the draws.

    Returns
    -------
    Split
        One fold of at most `MOST_TRAINED` routed and `MOST_JUDGED` judged items.
    """
    rng = np.random.default_rng(seed)
    folds = divided.folds
    judged = pl.concat([fold.test for fold in folds[:: min(len(folds), 5)]]).unique().sort()
    operations = folds[0].operations
    if len(folds) > 1:
        every = pl.concat([fold.operations for fold in folds[:2]]).unique(maintain_order=True)
        operations = every.filter(~pl.col("item_key").is_in(judged.implode()))
    trained = _drawn(operations["item_key"].unique().sort(), MOST_TRAINED, rng)
    known = operations.filter(pl.col("item_key").is_in(trained.implode()))
    return Split(divided.name, (Fold(_drawn(judged, MOST_JUDGED, rng), known),), ())


def kinds_of(items: pl.DataFrame) -> Ints:
    """Number of the kind of each item: its part type, or its group of near-identical items where there are few types.

    Parameters
    ----------
    items : polars.DataFrame
        ITEMS frame.
    """
    kind = items["part_type"].fill_null("").rank("dense").cast(pl.Int64).to_numpy() - 1
    return (
        kind if len(np.unique(kind)) >= LEAST_CLUSTERS else near_identical_groups(items, by_identifier=False)
    )


def _drawn(keys: pl.Series, most: int, rng: np.random.Generator) -> pl.Series:
    return keys if keys.len() <= most else keys.gather(np.sort(rng.choice(keys.len(), most, replace=False)))


def fit_variance(
    part: Split, clusters: Ints, measure: Callable[[int], Sequence[Metric]], n_fits: int
) -> FitVariance:
    """Fit a few times and compare.

    Parameters
    ----------
    part : Split
        What is learned from and asked for (`part_of`).
    clusters : numpy.ndarray
        Kind of each judged item (`kinds_of`).
    measure : callable
        Number of the fit to the metrics of its answers.
    n_fits : int
        How many fits are compared, from 2 on; of a part of a larger plant at most `FITS_OF_A_PART`.

    Returns
    -------
    FitVariance
        By metric; one that was not measured in every fit is left out.
    """
    if part.folds[0].train.len() >= MOST_TRAINED:
        n_fits = min(n_fits, FITS_OF_A_PART)
    fits = [{m.name: m for m in measure(number)} for number in range(n_fits)]
    resampler = Resampler(clusters, np.ones(len(clusters), dtype=bool), n_resamples=_RESAMPLES)
    found = {}
    for name in fits[0]:
        same = [fit[name] for fit in fits if name in fit]
        units = min(resampler.units(m) for m in same)
        draws = [resampler.draws(m) for m in same]
        if len(same) < n_fits or not units or not all(np.isfinite(d[0]) for d in draws):
            continue
        found[name] = pooled_variance(draws) * units * _student(n_fits - 1 + _PRIOR_DEGREES) ** 2
    return FitVariance(n_fits, part.folds[0].train.len(), part.test.len(), found)


def _student(degrees: float) -> float:
    """By what a standard deviation with so many degrees of freedom is multiplied for a normal 95 % interval."""
    return float(stdtrit(degrees, 0.975)) / NORMAL_95


def pooled_variance(draws: Sequence[np.ndarray]) -> float:
    """Variance of a metric between fits.

    Parameters
    ----------
    draws : sequence of numpy.ndarray
        Per fit the metric's value, then its values on resamples, the same for all fits.

    Returns
    -------
    float
        The variance between the values, pooled with half the variance of a difference over the resamples.
    """
    between = float(np.var([d[0] for d in draws], ddof=1))
    degrees = len(draws) - 1
    pairs = [a[1:] - b[1:] for a, b in combinations(draws, 2)]
    spread = [float(np.nanvar(p)) for p in pairs if np.isfinite(p).sum() > 1]
    if not spread:
        return between
    return (degrees * between + _PRIOR_DEGREES * float(np.mean(spread)) / 2.0) / (degrees + _PRIOR_DEGREES)


def with_fit_variance(metrics: pl.DataFrame, found: FitVariance) -> pl.DataFrame:
    """METRICS rows whose intervals of the model, and of its differences to others, hold the variance between fits.

    Parameters
    ----------
    metrics : polars.DataFrame
        METRICS frame.
    found : FitVariance
        What was measured.

    Returns
    -------
    polars.DataFrame
        The same rows. A share stays between 0 and 1, and what cannot be negative at 0 or above.
    """
    rows = []
    for row in metrics.iter_rows(named=True):
        mine = row["method"] == MODEL
        sd = found.sd(row["metric"], row["n"]) if mine or row["method"].startswith(MINUS) else 0.0
        if row["method"] == MINUS + RIVAL:
            sd *= 2**0.5  # both sides draw
        if sd > 0 and row["low"] is not None and row["value"] is not None:
            low, high = widened(row["value"], row["low"], row["high"], sd)
            if mine and row["low"] >= 0:
                low = max(low, 0.0)
            if mine and row["high"] <= 1 and GLOSSARY[row["metric"]].better == "up":
                high = min(high, 1.0)
            row |= {"low": low, "high": high}
        rows.append(row)
    return METRICS.conform(pl.DataFrame(rows, schema=metrics.schema))
