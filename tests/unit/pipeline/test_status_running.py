"""A run on record as running: is its process at work, gone, or not to be seen from here."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from rich.console import Console
from warehouse_predictions import warehouse

from routing_etl.cli.display.operation import status_lines
from routing_etl.pipeline.status import Status, status
from routing_etl.runs import lock_holder, run_lock
from routing_etl.warehouse.lock import process_identity
from routing_etl.warehouse.run_records import RunRecords


@pytest.fixture
def other() -> Iterator[subprocess.Popen[bytes]]:
    """A process that lives until it is killed."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process
    process.kill()
    process.wait()
    assert process.stdin is not None
    process.stdin.close()


def begun_by(home: Path, pid: int, host: str = "", **settings: Any) -> Any:
    """A warehouse with one run that a process has begun; a call asks for the status."""
    home.mkdir(exist_ok=True)
    publisher, made = warehouse(home / "warehouse.db", models=home / "models", **settings)
    records = RunRecords(publisher._engine, made)
    records.start_run("r1", "nightly")
    run = records.tables.batch_run
    who = {"host": host or socket.gethostname(), "pid": pid, "process": process_identity(pid)}
    with publisher._engine.begin() as connection:
        connection.execute(sa.update(run).values(metadata=json.dumps(who)))
    return lambda: status(made)


def killed(process: subprocess.Popen[bytes]) -> int:
    process.kill()
    process.wait()
    return process.pid


def how(found: Status) -> tuple[str | None, bool]:
    """What is said of the process, and whether the run is called dead."""
    assert found.last_run is not None
    return found.last_run.process, any("is gone" in problem for problem in found.problems)


def test_a_run_is_at_work_until_its_process_is_killed(
    tmp_path: Path, other: subprocess.Popen[bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    ask = begun_by(tmp_path, other.pid)
    assert how(ask()) == ("at work", False)
    killed(other)
    found = ask()
    assert how(found) == ("gone", True)
    assert found.problems[0] == (
        f"The last run r1 is on record as running, but its process {other.pid} on {socket.gethostname()} is gone: it was killed, or "
        "the machine was started anew. Readers see no publication, as before. Run again: routing-etl run (it closes the record of "
        "the dead run and removes what it left)."
    )
    status_lines(Console(width=200), found)
    shown = capsys.readouterr().out
    assert "running, but its process is gone" in shown and "Nothing is wrong" not in shown


def test_a_run_that_another_process_goes_on_with_is_at_work(
    tmp_path: Path, other: subprocess.Popen[bytes]
) -> None:
    """As Dagster does when it repeats a run from where it failed."""
    ask = begun_by(tmp_path, killed(other))
    with run_lock(tmp_path, "Dagster run x"):
        assert lock_holder(tmp_path) == os.getpid()
        assert how(ask()) == ("at work", False)
    assert lock_holder(tmp_path) is None
    assert how(ask()) == ("gone", True)
    (tmp_path / "run.lock.owner").write_text(
        f"night, process {other.pid}, since 2026-05-11 02:00:00 UTC", "utf-8"
    )
    assert how(ask()) == ("gone", True), "a killed process leaves its name behind"


def test_what_cannot_be_seen_is_not_called_dead(tmp_path: Path, other: subprocess.Popen[bytes]) -> None:
    assert how(begun_by(tmp_path / "far", killed(other), "another-host")()) == ("unseen", False)
    many = begun_by(tmp_path / "many", other.pid, shards=4, shard_runs="many")
    assert how(many()) == ("unseen", False), "a night of many runs has no process between two of them"
