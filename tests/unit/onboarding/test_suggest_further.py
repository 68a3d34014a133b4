"""Attributes as rows, machines, purchase orders and kinds of reports are proposed, and what is proposed loads and reads."""

from __future__ import annotations

import sqlite3
import tomllib
from pathlib import Path
from typing import Any

import pytest

from routing_etl.erp.clean import clean
from routing_etl.erp.extract import extract
from routing_etl.erp.profile import load_profile
from routing_etl.onboarding.suggest import Suggestion, suggest
from routing_etl.settings import load_settings

PLANT = """
CREATE TEMP TABLE nr AS WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 40) SELECT n FROM c;
CREATE TABLE Part (PartNo TEXT PRIMARY KEY, Description TEXT, PartGroup TEXT);
INSERT INTO Part SELECT 'P' || n, 'shaft ' || n, 'G' || (n % 3) FROM nr;
CREATE TABLE Routing (PartNo TEXT, RoutingNo TEXT, OperNo INTEGER, OpCode TEXT, Machine TEXT, SetupMin REAL, RunMin REAL);
INSERT INTO Routing SELECT 'P' || n, 'R1', 10, 'SAW', 'M' || (n % 4), 15, 2 FROM nr;
INSERT INTO Routing SELECT 'P' || n, 'R1', 20, 'MILL', 'M' || (4 + n % 3), 30, 6 FROM nr;
"""
ATTRIBUTES = """
CREATE TABLE Merkmalwert (Teil TEXT, Merkmal TEXT, Wert TEXT);
INSERT INTO Merkmalwert SELECT 'P' || n, 'DURCHMESSER', (n * 5) || '.5' FROM nr;
INSERT INTO Merkmalwert SELECT 'P' || n, 'Werkstoff 1', CASE n % 2 WHEN 0 THEN 'C45' ELSE 'V2A' END FROM nr WHERE n > 5;
"""
MACHINES = """
CREATE TABLE MachineMaster (Code TEXT, Name TEXT, Dept TEXT, Active TEXT, AltMachine TEXT);
INSERT INTO MachineMaster SELECT 'M' || (n - 1), 'machine ' || n, 'D' || (n % 2), CASE n WHEN 7 THEN 'N' ELSE 'Y' END, 'M' || (n % 7) FROM nr WHERE n < 8;
"""
ORDERS = """
CREATE TABLE PurchaseLine (PONumber TEXT, LineNo INTEGER, PartNo TEXT, OrderDate TEXT, OrderQty REAL);
INSERT INTO PurchaseLine SELECT 'B' || n, 1, 'P' || n, '2025-03-01', 100 FROM nr WHERE n < 20;
"""
REPORTS = """
CREATE TABLE LaborDetail (WorkOrder TEXT, PartNo TEXT, OperNo INTEGER, OpCode TEXT, Machine TEXT, ReportDate TEXT, LaborHrs REAL, GoodQty REAL,
  KX TEXT, IsFinal TEXT);
INSERT INTO LaborDetail SELECT 'W' || n, 'P' || n, 10, 'SAW', 'M1', '2025-03-01', 15, 0, 'Ruesten', 'N' FROM nr;
INSERT INTO LaborDetail SELECT 'W' || n, 'P' || n, 10, 'SAW', 'M1', '2025-03-02', 40 + n % 3, 20, 'Lauf', 'Y' FROM nr;
INSERT INTO LaborDetail SELECT 'W' || n, 'P' || n, 10, 'SAW', 'M1', '2025-03-02', 5, 0, 'Pause', 'N' FROM nr WHERE n < 9;
"""


def propose(folder: Path, *scripts: str) -> tuple[Suggestion, dict[str, Any]]:
    with sqlite3.connect(folder / "erp.db") as erp:
        erp.executescript(PLANT + "".join(scripts))
    found = suggest(f"sqlite:///{(folder / 'erp.db').as_posix()}", load_settings(home=folder))
    return found, tomllib.loads(found.text)


def read(folder: Path, found: Suggestion) -> dict[str, int]:
    """The proposal through extract and clean: rows of each frame."""
    path = folder / "suggested.toml"
    path.write_text(found.text, encoding="utf-8")
    profile = load_profile(path)
    url = f"sqlite:///{(folder / 'erp.db').as_posix()}"
    extract(url, profile, folder / "raw", load_settings(home=folder))
    report = clean(folder / "raw", folder / "clean", folder / "rejects", profile, cutoff=None)
    return {name: frame.rows_kept for name, frame in report.frames.items()}


def test_attributes_as_rows_become_a_pivot(tmp_path: Path) -> None:
    found, profile = propose(tmp_path, ATTRIBUTES)
    (pivot,) = profile["items"]["pivot"]
    assert (pivot["table"], pivot["on"], pivot["name"], pivot["value"]) == (
        "Merkmalwert", [["PartNo", "Teil"]], "Merkmal", "Wert",
    )  # fmt: skip
    assert pivot["names"] == {"durchmesser": "DURCHMESSER", "werkstoff_1": "Werkstoff 1"}
    attributes = profile["items"]["attributes"]
    assert attributes["durchmesser"] == {"column": "attr.durchmesser", "kind": "number"}
    assert attributes["werkstoff_1"]["kind"] == "category"
    assert "DECIDE: attributes as rows" in found.text
    assert read(tmp_path, found) == {"items": 40, "operations": 80, "work_results": 0, "purchase_orders": 0}


def test_stocks_by_warehouse_are_no_attributes(tmp_path: Path) -> None:
    stock = "CREATE TABLE Stock (Part TEXT, Warehouse TEXT, Qty REAL); INSERT INTO Stock SELECT 'P' || n, 'W1', n FROM nr;"
    stock += "INSERT INTO Stock SELECT 'P' || n, 'W2', n FROM nr;"
    assert "pivot" not in propose(tmp_path, stock)[1]["items"]


def test_the_master_of_machines(tmp_path: Path) -> None:
    found, profile = propose(tmp_path, MACHINES)
    assert profile["resources"]["table"] == "MachineMaster"
    assert profile["resources"]["columns"] == {
        "res_cd": "Code",
        "res_group": "Dept",
        "active": "Active",
        "alternate": "AltMachine",
    }
    assert (profile["resources"]["active_words"], profile["resources"]["inactive_words"]) == (["Y"], ["N"])
    assert "100% of the machines of Routing are there" in found.text
    assert read(tmp_path, found)["operations"] == 80


def test_a_table_of_names_of_machines_alone_is_no_section(tmp_path: Path) -> None:
    names = "CREATE TABLE MachineName (Code TEXT, Name TEXT); INSERT INTO MachineName SELECT 'M' || (n - 1), 'm' FROM nr WHERE n < 8;"
    assert "resources" not in propose(tmp_path, names)[1]


@pytest.mark.parametrize("table", ["PurchaseLine", "BESTELLPOS", "PO_Lines", "LINEAS_COMPRA"])
def test_orders_at_vendors(tmp_path: Path, table: str) -> None:
    found, profile = propose(tmp_path, ORDERS.replace("PurchaseLine", table))
    assert profile["purchase_orders"]["columns"] == {
        "item_cd": "PartNo", "po_no": "PONumber", "po_date": "OrderDate", "qty": "OrderQty",
    }  # fmt: skip
    assert read(tmp_path, found)["purchase_orders"] == 19


def test_kinds_of_reports_and_what_is_finished(tmp_path: Path) -> None:
    found, profile = propose(tmp_path, REPORTS)
    assert profile["results"]["kinds"] == {"setup": ["Ruesten"], "run": ["Lauf"], "ignore": ["Pause"]}
    columns = profile["results"]["columns"]
    assert (columns["record_kind"], columns["finished"], columns["order_no"]) == (
        "KX",
        "IsFinal",
        "WorkOrder",
    )
    assert "DECIDE: as the words of KX say" in found.text
    assert read(tmp_path, found)["work_results"] == 40, "an order of each part, set-up and run together"
