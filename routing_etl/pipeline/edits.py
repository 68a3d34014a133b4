"""How far a routing that an engineer wrote is from the nearest of the candidates that were shown: operations, machines, times."""

from __future__ import annotations

import polars as pl

from routing_etl.evaluation.alignment import align

#: Minutes by which a time may differ from ours, which is published with two decimals.
_ROUNDING = 0.006
#: What is found of each item.
SCHEMA = pl.Schema(
    {
        "item_cd": pl.String, "nearest_rank": pl.Int64, "edit_distance": pl.Int64, "machines_changed": pl.Int64,
        "times_changed": pl.Int64,
    }
)  # fmt: skip


def edits(proposed: pl.DataFrame, written: pl.DataFrame) -> pl.DataFrame:
    """Compare each item's routing with its candidates and tell the differences from the nearest one.

    Parameters
    ----------
    proposed : polars.DataFrame
        Operations of candidates: item_cd, rank, proc_seq, our_job, our_res, our_run, our_setup (minutes).
    written : polars.DataFrame
        Operations of the routings: item_cd, proc_seq, job_cd, res_cd, run_min, setup_min.

    Returns
    -------
    polars.DataFrame
        Columns of `SCHEMA`, a row per item that both have. The edit distance counts operations to insert or delete, in
        order, so that a replaced one is two; of two candidates as near the one of the better rank is taken. Machines and times
        are compared where an operation stands on both sides.
    """
    ours = _places(proposed, "rank").rename({"our_job": "job"})
    theirs = _places(written).rename({"job_cd": "job"})
    pairs = (
        ours.group_by("item_cd", "rank", maintain_order=True)
        .agg(ours="job")
        .join(
            theirs.group_by("item_cd", maintain_order=True).agg(theirs="job"),
            on="item_cd",
            maintain_order="left",
        )
        .with_row_index("pair")
    )
    if pairs.is_empty():
        return pl.DataFrame(schema=SCHEMA)
    aligned = align(pairs["ours"], pairs["theirs"])
    distance = pl.col("n_predicted") + pl.col("n_actual") - 2 * pl.col("lcs")
    near = (
        pairs.select(pl.col("pair").cast(pl.Int64), "item_cd", "rank")
        .join(
            aligned.pairs.select(pl.col("pair").cast(pl.Int64), edit_distance=distance.cast(pl.Int64)),
            on="pair",
        )
        .sort("item_cd", "edit_distance", "rank")
        .unique("item_cd", keep="first", maintain_order=True)
    )
    both = (
        aligned.matches.cast(pl.Int64)
        .join(near, on="pair")
        .join(ours, left_on=["item_cd", "rank", "predicted_pos"], right_on=["item_cd", "rank", "place"])
        .join(theirs, left_on=["item_cd", "actual_pos"], right_on=["item_cd", "place"], suffix="_theirs")
    )
    changed = both.group_by("item_cd").agg(
        machines_changed=(~pl.col("our_res").eq_missing(pl.col("res_cd"))).sum().cast(pl.Int64),
        times_changed=(_differs("our_run", "run_min") | _differs("our_setup", "setup_min"))
        .sum()
        .cast(pl.Int64),
    )
    return (
        near.join(changed, on="item_cd", how="left")
        .with_columns(pl.col("machines_changed", "times_changed").fill_null(0), nearest_rank=pl.col("rank"))
        .select(SCHEMA.names())
        .cast(dict(SCHEMA))  # type: ignore[arg-type]
        .sort("item_cd")
    )


def _places(operations: pl.DataFrame, *more: str) -> pl.DataFrame:
    """The operations in order, with their place from 0."""
    keys = ["item_cd", *more]
    return operations.sort(*keys, "proc_seq").with_columns(
        place=pl.int_range(pl.len(), dtype=pl.Int64).over(keys)
    )


def _differs(ours: str, theirs: str) -> pl.Expr:
    """Whether two times differ by more than the rounding; an unknown one is nought, as the ERP's tables have it."""
    return (pl.col(ours).fill_null(0.0) - pl.col(theirs).fill_null(0.0)).abs() > _ROUNDING
