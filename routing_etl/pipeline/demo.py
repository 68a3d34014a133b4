"""The demo, and loading a plant into a database: the simulated one or Microsoft's AdventureWorks."""

from __future__ import annotations

import importlib
import sqlite3
import threading
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from routing_etl.database.engine import translated
from routing_etl.errors import ConfigurationError
from routing_etl.memory_limits import SIDE_BY_SIDE_FROM
from routing_etl.pipeline.night import night
from routing_etl.pipeline.worker import prepare
from routing_etl.plant.demo import PlantReport
from routing_etl.progress import SILENT, Progress
from routing_etl.runs import RunFolder, run_lock
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
        The size is out of bounds, there is no such grammar, the database holds tables that are no demo plant's, or the
        folder holds another plant.
    LockedError
        Another run is at work in the folder.
    """
    if 2 * SIDE_BY_SIDE_FROM <= items <= settings.side_by_side_items:
        # About half of the items will have a routing: the training will evaluate beside the fit.
        prepare("routing_etl.model.predictor", "routing_etl.evaluation.evaluate")
    with run_lock(settings.home, "the demo plant"):
        refuse_another_plant(settings.home)
        report = write_demo_plant(
            settings, settings.erp, items=items, seed=seed, grammar=grammar, progress=progress
        )
    # The heaviest library is imported while the plant is read. Should that fail, the step that needs it
    # fails the same way, with its error.
    threading.Thread(target=importlib.import_module, args=("routing_etl.quality.suites",)).start()
    fresh = settings.model_copy(update={"change_stop": 1.0})  # another plant is no loss of the one before
    return DemoResult(report, night(fresh, progress=progress, retrain=True, kind="demo"))


def refuse_another_plant(home: Path) -> None:
    """Refuse a folder of an installation that is no demo, before anything is written there.

    Parameters
    ----------
    home : pathlib.Path
        The demo's folder.

    Raises
    ------
    ConfigurationError
        Its ERP has tables that no demo plant wrote, or its nights read an ERP by another profile.
    """
    from routing_etl.plant.demo import table_names

    strange = [n for n in _column(home / "erp.db", _TABLES) if n.lower() not in table_names()]
    profiles = [n for n in _column(home / "warehouse.db", _PROFILES) if n != "bi_views"]
    found = ""
    if strange:
        found = f"its erp.db has {', '.join(strange[:3])}{', ...' if len(strange) > 3 else ''}, which no demo plant wrote"
    elif profiles:
        found = f"its nights read an ERP by the profile {profiles[0]}"
    if found:
        raise ConfigurationError(
            f"{home} holds another plant: {found}.", remedy="Name another folder: routing-etl demo --home DIR"
        )


_TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name"
_PROFILES = "SELECT DISTINCT profile FROM batch_run WHERE profile IS NOT NULL ORDER BY profile"


def _column(database: Path, query: str) -> list[str]:
    """The first column of a query; nothing where there is no such database or table."""
    if not database.is_file():
        return []
    try:
        with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            return [str(row[0]) for row in connection.execute(query)]
    except sqlite3.Error:
        return []


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
