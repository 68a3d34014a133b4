"""Families as a plant makes them: thresholds, conditional steps and weights drawn around the design of the family."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import exp, log
from typing import NamedTuple

import numpy as np

from hydraulics.families import FAMILIES, NEW_FAMILIES, FamilyDesign
from hydraulics.operations import PHASE
from hydraulics.vocabulary import MATERIALS

#: What a plant adds on its own.
ADDABLE = [
    "mt", "stress", "deburr", "demag", "cmm", "hardness", "polish", "straight", "blast", "lasermark", "wash", "inproc", "ut",
    "doc", "uswash",
]  # fmt: skip
STEP = re.compile(r"([a-z0-9_]+)(?:/([a-z0-9_]+))?(?:\?([^~]+))?(?:~([.\d]+))?")
SIZE_CONDITION = re.compile(r"(od|ln)([<>])([.\d]+)")
#: Spread of the logarithm of length / diameter within a family.
SLENDERNESS_SPREAD = 0.35
#: Rules on these may be missing in a plant, or kept most of the time only.
LOOSE_ATTRIBUTES = ("od", "ln", "tol")
#: Probability with which a loose rule is kept.
MOSTLY = 0.88


class Condition(NamedTuple):
    """`attribute`: od, ln, mat, tol, coat, opt or raw; `sign`: <, > or =; `value`: mm, or a name."""

    attribute: str
    sign: str
    value: float | str


class Step(NamedTuple):
    """One place in a routing: `operation`, or `alternative` where the conditions hold, with a probability."""

    operation: str
    alternative: str | None
    conditions: list[Condition]
    probability: float


@dataclass
class Family:
    """A family of one plant. Weights belong to the names before them; lengths in mm, `quantity` pieces per order."""

    key: str
    english: str
    korean: str
    shop: str
    median_mm: float
    spread: float
    slenderness: float
    raw_forms: list[str]
    raw_weights: np.ndarray
    materials: list[str]
    material_weights: np.ndarray
    coatings: list[str]
    coating_weights: np.ndarray
    options: list[str]
    option_shares: np.ndarray
    fine_share: float
    steps: list[Step]
    run_factor: float = 1.0
    setup_factor: float = 1.0
    quantity: float = 1.0

    @property
    def is_new(self) -> bool:
        """No routing was ever written for it."""
        return self.key in NEW_FAMILIES

    @property
    def is_set(self) -> bool:
        """Put together from bought and made parts."""
        return self.raw_forms == ["SET"]

    @property
    def is_not_cut(self) -> bool:
        """Made from compound, wire, powder or fibre."""
        return self.raw_forms[0] in ("COMP", "WIRE", "POWD", "FIBR")

    @property
    def is_hollow(self) -> bool:
        """Has an inner diameter."""
        return any(step.operation in ("bore", "deepbore", "igrind", "hone") for step in self.steps)

    def thresholds(self, attribute: str) -> list[float]:
        """Sizes at which a rule on `od` or `ln` changes."""
        every = (condition for step in self.steps for condition in step.conditions)
        return sorted({float(c.value) for c in every if c.attribute == attribute})


def draw_family(key: str, rng: np.random.Generator) -> Family:
    """A family with this plant's sizes, materials, rules and times."""
    design = FAMILIES.get(key) or NEW_FAMILIES[key]
    median = design.median_mm * float(np.exp(rng.normal(0, 0.15)))
    materials, material_weights = _weights(design.materials)
    material_weights = material_weights * np.exp(rng.normal(0, 0.4, len(material_weights)))
    raw_forms, options = design.raw_forms.split(), design.options.split()
    coatings, coating_weights = _weights(design.coatings) if design.coatings else ([], np.zeros(0))
    coating_weights = coating_weights * np.exp(rng.normal(0, 0.25, len(coating_weights)))
    coating_weights = np.append(max(0.05, 1 - coating_weights.sum()), coating_weights)
    family = Family(
        key=key,
        english=design.english,
        korean=design.korean,
        shop=design.shop,
        median_mm=median,
        spread=design.spread,
        slenderness=design.slenderness,
        raw_forms=raw_forms,
        raw_weights=np.array([0.7, 0.3]) if len(raw_forms) == 2 else np.ones(1),
        materials=materials,
        material_weights=material_weights / material_weights.sum(),
        coatings=["", *coatings],
        coating_weights=coating_weights / coating_weights.sum(),
        options=options,
        option_shares=rng.uniform(0.08, 0.28, len(options)),
        fine_share=float(rng.uniform(0.2, 0.45)),
        steps=[],
    )
    family.steps = _draw_steps(family, design, rng)
    if not family.is_new and not family.is_set:
        _add_own_steps(family, rng)
    family.run_factor = float(np.exp(rng.normal(0, 0.3)))
    family.setup_factor = float(np.exp(rng.normal(0, 0.2)))
    family.quantity = float(np.exp(rng.normal(log(7), 0.7)))
    return family


def round_size(x: float) -> float:
    """A threshold as people choose one: two digits, in steps of a half at least."""
    step = max(10 ** np.floor(np.log10(x)) / 10, 0.5)
    step *= 5 if x / step > 40 else 1
    return float(max(step, round(x / step) * step))


def _weights(text: str) -> tuple[list[str], np.ndarray]:
    """Names and weights of `A:3 B:1`."""
    parts = [part.partition(":") for part in text.split()]
    return [name for name, _, _ in parts], np.array([float(value or 1) for _, _, value in parts])


def _draw_steps(family: Family, design: FamilyDesign, rng: np.random.Generator) -> list[Step]:
    """The design's routing with this plant's thresholds; some conditional steps are not done here, some not always."""
    steps = []
    for text in design.steps.split():
        match = STEP.fullmatch(text)
        if match is None:
            raise ValueError(f"family {family.key}: {text!r} is no step of a routing")
        operation, alternative, condition, probability = match.groups()
        conditions = _draw_conditions(family, condition, rng) if condition else []
        loose = bool(conditions) and not alternative and conditions[0].attribute in LOOSE_ATTRIBUTES
        unkept = bool(conditions) and not alternative and rng.random() < 0.07
        if unkept and loose and not family.is_new:
            continue
        kept = float(probability) if probability else 1.0
        if kept < 1:
            kept = float(np.clip(kept + rng.normal(0, 0.1), 0.12, 0.92))
        elif loose and rng.random() < 0.25:
            kept = MOSTLY
        steps.append(Step(operation, alternative, conditions, kept))
    return steps


def _draw_conditions(family: Family, text: str, rng: np.random.Generator) -> list[Condition]:
    """Conditions that `&` joins."""
    return [_draw_condition(family, part, rng) for part in text.split("&")]


def _draw_condition(family: Family, text: str, rng: np.random.Generator) -> Condition:
    """A condition on a size gets a threshold in mm near the quantile that the design names."""
    match = SIZE_CONDITION.fullmatch(text)
    if not match:
        attribute, _, value = text.partition("=")
        return Condition(attribute, "=", value)
    attribute, sign, quantile = match.groups()
    q = float(np.clip(float(quantile) + rng.normal(0, 0.07), 0.08, 0.92))
    if attribute == "od":
        spread, median = family.spread, family.median_mm
    else:
        spread = (family.spread**2 + SLENDERNESS_SPREAD**2) ** 0.5
        median = family.median_mm * family.slenderness
    return Condition(attribute, sign, round_size(median * exp(spread * _normal_quantile(q))))


def _normal_quantile(q: float) -> float:
    """Quantile of the standard normal distribution, to 0.0005 (Abramowitz and Stegun 26.2.23)."""
    t = (-2 * log(min(q, 1 - q))) ** 0.5
    above = 2.515517 + 0.802853 * t + 0.010328 * t * t
    below = 1 + 1.432788 * t + 0.189269 * t * t + 0.001308 * t**3
    z = t - above / below
    return -z if q < 0.5 else z


def _add_own_steps(family: Family, rng: np.random.Generator) -> None:
    """One to three conditional steps that only this plant has."""
    for _ in range(int(rng.integers(1, 4))):
        extra = str(rng.choice(ADDABLE))
        if any(extra in (step.operation, step.alternative) for step in family.steps):
            continue
        condition = _own_condition(family, rng)
        at = next(
            (i for i, s in enumerate(family.steps) if PHASE[s.operation] > PHASE[extra]), len(family.steps)
        )
        conditions = _draw_conditions(family, condition, rng)
        family.steps.insert(at, Step(extra, None, conditions, 1.0 if rng.random() < 0.8 else 0.75))


def _own_condition(family: Family, rng: np.random.Generator) -> str:
    """A condition of any kind, in the language of the designs."""
    kind = str(rng.choice(["od>", "od<", "ln>", "mat=", "tol=F", "opt", "mat&od"]))
    quantile = f"{rng.uniform(0.25, 0.75):.2f}"
    group = MATERIALS[str(rng.choice(family.materials))].group
    option = f"opt={rng.choice(family.options)}" if family.options else f"od>{quantile}"
    return {
        "od>": f"od>{quantile}",
        "od<": f"od<{quantile}",
        "ln>": f"ln>{quantile}",
        "mat=": f"mat={group}",
        "tol=F": "tol=F",
        "opt": option,
        "mat&od": f"mat={group}&od>{quantile}",
    }[kind]
