"""`dagster dev` as a data engineer starts it: the real webserver, daemon and code server, and the night through them."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from homes import ask

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS, RUN_SECONDS = 180, 300

LAUNCH = """
mutation Launch($job: String!, $config: RunConfigData) {
  launchRun(executionParams: {
    selector: {repositoryLocationName: "routing_etl", repositoryName: "__repository__", jobName: $job},
    runConfigData: $config
  }) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on RunConfigValidationInvalid { errors { message } }
    ... on PythonError { message }
  }
}
"""

INSTIGATORS = """
{ workspaceOrError { ... on Workspace { locationEntries { name locationOrLoadError {
  __typename
  ... on PythonError { message }
  ... on RepositoryLocation { repositories {
      schedules { name scheduleState { status } futureTicks(limit: 1) { results { timestamp } } executionTimezone }
      sensors { name sensorState { status } }
      assetGroups { groupName }
  } }
} } } } }
"""


class Server:
    """A running `dagster dev`, asked over GraphQL."""

    def __init__(self, port: int) -> None:
        self.port = port

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/graphql", body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=60) as response:
            answer = json.load(response)
        assert "errors" not in answer, answer["errors"]
        data: dict[str, Any] = answer["data"]
        return data

    def run(self, job: str, config: dict[str, Any] | None = None) -> tuple[str, str]:
        """Launch a job, wait for its end; returns run id and status."""
        launched = self.ask(LAUNCH, job=job, config=config or {})["launchRun"]
        assert launched["__typename"] == "LaunchRunSuccess", launched
        run_id = launched["run"]["runId"]
        query = "query Status($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"
        ended = ("SUCCESS", "FAILURE", "CANCELED")
        return run_id, _wait(
            lambda: status if (status := self.ask(query, id=run_id)["runOrError"]["status"]) in ended else None,
            RUN_SECONDS, f"run {run_id} of {job}",
        )  # fmt: skip


def _wait(ready: Callable[[], Any], seconds: float, what: str) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if (value := ready()) is not None:
            return value
        time.sleep(0.5)
    pytest.fail(f"{what}: not ready after {seconds:g} s")


@pytest.fixture
def server(home: Path, tmp_path: Path) -> Iterator[Server]:
    dagster_home = tmp_path / "dagster_home"
    dagster_home.mkdir()
    shutil.copy(ROOT / "dagster_defs" / "dagster.yaml", dagster_home)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        **os.environ,
        "DAGSTER_HOME": str(dagster_home),
        "ROUTING_ETL_HOME": str(home),
        "PYTHONPATH": str(ROOT),
    }
    log = (tmp_path / "dagster.log").open("wb")
    process = subprocess.Popen(
        [sys.executable, "-m", "dagster", "dev", "-w", str(ROOT / "workspace.yaml"), "-h", "127.0.0.1", "-p", str(port)],
        cwd=tmp_path, env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip
    running = Server(port)

    def answers() -> bool | None:
        if process.poll() is not None:
            pytest.fail(
                f"dagster dev ended: {(tmp_path / 'dagster.log').read_text(encoding='utf-8')[-3000:]}"
            )
        try:
            running.ask("{ version }")
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return None
        return True

    try:
        _wait(answers, START_SECONDS, "dagster dev")
        yield running
    finally:
        os.killpg(process.pid, signal.SIGINT)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(30)
        log.close()


def test_the_night_from_the_webserver(server: Server, home: Path) -> None:
    [location] = server.ask(INSTIGATORS)["workspaceOrError"]["locationEntries"]
    assert location["name"] == "routing_etl"
    assert location["locationOrLoadError"]["__typename"] == "RepositoryLocation", location
    [repository] = location["locationOrLoadError"]["repositories"]
    assert {g["groupName"] for g in repository["assetGroups"]} == {
        "erp", "quality", "times", "model", "publish", "monitoring",
    }  # fmt: skip
    for schedule in repository["schedules"]:
        assert schedule["scheduleState"]["status"] == "RUNNING", schedule
        assert schedule["executionTimezone"] == "Asia/Seoul"
        assert schedule["futureTicks"]["results"][0]["timestamp"] > time.time()
    assert {s["sensorState"]["status"] for s in repository["sensors"]} == {"RUNNING"}

    run_id, status = server.run("nightly")
    assert status == "SUCCESS"
    recorded = ask(
        home / "warehouse.db", "SELECT kind, status FROM batch_run WHERE run_id = ?", f"dagster_{run_id}"
    )
    assert recorded == [("nightly", "succeeded")]

    wrong = server.ask(LAUNCH, job="train", config={"ops": {"train_model": {"config": {"dry_runn": True}}}})[
        "launchRun"
    ]
    assert wrong["__typename"] == "RunConfigValidationInvalid"
    assert "dry_runn" in wrong["errors"][0]["message"]

    failed_id, status = server.run("train", {"ops": {"train_model": {"config": {"max_items": 1}}}})
    assert status == "FAILURE"
    failures = home / "logs" / "failures.jsonl"
    lines = _wait(
        lambda: failures.read_text("utf-8").splitlines() if failures.is_file() else None, 120, "the sensor"
    )
    failure = json.loads(lines[-1])
    assert failure["run_id"] == failed_id
    assert "max_items" in failure["steps"]["train_model"] and "10" in failure["steps"]["train_model"]
