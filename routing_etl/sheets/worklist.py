"""The worklist: items that wait for a routing, new ones first, surest first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import polars as pl


@dataclass(frozen=True)
class Entry:
    """A row of the worklist.

    Attributes
    ----------
    item_cd, name : str
        Code and name of the item.
    family, planner : str
        Who it belongs to; '' where the ERP or the profile does not say.
    new : bool
        The batch before did not show it.
    confidence : float or None
        Of the first candidate; None where there is no prediction.
    tier : str
        'high', 'medium', 'low', or '' where there is no prediction.
    candidates : int
        How many there are that are a choice.
    operations : str
        Names of the jobs of the first candidate.
    reference_item_cd : str
        Item whose routing supports it most.
    abstained : str
        Why there is no prediction.
    sheet : str
        Path of its sheet, relative to the worklist; '' where none was written.
    """

    item_cd: str
    name: str
    family: str
    planner: str
    new: bool
    confidence: float | None
    tier: str
    candidates: int
    operations: str
    reference_item_cd: str
    abstained: str
    sheet: str


@dataclass(frozen=True)
class Worklist:
    """The list with what it is of.

    Attributes
    ----------
    entries : tuple of Entry
        In the order in which they are shown.
    waiting : int
        Items without a valid routing in all; those beyond the entries are not listed.
    new : int
        How many of them are new.
    run_id, model_version : str
        What it was made of.
    publication_id : int or None
        What the ERP reads.
    made : datetime
        When (UTC).
    plant : str
        Name of the source profile.
    """

    entries: tuple[Entry, ...]
    waiting: int
    new: int
    run_id: str
    model_version: str
    publication_id: int | None
    made: datetime
    plant: str


def chosen(items: pl.DataFrame, first: pl.DataFrame, new: pl.Series, most: int) -> pl.DataFrame:
    """The items that a list of limited length shows, in order: new ones first, then surest first.

    Parameters
    ----------
    items : polars.DataFrame
        ITEMS rows of the items without a valid routing.
    first : polars.DataFrame
        First candidates: `item_key`, `confidence`.
    new : polars.Series
        Codes of the items that are new.
    most : int
        Length of the list.

    Returns
    -------
    polars.DataFrame
        Rows of `items` with `new` (bool) and `first_confidence` (NULL without a prediction).
    """
    return (
        items.join(
            first.select("item_key", pl.col("confidence").alias("first_confidence")),
            on="item_key",
            how="left",
        )
        .with_columns(pl.col("item_cd").is_in(new.implode()).alias("new"))
        .sort(
            "new",
            "first_confidence",
            "item_key",
            descending=[True, True, False],
            nulls_last=[False, True, False],
        )
        .head(most)
    )
