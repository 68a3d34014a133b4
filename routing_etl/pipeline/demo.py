"""The demo, and loading a plant into a database: the simulated one or Microsoft's AdventureWorks."""

from __future__ import annotations

import importlib
import threading
from dataclasses import dataclass
from pathlib import Path

from routing_etl.database.engine import translated
from routing_etl.memory_limits import SIDE_BY_SIDE_FROM
from routing_etl.pipeline.night import night
from routing_etl.pipeline.worker import prepare
from routing_etl.plant.demo import PlantReport
from routing_etl.progress import SILENT, Progress
from routing_etl.runs import RunFolder
from routing_etl.settings import Settings


def demo_urls(home: Path) -> dict[str, str]:
    """The demo's two SQLite databases: it never touches the configured ones."""
    return {
        "erp_url": f"sqlite:///{(home / 'erp.db').as_posix()}",
        "warehouse_url": f"sqlite:///{(home / 'warehouse.db').as_posix()}",
        "profile": "bi_views",
    }


@dataclass(frozen=True)
class DemoResult:
    """What the demo made: the plant's report and the run folder of its night."""

    plant: PlantReport
    run: RunFolder


def demo(
    settings: Settings, *, items: int, seed: int, grammar: str = "plain", progress: Progress = SILENT
) -> DemoResult:
    """Write a demo plant and run the whole night on it, training a new model.

    Parameters
    ----------
    settings : Settings
        With the demo's own databases (`demo_urls`).
    items : int
        Size of the plant.
    seed : int
        Another seed is another plant with other rules.
    grammar : str
        Name of the plant's grammar (`plant.named`).
    progress : Progress
        What shows the progress.

    Raises
    ------
    ConfigurationError
        The size is out of bounds, or the database holds tables that are no demo plant's.
    """
    if 2 * SIDE_BY_SIDE_FROM <= items <= settings.side_by_side_items:
        # About half of the items will have a routing: the training will evaluate beside the fit.
        prepare("routing_etl.model.predictor", "routing_etl.evaluation.evaluate")
    report = write_demo_plant(
        settings, settings.erp, items=items, seed=seed, grammar=grammar, progress=progress
    )
    # The heaviest library is imported while the plant is read. Should that fail, the step that needs it
    # fails the same way, with its error.
    threading.Thread(target=importlib.import_module, args=("routing_etl.quality.suites",)).start()
    fresh = settings.model_copy(update={"change_stop": 1.0})  # another plant is no loss of the one before
    return DemoResult(report, night(fresh, progress=progress, retrain=True, kind="demo"))


def write_demo_plant(
    settings: Settings,
    url: str,
    *,
    items: int,
    seed: int,
    grammar: str = "plain",
    progress: Progress = SILENT,
) -> PlantReport:
    """Write only the plant, into any database that SQLAlchemy reaches.

    Raises
    ------
    ConfigurationError
        The size is out of bounds, there is no such grammar, or the database holds tables that are no demo plant's.
    """
    from routing_etl.plant.demo import write_plant
    from routing_etl.plant.named import named_grammar

    with translated("erp", url):
        return write_plant(url, items, seed, settings, grammar=named_grammar(grammar), progress=progress)


def load_adventureworks(folder: Path, url: str) -> None:
    """Write the sample ERP's CSV files into a database.

    Raises
    ------
    ConfigurationError
        The folder lacks a file, or the database holds such tables already.
    """
    from routing_etl.plant.adventureworks import load_csv

    with translated("erp", url):
        load_csv(folder, url)
