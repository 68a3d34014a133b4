"""Rules for the arguments of a constructor, and reading the arguments back.

As in scikit-learn, `__init__` only assigns and `fit` checks. `Parameters` is for classes that are no scikit-learn estimators
but are cloned (`sklearn.base.clone`) and recorded like them.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, Self

from routing_etl.errors import ModelError


@dataclass(frozen=True)
class Rule:
    """A number within limits; NaN never is.

    Parameters
    ----------
    low : float
        Least value.
    high : float
        Greatest value.
    whole : bool
        Only whole numbers; True and False are none.
    above : bool
        `low` itself is not allowed.
    optional : bool
        None is allowed too.
    zero : bool
        0 is allowed, where it lies within the limits.
    """

    low: float = -math.inf
    high: float = math.inf
    whole: bool = False
    above: bool = False
    optional: bool = False
    zero: bool = True

    def allows(self, value: object) -> bool:
        """Whether a value keeps the rule.

        Parameters
        ----------
        value : object
            Anything.

        Returns
        -------
        bool
            False for every value that is no number, whatever its type.
        """
        if value is None:
            return self.optional
        if isinstance(value, bool) or not isinstance(value, Integral if self.whole else Real):
            return False
        number: Any = value
        if number == 0 and not self.zero:
            return False
        return bool((number > self.low if self.above else number >= self.low) and number <= self.high)

    def __str__(self) -> str:
        """Say the rule as an error message does: 'a whole number from 1 to 99'."""
        kind = "a whole number" if self.whole else "a number"
        low, high = (
            f"{limit:,.0f}" if 1000 <= limit < math.inf else f"{limit:g}" for limit in (self.low, self.high)
        )
        if self.low > -math.inf and self.high < math.inf:
            kind += f" from {'above ' * self.above}{low} to {high}"
        elif self.low > -math.inf:
            kind += f" above {low}" if self.above else f" of {low} or more"
        return kind + " other than 0" * (not self.zero) + " or None" * self.optional


#: A number of things: 1, 2, 3 ...
COUNT = Rule(1, whole=True)
#: A share, 0 to 1.
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
    "half_life_days": Rule(1),
    "evidence_per_candidate": Rule(0, whole=True),
    "rehearsals": Rule(0, 100, whole=True),
    "n_jobs": JOBS,
    "random_state": Rule(0, 2**32 - 1, whole=True),
}


def check_parameters(owner: object, rules: Mapping[str, Rule]) -> None:
    """Check that the named attributes of an object keep their rules.

    Parameters
    ----------
    owner : object
        Whose constructor took the arguments.
    rules : mapping of str to Rule
        Rule by attribute.

    Raises
    ------
    ModelError
        Names the class, the parameter, its value and what it must be.
    """
    for name, rule in rules.items():
        check_number(type(owner).__name__, name, getattr(owner, name), rule)


def check_number(owner: str, name: str, value: object, rule: Rule) -> None:
    """Check that one value keeps its rule.

    Parameters
    ----------
    owner : str
        The class or function that took the argument.
    name : str
        The argument.
    value : object
        What was given.
    rule : Rule
        What it has to be.

    Raises
    ------
    ModelError
        Names the owner, the argument, its value and what it must be.
    """
    if not rule.allows(value):
        raise ModelError(f"{owner}: {name} = {value!r} is not {rule}.", remedy=f"Give {name} as {rule}.")


class Parameters:
    """Read the arguments of a keyword-only constructor back, as scikit-learn's `get_params` does."""

    def get_params(self, deep: bool = False) -> dict[str, Any]:
        """Constructor arguments by name.

        Parameters
        ----------
        deep : bool
            Not read, because no argument has arguments of its own; `sklearn.base.clone` gives it.

        Returns
        -------
        dict of str to object
            What `__init__` assigned.
        """
        names = inspect.signature(type(self)).parameters
        return {name: getattr(self, name) for name in names}

    def __repr__(self) -> str:
        """Show the class with its arguments."""
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in self.get_params().items())})"

    def set_params(self, **params: Any) -> Self:
        """Change constructor arguments; they are checked in `fit`.

        Parameters
        ----------
        **params : object
            Values by argument.

        Raises
        ------
        ModelError
            There is no such argument.
        """
        known = self.get_params()
        unknown = sorted(set(params) - set(known))
        if unknown:
            raise ModelError(
                f"{type(self).__name__} has no parameter {', '.join(unknown)}.",
                remedy=f"Use {', '.join(known)}.",
            )
        for name, value in params.items():
            setattr(self, name, value)
        return self
