"""Time profiles against a bare Polars group-by over the same Parquet, lead times and the legacy aggregator.

    python tests/benchmarks/bench_times.py --rows 8000000
    python tests/benchmarks/bench_times.py --results run/clean/work_results.parquet --shards 4

The bare group-by computes count, mean, standard deviation and three quantiles of both measures for the three keys of the
profiles: no entry errors found, nothing trimmed, nothing written. Each part runs in a process of its own, so that peak
memory is its own; CPU seconds are shown beside wall seconds because they hold on a busy machine too. `legacy loop` is the
legacy contract over dicts in plain Python.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from routing_etl.frames import OPERATIONS, WORK_RESULTS, TimeBasis
from routing_etl.times.lead_time import totals
from routing_etl.times.profiles import ReportedTimes, build_profiles, subset_evidence

KEYS = (["item_key", "proc_seq", "job_cd"], ["job_cd", "res_cd"], ["job_cd"])


def write_results(path: Path, rows: int, seed: int) -> None:
    """Work results of `rows / 4.5` operations: times around an item's own, 1 % entry errors, 10 % blank set-ups."""
    rng = np.random.default_rng(seed)
    items = max(rows // 45, 1)
    item = rng.integers(0, items, rows)
    seq = rng.integers(1, 11, rows) * 10
    job = (item * 7 + seq) % 120
    quantity = rng.integers(1, 60, rows).astype(float)
    hours = np.exp(rng.normal(0, 0.25, rows) + (item % 50) / 25) * quantity / 6
    hours *= np.where(rng.random(rows) < 0.01, 60.0, 1.0)
    setup = np.where(rng.random(rows) < 0.1, 0.0, np.exp(rng.normal(-1, 0.25, rows)))
    frame = pl.DataFrame(
        {"item": item, "job": job, "res": (job * 3 + rng.integers(0, 5, rows)) % 300, "proc_seq": seq.astype(np.int32),
         "machine_time": hours, "setup_time": setup, "order_qty": quantity}
    ).with_columns(
        item_key="3H" + pl.col("item").cast(pl.String).str.zfill(6) + "DB",
        job_cd="C" + pl.col("job").cast(pl.String),
        res_cd="CNC-" + pl.col("res").cast(pl.String),
        rout_no=pl.lit("C1M3002000"),
        report_dt=pl.date(2023, 1, 1) + pl.duration(days=pl.col("item") % 900),
        match_level=pl.lit("routing"),
    ).drop("item", "job", "res")  # fmt: skip
    WORK_RESULTS.conform(frame).write_parquet(path)


def bare_group_by(results: Path, shards: int) -> None:
    """What Polars needs for the plain statistics."""
    del shards
    lazy = pl.scan_parquet(results).with_columns(
        run=pl.col("machine_time") * 60 / pl.col("order_qty"), setup=pl.col("setup_time") * 60
    )
    statistics = [
        e
        for c in (pl.col("run"), pl.col("setup"))
        for e in (
            c.count().name.suffix("_n"),
            c.mean().name.suffix("_mean"),
            c.std(ddof=0).name.suffix("_std"),
            *(c.quantile(q, "linear").name.suffix(f"_{q}") for q in (0.1, 0.5, 0.9)),
        )
    ]
    for keys in KEYS:
        lazy.group_by(keys).agg(statistics).collect()


def profiles(results: Path, shards: int) -> None:
    """The product's own."""
    with tempfile.TemporaryDirectory() as out:
        report = build_profiles(
            ReportedTimes(pl.scan_parquet(results), TimeBasis()),
            OPERATIONS.empty().lazy(),
            Path(out),
            shards=shards,
        )
        print(report, file=sys.stderr)


def subset(results: Path, shards: int) -> None:
    """The product's own, and the pooled profiles once more without a tenth of the items."""
    with tempfile.TemporaryDirectory() as out:
        build_profiles(
            ReportedTimes(pl.scan_parquet(results), TimeBasis()),
            OPERATIONS.empty().lazy(),
            Path(out),
            shards=shards,
        )
        hidden = pl.scan_parquet(results).select(pl.col("item_key").unique()).collect()["item_key"]
        started = time.perf_counter()
        subset_evidence(Path(out), hidden.gather_every(10), TimeBasis())
        print(f"subset alone: {time.perf_counter() - started:.2f} s", file=sys.stderr)


PARTS: dict[str, Callable[[Path, int], None]] = {
    "bare group-by": bare_group_by,
    "build_profiles": profiles,
    "build_profiles + subset": subset,
}


def measure(part: str, results: Path, shards: int) -> dict[str, float]:
    """Run one part in a process of its own."""
    command = [sys.executable, __file__, "--part", part, "--results", str(results), "--shards", str(shards)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    print("   ", done.stderr.strip()[:400])
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def timed(action: Callable[[], Any], repeat: int = 3) -> float:
    """Best of `repeat` wall seconds."""
    best = float("inf")
    for _ in range(repeat):
        started = time.perf_counter()
        action()
        best = min(best, time.perf_counter() - started)
    return best


def legacy_loop(rows: list[dict[str, Any]]) -> dict[str, float]:
    """The legacy contract in plain Python: keys in any case, sources in order, text or number, totals."""
    sources = {
        "setup_time": ("SETUP_TIME", "ACT_SETUP_TIME"),
        "run_time": ("MACH_WORKED_HOURS", "ACT_RUN_TIME", "RUN_TIME"),
        "queue_time": ("QUEUE_TIME",),
        "wait_time": ("WAIT_TIME", "IDLE_TIME"),
        "move_time": ("MOVE_TIME",),
    }

    def number(value: Any) -> float | None:
        text = "" if value is None else str(value).strip()
        try:
            return float(text) if text else None
        except ValueError:
            return None

    sums = dict.fromkeys(sources, 0.0)
    for row in rows:
        upper = {str(key).upper(): value for key, value in row.items()}
        for name, columns in sources.items():
            found = (number(upper.get(column)) for column in columns)
            sums[name] += next((v for v in found if v is not None), 0.0)
    return sums


def aggregators() -> None:
    """Dicts through the legacy contract, and the same operations as a frame."""
    print(f"\n{'operations':>12} {'legacy loop':>12} {'lead_time.totals':>17} {'loop/totals':>12}")
    for n in (1_000, 10_000, 60_000, 600_000):
        rows = [
            {"PROC_SEQ": i + 1, "SETUP_TIME": 5 + i % 10, "RUN_TIME": 15 + i % 20, "QUEUE_TIME": 2 + i % 5,
             "WAIT_TIME": 1 + i % 3, "MOVE_TIME": 0.5 + i % 2} for i in range(n)
        ]  # fmt: skip
        frame = pl.DataFrame(
            {"item_key": [str(i // 10) for i in range(n)], "rout_no": "R", "proc_seq": [r["PROC_SEQ"] for r in rows],
             **{f"{p}_min": [float(r[f"{p.upper()}_TIME"]) for r in rows] for p in ("setup", "run", "queue", "wait", "move")},
             "mfg_lt_days": 0.0}
        ).lazy()  # fmt: skip
        loop = timed(lambda rows=rows: legacy_loop(rows))
        lazy = timed(lambda frame=frame: totals(frame).collect())
        print(f"{n:>12,} {loop:>11.4f}s {lazy:>16.4f}s {loop / lazy:>11.1f}x")


def main() -> None:
    """Run everything, or one part when called by `measure`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--results", type=Path)
    parser.add_argument("--shards", type=int, default=1)
    parser.add_argument("--part", choices=list(PARTS))
    arguments = parser.parse_args()
    if arguments.part:
        wall, cpu = time.perf_counter(), time.process_time()
        PARTS[arguments.part](arguments.results, arguments.shards)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        print(
            json.dumps({"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu, "peak": peak})
        )
        return
    with tempfile.TemporaryDirectory() as folder:
        results = arguments.results
        if results is None:
            results = Path(folder) / "work_results.parquet"
            write_results(results, arguments.rows, arguments.seed)
        rows = pl.scan_parquet(results).select(pl.len()).collect().item()
        print(f"{rows:,} work results, {arguments.shards} shard(s)")
        figures = {part: measure(part, results, arguments.shards) for part in PARTS}
    bare = figures["bare group-by"]
    print(f"{'':>26} {'wall s':>8} {'CPU s':>8} {'peak GB':>8} {'wall x':>7} {'CPU x':>7}")
    for part, f in figures.items():
        ratios = f"{f['wall'] / bare['wall']:>7.2f} {f['cpu'] / bare['cpu']:>7.2f}"
        print(f"{part:>26} {f['wall']:>8.2f} {f['cpu']:>8.2f} {f['peak']:>8.2f} {ratios}")
    aggregators()


if __name__ == "__main__":
    main()
