"""Attributes of which one is never above another, as the profile says (`items.not_above`)."""

from __future__ import annotations

import polars as pl

from routing_etl.erp.profile_model import ItemSource
from routing_etl.erp.text import Counter


def in_order(frame: pl.DataFrame, section: ItemSource, counter: Counter) -> pl.DataFrame:
    """Treat attributes of which the first exceeds the second (`items.not_above`) as `items.on_not_above` says.

    Each case is counted as `inner_above_outer` under the first attribute's name. What-if questions about one item go
    through this function too, so that they see the values that training saw.

    Parameters
    ----------
    frame : polars.DataFrame
        Items.
    section : ItemSource
        The profile's rules for items.
    counter : Counter
        Takes the counts.

    Returns
    -------
    polars.DataFrame
        The items, with the attributes changed where they were out of order.
    """
    for low, high in section.not_above:
        above = (pl.col(low) > pl.col(high)).fill_null(False)
        counter.add("inner_above_outer", low, frame.select(above.sum()).item())
        a, b = pl.col(low), pl.col(high)
        changed = {
            "null_first": [pl.when(~above).then(a).alias(low)],
            "null_both": [pl.when(~above).then(a).alias(low), pl.when(~above).then(b).alias(high)],
            "swap": [
                pl.when(above).then(b).otherwise(a).alias(low),
                pl.when(above).then(a).otherwise(b).alias(high),
            ],
            "keep": [],
        }[section.on_not_above]
        frame = frame.with_columns(changed)
    return frame
