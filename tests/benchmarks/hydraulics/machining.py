"""Which machine an operation of an item goes to today, and how long it takes there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hydraulics.items import Items, material_groups
from hydraulics.operations import NAMES, OPERATIONS, OUTSIDE, PHASE, SHOPS, WHEN_LARGE
from hydraulics.plant import Plant
from hydraulics.vocabulary import MATERIAL_NAMES, MATERIALS

#: Diameter and length of the part that the operations' times are for, mm.
USUAL_DIAMETER, USUAL_LENGTH = 70, 120
#: Phases that take longer for close tolerances: setting up (grinding, final inspection) and running (finishing, milling, grinding).
FINE_SETUP_PHASES, FINE_RUN_PHASES = [13, 18], [7, 8, 13]
PHASES = np.array([PHASE[name] for name in NAMES])


@dataclass(frozen=True)
class Planned:
    """What a planner of today would write: an array entry for each item (rows) and operation (columns).

    Attributes
    ----------
    machine : ndarray of int
        The most probable machine, or the subcontractor.
    is_outside : ndarray of bool
        The subcontractor does it.
    second : ndarray of int
        The other machine where the load decides, else -1.
    """

    machine: np.ndarray
    is_outside: np.ndarray
    second: np.ndarray


def plan_machines(plant: Plant, items: Items) -> Planned:
    """For every item and every operation, whether the item has it or not."""
    shape = (items.count, len(NAMES))
    found = Planned(np.zeros(shape, np.int32), np.zeros(shape, bool), np.full(shape, -1, np.int32))
    shop_of_item = np.array(plant.shops)[items.family]
    for shop in SHOPS:
        at = np.flatnonzero(shop_of_item == shop)
        if not len(at):
            continue
        groups = material_groups(items, at)
        for number, name in enumerate(NAMES):
            rule = plant.machines.rules[name, shop]
            choice = np.array(rule.machines)
            if rule.kind == "size":
                machine = choice[np.searchsorted(np.array(rule.thresholds_mm), items.diameter[at])]
            elif rule.kind == "mat":
                machine = choice[np.isin(groups, rule.groups).astype(int)]
            else:
                machine = np.full(len(at), choice[0])
            if rule.kind == "load":
                found.second[at, number] = choice[1]
            when = OPERATIONS[name].outsourcing
            if when == WHEN_LARGE:
                outside = items.diameter[at] > plant.machines.outsourcing[name]
            else:
                outside = np.full(len(at), when == OUTSIDE)
            found.machine[at, number] = np.where(outside, plant.machines.outside[name], machine)
            found.is_outside[at, number] = outside
    return found


def median_times(
    plant: Plant, items: Items, item: np.ndarray, operation: np.ndarray, machine: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Set-up per order and run per piece, in minutes, that the attributes lead to; three arrays of the same length."""
    table = np.array([OPERATIONS[name][4:9] for name in NAMES], float)[operation]
    usual_setup, usual_run, size_power, length_power, machinability_power = table.T
    families = list(plant.families.values())
    family = items.family[item]
    median_mm = np.array([f.median_mm for f in families])[family]
    setup_factor = np.array([f.setup_factor for f in families])[family]
    run_factor = np.array([f.run_factor for f in families])[family]
    phase, is_fine = PHASES[operation], items.is_fine[item]
    relative_size = np.clip(items.diameter[item] / median_mm, 0.2, 5)
    machinability = np.array([MATERIALS[name].machinability for name in MATERIAL_NAMES])[items.material[item]]
    fine_setup = 1 + 0.25 * is_fine * np.isin(phase, FINE_SETUP_PHASES)
    setup = usual_setup * plant.machines.operation_factor[operation, 0]
    setup = setup * setup_factor * relative_size**0.15 * fine_setup
    run = usual_run * plant.machines.operation_factor[operation, 1] * run_factor
    run = run * np.clip(items.diameter[item] / USUAL_DIAMETER, 0.05, 8) ** size_power
    run = run * np.clip(items.length[item] / USUAL_LENGTH, 0.05, 20) ** (length_power * 0.7)
    run = run * machinability**machinability_power * plant.machines.run_factor[machine]
    run *= np.where(is_fine & np.isin(phase, FINE_RUN_PHASES), 1.25, 1.0)
    return np.round(setup, 2), np.round(np.maximum(run, 0.05), 3)
