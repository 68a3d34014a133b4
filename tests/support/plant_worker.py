"""A process of one plant: publishes folders into its schema, one after the other. Arguments: URL, schema, plant code, folders."""

from __future__ import annotations

import sys
from pathlib import Path

from routing_etl.database.engine import make_engine
from routing_etl.errors import RoutingEtlError
from routing_etl.settings import load_settings
from routing_etl.warehouse.publish import Publisher


def main(url: str, schema: str, plant: str, folders: list[Path]) -> None:
    """Publish, purge, and print what readers see at the end."""
    settings = load_settings(
        home=folders[0].parent / plant,
        warehouse_url=url,
        warehouse_schema=schema,
        plant_code=plant,
        load_rows=100,
    )
    publisher = Publisher(make_engine(settings.warehouse, "warehouse", settings), settings)
    for number, folder in enumerate(folders):
        loaded = publisher.load(folder, run_id=f"{plant}-{number}", model_version=plant)
        publisher.publish(loaded.publication_id)
        publisher.purge(2)
    sys.stdout.write(f"{plant} shows {publisher.current()}\n")


if __name__ == "__main__":
    try:
        main(sys.argv[1], sys.argv[2], sys.argv[3], [Path(a) for a in sys.argv[4:]])
    except RoutingEtlError as exc:
        sys.exit(str(exc))
