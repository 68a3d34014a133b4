"""Items of one design: which training items are left out together while the model learns how sure it may be.

Items of one drawing are often routed together, one as a copy of the other. The items that wait for a routing mostly belong to
new drawings. Where routed items have routed siblings far more often than the items that are asked about, a training item that is
left out alone is easier than any that will be asked, and what it teaches about confidence is too good. So as many of the
siblings are left out with it as makes the two alike.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from routing_etl.frames import AttributeSpec
from routing_etl.model.attributes.levels import normalise
from routing_etl.model.base.arrays import Ints

#: Fewer items that wait for a routing do not tell how many of them have siblings.
_LEAST_ASKED = 200
#: Distinct values per filled one from which a text names a design, and most items of one.
_LEAST_DISTINCT, _MOST_SIBLINGS = 0.2, 20
#: By how much the shares of items with siblings must differ.
_LEAST_GAP = 0.05


def siblings(
    items: pl.DataFrame, routed: pl.DataFrame, attributes: Sequence[AttributeSpec], seed: int
) -> tuple[Ints, str] | None:
    """Groups of training items that are left out together, and a sentence on them; None where that changes nothing.

    Of the texts that name a design, the one by which routed items have routed siblings most beyond the items that are asked about is
    taken. Each of its groups is left out whole with the probability that makes the share of left-out items with siblings that of
    the items asked; the items of other groups are left out alone.

    Parameters
    ----------
    items : polars.DataFrame
        ITEMS frame, routed and unrouted.
    routed : polars.DataFrame
        The training items.
    attributes : sequence of AttributeSpec
        Attributes that tell items apart.
    seed : int
        Seed of the draw.

    Returns
    -------
    tuple of Ints and str, or None
        Per training item a number from 0 on.
    """
    asked = items.join(routed.select("item_key"), on="item_key", how="anti")
    if asked.height < _LEAST_ASKED:
        return None
    best = (_LEAST_GAP, "", 0.0, 0.0)
    for attribute in attributes:
        if attribute.kind == "number":
            continue
        ours, theirs = (f.select(normalise(attribute.name)).to_series() for f in (routed, asked))
        if not ours.count() or ours.drop_nulls().n_unique() < _LEAST_DISTINCT * ours.count():
            continue
        has, meets = _share_with_siblings(ours, ours, 1), _share_with_siblings(theirs, ours, 0)
        if has - meets > best[0]:
            best = (has - meets, attribute.name, has, meets)
    _, name, has, meets = best
    if not name:
        return None
    value = routed.select(normalise(name)).to_series()
    code = value.rank("dense").cast(pl.Int64).fill_null(0).to_numpy() - 1
    size = np.bincount(code[code >= 0])
    whole = (np.random.default_rng(seed).random(len(size)) < 1.0 - meets / has) & (size <= _MOST_SIBLINGS)
    together = (code >= 0) & whole[np.maximum(code, 0)]
    alone = len(size) + np.arange(len(code))
    groups = np.unique(np.where(together, code, alone), return_inverse=True)[1].astype(np.int64)
    told = (
        f"{has:.0%} of the routed items share their {name} with another routed item, of the others {meets:.0%}: what the model learned "
        "about its confidence it learned with such siblings left out in the same proportion."
    )
    return groups, told


def _share_with_siblings(values: pl.Series, among: pl.Series, own: int) -> float:
    """Share of items whose value more than `own` and at most `_MOST_SIBLINGS` routed items have."""
    counts = among.drop_nulls().value_counts(name="n")
    found = values.to_frame().join(counts, on=values.name, how="left")["n"].fill_null(0)
    return float(((found > own) & (found <= _MOST_SIBLINGS)).sum() / max(values.len(), 1))
