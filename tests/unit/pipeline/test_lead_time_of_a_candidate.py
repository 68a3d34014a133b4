"""The lead time that `routing-etl predict` shows: of the first candidate, for the lot asked for or the usual one."""

from __future__ import annotations

import polars as pl
import pytest

from routing_etl.pipeline.one_item import LeadTime, _lead_times


def operations(*rows: tuple[int, float | None, float | None, float | None, float | None]) -> pl.DataFrame:
    """Rank, set-up, run, queue and usual lot of each operation."""
    names = ("candidate_rank", "setup_time", "run_time", "queue_time", "lot_size")
    columns = {n: pl.Float64() for n in names} | {"candidate_rank": pl.Int64()}
    frame = pl.DataFrame(rows, schema=columns, orient="row")
    return frame.with_columns(
        pl.lit("A").alias("item_key"),
        pl.int_range(10, 10 * pl.len() + 10, 10).alias("proc_seq"),
        *(pl.lit(None, pl.Float64()).alias(n) for n in ("wait_time", "move_time", "mfg_lt")),
    )


def test_an_order_of_the_lot_asked_for_takes_set_up_and_run_of_all_its_pieces() -> None:
    found = operations((1, 10.0, 2.0, 60.0, 50.0), (1, 5.0, 1.0, None, 50.0), (2, 999.0, 999.0, None, 50.0))
    assert _lead_times(found, 100.0) == {"A": LeadTime(100.0, 315.0, 375.0, None, True)}


def test_without_a_lot_it_is_the_usual_one() -> None:
    found = operations((1, 10.0, 2.0, None, 50.0), (1, 5.0, 1.0, None, None))
    assert _lead_times(found, None) == {"A": LeadTime(50.0, 165.0, 165.0, None, True)}


def test_an_operation_without_times_makes_it_incomplete() -> None:
    found = operations((1, 10.0, 2.0, None, 50.0), (1, None, None, None, 50.0))
    assert _lead_times(found, None) == {"A": LeadTime(50.0, 110.0, 110.0, None, False)}


@pytest.mark.parametrize(
    "found",
    [
        operations(),
        operations((1, 1.0, 1.0, None, None)),
        operations((1, 1.0, 1.0, None, 5.0), (1, 1.0, 1.0, None, 6.0)),
    ],
    ids=["no candidate", "no usual lot", "two usual lots"],
)
def test_where_the_usual_lot_is_not_known_nothing_is_told(found: pl.DataFrame) -> None:
    assert _lead_times(found, None) == {}
