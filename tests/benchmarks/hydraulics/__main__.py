"""A plant that makes hydraulic cylinders, valves, pump parts, gears and shafts: its ERP with a known truth, in SQLite.

    python tests/benchmarks/hydraulics --items 20000 --seed 1 --out erp.db
    python tests/benchmarks/hydraulics --items 20000 --seed 1 --out erp.db --knobs '{"empty_share": 0.5}'

Families in use, thresholds, rules, codes, machines and planners' habits are drawn from the seed as well. The plant was written
apart from the product's own (`routing_etl.plant`), and neither imports the other.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from hydraulics.erp import write_erp
from hydraulics.knobs import Knobs


def main() -> None:
    """Write a plant and print its summary."""
    parser = argparse.ArgumentParser(
        prog="python tests/benchmarks/hydraulics",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--items", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True, help="SQLite file; what is there is replaced")
    parser.add_argument("--knobs", default="{}", help=f"JSON, of {Knobs().to_json()}")
    args = parser.parse_args()
    started = time.perf_counter()
    try:
        summary = write_erp(args.out, args.items, args.seed, Knobs.from_json(args.knobs))
    except ValueError as exc:
        parser.error(str(exc))
    for name, value in summary.items():
        print(f"  {name:32s} {float(value):.4f}".rstrip("0").rstrip("."))
    print(f"Wrote {args.out} in {time.perf_counter() - started:.1f} s")


if __name__ == "__main__":
    main()
