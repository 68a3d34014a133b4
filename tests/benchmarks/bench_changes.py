"""What a night costs by how many items have changed: rows and bytes written, seconds, and the purge after it.

    python tests/benchmarks/bench_changes.py --items 5000 [--postgres]

Predictions are made up. Each night is loaded, published and followed by a purge to the newest two. Bytes are what the
database file has grown by together with its log (SQLite, with free pages used first), or the write-ahead log's growth
(PostgreSQL).
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

import polars as pl
import sqlalchemy as sa
from postgres_cluster import cluster
from warehouse_predictions import many_frames, warehouse, write_frames

from routing_etl.database.engine import make_engine
from routing_etl.settings import load_settings
from routing_etl.warehouse.migrate import migrate
from routing_etl.warehouse.publish import Publisher


class Written:
    """Bytes that the database has written so far."""

    def __init__(self, engine: sa.Engine, path: Path) -> None:
        self._engine, self._path = engine, path
        self.pages = 0
        if engine.dialect.name == "sqlite":
            sa.event.listen(
                engine, "connect", lambda connection, _: connection.execute("PRAGMA wal_autocheckpoint = 0")
            )
            engine.dispose()

    def bytes(self) -> int:
        """PostgreSQL: position in the write-ahead log. SQLite: size of its log, which is then emptied."""
        with self._engine.connect() as connection:
            if self._engine.dialect.name == "postgresql":
                return int(
                    connection.exec_driver_sql("SELECT pg_current_wal_lsn() - '0/0'::pg_lsn").scalar_one()
                )
            log = self._path.with_name(self._path.name + "-wal")
            self.pages += log.stat().st_size if log.exists() else 0
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
            return self.pages


def changed(frames: dict[str, pl.DataFrame], items: int, value: float) -> dict[str, pl.DataFrame]:
    """The same batch with another set-up time in the operations of so many items."""
    some = frames["candidates"]["item_cd"].unique().sort().head(items)
    other = pl.when(pl.col("item_cd").is_in(some.implode())).then(value).otherwise(pl.col("setup_time"))
    return {
        **frames,
        "candidate_operations": frames["candidate_operations"].with_columns(setup_time=other),
    }


def main() -> None:
    """Run with the given size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=5000)
    parser.add_argument("--postgres", action="store_true", help="a PostgreSQL of its own")
    arguments = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        if arguments.postgres:
            url = stack.enter_context(cluster())
            settings = load_settings(home=folder, warehouse_url=url, warehouse_schema="bench_changes")
            engine = make_engine(url, "warehouse", settings)
            migrate(engine, "bench_changes")
            publisher = Publisher(engine, settings)
        else:
            publisher, _ = warehouse(folder / "w.db")
        log = Written(publisher._engine, folder / "w.db")
        frames = many_frames(arguments.items)
        print(f"{arguments.items:,} items, {publisher._engine.dialect.name}")
        print("| items changed | rows written | MB written | load s | of it reconcile s | purge s |")
        print("|---|---|---|---|---|---|")
        counts = [arguments.items, 0, 1, 30, arguments.items // 10, arguments.items]
        for night, count in enumerate(counts):
            files = write_frames(folder / f"p{night}", frames, parts=10)
            before, started = log.bytes(), time.perf_counter()
            report = publisher.load(files, run_id="b", model_version="m")
            publisher.publish(report.publication_id)
            loaded = time.perf_counter()
            publisher.purge(2)
            ended = time.perf_counter()
            megabytes = (log.bytes() - before) / 1e6
            first = " (first load)" if night == 0 else ""
            print(
                f"| {count:,}{first} | {report.rows_written:,} | {megabytes:,.1f} | {loaded - started:.2f} "
                f"| {report.seconds.get('reconcile', 0):.2f} | {ended - loaded:.2f} |",
                flush=True,
            )
            following = counts[night + 1] if night + 1 < len(counts) else 0
            frames = changed(frames, following, 1.0 + night)
        publisher._engine.dispose()


if __name__ == "__main__":
    main()
