"""When items were released and routings written: days since the first one."""

from __future__ import annotations

import datetime as dt

import numpy as np

from hydraulics.items import ROUTED_UNTIL

FIRST_DAY = dt.datetime(2013, 1, 7)
TODAY = dt.datetime(2026, 10, 30)
#: Hardly any routing has been written since.
FEW_ROUTINGS_SINCE = dt.datetime(2024, 6, 1)
DAYS = (TODAY - FIRST_DAY).days
_KNEE = (FEW_ROUTINGS_SINCE - FIRST_DAY).days


def day_of_age(age: np.ndarray) -> np.ndarray:
    """Day on which an item of that age was released."""
    younger = _KNEE + (age - ROUTED_UNTIL) / ROUTED_UNTIL * (DAYS - _KNEE - 5)
    return np.where(age < ROUTED_UNTIL, age / ROUTED_UNTIL * _KNEE, younger)


def day_number(date: dt.datetime) -> int:
    """Days from the first one to a date."""
    return (date - FIRST_DAY).days


def date_of(day: float) -> dt.datetime:
    """The date of a day."""
    return FIRST_DAY + dt.timedelta(days=int(day))
