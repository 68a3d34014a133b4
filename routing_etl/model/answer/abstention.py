"""Why an item gets no proposal: a code for counting and a sentence for people."""

from __future__ import annotations

from typing import Any

import polars as pl
from numpy.typing import NDArray

from routing_etl.model.base.arrays import Ints
from routing_etl.model.ranking.novelty import TYPE_ATTRIBUTE

_VALUE = 40
_SENTENCES = {
    "no_attributes": "None of the item's attributes that the model knows is filled.",
    "unseen_part_type": "No routed item has part type {value}, and no other type's routings fit well enough.",
    "unseen_value": "No routed item has {attribute} {value}, and the routings of no other fit well enough.",
    "no_similar_item": "No routed item is similar enough to copy a routing from.",
}


def reasons(
    items: pl.DataFrame, row: Ints, empty: NDArray[Any], unseen: NDArray[Any], attribute: str
) -> tuple[list[str], list[str]]:
    """Code and sentence for each of the rows of `items` without a proposal.

    Parameters
    ----------
    items : polars.DataFrame
        The items of the batch.
    row : Ints
        Rows of the items without a proposal.
    empty : Bools
        Per item, whether no attribute is filled.
    unseen : Bools
        Per item, whether its `attribute` has a value that no routed item has.
    attribute : str
        What tells kinds of items apart. The code `unseen_part_type` is used for the part type only.
    """
    if not len(row):
        return [], []
    new = "unseen_part_type" if attribute == TYPE_ATTRIBUTE else "unseen_value"
    codes = ["no_attributes" if empty[i] else new if unseen[i] else "no_similar_item" for i in row]
    values = items[attribute].gather(row).cast(pl.String).to_list() if attribute else [None] * len(row)
    sentences = [
        _SENTENCES[code].format(attribute=attribute, value=repr((value or "")[:_VALUE]))
        for code, value in zip(codes, values, strict=True)
    ]
    return codes, sentences
