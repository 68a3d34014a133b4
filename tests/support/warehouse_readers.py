"""Readers that look at the published views all the time while a writer publishes; used by a test and a benchmark."""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine

#: Rows by publication, and rows that have the key of another: a whole batch is one publication without duplicates.
_BATCH = """
SELECT publication_id, COUNT(*) AS n, SUM(sample_count) AS total,
       COUNT(*) - COUNT(DISTINCT {row}) AS doubles
FROM {schema}routing_predictions GROUP BY publication_id
"""
_ROW = "item_cd || '/' || candidate_rank || '/' || proc_seq"
_ROW_MSSQL = "CONCAT(item_cd, '/', candidate_rank, '/', proc_seq)"
_ITEM = "SELECT publication_id, candidate_rank, proc_seq FROM {schema}routing_predictions WHERE item_cd = "


@dataclass
class Seen:
    """What the readers saw."""

    reads: int = 0
    mixed: int = 0
    empty: int = 0
    wrong: int = 0
    publications: set[int] = field(default_factory=set)
    seconds: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


class Readers:
    """Threads that read until stopped. `expected`: publication id to (rows, sum of sample_count), filled by the writer
    before it publishes. `pause`: seconds between two reads on average; 0 keeps every thread busy, and what is then
    measured is mostly the wait for a processor."""

    def __init__(
        self,
        make_engine: Any,
        count: int,
        item: str,
        rows_per_item: int,
        *,
        whole_every: int = 1,
        pause: float = 0.0,
        marker: str = "?",
        schema: str = "",
    ) -> None:
        self.expected: dict[int, tuple[int, int]] = {}
        self.seen = [Seen() for _ in range(count)]
        self._stop = threading.Event()
        self._item, self._rows_per_item, self._every = item, rows_per_item, whole_every
        self._pause = pause
        prefix = f"{schema}." if schema else ""
        self._by_item = _ITEM.format(schema=prefix) + marker
        self._whole = {
            name: _BATCH.format(schema=prefix, row=_ROW_MSSQL if name == "mssql" else _ROW)
            for name in ("mssql", "sqlite", "postgresql")
        }
        self._threads = [threading.Thread(target=self._read, args=(make_engine(), s)) for s in self.seen]

    def _read(self, engine: Engine, seen: Seen) -> None:
        while not self._stop.is_set():
            try:
                with engine.connect() as connection:
                    started = time.perf_counter()
                    rows = connection.exec_driver_sql(self._by_item, (self._item,)).all()
                    seen.seconds.append(time.perf_counter() - started)
                    self._judge_item(rows, seen)
                    if seen.reads % self._every == 0:
                        self._judge_batch(
                            connection.exec_driver_sql(self._whole[engine.dialect.name]).all(), seen
                        )
                seen.reads += 1
                self._stop.wait(random.uniform(0, 2 * self._pause))
            except (sa.exc.SQLAlchemyError, AssertionError) as exc:
                seen.errors.append(str(exc))
        engine.dispose()

    def _judge_item(self, rows: Any, seen: Seen) -> None:
        seen.empty += not rows
        seen.mixed += len({r.publication_id for r in rows}) > 1
        seen.wrong += len(rows) != self._rows_per_item or len({tuple(r) for r in rows}) != len(rows)
        seen.publications |= {r.publication_id for r in rows}

    def _judge_batch(self, rows: Any, seen: Seen) -> None:
        seen.empty += not rows
        seen.mixed += len(rows) > 1
        for row in rows:
            seen.publications.add(row.publication_id)
            seen.wrong += (row.n, row.total) != self.expected[row.publication_id] or row.doubles != 0

    def __enter__(self) -> Readers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def total(self) -> Seen:
        """All readers together."""
        total = Seen()
        for seen in self.seen:
            total.reads += seen.reads
            total.mixed += seen.mixed
            total.empty += seen.empty
            total.wrong += seen.wrong
            total.publications |= seen.publications
            total.seconds += seen.seconds
            total.errors += seen.errors
        return total
