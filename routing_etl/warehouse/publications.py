"""The record of publications: which there are, which one readers see, and changes of their state.

Every change is a short transaction that is tried again after a transient error.
"""

from __future__ import annotations

import random
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from routing_etl.database.engine import classify, translated
from routing_etl.errors import RoutingEtlError
from routing_etl.log import get_logger
from routing_etl.settings import Settings
from routing_etl.warehouse.lock import fence
from routing_etl.warehouse.schema import Tables, schema_for, tables
from routing_etl.warehouse.schema_life import HELD_OUT_SPLITS as HELD_OUT_SPLITS
from routing_etl.warehouse.types import now
from routing_etl.warehouse.writing import place_of, read_later, require_newest

#: States of a publication that is loaded completely, so that the pointer may move to it.
WHOLE = ("loaded", "published", "retired")

#: Column of `publication` with the number of rows in each table.
ROW_COLUMNS = {
    "candidate": "rows_candidate",
    "candidate_operation": "rows_operation",
    "candidate_evidence": "rows_evidence",
    "resource_alternative": "rows_resource",
    "abstained_item": "rows_abstained",
}

#: How often a transaction is tried.
_ATTEMPTS = 4

_log = get_logger(__name__)
T = TypeVar("T")


@dataclass(frozen=True)
class Publication:
    """One publication. Times are UTC.

    `withdrawn`: the pointer was moved back over it and not to it again since. `retired_at`: until when readers saw it.
    """

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
    withdrawn: bool = False
    retired_at: datetime | None = None


class PublicationLog:
    """Reads and changes the record of publications.

    Parameters
    ----------
    engine : Engine
        Engine of the warehouse (`database.make_engine`), migrated to head.
    settings : Settings
        Schema, publish mode and service user.
    who : str, optional
        Name recorded with each event. None: the service user and this host.
    """

    def __init__(self, engine: Engine, settings: Settings, *, who: str | None = None) -> None:
        self._engine, self._settings = engine, settings
        self.schema = schema_for(engine, settings.warehouse_schema)
        self.tables = tables(self.schema)
        self._who = (who or f"{settings.service_user}@{socket.gethostname()}")[:128]

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

    def _read_later(self, run_id: str, than: Publication) -> bool:
        """Whether a run began to read the ERP after the run that loaded a publication; False where that is not known."""
        with translated("warehouse", self._engine.url), self._engine.connect() as connection:
            return read_later(connection, self.schema, run_id, than.run_id)

    def _find(self, digest: str) -> Publication | None:
        """The newest publication with this content that is whole, or that was withdrawn, its rows there or not."""
        batch = self.tables.publication
        whole = sa.and_(batch.c.state.in_(WHOLE), batch.c.purged_at.is_(None))
        query = (
            sa.select(batch, sa.null().label("slot"))
            .where(batch.c.content_hash == digest, sa.or_(whole, batch.c.withdrawn_at.is_not(None)))
            .order_by(batch.c.id.desc())
            .limit(1)
        )
        with translated("warehouse", self._engine.url), self._engine.connect() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else _publication(row)

    def _mark_failed(self, publication_id: int, message: str) -> None:
        def mark(connection: Connection) -> None:
            self._set(connection, publication_id, state="failed", message=message[:2000])
            self._event(connection, publication_id, "failed", now(), message)

        self._transaction(mark)

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
        # Inline: the key is not fetched, so that SQL Server gets no OUTPUT, which triggers forbid.
        connection.execute(
            sa.insert(self.tables.publication_event)
            .values(
                publication_id=publication_id,
                event=event,
                happened_at=moment,
                done_by=self._who,
                message=message[:2000] if message else None,
            )
            .inline()
        )

    def _transaction(
        self,
        work: Callable[[Connection], T],
        *,
        done: Callable[[], bool] | None = None,
        durable: bool = False,
    ) -> T:
        """Run `work` in one transaction, again after transient errors (deadlock, dropped connection).

        It begins with the fence of the writer lock, so that a writer that was taken for dead writes nothing when it wakes, and
        is refused where a later read than that of the run at work is in force (`writing.py`).
        After an error, `done` tells whether the commit took place after all. `durable`: the commit must be on disk.
        """
        for attempt in range(1, _ATTEMPTS + 1):
            result: T | None = None
            try:
                with self._engine.connect() as connection:
                    if durable and self._engine.dialect.name == "sqlite":
                        connection.exec_driver_sql("PRAGMA synchronous = FULL")
                        connection.commit()
                    with connection.begin():
                        fence(self._engine, connection)
                        require_newest(connection, self.schema)
                        result = work(connection)
                        require_newest(connection, self.schema, until_commit=True)
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


def quality_of(connection: Connection, tb: Tables, version: str) -> float | None:
    """The newest exact match of a version on held-out items, by the order of reads; None where none is on record.

    Parameters
    ----------
    connection : Connection
        The warehouse.
    tb : Tables
        Our tables.
    version : str
        Name of the version.
    """
    m = tb.model_metric.c
    found = connection.execute(
        sa.select(m.value)
        .where(
            m.model_version == version, m.metric == "exact_at_1", m.method == "model", m.segment == "all",
            m.split.in_(HELD_OUT_SPLITS), m.value.is_not(None),
        )
        .order_by(place_of(tb.metadata.schema, m.run_id, m.computed_at).desc(), m.computed_at.desc())
        .limit(1)
    ).scalar()  # fmt: skip
    return None if found is None else float(found)


def _publication(row: Any) -> Publication:
    return Publication(
        id=row.id,
        run_id=row.run_id,
        model_version=row.model_version,
        state=row.state,
        current=row.slot is not None,
        rows={table: getattr(row, column) for table, column in ROW_COLUMNS.items()},
        rows_present=row.purged_at is None and row.state in WHOLE,
        created_at=row.created_at,
        loaded_at=row.loaded_at,
        published_at=row.published_at,
        published_by=row.published_by,
        message=row.message,
        withdrawn=row.withdrawn_at is not None,
        retired_at=row.retired_at,
    )
