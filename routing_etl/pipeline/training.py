"""The steps that learn: evaluate on held-out items, and train a version. Part of `pipeline/steps.py`, which shows them.

What belongs here: what is fitted on what, and in which process. What does not: the registry and the promotion
(`pipeline/champion.py`), learning itself (the room `model`).
"""

from __future__ import annotations

import functools
import time
from typing import TYPE_CHECKING, Any

import polars as pl

from routing_etl import frames
from routing_etl.errors import ModelError
from routing_etl.pipeline.champion import (
    LearningData,
    make_predictor,
    model_card,
    promote_if_not_worse,
    read_learning_data,
    save_version,
    unsaved_card,
)
from routing_etl.pipeline.context import Context, step
from routing_etl.pipeline.training_facts import training_facts
from routing_etl.pipeline.worker import Worker
from routing_etl.progress import Progress
from routing_etl.runs import RunFolder
from routing_etl.settings import Settings

if TYPE_CHECKING:
    from routing_etl.evaluation.options import EvaluationOptions
    from routing_etl.evaluation.report import EvaluationReport
    from routing_etl.model.predictor import RoutingPredictor

#: With fewer routed items a second process takes longer to start than a model to fit.
SIDE_BY_SIDE_FROM = 1_000


def _evidence_of(ctx: Context, keep: pl.Series) -> frames.TimeEvidence:
    """Time profiles made from these items' results only: what a model may know when the others are held out."""
    from routing_etl.times.profiles import read_evidence, subset_evidence

    own = read_evidence(ctx.run.times).by_item_operation["item_key"].unique()
    return subset_evidence(
        ctx.run.times, own.filter(~own.is_in(keep.unique().implode())), ctx.profile.time_basis
    )


@step("evaluate")
def evaluate(
    ctx: Context,
    *,
    split: str = "time",
    max_items: int = 5000,
    baselines: bool = True,
    folds: int | None = None,
) -> dict[str, Any]:
    """Measure the method and the baselines on held-out items; every fold's model is thrown away.

    `split`: `time` (the newest routings), `family` (groups of near-identical items) or `loo` (leave one out; `folds`
    makes it as many parts instead of one item each).

    Raises
    ------
    ConfigurationError: an option has a value that it cannot have.
    """
    from routing_etl.model.base.threads import threads

    options = _options(ctx.settings, split, max_items, baselines=baselines, folds=folds)
    data = read_learning_data(ctx.run)
    with threads(ctx.settings.threads):
        found = _evaluate(ctx, data, options)
    report = _as_report(ctx, data, found)
    return {**report, "model_card": unsaved_card(ctx, report)}


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
        random_state=settings.random_state,
    )


def _as_report(ctx: Context, data: LearningData, found: EvaluationReport) -> dict[str, Any]:
    """What an evaluation and a training report alike: figures, tables, how they were made, and on what data."""
    from routing_etl.times.profiles import read_evidence

    timed = read_evidence(ctx.run.times).by_item_operation["item_key"].n_unique()
    return {
        **found.as_dict(),
        "dataset_stats": _dataset_stats(data),
        "data": training_facts(ctx.run, data.items, data.operations, items_with_times=timed),
    }


def _evaluate_run(
    settings: Settings, run: RunFolder, options: EvaluationOptions, progress: Progress
) -> EvaluationReport:
    """Evaluate in a process of its own, which has nothing but the run folder."""
    return _evaluate(Context(settings, run, progress), read_learning_data(run), options)


def _evaluate(ctx: Context, data: LearningData, options: EvaluationOptions) -> EvaluationReport:
    from routing_etl.evaluation.evaluate import WorkResults
    from routing_etl.evaluation.evaluate import evaluate as evaluate_model
    from routing_etl.times.profiles import SAMPLES, read_evidence

    return evaluate_model(
        lambda: make_predictor(ctx.settings, data.attributes),
        data.items,
        data.operations,
        results=WorkResults(
            functools.partial(_evidence_of, ctx),
            read_evidence(ctx.run.times),
            pl.scan_parquet(ctx.run.times / SAMPLES),
        ),
        options=options,
        progress=ctx.progress,
    )


@step("train")
def train(
    ctx: Context,
    *,
    name: str | None = None,
    dry_run: bool = False,
    promote: bool = True,
    split: str = "time",
    max_items: int = 5000,
    requested_by: str = "",
) -> dict[str, Any]:
    """Evaluate the method on held-out items, then fit on every routed item and save the version.

    A dry run saves nothing, neither files nor rows. A version whose metrics could not be measured is saved but never
    promoted.

    Raises
    ------
    ModelError: too few routings or no usable attribute. RegistryError: the name is taken or not usable.
    ConfigurationError: an option has a value that it cannot have.
    """
    from routing_etl.model.base.threads import threads
    from routing_etl.times.profiles import read_evidence

    options = _options(ctx.settings, split, max_items)
    if name is not None and not dry_run:
        ctx.registry.check_name(name)
    data = read_learning_data(ctx.run)
    if data.operations.is_empty():
        raise ModelError(
            "There is no item with a valid routing to learn from.",
            remedy="Check the routing table and the validity filter of the profile.",
        )
    started = time.perf_counter()
    times = read_evidence(ctx.run.times)

    def fit() -> tuple[RoutingPredictor, float]:
        begun = time.perf_counter()
        predictor = make_predictor(ctx.settings, data.attributes).fit(
            data.items, data.operations, times=times, progress=ctx.progress
        )
        return predictor, time.perf_counter() - begun

    if SIDE_BY_SIDE_FROM <= data.routed.len() <= ctx.settings.side_by_side_items:
        with (
            ctx.progress.task("Train: evaluate on held-out items beside the fit on all", total=2) as bar,
            Worker(
                functools.partial(_evaluate_run, ctx.settings, ctx.run, options),
                ctx.progress,
                what="the evaluation",
                run_id=ctx.run.run_id,
            ) as worker,
            threads(max(ctx.settings.threads // 2, 1)),
        ):
            predictor, training_seconds = fit()
            bar.advance()
            evaluation = worker.result()
            bar.advance()
        worker_mb = worker.peak_memory_mb
    else:
        with (
            ctx.progress.task("Train: evaluate on held-out items", total=2) as bar,
            threads(ctx.settings.threads),
        ):
            evaluation = _evaluate(ctx, data, options)
            bar.advance()
            bar.describe("Train: fit on every routed item")
            predictor, training_seconds = fit()
            bar.advance()
        worker_mb = 0.0
    found = _as_report(ctx, data, evaluation)
    report: dict[str, Any] = {
        "version": name,
        "dry_run": dry_run,
        **found,
        "training_samples": found["dataset_stats"]["unique_items"],
        "training_duration_sec": round(training_seconds, 3),
        "duration_sec": round(time.perf_counter() - started, 3),
        "worker_memory_mb": worker_mb,
        "run_id": ctx.run.run_id,
        "promoted": False,
        "promotion_reason": "dry run" if dry_run else "not asked for",
    }
    asked_by = requested_by or ctx.settings.service_user
    if dry_run:
        report["model_card"] = unsaved_card(ctx, report, predictor, asked_by)
    else:
        saved = save_version(ctx, name, predictor, data, report, times, asked_by, evaluation.held_out)
        report["version"] = saved
        if promote:
            report["promoted"], report["promotion_reason"] = promote_if_not_worse(
                ctx, saved, evaluation.metrics, evaluation.held_out
            )
        report["model_card"] = model_card(ctx.registry, saved)
        ctx.registry.prune(ctx.settings.keep_models)
    return report


def _dataset_stats(data: LearningData) -> dict[str, Any]:
    label = data.operations.select("routing_rank", "item_key", "item_cd", "job_cd").filter(
        pl.col("routing_rank") == 0
    )
    names = [a.name for a in data.attributes]
    return {
        "total_samples": label.height,
        "unique_items": label["item_key"].n_unique(),
        "unique_processes": label["job_cd"].n_unique(),
        "missing_item_code": label["item_cd"].null_count() / max(label.height, 1),
        "missing_process_code": label["job_cd"].null_count() / max(label.height, 1),
        "total_columns": len(names),
        "column_names": names,
        "missing_rates": {n: round(data.items[n].null_count() / max(data.items.height, 1), 4) for n in names},
    }
