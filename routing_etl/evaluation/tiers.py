"""Tiers of confidence: what an engineer does with a proposal.

The confidence is a probability (calibrated on held-out items), so a tier promises a share of right proposals, and the
metrics are measured per tier to show whether the promise is kept. The ERP's `similarity_tier` is something else: it says
how much the item resembles one that has such a routing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

#: Tier and its least confidence, surest first: right in four of five cases, right more often than not, the rest.
TIERS = (("high", 0.8), ("medium", 0.5), ("low", 0.0))


def confidence_tier(confidence: ArrayLike) -> NDArray[np.str_]:
    """Name the tier of every confidence.

    Parameters
    ----------
    confidence : array-like of float
        Confidence from 0 to 1.

    Returns
    -------
    numpy.ndarray of str
        'high' from 0.8 on, 'medium' from 0.5 on, else 'low'; '' for NaN.
    """
    value = np.asarray(confidence, dtype=np.float64)
    named = np.select([value >= least for _, least in TIERS], [name for name, _ in TIERS], default="")
    return np.asarray(named, dtype=np.str_)
