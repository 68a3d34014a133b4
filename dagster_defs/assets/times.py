"""Group `times`: how long operations really took."""

from typing import Any

import dagster as dg
import polars as pl

from dagster_defs import metadata
from dagster_defs.assets import keys
from dagster_defs.resources import POOL, Street
from routing_etl import frames, pipeline, plots


@dg.asset(
    key=keys.TIME_PROFILES,
    deps=[keys.CLEAN["work_results"], keys.CLEAN["operations"]],
    group_name=keys.TIMES,
    description="Set-up minutes per order and run minutes per piece from work results: per item and operation, per job "
    "and resource, per job, with OPT <= STD <= SAFE.",
    metadata={"dagster/column_schema": metadata.column_schema(frames.TIME_BY_ITEM_OPERATION)},
    owners=keys.OWNERS,
    kinds={"parquet", "polars"},
    code_version=keys.CODE_VERSION,
    pool=POOL,
)
def time_profiles(
    context: dg.AssetExecutionContext, street: dg.ResourceParam[Street]
) -> dg.MaterializeResult[Any]:
    """Aggregate work results into the three time profiles."""
    with street.step(context, after="clean") as ctx:
        report = pipeline.aggregate_times(ctx)
    profile = metadata.frame_files(ctx.run.times / f"{frames.TIME_BY_ITEM_OPERATION.name}.parquet")
    by_job = pl.read_parquet(ctx.run.times / f"{frames.TIME_BY_JOB.name}.parquet")
    drawn = {f"{m}_time_by_job": plots.time_profile_by_job(by_job, m) for m in ("run", "setup")}
    return dg.MaterializeResult(metadata=profile | metadata.plain(report) | metadata.pictures(**drawn))
