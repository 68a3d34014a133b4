"""The line of publications that readers saw one after another: where a rollback goes, and what it moves back over.

Numbers do not tell it. Where two nights overlap, the one whose publication has the lower number may come into force second, and
a night with the content of an earlier publication shows that one again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from routing_etl.warehouse.schema import Tables

_PUBLISHED, _ROLLED_BACK = "published", "rolled_back"


def seen(connection: Connection, tb: Tables) -> list[int]:
    """The publications that lead to the present one, oldest first, without those that were moved back over.

    Parameters
    ----------
    connection : Connection
        To the warehouse.
    tb : Tables
        Our tables.

    Returns
    -------
    list of int
        Their ids, the present one last; empty before the first. Where the record of moves does not end with the present one, because
        somebody moved the pointer by hand, the publications that were published, up to it by number.
    """
    e, b, pointer = tb.publication_event.c, tb.publication.c, tb.current_publication.c
    current = connection.execute(sa.select(pointer.publication_id)).scalar()
    if current is None:
        return []
    moves = sa.select(e.event, e.publication_id).where(e.event.in_((_PUBLISHED, _ROLLED_BACK)))
    line = line_of(tuple(row) for row in connection.execute(moves.order_by(e.id)))
    if line and line[-1] == current:
        return line
    by_number = sa.select(b.id).where(b.published_at.is_not(None), b.id <= current).order_by(b.id)
    return list(connection.execute(by_number).scalars())


def line_of(moves: Iterable[tuple[str, int]]) -> list[int]:
    """The line that moves of the pointer leave.

    Parameters
    ----------
    moves : iterable of tuple
        Event (`published` or `rolled_back`) and publication, oldest first.
    """
    line: list[int] = []
    for event, number in moves:
        line = [*line, number] if event == _PUBLISHED else moved_back(line, number)[0]
    return line


def moved_back(line: Sequence[int], to: int) -> tuple[list[int], list[int]]:
    """The line after a rollback, and the publications that it moves back over.

    Parameters
    ----------
    line : sequence of int
        The publications that lead to the present one, which is the last.
    to : int
        Where the pointer goes. One that is not in the line, because it was itself moved back over, has its place by number.
    """
    before = list(line[:-1])
    if to in before:
        end = len(before) - before[::-1].index(to)
        return list(line[:end]), list(line[end:])
    return [*(n for n in line if n <= to), to], [n for n in line if n > to]
