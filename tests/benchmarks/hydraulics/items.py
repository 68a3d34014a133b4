"""Items: their attributes, their sizes, where a size can be read, and the signature that decides their routing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hydraulics.family_rules import SLENDERNESS_SPREAD, Condition, Family
from hydraulics.plant import Plant, Signature
from hydraulics.vocabulary import MATERIAL_NAMES, MATERIALS

MM_PER_INCH = 25.4
#: Preferred diameters, mm.
PREFERRED_SIZES = np.array([
    6, 8, 10, 12, 14, 16, 18, 20, 22, 25, 28, 30, 32, 35, 36, 40, 45, 50, 56, 60, 63, 70, 75, 80, 90, 100, 110, 125, 140, 150,
    160, 180, 200, 220, 250, 280, 320, 360, 400, 450, 500.0,
])  # fmt: skip
PREFERRED_SHARE = 0.55
#: Items of a family that share a drawing, so sizes: how many, and how often.
SIBLINGS, SIBLING_SHARES = [1, 2, 3, 4, 6], [0.45, 0.25, 0.15, 0.1, 0.05]
#: Novelty of a part type. Its routings are known; its family's are; nobody has ever written one like it.
USED, NEW_TYPE, NEW_FAMILY = 0, 1, 2
#: Age 0 is the oldest item, 1 the newest. Older ones have routings, hardly any younger one has.
ROUTED_UNTIL, ROUTED_SHARE_OLD, ROUTED_SHARE_YOUNG = 0.5, 0.87, 0.045
#: New part types are drawn among drawings from this age on, a share of all; about this share of items is unrouted.
YOUNG_FROM, YOUNG_SHARE, UNROUTED_SHARE = 0.6, 0.4, 0.55
#: Share of items, where planners are recorded at all, whose planner is.
PLANNER_FILLED = 0.85


@dataclass
class Items:
    """One array entry an item; lengths in mm. Numbers are places in the plant's lists.

    Attributes
    ----------
    siblings : ndarray
        Number of the drawing, which several items may share.
    family, part_type, material, coating, raw_form, planner : ndarray of int
        Coating and raw form: places in the family's lists.
    options : ndarray of int
        Bit i: has the family's option i.
    diameter, length, bore : ndarray of float
        True sizes.
    is_inch, is_fine, is_routed : ndarray
        Drawn in inches; close tolerances (0 or 1); has a routing.
    novelty : ndarray of int
        USED, NEW_TYPE or NEW_FAMILY.
    age : ndarray of float
        0 to 1, 1 the newest.
    note : ndarray of int
        Place in `Plant.notes`, or -1.
    planner_shown : ndarray of bool
        The item master names the planner.
    size_state : ndarray of str
        Where the size is: column, text, other (a code, a seal, a sibling) or nowhere.
    size_hint : ndarray of str
        For `other`: item_code, seal_size or sibling_drawing; else empty.
    size_in_code, seal_size_shown, drawing_shared : ndarray of bool
        The item code holds the size; the seal's size column is filled; siblings show the same drawing number.
    """

    siblings: np.ndarray
    family: np.ndarray
    part_type: np.ndarray
    diameter: np.ndarray
    length: np.ndarray
    bore: np.ndarray
    is_inch: np.ndarray
    novelty: np.ndarray
    age: np.ndarray
    is_routed: np.ndarray
    material: np.ndarray
    coating: np.ndarray
    options: np.ndarray
    raw_form: np.ndarray
    is_fine: np.ndarray
    planner: np.ndarray
    note: np.ndarray
    planner_shown: np.ndarray
    size_state: np.ndarray
    size_hint: np.ndarray
    size_in_code: np.ndarray
    seal_size_shown: np.ndarray
    drawing_shared: np.ndarray

    @property
    def count(self) -> int:
        """Number of items."""
        return len(self.family)


def draw_items(plant: Plant, count: int, rng: np.random.Generator) -> Items:
    """All items of the plant."""
    knobs = plant.knobs
    sizes = rng.choice(SIBLINGS, count, p=SIBLING_SHARES)
    siblings = np.repeat(np.arange(count), sizes)[:count]
    drawings = int(siblings[-1]) + 1
    drawn = _draw_drawings(plant, drawings, rng)
    novelty = drawn["novelty"][siblings]
    age = np.clip(drawn.pop("age")[siblings] + rng.normal(0, 0.01, count), 0, 0.9999)
    routed_share = np.where(age < ROUTED_UNTIL, ROUTED_SHARE_OLD, ROUTED_SHARE_YOUNG)
    is_routed = (rng.random(count) < routed_share) & (novelty == USED)
    of_item = {name: values[siblings] for name, values in drawn.items()}
    of_item |= _draw_attributes(plant, siblings, of_item["family"], of_item["part_type"], rng)
    note = rng.choice(len(plant.notes), count, p=plant.note_shares)
    note = np.where(rng.random(count) < knobs.word_share, note, -1)
    planner_shown = plant.planners.are_recorded & (rng.random(count) < PLANNER_FILLED)
    of_item |= _draw_where_sizes_are(plant, siblings, of_item["family"], rng)
    return Items(
        siblings=siblings, age=age, is_routed=is_routed, note=note, planner_shown=planner_shown, **of_item
    )


def _draw_drawings(plant: Plant, count: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """What siblings share: family, part type, sizes, unit, novelty and roughly the age."""
    knobs = plant.knobs
    age = rng.random(count)
    young = age > YOUNG_FROM
    draw = rng.random(count)
    # Shares are of the unrouted items, which the young drawings have to supply.
    new_type = young & (draw < knobs.new_known_share * UNROUTED_SHARE / YOUNG_SHARE)
    new_family = young & (draw > 1 - knobs.new_truly_share * UNROUTED_SHARE / YOUNG_SHARE)
    novelty = np.where(new_type, NEW_TYPE, np.where(new_family, NEW_FAMILY, USED))
    family = rng.choice(len(plant.known), count, p=plant.popularity)
    unheard_of = len(plant.known) + rng.integers(0, len(plant.new), count)
    family = np.where(novelty == NEW_FAMILY, unheard_of, family)
    is_inch = rng.random(count) < knobs.inch_share
    part_type = np.zeros(count, int)
    diameter, length, bore = np.zeros(count), np.zeros(count), np.zeros(count)
    for number, key in enumerate(plant.keys):
        at = np.flatnonzero(family == number)
        if not len(at):
            continue
        types, shares = plant.catalogue.usual[key]
        part_type[at] = rng.choice(types, len(at), p=shares)
        if key in plant.catalogue.unused:
            unused = at[novelty[at] == NEW_TYPE]
            part_type[unused] = rng.choice(plant.catalogue.unused[key], len(unused))
        diameter[at], length[at] = draw_sizes(plant, plant.families[key], is_inch[at], rng)
        bore[at] = np.round(diameter[at] * rng.uniform(0.35, 0.8, len(at)), 1)
    return {
        "age": age,
        "novelty": novelty,
        "family": family,
        "is_inch": is_inch,
        "part_type": part_type,
        "diameter": diameter,
        "length": length,
        "bore": bore,
    }


def draw_sizes(
    plant: Plant, family: Family, is_inch: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Diameters and lengths in mm, one for each entry of `is_inch`; some lie close to the family's thresholds."""
    count = len(is_inch)
    diameter = family.median_mm * np.exp(rng.normal(0, family.spread, count))
    preferred = rng.random(count) < PREFERRED_SHARE
    distance = np.abs(np.log(PREFERRED_SIZES)[None, :] - np.log(diameter)[:, None])
    nearest = PREFERRED_SIZES[distance.argmin(1)]
    diameter = np.where(preferred, nearest, np.round(diameter, np.where(diameter.mean() < 40, 1, 0)))
    length = diameter * family.slenderness * np.exp(rng.normal(0, SLENDERNESS_SPREAD, count))
    for size, attribute in ((diameter, "od"), (length, "ln")):
        thresholds = np.array(family.thresholds(attribute))
        if len(thresholds):
            near = rng.random(count) < plant.knobs.near_share
            chosen = thresholds[rng.integers(0, len(thresholds), near.sum())]
            size[near] = np.round(chosen * np.exp(rng.normal(0, 0.025, near.sum())), 1)
    length = np.where(length > 100, np.round(length / 5) * 5, np.round(length))
    diameter, length = np.maximum(diameter, 3), np.maximum(length, 2)
    step = np.where(diameter > 100, 0.25, 1 / 16)
    in_steps = np.maximum(np.round(diameter / MM_PER_INCH / step), 1)
    diameter = np.where(is_inch, in_steps * step * MM_PER_INCH, diameter)
    eighths = np.maximum(np.round(length / MM_PER_INCH * 8), 1)
    return diameter, np.where(is_inch, eighths / 8 * MM_PER_INCH, length)


def _draw_attributes(
    plant: Plant, siblings: np.ndarray, family: np.ndarray, part_type: np.ndarray, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Material, coating, options, raw form, tolerance and planner; siblings share raw form, tolerance, mostly the material."""
    names = ("material", "coating", "options", "raw_form", "is_fine", "planner")
    found = {name: np.zeros(len(family), int) for name in names}
    drawings = int(siblings[-1]) + 1
    option_factor = np.array([part.option_factor for part in plant.catalogue.types])[part_type]
    for number, (key, rules) in enumerate(plant.families.items()):
        at = np.flatnonzero(family == number)
        if not len(at):
            continue
        count = len(at)
        drawing = siblings[at]
        shared = rng.choice(len(rules.materials), drawings, p=rules.material_weights)[drawing]
        own = rng.choice(len(rules.materials), count, p=rules.material_weights)
        chosen = np.where(rng.random(count) < 0.6, shared, own)
        found["material"][at] = np.array([MATERIAL_NAMES.index(x) for x in rules.materials])[chosen]
        found["coating"][at] = rng.choice(len(rules.coatings), count, p=rules.coating_weights)
        found["raw_form"][at] = rng.choice(len(rules.raw_forms), drawings, p=rules.raw_weights)[drawing]
        found["is_fine"][at] = rng.random(drawings)[drawing] < rules.fine_share
        for bit, share in enumerate(rules.option_shares):
            has = rng.random(count) < share * option_factor[at]
            found["options"][at] |= has.astype(int) << bit
        who, shares = plant.planners.of_family[key]
        found["planner"][at] = rng.choice(who, count, p=shares)
    return found


def _draw_where_sizes_are(
    plant: Plant, siblings: np.ndarray, family: np.ndarray, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Which size columns are empty, and where else the size can be read then."""
    count, families = len(family), len(plant.keys)
    empty_share = np.clip(plant.knobs.empty_share + rng.normal(0, 0.05, families), 0.3, 0.5)
    empty = rng.random(count) < empty_share[family]
    in_text = empty & (rng.random(count) < plant.knobs.text_share)
    in_code = (rng.random(families) < 0.3)[family]
    sealed_shop = np.isin(plant.shops, ["C", "V"])[family]
    seal_size_shown = sealed_shop & (rng.random(count) < 0.45)
    drawings = int(siblings[-1]) + 1
    told = np.bincount(siblings, weights=~empty | in_text, minlength=drawings)[siblings] > 0
    several = np.bincount(siblings, minlength=drawings)[siblings] > 1
    drawing_shared = (rng.random(drawings) < 0.85)[siblings] & several
    by_sibling = np.where(told & drawing_shared, "sibling_drawing", "")
    hint = np.where(in_code, "item_code", np.where(seal_size_shown, "seal_size", by_sibling)).astype(object)
    state = np.where(in_text, "text", np.where(empty, "nowhere", "column")).astype(object)
    hint = np.where(state == "nowhere", hint, "")
    return {
        "size_state": np.where((state == "nowhere") & (hint != ""), "other", state),
        "size_hint": hint,
        "size_in_code": in_code,
        "seal_size_shown": seal_size_shown,
        "drawing_shared": drawing_shared,
    }


def material_groups(items: Items, at: np.ndarray | slice) -> np.ndarray:
    """Group of material of some items."""
    return np.array([MATERIALS[name].group for name in MATERIAL_NAMES])[items.material[at]]


def conditions_of(
    plant: Plant, items: Items, at: np.ndarray, diameter: np.ndarray, length: np.ndarray
) -> np.ndarray:
    """The conditions of steps that hold for the items `at`, were their sizes these: bit i for step i of the family."""
    bits = np.zeros(len(at), np.int64)
    for number, family in enumerate(plant.families.values()):
        here = np.flatnonzero(items.family[at] == number)
        if not len(here):
            continue
        sizes = {"od": diameter[here], "ln": length[here]}
        for i, step in enumerate(family.steps):
            if step.conditions:
                holds = np.ones(len(here), bool)
                for condition in step.conditions:
                    holds &= _holds(items, at[here], family, condition, sizes)
                bits[here] |= holds.astype(np.int64) << i
    return bits


def _holds(
    items: Items, at: np.ndarray, family: Family, condition: Condition, sizes: dict[str, np.ndarray]
) -> np.ndarray:
    """Whether one condition holds, for items of one family; nowhere where the family lacks what it names."""
    attribute, sign, value = condition
    if attribute in sizes:
        return sizes[attribute] > value if sign == ">" else sizes[attribute] <= value
    if attribute == "mat":
        return material_groups(items, at) == value
    if attribute == "tol":
        return items.is_fine[at] == (value == "F")
    names, column = {
        "coat": (family.coatings, items.coating),
        "opt": (family.options, items.options),
        "raw": (family.raw_forms, items.raw_form),
    }[attribute]
    if value not in names:
        return np.zeros(len(at), bool)
    number = names.index(str(value))
    return column[at] >> number & 1 == 1 if attribute == "opt" else column[at] == number


def signatures(plant: Plant, items: Items, at: np.ndarray, conditions: np.ndarray) -> np.ndarray:
    """One row of `Signature` for each of the items `at`."""
    effect = np.array([part.effect for part in plant.catalogue.types])[items.part_type[at]]
    planner = np.where(items.planner_shown[at], items.planner[at], -1)
    return np.column_stack([items.family[at], conditions, effect, items.note[at], planner])


def signature_of(row: np.ndarray) -> Signature:
    """A row of `signatures` as what a distribution is asked by."""
    return Signature(*(int(x) for x in row))


def calibrate(plant: Plant, items: Items, rng: np.random.Generator) -> None:
    """Set the plant's chance multiplier so that the mean top probability of unrouted items is the knob `ceiling`.

    Reckoned on 1,500 items at most, by eight halvings between 0.5 and 2.2; where the knob lies beyond, the end is taken.
    """
    at = np.flatnonzero(~items.is_routed)
    at = at[rng.permutation(len(at))[:1500]]
    conditions = conditions_of(plant, items, at, items.diameter[at], items.length[at])
    asked = [signature_of(row) for row in signatures(plant, items, at, conditions)]
    low, high = 0.5, 2.2
    for _ in range(8):
        middle = (low * high) ** 0.5
        plant.set_chance_multiplier(middle)
        mean = np.mean([plant.distribution(signature).probabilities[0] for signature in asked])
        low, high = (middle, high) if mean > plant.knobs.ceiling else (low, middle)
