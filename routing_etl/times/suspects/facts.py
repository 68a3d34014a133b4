"""Reports beside the standards of their operations: what every rule looks at."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import polars as pl

from routing_etl.times.pooled import MEASURES
from routing_etl.times.suspects.limits import (
    BINS,
    EQUAL,
    HIGH,
    LOW,
    NEAR_DAYS,
    OPERATION,
    PART,
    SUBSETS,
    SURE_PARTS,
    SURE_WHOLE,
    WHOLE,
)
from routing_etl.times.suspects.load import load_of
from routing_etl.times.suspects.lost_minutes import lost_minutes
from routing_etl.times.suspects.set_up_within import set_ups_of


@dataclass
class Seen:
    """What a shard adds to the view of the whole plant, by measure."""

    operations: dict[str, pl.DataFrame] = field(default_factory=dict)
    joint: dict[str, pl.DataFrame] = field(default_factory=dict)
    days: dict[str, pl.DataFrame] = field(default_factory=dict)
    subsets: dict[str, pl.DataFrame] = field(default_factory=dict)
    chains: pl.DataFrame = field(default_factory=pl.DataFrame)
    lost: pl.DataFrame = field(default_factory=pl.DataFrame)
    load: pl.DataFrame = field(default_factory=pl.DataFrame)
    set_ups: pl.DataFrame = field(default_factory=pl.DataFrame)


def standards(operations: pl.LazyFrame) -> pl.DataFrame:
    """Compute each operation's standards: the mean over the item's routings that have the job at this number, 0 left out.

    Parameters
    ----------
    operations : polars.LazyFrame
        OPERATIONS frame.

    Returns
    -------
    item_key, proc_seq, job_cd, setup_std, run_std; rows with a standard only.
    """
    means = [pl.col(f"{m}_min").filter(pl.col(f"{m}_min") > 0).mean().alias(f"{m}_std") for m in MEASURES]
    grouped = operations.group_by(OPERATION).agg(means)
    some = pl.any_horizontal(pl.col(f"{m}_std").is_not_null() for m in MEASURES)
    return grouped.filter(some).collect(engine="streaming")


def with_standards(frame: pl.DataFrame, known: pl.DataFrame, machines: pl.DataFrame) -> pl.DataFrame:
    """The shard's rows with `row`, `res_group`, and `setup_x`, `run_x`: ln(actual / standard), NULL where either is missing."""
    groups = frame.unique("key").select("key", pl.col("item_key", "job_cd").cast(pl.String), "proc_seq")
    groups = groups.join(known, on=OPERATION).select("key", *(f"{m}_std" for m in MEASURES))
    rows = frame.with_row_index("row").join(groups, on="key", how="left", maintain_order="left")
    of_machine = rows.select("res_cd").unique().with_columns(_code=pl.col("res_cd").cast(pl.String))
    of_machine = of_machine.join(machines.rename({"res_cd": "_code"}), on="_code", how="left").drop("_code")
    rows = rows.join(of_machine, on="res_cd", how="left", nulls_equal=True, maintain_order="left")
    return rows.with_columns(
        pl.when(pl.col(f"{m}_min") > 0).then((pl.col(f"{m}_min") / pl.col(f"{m}_std")).log()).alias(f"{m}_x")
        for m in MEASURES
    )


def _facts(m: str) -> dict[str, pl.Expr]:
    """What is kept of an operation's reports of one measure."""
    x = pl.col(f"{m}_x")
    return {
        "n": x.count(),
        "x": x.median(),
        "spread": (x - x.median()).abs().median(),
        "actual": pl.col(f"{m}_min").filter(x.is_not_null()).median().log(),
        "standard": pl.col(f"{m}_std").first().log(),
        "equal": (x.abs() <= EQUAL).sum(),
        "outside": (~x.is_between(LOW, HIGH)).sum(),
        "near": x.is_between(-float(np.log(2)), float(np.log(2))).sum(),
    }


def _operations_of(judged: pl.DataFrame) -> pl.DataFrame:
    """How many operations each value of a subset has reports of: `subset`, `value`, `operations`."""
    counted = [
        judged.lazy()
        .filter(pl.col(c).is_not_null())
        .group_by(pl.col(c).alias("value"))
        .agg(operations=pl.col("key").n_unique())
        .select(pl.lit(c).alias("subset"), pl.col("value").cast(pl.String), "operations")
        for c in SUBSETS
    ]
    return pl.concat(pl.collect_all(counted))


def look(frame: pl.DataFrame, known: pl.DataFrame, machines: pl.DataFrame) -> Seen:
    """What one shard shows, by the `standards` and the WORK_CENTRE_GROUPS."""
    rows, seen = with_standards(frame, known, machines), Seen()
    grouped = rows.filter(pl.any_horizontal(pl.col(f"{m}_x").is_not_null() for m in MEASURES)).group_by("key")
    facts = [e.alias(f"{m}_{name}") for m in MEASURES for name, e in _facts(m).items()]
    both = grouped.agg(pl.col(*OPERATION, *SUBSETS).first(), *facts).with_columns(
        pl.selectors.categorical().cast(pl.String)
    )
    for m in MEASURES:
        named = pl.col("key", *OPERATION[:2], *SUBSETS)
        seen.operations[m] = both.select(named, *(pl.col(f"{m}_{n}").alias(n) for n in _facts(m))).filter(
            pl.col("n") > 0
        )
        x = pl.col(f"{m}_x")
        judged = (
            rows.lazy()
            .filter(x.is_not_null())
            .select(*SUBSETS, "report_dt", bin=(x * BINS).round().clip(-400, 400).cast(pl.Int16))
        )
        counted = [
            judged.group_by(*SUBSETS, "bin").agg(n=pl.len()),
            judged.group_by("res_cd", "report_dt", "bin").agg(n=pl.len()),
        ]
        seen.subsets[m] = _operations_of(rows.filter(x.is_not_null()))
        seen.joint[m], seen.days[m] = (
            f.with_columns(pl.selectors.categorical().cast(pl.String)) for f in pl.collect_all(counted)
        )
    seen.chains, seen.lost, seen.load = _chains(rows), lost_minutes(rows), load_of(rows)
    seen.set_ups = set_ups_of(rows)
    return seen


def _chains(rows: pl.DataFrame) -> pl.DataFrame:
    """Reports that may be parts of one order: `row`, `key`, `job_cd`, `chain`, and what speaks for it.

    `sure`: the set-up stands on the first of them. `mirror`: it stands on a later one, which happens by chance only and tells how
    often chance makes a `sure` one. `many`: the operation has enough of them. `weak`: the sum alone speaks for it.
    """
    ratio = pl.col("run_x").exp()
    low = rows.filter(~pl.col("ordered"), ratio < PART, pl.col("report_dt").is_not_null())
    low = low.select("row", "key", "job_cd", "pieces", "report_dt", "setup_min", "run_x").sort(
        "key", "pieces", "report_dt", "row"
    )
    new = (
        (pl.col("key") != pl.col("key").shift())
        | pl.col("pieces").ne_missing(pl.col("pieces").shift())
        | ((pl.col("report_dt") - pl.col("report_dt").shift()).dt.total_days() > NEAR_DAYS)
    ).fill_null(True)
    low = low.with_columns(chain=new.cum_sum(), setup=(pl.col("setup_min") > 0).fill_null(False))
    setups = pl.col("setup").sum()
    found = low.group_by("chain").agg(
        pl.col("key").first(), k=pl.len(), total=ratio.sum(), setups=setups, largest=ratio.max(), first=pl.col("setup").first()
    ).filter(pl.col("k") >= 2)  # fmt: skip
    others = rows.join(found.select("key").unique(), on="key", how="semi").join(
        low.join(found.select("chain"), on="chain", how="semi").select("row"), on="row", how="anti"
    )
    whole = others.group_by("key").agg(whole=pl.col("run_x").median().exp(), others=pl.col("run_x").count())
    found = found.join(whole, on="key", how="left")
    parts = pl.col("k").sum().over("key")
    few = pl.col("others").fill_null(0) <= parts
    per_order = pl.col("total") / pl.col("setups").clip(1)
    by_standard = per_order.is_between(*WHOLE) & few
    by_own = (per_order / pl.col("whole")).is_between(*WHOLE) & (pl.col("largest") < PART * pl.col("whole"))
    confirmed = (pl.col("setups") >= 1) & (pl.col("k") >= 2 * pl.col("setups"))
    enough = (parts >= SURE_PARTS) | per_order.is_between(*SURE_WHOLE)
    fits = confirmed & ((by_standard & enough) | by_own).fill_null(False)
    found = found.with_columns(
        sure=fits & pl.col("first"),
        mirror=fits & ~pl.col("first"),
        many=(parts >= SURE_PARTS) & few,
        weak=pl.col("total").is_between(*WHOLE) & few,
    ).filter(pl.any_horizontal(pl.col("sure", "mirror", "weak")))
    signs = found.select("chain", "sure", "mirror", "many", "weak")
    return low.join(signs, on="chain").select("row", "key", pl.col("job_cd").cast(pl.String), *signs.columns)


HIT = {
    "shard": pl.Int32(), "key": pl.UInt64(), "item_key": pl.String(), "kind": pl.String(), "x": pl.Float64(), "reports": pl.UInt32(),
}  # fmt: skip
