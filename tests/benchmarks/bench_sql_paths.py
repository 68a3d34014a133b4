"""Rows per second of every way in and out of a database, against what its driver does without us.

    python tests/benchmarks/bench_sql_paths.py [--url URL] [--rows N] [--repeats N]

The URL is a SQLAlchemy one, by default a SQLite file; on SQL Server (`mssql+pyodbc://...`) bulk copy and Arrow are tried
too. The table has the columns and the key of `candidate_operation`; it is made in the login's default schema as
`routing_etl_bench` and removed at the end. Ours includes the check of every value before it is sent.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import sqlalchemy as sa

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from warehouse_predictions import many_frames

from routing_etl.database.bulk import BulkCopy
from routing_etl.database.engine import make_engine
from routing_etl.database.sqlserver import mssql_python_connection_string, odbc_connection_string
from routing_etl.erp.catalogue import FoundColumn, ReadColumn
from routing_etl.erp.reader import ArrowOdbcReader, SqlAlchemyReader, tighten
from routing_etl.settings import load_settings
from routing_etl.warehouse.contents import kind_of, targets, to_rows
from routing_etl.warehouse.load import with_publication
from routing_etl.warehouse.schema import tables
from routing_etl.warehouse.writers import (
    ArrowWriter,
    BatchWriter,
    BulkCopyWriter,
    Writer,
    arrow_table,
    insert_sql,
)

Write = Callable[[pl.DataFrame], object]
Read = Callable[[], int]


def bench_table() -> sa.Table:
    """`candidate_operation` without its foreign key and CHECKs."""
    source = tables(None).candidate_operation
    columns = [sa.Column(c.name, c.type, nullable=c.nullable) for c in source.columns]
    keys = [c.name for c in source.primary_key.columns]
    return sa.Table(
        "routing_etl_bench",
        sa.MetaData(),
        *columns,
        sa.PrimaryKeyConstraint(*keys, name="pk_routing_etl_bench"),
    )


def bench_rows(rows: int) -> pl.DataFrame:
    """Operations of as many items as give so many rows."""
    target = targets(tables(None))[1]
    frame = many_frames(max(1, rows // 21))["candidate_operations"]
    whole = target.frame.conform(frame).lazy()
    return with_publication(to_rows(whole, target).sort(target.key).collect(), 1)


# --- what the drivers do without us -------------------------------------------------------------------------------------
def raw_executemany(engine: sa.Engine, table: sa.Table) -> Write:
    """The DBAPI cursor alone."""

    def write(frame: pl.DataFrame) -> None:
        frame = frame.select([s.name for s in frame if s.null_count() < frame.height])
        statement = insert_sql(engine.dialect, table, frame.columns)
        connection = engine.raw_connection()
        cursor = connection.cursor()
        if engine.dialect.name == "mssql":
            cursor.fast_executemany = True
        for part in frame.iter_slices(20_000):
            cursor.executemany(statement, part.rows())
        connection.commit()
        connection.close()

    return write


def raw_bulkcopy(engine: sa.Engine, table: sa.Table) -> Write:
    """mssql-python's bulk copy alone, from a ready Arrow table."""
    import mssql_python

    def write(frame: pl.DataFrame) -> None:
        source = arrow_table(table, frame)
        with mssql_python.connect(mssql_python_connection_string(engine), autocommit=True) as connection:
            cursor = connection.cursor()
            cursor.bulkcopy_arrow(table.name, source, timeout=600, column_mappings=list(source.column_names))

    return write


def raw_arrow(engine: sa.Engine, table: sa.Table) -> Write:
    """arrow-odbc's insert alone."""
    import arrow_odbc

    def write(frame: pl.DataFrame) -> None:
        connection = arrow_odbc.connect(odbc_connection_string(engine), autocommit=False)
        connection.from_table_to_db(arrow_table(table, frame), table.name, chunk_size=5_000)
        connection.commit()

    return write


def ours(engine: sa.Engine, table: sa.Table, writer: Writer) -> Write:
    """One of our writers in a transaction."""

    def write(frame: pl.DataFrame) -> None:
        with engine.begin() as connection:
            writer.write(connection, table, frame)

    return write


def writes(engine: sa.Engine, table: sa.Table) -> list[tuple[str, Write, Write]]:
    """Name, the driver alone, ours."""
    pairs = [("executemany", raw_executemany(engine, table), ours(engine, table, BatchWriter(20_000)))]
    if engine.dialect.name == "mssql":
        pairs.append(
            ("arrow-odbc", raw_arrow(engine, table), ours(engine, table, ArrowWriter(engine, 5_000, 30)))
        )
        pairs.append(
            (
                "bulk copy",
                raw_bulkcopy(engine, table),
                ours(engine, table, BulkCopyWriter(BulkCopy(engine, 30, 600), 20_000)),
            )
        )
    return pairs


def reads(engine: sa.Engine, table: sa.Table) -> list[tuple[str, Read]]:
    """Name and what reads all rows; the first is the driver alone."""
    types = {"text": "text", "ascii": "text", "decimal": "number", "integer": "integer"}
    names = [c.name for c in table.columns if kind_of(c) in types]
    columns = [
        ReadColumn(n, types[kind_of(table.c[n])], getattr(table.c[n].type, "length", 0) or 0, False,
                   FoundColumn(n, "t", types[kind_of(table.c[n])], None))
        for n in names
    ]  # fmt: skip
    query = sa.select(
        *(
            sa.cast(table.c[n], sa.Double()).label(n) if kind_of(table.c[n]) == "decimal" else table.c[n]
            for n in names
        )
    )

    def raw() -> int:
        connection = engine.raw_connection()
        cursor = connection.cursor()
        cursor.execute(str(query.compile(engine)))
        rows = 0
        while part := cursor.fetchmany(50_000):
            rows += len(part)
        connection.close()
        return rows

    def through(make: Callable[[sa.Connection], Any]) -> Read:
        def read() -> int:
            with engine.connect() as connection:
                chunks = make(connection).chunks(query, columns, 50_000)
                return sum(tighten(chunk, columns, 0)[0].height for chunk in chunks)

        return read

    found: list[tuple[str, Read]] = [
        ("driver's fetchmany", raw),
        ("sqlalchemy reader", through(SqlAlchemyReader)),
    ]
    if engine.dialect.name == "mssql":
        found.append(
            (
                "arrow-odbc reader",
                through(
                    lambda _: ArrowOdbcReader(
                        engine, isolation="default", connect_timeout=30, statement_timeout=600
                    )
                ),
            )
        )
    return found


def timed(work: Callable[[], object], repeats: int, before: Callable[[], object] = lambda: None) -> float:
    """Median seconds."""
    seconds = []
    for _ in range(repeats):
        before()
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--url")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        url = arguments.url or f"sqlite:///{Path(folder) / 'bench.db'}"
        settings = load_settings(_env_file=None, home=Path(folder), connect_timeout=30)
        engine = make_engine(url, "warehouse", settings)
        table, frame = bench_table(), bench_rows(arguments.rows)
        table.drop(engine, checkfirst=True)
        table.create(engine)
        print(
            f"{engine.dialect.name}, {frame.height:,} rows of {frame.width} columns, median of {arguments.repeats}"
        )
        try:
            measure(engine, table, frame, arguments.repeats)
        finally:
            table.drop(engine)
            engine.dispose()


def measure(engine: sa.Engine, table: sa.Table, frame: pl.DataFrame, repeats: int) -> None:
    """Print one line per path."""

    def empty() -> None:
        with engine.begin() as connection:
            connection.execute(sa.delete(table))

    for name, raw, mine in writes(engine, table):
        try:
            alone = timed(lambda raw=raw: raw(frame), repeats, empty)
            with_us = timed(lambda mine=mine: mine(frame), repeats, empty)
        except Exception as exc:  # noqa: BLE001 - a path that this server lacks is a line of the table
            print(f"write  {name:20} not possible here: {' '.join(str(exc).split())[:100]}")
            continue
        print(
            f"write  {name:20} driver alone {frame.height / alone:>10,.0f} rows/s   ours {frame.height / with_us:>10,.0f} "
            f"rows/s   ratio {alone / with_us:.2f}"
        )
    empty()
    ours(engine, table, BatchWriter(20_000))(frame)
    first = None
    for name, read in reads(engine, table):
        try:
            seconds = timed(lambda read=read: read(), repeats)
        except Exception as exc:  # noqa: BLE001 - as above
            print(f"read   {name:20} not possible here: {' '.join(str(exc).split())[:100]}")
            continue
        first = first or seconds
        print(f"read   {name:20} {frame.height / seconds:>10,.0f} rows/s   ratio {first / seconds:.2f}")


if __name__ == "__main__":
    main()
