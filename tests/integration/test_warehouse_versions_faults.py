"""Loads by item versions broken off at every statement, on SQLite and on PostgreSQL, and lives of nights on PostgreSQL."""

from __future__ import annotations

import random

import pytest
import sqlalchemy as sa
from collations import ICU, give_collation
from warehouse_nights import EVENING, ITEMS, STATES, Life, Night, broken_at_each_statement, left_behind
from warehouse_predictions import CANDIDATE, OPERATION, known_rows, write_rows

from routing_etl.database.engine import make_engine
from routing_etl.settings import load_settings
from routing_etl.warehouse.migrate import migrate
from routing_etl.warehouse.publish import Publisher

pytestmark = [pytest.mark.integration, pytest.mark.slow]


def test_a_load_killed_at_any_statement_leaves_what_was_and_the_next_one_is_clean(tmp_path):
    """Load, publish and purge of a night in which items come, change and go, broken off at each of their statements."""
    life = Life(tmp_path)
    images: list[bytes] = []

    def restore() -> None:
        life.publisher._engine.dispose()
        for name in ("w.db-wal", "w.db-shm"):
            (tmp_path / name).unlink(missing_ok=True)
        (tmp_path / "w.db").write_bytes(images[0])

    life.night(EVENING)
    life.publisher._engine.dispose()
    images.append((tmp_path / "w.db").read_bytes())
    assert broken_at_each_statement(life, restore=restore) > 60
    life.publisher._engine.dispose()


# --- PostgreSQL -----------------------------------------------------------------------------------------------------------
@pytest.fixture
def server(postgres_url, tmp_path, request):
    """Makes a publisher on a database of its own, whose tables `make` brings there."""
    engines = []

    def publisher(make, *before):
        name = f"v_{abs(hash(request.node.name)) % 10**8}"
        admin = sa.create_engine(postgres_url, isolation_level="AUTOCOMMIT")
        with admin.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name}")
        admin.dispose()
        url = sa.make_url(postgres_url).set(database=name).render_as_string(hide_password=False)
        settings = load_settings(home=tmp_path, warehouse_url=url, warehouse_schema="plan", load_rows=300)
        engine = make_engine(url, "warehouse", settings)
        engines.append(engine)
        with engine.begin() as connection:
            for statement in before:
                connection.exec_driver_sql(statement)
        make(engine, "plan")
        return Publisher(engine, settings)

    yield publisher
    for engine in engines:
        engine.dispose()


def test_a_load_killed_at_some_statements_on_postgresql(server, tmp_path):
    """Every seventh; `bench_crash.py --statements --postgres` breaks off at each."""
    assert broken_at_each_statement(Life(tmp_path, server(migrate)), step=7) > 8


def test_a_life_on_postgresql(server, tmp_path):
    """Nights, loads that die anywhere, rollbacks and purges by chance: every publication shows what a full rewrite shows."""
    life, rng = Life(tmp_path, server(migrate)), random.Random(18)

    def any_night() -> Night:
        return tuple(rng.choice(STATES) for _ in ITEMS), (rng.randint(0, 2), rng.randint(0, 2))

    for _ in range(8):
        life.night(any_night())
        life.dead_load(any_night(), rng.randint(0, 60))
        life.check()
        if rng.random() < 0.4:
            life.rollback(rng.randint(0, 3))
        if rng.random() < 0.4:
            life.purge(rng.randint(1, 3))
        life.check()
    life.check_all()
    life.purge(1)
    life.check_all()


def test_two_spellings_that_the_database_calls_equal_are_one_item(server, tmp_path):
    publisher = server(lambda engine, schema: give_collation(engine, schema, "public.same"), ICU)
    for number, item in enumerate(("a1", "A1", "á1", None)):
        rows = known_rows()
        if item:
            rows["candidates"].append(CANDIDATE | {"item_cd": item, "item_key": "A1", "candidate_id": "C"})
            rows["candidate_operations"].append(OPERATION | {"item_cd": item, "item_key": "A1"})
        rows["candidates"][0]["support"] = number / 10
        loaded = publisher.load(write_rows(tmp_path / f"p{number}", rows), run_id="r", model_version="m")
        publisher.publish(loaded.publication_id)
        with publisher._engine.connect() as connection:
            query = "SELECT item_cd FROM plan.routing_candidates WHERE item_cd = 'A1'"
            found = connection.exec_driver_sql(query).all()
        assert [f[0] for f in found] == ([item] if item else [])
    publisher.purge(1)
    with publisher._engine.connect() as connection:
        left = connection.exec_driver_sql("SELECT DISTINCT item_cd FROM plan.candidate").all()
    assert [r[0] for r in left] == ["3H18091DB"]
    assert left_behind(publisher) == {}
