"""This run beside the median of the last runs: a slow slide is told, though no night lost much against the one before."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from routing_etl.frames import AttributeSpec, CheckOutcome, write_attributes
from routing_etl.quality.history import LEAST
from routing_etl.quality.usual import KEPT, USUAL, Past, RunFigures, compare_usual, figures_of


def plant(folder: Path, items: int = 100, filled: int = 80) -> Path:
    folder.mkdir()
    keys = [f"I{n}" for n in range(items)]
    diameter = [1.0 if n < filled else None for n in range(items)]
    pl.DataFrame({"item_key": keys, "diameter": diameter}).write_parquet(folder / "items.parquet")
    write_attributes(folder / "items.attributes.json", [AttributeSpec("diameter", "number", "mm")])
    pl.DataFrame(
        {"item_key": keys, "rout_valid": [n < 70 for n in range(items)], "job_cd": [f"J{n % 60}" for n in range(items)], "res_cd": ["M"] * items}
    ).write_parquet(folder / "operations.parquet")  # fmt: skip
    pl.DataFrame({"item_key": keys, "report_dt": [date(2026, 2, 1)] * items}).write_parquet(folder / "work_results.parquet")  # fmt: skip
    pl.DataFrame({"item_key": keys}).write_parquet(folder / "purchase_orders.parquet")
    return folder


def nights(*rows: float, **filled: float) -> Past:
    past = Past()
    for n, value in enumerate(rows):
        past = past.with_run(RunFigures(f"r{n}", {"items.rows_as_usual": value, **filled}))
    return past


def by_name(outcomes: list[CheckOutcome]) -> dict[str, CheckOutcome]:
    return {f"{o.frame}.{o.check}": o for o in outcomes}


def test_figures_are_counted_as_a_hand_counts_them(tmp_path: Path) -> None:
    assert figures_of(plant(tmp_path / "now")) == {
        "items.rows_as_usual": 100, "items.filled:diameter": 0.8, "operations.rows_as_usual": 100,
        "operations.routed_items_as_usual": 70, "operations.jobs_as_usual": 60, "operations.resources_as_usual": 1,
        "work_results.rows_as_usual": 100, "purchase_orders.rows_as_usual": 100,
    }  # fmt: skip
    assert "purchase_orders.rows_as_usual" not in figures_of(tmp_path / "now", absent=("purchase_orders",))


@pytest.mark.parametrize(("now", "told"), [(910, True), (890, False), (2000, True)])
def test_rows_are_held_against_the_median(now: float, told: bool) -> None:
    found = compare_usual({"items.rows_as_usual": now}, nights(990, 1000, 5000), last=30, warn=0.1)
    one = by_name(found)["items.rows_as_usual"]
    assert (
        one.success is told
        and one.severity == "warning"
        and "in the middle of the last 3 runs 1,000" in one.observed
    )
    assert len(found) == len(USUAL)


def test_a_slide_of_two_percent_a_night_is_told_though_no_night_lost_a_tenth() -> None:
    past, rows, told = Past(), 1000.0, []
    for n in range(20):
        rows *= 0.98
        now = {"items.rows_as_usual": rows}
        told.append(not by_name(compare_usual(now, past, last=30, warn=0.1))["items.rows_as_usual"].success)
        past = past.with_run(RunFigures(f"r{n}", now))
    # Night 11 beside ten: their median lies between the fifth and the sixth, and 0.98 ** 5.5 is below 0.9.
    assert told.index(True) == 10 and all(told[10:])


def test_the_attribute_that_lost_most_is_named() -> None:
    past = nights(100, 100, 100, **{"items.filled:diameter": 0.8, "items.filled:length": 0.5})
    now = {"items.rows_as_usual": 100, "items.filled:diameter": 0.6, "items.filled:length": 0.45}
    one = by_name(compare_usual(now, past, last=30, warn=0.1))["items.filled_as_usual"]
    assert not one.success and one.rows_unexpected == 20
    assert one.observed.startswith(
        "diameter is filled in 60.0% of the items, in the middle of the last 3 runs in 80.0%"
    )


@pytest.mark.parametrize(
    ("past", "last"), [(Past(), 30), (nights(1000, 1000), 30), (nights(*[1000] * 9), 0), (nights(*[LEAST - 1] * 9), 30)]
)  # fmt: skip
def test_with_too_little_to_compare_nothing_is_told(past: Past, last: int) -> None:
    assert all(o.success for o in compare_usual({"items.rows_as_usual": 1}, past, last=last, warn=0.1))


def test_only_the_last_runs_count_and_a_run_that_counts_again_counts_once() -> None:
    past = nights(*[9000] * 5, *[1000] * 3)
    assert by_name(compare_usual({"items.rows_as_usual": 990}, past, last=3, warn=0.1))[
        "items.rows_as_usual"
    ].success
    assert [r.run_id for r in past.with_run(RunFigures("r2", {})).runs][-2:] == ["r7", "r2"]
    assert len(nights(*[1.0] * (KEPT + 9)).runs) == KEPT
