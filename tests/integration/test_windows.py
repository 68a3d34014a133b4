"""What Windows lacks or refuses, imitated on Linux: modules of POSIX, and replacing files that are open.

Nothing here has run on Windows itself; the lane `windows` of the workflow does that where it is run.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from homes import NO_REHEARSAL, ask
from sentences import known_commands

pytestmark = [
    pytest.mark.slow,
    pytest.mark.integration,
    pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="the imitation needs Linux"),
]
ROOT = Path(__file__).resolve().parents[2]
LIKE_WINDOWS = ROOT / "tests" / "support" / "like_windows"


def python(*words: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run Python like on Windows, without the system's time zones too; it ends within ten minutes."""
    path = os.pathsep.join([str(LIKE_WINDOWS), str(ROOT), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        [sys.executable, *words], cwd=cwd, capture_output=True, text=True, timeout=600, check=False,
        env={**os.environ, **NO_REHEARSAL, "PYTHONPATH": path, "COLUMNS": "200", "PYTHONTZPATH": "", **variables},
    )  # fmt: skip


def test_the_imitation_refuses_what_windows_refuses(tmp_path: Path) -> None:
    program = (
        "import os, pathlib, shutil\n"
        "for name in ('resource', 'fcntl', 'pwd', 'grp', 'termios'):\n"
        "    try: __import__(name)\n"
        "    except ImportError: continue\n"
        "    raise SystemExit(f'{name} was imported')\n"
        "def refused(call, *args):\n"
        "    try: call(*args)\n"
        "    except (PermissionError, FileExistsError): return\n"
        "    raise SystemExit(f'{call} {args} was allowed')\n"
        "here = pathlib.Path('there'); here.mkdir(); file = here / 'file'; new = pathlib.Path('new'); new.touch()\n"
        "with file.open('w'):\n"
        "    refused(new.replace, file); refused(file.unlink); refused(here.rename, 'elsewhere')\n"
        "    refused(shutil.rmtree, here)\n"
        "refused(new.rename, file)\n"
        "new.replace(file); shutil.rmtree(here)\n"
    )
    done = python("-c", program, cwd=tmp_path)
    assert done.returncode == 0, done.stderr


def test_every_module_can_be_imported_without_those_of_posix(tmp_path: Path) -> None:
    modules = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for package in ("routing_etl", "dagster_defs")
        for path in sorted((ROOT / package).rglob("*.py"))
        if path.name != "__main__.py"
    ]
    assert len(modules) > 150
    program = f"import importlib\nfor name in {modules!r}: importlib.import_module(name)\n"
    done = python("-c", program, cwd=tmp_path, ROUTING_ETL_HOME=str(tmp_path / "home"))
    assert done.returncode == 0, done.stderr


#: Commands of the test below that run by themselves there, and those that nothing imitates here.
BY_THEMSELVES = {"demo", "run", "doctor", "migrate", "models verify"}
NOT_HERE = {
    "load-adventureworks": "needs Microsoft's files; it writes into a database as `plant` does",
    "ui": "starts Dagster's own processes, whose ways on Windows nothing here imitates",
    "train": "the night trains, in its own process and in one beside it",
    "evaluate": "the night's training evaluates by the same step",
    "adopt-time": "needs a proposed standard time, which so small a plant seldom has",
}


def every_other_command_runs(folder: Path, home: dict[str, str]) -> None:
    """Every other command in a home after two nights, in one process; a command without a call here fails."""
    [[item, candidate]] = ask(
        folder / "home" / "warehouse.db",
        "SELECT item_cd, candidate_id FROM routing_candidates WHERE candidate_rank = 1 ORDER BY 1 LIMIT 1",
    )
    erp, by = f"sqlite:///{(folder / 'home' / 'erp.db').as_posix()}", ["--user", "kim"]
    calls = {
        "plant": ["--items", "200", "--seed", "1", "--url", "sqlite:///other.db"], "extract": [], "check": [], "times": [],
        "standards": [], "health": ["--out", "health.html"], "score": [], "publish": [],
        "worklist": [], "predict": [item, "--html", "item.html"], "adopt": [item, candidate, *by, "--out", "a.xlsx"],
        "undo": [item, *by], "reject": [item, "--reason", "other", *by], "status": [], "init": ["--home", "new"],
        "json-schema": [], "settings": [], "metrics": ["--write"], "alerts": ["--tell"], "report": ["--out", "week.html"],
        "drill": [], "models list": [], "models show": ["champion"], "models diff": ["champion"], "models card": [],
        "models pin": ["--why", "a test"], "models unpin": ["--why", "a test"], "models prune": [],
        "models promote": ["champion", "--why", "a test"], "models rollback": ["--why", "a test"], "publications list": [],
        "publications diff": ["1", "--with", "1"], "publications export": ["--out", "files"], "publications rollback": [],
        "sql render": [], "sql list": [], "sql show": ["nights"], "profile suggest": ["--url", erp, "--out", "proposed.toml"],
    }  # fmt: skip
    leaves = {
        " ".join(words)
        for words, command in known_commands().items()
        if words and not hasattr(command, "commands")
    }
    assert set(calls) | BY_THEMSELVES | set(NOT_HERE) == leaves
    program = (
        "import json, sys, traceback\n"
        "from routing_etl.cli import app\n"
        "for name, words in json.loads(sys.argv[1]).items():\n"
        "    try: app.main([*name.split(), *words])\n"
        "    except SystemExit as end: print('ended', name, end.code or 0, file=sys.stderr)\n"
    )
    done = python("-c", program, json.dumps(calls), cwd=folder, **home)
    ended = dict(re.findall(r"^ended (.+) (\d+)$", done.stderr, re.MULTILINE))
    assert set(ended) == set(calls), done.stderr[-3000:]
    # One sentence with a remedy is as good as on Linux: there is one version and one publication, and alerts may be open.
    allowed = {"models rollback": "3", "publications rollback": "4", "alerts": "5", "status": "5"}
    wrong = {name: code for name, code in ended.items() if code not in ("0", allowed.get(name))}
    assert not wrong, (wrong, done.stderr[-3000:])
    assert "No module named" not in done.stderr and "Traceback" not in done.stderr


def test_a_night_and_the_commands_around_it_run_without_the_modules_of_posix(tmp_path: Path) -> None:
    """Under Windows' rules for open files too: a model is saved and promoted, runs are pruned."""
    home = {"ROUTING_ETL_HOME": str(tmp_path / "home"), "ROUTING_ETL_KEEP_RUNS": "1"}
    for words in (
        ["demo", "--items", "300", "--home", str(tmp_path / "home")],
        ["run"],
        ["doctor"],
        ["migrate"],
        ["models", "verify"],
    ):
        done = python("-m", "routing_etl", *words, cwd=tmp_path, **home)
        assert done.returncode == 0, (words, done.stdout[-2000:], done.stderr)
    assert len(list((tmp_path / "home" / "runs").iterdir())) == 1
    every_other_command_runs(tmp_path, home)
