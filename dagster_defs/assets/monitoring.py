"""Group `monitoring`: how the published batch looks and what became of the one before it."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import polars as pl

from routing_etl import plots
from routing_etl.evaluation.drift import PSI_LIMITS
from routing_etl.evaluation.glossary import DRIFT
from routing_etl.evaluation.metric_table import MetricRow
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
            description="What the night meets beside the training window of the version in force: attributes, jobs, machines, times and "
            "scores, each with a band and, above normal, a sentence that names the cause.",
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
        plant = metadata.of_plant(ctx.settings)
    rows = measured.result.metrics
    drift = tuple(row for row in rows if row.metric in DRIFT)
    drawn = metadata.pictures(drift_by_attribute=plots.drift_by_attribute(_by_attribute(drift), PSI_LIMITS))
    for key, shown, more in ((keys.MODEL_METRICS, rows, {}), (keys.DRIFT, drift, drawn)):
        yield dg.MaterializeResult(
            key, metadata=metadata.metric_rows(shown) | metadata.cost(measured) | plant | more
        )


def _by_attribute(drift: tuple[MetricRow, ...]) -> pl.DataFrame:
    rows = [(r.segment, r.value) for r in drift if r.metric == "attribute_psi"]
    return pl.DataFrame(rows, schema={"segment": pl.String, "value": pl.Float64}, orient="row")
