"""Commands that do one step of the night on the newest run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from routing_etl.cli.common import FullOption, RunOption, console, step_context
from routing_etl.cli.root import app


@app.command()
def extract(
    run_id: Annotated[str | None, typer.Option("--run-id", help="Name of the new run.")] = None,
    full: FullOption = False,
) -> None:
    """Read and clean the ERP's tables into a new run folder."""
    from routing_etl.cli import display
    from routing_etl.pipeline import steps, street

    with step_context(street.EXTRACT, run_id) as ctx:
        extracted, cleaned = steps.extract(ctx, full=full), steps.clean(ctx, warehouse_needed=False)
    display.source_table(console(), extracted.result, cleaned.result)
    typer.echo(f"Run {ctx.run.run_id} in {ctx.run.path}")


@app.command()
def check(run_id: RunOption = None) -> None:
    """Check the cleaned frames of the newest run."""
    from routing_etl.cli import display
    from routing_etl.pipeline import steps, street

    with step_context(street.CHECK_SOURCE, run_id) as ctx:
        checked = steps.check_source(ctx)
        found = street.CHECK_SOURCE.outcomes_of(ctx.run)
    screen = console()
    display.check_table(screen, found)
    display.quality_score(screen, checked.result.score)


@app.command()
def times(run_id: RunOption = None) -> None:
    """Aggregate work results to time profiles."""
    from routing_etl.cli import display
    from routing_etl.pipeline import steps, street

    with step_context(street.AGGREGATE_TIMES, run_id) as ctx:
        aggregated = steps.aggregate_times(ctx)
    display.times_table(console(), aggregated.result)


@app.command()
def standards(
    run_id: RunOption = None,
    top: Annotated[int, typer.Option("--top", min=0, help="How many of the worst are shown.")] = 20,
) -> None:
    """Compare the ERP's standard times with what orders took; publish the review and show the worst."""
    from routing_etl.cli import display_upkeep
    from routing_etl.pipeline import steps, street
    from routing_etl.pipeline.review import worst_standards

    with step_context(street.REVIEW_STANDARDS, run_id) as ctx:
        reviewed = steps.review_standards(ctx)
        worst = worst_standards(ctx.run, top)
    display_upkeep.standards_table(console(), reviewed.result, worst)


@app.command()
def health(
    run_id: RunOption = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Copy the page, one HTML file that can be mailed, to here.")
    ] = None,
) -> None:
    """Say what is wrong with the ERP's data, by planner, family, plant and work centre: table, view and HTML page."""
    from routing_etl.cli import display_upkeep
    from routing_etl.pipeline import steps, street
    from routing_etl.pipeline.review import read_findings

    with step_context(street.CHECK_HEALTH, run_id) as ctx:
        checked = steps.check_health(ctx).result
        findings = read_findings(ctx.run)
    page = Path(checked.page)
    if out is not None:
        out.write_bytes(page.read_bytes())
    display_upkeep.health_table(console(), checked, findings, out or page)


@app.command()
def train(
    version: Annotated[
        str | None, typer.Option("--version", "--name", help="Version name; default: UTC time.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Train and evaluate, save nothing.")] = False,
    promote: Annotated[
        bool, typer.Option(help="Make it the champion unless it is significantly worse than the champion.")
    ] = True,
    run_id: RunOption = None,
) -> None:
    """Train, evaluate on held-out items, and save a model version."""
    from routing_etl.cli import display
    from routing_etl.pipeline import steps, street
    from routing_etl.pipeline.training import TrainingRequest

    with step_context(street.TRAIN, run_id) as ctx:
        trained = steps.train(ctx, TrainingRequest(version, dry_run=dry_run, promote=promote))
    display.train_result(console(), trained.result)


@app.command()
def evaluate(
    split: Annotated[str, typer.Option(help="time, family or loo (leave one out)")] = "time",
    max_items: Annotated[int, typer.Option(help="Most held-out items that are judged.")] = 5000,
    plots: Annotated[
        Path | None,
        typer.Option("--plots", help="Folder for PNGs: accuracy against coverage, calibration, times."),
    ] = None,
    run_id: RunOption = None,
) -> None:
    """Judge the method against the baselines on held-out items of the newest run; saves nothing to the registry."""
    from routing_etl.cli import display
    from routing_etl.pipeline import steps, street
    from routing_etl.pipeline.results import tables_of
    from routing_etl.plots import of_evaluation, save

    with step_context(street.EVALUATE, run_id) as ctx:
        evaluated = steps.evaluate(ctx, split=split, max_items=max_items).result
    display.metrics_table(console(), evaluated.metrics, evaluated.split)
    for file in save(of_evaluation(tables_of(evaluated)), plots) if plots is not None else ():
        typer.echo(f"Wrote {file}")


@app.command()
def score(
    version: Annotated[
        str | None, typer.Option("--version", help="Model version; default: the champion.")
    ] = None,
    run_id: RunOption = None,
) -> None:
    """Predict routings for every item without one, into the run folder."""
    from routing_etl.cli import display
    from routing_etl.pipeline import steps, street

    with step_context(street.SCORE, run_id) as ctx:
        scored = steps.score(ctx, version=version)
    display.score_table(console(), scored.result)


@app.command()
def publish(
    run_id: RunOption = None,
    again: Annotated[
        bool, typer.Option("--again", help="Publish predictions that were rolled back before, too.")
    ] = False,
) -> None:
    """Check the candidates, load them and make them the published batch."""
    from routing_etl.cli import display
    from routing_etl.pipeline import steps, street

    with step_context(street.CHECK_CANDIDATES, run_id) as ctx:
        published = steps.publish_run(ctx, again=again)
    display.publication_table(console(), published)
