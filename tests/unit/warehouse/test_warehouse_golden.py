"""What SQL Server is sent: reviewed as one text, kept equal to it, and checked for what must never be in it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import sqlalchemy as sa
import sqlglot
from sqlalchemy.dialects import mssql
from warehouse_golden import record, render

from routing_etl.warehouse import changes
from routing_etl.warehouse.publish import Publisher
from routing_etl.warehouse.schema import tables

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "mssql_statements.sql"


@pytest.fixture(scope="module")
def sent(tmp_path_factory):
    return record(tmp_path_factory.mktemp("golden")).parts


@pytest.fixture(scope="module")
def statements(sent):
    return [s for part in sent.values() for s in part]


def test_the_reviewed_text_is_current(sent):
    holder = type("Made", (), {"parts": sent})()
    assert GOLDEN.read_text(encoding="utf-8") == render(holder), (
        "Statements changed: review them, then python tests/support/warehouse_golden.py tests/golden/mssql_statements.sql"
    )


def test_every_statement_parses_as_t_sql(statements):
    for statement in statements:
        if "sp_" in statement:
            continue  # a procedure call in a batch of its own, checked below
        text = re.sub(r"(?<![\w']):(\w+)", r"@\1", statement).replace("%s", "NULL")
        assert sqlglot.parse_one(text, read="tsql", error_level=sqlglot.ErrorLevel.RAISE) is not None


def test_nothing_merges_truncates_or_reads_what_is_not_committed(statements):
    for statement in statements:
        assert not re.search(
            r"\bMERGE\b|\bTRUNCATE\b|\bNOLOCK\b|\bDROP\b|\bALTER\b|\bCREATE\b", statement, re.I
        )


def test_the_lock_is_a_sessions_does_not_wait_and_its_code_is_read(sent):
    take, free = sent["lock, only on SQL Server"]
    assert take.startswith("DECLARE @result int; EXEC @result = sp_getapplock ")
    assert "@LockOwner = 'Session'" in take and "@LockTimeout = 0" in take and take.endswith("SELECT @result")
    assert free.startswith("EXEC sp_releaseapplock ") and "@LockOwner = 'Session'" in free


def test_every_update_that_must_find_its_row_returns_it(sent):
    """Under NOCOUNT the driver tells no row count."""
    moved = [s for s in sent["publish: the pointer"] if s.startswith("UPDATE routing.current_publication")]
    assert len(moved) == 1 and "OUTPUT inserted.slot" in moved[0]
    assert moved[0].endswith(
        "slot = :slot_1 AND routing.current_publication.publication_id = :publication_id_1"
    )
    beats = [s for s in sent["load"] if "SET heartbeat_at" in s]
    assert len(beats) == 1 and "OUTPUT inserted.name" in beats[0]


def test_purges_stay_under_the_lock_escalation(sent):
    items, jobs = ([t.name for t, _ in Publisher._by_number(v)] for v in tables("routing").versioned)
    for part in ("purge", "take back a load"):
        deletes = [s for s in sent[part] if s.startswith("DELETE")]
        assert [re.match(r"DELETE TOP \(4000\) FROM routing\.(\w+) WHERE", s)[1] for s in deletes] == [
            *items,
            *jobs,
        ]


def test_checksums_count_utf_16_units_and_cannot_overflow(sent):
    for statement in sent["reconcile"]:
        assert "LEN(" not in statement.replace("datalength(", "")
        sums = re.findall(r"sum\(.*? AS \w+_t\b", statement)
        assert sums and all("BIGINT" in total or "CASE WHEN" in total for total in sums)


# --- counting and deleting, as far as SQLite can show it ----------------------------------------------------------------
@pytest.fixture
def numbers():
    table = sa.Table("t", sa.MetaData(), sa.Column("n", sa.Integer, primary_key=True))
    engine = sa.create_engine("sqlite://")
    with engine.connect() as connection:
        table.create(connection)
        connection.execute(sa.insert(table), [{"n": n} for n in range(10)])
        yield connection, table


@pytest.mark.parametrize("dialect", ["sqlite", "mssql"])
def test_changed_rows_are_counted_with_and_without_the_drivers_help(numbers, dialect, monkeypatch):
    connection, table = numbers
    where = table.c.n >= 7
    assert (
        changes.affected(connection, sa.update(table).where(where).values(n=table.c.n + 100), table.c.n) == 3
    )
    if dialect == "mssql":
        monkeypatch.setattr(connection.dialect, "name", "mssql")
        monkeypatch.setattr(changes, "has_triggers", lambda *_: False)
    assert changes.affected(connection, sa.delete(table).where(table.c.n < 5), table.c.n) == 5
    assert changes.affected(connection, sa.delete(table).where(table.c.n < 5), table.c.n) == 0


def test_a_delete_in_parts_says_whether_rows_are_left(numbers, monkeypatch):
    connection, table = numbers
    monkeypatch.setattr(connection.dialect, "name", "mssql")
    monkeypatch.setattr(changes, "delete_part", lambda t, w: sa.delete(t).where(w, t.c.n < limit))
    step = changes.delete_step(table, table.c.n < 8)
    left = []
    for upper in (3, 6, 9):
        limit = upper
        left.append(step(connection))
    assert left == [True, True, False]
    assert connection.execute(sa.select(sa.func.count()).select_from(table)).scalar() == 2


def test_a_delete_in_statements_goes_on_while_a_statement_was_full(numbers, monkeypatch):
    connection, table = numbers
    sizes = iter([3, 3, 1])
    monkeypatch.setattr(changes, "ROWS_PER_DELETE", 3)
    monkeypatch.setattr(connection.dialect, "name", "mssql")
    monkeypatch.setattr(changes, "affected", lambda *_: next(sizes))
    assert changes.delete_all(connection, table, table.c.n >= 0, table.c.n) == 7
    assert next(sizes, None) is None


def test_top_is_written_for_sql_server_only(numbers):
    _, table = numbers
    statement = changes.delete_part(table, table.c.n > 1)
    assert str(statement.compile(dialect=mssql.dialect())).startswith("DELETE TOP (4000) FROM t ")
    assert "TOP" not in str(statement.compile(dialect=sa.create_engine("sqlite://").dialect))
