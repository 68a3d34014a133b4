"""An engineer accepts a proposal: it is recorded who, when and what, and returned in the shape of the ERP's BOP tables.

This does the same as `sql/adopt_candidate.sql`, for databases without procedures. Only the ERP writes into
its own tables.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from routing_etl.errors import ItemNotFoundError, TransientDatabaseError, WarehouseError
from routing_etl.log import get_logger
from routing_etl.warehouse.migrate import check_head
from routing_etl.warehouse.schema import Tables, schema_for, tables
from routing_etl.warehouse.typed import checked_remark, checked_text, checked_user
from routing_etl.warehouse.types import now
from routing_etl.warehouse.writing import writing

_SHAPES = ("bop_proc_master", "bop_proc_detail", "bop_proc_res")
_ATTEMPTS = 3

_log = get_logger(__name__)


@dataclass(frozen=True)
class Adoption:
    """An accepted candidate.

    `new` is False if it was accepted before; `accepted_by` and `accepted_at` are then those of the first
    time. `mark` is what is on record, `accepted` as it is or `edited`, with its `remark`. `rows` has the rows of each view (`bop_proc_master`, `bop_proc_detail`, `bop_proc_res`), with the
    base table's columns. `others_accepted` names other routings of the item that are accepted as well, as
    candidate ids with their publication: one of them must be wrong, or an alternate.
    """

    publication_id: int
    item_cd: str
    candidate_id: str
    rout_no: str
    accepted_by: str
    accepted_at: datetime
    new: bool
    rows: dict[str, list[dict[str, Any]]]
    others_accepted: tuple[str, ...] = ()
    mark: str = "accepted"
    remark: str | None = None


class _Moved(Exception):
    """Another batch was published between two of our statements."""


def adopt(
    engine: Engine, schema: str, item_cd: str, candidate_id: str, user: str, *, edited: str | None = None
) -> Adoption:
    """Mark a published candidate as accepted, once, and return it in BOP shape.

    Parameters
    ----------
    engine : Engine
        The warehouse.
    schema : str
        Our schema (ignored on SQLite).
    item_cd : str
        The item's code as the ERP has it.
    candidate_id : str
        Which of its published candidates.
    user : str
        Who accepts it, 1 to 128 characters.
    edited : str, optional
        What will be changed in it, for a candidate that is taken over with changes. None: as it is.

    Raises
    ------
    ItemNotFoundError
        The published batch has no such candidate; names those that the item has.
    ConfigurationError
        `user` is blank or longer than 128 characters, `edited` longer than 1,000, or one of the texts is none.
    WarehouseError
        The candidate has been rejected.
    TransientDatabaseError
        New batches were published meanwhile, several times.
    """
    name, edited = checked_user(user), checked_remark(edited)
    item_cd, candidate_id = checked_text(item_cd, "Item"), checked_text(candidate_id, "Candidate")
    place = schema_for(engine, schema)
    check_head(engine, place)
    tb = tables(place)
    collided: WarehouseError | None = None
    for _ in range(_ATTEMPTS):
        try:
            with writing(engine, place) as connection:
                return _adopt(connection, tb, (item_cd, candidate_id), name, edited)
        except _Moved:
            _log.info("adoption_repeated", item_cd=item_cd, candidate_id=candidate_id)
        except WarehouseError as exc:
            # Another session has inserted the same row at the same moment; the next attempt finds it.
            if not isinstance(exc.__cause__, sa.exc.IntegrityError):
                raise
            collided = exc
    if collided is not None:
        raise collided
    raise TransientDatabaseError(
        f"Candidate {candidate_id!r} could not be accepted: new batches were published meanwhile.",
        remedy="Look at the item's new proposals, then try again.",
    )


def current_publication(connection: Connection, tb: Tables) -> int | None:
    """The publication that readers see; None when there is none."""
    found = connection.execute(sa.select(tb.current_publication.c.publication_id)).scalar_one_or_none()
    return None if found is None else int(found)


def published_candidates(tb: Tables) -> sa.TableClause:
    """The view of published candidates, as far as an adoption needs it."""
    names = (
        "publication_id",
        "item_cd",
        "candidate_id",
        "candidate_rank",
        "predicted_rout_no",
        "routing_code",
    )
    typed = tb.candidate.c
    return sa.table(
        "routing_candidates", *(sa.column(n, typed[n].type) for n in names), schema=tb.candidate.schema
    )


def as_spelt(
    connection: Connection, column: sa.ColumnElement[str], among: sa.ColumnElement[bool], code: str
) -> str:
    """A typed code as our tables have it, where one and only one code differs from it in outer blanks or case alone.

    Blanks before a code are copied from the ERP as they are, and nobody types them.

    Parameters
    ----------
    connection : Connection
        The warehouse.
    column : ColumnElement
        Column of codes.
    among : ColumnElement
        Which rows are looked at.
    code : str
        What was typed.
    """
    if connection.execute(sa.select(column).where(among, column == code).limit(1)).first() is not None:
        return code
    trimmed = sa.func.upper(sa.func.ltrim(sa.func.rtrim(column)))
    alike = sa.select(column).where(among, trimmed == code.strip().upper()).distinct().limit(2)
    found = connection.execute(alike).scalars().all()
    return str(found[0]) if len(found) == 1 else code


def _adopt(
    connection: Connection, tb: Tables, asked: tuple[str, str], user: str, edited: str | None
) -> Adoption:
    f, shown = tb.routing_feedback, published_candidates(tb)
    publication_id = current_publication(connection, tb)
    here = shown.c.publication_id == publication_id
    item_cd, candidate_id = as_spelt(connection, shown.c.item_cd, here, asked[0]), asked[1]
    found = connection.execute(
        sa.select(shown).where(
            shown.c.publication_id == publication_id,
            shown.c.item_cd == item_cd,
            shown.c.candidate_id == candidate_id,
        )
    ).one_or_none()
    if publication_id is None or found is None:
        raise unknown_candidate(connection, tb, publication_id, item_cd, candidate_id)
    mine = sa.and_(
        f.c.item_cd == found.item_cd,
        f.c.publication_id == publication_id,
        f.c.candidate_rank == found.candidate_rank,
    )
    mark = Mark("accepted" if edited is None else "edited", user, None, edited)
    new = put_mark(connection, tb, found, mark)
    kept = connection.execute(sa.select(f).where(mine)).one()
    rows = {name: _shape(connection, f.schema, name, found) for name in _SHAPES}
    if current_publication(connection, tb) != publication_id:
        raise _Moved
    return Adoption(
        publication_id,
        found.item_cd,
        found.candidate_id,
        found.predicted_rout_no,
        kept.accepted_by,
        kept.accepted_at,
        new,
        rows,
        _others_accepted(connection, tb, found),
        kept.mark or "accepted",
        kept.remark,
    )


@dataclass(frozen=True)
class Mark:
    """What an engineer says of a candidate: one of `schema_life.MARKS`, by whom, why (a rejection), and a remark."""

    mark: str
    user: str
    reason_code: str | None
    remark: str | None


def put_mark(connection: Connection, tb: Tables, candidate: Any, mark: Mark) -> bool:
    """Write a mark, unless the candidate has it already; returns whether it was written.

    Parameters
    ----------
    connection : Connection
        An open transaction.
    tb : Tables
        Our tables.
    candidate : Row
        A row of `published_candidates`.
    mark : Mark
        The mark.

    Raises
    ------
    WarehouseError
        A mark of the other kind is in force.
    """
    f = tb.routing_feedback
    mine = sa.and_(
        f.c.item_cd == candidate.item_cd,
        f.c.publication_id == candidate.publication_id,
        f.c.candidate_rank == candidate.candidate_rank,
    )
    known = connection.execute(sa.select(f).where(mine)).one_or_none()
    values = {
        "mark": mark.mark, "reason_code": mark.reason_code, "remark": mark.remark, "accepted_by": mark.user, "accepted_at": now(),
        "undone_by": None, "undone_at": None,
    }  # fmt: skip
    if known is None:
        names = (
            "item_cd",
            "publication_id",
            "candidate_id",
            "candidate_rank",
            "predicted_rout_no",
            "routing_code",
        )
        connection.execute(sa.insert(f).values({n: getattr(candidate, n) for n in names} | values))
        return True
    was = known.mark or "accepted"
    if known.undone_at is not None:
        _log.info(
            "mark_replaced",
            item_cd=known.item_cd,
            candidate_id=known.candidate_id,
            was=was,
            undone_by=known.undone_by,
        )
        connection.execute(sa.update(f).where(mine).values(values))
        return True
    if (was == "rejected") != (mark.mark == "rejected"):
        raise WarehouseError(
            f"Candidate {known.candidate_id} of item {known.item_cd!r} is {was}, by {known.accepted_by} on {known.accepted_at:%Y-%m-%d}; "
            "nothing was changed.",
            remedy=f"Undo that first: routing-etl undo {shlex.quote(known.item_cd)} --user NAME",
        )
    return False


def _others_accepted(connection: Connection, tb: Tables, candidate: Any) -> tuple[str, ...]:
    """Other routings of the item that are accepted as well, in whichever publication."""
    f = tb.routing_feedback.c
    query = (
        sa.select(f.candidate_id, f.publication_id)
        .where(
            f.item_cd == candidate.item_cd,
            f.routing_code != candidate.routing_code,
            f.undone_at.is_(None),
            sa.or_(f.mark.is_(None), f.mark != "rejected"),
        )
        .order_by(f.publication_id, f.candidate_rank)
    )
    return tuple(f"{one} of publication {number}" for one, number in connection.execute(query))


def _shape(connection: Connection, schema: str | None, view: str, found: Any) -> list[dict[str, Any]]:
    """The candidate's rows of a BOP view, with the base table's column names."""
    from routing_etl.warehouse.views import view_selects

    names = list(view_selects(schema, connection.dialect.name)[view].selected_columns.keys())
    shape = sa.table(view, *(sa.column(n) for n in names), schema=schema)
    query = (
        sa.select(shape)
        .where(shape.c["ITEM_CD"] == found.item_cd, shape.c["ROUT_NO"] == found.predicted_rout_no)
        .order_by(shape.c["ID"])
    )
    return [dict(row) for row in connection.execute(query).mappings()]


def unknown_candidate(
    connection: Connection, tb: Tables, publication_id: int | None, item_cd: str, candidate_id: str
) -> ItemNotFoundError:
    """The error that names what is published for the item instead."""
    shown = published_candidates(tb).c
    others = connection.execute(
        sa.select(shown.candidate_id)
        .where(shown.publication_id == publication_id, shown.item_cd == item_cd)
        .order_by(shown.candidate_rank)
    ).scalars()
    named = ", ".join(others) or "none"
    asked = f" {candidate_id!r}" if candidate_id else ""
    return ItemNotFoundError(
        f"Item {item_cd!r} has no published candidate{asked} (published for it: {named}).",
        remedy="Use an id of the published batch; a newer batch may have replaced the one on the screen.",
    )
