"""Publications: load invisibly, reconcile, move the pointer, roll back.

Readers of the views see the publication that `current_publication` points to, whole, or none. A load writes
the rows of the items that have changed, under a new id that nothing points to, in several transactions; what
has not changed stays where it is (`versions.py`). If the process dies, the pointer stays where it was, and
the next load or purge removes what is left. Rows are never changed once loaded.

Why: docs/decisions/0001-publish-by-pointer.md, docs/decisions/0002-idempotent-load-and-reconcile.md and
docs/decisions/0014-item-versions.md.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from itertools import chain
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from routing_etl.database.engine import translated
from routing_etl.errors import ReconcileError, RoutingEtlError, WarehouseError
from routing_etl.log import get_logger
from routing_etl.progress import SILENT, Progress, Task
from routing_etl.settings import Settings
from routing_etl.warehouse.changes import affected, insert_for_key
from routing_etl.warehouse.contents import (
    Contents,
    content_hash,
    contents_of,
    differences,
    hashes_of,
    require_rows,
    stored,
    text_unit,
)
from routing_etl.warehouse.fixed_table import refresh, require_rcsi
from routing_etl.warehouse.load import (
    Way,
    Writer,
    batches,
    beating,
    choose_writer,
    resources,
    way_of,
    with_publication,
)
from routing_etl.warehouse.lock import WriterLock
from routing_etl.warehouse.migrate import check_head
from routing_etl.warehouse.moves import moved_back, seen
from routing_etl.warehouse.own_readers import refuse_readers_by_number
from routing_etl.warehouse.owner import require_owner
from routing_etl.warehouse.publications import ROW_COLUMNS, WHOLE, Publication, quality_of
from routing_etl.warehouse.purge import Purger
from routing_etl.warehouse.schema import Versioned
from routing_etl.warehouse.types import now
from routing_etl.warehouse.versions import (
    Changes,
    close_gone,
    compare,
    in_parts,
    shown_before,
    version_rows,
)
from routing_etl.warehouse.writing import of_run, on_request, put_in_force, require_newest, run_at_work

#: VALID_TO_DT of the ERP-shaped views: no end.
VALID_TO = date(2999, 12, 31)

_log = get_logger(__name__)
Filled = tuple[sa.Table, pl.DataFrame]


@dataclass(frozen=True)
class Written:
    """What a load wrote: the items that are new, differ or are gone, and the rows of all tables, versions included.

    `sent` is how many of the rows went through the writer; versions of what is gone are statements of their own.
    """

    items: int
    rows: int
    sent: int


@dataclass(frozen=True)
class LoadReport:
    """What `Publisher.load` did.

    Parameters
    ----------
    publication_id : int
        The publication that holds the batch.
    rows : dict[str, int]
        Rows that it shows, by table.
    reused : bool
        The same content was there already, and nothing was written.
    state : str
        Its state.
    writer : str
        How rows were sent; empty where none had to be.
    seconds : dict[str, float]
        By part of the work.
    writer_reason : str
        Why not the fastest way, empty if it was.
    items_changed : int
        Items that are new, differ or are gone.
    rows_written : int
        Rows of all tables, versions included; of what has not changed, none.
    withdrawn : bool
        The same content was published before and rolled back. It is not to be published again by itself.
    """

    publication_id: int
    rows: dict[str, int]
    reused: bool
    state: str
    writer: str
    seconds: dict[str, float]
    writer_reason: str = ""
    items_changed: int = 0
    rows_written: int = 0
    withdrawn: bool = False


@dataclass(frozen=True)
class PublishReport:
    """What `publish` or `rollback` did. `changed` is False if the pointer was there already."""

    publication_id: int
    previous_id: int | None
    changed: bool
    seconds: float


@contextmanager
def timed(seconds: dict[str, float], part: str) -> Iterator[None]:
    """Put the time that the block takes into `seconds`."""
    started = time.monotonic()
    yield
    seconds[part] = time.monotonic() - started


class Publisher(Purger):
    """Writes and publishes batches of predictions into our schema.

    Parameters
    ----------
    engine : Engine
        Engine of the warehouse (`database.make_engine`), migrated to head.
    settings : Settings
        Schema, publish mode, output words and service user.
    who : str, optional
        Name recorded with each event. None: the service user and this host.
    writer : Writer, optional
        How rows are written. None: the fastest way that the engine allows.
    """

    def __init__(
        self, engine: Engine, settings: Settings, *, who: str | None = None, writer: Writer | None = None
    ) -> None:
        super().__init__(engine, settings, who=who)
        self._writer = writer or choose_writer(engine, settings)

    # --- load -----------------------------------------------------------------------------------------------------
    def load(
        self,
        predictions: Path,
        *,
        run_id: str,
        model_version: str,
        valid_from: date | None = None,
        again: bool = False,
        progress: Progress = SILENT,
    ) -> LoadReport:
        """Write what a batch changes under a new publication id that no reader sees, and reconcile the whole of it.

        If the same content under the same model version and constants was loaded before and is still there, nothing is
        written. If it was rolled back, nothing is written either, and the report says so (`withdrawn`). Rows left by a
        writer that died, by a failed load or by an interrupted purge are removed first.

        Parameters
        ----------
        predictions : Path
            Folder with one folder of part files per predictions frame (`frames`).
        run_id : str
            The run that made the predictions.
        model_version : str
            The model version that made them.
        valid_from : date, optional
            VALID_FROM_DT of the ERP-shaped views. None: today in the configured time zone.
        again : bool, default False
            Load content that was rolled back, if its rows are not there any more, or that is of an older read of the ERP than what
            is in force.
        progress : Progress, optional
            Shows how far the work is.

        Raises
        ------
        FrameError
            A file is missing or a value does not fit its column; nothing was written.
        ReconcileError
            The database holds something else than the files; the rows were removed.
        LockedError
            Another writer is at work.
        OvertakenError
            A run that began to read the ERP later is in force.
        WarehouseError
            The database refused. Rows written so far are invisible; the next load removes them.
        TransientDatabaseError
            As WarehouseError, but running again can succeed.
        DiskFullError
            As WarehouseError: there is no space left.
        """
        check_head(self._engine, self.schema)
        seconds: dict[str, float] = {}
        with timed(seconds, "measure"):
            contents, digest = self._contents(predictions, model_version)
        with (
            of_run(run_id),
            on_request(again),
            WriterLock(self._engine, self.tables, f"load of run {run_id}") as lock,
        ):
            require_owner(self._engine, self.tables, self._settings)
            with timed(seconds, "clean"):
                self._clean(lock)
            found = self._known(digest, again=again)
            if found is not None:
                return LoadReport(
                    found.id, found.rows, True, found.state, "", seconds, withdrawn=found.withdrawn
                )
            publication_id = self._insert(run_id, model_version, digest, contents, valid_from)
            with self._failed_on_error(publication_id, lock):
                with timed(seconds, "compare"):
                    items, jobs = (
                        self._changes(publication_id, v, hashes_of(v, contents))
                        for v in self.tables.versioned
                    )
                with timed(seconds, "write"):
                    written = self._fill(publication_id, predictions, (items, jobs), lock, progress)
                with timed(seconds, "reconcile"):
                    self._reconcile(publication_id, contents, progress)
            way = way_of(self._writer) if written.sent else Way("", "")
            self._mark_loaded(publication_id, way, written)
            self._writer.close()
        return self._loaded(publication_id, contents, seconds, way, written)

    def _known(self, digest: str, *, again: bool) -> Publication | None:
        """The publication that holds this content already, or did until it was rolled back; None: load it.

        Raises WarehouseError if it has to be loaded and a view of the site's own would then show wrong rows.
        """
        found, current = self._find(digest), self.current()
        # One that was never published is not published once a newer one is.
        missed = (
            found is not None and found.published_at is None and current is not None and current > found.id
        )
        if found is None or missed or (again and not found.rows_present):
            refuse_readers_by_number(self._engine, self.tables)
            return None
        _log.info("publication_reused", publication_id=found.id, state=found.state, withdrawn=found.withdrawn)
        return found

    def _changes(self, publication_id: int, versioned: Versioned, files: pl.DataFrame) -> Changes:
        """What the files change of what is shown so far."""
        with translated("warehouse", self._engine.url), self._engine.connect() as connection:
            return compare(versioned, files, shown_before(connection, versioned, publication_id))

    def _fill(
        self,
        publication_id: int,
        predictions: Path,
        changes: tuple[Changes, Changes],
        lock: WriterLock,
        progress: Progress,
    ) -> Written:
        """Write versions and rows of what has changed, versions first, and close what is gone."""
        items, jobs = changes
        parts = (
            [(target.table, with_publication(frame, publication_id)) for target, frame in batch]
            for batch in chain(
                batches(predictions, self.tables, only=items.only()),
                [resources(predictions, self.tables, only=jobs.only())],
            )
        )
        sent = closed = 0
        with progress.task("Loading rows") as task:
            for change in changes:
                sent += self._write(self._versions(change, publication_id), lock, task)
                closed += self._close_gone(change, publication_id, lock)
            sent += self._write(parts, lock, task)
        return Written(items.count, sent + closed, sent)

    @staticmethod
    def _versions(changes: Changes, publication_id: int) -> Iterator[list[Filled]]:
        return ([(changes.versioned.versions, rows)] for rows in version_rows(changes, publication_id))

    def _close_gone(self, changes: Changes, publication_id: int, lock: WriterLock) -> int:
        """Write versions without rows for what the publication shows no more. Returns their number."""
        versioned = changes.versioned
        for part in in_parts(changes.gone.to_list()):
            statement = close_gone(versioned, part, publication_id)

            def close(connection: Connection, statement: sa.Insert = statement) -> None:
                connection.execute(statement)

            self._transaction(close)
            lock.beat()
        return len(changes.gone)

    @contextmanager
    def _failed_on_error(self, publication_id: int, lock: WriterLock) -> Iterator[None]:
        """Mark the publication as failed if the block fails; rows that differ from their files are removed at once."""
        try:
            yield
        except ReconcileError as exc:
            self._writer.close()
            self._mark_failed(publication_id, exc.message)
            self._delete_rows(publication_id, lock)
            raise
        except BaseException as exc:
            self._writer.close()
            self._try_mark_failed(publication_id, exc)
            raise

    @staticmethod
    def _loaded(
        publication_id: int,
        contents: list[Contents],
        seconds: dict[str, float],
        way: Way,
        written: Written,
    ) -> LoadReport:
        rows = {c.target.table.name: c.rows for c in contents}
        _log.info(
            "publication_loaded",
            publication_id=publication_id,
            rows=rows,
            items_changed=written.items,
            rows_written=written.rows,
            seconds=seconds,
        )
        return LoadReport(
            publication_id,
            rows,
            False,
            "loaded",
            way.writer,
            seconds,
            way.reason,
            written.items,
            written.rows,
        )

    def _contents(self, predictions: Path, model_version: str) -> tuple[list[Contents], str]:
        """What the files hold, and its hash together with the model version and the constants."""
        with translated("warehouse", self._engine.url), self._engine.connect() as connection:
            unit = text_unit(connection)
        contents = contents_of(predictions, self.tables, self._engine.dialect.name, unit)
        require_rows(contents, predictions)
        constants = {**self._settings.output_constants(), "model_version": model_version}
        return contents, content_hash(contents, constants)

    def _insert(
        self,
        run_id: str,
        model_version: str,
        digest: str,
        contents: list[Contents],
        valid_from: date | None,
    ) -> int:
        """Add the row of a new publication; returns its id."""
        values: dict[str, Any] = {
            "run_id": run_id,
            "model_version": model_version,
            "state": "loading",
            "content_hash": digest,
            "checksums": json.dumps({c.target.table.name: c.checksums for c in contents}),
            "writer": self._writer.name,
            "created_at": now(),
            "valid_from": valid_from or datetime.now(ZoneInfo(self._settings.timezone)).date(),
            "valid_to": VALID_TO,
            **{ROW_COLUMNS[c.target.table.name]: c.rows for c in contents},
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
            quality = {"model_quality": quality_of(connection, self.tables, model_version)}
            return insert_for_key(connection, self.tables.publication, values | quality)

        return self._transaction(insert)

    def _write(self, parts: Iterable[list[Filled]], lock: WriterLock, task: Task) -> int:
        """Write the parts, one transaction each. Returns the rows written."""
        rows = 0
        with beating(self._writer, lock.fence):
            for part in parts:
                filled = [(table, frame) for table, frame in part if frame.height]
                if not filled:
                    continue

                def write(connection: Connection, filled: list[Filled] = filled) -> None:
                    for table, frame in filled:
                        self._writer.write(connection, table, frame)

                def written(first: Filled = filled[0]) -> bool:
                    return self._holds(*first)

                # If the writer has its own connections, its first row says nothing about the rest of the batch.
                self._transaction(write, done=written if self._writer.transactional else None)
                lock.beat()
                rows += sum(frame.height for _, frame in filled)
                task.advance(sum(frame.height for _, frame in filled))
        return rows

    def _holds(self, table: sa.Table, frame: pl.DataFrame) -> bool:
        """Whether the frame's first row is in its table, which means that its transaction was committed."""
        key = [c.name for c in table.primary_key.columns]
        first = frame.select(key).row(0, named=True)
        query = sa.select(sa.func.count()).select_from(table)
        query = query.where(*(table.c[name] == first[name] for name in key))
        with translated("warehouse", self._engine.url), self._engine.connect() as connection:
            return bool(connection.execute(query).scalar_one())

    def _reconcile(self, publication_id: int, contents: list[Contents], progress: Progress) -> None:
        """Compare what the publication would show of every table with the files."""
        wrong: list[str] = []
        with progress.task("Reconciling", len(contents)) as task:
            for expected in contents:
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

    def _mark_loaded(self, publication_id: int, way: Way, written: Written) -> None:
        def mark(connection: Connection) -> None:
            moment = now()
            self._set(
                connection,
                publication_id,
                state="loaded",
                loaded_at=moment,
                items_changed=written.items,
                rows_written=written.rows,
                **way.recorded(),
            )
            self._event(connection, publication_id, "loaded", moment)

        self._transaction(mark)

    def _try_mark_failed(self, publication_id: int, exc: BaseException) -> None:
        """Record the reason, if the database still can. If not, the state `loading` without a lock means the same."""
        try:
            self._mark_failed(publication_id, f"{type(exc).__name__}: {exc}")
        except RoutingEtlError as error:
            _log.warning("failure_not_recorded", publication_id=publication_id, error=str(error)[:300])

    # --- publish --------------------------------------------------------------------------------------------------
    def publish(self, publication_id: int) -> PublishReport:
        """Move the pointer to a loaded publication in one short transaction, and retire the previous one.

        In mode `table` the same transaction also updates `routing_flat_table`. If the publication is published already,
        nothing changes. If the outcome is unknown (connection lost during the commit), it is read back.

        Raises
        ------
        WarehouseError
            There is no such publication, it is not loaded completely, or one that was loaded after it is published already and
            is of a later read of the ERP, or of one whose place in the order of reads is not known.
        ConfigurationError
            The schema belongs to another plant.
        LockedError
            Another writer is at work.
        OvertakenError
            A run that began to read the ERP later is in force.
        """
        check_head(self._engine, self.schema)
        with WriterLock(self._engine, self.tables, f"publish of publication {publication_id}"):
            require_owner(self._engine, self.tables, self._settings)
            return self._move(publication_id, "published")

    def rollback(self, to: int | None = None) -> PublishReport:
        """Move the pointer back to an earlier publication.

        Those that it is moved back over are withdrawn: a load of the same content reports it, and a night then leaves
        the pointer where it is.

        Parameters
        ----------
        to : int, optional
            Id of a publication that was published. None: the one that readers saw before the current.

        Raises
        ------
        WarehouseError
            There is no such publication with its rows still there; names those that have them.
        """
        check_head(self._engine, self.schema)
        with WriterLock(self._engine, self.tables, "rollback"):
            known = [p for p in self.list() if p.rows_present and p.published_at is not None]
            current = next((p.id for p in known if p.current), None)
            there = {p.id for p in known}
            target = to if to is not None else self._seen_before(there)
            if target is None or target not in there:
                others = ", ".join(str(p.id) for p in known if not p.current) or "none"
                wanted = "no earlier publication" if to is None else f"no publication {to}"
                raise WarehouseError(
                    f"Cannot roll back: {wanted} with its rows still there (current: {current}; available: {others}).",
                    remedy="Give one of the available ids, or load and publish again.",
                )
            return self._move(target, "rolled_back")

    def _seen_before(self, there: set[int]) -> int | None:
        """What readers saw before the current publication, of those whose rows are there."""
        with translated("warehouse", self._engine.url), self._engine.connect() as connection:
            line = seen(connection, self.tables)
        return next((n for n in reversed(line[:-1]) if n in there and n != line[-1]), None)

    def _move(self, publication_id: int, event: str) -> PublishReport:
        started = time.monotonic()
        known = self.list()
        found = next((p for p in known if p.id == publication_id), None)
        if found is None or found.state not in WHOLE:
            state = "does not exist" if found is None else f"is {found.state}"
            available = ", ".join(str(p.id) for p in known if p.state in WHOLE) or "none"
            raise WarehouseError(
                f"Publication {publication_id} {state} and cannot be published (available: {available}).",
                remedy="Load first: routing-etl publish",
            )
        shown = next((p for p in known if p.current), None)
        previous = None if shown is None else shown.id
        by = (run_at_work() or found.run_id) if event == "published" else None
        if by is not None and shown is not None:
            self._require_not_older(found, shown, by)
        fixed = self._settings.publish_mode == "table"
        if fixed:
            require_rcsi(self._engine)

        def move(connection: Connection) -> None:
            if by is not None:
                put_in_force(connection, self.schema, by)
            if previous != publication_id:
                self._point(connection, previous, publication_id, event)
            if fixed:
                refresh(connection, self.tables)

        if previous == publication_id:
            with of_run(by):
                self._transaction(move, durable=True)
            return PublishReport(publication_id, previous, False, time.monotonic() - started)
        with of_run(by):
            self._transaction(move, done=lambda: self.current() == publication_id, durable=True)
        seconds = time.monotonic() - started
        _log.info(event, publication_id=publication_id, previous=previous, seconds=seconds)
        return PublishReport(publication_id, previous, True, seconds)

    def _require_not_older(self, found: Publication, shown: Publication, by: str) -> None:
        """Refuse a batch that was never published once one that was loaded after it is, unless its run read the ERP later.

        Raises OvertakenError where a still later read is in force; the transaction of the move asks for that once more.
        """
        with of_run(by), translated("warehouse", self._engine.url), self._engine.connect() as connection:
            require_newest(connection, self.schema)
        if found.published_at is not None or shown.id < found.id or self._read_later(by, shown):
            return
        raise WarehouseError(
            f"Publication {found.id} was loaded before publication {shown.id}, which readers see by now; an older "
            "batch does not replace a newer one.",
            remedy="This process was paused, or another ran beside it. Run the night again: routing-etl run",
        )

    def _point(self, connection: Connection, previous: int | None, publication_id: int, event: str) -> None:
        """Move the pointer and record it.

        The pointer is moved last: readers that wait for locks (READ COMMITTED without row versions) then wait
        from there to the commit only.
        """
        pointer, moment = self.tables.current_publication, now()
        over = moved_back(seen(connection, self.tables), publication_id)[1] if event == "rolled_back" else []
        values = {"publication_id": publication_id, "moved_at": moment, "moved_by": self._who}
        if previous is not None:
            self._event(connection, previous, "retired", moment)
        self._event(connection, publication_id, event, moment)
        if previous is not None:
            self._set(connection, previous, state="retired", retired_at=moment)
        for number in over:
            self._set(connection, number, withdrawn_at=moment)
        self._set(
            connection,
            publication_id,
            state="published",
            published_at=moment,
            published_by=self._who,
            retired_at=None,
            withdrawn_at=None,
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
