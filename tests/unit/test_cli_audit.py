"""Every command that changes something leaves a row: who, on what, how it ended."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import typer
from watched import known_warehouse

from routing_etl.cli import audit
from routing_etl.cli.app import app, main

#: Commands that change nothing of ours that others rely on, and those that work on a run folder or another database only.
ONLY_READ = {
    "init", "doctor", "status", "settings", "json-schema", "ui", "metrics", "alerts", "report", "drill", "predict", "worklist", "evaluate",
    "extract", "check", "times", "score", "plant", "load-adventureworks", "profile suggest", "sql render", "sql list", "sql show", "models list", "models show",
    "models diff", "models card", "models verify", "publications list", "publications diff", "publications export",
}  # fmt: skip


def names(of: typer.Typer, before: str = "") -> set[str]:
    found = {
        before + (c.name or (c.callback.__name__.replace("_", "-") if c.callback else ""))
        for c in of.registered_commands
    }
    for group in of.registered_groups:
        assert group.typer_instance is not None
        prefix = f"{group.name} "
        found |= {before + prefix + (c.name or "") for c in group.typer_instance.registered_commands}
    return found


def test_every_command_is_written_down_or_known_to_change_nothing() -> None:
    assert names(app) == ONLY_READ | audit.AUDITED and not ONLY_READ & audit.AUDITED


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    known_warehouse(tmp_path / "home")
    monkeypatch.setenv("ROUTING_ETL_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def deeds(home: Path) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(home / "warehouse.db")) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(r) for r in connection.execute("SELECT * FROM audit_log ORDER BY id")][1:]


def call(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    return int(ended.value.code or 0)


def test_a_deed_has_its_person_its_subject_and_its_end(home: Path) -> None:
    assert call("publications", "rollback", "--to", "2") == 0
    assert call("reject", "A-77", "--reason", "wrong_machine", "--user", "kim") != 0
    rolled, refused = deeds(home)
    assert (rolled["command"], rolled["subject"], rolled["outcome"]) == (
        "publications rollback",
        "2",
        "succeeded",
    )
    assert rolled["done_by"] and rolled["done_via"] == "cli" and rolled["host"]
    assert (refused["done_by"], refused["subject"], refused["outcome"]) == (
        "kim",
        "A-77 wrong_machine",
        "failed",
    )
    assert "A-77" in refused["message"]


def test_a_rollback_keeps_who_asked_and_why(home: Path) -> None:
    assert (
        call("publications", "rollback", "--to", "2", "--user", "kim", "--why", "wrong machines in turning")
        == 0
    )
    (rolled,) = deeds(home)
    assert (rolled["done_by"], rolled["message"]) == ("kim", "wrong machines in turning")


def test_reading_leaves_no_row(home: Path) -> None:
    call("publications", "list")
    call("migrate", "--sql")
    assert deeds(home) == []


def test_a_deed_that_cannot_be_written_down_is_done_all_the_same(home: Path) -> None:
    with closing(sqlite3.connect(home / "warehouse.db")) as connection, connection:
        connection.execute("ALTER TABLE audit_log RENAME TO gone")
    assert call("publications", "rollback", "--to", "2") == 0
