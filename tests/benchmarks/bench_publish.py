"""Publications with readers at work: what they see, how long they wait, how long a publish takes.

    python tests/benchmarks/bench_publish.py --publishes 500 --readers 8 [--postgres]

Each reader looks up one item through `routing_predictions` again and again, and now and then counts the whole batch.
Mixed, empty and duplicate reads must be 0; the readers' p99 while publishing is compared with their idle p99.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
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
from routing_etl.settings import load_settings
from routing_etl.warehouse.migrate import migrate
from routing_etl.warehouse.publish import Publisher


def main() -> None:
    """Run with the given numbers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--publishes", type=int, default=500)
    parser.add_argument("--readers", type=int, default=8)
    parser.add_argument("--items", type=int, default=2000)
    parser.add_argument("--postgres", action="store_true")
    arguments = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        if arguments.postgres:
            settings = load_settings(home=folder, warehouse_url=stack.enter_context(cluster()))
            engine = make_engine(settings.warehouse, "warehouse", settings)
            migrate(engine, settings.warehouse_schema)
            publisher = Publisher(engine, settings)
        else:
            publisher, settings = warehouse(folder / "w.db")
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
            engine = sa.create_engine(settings.warehouse)
            if arguments.postgres:
                sa.event.listen(
                    engine, "connect", lambda c, _: (c.execute("SET search_path TO routing"), c.commit())
                )
            return engine

        def readers() -> Readers:
            made = Readers(
                reading_engine,
                arguments.readers,
                "0H10000DB",
                21,
                whole_every=200,
                marker="%s" if arguments.postgres else "?",
            )
            made.expected.update(expected)
            return made

        with readers() as idle:
            time.sleep(5)
        publishing: list[float] = []
        with readers() as busy:
            publishing += [
                publisher.publish(ids[(number + 1) % 2]).seconds for number in range(arguments.publishes)
            ]
        calm, seen = idle.total(), busy.total()
        p99 = [float(np.quantile(s.seconds, 0.99)) * 1000 for s in (calm, seen)]
        print(
            f"{arguments.publishes} publishes, {arguments.readers} readers, {settings.warehouse.split(':')[0]}"
        )
        print(
            f"reads {seen.reads:,}: mixed {seen.mixed}, empty {seen.empty}, wrong or duplicate {seen.wrong}, errors {len(seen.errors)}"
        )
        print(
            f"reader p99 idle {p99[0]:.2f} ms, publishing {p99[1]:.2f} ms, ratio {p99[1] / p99[0]:.2f}; longest {max(seen.seconds) * 1000:.1f} ms"
        )
        print(
            f"publish p50 {np.median(publishing) * 1000:.1f} ms, p99 {np.quantile(publishing, 0.99) * 1000:.1f} ms, "
            f"longest {max(publishing) * 1000:.1f} ms"
        )


if __name__ == "__main__":
    main()
