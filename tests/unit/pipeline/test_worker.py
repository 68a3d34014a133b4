"""Work in a process beside: its result, bars, log lines and errors arrive, and it never outlives its step."""

from __future__ import annotations

import functools
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

import psutil
import pytest
import worker_jobs

from routing_etl import log
from routing_etl.errors import ModelError, ProfileError, WorkerError
from routing_etl.pipeline import worker as worker_module
from routing_etl.pipeline.worker import Worker, prepare
from routing_etl.progress import SILENT, Progress

pytestmark = pytest.mark.unit


class Said:
    """A progress that writes down what it is told."""

    def __init__(self) -> None:
        self.lines: list[tuple[Any, ...]] = []

    def task(self, description: str, total: float | None = None) -> Said:
        self.lines.append(("task", description, total))
        return self

    def advance(self, n: float = 1) -> None:
        self.lines.append(("advance", n))

    def describe(self, text: str) -> None:
        self.lines.append(("describe", text))

    def __enter__(self) -> Said:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.lines.append(("end", exc_type is None))


def worker(function: Callable[[Progress], Any], progress: Progress = SILENT) -> Worker[Any]:
    return Worker(function, progress, what="the count", run_id="run_7")


def test_result_bars_and_log_lines_arrive(tmp_path: Path) -> None:
    said = Said()
    log.configure(tmp_path)
    try:
        with worker(functools.partial(worker_jobs.counted, 3), said) as beside:
            pid, n = beside.result()
    finally:
        log.configure(None, "WARNING")
    assert n == 3 and pid != os.getpid()
    assert said.lines == [
        ("task", "counting", 3), ("advance", 1), ("advance", 1), ("advance", 1), ("describe", "counted"), ("end", True),
    ]  # fmt: skip
    (line,) = (tmp_path / "routing_etl.log").read_text(encoding="utf-8").splitlines()
    logged = json.loads(line)
    assert (logged["event"], logged["n"], logged["run_id"]) == ("counted", 3, "run_7")
    assert beside.peak_memory_mb > 1


def test_an_error_of_the_product_arrives_as_itself() -> None:
    said = Said()
    with pytest.raises(ProfileError) as caught, worker(worker_jobs.refused, said) as beside:
        beside.result()
    assert str(caught.value) == "Profile bi.toml: frames.items = 7: no table. Write a name."
    assert caught.value.remedy == "Write a name."
    assert said.lines[-1] == ("end", False), "its bar is not shown as full"


def test_any_other_error_names_its_class_and_text(tmp_path: Path) -> None:
    log.configure(tmp_path)
    try:
        with (
            pytest.raises(WorkerError, match="the count failed with ZeroDivisionError: seven by nothing"),
            worker(worker_jobs.broken) as beside,
        ):
            beside.result()
    finally:
        log.configure(None, "WARNING")
    assert "in broken" in (tmp_path / "routing_etl.log").read_text(encoding="utf-8"), (
        "the trace is in the log"
    )


@pytest.mark.skipif(os.name != "posix", reason="Windows has no SIGKILL")
def test_a_process_that_dies_is_an_error_with_a_remedy() -> None:
    with (
        pytest.raises(WorkerError, match=r"exit code -9.*ROUTING_ETL_SIDE_BY_SIDE_ITEMS=0"),
        worker(worker_jobs.killed) as beside,
    ):
        beside.result()


def test_it_ends_with_a_step_that_fails(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    with pytest.raises(ModelError), worker(functools.partial(worker_jobs.endless, str(note))):
        deadline = time.monotonic() + 60
        while not note.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        raise ModelError("The fit failed.")
    pid = int(note.read_text(encoding="utf-8"))
    assert not psutil.pid_exists(pid)


def test_a_process_prepared_before_is_the_one_that_works() -> None:
    prepare("worker_jobs")
    ((process, _),) = worker_module._spare
    number = process.pid
    with worker(functools.partial(worker_jobs.counted, 2)) as beside:
        assert beside.result() == (number, 2)
    assert worker_module._spare == []


def test_a_prepared_process_that_died_is_an_error() -> None:
    prepare("no_such_module_anywhere")
    ((process, _),) = worker_module._spare
    process.join()
    with (
        pytest.raises(WorkerError, match="exit code 1"),
        worker(functools.partial(worker_jobs.counted, 2)) as beside,
    ):
        beside.result()


def test_a_process_that_hangs_is_ended_with_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_module, "_LOOK_SECONDS", 0.05)
    # While it starts and imports it uses the processor, so that looks in a row are what it does when it waits.
    with (
        pytest.raises(WorkerError, match=r"the count hung.*ROUTING_ETL_SIDE_BY_SIDE_ITEMS=0"),
        worker(worker_jobs.hanging) as beside,
    ):
        number = beside._process.pid
        beside.result()
    assert number is not None and not psutil.pid_exists(number)


def test_a_process_that_is_slow_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_module, "_LOOK_SECONDS", 0.05)
    monkeypatch.setattr(worker_module, "_IDLE_SECONDS", -1.0)  # every look finds that it has worked
    monkeypatch.setattr(worker_module, "_SILENT_LOOKS", 1)
    with worker(functools.partial(worker_jobs.counted, 2)) as beside:
        assert beside.result()[1] == 2
