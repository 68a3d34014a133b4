"""Rows of the demo plant's routing, work-result and purchase tables, chunk by chunk, dirt included.

`history.py` and `grammar.py` decide what happened; here index arrays become the columns of the ERP's views.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl

from routing_etl.plant import values as v
from routing_etl.plant.dirt import BROKEN_DATES, blank, category, chance, labels, put, sprinkle
from routing_etl.plant.grammar import Book, Plan
from routing_etl.plant.history import Orders, Routings, day_of
from routing_etl.plant.latent import Array, Latent

#: Factors on the run time of a wrong standard (`Grammar.wrong_standards`).
_WRONG = (1.6, 0.6)
_VENDORS = tuple(f"V{k:04d}" for k in range(1, 81))
#: A resource name that is longer than it should be.
_LONG = "장문 자원명 " * 12


@dataclass(frozen=True)
class Plant:
    """A drawn plant, ready to be written.

    Parameters
    ----------
    book : Book
        Its grammar.
    items : Latent
        True attributes of its items.
    master : polars.DataFrame
        Rows of the item master, one per item.
    plan : Plan
        What the grammar asks of the items.
    routed : array
        Which items have a routing.
    routings : Routings
        Their routings.
    numbers : polars.Series
        Routing numbers.
    orders : Orders
        Work orders.
    item_effect : array
        Factor on the times of every operation of a routing that the item's attributes do not explain.
    told : array
        Items whose outer diameter and thickness stand in a text.
    """

    book: Book
    items: Latent
    master: pl.DataFrame
    plan: Plan
    routed: Array
    routings: Routings
    numbers: pl.Series
    orders: Orders
    item_effect: Array
    told: Array

    @property
    def codes(self) -> pl.Series:
        """Item codes."""
        return self.master["ITEM_CD"]

    @cached_property
    def machines(self) -> Array:
        """Main resource per item and line."""
        return self.book.machines(self.items)

    @property
    def stages(self) -> list[v.Stage | None]:
        """Kind of work of every job code."""
        return [v.STAGES[s] if s else None for s in self.book.codes.stage]


def _days(values: Array) -> pl.Series:
    """Days since 1970-01-01 as ISO text."""
    return pl.Series(values.astype(np.int32)).cast(pl.Date).dt.strftime("%Y-%m-%d")


def rout_numbers(book: Book, routings: Routings) -> pl.Series:
    """Write routing numbers, unique per item.

    `C1M3002000` for parts, `B#1L00C` for assemblies, the word `외주` for items that are sent outside as a whole.
    """
    first = np.array([ord(c[0]) if c else 0 for c in book.codes.code])[routings.op_job]
    turned = np.bincount(routings.op_routing, weights=first == ord("A"), minlength=len(routings.item))
    milled = np.bincount(routings.op_routing, weights=first == ord("C"), minlength=len(routings.item))
    assembled = np.bincount(routings.op_routing, weights=first == ord("F"), minlength=len(routings.item))
    frame = pl.DataFrame(
        {
            "c": turned.astype(np.int64),
            "m": milled.astype(np.int64),
            "o": (routings.length - turned - milled).astype(np.int64),
            "k": routings.order.astype(np.int64),
            "b": assembled > routings.length / 2,
            "out": routings.outsourced,
        }
    )
    digits = pl.col("o").cast(pl.String).str.zfill(3) + pl.col("k").cast(pl.String).str.zfill(3)
    return frame.select(
        pl.when("out")
        .then(
            pl.when(pl.col("k") > 1)
            .then(pl.lit("외주") + pl.col("k").cast(pl.String))
            .otherwise(pl.lit("외주"))
        )
        .when("b")
        .then(pl.format("B#{}L{}C", pl.col("k") + 1, pl.col("o").cast(pl.String).str.zfill(2)))
        .otherwise(pl.format("C{}M{}{}", "c", "m", digits))
    ).to_series()


@dataclass(frozen=True)
class _Steps:
    """Operations of the routings `low` to `high`, in their order."""

    plant: Plant
    low: int
    high: int

    @cached_property
    def at(self) -> slice:
        """Where they stand among all operations."""
        routings = self.plant.routings
        end = routings.start[self.high - 1] + routings.length[self.high - 1]
        return slice(int(routings.start[self.low]), int(end))

    @cached_property
    def routing(self) -> Array:
        """Routing of each operation."""
        return self.plant.routings.op_routing[self.at].astype(np.int64)

    @cached_property
    def item(self) -> Array:
        """Item of each operation."""
        item: Array = self.plant.routings.item[self.routing]
        return item

    @property
    def job(self) -> Array:
        """Job code of each operation."""
        job: Array = self.plant.routings.op_job[self.at]
        return job

    @property
    def outside(self) -> Array:
        """Whether each operation is done outside."""
        outside: Array = self.plant.routings.op_outside[self.at]
        return outside

    @property
    def position(self) -> Array:
        """Place of each operation in its routing, from 0."""
        position: Array = np.arange(len(self)) - (self.plant.routings.start[self.routing] - self.at.start)
        return position

    @property
    def whole(self) -> Array:
        """The routings."""
        return np.arange(self.low, self.high)

    def per_routing(self, values: Array) -> Array:
        """A value per routing, for each of its operations."""
        spread: Array = values[self.routing - self.low]
        return spread

    def of_letter(self, letter: str) -> Array:
        """Whether each operation's job code has this letter."""
        has: Array = np.array([s is not None and s.letter == letter for s in self.plant.stages])[self.job]
        return has

    def __len__(self) -> int:
        return int(self.at.stop) - int(self.at.start)


def routing_rows(rng: np.random.Generator, plant: Plant, low: int, high: int) -> pl.DataFrame:
    """Write rows of `BI_ROUTING_VIEW` for the routings `low` to `high`: 52 columns, partly unsorted, a few repeated."""
    steps = _Steps(plant, low, high)
    n, dirt = len(steps), plant.book.grammar.dirt
    times = _planned_times(rng, steps)
    stamp = _insert_times(rng, steps)
    validity = _validity(rng, steps)
    columns = _routing_columns(rng, steps, times, stamp, validity)
    frame = pl.DataFrame(columns)
    many = pl.Series(["NC program " * 9] * n)
    frame = frame.with_columns(
        ACT_SETUP_TIME=put(frame["ACT_SETUP_TIME"], chance(rng, n, 0.8), None),
        ACT_RUN_TIME=put(frame["ACT_RUN_TIME"], chance(rng, n, 0.7), None),
        NC_PROGRAM=put(frame["NC_PROGRAM"], chance(rng, n, 0.0004 * dirt), many),
        BP_CD=put(
            frame["BP_CD"], steps.outside & chance(rng, n, 0.002 * dirt), frame["BP_CD"] + "-SUBCONTRACTOR-LONG"
        ),
    )  # fmt: skip
    shuffled = steps.per_routing(chance(rng, len(steps.whole), 0.3))
    order = np.lexsort((np.where(shuffled, rng.random(n), steps.position), steps.routing))
    again = frame[np.flatnonzero(chance(rng, n, 0.0004 * dirt)).astype(np.uint32)]
    changed = pl.Series(chance(rng, len(again), 0.5))
    again = again.with_columns(RUN_TIME=pl.when(changed).then(pl.col("RUN_TIME") + 1).otherwise("RUN_TIME"))
    return pl.concat([frame[order.astype(np.uint32)], again])


@dataclass(frozen=True)
class _Times:
    """Planned times of operations: set-up, run, and the pieces that the run time is for."""

    setup: Array
    run: Array
    base: Array


def _planned_times(rng: np.random.Generator, steps: _Steps) -> _Times:
    """Standards as a planner writes them: near the true times, rounded, often not maintained."""
    n, dirt, wrong = len(steps), steps.plant.book.grammar.dirt, steps.plant.book.grammar.wrong_standards
    assembly, outside = steps.of_letter("F"), steps.outside
    setup, run = steps.plant.book.times(steps.plant.items, steps.item, steps.job)
    setup = np.maximum(np.round(setup * rng.lognormal(0.02, 0.22, n) / 5) * 5, 5.0)
    run = run * rng.lognormal(0.05, 0.22, n)
    if wrong:
        run = np.where(chance(rng, n, wrong), run * np.where(chance(rng, n, 0.5), *_WRONG), run)
    run = np.maximum(np.round(run, 1), 0.1)
    base = np.where(chance(rng, n, 0.012 * dirt), 10.0, 1.0)
    setup = np.where(chance(rng, n, 0.12 * dirt) | assembly | outside, 0.0, setup)
    run = np.where(chance(rng, n, 0.04 * dirt) | outside, 0.0, np.round(run * base, 4))
    return _Times(setup, run, base)


def _insert_times(rng: np.random.Generator, steps: _Steps) -> pl.Series:
    """INSRT_DT: operations of a routing within seconds, in a few routings within weeks; some unreadable or NULL."""
    n, whole, dirt = len(steps), len(steps.whole), steps.plant.book.grammar.dirt
    mixed = steps.per_routing(chance(rng, whole, 0.04 * dirt))
    day = steps.plant.routings.day[steps.routing] - np.where(mixed, rng.integers(0, 40, n), 0)
    begin = steps.per_routing(rng.integers(8 * 3600, 18 * 3600, whole))
    seconds = (begin + steps.position * 7).astype(np.int64)
    stamp = pl.Series((day.astype(np.int64) * 86_400 + seconds) * 1_000_000).cast(pl.Datetime("us")).dt.strftime("%Y-%m-%d %H:%M:%S")  # fmt: skip
    broken = rng.integers(0, len(BROKEN_DATES), n)
    stamp = put(stamp, chance(rng, n, 0.004 * dirt), labels(BROKEN_DATES, broken))
    stamp = put(stamp, chance(rng, n, 0.015 * dirt), None)
    return put(stamp, steps.per_routing(chance(rng, whole, 0.006 * dirt)), None)


@dataclass(frozen=True)
class _Validity:
    """Validity per operation: first day, last day, flag."""

    begins: pl.Series
    until: pl.Series
    valid: pl.Series


def _validity(rng: np.random.Generator, steps: _Steps) -> _Validity:
    """Older routings may have expired or be marked invalid; open ends are written in several ways."""
    grammar, routings, whole = steps.plant.book.grammar, steps.plant.routings, steps.whole
    n, dirt = len(whole), grammar.dirt
    old = ~routings.main[whole] & ~routings.newest[whole]
    expired = (old & chance(rng, n, 0.25)) | chance(rng, n, 0.003 * dirt)
    ends = np.where(expired, np.minimum(routings.day[whole] + 900, day_of(grammar.as_of) - 30), 0)
    until = put(_days(ends), ~expired, "2999-12-31")
    until = put(until, ~expired & chance(rng, n, 0.02 * dirt), None)
    until = put(until, ~expired & chance(rng, n, 0.004 * dirt), "31-Dec-99")
    begins = put(_days(routings.day[whole]), chance(rng, n, 0.3), "2001-01-01")
    begins = put(begins, chance(rng, n, 0.01 * dirt), None)
    begins = put(begins, chance(rng, n, 0.004 * dirt), "01-Jan-01")
    dead = (old & chance(rng, n, 0.05)) | chance(rng, n, 0.001 * dirt)
    valid = put(category(rng, n, {"Y": 1.0}, null=0.95), dead, "N")
    back = (steps.routing - steps.low).astype(np.uint32)
    return _Validity(begins.gather(back), until.gather(back), valid.gather(back))


def _routing_columns(
    rng: np.random.Generator, steps: _Steps, times: _Times, stamp: pl.Series, validity: _Validity
) -> dict[str, pl.Series | Array]:
    """The 52 columns in their order; each draw is made in the place of its column."""
    plant, n, whole, dirt = steps.plant, len(steps), len(steps.whole), steps.plant.book.grammar.dirt
    book, job, outside, position = plant.book, steps.job, steps.outside, steps.position
    vendor = steps.per_routing(rng.integers(0, len(_VENDORS), whole) if whole else steps.whole)
    price = np.round(rng.lognormal(9, 0.8, n), 2)
    null_text = pl.Series([None] * n, dtype=pl.String)
    writer = labels([f"NC{k:03d}" for k in range(40)], rng.integers(0, 40, n))
    turned = np.array([s is not None and s.line in ("CNC", "MTM", "MCT") for s in plant.stages])[job]
    programmed = turned & chance(rng, n, 0.35)
    no_res = chance(rng, n, 0.02 * dirt) | (outside & chance(rng, n, 0.4))
    no_job = chance(rng, n, 0.0003 * dirt) | steps.per_routing(chance(rng, whole, 0.0008 * dirt))
    long_name = chance(rng, n, 0.0006 * dirt)
    picked = plant.master[steps.item.astype(np.uint32)]
    resource = plant.routings.op_res[steps.at]
    job_name = labels(book.codes.name, job)
    inspection = steps.of_letter("Q")
    usual_wait = rng.choice([0.0, 200.0, 300.0], n, p=[0.3, 0.5, 0.2])
    wait = np.where(steps.of_letter("F") | inspection, np.where(inspection, 300.0, 200.0), usual_wait)
    last = position == plant.routings.length[steps.routing] - 1
    own_text = _days(plant.routings.day[steps.routing] + 3)
    return {
        "ROUT_NO": plant.numbers.gather(steps.routing.astype(np.uint32)),
        "ITEM_CD": picked["ITEM_CD"],
        "ITEM_NM": picked["ITEM_NM"],
        "PROC_SEQ": plant.routings.op_seq[steps.at],
        "INSRT_DT": stamp,
        "OUTDIAMETER": picked["OUTDIAMETER"],
        "INDIAMETER": picked["INDIAMETER"],
        "OUTTHICKNESS": picked["OUTTHICKNESS"],
        "OUTDIAMETER_UNIT": picked["OUTDIAMETER_UNIT"],
        "INSIDE_FLAG": put(labels(["사내", "외주"], outside.astype(int)), chance(rng, n, 0.0008 * dirt), ""),
        "JOB_CD": put(labels(book.codes.code, job), no_job, None),
        "JOB_NM": put(job_name, long_name, job_name + pl.Series([" 상세 작업 지침 참조" * 6] * n)),
        "RES_CD": put(labels(book.shop.resources.code, resource), no_res, None),
        "RES_DIS": put(put(labels(book.shop.resources.name, resource), chance(rng, n, 0.0006 * dirt), _LONG), no_res, None),
        "TIME_UNIT": sprinkle(rng, pl.Series(["분(Min.)"] * n), {"M": 0.002 * dirt, "": 0.001 * dirt}),
        "MFG_LT": np.where(outside, rng.choice([3.0, 5.0, 7.0, 10.0, 14.0], n), 0.0),
        "QUEUE_TIME": np.where(chance(rng, n, 0.06), 30.0, 0.0),
        "SETUP_TIME": times.setup,
        "RUN_TIME": times.run,
        "ACT_SETUP_TIME": pl.Series(np.round(times.setup * rng.lognormal(0, 0.2, n), 1)),
        "ACT_RUN_TIME": pl.Series(np.round(times.run * rng.lognormal(0, 0.2, n), 2)),
        "WAIT_TIME": wait,
        "MOVE_TIME": wait,
        "RUN_TIME_QTY": put(pl.Series(times.base), (times.base == 1) & chance(rng, n, 0.02 * dirt), None),
        "RUN_TIME_UNIT": sprinkle(rng, pl.Series(["NA"] * n), {"EA": 0.02, "": 0.01 * dirt}),
        "BATCH_OPER": put(null_text, chance(rng, n, 0.05), "B"),
        "BP_CD": put(labels(_VENDORS, vendor), ~outside, None),
        "CUST_NM": put(labels([f"외주업체 {k}" for k in range(len(_VENDORS))], vendor), ~outside, None),
        "CUR_CD": put(null_text, outside, "KRW"),
        "SUBCONTRACT_PRC": put(pl.Series(np.where(outside, price, 0.0)), ~outside & chance(rng, n, 0.5), None),
        "TAX_TYPE": put(null_text, outside, "A01"),
        "MILESTONE_FLG": sprinkle(rng, pl.Series(["Y"] * n), {"N": 0.01}),
        "INSP_FLG": labels(["N", "Y"], inspection.astype(int)),
        "ROUT_ORDER": labels(["F", "I", "L"], np.where(last, 2, np.where(position == 0, 0, 1))),
        "VALID_FROM_DT": validity.begins,
        "VALID_TO_DT": validity.until,
        "REMARK": sprinkle(rng, null_text, {"도면 확인": 0.02, "주의: 표면 거칠기": 0.01}),
        "ROUT_DOC": sprinkle(rng, null_text, {"DOC-001": 0.03}),
        "NC_PROGRAM": put(null_text, programmed, "O" + pl.Series((steps.item * 7 + job) % 9000 + 1000).cast(pl.String)),
        "NC_PROGRAM_WRITER": put(null_text, programmed, writer),
        "NC_WRITER_NM": put(null_text, programmed, "작성자 " + writer),
        "NC_WRITE_DATE": put(null_text, programmed, own_text),
        "NC_REVIEWER": put(null_text, programmed, "NC001"),
        "NC_REVIEWER_NM": put(null_text, programmed, "검토자 NC001"),
        "NC_REVIEW_DT": put(null_text, programmed, own_text),
        "RAW_MATL_SIZE": put(null_text, turned & chance(rng, n, 0.4), "Ø" + pl.Series(np.round(plant.items.od[steps.item] + 5, 0)).cast(pl.String)),
        "JAW_SIZE": sprinkle(rng, null_text, {'8"': 0.05, '10"': 0.04}),
        "VALIDITY": validity.valid,
        "PROGRAM_REMARK": null_text,
        "OP_DRAW_NO": put(null_text, chance(rng, n, 0.1), picked["DRAW_NO"]),
        "ROUT_SIZE": put(null_text, chance(rng, n, 0.1), '~4"'),
        "MTMG_NUMB": null_text,
    }  # fmt: skip


@dataclass(frozen=True)
class _Reports:
    """In-house operations that were reported: order, operation, and place of the operation in its routing."""

    order: Array
    op: Array
    step: Array

    def __len__(self) -> int:
        return len(self.op)


def _reported(plant: Plant, low: int, high: int) -> _Reports:
    routings, orders = plant.routings, plant.orders
    length = routings.length[orders.routing[low:high]]
    order = np.repeat(np.arange(low, high), length)
    step = np.arange(len(order)) - np.repeat(np.cumsum(length) - length, length)
    op = routings.start[orders.routing[order]] + step
    inside = ~routings.op_outside[op]
    return _Reports(order[inside], op[inside], step[inside])


def _machines_used(rng: np.random.Generator, plant: Plant, reports: _Reports) -> Array:
    """The machine planned, or another one of its line; always another one where a waiting pool was planned."""
    shop, n = plant.book.shop, len(reports)
    planned = plant.routings.op_res[reports.op]
    lines = plant.book.line_of_code[plant.routings.op_job[reports.op]]
    other = np.zeros(n, np.int16)
    for line, machines in enumerate(shop.machines_of_line):
        here = np.flatnonzero(lines == line)
        other[here] = rng.choice(machines, len(here))
    pool = (shop.pool_of_line[lines] > 0) & (planned == shop.pool_of_line[lines])
    used = np.where(pool | chance(rng, n, plant.book.grammar.other_resource), other, planned)
    old = plant.orders.day[reports.order] < day_of(shop.changed)
    replaced: Array = np.where(old, shop.old_machine[used], used)
    return replaced


def _reported_hours(
    rng: np.random.Generator, plant: Plant, reports: _Reports, used: Array
) -> tuple[Array, Array]:
    """Machine and set-up hours of whole orders, with the errors of people: minutes for hours, one piece, nothing."""
    grammar, n, dirt = plant.book.grammar, len(reports), plant.book.grammar.dirt
    op, orders = reports.op, plant.orders
    item = plant.routings.item[plant.routings.op_routing[op]]
    setup, run = plant.book.times(plant.items, item, plant.routings.op_job[op])
    qty = orders.qty[reports.order]
    # Each machine has a speed of its own, from 0.92 to 1.08, by Knuth's multiplicative hash of its number.
    speed = 0.92 + 0.16 * ((used.astype(np.int64) * 2654435761) % 1000) / 1000
    lot = (qty / orders.typical[reports.order]) ** -grammar.lot_effect
    noise = rng.lognormal(0, grammar.time_noise, (2, n)) if grammar.time_noise else np.ones((2, n))
    hours = run * plant.item_effect[op] * speed * lot * noise[0] * qty / 60
    setup_hours = setup * plant.item_effect[op] ** 0.5 * noise[1] / 60
    draw = rng.random(n) / max(dirt, 1e-9)
    hours = np.where(draw < 0.004, hours * 60, hours)
    hours = np.where((draw >= 0.004) & (draw < 0.010), hours / qty, hours)
    hours = np.where((draw >= 0.010) & (draw < 0.022), 0.0, hours)
    setup_hours = np.where((draw >= 0.022) & (draw < 0.024), setup_hours * 60, setup_hours)
    return hours, np.where(chance(rng, n, 0.10 * dirt), 0.0, setup_hours)


def result_rows(rng: np.random.Generator, plant: Plant, low: int, high: int) -> pl.DataFrame:
    """Write rows of `BI_WORK_ORDER_RESULTS` for the orders `low` to `high`: hours of whole orders, errors, orphans."""
    book, routings, orders, grammar = plant.book, plant.routings, plant.orders, plant.book.grammar
    reports = _reported(plant, low, high)
    op, order, n, dirt = reports.op, reports.order, len(reports), grammar.dirt
    used = _machines_used(rng, plant, reports)
    hours, setup_hours = _reported_hours(rng, plant, reports, used)
    qty = orders.qty[order]
    bad = np.where(chance(rng, n, 0.06), np.ceil(qty * 0.08 * rng.random(n)), 0.0)
    bad = np.where(chance(rng, n, 0.0008 * dirt), qty + 1, bad)
    no_res = chance(rng, n, 0.01 * dirt)
    nothing = rng.random(n) / max(dirt, 1e-9)
    code = plant.codes.gather(routings.item[routings.op_routing[op]].astype(np.uint32))
    report = np.minimum(orders.day[order] + reports.step // 3, day_of(grammar.as_of))
    ordered = put(pl.Series(qty), nothing < 0.0015, 0.0)
    job = routings.op_job[op]
    frame = pl.DataFrame(
        {
            "ITEM_CD": put(put(code, chance(rng, n, 0.002 * dirt), code + " "), chance(rng, n, 0.001 * dirt), code.str.to_lowercase()),
            "PROC_SEQ": routings.op_seq[op],
            "RES_CD": put(labels(book.shop.resources.code, used), no_res, None),
            "RES_DIS": put(labels(book.shop.resources.name, used), no_res, None),
            "JOB_CD": labels(book.codes.code, job),
            "CD_NM": labels(book.codes.name, job),
            "REPORT_DT": put(_days(report), nothing > 0.9985, None),
            "MACH_WORKED_HOURS": put(pl.Series(np.round(hours, 4)), chance(rng, n, 0.006 * dirt), None),
            "SETUP_HOURS": put(pl.Series(np.round(setup_hours, 4)), chance(rng, n, 0.01 * dirt), None),
            "ORDER_QTY": put(ordered, (nothing >= 0.0015) & (nothing < 0.003), None),
            "BAD_QTY": bad,
            "ROUT_NO": blank(rng, plant.numbers.gather(routings.op_routing[op].astype(np.uint32)), 0.01 * dirt, 0.01 * dirt),
        }
    )  # fmt: skip
    return pl.concat([frame, _orphans(rng, frame, grammar.orphan_results)])


def _orphans(rng: np.random.Generator, frame: pl.DataFrame, share: float) -> pl.DataFrame:
    """Copies of some rows whose item, operation number or job does not exist."""
    rows = np.flatnonzero(chance(rng, len(frame), share))
    copies = frame[rows.astype(np.uint32)]
    kind = rng.integers(0, 3, len(rows))
    return copies.with_columns(
        ITEM_CD=put(copies["ITEM_CD"], kind == 0, "X" + copies["ITEM_CD"].str.strip_chars() + "9"),
        PROC_SEQ=put(copies["PROC_SEQ"], kind == 1, copies["PROC_SEQ"] + 500),
        JOB_CD=put(copies["JOB_CD"], kind == 2, "ZZ9-9"),
    )


def purchase_rows(
    rng: np.random.Generator, codes: pl.Series, n: int, as_of: int, dirt: float
) -> pl.DataFrame:
    """Write `n` rows of `BI_PUR_PO_VIEW`; some have no item or no date."""
    item = (len(codes) * rng.random(n) ** 1.4).astype(np.uint32)
    vendor = rng.integers(0, len(_VENDORS), n)
    day = as_of - (1500 * rng.random(n)).astype(np.int64)
    number = pl.Series(100_000 + np.arange(n) // 3).cast(pl.String)
    return pl.DataFrame(
        {
            "ITEM_CD": put(codes.gather(item), chance(rng, n, 0.005 * dirt), None),
            "PO_NO": "PO" + number,
            "PO_DATE": put(_days(day), chance(rng, n, 0.002 * dirt), None),
            "QTY": np.round(rng.lognormal(2, 1.2, n)) + 1,
            "UNIT_PRICE": np.round(rng.lognormal(9, 1.2, n), 2),
            "VENDOR_CD": labels(_VENDORS, vendor),
            "VENDOR_NM": labels([f"협력사 {k}" for k in range(len(_VENDORS))], vendor),
        }
    )
