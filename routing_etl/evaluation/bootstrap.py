"""Metric values with 95 % bootstrap intervals, for many metrics, segments and methods at once.

A metric is kept as what each item adds to it, so that a resample is a vector of item weights and a thousand resamples
are one matrix product. Resampled are clusters (groups of near-identical items), not single items: items that are copies
of one another tell the same thing once. Two methods measured on the same items share their resamples, so that the
interval of their difference is a paired one.

Sources: Efron and Tibshirani, "An Introduction to the Bootstrap" (1993), chapters 13 (percentile interval) and 8
(cluster resampling); Davison and Hinkley, "Bootstrap Methods and their Application" (1997), 5.2 (basic interval).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from routing_etl.evaluation.reasons import computing_failed
from routing_etl.log import get_logger
from routing_etl.model.base.arrays import Bools, Floats, Ints

Combine = Callable[[Floats], Floats]
Ranked = Callable[[Floats, Floats], Floats]

log = get_logger(__name__)

#: Least groups of near-identical items for an interval: fewer say too little about how a value varies.
LEAST_CLUSTERS = 5
#: How many standard deviations from the value the ends of a 95 % interval are.
NORMAL_95 = 1.959964
#: Resample weights times units held at once by a ranked metric.
_CELLS = 2_000_000


@dataclass(frozen=True)
class SumMetric:
    """A metric that is a function of sums over items (a mean, a ratio, an F1, an error in bins).

    Attributes
    ----------
    name : str
        Name in the glossary.
    parts : numpy.ndarray or scipy.sparse.csr_matrix
        What each item adds, shape (items, k).
    combine : callable
        Sums of shape (resamples, k) to values of shape (resamples,); NaN where a denominator is 0.
    units : numpy.ndarray
        Per item, how many items or operations it is measured on; their sum is the metric's `n`.
    reason : str
        Why the value is NULL when it comes out as NaN.
    inflated : bool
        Noise makes it larger, as it does a sum of absolute errors: every resample, with the noise of the sample and its own, lies above
        the value, and the interval is mirrored about it.
    """

    name: str
    parts: Floats | sparse.csr_matrix
    combine: Combine
    units: Floats
    reason: str
    inflated: bool = False


@dataclass(frozen=True)
class RankedMetric:
    """A metric of sorted units (a median, a trimmed mean, an area under a curve).

    Attributes
    ----------
    name : str
        Name in the glossary.
    payload : numpy.ndarray
        Shape (units, k), sorted by the metric's key.
    item : numpy.ndarray
        Index of each unit's item.
    weight : numpy.ndarray
        Weight of each unit.
    combine : callable
        Weights of shape (resamples, units) and the payload to values of shape (resamples,); NaN where it is not defined.
    units : numpy.ndarray
        Per item, how many items or operations it is measured on; their sum is the metric's `n`.
    reason : str
        Why the value is NULL when it comes out as NaN.
    """

    name: str
    payload: Floats
    item: Ints
    weight: Floats
    combine: Ranked
    units: Floats
    reason: str


Metric = SumMetric | RankedMetric


@dataclass(frozen=True)
class Estimate:
    """One measured metric.

    Attributes
    ----------
    value : float or None
        None when it was not measured.
    low, high : float or None
        Ends of the 95 % interval. None when there is none.
    n : int
        Items or operations that it was measured on.
    reason : str or None
        Why there is no value.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int
    reason: str | None


def ratio(sums: Floats) -> Floats:
    """First column over second; NaN where the second is not above 0."""
    bottom = sums[:, 1]
    return np.asarray(np.divide(sums[:, 0], bottom, out=np.full(len(sums), np.nan), where=bottom > 0))


def weighted_median(weights: Floats, payload: Floats) -> Floats:
    """Median of the payload's first column (sorted ascending); equals `numpy.median` for whole-number weights."""
    total = np.cumsum(weights, axis=1)
    half = total[:, -1:] / 2
    last = payload.shape[0] - 1
    below = np.minimum((total < half).sum(axis=1), last)
    upto = np.minimum((total <= half).sum(axis=1), last)
    value = (payload[below, 0] + payload[upto, 0]) / 2
    return np.where(total[:, -1] > 0, value, np.nan)


def trimmed_mean(share: float) -> Ranked:
    """Mean of the payload's first column (sorted ascending) without `share` of the weight at each end."""

    def combine(weights: Floats, payload: Floats) -> Floats:
        value = payload[:, 0]
        total = np.cumsum(weights, axis=1)
        low = share * total[:, -1:]
        high = total[:, -1:] - low
        # the kept weight up to each unit; its steps times the values, summed by parts
        upto = np.clip(total, low, high, out=total)[:, :-1]
        summed = high[:, 0] * value[-1] - low[:, 0] * value[0] - upto @ np.diff(value)
        return ratio(np.column_stack([summed, (high - low)[:, 0]]))

    return combine


def _tie_starts(key: Floats) -> Ints:
    return np.concatenate([[0], np.flatnonzero(np.diff(key)) + 1]).astype(np.int64)


def area_under_roc(weights: Floats, payload: Floats) -> Floats:
    """Chance that a positive unit ranks above a negative one, ties half.

    Payload: key (sorted ascending), weight as a positive, weight as a negative.
    """
    starts = _tie_starts(payload[:, 0])
    positive = np.add.reduceat(weights * payload[:, 1], starts, axis=1)
    negative = np.add.reduceat(weights * payload[:, 2], starts, axis=1)
    below = np.cumsum(negative, axis=1) - negative
    wins = (positive * (below + negative / 2)).sum(axis=1)
    return ratio(np.column_stack([wins, positive.sum(axis=1) * negative.sum(axis=1)]))


def mean_of_first(share: float) -> Ranked:
    """Mean outcome of the first `share` of the weight. Payload: key (sorted, first is best), outcome.

    Units with equal keys are taken in equal parts, so the order of ties does not matter.
    """

    def combine(weights: Floats, payload: Floats) -> Floats:
        starts = _tie_starts(payload[:, 0])
        size = np.add.reduceat(weights, starts, axis=1)
        outcome = np.add.reduceat(weights * payload[:, 1], starts, axis=1)
        before = np.cumsum(size, axis=1) - size
        limit = share * size.sum(axis=1, keepdims=True)
        taken = np.clip(limit - before, 0, size)
        part = np.divide(taken, size, out=np.zeros_like(size), where=size > 0)
        return ratio(np.column_stack([(part * outcome).sum(axis=1), limit[:, 0]]))

    return combine


class Resampler:
    """Draws the resamples of one segment and values metrics on them.

    Parameters
    ----------
    clusters : numpy.ndarray
        Cluster number per item of the whole evaluation.
    mask : numpy.ndarray
        Which items are in the segment.
    n_resamples : int, optional
        Number of resamples; 0 for no intervals.
    random_state : int, optional
        Seed: two resamplers with equal arguments draw equal resamples.
    """

    def __init__(
        self, clusters: Ints, mask: Bools, *, n_resamples: int = 400, random_state: int = 42
    ) -> None:
        self.items = np.flatnonzero(mask)
        self.n_items = len(clusters)
        _, inside = np.unique(clusters[self.items], return_inverse=True)
        self._inside = inside
        n_clusters = int(inside.max()) + 1 if len(inside) else 0
        rows = [np.ones((1, len(self.items)))]
        if n_clusters >= LEAST_CLUSTERS and n_resamples:
            rng = np.random.default_rng(random_state)
            drawn = rng.integers(0, n_clusters, size=(n_resamples, n_clusters))
            drawn += np.arange(n_resamples)[:, None] * n_clusters
            counts = np.bincount(drawn.ravel(), minlength=n_resamples * n_clusters)
            rows.append(counts.reshape(n_resamples, n_clusters)[:, inside].astype(np.float64))
        #: (1 + resamples, items of the segment); the first row is the sample itself
        self.weights = np.vstack(rows)
        self._sums: dict[int, tuple[object, Floats]] = {}
        self._draws: dict[int, tuple[Metric, Floats]] = {}

    def prepare(self, metrics: Iterable[Metric]) -> None:
        """Sum the dense parts of many metrics in one matrix product; `draws` then only combines them."""
        parts = {
            id(m.parts): m.parts for m in metrics if isinstance(m, SumMetric) and not sparse.issparse(m.parts)
        }
        if not parts:
            return
        sums = self.weights @ np.hstack([part[self.items] for part in parts.values()])
        ends = np.cumsum([part.shape[1] for part in parts.values()])[:-1]
        for part, own in zip(parts.values(), np.split(sums, ends, axis=1), strict=True):
            self._sums[id(part)] = (part, own)

    def draws(self, metric: Metric) -> Floats:
        """Values on the sample itself (first) and on every resample; NaN where not defined."""
        if id(metric) not in self._draws:
            with np.errstate(all="ignore"):
                if isinstance(metric, SumMetric):
                    values = metric.combine(self._summed(metric))
                else:
                    values = self._ranked(metric)
            self._draws[id(metric)] = (metric, values)
        return self._draws[id(metric)][1]

    def units(self, metric: Metric) -> int:
        """Items or operations that the metric is measured on in this segment."""
        return int(metric.units[self.items].sum())

    def varied(self, draws: Floats, metric: Metric) -> Floats:
        """The draws, or only the first one where too few groups of items have anything that the metric measures."""
        if len(draws) > 1 and len(np.unique(self._inside[metric.units[self.items] > 0])) < LEAST_CLUSTERS:
            return draws[:1]
        return draws

    def estimate(self, metric: Metric) -> Estimate:
        """Value and interval. A failure is a NULL with its message and a trace in the log, never an exception."""
        try:
            draws = self.varied(self.draws(metric), metric)
            found = summarise(draws, self.units(metric), metric.reason)
            return _mirrored(found) if isinstance(metric, SumMetric) and metric.inflated else found
        except Exception as exc:
            log.exception("metric_failed", metric=metric.name, error=str(exc))
            return Estimate(None, None, None, 0, computing_failed(exc))

    def _summed(self, metric: SumMetric) -> Floats:
        if id(metric.parts) not in self._sums:
            part = metric.parts[self.items]
            sums = (part.T @ self.weights.T).T if sparse.issparse(part) else self.weights @ part
            self._sums[id(metric.parts)] = (metric.parts, np.asarray(sums))
        return self._sums[id(metric.parts)][1]

    def _ranked(self, metric: RankedMetric) -> Floats:
        place = np.full(self.n_items, -1, dtype=np.int64)
        place[self.items] = np.arange(len(self.items))
        column = place[metric.item]
        kept = column >= 0
        payload, column, weight = metric.payload[kept], column[kept], metric.weight[kept]
        if not len(payload):
            return np.full(len(self.weights), np.nan)
        step = max(1, _CELLS // len(payload))
        plain = bool((weight == 1).all())
        values = []
        for start in range(0, len(self.weights), step):
            drawn = self.weights[start : start + step].take(column, axis=1)
            values.append(metric.combine(drawn if plain else drawn * weight, payload))
        return np.concatenate(values)


def summarise(draws: Floats, n: int, reason: str) -> Estimate:
    """The first draw is the value; the 2.5 % and 97.5 % quantiles of the others are the interval.

    No interval without resamples, or when fewer than half of them are defined. No value when the first draw is not finite: then
    `reason` says why.
    """
    value = draws[0]
    if not np.isfinite(value):
        return Estimate(None, None, None, n, reason)
    others = draws[1:]
    finite = others[np.isfinite(others)]
    if len(finite) < 2 or 2 * len(finite) < len(others):
        return Estimate(float(value), None, None, n, None)
    low, high = np.quantile(finite, [0.025, 0.975])
    return Estimate(float(value), float(low), float(high), n, None)


def _mirrored(found: Estimate) -> Estimate:
    """The basic bootstrap interval of what is not below 0: 2 v - high to 2 v - low (Davison and Hinkley 1997, 5.2).

    Where the noise of the resamples hides even that, it ends at the value.
    """
    if found.value is None or found.low is None or found.high is None:
        return found
    low, high = (max(2 * found.value - end, 0.0) for end in (found.high, found.low))
    return replace(found, low=low, high=max(high, found.value))


def widened(value: float, low: float, high: float, sd: float) -> tuple[float, float]:
    """A 95 % interval with a further independent error of this standard deviation.

    Parameters
    ----------
    value : float
        The value.
    low : float
        Lower end of its interval.
    high : float
        Upper end of its interval.
    sd : float
        Standard deviation of the further error.

    Returns
    -------
    tuple of float
        The ends: distances from the value add as squares.
    """
    more = NORMAL_95 * sd
    return value - float(np.hypot(value - low, more)), value + float(np.hypot(high - value, more))
