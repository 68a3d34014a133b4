"""An engineer rejects what is proposed for an item, or takes a mark back. Accepting is in `feedback.py`.

This does the same as `sql/mark_candidate.sql`, for databases without procedures.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from routing_etl.errors import ConfigurationError, ItemNotFoundError
from routing_etl.warehouse.feedback import (
    Mark,
    as_spelt,
    current_publication,
    published_candidates,
    put_mark,
    unknown_candidate,
)
from routing_etl.warehouse.migrate import check_head
from routing_etl.warehouse.schema import Tables, schema_for, tables
from routing_etl.warehouse.schema_life import REJECTIONS
from routing_etl.warehouse.typed import checked_remark, checked_text, checked_user
from routing_etl.warehouse.types import now
from routing_etl.warehouse.writing import writing


@dataclass(frozen=True)
class KeptMark:
    """A rejection that was on record before and stays: of which candidate, by whom, when, and why."""

    candidate_id: str
    by: str
    at: datetime
    reason_code: str | None
    remark: str | None


@dataclass(frozen=True)
class Marked:
    """Marks that were given or taken back.

    Attributes
    ----------
    item_cd : str
        The item.
    mark : str
        `rejected` or `undone`.
    candidates : tuple of str
        Ids of the candidates whose marks were given or taken back now.
    by : str
        Who did it.
    reason_code : str or None
        Why it was rejected.
    remark : str or None
        In words.
    kept : tuple of KeptMark
        Candidates that were rejected before: their marks stay as they are.
    """

    item_cd: str
    mark: str
    candidates: tuple[str, ...]
    by: str
    reason_code: str | None = None
    remark: str | None = None
    kept: tuple[KeptMark, ...] = ()


def reject(
    engine: Engine,
    schema: str,
    item_cd: str,
    reason_code: str,
    user: str,
    *,
    candidate_id: str | None = None,
    remark: str | None = None,
) -> Marked:
    """Mark what is published for an item as rejected.

    Parameters
    ----------
    engine : Engine
        The warehouse.
    schema : str
        Our schema (ignored on SQLite).
    item_cd : str
        The item's code as the ERP has it.
    reason_code : str
        Why: one of `schema_life.REJECTIONS`.
    user : str
        Who rejects it, 1 to 128 characters.
    candidate_id : str, optional
        Which candidate. None: all that are published for the item.
    remark : str, optional
        Why, in words, at most 1,000 characters.

    Raises
    ------
    ItemNotFoundError
        The published batch has no such candidate.
    ConfigurationError
        The reason or the user's name is not usable, or the remark is too long.
    WarehouseError
        A candidate is accepted.
    """
    if reason_code not in REJECTIONS:
        raise ConfigurationError(
            f"There is no reason {reason_code!r} for a rejection.",
            remedy=f"Use one of {', '.join(REJECTIONS)}.",
        )
    mark = Mark("rejected", checked_user(user), reason_code, checked_remark(remark))
    _check_codes(item_cd, candidate_id)
    tb = _tables(engine, schema)
    shown = published_candidates(tb)
    with writing(engine, tb.metadata.schema) as connection:
        number = current_publication(connection, tb)
        here = shown.c.publication_id == number
        item_cd = as_spelt(connection, shown.c.item_cd, here, item_cd)
        query = sa.select(shown).where(here, shown.c.item_cd == item_cd)
        if candidate_id is not None:
            query = query.where(shown.c.candidate_id == candidate_id)
        found = connection.execute(query.order_by(shown.c.candidate_rank)).all()
        if not found:
            raise unknown_candidate(connection, tb, number, item_cd, candidate_id or "")
        given = {c.candidate_id: put_mark(connection, tb, c, mark) for c in found}
        kept = _kept(connection, tb, number, [c for c in found if not given[c.candidate_id]])
    names = tuple(name for name, new in given.items() if new)
    return Marked(found[0].item_cd, "rejected", names, mark.user, reason_code, remark, kept)


def _kept(
    connection: Connection, tb: Tables, number: int | None, candidates: list[Any]
) -> tuple[KeptMark, ...]:
    """The marks that candidates of one item had before."""
    f = tb.routing_feedback.c
    if not candidates:
        return ()
    query = (
        sa.select(f.candidate_id, f.accepted_by, f.accepted_at, f.reason_code, f.remark)
        .where(
            f.item_cd == candidates[0].item_cd,
            f.publication_id == number,
            f.candidate_rank.in_([c.candidate_rank for c in candidates]),
        )
        .order_by(f.candidate_rank)
    )
    return tuple(KeptMark(*row) for row in connection.execute(query))


def undo(engine: Engine, schema: str, item_cd: str, user: str, *, candidate_id: str | None = None) -> Marked:
    """Take back the marks in force of an item; they stay on record with who took them back.

    Parameters
    ----------
    engine : Engine
        The warehouse.
    schema : str
        Our schema (ignored on SQLite).
    item_cd : str
        The item's code as the ERP has it.
    user : str
        Who takes them back, 1 to 128 characters.
    candidate_id : str, optional
        Only marks of this candidate. None: all of the item.

    Raises
    ------
    ItemNotFoundError
        There is no such mark in force.
    ConfigurationError
        The user's name is not usable.
    """
    _check_codes(item_cd, candidate_id)
    name, tb = checked_user(user), _tables(engine, schema)
    f = tb.routing_feedback
    with writing(engine, tb.metadata.schema) as connection:
        item_cd = as_spelt(connection, f.c.item_cd, f.c.undone_at.is_(None), item_cd)
        mine = sa.and_(f.c.item_cd == item_cd, f.c.undone_at.is_(None))
        if candidate_id is not None:
            mine = sa.and_(mine, f.c.candidate_id == candidate_id)
        found = connection.execute(
            sa.select(f.c.candidate_id).where(mine).order_by(f.c.candidate_id)
        ).scalars()
        names = tuple(dict.fromkeys(found))
        if not names:
            raise ItemNotFoundError(
                f"Nothing that is proposed for item {item_cd!r} has a mark in force.",
                remedy="See the marks in the view routing_marks.",
            )
        connection.execute(sa.update(f).where(mine).values(undone_by=name, undone_at=now()))
    return Marked(item_cd, "undone", names, name)


def _check_codes(item_cd: str, candidate_id: str | None) -> None:
    checked_text(item_cd, "Item")
    checked_text(candidate_id or "", "Candidate")


def _tables(engine: Engine, schema: str) -> Tables:
    place = schema_for(engine, schema)
    check_head(engine, place)
    return tables(place)
