"""The JSON of every command that a finished night can be asked with, held against its schema; status and first files."""

from __future__ import annotations

import json
import os
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from homes import NO_REHEARSAL, ask, change, home_settings

from routing_etl.cli import app
from routing_etl.cli.output import RESULTS, as_json_text, schema_of
from routing_etl.cli.shown import ReadShown, night_of
from routing_etl.pipeline import street
from routing_etl.pipeline.status import FILE, REPORT, status
from routing_etl.runs import list_runs

pytestmark = pytest.mark.integration
#: Commands that are shown elsewhere to give what their steps return, and take long or change a plant here.
ELSEWHERE = {"demo", "plant", "run", "train", "evaluate", "adopt-time", "profile suggest", "extract"}


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    for name, value in NO_REHEARSAL.items():
        monkeypatch.setenv(name, value)

    def run(home: Path, *words: str) -> tuple[int, str]:
        monkeypatch.setenv("ROUTING_ETL_HOME", str(home))
        with pytest.raises(SystemExit) as end:
            app.main(list(words))
        return int(end.value.code or 0), capsys.readouterr().out

    return run


@pytest.mark.slow
def test_every_command_gives_json_of_its_schema(call, home: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    [[item, candidate]] = ask(
        home / "warehouse.db",
        "SELECT item_cd, candidate_id FROM routing_candidates WHERE candidate_rank = 1 ORDER BY confidence DESC LIMIT 1",
    )
    words = {
        "status": ["status"], "report": ["report"], "drill": ["drill"], "doctor": ["doctor"], "settings": ["settings"], "models list": ["models", "list"],
        "models show": ["models", "show", "champion"], "models card": ["models", "card"],
        "models verify": ["models", "verify"], "models diff": ["models", "diff", "champion"],
        "models pin": ["models", "pin", "--why", "a test"], "models unpin": ["models", "unpin", "--why", "a test"],
        "models prune": ["models", "prune"], "publications list": ["publications", "list"],
        "predict": ["predict", item], "adopt": ["adopt", item, candidate, "--user", "kim"], "check": ["check"],
        "undo": ["undo", item, "--user", "kim"], "reject": ["reject", item, "--reason", "other", "--user", "kim"],
        "times": ["times"], "standards": ["standards", "--top", "3"], "health": ["health"],
        "sql render": ["sql", "render"], "sql list": ["sql", "list"], "sql show": ["sql", "show", "nights"], "migrate": ["migrate"], "score": ["score"], "publish": ["publish"],
        "publications export": ["publications", "export", "--out", str(tmp_path / "files")],
        "worklist": ["worklist"], "init": ["init", "--home", str(tmp_path / "new")],
    }  # fmt: skip
    with_two = {"publications diff", "publications rollback", "models promote", "models rollback"}
    assert set(words) | with_two | {"alerts"} | ELSEWHERE == set(RESULTS)
    code, out = call(home, "alerts", "--json")
    jsonschema.validate(json.loads(out), schema_of("alerts"))
    assert code == (5 if json.loads(out)["result"] else 0)
    for command, arguments in words.items():
        code, out = call(home, *arguments, "--json")
        assert code == 0, (command, out)
        jsonschema.validate(json.loads(out), schema_of(command))
    assert call(home, "models", "list", "-q") == (0, "")
    code, table = call(home, "publications", "list", "--csv")
    assert code == 0 and table.splitlines()[0].startswith("id,state,current")
    assert call(home, "status", "--json", "--quiet")[0] == 2


def test_versions_have_the_decisions_about_them(home: Path, call) -> None:  # type: ignore[no-untyped-def]
    """As the database has them; where it cannot be read the versions are listed, and why their decisions are not."""
    [[version]] = ask(home / "warehouse.db", "SELECT version FROM model_version WHERE status = 'active'")
    assert call(home, "models", "pin", "--why", "audit week", "--user", "olga", "-q")[0] == 0
    columns = "decision, decided_by, decided_via, reason, champion, items_trained"
    recorded = ask(
        home / "warehouse.db",
        f"SELECT {columns} FROM model_decision WHERE model_version = ? ORDER BY id DESC",
        version,
    )
    figures = ask(home / "warehouse.db", "SELECT COUNT(*) FROM model_decision_metric")[0][0]

    def told(*words: str) -> dict[str, Any]:
        code, out = call(home, *words, "--json")
        assert code == 0, out
        result = json.loads(out)["result"]
        found: dict[str, Any] = (result[0] if isinstance(result, list) else result)["decisions"]
        return found

    for words in (("list",), ("show", "champion"), ("diff", "champion")):
        found = told("models", *words)
        assert [
            (d["decision"], d["by"], d["via"], d["reason"], d["champion"], d["items_trained"])
            for d in found["on_record"]
        ] == recorded
        assert recorded[0][:4] == ("pinned", "olga", "cli", "audit week") and found["pinned"] == version
        assert sum(len(d["figures"]) for d in found["on_record"]) == figures
    (home / "warehouse.db").unlink()
    lost = told("models", "list")
    assert lost["on_record"] is None and "migrate" in lost["problem"]


def test_a_night_leaves_its_status_for_monitors(home: Path) -> None:
    left = REPORT.from_text((home / FILE).read_text(encoding="utf-8"))
    assert left.ok and left.publication is not None and left.model is not None
    assert left.last_run == left.last_success is not None and left.last_run is not None
    assert left.model.due_at - left.model.trained_at == timedelta(days=30)


def test_status_says_what_is_wrong_and_ends_with_five(call, home: Path) -> None:  # type: ignore[no-untyped-def]
    late = datetime.now(UTC) + timedelta(hours=40)
    [old] = status(home_settings(home), late).problems
    assert "hours ago" in old and "ROUTING_ETL_STATUS_HOURS" in old
    change(
        home / "warehouse.db",
        "INSERT INTO batch_run (run_id, kind, started_at, status, message) "
        "VALUES ('r9', 'nightly', '2099-01-01 00:00:00.000000', 'failed', 'the ERP is away')",
    )
    code, out = call(home, "status")
    assert code == 5 and "r9 failed: the ERP is away" in " ".join(out.split())


def test_an_empty_installation_has_a_status_too(tmp_path: Path, call) -> None:  # type: ignore[no-untyped-def]
    assert call(tmp_path, "migrate", "-q") == (0, "")
    code, out = call(tmp_path, "status")
    assert code == 5 and "Nothing has run yet. Run: routing-etl run" in out


def test_init_writes_what_works_and_overwrites_nothing(call, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    home = tmp_path / "plant home"
    words = (
        "init",
        "--home",
        str(home),
        "--erp-url",
        "sqlite:///a_b.db",
        "--name",
        "seal_works",
        "--plant",
        "company_code=2000",
    )
    assert call(home, *words)[0] == 0
    assert {p.name for p in home.iterdir()} >= {".env", "seal_works.toml", "workspace.yaml"}
    if os.name == "posix":
        assert stat.S_IMODE((home / ".env").stat().st_mode) == 0o600
    code, out = call(home, "settings", "--json")
    values = {row["variable"]: row["value"] for row in json.loads(out)["result"]}
    assert code == 0 and values["ROUTING_ETL_PROFILE"] == str(home / "seal_works.toml")
    assert values["ROUTING_ETL_ERP_URL"] == "sqlite:///a_b.db"
    assert values["ROUTING_ETL_COMPANY_CODE"] == "2000"
    for wrong in ("colour=red", "timezone=Mars", "plant_code"):
        assert call(home, "init", "--home", str(tmp_path / "none"), "--plant", wrong)[0] == 2
    before = {p.name: p.read_bytes() for p in home.iterdir() if p.is_file()}
    code, out = call(home, *words[:3], "--erp-url", "sqlite:///other.db", "--name", "seal_works")
    assert code == 0 and out.count("stays as it was") == 3
    assert {p.name: p.read_bytes() for p in home.iterdir() if p.is_file()} == before
    assert call(home, "init", "--home", str(home), "--profile", "nonsense")[0] == 2


def test_what_the_long_commands_give_fits_its_schema_too(home: Path) -> None:
    [run] = list_runs(home)

    def result(row: street.Step[Any]) -> Any:
        found = run.read(row.report)
        assert found is not None
        return found.result

    given = {
        "run": night_of(run),
        "demo": night_of(run),
        "train": result(street.TRAIN),
        "extract": ReadShown(run.run_id, str(run.path), result(street.EXTRACT), result(street.CLEAN)),
        "publish": result(street.PUBLISH),
    }
    for command, value in given.items():
        jsonschema.validate(json.loads(as_json_text(command, value)), schema_of(command))
    assert given["run"].published == result(street.PUBLISH) and given["run"].steps[-1].name == "write_sheets"
