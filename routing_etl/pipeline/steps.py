"""The nightly batch as plain functions, one per step, over the rooms.

Each step reads the files of the step before from the run folder, writes its own, stores a JSON report and returns it,
so that a step can be run, looked at and repeated alone. The command line and Dagster call these functions and nothing
below them. What does not belong here: SQL text, frame maths, learning, anything that shows or prints.

The street: extract -> clean -> check_source -> aggregate_times -> train (when due) -> score -> check_candidates
-> load -> publish -> measure. The steps that can be split by shards of items are in `pipeline/sharded.py`.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

import polars as pl

from routing_etl import frames
from routing_etl.database.engine import safe_url, translated
from routing_etl.errors import ConfigurationError
from routing_etl.log import get_logger
from routing_etl.pipeline.champion import (
    load_model,
    read_learning_data,
)
from routing_etl.pipeline.context import Context, step
from routing_etl.pipeline.training import evaluate as evaluate
from routing_etl.pipeline.training import train as train
from routing_etl.runs import RunFolder, last_succeeded

if TYPE_CHECKING:
    from routing_etl.model.predictor import RoutingPredictor

log = get_logger(__name__)

# --- the ERP's data --------------------------------------------------------------------------------------------------


@step(
    "extract",
    invalidates=(
        "clean",
        "check_source",
        "aggregate_times",
        "train",
        "score",
        "check_candidates",
        "load",
        "publish",
    ),
)
def extract(ctx: Context, *, full: bool = False) -> dict[str, Any]:
    """Stream the ERP's tables into `raw/*.parquet`, whole or as changes over the last run that succeeded.

    `full`: read everything, whatever change columns the profile names.

    Raises
    ------
    SourceError: the ERP is unreachable, or a table or column is missing, empty or of the wrong type.
    """
    from routing_etl.erp.extract import extract as read_erp

    base = last_succeeded(ctx.settings.home, but=ctx.run.run_id)
    with translated("erp", ctx.settings.erp):
        report = read_erp(
            ctx.settings.erp,
            ctx.profile,
            ctx.run.raw,
            ctx.settings,
            ctx.progress,
            base=base.raw if base is not None else None,
            full=full,
        )
    return {
        "source": safe_url(ctx.settings.erp),
        "profile": ctx.profile.name,
        "profile_fingerprint": ctx.profile.fingerprint,
        **vars(report),
    }


@step(
    "clean",
    invalidates=("check_source", "aggregate_times", "train", "score", "check_candidates", "load", "publish"),
)
def clean(ctx: Context) -> dict[str, Any]:
    """Canonical frames in `clean/`, rejected rows with reasons in `rejects/`; rows in = rows kept + rejected."""
    from routing_etl.erp.clean import clean as clean_frames

    report = clean_frames(
        ctx.run.raw, ctx.run.clean, ctx.run.rejects, ctx.profile, cutoff=_cutoff(ctx), progress=ctx.progress
    )
    return dict(vars(report))


def _cutoff(ctx: Context) -> date | None:
    if ctx.settings.cutoff is None:
        return None
    try:
        return date.fromisoformat(ctx.settings.cutoff)
    except ValueError as exc:
        raise ConfigurationError(
            f"ROUTING_ETL_CUTOFF = {ctx.settings.cutoff!r} is not a date.", remedy="Write it as 2026-01-31."
        ) from exc


@step("check_source")
def check_source(ctx: Context) -> dict[str, Any]:
    """Run the expectation suites on the cleaned frames.

    Raises
    ------
    DataQualityError: a critical check failed. The outcomes are in the report of the step `check_outcomes` either way.
    """
    from routing_etl.quality.checks import check_sources, raise_on_critical

    outcomes = check_sources(
        ctx.run.clean,
        rejects=ctx.run.rejects,
        not_above=ctx.profile.items.not_above,
        progress=ctx.progress,
    )
    ctx.run.write_report("check_source_outcomes", {"outcomes": outcomes})
    raise_on_critical(outcomes)
    return _check_counts(outcomes)


def _check_counts(outcomes: list[frames.CheckOutcome]) -> dict[str, Any]:
    return {
        "checks": len(outcomes),
        "passed": sum(o.success for o in outcomes),
        "warnings": sum(not o.success and o.severity == "warning" for o in outcomes),
        "failed": sum(o.blocks for o in outcomes),
    }


@step("aggregate_times")
def aggregate_times(ctx: Context) -> dict[str, Any]:
    """Work results to minutes and the three time profiles in `times/`.

    Raises
    ------
    DataQualityError: actual times are not plausible against the standards, so the time basis must be wrong.
    """
    from routing_etl.times.plausibility import check_plausibility
    from routing_etl.times.profiles import ReportedTimes, build_profiles

    report = build_profiles(
        ReportedTimes(pl.scan_parquet(ctx.run.clean / "work_results.parquet"), ctx.profile.time_basis),
        pl.scan_parquet(ctx.run.clean / "operations.parquet"),
        ctx.run.times,
        shards=ctx.settings.shards,
        progress=ctx.progress,
    )
    check_plausibility(report)
    return dict(vars(report))


# --- scoring and publication -----------------------------------------------------------------------------------------


@step("score", invalidates=("check_candidates", "load", "publish"))
def score(ctx: Context, *, version: str | None = None) -> dict[str, Any]:
    """Predict every item without a valid routing, batch by batch, into `predictions/<frame>/part-*.parquet`."""
    name, predictor = load_model(ctx, version)
    todo = read_learning_data(ctx.run).unrouted_items.sort("item_key")
    shutil.rmtree(ctx.run.predictions, ignore_errors=True)
    for contract in PREDICTED:
        (ctx.run.predictions / contract.name).mkdir(parents=True)
    scored = predict_parts(ctx, predictor, todo, "part-")
    write_resources(ctx, predictor)
    return score_report(ctx.run, name, scored)


@dataclass
class Scored:
    """What scoring counted: items, rows by frame, first candidates in tier HIGH, and the sum of their confidences."""

    items: int = 0
    rows: dict[str, int] = field(default_factory=dict)
    high: int = 0
    confident: float = 0.0

    def add(self, other: Scored) -> None:
        """Count another part."""
        self.items += other.items
        self.high += other.high
        self.confident += other.confident
        for name, rows in other.rows.items():
            self.rows[name] = self.rows.get(name, 0) + rows


def predict_parts(ctx: Context, predictor: RoutingPredictor, todo: pl.DataFrame, prefix: str) -> Scored:
    """Predict items batch by batch into part files whose names begin with `prefix`; resources are left out."""
    from routing_etl.model.base.threads import threads

    by_item = [f.name for f in PREDICTED if f.name != frames.RESOURCE_ALTERNATIVES.name]
    scored = Scored(todo.height, dict.fromkeys(by_item, 0))
    batches = predictor.iter_predict(todo, ctx.settings.score_batch, progress=ctx.progress)
    with threads(ctx.settings.threads):
        for number, predictions in enumerate(batches):
            made = predictions.frames()
            for name in by_item:
                made[name].write_parquet(ctx.run.predictions / name / f"{prefix}{number:05d}.parquet")
            first = predictions.candidates.filter(pl.col("candidate_rank") == 1)
            high = first.filter(pl.col("similarity_tier") == "HIGH").height
            rows = {name: made[name].height for name in by_item}
            scored.add(Scored(0, rows, high, float(first["confidence"].sum())))
    return scored


def write_resources(ctx: Context, predictor: RoutingPredictor) -> None:
    """The resources of each job: of the model, not of any item."""
    folder = ctx.run.predictions / frames.RESOURCE_ALTERNATIVES.name
    predictor.resource_alternatives_.write_parquet(folder / "part-00000.parquet")


def score_report(run: RunFolder, model_version: str, scored: Scored) -> dict[str, Any]:
    """The report of scoring, whole."""
    resources = scan_predictions(run, frames.RESOURCE_ALTERNATIVES).select(pl.len()).collect().item()
    abstained = scored.rows[frames.ABSTAINED.name]
    predicted = scored.items - abstained
    return {
        "model_version": model_version,
        "items": scored.items,
        "predicted": predicted,
        "abstained": abstained,
        "abstained_by_reason": _abstained_by_reason(run),
        "rows": {**scored.rows, frames.RESOURCE_ALTERNATIVES.name: resources},
        "share_high": round(scored.high / predicted, 4) if predicted else None,
        "mean_confidence": round(scored.confident / predicted, 4) if predicted else None,
    }


PREDICTED = (
    frames.CANDIDATES,
    frames.CANDIDATE_OPERATIONS,
    frames.RESOURCE_ALTERNATIVES,
    frames.CANDIDATE_EVIDENCE,
    frames.ABSTAINED,
)


def scan_predictions(run: RunFolder, frame: frames.Frame) -> pl.LazyFrame:
    parts = sorted((run.predictions / frame.name).glob("*.parquet"))
    return pl.scan_parquet(parts) if parts else frame.empty().lazy()


def _abstained_by_reason(run: RunFolder) -> dict[str, int]:
    counts = (
        scan_predictions(run, frames.ABSTAINED).group_by("reason_code").len().sort("reason_code").collect()
    )
    return dict(counts.iter_rows())


@step("check_candidates")
def check_candidates(ctx: Context) -> dict[str, Any]:
    """Run the expectation suites on the predictions.

    Raises
    ------
    DataQualityError: a critical check failed; nothing of this batch will be published.
    """
    from routing_etl.quality import checks

    if (ctx.run.report("score") or {}).get("items") == 0:
        raise ConfigurationError(
            f"Run {ctx.run.run_id} has nothing to publish: every item has a valid routing.",
            remedy="The last publication stays; nothing needs to be done.",
        )
    outcomes = checks.check_candidates(
        ctx.run.predictions,
        max_candidates=ctx.settings.candidates_per_item,
        similarity_threshold=ctx.settings.similarity_threshold,
        progress=ctx.progress,
    )
    ctx.run.write_report("check_candidates_outcomes", {"outcomes": outcomes})
    checks.raise_on_critical(outcomes)
    return _check_counts(outcomes)


@step("load", invalidates=("publish",))
def load(ctx: Context) -> dict[str, Any]:
    """Load the checked predictions under a new publication id that no reader sees, and reconcile them.

    Raises
    ------
    ConfigurationError: the predictions were not checked. ReconcileError: the rows differ; they were deleted.
    LockedError: another publisher is at work.
    """
    from routing_etl.warehouse.publish import Publisher

    if ctx.run.report("check_candidates") is None:
        raise ConfigurationError(
            f"The candidates of run {ctx.run.run_id} have not passed their checks.",
            remedy="Run: routing-etl publish",
        )
    scored = ctx.run.report("score") or {}
    with ctx.warehouse() as engine:
        report = Publisher(engine, ctx.settings).load(
            ctx.run.predictions,
            run_id=ctx.run.run_id,
            model_version=scored["model_version"],
            progress=ctx.progress,
        )
    return dict(vars(report))


@step("publish")
def publish(ctx: Context) -> dict[str, Any]:
    """Move the pointer to the loaded publication in one short transaction, then purge old ones."""
    from routing_etl.warehouse.publish import Publisher

    loaded = ctx.run.report("load")
    if loaded is None:
        raise ConfigurationError(
            f"Run {ctx.run.run_id} has not been loaded.", remedy="Run: routing-etl publish"
        )
    with ctx.warehouse() as engine:
        publisher = Publisher(engine, ctx.settings)
        moved = publisher.publish(loaded["publication_id"])
        purged = publisher.purge(ctx.settings.keep_publications, progress=ctx.progress)
    return {
        "publication_id": moved.publication_id,
        "previous_id": moved.previous_id,
        "changed": moved.changed,
        "pointer_seconds": moved.seconds,
        "rows": loaded["rows"],
        "reused": loaded["reused"],
        "purged": purged,
    }


def publish_run(ctx: Context) -> dict[str, Any]:
    """Check the candidates, load, publish and measure: what `routing-etl publish` does."""
    check_candidates(ctx)
    load(ctx)
    report = publish(ctx)
    measure(ctx)
    return report


@step("measure")
def measure(ctx: Context) -> dict[str, Any]:
    """How the published batch looks and what became of the one before it, into `model_metric` (split `production`).

    Coverage of the batch, drift of the similarity distribution against the previous publication (Kullback-Leibler
    divergence over 50 bins), and realised outcomes: items predicted before that an engineer has routed since.
    """
    from routing_etl.warehouse import outcomes
    from routing_etl.warehouse.records import Records

    scored, published = ctx.run.report("score") or {}, ctx.run.report("publish") or {}
    operations = pl.scan_parquet(ctx.run.clean / "operations.parquet").filter(
        "rout_valid", pl.col("routing_rank") == 0
    )
    written = operations.sort("item_key", "proc_seq").group_by("item_key", maintain_order=True)
    actual = written.agg(
        pl.col("item_cd").first(), pl.col("job_cd").str.join(">").alias("routing_code")
    ).collect()
    with ctx.warehouse() as engine:
        schema = ctx.settings.warehouse_schema
        rows = [
            *_coverage(ctx.run, scored),
            vars(outcomes.similarity_drift(engine, schema, published["publication_id"])),
            *map(vars, outcomes.realised(engine, schema, published["publication_id"], actual)),
        ]
        metrics = frames.METRICS.conform(
            pl.DataFrame(rows, schema_overrides={"value": pl.Float64, "reason": pl.String}).with_columns(
                pl.lit("model").alias("method"),
                pl.lit("production").alias("split"),
                pl.lit("all").alias("segment"),
            )
        )
        Records(engine, ctx.settings).store_metrics(scored["model_version"], metrics, run_id=ctx.run.run_id)
    return {"publication_id": published["publication_id"], "metrics": metrics.to_dicts()}


def _coverage(run: RunFolder, scored: dict[str, Any]) -> list[dict[str, Any]]:
    """Shares of the published batch; NULL with a reason when nothing was predicted."""
    items, predicted = scored["items"], scored["predicted"]
    candidates = scored["rows"][frames.CANDIDATES.name]
    timed = (
        scan_predictions(run, frames.CANDIDATE_OPERATIONS)
        .select(
            pl.len().alias("n"),
            (pl.col("time_source") != "none").sum().alias("timed"),
            pl.col("time_source").str.starts_with("actual").sum().alias("actual"),
        )
        .collect()
        .row(0, named=True)
    )
    per_item = (
        scan_predictions(run, frames.CANDIDATES)
        .group_by("item_key")
        .len()
        .select((pl.col("len") >= 3).sum())
        .collect()
    )

    def share(metric: str, part: float, whole: int) -> dict[str, Any]:
        if whole:
            return {"metric": metric, "value": part / whole, "n": whole, "reason": None}
        return {"metric": metric, "value": None, "n": 0, "reason": "nothing was predicted"}

    return [
        share("predicted_share", predicted, items),
        share("abstained_share", scored["abstained"], items),
        share("high_tier_share", (scored["share_high"] or 0.0) * predicted, predicted),
        share("mean_confidence", (scored["mean_confidence"] or 0.0) * predicted, predicted),
        share("candidates_per_item", candidates, predicted),
        share("three_candidates_share", per_item.item(), predicted),
        share("operations_with_time_share", timed["timed"], timed["n"]),
        share("operations_with_actuals_share", timed["actual"], timed["n"]),
    ]
