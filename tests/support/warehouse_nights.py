"""Nights of a small plant, and what the views must show after each: that of a warehouse which saw this night alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine
from warehouse_predictions import (
    ABSTAINED,
    CANDIDATE,
    EVIDENCE,
    OPERATION,
    RESOURCE,
    known_rows,
    warehouse,
    write_rows,
)

from routing_etl.warehouse.publish import LoadReport, Publisher

#: What an item is on a night: not there, abstained, or one of several answers.
STATES = ("absent", "abstained", "one", "two", "other machine")

#: Items of the plant, and jobs with their further machines.
ITEMS = ("A1", " B2", "C3", "누4")
JOBS = ("A01-2", "C10-1")

#: The state of each item, and how often each job's further machine was used (0: it has none).
Night = tuple[tuple[str, ...], tuple[int, ...]]

#: The views over a publication.
VIEWS = (
    "routing_candidates",
    "routing_candidate_operations",
    "routing_candidate_resources",
    "routing_candidate_evidence",
    "routing_flat",
    "routing_abstained",
    "routing_predictions",
    "routing_lot_times",
    "bop_proc_master",
    "bop_proc_detail",
    "bop_proc_res",
)

#: Columns that come with the publication, not with its content.
STAMPS = {
    "publication_id",
    "generated_at",
    "in_dt",
    "up_dt",
    "insrt_dt",
    "updt_dt",
}

Shown = dict[str, list[tuple[Any, ...]]]


def rows_of(night: Night) -> dict[str, list[dict[str, Any]]]:
    """The predictions of a night. An item that is always there keeps a night from being empty."""
    rows = known_rows()
    rows["resource_alternatives"] = []
    for item, state in zip(ITEMS, night[0], strict=True):
        key = {"item_cd": item, "item_key": item.strip()}
        if state == "abstained":
            rows["abstained"].append(ABSTAINED | key)
        elif state != "absent":
            _predicted(rows, key, state)
    for job, uses in zip(JOBS, night[1], strict=True):
        if uses:
            rows["resource_alternatives"].append(
                RESOURCE | {"job_cd": job, "res_cd": "CNC-77", "use_count": uses}
            )
    return rows


def _predicted(rows: dict[str, list[dict[str, Any]]], key: dict[str, str], state: str) -> None:
    """One candidate, or two, and once another machine in the second operation only."""
    for rank in range(1, 3 if state == "two" else 2):
        ranked = key | {"candidate_rank": rank}
        code = {"candidate_id": f"{key['item_cd']}_C{rank:02d}"}
        rows["candidates"].append(CANDIDATE | ranked | code)
        rows["candidate_evidence"].append(EVIDENCE | ranked)
        rows["candidate_operations"] += [
            OPERATION | ranked | {"proc_seq": 10},
            OPERATION
            | ranked
            | {"proc_seq": 20, "job_cd": "C10-1", "res_cd": "M-2" if state == "other machine" else "M-1"},
        ]


def write_night(folder: Path, night: Night) -> Path:
    """The predictions files of a night."""
    return write_rows(folder, rows_of(night))


def shown(engine: Engine, schema: str | None = None) -> Shown:
    """What all views show, without the columns that come with the publication."""
    found: Shown = {}
    with engine.connect() as connection:
        for view in VIEWS:
            # Not by reflection: the catalogue of some servers takes seconds for each view.
            result = connection.execute(sa.select(sa.text("*")).select_from(sa.table(view, schema=schema)))
            kept = [n for n, column in enumerate(result.keys()) if column.lower() not in STAMPS]
            rows = (tuple(_plain(row[n]) for n in kept) for row in result)
            found[view] = sorted(rows, key=str)
    return found


def _plain(value: Any) -> Any:
    """A value as SQLite has it, which knows neither decimals nor dates."""
    if isinstance(value, Decimal | bool):
        return float(value)
    return value.isoformat() if isinstance(value, date) else value


def stamps(engine: Engine, schema: str | None = None) -> set[int]:
    """The publications that the rows of a view say they are of."""
    view = sa.table("routing_predictions", sa.column("publication_id"), schema=schema)
    with engine.connect() as connection:
        return {int(r[0]) for r in connection.execute(sa.select(view.c.publication_id).distinct())}


@lru_cache(maxsize=4096)
def _alone(night: Night) -> tuple[tuple[str, tuple[tuple[Any, ...], ...]], ...]:
    with TemporaryDirectory() as name:
        folder = Path(name)
        publisher, _ = warehouse(folder / "w.db")
        loaded = publisher.load(write_night(folder / "p", night), run_id="r", model_version="m")
        publisher.publish(loaded.publication_id)
        found = shown(publisher._engine)
        publisher._engine.dispose()
    return tuple((view, tuple(rows)) for view, rows in found.items())


def alone(night: Night) -> Shown:
    """What the views show in a warehouse that has loaded this night and no other."""
    return {view: list(rows) for view, rows in _alone(night)}


def left_behind(publisher: Publisher) -> dict[str, int]:
    """Rows, and versions, that no kept publication shows, by table; tables without any are not named."""
    kept = [p.id for p in publisher.list() if p.rows_present]
    found = {}
    with publisher._engine.connect() as connection:
        for versioned in publisher.tables.versioned:
            key = versioned.key
            version = connection.execute(
                sa.select(versioned.versions.c[key], versioned.versions.c.from_publication)
            ).all()
            numbers: dict[str, list[int]] = {}
            for code, number in version:
                numbers.setdefault(code, []).append(number)
            seen = {
                (code, max((n for n in have if n <= p), default=-1))
                for code, have in numbers.items()
                for p in kept
            }
            for table, column in Publisher._by_number(versioned):
                rows = connection.execute(sa.select(table.c[key], column).distinct()).all()
                lost = [r for r in rows if (r[0], r[1]) not in seen]
                if lost:
                    found[table.name] = len(lost)
    return found


class Killed(BaseException):
    """The process ends here."""


@contextmanager
def killed_at(publisher: Publisher, statement: int) -> Iterator[list[str]]:
    """Break off at a statement, counted from 0, as a kill does: nothing is recorded afterwards."""
    sent: list[str] = []

    def count(_connection: Any, _cursor: Any, text: str, *_: Any) -> None:
        sent.append(text)
        if len(sent) > statement:
            raise Killed

    sa.event.listen(publisher._engine, "before_cursor_execute", count)
    try:
        yield sent
    finally:
        sa.event.remove(publisher._engine, "before_cursor_execute", count)


#: Two nights between which items come, change and go.
EVENING: Night = (("one", "one", "two", "absent"), (1, 1))
CHANGED: Night = (("other machine", "one", "absent", "one"), (2, 2))


class Life:
    """A warehouse, what each of its publications must show, and what may happen to it."""

    def __init__(self, folder: Path, publisher: Publisher | None = None) -> None:
        self.folder = folder
        self.publisher = publisher or warehouse(folder / "w.db")[0]
        self.nights: dict[int, Night] = {}
        self._files = 0

    def load(self, night: Night, *, again: bool = False) -> LoadReport:
        self._files += 1
        files = write_night(self.folder / f"p{self._files}", night)
        report = self.publisher.load(files, run_id="r", model_version="m", again=again)
        assert self.nights.setdefault(report.publication_id, night) == night
        return report

    def night(self, night: Night) -> LoadReport:
        """What a night does: it publishes unless the content was rolled back."""
        report = self.load(night)
        if not report.withdrawn:
            self.publisher.publish(report.publication_id)
        self.check()
        return report

    def dead_load(self, night: Night, statement: int) -> None:
        """A load that is killed at a statement; what is whole all the same, because only its lock was left, has to show the night."""
        try:
            with killed_at(self.publisher, statement):
                self.load(night)
        except Killed:
            for publication in self.publisher.list():
                if publication.rows_present:
                    self.nights.setdefault(publication.id, night)

    def rollback(self, choice: int) -> None:
        known = [p.id for p in self.publisher.list() if p.rows_present and p.published_at is not None]
        if known:
            self.publisher.rollback(to=known[choice % len(known)])

    def purge(self, keep: int) -> None:
        self.publisher.purge(keep)
        assert left_behind(self.publisher) == {}

    def check(self) -> None:
        """The published batch is shown as if it were the only one."""
        current = self.publisher.current()
        if current is not None:
            assert shown(self.publisher._engine, self.publisher.schema) == alone(self.nights[current])
            assert stamps(self.publisher._engine, self.publisher.schema) == {current}

    def check_all(self) -> None:
        """Each kept publication can be shown, and shows what it did."""
        for publication in self.publisher.list():
            if publication.rows_present:
                self._point_to(publication.id)
                self.check()

    def _point_to(self, publication_id: int) -> None:
        """Move the pointer and nothing else; the product does not move it to an older batch that was never published."""
        pointer = self.publisher.tables.current_publication
        if self.publisher.current() is None:
            self.publisher.publish(publication_id)
        with self.publisher._engine.begin() as connection:
            connection.execute(sa.update(pointer).values(publication_id=publication_id))


def broken_at_each_statement(
    life: Life,
    *,
    step: int = 1,
    first: int = 0,
    last: int = 10_000,
    restore: Callable[[], None] | None = None,
) -> int:
    """Load, publish and purge of a night that changes items, broken off at every `step`-th of their statements in turn.

    Each time the views show the night before or this one, whole; then the same night ends well and leaves nothing behind.
    `first` and `last`: at which statements to begin and to end, counted from 0. `restore` brings back the night before where
    that is cheaper than publishing it again. Returns how many statements were tried.
    """
    before = life.night(EVENING).publication_id
    life.purge(1)
    statement, tried, ended = first, 0, False
    while not ended and statement <= last:
        if tried and restore:
            restore()
            life.nights = {before: EVENING}
        elif tried:
            before = life.night(EVENING).publication_id
            life.purge(1)
        ended = True
        try:
            with killed_at(life.publisher, statement) as sent:
                life.publisher.publish(life.load(CHANGED).publication_id)
                life.publisher.purge(1)
        except Killed:
            ended = False
        life.check()
        assert life.nights[life.publisher.current() or 0] in (EVENING, CHANGED), sent[-1]
        life.night(CHANGED)
        life.purge(1)
        life.check()
        statement, tried = statement + step, tried + 1
    return tried - ended
