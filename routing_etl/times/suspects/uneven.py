"""Jobs whose standards differ from what was reported by another factor for each operation, while the reports of one operation agree.

A time of a shot without the cavities, of a cycle without the pieces, of a unit that differs from item to item: nobody's standards are so by
chance where they fit elsewhere. What the number is stands in a table that the profile does not read, or nowhere.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from routing_etl.times.suspects.found import WORD, Finding, in_reports
from routing_etl.times.suspects.limits import EXAMPLES, POSTED_OPERATIONS

#: Fewest operations of a job that is judged, and fewest of them with two reports and more.
_OPERATIONS, _SEVERAL = 20, 10
#: Factor from the operation below which a tenth of a job's ratios lie to that above which a tenth lie.
_RANGE = 4.0
#: Reports of one operation lie in the middle within this factor of each other.
_AGREE = 1.3


def uneven_standards(measure: str, operations: pl.DataFrame) -> list[Finding]:
    """Name the jobs of which actual over standard goes far apart from operation to operation; nothing is set aside.

    Parameters
    ----------
    measure : {"setup", "run"}
        Which times.
    operations : polars.DataFrame
        `job_cd`, `item_key`, `n` reports, `x`, ln(actual / standard), its `spread` and the `standard` of each operation.
    """
    several = pl.col("spread").filter(pl.col("n") >= 2)
    jobs = operations.drop_nulls("job_cd").group_by("job_cd").agg(
        pl.col("n").sum(), operations=pl.len(), several=several.len(), spread=several.median(), low=pl.col("x").quantile(0.1),
        high=pl.col("x").quantile(0.9), standards=pl.col("standard").round(4).n_unique(), item=pl.col("item_key").sort_by("x").first(),
    ).filter(
        pl.col("operations") >= _OPERATIONS, pl.col("several") >= _SEVERAL, pl.col("standards") >= POSTED_OPERATIONS,
        pl.col("high") - pl.col("low") > np.log(_RANGE), pl.col("spread") < np.log(_AGREE),
    ).sort("job_cd")  # fmt: skip
    if jobs.is_empty():
        return []
    named = ", ".join(
        f"{job} ({np.exp(low):.2g} to {np.exp(high):.2g} of the standard)"
        for job, low, high in jobs.select("job_cd", "low", "high").head(EXAMPLES).iter_rows()
    )
    reports, rows = int(jobs["n"].sum()), int(jobs["operations"].sum())
    return [
        Finding(
            "standard_doubtful", measure, "standards of jobs", reports, rows, 0, None, tuple(jobs["item"].head(EXAMPLES)),
            f"Reported {WORD[measure]} of one operation agree with each other, but differ from the standards by another factor for each operation in "
            f"job(s) {named}{' ...' if jobs.height > EXAMPLES else ''}: {in_reports(reports)} of {rows:,} operation(s). The reports are used, and the standards "
            "where there are none. Is the standard for a shot, a cycle or a lot, whose pieces (cavities) stand in a table that is not read? Join it in "
            "[operations] and map run_time_qty or capacity; else look at these standards.",
        )
    ]  # fmt: skip
