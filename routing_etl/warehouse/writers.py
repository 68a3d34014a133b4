"""How rows get into a table: one writer interface with three implementations, and the chain that falls back.

* `BulkCopyWriter`: mssql-python's bulk copy, the fastest. Rows are committed as they arrive.
* `ArrowWriter`: Arrow inserts over ODBC. Each call is a transaction of its own.
* `BatchWriter`: the driver's executemany inside the caller's transaction, on every database.

The first two write over connections of their own. They may therefore only write rows that no reader sees and
that may be removed after a failed call: those of an unpublished publication. `ChainWriter` removes them.

Why Arrow: docs/decisions/0004-bulk-io-through-arrow.md.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import polars as pl
import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.dialects import mssql
from sqlalchemy.engine import Connection, Dialect, Engine

from routing_etl.database.bulk import BulkCopy
from routing_etl.database.errors import classify, without_secrets
from routing_etl.database.sqlserver import house_rules, keep_rules, odbc_connection_string
from routing_etl.errors import ConfigurationError, FrameError, LockedError, WarehouseError
from routing_etl.log import get_logger
from routing_etl.settings import Settings
from routing_etl.warehouse.changes import delete_step
from routing_etl.warehouse.contents import broken_rules, kind_of
from routing_etl.warehouse.writing import writing

#: Bytes of parameters per executemany on SQL Server. The driver allocates them at full column width.
_PARAMETER_BYTES = 64 * 1024 * 1024

_MSSQL = mssql.dialect()  # type: ignore[no-untyped-call]

#: Keys per DELETE when the rows of a failed call are removed. SQL Server takes 2,100 parameters at most.
_KEYS_PER_DELETE = 500

#: Kinds of columns that are compared after a bulk copy.
_COMPARED = ("text", "ascii", "decimal", "integer", "float")

#: Characters that the columns of a publication take.
_LENGTHS = {"writer": 200, "writer_reason": 1000}

#: Text that only a driver that sends UTF-16 keeps: Korean, and a character of two UTF-16 units.
_PROBE_TEXT = "누설\U00020000"

_log = get_logger(__name__)


class Writer(Protocol):
    """Puts rows of a frame into a table."""

    @property
    def name(self) -> str:
        """What is recorded with the publication."""
        ...

    @property
    def transactional(self) -> bool:
        """Whether the rows belong to the caller's transaction, so that a rollback removes them."""
        ...

    def write(self, connection: Connection, table: sa.Table, frame: pl.DataFrame) -> int:
        """Insert every row. The frame's columns have the table's names. Returns the number of rows.

        Raises
        ------
        FrameError
            A value does not fit its column (NaN, infinity, too long, too large, NULL where
            required); nothing was sent.
        """
        ...

    def close(self) -> None:
        """Close the writer's own connections; the next write opens them again."""
        ...


# --- before sending -------------------------------------------------------------------------------------------
def refuse_misfits(table: sa.Table, frame: pl.DataFrame, dialect: str) -> None:
    """Check every value against its column before anything is sent.

    Raises
    ------
    FrameError
        Names table, column, value, row count and remedy.
    """
    rules = [
        (column, words, broken)
        for column in table.columns
        if column.name in frame.columns
        for words, broken in broken_rules(column, dialect, frame.schema[column.name]).items()
    ]
    counts = frame.select(broken.sum().alias(str(n)) for n, (_, _, broken) in enumerate(rules))
    for number, (column, words, broken) in enumerate(rules):
        count = counts[str(number)].item()
        if not count:
            continue
        value = str(frame.filter(broken).item(0, column.name))
        value = value if len(value) <= 80 else f"{value[:77]}..."
        raise FrameError(
            f"Table {table.name}: column {column.name} is {words} in {count:,} row(s), first {value!r}.",
            remedy="Nothing was sent; correct the step that makes this column.",
        )


def arrow_table(table: sa.Table, frame: pl.DataFrame) -> pa.Table:
    """The frame as Arrow columns of exactly the table's types, without columns that hold only NULL."""
    columns = [table.c[s.name] for s in frame if s.null_count() < frame.height]
    exact = frame.select(
        pl.col(c.name).cast(pl.Decimal(int(c.type.precision or 38), int(c.type.scale or 0)))
        if kind_of(c) == "decimal" and isinstance(c.type, sa.Numeric)
        else pl.col(c.name)
        for c in columns
    )
    schema = pa.schema([pa.field(c.name, _arrow_type(c), nullable=True) for c in columns])
    return exact.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(schema)


def _arrow_type(column: sa.Column[Any]) -> pa.DataType:
    kind = kind_of(column)
    if kind == "decimal":
        assert isinstance(column.type, sa.Numeric)
        return pa.decimal128(int(column.type.precision or 38), int(column.type.scale or 0))
    if kind == "integer":
        return {"SMALLINT": pa.int16(), "BIGINT": pa.int64()}.get(str(column.type), pa.int32())
    return {
        "text": pa.string(),
        "ascii": pa.string(),
        "float": pa.float64(),
        "boolean": pa.bool_(),
        "date": pa.date32(),
        "moment": pa.timestamp("us"),
    }[kind]


def insert_sql(dialect: Dialect, table: sa.Table, columns: list[str]) -> str:
    """An INSERT with the driver's positional markers, for lists of tuples."""
    marker = "?" if dialect.paramstyle == "qmark" else "%s"
    quote = dialect.identifier_preparer
    names = ", ".join(quote.quote(c) for c in columns)
    return f"INSERT INTO {quote.format_table(table)} ({names}) VALUES ({', '.join([marker] * len(columns))})"


# --- the three writers ----------------------------------------------------------------------------------------
@dataclass(frozen=True)
class BatchWriter:
    """The driver's `executemany` with tuples, `batch_rows` at a time: works on every database."""

    batch_rows: int

    @property
    def name(self) -> str:
        """What is recorded with the publication."""
        return f"executemany x {self.batch_rows}"

    @property
    def transactional(self) -> bool:
        """The rows belong to the caller's transaction."""
        return True

    def write(self, connection: Connection, table: sa.Table, frame: pl.DataFrame) -> int:
        """Insert every row of the frame. Columns that hold only NULL are left out; NULL is their default."""
        dialect = connection.dialect.name
        refuse_misfits(table, frame, dialect)
        frame = frame.select([s.name for s in frame if s.null_count() < frame.height])
        rows = self.batch_rows
        if dialect == "sqlite":
            # Python's driver has no default adapters for dates, times and decimals since 3.12.
            frame = frame.with_columns(
                pl.col(pl.Date).dt.to_string("%Y-%m-%d"),
                pl.col(pl.Datetime).dt.to_string("%Y-%m-%d %H:%M:%S%.6f"),
                pl.col(pl.Decimal).cast(pl.Float64),
            )
        elif dialect == "mssql":
            frame = frame.with_columns(
                _moment_as_text(table.c[s.name]) for s in frame if s.dtype == pl.Datetime
            )
            rows = max(1, min(rows, _PARAMETER_BYTES // _row_bytes(table, frame.columns)))
        statement = insert_sql(connection.dialect, table, frame.columns)
        for part in frame.iter_slices(rows):
            connection.exec_driver_sql(statement, part.rows())
        return frame.height

    def close(self) -> None:
        """Do nothing: this writer has no connection of its own."""


def _moment_as_text(column: sa.Column[Any]) -> pl.Expr:
    """Moments as text, with as many digits as the column has.

    The text means the same in every language setting of a session. pyodbc would truncate a moment to the
    precision that the server reports for its types, on some servers whole seconds.
    """
    kind = column.type.dialect_impl(_MSSQL)
    digits = getattr(kind, "precision", None)
    if digits is None:
        digits = 7 if isinstance(kind, mssql.DATETIME2) else 3
    length = len("2026-01-01 00:00:00") + (1 + min(digits, 6) if digits else 0)
    return pl.col(column.name).dt.to_string("%Y-%m-%d %H:%M:%S%.6f").str.slice(0, length)


def _row_bytes(table: sa.Table, columns: list[str]) -> int:
    lengths = (getattr(table.c[name].type, "length", None) for name in columns)
    return sum(2 * length + 8 if length else 24 for length in lengths)


@dataclass
class ArrowWriter:
    """Arrow inserts over ODBC, `batch_rows` at a time, on a connection of its own. Each call is one transaction."""

    engine: Engine
    batch_rows: int
    connect_timeout: int
    _connection: Any = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """What is recorded with the publication."""
        return "arrow-odbc inserts"

    @property
    def transactional(self) -> bool:
        """The rows are committed at the end of each call."""
        return False

    def write(self, connection: Connection, table: sa.Table, frame: pl.DataFrame) -> int:
        """Insert every row and commit. After an error none of them is there.

        Raises
        ------
        ConfigurationError
            Arrow-odbc cannot be loaded, or mangles text here. arrow_odbc.Error: the database
            refused.
        """
        refuse_misfits(table, frame, "mssql")
        opened = self._open()
        source = arrow_table(table, frame)
        quote = self.engine.dialect.identifier_preparer
        rows = max(
            1, min(self.batch_rows, frame.height, _PARAMETER_BYTES // _row_bytes(table, frame.columns))
        )
        try:
            opened.insert_into_table(
                reader=source.to_reader(), table=quote.format_table(table), chunk_size=rows
            )
            opened.commit()
        except BaseException:
            self.close()
            raise
        return frame.height

    def close(self) -> None:
        """Close the connection; what was not committed is rolled back."""
        self._connection = None

    def probe(self) -> None:
        """Open the connection, send text through a temporary table of its session, and close it.

        Raises
        ------
        ConfigurationError
            As `write`. arrow_odbc.Error: the database refused.
        """
        try:
            self._open()
        finally:
            self.close()

    def _open(self) -> Any:
        if self._connection is not None:
            return self._connection
        try:
            import arrow_odbc
        except (ImportError, OSError) as exc:
            raise ConfigurationError(
                f"arrow-odbc cannot be loaded ({exc}).", remedy="Install the system package unixodbc."
            ) from exc
        opened = arrow_odbc.connect(
            odbc_connection_string(self.engine), login_timeout_sec=self.connect_timeout, autocommit=False
        )
        keep_rules(opened.execute, house_rules(self.engine))
        _probe_text(opened)
        self._connection = opened
        return opened


def _probe_text(opened: Any) -> None:
    """Send text through a temporary table of the session and compare it.

    A driver that sends it in a narrow encoding loses characters without an error and without a change of
    length, which the checksums would not show.

    Raises
    ------
    ConfigurationError
        The text came back as something else.
    """
    import arrow_odbc

    opened.execute("CREATE TABLE #routing_etl_probe (t nvarchar(20) NULL)")
    source = pa.table({"t": pa.array([_PROBE_TEXT], pa.string())})
    opened.insert_into_table(reader=source.to_reader(), table="#routing_etl_probe", chunk_size=1)
    batches = opened.read_arrow_batches(
        query="SELECT t FROM #routing_etl_probe",
        batch_size=1,
        fetch_concurrently=False,
        payload_text_encoding=arrow_odbc.TextEncoding.UTF16,
    )
    found = [value.as_py() for batch in batches for value in batch.column(0)]
    del batches  # frees its cursor: one statement at a time on a connection
    opened.execute("DROP TABLE #routing_etl_probe")
    opened.commit()
    if found != [_PROBE_TEXT]:
        raise ConfigurationError(
            "arrow-odbc does not send Unicode text whole from this machine to this server.",
            remedy="Set ROUTING_ETL_BULK_WRITER=auto.",
        )


@dataclass
class BulkCopyWriter:
    """mssql-python's bulk copy: Arrow columns straight into the server's bulk load, with constraints checked.

    It is not transactional: rows are committed as the server receives them. Columns are mapped by name. After every
    `batch_rows` that the driver has fetched, `pulse` is called with the caller's connection, whose transaction is open
    meanwhile: a copy ends when the lock that this transaction keeps is no longer ours, and the connection is not idle.
    """

    bulk: BulkCopy
    batch_rows: int
    pulse: Callable[[Connection], None] | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """What is recorded with the publication."""
        return "mssql-python bulk copy"

    @property
    def transactional(self) -> bool:
        """Rows are committed as they arrive."""
        return False

    def write(self, connection: Connection, table: sa.Table, frame: pl.DataFrame) -> int:
        """Send every row, then read one back and compare its text and numbers.

        Raises
        ------
        ConfigurationError
            Mssql-python cannot be loaded.
        LockedError
            Another writer has taken over while the rows were sent.
        WarehouseError
            The count or the row read back differs. Other exceptions, the driver's panic included,
            as the driver raises them: rows may be there in part.
        """
        refuse_misfits(table, frame, "mssql")
        if not frame.height:
            return 0
        source = arrow_table(table, frame)
        stopped: list[LockedError] = []
        quote = connection.engine.dialect.identifier_preparer
        try:
            copied = self.bulk.copy(
                quote.format_table(table),
                self._pulsing(source, connection, stopped),
                list(source.column_names),
            )
        except BaseException as exc:
            if stopped:
                # The driver has made an error of its own of it.
                raise stopped[0] from exc
            raise
        if copied != frame.height:
            raise WarehouseError(
                f"Bulk copy into {table.name} took {copied:,} of {frame.height:,} rows.",
                remedy="Its rows are removed; set ROUTING_ETL_BULK_WRITER=batch if it happens again.",
            )
        self._compare(connection, table, frame)
        return frame.height

    def _pulsing(
        self, source: pa.Table, connection: Connection, stopped: list[LockedError]
    ) -> pa.RecordBatchReader:
        """The rows in batches, with a pulse before each but the first."""

        def batches() -> Iterator[pa.RecordBatch]:
            for number, batch in enumerate(source.to_batches(max_chunksize=self.batch_rows)):
                if number and self.pulse is not None:
                    try:
                        self.pulse(connection)
                    except LockedError as exc:
                        stopped.append(exc)
                        raise
                yield batch

        return pa.RecordBatchReader.from_batches(source.schema, batches())

    def close(self) -> None:
        """Do nothing: each copy has a session of its own."""

    def _compare(self, connection: Connection, table: sa.Table, frame: pl.DataFrame) -> None:
        """Compare one row with what was sent.

        Wrong characters of the right length change no checksum, and a server that misreads numbers should be
        found before the rest is loaded.
        """
        keys = [c.name for c in table.primary_key.columns]
        judged = [c for c in table.columns if c.name in frame.columns and kind_of(c) in _COMPARED]
        if not keys or not judged:
            return
        row = frame.top_k(1, by=_telling(judged))
        sent = row.to_dicts()[0]
        # Decimals are read as floats: some servers break off a row with decimals, and the driver then waits
        # for the rest.
        shown = [sa.cast(c, sa.Double()).label(c.name) if kind_of(c) == "decimal" else c for c in judged]
        query = sa.select(*shown).where(*(table.c[k] == sent[k] for k in keys))
        # Over another connection, so that the caller's transaction holds no locks.
        with connection.engine.connect() as other:
            found = other.execute(query).mappings().one_or_none()
        for column in judged:
            held = None if found is None else found[column.name]
            if not _same(held, sent[column.name]):
                raise WarehouseError(
                    f"Bulk copy into {table.name}: column {column.name} holds {held!r} "
                    f"instead of {sent[column.name]!r}.",
                    remedy="Its rows are removed; set ROUTING_ETL_BULK_WRITER=batch.",
                )


def _telling(columns: Sequence[sa.Column[Any]]) -> pl.Expr:
    """How much of a driver's faults a row can reveal: first by non-ASCII text, then by columns that are not NULL."""
    filled = pl.sum_horizontal(pl.col(c.name).is_not_null().cast(pl.Int32) for c in columns)
    texts = [pl.col(c.name) for c in columns if kind_of(c) == "text"]
    wide = [(t.str.len_bytes() != t.str.len_chars()).fill_null(value=False).cast(pl.Int32) for t in texts]
    return filled + len(columns) * pl.sum_horizontal(wide) if wide else filled


def _same(held: Any, sent: Any) -> bool:
    if held is None or sent is None or isinstance(sent, str):
        return bool(held == sent)
    return math.isclose(float(held), float(sent), rel_tol=1e-9, abs_tol=1e-9)


# --- the chain ------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class GivenUp:
    """A writer that failed, and why."""

    writer: str
    reason: str


@dataclass
class ChainWriter:
    """Tries writers in order. If one fails, the next takes over for the rest of the load, and the reason is kept.

    Rows that a failed or repeated call may have left are removed first, by the publication and the code of the
    item or job in the first two columns of the table's key: each code is in one call only.
    """

    engine: Engine
    writers: Sequence[Writer]
    note: str = ""
    _at: int = 0
    _given_up: list[GivenUp] = field(default_factory=list)
    _begun: set[tuple[Any, ...]] = field(default_factory=set, repr=False)

    @property
    def name(self) -> str:
        """The writer in use, and those that were given up."""
        return self.writers[self._at].name + "".join(f"; gave up {g.writer}" for g in self._given_up)

    @property
    def given_up(self) -> tuple[GivenUp, ...]:
        """The faster writers that failed during this load."""
        return tuple(self._given_up)

    @property
    def reason(self) -> str:
        """Why the rows do not go the fastest way; empty if they do."""
        return "; ".join([f"{g.writer}: {g.reason}" for g in self._given_up] or [self.note] * bool(self.note))

    @property
    def transactional(self) -> bool:
        """Whether all writers are: otherwise the first row alone does not tell whether a transaction was committed."""
        return all(w.transactional for w in self.writers)

    def write(self, connection: Connection, table: sa.Table, frame: pl.DataFrame) -> int:
        """Insert every row by the first writer that succeeds.

        Raises
        ------
        FrameError
            A value does not fit. Of the last writer: what it raises, as one of ours.
        """
        if not frame.height:
            return 0
        keys = [c.name for c in table.primary_key.columns if c.name in frame.columns]
        mark = (table.fullname, *frame.select(keys).row(0))
        if mark in self._begun and not self.writers[self._at].transactional:
            self._remove(table, frame)
        self._begun.add(mark)
        while True:
            writer = self.writers[self._at]
            if writer.transactional:
                return writer.write(connection, table, frame)
            try:
                return writer.write(connection, table, frame)
            except (FrameError, LockedError):
                raise  # no other writer would send it, or may
            except BaseException as exc:
                # A panic of a Rust driver is a BaseException; an interrupt is one too, and is raised.
                if not isinstance(exc, Exception) and type(exc).__name__ != "PanicException":
                    raise
                reason = without_secrets(f"{type(exc).__name__}: {exc}", self.engine.url)[:300]
                _log.warning("writer_failed", writer=writer.name, table=table.name, reason=reason)
                writer.close()
                self._remove(table, frame)
                if self._at + 1 == len(self.writers):
                    raise self._error(exc, writer, reason) from exc
                self._at += 1
                self._given_up.append(GivenUp(writer.name, reason))
                _log.warning("writer_fallback", writer=self.writers[self._at].name)

    def close(self) -> None:
        """Close the writers' own connections. The next load tries all writers again."""
        for writer in self.writers:
            writer.close()
        self._at = 0
        self._given_up.clear()
        self._begun.clear()

    def _remove(self, table: sa.Table, frame: pl.DataFrame) -> None:
        first, second = sorted((c.name for c in list(table.primary_key.columns)[:2]), key=_is_code)
        owner = frame.item(0, first)
        values = frame[second].unique().sort()
        # Children first: the cascade from one row locks more rows than are counted.
        for rows in (*_children(table, (first, second)), table):
            for part in (values[i : i + _KEYS_PER_DELETE] for i in range(0, len(values), _KEYS_PER_DELETE)):
                step = delete_step(rows, sa.and_(rows.c[first] == owner, rows.c[second].in_(part.to_list())))
                left = True
                while left:
                    with writing(self.engine, table.schema) as connection:
                        left = step(connection)

    def _error(self, exc: BaseException, writer: Writer, reason: str) -> Exception:
        if isinstance(exc, sa.exc.SQLAlchemyError | OSError | ConfigurationError | WarehouseError):
            return exc
        if isinstance(exc, Exception):
            return classify(exc, "warehouse", self.engine.url)
        return WarehouseError(
            f"{writer.name} into {reason}.", remedy="Set ROUTING_ETL_BULK_WRITER=auto or batch; run again."
        )


def _children(table: sa.Table, keys: tuple[str, str]) -> list[sa.Table]:
    """The tables whose rows go with those of this table, and that have the same two columns first in their key."""
    return [
        child
        for child in table.metadata.sorted_tables
        if any(k.referred_table is table for k in child.foreign_key_constraints)
        and tuple(c.name for c in child.primary_key.columns)[:2] == keys
    ]


@contextmanager
def beating(writer: Writer, pulse: Callable[[Connection], None]) -> Iterator[None]:
    """For as long as the block lasts, a writer that sends rows over a long time calls `pulse` between its batches.

    The heartbeat itself cannot be renewed then: the fence of the caller's transaction keeps the lock's row, which is why
    nobody takes it over either (`lock.py`).
    """
    slow = [
        w
        for w in (writer.writers if isinstance(writer, ChainWriter) else [writer])
        if isinstance(w, BulkCopyWriter)
    ]
    for one in slow:
        one.pulse = pulse
    try:
        yield
    finally:
        for one in slow:
            one.pulse = None


@dataclass(frozen=True)
class Way:
    """How rows were sent, and why not the fastest way that there is for the database (empty if they were)."""

    writer: str
    reason: str

    def recorded(self) -> dict[str, str]:
        """The columns of a publication. A reason that another process has recorded stays."""
        columns = {"writer": self.writer, "writer_reason": self.reason}
        return {name: value[: _LENGTHS[name]] for name, value in columns.items() if value}


def way_of(writer: Writer) -> Way:
    """How a writer has sent rows so far. Ask before it is closed."""
    return Way(writer.name, writer.reason if isinstance(writer, ChainWriter) else "")


def _is_code(column: str) -> bool:
    """Whether a column of a key holds a code, not the number of a publication."""
    return column not in ("publication_id", "from_publication")


def choose_writer(engine: Engine, settings: Settings) -> Writer:
    """The writer for unpublished rows on this engine, by ROUTING_ETL_BULK_WRITER. It opens no connection yet.

    `auto`: on SQL Server bulk copy, then (on Windows) Arrow inserts, then batches; elsewhere batches. A writer chosen by
    name has no fallback. Arrow inserts bind text in the machine's narrow encoding except on Windows, so that other systems
    can use them only with a database whose collation is UTF-8; there they are not tried, only taken when chosen.

    Raises
    ------
    ConfigurationError
        A writer for SQL Server is chosen on another database.
    """
    batch, wanted = BatchWriter(settings.load_rows), settings.bulk_writer
    if engine.dialect.name != "mssql":
        if wanted in ("bulkcopy", "arrow"):
            raise ConfigurationError(
                f"ROUTING_ETL_BULK_WRITER = {wanted!r} is for SQL Server, the warehouse is {engine.dialect.name}.",
                remedy="Leave it at auto.",
            )
        return batch
    bulk = BulkCopyWriter(
        BulkCopy(engine, settings.connect_timeout, settings.statement_timeout), settings.load_rows
    )
    arrow = ArrowWriter(engine, settings.load_rows, settings.connect_timeout)
    writers: dict[str, tuple[Writer, ...]] = {
        "bulkcopy": (bulk,),
        "arrow": (arrow,),
        "batch": (batch,),
        "auto": (bulk, arrow, batch) if sys.platform == "win32" else (bulk, batch),
    }
    chosen = f"ROUTING_ETL_BULK_WRITER={wanted}" if wanted in ("arrow", "batch") else ""
    return ChainWriter(engine, writers[wanted], note=chosen)
