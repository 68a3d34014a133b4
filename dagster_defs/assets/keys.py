"""Names of assets and groups: the one place where the graph is spelled."""

from __future__ import annotations

import dagster as dg

from routing_etl import frames

ERP, QUALITY, TIMES, MODEL, PUBLISH, MONITORING = "erp", "quality", "times", "model", "publish", "monitoring"
GROUPS = (ERP, QUALITY, TIMES, MODEL, PUBLISH, MONITORING)

SOURCE_FRAMES = (frames.ITEMS, frames.OPERATIONS, frames.WORK_RESULTS, frames.PURCHASE_ORDERS)
PREDICTION_FRAMES = (
    frames.CANDIDATES,
    frames.CANDIDATE_OPERATIONS,
    frames.RESOURCE_ALTERNATIVES,
    frames.CANDIDATE_EVIDENCE,
    frames.ABSTAINED,
)

RAW = {f.name: dg.AssetKey(["raw", f.name]) for f in SOURCE_FRAMES}
CLEAN = {f.name: dg.AssetKey([f.name]) for f in SOURCE_FRAMES}
REJECTS = dg.AssetKey([frames.REJECTS.name])
CHECKED_SOURCE = dg.AssetKey(["checked_source"])
TIME_SHARDS = dg.AssetKey(["time_shards"])
TIME_PROFILES = dg.AssetKey(["time_profiles"])
STANDARD_TIMES = dg.AssetKey([frames.STANDARD_TIMES.name])
DATA_HEALTH = dg.AssetKey(["data_health"])
ROUTING_MODEL = dg.AssetKey(["routing_model"])
CHAMPION = dg.AssetKey(["champion"])
MODEL_EVALUATION = dg.AssetKey(["model_evaluation"])
PREDICTION_SHARDS = dg.AssetKey(["prediction_shards"])
PREDICTIONS = {f.name: dg.AssetKey([f.name]) for f in PREDICTION_FRAMES}
CHECKED_CANDIDATES = dg.AssetKey(["checked_candidates"])
LOADED_SHARDS = dg.AssetKey(["loaded_shards"])
LOADED_PUBLICATION = dg.AssetKey(["loaded_publication"])
PUBLICATION = dg.AssetKey(["publication"])
MODEL_METRICS = dg.AssetKey(["model_metrics"])
DRIFT = dg.AssetKey(["drift"])
ITEM_SHEETS = dg.AssetKey(["item_sheets"])

#: The partitioned assets, in order; there are none with one shard.
SHARDED = (TIME_SHARDS, PREDICTION_SHARDS, LOADED_SHARDS)
#: What the shards wait for; there is none with one shard.
GATES = (CHECKED_SOURCE, CHECKED_CANDIDATES)
#: What a training makes, and what else a night makes.
TRAINED = (ROUTING_MODEL, CHAMPION)
NIGHTLY = (
    *RAW.values(), *CLEAN.values(), REJECTS, TIME_PROFILES, STANDARD_TIMES, DATA_HEALTH, *PREDICTIONS.values(), LOADED_PUBLICATION, PUBLICATION,
    MODEL_METRICS, DRIFT, ITEM_SHEETS,
)  # fmt: skip


def erp_table(table: str) -> dg.AssetKey:
    """A table or view of the ERP."""
    return dg.AssetKey(["erp", table])


def erp_view(view: str) -> dg.AssetKey:
    """A view over the published batch."""
    return dg.AssetKey(["erp_screen", view])
