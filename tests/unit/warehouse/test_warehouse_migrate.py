"""Migrations: they make what the metadata says, forwards and backwards, as statements and as text."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import sqlalchemy as sa
import sqlglot
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlglot import errors as sqlglot_errors
from warehouse_predictions import known_rows, warehouse, write_rows
from warehouse_shape import view_made_again

from routing_etl.database.engine import make_engine
from routing_etl.errors import ConfigurationError, WarehouseError
from routing_etl.settings import load_settings
from routing_etl.warehouse import migrate as m
from routing_etl.warehouse.compression import compression_refused
from routing_etl.warehouse.schema import tables
from routing_etl.warehouse.views import VIEW_NAMES

ROOT = Path(__file__).resolve().parents[3]
READ = {"mssql": "tsql", "sqlite": "sqlite", "postgresql": "postgres"}


@pytest.fixture
def engine(tmp_path):
    url = f"sqlite:///{(tmp_path / 'w.db').as_posix()}"
    engine = make_engine(url, "warehouse", load_settings(home=tmp_path))
    yield engine
    engine.dispose()


def statements(text: str, dialect: str) -> list[str]:
    """The script's batches without comments."""
    body = re.sub(r"^--.*$", "", text, flags=re.M)
    parts = re.split(r"^GO\s*$", body, flags=re.M) if dialect == "mssql" else [body]
    return [p.strip() for p in parts if p.strip()]


def test_head_is_what_the_metadata_says(engine):
    m.migrate(engine, None)
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={"version_table": m.VERSION_TABLE, "compare_type": True, "compare_server_default": True},
        )
        assert compare_metadata(context, tables(None).metadata) == []
        inspector = sa.inspect(connection)
        assert set(inspector.get_view_names()) == set(VIEW_NAMES)
        for table in tables(None).metadata.sorted_tables:
            checks = {c["name"] for c in inspector.get_check_constraints(table.name)}
            wanted = {c for c in table.constraints if isinstance(c, sa.CheckConstraint)}
            names = {engine.dialect.identifier_preparer.format_constraint(c) for c in wanted}
            assert checks == names, table.name


def test_up_down_up_and_twice(engine):
    m.migrate(engine, None)
    m.migrate(engine, None)
    m.downgrade(engine, None, "base")
    with engine.connect() as connection:
        assert sa.inspect(connection).get_table_names() == [m.VERSION_TABLE]
        assert sa.inspect(connection).get_view_names() == []
    for revision in m.revisions():
        m.migrate(engine, None, revision)
    m.check_head(engine, None)
    for revision in m.revisions()[-2::-1]:
        m.downgrade(engine, None, revision)
    m.migrate(engine, None)
    m.check_head(engine, None)


def test_history_is_one_line():
    assert len(m.revisions()) == len(set(m.revisions())) >= 2
    assert m.revisions()[-1] == m.head_revision()


def test_a_migration_that_fails_leaves_nothing_half_done(engine):
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE writer_lock (x INTEGER)")
    with pytest.raises(WarehouseError, match="writer_lock"):
        m.migrate(engine, None)
    with engine.connect() as connection:
        assert sa.inspect(connection).get_table_names() == ["writer_lock"]


def test_an_unmigrated_database_is_refused_with_the_command(engine):
    with pytest.raises(WarehouseError, match=r"none of our tables.*routing-etl migrate"):
        m.check_head(engine, None)


def test_an_older_revision_is_refused_with_the_command(engine):
    m.migrate(engine, None, "0001")
    with pytest.raises(WarehouseError, match=r"'0001'.*routing-etl migrate"):
        m.check_head(engine, None)


def test_a_newer_revision_is_refused_and_never_downgraded(engine):
    m.migrate(engine, None)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE {m.VERSION_TABLE} SET version_num = '9999'")
    with pytest.raises(WarehouseError, match=r"'9999'.*newer version"):
        m.check_head(engine, None)
    with pytest.raises(WarehouseError, match="9999"):
        m.migrate(engine, None)


def test_an_unknown_revision_names_the_known_ones(engine):
    with pytest.raises(WarehouseError, match=r"nonsense.*0001"):
        m.migrate(engine, None, "nonsense")


@pytest.mark.parametrize("dialect", m.DIALECTS)
@pytest.mark.parametrize("revision", ["head", "base"])
def test_sql_text_parses(dialect, revision):
    text = m.migrate_sql(dialect, "routing", revision)
    assert "routing_flat" in text
    for batch in statements(text, dialect):
        again = view_made_again(batch.removeprefix("BEGIN TRANSACTION;").strip())
        batch = again[1] if again else batch
        try:
            sqlglot.parse(batch, read=READ[dialect], error_level=sqlglot.ErrorLevel.RAISE)
        except sqlglot_errors.ParseError as exc:
            pytest.fail(f"{exc}\n{batch[:500]}")


def test_sql_server_text_uses_nothing_that_readers_or_old_servers_lack():
    text = m.migrate_sql("mssql", "routing")
    assert "CREATE SCHEMA [routing]" in text
    text = text.replace("SET @verb = N'ALTER'", "")  # where the server is Microsoft's
    for word in (
        "OR ALTER",
        "ALTER VIEW",
        "NTEXT",
        " DATETIME ",
        "CREATE OR REPLACE",
        "DROP TABLE",
        "TRUNCATE",
    ):
        assert word not in text
    for batch in statements(text, "mssql"):
        if "CREATE VIEW" in batch:
            assert batch.startswith("CREATE VIEW"), "CREATE VIEW must be the first statement of its batch"


def test_the_schema_name_is_checked_not_pasted():
    with pytest.raises(ConfigurationError, match="not usable"):
        m.migrate_sql("mssql", "routing]; DROP TABLE x --")
    assert "[plan]" in m.migrate_sql("mssql", "plan") or "plan." in m.migrate_sql("mssql", "plan")


def test_compression_is_guarded_and_hidden_from_servers_that_lack_it():
    text = m.migrate_sql("mssql", "routing")
    lines = [line for line in text.splitlines() if "DATA_COMPRESSION" in line]
    large = [t.name for t in (*tables(None).published, tables(None).routing_flat_table)]
    assert [re.search(r"\[routing\]\.\[(\w+)\]", line)[1] for line in lines] == large
    assert all(line.startswith("IF SERVERPROPERTY(N'Babelfish') IS NULL AND (") for line in lines)
    assert all("EXEC(N'ALTER TABLE" in line for line in lines)
    assert "DATA_COMPRESSION" not in m.migrate_sql("sqlite") + m.migrate_sql("postgresql")


@pytest.mark.parametrize(("answer", "refused"), [(1, False), (0, True)])
def test_a_server_without_compression_is_left_as_it_is(answer, refused):
    with sa.create_engine("sqlite://").connect() as connection:
        real = connection.exec_driver_sql
        connection.exec_driver_sql = lambda _: real(f"SELECT {answer}")
        assert compression_refused(connection) is refused


def test_an_unknown_dialect_names_the_known_ones():
    with pytest.raises(ConfigurationError, match=r"oracle.*sqlite, mssql, postgresql"):
        m.migrate_sql("oracle")


@pytest.mark.parametrize("dialect", ["mssql", "sqlite", "postgresql"])
def test_the_rendered_ddl_for_dbas_is_current(dialect):
    path = ROOT / "sql" / "ddl" / f"{dialect}.sql"
    assert path.read_text(encoding="utf-8") == m.migrate_sql(dialect, "routing") + "\n", (
        f"Tables or views changed: write a new migration, then routing-etl migrate --sql --dialect {dialect} > {path}"
    )


def test_tables_with_rows_in_them_can_be_removed(tmp_path):
    publisher, _ = warehouse(tmp_path / "w.db")
    loaded = publisher.load(write_rows(tmp_path / "p", known_rows()), run_id="r", model_version="m")
    publisher.publish(loaded.publication_id)
    m.downgrade(publisher._engine, None, "base")
    m.migrate(publisher._engine, None)
    assert publisher.list() == []
