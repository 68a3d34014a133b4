"""Publications with readers and writers at work: what readers see, how long they wait, how long a publish takes.

    python tests/benchmarks/bench_publish.py --publishes 500 --readers 8 --writers 2 [--postgres | --url URL] [--mode table]

Each reader looks up one item through `routing_predictions`, pauses (--pause, milliseconds on average), does it again, and
now and then counts the whole batch. Without a pause the readers keep all processors busy, idle or not, and hide what a
publication does to them. For the same reason a control phase has the readers read while as many processes as there are
writers do nothing but use a processor: what publications add to that is what they block. On PostgreSQL a session of its
own looks every 5 ms at how many readers wait for a lock.
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
import threading
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

from routing_etl.database.engine import make_engine
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


def burn(seconds: float) -> None:
    """Use a processor and nothing else."""
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass


class LockWatch:
    """Looks every 5 ms at how many of the readers' sessions wait for a lock, on PostgreSQL."""

    _QUERY = """SELECT count(*) FROM pg_stat_activity
        WHERE wait_event_type = 'Lock' AND query LIKE '%routing_predictions%' AND pid <> pg_backend_pid()"""

    def __init__(self, engine: sa.Engine) -> None:
        self.looks = self.waiting = 0
        self._engine, self._stop = engine, threading.Event()
        self._thread = threading.Thread(target=self._look) if engine.dialect.name == "postgresql" else None

    def __enter__(self) -> LockWatch:
        if self._thread:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self._thread:
            self._thread.join()

    def _look(self) -> None:
        with self._engine.connect() as connection:
            while not self._stop.wait(0.005):
                self.waiting += connection.exec_driver_sql(self._QUERY.replace("%", "%%")).scalar_one()
                self.looks += 1
                connection.rollback()


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
        with ProcessPoolExecutor(arguments.writers, multiprocessing.get_context("spawn")) as pool:
            list(pool.map(burn, [0.1] * arguments.writers))  # the processes start
            with readers() as control:
                list(pool.map(burn, [_IDLE_SECONDS] * arguments.writers))
        watcher = reading_engine()
        stack.callback(watcher.dispose)
        with (
            ProcessPoolExecutor(arguments.writers, multiprocessing.get_context("spawn")) as pool,
            readers() as busy,
            LockWatch(watcher) as watch,
        ):
            share = arguments.publishes // arguments.writers
            done = [pool.submit(write, settings, ids, share) for _ in range(arguments.writers)]
            results = [future.result() for future in done]
        with readers() as idle_again:
            time.sleep(_IDLE_SECONDS)
        publishing = [one for seconds, _ in results for one in seconds]
        calm, burnt, seen = idle.total(), control.total(), busy.total()
        calm.seconds += idle_again.total().seconds
        print(
            f"{len(publishing)} publishes by {arguments.writers} writers ({sum(r for _, r in results)} refused and repeated), "
            f"{arguments.readers} readers, mode {arguments.mode}, {dialect}"
        )
        print(
            f"reads {seen.reads:,}: mixed {seen.mixed}, empty {seen.empty}, wrong or duplicate {seen.wrong}, errors {len(seen.errors)}"
        )
        for name, one in (("idle", calm), ("processors in use", burnt), ("publishing", seen)):
            p50, p99, p999 = np.quantile(one.seconds, [0.5, 0.99, 0.999]) * 1000
            print(
                f"readers, {name}: p50 {p50:.2f} ms, p99 {p99:.2f}, p99.9 {p999:.2f}, longest {max(one.seconds) * 1000:.1f}, "
                f"of {len(one.seconds):,} reads"
            )
        if watch.looks:
            print(f"readers seen waiting for a lock: {watch.waiting} in {watch.looks:,} looks")
        print(
            f"load average of the machine {os.getloadavg()[1]:.1f}, {os.cpu_count()} processors; "
            f"publish p50 {np.median(publishing) * 1000:.1f} ms, p99 {np.quantile(publishing, 0.99) * 1000:.1f} ms, "
            f"longest {max(publishing) * 1000:.1f} ms"
        )


if __name__ == "__main__":
    main()
