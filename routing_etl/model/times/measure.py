"""Times of one measure, set-up or run: what is learned of it, and the estimates for operations.

A time is a product: the job's usual time x what the item's size, material and family make of it. So everything is
learned in logarithms: the job's mean, shrunk towards its standard times; what size, family and attributes add, term by
term (`effects`); what neighbours' work results for the same job say; the rest by boosted trees over the attributes.

The spread of a single order's time has two parts: orders of one operation differ, and the operation's typical time is
not known exactly. Both are measured on items the model has not seen, by job where there are enough, and scaled so that
P10 to P90 hold 80 % of the orders.

A run time is learned at the job's usual lot and given at the lot that the item is likely to have, which is another question: in a
job whose orders take the same time whatever their size, a piece takes a twentieth in a lot of twenty, and items that are alike
in all else differ by no more than their lots. Elsewhere an item that is made in large lots takes no less for it than one that is made
in small ones, though its own small orders take longer. How much of the exponent holds between items is learned from items that
look alike and are made in other lots (`between_items`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from joblib import Parallel, delayed
from scipy.special import ndtr

from routing_etl.frames import TIME_SOURCES
from routing_etl.model.attributes.tokens import TokenTable
from routing_etl.model.base.arrays import Bools, Floats, Ints
from routing_etl.model.base.boosted import Boosted
from routing_etl.model.base.threads import one_thread
from routing_etl.model.candidates.similarity import Neighbours
from routing_etl.model.times.effects import TimeEffects
from routing_etl.model.times.telling import telling_columns
from routing_etl.model.times.timed import NORMAL_P90, TimedOperations

#: Least operations for which the trees, and quantiles of their errors, mean anything.
_FEW = 60
#: Neighbours that are named as the source of a time.
_SOURCES = 5
#: Weight of "no deviation" beside the neighbours' results, in units of three reports of an identical item.
_NEAR_PRIOR = 0.5
#: Trees and their leaves: a run time depends on size, material and machine together, a set-up time on less.
_TREES = {"setup": (80, 24), "run": (200, 31)}
#: Operations that all the trees need; fewer operations get fewer trees, this share of them at least.
_ENOUGH, _LEAST_TREES = 60_000, 0.2
#: Most operations that train the trees.
_MOST_ROWS = 60_000
#: Operations with which the plant's spread between operations counts beside a job's own.
_SPREAD_PRIOR = 20
#: Shrinkage of the share of the lot's exponent that holds between items, as the square of what the lots make of ln(time): about the
#: variance between like operations (0.25 ** 2) over that of the share between jobs (0.25 ** 2).
_BETWEEN_PRIOR = 1.0
#: Share of an operation's orders that P10 to P90 hold, and the widest that a spread is made for it.
COVERED, MOST_SCALE = 0.8, 2.0
NO_SOURCE = TIME_SOURCES.index("none")


@dataclass(frozen=True)
class JobFacts:
    """What is known of the jobs.

    Attributes
    ----------
    codes : polars.Series
        Job codes.
    line : Ints
        Per job its line of machines, 0 for none.
    within : dict of str to Floats
        Per measure and job the standard deviation of ln(minutes) between the orders of one operation.
    lot, lot_exponent : Floats
        Per job the usual lot and the exponent of the lot in the run time; NaN unknown.
    between : Floats
        Per job how much of the exponent holds between items, 0 to 1.
    """

    codes: pl.Series
    line: Ints
    within: dict[str, Floats]
    lot: Floats
    lot_exponent: Floats
    between: Floats

    @property
    def n(self) -> int:
        """Number of jobs."""
        return len(self.codes)

    def longer(self, job: Ints, lot: Floats) -> Floats:
        """What ln(run time) gains in items made in lots other than the job's usual one; 0 where either is unknown.

        Parameters
        ----------
        job : Ints
            Job of every operation.
        lot : Floats
            ln of its lot.
        """
        with np.errstate(invalid="ignore", divide="ignore"):
            gain = (self.between * self.lot_exponent)[job] * (lot - np.log(self.lot[job]))
        return np.where(np.isfinite(gain), gain, 0.0)


@dataclass(frozen=True)
class SizedItems:
    """Items as time estimates see them; arrays hold a row per item.

    Attributes
    ----------
    table : TokenTable
        The coded attributes.
    features : Floats
        The encoded attributes.
    family : Ints
        The operation model's family.
    size : Floats
        See `ItemSize`.
    neighbours : Neighbours
        The nearest training items.
    """

    table: TokenTable
    features: Floats
    family: Ints
    size: Floats
    neighbours: Neighbours


@dataclass(frozen=True)
class Lessons:
    """The times that a measure is learned from.

    Attributes
    ----------
    measure : str
        'setup' or 'run'.
    basis : str
        'actual' for work results, 'standard' for the routings' standard times.
    known : TimedOperations
        The operations; their values are relative to `job_mean`, and those of run times at the job's usual lot.
    job_mean : Floats
        Mean ln(minutes) per job.
    job_known : Bools
        Whether the job has any time.
    moved : Floats
        Per operation by how much its own time raises the mean of its job; NaN where no other time of the job is known.
    """

    measure: str
    basis: str
    known: TimedOperations
    job_mean: Floats
    job_known: Bools
    moved: Floats


@dataclass(frozen=True)
class Estimate:
    """Times of operations for one measure, and what they rest on; one entry per operation but for `labels`.

    Attributes
    ----------
    middle : Floats
        Minutes, NaN unknown.
    spread : Floats
        Standard deviation of ln(time).
    similarity : Floats
        Mean similarity of the neighbours shown, NaN for none.
    samples : Ints
        Their reports.
    source : Ints
        Place in TIME_SOURCES.
    count : Ints
        Number of neighbours shown.
    labels : Ints
        The neighbours shown, end to end.
    lot : Floats
        ln of the pieces per order that the time is for.
    """

    middle: Floats
    spread: Floats
    similarity: Floats
    samples: Ints
    source: Ints
    count: Ints
    labels: Ints
    lot: Floats

    @classmethod
    def unknown(cls, n: int) -> Estimate:
        """No time for any of `n` operations."""
        nothing, none = np.full(n, np.nan), np.zeros(n, np.int64)
        return cls(nothing, nothing, nothing, none, none + NO_SOURCE, none, none[:0], nothing)


@dataclass(frozen=True)
class _Near:
    """What neighbours say of operations: their weighted mean deviation, shrunk to 0, the weight, and where it stands.

    `place`, `hit`: operations x neighbours, the place in the book of results and whether there is one.
    """

    mean: Floats
    weight: Floats
    place: Ints
    hit: Bools


@dataclass(frozen=True)
class _Results:
    """Times of the training items' operations, sorted by key (label * jobs + job), to be looked up for neighbours.

    `value`: ln(time) less the job's mean; `beside_size`: the same less what the item's size adds; `samples`: reports;
    `trust`: weight as evidence; `lot`: ln of the usual lot, NaN unknown.
    """

    n_jobs: int
    key: Ints
    value: Floats
    beside_size: Floats
    samples: Floats
    trust: Floats
    lot: Floats

    @classmethod
    def of(cls, known: TimedOperations, beside: Floats, n_jobs: int) -> _Results:
        key = known.label * n_jobs + known.job
        order = np.argsort(key, kind="stable")
        lots = np.full(len(known.label), np.nan) if known.lot is None else known.lot
        columns = (known.value, beside, known.samples, _trust(known), lots)
        return cls(n_jobs, key[order], *(column[order].astype(np.float32) for column in columns))

    def near(self, job: Ints, neighbours: Neighbours) -> _Near:
        """The neighbours' deviations (beside the size's) from the mean of each operation's job."""
        asked = np.maximum(neighbours.label, 0) * self.n_jobs + job[:, None]
        place = np.minimum(np.searchsorted(self.key, asked), len(self.key) - 1)
        hit = (self.key[place] == asked) & (neighbours.label >= 0)
        weight = np.where(hit, neighbours.similarity**2 * self.trust[place], 0.0)
        total = weight.sum(axis=1)
        mean = (weight * self.beside_size[place]).sum(axis=1) / np.maximum(total, 1e-9)
        shrunk = np.where(total > 0, mean * total / (total + _NEAR_PRIOR), 0.0)
        return _Near(shrunk.astype(np.float32), total.astype(np.float32), place, hit)


@dataclass(frozen=True)
class _Terms:
    """What is learned before the trees: means of jobs, effects of items, results of neighbours; and the trees' columns."""

    jobs: JobFacts
    job_mean: Floats
    effects: TimeEffects
    results: _Results
    columns: Ints

    def matrix(self, items: SizedItems, row: Ints, job: Ints, effect: Floats, near: _Near) -> Floats:
        """What the trees are asked about operations, given by their item and job."""
        known = (
            items.features[np.ix_(row, self.columns)], self.job_mean[job], effect, near.mean, near.weight, items.size[row],
            self.effects.exponent_[job], self.jobs.line[job],
        )  # fmt: skip
        return np.column_stack(known).astype(np.float32)

    def sources(self, near: _Near, neighbours: Neighbours) -> tuple[Bools, Floats]:
        """Operations x neighbours: which are named as the source of a time, and how much each counts."""
        first = near.hit & (np.cumsum(near.hit, axis=1) <= _SOURCES)
        weight = np.where(first, neighbours.similarity**2 * self.results.samples[near.place], 0.0)
        return first, weight

    def lot(self, job: Ints, near: _Near, weight: Floats) -> Floats:
        """The lots (in ln) that operations are likely to have: that of the sources, else the job's; NaN unknown."""
        lots = self.results.lot[near.place]
        weight = np.where(np.isfinite(lots), weight, 0.0)
        total = weight.sum(axis=1)
        mean = (weight * np.nan_to_num(lots)).sum(axis=1) / np.maximum(total, 1e-9)
        with np.errstate(invalid="ignore"):
            return np.asarray(np.where(total > 0, mean, np.log(self.jobs.lot[job])))


@dataclass(frozen=True)
class MeasureModel:
    """Estimates the times of one measure.

    Attributes
    ----------
    measure, basis : str
        As in `Lessons`.
    job_known : Bools
        Per job, whether it has any time.
    terms : _Terms
        The terms of the sum.
    trees : Boosted or None
        Learn what the terms leave; None where there are too few operations.
    spread : Floats
        Per job the standard deviation of ln(time) of one order.
    """

    measure: str
    basis: str
    job_known: Bools
    terms: _Terms
    trees: Boosted | None
    spread: Floats

    def estimate(self, items: SizedItems, row: Ints, job: Ints) -> Estimate:
        """Times of operations, given by their item (row in `items`) and job.

        Parameters
        ----------
        items : SizedItems
            The items.
        row : Ints
            Item of every operation.
        job : Ints
            Job of every operation.
        """
        if not len(row):
            return Estimate.unknown(0)
        terms, results = self.terms, self.terms.results
        neighbours = items.neighbours.at(row)
        near = results.near(job, neighbours)
        scaled, effect = terms.effects.predict(job, row, items.table, items.size, items.family)
        log_time = terms.job_mean[job] + scaled + effect
        if self.trees is not None:
            log_time = log_time + self.trees.predict(terms.matrix(items, row, job, effect, near))
        else:
            # What the neighbours took stands for the effects, the more of them there are.
            log_time = log_time + near.mean - effect * near.weight / (near.weight + _NEAR_PRIOR)
        known = self.job_known[job]
        first, weight = terms.sources(near, neighbours)
        no_lot = self.measure != "run" or self.basis != "actual"
        lot = np.full(len(job), np.nan) if no_lot else terms.lot(job, near, weight)
        longer = terms.jobs.longer(job, lot)
        count = first.sum(axis=1)
        has = count > 0
        is_actual = has & (self.basis == "actual")
        similar = "actual_similar" if self.basis == "actual" else "standard_similar"
        source = np.where(has, TIME_SOURCES.index(similar), TIME_SOURCES.index("model"))
        mean_similarity = np.where(first, neighbours.similarity, 0).sum(axis=1) / np.maximum(count, 1)
        samples = np.where(first, results.samples[near.place], 0).sum(axis=1)
        return Estimate(
            middle=np.where(known, np.exp(log_time + longer), np.nan),
            spread=self.spread[job].astype(np.float64),
            similarity=np.where(has, mean_similarity, np.nan).astype(np.float64),
            samples=np.where(is_actual, samples, 0).astype(np.int64),
            source=np.where(known, source, NO_SOURCE),
            count=count,
            labels=neighbours.label[first],
            lot=lot,
        )


@dataclass(frozen=True)
class MeasureLearner:
    """Learns the model of one measure from training items.

    Attributes
    ----------
    jobs : JobFacts
        What is known of the jobs.
    items : SizedItems
        The training items.
    folds : Ints
        Fold of every training item; those of fold 0 measure the spread.
    searched : Bools
        Training items whose neighbours are known; only they train the trees.
    n_jobs : int or None
        Models learned at once, in threads.
    seed : int
        Seed of the trees and of the operations that train them.
    """

    jobs: JobFacts
    items: SizedItems
    folds: Ints
    searched: Bools
    n_jobs: int | None
    seed: int

    def learn(self, lessons: Lessons) -> MeasureModel | None:
        """The model; None when there is no time to learn from.

        Parameters
        ----------
        lessons : Lessons
            The times.
        """
        known, items = lessons.known, self.items
        if not len(known.label):
            return None
        effects = TimeEffects(self.jobs.line, random_state=self.seed)
        effect = effects.fit(known, items.table, items.size, items.family, self.folds)
        beside = known.value - effects.exponent_[known.job] * items.size[known.label]
        terms = _Terms(
            self.jobs,
            lessons.job_mean,
            effects,
            _Results.of(known, beside, self.jobs.n),
            telling_columns(items.features, known.label, beside - effect, self.seed),
        )
        used = self.searched[known.label]
        known, effect, residual = known.where(used), effect[used], (beside - effect)[used]
        moved = lessons.moved[used]
        near = terms.results.near(known.job, items.neighbours.at(known.label))
        matrix = terms.matrix(items, known.label, known.job, effect, near)
        held = self.folds[known.label] == 0
        # An item's lot is as little known beforehand as its time; P10 to P90 are to hold its orders all the same.
        beyond = np.zeros(len(residual))
        if known.lot is not None:
            _, weight = terms.sources(near, items.neighbours.at(known.label))
            likely = terms.lot(known.job, near, weight)
            beyond = self.jobs.longer(known.job, known.lot) - self.jobs.longer(known.job, likely)
        taught = self._taught(known, held)
        if taught:
            honest, trees = Parallel(n_jobs=self.n_jobs, prefer="threads")(
                delayed(self._boost)(lessons.measure, matrix[t], residual[t]) for t in taught
            )
            error = residual[held] - honest.predict(matrix[held]) + beyond[held]
        else:
            trees, held, error = None, np.ones(len(residual), dtype=bool), residual + beyond
        # The mean of a job that an item is asked about was made without the item's own time.
        judged = np.isfinite(moved[held])
        if judged.any():
            held, error = np.flatnonzero(held)[judged], (error + moved[held])[judged]
        within = self.jobs.within[lessons.measure]
        spread = _spread(within, known.job[held], error, known.samples[held])
        return MeasureModel(lessons.measure, lessons.basis, lessons.job_known, terms, trees, spread)

    def _taught(self, known: TimedOperations, held: Bools) -> list[Ints]:
        """Operations that train the trees, without those held out and with them; none where there are too few."""
        n = len(held)
        if n < 4 * _FEW or not held.any() or held.all():
            return []
        rng = np.random.default_rng(self.seed)
        # Trees take no weights (see `_boost`): of operations older than a half-life fewer are drawn.
        fresh = np.ones(n) if known.fresh is None else 2.0 * known.fresh
        drawn = (fresh >= 1.0) | (rng.random(n) < fresh)
        if np.count_nonzero(drawn & ~held) < _FEW:
            drawn = np.ones(n, dtype=bool)
        taught = [np.flatnonzero(drawn & ~held), np.flatnonzero(drawn)]
        return [
            t if len(t) <= _MOST_ROWS else np.sort(rng.choice(t, _MOST_ROWS, replace=False)) for t in taught
        ]

    def _boost(self, measure: str, matrix: Floats, residual: Floats) -> Boosted:
        from sklearn.ensemble import HistGradientBoostingRegressor

        most, leaves = _TREES[measure]
        # Without sample weights: scikit-learn bins weighted columns by a slow quantile, column by column.
        boosted = HistGradientBoostingRegressor(
            max_iter=int(most * np.clip(len(matrix) / _ENOUGH, _LEAST_TREES, 1.0)),
            learning_rate=0.1,
            max_leaf_nodes=leaves,
            min_samples_leaf=20,
            max_bins=63,
            l2_regularization=1.0,
            early_stopping=False,
            random_state=self.seed,
        )
        with one_thread("openmp"):
            return Boosted(boosted.fit(matrix, residual))


def between_items(jobs: JobFacts, run: TimedOperations, neighbours: Neighbours, seed: int) -> JobFacts:
    """Learn how much of the lot's exponent holds between items.

    Of operations and those of neighbours the differences of ln(run time) are compared with what the exponent makes of their
    lots: least squares through 0, a job's share shrunk towards the plant's and the plant's towards 0.

    Parameters
    ----------
    jobs : JobFacts
        What is known of the jobs; `between` of 1.
    run : TimedOperations
        Run times of training items at their own lots.
    neighbours : Neighbours
        Of every training item, the item itself left out.
    seed : int
        Seed of the operations that are looked at where there are many.
    """
    rows = np.arange(len(run.label))
    if run.lot is None or not len(rows):
        return jobs
    if len(rows) > _MOST_ROWS:
        rows = np.sort(np.random.default_rng(seed).choice(rows, _MOST_ROWS, replace=False))
    job, near = run.job[rows], neighbours.at(run.label[rows])
    difference = []
    for values in (run.value, jobs.longer(run.job, run.lot)):
        found = _Results.of(run, values, jobs.n).near(job, near)
        mean = found.mean * (found.weight + _NEAR_PRIOR) / np.maximum(found.weight, 1e-9)
        difference.append(np.where(found.weight > 0, values[rows] - mean, 0.0))
    told, expected = difference
    weight = run.weight[rows]
    product = np.bincount(job, weight * told * expected, jobs.n)
    square = np.bincount(job, weight * expected**2, jobs.n)
    plant = product.sum() / (square.sum() + _BETWEEN_PRIOR)
    share = (product + _BETWEEN_PRIOR * plant) / (square + _BETWEEN_PRIOR)
    return replace(jobs, between=np.clip(share, 0.0, 1.0))


def _spread(within: Floats, job: Ints, error: Floats, samples: Floats) -> Floats:
    """Standard deviation of ln(time of one order) per job, scaled so that P10 to P90 hold 80 % of the orders.

    `within`: of the orders of one operation, per job. `job`, `error`, `samples`: per operation that the model has not
    seen, what the model missed of its ln(time), and the reports behind that.
    """
    clipped = np.clip(error, *np.quantile(error, [0.01, 0.99])) if len(error) > _FEW else error
    sampling = within[job] ** 2 / np.maximum(samples, 1.0)
    whole = max(float(np.mean(clipped**2 - sampling)), 1e-4)
    count = np.bincount(job, minlength=len(within))
    each = np.bincount(job, clipped**2 - sampling, len(within))
    between = np.maximum((each + _SPREAD_PRIOR * whole) / (count + _SPREAD_PRIOR), 0.25 * whole)
    spread = np.sqrt(between + within**2)
    # What a mean of few reports adds to the error is no part of how far the next report may lie.
    error = error * np.sqrt(between[job] / (between[job] + sampling))
    scale = covering_scale(error, within[job], spread[job])
    return np.asarray(scale * spread, dtype=np.float32)


def covering_scale(error: Floats, within: Floats, spread: Floats, share: float = COVERED) -> float:
    """By what the spreads are to be multiplied so that P10 to P90 hold a share of the orders.

    Orders of operation i lie around its own time like N(error_i, within_i) around the predicted one.

    Parameters
    ----------
    error : Floats
        Per operation that the model has not seen, what it missed of ln(time).
    within : Floats
        Per operation the standard deviation of ln(minutes) between its orders.
    spread : Floats
        Per operation the standard deviation that P10 and P90 are made of.
    share : float, optional
        The share.

    Returns
    -------
    float
        From 0.5 to `MOST_SCALE`, which is also given where no operation was seen.
    """
    if not len(error):
        return MOST_SCALE
    scales = np.linspace(0.5, MOST_SCALE, 61)
    inner, width = np.maximum(within, 1e-3), NORMAL_P90 * spread
    cover = np.array(
        [np.mean(ndtr((s * width - error) / inner) - ndtr((-s * width - error) / inner)) for s in scales]
    )
    return float(np.interp(share, cover, scales)) if cover[-1] > share else MOST_SCALE


def _trust(known: TimedOperations) -> Floats:
    """Weight of an operation as evidence for a like item: its reports, in units of three, less for old ones."""
    reports = np.minimum(known.samples, 10.0) / 3.0
    return reports if known.fresh is None else reports * known.fresh
