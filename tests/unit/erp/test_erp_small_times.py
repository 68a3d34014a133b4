"""Run times of a piece that the published decimals cannot hold are told, and the remedy makes them times that they can."""

from __future__ import annotations

from pathlib import Path

import pytest
from foreign_erp import ITEMS, STEP, Foreign, steps

TIMES = STEP + 'setup_time = "SETUP"\nrun_time = "RUN"\n'
MINUTES = "[routing]\nblank_time_unit = 1\n"


@pytest.fixture
def erp(tmp_path: Path) -> Foreign:
    return Foreign(tmp_path)


def prints(run: float, *, short: int = 25, others: int = 30) -> str:
    """Routings of one operation with this run time, and of others with five minutes."""
    rows = [f"('A{1 + i % 2}', 'R{i}', 10, 'PRINT', 30, {run}, 'PCS')" for i in range(short)]
    rows += [f"('A{2 + i % 2}', 'S{i}', 10, 'PACK', 5, 5, 'PCS')" for i in range(others)]
    return steps("SETUP REAL, RUN REAL, UOM TEXT", ", ".join(rows))


def test_times_that_two_decimals_cannot_hold_are_told_with_what_becomes_of_them(erp: Foreign) -> None:
    erp.night(prints(0.002), ITEMS + TIMES + MINUTES)
    assert erp.tells("25 of 55 operations", "0.002 minutes in the middle", "25 are 0.00 there", "0 are wrong")
    worse = erp.beside("worse").night(prints(0.00004), ITEMS + TIMES + MINUTES)
    assert worse.tells("25 are 0.00 there, and 25 are wrong")


def test_counting_in_thousands_as_the_remedy_says_makes_them_times_that_can_be_shown(erp: Foreign) -> None:
    thousands = 'qty_unit = { const = "PCS" }\n[routing]\nblank_time_unit = 1\nqty_units = { PCS = 0.001 }\n'
    erp.night(prints(0.002), ITEMS + TIMES + thousands)
    assert erp.read("operations", "job_cd", "run_min")[-1] == ("PRINT", 2.0)
    assert not erp.tells("decimals of the ERP's views")
    mapped = 'qty_unit = "UOM"\n[routing]\nblank_time_unit = 1\nqty_units = { PCS = 1 }\n'
    other = erp.beside("mapped").night(prints(0.002), ITEMS + TIMES + mapped)
    assert other.tells("divide every number of qty_units in [routing] and in [results] by 1,000")


def test_times_that_can_be_shown_a_few_short_ones_and_a_column_in_ignore_are_not_told(erp: Foreign) -> None:
    for name, sql, source in (
        ("shown", prints(0.2), TIMES),
        ("few", prints(0.002, short=5), TIMES),
        ("ignored", prints(0.002), TIMES.replace('"STEP"', '"STEP"\nignore = ["RUN"]')),
    ):
        night = erp.beside(name).night(sql, ITEMS + source + MINUTES)
        assert not night.tells("decimals of the ERP's views"), name
