"""Overnight the ERP spells every code in another way: the model of before predicts the same, in the spelling of today."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from homes import ask, change, home_settings

from routing_etl.pipeline.night import night

pytestmark = [pytest.mark.integration, pytest.mark.slow]

#: The ERP's columns of codes.
CODES = {
    "BI_ITEM_INFO_VIEW": ("ITEM_CD",),
    "BI_ROUTING_VIEW": ("ITEM_CD", "ROUT_NO", "JOB_CD", "RES_CD", "BP_CD", "CUR_CD", "TAX_TYPE"),
    "BI_WORK_ORDER_RESULTS": ("ITEM_CD", "ROUT_NO", "JOB_CD", "RES_CD"),
    "BI_PUR_PO_VIEW": ("ITEM_CD", "PO_NO"),
}
#: What the ERP's screens read, with the columns that they look up in the ERP's tables.
JOINED = {
    "routing_flat": {
        "ITEM_CD": "ITEM_CD", "REFERENCE_ITEM_CD": "ITEM_CD", "dbo_BI_ROUTING_VIEW_JOB_CD": "JOB_CD", "RES_CD": "RES_CD",
        "BP_CD": "BP_CD", "CUR_CD": "CUR_CD", "TAX_TYPE": "TAX_TYPE",
    },
    "bop_proc_master": {"ITEM_CD": "ITEM_CD"},
    "bop_proc_detail": {"ITEM_CD": "ITEM_CD", "JOB_CD": "JOB_CD", "RES_CD": "RES_CD", "BP_CD": "BP_CD", "CUR_CD": "CUR_CD"},
    "bop_proc_res": {"ITEM_CD": "ITEM_CD", "JOB_CD": "JOB_CD", "RES_CD": "RES_CD"},
    "routing_candidate_resources": {"ITEM_CD": "ITEM_CD", "JOB_CD": "JOB_CD", "RES_CD": "RES_CD"},
    "routing_candidate_evidence": {"ITEM_CD": "ITEM_CD", "NEIGHBOUR_ITEM_CD": "ITEM_CD", "NEIGHBOUR_ROUT_NO": "ROUT_NO"},
    "routing_candidates": {"REFERENCE_ITEM_CD": "ITEM_CD", "ROUT_NO": "ROUT_NO"},
}  # fmt: skip
#: Columns that differ from night to night.
OF_THE_NIGHT = {
    "PUBLICATION_ID", "ITEM_HASH", "INSRT_DT", "UPDT_DT", "IN_DT", "UP_DT", "REV_DT", "VALID_FROM_DT", "VALID_TO_DT", "LOADED_AT", "GENERATED_AT",
}  # fmt: skip


def rows(warehouse: Path, view: str) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(warehouse)) as connection:
        connection.row_factory = sqlite3.Row
        return [
            {k.upper(): v for k, v in dict(row).items()}
            for row in connection.execute(f"SELECT * FROM {view}")
        ]


def folded(found: list[dict[str, Any]]) -> list[str]:
    """Rows without what differs from night to night, their texts in one case, in one order."""
    kept = [
        {k: v.upper() if isinstance(v, str) else v for k, v in r.items() if k not in OF_THE_NIGHT}
        for r in found
    ]
    return sorted(str(sorted(row.items())) for row in kept)


def test_every_code_respelled_after_the_training(home: Path) -> None:
    warehouse, erp = home / "warehouse.db", home / "erp.db"
    before = {view: rows(warehouse, view) for view in JOINED}
    for table, columns in CODES.items():
        change(erp, f"UPDATE {table} SET {', '.join(f'{c} = LOWER({c})' for c in columns)}")
    night(home_settings(home))

    after = {view: rows(warehouse, view) for view in JOINED}
    for view, columns in JOINED.items():
        assert after[view] and folded(after[view]) == folded(before[view]), view
        for shown, erps in columns.items():
            known = {
                r[0]
                for table, cs in CODES.items()
                if erps in cs
                for r in ask(erp, f"SELECT DISTINCT {erps} FROM {table}")
            }
            found = {r[shown.upper()] for r in after[view]} - {None, ""}
            assert found <= {str(k).rstrip() for k in known if k is not None}, (
                view,
                shown,
                sorted(found - known)[:3],
            )
    (changes,) = rows(warehouse, "publication_changes")
    assert [changes[f"ITEMS_{kind}"] for kind in ("NEW", "GONE", "LOST", "FOUND", "FIRST")] == [0] * 5
    assert changes["ITEMS_BEFORE"] == changes["ITEMS_SHOWN"] >= changes["ITEMS_DETAILS"] > 0
