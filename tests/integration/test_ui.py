"""`routing-etl ui` itself: web server and daemon in processes of their own, and what a person then sees."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dagster_server import Server, wait
from deploy_servers import await_port, free_port

pytestmark = [
    pytest.mark.slow,
    pytest.mark.integration,
    pytest.mark.skipif(os.name != "posix", reason="a Ctrl-C reaches a group of processes on POSIX only"),
]
_ASKED = """{
  instance { daemonHealth { allDaemonStatuses { daemonType healthy } } }
  assetOrError(assetKey: {path: ["publication"]}) { ... on Asset { assetMaterializations(limit: 1) { timestamp } } }
}"""


@pytest.fixture
def started(home: Path, tmp_path: Path) -> Iterator[tuple[int, subprocess.Popen[bytes], Path]]:
    """Port, process and output of the command on a home with one night."""
    port, log = free_port(), tmp_path / "ui.log"
    variables = {k: v for k, v in os.environ.items() if k != "DAGSTER_HOME"}
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", "routing_etl", "ui", "--port", str(port)],
            cwd=tmp_path, stdout=stream, stderr=subprocess.STDOUT, start_new_session=True,
            env=variables | {"ROUTING_ETL_HOME": str(home)},
        )  # fmt: skip
    try:
        yield port, process, log
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(20)


def healthy(found: dict[str, Any]) -> bool:
    """Whether the daemons of schedules and sensors are at work."""
    statuses = found["instance"]["daemonHealth"]["allDaemonStatuses"]
    return {"SENSOR", "SCHEDULER"} <= {s["daemonType"] for s in statuses if s["healthy"]}


def test_one_command_starts_both_shows_the_night_and_stops_both(
    home: Path, started: tuple[int, subprocess.Popen[bytes], Path]
) -> None:
    port, process, log = started
    await_port(port, process, log, 300)
    server = Server(port, home, home / "dagster")

    def ready() -> dict[str, Any] | None:
        answer = server.ask(_ASKED)
        return answer if healthy(answer) else None

    found = wait(ready, 300, "the daemon of routing-etl ui")
    assert len(found["assetOrError"]["assetMaterializations"]) == 1
    with urllib.request.urlopen(f"{server.url}/assets", timeout=60) as page:
        assert page.status == 200 and "dagster" in page.read().decode().lower()
    said = log.read_text(errors="replace")
    assert "Nights that the UI now shows: run_" in said and f"{server.url}/assets" in said
    os.killpg(process.pid, signal.SIGINT)
    process.wait(90)
    with pytest.raises(OSError), socket.create_connection(("127.0.0.1", port), 1):
        pass
