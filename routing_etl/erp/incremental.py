"""Incremental reads: which rows to ask the ERP for, and how they become the frame that a full read would have given.

Where a profile names a change column and a key (`[results.incremental]`), a night asks only for rows whose change column
is empty, or not below the watermark less the overlap. These rows are merged by key over the raw frame of the base, the
last run that succeeded. Rows of the base at or above that bound are dropped: every one that still exists has been read.

The watermark is the newest change seen. It is stored beside the base's rows (`incremental.json`), so the two cannot drift
apart, and a failed night moves nothing: the next one starts from the last succeeded run again. The watermark is never in
the future (a mistyped year would hide everything after it), nor above the oldest row version that a transaction was still
writing (`MIN_ACTIVE_ROWVERSION`, where the server has it): what was not yet committed is read the next time.

Every row is read, and the report says why, when

- a full read is asked for (`--full`), no run has succeeded yet or its files are gone, or the last full read is
  `full_every_days` old;
- profile, source, table, columns, reader or product version differ from the base's;
- the newest change seen before is gone, or row versions went back: rows were deleted, or a backup was restored;
- the merged frame has another number of rows than the ERP counts in the same snapshot: rows were deleted below the bound;
- the key turns out not to be unique, or the change column is empty in every row.

What an incremental read cannot see until the next full one: a row below the bound that changed without its change column
moving, and rows deleted below the bound when as many others appeared there.

Frames without a change column are compared by row hash instead (`changes.py`).
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
from routing_etl.erp.files import FrameSink, RawFrame, row_count
from routing_etl.erp.profile_model import ChangeKind, Incremental
from routing_etl.erp.reader import PROBLEMS
from routing_etl.erp.statements import CHANGE, Bound, int_of
from routing_etl.files import TEMPORARY
from routing_etl.log import get_logger

_FILE = "incremental.json"
#: Rows of the base that are merged at once.
_CHUNK_ROWS = 500_000
#: A text that starts with a day, and so compares as one.
_DAY = r"^\d{4}-\d{2}-\d{2}"


@dataclass(frozen=True)
class State:
    """What a frame's files were read from, and how far; stored in `incremental.json`.

    Parameters
    ----------
    signature : dict of str to str
        What must be the same for the next read to build on them: see `signature_of`.
    watermark : str or None
        Newest change seen, as `mark_text` writes it.
    rows : int
        Rows of the frame.
    full_on : str
        ISO day of the last full read.
    unfit : str, optional
        Why the next read cannot build on them; '' if it can.
    """

    signature: dict[str, str]
    watermark: str | None
    rows: int
    full_on: str
    unfit: str = ""


@dataclass(frozen=True)
class Base:
    """Raw folder of the last succeeded run, None without one, and the states of its frames."""

    folder: Path | None
    states: Mapping[str, State]


@dataclass(frozen=True)
class Moment:
    """When an extract reads.

    Parameters
    ----------
    today : datetime.date
        Day in the ERP's time zone.
    fence : int or None
        Oldest row version that a transaction is still writing; None where unknown.
    copied : str, optional
        Why row versions of this database cannot be built on: it is a copy. '' if they can.
    """

    today: date
    fence: int | None
    copied: str = ""

    def unfit(self, kind: ChangeKind) -> str:
        """Why a read from this moment cannot be built on by its change column, '' when it can."""
        return self.copied if kind == "rowversion" else ""


@dataclass(frozen=True)
class Plan:
    """What to ask for, and why.

    Parameters
    ----------
    why : str
        Reason for reading everything, or what the changes are of.
    since : Bound, optional
        Least mark to ask for; None: read everything.
    watermark : Bound, optional
        Newest change of the base.
    full_on : str, optional
        ISO day of the base's last full read.
    """

    why: str
    since: Bound | None = None
    watermark: Bound | None = None
    full_on: str = ""


@dataclass(frozen=True)
class Merged:
    """What became of the base's rows: reused, replaced by a row read with the same key, gone from the ERP."""

    reused: int
    replaced: int
    gone: int


# --- what is known of an earlier read ---------------------------------------------------------------------------------
def has_marks(raw: Path) -> bool:
    """Tell whether a raw folder can be the base of an incremental read."""
    return (raw / _FILE).is_file()


def forget_states(raw: Path) -> None:
    """Keep the next read from building on a raw folder that is about to change."""
    (raw / _FILE).unlink(missing_ok=True)


def write_states(raw: Path, states: Mapping[str, State]) -> None:
    """Store the states by frame once all files are in place; the file is replaced whole or not at all."""
    if not states:
        return
    temporary = raw / f"{_FILE}{TEMPORARY}"
    temporary.write_text(json.dumps({n: asdict(s) for n, s in states.items()}, indent=1), encoding="utf-8")
    temporary.replace(raw / _FILE)


def read_states(raw: Path | None) -> dict[str, State]:
    """Read the states by frame of a raw folder; none when they are damaged, which is logged."""
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
    """Collect what must be the same for the rows of two reads to fit together.

    Parameters
    ----------
    binding : Binding
        The frame's source.
    marks : sequence of ReadColumn
        Columns of its change marks.
    fingerprint : str
        Fingerprint of the profile.
    source : str
        The database's URL without secrets.
    reader : str
        Name of the reader.

    Returns
    -------
    dict of str to str
        Values, by the words that the report uses for them.
    """
    columns = [c.origin for c in (*binding.columns, *marks)]
    return {
        "profile": fingerprint,
        "source": source,
        "table": binding.title,
        "columns": "|".join(columns),
        "reader": reader,
        "version of routing_etl": __version__,
    }


def plan(
    binding: Binding, signature: Mapping[str, str], base: Base, moment: Moment, *, full: bool = False
) -> Plan:
    """Decide whether a frame can be read incrementally, from where on, and why (not).

    Parameters
    ----------
    binding : Binding
        The frame's source.
    signature : mapping of str to str
        See `signature_of`.
    base : Base
        The last succeeded run.
    moment : Moment
        When the extract reads.
    full : bool, optional
        A full read is asked for.
    """
    wanted = binding.section.incremental
    if wanted is None:
        return Plan("the profile names no change column")
    if full:
        return Plan("a full read was asked for")
    folder, state = base.folder, base.states.get(binding.frame)
    if folder is None:
        return Plan("no earlier run has succeeded, or its files are gone")
    run = _name(folder)
    if state is None:
        return Plan(f"{run} kept no marks of this frame")
    why = moment.unfit(wanted.kind) or _why_full(
        RawFrame(folder, binding.frame), state, signature, wanted, moment.today
    )
    if why:
        return Plan(why)
    watermark = parse_mark(wanted.kind, state.watermark)
    if watermark is None:
        return Plan(f"{wanted.column} was empty in every row of {run}")
    if wanted.kind == "rowversion" and moment.fence is not None and moment.fence < int_of(watermark):
        return Plan(f"the database's row versions went back below {state.watermark}: was a backup restored?")
    return Plan(
        f"changes of {wanted.column} since {run}", _bound(wanted, watermark), watermark, state.full_on
    )


def _name(folder: Path) -> str:
    return f"run {folder.parent.name}"


def _why_full(
    files: RawFrame, state: State, signature: Mapping[str, str], wanted: Incremental, today: date
) -> str:
    """Why a base's frame cannot be built on, '' when it can."""
    run = _name(files.folder)
    if state.unfit:
        return f"{run}: {state.unfit}"
    different = [name for name, value in signature.items() if state.signature.get(name) != value]
    if different:
        return f"another {' and '.join(different)} than in {run}"
    age = (today - date.fromisoformat(state.full_on)).days
    if age >= wanted.full_every_days:
        return f"the last full read is {age} days old (full_every_days = {wanted.full_every_days})"
    for file in files.files:
        if not file.is_file():
            return f"{run} has no file {file.name} any more"
    if any(row_count(file) != state.rows for file in (files.rows, files.marks)):
        return f"the files of {run} do not hold its {state.rows} rows"
    return ""


# --- change marks ------------------------------------------------------------------------------------------------------------
def parse_mark(kind: ChangeKind, text: str | None) -> Bound | None:
    """Read a watermark from its text."""
    if text is None:
        return None
    if kind == "date":
        return date.fromisoformat(text)
    if kind == "rowversion":
        return int(text, 16)
    return float(text) if "." in text or "e" in text else int(text)


def mark_text(kind: ChangeKind, mark: Bound | None) -> str | None:
    """Write a watermark for people and files: ISO day, number, or row version as 0x and 16 hexadecimal digits."""
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


def newest_mark(kind: ChangeKind, marks: Path, moment: Moment) -> Bound | None:
    """Find the newest change in a file of change marks.

    Parameters
    ----------
    kind : {"rowversion", "date", "number"}
        Kind of the change column.
    marks : pathlib.Path
        File of change marks.
    moment : Moment
        When it was read: changes in the future, or above the fence, do not count.

    Returns
    -------
    Bound or None
        The newest change; None when there is none.
    """
    change = pl.col(CHANGE)
    scan = pl.scan_parquet(marks)
    if kind == "date":
        day = change.str.extract(f"({_DAY})")
        text = (
            scan.select(day.filter(day <= moment.today.isoformat()).max()).collect(engine="streaming").item()
        )
        return date.fromisoformat(text) if text is not None else None
    value = scan.select(change.max()).collect(engine="streaming").item()
    if value is None or kind == "number":
        number: int | float | None = value
        return number
    newest = int(value, 16) if isinstance(value, str) else int(value)
    return newest if moment.fence is None else min(newest, moment.fence)


def unfit_key(sink: FrameSink, marks: Path, wanted: Incremental) -> str:
    """Say why rows cannot be told apart by the key in a file of change marks, '' when they can."""
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


#: Why row versions of a copy are not used. Its MIN_ACTIVE_ROWVERSION, where it answers at all, does not know of the
#: transactions that are open in the original: a row that one of them commits later has a version that was passed already.
_COPY = (
    "the ERP's database is read-only here (a readable secondary or a standby copy), so nothing tells which row versions are "
    "still being written; to read changes alone, read from the primary (ROUTING_ETL_ERP_APPLICATION_INTENT=ReadWrite)"
)


def row_version_fence(engine: Engine) -> tuple[int | None, str]:
    """Ask how far row versions can be relied upon; call this before the snapshot begins.

    Returns
    -------
    fence : int or None
        Oldest row version that a transaction is still writing. None where the server does not have MIN_ACTIVE_ROWVERSION or
        answers nothing with it, which is logged: then only the overlap finds rows that were committed late.
    copied : str
        Why row versions cannot be built on at all in this database, '' when they can.
    """
    if engine.dialect.name != "mssql":
        return None, ""
    if (
        _asked(engine, "SELECT CAST(DATABASEPROPERTYEX(DB_NAME(), 'Updateability') AS varchar(20))")
        == "READ_ONLY"
    ):
        get_logger(__name__).warning("row_versions_of_a_copy", reason=_COPY)
        return None, _COPY
    value = _asked(engine, "SELECT CAST(MIN_ACTIVE_ROWVERSION() AS BIGINT)")
    fence = int(value) if isinstance(value, int) else 0
    if fence <= 0:
        get_logger(__name__).warning("no_row_version_fence", answer=str(value)[:200])
        return None, ""
    return fence, ""


def _asked(engine: Engine, query: str) -> int | str | None:
    """The answer of the server, or why it refused."""
    try:
        with engine.connect() as connection:
            answer: int | str | None = connection.exec_driver_sql(query).scalar_one()
            return answer
    except (sa.exc.DBAPIError, engine.dialect.loaded_dbapi.Error) as exc:  # type: ignore[attr-defined]
        if getattr(exc, "connection_invalidated", False):
            raise
        return f"refused: {exc}"[:200]


# --- the merge --------------------------------------------------------------------------------------------------------
def merge(base: RawFrame, changes: RawFrame, kind: ChangeKind, since: Bound, sink: FrameSink) -> Merged:
    """Write the base's rows that were not read again, then the rows read, into a sink.

    Both come in chunks; only the keys of the rows read are in memory as a whole.

    Parameters
    ----------
    base : RawFrame
        The frame of the last succeeded run.
    changes : RawFrame
        The rows read since.
    kind : {"rowversion", "date", "number"}
        Kind of the change column.
    since : Bound
        Least mark that was asked for.
    sink : FrameSink
        Takes the merged frame.
    """
    keys = [name for name in sink.marks if name != CHANGE]
    read = pl.read_parquet(changes.marks, columns=keys)
    reused = replaced = total = 0
    for chunk, problems in _chunks(base):
        marks = chunk.select(sink.marks).with_row_index("at")
        kept = marks.filter(_below(kind, marks[CHANGE].dtype, since)).join(read, on=keys, how="anti")
        at = kept["at"].sort()
        moved = pl.DataFrame({"row_nr": at}).with_row_index("now")
        mine = problems.join(moved, on="row_nr").select(pl.col("now").alias("row_nr"), *list(PROBLEMS)[1:])
        sink.add(chunk[at], mine)
        total += chunk.height
        reused += at.len()
        replaced += marks.join(read, on=keys, how="semi").height
    for chunk, problems in _chunks(changes):
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


def _chunks(frame: RawFrame) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    """Chunks of a raw frame with the change marks beside each row, and their problems, counted from the chunk's first."""
    problems = pl.read_parquet(frame.problems)
    rows, marks = pl.scan_parquet(frame.rows), pl.scan_parquet(frame.marks)
    number = pl.col("row_nr").cast(pl.Int64)
    for start in range(0, row_count(frame.rows), _CHUNK_ROWS):
        parts = [s.slice(start, _CHUNK_ROWS).collect() for s in (rows, marks)]
        mine = problems.filter(number.is_between(start, start + _CHUNK_ROWS - 1))
        yield (
            pl.concat(parts, how="horizontal"),
            mine.with_columns((number - start).cast(pl.UInt32).alias("row_nr")),
        )
