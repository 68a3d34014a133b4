"""What Windows lacks or refuses, imitated on Linux: modules of POSIX, and replacing files that are open.

Nothing here has run on Windows itself; the lane `windows` of the workflow does that where it is run.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from homes import NO_REHEARSAL

pytestmark = [
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
