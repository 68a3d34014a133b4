"""The ERP's tables into Parquet, as they are: canonical column names, raw values, bounded memory.

Every frame of the profile becomes `<frame>.parquet`; values that could not be read as their column's type stand beside
it in `<frame>.problems.parquet` with their row numbers. All frames are read in one transaction where the database
allows it. What belongs here: statements and files. What does not: judging values (`clean.py`).
"""

from __future__ import annotations

import operator
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import sqlalchemy as sa
from sqlalchemy.dialects.mssql import DATETIME2
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.sql.elements import ColumnElement, quoted_name

from routing_etl.database import make_engine, translated
from routing_etl.erp.catalogue import Binding, FoundColumn, ReadColumn, bind
from routing_etl.erp.files import parquet_writer, problems_path
from routing_etl.erp.parse import parse_dates
from routing_etl.erp.profile import Profile
from routing_etl.erp.profile_model import FRAME_OF, RAW_COLUMNS, Family, Where
from routing_etl.erp.reader import PROBLEMS, RAW_DTYPE, Reader, open_reader, snapshot, tighten
from routing_etl.errors import SourceError
from routing_etl.log import get_logger
from routing_etl.progress import SILENT, Progress
from routing_etl.settings import Settings

#: Frames without which there is nothing to learn.
_CRITICAL: tuple[Family, ...] = ("items", "operations")


@dataclass(frozen=True)
class FrameExtract:
    """What was read of one frame. `watermarks`: newest readable date per date column, not beyond tomorrow."""

    table: str
    rows: int
    seconds: float
    bytes: int
    problems: int
    columns: tuple[str, ...]
    absent: tuple[str, ...]
    watermarks: dict[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True)
class ExtractReport:
    """What one extract did. `frames` by frame name; `findings`: the catalogue's warnings as sentences."""

    profile: str
    fingerprint: str
    reader: str
    isolation: str
    seconds: float
    rows: int
    bytes: int
    frames: dict[str, FrameExtract]
    warnings: tuple[str, ...]


def extract(
    url: str, profile: Profile, out: Path, settings: Settings, progress: Progress = SILENT
) -> ExtractReport:
    """Read every frame of the profile from the ERP at `url` into Parquet files under `out`.

    Raises
    ------
    ConfigurationError: the URL or its driver is wrong, or the SQLite file does not exist.
    SourceError: a table or column is missing or of an unreadable type, a critical table is empty, the login failed.
    TransientDatabaseError: the ERP is busy or not reachable; trying again can help.
    """
    started = time.perf_counter()
    out.mkdir(parents=True, exist_ok=True)
    engine = make_engine(url, "erp", settings)
    frames: dict[str, FrameExtract] = {}
    warnings: list[str] = []
    try:
        catalogue = bind(engine, profile)
        catalogue.raise_errors()
        warnings += dict.fromkeys(f.message for f in catalogue.findings if f.severity == "warning")
        with snapshot(engine) as (connection, isolation):
            reader = open_reader(
                connection,
                isolation,
                connect_timeout=settings.connect_timeout,
                statement_timeout=settings.statement_timeout,
            )
            for family, binding in catalogue.bindings.items():
                total = _count(connection, binding) if engine.dialect.name == "sqlite" else None
                with progress.task(f"Reading {binding.title}", total) as task:
                    report = _read_frame(reader, binding, out, settings.fetch_rows, engine, task.advance)
                if total is not None and report.rows != total:
                    raise SourceError(
                        f"{binding.title} has {total} rows but {report.rows} were read in the same transaction.",
                        remedy="Run again; if it stays, check the database file for damage (PRAGMA integrity_check).",
                    )
                frames[binding.frame] = report
                warnings += _empty(profile, family, report)
        for family in FRAME_OF:
            if family not in catalogue.bindings:
                write_empty(out, family)
    finally:
        engine.dispose()
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
    )
    log = get_logger(__name__)
    for text in warnings:
        log.warning("extract_warning", text=text)
    log.info("extracted", rows=report_all.rows, seconds=report_all.seconds, reader=reader.name)
    return report_all


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


# --- statements -------------------------------------------------------------------------------------------------------
def _tables(binding: Binding) -> dict[str, Any]:
    """SQLAlchemy table per alias, holding every found column; names quoted by the dialect."""
    return {
        alias: sa.table(
            quoted_name(name, True),
            *[sa.column(quoted_name(c.name, True)) for c in binding.names[alias].values()],
            schema=quoted_name(schema, True) if schema else None,
        ).alias(alias)
        for alias, (name, schema) in binding.tables.items()
    }


def _of(tables: dict[str, Any], found: FoundColumn) -> ColumnElement[Any]:
    column: ColumnElement[Any] = tables[found.alias].c[found.name]
    return column


def _known(binding: Binding, name: str) -> FoundColumn:
    found = binding.find(name)
    if found is None:
        raise SourceError(
            f"{binding.title} has no column {name}.",
            remedy="Correct the join, filter or latest key in the profile.",
        )
    return found


def _from(binding: Binding, tables: dict[str, Any]) -> Any:
    section = binding.section
    source = tables[section.alias]
    for join in section.joins:
        condition = sa.and_(
            *[
                _of(tables, _known(binding, known)) == _of(tables, _known(binding, f"{join.alias}.{own}"))
                for known, own in join.on
            ]
        )
        source = source.join(tables[join.alias], condition, isouter=join.kind == "left")
    if section.latest:
        group, key = _known(binding, section.latest.group), _known(binding, section.latest.key)
        fresh = _tables(binding)[group.alias].alias("latest_source")
        newest = (
            sa.select(
                fresh.c[group.name].label("latest_group"), sa.func.max(fresh.c[key.name]).label("latest_key")
            )
            .group_by(fresh.c[group.name])
            .subquery("latest")
        )
        source = source.join(
            newest,
            sa.and_(_of(tables, group) == newest.c.latest_group, _of(tables, key) == newest.c.latest_key),
        )
    return source


_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "is null": lambda column, _: column.is_(None),
    "is not null": lambda column, _: column.is_not(None),
}


def _condition(binding: Binding, tables: dict[str, Any], where: Where) -> ColumnElement[bool]:
    found = _known(binding, where.column)
    value = bool(where.value) if found.type == "boolean" and isinstance(where.value, int) else where.value
    condition: ColumnElement[bool] = _OPERATORS[where.op](_of(tables, found), value)
    return condition


def select_of(binding: Binding, dialect: str) -> sa.Select[Any]:
    """The frame's statement: explicit columns, text bounded in the database, filters as bound parameters."""
    tables = _tables(binding)
    chosen = [_expression(c, tables, dialect).label(quoted_name(c.name, True)) for c in binding.columns]
    statement = sa.select(*chosen).select_from(_from(binding, tables))
    return statement.where(*[_condition(binding, tables, w) for w in binding.section.where])


def _expression(column: ReadColumn, tables: dict[str, Any], dialect: str) -> ColumnElement[Any]:
    if column.found is None:
        return sa.literal(column.const) if column.const is not None else sa.null()
    source = _of(tables, column.found)
    if dialect == "sqlite":
        return source
    found = column.found.type
    if found == "boolean":
        source = sa.cast(source, sa.Integer())  # 0 and 1 everywhere, not PostgreSQL's words
    if column.type == "text" or (column.type != "date" and found == "text"):
        # One more than allowed, so that what is too long is seen; NVARCHAR ends at 4,000.
        return sa.cast(source, sa.Unicode(min(column.length + 1, 4000)))
    if column.type == "number" and found == "number":
        return sa.cast(source, sa.Double())
    if column.type == "date" and found == "date" and dialect == "mssql":
        # Nanoseconds, which ODBC gives for a plain datetime2, end in the year 2262.
        return sa.cast(source, DATETIME2(6))  # type: ignore[no-untyped-call]
    return source


def _count(connection: Connection, binding: Binding) -> int:
    tables = _tables(binding)
    statement = sa.select(sa.func.count()).select_from(_from(binding, tables))
    with translated("erp", connection.engine.url):
        return int(
            connection.execute(
                statement.where(*[_condition(binding, tables, w) for w in binding.section.where])
            ).scalar_one()
        )


# --- files ------------------------------------------------------------------------------------------------------------
def raw_schema(columns: tuple[ReadColumn, ...]) -> dict[str, Any]:
    """Column name to Polars dtype of a raw frame."""
    return {c.name: RAW_DTYPE[c.type] for c in columns}


def write_empty(out: Path, family: Family) -> None:
    """A raw frame of no rows, for a source that this ERP does not have."""
    schema = {c.name: RAW_DTYPE[c.type] for c in RAW_COLUMNS[family].values()}
    pl.DataFrame(schema=schema).write_parquet(out / f"{FRAME_OF[family]}.parquet")
    pl.DataFrame(schema=PROBLEMS).write_parquet(problems_path(out, FRAME_OF[family]))


def _read_frame(
    reader: Reader,
    binding: Binding,
    out: Path,
    fetch_rows: int,
    engine: Engine,
    advance: Callable[[float], None],
) -> FrameExtract:
    started = time.perf_counter()
    path = out / f"{binding.frame}.parquet"
    columns = binding.columns
    dates = [c.name for c in columns if c.type == "date" and c.found is not None]
    newest: dict[str, str | None] = dict.fromkeys(dates)
    found: list[pl.DataFrame] = []
    rows = 0
    with translated("erp", engine.url), parquet_writer(path, raw_schema(columns)) as writer:
        for loose in reader.chunks(select_of(binding, engine.dialect.name), columns, fetch_rows):
            chunk, problems = tighten(loose, columns, rows)
            writer.write(chunk)
            if problems.height:
                found.append(problems)
            for name in dates:
                newest[name] = _newer(newest[name], chunk[name])
            rows += chunk.height
            advance(chunk.height)
    all_problems = pl.concat(found) if found else pl.DataFrame(schema=PROBLEMS)
    all_problems.write_parquet(problems_path(out, binding.frame))
    return FrameExtract(
        binding.title,
        rows,
        round(time.perf_counter() - started, 3),
        path.stat().st_size,
        all_problems.height,
        tuple(c.name for c in columns),
        tuple(c.name for c in columns if c.found is None and c.const is None),
        newest,
    )


def _newer(known: str | None, texts: pl.Series) -> str | None:
    days = texts.str.slice(0, 11).str.strip_chars_end("T ").unique().drop_nulls()
    value, _ = parse_dates(days)
    limit = datetime.now(UTC).replace(tzinfo=None) + timedelta(days=1)
    latest = value.filter(value <= limit).max()
    text = latest.date().isoformat() if isinstance(latest, datetime) else None
    return max((t for t in (known, text) if t is not None), default=None)
