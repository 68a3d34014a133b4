"""Predicted beside written routings of each item, aligned once for all metrics.

In this room "compare" means this and nothing else: one method's answers against the reference, item by item. Two
versions on the same items are `paired`, the model against the baselines gives `verdicts`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import polars as pl

from routing_etl.evaluation.alignment import align, label_pairs
from routing_etl.evaluation.reference import ITEM_KEYS, TIME_COLUMNS, Reference
from routing_etl.evaluation.truth import SEPARATOR
from routing_etl.frames import Predictions


@dataclass(frozen=True)
class Comparison:
    """One method's answers aligned with a reference.

    Attributes
    ----------
    reference : Reference
        What the answers are compared with.
    candidates : polars.DataFrame
        item, rank (1.. without gaps), confidence, tier_high, neighbours, jobs, fresh (no better candidate of the item has the
        same jobs), hit (weight of the routings with the same jobs).
    top : polars.DataFrame
        One row per item and variant: weight, answered, and the alignment of the best candidate (see `Alignment.pairs`).
    matches : polars.DataFrame
        One row per aligned operation of the best candidate: weight, both sides' resource, inside and times.
    labels : polars.DataFrame
        item, weight, actual, predicted (job codes, NULL for no partner).
    sides : polars.DataFrame
        item, side ('predicted' or 'actual'), inside, count of operations.
    alternatives : polars.DataFrame
        part (number of the fold), job_cd, res_cd, alternative_rank.
    parts : polars.DataFrame
        item, part: whose alternatives the item was shown.
    abstained : polars.DataFrame
        item.
    """

    reference: Reference
    candidates: pl.DataFrame
    top: pl.DataFrame
    matches: pl.DataFrame
    labels: pl.DataFrame
    sides: pl.DataFrame
    alternatives: pl.DataFrame
    parts: pl.DataFrame
    abstained: pl.DataFrame

    @property
    def n_items(self) -> int:
        """Number of judged items."""
        return self.reference.n_items


def compare(answers: Predictions | Sequence[Predictions], reference: Reference) -> Comparison:
    """Align the best candidate of every item with each of the item's reference routings.

    Parameters
    ----------
    answers : Predictions or sequence of Predictions
        Predictions, or one per fold, of which each knows the resources of its own training only. Items without a candidate
        count as answered with no operation at all.
    reference : Reference
        What the answers are compared with.

    Returns
    -------
    Comparison
        What all metrics are computed from.
    """
    folds = [answers] if isinstance(answers, Predictions) else list(answers)
    predictions = _joined(folds)
    operations = _predicted_operations(predictions, reference)
    candidates = _candidates(predictions, operations, reference)
    top, matches, labels = _align_best(candidates, operations, reference)
    abstained = (
        predictions.abstained.join(reference.items, on="item_key").select("item").unique().sort("item")
    )
    parts = [f.candidates.select("item_key", part=pl.lit(i)).unique() for i, f in enumerate(folds)]
    alternatives = [
        f.resources.select("job_cd", "res_cd", pl.col("alternative_rank").cast(pl.Int64), part=pl.lit(i))
        for i, f in enumerate(folds)
    ]
    return Comparison(
        reference,
        candidates,
        top,
        matches,
        labels,
        _sides(operations, reference),
        pl.concat(alternatives),
        pl.concat(parts).join(reference.items, on="item_key").select("item", "part"),
        abstained,
    )


def _joined(folds: Sequence[Predictions]) -> Predictions:
    if len(folds) == 1:
        return folds[0]
    names = [f.name for f in fields(Predictions)]
    return Predictions(**{name: pl.concat([getattr(fold, name) for fold in folds]) for name in names})


def _predicted_operations(predictions: Predictions, reference: Reference) -> pl.DataFrame:
    columns = [c for names in TIME_COLUMNS.values() for c in names]
    return (
        predictions.operations.join(reference.items, on="item_key")
        .select("item", "candidate_rank", "proc_seq", "job_cd", "res_cd", "inside", *columns)
        .sort("item", "candidate_rank", "proc_seq")
        .with_columns(
            rank=pl.col("candidate_rank").rank("dense").over("item").cast(pl.Int64),
            pos=pl.int_range(pl.len()).over("item", "candidate_rank"),
        )
    )


def _candidates(predictions: Predictions, operations: pl.DataFrame, reference: Reference) -> pl.DataFrame:
    sequences = operations.group_by("item", "rank", "candidate_rank", maintain_order=True).agg(
        jobs=pl.col("job_cd")
    )
    known = predictions.candidates.join(reference.items, on="item_key").select(
        "item",
        "candidate_rank",
        "confidence",
        tier_high=pl.col("similarity_tier") == "HIGH",
        neighbours=pl.col("neighbour_count").cast(pl.Int64),
    )
    joined = (
        sequences.join(known, on=["item", "candidate_rank"], how="left", maintain_order="left")
        .drop("candidate_rank")
        .with_columns(sequence=pl.col("jobs").list.join(SEPARATOR))
        .with_columns(fresh=pl.struct("item", "sequence").is_first_distinct())
    )
    target = (
        reference.variants.with_columns(sequence=pl.col("jobs").list.join(SEPARATOR))
        .group_by("item", "sequence")
        .agg(hit=pl.col("weight").sum())
    )
    return joined.join(target, on=["item", "sequence"], how="left", maintain_order="left").with_columns(
        pl.col("hit").fill_null(0.0)
    ).drop("sequence")  # fmt: skip


def _align_best(
    candidates: pl.DataFrame, operations: pl.DataFrame, reference: Reference
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    best = candidates.filter(pl.col("rank") == 1).select("item", predicted=pl.col("jobs"))
    rows = reference.variants.join(best, on="item", how="left", maintain_order="left").with_columns(
        answered=pl.col("predicted").is_not_null(),
        predicted=pl.col("predicted").fill_null(pl.lit([], dtype=pl.List(pl.String))),
    )
    rows = rows.with_columns(
        left=pl.col("predicted").list.join(SEPARATOR), right=pl.col("jobs").list.join(SEPARATOR)
    )
    unique = rows.unique(["left", "right", "answered"], maintain_order=True)
    unique = unique.with_row_index("pair").with_columns(pl.col("pair").cast(pl.Int64))
    alignment = align(unique["predicted"], unique["jobs"])
    paired = rows.join(
        unique.select("pair", "left", "right", "answered"),
        on=["left", "right", "answered"],
        maintain_order="left",
    ).select(*ITEM_KEYS, "weight", "answered", "pair")
    top = paired.join(alignment.pairs, on="pair", how="left", maintain_order="left")
    mine = operations.filter(pl.col("rank") == 1).drop("rank", "candidate_rank", "proc_seq")
    matches = (
        paired.select(*ITEM_KEYS, "weight", "pair")
        .join(alignment.matches, on="pair")
        .join(
            mine.rename({"pos": "predicted_pos", "res_cd": "predicted_res", "inside": "predicted_inside"}),
            on=["item", "predicted_pos"],
        )
        .join(
            reference.operations.drop("job_cd").rename(
                {"pos": "actual_pos", "res_cd": "actual_res", "inside": "actual_inside"}
            ),
            on=[*ITEM_KEYS, "actual_pos"],
        )
        .sort(*ITEM_KEYS, "actual_pos")
    )
    labels = (
        paired.select("item", "weight", "pair")
        .join(label_pairs(alignment, unique["predicted"], unique["jobs"]), on="pair")
        .select("item", "weight", "actual", "predicted")
    )
    return top, matches, labels


def _sides(operations: pl.DataFrame, reference: Reference) -> pl.DataFrame:
    """Operations per item by in-house / outsourced, on either side."""
    predicted = operations.filter(pl.col("rank") == 1).select(
        "item", "inside", weight=pl.lit(1.0), side=pl.lit("predicted")
    )
    actual = reference.operations.join(reference.variants.select(*ITEM_KEYS, "weight"), on=ITEM_KEYS).select(
        "item", "inside", "weight", side=pl.lit("actual")
    )
    return pl.concat([predicted, actual]).group_by("item", "side", "inside").agg(count=pl.col("weight").sum())
