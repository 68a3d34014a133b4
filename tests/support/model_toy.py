"""A small plant with a known rule, for tests of the model: part type x size threshold x material word decide the routing.

rule(item) = [cut by part type, turn rough, turn fine (small or big machine by size), harden if the material is hard,
leak test for type families that need it, pack]. Everything is drawn from one seed.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import polars as pl

from routing_etl.frames import ITEMS, OPERATIONS, AttributeSpec
from routing_etl.model.catalogue.routings import RoutingCatalogue, build_catalogue

ATTRIBUTES = (
    AttributeSpec("kind_cd", "category"),
    AttributeSpec("material", "code"),
    AttributeSpec("spec", "text"),
    AttributeSpec("outer_mm", "number", "mm"),
    AttributeSpec("inner_mm", "number", "mm"),
    AttributeSpec("noise_cd", "category"),
)
LIMIT_MM = 120.0
NOW = datetime(2025, 6, 1)


def toy_items(n: int = 1200, seed: int = 0, n_types: int = 8) -> pl.DataFrame:
    """Items with the six attributes; 10 % of the sizes are missing."""
    rng = np.random.default_rng(seed)
    kind = rng.integers(0, n_types, n)
    hard = rng.random(n) < 0.35
    outer = np.round(rng.uniform(20, 300, n), 1)
    plate = rng.random(n) < 0.3
    missing = rng.random(n) < 0.05
    code = [f" X{i:05d}" if i == 7 else f"X{i:05d}" for i in range(n)]
    frame = pl.DataFrame(
        {
            "item_cd": code,
            "part_type": [f"T{k}" for k in kind],
            "item_nm": [f"{'HARD' if h else 'SOFT'} PART {k}" for h, k in zip(hard, kind, strict=True)],
            "kind_cd": [f"T{k}" for k in kind],
            "material": [
                f"{'H' if h else 'S'}{m:03d}" for h, m in zip(hard, rng.integers(0, 9, n), strict=True)
            ],
            "spec": [
                f"{'PLATED' if p else 'PLAIN'} {w}"
                for p, w in zip(plate, rng.integers(0, 99, n), strict=True)
            ],
            "outer_mm": outer,
            "inner_mm": np.round(outer * rng.uniform(0.3, 0.8, n), 1),
            "noise_cd": [f"N{v}" for v in rng.integers(0, 40, n)],
        }
    )
    frame = frame.with_columns(
        pl.when(pl.Series(missing)).then(None).otherwise(pl.col("outer_mm")).alias("outer_mm"),
        item_key=pl.col("item_cd").str.strip_chars(),
        attribute_hash=pl.concat_str(pl.exclude("item_cd").cast(pl.String).fill_null("")).hash(1),
        item_hash=pl.col("item_cd").hash(2).cast(pl.String),
    )
    return ITEMS.conform(frame)


def toy_rule(items: pl.DataFrame) -> list[list[tuple[str, str, str]]]:
    """The routing that the plant's engineer would write: per item a list of (job, resource, inside)."""
    out = []
    for row in items.iter_rows(named=True):
        k = int(row["kind_cd"][1:])
        big = row["outer_mm"] is None or row["outer_mm"] >= LIMIT_MM
        steps = [(f"A{k % 3:02d}", f"SAW-{k % 3}", "in")]
        steps.append(("B10", "CNC-BIG" if big else "CNC-SMALL", "in"))
        if big:
            steps.append(("B20", "MCT-1", "in"))
        if row["material"].startswith("H"):
            steps.append(("H10", "OVEN-1", "in"))
        if row["spec"].startswith("PLATED"):
            steps.append(("P10", "외주처", "out"))
        if k % 2:
            steps.append(("Q10", "LEAK-1", "in"))
        steps.append(("Z90", "PACK-대기" if k == 3 else "PACK-1", "in"))
        out.append(steps)
    return out


def toy_operations(
    items: pl.DataFrame, routings: list[list[tuple[str, str, str]]], seed: int = 0, dates: bool = True
) -> pl.DataFrame:
    """OPERATIONS frame of these routings: run time = 2 + outer / 20 minutes, set-up 15, some noise."""
    rng = np.random.default_rng(seed + 1)
    rows = []
    for row, steps in zip(items.iter_rows(named=True), routings, strict=True):
        date = NOW - timedelta(days=int(rng.integers(1, 1500)))
        outside = [s[2] for s in steps]
        rout_class = "in" if "out" not in outside else ("out" if "in" not in outside else "mixed")
        for i, (job, res, inside) in enumerate(steps):
            size = row["outer_mm"] or 200.0
            rows.append(
                {
                    "item_cd": row["item_cd"], "item_key": row["item_key"], "rout_no": "R" + row["item_key"],
                    "proc_seq": 10 * (i + 1), "job_cd": job, "job_nm": f"job {job}", "res_cd": res,
                    "res_nm": f"machine {res}", "inside": inside,
                    "setup_min": 15.0, "run_min": (2 + size / 20) * float(np.exp(rng.normal(0, 0.05))),
                    "queue_min": 0.0, "wait_min": 100.0, "move_min": 50.0,
                    "insp_flg": "Y" if job == "Q10" else "N", "milestone_flg": "Y",
                    "bp_cd": "V01" if inside == "out" else None,
                    "rout_class": rout_class, "routing_rank": 0, "decided_by": "only",
                    "rout_date": date if dates else None, "insrt_dt": date if dates else None, "rout_valid": True,
                }
            )  # fmt: skip
    return OPERATIONS.conform(pl.DataFrame(rows, infer_schema_length=None))


def toy_plant(
    n: int = 1200, seed: int = 0, routed: float = 0.6
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """(all items, operations of the routed ones, items without a routing)."""
    items = toy_items(n, seed)
    cut = int(n * routed)
    known, unknown = items.head(cut), items.tail(n - cut)
    return items, toy_operations(known, toy_rule(known), seed), unknown


def catalogue_of(*routings: str) -> RoutingCatalogue:
    """Catalogue of one item per routing, given by its jobs."""
    rows = [
        (f"I{i:03}", place, job) for i, jobs in enumerate(routings) for place, job in enumerate(jobs.split())
    ]
    made = pl.DataFrame(rows, schema=["item_key", "place", "job_cd"], orient="row").select(
        "item_key", "job_cd", item_cd="item_key", rout_no=pl.lit("R"), proc_seq=10 * (pl.col("place") + 1),
        job_nm="job_cd", res_cd=pl.lit("M"), inside=pl.lit("in"), rout_class=pl.lit("in"), routing_rank=0,
        decided_by=pl.lit("only"), rout_valid=True, rout_date=datetime(2025, 1, 1), insrt_dt=datetime(2025, 1, 1),
    )  # fmt: skip
    items = made.select("item_key", "item_cd").unique().sort("item_key").with_columns(
        attribute_hash=pl.lit(1, pl.UInt64), item_hash=pl.lit("x")
    )  # fmt: skip
    return build_catalogue(ITEMS.conform(items), OPERATIONS.conform(made))
