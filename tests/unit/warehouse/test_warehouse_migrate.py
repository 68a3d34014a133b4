"""Migrations: they make what the metadata says, forwards and backwards, as statements and as text."""

from __future__ import annotations

import re
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest
import sqlalchemy as sa
import sqlglot
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlglot import errors as sqlglot_errors
from warehouse_predictions import known_rows, warehouse, write_rows
from warehouse_scripts import batches, inner
from warehouse_shape import shape_of_database

from routing_etl.database.engine import make_engine
from routing_etl.errors import ConfigurationError, WarehouseError
from routing_etl.settings import load_settings
from routing_etl.warehouse import migrate as m
from routing_etl.warehouse.compression import compression_refused
from routing_etl.warehouse.schema import tables
from routing_etl.warehouse.view_again import made_again
from routing_etl.warehouse.views import VIEW_NAMES

ROOT = Path(__file__).resolve().parents[3]
READ = {"mssql": "tsql", "sqlite": "sqlite", "postgresql": "postgres"}


@pytest.fixture
def engine(tmp_path):
    url = f"sqlite:///{(tmp_path / 'w.db').as_posix()}"
    engine = make_engine(url, "warehouse", load_settings(home=tmp_path))
    yield engine
    engine.dispose()


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
    texts = [t.replace("REPLACE VIEW", "CREATE VIEW") for t in inner(text, dialect)]
    assert len(texts) > 40
    if dialect == "mssql":
        # The parser does not know THROW and EXEC of a text; everything around them is parsed.
        unknown = re.compile(r"THROW \d+, [^;]+;|EXEC\(.*\);", re.S)
        texts += [unknown.sub("SELECT 1;", batch) for batch in batches(text)]
    for statement in texts:
        try:
            sqlglot.parse(statement, read=READ[dialect], error_level=sqlglot.ErrorLevel.RAISE)
        except sqlglot_errors.ParseError as exc:
            pytest.fail(f"{exc}\n{statement[:500]}")


def test_sql_server_text_uses_nothing_that_readers_or_old_servers_lack():
    text = m.migrate_sql("mssql", "routing")
    assert "CREATE SCHEMA [routing]" in text
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
    for statement in inner(text, "mssql"):
        if " VIEW " in statement and not statement.startswith("IF SERVERPROPERTY"):
            assert re.match(r"(CREATE|REPLACE) VIEW ", statement), "CREATE VIEW must be alone in its batch"


def test_a_column_changes_its_type_in_two_forms_on_sql_server():
    """A server that is based on PostgreSQL has no NOT NULL there (it stays), and refuses while a view shows the column."""
    changed = [
        statement
        for steps in (
            m.steps("mssql", "routing", "base", "head"),
            m.steps("mssql", "routing", "head", "base"),
        )
        for step in steps
        for statement in step.statements
        if "ALTER COLUMN" in statement
    ]
    ours = [s for s in changed if s.startswith("IF SERVERPROPERTY(N'Babelfish') IS NULL EXEC(N'ALTER TABLE")]
    others = [
        s for s in changed if s.startswith("IF SERVERPROPERTY(N'Babelfish') IS NOT NULL EXEC(N'DROP VIEW")
    ]
    assert len(ours) == len(others) == 2 and len(changed) == 4
    assert all(s.endswith("NOT NULL;')") for s in ours) and not any("NOT NULL;" in s for s in others)


def test_the_schema_name_is_checked_not_pasted():
    with pytest.raises(ConfigurationError, match="not usable"):
        m.migrate_sql("mssql", "routing]; DROP TABLE x --")
    assert "[plan]" in m.migrate_sql("mssql", "plan") or "plan." in m.migrate_sql("mssql", "plan")


def test_compression_is_guarded_and_hidden_from_servers_that_lack_it():
    text = m.migrate_sql("mssql", "routing")
    lines = [line for s in inner(text, "mssql") for line in s.splitlines() if "DATA_COMPRESSION" in line]
    tb = tables(None)
    later = (tb.item_version, tb.job_version, tb.rejected_row)
    large = [t.name for t in (*tb.published, tb.routing_flat_table, *later)]
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


# --- the script for somebody else ---------------------------------------------------------------------------------------
def sqlite_client(path, text):
    """What the program sqlite3 says to a script: exit code and errors."""
    done = subprocess.run(
        [shutil.which("sqlite3") or pytest.skip("the program sqlite3 is not installed"), str(path)],
        input=text, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    return done.returncode, done.stderr


@pytest.mark.slow
def test_scripts_go_up_and_down_as_the_product_does(engine, tmp_path):
    """From nothing, revision by revision, back, and up again in one script, by the database's own client."""
    path, wanted = tmp_path / "by_script.db", {}
    for revision in m.revisions():
        m.migrate(engine, None, revision)
        wanted[revision] = shape_of_database(engine, None)
    other = sa.create_engine(f"sqlite:///{path}")
    ways = [*pairwise(["base", *m.revisions()]), *pairwise(m.revisions()[::-1]), (m.revisions()[0], "head")]
    for start, end in ways:
        assert sqlite_client(path, m.migrate_sql("sqlite", None, end, start)) == (0, "")
        at = m.head_revision() if end == "head" else end
        assert m.current_revision(other, None) == at
        assert shape_of_database(other, None) == wanted[at]
    m.check_head(other, None)


def test_a_script_that_does_not_begin_where_the_database_is_changes_nothing(tmp_path):
    path = tmp_path / "w.db"
    other = sa.create_engine(f"sqlite:///{path}")
    m.migrate(other, None, "0003")
    before = shape_of_database(other, None)
    for start, end in (("0004", "0005"), ("0005", "0004"), ("base", "0002"), ("0002", "base")):
        code, said = sqlite_client(path, m.migrate_sql("sqlite", None, end, start))
        assert code != 0 and "is not at the revision that this script begins at, nothing was changed" in said
        assert shape_of_database(other, None) == before and m.current_revision(other, None) == "0003"


def test_a_script_that_fails_in_the_middle_changes_nothing(tmp_path):
    path = tmp_path / "w.db"
    other = sa.create_engine(f"sqlite:///{path}")
    m.migrate(other, None, "0002")
    with other.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE routing_flat_table (x INTEGER)")
    before = shape_of_database(other, None)
    code, said = sqlite_client(path, m.migrate_sql("sqlite", None, "head", "0002"))
    assert code != 0 and "routing_flat_table already exists" in said
    assert shape_of_database(other, None) == before and m.current_revision(other, None) == "0002"


def test_every_statement_for_sql_server_is_guarded_by_revision_and_transaction():
    """Also in a tool that goes on after an error: a rolled back transaction runs nothing more."""
    for start, end in (("base", "head"), ("0003", "head"), ("0005", "0002"), ("0005", "base")):
        way = m.steps("mssql", "plan", start, end)
        found = batches(m.migrate_sql("mssql", "plan", end, start))
        first = next(n for n, b in enumerate(found) if b.startswith("DECLARE @rows"))
        guarded, last = found[first + 1 : -2], found[-2:]
        assert len(guarded) == sum(len(step.statements) + 1 for step in way)
        for step in way:
            at = (
                "NOT EXISTS (SELECT 1 FROM [plan].schema_version)"
                if step.before == "base"
                else f"EXISTS (SELECT 1 FROM [plan].schema_version WHERE version_num = '{step.before}')"
            )
            for statement in (*step.statements, "version"):
                batch, guarded = guarded[0], guarded[1:]
                acts = batch.count("\nEXEC(N'") + batch.count("\nEXEC(@verb + N'")
                assert acts == (2 if statement.startswith("REPLACE VIEW") else 1)
                assert batch.count(f"IF @@TRANCOUNT > 0 AND {at}") == acts
                assert batch.endswith("\nIF @@ERROR <> 0 AND @@TRANCOUNT > 0 ROLLBACK TRANSACTION;")
        assert guarded == [] and last[0].startswith("IF @@TRANCOUNT = 0\nBEGIN\n    THROW ")
        assert last[1] == "IF @@TRANCOUNT > 0 COMMIT TRANSACTION;"
        assert found[0].startswith("SET XACT_ABORT ON;")


def test_the_scripts_move_the_version_as_the_product_does(tmp_path):
    for dialect in m.DIALECTS:
        text = m.migrate_sql(dialect, "routing", "head", "base")
        moves = re.findall(r"(?:VALUES \('+|SET version_num = '+)(\d{4})", text)
        assert moves == m.revisions()


@pytest.mark.parametrize(
    ("start", "end", "message"),
    [
        ("0004", "0004", "nothing between"),
        ("9999", "head", "'9999' is unknown"),
        ("base", "x", "'x' is unknown"),
    ],
)
def test_a_script_that_cannot_be_written_is_refused(start, end, message):
    with pytest.raises(ConfigurationError, match=message):
        m.migrate_sql("mssql", "routing", end, start)


# --- more than one head ---------------------------------------------------------------------------------------------------
def test_a_version_table_of_two_revisions_is_explained(engine):
    m.migrate(engine, None)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"INSERT INTO {m.VERSION_TABLE} VALUES ('0003')")
    head = m.head_revision()
    with pytest.raises(WarehouseError) as caught:
        m.check_head(engine, None)
    said = str(caught.value)
    assert f"names 2 revisions in schema_version: '0003', '{head}'" in said
    (mend,) = re.findall(
        rf"If its steps have all run: (DELETE FROM schema_version WHERE version_num <> '{head}')", said
    )
    with engine.begin() as connection:
        connection.exec_driver_sql(mend)
    m.check_head(engine, None)


def test_a_second_head_of_another_version_is_not_called_ours(engine):
    m.migrate(engine, None)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"INSERT INTO {m.VERSION_TABLE} VALUES ('feed')")
    with pytest.raises(
        WarehouseError, match=r"'feed' is of another version of routing_etl: go back with that version"
    ):
        m.check_head(engine, None)


def test_two_heads_of_the_folder_are_named(tmp_path, monkeypatch):
    folder = tmp_path / "migrations"
    shutil.copytree(m.script_location(), folder, ignore=shutil.ignore_patterns("__pycache__"))
    text = (folder / "versions" / "0005_seeks.py").read_text(encoding="utf-8")
    (folder / "versions" / "0005x.py").write_text(text.replace('"0005"', '"0005x"'), encoding="utf-8")
    monkeypatch.setattr(m, "script_location", lambda: folder)
    with pytest.raises(WarehouseError, match=r"2 heads: .*0005x.*down_revision"):
        m.head_revision()


# --- a view made again ----------------------------------------------------------------------------------------------------
AGAIN = """DECLARE @verb nvarchar(6) = N'CREATE';
IF OBJECT_ID(N'routing.v', N'V') IS NOT NULL AND SERVERPROPERTY(N'Babelfish') IS NULL SET @verb = N'ALTER';
IF @@TRANCOUNT > 0 AND @verb = N'CREATE' AND OBJECT_ID(N'routing.v', N'V') IS NOT NULL
EXEC(N'DROP VIEW routing.v');
IF @@TRANCOUNT > 0
EXEC(@verb + N' VIEW routing.v AS
SELECT
    N''외주'' AS a')"""


def test_a_view_made_again_is_altered_on_sql_server():
    """ALTER VIEW keeps the rights; only a server without it drops the view."""
    assert made_again("routing.v", "SELECT\n    N'외주' AS a", "mssql", "@@TRANCOUNT > 0") == [AGAIN]
    again = [
        s for step in m.steps("mssql", "routing", "0004", "0005") for s in step.statements if "VIEW" in s
    ]
    assert len(again) == 6 and all(s.startswith("REPLACE VIEW routing.") for s in again)


def test_no_revision_after_the_first_ones_drops_a_view_that_it_makes_again():
    for dialect in m.DIALECTS:
        for step in m.steps(dialect, "routing", "0004", "head"):
            made = {s.split()[2] for s in step.statements if s.startswith("CREATE VIEW")}
            dropped = {s.split()[2] for s in step.statements if s.startswith("DROP VIEW")}
            assert made & dropped == set(), "REPLACE VIEW keeps the rights on it"
