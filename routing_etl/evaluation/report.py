"""The result of an evaluation, its JSON form, and its Markdown."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from routing_etl import safe_text
from routing_etl.evaluation.alerts import Alert
from routing_etl.evaluation.confidence_metrics import CALIBRATION, COVERAGE
from routing_etl.evaluation.details import EvaluationDetails, LegacyScores, Loss
from routing_etl.evaluation.glossary import arrow, outcome
from routing_etl.evaluation.markdown import MARKS, number, table
from routing_etl.evaluation.metric_table import (
    ALL,
    MODEL,
    MetricRow,
    MetricTable,
    metrics_frame,
)
from routing_etl.evaluation.paired import HELD_OUT
from routing_etl.evaluation.sections import SECTIONS, TITLES
from routing_etl.evaluation.time_metrics import TIME_SAMPLE

#: Metrics shown by segment.
BY_SEGMENT = (
    "expected_exact_at_1_share", "expected_exact_at_1", "exact_at_1", "exact_at_4", "operation_f1", "edit_similarity",
    "resource_top1", "run_wape", "ece",
)  # fmt: skip


@dataclass(frozen=True)
class EvaluationTables:
    """The tables of an evaluation that a step report and `metrics.json` hold and that plots are drawn from.

    Attributes
    ----------
    metrics : polars.DataFrame
        METRICS frame: one row per method, segment and metric; differences have the method `model_minus_<baseline>`.
    calibration : polars.DataFrame
        bin_low, bin_high, n, confidence, observed of the model's first candidates.
    coverage : polars.DataFrame
        coverage, threshold, accuracy of the model.
    time_sample : polars.DataFrame
        measure ('run' in minutes per piece, 'setup' in minutes per order), predicted and actual of a few hundred held-out
        operations.
    """

    metrics: pl.DataFrame
    calibration: pl.DataFrame
    coverage: pl.DataFrame
    time_sample: pl.DataFrame

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> EvaluationTables:
        """Read the tables of a step report or of `metrics.json`.

        Parameters
        ----------
        content : mapping
            Parsed JSON with the keys metrics, calibration, coverage, time_sample. A table that is missing (`metrics.json`
            keeps no time sample) is empty.

        Returns
        -------
        EvaluationTables
            The tables with their column types.

        Raises
        ------
        FrameError
            A METRICS row lacks a value that the contract asks for.
        """
        return EvaluationTables(
            metrics_frame(content.get("metrics") or []),
            pl.DataFrame(content.get("calibration") or [], schema=CALIBRATION),
            pl.DataFrame(content.get("coverage") or [], schema=COVERAGE),
            pl.DataFrame(content.get("time_sample") or [], schema=TIME_SAMPLE),
        )

    @property
    def table(self) -> MetricTable:
        """The METRICS rows with look-ups."""
        return MetricTable.of(self.metrics)

    def value(self, metric: str, *, method: str = MODEL, segment: str = ALL) -> float | None:
        """One value; None when it was not measured or does not exist."""
        found = self.metrics.filter(
            (pl.col("method") == method) & (pl.col("segment") == segment) & (pl.col("metric") == metric)
        )["value"]
        return found.item() if found.len() == 1 else None


@dataclass(frozen=True)
class Since:
    """The version that predicts now beside the evaluated method, on routings that neither has learned from.

    Attributes
    ----------
    version : str
        Name of the version that predicts now.
    items : polars.Series
        Keys of the judged items.
    items_trained, deployed_trained : int
        Routed items that the evaluated model, and that version, learned from.
    metrics : polars.DataFrame
        METRICS frame of the split 'since': methods 'model', 'champion' and their difference.
    """

    version: str
    items: pl.Series
    items_trained: int
    deployed_trained: int
    metrics: pl.DataFrame


@dataclass(frozen=True)
class EvaluationReport(EvaluationTables):
    """What an evaluation found.

    Attributes
    ----------
    legacy : LegacyScores or None
        The replaced system's scores. None when nothing was measured.
    details : EvaluationDetails
        Split, sizes, seconds per method, notes.
    alerts : tuple of Alert
        What a person should look at.
    losses : tuple of Loss
        What was wrong: kinds, jobs, columns that want filling.
    held_out : polars.DataFrame
        What each judged item adds to the paired metrics (`paired.HELD_OUT`), to pair this version with another on the same
        items. Not part of `as_dict`: a version keeps it in a file of its own.
    since : Since or None
        The version that predicts now beside this method. None where there is none, or too little was written since it had learned.
    """

    legacy: LegacyScores | None
    details: EvaluationDetails
    alerts: tuple[Alert, ...] = ()
    losses: tuple[Loss, ...] = ()
    held_out: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=HELD_OUT))
    since: Since | None = None

    def as_dict(self) -> dict[str, Any]:
        """Everything but `held_out` and `since` as plain lists and dictionaries: what step reports and `metrics.json` are made of."""
        return {
            "split": self.details.split,
            "metrics": self.metrics.to_dicts(),
            "legacy": {} if self.legacy is None else dataclasses.asdict(self.legacy),
            "calibration": self.calibration.to_dicts(),
            "coverage": self.coverage.to_dicts(),
            "time_sample": self.time_sample.to_dicts(),
            "alerts": [dataclasses.asdict(alert) for alert in self.alerts],
            "evaluation": self.details.as_dict(),
            "losses": [dataclasses.asdict(loss) for loss in self.losses],
        }

    def to_markdown(self) -> str:
        """The report for people: metrics beside the baselines and the ceiling, segments, calibration, alerts."""
        found = self.table
        lines = [
            *_head(self),
            *_sections(found),
            *_segments(found),
            *_confidence(self),
            *_losses(self),
            *_tail(self),
        ]
        return "\n".join(lines) + "\n"


# --- Markdown --------------------------------------------------------------------------------------------------------


def _head(report: EvaluationReport) -> list[str]:
    d = report.details
    lines = [f"# {TITLES.get(d.split, d.split)}", ""]
    lines.append(
        f"{d.items_evaluated:,} items judged, {d.items_trained:,} trained on. Brackets: 95 % bootstrap interval of the model. "
        "Marks behind a baseline: **+** the model is significantly better, **-** significantly worse (the paired 95 % interval "
        "of the difference excludes 0; resources and times on the operations that both have), = neither. A dash: not measured. "
        "Arrows: which way is better."
    )
    return [*lines, "", *[f"* {safe_text.markdown(note)}" for note in d.notes], ""]


def _sections(found: MetricTable) -> list[str]:
    others = found.others()
    out: list[str] = []
    for title, names in SECTIONS:
        body = []
        for name in names:
            mine = found.get(name)
            if mine is None:
                continue
            cells = [number(mine.value)]
            if mine.low is not None:
                cells[0] += f" [{number(mine.low)}, {number(mine.high)}]"
            for method in others:
                row = found.get(name, method=method)
                cells.append(number(row.value if row else None) + _mark(found.difference(name, method), mine))
            body.append([name + arrow(name), *cells, f"{mine.n:,}", safe_text.markdown(mine.reason or "")])
        out += table([title, MODEL, *others, "n", "remark"], body)
    return out


def _mark(delta: MetricRow | None, mine: MetricRow) -> str:
    if delta is None or delta.low is None or delta.high is None or mine.value is None:
        return ""
    return MARKS[outcome(mine.metric, mine.value, delta.low, delta.high)]


def _segments(found: MetricTable) -> list[str]:
    mine = [r for r in found if r.method == MODEL and r.segment != ALL]
    names = [n for n in BY_SEGMENT if n in {r.metric for r in mine}]
    if not names:
        return []
    body = []
    for segment in dict.fromkeys(r.segment for r in mine):
        own = {r.metric: r for r in mine if r.segment == segment}
        counted = [r.n for n, r in own.items() if n.endswith(("exact_at_1", "edit_similarity"))]
        values = [number(own[n].value) if n in own else "–" for n in names]
        body.append([safe_text.markdown(segment), f"{max(counted, default=0):,}", *values])
    return table(["Segment (model)", "items", *names], body)


def _confidence(report: EvaluationReport) -> list[str]:
    bins = [
        [f"{low:.2f}-{high:.2f}", f"{n:,}", number(confidence), number(observed)]
        for low, high, n, confidence, observed in report.calibration.select(list(CALIBRATION)).iter_rows()
    ]
    curve = [
        [f"{share:.0%}", number(threshold), number(accuracy)]
        for share, threshold, accuracy in report.coverage.select(list(COVERAGE))
        .gather_every(2, 1)
        .iter_rows()
    ]
    return [
        *table(["Confidence", "items", "mean confidence", "exact"], bins),
        *table(["Surest items accepted", "least confidence", "exact"], curve),
    ]


def _losses(report: EvaluationReport) -> list[str]:
    body = [
        [
            loss.kind,
            safe_text.markdown(loss.what),
            f"{loss.items:,}",
            f"{loss.share:.0%}",
            safe_text.markdown(loss.told),
        ]
        for loss in report.losses
    ]
    return table(["What was wrong", "job or column", "items", "of all that were wrong", "remark"], body)


def _tail(report: EvaluationReport) -> list[str]:
    lines = [f"* {a.severity.upper()} {a.code}: {safe_text.markdown(a.message)}" for a in report.alerts]
    seconds = report.details.seconds
    if seconds:
        lines.append("* Seconds: " + ", ".join(f"{k} {v:.1f}" for k, v in seconds.items()))
    return lines
