"""Columns of units that are not applied to the sizes and quantities beside them, in every table that a number is read from."""

from __future__ import annotations

from pathlib import Path

import pytest
from foreign_erp import ITEMS, STEP, Foreign, steps

from routing_etl.errors import SourceError

ROUTED = steps("X TEXT", "('A1','R',10,'A',NULL)")
#: Attributes as rows; the items' own table has CODE, TYPE and DIA.
FEATURE = """
[[items.pivot]]
table = "FEATURE"
alias = "f"
on = [["CODE", "PART"]]
name = "NAME"
value = "VALUE"
names = {{ len = "LENGTH", holes = "HOLES" }}
{more}
[items.attributes.len]
column = "f.len"
kind = "number"
{unit}
[items.attributes.holes]
column = "f.holes"
kind = "number"
"""
FEATURES = "CREATE TABLE FEATURE (PART TEXT, NAME TEXT, VALUE REAL, {column} TEXT); INSERT INTO FEATURE VALUES {rows};"


@pytest.fixture
def erp(tmp_path: Path) -> Foreign:
    return Foreign(tmp_path)


def _features(column: str, *units: str) -> str:
    rows = ", ".join(f"('A{i}','LENGTH',{i}0,{u}), ('A{i}','HOLES',{i},NULL)" for i, u in enumerate(units, 1))
    return ROUTED + FEATURES.format(column=column, rows=rows)


def _profile(more: str = "", unit: str = "") -> str:
    return ITEMS + FEATURE.format(more=more, unit=unit) + STEP


@pytest.mark.parametrize("column", ["EINHEIT", "UOM", "DETAIL"])
def test_attributes_as_rows_in_several_units_are_told(erp: Foreign, column: str) -> None:
    erp.night(_features(column, "'mm'", "'cm'", "' ZOLL'"), _profile())
    assert erp.tells(
        f"by {column} of FEATURE", "not applied", "len is in several units (mm in 1, cm in 1, in in 1 rows)",
        "items.pivot", f'add "{column}" to items.ignore',
    )  # fmt: skip
    assert not erp.tells("holes is in")


def test_one_unit_that_is_not_the_declared_one_is_told(erp: Foreign) -> None:
    told = "len is in cm in 2 rows, and the profile says unit = 'mm'"
    declared = 'unit = "mm"\nunit_group = "size"\n'
    units = '[units]\nblank_default = { size = "mm" }\n[units.quantities]\nlength = { mm = 1, cm = 10 }\n'
    erp.night(_features("UOM", "'cm'", "'CM'", "NULL"), _profile(unit=declared) + units)
    assert erp.tells(told)
    same = erp.beside("same")
    same.night(_features("UOM", "'mm'", "'MM'", "NULL"), _profile(unit=declared) + units)
    assert not same.tells("not applied")


@pytest.mark.parametrize(
    ("units", "column"),
    [
        (("'mm'", "'mm'", "'mm'"), "UOM"),  # one unit, and none declared
        (("'S'", "'M'", "'L'"), "DETAIL"),  # sizes of clothes
        (("'red'", "'mm'", "'cm'"), "DETAIL"),  # words
    ],
)
def test_what_is_in_one_unit_or_in_none_is_not_told(
    erp: Foreign, units: tuple[str, ...], column: str
) -> None:
    erp.night(_features(column, *units), _profile())
    assert not erp.tells("not applied")


def test_a_unit_that_is_applied_or_ignored_is_not_told(erp: Foreign) -> None:
    again = """[[items.pivot]]
table = "FEATURE"
alias = "u"
on = [["CODE", "PART"]]
name = "NAME"
value = "UOM"
names = { len = "LENGTH" }
"""
    applied = 'unit = "mm"\nunit_column = "u.len"\nunit_group = "size"\n'
    units = (
        '[units]\nblank_default = { size = "mm" }\nmap = { MM = "mm", CM = "cm" }\n'
        "[units.quantities]\nlength = { mm = 1, cm = 10 }\n"
    )
    erp.night(_features("UOM", "'mm'", "'cm'"), _profile(again, applied) + units)
    assert not erp.tells("not applied")
    assert erp.read("items", "item_cd", "len") == [("A1", 10.0), ("A2", 200.0), ("A3", None)]
    ignored = erp.beside("ignored")
    profile = _profile().replace('table = "PART"', 'table = "PART"\nignore = ["UOM"]')
    ignored.night(_features("UOM", "'mm'", "'cm'"), profile)
    assert not ignored.tells("not applied")


SIZES = """
[items]
table = "PART"
joins = [{{ table = "SIZE", alias = "s", on = [["CODE", "PART"]] }}]
[items.columns]
item_cd = "CODE"
[items.attributes]
part_type = {{ column = "TYPE", kind = "category" }}
len = {{ column = "s.LEN", kind = "number" }}
{more}
"""


def _sizes(columns: str, *rows: str) -> str:
    return f"{ROUTED}CREATE TABLE SIZE (PART TEXT, LEN REAL, {columns}); INSERT INTO SIZE VALUES {', '.join(rows)};"


def test_a_joined_table_in_several_units_is_told(erp: Foreign) -> None:
    rows = ("('A1',10,'mm')", "('A2',2,'in')", "('A3',NULL,'cm')")
    erp.night(_sizes("LEN_UOM TEXT", *rows), SIZES.format(more="") + STEP)
    assert erp.tells(
        "by LEN_UOM of SIZE", "len is in several units (mm in 1, in in 1 rows)", 'unit_column = "s.LEN_UOM"'
    )


def test_a_unit_that_is_read_as_an_attribute_only_is_told(erp: Foreign) -> None:
    more = 'einheit = { column = "s.UOM", kind = "category" }'
    erp.night(_sizes("UOM TEXT", "('A1',10,'mm')", "('A2',2,'cm')"), SIZES.format(more=more) + STEP)
    assert erp.tells("by UOM of SIZE", "len is in several units", 'unit_column = "s.UOM"')


def test_the_unit_of_a_number_that_is_not_read_is_not_told(erp: Foreign) -> None:
    rows = ("('A1',10,5,'kg')", "('A2',2,500,'g')")
    erp.night(_sizes("WEIGHT REAL, WEIGHT_UOM TEXT", *rows), SIZES.format(more="") + STEP)
    assert not erp.tells("not applied")
    read = erp.beside("read")
    more = 'weight = { column = "s.WEIGHT", kind = "number" }'
    read.night(_sizes("WEIGHT REAL, WEIGHT_UOM TEXT", *rows), SIZES.format(more=more) + STEP)
    assert read.tells("by WEIGHT_UOM of SIZE", "weight is in several units (g in 1, kg in 1 rows)")
    assert not read.tells("len is in")


def test_lead_times_and_purchases_in_several_units_are_told(erp: Foreign) -> None:
    rows = "('A1','R',10,'A',5,'DAYS'), ('A2','R',10,'A',2,'WEEKS')"
    bought = "CREATE TABLE PO (PART TEXT, NO TEXT, QTY REAL, QTY_UOM TEXT); INSERT INTO PO VALUES ('A1','1',1,'kg'), ('A2','2',1,'t');"
    orders = '[purchase_orders]\ntable = "PO"\n[purchase_orders.columns]\nitem_cd = "PART"\npo_no = "NO"\nqty = "QTY"\n'
    profile = ITEMS + STEP + 'mfg_lt = "LT"\n' + orders
    erp.night(steps("LT REAL, LT_UOM TEXT", rows) + bought, profile)
    assert erp.tells("operations: by LT_UOM of STEP", "mfg_lt is in several units")
    assert erp.tells("purchase_orders: by QTY_UOM of PO", "qty is in several units (kg in 1, t in 1 rows)")


def test_a_unit_of_times_in_a_joined_table_refuses_as_one_in_the_main_table_does(erp: Foreign) -> None:
    head = "CREATE TABLE HEAD (R TEXT, TIME_UOM TEXT, UOM TEXT); INSERT INTO HEAD VALUES ('R','{}','PCS');"
    join = STEP.replace('"STEP"', '"STEP"\njoins = [{ table = "HEAD", alias = "h", on = [["R", "R"]] }]')
    profile = ITEMS + join + 'run_time = "RUN"\n'
    sql = steps("RUN REAL", "('A1','R',10,'A',2)")
    with pytest.raises(
        SourceError, match=r"TIME_UOM of HEAD .* 1 of 1 rows .* run_time is read .as minutes."
    ) as caught:
        erp.night(sql + head.format("H"), profile)
    assert '"h.TIME_UOM"' in caught.value.remedy
    erp.beside("minutes").night(sql + head.format("MIN"), profile)
