"""Removing the rows of publications: old ones, and what loads and purges that did not end have left."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from routing_etl.database.engine import translated
from routing_etl.errors import WarehouseError
from routing_etl.log import get_logger
from routing_etl.progress import SILENT, Progress
from routing_etl.warehouse.changes import delete_step
from routing_etl.warehouse.lock import WriterLock
from routing_etl.warehouse.migrate import check_head
from routing_etl.warehouse.publications import WHOLE, PublicationLog
from routing_etl.warehouse.types import now

#: Items per transaction on databases where a statement may hold any number of row locks.
_PURGE_ITEMS = 10_000

_log = get_logger(__name__)


class Purger(PublicationLog):
    """Removes rows of publications. Parameters as `PublicationLog`."""

    def purge(self, keep: int, *, progress: Progress = SILENT) -> tuple[int, ...]:
        """Remove the rows of all but the newest `keep` publications. The current one counts and always stays.

        Rows are removed in small transactions; the publication's own row stays as a record. Returns the purged ids.
        """
        check_head(self._engine, self.schema)
        if keep < 1:
            raise WarehouseError(
                f"keep = {keep} would remove the current publication.", remedy="Keep at least 1."
            )
        with WriterLock(self._engine, self.tables, "purge") as lock:
            self._clean(lock)
            whole = [p for p in self.list() if p.state in WHOLE and p.rows_present]
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
        """Remove what unfinished loads and purges have left. We hold the lock, so their writers are gone."""
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
        """Remove a publication's rows by ranges of items, on SQL Server by parts that keep row locks."""
        if self._engine.dialect.name == "mssql":
            # Children first, so that the cascade from a candidate finds nothing and locks no more rows than counted.
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
                # Children first, although the foreign keys would cascade, so that each delete is one range of the key.
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
