"""What every step returns: what it found, and what it took. What a single step finds: `results.py`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True)
class StepCost:
    """What a step took: wall-clock seconds, highest memory of the process so far in MB, and when it ended (UTC)."""

    seconds: float
    peak_memory_mb: float
    finished_at: datetime


@dataclass(frozen=True)
class Finished(Generic[T_co]):
    """A step that has ended well: its name, what it found, what it took, and the shard if it did only one."""

    step: str
    result: T_co
    cost: StepCost
    shard: int | None = None
