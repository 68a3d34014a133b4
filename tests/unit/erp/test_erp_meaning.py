"""What foreign ERPs mean by order, factor, validity and revision: a profile can say it, and what it leaves unsaid is told."""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl
import pytest
from foreign_erp import ITEMS, STEP, Foreign, steps

from routing_etl.erp.operation_order import in_order
from routing_etl.erp.parse import hours_and_minutes, parse_formed_dates
from routing_etl.erp.profile import load_profile
from routing_etl.erp.text import Counter
from routing_etl.errors import ConfigurationError, SourceError

TIMES = STEP + 'setup_time = "SETUP"\nrun_time = "RUN"\n'
DONE = """
[results]
table = "DONE"
time_factor_min = 60
[results.columns]
item_cd = "PART"
proc_seq = "SEQ"
job_cd = "JOB"
machine_time = "HRS"
order_qty = "QTY"
"""
ONE_STEP = steps("RUN REAL", "('A1','R',10,'SAW',1), ('A2','R',10,'SAW',1)")


@pytest.fixture
def erp(tmp_path: Path) -> Foreign:
    return Foreign(tmp_path)


def results(columns: str, rows: str) -> str:
    return f"{ONE_STEP}CREATE TABLE DONE (PART TEXT, SEQ INTEGER, JOB TEXT, HRS REAL, QTY REAL, {columns});\nINSERT INTO DONE VALUES {rows};"


# --- the order of operations --------------------------------------------------------------------------------------------
def test_operations_follow_the_one_that_each_names_as_next(erp: Foreign) -> None:
    """R of A1 goes 30, 10, 20; that of A2 parts in two and comes together; that of A3 goes round."""
    rows = (
        "('A1','R',10,'TURN','20'), ('A1','R',20,'MILL','0'), ('A1','R',30,'SAW','10'),"
        "('A2','R',10,'SAW','20|30'), ('A2','R',20,'TURN','40'), ('A2','R',30,'MILL','40'), ('A2','R',40,'INSP',NULL),"
        "('A3','R',10,'SAW','20'), ('A3','R',20,'TURN','10')"
    )
    done = "CREATE TABLE DONE (PART TEXT, SEQ INTEGER, JOB TEXT, HRS REAL, QTY REAL); INSERT INTO DONE VALUES ('A1',30,'SAW',2,10);"
    profile = ITEMS + STEP + 'next_oper = "NXT"\n' + DONE
    erp.night(steps("NXT TEXT", rows) + done, profile)
    assert [(i, j) for i, _, j in sorted(erp.read("operations", "item_cd", "proc_seq", "job_cd"))] == [
        ("A1", "SAW"), ("A1", "TURN"), ("A1", "MILL"), ("A2", "SAW"), ("A2", "TURN"), ("A2", "MILL"), ("A2", "INSP"),
        ("A3", "SAW"), ("A3", "TURN"),
    ]  # fmt: skip
    assert erp.tells("1 routings in which each operation does not lead to the next")
    assert erp.read("work_results", "job_cd", "proc_seq") == [("SAW", 10)], "by the ERP's number 30"


def test_a_long_chain_is_followed_to_its_end(erp: Foreign) -> None:
    path = erp.folder / "p.toml"
    path.write_text(f'name = "p"\n{ITEMS}{STEP}next_oper = "NXT"\n', encoding="utf-8")
    number = [(7 * k) % 101 for k in range(1, 101)]
    frame = pl.DataFrame(
        {
            "row_nr": range(100), "item_key": "A", "rout_no": "R", "proc_seq": number, "oper_no": map(str, number),
            "next_oper": [*map(str, number[1:]), None],
        },
        schema_overrides={"row_nr": pl.UInt32},
    )  # fmt: skip
    placed = in_order(frame.reverse(), load_profile(path), Counter())
    assert placed.sort("row_nr")["proc_seq"].to_list() == [10 * k for k in range(1, 101)]


# --- what a time is for -------------------------------------------------------------------------------------------------
def test_factors_crews_and_cycles_of_a_row(erp: Foreign) -> None:
    """Hours times 60; minutes of three people; two cycles a piece; a row without a factor has no time."""
    rows = (
        "('A1','R',10,'A',1,0.5,60,1,1), ('A1','R',20,'B',5,9,1,3,1), ('A1','R',30,'C',5,4,1,1,2),"
        "('A1','R',40,'D',5,4,NULL,1,1)"
    )
    profile = ITEMS + TIMES + 'time_factor = "FACTOR"\ncrew = "CREW"\ncycles = "OPS"\n'
    erp.night(steps("SETUP REAL, RUN REAL, FACTOR REAL, CREW INTEGER, OPS INTEGER", rows), profile)
    assert erp.read("operations", "job_cd", "setup_min", "run_min") == [
        ("A", 60.0, 30.0), ("B", 5.0, 3.0), ("C", 5.0, 8.0), ("D", None, None),
    ]  # fmt: skip
    assert erp.tells("1 rows have no factor above 0")


def test_words_for_minutes_and_hours_of_a_hundred_pieces(erp: Foreign) -> None:
    rows = "('A1','R',10,'A',0,150,'MP/C'), ('A1','R',20,'B',0,2,'HP/M'), ('A1','R',30,'C',0,5000,'4')"
    words = 'run_basis_words = { "MP/C" = "minutes_per_100", "HP/M" = "hours_per_1000", "4" = "per_10000" }\n'
    erp.night(
        steps("SETUP REAL, RUN REAL, F TEXT", rows), ITEMS + TIMES + f'run_basis = "F"\n[routing]\n{words}'
    )
    assert erp.read("operations", "job_cd", "run_min") == [("A", 1.5), ("B", 0.12), ("C", 0.5)]


def test_fractions_of_efficiency_are_refused_as_percentages(erp: Foreign) -> None:
    sql = steps("SETUP REAL, RUN REAL, EFF REAL", "('A1','R',10,'A',1,8,0.8), ('A1','R',20,'B',1,8,1)")
    profile = ITEMS + TIMES + 'efficiency = "EFF"\n'
    with pytest.raises(SourceError, match="None of the 2 efficiencies in EFF") as caught:
        erp.night(sql, profile)
    assert 'efficiency_unit = "fraction"' in str(caught.value)
    erp.night(
        f"DROP TABLE PART; DROP TABLE STEP;{sql}", f'{profile}[routing]\nefficiency_unit = "fraction"\n'
    )
    assert erp.read("operations", "run_min") == [(10.0,), (8.0,)]


@pytest.mark.parametrize(
    ("column", "key"),
    [("TOHOURS", "time_factor"), ("OpsPerPart", "cycles"), ("CREW_SIZE", "crew"), ("NEST", "run_time_qty"), ("IRTIMB", "run_basis")],
)  # fmt: skip
def test_an_unread_factor_is_told_where_it_is_not_one(erp: Foreign, column: str, key: str) -> None:
    rows = "('A1','R',10,'A',1,1,{}), ('A1','R',20,'B',1,1,1)"
    erp.night(steps(f"SETUP REAL, RUN REAL, {column} REAL", rows.format(4)), ITEMS + TIMES)
    assert erp.tells(f"{column} may be", "in 1 of 2 rows", f"operations.columns.{key}")
    erp.night(
        "DROP TABLE PART; DROP TABLE STEP;" + steps(f"SETUP REAL, RUN REAL, {column} REAL", rows.format(1)),
        ITEMS + TIMES,
    )
    assert not erp.tells(f"{column} may be")


def test_a_crew_does_not_matter_to_a_time_of_the_machine(erp: Foreign) -> None:
    sql = steps("SETUP REAL, MACH_RUN REAL, CREW REAL", "('A1','R',10,'A',1,1,3)")
    erp.night(sql, ITEMS + TIMES.replace('"RUN"', '"MACH_RUN"'))
    assert not erp.tells("CREW")


# --- which rows are in force ----------------------------------------------------------------------------------------------
def test_operations_that_end_one_by_one_leave_the_others_in_force(erp: Foreign) -> None:
    rows = (
        "('A1','R',10,'SAW','A-OLD',NULL,'2019-12-31'), ('A1','R',10,'SAW','M1','2020-01-01',NULL), ('A1','R',20,'MILL','M2',NULL,NULL),"
        "('A1','R',30,'WASH','M3',NULL,'2019-12-31')"
    )
    profile = (
        ITEMS
        + STEP
        + 'res_cd = "MACH"\nvalid_from = "F"\nvalid_to = "T"\n[routing]\nin_force = "operation"\n'
    )
    erp.night(steps("MACH TEXT, F TEXT, T TEXT", rows), profile)
    assert erp.read("operations", "job_cd", "res_cd", "rout_valid") == [
        ("MILL", "M2", True),
        ("SAW", "M1", True),
    ]
    assert erp.report.frames["operations"].filtered == {"not_in_force": 2}


def test_rows_that_begin_in_the_future_are_told(erp: Foreign) -> None:
    rows = "('A1','R',10,'A','2099-01-01'), ('A1','R',20,'B','2001-01-01')"
    erp.night(steps("EFF_DATE TEXT", rows), ITEMS + STEP)
    assert erp.tells("EFF_DATE", "in the future in 1 of 2 rows", "operations.columns.valid_from")


def test_a_moment_of_deletion_is_told(erp: Foreign) -> None:
    rows = ",".join(f"('A{k % 2 + 1}','R',{10 * k},'SAW','2024-01-01 10:{k:02d}:00')" for k in range(1, 40))
    erp.night(steps("deleted_at TIMESTAMP", f"{rows}, ('A1','R',500,'SAW',NULL)"), ITEMS + STEP)
    assert erp.tells("deleted_at of STEP may say which rows count", "39 of 40 rows filled", 'op = "is null"')


def test_words_of_validity_of_which_none_is_named_are_told(erp: Foreign) -> None:
    sql = steps("STAT TEXT", "('A1','1',10,'A','4'), ('A1','2',10,'A','9')")
    erp.night(sql, ITEMS + STEP + 'validity = "STAT"\n')
    assert erp.tells("STAT (validity) has 2 different words, '4' (1), '9' (1)", "routing.invalid_validity")


def test_the_newest_of_short_texts_is_that_of_revisions(erp: Foreign) -> None:
    rows = "('A1','R',10,'OLD','Z'), ('A1','R',10,'NEW','AA'), ('A2','R',10,'OLD','9'), ('A2','R',10,'NEW','10'), ('A2','R',10,'LOST',' ')"
    profile = ITEMS + STEP.replace('"STEP"', '"STEP"\nlatest = { group = "PART", key = "REV" }')
    erp.night(steps("REV TEXT", rows), profile)
    assert erp.read("operations", "item_cd", "job_cd") == [("A1", "NEW"), ("A2", "NEW")]


def test_the_newest_of_dates_as_text_is_that_of_the_calendar(erp: Foreign) -> None:
    rows = "('A1','R',10,'OLD','2024-05-31 10:00:00'), ('A1','R',10,'NEW','2025-01-01')"
    profile = ITEMS + STEP.replace('"STEP"', '"STEP"\nlatest = { group = "PART", key = "REV" }')
    erp.night(steps("REV TEXT", rows), profile)
    assert erp.read("operations", "job_cd") == [("NEW",)]


def test_routings_that_only_their_number_tells_apart_are_told(erp: Foreign) -> None:
    rows = ", ".join(f"('A{i}','{r}',10,'SAW',{q})" for i in (1, 2) for r, q in (("1", 0), ("2", 500)))
    erp.night(steps("FROM_QTY REAL", rows), ITEMS + STEP)
    assert erp.tells("2 of 2 routed items have several routings", "major_flag_source", "A1, A2")
    told = STEP.replace('"STEP"', '"STEP"\nwhere = [{ column = "FROM_QTY", op = "<=", value = 1 }]')
    erp.night("DROP TABLE PART; DROP TABLE STEP;" + steps("FROM_QTY REAL", rows), ITEMS + told)
    assert not erp.tells("several routings")


def test_german_words_of_a_main_flag_are_known_and_others_told(erp: Foreign) -> None:
    rows = "('A1','1',10,'SAW','J'), ('A1','2',10,'SAW','N'), ('A2','1',10,'SAW','?')"
    erp.night(steps("HAUPT TEXT", rows), ITEMS + STEP + '[routing]\nmajor_flag_source = "HAUPT"\n')
    first = [row[:2] for row in erp.read("operations", "item_cd", "rout_no", "routing_rank") if row[2] == 0]
    assert first == [("A1", "1"), ("A2", "1")]
    assert erp.tells("1 words in major_flg are neither in routing.yes_words nor in routing.no_words")


def test_two_jobs_of_one_number_are_told_with_a_remedy(erp: Foreign) -> None:
    rows = "('A1','R',10,'SAW',1), ('A1','R',10,'LABOR',1), ('A2','R',10,'SAW',1)"
    erp.night(steps("N INTEGER", rows), ITEMS + STEP)
    assert erp.tells("2 of 3 rows kept out (conflicting_proc_seq)", "labour and machine rows", "filter")


# --- work results --------------------------------------------------------------------------------------------------------
def test_hours_of_a_crew_are_those_of_the_machine(erp: Foreign) -> None:
    profile = ITEMS + STEP + DONE + 'crew = "CREW"\n'
    erp.night(results("CREW INTEGER", "('A1',10,'SAW',6,10,3), ('A2',10,'SAW',2,10,0)"), profile)
    assert erp.read("work_results", "item_key", "machine_time") == [("A1", 2.0), ("A2", 2.0)]
    assert erp.tells("1 rows have no number above 0 in crew")


def test_times_that_count_up_are_told_and_the_last_one_can_be_taken(erp: Foreign) -> None:
    rows = ", ".join(
        f"('A1',10,'SAW',{k},{10 * k},'W{n}','2025-01-0{k}')" for n in range(12) for k in (1, 2, 3)
    )
    profile = (
        ITEMS
        + STEP
        + DONE.replace("time_factor_min = 60", 'time_factor_min = 60\norder_quantity = "largest"')
    )
    profile += 'order_no = "ORD"\nreport_dt = "DAY"\n'
    erp.night(results("ORD TEXT, DAY TEXT", rows), profile)
    assert erp.tells("in 12 of 12 orders", "the time rises from row to row", 'order_time = "largest"')
    again = profile.replace(
        'order_quantity = "largest"', 'order_quantity = "largest"\norder_time = "largest"'
    )
    erp.night(
        f"DROP TABLE PART; DROP TABLE STEP; DROP TABLE DONE;{results('ORD TEXT, DAY TEXT', rows)}", again
    )
    assert erp.read("work_results", "machine_time", "order_qty") == [(3.0, 30.0)] * 12
    assert not erp.tells("rises")


def test_a_column_of_kinds_of_rows_is_told(erp: Foreign) -> None:
    rows = "('A1',10,'SAW',1,10,'STD','M'), ('A2',10,'SAW',2,10,'REWORK','M')"
    erp.night(results("ORD_TYPE TEXT, SHIFT TEXT", rows), ITEMS + STEP + DONE)
    assert erp.tells("ORD_TYPE of DONE may say what a row is", "record_kind", "results.ignore")


def test_results_of_no_operation_are_told(erp: Foreign) -> None:
    rows = "('A1',10,'SAW',1,10,1), ('A2',NULL,'SAW',2,10,1), ('A2',10,NULL,2,10,1)"
    erp.night(results("N INTEGER", rows), ITEMS + STEP + DONE)
    assert erp.tells("1 of 3 rows kept out (bad_proc_seq)", "cannot be shared among its operations")
    assert erp.tells("1 of 3 rows kept out (missing_key)")


def test_packs_in_a_column_called_um_are_told(erp: Foreign) -> None:
    erp.night(
        results("QTY_UM TEXT", "('A1',10,'SAW',1,10,'PC'), ('A2',10,'SAW',1,2,'PK4')"), ITEMS + STEP + DONE
    )
    assert erp.tells("QTY_UM of DONE has 2 different words", "qty_unit")


# --- how values are written ------------------------------------------------------------------------------------------------
def test_hours_and_minutes_in_one_number() -> None:
    values, bad = hours_and_minutes(pl.Series([1.3, 0.05, 2.0, 1.75, -0.3, None]))
    assert values.to_list() == [90.0, 5.0, 120.0, None, -30.0, None]
    assert bad.to_list() == [False, False, False, True, False, False]


@pytest.mark.parametrize(
    ("form", "text", "day"),
    [
        ("epoch", "1717243200", "2024-06-01 12:00:00.000000"),
        ("epoch_ms", "1717243200000", "2024-06-01 12:00:00.000000"),
        ("excel", "45444.5", "2024-06-01 12:00:00.000000"),
        ("%Y%j", "2024153", "2024-06-01 00:00:00.000000"),
        ("CYYDDD", "124153", "2024-06-01 00:00:00.000000"),
        ("%Y%m%d", "20240601", "2024-06-01 00:00:00.000000"),
        ("%d.%m.%Y", "01.06.2024", "2024-06-01 00:00:00.000000"),
    ],
)
def test_dates_that_are_counted(form: str, text: str, day: str) -> None:
    none = ["0", "00000000", "00.00.0000", "99999999", "9999999.0", "9999-99-99", None]
    values, bad = parse_formed_dates(pl.Series([text, "x", *none]), form)
    assert values.to_list() == [day, None, *[None] * len(none)]
    assert bad.to_list() == [False, True, *[False] * len(none)], "x is no date, zeros and nines are none"


@pytest.mark.parametrize(("type_", "form"), [("INTEGER", "%Y%m%d"), ("TEXT", "%Y%m%d"), ("TEXT", "")])
def test_zeros_and_nines_in_a_date_s_place_are_no_date(erp: Foreign, type_: str, form: str) -> None:
    rows = "('A1','R',10,'A',99999999), ('A1','R',20,'B',20190531), ('A1','R',30,'C',0)"
    text = f'valid_to = {{ column = "VTO", date_format = "{form}" }}\n' if form else 'valid_to = "VTO"\n'
    erp.night(steps(f"VTO {type_}", rows), ITEMS + STEP + text + '[routing]\nin_force = "operation"\n')
    assert erp.read("operations", "job_cd") == [("A",), ("C",)]


def test_two_orders_of_the_operations_are_refused(erp: Foreign) -> None:
    twice = STEP.replace('"STEP"', '"STEP"\norder_by = ["SEQ"]') + 'next_oper = "NXT"\n'
    with pytest.raises(ConfigurationError, match="next_oper says the order already"):
        erp.night(steps("NXT TEXT", "('A1','R',10,'A',NULL)"), ITEMS + twice)


def test_results_of_several_years_are_read_together_and_a_year_left_out_is_told(erp: Foreign) -> None:
    """The older table spells a name otherwise and lacks a column that nobody reads."""
    sql = results("SHIFT TEXT", "('A1',10,'SAW',1,10,'x')").replace("DONE", "DONE_2025")
    sql += "CREATE TABLE DONE_2024 (part TEXT, SEQ INTEGER, JOB TEXT, HRS REAL, QTY REAL);"
    sql += "INSERT INTO DONE_2024 VALUES ('A1',10,'SAW',2,10); CREATE TABLE DONE_2023 (PART TEXT);"
    profile = ITEMS + STEP + DONE.replace('"DONE"', '"DONE_2025"')
    erp.night(sql, profile)
    assert erp.tells("DONE_2024 has every column that is read of DONE_2025", 'also = ["DONE_2024"]')
    assert not erp.tells("DONE_2023"), "it has other columns"
    both = profile.replace('"DONE_2025"', '"DONE_2025"\nalso = ["DONE_2024"]')
    again = erp.beside("again")
    again.night(sql, both)
    assert again.read("work_results", "machine_time") == [(1.0,), (2.0,)]
    assert not again.tells("DONE_2024")
    with pytest.raises(SourceError, match="DONE_2023 has no column SEQ, which"):
        again.night("", both.replace('"DONE_2024"', '"DONE_2023"'))


def test_a_view_of_all_years_lacks_none_of_them(erp: Foreign) -> None:
    sql = results("N INTEGER", "('A1',10,'SAW',1,10,1)").replace("DONE", "DONE_2024")
    sql += "CREATE TABLE DONE_2025 AS SELECT * FROM DONE_2024; CREATE VIEW DONE AS SELECT * FROM DONE_2024 UNION ALL SELECT * FROM DONE_2025;"
    erp.night(sql, ITEMS + STEP + DONE)
    assert not erp.tells("of another time")


def test_the_time_of_a_load_is_told_and_shared_by_pieces(erp: Foreign) -> None:
    """Twelve loads of two items, each with the time of both."""
    rows = ", ".join(
        f"('A{i}',10,'SAW',{4 + n / 7},{q},'M1','2025-01-{n + 1:02d}','L{n}')" for n in range(12) for i, q in ((1, 30), (2, 10))
    )  # fmt: skip
    profile = ITEMS + STEP + DONE + 'res_cd = "MACH"\nreport_dt = "DAY"\n'
    sql = results("MACH TEXT, DAY TEXT, LOAD TEXT", rows)
    erp.night(sql, profile)
    assert erp.tells(
        "in 24 of 24 rows looked at a machine has the same time on one day for several items and quantities",
        "batch_no",
    )
    again = erp.beside("again")
    again.night(sql, profile + 'batch_no = "LOAD"\n')
    assert not again.tells("same time")
    shared = again.read("work_results", "item_key", "machine_time")
    assert min(t for i, t in shared if i == "A1") == 3.0
    assert min(t for i, t in shared if i == "A2") == 1.0


def test_rounded_times_of_several_items_are_no_load(erp: Foreign) -> None:
    rows = ", ".join(
        f"('A{n % 2 + 1}',10,'SAW',{n % 3 / 2 + 0.5},10,'M1','2025-01-{n // 2 + 1:02d}')" for n in range(60)
    )
    profile = ITEMS + STEP + DONE + 'res_cd = "MACH"\nreport_dt = "DAY"\n'
    erp.night(results("MACH TEXT, DAY TEXT", rows), profile)
    assert not erp.tells("same time on one day")


def test_a_log_of_events_is_read_by_the_view_of_the_documents_and_not_by_a_join(erp: Foreign) -> None:
    """An order of 20 pieces worked on for one hour, and after a pause for half an hour: 90 minutes."""
    document = (Path(__file__).parents[3] / "docs" / "work-results.md").read_text(encoding="utf-8")
    [view] = re.findall(r"```sql\n(CREATE VIEW BOOKING.*?)```", document, re.DOTALL)
    events = """
        CREATE TABLE MES_EVENT (ORDER_NO TEXT, PART TEXT, SEQ INTEGER, JOB TEXT, MACH TEXT, EVENT TEXT, TS TEXT, QTY REAL);
        INSERT INTO MES_EVENT VALUES
          ('W1','A1',10,'SAW','M1','START','2025-01-01 08:00:00',NULL), ('W1','A1',10,'SAW','M1','PAUSE','2025-01-01 09:00:00',12),
          ('W1','A1',10,'SAW','M1','RESUME','2025-01-01 11:00:00',NULL), ('W1','A1',10,'SAW','M1','STOP','2025-01-01 11:30:00',8);
    """
    profile = (
        ITEMS
        + STEP
        + DONE.replace('"DONE"', '"BOOKING"').replace(
            "time_factor_min = 60", 'time_factor_min = 1\norder_quantity = "sum"'
        )
    )
    profile = profile.replace(
        'machine_time = "HRS"\n', 'start_at = "START_TS"\nend_at = "END_TS"\norder_no = "ORDER_NO"\n'
    )
    erp.night(ONE_STEP + events + view, profile)
    assert erp.read("work_results", "machine_time", "order_qty") == [(90.0, 20.0)]
    assert not erp.tells("join")


@pytest.mark.parametrize(("person", "told"), [("'CREW'", True), ("'M1'", False)])
def test_machine_and_people_of_one_order_that_are_added_are_told(
    erp: Foreign, person: str, told: bool
) -> None:
    rows = ", ".join(
        f"('A1',10,'SAW',{hours},10,'W{n}',{machine},'2025-01-{n:02d}')"
        for n in range(1, 21) for hours, machine in ((2 + n / 100, "'M1'"), (1, person))
    )  # fmt: skip
    profile = ITEMS + STEP + DONE.replace("time_factor_min", 'order_quantity = "order"\ntime_factor_min')
    erp.night(
        results("ORD TEXT, MACH TEXT, DAY TEXT", rows),
        profile + 'order_no = "ORD"\nres_cd = "MACH"\nreport_dt = "DAY"\n',
    )
    assert erp.tells("in 20 of 20 orders the rows of one operation name several machines") is told


@pytest.mark.parametrize(
    ("name", "told"), [("TOTAL_HRS", True), ("GesZeit", True), ("RUN_HRS", False), ("Gesenk", False)]
)
def test_a_total_beside_a_set_up_is_told(erp: Foreign, name: str, told: bool) -> None:
    """An order of ten pieces takes 3 hours, of which the set-up is one: read as both, it counts twice."""
    rows = "('A1',10,'SAW',9,10,3,1)"
    profile = ITEMS + STEP + DONE.replace('"HRS"', f'"{name}"') + 'setup_time = "SU"\n'
    erp.night(results(f"{name} REAL, SU REAL", rows), profile)
    assert erp.tells(f"{name} (machine_time) is by its name a total", "it counts twice") is told


def test_decimals_that_never_reach_sixty_are_told(erp: Foreign) -> None:
    def rows(decimals: int) -> str:
        return ", ".join(
            f"('A{n % 2 + 1}',10,'SAW',{n % 4 + n % decimals / 100},10,1)" for n in range(1, 200)
        )

    erp.night(results("N INTEGER", rows(60)), ITEMS + STEP + DONE)
    assert erp.tells("decimals in HRS (machine_time) reaches .60", 'time_form = "h.mm"')
    other = erp.beside("other")
    other.night(results("N INTEGER", rows(100)), ITEMS + STEP + DONE)
    assert not other.tells("reaches .60")


def test_lines_of_text_among_the_operations_are_told(erp: Foreign) -> None:
    rows = "('A1','R',10,'SAW',5,1,'M1'), ('A1','R',15,'NOTE',0,0,NULL), ('A2','R',10,'SAW',5,1,'M1')"
    erp.night(steps("SETUP REAL, RUN REAL, MACH TEXT", rows), ITEMS + TIMES + 'res_cd = "MACH"\n')
    assert erp.tells(
        "1 rows of 1 job(s) have neither a machine nor a time ('NOTE' (1))",
        "made outside, map inside",
        "lines of text",
    )
