"""When jobs start by themselves. One time zone, from the settings; on by default."""

from __future__ import annotations

import dagster as dg

from routing_etl.settings import Settings

from .config import TrainConfig
from .jobs import TRAIN, WEEKLY, night_config
from .partitions import NIGHTLY


def build(settings: Settings) -> list[dg.ScheduleDefinition]:
    """The night at 02:00, a training on the first of each month after that night, and the report on Mondays."""
    return [
        dg.ScheduleDefinition(
            name="nightly_at_two",
            job_name=NIGHTLY,
            cron_schedule="0 2 * * *",
            execution_timezone=settings.timezone,
            default_status=dg.DefaultScheduleStatus.RUNNING,
            description="The whole night, every night at 02:00.",
            run_config=night_config(settings),
        ),
        dg.ScheduleDefinition(
            name="retrain_monthly",
            job_name=TRAIN,
            cron_schedule="0 4 1 * *",
            execution_timezone=settings.timezone,
            default_status=dg.DefaultScheduleStatus.RUNNING,
            description="A new model on the first of the month, two hours after the night, on that night's data.",
            run_config=dg.RunConfig(ops={"train_model": TrainConfig(requested_by="retrain_monthly")}),
        ),
        dg.ScheduleDefinition(
            name="report_on_mondays",
            job_name=WEEKLY,
            cron_schedule="0 6 * * 1",
            execution_timezone=settings.timezone,
            default_status=dg.DefaultScheduleStatus.RUNNING,
            description="The weekly report, Mondays at 06:00, after the night.",
        ),
    ]
