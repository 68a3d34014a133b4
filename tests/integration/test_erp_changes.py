"""New and vanished items against a real extract."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from homes import change, home_settings

from routing_etl.errors import SourceError
from routing_etl.pipeline import steps, upkeep
from routing_etl.pipeline.context import Context
from routing_etl.runs import new_run

pytestmark = pytest.mark.integration


def test_item_changes_since_the_newest_extract(plant_db: Path, tmp_path: Path) -> None:
    shutil.copy(plant_db, tmp_path / "erp.db")
    settings = home_settings(tmp_path)
    assert upkeep.item_changes(settings) is None
    steps.extract(Context(settings, new_run(tmp_path, "first")))
    same = upkeep.item_changes(settings)
    assert (same.new, same.gone, same.fingerprint) == (0, 0, "")
    assert same.items > 600

    change(
        tmp_path / "erp.db",
        "UPDATE BI_ITEM_INFO_VIEW SET ITEM_CD = 'NEW-1' WHERE rowid = 5",
        "UPDATE BI_ITEM_INFO_VIEW SET ITEM_NM = 'other' WHERE rowid = 6",
    )
    changed = upkeep.item_changes(settings)
    assert (changed.new, changed.gone) == (1, 1)
    assert changed.items == same.items
    assert changed == upkeep.item_changes(settings), "the same difference has the same fingerprint"
    change(tmp_path / "erp.db", "UPDATE BI_ITEM_INFO_VIEW SET ITEM_CD = 'NEW-2' WHERE rowid = 5")
    assert upkeep.item_changes(settings).fingerprint != changed.fingerprint

    steps.extract(Context(settings, new_run(tmp_path, "second")))
    assert upkeep.item_changes(settings).fingerprint == ""
    change(tmp_path / "erp.db", "DROP TABLE BI_ITEM_INFO_VIEW")
    with pytest.raises(SourceError, match="BI_ITEM_INFO_VIEW"):
        upkeep.item_changes(settings)
