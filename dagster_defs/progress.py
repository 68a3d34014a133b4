"""How far a long step is, as lines in the run's log: at the start, at every tenth, at the end."""

from __future__ import annotations

import logging
import time
from types import TracebackType

_PULSE_SECONDS = 30.0


class LogTask:
    """One long task. Without a total it reports what it has done so far every half minute."""

    def __init__(self, log: logging.Logger, description: str, total: float | None) -> None:
        self._log, self._text, self._total = log, description, total
        self._done = 0.0
        self._tenth = 0
        self._started = self._last = time.monotonic()

    def advance(self, n: float = 1) -> None:
        """Count `n` more units; logs when another tenth is full."""
        self._done += n
        if self._total:
            tenth = min(int(10 * self._done / self._total), 10)
            if tenth > self._tenth and tenth < 10:
                self._log.info(f"{self._text}: {10 * tenth} %")
            self._tenth = max(tenth, self._tenth)
        elif time.monotonic() - self._last >= _PULSE_SECONDS:
            self._last = time.monotonic()
            self._log.info(f"{self._text}: {self._done:,.0f} so far")

    def describe(self, text: str) -> None:
        """Another phase of the same task."""
        if text != self._text:
            self._text = text
            self._log.info(text)

    def __enter__(self) -> LogTask:
        self._log.info(f"{self._text}: started")
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        if exc is None:
            self._log.info(f"{self._text}: done in {time.monotonic() - self._started:.1f} s")


class LogProgress:
    """A `routing_etl.progress.Progress` that writes to a logger."""

    def __init__(self, log: logging.Logger) -> None:
        self._log = log

    def task(self, description: str, total: float | None = None) -> LogTask:
        """A new task; see `LogTask`."""
        return LogTask(self._log, description, total)
