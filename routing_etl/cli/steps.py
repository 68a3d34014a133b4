"""Commands that do one step of the night on the newest run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from routing_etl.cli.audit import audited
from routing_etl.cli.common import (
    FullOption,
    RunOption,
    UserOption,
    read_settings,
    showing_progress,
    step_context,
)
from routing_etl.cli.output import gives, output
from routing_etl.cli.root import app
from routing_etl.cli.streams import echo
from routing_etl.errors import ConfigurationError

if TYPE_CHECKING:
    from rich.console import Console

    from routing_etl.pipeline.context import Context


@app.command()
@gives("extract", "cli.shown:ReadShown")
def extract(
    run_id: Annotated[str | None, typer.Option("--run-id", help="Name of the new run.")] = None,
    full: FullOption = False,
) -> None:
    """Read and clean the ERP's tables into a new run folder."""
    from routing_etl.cli.display.source import source_table
    from routing_etl.cli.shown import ReadShown
    from routing_etl.pipeline import night, steps, street

    with step_context(street.EXTRACT, run_id) as ctx:
        night.take_number(ctx)
        extracted, cleaned = steps.extract(ctx, full=full), steps.clean(ctx, warehouse_needed=False)
    shown = ReadShown(ctx.run.run_id, str(ctx.run.path), extracted.result, cleaned.result)
    output().give(shown, lambda screen: source_table(screen, shown.extracted, shown.cleaned))
    if output().for_people:
        echo(f"Run {ctx.run.run_id} in {ctx.run.path}")


@app.command()
@gives("check", "cli.shown:CheckShown", table=True)
def check(run_id: RunOption = None) -> None:
    """Check the cleaned frames of the newest run."""
    from routing_etl.cli.display.source import check_table, quality_score
    from routing_etl.cli.shown import CheckShown, as_rows
    from routing_etl.pipeline import steps, street

    with step_context(street.CHECK_SOURCE, run_id) as ctx:
        checked = steps.check_source(ctx)
        found = street.CHECK_SOURCE.outcomes_of(ctx.run)

    def text(screen: Console) -> None:
        check_table(screen, found)
        quality_score(screen, checked.result.score)

    names = (
        "frame",
        "check",
        "severity",
        "success",
        "observed",
        "expected",
        "rows_checked",
        "rows_unexpected",
    )
    output().give(CheckShown(ctx.run.run_id, checked.result, found), text, lambda: as_rows(found, *names))


@app.command()
@gives("times", "times.profiles:TimesReport")
def times(run_id: RunOption = None) -> None:
    """Aggregate work results to time profiles."""
    from routing_etl.cli.display.times import times_table
    from routing_etl.pipeline import steps, street

    with step_context(street.AGGREGATE_TIMES, run_id) as ctx:
        aggregated = steps.aggregate_times(ctx)
    output().give(aggregated.result, lambda screen: times_table(screen, aggregated.result))


@app.command()
@gives("standards", "cli.shown:StandardsShown", table=True)
@audited("standards", "run_id")
def standards(
    run_id: RunOption = None,
    top: Annotated[int, typer.Option("--top", min=0, help="How many of the worst are shown.")] = 20,
) -> None:
    """Compare the ERP's standard times with what orders took; publish the review and show the worst."""
    from routing_etl.cli.display.times import standards_table
    from routing_etl.cli.shown import StandardsShown
    from routing_etl.pipeline import steps, street
    from routing_etl.pipeline.review import worst_standards

    with step_context(street.REVIEW_STANDARDS, run_id) as ctx:
        reviewed = steps.review_standards(ctx)
        worst = worst_standards(ctx.run, top)
    output().give(
        StandardsShown(ctx.run.run_id, reviewed.result, worst.to_dicts()),
        lambda screen: standards_table(screen, reviewed.result, worst),
        worst.to_dicts,
    )


@app.command()
@gives("health", "cli.shown:HealthShown", table=True)
@audited("health", "run_id")
def health(
    run_id: RunOption = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Copy the page, one HTML file that can be mailed, to here.")
    ] = None,
) -> None:
    """Say what is wrong with the ERP's data, by planner, family, plant and work centre: table, view and HTML page."""
    from routing_etl.cli.display.source import health_table
    from routing_etl.cli.shown import HealthShown
    from routing_etl.pipeline import steps, street
    from routing_etl.pipeline.review import read_findings

    with step_context(street.CHECK_HEALTH, run_id) as ctx:
        checked = steps.check_health(ctx).result
        findings = read_findings(ctx.run)
    page = Path(checked.page)
    if out is not None:
        out.write_bytes(page.read_bytes())
    output().give(
        HealthShown(checked, findings.to_dicts(), out or page),
        lambda screen: health_table(screen, checked, findings, out or page),
        findings.to_dicts,
    )


@app.command()
@gives("train", "pipeline.results:Trained")
@audited("train", "version")
def train(
    version: Annotated[
        str | None, typer.Option("--version", "--name", help="Version name; default: UTC time.")
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Train and evaluate, on a sample of a large plant, and save nothing."),
    ] = False,
    promote: Annotated[
        bool, typer.Option(help="Make it the champion unless something speaks against it.")
    ] = True,
    user: UserOption = "",
    run_id: RunOption = None,
    items: Annotated[
        Path | None,
        typer.Option(
            "--items", help="CSV or Parquet in place of the ERP's items, with the profile's columns."
        ),
    ] = None,
    operations: Annotated[Path | None, typer.Option("--operations", help="The same for routings.")] = None,
    results: Annotated[
        Path | None, typer.Option("--results", help="The same for work results, if any.")
    ] = None,
) -> None:
    """Train, evaluate on held-out items, and save a model version; on the newest run, or on files."""
    from routing_etl.cli.display.models import train_result
    from routing_etl.pipeline import night, steps, street
    from routing_etl.pipeline.persons import person
    from routing_etl.pipeline.review import examine_again
    from routing_etl.pipeline.training import TrainingRequest

    files = _files(items=items, operations=operations, results=results)
    prepared = _context_of_files(files) if files else step_context(street.TRAIN, run_id)
    with prepared as ctx, night.recorded_alone(ctx, "train"):
        by = person(ctx.settings, user)
        asked = TrainingRequest(
            version, dry_run=dry_run, promote=promote, requested_by=by, via="train", reason="asked for"
        )
        trained = steps.train(ctx, asked)
        examine_again(ctx, trained.result)
    output().give(trained.result, lambda screen: train_result(screen, trained.result))


def _files(**given: Path | None) -> dict[str, Path]:
    """The files that were named; items and operations belong together."""
    files = {name: file for name, file in given.items() if file is not None}
    if files and not {"items", "operations"} <= files.keys():
        raise ConfigurationError(
            f"Only {' and '.join(f'--{name}' for name in files)} is given.",
            remedy="Give --items and --operations, and --results where there are work results.",
        )
    return files


@contextmanager
def _context_of_files(files: dict[str, Path]) -> Iterator[Context]:
    """The files read, cleaned and checked, under the run lock."""
    from routing_etl import runs
    from routing_etl.pipeline.from_files import files_cleaned

    settings = read_settings()
    with (
        runs.run_lock(settings.home, "a training from files"),
        showing_progress() as progress,
        files_cleaned(settings, files, progress) as ctx,
    ):
        yield ctx


@app.command()
@gives("evaluate", "pipeline.results:Evaluated", table=True)
def evaluate(
    split: Annotated[
        str,
        typer.Option(
            help="recent (a part of the newest routings, learned from all others), time (the newest, learned from the older), "
            "family, type (whole part types) or loo (leave one out)"
        ),
    ] = "recent",
    max_items: Annotated[int, typer.Option(help="Most held-out items that are judged.")] = 5000,
    plots: Annotated[
        Path | None,
        typer.Option("--plots", help="Folder for PNGs: accuracy against coverage, calibration, times."),
    ] = None,
    run_id: RunOption = None,
) -> None:
    """Judge the method against the baselines on held-out items of the newest run; saves nothing to the registry."""
    from routing_etl.cli.display.models import losses_table, metrics_table
    from routing_etl.cli.shown import as_rows
    from routing_etl.pipeline import steps, street
    from routing_etl.pipeline.ahead import leave_one_out_ahead
    from routing_etl.pipeline.results import tables_of
    from routing_etl.plots import make_folder, of_evaluation, save

    if plots is not None:
        make_folder(plots)
    with step_context(street.EVALUATE, run_id) as ctx:
        if split == "loo":
            echo(leave_one_out_ahead(ctx, max_items), err=True)
        evaluated = steps.evaluate(ctx, split=split, max_items=max_items).result
    files = tuple(save(of_evaluation(tables_of(evaluated)), plots)) if plots is not None else ()

    def text(screen: Console) -> None:
        metrics_table(screen, evaluated.metrics, evaluated.split)
        losses_table(screen, evaluated.losses)
        for file in files:
            echo(f"Wrote {file}")

    names = ("method", "split", "segment", "metric", "value", "low", "high", "n", "reason")
    output().give(evaluated, text, lambda: as_rows(evaluated.metrics, *names))


@app.command()
@gives("score", "pipeline.results:Scored")
def score(
    version: Annotated[
        str | None, typer.Option("--version", help="Model version; default: the champion.")
    ] = None,
    run_id: RunOption = None,
    full: Annotated[
        bool,
        typer.Option(
            "--full",
            help="Ask the model for every item, even those that have not changed since an earlier run.",
        ),
    ] = False,
) -> None:
    """Predict routings for every item without one, into the run folder."""
    from routing_etl.cli.display.publications import score_table
    from routing_etl.pipeline import steps, street

    with step_context(street.SCORE, run_id) as ctx:
        scored = steps.score(ctx, version=version, full=full)
    output().give(scored.result, lambda screen: score_table(screen, scored.result))


@app.command()
@gives("publish", "pipeline.results:Published")
@audited("publish", "run_id")
def publish(
    run_id: RunOption = None,
    again: Annotated[
        bool,
        typer.Option(
            "--again",
            help="Publish predictions that were rolled back before or were read from the ERP before those in force, too.",
        ),
    ] = False,
) -> None:
    """Check the candidates, load them and make them the published batch."""
    from routing_etl.cli.display.publications import publication_table
    from routing_etl.pipeline import steps, street

    with step_context(street.CHECK_CANDIDATES, run_id) as ctx:
        published = steps.publish_run(ctx, again=again)
    output().give(published, lambda screen: publication_table(screen, published))


@app.command()
@gives("worklist", "pipeline.results:SheetsWritten")
def worklist(run_id: RunOption = None) -> None:
    """Write the worklist and a sheet per item into <home>/sheets: new items first, then the surest."""
    from routing_etl.cli.display.publications import sheets_written
    from routing_etl.errors import RunFolderError
    from routing_etl.pipeline import sheets, street

    with step_context(street.WRITE_SHEETS, run_id) as ctx:
        written = sheets.write_sheets(ctx).result
    if written.failed:
        raise RunFolderError(
            f"The sheets were {written.problem}.",
            remedy="Correct what it names, then run again: routing-etl worklist. The trace is in the log.",
        )
    output().give(written, lambda screen: sheets_written(screen, written))
