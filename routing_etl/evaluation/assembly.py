"""From answers and a reference to METRICS rows: which metrics, on which segments, with which differences.

A metric that fails, for whatever reason, is a NULL with its reason and a line with the trace in the log; it never stops the
others, and how many failed is a metric itself (`FAILED_SHARE`). The formulas are in `routing_metrics.py`,
`confidence_metrics.py` and `time_metrics.py`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from routing_etl.errors import RoutingEtlError
from routing_etl.evaluation.bootstrap import Estimate, Metric, Resampler, SumMetric, ratio, summarise
from routing_etl.evaluation.comparison import Comparison, compare
from routing_etl.evaluation.confidence_metrics import (
    CALIBRATION,
    COVERAGE,
    calibration_table,
    confidence_metrics,
    coverage_table,
)
from routing_etl.evaluation.details import LegacyScores
from routing_etl.evaluation.metric_table import ALL, CEILING, MINUS, MODEL, ORACLE, MetricRow
from routing_etl.evaluation.options import EvaluationOptions
from routing_etl.evaluation.paired import HELD_OUT, held_out_items
from routing_etl.evaluation.reasons import (
    COMPUTE_ERROR,
    NO_COMMON_OPERATIONS,
    NO_ITEMS,
    NO_ORACLE,
    computing_failed,
    with_message,
)
from routing_etl.evaluation.reference import ITEM_KEYS, TIME_COLUMNS, Reference, expected_routings
from routing_etl.evaluation.report import EvaluationTables
from routing_etl.evaluation.routing_metrics import (
    LEGACY_METRICS,
    inside_metrics,
    justified_abstention,
    operation_label_metrics,
    resource_metrics,
    sequence_metrics,
)
from routing_etl.evaluation.sums import per_item
from routing_etl.evaluation.tiers import TIERS, confidence_tier
from routing_etl.evaluation.time_metrics import TIME_SAMPLE, time_metrics, time_sample
from routing_etl.evaluation.truth import Truth
from routing_etl.frames import METRICS, Predictions
from routing_etl.log import get_logger
from routing_etl.model.base.arrays import Bools, Floats, Ints

log = get_logger(__name__)

#: Segments by the number of neighbours that voted for the first candidate: from, to; None: no end.
NEIGHBOUR_BANDS = ((0, 0), (1, 4), (5, 14), (15, None))
#: Item accounts that get a segment of their own: the largest.
LARGEST_ACCOUNTS = 8
#: Part types that get a segment of their own: with at least so many judged items, and at most so many, the largest.
TYPE_ITEMS, LARGEST_TYPES = 20, 20
#: Measured in every segment; the rest only over all items.
SEGMENT_METRICS = frozenset(
    {
        "exact_at_1", "exact_at_4", "expected_exact_at_1", "expected_exact_at_4", "expected_exact_at_1_share",
        "expected_exact_at_4_share", "operation_f1", "edit_similarity", "process_match", "resource_top1",
        "outsourced_f1", "accuracy", "f1_weighted", "ece", "ece_by_chance",
        "confidence_mean", "abstained_share", "run_wape", "run_coverage", "run_report_coverage", "run_bias",
        "setup_wape", "setup_coverage", "run_wape_vs_oracle", "setup_wape_vs_oracle",
    }
)  # fmt: skip
#: Also given relative to the oracle, where there is one.
ORACLE_METRICS = ("operation_f1", "edit_similarity", "resource_top1", "outsourced_f1")
#: The metric that counts failed families.
FAILED_SHARE = "metric_families_failed"
#: Failures of one method that become a NULL with their message; any other is a fault of the program and stops the evaluation.
EXPECTED = (RoutingEtlError, ArithmeticError, ValueError, np.linalg.LinAlgError, pl.exceptions.PolarsError)


@dataclass(frozen=True)
class ItemFacts:
    """What segments and further metrics need to know of each judged item; one entry per item, in the reference's order.

    Attributes
    ----------
    clusters : numpy.ndarray
        Number of the group of near-identical items.
    part_type_band : polars.Series
        'frequent', 'rare', 'unseen' or 'none': how many training items have its part type.
    item_acct : polars.Series
        Item account.
    known_type : numpy.ndarray
        1: the part type was seen in training, 0: it was not, -1: the item has none.
    reachable : numpy.ndarray or None
        Whether some training item has its job sequence. None when that is not known.
    part_type : polars.Series
        Part type.
    sparse : numpy.ndarray
        Whether it lacks more than half of the attributes that most items have (`many_missing`).
    """

    clusters: Ints
    part_type_band: pl.Series
    item_acct: pl.Series
    known_type: NDArray[np.int8]
    reachable: Bools | None
    part_type: pl.Series
    sparse: Bools


@dataclass(frozen=True)
class JudgedItems:
    """The items of an evaluation, and what their predictions are judged by.

    Attributes
    ----------
    split : str
        Name of the split, for the METRICS rows.
    reference : Reference
        Written or expected routings, with times.
    facts : ItemFacts
        What the segments need to know.
    truth : Truth or None
        A simulated plant's truth; adds expected exact match, ceiling and shares of the oracle.
    """

    split: str
    reference: Reference
    facts: ItemFacts
    truth: Truth | None = None


@dataclass(frozen=True)
class Findings:
    """What was measured on the judged items.

    Attributes
    ----------
    tables : EvaluationTables
        METRICS rows of all methods, and the model's tables.
    legacy : LegacyScores or None
        The model's scores under the replaced system's names. None when they were not measured.
    held_out : polars.DataFrame
        What each item adds to the model's paired metrics.
    items_failed : int
        Items that the model gave no candidate.
    """

    tables: EvaluationTables
    legacy: LegacyScores | None
    held_out: pl.DataFrame
    items_failed: int


def _segments(facts: ItemFacts, found: Comparison | None) -> dict[str, Bools]:
    """Segment name to the items in it; neighbours and confidence are those of the model's best candidate."""
    n = len(facts.clusters)
    out: dict[str, Bools] = {ALL: np.ones(n, dtype=bool)}
    for name in ("frequent", "rare", "unseen", "none"):
        out[f"part_type_band:{name}"] = (facts.part_type_band == name).to_numpy()
    out["attributes:many missing"] = facts.sparse
    types = facts.part_type.drop_nulls().value_counts().filter(pl.col("count") >= TYPE_ITEMS)
    largest = types.sort("count", "part_type", descending=[True, False]).head(LARGEST_TYPES)
    for name in largest["part_type"].sort().to_list():
        out[f"part_type:{name}"[:100]] = (facts.part_type == name).fill_null(False).to_numpy()
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


def _families(found: Comparison, facts: ItemFacts) -> dict[str, Callable[[], Sequence[Metric]]]:
    families: dict[str, Callable[[], Sequence[Metric]]] = {
        "sequences": lambda: sequence_metrics(found),
        "resources": lambda: resource_metrics(found),
        "inside": lambda: inside_metrics(found),
        "labels": lambda: operation_label_metrics(found),
        "confidence": lambda: confidence_metrics(found, facts.known_type, facts.clusters),
        "times": lambda: time_metrics(found),
    }
    reachable = facts.reachable
    if reachable is not None:
        families["abstention"] = lambda: [justified_abstention(found, reachable)]
    return families


def metrics_of_answers(found: Comparison, facts: ItemFacts) -> tuple[list[Metric], dict[str, str]]:
    """The metrics of one method.

    Parameters
    ----------
    found : Comparison
        Its answers beside the reference.
    facts : ItemFacts
        The judged items.

    Returns
    -------
    list of Metric
        To be valued by a `Resampler`.
    dict of str to str
        The families of metrics that failed, with their messages.
    """
    metrics: list[Metric] = []
    failed: dict[str, str] = {}
    for name, make in _families(found, facts).items():
        try:
            metrics += make()
        except Exception as exc:
            log.exception("metric_family_failed", family=name, error=str(exc))
            failed[name] = computing_failed(exc)
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


# --- rows ------------------------------------------------------------------------------------------------------------

#: Per baseline and metric: the metric of the model and of the baseline on the operations that both have.
Pairs = dict[tuple[str, str], tuple[Metric, Metric]]


class Rows:
    """METRICS rows of one split in the making.

    Parameters
    ----------
    split : str
        Name of the split.
    """

    def __init__(self, split: str) -> None:
        self.split = split
        self.rows: list[MetricRow] = []

    def add(self, method: str, segment: str, metric: str, found: Estimate) -> None:
        """Append one row."""
        self.rows.append(
            MetricRow(
                method, self.split, segment, metric, found.value, found.low, found.high, found.n, found.reason
            )
        )

    def add_unmeasured(self, method: str, metric: str, reason: str) -> None:
        """Append a row without a value over all items."""
        self.add(method, ALL, metric, Estimate(None, None, None, 0, reason))

    def add_failed_share(self, families: int) -> None:
        """Append how many families of metrics, or single metrics of them, failed, as a share of all families.

        Parameters
        ----------
        families : int
            Families of all methods.
        """
        failed = {(r.method, r.metric) for r in self.rows if (r.reason or "").startswith(COMPUTE_ERROR)}
        tried = max(families, len(failed))
        value = len(failed) / tried if tried else None
        self.add(MODEL, ALL, FAILED_SHARE, Estimate(value, None, None, tried, None if tried else NO_ITEMS))

    def frame(self) -> pl.DataFrame:
        """The rows as a METRICS frame."""
        columns = {
            name: pl.Series(name, [getattr(row, name) for row in self.rows], dtype)
            for name, dtype in METRICS.schema.items()
        }
        return METRICS.conform(pl.DataFrame(columns))


def measure_answers(
    answers: Mapping[str, Sequence[Predictions]],
    judged: JudgedItems,
    options: EvaluationOptions,
    failures: Mapping[str, str] | None = None,
) -> Findings:
    """All METRICS rows of all methods, and the model's tables.

    Parameters
    ----------
    answers : mapping of str to sequence of Predictions
        Predictions by method, one part per fold; `model` is the method that differences and segments are about.
    judged : JudgedItems
        The items and what they are judged by.
    options : EvaluationOptions
        Only `n_resamples` and `random_state` are used.
    failures : mapping of str to str, optional
        Methods without predictions, with the reason.

    Returns
    -------
    Findings
        A failed metric or method is a row without a value.
    """
    rows = Rows(judged.split)
    found, unusable = _compared(answers, judged.reference)
    for method, message in {**(failures or {}), **unusable}.items():
        rows.add_unmeasured(method, "exact_at_1", message)
    metrics = _metrics_by_method(found, answers, judged, rows)
    mine = found.get(MODEL)
    pairs = _pairs(found)
    families = sum(len(_families(one, judged.facts)) for one in found.values())
    for segment, mask in _segments(judged.facts, mine).items():
        resampler = Resampler(
            judged.facts.clusters, mask, n_resamples=options.n_resamples, random_state=options.random_state
        )
        _SegmentRows(segment, metrics, pairs, resampler).add_to(rows)
    drawn = _drawn_tables(mine, rows)
    held_out = _or_empty(
        "held_out_items",
        pl.DataFrame(schema=HELD_OUT),
        lambda: held_out_items(metrics.get(MODEL, ()), judged.reference, judged.facts.clusters),
        rows,
    )
    rows.add_failed_share(families)
    frame = rows.frame()
    return Findings(
        EvaluationTables(frame, *drawn),
        _legacy_scores(frame),
        held_out,
        judged.reference.n_items if mine is None else mine.abstained.height,
    )


def _drawn_tables(mine: Comparison | None, rows: Rows) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """The model's tables for plots; empty without answers, and where one of them cannot be made."""
    makers = {
        "calibration_table": (calibration_table, CALIBRATION),
        "coverage_table": (coverage_table, COVERAGE),
        "time_sample": (time_sample, TIME_SAMPLE),
    }
    calibration, coverage, sample = (
        pl.DataFrame(schema=schema)
        if mine is None
        else _or_empty(name, pl.DataFrame(schema=schema), functools.partial(make, mine), rows)
        for name, (make, schema) in makers.items()
    )
    return calibration, coverage, sample


def _or_empty(name: str, empty: pl.DataFrame, make: Callable[[], pl.DataFrame], rows: Rows) -> pl.DataFrame:
    """A table, or an empty one and a row that says why there is none."""
    try:
        return make()
    except Exception as exc:
        log.exception("metric_family_failed", family=name, error=str(exc))
        rows.add_unmeasured(MODEL, name, computing_failed(exc))
        return empty


def unmeasured_tables(metrics: pl.DataFrame) -> EvaluationTables:
    """The tables of an evaluation without answers of the model: METRICS rows alone."""
    empty = (pl.DataFrame(schema=schema) for schema in (CALIBRATION, COVERAGE, TIME_SAMPLE))
    return EvaluationTables(metrics, *empty)


def nothing_measured(split: str, reason: str) -> Findings:
    """Findings of an evaluation that had no item to judge.

    Parameters
    ----------
    split : str
        Name of the split.
    reason : str
        Why there is no item.

    Returns
    -------
    Findings
        The main metrics without a value, each with the reason.
    """
    rows = Rows(split)
    for name in ("exact_at_1", "process_match", *LEGACY_METRICS, "run_mae", "setup_mae"):
        rows.add_unmeasured(MODEL, name, with_message("NO_ACTUAL_DATA", reason))
    return Findings(unmeasured_tables(rows.frame()), None, pl.DataFrame(schema=HELD_OUT), 0)


def _compared(
    answers: Mapping[str, Sequence[Predictions]], reference: Reference
) -> tuple[dict[str, Comparison], dict[str, str]]:
    """Each method's answers compared with the reference, and the methods whose answers cannot be."""
    found: dict[str, Comparison] = {}
    unusable: dict[str, str] = {}
    for method, prediction in answers.items():
        try:
            found[method] = compare(prediction, reference)
        except Exception as exc:
            log.exception("answers_not_comparable", method=method, error=str(exc))
            unusable[method] = computing_failed(exc)
    return found, unusable


def _metrics_by_method(
    found: dict[str, Comparison],
    answers: Mapping[str, Sequence[Predictions]],
    judged: JudgedItems,
    rows: Rows,
) -> dict[str, list[Metric]]:
    """The metrics of every method and of the ceiling; families that failed become rows without a value."""
    truth, reference = judged.truth, judged.reference
    expected = None
    if truth is not None:
        expected = reference if reference.expected else expected_routings(truth, reference.items["item_key"])
    metrics: dict[str, list[Metric]] = {}
    for method, comparison in found.items():
        metrics[method], failed = metrics_of_answers(comparison, judged.facts)
        for family, message in failed.items():
            rows.add_unmeasured(method, family, message)
        if truth is not None and expected is not None:
            own = comparison if reference.expected else compare(answers[method], expected)
            extra = _truth_metrics(own, truth)
            names = {m.name for m in extra}
            metrics[method] = [*extra, *[m for m in metrics[method] if m.name not in names]]
    if truth is not None and expected is not None:
        metrics[CEILING] = _ceiling_metrics(expected, truth)
    return metrics


# --- differences -----------------------------------------------------------------------------------------------------


def _common(mine: Comparison, other: Comparison, filled: str | None = None) -> Comparison:
    """`mine` with only those aligned operations that `other` has too (and has `filled`)."""
    rows = other.matches if filled is None else other.matches.filter(pl.col(filled).is_not_null())
    keys = [*ITEM_KEYS, "actual_pos"]
    return replace(
        mine, matches=mine.matches.join(rows.select(keys), on=keys, how="semi", maintain_order="left")
    )


def _pairs(found: dict[str, Comparison]) -> Pairs:
    """Resources and times of the model and of each baseline on the operations that both have.

    A method that finds only the easy operations would look good on its own ones; a difference is fair on shared ones.
    """
    try:
        return _on_common_operations(found) if MODEL in found else {}
    except Exception as exc:
        # the differences are then those of each method's own operations
        log.exception("common_operations_failed", error=str(exc))
        return {}


def _on_common_operations(found: dict[str, Comparison]) -> Pairs:
    out: Pairs = {}
    mine = found[MODEL]
    for method, other in found.items():
        if method in (MODEL, ORACLE):
            continue
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


# --- one segment -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _SegmentRows:
    """All rows of one segment: every method's values, the model's shares of the oracle, and the differences."""

    segment: str
    metrics: dict[str, list[Metric]]
    pairs: Pairs
    resampler: Resampler

    def add_to(self, rows: Rows) -> None:
        """Append the values, then the shares and differences of metrics that both sides have."""
        self._prepare()
        draws: dict[tuple[str, str], Floats] = {}
        for method, own in self.metrics.items():
            for metric in filter(self._is_shown, own):
                estimate = self.resampler.estimate(metric)
                rows.add(method, self.segment, metric.name, estimate)
                if estimate.value is not None:
                    draws[method, metric.name] = self.resampler.draws(metric)
        own_metrics = {m.name: m for m in self.metrics.get(MODEL, ())}
        for (method, name), other in draws.items():
            if (MODEL, name) not in draws:
                continue
            mine = own_metrics[name]
            if method == ORACLE and name in ORACLE_METRICS:
                share = ratio(np.column_stack([draws[MODEL, name], other]))
                found = summarise(self.resampler.varied(share, mine), self.resampler.units(mine), NO_ORACLE)
                rows.add(MODEL, self.segment, f"{name}_vs_oracle", found)
            if method not in (MODEL, ORACLE, CEILING) and self._has_differences:
                rows.add(f"{MINUS}{method}", self.segment, name, self._difference(method, mine, other))

    def _prepare(self) -> None:
        used = [m for own in self.metrics.values() for m in own if self._is_shown(m)]
        shared = [m for both in self.pairs.values() for m in both if self._is_shown(m)]
        try:
            self.resampler.prepare([*used, *(shared if self._has_differences else [])])
        except Exception as exc:
            # it only makes the sums quicker: each metric is then summed, and fails, by itself
            log.exception("sums_not_prepared", segment=self.segment, error=str(exc))

    def _is_shown(self, metric: Metric) -> bool:
        return self.segment == ALL or metric.name in SEGMENT_METRICS

    @property
    def _has_differences(self) -> bool:
        return self.segment == ALL or self.segment.startswith("part_type_band:")

    def _difference(self, method: str, mine: Metric, other: Floats) -> Estimate:
        """Model minus a baseline on the same resamples: on shared operations where there are such, else on each one's own."""
        try:
            if (method, mine.name) in self.pairs:
                mine, theirs = self.pairs[method, mine.name]
                other = self.resampler.draws(theirs)
            gap = self.resampler.draws(mine) - other
            return summarise(
                self.resampler.varied(gap, mine), self.resampler.units(mine), NO_COMMON_OPERATIONS
            )
        except Exception as exc:
            log.exception("difference_failed", metric=mine.name, method=method, error=str(exc))
            return Estimate(None, None, None, 0, computing_failed(exc))


def _legacy_scores(metrics: pl.DataFrame) -> LegacyScores | None:
    """The model's scores over all items, rounded; None unless all of them were measured."""
    mine = metrics.filter(
        (pl.col("method") == MODEL) & (pl.col("segment") == ALL) & pl.col("metric").is_in(list(LEGACY_METRICS))
        & pl.col("value").is_not_null()
    )  # fmt: skip
    if mine.height != len(LEGACY_METRICS):
        return None
    values = {metric: round(value, 4) for metric, value in mine.select("metric", "value").iter_rows()}
    return LegacyScores(**values, sample_count=int(mine["n"][0]))
