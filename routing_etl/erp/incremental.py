"""Incremental reads: which rows to ask the ERP for, and how they become the frame that a full read would have given.

Where a profile names a change column and a key (`[results.incremental]`), a night asks only for rows whose change column
is not below the watermark less the overlap, or is empty, and merges them by key over the raw frame of the last run that
succeeded, the base. Rows of the base at or above that bound are dropped, for every one that still exists has been read.

The watermark is the newest change seen, and lies beside the base's rows (`incremental.json`), so the two cannot drift
apart: a failed night moves nothing, because the next one starts from the last succeeded run again. It never lies in the
future (a mistyped year would hide all that comes), nor above the oldest row version that a transaction was still
writing (`MIN_ACTIVE_ROWVERSION`, where the server has it): what was not yet committed is read the next time.

Everything is read, and the report says why, when:

- it is asked for (`--full`), no run has succeeded yet or its files are gone, or the last full read is `full_every_days`
  old;
- profile, source, table, columns, reader or product version differ from the base's;
- the newest change seen before is there no more, or row versions went back (rows deleted, or a backup restored);
- the merged frame has another number of rows than the ERP counts in the same snapshot (rows deleted below the bound);
- the key turns out not to be unique, or a change column without a single value.

What it cannot see until the next full read: a row changed below the bound without its change column moving, and as many
rows deleted below the bound as others appeared there. What belongs here: bounds, reasons, the merge. What does not:
statements (`statements.py`), running them (`extract.py`), frames without a time stamp (`changes.py`: by row hash).
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from routing_etl import __version__
from routing_etl.erp.catalogue import Binding, ReadColumn
from routing_etl.erp.files import FrameSink, marks_path, problems_path, row_count
from routing_etl.erp.profile_model import ChangeKind, Incremental
from routing_etl.erp.reader import PROBLEMS
from routing_etl.erp.statements import CHANGE, Bound, int_of
from routing_etl.log import get_logger

_FILE = "incremental.json"
#: Rows of the base that are merged at once.
_CHUNK_ROWS = 500_000
#: A text that compares as a day.
_DAY = r"^\d{4}-\d{2}-\d{2}"


@dataclass(frozen=True)
class State:
    """What a frame's files were read from and how far. `unfit`: why the next read cannot build on them, '' if it can."""

    signature: dict[str, str]
    watermark: str | None
    rows: int
    full_on: str
    unfit: str = ""


@dataclass(frozen=True)
class Plan:
    """What to ask for: rows from `since` on over the base's, or everything when it is None; `why` in words."""

    why: str
    since: Bound | None = None
    watermark: Bound | None = None
    full_on: str = ""


@dataclass(frozen=True)
class Merged:
    """What became of the base's rows: kept, replaced by a row read with the same key, gone from the ERP."""

    reused: int
    replaced: int
    gone: int


# --- what is known of an earlier read ---------------------------------------------------------------------------------
def has_marks(raw: Path) -> bool:
    """Whether a raw folder can be the base of an incremental read."""
    return (raw / _FILE).is_file()


def forget_states(raw: Path) -> None:
    """Nobody may build on a raw folder that is about to change."""
    (raw / _FILE).unlink(missing_ok=True)


def write_states(raw: Path, states: Mapping[str, State]) -> None:
    """Store the states by frame, when all files are in place; replaced whole or not at all."""
    if not states:
        return
    temporary = raw / f"{_FILE}.tmp"
    temporary.write_text(json.dumps({n: asdict(s) for n, s in states.items()}, indent=1), encoding="utf-8")
    temporary.replace(raw / _FILE)


def read_states(raw: Path | None) -> dict[str, State]:
    """The states by frame of a raw folder; none, and logged, when they are damaged."""
    if raw is None or not has_marks(raw):
        return {}
    try:
        content = json.loads((raw / _FILE).read_text(encoding="utf-8"))
        return {name: State(**state) for name, state in content.items()}
    except (ValueError, TypeError, AttributeError) as exc:
        get_logger(__name__).warning("incremental_state_unreadable", file=str(raw / _FILE), error=str(exc))
        return {}


def signature_of(
    binding: Binding, marks: Sequence[ReadColumn], *, fingerprint: str, source: str, reader: str
) -> dict[str, str]:
    """What must be the same for the rows of two reads to fit together, by the name that the reason calls it."""
    columns = [
        f"{c.name}:{c.type}:{c.length}:{c.const}"
        + (f":{c.found.alias}.{c.found.name}:{c.found.type}:{c.found.length}" if c.found else "")
        for c in (*binding.columns, *marks)
    ]
    return {
        "profile": fingerprint,
        "source": source,
        "table": binding.title,
        "columns": "|".join(columns),
        "reader": reader,
        "version of routing_etl": __version__,
    }


def plan(
    binding: Binding,
    base: Path | None,
    states: Mapping[str, State],
    signature: Mapping[str, str],
    *,
    today: date,
    full: bool,
    fence: int | None,
) -> Plan:
    """Whether a frame can be read incrementally tonight, from where on, and why (not).

    `base`: raw folder of the last succeeded run. `today`: in the ERP's time zone. `fence`: the oldest row version being
    written, None where unknown.
    """
    wanted = binding.section.incremental
    if wanted is None:
        return Plan("the profile names no change column")
    state = states.get(binding.frame)
    why = _why_full(binding, wanted, base, state, signature, today, full)
    if why or state is None:
        return Plan(why)
    watermark = parse_mark(wanted.kind, state.watermark)
    if watermark is None:
        return Plan(f"{wanted.column} was empty in every row of {_name(base)}")
    if wanted.kind == "rowversion" and fence is not None and fence < int_of(watermark):
        return Plan(f"the database's row versions went back below {state.watermark}: was a backup restored?")
    return Plan(
        f"changes of {wanted.column} since {_name(base)}",
        _bound(wanted, watermark),
        watermark,
        state.full_on,
    )


def _name(base: Path | None) -> str:
    return f"run {base.parent.name}" if base is not None else "no run"


def _why_full(
    binding: Binding,
    wanted: Incremental,
    base: Path | None,
    state: State | None,
    signature: Mapping[str, str],
    today: date,
    full: bool,
) -> str:
    """Why everything must be read, '' when it need not."""
    if full:
        return "a full read was asked for"
    if base is None:
        return "no earlier run has succeeded, or its files are gone"
    if state is None:
        return f"{_name(base)} kept no marks of this frame"
    if state.unfit:
        return f"{_name(base)}: {state.unfit}"
    different = [name for name, value in signature.items() if state.signature.get(name) != value]
    if different:
        return f"another {' and '.join(different)} than in {_name(base)}"
    age = (today - date.fromisoformat(state.full_on)).days
    if age >= wanted.full_every_days:
        return f"the last full read is {age} days old (full_every_days = {wanted.full_every_days})"
    files = (base / f"{binding.frame}.parquet", marks_path(base, binding.frame))
    for file in (*files, problems_path(base, binding.frame)):
        if not file.is_file():
            return f"{_name(base)} has no file {file.name} any more"
    if any(row_count(file) != state.rows for file in files):
        return f"the files of {_name(base)} do not hold its {state.rows} rows"
    return ""


# --- marks ------------------------------------------------------------------------------------------------------------
def parse_mark(kind: ChangeKind, text: str | None) -> Bound | None:
    """A watermark out of its text."""
    if text is None:
        return None
    if kind == "date":
        return date.fromisoformat(text)
    if kind == "rowversion":
        return int(text, 16)
    return float(text) if "." in text or "e" in text else int(text)


def mark_text(kind: ChangeKind, mark: Bound | None) -> str | None:
    """A watermark as people and files see it: ISO day, number, row version as 0x and 16 digits."""
    if mark is None:
        return None
    if isinstance(mark, date):
        return mark.isoformat()
    return f"0x{mark:016X}" if kind == "rowversion" else repr(mark)


def _bound(wanted: Incremental, watermark: Bound) -> Bound:
    """The least mark to ask for: the watermark less the overlap; whole days for dates."""
    if isinstance(watermark, date):
        return watermark - timedelta(days=math.ceil(wanted.distance))
    if isinstance(watermark, int):
        least = watermark - math.ceil(wanted.distance)
        return max(least, 0) if wanted.kind == "rowversion" else least
    return math.nextafter(watermark - wanted.distance, -math.inf)


def newest_mark(kind: ChangeKind, marks: Path, *, today: date, fence: int | None) -> Bound | None:
    """The newest change in a file of marks, not in the future and not above the fence; None when there is none."""
    change = pl.col(CHANGE)
    scan = pl.scan_parquet(marks)
    if kind == "date":
        day = change.str.extract(f"({_DAY})")
        text = scan.select(day.filter(day <= today.isoformat()).max()).collect(engine="streaming").item()
        return date.fromisoformat(text) if text is not None else None
    value = scan.select(change.max()).collect(engine="streaming").item()
    if value is None or kind == "number":
        number: int | float | None = value
        return number
    newest = int(value, 16) if isinstance(value, str) else int(value)
    return newest if fence is None else min(newest, fence)


def unfit_key(sink: FrameSink, marks: Path, wanted: Incremental) -> str:
    """Why rows cannot be told apart by the key in a file of marks, '' when they can."""
    keys = [name for name in sink.marks if name != CHANGE]
    named = " + ".join(wanted.key)
    found = (
        pl.scan_parquet(marks)
        .select(
            pl.any_horizontal(pl.col(keys).is_null()).sum().alias("empty"),
            (pl.len() - pl.struct(keys).hash(seed=3).n_unique()).alias("repeated"),
        )
        .collect(engine="streaming")
        .row(0, named=True)
    )
    if found["empty"] or sink.unfit_marks:
        return f"the key {named} is empty, unreadable or too long in {max(found['empty'], sink.unfit_marks)} rows"
    if found["repeated"]:
        return f"the key {named} is not unique: {found['repeated']} rows repeat that of another"
    return ""


def active_row_version(engine: Engine) -> int | None:
    """The oldest row version that a transaction is still writing. To be asked before the snapshot begins.

    None, and logged, where the server does not have MIN_ACTIVE_ROWVERSION: then rows committed late are found by the
    overlap alone.
    """
    if engine.dialect.name != "mssql":
        return None
    try:
        with engine.connect() as connection:
            value = connection.exec_driver_sql("SELECT CAST(MIN_ACTIVE_ROWVERSION() AS BIGINT)").scalar_one()
    except (sa.exc.DBAPIError, engine.dialect.loaded_dbapi.Error) as exc:  # type: ignore[attr-defined]
        if getattr(exc, "connection_invalidated", False):
            raise
        get_logger(__name__).warning("no_row_version_fence", reason=str(exc)[:200])
        return None
    return int(value)


# --- the merge --------------------------------------------------------------------------------------------------------
def merge(
    base: Path, changes: Path, frame: str, read_as: str, kind: ChangeKind, since: Bound, sink: FrameSink
) -> Merged:
    """The base's rows that were not read again, then the rows read (`<changes>/<read_as>.parquet`), into `sink`.

    Both come in chunks; only the keys of the rows read are in memory as a whole.
    """
    keys = [name for name in sink.marks if name != CHANGE]
    read = pl.read_parquet(marks_path(changes, read_as), columns=keys)
    reused = replaced = total = 0
    for chunk, problems in _chunks(base, frame):
        marks = chunk.select(sink.marks).with_row_index("at")
        kept = marks.filter(_below(kind, marks[CHANGE].dtype, since)).join(read, on=keys, how="anti")
        at = kept["at"].sort()
        moved = pl.DataFrame({"row_nr": at}).with_row_index("now")
        mine = problems.join(moved, on="row_nr").select(pl.col("now").alias("row_nr"), *list(PROBLEMS)[1:])
        sink.add(chunk[at], mine)
        total += chunk.height
        reused += at.len()
        replaced += marks.join(read, on=keys, how="semi").height
    for chunk, problems in _chunks(changes, read_as):
        sink.add(chunk, problems)
    return Merged(reused, replaced, total - reused - replaced)


def _below(kind: ChangeKind, dtype: pl.DataType, since: Bound) -> pl.Expr:
    """Exactly the rows that the statement's `since` leaves out."""
    change = pl.col(CHANGE)
    if isinstance(since, date):
        return (change.str.contains(_DAY) & (change.str.slice(0, 10) < since.isoformat())).fill_null(False)
    if kind == "rowversion" and dtype == pl.String:
        return (change < f"{int_of(since):016X}").fill_null(False)
    return (change < since).fill_null(False)


def _chunks(folder: Path, frame: str) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    """A raw frame with its marks beside each row, and the problems of these rows counted from the chunk's first."""
    path = folder / f"{frame}.parquet"
    problems = pl.read_parquet(problems_path(folder, frame))
    rows, marks = pl.scan_parquet(path), pl.scan_parquet(marks_path(folder, frame))
    number = pl.col("row_nr").cast(pl.Int64)
    for start in range(0, row_count(path), _CHUNK_ROWS):
        parts = [s.slice(start, _CHUNK_ROWS).collect() for s in (rows, marks)]
        mine = problems.filter(number.is_between(start, start + _CHUNK_ROWS - 1))
        yield (
            pl.concat(parts, how="horizontal"),
            mine.with_columns((number - start).cast(pl.UInt32).alias("row_nr")),
        )
