"""Machines of operations: several of one operation, the machine master, and machines that stand in for one out of use."""

from __future__ import annotations

from pathlib import Path

import pytest
from foreign_erp import ITEMS, STEP, Foreign, steps


@pytest.fixture
def erp(tmp_path: Path) -> Foreign:
    return Foreign(tmp_path)


def test_several_machines_of_one_operation(erp: Foreign) -> None:
    rows = "('A1','R',10,'A','M3',3), ('A1','R',10,'A','M2',1), ('A1','R',10,'A','M1',2), ('A2','R',10,'A','M1',1)"
    profile = ITEMS + STEP + 'res_cd = "MACH"\n'
    erp.night(steps("MACH TEXT, P INTEGER", rows), profile + 'resource_priority = "P"\n')
    assert erp.read("operations", "item_cd", "res_cd", "further_res") == [
        ("A1", "M2", "M1\nM3"), ("A2", "M1", None),
    ]  # fmt: skip
    assert erp.report.frames["operations"].filtered == {"alternative_machine": 2}
    assert erp.report.frames["operations"].rejects == {}
    other = erp.beside("other")
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


def test_a_machine_of_one_group_belongs_to_it_and_one_of_two_to_none(erp: Foreign) -> None:
    machines = """CREATE TABLE WORKCENTER (CODE TEXT, GRP TEXT);
        INSERT INTO WORKCENTER VALUES ('M1', 'LATHES'), ('M2', 'LATHES'), ('M2', 'MILLS'), ('M3', NULL), (' m4', 'MILLS');"""
    profile = ITEMS + STEP + """res_cd = "MACH"
[resources]
table = "WORKCENTER"
[resources.columns]
res_cd = "CODE"
res_group = "GRP"
"""  # fmt: skip
    erp.night(steps("MACH TEXT", "('A1','R',10,'J1','M1')") + machines, profile)
    assert erp.read("work_centre_groups", "res_cd", "res_group") == [("M1", "LATHES"), ("m4", "MILLS")]


def test_a_machine_that_the_master_spells_in_another_way_is_the_same_machine(erp: Foreign) -> None:
    """Else one job would be published with `L2` and `l2`, which break the primary key of `resource_alternative`."""
    master = """
        CREATE TABLE WC (CODE TEXT, NM TEXT, ACTIVE TEXT, GRP TEXT, ALT TEXT);
        INSERT INTO WC VALUES ('l1', 'one', '1', 'g', NULL), ('ｌ2', 'two', '1', 'G ', NULL), ('X1', 'gone', '0', NULL, 'l2'),
            ('m1', 'mill', '1', NULL, 'M9'), ('m9', 'mill 9', '1', NULL, NULL);
        """
    rows = """('A1','R',10,'A','L1',1), ('A2','R',10,'A','L2',1), ('A2','R',20,'C','X1',1), ('A2','R',30,'B','M1',1),
        ('A1','R',30,'B','M9',1), ('A1','R',40,'A','L2',1)"""
    erp.night(steps("MACH TEXT, P INTEGER", rows) + master, ITEMS + STEP + GROUPS)
    assert erp.read("operations", "item_cd", "job_cd", "res_cd", "further_res") == [
        ("A1", "A", "L1", "L2"), ("A1", "A", "L2", "L1"), ("A1", "B", "M9", None), ("A2", "A", "L2", "L1"),
        ("A2", "B", "M1", "M9"), ("A2", "C", "L2", None),
    ]  # fmt: skip
    pairs = {(p.spelling, p.rows, p.kept) for p in erp.report.respelled}
    assert {("l1", 1, "L1"), ("l2", 2, "L2")} <= pairs


def test_machines_out_of_use_are_named_with_their_rows_the_most_frequent_first(erp: Foreign) -> None:
    seen = ["X2"] * 3 + ["X1"] * 2 + ["L1"] + [f"L3{i}" for i in range(7)]
    rows = ", ".join(f"('A1','R',{10 * i},'J{i}','{code}')" for i, code in enumerate(seen, 1))
    gone = "".join(f"INSERT INTO WC VALUES ('L3{i}', 'old', '0', NULL, NULL);" for i in range(7))
    master = MASTER.replace("'0', NULL, 'M2'", "'0', NULL, NULL")
    profile = GROUPS.replace('resource_priority = "P"\n', "").replace(
        'res_group = "GRP"\nalternate = "ALT"\n', ""
    )
    erp.night(steps("MACH TEXT", rows) + master + gone, ITEMS + STEP + profile)
    assert erp.tells(
        "12 rows name a machine that is out of use",
        "go on without a machine: 'X2' (3), 'X1' (2), 'L30' (1), 'L31' (1), 'L32' (1) and 4 more.",
    )


def test_machines_that_the_master_does_not_have_are_named(erp: Foreign) -> None:
    rows = "('A1','R',10,'J1','Z9'), ('A1','R',20,'J2','L1'), ('A2','R',10,'J1','Z9')"
    erp.night(
        steps("MACH TEXT", rows) + MASTER, ITEMS + STEP + GROUPS.replace('resource_priority = "P"\n', "")
    )
    assert erp.tells(
        "2 rows name a machine that [resources] does not have", "they stay as they are: 'Z9' (2)."
    )
