"""The ERP's tables into Parquet, as they are: canonical column names, raw values, bounded memory.

Every frame of the profile becomes `<frame>.parquet`; values that could not be read as their column's type stand beside
it in `<frame>.problems.parquet` with their row numbers. All frames are read in one transaction where the database
allows it. A frame for which the profile names a change column is read incrementally where `incremental.py` says that it
can be; the files are the same either way. `statements.py` makes the statements, `clean.py` judges the values.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from routing_etl.database.engine import make_engine, safe_url, translated
from routing_etl.erp import census, incremental
from routing_etl.erp.beside import read_beside, read_items_beside
from routing_etl.erp.catalogue import Binding, Catalogue, ReadColumn, bind
from routing_etl.erp.changes import RowChanges, row_changes
from routing_etl.erp.dropped_reversals import dropped_reversals
from routing_etl.erp.files import FrameSink, RawFrame, frame_sink
from routing_etl.erp.left_out import keys_left_out, left_out_file
from routing_etl.erp.left_out_set_ups import left_out_set_ups
from routing_etl.erp.profile import Profile
from routing_etl.erp.profile_model import FRAME_OF, RAW_COLUMNS, Family, Incremental
from routing_etl.erp.reader import (
    PROBLEMS,
    RAW_DTYPE,
    ArrowOdbcReader,
    Reader,
    open_reader,
    snapshot,
    tighten,
)
from routing_etl.erp.statements import Bound, columns_read, count_of, mark_columns, pivot_repeats, select_of
from routing_etl.erp.unread_factors import unread_factors
from routing_etl.erp.unread_flags import unread_flags
from routing_etl.erp.unread_headers import unread_headers
from routing_etl.erp.unread_masters import unread_masters
from routing_etl.erp.unread_measures import unread_measures
from routing_etl.erp.unread_references import unread_references
from routing_etl.erp.unread_units import clashes
from routing_etl.erp.unread_words import look_with, unread_words
from routing_etl.errors import SourceError
from routing_etl.frames import SOURCE_COUNTS
from routing_etl.log import get_logger
from routing_etl.progress import SILENT, Progress
from routing_etl.settings import Settings

#: Frames without which there is nothing to learn.
_CRITICAL: tuple[Family, ...] = ("items", "operations")


@dataclass(frozen=True)
class FrameExtract:
    """What was read of one frame.

    An incremental read keeps some rows of the base (the last succeeded run), replaces some by rows of the same key, and
    drops those that are gone. Items are read whole and compared with the base by row hash.

    Parameters
    ----------
    table : str
        Table or view.
    rows : int
        Rows of the frame.
    seconds : float
        Time taken.
    bytes : int
        Size of the Parquet file.
    problems : int
        Values that could not be read, or were cut.
    columns : tuple of str
        The raw frame's columns.
    absent : tuple of str
        Those that this ERP does not have.
    watermarks : dict of str to str or None
        Newest readable day per date column, not beyond tomorrow.
    mode : str
        `full` or `incremental`.
    why : str
        Reason for the mode.
    rows_read : int
        Rows that came from the ERP.
    rows_reused : int
        Rows of the base that stayed.
    rows_replaced : int
        Rows of the base replaced by rows with the same key.
    rows_gone : int
        Rows of the base that the ERP no longer has.
    rows_added : int or None
        Rows that the base does not have; None without a base.
    rows_changed : int or None
        Items whose row differs from the base's; None without a base.
    rows_removed : int or None
        Items that only the base has; None without a base.
    watermark_from : str or None
        Newest change of the base.
    watermark_to : str or None
        Newest change now.
    """

    table: str
    rows: int
    seconds: float
    bytes: int
    problems: int
    columns: tuple[str, ...]
    absent: tuple[str, ...]
    watermarks: dict[str, str | None] = field(default_factory=dict)
    mode: str = "full"
    why: str = ""
    rows_read: int = 0
    rows_reused: int = 0
    rows_replaced: int = 0
    rows_gone: int = 0
    rows_added: int | None = None
    rows_changed: int | None = None
    rows_removed: int | None = None
    watermark_from: str | None = None
    watermark_to: str | None = None


@dataclass(frozen=True)
class ExtractReport:
    """What one extract did.

    Parameters
    ----------
    profile : str
        Name of the profile.
    fingerprint : str
        Its fingerprint.
    reader : str
        How rows were read.
    isolation : str
        Isolation of the transaction.
    seconds : float
        Time taken.
    rows : int
        Rows of all frames.
    bytes : int
        Size of all Parquet files.
    frames : dict of str to FrameExtract
        What was read of each frame.
    warnings : tuple of str
        Sentences about what people should look at.
    base : str or None
        Run that changes are counted from.
    counts : tuple of SourceCount
        What joins, filters and keys do to the ERP's rows (`census`); stored beside the raw frames, too.
    """

    profile: str
    fingerprint: str
    reader: str
    isolation: str
    seconds: float
    rows: int
    bytes: int
    frames: dict[str, FrameExtract]
    warnings: tuple[str, ...]
    base: str | None = None
    counts: tuple[census.SourceCount, ...] = ()


@dataclass(frozen=True)
class _Session:
    """What every frame of one extract shares."""

    connection: Connection
    isolation: str
    reader: Reader
    source: str
    profile: Profile
    settings: Settings
    out: Path
    base: incremental.Base
    moment: incremental.Moment
    progress: Progress
    single: Mapping[Family, frozenset[str]]

    @property
    def engine(self) -> Engine:
        """The ERP's engine."""
        return self.connection.engine

    def signature_of(self, binding: Binding) -> dict[str, str]:
        """What must be the same for the next read of a frame to build on this one."""
        return incremental.signature_of(
            binding,
            mark_columns(binding, self.engine.dialect.name),
            fingerprint=self.profile.fingerprint,
            source=self.source,
            reader=self.reader.name,
        )

    def stream(
        self, binding: Binding, since: Bound | None, sink: FrameSink, *, left_out: bool = False
    ) -> None:
        """Read a frame's rows, or those from `since` on, or those that its filters leave out, into a sink."""
        dialect = self.engine.dialect.name
        columns = (*binding.columns, *mark_columns(binding, dialect))
        read = columns_read(binding, dialect)
        statement = select_of(binding, dialect, since=since, left_out=left_out)
        with translated("erp", self.engine.url):
            for loose in self.reader.chunks(statement, read, self.settings.fetch_rows):
                sink.add(*tighten(loose, columns, 0))

    def count(self, binding: Binding) -> int:
        """Count the frame's rows in the ERP, in the snapshot that the reader sees."""
        return self.number(count_of(binding, self.engine.dialect.name))

    def number(self, statement: sa.Select[Any]) -> int:
        """The single whole number that a statement gives, in the snapshot that the reader sees."""
        return self.numbers(statement)[0]

    def numbers(self, statement: sa.Select[*tuple[Any, ...]]) -> Sequence[int]:
        """The one row of whole numbers that a statement gives, in the snapshot that the reader sees."""
        with translated("erp", self.engine.url):
            if not isinstance(self.reader, ArrowOdbcReader):
                return [int(n or 0) for n in self.connection.execute(statement).one()]
            names = [column.name for column in statement.selected_columns]
            columns = [ReadColumn(name, "integer", 20, False, None) for name in names]
            [counted] = self.reader.chunks(statement, columns, 10)
        return [int(n or 0) for n in counted.row(0)]

    def not_whole(self, binding: Binding, rows: int, before: int) -> str:
        """Say why `rows` are not all that the ERP has, '' when they are; `before` is its count before they were read.

        Without a snapshot the ERP's users go on writing, so any number between the counts before and after is right.
        """
        after = before if self.isolation != "default" or rows == before else self.count(binding)
        if min(before, after) <= rows <= max(before, after):
            return ""
        return f"the ERP has {after} rows where the merge gives {rows}: some were deleted, or came in below the overlap"


def extract(
    url: str,
    profile: Profile,
    out: Path,
    settings: Settings,
    progress: Progress = SILENT,
    *,
    base: Path | None = None,
    full: bool = False,
) -> ExtractReport:
    """Read every frame of the profile from the ERP into Parquet files.

    Parameters
    ----------
    url : str
        Database URL of the ERP.
    profile : Profile
        The source profile.
    out : pathlib.Path
        Folder for the raw frames.
    settings : Settings
        Timeouts, rows per fetch, the ERP's time zone.
    progress : Progress, optional
        Where progress is shown.
    base : pathlib.Path, optional
        Raw folder of the last succeeded run: changes are merged over it and counted from it.
    full : bool, optional
        Read every row, whatever the profile says.

    Returns
    -------
    ExtractReport
        What was read, and how.

    Raises
    ------
    ConfigurationError
        The URL or its driver is wrong, or the SQLite file does not exist.
    SourceError
        A table or column is missing or of an unreadable type, a critical table is empty, or the login failed.
    TransientDatabaseError
        The ERP is busy or not reachable; trying again can help.
    """
    started = time.perf_counter()
    out.mkdir(parents=True, exist_ok=True)
    incremental.forget_states(out)
    engine = make_engine(url, "erp", settings)
    today = datetime.now(ZoneInfo(settings.timezone)).date()
    try:
        catalogue = bind(engine, profile)
        catalogue.raise_errors()
        single = census.single_partners(engine, catalogue)
        moment = incremental.Moment(today, *_fence(engine, catalogue.bindings.values()))
        with snapshot(engine) as (connection, isolation):
            reader = open_reader(
                connection,
                isolation,
                connect_timeout=settings.connect_timeout,
                statement_timeout=settings.statement_timeout,
            )
            earlier = incremental.Base(base, incremental.read_states(base))
            session = _Session(
                connection=connection, isolation=isolation, reader=reader, source=safe_url(url), profile=profile,
                settings=settings, out=out, base=earlier, moment=moment, progress=progress, single=single,
            )  # fmt: skip
            unread = _unread(session, catalogue)
            frames, warnings, counts = _read_frames(session, catalogue, full)
            warnings += unread
    finally:
        engine.dispose()
    report = ExtractReport(
        profile=profile.name,
        fingerprint=profile.fingerprint,
        reader=reader.name,
        isolation=isolation,
        seconds=round(time.perf_counter() - started, 3),
        rows=sum(f.rows for f in frames.values()),
        bytes=sum(f.bytes for f in frames.values()),
        frames=frames,
        warnings=tuple(warnings),
        base=base.parent.name if base is not None else None,
        counts=tuple(counts),
    )
    log = get_logger(__name__)
    for text in warnings:
        log.warning("extract_warning", text=text)
    log.info("extracted", rows=report.rows, seconds=report.seconds, reader=reader.name)
    return report


def _read_frames(
    session: _Session, catalogue: Catalogue, full: bool
) -> tuple[dict[str, FrameExtract], list[str], list[census.SourceCount]]:
    """Every frame into its files, then the states that the next read builds on; the reports, warnings, and counts."""
    frames: dict[str, FrameExtract] = {}
    counts: list[census.SourceCount] = []
    states: dict[str, incremental.State] = {}
    open_questions = session.profile.unsettled
    warnings = [f"{open_questions} Settle each and remove its mark."] if open_questions else []
    warnings += list(
        dict.fromkeys(
            f"{f.message} {f.remedy}" if f.kind == "doubtful" else f.message
            for f in catalogue.findings
            if f.severity == "warning"
        )
    )
    for family, binding in catalogue.bindings.items():
        signature = session.signature_of(binding)
        plan = incremental.plan(binding, signature, session.base, session.moment, full=full)
        report, state = _read_frame(session, binding, plan, signature)
        if state is not None:
            states[binding.frame] = state
            warnings += [f"{binding.title}: {state.unfit}; it is read whole."] if state.unfit else []
        frames[binding.frame] = report
        _read_left_out(session, binding)
        warnings += [*_empty(session.profile, family, report), *_repeated_names(session, binding)]
        counts += _counts(session, binding)
    for family in FRAME_OF:
        named = family in session.profile.sections or family != "resources"  # few ERPs have a machine master
        if named and family not in catalogue.bindings:
            write_empty(session.out, family)
    read_beside(session.out, catalogue, session.count, lambda b, sink: session.stream(b, None, sink))
    if (items := catalogue.bindings.get("items")) is not None:
        read_items_beside(session.out, items, session.count, lambda b, sink: session.stream(b, None, sink))
    incremental.write_states(session.out, states)
    census.as_frame(counts).write_parquet(session.out / f"{SOURCE_COUNTS.name}.parquet")
    warnings += [f"{c.frame}: {c.told}. {c.remedy}".strip() for c in counts if c.warns]
    return frames, warnings, counts


def _unread(session: _Session, catalogue: Catalogue) -> list[str]:
    """Warnings about columns of units and flags, machine masters and heads of routings that the profile does not read.

    Raises
    ------
    SourceError
        Such a column names another unit than the one by which times are read.
    """
    dialect = session.engine.dialect.name
    look = look_with(session.reader, dialect, session.numbers)
    found = [
        c for b in catalogue.bindings.values() for c in clashes(b, session.profile, dialect, session.numbers)
    ]
    found += unread_masters(catalogue, dialect, session.numbers)
    found += unread_headers(catalogue, dialect, session.numbers)
    found += unread_references(catalogue, dialect, session.numbers)
    found += [
        c
        for b in catalogue.bindings.values()
        for c in (
            *unread_flags(b, session.profile, dialect, session.numbers),
            *unread_factors(b, dialect, session.numbers, session.moment.today),
            *unread_measures(b, session.profile, dialect, session.numbers),
            *unread_words(b, look),
            *dropped_reversals(b, dialect, session.numbers),
            *left_out_set_ups(b, look),
        )
    ]
    wrong = [c for c in found if c.refused]
    if wrong:
        raise SourceError(". ".join(c.told for c in wrong) + ".", remedy=" ".join(c.remedy for c in wrong))
    return [f"{c.told}. {c.remedy}" for c in found]


def _counts(session: _Session, binding: Binding) -> list[census.SourceCount]:
    """What became of the rows on the way into the frame's file."""
    raw = RawFrame(session.out, binding.frame).rows
    single = census.no_key_twice(binding, session.numbers, session.single[binding.family])
    counts = census.count_frame(binding, session.engine.dialect.name, session.numbers, single)
    known = {(c.rule, c.subject) for c in counts}
    counts += [c for c in census.without_partner(binding, raw) if (c.rule, c.subject) not in known]
    return [*counts, *census.cut_in_raw(binding, pl.scan_parquet(raw))]


def _fence(engine: Engine, bindings: Iterable[Binding]) -> tuple[int | None, str]:
    """See `incremental.row_version_fence`; asked only where some frame is read by row versions."""
    kinds = {b.section.incremental.kind for b in bindings if b.section.incremental is not None}
    if "rowversion" not in kinds:
        return None, ""
    with translated("erp", engine.url):
        return incremental.row_version_fence(engine)


def _empty(profile: Profile, family: Family, report: FrameExtract) -> list[str]:
    """A warning about a frame without rows; an error where there is nothing to learn without it."""
    if report.rows:
        return []
    if family in _CRITICAL:
        filters = profile.sections[family].filters
        raise SourceError(
            f"{report.table} ({FRAME_OF[family]}) has no rows" + (f" where {filters}." if filters else "."),
            remedy="Check that the view is filled and that the login may see its rows.",
        )
    return [f"{report.table} ({FRAME_OF[family]}) has no rows."]


def _repeated_names(session: _Session, binding: Binding) -> list[str]:
    """A warning for each pivot in which one name has two values."""
    counts = {p.section.alias: session.number(pivot_repeats(p)) for p in binding.pivots}
    return [
        f"{binding.tables[alias]} ({binding.frame}): {n} name(s) have two different values for one item; they are NULL."
        for alias, n in counts.items()
        if n
    ]


# --- one frame --------------------------------------------------------------------------------------------------------
def write_empty(out: Path, family: Family) -> None:
    """Write a raw frame without rows, for a source that this ERP does not have."""
    frame = RawFrame(out, FRAME_OF[family])
    frame.remove()
    pl.DataFrame(schema={c.name: RAW_DTYPE[c.type] for c in RAW_COLUMNS[family].values()}).write_parquet(
        frame.rows
    )
    pl.DataFrame(schema=PROBLEMS).write_parquet(frame.problems)


def _read_frame(
    session: _Session, binding: Binding, plan: incremental.Plan, signature: dict[str, str]
) -> tuple[FrameExtract, incremental.State | None]:
    """One frame into its files; with the state that the next read builds on, None without a change column."""
    started = time.perf_counter()
    wanted = binding.section.incremental
    done: _Done | None = None
    why = plan.why
    if wanted is not None and plan.since is not None:
        done, why = _read_changes(session, binding, wanted, plan)
    if done is None:
        done = _read_full(session, binding, wanted)
    report = _report(session, binding, plan, done, why)
    report = replace(report, seconds=round(time.perf_counter() - started, 3))
    get_logger(__name__).info(
        "frame_read", frame=binding.frame, mode=report.mode, why=why, rows=report.rows,
        rows_read=report.rows_read, watermark_from=report.watermark_from, watermark_to=report.watermark_to,
    )  # fmt: skip
    if wanted is None:
        return report, None
    full_on = plan.full_on if done.merged is not None else session.moment.today.isoformat()
    read_by = signature | {"reader": session.reader.name}  # which may have fallen back on the way
    return report, incremental.State(read_by, report.watermark_to, done.rows, full_on, done.unfit)


@dataclass(frozen=True)
class _Done:
    """A frame's files are in place. `merged`: what became of the base's rows, None after a full read."""

    rows: int
    rows_read: int
    problems: int
    newest: dict[str, str | None]
    watermark: Bound | None
    unfit: str = ""
    merged: incremental.Merged | None = None


def _report(
    session: _Session, binding: Binding, plan: incremental.Plan, done: _Done, why: str
) -> FrameExtract:
    wanted = binding.section.incremental
    kind = wanted.kind if wanted is not None else "number"
    frame = FrameExtract(
        table=binding.title,
        rows=done.rows,
        seconds=0.0,
        bytes=RawFrame(session.out, binding.frame).rows.stat().st_size,
        problems=done.problems,
        columns=tuple(c.name for c in binding.columns),
        absent=tuple(c.name for c in binding.columns if c.is_absent),
        watermarks=done.newest,
        why=why,
        rows_read=done.rows_read,
        watermark_to=incremental.mark_text(kind, done.watermark),
    )
    changes = _hash_changes(session, binding)
    if changes is not None:
        frame = replace(
            frame, rows_added=changes.added, rows_changed=changes.changed, rows_removed=changes.removed
        )
    if done.merged is None:
        return frame
    return replace(
        frame,
        mode="incremental",
        rows_reused=done.merged.reused,
        rows_replaced=done.merged.replaced,
        rows_gone=done.merged.gone,
        rows_added=done.rows_read - done.merged.replaced,
        watermark_from=incremental.mark_text(kind, plan.watermark),
    )


def _read_full(session: _Session, binding: Binding, wanted: Incremental | None) -> _Done:
    """Every row of the frame.

    Raises
    ------
    SourceError: SQLite gave another number of rows than it counts in the same transaction.
    """
    total = session.count(binding) if session.engine.dialect.name == "sqlite" else None
    marks = mark_columns(binding, session.engine.dialect.name)
    frame = RawFrame(session.out, binding.frame)
    with (
        session.progress.task(f"Reading {binding.title}", total) as task,
        frame_sink(frame, binding.columns, marks, task.advance) as sink,
    ):
        session.stream(binding, None, sink)
    if total is not None and sink.rows != total:
        raise SourceError(
            f"{binding.title} has {total} rows but {sink.rows} were read in the same transaction.",
            remedy="Run again; if it stays, check the database file for damage (PRAGMA integrity_check).",
        )
    watermark, unfit = None, ""
    if wanted is not None:
        watermark = incremental.newest_mark(wanted.kind, frame.marks, session.moment)
        unfit = session.moment.unfit(wanted.kind) or incremental.unfit_key(sink, frame.marks, wanted)
    return _Done(sink.rows, sink.rows, _height(sink), sink.newest, watermark, unfit)


def _read_left_out(session: _Session, binding: Binding) -> None:
    """The keys that the frame's filters leave out, beside it: all keys where a group's newest rows are kept."""
    keys, files = keys_left_out(binding), left_out_file(session.out, binding.frame)
    if keys is None:
        files.remove()
        return
    every = binding.section.latest is not None
    if every:
        keys = replace(keys, section=keys.section.model_copy(update={"where": ()}))
    with frame_sink(files, keys.columns, (), lambda rows: None) as sink:
        session.stream(keys, None, sink, left_out=not every)


def _read_changes(
    session: _Session, binding: Binding, wanted: Incremental, plan: incremental.Plan
) -> tuple[_Done | None, str]:
    """The changed rows merged over the base; or None, and why every row must be read after all."""
    assert session.base.folder is not None and plan.since is not None and plan.watermark is not None
    marks = mark_columns(binding, session.engine.dialect.name)
    changes = RawFrame(session.out, f"{binding.frame}.changes")
    before = session.count(binding)
    try:
        with (
            session.progress.task(f"Reading changes of {binding.title}") as task,
            frame_sink(changes, binding.columns, marks, task.advance, look_at_dates=False) as read,
        ):
            session.stream(binding, plan.since, read)
        newest = incremental.newest_mark(wanted.kind, changes.marks, session.moment)
        if newest is None or newest < plan.watermark:  # type: ignore[operator]
            was = incremental.mark_text(wanted.kind, plan.watermark)
            return (
                None,
                f"no row has the newest change of before ({was}) any more: deleted, or a backup restored?",
            )
        unfit = incremental.unfit_key(read, changes.marks, wanted)
        if unfit:
            return None, unfit
        with (
            session.progress.task(f"Merging changes of {binding.title}") as task,
            frame_sink(RawFrame(session.out, binding.frame), binding.columns, marks, task.advance) as sink,
        ):
            base = RawFrame(session.base.folder, binding.frame)
            merged = incremental.merge(base, changes, wanted.kind, plan.since, sink)
    finally:
        changes.remove()
    deleted = session.not_whole(binding, sink.rows, before)
    if deleted:
        return None, deleted
    return _Done(sink.rows, read.rows, _height(sink), sink.newest, newest, merged=merged), plan.why


def _height(sink: FrameSink) -> int:
    return sum(p.height for p in sink.problems)


def _hash_changes(session: _Session, binding: Binding) -> RowChanges | None:
    """Items added, changed and removed since the base; None for other frames and without a base."""
    base = session.base.folder
    if binding.family != "items" or base is None:
        return None
    return row_changes(
        RawFrame(base, binding.frame).rows, RawFrame(session.out, binding.frame).rows, "item_cd"
    )
