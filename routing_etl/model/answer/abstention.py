"""Why an item gets no proposal: a code for counting and a sentence for people."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from routing_etl.model.base.arrays import Bools, Ints
from routing_etl.model.ranking.novelty import TYPE_ATTRIBUTE

_VALUE = 40
_NEW = "new"
_SENTENCES = {
    "no_attributes": "None of the item's attributes that the model knows is filled.",
    "unseen_part_type": "No routed item has part type {value}, and no other type's routings fit well enough.",
    "strange": "No routed item has part type {value}, and what tells part types apart here does not place it with others "
    "({unknown}): no routing supports a proposal.",
    "too_few_types": "No routed item has part type {value}, and too few part types have routings to tell what holds for another.",
    "unseen_value": "No routed item has {attribute} {value}, and the routings of no other fit well enough.",
    "no_similar_item": "No routed item is similar enough to copy a routing from.",
}


@dataclass(frozen=True)
class Silence:
    """What keeps items without a proposal; an entry per item of the batch.

    Attributes
    ----------
    empty : Bools
        Whether no attribute is filled.
    new : Bools
        Whether the attribute that tells kinds of items apart has a value that no routed item has.
    strange : Bools
        Whether a new part type is unlike all that have routings.
    unknown : polars.Series
        Of a strange item why it is, as text; NULL when too few types are known to tell.
    """

    empty: Bools
    new: Bools
    strange: Bools
    unknown: pl.Series

    def of(self, row: int) -> str:
        """Name of the sentence for one item."""
        if self.empty[row]:
            return "no_attributes"
        if self.strange[row]:
            return "too_few_types" if self.unknown[int(row)] is None else "strange"
        return _NEW if self.new[row] else "no_similar_item"


def reasons(items: pl.DataFrame, row: Ints, silence: Silence, attribute: str) -> tuple[list[str], list[str]]:
    """Code and sentence for each of the rows of `items` without a proposal.

    Parameters
    ----------
    items : polars.DataFrame
        The items of the batch.
    row : Ints
        Rows of the items without a proposal.
    silence : Silence
        What keeps them.
    attribute : str
        What tells kinds of items apart. The code `unseen_part_type` is used for the part type only.
    """
    if not len(row):
        return [], []
    new = "unseen_part_type" if attribute == TYPE_ATTRIBUTE else "unseen_value"
    found = [silence.of(i) for i in row]
    values = items[attribute].gather(row).cast(pl.String).to_list() if attribute else [None] * len(row)
    sentences = [
        _SENTENCES[new if name == _NEW else name].format(
            attribute=attribute, value=repr((value or "")[:_VALUE]), unknown=silence.unknown[int(i)]
        )
        for i, name, value in zip(row, found, values, strict=True)
    ]
    codes = [name if name in ("no_attributes", "no_similar_item") else new for name in found]
    return codes, sentences
