"""Removing the rows of publications: old ones, and what loads and purges that did not end have left.

A failed load is removed by its number: nobody ever saw a row that has it. Of a publication that is no longer kept, only
those versions and rows go that no kept publication shows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from routing_etl.database.engine import translated
from routing_etl.errors import WarehouseError
from routing_etl.log import get_logger
from routing_etl.progress import SILENT, Progress
from routing_etl.warehouse.changes import delete_step
from routing_etl.warehouse.lock import WriterLock
from routing_etl.warehouse.migrate import check_head
from routing_etl.warehouse.publications import WHOLE, Publication, PublicationLog
from routing_etl.warehouse.schema import Versioned
from routing_etl.warehouse.types import now
from routing_etl.warehouse.versions import (
    KEYS_PER_STATEMENT,
    closing_nothing,
    in_parts,
    living,
    superseded,
)

#: Items per transaction on databases where a statement may hold any number of row locks.
_PURGE_ITEMS = 10_000

_log = get_logger(__name__)


class Purger(PublicationLog):
    """Removes rows of publications. Parameters as `PublicationLog`."""

    def purge(self, keep: int, *, days: int = 0, progress: Progress = SILENT) -> tuple[int, ...]:
        """Give up all but the newest `keep` publications and those seen within `days`, and remove what none of these shows.

        The current one counts and always stays, and so does one that its run has loaded and not published yet, if it read the
        ERP later. Rows are removed in small transactions; the publication's own row stays as a record. Returns the ids that
        were given up.

        Parameters
        ----------
        keep : int
            How many stay, however old.
        days : int, default 0
            Those that readers saw within so many days stay too, so that it can be told what was shown then.
        progress : Progress, optional
            Shows how far the work is.
        """
        check_head(self._engine, self.schema)
        if keep < 1:
            raise WarehouseError(
                f"keep = {keep} would remove the current publication.", remedy="Keep at least 1."
            )
        with WriterLock(self._engine, self.tables, "purge") as lock:
            self._clean(lock)
            whole = [p for p in self.list() if p.state in WHOLE and p.rows_present]
            current = next((p for p in whole if p.current), None)
            older = [p for p in whole if not p.current]
            limit = now() - timedelta(days=days)
            gone = [
                p.id
                for p in older[keep - (current is not None) :]
                if (p.retired_at is None or p.retired_at < limit) and not self._awaited(p, current)
            ]
            with progress.task("Purging old publications", len(gone)) as task:
                for publication_id in gone:
                    self._retire_for_purge(publication_id)
                self._sweep(lock)
                task.advance(len(gone))
        return tuple(gone)

    def _awaited(self, one: Publication, current: Publication | None) -> bool:
        """Whether a run has loaded it and will publish it: it read the ERP after that of what readers see."""
        return one.published_at is None and current is not None and self._read_later(one.run_id, current)

    def _retire_for_purge(self, publication_id: int) -> None:
        def mark(connection: Connection) -> None:
            self._set(connection, publication_id, state="purged")
            self._event(connection, publication_id, "purged", now())

        self._transaction(mark)

    def _clean(self, lock: WriterLock) -> None:
        """Remove what unfinished loads and purges have left. We hold the lock, so their writers are gone."""
        found = self._left("loading", "failed", "purged")
        for publication_id, state in found:
            _log.warning("leftover_removed", publication_id=publication_id, state=state)
            if state == "loading":
                self._mark_failed(publication_id, "Its writer ended before the load was complete.")
            if state != "purged":
                self._delete_rows(publication_id, lock)
        if any(state == "purged" for _, state in found):
            self._sweep(lock)

    def _left(self, *states: str) -> Sequence[Any]:
        """Id and state of the publications in these states that have rows to be removed."""
        batch = self.tables.publication
        query = sa.select(batch.c.id, batch.c.state).where(
            batch.c.state.in_(states), batch.c.purged_at.is_(None)
        )
        with translated("warehouse", self._engine.url), self._engine.connect() as connection:
            return connection.execute(query.order_by(batch.c.id)).all()

    # --- what no kept publication shows -----------------------------------------------------------------------------
    def _sweep(self, lock: WriterLock) -> None:
        """Remove the versions, and their rows, that no kept publication shows. May be repeated at any point."""
        given_up = [publication_id for publication_id, _ in self._left("purged")]
        if not given_up:
            return
        kept = sorted(p.id for p in self.list() if p.rows_present)
        for versioned in self.tables.versioned:
            # After the last kept one: nothing builds on what these have written, whenever they were given up.
            wrote = versioned.versions.c.from_publication
            last = max(kept, default=0)
            unbuilt = sa.select(wrote).where(wrote > last).distinct().order_by(wrote.desc())
            for (number,) in self._rows(unbuilt):
                self._delete_number(versioned, number, lock)
            for above, retained in pairwise([0, *kept]):
                if not any(above < number < retained for number in given_up):
                    continue  # what lay between was removed when it was given up
                self._remove_all(
                    versioned, superseded(versioned, above, retained, _PURGE_ITEMS), lock, retained
                )
            self._remove_all(versioned, closing_nothing(versioned, _PURGE_ITEMS), lock)
        for publication_id in given_up:
            self._mark_purged(publication_id)

    def _remove_all(
        self, versioned: Versioned, query: sa.Select[Any], lock: WriterLock, retained: int | None = None
    ) -> None:
        """Remove the versions that a query finds, until it finds none, with their rows.

        `retained`: the publication that must not show them.
        """
        while found := self._rows(query):
            by_number: dict[int, list[str]] = defaultdict(list)
            for code, number in found:
                by_number[number].append(code)
            for number, codes in by_number.items():
                many = retained is not None and len(codes) > KEYS_PER_STATEMENT
                if many and not self._rows(living(versioned, number, retained or 0)):
                    self._delete_number(versioned, number, lock, versions=False)
                for part in in_parts(codes):
                    self._remove_versions(versioned, number, part, lock)

    def _rows(self, query: sa.Select[Any]) -> Sequence[Any]:
        with translated("warehouse", self._engine.url), self._engine.connect() as connection:
            return connection.execute(query).all()

    def _remove_versions(
        self, versioned: Versioned, number: int, codes: Sequence[str], lock: WriterLock
    ) -> None:
        """Remove the rows of some items that one publication wrote, and then their versions."""
        steps = [
            (table, (column == number) & table.c[versioned.key].in_(codes))
            for table, column in self._by_number(versioned)
        ]
        if self._engine.dialect.name == "mssql":
            for table, where in steps:
                while self._transaction(delete_step(table, where)):
                    lock.beat()
        else:

            def part(connection: Connection) -> None:
                for table, where in steps:
                    connection.execute(sa.delete(table).where(where))

            self._transaction(part)
        lock.beat()

    @staticmethod
    def _by_number(versioned: Versioned) -> list[tuple[sa.Table, sa.Column[int]]]:
        """The tables with their column of the publication's number, children first, versions last.

        Children go first, although the foreign keys would cascade, so that each delete is one range of the key and
        locks no more rows than counted. While its version is there, what is left of the rows is found again.
        """
        tables = [(t, t.c.publication_id) for t in reversed(versioned.contents)]
        return [*tables, (versioned.versions, versioned.versions.c.from_publication)]

    # --- all that has one number ------------------------------------------------------------------------------------
    def _delete_rows(self, publication_id: int, lock: WriterLock) -> None:
        """Remove all versions and rows that a publication wrote, which no other shows."""
        for versioned in self.tables.versioned:
            self._delete_number(versioned, publication_id, lock)
        self._mark_purged(publication_id)

    def _mark_purged(self, publication_id: int) -> None:
        self._transaction(lambda connection: self._set(connection, publication_id, purged_at=now()))

    def _delete_number(
        self, versioned: Versioned, number: int, lock: WriterLock, *, versions: bool = True
    ) -> None:
        """Remove the rows that have a number, and the versions, or (`versions` False) leave these."""
        tables = self._by_number(versioned)[: None if versions else -1]
        if self._engine.dialect.name == "mssql":
            for table, column in tables:
                while self._transaction(delete_step(table, column == number)):
                    lock.beat()
            return
        key, version = versioned.key, versioned.versions
        codes = sa.select(version.c[key]).where(version.c.from_publication == number).order_by(version.c[key])
        after: str | None = None
        while True:
            mine = codes if after is None else codes.where(version.c[key] > after)
            last = next((code for (code,) in self._rows(mine.offset(_PURGE_ITEMS).limit(1))), None)

            def part(connection: Connection, after: str | None = after, last: str | None = last) -> None:
                for table, column in tables:
                    delete = sa.delete(table).where(column == number)
                    if after is not None:
                        delete = delete.where(table.c[key] > after)
                    if last is not None:
                        delete = delete.where(table.c[key] <= last)
                    connection.execute(delete)

            self._transaction(part)
            lock.beat()
            if last is None:
                return
            after = last
