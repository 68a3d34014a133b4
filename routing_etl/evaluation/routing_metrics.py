"""Metrics of predicted routings: sequences, operations, resources, in-house and outsourced, labels.

Every function takes a `Comparison` and returns metrics that `bootstrap.Resampler` values, so that a value, its interval
and its segments come from one formula. Confidence (`confidence_metrics.py`) and times (`time_metrics.py`) are apart.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl
from scipy import sparse

from routing_etl.evaluation.bootstrap import Metric, SumMetric, ratio
from routing_etl.evaluation.comparison import Comparison
from routing_etl.evaluation.reasons import (
    NO_CANDIDATES,
    NO_INHOUSE_OPERATIONS,
    NO_ITEMS,
    NO_MATCHED_OPERATIONS,
    NO_OUTSOURCED_OPERATIONS,
    NO_RESOURCES,
    NOTHING_ABSTAINED,
)
from routing_etl.evaluation.sums import f_score, per_item, quotient
from routing_etl.frames import INHOUSE, OUTSOURCED
from routing_etl.model.base.arrays import Bools, Floats

#: Candidates of the replaced system's hit rate (docs/legacy-system.md 2.1).
TOP_K = 5
#: No item was shown five candidates: the hit rate would be that of fewer under another name.
TOO_FEW_SHOWN = f"FEWER_THAN_{TOP_K}_CANDIDATES"
#: The replaced system's scores of labels, here of the operations' job codes (docs/legacy-system.md 2.1).
LEGACY_METRICS = ("accuracy", "precision_weighted", "recall_weighted", "f1_weighted")


# --- labels ----------------------------------------------------------------------------------------


def label_values(hit: Floats, actual: Floats, predicted: Floats) -> dict[str, Floats]:
    """Accuracy and support-weighted precision, recall and F1 from counts per class; a division by zero gives 0.

    Parameters
    ----------
    hit : numpy.ndarray
        Weight of the right labels; the last axis is the class.
    actual : numpy.ndarray
        Weight of the actual labels.
    predicted : numpy.ndarray
        Weight of the predicted labels.

    Returns
    -------
    dict of str to numpy.ndarray
        Values by name (`LEGACY_METRICS`); NaN where there is no actual label.
    """

    def divide(top: Floats, bottom: Floats) -> Floats:
        return np.divide(top, bottom, out=np.zeros(np.broadcast(top, bottom).shape), where=bottom > 0)

    total = actual.sum(axis=-1)
    weight = divide(actual, total[..., None])
    precision, recall = divide(hit, predicted), divide(hit, actual)
    f1 = divide(2 * precision * recall, precision + recall)
    values = {
        "accuracy": divide(hit.sum(axis=-1), total),
        "precision_weighted": (weight * precision).sum(axis=-1),
        "recall_weighted": (weight * recall).sum(axis=-1),
        "f1_weighted": (weight * f1).sum(axis=-1),
    }
    return {name: np.where(total > 0, value, np.nan) for name, value in values.items()}


# --- sequences and operations ----------------------------------------------------------------------------------------


def sequence_metrics(found: Comparison) -> list[Metric]:
    """Exact match at 1, 4 and 5, operation sets, edit similarity, order, process match, abstention, candidates.

    Items without a candidate count as wrong everywhere except in `exact_at_1_answered` and `order_agreement`. The hit
    rate of five (docs/legacy-system.md 2.1) is NULL when no item was shown five candidates.
    """
    n = found.n_items
    one = np.ones(n)
    first, fresh = pl.col("rank") == 1, pl.col("fresh")

    def upto(k: int) -> pl.Expr:
        return pl.when((pl.col("rank") <= k) & fresh).then("hit").otherwise(0.0)

    hits = per_item(
        found.candidates,
        n,
        pl.when(first).then("hit").otherwise(0.0),
        upto(4),
        upto(TOP_K),
        first,
        pl.col("rank").is_not_null(),
        pl.col("tier_high"),
    )
    answered, number, high = hits[:, 3], hits[:, 4], hits[:, 5]
    shown = one * bool((number >= TOP_K).any())
    name = "expected_exact_at" if found.reference.expected else "exact_at"
    w = pl.col("weight")
    total = pl.col("n_predicted") + pl.col("n_actual")
    sets = per_item(
        found.top, n, w * pl.col("common"), w * pl.col("n_predicted"), w * pl.col("n_actual"),
        w * pl.when(total > 0).then(2 * pl.col("lcs") / total).otherwise(0.0),
        w * pl.col("order_agreeing"), w * pl.col("order_pairs"),
        w * pl.when(pl.col("n_actual") > 0).then(pl.col("lcs") / pl.col("n_actual")).otherwise(0.0),
    )  # fmt: skip
    abstained = np.zeros(n)
    abstained[found.abstained["item"].to_numpy()] = 1.0
    counts = np.column_stack([sets[:, :3], one])
    operations = sets[:, 2]
    metrics: list[Metric] = [
        SumMetric(f"{name}_1", np.column_stack([hits[:, 0], one]), ratio, one, NO_ITEMS),
        SumMetric(f"{name}_4", np.column_stack([hits[:, 1], one]), ratio, one, NO_ITEMS),
        SumMetric(f"top_{TOP_K}_hit_rate", np.column_stack([hits[:, 2], shown]), ratio, shown, TOO_FEW_SHOWN),
        SumMetric(
            f"{name}_1_answered", np.column_stack([hits[:, 0], answered]), ratio, answered, NO_CANDIDATES
        ),
        SumMetric("operation_precision", counts, quotient(0, 1), sets[:, 1], NO_CANDIDATES),
        SumMetric("operation_recall", counts, quotient(0, 2), operations, NO_ITEMS),
        SumMetric("operation_f1", counts, f_score, operations, NO_ITEMS),
        SumMetric("edit_similarity", np.column_stack([sets[:, 3], one]), ratio, one, NO_ITEMS),
        SumMetric("order_agreement", sets[:, 4:6], ratio, sets[:, 5], NO_MATCHED_OPERATIONS),
        SumMetric("process_match", np.column_stack([sets[:, 6], one]), ratio, one, NO_ITEMS),
        SumMetric("answered_share", np.column_stack([answered, one]), ratio, one, NO_ITEMS),
        SumMetric("abstained_share", np.column_stack([abstained, one]), ratio, one, NO_ITEMS),
        SumMetric("candidates_per_item", np.column_stack([number, one]), ratio, one, NO_ITEMS),
        SumMetric("high_tier_share", np.column_stack([high, number]), ratio, number, NO_CANDIDATES),
    ]
    return metrics


def justified_abstention(found: Comparison, reachable: Bools) -> SumMetric:
    """Share of the abstained items whose job sequence no training item has: copying could not have been right.

    Parameters
    ----------
    found : Comparison
        One method's answers.
    reachable : numpy.ndarray
        Per item, whether some training item has its job sequence.

    Returns
    -------
    SumMetric
        To be valued by a `Resampler`.
    """
    abstained = np.zeros(found.n_items)
    abstained[found.abstained["item"].to_numpy()] = 1.0
    parts = np.column_stack([abstained * ~reachable, abstained])
    return SumMetric("abstention_justified", parts, ratio, abstained, NOTHING_ABSTAINED)


def resource_metrics(found: Comparison) -> list[Metric]:
    """Resource of aligned operations, among the planned one (top 1) or it and the job's first alternatives (top 3).

    Operations whose actual resource is not known do not count. With several folds an item's alternatives are those of
    the fold that judged it.
    """
    place = found.alternatives.group_by("part", "job_cd", "res_cd").agg(
        place=pl.col("alternative_rank").min()
    )
    rows = (
        found.matches.filter(pl.col("actual_res").is_not_null())
        .join(found.parts, on="item", how="left")
        .join(place.rename({"res_cd": "actual_res"}), on=["part", "job_cd", "actual_res"], how="left")
        .join(
            place.rename({"res_cd": "predicted_res", "place": "own_place"}),
            on=["part", "job_cd", "predicted_res"],
            how="left",
        )
        .with_columns(same=(pl.col("actual_res") == pl.col("predicted_res")).fill_null(False))
    )
    # the list shown is the predicted resource, then the job's alternatives without it
    shown = pl.col("place") + 1 - (pl.col("own_place") < pl.col("place")).fill_null(False).cast(pl.Int64)
    shown = shown - pl.col("predicted_res").is_null().cast(pl.Int64)
    w = pl.col("weight")
    sums = per_item(
        rows, found.n_items, w * pl.col("same"), w * (pl.col("same") | (shown <= 3).fill_null(False)), w
    )
    return [
        SumMetric("resource_top1", sums, quotient(0, 2), sums[:, 2], NO_RESOURCES),
        SumMetric("resource_top3", sums, quotient(1, 2), sums[:, 2], NO_RESOURCES),
    ]


def inside_metrics(found: Comparison) -> list[Metric]:
    """Precision, recall and F1 of outsourced and of in-house operations; a hit is an aligned operation alike on both.

    `outsourcing_success` is the replaced system's name for the recall of outsourced operations (docs/legacy-system.md 2.10).
    """
    n = found.n_items
    w = pl.col("weight")
    same = pl.col("predicted_inside") == pl.col("actual_inside")
    every = per_item(found.matches, n, w * same, w)
    metrics: list[Metric] = [SumMetric("inside_accuracy", every, ratio, every[:, 1], NO_MATCHED_OPERATIONS)]
    for word, value, reason in (
        ("outsourced", OUTSOURCED, NO_OUTSOURCED_OPERATIONS),
        ("inhouse", INHOUSE, NO_INHOUSE_OPERATIONS),
    ):
        hits = per_item(found.matches.filter(same & (pl.col("actual_inside") == value)), n, w)
        rows = found.sides.filter(pl.col("inside") == value)
        sides = per_item(
            rows,
            n,
            pl.when(pl.col("side") == "predicted").then("count").otherwise(0.0),
            pl.when(pl.col("side") == "actual").then("count").otherwise(0.0),
        )
        sums = np.column_stack([hits, sides])
        metrics += [
            SumMetric(f"{word}_precision", sums, quotient(0, 1), sides[:, 0], reason),
            SumMetric(f"{word}_recall", sums, quotient(0, 2), sides[:, 1], reason),
            SumMetric(f"{word}_f1", sums, f_score, sides[:, 1], reason),
        ]
        if value == OUTSOURCED:
            metrics.append(SumMetric("outsourcing_success", sums, quotient(0, 2), sides[:, 1], reason))
    return metrics


def operation_label_metrics(found: Comparison) -> list[Metric]:
    """The replaced system's scores of labels, over aligned operations.

    A missing operation is a wrong label "" for its job, a superfluous one a wrong job for the label "", so both cost.
    """
    rows = found.labels.with_columns(pl.col("actual", "predicted").fill_null(""))
    codes = (
        pl.concat([rows["actual"], rows["predicted"]]).rank("dense").fill_null(1).to_numpy().astype(np.int64)
        - 1
    )
    actual, predicted = codes[: rows.height], codes[rows.height :]
    width = int(codes.max()) + 1 if len(codes) else 1
    item, weight = rows["item"].to_numpy(), rows["weight"].to_numpy()
    right = actual == predicted
    column = np.concatenate([actual[right], width + actual, 2 * width + predicted])
    parts = sparse.csr_matrix(
        (
            np.concatenate([weight[right], weight, weight]),
            (np.concatenate([item[right], item, item]), column),
        ),
        shape=(found.n_items, 3 * width),
    )
    units = np.bincount(item, weights=weight, minlength=found.n_items).astype(np.float64)

    def value(name: str) -> Callable[[Floats], Floats]:
        return lambda sums: label_values(sums[:, :width], sums[:, width : 2 * width], sums[:, 2 * width :])[
            name
        ]

    return [SumMetric(name, parts, value(name), units, NO_ITEMS) for name in LEGACY_METRICS]
