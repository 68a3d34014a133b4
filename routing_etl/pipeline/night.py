"""The whole night: the pipeline's steps in order, under the run lock, recorded in the warehouse however it ends."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from routing_etl import frames
from routing_etl.database.engine import make_engine, translated
from routing_etl.errors import RoutingEtlError
from routing_etl.log import get_logger
from routing_etl.pipeline import steps
from routing_etl.pipeline.context import Context
from routing_etl.progress import SILENT, Progress
from routing_etl.runs import RunFolder, new_run, prune_runs, run_lock
from routing_etl.settings import Settings

log = get_logger(__name__)


def ensure_warehouse(settings: Settings) -> None:
    """The embedded warehouse makes its own tables when it is new; any other database is migrated by its DBA."""
    from routing_etl.warehouse.migrate import current_revision, migrate

    if not settings.warehouse.startswith("sqlite"):
        return
    engine = make_engine(settings.warehouse, "warehouse", settings)
    try:
        with translated("warehouse", settings.warehouse):
            if current_revision(engine, None) is None:
                migrate(engine, None)
    finally:
        engine.dispose()


@contextmanager
def recorded(ctx: Context, kind: str) -> Iterator[None]:
    """Write the run into `batch_run`, and its check results and rejects at the end, however it ends."""
    begin(ctx, kind)
    try:
        yield
    except BaseException as exc:
        cancelled = isinstance(exc, KeyboardInterrupt)
        message = str(exc) if isinstance(exc, RoutingEtlError) else f"{type(exc).__name__}: {exc}"
        try:
            finish(
                ctx, "cancelled" if cancelled else "failed", "stopped by the user" if cancelled else message
            )
        except RoutingEtlError as second:
            log.error("run_end_not_recorded", error=str(second))
        raise
    nothing = (ctx.run.report("score") or {}).get("items") == 0
    finish(ctx, "succeeded", "Every item has a valid routing: nothing was published." if nothing else "")


def begin(ctx: Context, kind: str) -> None:
    """Open the run's row; a run that died without closing its own is marked as failed."""
    from routing_etl.warehouse.records import Records

    ctx.run.mark_succeeded(False)
    with ctx.warehouse() as engine:
        records = Records(engine, ctx.settings)
        for died in records.close_dead_runs():
            log.warning("run_had_died", died=died)
        records.start_run(ctx.run.run_id, kind, profile=ctx.profile.name, config_hash=_config_hash(ctx))


def _config_hash(ctx: Context) -> str:
    """sha256 of the settings without secrets and of the profile: equal hashes mean equal configuration."""
    secret = {"erp_url", "warehouse_url", "failure_webhook", "smtp_url"}
    shown = ctx.settings.model_dump(mode="json", exclude=secret)
    return hashlib.sha256(json.dumps([shown, ctx.profile.fingerprint], sort_keys=True).encode()).hexdigest()


def finish(ctx: Context, status: str, message: str) -> None:
    """Close the run's row with what its reports say, and store its check results and rejected rows."""
    from routing_etl.warehouse.records import Records, RunEnd

    reports = {name: ctx.run.report(name) or {} for name in STEPS}
    cleaned = reports["clean"].get("frames", {})
    loaded = reports["load"]
    with ctx.warehouse() as engine:
        records = Records(engine, ctx.settings)
        for name in ("check_source_outcomes", "check_candidates_outcomes"):
            outcomes = (ctx.run.report(name) or {}).get("outcomes", [])
            records.store_checks(ctx.run.run_id, [frames.CheckOutcome(**o) for o in outcomes])
        if cleaned:
            records.store_rejects(ctx.run.run_id, ctx.run.rejects)
        end = RunEnd(
            status,
            message=message or None,
            rows_read=reports["extract"].get("rows"),
            rows_rejected=sum(f["rows_rejected"] for f in cleaned.values()) if cleaned else None,
            rows_written=(0 if loaded["reused"] else sum(loaded["rows"].values())) if loaded else None,
            model_version=reports["score"].get("model_version"),
            publication_id=reports["publish"].get("publication_id"),
            metadata={n: _kept(r) for n, r in reports.items() if r},
        )
        records.finish_run(ctx.run.run_id, end)
        if status == "succeeded":
            records.purge()
    if status == "succeeded":
        try:
            ctx.run.mark_succeeded(True)
        except OSError as exc:
            log.warning("run_not_marked", reason="the next night builds on an earlier read", error=str(exc))


#: What a run's row keeps of each frame's read.
_READ = (
    "mode", "why", "rows", "rows_read", "rows_reused", "rows_replaced", "rows_gone", "rows_added", "rows_changed",
    "rows_removed", "watermark_from", "watermark_to",
)  # fmt: skip


def _kept(report: Mapping[str, Any]) -> dict[str, Any]:
    """What a run's row keeps of a step: its cost; of the extract also how and why so each frame was read."""
    kept = {k: report.get(k) for k in ("seconds", "peak_memory_mb")}
    if report.get("step") == "extract":
        kept["frames"] = {
            n: {k: f[k] for k in _READ if f.get(k) is not None} for n, f in report["frames"].items()
        }
    return kept


#: The night's steps in order.
STEPS = (
    "extract", "clean", "check_source", "aggregate_times", "train", "score", "check_candidates", "load", "publish",
    "measure",
)  # fmt: skip


def training_due(ctx: Context) -> str | None:
    """Why the night should train, or None: no champion yet, or one older than `retrain_days`."""
    champion = ctx.registry.alias("champion")
    if champion is None:
        return "there is no champion yet"
    made = datetime.fromisoformat(ctx.registry.show(champion).info.created_at)
    age = datetime.now(UTC) - made
    if age > timedelta(days=ctx.settings.retrain_days):
        return f"champion {champion} is {age.days} days old"
    return None


#: Items that engineers must have routed since before their share of exact predictions says anything.
ENOUGH_OUTCOMES = 30


def retraining_reasons(settings: Settings, metrics: Iterable[Mapping[str, Any]]) -> list[str]:
    """Why the newest batch's metrics call for a new model; empty when they do not.

    `metrics`: rows with metric, value and n, as the step `measure` reports them; what was not measured says nothing.
    """
    known = {r["metric"]: r for r in metrics if r.get("value") is not None}

    def value(metric: str) -> float | None:
        return float(known[metric]["value"]) if metric in known else None

    reasons = []
    drift, abstained, realised = (
        value(m) for m in ("similarity_drift", "abstained_share", "realised_exact_at_1")
    )
    if drift is not None and drift > settings.retrain_drift:
        reasons.append(f"similarity drift {drift:.3f} is above {settings.retrain_drift:g}")
    if abstained is not None and abstained > settings.retrain_abstained:
        reasons.append(f"abstained share {abstained:.3f} is above {settings.retrain_abstained:g}")
    if (
        realised is not None
        and known["realised_exact_at_1"]["n"] >= ENOUGH_OUTCOMES
        and realised < settings.retrain_realised
    ):
        reasons.append(f"realised exact match {realised:.3f} is below {settings.retrain_realised:g}")
    return reasons


def night(
    settings: Settings,
    *,
    progress: Progress = SILENT,
    run_id: str | None = None,
    retrain: bool = False,
    full: bool = False,
    kind: str = "nightly",
) -> RunFolder:
    """The whole street, recorded, under the run lock. Returns the run folder; its reports say what happened.

    `retrain`: train even if no training is due. `full`: read every row of the ERP, whatever changes can be read alone.

    Raises
    ------
    RoutingEtlError: whatever stopped the night; the last publication stays as it was.
    """
    with run_lock(settings.home, f"the {kind} run"):
        ensure_warehouse(settings)
        ctx = Context(settings, new_run(settings.home, run_id), progress)
        with recorded(ctx, kind):
            steps.extract(ctx, full=full)
            steps.clean(ctx)
            steps.check_source(ctx)
            steps.aggregate_times(ctx)
            due = "asked for" if retrain else training_due(ctx)
            if due:
                log.info("training", reason=due)
                steps.train(ctx)
            if steps.score(ctx)["items"] == 0:
                log.info("nothing_to_publish")
            else:
                steps.check_candidates(ctx)
                steps.load(ctx)
                steps.publish(ctx)
                steps.measure(ctx)
        prune_runs(settings.home, settings.keep_runs)
    return ctx.run
