"""Reviews of standard times in the database: only what changed is written, and one row moves to make it visible.

A row counts from the review that wrote it (`review_from`) up to the one that replaced or ended it (`review_to`). A new
review writes its rows, ends the rows that they replace, and is compared with its frame; until then readers, who join the
pointer `current_standard_review`, still see the last review whole. What a writer that died has left is undone first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import polars as pl
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from routing_etl.database.engine import translated
from routing_etl.errors import ReconcileError
from routing_etl.frames import STANDARD_TIMES
from routing_etl.log import get_logger
from routing_etl.progress import SILENT, Progress
from routing_etl.settings import Settings
from routing_etl.warehouse.changes import ROWS_PER_DELETE, delete_step, insert_for_key
from routing_etl.warehouse.lock import WriterLock
from routing_etl.warehouse.migrate import check_head
from routing_etl.warehouse.owner import require_owner
from routing_etl.warehouse.publications import PublicationLog
from routing_etl.warehouse.schema import OPEN_END
from routing_etl.warehouse.types import now
from routing_etl.warehouse.writers import Writer, choose_writer

__all__ = ["ReviewFacts", "ReviewPublished", "StandardTimes"]

#: Rows per transaction of a load, and rows ended per transaction (a statement each).
_ROWS, _ENDED = 100_000, ROWS_PER_DELETE
#: What names a row of a review.
KEY = ("item_cd", "rout_no", "proc_seq", "measure")
#: Decimals of the columns that have them; significances keep six.
_ROUNDED = 4
_DECIMALS = {"p_value": 6}
#: Verdict of operations that are counted, but whose rows stay in the run folder.
NOT_PUBLISHED = "few_orders"

_log = get_logger(__name__)


@dataclass(frozen=True)
class ReviewFacts:
    """What is recorded of a review beside its rows: rules and counts, by the columns of `standard_review`."""

    run_id: str
    as_of: date | None
    operations: int
    measured: int
    few_orders: int
    posted: int
    differing: int
    proposals: int
    unattributed: int
    hours_year: float
    tolerance: float
    false_share: float
    min_orders: int
    largest_step: float


@dataclass(frozen=True)
class ReviewPublished:
    """What a publication of a review did: rows that readers see now, rows written, rows ended, rows purged."""

    review_id: int
    rows: int
    written: int
    ended: int
    purged: int


class StandardTimes(PublicationLog):
    """Writes and publishes reviews of standard times.

    Parameters
    ----------
    engine : Engine
        Engine of the warehouse, migrated to head.
    settings : Settings
        Schema, codes of company and plant, and how many reviews are kept.
    writer : Writer, optional
        How rows are written. None: the fastest way that the engine allows.
    """

    def __init__(self, engine: Engine, settings: Settings, *, writer: Writer | None = None) -> None:
        super().__init__(engine, settings)
        self._writer = writer or choose_writer(engine, settings)

    def publish(
        self, review: pl.DataFrame, facts: ReviewFacts, *, progress: Progress = SILENT
    ) -> ReviewPublished:
        """Make a review the current one: write what changed, end what it replaces, move the pointer, purge old rows.

        Parameters
        ----------
        review : polars.DataFrame
            STANDARD_TIMES frame. Operations with too few orders are left out.
        facts : ReviewFacts
            Rules and counts.
        progress : Progress, optional
            Shows how far the work is.

        Raises
        ------
        FrameError
            A value does not fit its column; nothing was written.
        ReconcileError
            The database would show other rows than the frame has; the last review stays.
        LockedError
            Another writer is at work.
        WarehouseError
            The database refused; the last review stays.
        """
        check_head(self._engine, self.schema)
        rows = _rows(review)
        with WriterLock(self._engine, self.tables, f"standard times of run {facts.run_id}") as lock:
            require_owner(self._engine, self.tables, self._settings)
            self._undo(lock)
            held = self._held()
            same = held.select(*KEY, "content_hash")
            fresh = rows.join(same, on=[*KEY, "content_hash"], how="anti")
            ended = held.join(rows.select(*KEY, "content_hash"), on=[*KEY, "content_hash"], how="anti")
            review_id = self._begin(facts)
            with progress.task("Standard times", fresh.height + ended.height) as task:
                try:
                    for part in fresh.iter_slices(_ROWS):
                        self._write(review_id, part)
                        lock.beat()
                        task.advance(part.height)
                finally:
                    self._writer.close()
                for part in ended.iter_slices(_ENDED):
                    self._end(review_id, part)
                    lock.beat()
                    task.advance(part.height)
            self._compare(review_id, rows)
            self._move(review_id, fresh.height, ended.height)
            purged = self._purge(review_id, lock)
        return ReviewPublished(review_id, rows.height, fresh.height, ended.height, purged)

    # --- steps ----------------------------------------------------------------------------------------------------
    def _pointer(self) -> int:
        """Id of the current review, 0 before the first."""
        pointer = self.tables.current_standard_review
        with translated("warehouse", self._engine.url), self._engine.connect() as connection:
            found = connection.execute(sa.select(pointer.c.review_id)).scalar_one_or_none()
        return 0 if found is None else int(found)

    def _undo(self, lock: WriterLock) -> None:
        """Remove what reviews after the current one have written, and open again what they have ended."""
        table, current = self.tables.standard_time_proposal, self._pointer()
        self._repeat(delete_step(table, table.c.review_from > current), lock)
        ended = sa.and_(table.c.review_to > current, table.c.review_to < OPEN_END)
        review = self.tables.standard_review

        def mend(connection: Connection) -> None:
            connection.execute(sa.update(table).where(ended).values(review_to=OPEN_END))
            connection.execute(sa.update(review).where(review.c.state == "loading").values(state="failed"))

        self._transaction(mend)

    def _repeat(self, step: Callable[[Connection], bool], lock: WriterLock) -> None:
        while self._transaction(step):
            lock.beat()

    def _held(self) -> pl.DataFrame:
        """Key, content and first review of the rows that readers see."""
        table = self.tables.standard_time_proposal
        query = sa.select(*(table.c[k] for k in KEY), table.c.content_hash, table.c.review_from).where(
            table.c.review_to == OPEN_END
        )
        schema = {
            "item_cd": pl.String, "rout_no": pl.String, "proc_seq": pl.Int32, "measure": pl.String,
            "content_hash": pl.Int64, "review_from": pl.Int32,
        }  # fmt: skip
        with translated("warehouse", self._engine.url), self._engine.connect() as connection:
            found = connection.execution_options(yield_per=self._settings.fetch_rows).execute(query)
            parts = [
                pl.DataFrame(part, schema=schema, orient="row") for part in map(_tuples, found.partitions())
            ]
        return pl.concat(parts) if parts else pl.DataFrame(schema=schema)

    def _begin(self, facts: ReviewFacts) -> int:
        constants = self._settings.output_constants()
        names = ("company_code", "plant_code", "service_user")
        values = {**vars(facts), "state": "loading", "created_at": now(), **{n: constants[n] for n in names}}

        table = self.tables.standard_review
        return self._transaction(lambda connection: insert_for_key(connection, table, values))

    def _write(self, review_id: int, part: pl.DataFrame) -> None:
        table = self.tables.standard_time_proposal
        rows = part.with_columns(
            review_from=pl.lit(review_id, pl.Int32), review_to=pl.lit(OPEN_END, pl.Int32)
        ).select(c.name for c in table.columns)
        first = rows.select(c.name for c in table.primary_key.columns).row(0, named=True)

        def written() -> bool:
            query = sa.select(sa.func.count()).select_from(table)
            with translated("warehouse", self._engine.url), self._engine.connect() as connection:
                found = connection.execute(query.where(*(table.c[n] == v for n, v in first.items())))
                return bool(found.scalar_one())

        self._transaction(
            lambda connection: self._writer.write(connection, table, rows),
            done=written if self._writer.transactional else None,
        )

    def _end(self, review_id: int, part: pl.DataFrame) -> None:
        table = self.tables.standard_time_proposal
        names = ("review_from", *KEY)
        statement = (
            sa.update(table)
            .where(*(table.c[n] == sa.bindparam(f"k_{n}") for n in names))
            .values(review_to=review_id)
        )
        keys = [{f"k_{n}": row[n] for n in names} for row in part.select(names).iter_rows(named=True)]
        self._transaction(lambda connection: connection.execute(statement, keys))

    def _compare(self, review_id: int, rows: pl.DataFrame) -> None:
        """The rows that readers would see are those of the frame: as many, with the same sum of contents."""
        held = self._held()
        same = held.height == rows.height and held["content_hash"].sort().equals(rows["content_hash"].sort())
        if same:
            return
        raise ReconcileError(
            f"Review {review_id} of standard times would show {held.height:,} rows, its frame has {rows.height:,}, or their "
            "contents differ.",
            remedy="The last review stays; run again, and if it happens again check driver and collation.",
        )

    def _move(self, review_id: int, written: int, ended: int) -> None:
        pointer, review, moment = self.tables.current_standard_review, self.tables.standard_review, now()

        def move(connection: Connection) -> None:
            known = connection.execute(sa.select(pointer.c.slot)).scalar_one_or_none()
            values = {"review_id": review_id, "moved_at": moment}
            if known is None:
                connection.execute(sa.insert(pointer).values(slot=1, **values))
            else:
                connection.execute(sa.update(pointer).where(pointer.c.slot == 1).values(values))
            connection.execute(sa.update(review).where(review.c.state == "current").values(state="retired"))
            connection.execute(
                sa.update(review)
                .where(review.c.id == review_id)
                .values(state="current", published_at=moment, rows_written=written, rows_closed=ended)
            )

        self._transaction(move, done=lambda: self._pointer() == review_id, durable=True)
        _log.info("standard_times_published", review_id=review_id, written=written, ended=ended)

    def _purge(self, review_id: int, lock: WriterLock) -> int:
        """Remove rows that ended before the reviews that are kept."""
        table, review = self.tables.standard_time_proposal, self.tables.standard_review
        kept = (
            sa.select(review.c.id)
            .where(review.c.state.in_(("current", "retired")))
            .order_by(review.c.id.desc())
            .limit(self._settings.keep_publications)
        )
        with translated("warehouse", self._engine.url), self._engine.connect() as connection:
            oldest = min([*connection.execute(kept).scalars(), review_id])
            old = table.c.review_to <= oldest
            gone = int(
                connection.execute(sa.select(sa.func.count()).select_from(table).where(old)).scalar_one()
            )
        if gone:
            self._repeat(delete_step(table, old), lock)
        return gone


def _tuples(rows: object) -> list[tuple[object, ...]]:
    return [tuple(row) for row in rows]  # type: ignore[attr-defined]


def _rows(review: pl.DataFrame) -> pl.DataFrame:
    """The rows to publish, numbers as the columns hold them, with the hash by which a change is noticed."""
    STANDARD_TIMES.validate(review)
    rows = review.filter(pl.col("verdict") != NOT_PUBLISHED).drop("item_key")
    rows = rows.with_columns(
        pl.col(name).round(_DECIMALS.get(name, _ROUNDED))
        for name, dtype in rows.schema.items()
        if dtype == pl.Float64
    )
    content = [name for name in rows.columns if name not in KEY]
    hashed = rows.select(content).hash_rows(seed=3).reinterpret(signed=True)
    return rows.with_columns(hashed.alias("content_hash"))
