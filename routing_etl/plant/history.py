"""What happened in the demo plant over the years, as numbers: who was routed when, by which variant, and what was made.

What belongs here: routings and their operations, orders and their reported operations, all as index arrays. What does
not: their texts and dirt (`rows.py`) and the grammar (`grammar.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np

from routing_etl.plant.grammar import Book, Plan
from routing_etl.plant.latent import Array, Catalogue, Latent

#: Days of history: the first routing may be this old.
HISTORY_DAYS = 4000
RESULT_DAYS = 1461
_EPOCH = date(1970, 1, 1)


@dataclass
class Routings:
    """Routings and their operations. `start[r] : start[r] + length[r]` are the operations of routing r.

    `day`: days since 1970-01-01 of insertion; `main`: newest in-house routing of its item; `newest`: newest of all.
    """

    item: Array
    order: Array
    day: Array
    outsourced: Array
    main: Array
    newest: Array
    start: Array
    length: Array
    op_routing: Array
    op_seq: Array
    op_job: Array
    op_res: Array
    op_outside: Array

    @property
    def op_item(self) -> Array:
        """Item of every operation."""
        return self.item[self.op_routing]


def day_of(value: date) -> int:
    """Days since 1970-01-01."""
    return (value - _EPOCH).days


def choose_routed(rng: np.random.Generator, cat: Catalogue, items: Latent, share: float) -> Array:
    """Which items have a routing: likelier in some families; never those of brand-new part types."""
    wish = np.array([cat.archetype(f).routed for f in range(len(cat.families))])
    score = np.log(wish / (1 - wish))[items.family] + rng.logistic(size=len(items))
    score[items.ptype >= cat.n_established] = -np.inf
    chosen = np.zeros(len(items), bool)
    chosen[np.argsort(-score, kind="stable")[: round(share * len(items))]] = True
    allowed: Array = chosen & np.isfinite(score)
    return allowed


def make_routings(rng: np.random.Generator, book: Book, items: Latent, plan: Plan, routed: Array) -> Routings:
    """Draw the routings of every routed item: each by a planner, at a date, with that date's codes and machines."""
    grammar = book.grammar
    rows = np.flatnonzero(routed)
    mean = float((plan.jobs[rows] > 0).sum(1).mean()) if len(rows) else 1.0
    sent_share = 0.2 if grammar.outsourced_share else 0.0
    extra = 0.0
    for _ in range(20):
        # The second routing is sent outside, with two rows, as often as `sent_share` says.
        lost = sent_share * (1 - np.exp(-extra)) * max(mean - 2, 0.0)
        extra = float(np.clip((grammar.rows_per_routed_item + lost) / mean - 1, 0, 4))
    count = 1 + np.minimum(rng.poisson(extra, len(rows)), 6)
    item = np.repeat(rows, count)
    order = np.arange(len(item)) - np.repeat(np.cumsum(count) - count, count)
    as_of = day_of(grammar.as_of)
    made = as_of - HISTORY_DAYS * rng.random(len(rows)) ** 1.05
    span = (as_of - np.repeat(made, count)) * rng.random(len(item))
    day = np.where(order == 0, np.repeat(made, count), as_of - span).astype(np.int64)

    cumulative = np.cumsum(plan.share[item], axis=1)
    draw = rng.random(len(item))
    which = np.where(
        draw[:, None] < cumulative, np.arange(1, cumulative.shape[1] + 1)[None, :], cumulative.shape[1] + 1
    ).min(1)
    which = np.where(which == cumulative.shape[1] + 1, 0, which)
    jobs, outside = book.variant(items, plan, item, which)
    sent = (order == 1) & (rng.random(len(item)) < sent_share)
    for f, family in enumerate(book.families):
        hit = np.flatnonzero(sent & (items.family[item] == f))
        jobs[hit] = 0
        jobs[hit[:, None], np.arange(len(family.outside_codes))] = family.outside_codes
        outside[hit] = True
    sent = sent | plan.whole[item]
    before = day < day_of(book.code_change)
    jobs[before] = book.old_code[jobs[before]]

    newest = _last_of(item, np.lexsort((order, day, item)))
    main = _last_of(item, np.lexsort((order, day, ~sent, item)))
    op_routing, column = np.nonzero(jobs)
    op_job = jobs[op_routing, column]
    length = np.bincount(op_routing, minlength=len(item))
    start = np.cumsum(length) - length
    position = np.arange(len(op_routing)) - start[op_routing]
    gaps = rng.random(len(item)) < 0.04
    hole = rng.integers(1, 4, len(item))
    op_seq = 10 * (position + 1 + (gaps[op_routing] & (position >= hole[op_routing])))
    lines = book.line_of_code[op_job]
    op_res = book.machines(items)[item[op_routing], lines]
    old = day[op_routing] < day_of(book.machine_change)
    op_res = np.where(old, book.old_machine[op_res], op_res)
    pool = book.pool_of_line[lines]
    op_res = np.where((pool > 0) & (rng.random(len(op_res)) < grammar.pool_share), pool, op_res)
    op_outside = outside[op_routing, column]
    op_res = np.where(op_outside, book.line_machines[book.line_names.index("OUT")][0], op_res)
    return Routings(
        item=item, order=order, day=day, outsourced=sent, main=main, newest=newest, start=start, length=length,
        op_routing=op_routing.astype(np.int32), op_seq=op_seq.astype(np.int32), op_job=op_job.astype(np.int16),
        op_res=op_res.astype(np.int16), op_outside=op_outside,
    )  # fmt: skip


def _last_of(item: Array, order: Array) -> Array:
    """True for the last routing of each item in `order`, a permutation that keeps the items together."""
    last = np.zeros(len(item), bool)
    if len(item):
        along = item[order]
        last[order[np.append(along[1:] != along[:-1], True)]] = True
    return last


@dataclass
class Orders:
    """Work orders: the routing made, its report day, its quantity."""

    routing: Array
    day: Array
    qty: Array
    typical: Array


def make_orders(rng: np.random.Generator, book: Book, routings: Routings, n_items: int) -> Orders:
    """Orders of the last four years, skewed per item, so that their in-house operations reach the wanted number."""
    grammar = book.grammar
    inside = np.bincount(routings.op_routing, weights=~routings.op_outside, minlength=len(routings.item))
    main = np.flatnonzero(routings.main & (inside > 0))
    if not len(main) or grammar.results_per_item == 0:
        none = np.zeros(0, np.int64)
        return Orders(none, none, none, none)
    appetite = rng.gamma(0.55, 1.0, len(main))
    goal = grammar.results_per_item * n_items / (1 + grammar.orphan_results)
    per_item = rng.poisson(appetite * goal / float((appetite * inside[main]).sum()))
    routing = np.repeat(main, per_item)
    typical = np.repeat(np.exp(rng.normal(2.2, 1.1, len(main))), per_item)
    # Some orders are made by another routing of the same item.
    first = np.searchsorted(routings.item, routings.item[routing])
    routing = np.where((rng.random(len(routing)) < 0.12) & (inside[first] > 0), first, routing)
    as_of = day_of(grammar.as_of)
    earliest = np.maximum(as_of - RESULT_DAYS, routings.day[routing])
    day = as_of - ((as_of - earliest) * rng.random(len(routing))).astype(np.int64)
    qty = np.clip(np.round(typical * rng.lognormal(0, 0.6, len(routing))), 1, 5000)
    return Orders(routing, day, qty, np.maximum(typical, 1.0))
