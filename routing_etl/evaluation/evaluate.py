"""Evaluation on routings that the model has not seen: fit on one side of a split, predict the other, measure.

`evaluate` judges by the routings that engineers wrote and the times that work orders took; `evaluate_unrouted` judges
the predictions of a simulated plant's unrouted items by the plant's truth. Baselines and the model are judged on the
same items. A metric that cannot be computed is NULL with a reason, and no failure of a metric or of a baseline stops an
evaluation.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

from routing_etl.errors import ConfigurationError, ModelError
from routing_etl.evaluation.alerts import Cycle, alerts_of, on_failed_metrics, on_segments
from routing_etl.evaluation.assembly import (
    EXPECTED,
    Findings,
    ItemFacts,
    JudgedItems,
    measure_answers,
    metrics_of_answers,
    nothing_measured,
)
from routing_etl.evaluation.baseline_legacy import LegacyPredictor
from routing_etl.evaluation.baselines import MajorityByPartType, NearestCopyPredictor
from routing_etl.evaluation.bootstrap import Metric
from routing_etl.evaluation.comparison import compare
from routing_etl.evaluation.deployed import LEAST_SINCE, Deployed, kept_rows, written_since
from routing_etl.evaluation.details import EvaluationDetails, Loss
from routing_etl.evaluation.fit_variance import (
    FitVariance,
    fit_variance,
    kinds_of,
    part_of,
    with_fit_variance,
)
from routing_etl.evaluation.losses import losses_of
from routing_etl.evaluation.metric_table import MODEL, ORACLE, RIVAL, SINCE
from routing_etl.evaluation.options import EvaluationOptions
from routing_etl.evaluation.reasons import with_message
from routing_etl.evaluation.reference import expected_routings, known_routings
from routing_etl.evaluation.report import EvaluationReport, Since
from routing_etl.evaluation.splits import (
    Fold,
    Split,
    attribute_columns,
    labelled_items,
    make_split,
    near_identical_groups,
)
from routing_etl.evaluation.truth import SEPARATOR, Truth, truth_predictions
from routing_etl.frames import Predictions, TimeEvidence
from routing_etl.log import get_logger
from routing_etl.model.base.arrays import Bools, Ints
from routing_etl.model.plain import training_frames
from routing_etl.progress import SILENT, Progress

log = get_logger(__name__)

#: A part type is frequent from this many routed training items on.
FREQUENT = 30


class Predictor(Protocol):
    """What can be evaluated: `RoutingPredictor`, a baseline, or anything with their `fit` and `predict`."""

    def fit(
        self,
        items: pl.DataFrame,
        operations: pl.DataFrame,
        *,
        times: TimeEvidence | None = None,
        progress: Progress = SILENT,
    ) -> object:
        """Learn from routed items."""
        ...

    def predict(self, items: pl.DataFrame) -> Predictions:
        """Propose routings for items."""
        ...


BASELINES: dict[str, Callable[[], Predictor]] = {
    "nearest_copy": NearestCopyPredictor,
    "majority_part_type": MajorityByPartType,
    "legacy": LegacyPredictor,
}


@dataclass(frozen=True)
class WorkResults:
    """Times that work orders took.

    Attributes
    ----------
    training : callable
        Keys of the items that a model is trained on -> time profiles made of their work results only. Called once per fold.
    actual : TimeEvidence
        Time profiles of all items: what the predicted times are judged by.
    reports : polars.LazyFrame or None
        The single reports behind `actual`: item_key, job_cd, setup_min, run_min_at_lot, setup_removed, run_removed. None: the
        share of single reports inside the predicted interval is not measured.
    """

    training: Callable[[pl.Series], TimeEvidence]
    actual: TimeEvidence
    reports: pl.LazyFrame | None = None

    @classmethod
    def none(cls) -> WorkResults:
        """No work results: times are neither learned nor judged."""
        return cls(lambda _: TimeEvidence.none(), TimeEvidence.none())


def evaluate(
    model: Predictor | Callable[[], Predictor],
    items: pl.DataFrame,
    operations: pl.DataFrame,
    *,
    results: WorkResults | None = None,
    truth: Truth | None = None,
    options: EvaluationOptions | None = None,
    rival: Callable[[], Predictor] | None = None,
    deployed: Callable[[], Deployed | None] | None = None,
    progress: Progress = SILENT,
) -> EvaluationReport:
    """Measure a kind of model, and the baselines on the same items, on routings that it has not seen.

    The routed items are split. Per fold an unfitted model learns from the training side and predicts the judged side, of
    which it sees neither routings nor work results.

    Parameters
    ----------
    model : estimator or callable
        An unfitted estimator, which is cloned for every fold and never fitted itself, or a callable that makes one.
    items : polars.DataFrame
        ITEMS frame, or plain items: `item_cd` and attribute columns; routed and unrouted.
    operations : polars.DataFrame
        OPERATIONS frame, or plain operations: `item_cd`, `proc_seq`, `job_cd` and any other column of the contract.
    results : WorkResults, optional
        Times that work orders took. None: times are neither learned nor judged.
    truth : Truth, optional
        A simulated plant's truth; adds expected exact match, ceiling and oracle.
    options : EvaluationOptions, optional
        The split, its size, baselines, resamples and seed. None: the newest 180 days, at most 5,000 items.
    rival : callable, optional
        Makes another kind of model, the champion's, that is fitted on the same rows and asked for the same items; its method
        is `RIVAL`. It costs a further fit.
    deployed : callable, optional
        Gives the version that predicts now, or None where it cannot be used. It is asked, as it is, for the judged items that were
        routed after it had learned (`EvaluationReport.since`). Called once, after the models of the evaluation are gone.
    progress : Progress, optional
        What shows the progress.

    Returns
    -------
    EvaluationReport
        When nothing can be judged (no two groups of routed items) its metrics are NULL with the reason, and it has the
        critical alert NO_ACTUAL_DATA.

    Raises
    ------
    ConfigurationError
        `model` can be neither called nor cloned.
    FrameError
        A frame lacks a column, has it in another type, or the two do not fit together; names the frame and the column.
    """
    started = time.perf_counter()
    options, results = options or EvaluationOptions(), results or WorkResults.none()
    rivals = {} if rival is None else {RIVAL: rival}
    methods = _Methods({MODEL: _maker(model), **rivals, **(BASELINES if options.baselines else {})})
    items, operations = training_frames(items, operations)
    try:
        divided = make_split(items, operations, options)
    except ModelError as exc:
        log.warning("evaluation_impossible", split=options.split, error=str(exc))
        return _unmeasured(options, options.split, str(exc), started)
    for fold in _shown(divided, progress):
        methods.run(fold, items, results.training(fold.train), progress)
    varied = _varied(methods, divided, items, operations, results, options)
    judged = _judged(divided, items, operations, results, truth)
    answers = methods.answers()
    if truth is not None:
        answers[ORACLE] = [truth_predictions(truth, _in_order(divided.test, items))]
    with progress.task("Evaluate: metrics and intervals", total=None):
        found = measure_answers(answers, judged, options, methods.failures())
    sides = _Sides.of(divided, items, options, methods)
    report = _report(found, options, sides, started, varied)
    since = (
        None
        if deployed is None
        else _since(deployed, _Work(divided, items, operations, results, options), answers)
    )
    if since is not None and isinstance(varied, FitVariance):
        since = replace(since, metrics=with_fit_variance(since.metrics, varied))
    return replace(report, losses=_losses(answers, judged, items, operations), since=since)


@dataclass(frozen=True)
class _Work:
    """What is judged, and by what."""

    divided: Split
    items: pl.DataFrame
    operations: pl.DataFrame
    results: WorkResults
    options: EvaluationOptions


def _since(
    deployed: Callable[[], Deployed | None], work: _Work, answers: Mapping[str, list[Predictions]]
) -> Since | None:
    """Both versions on what was written since the deployed one had learned; None where that is too little or fails."""
    if MODEL not in answers or len(work.divided.folds) > 1 or (theirs := deployed()) is None:
        return None
    fold = work.divided.folds[0]
    asked = written_since(fold, work.items, work.operations, theirs.learned)
    if asked.len() < LEAST_SINCE:
        return None
    part = Split(SINCE, (Fold(asked, fold.operations),), ())
    try:
        both = {MODEL: answers[MODEL], RIVAL: [theirs.predict(_in_order(asked, work.items))]}
        judged = _judged(part, work.items, work.operations, replace(work.results, reports=None), None)
        metrics = kept_rows(measure_answers(both, judged, work.options).tables.metrics)
    except Exception as exc:
        log.exception("deployed_version_not_judged", version=theirs.name, error=str(exc))
        return None
    return Since(theirs.name, asked, _learned(fold, work.items).len(), theirs.learned.len(), metrics)


def evaluate_unrouted(
    answers: Mapping[str, Predictions],
    truth: Truth,
    items: pl.DataFrame,
    *,
    routed: pl.DataFrame,
    options: EvaluationOptions | None = None,
) -> EvaluationReport:
    """Measure predictions of a simulated plant's unrouted items against its truth: what the product is judged on.

    Parameters
    ----------
    answers : mapping of str to Predictions
        Predictions by method: 'model', and baselines by name.
    truth : Truth
        The plant's truth.
    items : polars.DataFrame
        ITEMS frame of the predicted items. Those that the truth does not know are left out.
    routed : polars.DataFrame
        ITEMS frame of the items that the model was trained on; only `part_type` is used.
    options : EvaluationOptions, optional
        Only `n_resamples`, `random_state` and `limits` are used.

    Returns
    -------
    EvaluationReport
        Of the split 'unrouted'. Values are expectations over the routings that a planner would write, times over one report
        of each operation.
    """
    started = time.perf_counter()
    options = options or EvaluationOptions()
    known = items.join(truth.routings.select("item_key").unique(), on="item_key", how="semi").sort("item_key")
    if not known.height:
        return _unmeasured(options, "unrouted", "The truth knows none of these items.", started)
    counts = routed.group_by("part_type").agg(n=pl.len().cast(pl.Int64))
    typed = known.select("part_type").join(counts, on="part_type", how="left", maintain_order="left")
    band, known_type = _bands(typed["part_type"], typed["n"].fill_null(0))
    facts = ItemFacts(
        near_identical_groups(known, by_identifier=False),
        band,
        known["item_acct"],
        known_type,
        None,
        known["part_type"],
        many_missing(known),
    )
    judged = JudgedItems("unrouted", expected_routings(truth, known["item_key"]), facts, truth)
    everyone = {**answers, ORACLE: truth_predictions(truth, known)}
    found = measure_answers({name: [one] for name, one in everyone.items()}, judged, options)
    note = "Values are expectations over the routings that a planner would write for each item."
    sides = _Sides("unrouted", "all unrouted items", (note,), known.height, routed.height)
    return _report(found, options, sides, started)


def _losses(
    answers: Mapping[str, list[Predictions]],
    judged: JudgedItems,
    items: pl.DataFrame,
    operations: pl.DataFrame,
) -> tuple[Loss, ...]:
    """What was wrong with the model's answers; nothing, told in the log, when that cannot be said."""
    if MODEL not in answers:
        return ()
    try:
        return losses_of(answers[MODEL], judged.reference, items, operations["item_key"].unique())
    except Exception as exc:
        log.exception("losses_not_told", error=str(exc))
        return ()


# --- fitting and predicting ------------------------------------------------------------------------------------------


def _maker(model: Predictor | Callable[[], Predictor]) -> Callable[[], Predictor]:
    """What makes the unfitted models: the callable that was given, or clones of the estimator that was given."""
    if callable(model):
        return model
    if not hasattr(model, "get_params"):
        raise ConfigurationError(
            f"A {type(model).__name__} cannot be evaluated: it can be neither called nor cloned.",
            remedy="Give a callable that makes an unfitted model (its class, for example), or a scikit-learn estimator.",
        )
    from sklearn.base import clone

    return functools.partial(clone, model)


def _shown(divided: Split, progress: Progress) -> Iterator[Fold]:
    with progress.task("Evaluate: fit and predict", total=len(divided.folds)) as task:
        for fold in divided.folds:
            yield fold
            task.advance()


@dataclass
class _Run:
    """Predictions of one method, one part per fold, or why there are none."""

    make: Callable[[], Predictor]
    parts: list[Predictions] = field(default_factory=list)
    failure: str | None = None
    fit_seconds: float = 0.0
    predict_seconds: float = 0.0


class _Methods:
    """The model and the baselines, fitted and asked fold by fold."""

    def __init__(self, makers: Mapping[str, Callable[[], Predictor]]) -> None:
        self._runs = {name: _Run(make) for name, make in makers.items()}
        #: Whether the model draws by a seed.
        self.seeded = False

    def run(self, fold: Fold, items: pl.DataFrame, times: TimeEvidence, progress: Progress) -> None:
        """Fit every method on the fold's training side and predict its judged side; a failure is kept."""
        test = fold.test.to_frame("item_key")
        asked = items.join(test, on="item_key", how="semi").sort("item_key")
        rest = items.join(test, on="item_key", how="anti", maintain_order="left")
        for name, run in self._runs.items():
            if run.failure is not None:
                continue
            try:
                begun = time.perf_counter()
                model = run.make()
                self.seeded |= name == MODEL and "random_state" in getattr(model, "get_params", dict)()
                model.fit(rest, fold.operations, times=times, progress=progress)
                fitted = time.perf_counter()
                run.parts.append(model.predict(asked))
                # Gone before the next one is fitted: at full size a gigabyte.
                del model
            except EXPECTED as exc:
                log.exception("evaluated_method_failed", method=name, error=str(exc))
                run.failure = with_message("METHOD_FAILED", exc)
                continue
            run.fit_seconds += fitted - begun
            run.predict_seconds += time.perf_counter() - fitted

    def unfitted(self, name: str) -> Predictor:
        """A new model of a method."""
        return self._runs[name].make()

    def answers(self) -> dict[str, list[Predictions]]:
        """Predictions by method, of those that did not fail."""
        return {n: run.parts for n, run in self._runs.items() if run.failure is None and run.parts}

    def failures(self) -> dict[str, str]:
        """Why methods have no predictions."""
        return {n: run.failure for n, run in self._runs.items() if run.failure is not None}

    def seconds(self) -> dict[str, float]:
        """Seconds of fit and predict by method."""
        found: dict[str, float] = {}
        for name, run in self._runs.items():
            found |= {
                f"{name} fit": round(run.fit_seconds, 3),
                f"{name} predict": round(run.predict_seconds, 3),
            }
        return found


def _varied(
    methods: _Methods,
    divided: Split,
    items: pl.DataFrame,
    operations: pl.DataFrame,
    results: WorkResults,
    options: EvaluationOptions,
) -> FitVariance | str | None:
    """How far the model's metrics move with the seed of the fit, or why that is not known; None when it was not asked for."""
    if options.variance_fits < 2:
        return None
    if not methods.seeded:
        return "The model has no seed, so the variance between fits is not in the intervals."
    part = part_of(divided, options.random_state)
    fold = part.folds[0]
    judged = _judged(part, items, operations, replace(results, reports=None), None)
    times = results.training(fold.train)
    rest = items.filter(~pl.col("item_key").is_in(fold.test.implode()))
    asked = _in_order(fold.test, items)

    def measure(number: int) -> list[Metric]:
        answers = (
            _reseeded(methods.unfitted(MODEL), number).fit(rest, fold.operations, times=times).predict(asked)
        )  # type: ignore[attr-defined]
        return metrics_of_answers(compare(answers, judged.reference), judged.facts)[0]

    try:
        return fit_variance(part, kinds_of(asked), measure, options.variance_fits)
    except Exception as exc:
        log.exception("fit_variance_not_measured", error=str(exc))
        return f"The variance between fits was not measured: {type(exc).__name__}: {exc}"


def _reseeded(model: Any, number: int) -> Any:
    """The model with another seed, and without what only sets how sure it is and takes several fits itself."""
    changed = {"random_state": (model.random_state or 0) + number}
    return model.set_params(**changed, **({"rehearsals": 0} if "rehearsals" in model.get_params() else {}))


# --- facts about the judged items ------------------------------------------------------------------------------------


def _sequences(operations: pl.DataFrame) -> pl.DataFrame:
    return (
        operations.lazy()
        .filter((pl.col("routing_rank") == 0) & pl.col("job_cd").is_not_null())
        .select("item_key", "proc_seq", "job_cd")
        .sort("item_key", "proc_seq")
        .group_by("item_key", maintain_order=True)
        .agg(sequence=pl.col("job_cd").str.join(SEPARATOR))
        .collect()
    )


def many_missing(items: pl.DataFrame) -> Bools:
    """Items that lack more than half of the attributes that most of these items have.

    Parameters
    ----------
    items : polars.DataFrame
        ITEMS frame.
    """
    names = [c for c in attribute_columns(items) if items[c].null_count() < items.height / 2]
    if not names:
        return np.zeros(items.height, dtype=bool)
    missing = items.select(pl.sum_horizontal(pl.col(names).is_null())).to_series().to_numpy()
    return np.asarray(missing > len(names) / 2)


def _bands(part_type: pl.Series, count: pl.Series) -> tuple[pl.Series, NDArray[np.int8]]:
    """Band of the part type by its number of routed training items, and whether the type was seen at all.

    1: seen, 0: new, -1: the item has no part type, so that it may be of a known one or of a new one.
    """
    frame = pl.DataFrame({"part_type": part_type, "n": count})
    band = frame.select(
        pl.when(pl.col("part_type").is_null())
        .then(pl.lit("none"))
        .when(pl.col("n") >= FREQUENT)
        .then(pl.lit("frequent"))
        .when(pl.col("n") > 0)
        .then(pl.lit("rare"))
        .otherwise(pl.lit("unseen"))
    ).to_series()
    return band, np.where(part_type.is_null().to_numpy(), -1, frame["n"].to_numpy() > 0).astype(np.int8)


def _in_order(keys: pl.Series, items: pl.DataFrame) -> pl.DataFrame:
    """The items of these keys, in their order."""
    return keys.to_frame("item_key").join(items, on="item_key", maintain_order="left")


def _judged(
    divided: Split,
    items: pl.DataFrame,
    operations: pl.DataFrame,
    results: WorkResults,
    truth: Truth | None,
) -> JudgedItems:
    """The judged items of a split with their written routings and actual times."""
    reference = known_routings(operations, divided.test, results.actual, truth, results.reports)
    facts = _fold_facts(divided, items, operations)
    judged = _in_order(divided.test, items)
    band, known_type = _bands(facts["part_type"], facts["n"].fill_null(0))
    return JudgedItems(
        divided.name,
        reference,
        ItemFacts(
            _relatives(divided.test, items, operations),
            band,
            judged["item_acct"],
            known_type,
            facts["reachable"].fill_null(False).to_numpy(),
            judged["part_type"],
            many_missing(judged),
        ),
        truth,
    )


def _relatives(keys: pl.Series, items: pl.DataFrame, operations: pl.DataFrame) -> Ints:
    """Number of the group of near-identical items and siblings of each key: they are right or wrong together.

    Groups are those of all routed items, as in the split: of a few, most texts look unique.
    """
    routed = labelled_items(items, operations).drop("rout_date")
    group = pl.Series("group", near_identical_groups(routed, by_identifier=True))
    known = pl.DataFrame([routed["item_key"], group])
    return keys.to_frame("item_key").join(known, on="item_key", maintain_order="left")["group"].to_numpy()


def _learned(fold: Fold, items: pl.DataFrame) -> pl.Series:
    """Keys of the items that a model of the fold learns from: those of `Fold.train` that are not excluded."""
    return labelled_items(items, fold.operations)["item_key"]


def _fold_facts(divided: Split, items: pl.DataFrame, operations: pl.DataFrame) -> pl.DataFrame:
    """Per judged item: part_type, n (training items of it), reachable (a training item has its job sequence)."""
    typed = items.select("item_key", "part_type")
    written = _sequences(operations)
    parts = []
    for fold in divided.folds:
        train = _learned(fold, items).to_frame("item_key").join(typed, on="item_key")
        counts = train.group_by("part_type").agg(n=pl.len().cast(pl.Int64))
        known = _sequences(fold.operations).join(train, on="item_key", how="semi").select("sequence").unique()
        known = known.with_columns(reachable=pl.lit(True))
        parts.append(
            fold.test.to_frame("item_key")
            .join(typed, on="item_key")
            .join(counts, on="part_type", how="left")
            .join(written, on="item_key", how="left")
            .join(known, on="sequence", how="left")
        )
    return divided.test.to_frame("item_key").join(
        pl.concat(parts), on="item_key", how="left", maintain_order="left"
    )


# --- the report ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Sides:
    """What was judged and what was trained on; the fields of `EvaluationDetails`."""

    split: str
    strategy: str
    notes: tuple[str, ...]
    items_evaluated: int
    items_trained: int
    split_asked: str | None = None
    folds: int | None = None
    seconds: Mapping[str, float] | None = None

    @classmethod
    def of(cls, divided: Split, items: pl.DataFrame, options: EvaluationOptions, methods: _Methods) -> _Sides:
        """The two sides of a split."""
        return cls(
            split=divided.name,
            strategy=f"{divided.name}, at most {options.max_items} items, seed {options.random_state}",
            notes=divided.notes,
            items_evaluated=divided.test.len(),
            items_trained=max(_learned(fold, items).len() for fold in divided.folds),
            split_asked=options.split,
            folds=len(divided.folds),
            seconds=methods.seconds(),
        )


def _unmeasured(options: EvaluationOptions, split: str, reason: str, started: float) -> EvaluationReport:
    return _report(nothing_measured(split, reason), options, _Sides(split, "none", (reason,), 0, 0), started)


def _report(
    found: Findings,
    options: EvaluationOptions,
    sides: _Sides,
    started: float,
    varied: FitVariance | str | None = None,
) -> EvaluationReport:
    """Add the variance between fits, alerts and durations to what was measured."""
    fit_sd, notes = None, sides.notes
    if isinstance(varied, FitVariance):
        tables = replace(found.tables, metrics=with_fit_variance(found.tables.metrics, varied))
        found = replace(found, tables=tables)
        fit_sd, notes = varied.judged_sd(tables.table.rows), (*notes, varied.note())
    elif varied is not None:
        notes = (*notes, varied)
    seconds = round(time.perf_counter() - started, 3)
    cycle = _cycle(found, sides, seconds)
    alerts = (
        *alerts_of(cycle, options.limits),
        *on_segments(found.tables.table, options.limits),
        *on_failed_metrics(found.tables.table),
    )
    codes = tuple(alert.code for alert in alerts)
    log.info("evaluated", split=sides.split, items=sides.items_evaluated, seconds=seconds, alerts=list(codes))
    tables = found.tables
    return EvaluationReport(
        tables.metrics,
        tables.calibration,
        tables.coverage,
        tables.time_sample,
        legacy=found.legacy,
        details=EvaluationDetails(
            split=sides.split,
            strategy=sides.strategy,
            notes=notes,
            items_evaluated=sides.items_evaluated,
            items_trained=sides.items_trained,
            items_failed=found.items_failed,
            duration_seconds=seconds,
            cycle=replace(cycle, alerts=codes),
            split_asked=sides.split_asked,
            folds=sides.folds,
            seconds=sides.seconds,
            fit_sd=fit_sd,
        ),
        alerts=alerts,
        held_out=found.held_out,
    )


def _cycle(found: Findings, sides: _Sides, seconds: float) -> Cycle:
    """The figures under the replaced system's names, without alerts."""
    now = datetime.now(UTC)
    value = found.tables.value
    rows = {
        name: found.tables.table.get(name) for name in ("run_mae", "run_trim_mae", "run_cv", "process_match")
    }
    counted = rows["run_mae"]
    low = {name: None if row is None else row.low for name, row in rows.items()}
    match = rows["process_match"]
    return Cycle(
        cycle_id=f"{sides.split}-{now:%Y%m%d%H%M%S}",
        timestamp=now.isoformat(timespec="seconds"),
        strategy=sides.strategy,
        sample_size=sides.items_evaluated,
        items_evaluated=sides.items_evaluated - found.items_failed,
        items_failed=found.items_failed,
        sample_count=0 if counted is None else counted.n,
        mae=value("run_mae"),
        trim_mae=value("run_trim_mae"),
        rmse=value("run_rmse"),
        cv=value("run_cv"),
        process_match=value("process_match"),
        outsourcing_success=value("outsourcing_success"),
        duration_seconds=seconds,
        mae_low=low["run_mae"],
        trim_mae_low=low["run_trim_mae"],
        cv_low=low["run_cv"],
        process_match_high=None if match is None else match.high,
    )
