"""What was wrong, as a process engineer can act on it: which jobs were missing or too many, and which columns want filling.

From held-out routings alone, so on any plant. An item is wrong when its first candidate is not the routing that was written.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from routing_etl.evaluation.details import Loss
from routing_etl.evaluation.reference import Reference
from routing_etl.evaluation.splits import attribute_columns
from routing_etl.frames import Predictions

#: Jobs that are named of each kind, the most frequent ones; fewer items than this are not worth a line.
_MOST_JOBS, _LEAST_ITEMS = 8, 3
#: A column is expected where at least half of the items of the part type have it filled.
_EXPECTED = 0.5
#: Judged items without a value, and with one, that tell whether the value matters.
_LEAST_COMPARED = 10
#: 95 % of a normal distribution are within so many standard deviations.
_Z = 1.96


def losses_of(
    answers: Sequence[Predictions], reference: Reference, items: pl.DataFrame, routed: pl.Series
) -> tuple[Loss, ...]:
    """What was wrong with the first candidates.

    Parameters
    ----------
    answers : sequence of Predictions
        The model's predictions, a part per fold.
    reference : Reference
        The routings that were written, one per item.
    items : polars.DataFrame
        ITEMS frame, routed items and others.
    routed : polars.Series
        Keys of the items that have a routing.

    Returns
    -------
    tuple of Loss
        The kinds, then jobs, then attributes, the most items first. Nothing when nothing was wrong.
    """
    rows = _judged(answers, reference)
    wrong = rows.filter(pl.col("kind").is_not_null())
    if not wrong.height:
        return ()
    kinds = wrong.group_by("kind").len().sort("len", "kind", descending=[True, False])
    found = [Loss(kind, "", n, n / wrong.height) for kind, n in kinds.iter_rows()]
    for kind, column in (("missing", "lacking"), ("too many", "extra")):
        jobs = wrong.select(pl.col(column).list.unique()).explode(column).drop_nulls().group_by(column).len()
        jobs = jobs.filter(pl.col("len") >= _LEAST_ITEMS).sort("len", column, descending=[True, False])
        found += [Loss(kind, job, n, n / wrong.height) for job, n in jobs.head(_MOST_JOBS).iter_rows()]
    return (*found, *_not_filled(rows, wrong.height, items, routed))


def _judged(answers: Sequence[Predictions], reference: Reference) -> pl.DataFrame:
    """Per judged item its key, the `kind` of what was wrong (NULL: nothing), and the jobs `lacking` and `extra`."""
    first = pl.concat(
        part.operations.filter(pl.col("candidate_rank") == 1).select("item_key", "proc_seq", "job_cd")
        for part in answers
    )
    proposed = (
        first.sort("item_key", "proc_seq").group_by("item_key", maintain_order=True).agg(proposed="job_cd")
    )
    rows = reference.items.join(reference.variants.select("item", "jobs"), on="item")
    rows = rows.join(proposed, on="item_key", how="left").with_columns(
        lacking=pl.col("jobs").list.set_difference("proposed"),
        extra=pl.col("proposed").list.set_difference("jobs"),
    )
    # A job can stand twice in a routing: of two routings with the same jobs the longer one has one too many.
    longer = pl.col("proposed").list.len().cast(pl.Int64) - pl.col("jobs").list.len().cast(pl.Int64)
    lacks, has_more = pl.col("lacking").list.len() > 0, pl.col("extra").list.len() > 0
    kind = (
        pl.when(pl.col("proposed").is_null()).then(pl.lit("no proposal"))
        .when(pl.col("proposed") == pl.col("jobs")).then(None)
        .when(lacks & has_more).then(pl.lit("other operations"))
        .when(lacks | (~has_more & (longer < 0))).then(pl.lit("operations missing"))
        .when(has_more | (longer > 0)).then(pl.lit("operations too many"))
        .otherwise(pl.lit("order alone"))
    )  # fmt: skip
    return rows.select("item_key", kind=kind, lacking="lacking", extra="extra")


def _not_filled(rows: pl.DataFrame, n_wrong: int, items: pl.DataFrame, routed: pl.Series) -> list[Loss]:
    """Columns of numbers whose missing values go with wrong routings, beyond chance."""
    found = []
    waiting = ~items["item_key"].is_in(routed.implode())
    judged = items.select("item_key").join(
        rows.select("item_key", "kind"), on="item_key", how="left", maintain_order="left"
    )
    is_judged = items["item_key"].is_in(rows["item_key"].implode())
    wrong = judged["kind"].is_not_null()
    for name in attribute_columns(items):
        if not items.schema[name].is_numeric():
            continue
        expected = items.select(
            (pl.col(name).is_not_null().mean().over("part_type") >= _EXPECTED).alias("e")
        )["e"]
        empty = expected & items[name].is_null()
        without, having = wrong.filter(is_judged & empty), wrong.filter(is_judged & expected & ~empty)
        if min(without.len(), having.len()) < _LEAST_COMPARED:
            continue
        low, high = float(without.mean() or 0.0), float(having.mean() or 0.0)  # type: ignore[arg-type]
        spread = np.sqrt(low * (1 - low) / without.len() + high * (1 - high) / having.len())
        if low - high <= _Z * spread:
            continue
        asked = int((waiting & empty).sum())
        told = f"{low:.0%} wrong without it, {high:.0%} with it"
        if asked:
            told += f": fill {name} for the {asked:,} items that wait for a routing without it"
        found.append(Loss("not filled", name, int(without.sum()), int(without.sum()) / n_wrong, told))
    return sorted(found, key=lambda loss: (-loss.items, loss.what))
