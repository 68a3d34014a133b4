"""Facts about the judged items of a split: their relatives, bands of part types, and what the training side knows of them."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from routing_etl.evaluation.assembly import ItemFacts, JudgedItems
from routing_etl.evaluation.reference import known_routings
from routing_etl.evaluation.splits import (
    Fold,
    Split,
    attribute_columns,
    labelled_items,
    near_identical_groups,
)
from routing_etl.evaluation.truth import SEPARATOR, Truth
from routing_etl.evaluation.work_results import WorkResults
from routing_etl.model.base.arrays import Bools, Ints

#: A part type is frequent from this many routed training items on.
FREQUENT = 30


def _sequences(operations: pl.DataFrame) -> pl.DataFrame:
    return (
        operations.lazy()
        .filter((pl.col("routing_rank") == 0) & pl.col("job_cd").is_not_null())
        .select("item_key", "proc_seq", "job_cd")
        .sort("item_key", "proc_seq")
        .group_by("item_key", maintain_order=True)
        .agg(sequence=pl.col("job_cd").str.join(SEPARATOR))
        .collect()
    )


def many_missing(items: pl.DataFrame) -> Bools:
    """Items that lack more than half of the attributes that most of these items have.

    Parameters
    ----------
    items : polars.DataFrame
        ITEMS frame.
    """
    names = [c for c in attribute_columns(items) if items[c].null_count() < items.height / 2]
    if not names:
        return np.zeros(items.height, dtype=bool)
    missing = items.select(pl.sum_horizontal(pl.col(names).is_null())).to_series().to_numpy()
    return np.asarray(missing > len(names) / 2)


def part_type_bands(part_type: pl.Series, count: pl.Series) -> tuple[pl.Series, NDArray[np.int8]]:
    """Band of the part type by its number of routed training items, and whether the type was seen at all.

    1: seen, 0: new, -1: the item has no part type, so that it may be of a known one or of a new one.
    """
    frame = pl.DataFrame({"part_type": part_type, "n": count})
    band = frame.select(
        pl.when(pl.col("part_type").is_null())
        .then(pl.lit("none"))
        .when(pl.col("n") >= FREQUENT)
        .then(pl.lit("frequent"))
        .when(pl.col("n") > 0)
        .then(pl.lit("rare"))
        .otherwise(pl.lit("unseen"))
    ).to_series()
    return band, np.where(part_type.is_null().to_numpy(), -1, frame["n"].to_numpy() > 0).astype(np.int8)


def in_order(keys: pl.Series, items: pl.DataFrame) -> pl.DataFrame:
    """The items of these keys, in their order."""
    return keys.to_frame("item_key").join(items, on="item_key", maintain_order="left")


def judged_items(
    divided: Split,
    items: pl.DataFrame,
    operations: pl.DataFrame,
    results: WorkResults,
    truth: Truth | None,
) -> JudgedItems:
    """The judged items of a split with their written routings and actual times."""
    reference = known_routings(operations, divided.test, results.actual, truth, results.reports)
    facts = _fold_facts(divided, items, operations)
    judged = in_order(divided.test, items)
    band, known_type = part_type_bands(facts["part_type"], facts["n"].fill_null(0))
    return JudgedItems(
        divided.name,
        reference,
        ItemFacts(
            _relatives(divided.test, items, operations),
            band,
            judged["item_acct"],
            known_type,
            facts["reachable"].fill_null(False).to_numpy(),
            judged["part_type"],
            many_missing(judged),
        ),
        truth,
    )


def _relatives(keys: pl.Series, items: pl.DataFrame, operations: pl.DataFrame) -> Ints:
    """Number of the group of near-identical items and siblings of each key: they are right or wrong together.

    Groups are those of all routed items, as in the split: of a few, most texts look unique.
    """
    routed = labelled_items(items, operations).drop("rout_date")
    group = pl.Series("group", near_identical_groups(routed, by_identifier=True))
    known = pl.DataFrame([routed["item_key"], group])
    return keys.to_frame("item_key").join(known, on="item_key", maintain_order="left")["group"].to_numpy()


def learned_keys(fold: Fold, items: pl.DataFrame) -> pl.Series:
    """Keys of the items that a model of the fold learns from: those of `Fold.train` that are not excluded."""
    return labelled_items(items, fold.operations)["item_key"]


def _fold_facts(divided: Split, items: pl.DataFrame, operations: pl.DataFrame) -> pl.DataFrame:
    """Per judged item: part_type, n (training items of it), reachable (a training item has its job sequence)."""
    typed = items.select("item_key", "part_type")
    written = _sequences(operations)
    parts = []
    for fold in divided.folds:
        train = learned_keys(fold, items).to_frame("item_key").join(typed, on="item_key")
        counts = train.group_by("part_type").agg(n=pl.len().cast(pl.Int64))
        known = _sequences(fold.operations).join(train, on="item_key", how="semi").select("sequence").unique()
        known = known.with_columns(reachable=pl.lit(True))
        parts.append(
            fold.test.to_frame("item_key")
            .join(typed, on="item_key")
            .join(counts, on="part_type", how="left")
            .join(written, on="item_key", how="left")
            .join(known, on="sequence", how="left")
        )
    return divided.test.to_frame("item_key").join(
        pl.concat(parts), on="item_key", how="left", maintain_order="left"
    )
