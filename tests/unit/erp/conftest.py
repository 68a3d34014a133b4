"""A hand-made ERP in SQLite under the BI views' own names: every test states only the values it is about."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import sqlalchemy as sa

from routing_etl.erp.clean import clean
from routing_etl.erp.clean_report import CleanReport
from routing_etl.erp.extract import ExtractReport, extract
from routing_etl.erp.profile import Profile, load_profile
from routing_etl.settings import load_settings

_N = "DECIMAL(18,4)"


def _text(n: int) -> str:
    return f"NVARCHAR({n})"


ITEM_COLUMNS: dict[str, str] = {
    "ITEM_CD": _text(100), "PART_TYPE": _text(50), "PartNm": _text(255), "ITEM_SUFFIX": _text(50), "ITEM_SPEC": "NTEXT",
    "ITEM_NM": _text(500), "ADDITIONAL_SPEC": "NTEXT", "ITEM_MATERIAL": _text(100), "MATERIAL_DESC": _text(255),
    "ITEM_ACCT": _text(50), "ITEM_TYPE": _text(50), "ITEM_UNIT": _text(20), "ITEM_GRP1": _text(50),
    "ITEM_GRP1NM": _text(255), "STANDARD_YN": "NCHAR(1)", "GROUP1": _text(100), "GROUP2": _text(100),
    "GROUP3": _text(100), "DRAW_NO": _text(100), "DRAW_REV": _text(50), "DRAW_SHEET_NO": _text(50),
    "DRAW_USE": _text(100), "ITEM_NM_ENG": _text(500), "OUTDIAMETER": _N, "INDIAMETER": _N, "OUTTHICKNESS": _N,
    "OUTDIAMETER_UNIT": _text(20), "ROTATE_CLOCKWISE": "INT", "ROTATE_CTRCLOCKWISE": "INT", "SealTypeGrup": _text(100),
    "IN_SEALTYPE_CD": _text(50), "IN_SEALSIZE": _N, "IN_SEALSIZE_UOM": _text(20), "MID_SEALTYPE_CD": _text(50),
    "MID_SEALSIZE": _N, "MID_SEALSIZE_UOM": _text(20), "OUT_SEALTYPE_CD": _text(50), "OUT_SEALSIZE": _N,
    "OUT_SEALSIZE_UOM": _text(20), "RAW_MATL_KIND": _text(50), "RAW_MATL_KINDNM": _text(255),
}  # fmt: skip
ROUTING_COLUMNS: dict[str, str] = {
    "ROUT_NO": _text(50), "ITEM_CD": _text(100), "ITEM_NM": _text(500), "PROC_SEQ": "INT", "INSRT_DT": "DATETIME",
    "INSIDE_FLAG": _text(16), "JOB_CD": _text(50), "JOB_NM": _text(255), "RES_CD": _text(50), "RES_DIS": _text(255),
    "TIME_UNIT": _text(20), "MFG_LT": _N, "QUEUE_TIME": _N, "SETUP_TIME": _N, "RUN_TIME": _N, "ACT_SETUP_TIME": _N,
    "ACT_RUN_TIME": _N, "WAIT_TIME": _N, "MOVE_TIME": _N, "RUN_TIME_QTY": _N, "RUN_TIME_UNIT": _text(20),
    "BATCH_OPER": _text(8), "BP_CD": _text(50), "CUST_NM": _text(255), "CUR_CD": _text(20), "SUBCONTRACT_PRC": _N,
    "TAX_TYPE": _text(20), "MILESTONE_FLG": "NCHAR(1)", "INSP_FLG": "NCHAR(1)", "ROUT_ORDER": _text(32),
    "VALID_FROM_DT": "DATE", "VALID_TO_DT": "DATE", "VALIDITY": _text(32),
}  # fmt: skip
RESULT_COLUMNS: dict[str, str] = {
    "ITEM_CD": _text(100), "PROC_SEQ": "INT", "RES_CD": _text(50), "RES_DIS": _text(255), "JOB_CD": _text(50),
    "CD_NM": _text(255), "REPORT_DT": "DATE", "MACH_WORKED_HOURS": _N, "SETUP_HOURS": _N, "ORDER_QTY": _N, "BAD_QTY": _N,
    "ROUT_NO": _text(50),
}  # fmt: skip
ORDER_COLUMNS: dict[str, str] = {
    "ITEM_CD": _text(100), "PO_NO": _text(50), "PO_DATE": "DATE", "QTY": _N, "UNIT_PRICE": _N, "VENDOR_CD": _text(50),
    "VENDOR_NM": _text(255),
}  # fmt: skip

ROUTING_DEFAULTS: dict[str, Any] = {
    "ROUT_NO": "R1", "PROC_SEQ": 10, "JOB_CD": "A01", "INSIDE_FLAG": "사내", "TIME_UNIT": "분(Min.)", "RUN_TIME": 6,
    "RUN_TIME_QTY": 1, "INSRT_DT": "2025-05-01 08:00:00", "VALID_TO_DT": "2999-12-31",
}  # fmt: skip
RESULT_DEFAULTS: dict[str, Any] = {
    "ROUT_NO": "R1", "PROC_SEQ": 10, "JOB_CD": "A01", "RES_CD": "CNC-01", "REPORT_DT": "2025-06-01",
    "MACH_WORKED_HOURS": 1.5, "SETUP_HOURS": 0.5, "ORDER_QTY": 10, "BAD_QTY": 0,
}  # fmt: skip


class Erp:
    """A SQLite ERP, and what extract and clean make of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "erp.db"
        self.url = f"sqlite:///{self.path.as_posix()}"
        self.profile = load_profile("bi_views")
        self.extracted: ExtractReport | None = None
        self.report: CleanReport | None = None

    def execute(self, sql: str, parameters: Any = ()) -> None:
        engine = sa.create_engine(self.url)
        with engine.begin() as connection:
            connection.exec_driver_sql(sql, parameters)
        engine.dispose()

    def table(self, name: str, columns: dict[str, str], rows: list[dict[str, Any]]) -> None:
        quoted = ", ".join(f'"{n}" {t}' for n, t in columns.items())
        self.execute(f'CREATE TABLE "{name}" ({quoted})')
        if rows:
            marks = ", ".join("?" for _ in columns)
            self.execute(
                f'INSERT INTO "{name}" VALUES ({marks})', [tuple(r.get(c) for c in columns) for r in rows]
            )

    def run(self, *, cutoff: date | None = None, profile: Profile | None = None) -> Erp:
        """Extract and clean."""
        self.profile = profile or self.profile
        self.extract()
        self.report = clean(
            self.folder / "raw", self.folder / "clean", self.folder / "rejects", self.profile, cutoff=cutoff
        )
        return self

    def extract(self) -> ExtractReport:
        """Extract only."""
        settings = load_settings(home=self.folder, fetch_rows=100)
        self.extracted = extract(self.url, self.profile, self.folder / "raw", settings)
        return self.extracted

    def clean(self, name: str) -> pl.DataFrame:
        return pl.read_parquet(self.folder / "clean" / f"{name}.parquet")

    def raw(self, name: str) -> pl.DataFrame:
        return pl.read_parquet(self.folder / "raw" / f"{name}.parquet")

    def rejects(self, name: str) -> pl.DataFrame:
        return pl.read_parquet(self.folder / "rejects" / f"{name}.parquet")


@pytest.fixture
def erp(tmp_path: Path) -> Callable[..., Erp]:
    """Builds an ERP from rows per table; routing and result rows come with plain defaults."""

    def build(
        items: list[dict[str, Any]] | None = None,
        routings: list[dict[str, Any]] | None = None,
        results: list[dict[str, Any]] | None = None,
        orders: list[dict[str, Any]] | None = None,
        *,
        omit: tuple[str, ...] = (),
        item_types: dict[str, str] | None = None,
        routing_types: dict[str, str] | None = None,
        result_types: dict[str, str] | None = None,
    ) -> Erp:
        made = Erp(tmp_path)
        item_rows = items if items is not None else [{"ITEM_CD": "A1", "PART_TYPE": "11"}]
        routing_rows = routings if routings is not None else [{"ITEM_CD": "A1"}]
        tables = {
            "BI_ITEM_INFO_VIEW": (ITEM_COLUMNS | (item_types or {}), item_rows),
            "BI_ROUTING_VIEW": (
                ROUTING_COLUMNS | (routing_types or {}),
                [ROUTING_DEFAULTS | r for r in routing_rows],
            ),
            "BI_WORK_ORDER_RESULTS": (
                RESULT_COLUMNS | (result_types or {}),
                [RESULT_DEFAULTS | r for r in results or []],
            ),
            "BI_PUR_PO_VIEW": (ORDER_COLUMNS, orders or []),
        }
        for name, (columns, rows) in tables.items():
            if name not in omit:
                made.table(name, {c: t for c, t in columns.items() if f"{name}.{c}" not in omit}, rows)
        return made

    return build
