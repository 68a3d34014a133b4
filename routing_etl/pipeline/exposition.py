"""The figures for Prometheus, in its text format. What was not measured has no sample: it is no 0."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Sequence

    from routing_etl.pipeline.conditions import Facts
    from routing_etl.pipeline.status import Problem, Status

#: How a run can stand, each a label of `routing_etl_last_run`.
_STATES = ("running", "succeeded", "succeeded_with_warnings", "failed", "cancelled")
_EVALUATED = {
    "mae": ("run_time_error_seconds", "Mean absolute error of run times on held-out items, in seconds per piece."),
    "trim_mae": ("run_time_trimmed_error_seconds", "The same without the largest errors."),
    "cv": ("run_time_error_ratio", "Root mean square error of run times over their mean."),
    "process_match": ("operations_found_ratio", "Share of operations of held-out items that are found in order."),
    "sample_size": ("held_out_items", "Held-out items that the champion was judged on."),
    "sample_count": ("held_out_operations", "Held-out operations with an actual run time."),
}  # fmt: skip
_PRODUCTION = {
    "abstained_share": ("abstained_ratio", "Share of the items without a proposal in the published batch."),
    "predicted_share": ("predicted_ratio", "Share of the items with a proposal in the published batch."),
    "mean_confidence": ("confidence_mean", "Mean confidence of the first candidates."),
    "similarity_drift": ("similarity_drift_nats", "Drift of the similarity scores from the version's first batch."),
    "realised_exact_at_1": ("realised_exact_ratio", "Share of the items routed by hand since that got the first candidate."),
    "operations_with_time_share": ("operations_with_time_ratio", "Share of the predicted operations with a time."),
}  # fmt: skip


class _Page:
    """Gauges of one registry; a value that is None is left out."""

    def __init__(self) -> None:
        from prometheus_client import CollectorRegistry

        self.registry = CollectorRegistry(auto_describe=False)
        self._known: dict[str, Any] = {}

    def add(self, name: str, meaning: str, value: float | int | datetime | None, **labels: str) -> None:
        from prometheus_client import Gauge

        if value is None:
            return
        full = f"routing_etl_{name}"
        gauge = self._known.get(full)
        if gauge is None:
            gauge = self._known[full] = Gauge(full, meaning, list(labels), registry=self.registry)
        number = value.timestamp() if isinstance(value, datetime) else float(value)
        (gauge.labels(**labels) if labels else gauge).set(number)


def exposition(
    status: Status, facts: Facts, found: Sequence[Problem], nights: pl.DataFrame, production: pl.DataFrame
) -> str:
    """The page that Prometheus reads.

    Parameters
    ----------
    status : Status
        How it stands.
    facts : Facts
        What the rules look at.
    found : sequence of Problem
        What is worth telling.
    nights : polars.DataFrame
        View `batch_run_summary`, the newest first.
    production : polars.DataFrame
        View `published_by_night` of the newest run that measured.
    """
    from prometheus_client.exposition import generate_latest

    from routing_etl.pipeline.conditions import CODES

    page = _Page()
    page.add("ok", "1 if nothing is wrong by routing-etl status, else 0.", int(status.ok))
    page.add("written_timestamp_seconds", "When these figures were made.", status.at)
    _runs(page, status, nights)
    _model(page, status, facts)
    measured = dict(production.select("metric", "value").iter_rows()) if production.height else {}
    for metric, (name, meaning) in _PRODUCTION.items():
        page.add(name, meaning, measured.get(metric))
    meaning = "Items with a proposal that engineers routed in the last four weeks, by what they did."
    page.add("proposals_decided", meaning, facts.taken_over, result="taken_over")
    page.add("proposals_decided", meaning, facts.with_proposal - facts.taken_over, result="not_taken_over")
    open_codes = {p.code for p in found}
    for code in CODES:
        meaning = "1 for an alert that is open, else 0 (routing-etl alerts says what it means)."
        page.add("alert", meaning, int(code in open_codes), code=code)
    for severity in ("critical", "warning"):
        count = sum(p.severity == severity for p in found)
        page.add("alerts_open", "Open alerts, by how urgent they are.", count, severity=severity)
    return generate_latest(page.registry).decode("utf-8")


def _runs(page: _Page, status: Status, nights: pl.DataFrame) -> None:
    last, success = status.last_run, status.last_success
    if last is not None:
        for state in _STATES:
            page.add(
                "last_run", "How the last run stands: 1 for its state.", int(last.state == state), state=state
            )
        page.add("last_run_start_timestamp_seconds", "When the last run began.", last.started_at)
        page.add("last_run_end_timestamp_seconds", "When the last run ended.", last.finished_at)
    if success is not None:
        page.add(
            "last_success_timestamp_seconds", "When the last run that succeeded ended.", success.finished_at
        )
    night = nights.filter(pl.col("kind") != "train").head(1).to_dicts() if nights.height else []
    for row in night:
        page.add("last_run_duration_seconds", "How long the last run took.", row["seconds"])
        for kind in ("read", "written", "rejected"):
            page.add(
                "last_run_rows",
                "Rows of the last run: read, written, rejected.",
                row[f"rows_{kind}"],
                kind=kind,
            )
        for kind in ("critical", "warning"):
            column = "critical_failed" if kind == "critical" else "warnings_failed"
            page.add(
                "last_run_failed_checks",
                "Checks of the last run that did not pass.",
                row[column],
                severity=kind,
            )
    shown = status.publication
    if shown is not None:
        page.add("publication_id", "Number of the publication that readers see.", shown.publication_id)
        page.add("publication_timestamp_seconds", "When it was published.", shown.published_at)
        page.add("publication_candidates", "Candidates in it.", shown.candidates)


def _model(page: _Page, status: Status, facts: Facts) -> None:
    model = status.model
    if model is None:
        return
    page.add("champion_info", "The version that predicts.", 1, version=model.version)
    page.add("champion_trained_timestamp_seconds", "When it was trained.", model.trained_at)
    page.add("champion_due_timestamp_seconds", "When the next training is due.", model.due_at)
    meaning = "Exact match of the first candidate on held-out items, with its 95 % interval."
    for bound, value in (("value", model.exact_match), ("low", model.low), ("high", model.high)):
        page.add("champion_exact_match_ratio", meaning, value, bound=bound)
    if facts.cycle is not None:
        for field, (name, meaning) in _EVALUATED.items():
            value = getattr(facts.cycle, field)
            page.add(name, meaning, value * 60 if value is not None and name.endswith("_seconds") else value)
