"""What a profile can say, over hand-made tables of other ERPs: each test states the rows, the profile and the values."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import polars as pl
import pytest
import sqlalchemy as sa
from foreign_erp import ITEMS, PARTS, STEP, Foreign, steps
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.dialects import mssql

from routing_etl.erp.catalogue import bind
from routing_etl.erp.extract import extract
from routing_etl.erp.profile import load_profile
from routing_etl.erp.reader import PROBLEMS
from routing_etl.erp.statements import select_of
from routing_etl.errors import ProfileError, SourceError
from routing_etl.settings import load_settings


@pytest.fixture
def erp(tmp_path: Path) -> Foreign:
    return Foreign(tmp_path)


# --- where a value comes from -----------------------------------------------------------------------------------------
def test_a_key_of_two_columns_makes_two_routings(erp: Foreign) -> None:
    rows = "('A1', 'G7', 10, 'SAW', '01'), ('A1', 'G7', 10, 'TURN', '02'), ('A1', 'G7', 20, 'SAW', NULL)"
    profile = ITEMS + STEP.replace('"R"', '{ concat = ["R", "COUNTER"], separator = "-" }')
    erp.night(steps("COUNTER TEXT", rows), profile)
    assert erp.read("operations", "rout_no", "job_cd") == [("G7-01", "SAW"), ("G7-02", "TURN")]
    assert erp.report.frames["operations"].repairs["incomplete_key"] == {"rout_no": 1}
    assert erp.tells("lack a part", "rout_no")


@pytest.mark.parametrize("key", ['rout_no = ["R", "S"]', 'rout_no = { column = ["R", "S"] }'])
def test_a_list_must_say_what_it_means(tmp_path: Path, key: str) -> None:
    path = tmp_path / "p.toml"
    path.write_text(
        f'name = "p"\n{ITEMS}{STEP.replace(chr(114) + "out_no = " + chr(34) + "R" + chr(34), key)}'
    )
    with pytest.raises(ProfileError, match="first_of") as caught:
        load_profile(path)
    assert "concat" in caught.value.remedy and "coalesce" in caught.value.remedy
    assert caught.value.value == ["R", "S"]


def test_coalesce_takes_the_first_filled_of_each_row_across_a_self_join(erp: Foreign) -> None:
    rows = "('A1', 'R1', 10, 'SAW', NULL, 1), (' ', 'R2', 20, 'TURN', 1, 2), ('A2', 'R3', 10, 'SAW', NULL, 3)"
    profile = ITEMS + STEP.replace('"PART"', '{ coalesce = ["PART", "owner.PART"] }').replace(
        "[operations.columns]",
        'joins = [{ table = "STEP", alias = "owner", on = [["OWNER", "ID"]] }]\n[operations.columns]',
    )
    erp.night(steps("OWNER INTEGER, ID INTEGER", rows), profile)
    assert erp.read("operations", "item_cd", "job_cd") == [("A1", "SAW"), ("A1", "TURN"), ("A2", "SAW")]


def test_words_are_mapped_and_a_vendor_means_outside(erp: Foreign) -> None:
    rows = "('A1', 'R1', 10, ' FRAES ', 'V100'), ('A1', 'R1', 20, 'TURN', ' '), ('A1', 'R1', 30, 'SAW', NULL)"
    profile = (
        ITEMS
        + STEP.replace('"JOB"', '{ column = "JOB", map = { FRAES = "MILL" } }')
        + ('inside = { column = "VENDOR", present = "out", absent = "in" }\n')
    )
    erp.night(steps("VENDOR TEXT", rows), profile)
    assert erp.read("operations", "job_cd", "inside") == [("MILL", "out"), ("SAW", "in"), ("TURN", "in")]


def test_values_that_are_no_words_for_inside_are_refused(erp: Foreign) -> None:
    rows = ", ".join(f"('A1', 'R{i}', 10, 'SAW', '{'V' + str(i) if i < 8 else ''}')" for i in range(20))
    with pytest.raises(
        SourceError, match=r"8 of 8 filled values in VENDOR .*'V0', 'V1', 'V2'.* count as 'in'"
    ) as caught:
        erp.night(steps("VENDOR TEXT", rows), ITEMS + STEP + 'inside = "VENDOR"\n')
    assert 'present = "out"' in caught.value.remedy


def test_names_with_dots_blanks_and_an_invisible_mark(erp: Foreign) -> None:
    sql = """CREATE TABLE "Item" ("\ufeffNo." TEXT, "Gen. Type" TEXT, "Routing No." TEXT);
        INSERT INTO "Item" VALUES ('A1', 'X', 'R1');
        CREATE TABLE "Routing Line" ("Routing No." TEXT, "No." INTEGER, "$Job" TEXT);
        INSERT INTO "Routing Line" VALUES ('R1', 10, 'SAW');"""
    profile = """
[items]
table = "Item"
[items.columns]
item_cd = "No."
[items.attributes]
part_type = { column = "Gen. Type", kind = "category" }
[operations]
table = "Routing Line"
joins = [{ table = "Item", alias = "item", on = [["Routing No.", "Routing No."]] }]
[operations.columns]
item_cd = '"item"."No."'
rout_no = "[item].[Routing No.]"
proc_seq = "No."
job_cd = "$Job"
"""
    erp.night(sql, profile)
    assert erp.read("operations", "item_cd", "rout_no", "proc_seq", "job_cd") == [("A1", "R1", 10, "SAW")]
    assert erp.tells("'\\ufeffNo.'")


def test_attributes_stored_as_rows_become_columns_and_two_values_none(erp: Foreign) -> None:
    sql = (
        steps("X TEXT", "('A1', 'R1', 10, 'SAW', NULL)")
        + """
        CREATE TABLE ATTR (PART TEXT, ID INTEGER, VAL TEXT);
        INSERT INTO ATTR VALUES ('A1', 1, 'steel'), ('A1', 2, '7.5'), ('A2', 1, 'steel'), ('A2', 1, 'brass'), ('A3', 9, 'no');
        CREATE TABLE ATTR_NAME (ID INTEGER, NM TEXT);
        INSERT INTO ATTR_NAME VALUES (1, 'Material'), (2, 'Length'), (9, 'Other');"""
    )
    pivot = """
[[items.pivot]]
table = "ATTR"
alias = "attr"
on = [["CODE", "PART"]]
joins = [{ table = "ATTR_NAME", alias = "n", on = [["ID", "ID"]] }]
name = "n.NM"
value = "VAL"
names = { material = "Material", len = "Length" }
"""
    more = 'material = { column = "attr.material", kind = "code" }\nlength = { column = "attr.len", kind = "number" }\n'
    erp.night(sql, ITEMS + more + pivot + STEP)
    assert erp.read("items", "item_cd", "material", "length") == [
        ("A1", "steel", 7.5), ("A2", None, None), ("A3", None, None),
    ]  # fmt: skip
    assert erp.tells("1 name(s) have two different values")


def test_a_company_is_part_of_every_code(erp: Foreign) -> None:
    sql = """CREATE TABLE PART (CO TEXT, CODE TEXT, TYPE TEXT, DIA REAL);
        INSERT INTO PART VALUES ('K1', 'A1', 'SHAFT', 1), ('K2', 'A1', 'VALVE', 2);
        CREATE TABLE STEP (CO TEXT, PART TEXT, R TEXT, SEQ INTEGER, JOB TEXT, MACH TEXT);
        INSERT INTO STEP VALUES ('K1', 'A1', 'R', 10, 'SAW', 'M1'), ('K2', 'A1', 'R', 10, 'CAST', 'M1');"""
    both = (ITEMS + STEP).replace('"PART"\n[items', '"PART"\ncompany = "CO"\n[items')
    both = both.replace('table = "STEP"', 'table = "STEP"\ncompany = "CO"') + 'res_cd = "MACH"\n'
    erp.night(sql, both)
    assert erp.read("operations", "item_cd", "job_cd", "res_cd") == [
        ("K1/A1", "SAW", "K1/M1"), ("K2/A1", "CAST", "K2/M1"),
    ]  # fmt: skip
    (erp.folder / "half.toml").write_text(
        'name = "half"\n' + (ITEMS + STEP).replace('"PART"\n[items', '"PART"\ncompany = "CO"\n[items'),
        encoding="utf-8",
    )
    with pytest.raises(ProfileError, match=r"operations\.company"):
        load_profile(erp.folder / "half.toml")


# --- which rows -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("condition", "kept"),
    [
        ('op = "!=", value = "X"', ["blank", "null", "y"]),
        ('op = "!=", value = ""', ["x", "y"]),
        ('op = "=", value = ""', ["blank", "null"]),
        ('op = "in", value = ["X", "Y"]', ["x", "y"]),
        ('op = "in", value = ["X", ""]', ["blank", "null", "x"]),
        ('op = "not in", value = ["X", "Z"]', ["blank", "null", "y"]),
        ('op = "like", value = "X%"', ["x"]),
        ('op = "not like", value = "X%"', ["blank", "null", "y"]),
    ],
)
def test_filters_see_null_as_people_do(erp: Foreign, condition: str, kept: list[str]) -> None:
    rows = "('A1','R',1,'x','X'), ('A1','R',2,'y','Y'), ('A1','R',3,'null',NULL), ('A1','R',4,'blank','')"
    where = f'table = "STEP"\nwhere = [{{ column = "FLAG", {condition} }}]'
    erp.night(steps("FLAG TEXT", rows), ITEMS + STEP.replace('table = "STEP"', where))
    assert [r[0] for r in erp.read("operations", "job_cd")] == kept


def test_latest_compares_what_the_filters_leave_by_several_columns(erp: Foreign) -> None:
    rows = """('A1','R',10,'OLD','2025-01-01',1,'OK'), ('A1','R',10,'NEW','2025-01-02',2,'OK'),
        ('A1','R',20,'NEW2','2025-01-02',2,'OK'), ('A1','R',10,'TIE','2025-01-02',1,'OK'),
        ('A1','R',10,'GONE','2025-02-01',3,'CANCELLED'), ('A2','R',10,'ONLY',NULL,NULL,NULL)"""
    table = (
        'table = "STEP"\nwhere = [{ column = "STATE", op = "!=", value = "CANCELLED" }]\n'
        'latest = { group = "PART", key = ["DAY", "WO"] }'
    )
    erp.night(steps("DAY TEXT, WO INTEGER, STATE TEXT", rows), ITEMS + STEP.replace('table = "STEP"', table))
    assert [r[0] for r in erp.read("operations", "job_cd")] == ["NEW", "NEW2", "ONLY"]


def test_a_condition_inside_a_join_keeps_the_items_without_a_partner(erp: Foreign) -> None:
    sql = (
        steps("X TEXT", "('A1', 'R1', 10, 'SAW', NULL)")
        + """
        CREATE TABLE TXT (PART TEXT, LANG TEXT, T TEXT);
        INSERT INTO TXT VALUES ('A1', 'E', 'shaft'), ('A1', 'D', 'Welle'), ('A2', 'D', 'Welle 2');"""
    )
    inside = ', where = [{ column = "LANG", op = "=", value = "E" }]'
    join = 'table = "PART"\njoins = [{{ table = "TXT", alias = "t", on = [["CODE", "PART"]]{} }}]'
    more = 'item_nm = { column = "t.T", kind = "text" }\n'
    erp.night(sql, ITEMS.replace('table = "PART"', join.format(inside)) + more + STEP)
    assert erp.read("items", "item_cd", "item_nm") == [("A1", "shaft"), ("A2", None), ("A3", None)]
    assert not erp.tells("left join")


def test_a_filter_on_a_left_join_is_told(erp: Foreign) -> None:
    sql = (
        steps("X TEXT", "('A1', 'R1', 10, 'SAW', NULL)")
        + """
        CREATE TABLE TXT (PART TEXT, LANG TEXT, T TEXT); INSERT INTO TXT VALUES ('A1', 'E', 'shaft');"""
    )
    join = (
        'table = "PART"\njoins = [{ table = "TXT", alias = "t", on = [["CODE", "PART"]] }]\n'
        'where = [{ column = "t.LANG", op = "=", value = "E" }]'
    )
    erp.night(sql, ITEMS.replace('table = "PART"', join) + STEP)
    assert erp.tells("[items].where on t.LANG", "left join", "Move the condition into the join")


# --- how values are written -------------------------------------------------------------------------------------------
def test_decimal_commas_are_read_as_said_or_not_at_all(erp: Foreign) -> None:
    rows = "('A1','R',10,'A','0,250'), ('A1','R',20,'B','1,500'), ('A1','R',30,'C','1.234,5')"
    profile = ITEMS + STEP + 'run_time = "RUN"\n'
    erp.night(steps("RUN TEXT", rows), profile)
    assert erp.read("operations", "job_cd", "run_min") == [("A", None), ("B", None), ("C", None)]
    assert erp.tells("decimal", "run_time")
    again = Foreign(erp.folder / "again")
    again.folder.mkdir()
    again.night(steps("RUN TEXT", rows), '[source]\ndecimal = ","\n' + profile)
    assert again.read("operations", "job_cd", "run_min") == [("A", 0.25), ("B", 1.5), ("C", 1234.5)]


@pytest.mark.parametrize(
    ("form", "written", "minutes"),
    [
        ("iso", ["PT30M", "PT1H30M", "P1DT2H", "PT90S", "PT1.5H"], [30, 90, 1560, 1.5, 90]),
        ("d.hh:mm:ss", ["00:30:00", "1.06:00:00", "12.00:00:30"], [30, 1800, 17280.5]),
        (
            "unit",
            ["15 min", "0.25 h", "1h 30min", "90 Sek.", "2,5 Std", "30 분", "1 d"],
            [15, 15, 90, 1.5, 150, 30, 1440],
        ),
    ],
)
def test_times_that_name_their_unit_or_their_days(
    erp: Foreign, form: str, written: list[str], minutes: list[float]
) -> None:
    rows = ", ".join(f"('A1', 'R', {10 * (k + 1)}, 'J', '{text}')" for k, text in enumerate(written))
    erp.night(
        steps("RUN TEXT", rows), ITEMS + STEP + f'run_time = {{ column = "RUN", time_form = "{form}" }}\n'
    )
    read = dict(erp.read("operations", "proc_seq", "run_min"))
    assert [read[10 * (k + 1)] for k in range(len(minutes))] == pytest.approx(minutes)


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("unit", "90"),
        ("unit", "1,500 min"),
        ("unit", "5 m"),
        ("iso", "PT"),
        ("iso", "P"),
        ("d.hh:mm:ss", "1.26:00:00"),
    ],
)
def test_a_time_that_can_be_read_in_two_ways_is_null_and_counted(erp: Foreign, form: str, text: str) -> None:
    erp.night(
        steps("RUN TEXT", f"('A1', 'R', 10, 'J', '{text}')"),
        ITEMS + STEP + f'run_time = {{ column = "RUN", time_form = "{form}" }}\n',
    )
    assert erp.read("operations", "run_min") == [(None,)]
    assert any("run_time" in said and "set to NULL" in said for said in erp.said)


@pytest.mark.parametrize("text", ["15 min", "0.25 h", "PT30M", "1.06:00:00", "30 분"])
def test_times_that_name_their_unit_are_told_with_the_key_that_reads_them(erp: Foreign, text: str) -> None:
    profile = ITEMS + STEP + 'run_time = "RUN"\n[routing]\nblank_time_unit = 1\n'
    erp.night(steps("RUN TEXT", f"('A1', 'R', 10, 'J', '{text}'), ('A1', 'R', 20, 'K', '5')"), profile)
    assert erp.read("operations", "proc_seq", "run_min") == [(10, None), (20, 5.0)]
    assert erp.tells("1 times in run_time name their unit", 'time_form = "unit"')


def test_a_point_beside_decimal_commas_is_not_read_either(erp: Foreign) -> None:
    rows = "('A1','R',10,'A','1.500'), ('A1','R',20,'B','2,5'), ('A1','R',30,'C','12.5')"
    erp.night(steps("RUN TEXT", rows), ITEMS + STEP + 'run_time = "RUN"\n')
    assert erp.read("operations", "job_cd", "run_min") == [("A", None), ("B", None), ("C", 12.5)]


def test_times_with_colons_are_minutes_whatever_the_unit(erp: Foreign) -> None:
    rows = "('A1','R',10,'A','01:02:30','H'), ('A1','R',20,'B','00:00:30','H'), ('A1','R',30,'C','soon','H')"
    profile = ITEMS + STEP + 'run_time = { column = "RUN", time_form = "hh:mm:ss" }\ntime_unit = "U"\n'
    erp.night(steps("RUN TEXT, U TEXT", rows), profile + "[routing]\ntime_units = { H = 60 }\n")
    assert erp.read("operations", "job_cd", "run_min") == [("A", 62.5), ("B", 0.5), ("C", None)]


@pytest.mark.parametrize(
    ("form", "written", "valid"),
    [("%d.%m.%Y", ("31.12.2019", "31.12.2099"), ["B"]), ("%m/%d/%Y", ("12/31/2019", "12/31/2099"), ["B"]),
     ("CYYDDD", ("119365", "199365"), ["B"])],
)  # fmt: skip
def test_dates_of_other_countries(
    erp: Foreign, form: str, written: tuple[str, str], valid: list[str]
) -> None:
    rows = ", ".join(
        f"('A{i}','R',10,'{'A' if old else 'B'}','{written[0] if old else written[1]}')"
        for i, old in ((1, True), (2, False))
    )
    profile = (
        ITEMS
        + STEP
        + f'valid_to = {{ column = "VTO", date_format = "{form}" }}\ninsrt_dt = {{ const = "2025-01-01" }}\n'
    )
    erp.night(steps("VTO TEXT", rows), profile)
    assert [j for j, ok in erp.read("operations", "job_cd", "rout_valid") if ok] == valid


@pytest.mark.parametrize("form", ["", '[source]\ndate_format = "%d/%m/%Y"\n'])
def test_a_date_format_that_fits_half_is_refused(erp: Foreign, form: str) -> None:
    rows = ", ".join(
        f"('A1','R',{i},'J','{d}/{m}/2025')" for i, (d, m) in enumerate([(5, 13), (13, 5)] * 5, start=1)
    )
    with pytest.raises(SourceError, match=r"VTO \(operations\.valid_to\) cannot be read") as caught:
        erp.night(steps("VTO TEXT", rows), form + ITEMS + STEP + 'valid_to = "VTO"\n')
    assert "date_format" in caught.value.remedy


def test_a_routing_of_which_one_operation_has_ended_is_told(erp: Foreign) -> None:
    rows = "('A1','R',10,'A',NULL), ('A1','R',20,'B','2001-01-01'), ('A2','R',10,'A','2001-01-01'), ('A3','R',10,'A',NULL)"
    erp.night(
        steps("VTO TEXT", rows),
        ITEMS + STEP + 'valid_to = "VTO"\ninsrt_dt = { const = "2025-01-01" }\n',
    )
    assert erp.read("operations", "job_cd", "rout_valid") == [
        ("A", False),
        ("A", False),
        ("A", True),
        ("B", False),
    ]
    assert erp.tells("operations: 1 routings have rows that are in force and rows that are not (valid_to)")


def test_dates_that_mean_none(erp: Foreign) -> None:
    rows = "('A1','R',10,'A','1753-01-01'), ('A2','R',10,'B','00000000'), ('A3','R',10,'C','1999-09-09')"
    profile = ITEMS + STEP + 'valid_to = "VTO"\ninsrt_dt = { const = "2025-01-01" }\n'
    erp.night(steps("VTO TEXT", rows), profile)
    assert erp.read("operations", "job_cd", "rout_valid") == [("A", True), ("B", True), ("C", False)]
    assert erp.tells("1 dates in valid_to", "no_date")
    named = Foreign(erp.folder / "named")
    named.folder.mkdir()
    named.night(steps("VTO TEXT", rows), "[source]\nno_date = [1753-01-01, 1999-09-09]\n" + profile)
    assert [ok for _, ok in named.read("operations", "job_cd", "rout_valid")] == [True, True, True]
    assert not named.tells("no_date")


# --- what times mean --------------------------------------------------------------------------------------------------
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
    other = Foreign(erp.folder / "other")
    other.folder.mkdir()
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
    good = Foreign(erp.folder / "good")
    good.folder.mkdir()
    good.night(sql + done.format("H"), ITEMS + RESULT_STEP)
    assert good.tells("UOM of DONE has 2 different words in 2 rows", "qty_unit")


def test_times_without_a_unit_are_told_where_a_column_looks_like_one(erp: Foreign) -> None:
    erp.night(
        steps("RUN REAL, RUN_UOM TEXT", "('A1','R',10,'A',2,'MIN')"), ITEMS + STEP + 'run_time = "RUN"\n'
    )
    assert erp.tells("No unit is read for run_time", "RUN_UOM", "time_unit")
    hours = Foreign(erp.folder / "hours")
    hours.folder.mkdir()
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


# --- order and machines -----------------------------------------------------------------------------------------------
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
    plain = Foreign(erp.folder / "plain")
    plain.folder.mkdir()
    plain.night(sql.replace("'20A'", "'20'").replace("'10.5'", "'15'"), ITEMS + STEP)
    assert plain.tells("1 of 5 operation numbers in SEQ", "'OP10'", "natural = true")


def test_several_machines_of_one_operation(erp: Foreign) -> None:
    rows = "('A1','R',10,'A','M3',3), ('A1','R',10,'A','M2',1), ('A1','R',10,'A','M1',2), ('A2','R',10,'A','M1',1)"
    profile = ITEMS + STEP + 'res_cd = "MACH"\n'
    erp.night(steps("MACH TEXT, P INTEGER", rows), profile + 'resource_priority = "P"\n')
    assert erp.read("operations", "item_cd", "res_cd", "further_res") == [
        ("A1", "M2", "M1\nM3"), ("A2", "M1", None),
    ]  # fmt: skip
    assert erp.report.frames["operations"].filtered == {"alternative_machine": 2}
    assert erp.report.frames["operations"].rejects == {}
    other = Foreign(erp.folder / "other")
    other.folder.mkdir()
    other.night(steps("MACH TEXT, P INTEGER", rows), profile)
    assert other.read("operations", "item_cd", "res_cd") == [("A1", "M1"), ("A2", "M1")]
    assert other.report.frames["operations"].rejects == {"several_machines": 2}
    assert other.tells("2 row(s) name a further machine", "resource_priority")


MACHINES = """
CREATE TABLE WORKCENTER (CODE TEXT, NM TEXT, ACTIVE TEXT, UNTIL TEXT, NEXT TEXT);
INSERT INTO WORKCENTER VALUES ('M1', 'one', '1', NULL, NULL), ('M2', 'two', '0', NULL, 'M3'), ('M3', 'three', '0', NULL, 'm1'),
    ('M4', 'four', '0', NULL, NULL), ('M5', 'five', '1', '2020-12-31', NULL), ('M6', 'six', '?', NULL, NULL);
"""


def test_a_machine_out_of_use_leaves_routings_and_results(erp: Foreign) -> None:
    rows = ", ".join(f"('A1','R',{10 * i},'J{i}','M{i}')" for i in range(1, 8))
    results = """CREATE TABLE DONE (PART TEXT, R TEXT, SEQ INTEGER, JOB TEXT, MACH TEXT, H REAL);
        INSERT INTO DONE VALUES ('A1','R',20,'J2','M2',1), ('A1','R',10,'J1','M1',1);"""
    profile = (
        ITEMS
        + STEP
        + """res_cd = "MACH"
insrt_dt = { const = "2025-01-01" }
[results]
table = "DONE"
[results.columns]
item_cd = "PART"
rout_no = "R"
proc_seq = "SEQ"
job_cd = "JOB"
res_cd = "MACH"
machine_time = "H"
[resources]
table = "WORKCENTER"
[resources.columns]
res_cd = "CODE"
res_nm = "NM"
active = "ACTIVE"
valid_to = "UNTIL"
replaced_by = "NEXT"
"""
    )
    erp.night(steps("MACH TEXT", rows) + MACHINES + results, profile)
    assert erp.read("operations", "job_cd", "res_cd", "res_nm") == [
        ("J1", "M1", None), ("J2", "M1", "one"), ("J3", "M1", "one"), ("J4", None, None), ("J5", None, None),
        ("J6", "M6", None), ("J7", "M7", None),
    ]  # fmt: skip
    assert erp.read("work_results", "job_cd", "res_cd", "machine_gone") == [
        ("J1", "M1", None),
        ("J2", None, True),
    ]
    repairs = erp.report.frames["operations"].repairs
    assert [repairs[r]["res_cd"] for r in ("replaced_resource", "inactive_resource", "unknown_resource")] == [
        2,
        2,
        1,
    ]
    assert erp.tells("2 rows name a machine that is out of use") and erp.tells(
        "1 machine(s) have a word", "'?'"
    )


def test_a_machine_master_that_is_not_read_is_told(erp: Foreign) -> None:
    erp.night(steps("MACH TEXT", "('A1','R',10,'A','M2')") + MACHINES, ITEMS + STEP + 'res_cd = "MACH"\n')
    assert erp.tells(
        "WORKCENTER has ACTIVE", "3 of its 6 rows look out of use, and 1 routing rows name", "[resources]"
    )


# --- what is refused --------------------------------------------------------------------------------------------------
def test_item_codes_of_two_companies_stop_the_run(erp: Foreign) -> None:
    twice = ", ".join(f"('A{i}', 'VALVE', {i})" for i in range(10, 16))
    once = ", ".join(f"('A{i}', 'SHAFT', {100 + i})" for i in range(10, 30))
    sql = steps("X TEXT", "('A1','R',10,'A',NULL)") + f"INSERT INTO PART VALUES {twice}, {once};"
    few = Foreign(erp.folder / "few")
    few.folder.mkdir()
    few.night(
        steps("X TEXT", "('A1','R',10,'A',NULL)") + "INSERT INTO PART VALUES ('A1', 'VALVE', 9);",
        ITEMS + STEP,
    )
    assert few.tells("1 of 3 item codes occur", "The row with most values was kept")
    with pytest.raises(SourceError, match="6 of 23 item codes") as caught:
        erp.night(sql, ITEMS + STEP)
    assert "company" in caught.value.remedy
    erp.night("", ITEMS.replace('table = "PART"', 'table = "PART"\non_repeated_code = "reject"') + STEP)
    assert erp.report.frames["items"].rejects == {"duplicate_key": 6}


def test_a_free_text_is_no_job_code(erp: Foreign) -> None:
    rows = ", ".join(f"('A{i % 3 + 1}','R{i}',10,'Turn dia {i} h6',NULL)" for i in range(30))
    with pytest.raises(SourceError, match="30 job codes on 30 operations") as caught:
        erp.night(steps("X TEXT", rows), ITEMS + STEP)
    assert "work centre" in caught.value.remedy


@pytest.mark.parametrize(
    ("body", "key", "says"),
    [
        ('[[items.pivot]]\ntable = "T"\nalias = "t"\non = []\nname = "N"\nvalue = "V"\nnames = { a = "A" }\n',
         "items.pivot.0.on", "join without a key"),
        ('[routing]\n[operations.columns.run_basis]\ncolumn = "B"\n', "routing.run_basis_words", "nothing says"),
        ('[operations.columns.qty_unit]\ncolumn = "B"\n', "routing.qty_units", "nothing says"),
        ('[operations.columns.run_time]\nconcat = ["A", "B"]\n', "operations.columns.run_time", "make texts"),
        ('[operations.columns.job_nm]\nsum = ["A", "B"]\n', "operations.columns.job_nm", "adds numbers"),
        ('[operations.columns.job_nm]\ncolumn = "A"\nabsent = "x"\n', "operations.columns.job_nm", "goes with present"),
        ('[operations.columns.job_nm]\ncolumn = "A"\ncoalesce = ["B"]\n', "operations.columns.job_nm", "only one"),
        ('[operations.columns.job_nm]\ncolumn = "A"\nnatural = true\n', "operations.columns.job_nm.natural", "proc_seq"),
        ('[operations.columns.job_nm]\ncolumn = "A"\ntime_form = "hh:mm"\n', "operations.columns.job_nm.time_form", "times"),
        ('[operations.columns.job_nm]\ncolumn = "A"\ndate_format = "%Y"\n', "operations.columns.job_nm.date_format", "no date"),
        ('[[operations.where]]\ncolumn = "A"\nop = "in"\nvalue = "x"\n', "operations.where.0", "needs a list"),
        ('[[operations.where]]\ncolumn = "A"\nop = "="\nvalue = ["x"]\n', "operations.where.0", "one value"),
        ('[[operations.joins]]\ntable = "T"\nalias = "main"\non = [["A", "B"]]\n', "operations.joins", "alias"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused_when_it_is_loaded(
    tmp_path: Path, body: str, key: str, says: str
) -> None:
    path = tmp_path / "p.toml"
    path.write_text(f'name = "p"\n{ITEMS}{STEP}{body}', encoding="utf-8")
    with pytest.raises(ProfileError, match=says) as caught:
        load_profile(path)
    assert caught.value.key == key


# --- statements and round trips ---------------------------------------------------------------------------------------
def test_statement_for_sql_server(erp: Foreign) -> None:
    """Pivot, conditions in joins, filters with NULL, latest and parts of keys, in T-SQL."""
    with sqlite3.connect(erp.folder / "erp.db") as made:
        made.executescript(
            steps("X TEXT, DAY TEXT", "('A1','R',10,'A',NULL,NULL)")
            + "CREATE TABLE TXT (JOB TEXT, LANG TEXT, T TEXT); CREATE TABLE ATTR (PART TEXT, K TEXT, V TEXT);"
        )
    body = STEP.replace('"R"', '{ concat = ["R", "X"] }').replace(
        'table = "STEP"',
        """table = "STEP"
joins = [{ table = "TXT", alias = "t", on = [["JOB", "JOB"]], where = [{ column = "LANG", op = "=", value = "E" }] }]
pivot = [{ table = "ATTR", alias = "attr", on = [["PART", "PART"]], name = "K", value = "V", names = { nm = "NAME" } }]
where = [{ column = "X", op = "not in", value = ["A", "B"] }, { column = "X", op = "!=", value = "" }]
latest = { group = "PART", key = "DAY" }""",
    )
    path = erp.folder / "p.toml"
    path.write_text(f'name = "p"\n{ITEMS}{body}job_nm = "attr.nm"\n', encoding="utf-8")
    engine = sa.create_engine(f"sqlite:///{erp.folder / 'erp.db'}")
    binding = bind(engine, load_profile(path)).bindings["operations"]
    engine.dispose()
    compiled = select_of(binding, "mssql").compile(
        dialect=mssql.dialect(), compile_kwargs={"literal_binds": True}
    )  # type: ignore[no-untyped-call]
    golden = Path(__file__).parents[2] / "golden" / "profile_language_mssql.sql"
    assert (
        re.sub(r"\s+", " ", str(compiled)).strip()
        == re.sub(r"\s+", " ", golden.read_text(encoding="utf-8")).strip()
    )


_CELL = st.one_of(st.none(), st.sampled_from(["", " ", "a", "B1", "x/y", "007"]))


@pytest.fixture(scope="module")
def raw_of(
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[list[tuple[str | None, str | None]], str], list[Any]]:
    """Reads `job_nm`, mapped as told, over a table with columns A and B."""
    folder = tmp_path_factory.mktemp("round_trip")

    def read(cells: list[tuple[str | None, str | None]], mapping: str) -> list[Any]:
        (folder / "erp.db").unlink(missing_ok=True)
        with sqlite3.connect(folder / "erp.db") as made:
            made.executescript(
                PARTS + "CREATE TABLE STEP (PART TEXT, R TEXT, SEQ INTEGER, JOB TEXT, A TEXT, B TEXT);"
            )
            made.executemany(
                "INSERT INTO STEP VALUES ('A1', 'R', ?, 'J', ?, ?)", [(i, *c) for i, c in enumerate(cells)]
            )
        path = folder / "p.toml"
        path.write_text(f'name = "p"\n{ITEMS}{STEP}job_nm = {mapping}\n', encoding="utf-8")
        extract(
            f"sqlite:///{folder / 'erp.db'}", load_profile(path), folder / "raw", load_settings(home=folder)
        )
        problems = pl.read_parquet(folder / "raw" / "operations.problems.parquet")
        assert problems.schema == PROBLEMS
        return pl.read_parquet(folder / "raw" / "operations.parquet").sort("proc_seq")["job_nm"].to_list()

    return read


def filled(cell: str | None) -> str | None:
    return cell if cell is not None and cell.strip() else None


@pytest.mark.parametrize(
    ("mapping", "meant"),
    [
        ('{ coalesce = ["A", "B"] }', lambda a, b: filled(a) or filled(b)),
        (
            '{ concat = ["A", "B"], separator = "|" }',
            lambda a, b: f"{a.strip()}|{b.strip()}" if filled(a) and filled(b) else None,
        ),
        ('{ first_of = ["NOPE", "B"] }', lambda a, b: b),
        (
            '{ column = "A", map = { a = "z", B1 = "b" } }',
            lambda a, b: {"a": "z", "B1": "b"}.get((a or "").strip(), a),
        ),
        ('{ column = "A", present = "out", absent = "in" }', lambda a, b: "out" if filled(a) else "in"),
    ],
)
@given(cells=st.lists(st.tuples(_CELL, _CELL), min_size=1, max_size=30))
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_forms_of_columns_make_what_they_mean(
    raw_of: Callable[..., list[Any]],
    mapping: str,
    meant: Callable[[str | None, str | None], str | None],
    cells: list[tuple[str | None, str | None]],
) -> None:
    assert raw_of(cells, mapping) == [meant(a, b) for a, b in cells]


class ServerInspector:
    """What SQL Server's catalogue would say: a table here, one in another database, and a synonym for that one."""

    default_schema_name = "dbo"
    tables: ClassVar[dict[str | None, list[str]]] = {"dbo": ["STEP"], "[Other Db].[dbo]": ["PART"]}

    @property
    def engine(self) -> Any:
        rows = SimpleNamespace(all=lambda: [("dbo", "OUR_PARTS", "[Other Db].[dbo].[PART]")])
        connection = SimpleNamespace(exec_driver_sql=lambda _: rows)
        return SimpleNamespace(connect=lambda: nullcontext(connection))

    def get_table_names(self, schema: str | None = None) -> list[str]:
        return self.tables.get(schema, [])

    def get_view_names(self, schema: str | None = None) -> list[str]:
        return []

    def get_columns(self, name: str, schema: str | None = None) -> list[dict[str, Any]]:
        assert name in self.tables[schema]
        names = {"PART": ("CODE", "TYPE", "DIA"), "STEP": ("PART", "R", "SEQ", "JOB")}[name]
        return [{"name": n, "type": sa.Integer() if n == "SEQ" else sa.Unicode(50)} for n in names]


@pytest.mark.parametrize("table", ["Other Db.dbo.part", "[Other Db].[dbo].[PART]", "our_parts"])
def test_synonyms_and_other_databases_of_a_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, table: str
) -> None:
    path = tmp_path / "p.toml"
    schema = '[source]\nschema = "dbo"\n' if "." not in table else ""
    body = (ITEMS + STEP).replace('table = "PART"', f'table = "{table}"').replace('"STEP"', '"dbo.STEP"')
    if schema:
        body = body.replace('"dbo.STEP"', '"STEP"')
    path.write_text(f'name = "p"\n{schema}{body}', encoding="utf-8")
    monkeypatch.setattr(sa, "inspect", lambda _: ServerInspector())
    engine: Any = SimpleNamespace(url=sa.make_url("mssql+pyodbc://h/erp"), dialect=mssql.dialect())  # type: ignore[no-untyped-call]
    binding = bind(engine, load_profile(path)).bindings["items"]
    sql = str(select_of(binding, "mssql").compile(dialect=mssql.dialect()))  # type: ignore[no-untyped-call]
    assert sql.endswith("FROM [Other Db].dbo.[PART] AS main")


# --- results that name operations by another number -------------------------------------------------------------------
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


# --- machines that can stand in ---------------------------------------------------------------------------------------
def test_two_machines_of_one_priority_are_told(erp: Foreign) -> None:
    rows = "('A1','R',10,'A','SAW',1), ('A1','R',10,'A','CREW',1), ('A2','R',10,'A','SAW',1), ('A2','R',10,'A','CREW',2)"
    erp.night(
        steps("MACH TEXT, P INTEGER", rows), ITEMS + STEP + 'res_cd = "MACH"\nresource_priority = "P"\n'
    )
    assert erp.tells("1 operations have two machines of the same", "filter")


MASTER = """
CREATE TABLE WC (CODE TEXT, NM TEXT, ACTIVE TEXT, GRP TEXT, ALT TEXT);
INSERT INTO WC VALUES ('L1', 'one', '1', 'G', NULL), ('L2', 'two', '1', 'G', NULL), ('L3', 'three', '0', 'G', NULL),
    ('M1', 'mill', '1', NULL, 'M2'), ('M1', 'mill', '1', NULL, 'L3'), ('M2', 'mill 2', '1', NULL, NULL),
    ('X1', 'gone', '0', 'G', NULL), ('X2', 'gone too', '0', NULL, 'M2');
"""
GROUPS = """res_cd = "MACH"
resource_priority = "P"
[resources]
table = "WC"
[resources.columns]
res_cd = "CODE"
res_nm = "NM"
active = "ACTIVE"
res_group = "GRP"
alternate = "ALT"
"""


def test_groups_and_alternates_of_the_master_stand_in_and_nothing_out_of_use_does(erp: Foreign) -> None:
    rows = """('A1','R',10,'A','L1',1), ('A1','R',20,'B','M1',1), ('A1','R',20,'B','L3',2), ('A1','R',20,'B','Z9',3),
        ('A1','R',30,'C','X1',1), ('A1','R',40,'D','X2',1), ('A1','R',50,'E','X1',1), ('A1','R',50,'E','L2',2)"""
    erp.night(steps("MACH TEXT, P INTEGER", rows) + MASTER, ITEMS + STEP + GROUPS)
    assert erp.read("operations", "job_cd", "res_cd", "res_nm", "further_res") == [
        ("A", "L1", None, "L2"),
        ("B", "M1", None, "Z9\nM2"),  # further machines of the routing come before those of the master
        (
            "C",
            None,
            None,
            "L1\nL2",
        ),  # a machine of its group may do it, but no one says that it is planned there
        ("D", "M2", "mill 2", None),
        ("E", "L2", "two", "L1"),
    ]
    assert erp.report.frames["operations"].repairs["stood_in_resource"] == {"res_cd": 2}
    assert erp.tells("2 routing rows name a machine that is out of use and has another machine beside it")


def test_a_group_of_a_whole_plant_is_no_group(erp: Foreign) -> None:
    many = ", ".join(f"('N{i}', '', '1', 'PLANT', NULL)" for i in range(60))
    sql = (
        steps("MACH TEXT, P INTEGER", "('A1','R',10,'A','N1',1)") + MASTER + f"INSERT INTO WC VALUES {many};"
    )
    erp.night(sql, ITEMS + STEP + GROUPS)
    assert erp.read("operations", "further_res") == [(None,)]
    assert erp.tells("'PLANT' has more than 50 machines", "res_group")


def test_times_without_a_quantity_are_told_with_the_key_that_puts_shifts_together(erp: Foreign) -> None:
    table = "CREATE TABLE DONE (PART TEXT, R TEXT, SEQ INTEGER, JOB TEXT, ISM02 REAL, QTY REAL, WO TEXT);"
    done = "INSERT INTO DONE VALUES ('A1','R',10,'A',2.5,0,'W1'), ('A1','R',10,'A',2.5,10,'W1');"
    sql = steps("X TEXT", "('A1','R',10,'A',NULL)") + table + done
    erp.night(sql, ITEMS + RESULT_STEP)
    assert erp.tells("1 of 2 rows have a run time and no quantity", "order_no", "order_quantity")
    whole = Foreign(erp.folder / "whole")
    whole.folder.mkdir()
    both = (
        RESULT_STEP.replace('table = "DONE"', 'table = "DONE"\norder_quantity = "sum"') + 'order_no = "WO"\n'
    )
    whole.night(sql, ITEMS + both)
    assert whole.read("work_results", "machine_time", "order_qty") == [(5.0, 10.0)]
    assert not whole.tells("no quantity")
