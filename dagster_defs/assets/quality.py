"""Group `quality`: the health of the ERP's data, and the gates that shards wait for. The checks are in `checks.py`."""

from typing import Any

import dagster as dg

from routing_etl import plots
from routing_etl.pipeline import sharded, steps
from routing_etl.pipeline.context import Context
from routing_etl.pipeline.finished import Finished
from routing_etl.pipeline.results import Checked, Healthy
from routing_etl.pipeline.review import read_findings
from routing_etl.pipeline.street import CHECK_CANDIDATES, CHECK_HEALTH, CHECK_SOURCE, Step
from routing_etl.settings import Settings

from .. import metadata
from ..partitions import POOL
from ..resources import Street
from . import keys
from .common import made_by


@dg.asset(
    key=keys.DATA_HEALTH,
    deps=[*keys.CLEAN.values(), keys.REJECTS, keys.STANDARD_TIMES],
    description="What is wrong with the ERP's data, by planner, family, plant and work centre, with examples and what it "
    "touches; a table, a view for DBAs and one HTML page.",
    **made_by(CHECK_HEALTH),
    pool=POOL,
)
def data_health(
    context: dg.AssetExecutionContext, street: dg.ResourceParam[Street]
) -> dg.MaterializeResult[Any]:
    """Examine the data; nothing is stopped by what is found."""
    with street.step(context, CHECK_HEALTH) as ctx:
        shown = health_metadata(ctx, steps.check_health(ctx))
    return dg.MaterializeResult(metadata=shown)


def health_metadata(ctx: Context, checked: Finished[Healthy]) -> dict[str, Any]:
    """What Dagster shows of an examination: the counts, the file, the overview."""
    overview = plots.health_overview(read_findings(ctx.run))
    files = metadata.frame_files(ctx.run.health / "findings.parquet")
    return metadata.finished(checked) | files | metadata.pictures(overview=overview)


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
