"""Publications by item versions on the server: lives of nights, and codes that its collation calls equal."""

from __future__ import annotations

import random

import pytest
import sqlalchemy as sa
import warehouse_stored as stored
from mssql_server import drop_schema, new_schema
from sqlalchemy.dialects.mssql.base import MSDialect
from warehouse_nights import ITEMS, STATES, Life, Night, broken_at_each_statement, left_behind
from warehouse_predictions import CANDIDATE, OPERATION, known_rows, write_rows

from routing_etl.warehouse import migrate as m

FIRST: Night = (("one", "abstained", "two", "absent"), (1, 1))


def test_a_life_of_nights(publisher, tmp_path):
    """Nights, loads that die anywhere, rollbacks and purges by chance: every publication shows what a full rewrite shows."""
    life, rng = Life(tmp_path, publisher), random.Random(19)

    def any_night() -> Night:
        return tuple(rng.choice(STATES) for _ in ITEMS), (rng.randint(0, 2), rng.randint(0, 2))

    for _ in range(6):
        life.night(any_night())
        life.dead_load(any_night(), rng.randint(0, 80))
        life.check()
        if rng.random() < 0.4:
            life.rollback(rng.randint(0, 3))
        if rng.random() < 0.4:
            life.purge(rng.randint(1, 3))
        life.check()
    life.check_all()
    life.purge(1)
    life.check_all()


def test_a_load_killed_at_some_statements(publisher, tmp_path):
    """Every ninth; `bench_crash.py --statements --url` breaks off at each."""
    assert broken_at_each_statement(Life(tmp_path, publisher), step=9) > 6


@pytest.mark.parametrize("revision", stored.stored_revisions())
def test_the_rows_of_a_released_version_go_to_head(engine, tmp_path, revision, monkeypatch):
    # SQLAlchemy asks for views of the catalogue that not every such server has; the foreign keys are not needed.
    monkeypatch.setattr(MSDialect, "get_multi_foreign_keys", lambda *_, **__: {})
    schema, rows = new_schema(), stored.rows_at_head(tmp_path / "w.db")
    m.migrate(engine, schema, revision)
    try:
        inserted = stored.insert(engine, schema, rows)
        assert all(inserted[name] for name in rows.keys() & inserted.keys())
        m.migrate(engine, schema)
        stored.check_kept(inserted, stored.rows_of(engine, schema))
        shown = stored.view_rows(engine, schema)
        assert all(shown[name] for name in stored.stored_views() & shown.keys())
    finally:
        drop_schema(engine, schema)


def test_only_what_has_changed_is_written(publisher, tmp_path):
    life = Life(tmp_path, publisher)
    life.night(FIRST)
    changed = life.night((("two", "abstained", "absent", "absent"), (1, 2)))
    assert (changed.items_changed, changed.rows_written) == (2, 12)


def test_what_was_rolled_back_does_not_come_back_by_itself(publisher, tmp_path):
    life = Life(tmp_path, publisher)
    good = life.night(FIRST)
    life.night((("one", "one", "one", "one"), (2, 2)))
    publisher.rollback()
    assert life.load((("one", "one", "one", "one"), (2, 2))).withdrawn
    assert publisher.current() == good.publication_id


def test_an_item_in_another_spelling_is_the_same_item(publisher, tmp_path):
    column = publisher.tables.item_version
    query = sa.text(
        "SELECT CASE WHEN (SELECT collation_name FROM sys.columns WHERE object_id = OBJECT_ID(:t) "
        "AND name = 'item_cd') LIKE '%[_]CI[_]%' THEN 1 ELSE 0 END"
    )
    with publisher._engine.connect() as connection:
        if not connection.execute(query, {"t": f"{column.schema}.{column.name}"}).scalar():
            pytest.skip("this database tells upper from lower case")
    for number, item in enumerate(("a1", "A1", None)):
        rows = known_rows()
        if item:
            rows["candidates"].append(CANDIDATE | {"item_cd": item, "item_key": "A1", "candidate_id": "C"})
            rows["candidate_operations"].append(OPERATION | {"item_cd": item, "item_key": "A1"})
        loaded = publisher.load(write_rows(tmp_path / f"p{number}", rows), run_id="r", model_version="m")
        publisher.publish(loaded.publication_id)
        view = sa.table("routing_candidates", sa.column("item_cd", sa.Unicode(100)), schema=publisher.schema)
        with publisher._engine.connect() as connection:
            found = (
                connection.execute(sa.select(view.c.item_cd).where(view.c.item_cd == "a1")).scalars().all()
            )
        assert found == ([item] if item else [])
    publisher.purge(1)
    assert left_behind(publisher) == {}
