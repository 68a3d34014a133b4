"""The plant: everything that is drawn once from the seed, and how probable each routing of an item is."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hydraulics.families import FAMILIES, NEW_FAMILIES
from hydraulics.family_rules import Step, draw_family
from hydraulics.knobs import Knobs
from hydraulics.part_types import Catalogue
from hydraulics.routes import NO_HABIT, Route, bounded, with_habit, with_operation, without_operation
from hydraulics.shop_floor import JobCodes, Machines, Planners, draw_material_codes
from hydraulics.vocabulary import NOTES

#: Part of the seed of everything that this module draws.
STREAM = 77
#: A planner with a habit forgets it in this share of routings, times the plant's chance multiplier.
FORGOTTEN_HABIT = 0.08
#: Routings of one signature that the truth names; the others are hardly ever written.
MOST_VARIANTS = 12


class Signature(NamedTuple):
    """Everything that a routing hangs on. Items with the same signature have the same distribution of routings.

    Attributes
    ----------
    family : int
        Place in `Plant.keys`.
    conditions : int
        Bit i: the conditions of the family's step i hold.
    effect : int
        Place in `Catalogue.effects`.
    note : int
        Place in `Plant.notes`, or -1.
    planner : int
        Place in `Planners.codes` where the item master names him, else -1.
    """

    family: int
    conditions: int
    effect: int
    note: int
    planner: int


class Distribution(NamedTuple):
    """Routings from the most to the least probable, and their probabilities."""

    routes: list[Route]
    probabilities: np.ndarray


class Plant:
    """What is the same for all items of a plant.

    Attributes
    ----------
    known, new : list of str
        Keys of the families with routings and of those without any; `keys` are both, in this order.
    families : dict
        By key.
    popularity : ndarray
        Share of items of each of `known`.
    notes : list of str
        Keys of `NOTES` that customers of this plant write, with `note_shares`.
    chance_multiplier : float
        Factor on the chance that a planner departs from a rule; see `calibration`.
    """

    def __init__(self, seed: int, knobs: Knobs) -> None:
        rng = np.random.default_rng([seed, STREAM])
        self.knobs = knobs
        count = int(rng.integers(24, 33))
        self.known = _sample(list(FAMILIES), count, rng)
        self.new = _sample(list(NEW_FAMILIES), int(rng.integers(2, 4)), rng)
        self.keys = self.known + self.new
        self.families = {key: draw_family(key, rng) for key in self.keys}
        rank = rng.permutation(len(self.known)) + 1.0
        popularity = rank**-0.55
        self.popularity = popularity / popularity.sum()
        self.code_scheme = int(rng.integers(0, 3))
        self.jobs = JobCodes(self.code_scheme, rng)
        self.planners = Planners(self.families, self.code_scheme, knobs.planner_column, rng)
        self.catalogue = Catalogue(self.families, self.code_scheme, rng)
        notes = list(NOTES)
        note_count = int(rng.integers(8, 13))
        self.notes = [notes[i] for i in rng.choice(len(notes), note_count, replace=False)]
        frequency = (np.arange(note_count) + 1.0) ** -0.8
        self.note_shares = frequency / frequency.sum()
        self.machines = Machines(self.families, rng)
        self.material_codes = draw_material_codes(rng)
        self.chance_multiplier = 1.0
        self._distributions: dict[Signature, Distribution] = {}

    @property
    def shops(self) -> list[str]:
        """Shop of each of `keys`."""
        return [family.shop for family in self.families.values()]

    def set_chance_multiplier(self, value: float) -> None:
        """Change how often planners depart from rules; all distributions are reckoned anew."""
        self.chance_multiplier = value
        self._distributions.clear()

    def chance(self, probability: float) -> float:
        """Probability of a step after the multiplier; what was certain stays so, what was likely stays so."""
        if probability in (0.0, 1.0):
            return probability
        likelier = max(probability, 1 - probability)
        likelier = max(0.52, 1 - (1 - likelier) * self.chance_multiplier)
        return likelier if probability >= 0.5 else 1 - likelier

    def distribution(self, signature: Signature) -> Distribution:
        """All routings of a signature and how probable each is."""
        if signature not in self._distributions:
            found = self._reckon(signature)
            ranked = sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))
            self._distributions[signature] = Distribution(
                [route for route, _ in ranked], np.array([p for _, p in ranked])
            )
        return self._distributions[signature]

    def _reckon(self, signature: Signature) -> dict[Route, float]:
        """Every way through the family's steps, changed by the part type, by habits and by a note."""
        key = self.keys[signature.family]
        habits = self._habit_shares(key, signature.planner)
        note = NOTES[self.notes[signature.note]].changes if signature.note >= 0 else ()
        found: dict[Route, float] = {}
        for probability, path in self._paths(self.families[key].steps, signature.conditions):
            route = path
            for how, operation, instead_of in self.catalogue.effects[signature.effect]:
                if how == "drop":
                    route = without_operation(route, operation)
                else:
                    route = with_operation(route, operation, instead_of)
            for habit, share in habits.items():
                written = with_habit(route, habit)
                for operation, instead_of in note:
                    written = with_operation(written, operation, instead_of)
                written = bounded(written)
                found[written] = found.get(written, 0) + probability * share
        return found

    def _paths(self, steps: list[Step], conditions: int) -> list[tuple[float, Route]]:
        """Every choice of steps that the conditions (a bit each) leave open, with its probability."""
        paths: list[tuple[float, Route]] = [(1.0, ())]
        for i, step in enumerate(steps):
            holds = conditions >> i & 1
            if step.conditions and not step.alternative and not holds:
                continue
            operation = step.alternative if step.alternative and holds else step.operation
            p = self.chance(step.probability)
            if p == 1.0:
                paths = [(q, (*route, operation)) for q, route in paths]
            else:
                paths = [
                    split
                    for q, route in paths
                    for split in ((q * p, (*route, operation)), (q * (1 - p), route))
                ]
        return paths

    def _habit_shares(self, key: str, planner: int) -> dict[str, float]:
        """Share of routings by habit: of one planner, or of all of the family where it is not known who plans."""
        who, shares = self.planners.of_family[key]
        known = [(planner, 1.0)] if planner >= 0 else list(zip(who, shares, strict=True))
        found: dict[str, float] = {}
        for number, share in known:
            habit = self.planners.habits[number]
            kept = 1 - FORGOTTEN_HABIT * self.chance_multiplier if habit else 1.0
            found[habit] = found.get(habit, 0) + share * kept
            if habit:
                found[NO_HABIT] = found.get(NO_HABIT, 0) + share * (1 - kept)
        return found


def _sample(names: list[str], count: int, rng: np.random.Generator) -> list[str]:
    """So many of the names, in their order."""
    return [names[i] for i in sorted(rng.choice(len(names), count, replace=False))]
