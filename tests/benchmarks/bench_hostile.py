"""Nights on hostile ERP databases by seed: how each ended, as a table by fault. Ends with 1 if one ended as it must not.

    python tests/benchmarks/bench_hostile.py [--cases N] [--first SEED] [--jobs N] [--limit SECONDS] [--verbose]

What the faults are is in tests/support/hostile_erp.py; a case alone: --first SEED --cases 1. A case that takes longer than the
limit by the clock counts as a hang: raise it on a machine that has much else to do.
"""

from __future__ import annotations

import argparse
import collections
import multiprocessing
import os
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from hostile_erp import FAULTS, Outcome, faults_of, make_template, run_case

from routing_etl import log

KINDS = ("published", "sentence", "raw", "hang", "lost", "unreadable")


def _quiet(folder: Path) -> None:
    """Each process has a log of its own."""
    log.configure(folder / f"logs-{os.getpid()}", "ERROR")


def _case(folder: Path, limit: int, seed: int) -> Outcome:
    """One case in a folder that this process alone uses."""
    return run_case(seed, folder / "template", folder / f"case-{os.getpid()}", limit=limit)


def main() -> None:
    """Run the cases and print the table."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--cases", type=int, default=500)
    asked.add_argument("--first", type=int, default=0, help="seed of the first case")
    asked.add_argument("--jobs", type=int, default=1, help="processes side by side")
    asked.add_argument("--limit", type=int, default=300, help="seconds after which a case counts as a hang")
    asked.add_argument("--verbose", action="store_true", help="print each case as it ends")
    options = asked.parse_args()
    found: dict[int, Outcome] = {}
    with tempfile.TemporaryDirectory(prefix="hostile-") as name:
        folder = Path(name)
        _quiet(folder)
        make_template(folder / "template")
        seeds = range(options.first, options.first + options.cases)
        spawn = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(options.jobs, spawn, _quiet, (folder,)) as pool:
            for seed, outcome in zip(
                seeds, pool.map(partial(_case, folder, options.limit), seeds), strict=True
            ):
                found[seed] = outcome
                if options.verbose or not outcome.good:
                    faults = " + ".join(f.__name__ for f in faults_of(seed))
                    print(
                        f"{seed}: {faults}: {outcome.kind}, {outcome.seconds} s: {outcome.text}", flush=True
                    )
    print_table(found)
    sys.exit(any(not outcome.good for outcome in found.values()))


def print_table(found: dict[int, Outcome]) -> None:
    """Outcomes by fault; a pair counts in both rows."""
    print(f"| fault | cases | {' | '.join(KINDS)} |\n|---|{'---|' * (len(KINDS) + 1)}")
    for fault in FAULTS:
        kinds = collections.Counter(o.kind for seed, o in found.items() if fault in faults_of(seed))
        shown = " | ".join(str(kinds[kind] or "") for kind in KINDS)
        print(f"| {fault.__name__.replace('_', ' ')} | {kinds.total()} | {shown} |")
    kinds = collections.Counter(o.kind for o in found.values())
    print(f"| all | {kinds.total()} | {' | '.join(str(kinds[kind] or '') for kind in KINDS)} |")


if __name__ == "__main__":
    main()
