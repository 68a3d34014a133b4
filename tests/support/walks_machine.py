"""Stories of remedies about a machine: a driver that is not installed, a right, a limit, a process that dies, a file that is gone."""

from __future__ import annotations

import functools
import importlib.util
import resource
import sys
import threading
from collections.abc import Iterator
from types import SimpleNamespace

import numpy as np
import psutil
import pytest
import sqlalchemy as sa
from walks_met import Act, Place, Walks, bound_by_modes, limited, refuse_module

from routing_etl import files, plots
from routing_etl.cli import dagster_ui
from routing_etl.database import bulk, sqlserver
from routing_etl.database.engine import make_engine
from routing_etl.quality import adapter
from routing_etl.settings import load_settings
from routing_etl.settings_files import checked
from routing_etl.shortages import own_errors

walk = Walks()
ODBC = "needs the ODBC driver manager (unixodbc)"


# --- what is not installed ----------------------------------------------------------------------------------------------
@walk("Dagster's web server is not installed.", 'pip install "routing_etl[ui]"')
def _(place: Place) -> Iterator[Act]:
    served: list[str] = []
    place.patch.setenv("ROUTING_ETL_HOME", str(place.folder))
    part = SimpleNamespace(serve=lambda *_, **given: served.append(given["host"]))
    place.patch.setattr(dagster_ui, "dagster_part", lambda _: part)
    with place.patch.context() as patch:
        refuse_module(patch, "dagster_webserver")
        yield dagster_ui.ui

    def serves() -> None:
        pytest.importorskip("dagster_webserver", reason="the extra ui is not installed")
        dagster_ui.ui()
        assert served == ["127.0.0.1"]

    yield serves


@walk(
    "… has no source files, so the version of its code is not known.",
    "Install the package with its source files",
)
def _(place: Place) -> Iterator[Act]:
    from routing_etl.dagster_part import dagster_part

    common = dagster_part("assets.common")
    (place.folder / "times").mkdir()
    (place.folder / "times" / "lot.pyc").touch()
    yield lambda: common.code_version(("times",), place.folder)
    (place.folder / "times" / "lot.py").write_text("PIECES = 1\n", encoding="utf-8")


@walk("…: no driver for … (…).", "…")
def _(place: Place) -> Iterator[Act]:
    pytest.importorskip("psycopg", reason="the extra postgresql is not installed")
    settings = load_settings(_env_file=None, home=place.folder)
    act = functools.partial(make_engine, "postgresql+psycopg://u:p@h/d", "erp", settings)
    with place.patch.context() as patch:
        refuse_module(patch, "psycopg")
        yield act


@walk("ROUTING_ETL_ODBC_DRIVER = … is no file.", "Correct it, or leave it unset")
def _(place: Place) -> Iterator[Act]:
    driver = place.folder / "libmsodbcsql.so"
    yield lambda: sqlserver.find_odbc_driver(f"{driver}.18")
    driver.touch()
    yield lambda: sqlserver.find_odbc_driver(str(driver))


@walk(
    "SQL Server needs the ODBC driver manager, which this machine lacks (…).",
    "Install the system package unixodbc.",
)
def _(place: Place) -> Iterator[Act]:
    refuse_module(place.patch, "pyodbc")
    yield lambda: sqlserver.find_odbc_driver(None)
    place.patch.setitem(
        sys.modules, "pyodbc", SimpleNamespace(drivers=lambda: ["ODBC Driver 18 for SQL Server"])
    )


@walk("No ODBC driver for SQL Server found (installed: …).", "or set ROUTING_ETL_ODBC_DRIVER")
def _(place: Place) -> Iterator[Act]:
    place.patch.setitem(sys.modules, "pyodbc", SimpleNamespace(drivers=lambda: ["SQLite3"]))
    place.patch.setattr(importlib.util, "find_spec", lambda _: None)
    yield lambda: sqlserver.find_odbc_driver(None)
    yield lambda: sqlserver.find_odbc_driver("FreeTDS")


def _bulk_session(place: Place, port: int) -> Act:
    """A session of the bulk-copy driver with the server that listens on a port."""
    pytest.importorskip("pyodbc", reason=ODBC, exc_type=ImportError)
    settings = load_settings(
        home=place.folder, _env_file=None, odbc_driver="D", lock_timeout=7, encrypt="optional"
    )
    url = sqlserver.complete_url(
        sa.make_url(f"mssql+pyodbc://etl:x@127.0.0.1:{port}/RETL"), "warehouse", settings
    )
    engine = sa.create_engine(url)
    sqlserver.prepare_sessions(engine, settings)
    return lambda: bulk.BulkCopy(engine, 5, 60).open().close()


@walk("mssql-python cannot be loaded (…).", "pip install 'mssql-python>=1.16'")
def _(place: Place) -> Iterator[Act]:
    from tds_ear import listening

    pytest.importorskip("mssql_py_core", reason="mssql-python is not installed")
    with listening() as heard:
        with place.patch.context() as patch:
            refuse_module(patch, "mssql_py_core")
            yield _bulk_session(place, heard.port)
        yield _bulk_session(place, heard.port)


@walk(
    "This version of mssql-python does not let a session be prepared (…).", "pip install 'mssql-python>=1.16'"
)
def _(place: Place) -> Iterator[Act]:
    from tds_ear import listening

    helpers = pytest.importorskip("mssql_python.helpers", reason="mssql-python is not installed")
    with listening() as heard:
        with place.patch.context() as patch:
            patch.delattr(helpers, "connstr_to_pycore_params")
            yield _bulk_session(place, heard.port)
        yield _bulk_session(place, heard.port)


@walk("Python was started with -OO", "Start it without -OO")
def _(place: Place) -> Iterator[Act]:
    with place.patch.context() as patch:
        patch.setattr(adapter, "sys", SimpleNamespace(flags=SimpleNamespace(optimize=2)))
        yield adapter.Validator
    yield lambda: adapter.Validator().__exit__(None, None, None)


# --- rights -------------------------------------------------------------------------------------------------------------
@walk("… cannot be renamed or replaced (…): another program has it open", "or grant the right")
def _(place: Place) -> Iterator[Act]:
    place.patch.setattr(files, "WAITS", ())
    new, target = place.folder / "new.json", place.folder / "kept.json"
    new.write_text("{}", encoding="utf-8")
    place.folder.chmod(0o500)

    def replace() -> None:
        with bound_by_modes():
            files.replace_file(new, target)

    yield replace
    place.folder.chmod(0o700)


@walk("The home … cannot be written: ….", "that this user may write there")
def _(place: Place) -> Iterator[Act]:
    """As a run of Dagster meets it, before its first step."""
    from homes import home_settings

    from routing_etl.dagster_part import dagster_part

    street = dagster_part("resources").StreetResource(settings=home_settings(place.folder))

    def begin() -> None:
        with bound_by_modes(), street.yield_for_execution(SimpleNamespace(instance=None, run=None)):
            pass

    place.folder.chmod(0o500)
    yield begin
    place.folder.chmod(0o700)


@walk("No plots can be written into …: ….", "Name a folder that this user may write.")
def _(place: Place) -> Iterator[Act]:
    (place.folder / "file").touch()
    yield lambda: plots.make_folder(place.folder / "file" / "plots")
    yield lambda: plots.make_folder(place.folder / "plots")


@walk("The settings file … was changed while it was read", "Run again")
def _(place: Place) -> Iterator[Act]:
    file = place.folder / ".env"
    file.write_text("ROUTING_ETL_THREADS=2\n", encoding="utf-8")
    file.chmod(0o600)
    first = checked(file)
    assert first is not None
    file.write_text("ROUTING_ETL_THREADS=16\n", encoding="utf-8")
    yield first.require_unchanged
    again = checked(file)
    assert again is not None
    yield again.require_unchanged


# --- limits -------------------------------------------------------------------------------------------------------------
@walk("No space left in … for ….", "Free space")
def _(place: Place) -> Iterator[Act]:
    from walks_records import _contents

    from routing_etl.registry.store import ModelRegistry

    registry = ModelRegistry(place.folder / "models")

    def save() -> None:
        registry.save(_contents(accuracy=0.9), name="v1")

    def on_a_full_disk() -> None:
        with limited(resource.RLIMIT_FSIZE, 200):
            save()

    yield on_a_full_disk
    yield save


@walk("Too many open files …: this process may open ….", "ulimit -n 4096")
def _(place: Place) -> Iterator[Act]:
    def read() -> None:
        with own_errors("in step clean"), (place.folder / "a").open("wb"):
            pass

    def with_few() -> None:
        with limited(resource.RLIMIT_NOFILE, 3):
            read()

    yield with_few
    yield read


@walk(
    "No further thread or process could be started …: …; ….",
    "Set ROUTING_ETL_THREADS and POLARS_MAX_THREADS lower",
)
def _(place: Place) -> Iterator[Act]:
    running: list[str] = []

    def start(self: threading.Thread) -> None:
        """As the system does where two threads are allowed."""
        if len(running) == 2:
            raise RuntimeError("can't start new thread")
        running.append(self.name)

    place.patch.setattr(threading.Thread, "start", start)

    def work(threads: int) -> None:
        running.clear()
        with own_errors("in step score"):
            for _ in range(load_settings(_env_file=None, threads=threads).threads):
                threading.Thread(target=print).start()

    yield lambda: work(4)
    yield lambda: work(2)


@walk("Too little memory ……: ….", "Allow more")
def _(place: Place) -> Iterator[Act]:
    def read() -> None:
        with own_errors("in step score"):
            np.empty(1 << 30, "u1")

    def with_little() -> None:
        with limited(resource.RLIMIT_AS, psutil.Process().memory_info().vms + (64 << 20)):
            read()

    yield with_little
    yield read


CASES = walk.cases
