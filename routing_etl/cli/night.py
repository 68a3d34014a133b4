"""Commands that do everything at once: demo plant, sample ERP, the night."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from routing_etl.cli.audit import audited
from routing_etl.cli.common import read_settings, showing_progress
from routing_etl.cli.dagster_ui import tell_dagster
from routing_etl.cli.output import console, gives, output
from routing_etl.cli.root import app
from routing_etl.cli.streams import echo

if TYPE_CHECKING:
    from rich.console import Console


_GRAMMAR = (
    "How planners decide: plain (rules of families), wide (also notes that hold across the plant, sizes in texts, new types, "
    "machines by load), or drawn:SEED (a wide one with every setting drawn)."
)


@app.command()
@gives("demo", "cli.shown:NightShown")
@audited("demo", "home")
def demo(
    items: Annotated[int, typer.Option("--items", help="Size of the plant: 200 to 325,000 items.")] = 5000,
    seed: Annotated[int, typer.Option("--seed", help="Another seed is another plant with other rules.")] = 42,
    grammar: Annotated[str, typer.Option("--grammar", help=_GRAMMAR)] = "plain",
    home: Annotated[
        Path | None, typer.Option("--home", help="Folder for everything; default .routing_etl")
    ] = None,
) -> None:
    """Make a realistic plant in a SQLite ERP, run the whole night on it, and show what came out."""
    from routing_etl.cli.display.night import demo_header, demo_result
    from routing_etl.cli.shown import night_of
    from routing_etl.pipeline import demo as demos
    from routing_etl.pipeline.one_item import example_prediction

    folder = home or Path(".routing_etl")
    settings = read_settings(home=folder, models=folder / "models", **demos.demo_urls(folder))
    if output().for_people:
        demo_header(console(), items, seed, settings)
    with showing_progress() as progress:
        result = demos.demo(settings, items=items, seed=seed, grammar=grammar, progress=progress)
    tell_dagster(settings)

    def text(screen: Console) -> None:
        demo_result(screen, settings, result, example_prediction(settings, result.run))

    output().give(night_of(result.run), text)


@app.command()
@gives("plant", "plant.demo:PlantReport")
def plant(
    items: Annotated[int, typer.Option("--items", help="200 to 325,000 items.")] = 5000,
    seed: Annotated[int, typer.Option("--seed")] = 42,
    grammar: Annotated[str, typer.Option("--grammar", help=_GRAMMAR)] = "plain",
    url: Annotated[
        str | None, typer.Option("--url", help="SQLAlchemy URL; default: ROUTING_ETL_ERP_URL")
    ] = None,
) -> None:
    """Write only the demo plant into a database. Refuses to touch tables that are not a demo plant's."""
    from routing_etl.cli.display.source import plant_table
    from routing_etl.pipeline.demo import write_demo_plant

    settings = read_settings()
    with showing_progress() as progress:
        report = write_demo_plant(
            settings, url or settings.erp, items=items, seed=seed, grammar=grammar, progress=progress
        )
    output().give(report, lambda screen: plant_table(screen, report))


@app.command("load-adventureworks")
def load_adventureworks(
    folder: Annotated[Path, typer.Argument(help="Folder of the AdventureWorks CSV files.")],
    url: Annotated[
        str | None, typer.Option("--url", help="SQLAlchemy URL; default: ROUTING_ETL_ERP_URL")
    ] = None,
) -> None:
    """Write Microsoft's sample ERP from CSV files into a database, under SQL Server's own names."""
    from routing_etl.pipeline import demo as demos

    demos.load_adventureworks(folder, url or read_settings().erp)
    echo("Loaded. Use it with ROUTING_ETL_PROFILE=adventureworks.")


@app.command()
@gives("run", "cli.shown:NightShown")
@audited("run", "run_id")
def run(
    run_id: Annotated[
        str | None, typer.Option("--run-id", help="Name of the run; default: its UTC time.")
    ] = None,
    retrain: Annotated[
        bool, typer.Option("--retrain", help="Train a new model even if none is due.")
    ] = False,
    full: Annotated[
        bool,
        typer.Option(
            "--full",
            help="Read every row, even where the profile lets changes be read alone, and score every item, changed or not.",
        ),
    ] = False,
) -> None:
    """The night: extract, clean, check, times, standards, health, train when due, score, check candidates, load, publish, measure, sheets."""
    from routing_etl.cli.display.night import night_result
    from routing_etl.cli.shown import night_of
    from routing_etl.pipeline import night

    settings = read_settings()
    with showing_progress() as progress:
        try:
            result = night.night(settings, progress=progress, run_id=run_id, retrain=retrain, full=full)
        finally:
            tell_dagster(settings)
    output().give(night_of(result), lambda screen: night_result(screen, result))
