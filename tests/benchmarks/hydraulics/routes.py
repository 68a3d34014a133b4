"""Routings as tuples of operations, and what planners, part types and notes change in them."""

from __future__ import annotations

from hydraulics.operations import PHASE

Route = tuple[str, ...]

#: Habits of planners: what is done with which operation.
HABITS = {
    "deburr": ("add", "deburr"),
    "inproc": ("add", "inproc"),
    "wash": ("add", "wash"),
    "no_mark": ("drop", "mark"),
    "split_turn": ("twice", "turn2"),
    "split_mill": ("twice", "mill3"),
    "no_deburr": ("drop", "deburr"),
    "hard": ("add", "hardness"),
}

#: A planner without a habit.
NO_HABIT = ""
#: Phases after which parts have burrs, and after which they are checked or washed.
CUTTING_PHASES = (7, 8, 9)
FINISHING_PHASES = (7, 13)
MOST_OPERATIONS, FEWEST_OPERATIONS = 16, 3


def with_operation(route: Route, operation: str, instead_of: str | None) -> Route:
    """An operation added where its phase belongs, or put in place of another one."""
    if operation in route:
        return route
    if instead_of and instead_of in route:
        return tuple(operation if x == instead_of else x for x in route)
    later = (i for i, x in enumerate(route) if i and PHASE[x] > PHASE[operation])
    at = next(later, len(route))
    return (*route[:at], operation, *route[at:])


def without_operation(route: Route, operation: str) -> Route:
    """All others."""
    return tuple(x for x in route if x != operation)


def with_habit(route: Route, habit: str) -> Route:
    """The routing as a planner with this habit writes it."""
    if habit == NO_HABIT:
        return route
    what, operation = HABITS[habit]
    if what == "drop":
        return without_operation(route, operation)
    if operation == "deburr" and not any(PHASE[x] in CUTTING_PHASES for x in route):
        return route
    if operation in ("wash", "hardness", "inproc") and not any(PHASE[x] in FINISHING_PHASES for x in route):
        return route
    if what == "add":
        return with_operation(route, operation, None)
    if operation in route:
        at = route.index(operation) + 1
        return (*route[:at], operation, *route[at:])
    return route


def bounded(route: Route) -> Route:
    """At most 16 operations, at least three."""
    route = route[:MOST_OPERATIONS]
    if len(route) >= FEWEST_OPERATIONS:
        return route
    if "insp" not in route:
        return (*route, "insp", "pack", "mark")[:FEWEST_OPERATIONS]
    return tuple(dict.fromkeys(("kitpick", *route, "pack")))
