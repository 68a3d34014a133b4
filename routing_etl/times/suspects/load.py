"""Whether the reported minutes fit into the days of the machines: the one test that needs no standard.

A plant whose standards and reports are both read in a wrong unit (seconds as minutes) agrees with itself. But a machine has 24 hours a day.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from routing_etl.times.suspects.found import Finding, in_reports
from routing_etl.times.suspects.limits import EXAMPLES

#: Fewest reports and days of a machine that is looked at, and fewest machines. A fortnight, because a first trial often has one month.
_REPORTS, _DAYS, _MACHINES = 20, 14, 3
#: Days' work that the middle machine may do a day. A work centre may stand for several machines, so 24 hours are no limit.
_FULL = 5.0
_DAY = 1440.0


def load_of(rows: pl.DataFrame) -> pl.DataFrame:
    """Minutes, reports, first and last day of each machine in a shard.

    Parameters
    ----------
    rows : polars.DataFrame
        A shard's rows in minutes.
    """
    minutes = (pl.col("run_min") * pl.col("pieces").fill_null(1.0)).fill_null(0.0) + pl.col(
        "setup_min"
    ).fill_null(0.0)
    return (
        rows.lazy()
        .filter(pl.col("res_cd").is_not_null(), pl.col("report_dt").is_not_null())
        .group_by(pl.col("res_cd").cast(pl.String))
        .agg(
            minutes=minutes.sum(),
            reports=pl.len().cast(pl.Int64),
            first=pl.col("report_dt").min(),
            last=pl.col("report_dt").max(),
        )
        .collect(engine="streaming")
    )


def overfull(parts: Sequence[pl.DataFrame]) -> list[Finding]:
    """Say that the middle machine would have worked more than `_FULL` days a day; nothing is set aside.

    Parameters
    ----------
    parts : sequence of polars.DataFrame
        As `load_of` returns them, of all shards.
    """
    whole = pl.concat(parts).group_by("res_cd").agg(
        pl.col("minutes", "reports").sum(), pl.col("first").min(), pl.col("last").max()
    )  # fmt: skip
    days = (pl.col("last") - pl.col("first")).dt.total_days() + 1
    judged = whole.with_columns(days=days).filter(pl.col("reports") >= _REPORTS, pl.col("days") >= _DAYS)
    if judged.height < _MACHINES:
        return []
    a_day = judged.select("res_cd", "reports", load=pl.col("minutes") / (_DAY * pl.col("days")))
    middle = float(np.median(a_day["load"].to_numpy()))
    if middle <= _FULL:
        return []
    fullest = a_day.sort("load", "res_cd", descending=[True, False]).head(EXAMPLES)
    named = ", ".join(f"{m} {24 * load:,.0f}" for m, load in fullest.select("res_cd", "load").iter_rows())
    reports = int(a_day["reports"].sum())
    return [
        Finding(
            "subset", "run", "all machines", reports, 0, 0, None, (),
            f"By {in_reports(reports)} the middle of {judged.height:,} machines would have worked {24 * middle:,.0f} hours a day ({named}): "
            "the times of reports and standards agree, so both may be read in a wrong unit. They are used. Look at "
            "results.time_factor_min, routing.blank_time_unit and time_units; a work centre of many machines may be right.",
        )
    ]  # fmt: skip
