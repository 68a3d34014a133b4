"""Nights that a test starts without settings of its own write few sheets, as those of `homes.home_settings` do."""

from __future__ import annotations

import pytest
from homes import NO_REHEARSAL


@pytest.fixture(autouse=True)
def _few_sheets(_no_settings_from_outside: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROUTING_ETL_SHEET_ITEMS", NO_REHEARSAL["ROUTING_ETL_SHEET_ITEMS"])
