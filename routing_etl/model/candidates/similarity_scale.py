"""Learning what a distance means: `SimilarityScale`, a scikit-learn transformer. What it has learned is a `SimilarityCurve`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.isotonic import IsotonicRegression
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from routing_etl.model.base.arrays import Floats
from routing_etl.model.candidates.similarity import SimilarityCurve


class SimilarityScale(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Distance to similarity: the share of items at this distance whose routing is the same (isotonic, decreasing).

    A scikit-learn transformer: items x neighbours, a distance in each cell; one scale for all columns. A distance that is
    infinite or NaN means that there is no such neighbour.
    """

    def __sklearn_tags__(self) -> Any:
        """Distances are 0 or more, may be missing, and say nothing without `y`; similarities are float32."""
        tags = super().__sklearn_tags__()
        tags.input_tags.positive_only = True
        tags.input_tags.allow_nan = True
        tags.target_tags.required = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    def fit(self, X: Floats, y: NDArray[Any]) -> SimilarityScale:
        """Learn from pairs of a training item and its neighbours, the item itself left out.

        Parameters
        ----------
        X : Floats
            n x k distances.
        y : array
            n x k, whether the neighbour has the item's routing; or n, the same for a row's k neighbours. Numbers below 0
            count as 0, above 1 as 1.

        Raises
        ------
        ValueError
            X or y is no such matrix.
        """
        distance = self._distances(X, reset=True, y=y)
        same = check_array(y, ensure_2d=False, dtype="numeric", input_name="y", estimator=self)
        same = same[:, None] if same.ndim == 1 else same
        if len(same) != len(distance) or same.shape[1] not in (1, distance.shape[1]):
            raise ValueError(
                f"SimilarityScale: X is {distance.shape}, y {same.shape}; give a y for every cell."
            )
        keep = np.isfinite(distance)
        x = distance[keep].astype(np.float64)
        y = np.broadcast_to(same, distance.shape)[keep].astype(np.float64)
        if len(x) == 0:
            x, y = np.array([0.0, 1.0]), np.array([1.0, 0.0])
        curve = IsotonicRegression(increasing=False, y_min=0.0, y_max=1.0, out_of_bounds="clip").fit(x, y)
        grid = np.unique(np.quantile(x, np.linspace(0, 1, 201)))
        values = curve.predict(grid)
        # A slope, however small, keeps the similarity strictly decreasing, so that it still orders neighbours.
        slope = 1.0 - 0.02 * np.linspace(0.0, 1.0, len(grid))
        falling = np.minimum.accumulate(np.clip(values * slope, 0.0, 1.0))
        self.curve_ = SimilarityCurve(grid, falling, float(grid[-1]) or 1.0)
        return self

    @property
    def curve(self) -> SimilarityCurve:
        """What was learned, for use without scikit-learn."""
        return self.curve_

    def transform(self, X: Floats) -> Floats:
        """Similarity of every distance, 0..1.

        Parameters
        ----------
        X : Floats
            n x k distances.

        Raises
        ------
        ValueError
            X is no such matrix as in `fit`.
        """
        check_is_fitted(self)
        return self.curve_.of(self._distances(X, reset=False))

    def _distances(self, X: Floats, *, reset: bool, y: Any = "no_validation") -> Floats:
        found = validate_data(self, X, reset=reset, dtype=[np.float64, np.float32], ensure_all_finite=False)
        if y is None:
            raise ValueError(
                "This SimilarityScale estimator requires y to be passed, but the target y is None."
            )
        if (found < 0).any():
            raise ValueError("Negative values in data passed to SimilarityScale: a distance is 0 or more.")
        return np.asarray(found)
