"""Hash shards of items as Dagster partitions, and the night that is made of one run per shard.

`ROUTING_ETL_SHARDS` = 1: there is no partitioned asset. More: the assets `time_shards`, `prediction_shards` and
`loaded_shards` are partitioned by shard, and what is put together from them is not, so that everything else in the
graph is the same. `ROUTING_ETL_SHARD_RUNS` says how a night goes through the partitions:

* single (one machine): the job `nightly` is one run over all of them. Dagster runs partitioned and other assets
  together when the run's tags name the range of partitions; a run without these tags goes through all of them, too. A
  backfill is one run per partitioned asset.
* many: the job `nightly` requests an asset backfill of the night's assets, and Dagster's daemon starts its runs in
  order: what comes before the shards, one run per shard, what is put together from them, and so on. The runs share the
  run folder, which is named after the backfill, so ROUTING_ETL_HOME must be a volume that all machines see.

The daemon starts a run as soon as the assets before it are there, whether their checks have passed or not. So a gate
stands behind each set of checks, an asset that exists only when they have passed, and the shards wait for the gates.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import dagster as dg

from routing_etl.settings import Settings, load_settings
from routing_etl.shards import shard_names

from . import not_public

#: What this plant's names in the instance begin with: with one name for two plants Dagster keeps one history for both. It holds for the
#: process, as assets have their names when their modules are imported.
PREFIX = load_settings().dagster_prefix
#: Assets, checks and ops draw on this pool; with a limit of 1 per run (dagster.yaml) a second run waits. Another plant has another.
POOL = f"routing_etl_{PREFIX}" if PREFIX else "routing_etl"
#: The job of the night, and the tag of a backfill's runs that names the run of this job which requested them.
NIGHTLY, NIGHT_TAG = "nightly", "routing_etl/night_of"


def shards(settings: Settings) -> dg.StaticPartitionsDefinition:
    """One partition per shard, named by its number."""
    return dg.StaticPartitionsDefinition(shard_names(settings.shards))


def policy(settings: Settings) -> dg.BackfillPolicy:
    """One run for all shards, or one per shard."""
    return (
        dg.BackfillPolicy.single_run() if settings.shard_runs == "single" else dg.BackfillPolicy.multi_run()
    )


def pool(settings: Settings) -> str | None:
    """The pool of what shards may do beside one another: none where each has a run of its own."""
    return POOL if settings.shard_runs == "single" else None


def spread(settings: Settings) -> bool:
    """Whether a night is made of one run per shard."""
    return settings.shards > 1 and settings.shard_runs == "many"


def run_tags(settings: Settings) -> dict[str, str]:
    """Tags that make one run go through all shards; none when there is nothing partitioned."""
    if settings.shards == 1:
        return {}
    names = shard_names(settings.shards)
    return {not_public.RANGE_START_TAG: names[0], not_public.RANGE_END_TAG: names[-1]}


def shards_of(context: dg.AssetExecutionContext, settings: Settings) -> list[str]:
    """The shards that a step is to go through: those that the run's tags name, all when they name none."""
    return list(context.partition_keys) if _named(context) else shard_names(settings.shards)


def record(
    context: dg.AssetExecutionContext, key: dg.AssetKey, shard: str, metadata: Mapping[str, Any]
) -> None:
    """Metadata of one shard; where the run's tags name no partition, the shard's materialization with it."""
    if _named(context):
        context.add_asset_metadata(metadata, key, shard)
    else:
        context.log_event(dg.AssetMaterialization(key, partition=shard, metadata=metadata))


def _named(context: dg.AssetExecutionContext) -> bool:
    return context.has_partition_key or context.has_partition_key_range


def backfill_of(run: dg.DagsterRun) -> str | None:
    """The backfill that a run belongs to: the first one when it repeats what failed of another."""
    return run.tags.get(not_public.ROOT_BACKFILL_TAG) or run.tags.get(not_public.BACKFILL_TAG)


def own_shard(run: dg.DagsterRun) -> str | None:
    """The one shard that a run is for; a backfill names it as a range of one."""
    first, last = (run.tags.get(t) for t in (not_public.RANGE_START_TAG, not_public.RANGE_END_TAG))
    return run.tags.get(not_public.PARTITION_TAG) or (first if first == last else None)


def of_night(
    settings: Settings, sharded: Iterable[dg.AssetKey], others: Iterable[dg.AssetKey]
) -> dict[dg.AssetKey, dg.PartitionsDefinition[str] | None]:
    """Assets of a night with their partitions: the shards for these, none for the others."""
    return {**dict.fromkeys(sharded, shards(settings)), **dict.fromkeys(others)}
