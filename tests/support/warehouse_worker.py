"""A process that loads, publishes and purges without end, to be killed at any moment by the crash tests.

It is forked from a process that has done the imports (`start_worker`), so that a kill costs no start-up. A server may need a
moment to see that the writer before was killed, so a held lock is tried again for some seconds.
"""

from __future__ import annotations

import itertools
import multiprocessing as mp
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import TypeVar

from routing_etl.database.engine import make_engine
from routing_etl.errors import LockedError
from routing_etl.settings import load_settings
from routing_etl.warehouse.publish import Publisher

T = TypeVar("T")


def patiently(call: Callable[[], T]) -> T:
    """Call again while another writer's lock is held, for 20 s."""
    end = time.monotonic() + 20
    while True:
        try:
            return call()
        except LockedError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


def start_worker(url: str, schema: str | None, folders: list[Path]) -> BaseProcess:
    """A process that has begun to publish the folders in turn, in the schema of the warehouse; it ends when it or its parent is killed."""
    forks = "forkserver" in mp.get_all_start_methods()
    context = mp.get_context("forkserver" if forks else "spawn")
    if forks:
        context.set_forkserver_preload(["routing_etl.warehouse.publish"])
    told, tell = context.Pipe(duplex=False)
    process = context.Process(target=_publish_without_end, args=(url, schema, folders, tell), daemon=True)
    process.start()
    tell.close()
    with told:
        assert told.recv() == "ready"
    return process


def _publish_without_end(url: str, schema: str | None, folders: list[Path], tell: Connection) -> None:
    where = {"warehouse_schema": schema} if schema else {}
    settings = load_settings(home=folders[0].parent, warehouse_url=url, load_rows=500, **where)
    publisher = Publisher(make_engine(settings.warehouse, "warehouse", settings), settings)
    tell.send("ready")
    parent = mp.parent_process()
    for number, folder in enumerate(itertools.cycle(folders)):
        if parent is None or not parent.is_alive():
            return

        def load(folder: Path = folder, run_id: str = f"r{number}") -> int:
            return publisher.load(folder, run_id=run_id, model_version="m1").publication_id

        publication_id = patiently(load)
        publisher.publish(publication_id)
        publisher.purge(2)
