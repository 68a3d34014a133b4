"""A machine at its limits: full disks, limits of the system, files that disappear, and Python without docstrings."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

import pytest
from homes import NO_REHEARSAL, ask, home_settings

from routing_etl import memory_limits
from routing_etl.doctor.examination import examine
from routing_etl.errors import DiskFullError, FrameError, RoutingEtlError, RunFolderError, ShortageError
from routing_etl.memory_limits import Limit
from routing_etl.pipeline import steps
from routing_etl.pipeline.context import Context
from routing_etl.pipeline.night import night
from routing_etl.progress import Task
from routing_etl.runs import list_runs, new_run

pytestmark = [pytest.mark.integration, pytest.mark.slow]
resource = pytest.importorskip("resource", reason="limits of POSIX systems")
ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def limited(kind: int, amount: int) -> Iterator[None]:
    """Lower a limit of this process for the block."""
    soft, hard = resource.getrlimit(kind)
    resource.setrlimit(kind, (amount, hard))
    try:
        yield
    finally:
        resource.setrlimit(kind, (soft, hard))


def command(*words: str, home: Path, output: Path | None = None, **environment: str) -> tuple[int, str]:
    """Exit code and standard error of the program on a home; standard output goes to a device."""
    with (output or Path(os.devnull)).open("wb") as stdout:
        done = subprocess.run(
            [sys.executable, *words], cwd=home, stdout=stdout, stderr=subprocess.PIPE, check=False, timeout=300,
            env={**os.environ, **NO_REHEARSAL, "ROUTING_ETL_HOME": str(home), "PYTHONPATH": str(ROOT), **environment},
        )  # fmt: skip
    return done.returncode, done.stderr.decode()


@pytest.mark.parametrize("blocks", [20, 60, 110])
def test_a_disk_that_fills_up_is_one_sentence_and_the_next_step_works(home: Path, blocks: int) -> None:
    """The limit on the size of a file fails the writing of Parquet files and of SQLite's, as a full disk does."""
    ctx = Context(home_settings(home), new_run(home))
    with limited(resource.RLIMIT_FSIZE, blocks * 1024), pytest.raises(DiskFullError, match="No space left"):
        steps.extract(ctx)
        steps.clean(ctx)
        steps.score(ctx)
    assert not list(ctx.run.path.rglob("*.tmp"))
    steps.extract(ctx)
    assert steps.clean(ctx).result.frames["items"].rows_kept


def test_too_little_memory_ends_a_night_before_the_work_or_is_warned_of(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the libraries do where memory runs out cannot be caught: Polars ends the process."""
    monkeypatch.setattr(memory_limits, "limits", lambda: [Limit(200 * 1024**2, "group")])
    with pytest.raises(ShortageError, match=r"container or service is 0\.2 GiB"):
        night(home_settings(home), run_id="short")
    assert not (home / "runs" / "short" / "raw").exists()
    query = "SELECT status, message FROM batch_run WHERE run_id = 'short'"
    ((status, message),) = ask(home / "warehouse.db", query)
    assert status == "failed" and "ROUTING_ETL_MEMORY_CHECK=warn" in message
    (found,) = [f for f in examine(home_settings(home)) if f.area == "memory"]
    assert found.level == "error" and "0.2 GiB" in found.message

    ctx = Context(home_settings(home, memory_check="warn"), new_run(home))
    steps.extract(ctx)
    assert "0.2 GiB" in steps.clean(ctx).result.warnings[-1]


class Removes:
    """A progress during whose task number `at` somebody removes the run folder."""

    def __init__(self, folder: Path, at: int) -> None:
        self._folder, self._left = folder, at

    def task(self, description: str, total: float | None = None) -> Task:
        self._left -= 1
        if self._left == 0:
            shutil.rmtree(self._folder)
        return self

    def advance(self, n: float = 1) -> None: ...

    def describe(self, text: str) -> None: ...

    def __enter__(self) -> Removes:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None: ...


@pytest.mark.parametrize(
    "step", [steps.extract, steps.clean, steps.check_source, steps.aggregate_times, steps.score]
)
def test_a_run_folder_that_disappears_is_named(home: Path, step: Callable[[Context], object]) -> None:
    (run,) = list_runs(home)
    with pytest.raises(RoutingEtlError, match=run.run_id) as error:
        step(Context(home_settings(home), run, Removes(run.path, 1)))
    assert isinstance(error.value, FrameError if step is steps.clean else RunFolderError)
    assert "routing-etl" in error.value.remedy


def test_a_night_whose_folder_was_removed_is_on_record_and_the_next_one_works(home: Path) -> None:
    runs = home / "runs"
    with pytest.raises(RoutingEtlError):
        night(home_settings(home), run_id="gone", progress=Removes(runs / "gone", 3))
    ((status, message),) = ask(
        home / "warehouse.db", "SELECT status, message FROM batch_run WHERE run_id = 'gone'"
    )
    assert status == "failed" and "gone" in message


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("words", [("models", "list"), ("--help",)])
def test_output_to_a_full_device_is_told_and_not_taken_for_the_database(
    finished_home: Path, words: tuple[str, ...]
) -> None:
    code, said = command("-m", "routing_etl", *words, home=finished_home, output=Path("/dev/full"))
    assert code == 7
    assert said.splitlines() == [
        "Error: The command did its work, but its output could not be written whole: No space left on device. Free space "
        "for it."
    ]


def test_without_docstrings_everything_imports_and_what_cannot_work_says_so(home: Path) -> None:
    every_module = (
        "import importlib, pkgutil, routing_etl\n"
        "for found in pkgutil.walk_packages(routing_etl.__path__, 'routing_etl.'):\n"
        "    if not found.name.endswith(('__main__', 'quality.suites')): importlib.import_module(found.name)\n"
        "from routing_etl.cli.app import main; main(['times'])\n"
    )
    code, said = command("-OO", "-c", every_module, home=home)
    assert code == 0 and "Error" not in said and "Traceback" not in said, said
    code, said = command("-OO", "-m", "routing_etl", "check", home=home)
    assert code == 2 and "-OO" in said and "Traceback" not in said
