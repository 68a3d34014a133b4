"""Nothing calls out: no telemetry and no update check, of ours or of any library. `test_dagster_server.py` asks Dagster."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from homes import ask
from network import QUIET, closed

pytestmark = [pytest.mark.integration, pytest.mark.slow]

#: What a night does by default, the variance between fits among it, only less often. So many items are not rehearsed anyway;
#: with the recipe of the home's champion no third model is fitted.
FEWER = {"ROUTING_ETL_TREES": "10", "ROUTING_ETL_REHEARSALS": "0", "ROUTING_ETL_VARIANCE_FITS": "2"}


def python(program: str, *, cwd: Path, log: Path, **variables: str) -> subprocess.CompletedProcess[bytes]:
    own = ("ROUTING_ETL_", *QUIET)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    return subprocess.run(
        [sys.executable, "-c", program], cwd=cwd, capture_output=True, timeout=600, check=False,
        env={**environment, **closed(log), **variables},
    )  # fmt: skip


def test_the_guard_notes_a_call_out_and_lets_this_machine_be_reached(tmp_path: Path) -> None:
    log = tmp_path / "network.log"
    program = (
        "import socket, subprocess, sys, urllib.request\n"
        "server = socket.create_server(('127.0.0.1', 0))\n"
        "socket.create_connection(server.getsockname())\n"
        "inner = 'import urllib.request; urllib.request.urlopen(\"http://192.0.2.1/\")'\n"
        "assert subprocess.run([sys.executable, '-c', inner], capture_output=True).returncode\n"
        "urllib.request.urlopen('https://telemetry.example.com/')\n"
    )
    assert python(program, cwd=tmp_path, log=log).returncode == 1
    noted = log.read_text(encoding="utf-8")
    assert "192.0.2.1" in noted and "telemetry.example.com" in noted and noted.count(" by [") == 2


def test_a_night_with_training_doctor_and_the_other_commands_reach_no_other_machine(home: Path) -> None:
    log = home / "network.log"
    item = ask(home / "warehouse.db", "SELECT item_cd FROM routing_predictions LIMIT 1")[0][0]
    commands = [["run", "--retrain"], ["doctor"], ["predict", item], ["models", "card"]]
    program = (
        "from routing_etl.cli.app import main\n"
        f"for words in {commands!r}:\n"
        "    try: main(words)\n"
        "    except SystemExit as end: assert not end.code, words\n"
    )
    done = python(program, cwd=home, log=log, ROUTING_ETL_HOME=str(home), **FEWER)
    assert log.read_text(encoding="utf-8") == ""
    assert done.returncode == 0, done.stderr.decode()[-2000:]
