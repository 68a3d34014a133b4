"""The starting profiles for known ERPs, each on a small plant in that ERP's tables: what a planner would read from its screens."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from routing_etl.erp.clean import clean
from routing_etl.erp.clean_report import CleanReport
from routing_etl.erp.extract import ExtractReport, extract
from routing_etl.erp.profile import SHIPPED, load_profile
from routing_etl.onboarding.suggest import suggest
from routing_etl.settings import load_settings

#: Two companies in one database; a routing that two items share; a routing that is not certified; a subcontractor.
BUSINESS_CENTRAL = """
CREATE TABLE "Pump Works$Item$1f" ("No_" NVARCHAR(20) PRIMARY KEY, "Description" NVARCHAR(100), "Base Unit of Measure" NVARCHAR(10),
  "Item Category Code" NVARCHAR(20), "Replenishment System" INTEGER, "Routing No_" NVARCHAR(20));
CREATE TABLE "Pump Works$Routing Header$1f" ("No_" NVARCHAR(20) PRIMARY KEY, "Status" INTEGER);
CREATE TABLE "Pump Works$Routing Line$1f" ("Routing No_" NVARCHAR(20), "Version Code" NVARCHAR(20), "Operation No_" NVARCHAR(10),
  "No_" NVARCHAR(20), "Work Center No_" NVARCHAR(20), "Standard Task Code" NVARCHAR(10), "Description" NVARCHAR(100),
  "Setup Time" DECIMAL(38,20), "Run Time" DECIMAL(38,20), "Lot Size" DECIMAL(38,20), "Setup Time Unit of Meas_ Code" NVARCHAR(10),
  "Run Time Unit of Meas_ Code" NVARCHAR(10));
CREATE TABLE "Pump Works$Work Center$1f" ("No_" NVARCHAR(20) PRIMARY KEY, "Name" NVARCHAR(100), "Subcontractor No_" NVARCHAR(20));
CREATE TABLE "Small Sister$Item$1f" AS SELECT * FROM "Pump Works$Item$1f";
CREATE TABLE "Small Sister$Routing Header$1f" AS SELECT * FROM "Pump Works$Routing Header$1f";
CREATE TABLE "Small Sister$Routing Line$1f" AS SELECT * FROM "Pump Works$Routing Line$1f";
INSERT INTO "Small Sister$Item$1f" VALUES ('Z1', 'other', 'PCS', 'X', 1, 'R9');
INSERT INTO "Pump Works$Item$1f" VALUES ('P1', 'pump', 'PCS', 'PUMP', 1, 'R1'), ('P2', 'pump, painted', 'PCS', 'PUMP', 1, 'R1'),
  ('P3', 'valve', 'PCS', 'VALVE', 1, 'R2'), ('P4', 'new valve', 'PCS', 'VALVE', 1, ''), ('M1', 'steel', 'KG', 'RAW', 0, '');
INSERT INTO "Pump Works$Routing Header$1f" VALUES ('R1', 1), ('R2', 0);
INSERT INTO "Pump Works$Work Center$1f" VALUES ('100', 'Turning', ''), ('200', 'Coating', 'V77');
INSERT INTO "Pump Works$Routing Line$1f" VALUES
  ('R1', '', '10', '110', '100', '', 'Turn housing', 0.5, 40, 10, 'HOURS', 'MINUTES'),
  ('R1', '', '20', '200', '200', 'COAT', 'Coat', 0, 90, 1, 'MINUTES', 'SECONDS'),
  ('R1', 'V2', '10', '110', '100', '', 'Turn housing anew', 1, 1, 1, 'MINUTES', 'MINUTES'),
  ('R2', '', '10', '110', '100', '', 'Turn', 10, 5, 1, 'MINUTES', 'MINUTES');
"""
#: Two counters of one group are two routings; a text in another language; an operation outside; a deleted assignment.
SAP_PP = """
CREATE TABLE MARA (MANDT TEXT, MATNR TEXT, MTART TEXT, MATKL TEXT, MEINS TEXT, NTGEW REAL, GEWEI TEXT, LVORM TEXT);
CREATE TABLE MAKT (MANDT TEXT, MATNR TEXT, SPRAS TEXT, MAKTX TEXT);
CREATE TABLE MAPL (MANDT TEXT, MATNR TEXT, WERKS TEXT, PLNTY TEXT, PLNNR TEXT, PLNAL TEXT, LOEKZ TEXT);
CREATE TABLE PLKO (MANDT TEXT, PLNTY TEXT, PLNNR TEXT, PLNAL TEXT, STATU TEXT, DATUV TEXT, LOEKZ TEXT);
CREATE TABLE PLAS (MANDT TEXT, PLNTY TEXT, PLNNR TEXT, PLNAL TEXT, PLNKN TEXT, LOEKZ TEXT);
CREATE TABLE PLPO (MANDT TEXT, PLNTY TEXT, PLNNR TEXT, PLNKN TEXT, VORNR TEXT, STEUS TEXT, ARBID TEXT, LTXA1 TEXT, KTSCH TEXT,
  BMSCH REAL, VGW01 REAL, VGE01 TEXT, VGW02 REAL, VGE02 TEXT);
CREATE TABLE CRHD (MANDT TEXT, OBJTY TEXT, OBJID TEXT, ARBPL TEXT);
INSERT INTO MARA VALUES ('100', 'M-1', 'HALB', 'SHAFT', 'ST', 500, 'G', ''), ('100', 'M-2', 'HALB', 'SHAFT', 'ST', 2, 'KG', ''),
  ('100', 'M-3', 'HALB', 'COVER', 'ST', 1, 'KG', 'X');
INSERT INTO MAKT VALUES ('100', 'M-1', 'E', 'shaft'), ('100', 'M-1', 'D', 'Welle'), ('100', 'M-2', 'D', 'Welle 2');
INSERT INTO CRHD VALUES ('100', 'A', '1', 'LATHE'), ('100', 'A', '2', 'COATER'), ('100', 'V', '1', 'NO-CENTRE');
INSERT INTO PLKO VALUES ('100', 'N', '77', '01', '4', '20200101', ''), ('100', 'N', '77', '02', '4', '20200101', ''),
  ('100', 'N', '78', '01', '1', '20200101', '');
INSERT INTO PLPO VALUES ('100', 'N', '77', '1', '0010', 'PP01', '1', 'Turn', 'TURN', 10, 0.5, 'H', 30, 'MIN'),
  ('100', 'N', '77', '2', '0020', 'PP02', '2', 'Coat', '', 1, 0, 'MIN', 120, 'S'),
  ('100', 'N', '77', '3', '0010', 'PP01', '1', 'Turn long', 'TURN', 1, 20, 'MIN', 5, 'MIN'),
  ('100', 'N', '78', '1', '0010', 'PP01', '1', 'Draft', 'TURN', 1, 1, 'MIN', 1, 'MIN');
INSERT INTO PLAS VALUES ('100', 'N', '77', '01', '1', ''), ('100', 'N', '77', '01', '2', ''), ('100', 'N', '77', '02', '3', ''),
  ('100', 'N', '78', '01', '1', '');
INSERT INTO MAPL VALUES ('100', 'M-1', '1000', 'N', '77', '01', ''), ('100', 'M-1', '1000', 'N', '77', '02', ''),
  ('100', 'M-2', '1000', 'N', '77', '02', 'X'), ('100', 'M-2', '1000', 'N', '78', '01', '');
"""
#: Two variants of a template share a bill; a kit; an archived variant; a work centre of 80 % and two pieces at once.
ODOO = """
CREATE TABLE product_template (id INTEGER PRIMARY KEY, name TEXT, categ_id INTEGER, active BOOLEAN);
CREATE TABLE product_product (id INTEGER PRIMARY KEY, product_tmpl_id INTEGER, default_code TEXT, active BOOLEAN);
CREATE TABLE mrp_bom (id INTEGER PRIMARY KEY, product_tmpl_id INTEGER, product_id INTEGER, type TEXT, active BOOLEAN, product_qty REAL);
CREATE TABLE mrp_workcenter (id INTEGER PRIMARY KEY, name TEXT, time_start REAL, time_stop REAL, time_efficiency REAL, default_capacity REAL);
CREATE TABLE mrp_routing_workcenter (id INTEGER PRIMARY KEY, bom_id INTEGER, workcenter_id INTEGER, name TEXT, sequence INTEGER,
  time_mode TEXT, time_cycle_manual REAL);
CREATE TABLE mrp_production (id INTEGER PRIMARY KEY, product_id INTEGER, product_qty REAL, state TEXT);
CREATE TABLE mrp_workorder (id INTEGER PRIMARY KEY, production_id INTEGER, operation_id INTEGER, workcenter_id INTEGER, duration REAL,
  qty_produced REAL, state TEXT, date_finished TEXT);
INSERT INTO product_template VALUES (1, 'Shelf', 5, 1), (2, 'Kit', 5, 1);
INSERT INTO product_product VALUES (11, 1, 'SH-W', 1), (12, 1, 'SH-B', 1), (13, 1, 'SH-OLD', 0), (21, 2, NULL, 1);
INSERT INTO mrp_bom VALUES (7, 1, NULL, 'normal', 1, 1), (8, 2, NULL, 'phantom', 1, 1);
INSERT INTO mrp_workcenter VALUES (3, 'Saw', 10, 5, 80, 2), (4, 'Bench', 0, 0, 100, 1);
INSERT INTO mrp_routing_workcenter VALUES (31, 7, 3, 'Sawing', 10, 'manual', 16), (32, 7, 4, 'Assembly', 20, 'manual', 30),
  (33, 8, 4, 'Packing', 10, 'manual', 5);
INSERT INTO mrp_production VALUES (1, 11, 4, 'done');
INSERT INTO mrp_workorder VALUES (1, 1, 31, 3, 50, 4, 'done', '2026-05-04 10:00:00'), (2, 1, 32, 4, 9, 4, 'cancel', '2026-05-04 12:00:00');
"""
#: A default BOM for ten pieces and an older one; a fixed time; a template and a disabled item; a cancelled job card.
ERPNEXT = """
CREATE TABLE tabItem (name TEXT PRIMARY KEY, item_code TEXT, item_name TEXT, item_group TEXT, stock_uom TEXT, has_variants INTEGER,
  variant_of TEXT, disabled INTEGER);
CREATE TABLE tabBOM (name TEXT PRIMARY KEY, item TEXT, is_active INTEGER, is_default INTEGER, docstatus INTEGER, quantity REAL);
CREATE TABLE "tabBOM Operation" (name TEXT, parent TEXT, idx INTEGER, operation TEXT, workstation TEXT, time_in_mins REAL, fixed_time INTEGER);
CREATE TABLE "tabJob Card" (name TEXT, work_order TEXT, production_item TEXT, bom_no TEXT, operation TEXT, operation_row_number INTEGER, workstation TEXT,
  total_completed_qty REAL, total_time_in_mins REAL, posting_date TEXT, docstatus INTEGER);
INSERT INTO tabItem VALUES ('Fan', 'Fan', 'fan', 'Fans', 'Nos', 1, NULL, 0), ('Fan-S', 'Fan-S', 'small fan', 'Fans', 'Nos', 0, 'Fan', 0),
  ('Fan-L', 'Fan-L', 'large fan', 'Fans', 'Nos', 0, 'Fan', 0), ('Fan-X', 'Fan-X', 'old fan', 'Fans', 'Nos', 0, 'Fan', 1);
INSERT INTO tabBOM VALUES ('BOM-Fan-S-001', 'Fan-S', 1, 0, 1, 1), ('BOM-Fan-S-002', 'Fan-S', 1, 1, 1, 10), ('BOM-Fan-S-003', 'Fan-S', 1, 0, 2, 1);
INSERT INTO "tabBOM Operation" VALUES ('a', 'BOM-Fan-S-001', 1, 'Cut', 'Press', 9, 0), ('b', 'BOM-Fan-S-002', 1, 'Cut', 'Press', 70, 0),
  ('c', 'BOM-Fan-S-002', 2, 'Set up jig', 'Bench', 25, 1), ('d', 'BOM-Fan-S-003', 1, 'Cut', 'Press', 1, 0);
INSERT INTO "tabJob Card" VALUES ('J1', 'W1', 'Fan-S', 'BOM-Fan-S-002', 'Cut', 1, 'Press', 20, 150, '2026-05-04', 1),
  ('J2', 'W1', 'Fan-S', 'BOM-Fan-S-002', 'Cut', 1, 'Press', 20, 999, '2026-05-04', 2);
"""

Read = Callable[[str], "Plant"]


class Plant:
    """A small ERP read with the profile that is proposed for it."""

    def __init__(self, folder: Path, script: str) -> None:
        self.folder = folder
        file = folder / "erp.db"
        with sqlite3.connect(file) as erp:
            erp.executescript(script)
        url, settings = f"sqlite:///{file.as_posix()}", load_settings(home=folder)
        self.suggestion = suggest(url, settings, out=folder / "plant.toml")
        profile = load_profile(folder / "plant.toml")
        self.read: ExtractReport = extract(url, profile, folder / "raw", settings)
        self.cleaned: CleanReport = clean(
            folder / "raw", folder / "clean", folder / "rejects", profile, cutoff=None
        )

    def rows(self, frame: str, *columns: str) -> list[tuple[object, ...]]:
        """Columns of a clean frame, sorted; times to the hundredth."""
        data = pl.read_parquet(self.folder / "clean" / f"{frame}.parquet").select(columns)
        return data.with_columns(pl.col(pl.Float64).round(2)).sort(columns).rows()


@pytest.fixture
def plant(tmp_path: Path) -> Read:
    return lambda script: Plant(tmp_path, script)


_TIMES = ("item_key", "rout_no", "proc_seq", "job_cd", "res_cd", "inside", "setup_min", "run_min")


@pytest.mark.parametrize("script", [BUSINESS_CENTRAL, SAP_PP, ODOO, ERPNEXT])
def test_a_starting_profile_reads_its_erp_and_warns_of_nothing_that_is_right(
    plant: Read, script: str
) -> None:
    made = plant(script)
    assert made.suggestion.missing == ()
    assert not [f for f in made.suggestion.findings if f.level == "error"], made.suggestion.findings
    assert not [c for c in made.read.counts if c.warns]
    assert made.cleaned.rejects == {}
    assert made.suggestion.questions >= 4
    assert (
        "COMPANY$"
        not in made.suggestion.text.split("[items]", 1)[1].replace("# ", "").split("[[items.pivot]]")[0]
    )


def test_business_central(plant: Read) -> None:
    made = plant(BUSINESS_CENTRAL)
    assert made.rows("items", "item_key", "part_type") == [
        ("P1", "PUMP"),
        ("P2", "PUMP"),
        ("P3", "VALVE"),
        ("P4", "VALVE"),
    ]
    assert made.rows("operations", *_TIMES) == [
        (item, "R1", seq, job, res, where, setup, run)
        for item in ("P1", "P2")
        for seq, job, res, where, setup, run in (
            (10, "Turn housing", "110", "in", 30.0, 4.0), (20, "COAT", "200", "out", None, 1.5),
        )
    ]  # fmt: skip
    assert (
        "# DECIDE: which company? This is 'Pump Works' (5 items); there are also 'Small Sister' (1 items)."
        in made.suggestion.text
    )


def test_sap_pp(plant: Read) -> None:
    made = plant(SAP_PP)
    assert made.rows("items", "item_key", "item_nm", "net_weight") == [
        ("M-1", "shaft", 0.5),
        ("M-2", None, 2.0),
    ]
    assert made.rows("operations", *_TIMES) == [
        ("M-1", "77/01", 10, "TURN", "LATHE", "in", 30.0, 3.0), ("M-1", "77/01", 20, "Coat", "COATER", "out", None, 2.0),
        ("M-1", "77/02", 10, "TURN", "LATHE", "in", 20.0, 5.0),
    ]  # fmt: skip


def test_odoo(plant: Read) -> None:
    made = plant(ODOO)
    assert made.rows("items", "item_key", "reference") == [("11", "SH-W"), ("12", "SH-B"), ("21", None)]
    assert made.rows("operations", *_TIMES) == [
        (item, "7", seq, job, res, "in", setup, run)
        for item in ("11", "12")
        for seq, job, res, setup, run in ((10, "Sawing", "Saw", 15.0, 10.0), (20, "Assembly", "Bench", None, 30.0))
    ]  # fmt: skip
    assert made.rows("work_results", "item_key", "proc_seq", "job_cd", "machine_time", "order_qty") == [
        ("11", 10, "Sawing", 50.0, 4.0)
    ]


def test_odoo_up_to_version_13_has_routings_of_their_own(plant: Read) -> None:
    old = ODOO.replace("bom_id INTEGER, workcenter_id", "routing_id INTEGER, workcenter_id").replace(
        "active BOOLEAN, product_qty REAL", "active BOOLEAN, product_qty REAL, routing_id INTEGER"
    ).replace("'normal', 1, 1)", "'normal', 1, 1, 7)").replace("'phantom', 1, 1)", "'phantom', 1, 1, 8)")  # fmt: skip
    made = plant(old)
    assert len(made.rows("operations", *_TIMES)) == 4
    assert "version 13 or earlier" in made.suggestion.text


def test_erpnext(plant: Read) -> None:
    made = plant(ERPNEXT)
    assert made.rows("items", "item_key", "template") == [("FAN-L", "Fan"), ("FAN-S", "Fan")]
    assert made.rows("operations", "rout_no", "proc_seq", "job_cd", "setup_min", "run_min", "routing_rank") == [
        ("BOM-Fan-S-001", 1, "Cut", None, 9.0, 1), ("BOM-Fan-S-002", 1, "Cut", None, 7.0, 0),
        ("BOM-Fan-S-002", 2, "Set up jig", 25.0, None, 0),
    ]  # fmt: skip
    assert made.rows("work_results", "rout_no", "job_cd", "machine_time", "order_qty") == [
        ("BOM-Fan-S-002", "Cut", 150.0, 20.0)
    ]


def test_odoo_orders_operations_of_one_sequence_by_their_id(plant: Read) -> None:
    made = plant(
        ODOO.replace("'Sawing', 10,", "'Sawing', 100,").replace("'Assembly', 20,", "'Assembly', 100,")
    )
    assert ("11", 10, "Sawing") in made.rows("operations", "item_key", "proc_seq", "job_cd")
    assert ("11", 20, "Assembly") in made.rows("operations", "item_key", "proc_seq", "job_cd")
    assert made.rows("work_results", "item_key", "proc_seq", "job_cd") == [("11", 10, "Sawing")]


def test_an_early_erpnext_has_its_times_in_the_logs_of_the_job_cards(plant: Read) -> None:
    early = ERPNEXT.replace("total_completed_qty REAL, total_time_in_mins REAL,", "total_completed_qty REAL,")
    early = (
        early.replace("'Press', 20, 150,", "'Press', 20,").replace("'Press', 20, 999,", "'Press', 20,")
        + """
CREATE TABLE "tabJob Card Time Log" (name TEXT, parent TEXT, to_time TEXT, time_in_mins REAL, completed_qty REAL);
INSERT INTO "tabJob Card Time Log" VALUES ('T1', 'J1', '2026-05-03 23:00:00', 90, 0), ('T2', 'J1', '2026-05-04 23:00:00', 60, 20),
  ('T3', 'J2', '2026-05-04 09:00:00', 999, 20);
"""
    )
    made = plant(early)
    assert "early version" in made.suggestion.text
    assert made.rows("work_results", "rout_no", "job_cd", "machine_time", "order_qty") == [
        ("BOM-Fan-S-002", "Cut", 150.0, 20.0)
    ]


@pytest.mark.parametrize("name", ["business_central", "sap_pp", "erpnext"])
def test_the_sections_that_a_person_may_take_in_are_well_formed(name: str, tmp_path: Path) -> None:
    """Sections in comments, as they are when their marks are removed."""
    text = (SHIPPED / f"{name}.toml").read_text(encoding="utf-8")
    (tmp_path / "whole.toml").write_text(re.sub(r"^#   ", "", text, flags=re.MULTILINE), encoding="utf-8")
    profile = load_profile(tmp_path / "whole.toml")
    assert profile.results is not None and profile.items.pivot
