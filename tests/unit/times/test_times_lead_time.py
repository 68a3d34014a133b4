"""Lead-time totals and breakdown per routing."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from routing_etl.errors import FrameError
from routing_etl.times.lead_time import PREDICTED, breakdown, totals


def operations() -> pl.LazyFrame:
    return pl.LazyFrame(
        {
            "item_key": ["A", "A", "B"],
            "rout_no": ["R1", "R1", "R1"],
            "proc_seq": [20, 10, 10],
            "setup_min": [0.0, 30.0, None],
            "run_min": [2.0, None, None],
            "queue_min": [5.0, 5.0, None],
            "wait_min": [200.0, 200.0, None],
            "move_min": [None, 100.0, None],
            "mfg_lt_days": [None, 3.0, None],
        },
        schema_overrides={"run_min": pl.Float64, "setup_min": pl.Float64, "mfg_lt_days": pl.Float64},
    )


def test_totals_count_what_is_unknown_and_keep_zero_apart_from_null() -> None:
    a, b = totals(operations(), pieces=10).collect().to_dicts()
    assert (a["setup_min"], a["run_min"], a["queue_min"], a["wait_min"], a["move_min"]) == (
        30.0,
        20.0,
        10.0,
        400.0,
        100.0,
    )
    assert a["lead_time_min"] == 560.0
    assert a["working_min"] == 50.0
    assert (a["operations"], a["run_unknown"], a["setup_unknown"], a["move_unknown"]) == (2, 1, 0, 1)
    assert a["outsourcing_days"] == 3.0
    assert a["complete"] is False
    assert b["lead_time_min"] is None
    assert b["working_min"] is None
    assert b["setup_unknown"] == 1


def test_only_the_run_time_grows_with_the_lot() -> None:
    one, ten = (totals(operations(), pieces=n).collect()["lead_time_min"][0] for n in (1, 10))
    assert ten - one == 2.0 * 9


def test_breakdown_is_sorted_and_adds_up_to_the_totals() -> None:
    rows = breakdown(operations(), pieces=3).collect()
    assert rows["proc_seq"].to_list() == [10, 20, 10]
    assert rows["total_min"].to_list() == [335.0, 211.0, None]
    assert rows["unknown_parts"].to_list() == [1, 1, 5]
    lead = totals(operations(), pieces=3).collect()["lead_time_min"]
    assert rows.filter(pl.col("item_key") == "A")["total_min"].sum() == lead[0]


def test_predicted_operations_have_their_own_columns() -> None:
    frame = pl.LazyFrame(
        {
            "item_key": ["A"], "candidate_rank": [1], "proc_seq": [10], "setup_time": [10.0], "run_time": [2.5],
            "queue_time": [0.0], "wait_time": [1.0], "move_time": [1.0], "mfg_lt": [0.0],
        }
    )  # fmt: skip
    row = totals(frame, pieces=4, columns=PREDICTED).collect().row(0, named=True)
    assert (row["lead_time_min"], row["complete"]) == (22.0, True)


def test_it_stays_lazy_and_refuses_an_impossible_lot() -> None:
    assert isinstance(totals(operations()), pl.LazyFrame)
    with pytest.raises(FrameError, match="pieces = 0"):
        totals(operations(), pieces=0)


@pytest.mark.parametrize("add_up", [totals, breakdown])
@pytest.mark.parametrize(
    "pieces",
    [0, -1, float("nan"), float("inf"), 1e300, 10**400, True, "10", None, [1]],
    ids=lambda v: str(v)[:5],
)
def test_a_lot_size_that_is_none_is_named(add_up: Any, pieces: Any) -> None:
    with pytest.raises(FrameError, match=r"pieces = .*, must be a number above 0.*Give the lot size"):
        add_up(operations(), pieces=pieces)


@pytest.mark.parametrize("add_up", [totals, breakdown])
def test_a_frame_that_cannot_be_added_up_is_named_at_once(add_up: Any) -> None:
    for column in ("item_key", "proc_seq", "run_min", "mfg_lt_days"):
        with pytest.raises(FrameError, match=f"lack column {column}; they have"):
            add_up(operations().drop(column))
    with pytest.raises(FrameError, match="column run_min is String, must be a number"):
        add_up(operations().with_columns(run_min=pl.lit("2")))
    with pytest.raises(FrameError, match="operations is a NoneType and columns a TimeColumns"):
        add_up(None)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_time_that_is_no_number_is_unknown(value: float) -> None:
    """Of the 560 minutes of A's routing for 10 pieces, 20 are run time."""
    a = totals(operations().with_columns(run_min=pl.lit(value)), pieces=10).collect().row(0, named=True)
    assert a["run_min"] is None
    assert a["run_unknown"] == 2
    assert a["lead_time_min"] == 540.0
    assert a["complete"] is False
