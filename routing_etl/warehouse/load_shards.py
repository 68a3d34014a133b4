"""One publication loaded shard by shard: opened once, filled by one call per shard, closed once.

Each shard writes what it changes of its items. Which items are gone is known only when all shards are there, so the
close writes that, and what belongs to jobs. The calls may come from several processes or machines. Between them nobody holds the writer lock, so another
load or purge may remove what was begun: the next call then says so, and the load starts again. Readers see
nothing of it before the publication is closed and published.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import sqlalchemy as sa

from routing_etl.database.engine import translated
from routing_etl.errors import ReconcileError, WarehouseError
from routing_etl.log import get_logger
from routing_etl.progress import SILENT, Progress
from routing_etl.warehouse.changes import delete_step
from routing_etl.warehouse.contents import Contents, hashes_of, hashes_of_shard
from routing_etl.warehouse.load import batches, resources, way_of, with_publication
from routing_etl.warehouse.lock import WriterLock
from routing_etl.warehouse.migrate import check_head
from routing_etl.warehouse.owner import require_owner
from routing_etl.warehouse.publications import WHOLE
from routing_etl.warehouse.publish import LoadReport, Publisher, Written, timed
from routing_etl.warehouse.versions import in_parts
from routing_etl.warehouse.writing import of_run

_log = get_logger(__name__)


@dataclass(frozen=True)
class Opened:
    """A publication that takes shards. `reused`: the same content is loaded already, or was and is withdrawn."""

    publication_id: int
    reused: bool


@dataclass(frozen=True)
class _State:
    """State and content hash of a publication, and whether the pointer was moved back over it."""

    name: str
    content_hash: str
    withdrawn: bool


class ShardLoader(Publisher):
    """Loads a publication shard by shard. Parameters as `Publisher`."""

    def open(
        self, predictions: Path, *, run_id: str, model_version: str, valid_from: date | None = None
    ) -> Opened:
        """Read the files of all shards and open a publication for them that no reader sees.

        Parameters
        ----------
        predictions : Path
            Folder with the part files of all shards.
        run_id : str
            The run that made the predictions.
        model_version : str
            The model version that made them.
        valid_from : date, optional
            VALID_FROM_DT of the ERP-shaped views. None: today in the configured time zone.

        Raises
        ------
        FrameError
            A file is missing or a value does not fit its column.
        LockedError
            Another writer is at work.
        WarehouseError
            The database refused.
        """
        check_head(self._engine, self.schema)
        contents, digest = self._contents(predictions, model_version)
        with of_run(run_id), WriterLock(self._engine, self.tables, f"load of run {run_id}") as lock:
            require_owner(self._engine, self.tables, self._settings)
            self._clean(lock)
            found = self._known(digest, again=False)
            if found is not None:
                return Opened(found.id, True)
            return Opened(self._insert(run_id, model_version, digest, contents, valid_from), False)

    def takes_shards(self, publication_id: int) -> bool:
        """Whether the publication is still open, complete already, or withdrawn. False if it was given up."""
        state = self._state(publication_id)
        return state.withdrawn or state.name in ("loading", *WHOLE)

    def load_shard(
        self,
        publication_id: int,
        predictions: Path,
        shard: str,
        *,
        again: bool,
        progress: Progress = SILENT,
    ) -> int:
        """Write one shard's rows into an open publication. Returns the rows written, 0 if it is complete already.

        Parameters
        ----------
        publication_id : int
            Id of the open publication.
        predictions : Path
            Folder with the part files of all shards.
        shard : str
            Beginning of the names of the shard's part files.
        again : bool
            The shard may have written rows before; they are removed first.
        progress : Progress, optional
            Shows how far the work is.

        Raises
        ------
        WarehouseError
            The publication was given up, or the database refused. In the latter case the publication stays
            open, and the shard can be loaded again.
        LockedError
            Another writer is at work.
        """
        with WriterLock(
            self._engine, self.tables, f"load of publication {publication_id}, {shard.rstrip('-')}"
        ) as lock:
            if not self._open_still(publication_id):
                return 0
            files = hashes_of_shard(predictions, self.tables, shard)
            item = self.tables.versioned[0]
            if again:
                for part in in_parts(files[item.key].to_list()):
                    self._remove_versions(item, publication_id, part, lock)
            # What the other shards' items have is none of this one's: it neither writes nor closes them.
            changes = self._changes(publication_id, item, files)
            parts = (
                [(target.table, with_publication(frame, publication_id)) for target, frame in batch]
                for batch in batches(predictions, self.tables, shard, only=changes.only())
            )
            try:
                with progress.task("Loading rows") as task:
                    rows = self._write(self._versions(changes, publication_id), lock, task)
                    rows += self._write(parts, lock, task)
                way = way_of(self._writer)
            finally:
                self._writer.close()
            if way.reason:
                self._transaction(lambda connection: self._set(connection, publication_id, **way.recorded()))
            return rows

    def close(
        self, publication_id: int, predictions: Path, *, model_version: str, progress: Progress = SILENT
    ) -> LoadReport:
        """Write what is gone and what belongs to jobs, reconcile with the files of all shards, and close the publication.

        Parameters
        ----------
        publication_id : int
            Id of the open publication.
        predictions : Path
            Folder with the part files of all shards.
        model_version : str
            The model version that made the predictions.
        progress : Progress, optional
            Shows how far the work is.

        Raises
        ------
        ReconcileError
            The files are not those that the publication was opened for, or the rows differ from them; the
            rows were removed.
        WarehouseError
            The publication was given up, or the database refused.
        LockedError
            Another writer is at work.
        """
        seconds: dict[str, float] = {}
        with timed(seconds, "measure"):
            contents, digest = self._contents(predictions, model_version)
        with WriterLock(self._engine, self.tables, f"closing of publication {publication_id}") as lock:
            if not self._open_still(publication_id):
                rows = {c.target.table.name: c.rows for c in contents}
                state = self._state(publication_id)
                return LoadReport(
                    publication_id, rows, True, state.name, "", seconds, withdrawn=state.withdrawn
                )
            try:
                if self._state(publication_id).content_hash != digest:
                    raise ReconcileError(
                        f"The predictions are not those that publication {publication_id} was opened for.",
                        remedy="Its rows were removed and the current publication stays; load the shards again.",
                    )
                with timed(seconds, "write"):
                    self._fill_rest(publication_id, predictions, contents, lock, progress)
                way = way_of(self._writer)
                with timed(seconds, "reconcile"):
                    self._reconcile(publication_id, contents, progress)
            except ReconcileError as exc:
                self._mark_failed(publication_id, exc.message)
                self._delete_rows(publication_id, lock)
                raise
            finally:
                self._writer.close()
            written = self._written(publication_id)
            self._mark_loaded(publication_id, way, written)
        return self._loaded(publication_id, contents, seconds, way, written)

    def _fill_rest(
        self,
        publication_id: int,
        predictions: Path,
        contents: list[Contents],
        lock: WriterLock,
        progress: Progress,
    ) -> None:
        """Write what no shard could: the items that none of them has any more, and all that belongs to jobs."""
        item, job = self.tables.versioned
        for table, number in self._by_number(job):
            while self._transaction(delete_step(table, number == publication_id)):
                lock.beat()
        self._close_gone(self._changes(publication_id, item, hashes_of(item, contents)), publication_id, lock)
        jobs = self._changes(publication_id, job, hashes_of(job, contents))
        self._close_gone(jobs, publication_id, lock)
        machines = [
            (target.table, with_publication(frame, publication_id))
            for target, frame in resources(predictions, self.tables, only=jobs.only())
        ]
        with progress.task("Loading rows") as task:
            self._write(self._versions(jobs, publication_id), lock, task)
            self._write([machines], lock, task)

    def _written(self, publication_id: int) -> Written:
        """What all shards and the close have written, counted in the database."""
        counts = {}
        with translated("warehouse", self._engine.url), self._engine.connect() as connection:
            for versioned in self.tables.versioned:
                for table, number in self._by_number(versioned):
                    query = sa.select(sa.func.count()).select_from(table).where(number == publication_id)
                    counts[table.name] = int(connection.execute(query).scalar_one())
        rows = sum(counts.values())
        return Written(counts[self.tables.item_version.name], rows, rows)

    def _state(self, publication_id: int) -> _State:
        """State and content hash; both empty if there is no such publication."""
        batch = self.tables.publication
        query = sa.select(batch.c.state, batch.c.content_hash, batch.c.withdrawn_at).where(
            batch.c.id == publication_id
        )
        with translated("warehouse", self._engine.url), self._engine.connect() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            return _State("", "", False)
        return _State(str(row.state), str(row.content_hash), row.withdrawn_at is not None)

    def _open_still(self, publication_id: int) -> bool:
        """Whether it takes rows; False if it is complete already or withdrawn.

        Raises WarehouseError if it was given up.
        """
        state = self._state(publication_id)
        if state.name not in ("loading", *WHOLE) and not state.withdrawn:
            raise WarehouseError(
                f"Publication {publication_id} takes no rows any more: it is {state.name or 'not there'}.",
                remedy="Another load or a purge removed what was begun; load all shards again.",
            )
        return state.name == "loading"
