"""A small ERP and what can be wrong with one: hostile cases by seed, and whether a night on one ends as it must.

A case is one or two faults of `FAULTS` in tables, columns and rows that its seed draws. It must end in a publication in which
every row read is accounted for, or in one sentence of ours.
"""

from __future__ import annotations

import random
import shutil
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from homes import home_settings

from routing_etl.errors import RoutingEtlError
from routing_etl.pipeline import street
from routing_etl.pipeline.night import night
from routing_etl.plant.demo import write_plant
from routing_etl.runs import RunFolder
from routing_etl.settings import Settings

ITEMS, ROUTINGS, RESULTS, ORDERS = (
    "BI_ITEM_INFO_VIEW", "BI_ROUTING_VIEW", "BI_WORK_ORDER_RESULTS", "BI_PUR_PO_VIEW",
)  # fmt: skip
#: Columns that a night needs or learns from: faults go here more often than into others.
COLUMNS = {
    ITEMS: ("ITEM_CD", "PART_TYPE", "ITEM_MATERIAL", "OUTDIAMETER", "INDIAMETER", "OUTDIAMETER_UNIT", "ITEM_NM", "DRAW_NO"),
    ROUTINGS: (
        "ITEM_CD", "ROUT_NO", "PROC_SEQ", "JOB_CD", "JOB_NM", "RES_CD", "INSIDE_FLAG", "SETUP_TIME", "RUN_TIME", "INSRT_DT",
        "VALID_FROM_DT", "VALID_TO_DT", "MILESTONE_FLG", "ROUT_ORDER", "TIME_UNIT",
    ),
    RESULTS: (
        "ITEM_CD", "ROUT_NO", "PROC_SEQ", "JOB_CD", "RES_CD", "REPORT_DT", "MACH_WORKED_HOURS", "SETUP_HOURS", "ORDER_QTY",
        "BAD_QTY",
    ),
    ORDERS: ("ITEM_CD", "PO_NO", "PO_DATE", "QTY", "UNIT_PRICE"),
}  # fmt: skip
NUMBERS = (
    (ITEMS, "OUTDIAMETER"), (ITEMS, "INDIAMETER"), (ROUTINGS, "SETUP_TIME"), (ROUTINGS, "RUN_TIME"), (ROUTINGS, "PROC_SEQ"),
    (RESULTS, "MACH_WORKED_HOURS"), (RESULTS, "SETUP_HOURS"), (RESULTS, "ORDER_QTY"), (RESULTS, "PROC_SEQ"), (ORDERS, "QTY"),
)  # fmt: skip
DATES = (
    (ROUTINGS, "INSRT_DT"), (ROUTINGS, "VALID_FROM_DT"), (ROUTINGS, "VALID_TO_DT"), (RESULTS, "REPORT_DT"), (ORDERS, "PO_DATE"),
)  # fmt: skip
CODES = (
    (ITEMS, "ITEM_CD"), (ROUTINGS, "ITEM_CD"), (ROUTINGS, "JOB_CD"), (ROUTINGS, "RES_CD"), (ROUTINGS, "ROUT_NO"),
    (RESULTS, "ITEM_CD"), (RESULTS, "JOB_CD"), (RESULTS, "RES_CD"), (ITEMS, "PART_TYPE"), (ITEMS, "ITEM_MATERIAL"),
)  # fmt: skip
#: Codes and names that mean something to a shell, a database, a format or a page.
QUOTES = (
    "O'Brien", '"', "]", "x]; DROP TABLE candidate; --", "NULL", "SELECT", "%s", "{0}", "$(x)", "\\", "a\\'b", "`", "''", "--",
    "/*", "<b>", "null", "NaN", "None", "-", "0", "a\tb", "a\nb", "../../x", "a/b", "=1+1", "%", "_", "a%b", "C:\\x", "|", ";",
)  # fmt: skip
STRANGE = (
    "😀",
    "e\u0301",
    "\u202eevil",
    "\u200b",
    "ﾊﾟ",
    "İ",
    "ß",
    "𝔘",
    "\ufeff",
    "\u0000x",
    "사내",
    "A" * 101,
    "\x1b[2J",
    "\x7f",
)


# --- the ERP without faults -----------------------------------------------------------------------------------------------


def write_small_erp(path: Path) -> None:
    """48 items of three kinds, 40 with a routing made over four years, with work results and purchase orders."""
    write_plant(f"sqlite:///{path.as_posix()}", 200, 5, home_settings(path.parent))
    draw = random.Random(7)
    with closing(sqlite3.connect(path)) as erp, erp:
        for table in (
            *COLUMNS,
            "DEMO_TRUTH_ITEM",
            "DEMO_TRUTH_ROUTING",
            "DEMO_TRUTH_SUMMARY",
            "DEMO_TRUTH_TIME",
        ):
            erp.execute(f"DELETE FROM {table}")
        for number in range(48):
            _write_item(erp, number, draw)
    with closing(sqlite3.connect(path)) as erp:
        erp.execute("VACUUM")


def _insert(erp: sqlite3.Connection, table: str, **values: object) -> None:
    marks = ", ".join("?" * len(values))
    erp.execute(f"INSERT INTO {table} ({', '.join(values)}) VALUES ({marks})", tuple(values.values()))


def _write_item(erp: sqlite3.Connection, number: int, draw: random.Random) -> None:
    code, kind = f"P-{number:03d}", ("SLEEVE", "GLAND", "RING")[number % 3]
    hard = number // 3 % 2
    _insert(
        erp, ITEMS, ITEM_CD=code, PART_TYPE=kind, PartNm=kind, ITEM_MATERIAL=("SS400", "A105")[hard], OUTDIAMETER=30 + number,
        INDIAMETER=10 + number, OUTTHICKNESS=5, OUTDIAMETER_UNIT="mm", ITEM_NM=f"{kind} {number}", ITEM_UNIT="EA",
        ITEM_ACCT="제품", ITEM_TYPE="M1", STANDARD_YN="N", GROUP1=f"G{number % 4}", DRAW_NO=f"D{number // 2}",
    )  # fmt: skip
    if number % 6 == 5:
        return
    made = date(2021, 1, 4) + timedelta(days=36 * number)
    steps = [("SAW", "SAW-1"), ("TURN", "CNC-2") if kind != "GLAND" else ("MILL", "MCT-1"), ("INSP", "QC")]
    if hard:
        steps.insert(2, ("HEAT", ""))
    for place, (job, machine) in enumerate(steps, start=1):
        minutes = 4 * place + number / 10
        outside = job == "HEAT"
        _insert(
            erp, ROUTINGS, ROUT_NO="R1", ITEM_CD=code, PROC_SEQ=10 * place, INSRT_DT=f"{made} 08:00:00", JOB_CD=job, JOB_NM=job,
            INSIDE_FLAG="외주" if outside else "사내", RES_CD=machine or None, RES_DIS=machine or None, TIME_UNIT="분(Min.)",
            SETUP_TIME=15, RUN_TIME=minutes, RUN_TIME_QTY=1, MILESTONE_FLG="Y", INSP_FLG="N", ROUT_ORDER="O" if outside else "I",
            VALID_FROM_DT="2001-01-01", VALID_TO_DT="2999-12-31", BP_CD="V1" if outside else None,
        )  # fmt: skip
        for order in range(0 if outside else 3):
            quantity = draw.randint(2, 20)
            _insert(
                erp, RESULTS, ITEM_CD=code, PROC_SEQ=10 * place, RES_CD=machine, RES_DIS=machine, JOB_CD=job, CD_NM=job,
                REPORT_DT=str(made + timedelta(days=10 + 30 * order)), ORDER_QTY=quantity, BAD_QTY=0, ROUT_NO="R1",
                MACH_WORKED_HOURS=round(minutes * quantity / 60 * draw.uniform(0.9, 1.2), 3), SETUP_HOURS=0.25,
            )  # fmt: skip
    _insert(
        erp, ORDERS, ITEM_CD=code, PO_NO=f"PO{number}", PO_DATE=str(made), QTY=5, UNIT_PRICE=100, VENDOR_CD="V1", VENDOR_NM="V",
    )  # fmt: skip


# --- faults ---------------------------------------------------------------------------------------------------------------


class Erp:
    """The database of a case, and what the seed draws for it."""

    def __init__(self, connection: sqlite3.Connection, draw: random.Random) -> None:
        self.connection, self.draw = connection, draw

    def run(self, statement: str, *values: object) -> int:
        """Run a statement; returns the rows changed."""
        return self.connection.execute(statement, values).rowcount

    def table(self) -> str:
        """One of the four tables, the purchase orders seldom."""
        return self.draw.choice((ITEMS, ROUTINGS, RESULTS, ITEMS, ROUTINGS, RESULTS, ORDERS))

    def column(self, table: str) -> str:
        """One of its columns, seven times in eight one that matters. One that another fault took away is left out."""
        there = [row[1] for row in self.connection.execute(f"PRAGMA table_info({table})")]
        known = [c for c in COLUMNS[table] if c in there]
        return self.draw.choice(known if known and self.draw.random() < 0.875 else there or ["rowid"])

    def rows(self) -> str:
        """A condition that holds for a single row, a tenth, half of the rows, or all of them."""
        return self.draw.choice(("rowid = 3", "rowid % 10 = 1", "rowid % 2 = 0", "1 = 1"))

    def put(self, place: tuple[str, str], value: object) -> None:
        """Write a value into a column, in rows that the seed draws."""
        table, column = place
        self.run(f'UPDATE {table} SET "{column}" = ? WHERE {self.rows()}', value)

    def put_sql(self, place: tuple[str, str], expression: str) -> None:
        """Write an SQL expression into a column, in rows that the seed draws; {c} is the column."""
        table, column = place
        self.run(f'UPDATE {table} SET "{column}" = {expression.format(c=column)} WHERE {self.rows()}')


def numbers_as_text(erp: Erp) -> None:
    """Text in a numeric column, with units, commas and blanks, which SQLite keeps as it is."""
    form = erp.draw.choice(
        ("{c} || ' mm'", "REPLACE({c} || '', '.', ',')", "' ' || {c} || ' '", "'wide'", "{c} || 'x'", "''")
    )
    erp.put_sql(erp.draw.choice(NUMBERS), form)


def numbers_out_of_bounds(erp: Erp) -> None:
    """Infinity, the largest and smallest numbers, negative ones and zero."""
    value = erp.draw.choice(
        (9e999, -9e999, 1e308, -1e308, 5e-324, 2**62, -(2**62), -1, 0, 1e15, 1e-9, 0.1 + 0.2)
    )
    erp.put(erp.draw.choice(NUMBERS), value)


def codes_as_numbers(erp: Erp) -> None:
    """A code that the ERP keeps as a number, whole or broken."""
    erp.put_sql(
        erp.draw.choice(CODES),
        erp.draw.choice(("rowid", "rowid + 0.5", "CAST(rowid AS REAL)", "rowid * 1000000000000")),
    )


def blobs(erp: Erp) -> None:
    """Bytes in place of text or numbers."""
    table = erp.table()
    erp.put(
        (table, erp.column(table)), erp.draw.choice((b"\xff\xfe\x00\x80", b"", b"P-001", bytes(range(256))))
    )


def invalid_utf8(erp: Erp) -> None:
    """Text that is no UTF-8, as a database in another code page gives it."""
    table = erp.table()
    bad = erp.draw.choice(("ff80", "c3", "eda080", "f8888080", "50ff50", "b0a1"))
    erp.put_sql((table, erp.column(table)), f"CAST(x'{bad}' AS TEXT)")


def nul_bytes(erp: Erp) -> None:
    """A NUL in the middle, at the beginning or alone."""
    table = erp.table()
    form = erp.draw.choice(
        ("CAST(x'410042' AS TEXT)", "CAST(x'0041' AS TEXT)", "CAST(x'00' AS TEXT)", "{c} || char(0)")
    )
    erp.put_sql((table, erp.column(table)), form)


def megabytes(erp: Erp) -> None:
    """A text of one or two million characters in one row, or of many thousands in many."""
    table = erp.table()
    column, length = erp.column(table), erp.draw.choice((1_000_000, 2_000_000))
    if erp.draw.random() < 0.5:
        erp.run(f'UPDATE {table} SET "{column}" = ? WHERE rowid = 3', erp.draw.choice("x 사9") * length)
    else:
        erp.put((table, column), "y" * 20_000)


def strange_text(erp: Erp) -> None:
    """Emoji, combining marks, directions of writing, control characters, over-long codes."""
    table = erp.table()
    value = erp.draw.choice(STRANGE)
    if erp.draw.random() < 0.5:
        erp.put((table, erp.column(table)), value)
    else:
        erp.put_sql((table, erp.column(table)), "{c} || '" + value.replace("\x00", "") + "'")


def quotes_and_keywords(erp: Erp) -> None:
    """The same code in all tables, with characters that somebody may take for a command."""
    value = erp.draw.choice(QUOTES)
    if erp.draw.random() < 0.5:
        old = f"P-{erp.draw.randrange(48):03d}"
        for table in COLUMNS:
            erp.run(f"UPDATE {table} SET ITEM_CD = ? WHERE ITEM_CD = ?", value, old)
    else:
        for table in (ROUTINGS, RESULTS):
            column = erp.draw.choice(("JOB_CD", "RES_CD"))
            erp.run(f"UPDATE {table} SET {column} = ? WHERE {erp.rows()}", value)


def equal_by_collation(erp: Erp) -> None:
    """Codes in two spellings that many a database calls equal: case, width, blanks, accents."""
    form = erp.draw.choice(
        (
            "LOWER({c})",
            "{c} || '  '",
            "' ' || {c}",
            "REPLACE({c}, 'P', 'Ｐ')",
            "REPLACE({c}, 'A', 'Ä')",
            "{c} || char(160)",
        )
    )
    erp.put_sql(erp.draw.choice(CODES), form)


def nulls(erp: Erp) -> None:
    """NULL in a column, in some rows or all, or in a whole table."""
    table = erp.table()
    if erp.draw.random() < 0.85:
        erp.put((table, erp.column(table)), None)
    else:
        for column in [row[1] for row in erp.connection.execute(f"PRAGMA table_info({table})")]:
            erp.run(f'UPDATE {table} SET "{column}" = NULL')


def column_gone(erp: Erp) -> None:
    """A column dropped or renamed."""
    table = erp.table()
    column = erp.column(table)
    for (index,) in erp.connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = ?", (table,)
    ).fetchall():
        erp.run(f'DROP INDEX "{index}"')
    how = erp.draw.choice(("DROP COLUMN", "RENAME COLUMN"))
    erp.run(f'ALTER TABLE {table} {how} "{column}"' + (' TO "X_NEW"' if how.startswith("REN") else ""))


def table_gone(erp: Erp) -> None:
    """A table dropped, renamed or emptied."""
    table = erp.table()
    erp.run(
        erp.draw.choice(
            (f"DROP TABLE {table}", f"ALTER TABLE {table} RENAME TO X_OTHER", f"DELETE FROM {table}")
        )
    )


def dates_at_the_edges(erp: Erp) -> None:
    """Year 1, 9999 and beyond, days that do not exist, times far away."""
    value = erp.draw.choice(
        ("0001-01-01", "9999-12-31", "9999-12-31 23:59:59.999", "0000-00-00", "2026-02-30", "10000-01-01", "1753-01-01",
         "-0044-03-15", "1899-12-30", "2262-04-12", "1677-09-20", "2100-01-01", "")
    )  # fmt: skip
    erp.put(erp.draw.choice(DATES), value)


def dates_in_other_forms(erp: Erp) -> None:
    """Days as numbers and as other countries write them."""
    value = erp.draw.choice(
        (20260131, 46053, 1769817600000, "31.01.2026", "01/31/2026", "2026-01-31T08:00:00+09:00", "31-JAN-26", "20260131",
         "2026년 1월 31일", 0, -1, 9e18)
    )  # fmt: skip
    erp.put(erp.draw.choice(DATES), value)


def few_rows(erp: Erp) -> None:
    """One item, one routing, one result, or hardly more."""
    left = erp.draw.choice((1, 2, 19, 25))
    table = erp.draw.choice((ITEMS, ROUTINGS, RESULTS))
    erp.run(f"DELETE FROM {table} WHERE rowid NOT IN (SELECT rowid FROM {table} LIMIT ?)", left)


def all_rows_equal(erp: Erp) -> None:
    """Every row of a table, or every value of a column, as the first."""
    table = erp.table()
    columns = [row[1] for row in erp.connection.execute(f"PRAGMA table_info({table})")]
    if not columns:
        return
    if erp.draw.random() < 0.5:
        columns = [erp.column(table)]
    for column in columns:
        erp.run(f'UPDATE {table} SET "{column}" = (SELECT "{column}" FROM {table} LIMIT 1)')


def rows_twice(erp: Erp) -> None:
    """Rows that stand there several times."""
    table = erp.table()
    for _ in range(erp.draw.choice((1, 3))):
        erp.run(f"INSERT INTO {table} SELECT * FROM {table} WHERE {erp.rows()}")


def two_hundred_operations(erp: Erp) -> None:
    """A routing of 200 operations, in one item or in eight, with numbers that go on or are all one."""
    for number in range(erp.draw.choice((1, 8))):
        for place in range(200):
            _insert(
                erp.connection, ROUTINGS, ROUT_NO="R1", ITEM_CD=f"P-{number:03d}", PROC_SEQ=1000 + place, JOB_CD=("SAW", "TURN", "MILL", "INSP")[place % 4],
                RES_CD=("SAW-1", "CNC-2", "MCT-1", "QC")[place % 4], RUN_TIME=1, SETUP_TIME=1, INSRT_DT="2024-01-01", VALID_FROM_DT="2001-01-01",
                VALID_TO_DT="2999-12-31", INSIDE_FLAG="사내",
            )  # fmt: skip


def sequence_as_text(erp: Erp) -> None:
    """Operation numbers as text, of several parts, broken, huge, or the same."""
    value = erp.draw.choice(
        (
            "'0' || {c}",
            "{c} || 'A'",
            "{c} || '.5'",
            "'1e1'",
            "'010/020'",
            "{c} * 100000000000",
            "-{c}",
            "0",
            "10",
            "{c} + 0.5",
            "'X'",
        )
    )
    erp.put_sql((erp.draw.choice((ROUTINGS, RESULTS)), "PROC_SEQ"), value)


def flags(erp: Erp) -> None:
    """Flags and words that nobody has heard of."""
    place = erp.draw.choice(
        (
            (ROUTINGS, "INSIDE_FLAG"),
            (ROUTINGS, "MILESTONE_FLG"),
            (ROUTINGS, "TIME_UNIT"),
            (ITEMS, "OUTDIAMETER_UNIT"),
        )
    )
    erp.put(
        place,
        erp.draw.choice(("Ja", 2, "", " ", "true", "사외", "furlong", "y", -1, "외주", "Hours", "inch")),
    )


FAULTS: tuple[Callable[[Erp], None], ...] = (
    numbers_as_text, numbers_out_of_bounds, codes_as_numbers, blobs, invalid_utf8, nul_bytes, megabytes, strange_text,
    quotes_and_keywords, equal_by_collation, nulls, column_gone, table_gone, dates_at_the_edges, dates_in_other_forms, few_rows,
    all_rows_equal, rows_twice, two_hundred_operations, sequence_as_text, flags,
)  # fmt: skip


def faults_of(seed: int) -> tuple[Callable[[Erp], None], ...]:
    """The faults of a case: each alone in turn, and every other case a pair."""
    draw = random.Random(f"faults {seed}")
    first = FAULTS[seed // 2 % len(FAULTS)]
    return (first,) if seed % 2 == 0 else (first, draw.choice(FAULTS))


def write_case(seed: int, template: Path, path: Path) -> None:
    """The ERP of a case: a copy of the small ERP with the faults of this seed."""
    shutil.copyfile(template, path)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        for fault in faults_of(seed):
            try:
                fault(Erp(connection, random.Random(f"{seed} {fault.__name__}")))
            except sqlite3.OperationalError as exc:
                if "no such" not in str(exc) and "has no column" not in str(exc):
                    raise  # otherwise what it would change has been taken away by the first fault


# --- the night on it --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Outcome:
    """How the night on a case ended: `published`, `sentence`, or what must not be: `raw`, `hang`, `lost`, `unreadable`."""

    kind: str
    text: str
    seconds: float

    @property
    def good(self) -> bool:
        """Whether it ended as it must."""
        return self.kind in ("published", "sentence")


class Hang(BaseException):
    """The time is over."""


@contextmanager
def _at_most(seconds: int) -> Iterator[None]:
    def over(*_: object) -> None:
        raise Hang

    if not hasattr(signal, "SIGALRM"):  # Windows: there the time-out of the test run has to do
        yield
        return
    before = signal.signal(signal.SIGALRM, over)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def _settings(home: Path) -> Settings:
    """A model as small as can be."""
    return home_settings(home, trees=2, neighbours=4, random_state=1, threads=1, evidence_per_candidate=1)


def make_template(home: Path) -> Path:
    """A home in which one night on the small ERP without faults has trained a model."""
    home.mkdir(parents=True, exist_ok=True)
    write_small_erp(home / "erp.db")
    night(_settings(home))
    return home


def trains(seed: int) -> bool:
    """Whether the night of a case trains a model: every fifth does; the others have one of the ERP without faults."""
    return seed % 5 == 0


def run_case(seed: int, template: Path, home: Path, *, limit: int = 300) -> Outcome:
    """A night on the ERP of a seed, in a home of its own, which is made; `template` is that of `make_template`."""
    shutil.rmtree(home, ignore_errors=True)
    if trains(seed):
        home.mkdir(parents=True)
    else:
        shutil.copytree(template, home, ignore=shutil.ignore_patterns("runs", "erp.db*", "logs"))
    write_case(seed, template / "erp.db", home / "erp.db")
    started = time.monotonic()
    try:
        with _at_most(limit):
            run = night(_settings(home), run_id=f"case_{seed}")
        kind, text = _judged(run, home)
    except RoutingEtlError as exc:
        kind, text = _sentence(exc)
    except Hang:
        kind, text = "hang", f"more than {limit} s"
    except BaseException as exc:
        if isinstance(exc, KeyboardInterrupt):
            raise
        kind, text = "raw", f"{type(exc).__name__}: {str(exc)[:300]}"
    return Outcome(kind, text, round(time.monotonic() - started, 1))


def _sentence(exc: RoutingEtlError) -> tuple[str, str]:
    """An error of ours is good if a person can read it."""
    whole = str(exc)
    text = f"{type(exc).__name__}: {whole[:300]}"
    if len(whole) > 2000 or whole.count("\n") > 2 or "Traceback" in whole or not exc.message:
        return "unreadable", f"{len(whole)} characters, {whole.count(chr(10))} line breaks: {text}"
    return "sentence", text


def _judged(run: RunFolder, home: Path) -> tuple[str, str]:
    """Whether every row is accounted for: read = kept + rejected + filtered, and every item published or abstained."""
    extracted, cleaned = run.read(street.EXTRACT.report), run.read(street.CLEAN.report)
    scored, loaded = run.read(street.SCORE.report), run.read(street.LOAD.report)
    assert extracted is not None and cleaned is not None and scored is not None
    wrong = []
    with closing(sqlite3.connect(home / "erp.db")) as erp:
        for frame, read in extracted.result.read.frames.items():
            (rows,) = erp.execute(f"SELECT COUNT(*) FROM {read.table}").fetchone()
            account = cleaned.result.frames[frame]
            if account.rows_in != rows or rows != read.rows:
                wrong.append(f"{frame}: {rows} rows in the ERP, {read.rows} read, {account.rows_in} cleaned")
            if account.rows_in != account.rows_kept + account.rows_rejected + account.rows_filtered:
                wrong.append(f"{frame}: {account}")
    if loaded is not None:
        with closing(sqlite3.connect(home / "warehouse.db")) as ours:
            (shown,) = ours.execute("SELECT COUNT(DISTINCT item_cd) FROM routing_candidates").fetchone()
        if shown != scored.result.predicted:
            wrong.append(f"{scored.result.predicted} items predicted, {shown} shown")
    if scored.result.predicted + scored.result.abstained != scored.result.items:
        wrong.append(f"{scored.result}")
    if wrong:
        return "lost", "; ".join(wrong)[:500]
    return "published", f"{scored.result.predicted} of {scored.result.items} items predicted"
