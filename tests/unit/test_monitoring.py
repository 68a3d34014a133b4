"""What lies in sql/monitoring: made by the script beside it, and accepted by the tools that read it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from routing_etl.pipeline.conditions import CODES

MONITORING = Path(__file__).resolve().parents[2] / "sql" / "monitoring"


def promtool(*arguments: str) -> None:
    tool = shutil.which("promtool")
    if tool is None:
        pytest.skip("promtool is not installed (Debian: prometheus)")
    done = subprocess.run(
        [tool, *arguments], cwd=MONITORING, text=True, capture_output=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_promtool_accepts_the_rules() -> None:
    promtool("check", "rules", "alerts.yml")


def test_the_rules_tell_what_they_should_and_nothing_of_a_good_night() -> None:
    promtool("test", "rules", "alerts_test.yml")


def test_the_rules_name_only_codes_and_metrics_that_there_are() -> None:
    text = (MONITORING / "alerts.yml").read_text(encoding="utf-8")
    listed = re.search(r'code=~"([A-Z_|]+)"', text)
    assert listed is not None and set(listed[1].split("|")) <= set(CODES)
    source = (MONITORING.parents[1] / "routing_etl" / "pipeline" / "exposition.py").read_text(
        encoding="utf-8"
    )
    names = {name.removeprefix("routing_etl_") for name in re.findall(r"\brouting_etl_[a-z_]+", text)}
    assert names and all(f'"{name}"' in source for name in names)


def test_the_dashboard_is_what_the_script_makes() -> None:
    pytest.importorskip(
        "grafana_foundation_sdk", reason="grafana-foundation-sdk is not installed: pip install '.[test]'"
    )
    from grafana_dashboard import render
    from grafana_foundation_sdk.models.dashboard import Dashboard

    text = (MONITORING / "grafana-dashboard.json").read_text(encoding="utf-8")
    assert text == render(), (
        "run: python tests/support/grafana_dashboard.py sql/monitoring/grafana-dashboard.json"
    )
    board = Dashboard.from_json(json.loads(text))
    assert board.uid == "routing-etl" and board.panels
