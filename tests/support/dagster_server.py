"""A real `dagster dev` (webserver, daemon, code server) on a home, asked over GraphQL and looked at with Chromium."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from homes import NO_REHEARSAL

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS, RUN_SECONDS = 180, 300
JOBS = "/locations/__repository__@routing_etl/jobs"

LAUNCH = """
mutation Launch($location: String!, $job: String!, $config: RunConfigData) {
  launchRun(executionParams: {
    selector: {repositoryLocationName: $location, repositoryName: "__repository__", jobName: $job},
    runConfigData: $config
  }) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on RunConfigValidationInvalid { errors { message } }
    ... on PythonError { message }
  }
}
"""


def wait(ready: Callable[[], Any], seconds: float, what: str) -> Any:
    """The first value that is not None and not False."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = ready()
        if value is not None and value is not False:
            return value
        time.sleep(0.3)
    pytest.fail(f"{what}: not ready after {seconds:g} s")


class Server:
    """A running `dagster dev`."""

    def __init__(self, port: int, home: Path, instance: Path) -> None:
        self.home, self.instance = home, instance
        self.url = f"http://127.0.0.1:{port}"

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """The data of a GraphQL answer."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(f"{self.url}/graphql", body, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                answer = json.load(response)
        except urllib.error.HTTPError as exc:
            # So Dagster answers when it refuses a launch; what it says is in the body all the same.
            answer = json.load(exc)
        assert "errors" not in answer, answer["errors"]
        data: dict[str, Any] = answer["data"]
        return data

    def launch(self, job: str, config: dict[str, Any], location: str = "routing_etl") -> dict[str, Any]:
        """The answer to a launch."""
        answer: dict[str, Any] = self.ask(LAUNCH, location=location, job=job, config=config)["launchRun"]
        return answer

    def newest_run(self) -> str | None:
        """Id of the newest run."""
        runs = self.ask("{ runsOrError(limit: 1) { ... on Runs { results { runId } } } }")
        found = runs["runsOrError"]["results"]
        return found[0]["runId"] if found else None

    def run(self, run_id: str) -> dict[str, Any]:
        """Status, tags, begin and end of a run when it has ended."""
        query = "query R($id: ID!) { runOrError(runId: $id) { ... on Run { status tags { key value } startTime endTime } } }"

        def ended() -> dict[str, Any] | None:
            run: dict[str, Any] = self.ask(query, id=run_id)["runOrError"]
            return run if run["status"] in ("SUCCESS", "FAILURE", "CANCELED") else None

        run = wait(ended, RUN_SECONDS, f"run {run_id}")
        return {
            "status": run["status"],
            "tags": {t["key"]: t["value"] for t in run["tags"]},
            "worked": (run["startTime"], run["endTime"]),
        }


def quiet_time_zone() -> str:
    """A zone in which it is about noon now: neither the night at 02:00 nor the read window begins during the tests."""
    ahead = (12 - datetime.now(UTC).hour + 12) % 24 - 12
    return f"Etc/GMT{-ahead:+d}" if ahead else "Etc/GMT"


@contextmanager
def dagster_dev(
    home: Path,
    folder: Path,
    *,
    meanwhile: Callable[[], None] = lambda: None,
    workspace: Path = ROOT / "workspace.yaml",
    **environment: str,
) -> Iterator[Server]:
    """Start `dagster dev -w workspace.yaml` for a home, with the shipped dagster.yaml, and stop it at the end.

    `meanwhile` is called while it starts, e.g. to fill the home. `workspace` may name code servers that run already.
    """
    # In memory where there is such a folder: Dagster's SQLite waits for the disk after each of thousands of events.
    memory = Path("/dev/shm")
    dagster_home = Path(tempfile.mkdtemp(prefix="dagster_home_", dir=memory if memory.is_dir() else folder))
    shipped = (ROOT / "dagster_defs" / "dagster.yaml").read_text(encoding="utf-8")
    # A run leaves the queue at once and not after up to 5 seconds.
    hurried = f"{shipped}\nrun_queue:\n  dequeue_interval_seconds: 1\n"
    (dagster_home / "dagster.yaml").write_text(hurried, encoding="utf-8")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = folder / "dagster.log"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [
                sys.executable, "-m", "dagster", "dev", "-w", str(workspace), "-h", "127.0.0.1",
                "-p", str(port),
            ],
            cwd=folder, stdout=stream, stderr=subprocess.STDOUT, start_new_session=True,
            env={
                **os.environ, **NO_REHEARSAL, "DAGSTER_HOME": str(dagster_home), "ROUTING_ETL_HOME": str(home),
                "ROUTING_ETL_TIMEZONE": quiet_time_zone(), "PYTHONPATH": str(ROOT), **environment,
            },
        )  # fmt: skip
    server = Server(port, home, dagster_home)

    def answers() -> bool | None:
        if process.poll() is not None:
            pytest.fail(f"dagster dev ended: {log.read_text(encoding='utf-8')[-3000:]}")
        try:
            server.ask("{ version }")
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return None
        return True

    try:
        meanwhile()
        wait(answers, START_SECONDS, "dagster dev")
        yield server
    finally:
        os.killpg(process.pid, signal.SIGINT)
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(30)
        shutil.rmtree(dagster_home, ignore_errors=True)
