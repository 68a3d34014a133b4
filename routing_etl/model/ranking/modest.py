"""Probabilities from few cases: what a handful of right and wrong answers supports, and nothing above it.

A curve with two parameters instead of a free one, drawn towards the base rate; what is not known about the two parameters
takes the probability towards one half. Sources: Platt (1999), "Probabilistic outputs for support vector machines" (the curve);
MacKay (1992), "The evidence framework applied to classification networks", Neural Computation 4, equation 10 (the moderated
output, which averages over the parameters); Laplace's rule of succession for the highest probability of n cases.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit

from routing_etl.model.base.arrays import Floats, Ints

#: Scores nearer to 0 or 1 are taken as these: their log-odds would outweigh all others.
_ENDS = 0.01, 0.99
#: Expected slope of the log-odds and its standard deviation: scores of few items are too extreme, by how much is to be seen.
_SLOPE, _SLOPE_SPREAD = 0.6, 0.4
#: Standard deviation of the log-odds of the base rate before anything was seen: nearly even over 2 % to 98 %.
_BASE_SPREAD = 2.0
_STEPS = 25


@dataclass(frozen=True)
class ModestCurve:
    """Probability by score, learned from few cases.

    Attributes
    ----------
    centre : float
        Mean log-odds of the scores.
    mean : Floats
        Log-odds at the centre, and slope.
    covariance : Floats
        What is not known about the two, 2 x 2.
    highest : float
        No probability is above it: (n + 1) / (n + 2) for n cases.
    """

    centre: float
    mean: Floats
    covariance: Floats
    highest: float

    @classmethod
    def fit(cls, score: Floats, hit: Floats, weight: Floats) -> ModestCurve:
        """Learn from cases.

        Parameters
        ----------
        score : Floats
            0 .. 1 per case.
        hit : Floats
            1 for a right answer, 0 for a wrong one.
        weight : Floats
            What a case counts; cases that are copies of one another share one.
        """
        odds = _odds(score)
        total = float(weight.sum())
        centre = float((odds * weight).sum() / total) if total > 0 else 0.0
        known = np.column_stack([np.ones(len(odds)), odds - centre])
        prior, precision = np.array([0.0, _SLOPE]), np.diag([_BASE_SPREAD**-2, _SLOPE_SPREAD**-2])
        mean, curvature = prior.copy(), precision
        for _ in range(_STEPS):
            p = expit(known @ mean)
            slope = known.T @ (weight * (hit - p)) - precision @ (mean - prior)
            curvature = precision + (known * (weight * p * (1 - p))[:, None]).T @ known
            mean = mean + np.clip(np.linalg.solve(curvature, slope), -1.0, 1.0)
        mean[1] = max(mean[1], 0.0)
        return cls(centre, mean, np.linalg.inv(curvature), (total + 1.0) / (total + 2.0))

    def __call__(self, score: Floats) -> Floats:
        """Probability per score; rises with it."""
        asked = np.asarray(score, dtype=np.float64)
        known = np.stack([np.ones(asked.shape), _odds(asked) - self.centre], axis=-1)
        variance = np.einsum("...i,ij,...j->...", known, self.covariance, known)
        moderated = expit((known @ self.mean) / np.sqrt(1.0 + np.pi * variance / 8.0))
        return np.asarray(np.minimum(moderated, self.highest))


def _odds(score: Floats) -> Floats:
    return np.asarray(logit(np.clip(score, *_ENDS)))


def settled(first: Floats, others: Floats, row: Ints) -> Floats:
    """The other candidates' probabilities beside new ones of the first choices: never above theirs, in sum at most 1.

    Parameters
    ----------
    first : Floats
        Per item, probability of the first choice.
    others : Floats
        Per candidate, its probability; 0 for the first choices.
    row : Ints
        Item of every candidate.
    """
    below = np.minimum(others, 0.999 * first[row])
    rest = np.bincount(row, below, len(first))
    room = np.maximum(1.0 - first, 0.0)
    return np.asarray(below * np.where(rest > room, room / np.maximum(rest, 1e-12), 1.0)[row])
