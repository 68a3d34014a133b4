"""The options of an evaluation, checked before anything is fitted.

What belongs here: which values an option of `splits.make_split` and of `evaluation.evaluate` may have. What does not:
what the options do.
"""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import Literal, get_args

from routing_etl.errors import ConfigurationError

SplitName = Literal["time", "family", "loo"]
#: Days of a hundred years: no routing is older.
MOST_DAYS = 36_500


def _wrong(name: str, value: object, wanted: str) -> ConfigurationError:
    return ConfigurationError(f"Option {name} = {value!r} of the evaluation cannot be used.", remedy=wanted)


def _whole(name: str, value: object, least: int) -> None:
    if not isinstance(value, Integral) or isinstance(value, bool) or int(value) < least:
        raise _wrong(name, value, f"Give a whole number of at least {least}.")


def check_split(split: object) -> None:
    """A split that there is.

    Raises
    ------
    ConfigurationError: names the value and what there is.
    """
    if split not in get_args(SplitName):
        raise _wrong("split", split, f"Use one of {', '.join(get_args(SplitName))}.")


def check_split_options(
    *, split: object, test_days: object, max_items: object, folds: object, random_state: object
) -> None:
    """Options of `splits.make_split`.

    Raises
    ------
    ConfigurationError: names the option, its value and what it may be.
    """
    check_split(split)
    _whole("max_items", max_items, 1)
    _whole("random_state", random_state, 0)
    if folds is not None:
        _whole("folds", folds, 2)
    number = float(test_days) if isinstance(test_days, Real) and not isinstance(test_days, bool) else math.nan
    if not 0 < number <= MOST_DAYS:
        raise _wrong("test_days", test_days, f"Give a number of days above 0, at most {MOST_DAYS:,}.")


def check_resamples(n_resamples: object) -> None:
    """Bootstrap resamples: 0 for no intervals.

    Raises
    ------
    ConfigurationError: names the value and what it may be.
    """
    _whole("n_resamples", n_resamples, 0)
