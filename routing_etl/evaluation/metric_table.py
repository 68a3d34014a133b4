"""METRICS rows as typed values, with look-ups by method, segment and metric.

The METRICS frame is what is stored and shown as a table. The texts for people (report, verdicts, model card) look up
single rows, and do so here instead of by the keys of a dictionary.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from routing_etl.frames import METRICS

#: Methods of METRICS rows besides the baselines.
MODEL = "model"
ORACLE = "oracle"
CEILING = "ceiling"
#: The champion's recipe, where it is another one than the model's.
RIVAL = "champion"
#: The split of what was written since the version that predicts now had learned.
SINCE = "since"
#: Prefix of the method of a paired difference: `model_minus_<baseline>`.
MINUS = "model_minus_"
#: Segment of all judged items.
ALL = "all"


@dataclass(frozen=True, slots=True)
class MetricRow:
    """One row of the METRICS frame: one metric of one method on one segment.

    Attributes
    ----------
    method : str
        'model', a baseline's name, 'oracle', 'ceiling', or `model_minus_<baseline>` for a paired difference.
    split : str
        'recent', 'time', 'family', 'loo', 'type' or 'unrouted'; 'since' for what was written since the champion had learned;
        'production' for a published batch, 'realised' for what engineers wrote.
    segment : str
        'all', or kind and value as in `part_type_band:rare`.
    metric : str
        Name in the glossary.
    value : float or None
        None when it could not be measured.
    low, high : float or None
        Ends of the 95 % bootstrap interval. None when there is none.
    n : int
        Items or operations that it was measured on.
    reason : str or None
        Why there is no value.
    """

    method: str
    split: str
    segment: str
    metric: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    reason: str | None

    @property
    def of_model(self) -> bool:
        """Whether this is a value of the model over all judged items."""
        return self.method == MODEL and self.segment == ALL

    @property
    def is_difference(self) -> bool:
        """Whether this is the model minus a baseline."""
        return self.method.startswith(MINUS)


class MetricTable:
    """The METRICS rows of one evaluation, in their order.

    Parameters
    ----------
    rows : iterable of MetricRow
        One row per method, segment and metric.
    """

    def __init__(self, rows: Iterable[MetricRow]) -> None:
        self.rows = tuple(rows)
        self._by_key = {(r.segment, r.method, r.metric): r for r in self.rows}

    @classmethod
    def of(cls, metrics: pl.DataFrame) -> MetricTable:
        """Read a METRICS frame.

        Parameters
        ----------
        metrics : polars.DataFrame
            METRICS frame of one split.

        Returns
        -------
        MetricTable
            Its rows.
        """
        return cls(MetricRow(*row) for row in metrics.select(METRICS.names).iter_rows())

    def __iter__(self) -> Iterator[MetricRow]:
        return iter(self.rows)

    def __bool__(self) -> bool:
        return bool(self.rows)

    def get(self, metric: str, *, method: str = MODEL, segment: str = ALL) -> MetricRow | None:
        """The row of a metric; None when there is none."""
        return self._by_key.get((segment, method, metric))

    def difference(self, metric: str, baseline: str, *, segment: str = ALL) -> MetricRow | None:
        """The row of the paired difference, model minus baseline; None when there is none."""
        return self.get(metric, method=MINUS + baseline, segment=segment)

    def metrics_of(self, method: str, *, segment: str = ALL) -> list[str]:
        """Names of the metrics that a method has in a segment, in the table's order."""
        return [r.metric for r in self.rows if r.method == method and r.segment == segment]

    def segments(self) -> list[str]:
        """All segments, in the table's order."""
        return list(dict.fromkeys(r.segment for r in self.rows))

    def baselines(self, *, segment: str | None = None) -> list[str]:
        """Methods that are neither the model, nor oracle or ceiling, nor a difference, by name."""
        names = {
            r.method for r in self.rows if not r.is_difference and (segment is None or r.segment == segment)
        }
        return sorted(names - {MODEL, ORACLE, CEILING})

    def others(self) -> list[str]:
        """The baselines, then oracle and ceiling where there are such."""
        present = {r.method for r in self.rows}
        return [*self.baselines(), *(m for m in (ORACLE, CEILING) if m in present)]


def metrics_frame(rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """METRICS rows as JSON holds them (a step's report, `metrics.json`) as a METRICS frame.

    Parameters
    ----------
    rows : sequence of mapping
        One mapping per row with the columns of METRICS; a missing column is NULL.

    Returns
    -------
    polars.DataFrame
        METRICS frame.

    Raises
    ------
    FrameError
        A row lacks a value that the contract asks for.
    """
    return METRICS.conform(pl.DataFrame(rows, schema=METRICS.schema))
