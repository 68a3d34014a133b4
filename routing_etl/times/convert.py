"""Reported times to minutes: the one place where hours, orders, lots and pieces are converted.

What a reported time means is in the source profile (`TimeBasis`, docs/erp-contract.md 5 and 9).
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from routing_etl.errors import ConfigurationError
from routing_etl.frames import TimeBasis

#: Why a report gives no sample, in the order in which the reasons are tried.
TIME_FLAGS: dict[str, str] = {
    "missing": "nothing was reported",
    "not_finite": "the reported time is NaN or infinite",
    "negative": "the reported time is below 0",
    "hold_invalid": "the hold time to be deducted is negative, NaN or infinite",
    "no_quantity": "the quantity to divide or multiply by is NULL, not finite, 0 or below",
    "zero": "0 was reported, or the hold time used up the machine time; a value, but not a sample",
}


def check_basis(basis: TimeBasis) -> None:
    """Refuse a time basis by which nothing can be converted.

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
    """The name of the first condition that is true, NULL if none is."""
    flag: pl.Expr = pl.lit(None, dtype=pl.String)
    for name, condition in reversed(cases):
        flag = pl.when(condition).then(pl.lit(name)).otherwise(flag)
    return flag.cast(pl.Enum(list(TIME_FLAGS)))


def _number_cases(value: pl.Expr) -> list[tuple[str, pl.Expr]]:
    return [("missing", value.is_null()), ("not_finite", ~value.is_finite()), ("negative", value < 0)]


def pieces(basis: TimeBasis) -> pl.Expr:
    """Pieces that a report covers; NULL unless they are a finite number above 0, so that nothing is divided by 0."""
    quantity = pl.col("order_qty")
    if basis.qty == "good":
        quantity = quantity - pl.col("bad_qty").fill_null(0.0)
    return pl.when(quantity.is_finite() & (quantity > 0)).then(quantity)


def minutes_without_pieces(basis: TimeBasis) -> pl.Expr:
    """Run minutes of a report, as `minutes` has marked it, that states no quantity at all; NULL in all other reports.

    An order whose pieces are all scrap states one.
    """
    worked = pl.max_horizontal(pl.col("machine_time") - pl.col("hold_time").fill_null(0.0), pl.lit(0.0))
    none = (pl.col("run_flag") == "no_quantity") & ~(pl.col("order_qty") > 0).fill_null(False)
    return pl.when(none).then(worked * basis.time_factor_min).cast(pl.Float32)


def minutes(results: pl.LazyFrame, basis: TimeBasis) -> pl.LazyFrame:
    """Add minutes to work results, row by row.

    With f the factor to minutes, q the pieces and l the lot size:

    * run per piece = (machine - hold) f / q if the basis is `order`, / l if `lot`, / 1 if `piece`
    * set-up per order = set-up f if the basis is `order`, x q / l if `lot`, x q if `piece`

    The hold time is in the reported unit, counts as 0 if NULL and never makes a run time negative.

    Parameters
    ----------
    results : polars.LazyFrame
        WORK_RESULTS frame: `machine_time`, `setup_time`, `hold_time` as reported, `order_qty`, `bad_qty` in pieces.
    basis : TimeBasis
        Unit of the reported times and what one of them covers.

    Returns
    -------
    polars.LazyFrame
        The same rows with `setup_min` (minutes per order), `run_min` (minutes per piece), `setup_flag`,
        `run_flag` (a key of `TIME_FLAGS`, NULL for a usable sample) and `time_flag` (the run's flag, else the
        set-up's). A time with a flag is NULL, but for `zero`: a reported 0 is 0.0, and so differs from
        nothing reported.

    Raises
    ------
    ConfigurationError
        Nothing can be converted by this basis (see `check_basis`).
    """
    check_basis(basis)
    setup, setup_flag = _setup_per_order(basis)
    run, run_flag = _run_per_piece(basis)

    def kept(value: pl.Expr, flag: str) -> pl.Expr:
        usable = pl.col(flag).is_null() | (pl.col(flag) == "zero")
        return pl.when(usable).then(value)

    return (
        results.with_columns(setup_flag=setup_flag, run_flag=run_flag)
        .with_columns(setup_min=kept(setup, "setup_flag"), run_min=kept(run, "run_flag"))
        .with_columns(time_flag=pl.coalesce("run_flag", "setup_flag"))
    )


def _run_per_piece(basis: TimeBasis) -> tuple[pl.Expr, pl.Expr]:
    """Run minutes per piece, and their flag."""
    machine, hold = pl.col("machine_time"), pl.col("hold_time")
    worked = pl.max_horizontal(machine - hold.fill_null(0.0), pl.lit(0.0))
    divisor = {
        "order": pieces(basis),
        "lot": pl.lit(basis.lot_size, pl.Float64),
        "piece": pl.lit(1.0),
    }[basis.run_basis]
    run = worked * basis.time_factor_min / divisor
    flag = _first_that_holds(
        [
            *_number_cases(machine),
            ("hold_invalid", hold.is_not_null() & (~hold.is_finite() | (hold < 0))),
            ("no_quantity", divisor.is_null()),
            ("not_finite", ~run.is_finite()),
            ("zero", run == 0),
        ]
    )
    return run, flag


def _setup_per_order(basis: TimeBasis) -> tuple[pl.Expr, pl.Expr]:
    """Set-up minutes per order, and their flag."""
    setup, quantity = pl.col("setup_time"), pieces(basis)
    set_ups = {
        "order": pl.lit(1.0),
        "lot": quantity / pl.lit(basis.lot_size, pl.Float64),
        "piece": quantity,
    }[basis.setup_basis]
    whole = setup * basis.time_factor_min * set_ups
    flag = _first_that_holds(
        [
            *_number_cases(setup),
            ("no_quantity", set_ups.is_null()),
            ("not_finite", ~whole.is_finite()),
            ("zero", whole == 0),
        ]
    )
    return whole, flag
