"""Honest evaluation: fit on one side of a split, predict the other, measure beside baselines, ceiling and oracle.

`evaluate` judges by the routings that engineers wrote and the times that work orders took; `evaluate_unrouted` judges
the predictions of a simulated plant's unrouted items by the truth. A metric that cannot be computed is NULL with a
reason, and no failure of a metric or of a baseline stops a training.

What belongs here: the order of the steps, fitting per fold, facts about the judged items. What does not: metric rows
(`measuring.py`), formulas (`metrics.py`, `time_metrics.py`), splits, resampling, Markdown (`report.py`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

from routing_etl.errors import ModelError
from routing_etl.evaluation.baseline_legacy import LegacyPredictor
from routing_etl.evaluation.baselines import MajorityByPartType, NearestCopyPredictor
from routing_etl.evaluation.comparison import expected_routings, known_routings
from routing_etl.evaluation.measuring import EXPECTED, Facts, Rows, measure
from routing_etl.evaluation.metrics import CALIBRATION, COVERAGE, LEGACY_METRICS
from routing_etl.evaluation.options import SplitName, check_resamples
from routing_etl.evaluation.report import MODEL, ORACLE, EvaluationReport, Thresholds, raise_alerts
from routing_etl.evaluation.splits import Fold, Split, make_split, near_identical_groups
from routing_etl.evaluation.truth import SEPARATOR, Truth, truth_predictions
from routing_etl.frames import Predictions, TimeEvidence
from routing_etl.log import get_logger
from routing_etl.model.plain import training_frames
from routing_etl.progress import SILENT, Progress

log = get_logger(__name__)

FREQUENT = 30


class Predictor(Protocol):
    """What can be evaluated."""

    def fit(
        self,
        items: pl.DataFrame,
        operations: pl.DataFrame,
        *,
        times: TimeEvidence | None = None,
        progress: Progress = SILENT,
    ) -> object: ...

    def predict(self, items: pl.DataFrame) -> Predictions: ...


BASELINES: dict[str, Callable[[], Predictor]] = {
    "nearest_copy": NearestCopyPredictor,
    "majority_part_type": MajorityByPartType,
    "legacy": LegacyPredictor,
}


@dataclass
class _Run:
    """Predictions of one method, one part per fold, or why there are none."""

    parts: list[Predictions] = field(default_factory=list)
    failure: str | None = None
    fit_seconds: float = 0.0
    predict_seconds: float = 0.0


def evaluate(
    make_model: Callable[[], Predictor],
    items: pl.DataFrame,
    operations: pl.DataFrame,
    *,
    split: SplitName = "time",
    evidence: Callable[[pl.Series], TimeEvidence] | None = None,
    actuals: TimeEvidence | None = None,
    reports: pl.LazyFrame | None = None,
    truth: Truth | None = None,
    test_days: float = 180,
    max_items: int = 5000,
    baselines: bool = True,
    folds: int | None = None,
    n_resamples: int = 400,
    random_state: int = 42,
    thresholds: Thresholds | None = None,
    progress: Progress = SILENT,
) -> EvaluationReport:
    """Measure a kind of model, and the baselines on the same items, on routings it has not seen.

    Parameters
    ----------
    make_model: makes an unfitted model; called once per fold.
    items, operations: ITEMS and OPERATIONS frames, all items and all ranks.
    split, test_days, max_items, folds, random_state: see `splits.make_split`.
    evidence: keys of the training items -> time profiles made of their work results only.
    actuals: time profiles of all items: what the predicted times are judged by.
    reports: the single reports behind `actuals` (see `comparison.known_routings`); without them the coverage of single
        reports is NULL.
    truth: a simulated plant's truth; adds expected exact match, ceiling and oracle.
    baselines: whether the three baselines are measured too.
    n_resamples: bootstrap resamples behind each interval; 0 for none.

    Returns
    -------
    EvaluationReport. When nothing can be judged (no two groups of routed items) its metrics are NULL with the reason,
    and there is the critical alert NO_ACTUAL_DATA.

    Raises
    ------
    ConfigurationError: an option has a value that it cannot have; nothing was fitted.
    """
    started = time.perf_counter()
    check_resamples(n_resamples)
    limits = thresholds or Thresholds()
    items, operations = training_frames(items, operations)
    evidence, actuals = evidence or _no_times, actuals or TimeEvidence.none()
    try:
        divided = make_split(
            items, operations, split=split, test_days=test_days, max_items=max_items, random_state=random_state,
            folds=folds,
        )  # fmt: skip
    except ModelError as exc:
        log.warning("evaluation_impossible", split=split, error=str(exc))
        return _unmeasured(split, str(exc), started, limits)
    makers: dict[str, Callable[[], Predictor]] = {MODEL: make_model, **(BASELINES if baselines else {})}
    runs = {name: _Run() for name in makers}
    for fold in _shown(divided, progress):
        _run_fold(fold, items, evidence, makers, runs, progress)
    judged = divided.test.to_frame("item_key").join(items, on="item_key", maintain_order="left")
    facts = _facts(divided, items, operations, judged)
    reference = known_routings(operations, divided.test, actuals, truth, reports)
    answers = {name: run.parts for name, run in runs.items() if run.failure is None and run.parts}
    if truth is not None:
        answers[ORACLE] = [truth_predictions(truth, judged)]
    with progress.task("Evaluate: metrics and intervals", total=None):
        report = measure(
            answers, reference, facts, divided.name, truth=truth, n_resamples=n_resamples, random_state=random_state,
            failures={name: run.failure for name, run in runs.items() if run.failure is not None},
        )  # fmt: skip
    seconds = {
        f"{name} {part}": getattr(run, f"{part}_seconds")
        for name, run in runs.items()
        for part in ("fit", "predict")
    }
    return _finish(
        report,
        limits,
        started,
        {
            "split": divided.name,
            "split_asked": split,
            "strategy": f"{divided.name}, at most {max_items} items, seed {random_state}",
            "notes": list(divided.notes),
            "folds": len(divided.folds),
            "items_evaluated": divided.test.len(),
            "items_trained": max(f.train.len() for f in divided.folds),
            "seconds": {k: round(v, 3) for k, v in seconds.items()},
        },
    )


def _no_times(_: pl.Series) -> TimeEvidence:
    return TimeEvidence.none()


def evaluate_unrouted(
    predictions: Predictions,
    truth: Truth,
    items: pl.DataFrame,
    *,
    routed: pl.DataFrame,
    others: dict[str, Predictions] | None = None,
    n_resamples: int = 400,
    random_state: int = 42,
) -> EvaluationReport:
    """Measure predictions of a simulated plant's unrouted items against its truth: what the product is judged on.

    Parameters
    ----------
    predictions: of the model. others: of baselines, by name. items: the predicted items (ITEMS frame).
    routed: the items the model was trained on (ITEMS frame; only `part_type` is used).

    Returns
    -------
    EvaluationReport with the split 'unrouted'; values are expectations over the routings a planner would write, times
    over one report of each operation.

    Raises
    ------
    ConfigurationError: `n_resamples` is not a whole number from 0 on.
    """
    started = time.perf_counter()
    check_resamples(n_resamples)
    known = items.join(truth.routings.select("item_key").unique(), on="item_key", how="semi").sort("item_key")
    if not known.height:
        return _unmeasured("unrouted", "The truth knows none of these items.", started, Thresholds())
    reference = expected_routings(truth, known["item_key"])
    counts = routed.group_by("part_type").agg(n=pl.len().cast(pl.Int64))
    typed = known.select("part_type").join(counts, on="part_type", how="left", maintain_order="left")
    band, known_type = _bands(typed["part_type"], typed["n"].fill_null(0))
    facts = Facts(
        near_identical_groups(known, by_identifier=False), band, known["item_acct"], known_type, None
    )
    answers = {MODEL: predictions, **(others or {}), ORACLE: truth_predictions(truth, known)}
    report = measure(
        {name: [one] for name, one in answers.items()},
        reference,
        facts,
        "unrouted",
        truth=truth,
        n_resamples=n_resamples,
        random_state=random_state,
    )
    note = "Values are expectations over the routings that a planner would write for each item."
    return _finish(
        report,
        Thresholds(),
        started,
        {
            "split": "unrouted",
            "strategy": "all unrouted items",
            "notes": [note],
            "items_evaluated": known.height,
            "items_trained": routed.height,
        },
    )


# --- fitting and predicting ------------------------------------------------------------------------------------------


def _shown(divided: Split, progress: Progress) -> Iterator[Fold]:
    with progress.task("Evaluate: fit and predict", total=len(divided.folds)) as task:
        for fold in divided.folds:
            yield fold
            task.advance()


def _run_fold(
    fold: Fold,
    items: pl.DataFrame,
    evidence: Callable[[pl.Series], TimeEvidence],
    makers: dict[str, Callable[[], Predictor]],
    runs: dict[str, _Run],
    progress: Progress,
) -> None:
    """Fit every method on the fold's training side and predict its test side; failures are kept in `runs`."""
    test = fold.test.to_frame("item_key")
    asked = items.join(test, on="item_key", how="semi").sort("item_key")
    rest = items.join(test, on="item_key", how="anti", maintain_order="left")
    times = evidence(fold.train)
    for name, make in makers.items():
        run = runs[name]
        if run.failure is not None:
            continue
        try:
            begun = time.perf_counter()
            model = make()
            model.fit(rest, fold.operations, times=times, progress=progress)
            fitted = time.perf_counter()
            run.parts.append(model.predict(asked))
            # Gone before the next one is fitted: at full size a gigabyte.
            del model
        except EXPECTED as exc:
            log.exception("evaluated_method_failed", method=name, error=str(exc))
            run.failure = f"METHOD_FAILED: {exc}"[:400]
            continue
        run.fit_seconds += fitted - begun
        run.predict_seconds += time.perf_counter() - fitted


# --- facts about the judged items ------------------------------------------------------------------------------------


def _sequences(operations: pl.DataFrame) -> pl.DataFrame:
    return (
        operations.lazy()
        .filter((pl.col("routing_rank") == 0) & pl.col("job_cd").is_not_null())
        .select("item_key", "proc_seq", "job_cd")
        .sort("item_key", "proc_seq")
        .group_by("item_key", maintain_order=True)
        .agg(sequence=pl.col("job_cd").str.join(SEPARATOR))
        .collect()
    )


def _bands(part_type: pl.Series, count: pl.Series) -> tuple[pl.Series, NDArray[np.int8]]:
    """Band of the part type by its number of routed training items, and whether it was seen at all: 1, 0, or -1 for an
    item without a part type, which may be of a known one or of a new one."""
    frame = pl.DataFrame({"part_type": part_type, "n": count})
    band = frame.select(
        pl.when(pl.col("part_type").is_null())
        .then(pl.lit("none"))
        .when(pl.col("n") >= FREQUENT)
        .then(pl.lit("frequent"))
        .when(pl.col("n") > 0)
        .then(pl.lit("rare"))
        .otherwise(pl.lit("unseen"))
    ).to_series()
    return band, np.where(part_type.is_null().to_numpy(), -1, frame["n"].to_numpy() > 0).astype(np.int8)


def _facts(divided: Split, items: pl.DataFrame, operations: pl.DataFrame, judged: pl.DataFrame) -> Facts:
    typed = items.select("item_key", "part_type")
    parts = []
    for fold in divided.folds:
        train = fold.train.to_frame("item_key").join(typed, on="item_key")
        counts = train.group_by("part_type").agg(n=pl.len().cast(pl.Int64))
        known = _sequences(fold.operations).select("sequence").unique().with_columns(reachable=pl.lit(True))
        parts.append(
            fold.test.to_frame("item_key")
            .join(typed, on="item_key")
            .join(counts, on="part_type", how="left")
            .join(_sequences(operations), on="item_key", how="left")
            .join(known, on="sequence", how="left")
        )
    facts = judged.select("item_key").join(pl.concat(parts), on="item_key", how="left", maintain_order="left")
    band, known_type = _bands(facts["part_type"], facts["n"].fill_null(0))
    return Facts(
        near_identical_groups(judged, by_identifier=False),
        band,
        judged["item_acct"],
        known_type,
        facts["reachable"].fill_null(False).to_numpy(),
    )


# --- the report ------------------------------------------------------------------------------------------------------


def _unmeasured(split: str, reason: str, started: float, limits: Thresholds) -> EvaluationReport:
    rows = Rows(split)
    for name in ("exact_at_1", "process_match", *LEGACY_METRICS, "run_mae", "setup_mae"):
        rows.add(MODEL, "all", name, None, None, None, 0, f"NO_ACTUAL_DATA: {reason}"[:400])
    report = EvaluationReport(
        rows.frame(),
        {},
        pl.DataFrame(schema=CALIBRATION),
        pl.DataFrame(schema=COVERAGE),
        details={"items_failed": 0},
    )
    return _finish(
        report, limits, started,
        {"split": split, "strategy": "none", "notes": [reason], "items_evaluated": 0, "items_trained": 0},
    )  # fmt: skip


def _finish(
    report: EvaluationReport, limits: Thresholds, started: float, details: dict[str, object]
) -> EvaluationReport:
    """Add alerts, durations and the fields of a legacy evaluation cycle (docs/legacy-system.md 2.10)."""
    names = ("run_mae", "run_trim_mae", "run_rmse", "run_cv", "process_match", "outsourcing_success")
    values = {name: report.value(name) for name in names}
    own = (pl.col("method") == MODEL) & (pl.col("segment") == "all") & (pl.col("metric") == "run_mae")
    counted = report.metrics.filter(own)["n"]
    actual_operations = int(counted[0]) if counted.len() else 0
    evaluated = int(str(details["items_evaluated"]))
    alerts = raise_alerts(
        values, items_evaluated=evaluated, actual_operations=actual_operations, thresholds=limits
    )
    seconds = round(time.perf_counter() - started, 3)
    cycle = {
        "cycle_id": f"{details['split']}-{datetime.now(UTC):%Y%m%d%H%M%S}",
        "timestamp": datetime.now(UTC).isoformat(timespec="seconds"),
        "strategy": details["strategy"],
        "sample_size": evaluated,
        "items_evaluated": evaluated - int(report.details["items_failed"]),
        "items_failed": int(report.details["items_failed"]),
        "sample_count": actual_operations,
        "mae": values["run_mae"],
        "trim_mae": values["run_trim_mae"],
        "rmse": values["run_rmse"],
        "cv": values["run_cv"],
        "process_match": values["process_match"],
        "outsourcing_success": values["outsourcing_success"],
        "duration_seconds": seconds,
        "alerts": [a["code"] for a in alerts],
    }
    log.info("evaluated", split=details["split"], items=evaluated, seconds=seconds, alerts=cycle["alerts"])
    return EvaluationReport(
        report.metrics,
        report.legacy,
        report.calibration,
        report.coverage,
        alerts,
        {**report.details, **details, "duration_seconds": seconds, "cycle": cycle},
        report.time_sample,
        report.held_out,
    )
