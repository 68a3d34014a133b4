"""Proposals for ERPs whose names say nothing: known ones from their tables, others by links and values; and kinds of rows as questions."""

from __future__ import annotations

import re
import sqlite3
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import erp_scripts as erps
import pytest

from routing_etl.onboarding.suggest import Suggestion, suggest
from routing_etl.settings import load_settings

Propose = Callable[[str], Suggestion]


@pytest.fixture
def propose(tmp_path: Path) -> Propose:
    def build(script: str) -> Suggestion:
        file = tmp_path / "erp.db"
        with sqlite3.connect(file) as erp:
            erp.executescript(erps.NUMBERS + script)
        return suggest(f"sqlite:///{file.as_posix()}", load_settings(home=tmp_path))

    return build


def _columns(found: Suggestion, section: str) -> dict[str, Any]:
    mapped = tomllib.loads(found.text)[section]["columns"]
    return {n: v["column"] if isinstance(v, dict) and "column" in v else v for n, v in mapped.items()}


def _tables(found: Suggestion) -> list[str]:
    profile = tomllib.loads(found.text)
    return [profile[s]["table"] for s in ("items", "operations", "results") if s in profile]


def _line(found: Suggestion, section: str, key: str) -> str:
    lines = found.text.partition(f"\n[{section}]\n")[2].splitlines()
    return next(line for line in lines if line.startswith(f"{key} = "))


def test_jd_edwards(propose: Propose) -> None:
    found = propose(erps.JDE)
    assert found.missing == ()
    assert _tables(found) == ["F4101", "F3003", "F31122"]
    assert _columns(found, "items") == {"item_cd": "IMLITM"}
    assert _columns(found, "operations") == {
        "item_cd": "IRKITL", "rout_no": "IRTRT", "proc_seq": "IROPSQ", "job_cd": "IRDSC1", "res_cd": "IRMCU", "setup_time": "IRSETL",
        "run_time": "IRRUNM", "run_basis": "IRTIMB", "queue_time": "IRQUED", "move_time": "IRMOVD", "valid_from": "IREFFF", "valid_to": "IREFFT",
    }  # fmt: skip
    results = _columns(found, "results")
    assert (results["item_cd"], results["job_cd"], results["proc_seq"]) == (
        "wo.WALITM",
        "op.WLDSC1",
        "WTOPSQ",
    )
    assert '["WTDOCO", "WLDOCO"], ["WTOPSQ", "WLOPSQ"]' in found.text, (
        "an operation of an order is found by both"
    )


def test_what_nobody_can_know_of_jd_edwards_is_asked(propose: Propose) -> None:
    found = propose(erps.JDE)
    assert "# DECIDE: JD Edwards stores numbers without their decimal point" in found.text
    assert "DECIDE" in _line(found, "routing", "blank_time_unit")
    assert tomllib.loads(found.text)["routing"]["run_basis_words"] == {}, (
        "a key of the ERP's list is no number"
    )
    assert "what is the run time with '3' (240 rows" in found.text
    assert "does WTTYR tell kinds of rows apart" in found.text
    assert "'4' (240 rows, 240 with no time: may be pieces or notes without a time)" in found.text
    assert "record_kind" not in _columns(found, "results")
    assert "which company or plant? F3003.IRMCU" not in found.text, "it is read as the machine"


def test_items_of_jd_edwards_that_only_their_short_number_names(propose: Propose) -> None:
    found = propose(erps.JDE + "UPDATE F3003 SET IRKITL = NULL;")
    assert _columns(found, "items") == {"item_cd": "IMITM"}
    assert _columns(found, "operations")["item_cd"] == "IRKIT"


def test_dynamics_ax(propose: Propose) -> None:
    found = propose(erps.AX)
    assert found.missing == ()
    assert _tables(found) == ["INVENTTABLE", "ROUTE", "PRODROUTETRANS"]
    operations = _columns(found, "operations")
    assert {n: operations[n] for n in ("item_cd", "rout_no", "proc_seq", "job_cd", "res_cd", "setup_time", "run_time")} == {
        "item_cd": "version.ITEMID", "rout_no": "ROUTEID", "proc_seq": "OPRNUM", "job_cd": "OPRID", "res_cd": "opr.WRKCTRID",
        "setup_time": "opr.SETUPTIME", "run_time": "opr.PROCESSTIME",
    }  # fmt: skip
    assert '[["OPRID", "OPRID"], ["ROUTEID", "ROUTERELATION"]]' in found.text
    results = _columns(found, "results")
    assert (results["item_cd"], results["order_no"], results["machine_time"]) == (
        "wo.ITEMID",
        "TRANSREFID",
        "HOURS",
    )
    assert tomllib.loads(found.text)["results"]["time_factor_min"] == 60, "the name says hours"
    assert not [f for f in found.findings if f.level == "error"]


def test_times_of_all_routes_are_joined_without_the_route_and_asked(propose: Propose) -> None:
    found = propose(erps.AX + "UPDATE ROUTEOPR SET ROUTECODE = 2, ROUTERELATION = '-';")
    line = next(line for line in found.text.splitlines() if '"opr"' in line)
    assert 'on = [["OPRID", "OPRID"]]' in line
    assert "DECIDE: 0% of ROUTEID are in ROUTERELATION" in line


def test_several_companies_of_dynamics_ax_are_told_apart_in_joins(propose: Propose) -> None:
    found = propose(
        erps.AX
        + "INSERT INTO ROUTE SELECT ROUTEID, OPRNUM, OPRNUMNEXT, LEVEL_, OPRPRIORITY, OPRID, 'two' FROM ROUTE;"
    )
    assert '[["ROUTEID", "ROUTEID"], ["DATAAREAID", "DATAAREAID"]]' in found.text


def test_oracle_ebs(propose: Propose) -> None:
    found = propose(erps.EBS)
    assert found.missing == ()
    assert _tables(found) == ["MTL_SYSTEM_ITEMS_B", "BOM_OPERATION_SEQUENCES", "WIP_TRANSACTIONS"]
    operations = _columns(found, "operations")
    assert operations["item_cd"] == "head.ASSEMBLY_ITEM_ID"
    assert (operations["setup_time"], operations["run_time"]) == (
        "per_lot.USAGE_RATE_OR_AMOUNT", "per_piece.USAGE_RATE_OR_AMOUNT",
    )  # fmt: skip
    profile = tomllib.loads(found.text)
    assert profile["results"]["order_quantity"] == "order", "the pieces stand with the job"
    assert profile["results"]["time_units"] == {"HR": 60}
    assert not [f for f in found.findings if f.level == "error"]


def test_infor_ln_and_its_companies(propose: Propose) -> None:
    found = propose(erps.LN)
    assert _tables(found) == ["ttcibd001500", "ttirou102500"]
    assert _columns(found, "operations") == {
        "item_cd": "t_mitm", "rout_no": "t_opro", "proc_seq": "t_opno", "job_cd": "t_tano", "job_nm": "task.t_dsca", "res_cd": "t_mcno",
        "setup_time": "t_sutm", "run_time": "t_rutm", "queue_time": "t_qutm", "move_time": "t_mvtm", "valid_from": "t_indt", "valid_to": "t_exdt",
    }  # fmt: skip


def test_several_companies_of_infor_ln_are_a_question(propose: Propose) -> None:
    found = propose(erps.LN + "CREATE TABLE ttirou102600 AS SELECT * FROM ttirou102500 WHERE t_opno = 10;")
    assert _tables(found)[1] == "ttirou102500"
    assert "# DECIDE: or is it ttirou102600?" in found.text


def test_ifs_reads_what_its_run_times_are_for(propose: Propose) -> None:
    found = propose(
        erps.IFS + "UPDATE ROUTING_OPERATION_TAB SET RUN_TIME_CODE = '2' WHERE OPERATION_NO = 20;"
    )
    assert _columns(found, "operations")["run_basis"] == "RUN_TIME_CODE"
    assert "what is the run time with '2' (60 rows" in found.text


def test_tables_that_only_share_a_name_with_a_known_erp_are_not_taken_for_it(propose: Propose) -> None:
    found = propose(
        "CREATE TABLE Route (RouteId TEXT, Driver TEXT); INSERT INTO Route SELECT 'R' || n, 'D' || n FROM nr;"
    )
    assert "Dynamics" not in found.text


# --- by links and values --------------------------------------------------------------------------------------------------
_NONSENSE = {
    "operations": {
        "item_cd": "head.B2", "rout_no": "D1", "proc_seq": "D2", "job_cd": "D3", "res_cd": "D4", "setup_time": "D5", "run_time": "D6",
    },
    "results": {
        "item_cd": "head.E2", "order_no": "G2", "proc_seq": "G3", "job_cd": "G4", "res_cd": "G5", "report_dt": "G6", "machine_time": "G7",
        "order_qty": "G8",
    },
}  # fmt: skip


@pytest.mark.parametrize("keys", ["declared", "none"])
def test_names_that_say_nothing_at_all(propose: Propose, keys: str) -> None:
    found = propose(erps.NONSENSE.replace(" PRIMARY KEY", "" if keys == "none" else " PRIMARY KEY"))
    assert found.missing == ()
    assert _tables(found) == ["Q1", "Q4", "Q6"]
    assert _columns(found, "items") == {"item_cd": "A1"}
    assert {s: _columns(found, s) for s in _NONSENSE} == _NONSENSE


def test_all_that_is_found_by_values_is_a_question_with_its_reason(propose: Propose) -> None:
    found = propose(erps.NONSENSE)
    for section in ("items", "operations", "results"):
        assert "DECIDE" in _line(found, section, "table")
        for key in _columns(found, section):
            assert "DECIDE" in _line(found, f"{section}.columns", key), (section, key)
    assert "100% of Q4.D1 are in Q2.B1, 100% of Q2.B2 are in Q1.A1" in _line(found, "items", "table")
    assert "100% of them in the sample are in Q4.D3" in _line(found, "results.columns", "job_cd")
    assert "# DECIDE: or is it Q6?" in found.text, "reports number their rows too"


def test_routings_and_reports_that_name_the_item_themselves(propose: Propose) -> None:
    script = re.sub(r"CREATE TABLE Q2.*?FROM nr;\n", "", erps.NONSENSE, flags=re.DOTALL)
    script = script.replace("SELECT 'RT' || (5000 + n), s", "SELECT 'K-' || (1000 + n), s")
    found = propose(script.replace("s / 10, 'W' || (80000 + n), s", "s / 10, 'K-' || (1000 + n), s"))
    assert _tables(found) == ["Q1", "Q4", "Q6"]
    assert (_columns(found, "operations")["item_cd"], _columns(found, "results")["item_cd"]) == ("D1", "G2")
    assert _columns(found, "operations")["rout_no"] == {"const": "1"}, "the item is no routing"
    assert "DECIDE" in _line(found, "results.columns", "item_cd")


def test_jd_edwards_under_other_names_is_found_by_its_values(propose: Propose) -> None:
    renamed = re.sub(
        r"\b(F4101|F3003|F31122|F3112|F4801|(?:IM|IR|WT|WL|WA)[A-Z0-9]+)\b",
        lambda m: "Z" + m[0][::-1],
        erps.JDE,
    )
    found = propose(renamed)
    assert _tables(found)[:2] == ["Z1014F", "Z3003F"]
    operations = _columns(found, "operations")
    assert (operations["item_cd"], operations["proc_seq"], operations["job_cd"]) == (
        "ZLTIKRI",
        "ZQSPORI",
        "Z1CSDRI",
    )
    assert '# table = "Z22113F"' in found.text, (
        "no job in the reports: what is missing is said, and they are left out"
    )


def test_items_with_several_routings_sizes_in_their_rows_and_a_code_that_stands_twice(
    propose: Propose,
) -> None:
    script = (
        "CREATE TABLE Q1 (A1 TEXT, A2 TEXT); INSERT INTO Q1 SELECT 'K-' || (1000 + n), 'shaft ' || n FROM nr;"
        "INSERT INTO Q1 VALUES ('K-1001', 'shaft 1');"
        "CREATE TABLE Q4 (D0 REAL, D1 TEXT, D2 TEXT, D3 INTEGER, D4 TEXT, D5 REAL, D6 REAL, D7 TEXT);"
        "INSERT INTO Q4 SELECT 2.5 * n, 'K-' || (1000 + n), v, s, CASE s WHEN 10 THEN 'SAW' WHEN 20 THEN 'TURN' WHEN 30 THEN 'MILL' ELSE 'TEST' END,"
        " 5 + (n + s) % 17, 0.25 * (1 + (n * s) % 37), CASE n WHEN 3 THEN 'V' || (s % 3) END FROM nr, seq, (SELECT 'A' AS v UNION SELECT 'B');"
    )
    found = propose(script)
    assert _tables(found) == ["Q1", "Q4"]
    assert _columns(found, "operations") == {
        "item_cd": "D1", "rout_no": "D2", "proc_seq": "D3", "job_cd": "D4", "setup_time": "D5", "run_time": "D6",
    }  # fmt: skip
    assert "in 120 of 120 values of D1 and D2 each number stands once" in _line(
        found, "operations.columns", "proc_seq"
    )


def test_a_bill_of_materials_is_no_routing(propose: Propose) -> None:
    bill = (
        "CREATE TABLE Q9 (L1 TEXT, L2 INTEGER, L3 TEXT, L4 REAL);"
        "INSERT INTO Q9 SELECT 'K-' || (1000 + n), s, 'K-' || (1001 + (n + s) % 40), 0.5 * (1 + n % 13) FROM nr, seq;"
        "INSERT INTO Q9 SELECT 'K-' || (1000 + n), s + 40, 'K-' || (1001 + (n + s) % 30), 0.5 * (1 + n % 13) FROM nr, seq;"
    )
    found = propose(erps.NONSENSE + bill)
    assert _tables(found) == ["Q1", "Q4", "Q6"]
    assert "or is it Q9" not in found.text, "its words are items, and no jobs"


def test_a_database_of_sales_has_no_certain_routing(propose: Propose) -> None:
    found = propose(
        "CREATE TABLE S1 (A TEXT PRIMARY KEY, B TEXT); INSERT INTO S1 SELECT 'P-' || (1000 + n), 'thing ' || n FROM nr;"
        "CREATE TABLE S2 (C TEXT, D INTEGER, E TEXT, F TEXT, G REAL, H REAL);"
        "INSERT INTO S2 SELECT 'O-' || (500 + n), s, 'P-' || (1000 + (n + s) % 60 + 1), 'UNIT' || (n % 5), 1 + n % 19, 0.5 * (n + s) FROM nr, seq;"
        "CREATE TABLE S3 (I TEXT PRIMARY KEY, J TEXT); INSERT INTO S3 SELECT 'O-' || (500 + n), 'C' || (n % 20) FROM nr;"
    )
    if "[operations]" in found.text:
        assert "DECIDE" in _line(found, "operations", "table")
        assert all(
            "DECIDE" in _line(found, "operations.columns", key) for key in _columns(found, "operations")
        )


def test_routings_whose_times_stand_beside_them_are_named_and_not_guessed(propose: Propose) -> None:
    tables = "INVENTTABLE|ROUTEVERSION|ROUTEOPR|PRODTABLE|PRODROUTETRANS|ROUTE"
    renamed = re.sub(rf"\b({tables})\b", lambda m: "Z" + m[0][::-1], erps.AX)
    renamed = re.sub(
        r"\b(ITEM|ROUTE|OPR|WRKCTR|PROD|TRANS|FROM|TO|SETUP|PROCESS|QUEUE|JOB|QTY)([A-Z]+)\b",
        lambda m: "Y" + m[0][::-1],
        renamed,
    )
    found = propose(renamed)
    assert _tables(found) == ["ZELBATTNEVNI"]
    [text] = found.missing
    assert "ZETUOR (proc_seq: YMUNRPO, job_cd: YDIRPO)" in text
    assert "Do the times stand in a table beside?" in text


def test_counted_numbers_link_no_tables(propose: Propose) -> None:
    found = propose(
        "CREATE TABLE X1 (A INTEGER, B INTEGER, C REAL); INSERT INTO X1 SELECT n, s, 0.5 * n FROM nr, seq;"
        "CREATE TABLE X2 (D INTEGER, E TEXT); INSERT INTO X2 SELECT n, 'thing ' || n FROM nr;"
    )
    assert "[items]" not in found.text, "1, 2, 3 are in any table that counts"


# --- kinds of rows --------------------------------------------------------------------------------------------------------
def test_words_of_rows_without_pieces_are_asked(propose: Propose) -> None:
    text = propose(erps.NONSENSE).text
    assert (
        "DECIDE: does G9 tell kinds of rows apart? It holds 'Q' (240 rows, 240 with no pieces: may be set-ups"
        in text
    )
    assert "'Z' (240 rows)." in text


def test_cancellations_are_asked(propose: Propose) -> None:
    text = propose(
        erps.NONSENSE + "UPDATE Q6 SET G9 = 'S', G7 = -G7, G8 = -G8 WHERE G1 >= 2000 AND G3 = 40;"
    ).text
    assert "'S' (60 rows, 60 with less than 0: may be cancellations)" in text


def test_a_code_that_shows_nothing_is_not_asked(propose: Propose) -> None:
    assert "kinds of rows" not in propose(erps.NONSENSE + "UPDATE Q6 SET G8 = 7, G9 = 'S' || (G1 % 2);").text
