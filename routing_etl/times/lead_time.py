"""Lead time of routings, lazily: totals per routing and a breakdown per operation.

Lead time of an operation = set-up + run per piece x pieces + queue + wait + move. NULL (unknown; NaN and infinity count
as unknown) differs from 0: a total is the sum of the known parts, NULL if none is known, and beside it is the number of
operations that lack the part. Outsourcing lead time is in days and stays in a column of its own.
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
    """The columns of a frame that hold the parts.

    Run is in minutes per piece, the other parts in minutes per order, outsourcing in days.
    """

    keys: tuple[str, ...]
    setup: str
    run: str
    queue: str
    wait: str
    move: str
    outsourcing_days: str
    sequence: str = "proc_seq"


#: Columns of the OPERATIONS frame: the standard times.
STANDARD = TimeColumns(
    ("item_key", "rout_no"), "setup_min", "run_min", "queue_min", "wait_min", "move_min", "mfg_lt_days"
)
#: Columns of the CANDIDATE_OPERATIONS frame: the predicted times.
PREDICTED = TimeColumns(
    ("item_key", "candidate_rank"),
    "setup_time", "run_time", "queue_time", "wait_time", "move_time", "mfg_lt",
)  # fmt: skip


def breakdown(
    operations: pl.LazyFrame, *, pieces: float = 1.0, columns: TimeColumns = STANDARD
) -> pl.LazyFrame:
    """The parts of the lead time, one row per operation, sorted by the keys and the operation number.

    Parameters
    ----------
    operations : polars.LazyFrame
        Operations with the columns that `columns` names.
    pieces : float, default 1.0
        Lot size, by which the run time is multiplied.
    columns : TimeColumns, default STANDARD
        Names of the columns.

    Returns
    -------
    polars.LazyFrame
        The keys, the operation number, `<part>_min` for each of `PARTS`, `outsourcing_days`, `unknown_parts` (how many
        parts are not known) and `total_min` (sum of the known parts, NULL if none is known).

    Raises
    ------
    FrameError
        `pieces` is not a number above 0, or a column is missing or is not a number.
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
    """Sums of the parts, working time and lead time in minutes, one row per routing.

    Parameters
    ----------
    operations : polars.LazyFrame
        Operations with the columns that `columns` names.
    pieces : float, default 1.0
        Lot size, by which the run time is multiplied.
    columns : TimeColumns, default STANDARD
        Names of the columns.

    Returns
    -------
    polars.LazyFrame
        The keys, `operations` (rows), `<part>_min` (NULL if no operation has the part), `<part>_unknown` (operations
        without it), `outsourcing_days`, `working_min` (set-up + run), `lead_time_min` (all five parts) and `complete`
        (every operation has set-up and run times). Sums are over what is known.

    Raises
    ------
    FrameError
        `pieces` is not a number above 0, or a column is missing or is not a number.
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
