"""Nothing calls out: no telemetry and no update check, of ours or of any library, neither in Python nor below it.

`test_dagster_server.py` lets Python's guard watch a whole day of Dagster in a browser; here the kernel counts.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import sealed
from homes import ask
from network import QUIET, closed

pytestmark = [pytest.mark.integration, pytest.mark.slow]

#: What a night does by default, the variance between fits among it, only less often. So many items are not rehearsed anyway;
#: with the recipe of the home's champion no third model is fitted.
FEWER = {"ROUTING_ETL_TREES": "10", "ROUTING_ETL_REHEARSALS": "0", "ROUTING_ETL_VARIANCE_FITS": "2"}


def environment(log: Path, **variables: str) -> dict[str, str]:
    own = ("ROUTING_ETL_", *QUIET)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    return {**kept, **closed(log), **variables}


def python(program: str, *, cwd: Path, log: Path, **variables: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-c", program], cwd=cwd, capture_output=True, timeout=600, check=False,
        env=environment(log, **variables),
    )  # fmt: skip


def in_namespace(
    text: str, folder: Path, log: Path, **variables: str
) -> tuple[subprocess.CompletedProcess[bytes], int]:
    """Run a program where there is nothing but this machine; skips where a process may have no such place."""
    program = folder / "program.py"
    program.write_text(text, encoding="utf-8")
    try:
        return sealed.run(program, folder, environment(log, **variables))
    except sealed.NoNamespaceError as exc:
        pytest.skip(f"no network namespace: {exc}")


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


def test_the_kernel_counts_what_a_guard_in_python_cannot_see(tmp_path: Path) -> None:
    """A look-up of a name by a program in C, and a connection; reaching this machine by name and number counts for nothing."""
    log = tmp_path / "network.log"
    here = (
        "import socket\n"
        "server = socket.create_server(('127.0.0.1', 0))\n"
        "for name in ('127.0.0.1', 'localhost', socket.gethostname()):\n"
        "    socket.create_connection((name, server.getsockname()[1])).close()\n"
    )
    done, count = in_namespace(here, tmp_path, log)
    assert (done.returncode, count) == (0, 0), done.stderr
    for number, call in enumerate(
        ("['getent', 'ahosts', 'telemetry.example.com']", "['bash', '-c', '> /dev/tcp/192.0.2.1/80']")
    ):
        (tmp_path / str(number)).mkdir()
        done, count = in_namespace(f"import subprocess\nsubprocess.run({call})", tmp_path / str(number), log)
        assert done.returncode == 0 and count > 0, call
    assert log.read_text(encoding="utf-8") == ""


#: Web server, daemon, code server and the process of a run. `dagster_dev` waits until the server answers and the run has ended.
DAGSTER = """
import urllib.request
from pathlib import Path
from dagster_server import dagster_dev, wait

home = Path({home!r})
with dagster_dev(home, home.parent, PYTHONPATH={path!r}) as server:
    assert b"<html" in urllib.request.urlopen(server.url).read()
    healthy = "{{ instance {{ daemonHealth {{ allDaemonStatuses {{ required healthy }} }} }} }}"
    def daemons():
        return server.ask(healthy)["instance"]["daemonHealth"]["allDaemonStatuses"]
    wait(lambda: all(d["healthy"] for d in daemons() if d["required"]), 120, "the daemons")
    started = server.launch("weekly_report", {{}})
    assert server.run(started["run"]["runId"])["status"] == "SUCCESS"
    kept = server.instance / "logs"
    assert not kept.exists() or not list(kept.iterdir()), "nothing waits to be sent"
"""


def test_web_server_daemon_and_runs_of_dagster_look_for_no_other_machine(home: Path, tmp_path: Path) -> None:
    log = tmp_path / "network.log"
    path = closed(log)["PYTHONPATH"]
    done, count = in_namespace(DAGSTER.format(home=str(home), path=path), tmp_path, log)
    assert done.returncode == 0, done.stderr.decode()[-3000:]
    assert count == 0
    assert log.read_text(encoding="utf-8") == ""
