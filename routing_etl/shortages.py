"""What it means when a machine runs out of something: disk, memory, threads or open files, as one sentence with its kind.

Python, Polars, Arrow, NumPy and the system's libraries each say it in their own way, some as an `OSError`, some as a panic
that is no `Exception`.
"""

from __future__ import annotations

import errno
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from routing_etl.errors import DiskFullError, RoutingEtlError, RunFolderError, ShortageError
from routing_etl.memory_limits import GIB, limits

#: Error numbers of a full disk, a quota and a limit on the size of files.
FULL = frozenset({errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC), errno.EFBIG})
_FULL_WORDS = re.compile(
    r"no space left|file too large|quota exceeded|database or disk is full|os error (?:28|27|122)\b", re.I
)
_MEMORY_WORDS = re.compile(
    r"cannot allocate memory|out of memory|unable to allocate|failed to allocate|malloc of size|bad_alloc"
    r"|failed to map segment|os error 12\b",
    re.I,
)
_THREAD_WORDS = re.compile(
    r"can't start new thread|spawn (?:worker )?thread|resource temporarily unavailable|thread creation failed"
    r"|os error 11\b",
    re.I,
)
_GONE_WORDS = re.compile(r"no such file or directory|os error 2\b|expanded paths were empty", re.I)
_DAMAGED_WORDS = re.compile(
    r"out of specification|must end with PAR1|magic bytes|not a parquet file|parquet file size is|unexpected end of (?:file|stream)"
    r"|couldn't deserialize thrift|file size is 0 bytes|cannot be 0|failed to fill whole buffer",
    re.I,
)
#: The panic of a Rust library, which is a BaseException, and errors of Polars and Arrow, known by name to stay unimported.
_FOREIGN = ("PanicException", "PolarsError", "ComputeError", "ArrowException", "ArrowInvalid", "ImportError")


def shortage(
    exc: BaseException, doing: str, *, lower: str = "ROUTING_ETL_THREADS", where: object = None
) -> RoutingEtlError | None:
    """The error of ours that an exception means, if it means that something ran out; None for any other.

    Parameters
    ----------
    exc : BaseException
        What was raised.
    doing : str
        What was being done, as 'in step score'.
    lower : str
        The settings that make it need less memory, as they are written in the environment.
    where : object
        The folder that was written to, where the exception names none.

    Returns
    -------
    RoutingEtlError or None
        `DiskFullError` or `ShortageError`.
    """
    if isinstance(exc, RoutingEtlError):
        return None
    number, text = getattr(exc, "errno", None), str(exc)
    system = isinstance(exc, OSError)
    foreign = system or any(c.__name__ in _FOREIGN for c in type(exc).__mro__)
    if (system and number in FULL) or (foreign and _FULL_WORDS.search(text)):
        place = getattr(exc, "filename", None) or where
        return DiskFullError(
            f"No space left on the disk {doing}{f' ({place})' if place else ''}"
            + (
                ", or the limit on the size of files (ulimit -f) is reached."
                if number == errno.EFBIG
                else "."
            ),
            remedy="Free space, then run again; nothing was published.",
        )
    if (system and number in (errno.EMFILE, errno.ENFILE)) or (
        foreign and "too many open files" in text.lower()
    ):
        return ShortageError(
            f"Too many open files {doing}: this process may open {_limit('RLIMIT_NOFILE')}.",
            remedy="Raise the limit (ulimit -n 4096, or LimitNOFILE= of the service), then run again.",
        )
    threads = isinstance(exc, RuntimeError) and _THREAD_WORDS.search(text)
    if threads or (system and number == errno.EAGAIN) or (foreign and _THREAD_WORDS.search(text)):
        return ShortageError(
            f"No further thread or process could be started {doing}: {_threads()}; {_memory()}.",
            remedy="Set ROUTING_ETL_THREADS and POLARS_MAX_THREADS lower, or raise the limits of processes and memory "
            "(ulimit -u, ulimit -v, the container's pids and memory limit).",
        )
    if (
        isinstance(exc, MemoryError)
        or (system and number == errno.ENOMEM)
        or (foreign and _MEMORY_WORDS.search(text))
    ):
        said = f" ({text[:120]})" if text else ""
        return ShortageError(
            f"Too little memory {doing}{said}: {_memory()}.",
            remedy=f"Allow more, or let it need less: {lower}.",
        )
    return None


def broken_file(exc: BaseException, doing: str, folder: object) -> RunFolderError | None:
    """The error of ours for a file of a run folder that is gone or cut off; None for anything else."""
    if isinstance(exc, RoutingEtlError):
        return None
    text = " ".join(str(exc).split())[:300]
    polars = any(c.__name__ == "PolarsError" for c in type(exc).__mro__)
    if isinstance(exc, FileNotFoundError) or (polars and _GONE_WORDS.search(text)):
        what = f"A file or folder is gone {doing}"
    elif (polars or type(exc).__name__ == "ArrowInvalid") and _DAMAGED_WORDS.search(text):
        what = f"A file is damaged or cut off {doing}"
    else:
        return None
    return RunFolderError(
        f"{what}: {text.rstrip('.')} (run folder {folder}).",
        remedy="Somebody removed or changed files of a run at work, or a disk failed. Run the night again: routing-etl run",
    )


@contextmanager
def own_errors(doing: str, *, folder: object = None, lower: str = "ROUTING_ETL_THREADS") -> Iterator[None]:
    """Raise a shortage, or a broken file of the run folder, as our error; anything else passes through.

    Parameters
    ----------
    doing : str
        As for `shortage`.
    folder : object
        The run folder. None: files that are gone pass through.
    lower : str
        As for `shortage`.
    """
    try:
        yield
    except BaseException as exc:
        own = shortage(exc, doing, lower=lower, where=folder)
        if own is None and folder is not None:
            own = broken_file(exc, doing, folder)
        if own is None:
            raise
        raise own from exc


def _limit(name: str) -> str:
    """A limit of this process in words."""
    try:
        import resource
    except ImportError:  # Windows has no such module
        return "as many as the system allows"
    value = resource.getrlimit(getattr(resource, name))[0]
    return "any number" if value == resource.RLIM_INFINITY else f"{value:,}"


def _memory() -> str:
    """How much memory this process has, and how much it may have or the machine has left."""
    import psutil

    try:
        own, machine = psutil.Process().memory_info(), psutil.virtual_memory()
    except (OSError, MemoryError, psutil.Error):
        return "how much memory is used cannot be read"
    words = (
        f"this process has {own.rss / GIB:.1f} GiB (address space {own.vms / GIB:.1f} GiB), "
        f"the machine {machine.available / GIB:.1f} of {machine.total / GIB:.1f} GiB free"
    )
    for limit in limits():
        if limit.amount < machine.total * 16:
            words += f", and {limit.words}"
    return words


def _threads() -> str:
    """How many threads run, and how many this user may have."""
    import psutil

    try:
        running = psutil.Process().num_threads()
    except (OSError, MemoryError, psutil.Error):
        running = threading.active_count()
    return f"{running} threads run, this user may have {_limit('RLIMIT_NPROC')}"
