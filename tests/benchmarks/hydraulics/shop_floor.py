"""Job codes, planners and machines of a plant."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

import numpy as np

from hydraulics.family_rules import Family, round_size
from hydraulics.operations import (
    ANY_SHOP,
    AT_TIMES,
    NAMES,
    OPERATIONS,
    PHASE,
    SHOP_NAMES,
    SHOP_SPECIFIC,
    SHOPS,
    WHEN_LARGE,
)
from hydraulics.routes import HABITS, NO_HABIT
from hydraulics.vocabulary import MATERIAL_NAMES, MATERIALS

#: Letters of job codes in the third scheme, by phase.
PHASE_LETTERS = "PMHGCQAS"
#: Operations whose job code may have been replaced.
REPLACEABLE = [
    "turn2", "mill3", "deburr", "insp", "wash", "cgrind", "drill", "saw", "hmc", "pack", "leak", "mark", "qt", "turn1", "asm",
]  # fmt: skip
MACHINE_MAKERS = [
    "두산 PUMA", "HWACHEON", "MAZAK", "OKUMA", "현대위아", "TOYODA", "DMG", "GLEASON", "STUDER", "SUNNEN", "", "", "",
]  # fmt: skip
#: Phases whose machines are named after a maker and chosen in many ways.
MACHINING_PHASES = range(3, 14)
#: Phases in which all shops use the same machines, where the job code is the same too.
SHARED_PHASES = (1, 2, 5, 11, 12, 14, 17, 18)


def shop_of_code(operation: str, shop: str) -> str:
    """The shop itself where it has a job code of its own, else ANY_SHOP."""
    return shop if operation in SHOP_SPECIFIC else ANY_SHOP


def code_shops(operation: str) -> str:
    """Shops that have a job code for the operation."""
    return SHOPS if operation in SHOP_SPECIFIC else ANY_SHOP


class JobCodes:
    """Codes and names of jobs; some were replaced by others at a date.

    Attributes
    ----------
    code, replaced : dict
        By operation and shop: today's code, and the one before it where there is one.
    replaced_on : dict
        By operation: the date.
    name : dict
        By code.
    """

    def __init__(self, scheme: int, rng: np.random.Generator) -> None:
        self.scheme = scheme
        self.code: dict[tuple[str, str], str] = {}
        self.replaced: dict[tuple[str, str], str] = {}
        self.replaced_on: dict[str, dt.datetime] = {}
        self.name: dict[str, str] = {}
        self._drawn: set[str] = set()
        for operation in NAMES:
            for shop in code_shops(operation):
                code = self.code[operation, shop] = self._draw(operation, shop, rng)
                korean, english = OPERATIONS[operation].korean, OPERATIONS[operation].english
                name = korean if rng.random() < 0.8 else english
                plain = shop == ANY_SHOP or rng.random() < 0.5
                self.name[code] = name if plain else f"{name}({SHOP_NAMES[shop]})"
        for operation in rng.permutation(REPLACEABLE)[: int(rng.integers(2, 5))].tolist():
            day = dt.datetime(int(rng.integers(2017, 2023)), int(rng.integers(1, 13)), 1)
            self.replaced_on[operation] = day
            for shop in code_shops(operation):
                old = self.replaced[operation, shop] = self._draw(operation, shop, rng)
                self.name[old] = self.name[self.code[operation, shop]]

    def of(self, operation: str, shop: str) -> str:
        """Today's code of an operation in a shop."""
        return self.code[operation, shop_of_code(operation, shop)]

    def old(self, operation: str, shop: str) -> str:
        """The code before it; only of operations in `replaced_on`."""
        return self.replaced[operation, shop_of_code(operation, shop)]

    def _draw(self, operation: str, shop: str, rng: np.random.Generator) -> str:
        """A code that is not in use: digits, two letters of the operation, or a letter of its phase."""
        place = 0 if shop == ANY_SHOP else SHOPS.index(shop) + 1
        while True:
            if self.scheme == 0:
                code = f"{place}{int(rng.integers(0, 1000)):03d}"
            elif self.scheme == 1:
                stem = OPERATIONS[operation].stem
                code = f"{stem}{shop if place else ''}{int(rng.integers(1, 10)) * 10:02d}"
            else:
                letter = PHASE_LETTERS[PHASE[operation] % len(PHASE_LETTERS)]
                code = f"{letter}{int(rng.integers(100, 999))}{f'-{place}' if place else ''}"
            if code not in self._drawn:
                self._drawn.add(code)
                return code


class Planners:
    """Who writes routings, with which habit.

    Attributes
    ----------
    codes : list of str
        An item's planner is its place here.
    are_recorded : bool
        The item master says who plans an item. Where it does not, habits are rarer.
    habits : list of str
        One of `routes.HABITS` or none, for each.
    standards_factor : ndarray
        What each makes of run times when writing standards.
    of_family : dict
        By family: numbers of its planners and the shares of its items that they plan.
    """

    def __init__(
        self, families: dict[str, Family], scheme: int, recorded: bool | None, rng: np.random.Generator
    ) -> None:
        count = int(rng.integers(7, 12))
        letters = "MRP" if scheme else "P"
        self.codes = [f"{letters}{number:02d}" for number in rng.choice(99, count, replace=False)]
        self.are_recorded = bool(rng.random() < 0.5) if recorded is None else bool(recorded)
        share = 0.45 if self.are_recorded else 0.22
        habits = list(HABITS)
        self.habits = [str(rng.choice(habits)) if rng.random() < share else NO_HABIT for _ in range(count)]
        self.standards_factor = np.exp(rng.normal(0, 0.12, count))
        self.of_family: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        for key in families:
            who = rng.choice(count, int(rng.integers(2, 4)), replace=False)
            self.of_family[key] = who, rng.dirichlet(np.array([3.0, 1.5, 0.8][: len(who)]))


@dataclass
class MachineRule:
    """How a shop chooses the machine for an operation.

    Attributes
    ----------
    kind : str
        fixed; size (by diameter); load (the second one now and then); mat (by material); pool (a queue, no machine).
    machines : list of int
        Numbers of the machines.
    thresholds_mm : list of float
        For `size`: diameters at which the next machine begins.
    groups : list of str
        For `mat`: groups of material that go to the second machine.
    spare : list of int
        A machine that jobs are moved to now and then, which no routing names.
    """

    kind: str
    machines: list[int]
    thresholds_mm: list[float] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    spare: list[int] = field(default_factory=list)


class Machines:
    """Machines and subcontractors; a machine is its number in `codes` and `names`.

    Attributes
    ----------
    outside : dict
        By operation: the subcontractor.
    outsourcing : dict
        By operation: diameter in mm above which it goes out (WHEN_LARGE), or the share that does (AT_TIMES).
    rules : dict
        By operation and shop.
    replaced : dict
        By machine: the one before it, and the date.
    run_factor, operation_factor : ndarray
        On run times of each machine; on set-up and run times of each operation.
    """

    def __init__(self, families: dict[str, Family], rng: np.random.Generator) -> None:
        self.codes: list[str] = []
        self.names: list[str] = []
        self.rules: dict[tuple[str, str], MachineRule] = {}
        self.outsourcing: dict[str, float] = {}
        self.replaced: dict[int, tuple[int, dt.datetime]] = {}
        self._last_number: dict[tuple[str, str], int] = {}
        self.outside = {
            name: self._add(f"OS-{OPERATIONS[name].stem}", f"외주 {OPERATIONS[name].korean}")
            for name in NAMES
        }
        for operation in NAMES:
            self.outsourcing[operation] = _draw_outsourcing(operation, rng)
            shared = operation not in SHOP_SPECIFIC and PHASE[operation] in SHARED_PHASES
            rule = None
            for shop in SHOPS:
                if rule is None or not shared:
                    rule = self._draw_rule(operation, shop, families, rng)
                self.rules[operation, shop] = rule
        self.run_factor = np.exp(rng.normal(0, 0.12, len(self.codes)))
        self.operation_factor = np.exp(rng.normal(0, 0.2, (len(NAMES), 2)))

    @property
    def spares(self) -> dict[int, int]:
        """The spare machine of those that have one."""
        return {rule.machines[0]: rule.spare[0] for rule in self.rules.values() if rule.spare}

    def _add(self, code: str, name: str) -> int:
        """Number of a new machine."""
        self.codes.append(code)
        self.names.append(name)
        return len(self.codes) - 1

    def _draw_machine(self, operation: str, shop: str, rng: np.random.Generator) -> int:
        """A machine with the next number of its shop and kind."""
        letter = OPERATIONS[operation].stem[0]
        number = self._last_number.get((shop, letter), 0) + int(rng.integers(1, 3))
        self._last_number[shop, letter] = number
        maker = rng.choice(MACHINE_MAKERS) if PHASE[operation] in MACHINING_PHASES else ""
        name = f"{OPERATIONS[operation].korean} {maker} {int(rng.integers(1, 30))}호"
        return self._add(f"{shop}{letter}-{number:03d}", name.replace("  ", " "))

    def _draw_rule(
        self, operation: str, shop: str, families: dict[str, Family], rng: np.random.Generator
    ) -> MachineRule:
        """A rule and its machines."""
        if PHASE[operation] in MACHINING_PHASES:
            kinds, shares = ["fixed", "size", "load", "mat", "pool"], [0.3, 0.27, 0.27, 0.1, 0.06]
        else:
            kinds, shares = ["fixed", "load", "size"], [0.65, 0.25, 0.1]
        kind = str(rng.choice(kinds, p=shares))
        size_classes = int(rng.integers(2, 4))
        count = {"fixed": 1, "size": size_classes, "load": 2, "mat": 2, "pool": 1}[kind]
        if kind == "pool":
            korean = OPERATIONS[operation].korean
            rule = MachineRule(
                kind, [self._add(f"{OPERATIONS[operation].stem}{shop}-대기", f"{korean} 대기")]
            )
        else:
            rule = MachineRule(kind, [self._draw_machine(operation, shop, rng) for _ in range(count)])
        if kind == "size":
            factors = [0.75, 1.5] if count == 3 else [float(rng.uniform(0.7, 1.4))]
            rule.thresholds_mm = [round_size(_usual_size(families, shop) * factor) for factor in factors]
        if kind == "mat":
            rule.groups = ["SS", "NI", "TI"] if rng.random() < 0.6 else ["CI", "AL", "BZ"]
        if kind in ("fixed", "mat") and rng.random() < 0.3:
            rule.spare = [self._draw_machine(operation, shop, rng)]
        if kind != "pool" and rng.random() < 0.14:
            before = self._draw_machine(operation, shop, rng)
            day = dt.datetime(int(rng.integers(2018, 2025)), int(rng.integers(1, 13)), 1)
            self.replaced[rule.machines[0]] = before, day
        return rule


def draw_material_codes(rng: np.random.Generator) -> dict[str, str]:
    """A code of its own for every material."""
    codes: dict[str, str] = {}
    for material in MATERIAL_NAMES:
        group = MATERIALS[material].group
        code = f"{group}{int(rng.integers(10, 99))}" + (material[-1] if rng.random() < 0.3 else "")
        while code in codes.values():
            code = f"{group}{int(rng.integers(100, 999))}"
        codes[material] = code
    return codes


def _draw_outsourcing(operation: str, rng: np.random.Generator) -> float:
    """Diameter in mm, or share; 0 for operations that always stay or always go."""
    when = OPERATIONS[operation].outsourcing
    if when == WHEN_LARGE:
        return float(rng.uniform(120, 260))
    return float(rng.choice([0.03, 0.08, 0.12])) if when == AT_TIMES else 0.0


def _usual_size(families: dict[str, Family], shop: str) -> float:
    """Geometric mean of the median diameters in a shop, in mm."""
    medians = [family.median_mm for family in families.values() if family.shop == shop] or [60]
    return float(np.exp(np.mean(np.log(medians))))
