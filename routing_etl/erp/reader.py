"""Rows of one statement as typed Polars chunks: one interface, two implementations.

`SqlAlchemyReader` streams through the DBAPI cursor of any dialect; `ArrowOdbcReader` reads SQL Server through Arrow over
ODBC. Both give loosely typed chunks, which `tighten` turns into a raw frame's exact types: texts of bounded length,
numbers as Float64, operation numbers as Int64, dates as text. What cannot be read as its type becomes NULL and is handed
back as a problem with its text, so nothing is lost.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import polars as pl
import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from routing_etl.database.engine import translated
from routing_etl.database.errors import meaning_of, without_secrets
from routing_etl.database.sqlserver import house_rules, keep_rules, odbc_connection_string
from routing_etl.erp.catalogue import ReadColumn, Recipe
from routing_etl.erp.parse import (
    hours_and_minutes,
    is_no_date,
    natural_numbers,
    parse_formed_dates,
    parse_numbers,
    parse_times,
)
from routing_etl.erp.profile_model import ReadType
from routing_etl.errors import ConfigurationError
from routing_etl.log import get_logger

#: What `tighten` hands back beside the values: row number in the raw frame, column, problem, the text as it was.
PROBLEMS: dict[str, pl.DataType] = {
    "row_nr": pl.UInt32(),
    "column": pl.String(),
    "problem": pl.String(),
    "value": pl.String(),
}
#: Problem kinds: not readable as the column's type; a key longer than allowed; a free text cut to its bound; a key of which a
#: part is missing; a date that usually means "none".
UNREADABLE, TOO_LONG, CUT, INCOMPLETE, NO_DATE = "unreadable", "too_long", "cut", "incomplete", "no_date"

#: Longest text kept of an unreadable value.
_MAX_PROBLEM_TEXT = 1000

_ARROW: dict[ReadType, pa.DataType] = {
    "text": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "date": pa.string(),
}
#: Dtype of a raw column by how it is read.
RAW_DTYPE: dict[ReadType, pl.DataType] = {
    "text": pl.String(),
    "integer": pl.Int64(),
    "number": pl.Float64(),
    "date": pl.String(),
}


class Reader(Protocol):
    """Reads statements inside one consistent view of the database, where it has one."""

    name: str

    def chunks(
        self, statement: sa.Select[Any], columns: Sequence[ReadColumn], rows: int
    ) -> Iterator[pl.DataFrame]:
        """Loosely typed chunks of at most `rows` rows, columns named as in `columns`."""
        ...


@dataclass(frozen=True)
class _Fault:
    """Rows with a problem, its kind, and the values as they were."""

    rows: pl.Series
    problem: str
    text: pl.Series


@dataclass(frozen=True)
class _Tight:
    """A column in its exact type, and what could not be read of it."""

    values: pl.Series
    faults: tuple[_Fault, ...] = ()


def tighten(
    chunk: pl.DataFrame, columns: Sequence[ReadColumn], first_row: int
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Turn a chunk into exact raw types, and put columns together that are made of others.

    Parameters
    ----------
    chunk : polars.DataFrame
        Loosely typed values: `catalogue.flat` of the columns.
    columns : sequence of ReadColumn
        The columns wanted.
    first_row : int
        Row number of the chunk's first row.

    Returns
    -------
    rows : polars.DataFrame
        The values in their types; NULL, or a cut text, where there was a problem.
    problems : polars.DataFrame
        The problems (`PROBLEMS`).
    """
    out: list[pl.Series] = []
    problems: list[pl.DataFrame] = []
    for column in columns:
        tight = _tight(chunk, column)
        out.append(tight.values.alias(column.name))
        problems += [_problem_rows(column.name, f, first_row) for f in tight.faults if f.rows.any()]
    found = pl.concat(problems) if problems else pl.DataFrame(schema=PROBLEMS)
    return pl.DataFrame(out), found


def _problem_rows(column: str, fault: _Fault, first_row: int) -> pl.DataFrame:
    rows = fault.rows.arg_true()
    return pl.DataFrame(
        {
            "row_nr": (rows.cast(pl.Int64) + first_row).cast(pl.UInt32),
            "column": pl.repeat(column, len(rows), dtype=pl.String, eager=True),
            "problem": pl.repeat(fault.problem, len(rows), dtype=pl.String, eager=True),
            "value": fault.text.gather(rows).str.slice(0, _MAX_PROBLEM_TEXT),
        },
        schema=PROBLEMS,
    )


def _tight(chunk: pl.DataFrame, column: ReadColumn) -> _Tight:
    if column.recipe is None:
        return _TIGHTEN[column.type](chunk[column.name], column)
    parts = [_tight(chunk, part) for part in column.recipe.parts]
    faults = tuple(f for part in parts for f in part.faults)
    match column.recipe.how:
        case "sum":
            made = _Tight(_added([p.values for p in parts]), faults)
        case "concat":
            made = _concatenated([_as_text(p.values) for p in parts], column.recipe.separator, faults)
        case _:
            made = _Tight(_first_filled([p.values for p in parts]), faults)
    if column.type != "text":
        return made
    values = _reworded(made.values, column.recipe)
    longer = _tighten_text(values, column)
    return _Tight(longer.values, (*made.faults, *longer.faults))


def _added(values: list[pl.Series]) -> pl.Series:
    """The sum of the parts that are there; NULL where none is."""
    frame = pl.DataFrame([v.alias(str(i)) for i, v in enumerate(values)])
    known = pl.any_horizontal(pl.all().is_not_null())
    return frame.select(pl.when(known).then(pl.sum_horizontal(pl.all()))).to_series()


def _blank_to_null(values: pl.Series) -> pl.Series:
    if values.dtype != pl.String:
        return values
    return pl.select(pl.when(values.str.strip_chars() != "").then(values)).to_series()


def _first_filled(values: list[pl.Series]) -> pl.Series:
    if len(values) == 1:
        return values[0]
    return pl.select(pl.coalesce([_blank_to_null(v) for v in values])).to_series()


def _concatenated(texts: list[pl.Series], separator: str, faults: tuple[_Fault, ...]) -> _Tight:
    """The texts together; NULL, and a fault, where only some of them are there."""
    frame = pl.DataFrame(
        [_blank_to_null(t).str.strip_chars().alias(str(i)) for i, t in enumerate(texts)]
    ).with_columns(
        pl.all_horizontal(pl.all().is_not_null()).alias("whole"),
        pl.any_horizontal(pl.all().is_not_null()).alias("some"),
        pl.concat_str([pl.col(str(i)).fill_null("") for i in range(len(texts))], separator=separator).alias(
            "text"
        ),
    )
    values = frame.select(pl.when("whole").then("text")).to_series()
    part = frame["some"] & ~frame["whole"]
    return _Tight(values, (*faults, _Fault(part, INCOMPLETE, frame["text"])))


def _reworded(values: pl.Series, recipe: Recipe) -> pl.Series:
    """Values by the profile's words: `map`, or `present` and `absent`."""
    if recipe.words:
        trimmed = values.str.strip_chars()
        known = trimmed.is_in(list(recipe.words))
        meant = trimmed.replace(list(recipe.words), list(recipe.words.values()))
        return pl.select(pl.when(known).then(meant).otherwise(values)).to_series()
    if recipe.present is not None:
        filled = (values.str.strip_chars() != "").fill_null(False)
        return pl.select(
            pl.when(filled).then(pl.lit(recipe.present)).otherwise(pl.lit(recipe.absent, dtype=pl.String))
        ).to_series()
    return values


def _as_text(series: pl.Series) -> pl.Series:
    """Any value as text; whole floats without a fraction, so that a code stored as a number stays a code."""
    if series.dtype == pl.String:
        return series
    if series.dtype.is_float():
        whole = series == series.round()
        if whole.fill_null(True).all():
            return series.cast(pl.Int64, strict=False).cast(pl.String)
        return pl.select(
            pl.when(whole)
            .then(series.cast(pl.Int64, strict=False).cast(pl.String))
            .otherwise(series.cast(pl.String))
        ).to_series()
    return series.cast(pl.String)


def _tighten_text(series: pl.Series, column: ReadColumn) -> _Tight:
    text = _as_text(series)
    long = (text.str.len_chars() > column.length).fill_null(False)
    if not long.any():
        return _Tight(text)
    fault = _Fault(long, TOO_LONG if column.key else CUT, text)
    return _Tight(text.str.slice(0, column.length), (fault,))


def _tighten_number(series: pl.Series, column: ReadColumn) -> _Tight:
    if column.notation.time_form == "h.mm" and series.dtype != pl.Null:
        text = _as_text(series)
        number, unread = parse_numbers(text, column.notation.decimal)
        number, bad = hours_and_minutes(number)
        bad = bad | unread
    elif column.notation.time_form is not None and series.dtype != pl.Null:
        text = _as_text(series)
        number, bad = parse_times(text, column.notation.time_form)
    elif series.dtype.is_numeric() or series.dtype in (pl.Boolean, pl.Null):
        number = series.cast(pl.Float64)
        bad = number.is_not_null() & ~number.is_finite()
        if not bad.any():
            return _Tight(number)
        text = number.cast(pl.String)
    else:
        text = _as_text(series)
        number, bad = parse_numbers(text, column.notation.decimal)
    return _Tight(pl.select(pl.when(~bad).then(number)).to_series(), (_Fault(bad, UNREADABLE, text),))


def _tighten_integer(series: pl.Series, column: ReadColumn) -> _Tight:
    if column.notation.natural and series.dtype != pl.Null:
        text = _as_text(series)
        whole, bad = natural_numbers(text)
        return _Tight(whole, (_Fault(bad, UNREADABLE, text),))
    if series.dtype.is_integer() or series.dtype in (pl.Boolean, pl.Null):
        return _Tight(series.cast(pl.Int64))
    as_number = _tighten_number(series, column)
    number = as_number.values
    if as_number.faults:
        bad, text = as_number.faults[0].rows, as_number.faults[0].text
    else:
        bad, text = pl.Series([False]).new_from_index(0, len(series)), _as_text(number)
    bad = bad | (number.is_not_null() & ((number != number.round()) | (number.abs() > 2.0**53)))
    whole = pl.select(pl.when(~bad).then(number)).to_series().cast(pl.Int64)
    return _Tight(whole, (_Fault(bad, UNREADABLE, text),))


def _tighten_date(series: pl.Series, column: ReadColumn) -> _Tight:
    notation = column.notation
    faults: list[_Fault] = []
    if series.dtype == pl.Date:
        text = series.dt.to_string("%Y-%m-%d")
    elif isinstance(series.dtype, pl.Datetime):
        text = series.dt.replace_time_zone(None).dt.to_string("%Y-%m-%d %H:%M:%S%.6f")
    else:
        text = _as_text(series)
        typed = column.found is not None and column.found.type == "date" and notation.date_format is not None
        if notation.date_format is not None and not (typed and _is_iso(text)):
            was = text
            text, bad = parse_formed_dates(was, notation.date_format)
            faults.append(_Fault(bad, UNREADABLE, was))
    none = is_no_date(text, notation.no_dates)
    if none is not None and none.any():
        if not notation.named_no_dates:
            faults.append(_Fault(none & text.str.contains("[1-8]"), NO_DATE, text))
        text = pl.select(pl.when(~none).then(text)).to_series()
    return _Tight(text.str.slice(0, 40), tuple(faults))


def _is_iso(text: pl.Series) -> bool:
    """Whether every date is written as databases write theirs: SQLite has the type's name, but any text in it."""
    return bool(text.drop_nulls().str.contains(r"^\d{4}-\d{2}-\d{2}").all())


_TIGHTEN: dict[ReadType, Callable[[pl.Series, ReadColumn], _Tight]] = {
    "text": _tighten_text,
    "number": _tighten_number,
    "integer": _tighten_integer,
    "date": _tighten_date,
}


# --- any dialect ------------------------------------------------------------------------------------------------------
class SqlAlchemyReader:
    """Streams through the DBAPI cursor behind a SQLAlchemy connection (server-side where the driver has it)."""

    name = "sqlalchemy"

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def chunks(
        self, statement: sa.Select[Any], columns: Sequence[ReadColumn], rows: int
    ) -> Iterator[pl.DataFrame]:
        """See `Reader.chunks`.

        Garbage collection is off while a chunk of tuples is alive: they hold no cycles, and scanning them is slow.
        """
        original = self.connection.dialect.loaded_dbapi.Error  # type: ignore[attr-defined]
        done = 0
        with translated("erp", self.connection.engine.url):
            result, fetch = self._execute(statement)
            try:
                while True:
                    with _no_collection():
                        try:
                            fetched = fetch(rows)
                        except original as exc:
                            if not self._may_read_leniently(exc):
                                raise
                            result.close()
                            result, fetch = self._execute(statement)
                            _skip(fetch, done, rows)
                            continue
                        if not fetched:
                            return
                        done += len(fetched)
                        chunk = _from_rows(fetched, columns)
                        del fetched
                    yield chunk
            except original as exc:
                raise sa.exc.DBAPIError.instance(str(statement), None, exc, original) from exc
            finally:
                result.close()

    def _execute(
        self, statement: sa.Select[Any]
    ) -> tuple[sa.CursorResult[Any], Callable[[int], Sequence[Any]]]:
        """The result and how to fetch from it.

        SQLite's and pyodbc's cursors stream by themselves and are read directly, which is twice as fast; other drivers
        need SQLAlchemy's server-side cursors, whose rows are buffered and must come through the result.
        """
        if self.connection.dialect.name in ("sqlite", "mssql"):
            result = self.connection.execute(statement)
            cursor: Any = result.cursor
            return result, cursor.fetchmany
        result = self.connection.execution_options(stream_results=True).execute(statement)
        return result, result.fetchmany

    def _may_read_leniently(self, exc: Exception) -> bool:
        """SQLite with text that is not UTF-8: from now on, wrong bytes become U+FFFD; this is logged."""
        raw: Any = self.connection.connection.driver_connection
        if self.connection.dialect.name != "sqlite" or "decode to UTF-8" not in str(exc):
            return False
        if raw.text_factory is not str:
            return False
        get_logger(__name__).warning("text_not_utf8", error=str(exc)[:200])
        raw.text_factory = _decode
        return True


def _decode(value: bytes) -> str:
    return value.decode("utf-8", "replace")


def _skip(fetch: Callable[[int], Sequence[Any]], rows: int, at_once: int) -> None:
    """Pass over rows that were read before; the order within one transaction is the same."""
    while rows > 0:
        passed = len(fetch(min(rows, at_once)))
        if not passed:
            return
        rows -= passed


@contextmanager
def _no_collection() -> Iterator[None]:
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _from_rows(rows: Sequence[Sequence[Any]], columns: Sequence[ReadColumn]) -> pl.DataFrame:
    values = zip(*rows, strict=True)
    return pl.DataFrame([_series(c, v) for c, v in zip(columns, values, strict=True)])


def _series(column: ReadColumn, values: Sequence[Any]) -> pl.Series:
    """One column of Python values. SQLite gives any type in any column, so a mixture goes through text."""
    try:
        array = pa.array(values, type=_ARROW[column.type])
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError, TypeError):
        array = pa.array([_text_of(v) for v in values], type=pa.string())
    series = pl.from_arrow(array)
    assert isinstance(series, pl.Series)
    return series.alias(column.name)


def _text_of(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return _decode(value)
    if isinstance(value, float) and value.is_integer() and abs(value) < 2.0**53:
        return str(int(value))
    return str(value)


@contextmanager
def snapshot(engine: Engine) -> Iterator[tuple[Connection, str]]:
    """A connection whose reads all see one state of the database, where it can do that; and the isolation reached.

    SQLite: one read transaction. SQL Server: SNAPSHOT where the database allows it. PostgreSQL: REPEATABLE READ.
    Elsewhere, or where it is refused: the default isolation, which is logged.
    """
    wanted = {"mssql": "SNAPSHOT", "postgresql": "REPEATABLE READ"}.get(engine.dialect.name)
    with translated("erp", engine.url), engine.connect() as connection:
        isolation = "default"
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN")
            isolation = "SERIALIZABLE"
        elif wanted == "SNAPSHOT" and not _allows_snapshot(connection):
            get_logger(__name__).warning(
                "no_snapshot", reason="ALLOW_SNAPSHOT_ISOLATION is off or cannot be seen"
            )
        elif wanted is not None and _takes(connection, wanted):
            isolation = wanted
        try:
            yield connection, isolation
        finally:
            connection.rollback()


def _takes(connection: Connection, wanted: str) -> bool:
    """Set the isolation for this connection; False, and logged, when the server refuses it after all."""
    try:
        connection.execution_options(isolation_level=wanted)
        connection.execute(sa.select(1))
    except (sa.exc.SQLAlchemyError, connection.dialect.loaded_dbapi.Error) as exc:  # type: ignore[attr-defined]
        if getattr(exc, "connection_invalidated", False):
            raise
        get_logger(__name__).warning("isolation_refused", wanted=wanted, error=str(exc)[:200])
        connection.rollback()
        connection.execution_options(isolation_level="READ COMMITTED")
        return False
    connection.rollback()
    return True


def _allows_snapshot(connection: Connection) -> bool:
    try:
        state = connection.exec_driver_sql(
            "SELECT snapshot_isolation_state FROM sys.databases WHERE name = DB_NAME()"
        ).scalar()
    except sa.exc.DBAPIError as exc:
        get_logger(__name__).warning("snapshot_state_unreadable", error=str(exc.orig)[:200])
        state = None
    connection.rollback()
    return state == 1


# --- SQL Server -------------------------------------------------------------------------------------------------------
class ArrowOdbcReader:
    """Arrow over ODBC: about ten times as fast as rows through pyodbc. One connection for all statements."""

    name = "arrow-odbc"

    def __init__(
        self,
        engine: Engine,
        *,
        isolation: str,
        connect_timeout: int,
        statement_timeout: int,
        fallback: Reader | None = None,
    ) -> None:
        """Connect with the engine's own ODBC connection string.

        Parameters
        ----------
        engine : sqlalchemy.Engine
            Engine of the ERP's database.
        isolation : str
            Isolation that `snapshot` reached; this reader has a connection of its own and takes the same.
        connect_timeout : int
            Seconds until connecting fails.
        statement_timeout : int
            Seconds until a statement fails.
        fallback : Reader, optional
            Reads a statement that this driver cannot.

        Raises
        ------
        ConfigurationError
            arrow-odbc cannot be imported or cannot connect; the caller falls back to SQLAlchemy.
        """
        try:
            import arrow_odbc
        except (ImportError, OSError) as exc:
            raise ConfigurationError(
                f"arrow-odbc cannot be loaded ({exc}).", remedy="Install the system package unixodbc."
            ) from exc
        self._odbc: Any = arrow_odbc
        self.engine, self.statement_timeout, self.fallback = engine, statement_timeout, fallback
        try:
            self._connection = arrow_odbc.connect(
                odbc_connection_string(engine),
                login_timeout_sec=connect_timeout,
                autocommit=isolation == "default",
            )
            # Our reads wait a bounded time for a lock, and in a deadlock they give way to the ERP's users.
            if keep_rules(self._connection.execute, house_rules(engine)) and isolation != "default":
                self._connection.rollback()  # a refused setting may have left a transaction that is good for nothing
            if isolation != "default":
                self._connection.execute("SET TRANSACTION ISOLATION LEVEL SNAPSHOT")
        except (arrow_odbc.Error, AttributeError) as exc:
            raise ConfigurationError(
                f"arrow-odbc cannot connect to the ERP ({without_secrets(str(exc), engine.url)[:300]}).",
                remedy="Reading goes on through pyodbc, more slowly.",
            ) from exc

    def chunks(
        self, statement: sa.Select[Any], columns: Sequence[ReadColumn], rows: int
    ) -> Iterator[pl.DataFrame]:
        """See `Reader.chunks`. Text travels as UTF-16, so Korean does not depend on the machine's locale."""
        compiled = statement.compile(
            dialect=self.engine.dialect, compile_kwargs={"render_postcompile": True}
        )  # the values of IN get a mark each
        values = compiled.params
        parameters = [None if values[n] is None else str(values[n]) for n in compiled.positiontup or ()]
        begun = False
        try:
            batches = self._connection.read_arrow_batches(
                query=str(compiled),
                batch_size=rows,
                parameters=parameters or None,
                max_bytes_per_batch=256 * 1024 * 1024,
                max_text_size=max((c.length for c in columns if c.type == "text"), default=255) + 1,
                query_timeout_sec=self.statement_timeout,
                payload_text_encoding=self._odbc.TextEncoding.UTF16,
            )
            for batch in batches:
                frame = pl.from_arrow(batch)
                assert isinstance(frame, pl.DataFrame)
                frame.columns = [c.name for c in columns]
                begun = True
                yield frame
        except self._odbc.Error as exc:
            meaning = meaning_of(exc, self.engine.url)
            if not begun and meaning is None and self.fallback is not None:
                # Nothing known is wrong with the database, and no row is out: this driver cannot read the statement.
                get_logger(__name__).warning(
                    "arrow_odbc_read_failed", error=without_secrets(str(exc), self.engine.url)[:300]
                )
                self.name = "arrow-odbc, sqlalchemy where it failed"
                yield from self.fallback.chunks(statement, columns, rows)
                return
            raise sa.exc.DBAPIError.instance(str(statement), None, exc, self._odbc.Error) from exc


def open_reader(
    connection: Connection, isolation: str, *, connect_timeout: int, statement_timeout: int
) -> Reader:
    """Open the fastest reader for a database: Arrow over ODBC for SQL Server, SQLAlchemy elsewhere or if that fails."""
    if connection.dialect.name == "mssql":
        try:
            return ArrowOdbcReader(
                connection.engine,
                isolation=isolation,
                connect_timeout=connect_timeout,
                statement_timeout=statement_timeout,
                fallback=SqlAlchemyReader(connection),
            )
        except ConfigurationError as exc:
            get_logger(__name__).warning("arrow_odbc_not_used", reason=str(exc))
    return SqlAlchemyReader(connection)
