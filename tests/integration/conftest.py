"""What makes nights and trainings of these tests quick where they are about something else."""

from __future__ import annotations

import pytest
from homes import NO_REHEARSAL


@pytest.fixture(autouse=True)
def _few_sheets(_no_settings_from_outside: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nights that a test starts without settings of its own write as few sheets as those of `homes.home_settings`."""
    monkeypatch.setenv("ROUTING_ETL_SHEET_ITEMS", NO_REHEARSAL["ROUTING_ETL_SHEET_ITEMS"])
