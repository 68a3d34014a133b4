"""A fitted logistic regression on standardised columns, kept as its numbers: small plants are answered without scikit-learn too."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import expit

from routing_etl.model.base.arrays import Floats


class Linear:
    """The numbers of a fitted pipeline of `StandardScaler` and `LogisticRegression` of two classes.

    Parameters
    ----------
    scaler : StandardScaler
        Fitted.
    regression : LogisticRegression
        Fitted on what the scaler gives.
    """

    def __init__(self, scaler: Any, regression: Any) -> None:
        self.mean, self.scale = scaler.mean_, scaler.scale_
        self.coefficients, self.intercept = regression.coef_, regression.intercept_

    def predict(self, matrix: Floats) -> Floats:
        """The probability of the second class, per row; in scikit-learn's order and precision, so that its bits are the same."""
        steady = np.array(matrix, order="K")
        steady -= self.mean.astype(steady.dtype)
        steady /= self.scale.astype(steady.dtype)
        odds = steady @ self.coefficients.T + self.intercept
        return np.asarray(expit(odds.ravel()))
