"""Standard times of routing rows in minutes: units, rates, base quantities, factors, crews and efficiency."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from routing_etl.erp.profile import Profile
from routing_etl.erp.profile_model import PER_PIECE, RUN_BASES, Routing
from routing_etl.erp.text import Counter
from routing_etl.frames import MAX_OUTPUT

#: The unit of each time, where the row has one of its own.
_UNIT_OF = {
    "setup_time": "setup_unit",
    "run_time": "run_unit",
    "act_setup_time": "setup_unit",
    "act_run_time": "run_unit",
    "queue_time": "queue_unit",
    "wait_time": "wait_unit",
    "move_time": "move_unit",
}
_MINUTES = ("setup_min", "run_min", "act_setup_min", "act_run_min", "queue_min", "wait_min", "move_min")
_TIMES = (
    "setup_time", "run_time", "act_setup_time", "act_run_time", "queue_time", "wait_time", "move_time", "mfg_lt",
)  # fmt: skip
#: Days per unit of `routing.mfg_lt_unit`.
_DAYS = {"day": 1.0, "hour": 1 / 24, "minute": 1 / 1440}


def in_minutes(frame: pl.DataFrame, profile: Profile, counter: Counter) -> pl.DataFrame:
    """Turn standard times into minutes, set-up per order and run per piece (docs/erp-contract.md 5, rows 25-28).

    Parameters
    ----------
    frame : polars.DataFrame
        Routing rows with the raw columns of times, units and factors.
    profile : Profile
        The source profile.
    counter : Counter
        Takes what was noticed.
    """
    rules = profile.routing
    whole = 100.0 if rules.efficiency_unit == "percent" else 1.0
    for name in (*_TIMES, "subcontract_prc"):
        counter.add("negative_value", name, (frame[name] < 0).sum())
    frame = frame.with_columns(
        [pl.when(pl.col(n) >= 0).then(pl.col(n)).alias(n) for n in (*_TIMES, "subcontract_prc")]
    )
    for name in ("crew", "cycles"):
        if name in profile.operations.columns:
            counter.add("counted_as_one", name, (~(frame[name] > 0).fill_null(False)).sum())
    frame = _time_factors(frame, profile, counter)
    frame = _pieces(frame, rules, counter)
    frame = _bases(frame, rules, counter)

    def positive(name: str) -> pl.Expr:
        value = pl.col(name)
        return pl.when(value > 0).then(value) if rules.zero_time_is_missing else value

    for name in ("setup_time", "run_time"):
        counter.add("zero_is_missing", name, (frame[name] == 0).sum() if rules.zero_time_is_missing else 0)
    counter.add("zero_is_missing", "subcontract_prc", (frame["subcontract_prc"] == 0).sum())
    rate, fixed_time = pl.col("_per") == "rate", pl.col("_per") == "order"
    counter.add("zero_rate", "run_time", frame.select((rate & (pl.col("run_time") == 0)).sum()).item())
    price = pl.col("subcontract_prc")
    setup = {n: positive(n) * pl.col(f"_{n}") for n in ("setup_time", "act_setup_time")}
    fixed = {n: _fixed_minutes(positive(n), n) for n in ("run_time", "act_run_time")}
    frame = frame.with_columns(
        _together(setup["setup_time"], fixed["run_time"]).alias("setup_min"),
        _per_piece(positive("run_time"), "run_time", whole).alias("run_min"),
        _together(setup["act_setup_time"], fixed["act_run_time"]).alias("act_setup_min"),
        _per_piece(positive("act_run_time"), "act_run_time", whole).alias("act_run_min"),
        *((pl.col(f"{n}_time") * pl.col(f"_{n}_time")).alias(f"{n}_min") for n in ("queue", "wait", "move")),
        (pl.col("mfg_lt") * _DAYS[rules.mfg_lt_unit]).alias("mfg_lt_days"),
        pl.when(price > 0).then(price).alias("subcontract_prc"),
        pl.when(fixed_time).then(True).alias("run_per_order"),
    )
    for name in (*_MINUTES, "mfg_lt_days", "subcontract_prc"):
        counter.add("too_large", name, (frame[name] > MAX_OUTPUT).sum())
    return frame.with_columns(
        pl.when(pl.col(n) <= MAX_OUTPUT).then(pl.col(n)).alias(n)
        for n in (*_MINUTES, "mfg_lt_days", "subcontract_prc")
    )


def _together(setup: pl.Expr, fixed: pl.Expr) -> pl.Expr:
    """Set-up with the run time that an order takes whatever its size; NULL where there is neither."""
    return pl.when(fixed.is_null()).then(setup).otherwise(setup.fill_null(0.0) + fixed)


def _fixed_minutes(value: pl.Expr, name: str) -> pl.Expr:
    """The minutes of a run time that is for the whole order, NULL for others."""
    return pl.when(pl.col("_per") == "order").then(value * pl.coalesce("_basis_minutes", f"_{name}"))


def _per_piece(value: pl.Expr, name: str, whole: float) -> pl.Expr:
    """The minutes of a piece, of a time for pieces or of a rate; with efficiency (`whole` is all of it), capacity, crew and cycles."""
    minutes = pl.coalesce("_basis_minutes", f"_{name}")
    per_piece = (
        pl.when(pl.col("_per") == "piece")
        .then(value * minutes / pl.coalesce("_basis_pieces", "_pieces"))
        .when((pl.col("_per") == "rate") & (value > 0))
        .then(minutes / value)
    )
    efficiency = pl.when(pl.col("efficiency") > 0).then(pl.col("efficiency") / whole).otherwise(1.0)
    capacity, crew, cycles = (_or_one(n) for n in ("capacity", "crew", "cycles"))
    return per_piece * cycles / efficiency / capacity / crew


def _or_one(name: str) -> pl.Expr:
    return pl.when(pl.col(name) > 0).then(pl.col(name)).otherwise(1.0)


def _time_factors(frame: pl.DataFrame, profile: Profile, counter: Counter) -> pl.DataFrame:
    """Minutes per unit of each time, as `_` and the time's name: by its own unit, else by the row's, else the blank one."""
    rules, columns = profile.routing, profile.operations.columns
    frame = frame.with_columns(_units(frame, "time_unit", rules, counter).alias("_of_row"))
    blank = pl.lit(rules.blank_time_unit, dtype=pl.Float64)
    row = pl.when(pl.col("time_unit").is_null()).then(blank).otherwise(pl.col("_of_row"))
    frame = frame.with_columns(row.alias("_of_row"))
    factor_of_row: pl.Expr = pl.lit(1.0)
    if "time_factor" in columns:
        factor_of_row = pl.when(pl.col("time_factor") > 0).then("time_factor")
        counter.add("no_time_factor", "time_factor", frame.select(factor_of_row.is_null().sum()).item())
    own = {
        u: _units(frame, u, rules, counter).alias(f"_of_{u}")
        for u in dict.fromkeys(_UNIT_OF.values())
        if u in columns
    }
    frame = frame.with_columns(*own.values())
    rates = [u.upper() for u in rules.time_units if PER_PIECE.search(u)]
    per_piece = pl.col("time_unit").str.to_uppercase().is_in(rates).fill_null(False)
    factors = []
    for name, unit in _UNIT_OF.items():
        mapped = columns.get(name)
        if mapped is not None and mapped.time_form is not None:
            factor: pl.Expr = pl.lit(1.0)  # read in minutes
        elif unit in own:
            factor = pl.when(pl.col(unit).is_null()).then("_of_row").otherwise(f"_of_{unit}")
        else:
            factor = pl.col("_of_row")
        if name not in ("run_time", "act_run_time") and unit not in own:
            factor = pl.when(~per_piece).then(factor)
        if mapped is None or mapped.time_form is None:
            factor = factor * factor_of_row
        factors.append(factor.alias(f"_{name}"))
    return frame.with_columns(factors)


def _units(frame: pl.DataFrame, column: str, rules: Routing, counter: Counter) -> pl.Series:
    """Minutes per unit of a column of units; NULL, and counted, for a unit that the profile does not know."""
    found = _looked_up(frame[column], {k: float(v) for k, v in rules.time_units.items()}, pl.Float64())
    counter.add_words("time_unit_unknown", column, frame[column].filter(found.is_null()))
    return found


def _looked_up(words: pl.Series, table: Mapping[str, object], dtype: pl.DataType) -> pl.Series:
    """What a table says of each word, in any case; NULL for words that it does not have."""
    known = {k.upper(): v for k, v in table.items()}
    if not known or words.null_count() == len(words):
        return pl.repeat(None, len(words), dtype=dtype, eager=True)
    values = pl.Series(list(known.values()), dtype=dtype)
    return words.str.to_uppercase().replace_strict(
        pl.Series(list(known), dtype=pl.String), values, default=None, return_dtype=dtype
    )


def _pieces(frame: pl.DataFrame, rules: Routing, counter: Counter) -> pl.DataFrame:
    """The pieces that a run time is for (`_pieces`); NULL where their unit is not known."""
    assumed = ~(frame["run_time_qty"] > 0).fill_null(False)
    counter.add("run_time_qty_assumed", "run_time_qty", assumed.sum())
    quantity = pl.when(pl.col("run_time_qty") > 0).then(pl.col("run_time_qty")).otherwise(1.0)
    factor = _looked_up(frame["qty_unit"], rules.qty_units, pl.Float64())
    unknown = factor.is_null() & frame["qty_unit"].is_not_null()
    counter.add_words("base_unit_unknown", "qty_unit", frame["qty_unit"].filter(unknown))
    frame = frame.with_columns(factor.alias("_qty_factor"))
    of_unit = pl.when(pl.col("qty_unit").is_null()).then(1.0).otherwise(pl.col("_qty_factor"))
    return frame.with_columns((quantity * of_unit).alias("_pieces"))


def _bases(frame: pl.DataFrame, rules: Routing, counter: Counter) -> pl.DataFrame:
    """What each row's run time is: for pieces, for the order or a rate (`_per`), in which minutes and for how many pieces.

    `_per` is NULL where the row has a word that the profile does not know, and with it the run time.
    """
    words = {name: name for name in RUN_BASES} | dict(rules.run_basis_words)
    basis = _looked_up(frame["run_basis"], words, pl.String())
    counter.add_words("run_basis_unknown", "run_basis", frame["run_basis"].filter(basis.is_null()))
    basis = pl.select(
        pl.when(frame["run_basis"].is_null()).then(pl.lit(rules.run_basis)).otherwise(basis)
    ).to_series()
    rates = pl.DataFrame(
        {
            "_basis": list(RUN_BASES),
            "_basis_minutes": [r.minutes for r in RUN_BASES.values()],
            "_basis_pieces": [r.pieces for r in RUN_BASES.values()],
            "_per": [r.per for r in RUN_BASES.values()],
        },
        schema={
            "_basis": pl.String(),
            "_basis_minutes": pl.Float64(),
            "_basis_pieces": pl.Float64(),
            "_per": pl.String(),
        },
    )
    frame = frame.with_columns(basis.alias("_basis")).join(
        rates, on="_basis", how="left", maintain_order="left"
    )
    order = (pl.col("_per") == "order") & (pl.col("run_time") > 0)
    counter.add("run_time_per_order", "run_time", frame.select(order.sum()).item())
    return frame
