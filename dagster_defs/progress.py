"""How far a long step is, in the run's log and as events with phase and percent: at the start, every tenth, at the end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import TracebackType

from . import not_public
from .contexts import StepContext

_PULSE_SECONDS = 30.0

#: Called with the text, the phase and the percent done (None when it is not known).
Say = Callable[[str, str, int | None], None]


class SayTask:
    """One long task. Without a total it reports what it has done so far every half minute."""

    def __init__(self, say: Say, description: str, total: float | None) -> None:
        self._say, self._text, self._total = say, description, total
        self._done = 0.0
        self._tenth = 0
        self._started = self._last = time.monotonic()
        self._lock = threading.Lock()

    def advance(self, n: float = 1) -> None:
        """Count `n` more units, from any thread; reports when another tenth is full."""
        with self._lock:
            self._done += n
            if self._total:
                tenth = min(int(10 * self._done / self._total), 10)
                if tenth > self._tenth and tenth < 10:
                    self._say(f"{self._text}: {10 * tenth} %", self._text, 10 * tenth)
                self._tenth = max(tenth, self._tenth)
            elif time.monotonic() - self._last >= _PULSE_SECONDS:
                self._last = time.monotonic()
                self._say(f"{self._text}: {self._done:,.0f} so far", self._text, None)

    def describe(self, text: str) -> None:
        """Another phase of the same task."""
        if text != self._text:
            self._text = text
            self._say(text, text, 10 * self._tenth if self._total else None)

    def __enter__(self) -> SayTask:
        self._say(f"{self._text}: started", self._text, 0)
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        if exc is None:
            seconds = time.monotonic() - self._started
            self._say(f"{self._text}: done in {seconds:.1f} s", self._text, 100)


class SayProgress:
    """A `routing_etl.progress.Progress` that tells a function."""

    def __init__(self, say: Say) -> None:
        self._say = say

    def task(self, description: str, total: float | None = None) -> SayTask:
        """A new task; see `SayTask`."""
        return SayTask(self._say, description, total)


def progress_of(context: StepContext) -> SayProgress:
    """Progress of one step as events of its run: they stand in the run's log, with phase and percent as metadata.

    Parameters
    ----------
    context : StepContext
        Of the step.

    Returns
    -------
    SayProgress
        What the pipeline's functions report to.
    """
    step = context.op_execution_context

    def say(text: str, phase: str, percent: int | None) -> None:
        known = {} if percent is None else {"percent": percent}
        not_public.report_progress(step, text, {"phase": phase, **known})

    return SayProgress(say)
