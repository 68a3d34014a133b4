"""Rows of the demo plant's routing, work-result, purchase and truth tables, chunk by chunk, dirt included.

What belongs here: index arrays turned into the contract's columns. What does not: the decisions behind them
(`history.py`, `grammar.py`) and the database (`demo.py`).
"""

from __future__ import annotations

import numpy as np
import polars as pl

from routing_etl.plant import values as v
from routing_etl.plant.dirt import BROKEN_DATES, blank, category, chance, labels, put, sprinkle
from routing_etl.plant.grammar import N_TOGGLES, Book, Plan
from routing_etl.plant.history import Orders, Routings, day_of
from routing_etl.plant.latent import Array, Latent

_VENDORS = tuple(f"V{k:04d}" for k in range(1, 81))
_LONG = "장문 자원명 " * 12


def _days(values: Array) -> pl.Series:
    return pl.Series(values.astype(np.int32)).cast(pl.Date).dt.strftime("%Y-%m-%d")


def rout_numbers(book: Book, routings: Routings) -> pl.Series:
    """`C1M3002000` for parts, `B#1L00C` for assemblies, the word `외주` for wholly outsourced ones; unique per item."""
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


def routing_rows(
    rng: np.random.Generator,
    book: Book,
    items: Latent,
    master: pl.DataFrame,
    routings: Routings,
    numbers: pl.Series,
    low: int,
    high: int,
) -> pl.DataFrame:
    """Rows of `BI_ROUTING_VIEW` for routings `low` to `high`, 52 columns, partly unsorted."""
    dirt = book.grammar.dirt
    at = slice(int(routings.start[low]), int(routings.start[high - 1] + routings.length[high - 1]))
    routing = routings.op_routing[at].astype(np.int64)
    n = len(routing)
    item = routings.item[routing]
    job, res, outside = routings.op_job[at], routings.op_res[at], routings.op_outside[at]
    position = np.arange(n) - (routings.start[routing] - at.start)
    last = position == routings.length[routing] - 1
    setup, run = book.times(items, item, job)
    setup = np.maximum(np.round(setup * rng.lognormal(0.02, 0.22, n) / 5) * 5, 5.0)
    run = np.maximum(np.round(run * rng.lognormal(0.05, 0.22, n), 1), 0.1)
    stage = [v.STAGES[s] if s else None for s in book.codes.stage]
    inspection = np.array([s is not None and s.letter == "Q" for s in stage])[job]
    assembly = np.array([s is not None and s.letter == "F" for s in stage])[job]
    base = np.where(chance(rng, n, 0.012 * dirt), 10.0, 1.0)
    setup = np.where(chance(rng, n, 0.12 * dirt) | assembly | outside, 0.0, setup)
    run = np.where(chance(rng, n, 0.04 * dirt) | outside, 0.0, np.round(run * base, 4))

    whole = np.arange(low, high)
    entered = routings.day[routing]
    mixed = chance(rng, len(whole), 0.04 * dirt)[routing - low]
    day = entered - np.where(mixed, rng.integers(0, 40, n), 0)
    seconds = (rng.integers(8 * 3600, 18 * 3600, len(whole))[routing - low] + position * 7).astype(np.int64)
    stamp = pl.Series((day.astype(np.int64) * 86_400 + seconds) * 1_000_000).cast(pl.Datetime("us")).dt.strftime("%Y-%m-%d %H:%M:%S")  # fmt: skip
    broken = rng.integers(0, len(BROKEN_DATES), n)
    stamp = put(stamp, chance(rng, n, 0.004 * dirt), labels(BROKEN_DATES, broken))
    stamp = put(stamp, chance(rng, n, 0.015 * dirt), None)
    stamp = put(stamp, chance(rng, len(whole), 0.006 * dirt)[routing - low], None)

    old = ~routings.main[whole] & ~routings.newest[whole]
    expired = (old & chance(rng, len(whole), 0.25)) | chance(rng, len(whole), 0.003 * dirt)
    ends = np.where(expired, np.minimum(routings.day[whole] + 900, day_of(book.grammar.as_of) - 30), 0)
    until = put(_days(ends), ~expired, "2999-12-31")
    until = put(until, ~expired & chance(rng, len(whole), 0.02 * dirt), None)
    until = put(until, ~expired & chance(rng, len(whole), 0.004 * dirt), "31-Dec-99")
    begins = put(_days(routings.day[whole]), chance(rng, len(whole), 0.3), "2001-01-01")
    begins = put(begins, chance(rng, len(whole), 0.01 * dirt), None)
    begins = put(begins, chance(rng, len(whole), 0.004 * dirt), "01-Jan-01")
    dead = (old & chance(rng, len(whole), 0.05)) | chance(rng, len(whole), 0.001 * dirt)
    valid = category(rng, len(whole), {"Y": 1.0}, null=0.95)
    valid = put(valid, dead, "N")
    back = (routing - low).astype(np.uint32)

    vendor = (rng.integers(0, len(_VENDORS), len(whole)) if len(whole) else whole)[routing - low]
    price = np.round(rng.lognormal(9, 0.8, n), 2)
    text = pl.Series(np.where(outside, 1, 0))
    null_text = pl.Series([None] * n, dtype=pl.String)
    writer = labels([f"NC{k:03d}" for k in range(40)], rng.integers(0, 40, n))
    turned = np.array([s is not None and s.line in ("CNC", "MTM", "MCT") for s in stage])[job]
    programmed = turned & chance(rng, n, 0.35)
    res_text = labels(book.resources.code, res)
    res_name = labels(book.resources.name, res)
    no_res = chance(rng, n, 0.02 * dirt) | (outside & chance(rng, n, 0.4))
    no_job = chance(rng, n, 0.0003 * dirt) | chance(rng, len(whole), 0.0008 * dirt)[routing - low]
    job_name = labels(book.codes.name, job)
    long_name = chance(rng, n, 0.0006 * dirt)
    inside_word = labels(["사내", "외주"], outside.astype(int))
    wait = np.where(assembly | inspection, np.where(inspection, 300.0, 200.0), rng.choice([0.0, 200.0, 300.0], n, p=[0.3, 0.5, 0.2]))  # fmt: skip
    picked = master[item.astype(np.uint32)]
    own_text = _days(entered + 3)
    frame = pl.DataFrame(
        {
            "ROUT_NO": numbers.gather(routing.astype(np.uint32)),
            "ITEM_CD": picked["ITEM_CD"],
            "ITEM_NM": picked["ITEM_NM"],
            "PROC_SEQ": routings.op_seq[at],
            "INSRT_DT": stamp,
            "OUTDIAMETER": picked["OUTDIAMETER"],
            "INDIAMETER": picked["INDIAMETER"],
            "OUTTHICKNESS": picked["OUTTHICKNESS"],
            "OUTDIAMETER_UNIT": picked["OUTDIAMETER_UNIT"],
            "INSIDE_FLAG": put(inside_word, chance(rng, n, 0.0008 * dirt), ""),
            "JOB_CD": put(labels(book.codes.code, job), no_job, None),
            "JOB_NM": put(job_name, long_name, job_name + pl.Series([" 상세 작업 지침 참조" * 6] * n)),
            "RES_CD": put(res_text, no_res, None),
            "RES_DIS": put(put(res_name, chance(rng, n, 0.0006 * dirt), _LONG), no_res, None),
            "TIME_UNIT": sprinkle(rng, pl.Series(["분(Min.)"] * n), {"M": 0.002 * dirt, "": 0.001 * dirt}),
            "MFG_LT": np.where(outside, rng.choice([3.0, 5.0, 7.0, 10.0, 14.0], n), 0.0),
            "QUEUE_TIME": np.where(chance(rng, n, 0.06), 30.0, 0.0),
            "SETUP_TIME": setup,
            "RUN_TIME": run,
            "ACT_SETUP_TIME": pl.Series(np.round(setup * rng.lognormal(0, 0.2, n), 1)),
            "ACT_RUN_TIME": pl.Series(np.round(run * rng.lognormal(0, 0.2, n), 2)),
            "WAIT_TIME": wait,
            "MOVE_TIME": wait,
            "RUN_TIME_QTY": put(pl.Series(base), (base == 1) & chance(rng, n, 0.02 * dirt), None),
            "RUN_TIME_UNIT": sprinkle(rng, pl.Series(["NA"] * n), {"EA": 0.02, "": 0.01 * dirt}),
            "BATCH_OPER": put(null_text, chance(rng, n, 0.05), "B"),
            "BP_CD": put(labels(_VENDORS, vendor), ~outside, None),
            "CUST_NM": put(labels([f"외주업체 {k}" for k in range(len(_VENDORS))], vendor), ~outside, None),
            "CUR_CD": put(null_text, text.to_numpy() == 1, "KRW"),
            "SUBCONTRACT_PRC": put(pl.Series(np.where(outside, price, 0.0)), ~outside & chance(rng, n, 0.5), None),
            "TAX_TYPE": put(null_text, outside, "A01"),
            "MILESTONE_FLG": sprinkle(rng, pl.Series(["Y"] * n), {"N": 0.01}),
            "INSP_FLG": labels(["N", "Y"], inspection.astype(int)),
            "ROUT_ORDER": labels(["F", "I", "L"], np.where(last, 2, np.where(position == 0, 0, 1))),
            "VALID_FROM_DT": begins.gather(back),
            "VALID_TO_DT": until.gather(back),
            "REMARK": sprinkle(rng, null_text, {"도면 확인": 0.02, "주의: 표면 거칠기": 0.01}),
            "ROUT_DOC": sprinkle(rng, null_text, {"DOC-001": 0.03}),
            "NC_PROGRAM": put(null_text, programmed, "O" + pl.Series((item * 7 + job) % 9000 + 1000).cast(pl.String)),
            "NC_PROGRAM_WRITER": put(null_text, programmed, writer),
            "NC_WRITER_NM": put(null_text, programmed, "작성자 " + writer),
            "NC_WRITE_DATE": put(null_text, programmed, own_text),
            "NC_REVIEWER": put(null_text, programmed, "NC001"),
            "NC_REVIEWER_NM": put(null_text, programmed, "검토자 NC001"),
            "NC_REVIEW_DT": put(null_text, programmed, own_text),
            "RAW_MATL_SIZE": put(null_text, turned & chance(rng, n, 0.4), "Ø" + pl.Series(np.round(items.od[item] + 5, 0)).cast(pl.String)),
            "JAW_SIZE": sprinkle(rng, null_text, {'8"': 0.05, '10"': 0.04}),
            "VALIDITY": valid.gather(back),
            "PROGRAM_REMARK": null_text,
            "OP_DRAW_NO": put(null_text, chance(rng, n, 0.1), picked["DRAW_NO"]),
            "ROUT_SIZE": put(null_text, chance(rng, n, 0.1), '~4"'),
            "MTMG_NUMB": null_text,
        }
    )  # fmt: skip
    many = pl.Series(["NC program " * 9] * n)
    frame = frame.with_columns(
        ACT_SETUP_TIME=put(frame["ACT_SETUP_TIME"], chance(rng, n, 0.8), None),
        ACT_RUN_TIME=put(frame["ACT_RUN_TIME"], chance(rng, n, 0.7), None),
        NC_PROGRAM=put(frame["NC_PROGRAM"], chance(rng, n, 0.0004 * dirt), many),
        BP_CD=put(
            frame["BP_CD"], outside & chance(rng, n, 0.002 * dirt), frame["BP_CD"] + "-SUBCONTRACTOR-LONG"
        ),
    )
    shuffled = chance(rng, len(whole), 0.3)[routing - low]
    order = np.lexsort((np.where(shuffled, rng.random(n), position), routing))
    again = frame[np.flatnonzero(chance(rng, n, 0.0004 * dirt)).astype(np.uint32)]
    changed = pl.Series(chance(rng, len(again), 0.5))
    again = again.with_columns(RUN_TIME=pl.when(changed).then(pl.col("RUN_TIME") + 1).otherwise("RUN_TIME"))
    return pl.concat([frame[order.astype(np.uint32)], again])


def result_rows(
    rng: np.random.Generator,
    book: Book,
    items: Latent,
    codes: pl.Series,
    routings: Routings,
    numbers: pl.Series,
    orders: Orders,
    effect: Array,
    low: int,
    high: int,
) -> pl.DataFrame:
    """Rows of `BI_WORK_ORDER_RESULTS` for orders `low` to `high`: hours of the whole order, errors, about 3 % orphans.

    `effect`: factor per operation of a routing that the item's attributes do not explain.
    """
    grammar = book.grammar
    dirt = grammar.dirt
    routing = orders.routing[low:high]
    length = routings.length[routing]
    order = np.repeat(np.arange(low, high), length)
    step = np.arange(len(order)) - np.repeat(np.cumsum(length) - length, length)
    op = routings.start[orders.routing[order]] + step
    inside = ~routings.op_outside[op]
    order, op = order[inside], op[inside]
    n = len(op)
    job, item = routings.op_job[op], routings.item[routings.op_routing[op]]
    planned = routings.op_res[op]
    lines = book.line_of_code[job]
    other = np.zeros(n, np.int16)
    for line, machines in enumerate(book.line_machines):
        here = np.flatnonzero(lines == line)
        other[here] = rng.choice(machines, len(here))
    pool = (book.pool_of_line[lines] > 0) & (planned == book.pool_of_line[lines])
    used = np.where(pool | chance(rng, n, grammar.other_resource), other, planned)
    old = orders.day[order] < day_of(book.machine_change)
    used = np.where(old, book.old_machine[used], used)

    setup, run = book.times(items, item, job)
    qty = orders.qty[order]
    speed = 0.92 + 0.16 * ((used.astype(np.int64) * 2654435761) % 1000) / 1000
    lot = (qty / orders.typical[order]) ** -grammar.lot_effect
    noise = rng.lognormal(0, grammar.time_noise, (2, n)) if grammar.time_noise else np.ones((2, n))
    hours = run * effect[op] * speed * lot * noise[0] * qty / 60
    setup_hours = setup * effect[op] ** 0.5 * noise[1] / 60
    draw = rng.random(n) / max(dirt, 1e-9)
    hours = np.where(draw < 0.004, hours * 60, hours)
    hours = np.where((draw >= 0.004) & (draw < 0.010), hours / qty, hours)
    hours = np.where((draw >= 0.010) & (draw < 0.022), 0.0, hours)
    setup_hours = np.where((draw >= 0.022) & (draw < 0.024), setup_hours * 60, setup_hours)
    setup_hours = np.where(chance(rng, n, 0.10 * dirt), 0.0, setup_hours)
    bad = np.where(chance(rng, n, 0.06), np.ceil(qty * 0.08 * rng.random(n)), 0.0)
    bad = np.where(chance(rng, n, 0.0008 * dirt), qty + 1, bad)
    no_res = chance(rng, n, 0.01 * dirt)
    nothing = rng.random(n) / max(dirt, 1e-9)
    code = codes.gather(item.astype(np.uint32))
    report = np.minimum(orders.day[order] + step[inside] // 3, day_of(grammar.as_of))
    ordered = put(pl.Series(qty), nothing < 0.0015, 0.0)
    frame = pl.DataFrame(
        {
            "ITEM_CD": put(put(code, chance(rng, n, 0.002 * dirt), code + " "), chance(rng, n, 0.001 * dirt), code.str.to_lowercase()),
            "PROC_SEQ": routings.op_seq[op],
            "RES_CD": put(labels(book.resources.code, used), no_res, None),
            "RES_DIS": put(labels(book.resources.name, used), no_res, None),
            "JOB_CD": labels(book.codes.code, job),
            "CD_NM": labels(book.codes.name, job),
            "REPORT_DT": put(_days(report), nothing > 0.9985, None),
            "MACH_WORKED_HOURS": put(pl.Series(np.round(hours, 4)), chance(rng, n, 0.006 * dirt), None),
            "SETUP_HOURS": put(pl.Series(np.round(setup_hours, 4)), chance(rng, n, 0.01 * dirt), None),
            "ORDER_QTY": put(ordered, (nothing >= 0.0015) & (nothing < 0.003), None),
            "BAD_QTY": bad,
            "ROUT_NO": blank(rng, numbers.gather(routings.op_routing[op].astype(np.uint32)), 0.01 * dirt, 0.01 * dirt),
        }
    )  # fmt: skip
    return pl.concat([frame, _orphans(rng, frame, grammar.orphan_results)])


def _orphans(rng: np.random.Generator, frame: pl.DataFrame, share: float) -> pl.DataFrame:
    """Copies of some rows whose item, operation or routing is not there."""
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
    """n rows of `BI_PUR_PO_VIEW`; some without item."""
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


def _joined(words: list[str], matrix: Array) -> pl.Series:
    """Row by row the words of the non-zero entries, joined with `>`."""
    weights = np.random.default_rng(1).integers(1, 2**63, matrix.shape[1], dtype=np.uint64) | np.uint64(1)
    keys = (matrix.astype(np.uint64) * weights).sum(1, dtype=np.uint64)
    _, first, back = np.unique(keys, return_index=True, return_inverse=True)
    row, column = np.nonzero(matrix[first])
    frame = pl.DataFrame({"row": row, "word": labels(words, matrix[first][row, column])})
    texts = frame.group_by("row", maintain_order=True).agg(pl.col("word").str.join(">"))["word"]
    return texts.gather(back.astype(np.uint32))


def truth_rows(
    book: Book, items: Latent, plan: Plan, machines: Array, codes: pl.Series, low: int, high: int
) -> tuple[pl.DataFrame, Array, Array]:
    """Distribution of the routings a planner would write today for items `low` to `high`.

    Returns the truth rows, then item and job of every operation in them (with repeats).
    """
    parts, pair_item, pair_job = [], [], []
    wide = np.arange(low, high)
    words = list(book.resources.code)
    outside_res = int(book.line_machines[book.line_names.index("OUT")][0])
    for which in range(N_TOGGLES + 1):
        share = 1 - plan.share[wide].sum(1) if which == 0 else plan.share[wide, which - 1]
        rows = wide[share > 0]
        if not len(rows):
            continue
        jobs, outside = book.variant(items, plan, rows, np.full(len(rows), which))
        there = jobs > 0
        resources = np.where(outside, outside_res, machines[rows[:, None], book.line_of_code[jobs]])
        parts.append(
            pl.DataFrame(
                {
                    "ITEM_CD": codes.gather(rows.astype(np.uint32)),
                    "VARIANT": np.full(len(rows), which, np.int64),
                    "PROBABILITY": share[share > 0],
                    "JOB_SEQ": _joined(book.codes.code, jobs),
                    "RES_SEQ": _joined(words, np.where(there, resources, 0)),
                    "INSIDE_SEQ": _joined(["", "in", "out"], np.where(there, 1 + outside, 0)),
                    "row": rows,
                }
            )
        )
        at, column = np.nonzero(there)
        pair_item.append(rows[at])
        pair_job.append(jobs[at, column])
    frame = pl.concat(parts).sort("row", "VARIANT")
    return frame, np.concatenate(pair_item), np.concatenate(pair_job)


def truth_time_rows(book: Book, items: Latent, codes: pl.Series, item: Array, job: Array) -> pl.DataFrame:
    """Noise-free minutes of every distinct pair of item and job."""
    keys = np.unique(item.astype(np.int64) * len(book.codes.code) + job)
    item, job = keys // len(book.codes.code), keys % len(book.codes.code)
    setup, run = book.times(items, item, job)
    return pl.DataFrame(
        {
            "ITEM_CD": codes.gather(item.astype(np.uint32)),
            "JOB_CD": labels(book.codes.code, job),
            "SETUP_MIN": setup,
            "RUN_MIN": run,
        }
    )
