"""Methods of an evaluation: unfitted models, fitted and asked fold by fold; what fails is kept as its reason."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import polars as pl

from routing_etl.errors import ConfigurationError
from routing_etl.evaluation.assembly import EXPECTED
from routing_etl.evaluation.metric_table import MODEL
from routing_etl.evaluation.reasons import with_message
from routing_etl.evaluation.splits import Fold
from routing_etl.frames import Predictions, TimeEvidence
from routing_etl.log import get_logger
from routing_etl.progress import SILENT, Progress

log = get_logger(__name__)


class Predictor(Protocol):
    """What can be evaluated: `RoutingPredictor`, a baseline, or anything with their `fit` and `predict`."""

    def fit(
        self,
        items: pl.DataFrame,
        operations: pl.DataFrame,
        *,
        times: TimeEvidence | None = None,
        progress: Progress = SILENT,
    ) -> object:
        """Learn from routed items."""
        ...

    def predict(self, items: pl.DataFrame) -> Predictions:
        """Propose routings for items."""
        ...


def maker_of_unfitted(model: Predictor | Callable[[], Predictor]) -> Callable[[], Predictor]:
    """What makes the unfitted models: the callable that was given, or clones of the estimator that was given."""
    if callable(model):
        return model
    if not hasattr(model, "get_params"):
        raise ConfigurationError(
            f"A {type(model).__name__} cannot be evaluated: it can be neither called nor cloned.",
            remedy="Give a callable that makes an unfitted model (its class, for example), or a scikit-learn estimator.",
        )
    from sklearn.base import clone

    return functools.partial(clone, model)


@dataclass
class _Run:
    """Predictions of one method, one part per fold, or why there are none."""

    make: Callable[[], Predictor]
    parts: list[Predictions] = field(default_factory=list)
    failure: str | None = None
    fit_seconds: float = 0.0
    predict_seconds: float = 0.0


class Methods:
    """The model and the baselines, fitted and asked fold by fold."""

    def __init__(self, makers: Mapping[str, Callable[[], Predictor]]) -> None:
        self._runs = {name: _Run(make) for name, make in makers.items()}
        #: Whether the model draws by a seed.
        self.seeded = False

    def run(self, fold: Fold, items: pl.DataFrame, times: TimeEvidence, progress: Progress) -> None:
        """Fit every method on the fold's training side and predict its judged side; a failure is kept."""
        test = fold.test.to_frame("item_key")
        asked = items.join(test, on="item_key", how="semi").sort("item_key")
        rest = items.join(test, on="item_key", how="anti", maintain_order="left")
        for name, run in self._runs.items():
            if run.failure is not None:
                continue
            try:
                begun = time.perf_counter()
                model = run.make()
                self.seeded |= name == MODEL and "random_state" in getattr(model, "get_params", dict)()
                model.fit(rest, fold.operations, times=times, progress=progress)
                fitted = time.perf_counter()
                run.parts.append(model.predict(asked))
                # Gone before the next one is fitted: at full size a gigabyte.
                del model
            except EXPECTED as exc:
                log.exception("evaluated_method_failed", method=name, error=str(exc))
                run.failure = with_message("METHOD_FAILED", exc)
                continue
            run.fit_seconds += fitted - begun
            run.predict_seconds += time.perf_counter() - fitted

    def unfitted(self, name: str) -> Predictor:
        """A new model of a method."""
        return self._runs[name].make()

    def answers(self) -> dict[str, list[Predictions]]:
        """Predictions by method, of those that did not fail."""
        return {n: run.parts for n, run in self._runs.items() if run.failure is None and run.parts}

    def failures(self) -> dict[str, str]:
        """Why methods have no predictions."""
        return {n: run.failure for n, run in self._runs.items() if run.failure is not None}

    def seconds(self) -> dict[str, float]:
        """Seconds of fit and predict by method."""
        found: dict[str, float] = {}
        for name, run in self._runs.items():
            found |= {
                f"{name} fit": round(run.fit_seconds, 3),
                f"{name} predict": round(run.predict_seconds, 3),
            }
        return found


def reseeded(model: Any, number: int) -> Any:
    """The model with another seed, and without what only sets how sure it is and takes several fits itself."""
    changed = {"random_state": (model.random_state or 0) + number}
    return model.set_params(**changed, **({"rehearsals": 0} if "rehearsals" in model.get_params() else {}))
