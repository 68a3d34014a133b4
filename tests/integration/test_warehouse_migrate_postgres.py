"""History on PostgreSQL: the migrations make what the code of today renders, and rows live through them."""

from __future__ import annotations

import re
import shutil
import subprocess
from itertools import pairwise

import pytest
import sqlalchemy as sa
import warehouse_stored as stored
from warehouse_shape import build_from_code, differences, shape_of_database

from routing_etl.database.engine import make_engine
from routing_etl.errors import WarehouseError
from routing_etl.settings import load_settings
from routing_etl.warehouse import migrate as m
from routing_etl.warehouse import types as t
from routing_etl.warehouse import views
from routing_etl.warehouse.output_profiles import load_output_profile, render
from routing_etl.warehouse.schema import tables

pytestmark = [pytest.mark.integration, pytest.mark.slow]

EARLIER = m.revisions()[:-1]


@pytest.fixture(scope="module")
def engine(postgres_url, tmp_path_factory):
    """A database of this module's own; each warehouse is a schema in it."""
    admin = sa.create_engine(postgres_url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.exec_driver_sql("CREATE DATABASE history")
    admin.dispose()
    url = sa.make_url(postgres_url).set(database="history").render_as_string(hide_password=False)
    engine = make_engine(url, "warehouse", load_settings(home=tmp_path_factory.mktemp("home")))
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    """Rows for every table: those of the last released version's warehouse, brought to head."""
    return stored.rows_at_head(tmp_path_factory.mktemp("stored") / "w.db")


@pytest.fixture
def make(engine):
    """Makes warehouses of a revision, each in a schema of its own that goes after the test."""
    made = []

    def warehouse(schema, revision):
        made.append(schema)
        m.migrate(engine, schema, revision)
        return engine, schema

    yield warehouse
    with engine.begin() as connection:
        for schema in made:
            connection.execute(sa.schema.DropSchema(schema, cascade=True))


@pytest.fixture(scope="module")
def migrated(engine):
    """The shape of a schema that the migrations made."""
    m.migrate(engine, "w_migrated")
    return shape_of_database(engine, "w_migrated")


@pytest.fixture
def rendered(engine):
    """Gives the shape of a schema that the code of today made."""

    def shape(tb=None):
        build_from_code(engine, "w_rendered", tb)
        return shape_of_database(engine, "w_rendered")

    yield shape
    with engine.begin() as connection:
        connection.execute(sa.schema.DropSchema("w_rendered", cascade=True))


def test_the_migrations_make_what_the_code_of_today_renders(migrated, rendered):
    assert {f"view {name}" for name in views.VIEW_NAMES} < set(migrated)
    assert {f"table {t.name}" for t in tables("w_rendered").metadata.sorted_tables} < set(migrated)
    assert differences(migrated, rendered()) == []


def test_a_view_changed_without_a_revision_is_reported_by_name(migrated, rendered, monkeypatch):
    real = views._VIEWS["routing_abstained"]
    monkeypatch.setitem(
        views._VIEWS,
        "routing_abstained",
        lambda tb, w: real(tb, w).where(tb.abstained_item.c.reason != sa.literal("x", sa.String())),
    )
    (found,) = differences(migrated, rendered())
    assert found.startswith("view routing_abstained: the migrations make")


CHANGES = {
    "type": ("column publication.message", lambda p: setattr(p.c.message, "type", t.text(60))),
    "null": ("column publication.message", lambda p: setattr(p.c.message, "nullable", False)),
    "default": (
        "column publication.rows_candidate",
        lambda p: setattr(p.c.rows_candidate, "server_default", sa.DefaultClause("1")),
    ),
    "check": (
        "constraint publication.ck_publication_some",
        lambda p: p.append_constraint(sa.CheckConstraint("rows_candidate > 0", name="some")),
    ),
    "index": ("index ix_publication_run_id", lambda p: sa.Index(None, p.c.run_id)),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_table_changed_without_a_revision_is_reported_by_name(migrated, rendered, change):
    name, apply = CHANGES[change]
    changed = tables.__wrapped__("w_rendered")
    apply(changed.publication)
    (found,) = differences(migrated, rendered(changed))
    assert found.startswith(f"{name}: ")


@pytest.mark.parametrize("revision", EARLIER)
def test_an_upgrade_keeps_the_rows_and_the_views_return_them(make, rows, revision):
    old, head = make("w_old", revision), make("w_head", "head")
    stored.check_upgrade(old, head, rows)
    assert len(stored.view_rows(*old)["routing_lot_times"]) == 4


@pytest.mark.parametrize(("revision", "earlier"), list(zip(m.revisions()[1:], EARLIER, strict=True)))
def test_a_downgrade_by_one_keeps_the_rows_of_what_stays(make, rows, revision, earlier):
    stored.check_downgrade(make("w_later", revision), make("w_earlier", earlier), earlier, rows)


@pytest.mark.parametrize("revision", stored.stored_revisions())
def test_the_rows_of_a_released_version_go_to_head(make, rows, revision):
    engine, schema = make("w_released", revision)
    inserted = stored.insert(engine, schema, rows)
    m.migrate(engine, schema)
    stored.check_kept(inserted, stored.rows_of(engine, schema))
    shown = stored.view_rows(engine, schema)
    assert all(shown[name] for name in stored.stored_views() & shown.keys())


# --- rights -------------------------------------------------------------------------------------------------------------
@pytest.fixture
def roles(engine, make):
    """Three roles that hold rights on views of schema w_rights; gone after the test."""
    names = ("erp_reader", "Metrics Reader", "keeper")
    make("w_rights", "0004")
    with engine.begin() as connection:
        for name in names:
            connection.exec_driver_sql(f'CREATE ROLE "{name}"')
        connection.exec_driver_sql("GRANT USAGE ON SCHEMA w_rights TO PUBLIC")
    yield names
    with engine.begin() as connection:
        for name in names:
            connection.exec_driver_sql(f'DROP OWNED BY "{name}" CASCADE')
            connection.exec_driver_sql(f'DROP ROLE "{name}"')


def rights(engine):
    """Every right on the views of schema w_rights: who, what, on which view or column, and whether it may be passed on."""
    query = """
        SELECT c.relname, '', a.grantee::regrole::text, a.privilege_type, a.is_grantable
        FROM pg_class c, aclexplode(c.relacl) a
        WHERE c.relnamespace = 'w_rights'::regnamespace AND c.relkind = 'v' AND a.grantee <> c.relowner
        UNION ALL
        SELECT c.relname, t.attname, a.grantee::regrole::text, a.privilege_type, a.is_grantable
        FROM pg_class c JOIN pg_attribute t ON t.attrelid = c.oid, aclexplode(t.attacl) a
        WHERE c.relnamespace = 'w_rights'::regnamespace AND c.relkind = 'v'
        ORDER BY 1, 2, 3, 4"""
    with engine.connect() as connection:
        return [tuple(row) for row in connection.exec_driver_sql(query)]


def test_views_that_are_made_again_keep_rights_and_owner(engine, roles):
    with engine.begin() as connection:
        for grant in (
            "SELECT ON w_rights.routing_candidates TO erp_reader",  # a column changes its type
            'SELECT (item_cd) ON w_rights.routing_candidates TO "Metrics Reader"',
            "SELECT ON w_rights.batch_run_summary TO erp_reader WITH GRANT OPTION",  # columns are appended
            "SELECT ON w_rights.bop_proc_master TO PUBLIC",  # only an expression changes
            "SELECT ON w_rights.routing_flat TO erp_reader",  # is not made again
        ):
            connection.exec_driver_sql(f"GRANT {grant}")
        connection.exec_driver_sql("GRANT CREATE ON SCHEMA w_rights TO keeper")
        for table in ("current_publication", "publication", "candidate"):
            connection.exec_driver_sql(f"GRANT SELECT ON w_rights.{table} TO keeper")
        connection.exec_driver_sql("ALTER VIEW w_rights.routing_candidates OWNER TO keeper")
    before = rights(engine)
    assert len(before) == 5
    owner = (
        "SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = 'w_rights.routing_candidates'::regclass"
    )
    for step in (m.migrate, lambda *place: m.downgrade(*place, "0004"), m.migrate):
        step(engine, "w_rights")
        assert rights(engine) == before
        with engine.connect() as connection:
            assert connection.exec_driver_sql(owner).scalar() == "keeper"


@pytest.mark.parametrize("revision", EARLIER)
def test_every_view_keeps_its_rights_over_every_revision(engine, roles, revision):
    """The whole view for one role, two of its columns for another; up to head, by the product and by the script, and back."""
    place = (engine, "w_rights")
    (m.downgrade if revision < "0004" else m.migrate)(*place, revision)
    inspector = sa.inspect(engine)
    with engine.begin() as connection:
        for view in inspector.get_view_names("w_rights"):
            names = [c["name"] for c in inspector.get_columns(view, "w_rights")]
            connection.exec_driver_sql(f"GRANT SELECT ON w_rights.{view} TO erp_reader WITH GRANT OPTION")
            for name in {names[0], names[-1]}:
                connection.exec_driver_sql(f'GRANT SELECT ("{name}") ON w_rights.{view} TO "Metrics Reader"')
    before = rights(engine)
    assert (
        len({view for view, *_ in before}) == len(inspector.get_view_names("w_rights")) or revision == "0001"
    )
    for way in ("product", "script"):
        if way == "product":
            m.migrate(*place)
        else:
            script(engine, m.migrate_sql("postgresql", "w_rights", "head", revision))
        m.check_head(*place)
        assert rights(engine) == before, way
        m.downgrade(*place, revision)
        assert rights(engine) == before, way


def script(engine, text):
    """Send a script for psql by the driver."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(re.sub(r"(?m)^\\set .*$", "", text).replace("%", "%%"))


def test_a_view_of_an_output_profile_keeps_its_rights(engine, roles, tmp_path):
    """Made again with another column first: PostgreSQL has to drop it."""
    m.migrate(engine, "w_rights")
    profile = tmp_path / "p.toml"
    text = '[profile.a]\nview = "own"\ncolumns = [{}]\nkeys = ["ITEM_CD"]\n'
    for columns in ('"ITEM_CD", "JOB_NM"', '"ITEM_CD", "JOB_NM", "RES_CD"', '"RES_CD", "ITEM_CD"'):
        profile.write_text('active = "a"\n' + text.format(columns), encoding="utf-8")
        script(engine, render(load_output_profile(profile), "postgresql", "w_rights"))
        if "JOB" in columns:
            with engine.begin() as connection:
                connection.exec_driver_sql("GRANT SELECT ON w_rights.own TO erp_reader")
        assert ("own", "", "erp_reader", "SELECT", False) in rights(engine)


def test_a_view_of_an_output_profile_that_cannot_be_made_again_stays_as_it_was(engine, roles, tmp_path):
    """Another view stands on it, so it cannot be dropped: nothing happens, and psql says so by its exit code too."""
    client = shutil.which("psql") or pytest.skip("the program psql is not installed")
    m.migrate(engine, "w_rights")
    profile, place = tmp_path / "p.toml", engine.url
    text = 'active = "a"\n[profile.a]\nview = "own"\ncolumns = [{}]\nkeys = ["ITEM_CD"]\n'

    def psql(columns):
        profile.write_text(text.format(columns), encoding="utf-8")
        done = subprocess.run(
            [client, "-X", "-q", "-h", place.host, "-p", str(place.port), "-U", place.username, "-d", place.database, "-f", "-"],
            input=render(load_output_profile(profile), "postgresql", "w_rights"),
            capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
        return done.returncode, done.stderr

    assert psql('"ITEM_CD", "JOB_NM"') == (0, "")
    with engine.begin() as connection:
        connection.exec_driver_sql("GRANT SELECT ON w_rights.own TO erp_reader")
        connection.exec_driver_sql("CREATE VIEW w_rights.on_it AS SELECT * FROM w_rights.own")
    code, said = psql('"JOB_NM", "ITEM_CD"')
    assert code == 3 and "cannot drop view w_rights.own because other objects depend on it" in said
    assert [c["name"] for c in sa.inspect(engine).get_columns("own", "w_rights")] == ["ITEM_CD", "JOB_NM"]
    assert ("own", "", "erp_reader", "SELECT", False) in rights(engine)


# --- by somebody else ---------------------------------------------------------------------------------------------------
MIGRATOR = "w_migrator"


@pytest.fixture
def psql(engine):
    """Runs a script as the role that owns schema w_script and has no right beyond it: exit code and what it says."""
    client = shutil.which("psql") or pytest.skip("the program psql is not installed")
    with engine.begin() as connection:
        for statement in (
            f"CREATE ROLE {MIGRATOR} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE",
            "REVOKE CREATE, TEMPORARY ON DATABASE history FROM PUBLIC",
            f"CREATE SCHEMA w_script AUTHORIZATION {MIGRATOR}",
        ):
            connection.exec_driver_sql(statement)
    place = engine.url

    def run(text):
        done = subprocess.run(
            [client, "-X", "-q", "-h", place.host, "-p", str(place.port), "-U", MIGRATOR, "-d", place.database, "-f", "-"],
            input=text, capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
        return done.returncode, done.stderr

    yield run
    with engine.begin() as connection:
        connection.exec_driver_sql(f"DROP OWNED BY {MIGRATOR} CASCADE")
        connection.exec_driver_sql(f"DROP ROLE {MIGRATOR}")


def test_scripts_go_up_and_down_with_the_least_rights(engine, make, psql):
    """By the database's own client; the tables are what the product itself makes, at each revision."""
    schema, wanted = "w_script", {}
    place = make("w_online", m.revisions()[0])
    for revision in m.revisions():
        m.migrate(*place, revision)
        wanted[revision] = shape_of_database(*place)
    ways = [*pairwise(["base", *m.revisions()]), *pairwise(m.revisions()[::-1]), (m.revisions()[0], "head")]
    for start, end in ways:
        text = m.migrate_sql("postgresql", schema, end, start)
        assert psql(text) == (0, "")
        at = m.head_revision() if end == "head" else end
        assert m.current_revision(engine, schema) == at
        assert shape_of_database(engine, schema) == wanted[at]
        assert psql(text) == (0, ""), "a second time it changes nothing"
        assert m.current_revision(engine, schema) == at
    m.check_head(engine, schema)
    owners = "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'w_script'"
    with engine.connect() as connection:
        assert connection.exec_driver_sql(owners).all() == [(MIGRATOR,)]


def test_one_script_takes_any_earlier_revision_to_head(engine, psql):
    text = m.migrate_sql("postgresql", "w_script")
    assert psql(m.migrate_sql("postgresql", "w_script", "0003")) == (0, "")
    assert psql(text) == (0, "")
    m.check_head(engine, "w_script")


def test_a_script_that_cannot_begin_or_end_changes_nothing_and_says_why(engine, psql):
    up = m.migrate_sql("postgresql", "w_script", "head", "0004")
    code, said = psql(up)
    assert code == 3 and "Schema w_script has none of our tables. Nothing was changed." in said
    assert psql(m.migrate_sql("postgresql", "w_script", "0003")) == (0, "")
    before = shape_of_database(engine, "w_script")
    code, said = psql(up)
    assert (
        code == 3
        and "Schema w_script is at revision 0003; this script begins at 0004. Nothing was changed." in said
    )
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE VIEW w_script.routing_lot_times AS SELECT 1 AS x")
    code, said = psql(m.migrate_sql("postgresql", "w_script", "head", "0003"))
    assert code == 3 and 'relation "routing_lot_times" already exists' in said
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP VIEW w_script.routing_lot_times")
        connection.exec_driver_sql("INSERT INTO w_script.schema_version VALUES ('0002')")
    assert shape_of_database(engine, "w_script") == before
    code, said = psql(m.migrate_sql("postgresql", "w_script", "head", "0003"))
    assert code == 3 and "is at revision 0002 and 0003; this script begins at 0003" in said
    with pytest.raises(WarehouseError, match=r"names 2 revisions in w_script\.schema_version"):
        m.check_head(engine, "w_script")


def test_a_role_that_may_not_make_the_schema_is_told_so_by_the_first_statement(psql):
    code, said = psql(m.migrate_sql("postgresql", "w_elsewhere"))
    assert code == 3 and "permission denied for database" in said
