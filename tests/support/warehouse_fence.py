"""A loader that is paused, taken for dead, and wakes when another has published: it must write nothing more."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from routing_etl.errors import LockedError
from routing_etl.warehouse import lock as lock_module
from routing_etl.warehouse.lock import WriterLock
from routing_etl.warehouse.publish import Publisher
from routing_etl.warehouse.types import now


def wakes_fenced(slow: Publisher, other: Publisher, theirs: Path, newer: Path) -> int:
    """Let `slow` pause in its load, just after a heartbeat, while `other` publishes. Returns what readers see then.

    The two publishers have engines of their own, as two machines would.
    """
    published: list[int] = []
    row = slow.tables.writer_lock

    def paused(lock: WriterLock) -> None:
        if published:
            return
        published.append(0)
        if (
            lock._session is not None
        ):  # SQL Server ends the session of a machine that is gone, and the lock with it
            lock._session.invalidate()
        with other._engine.begin() as connection:
            asleep = {"host": "a-suspended-machine", "heartbeat_at": now() - timedelta(minutes=11)}
            connection.execute(sa.update(row).values(asleep))
        with pytest.MonkeyPatch.context() as awake:
            awake.setattr(WriterLock, "beat", beat)
            loaded = other.load(newer, run_id="other", model_version="m").publication_id
            other.publish(loaded)
        published[0] = loaded

    beat = WriterLock.beat
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(WriterLock, "beat", paused)
        with pytest.raises(LockedError, match="taken over"):
            slow.load(theirs, run_id="slow", model_version="m")
    assert other.current() == published[0]
    slept = next(p for p in other.list() if p.run_id == "slow")
    assert slept.state == "failed" and not slept.rows_present
    for table in other.tables.published:
        if "publication_id" not in table.c:
            continue
        count = sa.select(sa.func.count()).select_from(table).where(table.c.publication_id == slept.id)
        with other._engine.connect() as connection:
            assert connection.execute(count).scalar_one() == 0, table.name
    assert lock_module._held.get(slow._engine) is None
    return published[0]
