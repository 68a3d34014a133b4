"""Times of predicted operations: set-up per order, run per piece, with quantiles, source and sample size.

A time is a product: the job's usual time x what the item's size, material and family make of it. So everything is
learned in logarithms: the job's mean, shrunk towards its standard times; what size, family and attributes add, term by
term (`time_effects`); what neighbours' work results for the same job say; the rest by boosted trees over the attributes.
Where the plant has no work results, the routings' standard times take their place, and the source says so.

The spread of a single order's time has two parts: orders of one operation differ, and the operation's typical time is
not known exactly. Both are measured on items the model has not seen, by job where there are enough, and scaled so that
P10 to P90 hold 80 % of the orders.

What belongs here: from evidence to the time columns of an operation. What does not: work results (room `times`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import polars as pl
from joblib import Parallel, delayed
from scipy.special import ndtr
from sklearn.ensemble import HistGradientBoostingRegressor

from routing_etl.frames import CANDIDATE_OPERATIONS, TIME_SOURCES, TimeEvidence
from routing_etl.model.attributes.tokens import JOINED, TokenTable
from routing_etl.model.base.arrays import Bools, Floats, Ints
from routing_etl.model.base.columns import choose_text, lists, take
from routing_etl.model.base.threads import one_thread
from routing_etl.model.base.trees import Boosted
from routing_etl.model.catalogue.routings import RoutingCatalogue
from routing_etl.model.times.effects import ItemSize, TimeEffects
from routing_etl.model.times.own_times import OwnTimes
from routing_etl.model.times.timed import (
    MEASURES,
    NORMAL_P90,
    TimedOperations,
    actual_times,
    job_means,
    lots_of_jobs,
    spread_within,
    standard_times,
)
from routing_etl.scenarios import OPT_SIGMA, SAFE_SIGMA, actuals_confidence

_FEW = 60
#: So many operations with work results are enough to learn from; fewer only where still fewer have a standard time.
_LEAST_ACTUALS = 100
_SOURCES = 5
_NEAR_PRIOR = 0.5
_FEW_CODES = 1_000
_NO_SOURCE = TIME_SOURCES.index("none")
_SOURCE_LENGTH = CANDIDATE_OPERATIONS["source_items"].max_length or 200
#: Columns that the trees of one measure may ask.
_COLUMNS = 64
#: Lines that are told apart; jobs of further lines share the last.
_MOST_LINES = 60
#: Trees and their leaves: a run time depends on size, material and machine together, a set-up time on less.
_TREES = {"setup": (80, 24), "run": (200, 31)}
#: Operations that all the trees need; fewer operations get fewer, a fifth of them at least.
_ENOUGH = 60_000


@dataclass
class TimeRequest:
    """Operations that need times. `row`: item of each operation; `step`: what it is; the rest is per item."""

    row: Ints
    step: Ints
    item_key: pl.Series
    table: TokenTable
    features: Floats
    family: Ints
    neighbours: Ints
    similarity: Floats


@dataclass
class _Items:
    """What is known of the training items; `neighbours` and `similarity` (items x k) of those that were `searched`."""

    table: TokenTable
    features: Floats
    family: Ints
    size: Floats
    folds: Ints
    neighbours: Ints
    similarity: Floats
    searched: Bools


@dataclass
class _Measure:
    """What is learned for one measure; `basis` is 'actual' or 'standard'.

    Per operation of a training item, sorted by `key`: `value`, ln(time) less the job's mean; `beside_size`, the same less
    what the item's size adds; the `samples` behind it; `trust`, their weight as evidence; `lot`: ln of the usual lot.
    """

    basis: str
    columns: Ints
    job_mean: Floats
    job_known: Bools
    effects: TimeEffects
    model: Boosted | None
    key: Ints
    value: Floats
    beside_size: Floats
    samples: Floats
    trust: Floats
    lot: Floats
    spread: Floats


@dataclass
class _Estimate:
    """Times of operations for one measure, and what they rest on.

    `middle`: minutes, `spread`: of ln(time), `actual`: mean of the neighbours' results; NaN where there is none.
    `similarity`, `count`, `labels`: of the neighbours shown (labels laid end to end), `samples`: their reports,
    `source`: place in TIME_SOURCES, `lot`: ln of the pieces per order that the time is for.
    """

    middle: Floats
    spread: Floats
    actual: Floats
    similarity: Floats
    samples: Ints
    source: Ints
    count: Ints
    labels: Ints
    lot: Floats


class OperationTimes:
    """Learns times of jobs on items.

    Parameters
    ----------
    max_rows: most operations that train the trees. half_life_days: an operation counts half as much as one whose last
    report is so many days newer.
    """

    def __init__(
        self,
        *,
        max_rows: int = 60_000,
        half_life_days: float = 1500.0,
        n_jobs: int | None = None,
        random_state: int = 42,
    ) -> None:
        self.max_rows = max_rows
        self.half_life_days = half_life_days
        self.n_jobs = n_jobs
        self.random_state = random_state

    def fit(
        self,
        catalogue: RoutingCatalogue,
        operations: pl.DataFrame,
        evidence: TimeEvidence,
        table: TokenTable,
        features: Floats,
        family: Ints,
        folds: Ints,
        searched: Ints,
        neighbours: Ints,
        similarity: Floats,
        line_of_job: Ints,
    ) -> OperationTimes:
        """Learn from work results, or from standards where there are none.

        Parameters
        ----------
        operations: OPERATIONS frame. table, features, family, folds: per label. searched: labels whose neighbours are
        known. neighbours, similarity: searched x k, the label itself left out. line_of_job: the line
        of machines of every job, -1 for none.
        """
        self.n_jobs_known_ = len(catalogue.jobs)
        self.line_of_job_ = np.minimum(line_of_job + 1, _MOST_LINES).astype(np.int64)
        self.step_job_ = catalogue.step_job
        self.job_codes_ = catalogue.jobs
        self.label_codes_ = catalogue.labels["item_cd"]
        profile = evidence.by_item_operation
        actual = actual_times(catalogue, profile, self.half_life_days)
        standard = standard_times(catalogue, operations)
        self.within_ = {m: spread_within(catalogue, profile, m) for m in MEASURES}
        self.job_lot_, self.job_exponent_ = lots_of_jobs(catalogue, profile)
        self.own_ = OwnTimes().fit(catalogue, profile, self.within_)
        known = {m: _better_known(actual[m], standard[m]) for m in MEASURES}
        centred = {}
        for measure, found in known.items():
            job_mean, job_known = job_means(found, self.n_jobs_known_, standard[measure])
            centred[measure] = replace(found, value=found.value - job_mean[found.job]), job_mean, job_known
        self._fit_size(centred["run" if len(known["run"].label) else "setup"][0], table, features, family)
        size = self.size_.of(table.numbers, _others(table, features), family)
        near = np.full((len(family), neighbours.shape[1]), -1, dtype=np.int64)
        alike = np.zeros(near.shape, dtype=np.float32)
        near[searched], alike[searched] = neighbours, similarity
        asked = np.zeros(len(family), dtype=bool)
        asked[searched] = True
        items = _Items(table, features, family, size, folds, near, alike, asked)
        self.measures_ = {
            m: self._fit_measure(m, "actual" if known[m] is actual[m] else "standard", *centred[m], items)
            for m in MEASURES
        }
        return self

    def _fit_size(self, known: TimedOperations, table: TokenTable, features: Floats, family: Ints) -> None:
        """Choose what the size of an item is, by the times known best."""
        rest = TimeEffects(self.line_of_job_).within_family(known, family[known.label])
        weight = np.bincount(known.label, known.weight, len(family)).astype(np.float64)
        mean = np.bincount(known.label, known.weight * rest, len(family)) / np.maximum(weight, 1e-12)
        self.size_ = ItemSize(random_state=self.random_state).fit(
            table.numbers, _others(table, features), family, mean, weight
        )

    def told(self, numbers: Sequence[str]) -> str:
        """A sentence on what times go with. `numbers`: names of the table's numbers."""
        if not any(self.measures_.values()):
            return "No operation has a time to learn from."
        counts = self.size_.items_
        parts = [f"{numbers[c]} ({n:,} routed items)" for c, n in counts.most_common() if c >= 0]
        parts += [f"no number ({counts[-1]:,})"] if counts[-1] else []
        levels = [level for found in self.measures_.values() if found for level in found.effects.levels_]
        acting = dict.fromkeys(level.split("|")[0].replace(JOINED, "texts") for level in levels)
        beside = f" Beside it, by line of machines: {', '.join(acting)}." if acting else ""
        return f"Times go with the size of an item, which is, by family: {', '.join(parts)}.{beside}{self._told_of_lots()}"

    def _told_of_lots(self) -> str:
        run = self.measures_["run"]
        exponents = self.job_exponent_[np.isfinite(self.job_exponent_)]
        if run is None or run.basis != "actual" or not len(exponents):
            return ""
        change = 10.0 ** float(np.median(exponents)) - 1.0
        kind = "less" if change <= 0 else "more"
        return f" In a lot ten times as large a piece takes {abs(change):.0%} {kind} (the middle job)."

    def _fit_measure(
        self,
        measure: str,
        basis: str,
        known: TimedOperations,
        job_mean: Floats,
        job_known: Bools,
        items: _Items,
    ) -> _Measure | None:
        if not len(known.label):
            return None
        effects = TimeEffects(self.line_of_job_, random_state=self.random_state)
        effect = effects.fit(known, items.table, items.size, items.family, items.folds)
        scaled = effects.exponent_[known.job] * items.size[known.label]
        beside = known.value - scaled
        key = known.label * self.n_jobs_known_ + known.job
        order = np.argsort(key, kind="stable")
        learned = _Measure(
            basis, _telling_columns(items.features, known.label, beside - effect), job_mean, job_known, effects, None,
            key[order], known.value[order].astype(np.float32), beside[order].astype(np.float32),
            known.samples[order].astype(np.float32), _trust(known)[order].astype(np.float32),
            _lots(known)[order].astype(np.float32), np.full(self.n_jobs_known_, 0.4, np.float32),
        )  # fmt: skip
        used = items.searched[known.label]
        known, effect, beside = known.where(used), effect[used], beside[used]
        label, job = known.label, known.job
        near, near_weight, _ = self._near(learned, job, items.neighbours[label], items.similarity[label])
        matrix = self._matrix(learned, items.features, items.size, label, job, effect, near, near_weight)
        residual = beside - effect
        rng = np.random.default_rng(self.random_state)
        held = items.folds[label] == 0
        if len(residual) >= 4 * _FEW and held.any() and (~held).any():
            # Trees take no weights (see `_learn`): of operations older than a half-life fewer are drawn.
            fresh = np.ones(len(residual)) if known.fresh is None else 2.0 * known.fresh
            drawn = (fresh >= 1.0) | (rng.random(len(residual)) < fresh)
            if np.count_nonzero(drawn & ~held) < _FEW:
                drawn = np.ones(len(residual), dtype=bool)
            taught = [np.flatnonzero(drawn & ~held), np.flatnonzero(drawn)]
            taught = [
                t if len(t) <= self.max_rows else np.sort(rng.choice(t, self.max_rows, replace=False))
                for t in taught
            ]
            honest, learned.model = Parallel(n_jobs=self.n_jobs, prefer="threads")(
                delayed(self._learn)(measure, matrix[t], residual[t]) for t in taught
            )
            error = residual[held] - honest.predict(matrix[held])
        else:
            held = np.ones(len(residual), dtype=bool)
            error = residual
        learned.spread = self._spread(measure, job[held], error, known.samples[held])
        return learned

    def _matrix(
        self,
        learned: _Measure,
        features: Floats,
        size: Floats,
        row: Ints,
        job: Ints,
        effect: Floats,
        near: Floats,
        near_weight: Floats,
    ) -> Floats:
        """What the trees are asked."""
        known = [
            features[np.ix_(row, learned.columns)], learned.job_mean[job], effect, near, near_weight, size[row],
            learned.effects.exponent_[job],
        ]  # fmt: skip
        return np.column_stack([*known, self.line_of_job_[job]]).astype(np.float32)

    def _learn(self, measure: str, matrix: Floats, residual: Floats) -> Boosted:
        most, leaves = _TREES[measure]
        iterations = int(most * np.clip(len(matrix) / _ENOUGH, 0.2, 1.0))
        # Without sample weights: scikit-learn bins weighted columns by a slow quantile, column by column.
        boosted = HistGradientBoostingRegressor(
            max_iter=iterations,
            learning_rate=0.1,
            max_leaf_nodes=leaves,
            min_samples_leaf=20,
            max_bins=63,
            l2_regularization=1.0,
            early_stopping=False,
            random_state=self.random_state,
        )
        with one_thread("openmp"):
            return Boosted(boosted.fit(matrix, residual))

    def _near(
        self, learned: _Measure, job: Ints, neighbours: Ints, similarity: Floats
    ) -> tuple[Floats, Floats, Bools]:
        """Weighted mean deviation (beside the size's) from the job's mean at the neighbours, shrunk to 0, the weight, and
        which neighbours had one.
        """
        asked = np.maximum(neighbours, 0) * self.n_jobs_known_ + job[:, None]
        place = np.minimum(np.searchsorted(learned.key, asked), len(learned.key) - 1)
        hit = (learned.key[place] == asked) & (neighbours >= 0)
        weight = np.where(hit, similarity**2 * learned.trust[place], 0.0)
        total = weight.sum(axis=1)
        mean = (weight * learned.beside_size[place]).sum(axis=1) / np.maximum(total, 1e-9)
        return (
            np.where(total > 0, mean * total / (total + _NEAR_PRIOR), 0.0).astype(np.float32),
            total.astype(np.float32),
            hit,
        )

    def _spread(self, measure: str, job: Ints, error: Floats, samples: Floats) -> Floats:
        """Standard deviation of ln(time of one order) per job, scaled so that P10 to P90 hold 80 % of the orders."""
        within = self.within_[measure]
        clipped = np.clip(error, *np.quantile(error, [0.01, 0.99])) if len(error) > _FEW else error
        sampling = within[job] ** 2 / np.maximum(samples, 1.0)
        whole = max(float(np.mean(clipped**2 - sampling)), 1e-4)
        count = np.bincount(job, minlength=self.n_jobs_known_)
        each = np.bincount(job, clipped**2 - sampling, self.n_jobs_known_)
        between = np.maximum((each + 20 * whole) / (count + 20), 0.25 * whole)
        spread = np.sqrt(between + within**2)
        # What a mean of few reports adds to the error is no part of how far the next report may lie.
        error = error * np.sqrt(between[job] / (between[job] + sampling))
        # Coverage of single orders of operation i: N(error_i, within) inside +-1.28 x scale x spread.
        scales = np.linspace(0.5, 2.0, 61)
        inner = np.maximum(within[job], 1e-3)
        width = NORMAL_P90 * spread[job]
        cover = np.array(
            [np.mean(ndtr((s * width - error) / inner) - ndtr((-s * width - error) / inner)) for s in scales]
        )
        scale = float(np.interp(0.8, cover, scales)) if cover[-1] > 0.8 else 2.0
        return np.asarray(scale * spread, dtype=np.float32)

    def predict(self, request: TimeRequest) -> dict[str, Floats | pl.Series]:
        """The time columns of CANDIDATE_OPERATIONS, one value per operation; a number that is not known is NaN."""
        job = self.step_job_[request.step]
        unique, back = np.unique(request.row * self.n_jobs_known_ + job, return_inverse=True)
        row, asked = unique // self.n_jobs_known_, unique % self.n_jobs_known_
        family = np.maximum(request.family, 0)
        others = _others(request.table, request.features)
        size = self.size_.of(request.table.numbers, others, family)
        setup, run = (self._measure(m, row, asked, request, size, family) for m in MEASURES)
        middle, spread = run.middle, run.spread
        mean = middle * np.exp(spread**2 / 2 * 0.5)
        variation = np.sqrt(np.expm1(np.minimum(spread**2, 4.0)))
        told = _told_by(setup, run)
        n, similarity = told.samples, told.similarity
        numbers = {
            "setup_time": setup.middle,
            "run_time": middle,
            "setup_p10": setup.middle * np.exp(-NORMAL_P90 * setup.spread),
            "setup_p90": setup.middle * np.exp(NORMAL_P90 * setup.spread),
            "run_p10": middle * np.exp(-NORMAL_P90 * spread),
            "run_p50": middle,
            "run_p90": middle * np.exp(NORMAL_P90 * spread),
            "optimal_time": np.maximum(mean * (1 - OPT_SIGMA * variation), 0.0),
            "standard_time": mean,
            "safe_time": mean * (1 + SAFE_SIGMA * variation),
            "time_cv": variation,
            "lot_size": np.exp(run.lot),
            "lot_exponent": np.where(np.isfinite(run.lot), self.job_exponent_[asked], np.nan),
            "act_setup_time": setup.actual,
            "act_run_time": run.actual,
            "sample_count": n,
            "source_similarity": similarity,
            "time_confidence": np.where(n > 0, actuals_confidence(n, similarity), np.nan),
        }
        texts = {
            "time_source": choose_text(told.source, list(TIME_SOURCES)),
            "source_items": self._named(told),
        }
        if self.own_.any_of(request.item_key):
            columns = [pl.Series(name, values, nan_to_null=True) for name, values in numbers.items()]
            out = pl.DataFrame([*columns, *(text.alias(name) for name, text in texts.items())])
            out = self.own_.applied(out, take(request.item_key, row), take(self.job_codes_, asked))
            texts = {name: out[name] for name in texts}
            numbers = {name: out[name].to_numpy() for name in numbers}
        return {name: values[back] for name, values in numbers.items()} | {
            name: take(values, back) for name, values in texts.items()
        }

    def _named(self, estimate: _Estimate) -> pl.Series:
        """Codes of the items that an estimate rests on; NULL for none."""
        bounds = np.concatenate([[0], np.cumsum(estimate.count)])
        codes = take(self.label_codes_, estimate.labels)
        if len(codes) <= _FEW_CODES:
            texts, ends = codes.to_list(), bounds.tolist()
            named = [",".join(texts[a:b])[:_SOURCE_LENGTH] or None for a, b in pairwise(ends)]
            return pl.Series(named, dtype=pl.String)
        joined = (
            lists(codes, bounds)
            .alias("codes")
            .to_frame()
            .select(
                pl.when(pl.col("codes").list.len() > 0).then(
                    pl.col("codes").list.join(",").str.slice(0, _SOURCE_LENGTH)
                )
            )
        )
        return joined.to_series()

    def _measure(
        self,
        measure: str,
        row: Ints,
        job: Ints,
        request: TimeRequest,
        size: Floats,
        family: Ints,
    ) -> _Estimate:
        n = len(row)
        learned = self.measures_[measure]
        if learned is None or n == 0:
            nothing, none = np.full(n, np.nan), np.zeros(n, np.int64)
            return _Estimate(
                nothing, nothing, nothing, nothing, none, none + _NO_SOURCE, none, none[:0], nothing
            )
        neighbours, similarity = request.neighbours[row], request.similarity[row]
        near, near_weight, hit = self._near(learned, job, neighbours, similarity)
        scaled, effect = learned.effects.predict(job, row, request.table, size, family)
        log_time = learned.job_mean[job] + scaled + effect
        if learned.model is not None:
            matrix = self._matrix(learned, request.features, size, row, job, effect, near, near_weight)
            log_time = log_time + learned.model.predict(matrix)
        else:
            # What the neighbours took stands for the effects, the more of them there are.
            log_time = log_time + near - effect * near_weight / (near_weight + _NEAR_PRIOR)
        known = learned.job_known[job]
        first = hit & (np.cumsum(hit, axis=1) <= _SOURCES)
        asked = np.maximum(neighbours, 0) * self.n_jobs_known_ + job[:, None]
        place = np.minimum(np.searchsorted(learned.key, asked), len(learned.key) - 1)
        weight = np.where(first, similarity**2 * learned.samples[place], 0.0)
        value = (weight * learned.value[place]).sum(axis=1) / np.maximum(weight.sum(axis=1), 1e-9)
        count = first.sum(axis=1)
        has = count > 0
        is_actual = has & (learned.basis == "actual")
        similar = "actual_similar" if learned.basis == "actual" else "standard_similar"
        source = np.where(has, TIME_SOURCES.index(similar), TIME_SOURCES.index("model"))
        mean_similarity = np.where(first, similarity, 0).sum(axis=1) / np.maximum(count, 1)
        samples = np.where(first, learned.samples[place], 0).sum(axis=1)
        return _Estimate(
            middle=np.where(known, np.exp(log_time), np.nan),
            spread=learned.spread[job].astype(np.float64),
            actual=np.where(is_actual, np.exp(learned.job_mean[job] + value), np.nan),
            similarity=np.where(has, mean_similarity, np.nan).astype(np.float64),
            samples=np.where(is_actual, samples, 0).astype(np.int64),
            source=np.where(known, source, _NO_SOURCE),
            count=count,
            labels=neighbours[first],
            lot=self._lot(learned, job, place, weight) if measure == "run" else np.full(n, np.nan),
        )

    def _lot(self, learned: _Measure, job: Ints, place: Ints, weight: Floats) -> Floats:
        """ln of the usual lot: of the neighbours behind the time, else of the job; NaN where the time has none."""
        if learned.basis != "actual":
            return np.full(len(job), np.nan)
        lots = learned.lot[place]
        weight = np.where(np.isfinite(lots), weight, 0.0)
        total = weight.sum(axis=1)
        mean = (weight * np.nan_to_num(lots)).sum(axis=1) / np.maximum(total, 1e-9)
        with np.errstate(invalid="ignore"):
            return np.asarray(np.where(total > 0, mean, np.log(self.job_lot_[job])))


def _others(table: TokenTable, features: Floats) -> Floats:
    """The encoded attributes behind the numbers, which come first."""
    return features[:, table.numbers.shape[1] :]


def _telling_columns(features: Floats, label: Ints, rest: Floats) -> Ints:
    """The columns that go most with what is left of ln(time): by the spread of its means over tenths of the column."""
    varied = np.flatnonzero(features.std(axis=0) > 1e-9)
    if len(varied) <= _COLUMNS or not len(rest):
        return varied
    told = np.empty(len(varied))
    for i, column in enumerate(varied):
        values = features[:, column]
        edges = np.unique(np.quantile(values, np.linspace(0, 1, 11)[1:-1]))
        part = np.searchsorted(edges, values, side="right")[label]
        count = np.bincount(part, minlength=1)
        told[i] = (np.bincount(part, rest) ** 2 / np.maximum(count, 1)).sum() - rest.sum() ** 2 / len(rest)
    return np.sort(varied[np.argsort(-told, kind="stable")[:_COLUMNS]])


def _better_known(actual: TimedOperations, standard: TimedOperations) -> TimedOperations:
    """Work results where there are enough of them, or no fewer than standard times; else the standard times."""
    enough = min(_LEAST_ACTUALS, len(standard.label))
    return actual if len(actual.label) >= enough else standard


def _trust(known: TimedOperations) -> Floats:
    """Weight of an operation as evidence for a like item: its reports, in units of three, less for old ones."""
    reports = np.minimum(known.samples, 10.0) / 3.0
    return reports if known.fresh is None else reports * known.fresh


def _lots(known: TimedOperations) -> Floats:
    return np.full(len(known.label), np.nan) if known.lot is None else known.lot


def _told_by(setup: _Estimate, run: _Estimate) -> _Estimate:
    """What source and sample size speak of: the run time, and the set-up time where no run time is known."""
    other = (run.source == _NO_SOURCE) & (setup.source != _NO_SOURCE)
    if not other.any():
        return run
    chosen = [
        np.where(other, getattr(setup, c), getattr(run, c))
        for c in ("similarity", "samples", "source", "count")
    ]
    similarity, samples, source, count = chosen
    rows, labels = [], []
    for estimate, keep in ((run, ~other), (setup, other)):
        kept = np.repeat(keep, estimate.count)
        rows.append(np.repeat(np.arange(len(keep)), estimate.count)[kept])
        labels.append(estimate.labels[kept])
    order = np.argsort(np.concatenate(rows), kind="stable")
    return replace(
        run,
        similarity=similarity,
        samples=samples,
        source=source,
        count=count,
        labels=np.concatenate(labels)[order],
    )
