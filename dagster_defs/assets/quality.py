"""Group `quality`: the gates that shards wait for. The checks themselves are in `checks.py`."""

from typing import Any

import dagster as dg

from dagster_defs import metadata
from dagster_defs.assets import keys
from dagster_defs.assets.common import made_by
from dagster_defs.partitions import POOL
from dagster_defs.resources import Street
from routing_etl.pipeline import sharded
from routing_etl.pipeline.results import Checked
from routing_etl.pipeline.street import CHECK_CANDIDATES, CHECK_SOURCE, Step
from routing_etl.settings import Settings

_PASSED = "There only when every critical check of {} of this run has passed; the shards behind wait for it."


def gates(settings: Settings) -> list[dg.AssetsDefinition]:
    """One gate per set of checks; none with one shard, where the checks stand in the same run as what they guard."""
    if settings.shards == 1:
        return []
    return [
        _gate(keys.CHECKED_SOURCE, CHECK_SOURCE, "the cleaned frames", [*keys.CLEAN.values(), keys.REJECTS]),
        _gate(keys.CHECKED_CANDIDATES, CHECK_CANDIDATES, "the predictions", list(keys.PREDICTIONS.values())),
    ]


def _gate(key: dg.AssetKey, checks: Step[Checked], what: str, deps: list[dg.AssetKey]) -> dg.AssetsDefinition:
    @dg.asset(
        key=key,
        deps=deps,
        description=_PASSED.format(what),
        **made_by(checks, in_shards=True),
        pool=POOL,
    )
    def gate(
        context: dg.AssetExecutionContext, street: dg.ResourceParam[Street]
    ) -> dg.MaterializeResult[Any]:
        """Refuse to exist before the checks have passed."""
        with street.step(context, checks, on=checks) as ctx:
            sharded.require_passed(ctx, checks)
            passed = ctx.require_finished(checks)
        return dg.MaterializeResult(metadata=metadata.finished(passed))

    return gate
