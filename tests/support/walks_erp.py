"""Stories of remedies about an ERP's data and the profile that reads it: corrected as the sentence says, and read again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest
import sqlalchemy as sa
from foreign_erp import ITEMS, STEP, Foreign, steps
from walks_met import Act, Place, Walks, bound_by_modes, refuse_module

from routing_etl.erp import extract as extracting
from routing_etl.erp import reader
from routing_etl.erp.clean import clean
from routing_etl.erp.profile import load_profile
from routing_etl.frames import WORK_RESULTS, TimeBasis
from routing_etl.plant.adventureworks import _TABLES, load_csv
from routing_etl.plant.demo import _Sink
from routing_etl.times.plausibility import check_plausibility
from routing_etl.times.profiles import (
    ReportedTimes,
    ShardFolder,
    TimesReport,
    build_profiles,
    merge_shards,
    read_evidence,
    read_shard,
)

walk = Walks()
ONE = "('A1','R',10,'A',NULL)"


def _night(erp: Foreign, profile: str, sql: str = "") -> Act:
    return lambda: erp.night(sql, profile)


def _refused_once(place: Place, sql: str, wrong: str, right: str) -> Iterator[Act]:
    """A night with one profile, and the same ERP with another."""
    erp = Foreign(place.folder)
    yield _night(erp, wrong, sql)
    yield _night(erp, right)


def _rows(pattern: str, count: int) -> str:
    return ", ".join(pattern.format(i=i, three=i % 3 + 1) for i in range(count))


# --- what the profile names ---------------------------------------------------------------------------------------------
@walk("… And … more; routing-etl doctor lists all.", "…")
def _(place: Place) -> Iterator[Act]:
    wrong = STEP + "".join(
        f'{c} = "{c.upper()}X"\n'
        for c in ("res_cd", "job_nm", "bp_cd", "insrt_dt", "wait_time", "setup_time")
    )
    yield from _refused_once(place, steps("X TEXT", ONE), ITEMS + wrong, ITEMS + STEP)  # fmt: skip


@walk("Profile …: … = …: ….", "…")
def _(place: Place) -> Iterator[Act]:
    yield from _refused_once(
        place, steps("X TEXT", ONE), ITEMS + STEP.replace("job_cd", "jobcd"), ITEMS + STEP
    )


@walk("Profile …: file = …: ….", "Make the file readable.")
def _(place: Place) -> Iterator[Act]:
    file = place.folder / "mine.toml"
    file.write_text('extends = "bi_views"\n', encoding="utf-8")
    file.chmod(0o000)

    def read() -> None:
        with bound_by_modes():
            load_profile(file)

    yield read
    file.chmod(0o400)


@walk("The raw frame … does not exist.", "Run the extract first")
def _(place: Place) -> Iterator[Act]:
    erp = Foreign(place.folder)
    erp.night(steps("X TEXT", ONE), ITEMS + STEP)
    raw = place.folder / "raw"
    kept = raw.rename(place.folder / "kept")
    yield lambda: clean(raw, place.folder / "clean", place.folder / "rejects", load_profile(place.folder / "foreign.toml"), cutoff=None)  # fmt: skip
    kept.rename(raw)


# --- what is in the tables ----------------------------------------------------------------------------------------------
@walk("None of the … routing rows is usable: …", "check the profile's columns and words")
def _(place: Place) -> Iterator[Act]:
    sql = steps("OWNER TEXT", "('X','R',10,'A','A1')")
    yield from _refused_once(place, sql, ITEMS + STEP, ITEMS + STEP.replace('"PART"', '"OWNER"'))


@walk("None of the … items is usable: ….", "check items.columns.item_cd in the profile")
def _(place: Place) -> Iterator[Act]:
    sql = steps("X TEXT", ONE) + "ALTER TABLE PART ADD COLUMN OLD TEXT;"
    yield from _refused_once(place, sql, ITEMS.replace('"CODE"', '"OLD"') + STEP, ITEMS + STEP)


@walk("…", 'items.on_repeated_code = "reject" keeps the fullest', where="erp/clean_items.py")
def _(place: Place) -> Iterator[Act]:
    twice = _rows("('A1{i}', 'SHAFT', 1), ('A1{i}', 'VALVE', {i})", 6)
    sql = steps("X TEXT", ONE) + f"INSERT INTO PART VALUES {twice};"
    keeps = ITEMS.replace('table = "PART"', 'table = "PART"\non_repeated_code = "reject"')
    yield from _refused_once(place, sql, ITEMS + STEP, keeps + STEP)


@walk("…", 'set items.on_key_collision = "reject"', where="erp/clean_items.py")
def _(place: Place) -> Iterator[Act]:
    sql = steps("X TEXT", ONE) + "INSERT INTO PART VALUES ('a1 ', 'SHAFT', 1);"
    strict, mild = (
        ITEMS.replace('"PART"', f'"PART"\non_key_collision = "{how}"') for how in ("error", "reject")
    )
    yield from _refused_once(place, sql, strict + STEP, mild + STEP)


@walk("….", "…", where="erp/extract.py")
def _(place: Place) -> Iterator[Act]:
    sql = steps("SETUP REAL, SETUP_UOM TEXT", "('A1','R',10,'A',0.25,'H')")
    timed = STEP + 'setup_time = "SETUP"\n'
    units = '[routing]\ntime_units = { H = 60 }\n'  # fmt: skip
    yield from _refused_once(place, sql, ITEMS + timed + units, ITEMS + timed + 'setup_unit = "SETUP_UOM"\n' + units)  # fmt: skip


@walk("… has … rows but … were read in the same transaction.", "Run again")
def _(place: Place) -> Iterator[Act]:
    erp, stream = Foreign(place.folder), extracting._Session.stream

    def loses_them(*_: Any) -> None:
        """A driver that gives no row and no error."""

    place.patch.setattr(extracting._Session, "stream", loses_them)
    yield _night(erp, ITEMS + STEP, steps("X TEXT", ONE))
    place.patch.setattr(extracting._Session, "stream", stream)
    yield _night(erp, ITEMS + STEP)


@walk("… dates in … (….…) cannot be read by date_format = …, e.g. ….", 'date_format = "%d.%m.%Y"')
def _(place: Place) -> Iterator[Act]:
    sql = steps("VTO TEXT", _rows("('A1','R',1{i},'J','{i}.12.2999')", 9) + ", ('A2','R',1,'J','31.12.2999')")
    from_then = 'insrt_dt = { const = "2025-01-01" }\n'
    wrong, right = (f'valid_to = {{ column = "VTO", date_format = "{form}" }}\n' for form in ("%m/%d/%Y", "%d.%m.%Y"))  # fmt: skip
    yield from _refused_once(place, sql, ITEMS + STEP + wrong + from_then, ITEMS + STEP + right + from_then)


@walk("… of … filled values in … (operations.inside)", 'present = "out", absent = "in"')
def _(place: Place) -> Iterator[Act]:
    sql = steps("VENDOR TEXT", _rows("('A1','R{i}',10,'SAW','V{i}')", 8))
    present = 'inside = { column = "VENDOR", present = "out", absent = "in" }\n'
    yield from _refused_once(place, sql, ITEMS + STEP + 'inside = "VENDOR"\n', ITEMS + STEP + present)


@walk("None of the … efficiencies in …", 'Write efficiency_unit = "fraction" in [routing].')
def _(place: Place) -> Iterator[Act]:
    sql = steps("RUN REAL, EFF REAL", "('A1','R',10,'A',8,0.8), ('A1','R',20,'B',8,1)")
    profile = ITEMS + STEP + 'run_time = "RUN"\nefficiency = "EFF"\n'
    yield from _refused_once(place, sql, profile, profile + '[routing]\nefficiency_unit = "fraction"\n')


@walk("…", "…", where="erp/suspicions.py")
def _(place: Place) -> Iterator[Act]:
    sql = steps("CENTRE TEXT", _rows("('A{three}','R{i}',10,'Turn dia {i} h6','TURN')", 30))
    mapped = STEP.replace('job_cd = "JOB"', 'job_cd = "CENTRE"\njob_nm = "JOB"')
    yield from _refused_once(place, sql, ITEMS + STEP, ITEMS + mapped)


# --- demo plant and AdventureWorks --------------------------------------------------------------------------------------
def _adventure(folder: Any, *, wide: bool = False) -> None:
    """The CSV files with no row; `wide`: one of them with a column too many."""
    for table in _TABLES:
        names = [*table.columns, "more"] if wide and table is _TABLES[0] else list(table.columns)
        (folder / f"{table.file}.csv").write_text(",".join(names) + "\n", encoding="utf-8")


@walk("The file ….csv (or .csv.gz) does not exist.", "Give the folder with the CSV files.")
def _(place: Place) -> Iterator[Act]:
    right = place.folder / "right"
    right.mkdir()
    _adventure(right)
    url = f"sqlite:///{place.folder / 'a.db'}"
    yield lambda: load_csv(place.folder, url)
    yield lambda: load_csv(right, url)


@walk("… has … columns, expected … (…).", "as they are described in that folder's README")
def _(place: Place) -> Iterator[Act]:
    _adventure(place.folder, wide=True)
    yield lambda: load_csv(place.folder, f"sqlite:///{place.folder / 'a.db'}")
    _adventure(place.folder)


@walk("Rows of … have columns ….", "Needed: ")
def _(place: Place) -> Iterator[Act]:
    engine = sa.create_engine(f"sqlite:///{place.folder / 'p.db'}")
    table = sa.Table("T", sa.MetaData(), sa.Column("A", sa.Text), sa.Column("B", sa.Text))
    table.create(engine)
    frame = pl.DataFrame({"B": ["b"], "A": ["a"]})
    yield lambda: _Sink(engine, 10).write(table, frame)
    yield lambda: _Sink(engine, 10).write(table, frame.select("A", "B"))
    engine.dispose()


# --- readers ------------------------------------------------------------------------------------------------------------
def _driver(*, refuses: bool) -> Any:
    """Stands for the module arrow_odbc and its connection."""

    class Error(Exception):
        pass

    def connect(*_: Any, **__: Any) -> Any:
        if refuses:
            raise Error("no driver")
        return SimpleNamespace(execute=lambda *_: None, rollback=lambda: None)

    return SimpleNamespace(connect=connect, Error=Error)


def _engine() -> sa.Engine:
    """An engine for SQL Server that never connects."""
    pytest.importorskip("pyodbc", reason="needs the ODBC driver manager (unixodbc)", exc_type=ImportError)
    return sa.create_engine("mssql+pyodbc://u:p@server:1433/ERP?driver=ODBC+Driver+18+for+SQL+Server")


def _arrow_reader(engine: sa.Engine) -> Act:
    return lambda: reader.ArrowOdbcReader(engine, isolation="default", connect_timeout=5, statement_timeout=60)  # fmt: skip


@walk("arrow-odbc cannot be loaded (…).", "Install the system package unixodbc.", where="erp/reader.py")
def _(place: Place) -> Iterator[Act]:
    refuse_module(place.patch, "arrow_odbc")
    yield _arrow_reader(_engine())
    place.patch.setitem(__import__("sys").modules, "arrow_odbc", _driver(refuses=False))


@walk("arrow-odbc cannot connect to the ERP (…).", "Reading goes on through pyodbc, more slowly.")
def _(place: Place) -> Iterator[Act]:
    place.patch.setitem(__import__("sys").modules, "arrow_odbc", _driver(refuses=True))
    engine = _engine()
    yield _arrow_reader(engine)

    def goes_on() -> None:
        connection: Any = SimpleNamespace(dialect=engine.dialect, engine=engine)
        made = reader.open_reader(connection, "default", connect_timeout=5, statement_timeout=60)
        assert isinstance(made, reader.SqlAlchemyReader)

    yield goes_on


# --- times --------------------------------------------------------------------------------------------------------------
def _reported(minutes: float = 10.0, items: int = 40) -> pl.LazyFrame:
    """Reports of six orders an item, of one piece each, in minutes."""
    rows = [
        {"item_key": f"I{i:03d}", "rout_no": "R1", "proc_seq": 10, "job_cd": "C10", "res_cd": "M1", "report_dt": date(2025, 1, 1 + k),
         "order_qty": 1.0, "match_level": "routing", "machine_time": minutes + k / 10}
        for i in range(items) for k in range(6)
    ]  # fmt: skip
    return pl.LazyFrame(
        [{**dict.fromkeys(WORK_RESULTS.schema), **row} for row in rows], schema=WORK_RESULTS.schema
    )


def _standards() -> pl.LazyFrame:
    """A standard of ten minutes for each of these items."""
    names = {
        "item_key": [f"I{i:03d}" for i in range(40)],
        "proc_seq": 10,
        "job_cd": "C10",
        "run_min": 10.0,
        "setup_min": None,
    }
    return pl.LazyFrame(names, schema_overrides={"proc_seq": pl.Int32, "setup_min": pl.Float64})


def _built(place: Place, factor: float = 1.0, shards: int = 1) -> TimesReport:
    times = ReportedTimes(_reported(), TimeBasis(time_factor_min=factor))
    return build_profiles(times, _standards(), place.folder, shards=shards)


@walk("Reported times do not fit the standards (…)", "results.time_factor_min")
def _(place: Place) -> Iterator[Act]:
    yield lambda: check_plausibility(_built(place, factor=3600.0))
    yield lambda: check_plausibility(_built(place))


@walk("shards = …: must be 1 or more.", "to 1 or more")
def _(place: Place) -> Iterator[Act]:
    yield lambda: _built(place, shards=0)
    yield lambda: _built(place, shards=1)


@walk("Of … shards of work results … are missing in …", "Aggregate the times of these shards first.")
def _(place: Place) -> Iterator[Act]:
    times, folder = (
        ReportedTimes(_reported(), TimeBasis(time_factor_min=1.0)),
        ShardFolder(place.folder / "parts", 2),
    )
    read_shard(times, folder, 0)
    yield lambda: merge_shards(folder, _standards(), times.basis, place.folder)
    read_shard(times, folder, 1)


@walk("No time profile at ….", "Run the step 'times' of this run first.")
def _(place: Place) -> Iterator[Act]:
    yield lambda: read_evidence(place.folder)
    _built(place)


CASES = walk.cases
