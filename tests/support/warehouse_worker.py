"""A process that loads, publishes and purges without end, to be killed at any moment by the crash tests.

Arguments: URL of the warehouse, its schema ('' for none), then folders of predictions. Prints `ready` when it starts to
write. A server may need a moment to see that the writer before was killed, so a held lock is tried again for some seconds.
"""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Callable
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


def main(url: str, schema: str | None, folders: list[Path]) -> None:
    """Publish the folders in turn until killed."""
    where = {"warehouse_schema": schema} if schema else {}
    settings = load_settings(home=folders[0].parent, warehouse_url=url, load_rows=500, **where)
    publisher = Publisher(make_engine(settings.warehouse, "warehouse", settings), settings)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for number, folder in enumerate(itertools.cycle(folders)):

        def load(folder: Path = folder, run_id: str = f"r{number}") -> int:
            return publisher.load(folder, run_id=run_id, model_version="m1").publication_id

        publication_id = patiently(load)
        publisher.publish(publication_id)
        publisher.purge(2)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2] or None, [Path(a) for a in sys.argv[3:]])
