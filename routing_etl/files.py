"""Renaming a finished file or folder to its final name, also where another program has the old one open.

On Windows a file cannot be replaced, nor a folder renamed, while a program has it open: a virus scanner, a backup, a
reader of the file. Most of them let go within a second, so the rename is tried again for a while.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from routing_etl.errors import LockedError

#: End of the name of a file that is not finished, and beginning of that of a folder of working files. What has such a name
#: after its process has ended is litter.
TEMPORARY, SCRATCH = ".tmp", ".scratch-"
#: Seconds between two attempts; 3.15 s in all.
WAITS = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6)


def replace_file(temporary: Path, target: Path, *, durable: bool = False) -> None:
    """Give a finished file the name of an older one, which is replaced whole or not at all.

    Parameters
    ----------
    temporary : Path
        The finished file.
    target : Path
        The name that it gets.
    durable : bool, default False
        Its content is on the disk before it has the name, so that a power cut leaves no empty file. For small files that later
        runs build on.

    Raises
    ------
    LockedError
        The system refused it for as long as we tried; names the file.
    """
    if durable:
        with temporary.open("rb+") as stream:
            os.fsync(stream.fileno())
    _insist(lambda: temporary.replace(target), target)


def rename_folder(folder: Path, target: Path) -> None:
    """Give a folder another name, which must be free.

    Raises
    ------
    LockedError
        The system refused it for as long as we tried; names the folder.
    """
    _insist(lambda: folder.rename(target), folder)


def _insist(rename: Callable[[], object], path: Path) -> None:
    for wait in WAITS:
        try:
            rename()
            return
        except PermissionError:
            time.sleep(wait)
    try:
        rename()
    except PermissionError as exc:
        raise LockedError(
            f"{path} cannot be renamed or replaced ({exc.strerror}): another program has it open, or this user may not "
            "change its folder.",
            remedy="Close that program, exempt ROUTING_ETL_HOME from the virus scanner, or grant the right; then run again.",
        ) from exc
