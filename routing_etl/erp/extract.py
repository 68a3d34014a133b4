"""The ERP's tables into Parquet, as they are: canonical column names, raw values, bounded memory.

Every frame of the profile becomes `<frame>.parquet`; values that could not be read as their column's type stand beside
it in `<frame>.problems.parquet` with their row numbers. All frames are read in one transaction where the database
allows it. A frame for which the profile names a change column is read incrementally where `incremental.py` says that it
can be; the files are the same either way. What belongs here: running statements, the report. What does not: the
statements (`statements.py`), which rows to ask for (`incremental.py`), judging values (`clean.py`).
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl
from sqlalchemy.engine import Connection, Engine

from routing_etl.database.engine import make_engine, safe_url, translated
from routing_etl.erp import incremental
from routing_etl.erp.catalogue import Binding, ReadColumn, bind
from routing_etl.erp.changes import row_changes
from routing_etl.erp.files import FrameSink, frame_sink, marks_path, problems_path, remove_frame
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
from routing_etl.erp.statements import Bound, count_of, mark_columns, select_of
from routing_etl.errors import SourceError
from routing_etl.log import get_logger
from routing_etl.progress import SILENT, Progress
from routing_etl.settings import Settings

#: Frames without which there is nothing to learn.
_CRITICAL: tuple[Family, ...] = ("items", "operations")


@dataclass(frozen=True)
class FrameExtract:
    """What was read of one frame. `watermarks`: newest readable date per date column, not beyond tomorrow.

    `rows` are those of the frame, `rows_read` those that came from the ERP. An incremental read keeps `rows_reused` of
    the base (the last succeeded run), replaces `rows_replaced` by rows of the same key, drops `rows_gone`, and takes
    the rest as added. `mode` is full or incremental, `why` says the reason. Items are read whole and compared with the
    base by row hash: `rows_added`, `rows_changed`, `rows_removed`, None without a base.
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
    """What one extract did. `frames` by frame name; `base`: run that the changes are counted from, None without one."""

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


@dataclass(frozen=True)
class _Session:
    """What every frame of one extract shares."""

    connection: Connection
    isolation: str
    reader: Reader
    settings: Settings
    out: Path
    base: Path | None
    progress: Progress

    @property
    def engine(self) -> Engine:
        """The ERP's engine."""
        return self.connection.engine

    def stream(self, binding: Binding, since: Bound | None, sink: FrameSink) -> None:
        """A frame's rows, or those from `since` on, into a sink."""
        dialect = self.engine.dialect.name
        columns = (*binding.columns, *mark_columns(binding, dialect))
        statement = select_of(binding, dialect, since=since)
        with translated("erp", self.engine.url):
            for loose in self.reader.chunks(statement, columns, self.settings.fetch_rows):
                sink.add(*tighten(loose, columns, 0))

    def count(self, binding: Binding) -> int:
        """Rows of the frame by the ERP's own count, in the snapshot that the reader sees."""
        statement = count_of(binding)
        with translated("erp", self.engine.url):
            if not isinstance(self.reader, ArrowOdbcReader):
                return int(self.connection.execute(statement).scalar_one())
            [counted] = self.reader.chunks(statement, [ReadColumn("n", "integer", 20, False, None)], 10)
        return int(counted["n"][0])

    def not_whole(self, binding: Binding, rows: int, before: int) -> str:
        """Why `rows` are not all that the ERP has, '' when they are. `before`: its count before they were read.

        Without a snapshot the ERP's users go on writing, so any number between two counts is right.
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
    """Read every frame of the profile from the ERP at `url` into Parquet files under `out`.

    `base`: raw folder of the last succeeded run, over which changes are merged and from which they are counted. `full`
    reads everything whatever the profile says.

    Raises
    ------
    ConfigurationError: the URL or its driver is wrong, or the SQLite file does not exist.
    SourceError: a table or column is missing or of an unreadable type, a critical table is empty, the login failed.
    TransientDatabaseError: the ERP is busy or not reachable; trying again can help.
    """
    started = time.perf_counter()
    out.mkdir(parents=True, exist_ok=True)
    incremental.forget_states(out)
    states = incremental.read_states(base)
    written: dict[str, incremental.State] = {}
    engine = make_engine(url, "erp", settings)
    frames: dict[str, FrameExtract] = {}
    warnings: list[str] = []
    today = datetime.now(ZoneInfo(settings.timezone)).date()
    try:
        catalogue = bind(engine, profile)
        catalogue.raise_errors()
        warnings += dict.fromkeys(f.message for f in catalogue.findings if f.severity == "warning")
        fence = _fence(engine, catalogue.bindings.values())
        with snapshot(engine) as (connection, isolation):
            reader = open_reader(
                connection,
                isolation,
                connect_timeout=settings.connect_timeout,
                statement_timeout=settings.statement_timeout,
            )
            session = _Session(connection, isolation, reader, settings, out, base, progress)
            for family, binding in catalogue.bindings.items():
                signature = incremental.signature_of(
                    binding,
                    mark_columns(binding, engine.dialect.name),
                    fingerprint=profile.fingerprint,
                    source=safe_url(url),
                    reader=reader.name,
                )
                plan = incremental.plan(binding, base, states, signature, today=today, full=full, fence=fence)
                report, state = _read_frame(session, binding, plan, signature, today, fence)
                if state is not None:
                    written[binding.frame] = state
                    warnings += [f"{binding.title}: {state.unfit}; it is read whole."] if state.unfit else []
                frames[binding.frame] = report
                warnings += _empty(profile, family, report)
        for family in FRAME_OF:
            if family not in catalogue.bindings:
                write_empty(out, family)
    finally:
        engine.dispose()
    incremental.write_states(out, written)
    report_all = ExtractReport(
        profile.name,
        profile.fingerprint,
        reader.name,
        isolation,
        round(time.perf_counter() - started, 3),
        sum(f.rows for f in frames.values()),
        sum(f.bytes for f in frames.values()),
        frames,
        tuple(warnings),
        base.parent.name if base is not None else None,
    )
    log = get_logger(__name__)
    for text in warnings:
        log.warning("extract_warning", text=text)
    log.info("extracted", rows=report_all.rows, seconds=report_all.seconds, reader=reader.name)
    return report_all


def _fence(engine: Engine, bindings: Iterable[Binding]) -> int | None:
    kinds = {b.section.incremental.kind for b in bindings if b.section.incremental is not None}
    if "rowversion" not in kinds:
        return None
    with translated("erp", engine.url):
        return incremental.active_row_version(engine)


def _empty(profile: Profile, family: Family, report: FrameExtract) -> list[str]:
    if report.rows:
        return []
    if family in _CRITICAL:
        filters = "; ".join(f"{w.column} {w.op} {w.value}" for w in profile.sections[family].where)
        raise SourceError(
            f"{report.table} ({FRAME_OF[family]}) has no rows" + (f" where {filters}." if filters else "."),
            remedy="Check that the view is filled and that the login may see its rows.",
        )
    return [f"{report.table} ({FRAME_OF[family]}) has no rows."]


# --- one frame --------------------------------------------------------------------------------------------------------
def write_empty(out: Path, family: Family) -> None:
    """A raw frame of no rows, for a source that this ERP does not have."""
    schema = {c.name: RAW_DTYPE[c.type] for c in RAW_COLUMNS[family].values()}
    remove_frame(out, FRAME_OF[family])
    pl.DataFrame(schema=schema).write_parquet(out / f"{FRAME_OF[family]}.parquet")
    pl.DataFrame(schema=PROBLEMS).write_parquet(problems_path(out, FRAME_OF[family]))


def _read_frame(
    session: _Session,
    binding: Binding,
    plan: incremental.Plan,
    signature: dict[str, str],
    today: date,
    fence: int | None,
) -> tuple[FrameExtract, incremental.State | None]:
    """One frame into its files; with the state that the next read builds on, None without a change column."""
    started = time.perf_counter()
    wanted = binding.section.incremental
    done: _Done | None = None
    why = plan.why
    if wanted is not None and plan.since is not None:
        done, why = _read_changes(session, binding, wanted, plan, today, fence)
    if done is None:
        done = _read_full(session, binding, wanted, today, fence)
    path = session.out / f"{binding.frame}.parquet"
    counted = _hash_changes(session, binding)
    kind = wanted.kind if wanted is not None else "number"
    incrementally = done.merged is not None
    merged = done.merged or incremental.Merged(0, 0, 0)
    report = FrameExtract(
        binding.title,
        done.rows,
        round(time.perf_counter() - started, 3),
        path.stat().st_size,
        done.problems,
        tuple(c.name for c in binding.columns),
        tuple(c.name for c in binding.columns if c.found is None and c.const is None),
        done.newest,
        mode="incremental" if incrementally else "full",
        why=why,
        rows_read=done.rows_read,
        rows_reused=merged.reused,
        rows_replaced=merged.replaced,
        rows_gone=merged.gone,
        rows_added=done.rows_read - merged.replaced if incrementally else counted.get("added"),
        rows_changed=counted.get("changed"),
        rows_removed=counted.get("removed"),
        watermark_from=incremental.mark_text(kind, plan.watermark) if incrementally else None,
        watermark_to=incremental.mark_text(kind, done.watermark),
    )
    get_logger(__name__).info(
        "frame_read", frame=binding.frame, mode=report.mode, why=why, rows=report.rows,
        rows_read=report.rows_read, watermark_from=report.watermark_from, watermark_to=report.watermark_to,
    )  # fmt: skip
    if wanted is None:
        return report, None
    full_on = plan.full_on if incrementally else today.isoformat()
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


def _read_full(
    session: _Session, binding: Binding, wanted: Incremental | None, today: date, fence: int | None
) -> _Done:
    """Every row of the frame.

    Raises
    ------
    SourceError: SQLite gave another number of rows than it counts in the same transaction.
    """
    total = session.count(binding) if session.engine.dialect.name == "sqlite" else None
    marks = mark_columns(binding, session.engine.dialect.name)
    with (
        session.progress.task(f"Reading {binding.title}", total) as task,
        frame_sink(session.out, binding.frame, binding.columns, marks, task.advance) as sink,
    ):
        session.stream(binding, None, sink)
    if total is not None and sink.rows != total:
        raise SourceError(
            f"{binding.title} has {total} rows but {sink.rows} were read in the same transaction.",
            remedy="Run again; if it stays, check the database file for damage (PRAGMA integrity_check).",
        )
    watermark, unfit = None, ""
    if wanted is not None:
        file = marks_path(session.out, binding.frame)
        watermark = incremental.newest_mark(wanted.kind, file, today=today, fence=fence)
        unfit = incremental.unfit_key(sink, file, wanted)
    return _Done(sink.rows, sink.rows, _height(sink), sink.newest, watermark, unfit)


def _read_changes(
    session: _Session,
    binding: Binding,
    wanted: Incremental,
    plan: incremental.Plan,
    today: date,
    fence: int | None,
) -> tuple[_Done | None, str]:
    """The changed rows, merged over the base; None, and why everything must be read, when that is not the whole."""
    assert session.base is not None and plan.since is not None and plan.watermark is not None
    marks = mark_columns(binding, session.engine.dialect.name)
    read_as = f"{binding.frame}.changes"
    file = marks_path(session.out, read_as)
    before = session.count(binding)
    try:
        with (
            session.progress.task(f"Reading changes of {binding.title}") as task,
            frame_sink(
                session.out, read_as, binding.columns, marks, task.advance, look_at_dates=False
            ) as read,
        ):
            session.stream(binding, plan.since, read)
        newest = incremental.newest_mark(wanted.kind, file, today=today, fence=fence)
        if newest is None or newest < plan.watermark:  # type: ignore[operator]
            was = incremental.mark_text(wanted.kind, plan.watermark)
            return (
                None,
                f"no row has the newest change of before ({was}) any more: deleted, or a backup restored?",
            )
        unfit = incremental.unfit_key(read, file, wanted)
        if unfit:
            return None, unfit
        with (
            session.progress.task(f"Merging changes of {binding.title}") as task,
            frame_sink(session.out, binding.frame, binding.columns, marks, task.advance) as sink,
        ):
            merged = incremental.merge(
                session.base, session.out, binding.frame, read_as, wanted.kind, plan.since, sink
            )
    finally:
        remove_frame(session.out, read_as)
    deleted = session.not_whole(binding, sink.rows, before)
    if deleted:
        return None, deleted
    return _Done(sink.rows, read.rows, _height(sink), sink.newest, newest, merged=merged), plan.why


def _height(sink: FrameSink) -> int:
    return sum(p.height for p in sink.problems)


def _hash_changes(session: _Session, binding: Binding) -> dict[str, int]:
    """Items added, changed and removed since the base; nothing for other frames and without a base."""
    if binding.family != "items" or session.base is None:
        return {}
    name = f"{binding.frame}.parquet"
    return row_changes(session.base / name, session.out / name, "item_cd")
