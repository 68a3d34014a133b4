"""A process that loads, publishes and purges without end, to be killed at any moment by the crash tests.

Arguments: path of the SQLite warehouse, then folders of predictions. Prints `ready` when it starts to write.
"""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

from routing_etl.database.engine import make_engine
from routing_etl.settings import load_settings
from routing_etl.warehouse.publish import Publisher


def main(database: Path, folders: list[Path]) -> None:
    """Publish the folders in turn until killed."""
    settings = load_settings(
        home=database.parent, warehouse_url=f"sqlite:///{database.as_posix()}", load_rows=500
    )
    publisher = Publisher(make_engine(settings.warehouse, "warehouse", settings), settings)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for number, folder in enumerate(itertools.cycle(folders)):
        report = publisher.load(folder, run_id=f"r{number}", model_version="m1")
        publisher.publish(report.publication_id)
        publisher.purge(2)


if __name__ == "__main__":
    main(Path(sys.argv[1]), [Path(a) for a in sys.argv[2:]])
