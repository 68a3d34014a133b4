"""Nothing in a view hides the item from a seek: the texts are read, and the lint is shown what it must find."""

from __future__ import annotations

import pytest
from view_lint import WINDOWED, faults, text_of, views_by_item

from routing_etl.warehouse.migrate import DIALECTS
from routing_etl.warehouse.views import VIEW_NAMES

BY_ITEM = views_by_item()


def test_the_views_of_the_screens_are_known():
    assert {"routing_flat", "routing_candidates", "bop_proc_master", "bop_proc_detail", "bop_proc_res"} < set(
        BY_ITEM
    )
    assert set(VIEW_NAMES) - set(BY_ITEM) == {
        "model_quality_trend",
        "batch_run_summary",
        "batch_run_rejects",
        "bop_proc_child",
        "data_health",
        "model_decisions",
        "model_realised",
        "acceptance_by_week",
        "rejection_reasons",
        "families_by_month",
        "edits_by_family",
        "rejects_by_rule",
        "time_profile_changes",
        "published_by_night",
        "publication_shown",
        "freshness",
        "who_did_what",
        "publication_changes",
        "publication_item_changes",
    }


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("view", [v for v in VIEW_NAMES if v not in WINDOWED])
def test_nothing_hides_the_key(view, dialect):
    assert faults(text_of(view, dialect), dialect, by_item=view in BY_ITEM) == []


HIDING = {
    "a window function": "SELECT ROW_NUMBER() OVER (ORDER BY c.item_cd) AS id, c.item_cd FROM c",
    "DISTINCT": "SELECT DISTINCT c.item_cd FROM c",
    "GROUP BY": "SELECT c.item_cd, COUNT(*) AS n FROM c GROUP BY c.item_cd",
    "UNION or another set operation": "SELECT c.item_cd FROM c UNION ALL SELECT d.item_cd FROM d",
    "TOP or LIMIT": "SELECT TOP (5) c.item_cd FROM c",
    "a common table expression": "WITH d AS (SELECT c.item_cd FROM c) SELECT d.item_cd FROM d",
    "a derived table: d": "SELECT d.item_cd FROM p JOIN (SELECT c.item_cd, c.n FROM c) AS d ON d.n = p.n",
    "an outer join: c": "SELECT c.item_cd FROM p LEFT JOIN c ON c.n = p.n",
    "UPPER(o.item_cd) is compared": "SELECT c.item_cd FROM c JOIN o ON UPPER(o.item_cd) = c.item_cd",
    "CAST(c.n AS TEXT) is compared": "SELECT c.item_cd FROM c JOIN o ON o.n = CAST(c.n AS TEXT)",
    "item_cd is TRIM(c.item_cd), no column of a table": "SELECT TRIM(c.item_cd) AS ITEM_CD FROM c",
    "item_cd is c.item_key, no column of a table": "SELECT c.item_key AS item_cd FROM c",
    "item_cd is not there, no column of a table": "SELECT c.n FROM c",
}


@pytest.mark.parametrize("what", HIDING)
def test_the_lint_finds_what_hides_the_key(what):
    assert faults(f"CREATE VIEW v AS {HIDING[what]}", "mssql", by_item=True) == [what]


def test_functions_on_a_key_are_found_in_exists_too():
    text = "CREATE VIEW v AS SELECT c.item_cd FROM c WHERE NOT EXISTS (SELECT 1 FROM o WHERE c.n = o.n + 1)"
    assert faults(text, "mssql", by_item=True) == ["o.n + 1 is compared"]
