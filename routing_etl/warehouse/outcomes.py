"""What a publication looks like against the one before it: drift of similarity, and realised outcomes.

What belongs here: reading published rows back to measure them. What does not: writing anything.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from routing_etl.database.engine import translated
from routing_etl.warehouse.schema import Tables, schema_for, tables

#: Bins of the similarity histogram and the count added to each, so that an empty bin has a finite logarithm.
BINS, SMOOTHING = 50, 0.5


def _previous(connection: Connection, tb: Tables, publication_id: int) -> int | None:
    """The newest publication before this one that readers saw and whose rows are still there."""
    p = tb.publication
    return connection.execute(
        sa.select(sa.func.max(p.c.id)).where(p.c.id < publication_id, p.c.state == "retired")
    ).scalar()


def _histogram(connection: Connection, tb: Tables, publication_id: int) -> np.ndarray:
    """Counts of first candidates by similarity, shape (BINS,)."""
    c = tb.candidate.c
    rows = connection.execute(
        sa.select(c.similarity_score, sa.func.count())
        .where(c.publication_id == publication_id, c.candidate_rank == 1)
        .group_by(c.similarity_score)
    ).all()
    counts = np.zeros(BINS)
    if rows:
        scores = np.array([float(r[0]) for r in rows])
        np.add.at(counts, np.minimum((scores * BINS).astype(int), BINS - 1), np.array([r[1] for r in rows]))
    return counts


def similarity_drift(engine: Engine, schema: str, publication_id: int) -> dict[str, Any]:
    """Kullback-Leibler divergence (nats) of the similarity scores of first candidates, this publication from the last.

    KL(P || Q) = sum p ln(p / q) over 50 bins with 0.5 added to every count. The earlier system read it as < 0.3
    normal, 0.3-0.5 watch, > 0.5 drift, > 1.0 severe. Returns a row for the metrics frame; NULL with a reason when
    there is no earlier publication.
    """
    tb = tables(schema_for(engine, schema))
    with translated("warehouse", engine.url), engine.connect() as connection:
        previous = _previous(connection, tb, publication_id)
        now = _histogram(connection, tb, publication_id)
        then = _histogram(connection, tb, previous) if previous is not None else np.zeros(BINS)
    row: dict[str, Any] = {"metric": "similarity_drift", "value": None, "n": int(now.sum()), "reason": None}
    if previous is None:
        return {**row, "reason": "there is no earlier publication to compare with"}
    if not now.sum() or not then.sum():
        return {
            **row,
            "reason": f"publication {publication_id if not now.sum() else previous} has no candidates",
        }
    p = (now + SMOOTHING) / (now + SMOOTHING).sum()
    q = (then + SMOOTHING) / (then + SMOOTHING).sum()
    return {**row, "value": float(np.sum(p * np.log(p / q)))}


def realised(engine: Engine, schema: str, publication_id: int, actual: pl.DataFrame) -> list[dict[str, Any]]:
    """How often the previous publication had the routing that an engineer has written since.

    `actual`: columns item_cd and routing_code (job codes joined by '>') of every item that has a routing now. Looks at
    items that the previous publication predicted and this one no longer holds. Returns rows for the metrics frame:
    the share of exact matches at the first and among all candidates; NULL with a reason when there are none.
    """
    tb = tables(schema_for(engine, schema))
    with translated("warehouse", engine.url), engine.connect() as connection:
        previous = _previous(connection, tb, publication_id)
        rows: list[Any] = []
        if previous is not None:
            then, now, gone = (
                tb.candidate.alias("then"),
                tb.candidate.alias("now"),
                tb.abstained_item.alias("gone"),
            )
            rows = list(
                connection.execute(
                    sa.select(then.c.item_cd, then.c.candidate_rank, then.c.routing_code).where(
                        then.c.publication_id == previous,
                        ~sa.exists().where(
                            now.c.publication_id == publication_id, now.c.item_cd == then.c.item_cd
                        ),
                        ~sa.exists().where(
                            gone.c.publication_id == publication_id, gone.c.item_cd == then.c.item_cd
                        ),
                    )
                )
            )
    predicted = pl.DataFrame(
        [tuple(r) for r in rows],
        schema={"item_cd": pl.String, "candidate_rank": pl.Int64, "predicted": pl.String},
        orient="row",
    )
    hits = (
        predicted.join(actual.select("item_cd", "routing_code"), on="item_cd")
        .with_columns(hit=pl.col("predicted") == pl.col("routing_code"))
        .group_by("item_cd")
        .agg(first=(pl.col("hit") & (pl.col("candidate_rank") == 1)).any(), any=pl.col("hit").any())
    )
    reason = (
        "there is no earlier publication"
        if previous is None
        else None if hits.height else "no item predicted before has been routed since"
    )  # fmt: skip
    return [
        {
            "metric": metric,
            "value": float(hits[column].cast(pl.Float64).mean()) if hits.height else None,  # type: ignore[arg-type]
            "n": hits.height,
            "reason": reason,
        }
        for metric, column in (("realised_exact_at_1", "first"), ("realised_exact_at_any", "any"))
    ]
