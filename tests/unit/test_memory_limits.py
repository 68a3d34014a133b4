"""Whether a night has enough memory is said before it starts, from the limits that the system sets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from routing_etl import memory_limits
from routing_etl.errors import ShortageError
from routing_etl.memory_limits import (
    GIB,
    Kind,
    Limit,
    limits,
    memory_verdict,
    processes_at_once,
    require_memory,
    resident_memory,
)

Machine = Callable[..., None]


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    """A machine with limits and free memory in GiB, on which this process has 1.5 GiB of addresses and 0.5 GiB resident."""
    import psutil

    def make(*given: tuple[Kind, float], free: float = 64) -> None:
        found = [Limit(round(amount * GIB), kind) for kind, amount in given]
        monkeypatch.setattr(memory_limits, "limits", lambda: found)
        memory = SimpleNamespace(memory_info=lambda: SimpleNamespace(vms=1.5 * GIB, rss=0.5 * GIB))
        monkeypatch.setattr(psutil, "Process", lambda: memory)
        total = SimpleNamespace(available=free * GIB, total=64 * GIB)
        monkeypatch.setattr(psutil, "virtual_memory", lambda: total)

    yield make


@pytest.mark.parametrize(
    ("items", "gib"), [(0, 0.6), (10_000, 0.95), (20_000, 1.3), (325_000, 6.1), (590_000, 9.9)]
)
def test_the_need_lies_on_lines_between_the_nights_that_were_measured(items: int, gib: float) -> None:
    assert resident_memory(items) == pytest.approx(gib * GIB, rel=0.001)


@pytest.mark.parametrize(
    ("limit", "items", "level"),
    [
        (("address space", 2.4), 1_500, "error"),
        (("address space", 3.1), 1_500, "warning"),
        (("address space", 3.5), 1_500, "ok"),
        (("address space", 3.5), 325_000, "error"),
        (("group", 0.25), 0, "error"),
        (("group", 2.0), 20_000, "warning"),
        (("group", 3.0), 20_000, "ok"),
        (("group", 2.0), 325_000, "error"),
        (("data", 6.0), 325_000, "warning"),
    ],
)
def test_a_limit_is_compared_with_what_a_night_of_that_size_needs(
    machine: Machine, limit: tuple[str, float], items: int, level: str
) -> None:
    machine(limit)
    verdict = memory_verdict(items, processes=processes_at_once(items, 20_000))
    assert verdict.level == level
    assert f"{limit[1]:.1f} GiB" in verdict.message


def test_the_worst_limit_is_the_one_that_is_named(machine: Machine) -> None:
    machine(("address space", 6), ("group", 1))
    verdict = memory_verdict(100_000)
    assert verdict.level == "error" and "container or service is 1.0 GiB" in verdict.message


def test_two_processes_need_twice_as_much_of_a_container_and_the_remedy_says_how_to_have_one(
    machine: Machine,
) -> None:
    machine(("group", 2.0))
    assert memory_verdict(20_000, processes=1).level == "ok"
    assert "ROUTING_ETL_SIDE_BY_SIDE_ITEMS=0" in memory_verdict(20_000, processes=2).remedy
    assert [processes_at_once(n, 20_000) for n in (1_999, 2_000, 40_000, 40_001)] == [1, 2, 2, 1]
    assert processes_at_once(20_000, 0) == 1


def test_a_machine_whose_memory_is_taken_warns_and_refuses_nothing(machine: Machine) -> None:
    machine(free=1)
    warned = require_memory(325_000, processes=1, refuse=True)
    assert warned is not None and "1.0 of 64.0 GiB are free" in warned
    assert require_memory(20_000, processes=1, refuse=True) is None


def test_without_a_chance_the_night_is_refused_in_a_sentence_unless_told_to_try(machine: Machine) -> None:
    machine(("address space", 2.0))
    with pytest.raises(
        ShortageError, match=r"needs about 0\.6 GiB.*is 2\.0 GiB.*ROUTING_ETL_MEMORY_CHECK=warn"
    ):
        require_memory(0, processes=1, refuse=True)
    warned = require_memory(0, processes=1, refuse=False)
    assert warned is not None and "ulimit -v" in warned


@pytest.mark.parametrize(
    ("ours", "files", "gib"),
    [
        ("0::/\n", {"memory.max": "max\n"}, None),
        ("0::/\n", {"memory.max": f"{2 * GIB}\n"}, 2),
        ("0::/system.slice/night.service\n", {"system.slice/night.service/memory.max": str(3 * GIB)}, 3),
        (
            "0::/system.slice/night.service\n",
            {"system.slice/memory.max": str(GIB), "system.slice/night.service/memory.max": str(3 * GIB)},
            1,
        ),
        ("4:memory:/docker/ab\n1:cpu:/\n", {"memory/docker/ab/memory.limit_in_bytes": str(5 * GIB)}, 5),
        ("4:memory:/\n", {"memory/memory.limit_in_bytes": "9223372036854771712\n"}, None),
    ],
)
def test_the_least_limit_of_the_own_control_group_and_those_above_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ours: str, files: dict[str, str], gib: int | None
) -> None:
    for name, text in files.items():
        path = tmp_path / "groups" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tmp_path / "ours").write_text(ours)
    monkeypatch.setattr(memory_limits, "_GROUPS", tmp_path / "groups")
    monkeypatch.setattr(memory_limits, "_OURS", tmp_path / "ours")
    found = [limit.amount for limit in limits() if limit.kind == "group"]
    assert found == ([gib * GIB] if gib else [])
