"""Times that work orders took, as an evaluation uses them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from routing_etl.frames import TimeEvidence


@dataclass(frozen=True)
class WorkResults:
    """Times that work orders took.

    Attributes
    ----------
    training : callable
        Keys of the items that a model is trained on -> time profiles made of their work results only. Called once per fold.
    actual : TimeEvidence
        Time profiles of all items: what the predicted times are judged by.
    reports : polars.LazyFrame or None
        The single reports behind `actual`: item_key, job_cd, setup_min, run_min_at_lot, setup_removed, run_removed. None: the
        share of single reports inside the predicted interval is not measured.
    """

    training: Callable[[pl.Series], TimeEvidence]
    actual: TimeEvidence
    reports: pl.LazyFrame | None = None

    @classmethod
    def none(cls) -> WorkResults:
        """No work results: times are neither learned nor judged."""
        return cls(lambda _: TimeEvidence.none(), TimeEvidence.none())
