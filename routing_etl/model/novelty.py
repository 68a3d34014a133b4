"""How far the routings of other part types can be relied on, for items of a type that nobody has routed.

What belongs here: that one factor. What does not: similarity itself.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[Any]
IntArray = NDArray[np.int64]

_SAMPLE = 1500
_CELLS = 20_000_000


def novelty_factor(
    kind: NDArray[np.int32],
    points: FloatArray,
    sequence_of: IntArray,
    nearest_same: NDArray[np.bool_],
    random_state: int,
) -> float:
    """How much less sure a proposal is when it rests on other part types only: 0 .. 1.

    The share of items whose nearest neighbour of another type has their routing, over the same share for the nearest
    neighbour of any type: 1 where types do not matter, near 0 where each type has routings of its own.

    Parameters
    ----------
    kind, points, sequence_of: per training item its type, place and job sequence.
    nearest_same: whether its nearest neighbour has its routing.
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
