"""The interval of a share."""

from __future__ import annotations

import math
from statistics import NormalDist

_Z = NormalDist().inv_cdf(0.975)


def score_interval(share: float, n: int) -> tuple[float, float]:
    """The 95 % score interval of a share of n (Wilson 1927).

    Parameters
    ----------
    share : float
        From 0 to 1.
    n : int
        Of how many, at least 1.

    Returns
    -------
    tuple of float
        Lower and upper end.
    """
    wide = 1 + _Z**2 / n
    middle = (share + _Z**2 / (2 * n)) / wide
    half = _Z * math.sqrt(share * (1 - share) / n + _Z**2 / (4 * n**2)) / wide
    return max(middle - half, 0.0), min(middle + half, 1.0)
