"""A proposed standard time is taken over: it is recorded who, when and what, and returned for the ERP to write.

This does the same as `sql/adopt_time.sql`, for databases without procedures. Only the ERP writes into its own tables.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from routing_etl.errors import ItemNotFoundError, TransientDatabaseError, WarehouseError
from routing_etl.log import get_logger
from routing_etl.warehouse.feedback import as_spelt
from routing_etl.warehouse.migrate import check_head
from routing_etl.warehouse.schema import Tables, schema_for, tables
from routing_etl.warehouse.typed import checked_text, checked_user
from routing_etl.warehouse.types import now
from routing_etl.warehouse.writing import writing

_VIEW = "bop_proc_detail_time"
_ATTEMPTS = 3

_log = get_logger(__name__)


@dataclass(frozen=True)
class TimeMark:
    """A proposal that was taken over.

    `new` is False if it had been before; `accepted_by` and `accepted_at` are then those of the first time.
    """

    measure: str
    standard_min: float | None
    proposed_min: float
    accepted_by: str
    accepted_at: datetime
    new: bool


@dataclass(frozen=True)
class TimeAdoption:
    """The proposals of one operation, taken over, and its row in the columns of P_BOP_PROC_DETAIL that change."""

    review_id: int
    item_cd: str
    rout_no: str
    proc_seq: int
    marks: tuple[TimeMark, ...]
    row: dict[str, Any]


@dataclass(frozen=True)
class Operation:
    """An operation of a routing in the ERP: item code, routing number and operation number as the ERP has them."""

    item_cd: str
    rout_no: str
    proc_seq: int


class _Moved(Exception):
    """Another review was published between two of our statements."""


def adopt_time(engine: Engine, schema: str, operation: Operation, user: str) -> TimeAdoption:
    """Mark the proposed standards of an operation as accepted, each once, and return them in BOP shape.

    Parameters
    ----------
    engine : Engine
        The warehouse.
    schema : str
        Our schema (ignored on SQLite).
    operation : Operation
        Which operation; its run time and its set-up, where both have a proposal.
    user : str
        Who accepts, 1 to 128 characters.

    Raises
    ------
    ItemNotFoundError
        The current review proposes nothing for this operation; says what it found instead.
    ConfigurationError
        `user` is blank or longer than 128 characters.
    TransientDatabaseError
        New reviews were published meanwhile, several times.
    """
    name = checked_user(user)
    checked_text(operation.item_cd, "Item")
    checked_text(operation.rout_no, "Routing")
    place = schema_for(engine, schema)
    check_head(engine, place)
    tb = tables(place)
    collided: WarehouseError | None = None
    for _ in range(_ATTEMPTS):
        try:
            with writing(engine, place) as connection:
                return _adopt(connection, tb, operation, name)
        except _Moved:
            _log.info("adoption_repeated", item_cd=operation.item_cd, rout_no=operation.rout_no)
        except WarehouseError as exc:
            # Another session has inserted the same row at the same moment; the next attempt finds it.
            if not isinstance(exc.__cause__, sa.exc.IntegrityError):
                raise
            collided = exc
    if collided is not None:
        raise collided
    raise TransientDatabaseError(
        "The standard time could not be taken over: new reviews were published meanwhile.",
        remedy="Look at the proposals again, then try again.",
    )


def _current(connection: Connection, tb: Tables) -> int | None:
    found = connection.execute(sa.select(tb.current_standard_review.c.review_id)).scalar_one_or_none()
    return None if found is None else int(found)


def _adopt(connection: Connection, tb: Tables, operation: Operation, user: str) -> TimeAdoption:
    s, review_id = tb.standard_time_proposal.c, _current(connection, tb)
    if review_id is None:
        raise _nothing(operation, ())
    here = sa.and_(s.review_from <= review_id, s.review_to > review_id)
    operation = replace(operation, item_cd=as_spelt(connection, s.item_cd, here, operation.item_cd))
    found = connection.execute(
        sa.select(tb.standard_time_proposal)
        .where(
            s.item_cd == operation.item_cd,
            s.rout_no == operation.rout_no,
            s.proc_seq == operation.proc_seq,
            here,
        )
        .order_by(s.measure)
    ).all()
    proposed = [row for row in found if row.proposed_min is not None]
    if not proposed:
        raise _nothing(operation, found)
    marks = tuple(_mark(connection, tb, row, review_id, user) for row in proposed)
    first = proposed[0]
    row = _shape(connection, tb.metadata.schema, first)
    if _current(connection, tb) != review_id:
        raise _Moved
    return TimeAdoption(review_id, first.item_cd, first.rout_no, first.proc_seq, marks, row)


def _mark(connection: Connection, tb: Tables, row: Any, review_id: int, user: str) -> TimeMark:
    """Insert the mark unless the same proposal for the same standard was accepted before."""
    table = tb.routing_feedback_time
    f = table.c
    same = sa.and_(
        f.item_cd == row.item_cd,
        f.rout_no == row.rout_no,
        f.proc_seq == row.proc_seq,
        f.measure == row.measure,
        f.proposed_min == row.proposed_min,
        f.standard_min.is_(None) if row.standard_min is None else f.standard_min == row.standard_min,
    )
    known = connection.execute(sa.select(table).where(same).order_by(f.review_id)).first()
    if known is None:
        names = (
            "item_cd", "rout_no", "proc_seq", "measure", "job_cd", "standard_min", "proposed_min", "measured_min", "orders",
        )  # fmt: skip
        values = {n: getattr(row, n) for n in names}
        connection.execute(
            sa.insert(table).values(review_id=review_id, accepted_by=user, accepted_at=now(), **values)
        )
    kept = connection.execute(sa.select(table).where(same).order_by(f.review_id)).first()
    assert kept is not None
    return TimeMark(
        row.measure, row.standard_min, row.proposed_min, kept.accepted_by, kept.accepted_at, known is None
    )


def _shape(connection: Connection, schema: str | None, found: Any) -> dict[str, Any]:
    """The operation's row of the BOP view."""
    from routing_etl.warehouse.views import view_selects

    names = list(view_selects(schema, connection.dialect.name)[_VIEW].selected_columns.keys())
    view = sa.table(_VIEW, *(sa.column(n) for n in names), schema=schema)
    query = sa.select(view).where(
        view.c["ITEM_CD"] == found.item_cd,
        view.c["ROUT_NO"] == found.rout_no,
        view.c["PROC_SEQ"] == found.proc_seq,
    )
    return dict(connection.execute(query).mappings().one())


def _nothing(operation: Operation, found: Sequence[Any]) -> ItemNotFoundError:
    which = f"operation {operation.proc_seq} of routing {operation.rout_no!r} of item {operation.item_cd!r}"
    said = "; ".join(f"{row.measure}: {row.no_proposal}" for row in found)
    return ItemNotFoundError(
        f"There is no proposed standard time for {which}" + (f" ({said})." if said else "."),
        remedy="Look it up in standard_time_review: a newer review may have replaced what was on the screen, or it has too "
        "few orders.",
    )
