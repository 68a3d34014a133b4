"""History stands still: revisions carry their own text, and what they make is what the code of today says."""

from __future__ import annotations

import ast
import functools
import hashlib
import re
import shutil
import sqlite3
from contextlib import closing

import pytest
import sqlalchemy as sa
import warehouse_stored as stored
from new_revision import write
from warehouse_predictions import known_rows, write_rows
from warehouse_shape import (
    build_from_code,
    differences,
    shape_of_code,
    shape_of_database,
    shape_of_script,
    shape_of_statements,
)

from routing_etl.database.engine import make_engine
from routing_etl.errors import ConfigurationError
from routing_etl.settings import load_settings
from routing_etl.warehouse import migrate as m
from routing_etl.warehouse import types as t
from routing_etl.warehouse import views
from routing_etl.warehouse.publish import Publisher
from routing_etl.warehouse.schema import tables

VERSIONS = m.script_location() / "versions"
EARLIER = m.revisions()[:-1]
RELEASED = stored.STORED / "released.sha256"


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    """The file of an empty warehouse of a revision, migrated there once for all tests. Copy it before changing anything."""
    folder = tmp_path_factory.mktemp("empty")

    @functools.cache
    def path(revision):
        engine = make_engine(f"sqlite:///{folder / revision}.db", "warehouse", load_settings(home=folder))
        m.migrate(engine, None, revision)
        engine.dispose()
        return folder / f"{revision}.db"

    return path


@pytest.fixture
def make(tmp_path, empty):
    """Makes SQLite warehouses of a revision, or (None) opens the file as it is."""
    engines = []

    def made(name, revision=None):
        if revision:
            with (
                closing(sqlite3.connect(empty(revision))) as source,
                closing(sqlite3.connect(tmp_path / name)) as copy,
            ):
                source.backup(copy)
        engine = make_engine(f"sqlite:///{tmp_path / name}", "warehouse", load_settings(home=tmp_path))
        engines.append(engine)
        return engine

    yield made
    for engine in engines:
        engine.dispose()


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    """Rows for every table: those of the last released version's warehouse, brought to head. No test changes them."""
    return stored.rows_at_head(tmp_path_factory.mktemp("rows") / "head_rows.db")


def another(select):
    """The same view with one more column."""
    return lambda tb, w: select(tb, w).add_columns(sa.literal(1, sa.Integer()).label("more"))


# --- frozen texts -------------------------------------------------------------------------------------------------------
RUNS_FROZEN_TEXT = "routing_etl.warehouse.revision_statements"


def test_no_revision_imports_the_code_of_today_beyond_what_runs_its_frozen_text():
    files = sorted(VERSIONS.glob("*.py"))
    assert [p.name[:4] for p in files] == m.revisions()
    for path in files:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [a.name for a in node.names] if isinstance(node, ast.Import) else []
            assert not any(n.startswith("routing_etl") and n != RUNS_FROZEN_TEXT for n in names), (
                path.name,
                names,
            )


@pytest.mark.parametrize("revision", m.revisions())
def test_every_revision_has_its_text_for_every_dialect(revision):
    files = sorted(p.name.split(".")[1] for p in VERSIONS.glob(f"{revision}_*.sql"))
    assert files == sorted(m.DIALECTS)


def test_a_released_text_is_never_changed():
    listed = dict(line.split()[::-1] for line in RELEASED.read_text(encoding="utf-8").splitlines())
    released = {p.name for p in VERSIONS.glob("*.sql") if p.name[:4] <= stored.stored_revisions()[-1]}
    assert released == set(listed), "list the texts of a release in tests/stored/released.sha256"
    for name, digest in listed.items():
        text = (VERSIONS / name).read_text(encoding="utf-8")
        assert hashlib.sha256(text.encode()).hexdigest() == digest, f"{name} is out: make a new revision"


@pytest.mark.parametrize("path", sorted(VERSIONS.glob("*.sql")), ids=lambda p: p.name)
def test_every_name_of_ours_is_under_the_placeholder(path):
    """Else a database whose schema is not the user's default one would get it elsewhere, or not at all."""
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"[^\S\n]$", text, re.M), "an editor would strip blanks at the end of a line"
    if ".sqlite." in path.name:
        assert "{" not in text
        return
    ours = "|".join([*tables(None).metadata.tables, *views.VIEW_NAMES])
    index = r"DROP INDEX (?!\{schema\})" if ".postgresql." in path.name else "(?!)"
    assert not re.search(
        rf"(\b(TABLE|VIEW|FROM|JOIN|REFERENCES) |\bINDEX \w+ ON )({ours})\b|{index}", text, re.M
    )


@pytest.mark.parametrize("schema", ["plan", "Plan", "a_1"])
@pytest.mark.parametrize("dialect", ["mssql", "postgresql"])
def test_schemas_are_quoted_where_the_dialect_needs_it(dialect, schema):
    text = m.migrate_sql(dialect, schema) + m.migrate_sql(dialect, schema, "base")
    place = sa.make_url(f"{dialect}://").get_dialect()()
    assert f"CREATE VIEW {place.identifier_preparer.quote_schema(schema)}.routing_flat AS" in text
    assert "{" not in text


# --- what the revisions make is what the code says ----------------------------------------------------------------------
@pytest.fixture(scope="module")
def scripts():
    """The shape that the migrations' script leaves, by dialect."""
    return {d: shape_of_script(m.migrate_sql(d, None if d == "sqlite" else "plan"), d) for d in m.DIALECTS}


@pytest.fixture(scope="module")
def migrated():
    """The shape of a SQLite database that the migrations made."""
    engine = memory()
    m.migrate(engine, None)
    return shape_of_database(engine, None)


def memory():
    return sa.create_engine("sqlite://", poolclass=sa.StaticPool)


def rendered(tb=None):
    """The shape of a SQLite database that the code of today made."""
    engine = memory()
    build_from_code(engine, None, tb)
    return shape_of_database(engine, None)


def from_code(dialect, tb=None):
    return shape_of_code(dialect, None if dialect == "sqlite" else "plan", tb)


@pytest.mark.parametrize("dialect", m.DIALECTS)
def test_the_script_makes_what_the_code_of_today_renders(scripts, dialect):
    assert {f"view {name}" for name in views.VIEW_NAMES} < set(scripts[dialect])
    assert {f"table {name}" for name in tables(None).metadata.tables} < set(scripts[dialect])
    assert differences(scripts[dialect], from_code(dialect)) == []


def test_a_database_made_by_migrations_is_what_the_code_of_today_renders(migrated):
    assert {f"view {name}" for name in views.VIEW_NAMES} < set(migrated)
    assert {f"table {name}" for name in tables(None).metadata.tables} < set(migrated)
    assert differences(migrated, rendered()) == []


@pytest.mark.slow
@pytest.mark.parametrize("view", views.VIEW_NAMES)
def test_a_view_changed_without_a_revision_is_reported_by_name(migrated, scripts, view, monkeypatch):
    monkeypatch.setitem(views._VIEWS, view, another(views._VIEWS[view]))
    reports = [differences(migrated, rendered())]
    reports += [differences(scripts[dialect], from_code(dialect)) for dialect in m.DIALECTS]
    for report in reports:
        assert len(report) == 1 and report[0].startswith(f"view {view}: the migrations make"), report


def test_a_view_added_or_removed_without_a_revision_is_reported_by_name(migrated, scripts, monkeypatch):
    monkeypatch.setitem(views._VIEWS, "routing_new", views._VIEWS["routing_abstained"])
    monkeypatch.delitem(views._VIEWS, "routing_flat")
    expected = ["view routing_flat: only in the migrations", "view routing_new: no revision makes it"]
    assert differences(migrated, rendered()) == expected
    assert differences(scripts["mssql"], from_code("mssql")) == expected


CHANGES = {
    "type": ("column candidate.rout_no", lambda c: setattr(c.c.rout_no, "type", t.text(60))),
    "null": ("column candidate.rout_no", lambda c: setattr(c.c.rout_no, "nullable", False)),
    "default": (
        "column candidate.support",
        lambda c: setattr(c.c.support, "server_default", sa.DefaultClause("0")),
    ),
    "added": ("column candidate.colour", lambda c: c.append_column(sa.Column("colour", t.text(8)))),
    "check": (
        "constraint candidate.ck_candidate_short",
        lambda c: c.append_constraint(sa.CheckConstraint("support < 2", name="short")),
    ),
    "index": ("index ix_candidate_rout_no", lambda c: sa.Index(None, c.c.rout_no)),
}


@pytest.mark.parametrize("dialect", m.DIALECTS)
@pytest.mark.parametrize("change", CHANGES)
def test_a_table_changed_without_a_revision_is_reported_by_name(migrated, scripts, change, dialect):
    name, apply = CHANGES[change]
    changed = tables.__wrapped__(None if dialect == "sqlite" else "plan")
    apply(changed.candidate)
    reports = [differences(scripts[dialect], from_code(dialect, changed))]
    if dialect == "sqlite":
        reports.append(differences(migrated, rendered(changed)))
    for report in reports:
        assert len(report) == 1 and report[0].startswith(f"{name}: "), report


def test_the_reader_of_scripts_follows_changes_and_refuses_what_it_does_not_know():
    lines = "    a INTEGER NOT NULL,\n    b VARCHAR(8) NULL,\n    CONSTRAINT ck_t_a CHECK (a > 0)"
    first = [f"CREATE TABLE s.t (\n{lines}\n)", "CREATE INDEX i ON s.t (a)", "CREATE VIEW s.v AS\nSELECT 1"]
    changed = shape_of_statements(
        [
            *first,
            "ALTER TABLE s.t ADD c INTEGER NULL",
            "ALTER TABLE s.t DROP COLUMN b",
            "ALTER TABLE s.t ALTER COLUMN a BIGINT NOT NULL",
            "ALTER TABLE s.t DROP CONSTRAINT ck_t_a",
            "DROP INDEX i ON s.t",
            "DROP VIEW s.v",
        ]
    )
    assert changed == {"table t": "", "column t.a": "1: BIGINT NOT NULL", "column t.c": "2: INTEGER NULL"}
    assert shape_of_statements([*first[:1], "DROP TABLE s.t"]) == {}
    with pytest.raises(AssertionError, match=r"cannot read.*RENAME"):
        shape_of_statements([*first, "ALTER TABLE s.t RENAME COLUMN a TO z"])


# --- databases with rows ------------------------------------------------------------------------------------------------
def test_the_stored_warehouse_has_rows_in_every_table_and_view(make, tmp_path):
    released = make("released.db", stored.stored_revisions()[-1])
    rows = stored.rows_of(make(stored.load(stored.stored_revisions()[-1], tmp_path / "stored.db").name), None)
    assert all(rows.values()) and set(rows) == set(stored.rows_of(released, None))
    shown = stored.view_rows(make("stored.db"), None)
    assert {name for name, found in shown.items() if found} == stored.stored_views()


@pytest.mark.parametrize("revision", stored.stored_revisions())
def test_the_warehouse_of_a_released_version_goes_to_head_and_works_on(make, tmp_path, revision):
    engine = make(stored.load(revision, tmp_path / "w.db").name)
    assert m.current_revision(engine, None) == revision
    before = stored.rows_of(engine, None)
    made_there = make("made.db", revision)
    assert differences(shape_of_database(engine, None), shape_of_database(made_there, None)) == [], (
        "the revision makes today what it made in the released version"
    )
    m.migrate(engine, None)
    m.check_head(engine, None)
    stored.check_kept(before, stored.rows_of(engine, None))
    shown = stored.view_rows(engine, None)
    assert all(shown[name] for name in stored.stored_views() & shown.keys())
    assert differences(shape_of_database(engine, None), rendered()) == []
    settings = load_settings(home=tmp_path, warehouse_url=str(engine.url))
    publisher = Publisher(engine, settings)
    newest = max(row["id"] for row in before["publication"])
    report = publisher.load(write_rows(tmp_path / "p", known_rows()), run_id="n3", model_version="m3")
    assert report.publication_id == newest + 1
    publisher.publish(report.publication_id)
    assert publisher.rollback().publication_id == newest
    assert stored.view_rows(engine, None)["routing_flat"] == shown["routing_flat"]


@pytest.mark.slow
@pytest.mark.parametrize("revision", EARLIER)
def test_an_upgrade_keeps_the_rows_and_the_views_return_them(make, rows, revision):
    old, head = make("old.db", revision), make("head.db", "head")
    stored.check_upgrade((old, None), (head, None), rows)
    shown = stored.view_rows(old, None)
    assert len(shown["routing_flat"]) == len(shown["routing_lot_times"]) == 4
    assert len(shown["bop_proc_master"]) == len(shown["routing_candidates"]) == 3


@pytest.mark.slow
@pytest.mark.parametrize(("revision", "earlier"), list(zip(m.revisions()[1:], EARLIER, strict=True)))
def test_a_downgrade_by_one_keeps_the_rows_of_what_stays(make, rows, revision, earlier):
    places = (make("later.db", revision), None), (make("earlier.db", earlier), None)
    stored.check_downgrade(*places, earlier, rows)


# --- a new revision -----------------------------------------------------------------------------------------------------
@pytest.fixture
def copy(tmp_path, monkeypatch):
    """A private copy of the migrations, to which revisions can be added."""
    folder = tmp_path / "migrations"
    shutil.copytree(m.script_location(), folder, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(m, "script_location", lambda: folder)
    return folder / "versions"


def test_a_changed_and_a_new_view_reach_a_database_by_a_rendered_revision(make, rows, copy, monkeypatch):
    head, following = m.head_revision(), f"{int(m.head_revision()) + 1:04}"
    old = make("old.db", "head")
    stored.insert(old, None, rows)
    shape = shape_of_database(old, None)
    monkeypatch.setitem(views._VIEWS, "routing_flat", another(views._VIEWS["routing_flat"]))
    monkeypatch.setitem(views._VIEWS, "routing_new", views._VIEWS["routing_abstained"])
    monkeypatch.setattr("new_revision.VIEW_NAMES", tuple(views._VIEWS))
    write(copy, f"{following}_more_columns", ["routing_flat", "routing_new"])
    assert m.head_revision() == following
    m.migrate(old, None)
    assert differences(shape_of_database(old, None), rendered()) == []
    assert [row[-1] for row in stored.view_rows(old, None)["routing_flat"]] == [1] * 4
    for dialect in ("mssql", "postgresql"):
        assert (
            differences(
                shape_of_script(m.migrate_sql(dialect, "plan"), dialect), shape_of_code(dialect, "plan")
            )
            == []
        )
    m.downgrade(old, None, head)
    assert shape_of_database(old, None) == shape


@pytest.mark.parametrize(
    ("name", "view", "message"),
    [("0099_far", "routing_flat", r"'0099_far' does not follow"), ("0005_x", "flat", "no view flat")],
)
def test_a_revision_that_cannot_be_rendered_is_refused(copy, name, view, message):
    with pytest.raises(ConfigurationError, match=message):
        write(copy, name, [view])
    assert not list(copy.glob(f"{name}*"))
