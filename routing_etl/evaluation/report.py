"""The result of an evaluation: metric rows, tables, alerts, and how people read them.

What belongs here: the report, the alerts of the earlier system (docs/legacy-system.md 2.10), Markdown. What does not:
measuring.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from routing_etl.evaluation.glossary import arrow, compared
from routing_etl.evaluation.markdown import MARKS, number, table

MODEL = "model"
ORACLE = "oracle"
CEILING = "ceiling"
MINUS = "model_minus_"

TITLES = {
    "time": "Held-out routings: the newest",
    "family": "Held-out routings: whole families of items",
    "loo": "Held-out routings: one item left out at a time",
    "unrouted": "Items without a routing, judged by the plant's truth",
}
#: What the Markdown shows: heading, metric names in order.
SECTIONS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "Routings",
        (
            "expected_exact_at_1_share", "expected_exact_at_4_share", "expected_exact_at_1", "expected_exact_at_4",
            "exact_at_1", "exact_at_4", "operation_f1", "operation_precision", "operation_recall", "edit_similarity",
            "order_agreement", "process_match",
        ),
    ),
    (
        "Resources, in-house and outsourced",
        (
            "resource_top1", "resource_top3", "outsourced_f1", "outsourced_precision", "outsourced_recall",
            "inhouse_f1", "inside_accuracy",
        ),
    ),
    ("Labels per operation (the earlier system's set)", ("accuracy", "precision_weighted", "recall_weighted", "f1_weighted")),
    (
        "Confidence and abstention",
        (
            "ece", "brier", "brier_skill", "expected_exact_at_1_surest_half", "exact_at_1_surest_half", "auroc_exact",
            "auroc_known_type", "answered_share", "abstained_share", "abstention_justified",
            "expected_exact_at_1_answered", "exact_at_1_answered", "candidates_per_item", "high_tier_share",
        ),
    ),
    *(
        (
            title,
            tuple(
                f"{m}_{name}"
                for name in (
                    "wape_vs_oracle", "wape", "mdape", "mae", "trim_mae", "rmse", "bias", "cv", "pinball_10",
                    "pinball_50", "pinball_90", "report_coverage", "coverage", "width", "filled",
                )
            ),
        )
        for m, title in (("run", "Run time (minutes per piece)"), ("setup", "Set-up time (minutes per order)"))
    ),
)  # fmt: skip
#: Heading of the metrics that no section names.
FURTHER = "Further metrics"
SEGMENT_METRICS = (
    "expected_exact_at_1_share", "expected_exact_at_1", "exact_at_1", "exact_at_4", "operation_f1", "edit_similarity",
    "resource_top1", "run_wape", "ece",
)  # fmt: skip


def sections_of(metrics: Iterable[str]) -> list[tuple[str, list[str]]]:
    """The sections with the metrics that are there, in order; those that no section names come last, by name."""
    present = set(metrics)
    named = [(title, [n for n in names if n in present]) for title, names in SECTIONS]
    rest = sorted(present - {n for _, names in SECTIONS for n in names})
    return [(title, names) for title, names in [*named, (FURTHER, rest)] if names]


@dataclass(frozen=True)
class Thresholds:
    """When an alert is raised; `mae`, `trim_mae`, `critical_mae` in minutes of run time per piece.

    The defaults are those of the earlier system (docs/legacy-system.md 2.10).
    """

    mae: float = 5.0
    trim_mae: float = 3.5
    critical_mae: float = 10.0
    process_match: float = 0.8
    cv: float = 0.5
    samples: int = 3


@dataclass(frozen=True)
class EvaluationReport:
    """What an evaluation found.

    Attributes
    ----------
    metrics: METRICS frame: one row per method, segment and metric; differences have the method `model_minus_<baseline>`.
    legacy: accuracy, precision_weighted, recall_weighted, f1_weighted, rounded to 4 decimals, and sample_count
        (operations); empty when nothing was measured.
    calibration: bin_low, bin_high, n, confidence, observed of the model's best candidates.
    coverage: coverage, threshold, accuracy of the model.
    alerts: code, severity ('critical' or 'warning'), message.
    details: split, sizes, seconds per method, notes, the legacy fields of a cycle (docs/legacy-system.md 2.10); JSON-able.
    time_sample: measure ('run' in minutes per piece, 'setup' in minutes per order), predicted and
        actual of a few hundred held-out operations: the points of a plot.
    held_out: what each judged item adds to the model's paired metrics (`pairing.HELD_OUT`), for a comparison with
        another version on the same items.
    """

    metrics: pl.DataFrame
    legacy: dict[str, float]
    calibration: pl.DataFrame
    coverage: pl.DataFrame
    alerts: list[dict[str, str]] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)
    time_sample: pl.DataFrame = field(default_factory=pl.DataFrame)
    held_out: pl.DataFrame = field(default_factory=pl.DataFrame)

    def value(self, metric: str, *, method: str = MODEL, segment: str = "all") -> float | None:
        """One value; None when it was not measured or does not exist."""
        found = self.metrics.filter(
            (pl.col("method") == method) & (pl.col("segment") == segment) & (pl.col("metric") == metric)
        )["value"]
        return found.item() if found.len() == 1 else None

    def as_dict(self) -> dict[str, Any]:
        """Everything as plain lists and dictionaries: what step reports, `metrics.json` and plots are made of."""
        return {
            "split": self.details["split"],
            "metrics": self.metrics.to_dicts(),
            "legacy": self.legacy,
            "calibration": self.calibration.to_dicts(),
            "coverage": self.coverage.to_dicts(),
            "time_sample": self.time_sample.to_dicts(),
            "alerts": list(self.alerts),
            "evaluation": self.details,
        }

    def to_markdown(self) -> str:
        """The report for people: metrics beside the baselines and the ceiling, segments, calibration, alerts."""
        return (
            "\n".join([*_head(self), *_sections(self), *_segments(self), *_confidence(self), *_tail(self)])
            + "\n"
        )


def raise_alerts(
    values: dict[str, float | None], *, items_evaluated: int, actual_operations: int, thresholds: Thresholds
) -> list[dict[str, str]]:
    """Alerts HIGH_MAE, LOW_PROCESS_MATCH, NO_ACTUAL_DATA, LOW_SAMPLES, HIGH_CV (docs/legacy-system.md 2.10).

    Parameters
    ----------
    values: run_mae, run_trim_mae, run_cv, process_match of the model, None when not measured: a value that is not there
        raises NO_ACTUAL_DATA and never counts as good.
    """
    found: list[dict[str, str]] = []

    def alert(code: str, severity: str, message: str) -> None:
        found.append({"code": code, "severity": severity, "message": message})

    if not items_evaluated:
        alert("NO_ACTUAL_DATA", "critical", "No item was evaluated; the version is unmeasured.")
        return found
    mae, trim_mae = values.get("run_mae"), values.get("run_trim_mae")
    if mae is None:
        alert("NO_ACTUAL_DATA", "warning", "No work results for the judged operations; times are unmeasured.")
    elif actual_operations < thresholds.samples:
        alert("LOW_SAMPLES", "warning", f"Times were judged on {actual_operations} operation(s) only.")
    if items_evaluated < thresholds.samples:
        alert("LOW_SAMPLES", "warning", f"Routings were judged on {items_evaluated} item(s) only.")
    if mae is not None and mae > thresholds.mae:
        severity = "critical" if mae > thresholds.critical_mae else "warning"
        alert(
            "HIGH_MAE",
            severity,
            f"Run times are {mae:.2f} min off on average; the limit is {thresholds.mae:g}.",
        )
    elif trim_mae is not None and trim_mae > thresholds.trim_mae:
        alert("HIGH_MAE", "warning", f"Trimmed MAE {trim_mae:.2f} min; the limit is {thresholds.trim_mae:g}.")
    match = values.get("process_match")
    if match is not None and match < thresholds.process_match:
        alert(
            "LOW_PROCESS_MATCH",
            "warning",
            f"{match:.1%} of operations found; the limit is {thresholds.process_match:.0%}.",
        )
    cv = values.get("run_cv")
    if cv is not None and cv > thresholds.cv:
        alert("HIGH_CV", "warning", f"Run-time errors vary: CV {cv:.2f}; the limit is {thresholds.cv:g}.")
    return found


# --- Markdown --------------------------------------------------------------------------------------------------------


def _head(report: EvaluationReport) -> list[str]:
    d = report.details
    asked = TITLES.get(str(d.get("split")), str(d.get("split")))
    lines = [f"# {asked}", ""]
    lines.append(
        f"{d.get('items_evaluated', 0):,} items judged, {d.get('items_trained', 0):,} trained on. Brackets: 95 % bootstrap "
        "interval of the model. Marks behind a baseline: **+** the model is better, **-** worse, each with a paired 95 % "
        "interval of the difference without 0 (resources and times on the operations that both have); = neither. A dash: "
        "not measured. Arrows: which way is better."
    )
    return [*lines, "", *[f"* {note}" for note in d.get("notes", [])], ""]


def _methods(report: EvaluationReport) -> list[str]:
    present = report.metrics["method"].unique().to_list()
    others = sorted(m for m in present if m not in (MODEL, ORACLE, CEILING) and not m.startswith(MINUS))
    return [MODEL, *others, *[m for m in (ORACLE, CEILING) if m in present]]


def _sections(report: EvaluationReport) -> list[str]:
    methods = _methods(report)
    rows = {
        (r["method"], r["metric"]): r for r in report.metrics.filter(pl.col("segment") == "all").to_dicts()
    }
    out: list[str] = []
    for title, names in SECTIONS:
        body = []
        for name in names:
            mine = rows.get((MODEL, name))
            if mine is None:
                continue
            cells = [number(mine["value"])]
            if mine["low"] is not None:
                cells[0] += f" [{number(mine['low'])}, {number(mine['high'])}]"
            for method in methods[1:]:
                row = rows.get((method, name))
                cells.append(
                    number(row["value"] if row else None)
                    + _mark(rows.get((MINUS + method, name)), mine, name)
                )
            reason = mine["reason"] or ""
            body.append([name + arrow(name), *cells, f"{mine['n']:,}", reason])
        out += table([title, *methods, "n", "remark"], body)
    return out


def _mark(delta: dict[str, Any] | None, mine: dict[str, Any], metric: str) -> str:
    if delta is None or delta["low"] is None or mine["value"] is None:
        return ""
    return MARKS[compared(metric, mine["value"], delta["low"], delta["high"])]


def _segments(report: EvaluationReport) -> list[str]:
    rows = report.metrics.filter((pl.col("method") == MODEL) & (pl.col("segment") != "all"))
    names = [n for n in SEGMENT_METRICS if n in rows["metric"].to_list()]
    if not names:
        return []
    body = []
    for segment in rows["segment"].unique(maintain_order=True).to_list():
        mine = {r["metric"]: r for r in rows.filter(pl.col("segment") == segment).to_dicts()}
        count = max(
            (r["n"] for n, r in mine.items() if n.endswith(("exact_at_1", "edit_similarity"))), default=0
        )
        body.append([segment, f"{count:,}", *[number(mine[n]["value"]) if n in mine else "–" for n in names]])
    return table(["Segment (model)", "items", *names], body)


def _confidence(report: EvaluationReport) -> list[str]:
    bins = [
        [
            f"{r['bin_low']:.2f}-{r['bin_high']:.2f}",
            f"{r['n']:,}",
            number(r["confidence"]),
            number(r["observed"]),
        ]
        for r in report.calibration.to_dicts()
    ]
    curve = [
        [f"{r['coverage']:.0%}", number(r["threshold"]), number(r["accuracy"])]
        for i, r in enumerate(report.coverage.to_dicts())
        if i % 2 == 1
    ]
    return [
        *table(["Confidence", "items", "mean confidence", "exact"], bins),
        *table(["Surest items accepted", "least confidence", "exact"], curve),
    ]


def _tail(report: EvaluationReport) -> list[str]:
    lines = [f"* {a['severity'].upper()} {a['code']}: {a['message']}" for a in report.alerts]
    seconds = report.details.get("seconds", {})
    if seconds:
        lines.append("* Seconds: " + ", ".join(f"{k} {v:.1f}" for k, v in seconds.items()))
    return lines
