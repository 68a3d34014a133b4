"""What a constructor's arguments may be, and reading them back: the one check that every `fit` of this room shares.

As scikit-learn has it, `__init__` only assigns and `fit` checks. What belongs here: rules for single arguments, and
`Parameters` for the classes that are no scikit-learn estimators but are copied (`sklearn.base.clone`) and recorded like
them. What does not: checks of data (`inputs`).
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

from routing_etl.errors import ModelError


@dataclass(frozen=True)
class Rule:
    """A number within limits.

    `whole`: a whole number (True and False are none). `low`, `high`: the limits, themselves allowed, `low` not when
    `above`. `optional`: None is allowed too. `zero`: 0 is, inside the limits. NaN never is; infinity where nothing forbids it.
    """

    low: float = -math.inf
    high: float = math.inf
    whole: bool = False
    above: bool = False
    optional: bool = False
    zero: bool = True

    def allows(self, value: object) -> bool:
        """Whether this is such a number."""
        if value is None:
            return self.optional
        if isinstance(value, bool) or not isinstance(value, Integral if self.whole else Real):
            return False
        number: Any = value
        if number == 0 and not self.zero:
            return False
        return bool((number > self.low if self.above else number >= self.low) and number <= self.high)

    def __str__(self) -> str:
        """As it stands in a message."""
        kind = "a whole number" if self.whole else "a number"
        low, high = (
            f"{limit:,.0f}" if 1000 <= limit < math.inf else f"{limit:g}" for limit in (self.low, self.high)
        )
        if self.low > -math.inf and self.high < math.inf:
            kind += f" from {'above ' * self.above}{low} to {high}"
        elif self.low > -math.inf:
            kind += f" above {low}" if self.above else f" of {low} or more"
        return kind + " other than 0" * (not self.zero) + " or None" * self.optional


#: Something there are so and so many of.
COUNT = Rule(1, whole=True)
#: Part of a whole.
SHARE = Rule(0, 1)
#: `n_jobs` and `random_state`, as in scikit-learn; a random state of another kind is not supported.
JOBS = Rule(whole=True, optional=True, zero=False)
SEED = Rule(0, 2**32 - 1, whole=True, optional=True)

#: Of `RoutingPredictor`. A candidate's number has two digits in its id (docs/erp-contract.md 6.1).
PREDICTOR_RULES = {
    "n_neighbors": Rule(1, 1000, whole=True),
    "candidates_per_item": Rule(1, 99, whole=True),
    "similarity_threshold": SHARE,
    "n_trees": COUNT,
    "n_components": COUNT,
    "half_life_days": Rule(1),
    "evidence_per_candidate": Rule(0, whole=True),
    "max_ranker_items": COUNT,
    "n_jobs": JOBS,
    "random_state": Rule(0, 2**32 - 1, whole=True),
}


def check_parameters(owner: object, rules: Mapping[str, Rule]) -> None:
    """Every named attribute of `owner` keeps its rule.

    Raises
    ------
    ModelError: names the class, the parameter, its value and what it must be.
    """
    for name, rule in rules.items():
        check_number(type(owner).__name__, name, getattr(owner, name), rule)


def check_number(owner: str, name: str, value: object, rule: Rule) -> None:
    """One value keeps its rule.

    Raises
    ------
    ModelError: names the owner, the argument, its value and what it must be.
    """
    if not rule.allows(value):
        raise ModelError(f"{owner}: {name} = {value!r} is not {rule}.", remedy=f"Give {name} as {rule}.")


class Parameters:
    """Reads the arguments of the keyword-only constructor back, under scikit-learn's name."""

    def get_params(self, deep: bool = False) -> dict[str, Any]:
        """Constructor arguments by name. `deep` is there for scikit-learn's `clone`; no argument has arguments."""
        names = inspect.signature(type(self)).parameters
        return {name: getattr(self, name) for name in names}

    def __repr__(self) -> str:
        """The class with its arguments."""
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in self.get_params().items())})"
