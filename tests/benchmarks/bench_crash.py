"""kill -9 of a process that loads, publishes and purges, at random moments.

    python tests/benchmarks/bench_crash.py --kills 200

After each kill the current publication is compared, every row, with the checksums recorded at its load; at the end the
next run must work without a manual clean-up. Any difference stops the benchmark with an error.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from warehouse_crash import kill_at_random


def main() -> None:
    """Run with the given number of kills."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--items", type=int, default=150)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        seen = kill_at_random(
            Path(folder), arguments.kills, items=arguments.items, seed=arguments.seed, longest=1.5
        )
    print(f"{arguments.kills} kills: last publication intact each time, the next run recovered alone")
    print("kills that " + ", ".join(f"{what}: {count}" for what, count in seen.items()))


if __name__ == "__main__":
    main()
