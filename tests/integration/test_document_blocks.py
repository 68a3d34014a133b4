"""Every command block of the documents is run, or named here with the reason why not."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import textwrap
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
    ("README.md", 'python3 -m venv .venv && .venv/bin/pip install -e ".[test]" && .venv/bin/pytest'):
        "its tests are these; the installation is that of the first block",
    ("README.md", "routing-etl load-adventureworks data/adventureworks --url sqlite:///adventureworks.db"):
        "tests/integration/test_adventureworks_night.py does, where the files are",
    ("CONTRIBUTING.md", 'python3 -m venv .venv && .venv/bin/pip install -e ".[dev]" -c .ci/constraints.txt'): INSTALLS,
    ("dagster_defs/README.md", "routing-etl ui"): "a server; tests/integration/test_ui.py starts it so, on another port, and stops it",
    ("dagster_defs/README.md", "mkdir -p .dagster && cp dagster_defs/dagster.yaml .dagster/"):
        "a server; tests/integration/test_dagster_server.py starts it so, on another port",
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


def _servers(text: str, home: Path) -> str:
    """The two files of the home instead of the two databases of a server."""
    (lines,) = re.findall(r"(routing-etl doctor .*)", text)
    return (
        f"export ROUTING_ETL_ERP_URL=sqlite:///{home / 'erp.db'}\n"
        f"export ROUTING_ETL_WAREHOUSE_URL=sqlite:///{home / 'warehouse.db'}\n{lines}"
    )


#: Blocks that are run, each with what is put in the place of a server, a folder or an item.
RUN: dict[tuple[str, str], tuple[Prepare, bool]] = {
    ("README.md", "export ROUTING_ETL_ERP_URL='mssql+pyodbc://etl_read:...@erp-db:1433/ERP'"): (_ten_minutes, True),
    ("docs/sql-server.md", "export ROUTING_ETL_ERP_SERVER=erp-db ROUTING_ETL_ERP_DATABASE=ERP"): (_servers, True),
    ("docs/scripting.md", "routing-etl status --json | python3 -c \"import json, sys; print(json.load(sys.stdin)['result']['ok'])\""):
        (_two_publications, True),
    ("docs/without-dagster.md", 'routing-etl status || echo "somebody must look"'): (_as_it_is, True),
    ("docs/targets.md", "routing-etl --target prod doctor"): (_targets, False),
    ("docs/installation.md", "export ROUTING_ETL_HOME=/srv/routing_etl"):
        (_installed, False),
}  # fmt: skip


FIRST = (
    "README.md",
    'python3 -m venv .venv && .venv/bin/pip install -e ".[ui]" && .venv/bin/routing-etl demo',
)
DDL = (
    "CONTRIBUTING.md",
    "for d in mssql sqlite postgresql; do routing-etl migrate --sql --dialect $d > sql/ddl/$d.sql; done",
)
NOX = ("CONTRIBUTING.md", "nox -s benchmarks -- accuracy --help")
#: Blocks that are run in a shell of their own, each by a test below.
IN_A_SHELL = (FIRST, DDL, NOX)


def test_every_block_is_run_or_has_its_reason() -> None:
    found = [block.name for block in blocks()]
    assert sorted(found) == sorted([*RUN, *IN_A_SHELL, *NOT_HERE])
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


def _in_a_shell(name: tuple[str, str], folder: Path, *, ours: Path = ROOT, **changes: str) -> str:
    """What a block prints that is run in a shell, with `routing-etl`, `python` and `nox` of this environment."""
    programs = folder.parent / "bin"
    programs.mkdir()
    for program, module in (("routing-etl", "-m routing_etl"), ("python", ""), ("nox", "-m nox")):
        script = programs / program
        script.write_text(f'#!/bin/sh\nexec {sys.executable} {module} "$@"\n', encoding="utf-8")
        script.chmod(0o755)
    [text] = [textwrap.dedent(block.text) for block in blocks() if block.name == name]
    for told, done in changes.items():
        assert told in text
        text = text.replace(told, done)
    paths = {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(ours)}
    ended = subprocess.run(
        ["sh", "-e", "-c", text], cwd=folder, env={**os.environ, **NO_REHEARSAL, **paths}, capture_output=True, text=True, check=False
    )  # fmt: skip
    assert not ended.returncode, ended.stderr[-2000:]
    return ended.stdout


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="blocks for a POSIX shell")
def test_the_block_that_renders_the_ddl_writes_what_is_in_the_repository(tmp_path: Path) -> None:
    work = tmp_path / "work"
    (work / "sql" / "ddl").mkdir(parents=True)
    for part in ("support", "golden"):
        shutil.copytree(ROOT / "tests" / part, work / "tests" / part)
    golden = Path("tests/golden/mssql_statements.sql")
    (work / golden).write_text("", encoding="utf-8")
    _in_a_shell(DDL, work)
    written = [golden, *(Path(f"sql/ddl/{name}.sql") for name in ("mssql", "sqlite", "postgresql"))]
    assert [file for file in written if (work / file).read_bytes() != (ROOT / file).read_bytes()] == []


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="blocks for a POSIX shell")
def test_the_block_that_calls_a_benchmark_tells_its_options(tmp_path: Path) -> None:
    pytest.importorskip("nox", reason="the extra dev is not installed")
    for part in ("noxfile.py", "pyproject.toml"):
        (tmp_path / "work").mkdir(exist_ok=True)
        shutil.copy(ROOT / part, tmp_path / "work" / part)
    (tmp_path / "work" / "tests").symlink_to(ROOT / "tests")
    assert "--items" in _in_a_shell(NOX, tmp_path / "work")


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="blocks for a POSIX shell")
def test_the_first_block_of_the_readme_leads_from_a_clone_to_a_published_demo(tmp_path: Path) -> None:
    """With the libraries of this environment in place of those of a registry, and a small plant."""
    work = tmp_path / "work"
    left_out = shutil.ignore_patterns(".*", "tests", "docs", "*.egg-info", "__pycache__")
    shutil.copytree(ROOT, work, ignore=left_out)
    libraries = sysconfig.get_path("purelib")
    program = "import sys; from routing_etl.cli.app import main; sys.exit(main())"
    _in_a_shell(
        FIRST, work, ours=work,
        **{
            '.venv/bin/pip install -e ".[ui]"':
                f"echo {libraries} > $(echo .venv/lib/python3*/site-packages)/libraries.pth"
                f" && printf '#!/bin/sh\\nexec \"$(dirname $0)/python\" -c \"{program}\" \"$@\"\\n' > .venv/bin/routing-etl"
                " && chmod +x .venv/bin/routing-etl",
            "routing-etl demo": "routing-etl demo --items 300",
        },
    )  # fmt: skip
    assert ask(work / ".routing_etl" / "warehouse.db", "SELECT COUNT(*) FROM routing_candidates")[0][0] > 0
