"""`routing-etl ui` where the extra `ui` is not installed."""

from __future__ import annotations

from pathlib import Path

import pytest

from routing_etl.cli import dagster_ui
from routing_etl.errors import ConfigurationError


def test_without_the_web_server_one_sentence_says_how_to_get_it_and_nothing_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROUTING_ETL_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(dagster_ui, "find_spec", lambda name: None)
    with pytest.raises(ConfigurationError, match="web server is not installed") as told:
        dagster_ui.ui()
    assert "routing_etl[ui]" in str(told.value) and not (tmp_path / "home" / "dagster").exists()
