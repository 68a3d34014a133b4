"""Processor time of the source checks as a step of Dagster and as the command: `routing-etl check`.

    python tests/benchmarks/bench_check_step.py --home demo
    python tests/benchmarks/bench_check_step.py --items 20000

Without `--home` a plant is made, read and cleaned first. Each way runs in a process of its own, with an event log in SQLite files as
`routing-etl ui` has it; what both import lazily (Great Expectations) counts for both in the first pass. Dagster's own start of a run,
which plans the checks before the step begins, is shown beside it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SUPPORT = Path(__file__).resolve().parents[1] / "support"
PASSES = 2


def by_command(home: Path) -> list[dict[str, float]]:
    """Seconds of processor of the step that the command calls."""
    from homes import home_settings

    from routing_etl.pipeline import steps, street
    from routing_etl.pipeline.context import Context
    from routing_etl.runs import find_run

    settings, found = home_settings(home), []
    for _ in range(PASSES):
        begin = time.process_time()
        steps.check_source(Context(settings, find_run(home, None, having=street.CLEAN.report)))
        found.append({"step": time.process_time() - begin})
    return found


def by_dagster(home: Path) -> list[dict[str, float]]:
    """The same as a step, from when its compute function is called to its last event; and what the run took in all."""
    import dagster as dg
    from check_step import checks_alone

    from dagster_defs import resources

    found, entered = [], resources.Street.step
    begun: list[float] = []

    def noted(self: resources.Street, *arguments: object, **named: object) -> object:
        begun.append(time.process_time())
        return entered(self, *arguments, **named)  # type: ignore[arg-type]

    resources.Street.step = noted  # type: ignore[method-assign, assignment]
    job = checks_alone(home)
    with tempfile.TemporaryDirectory() as folder, dg.DagsterInstance.local_temp(folder) as instance:
        for _ in range(PASSES):
            begin = time.process_time()
            result = job.execute_in_process(instance=instance)
            end = time.process_time()
            count = sum(e.event_type_value == "ASSET_CHECK_EVALUATION" for e in result.all_events)
            found.append({"step": end - begun[-1], "run": end - begin, "checks": count})
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--home", type=Path, help="a home after a night")
    parser.add_argument("--items", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--way", choices=["command", "dagster"], help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.way:
        print(json.dumps({"command": by_command, "dagster": by_dagster}[asked.way](asked.home)))
        return
    with tempfile.TemporaryDirectory() as folder:
        home = asked.home or _read_plant(Path(folder), asked.items, asked.seed)
        found = {way: _measured(way, home) for way in ("command", "dagster")}
    print(f"{found['dagster'][0]['checks']:.0f} checks; seconds of processor")
    for number in range(PASSES):
        command, dagster = found["command"][number]["step"], found["dagster"][number]["step"]
        print(
            f"pass {number + 1}: command {command:.2f}, step {dagster:.2f}, ratio {dagster / command:.2f}; "
            f"whole run of Dagster {found['dagster'][number]['run']:.2f}"
        )


def _environment() -> dict[str, str]:
    path = os.pathsep.join([str(SUPPORT), str(SUPPORT.parents[1]), os.environ.get("PYTHONPATH", "")])
    return {**os.environ, "PYTHONPATH": path}


def _measured(way: str, home: Path) -> list[dict[str, float]]:
    """What one way took, in a process of its own."""
    words = [sys.executable, __file__, "--way", way, "--home", str(home)]
    done = subprocess.run(words, env=_environment(), capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    measured: list[dict[str, float]] = json.loads(done.stdout.splitlines()[-1])
    return measured


def _read_plant(home: Path, items: int, seed: int) -> Path:
    """A home whose ERP is read and cleaned."""
    url = f"sqlite:///{(home / 'erp.db').as_posix()}"
    for words in (
        ["plant", "--items", str(items), "--seed", str(seed), "--url", url],
        ["migrate"],
        ["extract"],
    ):
        subprocess.run(
            [sys.executable, "-m", "routing_etl", *words, "--quiet"], check=True,
            env={**_environment(), "ROUTING_ETL_HOME": str(home)},
        )  # fmt: skip
    return home


if __name__ == "__main__":
    main()
