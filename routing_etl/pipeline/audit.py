"""Calls of commands that change something are written down, whoever called them and however they ended."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from routing_etl.errors import RoutingEtlError
from routing_etl.log import get_logger
from routing_etl.pipeline.context import Context
from routing_etl.runs import RunFolder

if TYPE_CHECKING:
    from routing_etl.pipeline.persons import Actor
    from routing_etl.settings import Settings

log = get_logger(__name__)


@contextmanager
def audited(
    settings: Settings, command: str, actor: Actor, *, subject: str = "", why: str = ""
) -> Iterator[None]:
    """Write what happens inside into `audit_log` when it has ended.

    A row that cannot be written is logged: what was done is done.

    Parameters
    ----------
    settings : Settings
        Of the installation.
    command : str
        What was called.
    actor : Actor
        Who called it, and through what.
    subject : str, optional
        On what.
    why : str, optional
        The reason that was given.

    Yields
    ------
    None
        While the command works.
    """
    try:
        yield
    except BaseException as exc:
        stopped = isinstance(exc, KeyboardInterrupt)
        said = str(exc) if isinstance(exc, RoutingEtlError) else f"{type(exc).__name__}: {exc}"
        note(settings, command, actor, "stopped" if stopped else "failed", subject, "" if stopped else said)
        raise
    note(settings, command, actor, "succeeded", subject, why)


def note(
    settings: Settings, command: str, actor: Actor, outcome: str, subject: str = "", message: str = ""
) -> None:
    """Write one call down; what goes wrong is logged.

    Parameters
    ----------
    settings : Settings
        Of the installation.
    command : str
        What was called.
    actor : Actor
        Who called it, and through what.
    outcome : str
        `succeeded`, `failed` or `stopped`.
    subject : str, optional
        On what.
    message : str, optional
        What is to be said of it.
    """
    from routing_etl.warehouse.audit import Deed, record_deed

    deed = Deed(command, actor.by, actor.via, outcome, subject, message)
    try:
        with Context(settings, RunFolder("audit", settings.home)).warehouse() as engine:
            record_deed(engine, settings, deed)
    except Exception:  # what was done is done
        log.warning("deed_not_recorded", **vars(deed), exc_info=True)
