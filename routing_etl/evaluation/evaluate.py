"""Evaluation on routings that the model has not seen: fit on one side of a split, predict the other, measure.

`evaluate` judges by the routings that engineers wrote and the times that work orders took; `evaluate_unrouted` judges
the predictions of a simulated plant's unrouted items by the plant's truth. Baselines and the model are judged on the
same items. A metric that cannot be computed is NULL with a reason, and no failure of a metric or of a baseline stops an
evaluation.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import polars as pl

from routing_etl.errors import ModelError
from routing_etl.evaluation.alerts import Cycle, alerts_of, on_failed_metrics, on_segments
from routing_etl.evaluation.assembly import (
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
from routing_etl.evaluation.judged import in_order, judged_items, learned_keys, many_missing, part_type_bands
from routing_etl.evaluation.losses import losses_of
from routing_etl.evaluation.methods import Methods, Predictor, maker_of_unfitted, reseeded
from routing_etl.evaluation.metric_table import MODEL, ORACLE, RIVAL, SINCE
from routing_etl.evaluation.options import EvaluationOptions
from routing_etl.evaluation.reference import expected_routings
from routing_etl.evaluation.report import EvaluationReport, Since
from routing_etl.evaluation.splits import (
    Fold,
    Split,
    make_split,
    near_identical_groups,
)
from routing_etl.evaluation.truth import Truth, truth_predictions
from routing_etl.evaluation.work_results import WorkResults
from routing_etl.frames import Predictions
from routing_etl.log import get_logger
from routing_etl.model.plain import training_frames
from routing_etl.progress import SILENT, Progress

log = get_logger(__name__)

BASELINES: dict[str, Callable[[], Predictor]] = {
    "nearest_copy": NearestCopyPredictor,
    "majority_part_type": MajorityByPartType,
    "legacy": LegacyPredictor,
}


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
    methods = Methods({MODEL: maker_of_unfitted(model), **rivals, **(BASELINES if options.baselines else {})})
    items, operations = training_frames(items, operations)
    try:
        divided = make_split(items, operations, options)
    except ModelError as exc:
        log.warning("evaluation_impossible", split=options.split, error=str(exc))
        return _unmeasured(options, options.split, str(exc), started)
    for fold in _shown(divided, progress):
        methods.run(fold, items, results.training(fold.train), progress)
    varied = _varied(methods, divided, items, operations, results, options)
    judged = judged_items(divided, items, operations, results, truth)
    answers = methods.answers()
    if truth is not None:
        answers[ORACLE] = [truth_predictions(truth, in_order(divided.test, items))]
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
        both = {MODEL: answers[MODEL], RIVAL: [theirs.predict(in_order(asked, work.items))]}
        judged = judged_items(part, work.items, work.operations, replace(work.results, reports=None), None)
        metrics = kept_rows(measure_answers(both, judged, work.options).tables.metrics)
    except Exception as exc:
        log.exception("deployed_version_not_judged", version=theirs.name, error=str(exc))
        return None
    return Since(theirs.name, asked, learned_keys(fold, work.items).len(), theirs.learned.len(), metrics)


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
    band, known_type = part_type_bands(typed["part_type"], typed["n"].fill_null(0))
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


def _shown(divided: Split, progress: Progress) -> Iterator[Fold]:
    with progress.task("Evaluate: fit and predict", total=len(divided.folds)) as task:
        for fold in divided.folds:
            yield fold
            task.advance()


def _varied(
    methods: Methods,
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
    judged = judged_items(part, items, operations, replace(results, reports=None), None)
    times = results.training(fold.train)
    rest = items.filter(~pl.col("item_key").is_in(fold.test.implode()))
    asked = in_order(fold.test, items)

    def measure(number: int) -> list[Metric]:
        answers = (
            reseeded(methods.unfitted(MODEL), number).fit(rest, fold.operations, times=times).predict(asked)
        )  # type: ignore[attr-defined]
        return metrics_of_answers(compare(answers, judged.reference), judged.facts)[0]

    try:
        return fit_variance(part, kinds_of(asked), measure, options.variance_fits)
    except Exception as exc:
        log.exception("fit_variance_not_measured", error=str(exc))
        return f"The variance between fits was not measured: {type(exc).__name__}: {exc}"


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
    def of(cls, divided: Split, items: pl.DataFrame, options: EvaluationOptions, methods: Methods) -> _Sides:
        """The two sides of a split."""
        return cls(
            split=divided.name,
            strategy=f"{divided.name}, at most {options.max_items} items, seed {options.random_state}",
            notes=divided.notes,
            items_evaluated=divided.test.len(),
            items_trained=max(learned_keys(fold, items).len() for fold in divided.folds),
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
