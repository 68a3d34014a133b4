"""The options of an evaluation, checked when they are set and so before anything is fitted."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from numbers import Integral, Real
from typing import Literal, get_args

from routing_etl.errors import ConfigurationError
from routing_etl.evaluation.alerts import Thresholds

SplitName = Literal["recent", "time", "family", "loo", "type"]
#: A hundred years: no routing is older.
MOST_DAYS = 36_500


@dataclass(frozen=True, kw_only=True)
class EvaluationOptions:
    """What is judged, and how.

    Parameters
    ----------
    split : {'recent', 'time', 'family', 'loo', 'type'}, optional
        'recent' judges a part of the newest routings and trains on all others, as what is deployed does; 'time' judges the
        newest routings and trains on the older ones; 'family' judges whole groups of items that share a
        drawing or are alike; 'loo' leaves out one item at a time, together with those equal to it but for identifiers; 'type'
        judges whole part types, none of whose items is in training.
    test_days : float, optional
        Days before the newest routing of which the splits 'recent' and 'time' judge routings.
    max_items : int, optional
        Most judged items; more are sampled.
    folds : int, optional
        Parts of a leave-one-out. None: one item at a time up to 400 items, 10 parts above.
    baselines : bool, optional
        Whether the three baselines are evaluated too.
    n_resamples : int, optional
        Bootstrap resamples behind each interval; 0 for no intervals.
    variance_fits : int, optional
        How often a part of the items is fitted with other seeds, to know how far the metrics move with the fit. Below 2: not
        measured.
    random_state : int, optional
        Seed of the split and of the resamples.
    limits : Thresholds, optional
        When an alert is given.

    Raises
    ------
    ConfigurationError
        An option has a value that it cannot have; names the option, the value and what it may be.
    """

    split: SplitName = "time"
    test_days: float = 180
    max_items: int = 5000
    folds: int | None = None
    baselines: bool = True
    n_resamples: int = 400
    variance_fits: int = 5
    random_state: int = 42
    limits: Thresholds = field(default_factory=Thresholds)

    def __post_init__(self) -> None:
        if self.split not in get_args(SplitName):
            raise _wrong("split", self.split, f"Use one of {', '.join(get_args(SplitName))}.")
        _check_whole("max_items", self.max_items, 1)
        _check_whole("random_state", self.random_state, 0)
        if self.folds is not None:
            _check_whole("folds", self.folds, 2)
        _check_days(self.test_days)
        _check_whole("n_resamples", self.n_resamples, 0)
        _check_whole("variance_fits", self.variance_fits, 0)


def _wrong(name: str, value: object, wanted: str) -> ConfigurationError:
    return ConfigurationError(f"Option {name} = {value!r} of the evaluation cannot be used.", remedy=wanted)


def _check_whole(name: str, value: object, least: int) -> None:
    if not isinstance(value, Integral) or isinstance(value, bool) or int(value) < least:
        raise _wrong(name, value, f"Give a whole number of at least {least}.")


def _check_days(value: object) -> None:
    number = float(value) if isinstance(value, Real) and not isinstance(value, bool) else math.nan
    if not 0 < number <= MOST_DAYS:
        raise _wrong("test_days", value, f"Give a number of days above 0, at most {MOST_DAYS:,}.")
