"""Which machines may run a job: the plant-wide alternatives.

What belongs here: counting resources of jobs over routings and work results. What does not: the choice for one item.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from routing_etl.frames import RESOURCE_ALTERNATIVES, TimeEvidence

_LENGTH = RESOURCE_ALTERNATIVES["res_cd"].max_length or 32


def is_pool(column: str, words: Sequence[str]) -> pl.Expr:
    """Whether a resource code or name holds one of the words of a waiting pool."""
    if not words:
        return pl.lit(False)
    return pl.col(column).str.contains_any(list(words)).fill_null(False)


def pool_steps(steps: pl.DataFrame, words: Sequence[str]) -> NDArray[np.bool_]:
    """Per step of the catalogue, whether its resource is a waiting pool."""
    flags = steps.select(is_pool("res_cd", words) | is_pool("res_nm", words)).to_series()
    return np.asarray(flags.to_numpy(), dtype=bool)


def unnamed_steps(steps: pl.DataFrame, usable: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Per step of the catalogue, whether it lacks a resource and a usable step of the same job and kind has one.

    A resource that was not filled in is missing, not another choice; kind: in-house or outsourced. `usable`: per step,
    whether it may be proposed otherwise.
    """
    named = pl.col("res_cd").is_not_null()
    has_one = (named & pl.col("usable")).any().over("job_cd", "inside")
    flags = steps.with_columns(usable=pl.Series(usable)).select(~named & has_one).to_series()
    return np.asarray(flags.to_numpy(), dtype=bool)


def resource_alternatives(
    operations: pl.DataFrame, evidence: TimeEvidence, pool_words: Sequence[str]
) -> pl.DataFrame:
    """RESOURCE_ALTERNATIVES frame: per job every resource seen in a routing or in work results.

    A resource ranks by how often it was used; waiting pools come last. Codes too long for the output are left out.
    """
    planned = (
        operations.lazy()
        .filter(pl.col("job_cd").is_not_null() & pl.col("res_cd").is_not_null())
        .group_by("job_cd", "res_cd")
        .agg(
            pl.len().cast(pl.Int64).alias("planned"),
            pl.col("res_nm").drop_nulls().mode().sort().first().alias("res_nm"),
            pl.col("insrt_dt").max().dt.date().alias("planned_last"),
        )
        .collect()
    )
    worked = evidence.by_job_resource.select(
        "job_cd",
        "res_cd",
        (pl.max_horizontal("run_n", "setup_n") + pl.max_horizontal("run_n_removed", "setup_n_removed")).alias(
            "worked"
        ),
        pl.col("last_report_dt").alias("worked_last"),
    )
    known_jobs = planned.select("job_cd").unique()
    worked = worked.join(known_jobs, on="job_cd", how="semi")
    names = (
        operations.lazy()
        .filter(pl.col("res_nm").is_not_null())
        .group_by("res_cd")
        .agg(pl.col("res_nm").mode().sort().first().alias("any_name"))
        .collect()
    )
    frame = (
        planned.join(worked, on=["job_cd", "res_cd"], how="full", coalesce=True)
        .join(names, on="res_cd", how="left")
        .with_columns(
            use_count=pl.col("planned").fill_null(0) + pl.col("worked").fill_null(0),
            res_nm=pl.coalesce("res_nm", "any_name").str.slice(0, RESOURCE_ALTERNATIVES["res_nm"].max_length),
            last_used=pl.max_horizontal("planned_last", "worked_last"),
        )
        .with_columns(is_pool=is_pool("res_cd", pool_words) | is_pool("res_nm", pool_words))
        .filter((pl.col("res_cd").str.len_chars() <= _LENGTH) & (pl.col("job_cd").str.len_chars() <= _LENGTH))
        .sort("job_cd", "is_pool", "use_count", "res_cd", descending=[False, False, True, False])
        .with_columns(
            alternative_rank=(pl.int_range(pl.len()).over("job_cd") + 1).cast(pl.Int16),
            use_share=pl.col("use_count") / pl.col("use_count").sum().over("job_cd"),
        )
    )
    return RESOURCE_ALTERNATIVES.conform(frame)
