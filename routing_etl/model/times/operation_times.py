"""Times of predicted operations: set-up per order, run per piece, with quantiles, source and sample size.

Each measure is learned by itself (`measure`). Where the plant has no work results, the routings' standard times take
their place, and the source says so. An item's own work results stand above every estimate (`own_times`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import polars as pl

from routing_etl.frames import CANDIDATE_OPERATIONS, TIME_SOURCES, TimeEvidence
from routing_etl.model.attributes.tokens import JOINED, TokenTable
from routing_etl.model.base.arrays import Bools, Floats, Ints
from routing_etl.model.base.columns import choose_text, lists, take
from routing_etl.model.candidates.similarity import Neighbours
from routing_etl.model.catalogue.routings import RoutingCatalogue
from routing_etl.model.times.effects import ItemSize, TimeEffects
from routing_etl.model.times.measure import (
    NO_SOURCE,
    Estimate,
    JobFacts,
    Lessons,
    MeasureLearner,
    SizedItems,
    between_items,
)
from routing_etl.model.times.own_times import OwnTimes
from routing_etl.model.times.timed import (
    MEASURES,
    NORMAL_P90,
    TimedOperations,
    actual_times,
    job_means,
    lots_of_jobs,
    moved_by_own,
    spread_within,
    standard_times,
)
from routing_etl.scenarios import OPT_SIGMA, SAFE_SIGMA, actuals_confidence

#: So many operations with work results are enough to learn from; fewer only where still fewer have a standard time.
_LEAST_ACTUALS = 100
#: So few names of source items are joined in Python; for more the query engine is faster.
_FEW_CODES = 1_000
_SOURCE_LENGTH = CANDIDATE_OPERATIONS["source_items"].max_length or 200
#: Lines that are told apart; jobs of further lines share the last.
_MOST_LINES = 60


@dataclass(frozen=True)
class TimeItems:
    """Items whose operations have or need times; arrays hold a row per item.

    Attributes
    ----------
    table : TokenTable
        The coded attributes.
    features : Floats
        The encoded attributes, the table's numbers first.
    family : Ints
        The operation model's family.
    neighbours : Neighbours
        The nearest training items, the item itself left out.
    """

    table: TokenTable
    features: Floats
    family: Ints
    neighbours: Neighbours

    @property
    def others(self) -> Floats:
        """The encoded attributes behind the numbers."""
        return self.features[:, self.table.numbers.shape[1] :]

    def sized(self, size: ItemSize) -> SizedItems:
        """The same with the size of every item."""
        family = np.maximum(self.family, 0)
        found = size.of(self.table.numbers, self.others, family)
        return SizedItems(self.table, self.features, family, found, self.neighbours)


@dataclass(frozen=True)
class TimeTraining:
    """What times are learned from, beside the routings.

    Attributes
    ----------
    operations : polars.DataFrame
        OPERATIONS frame, with the standard times.
    evidence : TimeEvidence
        Profiles of work results.
    items : TimeItems
        The training items.
    folds : Ints
        Their folds.
    searched : Bools
        Training items whose neighbours are known.
    line_of_job : Ints
        Line of machines of every job, -1 for none.
    """

    operations: pl.DataFrame
    evidence: TimeEvidence
    items: TimeItems
    folds: Ints
    searched: Bools
    line_of_job: Ints


@dataclass(frozen=True)
class TimeRequest:
    """Operations that need times.

    Attributes
    ----------
    row, step : Ints
        Per operation its item (row in `items`) and its step of the catalogue.
    item_key : polars.Series
        Keys of the items.
    items : TimeItems
        The items.
    """

    row: Ints
    step: Ints
    item_key: pl.Series
    items: TimeItems


class OperationTimes:
    """Learns times of jobs on items.

    Parameters
    ----------
    half_life_days : float, optional
        An operation counts half as much as one whose last report is so many days newer.
    n_jobs : int, optional
        Models learned at once, in threads.
    random_state : int, optional
        Seed.

    Attributes
    ----------
    jobs_ : JobFacts
        What is known of the jobs.
    size_ : ItemSize
        The size of an item.
    measures_ : dict of str to MeasureModel or None
        Per measure what was learned; None where there was no time.
    own_ : OwnTimes
        Results of items outside the training.
    """

    def __init__(
        self, *, half_life_days: float = 1500.0, n_jobs: int | None = None, random_state: int = 42
    ) -> None:
        self.half_life_days = half_life_days
        self.n_jobs = n_jobs
        self.random_state = random_state

    def fit(self, catalogue: RoutingCatalogue, training: TimeTraining) -> OperationTimes:
        """Learn from work results, or from standard times where there are none.

        Parameters
        ----------
        catalogue : RoutingCatalogue
            The known routings.
        training : TimeTraining
            Times and items.
        """
        profile = training.evidence.by_item_operation
        within = {m: spread_within(catalogue, profile, m) for m in MEASURES}
        line = np.minimum(training.line_of_job + 1, _MOST_LINES).astype(np.int64)
        actual = actual_times(catalogue, profile, self.half_life_days)
        whole = np.ones(len(catalogue.jobs))
        jobs = JobFacts(catalogue.jobs, line, within, *lots_of_jobs(catalogue, profile), whole)
        jobs = between_items(jobs, actual["run"], training.items.neighbours, self.random_state)
        lessons = self._lessons(catalogue, training, jobs, actual)
        size = self._size(
            lessons["run" if len(lessons["run"].known.label) else "setup"], training.items, line
        )
        learner = MeasureLearner(
            jobs,
            training.items.sized(size),
            training.folds,
            training.searched,
            self.n_jobs,
            self.random_state,
        )
        self.step_job_ = catalogue.step_job
        self.label_codes_ = catalogue.labels["item_cd"]
        self.jobs_, self.size_ = jobs, size
        self.own_ = OwnTimes().fit(catalogue, profile, within)
        self.measures_ = {m: learner.learn(lessons[m]) for m in MEASURES}
        return self

    def widen(self, factors: Mapping[str, float]) -> None:
        """Multiply the spread of measures.

        Parameters
        ----------
        factors : mapping of str to float
            Factor by measure; one that is missing stays as it is.
        """
        for measure, factor in factors.items():
            model = self.measures_[measure]
            if model is not None:
                self.measures_[measure] = replace(
                    model, spread=np.asarray(model.spread * factor, dtype=np.float32)
                )

    def _lessons(
        self,
        catalogue: RoutingCatalogue,
        training: TimeTraining,
        jobs: JobFacts,
        actual: dict[str, TimedOperations],
    ) -> dict[str, Lessons]:
        """Per measure the times to learn from. `actual`: those of work results, at their own lots."""
        run = actual["run"]
        assert run.lot is not None
        actual = actual | {"run": replace(run, value=run.value - jobs.longer(run.job, run.lot))}
        standard = standard_times(catalogue, training.operations)
        out = {}
        for m in MEASURES:
            known = _better_known(actual[m], standard[m])
            mean, has_one = job_means(known, len(catalogue.jobs), standard[m])
            relative = replace(known, value=known.value - mean[known.job])
            basis = "actual" if known is actual[m] else "standard"
            moved = moved_by_own(known, len(catalogue.jobs), standard[m])
            out[m] = Lessons(m, basis, relative, mean, has_one, moved)
        return out

    def _size(self, lessons: Lessons, items: TimeItems, line: Ints) -> ItemSize:
        """Choose what the size of an item is, by the times known best."""
        known, family = lessons.known, items.family
        rest = TimeEffects(line).within_family(known, family[known.label])
        weight = np.bincount(known.label, known.weight, len(family)).astype(np.float64)
        mean = np.bincount(known.label, known.weight * rest, len(family)) / np.maximum(weight, 1e-12)
        size = ItemSize(random_state=self.random_state)
        return size.fit(items.table.numbers, items.others, family, mean, weight)

    def told(self, numbers: Sequence[str]) -> str:
        """A sentence on what times go with, for the model card.

        Parameters
        ----------
        numbers : sequence of str
            Names of the numbers in the coded attributes.
        """
        if not any(self.measures_.values()):
            return "No operation has a time to learn from."
        counts = self.size_.items_
        parts = [f"{numbers[c]} ({n:,} routed items)" for c, n in counts.most_common() if c >= 0]
        parts += [f"no number ({counts[-1]:,})"] if counts[-1] else []
        levels = [level for m in self.measures_.values() if m for level in m.terms.effects.levels_]
        acting = dict.fromkeys(level.split("|")[0].replace(JOINED, "texts") for level in levels)
        beside = f" Beside it, by line of machines: {', '.join(acting)}." if acting else ""
        return f"Times go with the size of an item, which is, by family: {', '.join(parts)}.{beside}{self._told_of_lots()}"

    def _told_of_lots(self) -> str:
        run = self.measures_["run"]
        exponents = self.jobs_.lot_exponent[np.isfinite(self.jobs_.lot_exponent)]
        if run is None or run.basis != "actual" or not len(exponents):
            return ""
        change = 10.0 ** float(np.median(exponents)) - 1.0
        kind = "less" if change <= 0 else "more"
        return f" In a lot ten times as large a piece takes {abs(change):.0%} {kind} (the middle job)."

    def predict(self, request: TimeRequest) -> dict[str, Floats | pl.Series]:
        """The time columns of CANDIDATE_OPERATIONS, one value per operation; a number that is not known is NaN.

        Parameters
        ----------
        request : TimeRequest
            The operations.
        """
        n_jobs = self.jobs_.n
        unique, back = np.unique(request.row * n_jobs + self.step_job_[request.step], return_inverse=True)
        row, job = unique // n_jobs, unique % n_jobs
        items = request.items.sized(self.size_)
        setup, run = (
            Estimate.unknown(len(row)) if model is None else model.estimate(items, row, job)
            for model in (self.measures_[m] for m in MEASURES)
        )
        told = _told_by(setup, run)
        numbers = self._numbers(setup, run, told, job)
        texts = {
            "time_source": choose_text(told.source, list(TIME_SOURCES)),
            "source_items": self._named(told),
        }
        if self.own_.any_of(request.item_key):
            columns = [pl.Series(name, values, nan_to_null=True) for name, values in numbers.items()]
            out = pl.DataFrame([*columns, *(text.alias(name) for name, text in texts.items())])
            out = self.own_.applied(out, take(request.item_key, row), take(self.jobs_.codes, job))
            texts = {name: out[name] for name in texts}
            numbers = {name: out[name].to_numpy() for name in numbers}
        return {name: values[back] for name, values in numbers.items()} | {
            name: take(values, back) for name, values in texts.items()
        }

    def _numbers(self, setup: Estimate, run: Estimate, told: Estimate, job: Ints) -> dict[str, Floats]:
        """The columns that are numbers. `told`: what source and sample size speak of."""
        middle, spread = run.middle, run.spread
        # Half-way between the median and the mean of a lognormal distribution, exp(spread^2 / 2) times the median.
        mean = middle * np.exp(spread**2 / 2 * 0.5)
        variation = np.sqrt(np.expm1(np.minimum(spread**2, 4.0)))
        n, similarity = told.samples, told.similarity
        return {
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
            "lot_exponent": np.where(np.isfinite(run.lot), self.jobs_.lot_exponent[job], np.nan),
            # What the item itself took: `OwnTimes` fills them.
            "act_setup_time": np.full(len(n), np.nan),
            "act_run_time": np.full(len(n), np.nan),
            "sample_count": n,
            "source_similarity": similarity,
            "time_confidence": np.where(n > 0, actuals_confidence(n, similarity), np.nan),
        }

    def _named(self, estimate: Estimate) -> pl.Series:
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


def _better_known(actual: TimedOperations, standard: TimedOperations) -> TimedOperations:
    """Work results where there are enough of them, or no fewer than standard times; else the standard times."""
    enough = min(_LEAST_ACTUALS, len(standard.label))
    return actual if len(actual.label) >= enough else standard


def _told_by(setup: Estimate, run: Estimate) -> Estimate:
    """What source and sample size speak of: the run time, and the set-up time where no run time is known."""
    other = (run.source == NO_SOURCE) & (setup.source != NO_SOURCE)
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
