"""Hash shards of items: how several machines share the time aggregation, the scoring and the loading of one night.

A shard holds the items whose key's hash modulo the number of shards is its number. Every result, prediction
and loaded row belongs to one item and so to one shard. Each of the three steps is a map over shards, in any
order and on any machine, and a step that merges them:

* times: `aggregate_times_shard` reads the results of the shard's items once and stores them, sorted and in minutes, in
  `times/shards/`. `merge_times` pools each job's spread over all shards, because a job's items are in all of them, then
  finds the entry errors shard by shard and writes the profiles.
* score: `score_shard` predicts the shard's items into part files that carry its number. `merge_scores` adds
  up the reports; shards scored by different model versions are refused.
* load: `load_shard` writes the shard's rows into one publication, which the first shard opens and no reader sees.
  `close_load` reconciles the whole publication with the files of all shards. Nothing is published before that.

Each map step can be repeated: it replaces its own files and rows and invalidates what was merged from them. A
merging step names the shards that are missing or were made for another number of shards. With one shard
nothing is split: the plain steps do the same work in one piece and give the same result.
"""

from __future__ import annotations

import polars as pl

from routing_etl.errors import ConfigurationError

#: Seed of the hash. Changing it moves items to other shards.
_SEED = 20_251


def in_shard(shard: int, shards: int) -> pl.Expr:
    """Whether a row's `item_key` is in this shard."""
    if shards == 1:
        return pl.lit(True)
    return pl.col("item_key").hash(_SEED) % shards == shard


def check_shard(shard: int, shards: int) -> None:
    """Refuse a shard that does not exist.

    Raises
    ------
    ConfigurationError
        There is no such shard; names it and how many there are.
    """
    if not 0 <= shard < shards:
        raise ConfigurationError(
            f"There is no shard {shard}: ROUTING_ETL_SHARDS = {shards}, counted from 0.",
            remedy="Reload the definitions, then choose one of theirs.",
        )


def shard_names(shards: int) -> list[str]:
    """Names of all shards in order: their numbers in three digits."""
    return [f"{shard:03d}" for shard in range(shards)]


def part_prefix(shard: int, shards: int) -> str:
    """Beginning of the names of a shard's part files."""
    return f"part-{shard:03d}of{shards:03d}-"
