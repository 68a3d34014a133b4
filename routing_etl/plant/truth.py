"""Rows of the demo plant's truth tables: what a planner would write for each item, how long it takes, what makes it hard."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from routing_etl.plant.dirt import labels
from routing_etl.plant.grammar import MOST_VARIATIONS, Book
from routing_etl.plant.latent import Array, Latent
from routing_etl.plant.rows import Plant


def _joined(words: list[str], matrix: Array) -> pl.Series:
    """Row by row, the words of the non-zero entries joined with `>`.

    Equal rows are found by a 64-bit hash, a sum with random odd weights, and joined once.
    """
    weights = np.random.default_rng(1).integers(1, 2**63, matrix.shape[1], dtype=np.uint64) | np.uint64(1)
    keys = (matrix.astype(np.uint64) * weights).sum(1, dtype=np.uint64)
    _, first, back = np.unique(keys, return_index=True, return_inverse=True)
    row, column = np.nonzero(matrix[first])
    frame = pl.DataFrame({"row": row, "word": labels(words, matrix[first][row, column])})
    texts = frame.group_by("row", maintain_order=True).agg(pl.col("word").str.join(">"))["word"]
    return texts.gather(back.astype(np.uint32))


@dataclass(frozen=True)
class Truth:
    """Rows of the truth of some items (`row`: the item), and item and job of every operation in them, with repeats."""

    rows: pl.DataFrame
    item: Array
    job: Array


def truth_rows(plant: Plant, low: int, high: int) -> Truth:
    """Write the distribution of the routings that a planner would write today for the items `low` to `high`."""
    book, plan = plant.book, plant.plan
    parts, pair_item, pair_job = [], [], []
    wide = np.arange(low, high)
    for which in range(MOST_VARIATIONS + 1):
        share = 1 - plan.share[wide].sum(1) if which == 0 else plan.share[wide, which - 1]
        rows = wide[share > 0]
        if not len(rows):
            continue
        jobs, outside = book.variant(plant.items, plan, rows, np.full(len(rows), which))
        there = jobs > 0
        main = plant.machines[rows[:, None], book.line_of_code[jobs]]
        resources = np.where(there, np.where(outside, book.shop.outside, main), 0)
        parts.append(
            pl.DataFrame(
                {
                    "ITEM_CD": plant.codes.gather(rows.astype(np.uint32)),
                    "VARIANT": np.full(len(rows), which, np.int64),
                    "PROBABILITY": share[share > 0],
                    "JOB_SEQ": _joined(book.codes.code, jobs),
                    "RES_SEQ": _joined(book.shop.resources.code, resources),
                    "INSIDE_SEQ": _joined(["", "in", "out"], np.where(there, 1 + outside, 0)),
                    "row": rows,
                }
            )
        )
        at, column = np.nonzero(there)
        pair_item.append(rows[at])
        pair_job.append(jobs[at, column])
    frame = pl.concat(parts).sort("row", "VARIANT")
    return Truth(frame, np.concatenate(pair_item), np.concatenate(pair_job))


def truth_time_rows(plant: Plant, item: Array, job: Array) -> pl.DataFrame:
    """Write the noise-free minutes of every distinct pair of item and job."""
    codes = plant.book.codes.code
    keys = np.unique(item.astype(np.int64) * len(codes) + job)
    item, job = keys // len(codes), keys % len(codes)
    setup, run = plant.book.times(plant.items, item, job)
    return pl.DataFrame(
        {
            "ITEM_CD": plant.codes.gather(item.astype(np.uint32)),
            "JOB_CD": labels(codes, job),
            "SETUP_MIN": setup,
            "RUN_MIN": run,
        }
    )


#: An item is near a threshold when a size larger or smaller by this factor has other operations; where it is not known, a
#: size as far off as this may have.
_NEAR, _FAR = (0.92, 1.08), (0.5, 0.7, 1.4, 2.0)


def item_truth_rows(plant: Plant, low: int, high: int) -> pl.DataFrame:
    """Write what makes the items `low` to `high` hard: the kind of their type, what notes call, and what hangs on the size.

    `KIND` is `known`, `new` (a new type of a family) or `strange` (a type like no other). `NOTE_JOBS` are the job codes that
    the item's notes bring and replace, `TYPE_JOB` its type's own one. `SIZE` is `none`, `filled`, `text` (its column is
    empty and a text says it) or `missing`.
    """
    book, wide = plant.book, plant.book.wide
    items = plant.items.take(np.arange(low, high))
    new, strange = items.ptype >= book.catalogue.parts.established, wide.strange[items.ptype].any(1)
    n, codes = high - low, book.codes.code
    brought = np.zeros((n, len(codes)), bool)
    for k, rule in enumerate(wide.rules):
        held = (items.notes >> k & 1).astype(bool)
        brought[np.ix_(held, np.array([rule.code, *rule.replaces]))] = True
    noted = np.flatnonzero(brought.any(1))
    told = pl.Series([""] * n, dtype=pl.String)
    if len(noted):
        told = told.scatter(noted, _joined(codes, np.where(brought[noted], np.arange(len(codes)), 0)))
    filled = (plant.master["OUTDIAMETER"][low:high] > 0).fill_null(False).to_numpy()
    size = np.where(items.od <= 0, 0, np.where(filled, 1, np.where(plant.told[low:high], 2, 3)))
    return pl.DataFrame(
        {
            "ITEM_CD": plant.codes[low:high],
            "KIND": labels(["known", "new", "strange"], np.where(strange, 2, np.where(new, 1, 0))),
            "NOTE_JOBS": told,
            "TYPE_JOB": labels(codes, wide.own_code[items.ptype].astype(np.int64)),
            "SIZE": labels(["none", "filled", "text", "missing"], size),
            "SIZE_DECIDES": _hangs_on_size(book, items, _FAR).astype(np.int64),
            "NEAR_THRESHOLD": _hangs_on_size(book, items, _NEAR).astype(np.int64),
        }
    )


def _hangs_on_size(book: Book, items: Latent, factors: tuple[float, ...]) -> Array:
    """Whether an item would have other operations if it were larger or smaller by one of these factors."""
    here, changed = book.plan(items), np.zeros(len(items), bool)
    for factor in factors:
        sized = {name: getattr(items, name) * factor for name in ("od", "idm", "ln", "size")}
        there = book.plan(replace(items, **sized))
        changed |= (there.jobs != here.jobs).any(1) | (there.outside != here.outside).any(1)
    return changed & (items.od > 0)
