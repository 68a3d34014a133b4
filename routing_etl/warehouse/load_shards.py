"""One publication loaded shard by shard: opened once, filled by one call per shard, closed once.

The calls may come from several processes or machines. Between them nobody holds the writer lock, so another
load or purge may remove what was begun: the next call then says so, and the load starts again. Readers see
nothing of it before the publication is closed and published.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import sqlalchemy as sa

from routing_etl.database.engine import translated
from routing_etl.errors import ReconcileError, WarehouseError
from routing_etl.log import get_logger
from routing_etl.progress import SILENT, Progress
from routing_etl.warehouse.changes import delete_step
from routing_etl.warehouse.load import batches, items_of, resources, way_of
from routing_etl.warehouse.lock import WriterLock
from routing_etl.warehouse.migrate import check_head
from routing_etl.warehouse.publications import WHOLE
from routing_etl.warehouse.publish import LoadReport, Publisher, timed

#: Keys of one DELETE of a shard's rows.
_ITEMS_PER_DELETE = 100

_log = get_logger(__name__)


@dataclass(frozen=True)
class Opened:
    """A publication that takes shards. `reused`: the same content is loaded already."""

    publication_id: int
    reused: bool


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
        with WriterLock(self._engine, self.tables, f"load of run {run_id}") as lock:
            self._clean(lock)
            found = self._find(digest)
            if found is not None:
                _log.info("publication_reused", publication_id=found.id, state=found.state)
                return Opened(found.id, True)
            return Opened(self._insert(run_id, model_version, digest, contents, valid_from), False)

    def takes_shards(self, publication_id: int) -> bool:
        """Whether the publication is still open, or complete already. False if it was given up."""
        return self._state(publication_id)[0] in ("loading", *WHOLE)

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
            if again:
                self._delete_items(publication_id, items_of(predictions, self.tables, shard).to_list(), lock)
            try:
                parts = batches(predictions, self.tables, shard)
                rows = self._write(publication_id, parts, None, lock, progress)
                way = way_of(self._writer)
            finally:
                self._writer.close()
            if way.reason:
                self._transaction(lambda connection: self._set(connection, publication_id, **way.recorded()))
            return rows

    def close(
        self, publication_id: int, predictions: Path, *, model_version: str, progress: Progress = SILENT
    ) -> LoadReport:
        """Write the rows that belong to no item, reconcile the publication with the files of all shards, and close it.

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
                return LoadReport(publication_id, rows, True, self._state(publication_id)[0], "", seconds)
            try:
                if self._state(publication_id)[1] != digest:
                    raise ReconcileError(
                        f"The predictions are not those that publication {publication_id} was opened for.",
                        remedy="Its rows were removed and the current publication stays; load the shards again.",
                    )
                with timed(seconds, "write"):
                    table = self.tables.resource_alternative
                    step = delete_step(table, table.c.publication_id == publication_id)
                    while self._transaction(step):
                        lock.beat()
                    self._write(publication_id, [resources(predictions, self.tables)], None, lock, progress)
                way = way_of(self._writer)
                with timed(seconds, "reconcile"):
                    self._reconcile(publication_id, contents, progress)
            except ReconcileError as exc:
                self._mark_failed(publication_id, exc.message)
                self._delete_rows(publication_id, lock)
                raise
            finally:
                self._writer.close()
            self._mark_loaded(publication_id, way)
        return self._loaded(publication_id, contents, seconds, way)

    def _state(self, publication_id: int) -> tuple[str, str]:
        """State and content hash; both empty if there is no such publication."""
        batch = self.tables.publication
        query = sa.select(batch.c.state, batch.c.content_hash).where(batch.c.id == publication_id)
        with translated("warehouse", self._engine.url), self._engine.connect() as connection:
            row = connection.execute(query).one_or_none()
        return ("", "") if row is None else (str(row.state), str(row.content_hash))

    def _open_still(self, publication_id: int) -> bool:
        """Whether it takes rows; False if it is complete already. Raises WarehouseError if it was given up."""
        state, _ = self._state(publication_id)
        if state not in ("loading", *WHOLE):
            raise WarehouseError(
                f"Publication {publication_id} takes no rows any more: it is {state or 'not there'}.",
                remedy="Another load or a purge removed what was begun; load all shards again.",
            )
        return state == "loading"

    def _delete_items(self, publication_id: int, items: Sequence[str], lock: WriterLock) -> None:
        for start in range(0, len(items), _ITEMS_PER_DELETE):
            part = items[start : start + _ITEMS_PER_DELETE]
            for table in reversed(self.tables.published):
                if "item_cd" not in table.c:
                    continue
                mine = (table.c.publication_id == publication_id) & table.c.item_cd.in_(part)
                while self._transaction(delete_step(table, mine)):
                    lock.beat()
            lock.beat()
