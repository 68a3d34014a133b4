"""Fixtures that are dear to make and shared by the whole session: one small plant and one night run on it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from homes import home_settings

ITEMS, SEED = 700, 11


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """A developer's own ROUTING_ETL_* variables must not reach a test; the test server's address may."""
    import os

    for name in list(os.environ):
        if name.startswith("ROUTING_ETL_") and not name.startswith("ROUTING_ETL_TEST_"):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def plant_db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A demo plant as a SQLite file. Copy it before changing anything."""
    from routing_etl.erp.demo_plant import write_plant

    path = tmp_path_factory.mktemp("plant") / "erp.db"
    write_plant(f"sqlite:///{path}", ITEMS, SEED, home_settings(path.parent))
    return path


@pytest.fixture(scope="session")
def finished_home(plant_db: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which one whole night has succeeded. Copy it before changing anything."""
    from routing_etl.night import night

    home = tmp_path_factory.mktemp("night")
    shutil.copy(plant_db, home / "erp.db")
    night(home_settings(home))
    return home


@pytest.fixture
def home(finished_home: Path, tmp_path: Path) -> Iterator[Path]:
    """A private copy of a home after one night, to change and break."""
    copy = tmp_path / "home"
    shutil.copytree(finished_home, copy)
    yield copy
