"""Hash shards of items: how several machines share the time aggregation, the scoring and the loading of one night.

A shard is the items whose key's hash falls on its number; every result, prediction and loaded row belongs to one item
and so to one shard. Each of the three steps is a map over shards, each shard alone and in any order or place, and one
step that puts the shards together:

* times: `aggregate_times_shard` reads the results of the shard's items once and leaves them, sorted and in minutes, in
  `times/shards/`. `merge_times` pools what decides whether a report is an entry error (a job's spread, over all
  shards), judges the shards one after the other and writes the profiles: a shard alone cannot, because a job is spread
  over all of them.
* score: `score_shard` predicts the shard's items into part files that carry its number, and touches no other. `merge_scores`
  adds the reports up; shards scored by two model versions are refused.
* load: `load_shard` writes the shard's rows into one publication that the first of them opens and no reader sees.
  `close_load` reconciles it whole with the files of all shards. Nothing is published before that.

Each map step can be repeated: it replaces what it left, files and rows, and withdraws what was put together from it. A
step that puts shards together names the shards that are missing, or were made for another number of shards. With one
shard nothing is split: the plain steps do the same work in one piece, and give the same result.

What belongs here: which shard an item is in, and the names of shards and of their part files. What does not: the steps.
"""

from __future__ import annotations

import polars as pl

from routing_etl.errors import ConfigurationError

_SEED = 20_251


def in_shard(shard: int, shards: int) -> pl.Expr:
    """True for the rows whose `item_key` is in this shard."""
    if shards == 1:
        return pl.lit(True)
    return pl.col("item_key").hash(_SEED) % shards == shard


def check_shard(shard: int, shards: int) -> None:
    """Refuse a shard that does not exist.

    Raises
    ------
    ConfigurationError
        Names the shard and how many there are.
    """
    if not 0 <= shard < shards:
        raise ConfigurationError(
            f"There is no shard {shard}: ROUTING_ETL_SHARDS = {shards}, counted from 0.",
            remedy="Reload the definitions, then choose one of theirs.",
        )


def shard_names(shards: int) -> list[str]:
    """Names of all shards in order: their numbers with three digits."""
    return [f"{shard:03d}" for shard in range(shards)]


def part_prefix(shard: int, shards: int) -> str:
    """How the names of a shard's part files begin."""
    return f"part-{shard:03d}of{shards:03d}-"
