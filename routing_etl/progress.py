"""How a long step says how far it is, without knowing who shows it.

A step takes a `Progress` and calls `task(...)`; the command line passes one that draws bars, Dagster one that writes
log lines, tests and libraries the silent default.
"""

from __future__ import annotations

from types import TracebackType
from typing import Protocol


class Task(Protocol):
    """One bar. Use as a context manager; `advance` by the same unit that `total` counts."""

    def advance(self, n: float = 1) -> None: ...

    def describe(self, text: str) -> None: ...

    def __enter__(self) -> Task: ...

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None: ...


class Progress(Protocol):
    """Makes tasks. `total` None means unknown: a pulse instead of a bar."""

    def task(self, description: str, total: float | None = None) -> Task: ...


class _SilentTask:
    def advance(self, n: float = 1) -> None:
        del n

    def describe(self, text: str) -> None:
        del text

    def __enter__(self) -> _SilentTask:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        del exc_type, exc, tb


class SilentProgress:
    """Shows nothing; the default everywhere."""

    def task(self, description: str, total: float | None = None) -> Task:
        del description, total
        return _SilentTask()


SILENT: Progress = SilentProgress()
