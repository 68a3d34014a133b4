"""The hidden process-planning grammar of a demo plant: which operations, machines and times an item's attributes ask for.

What belongs here: the knobs (`Grammar`), the form of a rule book, its evaluation on true attributes, the planners'
variants, drift, machines and noise-free times. What does not: the draw of a rule book (`draw.py`), rows, dates,
dirt (`rows.py`) and the items themselves (`latent.py`).

A family (one kind of part) has slots in process order. A slot is always there, or a rule over the family's own choice of
attributes decides; a second rule may choose between two groups of job codes; thresholds of a size decide the number of
passes. Planners differ: each family has a few variations (leave a step out, add one, another code, one pass more, two
steps swapped), each with a probability that itself depends on an attribute. Exactly one or none of them is applied, so
an item's routings have a known distribution.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import date

import numpy as np

from routing_etl.errors import ConfigurationError
from routing_etl.plant.latent import Array, Catalogue, Latent
from routing_etl.plant.rules import Rule, channel

MAX_PASSES = 3
N_TOGGLES = 4
_SHARES = (
    "conditional_share", "compound_rules", "planner_noise", "attribute_noise", "outsourced_share",
    "duplicate_items", "pool_share", "other_resource", "orphan_results", "new_item_share", "dirt",
)  # fmt: skip


@dataclass(frozen=True)
class Grammar:
    """Knobs of a plant. The rules themselves are drawn from the seed; these say how many and how noisy.

    Shares are 0..1. `attribute_noise`: share of items whose written attribute is blanked or wrong, per attribute.
    `planner_noise`: mean probability that a planner departs from an item's most probable routing.
    `dirt`: 1 = the measured rates (docs/erp-contract.md 5), 0 = none of the optional dirt.
    `time_noise`: sigma of ln(time) of one order, `item_time_noise`: of an item as a whole.
    """

    families: int = 18
    part_types: int = 424
    new_part_types: int = 12
    new_item_share: float = 0.012
    attributes_per_family: int = 8
    conditional_share: float = 0.45
    compound_rules: float = 0.4
    most_passes: int = 3
    planner_noise: float = 0.17
    attribute_noise: float = 0.02
    outsourced_share: float = 0.025
    drifted_codes: int = 3
    drift_days: int = 430
    machine_change_days: int = 260
    routed_share: float = 0.549
    rows_per_routed_item: float = 9.9
    results_per_item: float = 24.6
    duplicate_items: float = 0.23
    pool_share: float = 0.12
    other_resource: float = 0.2
    orphan_results: float = 0.03
    time_noise: float = 0.25
    item_time_noise: float = 0.12
    lot_effect: float = 0.05
    dirt: float = 1.0
    as_of: date = field(default=date(2025, 10, 21))

    def __post_init__(self) -> None:
        for name in _SHARES:
            value = getattr(self, name)
            if not 0 <= value <= 1:
                raise ConfigurationError(f"Grammar.{name} = {value!r} is no share.", remedy="Give 0 to 1.")
        bounds = {
            "routed_share": (0.05, 0.95),
            "families": (2, 60),
            "part_types": (2, 2000),
            "new_part_types": (0, 200),
            "attributes_per_family": (1, 18),
            "most_passes": (1, MAX_PASSES),
            "drifted_codes": (0, 20),
            "rows_per_routed_item": (1, 60),
            "results_per_item": (0, 200),
            "time_noise": (0, 2),
            "item_time_noise": (0, 2),
        }
        for name, (low, high) in bounds.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise ConfigurationError(
                    f"Grammar.{name} = {value!r} is outside {low} to {high}.",
                    remedy=f"Give a value from {low} to {high}.",
                )

    def knobs(self) -> dict[str, str]:
        """Every knob as text, for the summary table."""
        return {name: str(value) for name, value in asdict(self).items()}


@dataclass(frozen=True)
class Slot:
    """One place in a family's process: when it is there, which codes, how many passes, whether it goes outside."""

    stage: str
    presence: Rule | None
    codes: Array
    choice: Rule | None
    passes: tuple[str, int, tuple[float, ...]] | None
    outside: Rule | None
    column: int

    @property
    def width(self) -> int:
        """Columns that the slot takes in the family's matrix of codes."""
        return int(self.codes.shape[1])


@dataclass(frozen=True)
class Toggle:
    """A planners' variation: its kind, its slot, its probability and the rule that raises it."""

    kind: str
    slot: int
    share: float
    rule: Rule


@dataclass
class Family:
    """Slots, variations and the rule of complete outsourcing of one family."""

    slots: list[Slot]
    toggles: list[Toggle]
    outsourced: tuple[str, float] | None
    outside_codes: Array

    @property
    def width(self) -> int:
        """Columns of the family's matrix of codes."""
        return self.slots[-1].column + self.slots[-1].width


@dataclass
class Codes:
    """All job codes of the plant; index 0 means "no operation"."""

    code: list[str] = field(default_factory=lambda: [""])
    name: list[str] = field(default_factory=lambda: [""])
    stage: list[str] = field(default_factory=lambda: [""])

    def add(self, code: str, name: str, stage: str) -> int:
        """Register a code and return its index."""
        self.code.append(code)
        self.name.append(name)
        self.stage.append(stage)
        return len(self.code) - 1


@dataclass
class Book:
    """The whole grammar of one plant."""

    grammar: Grammar
    catalogue: Catalogue
    codes: Codes
    families: list[Family]
    resources: Codes
    line_names: list[str]
    line_of_code: Array
    line_cuts: Array
    machine: Array
    line_machines: list[Array]
    pool_of_line: Array
    old_code: Array
    code_change: date
    old_machine: Array
    machine_change: date
    run_base: Array
    setup_base: Array
    run_family: Array
    run_material: Array
    exponent: Array

    @property
    def width(self) -> int:
        """Columns of the plant-wide matrix of codes."""
        return max(f.width for f in self.families)

    # --- evaluation ---------------------------------------------------------------------------------------------------
    def plan(self, items: Latent) -> Plan:
        """The most probable routing of every item and the probabilities of its variants."""
        n = len(items)
        jobs = np.zeros((n, self.width), np.int16)
        outside = np.zeros((n, self.width), bool)
        share = np.zeros((n, N_TOGGLES))
        whole = np.zeros(n, bool)
        for f, family in enumerate(self.families):
            rows = np.flatnonzero(items.family == f)
            if not len(rows):
                continue
            part = items.take(rows)
            own, out = base_plan(family, part)
            p = np.zeros((len(rows), N_TOGGLES))
            for k, toggle in enumerate(family.toggles):
                changed = (toggled(family, toggle, own) != own).any(1)
                p[:, k] = np.where(changed, toggle.share * np.where(toggle.rule.holds(part), 1.7, 0.5), 0)
            p *= np.minimum(1.0, 0.5 / np.maximum(p.sum(1, keepdims=True), 1e-9))
            if family.outsourced is not None:
                name, level = family.outsourced
                gone = channel(part, name, 0) > level
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
        """Codes and outside flags of `rows` under variant `which` (0 the most probable, k the k-th variation)."""
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
        return jobs, outside

    def machines(self, items: Latent) -> Array:
        """Main resource per item and line, shape (n, lines)."""
        n_lines = len(self.line_names)
        result = np.zeros((len(items), n_lines), np.int16)
        for line in range(n_lines):
            grade = np.searchsorted(self.line_cuts[line], items.size, side="right")
            result[:, line] = self.machine[items.family, line, grade]
        return result

    def times(self, items: Latent, rows: Array, jobs: Array) -> tuple[Array, Array]:
        """Noise-free minutes (set-up per order, run per piece) of job `jobs[i]` on item `rows[i]`."""
        size = np.clip(items.size[rows], 5, 900) / 100
        family, group = items.family[rows], items.mg[rows]
        line = self.line_of_code[jobs]
        run = self.run_base[jobs] * self.run_family[family, line] * self.run_material[line, group]
        run *= size ** self.exponent[jobs] * np.where(items.std[rows], 0.88, 1.0)
        setup = (
            self.setup_base[jobs]
            * self.run_family[family, line] ** 0.4
            * size ** (0.35 * self.exponent[jobs])
        )
        setup *= np.where(items.double[rows], 1.15, 1.0)
        return np.round(setup, 3), np.round(run, 4)


@dataclass
class Plan:
    """Result of `Book.plan`: codes (n, width), outside flags, probabilities of variations (n, 4), wholly outsourced."""

    jobs: Array
    outside: Array
    share: Array
    whole: Array


def base_plan(family: Family, part: Latent) -> tuple[Array, Array]:
    """The family's matrix of job codes and of outside flags before any variation, a row per item of `part`."""
    jobs = np.zeros((len(part), family.width), np.int16)
    outside = np.zeros((len(part), family.width), bool)
    for slot in family.slots:
        there = np.ones(len(part), bool) if slot.presence is None else slot.presence.holds(part)
        group = np.zeros(len(part), int) if slot.choice is None else slot.choice.holds(part).astype(int)
        wanted = np.ones(len(part), int)
        if slot.passes is not None:
            name, arg, levels = slot.passes
            wanted = 1 + np.searchsorted(np.array(levels), channel(part, name, arg), side="left")
        columns = slice(slot.column, slot.column + slot.width)
        within = np.arange(slot.width)[None, :] < wanted[:, None]
        jobs[:, columns] = slot.codes[group] * (within & there[:, None])
        if slot.outside is not None:
            outside[:, columns] = slot.outside.holds(part)[:, None]
    return jobs, outside


def swap_order(family: Family, toggle: Toggle) -> Array:
    """Order of the family's columns with the toggle's slot and the next one exchanged."""
    first, second = family.slots[toggle.slot], family.slots[toggle.slot + 1]
    a = np.arange(first.column, first.column + first.width)
    b = np.arange(second.column, second.column + second.width)
    order = np.arange(family.width)
    order[first.column : first.column + len(a) + len(b)] = np.concatenate([b, a])
    return order


def toggled(family: Family, toggle: Toggle, jobs: Array) -> Array:
    """The family's matrix after one variation; rows where it does not apply come back unchanged."""
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
