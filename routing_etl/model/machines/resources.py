"""Which machines may run a job: the plant-wide alternatives."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from routing_etl.frames import RESOURCE_ALTERNATIVES, TimeEvidence
from routing_etl.model.base.arrays import Bools
from routing_etl.model.catalogue.routings import RoutingCatalogue

_LENGTH = RESOURCE_ALTERNATIVES["res_cd"].max_length or 32
#: A resource on which work was reported so recently is in use, whatever the routings say.
_STILL_WORKING_DAYS = 180


def is_pool(column: str, words: Sequence[str]) -> pl.Expr:
    """Whether a resource code or name holds one of the words of a waiting pool."""
    if not words:
        return pl.lit(False)
    return pl.col(column).str.contains_any(list(words)).fill_null(False)


def pool_steps(steps: pl.DataFrame, words: Sequence[str]) -> Bools:
    """Per step of the catalogue, whether its resource is a waiting pool."""
    pools = is_pool("res_cd", words) | is_pool("res_nm", words)
    flags = steps.with_columns(pool=pools)["pool"]  # without words a literal, which must fill the column
    return np.asarray(flags.to_numpy(), dtype=bool)


def unnamed_steps(steps: pl.DataFrame, usable: Bools) -> Bools:
    """Per step of the catalogue, whether it lacks a resource and a usable step of the same job and kind has one.

    A resource that was not filled in is missing, not another choice; kind: in-house or outsourced. `usable`: per step,
    whether it may be proposed otherwise.
    """
    named = pl.col("res_cd").is_not_null()
    has_one = (named & pl.col("usable")).any().over("job_cd", "inside")
    flags = steps.with_columns(usable=pl.Series(usable)).select(~named & has_one).to_series()
    return np.asarray(flags.to_numpy(), dtype=bool)


@dataclass(frozen=True)
class OutOfUse:
    """What the routings say is no longer planned.

    Attributes
    ----------
    replaced_jobs, replaced_resources: old code -> the code that took over. jobs: codes without successor.
    pairs: columns job_cd and res_cd, today's codes.
    """

    replaced_jobs: dict[str, str] = field(default_factory=dict)
    replaced_resources: dict[str, str] = field(default_factory=dict)
    jobs: Collection[str] = ()
    pairs: pl.DataFrame = field(
        default_factory=lambda: pl.DataFrame(schema={"job_cd": pl.String, "res_cd": pl.String})
    )

    @classmethod
    def of(cls, catalogue: RoutingCatalogue, jobs: Collection[str], old_step: Bools) -> OutOfUse:
        """From the catalogue's replacements, the retired jobs, and whether each step is retired."""
        pairs = catalogue.steps.select("job_cd", "res_cd", old=pl.Series(old_step)).drop_nulls("res_cd")
        pairs = pairs.group_by("job_cd", "res_cd").agg(pl.col("old").all()).filter("old").drop("old")
        return cls(catalogue.replaced_jobs, catalogue.replaced_resources, jobs, pairs)

    def today(self) -> tuple[pl.Expr, pl.Expr]:
        """Job and resource with the codes of today."""
        return pl.col("job_cd").replace(self.replaced_jobs), pl.col("res_cd").replace(self.replaced_resources)


def resource_alternatives(
    operations: pl.DataFrame,
    evidence: TimeEvidence,
    pool_words: Sequence[str],
    gone: OutOfUse | None = None,
) -> pl.DataFrame:
    """RESOURCE_ALTERNATIVES frame: per job every resource seen in a routing or in work results.

    A resource ranks by how often it was used; waiting pools come last. A replaced code counts for the one that took over.
    Resources that can only stand in (`further_res`) count by their work results, and come behind those that were used.
    Jobs out of use are left out, and so are a job's resources out of use, unless work was reported on them in the last 180
    days (planners may name the pool where the machine still runs). Codes too long for the output are left out, too.
    """
    gone = gone or OutOfUse()
    todays = gone.today()
    was = pl.col("res_cd").is_in(list(gone.replaced_resources)).fill_null(value=False)
    routed = operations.lazy().select(*todays, "insrt_dt", res_nm=pl.when(~was).then("res_nm"))
    planned = (
        routed.filter(pl.col("job_cd").is_not_null() & pl.col("res_cd").is_not_null())
        .group_by("job_cd", "res_cd")
        .agg(
            pl.len().cast(pl.Int64).alias("planned"),
            pl.col("res_nm").drop_nulls().mode().sort().first().alias("res_nm"),
            pl.col("insrt_dt").max().dt.date().alias("planned_last"),
        )
        .collect()
    )
    reports = pl.max_horizontal("run_n", "setup_n") + pl.max_horizontal("run_n_removed", "setup_n_removed")
    worked = (
        evidence.by_job_resource.select(*todays, worked=reports, worked_last="last_report_dt")
        .group_by("job_cd", "res_cd")
        .agg(pl.col("worked").sum(), pl.col("worked_last").max())
        .join(planned.select("job_cd").unique(), on="job_cd", how="semi")
    )
    names = (
        routed.filter(pl.col("res_nm").is_not_null())
        .group_by("res_cd")
        .agg(pl.col("res_nm").mode().sort().first().alias("any_name"))
        .collect()
    )
    used = planned.join(worked, on=["job_cd", "res_cd"], how="full", coalesce=True)
    used = used.join(_standing_in(operations, todays), on=["job_cd", "res_cd"], how="full", coalesce=True)
    frame = (
        _in_use(used, gone)
        .join(names, on="res_cd", how="left")
        .with_columns(
            use_count=pl.col("planned").fill_null(0) + pl.col("worked").fill_null(0),
            res_nm=pl.coalesce("res_nm", "any_name").str.slice(0, RESOURCE_ALTERNATIVES["res_nm"].max_length),
            last_used=pl.max_horizontal("planned_last", "worked_last"),
        )
        .with_columns(is_pool=is_pool("res_cd", pool_words) | is_pool("res_nm", pool_words))
        .filter((pl.col("res_cd").str.len_chars() <= _LENGTH) & (pl.col("job_cd").str.len_chars() <= _LENGTH))
        .sort(
            "job_cd",
            "is_pool",
            "use_count",
            "place",
            "res_cd",
            descending=[False, False, True, False, False],
            nulls_last=True,
        )
        .with_columns(
            alternative_rank=(pl.int_range(pl.len()).over("job_cd") + 1).cast(pl.Int16),
            use_share=pl.col("use_count") / pl.max_horizontal(pl.col("use_count").sum().over("job_cd"), 1),
        )
    )
    return RESOURCE_ALTERNATIVES.conform(frame)


def _standing_in(operations: pl.DataFrame, todays: tuple[pl.Expr, pl.Expr]) -> pl.DataFrame:
    """Per job the resources that can stand in for a planned one, with their mean place among them."""
    if "further_res" not in operations.columns or not operations["further_res"].count():
        return pl.DataFrame(schema={"job_cd": pl.String, "res_cd": pl.String, "place": pl.Float64})
    sets = operations.drop_nulls(["job_cd", "further_res"]).group_by("job_cd", "further_res").len("rows")
    lines = sets.with_columns(pl.col("further_res").str.split("\n").alias("res_cd"))
    lines = lines.with_columns(pl.int_ranges(pl.col("res_cd").list.len()).alias("place"))
    lines = lines.explode("res_cd", "place").with_columns(*todays)
    rows = pl.col("rows")
    return lines.group_by("job_cd", "res_cd").agg(place=(pl.col("place") * rows).sum() / rows.sum())


def _in_use(used: pl.DataFrame, gone: OutOfUse) -> pl.DataFrame:
    """Of pairs of job and resource with the date of their newest work result, `worked_last`, those still in use."""
    working = pl.col("worked_last") > pl.col("worked_last").max() - pl.duration(days=_STILL_WORKING_DAYS)
    return (
        used.with_columns(working=working.fill_null(value=False))
        .join(gone.pairs.with_columns(out=pl.lit(value=True)), on=["job_cd", "res_cd"], how="left")
        .filter(pl.col("out").is_null() | pl.col("working"), ~pl.col("job_cd").is_in(list(gone.jobs)))
        .drop("out", "working")
    )
