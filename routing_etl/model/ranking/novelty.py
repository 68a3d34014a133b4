"""Which items are of a part type that nobody has routed, and how sure a proposal for them may be."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl

from routing_etl.model.attributes.levels import normalise, normalised
from routing_etl.model.base.arrays import Bools, Codes, Floats, Ints
from routing_etl.model.base.columns import FEW

#: Training items that measure the factor, and distances computed at once.
_SAMPLE, _CELLS = 1500, 20_000_000

TYPE_ATTRIBUTE = "part_type"
TYPE_LEVEL = f"{TYPE_ATTRIBUTE}|value"


def kind_level(levels: Collection[str]) -> str:
    """The level that tells kinds of items apart: the part type's, else the first value level; '' when there is none."""
    return next((n for n in (TYPE_LEVEL, *levels) if n in levels and n.endswith("|value")), "")


@dataclass(frozen=True)
class Novelty:
    """Items of new types, and their confidence.

    `attribute`: what tells the types, '' when nothing does. `known`: its values among the routed items.
    `factor`: see `novelty_factor`.
    """

    attribute: str
    known: pl.Series
    factor: float

    def unseen(self, items: pl.DataFrame) -> Bools:
        """Items whose type no routed item has; one without a type is not among them."""
        if not self.attribute:
            return np.zeros(items.height, dtype=bool)
        if items.height <= FEW:
            kinds = map(normalised, items[self.attribute].cast(pl.String).to_list())
            return np.array([k is not None and k not in self._values for k in kinds], dtype=bool)
        kind = items.select(normalise(self.attribute)).to_series()
        return (~kind.is_in(self.known.implode())).fill_null(value=False).to_numpy()

    @cached_property
    def _values(self) -> frozenset[str]:
        return frozenset(self.known.to_list())

    def doubted(self, probability: Floats, row: Ints, new: Bools) -> Floats:
        """Confidence of every candidate where types were not left out to learn it (`model.new_types`).

        That is so for a plain answer, and where another attribute stands in for the part type: its new values are no new types.

        Parameters
        ----------
        probability : Floats
            Per candidate, calibrated on known types.
        row : Ints
            Item of every candidate.
        new : Bools
            Per item, whether its type is new.
        """
        return probability * np.where(new, self.factor, 1.0)[row]


def novelty_factor(
    kind: Codes,
    points: Floats,
    sequence_of: Ints,
    nearest_same: Bools,
    random_state: int,
) -> float:
    """How much less sure a proposal is when it rests on other part types only: 0 .. 1.

    The share of items whose nearest neighbour of another type has their routing, over the same share for the nearest
    neighbour of any type: 1 where types do not matter, near 0 where each type has routings of its own.

    Parameters
    ----------
    kind : Codes
        Type of every training item.
    points : Floats
        Their coordinates in the space of items.
    sequence_of : Ints
        Their job sequences.
    nearest_same : Bools
        Whether the nearest neighbour of each has its routing.
    random_state : int
        Seed of the sample.
    """
    rng = np.random.default_rng(random_state)
    sample = np.sort(rng.choice(len(kind), min(_SAMPLE, len(kind)), replace=False))
    squares = (points**2).sum(axis=1)
    hits_other = hits_any = 0
    for part in np.array_split(sample, max(1, len(sample) * len(kind) // _CELLS)):
        distance = squares[None, :] - 2.0 * (points[part] @ points.T)
        own = kind[None, :] == kind[part][:, None]
        distance[own] = np.inf
        other = distance.argmin(axis=1)
        foreign = np.isfinite(distance[np.arange(len(part)), other])
        hits_other += int((foreign & (sequence_of[other] == sequence_of[part])).sum())
        hits_any += int(nearest_same[part].sum())
    return float(np.clip((hits_other + 1) / (hits_any + 1), 0.0, 1.0))
