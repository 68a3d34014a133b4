"""Group `model`: training, the champion that scores, evaluation, and the predictions.

Dagster reads the type of a `config` argument from the function itself, so annotations here are no strings.
"""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from dagster_defs import metadata
from dagster_defs.assets import keys
from dagster_defs.config import EvaluateConfig, ScoreConfig, TrainConfig
from dagster_defs.freshness import MODEL_FRESHNESS
from dagster_defs.resources import POOL, Street
from routing_etl import frames, night, pipeline

NOTHING_TO_PREDICT = "Every item has a valid routing: nothing was published."
_LEARNS_FROM = [keys.CLEAN["items"], keys.CLEAN["operations"], keys.TIME_PROFILES]


@dg.multi_asset(
    name="train_model",
    pool=POOL,
    specs=[
        dg.AssetSpec(
            keys.ROUTING_MODEL,
            deps=_LEARNS_FROM,
            skippable=True,
            group_name=keys.MODEL,
            description="A new model version in the registry, measured on held-out items. Not made by a dry run, nor by "
            "a night whose champion is young enough.",
            owners=keys.OWNERS,
            kinds={"scikitlearn"},
            code_version=keys.CODE_VERSION,
            freshness_policy=MODEL_FRESHNESS,
        ),
        dg.AssetSpec(
            keys.CHAMPION,
            deps=_LEARNS_FROM,
            skippable=True,
            group_name=keys.MODEL,
            description="The version that scores, with who made it champion and why.",
            owners=keys.OWNERS,
            kinds={"scikitlearn"},
            code_version=keys.CODE_VERSION,
        ),
    ],
)
def train_model(
    context: dg.AssetExecutionContext, config: TrainConfig, street: dg.ResourceParam[Street]
) -> Iterator[dg.MaterializeResult[Any] | dg.AssetObservation]:
    """Evaluate on held-out items, fit on every routed item, save the version, promote it when it is not worse."""
    with street.step(context, after="aggregate_times", **config.changes()) as ctx:
        due = night.training_due(ctx) if config.only_when_due else "asked for"
        context.log.info(f"Training: {due}" if due else "No training is due; the champion stays.")
        report = pipeline.train(ctx, **config.arguments()) if due else None
        champion = metadata.champion(ctx.registry, context.instance)
    if report is not None:
        shown = metadata.training(report)
        saved: dg.MaterializeResult[Any] = dg.MaterializeResult(keys.ROUTING_MODEL, metadata=shown)
        yield dg.AssetObservation(keys.ROUTING_MODEL, metadata=shown) if config.dry_run else saved
    if champion:
        yield dg.MaterializeResult(keys.CHAMPION, metadata=champion)


@dg.asset(
    key=keys.MODEL_EVALUATION,
    deps=_LEARNS_FROM,
    group_name=keys.MODEL,
    description="The method and the baselines on held-out items, with 95 % intervals; every fold's model is thrown away.",
    owners=keys.OWNERS,
    kinds={"scikitlearn"},
    code_version=keys.CODE_VERSION,
    pool=POOL,
)
def model_evaluation(
    context: dg.AssetExecutionContext, config: EvaluateConfig, street: dg.ResourceParam[Street]
) -> dg.MaterializeResult[Any]:
    """Evaluate on held-out items; saves nothing to the registry."""
    with street.step(context, after="aggregate_times", **config.changes()) as ctx:
        report = pipeline.evaluate(ctx, split=config.split.value, max_items=config.max_items)
    return dg.MaterializeResult(metadata=metadata.training(report))


@dg.multi_asset(
    name="score",
    pool=POOL,
    specs=[
        dg.AssetSpec(
            keys.PREDICTIONS[frame.name],
            deps=[keys.CHAMPION, keys.CLEAN["items"], keys.CLEAN["operations"], keys.TIME_PROFILES],
            skippable=True,
            group_name=keys.MODEL,
            description=f"Predicted {frame.name} for every item without a valid routing; not published yet.",
            metadata={"dagster/column_schema": metadata.column_schema(frame)},
            owners=keys.OWNERS,
            kinds={"parquet", "scikitlearn"},
            code_version=keys.CODE_VERSION,
        )
        for frame in keys.PREDICTION_FRAMES
    ],
)
def score(
    context: dg.AssetExecutionContext, config: ScoreConfig, street: dg.ResourceParam[Street]
) -> Iterator[dg.MaterializeResult[Any]]:
    """Predict every item without a valid routing, batch by batch; when there is none, the night ends here."""
    with street.step(context, after="aggregate_times") as ctx:
        report = pipeline.score(ctx, version=config.model_version or None)
        if not report["items"]:
            context.log.info(NOTHING_TO_PREDICT)
            street.finish(context, ctx, NOTHING_TO_PREDICT)
    drawn = {keys.PREDICTIONS[frames.CANDIDATES.name]: metadata.similarity(ctx.run.predictions, ctx.settings)}
    for name, key in keys.PREDICTIONS.items() if report["items"] else ():
        files = metadata.frame_files(ctx.run.predictions / name)
        yield dg.MaterializeResult(key, metadata=files | metadata.plain(report) | drawn.get(key, {}))
