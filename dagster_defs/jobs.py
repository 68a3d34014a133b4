"""The jobs that people and schedules start.

Dagster reads the type of a `config` argument from the function itself, so annotations here are no strings.
"""

from typing import Any

import dagster as dg

from routing_etl.pipeline import audit, night, street, upkeep, weekly
from routing_etl.pipeline.champion import promote
from routing_etl.pipeline.persons import Actor, service
from routing_etl.settings import Settings

from . import metadata, not_public, partitions
from .assets import keys
from .config import (
    EvaluateConfig,
    PromoteConfig,
    PurgeConfig,
    RollbackConfig,
    TrainConfig,
    check_at_launch,
)
from .failures import as_dagster_failure
from .partitions import NIGHT_TAG, NIGHTLY, POOL
from .progress import progress_of

TRAIN, EVALUATE, WEEKLY = "train", "evaluate", "weekly_report"

_ASSET_JOBS_RUN_ALONE = dg.in_process_executor
_TRAINS_WHEN_DUE = dg.RunConfig(ops={"train_model": TrainConfig(only_when_due=True)})


def night_config(settings: Settings) -> dict[str, Any]:
    """Run configuration of the job `nightly`, as schedules and sensors start it: train only when due."""
    if partitions.spread(settings):
        return {}
    return _TRAINS_WHEN_DUE.to_config_dict()


@dg.op(name="start_night")
def start_night_op(context: dg.OpExecutionContext, settings: dg.ResourceParam[Settings]) -> str:
    """Request the night's backfill; it trains too when a training is due."""
    with as_dagster_failure(context):
        due = night.training_due(night.last_cleaned(settings))
    others = [*keys.NIGHTLY, *keys.GATES, *(keys.TRAINED if due else ())]
    backfill_id = not_public.add_backfill(
        context.instance,
        partitions.of_night(settings, keys.SHARDED, others),
        title=f"{NIGHTLY}: one run per shard of items",
        run_config=_TRAINS_WHEN_DUE.to_config_dict(),
        tags={NIGHT_TAG: context.run.run_id},
    )
    context.log.info(f"Backfill {backfill_id} has been requested; its runs stand under Runs, Backfills.")
    context.add_output_metadata({"backfill": backfill_id, "training": due or "not due"})
    return backfill_id


@dg.job(
    name=NIGHTLY,
    executor_def=dg.in_process_executor,
    description="The whole night as a backfill: one run per shard of items for times, scoring and loading, others for "
    "what comes before, between and after. A failed critical check leaves the last publication in place.",
)
def nightly_in_shards() -> None:
    """One op."""
    start_night_op()


def asset_jobs(settings: Settings) -> list[Any]:
    """Jobs over assets. One process: splitting the night over processes costs five times as long for nothing."""
    not_nightly = dg.AssetSelection.assets(keys.MODEL_EVALUATION)
    materializable = dg.AssetSelection.all() - dg.AssetSelection.groups("none")
    one_run = dg.define_asset_job(
        NIGHTLY,
        selection=materializable - not_nightly,
        config=_TRAINS_WHEN_DUE,
        executor_def=_ASSET_JOBS_RUN_ALONE,
        run_tags=partitions.run_tags(settings),
        description=f"The whole night: {street.in_words()}. A failed critical check leaves the last publication in place.",
    )
    return [
        nightly_in_shards if partitions.spread(settings) else one_run,
        dg.define_asset_job(
            TRAIN,
            selection=dg.AssetSelection.assets(keys.ROUTING_MODEL, keys.CHAMPION),
            config=dg.RunConfig(ops={"train_model": TrainConfig()}),
            executor_def=_ASSET_JOBS_RUN_ALONE,
            description="Train a model on the newest night's data: version name or blank for the time, dry run, "
            "evaluation window, promote or not.",
        ),
        dg.define_asset_job(
            EVALUATE,
            selection=dg.AssetSelection.assets(keys.MODEL_EVALUATION),
            config=dg.RunConfig(ops={keys.MODEL_EVALUATION.to_python_identifier(): EvaluateConfig()}),
            executor_def=_ASSET_JOBS_RUN_ALONE,
            description="Measure the method against the baselines on the newest night's data; saves no model.",
        ),
    ]


def _actor(settings: Settings) -> Actor:
    """Who does what nobody is named for: Dagster's login is that of the service."""
    return service(settings, "dagster")


@dg.op(name="rollback", pool=POOL)
def rollback_op(
    context: dg.OpExecutionContext, config: RollbackConfig, settings: dg.ResourceParam[Settings]
) -> int:
    """Move the pointer back in one short transaction."""
    to = str(config.to_publication or "what readers saw before")
    actor = service(settings, "dagster", requested_by=config.requested_by)
    with (
        as_dagster_failure(context),
        audit.audited(settings, "publications rollback", actor, subject=to),
    ):
        current = upkeep.rollback(settings, config.to_publication or None)
    context.log.info(f"ERP users now read publication {current}.")
    context.add_output_metadata({"publication_id": current})
    return current


@dg.op(name="promote", pool=POOL)
def promote_op(
    context: dg.OpExecutionContext, config: PromoteConfig, settings: dg.ResourceParam[Settings]
) -> str:
    """Make a version champion, on record; the next night scores with it."""
    actor = service(settings, "dagster", requested_by=config.requested_by)
    told = audit.audited(settings, "models promote", actor, subject=config.version, why=config.why)
    with as_dagster_failure(context), told:
        promote(settings, config.version, why=config.why, actor=actor, force=config.force)
    context.log.info(f"{config.version} is champion: {config.why}")
    return config.version


@dg.op(name="remove_old", pool=POOL)
def remove_old_op(
    context: dg.OpExecutionContext, config: PurgeConfig, settings: dg.ResourceParam[Settings]
) -> None:
    """Remove what retention no longer keeps."""
    with as_dagster_failure(context), audit.audited(settings, "purge", _actor(settings)):
        keep = upkeep.Keep(
            config.keep_publications or None, config.keep_models or None, config.keep_runs or None
        )
        removed = upkeep.purge(settings, keep, progress=progress_of(context))
    context.log.info(f"Removed: {removed}")
    context.add_output_metadata(metadata.of(removed))


@dg.job(
    config=dg.RunConfig(ops={"rollback": RollbackConfig()}),
    executor_def=dg.in_process_executor,
    description="Put an earlier publication in front of ERP users again, whole, at once.",
)
def rollback_publication() -> None:
    """One op."""
    rollback_op()


@dg.job(
    executor_def=dg.in_process_executor,
    description="Make a model version champion by hand; who, when and why are kept.",
)
def promote_model() -> None:
    """One op."""
    promote_op()


@dg.job(
    config=dg.RunConfig(ops={"remove_old": PurgeConfig()}),
    executor_def=dg.in_process_executor,
    description="Remove old publications, run records, model versions and run folders beyond the numbers kept.",
)
def purge() -> None:
    """One op."""
    remove_old_op()


@dg.op(name="report")
def report_op(context: dg.OpExecutionContext, settings: dg.ResourceParam[Settings]) -> str:
    """Write the weekly report, and mail it where somebody is named."""
    with as_dagster_failure(context):
        file = weekly.write_report(settings, mail=bool(settings.report_email_to))
    told = f", sent to {settings.report_email_to}" if settings.report_email_to else ""
    context.log.info(f"The report is in {file}{told}.")
    context.add_output_metadata({"file": dg.MetadataValue.path(str(file))})
    return str(file)


@dg.job(
    name=WEEKLY,
    executor_def=dg.in_process_executor,
    description="The weekly report as one HTML page in <home>/reports; also by e-mail where ROUTING_ETL_REPORT_EMAIL_TO names somebody.",
)
def weekly_report() -> None:
    """One op."""
    report_op()


check_at_launch(rollback_op, RollbackConfig)
check_at_launch(promote_op, PromoteConfig)
check_at_launch(remove_old_op, PurgeConfig)

OP_JOBS = [rollback_publication, promote_model, purge, weekly_report]
