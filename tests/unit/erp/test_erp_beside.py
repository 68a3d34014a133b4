"""Numbers that the profile leaves unread and that reported times follow are told, whatever they are called."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from foreign_erp import ITEMS, STEP, Foreign

#: Sixty parts of one operation each; two orders of each.
PARTS, ORDERS = 60, 2
TIMES = STEP + 'run_time = "RUN"\n[routing]\nblank_time_unit = 1\n'
DONE = """
[results]
table = "DONE"
time_factor_min = 1
[results.columns]
item_cd = "PART"
proc_seq = "SEQ"
job_cd = "JOB"
machine_time = "MINS"
order_qty = "QTY"
"""
#: Reports scatter by a tenth about what they should be.
NOISE = (0.9, 1.06, 0.97, 1.1, 1.0, 0.94, 1.03)


@pytest.fixture
def erp(tmp_path: Path) -> Foreign:
    return Foreign(tmp_path)


def plant(
    step: Callable[[int], float],
    done: Callable[[int], float],
    minutes: Callable[[float, float, float], float],
) -> str:
    """Tables with a number N_STEP on operations and N_DONE on reports; `minutes` of a piece from its standard and these numbers."""
    parts, steps, reports = [], [], []
    for i in range(PARTS):
        standard = 2.0 + i % 7
        parts.append(f"('P{i:02d}', 'SHAFT', {10 + i})")
        steps.append(f"('P{i:02d}', 'R', 10, '{'SAW' if i % 2 else 'MILL'}', {standard}, {step(i)})")
        for k in range(ORDERS):
            n = i * ORDERS + k
            took = minutes(standard, step(i), done(n)) * (10 + n % 5) * NOISE[n % 7]
            reports.append(
                f"('P{i:02d}', 10, '{'SAW' if i % 2 else 'MILL'}', {took}, {10 + n % 5}, {done(n)})"
            )
    return (
        f"CREATE TABLE PART (CODE TEXT, TYPE TEXT, DIA REAL); INSERT INTO PART VALUES {', '.join(parts)};"
        f"CREATE TABLE STEP (PART TEXT, R TEXT, SEQ INTEGER, JOB TEXT, RUN REAL, N_STEP REAL); INSERT INTO STEP VALUES {', '.join(steps)};"
        "CREATE TABLE DONE (PART TEXT, SEQ INTEGER, JOB TEXT, MINS REAL, QTY REAL, N_DONE REAL);"
        f"INSERT INTO DONE VALUES {', '.join(reports)};"
    )


def one(i: int) -> float:
    return 1


def one_to_four(i: int) -> float:
    return 1 + i // 3 % 4


@pytest.mark.parametrize(
    ("values", "minutes", "words"),
    [
        (
            one_to_four,
            lambda t, n, _: t / n,
            ("1/N_STEP as long", "1 where it is 1 (", "0.25 where it is 4 (", "Map capacity"),
        ),
        (one_to_four, lambda t, n, _: t * n, ("N_STEP times as long", "Map it as cycles or time_factor")),
        (
            lambda i: 50 * (i // 3 % 3),
            lambda t, n, _: t * (1 + n / 100),
            ("longer by N_STEP percent", "Read a view"),
        ),
        (
            lambda i: 30 * (i // 3 % 3),
            lambda t, n, _: t / (1 - n / 100),
            ("as long as for 100/(100 - N_STEP) pieces",),
        ),
        (
            lambda i: 0.3 * (i // 3 % 3),
            lambda t, n, _: t / (1 - n),
            ("as long as for 1/(1 - N_STEP) pieces",),
        ),
    ],
)
def test_a_number_of_the_operations_that_reports_follow(
    erp: Foreign,
    values: Callable[[int], float],
    minutes: Callable[[float, float, float], float],
    words: tuple[str, ...],
) -> None:
    erp.night(plant(values, one, minutes), ITEMS + TIMES + DONE)
    assert erp.tells("operations: reported times follow N_STEP", *words)
    assert not erp.tells("follow N_DONE")
    dropped = "".join(f"DROP TABLE {t};" for t in ("PART", "STEP", "DONE"))
    ignored = TIMES.replace('"STEP"', '"STEP"\nignore = ["N_STEP"]')
    erp.night(dropped + plant(values, one, minutes), ITEMS + ignored + DONE)
    assert not erp.tells("reported times follow")


def test_a_number_of_the_reports_that_they_follow(erp: Foreign) -> None:
    """The hours of one, two or three people on each report."""
    erp.night(plant(one, lambda n: 1 + n % 3, lambda t, _, n: t * n), ITEMS + TIMES + DONE)
    assert erp.tells(
        "work_results: reported times follow N_DONE",
        "N_DONE times as long",
        "2 where it is 2 (40)",
        "map crew",
    )
    mapped = DONE + 'crew = "N_DONE"\n'
    dropped = "".join(f"DROP TABLE {t};" for t in ("PART", "STEP", "DONE"))
    erp.night(dropped + plant(one, lambda n: 1 + n % 3, lambda t, _, n: t * n), ITEMS + TIMES + mapped)
    assert not erp.tells("reported times follow")


@pytest.mark.parametrize("shift", range(4))
def test_numbers_that_say_nothing_about_times_are_not_told(erp: Foreign, shift: int) -> None:
    erp.night(
        plant(lambda i: (i + shift) * 7 % 5, lambda n: (n + shift) * 11 % 4, lambda t, *_: t),
        ITEMS + TIMES + DONE,
    )
    assert not erp.tells("reported times follow")


def test_a_number_that_follows_the_standard_itself_is_not_told(erp: Foreign) -> None:
    """Its standard time in another unit explains a time, but not how reports differ from it."""
    erp.night(plant(lambda i: (2 + i % 7) / 60, one, lambda t, *_: t), ITEMS + TIMES + DONE)
    assert not erp.tells("reported times follow")


# --- a number that is one for a whole job -------------------------------------------------------------------------------
#: People at each job, as most plants staff it: one crew a job, whatever is made.
CREWS = {"SAW": 1, "MILL": 1, "TURN": 1, "BORE": 1, "MOULD": 3, "POUR": 2, "KNOCK": 2, "SHAKE": 4}


def staffed(minutes: Callable[[float, int], float], crew: Callable[[str], int] = CREWS.__getitem__) -> str:
    """Ten parts of one operation of each job, two orders of each, with a number N_DONE that is one for the job."""
    parts, steps, reports = [], [], []
    for j, job in enumerate(CREWS):
        for i in range(10):
            part, standard = f"P{j}{i}", 2.0 + (3 * i + j) % 7
            parts.append(f"('{part}', 'SHAFT', {10 + i})")
            steps.append(f"('{part}', 'R', 10, '{job}', {standard})")
            for k in range(ORDERS):
                n = 10 * j + 2 * i + k
                took = minutes(standard, CREWS[job]) * (10 + n % 5) * NOISE[n % 7]
                reports.append(f"('{part}', 10, '{job}', {took}, {10 + n % 5}, {crew(job)})")
    return (
        f"CREATE TABLE PART (CODE TEXT, TYPE TEXT, DIA REAL); INSERT INTO PART VALUES {', '.join(parts)};"
        f"CREATE TABLE STEP (PART TEXT, R TEXT, SEQ INTEGER, JOB TEXT, RUN REAL); INSERT INTO STEP VALUES {', '.join(steps)};"
        "CREATE TABLE DONE (PART TEXT, SEQ INTEGER, JOB TEXT, MINS REAL, QTY REAL, N_DONE REAL);"
        f"INSERT INTO DONE VALUES {', '.join(reports)};"
    )


def test_a_crew_that_is_one_for_each_job_is_told(erp: Foreign) -> None:
    """Within a job nothing differs; but the jobs of two take twice the standard, those of three three times it."""
    erp.night(staffed(lambda t, crew: t * crew), ITEMS + TIMES + DONE)
    assert erp.tells(
        "work_results: reported times follow N_DONE",
        "N_DONE times as long",
        "1 where it is 1 (80)",
        "2 where it is 2 (40)",
        "map crew",
    )


def test_a_crew_that_the_standards_have_in_them_is_not_told(erp: Foreign) -> None:
    erp.night(staffed(lambda t, _: t), ITEMS + TIMES + DONE)
    assert not erp.tells("reported times follow")


@pytest.mark.parametrize("shift", range(1, 5))
def test_a_number_of_each_job_that_its_times_do_not_follow_is_not_told(erp: Foreign, shift: int) -> None:
    """The number of a department: jobs differ from their standards, but not by it."""
    jobs = list(CREWS)
    erp.night(
        staffed(lambda t, crew: t * crew, lambda job: 1 + (jobs.index(job) + shift) % 4),
        ITEMS + TIMES + DONE,
    )
    assert not erp.tells("reported times follow")


# --- words --------------------------------------------------------------------------------------------------------------
def with_text(sql: str, table: str, column: str, value: str) -> str:
    """The tables, with a column of texts that an SQL expression gives."""
    return f"{sql} ALTER TABLE {table} ADD COLUMN {column} TEXT; UPDATE {table} SET {column} = {value};"


def test_a_column_that_says_a_unit_by_a_code_is_told(erp: Foreign) -> None:
    """KX7 names a unit in a table that is not read: A is a minute, B an hour."""
    sql = plant(lambda i: i // 2 % 2, one, lambda t, n, _: t * 60 if n else t)
    erp.night(with_text(sql, "STEP", "KX7", "CASE N_STEP WHEN 1 THEN 'B' ELSE 'A' END"), ITEMS + TIMES + DONE)
    assert erp.tells(
        "operations: reported times follow KX7",
        "1 where it is A (60)",
        "60 where it is B (60)",
        "map run_unit",
    )


def test_a_kind_of_report_is_told_whatever_its_words(erp: Foreign) -> None:
    sql = plant(one, lambda n: n % 3, lambda t, _, n: t * 3 if n == 2 else t)
    erp.night(
        with_text(sql, "DONE", "ART", "CASE N_DONE WHEN 2 THEN 'YY' END").replace("N_DONE", "X"),
        ITEMS + TIMES + DONE,
    )
    assert erp.tells(
        "work_results: reported times follow ART",
        "where it is blank (80)",
        "3 where it is YY (40)",
        "record_kind",
    )


def test_words_that_say_nothing_about_times_are_not_told(erp: Foreign) -> None:
    sql = plant(one, one, lambda t, *_: t)
    words = with_text(
        sql, "STEP", "COLOUR", "CASE CAST(RUN AS INTEGER) % 3 WHEN 0 THEN 'RED' ELSE 'BLUE' END"
    )
    erp.night(
        with_text(words, "DONE", "SHIFT", "CASE CAST(QTY AS INTEGER) % 2 WHEN 0 THEN 'D' ELSE 'N' END"),
        ITEMS + TIMES + DONE,
    )
    assert not erp.tells("reported times follow") and not erp.tells("was ever reported")


def with_set_ups(units: Callable[[int], float], told: Callable[[int], float]) -> str:
    """Set-ups of half an hour: a standard in units that a code of operations tells, reports in units that a code of theirs tells."""
    sql = plant(lambda i: i // 2 % 2, lambda n: n % 2, lambda t, n, d: t)
    return sql + (
        "ALTER TABLE STEP ADD COLUMN SETUP REAL; ALTER TABLE DONE ADD COLUMN SETUP REAL;"
        f"UPDATE STEP SET SETUP = CASE N_STEP WHEN 0 THEN {units(0)} ELSE {units(1)} END;"
        f"UPDATE DONE SET SETUP = (1 + ROWID % 7 / 50.0) * CASE N_DONE WHEN 0 THEN {told(0)} ELSE {told(1)} END;"
    )


@pytest.mark.parametrize(
    ("units", "told", "words"),
    [
        (lambda c: 30 * 10**c, lambda c: 30, ("operations: reported set-up times follow N_STEP", "map setup_unit in [operations.columns]")),
        (lambda c: 30, lambda c: 30 / 60**c, ("work_results: reported set-up times follow N_DONE", "map setup_time_unit in [results.columns]")),
        (lambda c: 30, lambda c: 30 + c, ()),
    ],
)  # fmt: skip
def test_a_code_that_reported_set_ups_follow_is_told(
    erp: Foreign, units: Callable[[int], float], told: Callable[[int], float], words: tuple[str, ...]
) -> None:
    step = TIMES.replace('run_time = "RUN"', 'run_time = "RUN"\nsetup_time = "SETUP"')
    erp.night(with_set_ups(units, told), ITEMS + step + DONE + 'setup_time = "SETUP"\n')
    assert erp.tells(*words) if words else not erp.tells("reported set-up times follow")
    assert not erp.tells("reported times follow")


@pytest.mark.parametrize("column", ["SLETTET", "TOROLT", "UDALENO", "QX"])
def test_operations_that_are_never_reported_are_told_by_what_marks_them(erp: Foreign, column: str) -> None:
    """Twenty deleted operations, in languages that no list has, beside sixty that are reported."""
    gone = ", ".join(f"('P{i:02d}', 'R', 20, 'SAW', 3, 1)" for i in range(20))
    sql = plant(one, one, lambda t, *_: t) + f"INSERT INTO STEP VALUES {gone};"
    erp.night(with_text(sql, "STEP", column, "CASE SEQ WHEN 20 THEN 'I' ELSE 'N' END"), ITEMS + TIMES + DONE)
    assert erp.tells(
        f"none of the operations in which {column} is I (20) was ever reported",
        "of the others 100%",
        "operations.ignore",
    )


def test_items_of_a_kind_whose_reports_differ_from_the_standard_are_told(erp: Foreign) -> None:
    """Covers are counted in pairs, so that a pair takes twice the standard of a piece."""
    sql = plant(lambda i: i // 2 % 2, one, lambda t, n, _: t * (1 + n)).replace("N_STEP", "X")
    covers = "UPDATE PART SET TYPE = 'COVER' WHERE CODE IN (SELECT PART FROM STEP WHERE X = 1);"
    ignored = TIMES.replace('"STEP"', '"STEP"\nignore = ["X"]')
    erp.night(sql + covers, ITEMS + ignored + DONE)
    assert erp.tells(
        "work_results: reported times differ by the items' part_type",
        "2 where it is COVER (60)",
        "1 where it is SHAFT (60)",
        "pairs",
    )


# --- other shapes of profiles -------------------------------------------------------------------------------------------
def test_operations_by_their_place_and_an_own_number_meet_as_well(erp: Foreign) -> None:
    """Routings are in the order of SEQ, and reports name an operation by its ID; units stand in a column that not all ERPs have."""
    sql = plant(one_to_four, one, lambda t, n, _: t / n)
    ids = "ALTER TABLE STEP ADD COLUMN ID TEXT; UPDATE STEP SET ID = 'A' || PART; ALTER TABLE DONE ADD COLUMN ID TEXT; UPDATE DONE SET ID = 'A' || PART;"
    steps = TIMES.replace('"STEP"', '"STEP"\norder_by = ["SEQ"]').replace(
        'proc_seq = "SEQ"', 'oper_no = "ID"'
    )
    done = DONE.replace('proc_seq = "SEQ"', 'oper_no = "ID"\ntime_unit = { column = "UOM", optional = true }')
    done = done.replace(
        "time_factor_min = 1", "time_factor_min = 1\nblank_time_unit = 1\ntime_units = { MIN = 1 }"
    )
    erp.night(sql + ids, ITEMS + steps + done)
    assert erp.tells("operations: reported times follow N_STEP", "1/N_STEP as long")


def test_of_many_reports_those_of_some_items_are_read(erp: Foreign, monkeypatch: pytest.MonkeyPatch) -> None:
    """Six parts end with 7: too few reports to tell; and no more are read."""
    monkeypatch.setattr("routing_etl.erp.beside._MANY", 100)
    monkeypatch.setattr("routing_etl.erp.beside._ENOUGH", 10)
    erp.night(plant(one_to_four, one, lambda t, n, _: t / n), ITEMS + TIMES + DONE)
    assert not erp.tells("reported times follow")
    codes = pl.read_parquet(erp.folder / "raw" / "work_results.beside.parquet")["item_cd"]
    assert codes.str.ends_with("7").all() and codes.n_unique() == 6
    assert pl.read_parquet(erp.folder / "raw" / "work_results.parquet").height == PARTS * ORDERS


def with_site(sql: str) -> str:
    """The tables with a column SITE, which is one for all items."""
    tables = ("PART", "STEP", "DONE")
    return sql + "".join(f"ALTER TABLE {t} ADD COLUMN SITE TEXT; UPDATE {t} SET SITE = 'X7';" for t in tables)


@pytest.mark.parametrize("how", ["numbers", "two columns"])
def test_of_many_reports_those_of_some_items_are_read_whatever_their_codes_are(
    erp: Foreign, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """Codes that are whole numbers, or are put together of several columns, of which one is the same in all rows."""
    monkeypatch.setattr("routing_etl.erp.beside._MANY", 100)
    monkeypatch.setattr("routing_etl.erp.beside._ENOUGH", 10)
    sql, profile = plant(one_to_four, one, lambda t, n, _: t / n), ITEMS + TIMES + DONE
    if how == "numbers":
        sql = sql.replace("'P", "'").replace("PART TEXT", "PART INTEGER").replace("CODE TEXT", "CODE INTEGER")
        code = '{ column = "%s", integer_code = true }'
    else:
        sql, code = with_site(sql), '{ concat = ["SITE", "%s"] }'
    for name in ("PART", "CODE"):
        profile = profile.replace(f'item_cd = "{name}"', f"item_cd = {code % name}")
    erp.night(sql, profile)
    codes = pl.read_parquet(erp.folder / "raw" / "work_results.beside.parquet")["item_cd"]
    assert codes.str.ends_with("7").all() and codes.n_unique() == 6
    assert pl.read_parquet(erp.folder / "raw" / "work_results.parquet").height == PARTS * ORDERS


# --- a word of few reports ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("factor", "told"), [(2.2, True), (0.4, True), (1.3, False)])
def test_a_word_of_few_reports_that_take_much_longer_or_shorter_is_told(
    erp: Foreign, factor: float, told: bool
) -> None:
    """One order in ten is rework, which neither the column nor its word says: too few to change how all reports scatter."""
    parts, steps, reports = [], [], []
    for i in range(220):
        job, standard = ("SAW", "MILL")[i % 2], 2.0 + i % 7
        parts.append(f"('P{i:03d}', 'SHAFT', {10 + i})")
        steps.append(f"('P{i:03d}', 'R', 10, '{job}', {standard})")
        for k in range(3):
            again = (i * 3 + k) % 10 == 3
            word = "NK" if again else "N"
            minutes = standard * 20 * NOISE[(i + 2 * k) % 7] ** 3 * (factor if again else 1)
            reports.append(f"('P{i:03d}', 10, '{job}', {minutes}, 20, '{word}')")
    sql = (
        f"CREATE TABLE PART (CODE TEXT, TYPE TEXT, DIA REAL); INSERT INTO PART VALUES {', '.join(parts)};"
        f"CREATE TABLE STEP (PART TEXT, R TEXT, SEQ INTEGER, JOB TEXT, RUN REAL); INSERT INTO STEP VALUES {', '.join(steps)};"
        "CREATE TABLE DONE (PART TEXT, SEQ INTEGER, JOB TEXT, MINS REAL, QTY REAL, KX TEXT);"
        f"INSERT INTO DONE VALUES {', '.join(reports)};"
    )
    erp.night(sql, ITEMS + TIMES + DONE)
    assert erp.tells("work_results: reported times follow KX", f"{factor:.2g} where it is NK (66)") is told
