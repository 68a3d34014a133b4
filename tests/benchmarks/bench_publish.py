"""Publications with readers and writers at work: what readers see, how long they wait, how long a publish takes.

    python tests/benchmarks/bench_publish.py --publishes 500 --readers 8 --writers 2 [--postgres | --url URL] [--mode table]

Each reader looks up one item through `routing_predictions` again and again, and now and then counts the whole batch.
Each writer publishes one of two batches in turn; one that finds the other at work is refused and tries again. Mixed,
empty and duplicate reads must be 0; the readers' p99 while publishing is compared with their idle p99. A server given
by URL gets tables in schema `bench_publish`, which are removed at the end.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

import numpy as np
import polars as pl
import sqlalchemy as sa
from postgres_cluster import cluster
from warehouse_predictions import many_frames, warehouse, write_frames
from warehouse_readers import Readers

from routing_etl.database import make_engine
from routing_etl.errors import LockedError
from routing_etl.settings import Settings, load_settings
from routing_etl.warehouse.migrate import downgrade, migrate
from routing_etl.warehouse.publish import Publisher

_MARKER = {"sqlite": "?", "mssql": "?", "postgresql": "%s"}


class Writers:
    """Threads that publish until `total` publications are done between them."""

    def __init__(self, settings: Settings, count: int, ids: list[int], total: int) -> None:
        self.seconds: list[float] = []
        self.refused = 0
        self._left, self._guard = total, threading.Lock()
        self._settings, self._ids = settings, ids
        self._threads = [threading.Thread(target=self._write) for _ in range(count)]

    def _write(self) -> None:
        engine = make_engine(self._settings.warehouse, "warehouse", self._settings)
        publisher = Publisher(engine, self._settings)
        while True:
            with self._guard:
                if self._left <= 0:
                    break
            try:
                current = publisher.current()
                report = publisher.publish(next(i for i in self._ids if i != current))
            except LockedError:
                with self._guard:
                    self.refused += 1
                time.sleep(random.uniform(0.001, 0.01))
                continue
            with self._guard:
                if report.changed:
                    self._left -= 1
                    self.seconds.append(report.seconds)
        engine.dispose()

    def run(self) -> None:
        """Start all and wait for the end."""
        for thread in self._threads:
            thread.start()
        for thread in self._threads:
            thread.join()


def main() -> None:
    """Run with the given numbers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--publishes", type=int, default=500)
    parser.add_argument("--readers", type=int, default=8)
    parser.add_argument("--writers", type=int, default=2)
    parser.add_argument("--items", type=int, default=2000)
    parser.add_argument("--mode", choices=("pointer", "table"), default="pointer")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--postgres", action="store_true", help="a PostgreSQL of its own")
    where.add_argument("--url", help="any server")
    arguments = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        schema = None
        url = arguments.url or (stack.enter_context(cluster()) if arguments.postgres else None)
        if url is not None:
            schema = "bench_publish"
            settings = load_settings(
                home=folder, warehouse_url=url, warehouse_schema=schema, publish_mode=arguments.mode
            )
            engine = make_engine(settings.warehouse, "warehouse", settings)
            migrate(engine, schema)
            stack.callback(downgrade, engine, schema, "base")
            publisher = Publisher(engine, settings)
        else:
            publisher, settings = warehouse(folder / "w.db", publish_mode=arguments.mode)
        dialect = publisher._engine.dialect.name
        ids, expected = [], {}
        for number in range(2):
            frames = many_frames(arguments.items + number, seed=number)
            loaded = publisher.load(
                write_frames(folder / f"p{number}", frames), run_id="b", model_version="m"
            )
            operations = frames["candidate_operations"]
            ids.append(loaded.publication_id)
            expected[loaded.publication_id] = (
                operations.height,
                operations.select(pl.col("sample_count").sum()).item(),
            )
        publisher.publish(ids[0])

        def reading_engine() -> sa.Engine:
            return make_engine(settings.warehouse, "warehouse", settings)

        def readers() -> Readers:
            made = Readers(
                reading_engine,
                arguments.readers,
                "0H10000DB",
                21,
                whole_every=200,
                marker=_MARKER[dialect],
                schema=schema or "",
            )
            made.expected.update(expected)
            return made

        with readers() as idle:
            time.sleep(5)
        writers = Writers(settings, arguments.writers, ids, arguments.publishes)
        with readers() as busy:
            writers.run()
        calm, seen = idle.total(), busy.total()
        p99 = [float(np.quantile(s.seconds, 0.99)) * 1000 for s in (calm, seen)]
        print(
            f"{len(writers.seconds)} publishes by {arguments.writers} writers ({writers.refused} refused and repeated), "
            f"{arguments.readers} readers, mode {arguments.mode}, {dialect}"
        )
        print(
            f"reads {seen.reads:,}: mixed {seen.mixed}, empty {seen.empty}, wrong or duplicate {seen.wrong}, errors {len(seen.errors)}"
        )
        print(
            f"reader p99 idle {p99[0]:.2f} ms, publishing {p99[1]:.2f} ms, ratio {p99[1] / p99[0]:.2f}; longest {max(seen.seconds) * 1000:.1f} ms"
        )
        print(
            f"publish p50 {np.median(writers.seconds) * 1000:.1f} ms, p99 {np.quantile(writers.seconds, 0.99) * 1000:.1f} ms, "
            f"longest {max(writers.seconds) * 1000:.1f} ms"
        )


if __name__ == "__main__":
    main()
