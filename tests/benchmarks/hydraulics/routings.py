"""Routings as planners wrote them over the years: older and invalid ones, replaced codes, standards that are roughly right."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from hydraulics.calendar_days import DAYS, FIRST_DAY, TODAY, day_number, day_of_age
from hydraulics.items import USED, Items
from hydraulics.machining import Planned, median_times
from hydraulics.operations import AT_TIMES, NAMES, NUMBER, OPERATIONS, PHASE
from hydraulics.plant import Distribution, Plant

COLUMNS = [
    "ITEM_CD", "ROUT_NO", "PROC_SEQ", "JOB_CD", "JOB_NM", "RES_CD", "RES_DIS", "INSIDE_FLAG", "TIME_UNIT",
    "SETUP_TIME", "RUN_TIME", "RUN_TIME_QTY", "ACT_SETUP_TIME", "ACT_RUN_TIME", "QUEUE_TIME", "WAIT_TIME",
    "MOVE_TIME", "MFG_LT", "BP_CD", "CUST_NM", "CUR_CD", "SUBCONTRACT_PRC", "TAX_TYPE", "BATCH_OPER",
    "INSP_FLG", "MILESTONE_FLG", "INSRT_DT", "VALID_FROM_DT", "VALID_TO_DT", "VALIDITY", "ROUT_ORDER", "REMARK",
]  # fmt: skip
#: Kinds of routing: the one that counts, one from before, one that is no longer valid, one for a subcontractor.
CURRENT, OLDER, INVALID, SUBCONTRACTED = "current", "older", "invalid", "subcontracted"
#: Share of routings that were brought up to date after a code or machine had been replaced.
RENEWED_SHARE = 0.15
#: Where the load decides, the first machine is written with this probability.
FIRST_BY_LOAD = 0.65
#: Share of operations whose standard is that of another item of the family.
COPIED_SHARE = 0.25
#: Run times are for so many pieces, per routing.
PIECES_PER_RUN_TIME, PIECES_SHARES = [1.0, 1.0, 1.0, 1.0, 10.0, 100.0], [0.5, 0.2, 0.1, 0.1, 0.07, 0.03]
OUTSIDE_FLAG, INSIDE_FLAG = "외주", "사내"
#: Heat treatments, which go in batches.
BATCH_PHASES = (5, 11)


class Head(NamedTuple):
    """A routing without its operations: item, number, day on which it was written, and kind."""

    item: int
    number: str
    day: int
    kind: str


@dataclass
class Written:
    """All operations of all routings, an array entry each.

    Attributes
    ----------
    heads : list of Head
        The routings.
    head, sequence, operation, item, day : ndarray of int
        Place in `heads`; 10, 20 and so on; place in `NAMES`; item and day of the routing.
    machine : ndarray of int
        As written.
    is_outside, is_current : ndarray of bool
        Done by a subcontractor; of a routing that counts.
    job : ndarray of str
        As written.
    """

    heads: list[Head]
    head: np.ndarray
    sequence: np.ndarray
    operation: np.ndarray
    item: np.ndarray
    day: np.ndarray
    machine: np.ndarray
    is_outside: np.ndarray
    is_current: np.ndarray
    job: np.ndarray

    @property
    def count(self) -> int:
        """Number of operations."""
        return len(self.head)


class Standards(NamedTuple):
    """Set-up per order and run per `pieces`, in minutes, as written, for each operation."""

    setup: np.ndarray
    run: np.ndarray
    pieces: np.ndarray


class LineDraws(NamedTuple):
    """Numbers between 0 and 1 that decide how one operation is written, by what each decides."""

    no_flag: float
    which_flag: float
    odd_date: float
    no_job: float
    no_job_name: float
    queue: float
    move: float
    lead_time: float
    price: float
    no_price: float
    odd_start: float
    odd_item: float


class HeadDraws(NamedTuple):
    """The same for a whole routing."""

    readable_date: float
    which_date: float
    usual_end: float
    twins: float


def draw_heads(items: Items, rng: np.random.Generator) -> list[Head]:
    """A current routing of every routed item, others of some, and invalid ones of a few items without any."""
    routed, unrouted = np.flatnonzero(items.is_routed), np.flatnonzero(~items.is_routed)
    heads = []
    draws = rng.random((len(routed), 8))
    days = day_of_age(items.age[routed])
    for item, released, draw in zip(routed.tolist(), days.tolist(), draws, strict=True):
        number, older, gap, invalid, subcontracted, later, _, delay = draw
        day = min(int(released + delay * 20), DAYS - 1)
        heads.append(Head(item, "10" if number < 0.9 else "20", day, CURRENT))
        if older < 0.12:
            heads.append(Head(item, "05", max(0, day - int(30 + 900 * gap)), OLDER))
        if invalid < 0.02:
            heads.append(Head(item, "30", min(DAYS - 1, day + int(400 * gap)), INVALID))
        if subcontracted < 0.015:
            heads.append(Head(item, "외주", min(DAYS - 1, day + int(300 * later)), SUBCONTRACTED))
    few = unrouted[rng.random(len(unrouted)) < 0.01]
    few = few[items.novelty[few] == USED]
    days = day_of_age(items.age[few])
    heads += [Head(item, "10", int(day), INVALID) for item, day in zip(few.tolist(), days, strict=True)]
    return heads


def write_routings(
    plant: Plant,
    items: Items,
    planned: Planned,
    distributions: Sequence[Distribution],
    rng: np.random.Generator,
) -> Written:
    """Draw a routing for every head, then the codes and machines in use on its day; `distributions`: of each item."""
    heads = draw_heads(items, rng)
    head, sequence, operation = _draw_operations(heads, distributions, rng)
    item, day = np.array([h.item for h in heads])[head], np.array([h.day for h in heads])[head]
    kind = np.array([h.kind for h in heads])[head]
    is_renewed = (rng.random(len(heads)) < RENEWED_SHARE)[head]
    planned_outside, second = planned.is_outside[item, operation], planned.second[item, operation]
    machine = planned.machine[item, operation].copy()
    by_load = (rng.random(len(head)) >= FIRST_BY_LOAD) & (second >= 0) & ~planned_outside
    machine[by_load] = second[by_load]
    outsourced_share = np.array([
        plant.machines.outsourcing[name] if OPERATIONS[name].outsourcing == AT_TIMES else 0 for name in NAMES
    ])  # fmt: skip
    is_outside = planned_outside | (rng.random(len(head)) < outsourced_share[operation])
    is_outside |= kind == SUBCONTRACTED
    subcontractor = np.array([plant.machines.outside[name] for name in NAMES])
    machine = np.where(is_outside, subcontractor[operation], machine)
    for new, (old, date) in plant.machines.replaced.items():
        machine[(machine == new) & (day < day_number(date)) & ~is_renewed] = old
    job = _jobs_of_the_day(plant, items, item, operation, np.where(is_renewed, DAYS, day))
    return Written(heads, head, sequence, operation, item, day, machine, is_outside, kind == CURRENT, job)


def _draw_operations(
    heads: list[Head], distributions: Sequence[Distribution], rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Head, sequence and operation of every line; a subcontractor's routing has the first and last two only."""
    head: list[int] = []
    sequence: list[int] = []
    operation: list[int] = []
    draws = rng.random(len(heads))
    for number, (item, _, _, kind) in enumerate(heads):
        routes, probabilities = distributions[item]
        place = int(np.searchsorted(np.cumsum(probabilities), draws[number]))
        route = routes[min(place, len(routes) - 1)]
        if kind == SUBCONTRACTED and len(route) > 4:
            route = route[:2] + route[-2:]
        head += [number] * len(route)
        sequence += range(10, 10 * len(route) + 10, 10)
        operation += [NUMBER[name] for name in route]
    return np.array(head), np.array(sequence), np.array(operation)


def _jobs_of_the_day(
    plant: Plant, items: Items, item: np.ndarray, operation: np.ndarray, day: np.ndarray
) -> np.ndarray:
    """Job codes in use on a day."""
    shop = np.array(plant.shops)[items.family[item]]
    pairs = zip(operation, shop, strict=True)
    job = np.array([plant.jobs.of(NAMES[number], s) for number, s in pairs], dtype=object)
    for name, date in plant.jobs.replaced_on.items():
        before = (operation == NUMBER[name]) & (day < day_number(date))
        job[before] = [plant.jobs.old(name, s) for s in shop[before]]
    return job


def write_standards(plant: Plant, items: Items, written: Written, rng: np.random.Generator) -> Standards:
    """Standards: median times with noise and the planner's bias, rounded, or those of the first item of the family."""
    count = written.count
    setup, run = median_times(plant, items, written.item, written.operation, written.machine)
    is_copied = rng.random(count) < COPIED_SHARE
    pairs = list(zip(items.family[written.item].tolist(), written.operation.tolist(), strict=True))
    first: dict[tuple[int, int], tuple[float, float]] = {}
    for pair, s, r in zip(pairs, setup.tolist(), run.tolist(), strict=True):
        first.setdefault(pair, (s, r))
    copied = np.array([first[pair] for pair in pairs])
    bias = plant.planners.standards_factor[items.planner[written.item]]
    setup = np.where(is_copied, copied[:, 0], setup * np.exp(rng.normal(0, 0.3, count)))
    run = np.where(is_copied, copied[:, 1], run * np.exp(rng.normal(0, 0.3, count))) * bias
    setup = np.round(setup / 5) * 5
    run = np.where(run > 20, np.round(run), np.round(run, 1))
    run[rng.random(count) < 0.05] = 0
    setup[rng.random(count) < 0.05] = 0
    pieces = rng.choice(PIECES_PER_RUN_TIME, len(written.heads), p=PIECES_SHARES)[written.head]
    run = np.maximum(np.where(pieces > 1, np.round(run * pieces, 1), run), 0)
    return Standards(setup, run, pieces)


def routing_rows(
    plant: Plant, codes: list[str], written: Written, standards: Standards, rng: np.random.Generator
) -> list[tuple[Any, ...]]:
    """Rows of the routing view in the order of `COLUMNS`; `codes`: of all items."""
    line_draws = rng.random((written.count, len(LineDraws._fields)))
    head_draws = rng.random((len(written.heads), len(HeadDraws._fields)))
    is_last = np.append(written.head[1:] != written.head[:-1], True)
    rows = []
    for j in range(written.count):
        head = written.head[j]
        stamp = FIRST_DAY + dt.timedelta(
            days=int(written.heads[head].day), hours=int(8 + head % 9), minutes=int(head % 60)
        )
        times = (float(standards.setup[j]), float(standards.run[j]), float(standards.pieces[j]))
        draws = LineDraws(*line_draws[j]), HeadDraws(*head_draws[head])
        rows.append(_row(plant, codes, written, j, stamp, times, draws, bool(is_last[j])))
    return rows


def _row(
    plant: Plant,
    codes: list[str],
    written: Written,
    j: int,
    stamp: dt.datetime,
    times: tuple[float, float, float],
    draws: tuple[LineDraws, HeadDraws],
    is_last: bool,
) -> tuple[Any, ...]:
    """One operation's row."""
    draw, of_head = draws
    dirt, outside = plant.knobs.dirt, bool(written.is_outside[j])
    head, name = written.heads[written.head[j]], NAMES[written.operation[j]]
    code, job, machine = codes[head.item], written.job[j], written.machine[j]
    flag: str | None = OUTSIDE_FLAG if outside else INSIDE_FLAG
    if draw.no_flag <= 0.004 * dirt and not outside:
        flag = ["", None][int(draw.which_flag * 2)]
    sequence = int(written.sequence[j])
    if of_head.twins < 0.0015 * dirt and not sequence % 30:
        sequence -= 10  # two jobs on one number
    partner = f"V{1000 + NUMBER[name] * 7}"
    price = round(500 + draw.price * 30000, -2) if outside and draw.no_price > 0.3 else 0.0
    end, validity = _validity(head, stamp, of_head, dirt)
    return (
        code if draw.odd_item > 0.002 * dirt else f"{code.lower()} ",
        head.number,
        sequence,
        job if draw.no_job > 0.002 * dirt else None,
        plant.jobs.name[job] if draw.no_job_name > 0.01 else None,
        plant.machines.codes[machine],
        plant.machines.names[machine],
        flag,
        "분(Min.)",
        *times,
        None,
        None,
        [0.0, 240.0, 300.0][int(draw.queue * 3)],
        0.0,
        [0.0, 30.0][int(draw.move * 2)],
        float(3 + int(draw.lead_time * 12)) if outside else 0.0,
        partner if outside else None,
        f"협력사 {partner}" if outside else None,
        "KRW" if outside else None,
        price,
        "A" if outside else None,
        "B" if PHASE[name] in BATCH_PHASES else None,
        "Y" if name in ("insp", "cmm") else "N",
        "Y" if is_last else "N",
        _written_on(stamp, draw, of_head, dirt),
        f"{stamp:%Y-%m-%d}" if draw.odd_start > 0.005 else "2001-01-01",
        end,
        validity,
        "L" if is_last else ("F" if sequence == 10 else "I"),
        None,
    )


def _written_on(stamp: dt.datetime, draw: LineDraws, of_head: HeadDraws, dirt: float) -> str | None:
    """When the line was written; of some routings most lines have no date, or one that is none."""
    usual = f"{stamp:%Y-%m-%d %H:%M:%S}"
    if of_head.readable_date > 0.02 * dirt or draw.odd_date >= 0.6:
        return usual
    return [None, "0000-00-00", "미정", f"{stamp:%d-%b-%y}"][int(of_head.which_date * 4)]


def _validity(head: Head, stamp: dt.datetime, of_head: HeadDraws, dirt: float) -> tuple[str, str]:
    """Last day and flag; an invalid routing has expired or says so."""
    end = "2999-12-31" if of_head.usual_end > 0.02 * dirt else "31-Dec-99"
    if head.kind != INVALID:
        return end, "Y"
    if of_head.which_date < 0.4:
        expired = min(stamp + dt.timedelta(days=200), TODAY - dt.timedelta(days=1))
        return f"{expired:%Y-%m-%d}", "Y"
    return end, "N"
