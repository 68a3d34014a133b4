"""Accuracy on a simulated plant: every metric beside the three baselines, the oracle and the ceiling.

    python tests/benchmarks/accuracy.py --items 20000 --seed 42
    python tests/benchmarks/accuracy.py --items 20000 --seed 7 --grammar '{"families": 30, "planner_noise": 0.25}'
    python tests/benchmarks/accuracy.py --plant 20000,7 --plant '20000,8,{"families": 30}' --only unrouted --plots png
    python tests/benchmarks/accuracy.py --plant 5000,31,wide --only unrouted --losses
    python tests/benchmarks/accuracy.py --database plant.db --split time
    python tests/benchmarks/accuracy.py --database foreign.db --profile foreign.toml --only unrouted

Two questions are answered. *Unrouted items*: the model learns from every routed item and predicts the items without a
routing; the plant's truth tables say what a planner would write for them. This is what the product is for. *Held-out
routings*: a split of the routed items, judged by the routings that were written and the work results that came in; a
real plant can be measured like that too. Each ends with a verdict on every metric and baseline and one line with exactly the
(metric, baseline) pairs in which the model is not significantly better; several plants end with one table over all of them.

Not part of the default test run: it fits several models and takes minutes. It prints figures and asserts nothing.
"""

from __future__ import annotations

import argparse
import json
import re
import sqlite3
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl
from losses import causes_not_asked, losses_by_cause, losses_table, machines_by_cause

from routing_etl import frames, plots
from routing_etl.evaluation.baseline_legacy import LegacyPredictor
from routing_etl.evaluation.baselines import MajorityByPartType, NearestCopyPredictor
from routing_etl.evaluation.evaluate import evaluate, evaluate_unrouted
from routing_etl.evaluation.markdown import number, table
from routing_etl.evaluation.options import EvaluationOptions, SplitName
from routing_etl.evaluation.report import EvaluationReport
from routing_etl.evaluation.truth import Truth
from routing_etl.evaluation.verdicts import conclusion, verdict_table, verdicts
from routing_etl.evaluation.work_results import WorkResults
from routing_etl.log import configure
from routing_etl.model.predictor import RoutingPredictor
from routing_etl.settings import load_settings

#: Names of grammars.
NAME = re.compile(r"plain|wide|drawn:\d+")
#: No bound on that side.
OPEN = float("inf")


@dataclass(frozen=True)
class Target:
    """What a metric must reach on the unrouted items: bounds (low, high) below 60,000 items and from there on."""

    metric: str
    segment: str
    name: str
    small: tuple[float, float]
    large: tuple[float, float]

    def bounds(self, items: int) -> tuple[float, float]:
        """Low and high for a plant of so many items."""
        return self.large if items >= 60_000 else self.small

    def verdict(self, value: float | None, items: int) -> str:
        """Whether a value reaches the target."""
        low, high = self.bounds(items)
        return "not measured" if value is None else "reached" if low <= value <= high else "MISSED"


TARGETS = (
    Target(
        "expected_exact_at_1_share",
        "all",
        "first candidate exact, share of ceiling",
        (0.82, OPEN),
        (0.88, OPEN),
    ),
    Target(
        "expected_exact_at_1_share",
        "part_type_band:frequent",
        "... frequent part types",
        (0.87, OPEN),
        (0.92, OPEN),
    ),
    Target(
        "expected_exact_at_1_share", "part_type_band:rare", "... rare part types", (0.70, OPEN), (0.80, OPEN)
    ),
    Target(
        "expected_exact_at_4_share", "all", "one of four exact, share of ceiling", (0.90, OPEN), (0.94, OPEN)
    ),
    Target("operation_f1", "all", "operation-set F1", (0.945, OPEN), (0.955, OPEN)),
    Target("edit_similarity", "all", "normalised edit similarity", (0.925, OPEN), (0.94, OPEN)),
    Target("resource_top1_vs_oracle", "all", "resource, share of ceiling", (0.98, OPEN), (0.985, OPEN)),
    Target("outsourced_f1", "all", "outsourced operations F1", (0.83, OPEN), (0.85, OPEN)),
    Target("run_wape_vs_oracle", "all", "run time WAPE against the oracle's", (-OPEN, 1.05), (-OPEN, 1.03)),
    Target("setup_wape_vs_oracle", "all", "set-up WAPE against the oracle's", (-OPEN, 1.02), (-OPEN, 1.02)),
    Target("run_report_coverage", "all", "reports inside P10 to P90", (0.78, 0.82), (0.78, 0.82)),
    Target("run_bias", "all", "bias of run time", (-0.05, 0.05), (-0.05, 0.05)),
    Target("ece", "all", "expected calibration error", (-OPEN, 0.03), (-OPEN, 0.02)),
    Target(
        "expected_exact_at_1_surest_half", "all", "exact among the surest half", (0.85, OPEN), (0.88, OPEN)
    ),
    Target("auroc_known_type", "all", "AUROC, known above new part types", (0.98, OPEN), (0.98, OPEN)),
)


@dataclass(frozen=True)
class Plant:
    """A plant as the night sees it, and its truth beside it."""

    items: pl.DataFrame
    operations: pl.DataFrame
    attributes: tuple[frames.AttributeSpec, ...]
    times: Path
    basis: frames.TimeBasis
    pool_words: tuple[str, ...]
    truth: Truth
    facts: pl.DataFrame

    @property
    def routed(self) -> pl.DataFrame:
        """Items with a valid routing."""
        return self.items.join(self.operations.select("item_key").unique(), on="item_key", how="semi")

    @property
    def unrouted(self) -> pl.DataFrame:
        """Items to predict."""
        return self.items.join(self.operations.select("item_key").unique(), on="item_key", how="anti")


def read_plant(database: Path, work: Path, profile_name: str = "bi_views") -> Plant:
    """Extract, clean and aggregate times as the night does, then read the truth tables."""
    from routing_etl.erp.clean import clean
    from routing_etl.erp.extract import extract
    from routing_etl.erp.profile import load_profile
    from routing_etl.times.profiles import ReportedTimes, build_profiles

    settings, profile = load_settings(home=work, profile=profile_name), load_profile(profile_name)
    raw, cleaned, times = work / "raw", work / "clean", work / "times"
    for folder in (raw, cleaned, times, work / "rejects"):
        folder.mkdir(parents=True, exist_ok=True)
    extract(f"sqlite:///{database.as_posix()}", profile, raw, settings)
    clean(raw, cleaned, work / "rejects", profile, cutoff=None)
    operations = pl.scan_parquet(cleaned / "operations.parquet")
    results = pl.scan_parquet(cleaned / "work_results.parquet")
    build_profiles(ReportedTimes(results, profile.time_basis), operations, times)
    with sqlite3.connect(database) as connection:
        truth = Truth.from_tables(
            *[
                pl.read_database(f"SELECT * FROM DEMO_TRUTH_{name}", connection)
                for name in ("ROUTING", "TIME", "SUMMARY")
            ]
        )
        facts = pl.read_database("SELECT * FROM DEMO_TRUTH_ITEM", connection, infer_schema_length=None)
    return Plant(
        pl.read_parquet(cleaned / "items.parquet"),
        operations.filter("rout_valid").collect(),
        frames.read_attributes(cleaned / "items.attributes.json"),
        times,
        profile.time_basis,
        profile.routing.waiting_pool_words,
        truth,
        facts.with_columns(item_key=frames.key_of(pl.col("ITEM_CD"))),
    )


def new_predictor(plant: Plant, seed: int, **parameters: Any) -> RoutingPredictor:
    """An unfitted predictor for this plant; parameters of its profile that a night would set too."""
    return RoutingPredictor(
        attributes=plant.attributes, pool_words=plant.pool_words, random_state=seed, **parameters
    )


def judge_unrouted(plant: Plant, most: int, seed: int, *, losses: bool = False) -> EvaluationReport:
    """Fit on all routed items, predict the unrouted ones, compare with the truth; `losses`: print what is lost to what."""
    from routing_etl.times.profiles import read_evidence

    asked = plant.unrouted.sort("item_key")
    if asked.height > most:
        asked = asked.sample(most, seed=seed).sort("item_key")
    evidence = read_evidence(plant.times)
    makers = {
        "model": lambda: new_predictor(plant, seed),
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
    if losses:
        lost = losses_by_cause(answers["model"], plant.truth, plant.facts, asked["item_key"])
        machines = machines_by_cause(answers["model"], plant.truth, plant.facts)
        unasked = causes_not_asked(plant.facts, plant.truth.summary)
        print("\n" + losses_table(lost, machines, asked.height, unasked) + "\n", flush=True)
    return evaluate_unrouted(answers, plant.truth, asked, routed=plant.routed)


def judge_held_out(plant: Plant, split: SplitName, most: int, seed: int) -> EvaluationReport:
    """Fit on one side of a split of the routed items, judge on the other."""
    from routing_etl.times.profiles import SAMPLES, read_evidence, subset_evidence

    actuals = read_evidence(plant.times)
    timed = actuals.by_item_operation["item_key"].unique()
    return evaluate(
        lambda: new_predictor(plant, seed),
        plant.items,
        plant.operations,
        results=WorkResults(
            lambda keys: subset_evidence(
                plant.times, timed.filter(~timed.is_in(keys.implode())), plant.basis
            ),
            actuals,
            pl.scan_parquet(plant.times / SAMPLES),
        ),
        truth=plant.truth,
        options=EvaluationOptions(split=split, max_items=most, random_state=seed),
    )


def targets(report: EvaluationReport, n_items: int) -> str:
    """The metrics that have a target, beside it and beside what the oracle reaches."""
    lines = [f"{'metric':<42} {'model':>7} {'oracle':>7} {'target':>14}"]
    for target in TARGETS:
        low, high = target.bounds(n_items)
        value = report.value(target.metric, segment=target.segment)
        best = report.value(target.metric, method="oracle", segment=target.segment)
        asked = f">= {low}" if high == OPEN else (f"<= {high}" if low == -OPEN else f"{low} .. {high}")
        shown = ["–" if v is None else f"{v:.3f}" for v in (value, best)]
        lines.append(
            f"{target.name:<42} {shown[0]:>7} {shown[1]:>7} {asked:>14}  {target.verdict(value, n_items)}"
        )
    return "\n".join(lines)


@dataclass(frozen=True)
class Asked:
    """A plant to be made: `items,seed` or `items,seed,grammar` with the grammar's name, or its knobs as JSON."""

    items: int
    seed: int
    grammar: dict[str, Any]
    named: str = "plain"

    @classmethod
    def parse(cls, text: str) -> Asked:
        """From the command line. Raises ArgumentTypeError when it is no such thing."""
        try:
            items, seed, *grammar = text.split(",", 2)
            if grammar and NAME.fullmatch(grammar[0]):
                return cls(int(items), int(seed), {}, grammar[0])
            knobs = json.loads(grammar[0]) if grammar else {}
            if not isinstance(knobs, dict):
                raise ValueError("the grammar must be a JSON object")
            return cls(int(items), int(seed), knobs)
        except ValueError as exc:
            raise argparse.ArgumentTypeError(
                f"{text!r} is not items,seed[,grammar's name or knobs as JSON] ({exc}); for example 20000,7"
            ) from exc

    @property
    def name(self) -> str:
        """Short name for tables and files."""
        knobs = "".join(f" {k}={v}" for k, v in self.grammar.items())
        return f"{self.items}/{self.seed}{knobs}{'' if self.named == 'plain' else ' ' + self.named}"

    def make(self, work: Path) -> Plant:
        """Write the plant and read it as the night does."""
        from routing_etl.plant.demo import write_plant
        from routing_etl.plant.named import named_grammar

        database = work / "plant.db"
        url = f"sqlite:///{database.as_posix()}"
        grammar = replace(named_grammar(self.named), **self.grammar)
        write_plant(url, self.items, self.seed, load_settings(home=work), grammar=grammar)
        return read_plant(database, work)


def describe(plant: Plant) -> str:
    """One line on what the plant is."""
    named = ", ".join(f"{k} {plant.truth.summary.get(k, '?')}" for k in ("n_items", "seed", "ceiling"))
    routed, asked = plant.routed.height, plant.unrouted.height
    return f"Plant {named}: {routed:,} routed items, {asked:,} without a routing.\n"


def summary(found: list[tuple[str, int, EvaluationReport]]) -> str:
    """One table over plants: the metrics with a target, then the pairs in which the model is not significantly better.

    `found`: plant's name, number of items and the report on its unrouted items.
    """
    marks = {"not measured": "", "reached": " ok", "MISSED": " MISSED"}
    body = []
    for target in TARGETS:
        values = [(report.value(target.metric, segment=target.segment), items) for _, items, report in found]
        body.append([target.name, *(number(v) + marks[target.verdict(v, items)] for v, items in values)])
    for title, answers in (
        ("comparisons", None),
        ("... significantly better", ("better",)),
        ("... significantly worse", ("worse",)),
    ):
        counts = []
        for _, _, report in found:
            made = [v for v in verdicts(report.table) if v.answer != "not comparable"]
            counts.append(str(sum(answers is None or v.answer in answers for v in made)))
        body.append([title, *counts])
    lines = table(["All plants, items without a routing", *(name for name, _, _ in found)], body)
    lines += [f"{name}: {conclusion(verdicts(report.table))}" for name, _, report in found]
    return "\n".join(lines)


def show(report: EvaluationReport, name: str, folder: Path | None) -> None:
    """Print the report and the verdicts; save the plots when a folder is given."""
    print(report.to_markdown(), flush=True)
    print(verdict_table(verdicts(report.table)), flush=True)
    if folder is not None:
        plain = "".join(c if c.isalnum() else "-" for c in name)
        drawn = {f"{plain}-{k}": png for k, png in plots.of_evaluation(report).items()}
        for file in plots.save(drawn, folder):
            print(f"Wrote {file}")


def main() -> None:
    """Make or read the plants, answer both questions, print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--items", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument(
        "--grammar", type=json.loads, default={}, help="knobs of the plant's grammar, as JSON"
    )
    parser.add_argument(
        "--plant",
        type=Asked.parse,
        action="append",
        help="items,seed[,grammar's name or knobs as JSON]; instead of the three, repeatable",
    )
    parser.add_argument("--database", type=Path, help="an SQLite plant that exists already, with its truth")
    parser.add_argument("--profile", default="bi_views", help="source profile of that plant, by name or path")
    parser.add_argument(
        "--split", choices=("time", "family"), action="append", help="held-out splits; default both"
    )
    parser.add_argument("--max-items", type=int, default=5000, help="most items judged per question")
    parser.add_argument("--only", choices=("unrouted", "held-out"))
    parser.add_argument(
        "--losses",
        action="store_true",
        help="also what exact matches and machines are lost to, by the plant's truth",
    )
    parser.add_argument("--plots", type=Path, help="folder for PNGs")
    args = parser.parse_args()
    configure(None)
    wanted = args.plant or [Asked(args.items, args.seed, args.grammar)]
    found = []
    for asked in wanted:
        with tempfile.TemporaryDirectory() as folder:
            work = Path(folder)
            plant = read_plant(args.database, work, args.profile) if args.database else asked.make(work)
            name = args.database.stem if args.database else asked.name
            print(f"# {name}\n\n{describe(plant)}", flush=True)
            if args.only != "held-out":
                report = judge_unrouted(plant, args.max_items, asked.seed, losses=args.losses)
                print("\n" + targets(report, plant.items.height) + "\n")
                show(report, f"{name} unrouted", args.plots)
                found.append((name, plant.items.height, report))
            if args.only != "unrouted":
                for split in args.split or ("time", "family"):
                    held_out = judge_held_out(plant, split, args.max_items, asked.seed)
                    show(held_out, f"{name} {split}", args.plots)
    if len(found) > 1:
        print(summary(found))


if __name__ == "__main__":
    main()
