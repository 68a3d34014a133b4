"""A foreign ERP of a few hand-made tables in SQLite, and what the product reads and says of it."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from routing_etl.erp.clean import clean
from routing_etl.erp.extract import extract
from routing_etl.erp.profile import load_profile
from routing_etl.settings import load_settings

PARTS = """
CREATE TABLE PART (CODE TEXT, TYPE TEXT, DIA REAL);
INSERT INTO PART VALUES ('A1', 'SHAFT', 10), ('A2', 'SHAFT', 20), ('A3', 'COVER', 30);
"""
ITEMS = """
[items]
table = "PART"
[items.columns]
item_cd = "CODE"
[items.attributes]
part_type = { column = "TYPE", kind = "category" }
dia = { column = "DIA", kind = "number" }
"""
STEP = """
[operations]
table = "STEP"
[operations.columns]
item_cd = "PART"
rout_no = "R"
proc_seq = "SEQ"
job_cd = "JOB"
"""


@dataclass
class Foreign:
    """An ERP of a few tables and a profile for it; `night` extracts and cleans."""

    folder: Path

    def night(self, sql: str, profile: str) -> Foreign:
        with sqlite3.connect(self.folder / "erp.db") as erp:
            erp.executescript(sql)
        self.said: list[str] = []
        path = self.folder / "foreign.toml"
        path.write_text(f'name = "foreign"\n{profile}', encoding="utf-8")
        loaded = load_profile(path)
        url = f"sqlite:///{(self.folder / 'erp.db').as_posix()}"
        extracted = extract(url, loaded, self.folder / "raw", load_settings(home=self.folder))
        self.report = clean(
            self.folder / "raw", self.folder / "clean", self.folder / "rejects", loaded, cutoff=None
        )
        self.said = [*extracted.warnings, *self.report.warnings]
        return self

    def beside(self, name: str) -> Foreign:
        """Another ERP, in a folder of its own."""
        folder = self.folder / name
        folder.mkdir()
        return Foreign(folder)

    def read(self, frame: str, *columns: str) -> list[tuple[Any, ...]]:
        data = pl.read_parquet(self.folder / "clean" / f"{frame}.parquet").select(columns)
        return sorted(data.rows(), key=str)

    def tells(self, *words: str) -> bool:
        return any(all(w in sentence for w in words) for sentence in self.said)


def steps(columns: str, rows: str) -> str:
    """Parts, and a table STEP with these further columns and rows."""
    return f"{PARTS}CREATE TABLE STEP (PART TEXT, R TEXT, SEQ INTEGER, JOB TEXT, {columns});\nINSERT INTO STEP VALUES {rows};"
