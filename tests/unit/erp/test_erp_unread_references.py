"""Heads of routings whose operations are those of another head are told where the profile does not read the reference."""

from __future__ import annotations

from pathlib import Path

import pytest
from foreign_erp import Foreign

#: Items 1 to 30 have a head each; of every third the operations are those of the head before, in the column REF.
SQL = """
CREATE TABLE PART (ID INTEGER, CODE TEXT, TYPE TEXT);
CREATE TABLE HEAD (HEAD_ID INTEGER, PART_ID INTEGER, {ref} INTEGER, PIECES INTEGER);
CREATE TABLE LINE (HEAD_ID INTEGER, SEQ INTEGER, JOB TEXT, RUN REAL);
"""
ITEMS = """
[items]
table = "PART"
[items.columns]
item_cd = "CODE"
[items.attributes]
part_type = { column = "TYPE", kind = "category" }
"""
HEADS = """
[operations]
table = "HEAD"
joins = [
  { table = "LINE", alias = "line", on = [["HEAD_ID", "HEAD_ID"]], kind = "inner" },
  { table = "PART", alias = "part", on = [["PART_ID", "ID"]] },
]
[operations.columns]
item_cd = "part.CODE"
rout_no = { column = "HEAD_ID", integer_code = true }
proc_seq = "line.SEQ"
job_cd = "line.JOB"
run_time = "line.RUN"
[routing]
blank_time_unit = 1
"""
LINES = """
[operations]
table = "LINE"
joins = [
  { table = "HEAD", alias = "head", on = [["HEAD_ID", "HEAD_ID"]] },
  { table = "PART", alias = "part", on = [["head.PART_ID", "ID"]] },
]
[operations.columns]
item_cd = "part.CODE"
rout_no = { column = "HEAD_ID", integer_code = true }
proc_seq = "SEQ"
job_cd = "JOB"
run_time = "RUN"
[routing]
blank_time_unit = 1
"""


@pytest.fixture
def erp(tmp_path: Path) -> Foreign:
    return Foreign(tmp_path)


def plant(ref: str, *, own: bool, common: bool = True) -> str:
    sql = SQL.format(ref=ref)
    for i in range(1, 31):
        of_another = common and i % 3 == 0
        named = i - 1 if of_another else i if own else "NULL"
        sql += f"INSERT INTO PART VALUES ({i}, 'A{i}', 'BOX'); INSERT INTO HEAD VALUES ({i}, {i}, {named}, {i % 4 + 1});\n"
        if i % 3:
            sql += f"INSERT INTO LINE VALUES ({i}, 10, 'CUT', 2), ({i}, 20, 'GLUE', 1);\n"
    return sql


@pytest.mark.parametrize("profile", [HEADS, LINES], ids=["heads", "lines"])
@pytest.mark.parametrize(
    ("ref", "own"), [("COMMON_HEAD_ID", True), ("COMMON_HEAD_ID", False), ("ZUGEHOERIG", True)]
)
def test_heads_without_rows_that_name_another_are_told(
    erp: Foreign, profile: str, ref: str, own: bool
) -> None:
    erp.night(plant(ref, own=own), ITEMS + profile)
    assert len({item for (item,) in erp.read("operations", "item_cd")}) == 20
    assert erp.tells("10 rows of HEAD have no row in LINE by HEAD_ID", ref, "predicted for their items")


def test_read_by_the_reference_all_items_have_their_routing_and_nothing_is_told(erp: Foreign) -> None:
    joined = HEADS.replace('[["HEAD_ID", "HEAD_ID"]]', '[["COMMON_HEAD_ID", "HEAD_ID"]]')
    erp.night(plant("COMMON_HEAD_ID", own=True), ITEMS + joined)
    assert len({item for (item,) in erp.read("operations", "item_cd")}) == 30
    assert not erp.tells("have no row in LINE")


def test_heads_that_only_have_no_rows_and_numbers_that_are_no_references_are_not_told(erp: Foreign) -> None:
    erp.night(plant("COMMON_HEAD_ID", own=True, common=False), ITEMS + HEADS)
    assert not erp.tells("have no row in LINE")
    ignored = HEADS.replace('"HEAD"\n', '"HEAD"\nignore = ["COMMON_HEAD_ID"]\n', 1)
    other = erp.beside("ignored").night(plant("COMMON_HEAD_ID", own=True), ITEMS + ignored)
    assert not other.tells("have no row in LINE")
