"""Decisions about model versions: written once, with who, when, why and the figures of both sides, and read by everybody.

Rows are only ever added. The registry's alias says which version predicts; what is here says how that came about, whether it was
somebody's choice that must stay (a pin), and what was refused and need not be tried again at once.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from routing_etl.database.engine import translated
from routing_etl.warehouse.changes import insert_for_key
from routing_etl.warehouse.column_values import cut
from routing_etl.warehouse.migrate import check_head
from routing_etl.warehouse.schema import schema_for, tables
from routing_etl.warehouse.types import now
from routing_etl.warehouse.writing import writing

#: How the server calls who is connected; SQLite has no logins.
_LOGIN = {"mssql": sa.func.suser_sname(), "postgresql": sa.literal_column("session_user")}


def login_of(connection: Connection) -> str | None:
    """How the server calls who is connected; None on SQLite.

    Parameters
    ----------
    connection : Connection
        To the warehouse.
    """
    expression = _LOGIN.get(connection.dialect.name)
    return None if expression is None else connection.execute(sa.select(expression)).scalar()


@dataclass(frozen=True)
class Figure:
    """One metric of both sides of a decision.

    Attributes
    ----------
    metric : str
        Name in the glossary.
    value, champion_value : float or None
        Of the version and of the champion. None when not measured.
    difference, low, high : float or None
        Version minus champion, with its 95 % interval. None when nothing was compared; `reason` then says why.
    p_value : float or None
        Chance of a difference as bad as this one if both were equally good.
    n : int
        Items or operations that it was measured on.
    items_trained, champion_items_trained : int or None
        Routed items that either side learned from.
    window_id : str or None
        On what it was measured.
    verdict : str
        `worse`, `better`, `unclear` or `not compared`.
    reason : str or None
        Why nothing was compared.
    basis : {'window', 'realised', 'own'}
        The same held-out items; items that engineers routed later; or each version's own held-out items.
    segment : str
        `all`, or kind and value as in `part_type_band:rare`.
    """

    metric: str
    value: float | None
    champion_value: float | None
    difference: float | None
    low: float | None
    high: float | None
    p_value: float | None
    n: int
    verdict: str
    reason: str | None = None
    items_trained: int | None = None
    champion_items_trained: int | None = None
    window_id: str | None = None
    basis: str = "window"
    segment: str = "all"


@dataclass(frozen=True)
class Decision:
    """What was decided about a model version.

    Attributes
    ----------
    decision : str
        One of `schema_life.DECISIONS`.
    version : str
        The model version.
    champion : str or None
        The champion before the decision.
    by : str
        The person, or the service user where nobody asked.
    via : str
        One of `schema_life.VIA`.
    reason : str
        Why.
    run_id : str or None
        The run in which it was decided.
    data_hash, recipe_hash : str or None
        Of what was learned from, and of how.
    items_trained : int or None
        Routed items that the version learned from.
    figures : tuple of Figure
        What it was decided on.
    """

    decision: str
    version: str
    champion: str | None
    by: str
    via: str
    reason: str
    run_id: str | None = None
    data_hash: str | None = None
    recipe_hash: str | None = None
    items_trained: int | None = None
    figures: tuple[Figure, ...] = ()


@dataclass(frozen=True)
class Recorded:
    """A decision as the table holds it: its number, when it was made, and through which database login."""

    id: int
    decided_at: datetime
    login: str | None
    made: Decision


class Decisions:
    """Reads and writes decisions.

    Parameters
    ----------
    engine : Engine
        Engine of the warehouse, migrated to head.
    configured : str
        Our schema (ignored on SQLite).

    Raises
    ------
    WarehouseError
        The database is not at head.
    """

    def __init__(self, engine: Engine, configured: str) -> None:
        self._engine = engine
        self._place = schema_for(engine, configured)
        self._tables = tables(self._place)
        check_head(engine, self._place)

    def record(self, *decisions: Decision) -> None:
        """Write decisions down, all or none.

        Parameters
        ----------
        *decisions : Decision
            In the order in which they were made.
        """
        with writing(self._engine, self._place) as connection:
            for decision in decisions:
                self._insert(connection, decision)

    def _insert(self, connection: Connection, decision: Decision) -> None:
        d, f = self._tables.model_decision, self._tables.model_decision_metric
        login = login_of(connection)
        values = {k: v for k, v in vars(decision).items() if k not in ("version", "by", "via", "figures")}
        values |= {
            "model_version": decision.version,
            "decided_by": cut(decision.by, 128),
            "decided_via": decision.via,
            "reason": cut(decision.reason, 2000),
            "database_login": login,
            "decided_at": now(),
        }
        key = insert_for_key(connection, d, values)
        rows = [
            {"decision_id": key, **asdict(figure), "reason": figure.reason and cut(figure.reason, 400)}
            for figure in decision.figures
        ]
        if rows:
            connection.execute(sa.insert(f), rows)

    def of(self, version: str | None = None, *, kinds: Collection[str] = ()) -> list[Recorded]:
        """Decisions, newest first.

        Parameters
        ----------
        version : str, optional
            Only about this version. None: about all.
        kinds : collection of str, optional
            Only decisions of these kinds. Empty: all.
        """
        d, f = self._tables.model_decision, self._tables.model_decision_metric
        query = sa.select(d).order_by(d.c.id.desc())
        if version is not None:
            query = query.where(d.c.model_version == version)
        if kinds:
            query = query.where(d.c.decision.in_(sorted(kinds)))
        figures: dict[int, list[Figure]] = {}
        with translated("warehouse", self._engine.url), self._engine.connect() as connection:
            rows = connection.execute(query).mappings().all()
            wanted = sa.select(f).where(f.c.decision_id.in_(query.with_only_columns(d.c.id).order_by(None)))
            for row in connection.execute(wanted).mappings():
                content = dict(row)
                figures.setdefault(content.pop("decision_id"), []).append(Figure(**content))
        return [_recorded(dict(row), figures.get(row["id"], ())) for row in rows]

    def pin(self) -> Recorded | None:
        """The pin that is in force; None when no version is pinned."""
        newest = next(iter(self.of(kinds=("pinned", "unpinned"))), None)
        return newest if newest is not None and newest.made.decision == "pinned" else None

    def refusals(self, champion: str | None) -> list[Recorded]:
        """Versions that were refused against this champion since it became that, newest first.

        Parameters
        ----------
        champion : str or None
            The present champion.
        """
        found = []
        for row in self.of(kinds=("refused", "promoted", "forced", "rolled_back")):
            if row.made.decision != "refused":
                break
            if row.made.champion == champion:
                found.append(row)
        return found


def _recorded(row: dict[str, Any], figures: Sequence[Figure]) -> Recorded:
    made = Decision(
        row["decision"], row["model_version"], row["champion"], row["decided_by"], row["decided_via"], row["reason"],
        row["run_id"], row["data_hash"], row["recipe_hash"], row["items_trained"],
    )  # fmt: skip
    return Recorded(
        row["id"], row["decided_at"], row["database_login"], replace(made, figures=tuple(figures))
    )
