"""Fixtures that are dear to make and shared by the whole session: one small plant and one night run on it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from filelock import FileLock
from homes import home_settings

ITEMS, SEED = 700, 11
_LEARNED: dict[str, Any] = {}

# Two threads of BLAS in each of two test processes on two cores mostly wait for each other, in loops that take processor
# time: fits of small plants take a third of it with one. Commands that a test starts inherit this.
for _library in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_library, "1")

# How long an example takes says nothing on a machine that does other work too.
hypothesis.settings.register_profile("routing_etl", deadline=None)
hypothesis.settings.load_profile("routing_etl")


#: What pyproject.toml puts on the command line.
QUICK = "not slow"
LEFT_OUT = 'Tests marked slow are left out; `nox -s tests` or `pytest -m ""` runs everything, a file that is named runs whole.'


def pytest_configure(config: pytest.Config) -> None:
    """A file or a test that is named runs whole; whoever asks for marks gets what these select.

    The processes of pytest-xdist read the same command line, and decide the same.
    """
    asked = any(str(word).startswith("-m") for word in config.invocation_params.args)
    named = any(".py" in str(word) for word in config.args)
    if config.option.markexpr == QUICK and named and not asked:
        config.option.markexpr = ""


def pytest_report_header(config: pytest.Config) -> str | None:
    """One line on what a run leaves out."""
    return LEFT_OUT if config.option.markexpr == QUICK else None


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """The same line at the end, where a quiet run shows it too."""
    if config.option.markexpr == QUICK:
        terminalreporter.write_line(LEFT_OUT)


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """A developer's own ROUTING_ETL_* variables must not reach a test; the test server's address may."""
    for name in list(os.environ):
        if name.startswith("ROUTING_ETL_") and not name.startswith("ROUTING_ETL_TEST_"):
            monkeypatch.delenv(name)


def _made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """A folder that the first of the parallel test processes fills and the others wait for."""
    base = factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / name
    done = folder.with_suffix(".done")
    with FileLock(folder.with_suffix(".lock")):
        if not done.exists():
            folder.mkdir()
            make(folder)
            done.touch()
    return folder


@pytest.fixture(scope="session")
def plant_db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A demo plant as a SQLite file. Copy it before changing anything."""
    from routing_etl.plant.demo import write_plant

    def make(folder: Path) -> None:
        write_plant(f"sqlite:///{folder / 'erp.db'}", ITEMS, SEED, home_settings(folder))

    return _made_once(tmp_path_factory, "plant", make) / "erp.db"


@pytest.fixture(scope="session")
def finished_home(plant_db: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which one whole night has succeeded. Copy it before changing anything."""
    from routing_etl.pipeline.night import night

    def make(folder: Path) -> None:
        shutil.copy(plant_db, folder / "erp.db")
        night(home_settings(folder, sheet_items=1000))

    return _made_once(tmp_path_factory, "night", make)


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A PostgreSQL server of this session's own; make a database on it for each test that writes."""
    from postgres_cluster import NoPostgresError, cluster

    try:
        with cluster() as url:
            yield url
    except NoPostgresError as exc:
        pytest.skip(f"no PostgreSQL: {exc}")


@pytest.fixture
def home(finished_home: Path, tmp_path: Path) -> Iterator[Path]:
    """A private copy of a home after one night, to change and break."""
    copy = tmp_path / "home"
    shutil.copytree(finished_home, copy)
    yield copy


@pytest.fixture
def learned_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests of what comes behind learning: the same data with the same parameters are learned once in a process.

    The fit and its evaluation are those of the first training that asks for them, and nothing behind them changes them.
    """
    from routing_etl.pipeline import training

    learn = training._learn

    def once(ctx: Any, data: Any, times: Any, options: Any, answers_by: Any) -> Any:
        parameters = training.make_predictor(
            ctx.settings, data.attributes, answers_by=answers_by
        ).get_params()
        worked = times.by_item_operation.hash_rows().sum()
        key = repr((training.data_hash(data), worked, options, parameters))
        if key not in _LEARNED:
            _LEARNED[key] = learn(ctx, data, times, options, answers_by)
        return _LEARNED[key]

    monkeypatch.setattr(training, "_learn", once)
