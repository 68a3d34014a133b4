"""Migrations by somebody else: the scripts of `migrate --sql` on the server, batch by batch as a client sends them."""

from __future__ import annotations

from itertools import pairwise

import pytest
import sqlalchemy as sa
from mssql_server import drop_schema, new_schema
from warehouse_scripts import batches

from routing_etl.errors import WarehouseError
from routing_etl.warehouse import migrate as m
from routing_etl.warehouse.schema import tables
from routing_etl.warehouse.view_again import HAS_ALTER_VIEW
from routing_etl.warehouse.views import VIEW_NAMES


def send(engine: sa.Engine, text: str) -> list[str]:
    """Send all batches over one session, also after an error, as SSMS does. Returns the errors."""
    errors = []
    with engine.connect() as opened:
        connection = opened.execution_options(isolation_level="AUTOCOMMIT")
        cursor = connection.connection.cursor()
        for batch in batches(text):
            try:
                cursor.execute(batch)
                while cursor.nextset():
                    pass
            except engine.dialect.loaded_dbapi.Error as exc:
                errors.append(str(exc))
        cursor.close()
        opened.invalidate()  # the session's settings are the script's
    return errors


@pytest.fixture
def place(engine):
    """A schema that is not there yet, removed at the end."""
    schema = new_schema()
    yield schema
    drop_schema(engine, schema)


def made(engine: sa.Engine, schema: str) -> tuple[set[str], set[str]]:
    inspector = sa.inspect(engine)
    return set(inspector.get_table_names(schema)), set(inspector.get_view_names(schema))


def test_scripts_go_up_and_down_and_twice(engine, place):
    ways = [*pairwise(["base", *m.revisions()]), *pairwise(m.revisions()[::-1]), (m.revisions()[0], "head")]
    for start, end in ways:
        text = m.migrate_sql("mssql", place, end, start)
        at = m.head_revision() if end == "head" else end
        for _ in range(2):
            assert send(engine, text) == []
            assert m.current_revision(engine, place) == at
    m.check_head(engine, place)
    ours = {t.name for t in tables(place).metadata.sorted_tables}
    assert made(engine, place) == (ours | {m.VERSION_TABLE}, set(VIEW_NAMES))


def test_a_script_that_does_not_begin_where_the_database_is_changes_nothing(engine, place):
    assert send(engine, m.migrate_sql("mssql", place, "0002")) == []
    before = made(engine, place)
    errors = send(engine, m.migrate_sql("mssql", place, "head", "0004"))
    assert "is at revision 0002; this script begins at 0004" in errors[0]
    assert made(engine, place) == before and m.current_revision(engine, place) == "0002"


def test_a_script_that_fails_in_the_middle_changes_nothing_though_the_client_goes_on(engine, place):
    assert send(engine, m.migrate_sql("mssql", place, "0002")) == []
    with engine.begin() as connection:
        connection.exec_driver_sql(f"CREATE TABLE {place}.routing_flat_table (x int)")
    before = made(engine, place)
    errors = send(engine, m.migrate_sql("mssql", place, "head", "0002"))
    assert len(errors) >= 2 and "Nothing was changed" in errors[-1]
    assert made(engine, place) == before and m.current_revision(engine, place) == "0002"
    with pytest.raises(WarehouseError, match="is at revision '0002'"):
        m.check_head(engine, place)


@pytest.mark.parametrize("by_script", [True, False])
def test_a_view_that_is_made_again_keeps_its_rights(engine, place, by_script):
    role, view = f"{place}_reader", "bop_proc_master"
    m.migrate(engine, place, "0004")
    query = sa.text(
        "SELECT COUNT(*) FROM sys.database_permissions p JOIN sys.database_principals u "
        "ON u.principal_id = p.grantee_principal_id WHERE u.name = :role AND p.major_id = OBJECT_ID(:view)"
    )

    def granted() -> int:
        with engine.connect() as connection:
            return connection.execute(query, {"role": role, "view": f"{place}.{view}"}).scalar_one()

    with engine.begin() as connection:
        if not connection.exec_driver_sql(f"SELECT CASE WHEN {HAS_ALTER_VIEW} THEN 1 ELSE 0 END").scalar():
            pytest.skip("this server has no ALTER VIEW; the rights are granted again by hand")
        connection.exec_driver_sql(f"CREATE ROLE {role}")
        connection.exec_driver_sql(f"GRANT SELECT ON {place}.{view} TO {role}")
    try:
        if not granted():
            pytest.skip("this server does not show grants in sys.database_permissions")
        if by_script:
            assert send(engine, m.migrate_sql("mssql", place, "head", "0004")) == []
        else:
            m.migrate(engine, place)
        assert granted() == 1
    finally:
        with engine.begin() as connection:
            connection.exec_driver_sql(f"REVOKE SELECT ON {place}.{view} FROM {role}")
            connection.exec_driver_sql(f"DROP ROLE {role}")
