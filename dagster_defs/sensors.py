"""What starts jobs or tells people when something happens."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg

from dagster_defs.assets import keys
from dagster_defs.config import TrainConfig
from dagster_defs.jobs import NIGHTLY, TRAIN
from routing_etl import admin
from routing_etl.settings import Settings

#: Kullback-Leibler divergence of the similarity scores that calls for a new model (LEGACY_SYSTEM 2.10, E12).
DRIFT_LIMIT = 1.0
COOL_DOWN = timedelta(hours=24)
#: Metadata entry of the asset `drift`.
DRIFT = "similarity_drift"
FAILURES = "failures.jsonl"


def quality_sensor() -> dg.SensorDefinition:
    """Ask for a training when the newest batch drifted beyond the limit, at most once in the cool-down."""

    @dg.sensor(
        name="retrain_on_drift",
        job_name=TRAIN,
        minimum_interval_seconds=300,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Requests a training when the drift of the similarity scores is above {DRIFT_LIMIT}, "
        f"at most once in {COOL_DOWN.total_seconds() / 3600:g} hours.",
    )
    def retrain_on_drift(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        event = context.instance.get_latest_materialization_event(keys.DRIFT)
        measured = (
            event.asset_materialization.metadata.get(DRIFT) if event and event.asset_materialization else None
        )
        if event is None or not isinstance(measured, dg.FloatMetadataValue) or measured.value is None:
            return dg.SkipReason("No drift has been measured yet.")
        cursor: dict[str, Any] = (
            json.loads(context.cursor) if context.cursor else {"seen": None, "requested": 0.0}
        )
        if cursor["seen"] == event.timestamp:
            return dg.SkipReason("Nothing new has been measured.")
        waited = time.time() - float(cursor["requested"])
        asks = measured.value > DRIFT_LIMIT and waited >= COOL_DOWN.total_seconds()
        cursor = {"seen": event.timestamp, "requested": time.time() if asks else cursor["requested"]}
        context.update_cursor(json.dumps(cursor))
        if not asks:
            reason = "within the cool-down" if measured.value > DRIFT_LIMIT else "not above the limit"
            return dg.SkipReason(f"Drift {measured.value:.3f}, limit {DRIFT_LIMIT}: {reason}.")
        config = TrainConfig(requested_by="retrain_on_drift")
        return dg.RunRequest(f"drift-{event.timestamp}", run_config=dg.RunConfig(ops={"train_model": config}))

    return retrain_on_drift


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
        changes = admin.item_changes(settings)
        if changes is None:
            return dg.SkipReason("No night has extracted anything yet.")
        context.log.info(
            f"{changes.items} items, {changes.new} new, {changes.gone} gone since the newest extract."
        )
        if not changes.fingerprint:
            return dg.SkipReason("The ERP has the items of the newest extract.")
        config = TrainConfig(only_when_due=True)
        return dg.RunRequest(
            f"items-{changes.fingerprint}", run_config=dg.RunConfig(ops={"train_model": config})
        )

    return night_on_new_items


def failure_sensor(settings: Settings) -> dg.SensorDefinition:
    """Write each failed run as one line into `<home>/logs/failures.jsonl`, for whatever reads it."""

    @dg.run_failure_sensor(
        name="failure_to_file",
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"One JSON line per failed run in {FAILURES} of the log folder: job, run, time, message.",
    )
    def failure_to_file(context: dg.RunFailureSensorContext) -> None:
        steps = {e.step_key: _message(e) for e in context.get_step_failure_events() if e.step_key}
        append_failure(
            settings.home / "logs" / FAILURES,
            {
                "at": datetime.now(UTC).isoformat(timespec="seconds"),
                "job": context.dagster_run.job_name,
                "run_id": context.dagster_run.run_id,
                "message": context.failure_event.message,
                "steps": steps,
            },
        )

    return failure_to_file


def _message(event: dg.DagsterEvent) -> str:
    data = event.step_failure_data
    if data.user_failure_data and data.user_failure_data.description:
        return data.user_failure_data.description
    return data.error.message.strip() if data.error else event.message or ""


def append_failure(path: Path, failure: dict[str, object]) -> None:
    """Append one line; the folder is made when it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(failure, ensure_ascii=False) + "\n")


def build(settings: Settings) -> list[dg.SensorDefinition]:
    """All sensors."""
    return [new_items_sensor(settings), quality_sensor(), failure_sensor(settings)]
