"""The hidden grammar of process planning: which operations, machines and times an item's attributes ask for.

A family (one kind of part) has slots in process order. A slot is always there, or a rule over the family's own choice of
attributes decides; a second rule may choose between two groups of job codes; thresholds of a size decide the number of
passes. Planners differ: each family has a few variations (leave a step out, add one, use another code, one pass more, swap
two steps), each with a probability that itself depends on an attribute. One of them or none is applied, so an item's
routings have a known distribution.

`knobs.Grammar` has the knobs, `Book` is a whole grammar and evaluates it on true attributes; `draw.py` draws it from the seed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np

from routing_etl.plant.codes import Codes
from routing_etl.plant.knobs import Grammar
from routing_etl.plant.latent import Array, Catalogue, Latent
from routing_etl.plant.rules import Rule, channel
from routing_etl.plant.wide import Wide

#: Most variations of one family: those of its planners, and an option that is taken whatever the item is like.
N_TOGGLES = 4
MOST_VARIATIONS = N_TOGGLES + 1
#: How often the first of the two machines is planned where the load decides.
FIRST_BY_LOAD = 0.65


@dataclass(frozen=True)
class Passes:
    """How many passes a step takes: one, and one more for each level that a channel of the item exceeds."""

    channel: str
    arg: int
    levels: tuple[float, ...]

    def count(self, items: Latent) -> Array:
        """Passes of every item."""
        number: Array = 1 + np.searchsorted(
            np.array(self.levels), channel(items, self.channel, self.arg), side="left"
        )
        return number


@dataclass(frozen=True)
class Slot:
    """One place in a family's process.

    Parameters
    ----------
    stage : str
        Kind of work.
    presence : Rule or None
        When it is there; None: always.
    codes : array of shape (2, passes)
        Job codes of its passes, for each of two groups.
    choice : Rule or None
        When the second group is used; None: never.
    passes : Passes or None
        How many passes; None: one.
    outside : Rule or None
        When it is done outside; None: never.
    column : int
        Its first column in the family's matrix of codes.
    """

    stage: str
    presence: Rule | None
    codes: Array
    choice: Rule | None
    passes: Passes | None
    outside: Rule | None
    column: int

    @property
    def width(self) -> int:
        """Columns that the slot takes in the family's matrix of codes."""
        return int(self.codes.shape[1])


@dataclass(frozen=True)
class Toggle:
    """A planners' variation.

    Parameters
    ----------
    kind : {"skip", "add", "alt", "pass", "swap"}
        Leave the step out, add it, use the other group's codes, one pass more (or less), swap it with the next.
    slot : int
        The step.
    share : float
        Mean probability.
    rule : Rule or None
        Where it holds the variation is more probable than elsewhere; None: it is as probable everywhere.
    """

    kind: str
    slot: int
    share: float
    rule: Rule | None

    def probability(self, items: Latent) -> Array:
        """Probability of the variation for every item, where it changes something."""
        if self.rule is None:
            return np.full(len(items), self.share)
        uneven: Array = self.share * np.where(self.rule.holds(items), 1.7, 0.5)
        return uneven


@dataclass
class Family:
    """Process of one family.

    Parameters
    ----------
    slots : list of Slot
        Steps in process order.
    toggles : list of Toggle
        Variations.
    outside_above : float or None
        Outer diameter in mm above which items are sent outside as a whole; None: no item is.
    outside_codes : array
        Job codes of an item that is sent outside.
    """

    slots: list[Slot]
    toggles: list[Toggle]
    outside_above: float | None
    outside_codes: Array

    @property
    def width(self) -> int:
        """Columns of the family's matrix of codes."""
        return self.slots[-1].column + self.slots[-1].width


@dataclass(frozen=True)
class Drift:
    """Job codes that were replaced: `old_code[code]` was used until the day `changed` (most codes: the code itself)."""

    old_code: Array
    changed: date


@dataclass(frozen=True)
class Shop:
    """Machines.

    Parameters
    ----------
    resources : Codes
        All resources.
    lines : list of str
        Machine lines.
    cuts : array of shape (lines, grades - 1)
        Sizes that part a line's work into grades.
    machine : array of shape (families, lines, grades)
        Main machine.
    machines_of_line : list of array
        Every machine of a line.
    pool_of_line : array of shape (lines,)
        Waiting pool of a line, 0 without one.
    old_machine : array
        Machine that was used until the day `changed` (most machines: the machine itself).
    changed : datetime.date
        Day on which machines were replaced.
    second : array of shape (lines,)
        The other machine where the load decides, else 0.
    """

    resources: Codes
    lines: list[str]
    cuts: Array
    machine: Array
    machines_of_line: list[Array]
    pool_of_line: Array
    old_machine: Array
    changed: date
    second: Array

    @property
    def outside(self) -> int:
        """The resource of work that is done outside."""
        return int(self.machines_of_line[self.lines.index("OUT")][0])


@dataclass(frozen=True)
class TimeFactors:
    """What minutes are the product of.

    Parameters
    ----------
    run : array of shape (codes,)
        Run minutes per piece of a part of 100 mm.
    setup : array of shape (codes,)
        Set-up minutes per order.
    family : array of shape (families, lines)
        Factor of a family on a line.
    material : array of shape (lines, material groups)
        Factor of a material group on a line.
    exponent : array of shape (codes,)
        Run times grow with size to this power.
    """

    run: Array
    setup: Array
    family: Array
    material: Array
    exponent: Array


@dataclass
class Book:
    """The whole grammar of one plant.

    Parameters
    ----------
    grammar : Grammar
        Its knobs.
    catalogue : Catalogue
        Master data.
    codes : Codes
        Job codes.
    line_of_code : array
        Machine line of every job code.
    families : list of Family
        Process of every family.
    drift : Drift
        Replaced job codes.
    shop : Shop
        Machines.
    factors : TimeFactors
        Times.
    wide : Wide
        What holds across families.
    """

    grammar: Grammar
    catalogue: Catalogue
    codes: Codes
    line_of_code: Array
    families: list[Family]
    drift: Drift
    shop: Shop
    factors: TimeFactors
    wide: Wide

    @property
    def width(self) -> int:
        """Columns of the plant-wide matrix of codes."""
        return max(f.width for f in self.families)

    # --- evaluation ---------------------------------------------------------------------------------------------------
    def plan(self, items: Latent) -> Plan:
        """Evaluate the grammar: the most probable routing of every item, and the probabilities of its variations."""
        n = len(items)
        jobs = np.zeros((n, self.width), np.int16)
        outside = np.zeros((n, self.width), bool)
        share = np.zeros((n, MOST_VARIATIONS))
        whole = np.zeros(n, bool)
        for f, family in enumerate(self.families):
            rows = np.flatnonzero(items.family == f)
            if not len(rows):
                continue
            part = items.take(rows)
            own, out = base_plan(family, part)
            p = np.zeros((len(rows), MOST_VARIATIONS))
            for k, toggle in enumerate(family.toggles):
                changed = (toggled(family, toggle, own) != own).any(1)
                p[:, k] = np.where(changed, toggle.probability(part), 0)
            p *= np.minimum(1.0, 0.5 / np.maximum(p.sum(1, keepdims=True), 1e-9))
            if family.outside_above is not None:
                gone = part.od > family.outside_above
                own[gone] = 0
                own[np.flatnonzero(gone)[:, None], np.arange(len(family.outside_codes))] = (
                    family.outside_codes
                )
                out[gone] = True
                p[gone] = 0
                whole[rows] = gone
            block = rows[:, None], np.arange(family.width)
            jobs[block] = own
            outside[block] = out
            share[rows] = p
        return Plan(jobs, outside, share, whole)

    def variant(self, items: Latent, plan: Plan, rows: Array, which: Array) -> tuple[Array, Array]:
        """Codes and outside flags of some items under a variant.

        Parameters
        ----------
        items : Latent
            True attributes.
        plan : Plan
            Their plan.
        rows : array
            The items.
        which : array
            Variant of each: 0 the most probable routing, k the k-th variation.
        """
        jobs = plan.jobs[rows].copy()
        outside = plan.outside[rows].copy()
        families = items.family[rows]
        for f, family in enumerate(self.families):
            for k, toggle in enumerate(family.toggles):
                hit = np.flatnonzero((families == f) & (which == k + 1))
                if len(hit):
                    block = hit[:, None], np.arange(family.width)
                    jobs[block] = toggled(family, toggle, jobs[block])
                    if toggle.kind == "swap":
                        outside[block] = outside[block][:, swap_order(family, toggle)]
        return self.wide.amend(items.take(rows), plan.whole[rows], jobs, outside)

    def machines(self, items: Latent) -> Array:
        """Main resource per item and line, shape (n, lines)."""
        n_lines = len(self.shop.lines)
        result = np.zeros((len(items), n_lines), np.int16)
        for line in range(n_lines):
            grade = np.searchsorted(self.shop.cuts[line], items.size, side="right")
            result[:, line] = self.shop.machine[items.family, line, grade]
        return result

    def times(self, items: Latent, rows: Array, jobs: Array) -> tuple[Array, Array]:
        """Noise-free minutes (set-up per order, run per piece) of job `jobs[i]` on item `rows[i]`."""
        factors = self.factors
        size = np.clip(items.size[rows], 5, 900) / 100
        family, group = items.family[rows], items.mg[rows]
        line = self.line_of_code[jobs]
        run = factors.run[jobs] * factors.family[family, line] * factors.material[line, group]
        run *= size ** factors.exponent[jobs] * np.where(items.std[rows], 0.88, 1.0)
        setup = (
            factors.setup[jobs]
            * factors.family[family, line] ** 0.4
            * size ** (0.35 * factors.exponent[jobs])
        )
        setup *= np.where(items.double[rows], 1.15, 1.0)
        return np.round(setup, 3), np.round(run, 4)


@dataclass
class Plan:
    """What the grammar asks of items.

    Parameters
    ----------
    jobs : array of shape (items, columns)
        Job codes of the most probable routing, 0 where there is no operation.
    outside : array of shape (items, columns)
        The operation is done outside.
    share : array of shape (items, variations)
        Probability of each variation; the rest is that of the most probable routing.
    whole : array of shape (items,)
        The item is sent outside as a whole.
    """

    jobs: Array
    outside: Array
    share: Array
    whole: Array


def base_plan(family: Family, part: Latent) -> tuple[Array, Array]:
    """Evaluate a family before any variation: job codes and outside flags, a row per item of `part`."""
    jobs = np.zeros((len(part), family.width), np.int16)
    outside = np.zeros((len(part), family.width), bool)
    for slot in family.slots:
        there = np.ones(len(part), bool) if slot.presence is None else slot.presence.holds(part)
        group = np.zeros(len(part), int) if slot.choice is None else slot.choice.holds(part).astype(int)
        wanted = np.ones(len(part), int) if slot.passes is None else slot.passes.count(part)
        columns = slice(slot.column, slot.column + slot.width)
        within = np.arange(slot.width)[None, :] < wanted[:, None]
        jobs[:, columns] = slot.codes[group] * (within & there[:, None])
        if slot.outside is not None:
            outside[:, columns] = slot.outside.holds(part)[:, None]
    return jobs, outside


def swap_order(family: Family, toggle: Toggle) -> Array:
    """Order the family's columns with the toggle's slot and the next one exchanged."""
    first, second = family.slots[toggle.slot], family.slots[toggle.slot + 1]
    a = np.arange(first.column, first.column + first.width)
    b = np.arange(second.column, second.column + second.width)
    order = np.arange(family.width)
    order[first.column : first.column + len(a) + len(b)] = np.concatenate([b, a])
    return order


def toggled(family: Family, toggle: Toggle, jobs: Array) -> Array:
    """Apply one variation to the family's matrix of codes; rows where it does not apply stay as they are."""
    slot = family.slots[toggle.slot]
    columns = slice(slot.column, slot.column + slot.width)
    result = jobs.copy()
    here = jobs[:, columns]
    there = here[:, 0] > 0
    if toggle.kind == "skip":
        rest = (jobs > 0).sum(1) - (here > 0).sum(1)
        result[:, columns] = np.where((rest >= 2)[:, None], 0, here)
    elif toggle.kind == "add":
        result[:, slot.column] = np.where(there, here[:, 0], slot.codes[0, 0])
    elif toggle.kind == "alt":
        lookup = np.arange(int(max(jobs.max(), slot.codes.max())) + 1)
        lookup[slot.codes[0]] = slot.codes[1]
        lookup[slot.codes[1]] = slot.codes[0]
        result[:, columns] = lookup[here]
    elif toggle.kind == "pass":
        count = (here > 0).sum(1)
        group = (here[:, 0] != slot.codes[0, 0]).astype(int)
        changed = np.where(count == 1, 2, count - 1)
        keep = np.arange(slot.width)[None, :] < changed[:, None]
        result[:, columns] = np.where(there[:, None], slot.codes[group] * keep, here)
    else:
        following = family.slots[toggle.slot + 1]
        both = there & (jobs[:, following.column] > 0)
        result[both] = jobs[both][:, swap_order(family, toggle)]
    return result
