"""Group `model`: training, the champion that scores, evaluation, and the predictions.

Dagster reads the type of a `config` argument from the function itself, so annotations here are no strings.
"""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from routing_etl import frames
from routing_etl.pipeline import night, sharded, steps
from routing_etl.pipeline.context import Context
from routing_etl.pipeline.finished import Finished
from routing_etl.pipeline.night import NOTHING_TO_PREDICT
from routing_etl.pipeline.results import Scored, Trained
from routing_etl.pipeline.review import examine_again
from routing_etl.pipeline.street import EVALUATE, SCORE, TRAIN
from routing_etl.settings import Settings

from .. import checks, metadata, partitions
from ..config import EvaluateConfig, ScoreConfig, TrainConfig, check_at_launch
from ..freshness import MODEL_FRESHNESS
from ..partitions import POOL
from ..resources import Street
from . import keys
from .common import made_by
from .quality import health_metadata

_LEARNS_FROM = [keys.CLEAN["items"], keys.CLEAN["operations"], keys.TIME_PROFILES]
_SCORES_FROM = [keys.CHAMPION, *_LEARNS_FROM]


@dg.multi_asset(
    name="train_model",
    pool=POOL,
    specs=[
        dg.AssetSpec(
            keys.ROUTING_MODEL,
            deps=_LEARNS_FROM,
            skippable=True,
            description="A new model version in the registry, measured on held-out items. Not made by a dry run, nor by "
            "a night whose champion is young enough.",
            **made_by(TRAIN),
            freshness_policy=MODEL_FRESHNESS,
        ),
        dg.AssetSpec(
            keys.CHAMPION,
            deps=_LEARNS_FROM,
            skippable=True,
            description="The version that scores, with who made it champion and why.",
            **made_by(TRAIN),
        ),
    ],
    check_specs=checks.learning_specs(),
)
def train_model(
    context: dg.AssetExecutionContext, config: TrainConfig, street: dg.ResourceParam[Street]
) -> Iterator[dg.MaterializeResult[Any] | dg.AssetObservation | dg.AssetCheckResult]:
    """Evaluate on held-out items, fit on every routed item, save the version, promote it when it is not worse.

    In a night a training that fails leaves the champion at work: the checks fail, and the night goes on.
    """
    with street.step(context, TRAIN, **config.changes()) as ctx:
        only_when_due = street.began(context, ctx) if config.only_when_due is None else config.only_when_due
        due = night.training_due(ctx) if only_when_due else "asked for"
        context.log.info(f"Training: {due}" if due else "No training is due; the champion stays.")
        trained = street.train(context, ctx, config.request(due)) if due else None
        champion = metadata.champion(ctx.registry, context.instance)
        seen = checks.learning_results(TRAIN.outcomes_of(ctx.run) if due else ())
        _examine_again(context, ctx, trained)
    if trained is not None:
        shown = metadata.training(trained)
        saved: dg.MaterializeResult[Any] = dg.MaterializeResult(keys.ROUTING_MODEL, metadata=shown)
        yield dg.AssetObservation(keys.ROUTING_MODEL, metadata=shown) if config.dry_run else saved
    if champion:
        yield dg.MaterializeResult(keys.CHAMPION, metadata=champion)
    yield from seen


def _examine_again(
    context: dg.AssetExecutionContext, ctx: Context, trained: Finished[Trained] | None
) -> None:
    """Show the health of the data by the new champion: it was examined before the training, when it was not known what decides."""
    again = examine_again(ctx, trained.result) if trained is not None else None
    if again is not None:
        context.log_event(dg.AssetMaterialization(keys.DATA_HEALTH, metadata=health_metadata(ctx, again)))


check_at_launch(train_model, TrainConfig)


@dg.asset(
    key=keys.MODEL_EVALUATION,
    deps=_LEARNS_FROM,
    description="The method and the baselines on held-out items, with 95 % intervals; every fold's model is thrown away.",
    **made_by(EVALUATE),
    pool=POOL,
)
def model_evaluation(
    context: dg.AssetExecutionContext, config: EvaluateConfig, street: dg.ResourceParam[Street]
) -> dg.MaterializeResult[Any]:
    """Evaluate on held-out items; saves nothing to the registry."""
    with street.step(context, EVALUATE, **config.changes()) as ctx:
        evaluated = steps.evaluate(ctx, split=config.split.value, max_items=config.max_items)
    return dg.MaterializeResult(metadata=metadata.training(evaluated))


check_at_launch(model_evaluation, EvaluateConfig)


#: What each frame of a scoring has, in words.
_PREDICTED = {
    "candidates": "The likeliest routings of every item without a valid one, with their confidence; not published yet.",
    "candidate_operations": "The operations of these routings: job, machine, times; not published yet.",
    "candidate_evidence": "The routed items that speak for each routing; not published yet.",
    "resource_alternatives": "Other machines for the operations, most used first; not published yet.",
    "abstained": "Items that get no routing, each with its reason; not published yet.",
}


def predictions(settings: Settings) -> list[dg.AssetsDefinition]:
    """The predictions, scored in one piece, or put together from shards of items when there are several."""
    in_shards = settings.shards > 1
    specs = [
        dg.AssetSpec(
            keys.PREDICTIONS[frame.name],
            deps=[keys.PREDICTION_SHARDS] if in_shards else _SCORES_FROM,
            skippable=True,
            description=_PREDICTED[frame.name],
            metadata={"dagster/column_schema": metadata.column_schema(frame)},
            **made_by(SCORE, in_shards=in_shards),
        )
        for frame in keys.PREDICTION_FRAMES
    ]

    @dg.multi_asset(name="score", pool=POOL, specs=specs)
    def score(
        context: dg.AssetExecutionContext, config: ScoreConfig, street: dg.ResourceParam[Street]
    ) -> Iterator[dg.MaterializeResult[Any]]:
        """Predict every item without a valid routing, batch by batch; when there is none, the night ends here."""
        with street.step(context, SCORE) as ctx:
            scored = steps.score(ctx, version=config.model_version or None, full=config.full)
            yield from _predicted(context, street, ctx, scored)

    @dg.multi_asset(name="merge_scores", pool=POOL, specs=specs)
    def merge_scores(
        context: dg.AssetExecutionContext, street: dg.ResourceParam[Street]
    ) -> Iterator[dg.MaterializeResult[Any]]:
        """Put the predictions of all shards together; when there is no item to predict, the night ends here."""
        with street.step(context, SCORE) as ctx:
            scored = sharded.merge_scores(ctx)
            yield from _predicted(context, street, ctx, scored)

    if in_shards:
        return [prediction_shards(settings), merge_scores]
    check_at_launch(score, ScoreConfig)
    return [score]


def _predicted(
    context: dg.AssetExecutionContext, street: Street, ctx: Context, scored: Finished[Scored]
) -> Iterator[dg.MaterializeResult[Any]]:
    """One result per frame; none, and the night's record closed, when there was nothing to predict."""
    if not scored.result.items:
        context.log.info(NOTHING_TO_PREDICT)
        street.finish(context, ctx, NOTHING_TO_PREDICT)
        return
    drawn = {keys.PREDICTIONS[frames.CANDIDATES.name]: metadata.similarity(ctx.run.predictions, ctx.settings)}
    for name, key in keys.PREDICTIONS.items():
        files = metadata.frame_files(ctx.run.predictions / name)
        yield dg.MaterializeResult(key, metadata=files | metadata.finished(scored) | drawn.get(key, {}))


def prediction_shards(settings: Settings) -> dg.AssetsDefinition:
    """The predictions shard by shard."""

    @dg.asset(
        key=keys.PREDICTION_SHARDS,
        deps=_SCORES_FROM,
        description="Predictions of one shard of items each, all frames, as part files that carry the shard's number.",
        **made_by(SCORE, in_shards=True),
        pool=partitions.pool(settings),
        partitions_def=partitions.shards(settings),
        backfill_policy=partitions.policy(settings),
    )
    def prediction_shards(
        context: dg.AssetExecutionContext, config: ScoreConfig, street: dg.ResourceParam[Street]
    ) -> None:
        """Predict the items of each shard of this run."""
        with street.step(context, SCORE) as ctx:
            for name in partitions.shards_of(context, ctx.settings):
                scored = sharded.score_shard(
                    ctx, shard=int(name), version=config.model_version or None, full=config.full
                )
                partitions.record(context, keys.PREDICTION_SHARDS, name, metadata.finished(scored))

    check_at_launch(prediction_shards, ScoreConfig)
    return prediction_shards
