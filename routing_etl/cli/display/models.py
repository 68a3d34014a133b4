"""Model versions: how good they are, what a training made, what was decided about them, and two of them side by side.

Belongs here: what is shown of the registry, of metrics and of decisions. Does not: what a version predicts
(`prediction`, `publications`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from rich.console import Console

from routing_etl.cli.display.parts import new_table, number, safe
from routing_etl.errors import RoutingEtlError
from routing_etl.evaluation.metric_table import ALL
from routing_etl.pipeline.champion import decisions_of, pin_of
from routing_etl.pipeline.versions import metrics_of

if TYPE_CHECKING:
    from routing_etl.cli.shown import ModelShown
    from routing_etl.evaluation.details import Loss
    from routing_etl.evaluation.metric_table import MetricRow
    from routing_etl.pipeline.recipe import VersionsCompared
    from routing_etl.pipeline.results import Trained
    from routing_etl.registry.versions import VersionDetails
    from routing_etl.settings import Settings

#: The metrics that are shown, in this order, with their labels.
_SHOWN = (
    ("exact_at_1", "exact sequence, first candidate"),
    ("exact_at_4", "exact sequence among four"),
    ("operation_f1", "operation set F1"),
    ("edit_similarity", "edit similarity"),
    ("resource_top1", "resource, first choice"),
    ("accuracy", "operation accuracy"),
    ("f1_weighted", "operation F1, weighted"),
    ("run_wape", "run time error (WAPE)"),
    ("setup_wape", "set-up error (WAPE)"),
    ("run_report_coverage", "reports inside P10-P90 (aim 0.80)"),
    ("ece", "calibration error (ECE)"),
)
#: The methods that are shown beside each other, with their labels.
_METHODS = (
    ("model", "model"),
    ("nearest_copy", "nearest copy"),
    ("majority_part_type", "part-type majority"),
    ("legacy", "legacy"),
)


def metrics_table(console: Console, metrics: Iterable[MetricRow], split: str) -> None:
    """Held-out metrics of the model beside the baselines, overall."""
    rows = [r for r in metrics if r.segment == "all"]
    by_method = {(r.method, r.metric): r for r in rows}
    told = {
        "family": "item families",
        "recent": "a part of the newest routings",
        "time": "the newest routings",
        "loo": "one item at a time",
        "type": "part types",
    }
    held_out = max((r.n for r in rows if r.of_model and r.metric == "exact_at_1"), default=0)
    table = new_table(
        f"Metrics on {held_out:,} items (held out: {told.get(split, split)})",
        "metric", *(label for _, label in _METHODS), "95 % interval of the model",
    )  # fmt: skip
    for metric, label in _SHOWN:
        own = by_method.get(("model", metric))
        if own is None:
            continue
        interval = "-" if own.low is None else f"{own.low:.3f} to {own.high:.3f}"
        found = (by_method.get((method, metric)) for method, _ in _METHODS)
        table.add_row(label, *(number(r.value if r is not None else None) for r in found), interval)
    console.print(table)
    shown = {metric for metric, _ in _SHOWN}
    unmeasured = [r for r in rows if r.of_model and r.value is None and r.metric in shown]
    for reason in sorted({f"{r.metric}: {r.reason}" for r in unmeasured}):
        console.print(f"[yellow]not measured[/] {safe(reason)}")


def losses_table(console: Console, losses: Iterable[Loss]) -> None:
    """What was wrong: kinds, jobs, and columns that want filling."""
    table = new_table(
        "What was wrong (an item can be in several lines)",
        "kind",
        "job or column",
        "items",
        "of all wrong",
        "remark",
    )
    for loss in losses:
        table.add_row(loss.kind, safe(loss.what), number(loss.items), f"{loss.share:.0%}", safe(loss.told))
    if table.row_count:
        console.print(table)


def train_result(console: Console, trained: Trained) -> None:
    """Metrics, where the version went and whether it is the champion."""
    metrics_table(console, trained.metrics, trained.split)
    if trained.dry_run:
        drawn = (
            ""
            if trained.sampled_from is None
            else f" drawn from {trained.sampled_from:,}, so the figures are of a sample,"
        )
        console.print(
            f"Dry run: nothing was saved. Fitted on {trained.training_samples:,} items{drawn} in {trained.training_duration_sec:.1f} s."
        )
        return
    console.print(
        f"Model [bold]{safe(trained.version)}[/]: {trained.training_samples:,} routed items, "
        f"fitted in {trained.training_duration_sec:.1f} s. "
        + ("It is the champion" if trained.promoted else "Not promoted")
        + safe(f" ({trained.promotion_reason}).")
    )


def models_table(console: Console, versions: Iterable[ModelShown]) -> None:
    """All versions with status, alias and headline metrics."""
    table = new_table(
        "Model versions", "version", "status", "alias", "created", "exact match", "F1 weighted", "MB", right=4
    )
    for version in versions:
        table.add_row(
            safe(version.name), f"[red]{safe(version.problem)}[/]" if version.problem else version.status,
            ", ".join(version.aliases), version.created_at[:19], number(version.exact_match), number(version.f1_weighted),
            number(version.bytes / 1e6, 1),
        )  # fmt: skip
    console.print(table if table.row_count else "No model yet. Train one: routing-etl train")


def model_details(console: Console, details: VersionDetails) -> None:
    """One version in full."""
    facts = new_table(f"Model {details.info.name}", "what", "value", right=9)
    for name, value in {
        "status": details.info.status,
        "created": details.info.created_at,
        "folder": details.info.path,
        "trained on": f"{details.metrics.get('training_samples')} routed items",
        "training": f"{number(details.metrics.get('training_duration_sec'), 1)} s",
        "profile": details.metadata.get("profile"),
        "run": details.metadata.get("run_id"),
        "made with": ", ".join(f"{k} {v}" for k, v in details.runtime_versions.items()),
        "attributes": ", ".join(details.attributes),
    }.items():
        facts.add_row(name, safe(value))
    console.print(facts)
    metrics = metrics_of(details)
    if metrics:
        metrics_table(console, metrics, metrics[0].split)
    console.print(
        f"The whole story, by segment and with its limits: routing-etl models card {details.info.name}"
    )
    files = new_table("Artifacts", "file", "bytes", "sha256")
    for artifact in details.artifacts:
        files.add_row(artifact.path, number(artifact.bytes), artifact.sha256)
    console.print(files)


def decisions(console: Console, settings: Settings, *versions: str, most: int | None = None) -> None:
    """The pin in force, and decisions, newest first.

    Parameters
    ----------
    console : Console
        Where they are shown.
    settings : Settings
        Of the installation.
    *versions : str
        Names of the versions that they are about. None named: all.
    most : int, optional
        How many are shown. None: all.
    """
    try:
        found, pin = decisions_of(settings), pin_of(settings)
    except RoutingEtlError as exc:
        console.print(f"[red]The decisions on record cannot be read:[/] {safe(exc)}")
        return
    if pin is not None:
        console.print(
            f"[yellow]Pinned:[/] {safe(pin.made.version)} by {safe(pin.made.by)} since {pin.decided_at:%Y-%m-%d}"
            f" ({safe(pin.made.reason)})"
        )
    table = new_table(
        "Decisions", "when (UTC)", "decision", "version", "by", "exact match", "champion had", "why", right=9
    )
    for row in [r for r in found if not versions or r.made.version in versions][:most]:
        headline = next((f for f in row.made.figures if f.metric == "exact_at_1" and f.segment == ALL), None)
        table.add_row(
            f"{row.decided_at:%Y-%m-%d %H:%M}",
            row.made.decision,
            safe(row.made.version),
            safe(row.made.by),
            number(headline.value if headline else None),
            number(headline.champion_value if headline else None),
            safe(row.made.reason),
        )
    console.print(table if table.row_count else "No decision is on record.")


def difference(console: Console, found: VersionsCompared) -> None:
    """Two versions side by side.

    Parameters
    ----------
    console : Console
        Where they are shown.
    found : VersionsCompared
        The two.
    """
    left, right = safe(found.version), safe(found.other)
    console.print(
        f"Recipe of {left} beside that of {right}: {safe(', '.join(found.recipe))}."
        if found.recipe
        else f"{left} and {right} have the same recipe; their data differ."
    )
    table = new_table("Metrics", "metric", left, right, "n", "n", right=1)
    for row in found.metrics:
        table.add_row(
            row.metric, number(row.value), number(row.other_value), number(row.n), number(row.other_n)
        )
    console.print(table)
    console.print(
        "Each was measured on its own held-out items, so that these values do not tell which version is better. "
        "What was compared on the same items: routing-etl models card NAME, section Decisions."
    )
