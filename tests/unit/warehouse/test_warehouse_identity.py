"""The database is asked which codes it calls equal, by the collation of the column that they are published in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
import sqlalchemy as sa
from collations import give_collation, pairs_equal
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from routing_etl.settings import load_settings
from routing_etl.warehouse.identity import PUBLISHED_IN, CodeIdentity, code_identity
from routing_etl.warehouse.migrate import migrate
from routing_etl.warehouse.schema import tables

CODES = st.lists(st.text(st.sampled_from("abAB éÉ1'%:-Ａ"), max_size=4), min_size=1, max_size=25, unique=True)


def test_our_own_sqlite_tables_compare_by_characters(tmp_path: Path) -> None:
    engine = sa.create_engine(f"sqlite:///{tmp_path}/w.db")
    migrate(engine, None)
    for column in (*PUBLISHED_IN, "po_no"):
        assert CodeIdentity(engine, None)(column, pl.Series(["a", "A"])) is None
    engine.dispose()


def test_a_warehouse_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    chosen = load_settings(home=tmp_path, warehouse_url=f"sqlite:///{tmp_path}/none.db")
    with code_identity(chosen) as equal:
        assert equal("res_cd", pl.Series(["a", "A"])) is None
    assert not (tmp_path / "none.db").exists()


def test_every_code_column_is_one_of_our_tables() -> None:
    tb = tables(None)
    for table, column in PUBLISHED_IN.values():
        assert column in getattr(tb, table).columns


@pytest.fixture(scope="module", params=["NOCASE", "RTRIM"])
def collated(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[sa.Engine]:
    folder = tmp_path_factory.mktemp("collated")
    engine = sa.create_engine(f"sqlite:///{folder}/w.db")
    give_collation(engine, None, request.param)
    yield engine
    engine.dispose()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(codes=CODES)
def test_the_answer_is_what_the_column_itself_calls_equal(collated: sa.Engine, codes: list[str]) -> None:
    groups = CodeIdentity(collated, None)("res_cd", pl.Series(codes))
    assert groups is not None
    for a, b in pairs_equal(collated, None, codes):
        assert groups[a] == groups[b], (codes[a], codes[b])
    equal = set(pairs_equal(collated, None, codes))
    found = {(a, b) for a in range(len(codes)) for b in range(a + 1, len(codes)) if groups[a] == groups[b]}
    assert found == equal


def test_only_the_column_with_the_collation_is_asked(collated: sa.Engine) -> None:
    assert CodeIdentity(collated, None)("po_no", pl.Series(["a", "A"])) is None
