"""Lead time of routings, lazily: totals per routing and the breakdown per operation.

Belongs here: adding up the times of an operations frame for a lot of a given size. Does not: where the times come from.

Lead time of an operation = set-up + run per piece x pieces + queue + wait + move. The base quantity of a run time is a
quantity and never added. NULL (unknown; NaN and infinity count as it) and 0 stay different: a total is the sum of what is known, NULL when nothing
is, and beside it stands how many operations lack the part. Outsourcing lead time is in days and stays a column of its
own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import polars as pl

from routing_etl.errors import FrameError
from routing_etl.frames import MAX_SOURCE

PARTS = ("setup", "run", "queue", "wait", "move")
#: Parts during which a machine or a person works on the lot.
WORKING_PARTS = ("setup", "run")


@dataclass(frozen=True)
class TimeColumns:
    """Which columns of a frame hold the parts: minutes per order, per piece, and three of minutes per order; days."""

    keys: tuple[str, ...]
    setup: str
    run: str
    queue: str
    wait: str
    move: str
    outsourcing_days: str
    sequence: str = "proc_seq"


#: The OPERATIONS frame's standards.
STANDARD = TimeColumns(
    ("item_key", "rout_no"), "setup_min", "run_min", "queue_min", "wait_min", "move_min", "mfg_lt_days"
)
#: The CANDIDATE_OPERATIONS frame.
PREDICTED = TimeColumns(
    ("item_key", "candidate_rank"),
    "setup_time", "run_time", "queue_time", "wait_time", "move_time", "mfg_lt",
)  # fmt: skip


def breakdown(
    operations: pl.LazyFrame, *, pieces: float = 1.0, columns: TimeColumns = STANDARD
) -> pl.LazyFrame:
    """One row per operation: the keys, the operation number, the five parts in minutes, `total_min`, `outsourcing_days`.

    Parameters
    ----------
    pieces : float, default 1.0
        Lot size the run time is multiplied by.

    `total_min` is the sum of the known parts, NULL when none is known; `unknown_parts` counts the others. Rows come in
    the order of keys and operation number.

    Raises
    ------
    FrameError
        `pieces` is no number above 0, or a column is missing or no number.
    """
    number: Any = pieces
    if isinstance(pieces, bool) or not isinstance(pieces, Real) or not 0 < number <= MAX_SOURCE:
        raise FrameError(
            f"Lead time: pieces = {pieces!r}, must be a number above 0 and up to {MAX_SOURCE:.0f}.",
            remedy="Give the lot size.",
        )
    _check_columns(operations, columns)
    parts = {
        "setup": pl.col(columns.setup),
        "run": pl.col(columns.run) * pieces,
        "queue": pl.col(columns.queue),
        "wait": pl.col(columns.wait),
        "move": pl.col(columns.move),
    }
    named = [pl.when(e.is_finite()).then(e).alias(f"{n}_min") for n, e in parts.items()]
    names = [f"{n}_min" for n in PARTS]
    return (
        operations.select(
            *columns.keys,
            pl.col(columns.sequence),
            *named,
            pl.col(columns.outsourcing_days).alias("outsourcing_days"),
        )
        .with_columns(
            unknown_parts=pl.sum_horizontal(pl.col(n).is_null().cast(pl.Int64) for n in names),
            total_min=_null_aware_sum(names),
        )
        .sort(*columns.keys, columns.sequence)
    )


def _check_columns(operations: pl.LazyFrame, columns: TimeColumns) -> None:
    if not isinstance(operations, pl.LazyFrame | pl.DataFrame) or not isinstance(columns, TimeColumns):
        raise FrameError(
            f"Lead time: operations is a {type(operations).__name__} and columns a {type(columns).__name__}.",
            remedy="Give a Polars frame and TimeColumns.",
        )
    schema = operations.collect_schema()
    numbers = (
        columns.setup, columns.run, columns.queue, columns.wait, columns.move, columns.outsourcing_days,
    )  # fmt: skip
    for name in (*columns.keys, columns.sequence, *numbers):
        if name not in schema:
            raise FrameError(
                f"Lead time: the operations lack column {name}; they have {', '.join(schema)}.",
                remedy="Give an operations frame, or name its columns in TimeColumns.",
            )
    for name in numbers:
        if not (schema[name].is_numeric() or schema[name] == pl.Null):
            raise FrameError(
                f"Lead time: column {name} is {schema[name]}, must be a number.", remedy="Cast it to Float64."
            )


def _null_aware_sum(names: Sequence[str]) -> pl.Expr:
    return pl.when(pl.any_horizontal(pl.col(n).is_not_null() for n in names)).then(pl.sum_horizontal(names))


def totals(operations: pl.LazyFrame, *, pieces: float = 1.0, columns: TimeColumns = STANDARD) -> pl.LazyFrame:
    """One row per routing: sums of the five parts, working time and lead time in minutes.

    `<part>_min` is NULL when no operation has the part, and `<part>_unknown` counts the operations without it;
    `working_min` = set-up + run, `lead_time_min` = all five, both over what is known; `complete` is true when no
    operation lacks its set-up or run time. `operations` counts the rows, `outsourcing_days` adds up in days.

    Raises
    ------
    FrameError
        As `breakdown`.
    """
    rows = breakdown(operations, pieces=pieces, columns=columns)

    def total(name: str) -> pl.Expr:
        return pl.when(pl.col(name).count() > 0).then(pl.col(name).sum())

    return (
        rows.group_by(columns.keys)
        .agg(
            pl.len().cast(pl.Int64).alias("operations"),
            *(total(f"{p}_min").alias(f"{p}_min") for p in PARTS),
            *(pl.col(f"{p}_min").null_count().cast(pl.Int64).alias(f"{p}_unknown") for p in PARTS),
            total("outsourcing_days").alias("outsourcing_days"),
        )
        .with_columns(
            working_min=_null_aware_sum([f"{p}_min" for p in WORKING_PARTS]),
            lead_time_min=_null_aware_sum([f"{p}_min" for p in PARTS]),
            complete=pl.all_horizontal(pl.col(f"{p}_unknown") == 0 for p in WORKING_PARTS),
        )
        .sort(columns.keys)
    )
