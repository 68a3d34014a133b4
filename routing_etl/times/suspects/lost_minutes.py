"""Minutes on rows without a quantity, whose pieces stand on another row of the same order.

Time logs and shift reports often state the quantity once, on the last row. Without an order number such a row's minutes count for
no piece, and the row with the pieces looks faster than it was.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from routing_etl.times.suspects.found import Finding, in_reports
from routing_etl.times.suspects.limits import EXAMPLES, NEAR_DAYS, PART, WHOLE

#: Fewest reports of a job or an operation that are no chance when the rest of the plant is otherwise.
_OWN = 3
_SCHEMA = {
    "row": pl.UInt32(), "key": pl.UInt64(), "item_key": pl.String(), "job_cd": pl.String(), "x": pl.Float64(),
    "fits": pl.Boolean(),
}  # fmt: skip


def lost_minutes(rows: pl.DataFrame) -> pl.DataFrame:
    """Reports that may have only a part of their minutes, because others stand on rows without a quantity.

    Minutes without a quantity go with the next report of the operation, or with the one before, at most `NEAR_DAYS` away. What
    speaks for it is that the report alone lies well below the standard (or the operation's other reports), and together with
    them on it. A quantity that was forgotten in an order of its own does not fit.

    Parameters
    ----------
    rows : polars.DataFrame
        A shard's rows with their standards; `lost_min`: minutes of the order on a row without a quantity.

    Returns
    -------
    polars.DataFrame
        `row`, `key`, `item_key`, `job_cd`, `x` (ln of actual over standard; NULL without a standard) and `fits`: whether that
        speaks for it; NULL where `x` is.
    """
    dated = rows.filter(~pl.col("ordered"), pl.col("report_dt").is_not_null())
    lost = dated.filter(pl.col("lost_min") > 0).select("key", "report_dt", "lost_min")
    if lost.is_empty():
        return pl.DataFrame(schema=_SCHEMA)
    whole = dated.join(lost.select("key").unique(), on="key", how="semi").filter(pl.col("run_min") > 0)
    total = _assigned(lost, whole).group_by("row").agg(pl.col("lost_min").sum())
    found = whole.join(total, on="row", how="left")
    others = (
        found.filter(pl.col("lost_min_right").is_null()).group_by("key").agg(usual=pl.col("run_min").median())
    )
    found = found.filter(pl.col("lost_min_right") > 0).join(others, on="key", how="left")
    together = pl.col("run_min") + pl.col("lost_min_right") / pl.col("pieces")

    def fits(measure: pl.Expr) -> pl.Expr:
        low = pl.col("run_min") < PART * measure
        return (low & (together / measure).is_between(*WHOLE)).fill_null(False)

    whole_order = fits(pl.col("run_std")) | fits(pl.col("usual"))
    return found.select(
        "row",
        "key",
        pl.col("item_key", "job_cd").cast(pl.String),
        x="run_x",
        fits=pl.when(pl.col("run_x").is_not_null()).then(whole_order),
    ).cast(_SCHEMA)  # type: ignore[arg-type]


def findings_of(parts: Sequence[pl.DataFrame]) -> tuple[pl.DataFrame, list[Finding]]:
    """Say which of the reports of `lost_minutes`, shard by shard, are no chance.

    Returns
    -------
    sure : polars.DataFrame
        Those to set aside, with their `shard`.
    findings : list of Finding
        What is told.
    """
    rows = pl.concat(p.with_columns(pl.lit(k, dtype=pl.Int32).alias("shard")) for k, p in enumerate(parts))
    sure, unsure = rows.filter(_sure(rows)), rows.filter(pl.col("fits").is_null())
    remedy, told = "Map order_no (and order_quantity) in [results].", []
    if sure.height:
        ratio = float(np.exp(sure["x"].median()))  # type: ignore[arg-type]
        of = sure.select("shard", "key").n_unique()
        told.append(
            Finding(
                "parts", "run", "minutes on rows without a quantity", sure.height, of, sure.height, ratio, _named(sure),
                f"{in_reports(sure.height)} of {of:,} operation(s) lack the minutes of rows without a quantity of the same operation "
                f"within {NEAR_DAYS} days: alone they take {ratio:.2g} of the standard, with those minutes all of it. The standards "
                f"are used instead. {remedy}",
            )
        )  # fmt: skip
    if unsure.height and (sure.height or unsure.height == rows.height):
        of = unsure.select("shard", "key").n_unique()
        told.append(
            Finding(
                "parts", "run", "minutes on rows without a quantity, no standard", unsure.height, of, 0, None, _named(unsure),
                f"{in_reports(unsure.height)} of {of:,} operation(s) have rows without a quantity of the same operation within "
                f"{NEAR_DAYS} days, and no standard that tells whether those minutes belong to them. They are used, and are too short "
                f"if so. {remedy}",
            )
        )  # fmt: skip
    return sure, told


def _named(rows: pl.DataFrame) -> tuple[str, ...]:
    return tuple(rows["item_key"].unique().sort().head(EXAMPLES))


def _sure(found: pl.DataFrame) -> pl.Series:
    """Which reports have lost minutes for sure.

    Where quantities are forgotten, one pair in eight fits by chance (demo plant); where the quantity stands on one row of
    several, all do. So half of those of the plant must fit, or half and `_OWN` of the job or the operation.
    """
    fits, judged = pl.col("fits").fill_null(False), pl.col("fits").is_not_null()
    enough = [
        (fits.sum().over(by) >= 0.5 * judged.sum().over(by)) & (fits.sum().over(by) >= least)
        for by, least in ((pl.lit(1), 1), (["job_cd"], _OWN), (["shard", "key"], _OWN))
    ]
    return found.select((fits & pl.any_horizontal(enough)).alias("sure")).to_series()


def _assigned(lost: pl.DataFrame, whole: pl.DataFrame) -> pl.DataFrame:
    """Minutes without a quantity with the `row` that has their pieces; without those that have none near."""
    targets = whole.select("key", "report_dt", "row").sort("report_dt", "row")
    lost, near = lost.sort("report_dt"), f"{NEAR_DAYS}d"
    after, before = (
        lost.join_asof(
            targets, on="report_dt", by="key", strategy=way, tolerance=near, check_sortedness=False
        )
        for way in ("forward", "backward")
    )
    return after.with_columns(pl.coalesce("row", before["row"])).drop_nulls("row")
