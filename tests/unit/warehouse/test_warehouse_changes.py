"""How many rows a statement changed and which key a row got, on a SQL Server whose tables have triggers and without.

A driver stands in that keeps what it is sent and answers what a test says. The T-SQL itself is run in tests/mssql.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import pytest
import sqlalchemy as sa
import sqlglot

from routing_etl.database import sqlserver
from routing_etl.settings import load_settings
from routing_etl.warehouse.changes import affected, insert_for_key
from routing_etl.warehouse.schema import tables


class Driver(ModuleType):
    """Stands for pyodbc, its connections and its cursors."""

    paramstyle, version = "qmark", "5.0.0"
    Cursor = type("Cursor", (), {"nextset": None})
    Error = DatabaseError = type("Error", (Exception,), {})

    def __init__(self, answers: dict[str, list[tuple]]):
        super().__init__("pyodbc")
        self.answers, self.sent, self.rows, self.rowcount = answers, [], [], -1

    def __getattr__(self, name):
        """The driver's constants and types; their values do not matter here."""
        if name.isupper():
            return name
        raise AttributeError(name)

    def connect(self, *_, **__):
        return self

    def setinputsizes(self, *_):
        pass

    def cursor(self, *_):
        return self

    def execute(self, statement, *_):
        self.sent.append(statement)
        self.rows = next((list(rows) for words, rows in self.answers.items() if words in statement), [])

    @property
    def description(self):
        return [("", int, None, None, None, None, None)] if self.rows else None

    def fetchall(self):
        found, self.rows = self.rows, []
        return found

    def fetchone(self):
        return self.rows.pop(0) if self.rows else None

    def nextset(self):
        return False

    def close(self):
        pass

    commit = rollback = close


@pytest.fixture
def server(tmp_path) -> Callable[..., tuple[sa.Engine, Driver]]:
    """Makes an engine of SQL Server over a driver with answers."""

    def make(**answers: list[tuple]):
        driver = Driver({words.replace("_", " ").strip(): rows for words, rows in answers.items()})
        engine = sa.create_engine("mssql+pyodbc://u:p@h/d", module=driver, _initialize=False)
        engine.dialect.default_isolation_level = "READ COMMITTED"
        sqlserver.prepare_sessions(engine, load_settings(home=tmp_path, _env_file=None))
        return engine, driver

    return make


BATCH = tables("routing").publication
MOVE = sa.update(BATCH).where(BATCH.c.id == 7).values(state="failed")


def parses(statement: str) -> None:
    for part in sqlglot.parse(statement.replace("?", "1"), read="tsql", error_level=sqlglot.ErrorLevel.RAISE):
        assert part is not None


def test_changed_rows_come_back_by_output_where_there_is_no_trigger(server):
    engine, driver = server(OBJECTPROPERTY=[(0,)], OUTPUT=[(7,), (7,)])
    with engine.connect() as connection:
        assert affected(connection, MOVE, BATCH.c.id) == 2
        assert affected(connection, MOVE, BATCH.c.id) == 2
    assert sum("OBJECTPROPERTY" in s for s in driver.sent) == 1, "asked once for a table"
    assert (
        "UPDATE routing.publication SET state=? OUTPUT inserted.id WHERE routing.publication.id = ?"
        in driver.sent
    )


@pytest.mark.parametrize("statement", [MOVE, sa.delete(BATCH).where(BATCH.c.id == 7)])
def test_with_triggers_no_statement_has_output(server, statement):
    """Error 334: the target table of a statement with OUTPUT and without INTO may have no enabled triggers."""
    engine, driver = server(OBJECTPROPERTY=[(1,)], ROWCOUNT=[(2,)])
    with engine.connect() as connection:
        assert affected(connection, statement, BATCH.c.id) == 2
    (sent,) = (s for s in driver.sent if "ROWCOUNT" in s)
    assert "OUTPUT" not in sent and sent.endswith("; SELECT @@ROWCOUNT")
    parses(sent)


@pytest.mark.parametrize(("triggers", "asks"), [(0, "OUTPUT inserted.id"), (3, "; select scope_identity()")])
def test_the_key_of_a_new_row_is_that_of_its_own_table(server, triggers, asks):
    engine, driver = server(OBJECTPROPERTY=[(triggers,)], INSERT=[(41,)])
    with engine.connect() as connection:
        assert insert_for_key(connection, BATCH, {"run_id": "r", "model_version": "m"}) == 41
    (sent,) = (s for s in driver.sent if "INSERT" in s)
    assert asks in sent and ("OUTPUT" in sent) == (triggers == 0)
    parses(sent.replace("OUTPUT inserted.id", ""))


def test_other_databases_are_not_asked(tmp_path):
    engine = sa.create_engine("sqlite://")
    table = sa.Table(
        "t", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True), sa.Column("a", sa.Integer)
    )
    table.metadata.create_all(engine)
    with engine.begin() as connection:
        assert insert_for_key(connection, table, {"a": 1}) == 1
        assert insert_for_key(connection, table, {"a": 1}) == 2
        assert affected(connection, sa.update(table).values(a=2), table.c.id) == 2
