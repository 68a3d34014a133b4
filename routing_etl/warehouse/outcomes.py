"""A publication compared with the one before it: drift of similarity, and what became of predictions.

An item that engineers have routed since a publication showed it is a test of the version that had predicted it, which cannot have
learned from the routing. `store_outcomes` keeps one row for each, and `realised_by_version` counts them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from routing_etl.database.engine import translated
from routing_etl.warehouse.publication_changes import previous_publication
from routing_etl.warehouse.schema import Tables, Versioned, schema_for, tables
from routing_etl.warehouse.schema_life import OUTCOMES
from routing_etl.warehouse.todays_codes import todays
from routing_etl.warehouse.types import now
from routing_etl.warehouse.versions import rows_at
from routing_etl.warehouse.writing import writing

#: Bins of the similarity histogram, and the count added to each so that an empty bin has a finite logarithm.
BINS, SMOOTHING = 50, 0.5


@dataclass(frozen=True)
class PublicationMetric:
    """One metric of a publication on `n` items; `value` is None with a `reason` if it could not be measured."""

    metric: str
    value: float | None
    n: int
    reason: str | None = None


def _first_of_version(connection: Connection, tb: Tables, publication_id: int) -> int | None:
    """The oldest publication of the same model version before this one that was published and still has its rows."""
    p = tb.publication
    version = sa.select(p.c.model_version).where(p.c.id == publication_id).scalar_subquery()
    return connection.execute(
        sa.select(sa.func.min(p.c.id)).where(
            p.c.id < publication_id, p.c.state == "retired", p.c.model_version == version
        )
    ).scalar()


def _histogram(
    connection: Connection, tb: Tables, publication_id: int, score: str = "similarity_score"
) -> np.ndarray:
    """Counts of first candidates by a score, shape (BINS,)."""
    c = tb.candidate.c
    rows = connection.execute(
        sa.select(c[score], sa.func.count())
        .select_from(rows_at(tb.versioned[0], tb.candidate, publication_id))
        .where(c.candidate_rank == 1, c[score].is_not(None))
        .group_by(c[score])
    ).all()
    counts = np.zeros(BINS)
    if rows:
        scores = np.array([float(r[0]) for r in rows])
        np.add.at(counts, np.minimum((scores * BINS).astype(int), BINS - 1), np.array([r[1] for r in rows]))
    return counts


def similarity_drift(engine: Engine, schema: str, publication_id: int) -> PublicationMetric:
    """Kullback-Leibler divergence (nats) of the first candidates' similarity scores from those that the same version gave first.

    KL(P || Q) = sum p ln(p / q) over 50 bins, with 0.5 added to every count. How the replaced system read it
    (docs/legacy-system.md 2.10): below 0.3 normal, up to 0.5 watch, above 0.5 drift, above 1.0 severe. Two versions score by
    different trees, so that a new one is compared with itself only: a promotion is no drift.

    Parameters
    ----------
    engine : Engine
        The warehouse.
    schema : str
        Our schema (ignored on SQLite).
    publication_id : int
        The publication that is compared with the oldest one of its model version whose rows are there.
    """
    tb = tables(schema_for(engine, schema))
    with translated("warehouse", engine.url), engine.connect() as connection:
        first = _first_of_version(connection, tb, publication_id)
        now = _histogram(connection, tb, publication_id)
        then = _histogram(connection, tb, first) if first is not None else np.zeros(BINS)
    name, n = "similarity_drift", int(now.sum())
    if first is None:
        return PublicationMetric(
            name, None, n, "there is no earlier publication of this version to compare with"
        )
    if not now.sum() or not then.sum():
        empty = publication_id if not now.sum() else first
        return PublicationMetric(name, None, n, f"publication {empty} has no candidates")
    p = (now + SMOOTHING) / (now + SMOOTHING).sum()
    q = (then + SMOOTHING) / (then + SMOOTHING).sum()
    return PublicationMetric(name, float(np.sum(p * np.log(p / q))), n)


def score_histograms(
    engine: Engine, schema: str, publication_id: int, score: str
) -> tuple[np.ndarray, np.ndarray]:
    """First candidates by a score: of the oldest publication of the same version that is there, and of this one.

    Parameters
    ----------
    engine : Engine
        The warehouse.
    schema : str
        Our schema (ignored on SQLite).
    publication_id : int
        This publication.
    score : str
        Column of the candidates, from 0 to 1: `similarity_score` or `confidence`.

    Returns
    -------
    tuple of numpy.ndarray
        Counts, shape (BINS,); the first is all 0 where this is the version's first publication.
    """
    tb = tables(schema_for(engine, schema))
    with translated("warehouse", engine.url), engine.connect() as connection:
        first = _first_of_version(connection, tb, publication_id)
        then = np.zeros(BINS) if first is None else _histogram(connection, tb, first, score)
        return then, _histogram(connection, tb, publication_id, score)


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
        Columns item_cd and routing_code (job codes joined by '>') of every item that has a routing now which is no copy of a
        proposal.

    Returns
    -------
    list[PublicationMetric]
        The share of exact matches at the first and among all candidates; NULL with a reason if there are no such items.
    """
    tb = tables(schema_for(engine, schema))
    previous = previous_publication(engine, schema, publication_id)
    with translated("warehouse", engine.url), engine.connect() as connection:
        gone = [] if previous is None else _gone(connection, tb, previous, publication_id)
    predicted = pl.DataFrame(
        gone,
        schema={"item_cd": pl.String, "candidate_rank": pl.Int64, "predicted": pl.String},
        orient="row",
    )
    predicted = todays(predicted, {"item_cd": actual["item_cd"]}, {"predicted": _jobs(actual)})
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
        reason = "no item predicted before has been routed since, other than by copying a proposal"
    return [
        PublicationMetric(
            metric,
            float(hits[column].sum()) / hits.height if hits.height else None,
            hits.height,
            reason,
        )
        for metric, column in (("realised_exact_at_1", "first"), ("realised_exact_at_any", "any"))
    ]


# --- outcomes as rows --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Realised:
    """What became of one version's predictions.

    Attributes
    ----------
    items : int
        Items that it had predicted, or abstained from, and that engineers have routed since.
    first, any : int
        Those whose routing is its first candidate's, and that of any of its candidates.
    adopted : int
        Those that are copies of a candidate (`copies.py`), which prove nothing.
    itself, itself_first, itself_any : int
        The other ones, that engineers wrote themselves, and those of them whose routing is the first or any candidate's.
    """

    items: int
    first: int
    any: int
    adopted: int
    itself: int
    itself_first: int
    itself_any: int


def store_outcomes(
    engine: Engine,
    schema: str,
    shown: tuple[int, int],
    written: pl.DataFrame,
    copies: pl.DataFrame,
    edits: pl.DataFrame | None = None,
    *,
    run_id: str,
) -> int:
    """Keep what became of the items that one publication showed and the next one no longer does; returns the rows added.

    Called again for the same publications it adds nothing.

    Parameters
    ----------
    engine : Engine
        The warehouse.
    schema : str
        Our schema (ignored on SQLite).
    shown : tuple of int
        The publication that readers saw before this run, and the one that they see now.
    written : polars.DataFrame
        Columns item_cd, rout_no, routing_code (job codes joined by '>') and part_type of every item that has a routing now.
    copies : polars.DataFrame
        What `copies.recognise` found of the earlier publication.
    edits : polars.DataFrame, optional
        Columns item_cd, nearest_rank, edit_distance, machines_changed and times_changed. None: not known.
    run_id : str
        The run that has seen it.
    """
    before = shown[0]
    tb = tables(schema_for(engine, schema))
    with writing(engine, tb.metadata.schema) as connection:
        version = connection.execute(
            sa.select(tb.publication.c.model_version).where(tb.publication.c.id == before)
        ).scalar_one()
        found = _outcome_rows(connection, tb, shown, written, copies)
        if edits is not None:
            found = found.join(edits, on="item_cd", how="left")
        stored = connection.execute(
            sa.select(tb.prediction_outcome.c.item_cd).where(tb.prediction_outcome.c.publication_id == before)
        ).scalars()
        known = set(
            todays(
                pl.DataFrame({"item_cd": list(stored)}, schema={"item_cd": pl.String}),
                {"item_cd": written["item_cd"]},
            )["item_cd"]
        )
        moment = now()
        rows = [
            row
            | {
                "publication_id": before,
                "model_version": version,
                "observed_at": moment,
                "observed_run": run_id,
            }
            for row in found.iter_rows(named=True)
            if row["item_cd"] not in known
        ]
        if rows:
            connection.execute(sa.insert(tb.prediction_outcome), rows)
    return len(rows)


def _outcome_rows(
    connection: Connection, tb: Tables, shown: tuple[int, int], written: pl.DataFrame, copies: pl.DataFrame
) -> pl.DataFrame:
    """One row per item that was routed, with the columns of `prediction_outcome` that its prediction and routing tell."""
    candidates = pl.DataFrame(
        _gone(connection, tb, *shown, more=(tb.candidate.c.confidence,)),
        schema={"item_cd": pl.String, "rank": pl.Int64, "code": pl.String, "confidence": pl.Float64},
        orient="row",
    )
    silent = pl.DataFrame(_gone_silent(connection, tb, *shown), schema={"item_cd": pl.String}, orient="row")
    items = {"item_cd": written["item_cd"]}
    candidates, silent = todays(candidates, items, {"code": _jobs(written)}), todays(silent, items)
    said = copies.select("item_cd", "copied_by", "exact", "mark", "reason_code")
    jobs, actual = pl.col("code").str.split(">"), pl.col("routing_code").str.split(">")
    per_item = (
        candidates.sort("item_cd", "rank")
        .join(written, on="item_cd")
        .group_by("item_cd", maintain_order=True)
        .agg(
            candidates=pl.len(),
            candidate_rank=pl.col("rank").filter(pl.col("code") == pl.col("routing_code")).min(),
            confidence=pl.col("confidence").first(),
            predicted_code=pl.col("code").first(),
        )
    )
    return (
        pl.concat([per_item, silent.join(written, on="item_cd").select("item_cd", candidates=0)], how="diagonal_relaxed")
        .join(written, on="item_cd")
        .join(said, on="item_cd", how="left")
        .rename({"predicted_code": "code"})
        .with_columns(
            outcome=pl.when(pl.col("candidates") == 0)
            .then(pl.lit("abstained"))
            .when(pl.col("candidate_rank") == 1)
            .then(pl.lit("first"))
            .when(pl.col("candidate_rank") > 1)
            .then(pl.lit("alternative"))
            .otherwise(pl.lit("other")),
            predicted_operations=jobs.list.len().fill_null(0),
            written_operations=actual.list.len(),
            # each job as often as both have it
            common_operations=(jobs.list.len() + actual.list.len() - _apart(jobs, actual)).fill_null(0) // 2,
            adopted=pl.col("exact").fill_null(False),
        )
        .select(
            "item_cd", "outcome", "candidate_rank", "candidates", "confidence", "part_type", predicted_code="code",
            written_code=pl.col("routing_code").str.slice(0, 1000), predicted_operations="predicted_operations",
            written_operations="written_operations", common_operations="common_operations", adopted="adopted",
            written_rout_no="rout_no", copied_by="copied_by", mark="mark", reason_code="reason_code",
        )
        .sort("item_cd")
    )  # fmt: skip


def _jobs(written: pl.DataFrame) -> pl.Series:
    """The job codes of today's routings."""
    return written["routing_code"].str.split(">").explode().unique()


def _apart(left: pl.Expr, right: pl.Expr) -> pl.Expr:
    """Operations that only one of two lists has, each job as often as it stands there: numbered jobs make the lists sets."""
    return _numbered(left).list.set_symmetric_difference(_numbered(right)).list.len().cast(pl.Int64)


def _numbered(jobs: pl.Expr) -> pl.Expr:
    """Each job with how many of the same stand before it."""
    alike = pl.element().cum_count().over(pl.element())
    return jobs.list.eval(pl.element() + "#" + alike.cast(pl.String))


def realised_by_version(engine: Engine, schema: str) -> dict[str, Realised]:
    """How often each version had the routing that an engineer wrote.

    Parameters
    ----------
    engine : Engine
        The warehouse.
    schema : str
        Our schema (ignored on SQLite).

    Returns
    -------
    dict of str to Realised
        By version; those without an outcome are not in it.
    """
    o = tables(schema_for(engine, schema)).prediction_outcome.c

    def count(*kinds: str) -> sa.ColumnElement[int]:
        return sa.func.sum(sa.case((o.outcome.in_(kinds), 1), else_=0))

    def itself(*kinds: str) -> sa.ColumnElement[int]:
        written = sa.and_(o.outcome.in_(kinds), o.adopted == sa.false())
        return sa.func.sum(sa.case((written, 1), else_=0))

    adopted = sa.func.sum(sa.case((o.adopted == sa.true(), 1), else_=0))
    query = sa.select(
        o.model_version,
        sa.func.count(),
        count("first"),
        count("first", "alternative"),
        adopted,
        itself(*OUTCOMES),
        itself("first"),
        itself("first", "alternative"),
    ).group_by(o.model_version)
    with translated("warehouse", engine.url), engine.connect() as connection:
        return {version: Realised(*map(int, counts)) for version, *counts in connection.execute(query)}


def _gone_silent(connection: Connection, tb: Tables, previous: int, publication_id: int) -> list[tuple[str]]:
    """Items that the previous publication abstained from and that are in this one no more."""
    item, then = tb.versioned[0], tb.abstained_item.alias("then")
    now_shown = [tb.candidate.alias("now"), tb.abstained_item.alias("silent")]
    query = (
        sa.select(then.c.item_cd)
        .select_from(rows_at(item, then, previous))
        .where(*(~_shows(item, rows, then, publication_id) for rows in now_shown))
    )
    return [tuple(row) for row in connection.execute(query)]


def _shows(item: Versioned, rows: sa.FromClause, then: sa.FromClause, publication_id: int) -> sa.Exists:
    """Whether the item of `then` has such rows in a publication."""
    shown: sa.Select[Any] = sa.select(sa.literal_column("1")).select_from(rows_at(item, rows, publication_id))
    return sa.exists(shown.where(rows.c.item_cd == then.c.item_cd).correlate(then))


def _gone(
    connection: Connection,
    tb: Tables,
    previous: int,
    publication_id: int,
    *,
    more: Sequence[sa.Column[Any]] = (),
) -> list[tuple[Any, ...]]:
    """Item, rank, routing code and more of the previous publication's candidates for items that are in this one no more."""
    item = tb.versioned[0]
    then, now_, silent = (
        tb.candidate.alias("then"),
        tb.candidate.alias("now"),
        tb.abstained_item.alias("silent"),
    )
    query = (
        sa.select(
            then.c.item_cd,
            then.c.candidate_rank,
            then.c.routing_code,
            *(then.c[column.name] for column in more),
        )
        .select_from(rows_at(item, then, previous))
        .where(~_shows(item, now_, then, publication_id), ~_shows(item, silent, then, publication_id))
    )
    return [tuple(row) for row in connection.execute(query)]
