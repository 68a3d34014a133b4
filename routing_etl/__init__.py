"""routing_etl: predicted manufacturing routings, from ERP tables to tables the ERP reads.

Most people run it as a nightly batch (`routing-etl --help`, or Dagster). This package is also a library: the names in
`__all__` are its public face, and they are loaded when they are first used, so that `import routing_etl` stays fast.

Examples
--------
Forty parts, of which the first 36 have a routing: rings are turned, plates are milled, and hard material goes through the
oven. Two frames are enough, items with their attributes and operations in their order.

>>> import polars as pl
>>> from routing_etl import RoutingPredictor
>>> rows = [(f"P{i:02d}", ("ring", "plate")[i % 2], ("soft", "hard")[i // 2 % 2]) for i in range(40)]
>>> items = pl.DataFrame(rows, schema=["item_cd", "shape", "material"], orient="row")
>>> steps = []
>>> for code, shape, material in rows[:36]:
...     steps.append((code, 10, "SAW", "SAW-1"))
...     steps.append((code, 20, "TURN", "LATHE-2") if shape == "ring" else (code, 20, "MILL", "MILL-1"))
...     if material == "hard":
...         steps.append((code, 30, "HARDEN", "OVEN-1"))
>>> operations = pl.DataFrame(steps, schema=["item_cd", "proc_seq", "job_cd", "res_cd"], orient="row")

`fit` learns from both, `predict` proposes routings for the items without one, best first:

>>> model = RoutingPredictor(n_trees=20).fit(items, operations)
>>> found = model.predict(items.tail(4))
>>> best = found.candidates.filter(pl.col("candidate_rank") == 1)
>>> for code, routing in best.select("item_cd", "routing_code").iter_rows():
...     print(code, routing)
P36 SAW>TURN
P37 SAW>MILL
P38 SAW>TURN>HARDEN
P39 SAW>MILL>HARDEN

The operations of a candidate come with the resource, and with times where the operations had any:

>>> steps = found.operations.filter(item_cd="P38", candidate_rank=1)
>>> steps.select("proc_seq", "job_cd", "res_cd", "run_time", "time_source").rows()
[(10, 'SAW', 'SAW-1', None, 'none'), (20, 'TURN', 'LATHE-2', None, 'none'), (30, 'HARDEN', 'OVEN-1', None, 'none')]
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from routing_etl.errors import RoutingEtlError
    from routing_etl.evaluation.evaluate import evaluate
    from routing_etl.evaluation.options import EvaluationOptions
    from routing_etl.evaluation.report import EvaluationReport
    from routing_etl.evaluation.work_results import WorkResults
    from routing_etl.frames import AttributeSpec, Predictions, TimeEvidence
    from routing_etl.model.predictor import RoutingPredictor

__all__ = [
    "AttributeSpec",
    "EvaluationOptions",
    "EvaluationReport",
    "Predictions",
    "RoutingEtlError",
    "RoutingPredictor",
    "TimeEvidence",
    "WorkResults",
    "__version__",
    "evaluate",
]

# Polars reads this when it is first imported. By default its allocator keeps freed pages for some seconds, so that frames
# that are gone count in the peak of memory; a nightly batch shares its server with others. A value set from outside wins.
os.environ.setdefault("_RJEM_MALLOC_CONF", "muzzy_decay_ms:0")

__version__ = "0.9.0"

#: Where each lazily loaded name lives.
_HOMES = {
    "AttributeSpec": "routing_etl.frames",
    "EvaluationOptions": "routing_etl.evaluation.options",
    "EvaluationReport": "routing_etl.evaluation.report",
    "Predictions": "routing_etl.frames",
    "RoutingEtlError": "routing_etl.errors",
    "RoutingPredictor": "routing_etl.model.predictor",
    "TimeEvidence": "routing_etl.frames",
    "WorkResults": "routing_etl.evaluation.work_results",
    "evaluate": "routing_etl.evaluation.evaluate",
}


def __getattr__(name: str) -> Any:
    """Load a public name at its first use (PEP 562) and keep it, so that the next use costs nothing."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """The module's names, those not loaded yet included."""
    return sorted({*globals(), *__all__})
