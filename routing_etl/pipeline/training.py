"""The steps that learn: evaluate on held-out items, and train a version. `steps.py` shows them beside the others."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

import polars as pl

from routing_etl import frames
from routing_etl.errors import ModelError, RoutingEtlError
from routing_etl.evaluation.metric_table import ALL, MODEL, MetricRow
from routing_etl.evaluation.reasons import computing_failed
from routing_etl.log import get_logger
from routing_etl.memory_limits import SIDE_BY_SIDE_FROM
from routing_etl.pipeline import street
from routing_etl.pipeline.cards import model_card, unsaved_card
from routing_etl.pipeline.champion import decisions_of, note_pruned
from routing_etl.pipeline.conditions import limits_of
from routing_etl.pipeline.context import Context, step
from routing_etl.pipeline.gate import Challenger, floor_missed, promote_if_not_worse, record_trained
from routing_etl.pipeline.learning import AnswersBy, LearningData, make_predictor, read_learning_data
from routing_etl.pipeline.loading import load_model
from routing_etl.pipeline.persons import Actor
from routing_etl.pipeline.recipe import data_hash, maker_of, recipe_of
from routing_etl.pipeline.results import (
    CalibrationBin,
    CoveragePoint,
    DatasetStats,
    Evaluated,
    TimePoint,
    Trained,
)
from routing_etl.pipeline.review import standards_held
from routing_etl.pipeline.training_facts import Accounts, training_facts
from routing_etl.pipeline.versions import NewVersion, save_version
from routing_etl.pipeline.worker import Worker
from routing_etl.progress import Progress
from routing_etl.runs import RunFolder, as_json, from_json
from routing_etl.settings import Settings

if TYPE_CHECKING:
    from routing_etl.evaluation.deployed import Deployed
    from routing_etl.evaluation.details import EvaluationDetails
    from routing_etl.evaluation.options import EvaluationOptions
    from routing_etl.evaluation.report import EvaluationReport
    from routing_etl.model.predictor import RoutingPredictor

log = get_logger(__name__)


@dataclass(frozen=True)
class TrainingRequest:
    """What is asked of a training.

    Attributes
    ----------
    name : str or None
        Name of the new version; None takes the UTC time.
    dry_run : bool
        Evaluate and fit, but save neither files nor rows.
    dry_run_items : int
        Most routed items that a dry run learns from, so that it is quick; a larger plant's are drawn.
    promote : bool
        Make the version the champion unless it is significantly worse.
    split : str
        How held-out items are chosen, as in `EvaluationOptions`.
    max_items : int
        Most held-out items that are judged.
    requested_by : str
        Who asks; empty means the service user.
    via : str
        Through what: `night`, or `train` where a training alone was asked for.
    reason : str
        Why; kept on record.
    """

    name: str | None = None
    dry_run: bool = False
    dry_run_items: int = 5000
    promote: bool = True
    split: str = "recent"
    max_items: int = 5000
    requested_by: str = ""
    via: str = "night"
    reason: str = "a training was due"


# --- evaluation --------------------------------------------------------------------------------------------------------


@step(street.EVALUATE)
def evaluate(
    ctx: Context,
    *,
    split: str = "recent",
    max_items: int = 5000,
    baselines: bool = True,
    folds: int | None = None,
) -> Evaluated:
    """Judge the method and the baselines on held-out items; every fold's model is thrown away.

    Parameters
    ----------
    ctx : Context
        Settings and a run folder with cleaned frames and time profiles.
    split : str
        How held-out items are chosen, as in `EvaluationOptions`.
    max_items : int
        Most held-out items that are judged.
    baselines : bool
        Judge the baselines on the same items.
    folds : int, optional
        Parts of the split `loo`. None: one item each.

    Raises
    ------
    ConfigurationError
        An option has a value that it cannot have.
    """
    from routing_etl.model.base.threads import threads

    options = _options(ctx.settings, split, max_items, baselines=baselines, folds=folds)
    data = read_learning_data(ctx.run)
    with threads(ctx.settings.threads):
        report = _evaluate(ctx, data, options)
    found = _evaluated(ctx, data, report)
    return replace(found, model_card=unsaved_card(ctx, found))


def _options(
    settings: Settings, split: str, max_items: int, *, baselines: bool = True, folds: int | None = None
) -> EvaluationOptions:
    """The options of an evaluation, checked before anything is read."""
    from routing_etl.evaluation.options import EvaluationOptions

    return EvaluationOptions(
        split=split,  # type: ignore[arg-type]
        test_days=settings.test_days,
        max_items=max_items,
        folds=folds,
        baselines=baselines,
        variance_fits=settings.variance_fits,
        random_state=settings.random_state,
        limits=limits_of(settings),
    )


def _evaluate(
    ctx: Context, data: LearningData, options: EvaluationOptions, answers_by: AnswersBy = "auto"
) -> EvaluationReport:
    from routing_etl.evaluation.evaluate import evaluate as evaluate_model
    from routing_etl.evaluation.work_results import WorkResults
    from routing_etl.times.pooled import at_todays_level
    from routing_etl.times.profiles import SAMPLES, read_evidence

    data = data.independent  # a copy of a proposal is right by itself
    return evaluate_model(
        lambda: make_predictor(ctx.settings, data.attributes, answers_by=answers_by),
        data.items,
        data.operations,
        results=WorkResults(
            functools.partial(_evidence_of, ctx),
            read_evidence(ctx.run.times),
            at_todays_level(pl.scan_parquet(ctx.run.times / SAMPLES)),
        ),
        options=options,
        rival=_rival(ctx, data),
        deployed=functools.partial(_deployed, ctx),
        progress=ctx.progress,
    )


def _rival(ctx: Context, data: LearningData) -> Callable[[], RoutingPredictor] | None:
    """What makes models by the champion's recipe, where that is another one which can be fitted here."""
    champion = ctx.registry.alias("champion")
    if champion is None or ctx.registry.unreadable(champion):
        return None
    return maker_of(ctx, ctx.registry.show(champion), data.attributes)


def _deployed(ctx: Context) -> Deployed | None:
    """The champion, to be judged as it is; None where there is none, or none that can be loaded here, which the log says."""
    from routing_etl.evaluation.deployed import Deployed

    champion = ctx.registry.alias("champion")
    if champion is None:
        return None
    try:
        name, model = load_model(ctx, champion)
    except RoutingEtlError as exc:
        log.warning("champion_not_judged", version=champion, reason=str(exc))
        return None
    return Deployed(name, model.learned_items, model.predict)


def _evidence_of(ctx: Context, keep: pl.Series) -> frames.TimeEvidence:
    """Time profiles from these items' results only: what a model may know while the others are held out."""
    from routing_etl.times.profiles import read_evidence, subset_evidence

    own = read_evidence(ctx.run.times).by_item_operation["item_key"].unique()
    return subset_evidence(
        ctx.run.times, own.filter(~own.is_in(keep.unique().implode())), ctx.profile.time_basis
    )


def _evaluate_run(
    settings: Settings, run: RunFolder, options: EvaluationOptions, answers_by: AnswersBy, progress: Progress
) -> EvaluationReport:
    """Evaluate in a process of its own, which has nothing but the run folder."""
    return _evaluate(Context(settings, run, progress), read_learning_data(run), options, answers_by)


def _evaluated(ctx: Context, data: LearningData, report: EvaluationReport) -> Evaluated:
    """What an evaluation found, how, and on what data."""
    from routing_etl.times.profiles import read_evidence

    facts = training_facts(
        ctx.run,
        data.items,
        data.operations,
        items_with_times=read_evidence(ctx.run.times).by_item_operation["item_key"].n_unique(),
        accounts=Accounts(ctx.result(street.CLEAN), ctx.result(street.AGGREGATE_TIMES)),
    )
    tables = as_json(report.as_dict())
    return Evaluated(
        split=report.details.split,
        metrics=(*report.table.rows, _standards_held(ctx, report.details.split)),
        legacy=report.legacy,
        calibration=from_json(tuple[CalibrationBin, ...], tables["calibration"]),
        coverage=from_json(tuple[CoveragePoint, ...], tables["coverage"]),
        time_sample=from_json(tuple[TimePoint, ...], tables["time_sample"]),
        alerts=report.alerts,
        evaluation=report.details,
        dataset_stats=_dataset_stats(data),
        data=facts,
        losses=report.losses,
    )


def _standards_held(ctx: Context, split: str) -> MetricRow:
    """The metric of proposed standards, or why it could not be computed."""
    try:
        return standards_held(ctx, split)
    except Exception as exc:
        log.exception("metric_family_failed", family="standards_held", error=str(exc))
        return MetricRow(MODEL, split, ALL, "standards_held", None, None, None, 0, computing_failed(exc))


def _dataset_stats(data: LearningData) -> DatasetStats:
    label = data.learned.select("routing_rank", "item_key", "item_cd", "job_cd").filter(
        pl.col("routing_rank") == 0
    )
    names = tuple(a.name for a in data.attributes)
    return DatasetStats(
        total_samples=label.height,
        unique_items=label["item_key"].n_unique(),
        unique_processes=label["job_cd"].n_unique(),
        missing_item_code=label["item_cd"].null_count() / max(label.height, 1),
        missing_process_code=label["job_cd"].null_count() / max(label.height, 1),
        total_columns=len(names),
        column_names=names,
        missing_rates={n: round(data.items[n].null_count() / max(data.items.height, 1), 4) for n in names},
    )


# --- training ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Learned:
    """A model fitted on every routed item, and how well the method did on held-out items."""

    predictor: RoutingPredictor
    evaluation: EvaluationReport
    fit_seconds: float
    seconds: float
    worker_memory_mb: float


@step(street.TRAIN)
def train(ctx: Context, asked: TrainingRequest | None = None) -> Trained:
    """Evaluate the method on held-out items, then fit on every routed item and save the version.

    A version whose metrics could not be measured is saved but never promoted. One that was to be promoted and was not
    gets the alias `challenger`.

    Parameters
    ----------
    ctx : Context
        Settings and a run folder with cleaned frames and time profiles.
    asked : TrainingRequest, optional
        Name, dry run, promotion, held-out items. None: the defaults.

    Raises
    ------
    ModelError
        There are too few routings, or no usable attribute.
    RegistryError
        The name is taken or not usable.
    ConfigurationError
        An option has a value that it cannot have.
    """
    from routing_etl.times.profiles import read_evidence

    asked = asked or TrainingRequest()
    options = _options(ctx.settings, asked.split, asked.max_items)
    if asked.name is not None and not asked.dry_run:
        ctx.registry.check_name(asked.name)
    _look_for_copies(ctx, needed=not asked.dry_run)
    data = read_learning_data(ctx.run)
    if data.learned.is_empty():
        raise ModelError(
            "There is no item with a valid routing to learn from.",
            remedy="Check the routing table and the validity filter of the profile.",
        )
    routed = data.routed.len()
    if asked.dry_run:
        data = data.drawn(asked.dry_run_items)
    times = read_evidence(ctx.run.times)
    learned = _learn(ctx, data, times, options, "auto")
    floor = floor_missed(learned.evaluation.table)
    if floor is not None:
        learned = _learn(ctx, data, times, options, floor.answers_by)
    trained = _trained(ctx, data, learned, asked)
    if data.copies.height:
        trained = replace(trained, evaluation=_with_note(trained.evaluation, _copies_in_words(data)))
    if floor is not None:
        trained = replace(trained, evaluation=_with_note(trained.evaluation, floor.reason))
    if not data.whole:
        note = f"dry run on a sample: {data.routed.len():,} of {routed:,} routed items; a training on all of them has other figures"
        trained = replace(trained, sampled_from=routed, evaluation=_with_note(trained.evaluation, note))
    by = asked.requested_by or ctx.settings.service_user
    if asked.dry_run:
        return replace(trained, model_card=unsaved_card(ctx, trained, learned.predictor, by))
    report = learned.evaluation
    saved = save_version(
        ctx,
        NewVersion(
            asked.name, learned.predictor, data, times, trained, report.held_out, requested_by=by, since=report.since
        ),
    )  # fmt: skip
    trained = replace(trained, version=saved.name)
    challenger = _challenger(ctx, data, trained, Actor(by, asked.via))
    record_trained(ctx, challenger, asked.reason)
    if asked.promote:
        promoted, reason = promote_if_not_worse(
            ctx, challenger, report.metrics, report.held_out, None if report.since is None else report.since.metrics, saved
        )  # fmt: skip
        reason = reason if floor is None else f"{floor.reason}; {reason}"
        trained = replace(trained, promoted=promoted, promotion_reason=reason)
        if not promoted:
            ctx.registry.set_alias("challenger", saved.name, who=by, why=reason)
    removed = ctx.registry.prune(ctx.settings.keep_models)
    note_pruned(
        ctx.settings, removed, Actor(by, asked.via), f"the newest {ctx.settings.keep_models} are kept"
    )
    return replace(
        trained, model_card=model_card(ctx.registry, saved.name, decisions_of(ctx.settings, saved.name))
    )


def _challenger(ctx: Context, data: LearningData, trained: Trained, actor: Actor) -> Challenger:
    """The saved version as the gate sees it."""
    assert trained.version is not None
    return Challenger(
        trained.version,
        actor,
        recipe_of(ctx.registry.show(trained.version)),
        data_hash(data),
        trained.training_samples,
    )


def _look_for_copies(ctx: Context, *, needed: bool) -> None:
    """Ask the warehouse which routings are copies of our proposals; a dry run, which saves nothing there, goes on without."""
    from routing_etl.pipeline.became import catch_up
    from routing_etl.pipeline.own_copies import note_copies
    from routing_etl.warehouse.publish import Publisher

    try:
        with ctx.warehouse() as engine:
            shown = Publisher(engine, ctx.settings).current()
        if needed:
            catch_up(ctx, shown)
        note_copies(ctx, shown)
    except RoutingEtlError as exc:
        if needed:
            raise
        log.warning("copies_not_known", reason=str(exc), consequence="copies of proposals are learned from")


def _copies_in_words(data: LearningData) -> str:
    ordered = int(data.copies["ordered"].sum())
    return (
        f"{data.copies.height:,} routings are copies of our own proposals and judge nothing; {ordered:,} of them, by which an order "
        "was made, were learned from"
    )


def _with_note(details: EvaluationDetails, note: str) -> EvaluationDetails:
    return replace(details, notes=(*details.notes, f"{note[0].upper()}{note[1:]}."))


def _trained(ctx: Context, data: LearningData, learned: _Learned, asked: TrainingRequest) -> Trained:
    """What is known before the version is saved."""
    found = _evaluated(ctx, data, learned.evaluation)
    return Trained(
        **{f.name: getattr(found, f.name) for f in fields(found)},
        version=asked.name,
        dry_run=asked.dry_run,
        training_samples=found.dataset_stats.unique_items,
        training_duration_sec=round(learned.fit_seconds, 3),
        duration_sec=round(learned.seconds, 3),
        worker_memory_mb=learned.worker_memory_mb,
        run_id=ctx.run.run_id,
        promoted=False,
        promotion_reason="dry run" if asked.dry_run else "not asked for",
    )


def _learn(
    ctx: Context,
    data: LearningData,
    times: frames.TimeEvidence,
    options: EvaluationOptions,
    answers_by: AnswersBy,
) -> _Learned:
    """Fit on all items and evaluate on held-out ones, at the same time in two processes where that is faster."""
    started = time.perf_counter()

    def fit() -> tuple[RoutingPredictor, float]:
        begun = time.perf_counter()
        predictor = make_predictor(ctx.settings, data.attributes, answers_by=answers_by).fit(
            data.items, data.learned, times=times, progress=ctx.progress
        )
        return predictor, time.perf_counter() - begun

    if data.whole and SIDE_BY_SIDE_FROM <= data.routed.len() <= ctx.settings.side_by_side_items:
        (predictor, fit_seconds), evaluation, worker_mb = _side_by_side(ctx, options, fit, answers_by)
    else:
        (predictor, fit_seconds), evaluation = _in_turn(ctx, data, options, fit, answers_by)
        worker_mb = 0.0
    return _Learned(predictor, evaluation, fit_seconds, time.perf_counter() - started, worker_mb)


_Fit = Callable[[], "tuple[RoutingPredictor, float]"]


def _side_by_side(
    ctx: Context, options: EvaluationOptions, fit: _Fit, answers_by: AnswersBy
) -> tuple[tuple[RoutingPredictor, float], EvaluationReport, float]:
    from routing_etl.model.base.threads import threads

    with (
        ctx.progress.task("Train: evaluate on held-out items beside the fit on all", total=2) as bar,
        Worker(
            functools.partial(_evaluate_run, ctx.settings, ctx.run, options, answers_by),
            ctx.progress,
            what="the evaluation",
            run_id=ctx.run.run_id,
        ) as worker,
        threads(max(ctx.settings.threads // 2, 1)),
    ):
        fitted = fit()
        bar.advance()
        evaluation = worker.result()
        bar.advance()
    return fitted, evaluation, worker.peak_memory_mb


def _in_turn(
    ctx: Context, data: LearningData, options: EvaluationOptions, fit: _Fit, answers_by: AnswersBy
) -> tuple[tuple[RoutingPredictor, float], EvaluationReport]:
    from routing_etl.model.base.threads import threads

    with (
        ctx.progress.task("Train: evaluate on held-out items", total=2) as bar,
        threads(ctx.settings.threads),
    ):
        evaluation = _evaluate(ctx, data, options, answers_by)
        bar.advance()
        bar.describe("Train: fit on every routed item")
        fitted = fit()
        bar.advance()
    return fitted, evaluation
