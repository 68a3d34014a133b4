"""Crash-safe file writing: after a crash a file holds the old content or the new one, never half of it."""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from routing_etl.errors import DiskFullError
from routing_etl.files import replace_file
from routing_etl.shortages import FULL


@contextmanager
def disk_full_as_error(what: str, folder: Path) -> Iterator[None]:
    """Raise a full disk (or quota, or file size limit) as `DiskFullError`; other errors pass."""
    try:
        yield
    except OSError as exc:
        if exc.errno in FULL:
            raise DiskFullError(
                f"No space left in {folder} for {what}.",
                remedy="Free space (old versions: routing-etl models prune), then run again; nothing was changed.",
            ) from exc
        raise


def sync_folder(folder: Path) -> None:
    """Make renames in a folder survive a power cut. Only POSIX systems need and allow this."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def synced(path: Path, mode: str = "wb") -> Iterator[BinaryIO]:
    """A binary file for writing; its content is on the disk when the block ends."""
    with path.open(mode) as stream:
        yield stream  # type: ignore[misc]
        stream.flush()
        os.fsync(stream.fileno())


class NotAFileError(OSError):
    """What lies under the name of a file is none: a pipe, a device, a folder, a link to itself."""


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """A file for reading. What is no file is refused at once: a pipe would be waited for, a device read for ever.

    Raises
    ------
    FileNotFoundError
        There is nothing under that name.
    NotADirectoryError
        What should be its folder is none.
    NotAFileError
        It is no file, or cannot be read; the text says why.
    """
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except (FileNotFoundError, NotADirectoryError):
        raise
    except OSError as exc:
        raise NotAFileError(f"it is no file that can be read ({exc.strerror or exc})") from exc
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise NotAFileError("it is no file")
    with os.fdopen(handle, "rb") as stream:
        yield stream


def remove_tree(path: Path) -> None:
    """Remove a folder as far as it goes; of a link only the link, never what it points at."""
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
    else:
        shutil.rmtree(path, ignore_errors=True)


class HashingStream:
    """Writes to a file and hashes what it is given, so that the hash is that of our bytes whatever lies in the file later."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream, self._digest, self.bytes = stream, hashlib.sha256(), 0

    def write(self, data: bytes | bytearray | memoryview) -> int:
        """Write and hash."""
        self._digest.update(data)
        written = self._stream.write(data)
        self.bytes += written
        return written

    def tell(self) -> int:
        """How many bytes were written; joblib aligns arrays by it."""
        return self.bytes

    @property
    def sha256(self) -> str:
        """Hex sha256 of everything written so far."""
        return self._digest.hexdigest()


def finite(value: Any) -> Any:
    """The value as JSON can hold it: NaN and infinity become None, tuples and sets lists, NumPy values plain Python."""
    if isinstance(value, Mapping):
        return {str(k): finite(v) for k, v in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [finite(v) for v in value]
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if hasattr(value, "tolist"):
        return finite(value.tolist())
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return str(value)


def json_bytes(value: Any) -> bytes:
    """Indented UTF-8 JSON without ASCII escapes, so that Korean stays readable."""
    return json.dumps(finite(value), ensure_ascii=False, indent=1, allow_nan=False).encode("utf-8")


def write_json(path: Path, value: Any) -> str:
    """Replace a JSON file whole or not at all; returns the sha256 of what was written."""
    content = json_bytes(value)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with synced(temporary) as stream:
            stream.write(content)
        replace_file(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(path.parent)
    return hashlib.sha256(content).hexdigest()


def append_line(path: Path, value: Mapping[str, Any]) -> None:
    """Append one JSON line to a log file. After a line that a crash cut off, a new line is started."""
    cut_off = False
    if path.is_file() and path.stat().st_size:
        with path.open("rb") as stream:
            stream.seek(-1, os.SEEK_END)
            cut_off = stream.read(1) != b"\n"
    line = json.dumps(finite(value), ensure_ascii=False, allow_nan=False).encode("utf-8") + b"\n"
    with synced(path, "ab") as stream:
        stream.write(b"\n" + line if cut_off else line)
