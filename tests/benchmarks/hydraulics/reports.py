"""Work results: what was reported of every in-house operation of every order; and purchase orders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from hydraulics.calendar_days import DAYS, date_of, day_number, day_of_age
from hydraulics.items import Items
from hydraulics.machining import Planned, median_times
from hydraulics.operations import NAMES
from hydraulics.plant import Plant
from hydraulics.routings import FIRST_BY_LOAD, Written

COLUMNS = [
    "ITEM_CD", "ROUT_NO", "PROC_SEQ", "JOB_CD", "CD_NM", "RES_CD", "RES_DIS", "MACH_WORKED_HOURS", "SETUP_HOURS", "ORDER_QTY",
    "BAD_QTY", "REPORT_DT", "WORKER_ID", "idx",
]  # fmt: skip
PURCHASE_COLUMNS = ["ITEM_CD", "PO_NO", "PO_DATE", "QTY"]
#: Reports reach back so many days.
HISTORY_DAYS = 365 * 3.4
#: Orders of an item beyond the first: negative binomial with this shape and mean.
ORDERS_SHAPE, ORDERS_MEAN = 1.1, 3.7
#: Where the load decides, so many reports choose the machine anew; the others follow the routing.
CHOSEN_AT_WORK = 0.3
SPARE_SHARE = 0.12
#: Standard deviations of logarithms of times: of an item's operation, of an order, of a set-up.
ITEM_SPREAD, ORDER_SPREAD, SETUP_SPREAD = 0.1, 0.12, 0.32
#: Part of the seed of the spread of each operation's run times.
SPREAD_STREAM = 13


class Orders(NamedTuple):
    """Orders of all items, one after the other: day, pieces and time factor of each."""

    day: np.ndarray
    quantity: np.ndarray
    time_factor: np.ndarray


@dataclass
class Reports:
    """Work results, an array entry each: place in `Written`, order, day, machine, pieces, rejects and hours."""

    line: np.ndarray
    order: np.ndarray
    day: np.ndarray
    machine: np.ndarray
    quantity: np.ndarray
    rejects: np.ndarray
    run_hours: np.ndarray
    setup_hours: np.ndarray
    draws: np.ndarray

    @property
    def count(self) -> int:
        """Number of reports."""
        return len(self.line)


class ReportDraws(NamedTuple):
    """Numbers between 0 and 1 that decide how one report is written, by what each decides."""

    no_pieces: float
    no_key: float
    no_quantity: float
    worker: float
    taken_back: float
    spare: float


def draw_orders(plant: Plant, items: Items, rng: np.random.Generator) -> np.ndarray:
    """How many orders each item has: of some of the routed items one or more."""
    routed = np.flatnonzero(items.is_routed)
    busy = np.zeros(items.count, bool)
    busy[routed[rng.random(len(routed)) < plant.knobs.order_share]] = True
    orders = np.zeros(items.count, int)
    success = ORDERS_SHAPE / (ORDERS_SHAPE + ORDERS_MEAN)
    orders[busy] = 1 + rng.negative_binomial(ORDERS_SHAPE, success, busy.sum())
    return orders


def _describe_orders(plant: Plant, items: Items, per_item: np.ndarray, rng: np.random.Generator) -> Orders:
    """Day, pieces and time factor of each order; one more entry than orders, which nothing points to."""
    total = int(per_item.sum()) + 1
    item = np.repeat(np.arange(items.count), per_item)
    count = len(item)
    day = np.zeros(total)
    earliest = np.maximum(day_of_age(items.age[item]), DAYS - HISTORY_DAYS)
    day[:count] = earliest + rng.random(count) * np.maximum(DAYS - 8 - earliest, 1)
    quantity = np.ones(total)
    usual = np.array([family.quantity for family in plant.families.values()])[items.family[item]]
    usual = usual * np.exp(rng.normal(0, 0.5, items.count))[item]
    quantity[:count] = np.maximum(1, np.round(usual * np.exp(rng.normal(0, 0.5, count))))
    return Orders(day, quantity, np.exp(rng.normal(0, ORDER_SPREAD, total)))


def draw_reports(
    plant: Plant, seed: int, items: Items, planned: Planned, written: Written, rng: np.random.Generator
) -> Reports:
    """A report of each in-house operation of a current routing for each order of its item."""
    per_item = draw_orders(plant, items, rng)
    has_orders = per_item[written.item] > 0
    reported = np.flatnonzero(written.is_current & ~written.is_outside & has_orders)
    repeats = per_item[written.item[reported]]
    line = np.repeat(reported, repeats)
    start = np.concatenate([[0], np.cumsum(repeats)])[:-1]
    order_of_item = np.arange(len(line)) - np.repeat(start, repeats)
    first_order = np.cumsum(per_item) - per_item
    order = first_order[written.item[line]] + order_of_item
    orders = _describe_orders(plant, items, per_item, rng)
    count = len(line)
    pace = rng.uniform(0.3, 1.2, count)
    day = np.minimum(orders.day[order] + written.sequence[line] / 10 * pace, DAYS - 1)
    machine = _machines_at_work(plant, planned, written, line, day, rng)
    operation = written.operation[line]
    setup, run = median_times(plant, items, written.item[line], operation, machine)
    of_item = np.exp(rng.normal(0, ITEM_SPREAD, written.count))[line]
    quantity = orders.quantity[order]
    spread = np.random.default_rng([seed, SPREAD_STREAM]).uniform(0.15, 0.38, len(NAMES))[operation]
    run = run * of_item * orders.time_factor[order] * np.exp(rng.normal(0, 1, count) * spread)
    setup = setup * np.exp(rng.normal(0, SETUP_SPREAD, count))
    setup[rng.random(count) < 0.04] = 0
    rejects = rng.binomial(quantity.astype(int), 0.012)
    draws = rng.random((count, len(ReportDraws._fields)))
    quantity = np.where(draws[:, 0] < 0.004 * plant.knobs.dirt, 0, quantity)
    rejects = np.where(quantity > 0, rejects, 0)
    run_hours = np.round(run * np.maximum(quantity, 1) / 60, 4)
    return Reports(line, order, day, machine, quantity, rejects, run_hours, np.round(setup / 60, 4), draws)


def _machines_at_work(
    plant: Plant,
    planned: Planned,
    written: Written,
    line: np.ndarray,
    day: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """The machine that did it: no longer the replaced one, another by load, a spare one now and then."""
    machine = written.machine[line].copy()
    for new, (old, date) in plant.machines.replaced.items():
        machine[(machine == old) & (day >= day_number(date))] = new
    chosen_anew = rng.random(len(line)) < CHOSEN_AT_WORK
    item, operation = written.item[line], written.operation[line]
    first, second = planned.machine[item, operation], planned.second[item, operation]
    by_load = (second >= 0) & chosen_anew
    takes_first = rng.random(by_load.sum()) < FIRST_BY_LOAD
    machine[by_load] = np.where(takes_first, first[by_load], second[by_load])
    spares = plant.machines.spares
    spare = np.array([spares.get(number, -1) for number in range(len(plant.machines.codes))])[machine]
    moved = (spare >= 0) & (rng.random(len(line)) < SPARE_SHARE)
    machine[moved] = spare[moved]
    return machine


def report_rows(plant: Plant, codes: list[str], written: Written, reports: Reports) -> list[tuple[Any, ...]]:
    """Rows in the order of `COLUMNS`; a few lack a key or were taken back by a second row with negative figures."""
    dirt = plant.knobs.dirt
    rows = []
    for x, values in enumerate(reports.draws):
        draw, line, machine = ReportDraws(*values), reports.line[x], reports.machine[x]
        head, job = written.heads[written.head[line]], written.job[line]
        code: str | None = codes[head.item]
        number: str | None = head.number
        if draw.no_key < 0.001 * dirt:
            code = None
        elif draw.no_key < 0.004 * dirt:
            number = None
        run_hours, setup_hours = float(reports.run_hours[x]), float(reports.setup_hours[x])
        pieces = float(reports.quantity[x])
        key = (code, number, int(written.sequence[line]), job, plant.jobs.name[job])
        done = (plant.machines.codes[machine], plant.machines.names[machine])
        tail = (f"{date_of(reports.day[x]):%Y-%m-%d}", f"W{int(draw.worker * 400):04d}", x + 1)
        told = pieces if draw.no_quantity > 0.002 * dirt else None
        rows.append((*key, *done, run_hours, setup_hours, told, float(reports.rejects[x]), *tail))
        if draw.taken_back < 0.002 * dirt and run_hours > 0:
            rows.append((*key, *done, -run_hours, -setup_hours, -pieces, 0.0, *tail))
    return rows


def purchase_rows(items: Items, codes: list[str], rng: np.random.Generator) -> list[tuple[Any, ...]]:
    """Purchase orders of a tenth of the items, in the order of `PURCHASE_COLUMNS`."""
    bought = rng.choice(items.count, max(1, items.count // 10), replace=False)
    when, quantity = rng.random(len(bought)), rng.integers(1, 200, len(bought))
    return [
        (codes[item], f"PO{26000000 + x}", f"{date_of(w * DAYS):%Y-%m-%d}", float(q))
        for x, (item, w, q) in enumerate(zip(bought.tolist(), when, quantity, strict=True))
    ]
