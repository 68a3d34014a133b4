"""What the times of operations and results mean: their units, rates, bases and factors, and what is told where nothing says so."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from foreign_erp import ITEMS, STEP, Foreign, steps

from routing_etl.errors import SourceError


@pytest.fixture
def erp(tmp_path: Path) -> Foreign:
    return Foreign(tmp_path)


def test_each_time_has_its_own_unit_and_falls_back_on_that_of_the_row(erp: Foreign) -> None:
    rows = "('A1','R',10,'A',0.25,2,1,'MIN','H','D'), ('A1','R',20,'B',30,2,1,'MIN',NULL,'WEEK')"
    columns = "SETUP REAL, RUN REAL, WAITS REAL, UOM TEXT, SETUP_UOM TEXT, WAIT_UOM TEXT"
    times = 'setup_time = "SETUP"\nrun_time = "RUN"\nwait_time = "WAITS"\ntime_unit = "UOM"\n'
    units = "[routing]\ntime_units = { MIN = 1, H = 60, D = 1440 }\n"
    own = 'setup_unit = "SETUP_UOM"\nwait_unit = "WAIT_UOM"\n'
    erp.night(steps(columns, rows), ITEMS + STEP + times + own + units)
    assert erp.read("operations", "job_cd", "setup_min", "run_min", "wait_min") == [
        ("A", 15.0, 2.0, 1440.0), ("B", 30.0, 2.0, None),
    ]  # fmt: skip
    assert erp.report.frames["operations"].repairs["time_unit_unknown"] == {"wait_unit": 1}
    other = erp.beside("other")
    with pytest.raises(
        SourceError, match=r"SETUP_UOM of STEP .* 1 of 2 rows .* setup_time .* WAIT_UOM"
    ) as caught:
        other.night(steps(columns, rows), ITEMS + STEP + times + units)
    assert 'setup_unit = "SETUP_UOM"' in caught.value.remedy and "operations.ignore" in caught.value.remedy
    other.night(
        "", ITEMS + STEP.replace('"STEP"', '"STEP"\nignore = ["SETUP_UOM", "WAIT_UOM"]') + times + units
    )
    assert other.read("operations", "job_cd", "setup_min") == [("A", 0.25), ("B", 30.0)]


def test_a_second_unit_column_that_says_the_same_or_is_of_another_time_stops_nothing(erp: Foreign) -> None:
    rows = "('A1','R',10,'A',5,2,0,'MIN','minutes','D','H'), ('A1','R',20,'B',5,2,0,'MIN',NULL,'D','H')"
    columns = "SETUP REAL, RUN REAL, WAITS REAL, UOM TEXT, SETUP_UOM TEXT, WAIT_UOM TEXT, LT_UOM TEXT"
    times = 'setup_time = "SETUP"\nrun_time = "RUN"\nwait_time = "WAITS"\ntime_unit = "UOM"\n[routing]\ntime_units = { MIN = 1 }\n'
    erp.night(steps(columns, rows), ITEMS + STEP + times)
    assert erp.read("operations", "job_cd", "setup_min", "run_min") == [("A", 5.0, 2.0), ("B", 5.0, 2.0)]
    assert erp.tells(
        "UOM is the unit of setup_time, run_time, wait_time", "SETUP_UOM, WAIT_UOM", "setup_unit"
    )


RESULT_STEP = (
    STEP
    + """[results]
table = "DONE"
time_factor_min = 60
[results.columns]
item_cd = "PART"
rout_no = "R"
proc_seq = "SEQ"
job_cd = "JOB"
machine_time = "ISM02"
order_qty = "QTY"
"""
)


def test_results_whose_unread_unit_differs_are_refused_and_several_words_of_quantity_told(
    erp: Foreign,
) -> None:
    table = "CREATE TABLE DONE (PART TEXT, R TEXT, SEQ INTEGER, JOB TEXT, ISM02 REAL, ILE02 TEXT, QTY REAL, UOM TEXT);"
    done = "INSERT INTO DONE VALUES ('A1','R',10,'A',1,'H',5,'PCS'), ('A1','R',10,'A',60,'{}',5,'BOX');"
    sql = steps("X TEXT", "('A1','R',10,'A',NULL)") + table
    with pytest.raises(
        SourceError, match=r"ILE02 of DONE .* 1 of 2 rows .* machine_time .*time_factor_min"
    ) as caught:
        erp.night(sql + done.format("MIN"), ITEMS + RESULT_STEP)
    assert 'time_unit = "ILE02"' in caught.value.remedy
    good = erp.beside("good")
    good.night(sql + done.format("H"), ITEMS + RESULT_STEP)
    assert good.tells("UOM of DONE has 2 different words in 2 rows", "qty_unit")


@pytest.mark.parametrize("column", ["JM", "Jednostka", "MJ"])
def test_units_of_quantity_that_differ_are_told_in_other_languages(erp: Foreign, column: str) -> None:
    """Pieces and mould boxes, by what such a column is called in Polish and in Czech."""
    table = (
        f"CREATE TABLE DONE (PART TEXT, R TEXT, SEQ INTEGER, JOB TEXT, ISM02 REAL, QTY REAL, {column} TEXT);"
    )
    done = "INSERT INTO DONE VALUES ('A1','R',10,'A',60,5,'szt'), ('A1','R',10,'A',60,5,'frm');"
    erp.night(steps("X TEXT", "('A1','R',10,'A',NULL)") + table + done, ITEMS + RESULT_STEP)
    assert erp.tells(f"{column} of DONE has 2 different words in 2 rows", "qty_unit")


def test_times_without_a_unit_are_told_where_a_column_looks_like_one(erp: Foreign) -> None:
    erp.night(
        steps("RUN REAL, RUN_UOM TEXT", "('A1','R',10,'A',2,'MIN')"), ITEMS + STEP + 'run_time = "RUN"\n'
    )
    assert erp.tells("No unit is read for run_time", "RUN_UOM", "time_unit")
    hours = erp.beside("hours")
    with pytest.raises(SourceError, match=r"1 of 1 rows than the one by which run_time is read .as minutes."):
        hours.night(
            steps("RUN REAL, RUN_UOM TEXT", "('A1','R',10,'A',2,'H')"), ITEMS + STEP + 'run_time = "RUN"\n'
        )


def test_rates_and_bases_by_row(erp: Foreign) -> None:
    rows = """('A1','R',10,'A',1,30,'PCS/HR',1), ('A1','R',20,'B',1,6,'MIN',1), ('A1','R',30,'C',1,0.5,'HRS',1),
        ('A1','R',40,'D',1,1.5,'FIX',1), ('A1','R',50,'E',1,20,'C',1), ('A1','R',60,'F',1,0,'PCS/HR',1),
        ('A1','R',70,'G',1,5,'???',1), ('A1','R',80,'H',1,50,NULL,5)"""
    profile = (
        ITEMS
        + STEP
        + (
            'setup_time = "SETUP"\nrun_time = "RUN"\nrun_basis = "HOW"\nrun_time_qty = "QTY"\nsetup_unit = { const = "H" }\n'
            '[routing]\ntime_units = { H = 60 }\nrun_basis_words = { "pcs/hr" = "pieces_per_hour", MIN = "minutes_per_piece", '
            'HRS = "hours_per_piece", FIX = "hours_per_order", C = "per_100" }\n'
        )
    )
    erp.night(steps("SETUP REAL, RUN REAL, HOW TEXT, QTY REAL", rows), profile)
    assert erp.read("operations", "job_cd", "setup_min", "run_min") == [
        ("A", 60.0, 2.0), ("B", 60.0, 6.0), ("C", 60.0, 30.0), ("D", 150.0, None), ("E", 60.0, 0.2), ("F", 60.0, None),
        ("G", 60.0, None), ("H", 60.0, 10.0),
    ]  # fmt: skip
    assert (
        erp.tells("rates in run_time are 0")
        and erp.tells("words for the basis")
        and erp.tells("count as set-up")
    )


def test_reports_of_an_operation_whose_time_is_for_the_order_are_for_the_order_too(erp: Foreign) -> None:
    rows = "('A1','R',10,'DRY',4,'FX'), ('A1','R',20,'MOLD',0.5,'MP'), ('A2','R',10,'DRY',0,'FX'), ('A2','R',20,'DRY',1,'MP')"
    profile = (
        ITEMS
        + STEP
        + (
            'run_time = "RUN"\nrun_basis = "HOW"\n[routing]\n'
            'run_basis_words = { FX = "hours_per_order", MP = "minutes_per_piece" }\n'
            '[results]\ntable = "LABOR"\ntime_factor_min = 60\nrun_basis = "order"\norder_quantity = "sum"\n[results.columns]\n'
            'item_cd = "PART"\nrout_no = "R"\nproc_seq = "SEQ"\njob_cd = "JOB"\nmachine_time = "HRS"\nyield_qty = "QTY"\n'
            'setup_time = "SU"\norder_no = "ORD"\nconfirmation_no = "ID"\n'
        )
    )
    labor = """CREATE TABLE LABOR (ID TEXT, ORD TEXT, PART TEXT, R TEXT, SEQ INT, JOB TEXT, HRS REAL, SU REAL, QTY REAL);
        INSERT INTO LABOR VALUES ('1','O1','A1','R',10,'DRY',3,0.5,60), ('2','O1','A1','R',10,'DRY',1,NULL,40),
        ('3','O2','A1','R',10,'DRY',5,NULL,4000), ('4','O2','A1','R',20,'MOLD',30,1,4000),
        ('5','O3','A2','X',10,'DRY',6,NULL,10), ('6','O3','A2','R',20,'DRY',2,NULL,10);"""
    erp.night(steps("RUN REAL, HOW TEXT", rows) + labor, profile)
    assert erp.read("operations", "item_key", "proc_seq", "run_per_order") == [
        ("A1", 10, True), ("A1", 20, None), ("A2", 10, True), ("A2", 20, None),
    ]  # fmt: skip
    assert erp.read("work_results", "order_no", "job_cd", "proc_seq", "setup_time", "machine_time") == [
        ("O1", "DRY", 10, 4.5, None), ("O2", "DRY", 10, 5.0, None), ("O2", "MOLD", 20, 1.0, 30.0),
        ("O3", "DRY", 10, 6.0, None), ("O3", "DRY", 20, None, 2.0),
    ]  # fmt: skip
    assert erp.report.frames["work_results"].repairs["time_per_order"] == {"machine_time": 4}
    assert erp.tells("4 reports", "for the order", "count as set-up")


def test_a_unit_per_piece_is_no_unit_of_a_set_up(erp: Foreign) -> None:
    rows = "('A1','R',10,'A',0.5,6,'MIN/PART')"
    profile = ITEMS + STEP + 'setup_time = "SETUP"\nrun_time = "RUN"\ntime_unit = "U"\n'
    erp.night(
        steps("SETUP REAL, RUN REAL, U TEXT", rows), profile + '[routing]\ntime_units = { "MIN/PART" = 1 }\n'
    )
    assert erp.read("operations", "setup_min", "run_min") == [(None, 6.0)]
    assert erp.tells("MIN/PART", "run_basis")


def test_sum_efficiency_capacity_and_the_unit_of_the_base_quantity(erp: Foreign) -> None:
    rows = "('A1','R',10,'A',10,8,60,80,5,1,'ST'), ('A1','R',20,'B',10,NULL,60,0,0,2,'C'), ('A1','R',30,'C',1,1,1,1,1,1,'BOX')"
    profile = (
        ITEMS
        + STEP
        + (
            'setup_time = { sum = ["START", "STOP"] }\nrun_time = "RUN"\nefficiency = "EFF"\ncapacity = "CAP"\n'
            'run_time_qty = "QTY"\nqty_unit = "QU"\n[routing]\nqty_units = { ST = 1, C = 100 }\n'
        )
    )
    columns = "START REAL, STOP REAL, RUN REAL, EFF REAL, CAP REAL, QTY REAL, QU TEXT"
    erp.night(steps(columns, rows), profile)
    assert erp.read("operations", "job_cd", "setup_min", "run_min") == [
        ("A", 18.0, 15.0), ("B", 10.0, 0.3), ("C", 2.0, None),
    ]  # fmt: skip
    assert erp.tells("units of the base quantity")


@pytest.mark.parametrize(
    ("column", "key"),
    [
        ("fixed_time", "run_basis"),
        ("time_efficiency", "efficiency"),
        ("capacity", "capacity"),
        ("PRIO", "resource_priority"),
    ],
)
def test_a_telling_column_that_is_not_read_is_told(erp: Foreign, column: str, key: str) -> None:
    erp.night(steps(f"RUN REAL, {column} REAL", "('A1','R',10,'A',1,3)"), ITEMS + STEP + 'run_time = "RUN"\n')
    assert erp.tells(column, f"operations.columns.{key}")


#: A head that is joined, whose columns are what is said; operations without any date.
DATED = (
    ITEMS
    + STEP.replace(
        'table = "STEP"',
        'table = "STEP"\njoins = [{ table = "HEAD", alias = "h", on = [["R", "R"]], kind = "KIND" }]',
    )
    + 'run_time = "RUN"\n'
)


def dated(columns: str, values: str) -> str:
    return steps("RUN REAL", "('A1','R',10,'A',1)") + (
        f"CREATE TABLE HEAD (R TEXT, {columns}); INSERT INTO HEAD VALUES ('R', {values});"
    )


@pytest.mark.parametrize(
    "column", ["DT_OD", "CREATED", "creation", "Erstelldatum", "ANLAGE_DATUM", "FECHA", "DATUV", "등록일"]
)
def test_a_routing_without_a_day_is_told_where_its_tables_have_dates(erp: Foreign, column: str) -> None:
    sql = dated(f'"{column}" TEXT', "'2024-03-01'")
    erp.night(sql, DATED.replace("KIND", "inner"))
    assert erp.tells(
        "No day of a routing is read", f"h.{column}", "operations.columns.insrt_dt", "operations.ignore"
    )
    mapped = erp.beside("mapped")
    mapped.night(sql, DATED.replace("KIND", "inner") + f'insrt_dt = "h.{column}"\n')
    assert mapped.read("operations", "insrt_dt") == [(datetime(2024, 3, 1),)]
    assert not mapped.tells("No day of a routing")


@pytest.mark.parametrize(
    ("kind", "column"),
    [("left", "CREATED"), *(("inner", c) for c in ("VALID_TO", "LAST_DATE", "ENDDATUM_BIS", "MODIF_DATE", "CREATED_BY", "UPDATED", "DATA_DO", "NAME"))],
)  # fmt: skip
def test_a_date_that_is_no_beginning_is_not_taken_for_the_day_of_a_routing(
    erp: Foreign, kind: str, column: str
) -> None:
    """Nor one of a table whose rows need not be there, such as the machine master."""
    erp.night(dated(f"{column} TEXT", "'2024-03-01'"), DATED.replace("KIND", kind))
    assert not erp.tells("No day of a routing")


def test_times_without_a_quantity_are_told_with_the_key_that_puts_shifts_together(erp: Foreign) -> None:
    table = "CREATE TABLE DONE (PART TEXT, R TEXT, SEQ INTEGER, JOB TEXT, ISM02 REAL, QTY REAL, WO TEXT);"
    done = "INSERT INTO DONE VALUES ('A1','R',10,'A',2.5,0,'W1'), ('A1','R',10,'A',2.5,10,'W1');"
    sql = steps("X TEXT", "('A1','R',10,'A',NULL)") + table + done
    erp.night(sql, ITEMS + RESULT_STEP)
    assert erp.tells("1 of 2 rows have a run time and no quantity", "order_no", "order_quantity")
    whole = erp.beside("whole")
    both = (
        RESULT_STEP.replace('table = "DONE"', 'table = "DONE"\norder_quantity = "sum"') + 'order_no = "WO"\n'
    )
    whole.night(sql, ITEMS + both)
    assert whole.read("work_results", "machine_time", "order_qty") == [(5.0, 10.0)]
    assert not whole.tells("no quantity")
