"""The item sheets and the worklist, for the people who write routings."""

from pathlib import Path
from typing import Any

import dagster as dg

from routing_etl.pipeline import sheets
from routing_etl.pipeline.street import WRITE_SHEETS

from .. import metadata
from ..partitions import POOL
from ..resources import Street
from . import keys
from .common import made_by


@dg.asset(
    key=keys.ITEM_SHEETS,
    deps=[keys.PUBLICATION, keys.CLEAN["items"], keys.CLEAN["operations"], *keys.PREDICTIONS.values()],
    description="A page for each item that waits for a routing, new ones and the surest first, and the worklist of them as a "
    "page and an Excel file, in the folder sheets of the home.",
    **made_by(WRITE_SHEETS),
    pool=POOL,
)
def item_sheets(
    context: dg.AssetExecutionContext, street: dg.ResourceParam[Street]
) -> dg.MaterializeResult[Any]:
    """Write the pages; what goes wrong here is told and stops nothing."""
    with street.step(context, WRITE_SHEETS) as ctx:
        written = sheets.write_sheets(ctx)
    if written.result.problem:
        context.log.warning(written.result.problem)
    return dg.MaterializeResult(
        metadata=metadata.finished(written)
        | {"worklist": dg.MetadataValue.path(str(Path(written.result.folder) / sheets.INDEX))}
    )
