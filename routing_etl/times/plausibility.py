"""Do the reported times fit the standards at all? A whole plant in the wrong unit is caught here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Protocol

import polars as pl

from routing_etl.errors import DataQualityError

#: A median ratio actual / standard outside these limits stops the run: factors such as 60 or a lot size are a
#: wrong unit.
RATIO_LIMITS = (0.2, 5.0)
#: Operations needed for a median ratio.
MIN_PAIRS = 20


@dataclass(frozen=True)
class Plausibility:
    """Median ratio of one measure over `pairs` operations; None with a `reason` if there are too few."""

    ratio: float | None
    pairs: int
    reason: str | None = None

    @property
    def plausible(self) -> bool:
        """Whether the ratio is unknown or within the limits."""
        return self.ratio is None or RATIO_LIMITS[0] <= self.ratio <= RATIO_LIMITS[1]


class HasPlausibility(Protocol):
    """A report with plausibility ratios, such as `TimesReport`."""

    @property
    def plausibility(self) -> Mapping[str, Plausibility]:
        """The ratio of each measure."""
        ...


def plausibility(by_item_operation: pl.LazyFrame, operations: pl.LazyFrame) -> dict[str, Plausibility]:
    """Median over operations of (median actual / standard), for `setup` and `run`.

    An operation counts if it has samples and a standard above 0 (0 means that it is not maintained). Its
    standard is the mean over the item's routings that have this job at this operation number. Fewer than
    `MIN_PAIRS` operations give no ratio.

    Parameters
    ----------
    by_item_operation : polars.LazyFrame
        TIME_BY_ITEM_OPERATION frame.
    operations : polars.LazyFrame
        OPERATIONS frame with the standards `setup_min`, `run_min`.
    """
    keys = ["item_key", "proc_seq", "job_cd"]
    measures = ("setup", "run")
    standards = operations.group_by(keys).agg(
        pl.col(f"{m}_min").filter(pl.col(f"{m}_min") > 0).mean() for m in measures
    )
    pairs = (
        by_item_operation.select(*keys, "setup_p50", "run_p50")
        .join(standards, on=keys)
        .select((pl.col(f"{m}_p50") / pl.col(f"{m}_min")).alias(m) for m in measures)
        .select(
            *(pl.col(m).median() for m in measures),
            *(pl.col(m).count().alias(f"{m}_pairs") for m in measures),
        )
        .collect(engine="streaming")
        .row(0, named=True)
    )
    return {m: _enough(pairs[m], int(pairs[f"{m}_pairs"])) for m in measures}


def of_ratios(ratios: Sequence[float]) -> Plausibility:
    """The median of the ratios of single operations, if they are enough."""
    return _enough(median(ratios) if ratios else None, len(ratios))


def _enough(ratio: float | None, pairs: int) -> Plausibility:
    if ratio is None or pairs < MIN_PAIRS:
        reason = f"{pairs} operation(s) have both an actual and a standard; {MIN_PAIRS} are needed"
        return Plausibility(None, pairs, reason)
    return Plausibility(float(ratio), pairs)


def check_plausibility(report: HasPlausibility) -> None:
    """Stop the run when actual and standard times differ by an implausible factor.

    Raises
    ------
    DataQualityError
        A ratio is outside the limits; names the measure, the ratio and the settings to look at.
    """
    low, high = RATIO_LIMITS
    wrong = [
        f"{m}: median actual / standard = {p.ratio:.3g} over {p.pairs} operations"
        for m, p in report.plausibility.items()
        if not p.plausible
    ]
    if wrong:
        raise DataQualityError(
            f"Reported times do not fit the standards ({'; '.join(wrong)}); {low} to {high} is allowed.",
            remedy="Check the unit and basis of the work results (results.time_factor_min, which is for both; results.run_basis, "
            "results.setup_basis; where set-up and run are in different units, setup_time_unit and time_unit of results.columns) "
            "and of the routing's standard times in the source profile.",
        )
