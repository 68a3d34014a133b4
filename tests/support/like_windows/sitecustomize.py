"""Makes a Python on Linux behave like one on Windows where our code could notice. Put this folder on PYTHONPATH.

Every process that is started with it (spawned workers too) cannot import the modules that only POSIX systems have, and
is refused what Windows refuses: to replace, rename or remove a file that this process has open or mapped, to rename a
folder that holds such a file, and to rename onto a file that exists.

Not imitated: files that other processes have open, drive letters, code pages of file names.
"""

from __future__ import annotations

import errno
import importlib
import importlib.abc
import os
import sys
from typing import Any

POSIX_ONLY = ("resource", "fcntl", "pwd", "grp", "termios")
#: SQLite removes its own journals from C, and the kernel names removed files so.
_GONE = " (deleted)"


class NoPosix(importlib.abc.MetaPathFinder):
    """Stands before all other finders and refuses the modules of POSIX."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        if name in POSIX_ONLY:
            raise ModuleNotFoundError(f"No module named {name!r} (as on Windows)", name=name)


def _full(path: Any, folder: int | None = None) -> str:
    text = os.fsdecode(path)
    if folder is not None and not os.path.isabs(text):
        text = os.path.join(os.readlink(f"/proc/self/fd/{folder}"), text)
    return os.path.realpath(text)


def _in_use() -> set[str]:
    """Files that this process has open or mapped into its memory."""
    used = set()
    for number in os.listdir("/proc/self/fd"):
        try:
            used.add(os.readlink(f"/proc/self/fd/{number}"))
        except OSError:
            continue
    with open("/proc/self/maps", encoding="utf-8") as maps:
        used.update(
            line.split(maxsplit=5)[5].rstrip("\n") for line in maps if len(line.split(maxsplit=5)) == 6
        )
    return {name for name in used if not name.endswith(_GONE)}


def _refuse(*paths: str) -> None:
    for name in _in_use():
        for path in paths:
            held = name == path and os.path.isfile(path)
            inside = name.startswith(path + os.sep) and os.path.isfile(name)
            if held or inside:
                raise PermissionError(
                    errno.EACCES, "The file is in use by this process (as on Windows)", name
                )


_replace, _rename, _unlink = os.replace, os.rename, os.unlink


def replace(src: Any, dst: Any, *, src_dir_fd: int | None = None, dst_dir_fd: int | None = None) -> None:
    _refuse(_full(src, src_dir_fd), _full(dst, dst_dir_fd))
    _replace(src, dst, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)


def rename(src: Any, dst: Any, *, src_dir_fd: int | None = None, dst_dir_fd: int | None = None) -> None:
    if os.path.lexists(_full(dst, dst_dir_fd)):
        raise FileExistsError(errno.EEXIST, "The target exists (as on Windows)", dst)
    _refuse(_full(src, src_dir_fd))
    _rename(src, dst, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)


def unlink(path: Any, *, dir_fd: int | None = None) -> None:
    _refuse(_full(path, dir_fd))
    _unlink(path, dir_fd=dir_fd)


def install() -> None:
    """Imitate Windows in this process from now on."""
    # These choose their part for Linux by `sys.platform`, and that part needs modules of POSIX.
    for name in ("psutil", "filelock"):
        importlib.import_module(name)
    for name in POSIX_ONLY:
        sys.modules.pop(name, None)
    sys.meta_path.insert(0, NoPosix())
    os.replace, os.rename, os.unlink, os.remove = replace, rename, unlink, unlink


install()
