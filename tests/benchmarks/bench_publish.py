"""Publications with readers and writers at work: what readers see, how long they wait, how long a publish takes.

    python tests/benchmarks/bench_publish.py --publishes 500 --readers 8 --writers 2 [--postgres | --url URL] [--mode table]

Each reader looks up one item through `routing_predictions`, pauses (--pause, milliseconds on average), does it again, and
now and then counts the whole batch. Without a pause the readers keep all processors busy, idle or not, and hide what a
publication does to them.
Each writer publishes one of two batches in turn; one that finds the other at work is refused and tries again. Mixed,
empty and duplicate reads must be 0; the readers' p99 while publishing is compared with their idle p99. A server given
by URL gets tables in schema `bench_publish`, which are removed at the end.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
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

#: Before and after the publications, so that what else the machine does weighs the same on both.
_IDLE_SECONDS = 15

_MARKER = {"sqlite": "?", "mssql": "?", "postgresql": "%s"}


def write(settings: Settings, ids: list[int], publishes: int) -> tuple[list[float], int]:
    """One writer: publish so many times. Returns the seconds of each and how often another writer was at work."""
    engine = make_engine(settings.warehouse, "warehouse", settings)
    publisher = Publisher(engine, settings)
    seconds: list[float] = []
    refused = 0
    while len(seconds) < publishes:
        try:
            current = publisher.current()
            report = publisher.publish(next(i for i in ids if i != current))
        except LockedError:
            refused += 1
            time.sleep(random.uniform(0.001, 0.01))
            continue
        if report.changed:
            seconds.append(report.seconds)
    engine.dispose()
    return seconds, refused


def main() -> None:
    """Run with the given numbers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--publishes", type=int, default=500)
    parser.add_argument("--readers", type=int, default=8)
    parser.add_argument("--writers", type=int, default=2)
    parser.add_argument("--items", type=int, default=2000)
    parser.add_argument("--pause", type=float, default=20.0)
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
                pause=arguments.pause / 1000,
                marker=_MARKER[dialect],
                schema=schema or "",
            )
            made.expected.update(expected)
            return made

        # Writers are processes of their own: in this one they would share Python's lock with the readers.
        with readers() as idle:
            time.sleep(_IDLE_SECONDS)
        with (
            ProcessPoolExecutor(arguments.writers, multiprocessing.get_context("spawn")) as pool,
            readers() as busy,
        ):
            share = arguments.publishes // arguments.writers
            done = [pool.submit(write, settings, ids, share) for _ in range(arguments.writers)]
            results = [future.result() for future in done]
        with readers() as idle_again:
            time.sleep(_IDLE_SECONDS)
        publishing = [one for seconds, _ in results for one in seconds]
        calm, seen = idle.total(), busy.total()
        calm.seconds += idle_again.total().seconds
        p99 = [float(np.quantile(s.seconds, 0.99)) * 1000 for s in (calm, seen)]
        print(
            f"{len(publishing)} publishes by {arguments.writers} writers ({sum(r for _, r in results)} refused and repeated), "
            f"{arguments.readers} readers, mode {arguments.mode}, {dialect}"
        )
        print(
            f"reads {seen.reads:,}: mixed {seen.mixed}, empty {seen.empty}, wrong or duplicate {seen.wrong}, errors {len(seen.errors)}"
        )
        print(
            f"reader p99 idle {p99[0]:.2f} ms, publishing {p99[1]:.2f} ms, ratio {p99[1] / p99[0]:.2f}; "
            f"longest idle {max(calm.seconds) * 1000:.1f} ms, publishing {max(seen.seconds) * 1000:.1f} ms"
        )
        print(
            f"load average of the machine {os.getloadavg()[1]:.1f}, {os.cpu_count()} processors; "
            f"publish p50 {np.median(publishing) * 1000:.1f} ms, p99 {np.quantile(publishing, 0.99) * 1000:.1f} ms, "
            f"longest {max(publishing) * 1000:.1f} ms"
        )


if __name__ == "__main__":
    main()
