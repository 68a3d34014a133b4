"""Dagster's web server and daemon for an installation, started with one command: `routing-etl ui`."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import dagster as dg

from routing_etl.settings import Settings, child_environment

from . import report

_SHIPPED = Path(__file__).with_name("dagster.yaml")
#: Seconds that Dagster gets to stop.
_PATIENCE = 60
_WORKSPACE = """load_from:
  - python_module:
      module_name: routing_etl.code_location
      attribute: defs
      location_name: routing_etl
"""


def prepare(settings: Settings) -> Path:
    """Make the instance's folder with its configuration and its storage; returns it.

    The storage is made here, by one process: the web server and the daemon, which start at once, would each make it and
    break each other's.

    Parameters
    ----------
    settings : Settings
        The installation; the folder is `DAGSTER_HOME` where that is set, else `<home>/dagster`.
    """
    folder = settings.dagster_home.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "dagster.yaml").exists():
        shutil.copyfile(_SHIPPED, folder / "dagster.yaml")
    (folder / "workspace.yaml").write_text(_WORKSPACE, encoding="utf-8")
    with dg.DagsterInstance.from_config(str(folder)) as instance:
        instance.get_runs_count()
        instance.get_asset_keys(limit=1)
        instance.all_instigator_state()
    return folder


def serve(settings: Settings, *, host: str, port: int, say: Callable[[str], object]) -> int:
    """Start web server and daemon, and wait until they are stopped; returns their exit code.

    Nights of the command line that the instance does not know are told to it first.

    Parameters
    ----------
    settings : Settings
        The installation.
    host : str
        Where the web server listens. Dagster has no login: keep it on the local interface, or behind a proxy.
    port : int
        Its port.
    say : callable
        Shows a line.
    """
    folder = prepare(settings)
    told = report.tell(settings, folder)
    if told:
        say(f"Nights that the UI now shows: {', '.join(told)}")
    say(f"Dagster's instance is {folder}. Open http://{host}:{port}/assets - stop with Ctrl-C.")
    command = [
        sys.executable, "-m", "dagster", "dev", "-w", str(folder / "workspace.yaml"), "-h", host, "-p", str(port),
    ]  # fmt: skip
    environment = child_environment(
        DAGSTER_HOME=str(folder),
        DAGSTER_DISABLE_TELEMETRY="yes",
        ROUTING_ETL_HOME=str(settings.base_home.absolute()),
    )
    process = subprocess.Popen(command, env=environment)
    before = signal.signal(signal.SIGTERM, _stopped)
    try:
        return process.wait()
    except KeyboardInterrupt:
        process.wait(_PATIENCE)  # at a terminal it has got the same Ctrl-C
        raise
    finally:
        signal.signal(signal.SIGTERM, before)
        if process.poll() is None:
            process.send_signal(signal.SIGINT if os.name == "posix" else signal.SIGTERM)
            process.wait(_PATIENCE)


def _stopped(*_: object) -> NoReturn:
    """A service manager's stop must reach web server and daemon too."""
    raise SystemExit(128 + signal.SIGTERM)
