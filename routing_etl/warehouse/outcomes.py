"""A publication compared with the one before it: drift of similarity, and realised outcomes. Reads only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from routing_etl.database.engine import translated
from routing_etl.warehouse.schema import Tables, schema_for, tables
from routing_etl.warehouse.versions import rows_at

#: Bins of the similarity histogram, and the count added to each so that an empty bin has a finite logarithm.
BINS, SMOOTHING = 50, 0.5


@dataclass(frozen=True)
class PublicationMetric:
    """One metric of a publication on `n` items; `value` is None with a `reason` if it could not be measured."""

    metric: str
    value: float | None
    n: int
    reason: str | None = None


def _previous(connection: Connection, tb: Tables, publication_id: int) -> int | None:
    """The newest publication before this one that was published and still has its rows."""
    p = tb.publication
    return connection.execute(
        sa.select(sa.func.max(p.c.id)).where(p.c.id < publication_id, p.c.state == "retired")
    ).scalar()


def _histogram(connection: Connection, tb: Tables, publication_id: int) -> np.ndarray:
    """Counts of first candidates by similarity, shape (BINS,)."""
    c = tb.candidate.c
    rows = connection.execute(
        sa.select(c.similarity_score, sa.func.count())
        .select_from(rows_at(tb.versioned[0], tb.candidate, publication_id))
        .where(c.candidate_rank == 1)
        .group_by(c.similarity_score)
    ).all()
    counts = np.zeros(BINS)
    if rows:
        scores = np.array([float(r[0]) for r in rows])
        np.add.at(counts, np.minimum((scores * BINS).astype(int), BINS - 1), np.array([r[1] for r in rows]))
    return counts


def similarity_drift(engine: Engine, schema: str, publication_id: int) -> PublicationMetric:
    """Kullback-Leibler divergence (nats) of the first candidates' similarity scores from those of the last publication.

    KL(P || Q) = sum p ln(p / q) over 50 bins, with 0.5 added to every count. How the replaced system read it
    (docs/legacy-system.md 2.10): below 0.3 normal, up to 0.5 watch, above 0.5 drift, above 1.0 severe.

    Parameters
    ----------
    engine : Engine
        The warehouse.
    schema : str
        Our schema (ignored on SQLite).
    publication_id : int
        The publication that is compared with the one before.
    """
    tb = tables(schema_for(engine, schema))
    with translated("warehouse", engine.url), engine.connect() as connection:
        previous = _previous(connection, tb, publication_id)
        now = _histogram(connection, tb, publication_id)
        then = _histogram(connection, tb, previous) if previous is not None else np.zeros(BINS)
    name, n = "similarity_drift", int(now.sum())
    if previous is None:
        return PublicationMetric(name, None, n, "there is no earlier publication to compare with")
    if not now.sum() or not then.sum():
        empty = publication_id if not now.sum() else previous
        return PublicationMetric(name, None, n, f"publication {empty} has no candidates")
    p = (now + SMOOTHING) / (now + SMOOTHING).sum()
    q = (then + SMOOTHING) / (then + SMOOTHING).sum()
    return PublicationMetric(name, float(np.sum(p * np.log(p / q))), n)


def realised(
    engine: Engine, schema: str, publication_id: int, actual: pl.DataFrame
) -> list[PublicationMetric]:
    """How often the previous publication had the routing that an engineer has written since.

    It is measured on the items that the previous publication predicted and this one no longer contains.

    Parameters
    ----------
    engine : Engine
        The warehouse.
    schema : str
        Our schema (ignored on SQLite).
    publication_id : int
        The publication that is compared with the one before.
    actual : polars.DataFrame
        Columns item_cd and routing_code (job codes joined by '>') of every item that has a routing now.

    Returns
    -------
    list[PublicationMetric]
        The share of exact matches at the first and among all candidates; NULL with a reason if there are no such items.
    """
    tb = tables(schema_for(engine, schema))
    with translated("warehouse", engine.url), engine.connect() as connection:
        previous = _previous(connection, tb, publication_id)
        gone = [] if previous is None else _gone(connection, tb, previous, publication_id)
    predicted = pl.DataFrame(
        gone,
        schema={"item_cd": pl.String, "candidate_rank": pl.Int64, "predicted": pl.String},
        orient="row",
    )
    hits = (
        predicted.join(actual.select("item_cd", "routing_code"), on="item_cd")
        .with_columns(hit=pl.col("predicted") == pl.col("routing_code"))
        .group_by("item_cd")
        .agg(first=(pl.col("hit") & (pl.col("candidate_rank") == 1)).any(), any=pl.col("hit").any())
    )
    reason = None
    if previous is None:
        reason = "there is no earlier publication"
    elif not hits.height:
        reason = "no item predicted before has been routed since"
    return [
        PublicationMetric(
            metric,
            float(hits[column].sum()) / hits.height if hits.height else None,
            hits.height,
            reason,
        )
        for metric, column in (("realised_exact_at_1", "first"), ("realised_exact_at_any", "any"))
    ]


def _gone(
    connection: Connection, tb: Tables, previous: int, publication_id: int
) -> list[tuple[str, int, str]]:
    """Item, rank and routing code of the previous publication's candidates for items that are in this one no more."""
    item = tb.versioned[0]
    then, now, silent = (
        tb.candidate.alias("then"),
        tb.candidate.alias("now"),
        tb.abstained_item.alias("silent"),
    )

    def has(rows: sa.FromClause) -> sa.Exists:
        """Whether the item of `then` has rows in this publication."""
        shown: sa.Select[Any] = sa.select(sa.literal_column("1")).select_from(
            rows_at(item, rows, publication_id)
        )
        return sa.exists(shown.where(rows.c.item_cd == then.c.item_cd).correlate(then))

    query = (
        sa.select(then.c.item_cd, then.c.candidate_rank, then.c.routing_code)
        .select_from(rows_at(item, then, previous))
        .where(~has(now), ~has(silent))
    )
    return [tuple(row) for row in connection.execute(query)]
