"""The ERP's side on SQL Server: a demo plant written there, read back by every reader, and a whole night on it."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl
import pytest
import sqlalchemy as sa
from homes import QUICK
from mssql_server import drop_schema, new_login, new_schema, run_alone

from routing_etl.doctor.examination import examine
from routing_etl.erp import extract as extract_module
from routing_etl.erp.catalogue import bind
from routing_etl.erp.extract import extract
from routing_etl.erp.profile import load_profile
from routing_etl.erp.profile_model import FRAME_OF, RAW_COLUMNS
from routing_etl.erp.reader import SqlAlchemyReader
from routing_etl.errors import ConfigurationError, SourceError
from routing_etl.pipeline.night import night
from routing_etl.plant import schema
from routing_etl.plant.demo import write_plant
from routing_etl.warehouse import migrate as m

ITEMS = 600


@pytest.fixture(scope="module")
def plant(engine, url, mssql_settings) -> Iterator[str]:
    """A small plant in the login's default schema."""
    try:
        write_plant(url, ITEMS, 11, mssql_settings())
    except ConfigurationError as exc:
        pytest.skip(f"the test database is not empty: {exc}")
    yield url
    schema.METADATA.drop_all(engine)


def test_both_readers_read_the_same_plant(plant, engine, mssql_settings, tmp_path, monkeypatch):
    profile = load_profile("bi_views")
    assert [f for f in bind(engine, profile).worst_first if f.severity == "error"] == []
    fast = extract(plant, profile, tmp_path / "fast", mssql_settings())
    monkeypatch.setattr(
        extract_module, "open_reader", lambda connection, *_, **__: SqlAlchemyReader(connection)
    )
    plain = extract(plant, profile, tmp_path / "plain", mssql_settings())
    assert plain.reader == "sqlalchemy"
    assert {n: f.rows for n, f in fast.frames.items()} == {n: f.rows for n, f in plain.frames.items()}
    with engine.connect() as connection:
        stored = connection.exec_driver_sql(f"SELECT COUNT(*) FROM {schema.ITEM_VIEW}").scalar_one()
    assert fast.frames["items"].rows == stored >= ITEMS, "dirt comes on top"
    family_of = {frame: family for family, frame in FRAME_OF.items()}
    for name in fast.frames:
        one, two = (pl.read_parquet(tmp_path / w / f"{name}.parquet") for w in ("fast", "plain"))
        assert one.schema == two.schema
        dates = [c.name for c in RAW_COLUMNS[family_of[name]].values() if c.type == "date"]
        dates = [c for c in dates if c in one.columns]
        one, two = (f.with_columns(pl.col(dates).str.slice(0, 10)).sort(f.columns) for f in (one, two))
        assert one.equals(two), name


def test_a_dropped_view_is_named(plant, engine, mssql_settings, tmp_path):
    profile = load_profile("bi_views")
    with engine.begin() as connection:
        connection.exec_driver_sql(f"EXEC sp_rename '{schema.PURCHASE_VIEW}', 'RETL_TEST_RENAMED', 'OBJECT'")
    try:
        names = sa.inspect(engine).get_table_names()
        assert schema.PURCHASE_VIEW not in names
        report = extract(plant, profile, tmp_path, mssql_settings())
        assert report.frames.get("purchase_orders") is None or any("PUR_PO" in w for w in report.warnings)
    except SourceError as exc:
        assert "BI_PUR_PO_VIEW" in str(exc)
    finally:
        with engine.begin() as connection:
            connection.exec_driver_sql(
                f"EXEC sp_rename 'RETL_TEST_RENAMED', '{schema.PURCHASE_VIEW}', 'OBJECT'"
            )


@pytest.fixture
def two_logins(plant, engine, url, schema_of_night):
    """URLs of a login that may only read the ERP's four views, and of one that may only write the rows of our schema,
    with their names. The statements are those of sql/roles_and_grants.sql."""
    views = (schema.ITEM_VIEW, schema.ROUTING_VIEW, schema.RESULTS_VIEW)
    views += (schema.PURCHASE_VIEW,)
    with new_login(engine, url) as (erp, reader), new_login(engine, url) as (warehouse, writer):
        rights = [f"SELECT ON dbo.{view} {{}} [{reader}]" for view in views]
        rights.append(f"SELECT, INSERT, UPDATE, DELETE ON SCHEMA::{schema_of_night} {{}} [{writer}]")
        run_alone(engine, *(f"GRANT {right.format('TO')}" for right in rights))
        yield [u.render_as_string(hide_password=False) for u in (erp, warehouse)], reader
        run_alone(engine, *(f"REVOKE {right.format('FROM')}" for right in rights))


@pytest.fixture
def schema_of_night(engine):
    """A migrated schema that is removed at the end."""
    name = new_schema()
    m.migrate(engine, name)
    yield name
    drop_schema(engine, name)


def test_a_whole_night_with_two_logins(two_logins, engine, schema_of_night, mssql_settings, tmp_path):
    (erp, warehouse), reader = two_logins
    settings = mssql_settings(
        home=tmp_path,
        models=tmp_path / "models",
        warehouse_schema=schema_of_night,
        erp_url=erp,
        warehouse_url=warehouse,
        **QUICK,
    )
    night(settings)
    with engine.connect() as connection:
        items = connection.exec_driver_sql(
            f"SELECT COUNT(DISTINCT ITEM_CD) FROM [{schema_of_night}].routing_flat"
        ).scalar_one()
        state, writer = connection.exec_driver_sql(
            f"SELECT state, writer FROM [{schema_of_night}].publication"
        ).one()
    assert items > ITEMS * 0.2
    assert state == "published" and writer
    findings = examine(settings)
    assert [f for f in findings if f.level == "error"] == []
    too_much = "may do more than it needs"
    assert [f for f in findings if too_much in f.message] == []
    for area in ("ERP", "warehouse"):
        shown = [f.message for f in findings if f.area == area and f.level == "ok"]
        assert any("may not INSERT, UPDATE, DELETE" in text for text in shown), (area, shown)
    right = f"UPDATE ON dbo.{schema.ITEM_VIEW}"
    run_alone(engine, f"GRANT {right} TO [{reader}]")
    try:
        wide = [f.message for f in examine(settings) if too_much in f.message]
    finally:
        run_alone(engine, f"REVOKE {right} FROM [{reader}]")
    assert len(wide) == 1 and f"UPDATE on dbo.{schema.ITEM_VIEW}" in wide[0]
