"""How well the review of standard times finds standards that are known to be wrong: precision and recall on demo plants.

    python tests/benchmarks/bench_standards.py --items 3000 --seeds 7 11 --wrong 0.1

The demo plant writes the true time of each item and job beside its tables (`DEMO_TRUTH_TIME`). A share of its standards is 1.6 or
0.6 times what a planner would have written; those of the others spread around the truth as planners' do. An operation's standard is
wrong *in truth* when it is off by more than the tolerance of the review, and *badly* when by more than half.

* precision: of the operations that the review calls sure, the share whose standard is wrong in truth;
* recall: of those that are badly wrong and have enough orders, the share that is called sure;
* nearer: of the proposals, the share that is nearer to the truth than the standard that they replace.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import polars as pl
import sqlalchemy as sa

from routing_etl.erp.clean import clean
from routing_etl.erp.extract import extract
from routing_etl.erp.profile import load_profile
from routing_etl.frames import TIME_BY_ITEM_OPERATION, key_of
from routing_etl.plant.demo import write_plant
from routing_etl.plant.knobs import Grammar
from routing_etl.settings import load_settings
from routing_etl.times.profiles import SAMPLES, ReportedTimes, build_profiles
from routing_etl.times.standard_review import Evidence, ReviewRules, review_standards

#: A standard that is off by more than this factor is badly wrong.
BADLY = 1.5


def reviewed(items: int, seed: int, wrong: float, home: Path) -> pl.DataFrame:
    """The reviewed run times of a plant, beside the true ones (`true_min`)."""
    url, settings, profile = (
        f"sqlite:///{home / 'erp.db'}",
        load_settings(home=home),
        load_profile("bi_views"),
    )
    write_plant(url, items, seed, settings, grammar=Grammar(wrong_standards=wrong))
    extract(url, profile, home / "raw", settings)
    clean(home / "raw", home / "clean", home / "rejects", profile, cutoff=None)
    results, operations = (
        pl.scan_parquet(home / "clean" / f"{n}.parquet") for n in ("work_results", "operations")
    )
    build_profiles(ReportedTimes(results, profile.time_basis), operations, home / "times")
    evidence = Evidence(
        pl.scan_parquet(home / "times" / SAMPLES),
        operations,
        pl.scan_parquet(home / "times" / f"{TIME_BY_ITEM_OPERATION.name}.parquet"),
    )
    found, _ = review_standards(evidence, ReviewRules(half_life_days=profile.time_basis.half_life_days))
    with sa.create_engine(url).connect() as connection:
        rows = connection.execute(sa.text("SELECT ITEM_CD, JOB_CD, RUN_MIN FROM DEMO_TRUTH_TIME")).all()
    truth = pl.DataFrame([tuple(r) for r in rows], schema=["item_cd", "job_cd", "true_min"], orient="row")
    truth = truth.select(
        key_of(pl.col("item_cd")).alias("item_key"), key_of(pl.col("job_cd")).alias("job_cd"), "true_min"
    )
    run = found.filter(pl.col("measure") == "run", pl.col("standard_min").is_not_null())
    return run.join(truth.unique(["item_key", "job_cd"]), on=["item_key", "job_cd"])


def figures(rows: pl.DataFrame) -> dict[str, float]:
    """Precision, recall and the other figures of the module's text, with the counts behind them."""
    off = (pl.col("standard_min") / pl.col("true_min")).log().abs()
    rows = rows.with_columns(off=off, left=(pl.col("proposed_min") / pl.col("true_min")).log().abs())
    tolerance = ReviewRules().tolerance
    wrong, badly = pl.col("off") > pl.lit(1 + tolerance).log(), pl.col("off") > pl.lit(BADLY).log()
    sure, enough = rows.filter("sure"), rows.filter(badly, pl.col("verdict") != "few_orders")
    proposed = rows.filter(pl.col("proposed_min").is_not_null())
    return {
        "judged": rows.filter(pl.col("verdict") != "few_orders").height,
        "sure": sure.height,
        "precision": sure.select(wrong.mean()).item(),
        "badly wrong": enough.height,
        "recall": enough.select(pl.col("sure").mean()).item(),
        "proposals": proposed.height,
        "nearer": proposed.select((pl.col("left") < pl.col("off")).mean()).item(),
    }


def main() -> None:
    """Print a line for each seed."""
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--items", type=int, default=3000)
    ask.add_argument("--seeds", type=int, nargs="+", default=[7])
    ask.add_argument("--wrong", type=float, default=0.1)
    args = ask.parse_args()
    for seed in args.seeds:
        started = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            told = figures(reviewed(args.items, seed, args.wrong, Path(folder)))
        words = ", ".join(f"{k} {v:.3f}" if isinstance(v, float) else f"{k} {v:,}" for k, v in told.items())
        print(
            f"seed {seed}, {args.items:,} items: {words} ({time.perf_counter() - started:.0f} s)", flush=True
        )


if __name__ == "__main__":
    main()
