"""Commands that change something leave a row in `audit_log`: who called them, on what, and how they ended."""

from __future__ import annotations

import functools
import typing
from collections.abc import Callable
from typing import Any, TypeVar

import typer

from routing_etl.cli import common

F = TypeVar("F", bound=Callable[..., Any])
#: Commands that are written down.
AUDITED: set[str] = set()


def audited(command: str, *subject: str) -> Callable[[F], F]:
    """Write each call of a command down, however it ends.

    Parameters
    ----------
    command : str
        Its name, as it is typed.
    *subject : str
        Names of the parameters that say on what.
    """
    AUDITED.add(command)

    def decorate(function: F) -> F:
        @functools.wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            common.forget_settings()
            outcome, said = "succeeded", str(kwargs.get("why") or "")
            try:
                return function(*args, **kwargs)
            except KeyboardInterrupt:
                outcome = "stopped"
                raise
            except typer.Exit as exc:
                if exc.exit_code:
                    outcome, said = "failed", f"exit code {exc.exit_code}"
                raise
            except BaseException as exc:
                outcome, said = "failed", str(exc) or type(exc).__name__
                raise
            finally:
                _note(
                    command, outcome, " ".join(str(kwargs[n]) for n in subject if kwargs.get(n)), said, kwargs
                )

        return typing.cast("F", wrapped)

    return decorate


def _note(command: str, outcome: str, subject: str, said: str, arguments: dict[str, Any]) -> None:
    """Nothing is written of a call that failed before it had settings, or that was a rehearsal."""
    settings = common.settings_read()
    if settings is None or arguments.get("dry_run") or arguments.get("sql"):
        return
    from routing_etl.pipeline.audit import note
    from routing_etl.pipeline.persons import Actor, person

    actor = Actor(person(settings, str(arguments.get("user") or "")), "cli")
    note(settings, command, actor, outcome, subject, said)
