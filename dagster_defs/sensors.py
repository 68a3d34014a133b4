"""What starts jobs or tells people when something happens."""

from __future__ import annotations

import json
import re
import time
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from routing_etl.pipeline import alerts, night, telling, upkeep, watch
from routing_etl.settings import Settings

from . import metadata
from .assets import keys
from .config import TrainConfig
from .jobs import TRAIN, WEEKLY, night_config
from .partitions import NIGHTLY


def quality_sensor(settings: Settings) -> dg.SensorDefinition:
    """Ask for a training when the newest batch's metrics are beyond their limits, at most once in the cool-down."""
    wait_hours = settings.retrain_wait_hours

    @dg.sensor(
        name="retrain_on_quality",
        job_name=TRAIN,
        minimum_interval_seconds=300,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=(
            f"Requests a training when the drift of the similarity scores is above {settings.retrain_drift:g}, the "
            f"abstained share above {settings.retrain_abstained:g} or the realised exact match below "
            f"{settings.retrain_realised:g}, or what has drifted would be learned by a training; at most once in {wait_hours:g} hours."
        ),
    )
    def retrain_on_quality(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        event = context.instance.get_latest_materialization_event(keys.MODEL_METRICS)
        cursor: dict[str, Any] = json.loads(context.cursor or '{"seen": null, "requested": 0.0}')
        if why := _not_looked_at(event, cursor["seen"], settings):
            return dg.SkipReason(why)
        assert event is not None and event.asset_materialization is not None
        reasons, held = night.retraining_asked(settings, metadata.metrics_of(event.asset_materialization))
        waited = time.time() - float(cursor["requested"])
        asks = bool(reasons) and not held and waited >= wait_hours * 3600
        cursor = {"seen": event.timestamp, "requested": time.time() if asks else cursor["requested"]}
        context.update_cursor(json.dumps(cursor))
        if not asks:
            return dg.SkipReason(_not_asked(reasons, held))
        context.log.info(f"A training is requested: {reasons}.")
        config = TrainConfig(requested_by="retrain_on_quality")
        return dg.RunRequest(
            f"quality-{event.timestamp}",
            run_config=dg.RunConfig(ops={"train_model": config}),
            tags={"routing_etl/reason": reasons},
        )

    return retrain_on_quality


def _not_looked_at(event: dg.EventLogEntry | None, seen: float | None, settings: Settings) -> str:
    """Why the newest metrics are not looked at; nothing where they are."""
    if event is None or event.asset_materialization is None:
        return "No batch has been measured yet."
    if alike := metadata.of_another_plant(event, settings):
        return alike
    return "Nothing new has been measured." if seen == event.timestamp else ""


def _not_asked(reasons: str, held: str) -> str:
    """Why no training is requested."""
    if held:
        return f"No training is asked for ({reasons}): {held}."
    return f"Within the cool-down: {reasons}." if reasons else "All metrics are within limits."


def new_items_sensor(settings: Settings) -> dg.SensorDefinition:
    """Start a night when the ERP has other items than the newest extract, once per difference."""

    @dg.sensor(
        name="night_on_new_items",
        job_name=NIGHTLY,
        minimum_interval_seconds=1800,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Compares the ERP's item codes with the newest extract's, {settings.read_window} local time, and "
        "starts one night per difference.",
    )
    def night_on_new_items(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        if not settings.in_read_window(datetime.now(UTC)):
            return dg.SkipReason(f"Outside the read window {settings.read_window} ({settings.timezone}).")
        changes = upkeep.item_changes(settings)
        if changes is None:
            return dg.SkipReason("No night has extracted anything yet.")
        context.log.info(
            f"{changes.items} items, {changes.new} new, {changes.gone} gone since the newest extract."
        )
        if not changes.fingerprint:
            return dg.SkipReason("The ERP has the items of the newest extract.")
        return dg.RunRequest(
            f"items-{changes.fingerprint}",
            run_config=night_config(settings),
            tags={"routing_etl/reason": f"{changes.new} new and {changes.gone} removed items"},
        )

    return night_on_new_items


def failure_sensor(settings: Settings) -> dg.SensorDefinition:
    """Tell of each failed run: a line in `<home>/logs/failures.jsonl`, and a webhook and e-mail by settings."""

    @dg.run_failure_sensor(
        name="failure_report",
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Each failed run with job, run, time and message: one JSON line in {alerts.FAILURES} of the log "
        "folder, and to ROUTING_ETL_FAILURE_WEBHOOK and ROUTING_ETL_FAILURE_EMAIL_TO when they are set.",
    )
    def failure_report(context: dg.RunFailureSensorContext) -> None:
        steps = {e.step_key: _message(e) for e in context.get_step_failure_events() if e.step_key}
        alerts.report_failure(
            settings,
            alerts.Failure(
                at=datetime.now(UTC).isoformat(timespec="seconds"),
                job=context.dagster_run.job_name,
                run_id=context.dagster_run.run_id,
                message=_run_message(context.failure_event),
                steps=steps,
            ),
        )

    return failure_report


def alert_sensor(settings: Settings) -> dg.SensorDefinition:
    """Tell of alerts between two nights too: a scheduler that stands still fails no run."""

    @dg.sensor(
        name="tell_alerts",
        job_name=WEEKLY,
        minimum_interval_seconds=1800,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Every half hour: alerts that are new and alerts that are over, once for each cause, to "
        f"{telling.LINES} of the log folder, ROUTING_ETL_FAILURE_WEBHOOK and ROUTING_ETL_FAILURE_EMAIL_TO. Starts nothing.",
    )
    def tell_alerts(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        if not watch.known(settings):
            return dg.SkipReason("There are no tables of ours yet.")
        told = telling.tell(settings, watch.watched(settings).open)
        return dg.SkipReason(f"{len(told.open)} open, {len(told.new)} new, {len(told.recovered)} over.")

    return tell_alerts


def _run_message(event: dg.DagsterEvent) -> str:
    """What the run says, with the reason when it failed before any step, e.g. at the run lock."""
    error = event.job_failure_data.error
    return " ".join(t for t in (event.message, _cause(error) if error else "") if t)


def _message(event: dg.DagsterEvent) -> str:
    data = event.step_failure_data
    if data.user_failure_data and data.user_failure_data.description:
        return data.user_failure_data.description
    return _cause(data.error) if data.error else event.message or ""


def _cause(error: Any) -> str:
    """The first cause's own words, without the class name."""
    while error.cause:
        error = error.cause
    return re.sub(rf"^[\w.]*{re.escape(error.cls_name or '')}: ", "", str(error.message).strip())


def build(settings: Settings) -> list[dg.SensorDefinition]:
    """All sensors."""
    return [
        new_items_sensor(settings),
        quality_sensor(settings),
        failure_sensor(settings),
        alert_sensor(settings),
    ]
