"""Structured JSON logs with the run id. Full traces go to the log file; the terminal is for people."""

from __future__ import annotations

import contextlib
import logging
import logging.handlers
import sys
from pathlib import Path
from typing import Any

import structlog

from routing_etl import safe_text

_FILE_BYTES = 10 * 1024 * 1024
_FILES_KEPT = 10


class _LogFile(logging.handlers.RotatingFileHandler):
    _told = False
    failed = False

    def handleError(self, record: logging.LogRecord) -> None:
        """Say once that the file cannot be written; the work goes on, and its own error will be told."""
        error, self.failed = sys.exc_info()[1], True
        if not self._told and sys.stderr is not None:
            _LogFile._told = True
            with contextlib.suppress(OSError, ValueError):
                sys.stderr.write(f"The log file {self.baseFilename} cannot be written: {error}\n")

    def doRollover(self) -> None:
        """Begin a new file; on Windows only once no other process has this one open. Until then it grows on."""
        with contextlib.suppress(PermissionError):
            super().doRollover()


def configure(folder: Path | None, level: str = "INFO") -> None:
    """Send every log event to `<folder>/routing_etl.log` as JSON lines, UTF-8, rotated at 10 MB.

    Parameters
    ----------
    folder : Path or None
        Folder of the log file, made if missing. None: standard error instead, which a container's log collector reads.
    level : str, default 'INFO'
        Lowest level that is written.
    """
    handler: logging.Handler
    if folder is None:
        handler = logging.StreamHandler()
    else:
        folder.mkdir(parents=True, exist_ok=True)
        handler = _LogFile(
            folder / "routing_etl.log",
            maxBytes=_FILE_BYTES,
            backupCount=_FILES_KEPT,
            encoding="utf-8",
            delay=True,
        )
    send_to(handler, level)


def send_to(handler: logging.Handler, level: str | int) -> None:
    """Send log events of this level and above to one handler, as JSON lines. It replaces all earlier handlers."""
    handler.setFormatter(_Lines("%(message)s"))
    root = logging.getLogger("routing_etl")
    for old in list(root.handlers):
        root.removeHandler(old)
        old.close()
    root.addHandler(handler)
    root.setLevel(level)
    root.propagate = False
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False, default=str),
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


class _Lines(logging.Formatter):
    """One event, one line, which no control character of a logged text can steer a terminal with."""

    def format(self, record: logging.LogRecord) -> str:
        return safe_text.json_line(super().format(record))


def where_logged() -> str | None:
    """The log file, or `standard error`; None where nothing was opened, or the file could not be written."""
    for handler in logging.getLogger("routing_etl").handlers:
        if isinstance(handler, _LogFile):
            return None if handler.failed else str(handler.baseFilename)
        if isinstance(handler, logging.StreamHandler):
            return "standard error"
    return None


def get_logger(name: str) -> Any:
    """A bound logger; use `log.info("event_name", key=value)`. Never pass a URL or a password.

    It writes through `logging`, so that without `configure`, in a notebook for one, only warnings appear, on stderr.
    """
    return structlog.wrap_logger(logging.getLogger(name), wrapper_class=structlog.stdlib.BoundLogger)


def bind_run(run_id: str) -> None:
    """Add the run id to every event from now on."""
    structlog.contextvars.bind_contextvars(run_id=run_id)
