"""The version that predicts now beside a new one, on routings that neither has learned from.

A new version's figures come from a model that was fitted without the judged items. Of those, some were written after the version that
predicts now had learned: that one is asked for them as it is, and both are judged by the same routings. Nothing is fitted for it.

Routings that are copies of its proposals are judged nowhere, so that where engineers take over what is right, what is left is what
it had wrong. The difference then flatters the new version, and only a version that is worse all the same is known to be worse.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from routing_etl.evaluation.metric_table import ALL, MINUS, MODEL, RIVAL
from routing_etl.evaluation.splits import Fold, labelled_items, near_identical_groups
from routing_etl.frames import Predictions

#: Least such items for a comparison.
LEAST_SINCE = 30


@dataclass(frozen=True)
class Deployed:
    """The version that predicts now.

    Attributes
    ----------
    name : str
        Its name.
    learned : polars.Series
        Keys of the items that it learned from.
    predict : callable
        ITEMS frame to its predictions.
    """

    name: str
    learned: pl.Series
    predict: Callable[[pl.DataFrame], Predictions]


def written_since(fold: Fold, items: pl.DataFrame, operations: pl.DataFrame, learned: pl.Series) -> pl.Series:
    """The judged items of which the deployed version knows no more than the one that was fitted without them.

    Parameters
    ----------
    fold : Fold
        Judged items and what was fitted on.
    items : polars.DataFrame
        ITEMS frame.
    operations : polars.DataFrame
        OPERATIONS frame of all routed items.
    learned : polars.Series
        Keys of the items that the deployed version learned from.

    Returns
    -------
    polars.Series
        Keys of judged items that it has not learned, and that share neither attributes nor a drawing with an item that it has
        learned and the other one has not. Sorted.
    """
    told = learned.implode()
    routed = labelled_items(items, operations).drop("rout_date")
    # over all routed items: of a few, most texts look like identifiers
    group = pl.Series(near_identical_groups(routed, by_identifier=True))
    keys = routed["item_key"]
    known = keys.is_in(told)
    ahead = known & ~keys.is_in(fold.train.implode())
    fair = keys.filter(
        keys.is_in(fold.test.implode()) & ~known & ~group.is_in(group.filter(ahead).unique().implode())
    )
    return fair.sort()


def kept_rows(metrics: pl.DataFrame) -> pl.DataFrame:
    """Of the rows on these items both versions and their difference, over all and by band of part types.

    Parameters
    ----------
    metrics : polars.DataFrame
        METRICS frame of the split `SINCE`.
    """
    band = pl.col("segment").str.starts_with("part_type_band:")
    methods = pl.col("method").is_in([MODEL, RIVAL, MINUS + RIVAL])
    return metrics.filter(methods & ((pl.col("segment") == ALL) | band))
