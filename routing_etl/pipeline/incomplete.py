"""A model whose attributes are no longer all filled in the ERP: it predicts as if they were missing, and is less sure.

A column that became empty, or left the profile, must not end every night until somebody trains. How much less sure the model is
without it was not measured, so the confidence is multiplied by the share of the importance that is left: a bound that is told, no
calibration. A model that has lost more than half of what it decides by does not predict.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import polars as pl

from routing_etl.errors import IncompatibleModelError
from routing_etl.frames import AttributeSpec, Predictions
from routing_etl.progress import SILENT, Progress

if TYPE_CHECKING:
    from routing_etl.pipeline.spelled import Spelled, TodaysCodes

#: Share of the importance that a model may lack.
MOST_LOST = 0.5


@dataclass(frozen=True)
class Incomplete:
    """A predictor that lacks attributes.

    Attributes
    ----------
    predictor : Spelled
        As it was trained, its answers in today's spelling.
    missing : tuple of AttributeSpec
        Attributes that it learned from and that no item has now.
    """

    predictor: Spelled
    missing: tuple[AttributeSpec, ...]

    @property
    def kept(self) -> float:
        """Share of the importance that is left."""
        lost = sum(float(self.predictor.importance_.get(a.name, 0.0)) for a in self.missing)
        return max(1.0 - lost, 0.0)

    @property
    def codes(self) -> TodaysCodes:
        """Today's codes, in whose spelling it answers."""
        return self.predictor.codes

    @property
    def resource_alternatives_(self) -> pl.DataFrame:
        """The resources of each job."""
        return self.predictor.resource_alternatives_

    @property
    def learned_items(self) -> pl.Series:
        """Keys of the items that it learned from."""
        return self.predictor.learned_items

    def predict(self, items: pl.DataFrame) -> Predictions:
        """Propose routings for items, with the attributes as missing and the confidence lowered.

        Parameters
        ----------
        items : polars.DataFrame
            ITEMS frame without the missing attributes.
        """
        return self._lowered(self.predictor.predict(self._filled(items)))

    def iter_predict(
        self, items: pl.DataFrame, batch_size: int = 8192, progress: Progress = SILENT
    ) -> Iterator[Predictions]:
        """`predict` in batches.

        Parameters
        ----------
        items : polars.DataFrame
            ITEMS frame without the missing attributes.
        batch_size : int, optional
            Items per batch.
        progress : Progress, optional
            Told of every batch.

        Yields
        ------
        Predictions
            Of one batch.
        """
        for found in self.predictor.iter_predict(self._filled(items), batch_size, progress=progress):
            yield self._lowered(found)

    @property
    def sizes_in_texts(self) -> tuple[str, ...]:
        """Names of the attributes that texts and codes can tell where they are empty."""
        return self.predictor.sizes_in_texts

    def sizes_from_texts(self, items: pl.DataFrame) -> pl.DataFrame:
        """The sizes that the items' texts tell.

        Parameters
        ----------
        items : polars.DataFrame
            ITEMS frame without the missing attributes.
        """
        return self.predictor.sizes_from_texts(self._filled(items))

    def _filled(self, items: pl.DataFrame) -> pl.DataFrame:
        columns = [
            pl.lit(None, dtype=pl.Float64() if a.kind == "number" else pl.String()).alias(a.name)
            for a in self.missing
            if a.name not in items.columns
        ]
        return items.with_columns(columns)

    def _lowered(self, found: Predictions) -> Predictions:
        lower = (pl.col("confidence") * self.kept).alias("confidence")
        return replace(
            found,
            candidates=found.candidates.with_columns(lower),
            operations=found.operations.with_columns(lower),
        )


def require_enough(name: str, found: Incomplete) -> None:
    """Refuse a model that has lost more than half of what it decides by.

    Parameters
    ----------
    name : str
        Name of the version.
    found : Incomplete
        The model without its attributes.

    Raises
    ------
    IncompatibleModelError
        It has; names the attributes.
    """
    if found.kept < 1 - MOST_LOST:
        raise IncompatibleModelError(
            f"Model version {name} lacks {', '.join(a.name for a in found.missing)}, which no item has any more: "
            f"{1 - found.kept:.0%} of what it decides by.",
            remedy="Fill the columns in the ERP again, or correct the source profile; else train: routing-etl train",
        )
