"""Rows that name an item or an operation which the profile's own filters leave out."""

from __future__ import annotations

from pathlib import Path

import pytest
from foreign_erp import ITEMS, STEP, Foreign, steps

DONE = "CREATE TABLE DONE (PART TEXT, R TEXT, SEQ INTEGER, JOB TEXT, T REAL, Q REAL); INSERT INTO DONE VALUES {rows};"
RESULTS = """
[results]
table = "DONE"
[results.columns]
item_cd = "PART"
rout_no = "R"
proc_seq = "SEQ"
job_cd = "JOB"
machine_time = "T"
order_qty = "Q"
"""
#: A1 and A2 have type SHAFT, A3 is a COVER.
SHAFTS = ITEMS.replace(
    'table = "PART"', 'table = "PART"\nwhere = [{ column = "TYPE", op = "=", value = "SHAFT" }]'
)


@pytest.fixture
def erp(tmp_path: Path) -> Foreign:
    return Foreign(tmp_path)


def test_rows_of_an_item_that_is_filtered_out_are_filtered_and_not_told_as_renamed(erp: Foreign) -> None:
    rows = "('A1','R',10,'A',NULL), ('A3','R',10,'A',NULL)"
    done = DONE.format(rows="('A1','R',10,'A',5,1), (' a3','R',10,'A',5,1), ('B7','R',10,'A',5,1)")
    erp.night(steps("X TEXT", rows) + done, SHAFTS + STEP + RESULTS)
    results, operations = erp.report.frames["work_results"], erp.report.frames["operations"]
    assert (results.filtered, results.rejects) == ({"item_left_out": 1}, {"orphan_item": 1})
    assert (operations.filtered, operations.rejects) == ({"item_left_out": 1}, {})
    assert erp.tells(
        "work_results: 1 of 3 rows name an item that the profile's own filter in [items] leaves out (TYPE = SHAFT)"
    )
    assert erp.tells("work_results: 1 of 3 rows kept out (orphan_item)", "map = { OLD")


def test_reports_of_an_operation_that_is_filtered_out_are_filtered(erp: Foreign) -> None:
    rows = "('A1','R',10,'A','OK'), ('A1','R',20,'B','DRAFT'), ('A1','Q',20,'C',NULL)"
    done = DONE.format(
        rows="('A1','R',10,'A',5,1), ('A1','R',20,'B',5,1), ('A1','R',20,'C',5,1), ('A1','R',30,'B',5,1)"
    )
    step = STEP.replace('"STEP"', '"STEP"\nwhere = [{ column = "STATE", op = "=", value = "OK" }]')
    erp.night(steps("STATE TEXT", rows) + done, ITEMS + step + RESULTS)
    results = erp.report.frames["work_results"]
    assert (results.filtered, results.rejects) == ({"operation_left_out": 2}, {"orphan_operation": 1})
    assert erp.tells("2 of 4 rows name an operation", "filter in [operations] leaves out (STATE = OK)")


def test_an_operation_of_an_older_version_is_left_out_by_latest(erp: Foreign) -> None:
    rows = "('A1','R',10,'A',1), ('A1','R',20,'B',1), ('A1','R',10,'A',2)"
    done = DONE.format(rows="('A1','R',10,'A',5,1), ('A1','R',20,'B',5,1)")
    latest = 'latest = { group = ["PART"], key = ["VERSION"] }'
    step = STEP.replace('"STEP"', f'"STEP"\n{latest}')
    erp.night(steps("VERSION INTEGER", rows) + done, ITEMS + step + RESULTS)
    results = erp.report.frames["work_results"]
    assert (results.filtered, results.rejects, results.rows_kept) == ({"operation_left_out": 1}, {}, 1)
    assert erp.tells("1 of 2 rows name an operation", "[operations] leaves out (latest)")


def test_without_a_filter_rows_without_an_item_stay_rejected(erp: Foreign) -> None:
    done = DONE.format(rows="('A1','R',10,'A',5,1), ('B7','R',10,'A',5,1)")
    erp.night(steps("X TEXT", "('A1','R',10,'A',NULL)") + done, ITEMS + STEP + RESULTS)
    assert erp.report.frames["work_results"].rejects == {"orphan_item": 1}
    assert not erp.tells("leaves out")


def test_reports_by_the_erps_own_number_of_an_operation_that_is_filtered_out_are_filtered(
    erp: Foreign,
) -> None:
    rows = "('A1','R',10,'A','OK','101'), ('A1','R',20,'B','DRAFT','102')"
    done = DONE.format(rows="('A1','R',101,'A',5,1), ('A1','R',102,'B',5,1), ('A1','R',103,'B',5,1)")
    step = STEP.replace('"STEP"', '"STEP"\nwhere = [{ column = "STATE", op = "=", value = "OK" }]')
    results = RESULTS.replace("proc_seq", "oper_no")
    erp.night(steps("STATE TEXT, NO TEXT", rows) + done, ITEMS + step + 'oper_no = "NO"\n' + results)
    found = erp.report.frames["work_results"]
    assert (found.rows_kept, found.filtered, found.rejects) == (
        1,
        {"operation_left_out": 1},
        {"orphan_operation": 1},
    )
