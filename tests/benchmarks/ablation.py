"""What each part of the model brings: the full model beside models that lack one part, on one simulated plant.

    python tests/benchmarks/ablation.py --items 20000 --seed 7
    python tests/benchmarks/ablation.py --items 20000 --seed 8 --grammar '{"families": 30}' --only "no ranker"

Every model learns from the same routed items and predicts the same items without a routing; the plant's truth judges
them. Differences have paired 95 % bootstrap intervals (resources and times on the operations that both have). A part is
taken away through a public parameter where there is one, and otherwise by a small subclass here that stands in for a
fitted part while the model is fitted: production code has no switches for this.

Not part of the default test run: it fits the model once per row. It prints figures and asserts nothing.
"""

from __future__ import annotations

import argparse
import inspect
import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest.mock import Mock, patch

import numpy as np
import polars as pl
from accuracy import Asked, Plant, describe, new_predictor, read_plant

from routing_etl.evaluation.evaluate import evaluate_unrouted
from routing_etl.evaluation.glossary import arrow
from routing_etl.evaluation.markdown import number, table
from routing_etl.evaluation.metric_table import MODEL
from routing_etl.evaluation.report import EvaluationReport
from routing_etl.evaluation.verdicts import verdicts
from routing_etl.frames import Predictions
from routing_etl.log import configure
from routing_etl.model.attributes.features import AttributeEncoder
from routing_etl.model.attributes.sizes import SizeReader
from routing_etl.model.attributes.tokens import TokenTable
from routing_etl.model.candidates.compose import Composer
from routing_etl.model.candidates.operations_model import OperationModel
from routing_etl.model.machines.line_model import LineModel
from routing_etl.model.machines.outside_model import OutsideModel
from routing_etl.model.ranking.ranker import CandidateRanker
from routing_etl.model.times.effects import TimeEffects
from routing_etl.model.times.operation_times import OperationTimes

#: Tables of the result: heading and metrics.
COLUMNS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Routings", ("expected_exact_at_1_share", "expected_exact_at_4_share", "operation_f1")),
    (
        "Resources and confidence",
        ("resource_top1", "outsourced_f1", "ece", "brier_skill", "expected_exact_at_1_surest_half"),
    ),
    ("Times", ("run_wape_vs_oracle", "setup_wape_vs_oracle", "run_report_coverage", "setup_report_coverage")),
)


def with_arguments(
    method: Callable[..., Any], self: Any, args: tuple[Any, ...], kwargs: dict[str, Any], **changes: Any
) -> Any:
    """Call a part's own method with some of its arguments replaced by name.

    Raises
    ------
    TypeError: the method has no argument of such a name, so the ablation would do nothing.
    """
    bound = inspect.signature(method).bind(self, *args, **kwargs)
    missing = set(changes) - set(bound.arguments)
    if missing:
        raise TypeError(
            f"{method.__qualname__} was not given {', '.join(sorted(missing))}; adapt the ablation."
        )
    bound.arguments.update(changes)
    return method(*bound.args, **bound.kwargs)


def argument(
    method: Callable[..., Any], self: Any, args: tuple[Any, ...], kwargs: dict[str, Any], name: str
) -> Any:
    """The value of one argument of a call, by name."""
    return inspect.signature(method).bind(self, *args, **kwargs).arguments[name]


class RawCodes(AttributeEncoder):
    """Numbers as they are and every code as its number in the sorted list: nothing learned from routings, no words.

    The operation model, which reads codes and words itself, stays.
    """

    def fit_coded(self, X: Any, y: Any, folds: Any = None, others: Any = None) -> Any:
        _, table = super().fit_coded(X, y, folds, others)
        self.raw_levels_ = [name for name in table.codes if name.endswith("|value")]
        self.feature_names_ = [*self.tokeniser_.number_names, *self.raw_levels_]
        self.feature_attributes_ = [
            *self.tokeniser_.number_attributes, *(name.split("|")[0] for name in self.raw_levels_),
        ]  # fmt: skip
        return self.encode(table), table

    def encode(self, table: Any) -> Any:
        numbers = np.where(np.isfinite(table.numbers), table.numbers, -1.0)
        columns = [numbers, *(table.codes[name][:, None] for name in self.raw_levels_)]
        return np.ascontiguousarray(np.hstack(columns), dtype=np.float32)

    @property
    def encoding(self) -> Any:
        """Itself: what it has learned are the raw values."""
        return self


class VotesOnly(CandidateRanker):
    """Orders candidates by the forest's votes; those are calibrated as the ranker's scores would be."""

    def _learn(self, *args: Any, **kwargs: Any) -> None:
        return None


class Uncalibrated(CandidateRanker):
    """Takes the ranker's score itself for the probability."""

    def fit(self, *args: Any, **kwargs: Any) -> Uncalibrated:
        super().fit(*args, **kwargs)
        self.first_ = self.others_ = lambda score, _: score
        return self


class VotedOperations(OperationModel):
    """Takes the forest's share of votes for each operation for its probability; families stay."""

    def fit(self, *args: Any, **kwargs: Any) -> Any:
        super().fit(*args, **kwargs)
        return _inner(argument(OperationModel.fit, self, args, kwargs, "cases").votes)

    def predict(self, *args: Any, **kwargs: Any) -> Any:
        return _inner(argument(OperationModel.predict, self, args, kwargs, "votes"))


def _inner(share: Any) -> Any:
    return np.clip(share, 5e-4, 1 - 5e-4).astype(np.float32)


class NoLines(LineModel):
    """Says nothing about machines, so that the forest's votes choose them."""

    def predict(self, *args: Any, **kwargs: Any) -> Any:
        return np.zeros(len(argument(LineModel.predict, self, args, kwargs, "step")), dtype=np.float32)


class NothingLeaves(OutsideModel):
    """Says nothing about what leaves the plant, so that machines and partners are weighed against each other."""

    def predict(self, *args: Any, **kwargs: Any) -> Any:
        return np.empty(0, np.int64), np.empty(0, np.float32)


class JobTimes(OperationTimes):
    """Knows an item's own work results and the job's profile, nothing of attributes, family or neighbours."""

    def fit(self, *args: Any, **kwargs: Any) -> Any:
        training = argument(OperationTimes.fit, self, args, kwargs, "training")
        return with_arguments(
            OperationTimes.fit, self, args, kwargs, training=replace(training, items=_blind(training.items))
        )

    def predict(self, request: Any) -> Any:
        return super().predict(replace(request, items=_blind(request.items)))


def _blind(items: Any) -> Any:
    """Items without attributes, family and neighbours."""
    n = len(items.features)
    return replace(
        items,
        table=TokenTable({}, {}, np.empty((n, 0), dtype=np.float32)),
        features=np.zeros((n, 1), dtype=np.float32),
        family=np.zeros_like(items.family),
        neighbours=replace(
            items.neighbours,
            label=np.full_like(items.neighbours.label, -1),
            similarity=np.zeros_like(items.neighbours.similarity),
        ),
    )


class NoTimeEffects(TimeEffects):
    """Says nothing about size, family and material, so that neighbours and trees must find what they make of a time."""

    def fit(self, *args: Any, **kwargs: Any) -> Any:
        self.exponent_, self.levels_ = np.zeros(len(self.line_of_job)), ()
        return np.zeros(len(argument(TimeEffects.fit, self, args, kwargs, "known").label))

    def predict(self, *args: Any, **kwargs: Any) -> Any:
        nothing = np.zeros(len(argument(TimeEffects.predict, self, args, kwargs, "job")))
        return nothing, nothing


class NoSizes(SizeReader):
    """Texts tell no size."""

    def fit(self, texts: pl.DataFrame, numbers: pl.DataFrame) -> NoSizes:
        """Learn nothing."""
        return self


class NothingComposed(Composer):
    """Proposes no routing of its own; those that engineers wrote remain."""

    def compose(self, *args: Any, **kwargs: Any) -> Any:
        found = super().compose(*args, **kwargs)
        none = found.row[:0]
        return replace(
            found, row=none, sequence=none, offsets=found.offsets[:1], operations=found.operations[:0]
        )


@dataclass(frozen=True)
class Ablation:
    """A model that lacks one part.

    `part`: where the model takes the part from (module.name in `routing_etl.model`), and what stands in for it. `off`:
    kinds of attributes switched off.
    """

    name: str
    lacks: str
    part: tuple[str, type] | None = None
    off: tuple[str, ...] = ()

    def predict(self, plant: Plant, asked: Any, evidence: Any, seed: int) -> Predictions:
        """Fit without the part and predict.

        Raises
        ------
        RuntimeError: the model no longer makes its part where this expects it.
        """
        weights = {a.name: 0.0 for a in plant.attributes if a.kind in self.off}
        if "text" in self.off:
            weights["item_nm"] = 0.0
        model = new_predictor(plant, seed, feature_weights=weights or None)
        if self.part is None:
            return model.fit(plant.items, plant.operations, times=evidence).predict(asked)
        where, stand_in = self.part
        with patch(f"routing_etl.model.{where}", Mock(side_effect=stand_in)) as maker:
            model.fit(plant.items, plant.operations, times=evidence)
        if not maker.called:
            raise RuntimeError(
                f"The model does not make its part at {where} any more; adapt the ablation {self.name}."
            )
        return model.predict(asked)


ABLATIONS = (
    Ablation(
        "raw codes",
        "learned features: codes are numbers, words not read",
        ("attributes.features.AttributeEncoder", RawCodes),
    ),
    Ablation("no text", "free texts (names, specifications)", off=("text",)),
    Ablation("no sizes in texts", "sizes read from texts", ("attributes.tokens.SizeReader", NoSizes)),
    Ablation("no codes", "codes of many values (drawing, group, seal type ...)", off=("code",)),
    Ablation(
        "no composing", "routings composed of known steps", ("candidates.maker.Composer", NothingComposed)
    ),
    Ablation(
        "no ranker", "the ranker: candidates by the forest's votes", ("ranked.CandidateRanker", VotesOnly)
    ),
    Ablation(
        "no operation model",
        "the questions per family: votes instead",
        ("stages.OperationModel", VotedOperations),
    ),
    Ablation("no line model", "machines per line: votes instead", ("stages.LineModel", NoLines)),
    Ablation(
        "no outside model",
        "in-house or outside per job: sums of votes",
        ("stages.OutsideModel", NothingLeaves),
    ),
    Ablation(
        "no pooling of times",
        "attributes, family and neighbours in times",
        ("stages.OperationTimes", JobTimes),
    ),
    Ablation(
        "no time effects",
        "size, family and material in times, term by term",
        ("times.measure.TimeEffects", NoTimeEffects),
    ),
    Ablation(
        "no calibration",
        "calibration: the ranker's score is the confidence",
        ("ranked.CandidateRanker", Uncalibrated),
    ),
)


def judge(plant: Plant, chosen: tuple[Ablation, ...], most: int, seed: int) -> EvaluationReport:
    """The full model against each of `chosen` on the plant's unrouted items."""
    from routing_etl.times.profiles import read_evidence

    asked = plant.unrouted.sort("item_key")
    if asked.height > most:
        asked = asked.sample(most, seed=seed).sort("item_key")
    evidence = read_evidence(plant.times)
    answers: dict[str, Predictions] = {}
    for ablation in (Ablation("full model", "nothing"), *chosen):
        started = time.perf_counter()
        found = ablation.predict(plant, asked, evidence, seed)
        full = answers.setdefault("full model", found)
        same = found is not full and all(f.equals(full.frames()[n]) for n, f in found.frames().items())
        answers[ablation.name] = found
        print(
            f"{ablation.name}: {time.perf_counter() - started:.1f} s" + ", CHANGED NOTHING" * same, flush=True
        )
    answers = {MODEL: answers.pop("full model"), **answers}
    return evaluate_unrouted(answers, plant.truth, asked, routed=plant.routed)


def ablation_tables(report: EvaluationReport, chosen: tuple[Ablation, ...]) -> str:
    """Markdown: the full model's values, then per ablation its value, and full minus ablated with interval and sign."""
    full = {r.metric: r for r in report.table if r.of_model}
    by = {(v.baseline, v.metric): v for v in verdicts(report.table)}
    signs = {"better": "+", "worse": "-", "unclear": "=", "not comparable": "?"}
    lines: list[str] = []
    for title, metrics in COLUMNS:
        first = [f"{number(full[m].value)} [{number(full[m].low)}, {number(full[m].high)}]" for m in metrics]
        body = [["full model", *first]]
        for ablation in chosen:
            cells = []
            for metric in metrics:
                v = by[ablation.name, metric]
                gap = "" if v.low is None else f"  {v.difference:+.3f} [{v.low:+.3f}, {v.high:+.3f}]"
                cells.append(f"{number(v.other)}{gap} {signs[v.answer]}")
            body.append([ablation.name, *cells])
        lines += table([title, *(m + arrow(m) for m in metrics)], body)
    lines += [f"* {a.name}: without {a.lacks}." for a in chosen]
    lines += ["* Behind a value: full model minus this one, paired 95 % interval; + the full model is significantly better, "
              "- significantly worse (interval excludes 0), = neither."]  # fmt: skip
    return "\n".join(lines)


def main() -> None:
    """Make or read the plant, fit every model, print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--items", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument(
        "--grammar", type=json.loads, default={}, help="knobs of the plant's grammar, as JSON"
    )
    parser.add_argument("--database", type=Path, help="an SQLite demo plant that exists already")
    parser.add_argument("--max-items", type=int, default=5000, help="most items judged")
    parser.add_argument(
        "--only", choices=[a.name for a in ABLATIONS], action="append", help="repeatable; default all"
    )
    args = parser.parse_args()
    configure(None)
    chosen = tuple(a for a in ABLATIONS if not args.only or a.name in args.only)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        asked = Asked(args.items, args.seed, args.grammar)
        plant = read_plant(args.database, work) if args.database else asked.make(work)
        print(f"# {args.database.stem if args.database else asked.name}\n\n{describe(plant)}", flush=True)
        print("\n" + ablation_tables(judge(plant, chosen, args.max_items, args.seed), chosen), flush=True)


if __name__ == "__main__":
    main()
