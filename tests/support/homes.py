"""Embedded installations for tests: a folder with its two SQLite databases, run files and models."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from routing_etl.runs import RunFolder
from routing_etl.settings import Settings, load_settings

#: What makes nights quick. A rehearsal and the variance between fits take up to nine fits more per training, a forest is most
#: of a fit, and hundreds of sheets are a fifth of a night that trains nothing. A night with all its parts: `test_network.py`.
QUICK = {"rehearsals": 0, "variance_fits": 0, "trees": 10, "sheet_items": 20}
#: The same for processes of their own.
NO_REHEARSAL = {f"ROUTING_ETL_{name.upper()}": str(value) for name, value in QUICK.items()}


def home_settings(home: Path, **overrides: object) -> Settings:
    """Settings of an embedded installation in a folder."""
    urls = {"erp_url": f"sqlite:///{home / 'erp.db'}", "warehouse_url": f"sqlite:///{home / 'warehouse.db'}"}
    return load_settings(
        **{"_env_file": None, "home": home, "models": home / "models", **urls, **QUICK, **overrides}
    )


def ask(database: Path, query: str, *values: Any) -> list[tuple[Any, ...]]:
    """Rows of a query on a SQLite file, over a connection of its own."""
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute(query, values).fetchall()


def change(database: Path, *statements: str) -> None:
    """Run statements on a SQLite file and commit."""
    with closing(sqlite3.connect(database)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def finished(step: Any, result: Any) -> Any:
    """A step's report as the step itself would have written it, for the result given."""
    from routing_etl.pipeline.finished import Finished, StepCost

    return Finished(step.name, result, StepCost(1.0, 1.0, datetime(2026, 1, 1, tzinfo=UTC)))


def passed(run: RunFolder, step: Any) -> None:
    """Let a step of checks count as passed in a run."""
    from routing_etl.pipeline.results import Checked

    run.write(step.report, finished(step, Checked(checks=1, passed=1, warnings=0, failed=0)))
