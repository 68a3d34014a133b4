"""Reported run times that include the set-up, where the profile says so: the set-up is taken out once per order.

A plant that books an order as one time has the set-up in it. Published beside a set-up time it would count twice, and pieces of small
orders would look dear. Only a person knows whether it is so (`results.setup_within_run`); that reports look so is told by
`times/suspects/set_up_within.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl

from routing_etl.erp.operation_keys import LOOSE
from routing_etl.erp.profile_model import ResultSource
from routing_etl.erp.text import Counter

#: Repairs: set-ups that were taken out, run times that are not longer than their set-up, and those whose set-up nobody knows.
TAKEN_OUT, NOT_LONGER, NOT_KNOWN = "set_up_taken_out", "set_up_not_within", "no_standard_set_up"


def _nothing() -> pl.DataFrame:
    return pl.DataFrame(
        schema={"item_key": pl.String(), "proc_seq": pl.Int32(), "job_cd": pl.String(), "_std": pl.Float64()}
    )


@dataclass(frozen=True)
class SetUpInRun:
    """The set-up that is in the reported run times.

    Parameters
    ----------
    standards : polars.DataFrame
        `item_key`, `proc_seq`, `job_cd` and `_std`, the standard set-up in minutes; empty where the profile does not ask for it.
    """

    standards: pl.DataFrame = field(default_factory=_nothing)

    @classmethod
    def of(cls, operations: pl.LazyFrame, results: ResultSource | None) -> SetUpInRun:
        """Read the standards, where the profile says that they are in the run times.

        Parameters
        ----------
        operations : polars.LazyFrame
            Clean operations.
        results : ResultSource or None
            The section of the profile.
        """
        if results is None or results.setup_within_run != "standard":
            return cls()
        known = operations.filter(pl.col("setup_min").is_not_null(), pl.col("job_cd").is_not_null())
        return cls(known.group_by(LOOSE).agg(_std=pl.col("setup_min").mean()).collect(engine="streaming"))

    def taken_out(self, frame: pl.DataFrame, results: ResultSource, counter: Counter) -> pl.DataFrame:
        """Run times without the set-up; NULL where it is not known, or not less than the run time.

        Parameters
        ----------
        frame : polars.DataFrame
            Results, one row an order and operation, times in the reported unit.
        results : ResultSource
            The section of the profile.
        counter : Counter
            Takes what was taken out and what could not be.
        """
        if results.setup_within_run is None:
            return frame
        has = (pl.col("machine_time") > 0).fill_null(False)
        if results.setup_within_run == "reported":
            frame = frame.with_columns(_within=pl.col("setup_time").fill_null(0.0))
        else:
            known = self.standards.with_columns(_within=pl.col("_std") / results.time_factor_min).drop("_std")
            frame = frame.join(known, on=LOOSE, how="left", maintain_order="left")
        within = pl.col("_within")
        unknown, short = has & within.is_null(), has & (within > 0) & (pl.col("machine_time") <= within)
        taken = has & (within > 0) & ~short
        for rule, rows in ((NOT_KNOWN, unknown), (NOT_LONGER, short), (TAKEN_OUT, taken)):
            counter.add(rule, "machine_time", frame.select(rows.fill_null(False).sum()).item())
        less = (
            pl.when(short.fill_null(False) | unknown)
            .then(None)
            .when(has)
            .then(pl.col("machine_time") - within)
        )
        return frame.with_columns(less.otherwise("machine_time").alias("machine_time")).drop("_within")
