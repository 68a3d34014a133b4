"""What happened in the demo plant over the years: who was routed when, by which variant, and what was made.

Index arrays only; `rows.py` writes them as texts, with dirt.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np

from routing_etl.plant.grammar import FIRST_BY_LOAD, Book, Plan
from routing_etl.plant.latent import Array, Catalogue, Latent

#: Age of the oldest routing in days: eleven years.
HISTORY_DAYS = 4000
#: Age of the oldest work order in days: four years.
RESULT_DAYS = 1461
#: Share of routed items whose second routing sends the whole item outside.
_SENT_OUTSIDE = 0.2
#: Share of routings in which one operation number is left out.
_GAPS = 0.04
#: Share of orders made by another routing of the item than the main one.
_OTHER_ROUTING = 0.12
_EPOCH = date(1970, 1, 1)


@dataclass
class Routings:
    """Routings, and their operations (`op_*`).

    Parameters
    ----------
    item : array
        Item of each routing.
    order : array
        Number of the routing within its item, from 0.
    day : array
        Day of insertion, days since 1970-01-01.
    outsourced : array
        The whole item is sent outside.
    main : array
        Newest in-house routing of its item.
    newest : array
        Newest routing of its item.
    start : array
        First operation of each routing.
    length : array
        Operations of each routing.
    op_routing : array
        Routing of each operation.
    op_seq : array
        Operation number.
    op_job : array
        Job code.
    op_res : array
        Resource.
    op_outside : array
        The operation is done outside.
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
        """Item of each operation."""
        return self.item[self.op_routing]


def day_of(value: date) -> int:
    """Count the days since 1970-01-01."""
    return (value - _EPOCH).days


def choose_routed(rng: np.random.Generator, cat: Catalogue, items: Latent, share: float) -> Array:
    """Draw which items have a routing: more often in some families, never for items of brand-new part types."""
    wish = np.array([k.routed for k in cat.kinds])
    score = np.log(wish / (1 - wish))[items.family] + rng.logistic(size=len(items))
    score[items.ptype >= cat.parts.established] = -np.inf
    chosen = np.zeros(len(items), bool)
    chosen[np.argsort(-score, kind="stable")[: round(share * len(items))]] = True
    allowed: Array = chosen & np.isfinite(score)
    return allowed


def make_routings(rng: np.random.Generator, book: Book, items: Latent, plan: Plan, routed: Array) -> Routings:
    """Draw the routings of every routed item: each by a planner, on a day, with that day's codes and machines."""
    grammar = book.grammar
    rows = np.flatnonzero(routed)
    mean = float((plan.jobs[rows] > 0).sum(1).mean()) if len(rows) else 1.0
    sent_share = _SENT_OUTSIDE if grammar.outsourced_share else 0.0
    count = 1 + np.minimum(
        rng.poisson(_extra_routings(grammar.rows_per_routed_item, mean, sent_share), len(rows)), 6
    )
    item = np.repeat(rows, count)
    order = np.arange(len(item)) - np.repeat(np.cumsum(count) - count, count)
    as_of = day_of(grammar.as_of)
    made = as_of - HISTORY_DAYS * rng.random(len(rows)) ** 1.05
    span = (as_of - np.repeat(made, count)) * rng.random(len(item))
    day = np.where(order == 0, np.repeat(made, count), as_of - span).astype(np.int64)

    jobs, outside = book.variant(items, plan, item, _draw_variants(rng, plan.share[item]))
    sent = (order == 1) & (rng.random(len(item)) < sent_share)
    for f, family in enumerate(book.families):
        hit = np.flatnonzero(sent & (items.family[item] == f))
        jobs[hit] = 0
        jobs[hit[:, None], np.arange(len(family.outside_codes))] = family.outside_codes
        outside[hit] = True
    sent = sent | plan.whole[item]
    before = day < day_of(book.drift.changed)
    jobs[before] = book.drift.old_code[jobs[before]]

    op_routing, column = np.nonzero(jobs)
    op_job, op_outside = jobs[op_routing, column], outside[op_routing, column]
    length = np.bincount(op_routing, minlength=len(item))
    start = np.cumsum(length) - length
    position = np.arange(len(op_routing)) - start[op_routing]
    gaps = rng.random(len(item)) < _GAPS
    hole = rng.integers(1, 4, len(item))
    op_seq = 10 * (position + 1 + (gaps[op_routing] & (position >= hole[op_routing])))
    lines = book.line_of_code[op_job]
    op_res = book.machines(items)[item[op_routing], lines]
    if book.shop.second.any():
        other = (book.shop.second[lines] > 0) & (rng.random(len(lines)) >= FIRST_BY_LOAD)
        op_res = np.where(other, book.shop.second[lines], op_res)
    old = day[op_routing] < day_of(book.shop.changed)
    op_res = np.where(old, book.shop.old_machine[op_res], op_res)
    pool = book.shop.pool_of_line[lines]
    op_res = np.where((pool > 0) & (rng.random(len(op_res)) < grammar.pool_share), pool, op_res)
    op_res = np.where(op_outside, book.shop.outside, op_res)
    return Routings(
        item=item, order=order, day=day, outsourced=sent,
        main=_last_of(item, np.lexsort((order, day, ~sent, item))), newest=_last_of(item, np.lexsort((order, day, item))),
        start=start, length=length, op_routing=op_routing.astype(np.int32), op_seq=op_seq.astype(np.int32),
        op_job=op_job.astype(np.int16), op_res=op_res.astype(np.int16), op_outside=op_outside,
    )  # fmt: skip


def _extra_routings(rows_per_item: float, mean: float, sent_share: float) -> float:
    """Mean number of further routings per item that gives the wanted number of routing rows.

    `mean`: operations of a routing. The second routing is sent outside, with two rows, as often as `sent_share` says, so
    the number depends on itself; twenty steps of a fixed-point iteration settle it.
    """
    extra = 0.0
    for _ in range(20):
        lost = sent_share * (1 - np.exp(-extra)) * max(mean - 2, 0.0)
        extra = float(np.clip((rows_per_item + lost) / mean - 1, 0, 4))
    return extra


def _draw_variants(rng: np.random.Generator, share: Array) -> Array:
    """The variant of every routing: 0 the most probable one, k the k-th variation, which has the k-th share."""
    cumulative = np.cumsum(share, axis=1)
    draw = rng.random(len(share))
    none = share.shape[1] + 1
    which = np.where(draw[:, None] < cumulative, np.arange(1, none)[None, :], none).min(1)
    drawn: Array = np.where(which == none, 0, which)
    return drawn


def _last_of(item: Array, order: Array) -> Array:
    """True for the last routing of each item in `order`, a permutation that keeps the items together."""
    last = np.zeros(len(item), bool)
    if len(item):
        along = item[order]
        last[order[np.append(along[1:] != along[:-1], True)]] = True
    return last


@dataclass
class Orders:
    """Work orders.

    Parameters
    ----------
    routing : array
        Routing that was made.
    day : array
        Day of the report, days since 1970-01-01.
    qty : array
        Pieces ordered.
    typical : array
        Typical pieces of the item's orders.
    """

    routing: Array
    day: Array
    qty: Array
    typical: Array


def make_orders(rng: np.random.Generator, book: Book, routings: Routings, n_items: int) -> Orders:
    """Draw the orders of the last four years; few items have most of them, and they give the wanted number of results."""
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
    first = np.searchsorted(routings.item, routings.item[routing])
    routing = np.where((rng.random(len(routing)) < _OTHER_ROUTING) & (inside[first] > 0), first, routing)
    as_of = day_of(grammar.as_of)
    earliest = np.maximum(as_of - RESULT_DAYS, routings.day[routing])
    day = as_of - ((as_of - earliest) * rng.random(len(routing))).astype(np.int64)
    qty = np.clip(np.round(typical * rng.lognormal(0, 0.6, len(routing))), 1, 5000)
    return Orders(routing, day, qty, np.maximum(typical, 1.0))
