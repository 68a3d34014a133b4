"""Which routing of an item counts: the newest valid in-house main routing. The others are alternates.

The rule, and why others fail: docs/erp-contract.md 4.3.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from routing_etl.frames import INHOUSE, OUTSOURCED

_GROUP = ["item_key", "rout_no"]

#: The steps of the order: the column that a step compares, and its name in `decided_by`.
_STEPS = (
    ("_valid", "validity"),
    ("_major", "main_flag"),
    ("_class", "class"),
    ("_date", "date"),
    ("rout_no", "rout_no"),
)
#: `decided_by` of an item with one routing.
ONLY = "only_routing"
#: Classes of a routing in their order: all operations in-house, some, none.
_CLASSES = (INHOUSE, "mixed", OUTSOURCED)


@dataclass(frozen=True)
class Selection:
    """Operations of ranked routings, and the rows of broken ones.

    Parameters
    ----------
    operations : polars.DataFrame
        Operations with their routing's class, rank, deciding step, date and validity.
    quarantined : polars.DataFrame
        Rows of routings that cannot be used, with `rule` and `reason`.
    """

    operations: pl.DataFrame
    quarantined: pl.DataFrame


def select_routings(operations: pl.DataFrame, *, outsourced_rout_no: tuple[str, ...] = ()) -> Selection:
    """Rank every item's routings.

    Order: valid on the cut-off date, main flag (yes, unknown, no), class (all in-house, mixed, all outsourced), newest
    insert time (none last), routing number descending. A routing is valid when all its rows are. `decided_by` names the
    step that put a routing behind the one before it; for the first routing, the step by which it won.

    A routing with two different jobs on one operation number, or without any job code, is quarantined whole.

    Parameters
    ----------
    operations : polars.DataFrame
        Columns item_key, rout_no, proc_seq (Int32), job_cd, inside, insrt_dt (Datetime), `row_valid` (Boolean) and
        `major` (Boolean: main routing, NULL unknown).
    outsourced_rout_no : tuple of str, optional
        Routing numbers that mean "outsourced" whatever the rows say.
    """
    groups = operations.group_by(_GROUP).agg(
        (pl.col("proc_seq").n_unique() < pl.len()).alias("_clash"),
        pl.col("job_cd").null_count().eq(pl.len()).alias("_jobless"),
        pl.col("row_valid").all().alias("_valid"),
        (pl.col("inside") == OUTSOURCED).sum().alias("_out"),
        pl.len().alias("_rows"),
        pl.col("insrt_dt").max().alias("_date"),
        pl.col("major").any(ignore_nulls=True).alias("_yes"),
        pl.col("major").is_not_null().any().alias("_flagged"),
    )
    bad = groups.filter(pl.col("_clash") | pl.col("_jobless")).select(
        *_GROUP,
        pl.when("_clash").then(pl.lit("conflicting_proc_seq")).otherwise(pl.lit("no_job_code")).alias("rule"),
        pl.when("_clash")
        .then(pl.lit("The routing has different jobs on one operation number."))
        .otherwise(pl.lit("No operation of the routing has a job code."))
        .alias("reason"),
    )
    quarantined = operations.join(bad, on=_GROUP, how="inner", maintain_order="left")
    ranked = _ranked(groups.join(bad, on=_GROUP, how="anti"), outsourced_rout_no)
    kept = operations.join(ranked, on=_GROUP, how="inner", maintain_order="left")
    return Selection(kept.sort("item_key", "routing_rank", "proc_seq"), quarantined)


def _ranked(groups: pl.DataFrame, outsourced_rout_no: tuple[str, ...]) -> pl.DataFrame:
    named = pl.col("rout_no").is_in(list(outsourced_rout_no)) if outsourced_rout_no else pl.lit(False)
    groups = groups.with_columns(
        pl.when(named | (pl.col("_out") == pl.col("_rows")))
        .then(2)
        .when(pl.col("_out") > 0)
        .then(1)
        .otherwise(0)
        .cast(pl.Int8)
        .alias("_class"),
        pl.when(~pl.col("_flagged")).then(1).when("_yes").then(0).otherwise(2).cast(pl.Int8).alias("_major"),
    ).sort(
        "item_key",
        "_valid",
        "_major",
        "_class",
        "_date",
        "rout_no",
        descending=[False, True, False, False, True, True],
        nulls_last=True,
    )
    first = pl.col("item_key").ne_missing(pl.col("item_key").shift(1))
    steps = [
        pl.when(~first & pl.col(column).ne_missing(pl.col(column).shift(1))).then(pl.lit(step))
        for column, step in _STEPS
    ]
    groups = groups.with_columns(
        pl.int_range(pl.len()).over("item_key").cast(pl.Int32).alias("routing_rank"),
        pl.coalesce(steps).alias("_lost"),
    )
    won = pl.col("_lost").shift(-1)
    last = pl.col("item_key").ne_missing(pl.col("item_key").shift(-1))
    names = pl.DataFrame({"_class": pl.Series([0, 1, 2], dtype=pl.Int8), "rout_class": list(_CLASSES)})
    return (
        groups.with_columns(
            pl.when(pl.col("routing_rank") > 0)
            .then("_lost")
            .when(last)
            .then(pl.lit(ONLY))
            .otherwise(won)
            .alias("decided_by")
        )
        .join(names, on="_class", how="left", maintain_order="left")
        .select(
            *_GROUP,
            "rout_class",
            "routing_rank",
            "decided_by",
            pl.col("_date").alias("rout_date"),
            pl.col("_valid").alias("rout_valid"),
        )
    )
