"""Group `monitoring`: how the published batch looks and what became of the one before it."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from routing_etl.pipeline import steps
from routing_etl.pipeline.street import MEASURE

from .. import metadata
from ..partitions import POOL
from ..resources import Street
from . import keys
from .common import made_by


@dg.multi_asset(
    name="measure",
    pool=POOL,
    specs=[
        dg.AssetSpec(
            keys.MODEL_METRICS,
            deps=[keys.PUBLICATION, keys.CLEAN["operations"]],
            description="Coverage of the batch and realised outcomes: what engineers routed after we had predicted it.",
            **made_by(MEASURE),
        ),
        dg.AssetSpec(
            keys.DRIFT,
            deps=[keys.PUBLICATION],
            description="Distance of the batch's similarity scores from those of the batch before (Kullback-Leibler).",
            **made_by(MEASURE),
        ),
    ],
)
def measure(
    context: dg.AssetExecutionContext, street: dg.ResourceParam[Street]
) -> Iterator[dg.MaterializeResult[Any]]:
    """Measure the published batch, store the metrics, and close the night's record."""
    with street.step(context, MEASURE) as ctx:
        measured = steps.measure(ctx)
        street.finish(context, ctx)
    rows = measured.result.metrics
    drift = tuple(row for row in rows if "drift" in row.metric)
    for key, shown in ((keys.MODEL_METRICS, rows), (keys.DRIFT, drift)):
        yield dg.MaterializeResult(key, metadata=metadata.metric_rows(shown) | metadata.cost(measured))
