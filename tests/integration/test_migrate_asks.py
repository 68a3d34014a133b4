"""Going back to an earlier revision removes data: it says what, and asks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from homes import ask, change, home_settings

from routing_etl.cli import app
from routing_etl.errors import ConfigurationError
from routing_etl.pipeline import upkeep
from routing_etl.pipeline.upkeep import Removal
from routing_etl.warehouse.migrate import head_revision

pytestmark = pytest.mark.integration


@pytest.fixture
def warehouse(tmp_path: Path) -> Path:
    """A warehouse at head in which an engineer has accepted a candidate."""
    upkeep.migrate(home_settings(tmp_path))
    change(
        tmp_path / "warehouse.db",
        "INSERT INTO routing_feedback (item_cd, publication_id, candidate_id, candidate_rank, predicted_rout_no, "
        "routing_code, accepted_by, accepted_at) VALUES ('A', 1, 'A_C01', 1, '1', 'J1', 'kim', '2026-01-01'), "
        "('B', 1, 'B_C01', 1, '1', 'J1', 'kim', '2026-01-01')",
        "INSERT INTO batch_run (run_id, kind, status, started_at) VALUES ('r', 'night', 'succeeded', '2026-01-01')",
    )
    return tmp_path / "warehouse.db"


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path):  # type: ignore[no-untyped-def]
    """Run a command on the warehouse; with an answer, as on a terminal where a person types it."""

    def run(*words: str, answer: str | None = None) -> tuple[int, str, str]:
        monkeypatch.setenv("ROUTING_ETL_HOME", str(tmp_path))
        monkeypatch.setattr("routing_etl.cli.operation._asks_a_person", lambda: answer is not None)
        monkeypatch.setattr("typer.prompt", lambda *_, **__: answer)
        with pytest.raises(SystemExit) as end:
            app.main(list(words))
        printed = capsys.readouterr()
        return int(end.value.code or 0), printed.out, printed.err

    return run


def accepted(warehouse: Path) -> int:
    return int(ask(warehouse, "SELECT COUNT(*) FROM routing_feedback")[0][0])


def test_it_refuses_off_a_terminal_and_says_what_would_be_lost(call, warehouse: Path) -> None:  # type: ignore[no-untyped-def]
    code, out, err = call("migrate", "--revision", "base")
    assert code == 2 and accepted(warehouse) == 2
    rows = {tuple(line.split("│")[1:3]) for line in out.splitlines() if line.startswith("│")}
    assert ("routing_feedback", "2") in {(a.strip(), b.strip()) for a, b in rows}
    assert ("batch_run", "1") in {(a.strip(), b.strip()) for a, b in rows}
    assert err.startswith("Error: Going back to revision 'base' removes ") and len(err.splitlines()) == 1
    assert "routing_feedback 2" in err and "--yes" in err and "ack" in err


def test_the_command_as_a_job_starts_it_removes_nothing(warehouse: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "routing_etl", "migrate", "--revision", "base"], capture_output=True, text=True,
        stdin=subprocess.DEVNULL, cwd=tmp_path, env={"PATH": "", "ROUTING_ETL_HOME": str(tmp_path),
        "PYTHONPATH": str(Path(app.__file__).parents[2])}, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 2 and "--yes" in done.stderr and accepted(warehouse) == 2


def test_it_obeys_a_yes(call, warehouse: Path) -> None:  # type: ignore[no-untyped-def]
    code, out, _ = call("migrate", "--revision", "base", "--yes")
    assert code == 0 and "routing_feedback" in out and "at revision base" in out
    assert ask(warehouse, "SELECT COUNT(*) FROM sqlite_master WHERE name LIKE 'routing_%'") == [(0,)]


@pytest.mark.parametrize(("answer", "left"), [("base", 0), ("", 2), ("yes", 2)])
def test_on_a_terminal_a_person_types_the_revision(call, warehouse: Path, answer: str, left: int) -> None:  # type: ignore[no-untyped-def]
    code, _, err = call("migrate", "--revision", "base", answer=answer)
    if left:
        assert code == 2 and accepted(warehouse) == left and "--yes" in err
    else:
        assert code == 0
        assert ask(warehouse, "SELECT COUNT(*) FROM sqlite_master WHERE name = 'routing_feedback'") == [(0,)]


def test_a_step_back_loses_columns_and_tables_of_the_steps_between(warehouse: Path, tmp_path: Path) -> None:
    settings = home_settings(tmp_path)
    to_0003 = upkeep.removed_by_migration(settings, "0003")
    assert to_0003 is not None
    assert {
        Removal("candidate_operation.lot_exponent", 0),
        Removal("candidate_operation.lot_size", 0),
        Removal("publication.writer_reason", 0),
    } <= set(to_0003)
    to_0002 = upkeep.removed_by_migration(settings, "0002")
    assert to_0002 is not None
    stays = {r.what for r in to_0003 if not r.what.startswith("routing_feedback.")}
    assert {r.what for r in to_0002} == stays | {"routing_feedback", "routing_flat_table"}
    to_base = upkeep.removed_by_migration(settings, "base")
    tables = {n for (n,) in ask(warehouse, "SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert to_base is not None
    assert {r.what for r in to_base} == tables - {"schema_version", "sqlite_sequence"}
    with pytest.raises(ConfigurationError, match="--yes"):
        upkeep.migrate(settings, "0003")
    assert upkeep.migrate(settings, "0003", remove=True) == "0003"


def test_nothing_is_asked_where_nothing_can_be_lost(call, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    assert upkeep.removed_by_migration(home_settings(tmp_path), "base") is None, "there are no tables yet"
    assert call("migrate")[0] == 0
    assert call("migrate")[0] == 0
    assert call("migrate", "--revision", head_revision())[0] == 0, "it is there already"
    code, out, _ = call("migrate", "--revision", "base", "--sql")
    assert code == 0 and "DROP TABLE" in out
    code, out, _ = call("migrate", "--sql", "--from", "0003", "--to", "0004")
    assert code == 0 and "lot_size" in out and "CREATE TABLE" not in out
    code, out, err = call("migrate", "--from", "0003")
    assert code == 2 and "--from 0003 is for --sql only" in err


@pytest.mark.parametrize("dialect", ["mssql", "postgresql", "sqlite"])
def test_what_a_step_back_drops_is_found_in_the_statements_of_each_dialect(dialect: str) -> None:
    from routing_etl.warehouse.migrate import dropped_by

    found = dropped_by(dialect, "plan", "0004", "base")
    assert "routing_feedback" in found and "model_version" in found and "schema_version" not in found
    assert "candidate_operation.lot_size" not in found, "its whole table goes"
    assert dropped_by(dialect, "plan", "0004", "0003") == [
        "candidate_operation.lot_exponent", "candidate_operation.lot_size",
    ]  # fmt: skip
