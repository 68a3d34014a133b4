"""The routing numbers that proposals get: one number for one sequence of jobs, for ever.

A number that an engineer has taken over stays in the ERP after the routing has expired there. So it must never come back with other
operations: it is made from the job codes alone, not from the rank, the night or the model.
"""

from __future__ import annotations

import hashlib

import polars as pl

from routing_etl.frames import key_of

#: The smallest number; those below were given by rank until version 0.9.
FIRST = 1_000
_NUMBERS = 10**9 - FIRST


def routing_numbers(candidates: pl.LazyFrame) -> pl.LazyFrame:
    """The candidates with their `predicted_rout_no`: `P` and nine digits.

    Two sequences of jobs have the same digits with a chance of one in a thousand million. Where that happens within an item, the
    candidate of the lower rank gets the next free number.

    Parameters
    ----------
    candidates : polars.LazyFrame
        Columns item_cd, candidate_rank and routing_code (job codes joined by '>').
    """
    number = pl.col("routing_code").map_batches(_digits, return_dtype=pl.Int64, is_elementwise=True)
    numbered = candidates.with_columns(_number=number)
    per_item = numbered.group_by("item_cd", "_number").len()
    if per_item.filter(pl.col("len") > 1).select(pl.len()).collect(engine="streaming").item():
        again = pl.col("candidate_rank").rank("ordinal").over("item_cd", "_number") - 1
        numbered = numbered.with_columns(_number=pl.col("_number") + again.cast(pl.Int64))
    text = pl.format("P{}", pl.col("_number").cast(pl.String).str.zfill(9))
    return numbered.with_columns(predicted_rout_no=text).drop("_number")


def _digits(codes: pl.Series) -> pl.Series:
    """The number of each sequence of jobs, in whatever spelling; distinct ones are hashed once."""
    distinct = codes.unique().drop_nulls()
    keys = distinct.alias("code").to_frame().select(key_of(pl.col("code"))).to_series()
    hashed = [hashlib.blake2b(key.encode(), digest_size=8).digest() for key in keys]
    numbers = [FIRST + int.from_bytes(one, "big") % _NUMBERS for one in hashed]
    return codes.replace_strict(
        distinct, pl.Series(numbers, dtype=pl.Int64), default=None, return_dtype=pl.Int64
    )
