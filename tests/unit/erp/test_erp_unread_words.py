"""Columns of few words that the profile leaves unread are told by the values beside them, whatever they are called."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa
from foreign_erp import ITEMS, PARTS, STEP, Foreign

from routing_etl.erp.catalogue import bind
from routing_etl.erp.profile import load_profile

TIMES = (
    STEP
    + 'setup_time = "SETUP"\nrun_time = "RUN"\n[routing]\nblank_time_unit = 1\nrun_basis = "minutes_per_piece"\n'
)
IGNORED = TIMES.replace('"STEP"', '"STEP"\nignore = ["KX7", "WHO"]')
DROPPED = "DROP TABLE PART; DROP TABLE STEP;"


@pytest.fixture
def erp(tmp_path: Path) -> Foreign:
    return Foreign(tmp_path)


def operations(rows: list[tuple[str, float | None, float | None, str, str | None]]) -> str:
    """Operations of a job with set-up and run time, and of two columns KX7 and WHO."""

    def text(value: object) -> str:
        return "NULL" if value is None else repr(value)

    values = ", ".join(
        f"('A{1 + i % 3}', 'R{i}', 10, {', '.join(map(text, row))})" for i, row in enumerate(rows)
    )
    columns = "PART TEXT, R TEXT, SEQ INTEGER, JOB TEXT, SETUP REAL, RUN REAL, KX7 TEXT, WHO TEXT"
    return f"{PARTS}CREATE TABLE STEP ({columns});\nINSERT INTO STEP VALUES {values};"


def timed(factors: dict[str, float], jobs: tuple[str, ...] = ("SAW", "MILL")) -> str:
    """Twenty operations of each job and word: 2 to 4 minutes, times the word's factor; a mill takes three times as long as a saw."""
    return operations([
        (job, 20.0, (2.0 + i % 5 / 2) * factor * (3 if job == "MILL" else 1), word, None)
        for job in jobs for word, factor in factors.items() for i in range(20)
    ])  # fmt: skip


# --- what a time is for -------------------------------------------------------------------------------------------------
def test_words_by_which_times_of_a_job_are_a_hundred_times_as_long_are_told(erp: Foreign) -> None:
    erp.night(timed({"Q": 1.0, "Z": 100.0}), ITEMS + TIMES)
    assert erp.tells(
        "operations: run times of one and the same job differ by the words of KX7",
        "where it is Q (40 rows",
        "100 times where it is Z (40 rows)",
        'run_basis = "KX7"',
    )
    erp.night(DROPPED + timed({"Q": 1.0, "Z": 100.0}), ITEMS + IGNORED)
    assert not erp.tells("one and the same job")


def test_three_words_and_a_blank_are_told_with_their_factors(erp: Foreign) -> None:
    erp.night(timed({"": 1.0, "C": 10.0, "D": 1000.0}), ITEMS + TIMES)
    assert erp.tells("where it is blank (40 rows", "10 times where it is C", "1,000 times where it is D")


@pytest.mark.parametrize("factors", [{"Q": 1.0, "Z": 1.0}, {"Q": 1.0, "Z": 3.0}])
def test_words_by_which_times_hardly_differ_are_not_told(erp: Foreign, factors: dict[str, float]) -> None:
    erp.night(timed(factors), ITEMS + TIMES)
    assert not erp.tells("one and the same job")


def test_a_word_for_each_job_is_not_told(erp: Foreign) -> None:
    """A department: sawing is short and pressing is long, and no job has both words."""
    rows = [
        (job, 20.0, (2.0 + i % 5 / 2) * factor, word, None)
        for job, word, factor in (("SAW", "Q", 1.0), ("PRESS", "Z", 100.0))
        for i in range(40)
    ]
    erp.night(operations(rows), ITEMS + TIMES)
    assert not erp.tells("one and the same job")


def test_words_that_turn_about_from_job_to_job_are_not_told(erp: Foreign) -> None:
    """A saw is fast on Q and slow on Z, a mill the other way about: machines, not units."""
    rows = [
        (job, 20.0, (2.0 + i % 5 / 2) * factor, word, None)
        for job, word, factor in (
            ("SAW", "Q", 1.0),
            ("SAW", "Z", 20.0),
            ("MILL", "Q", 20.0),
            ("MILL", "Z", 1.0),
        )
        for i in range(20)
    ]
    erp.night(operations(rows), ITEMS + TIMES)
    assert not erp.tells("one and the same job")


def test_a_second_column_that_says_the_same_as_the_one_that_is_read_is_not_told(erp: Foreign) -> None:
    mapped = TIMES.replace('run_time = "RUN"', 'run_time = "RUN"\nrun_basis = "WHO"')
    mapped += 'run_basis_words = { "one" = "piece", "many" = "per_100" }\n'
    rows = [
        ("SAW", 20.0, (2.0 + i % 5 / 2) * factor, word, said)
        for word, factor, said in (("Q", 1.0, "one"), ("Z", 100.0, "many"))
        for i in range(40)
    ]
    erp.night(operations(rows), ITEMS + mapped)
    assert not erp.tells("one and the same job")


# --- what is made outside -----------------------------------------------------------------------------------------------
def suppliers(minutes: float | None, word: str = "E") -> str:
    """Forty operations in house and twelve with one of three suppliers."""
    own = [("SAW", 20.0, 2.0 + i % 5, "I", None) for i in range(40)]
    return operations(own + [("COAT", minutes, minutes, word, f"V{i % 3}") for i in range(12)])


@pytest.mark.parametrize("minutes", [None, 0.0])
def test_a_word_that_goes_with_a_supplier_and_no_time_is_told(erp: Foreign, minutes: float | None) -> None:
    erp.night(suppliers(minutes), ITEMS + TIMES)
    assert erp.tells(
        "operations: 12 of 52 rows have no time, and just in these WHO is filled and KX7 is E",
        "count as made in house",
        'inside = "KX7", with E in routing.outside_words',
        'bp_cd = "WHO"',
    )
    erp.night(DROPPED + suppliers(minutes), ITEMS + IGNORED)
    assert not erp.tells("as where a supplier does the work")


def test_a_supplier_alone_is_told_even_where_it_is_read_as_such(erp: Foreign) -> None:
    erp.night(suppliers(None, "I"), ITEMS + TIMES)
    assert erp.tells(
        "just in these WHO is filled, as where", 'inside = { column = "WHO", present = "out", absent = "in" }'
    )
    mapped = TIMES.replace('run_time = "RUN"', 'run_time = "RUN"\nbp_cd = "WHO"')
    erp.night(DROPPED + suppliers(None), ITEMS + mapped)
    assert erp.tells("just in these bp_cd is filled and KX7 is E", 'inside = "KX7"')


def test_a_code_on_operations_with_times_and_a_mapped_inside_are_not_told(erp: Foreign) -> None:
    erp.night(suppliers(5.0), ITEMS + TIMES)
    assert not erp.tells("as where a supplier does the work")
    mapped = TIMES.replace('run_time = "RUN"', 'run_time = "RUN"\ninside = "KX7"')
    mapped += 'inside_words = ["I"]\noutside_words = ["E"]\n'
    erp.night(DROPPED + suppliers(None), ITEMS + mapped)
    assert not erp.tells("as where a supplier does the work")


# --- what a report is ---------------------------------------------------------------------------------------------------
DONE = """
[results]
table = "DONE"
time_factor_min = 1
[results.columns]
item_cd = "PART"
proc_seq = "SEQ"
job_cd = "JOB"
machine_time = "MINS"
yield_qty = "QTY"
"""


def reports(set_ups: float) -> str:
    """Fifteen reports of word R with this quantity, and thirty of F with ten pieces; K is F and G without regard to it."""
    rows = ", ".join(
        f"('A1', 10, 'SAW', 30, {set_ups if i % 3 == 0 else 10}, '{'R' if i % 3 == 0 else 'F'}', '{'FG'[i % 2]}')"
        for i in range(45)
    )
    return (
        operations([("SAW", 20.0, 2.0, "I", None)])
        + "CREATE TABLE DONE (PART TEXT, SEQ INTEGER, JOB TEXT, MINS REAL, QTY REAL, KX8 TEXT, K TEXT);"
        + f"INSERT INTO DONE VALUES {rows};"
    )


def test_a_word_whose_reports_have_no_quantity_is_told_as_a_set_up(erp: Foreign) -> None:
    erp.night(reports(0), ITEMS + TIMES + DONE)
    assert erp.tells(
        "work_results: where KX8 is R (15 rows), rows have no quantity, and where it is F (30 rows), they have",
        "no set-up is reported",
        'record_kind = "KX8"',
        "Do not correct factors",
    )
    assert not erp.tells("where K is")


@pytest.mark.parametrize(
    ("set_ups", "section", "columns"),
    [
        (10, "", ""),
        (0, 'kinds = { setup = ["R"], run = ["F"] }\n', 'record_kind = "KX8"\n'),
        (0, 'ignore = ["KX8"]\n', ""),
    ],
)
def test_words_with_quantities_or_that_are_read_or_ignored_are_not_told(
    erp: Foreign, set_ups: float, section: str, columns: str
) -> None:
    done = DONE.replace("time_factor_min", f"{section}time_factor_min") + columns
    erp.night(reports(set_ups), ITEMS + TIMES + done)
    assert not erp.tells("rows have no quantity")


# --- heads of routings and machines in further languages ------------------------------------------------------------------
@pytest.mark.parametrize("column", ["STATUT", "ETAT", "VALIDE", "STATO", "BAJA"])
def test_a_state_of_routings_in_a_head_that_is_not_read_is_told_in_any_language(
    erp: Foreign, column: str
) -> None:
    head = f"CREATE TABLE GAMMES (R TEXT, {column} TEXT); INSERT INTO GAMMES VALUES ('R0', 'V'), ('R1', 'A');"
    erp.night(operations([("SAW", 20.0, 2.0, "I", None)] * 2) + head, ITEMS + TIMES)
    assert erp.tells(
        f"operations: GAMMES has {column}: it may say which routings count", "2 different states"
    )


def machined(columns: str, rows: str) -> str:
    """A routing on machines M1 and M2, and a table POSTES with these columns."""
    return (
        f"{PARTS}CREATE TABLE STEP (PART TEXT, R TEXT, SEQ INTEGER, JOB TEXT, M TEXT);"
        "INSERT INTO STEP VALUES ('A1', 'R', 10, 'SAW', 'M1'), ('A1', 'R', 20, 'MILL', 'M2');"
        f"CREATE TABLE POSTES (POSTE TEXT, {columns}); INSERT INTO POSTES VALUES {rows};"
    )


@pytest.mark.parametrize(
    ("columns", "rows"),
    [
        ("DTFIN DATE", "('M1', NULL), ('M2', '2020-01-31'), ('M3', NULL)"),
        ("POSTE_REMPL TEXT", "('M1', ''), ('M2', 'M1'), ('M3', NULL)"),
        ("DT_LIKW DATE", "('M1', NULL), ('M2', '2020-01-31'), ('M3', NULL)"),
        ("NASTEPCA TEXT", "('M1', ''), ('M2', 'M1'), ('M3', NULL)"),
        ("CZYNNA TEXT", "('M1', 'T'), ('M2', 'N'), ('M3', 'T')"),
        ("NIECZYNNA TEXT", "('M1', 'N'), ('M2', 'T'), ('M3', 'N')"),
        ("ACTIF TEXT", "('M1', '1'), ('M2', '0'), ('M3', '1')"),
        ("Aktywny TEXT", "('M1', '1'), ('M2', '0'), ('M3', '1')"),
    ],
)
def test_machines_with_a_last_day_or_a_successor_are_told_with_their_rows(
    erp: Foreign, columns: str, rows: str
) -> None:
    erp.night(machined(columns, rows), ITEMS + STEP + 'res_cd = "M"\n')
    assert erp.tells(
        f"POSTES has {columns.split()[0]}",
        "1 of its 3 rows look out of use, and 1 routing rows name such a machine",
    )


def test_the_number_of_a_machine_is_no_state_of_it(erp: Foreign) -> None:
    """STAN is a state in Polish, and short for a place of work."""
    sql = machined("NR_STAN TEXT, CZYNNA TEXT", "('M1', 'A', 'T'), ('M2', 'B', 'N'), ('M3', 'C', 'T')")
    erp.night(sql, ITEMS + STEP + 'res_cd = "M"\n')
    assert erp.tells("POSTES has CZYNNA:", "1 of its 3 rows look out of use")


def test_a_table_that_is_called_so_and_has_no_machine_of_the_routings_is_not_told(erp: Foreign) -> None:
    erp.night(machined("DTFIN DATE", "('X1', NULL), ('X2', '2020-01-31')"), ITEMS + STEP + 'res_cd = "M"\n')
    assert not erp.tells("POSTES has")


def test_a_column_that_is_read_by_a_join_of_the_table_to_itself_is_no_column_that_is_not_in_the_profile(
    tmp_path: Path,
) -> None:
    engine = sa.create_engine(f"sqlite:///{(tmp_path / 'erp.db').as_posix()}")
    with engine.begin() as erp:
        erp.exec_driver_sql("CREATE TABLE PART (CODE TEXT, TYPE TEXT, DIA REAL, LEN REAL)")
        erp.exec_driver_sql("CREATE TABLE STEP (PART TEXT, R TEXT, SEQ INTEGER, JOB TEXT)")
    path = tmp_path / "joined.toml"
    joined = 'joins = [{ table = "PART", alias = "shaft", on = [["CODE", "CODE"]] }]\n[items.columns]'
    items = ITEMS.replace("[items.columns]", joined).replace('"DIA"', '"shaft.DIA"')
    path.write_text(f'name = "joined"\n{items}{STEP}', encoding="utf-8")
    extra = [f.column for f in bind(engine, load_profile(path)).findings if f.kind == "extra"]
    engine.dispose()
    assert extra == ["LEN"]
