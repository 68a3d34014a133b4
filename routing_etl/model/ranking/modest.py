"""Ranking and probabilities from few cases: what a handful of right and wrong answers supports, and nothing above it.

A ranker that learned from a few right answers orders candidates worse than the evidence that it weighs, so the two are
pooled (`Pool`). Probabilities: a curve with two parameters instead of a free one, drawn towards the base rate; what is not known about the two parameters
takes the probability towards one half. Sources: Platt (1999), "Probabilistic outputs for support vector machines" (the curve);
MacKay (1992), "The evidence framework applied to classification networks", Neural Computation 4, equation 10 (the moderated
output, which averages over the parameters); Laplace's rule of succession for the highest probability of n cases.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit

from routing_etl.model.base.arrays import Bools, Floats, Ints
from routing_etl.model.candidates.evidence import EvidenceFeatures
from routing_etl.model.ranking.ranker import first_choice

#: Scores nearer to 0 or 1 are taken as these: their log-odds would outweigh all others.
_ENDS = 0.01, 0.99
#: Expected slope of the log-odds and its standard deviation. Scores of a model of few items are too extreme, by how much is to be seen.
FITTED = 0.6, 0.2
#: The same where the score is the similarity of a copied item: alike items are right far more often than others, so it says more
#: than a probability of that size would.
ALIKE = 1.5, 0.5
#: Standard deviation of the log-odds of the base rate before anything was seen: nearly even over 2 % to 98 %.
_BASE_SPREAD = 2.0
_STEPS = 25
#: With so many items the ranker's own score counts as much as the evidence that it weighs.
_EVEN = 60.0
#: What a candidate gains that is the routing of the most similar item: this over the number of items.
_COPY = 8.0


@dataclass(frozen=True)
class Pool:
    """Weights by which the ranker, the evidence and the most similar item together order the candidates of a small plant.

    A linear opinion pool (Stone 1961) of the ranker's score with weight `ranker`, and of the forest's votes for the routing
    and the likelihood of its operations under those votes with half of the rest each.

    Attributes
    ----------
    ranker : float
        Weight of the ranker's score, n / (n + 60) for n routed items.
    copy : float
        What the routing of the most similar item gains, 8 / n.
    """

    ranker: float
    copy: float

    @classmethod
    def of(cls, n: int) -> Pool:
        """The weights for so many routed items.

        Parameters
        ----------
        n : int
            Routed items, 1 at least.
        """
        return cls(n / (n + _EVEN), _COPY / n)

    def scored(
        self, ranker: Floats, features: EvidenceFeatures, row: Ints, copied: Bools
    ) -> tuple[Floats, Bools]:
        """The order of the candidates.

        Parameters
        ----------
        ranker : Floats
            The ranker's score of every candidate, 0 .. 1.
        features : EvidenceFeatures
            The evidence, with `forest_share` and `log_likelihood`.
        row : Ints
            The item's row, ascending.
        copied : Bools
            Whether the candidate is the routing of the most similar item.

        Returns
        -------
        score : Floats
            0 .. 1 per candidate.
        tipped : Bools
            Candidates that are an item's first only because they are copied.
        """
        likelihood = _share(features.column("log_likelihood").astype(np.float64), row)
        evidence = (features.column("forest_share") + likelihood) / 2.0
        own = self.ranker * ranker + (1.0 - self.ranker) * evidence
        score = (own + self.copy * copied) / (1.0 + self.copy)
        return score, first_choice(score, row) & ~first_choice(own, row)


def _share(log_weight: Floats, row: Ints) -> Floats:
    """Each candidate's share of its item's weights, given as logarithms."""
    if not len(row):
        return np.zeros(0)
    most = np.full(int(row.max()) + 1, -np.inf)
    np.maximum.at(most, row, log_weight)
    weight = np.exp(log_weight - most[row])
    return np.asarray(weight / np.bincount(row, weight)[row])


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
    def fit(
        cls, score: Floats, hit: Floats, weight: Floats, *, slope: tuple[float, float] = FITTED
    ) -> ModestCurve:
        """Learn from cases.

        Parameters
        ----------
        score : Floats
            0 .. 1 per case.
        hit : Floats
            1 for a right answer, 0 for a wrong one.
        weight : Floats
            What a case counts; cases that are copies of one another share one.
        slope : tuple of float
            Expected slope of the log-odds, and its standard deviation before anything was seen.
        """
        odds = _odds(score)
        total = float(weight.sum())
        centre = float((odds * weight).sum() / total) if total > 0 else 0.0
        known = np.column_stack([np.ones(len(odds)), odds - centre])
        prior, precision = np.array([0.0, slope[0]]), np.diag([_BASE_SPREAD**-2, slope[1] ** -2])
        mean, curvature = prior.copy(), precision
        for _ in range(_STEPS):
            p = expit(known @ mean)
            gradient = known.T @ (weight * (hit - p)) - precision @ (mean - prior)
            curvature = precision + (known * (weight * p * (1 - p))[:, None]).T @ known
            mean = mean + np.clip(np.linalg.solve(curvature, gradient), -1.0, 1.0)
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
