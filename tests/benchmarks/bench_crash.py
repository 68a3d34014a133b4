"""kill -9 of a process that loads, publishes and purges, at random moments; or a break at each of its statements.

    python tests/benchmarks/bench_crash.py --kills 200 [--postgres | --url URL]
    python tests/benchmarks/bench_crash.py --statements [--first N] [--last N] [--postgres | --url URL [--schema NAME]]

After each kill the current publication is compared, every row, with the checksums recorded at its load; at the end the
next run must work without a manual clean-up. With --statements a night in which items come, change and go is broken off at
each statement of load, publish and purge, counted from 0, and the views must show the night before or this one; a slow server is
asked in parts, side by side in schemas of their own. Any difference stops the benchmark with an error. A server given by URL gets
tables in schema `bench_crash`, or the one named, which are removed at the end.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from postgres_cluster import cluster
from warehouse_crash import kill_at_random
from warehouse_nights import Life, broken_at_each_statement
from warehouse_predictions import warehouse

from routing_etl.database.engine import make_engine
from routing_etl.settings import load_settings
from routing_etl.warehouse.migrate import downgrade, migrate
from routing_etl.warehouse.publish import Publisher


@contextmanager
def publisher_on(url: str | None, folder: Path, schema: str) -> Iterator[Publisher]:
    """A publisher on a server, or on a SQLite file where there is none."""
    if url is None:
        publisher, _ = warehouse(folder / "w.db")
        yield publisher
        publisher._engine.dispose()
        return
    settings = load_settings(home=folder, warehouse_url=url, warehouse_schema=schema, load_rows=500)
    engine = make_engine(settings.warehouse, "warehouse", settings)
    migrate(engine, schema)
    try:
        yield Publisher(engine, settings)
    finally:
        downgrade(engine, schema, "base")
        engine.dispose()


def run(url: str | None, arguments: argparse.Namespace) -> None:
    """What was asked for, on one database."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as name, publisher_on(url, Path(name), arguments.schema) as publisher:
        dialect = publisher._engine.dialect.name
        if arguments.statements:
            life = Life(Path(name), publisher)
            tried = broken_at_each_statement(life, first=arguments.first, last=arguments.last)
            print(
                f"{dialect}: broken off at each of {tried} statements from {arguments.first} on, nothing torn, nothing left behind"
            )
        else:
            seen = kill_at_random(
                Path(name), arguments.kills, items=arguments.items, seed=arguments.seed,
                publisher=publisher,
            )  # fmt: skip
            print(
                f"{dialect}: {arguments.kills} kills: last publication intact each time, the next run recovered alone"
            )
            print("kills that " + ", ".join(f"{what}: {count}" for what, count in seen.items()))
    print(f"{time.monotonic() - started:.0f} s")


def main() -> None:
    """Run on the database that was asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--items", type=int, default=150)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--statements", action="store_true", help="break off at each statement instead")
    parser.add_argument("--first", type=int, default=0, help="the first statement")
    parser.add_argument(
        "--last", type=int, default=10_000, help="the last statement; those there are by default"
    )
    parser.add_argument("--schema", default="bench_crash", help="schema on a server")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--postgres", action="store_true", help="a PostgreSQL of its own")
    where.add_argument("--url", help="any server")
    arguments = parser.parse_args()
    if arguments.postgres:
        with cluster() as url:
            run(url, arguments)
    else:
        run(arguments.url, arguments)


if __name__ == "__main__":
    main()
