"""How an evaluation was made, and the replaced system's scores of it: records that import nothing heavy."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from routing_etl.evaluation.alerts import Cycle


@dataclass(frozen=True)
class LegacyScores:
    """The replaced system's metric set over the judged operations (docs/legacy-system.md 2.1).

    Attributes
    ----------
    accuracy, precision_weighted, recall_weighted, f1_weighted : float
        Scores of the job codes, weighted by their frequency, rounded to 4 decimals.
    sample_count : int
        Operations.
    """

    accuracy: float
    precision_weighted: float
    recall_weighted: float
    f1_weighted: float
    sample_count: int


@dataclass(frozen=True)
class Loss:
    """One line of what was wrong.

    Attributes
    ----------
    kind : str
        `no proposal`, `operations missing`, `operations too many`, `other operations` (some missing, some too many), `order
        alone`: each wrong item is in one of these. `missing` and `too many` name a job, `not filled` an attribute: an item can
        be in several.
    what : str
        Job code, or attribute; empty where the kind says all.
    items : int
        Wrong items.
    share : float
        Of all wrong items.
    told : str
        What can be done, or what it means; empty where there is nothing to say.
    """

    kind: str
    what: str
    items: int
    share: float
    told: str = ""


@dataclass(frozen=True)
class EvaluationDetails:
    """How an evaluation was made.

    Attributes
    ----------
    split : str
        The split that was used, or 'unrouted'.
    strategy : str
        How the judged items were chosen.
    notes : tuple of str
        What a reader must know about the split.
    items_evaluated : int
        Judged items.
    items_trained : int
        Items that the models learned from; the largest fold's.
    items_failed : int
        Judged items that the model gave no candidate.
    duration_seconds : float
        Duration of the evaluation.
    cycle : Cycle
        The same under the replaced system's field names.
    split_asked : str or None
        The split that was asked for. None where nothing was split.
    folds : int or None
        Number of trainings. None where nothing was split.
    seconds : mapping of str to float, or None
        Seconds of fit and predict by method. None where nothing was split.
    fit_sd : mapping of str to float, or None
        Of the metrics that decide on a promotion, the standard deviation between fits of the same data. None where it was not
        measured.
    """

    split: str
    strategy: str
    notes: tuple[str, ...]
    items_evaluated: int
    items_trained: int
    items_failed: int
    duration_seconds: float
    cycle: Cycle
    split_asked: str | None = None
    folds: int | None = None
    seconds: Mapping[str, float] | None = None
    fit_sd: Mapping[str, float] | None = None

    def as_dict(self) -> dict[str, Any]:
        """As JSON has it, without what does not apply."""
        content = dataclasses.asdict(self)
        content["notes"] = list(self.notes)
        content["cycle"]["alerts"] = list(self.cycle.alerts)
        return {k: v for k, v in content.items() if v is not None}
