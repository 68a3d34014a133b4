"""Stories of remedies about drivers that send rows to SQL Server: each is faked on SQLite, and the setting that is named chooses."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
import sqlalchemy as sa
from round_trip import frame_of, read_back, round_trip_table
from walks_met import Act, Place, Walks, refuse_module

from routing_etl.database.engine import make_engine
from routing_etl.settings import load_settings
from routing_etl.warehouse import writer_probe
from routing_etl.warehouse import writers as w

walk = Walks()


class PanicException(BaseException):
    """As pyo3 names a panic of a driver written in Rust."""


class Bulk:
    """Stands for mssql-python's bulk copy: writes into SQLite, and may lose rows, change values or panic."""

    def __init__(
        self, place: House, *, lose: int = 0, put: dict[str, Any] | None = None, panic: bool = False
    ) -> None:
        self.place, self.lose, self.put, self.panic = place, lose, put or {}, panic

    def copy(self, _: str, source: Any, __: Any) -> int:
        """Copy the rows; how many arrived."""
        if self.panic:
            raise PanicException("index out of range")
        frame = pl.DataFrame(pl.from_arrow(pa.Table.from_batches(list(source))))
        frame = frame.with_columns(pl.lit(v).cast(frame.schema[k]).alias(k) for k, v in self.put.items())
        frame = frame.head(frame.height - self.lose)
        with self.place.engine.begin() as connection:
            w.BatchWriter(50).write(connection, self.place.table, frame)
        return frame.height


class Arrow:
    """Stands for the module arrow_odbc and its connection; `mangles` text, as a driver in a narrow encoding does."""

    TextEncoding = SimpleNamespace(UTF16="utf16")

    def __init__(self, *, mangles: bool = False) -> None:
        self.mangles, self.rows = mangles, []  # type: ignore[var-annotated]

    def connect(self, *_: Any, **__: Any) -> Arrow:
        """The connection."""
        return self

    def execute(self, _: str) -> None:
        """Any statement."""

    def insert_into_table(self, *, reader: Any, table: str, chunk_size: int) -> None:
        """Keep the rows."""
        self.rows += [(table, row) for batch in reader for row in batch.to_pylist()]

    def read_arrow_batches(self, **_: Any) -> list[pa.RecordBatch]:
        """The text that was sent for a trial."""
        return [
            pa.record_batch({"t": ["???" if self.mangles else row["t"]]})
            for table, row in self.rows
            if table[0] == "#"
        ]

    def commit(self) -> None:
        """Everything is kept at once."""

    def close(self) -> None:
        """Nothing is open."""


class House:
    """A table in SQLite and, for each setting, the writers that the product chooses for SQL Server."""

    def __init__(self, place: Place, **faults: Any) -> None:
        pytest.importorskip("pyodbc", reason="needs the ODBC driver manager (unixodbc)", exc_type=ImportError)
        settings = load_settings(_env_file=None, home=place.folder)
        self.engine = make_engine(f"sqlite:///{place.folder / 'w.db'}", "warehouse", settings)
        self.table = round_trip_table(None, "sqlite")
        self.table.create(self.engine)
        self.bulk, self.folder = Bulk(self, **faults), place.folder
        place.patch.setattr(w, "odbc_connection_string", lambda _: "Server=x")
        place.patch.setattr(w, "house_rules", lambda _: ())

    def sends(self, wanted: str) -> Act:
        """Two rows by ROUTING_ETL_BULK_WRITER; that they arrived is looked at."""
        server = sa.create_engine("mssql+pyodbc://u:p@h/d?driver=x")
        chosen: Any = w.choose_writer(
            server, load_settings(_env_file=None, home=self.folder, bulk_writer=wanted)
        )
        own = {
            w.BulkCopyWriter: lambda: w.BulkCopyWriter(self.bulk, 2),  # type: ignore[arg-type]
            w.ArrowWriter: lambda: w.ArrowWriter(self.engine, 100, 7),
            w.BatchWriter: lambda: w.BatchWriter(50),
        }
        writer = w.ChainWriter(self.engine, [own[type(one)]() for one in chosen.writers])
        frame = frame_of([{"name": "ab"}, {"name": "외주", "price": 1.5}], "sqlite")

        def send() -> None:
            with self.engine.begin() as connection:
                assert writer.write(connection, self.table, frame) == 2
            if wanted != "arrow":  # whose rows are in the stand-in
                assert [r["name"] for r in read_back(self.engine, self.table, frame.item(0, "owner"))] == [
                    "ab",
                    "외주",
                ]

        return send


def _by_batches(place: Place, **faults: Any) -> Iterator[Act]:
    """A bulk copy that fails, and the setting that the sentence names."""
    house = House(place, **faults)
    yield house.sends("bulkcopy")
    yield house.sends("batch")


@walk("Bulk copy into … took … of … rows.", "set ROUTING_ETL_BULK_WRITER=batch")
def _(place: Place) -> Iterator[Act]:
    yield from _by_batches(place, lose=1)


@walk("Bulk copy into …: column … holds … instead of ….", "set ROUTING_ETL_BULK_WRITER=batch")
def _(place: Place) -> Iterator[Act]:
    yield from _by_batches(place, put={"name": "??"})


@walk("… into ….", "Set ROUTING_ETL_BULK_WRITER=auto or batch; run again.")
def _(place: Place) -> Iterator[Act]:
    house = House(place, panic=True)
    yield house.sends("bulkcopy")
    yield house.sends("auto")


@walk("arrow-odbc does not send Unicode text whole", "Set ROUTING_ETL_BULK_WRITER=auto.")
def _(place: Place) -> Iterator[Act]:
    place.patch.setitem(sys.modules, "arrow_odbc", Arrow(mangles=True))
    house = House(place)
    yield house.sends("arrow")
    yield house.sends("auto")


@walk(
    "arrow-odbc cannot be loaded (…).", "Install the system package unixodbc.", where="warehouse/writers.py"
)
def _(place: Place) -> Iterator[Act]:
    house = House(place)
    refuse_module(place.patch, "arrow_odbc")
    yield house.sends("arrow")
    place.patch.setitem(sys.modules, "arrow_odbc", Arrow())
    yield house.sends("arrow")


@walk("Table …: column … is … in … row(s), first ….", "correct the step that makes this column")
def _(place: Place) -> Iterator[Act]:
    table = sa.Table("t", sa.MetaData(), sa.Column("code", sa.Unicode(5)))
    yield lambda: w.refuse_misfits(table, pl.DataFrame({"code": ["ABCDEF"]}), "mssql")
    yield lambda: w.refuse_misfits(table, pl.DataFrame({"code": ["ABCDE"]}), "mssql")


class Server:
    """Stands for an engine of SQL Server whose driver brings back what was sent."""

    def connect(self) -> Server:
        """The connection."""
        return self

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None: ...

    def exec_driver_sql(self, *_: Any) -> None:
        """Any statement."""

    def execute(self, *_: Any) -> Any:
        """The row that was sent."""
        return SimpleNamespace(one=lambda: (writer_probe._TEXT, writer_probe._NUMBER))

    def rollback(self) -> None:
        """Nothing stays."""


@walk("One row was sent, … arrived, and … came back as ….", "Set ROUTING_ETL_BULK_WRITER=batch.")
def _(place: Place) -> Iterator[Act]:
    cursor = SimpleNamespace(execute=lambda *_: None, fetchone=lambda: ("???", writer_probe._NUMBER))
    session = SimpleNamespace(cursor=lambda: cursor, close=lambda: None)
    bulk: Any = SimpleNamespace(open=lambda: session, copy_over=lambda *_: 1)
    server: Any = Server()
    yield lambda: writer_probe._bulk_copy(bulk)
    yield lambda: writer_probe._batch(server)


CASES = walk.cases
