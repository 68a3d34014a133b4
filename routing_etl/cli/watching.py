"""Commands for who watches it: metrics, alerts, the weekly report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from routing_etl.cli.common import read_settings
from routing_etl.cli.exit_codes import CHECKS
from routing_etl.cli.output import gives, output
from routing_etl.cli.root import app
from routing_etl.cli.streams import echo

if TYPE_CHECKING:
    from rich.console import Console


@app.command()
def metrics(
    write: Annotated[
        bool, typer.Option("--write", help="Write <home>/metrics/routing_etl.prom, as each night does.")
    ] = False,
) -> None:
    """Figures for Prometheus in its text format: runs, publication, model, acceptance, alerts."""
    from routing_etl.pipeline.watch import metrics_text, watched, write_metrics

    settings = read_settings()
    found = watched(settings)
    if write:
        echo(f"Wrote {write_metrics(settings, found)}")
        return
    echo(metrics_text(found), nl=False)


@app.command()
@gives("alerts", "pipeline.status:Problem", many=True, table=True)
def alerts(
    tell: Annotated[
        bool,
        typer.Option(
            "--tell", help="Send what is new and what is over, by file, webhook and e-mail; for a scheduler."
        ),
    ] = False,
) -> None:
    """What is worth telling now, with what to do; exit code 5 if anything is."""
    from routing_etl.cli.display.operation import alert_lines
    from routing_etl.cli.shown import as_rows
    from routing_etl.pipeline.telling import tell as send
    from routing_etl.pipeline.watch import watched

    settings = read_settings()
    found = watched(settings).open
    told = send(settings, found) if tell else None

    def show(screen: Console) -> None:
        alert_lines(screen, found)
        if told is not None:
            echo(f"Told: {len(told.new)} new, {len(told.recovered)} over.")

    output().give(found, show, lambda: as_rows(found, "code", "severity", "message", "remedy", "about"))
    if found:
        raise typer.Exit(CHECKS)


@app.command()
@gives("report", "cli.shown:FileShown")
def report(
    out: Annotated[
        Path | None, typer.Option("--out", help="The file; default: <home>/reports/week-YEAR-WEEK.html")
    ] = None,
    mail: Annotated[
        bool, typer.Option("--mail", help="Send it to ROUTING_ETL_REPORT_EMAIL_TO as well.")
    ] = False,
) -> None:
    """The weekly report as one HTML page with plots: quality, acceptance, drift, nights, families, what to do."""
    from routing_etl.cli.shown import FileShown
    from routing_etl.pipeline.weekly import write_report

    file = write_report(read_settings(), out, mail=mail)
    output().give(FileShown(file), lambda _: echo(f"Wrote {file}"))


@app.command()
@gives("drill", "pipeline.drill:Drill")
def drill(
    restored_url: Annotated[
        str | None,
        typer.Option(
            "--restored-url",
            help="Where a backup of our tables was restored; default: a copy is made (SQLite).",
        ),
    ] = None,
    restored_models: Annotated[
        Path | None,
        typer.Option(
            "--restored-models", help="Where a backup of the registry was restored; default: a copy."
        ),
    ] = None,
) -> None:
    """Prove that a backup can be worked with: rows, views, champion with its hashes, how long it took; exit code 5 if not."""
    from routing_etl.cli.display.operation import drill_lines
    from routing_etl.pipeline.drill import drill as proven

    found = proven(read_settings(), restored_url, restored_models)
    output().give(found, lambda screen: drill_lines(screen, found))
    if not found.ok:
        raise typer.Exit(CHECKS)
