"""This run beside the last one that succeeded: what a look at the rows that are left does not show."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import polars as pl
import pytest

from routing_etl.frames import CheckOutcome
from routing_etl.quality.history import COMPARISONS, LEAST, Limits, compare

LIMITS = Limits(warn=0.1, stop=0.3)


def plant(
    folder: Path, *, items: int = 100, routed: int = 100, filled: int = 100, jobs: int = 60, newest: int = 28
) -> Path:
    """Cleaned frames of `items` items of which the first `routed` have a valid routing of one operation."""
    folder.mkdir()
    keys = [f"I{n}" for n in range(items)]
    pl.DataFrame(
        {
            "item_key": keys,
            "diameter": [1.0 if n < filled else None for n in range(items)],
            "always": ["x"] * items,
        }
    ).write_parquet(folder / "items.parquet")
    pl.DataFrame(
        {
            "item_key": keys,
            "rout_valid": [n < routed for n in range(items)],
            "job_cd": [f"J{n % jobs}" for n in range(items)],
            "res_cd": ["M1"] * items,
            "insrt_dt": [datetime(2026, 2, newest)] * items,
        }
    ).write_parquet(folder / "operations.parquet")
    pl.DataFrame({"item_key": keys, "report_dt": [date(2026, 2, newest)] * items}).write_parquet(
        folder / "work_results.parquet"
    )
    pl.DataFrame({"item_key": keys}).write_parquet(folder / "purchase_orders.parquet")
    return folder


def failed(outcomes: list[CheckOutcome]) -> dict[str, str]:
    return {f"{o.frame}.{o.check}": o.severity for o in outcomes if not o.success}


@pytest.fixture
def before(tmp_path: Path) -> Path:
    return plant(tmp_path / "before")


def test_the_same_again_passes_every_comparison(before: Path, tmp_path: Path) -> None:
    found = compare(plant(tmp_path / "now"), before, LIMITS, told="r1")
    assert failed(found) == {} and len(found) == len(COMPARISONS)
    assert found[0].observed == "100 rows, 100 before (beside run r1)"


def test_routings_that_are_gone_stop_the_night_though_every_row_left_is_right(
    before: Path, tmp_path: Path
) -> None:
    found = compare(plant(tmp_path / "now", routed=55), before, LIMITS, told="r1")
    assert failed(found) == {"operations.items_keep_their_routing": "critical"}
    [stopped] = [o for o in found if not o.success]
    assert stopped.blocks and stopped.rows_unexpected == 45
    assert stopped.observed == "45 of 100 items lost their routing (beside run r1)"
    assert "ROUTING_ETL_CHANGE_STOP=1" in stopped.expected


@pytest.mark.parametrize(
    ("now", "wrong"),
    [
        ({"routed": 85}, {"operations.items_keep_their_routing": "warning"}),
        ({"routed": 95}, {}),
        ({"filled": 0}, {"items.filled_as_before": "warning"}),
        ({"jobs": 20}, {"operations.jobs_as_before": "warning"}),
        ({"newest": 27}, {"operations.newest_as_before": "warning", "work_results.newest_as_before": "warning"}),
        ({"items": 60, "routed": 60, "jobs": 60, "filled": 60},
         {"items.rows_as_before": "critical", "operations.rows_as_before": "critical",
          "work_results.rows_as_before": "critical", "purchase_orders.rows_as_before": "warning"}),
        ({"items": 300, "routed": 300, "filled": 300}, {}),
    ],
)  # fmt: skip
def test_each_loss_has_its_check(
    before: Path, tmp_path: Path, now: dict[str, int], wrong: dict[str, str]
) -> None:
    assert failed(compare(plant(tmp_path / "now", **now), before, LIMITS)) == wrong


def test_a_limit_of_one_lets_a_night_through_that_is_right(before: Path, tmp_path: Path) -> None:
    found = compare(plant(tmp_path / "now", routed=0), before, Limits(0.1, 1.0))
    assert failed(found) == {"operations.items_keep_their_routing": "warning"}


def test_a_plant_too_small_for_shares_is_not_compared_by_them(tmp_path: Path) -> None:
    few = plant(tmp_path / "before", items=LEAST - 1, routed=LEAST - 1)
    assert failed(compare(plant(tmp_path / "now", items=20, routed=20), few, LIMITS)) == {}


def test_the_first_night_and_a_missing_frame_have_nothing_to_compare_with(
    before: Path, tmp_path: Path
) -> None:
    now = plant(tmp_path / "now")
    first = compare(now, None, LIMITS)
    assert failed(first) == {} and {o.observed for o in first} == {"nothing to compare with"}
    (before / "purchase_orders.parquet").unlink()
    assert failed(compare(now, before, LIMITS)) == {}
    assert {o.frame for o in compare(now, before, LIMITS, absent=["work_results"])} == {
        "items", "operations", "purchase_orders",
    }  # fmt: skip
