"""Small results of steps, as tests need them: every field has a plain value unless it is given."""

from __future__ import annotations

from typing import Any

from routing_etl.evaluation.alerts import Cycle
from routing_etl.evaluation.details import EvaluationDetails
from routing_etl.evaluation.metric_table import MetricRow
from routing_etl.pipeline.results import DatasetStats, Evaluated, Trained
from routing_etl.pipeline.training_facts import ItemCounts, ResultDates, RoutingDates, TrainingFacts

DETAILS = EvaluationDetails(
    split="time",
    strategy="newest",
    notes=("a note",),
    items_evaluated=4,
    items_trained=9,
    items_failed=1,
    duration_seconds=1.5,
    cycle=Cycle(
        "time-1", "2026-01-01", "newest", 4, 3, 1, 7, None, None, None, None, 0.5, None, 1.5, ("LOW_SAMPLES",)
    ),
    split_asked="time",
    folds=1,
    seconds={"model": 1.0},
)
NO_STATS = DatasetStats(0, 0, 0, 0.0, 0.0, 0, (), {})
NO_FACTS = TrainingFacts(
    as_of=None,
    cutoff=None,
    items=ItemCounts(0, 0, 0, 0),
    excluded_items={},
    excluded_routed_items={},
    routings=0,
    operations=0,
    operations_learned=0,
    work_results=0,
    routing_dates=RoutingDates(None, None, 0),
    result_dates=ResultDates(None, None),
    rows=None,
    times=None,
)


def metric_row(metric: str, value: float | None, **changes: Any) -> MetricRow:
    """A row of the model over all items."""
    fields: dict[str, Any] = {
        "method": "model", "split": "time", "segment": "all", "low": None, "high": None, "n": 100, "reason": None,
    }  # fmt: skip
    return MetricRow(**{**fields, "metric": metric, "value": value, **changes})


def _evaluation(**changes: Any) -> dict[str, Any]:
    return {
        "split": "time", "metrics": (), "legacy": None, "calibration": (), "coverage": (), "time_sample": (), "alerts": (),
        "evaluation": DETAILS, "dataset_stats": NO_STATS, "data": NO_FACTS, **changes,
    }  # fmt: skip


def evaluated(**changes: Any) -> Evaluated:
    """An evaluation that found nothing but what is given."""
    return Evaluated(**_evaluation(**changes))


def trained(**changes: Any) -> Trained:
    """A training that found nothing but what is given."""
    fields = {
        "version": "v1", "dry_run": False, "training_samples": 0, "training_duration_sec": 0.0, "duration_sec": 0.0,
        "worker_memory_mb": 0.0, "run_id": "run_1", "promoted": False, "promotion_reason": "not asked for",
    }  # fmt: skip
    return Trained(**_evaluation(**{**fields, **changes}))
