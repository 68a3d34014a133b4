"""Groups `erp` and `quality`: extracted and cleaned frames, and the rows that cleaning rejected."""

from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg

from routing_etl import frames
from routing_etl.erp.profile import Profile
from routing_etl.pipeline import steps
from routing_etl.pipeline.street import CLEAN, EXTRACT

from .. import metadata
from ..config import ExtractConfig
from ..partitions import POOL
from ..resources import Street
from . import keys
from .common import made_by
from .external import tables_by_frame


def build(profile: Profile) -> list[dg.AssetsDefinition]:
    """The extract and the cleaning, wired to the tables of the profile."""
    return [_extract(tables_by_frame(profile)), clean]


def _extract(tables: Mapping[str, list[str]]) -> dg.AssetsDefinition:
    @dg.multi_asset(
        name="extract",
        pool=POOL,
        specs=[
            dg.AssetSpec(
                keys.RAW[frame.name],
                deps=[keys.erp_table(t) for t in tables[frame.name]],
                description=f"{frame.name} as the ERP gave them: canonical column names, raw values, Parquet.",
                **made_by(EXTRACT),
            )
            for frame in keys.SOURCE_FRAMES
        ],
    )
    def extract(
        context: dg.AssetExecutionContext, config: ExtractConfig, street: dg.ResourceParam[Street]
    ) -> Iterator[dg.MaterializeResult[Any]]:
        """Stream the ERP's tables into the run folder, bounded in memory."""
        with street.step(context, EXTRACT) as ctx:
            street.begin(context, ctx)
            extracted = steps.extract(ctx, full=config.full_read)
        read = extracted.result.read.frames
        for name, key in keys.RAW.items():
            files = metadata.frame_files(ctx.run.raw / f"{name}.parquet")
            of_frame = metadata.of(read[name]) if name in read else {}
            yield dg.MaterializeResult(key, metadata=files | of_frame | metadata.cost(extracted))

    return extract


@dg.multi_asset(
    name="clean",
    pool=POOL,
    specs=[
        *(
            dg.AssetSpec(
                keys.CLEAN[frame.name],
                deps=list(keys.RAW.values()),
                description=f"Canonical {frame.name}: one meaning and one unit per column, NULL for missing.",
                metadata={"dagster/column_schema": metadata.column_schema(frame)},
                **made_by(CLEAN),
            )
            for frame in keys.SOURCE_FRAMES
        ),
        dg.AssetSpec(
            keys.REJECTS,
            deps=list(keys.RAW.values()),
            description="Rows that cleaning took out, each with its table, key, rule, reason and raw values.",
            metadata={"dagster/column_schema": metadata.column_schema(frames.REJECTS)},
            **made_by(CLEAN, group=keys.QUALITY),
        ),
    ],
)
def clean(
    context: dg.AssetExecutionContext, street: dg.ResourceParam[Street]
) -> Iterator[dg.MaterializeResult[Any]]:
    """Clean every frame; rows in = rows kept + rows rejected."""
    with street.step(context, CLEAN) as ctx:
        cleaned = steps.clean(ctx)
    accounts, took = cleaned.result.frames, metadata.cost(cleaned)
    for name, key in keys.CLEAN.items():
        files = metadata.frame_files(ctx.run.clean / f"{name}.parquet")
        of_frame = metadata.of(accounts[name]) if name in accounts else {}
        yield dg.MaterializeResult(key, metadata=files | of_frame | took)
    rejects = {n: f.rejects for n, f in accounts.items()}
    by_frame = {n: sum(rules.values()) for n, rules in rejects.items()}
    shown = metadata.plain({"by_frame": by_frame, "by_rule": metadata.by_rule(rejects)})
    yield dg.MaterializeResult(keys.REJECTS, metadata=metadata.frame_files(ctx.run.rejects) | shown | took)
