"""Progress of a running command: bars on a terminal, plain lines elsewhere.

Belongs here: the two forms of `routing_etl.progress.Progress` that write to a console. Does not: results.
"""

from __future__ import annotations

import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as RichProgress

from routing_etl.cli.display.parts import safe
from routing_etl.progress import Task


class _Bar:
    def __init__(self, progress: RichProgress, task: TaskID) -> None:
        self._progress, self._task = progress, task

    def advance(self, n: float = 1) -> None:
        self._progress.advance(self._task, n)

    def describe(self, text: str) -> None:
        self._progress.update(self._task, description=safe(text))

    def __enter__(self) -> _Bar:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        if exc_type is None:
            task = self._progress.tasks[self._progress.task_ids.index(self._task)]
            total = task.total if task.total is not None else max(task.completed, 1)
            self._progress.update(self._task, total=total, completed=total)
        self._progress.stop_task(self._task)


class BarProgress:
    """`Progress` that draws one bar per task."""

    def __init__(self, console: Console) -> None:
        self._rich = RichProgress(
            SpinnerColumn(finished_text="[green]✓")
            if console.encoding.startswith("utf")
            else SpinnerColumn("line", finished_text="[green]+"),
            TextColumn("{task.description}"),
            BarColumn(bar_width=28),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
        )

    def task(self, description: str, total: float | None = None) -> Task:
        """A new bar."""
        return _Bar(self._rich, self._rich.add_task(safe(description), total=total))

    def __enter__(self) -> BarProgress:
        self._rich.start()
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        self._rich.stop()


class _Line:
    def __init__(self, console: Console, description: str, total: float | None) -> None:
        self._console, self._description, self._total = console, description, total
        self._done, self._started = 0.0, time.monotonic()

    def advance(self, n: float = 1) -> None:
        self._done += n

    def describe(self, text: str) -> None:
        self._description = text

    def __enter__(self) -> _Line:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        count = f"{self._done:,.0f}" if self._total is None else f"{self._done:,.0f} of {self._total:,.0f}"
        seconds = time.monotonic() - self._started
        self._console.print(
            f"{self._description}: {'' if exc_type is None else 'stopped at '}{count}, {seconds:.1f} s",
            markup=False,
            soft_wrap=True,
        )


class LineProgress:
    """`Progress` for output that is no terminal: one plain line for each task, when it ends."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def task(self, description: str, total: float | None = None) -> Task:
        """A task whose line is written when it ends."""
        return _Line(self._console, description, total)

    def __enter__(self) -> LineProgress:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        del exc_type, exc, tb


def progress_on(console: Console) -> BarProgress | LineProgress:
    """Bars on a terminal, plain lines elsewhere."""
    moving = console.is_terminal and not console.is_dumb_terminal
    return BarProgress(console) if moving else LineProgress(console)
