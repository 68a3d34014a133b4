"""What changes the meaning of a time or a row is proposed where names or values tell, and asked where only names do."""

from __future__ import annotations

import datetime as dt
import sqlite3
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from routing_etl.erp.clean import clean
from routing_etl.erp.extract import extract
from routing_etl.erp.profile import load_profile
from routing_etl.onboarding.suggest import Suggestion, suggest
from routing_etl.settings import load_settings

_NUMBERS = """
CREATE TEMP TABLE nr AS WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 100) SELECT n FROM c;
CREATE TEMP TABLE seq AS SELECT 10 AS s UNION SELECT 20 UNION SELECT 30;
CREATE TABLE Part (PartNo TEXT PRIMARY KEY, Description TEXT, PartGroup TEXT);
INSERT INTO Part SELECT 'P' || n, 'shaft ' || n, 'G' || (n % 3) FROM nr;
"""
#: Routings with two further columns and their values; `n` is the part, `s` the operation.
_ROUTING = """
CREATE TABLE Routing (PartNo TEXT, RoutingNo TEXT, OperNo INTEGER, OpCode TEXT, Machine TEXT, SetupMin REAL, RunTime {run}, {columns});
INSERT INTO Routing SELECT 'P' || n, 'R1', s, 'OP' || s, 'M' || s, 15, {time}, {values} FROM nr, seq;
"""
#: Work results with further columns and their values; `d` is the row of its order, 0 to 2.
_REPORTS = """
CREATE TABLE LaborDetail (WorkOrder TEXT, PartNo TEXT, OperNo INTEGER, OpCode TEXT, Machine TEXT, ReportDate {date}, LaborHrs REAL,
  GoodQty REAL, {columns});
INSERT INTO LaborDetail SELECT 'W' || n, 'P' || n, 10, 'OP10', 'M10', {day}, {time}, {qty}, {values}
  FROM nr, (SELECT 0 AS d UNION SELECT 1 UNION SELECT 2);
"""


def routing(columns: str, values: str, *, run: str = "REAL", time: str = "2.5") -> str:
    return _ROUTING.format(columns=columns, values=values, run=run, time=time)


def reports(
    columns: str = "Remark TEXT",
    values: str = "NULL",
    *,
    date: str = "TEXT",
    day: str = "'2025-03-0' || (d + 1)",
    time: str = "0.5 + (n * 7 + d * 3) % 5",
    qty: str = "5 + (n * 3 + d * 7) % 4",
) -> str:
    made = {"columns": columns, "values": values, "date": date, "day": day, "time": time, "qty": qty}
    return routing("Note TEXT", "NULL") + _REPORTS.format(**made)


@pytest.fixture
def propose(tmp_path: Path) -> Callable[[str], Suggestion]:
    def build(script: str) -> Suggestion:
        with sqlite3.connect(tmp_path / "erp.db") as erp:
            erp.executescript(_NUMBERS + script)
        url = f"sqlite:///{(tmp_path / 'erp.db').as_posix()}"
        return suggest(url, load_settings(home=tmp_path), out=tmp_path / "mine.toml")

    return build


def line(found: Suggestion, key: str) -> str:
    """The line of the proposal that sets a key."""
    return next(row for row in found.text.splitlines() if row.startswith(f"{key} = "))


def section(found: Suggestion, name: str) -> Any:
    return tomllib.loads(found.text)[name]


def test_the_next_operation_is_told_by_its_values(propose: Callable[[str], Suggestion]) -> None:
    chain = routing("NextOper INTEGER", "CASE s WHEN 10 THEN 30 WHEN 30 THEN 20 ELSE 0 END")
    found = propose(chain)
    assert line(found, "next_oper").startswith(
        'next_oper = "NextOper"  # 200 of 200 are operation numbers of OperNo'
    )


def test_a_next_operation_that_holds_no_operation_numbers_is_asked(
    propose: Callable[[str], Suggestion],
) -> None:
    found = propose(routing("NextOper INTEGER", "7"))
    assert "DECIDE: is it? 0 of 300 are operation numbers" in line(found, "next_oper")


@pytest.mark.parametrize(
    ("column", "values", "key", "asked"),
    [
        ("CrewSize REAL", "1 + s / 10", "crew", "do the hours count so many people together"),
        ("OpsPerPart REAL", "s / 10", "cycles", "is the run time needed so often for a piece?"),
        (
            "ToHours REAL",
            "CASE s WHEN 10 THEN 1.0 ELSE 0.016667 END",
            "time_factor",
            "to be multiplied by it",
        ),
        ("Efficiency REAL", "85", "efficiency", "is the run time to be divided by it?"),
        ("Cavities INTEGER", "4", "run_time_qty", "is the run time for so many pieces?"),
    ],
)
def test_a_number_that_changes_times_is_proposed_and_asked(
    propose: Callable[[str], Suggestion], column: str, values: str, key: str, asked: str
) -> None:
    found = propose(routing(column, values))
    proposed = line(found, key)
    assert proposed.startswith(f'{key} = "{column.split()[0]}"  # DECIDE: ') and asked in proposed
    assert "efficiency_unit" not in section(found, "routing")


def test_a_number_that_is_1_in_every_row_changes_nothing(propose: Callable[[str], Suggestion]) -> None:
    found = propose(routing("CrewSize REAL", "1"))
    assert "crew" not in section(found, "operations")["columns"]


def test_a_factor_to_hours_makes_the_unit_hours(propose: Callable[[str], Suggestion]) -> None:
    found = propose(routing("ToHours REAL", "CASE s WHEN 10 THEN 1.0 ELSE 0.016667 END"))
    assert section(found, "routing")["blank_time_unit"] == 60


def test_efficiencies_of_1_are_fractions(propose: Callable[[str], Suggestion]) -> None:
    found = propose(routing("Efficiency REAL", "0.7 + s / 100.0"))
    assert line(found, "efficiency_unit").startswith(
        'efficiency_unit = "fraction"  # none of Efficiency is above 2'
    )


def test_operations_that_end_one_by_one(propose: Callable[[str], Suggestion]) -> None:
    ended = "CASE WHEN s = 20 AND n <= 40 THEN '2019-12-31' WHEN s = 30 THEN NULL ELSE '2999-12-31' END"
    found = propose(routing("ValidTo TEXT", ended))
    assert section(found, "routing")["in_force"] == "operation"
    assert "DECIDE: do operations end one by one? in 40 of 100 routings" in line(found, "in_force")


def test_routings_that_end_whole_are_left_as_they_are(propose: Callable[[str], Suggestion]) -> None:
    found = propose(routing("ValidTo TEXT", "CASE WHEN n <= 40 THEN '2019-12-31' ELSE '2999-12-31' END"))
    assert "in_force" not in section(found, "routing")


def test_hours_and_minutes_as_decimals_are_asked_and_need_no_unit(
    propose: Callable[[str], Suggestion],
) -> None:
    clock = "n % 4 + ((n * 7 + s) % 60) / 100.0"
    found = propose(routing("Note TEXT", "NULL", time=clock).replace("15,", f"{clock},"))
    assert section(found, "operations")["columns"]["run_time"] == {"column": "RunTime", "time_form": "h.mm"}
    assert "none of its decimals reaches .60" in line(found, "run_time")
    assert "blank_time_unit" not in section(found, "routing")


@pytest.mark.parametrize(
    ("time", "form"),
    [
        ("CASE n % 2 WHEN 0 THEN '2 min' ELSE '0.05 h' END", "unit"),
        ("'PT' || n || 'M'", "iso"),
        ("CASE n % 2 WHEN 0 THEN '1.06:00:00' ELSE '00:15:00' END", "d.hh:mm:ss"),
    ],
)
def test_times_that_name_their_unit_are_proposed_with_their_form(
    propose: Callable[[str], Suggestion], time: str, form: str
) -> None:
    found = propose(routing("Note TEXT", "NULL", run="TEXT", time=time))
    assert section(found, "operations")["columns"]["run_time"] == {"column": "RunTime", "time_form": form}


def test_decimals_of_hours_are_no_clock(propose: Callable[[str], Suggestion]) -> None:
    found = propose(routing("Note TEXT", "NULL", time="n % 4 + ((n * 7 + s) % 100) / 100.0"))
    assert section(found, "operations")["columns"]["run_time"] == "RunTime"


@pytest.mark.parametrize(
    ("date", "day", "form"),
    [
        ("INTEGER", "1740787200 + 86400 * d", "epoch"),
        ("INTEGER", "1740787200000 + 86400000 * d", "epoch_ms"),
        ("INTEGER", "125060 + d", "CYYDDD"),
        ("INTEGER", "2025060 + d", "%Y%j"),
        ("REAL", "45717.25 + d", "excel"),
    ],
)
def test_days_that_are_counted_are_recognised_and_read(
    propose: Callable[[str], Suggestion], tmp_path: Path, date: str, day: str, form: str
) -> None:
    found = propose(reports(date=date, day=day))
    assert section(found, "results")["columns"]["report_dt"]["date_format"] == form
    night(tmp_path)
    days = pl.read_parquet(tmp_path / "clean" / "work_results.parquet")["report_dt"].dt.date()
    assert days.unique().to_list() == [dt.date(2025, 3, 3)]  # the newest of each order


def night(folder: Path) -> None:
    """Read and clean the ERP by the proposal as it is."""
    profile = load_profile(folder / "mine.toml")
    extract(
        f"sqlite:///{(folder / 'erp.db').as_posix()}", profile, folder / "raw", load_settings(home=folder)
    )
    clean(folder / "raw", folder / "clean", folder / "rejects", profile, cutoff=None)


def test_times_and_pieces_that_rise_from_row_to_row_are_counted_up(
    propose: Callable[[str], Suggestion],
) -> None:
    found = propose(reports(time="(d + 1) * 0.5", qty="(d + 1) * 10"))
    results = section(found, "results")
    assert (results["order_time"], results["order_quantity"]) == ("largest", "largest")
    assert "rises from row to row in 100 of 100 orders" in line(found, "order_time")


def test_pieces_that_stand_on_each_row_are_those_of_the_order(propose: Callable[[str], Suggestion]) -> None:
    found = propose(reports(qty="20 + n"))
    results = section(found, "results")
    assert results["order_quantity"] == "order" and "order_time" not in results
    assert "DECIDE: it is the same on each row of 100 of 100 orders" in line(found, "order_quantity")


def test_rows_of_their_own_are_summed(propose: Callable[[str], Suggestion]) -> None:
    results = section(propose(reports()), "results")
    assert results["order_quantity"] == "sum" and "order_time" not in results


def test_a_load_whose_rows_have_one_time_is_shared(propose: Callable[[str], Suggestion]) -> None:
    """Ten parts a load, all with its time; where the times of a load differ, its number shares nothing."""
    load = ("FurnaceLoad TEXT", "'L' || (n / 10) || '-' || d")
    found = propose(reports(*load, time="2 + n / 10 + d"))
    assert line(found, "batch_no").startswith('batch_no = "FurnaceLoad"  # 30 of 30 loads')


def test_a_load_whose_times_differ_is_left(propose: Callable[[str], Suggestion]) -> None:
    found = propose(reports("FurnaceLoad TEXT", "'L' || (n / 10) || '-' || d"))
    assert "batch_no" not in section(found, "results")["columns"]


def test_a_load_of_single_rows_is_asked(propose: Callable[[str], Suggestion]) -> None:
    found = propose(reports("FurnaceLoad TEXT", "'L' || n || '-' || d"))
    assert "# DECIDE: is it? 0 of 0 loads" in line(found, "batch_no")


def test_results_of_another_year_are_read_too(propose: Callable[[str], Suggestion]) -> None:
    script = reports()
    years = script.replace("LaborDetail", "LaborDetail_2024") + script[
        script.index("CREATE TABLE LaborDetail") :
    ].replace("LaborDetail", "LaborDetail_2025")
    found = propose(years)
    results = section(found, "results")
    assert {results["table"], *results["also"]} == {"LaborDetail_2024", "LaborDetail_2025"}
    assert "DECIDE: or is it" not in found.text.partition("[results]")[2].partition("[results.columns]")[0]


def test_an_archive_of_results_is_asked(propose: Callable[[str], Suggestion]) -> None:
    script = reports()
    archive = script[script.index("CREATE TABLE LaborDetail") :].replace("LaborDetail", "LaborDetail_archive")
    assert "DECIDE: the same columns, and by its name an archive" in line(propose(script + archive), "also")


def test_hours_of_a_crew_in_the_reports_are_asked(propose: Callable[[str], Suggestion]) -> None:
    found = propose(reports("CrewSize INTEGER", "1 + d"))
    assert "DECIDE: do the hours count so many people together" in line(found, "crew")


def test_formats_of_a_standard_are_the_basis_of_the_run_time_and_no_units(
    propose: Callable[[str], Suggestion],
) -> None:
    """Read as units, 600 pieces per hour would be 600 hours a piece."""
    found = propose(
        "CREATE TABLE Routing (PartNo TEXT, RoutingNo TEXT, OperNo INTEGER, OpCode TEXT, Machine TEXT, EstSetHours REAL, ProdStandard REAL,"
        " StdFormat TEXT); INSERT INTO Routing SELECT 'P' || n, 'R1', s, 'OP' || s, 'M' || s, 0.25, 600,"
        " CASE n % 4 WHEN 0 THEN 'HP' WHEN 1 THEN 'PH' WHEN 2 THEN 'MP' ELSE 'FX' END FROM nr, seq;"
    )
    assert section(found, "operations")["columns"]["run_basis"] == "StdFormat"
    assert "time_unit" not in section(found, "operations")["columns"]
    assert section(found, "routing")["run_basis_words"] == {
        "HP": "hours_per_piece", "PH": "pieces_per_hour", "MP": "minutes_per_piece",
    }  # fmt: skip
    assert section(found, "routing")["blank_time_unit"] == 60
    assert "DECIDE: what is the run time with 'FX'" in found.text


def test_units_of_time_are_no_formats(propose: Callable[[str], Suggestion]) -> None:
    found = propose(routing("TimeUnit TEXT", "CASE n % 2 WHEN 0 THEN 'MIN' ELSE 'H' END"))
    assert section(found, "operations")["columns"]["time_unit"] == "TimeUnit"
    assert section(found, "routing")["time_units"] == {"MIN": 1, "H": 60}


def test_a_number_of_another_table_is_not_called_one_of_its_own(propose: Callable[[str], Suggestion]) -> None:
    more = "INSERT INTO Part SELECT 'Q' || n || '-' || s, 'ring', 'G1' FROM nr, seq;"
    classes = f"{more} ALTER TABLE Part ADD COLUMN CLASS_ID INTEGER; UPDATE Part SET CLASS_ID = rowid % 90;"
    found = propose(classes + routing("Note TEXT", "NULL"))
    assert "# CLASS_ID: left out: a number of another table; join that table" in found.text


def test_a_revision_names_the_routing_where_nothing_else_does(propose: Callable[[str], Suggestion]) -> None:
    """With a constant the revisions of a part were read as one routing, and nobody looked for a table that says which is approved."""
    found = propose(
        "CREATE TABLE PartRev (PartNo TEXT, RevisionNum TEXT, Approved INTEGER);"
        " INSERT INTO PartRev SELECT 'P' || n, 'A', n % 2 FROM nr;"
        "CREATE TABLE PartOpr (PartNo TEXT, RevisionNum TEXT, OprSeq INTEGER, OpCode TEXT, Machine TEXT, SetupMin REAL, RunTime REAL);"
        " INSERT INTO PartOpr SELECT 'P' || n, 'A', s, 'OP' || s, 'M' || s, 15, 2 FROM nr, seq;"
    )
    assert section(found, "operations")["columns"]["rout_no"] == "RevisionNum"
    assert "PartRev has Approved: it may say which routings count" in found.text
