"""Memory of this process, on every system, and whether it suffices for a night."""

from __future__ import annotations

import sys

import psutil

from routing_etl.memory_limits import processes_at_once, require_memory
from routing_etl.settings import Settings

try:
    import resource
except ImportError:  # Windows has no such module
    resource = None  # type: ignore[assignment]


def peak_memory_mb() -> float:
    """Highest resident memory of this process so far, in MB.

    Windows tells it as the peak working set, POSIX systems as `ru_maxrss`. A system with neither gives the memory of this
    moment, which is a lower bound of the peak.
    """
    memory = psutil.Process().memory_info()
    peak = getattr(memory, "peak_wset", None)
    if peak is None and resource is not None:
        # Counted in bytes on macOS and in units of 1024 bytes elsewhere.
        unit = 1 if sys.platform == "darwin" else 1024
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    return round((memory.rss if peak is None else peak) / 1024**2, 1)


def memory_warning(settings: Settings, items: int) -> str | None:
    """The warning that memory will be short for a night of this size; None where it suffices.

    Parameters
    ----------
    settings : Settings
        `memory_check` and `side_by_side_items`.
    items : int
        Items of the plant; 0 where that is not known.

    Raises
    ------
    ShortageError
        The limits of this process leave no chance, and `memory_check` is 'refuse'.
    """
    processes = processes_at_once(items, settings.side_by_side_items)
    return require_memory(items, processes=processes, refuse=settings.memory_check == "refuse")
