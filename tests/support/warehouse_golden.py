"""Every statement that the product sends to SQL Server for our tables, as text for review.

A real life of a warehouse (load, publish, roll back, purge, adopt, run records) runs on SQLite, and each statement is
compiled for SQL Server as it passes; what only SQL Server gets (its lock, its deletes, its checksums) is added by name.

    python tests/support/warehouse_golden.py tests/golden/mssql_statements.sql
"""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path
from typing import Any
from unittest import mock

import polars as pl
import sqlalchemy as sa
from sqlalchemy.dialects import mssql
from warehouse_predictions import known_rows, warehouse, write_many, write_rows

from routing_etl.warehouse import changes, compression, fixed_table, lock, own_readers, publish, run_records
from routing_etl.warehouse.contents import checksum_query, targets
from routing_etl.warehouse.feedback import adopt
from routing_etl.warehouse.load import insert_sql
from routing_etl.warehouse.model_records import ModelRecords, TrainedVersion
from routing_etl.warehouse.publish import Publisher
from routing_etl.warehouse.retention import purge_records
from routing_etl.warehouse.run_records import RunEnd, RunRecords
from routing_etl.warehouse.schema import tables

_VIEW = re.compile(r"\b(FROM|,) (routing_flat|routing_candidates|bop_proc_\w+)(?=\s|$)", re.M)
_LIST = re.compile(r"IN \((:\w+_cd_1_1)(?:, :\w+)+\)")
_remove_versions = Publisher._remove_versions

DIALECT = mssql.dialect(paramstyle="named")


class Recorder:
    """Statements by part of the life, each once, in the order of their first use."""

    def __init__(self) -> None:
        self.parts: dict[str, list[str]] = {}
        self._part, self._counted = "", False

    def part(self, name: str) -> None:
        self._part = name
        self.parts.setdefault(name, [])

    def add(self, statement: Any, keys: Any = None) -> None:
        compiled = statement.compile(
            dialect=DIALECT,
            column_keys=keys,
            schema_translate_map={None: "routing"},
            render_schema_translate=True,
            compile_kwargs={"render_postcompile": True},
        )
        # The translation of schemas does not reach the views, which are named without their columns. Of a list one value
        # is enough.
        self.add_text(_LIST.sub(r"IN (\1)", _VIEW.sub(r"\1 routing.\2", str(compiled))))

    def add_text(self, text: str) -> None:
        lines = "\n".join(line.rstrip() for line in text.strip().splitlines())
        if lines not in self.parts[self._part]:
            self.parts[self._part].append(lines)

    def listen(self, engine: sa.Engine) -> None:
        @sa.event.listens_for(engine, "before_execute")
        def _passes(_connection: Any, statement: Any, many: Any, one: Any, _options: Any) -> None:
            if not isinstance(statement, sa.DDL) and not self._counted:
                first = many[0] if many else one
                self.add(statement, sorted(first) if first and isinstance(statement, sa.Insert) else None)

    def affected(self, connection: sa.Connection, statement: Any, key: Any) -> int:
        """`changes.affected`, recorded as SQL Server gets it."""
        self.add(statement.returning(key))
        before, self._counted = self._counted, True
        try:
            return int(connection.execute(statement).rowcount)
        finally:
            self._counted = before

    def deletes(self, publication_id: int) -> None:
        """`Publisher._delete_rows` as SQL Server gets it; the rows themselves go nowhere."""
        for versioned in tables("routing").versioned:
            for table, number in Publisher._by_number(versioned):
                self._deletes(table, number == publication_id)

    def removes(self, publisher: Publisher, versioned: Any, number: int, codes: Any, lock: Any) -> None:
        """`Publisher._remove_versions` as SQL Server gets it."""
        for table, column in Publisher._by_number(versioned):
            self._deletes(table, (column == number) & table.c[versioned.key].in_(codes))
        self._counted = True
        try:
            _remove_versions(publisher, versioned, number, codes, lock)
        finally:
            self._counted = False

    def _deletes(self, table: sa.Table, where: Any) -> None:
        self.add(changes.delete_part(table, where))
        self.add(changes.rows_left(table, where))


def record(folder: Path) -> Recorder:
    """Run the life in `folder`."""
    made = Recorder()
    publisher, settings = warehouse(folder / "w.db", publish_mode="table")
    engine = publisher._engine
    with (
        mock.patch.object(lock, "affected", made.affected),
        mock.patch.object(publish, "affected", made.affected),
        mock.patch.object(run_records, "affected", made.affected),
        mock.patch.object(changes, "affected", made.affected),
        mock.patch.object(Publisher, "_reconcile", lambda *_: None),
        mock.patch.object(publish, "refuse_readers_by_number", lambda *_: None),
        mock.patch.object(Publisher, "_delete_rows", lambda p, number, held: made.deletes(number)),
        mock.patch.object(Publisher, "_remove_versions", lambda *given: made.removes(*given)),
    ):
        made.part("lock, only on SQL Server")
        for text in (lock._APPLOCK, lock._APPUNLOCK):
            made.add(text)
        made.listen(engine)
        pointer = Publisher(engine, settings.model_copy(update={"publish_mode": "pointer"}))
        made.part("load")
        first = pointer.load(write_rows(folder / "a", known_rows()), run_id="r", model_version="m")
        for table in (*tables("routing").published, *(v.versions for v in tables("routing").versioned)):
            made.add_text(insert_sql(DIALECT, table, [c.name for c in table.c]))
        made.part("publish: the pointer")
        pointer.publish(first.publication_id)
        second = pointer.load(write_many(folder / "b", 3), run_id="r", model_version="m")
        pointer.publish(second.publication_id)
        made.part("roll back")
        pointer.rollback()
        made.part("publish: the fixed table")
        publisher.publish(first.publication_id)
        made.part("purge")
        third = pointer.load(write_rows(folder / "c", known_rows()), run_id="r", model_version="n")
        pointer.publish(third.publication_id)
        pointer.purge(1)
        made.part("take back a load")
        made.deletes(9)
        made.part("an engineer accepts")
        adopt(engine, settings.warehouse_schema, "3H18091DB", "3H18091DB_C01", "kim")
        made.part("records")
        runs, models = RunRecords(engine, settings), ModelRecords(engine, settings)
        runs.start_run("r1", "night")
        runs.finish_run("r1", RunEnd("succeeded", rows_read=5))
        models.store_model_version(TrainedVersion("v1", "a" * 64))
        metric = {"method": "model", "split": "time", "segment": "all", "metric": "mae", "value": 1.5, "n": 3}
        models.store_metrics("v1", pl.DataFrame([metric]), run_id="r1")
        purge_records(engine, settings, keep_models=1)
    made.part("reconcile")
    for target in targets(tables("routing")):
        made.add(checksum_query(target, 1, "mssql"))
    made.part("what the server can do")
    made.add_text(compression.PROBE)
    for text in (fixed_table._ALWAYS_VERSIONED, fixed_table._RCSI, sa.text(own_readers._TEXTS["mssql"])):
        made.add(text)
    engine.dispose()
    return made


def render(made: Recorder) -> str:
    """One text, a heading a part."""
    blocks = [
        "-- Every statement sent to SQL Server for our tables. Made by tests/support/warehouse_golden.py."
    ]
    for name, statements in made.parts.items():
        blocks.append(f"-- === {name}")
        blocks += [f"{s};" for s in statements]
    return "\n\n".join(blocks) + "\n"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        Path(sys.argv[1]).write_text(render(record(Path(temporary))), encoding="utf-8")
