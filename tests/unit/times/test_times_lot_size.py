"""Predicted operations at another lot."""

from __future__ import annotations

import polars as pl
import pytest

from routing_etl.errors import ConfigurationError
from routing_etl.frames import CANDIDATE_OPERATIONS
from routing_etl.times.lot_size import operations_at_lot


def operations() -> pl.DataFrame:
    rows = [
        {"setup_time": 30.0, "run_time": 10.0, "run_p10": 8.0, "run_p90": 12.0, "lot_size": 25.0, "lot_exponent": -0.5},
        {"setup_time": 30.0, "run_time": 10.0, "run_p10": 8.0, "run_p90": 12.0, "lot_size": None, "lot_exponent": None},
    ]  # fmt: skip
    return pl.DataFrame(
        [dict.fromkeys(CANDIDATE_OPERATIONS.schema) | r for r in rows], schema=CANDIDATE_OPERATIONS.schema
    )


def test_a_lot_four_times_as_large_halves_the_run_time_at_an_exponent_of_a_half() -> None:
    known, unknown = operations_at_lot(operations(), 100.0).iter_rows(named=True)
    assert (known["run_time"], known["run_p10"], known["run_p90"], known["lot_size"]) == (
        5.0,
        4.0,
        6.0,
        100.0,
    )
    assert known["setup_time"] == 30.0
    assert (unknown["run_time"], unknown["lot_size"]) == (10.0, None)


@pytest.mark.parametrize("lot", [0.0, -3.0, float("nan"), float("inf")])
def test_a_lot_that_is_none_is_refused(lot: float) -> None:
    with pytest.raises(ConfigurationError, match=r"A lot of .* pieces: must be above 0"):
        operations_at_lot(operations(), lot)
