"""Model versions in operation: save one with its database row.

The registry holds the files, the database the manifest's hash and the status. Which version predicts: `champion.py`; how it is loaded:
`loading.py`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import polars as pl

from routing_etl import frames
from routing_etl.evaluation.metric_table import MODEL, RIVAL, SINCE, MetricRow
from routing_etl.log import get_logger
from routing_etl.pipeline.cards import documents, metadata_json
from routing_etl.pipeline.context import Context
from routing_etl.pipeline.drift import TRAINING_WINDOW, training_window
from routing_etl.pipeline.learning import LearningData
from routing_etl.pipeline.recipe import data_hash
from routing_etl.pipeline.recipe import metrics_of as metrics_of
from routing_etl.pipeline.results import Trained, metrics_frame, metrics_json

if TYPE_CHECKING:
    from collections.abc import Iterable

    from routing_etl.evaluation.report import Since
    from routing_etl.model.predictor import RoutingPredictor
    from routing_etl.warehouse.model_records import MeasuredOn, ModelRecords

log = get_logger(__name__)

#: The file of what each held-out item adds to the judged metrics.
HELD_OUT = "held_out_items"
#: The file of the job codes that a version has learned from.
LEARNED_JOBS = "learned_jobs"


@dataclass(frozen=True)
class NewVersion:
    """A fitted model on its way into the registry.

    Attributes
    ----------
    name : str or None
        Name of the version; None takes the UTC time.
    predictor : RoutingPredictor
        Fitted on every routed item.
    data : LearningData
        What it was fitted on.
    times : TimeEvidence
        The time profiles that it was fitted on.
    trained : Trained
        What the training found.
    held_out : polars.DataFrame
        What each held-out item adds to the judged metrics, for the comparison with the next version.
    requested_by : str
        Who asked for the training.
    since : Since or None
        The champion beside the evaluated method, on what was written since it had learned.
    """

    name: str | None
    predictor: RoutingPredictor
    data: LearningData
    times: frames.TimeEvidence
    trained: Trained
    held_out: pl.DataFrame
    requested_by: str
    since: Since | None = None


@dataclass(frozen=True)
class Sides:
    """On what a version and the champion were judged, and how much what was judged had learned from.

    Attributes
    ----------
    window_id : str or None
        Names the judged items, their routings and what was learned from.
    items_trained, champion_items_trained : int or None
        Routed items that either side had learned from.
    """

    window_id: str | None = None
    items_trained: int | None = None
    champion_items_trained: int | None = None


@dataclass(frozen=True)
class Saved:
    """A saved version.

    Attributes
    ----------
    name : str
        Its name.
    window : Sides
        Where its recipe and the champion's were judged on the same window, by models that are thrown away.
    since : Sides
        Where both were judged on what was written since the champion had learned.
    """

    name: str
    window: Sides = Sides()
    since: Sides = Sides()


def save_version(ctx: Context, new: NewVersion) -> Saved:
    """Files first, then the database row: a version without its row is never the champion."""
    from routing_etl.evaluation.paired import as_json as held_out_json
    from routing_etl.registry.versions import VersionContents
    from routing_etl.warehouse.model_records import MeasuredOn, ModelRecords, TrainedVersion

    trained, stats = new.trained, new.trained.dataset_stats
    metadata = metadata_json(ctx, new.requested_by, new.predictor) | {
        "training_samples": trained.training_samples,
        "total_items": new.data.items.height,
        "total_features": len(new.data.attributes),
    }
    contents = VersionContents(
        new.predictor,
        metrics=metrics_json(trained),
        metadata=metadata,
        time_profiles=_time_profiles_json(new.times),
        json_artifacts={
            **new.predictor.feature_artifacts(),
            HELD_OUT: held_out_json(new.held_out),
            TRAINING_WINDOW: training_window(new.data, trained.data, ctx.settings.test_days),
            LEARNED_JOBS: new.data.learned["job_cd"].drop_nulls().unique().sort().to_list(),
        },
        documents=documents,
    )
    with ctx.warehouse() as engine:
        saved = ctx.registry.save(contents, name=new.name)
        records = ModelRecords(engine, ctx.settings)
        row = TrainedVersion(
            saved.name,
            saved.manifest_sha256,
            status="unmeasured" if headline(trained.metrics) is None else "pending",
            requested_by=new.requested_by,
            run_id=ctx.run.run_id,
            trained_at=datetime.now(UTC),
            training_samples=trained.training_samples,
            unique_items=stats.unique_items,
            unique_processes=stats.unique_processes,
            training_duration_sec=trained.training_duration_sec,
            hyperparameters=metadata["hyperparameters"],
        )
        records.store_model_version(row)
        window = MeasuredOn(_window_id(new), trained.evaluation.items_trained or None)
        records.store_metrics(
            saved.name, metrics_frame(trained.metrics), run_id=ctx.run.run_id, window=window
        )
        _store_rival(ctx, records, trained, window)
        since = _store_since(ctx, records, saved.name, new)
    return Saved(saved.name, Sides(window.window_id, window.items_trained, window.items_trained), since)


def _window_id(new: NewVersion) -> str | None:
    """Names the judged items, their routings and what was learned from; None when nothing was judged."""
    return _id_of(new, new.held_out, new.trained.split)


def _id_of(new: NewVersion, judged: pl.DataFrame, split: str) -> str | None:
    if judged.is_empty():
        return None
    rows = judged.select("item_key", "routing").sort("item_key")
    text = f"{data_hash(new.data)}|{split}|{rows.write_csv()}"
    return hashlib.sha256(text.encode()).hexdigest()


def _store_rival(ctx: Context, records: ModelRecords, trained: Trained, window: MeasuredOn) -> None:
    """Keep what the champion's recipe measured on the same window as the champion's own, so that the trend can compare."""
    champion = ctx.registry.alias("champion")
    rows = [replace(r, method=MODEL) for r in trained.metrics if r.method == RIVAL]
    if rows and champion is not None and records.manifest_sha256(champion) is not None:
        records.store_metrics(champion, metrics_frame(rows), run_id=ctx.run.run_id, window=window)


def _store_since(ctx: Context, records: ModelRecords, saved: str, new: NewVersion) -> Sides:
    """Keep both versions' metrics on what was written since the champion had learned: one window, so that the trend compares them."""
    from routing_etl.warehouse.model_records import MeasuredOn

    since = new.since
    if since is None or records.manifest_sha256(since.version) is None:
        return Sides()
    window = _id_of(new, new.held_out.filter(pl.col("item_key").is_in(since.items.implode())), SINCE)
    # the champion first: the trend takes the one that was stored before for the earlier version
    for version, method, learned in (
        (since.version, RIVAL, since.deployed_trained), (saved, MODEL, since.items_trained)
    ):  # fmt: skip
        rows = since.metrics.filter(method=method).with_columns(method=pl.lit(MODEL))
        records.store_metrics(version, rows, run_id=ctx.run.run_id, window=MeasuredOn(window, learned))
    return Sides(window, since.items_trained, since.deployed_trained)


def _time_profiles_json(times: frames.TimeEvidence) -> dict[str, Any]:
    """The plant's OPT / STD / SAFE per measure as weighted means over jobs, weights: samples."""
    profiles: dict[str, Any] = {}
    for measure in ("setup", "run"):
        known = times.by_job.filter(pl.col(f"{measure}_n") > 0)
        weight = pl.col(f"{measure}_n") / pl.col(f"{measure}_n").sum()
        profiles[measure] = known.select(
            pl.col(f"{measure}_n").sum().alias("samples"),
            pl.col(f"{measure}_n_removed").sum().alias("removed"),
            *((pl.col(f"{measure}_{s}") * weight).sum().alias(s.upper()) for s in ("optimal", "standard", "safe")),
        ).to_dicts()[0] if known.height else {"samples": 0, "reason": "no work result gave this time"}  # fmt: skip
    return {"generated_at": datetime.now(UTC).isoformat(timespec="seconds"), "profiles": profiles}


# --- a version's metrics -----------------------------------------------------------------------------------------------


def headline(metrics: Iterable[MetricRow], metric: str = "exact_at_1") -> MetricRow | None:
    """The model's row of a metric over all held-out items; None when it has no value."""
    return next((r for r in metrics if r.of_model and r.metric == metric and r.value is not None), None)
