"""What the plant knows about itself: routings and their probabilities, median times, difficulties of items, a summary."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hydraulics.items import NEW_FAMILY, NEW_TYPE, Items, conditions_of, draw_sizes, signature_of, signatures
from hydraulics.machining import Planned, median_times
from hydraulics.operations import NAMES, NUMBER, SHOPS
from hydraulics.plant import MOST_VARIANTS, Distribution, Plant
from hydraulics.reports import Reports
from hydraulics.routes import Route
from hydraulics.routings import Written
from hydraulics.vocabulary import MATERIAL_NAMES

ROUTING_COLUMNS = {
    "ITEM_CD": "NVARCHAR(255)",
    "VARIANT": "INTEGER",
    "PROBABILITY": "REAL",
    "JOB_SEQ": "TEXT",
    "RES_SEQ": "TEXT",
    "INSIDE_SEQ": "TEXT",
}
TIME_COLUMNS = {
    "ITEM_CD": "NVARCHAR(255)",
    "JOB_CD": "NVARCHAR(255)",
    "SETUP_MIN": "REAL",
    "RUN_MIN": "REAL",
}
ITEM_COLUMNS = {
    "ITEM_CD": "NVARCHAR(255)",
    "FAMILY": "NVARCHAR(255)",
    "PART_TYPE": "NVARCHAR(255)",
    "PART_TYPE_BAND": "NVARCHAR(255)",
    "HAS_WORD_RULE": "INTEGER",
    "WORD_RULE": "NVARCHAR(255)",
    "SIZE_STATE": "NVARCHAR(255)",
    "SIZE_HINT": "NVARCHAR(255)",
    "NEAR_THRESHOLD": "INTEGER",
    "HAS_OPTION": "INTEGER",
    "PLANNER_MIX": "INTEGER",
    "ROUTED": "INTEGER",
    "INCH": "INTEGER",
    "OD_MM": "REAL",
    "LENGTH_MM": "REAL",
    "MATERIAL": "NVARCHAR(255)",
    "COATING": "NVARCHAR(255)",
    "PLANNER": "NVARCHAR(255)",
    "PLANNER_SEEN": "INTEGER",
    "TYPE_HAS_OWN": "INTEGER",
    "KINDS": "NVARCHAR(255)",
    "TOP_PROBABILITY": "REAL",
    "TOP_PROBABILITY_VISIBLE": "REAL",
}
GRAMMAR_COLUMNS = {
    "FAMILY": "NVARCHAR(255)",
    "STEP": "INTEGER",
    "JOB_CD": "NVARCHAR(255)",
    "ELSE_OR_INSTEAD": "NVARCHAR(255)",
    "CONDITION": "NVARCHAR(255)",
    "PROBABILITY": "REAL",
}
SUMMARY_COLUMNS = {"NAME": "NVARCHAR(255)", "VALUE": "REAL"}
#: Between the codes of a sequence.
ARROW = ">"
#: Sizes drawn for an item whose size is nowhere, and the part of the seed that they are drawn from.
SIZES_TRIED, SIZES_STREAM = 16, 11
#: A size this close to a threshold, as difference of logarithms, is near it.
NEAR = 0.03
#: A part type is frequent from so many routed items on, and from this share of them.
FREQUENT_ITEMS, FREQUENT_SHARE = 8, 0.002


@dataclass
class Known:
    """What the truth says of every item.

    Attributes
    ----------
    conditions : ndarray of int
        As `conditions_of` gives them.
    signature_number : ndarray of int
        Place in `by_signature`.
    by_signature : list of Distribution
        Of each signature that an item has.
    top, visible : ndarray of float
        Probability of the most probable routing, if everything is known, and if only what the ERP shows is.
    """

    conditions: np.ndarray
    signature_number: np.ndarray
    by_signature: list[Distribution]
    top: np.ndarray
    visible: np.ndarray

    @property
    def distributions(self) -> list[Distribution]:
        """Distribution of each item."""
        return [self.by_signature[number] for number in self.signature_number]


def reckon(plant: Plant, seed: int, items: Items) -> Known:
    """Distributions of all items and the two ceilings."""
    everyone = np.arange(items.count)
    conditions = conditions_of(plant, items, everyone, items.diameter, items.length)
    rows = signatures(plant, items, everyone, conditions)
    unique, number = np.unique(rows, axis=0, return_inverse=True)
    number = number.ravel()
    by_signature = [plant.distribution(signature_of(row)) for row in unique]
    top = np.array([found.probabilities[0] for found in by_signature])[number]
    visible = top.copy()
    hidden = np.flatnonzero(items.size_state == "nowhere")
    if len(hidden):
        visible[hidden] = _without_sizes(plant, seed, items, hidden)
    return Known(conditions, number, by_signature, top, visible)


def _without_sizes(plant: Plant, seed: int, items: Items, hidden: np.ndarray) -> list[float]:
    """Top probability of the mean distribution over sizes drawn again from each item's family."""
    rng = np.random.default_rng([seed, SIZES_STREAM])
    mixtures: list[dict[Route, float]] = [{} for _ in hidden]
    for _ in range(SIZES_TRIED):
        diameter, length = np.zeros(len(hidden)), np.zeros(len(hidden))
        for number, family in enumerate(plant.families.values()):
            at = np.flatnonzero(items.family[hidden] == number)
            if len(at):
                diameter[at], length[at] = draw_sizes(plant, family, items.is_inch[hidden][at], rng)
        conditions = conditions_of(plant, items, hidden, diameter, length)
        for mixture, row in zip(mixtures, signatures(plant, items, hidden, conditions), strict=True):
            found = plant.distribution(signature_of(row))
            for route, probability in zip(found.routes, found.probabilities, strict=True):
                mixture[route] = mixture.get(route, 0) + probability / SIZES_TRIED
    return [max(mixture.values()) for mixture in mixtures]


def routing_and_time_rows(
    plant: Plant, items: Items, known: Known, planned: Planned, codes: list[str]
) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """At most twelve routings of each item, and the median times of all operations in them."""
    job_codes = {shop: [plant.jobs.of(name, shop) for name in NAMES] for shop in SHOPS}
    named = [
        (found.probabilities[:MOST_VARIANTS], [[NUMBER[name] for name in r] for r in found.routes[:MOST_VARIANTS]])
        for found in known.by_signature
    ]  # fmt: skip
    operations_of = [sorted({number for route in routes for number in route}) for _, routes in named]
    shop_of_family = plant.shops
    routings = []
    pairs_item: list[int] = []
    pairs_operation: list[int] = []
    for i, signature in enumerate(known.signature_number):
        probabilities, routes = named[signature]
        jobs = job_codes[shop_of_family[items.family[i]]]
        machines, outside = planned.machine[i], planned.is_outside[i]
        for variant, (route, probability) in enumerate(zip(routes, probabilities, strict=True), 1):
            job_sequence = ARROW.join(jobs[x] for x in route)
            machine_sequence = ARROW.join(plant.machines.codes[machines[x]] for x in route)
            places = ARROW.join("out" if outside[x] else "in" for x in route)
            row = (codes[i], variant, round(float(probability), 6), job_sequence, machine_sequence, places)
            routings.append(row)
        pairs_item += [i] * len(operations_of[signature])
        pairs_operation += operations_of[signature]
    item, operation = np.array(pairs_item), np.array(pairs_operation)
    setup, run = median_times(plant, items, item, operation, planned.machine[item, operation])
    times = [
        (codes[i], job_codes[shop_of_family[items.family[i]]][x], s, r)
        for i, x, s, r in zip(pairs_item, pairs_operation, setup.tolist(), run.tolist(), strict=True)
    ]
    return routings, times


@dataclass
class Difficulties:
    """What makes an item difficult, an array entry each.

    Attributes
    ----------
    band : ndarray of str
        Of its part type: frequent, rare, new_known (a new type of a known family) or new_truly (a new family).
    near_threshold, has_option, has_planner_mix : ndarray of bool
        A size near a threshold; a step by chance; planners of different habits, of whom none is named.
    has_own : ndarray of bool
        Its part type has an operation of its own, or leaves one out.
    """

    band: np.ndarray
    near_threshold: np.ndarray
    has_option: np.ndarray
    has_planner_mix: np.ndarray
    has_own: np.ndarray


def difficulties(plant: Plant, items: Items, known: Known) -> Difficulties:
    """Of all items."""
    types = plant.catalogue.types
    routed_items = np.bincount(items.part_type[items.is_routed], minlength=len(types))
    frequent = routed_items >= max(FREQUENT_ITEMS, FREQUENT_SHARE * items.is_routed.sum())
    of_used_type = np.where(frequent[items.part_type], "frequent", "rare")
    band = np.where(items.novelty == NEW_FAMILY, "new_truly", of_used_type)
    band = np.where(items.novelty == NEW_TYPE, "new_known", band)
    near, by_chance, mixed = (np.zeros(items.count, bool) for _ in range(3))
    for number, (key, family) in enumerate(plant.families.items()):
        at = np.flatnonzero(items.family == number)
        for bit, step in enumerate(family.steps):
            if 0.03 < plant.chance(step.probability) < 0.97:
                only_where = bool(step.conditions) and not step.alternative
                by_chance[at] |= (known.conditions[at] >> bit & 1 == 1) if only_where else True
        who, _ = plant.planners.of_family[key]
        several = len({plant.planners.habits[planner] for planner in who}) > 1
        mixed[at] = ~items.planner_shown[at] & several
        for size, attribute in ((items.diameter, "od"), (items.length, "ln")):
            for threshold in family.thresholds(attribute):
                near[at] |= np.abs(np.log(size[at] / threshold)) < NEAR
    has_own = np.array([bool(part_type.own) for part_type in types])[items.part_type]
    return Difficulties(band, near, by_chance, mixed, has_own)


def item_rows(
    plant: Plant, items: Items, known: Known, found: Difficulties, codes: list[str]
) -> list[tuple[Any, ...]]:
    """Rows of DEMO_TRUTH_ITEM."""
    rows = []
    for i in range(items.count):
        key = plant.keys[items.family[i]]
        part_type, note = plant.catalogue.types[items.part_type[i]], items.note[i]
        rows.append((
            codes[i],
            key,
            part_type.code,
            str(found.band[i]),
            int(note >= 0),
            plant.notes[note] if note >= 0 else None,
            items.size_state[i],
            items.size_hint[i] or None,
            int(found.near_threshold[i]),
            int(found.has_option[i]),
            int(found.has_planner_mix[i]),
            int(items.is_routed[i]),
            int(items.is_inch[i]),
            round(float(items.diameter[i]), 4),
            round(float(items.length[i]), 4),
            MATERIAL_NAMES[items.material[i]],
            plant.families[key].coatings[items.coating[i]] or None,
            plant.planners.codes[items.planner[i]],
            int(items.planner_shown[i]),
            int(found.has_own[i]),
            "+".join(part_type.words),
            round(float(known.top[i]), 6),
            round(float(known.visible[i]), 6),
        ))  # fmt: skip
    return rows


def grammar_rows(plant: Plant) -> list[tuple[Any, ...]]:
    """Every step of every family, so that a reader can see why a routing is what it is."""
    rows = []
    for key, family in plant.families.items():
        for number, step in enumerate(family.steps):
            instead = plant.jobs.of(step.alternative, family.shop) if step.alternative else None
            conditions = " & ".join(f"{c.attribute}{c.sign}{c.value}" for c in step.conditions)
            job = plant.jobs.of(step.operation, family.shop)
            rows.append((key, number, job, instead, conditions, round(plant.chance(step.probability), 4)))
    return rows


def summarise(
    plant: Plant,
    seed: int,
    items: Items,
    known: Known,
    found: Difficulties,
    written: Written,
    reports: Reports,
    result_rows: int,
) -> dict[str, float]:
    """Figures of the whole plant by name; shares lie between 0 and 1."""
    routed, unrouted, number = items.is_routed, ~items.is_routed, known.signature_number
    listed = np.array([d.probabilities[:MOST_VARIANTS].sum() for d in known.by_signature])
    longest = np.array([len(d.routes[0]) for d in known.by_signature])
    reported = len(np.unique(reports.line))
    return {
        "n_items": items.count,
        "seed": seed,
        "ceiling": known.top[unrouted].mean(),
        "ceiling_visible": known.visible[unrouted].mean(),
        "ceiling_routed": known.top[routed].mean(),
        "routed_share": routed.mean(),
        "families": len(plant.known),
        "new_families": len(plant.new),
        "part_types": len(np.unique(items.part_type)),
        "word_share": (items.note >= 0).mean(),
        "column_share": (items.size_state == "column").mean(),
        "text_share": (items.size_state == "text").mean(),
        "other_share": (items.size_state == "other").mean(),
        "nowhere_share": (items.size_state == "nowhere").mean(),
        "near_share": found.near_threshold.mean(),
        "option_share": found.has_option.mean(),
        "planner_mix_share": found.has_planner_mix.mean(),
        "new_known_share_of_unrouted": (items.novelty[unrouted] == NEW_TYPE).mean(),
        "new_truly_share_of_unrouted": (items.novelty[unrouted] == NEW_FAMILY).mean(),
        "rare_share": (found.band == "rare").mean(),
        "type_has_own_share": found.has_own.mean(),
        "planner_column": int(plant.planners.are_recorded),
        "chance_multiplier": plant.chance_multiplier,
        "signatures": len(known.by_signature),
        "signature_seen_share_of_unrouted": np.isin(number[unrouted], number[routed]).mean(),
        "listed_probability": listed[number].mean(),
        "routing_rows": written.count,
        "result_rows": result_rows,
        "mean_operations": longest[number].mean(),
        "replaced_jobs": len(plant.jobs.replaced_on),
        "reports_per_operation": reports.count / max(1, reported),
        "outsourced_share": written.is_outside[written.is_current].mean(),
    }
