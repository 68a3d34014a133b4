"""How good the times of proposals were that engineers took over, once orders were made by them."""

from __future__ import annotations

import polars as pl

from routing_etl.evaluation.metric_table import MetricRow
from routing_etl.pipeline.learning import COPIES, read_valid_operations
from routing_etl.runs import RunFolder
from routing_etl.times.profiles import SAMPLES

METRIC = "adopted_run_wape"
#: An operation; the reports have their codes as categories.
_KEYS = (
    pl.col("item_key").cast(pl.String),
    pl.col("proc_seq").cast(pl.Int64),
    pl.col("job_cd").cast(pl.String),
)


def adopted_time_error(run: RunFolder) -> MetricRow:
    """Error of the run times of routings that are copies of proposals, by the orders made by them since.

    The sum of absolute differences between the mean reported time of an operation and its time in the routing, over the sum of the
    reported ones. NULL where no order was made by such a routing.

    Parameters
    ----------
    run : RunFolder
        With cleaned frames, single reports and the copies.
    """
    copies, samples = run.clean / COPIES, run.times / SAMPLES
    if not copies.is_file() or not samples.is_file():
        return _row(None, 0, "the run has no work results, or was not compared with proposals")
    taken = pl.scan_parquet(copies).filter("ordered").select("item_key")
    planned = (
        read_valid_operations(run)
        .filter(pl.col("routing_rank") == 0, pl.col("run_min") > 0)
        .join(taken, on="item_key", how="semi")
        .select(*_KEYS, "run_min", since=pl.col("rout_date").cast(pl.Date))
    )
    each = (
        pl.scan_parquet(samples)
        .select(*_KEYS, "report_dt", "run_min_at_lot")
        .join(planned, on=["item_key", "proc_seq", "job_cd"])
        .filter(pl.col("run_min_at_lot") > 0, (pl.col("report_dt") >= pl.col("since")).fill_null(True))
        .group_by("item_key", "proc_seq", "job_cd")
        .agg(actual=pl.col("run_min_at_lot").mean(), planned=pl.col("run_min").first())
        .collect()
    )
    if each.is_empty():
        return _row(None, 0, "no order was made by a routing that is a copy of a proposal")
    apart = (each["actual"] - each["planned"]).abs().sum()
    return _row(float(apart) / float(each["actual"].sum()), each.height, None)


def _row(value: float | None, n: int, reason: str | None) -> MetricRow:
    return MetricRow("model", "production", "all", METRIC, value, None, None, n, reason)
