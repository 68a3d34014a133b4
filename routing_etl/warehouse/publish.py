"""Publications: load invisibly, reconcile, move the pointer, roll back, purge.

Why: docs/decisions/0001-publish-by-pointer.md and docs/decisions/0002-idempotent-load-and-reconcile.md.

What belongs here: the life of a publication. What does not: SQL of a single load (`load.py`), counting (`measure.py`),
the lock itself (`lock.py`), run records (`records.py`).

A reader of the views sees the publication that `current_publication` points to, whole, or none. Rows of a batch are
written under a new id that nothing points to, in several transactions; a process that dies leaves the pointer where it
was, and the next load or purge removes what was left. Rows are never changed once loaded.
"""

from __future__ import annotations

import json
import random
import socket
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import polars as pl
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from routing_etl.database.engine import classify, translated
from routing_etl.errors import ReconcileError, RoutingEtlError, WarehouseError
from routing_etl.log import get_logger
from routing_etl.progress import SILENT, Progress
from routing_etl.settings import Settings
from routing_etl.warehouse.changes import affected, delete_step
from routing_etl.warehouse.fixed_table import refresh, require_rcsi
from routing_etl.warehouse.load import Writer, batches, choose_writer, with_publication
from routing_etl.warehouse.lock import WriterLock
from routing_etl.warehouse.measure import (
    Measured,
    Target,
    content_hash,
    differences,
    measure,
    require_rows,
    stored,
    text_unit,
)
from routing_etl.warehouse.migrate import check_head
from routing_etl.warehouse.schema import schema_for, tables
from routing_etl.warehouse.types import now

VALID_TO = date(2999, 12, 31)

#: States whose rows are whole and may be pointed to.
_WHOLE = ("loaded", "published", "retired")

#: Column of `publication` that holds the rows of each table.
_ROW_COLUMNS = {
    "candidate": "rows_candidate",
    "candidate_operation": "rows_operation",
    "candidate_evidence": "rows_evidence",
    "resource_alternative": "rows_resource",
    "abstained_item": "rows_abstained",
}

#: Items per purge transaction, where a statement may hold any number of row locks.
_PURGE_ITEMS = 10_000

_ATTEMPTS = 4

_log = get_logger(__name__)
T = TypeVar("T")
Filled = tuple[Target, pl.DataFrame]


@dataclass(frozen=True)
class LoadReport:
    """What `Publisher.load` did. `rows` by table name. `reused`: the same content was there, nothing was written."""

    publication_id: int
    rows: dict[str, int]
    reused: bool
    state: str
    writer: str
    seconds: dict[str, float]


@dataclass(frozen=True)
class Publication:
    """One publication as people see it. Times are UTC."""

    id: int
    run_id: str
    model_version: str
    state: str
    current: bool
    rows: dict[str, int]
    rows_present: bool
    created_at: datetime
    loaded_at: datetime | None
    published_at: datetime | None
    published_by: str | None
    message: str | None


@dataclass(frozen=True)
class PublishReport:
    """What `publish` or `rollback` did. `changed` is False when the pointer already stood there."""

    publication_id: int
    previous_id: int | None
    changed: bool
    seconds: float


class Publisher:
    """Writes and publishes batches of predictions into our schema.

    Parameters
    ----------
    engine : Engine
        Engine of the warehouse (`database.make_engine`), migrated to head.
    who : str, optional
        Name kept with each move of the pointer; default: the service user and this host.
    writer : Writer, optional
        How rows are written; default: the fastest one the engine can use.
    """

    def __init__(
        self, engine: Engine, settings: Settings, *, who: str | None = None, writer: Writer | None = None
    ) -> None:
        self._engine, self._settings = engine, settings
        self.schema = schema_for(engine, settings.warehouse_schema)
        self.tables = tables(self.schema)
        self._who = (who or f"{settings.service_user}@{socket.gethostname()}")[:128]
        self._writer = writer or choose_writer(engine, settings)

    # --- load -----------------------------------------------------------------------------------------------------
    def load(
        self,
        predictions: Path,
        *,
        run_id: str,
        model_version: str,
        valid_from: date | None = None,
        progress: Progress = SILENT,
    ) -> LoadReport:
        """Write a batch under a new publication id that no reader sees, and reconcile it with its files.

        The same content under the same model version and constants, loaded before and still there, is not written
        again. Rows left by a writer that died, by a failed load or by a broken purge are removed first.

        Parameters
        ----------
        predictions : Path
            Folder with one folder of part files per predictions frame (`frames.py`).
        valid_from : date, optional
            VALID_FROM_DT of the ERP-shaped views; default: today in the configured time zone.

        Raises
        ------
        FrameError
            A file is missing or a value does not fit its column; nothing was written.
        ReconcileError
            The database holds something else than the files; the rows were removed.
        LockedError
            Another writer is at work.
        WarehouseError
            The database refused; rows written so far are invisible and are removed by the next
            load.
        TransientDatabaseError
            The database refused; rows written so far are invisible and are removed by the next
            load.
        DiskFullError
            The database refused; rows written so far are invisible and are removed by the next
            load.
        """
        check_head(self._engine, self.schema)
        seconds: dict[str, float] = {}
        started = time.monotonic()
        measured, digest = self._measure(predictions, model_version)
        seconds["measure"] = time.monotonic() - started
        with WriterLock(self._engine, self.tables, f"load of run {run_id}") as lock:
            started = time.monotonic()
            self._clean(lock)
            seconds["clean"] = time.monotonic() - started
            found = self._find(digest)
            if found is not None:
                _log.info("publication_reused", publication_id=found.id, state=found.state)
                return LoadReport(found.id, found.rows, True, found.state, "", seconds)
            publication_id = self._insert(run_id, model_version, digest, measured, valid_from)
            try:
                started = time.monotonic()
                rows_to_write = sum(m.rows for m in measured)
                self._write(publication_id, batches(predictions, self.tables), rows_to_write, lock, progress)
                seconds["write"] = time.monotonic() - started
                started = time.monotonic()
                self._reconcile(publication_id, measured, progress)
                seconds["reconcile"] = time.monotonic() - started
            except ReconcileError as exc:
                self._writer.close()
                self._mark_failed(publication_id, exc.message)
                self._delete_rows(publication_id, lock)
                raise
            except BaseException as exc:
                self._writer.close()
                self._try_mark_failed(publication_id, exc)
                raise
            writer = self._writer.name
            self._mark_loaded(publication_id, writer)
            self._writer.close()
        rows = {m.target.table.name: m.rows for m in measured}
        _log.info("publication_loaded", publication_id=publication_id, rows=rows, seconds=seconds)
        return LoadReport(publication_id, rows, False, "loaded", writer, seconds)

    def _measure(self, predictions: Path, model_version: str) -> tuple[list[Measured], str]:
        """What the files hold, and its content hash under the model version and the constants."""
        with translated("warehouse", self._engine.url), self._engine.connect() as connection:
            unit = text_unit(connection)
        measured = measure(predictions, self.tables, self._engine.dialect.name, unit)
        require_rows(measured, predictions)
        constants = {**self._settings.output_constants(), "model_version": model_version}
        return measured, content_hash(measured, constants)

    def _insert(
        self,
        run_id: str,
        model_version: str,
        digest: str,
        measured: list[Measured],
        valid_from: date | None,
    ) -> int:
        values: dict[str, Any] = {
            "run_id": run_id,
            "model_version": model_version,
            "state": "loading",
            "content_hash": digest,
            "checksums": json.dumps({m.target.table.name: m.checksums for m in measured}),
            "writer": self._writer.name,
            "created_at": now(),
            "valid_from": valid_from or datetime.now(ZoneInfo(self._settings.timezone)).date(),
            "valid_to": VALID_TO,
            **{_ROW_COLUMNS[m.target.table.name]: m.rows for m in measured},
            **self._settings.output_constants(),
        }
        for name in ("run_id", "model_version"):
            column = self.tables.publication.c[name]
            limit = getattr(column.type, "length", None)
            if limit is not None and len(values[name]) > limit:
                raise WarehouseError(
                    f"{name} {values[name]!r} has {len(values[name])} characters, at most {limit} fit.",
                    remedy="Use a shorter name.",
                )

        def insert(connection: Connection) -> int:
            result = connection.execute(sa.insert(self.tables.publication).values(values))
            key = result.inserted_primary_key
            assert key is not None
            return int(key[0])

        return self._transaction(insert)

    def _write(
        self,
        publication_id: int,
        parts: Iterable[list[Filled]],
        total: int | None,
        lock: WriterLock,
        progress: Progress,
    ) -> int:
        """Write parts, one transaction each; returns the rows written."""
        rows = 0
        with progress.task("Loading rows", total) as task:
            for batch in parts:
                filled = [(t, with_publication(f, publication_id)) for t, f in batch if f.height]
                if not filled:
                    continue

                def write(connection: Connection, filled: list[Filled] = filled) -> None:
                    for target, frame in filled:
                        self._writer.write(connection, target.table, frame)

                def written(first: Filled = filled[0]) -> bool:
                    return self._holds(*first)

                # Rows of a writer with connections of its own say nothing about the others of the batch.
                self._transaction(write, done=written if self._writer.transactional else None)
                lock.beat()
                rows += sum(frame.height for _, frame in filled)
                task.advance(sum(frame.height for _, frame in filled))
        return rows

    def _holds(self, target: Target, frame: pl.DataFrame) -> bool:
        """Whether the frame's first row is in its table: its transaction was committed."""
        key = [c.name for c in target.table.primary_key.columns]
        first = frame.select(key).row(0, named=True)
        query = sa.select(sa.func.count()).select_from(target.table)
        query = query.where(*(target.table.c[name] == first[name] for name in key))
        with translated("warehouse", self._engine.url), self._engine.connect() as connection:
            return bool(connection.execute(query).scalar_one())

    def _reconcile(self, publication_id: int, measured: list[Measured], progress: Progress) -> None:
        wrong: list[str] = []
        with progress.task("Reconciling", len(measured)) as task:
            for expected in measured:
                with translated("warehouse", self._engine.url), self._engine.connect() as connection:
                    rows, checksums = stored(connection, expected.target, publication_id)
                wrong += differences(expected, rows, checksums)
                task.advance()
        if wrong:
            shown = "; ".join(wrong[:5]) + (f"; and {len(wrong) - 5} more" if len(wrong) > 5 else "")
            raise ReconcileError(
                f"Publication {publication_id} does not hold what its files hold: {shown}.",
                remedy="Its rows were removed and the current publication stays; run again, and if it happens again "
                "check driver and collation.",
            )

    def _mark_loaded(self, publication_id: int, writer: str) -> None:
        def mark(connection: Connection) -> None:
            moment = now()
            self._set(connection, publication_id, state="loaded", loaded_at=moment, writer=writer[:200])
            self._event(connection, publication_id, "loaded", moment)

        self._transaction(mark)

    def _mark_failed(self, publication_id: int, message: str) -> None:
        def mark(connection: Connection) -> None:
            self._set(connection, publication_id, state="failed", message=message[:2000])
            self._event(connection, publication_id, "failed", now(), message)

        self._transaction(mark)

    def _try_mark_failed(self, publication_id: int, exc: BaseException) -> None:
        """Say why, when the database still takes it; if not, the state `loading` under no lock says the same."""
        try:
            self._mark_failed(publication_id, f"{type(exc).__name__}: {exc}")
        except RoutingEtlError as error:
            _log.warning("failure_not_recorded", publication_id=publication_id, error=str(error)[:300])

    # --- publish --------------------------------------------------------------------------------------------------
    def publish(self, publication_id: int) -> PublishReport:
        """Move the pointer to a loaded publication, in one short transaction; the one before is retired.

        In mode `table` the same transaction brings the changes into `routing_flat_table`.

        Published already: nothing changes. An outcome that is not known (connection lost in the commit) is read back.

        Raises
        ------
        WarehouseError
            There is no such publication, or its rows are not whole.
        LockedError
            Another writer works.
        """
        check_head(self._engine, self.schema)
        with WriterLock(self._engine, self.tables, f"publish of publication {publication_id}"):
            return self._move(publication_id, "published")

    def rollback(self, to: int | None = None) -> PublishReport:
        """Move the pointer back: to the newest earlier publication that was published, or to `to`.

        Raises
        ------
        WarehouseError
            There is none whose rows are still there; names those that are.
        """
        check_head(self._engine, self.schema)
        with WriterLock(self._engine, self.tables, "rollback"):
            known = [p for p in self.list() if p.rows_present and p.published_at is not None]
            current = next((p.id for p in known if p.current), None)
            earlier = [p.id for p in known if current is not None and p.id < current]
            target = to if to is not None else max(earlier, default=None)
            if target is None or target not in {p.id for p in known}:
                others = ", ".join(str(p.id) for p in known if not p.current) or "none"
                wanted = "no earlier publication" if to is None else f"no publication {to}"
                raise WarehouseError(
                    f"Cannot roll back: {wanted} with its rows still there (current: {current}; available: {others}).",
                    remedy="Give one of the available ids, or load and publish again.",
                )
            return self._move(target, "rolled_back")

    def _move(self, publication_id: int, event: str) -> PublishReport:
        started = time.monotonic()
        found = next((p for p in self.list() if p.id == publication_id), None)
        if found is None or found.state not in _WHOLE:
            state = "does not exist" if found is None else f"is {found.state}"
            available = ", ".join(str(p.id) for p in self.list() if p.state in _WHOLE) or "none"
            raise WarehouseError(
                f"Publication {publication_id} {state} and cannot be published (available: {available}).",
                remedy="Load first: routing-etl publish",
            )
        previous = self.current()
        fixed = self._settings.publish_mode == "table"
        if fixed:
            require_rcsi(self._engine)
        if previous == publication_id:
            if fixed:
                self._transaction(lambda connection: refresh(connection, self.tables), durable=True)
            return PublishReport(publication_id, previous, False, time.monotonic() - started)

        def move(connection: Connection) -> None:
            self._point(connection, previous, publication_id, event)
            if fixed:
                refresh(connection, self.tables)

        self._transaction(move, done=lambda: self.current() == publication_id, durable=True)
        seconds = time.monotonic() - started
        _log.info(event, publication_id=publication_id, previous=previous, seconds=seconds)
        return PublishReport(publication_id, previous, True, seconds)

    def _point(self, connection: Connection, previous: int | None, publication_id: int, event: str) -> None:
        """The pointer is moved last: readers that wait for locks (READ COMMITTED without row versions) wait for it from
        then to the commit only."""
        pointer, moment = self.tables.current_publication, now()
        values = {"publication_id": publication_id, "moved_at": moment, "moved_by": self._who}
        if previous is not None:
            self._event(connection, previous, "retired", moment)
        self._event(connection, publication_id, event, moment)
        if previous is not None:
            self._set(connection, previous, state="retired", retired_at=moment)
        self._set(
            connection,
            publication_id,
            state="published",
            published_at=moment,
            published_by=self._who,
            retired_at=None,
        )
        if previous is None:
            connection.execute(sa.insert(pointer).values(slot=1, **values))
            return
        step = (
            sa.update(pointer).where(pointer.c.slot == 1, pointer.c.publication_id == previous).values(values)
        )
        if affected(connection, step, pointer.c.slot) != 1:
            raise WarehouseError(
                f"The pointer no longer stood at publication {previous}; it was not moved.",
                remedy="Something moved it outside this product's lock; look at publication_event, then run again.",
            )

    # --- look -----------------------------------------------------------------------------------------------------
    def current(self) -> int | None:
        """Id of the publication that readers see; None before the first."""
        pointer = self.tables.current_publication
        with translated("warehouse", self._engine.url), self._engine.connect() as connection:
            found = connection.execute(sa.select(pointer.c.publication_id)).scalar_one_or_none()
            return None if found is None else int(found)

    def list(self) -> list[Publication]:
        """All publications, newest first, purged and failed ones included."""
        batch, pointer = self.tables.publication, self.tables.current_publication
        query = (
            sa.select(batch, pointer.c.slot)
            .select_from(batch.outerjoin(pointer, pointer.c.publication_id == batch.c.id))
            .order_by(batch.c.id.desc())
        )
        with translated("warehouse", self._engine.url), self._engine.connect() as connection:
            return [_publication(row) for row in connection.execute(query)]

    def _find(self, digest: str) -> Publication | None:
        batch = self.tables.publication
        query = (
            sa.select(batch, sa.null().label("slot"))
            .where(batch.c.content_hash == digest, batch.c.state.in_(_WHOLE), batch.c.purged_at.is_(None))
            .order_by(batch.c.id.desc())
            .limit(1)
        )
        with translated("warehouse", self._engine.url), self._engine.connect() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else _publication(row)

    # --- purge ----------------------------------------------------------------------------------------------------
    def purge(self, keep: int, *, progress: Progress = SILENT) -> tuple[int, ...]:
        """Remove the rows of all but the newest `keep` publications (the current one counts and always stays).

        Rows go in small transactions; the publication's own row stays as a record. Returns the purged ids.
        """
        check_head(self._engine, self.schema)
        if keep < 1:
            raise WarehouseError(
                f"keep = {keep} would remove the current publication.", remedy="Keep at least 1."
            )
        with WriterLock(self._engine, self.tables, "purge") as lock:
            self._clean(lock)
            whole = [p for p in self.list() if p.state in _WHOLE and p.rows_present]
            others = [p.id for p in whole if not p.current]
            gone = others[keep - sum(p.current for p in whole) :]
            with progress.task("Purging old publications", len(gone)) as task:
                for publication_id in gone:
                    self._retire_for_purge(publication_id)
                    self._delete_rows(publication_id, lock)
                    task.advance()
        return tuple(gone)

    def _retire_for_purge(self, publication_id: int) -> None:
        def mark(connection: Connection) -> None:
            self._set(connection, publication_id, state="purged")
            self._event(connection, publication_id, "purged", now())

        self._transaction(mark)

    def _clean(self, lock: WriterLock) -> None:
        """Remove what is left of loads and purges that did not end. We hold the lock, so their writers are gone."""
        batch = self.tables.publication
        left = sa.select(batch.c.id, batch.c.state).where(
            batch.c.state.in_(("loading", "failed", "purged")), batch.c.purged_at.is_(None)
        )
        with translated("warehouse", self._engine.url), self._engine.connect() as connection:
            found = connection.execute(left.order_by(batch.c.id)).all()
        for publication_id, state in found:
            _log.warning("leftover_removed", publication_id=publication_id, state=state)
            if state == "loading":
                self._mark_failed(publication_id, "Its writer ended before the load was complete.")
            self._delete_rows(publication_id, lock)

    def _delete_rows(self, publication_id: int, lock: WriterLock) -> None:
        """Remove a publication's rows: by ranges of items, or on SQL Server by parts that keep row locks."""
        if self._engine.dialect.name == "mssql":
            # Children first: then the cascade of a candidate finds nothing, and a part locks what it says.
            for table in reversed(self.tables.published):
                step = delete_step(table, table.c.publication_id == publication_id)
                while self._transaction(step):
                    lock.beat()
            self._transaction(lambda connection: self._set(connection, publication_id, purged_at=now()))
            return
        self._delete_ranges(publication_id, lock)

    def _delete_ranges(self, publication_id: int, lock: WriterLock) -> None:
        candidate = self.tables.candidate
        edge = (
            sa.select(candidate.c.item_cd)
            .where(candidate.c.publication_id == publication_id)
            .order_by(candidate.c.item_cd, candidate.c.candidate_rank)
            .offset(_PURGE_ITEMS)
            .limit(1)
        )
        while True:

            def part(connection: Connection) -> bool:
                last = connection.execute(edge).scalar_one_or_none()
                # Children first, although the foreign keys would cascade: each delete is one range of the key.
                for table in reversed(self.tables.published):
                    delete = sa.delete(table).where(table.c.publication_id == publication_id)
                    if last is not None:
                        if table.name == "resource_alternative":
                            continue
                        delete = delete.where(table.c.item_cd <= last)
                    connection.execute(delete)
                if last is None:
                    self._set(connection, publication_id, purged_at=now())
                return last is None

            if self._transaction(part):
                return
            lock.beat()

    # --- helpers --------------------------------------------------------------------------------------------------
    def _set(self, connection: Connection, publication_id: int, **values: Any) -> None:
        batch = self.tables.publication
        connection.execute(sa.update(batch).where(batch.c.id == publication_id).values(values))

    def _event(
        self,
        connection: Connection,
        publication_id: int,
        event: str,
        moment: datetime,
        message: str | None = None,
    ) -> None:
        connection.execute(
            sa.insert(self.tables.publication_event).values(
                publication_id=publication_id,
                event=event,
                happened_at=moment,
                done_by=self._who,
                message=message[:2000] if message else None,
            )
        )

    def _transaction(
        self,
        work: Callable[[Connection], T],
        *,
        done: Callable[[], bool] | None = None,
        durable: bool = False,
    ) -> T:
        """Run `work` in one transaction; try again after transient errors (deadlock, dropped connection).

        `done` tells after an error whether the commit took place after all. `durable`: the commit must be on disk.
        """
        for attempt in range(1, _ATTEMPTS + 1):
            result: T | None = None
            try:
                with self._engine.connect() as connection:
                    if durable and self._engine.dialect.name == "sqlite":
                        connection.exec_driver_sql("PRAGMA synchronous = FULL")
                        connection.commit()
                    with connection.begin():
                        result = work(connection)
                return result
            except (sa.exc.SQLAlchemyError, OSError) as exc:
                error: RoutingEtlError = classify(exc, "warehouse", self._engine.url)
                if done is not None and error.transient and self._outcome(done):
                    return result  # type: ignore[return-value]
                if not error.transient or attempt == _ATTEMPTS:
                    raise error from exc
                _log.warning("transient_error", attempt=attempt, error=str(error)[:300])
                time.sleep(0.2 * 2**attempt * (0.5 + random.random()))
        raise AssertionError("unreachable")

    def _outcome(self, done: Callable[[], bool]) -> bool:
        try:
            return done()
        except RoutingEtlError as exc:
            _log.warning("outcome_not_known", error=str(exc)[:300])
            return False


def _publication(row: Any) -> Publication:
    return Publication(
        id=row.id,
        run_id=row.run_id,
        model_version=row.model_version,
        state=row.state,
        current=row.slot is not None,
        rows={table: getattr(row, column) for table, column in _ROW_COLUMNS.items()},
        rows_present=row.purged_at is None and row.state in _WHOLE,
        created_at=row.created_at,
        loaded_at=row.loaded_at,
        published_at=row.published_at,
        published_by=row.published_by,
        message=row.message,
    )
