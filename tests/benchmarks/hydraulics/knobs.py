"""How difficult the plant is: the shares that a caller may change."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields


@dataclass(frozen=True)
class Knobs:
    """Shares between 0 and 1, but for the last two.

    Attributes
    ----------
    empty_share : float
        Of all items: the size column is empty.
    text_share : float
        Of those: a text says the size.
    inch_share : float
        Of all items: drawn in inches.
    near_share : float
        Sizes drawn close to a threshold on purpose.
    word_share : float
        Of all items: a note in a text changes the routing.
    new_known_share, new_truly_share : float
        Of the unrouted items: a part type without routings in a known family; a family without routings.
    order_share : float
        Of the routed items: there are orders and work results.
    ceiling : float
        Mean probability of an unrouted item's most probable routing; how strictly planners keep their rules follows from it.
    planner_column : bool or None
        Whether the item master says who plans; None: by the seed.
    dirt : float
        Factor on the shares of faulty rows; 0: none.
    """

    empty_share: float = 0.40
    text_share: float = 0.40
    inch_share: float = 0.12
    near_share: float = 0.10
    word_share: float = 0.055
    new_known_share: float = 0.08
    new_truly_share: float = 0.015
    order_share: float = 0.60
    ceiling: float = 0.83
    planner_column: bool | None = None
    dirt: float = 1.0

    @classmethod
    def from_json(cls, text: str) -> Knobs:
        """From a JSON object of knobs; those left out keep their default. Raises ValueError for an unknown name or no JSON."""
        given = json.loads(text)
        if not isinstance(given, dict):
            raise ValueError(f"knobs must be a JSON object, not {text}")
        known = {field.name for field in fields(cls)}
        if set(given) - known:
            raise ValueError(f"unknown knobs {sorted(set(given) - known)}; known are {sorted(known)}")
        return cls(**given)

    def to_json(self) -> str:
        """As the command line takes them."""
        return json.dumps(asdict(self))
