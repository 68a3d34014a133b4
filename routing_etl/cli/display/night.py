"""A whole night and the demo: everything that they made, in the order of the steps.

Belongs here: which parts a night shows, from its run folder. Does not: how a part looks (the module of its subject).
"""

from __future__ import annotations

import shutil
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from routing_etl.cli.display.models import train_result
from routing_etl.cli.display.parts import new_table, number, safe
from routing_etl.cli.display.prediction import prediction_details
from routing_etl.cli.display.publications import publication_table, score_table, sheets_written
from routing_etl.cli.display.source import check_table, plant_table, source_table
from routing_etl.cli.display.times import times_table
from routing_etl.pipeline import street
from routing_etl.pipeline.learning_faults import TRAINING_FAILED
from routing_etl.pipeline.night import NOTHING_TO_PREDICT
from routing_etl.pipeline.sweep import SWEPT

if TYPE_CHECKING:
    from routing_etl.pipeline.demo import DemoResult
    from routing_etl.pipeline.one_item import Prediction
    from routing_etl.runs import RunFolder
    from routing_etl.settings import Settings


def demo_header(console: Console, items: int, seed: int, settings: Settings) -> None:
    """What is about to happen."""
    console.print(
        f"A plant of {items:,} items (seed {seed}) goes into [bold]{safe(settings.home)}/erp.db[/]; then the whole night runs on it: "
        f"{', '.join(step.title for step in street.NIGHT)}."
    )


def night_result(console: Console, run: RunFolder) -> None:
    """All tables of a finished night."""
    extracted, cleaned = run.read(street.EXTRACT.report), run.read(street.CLEAN.report)
    aggregated, trained = run.read(street.AGGREGATE_TIMES.report), run.read(street.TRAIN.report)
    scored, published = run.read(street.SCORE.report), run.read(street.PUBLISH.report)
    swept = run.read(SWEPT)
    for sentence in swept.sentences if swept else ():
        console.print(f"[yellow]Left by an earlier crash:[/] {safe(sentence)}.")
    if extracted and cleaned:
        source_table(console, extracted.result, cleaned.result)
    check_table(console, [o for step in street.NIGHT for o in step.outcomes_of(run)])
    if aggregated:
        times_table(console, aggregated.result)
    if trained:
        train_result(console, trained.result)
    failed = run.read(TRAINING_FAILED)
    if failed:
        console.print(f"[red]{safe(failed.sentence)}[/]")
    if scored:
        score_table(console, scored.result)
    if published:
        publication_table(console, published.result)
    else:
        console.print(NOTHING_TO_PREDICT)
    sheets = run.read(street.WRITE_SHEETS.report)
    if sheets:
        sheets_written(console, sheets.result)
    steps = new_table("Steps", "step", "seconds", "peak memory MB")
    for step in street.NIGHT:
        finished = run.read(step.report)
        if finished:
            cost = finished.cost
            steps.add_row(step.name, number(cost.seconds, 1), number(cost.peak_memory_mb, 0))
    console.print(steps)


def demo_result(console: Console, settings: Settings, result: DemoResult, example: Prediction) -> None:
    """Everything the demo made, one item's prediction, and what to try next."""
    plant_table(console, result.plant)
    console.print(
        "The metrics below judge other items, those with the newest routings: do not compare them with this figure."
    )
    night_result(console, result.run)
    prediction_details(console, example, "Example: the surest prediction")
    home = settings.home
    folder = "" if shutil.which("routing-etl") else f"{_beside_cwd(Path(sys.executable).parent)}/"
    setting = f"$env:ROUTING_ETL_HOME='{home}'; " if sys.platform == "win32" else f"ROUTING_ETL_HOME={home} "
    flag = "" if str(home) == ".routing_etl" else setting
    item = repr(example.item["item_cd"])
    first = "" if find_spec("dagster_webserver") else " (after: pip install dagster-webserver)"
    next_steps = {
        "open the worklist, with a sheet for each item, in a browser": f"{_beside_cwd(home / 'sheets' / 'index.html')}",
        "predict an item, with its evidence": f"{flag}{folder}routing-etl predict {item}",
        "is it good, and what is due": f"{flag}{folder}routing-etl status",
        f"see every step in the Dagster UI{first}": f"{flag}{folder}routing-etl ui",
        "look at what the ERP reads": f'sqlite3 {home}/warehouse.db "SELECT * FROM routing_predictions LIMIT 20"',
    }
    console.print("[bold]Try next[/]")
    for label, command in next_steps.items():
        # No frame and no break: the line is there to be copied.
        console.print(f"{label}:\n  [bold]{safe(command)}[/]", soft_wrap=True)


def _beside_cwd(path: Path) -> Path:
    """The path relative to the working folder where it lies below it."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
