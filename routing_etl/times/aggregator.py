"""TimeAggregator: totals and breakdown of a list of operations, as the earlier system promised them.

That promise: docs/legacy-system.md 2.7.

Belongs here: the contract for rows from outside (dicts, keys in any case, numbers as text). Does not: frames of the
street, which `lead_time.py` adds up lazily.

The one rule for set-up and run: of the sources in order take the first that is present and positive; when none is, a
source that says 0 gives 0. Actual times come before standard ones (`prefer="actual"`, as everywhere in this product) or
after them (`prefer="standard"`); either way a 0 standard never hides a positive actual. Queue, wait and move follow the
same rule over their sources. Changed knowingly: RUN_TIME_QTY is a quantity and no source of run time; NaN, infinite and
negative numbers count as null, and so does what no column of the source can hold: a time beyond `MAX_SOURCE`, an operation
number beyond 2,147,483,647. All values are minutes before the call.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import polars as pl

from routing_etl.errors import FrameError
from routing_etl.frames import MAX_SOURCE

Prefer = Literal["actual", "standard"]

TIMES = ("setup_time", "run_time", "queue_time", "wait_time", "move_time")

_SOURCES: dict[Prefer, dict[str, tuple[str, ...]]] = {
    "actual": {
        "setup_time": ("ACT_SETUP_TIME", "SETUP_TIME"),
        "run_time": ("MACH_WORKED_HOURS", "ACT_RUN_TIME", "RUN_TIME"),
        "queue_time": ("QUEUE_TIME",),
        "wait_time": ("WAIT_TIME", "IDLE_TIME"),
        "move_time": ("MOVE_TIME",),
    },
    "standard": {
        "setup_time": ("SETUP_TIME", "ACT_SETUP_TIME"),
        "run_time": ("RUN_TIME", "MACH_WORKED_HOURS", "ACT_RUN_TIME"),
        "queue_time": ("QUEUE_TIME",),
        "wait_time": ("WAIT_TIME", "IDLE_TIME"),
        "move_time": ("MOVE_TIME",),
    },
}
#: Operation numbers are 32-bit integers in the source.
_MOST_NUMBER = 2**31 - 1
_PLAIN = {int, float, type(None)}
_SEQUENCE = ("PROC_SEQ", "SEQ", "STEP", "ORDER")


class TimeAggregator:
    """Adds up operation times.

    Parameters
    ----------
    prefer : Prefer, default 'actual'
        Which of standard and actual times is taken when both are present and positive.
    """

    def __init__(self, *, prefer: Prefer = "actual") -> None:
        if not isinstance(prefer, str) or prefer not in _SOURCES:
            raise FrameError(
                f"TimeAggregator: prefer = {prefer!r} is unknown.", remedy="Use 'actual' or 'standard'."
            )
        self.prefer = prefer

    def aggregate(
        self, operations: Iterable[Mapping[str, Any]], *, include_breakdown: bool = False
    ) -> dict[str, Any]:
        """Totals in minutes, the number of operations and, on request, one entry per operation in input order.

        Empty dicts are skipped. Text is trimmed; `''` and what is no number count as null; all null adds up to 0.

        Returns
        -------
        `{totals: {setup_time, run_time, queue_time, wait_time, move_time, lead_time}, process_count, breakdown}`, where
        lead_time is the sum of the five and breakdown holds `{proc_seq, the five, total_time}` or is `[]`.

        Raises
        ------
        FrameError
            There is no list of operations, or an entry is not a dict.
        """
        rows = _rows(operations)
        frame = _columns(rows, (*_SEQUENCE, *(s for of in _SOURCES[self.prefer].values() for s in of)))
        times = frame.select(
            _sequence().alias("proc_seq"),
            *(_choose(sources).alias(name) for name, sources in _SOURCES[self.prefer].items()),
        ).with_columns(total_time=pl.sum_horizontal(TIMES))
        sums = times.select(pl.col(*TIMES, "total_time").sum()).row(0, named=True)
        return {
            "totals": {**{t: float(sums[t]) for t in TIMES}, "lead_time": float(sums["total_time"])},
            "process_count": len(rows),
            "breakdown": times.to_dicts() if include_breakdown else [],
        }


def _rows(operations: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    if not isinstance(operations, Iterable):
        raise FrameError(
            f"TimeAggregator: operations is a {type(operations).__name__}, not a list of dicts.",
            remedy="Give one dict per operation, an empty list for none.",
        )
    rows = list(operations)
    for position, row in enumerate(rows):
        if type(row) is not dict and not isinstance(row, Mapping):
            raise FrameError(
                f"TimeAggregator: entry {position} is a {type(row).__name__}, not a dict.",
                remedy="Give one dict per operation.",
            )
    return [row for row in rows if row]


def _columns(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> pl.DataFrame:
    """One Float64 column per known name, whatever the case of the key; of several spellings the first readable one, by alphabet."""
    spellings: dict[str, list[str]] = {name: [] for name in names}
    for key in sorted({key for row in rows for key in row}, key=str):
        upper = key.strip().upper() if isinstance(key, str) else ""
        if upper in spellings:
            spellings[upper].append(key)
    columns = {}
    for name, keys in spellings.items():
        read = [_numbers([row.get(key) for row in rows]) for key in keys]
        columns[name] = pl.select(pl.coalesce(read)).to_series() if read else pl.Series([None] * len(rows))
    return pl.DataFrame({n: c.cast(pl.Float64) for n, c in columns.items()})


def _numbers(values: list[Any]) -> pl.Series:
    """Readable numbers from 0 to `MAX_SOURCE`; the rest NULL. Plain numbers take a short way past their text."""
    if set(map(type, values)) <= _PLAIN:
        number = pl.Series(values, dtype=pl.Float64, strict=False)
    else:
        text = pl.Series(
            [None if v is None or isinstance(v, bool) else str(v) for v in values], dtype=pl.String
        )
        number = text.str.strip_chars().cast(pl.Float64, strict=False)
    return pl.select(pl.when(number.is_between(0, MAX_SOURCE)).then(number)).to_series()


def _choose(sources: Sequence[str]) -> pl.Expr:
    """The first source that is present and positive, else 0."""
    positive = [pl.when(pl.col(s) > 0).then(pl.col(s)) for s in sources]
    return pl.coalesce([*positive, pl.lit(0.0)])


def _sequence() -> pl.Expr:
    readable = [pl.when(pl.col(s) <= _MOST_NUMBER).then(pl.col(s)) for s in _SEQUENCE]
    return pl.coalesce(readable).round(0).cast(pl.Int64)
