"""Reported times to minutes: the one place where hours, orders, lots and pieces are converted.

Belongs here: what one reported machine time and one reported set-up time mean (`TimeBasis`, docs/erp-contract.md 5
rows 25-28 and section 9 questions 1-3), and why a report cannot be used. Does not: judging whether a usable time is
plausible (`samples.py`) or any statistics (`profiles.py`).
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from routing_etl.errors import ConfigurationError
from routing_etl.frames import TimeBasis

#: Why a measure is NULL or no sample, in the order in which the reasons are tried.
TIME_FLAGS: dict[str, str] = {
    "missing": "nothing was reported",
    "not_finite": "the reported time is NaN or infinite",
    "negative": "the reported time is below 0",
    "hold_invalid": "the hold time to be deducted is negative, NaN or infinite",
    "no_quantity": "the quantity to divide or multiply by is NULL, not finite, 0 or below",
    "zero": "0 was reported, or the hold time used up the machine time; a value, but not a sample",
}


def check_basis(basis: TimeBasis) -> None:
    """Refuse a time basis that cannot convert anything.

    Raises
    ------
    ConfigurationError
        `time_factor_min` or `half_life_days` is not above 0, or a basis is `lot` and `lot_size` is
        missing or not above 0.
    """
    if not basis.time_factor_min > 0:
        raise ConfigurationError(
            f"results.time_factor_min = {basis.time_factor_min!r}: must be above 0.",
            remedy="60 when the ERP reports hours, 1 when it reports minutes.",
        )
    if not basis.half_life_days > 0:
        raise ConfigurationError(
            f"results.half_life_days = {basis.half_life_days!r}: must be above 0.",
            remedy="Days after which a report counts half; inf when old reports count as much as new ones.",
        )
    by_lot = "lot" in (basis.run_basis, basis.setup_basis)
    if by_lot and not (basis.lot_size is not None and basis.lot_size > 0):
        raise ConfigurationError(
            f"results.lot_size = {basis.lot_size!r}: must be above 0 when a time basis is 'lot'.",
            remedy="Name the pieces per lot in the source profile, or choose the basis 'order' or 'piece'.",
        )


def _first_that_holds(cases: Sequence[tuple[str, pl.Expr]]) -> pl.Expr:
    """The name of the first condition that is true, NULL when none is."""
    flag: pl.Expr = pl.lit(None, dtype=pl.String)
    for name, condition in reversed(cases):
        flag = pl.when(condition).then(pl.lit(name)).otherwise(flag)
    return flag.cast(pl.Enum(list(TIME_FLAGS)))


def _number_cases(value: pl.Expr) -> list[tuple[str, pl.Expr]]:
    return [("missing", value.is_null()), ("not_finite", ~value.is_finite()), ("negative", value < 0)]


def pieces(basis: TimeBasis) -> pl.Expr:
    """Pieces that one report covers; NULL when they are not a finite number above 0 (never a divisor then)."""
    quantity = pl.col("order_qty")
    if basis.qty == "good":
        quantity = quantity - pl.col("bad_qty").fill_null(0.0)
    return pl.when(quantity.is_finite() & (quantity > 0)).then(quantity)


def minutes(results: pl.LazyFrame, basis: TimeBasis) -> pl.LazyFrame:
    """Add minutes to work results, row by row.

    Parameters
    ----------
    results : polars.LazyFrame
        WORK_RESULTS frame: `machine_time`, `setup_time`, `hold_time` as reported, `order_qty`,
        `bad_qty` in pieces.
    basis : TimeBasis
        Unit (factor to minutes) and what one reported time covers. With f the factor, q the pieces
        and l the lot size: run per piece = (machine - hold) f / q for `order`, / l for `lot`, / 1 for
        `piece`; set-up per order = set-up f for `order`, x q / l for `lot`, x q for `piece`.

    Returns
    -------
    The same rows with `setup_min` (minutes per order), `run_min` (minutes per piece), `setup_flag`, `run_flag` (a key of
    `TIME_FLAGS`, NULL for a usable sample) and `time_flag` (the run's flag, else the set-up's). A measure with a flag
    other than `zero` is NULL. The hold time is in the reported unit, counts as 0 when NULL and never makes a run time
    negative. 0 and NULL stay different: a reported 0 is 0.0 with the flag `zero`.

    Raises
    ------
    ConfigurationError
        See `check_basis`.
    """
    check_basis(basis)
    factor = basis.time_factor_min
    quantity = pieces(basis)
    machine, hold, setup = pl.col("machine_time"), pl.col("hold_time"), pl.col("setup_time")
    worked = pl.max_horizontal(machine - hold.fill_null(0.0), pl.lit(0.0))

    run_divisor = {"order": quantity, "lot": pl.lit(basis.lot_size, pl.Float64), "piece": pl.lit(1.0)}[
        basis.run_basis
    ]
    setup_times = {
        "order": pl.lit(1.0),
        "lot": quantity / pl.lit(basis.lot_size, pl.Float64),
        "piece": quantity,
    }[basis.setup_basis]
    run = worked * factor / run_divisor
    setup_all = setup * factor * setup_times

    bad_hold = hold.is_not_null() & (~hold.is_finite() | (hold < 0))
    run_flag = _first_that_holds(
        [
            *_number_cases(machine),
            ("hold_invalid", bad_hold),
            ("no_quantity", run_divisor.is_null()),
            ("not_finite", ~run.is_finite()),
            ("zero", run == 0),
        ]
    )
    setup_flag = _first_that_holds(
        [
            *_number_cases(setup),
            ("no_quantity", setup_times.is_null()),
            ("not_finite", ~setup_all.is_finite()),
            ("zero", setup_all == 0),
        ]
    )

    def kept(value: pl.Expr, flag: str) -> pl.Expr:
        usable = pl.col(flag).is_null() | (pl.col(flag) == "zero")
        return pl.when(usable).then(value)

    return (
        results.with_columns(setup_flag=setup_flag, run_flag=run_flag)
        .with_columns(setup_min=kept(setup_all, "setup_flag"), run_min=kept(run, "run_flag"))
        .with_columns(time_flag=pl.coalesce("run_flag", "setup_flag"))
    )
