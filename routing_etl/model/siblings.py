"""Items of one design: which training items are left out together while the model learns how sure it may be.

Items of one drawing are often routed together, one as a copy of the other. The items that wait for a routing mostly belong to
new drawings. Where routed items have routed siblings far more often than the items that are asked about, a training item that is
left out alone is easier than any that will be asked, and what it teaches about confidence is too good. So as many of the
siblings are left out with it as makes the two alike.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import polars as pl

from routing_etl.frames import AttributeSpec
from routing_etl.model.attributes.designs import MOST_SIBLINGS, names_designs
from routing_etl.model.attributes.levels import normalise
from routing_etl.model.base.arrays import Ints

#: Fewer items that wait for a routing do not tell how many of them have siblings.
_LEAST_ASKED = 200
#: By how much the shares of items with siblings must differ, and by how many standard errors.
_LEAST_GAP, _SURE = 0.05, 2.0
#: Share of the siblings of an item that lie in other folds when each is left out alone.
_APART = 0.8


def siblings(
    asked: pl.DataFrame, routed: pl.DataFrame, attributes: Sequence[AttributeSpec], seed: int
) -> tuple[Ints, str] | None:
    """Groups of training items that are left out together, and a sentence on them; None where that changes nothing.

    Of the texts that name a design, the one by which routed items have routed siblings most beyond the items that are asked about is
    taken, where it is filled. Each of its groups is left out whole with the probability that makes the share of left-out items with
    siblings about that of the items asked; the items of other groups are left out alone.

    Parameters
    ----------
    asked : polars.DataFrame
        ITEMS frame, the items that wait for a routing.
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
    best = (0.0, "", 0.0, 0.0)
    for attribute in attributes:
        if attribute.kind == "number":
            continue
        ours, theirs = (
            f.select(normalise(attribute.name)).to_series().drop_nulls().alias("value")
            for f in (routed, asked)
        )
        if theirs.len() < _LEAST_ASKED or not names_designs(ours):
            continue
        has, meets = _share_with_siblings(ours, ours, 1), _share_with_siblings(theirs, ours, 0)
        error = math.sqrt(has * (1 - has) / ours.len() + meets * (1 - meets) / theirs.len())
        if has - meets > max(_LEAST_GAP, _SURE * error, best[0]):
            best = (has - meets, attribute.name, has, meets)
    _, name, has, meets = best
    if not name:
        return None
    value = routed.select(normalise(name)).to_series()
    code = value.rank("dense").cast(pl.Int64).fill_null(0).to_numpy() - 1
    size = np.bincount(code[code >= 0])
    apart = min(meets / (_APART * has), 1.0)
    whole = (np.random.default_rng(seed).random(len(size)) >= apart) & (size <= MOST_SIBLINGS)
    together = (code >= 0) & whole[np.maximum(code, 0)]
    alone = len(size) + np.arange(len(code))
    groups = np.unique(np.where(together, code, alone), return_inverse=True)[1].astype(np.int64)
    told = (
        f"{has:.0%} of the routed items share their {name} with another routed item, of those without a routing {meets:.0%}: while the "
        "model learned how sure it may be, siblings were left out together about as often."
    )
    return groups, told


def _share_with_siblings(values: pl.Series, among: pl.Series, own: int) -> float:
    """Share of items whose value more than `own` and at most `MOST_SIBLINGS` routed items have."""
    counts = among.value_counts(name="siblings")
    found = values.to_frame().join(counts, on="value", how="left")["siblings"].fill_null(0)
    return float(((found > own) & (found <= MOST_SIBLINGS)).sum() / max(values.len(), 1))
