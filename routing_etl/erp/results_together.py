"""What work results have to do with results of other pieces: batches, orders, equal reports and bookings over others.

Belongs here: what must be known of all results before a piece of them is cleaned. Does not: the rules of a piece
(`clean_results`, `net_results`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import polars as pl

from routing_etl.erp.clean_codes import ItemKeys
from routing_etl.erp.clean_frame import Cleaning
from routing_etl.erp.clean_results import Together, batches, moments
from routing_etl.erp.net_results import equal_reports, needs_whole_items, overlapping
from routing_etl.erp.profile_model import ResultSource
from routing_etl.erp.raw_frames import raw_columns
from routing_etl.erp.text import Counter, normalised
from routing_etl.frames import WORK_RESULTS


def together(job: Cleaning, scan: pl.LazyFrame, keys: ItemKeys) -> Together:
    """What rows of different pieces have to do with each other."""
    results = job.profile.results
    if results is None:
        return Together()
    if "batch_no" in results.columns:
        return replace(_of_orders(job, results, scan, keys), batches=batches(scan))
    return _of_orders(job, results, scan, keys)


def _of_orders(job: Cleaning, results: ResultSource, scan: pl.LazyFrame, keys: ItemKeys) -> Together:
    """What rows of one order have to do with each other."""
    columns = raw_columns(job.raw, WORK_RESULTS.name)
    below = [pl.col(n) < 0 for n in ("machine_time", "setup_time", "order_qty", "yield_qty") if n in columns]
    some = below and scan.select(pl.any_horizontal(below).any()).collect(engine="streaming").item()
    if not (some or needs_whole_items(results)):
        return Together(repeated=equal_reports(scan, columns))
    shared = pl.Series("order_no", [], dtype=pl.String)
    if "order_no" in results.columns:
        shared = _shared_orders(scan, keys)
    if "start_at" not in results.columns:
        return Together(whole_items=True, shared_orders=shared)
    return Together(whole_items=True, shared_orders=shared, **_overlaps(scan, results.time_zone))


def _shared_orders(scan: pl.LazyFrame, keys: ItemKeys) -> pl.Series:
    """Order numbers that stand on results of more than one item."""
    named = scan.filter(pl.col("order_no").is_not_null())
    raw = named.group_by(normalised(pl.col("order_no")).alias("order_no")).agg(
        several=pl.col("item_cd").hash(seed=5).min() != pl.col("item_cd").hash(seed=5).max()
    )
    likely = raw.filter("several", pl.col("order_no") != "").select("order_no").collect(engine="streaming")
    if likely.is_empty():
        return likely.to_series()
    pairs = named.select(order_no=normalised(pl.col("order_no")), item=keys.key(pl.col("item_cd")))
    pairs = pairs.join(likely.lazy(), on="order_no", how="semi")
    several = pairs.group_by("order_no").agg(pl.col("item").drop_nulls().n_unique())
    return several.filter(pl.col("item") > 1).select("order_no").collect(engine="streaming").to_series()


def _overlaps(scan: pl.LazyFrame, zone: str | None) -> dict[str, Any]:
    """The bookings that lie over others, as arguments of `Together`."""
    names = ("item_cd", "order_no", "proc_seq", "oper_no", "job_cd")
    frame = scan.select(
        "row_nr", "start_at", "end_at",
        who=pl.coalesce("worker_cd", "res_cd"), where="res_cd", what=pl.struct(names).hash(seed=9),
    ).collect(engine="streaming")  # fmt: skip
    frame = frame.with_columns(moments(frame, zone, Counter())).drop("start_at", "end_at")
    doubtful, shares = overlapping(frame)
    return {"doubtful": doubtful, "shares": shares}
