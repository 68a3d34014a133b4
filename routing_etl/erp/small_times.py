"""Run times of a piece that are smaller than what is published can hold: labels, screws, folding boxes.

Our tables keep four decimals of a minute and the ERP-shaped views two (docs/erp-contract.md 6.2), so two thousandths of a minute for a piece
are a right time here and 0.00 on the ERP's screen.
"""

from __future__ import annotations

import polars as pl

from routing_etl.erp.profile import Profile
from routing_etl.frames import INHOUSE

#: Decimals of the ERP-shaped views and of our tables, and the error by which a rounded time counts as another one.
_OF_VIEWS, _OF_TABLES, _OFF = 2, 4, 0.1
#: Fewest operations, and their share of all that have a time, that are told.
_ROWS, _SHARE = 20, 0.01


def small_run_times(operations: pl.LazyFrame, profile: Profile) -> list[str]:
    """Say that run times of a piece are too small for the decimals that are published.

    Parameters
    ----------
    operations : polars.LazyFrame
        OPERATIONS frame.
    profile : Profile
        The source profile.
    """
    columns = profile.column_maps("operations")
    spec = columns.get("run_time")
    ignored = {n.lower() for n in profile.operations.ignore}
    if spec is None or ignored & {n.rpartition(".")[2].lower() for n in spec.names}:
        return []
    run = pl.col("run_min")
    off, nothing, lost = _off(run, _OF_VIEWS), run.round(_OF_VIEWS) == 0, _off(run, _OF_TABLES)
    counts = operations.filter(run > 0, pl.col("inside") == INHOUSE).select(
        total=pl.len(), off=off.sum(), nothing=nothing.sum(), lost=lost.sum(), middle=run.filter(off).median()
    )
    total, rows, zeros, lost_rows, middle = counts.collect(engine="streaming").row(0)
    if rows < max(_ROWS, _SHARE * total):
        return []
    remedy = (
        "divide every number of qty_units in [routing] and in [results] by 1,000"
        if "qty_unit" in columns
        else 'write qty_unit = { const = "PCS" } in [operations.columns] and [results.columns], with qty_units = { PCS = 0.001 } in [routing] and '
        "[results]"
    )
    return [
        f"operations: the run times of {rows:,} of {total:,} operations are so short for one piece ({middle:.2g} minutes in the middle) that the two "
        f"decimals of the ERP's views change them by more than {_OFF:.0%}: {zeros:,} are 0.00 there, and {lost_rows:,} are wrong with the four decimals "
        f"of our tables too. So are those that are predicted like them. Count pieces in thousands: {remedy}; or, if nobody reads such times, add "
        f"{spec.source} to operations.ignore."
    ]


def _off(time: pl.Expr, decimals: int) -> pl.Expr:
    """Whether so many decimals make another time of it."""
    return (time.round(decimals) - time).abs() > _OFF * time
