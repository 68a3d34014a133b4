"""What the tests of `routing_etl.pipeline.worker` have done in a process of its own: a module that it can import."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

from routing_etl.errors import ProfileError
from routing_etl.log import get_logger
from routing_etl.progress import Progress


def counted(n: int, progress: Progress) -> tuple[int, int]:
    """The process's number and `n`, after counting to `n` with a bar and a log line."""
    with progress.task("counting", n) as task:
        for _ in range(n):
            task.advance()
        task.describe("counted")
    get_logger("routing_etl.worker_jobs").info("counted", n=n)
    return os.getpid(), n


def refused(progress: Progress) -> None:
    """An error of the product whose class takes other arguments than a message."""
    with progress.task("reading", 1):
        raise ProfileError("bi.toml", "frames.items", 7, "no table", remedy="Write a name.")


def broken(progress: Progress) -> None:
    """An error that nobody foresaw."""
    raise ZeroDivisionError("seven by nothing")


def killed(progress: Progress) -> None:
    """The end that the system makes of a process when memory runs out."""
    os.kill(os.getpid(), signal.SIGKILL)


def endless(note: str, progress: Progress) -> None:
    """Write down the process's number, then work until killed."""
    part = Path(f"{note}.part")
    part.write_text(str(os.getpid()), encoding="utf-8")
    part.rename(note)
    while True:
        time.sleep(0.05)


def hanging(progress: Progress) -> None:
    """Waits for a thread that does not come."""
    threading.Event().wait()


def evaluation_killed(*_: object) -> None:
    """An evaluation that the system ends when memory runs out."""
    os.kill(os.getpid(), signal.SIGKILL)


def evaluation_hangs(*_: object) -> None:
    """An evaluation that waits for a thread that does not come."""
    threading.Event().wait()
