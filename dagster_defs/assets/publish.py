"""Group `publish`: loading and publishing, two assets, so that the checks of the candidates stand between.

A blocking check does not stop the asset that it checks, only the ones behind it
(docs/decisions/0007-load-and-publish-are-two-assets.md).
"""

from typing import Any

import dagster as dg

from routing_etl.pipeline import sharded, steps
from routing_etl.pipeline.street import CHECK_CANDIDATES, LOAD, PUBLISH, SCORE
from routing_etl.settings import Settings

from .. import metadata, partitions
from ..freshness import publication_freshness
from ..partitions import POOL
from ..resources import Street
from . import keys
from .common import made_by

#: What the run page says when the pointer has moved.
PUBLISHED = "ERP users read publication {id}, predicted by model {version}"


def build(settings: Settings) -> list[dg.AssetsDefinition]:
    """Load and publish; the settings give the time zone of the freshness deadline and the number of shards."""
    in_shards = settings.shards > 1
    load = sharded.close_load if in_shards else steps.load

    @dg.asset(
        key=keys.LOADED_PUBLICATION,
        deps=[keys.LOADED_SHARDS] if in_shards else list(keys.PREDICTIONS.values()),
        description="The checked predictions under a new publication id that no reader sees, reconciled with the files.",
        **made_by(LOAD, in_shards=in_shards),
        pool=POOL,
    )
    def loaded_publication(
        context: dg.AssetExecutionContext, street: dg.ResourceParam[Street]
    ) -> dg.MaterializeResult[Any]:
        """Load and reconcile; loading the same predictions again is a no-op."""
        with street.step(context, LOAD) as ctx:
            loaded = load(ctx)
        return dg.MaterializeResult(metadata=metadata.finished(loaded))

    @dg.asset(
        key=keys.PUBLICATION,
        deps=[keys.LOADED_PUBLICATION],
        description="What the ERP's screens read. One short transaction moves the pointer, so readers see the old batch "
        "or the new one, whole.",
        **made_by(PUBLISH),
        freshness_policy=publication_freshness(settings),
        pool=POOL,
    )
    def publication(
        context: dg.AssetExecutionContext, street: dg.ResourceParam[Street]
    ) -> dg.MaterializeResult[Any]:
        """Move the pointer to the loaded publication."""
        with street.step(context, PUBLISH) as ctx:
            last = context.instance.get_latest_materialization_event(keys.PUBLICATION)
            if alike := metadata.of_another_plant(last, ctx.settings):
                context.log.warning(alike)
            published = steps.publish(ctx)
            plant = metadata.of_plant(ctx.settings)
            version = ctx.require(SCORE).model_version
            told = PUBLISHED.format(id=published.result.publication_id, version=version)
            street.tell(context, published.result.notice or told)
        links = metadata.links_to_model(context.instance, version)
        return dg.MaterializeResult(
            metadata=metadata.finished(published) | metadata.plain({"model_version": version}) | links | plant
        )

    return [*([loaded_shards(settings)] if in_shards else []), loaded_publication, publication]


def loaded_shards(settings: Settings) -> dg.AssetsDefinition:
    """The checked predictions loaded shard by shard."""

    @dg.asset(
        key=keys.LOADED_SHARDS,
        deps=[*keys.PREDICTIONS.values(), keys.CHECKED_CANDIDATES],
        description="The checked predictions of one shard of items each, under the publication id of all shards, which no "
        "reader sees.",
        **made_by(LOAD, in_shards=True),
        pool=POOL,
        partitions_def=partitions.shards(settings),
        backfill_policy=partitions.policy(settings),
    )
    def loaded_shards(context: dg.AssetExecutionContext, street: dg.ResourceParam[Street]) -> None:
        """Load each shard of this run; the first opens the publication."""
        with street.step(context, LOAD, on=CHECK_CANDIDATES) as ctx:
            for name in partitions.shards_of(context, ctx.settings):
                loaded = sharded.load_shard(ctx, shard=int(name))
                partitions.record(context, keys.LOADED_SHARDS, name, metadata.finished(loaded))

    return loaded_shards
