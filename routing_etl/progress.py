"""How a long step reports its progress without knowing who shows it.

A step takes a `Progress` and calls `task(...)`. The command line passes one that draws bars, Dagster one that
writes log lines; the default shows nothing.
"""

from __future__ import annotations

from types import TracebackType
from typing import Protocol


class Task(Protocol):
    """One piece of work. Use it as a context manager."""

    def advance(self, n: float = 1) -> None:
        """Report `n` more units done, in the unit of the task's `total`."""

    def describe(self, text: str) -> None:
        """Replace the task's description."""

    def __enter__(self) -> Task: ...

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None: ...


class Progress(Protocol):
    """Makes tasks."""

    def task(self, description: str, total: float | None = None) -> Task:
        """Begin a task of `total` units. None: unknown, shown as a pulse instead of a bar."""


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
    """Shows nothing."""

    def task(self, description: str, total: float | None = None) -> Task:
        """A task that shows nothing."""
        del description, total
        return _SilentTask()


SILENT: Progress = SilentProgress()
