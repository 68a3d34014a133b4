"""Reports that a filter or an ignored kind leaves out and that may be the set-ups are told, where no set-up is read."""

from __future__ import annotations

from pathlib import Path

import pytest
from foreign_erp import ITEMS, STEP, Foreign, steps

DONE = """
[results]
table = "DONE"
time_factor_min = 1
order_quantity = "sum"
{section}
[results.columns]
item_cd = "PART"
order_no = "ORD"
proc_seq = "SEQ"
job_cd = "JOB"
machine_time = "MINS"
yield_qty = "QTY"
"""
RUN = 'where = [{ column = "TYR", op = "in", value = ["3", "4"] }]'


@pytest.fixture
def erp(tmp_path: Path) -> Foreign:
    return Foreign(tmp_path)


def reports(set_up: tuple[float, float] = (30, 0), orders: str = "{n}") -> str:
    """Twelve orders of one operation: a row of kind 2 with these minutes and pieces, one of 3 with ten pieces in 20 minutes."""
    minutes, pieces = set_up
    rows = ", ".join(
        f"('A1', '{orders.format(n=n)}', 10, 'SAW', {minutes}, {pieces}, 2), ('A1', 'O{n}', 10, 'SAW', 20, 10, 3)"
        for n in (f"{i:02d}" for i in range(12))
    )
    return (
        steps("X TEXT", "('A1', 'R', 10, 'SAW', '1')")
        + "CREATE TABLE DONE (PART TEXT, ORD TEXT, SEQ INTEGER, JOB TEXT, MINS REAL, QTY REAL, TYR INTEGER);"
        + f"INSERT INTO DONE VALUES {rows};"
    )


@pytest.mark.parametrize(
    ("section", "says"),
    [
        (RUN, "the filter TYR in ('3', '4') leaves out 12 rows (2: 12)"),
        ('where = [{ column = "TYR", op = "!=", value = 2 }]', "the filter TYR != 2 leaves out 12 rows (2: 12)"),
        ('where = [{ column = "QTY", op = ">", value = 0 }]', "the filter QTY > 0 leaves out 12 rows (0: 12)"),
    ],
)  # fmt: skip
def test_a_filter_that_leaves_out_rows_with_a_time_and_no_pieces_is_told(
    erp: Foreign, section: str, says: str
) -> None:
    erp.night(reports(orders="O{n}"), ITEMS + STEP + DONE.format(section=section))
    assert erp.tells(
        f"work_results: {says} that have a time and no pieces", "no set-up is reported", "kinds = {"
    )
    ignored = erp.beside("ignored")
    column = section.split('"')[1]
    said = DONE.format(section=f'{section}\nignore = ["{column}"]')
    ignored.night(reports(orders="O{n}"), ITEMS + STEP + said)
    assert not ignored.tells("that have a time and no pieces")


def test_an_ignored_kind_whose_rows_have_a_time_and_no_pieces_is_told(erp: Foreign) -> None:
    section = 'kinds = { run = ["3"], ignore = ["2"] }'
    profile = ITEMS + STEP + DONE.format(section=section) + 'record_kind = "TYR"\n'
    erp.night(reports(orders="O{n}"), profile)
    assert erp.tells(
        "results.kinds has under ignore 12 rows (2: 12) of TYR", "under setup, in place of ignore"
    )


@pytest.mark.parametrize(
    ("sql", "section", "columns"),
    [
        (reports((30, 5), "O{n}"), RUN, ""),  # other pieces of the order
        (reports((0, 0), "O{n}"), RUN, ""),  # rows of quantities, without a time
        (reports((30, 0), "P{n}"), RUN, ""),  # other orders, such as open ones
        (reports((30, 0), "O{n}"), 'kinds = { setup = ["2"], run = ["3"], ignore = ["9"] }', 'record_kind = "TYR"\n'),
    ],
)  # fmt: skip
def test_rows_left_out_that_are_something_else_are_not_told(
    erp: Foreign, sql: str, section: str, columns: str
) -> None:
    erp.night(sql, ITEMS + STEP + DONE.format(section=section) + columns)
    assert not erp.tells("that have a time and no pieces")
