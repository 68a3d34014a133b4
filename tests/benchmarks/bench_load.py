"""Load, reconcile, publish and purge at a chosen size on SQLite, against the driver's own rate for the same rows.

    python tests/benchmarks/bench_load.py --items 146000

Prints rows per second of the largest table, seconds per step, the ratio to a bare `sqlite3.executemany` of the same
tuples into a table without constraints, and peak memory.
"""

from __future__ import annotations

import argparse
import resource
import sqlite3
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from warehouse_predictions import warehouse, write_many

from routing_etl.warehouse.load import batches


def raw_rate(folder: Path, predictions: Path, publisher) -> float:
    """Rows per second of the bare driver: tuples ready in memory, no key, no constraint, one transaction."""
    operations = next(
        f
        for t, f in next(iter(batches(predictions, publisher.tables)))
        if t.table.name == "candidate_operation"
    )
    rows = operations.rows()
    with sqlite3.connect(folder / "raw.db") as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"CREATE TABLE x ({', '.join(operations.columns)})")
        started = time.perf_counter()
        connection.executemany(f"INSERT INTO x VALUES ({', '.join('?' * operations.width)})", rows)
        connection.commit()
        return len(rows) / (time.perf_counter() - started)


def main() -> None:
    """Run with the given size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=146_000)
    parser.add_argument("--candidates", type=int, default=3)
    parser.add_argument("--operations", type=int, default=7)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shape = {"candidates": arguments.candidates, "operations": arguments.operations}
        first = write_many(folder / "a", arguments.items, parts=20, **shape)
        publisher, _ = warehouse(folder / "w.db")
        started = time.perf_counter()
        report = publisher.load(first, run_id="bench", model_version="m1")
        total = time.perf_counter() - started
        moved = publisher.publish(report.publication_id)
        rows = sum(report.rows.values())
        print(f"rows {rows:,} ({report.rows['candidate_operation']:,} operations)")
        print(
            "seconds "
            + ", ".join(f"{k} {v:.1f}" for k, v in report.seconds.items())
            + f", load in all {total:.1f}"
        )
        rate = rows / report.seconds["write"]
        raw = raw_rate(folder, first, publisher)
        print(
            f"written {rate:,.0f} rows/s; bare driver {raw:,.0f} rows/s of the widest table; ratio {rate / raw:.2f}"
        )
        print(f"publish {moved.seconds * 1000:.1f} ms")
        started = time.perf_counter()
        publisher.load(first, run_id="again", model_version="m1")
        print(f"the same again {time.perf_counter() - started:.1f} s")
        other = publisher.load(write_many(folder / "b", 100), run_id="small", model_version="m1")
        publisher.publish(other.publication_id)
        started = time.perf_counter()
        publisher.purge(1)
        print(f"purge {time.perf_counter() - started:.1f} s")
        print(f"database {(folder / 'w.db').stat().st_size / 1e6:,.0f} MB")
        print(
            f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB (making the rows included)"
        )


if __name__ == "__main__":
    main()
