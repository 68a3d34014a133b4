"""Accuracy on a simulated plant: every metric beside the three baselines, the oracle and the ceiling.

    python tests/benchmarks/accuracy.py --items 20000 --seed 42
    python tests/benchmarks/accuracy.py --items 20000 --seed 7 --grammar '{"families": 30, "planner_noise": 0.25}'
    python tests/benchmarks/accuracy.py --database plant.db --split time

Two questions are answered. *Unrouted items*: the model learns from every routed item and predicts the items without a
routing; the plant's truth tables say what a planner would write for them. This is what the product is for. *Held-out
routings*: a split of the routed items, judged by the routings that were written and the work results that came in; a
real plant can be measured like that too.

Not part of the default test run: it fits several models and takes minutes. It prints figures and asserts nothing.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from routing_etl import frames
from routing_etl.log import configure
from routing_etl.model.baseline_legacy import LegacyPredictor
from routing_etl.model.baselines import MajorityByPartType, NearestCopyPredictor
from routing_etl.model.evaluation import evaluate, evaluate_unrouted
from routing_etl.model.predictor import RoutingPredictor
from routing_etl.model.report import EvaluationReport
from routing_etl.model.truth import Truth
from routing_etl.settings import load_settings

#: Metric, segment, what must hold at 20,000 items and from 60,000 on: at least, at most, or within (low, high).
TARGETS: tuple[tuple[str, str, str, tuple[float, float], tuple[float, float]], ...] = (
    ("expected_exact_at_1_share", "all", "first candidate exact, share of ceiling", (0.82, 9), (0.88, 9)),
    ("expected_exact_at_1_share", "part_type_band:frequent", "... frequent part types", (0.87, 9), (0.92, 9)),
    ("expected_exact_at_1_share", "part_type_band:rare", "... rare part types", (0.70, 9), (0.80, 9)),
    ("expected_exact_at_4_share", "all", "one of four exact, share of ceiling", (0.90, 9), (0.94, 9)),
    ("operation_f1", "all", "operation-set F1", (0.945, 9), (0.955, 9)),
    ("edit_similarity", "all", "normalised edit similarity", (0.925, 9), (0.94, 9)),
    ("resource_top1_vs_oracle", "all", "resource, share of ceiling", (0.98, 9), (0.985, 9)),
    ("outsourced_f1", "all", "outsourced operations F1", (0.83, 9), (0.85, 9)),
    ("run_wape_vs_oracle", "all", "run time WAPE against the oracle's", (-9, 1.05), (-9, 1.03)),
    ("setup_wape_vs_oracle", "all", "set-up WAPE against the oracle's", (-9, 1.02), (-9, 1.02)),
    ("run_report_coverage", "all", "reports inside P10 to P90", (0.78, 0.82), (0.78, 0.82)),
    ("run_bias", "all", "bias of run time", (-0.05, 0.05), (-0.05, 0.05)),
    ("ece", "all", "expected calibration error", (-9, 0.03), (-9, 0.02)),
    ("expected_exact_at_1_surest_half", "all", "exact among the surest half", (0.85, 9), (0.88, 9)),
    ("auroc_known_type", "all", "AUROC, known above new part types", (0.98, 9), (0.98, 9)),
)


@dataclass(frozen=True)
class Plant:
    """A plant as the night sees it, and its truth beside it."""

    items: pl.DataFrame
    operations: pl.DataFrame
    attributes: tuple[frames.AttributeSpec, ...]
    times: Path
    truth: Truth

    @property
    def routed(self) -> pl.DataFrame:
        """Items with a valid routing."""
        return self.items.join(self.operations.select("item_key").unique(), on="item_key", how="semi")

    @property
    def unrouted(self) -> pl.DataFrame:
        """Items to predict."""
        return self.items.join(self.operations.select("item_key").unique(), on="item_key", how="anti")


def read_plant(database: Path, work: Path) -> Plant:
    """Extract, clean and aggregate times as the night does, then read the truth tables."""
    from routing_etl.erp.clean import clean
    from routing_etl.erp.extract import extract
    from routing_etl.erp.profile import load_profile
    from routing_etl.times.profiles import build_profiles

    settings, profile = load_settings(home=work), load_profile("bi_views")
    raw, cleaned, times = work / "raw", work / "clean", work / "times"
    for folder in (raw, cleaned, times, work / "rejects"):
        folder.mkdir(parents=True, exist_ok=True)
    extract(f"sqlite:///{database.as_posix()}", profile, raw, settings)
    clean(raw, cleaned, work / "rejects", profile, cutoff=None)
    operations = pl.scan_parquet(cleaned / "operations.parquet")
    build_profiles(pl.scan_parquet(cleaned / "work_results.parquet"), operations, profile.time_basis, times)
    with sqlite3.connect(database) as connection:
        truth = Truth.from_tables(
            *[
                pl.read_database(f"SELECT * FROM DEMO_TRUTH_{name}", connection)
                for name in ("ROUTING", "TIME", "SUMMARY")
            ]
        )
    return Plant(
        pl.read_parquet(cleaned / "items.parquet"),
        operations.filter("rout_valid").collect(),
        frames.read_attributes(cleaned / "items.attributes.json"),
        times,
        truth,
    )


def judge_unrouted(plant: Plant, most: int, seed: int) -> EvaluationReport:
    """Fit on all routed items, predict the unrouted ones, compare with the truth."""
    from routing_etl.times.profiles import read_evidence

    asked = plant.unrouted.sort("item_key")
    if asked.height > most:
        asked = asked.sample(most, seed=seed).sort("item_key")
    evidence = read_evidence(plant.times)
    makers = {
        "model": lambda: RoutingPredictor(attributes=plant.attributes, random_state=seed),
        "nearest_copy": NearestCopyPredictor,
        "majority_part_type": MajorityByPartType,
        "legacy": LegacyPredictor,
    }
    answers = {}
    for name, make in makers.items():
        started = time.perf_counter()
        model = make().fit(plant.items, plant.operations, times=evidence)
        fitted = time.perf_counter()
        answers[name] = model.predict(asked)
        took = time.perf_counter() - fitted
        print(
            f"{name}: fit {fitted - started:.1f} s, {asked.height / took:,.0f} items/s predicted", flush=True
        )
    return evaluate_unrouted(answers.pop("model"), plant.truth, asked, routed=plant.routed, others=answers)


def judge_held_out(plant: Plant, split: Any, most: int, seed: int) -> EvaluationReport:
    """Fit on one side of a split of the routed items, judge on the other."""
    from routing_etl.times.profiles import SAMPLES, read_evidence, subset_evidence

    actuals = read_evidence(plant.times)
    timed = actuals.by_item_operation["item_key"].unique()
    return evaluate(
        lambda: RoutingPredictor(attributes=plant.attributes, random_state=seed),
        plant.items,
        plant.operations,
        split=split,
        evidence=lambda keys: subset_evidence(plant.times, timed.filter(~timed.is_in(keys.implode()))),
        actuals=actuals,
        reports=pl.scan_parquet(plant.times / SAMPLES),
        truth=plant.truth,
        max_items=most,
        random_state=seed,
    )


def targets(report: EvaluationReport, n_items: int) -> str:
    """The measures that have a target, beside it and beside what the oracle reaches."""
    size = 4 if n_items >= 60_000 else 3
    lines = [f"{'measure':<42} {'model':>7} {'oracle':>7} {'target':>14}"]
    for entry in TARGETS:
        metric, segment, name = entry[0], entry[1], entry[2]
        low, high = entry[size]  # type: ignore[misc]
        value = report.value(metric, segment=segment)
        best = report.value(metric, method="oracle", segment=segment)
        asked = f">= {low}" if high == 9 else (f"<= {high}" if low == -9 else f"{low} .. {high}")
        verdict = "not measured" if value is None else ("reached" if low <= value <= high else "MISSED")
        shown = ["–" if v is None else f"{v:.3f}" for v in (value, best)]
        lines.append(f"{name:<42} {shown[0]:>7} {shown[1]:>7} {asked:>14}  {verdict}")
    return "\n".join(lines)


def main() -> None:
    """Make or read the plant, answer both questions, print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--items", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument(
        "--grammar", type=json.loads, default={}, help="knobs of the plant's grammar, as JSON"
    )
    parser.add_argument("--database", type=Path, help="an SQLite demo plant that exists already")
    parser.add_argument(
        "--split", choices=("time", "family"), action="append", help="held-out splits; default both"
    )
    parser.add_argument("--max-items", type=int, default=5000, help="most items judged per question")
    parser.add_argument("--only", choices=("unrouted", "held-out"))
    args = parser.parse_args()
    configure(None)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        database = args.database or work / "plant.db"
        if args.database is None:
            from routing_etl.erp.demo_plant import Grammar, write_plant

            url = f"sqlite:///{database.as_posix()}"
            write_plant(url, args.items, args.seed, load_settings(home=work), grammar=Grammar(**args.grammar))
        plant = read_plant(database, work)
        named = ", ".join(f"{k} {plant.truth.summary.get(k, '?')}" for k in ("n_items", "seed", "ceiling"))
        print(
            f"Plant {named}: {plant.routed.height:,} routed items, {plant.unrouted.height:,} without a routing.\n"
        )
        if args.only != "held-out":
            report = judge_unrouted(plant, args.max_items, args.seed)
            print("\n" + targets(report, plant.items.height) + "\n")
            print(report.to_markdown(), flush=True)
        if args.only != "unrouted":
            for split in args.split or ("time", "family"):
                print(judge_held_out(plant, split, args.max_items, args.seed).to_markdown(), flush=True)


if __name__ == "__main__":
    main()
