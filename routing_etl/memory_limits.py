"""How much memory a night needs and how much this process may have, so that too little is said before the work begins.

A library that is refused memory need not raise an error: Polars ends the process, and the system kills what outgrows its
container. So what can be known is compared first. The need is an estimate from nights that were measured, by the number of
items; what a plant has more of, as results of an item, it needs more for.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from routing_etl.errors import ShortageError

GIB = 1024**3
#: Items of a plant, and what a night that trains keeps resident in its main process, in GiB. Measured with 5.4 routing rows
#: and 25 work results an item (tests/benchmarks/README.md).
_MEASURED = ((0, 0.6), (20_000, 1.3), (60_000, 2.3), (325_000, 6.1))
#: Address space beside resident memory: libraries, and what threads and allocators reserve and do not use. On a machine
#: with two processors it was 1.5 GiB when the ERP had been read, and 2.6 GiB when a model had been trained.
_RESERVED, _RESERVED_LATER = 2.6 * GIB, 1.1 * GIB
#: Under this share of the estimate a night has no chance.
_HOPELESS = 0.5
#: With fewer routed items a second process takes longer to start than a model to fit.
SIDE_BY_SIDE_FROM = 1_000
#: Where Linux keeps control groups, and which of them are ours.
_GROUPS, _OURS = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")

Level = Literal["ok", "warning", "error"]
Kind = Literal["address space", "data", "group"]


@dataclass(frozen=True)
class Limit:
    """A limit of memory that the system sets.

    Attributes
    ----------
    amount : int
        Bytes.
    kind : {"address space", "data", "group"}
        Of this process alone, or of all processes of its container or service.
    """

    amount: int
    kind: Kind

    @property
    def words(self) -> str:
        """What it is called and how much it is."""
        names = {
            "address space": "address space of a process (ulimit -v)",
            "data": "data of a process (ulimit -d)",
            "group": "memory of the container or service",
        }
        return f"the limit on the {names[self.kind]} is {self.amount / GIB:.1f} GiB"


@dataclass(frozen=True)
class Verdict:
    """Whether the memory suffices, as a sentence and what to do."""

    level: Level
    message: str
    remedy: str = ""


def limits() -> list[Limit]:
    """The limits of memory that hold for this process, where the system tells them."""
    told: tuple[tuple[Kind, int | None], ...] = (
        ("address space", _own("RLIMIT_AS")),
        ("data", _own("RLIMIT_DATA")),
        ("group", _group()),
    )
    return [Limit(amount, kind) for kind, amount in told if amount is not None]


def processes_at_once(items: int, side_by_side_items: int) -> int:
    """How many processes a training uses at once, if half of these items are routed."""
    return 2 if 2 * SIDE_BY_SIDE_FROM <= items <= 2 * side_by_side_items else 1


def resident_memory(items: int) -> int:
    """Bytes that the main process of a night with training keeps resident: between the plants measured, on a line."""
    points = [*_MEASURED]
    after = next((n for n, (size, _) in enumerate(points) if size >= items), len(points) - 1)
    (low, less), (high, more) = points[max(after, 1) - 1], points[max(after, 1)]
    return round((less + (more - less) * (items - low) / (high - low)) * GIB)


def memory_verdict(items: int, *, processes: int = 1) -> Verdict:
    """Compare what a night of this size needs with what this process may have.

    Parameters
    ----------
    items : int
        Items of the plant; 0 where that is not known yet: then what every plant needs.
    processes : int, default 1
        Processes that work at once (`ROUTING_ETL_SIDE_BY_SIDE_ITEMS`).

    Returns
    -------
    Verdict
        An error where a hard limit leaves no chance, a warning where memory will be short.
    """
    import psutil

    memory, machine = psutil.Process().memory_info(), psutil.virtual_memory()
    need = _Need(
        items, resident_memory(items), max(_RESERVED, memory.vms - memory.rss + _RESERVED_LATER), processes
    )
    short = [verdict for limit in limits() if (verdict := _against(limit, need)) is not None]
    if short:
        return min(short, key=lambda verdict: verdict.level)  # an error before a warning
    free = f"{machine.available / GIB:.1f} of {machine.total / GIB:.1f} GiB are free"
    if machine.available + memory.rss < need.resident * processes:
        return Verdict(
            "warning", f"{need.words(None)}, and {free}.", f"Free memory{_one_after_the_other(processes)}."
        )
    return Verdict("ok", f"{need.words(None)}; {', '.join([free, *(limit.words for limit in limits())])}")


@dataclass(frozen=True)
class _Need:
    """What a night needs: bytes resident in each process, and address space reserved beside them."""

    items: int
    resident: int
    reserved: float
    processes: int

    def words(self, limit: Limit | None) -> str:
        night = f"A night of {self.items:,} items" if self.items else "The smallest night"
        aside = f" and {self.reserved / GIB:.1f} GiB of reserved addresses" if _is_addresses(limit) else ""
        each = f" in each of {self.processes} processes" if self.processes > 1 else ""
        return f"{night} needs about {self.resident / GIB:.1f} GiB of memory{aside}{each}"


def _is_addresses(limit: Limit | None) -> bool:
    return limit is not None and limit.kind == "address space"


def _against(limit: Limit, need: _Need) -> Verdict | None:
    """What one limit means for a night; None where it suffices."""
    aside = need.reserved if _is_addresses(limit) else 0
    wanted = need.resident * (need.processes if limit.kind == "group" else 1)
    if limit.amount >= wanted + aside:
        return None
    level: Level = "error" if limit.amount < wanted * _HOPELESS + aside else "warning"
    way = _one_after_the_other(need.processes) if limit.kind == "group" else ""
    return Verdict(level, f"{need.words(limit)}, but {limit.words}.", f"Raise it{way}.")


def require_memory(items: int, *, processes: int, refuse: bool) -> str | None:
    """The warning that memory will be short, or None.

    Parameters
    ----------
    items : int
        As for `memory_verdict`.
    processes : int
        As for `memory_verdict`.
    refuse : bool
        Raise where there is no chance; False: warn there too.

    Raises
    ------
    ShortageError
        A hard limit leaves no chance.
    """
    verdict = memory_verdict(items, processes=processes)
    if verdict.level == "error" and refuse:
        raise ShortageError(
            verdict.message,
            remedy=f"{verdict.remedy} To try it all the same: ROUTING_ETL_MEMORY_CHECK=warn.",
        )
    return None if verdict.level == "ok" else f"{verdict.message} {verdict.remedy}"


def _one_after_the_other(processes: int) -> str:
    return ", or set ROUTING_ETL_SIDE_BY_SIDE_ITEMS=0, which works in one process" if processes > 1 else ""


def _own(name: str) -> int | None:
    """A limit of this process; None where there is none, or the system has no such limits (Windows)."""
    try:
        import resource
    except ImportError:
        return None
    value = resource.getrlimit(getattr(resource, name))[0]
    return None if value == resource.RLIM_INFINITY else value


def _group() -> int | None:
    """The least memory limit of the control groups that this process is in (version 2, then 1).

    A container sees its own group as the root; a service of the system is some folders below, and each of them may limit it.
    """
    found = [
        limit
        for path in _group_paths()
        for name in (f"{path}/memory.max", f"memory{path}/memory.limit_in_bytes")
        if (limit := _read(_GROUPS / name.lstrip("/"))) is not None
    ]
    return min(found, default=None)


def _group_paths() -> list[str]:
    """The control groups of this process with those above them, the root as ''."""
    paths = {""}
    try:
        lines = _OURS.read_text(encoding="utf-8").splitlines()
    except OSError:
        return [""]
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "" or "memory" in controllers.split(","):
            parts = [part for part in path.split("/") if part and part != ".."]
            paths |= {"/" + "/".join(parts[:n]) for n in range(1, len(parts) + 1)}
    return sorted(paths)


def _read(path: Path) -> int | None:
    try:
        text = path.read_text(encoding="ascii").strip()
    except OSError:
        return None
    # Version 1 says "no limit" with a number near the largest one.
    return int(text) if text.isdigit() and int(text) < 2**60 else None
