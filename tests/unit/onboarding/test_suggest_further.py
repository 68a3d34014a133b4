"""Attributes as rows, machines, purchase orders and kinds of reports are proposed, and what is proposed loads and reads."""

from __future__ import annotations

import sqlite3
import tomllib
from pathlib import Path
from typing import Any

import polars as pl
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


#: A plant whose names are abbreviations, whose routings are linked to items by a table, and whose reports name an order.
LINKED = """
CREATE TEMP TABLE nr AS WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 40) SELECT n FROM c;
CREATE TABLE ARTICLES (CODART TEXT PRIMARY KEY, LIB1 TEXT, FAM TEXT);
INSERT INTO ARTICLES SELECT 'P' || n, 'arbre ' || n, 'F' || (n % 3) FROM nr;
CREATE TABLE ACHATS (NOCDE TEXT, CODART TEXT, NOGAM TEXT);
INSERT INTO ACHATS SELECT 'B' || n, 'P' || n, 'G' || n FROM nr WHERE n < 4;
CREATE TABLE LIENS (CODART TEXT, NOGAM TEXT); INSERT INTO LIENS SELECT 'P' || n, 'G' || n FROM nr WHERE n < 40;
CREATE TABLE GAMME_OPERATIONS (NOGAM TEXT, NOPHASE INTEGER, CODOP TEXT, CODPOSTE TEXT, TPREP REAL, TUNIT REAL, BASETPS TEXT, TYPOP TEXT, CODFOU TEXT);
INSERT INTO GAMME_OPERATIONS SELECT 'G' || n, 10, 'SCI', 'M' || (n % 4), 15, 2 + n % 3, 'U', 'I', NULL FROM nr;
INSERT INTO GAMME_OPERATIONS SELECT 'G' || n, 20, 'FRA', 'M' || (4 + n % 3), 30, 600, 'C', 'I', NULL FROM nr;
INSERT INTO GAMME_OPERATIONS SELECT 'G' || n, 30, 'PEI', NULL, 0, 0, 'U', 'E', 'V' || (n % 3) FROM nr WHERE n < 13;
CREATE TABLE ORDRES (NOOF TEXT PRIMARY KEY, CODART TEXT, NOGAM TEXT); INSERT INTO ORDRES SELECT 'W' || n, 'P' || n, 'G' || n FROM nr;
INSERT INTO ORDRES SELECT 'X' || n, 'P' || n, 'G' || n FROM nr;
CREATE TABLE POINTAGES (NOOF TEXT, NOPHASE INTEGER, CODOP TEXT, CODPOSTE TEXT, DEBUT TEXT, FIN TEXT, QTE_BONNE REAL);
INSERT INTO POINTAGES SELECT 'W' || n, 10, 'SCI', 'M1', printf('2025-%02d-%02d 08:00:00', 1 + n / 20, 1 + n % 20),
  printf('2025-%02d-%02d 09:00:00', 1 + n / 20, 1 + n % 20), 20 FROM nr;
CREATE TABLE POSTES (CODPOSTE TEXT PRIMARY KEY, LIBPOSTE TEXT, DTFIN DATE);
INSERT INTO POSTES SELECT 'M' || (n - 1), 'poste ' || n, CASE n WHEN 7 THEN '2024-01-31' END FROM nr WHERE n < 8;
"""


def test_the_table_that_links_most_routings_is_joined_and_reports_are_found_by_their_order(
    tmp_path: Path,
) -> None:
    """The purchases have routings, too: three of forty; the orders have all, each twice."""
    found, profile = propose_of(tmp_path, LINKED)
    link = profile["operations"]["joins"][0]
    assert (link["table"], link["on"]) == ("LIENS", [["NOGAM", "NOGAM"]])
    assert "98% of the routings of the sample are there; ORDRES has 100%; ACHATS has 8%" in found.text
    assert profile["results"]["joins"][0]["table"] == "ORDRES"
    assert profile["results"]["columns"]["item_cd"] == "head.CODART"
    assert read(tmp_path, found)["work_results"] == 39, "of the last item no routing is linked"


def test_short_names_bases_suppliers_and_last_days_are_proposed_as_questions(tmp_path: Path) -> None:
    found, profile = propose_of(tmp_path, LINKED)
    assert profile["items"]["attributes"]["item_nm"]["column"] == "LIB1"
    assert profile["items"]["attributes"]["part_type"]["column"] == "FAM"
    columns, routing = profile["operations"]["columns"], profile["routing"]
    assert (columns["run_basis"], routing["run_basis_words"]) == ("BASETPS", {"U": "piece", "C": "per_100"})
    assert (columns["inside"], columns["bp_cd"]) == ("TYPOP", "CODFOU")
    assert (routing["inside_words"], routing["outside_words"]) == (["I"], ["E"])
    assert profile["resources"]["columns"] == {"res_cd": "CODPOSTE", "valid_to": "DTFIN"}
    assert "12 rows of the sample have CODFOU and no time" in found.text


def test_an_item_master_without_a_name_or_a_group_is_a_question_and_the_rest_goes_on(tmp_path: Path) -> None:
    found, profile = propose_of(tmp_path, LINKED.replace("LIB1", "ZQ1").replace("FAM", "ZQ2"))
    assert (profile["items"]["table"], profile["items"]["columns"]) == ("ARTICLES", {"item_cd": "CODART"})
    assert "DECIDE: ARTICLES is taken for the item master by its name" in found.text
    assert {"operations", "results"} <= set(profile)


def propose_of(folder: Path, script: str) -> tuple[Suggestion, dict[str, Any]]:
    with sqlite3.connect(folder / "erp.db") as erp:
        erp.executescript(script)
    found = suggest(f"sqlite:///{(folder / 'erp.db').as_posix()}", load_settings(home=folder))
    return found, tomllib.loads(found.text)


#: Names of codes in tables of their own, one of them in two languages; an item master in two halves; stocks and prices.
SPLIT = """
CREATE TABLE PartGroupText (Code TEXT PRIMARY KEY, Label TEXT);
INSERT INTO PartGroupText SELECT 'G' || (n - 1), 'group ' || n FROM nr WHERE n < 4;
CREATE TABLE OperationCode (Code TEXT, Lang TEXT, Description TEXT);
INSERT INTO OperationCode VALUES ('SAW', 'EN', 'to saw'), ('SAW', 'DE', 'saegen'), ('MILL', 'EN', 'to mill'), ('MILL', 'DE', 'fraesen'), ('DRILL', 'EN', 'to drill');
CREATE TABLE MachineName (Code TEXT, Name TEXT);
INSERT INTO MachineName SELECT 'M' || (n - 1), 'machine ' || n FROM nr WHERE n < 8;
CREATE TABLE PartExtra (PartNo TEXT PRIMARY KEY, OuterDia REAL, Finish TEXT);
INSERT INTO PartExtra SELECT 'P' || n, n * 5.5, CASE n % 2 WHEN 0 THEN 'ZN' ELSE 'NI' END FROM nr WHERE n < 39;
CREATE VIEW PartShort AS SELECT PartNo, Description FROM Part;
CREATE TABLE PartStock (PartNo TEXT PRIMARY KEY, OnHand REAL); INSERT INTO PartStock SELECT 'P' || n, n * 3 FROM nr;
CREATE TABLE Customer (CustNo TEXT PRIMARY KEY, Name TEXT); INSERT INTO Customer SELECT 'C' || n, 'customer ' || n FROM nr;
"""


def test_names_of_codes_and_the_other_half_of_the_item_master_are_joined(tmp_path: Path) -> None:
    found, profile = propose(tmp_path, SPLIT)
    joins = {j["alias"]: j for part in ("items", "operations") for j in profile[part]["joins"]}
    assert {a: (j["table"], j["on"]) for a, j in joins.items()} == {
        "kind_text": ("PartGroupText", [["PartGroup", "Code"]]), "more": ("PartExtra", [["PartNo", "PartNo"]]),
        "job_text": ("OperationCode", [["OpCode", "Code"]]), "machine_text": ("MachineName", [["Machine", "Code"]]),
    }  # fmt: skip
    assert joins["job_text"]["where"] == [{"column": "Lang", "op": "=", "value": "EN"}]
    assert "DECIDE: which of 2 languages (Lang)?" in found.text
    assert not any("kind" in j for j in joins.values()), "no row is lost by a name that is missing"
    columns, attributes = profile["operations"]["columns"], profile["items"]["attributes"]
    assert (columns["job_nm"], columns["res_nm"]) == ("job_text.Description", "machine_text.Name")
    assert {n: (a["column"], a["kind"]) for n, a in attributes.items() if "." in a["column"]} == {
        "part_type_nm": ("kind_text.Label", "text"), "outer_dia": ("more.OuterDia", "number"), "finish": ("more.Finish", "category"),
    }  # fmt: skip
    kept_rows = read(tmp_path, found)
    assert (kept_rows["items"], kept_rows["operations"]) == (40, 80)
    kept = pl.read_parquet(tmp_path / "clean" / "operations.parquet")
    assert kept.filter(item_key="P1", proc_seq=10).select("job_nm", "res_nm").row(0) == (
        "to saw",
        "machine 2",
    )
    of_items = pl.read_parquet(tmp_path / "clean" / "items.parquet").sort("item_key")
    assert of_items.filter(item_key="P2").select("outer_dia", "part_type_nm").row(0) == (11.0, "group 3")


def test_a_table_that_names_few_of_the_codes_or_several_times_is_not_joined(tmp_path: Path) -> None:
    few = SPLIT.replace("'machine ' || n FROM nr WHERE n < 8", "'machine ' || n FROM nr WHERE n < 4").replace(
        "INSERT INTO PartExtra",
        "INSERT INTO PartExtra SELECT 'Q' || n, n, 'X' FROM nr; INSERT INTO PartExtra",
    )
    twice = "INSERT INTO PartGroupText SELECT 'G' || (n - 1), 'other ' || n FROM nr WHERE n < 4;"
    profile = propose(tmp_path, few.replace("Code TEXT PRIMARY KEY, Label", "Code TEXT, Label"), twice)[1]
    assert "joins" not in profile["items"]
    assert [j["alias"] for j in profile["operations"]["joins"]] == ["job_text"]


#: Items have a code that no list of names knows; a routing has versions, so that its number names several heads.
VERSIONS = """
CREATE TEMP TABLE nr AS WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 40) SELECT n FROM c;
CREATE TABLE INDEKS (QX TEXT PRIMARY KEY, NAZWA TEXT, GRUPA TEXT);
INSERT INTO INDEKS SELECT 'P' || n, 'tuleja ' || n, 'G' || (n % 3) FROM nr;
CREATE TABLE KARTA_N (NR_KARTY INTEGER, QX TEXT, WERSJA INTEGER, STATUS TEXT);
INSERT INTO KARTA_N SELECT 100 + n, 'P' || n, 1, CASE WHEN n < 9 THEN 'W' ELSE 'Z' END FROM nr;
INSERT INTO KARTA_N SELECT 100 + n, 'P' || n, 2, 'Z' FROM nr WHERE n < 9;
CREATE TABLE KARTA_P (NR_KARTY INTEGER, WERSJA INTEGER, LP INTEGER, KOD_OP TEXT, TPZ REAL, TJ REAL);
INSERT INTO KARTA_P SELECT NR_KARTY, WERSJA, 10, 'SAW', 15, 2 FROM KARTA_N;
INSERT INTO KARTA_P SELECT NR_KARTY, WERSJA, 20, 'MILL', 30, 6 FROM KARTA_N;
CREATE TABLE MELDUNKI (NR_ZLEC TEXT, QX TEXT, LP INTEGER, KOD_OP TEXT, DATA TEXT, ILOSC REAL, CZAS REAL);
INSERT INTO MELDUNKI SELECT 'Z' || n, 'P' || n, 10, 'SAW', '2025-03-01', 20, 40 + n % 3 FROM nr;
"""


def test_an_item_code_that_no_name_tells_is_found_by_what_other_tables_name(tmp_path: Path) -> None:
    found, profile = propose_of(tmp_path, VERSIONS)
    assert found.missing == ()
    assert (profile["items"]["table"], profile["items"]["columns"]["item_cd"]) == ("INDEKS", "QX")
    assert 'item_cd = "QX"  # DECIDE: by its values: each row has its own' in found.text
    assert profile["results"]["columns"]["item_cd"] == "QX"


def test_a_head_whose_number_is_one_of_several_versions_is_joined_with_the_version(tmp_path: Path) -> None:
    found, profile = propose_of(tmp_path, VERSIONS)
    (head,) = profile["operations"]["joins"]
    assert (head["table"], head["on"]) == ("KARTA_N", [["NR_KARTY", "NR_KARTY"], ["WERSJA", "WERSJA"]])
    assert profile["operations"]["columns"]["item_cd"] == "head.QX"
    assert "with WERSJA because NR_KARTY alone names several of its rows" in found.text
