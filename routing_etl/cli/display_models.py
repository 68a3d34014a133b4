"""What the command line shows of the decisions about model versions, and of two versions side by side. Computes nothing."""

from __future__ import annotations

from rich.console import Console

from routing_etl.cli.display import _number, _safe, _table
from routing_etl.errors import RoutingEtlError
from routing_etl.evaluation.metric_table import ALL
from routing_etl.pipeline.champion import decisions_of, pin_of
from routing_etl.pipeline.recipe import VersionsCompared
from routing_etl.settings import Settings


def decisions(
    console: Console, settings: Settings, version: str | None = None, *, most: int | None = None
) -> None:
    """The pin in force, and decisions, newest first.

    Parameters
    ----------
    console : Console
        Where they are shown.
    settings : Settings
        Of the installation.
    version : str, optional
        Name of the version that they are about. None: all versions.
    most : int, optional
        How many are shown. None: all.
    """
    try:
        found, pin = decisions_of(settings, version), pin_of(settings)
    except RoutingEtlError as exc:
        console.print(f"[red]The decisions on record cannot be read:[/] {_safe(exc)}")
        return
    if pin is not None:
        console.print(
            f"[yellow]Pinned:[/] {_safe(pin.made.version)} by {_safe(pin.made.by)} since {pin.decided_at:%Y-%m-%d}"
            f" ({_safe(pin.made.reason)})"
        )
    table = _table(
        "Decisions", "when (UTC)", "decision", "version", "by", "exact match", "champion had", "why", right=9
    )
    for row in found[:most]:
        headline = next((f for f in row.made.figures if f.metric == "exact_at_1" and f.segment == ALL), None)
        table.add_row(
            f"{row.decided_at:%Y-%m-%d %H:%M}",
            row.made.decision,
            _safe(row.made.version),
            _safe(row.made.by),
            _number(headline.value if headline else None),
            _number(headline.champion_value if headline else None),
            _safe(row.made.reason),
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
    left, right = _safe(found.version), _safe(found.other)
    console.print(
        f"Recipe of {left} beside that of {right}: {_safe(', '.join(found.recipe))}."
        if found.recipe
        else f"{left} and {right} have the same recipe; their data differ."
    )
    table = _table("Metrics", "metric", left, right, "n", "n", right=1)
    for row in found.metrics:
        table.add_row(
            row.metric, _number(row.value), _number(row.other_value), _number(row.n), _number(row.other_n)
        )
    console.print(table)
    console.print(
        "Each was measured on its own held-out items, so that these values do not tell which version is better. "
        "What was compared on the same items: routing-etl models card NAME, section Decisions."
    )
