"""Names of assets and groups: the one place where the graph is spelled."""

from __future__ import annotations

import dagster as dg

from routing_etl import frames

from ..partitions import PREFIX

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


def _key(*path: str) -> dg.AssetKey:
    """The key of an asset of this plant."""
    return dg.AssetKey([PREFIX, *path] if PREFIX else [*path])


RAW = {f.name: _key("raw", f.name) for f in SOURCE_FRAMES}
CLEAN = {f.name: _key(f.name) for f in SOURCE_FRAMES}
REJECTS = _key(frames.REJECTS.name)
CHECKED_SOURCE = _key("checked_source")
TIME_SHARDS = _key("time_shards")
TIME_PROFILES = _key("time_profiles")
STANDARD_TIMES = _key(frames.STANDARD_TIMES.name)
DATA_HEALTH = _key("data_health")
ROUTING_MODEL = _key("routing_model")
CHAMPION = _key("champion")
MODEL_EVALUATION = _key("model_evaluation")
PREDICTION_SHARDS = _key("prediction_shards")
PREDICTIONS = {f.name: _key(f.name) for f in PREDICTION_FRAMES}
CHECKED_CANDIDATES = _key("checked_candidates")
LOADED_SHARDS = _key("loaded_shards")
LOADED_PUBLICATION = _key("loaded_publication")
PUBLICATION = _key("publication")
MODEL_METRICS = _key("model_metrics")
DRIFT = _key("drift")
ITEM_SHEETS = _key("item_sheets")

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
    return _key("erp", table)


def erp_view(view: str) -> dg.AssetKey:
    """A view over the published batch."""
    return _key("erp_screen", view)
