"""What a profile leaves unread, or reads against the column's own name, is told: a wrong time is never published without a word."""

from __future__ import annotations

from pathlib import Path

import pytest
from foreign_erp import ITEMS, STEP, Foreign, steps

from routing_etl.erp.name_words import without_mark
from routing_etl.errors import SourceError

#: Two operations of a part; the columns behind SEQ and JOB differ from test to test.
TIMES = STEP + 'setup_time = "SETUP"\nrun_time = "RUN"\n[routing]\nblank_time_unit = 1\n'
RESULTS = """
CREATE TABLE DONE (PART TEXT, SEQ INTEGER, JOB TEXT, MAN_HR REAL, MACH_HR REAL, QTY REAL, IsReversed TEXT);
INSERT INTO DONE VALUES ('A1', 10, 'SAW', 4, 2, 10, 'N'), ('A1', 20, 'MILL', 4, 2, 10, 'Y');
"""
DONE = """
[results]
table = "DONE"
time_factor_min = 60
[results.columns]
item_cd = "PART"
proc_seq = "SEQ"
job_cd = "JOB"
machine_time = "MAN_HR"
order_qty = "QTY"
"""


@pytest.fixture
def erp(tmp_path: Path) -> Foreign:
    return Foreign(tmp_path)


def two(columns: str, first: str, second: str) -> str:
    return steps(columns, f"('A1', 'R', 10, 'SAW', {first}), ('A1', 'R', 20, 'MILL', {second})")


# --- which rows count -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("LOEKZ", ("NULL", "'X'")),
        ("DEL_FLAG", ("0", "1")),
        ("ApprovalStatus", ("'approved'", "'draft'")),
        ("ROUTESTATUS", ("1", "2")),
        ('"사용여부"', ("'Y'", "'N'")),
        ('"削除フラグ"', ("''", "'1'")),
        ("STATO", ("'valido'", "'annullato'")),
        ("ZUSTAND", ("'frei'", "'alt'")),
        ("Gelöscht_am", ("NULL", "'2024-01-01'")),
        ("USUNIETY", ("NULL", "-1")),
        ("zrušeno", ("0", "1")),
        ("SITUACAO", ("1", "2")),
        ("BAJA", ("NULL", "'S'")),
    ],
)
def test_a_mark_that_is_not_read_is_told_with_its_rows(
    erp: Foreign, column: str, values: tuple[str, str]
) -> None:
    name = column.strip('"')
    erp.night(two(f"{column} TEXT", *values), ITEMS + STEP)
    assert erp.tells(f"{name} of STEP may say which rows count", "of 2 rows", "operations.ignore")
    for settled in (f'where = [{{ column = "{name}", op = "!=", value = "X" }}]', f'ignore = ["{name}"]'):
        erp.night(
            f"DROP TABLE PART; DROP TABLE STEP;{two(f'{column} TEXT', *values)}",
            ITEMS + STEP.replace('"STEP"', f'"STEP"\n{settled}'),
        )
        assert not erp.tells("may say which rows count")


def test_a_mark_that_is_the_same_in_all_rows_is_not_told(erp: Foreign) -> None:
    erp.night(two("LOEKZ TEXT, STATUS TEXT, STATION TEXT", "NULL, 'OK', 'A'", "'', 'ok', 'B'"), ITEMS + STEP)
    assert not erp.tells("may say")


def marked(state: str = "POSTAT TEXT") -> str:
    """Routing rows of a table that puts its mark before all of its columns, as Infor M3 does."""
    return (
        "CREATE TABLE MITMAS (MMITNO TEXT, MMITTY TEXT, MMITDS TEXT, MMUNMS TEXT, MMRESP TEXT, DELETED TEXT);"
        "INSERT INTO MITMAS VALUES ('A1', 'SHAFT', 'a', 'ST', 'AB', NULL), ('A2', 'SHAFT', 'b', 'ST', 'AB', NULL);"
        f"CREATE TABLE MPDOPE (POPRNO TEXT, POSTRT TEXT, POOPNO INTEGER, POPLGR TEXT, {state});"
        "INSERT INTO MPDOPE VALUES ('A1', '001', 10, 'SAW', '20'), ('A1', '001', 20, 'MILL', '90');"
    )


MARKED = """
[items]
table = "MITMAS"
ignore = ["DELETED"]
[items.columns]
item_cd = "MMITNO"
[items.attributes]
part_type = { column = "MMITTY", kind = "category" }
[operations]
table = "MPDOPE"
[operations.columns]
item_cd = "POPRNO"
rout_no = "POSTRT"
proc_seq = "POOPNO"
job_cd = "POPLGR"
"""


@pytest.mark.parametrize("state", ["POSTAT TEXT", "POSTATUS TEXT", "PODELETED TEXT"])
def test_a_mark_behind_the_letters_of_its_table_is_told(erp: Foreign, state: str) -> None:
    erp.night(marked(state), MARKED)
    assert erp.tells(f"{state.split()[0]} of MPDOPE may say which rows count")


def test_a_header_is_known_by_its_columns_behind_the_letters_of_its_table(erp: Foreign) -> None:
    head = (
        "CREATE TABLE MPDHED (PHCONO INTEGER, PHPRNO TEXT, PHSTRT TEXT, PHSTAT TEXT, PHTX40 TEXT);"
        "INSERT INTO MPDHED VALUES (1, 'A1', '001', '90', NULL), (1, 'A2', '001', '20', NULL);"
    )
    rows = "INSERT INTO MPDOPE VALUES ('A2', '001', 10, 'SAW', '20');"
    erp.night(marked() + rows + head, MARKED)
    assert erp.tells("MPDHED has PHSTAT", "2 of its rows, in 2 different states", "(3 rows of them)")


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (["MMITNO", "MMITDS", "MMSTAT", "MMITTY", "MMUNMS", "DELETED"], ["ITNO", "ITDS", "STAT", "ITTY", "UNMS", "DELETED"]),
        (["imlitm", "imdsc1", "imsrp1", "imuom1", "imstkt"], ["litm", "dsc1", "srp1", "uom1", "stkt"]),
        (["PROD", "PRICE", "STATUS", "PROC", "PRIO", "QTY"], None),
        (["ItemNo", "ItemName", "ItemType", "ItemUnit", "ItemState"], None),
        (["IT_NO", "IT_NAME", "IT_TYPE", "IT_UNIT", "IT_STATE"], None),
        (["MMITNO", "MMITDS", "MMSTAT"], None),
        (["ITEMNO", "ITEMNAME", "ITEMTYPE", "ITEMUNIT", "ITEMSTATE"], None),
    ],
)  # fmt: skip
def test_names_without_the_mark_of_their_table(names: list[str], says: list[str] | None) -> None:
    assert list(without_mark(names).values()) == (says or names)


def test_a_reversed_report_and_a_main_routing_are_told(erp: Foreign) -> None:
    erp.night(two("IsDefault TEXT", "'T'", "'F'") + RESULTS, ITEMS + STEP + DONE)
    assert erp.tells("work_results: IsReversed of DONE may say which rows count")
    assert erp.tells(
        "IsDefault of STEP may say which routing of an item is the main one",
        'major_flag_source = "IsDefault"',
    )


def reports(column: str, values: list[str]) -> str:
    """Reports of which each has a value of a further column."""
    rows = ", ".join(f"('A1', 10, 'SAW', 1.0, 5, {value})" for value in values)
    return f"CREATE TABLE DONE (PART TEXT, SEQ INTEGER, JOB TEXT, MAN_HR REAL, QTY REAL, {column}); INSERT INTO DONE VALUES {rows};"


@pytest.mark.parametrize(
    "column", ["STORNO_VON INTEGER", "ReversesEntryNo INTEGER", "STZHL TEXT", '"취소번호" TEXT']
)
@pytest.mark.parametrize("many", [3, 40])
def test_a_report_that_takes_another_back_is_told_by_its_number(erp: Foreign, column: str, many: int) -> None:
    """A number of the other report, which is another one in each row: no flag, so no filter mends it. Zeros refer to nothing."""
    numbers = [f"'{1000 + i}'" for i in range(many)] + ["NULL", "'0'", "'0000'"] * many
    erp.night(two("X TEXT", "1", "1") + reports(column, numbers), ITEMS + STEP + DONE)
    name = column.split()[0].strip('"')
    assert erp.tells(
        f"work_results: {name} of DONE may name the report that a row takes back ({many:,} of {4 * many:,} rows",
        f'confirmation_no and reverses = "{name}" in [results.columns]',
    )
    assert not erp.tells(f"{name} of DONE may say which rows count")


def test_a_flag_of_reversal_and_a_number_in_every_row_are_no_reference(erp: Foreign) -> None:
    every = [f"'{1000 + i}'" for i in range(40)]
    erp.night(two("X TEXT", "1", "1") + reports("REVERSAL_NO TEXT", every), ITEMS + STEP + DONE)
    assert not erp.tells("takes back")
    erp.night(
        "DROP TABLE PART; DROP TABLE STEP; DROP TABLE DONE;" + two("X TEXT", "1", "1")
        + reports("STORNO TEXT", ["'X'"] * 5 + ["NULL"] * 20), ITEMS + STEP + DONE,
    )  # fmt: skip
    assert not erp.tells("takes back") and erp.tells("STORNO of DONE may say which rows count")


def test_a_mark_of_a_joined_header_is_told_by_its_alias(erp: Foreign) -> None:
    head = "CREATE TABLE HEAD (R TEXT, PART TEXT, DOCSTATUS INTEGER); INSERT INTO HEAD VALUES ('R', 'A1', 1), ('S', 'A2', 2);"
    join = 'table = "STEP"\njoins = [{ table = "HEAD", alias = "h", on = [["R", "R"]], kind = "inner" }]'
    rows = "('A1', 'R', 10, 'SAW', 1), ('A2', 'S', 10, 'SAW', 1)"
    erp.night(steps("N INTEGER", rows) + head, ITEMS + STEP.replace('table = "STEP"', join))
    assert erp.tells("DOCSTATUS of HEAD", 'column = "h.DOCSTATUS"')
    assert erp.tells("leaves out the rows of STEP themselves", "in the where of the join", "what HEAD adds")


HEADS = """
CREATE TABLE ROUTING_HEAD (R TEXT, STATUS TEXT);
INSERT INTO ROUTING_HEAD VALUES ('R', 'Certified'), ('S', 'Draft'), ('X', 'Closed');
"""


def drafts(head: str = HEADS) -> str:
    return (
        steps("N INTEGER", "('A1', 'R', 10, 'SAW', 1), ('A1', 'R', 20, 'MILL', 1), ('A2', 'S', 10, 'SAW', 1)")
        + head
    )


def test_heads_of_routings_that_are_not_read_are_told_with_their_states(erp: Foreign) -> None:
    """A draft would count as if it were in force; what is of no routing that is read counts as no state."""
    erp.night(drafts(), ITEMS + STEP)
    assert erp.tells("ROUTING_HEAD has STATUS", "2 of its rows, in 2 different states", "(3 rows of them)")


@pytest.mark.parametrize(
    "settled",
    [
        'ignore = ["ROUTING_HEAD", "N"]',
        'where = [{ column = "R", op = "=", value = "R" }]',
        'joins = [{ table = "ROUTING_HEAD", alias = "h", on = [["R", "R"]], kind = "inner" }]\n'
        'where = [{ column = "h.STATUS", op = "=", value = "Certified" }]',
    ],
)
def test_heads_that_are_joined_left_out_on_purpose_or_in_one_state_are_not_told(
    erp: Foreign, settled: str
) -> None:
    erp.night(drafts(), ITEMS + STEP.replace('table = "STEP"', f'table = "STEP"\n{settled}'))
    assert not erp.tells("ROUTING_HEAD")


def test_a_table_of_another_name_is_no_head(erp: Foreign) -> None:
    erp.night(drafts(HEADS.replace("ROUTING_HEAD", "WORK_ORDER")), ITEMS + STEP)
    assert not erp.tells("WORK_ORDER")


REVISIONS = """
CREATE TABLE PARTREV (PART TEXT, R TEXT, APPROVED INTEGER);
INSERT INTO PARTREV VALUES ('A1', 'A', 1), ('A1', 'B', 0), ('A2', 'A', 1), ('A2', 'C', 0), ('A9', 'A', 0);
"""


def revised(rows: str) -> str:
    return steps("N INTEGER", rows) + REVISIONS


def test_revisions_of_parts_that_are_not_read_are_told_by_part_and_revision(erp: Foreign) -> None:
    """A draft would be the newest routing; a revision of the same name of another part says nothing of this one."""
    both = "('A1', 'A', 10, 'SAW', 1), ('A1', 'B', 10, 'SAW', 1), ('A2', 'A', 10, 'SAW', 1)"
    erp.night(revised(both), ITEMS + STEP)
    assert erp.tells("PARTREV has APPROVED", "3 of its rows, in 2 different states", "(3 rows of them)")
    released = erp.beside("released")
    released.night(revised("('A1', 'A', 10, 'SAW', 1), ('A2', 'A', 10, 'SAW', 1)"), ITEMS + STEP)
    assert not released.tells("PARTREV")


def test_a_table_of_revisions_without_the_part_is_none_of_routings(erp: Foreign) -> None:
    drawings = REVISIONS.replace("PART TEXT", "DRAWING TEXT")
    both = "('A1', 'A', 10, 'SAW', 1), ('A1', 'B', 10, 'SAW', 1)"
    erp.night(steps("N INTEGER", both) + drawings, ITEMS + STEP)
    assert not erp.tells("PARTREV")


# --- what a time is for, and in which unit --------------------------------------------------------------------------------
@pytest.mark.slow
@pytest.mark.parametrize(
    "column",
    [
        "LOT_QTY",
        "PcsPerCycle",
        "LOSGROESSE",
        "cavities",
        '"ロット数"',
        "OPESTKCOE_0",
        "QtyCoefficient",
        "ME_Faktor",
        "PACK_SIZE",
    ],
)
def test_pieces_that_the_run_time_is_for_are_told(erp: Foreign, column: str) -> None:
    erp.night(two(f"SETUP REAL, RUN REAL, {column} INTEGER", "5, 100, 50", "5, 200, 50"), ITEMS + TIMES)
    assert erp.tells(column.strip('"'), "the pieces that the run time is for", "run_time_qty")


@pytest.mark.parametrize("column", ["OBS_DATE", "VALID_TO", "EffectiveThru", "DISABLE_DATE", "GUELTIG_BIS"])
def test_a_day_that_ends_a_row_is_told(erp: Foreign, column: str) -> None:
    erp.night(two(f"SETUP REAL, RUN REAL, {column} TEXT", "5, 1, '2020-01-01'", "5, 2, NULL"), ITEMS + TIMES)
    assert erp.tells(
        f"{column} may be the day from which a row is no longer in force", "operations.columns.valid_to"
    )


def test_a_run_time_whose_name_says_that_it_is_for_a_lot_is_told(erp: Foreign) -> None:
    profile = ITEMS + TIMES.replace('"RUN"', '"RUN_PER_LOT"')
    erp.night(two("SETUP REAL, RUN_PER_LOT REAL", "5, 100", "5, 200"), profile)
    assert erp.tells("RUN_PER_LOT as the time of one piece", "run_time_qty")
    erp.night(
        "DROP TABLE PART; DROP TABLE STEP;" + two("SETUP REAL, RUN_PER_LOT REAL", "5, 1", "5, 2"),
        profile + 'run_basis = "per_100"\n',
    )
    assert not erp.tells("as the time of one piece")


@pytest.mark.parametrize(
    "column",
    ["TE100", "ZEIT_100STK", "JE100", "PRO_AUFTRAG", "TIEMPO_POR_100", "CZAS_NA_100", "PZ_H", "T_100PZ"],
)
def test_a_run_time_whose_name_says_so_in_other_languages_is_told(erp: Foreign, column: str) -> None:
    erp.night(
        two(f"SETUP REAL, {column} REAL", "5, 100", "5, 200"), ITEMS + TIMES.replace('"RUN"', f'"{column}"')
    )
    assert erp.tells(f"{column} as the time of one piece", "run_time_qty")


@pytest.mark.parametrize("words", [("M%", "M1"), ("100", "1000"), ("STK / H", "Min/Stk."), ("Los", "Stk")])
@pytest.mark.parametrize("column", ["ZEITART", "KX7"])
def test_words_for_the_basis_of_the_run_time_are_told_whatever_the_column_is_called(
    erp: Foreign, column: str, words: tuple[str, str]
) -> None:
    columns = f"SETUP REAL, RUN REAL, {column} TEXT"
    erp.night(two(columns, *(f"5, 1, '{w}'" for w in words)), ITEMS + TIMES)
    assert erp.tells(f"operations: {column} may say what the run time is for", f'run_basis = "{column}"')


@pytest.mark.parametrize("words", [("S", "M"), ("red", "100"), ("Stk", "min/Stk"), ("H", "C")])
def test_other_words_and_words_for_a_piece_are_not_told(erp: Foreign, words: tuple[str, str]) -> None:
    erp.night(two("SETUP REAL, RUN REAL, KX7 TEXT", *(f"5, 1, '{w}'" for w in words)), ITEMS + TIMES)
    assert not erp.tells("may say what the run time is for")


def _fifty(setup: int, run: int) -> str:
    rows = ", ".join(f"('A{1 + n % 3}','R{n}',{10 + n},'J{n % 4}',{setup},{run})" for n in range(60))
    return steps("SETUP REAL, RUN REAL", rows)


def test_run_times_of_many_set_ups_without_results_are_told_because_nothing_shows_what_they_are_for(
    erp: Foreign,
) -> None:
    erp.night(_fifty(6, 109), ITEMS + TIMES)
    assert erp.tells(
        "RUN) is 109 minutes for one piece, 18 times the set-up (6)", "No work results", "per_100"
    )
    said = erp.beside("said")
    said.night(_fifty(6, 109), ITEMS + TIMES + 'run_basis = "minutes_per_piece"\n')
    assert not said.tells("times the set-up")
    usual = erp.beside("usual")
    usual.night(_fifty(20, 109), ITEMS + TIMES)
    assert not usual.tells("times the set-up")


@pytest.mark.parametrize(
    ("column", "unit", "says"),
    [("setup_sec", 1, "seconds"), ("SetupHrs", 1, "hours"), ("SETUP_MIN", 60, "minutes")],
)
def test_a_name_that_says_another_unit_is_told(erp: Foreign, column: str, unit: int, says: str) -> None:
    profile = ITEMS + TIMES.replace('"SETUP"', f'"{column}"').replace("unit = 1", f"unit = {unit}")
    erp.night(two(f"{column} REAL, RUN REAL", "5, 1", "5, 2"), profile)
    assert erp.tells(f"setup_time is read from {column}", f"its name says {says}", "blank_time_unit")
    assert len([s for s in erp.said if "its name says" in s]) == 1, "RUN says none"


def test_a_name_that_says_the_unit_that_is_taken_is_not_told(erp: Foreign) -> None:
    """`TIME_STD` may be standard as well as Stunden, `MIN_RUN` the least."""
    profile = ITEMS + TIMES.replace('"SETUP"', '"TIME_STD"').replace('"RUN"', '"MIN_RUN"').replace(
        "unit = 1", "unit = 60"
    )
    erp.night(two("TIME_STD REAL, MIN_RUN REAL", "5, 1", "5, 2"), profile)
    assert not erp.tells("its name says")


def test_hours_of_people_read_as_those_of_the_machine_are_told(erp: Foreign) -> None:
    erp.night(two("X TEXT", "1", "2") + RESULTS, ITEMS + STEP + DONE)
    assert erp.tells("machine_time is read from MAN_HR", "MACH_HR may be those of the machine")


def test_burden_hours_are_those_of_the_machine(erp: Foreign) -> None:
    """American ERPs book the hours of a person as labor, and those of the machine as burden."""
    results = RESULTS.replace("MAN_HR", "LABOR_HRS").replace("MACH_HR", "BURDEN_HRS")
    erp.night(two("X TEXT", "1", "2") + results, ITEMS + STEP + DONE.replace("MAN_HR", "LABOR_HRS"))
    assert erp.tells("machine_time is read from LABOR_HRS", "BURDEN_HRS may be those of the machine")


def test_japanese_units_are_understood(erp: Foreign) -> None:
    rows = two('SETUP REAL, RUN REAL, "時間単位" TEXT', "1, 1, '時間'", "1, 1, '時間'")
    with pytest.raises(SourceError, match="時間単位 of STEP names another unit of time in 2 of 2 rows"):
        erp.night(rows, ITEMS + TIMES)


# --- versions, and questions that are left -----------------------------------------------------------------------------
def test_versions_of_a_routing_read_as_one_are_told(erp: Foreign) -> None:
    rows = ", ".join(f"('A1', 'R', {seq}, 'SAW', '{rev}')" for rev in "ABC" for seq in (10, 20))
    erp.night(steps("REV TEXT", rows), ITEMS + STEP)
    assert erp.tells("4 of 6 rows repeat an operation of their routing", "A1 / R / 10", "version")


def test_questions_of_a_proposed_profile_that_are_left_are_told_each_night(erp: Foreign) -> None:
    rows = two("X TEXT", "1", "2")
    open_ = STEP.replace('rout_no = "R"', 'rout_no = "R"  # DECIDE: is it? by its name')
    erp.night(rows, ITEMS + open_)
    line = f'name = "foreign"\n{ITEMS}{open_}'.split("DECIDE")[0].count("\n") + 1
    assert erp.tells("1 line(s) marked DECIDE", f"line {line} (rout_no)", "Settle each")
    erp.night("DROP TABLE PART; DROP TABLE STEP;" + rows, ITEMS + STEP)
    assert not erp.tells("DECIDE")


# --- no false alarms ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "column",
    ["RELEASED_BY", "STATUS_DATE", "BLOCKED_QTY", "DefaultWarehouse", "StateOfOrigin", "UNIT_COST", "EFFICIENCY", "CAPACITY", "VALID_TO", "VALID_FROM"],
)  # fmt: skip
def test_what_says_nothing_about_rows_and_times_is_not_told(erp: Foreign, column: str) -> None:
    """Values that differ where the column is of something else, and where it could matter only those that change nothing."""
    plain = {
        "EFFICIENCY": ("100", "100"),
        "CAPACITY": ("1", "NULL"),
        "VALID_TO": ("'9999-12-31'", "NULL"),
        "VALID_FROM": ("'2001-01-01'", "''"),
    }
    values = plain.get(column, ("'x1'", "'x2'"))
    erp.night(two(f"SETUP REAL, RUN REAL, {column} TEXT", *(f"5, 1, {v}" for v in values)), ITEMS + TIMES)
    assert not erp.tells(column)


def test_a_day_of_approval_that_is_blank_in_some_rows_is_told(erp: Foreign) -> None:
    erp.night(two("APPROVED_DATE TEXT", "'2024-01-01'", "NULL"), ITEMS + STEP)
    assert erp.tells("APPROVED_DATE of STEP may say which rows count (1 of 2 rows filled")


def test_operations_that_lead_back_to_a_lower_number_are_told(erp: Foreign) -> None:
    erp.night(two("OPRNUMNEXT INTEGER", "20", "10"), ITEMS + STEP)
    assert erp.tells("by OPRNUMNEXT", "1 of 2 operations lead to one of a lower number", "next_oper")
    other = erp.beside("other")
    other.night(two("NEXT_OPERATION INTEGER", "20", "0"), ITEMS + STEP)
    assert not other.tells("lower number")


# --- what the rows are for --------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("least", "most"), [("LOS_VON", "LOS_BIS"), ("QtyFrom", "QtyTo"), ("MIN_LOT", "MAX_LOT")]
)
def test_routings_for_order_quantities_are_told(erp: Foreign, least: str, most: str) -> None:
    columns = f"SETUP REAL, RUN REAL, {least} INTEGER, {most} INTEGER"
    erp.night(two(columns, "5, 1, 1, 100", "5, 1, 101, 9999"), ITEMS + TIMES)
    assert erp.tells(f"{least} may say for which order quantities") and erp.tells(f"{most} may say for which")
    one = erp.beside("one")
    one.night(two(columns, "5, 1, 1, 9999", "5, 1, 1, 9999"), ITEMS + TIMES)
    assert not one.tells("for which order quantities")


@pytest.mark.parametrize("column", ["ALT_AG", "AlternativeOf", "ERSATZAVO", "ALT_TO_OPER"])
def test_a_row_that_is_done_in_place_of_another_operation_is_told(erp: Foreign, column: str) -> None:
    erp.night(two(f"SETUP REAL, RUN REAL, {column} INTEGER", "5, 1, 0", "5, 1, 10"), ITEMS + TIMES)
    assert erp.tells(
        f"{column} may say that a row is done in place of another operation (filled in 1 of 2 rows)"
    )


@pytest.mark.parametrize("column", ["SALT_OP", "ALTERNATIVE_NO", "ALTITUDE"])
def test_other_alternatives_are_not_told_as_such(erp: Foreign, column: str) -> None:
    erp.night(two(f"SETUP REAL, RUN REAL, {column} INTEGER", "5, 1, 0", "5, 1, 10"), ITEMS + TIMES)
    assert not erp.tells("in place of another operation")


def test_days_that_are_numbers_are_compared_with_today(erp: Foreign) -> None:
    columns = "SETUP REAL, RUN REAL, GUELTIG_AB INTEGER, GUELTIG_BIS INTEGER"
    erp.night(two(columns, "5, 1, 20200101, 20991231", "5, 1, 20980101, 20200101"), ITEMS + TIMES)
    assert erp.tells("GUELTIG_AB may be the day from which a row is in force", "in the future in 1 of 2 rows")
    assert erp.tells("GUELTIG_BIS may be the day from which a row is no longer in force", "in 1 of 2 rows")
    good = erp.beside("good")
    good.night(two(columns, "5, 1, 20200101, 20991231", "5, 1, 20200101, 99991231"), ITEMS + TIMES)
    assert not good.tells("GUELTIG_")


def test_a_time_in_two_columns_is_told_and_one_time_in_two_units_is_not(erp: Foreign) -> None:
    profile = ITEMS + TIMES.replace('"RUN"', '"RUN_MIN"')
    columns = "SETUP REAL, RUN_H REAL, RUN_MIN REAL"
    erp.night(two(columns, "5, 1, 30", "5, 0, 20"), profile)
    assert erp.tells(
        "RUN_H is by its name the time of RUN_MIN (run_time)", "above 0 in 1 rows", "operations.ignore"
    )
    same = erp.beside("same")
    same.night(two(columns, "5, 1.5, 90", "5, 0.25, 15"), profile)
    assert not same.tells("RUN_H")


@pytest.mark.parametrize(
    ("column", "mapped", "told"),
    [
        ("SCRAP_QTY REAL", 'yield_qty = "QTY"', True),
        ("Ausschuss INTEGER", 'yield_qty = "QTY"', True),
        ("SCQT REAL", 'yield_qty = "QTY"', True),
        ("SCRAP_QTY REAL", 'order_qty = "QTY"', False),
        ("SCRAP_QTY REAL", 'yield_qty = "QTY"\nbad_qty = "SCRAP_QTY"', False),
        ("SCRAP_REASON INTEGER", 'yield_qty = "QTY"', False),
        ("SCRAP_CD TEXT", 'yield_qty = "QTY"', False),
    ],
)
def test_pieces_that_are_not_good_are_told_where_the_good_ones_are_read(
    erp: Foreign, column: str, mapped: str, told: bool
) -> None:
    results = DONE.replace('machine_time = "MAN_HR"', 'machine_time = "MAN_HR"\n' + mapped)
    results = results.replace('order_qty = "QTY"\n', "", 0 if "order_qty" in mapped else 1)
    results = results if "order_qty" not in mapped else results.replace(mapped + "\n", "", 1)
    erp.night(two("X TEXT", "1", "1") + reports(column, ["0", "2", "3"]), ITEMS + STEP + results)
    assert (
        erp.tells(f"work_results: {column.split()[0]} may be pieces that were worked on", "in 2 of 3 rows")
        is told
    )


@pytest.mark.parametrize(
    ("setup", "says"),
    [
        (0.25, "hours (15 minutes)"),
        (0.0104, "days, as spreadsheets have times (15 minutes)"),
        (1800, "seconds (30 minutes)"),
    ],
)
def test_set_ups_that_no_plant_has_are_told_with_the_likely_unit(
    erp: Foreign, setup: float, says: str
) -> None:
    rows = ", ".join(f"('A{1 + n % 3}','R{n}',{10 + n},'J{n % 4}',{setup},1)" for n in range(60))
    erp.night(steps("SETUP REAL, RUN REAL", rows), ITEMS + TIMES)
    assert erp.tells("the set-up (SETUP) is", says, "routing.blank_time_unit")
    said = erp.beside("said")
    own = TIMES.replace("[routing]", 'setup_unit = { const = "X" }\n[routing]\ntime_units = { X = 1 }')
    said.night(steps("SETUP REAL, RUN REAL", rows), ITEMS + own)
    assert not said.tells("the set-up (SETUP) is")


@pytest.mark.parametrize(
    ("units", "more", "told"),
    [
        ("0 = 1, 1 = 1", "", True),
        ("0 = 60, 1 = 60", "", False),
        ("0 = 1, 1 = 1", '\nignore = ["SETUP"]', False),
        ("MIN = 1", "", False),
    ],
)
def test_numbers_in_place_of_a_unit_s_name_say_no_unit(
    erp: Foreign, units: str, more: str, told: bool
) -> None:
    code = "MIN" if "MIN" in units else "0"
    rows = ", ".join(f"('A{1 + n % 3}','R{n}',{10 + n},'J{n % 4}',0.25,1,'{code}')" for n in range(60))
    profile = TIMES.replace("[routing]", f'setup_unit = "CODE"\n[routing]\ntime_units = {{ {units} }}')
    erp.night(
        steps("SETUP REAL, RUN REAL, CODE TEXT", rows), ITEMS + profile.replace('"STEP"', f'"STEP"{more}')
    )
    words = (
        "(SETUP) is 0.25 minutes",
        "the numbers in CODE; was it in hours (15 minutes)",
        "routing.time_units",
    )
    assert erp.tells(*words) is told
    assert erp.tells("the set-up (SETUP) is") is told


@pytest.mark.parametrize("word", ["Rüsten", "SETUP", "Réglage presse", "Attrezzaggio", "Seřízení"])
def test_a_set_up_that_is_an_operation_of_its_own_is_told(erp: Foreign, word: str) -> None:
    rows = ", ".join(
        f"('A1','R{n}',10,'J1','{word}',NULL,30), ('A1','R{n}',20,'J2','Drilling',5,2)" for n in range(6)
    )
    erp.night(
        steps("NM TEXT, SETUP REAL, RUN REAL", rows),
        ITEMS + TIMES.replace("setup_time", 'job_nm = "NM"\nsetup_time'),
    )
    assert erp.tells("6 operations are by their name a set-up", f"'{word}' (6)", "for every piece")


def test_numbers_below_0_are_told(erp: Foreign) -> None:
    erp.night(two("SETUP REAL, RUN REAL", "5, -1", "5, 1"), ITEMS + TIMES)
    assert erp.tells("operations: 1 numbers below 0 in run_time were set to NULL")


@pytest.mark.parametrize("column", ["ZAKLAD", "STANDORT", "VESTIGING", "Stabilimento"])
def test_items_in_several_plants_are_told_in_other_languages(erp: Foreign, column: str) -> None:
    rows = "('A1', 'R', 10, 'SAW', 5, 1, 'P1'), ('A1', 'R', 20, 'SAW', 5, 1, 'P2')"
    erp.night(steps(f"SETUP REAL, RUN REAL, {column} TEXT", rows), ITEMS + TIMES)
    assert erp.tells("1 of 1 item codes stand in rows of several", column)


@pytest.mark.parametrize(
    ("column", "values", "key"),
    [
        ("ANZ_MA", (2, 3), "crew"), ("LICZBA_OSOB", (2, 1), "crew"), ("ZEITGRAD", (110, 125), "efficiency"), ("RENDEMENT", (80, 90), "efficiency"),
        ("SPLITS", (2, 1), "capacity"), ("MACH_CNT", (1, 2), "capacity"), ("ANZ_MASCH", (1, 3), "capacity"), ("N_MACCHINE", (2, 2), "capacity"),
        ("TEAM", (2, 3), "crew"), ("Brygada", (2, 1), "crew"), ("OSOB", (2, 1), "crew"), ("Obsada", (3, 1), "crew"), ("EQUIPO", (4, 1), "crew"),
        ("ZUSCHLAG_PROZ", (10, 0), "time_factor"), ("ALLOWANCE", (5, 5), "time_factor"), ("PLAN_QTY", (20, 50), "run_time_qty"),
    ],
)  # fmt: skip
def test_factors_under_other_names_are_told(
    erp: Foreign, column: str, values: tuple[int, int], key: str
) -> None:
    erp.night(two(f"SETUP REAL, RUN REAL, {column} REAL", *(f"5, 1, {v}" for v in values)), ITEMS + TIMES)
    assert erp.tells(f"{column} may be", f"operations.columns.{key}")


def test_pieces_at_once_are_told_beside_the_pieces_that_a_time_is_for(erp: Foreign) -> None:
    """A time is divided by both: by the quantity of the bill, and by what the work centre holds."""
    profile = ITEMS + TIMES.replace('run_time = "RUN"', 'run_time = "RUN"\nrun_time_qty = "BOM_QTY"')
    erp.night(two("SETUP REAL, RUN REAL, BOM_QTY REAL, CAPACITY REAL", "5, 1, 1, 5", "5, 1, 1, 1"), profile)
    assert erp.tells(
        "CAPACITY may be the pieces that are worked on at once",
        "in 1 of 2 rows",
        "operations.columns.capacity",
    )


@pytest.mark.parametrize("column", ["SCRAP_PCT", "AUSSCHUSS", "MERMA", "YIELD", "ZMETKY"])
def test_planned_scrap_is_told(erp: Foreign, column: str) -> None:
    erp.night(two(f"SETUP REAL, RUN REAL, {column} REAL", "5, 1, 4", "5, 1, 0"), ITEMS + TIMES)
    assert erp.tells(f"{column} may be the planned scrap or yield", "in 1 of 2 rows", "operations.ignore")
    none = erp.beside("none")
    none.night(two(f"SETUP REAL, RUN REAL, {column} REAL", "5, 1, 0", "5, 1, NULL"), ITEMS + TIMES)
    assert not none.tells(f"{column} may be")


def test_codes_of_teams_and_machines_are_no_counts(erp: Foreign) -> None:
    erp.night(
        two("SETUP REAL, RUN REAL, TEAM TEXT, MACH_NO INTEGER", "5, 1, 'A', 17", "5, 1, 'B', 18"),
        ITEMS + TIMES,
    )
    assert not erp.tells("TEAM may be") and not erp.tells("MACH_NO may be")


def test_a_column_that_is_a_plant_or_a_work_centre_is_a_plant_where_routings_have_one(erp: Foreign) -> None:
    rows = "('A1', 'R', 10, 'SAW', 5, 1, 'C1'), ('A1', 'R', 20, 'SAW', 5, 1, 'C1'), ('A1', 'S', 10, 'SAW', 9, 3, {})"
    erp.night(steps("SETUP REAL, RUN REAL, CENTRO TEXT", rows.format("'C2'")), ITEMS + TIMES)
    assert erp.tells("1 of 1 item codes stand in rows of several CENTRO")
    work_centre = erp.beside("work_centre")
    of_rows = rows.format("'C1'").replace("20, 'SAW', 5, 1, 'C1'", "20, 'SAW', 5, 1, 'C3'")
    work_centre.night(steps("SETUP REAL, RUN REAL, CENTRO TEXT", of_rows), ITEMS + TIMES)
    assert not work_centre.tells("several CENTRO")


def test_a_work_centre_that_has_the_name_of_a_plant_is_no_plant_where_it_is_read_as_the_machine(
    erp: Foreign,
) -> None:
    rows = "('A1', 'R', 10, 'SAW', 5, 1, 'C1'), ('A1', 'R', 20, 'SAW', 5, 1, 'C2')"
    sql = steps("SETUP REAL, RUN REAL, MCU TEXT", rows)
    erp.night(sql, ITEMS + TIMES)
    assert erp.tells("1 of 1 item codes stand in rows of several MCU")
    read = erp.beside("read")
    read.night(sql, ITEMS + TIMES.replace("run_time", 'res_cd = "MCU"\nrun_time'))
    assert not read.tells("several MCU")


# --- what the results are for -----------------------------------------------------------------------------------------
def _reported(column: str, *values: str) -> str:
    rows = ", ".join(f"('A1', 10, 'SAW', 2, {n}, {v})" for n, v in enumerate(values, 1))
    table = f"CREATE TABLE DONE (PART TEXT, SEQ INTEGER, JOB TEXT, T REAL, QTY REAL, {column});"
    return f"{two('SETUP REAL, RUN REAL', '5, 1', '5, 1')} {table} INSERT INTO DONE VALUES {rows};"


_DONE = ITEMS + TIMES + DONE.replace('"MAN_HR"', '"T"').replace('"MACH_HR"', '"T"')


@pytest.mark.parametrize(
    "words", [("'RUEST'", "'LAUF'"), ("'Plan'", "'Ist'"), ("'attrezzaggio'", "'lavorazione'")]
)
def test_words_for_kinds_of_results_are_told_whatever_the_column_is_called(
    erp: Foreign, words: tuple[str, str]
) -> None:
    erp.night(_reported("KX7 TEXT", *words), _DONE)
    assert erp.tells("KX7 of DONE may say what a row is", "record_kind")
    other = erp.beside("other")
    other.night(_reported("KX7 TEXT", "'RED'", "'RUN'"), _DONE)
    assert not other.tells("KX7")


@pytest.mark.parametrize(
    ("column", "says"),
    [
        ("PAUSE_MIN", "in which no work was done"),
        ("Stillstand", "no work was done"),
        ("PACK_SIZE", "pieces of a pack"),
        ("VPE", "of a pack"),
    ],
)
def test_pauses_and_packs_of_results_are_told(erp: Foreign, column: str, says: str) -> None:
    erp.night(_reported(f"{column} REAL", "30", "10"), _DONE)
    assert erp.tells(f"work_results: {column} may be", says, "results.ignore")
    none = erp.beside("none")
    none.night(_reported(f"{column} REAL", "0", "NULL"), _DONE)
    assert not none.tells(f"{column} may be")


# --- times that are counted up ------------------------------------------------------------------------------------------
def _routings(times: tuple[tuple[float, ...], ...], jobs: int = 6) -> str:
    """Routings of two parts with these run times of their operations, in so many sequences of jobs."""
    rows = (
        f"('A{1 + r % 2}', 'R{r:02d}', {10 * n}, 'J{(n + r) % jobs}', {t})"
        for r, each in enumerate(times)
        for n, t in enumerate(each, 1)
    )
    return steps("RUN REAL", ", ".join(rows))


def test_run_times_that_are_counted_up_along_the_routing_are_told(erp: Foreign) -> None:
    profile = ITEMS + STEP + 'run_time = "RUN"\n'
    rising = tuple((1.0 + r, 4.0 + r, 4.5 + r) for r in range(20))
    erp.night(_routings(rising), profile)
    assert erp.tells("RUN (run_time) never falls", "in all of 20 routings", "a view with the differences")
    same = erp.beside("same_jobs")
    same.night(_routings(rising, 1), profile)
    assert not same.tells("never falls")
    others = (rising[1:], (*rising, (3.0, 1.0, 2.0)), tuple((1.0, 2.0) for _ in range(20)))
    for i, times in enumerate(others):
        other = erp.beside(str(i))
        other.night(_routings(times), profile)
        assert not other.tells("never falls")


@pytest.mark.parametrize(
    ("quantity", "told"),
    [
        ("GOOD_QTY", True),
        ("QUANTITY_COMPLETED", True),
        ("CANT_BUENA", True),
        ("ORDER_QTY", False),
        ("OKUMA_QTY", False),
    ],
)
def test_pieces_that_are_not_good_are_told_where_the_quantity_is_by_its_name_the_good_ones(
    erp: Foreign, quantity: str, told: bool
) -> None:
    sql = reports("SCRAP_QTY REAL", ["0", "2", "3"]).replace("QTY REAL, SCRAP", f"{quantity} REAL, SCRAP")
    erp.night(two("X TEXT", "1", "1") + sql, ITEMS + STEP + DONE.replace('"QTY"', f'"{quantity}"'))
    assert erp.tells("SCRAP_QTY may be pieces that were worked on", "in 2 of 3 rows") is told


@pytest.mark.parametrize("column", ["MAN_HR", "QTY"])
def test_a_filter_that_leaves_out_the_rows_that_take_a_report_back_is_told(erp: Foreign, column: str) -> None:
    rows = "('A1', 10, 'SAW', 1.0, 5), ('A1', 10, 'SAW', 2.0, 7), ('A1', 10, 'SAW', -2.0, -7), ('A1', 10, 'SAW', 0, 0)"
    sql = f"CREATE TABLE DONE (PART TEXT, SEQ INTEGER, JOB TEXT, MAN_HR REAL, QTY REAL); INSERT INTO DONE VALUES {rows};"
    filtered = DONE.replace('"DONE"', f'"DONE"\nwhere = [{{ column = "{column}", op = ">", value = 0 }}]')
    erp.night(two("X TEXT", "1", "1") + sql, ITEMS + STEP + filtered)
    assert erp.tells(f"the filter {column} > 0 leaves out 1 rows in which {column} is below 0")
    zeros = erp.beside("zeros")
    zeros.night(two("X TEXT", "1", "1") + sql, ITEMS + STEP + filtered.replace('">"', '"!="'))
    assert not zeros.tells("leaves out 1 rows")
    assert len(zeros.read("work_results", "item_key")) == 1


def test_a_last_day_is_told_by_its_days_and_not_as_a_mark_that_is_to_be_blank(erp: Foreign) -> None:
    """`is null` would leave out an operation that ends in years to come."""
    erp.night(two("DISABLE_DATE TEXT", "'2020-01-31'", "'4712-12-31'"), ITEMS + STEP)
    assert erp.tells(
        "DISABLE_DATE may be the day from which a row is no longer in force", "1 of 2 rows", "valid_to"
    )
    assert not erp.tells("DISABLE_DATE of STEP may say which rows count")


def test_a_fixed_lead_time_is_no_basis_of_a_run_time(erp: Foreign) -> None:
    erp.night(
        two("SETUP REAL, RUN REAL, FIXED_LEAD_TIME REAL, FIXED_TIME REAL", "5, 1, 1, 1", "5, 1, 2, 0"),
        ITEMS + TIMES,
    )
    assert erp.tells("FIXED_TIME may be what the run time is for")
    assert not erp.tells("FIXED_LEAD_TIME")
