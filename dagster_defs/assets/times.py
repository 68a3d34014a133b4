"""Group `times`: how long operations really took."""

from typing import Any

import dagster as dg
import polars as pl

from routing_etl import frames, plots
from routing_etl.pipeline import sharded, steps
from routing_etl.pipeline.context import Context
from routing_etl.pipeline.finished import Finished
from routing_etl.pipeline.street import AGGREGATE_TIMES, CHECK_SOURCE, REVIEW_STANDARDS
from routing_etl.settings import Settings
from routing_etl.times.profiles import TimesReport

from .. import checks, metadata, partitions
from ..partitions import POOL
from ..resources import Street
from . import keys
from .common import made_by


def build(settings: Settings) -> list[dg.AssetsDefinition]:
    """The time profiles, made in one piece, or from shards of items when there are several."""
    in_shards = settings.shards > 1
    aggregate = sharded.merge_times if in_shards else steps.aggregate_times

    @dg.asset(
        key=keys.TIME_PROFILES,
        deps=[keys.TIME_SHARDS if in_shards else keys.CLEAN["work_results"], keys.CLEAN["operations"]],
        description="Set-up minutes per order and run minutes per piece from work results: per item and operation, per "
        "job and resource, per job, with OPT <= STD <= SAFE.",
        metadata={"dagster/column_schema": metadata.column_schema(frames.TIME_BY_ITEM_OPERATION)},
        **made_by(AGGREGATE_TIMES, in_shards=in_shards),
        pool=POOL,
        check_specs=checks.time_specs(),
    )
    def time_profiles(
        context: dg.AssetExecutionContext, street: dg.ResourceParam[Street]
    ) -> dg.MaterializeResult:  # type: ignore[type-arg]  # with checks Dagster takes the bare name only
        """Aggregate work results into the three time profiles."""
        with street.step(context, AGGREGATE_TIMES) as ctx:
            aggregated = aggregate(ctx)
        return dg.MaterializeResult(
            metadata=_shown(ctx, aggregated),
            check_results=checks.time_results(AGGREGATE_TIMES.outcomes_of(ctx.run)),
        )

    return [*([time_shards(settings)] if in_shards else []), time_profiles, standard_times]


@dg.asset(
    key=keys.STANDARD_TIMES,
    deps=[keys.TIME_PROFILES, keys.CLEAN["operations"]],
    description="The ERP's standard times beside what orders took: interval, verdict, since when, and a proposed standard. "
    "Published by itself, whatever becomes of the predictions.",
    metadata={"dagster/column_schema": metadata.column_schema(frames.STANDARD_TIMES)},
    **made_by(REVIEW_STANDARDS),
    pool=POOL,
)
def standard_times(
    context: dg.AssetExecutionContext, street: dg.ResourceParam[Street]
) -> dg.MaterializeResult[Any]:
    """Review the standard times and publish what changed."""
    with street.step(context, REVIEW_STANDARDS) as ctx:
        reviewed = steps.review_standards(ctx)
    files = metadata.frame_files(ctx.run.times / f"{frames.STANDARD_TIMES.name}.parquet")
    found, published = metadata.of(reviewed.result.found), metadata.of(reviewed.result.published)
    return dg.MaterializeResult(metadata=files | found | published | metadata.cost(reviewed))


def _shown(ctx: Context, aggregated: Finished[TimesReport]) -> dict[str, Any]:
    profile = metadata.frame_files(ctx.run.times / f"{frames.TIME_BY_ITEM_OPERATION.name}.parquet")
    by_job = pl.read_parquet(ctx.run.times / f"{frames.TIME_BY_JOB.name}.parquet")
    drawn = {f"{m}_time_by_job": plots.time_profile_by_job(by_job, m) for m in ("run", "setup")}
    return profile | metadata.finished(aggregated) | metadata.pictures(**drawn)


def time_shards(settings: Settings) -> dg.AssetsDefinition:
    """Work results shard by shard."""

    @dg.asset(
        key=keys.TIME_SHARDS,
        deps=[keys.CLEAN["work_results"], keys.CHECKED_SOURCE],
        description="Work results in minutes, sorted, one shard of items each; the profiles are made of all shards.",
        **made_by(AGGREGATE_TIMES, in_shards=True),
        pool=partitions.pool(settings),
        partitions_def=partitions.shards(settings),
        backfill_policy=partitions.policy(settings),
    )
    def time_shards(context: dg.AssetExecutionContext, street: dg.ResourceParam[Street]) -> None:
        """Read the results of each shard of this run."""
        with street.step(context, AGGREGATE_TIMES, on=CHECK_SOURCE) as ctx:
            for name in partitions.shards_of(context, ctx.settings):
                read = sharded.aggregate_times_shard(ctx, shard=int(name))
                partitions.record(context, keys.TIME_SHARDS, name, metadata.finished(read))

    return time_shards
