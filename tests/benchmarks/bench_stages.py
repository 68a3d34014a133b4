"""Stage timings and peak memory of the whole night, at sizes given by name.

    python tests/benchmarks/bench_stages.py --items 20000 --items 325000 [--seed 42] [--folder DIR]

Each size is one plant in SQLite and one night in a process of its own, so that its peak memory is its own. The last
column is what the growth rule of the design asks: seconds per item against the smallest size (10 times the items may
take at most 12 times the time, a ratio of 1.2).
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from routing_etl.pipeline import street

STEPS = tuple(step.name for step in street.NIGHT)


def command(home: Path, *words: str) -> tuple[float, float]:
    """Run routing-etl in its own process; returns wall seconds and peak MB of the largest child so far."""
    environment = {**os.environ, "ROUTING_ETL_HOME": str(home)}
    started = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "routing_etl", *words],
        env=environment,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


def one_size(items: int, seed: int, folder: Path) -> dict[str, Any]:
    """Plant and night of one size; seconds and peak memory per step."""
    home = folder / f"items_{items}"
    home.mkdir(parents=True)
    plant, _ = command(
        home, "plant", "--items", str(items), "--seed", str(seed), "--url", f"sqlite:///{home / 'erp.db'}"
    )
    night, _ = command(home, "run", "--retrain")
    run = next((home / "runs").iterdir())
    told = {s: json.loads((run / "reports" / f"{s}.json").read_text(encoding="utf-8")) for s in STEPS}
    reports = {s: {**content["result"], **content["cost"]} for s, content in told.items()}
    return {"items": items, "plant": plant, "night": night, "reports": reports}


def table(results: list[dict[str, Any]]) -> str:
    """Markdown: a row per step, two columns per size."""
    head = "| step |" + "".join(f" {r['items']:,} items: s | peak MB |" for r in results) + " growth |"
    lines = [head, "|---" * (2 * len(results) + 2) + "|"]
    small, large = results[0], results[-1]
    scale = large["items"] / small["items"]

    def growth(a: float, b: float) -> str:
        return f"{b / max(a, 0.05) / scale:.2f}" if scale > 1 else "-"

    lines.append(
        "| plant |"
        + "".join(f" {r['plant']:.1f} | |" for r in results)
        + f" {growth(small['plant'], large['plant'])} |"
    )
    for step in STEPS:
        cells = "".join(
            f" {r['reports'][step]['seconds']:.1f} | {r['reports'][step]['peak_memory_mb']:.0f} |"
            for r in results
        )
        lines.append(
            f"| {step} |{cells} {growth(small['reports'][step]['seconds'], large['reports'][step]['seconds'])} |"
        )
    lines.append(
        "| the night |"
        + "".join(f" {r['night']:.1f} | |" for r in results)
        + f" {growth(small['night'], large['night'])} |"
    )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--items", type=int, action="append", help="size; repeatable; default 20000")
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--folder", type=Path, help="keep everything here; default: a temporary folder")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        results = [one_size(items, arguments.seed, folder) for items in sorted(arguments.items or [20_000])]
        print(table(results))
        for r in results:
            scored = r["reports"]["score"]
            rate = scored["items"] / scored["seconds"]
            print(
                f"{r['items']:,} items: scored {scored['items']:,} at {rate:,.0f} a second; rows {scored['rows']}"
            )


if __name__ == "__main__":
    main()
