"""From predictions and a reference to metric rows: which metrics, which segments, which differences.

What belongs here: the assembly of metrics, segments and METRICS rows, and the rule that a failed metric is a NULL with
its reason. What does not: formulas (`metrics.py`, `time_metrics.py`), fitting, splits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from routing_etl.errors import RoutingEtlError
from routing_etl.evaluation.bootstrap import FloatArray, Metric, Resampler, SumMetric, ratio, summarise
from routing_etl.evaluation.comparison import TIME_COLUMNS, Comparison, Reference, compare, expected_routings
from routing_etl.evaluation.metrics import (
    CALIBRATION,
    COVERAGE,
    LEGACY_METRICS,
    NO_ITEMS,
    calibration_table,
    confidence_metrics,
    coverage_table,
    inside_metrics,
    justified_abstention,
    operation_label_metrics,
    per_item,
    resource_metrics,
    sequence_metrics,
)
from routing_etl.evaluation.pairing import held_out_items
from routing_etl.evaluation.report import CEILING, MINUS, MODEL, ORACLE, EvaluationReport
from routing_etl.evaluation.tiers import TIERS, confidence_tier
from routing_etl.evaluation.time_metrics import NO_ORACLE, time_metrics, time_sample
from routing_etl.evaluation.truth import Truth
from routing_etl.frames import METRICS, Predictions
from routing_etl.log import get_logger

log = get_logger(__name__)

NEIGHBOUR_BANDS = ((0, 0), (1, 4), (5, 14), (15, None))
LARGEST_ACCOUNTS = 8
#: Measured in every segment; the rest only over all items.
SEGMENT_METRICS = frozenset(
    {
        "exact_at_1", "exact_at_4", "expected_exact_at_1", "expected_exact_at_4", "expected_exact_at_1_share",
        "expected_exact_at_4_share", "operation_f1", "edit_similarity", "process_match", "resource_top1",
        "outsourced_f1", "accuracy", "f1_weighted", "ece", "abstained_share", "run_wape", "run_coverage", "run_report_coverage", "run_bias",
        "setup_wape", "setup_coverage", "run_wape_vs_oracle", "setup_wape_vs_oracle",
    }
)  # fmt: skip
#: Also given relative to the oracle, where there is one.
ORACLE_METRICS = ("operation_f1", "edit_similarity", "resource_top1", "outsourced_f1")
#: Failures of one method or metric that become a NULL with their message.
EXPECTED = (RoutingEtlError, ArithmeticError, ValueError, np.linalg.LinAlgError, pl.exceptions.PolarsError)


@dataclass(frozen=True)
class Facts:
    """What segments and extra metrics need to know per judged item (row = item)."""

    clusters: NDArray[np.int64]
    part_type_band: pl.Series
    item_acct: pl.Series
    known_type: NDArray[np.int8]
    reachable: NDArray[np.bool_] | None


def segments(facts: Facts, found: Comparison | None) -> dict[str, NDArray[np.bool_]]:
    """Segment name to the items in it; neighbours and confidence are those of the model's best candidate."""
    n = len(facts.clusters)
    out: dict[str, NDArray[np.bool_]] = {"all": np.ones(n, dtype=bool)}
    for name in ("frequent", "rare", "unseen", "none"):
        out[f"part_type_band:{name}"] = (facts.part_type_band == name).to_numpy()
    accounts = facts.item_acct.drop_nulls().value_counts(sort=True).head(LARGEST_ACCOUNTS)
    for account in accounts["item_acct"].sort().to_list():
        out[f"item_acct:{account}"[:100]] = (facts.item_acct == account).fill_null(False).to_numpy()
    if found is not None:
        best = found.candidates.filter(pl.col("rank") == 1).select("item", "neighbours", "confidence")
        tier = np.full(n, "", dtype="<U8")
        tier[best["item"].to_numpy()] = confidence_tier(best["confidence"].to_numpy())
        for name, _ in TIERS:
            out[f"confidence:{name}"] = tier == name
        number = np.full(n, -1, dtype=np.int64)
        number[best["item"].to_numpy()] = best["neighbours"].fill_null(0).to_numpy()
        for low, high in NEIGHBOUR_BANDS:
            name = f"{low}+" if high is None else (str(low) if low == high else f"{low}-{high}")
            out[f"neighbours:{name}"] = (number >= low) & (
                number <= (high if high is not None else n + 10**9)
            )
    return {name: mask for name, mask in out.items() if mask.any()}


def _families(found: Comparison, facts: Facts) -> dict[str, Callable[[], Sequence[Metric]]]:
    families: dict[str, Callable[[], Sequence[Metric]]] = {
        "sequences": lambda: sequence_metrics(found),
        "resources": lambda: resource_metrics(found),
        "inside": lambda: inside_metrics(found),
        "labels": lambda: operation_label_metrics(found),
        "confidence": lambda: confidence_metrics(found, facts.known_type),
        "times": lambda: time_metrics(found),
    }
    reachable = facts.reachable
    if reachable is not None:
        families["abstention"] = lambda: [justified_abstention(found, reachable)]
    return families


def _metrics_of(found: Comparison, facts: Facts) -> tuple[list[Metric], dict[str, str]]:
    """The metrics of one method, and the families that failed with their messages."""
    metrics: list[Metric] = []
    failed: dict[str, str] = {}
    for name, make in _families(found, facts).items():
        try:
            metrics += make()
        except EXPECTED as exc:
            log.exception("metric_family_failed", family=name, error=str(exc))
            failed[name] = f"COMPUTE_ERROR: {exc}"[:400]
    return metrics, failed


def _truth_metrics(found: Comparison, truth: Truth) -> list[Metric]:
    """Expected exact match and its share of the ceiling, for one method's answers."""
    keys = found.reference.items["item_key"]
    n = found.n_items
    fresh = pl.col("fresh")
    hits = per_item(
        found.candidates,
        n,
        *[pl.when((pl.col("rank") <= k) & fresh).then("hit").otherwise(0.0) for k in (1, 4)],
    )
    out: list[Metric] = []
    for i, k in enumerate((1, 4)):
        ceiling = truth.ceiling(keys, k)
        known = np.isfinite(ceiling).astype(np.float64)
        best = np.nan_to_num(ceiling)
        hit = hits[:, i] * known
        name = f"expected_exact_at_{k}"
        out.append(SumMetric(name, np.column_stack([hit, known]), ratio, known, NO_ITEMS))
        out.append(SumMetric(f"{name}_share", np.column_stack([hit, best]), ratio, known, NO_ITEMS))
    return out


def _ceiling_metrics(reference: Reference, truth: Truth) -> list[Metric]:
    out: list[Metric] = []
    for k in (1, 4):
        ceiling = truth.ceiling(reference.items["item_key"], k)
        known = np.isfinite(ceiling).astype(np.float64)
        parts = np.column_stack([np.nan_to_num(ceiling), known])
        out.append(SumMetric(f"expected_exact_at_{k}", parts, ratio, known, NO_ITEMS))
    return out


#: Per baseline and metric: the metric of the model and of the baseline on the operations that both have.
Pairs = dict[tuple[str, str], tuple[Metric, Metric]]


def _common(mine: Comparison, other: Comparison, filled: str | None = None) -> Comparison:
    """`mine` with only those aligned operations that `other` has too (and has `filled`)."""
    rows = other.matches if filled is None else other.matches.filter(pl.col(filled).is_not_null())
    keys = ["item", "variant", "actual_pos"]
    return replace(
        mine, matches=mine.matches.join(rows.select(keys), on=keys, how="semi", maintain_order="left")
    )


def _on_common_operations(found: dict[str, Comparison]) -> Pairs:
    """Resources and times of the model and of each baseline on the operations that both have.

    A method that finds only the easy operations would look good on its own ones; a difference is fair on shared ones.
    """
    out: Pairs = {}
    for method, other in found.items():
        if method in (MODEL, ORACLE):
            continue
        mine = found[MODEL]
        pairs = [(resource_metrics(_common(mine, other)), resource_metrics(_common(other, mine)))]
        for measure, (column, _, _) in TIME_COLUMNS.items():
            sides = (_common(mine, other, column), _common(other, mine, column))
            pairs.append((time_metrics(sides[0], [measure]), time_metrics(sides[1], [measure])))
        for left, right in pairs:
            out |= {
                (method, a.name): (a, b)
                for a, b in zip(left, right, strict=True)
                if not a.name.endswith("_filled")
            }
    return out


@dataclass
class Rows:
    """Metric rows in the making."""

    split: str
    rows: list[dict[str, object]] = field(default_factory=list)

    def add(
        self,
        method: str,
        segment: str,
        metric: str,
        value: float | None,
        low: float | None,
        high: float | None,
        n: int,
        reason: str | None,
    ) -> None:
        self.rows.append(
            {
                "method": method, "split": self.split, "segment": segment, "metric": metric, "value": value,
                "low": low, "high": high, "n": n, "reason": reason,
            }
        )  # fmt: skip

    def frame(self) -> pl.DataFrame:
        if not self.rows:
            return METRICS.empty()
        return METRICS.conform(pl.DataFrame(self.rows, infer_schema_length=None, schema=METRICS.schema))


def measure(
    answers: Mapping[str, Sequence[Predictions]],
    reference: Reference,
    facts: Facts,
    split: str,
    *,
    truth: Truth | None,
    n_resamples: int,
    random_state: int,
    failures: dict[str, str] | None = None,
) -> EvaluationReport:
    """All metric rows of all methods, and the model's tables.

    Parameters
    ----------
    answers: method name to its predictions, one part per fold; `model` is the one that differences and segments are about.
    failures: methods without predictions and why.
    """
    rows = Rows(split)
    found, unusable = _compared(answers, reference)
    for method, message in {**(failures or {}), **unusable}.items():
        rows.add(method, "all", "exact_at_1", None, None, None, 0, message)
    metrics: dict[str, list[Metric]] = {}
    expected = None
    if truth is not None:
        expected = reference if reference.expected else expected_routings(truth, reference.items["item_key"])
    for method, comparison in found.items():
        metrics[method], failed = _metrics_of(comparison, facts)
        for family, message in failed.items():
            rows.add(method, "all", family, None, None, None, 0, message)
        if truth is not None and expected is not None:
            own = comparison if reference.expected else compare(answers[method], expected)
            extra = _truth_metrics(own, truth)
            names = {m.name for m in extra}
            metrics[method] = [*extra, *[m for m in metrics[method] if m.name not in names]]
    if truth is not None and expected is not None:
        metrics[CEILING] = _ceiling_metrics(expected, truth)
    mine = found.get(MODEL)
    pairs: Pairs = {}
    try:
        if mine is not None:
            pairs = _on_common_operations(found)
    except EXPECTED as exc:
        # the differences are then those of each method's own operations
        log.exception("common_operations_failed", error=str(exc))
    for segment, mask in segments(facts, mine).items():
        resampler = Resampler(facts.clusters, mask, n_resamples=n_resamples, random_state=random_state)
        _measure_segment(segment, metrics, pairs, resampler, rows)
    frame = rows.frame()
    return EvaluationReport(
        frame,
        legacy_values(frame),
        calibration_table(mine) if mine is not None else pl.DataFrame(schema=CALIBRATION),
        coverage_table(mine) if mine is not None else pl.DataFrame(schema=COVERAGE),
        details={"items_failed": reference.n_items if mine is None else mine.abstained.height},
        time_sample=time_sample(mine) if mine is not None else pl.DataFrame(),
        held_out=held_out_items(metrics.get(MODEL, ()), reference, facts.clusters),
    )


def _compared(
    answers: Mapping[str, Sequence[Predictions]], reference: Reference
) -> tuple[dict[str, Comparison], dict[str, str]]:
    """Each method's answers aligned with the reference, and the methods whose answers cannot be."""
    found: dict[str, Comparison] = {}
    unusable: dict[str, str] = {}
    for method, prediction in answers.items():
        try:
            found[method] = compare(prediction, reference)
        except EXPECTED as exc:
            log.exception("answers_not_comparable", method=method, error=str(exc))
            unusable[method] = f"COMPUTE_ERROR: {exc}"[:400]
    return found, unusable


def _measure_segment(
    segment: str, metrics: dict[str, list[Metric]], pairs: Pairs, resampler: Resampler, rows: Rows
) -> None:
    whole = segment == "all"
    draws: dict[tuple[str, str], FloatArray] = {}
    banded = whole or segment.startswith("part_type_band:")
    used = [m for own in metrics.values() for m in own if whole or m.name in SEGMENT_METRICS]
    shared = [m for (_, name), both in pairs.items() if whole or name in SEGMENT_METRICS for m in both]
    resampler.prepare([*used, *(shared if banded else [])])
    for method, own in metrics.items():
        for metric in own:
            if not whole and metric.name not in SEGMENT_METRICS:
                continue
            estimate = resampler.estimate(metric)
            rows.add(
                method,
                segment,
                metric.name,
                estimate.value,
                estimate.low,
                estimate.high,
                estimate.n,
                estimate.reason,
            )
            if estimate.value is not None:
                draws[method, metric.name] = resampler.draws(metric)
    if MODEL not in metrics:
        return
    own_metrics = {m.name: m for m in metrics[MODEL]}
    size = {name: resampler.units(m) for name, m in own_metrics.items()}
    for (method, name), other in draws.items():
        if (MODEL, name) not in draws:
            continue
        if method == ORACLE and name in ORACLE_METRICS:
            share = resampler.varied(ratio(np.column_stack([draws[MODEL, name], other])), own_metrics[name])
            e = summarise(share, size[name], NO_ORACLE)
            rows.add(MODEL, segment, f"{name}_vs_oracle", e.value, e.low, e.high, e.n, e.reason)
        if method in (MODEL, ORACLE, CEILING):
            continue
        if banded:
            left, count, measured = draws[MODEL, name], size[name], own_metrics[name]
            if (method, name) in pairs:
                measured, theirs = pairs[method, name]
                left, other = resampler.draws(measured), resampler.draws(theirs)
                count = resampler.units(measured)
            e = summarise(resampler.varied(left - other, measured), count, "NO_COMMON_OPERATIONS")
            rows.add(f"{MINUS}{method}", segment, name, e.value, e.low, e.high, e.n, e.reason)


def legacy_values(metrics: pl.DataFrame) -> dict[str, float]:
    mine = metrics.filter((pl.col("method") == MODEL) & (pl.col("segment") == "all")).filter(
        pl.col("metric").is_in(list(LEGACY_METRICS)) & pl.col("value").is_not_null()
    )
    if mine.height != len(LEGACY_METRICS):
        return {}
    values = {r["metric"]: round(r["value"], 4) for r in mine.to_dicts()}
    return {**{name: values[name] for name in LEGACY_METRICS}, "sample_count": int(mine["n"][0])}
