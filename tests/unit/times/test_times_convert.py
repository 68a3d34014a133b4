"""Reported times to minutes: units, bases, hold time, and every reason for NULL."""

from __future__ import annotations

import math
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing_etl.errors import ConfigurationError
from routing_etl.frames import WORK_RESULTS, TimeBasis
from routing_etl.times.convert import TIME_FLAGS, minutes


def results(*rows: dict[str, Any]) -> pl.LazyFrame:
    base = {"item_key": "A", "proc_seq": 10, "job_cd": "C10", "match_level": "routing"}
    schema = WORK_RESULTS.schema
    return pl.LazyFrame([{**dict.fromkeys(schema), **base, **r} for r in rows], schema=schema)


def converted(basis: TimeBasis | None = None, **row: Any) -> dict[str, Any]:
    return minutes(results(row), basis or TimeBasis()).collect().row(0, named=True)


def test_hours_of_an_order_become_minutes_per_piece_and_setup_is_not_divided() -> None:
    row = converted(machine_time=2.0, setup_time=0.5, order_qty=10.0)
    assert (row["run_min"], row["setup_min"]) == (12.0, 30.0)
    assert (row["run_flag"], row["setup_flag"], row["time_flag"]) == (None, None, None)


@pytest.mark.parametrize(
    ("basis", "run", "setup"),
    [
        (TimeBasis(time_factor_min=1.0), 0.2, 0.5),
        (TimeBasis(run_basis="piece"), 120.0, 30.0),
        (TimeBasis(run_basis="lot", lot_size=4.0), 30.0, 30.0),
        (TimeBasis(setup_basis="piece"), 12.0, 300.0),
        (TimeBasis(setup_basis="lot", lot_size=5.0), 12.0, 60.0),
        (TimeBasis(qty="good"), 15.0, 30.0),
    ],
)
def test_every_basis(basis: TimeBasis, run: float, setup: float) -> None:
    row = converted(basis, machine_time=2.0, setup_time=0.5, order_qty=10.0, bad_qty=2.0)
    assert row["run_min"] == pytest.approx(run)
    assert row["setup_min"] == pytest.approx(setup)


def test_hold_time_is_deducted_and_never_makes_it_negative() -> None:
    assert converted(machine_time=2.0, hold_time=0.5, order_qty=1.0)["run_min"] == 90.0
    used_up = converted(machine_time=1.0, hold_time=3.0, order_qty=1.0)
    assert (used_up["run_min"], used_up["run_flag"]) == (0.0, "zero")


@pytest.mark.parametrize("quantity", [0.0, None, -1.0, math.nan, math.inf])
def test_an_unusable_quantity_never_divides(quantity: float | None) -> None:
    row = converted(machine_time=2.0, setup_time=0.5, order_qty=quantity)
    assert (row["run_min"], row["time_flag"]) == (None, "no_quantity")
    assert row["setup_min"] == 30.0


def test_all_pieces_rejected_leave_no_quantity_when_good_pieces_count() -> None:
    row = converted(TimeBasis(qty="good"), machine_time=2.0, order_qty=3.0, bad_qty=3.0)
    assert (row["run_min"], row["run_flag"]) == (None, "no_quantity")


@pytest.mark.parametrize(
    ("value", "flag", "minute"),
    [(-1.0, "negative", None), (math.nan, "not_finite", None), (math.inf, "not_finite", None), (None, "missing", None), (0.0, "zero", 0.0)],
)  # fmt: skip
def test_unusable_times_are_null_with_a_reason_and_zero_stays_zero(
    value: float | None, flag: str, minute: float | None
) -> None:
    row = converted(machine_time=value, setup_time=value, order_qty=5.0)
    assert (row["run_min"], row["run_flag"]) == (minute, flag)
    assert (row["setup_min"], row["setup_flag"]) == (minute, flag)


@pytest.mark.parametrize("hold", [-0.1, math.nan, math.inf])
def test_a_wrong_hold_time_spoils_the_run_only(hold: float) -> None:
    row = converted(machine_time=1.0, setup_time=1.0, hold_time=hold, order_qty=1.0)
    assert (row["run_min"], row["run_flag"], row["setup_min"]) == (None, "hold_invalid", 60.0)


def test_flags_are_per_measure() -> None:
    row = converted(machine_time=1.0, setup_time=-1.0, order_qty=1.0)
    assert (row["run_min"], row["run_flag"]) == (60.0, None)
    assert (row["setup_flag"], row["time_flag"]) == ("negative", "negative")


@pytest.mark.parametrize(
    "basis",
    [
        TimeBasis(run_basis="lot"),
        TimeBasis(setup_basis="lot", lot_size=0.0),
        TimeBasis(time_factor_min=0.0),
        TimeBasis(time_factor_min=math.nan),
    ],
)
def test_a_basis_that_cannot_convert_is_refused(basis: TimeBasis) -> None:
    with pytest.raises(ConfigurationError, match=r"results\.(lot_size|time_factor_min) = "):
        minutes(results({}), basis)


number = st.one_of(
    st.none(), st.floats(allow_nan=True, allow_infinity=True), st.sampled_from([0.0, 1.0, 1e-300])
)


@given(
    machine=number,
    setup=number,
    hold=number,
    quantity=number,
    bad=number,
    good=st.booleans(),
    factor=st.floats(0.01, 1e4),
)
def test_every_report_gives_minutes_or_a_reason(
    machine: float | None, setup: float | None, hold: float | None,
    quantity: float | None, bad: float | None, good: bool, factor: float,
) -> None:  # fmt: skip
    basis = TimeBasis(time_factor_min=factor, qty="good" if good else "ordered")
    row = converted(
        basis, machine_time=machine, setup_time=setup, hold_time=hold, order_qty=quantity, bad_qty=bad
    )
    for measure in ("run", "setup"):
        value, flag = row[f"{measure}_min"], row[f"{measure}_flag"]
        if flag is None:
            assert value is not None and math.isfinite(value) and value > 0
        else:
            assert flag in TIME_FLAGS
            assert (value == 0.0) if flag == "zero" else value is None


@given(hours=st.floats(0.01, 1e4), quantity=st.integers(1, 10_000), hold=st.floats(0, 1e4))
def test_minutes_per_piece_times_pieces_are_the_hours_worked(
    hours: float, quantity: int, hold: float
) -> None:
    row = converted(machine_time=hours, hold_time=hold, order_qty=float(quantity))
    assert row["run_min"] * quantity / 60 == pytest.approx(max(hours - hold, 0.0))
