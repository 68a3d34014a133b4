"""The T-SQL for DBAs and the ERP team: it parses, and names only what exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import sqlglot
from sqlglot import exp

from routing_etl.warehouse.schema import tables
from routing_etl.warehouse.views import VIEW_NAMES, view_selects

SQL = Path(__file__).resolve().parents[3] / "sql"
FILES = sorted(p.name for p in SQL.glob("*.sql"))
SCHEMA = tables("routing")
COLUMNS = {
    **{t.name: {c.name.lower() for c in t.c} for t in SCHEMA.metadata.sorted_tables},
    **{n: {c.name.lower() for c in s.selected_columns} for n, s in view_selects("routing", "mssql").items()},
}


def batches(name: str) -> list[str]:
    """The file's batches, comments removed."""
    text = re.sub(r"--.*$", "", (SQL / name).read_text(encoding="utf-8"), flags=re.M)
    return [b for b in re.split(r"^GO\s*$", text, flags=re.M) if b.strip()]


def trees(name: str) -> list[exp.Expression]:
    """Every statement, parsed."""
    parsed = []
    for batch in batches(name):
        parsed += sqlglot.parse(batch, read="tsql", error_level=sqlglot.ErrorLevel.RAISE)
    return [t for t in parsed if t is not None]


def test_the_files_are_there():
    assert {"roles_and_grants.sql", "trend_queries.sql", "retention.sql", "screen_view_example.sql"} <= set(
        FILES
    )


@pytest.mark.parametrize("name", FILES)
def test_parses_as_t_sql(name):
    assert trees(name)


@pytest.mark.parametrize("name", FILES)
def test_names_only_tables_and_views_of_ours(name):
    text = "\n".join(batches(name))
    named = set(re.findall(r"\brouting\.([A-Za-z_]+)", text))
    assert named
    assert named <= set(COLUMNS), named - set(COLUMNS)


@pytest.mark.parametrize("name", ["trend_queries.sql", "screen_view_example.sql"])
def test_queries_name_only_columns_that_exist(name):
    for tree in trees(name):
        for select in tree.find_all(exp.Select):
            sources = [t for t in select.find_all(exp.Table) if t.db == "routing"]
            others = [t for t in select.find_all(exp.Table) if t.db != "routing"]
            if others or not sources:
                continue
            known = set().union(*(COLUMNS[t.name] for t in sources))
            known |= {a.alias.lower() for a in select.find_all(exp.Alias)}
            used = {c.name.lower() for c in select.find_all(exp.Column)} - {"second", "year"}
            assert used <= known, used - known


def test_every_view_is_granted_to_someone():
    granted = set(re.findall(r"GRANT SELECT ON routing\.(\w+)", "\n".join(batches("roles_and_grants.sql"))))
    assert set(VIEW_NAMES) <= granted


def test_the_erp_reader_gets_no_table_and_no_write():
    text = "\n".join(batches("roles_and_grants.sql"))
    lines = [line for line in text.splitlines() if "TO routing_erp_reader" in line]
    assert lines and all(re.match(r"GRANT SELECT ON routing\.routing_\w+ TO", line) for line in lines)


def test_the_readme_names_every_file_and_view():
    readme = (SQL / "README.md").read_text(encoding="utf-8")
    for name in FILES:
        assert name in readme
    for name in VIEW_NAMES:
        assert name in readme
