"""Every command block of the documents is run, or named here with the reason why not."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from blocks import Block, Shell, blocks
from homes import NO_REHEARSAL, ask, change
from sentences import ROOT

pytestmark = pytest.mark.integration
INSTALLS = "installs from a registry; `nox -s package` installs the wheel and runs it"
WINDOWS = "needs Windows; its commands and options are held against the code by tests/unit/test_sentences.py"
SERVER = "needs SQL Server; tests/mssql runs the same with one"
#: Blocks that are not run here, and why; a test that does instead is named.
NOT_HERE = {
    ("README.md", 'python3 -m venv .venv && .venv/bin/pip install -e ".[ui]" && .venv/bin/routing-etl demo'): INSTALLS,
    ("README.md", 'python3 -m venv .venv && .venv/bin/pip install -e ".[test]" && .venv/bin/pytest'): INSTALLS,
    ("README.md", "routing-etl load-adventureworks data/adventureworks --url sqlite:///adventureworks.db"):
        "tests/integration/test_adventureworks_night.py does, where the files are",
    ("CONTRIBUTING.md", 'python3 -m venv .venv && .venv/bin/pip install -e ".[dev]" -c .ci/constraints.txt'): INSTALLS,
    ("CONTRIBUTING.md", "nox -s benchmarks -- accuracy --help"): "tests/unit/test_benchmarks.py reads each benchmark's options",
    ("CONTRIBUTING.md", "for d in mssql sqlite postgresql; do routing-etl migrate --sql --dialect $d > sql/ddl/$d.sql; done"):
        "writes into the checkout; tests/unit/warehouse/test_warehouse_sql_folder.py compares what it would write",
    ("dagster_defs/README.md", "routing-etl ui"): "a server; tests/integration/test_dagster_told.py prepares the same instance",
    ("dagster_defs/README.md", "mkdir -p .dagster && cp dagster_defs/dagster.yaml .dagster/"):
        "a server; tests/integration/test_dagster_server.py starts it so",
    ("docs/sql-server.md", "export ROUTING_ETL_ERP_SERVER=erp-db ROUTING_ETL_ERP_DATABASE=ERP"): SERVER,
    ("docs/sql-server.md", "ROUTING_ETL_TEST_MSSQL_URL='mssql+pyodbc://user:pw@127.0.0.1:1433/db?TrustServerCertificate=yes' pytest "
     "-n0 tests/mssql"): SERVER,
    ("docs/installation.md", "sudo apt-get install -y python3-venv unixodbc"): INSTALLS,
    ("docs/installation.md", r"py -3.11 -m venv C:\routing_etl\.venv"): WINDOWS,
    ("docs/installation.md", r"$run = New-ScheduledTaskAction -Execute C:\routing_etl\.venv\Scripts\routing-etl.exe -Argument run "
     r"-WorkingDirectory C:\routing_etl"): WINDOWS,
    ("docs/installation.md", 'python3 -m pip wheel ".[ui,odbc]" -c .ci/constraints.txt --wheel-dir wheels'): INSTALLS,
    ("docs/installation.md", "docker build -f dagster_defs/deploy/Dockerfile -t routing_etl:latest ."): "needs a container tool",
}  # fmt: skip
Prepare = Callable[[str, Path], str]


def _ten_minutes(text: str, home: Path) -> str:
    """A file instead of the server; whoever settles the marks writes what the shipped profile says."""
    Path("settled.toml").write_text('name = "bi_views"\nextends = "bi_views"\n', encoding="utf-8")
    [[item]] = ask(home / "warehouse.db", "SELECT item_cd FROM routing_candidates LIMIT 1")
    text = re.sub(r"'mssql\+pyodbc://[^']*'", f"sqlite:///{home / 'erp.db'}", text)
    return text.replace("PROFILE=plant.toml", "PROFILE=settled.toml").replace("ITEM_CD", f"'{item}'")


def _targets(text: str, home: Path) -> str:
    """The file of that page, with the finished home as production."""
    [toml] = re.findall(
        r"^```toml\n(.*?)^```", (ROOT / "docs" / "targets.md").read_text(encoding="utf-8"), re.M | re.S
    )
    toml = toml.replace('"/srv/routing_etl"', f'"{home.as_posix()}"').replace('profile = "plant.toml"\n', "")
    toml = re.sub(
        r'erp_server.*erp_password_file = "[^"]*"',
        f'erp_url = "sqlite:///{(home / "erp.db").as_posix()}"',
        toml,
        flags=re.S,
    )
    Path(".routing_etl").mkdir(mode=0o755)
    Path(".routing_etl/routing_etl.toml").write_text(toml, encoding="utf-8")
    Path(".routing_etl/routing_etl.toml").chmod(0o644)
    return text


def _as_it_is(text: str, _: Path) -> str:
    return text


def _two_publications(text: str, home: Path) -> str:
    """A second night that published the same."""
    database = home / "warehouse.db"
    names = [row[1] for row in ask(database, "PRAGMA table_info(publication)") if row[1] != "id"]
    columns = ", ".join(names)
    change(
        database,
        f"INSERT INTO publication (id, {columns}) SELECT id + 1, {columns} FROM publication",
        "UPDATE current_publication SET publication_id = publication_id + 1",
    )
    return text


def _installed(text: str, home: Path) -> str:
    """An ERP where the block names one."""
    shutil.copy(home / "erp.db", "erp.db")
    return text.replace("/srv/routing_etl", (home.parent / "new").as_posix())


#: Blocks that are run, each with what is put in the place of a server, a folder or an item.
RUN: dict[tuple[str, str], tuple[Prepare, bool]] = {
    ("README.md", "export ROUTING_ETL_ERP_URL='mssql+pyodbc://etl_read:...@erp-db:1433/ERP'"): (_ten_minutes, True),
    ("docs/scripting.md", "routing-etl status --json | python3 -c \"import json, sys; print(json.load(sys.stdin)['result']['ok'])\""):
        (_two_publications, True),
    ("docs/without-dagster.md", 'routing-etl status || echo "somebody must look"'): (_as_it_is, True),
    ("docs/targets.md", "routing-etl --target prod doctor"): (_targets, False),
    ("docs/installation.md", "export ROUTING_ETL_HOME=/srv/routing_etl"):
        (_installed, False),
}  # fmt: skip


def test_every_block_is_run_or_has_its_reason() -> None:
    found = [block.name for block in blocks()]
    assert sorted(found) == sorted([*RUN, *NOT_HERE])
    for reason in NOT_HERE.values():
        named = re.findall(r"tests/[\w/.]+", reason)
        assert all((ROOT / path.rstrip(".")).exists() for path in named), reason


@pytest.mark.slow
@pytest.mark.parametrize(
    "block", [b for b in blocks() if b.name in RUN], ids=lambda b: f"{b.document}: {b.name[1][:40]}"
)
def test_a_block_runs_as_it_stands(
    block: Block,
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    prepare, in_home = RUN[block.name]
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    for name, value in NO_REHEARSAL.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("ROUTING_ETL_TARGET", "")  # is put back after the block
    if in_home:
        monkeypatch.setenv("ROUTING_ETL_HOME", str(home))
    opened: list[str] = []
    monkeypatch.setattr("typer.launch", opened.append)
    shell = Shell(monkeypatch, capsys)
    shell.run(prepare(block.text, home))
    if "--open" in block.text:
        assert len(opened) == 1 and Path("plant.toml").read_text(encoding="utf-8").startswith("# ")
    if "changed.csv" in block.text:
        assert shell.out[1].strip() == "True"
        assert Path("changed.csv").is_file()
        assert json.loads(shell.out[-1])["command"] == "models list"
