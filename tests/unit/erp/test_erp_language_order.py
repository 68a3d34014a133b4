"""The order of operations, and results that name an operation by another number than its place."""

from __future__ import annotations

from pathlib import Path

import pytest
from foreign_erp import ITEMS, PARTS, STEP, Foreign, steps

from routing_etl.erp.profile import load_profile
from routing_etl.errors import ProfileError, SourceError


@pytest.fixture
def erp(tmp_path: Path) -> Foreign:
    return Foreign(tmp_path)


def test_operations_ordered_by_several_columns(erp: Foreign) -> None:
    rows = ", ".join(f"('A1','R',100,'{j}',{i})" for i, j in ((9, "A"), (10, "B"), (11, "C")))
    profile = ITEMS + STEP.replace('proc_seq = "SEQ"\n', "").replace(
        'table = "STEP"', 'table = "STEP"\norder_by = ["SEQ", "ID"]'
    )
    erp.night(steps("ID INTEGER", rows), profile)
    assert erp.read("operations", "job_cd", "proc_seq") == [("A", 10), ("B", 20), ("C", 30)]


def test_operation_numbers_that_order_nothing_are_named(erp: Foreign) -> None:
    rows = ", ".join(f"('A{i}','R',100,'{j}',{n})" for i in (1, 2, 3) for n, j in enumerate("ABC"))
    with pytest.raises(SourceError, match="9 of 9 operation numbers in SEQ are 100") as caught:
        erp.night(steps("ID INTEGER", rows), ITEMS + STEP)
    assert "order_by" in str(caught.value)


def test_operation_numbers_as_text_keep_their_order(erp: Foreign) -> None:
    sql = (
        PARTS
        + """CREATE TABLE STEP (PART TEXT, R TEXT, SEQ TEXT, JOB TEXT);
        INSERT INTO STEP VALUES ('A1','R','20A','C'), ('A1','R','10','A'), ('A1','R','10.5','B'), ('A2','R','9','D'),
        ('A2','R','OP10','E');"""
    )
    erp.night(sql, ITEMS + STEP.replace('"SEQ"', '{ column = "SEQ", natural = true }'))
    ordered = sorted(erp.read("operations", "item_cd", "proc_seq", "job_cd"))
    assert [job for _, _, job in ordered] == ["A", "B", "C", "D", "E"]
    plain = erp.beside("plain")
    plain.night(sql.replace("'20A'", "'20'").replace("'10.5'", "'15'"), ITEMS + STEP)
    assert plain.tells("1 of 5 operation numbers in SEQ", "'OP10'", "natural = true")


DONE = """
CREATE TABLE DONE (PART TEXT, R TEXT, OP TEXT, JOB TEXT, H REAL);
"""
DONE_COLUMNS = """[results]
table = "DONE"
[results.columns]
item_cd = "PART"
rout_no = "R"
job_cd = "JOB"
machine_time = "H"
"""
BY_ORDER = STEP.replace('table = "STEP"', 'table = "STEP"\norder_by = ["SEQ", "ID"]')


def test_results_find_operations_that_are_ordered_by_columns_by_the_number_of_the_erp(erp: Foreign) -> None:
    rows = """('A1','R',100,'TURN',1), ('A1','R',100,'MILL',2), ('A1','R',100,'MILL',3), ('A2','R',5,'TURN',4),
        ('A2','R',10,'TURN',5), ('A2','S',10,'MILL',6)"""
    done = """INSERT INTO DONE VALUES ('A1','R','100','TURN',1), ('A1','R','100','MILL',2), ('A2','R','10.0','TURN',3),
        ('A2','R','010','TURN',4), ('A2',NULL,'10','MILL',5), ('A2','R','20','TURN',6), ('A2','R',' ','TURN',7);"""
    erp.night(steps("ID INTEGER", rows) + DONE + done, ITEMS + BY_ORDER + DONE_COLUMNS + 'proc_seq = "OP"\n')
    # the second operation of A2 has the number 10 in the ERP and 20 here: not the first, which is 10 here
    assert erp.read("work_results", "machine_time", "proc_seq", "job_cd") == [
        (1.0, 10, "TURN"), (3.0, 20, "TURN"), (4.0, 20, "TURN"), (5.0, 10, "MILL"),
    ]  # fmt: skip
    assert erp.report.frames["work_results"].rejects == {
        "ambiguous_operation": 1, "orphan_operation": 1, "bad_proc_seq": 1,
    }  # fmt: skip
    assert erp.tells("1 of 7 rows kept out (ambiguous_operation)", "oper_no", "A1 / R / 100 / MILL")
    assert erp.tells("1 of 7 rows kept out (orphan_operation)", "coalesce")


def test_results_find_operations_by_an_id(erp: Foreign) -> None:
    rows = "('A1','R',100,'MILL',7), ('A1','R',100,'MILL',8)"
    done = "INSERT INTO DONE VALUES ('A1','R','8','MILL',1), ('A1','R','7','MILL',2);"
    own = ITEMS + BY_ORDER + 'oper_no = "ID"\n' + DONE_COLUMNS + 'oper_no = "OP"\n'
    erp.night(steps("ID INTEGER", rows) + DONE + done, own)
    assert erp.read("work_results", "machine_time", "proc_seq") == [(1.0, 20), (2.0, 10)]
    assert erp.read("operations", "proc_seq", "oper_no") == [(10, "7"), (20, "8")]
    assert load_profile(erp.folder / "foreign.toml").renumbers


@pytest.mark.parametrize(
    ("operations", "results", "key"),
    [
        (STEP + 'oper_no = "ID"\n', 'proc_seq = "OP"\n', "results.columns.oper_no"),
        (STEP, 'oper_no = "OP"\n', "operations.columns.oper_no"),
        (BY_ORDER.replace('proc_seq = "SEQ"\n', ""), 'proc_seq = "OP"\n', "operations.order_by"),
        (STEP, 'proc_seq = { column = "OP", natural = true }\n', "operations.columns.proc_seq.natural"),
        (STEP.replace('"SEQ"', '{ column = "SEQ", natural = true }'), 'proc_seq = "OP"\n', "results.columns.proc_seq.natural"),
    ],
)  # fmt: skip
def test_numbers_that_could_not_meet_are_refused(
    tmp_path: Path, operations: str, results: str, key: str
) -> None:
    path = tmp_path / "p.toml"
    path.write_text(f'name = "p"\n{ITEMS}{operations}{DONE_COLUMNS}{results}', encoding="utf-8")
    with pytest.raises(ProfileError) as caught:
        load_profile(path)
    assert caught.value.key == key and caught.value.remedy
