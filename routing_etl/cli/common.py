"""What every command needs: the console, the settings, progress bars, and the run folder of a step."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from routing_etl.cli.output import output

if TYPE_CHECKING:
    from routing_etl.pipeline.context import Context
    from routing_etl.pipeline.street import Step
    from routing_etl.progress import Progress
    from routing_etl.settings import Settings

FullOption = Annotated[
    bool, typer.Option("--full", help="Read every row, even where the profile lets changes be read alone.")
]
WhyOption = Annotated[str, typer.Option("--why", help="Reason, kept on record.")]
UserOption = Annotated[
    str, typer.Option("--user", help="Who decides, kept on record; default: ROUTING_ETL_USER, or the login.")
]
RunOption = Annotated[str | None, typer.Option("--run", help="Run id; default: the newest that fits.")]


#: The settings that the command at work has read.
_read: list[Settings] = []


def settings_read() -> Settings | None:
    """The settings that the command at work has read; None before it has."""
    return _read[-1] if _read else None


def forget_settings() -> None:
    """A new command begins."""
    _read.clear()


def read_settings(**overrides: object) -> Settings:
    """The settings with overrides that are not None on top; opens the log."""
    from routing_etl.log import configure, get_logger
    from routing_etl.settings import load_settings

    settings = load_settings(**{k: v for k, v in overrides.items() if v is not None})
    configure(settings.log_folder, settings.log_level)
    _read.append(settings)
    get_logger(__name__).info(
        "settings_read", env_file=str(settings.read_from) if settings.read_from else None
    )
    return settings


@contextmanager
def showing_progress() -> Iterator[Progress]:
    """Bars or lines on standard error for as long as the block lasts; nothing where the command is to be quiet."""
    from rich.console import Console

    from routing_etl.cli.display.progress import progress_on
    from routing_etl.progress import SILENT

    if output().quiet:
        yield SILENT
        return
    with progress_on(Console(stderr=True, highlight=False)) as progress:
        yield progress


@contextmanager
def step_context(step: Step[Any], run_id: str | None = None) -> Iterator[Context]:
    """Settings, the run folder that a step works on (a new one for the first) under the run lock, and progress bars."""
    from routing_etl import runs
    from routing_etl.pipeline import context

    settings = read_settings()
    with runs.run_lock(settings.home, "a single step"):
        run = (
            runs.new_run(settings.home, run_id)
            if step.on is None
            else runs.find_run(settings.home, run_id, having=step.on.report)
        )
        with showing_progress() as progress:
            yield context.Context(settings, run, progress)
