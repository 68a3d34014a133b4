"""A night on a plant whose codes are spelled several ways, in warehouses that call the spellings equal."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import sqlalchemy as sa
from collations import ICU, give_collation, pairs_equal
from homes import home_settings
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import make_url

from routing_etl.erp.clean_codes import same_codes
from routing_etl.errors import TransientDatabaseError
from routing_etl.pipeline import steps, street
from routing_etl.pipeline.context import Context
from routing_etl.pipeline.night import night
from routing_etl.runs import find_run, new_run
from routing_etl.warehouse.identity import CodeIdentity

pytestmark = [pytest.mark.integration, pytest.mark.slow]

#: What a reader sees of a publication.
SHOWN = {
    "flat": "SELECT * FROM {s}routing_flat",
    "resources": "SELECT job_cd, res_cd, res_nm, alternative_rank, use_count, use_share, last_used "
    "FROM {s}resource_alternative WHERE publication_id = (SELECT MAX(publication_id) FROM {s}current_publication)",
    "abstained": "SELECT item_cd, reason_code FROM {s}routing_abstained",
}
#: Every training gives its version a name of its own.
NOT_COMPARED = {"MODEL_VERSION"}
#: Columns whose values every database gives in the same form.
IN_ONE_FORM = {
    "ITEM_CD", "CANDIDATE_ID", "ROUTING_SIGNATURE", "PRIORITY", "PROC_SEQ", "JOB_CD", "JOB_NM", "RES_CD", "BP_CD",
    "REFERENCE_ITEM_CD", "ALTERNATIVE_RANK", "USE_COUNT", "REASON_CODE",
}  # fmt: skip

Shown = dict[str, list[dict[str, Any]]]


def spell_otherwise(erp: Path) -> int:
    """Give a few rows another case, width or trailing blanks. Returns how many."""
    wide = str.maketrans({chr(c): chr(c + 0xFEE0) for c in range(0x21, 0x7F)})
    changed = 0
    with closing(sqlite3.connect(erp)) as connection, connection:
        for table, column in (
            ("BI_ROUTING_VIEW", "RES_CD"), ("BI_ROUTING_VIEW", "JOB_CD"), ("BI_ROUTING_VIEW", "BP_CD"),
            ("BI_ROUTING_VIEW", "ITEM_CD"), ("BI_WORK_ORDER_RESULTS", "RES_CD"), ("BI_WORK_ORDER_RESULTS", "JOB_CD"),
        ):  # fmt: skip
            rows = connection.execute(
                f"SELECT rowid, {column} FROM {table} WHERE LOWER({column}) <> {column} ORDER BY rowid"
            ).fetchall()
            for i, other in enumerate((str.lower, lambda c: c.translate(wide), lambda c: c + "  ")):
                row, code = rows[len(rows) * (i + 1) // 5]
                connection.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (other(code), row))
                changed += 1
    return changed


def shown(url: str, schema: str) -> Shown:
    """The current publication as readers see it, sorted."""
    engine = sa.create_engine(url)
    found: Shown = {}
    with engine.connect() as connection:
        for name, query in SHOWN.items():
            rows = connection.exec_driver_sql(query.format(s=schema)).mappings().all()
            named = [{k.upper(): v for k, v in row.items() if k.upper() not in NOT_COMPARED} for row in rows]
            found[name] = sorted(named, key=lambda row: [str(row.get(c)) for c in sorted(IN_ONE_FORM)])
    engine.dispose()
    assert all(found.values())
    return found


def in_one_form(found: Shown) -> Shown:
    """The columns that can be compared between databases."""
    return {
        name: [{k: v for k, v in row.items() if k in IN_ONE_FORM} for row in rows]
        for name, rows in found.items()
    }


@pytest.fixture(scope="module")
def base(plant_db: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The plant's database, as it is and with codes spelled otherwise."""
    folder = tmp_path_factory.mktemp("identity")
    shutil.copy(plant_db, folder / "clean.db")
    shutil.copy(plant_db, folder / "dirty.db")
    assert spell_otherwise(folder / "dirty.db") == 18
    return folder


@pytest.fixture(scope="module")
def clean_plant(finished_home: Path) -> Shown:
    """What is published of the plant whose codes have one spelling each: the first night of `plant_db`."""
    return shown(f"sqlite:///{finished_home / 'warehouse.db'}", "")


@pytest.fixture(scope="module")
def case_blind_server(postgres_url: str) -> Iterator[str]:
    """A PostgreSQL database with our tables, whose code columns ignore case, width and accents."""
    admin = sa.create_engine(postgres_url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.exec_driver_sql("CREATE DATABASE case_blind TEMPLATE template0 ENCODING 'UTF8'")
    admin.dispose()
    url = make_url(postgres_url).set(database="case_blind").render_as_string(hide_password=False)
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql(ICU)
    give_collation(engine, "plan", "public.same")
    yield url
    engine.dispose()


def publish_dirty(base: Path, name: str, **overrides: str) -> Path:
    home = base / name
    home.mkdir()
    shutil.copy(base / "dirty.db", home / "erp.db")
    if not overrides:
        engine = sa.create_engine(f"sqlite:///{home / 'warehouse.db'}")
        give_collation(engine, None, "NOCASE")
        engine.dispose()
    night(home_settings(home, **overrides), retrain=True)
    return home


def test_a_night_on_sqlite_that_ignores_case(base: Path, clean_plant: Shown) -> None:
    home = publish_dirty(base, "sqlite")
    assert shown(f"sqlite:///{home / 'warehouse.db'}", "") == clean_plant
    run = find_run(home, None)
    finished = run.read(street.CLEAN.report)
    assert finished is not None
    pairs = {p.column for p in finished.result.respelled}
    assert pairs == {"res_cd", "job_cd", "bp_cd"}
    outcome = {o.check: o for o in street.CHECK_SOURCE.outcomes_of(run)}["codes_spelled_one_way"]
    assert (outcome.success, outcome.severity) == (False, "warning")
    assert "is counted as" in outcome.sample[0]


def test_a_night_on_postgresql_that_ignores_case_and_accents(
    base: Path, case_blind_server: str, clean_plant: Shown
) -> None:
    publish_dirty(base, "postgresql", warehouse_url=case_blind_server, warehouse_schema="plan")
    assert in_one_form(shown(case_blind_server, "plan.")) == in_one_form(clean_plant)


CODES = st.lists(
    st.text(st.sampled_from("abAB éÉ1'%:-Ａａßs"), min_size=1, max_size=4),
    min_size=1,
    max_size=20,
    unique=True,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(codes=CODES)
def test_what_postgresql_calls_equal_is_one(case_blind_server: str, codes: list[str]) -> None:
    engine = sa.create_engine(case_blind_server, poolclass=sa.pool.NullPool)
    groups = same_codes("res_cd", pl.Series(codes), CodeIdentity(engine, "plan"))
    for a, b in pairs_equal(engine, "plan", codes):
        assert groups[a] == groups[b], (codes[a], codes[b])


def test_a_warehouse_that_cannot_be_asked(base: Path) -> None:
    """The night fails; the extract alone, which needs no warehouse, says what was left out."""
    home = base / "unreachable"
    home.mkdir()
    shutil.copy(base / "clean.db", home / "erp.db")
    chosen = home_settings(
        home, warehouse_url="postgresql+psycopg://tester@127.0.0.1:1/nothing", warehouse_schema="plan"
    )
    ctx = Context(chosen, new_run(home, None))
    steps.extract(ctx)
    with pytest.raises(TransientDatabaseError):
        steps.clean(ctx)
    report = steps.clean(ctx, warehouse_needed=False).result
    assert report.warnings[-1].startswith("The warehouse was not asked which codes it calls equal")


def test_a_server_that_refuses_the_question_stops_no_night(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A T-SQL server may lack a part of what the question needs; our own rule then decides alone, and that is told."""
    home = base / "refuses"
    home.mkdir()
    shutil.copy(base / "dirty.db", home / "erp.db")
    engine = sa.create_engine(f"sqlite:///{home / 'warehouse.db'}")
    give_collation(engine, None, "NOCASE")
    engine.dispose()
    monkeypatch.setattr(
        "routing_etl.warehouse.identity._EQUAL", "SELECT no_such_function(code) FROM ({codes})"
    )
    ctx = Context(home_settings(home), new_run(home, None))
    steps.extract(ctx)
    report = steps.clean(ctx).result
    assert "does not say which values of item_cd it calls equal" in report.warnings[-1]
    assert {p.column for p in report.respelled} == {"res_cd", "job_cd", "bp_cd"}
