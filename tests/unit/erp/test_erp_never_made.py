"""Items that nobody makes are told: else routings are predicted for bought parts without a word."""

from __future__ import annotations

from pathlib import Path

import pytest
from foreign_erp import STEP, Foreign

MASTER = """
[items]
table = "PART"
{more}
[items.columns]
item_cd = "CODE"
[items.attributes]
part_type = {{ column = "TYPE", kind = "category" }}
source = {{ column = "MABU", kind = "category" }}
"""


@pytest.fixture
def erp(tmp_path: Path) -> Foreign:
    return Foreign(tmp_path)


def plant(made: int, bought: int, routed: int, left_over: int) -> str:
    """So many items that are made and bought, of which so many have a routing."""
    parts = [(f"M{i}", "SHAFT", 1) for i in range(made)] + [(f"B{i}", "SHAFT", 2) for i in range(bought)]
    steps = [f"M{i}" for i in range(routed)] + [f"B{i}" for i in range(left_over)]
    rows = ", ".join(f"('{c}', '{t}', '{m}')" for c, t, m in parts)
    oper = ", ".join(f"('{c}', 'R', 10, 'SAW')" for c in steps)
    return (
        f"CREATE TABLE PART (CODE TEXT, TYPE TEXT, MABU TEXT); INSERT INTO PART VALUES {rows};"
        f"CREATE TABLE STEP (PART TEXT, R TEXT, SEQ INTEGER, JOB TEXT); INSERT INTO STEP VALUES {oper};"
    )


def test_bought_items_are_told_with_their_word_and_those_that_get_a_routing(erp: Foreign) -> None:
    erp.night(plant(100, 60, 70, 3), MASTER.format(more="") + STEP)
    assert erp.tells(
        "the items whose source is 2 (60 items, 3 with a routing) has a routing",
        "predicted for all 57 that have none",
        "filter in [items] (where) by MABU; else add MABU to items.ignore",
    )


@pytest.mark.parametrize(
    ("counts", "more"),
    [
        ((100, 60, 70, 10), ""),  # a sixth of them is made
        ((100, 40, 70, 0), ""),  # too few to say so
        ((100, 60, 20, 0), ""),  # of the others few have a routing either
        ((4000, 60, 3000, 0), ""),  # so few of all wait like a new line of products
        ((100, 60, 70, 3), 'ignore = ["MABU"]'),
        ((100, 60, 70, 3), 'where = [{ column = "MABU", op = "=", value = "1" }]'),
    ],
)
def test_items_that_may_be_made_are_not_told(
    erp: Foreign, counts: tuple[int, int, int, int], more: str
) -> None:
    erp.night(plant(*counts), MASTER.format(more=more) + STEP)
    assert not erp.tells("are these bought?")


UNREAD = MASTER.replace('source = {{ column = "MABU", kind = "category" }}\n', "")


def test_bought_items_are_told_by_a_column_that_is_not_read(erp: Foreign) -> None:
    erp.night(plant(100, 60, 70, 3), UNREAD.format(more="") + STEP)
    assert erp.tells(
        "the items whose MABU (which is not read) is 2 (60 items, 3 with a routing) has a routing",
        "filter in [items] (where) by MABU; else add MABU to items.ignore",
    )


@pytest.mark.parametrize(
    ("counts", "more"),
    [
        ((100, 60, 100, 0), ""),  # it may say just this: which items have a routing
        ((100, 60, 70, 10), ""),
        ((4000, 60, 3000, 0), ""),
        ((100, 60, 70, 3), 'ignore = ["MABU"]'),
    ],
)
def test_a_column_that_is_not_read_and_may_mean_something_else_is_not_told(
    erp: Foreign, counts: tuple[int, int, int, int], more: str
) -> None:
    erp.night(plant(*counts), UNREAD.format(more=more) + STEP)
    assert not erp.tells("are these bought?")
