"""A piece of a step in a process of its own, beside the step itself; its progress bars and log lines appear in ours."""

from __future__ import annotations

import importlib
import itertools
import logging
import multiprocessing
import signal
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from types import TracebackType
from typing import Any, Generic, TypeVar

import psutil

from routing_etl import errors
from routing_etl.errors import RoutingEtlError, WorkerError
from routing_etl.log import bind_run, get_logger, send_to
from routing_etl.pipeline.memory import peak_memory_mb
from routing_etl.progress import Progress, Task
from routing_etl.shortages import own_errors

T = TypeVar("T")
log = get_logger(__name__)

#: A process beside is looked at every so many seconds. One that at so many looks in a row has used no more than so much
#: processor time and said nothing hangs: a library's threads wait for one that could not be started or was refused memory.
#: Work that is only slow, on a busy machine or disk, uses some. Looks are counted, because a clock jumps over a suspension.
_LOOK_SECONDS, _SILENT_LOOKS, _IDLE_SECONDS = 60.0, 15, 0.05
#: Seconds that a process may take to end after it has answered.
_ENDING_SECONDS = 60.0


class _RemoteTask:
    """A task whose bar is drawn by the process at the other end."""

    def __init__(self, send: Callable[..., None], number: int, description: str, total: float | None) -> None:
        self._send, self._number = send, number
        self._begin = (description, total)

    def advance(self, n: float = 1) -> None:
        self._send("advance", self._number, n)

    def describe(self, text: str) -> None:
        self._send("describe", self._number, text)

    def __enter__(self) -> _RemoteTask:
        self._send("begin", self._number, *self._begin)
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        self._send("end", self._number, exc is None)


class _RemoteProgress:
    def __init__(self, send: Callable[..., None]) -> None:
        self._send, self._numbers = send, itertools.count()

    def task(self, description: str, total: float | None = None) -> Task:
        return _RemoteTask(self._send, next(self._numbers), description, total)


class _RemoteHandler(logging.Handler):
    """Hands finished log lines to the process at the other end, so that one process alone writes the file."""

    def __init__(self, send: Callable[..., None]) -> None:
        super().__init__()
        self._send = send

    def emit(self, record: logging.LogRecord) -> None:
        self._send("log", record.name, record.levelno, self.format(record))


def _serve(connection: Connection, modules: tuple[str, ...]) -> None:
    """Body of the process: import, wait for the work, do it."""
    try:
        for name in modules:
            importlib.import_module(name)
        _work(connection, *connection.recv())
    except (KeyboardInterrupt, EOFError):
        # The interrupt reached the parent as well, which reports it; and without a parent there is nobody to tell.
        return


def _work(connection: Connection, function: Callable[[Progress], Any], run_id: str, level: int) -> None:
    """Call, relay, and send the result or the error at the end."""
    lock = threading.Lock()

    def send(*message: Any) -> None:
        with lock:
            connection.send(message)

    send_to(_RemoteHandler(send), level)
    bind_run(run_id)
    try:
        with own_errors("in a process beside the step", lower="ROUTING_ETL_SIDE_BY_SIDE_ITEMS=0"):
            result = function(_RemoteProgress(send))
    except RoutingEtlError as exc:
        send("failed", type(exc).__name__, exc.message, exc.remedy)
    except Exception as exc:
        log.exception("worker_failed")
        send("failed", type(exc).__name__, str(exc), "The log has the full trace.")
    else:
        send("result", result, peak_memory_mb())


def _start(modules: tuple[str, ...] = ()) -> tuple[SpawnProcess, Connection]:
    # A fresh interpreter: a fork of a process with running threads may hang for ever.
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, modules), daemon=True, name="worker")
    process.start()
    theirs.close()
    return process, ours


def _end_of(code: int | None) -> str:
    """How a process ended that has sent nothing."""
    if code is not None and code < 0:
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = f"signal {-code}"
        return f"was killed ({name}, exit code {code}) and left no result"
    return f"ended without a result (exit code {code})"


_spare: list[tuple[SpawnProcess, Connection]] = []


def prepare(*modules: str) -> None:
    """Start the process of the next `Worker` now, so that it has imported these modules when there is work for it."""
    _spare.append(_start(modules))


class Worker(Generic[T]):
    """Runs `function(progress)` in a new process from `__enter__` on; `result` waits for it.

    Leaving the block by an error ends the process at once, so that nothing goes on behind a step that failed.

    Parameters
    ----------
    function : callable
        Takes a `Progress`; it and what it returns must be picklable.
    progress : Progress
        Shows the tasks of the other process.
    what : str
        Name of the work in error messages.
    run_id : str
        Put on the log lines of the other process.
    """

    def __init__(
        self, function: Callable[[Progress], T], progress: Progress, *, what: str, run_id: str
    ) -> None:
        self._function, self._progress, self._what, self._run_id = function, progress, what, run_id
        self._tasks: dict[int, Task] = {}
        self._answer: tuple[Any, ...] | None = None
        self._spoke = False
        #: Highest resident memory of the process in MB, known after `result`.
        self.peak_memory_mb = 0.0

    def __enter__(self) -> Worker[T]:
        self._process, self._connection = _spare.pop() if _spare else _start()
        level = logging.getLogger("routing_etl").level
        try:
            self._connection.send((self._function, self._run_id, level))
        except BrokenPipeError:
            log.error("worker_died_before_its_work", what=self._what)  # and `result` says so
        self._reader = threading.Thread(target=self._relay, name=f"progress of {self._what}", daemon=True)
        self._reader.start()
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        if exc is not None:
            self._process.kill()
        self._process.join(_ENDING_SECONDS)
        if self._process.is_alive():
            log.warning("worker_did_not_end", what=self._what, pid=self._process.pid)
            self._process.kill()
            self._process.join()
        self._reader.join()
        self._connection.close()
        self._process.close()

    def _relay(self) -> None:
        while True:
            try:
                kind, *rest = self._connection.recv()
            except (EOFError, OSError):
                return
            self._spoke = True
            if kind in ("result", "failed"):
                self._answer = (kind, *rest)
            elif kind == "log":
                name, level, line = rest
                logging.getLogger(name).handle(logging.LogRecord(name, level, "", 0, "%s", (line,), None))
            elif kind == "begin":
                number, description, total = rest
                self._tasks[number] = self._progress.task(description, total).__enter__()
            elif kind == "end":
                number, well = rest
                error = None if well else WorkerError(f"{self._what} failed.", remedy="See the error.")
                self._tasks.pop(number).__exit__(type(error) if error else None, error, None)
            else:
                number, value = rest
                getattr(self._tasks[number], kind)(value)

    def result(self) -> T:
        """What the function returned.

        Raises
        ------
        RoutingEtlError
            As raised by the function.
        WorkerError
            The function failed otherwise, or the process died, or it hung and was ended.
        """
        self._await_answer()
        if self._answer is None:
            self._process.join()
            raise WorkerError(
                f"The process for {self._what} {_end_of(self._process.exitcode)}.",
                remedy="Most often memory ran out: set ROUTING_ETL_SIDE_BY_SIDE_ITEMS=0 so that models are fitted one "
                "after the other.",
            )
        kind, *rest = self._answer
        if kind == "failed":
            name, message, remedy = rest
            own = getattr(errors, name, None)
            if own is None:
                raise WorkerError(f"{self._what} failed with {name}: {message}", remedy=remedy)
            error = own.__new__(own)
            RoutingEtlError.__init__(error, message, remedy=remedy)
            raise error
        value, self.peak_memory_mb = rest
        return value  # type: ignore[no-any-return]

    def _await_answer(self) -> None:
        """Wait until the process has answered or died, and end one that hangs."""
        silent, used = 0, self._processor_seconds()
        while silent < _SILENT_LOOKS:
            self._spoke = False
            self._reader.join(_LOOK_SECONDS)
            if not self._reader.is_alive():
                return
            now = self._processor_seconds()
            silent = 0 if self._spoke or now - used > _IDLE_SECONDS else silent + 1
            used = now
        self._process.kill()
        raise WorkerError(
            f"The process for {self._what} hung: it used no processor and said nothing for "
            f"{_SILENT_LOOKS * _LOOK_SECONDS / 60:.0f} minutes, and was ended.",
            remedy="Most often memory or threads ran out: set ROUTING_ETL_SIDE_BY_SIDE_ITEMS=0 so that models are fitted one "
            "after the other, or allow more memory.",
        )

    def _processor_seconds(self) -> float:
        """Processor time that the process has used; 0 when it is gone, which its end of the line tells."""
        try:
            times = psutil.Process(self._process.pid).cpu_times()
        except psutil.Error:
            return 0.0
        return float(times.user + times.system)
