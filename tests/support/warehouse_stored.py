"""Warehouses of released versions, kept as SQL text, and what tests do with their rows.

`tests/stored/warehouse_NNNN.sql` is a SQLite warehouse of revision NNNN with rows in every table, made once by the code of
the release that had this head and never changed. To store one, at the commit of the release:

    python tests/support/warehouse_stored.py tests/stored/warehouse_NNNN.sql
"""

from __future__ import annotations

import re
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import date
from pathlib import Path
from typing import Any
from unittest import mock

import polars as pl
import sqlalchemy as sa
from warehouse_predictions import (
    CANDIDATE,
    OPERATION,
    RESOURCE,
    known_rows,
    many_frames,
    warehouse,
    write_frames,
    write_rows,
)
from warehouse_shape import differences, shape_of_database

from routing_etl import __version__
from routing_etl.frames import REJECTS, STANDARD_TIMES, CheckOutcome
from routing_etl.settings import Settings, load_settings
from routing_etl.warehouse.audit import Deed, record_deed
from routing_etl.warehouse.decisions import Decision, Decisions, Figure
from routing_etl.warehouse.feedback import adopt
from routing_etl.warehouse.feedback_time import Operation, adopt_time
from routing_etl.warehouse.health import store_health
from routing_etl.warehouse.migrate import VERSION_TABLE, current_revision, downgrade, migrate
from routing_etl.warehouse.model_records import ModelRecords, TrainedVersion
from routing_etl.warehouse.publish import Publisher
from routing_etl.warehouse.run_records import RunEnd, RunRecords
from routing_etl.warehouse.schema import tables
from routing_etl.warehouse.schema_watch import CHANGED
from routing_etl.warehouse.standard_times import ReviewFacts, StandardTimes
from routing_etl.warehouse.types import now
from routing_etl.warehouse.writing import begin_read

STORED = Path(__file__).resolve().parents[1] / "stored"

#: Rows of one table, in the order of its key.
Rows = list[dict[str, Any]]

#: A warehouse: its engine and our schema there.
Place = tuple[sa.Engine, str | None]

#: Views that have no row in any warehouse.
NEVER_FILLED = {"bop_proc_child"}


def fill(folder: Path) -> Path:
    """A warehouse that has seen some nights: every table has rows, one publication is out, one before it is retired."""
    path = folder / "w.db"
    with (
        mock.patch("socket.gethostname", return_value="planning"),
        mock.patch("routing_etl.warehouse.run_records.process_identity", return_value="boot/pid/1"),
    ):
        publisher, settings = warehouse(path, publish_mode="table")
        _nights(folder, publisher)
        _record(folder, RunRecords(publisher._engine, settings), ModelRecords(publisher._engine, settings))
    adopt(publisher._engine, settings.warehouse_schema, "3H18091DB", "3H18091DB_C01", "kim")
    publisher._engine.dispose()
    return path


def _nights(folder: Path, publisher: Publisher) -> None:
    frames = many_frames(2, candidates=1, operations=2, evidence=1)
    frames["resource_alternatives"] = frames["resource_alternatives"].head(6)
    first = publisher.load(write_frames(folder / "a", frames), run_id="n1", model_version="m1")
    publisher.publish(first.publication_id)
    rows = known_rows()
    other = {"item_cd": "5H50005QD", "item_key": "5H50005QD"}
    rows["candidates"] += [
        CANDIDATE
        | {"candidate_rank": 2, "candidate_id": "3H18091DB_C02", "priority": "fallback"}
        | {"routing_code": "A01-2"},
        CANDIDATE | other | {"candidate_id": "5H50005QD_C01", "similarity_tier": "LOW"},
    ]
    rows["candidate_operations"] += [
        OPERATION | {"candidate_rank": 2},
        OPERATION | other | {"job_nm": "𠀀 누설", "time_source": "model", "lot_exponent": None},
    ]
    rows["resource_alternatives"].append(RESOURCE | {"res_cd": "CNC-09", "alternative_rank": 4})
    second = publisher.load(write_rows(folder / "b", rows), run_id="n2", model_version="m2")
    publisher.publish(second.publication_id)


def _record(folder: Path, runs: RunRecords, models: ModelRecords) -> None:
    metric = {"method": "model", "split": "time", "segment": "all", "metric": "accuracy", "n": 100}
    for number, value in (("1", 0.875), ("2", 0.9)):
        run, version = f"n{number}", f"m{number}"
        runs.start_run(run, "night", profile="bi_views", config_hash="c" * 64, metadata={"단계": 1})
        models.store_model_version(TrainedVersion(version, number * 64))
        frame = pl.DataFrame([metric | {"value": value, "low": value - 0.01, "high": value + 0.01}])
        models.store_metrics(version, frame, run_id=run)
        models.activate(version, who="kim")
    check = CheckOutcome(
        "items", "item_cd not null", "expect_not_null", "item_cd", "critical", False, "1", "0", 10, 1, ("가",)
    )
    runs.store_checks("n2", [check])
    reject = {"source_table": "items", "row_key": "K1", "rule": "duplicate_key", "reason": "There already."}
    (folder / "rejects").mkdir()
    REJECTS.conform(pl.DataFrame([reject | {"raw_values": '{"ITEM_CD": "한"}'}])).write_parquet(
        folder / "rejects" / "items.parquet"
    )
    runs.store_rejects("n2", folder / "rejects")
    runs.finish_run("n1", RunEnd("failed", message="no space"))
    runs.finish_run("n2", RunEnd("succeeded", rows_read=10, rows_written=8, rows_rejected=1))


def dump(path: Path) -> str:
    """A SQLite warehouse as SQL text, one statement after the other."""
    engine = sa.create_engine(f"sqlite:///{path}")
    revision = current_revision(engine, None)
    engine.dispose()
    with closing(sqlite3.connect(path)) as connection:
        lines = "\n".join(connection.iterdump()).splitlines()
    head = f"-- The warehouse of routing_etl {__version__}, revision {revision}. Never change it."
    return "\n".join([head, *(line.rstrip() for line in lines)]) + "\n"


def load(revision: str, path: Path) -> Path:
    """Make the stored warehouse of a revision as a SQLite file at `path`."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript((STORED / f"warehouse_{revision}.sql").read_text(encoding="utf-8"))
    return path


def stored_revisions() -> list[str]:
    """The revisions of which a warehouse is stored, oldest first."""
    return sorted(p.stem.removeprefix("warehouse_") for p in STORED.glob("warehouse_*.sql"))


def stored_views() -> set[str]:
    """The views that have rows in the last released version's warehouse."""
    text = (STORED / f"warehouse_{stored_revisions()[-1]}.sql").read_text(encoding="utf-8")
    return set(re.findall(r"^CREATE VIEW (\w+)", text, re.M)) - NEVER_FILLED


def rows_at_head(path: Path) -> dict[str, Rows]:
    """Every row of the last released version's warehouse, made at `path` and brought to head, and of tables since then."""
    engine = sa.create_engine(f"sqlite:///{load(stored_revisions()[-1], path)}")
    migrate(engine, None)
    _since_the_release(engine)
    rows = rows_of(engine, None)
    engine.dispose()
    return rows


def publish_review(engine: sa.Engine, settings: Settings) -> None:
    """A review with one standard time, of operation 10 of routing R1 of item 3H18091DB, for which 15 minutes are proposed."""
    values = {
        "item_cd": "3H18091DB", "item_key": "3H18091DB", "rout_no": "R1", "proc_seq": 10, "measure": "run", "job_cd": "A01-2",
        "standard_min": 10.0, "measured_min": 15.0, "low_min": 14.0, "high_min": 16.0, "orders": 8, "orders_all": 8,
        "verdict": "differs", "sure": True, "proposed_min": 15.0, "orders_year": 8, "hours_year": 4.0,
    }  # fmt: skip
    review = STANDARD_TIMES.conform(pl.DataFrame([values]))
    facts = ReviewFacts("n2", None, 1, 1, 0, 0, 1, 1, 0, 4.0, 0.1, 0.05, 6, 3.0)
    StandardTimes(engine, settings).publish(review, facts)


def _since_the_release(engine: sa.Engine) -> None:
    """Rows of the tables that the last released version did not have: a review of standard times, a finding and a read."""
    begin_read(engine, None, "n2")
    settings = load_settings(warehouse_url=str(engine.url))
    publish_review(engine, settings)
    adopt_time(engine, settings.warehouse_schema, Operation("3H18091DB", "R1", 10), "kim")
    names = (
        "check",
        "title",
        "dimension",
        "segment",
        "unit",
        "cost",
        "examples",
        "reason",
        "meaning",
        "remedy",
    )
    finding = pl.DataFrame([dict.fromkeys(names, "all") | {"touched": 1, "whole": 2, "share": 0.5}])
    store_health(engine, settings, "n2", finding)
    figure = Figure("exact_at_1", 0.5, 0.45, 0.05, 0.01, 0.09, 0.02, 300, "better", window_id="w" * 64)
    refused = Decision("refused", "m1", "m2", "kim", "cli", "worse 등급", "n2", figures=(figure,))
    Decisions(engine, settings.warehouse_schema).record(refused)
    _insert_outcome(engine)
    record_deed(engine, settings, Deed("adopt", "kim", "cli", subject="3H18091DB 3H18091DB_C01"))
    with engine.begin() as connection:
        connection.execute(
            sa.insert(tables(None).time_profile_month),
            [
                {
                    "month": date(2026, month, 1), "job_cd": "A01-2", "res_cd": "CNC-01", "measure": "run", "samples": 8,
                    "optimal_min": 2.0, "standard_min": 3.0 * month, "safe_min": 40.0, "last_report": date(2026, 4, 2), "run_id": "n2",
                }
                for month in (4, 5)
            ],
        )  # fmt: skip
        change = {"publication_id": 1, "compared_with": 1, "items_before": 1, "items_shown": 2}
        connection.execute(
            sa.insert(tables(None).publication_change),
            [{**change, "kind": kind, "items": n} for n, kind in enumerate(CHANGED)],
        )


def _insert_outcome(engine: sa.Engine) -> None:
    values = {
        "item_cd": "3H18091DB", "publication_id": 1, "model_version": "m1", "outcome": "first", "candidate_rank": 1,
        "candidates": 2, "confidence": 0.5, "part_type": "축", "predicted_code": "A01-2", "written_code": "A01-2",
        "predicted_operations": 1, "written_operations": 1, "common_operations": 1, "adopted": False,
        "observed_at": now(), "observed_run": "n2",
    }  # fmt: skip
    with engine.begin() as connection:
        connection.execute(sa.insert(tables(None).prediction_outcome), [values])


@contextmanager
def _reflected(engine: sa.Engine, schema: str | None) -> Iterator[tuple[sa.Connection, list[sa.Table]]]:
    """The tables of the database as they are there, whichever its revision, parents before children."""
    metadata = sa.MetaData(schema=schema)
    order = [t.name for t in tables(None).metadata.sorted_tables]  # not every server tells its foreign keys
    with engine.begin() as connection:
        metadata.reflect(connection, views=False)
        found = [t for t in metadata.tables.values() if t.name != VERSION_TABLE]
        yield connection, sorted(found, key=lambda t: order.index(t.name))


def rows_of(engine: sa.Engine, schema: str | None) -> dict[str, Rows]:
    """Every row of every table."""
    with _reflected(engine, schema) as (connection, tables):
        return {
            t.name: [
                dict(r) for r in connection.execute(sa.select(t).order_by(*t.primary_key.columns)).mappings()
            ]
            for t in tables
        }


def view_rows(engine: sa.Engine, schema: str | None) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every view, in an order of its own."""
    metadata = sa.MetaData(schema=schema)
    names = sa.inspect(engine).get_view_names(schema)
    with engine.connect() as connection:
        views = [sa.Table(n, metadata, schema=schema, autoload_with=connection) for n in names]
        return {
            v.name: sorted(
                (tuple(r) for r in connection.execute(sa.select(v))), key=lambda r: tuple(map(str, r))
            )
            for v in views
        }


def insert(engine: sa.Engine, schema: str | None, rows: dict[str, Rows]) -> dict[str, Rows]:
    """Insert the rows as far as the database has their tables and columns; returns them as it holds them."""
    with _reflected(engine, schema) as (connection, tables):
        for table in tables:
            # not every catalogue keeps the case of a name
            names = {column.name.lower(): column.name for column in table.c}
            fitting = [
                {names[n.lower()]: v for n, v in row.items() if n.lower() in names}
                for row in rows.get(table.name, [])
            ]
            if fitting:
                with _identity_insert(connection, table):
                    connection.execute(sa.insert(table), fitting)
    return rows_of(engine, schema)


@contextmanager
def _identity_insert(connection: sa.Connection, table: sa.Table) -> Iterator[None]:
    """Let a server of SQL Server's kind take given ids, where its catalogue does not say that they are its own."""
    ours = tables(None).metadata.tables[table.name].autoincrement_column
    needed = connection.dialect.name == "mssql" and ours is not None and table.autoincrement_column is None
    name = table.fullname
    if needed:
        connection.exec_driver_sql(f"SET IDENTITY_INSERT {name} ON")
    yield
    if needed:
        connection.exec_driver_sql(f"SET IDENTITY_INSERT {name} OFF")


def check_kept(before: dict[str, Rows], after: dict[str, Rows]) -> None:
    """Every row of before is there afterwards, in every table and column that both have."""
    for table in before.keys() & after.keys():
        for old, new in zip(before[table], after[table], strict=True):
            shared = old.keys() & new.keys()
            assert {n: old[n] for n in shared} == {n: new[n] for n in shared}, table


def check_upgrade(old: Place, head: Place, rows: dict[str, Rows]) -> None:
    """Rows put into an empty warehouse of an earlier revision are there at head, and all views return them.

    Parameters
    ----------
    old : Place
        Warehouse of the earlier revision, without rows.
    head : Place
        Warehouse at head, without rows: its views say what those of `old` must return.
    rows : dict of str to list
        Rows of all tables.
    """
    inserted = insert(*old, rows)
    assert all(inserted[name] for name in rows.keys() & inserted.keys())
    before = view_rows(*old)
    migrate(*old)
    check_kept(inserted, rows_of(*old))
    insert(*head, rows_of(*old))
    shown = view_rows(*old)
    wanted = view_rows(*head)
    for name in shown.keys() | wanted.keys():
        assert shown[name] == wanted[name], name
    assert all(shown[name] for name in stored_views() & shown.keys())
    assert {n: len(rows) for n, rows in before.items()} == {n: len(shown[n]) for n in before}


def check_downgrade(later: Place, earlier: Place, revision: str, rows: dict[str, Rows]) -> None:
    """Going down by one keeps the rows of the tables and columns that stay, and leaves that revision's own shape.

    Parameters
    ----------
    later, earlier : Place
        Warehouses of neighbouring revisions, without rows.
    revision : str
        The revision of `earlier`.
    rows : dict of str to list
        Rows of all tables.
    """
    inserted = insert(*later, rows)
    assert all(inserted[name] for name in rows.keys() & inserted.keys())
    downgrade(*later, revision)
    assert differences(shape_of_database(*later), shape_of_database(*earlier)) == []
    check_kept(inserted, rows_of(*later))
    insert(*earlier, rows)
    shown, wanted = view_rows(*later), view_rows(*earlier)
    for name in shown.keys() | wanted.keys():
        assert shown[name] == wanted[name], name
    migrate(*later)
    check_kept({n: inserted[n] for n in ("candidate", "publication", "model_metric")}, rows_of(*later))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        Path(sys.argv[1]).write_text(dump(fill(Path(temporary))), encoding="utf-8")
